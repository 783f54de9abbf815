/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_purse.h - how much of its own money a home may spend in a day: a gateway's, for what its
 * readers want, and a cache's, for what it was recruited for.
 *
 *   take --> a fetch may spend so much --> settle with what it did spend
 *
 * A fetch is given a part of what is left of the day, so that several never pass the budget
 * together; one that has used its part up asks again. What is given counts as spent until it is
 * settled, on the disk too: a crash can only make the day shorter. That takes a moment, in which
 * a fetch can look for who sells: it takes first, and keeps before anything is paid.
 *
 * The clock may leap. One that goes back gives no new budget, and none is given for the same day
 * again; but a day that is far ahead is not waited for: what is spent counts for the day that it
 * is now, and the next one has its own.
 *
 *   HOME/FILE   "DAY NCOIN": days since 1970 in UTC, and what counts as spent
 *
 * Memory: heap. Threads: any. */
#ifndef SOUK_DAEMON_GATEWAY_PURSE_H
#define SOUK_DAEMON_GATEWAY_PURSE_H

#include <stdbool.h>

#include "souk/base/amount.h"

struct gateway_purse;

/* What a fetch may spend, and of which budget. */
struct gateway_part {
	struct souk_amount amount;
	uint64_t turn; /* its number since the start; 0: none */
};

/* gateway_purse_open_file: BUDGET a day, with what HOME/FILE remembers of this one.
 *
 * Returns SOUK_OK, SOUK_IO_READ, SOUK_IO_MEMORY, or
 *   SOUK_CORRUPT_STORE  HOME/FILE is not what was written. Look at it, and remove it. */
SOUK_MUST_CHECK souk_status gateway_purse_open_file(
	struct gateway_purse **ret, const char *home, const char *file, struct souk_amount budget);
/* The same with gateway.day. */
SOUK_MUST_CHECK souk_status gateway_purse_open(
	struct gateway_purse **ret, const char *home, struct souk_amount budget);
void gateway_purse_close(struct gateway_purse *purse); /* NULL is allowed */

/* gateway_purse_take: a part of what is left at NOW_MS since 1970, or, with ALL, the whole of it,
 * durably.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_BUDGET  the day's budget is used up, or given to others.
 *   SOUK_IO_*          it cannot be remembered: spend nothing. */
SOUK_MUST_CHECK souk_status gateway_purse_take(
	struct gateway_purse *purse, uint64_t now_ms, bool all, struct gateway_part *ret_part);
/* The same, to be kept before anything of it is spent. SOUK_OK or SOUK_LOCAL_BUDGET. */
SOUK_MUST_CHECK souk_status gateway_purse_take_soon(
	struct gateway_purse *purse, uint64_t now_ms, bool all, struct gateway_part *ret_part);
/* What was taken up to now is on the disk. SOUK_OK, or SOUK_IO_*: spend nothing of it, and settle.
 */
SOUK_MUST_CHECK souk_status gateway_purse_keep(struct gateway_purse *purse);
/* As gateway_purse_take, with just AMOUNT: all of it, or SOUK_LOCAL_BUDGET. */
SOUK_MUST_CHECK souk_status gateway_purse_take_amount(struct gateway_purse *purse, uint64_t now_ms,
	struct souk_amount amount, struct gateway_part *ret_part);
/* Of PART, which take gave, SPENT was used; what was used beyond it counts, too. What is left of
 * another day is gone. */
void gateway_purse_settle(
	struct gateway_purse *purse, struct gateway_part part, struct souk_amount spent);
/* At NOW_MS: what was spent that day, and what is given to fetches that run. */
void gateway_purse_figures(struct gateway_purse *purse, uint64_t now_ms,
	struct souk_amount *ret_spent, struct souk_amount *ret_given);

#endif
