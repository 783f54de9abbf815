/* SPDX-License-Identifier: Apache-2.0 */
#include "hub_kit.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/payment/allotment.h"

void kit_hub_init(struct kit_hub *kit, uint64_t seed, const struct souk_address *providers,
	uint32_t count, uint64_t leaf_ncoin, uint16_t fee_permille, uint16_t step)
{
	memset(kit, 0, sizeof *kit);
	kit_payer_init(&kit->payer, seed, providers, count, leaf_ncoin);
	kit->fee_permille = fee_permille;
	kit->step = step;
}

void kit_hub_start(struct kit_hub *kit, uint64_t seed, uint64_t epoch, struct souk_time end,
	struct souk_time now)
{
	struct souk_hub_config config = {
		.identity = &kit->payer.issuer,
		.escrow = kit->payer.escrow_id,
		.fee_permille = kit->fee_permille,
		.step = kit->step,
		.units_max = 1024,
		.idle_ms = 60000,
	};
	struct souk_hub_memory memory = {
		.accounts = kit->accounts,
		.account_slots = kit->account_slots,
		.account_max = KIT_HUB_ACCOUNTS,
		.sessions = kit->sessions,
		.session_slots = kit->session_slots,
		.session_max = KIT_HUB_SESSIONS,
	};
	struct souk_hash hash = souk_sha256_of(&seed, sizeof seed);
	memcpy(config.seed, hash.bytes, sizeof config.seed);
	souk_hub_init(&kit->hub, &config, &memory);
	for (uint32_t i = 0; i < kit->stored_account_count; i++)
		SOUK_CHECK(souk_hub_restore_account(&kit->hub, &kit->stored_accounts[i].address,
				   &kit->stored_accounts[i].record) == SOUK_OK);
	for (uint32_t i = 0; i < kit->record_count; i++) {
		souk_status status = souk_hub_restore(&kit->hub, &kit->records[i], now);
		SOUK_CHECK(status == SOUK_OK || status == SOUK_LOCAL_STATE);
	}
	souk_hub_set_epoch(&kit->hub, epoch, end, now);
}

struct souk_hub_session_record *kit_hub_stored(
	struct kit_hub *kit, const struct souk_nonce *session)
{
	for (uint32_t i = 0; i < kit->record_count; i++) {
		if (memcmp(&kit->records[i].strip.nonce, session, sizeof *session) == 0)
			return &kit->records[i];
	}
	return NULL;
}

struct kit_hub_account *kit_hub_stored_account(
	struct kit_hub *kit, const struct souk_address *address)
{
	for (uint32_t i = 0; i < kit->stored_account_count; i++) {
		if (souk_address_equal(&kit->stored_accounts[i].address, address))
			return &kit->stored_accounts[i];
	}
	return NULL;
}

static void keep_account(struct kit_hub *kit, const struct souk_hub_account *account)
{
	struct kit_hub_account *stored = kit_hub_stored_account(kit, &account->address);
	if (stored == NULL) {
		SOUK_CHECK(kit->stored_account_count < KIT_HUB_ACCOUNTS);
		stored = &kit->stored_accounts[kit->stored_account_count++];
		stored->address = account->address;
	}
	stored->record = account->record;
}

static void keep_session(struct kit_hub *kit, const struct souk_hub_session *session)
{
	struct souk_hub_session_record *stored = kit_hub_stored(kit, &session->record.strip.nonce);
	if (stored == NULL) {
		SOUK_CHECK(kit->record_count < KIT_HUB_RECORDS);
		stored = &kit->records[kit->record_count++];
	}
	*stored = session->record;
}

void kit_hub_commit(struct kit_hub *kit)
{
	struct souk_hub_effect effect;
	while (souk_hub_next_effect(&kit->hub, &effect)) {
		if (effect.kind == SOUK_HUB_STORE_ACCOUNT)
			keep_account(kit, &kit->accounts[effect.index]);
		else
			keep_session(kit, &kit->sessions[effect.index]);
	}
}

struct souk_nonce kit_hub_voucher(struct kit_hub *kit, uint64_t amount_ncoin)
{
	SOUK_CHECK(kit->voucher_count < KIT_HUB_VOUCHERS);
	struct kit_hub_voucher *voucher = &kit->vouchers[kit->voucher_count++];
	memset(&voucher->secret, (int)kit->voucher_count, sizeof voucher->secret);
	voucher->record =
		(struct souk_hub_voucher_record){.amount = souk_amount_of_ncoin(amount_ncoin)};
	return voucher->secret;
}

souk_status kit_hub_redeem(struct kit_hub *kit, const struct souk_identity *account,
	const struct souk_nonce *voucher, struct souk_time now,
	struct souk_signed_hub_statement *ret)
{
	struct souk_signed_hub_redeem redeem = {.redeem = {.version = SOUK_HUB_VERSION,
							.hub = kit->payer.issuer.address,
							.account = account->address,
							.voucher = *voucher}};
	struct souk_hub_voucher_record *record = NULL;
	souk_hub_redeem_sign(&redeem, account);
	for (uint32_t i = 0; i < kit->voucher_count; i++) {
		if (memcmp(&kit->vouchers[i].secret, voucher, sizeof *voucher) == 0)
			record = &kit->vouchers[i].record;
	}
	souk_status status = souk_hub_redeem(&kit->hub, &redeem, record, now, ret);
	kit_hub_commit(kit);
	return status;
}

souk_status kit_hub_open(struct kit_hub *kit, uint32_t index, const struct souk_hub_open *open,
	struct souk_time now, struct souk_strip_open *ret)
{
	struct souk_sum_node nodes[KIT_PROVIDERS];
	SOUK_CHECK(souk_allotment_prove(&kit->proof, kit->payer.leaves, kit->payer.leaf_count,
			   index, nodes) == SOUK_OK);
	souk_status status = souk_hub_open(&kit->hub, open, kit_hub_stored(kit, &open->strip.nonce),
		&kit->payer.free[index], &kit->proof, now, ret);
	kit_hub_commit(kit);
	return status;
}

struct souk_hub_terms kit_hub_terms(const struct kit_hub *kit, const struct souk_identity *account)
{
	return (struct souk_hub_terms){
		.hub = kit->payer.issuer.address,
		.escrow = kit->payer.escrow_id,
		.fee_permille = kit->fee_permille,
		.step = kit->step,
		.account = account,
	};
}

souk_status kit_hub_handshake(struct souk_customer *customer, struct kit_hub *kit,
	const struct souk_identity *account, uint32_t index, struct kit_provider *provider,
	const struct souk_provider_item *item, struct souk_time now)
{
	struct souk_grant_open grant;
	struct souk_hub_open hub_open;
	struct souk_provider_effect effect;
	struct souk_strip_open *open = &kit->answer;
	struct souk_hub_terms terms = kit_hub_terms(kit, account);
	SOUK_TRY(souk_provider_ask(
		&provider->provider, &grant, souk_customer_ask(customer), item, now));
	SOUK_TRY(souk_customer_grant(customer, &grant, now));
	SOUK_TRY(souk_customer_hub_open(customer, &terms, &hub_open));
	SOUK_TRY(kit_hub_open(kit, index, &hub_open, now, open));
	SOUK_TRY(souk_customer_hub_strip(customer, open));
	SOUK_TRY(souk_provider_strip(&provider->provider, &grant.grant.grant.session, open,
		&kit->payer.allotment, &kit->payer.escrow, now));
	while (souk_provider_next_effect(&provider->provider, &effect))
		kit_provider_keep(provider, &effect);
	return souk_customer_opened(customer);
}
