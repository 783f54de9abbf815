/* SPDX-License-Identifier: Apache-2.0
 *
 * keys_kit.h - a policy, its proxy under an agreement, and a session with it, for tests and fuzzers
 * of the service and of its judge. */
#ifndef SOUK_KEYS_KIT_H
#define SOUK_KEYS_KIT_H

#include "souk/keys/judge.h"

#define KEYS_KIT_SHARES	   3u
#define KEYS_KIT_THRESHOLD 2u
#define KEYS_KIT_ENDS	   1000000u
#define KEYS_KIT_RESPOND   60000u

struct keys_kit {
	struct souk_secret_rng rng;
	struct souk_identity owner, proxy, sequencer;
	struct souk_umbral_key delegating, receiving, signer;
	struct souk_umbral_kfrag kfrags[KEYS_KIT_SHARES]; /* the proxy has the first */
	struct souk_genesis genesis;
	struct souk_agreement agreement;
	struct souk_hash id;
	struct souk_keys_policy policy;
	struct souk_chain chain; /* of the session's keys */
	struct souk_signed_grant grant;
	struct souk_hash key_leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	uint8_t secret[32];
};

/* A session of UNITS units. SEED fixes every byte of it. */
void keys_kit_init(struct keys_kit *kit, uint64_t seed, uint32_t units);

/* A request for COUNT fresh capsules. */
void keys_kit_ask(struct keys_kit *kit, struct souk_key_request *ret, uint32_t count);
struct souk_unit_cipher keys_kit_cipher(
	struct keys_kit *kit, uint32_t unit, const struct souk_key_request *request);
/* What the kit's proxy answers, signed. */
void keys_kit_serve(struct keys_kit *kit, struct souk_key_reply *ret,
	const struct souk_key_request *request, uint32_t unit);
/* The same of a proxy that has done something to the fragments. */
void keys_kit_sign_again(
	struct keys_kit *kit, struct souk_key_reply *reply, const struct souk_key_request *request);

/* Evidence about item INDEX, whether it convicts or not. */
void keys_kit_evidence(struct keys_kit *kit, struct souk_key_evidence *ret,
	const struct souk_key_request *request, const struct souk_key_reply *reply, uint32_t index);

/* A block of TIME, signed by the operator, that REQUEST names from now on. */
void keys_kit_block(struct keys_kit *kit, struct souk_signed_block_header *ret,
	struct souk_key_request *request, uint64_t ms);

#endif
