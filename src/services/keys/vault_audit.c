/* SPDX-License-Identifier: Apache-2.0
 *
 * Checking a log: by whoever has its entries and the address of its signer. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/merkle.h"
#include "souk/keys/vault.h"

void souk_vault_audit_init(struct souk_vault_audit *audit, const struct souk_address *account)
{
	*audit = (struct souk_vault_audit){.account = *account};
}

/* What of ENTRY is not what it must be; NULL: nothing. */
static const char *wrong_in(
	const struct souk_vault_audit *audit, const struct souk_signed_vault_entry *entry)
{
	const struct souk_hash digest = souk_vault_entry_digest(&entry->entry);
	if (entry->entry.index != audit->entries)
		return "index";
	if (!souk_hash_equal(&entry->entry.previous, &audit->last))
		return "previous";
	if (souk_time_is_before(entry->entry.time, audit->time))
		return "time";
	if (souk_ecdsa_verify(&audit->account, &digest, &entry->signature) != SOUK_OK)
		return "signature";
	return NULL;
}

static void add_leaf(struct souk_vault_audit *audit, struct souk_hash node)
{
	unsigned level = 0;
	for (; audit->entries >> level & 1; level++)
		node = souk_merkle_node(&audit->peaks[level], &node);
	audit->peaks[level] = node;
	audit->entries++;
}

souk_status souk_vault_audit_next(
	struct souk_vault_audit *audit, struct souk_bytes stored, const char **ret_what)
{
	struct souk_signed_vault_entry entry;
	struct souk_wire_error where;
	const char *what;
	if (souk_signed_vault_entry_decode(&entry, stored, &where) != SOUK_OK)
		what = where.field;
	else
		what = wrong_in(audit, &entry);
	if (what != NULL) {
		*ret_what = what;
		return SOUK_CORRUPT_VAULT_LOG;
	}
	audit->last = souk_merkle_leaf(stored);
	audit->time = entry.entry.time;
	add_leaf(audit, audit->last);
	return SOUK_OK;
}

struct souk_hash souk_vault_audit_root(const struct souk_vault_audit *audit)
{
	struct souk_hash node = {{0}};
	bool has = false;
	for (unsigned level = 0; level < 64; level++) {
		if (!(audit->entries >> level & 1))
			continue;
		node = has ? souk_merkle_node(&audit->peaks[level], &node) : audit->peaks[level];
		has = true;
	}
	return node;
}

static souk_status check_path(const struct souk_vault_proof *proof, struct souk_hash node)
{
	uint64_t index = proof->entry.entry.index, width = proof->entries;
	uint16_t used = 0;
	if (index >= width)
		return SOUK_PEER_BAD_PATH;
	for (; width > 1; index >>= 1, width = width / 2 + (width & 1)) {
		if ((index ^ 1) >= width)
			continue;
		if (used == proof->path.count)
			return SOUK_PEER_BAD_PATH;
		const struct souk_hash *sibling = &proof->path.items[used++];
		node = index & 1 ? souk_merkle_node(sibling, &node)
				 : souk_merkle_node(&node, sibling);
	}
	return used == proof->path.count && souk_hash_equal(&node, &proof->root)
		       ? SOUK_OK
		       : SOUK_PEER_BAD_PATH;
}

souk_status souk_vault_proof_check(
	const struct souk_vault_proof *proof, const struct souk_address *account)
{
	uint8_t bytes[SOUK_SIGNED_VAULT_ENTRY_SIZE_MAX];
	const struct souk_hash digest = souk_vault_entry_digest(&proof->entry.entry);
	struct souk_writer writer;
	struct souk_bytes written;
	SOUK_TRY(souk_ecdsa_verify(account, &digest, &proof->entry.signature));
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_vault_entry_encode(&writer, &proof->entry);
	SOUK_CHECK(souk_writer_finish(&writer, &written) == SOUK_OK);
	return check_path(proof, souk_merkle_leaf(written));
}
