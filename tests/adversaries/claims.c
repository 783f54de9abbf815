/* SPDX-License-Identifier: Apache-2.0
 *
 * Providers that claim what is not theirs. Profit is what they are paid beyond what their tickets
 * are worth; sales are of whole prizes, so the lottery adds nothing to it. */
#include <string.h>

#include "naive.h"

static struct deal deal;
static struct souk_claim claim;

/* A sale of which PAID units were paid, in a drawn epoch, and its claim. */
struct sold {
	struct world *world;
	struct shop *shop;
	struct line line;
	struct naive naive;
	claim_court court;
};

static void claim_of(const struct sold *sold, struct souk_claim *ret)
{
	static struct souk_chain keys;
	REQUIRE(souk_provider_claim(ret, &sold->shop->kit.records[0], &keys) == SOUK_OK);
}

static void sell(struct sold *sold, uint64_t seed, uint32_t paid, unsigned omissions)
{
	sold->world = world_new(seed);
	sold->shop = shop_new(sold->world, 0, WINDOW);
	/* The line is longer than what is sold: there is something to steal. */
	struct souk_hash escrow = world_open_escrow(sold->world, 1, 8 * SALE_UNITS, 8 * SALE_UNITS);
	line_init(&sold->line, sold->world, &escrow, 0, 2, 4 * SALE_UNITS);
	REQUIRE(line_allot(&sold->line) == SOUK_OK);
	naive_init(&sold->naive, sold->world, &escrow, omissions);
	sold->court = omissions == OMIT_NOTHING ? court_of_ledger : court_of_naive;
	REQUIRE(deal_open(&deal, sold->shop, &sold->line, 0, SALE_UNITS) == SOUK_OK);
	deal_buy(&deal, paid);
	souk_provider_flush(&sold->shop->kit.provider);
	shop_store(sold->shop);
	world_finish_epoch(sold->world);
	claim_of(sold, &claim);
}

/* What a claim brings whoever sends it, in u; 0 where it is refused. */
static int64_t sue(struct sold *sold, enum party from, const struct souk_claim *what)
{
	struct souk_amount paid = SOUK_AMOUNT_ZERO;
	if (sold->court(&sold->naive, sold->world, from, what, &paid) != SOUK_OK)
		return 0;
	return (int64_t)(paid.ncoin / PRICE);
}

static void sold_free(struct sold *sold)
{
	shop_free(sold->shop);
	world_free(sold->world);
}

/* ---- twice ---- */

/* The same claim again, and claims of lower units of the same strip. */
static struct outcome claim_twice(uint64_t seed, bool guarded, uint32_t times)
{
	struct sold sold;
	int64_t paid = 0;
	sell(&sold, seed, SALE_UNITS, guarded ? OMIT_NOTHING : OMIT_PAID);
	for (uint32_t i = 0; i < times; i++)
		paid += sue(&sold, PROVIDER, &claim);
	struct souk_session_record *record = &sold.shop->kit.records[0];
	record->unit = SALE_UNITS / 2;
	record->value = souk_chain_value(&deal.customer.payer.chain, record->unit);
	claim_of(&sold, &claim);
	paid += sue(&sold, PROVIDER, &claim);
	sold_free(&sold);
	return (struct outcome){paid - SALE_UNITS, paid - SALE_UNITS};
}

/* ---- without tickets ---- */

/* Half of the strip is paid; the rest is guessed. At last the honest claim. */
static struct outcome guess_tickets(uint64_t seed, bool guarded, uint32_t unit)
{
	const uint32_t half = SALE_UNITS / 2;
	struct sold sold;
	int64_t paid = 0;
	sell(&sold, seed, half, guarded ? OMIT_NOTHING : OMIT_TICKET);
	struct souk_claim guess = claim;
	guess.unit = unit;
	guess.key = souk_chain_walk(souk_chain_tag_key, &claim.strip.nonce, SALE_UNITS,
		&sold.shop->kit.records[0].key_secret, unit);
	paid += sue(&sold, PROVIDER, &guess);
	souk_rng_fill(&sold.world->rng, &guess.value, sizeof guess.value);
	paid += sue(&sold, PROVIDER, &guess);
	guess.value = claim.strip.anchor;
	paid += sue(&sold, PROVIDER, &guess);
	paid += sue(&sold, PROVIDER, &claim);
	sold_free(&sold);
	return (struct outcome){paid - half, paid - half};
}

/* ---- another's ---- */

/* A provider sees another's claim on its way and sends it as its own: as it is, with its own name
 * in the strip, and with its own leaf. */
