/* SPDX-License-Identifier: Apache-2.0
 *
 * judge_kit.h - sales under an agreement, for tests and fuzzers of the judge: a provider and a
 * customer as they are, and a provider whose bytes can be spoiled before it signs. */
#ifndef SOUK_CONTENT_JUDGE_KIT_H
#define SOUK_CONTENT_JUDGE_KIT_H

#include "market_kit.h"
#include "souk/content/judge.h"

#define JUDGE_KIT_SIZE_MAX  (1u << 20)
#define JUDGE_KIT_ROW_MAX   64u
#define JUDGE_KIT_CHUNK_MAX (1u << 18)
/* No bit is spoiled. */
#define JUDGE_KIT_HONEST UINT64_MAX

struct judge_kit {
	uint8_t data[JUDGE_KIT_SIZE_MAX];
	struct souk_hash row[JUDGE_KIT_ROW_MAX];
	struct souk_content content;
	struct kit_provider provider;
	struct kit_payer payer;
	struct souk_customer customer;
	struct souk_identity buyer; /* the agreement's customer */
	struct souk_agreement agreement;
	struct souk_hash id;
};

/* One unit that was delivered. */
struct judge_kit_unit {
	struct souk_signed_unit signed_unit;
	uint8_t cipher[JUDGE_KIT_CHUNK_MAX];
	uint32_t length;
};

/* A content of SIZE bytes, and an open session of UNITS units. SEED fixes every byte of it. */
void judge_kit_init(
	struct judge_kit *kit, uint64_t seed, uint64_t size, uint32_t chunk_size, uint32_t units);

/* Ask for the next unit, for CHUNK; the provider spoils bit SPOIL of the plain bytes and signs. */
void judge_kit_fetch(
	struct judge_kit *kit, struct judge_kit_unit *ret, uint32_t chunk, uint64_t spoil);

/* The key of the last unit comes, and what it was is taken as verified. */
void judge_kit_settle(struct judge_kit *kit, uint32_t unit);

/* Evidence against UNIT, of which the customer knows the key. As souk_content_accuse. */
souk_status judge_kit_accuse(const struct judge_kit *kit, struct souk_content_evidence *ret,
	const struct judge_kit_unit *unit);

/* Whether EVIDENCE convicts the kit's provider under ABOUT. */
souk_status judge_kit_convict(
	const struct souk_agreement *about, const struct souk_content_evidence *evidence);

/* The stored record of the session. */
const struct souk_session_record *judge_kit_record(struct judge_kit *kit);

#endif
