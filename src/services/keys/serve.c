/* SPDX-License-Identifier: Apache-2.0
 *
 * A unit: a request, and the reply that a proxy signs. */
#include <string.h>

#include "keys_internal.h"
#include "souk/base/check.h"
#include "souk/crypto/cipher.h"
#include "souk/crypto/sha256.h"

#define CAPSULE_SIZE  SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE
#define FRAGMENT_SIZE SOUK_KEYS_FRAGMENT_SIZE

uint64_t souk_keys_request_number(const struct souk_key_request *request)
{
	struct souk_hash digest = souk_key_request_digest(request);
	return souk_load_be64(digest.bytes);
}

struct souk_hash keys_lock_of(const uint8_t key[32])
{
	return souk_sha256_domain("key_lock", souk_bytes_of(key, 32));
}

struct souk_hash souk_keys_lock(const struct souk_unit_cipher *cipher)
{
	return keys_lock_of(cipher->key);
}

void keys_fragment_xor(uint8_t out[FRAGMENT_SIZE], const uint8_t in[FRAGMENT_SIZE],
	const uint8_t key[32], const uint8_t capsule[CAPSULE_SIZE])
{
	static const uint8_t nonce[12];
	uint8_t message[32 + CAPSULE_SIZE];
	memcpy(message, key, 32);
	memcpy(message + 32, capsule, CAPSULE_SIZE);
	struct souk_hash derived =
		souk_sha256_domain("key_cover", souk_bytes_of(message, sizeof message));
	souk_chacha20_xor(out, in, FRAGMENT_SIZE, derived.bytes, nonce, 0);
	souk_bytes_wipe(message, sizeof message);
	souk_bytes_wipe(&derived, sizeof derived);
}

struct souk_hash souk_keys_leaf(
	const uint8_t capsule[CAPSULE_SIZE], const uint8_t fragment[FRAGMENT_SIZE])
{
	uint8_t message[CAPSULE_SIZE + FRAGMENT_SIZE];
	memcpy(message, capsule, CAPSULE_SIZE);
	memcpy(message + CAPSULE_SIZE, fragment, FRAGMENT_SIZE);
	return souk_merkle_leaf(souk_bytes_of(message, sizeof message));
}

/* Over what is in REPLY. */
static struct souk_hash root_of(
	const struct souk_key_reply *reply, const struct souk_key_request *request)
{
	struct souk_hash leaves[SOUK_KEYS_BATCH_MAX];
	for (size_t i = 0; i < request->capsules.count; i++)
		leaves[i] = souk_keys_leaf(request->capsules.items[i].bytes.data,
			reply->fragments.data + i * FRAGMENT_SIZE);
	return souk_merkle_root(leaves, request->capsules.count);
}

/* ---- a proxy ---- */

souk_status souk_keys_request_parse(struct souk_umbral_capsule ret[SOUK_KEYS_BATCH_MAX],
	uint32_t *ret_index, const struct souk_key_request *request, uint64_t number)
{
	if (request->capsules.count == 0 || souk_keys_request_number(request) != number)
		return SOUK_PEER_BAD_REQUEST;
	struct souk_bytes items[SOUK_KEYS_BATCH_MAX];
	size_t bad = 0;
	for (size_t i = 0; i < request->capsules.count; i++)
		items[i] = souk_bytes_of(request->capsules.items[i].bytes.data,
			request->capsules.items[i].bytes.size);
	souk_status status =
		souk_umbral_capsules_parse_simple(ret, &bad, items, request->capsules.count);
	if (status != SOUK_OK)
		*ret_index = (uint32_t)bad;
	return status;
}

/* What the proof's nonce is made from beside the key fragment: the same for the same capsule in the
 * same unit, so that a request that comes twice has one reply. */
static struct souk_hash fresh_of(const uint8_t secret[32], const struct souk_hash *agreement,
	const struct souk_nonce *session, uint32_t unit, const uint8_t capsule[CAPSULE_SIZE])
{
	uint8_t message[32 + SOUK_HASH_SIZE + SOUK_NONCE_SIZE + 4 + CAPSULE_SIZE], *at = message;
	memcpy(at, secret, 32);
	memcpy(at += 32, agreement->bytes, SOUK_HASH_SIZE);
	memcpy(at += SOUK_HASH_SIZE, session->bytes, SOUK_NONCE_SIZE);
	souk_store_be32(at += SOUK_NONCE_SIZE, unit);
	memcpy(at += 4, capsule, CAPSULE_SIZE);
	struct souk_hash fresh =
		souk_sha256_domain("key_proof", souk_bytes_of(message, sizeof message));
	souk_bytes_wipe(message, sizeof message);
	return fresh;
}

