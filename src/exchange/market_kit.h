/* SPDX-License-Identifier: Apache-2.0
 *
 * market_kit.h - what tests and fuzzers need around a session: a payer whose escrow and allotment
 * are on some ledger, and a provider with its memory. For tests only. */
#ifndef SOUK_EXCHANGE_MARKET_KIT_H
#define SOUK_EXCHANGE_MARKET_KIT_H

#include "souk/exchange/customer.h"
#include "souk/exchange/provider.h"

#define KIT_PROVIDERS 8
#define KIT_SESSIONS  24
#define KIT_DUES      64
#define KIT_RECORDS   64

/* An escrow whose value line is allotted in equal leaves. */
struct kit_payer {
	struct souk_identity issuer;
	struct souk_allotment_leaf leaves[KIT_PROVIDERS];
	uint32_t leaf_count;
	struct souk_payer_leaf free[KIT_PROVIDERS];
	struct souk_allotment_record allotment;
	struct souk_escrow_record escrow;
	struct souk_hash escrow_id;
};

/* A provider with its memory, and what it stored. */
struct kit_provider {
	struct souk_identity identity;
	struct souk_provider provider;
	struct souk_provider_session sessions[KIT_SESSIONS];
	uint32_t session_slots[SOUK_MAP_SLOTS(KIT_SESSIONS)];
	struct souk_provider_due dues[KIT_DUES];
	uint32_t due_slots[SOUK_MAP_SLOTS(KIT_DUES)];
	struct souk_session_record records[KIT_RECORDS];
	uint32_t record_count;
	uint16_t window;
};

void kit_identity(struct souk_identity *identity, uint64_t seed);
void kit_payer_init(struct kit_payer *payer, uint64_t seed, const struct souk_address *providers,
	uint32_t count, uint64_t leaf_ncoin);
/* Every leaf is free again, in EPOCH. */
void kit_payer_epoch(struct kit_payer *payer, uint64_t epoch);
/* Add path and signature of leaf INDEX. */
void kit_payer_complete(struct kit_payer *payer, uint32_t index, struct souk_strip_open *open);

/* Start, or start again after a crash; what was stored is restored. */
void kit_provider_start(struct kit_provider *kit, uint64_t seed, uint64_t epoch,
	struct souk_time end, struct souk_time now);
/* The stored record of SESSION, or NULL. */
struct souk_session_record *kit_provider_stored(
	struct kit_provider *kit, const struct souk_nonce *session);
/* Keep what a STORE or SETTLED effect asks for. */
void kit_provider_keep(struct kit_provider *kit, const struct souk_provider_effect *effect);

/* An offer of CONTENT by IDENTITY. */
struct souk_offer kit_offer(const struct souk_identity *identity, const struct souk_hash *content,
	uint64_t size, uint32_t chunk_size, uint64_t price, uint16_t window, uint32_t units_max);

/* The whole handshake between CUSTOMER, initialised, and KIT; SOUK_OK with the session open. */
souk_status kit_handshake(struct souk_customer *customer, struct kit_payer *payer, uint32_t index,
	struct kit_provider *kit, const struct souk_provider_item *item, struct souk_time now);

#endif
