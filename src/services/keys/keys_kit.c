/* SPDX-License-Identifier: Apache-2.0 */
#include "keys_kit.h"

#include <string.h>

#include "souk/base/check.h"

static void make_policy(struct keys_kit *kit)
{
	struct souk_key_terms terms;
	souk_umbral_key_generate(&kit->delegating, &kit->rng);
	souk_umbral_key_generate(&kit->receiving, &kit->rng);
	souk_umbral_key_generate(&kit->signer, &kit->rng);
	SOUK_CHECK(souk_umbral_delegate(kit->kfrags, KEYS_KIT_THRESHOLD, KEYS_KIT_SHARES,
			   &kit->delegating, &kit->receiving.point, &kit->signer, true, true,
			   &kit->rng) == SOUK_OK);
	souk_keys_terms_of(&terms, &kit->kfrags[0], &kit->delegating.point, &kit->receiving.point,
		&kit->signer.point, KEYS_KIT_THRESHOLD, (struct souk_amount){5});
	souk_keys_agreement_set(&kit->agreement, &terms);
}

static void make_agreement(struct keys_kit *kit)
{
	kit->genesis = (struct souk_genesis){
		.version = 1, .operator= kit->sequencer.address, .epoch_ms = 1000};
	kit->agreement.version = 1;
	kit->agreement.ledger = souk_genesis_digest(&kit->genesis);
	kit->agreement.provider = kit->proxy.address;
	kit->agreement.customer = kit->owner.address;
	kit->agreement.deposit = (struct souk_amount){1000};
	kit->agreement.bond = (struct souk_amount){10};
	kit->agreement.respond_ms = KEYS_KIT_RESPOND;
	kit->agreement.ends = (struct souk_time){KEYS_KIT_ENDS};
	make_policy(kit);
	kit->id = souk_agreement_digest(&kit->agreement);
	SOUK_CHECK(souk_keys_policy_parse(&kit->policy, &kit->agreement) == SOUK_OK);
	SOUK_CHECK(souk_keys_kfrag_check(&kit->policy, &kit->kfrags[0]) == SOUK_OK);
}

static void open_session(struct keys_kit *kit, uint32_t units)
{
	struct souk_grant *grant = &kit->grant.grant;
	struct souk_hash secret;
	*grant = (struct souk_grant){.version = 1,
		.provider = kit->proxy.address,
		.price = {5},
		.units = units,
		.window = 4,
		.expires = {KEYS_KIT_ENDS}};
	souk_secret_rng_fill(&kit->rng, &grant->session, sizeof grant->session);
	souk_secret_rng_fill(&kit->rng, &secret, sizeof secret);
	souk_chain_init(&kit->chain, souk_chain_tag_key, &grant->session, units, &secret);
	grant->key_anchor = kit->chain.anchor;
	grant->key_checkpoints = kit->chain.checkpoint_root;
	souk_chain_checkpoint_leaves(&kit->chain, kit->key_leaves);
	grant->session_key = kit->proxy.pubkey;
	souk_grant_sign(&kit->grant, &kit->proxy);
}

void keys_kit_init(struct keys_kit *kit, uint64_t seed, uint32_t units)
{
	uint8_t bytes[32] = {0};
	souk_store_be64(bytes, seed);
	memset(kit, 0, sizeof *kit);
	souk_secret_rng_init(&kit->rng, bytes);
	souk_identity_generate(&kit->owner, &kit->rng);
	souk_identity_generate(&kit->proxy, &kit->rng);
	souk_identity_generate(&kit->sequencer, &kit->rng);
	souk_secret_rng_fill(&kit->rng, kit->secret, sizeof kit->secret);
	make_agreement(kit);
	open_session(kit, units);
}

void keys_kit_ask(struct keys_kit *kit, struct souk_key_request *ret, uint32_t count)
{
	memset(ret, 0, sizeof *ret);
	ret->capsules.count = (uint16_t)count;
	for (uint32_t i = 0; i < count; i++) {
		struct souk_umbral_capsule capsule;
		struct souk_umbral_seed seed;
		souk_umbral_encapsulate(&capsule, &seed, &kit->delegating.point, &kit->rng);
		souk_umbral_capsule_format_simple(ret->capsules.items[i].bytes.data, &capsule);
		ret->capsules.items[i].bytes.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
	}
}

