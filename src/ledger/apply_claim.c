/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims. A claim pays in full or not at all: what it may win was reserved when
 * its segment was allotted, in whole prizes. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/payment/claim.h"
#include "souk/payment/lottery.h"
#include "apply.h"
#include "escrow_epochs.h"
#include "state.h"

struct points {
	struct souk_hash escrow;
	uint64_t epoch;
	uint64_t first;
	uint64_t count;
};

/* The window in which EPOCH pays. An epoch that has not begun is not drawn either. */
static souk_status check_window(
	struct souk_epoch_record *ret, const struct ledger_tx *tx, uint64_t epoch)
{
	souk_status status = souk_ledger_get_epoch(ret, tx->ledger, epoch);
	if (status == SOUK_PEER_WRONG_EPOCH)
		return SOUK_PEER_NOT_DRAWN;
	SOUK_TRY(status);
	if (!ret->drawn)
		return SOUK_PEER_NOT_DRAWN;
	return ledger_epoch_expired(tx->ledger, ret) ? SOUK_PEER_CLAIM_LATE : SOUK_OK;
}

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

/* Walk the points record by record; set their bits and write those records that change where
 * WRITE. RET_UNPAID is how many bits were clear. */
static souk_status walk_points(
	uint64_t *ret_unpaid, struct ledger_tx *tx, const struct points *points, bool write)
{
	uint64_t unpaid = 0, end = points->first + points->count;
	for (uint64_t point = points->first; point < end;) {
		uint64_t index = point / SOUK_LEDGER_PAID_BITS;
		uint64_t record_end = (index + 1) * SOUK_LEDGER_PAID_BITS;
		uint64_t stop = end < record_end ? end : record_end;
		uint64_t base = index * SOUK_LEDGER_PAID_BITS;
		struct souk_ledger_key key =
			souk_ledger_key_paid(&points->escrow, points->epoch, (uint32_t)index);
		struct ledger_paid paid;
		SOUK_TRY(ledger_get_paid(&paid, tx->ledger, &key));
		uint32_t clear =
			set_bits(paid.bits, (uint32_t)(point - base), (uint32_t)(stop - base));
		if (write && clear != 0)
			SOUK_TRY(ledger_put_paid(tx->ledger, &key, &paid));
		unpaid += clear;
		point = stop;
	}
	*ret_unpaid = unpaid;
	return SOUK_OK;
}

/* The winning points that CLAIM has a right to. */
static souk_status find_points(struct points *ret, const struct ledger_tx *tx,
	const struct souk_claim *claim, const struct souk_escrow_record *escrow)
{
	const struct souk_strip *strip = &claim->strip;
	struct souk_allotment_record allotment;
	struct souk_epoch_record epoch;
	struct souk_amount lo, hi;
	SOUK_TRY(souk_ledger_get_allotment(
		&allotment, tx->ledger, &strip->escrow, strip->epoch, strip->segment));
	SOUK_TRY(check_window(&epoch, tx, strip->epoch));
	SOUK_TRY(souk_claim_verify(&lo, &hi, claim, &allotment));
	struct souk_amount offset =
		souk_lottery_offset(&epoch.beacon, &strip->escrow, strip->epoch, escrow->prize);
	ret->escrow = strip->escrow;
	ret->epoch = strip->epoch;
	ret->count = souk_lottery_points(&ret->first, offset, escrow->prize, lo, hi);
	return ret->count == 0 ? SOUK_PEER_CLAIM_NO_PRIZE : SOUK_OK;
}

souk_status ledger_apply_claim(struct ledger_tx *tx, const struct souk_tx_claim *body)
{
	const struct souk_claim *claim = &body->claim;
	struct souk_escrow_record escrow;
	struct points points;
	struct souk_amount payout;
	uint64_t unpaid;
	if (!souk_address_equal(&tx->from, &claim->strip.payee))
		return SOUK_PEER_NOT_PAYEE;
	SOUK_TRY(souk_ledger_get_escrow(&escrow, tx->ledger, &claim->strip.escrow));
	SOUK_TRY(find_points(&points, tx, claim, &escrow));
	struct souk_open_epoch *open = ledger_epochs_find(&escrow, points.epoch);
	if (open == NULL)
		return SOUK_PEER_CLAIM_LATE;
	SOUK_TRY(walk_points(&unpaid, tx, &points, false));
	if (unpaid == 0)
		return SOUK_PEER_CLAIM_PAID;
	SOUK_TRY(souk_amount_mul(&payout, escrow.prize, unpaid));
	SOUK_TRY(souk_amount_add(&open->paid, open->paid, payout));
	if (souk_amount_is_less(open->reserved, open->paid))
		return SOUK_CORRUPT_STATE;
	SOUK_TRY(ledger_tx_credit(tx, payout));
	SOUK_TRY(walk_points(&unpaid, tx, &points, true));
	tx->amount = payout;
	return ledger_put_escrow(tx->ledger, &points.escrow, &escrow);
}
