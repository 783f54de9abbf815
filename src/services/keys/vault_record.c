/* SPDX-License-Identifier: Apache-2.0
 *
 * Records, tags and what is sealed. */
#include <string.h>

#include "souk/base/check.h"
#include "vault_internal.h"

/* ---- where ---- */

static struct vault_store_key at(char prefix, const void *name, size_t size)
{
	struct vault_store_key key = {{(uint8_t)prefix}, 1 + size};
	SOUK_CHECK(key.size <= sizeof key.bytes);
	memcpy(key.bytes + 1, name, size);
	return key;
}

struct vault_store_key vault_key_at(const char *label)
{
	return at('K', label, strlen(label));
}

struct vault_store_key vault_version_at(const struct souk_nonce *id, uint32_t number)
{
	struct vault_store_key key = at('V', id->bytes, sizeof id->bytes);
	souk_store_be32(key.bytes + key.size, number);
	key.size += 4;
	return key;
}

struct vault_store_key vault_point_at(const struct souk_pubkey *point)
{
	return at('P', point->bytes, sizeof point->bytes);
}

struct vault_store_key vault_policy_at(const struct souk_nonce *id)
{
	return at('G', id->bytes, sizeof id->bytes);
}

struct vault_store_key vault_policy_point_at(const struct souk_pubkey *point)
{
	return at('Q', point->bytes, sizeof point->bytes);
}

struct vault_store_key vault_entry_at(uint64_t index)
{
	uint8_t name[8];
	souk_store_be64(name, index);
	return at('E', name, sizeof name);
}

struct vault_store_key vault_node_at(uint8_t level, uint64_t index)
{
	uint8_t name[9] = {level};
	souk_store_be64(name + 1, index);
	return at('N', name, sizeof name);
}

static struct vault_store_key log_at(void)
{
	return at('L', "", 0);
}

souk_status vault_next_key(const struct souk_store *store, char prefix, struct souk_bytes after,
	struct souk_bytes *ret_key)
{
	struct vault_store_key from = at(prefix, after.data, after.size);
	struct souk_bytes key, value;
	if (after.size != 0)
		from.bytes[from.size++] = 0;
	SOUK_TRY(souk_store_next(store, vault_view(&from), &key, &value));
	if (key.size == 0 || key.data[0] != (uint8_t)prefix)
		return SOUK_LOCAL_NOT_FOUND;
	*ret_key = souk_bytes_of(key.data + 1, key.size - 1);
	return SOUK_OK;
}

/* ---- tags ---- */

static struct souk_hash tag_of(
	const struct souk_vault *vault, const struct vault_store_key *key, struct souk_bytes value)
{
	uint8_t message[1 + VAULT_STORE_KEY_MAX + SOUK_HASH_SIZE];
	struct souk_hash digest = souk_sha256_of(value.data, value.size);
	message[0] = (uint8_t)key->size;
	memcpy(message + 1, key->bytes, key->size);
	memcpy(message + 1 + key->size, digest.bytes, sizeof digest.bytes);
	return souk_hmac_sha256(souk_bytes_of(vault->keys->mac, sizeof vault->keys->mac),
		souk_bytes_of(message, 1 + key->size + sizeof digest.bytes));
}

static souk_status get(const struct souk_vault *vault, const struct vault_store_key *key,
	struct souk_bytes *ret_value)
{
	struct souk_bytes value;
	SOUK_TRY(souk_store_get(vault->store, vault_view(key), &value));
	if (value.size < VAULT_TAG_SIZE)
		return SOUK_CORRUPT_STORE;
	value.size -= VAULT_TAG_SIZE;
	struct souk_hash tag = tag_of(vault, key, value);
	if (!souk_bytes_equal_secret(tag.bytes, value.data + value.size, VAULT_TAG_SIZE))
		return SOUK_CORRUPT_STORE;
	*ret_value = value;
	return SOUK_OK;
}

/* WRITER has room for the tag. */
static souk_status put(const struct souk_vault *vault, const struct vault_store_key *key,
	struct souk_writer *writer)
{
	struct souk_bytes value;
	SOUK_CHECK(souk_writer_finish(writer, &value) == SOUK_OK);
	struct souk_hash tag = tag_of(vault, key, value);
	souk_writer_append(writer, tag.bytes, VAULT_TAG_SIZE);
	SOUK_CHECK(souk_writer_finish(writer, &value) == SOUK_OK);
	return souk_store_put(vault->store, vault_view(key), value);
}

