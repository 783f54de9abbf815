/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of a vault: entries, and a tree over them that grows with it.
 *
 * A complete subtree of 2^k entries never changes, so its hash is kept as soon as it is complete:
 * an entry costs one or two hashes, a root or a path as many look-ups as the tree has levels. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/merkle.h"
#include "vault_internal.h"

#define LEVELS 64u

static souk_status load_bytes(
	const struct souk_vault *vault, const struct vault_store_key *key, struct souk_bytes *ret)
{
	souk_status status = souk_store_get(vault->store, vault_view(key), ret);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_CORRUPT_VAULT_LOG : status;
}

/* Node INDEX of LEVEL, which is complete. */
static souk_status load_node(
	const struct souk_vault *vault, uint8_t level, uint64_t index, struct souk_hash *ret)
{
	const struct vault_store_key key =
		level == 0 ? vault_entry_at(index) : vault_node_at(level, index);
	struct souk_bytes value;
	SOUK_TRY(load_bytes(vault, &key, &value));
	if (level == 0) {
		*ret = souk_merkle_leaf(value);
		return SOUK_OK;
	}
	if (value.size != SOUK_HASH_SIZE)
		return SOUK_CORRUPT_VAULT_LOG;
	memcpy(ret->bytes, value.data, SOUK_HASH_SIZE);
	return SOUK_OK;
}

static souk_status save_node(
	const struct souk_vault *vault, uint8_t level, uint64_t index, const struct souk_hash *node)
{
	const struct vault_store_key key = vault_node_at(level, index);
	return souk_store_put(
		vault->store, vault_view(&key), souk_bytes_of(node->bytes, sizeof node->bytes));
}

/* Keep what entry INDEX completes. */
static souk_status grow(const struct souk_vault *vault, uint64_t index, struct souk_hash node)
{
	for (uint8_t level = 0; index & 1; level++, index >>= 1) {
		struct souk_hash left;
		SOUK_TRY(load_node(vault, level, index - 1, &left));
		node = souk_merkle_node(&left, &node);
		SOUK_TRY(save_node(vault, level + 1, index >> 1, &node));
	}
	return SOUK_OK;
}

/* The node over the last COUNT mod 2^LEVEL of COUNT entries, which are some: an odd node at the end
 * of a row moves up, so the small subtrees hang to the right of the large ones. */
static souk_status fold(
	const struct souk_vault *vault, uint64_t count, unsigned levels, struct souk_hash *ret)
{
	struct souk_hash node, left;
	bool has = false;
	for (unsigned level = 0; level < levels; level++) {
		if (!(count >> level & 1))
			continue;
		SOUK_TRY(load_node(vault, (uint8_t)level, (count >> level) - 1, &left));
		node = has ? souk_merkle_node(&left, &node) : left;
		has = true;
	}
	SOUK_CHECK(has);
	*ret = node;
	return SOUK_OK;
}

static void sign(struct souk_signed_vault_entry *entry, const struct souk_identity *identity)
{
	const struct souk_hash digest = souk_vault_entry_digest(&entry->entry);
	souk_ecdsa_sign(&entry->signature, &digest, identity);
}

static souk_status append(const struct souk_vault *vault, struct souk_signed_vault_entry *entry)
{
	uint8_t bytes[SOUK_SIGNED_VAULT_ENTRY_SIZE_MAX];
	struct souk_vault_log log;
	struct souk_writer writer;
	struct souk_bytes written;
	SOUK_TRY(vault_load_log(vault, &log));
	const struct vault_store_key key = vault_entry_at(log.entries);
	entry->entry.index = log.entries;
	entry->entry.previous = log.last;
	/* The log's time never goes back, whatever the clock does. */
	entry->entry.time = souk_time_is_before(vault->now, log.time) ? log.time : vault->now;
	sign(entry, vault->identity);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_vault_entry_encode(&writer, entry);
	SOUK_CHECK(souk_writer_finish(&writer, &written) == SOUK_OK);
	SOUK_TRY(souk_store_put(vault->store, vault_view(&key), written));
	log.last = souk_merkle_leaf(written);
	log.time = entry->entry.time;
	SOUK_TRY(grow(vault, log.entries, log.last));
	log.entries++;
	return vault_save_log(vault, &log);
}