void souk_keys_serve(struct souk_key_reply *ret, const struct souk_key_request *request,
	const struct souk_umbral_capsule *capsules, const struct souk_hash *agreement,
	const struct souk_nonce *session, uint32_t unit, const struct souk_umbral_kfrag *kfrag,
	const struct souk_unit_cipher *cipher, const uint8_t secret[32])
{
	struct souk_umbral_cfrag cfrags[SOUK_KEYS_BATCH_MAX];
	struct souk_hash fresh[SOUK_KEYS_BATCH_MAX];
	size_t count = request->capsules.count;
	SOUK_CHECK(count > 0 && count <= SOUK_KEYS_BATCH_MAX); /* as it was parsed */
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i < count; i++)
		fresh[i] = fresh_of(
			secret, agreement, session, unit, request->capsules.items[i].bytes.data);
	souk_umbral_reencrypt_all(cfrags, capsules, count, kfrag, fresh);
	for (size_t i = 0; i < count; i++) {
		uint8_t *fragment = ret->fragments.data + i * FRAGMENT_SIZE;
		souk_keys_fragment_format(fragment, &cfrags[i]);
		keys_fragment_xor(
			fragment, fragment, cipher->key, request->capsules.items[i].bytes.data);
	}
	souk_bytes_wipe(fresh, sizeof fresh);
	ret->fragments.size = (uint16_t)(count * FRAGMENT_SIZE);
	ret->statement.statement = (struct souk_key_statement){
		.version = SOUK_EXCHANGE_VERSION,
		.agreement = *agreement,
		.session = *session,
		.unit = unit,
		.number = souk_keys_request_number(request),
		.after = request->after,
		.lock = souk_keys_lock(cipher),
		.count = (uint8_t)count,
		.root = root_of(ret, request),
	};
}

void souk_keys_reply_sign(struct souk_key_reply *reply, const struct souk_identity *proxy)
{
	struct souk_hash digest = souk_key_statement_digest(&reply->statement.statement);
	souk_ecdsa_sign(&reply->statement.signature, &digest, proxy);
}

/* ---- a receiver ---- */

souk_status souk_keys_reply_check(const struct souk_key_reply *reply,
	const struct souk_key_request *request, const struct souk_hash *agreement,
	const struct souk_nonce *session, uint32_t unit, const struct souk_address *proxy)
{
	const struct souk_key_statement *statement = &reply->statement.statement;
	size_t count = request->capsules.count;
	if (!souk_hash_equal(&statement->agreement, agreement) ||
		memcmp(&statement->session, session, sizeof *session) != 0 ||
		statement->unit != unit || statement->number != souk_keys_request_number(request) ||
		!souk_hash_equal(&statement->after, &request->after) || statement->count != count)
		return SOUK_PEER_BAD_STATEMENT;
	if (count == 0 || reply->fragments.size != count * FRAGMENT_SIZE)
		return SOUK_PEER_WRONG_LENGTH;
	struct souk_hash root = root_of(reply, request);
	if (!souk_hash_equal(&statement->root, &root))
		return SOUK_PEER_BAD_STATEMENT;
	struct souk_hash digest = souk_key_statement_digest(statement);
	return souk_ecdsa_verify(proxy, &digest, &reply->statement.signature);
}

souk_status souk_keys_reply_open(uint8_t ret[SOUK_KEYS_BATCH_MAX][FRAGMENT_SIZE],
	const struct souk_key_reply *reply, const struct souk_key_request *request,
	const struct souk_unit_cipher *cipher)
{
	struct souk_hash lock = souk_keys_lock(cipher);
	if (!souk_hash_equal(&reply->statement.statement.lock, &lock))
		return SOUK_PEER_BAD_KEY;
	for (size_t i = 0; i < request->capsules.count; i++)
		keys_fragment_xor(ret[i], reply->fragments.data + i * FRAGMENT_SIZE, cipher->key,
			request->capsules.items[i].bytes.data);
	return SOUK_OK;
}