#define LOAD(name, key)                                                                            \
	do {                                                                                       \
		const struct vault_store_key key_ = (key);                                         \
		struct souk_bytes value_;                                                          \
		SOUK_TRY(get(vault, &key_, &value_));                                              \
		if (souk_##name##_decode(ret, value_, NULL) != SOUK_OK)                            \
			return SOUK_CORRUPT_STORE;                                                 \
	} while (0)

#define SAVE(name, size_max, key, message)                                                         \
	do {                                                                                       \
		const struct vault_store_key key_ = (key);                                         \
		uint8_t bytes_[(size_max) + VAULT_TAG_SIZE];                                       \
		struct souk_writer writer_;                                                        \
		souk_writer_init(&writer_, bytes_, sizeof bytes_);                                 \
		souk_##name##_encode(&writer_, (message));                                         \
		return put(vault, &key_, &writer_);                                                \
	} while (0)

souk_status vault_load_key(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret)
{
	LOAD(vault_key, vault_key_at(label));
	return strcmp(ret->label.text, label) == 0 ? SOUK_OK : SOUK_CORRUPT_STORE;
}

souk_status vault_load_version(const struct souk_vault *vault, const struct souk_nonce *id,
	uint32_t number, struct souk_vault_key_version *ret)
{
	LOAD(vault_key_version, vault_version_at(id, number));
	return ret->number == number ? SOUK_OK : SOUK_CORRUPT_STORE;
}

souk_status vault_load_point(const struct souk_vault *vault, const struct souk_pubkey *point,
	struct souk_vault_point *ret)
{
	LOAD(vault_point, vault_point_at(point));
	return SOUK_OK;
}

souk_status vault_load_policy(
	const struct souk_vault *vault, const struct souk_nonce *id, struct souk_vault_policy *ret)
{
	LOAD(vault_policy, vault_policy_at(id));
	return SOUK_OK;
}

souk_status vault_load_log(const struct souk_vault *vault, struct souk_vault_log *ret)
{
	const struct vault_store_key key = log_at();
	struct souk_bytes value;
	souk_status status = get(vault, &key, &value);
	if (status != SOUK_OK)
		return status == SOUK_LOCAL_NOT_FOUND ? SOUK_CORRUPT_STORE : status;
	return souk_vault_log_decode(ret, value, NULL) == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_STORE;
}

souk_status vault_load_policy_point(
	const struct souk_vault *vault, const struct souk_pubkey *point, struct souk_nonce *ret)
{
	const struct vault_store_key key = vault_policy_point_at(point);
	struct souk_bytes value;
	SOUK_TRY(get(vault, &key, &value));
	if (value.size != sizeof ret->bytes)
		return SOUK_CORRUPT_STORE;
	memcpy(ret->bytes, value.data, sizeof ret->bytes);
	return SOUK_OK;
}

souk_status vault_save_key(const struct souk_vault *vault, const struct souk_vault_key *key)
{
	SAVE(vault_key, SOUK_VAULT_KEY_SIZE_MAX, vault_key_at(key->label.text), key);
}

souk_status vault_save_version(const struct souk_vault *vault, const struct souk_nonce *id,
	const struct souk_vault_key_version *version)
{
	SAVE(vault_key_version, SOUK_VAULT_KEY_VERSION_SIZE_MAX,
		vault_version_at(id, version->number), version);
}

souk_status vault_save_point(const struct souk_vault *vault, const struct souk_pubkey *point,
	const struct souk_vault_point *place)
{
	SAVE(vault_point, SOUK_VAULT_POINT_SIZE_MAX, vault_point_at(point), place);
}

souk_status vault_save_policy(
	const struct souk_vault *vault, const struct souk_vault_policy *policy)
{
	SAVE(vault_policy, SOUK_VAULT_POLICY_SIZE_MAX, vault_policy_at(&policy->id), policy);
}

souk_status vault_save_log(const struct souk_vault *vault, const struct souk_vault_log *log)
{
	SAVE(vault_log, SOUK_VAULT_LOG_SIZE_MAX, log_at(), log);
}

souk_status vault_save_policy_point(const struct souk_vault *vault, const struct souk_pubkey *point,
	const struct souk_nonce *id)
{
	const struct vault_store_key key = vault_policy_point_at(point);
	uint8_t bytes[SOUK_NONCE_SIZE + VAULT_TAG_SIZE];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_writer_append(&writer, id->bytes, sizeof id->bytes);
	return put(vault, &key, &writer);
}

souk_status vault_save_head(const struct souk_store *store, const struct souk_vault_head *head)
{
	uint8_t bytes[SOUK_VAULT_HEAD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes value;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_vault_head_encode(&writer, head);
	SOUK_CHECK(souk_writer_finish(&writer, &value) == SOUK_OK);
	return souk_store_put(store, souk_bytes_of("H", 1), value);
}

souk_status souk_vault_head_load(struct souk_vault_head *ret, const struct souk_store *store)
{
	struct souk_bytes value;
	SOUK_TRY(souk_store_get(store, souk_bytes_of("H", 1), &value));
	return souk_vault_head_decode(ret, value, NULL) == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_STORE;
}

/* ---- secrets at rest ---- */

static size_t associated_of(uint8_t out[128], const char *what, struct souk_bytes name)
{
	struct souk_writer writer;
	struct souk_bytes written;
	souk_writer_init(&writer, out, 128);
	souk_writer_text(&writer, "souk/vault/");
	souk_writer_text(&writer, what);
	souk_writer_u8(&writer, 0);
	souk_writer_append(&writer, name.data, name.size);
	SOUK_CHECK(souk_writer_finish(&writer, &written) == SOUK_OK);
	return written.size;
}

void vault_seal(uint8_t nonce[SOUK_AEAD_NONCE_SIZE], uint8_t *out, const uint8_t key[32],
	const char *what, struct souk_bytes name, struct souk_bytes secret,
	struct souk_secret_rng *rng)
{
	uint8_t associated[128];
	size_t size = associated_of(associated, what, name);
	souk_secret_rng_fill(rng, nonce, SOUK_AEAD_NONCE_SIZE);
	souk_aead_seal(out, key, nonce, souk_bytes_of(associated, size), secret);
}

souk_status vault_unseal(uint8_t *out, size_t size, const uint8_t key[32], const char *what,
	struct souk_bytes name, struct souk_bytes nonce, struct souk_bytes sealed)
{
	uint8_t associated[128];
	size_t associated_size = associated_of(associated, what, name);
	if (nonce.size != SOUK_AEAD_NONCE_SIZE || sealed.size != size + SOUK_AEAD_TAG_SIZE ||
		souk_aead_open(out, key, nonce.data, souk_bytes_of(associated, associated_size),
			sealed) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	return SOUK_OK;
}

struct version_name {
	uint8_t bytes[SOUK_NONCE_SIZE + 4 + SOUK_PUBKEY_SIZE];
};

static struct version_name name_of(
	const struct souk_nonce *id, uint32_t number, const struct souk_pubkey *point)
{
	struct version_name name;
	memcpy(name.bytes, id->bytes, SOUK_NONCE_SIZE);
	souk_store_be32(name.bytes + SOUK_NONCE_SIZE, number);
	memcpy(name.bytes + SOUK_NONCE_SIZE + 4, point->bytes, SOUK_PUBKEY_SIZE);
	return name;
}

souk_status vault_version_key(const struct souk_vault *vault, const struct souk_nonce *id,
	const struct souk_vault_key_version *version, struct souk_umbral_key *ret)
{
	const struct version_name name = name_of(id, version->number, &version->point);
	if (souk_point_parse(&ret->point, version->point.bytes) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	return vault_unseal(ret->secret.bytes, sizeof ret->secret.bytes, vault->keys->seal, "key",
		souk_bytes_of(name.bytes, sizeof name.bytes),
		souk_bytes_of(version->nonce.data, version->nonce.size),
		souk_bytes_of(version->sealed.data, version->sealed.size));
}

struct souk_pubkey vault_pubkey_of(const struct souk_point *point)
{
	struct souk_pubkey pubkey;
	souk_point_format(pubkey.bytes, point);
	return pubkey;
}

souk_status vault_check_point_is_new(
	const struct souk_vault *vault, const struct souk_pubkey *point)
{
	struct souk_vault_point place;
	struct souk_nonce id;
	souk_status status = vault_load_point(vault, point, &place);
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = vault_load_policy_point(vault, point, &id);
	if (status == SOUK_OK)
		return SOUK_LOCAL_EXISTS;
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

souk_status vault_add_version(const struct souk_vault *vault, const struct souk_vault_key *key,
	uint32_t number, struct souk_time created, const struct souk_umbral_key *secret)
{
	struct souk_vault_key_version version = {.version = SOUK_VAULT_KEY_VERSION_VERSION,
		.number = number,
		.created = created,
		.point = vault_pubkey_of(&secret->point),
		.nonce.size = SOUK_AEAD_NONCE_SIZE,
		.sealed.size = 32 + SOUK_AEAD_TAG_SIZE};
	struct souk_vault_point place = {.number = number};
	const struct version_name name = name_of(&key->id, number, &version.point);
	SOUK_TRY(vault_check_point_is_new(vault, &version.point));
	VAULT_COPY_TEXT(place.label, key->label.text);
	vault_seal(version.nonce.data, version.sealed.data, vault->keys->seal, "key",
		souk_bytes_of(name.bytes, sizeof name.bytes),
		souk_bytes_of(secret->secret.bytes, sizeof secret->secret.bytes), vault->rng);
	SOUK_TRY(vault_save_version(vault, &key->id, &version));
	return vault_save_point(vault, &version.point, &place);
}
