/* SPDX-License-Identifier: Apache-2.0 */
#include "shop.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_SIZE 16384u

struct shop *shop_new_until(
	struct world *world, uint32_t index, uint16_t window, struct souk_time end)
{
	struct shop *shop = calloc(1, sizeof *shop);
	REQUIRE(shop != NULL);
	shop->world = world;
	shop->party = (enum party)(PROVIDER + index);
	shop->kit.identity = world->parties[shop->party];
	shop->kit.window = window;
	kit_provider_start(
		&shop->kit, souk_rng_u64(&world->rng), world->ledger.record.epoch, end, world->now);
	memset(&shop->item.content, 0xcc, sizeof shop->item.content);
	shop->item.chunk_size = CHUNK_SIZE;
	shop->item.size = 4096ull * CHUNK_SIZE;
	shop->item.price = souk_amount_of_ncoin(PRICE);
	return shop;
}

static struct souk_time epoch_end(const struct world *world)
{
	struct souk_epoch_record epoch;
	REQUIRE(souk_ledger_get_epoch(&epoch, &world->ledger, world->ledger.record.epoch) ==
		SOUK_OK);
	return epoch.end;
}

struct shop *shop_new(struct world *world, uint32_t index, uint16_t window)
{
	return shop_new_until(world, index, window, epoch_end(world));
}

void shop_free(struct shop *shop)
{
	free(shop);
}

void shop_follow(struct shop *shop)
{
	struct world *world = shop->world;
	souk_provider_set_epoch(
		&shop->kit.provider, world->ledger.record.epoch, epoch_end(world), world->now);
}

void shop_store(struct shop *shop)
{
	struct souk_provider_effect effect;
	while (souk_provider_next_effect(&shop->kit.provider, &effect))
		kit_provider_keep(&shop->kit, &effect);
}

/* ---- claims ---- */

souk_status court_of_ledger(void *ctx, struct world *world, enum party from,
	const struct souk_claim *claim, struct souk_amount *ret_paid)
{
	static struct souk_tx_body body;
	(void)ctx;
	body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CLAIM};
	body.claim.claim = *claim;
	SOUK_TRY(world_send(world, from, &body));
	*ret_paid = world->receipt.amount;
	return SOUK_OK;
}

static void claim_one(
	struct shop *shop, const struct souk_nonce *session, claim_court court, void *ctx)
{
	static struct souk_chain chain;
	static struct souk_claim claim;
	struct souk_amount paid = SOUK_AMOUNT_ZERO;
	struct souk_session_record *record = kit_provider_stored(&shop->kit, session);
	REQUIRE(record != NULL);
	souk_status status = souk_provider_claim(&claim, record, &chain);
	if (status == SOUK_OK)
		status = court(ctx, shop->world, shop->party, &claim, &paid);
	souk_provider_claim_result(&shop->kit.provider, session, status, paid, shop->world->now);
}

struct settlement shop_settle(struct shop *shop, uint64_t epoch, const struct souk_hash *beacon,
	claim_court court, void *ctx)
{
	struct settlement settlement = {0};
	struct souk_provider_effect effect;
	struct souk_provider *provider = &shop->kit.provider;
	shop_store(shop);
	souk_provider_draw(provider, epoch, beacon, shop->world->now);
	/* It says false once between what is stored and what relies on that. */
	for (uint32_t idle = 0; idle < 2;) {
		if (!souk_provider_next_effect(provider, &effect)) {
			idle++;
			continue;
		}
		idle = 0;
		if (effect.kind == SOUK_PROVIDER_CLAIM) {
			claim_one(shop, &effect.session, court, ctx);
			continue;
		}
		kit_provider_keep(&shop->kit, &effect);
		if (effect.kind != SOUK_PROVIDER_SETTLED)
			continue;
		settlement.paid += (int64_t)effect.paid.ncoin;
		if (effect.status == SOUK_OK || effect.status == SOUK_PEER_CLAIM_NO_PRIZE)
			settlement.units += kit_provider_stored(&shop->kit, &effect.session)->unit;
	}
	return settlement;
}

