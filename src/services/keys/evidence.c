/* SPDX-License-Identifier: Apache-2.0
 *
 * The other side of judge.c: evidence, answers and receipts of deletion are made here. */
#include <string.h>

#include "keys_internal.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/keys/judge.h"

/* Whether the judge finds guilty by what was written. */
static souk_status judged(const struct souk_agreement *agreement, struct souk_time revoked,
	uint32_t fault, const struct souk_writer *evidence)
{
	SOUK_CHECK(!evidence->full);
	return souk_keys_convict_revoked(
		agreement, revoked, fault, souk_bytes_of(evidence->data, evidence->size));
}

/* ---- fault 1 ---- */

static void put_path(struct souk_key_evidence *evidence, const struct souk_key_request *request,
	const struct souk_key_reply *reply)
{
	struct souk_hash leaves[SOUK_KEYS_BATCH_MAX];
	struct souk_merkle_path path;
	for (size_t i = 0; i < request->capsules.count; i++)
		leaves[i] = souk_keys_leaf(request->capsules.items[i].bytes.data,
			reply->fragments.data + i * SOUK_KEYS_FRAGMENT_SIZE);
	SOUK_CHECK(souk_merkle_prove(&path, leaves, request->capsules.count, evidence->index) ==
		   SOUK_OK);
	SOUK_CHECK(path.depth <= SOUK_COUNT_OF(evidence->path.items));
	evidence->path.count = (uint16_t)path.depth;
	memcpy(evidence->path.items, path.siblings, path.depth * sizeof *path.siblings);
}

souk_status souk_keys_accuse_fragment(struct souk_key_evidence *ret,
	const struct souk_key_request *request, const struct souk_key_reply *reply, uint32_t index,
	const struct souk_unit_cipher *cipher, const struct souk_agreement *agreement)
{
	const struct souk_key_statement *statement = &reply->statement.statement;
	struct souk_key_evidence evidence;
	uint8_t bytes[SOUK_KEY_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	SOUK_CHECK(index < request->capsules.count);
	memset(&evidence, 0, sizeof evidence);
	evidence.session = statement->session;
	evidence.unit = statement->unit;
	evidence.number = statement->number;
	evidence.after = statement->after;
	evidence.count = statement->count;
	evidence.index = (uint8_t)index;
	memcpy(evidence.key.bytes, cipher->key, sizeof evidence.key.bytes);
	evidence.capsule.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
	memcpy(evidence.capsule.data, request->capsules.items[index].bytes.data,
		evidence.capsule.size);
	evidence.fragment.size = SOUK_KEYS_FRAGMENT_SIZE;
	memcpy(evidence.fragment.data, reply->fragments.data + index * SOUK_KEYS_FRAGMENT_SIZE,
		evidence.fragment.size);
	put_path(&evidence, request, reply);
	evidence.signature = reply->statement.signature;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_evidence_encode(&writer, &evidence);
	SOUK_TRY(judged(agreement, agreement->ends, SOUK_KEYS_FAULT_FRAGMENT, &writer));
	*ret = evidence;
	return SOUK_OK;
}

/* ---- fault 2 ---- */

souk_status souk_keys_accuse_late(struct souk_key_late_evidence *ret,
	const struct souk_agreement *agreement, struct souk_time revoked,
	const struct souk_signed_key_statement *statement, const struct souk_genesis *genesis,
	const struct souk_signed_block_header *block,
	const struct souk_signed_key_deletion *deletion)
{
	struct souk_key_late_evidence evidence;
	uint8_t bytes[SOUK_KEY_LATE_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	memset(&evidence, 0, sizeof evidence);
	evidence.statement = *statement;
	evidence.genesis = *genesis;
	evidence.block = *block;
	if (deletion != NULL) {
		evidence.deletion.count = 1;
		evidence.deletion.items[0] = *deletion;
	}
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_late_evidence_encode(&writer, &evidence);
	SOUK_TRY(judged(agreement, revoked, SOUK_KEYS_FAULT_LATE, &writer));
	*ret = evidence;
	return SOUK_OK;
}

/* ---- fault 3 ---- */

souk_status souk_keys_accuse_lock(struct souk_key_lock_evidence *ret,
	const struct souk_key_reply *reply, const struct souk_signed_grant *grant,
	const struct souk_hash *key, const struct souk_hash *key_leaves,
	const struct souk_agreement *agreement)
{
	struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	struct souk_key_lock_evidence evidence;
	uint8_t bytes[SOUK_KEY_LOCK_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	uint32_t unit = reply->statement.statement.unit;
	if (unit == 0 || unit > grant->grant.units || grant->grant.units > SOUK_CHAIN_LENGTH_MAX)
		return SOUK_PEER_BAD_GRANT;
	memset(&evidence, 0, sizeof evidence);
	evidence.statement = reply->statement;
	evidence.grant = *grant;
	evidence.key = *key;
	if (unit >= SOUK_CHAIN_SEGMENT) {
		struct souk_merkle_path path;
		uint32_t count = souk_chain_checkpoint_count(grant->grant.units);
		memcpy(leaves, key_leaves, count * sizeof *leaves);
		SOUK_CHECK(souk_merkle_prove(&path, leaves, count, unit / SOUK_CHAIN_SEGMENT - 1) ==
			   SOUK_OK);
		evidence.key_path.count = (uint16_t)path.depth;
		memcpy(evidence.key_path.items, path.siblings, path.depth * sizeof *path.siblings);
	}
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_lock_evidence_encode(&writer, &evidence);
	SOUK_TRY(judged(agreement, agreement->ends, SOUK_KEYS_FAULT_LOCK, &writer));
	*ret = evidence;
	return SOUK_OK;
}

/* ---- answers ---- */

souk_status souk_keys_answer(struct souk_key_answer *ret, const struct souk_key_question *question,
	const struct souk_umbral_kfrag *kfrag, const uint8_t secret[32])
{
	struct souk_umbral_capsule capsule;
	struct souk_umbral_cfrag cfrag;
	uint8_t message[32 + SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE];
	SOUK_TRY(souk_umbral_capsule_parse_simple(
		&capsule, souk_bytes_of(question->capsule.data, question->capsule.size)));
	memcpy(message, secret, 32);
	memcpy(message + 32, question->capsule.data, SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE);
	struct souk_hash fresh =
		souk_sha256_domain("key_answer_proof", souk_bytes_of(message, sizeof message));
	souk_umbral_reencrypt(&cfrag, &capsule, kfrag, fresh.bytes);
	memset(ret, 0, sizeof *ret);
	ret->fragment.size = SOUK_KEYS_FRAGMENT_SIZE;
	souk_keys_fragment_format(ret->fragment.data, &cfrag);
	souk_bytes_wipe(message, sizeof message);
	souk_bytes_wipe(&fresh, sizeof fresh);
	return SOUK_OK;
}

/* ---- deletion ---- */

void souk_keys_deletion_sign(
	struct souk_signed_key_deletion *deletion, const struct souk_identity *proxy)
{
	struct souk_hash digest = souk_key_deletion_digest(&deletion->deletion);
	souk_ecdsa_sign(&deletion->signature, &digest, proxy);
}

souk_status souk_keys_deletion_verify(
	const struct souk_signed_key_deletion *deletion, const struct souk_address *proxy)
{
	struct souk_hash digest = souk_key_deletion_digest(&deletion->deletion);
	return souk_ecdsa_verify(proxy, &digest, &deletion->signature);
}
