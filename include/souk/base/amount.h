/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/base/amount.h - money: whole nanocoins, arithmetic that cannot wrap.
 *
 * 1 coin = 1,000,000,000 ncoin. Every operation is checked and its status must
 * be read; on failure the output is untouched, so no sum is ever half made.
 *
 * Memory: values. Threads: any. */
#ifndef SOUK_BASE_AMOUNT_H
#define SOUK_BASE_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/base/status.h"

#define SOUK_NCOIN_PER_COIN 1000000000u
/* Room for any amount as text: 11 digits, a point, 9 digits, a terminator. */
#define SOUK_AMOUNT_TEXT_SIZE 24

struct souk_amount {
	uint64_t ncoin;
};

#define SOUK_AMOUNT_ZERO ((struct souk_amount){0})

static inline struct souk_amount souk_amount_of_ncoin(uint64_t ncoin)
{
	return (struct souk_amount){ncoin};
}

/* souk_amount_add, _sub, _mul: a + b, a - b, a * n.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_OVERFLOW  the result is no amount; *ret is untouched. Refuse what asked for it. */
SOUK_MUST_CHECK souk_status souk_amount_add(
	struct souk_amount *ret, struct souk_amount a, struct souk_amount b);
SOUK_MUST_CHECK souk_status souk_amount_sub(
	struct souk_amount *ret, struct souk_amount a, struct souk_amount b);
SOUK_MUST_CHECK souk_status souk_amount_mul(
	struct souk_amount *ret, struct souk_amount a, uint64_t n);

static inline bool souk_amount_is_less(struct souk_amount a, struct souk_amount b)
{
	return a.ncoin < b.ncoin;
}

/* souk_amount_parse: coins from text such as "12", "0.5" or "0.000000001".
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_BAD_AMOUNT  not digits with at most nine decimals; ask for it again.
 *   SOUK_LOCAL_OVERFLOW    more than 18.4 thousand million coins. */
SOUK_MUST_CHECK souk_status souk_amount_parse(struct souk_amount *ret, const char *text);

/* The amount in coins, without needless zeros: "12", "0.5", "0.000000001". */
void souk_amount_format(char out[SOUK_AMOUNT_TEXT_SIZE], struct souk_amount amount);

#endif
