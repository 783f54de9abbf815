/* SPDX-License-Identifier: Apache-2.0
 *
 * A claim pays in full or not at all: what it may win was reserved when its
 * segment was allotted, in whole prizes. */
#include "prizes.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/payment/lottery.h"
#include "state.h"

/* Why an epoch that is not open is not. */
static souk_status why_not_open(const struct ledger_tx *tx, uint64_t number)
{
	struct souk_epoch_record epoch;
	souk_status status = souk_ledger_get_epoch(&epoch, tx->ledger, number);
	if (status == SOUK_PEER_WRONG_EPOCH)
		return SOUK_PEER_NO_ALLOTMENT;
	SOUK_TRY(status);
	return ledger_epoch_expired(tx->ledger, &epoch) ? SOUK_PEER_CLAIM_LATE
							: SOUK_PEER_NO_ALLOTMENT;
}

/* An epoch that has not begun is not drawn either. */
static souk_status read_draw(struct ledger_prizes *prizes, const struct ledger_tx *tx)
{
	struct souk_epoch_record epoch;
	souk_status status = souk_ledger_get_epoch(&epoch, tx->ledger, prizes->epoch);
	if (status == SOUK_PEER_WRONG_EPOCH)
		return SOUK_OK;
	SOUK_TRY(status);
	prizes->drawn = epoch.drawn;
	if (epoch.drawn)
		prizes->offset = souk_lottery_offset(&epoch.beacon, &prizes->escrow.id,
			prizes->epoch, prizes->escrow.record.prize);
	return SOUK_OK;
}

souk_status ledger_prizes_open(struct ledger_prizes *ret, const struct ledger_tx *tx,
	const struct souk_hash *escrow, uint64_t epoch, uint32_t segment)
{
	struct ledger_prizes prizes = {.epoch = epoch};
	SOUK_TRY(ledger_escrow_get(&prizes.escrow, tx->ledger, escrow));
	if (ledger_epochs_find(&prizes.escrow.record, epoch) == NULL)
		return why_not_open(tx, epoch);
	SOUK_TRY(ledger_escrow_allotment(
		&prizes.allotment, tx->ledger, &prizes.escrow, epoch, segment));
	SOUK_TRY(read_draw(&prizes, tx));
	*ret = prizes;
	return SOUK_OK;
}

souk_status ledger_prizes_open_strip(
	struct ledger_prizes *ret, const struct ledger_tx *tx, const struct souk_strip *strip)
{
	struct ledger_prizes prizes;
	SOUK_TRY(ledger_prizes_open(&prizes, tx, &strip->escrow, strip->epoch, strip->segment));
	if (!prizes.drawn)
		return SOUK_PEER_NOT_DRAWN;
	*ret = prizes;
	return SOUK_OK;
}

struct souk_ledger_key ledger_leaf_key(const struct souk_hash *escrow, uint64_t epoch,
	uint32_t segment, uint32_t index, uint32_t depth)
{
	SOUK_CHECK(depth <= SOUK_MERKLE_DEPTH_MAX);
	return souk_ledger_key_leaf(escrow, epoch, segment, (UINT32_C(1) << depth) + index);
}

