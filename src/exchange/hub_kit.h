/* SPDX-License-Identifier: Apache-2.0
 *
 * hub_kit.h - a hub with its memory, its store and its escrow, for tests and fuzzers. */
#ifndef SOUK_EXCHANGE_HUB_KIT_H
#define SOUK_EXCHANGE_HUB_KIT_H

#include "market_kit.h"
#include "souk/exchange/hub.h"
#include "souk/exchange/hub_customer.h"

#define KIT_HUB_ACCOUNTS 4
#define KIT_HUB_SESSIONS 12
#define KIT_HUB_RECORDS	 256
#define KIT_HUB_VOUCHERS 16

struct kit_hub_account {
	struct souk_address address;
	struct souk_hub_account_record record;
};

struct kit_hub_voucher {
	struct souk_nonce secret;
	struct souk_hub_voucher_record record;
};

/* The payer's issuer key is the hub's identity. */
struct kit_hub {
	struct kit_payer payer;
	struct souk_hub hub;
	struct souk_hub_account accounts[KIT_HUB_ACCOUNTS];
	uint32_t account_slots[SOUK_MAP_SLOTS(KIT_HUB_ACCOUNTS)];
	struct souk_hub_session sessions[KIT_HUB_SESSIONS];
	uint32_t session_slots[SOUK_MAP_SLOTS(KIT_HUB_SESSIONS)];
	uint16_t fee_permille, step;
	/* what is stored */
	struct kit_hub_account stored_accounts[KIT_HUB_ACCOUNTS];
	uint32_t stored_account_count;
	struct souk_hub_session_record records[KIT_HUB_RECORDS];
	uint32_t record_count;
	struct kit_hub_voucher vouchers[KIT_HUB_VOUCHERS];
	uint32_t voucher_count;
	/* Large, and used by one call at a time. */
	struct souk_strip_open proof, answer;
};

/* A hub whose escrow has a leaf of LEAF_NCOIN for each of PROVIDERS. It is large: about 3 MiB. */
void kit_hub_init(struct kit_hub *kit, uint64_t seed, const struct souk_address *providers,
	uint32_t count, uint64_t leaf_ncoin, uint16_t fee_permille, uint16_t step);

/* Start, or start again after a crash; what was stored is restored. */
void kit_hub_start(struct kit_hub *kit, uint64_t seed, uint64_t epoch, struct souk_time end,
	struct souk_time now);
/* Pull every effect and keep what it asks for. */
void kit_hub_commit(struct kit_hub *kit);

/* A voucher of AMOUNT, made by the operator. */
struct souk_nonce kit_hub_voucher(struct kit_hub *kit, uint64_t amount_ncoin);
souk_status kit_hub_redeem(struct kit_hub *kit, const struct souk_identity *account,
	const struct souk_nonce *voucher, struct souk_time now,
	struct souk_signed_hub_statement *ret);

/* The stored record of SESSION, or NULL. */
struct souk_hub_session_record *kit_hub_stored(
	struct kit_hub *kit, const struct souk_nonce *session);
struct kit_hub_account *kit_hub_stored_account(
	struct kit_hub *kit, const struct souk_address *address);

/* hub_open at leaf INDEX; the strip is stored when it returns. */
souk_status kit_hub_open(struct kit_hub *kit, uint32_t index, const struct souk_hub_open *open,
	struct souk_time now, struct souk_strip_open *ret);

struct souk_hub_terms kit_hub_terms(const struct kit_hub *kit, const struct souk_identity *account);

/* The whole handshake of CUSTOMER, initialised, with PROVIDER by way of the hub. */
souk_status kit_hub_handshake(struct souk_customer *customer, struct kit_hub *kit,
	const struct souk_identity *account, uint32_t index, struct kit_provider *provider,
	const struct souk_provider_item *item, struct souk_time now);

#endif
