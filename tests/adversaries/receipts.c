/* SPDX-License-Identifier: Apache-2.0
 *
 * Receipts, which take the place of all strips of a leaf, and allotments that stand. */
#include <string.h>

#include "shop.h"

static struct deal deal;

/* A receipt for the first UNITS of leaf 0, signed by its issuer; PROOF has the leaf and its path.
 */
static struct souk_tx_body receipt_of(
	const struct line *line, const struct souk_strip_open *proof, uint32_t units)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CLAIM_RECEIPT};
	struct souk_tx_claim_receipt *claim = &body.claim_receipt;
	REQUIRE(souk_leaf_receipt_build(&claim->receipt, &proof->strip, &proof->leaf,
			souk_amount_of_ncoin(units * PRICE)) == SOUK_OK);
	souk_leaf_receipt_issue(&claim->receipt, line->issuer);
	claim->leaf = proof->leaf;
	memcpy(&claim->leaf_path, &proof->leaf_path, sizeof claim->leaf_path);
	return body;
}

static struct souk_leaf_id leaf_of(const struct line *line)
{
	return (struct souk_leaf_id){line->escrow, line->epoch, line->segment, 0};
}

static int64_t send(struct world *world, enum party from, const struct souk_tx_body *body)
{
	if (world_send(world, from, body) != SOUK_OK)
		return 0;
	return (int64_t)(world->receipt.amount.ncoin / PRICE);
}

/* ---- less than is owed ---- */

/* The payer asks for a receipt over so many units in place of all, and lodges it. The naive payee
 * signs what it is given. */
static struct outcome false_receipt(uint64_t seed, bool guarded, uint32_t units)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct line line;
	line_open(&line, world, 1, SALE_UNITS);
	REQUIRE(deal_open(&deal, shop, &line, 0, SALE_UNITS) == SOUK_OK);
	deal_buy(&deal, SALE_UNITS);
	struct souk_tx_body receipt = receipt_of(&line, &deal.open, units);
	struct souk_leaf_id leaf = leaf_of(&line);
	bool signs = !guarded || souk_provider_receipt(&shop->kit.provider, &leaf,
					 receipt.claim_receipt.receipt.receipt.amount) == SOUK_OK;
	if (signs) {
		souk_leaf_receipt_countersign(&receipt.claim_receipt.receipt, &shop->kit.identity);
		REQUIRE(world_send(world, PAYER, &receipt) == SOUK_OK);
	} else {
		/* Without the payee's signature it is worth nothing; but it can be tried. */
		(void)!world_send(world, PAYER, &receipt);
	}
	struct souk_hash beacon = world_finish_epoch(world);
	int64_t paid = shop_settle(shop, 0, &beacon, court_of_ledger, NULL).paid / PRICE;
	paid += send(world, PROVIDER, &receipt);
	shop_free(shop);
	world_free(world);
	int64_t profit = (int64_t)SALE_UNITS - paid;
	return (struct outcome){profit, profit};
}

/* ---- receipt or strips ---- */

#define PIECE_LENGTH PRIZE_UNITS
#define PIECE_PAID   (PRIZE_UNITS / 2)

/* Strips that were half used, so many of them, and a receipt for their sum: the payee waits for the
 * draw and takes what brings more, or both. The naive payer lodges no receipt. */
static struct outcome receipt_or_strips(uint64_t seed, bool guarded, uint32_t pieces)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct line line;
	line_open(&line, world, 1, pieces * PIECE_LENGTH);
	for (uint32_t i = 0; i < pieces; i++) {
		REQUIRE(deal_open(&deal, shop, &line, 0, PIECE_LENGTH) == SOUK_OK);
		deal_buy(&deal, PIECE_PAID);
	}
	struct souk_tx_body receipt = receipt_of(&line, &deal.open, pieces * PIECE_PAID);
	souk_leaf_receipt_countersign(&receipt.claim_receipt.receipt, &shop->kit.identity);
	if (guarded)
		REQUIRE(world_send(world, PAYER, &receipt) == SOUK_OK);
	struct souk_hash beacon = world_finish_epoch(world);
	struct souk_amount offset =
		souk_lottery_offset(&beacon, &line.escrow, 0, souk_amount_of_ncoin(PRIZE));
	int64_t paid = 0;
	/* All pieces start where a prize's length does: all win, or none. */
	if (offset.ncoin < PIECE_PAID * PRICE)
		paid += shop_settle(shop, 0, &beacon, court_of_ledger, NULL).paid / PRICE;
	paid += send(world, PROVIDER, &receipt);
	shop_free(shop);
	world_free(world);
	int64_t profit = paid - (int64_t)(pieces * PIECE_PAID);
	return (struct outcome){profit, profit};
}

/* ---- what stands without money ---- */

/* One line is locked, and its allotment stands for so many epochs. The naive provider believes what
 * stands; the real one, what the ledger has funded. */
static struct outcome stand_without_money(uint64_t seed, bool guarded, uint32_t epochs)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct souk_hash escrow = world_open_escrow(world, 1, SALE_UNITS, SALE_UNITS);
	struct line line;
	int64_t served = 0, paid = 0;
	line_init(&line, world, &escrow, 0, 1, SALE_UNITS);
	struct souk_allotment_record stands = line_record(&line);
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_STAND,
		.stand = {.escrow = escrow,
			.root = stands.root,
			.total = stands.total,
			.epochs = epochs}};
	REQUIRE(world_send(world, PAYER, &body) == SOUK_OK);
	world_finish_epoch(world);
	for (uint32_t i = 0; i < epochs; i++) {
		shop_follow(shop);
		line_init(&line, world, &escrow, 0, 1, SALE_UNITS);
		if (deal_ask(&deal, shop, &line, 0, SALE_UNITS) == SOUK_OK &&
			deal_lay(&deal) == SOUK_OK &&
			deal_submit(&deal, guarded ? NULL : &stands) == SOUK_OK) {
			deal_buy(&deal, SALE_UNITS);
			served += deal.served;
		}
		struct souk_hash beacon = world_finish_epoch(world);
		paid += shop_settle(shop, line.epoch, &beacon, court_of_ledger, NULL).paid / PRICE;
	}
	shop_free(shop);
	world_free(world);
	return (struct outcome){served - paid, served - paid};
}

const struct attack receipt_attacks[] = {
	{
		.name = "false-receipt",
		.who = "payer",
		.how = "has a receipt signed over less than it owes, and lodges it",
		.guard = "the payee signs for no less than its tickets say",
		.where = "payment.md 6",
		.code = "souk_provider_receipt",
		.unit = "u",
		.knob = "units in it",
		.knobs = {16, 32, 48},
		.run = false_receipt,
	},
	{
		.name = "receipt-or-strips",
		.who = "payee",
		.how = "waits for the draw, and claims by receipt or by strips",
		.guard = "a receipt that is lodged before the draw takes the strips' place",
		.where = "ledger.md 5, claim_receipt",
		.code = "ledger_check_no_receipt",
		.unit = "u",
		.knob = "strips",
		.knobs = {2, 4, 8},
		.run = receipt_or_strips,
	},
	{
		.name = "unfunded-standing",
		.who = "payer",
		.how = "lets an allotment stand that its deposit does not cover",
		.guard = "an epoch gets what stands only with its reserve",
		.where = "ledger.md 5, Roll",
		.code = "fund",
		.unit = "u",
		.knob = "epochs",
		.knobs = {2, 3, 4},
		.run = stand_without_money,
	},
	{.name = NULL},
};
