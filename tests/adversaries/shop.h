/* SPDX-License-Identifier: Apache-2.0
 *
 * shop.h - a real provider that sells, and deals of a customer with it.
 *
 * A deal's customer is a real one up to the opened strip. From then on its owner
 * may let it buy, or write requests with its keys as it likes. */
#ifndef SOUK_ADVERSARIES_SHOP_H
#define SOUK_ADVERSARIES_SHOP_H

#include "world.h"

struct shop {
	struct world *world;
	enum party party;
	struct kit_provider kit;
	struct souk_provider_item item;
};

/* Provider INDEX of the world, which is told of epochs by its ledger. */
struct shop *shop_new(struct world *world, uint32_t index, uint16_t window);
/* END in place of the epoch's real one. */
struct shop *shop_new_until(
	struct world *world, uint32_t index, uint16_t window, struct souk_time end);
void shop_free(struct shop *shop);
/* What the ledger says of the current epoch. */
void shop_follow(struct shop *shop);
/* Store what wants to be stored. */
void shop_store(struct shop *shop);

/* Who decides a claim: the ledger, or a naive one. */
typedef souk_status (*claim_court)(void *ctx, struct world *world, enum party from,
	const struct souk_claim *claim, struct souk_amount *ret_paid);
souk_status court_of_ledger(void *ctx, struct world *world, enum party from,
	const struct souk_claim *claim, struct souk_amount *ret_paid);

struct settlement {
	int64_t paid;  /* ncoin */
	int64_t units; /* whose claim the court did not find wrong, won or not */
};

/* EPOCH is drawn: claim all that won, by the provider's own code. */
struct settlement shop_settle(struct shop *shop, uint64_t epoch, const struct souk_hash *beacon,
	claim_court court, void *ctx);

struct deal {
	struct world *world;
	struct shop *shop;
	struct line *line;
	uint32_t index;
	struct souk_customer customer;
	struct souk_grant_open grant;
	struct souk_strip_open open;
	uint32_t served; /* the highest unit that came */
};

/* Ask for UNITS, to be paid from leaf INDEX of LINE; the provider's answer is in grant. */
souk_status deal_ask(
	struct deal *deal, struct shop *shop, struct line *line, uint32_t index, uint32_t units);
/* Lay and sign the strip. */
souk_status deal_lay(struct deal *deal);
/* Offer it. The provider believes RECORD, or the ledger where that is NULL. */
souk_status deal_submit(struct deal *deal, const struct souk_allotment_record *record);
/* All three. */
souk_status deal_open(
	struct deal *deal, struct shop *shop, struct line *line, uint32_t index, uint32_t units);

/* Ask for UNIT (0: the key) with ticket TICKET (0: none). */
souk_status deal_request(
	struct deal *deal, uint32_t unit, uint32_t ticket, struct souk_provider_reply *ret);
/* Take and pay units up to UNITS, and pay the last one too; stops where the provider does. */
void deal_buy(struct deal *deal, uint32_t units);
/* Take what comes for the ticket of PAID (0: none) and nothing more. */
void deal_grab(struct deal *deal, uint32_t paid);

#endif
