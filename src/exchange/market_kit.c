/* SPDX-License-Identifier: Apache-2.0 */
#include "market_kit.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/crypto/sha256.h"
#include "souk/payment/allotment.h"

void kit_identity(struct souk_identity *identity, uint64_t seed)
{
	struct souk_secret_rng rng;
	struct souk_hash hash = souk_sha256_of(&seed, sizeof seed);
	souk_secret_rng_init(&rng, hash.bytes);
	souk_identity_generate(identity, &rng);
}

void kit_payer_init(struct kit_payer *payer, uint64_t seed, const struct souk_address *providers,
	uint32_t count, uint64_t leaf_ncoin)
{
	struct souk_sum_node root, nodes[KIT_PROVIDERS];
	memset(payer, 0, sizeof *payer);
	SOUK_CHECK(count >= 1 && count <= KIT_PROVIDERS);
	kit_identity(&payer->issuer, seed);
	payer->escrow_id = souk_sha256_of(&seed, sizeof seed);
	payer->leaf_count = count;
	for (uint32_t i = 0; i < count; i++)
		payer->leaves[i] = (struct souk_allotment_leaf){.provider = providers[i],
			.issuer = payer->issuer.address,
			.amount = souk_amount_of_ncoin(leaf_ncoin)};
	SOUK_CHECK(souk_allotment_commit(&root, payer->leaves, count, nodes) == SOUK_OK);
	payer->allotment = (struct souk_allotment_record){
		.root = root.hash, .total = root.sum, .base = souk_amount_of_ncoin(5000)};
	payer->escrow.prize = souk_amount_of_ncoin(1000);
	payer->escrow.line = souk_amount_of_ncoin(1000 * 10000);
	kit_payer_epoch(payer, 0);
}

void kit_payer_epoch(struct kit_payer *payer, uint64_t epoch)
{
	for (uint32_t i = 0; i < payer->leaf_count; i++)
		payer->free[i] = (struct souk_payer_leaf){.escrow = payer->escrow_id,
			.epoch = epoch,
			.index = i,
			.amount = payer->leaves[i].amount};
}

void kit_payer_complete(struct kit_payer *payer, uint32_t index, struct souk_strip_open *open)
{
	struct souk_sum_node nodes[KIT_PROVIDERS];
	SOUK_CHECK(souk_allotment_prove(open, payer->leaves, payer->leaf_count, index, nodes) ==
		   SOUK_OK);
	SOUK_CHECK(souk_strip_sign_batch(&open, 1, &payer->issuer) == SOUK_OK);
}

void kit_provider_start(struct kit_provider *kit, uint64_t seed, uint64_t epoch,
	struct souk_time end, struct souk_time now)
{
	struct souk_provider_config config = {
		.identity = &kit->identity,
		.window = kit->window,
		.units_max = 1024,
		.grant_ms = 3000,
		.session_ms = 3600000,
		.idle_ms = 60000,
	};
	struct souk_provider_memory memory = {
		.sessions = kit->sessions,
		.session_slots = kit->session_slots,
		.session_max = KIT_SESSIONS,
		.dues = kit->dues,
		.due_slots = kit->due_slots,
		.due_max = KIT_DUES,
	};
	struct souk_hash hash = souk_sha256_of(&seed, sizeof seed);
	memcpy(config.seed, hash.bytes, sizeof config.seed);
	souk_provider_init(&kit->provider, &config, &memory);
	souk_provider_set_epoch(&kit->provider, epoch, end, now);
	for (uint32_t i = 0; i < kit->record_count; i++) {
		if (!kit->records[i].claimed)
			SOUK_CHECK(souk_provider_restore(&kit->provider, &kit->records[i], now) ==
				   SOUK_OK);
	}
}

struct souk_session_record *kit_provider_stored(
	struct kit_provider *kit, const struct souk_nonce *session)
{
	for (uint32_t i = 0; i < kit->record_count; i++) {
		if (memcmp(&kit->records[i].grant.session, session, sizeof *session) == 0)
			return &kit->records[i];
	}
	return NULL;
}

void kit_provider_keep(struct kit_provider *kit, const struct souk_provider_effect *effect)
{
	struct souk_session_record *record = kit_provider_stored(kit, &effect->session);
	if (effect->kind == SOUK_PROVIDER_STORE) {
		if (record == NULL) {
			SOUK_CHECK(kit->record_count < KIT_RECORDS);
			record = &kit->records[kit->record_count++];
		}
		*record = *souk_provider_record(&kit->provider, effect->index);
	} else if (effect->kind == SOUK_PROVIDER_SETTLED) {
		SOUK_CHECK(record != NULL);
		record->claimed = true;
		record->paid = effect->paid;
	}
}

struct souk_offer kit_offer(const struct souk_identity *identity, const struct souk_hash *content,
	uint64_t size, uint32_t chunk_size, uint64_t price, uint16_t window, uint32_t units_max)
{
	return (struct souk_offer){
		.version = SOUK_EXCHANGE_VERSION,
		.provider = identity->address,
		.content = *content,
		.size = size,
		.chunk_size = chunk_size,
		.price = souk_amount_of_ncoin(price),
		.window = window,
		.units_max = units_max,
		.expires = SOUK_TIME_NEVER,
	};
}

souk_status kit_handshake(struct souk_customer *customer, struct kit_payer *payer, uint32_t index,
	struct kit_provider *kit, const struct souk_provider_item *item, struct souk_time now)
{
	struct souk_grant_open grant;
	struct souk_strip_open open = {0};
	struct souk_provider_effect effect;
	struct souk_provider *provider = &kit->provider;
	SOUK_TRY(souk_provider_ask(provider, &grant, souk_customer_ask(customer), item, now));
	SOUK_TRY(souk_customer_grant(customer, &grant, now));
	SOUK_TRY(souk_customer_strip(customer, &payer->free[index], &open));
	kit_payer_complete(payer, index, &open);
	SOUK_TRY(souk_provider_strip(provider, &grant.grant.grant.session, &open, &payer->allotment,
		&payer->escrow, now));
	while (souk_provider_next_effect(provider, &effect))
		kit_provider_keep(kit, &effect);
	return souk_customer_opened(customer);
}