souk_status vault_logged(const struct souk_vault *vault, const char *operation, const char *label,
	uint32_t number, souk_status status, const struct souk_hash *subject)
{
	struct souk_signed_vault_entry entry = {.entry = {.version = SOUK_VAULT_ENTRY_VERSION,
							.number = number,
							.result = (uint16_t)status}};
	if (!souk_vault_commits(status) || status == SOUK_LOCAL_KEY_RATE)
		return status;
	VAULT_COPY_TEXT(entry.entry.operation, operation);
	VAULT_COPY_TEXT(entry.entry.label, label);
	VAULT_COPY_TEXT(entry.entry.actor, vault->actor);
	if (subject != NULL)
		entry.entry.subject = *subject;
	/* Without its entry it did not happen: whatever fails here must not be committed. */
	souk_status written = append(vault, &entry);
	if (written != SOUK_OK)
		return souk_vault_commits(written) ? SOUK_CORRUPT_STORE : written;
	return status;
}

souk_status souk_vault_log_add(const struct souk_vault *vault, const char *operation,
	const char *label, uint32_t number, souk_status result, const struct souk_hash *subject)
{
	souk_status status = vault_logged(vault, operation, label, number, result, subject);
	return status == result ? SOUK_OK : status;
}

souk_status souk_vault_log_load(const struct souk_vault *vault, struct souk_vault_log *ret)
{
	return vault_load_log(vault, ret);
}

souk_status souk_vault_log_stored(
	const struct souk_vault *vault, uint64_t index, struct souk_bytes *ret)
{
	const struct vault_store_key key = vault_entry_at(index);
	return souk_store_get(vault->store, vault_view(&key), ret);
}

souk_status souk_vault_log_entry(
	const struct souk_vault *vault, uint64_t index, struct souk_signed_vault_entry *ret)
{
	struct souk_bytes value;
	SOUK_TRY(souk_vault_log_stored(vault, index, &value));
	return souk_signed_vault_entry_decode(ret, value, NULL) == SOUK_OK ? SOUK_OK
									   : SOUK_CORRUPT_VAULT_LOG;
}

souk_status souk_vault_log_root(
	const struct souk_vault *vault, uint64_t count, struct souk_hash *ret)
{
	struct souk_vault_log log;
	SOUK_TRY(vault_load_log(vault, &log));
	if (count == 0 || count > log.entries)
		return SOUK_LOCAL_NOT_FOUND;
	return fold(vault, count, LEVELS, ret);
}

/* The path as souk_merkle_verify wants it, which has no room for as many levels. */
static souk_status collect_path(
	const struct souk_vault *vault, uint64_t index, struct souk_vault_proof *proof)
{
	uint64_t width = proof->entries;
	for (unsigned level = 0; width > 1; level++, index >>= 1, width = (width + 1) >> 1) {
		uint64_t sibling = index ^ 1;
		struct souk_hash *hash = &proof->path.items[proof->path.count];
		if (sibling >= width)
			continue;
		bool is_complete = sibling < proof->entries >> level;
		SOUK_TRY(is_complete ? load_node(vault, (uint8_t)level, sibling, hash)
				     : fold(vault, proof->entries, level, hash));
		proof->path.count++;
	}
	return SOUK_OK;
}

souk_status souk_vault_log_prove(const struct souk_vault *vault, uint64_t index, uint64_t count,
	struct souk_vault_proof *ret)
{
	struct souk_vault_proof proof = {.entries = count};
	if (index >= count)
		return SOUK_LOCAL_NOT_FOUND;
	SOUK_TRY(souk_vault_log_root(vault, count, &proof.root));
	SOUK_TRY(souk_vault_log_entry(vault, index, &proof.entry));
	SOUK_TRY(collect_path(vault, index, &proof));
	*ret = proof;
	return SOUK_OK;
}

souk_status souk_vault_log_anchored(const struct souk_vault *vault, uint64_t count)
{
	struct souk_vault_log log;
	SOUK_TRY(vault_load_log(vault, &log));
	if (count > log.entries)
		return SOUK_LOCAL_STATE;
	if (count <= log.anchored)
		return SOUK_OK;
	log.anchored = count;
	return vault_save_log(vault, &log);
}