static struct outcome foreign_claim(uint64_t seed, bool guarded, uint32_t knob)
{
	const enum party thief = PROVIDER + 1;
	struct sold sold;
	(void)knob;
	sell(&sold, seed, SALE_UNITS, guarded ? OMIT_NOTHING : OMIT_PAYEE);
	struct souk_claim stolen = claim;
	int64_t taken = sue(&sold, thief, &stolen);
	stolen.strip.payee = sold.world->parties[thief].address;
	taken += sue(&sold, thief, &stolen);
	stolen.leaf = sold.line.leaves[1];
	stolen.strip.leaf = 1;
	taken += sue(&sold, thief, &stolen);
	stolen.strip.payee = claim.strip.payee;
	taken += sue(&sold, thief, &stolen);
	int64_t left = sue(&sold, PROVIDER, &claim);
	sold_free(&sold);
	return (struct outcome){taken, SALE_UNITS - left};
}

/* ---- without keys ---- */

/* The keys of the last so many units were not given. Profit is those units, paid and never opened:
 * if a key is in the claim that is paid, the customer reads it there. */
static struct outcome keyless_claim(uint64_t seed, bool guarded, uint32_t withheld)
{
	struct sold sold;
	sell(&sold, seed, SALE_UNITS, guarded ? OMIT_NOTHING : OMIT_KEY);
	const uint32_t known = SALE_UNITS - withheld;
	struct souk_hash last = souk_chain_walk(
		souk_chain_tag_key, &claim.strip.nonce, SALE_UNITS, &claim.key, known);
	struct souk_claim tries[3] = {claim, claim, claim};
	memset(&tries[0].key, 0, sizeof tries[0].key);
	tries[1].key = last;
	int64_t paid = 0, unopened = withheld;
	for (uint32_t i = 0; i < 3 && paid == 0; i++) {
		paid = sue(&sold, PROVIDER, &tries[i]);
		/* Everybody reads it: does it lead to the last key that was given? */
		struct souk_hash below = souk_chain_walk(
			souk_chain_tag_key, &claim.strip.nonce, SALE_UNITS, &tries[i].key, known);
		if (paid > 0 && souk_hash_equal(&below, &last))
			unopened = 0;
	}
	REQUIRE(paid == SALE_UNITS);
	sold_free(&sold);
	return (struct outcome){unopened, unopened};
}

/* ---- play money ---- */

/* The same payer has an escrow of the same salt on a ledger for play, where it gives tickets away.
 * The naive ledger takes a strip for its own that names the other's escrow. */
static struct outcome other_ledger(uint64_t seed, bool guarded, uint32_t knob)
{
	struct sold play, real;
	(void)knob;
	sell(&play, seed, SALE_UNITS, OMIT_NOTHING);
	struct souk_claim toy = claim;
	real.world = world_new_named(seed, "for money");
	real.shop = shop_new(real.world, 0, WINDOW);
	struct souk_hash escrow = world_open_escrow(real.world, 1, 8 * SALE_UNITS, 8 * SALE_UNITS);
	line_init(&real.line, real.world, &escrow, 0, 2, 4 * SALE_UNITS);
	REQUIRE(line_allot(&real.line) == SOUK_OK);
	naive_init(&real.naive, real.world, &escrow, OMIT_LEDGER);
	real.court = guarded ? court_of_ledger : court_of_naive;
	world_finish_epoch(real.world);
	int64_t paid = sue(&real, PROVIDER, &toy);
	toy.strip.escrow = escrow;
	paid += sue(&real, PROVIDER, &toy);
	sold_free(&play);
	sold_free(&real);
	return (struct outcome){paid, paid};
}

const struct attack claim_attacks[] = {
	{
		.name = "claim-twice",
		.who = "payee",
		.how = "claims one strip again and again",
		.guard = "a bit for each point that was paid",
		.where = "ledger.md 5, claim",
		.code = "walk_points",
		.unit = "u",
		.knob = "times",
		.knobs = {2, 3, 5, 7},
		.run = claim_twice,
	},
	{
		.name = "guessed-tickets",
		.who = "payee",
		.how = "claims units that nobody paid",
		.guard = "the ticket hashes down to the strip's anchor",
		.where = "payment.md 6",
		.code = "verify_chains",
		.unit = "u",
		.knob = "unit claimed",
		.knobs = {33, 48, 64},
		.run = guess_tickets,
	},
	{
		.name = "foreign-claim",
		.who = "payee",
		.how = "sends another's claim as its own",
		.guard = "only the strip's payee claims, and the leaf names it",
		.where = "ledger.md 5, claim",
		.code = "ledger_apply_claim, strip_place",
		.unit = "u",
		.run = foreign_claim,
	},
	{
		.name = "keyless-claim",
		.who = "payee",
		.how = "is paid for units whose keys it keeps",
		.guard = "a claim publishes the key of its unit",
		.where = "payment.md 6, P8",
		.code = "verify_chains",
		.unit = "u",
		.knob = "units withheld",
		.knobs = {1, 2, 4},
		.run = keyless_claim,
	},
	{
		.name = "play-money",
		.who = "payee",
		.how = "claims with tickets of another ledger",
		.guard = "an escrow's id names its ledger",
		.where = "payment.md 1",
		.code = "souk_escrow_id",
		.unit = "u",
		.run = other_ledger,
	},
	{.name = NULL},
};