struct souk_unit_cipher keys_kit_cipher(
	struct keys_kit *kit, uint32_t unit, const struct souk_key_request *request)
{
	struct souk_hash key = souk_chain_value(&kit->chain, unit);
	return souk_unit_cipher_of(
		&kit->grant.grant.session, unit, souk_keys_request_number(request), &key);
}

void keys_kit_serve(struct keys_kit *kit, struct souk_key_reply *ret,
	const struct souk_key_request *request, uint32_t unit)
{
	struct souk_umbral_capsule capsules[SOUK_KEYS_BATCH_MAX];
	struct souk_unit_cipher cipher = keys_kit_cipher(kit, unit, request);
	uint32_t index;
	SOUK_CHECK(souk_keys_request_parse(capsules, &index, request,
			   souk_keys_request_number(request)) == SOUK_OK);
	souk_keys_serve(ret, request, capsules, &kit->id, &kit->grant.grant.session, unit,
		&kit->kfrags[0], &cipher, kit->secret);
	souk_keys_reply_sign(ret, &kit->proxy);
}

static uint32_t leaves_of(struct souk_hash ret[SOUK_KEYS_BATCH_MAX],
	const struct souk_key_reply *reply, const struct souk_key_request *request)
{
	for (uint32_t i = 0; i < request->capsules.count; i++)
		ret[i] = souk_keys_leaf(request->capsules.items[i].bytes.data,
			reply->fragments.data + i * SOUK_KEYS_FRAGMENT_SIZE);
	return request->capsules.count;
}

void keys_kit_sign_again(
	struct keys_kit *kit, struct souk_key_reply *reply, const struct souk_key_request *request)
{
	struct souk_hash leaves[SOUK_KEYS_BATCH_MAX];
	uint32_t count = leaves_of(leaves, reply, request);
	reply->statement.statement.root = souk_merkle_root(leaves, count);
	souk_keys_reply_sign(reply, &kit->proxy);
}

void keys_kit_evidence(struct keys_kit *kit, struct souk_key_evidence *ret,
	const struct souk_key_request *request, const struct souk_key_reply *reply, uint32_t index)
{
	const struct souk_key_statement *statement = &reply->statement.statement;
	struct souk_unit_cipher cipher = keys_kit_cipher(kit, statement->unit, request);
	struct souk_hash leaves[SOUK_KEYS_BATCH_MAX];
	struct souk_merkle_path path;
	memset(ret, 0, sizeof *ret);
	ret->session = statement->session;
	ret->unit = statement->unit;
	ret->number = statement->number;
	ret->after = statement->after;
	ret->count = statement->count;
	ret->index = (uint8_t)index;
	memcpy(ret->key.bytes, cipher.key, sizeof ret->key.bytes);
	ret->capsule.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
	memcpy(ret->capsule.data, request->capsules.items[index].bytes.data, ret->capsule.size);
	ret->fragment.size = SOUK_KEYS_FRAGMENT_SIZE;
	memcpy(ret->fragment.data, reply->fragments.data + index * SOUK_KEYS_FRAGMENT_SIZE,
		ret->fragment.size);
	uint32_t count = leaves_of(leaves, reply, request);
	SOUK_CHECK(souk_merkle_prove(&path, leaves, count, index) == SOUK_OK);
	ret->path.count = (uint16_t)path.depth;
	memcpy(ret->path.items, path.siblings, path.depth * sizeof *path.siblings);
	ret->signature = reply->statement.signature;
}

void keys_kit_block(struct keys_kit *kit, struct souk_signed_block_header *ret,
	struct souk_key_request *request, uint64_t ms)
{
	memset(ret, 0, sizeof *ret);
	ret->header.ledger = kit->agreement.ledger;
	ret->header.height = 7;
	ret->header.time = (struct souk_time){ms};
	request->after = souk_block_header_digest(&ret->header);
	souk_ecdsa_sign(&ret->signature, &request->after, &kit->sequencer);
}