/* ---- deals ---- */

souk_status deal_ask(
	struct deal *deal, struct shop *shop, struct line *line, uint32_t index, uint32_t units)
{
	struct world *world = shop->world;
	struct souk_offer offer = kit_offer(&shop->kit.identity, &shop->item.content,
		shop->item.size, CHUNK_SIZE, PRICE, shop->kit.window, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = line->escrow, .epoch = line->epoch, .units = units};
	memset(deal, 0, sizeof *deal);
	deal->world = world;
	deal->shop = shop;
	deal->line = line;
	deal->index = index;
	souk_rng_fill(&world->rng, config.seed, sizeof config.seed);
	REQUIRE(souk_customer_init(&deal->customer, &config) == SOUK_OK);
	SOUK_TRY(souk_provider_ask(&shop->kit.provider, &deal->grant,
		souk_customer_ask(&deal->customer), &shop->item, world->now));
	return souk_customer_grant(&deal->customer, &deal->grant, world->now);
}

souk_status deal_lay(struct deal *deal)
{
	SOUK_TRY(souk_customer_strip(&deal->customer, &deal->line->free[deal->index], &deal->open));
	line_complete(deal->line, deal->index, &deal->open);
	return SOUK_OK;
}

souk_status deal_submit(struct deal *deal, const struct souk_allotment_record *record)
{
	struct souk_allotment_record allotment;
	struct souk_escrow_record escrow;
	const struct souk_strip *strip = &deal->open.strip;
	const struct souk_ledger *ledger = &deal->world->ledger;
	struct shop *shop = deal->shop;
	if (record == NULL) {
		SOUK_TRY(souk_ledger_view_allotment(
			&allotment, ledger, &strip->escrow, strip->epoch, strip->segment));
		record = &allotment;
	}
	SOUK_TRY(souk_ledger_view_escrow(&escrow, ledger, &strip->escrow));
	SOUK_TRY(souk_provider_strip(&shop->kit.provider, &deal->grant.grant.grant.session,
		&deal->open, record, &escrow, deal->world->now));
	shop_store(shop);
	return souk_customer_opened(&deal->customer);
}

souk_status deal_open(
	struct deal *deal, struct shop *shop, struct line *line, uint32_t index, uint32_t units)
{
	SOUK_TRY(deal_ask(deal, shop, line, index, units));
	SOUK_TRY(deal_lay(deal));
	return deal_submit(deal, NULL);
}

souk_status deal_request(
	struct deal *deal, uint32_t unit, uint32_t ticket, struct souk_provider_reply *ret)
{
	struct souk_unit_request request = {
		.session = deal->customer.grant.session, .unit = unit, .chunk = unit};
	if (ticket > 0) {
		request.has_ticket = true;
		request.ticket.unit = ticket;
		request.ticket.value = souk_chain_value(&deal->customer.payer.chain, ticket);
	}
	request.auth = souk_unit_request_auth(&deal->customer.session_secret, &request);
	SOUK_TRY(souk_provider_unit(&deal->shop->kit.provider, ret, &request, deal->world->now));
	if (unit > deal->served)
		deal->served = unit;
	return SOUK_OK;
}

void deal_buy(struct deal *deal, uint32_t units)
{
	struct souk_provider_reply reply;
	for (uint32_t unit = 1; unit <= units; unit++) {
		if (deal_request(deal, unit, unit - 1, &reply) != SOUK_OK)
			return;
	}
	if (units > 0)
		(void)!deal_request(deal, 0, units, &reply);
}

void deal_grab(struct deal *deal, uint32_t paid)
{
	struct souk_provider_reply reply;
	while (deal_request(deal, deal->served + 1, paid, &reply) == SOUK_OK)
		;
}