souk_status ledger_check_no_receipt(
	const struct ledger_tx *tx, const struct souk_strip *strip, uint32_t depth)
{
	struct souk_ledger_key key =
		ledger_leaf_key(&strip->escrow, strip->epoch, strip->segment, strip->leaf, depth);
	struct souk_amount amount;
	souk_status status = ledger_get_leaf(&amount, tx->ledger, &key);
	if (status == SOUK_OK)
		return SOUK_PEER_LEAF_CLAIMED;
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

/* ---- bits ---- */

/* Set the bits [from, end); returns how many were clear. A claim may hold a million points and be
 * refused in the end, so they go by whole words. */
static uint32_t set_bits(uint8_t *bits, uint32_t from, uint32_t end)
{
	uint32_t clear = 0;
	for (uint32_t bit = from; bit < end;) {
		uint64_t word;
		uint8_t mask = (uint8_t)(1u << bit % 8);
		if (bit % 64 == 0 && end - bit >= 64) {
			memcpy(&word, bits + bit / 8, sizeof word);
			memset(bits + bit / 8, 0xff, sizeof word);
			clear += 64 - (uint32_t)__builtin_popcountll(word);
			bit += 64;
			continue;
		}
		clear += (bits[bit / 8] & mask) == 0;
		bits[bit / 8] |= mask;
		bit++;
	}
	return clear;
}

/* The part of POINTS that stands in record INDEX: set; returns how many were clear. */
static uint32_t set_in_record(
	struct ledger_paid *paid, uint64_t index, const struct ledger_points *points)
{
	uint64_t base = index * SOUK_LEDGER_PAID_BITS, end = base + SOUK_LEDGER_PAID_BITS;
	uint64_t from = points->first > base ? points->first : base;
	uint64_t stop = points->first + points->count < end ? points->first + points->count : end;
	return from < stop ? set_bits(paid->bits, (uint32_t)(from - base), (uint32_t)(stop - base))
			   : 0;
}

static struct souk_ledger_key key_of_record(const struct ledger_prizes *prizes, uint64_t index)
{
	return souk_ledger_key_paid(&prizes->escrow.id, prizes->epoch, (uint32_t)index);
}

/* How many of POINTS are neither paid nor in a span already. */
static souk_status count_unpaid(uint64_t *ret, const struct ledger_prizes *prizes,
	const struct ledger_tx *tx, const struct ledger_points *points)
{
	uint64_t unpaid = 0, last = (points->first + points->count - 1) / SOUK_LEDGER_PAID_BITS;
	for (uint64_t index = points->first / SOUK_LEDGER_PAID_BITS; index <= last; index++) {
		struct souk_ledger_key key = key_of_record(prizes, index);
		struct ledger_paid paid;
		SOUK_TRY(ledger_get_paid(&paid, tx->ledger, &key));
		for (uint32_t i = 0; i < prizes->span_count; i++)
			set_in_record(&paid, index, &prizes->spans[i]);
		unpaid += set_in_record(&paid, index, points);
	}
	*ret = unpaid;
	return SOUK_OK;
}

/* Write each record in which POINTS sets a bit. */
static souk_status mark_paid(const struct ledger_prizes *prizes, struct ledger_tx *tx,
	const struct ledger_points *points)
{
	uint64_t last = (points->first + points->count - 1) / SOUK_LEDGER_PAID_BITS;
	for (uint64_t index = points->first / SOUK_LEDGER_PAID_BITS; index <= last; index++) {
		struct souk_ledger_key key = key_of_record(prizes, index);
		struct ledger_paid paid;
		SOUK_TRY(ledger_get_paid(&paid, tx->ledger, &key));
		if (set_in_record(&paid, index, points) != 0)
			SOUK_TRY(ledger_put_paid(tx->ledger, &key, &paid));
	}
	return SOUK_OK;
}

/* ---- spans ---- */

static struct ledger_points points_of(
	const struct ledger_prizes *prizes, struct souk_amount lo, struct souk_amount hi)
{
	struct ledger_points points;
	SOUK_CHECK(prizes->drawn);
	points.count = souk_lottery_points(
		&points.first, prizes->offset, prizes->escrow.record.prize, lo, hi);
	return points;
}

souk_status ledger_prizes_add(struct ledger_prizes *prizes, const struct ledger_tx *tx,
	struct souk_amount lo, struct souk_amount hi)
{
	struct ledger_points points = points_of(prizes, lo, hi);
	uint64_t unpaid;
	SOUK_CHECK(prizes->span_count < SOUK_CLAIM_ITEMS_MAX);
	if (points.count == 0)
		return SOUK_PEER_CLAIM_NO_PRIZE;
	SOUK_TRY(count_unpaid(&unpaid, prizes, tx, &points));
	if (unpaid == 0)
		return SOUK_PEER_CLAIM_PAID;
	prizes->spans[prizes->span_count++] = points;
	prizes->unpaid += unpaid;
	return SOUK_OK;
}

souk_status ledger_prizes_any_paid(bool *ret, const struct ledger_prizes *prizes,
	const struct ledger_tx *tx, struct souk_amount lo, struct souk_amount hi)
{
	struct ledger_points points = points_of(prizes, lo, hi);
	uint64_t unpaid = 0;
	if (points.count != 0)
		SOUK_TRY(count_unpaid(&unpaid, prizes, tx, &points));
	*ret = unpaid != points.count;
	return SOUK_OK;
}

souk_status ledger_prizes_pay(struct ledger_prizes *prizes, struct ledger_tx *tx)
{
	struct souk_open_epoch *open = ledger_epochs_find(&prizes->escrow.record, prizes->epoch);
	struct souk_amount payout, paid;
	SOUK_CHECK(open != NULL);
	SOUK_TRY(souk_amount_mul(&payout, prizes->escrow.record.prize, prizes->unpaid));
	SOUK_TRY(souk_amount_add(&paid, open->paid, payout));
	if (souk_amount_is_less(open->reserved, paid))
		return SOUK_CORRUPT_STATE;
	open->paid = paid;
	SOUK_TRY(ledger_tx_credit(tx, payout));
	tx->amount = payout;
	for (uint32_t i = 0; i < prizes->span_count; i++)
		SOUK_TRY(mark_paid(prizes, tx, &prizes->spans[i]));
	return ledger_escrow_put(tx->ledger, &prizes->escrow);
}
