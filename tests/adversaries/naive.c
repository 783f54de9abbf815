/* SPDX-License-Identifier: Apache-2.0 */
#include "naive.h"

#include <string.h>

void naive_init(struct naive *naive, const struct world *world, const struct souk_hash *escrow,
	unsigned omissions)
{
	struct souk_escrow_record record;
	memset(naive, 0, sizeof *naive);
	naive->omissions = omissions;
	naive->escrow = *escrow;
	REQUIRE(souk_ledger_view_escrow(&record, &world->ledger, escrow) == SOUK_OK);
	naive->purse = (int64_t)record.free.ncoin;
	for (uint16_t i = 0; i < record.open.count; i++)
		naive->purse += (int64_t)(record.open.items[i].reserved.ncoin -
					  record.open.items[i].paid.ncoin);
}

static bool omits(const struct naive *naive, enum omission omission)
{
	return (naive->omissions & omission) != 0;
}

static souk_status check_chain(const uint8_t tag[3], const struct souk_claim *claim,
	const struct souk_hash *anchor, const struct souk_hash *checkpoints,
	const struct souk_hash *value, const struct souk_hash *siblings, uint32_t depth)
{
	struct souk_merkle_path path = {.depth = depth};
	memcpy(path.siblings, siblings, depth * sizeof *siblings);
	return souk_chain_verify(tag, &claim->strip.nonce, claim->strip.count, anchor, checkpoints,
		claim->unit, value, &path);
}

/* The interval that the claim proves. */
static souk_status prove(struct souk_amount *lo, struct souk_amount *hi, const struct naive *naive,
	const struct souk_claim *claim, const struct souk_allotment_record *allotment)
{
	const struct souk_strip *strip = &claim->strip;
	struct souk_amount base, end;
	SOUK_TRY(souk_strip_end(&end, strip));
	if (souk_amount_is_less(claim->leaf.amount, end))
		return SOUK_PEER_STRIP_RANGE;
	SOUK_TRY(souk_allotment_verify(&base, allotment, &claim->leaf, strip->leaf,
		claim->leaf_path.items, claim->leaf_path.count));
	if (claim->unit == 0 || claim->unit > strip->count)
		return SOUK_PEER_OVERDRAW;
	if (!omits(naive, OMIT_TICKET))
		SOUK_TRY(check_chain(souk_chain_tag_ticket, claim, &strip->anchor,
			&strip->checkpoints, &claim->value, claim->value_path.items,
			claim->value_path.count));
	if (!omits(naive, OMIT_KEY))
		SOUK_TRY(check_chain(souk_chain_tag_key, claim, &strip->key_anchor,
			&strip->key_checkpoints, &claim->key, claim->key_path.items,
			claim->key_path.count));
	SOUK_TRY(souk_strip_verify_signature(strip, &claim->leaf, &claim->signature,
		claim->batch_index, claim->batch_count, claim->batch_path.items,
		claim->batch_path.count));
	uint64_t from = omits(naive, OMIT_PREFIX) ? claim->unit - 1 : 0;
	lo->ncoin = base.ncoin + strip->start.ncoin + strip->price.ncoin * from;
	hi->ncoin = base.ncoin + strip->start.ncoin + strip->price.ncoin * claim->unit;
	return SOUK_OK;
}

/* How many of the points are to be paid; they are marked. */
static uint64_t take_points(struct naive *naive, uint64_t first, uint64_t count)
{
	uint64_t unpaid = 0;
	for (uint64_t point = first; point < first + count; point++) {
		uint8_t mask = (uint8_t)(1u << point % 8);
		REQUIRE(point < NAIVE_POINTS);
		unpaid += omits(naive, OMIT_PAID) || (naive->paid[point / 8] & mask) == 0;
		naive->paid[point / 8] |= mask;
	}
	return unpaid;
}

souk_status court_of_naive(void *ctx, struct world *world, enum party from,
	const struct souk_claim *claim, struct souk_amount *ret_paid)
{
	struct naive *naive = ctx;
	const struct souk_strip *strip = &claim->strip;
	struct souk_allotment_record allotment;
	struct souk_epoch_record epoch;
	struct souk_amount lo, hi;
	uint64_t first;
	if (!omits(naive, OMIT_PAYEE) &&
		!souk_address_equal(&world->parties[from].address, &strip->payee))
		return SOUK_PEER_NOT_PAYEE;
	if (!omits(naive, OMIT_LEDGER) && !souk_hash_equal(&strip->escrow, &naive->escrow))
		return SOUK_PEER_NO_ESCROW;
	if (naive->allotment != NULL)
		allotment = *naive->allotment;
	else
		SOUK_TRY(souk_ledger_view_allotment(
			&allotment, &world->ledger, &naive->escrow, strip->epoch, strip->segment));
	SOUK_TRY(souk_ledger_get_epoch(&epoch, &world->ledger, strip->epoch));
	if (!epoch.drawn)
		return SOUK_PEER_NOT_DRAWN;
	SOUK_TRY(prove(&lo, &hi, naive, claim, &allotment));
	struct souk_amount offset = souk_lottery_offset(
		&epoch.beacon, &naive->escrow, strip->epoch, souk_amount_of_ncoin(PRIZE));
	uint64_t count = souk_lottery_points(&first, offset, souk_amount_of_ncoin(PRIZE), lo, hi);
	if (count == 0)
		return SOUK_PEER_CLAIM_NO_PRIZE;
	uint64_t unpaid = take_points(naive, first, count);
	if (unpaid == 0)
		return SOUK_PEER_CLAIM_PAID;
	int64_t payout = (int64_t)(unpaid * PRIZE);
	payout = payout < naive->purse ? payout : naive->purse;
	naive->purse -= payout;
	ret_paid->ncoin = (uint64_t)payout;
	return SOUK_OK;
}

bool naive_agrees(uint64_t seed)
{
	static struct deal deal;
	static struct souk_chain keys;
	static struct souk_claim claim;
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct naive naive;
	struct line line;
	bool agrees = true;
	line_open(&line, world, 1, SALE_UNITS);
	naive_init(&naive, world, &line.escrow, OMIT_NOTHING);
	REQUIRE(deal_open(&deal, shop, &line, 0, SALE_UNITS) == SOUK_OK);
	deal_buy(&deal, SALE_UNITS);
	shop_store(shop);
	world_finish_epoch(world);
	struct souk_session_record *record = &shop->kit.records[0];
	for (uint32_t unit = 5; unit <= SALE_UNITS; unit += 7) {
		struct souk_amount here = SOUK_AMOUNT_ZERO, there = SOUK_AMOUNT_ZERO;
		record->unit = unit;
		record->value = souk_chain_value(&deal.customer.payer.chain, unit);
		REQUIRE(souk_provider_claim(&claim, record, &keys) == SOUK_OK);
		enum party from = unit % 3 == 0 ? STRANGER : shop->party;
		if (unit % 5 == 0)
			claim.value.bytes[0] ^= 1;
		if (unit % 4 == 0)
			claim.key.bytes[0] ^= 1;
		souk_status said = court_of_naive(&naive, world, from, &claim, &there);
		souk_status is = court_of_ledger(NULL, world, from, &claim, &here);
		agrees =
			agrees && (said == SOUK_OK) == (is == SOUK_OK) && here.ncoin == there.ncoin;
	}
	shop_free(shop);
	world_free(world);
	return agrees;
}
