/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/payment/lottery.h - which points of a value line win a prize.
 *
 * One offset per escrow and epoch, drawn after the epoch is closed:
 *
 *   o = H("souk/lottery" || beacon || escrow || epoch || attempt) mod prize
 *
 * with attempts rejected that would bias it. Every point o + k * prize wins one
 * prize, for whoever's tickets cover it. So a prefix of length L wins floor or
 * ceil of L / prize prizes, on average exactly L / prize.
 *
 * Memory: values. Threads: any. Spec: spec/payment.md 5. */
#ifndef SOUK_PAYMENT_LOTTERY_H
#define SOUK_PAYMENT_LOTTERY_H

#include "souk/base/amount.h"
#include "souk/base/bytes.h"

/* The offset in [0, prize); PRIZE is at least 1 ncoin. */
struct souk_amount souk_lottery_offset(const struct souk_hash *beacon,
	const struct souk_hash *escrow, uint64_t epoch, struct souk_amount prize);

/* Winning points in [lo, hi): numbers k = *ret_first .. *ret_first + count - 1. Returns count. */
uint64_t souk_lottery_points(uint64_t *ret_first, struct souk_amount offset,
	struct souk_amount prize, struct souk_amount lo, struct souk_amount hi);

#endif
