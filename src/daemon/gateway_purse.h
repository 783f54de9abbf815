/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_purse.h - how much of the user's own money a gateway may spend in a day.
 *
 *   take --> a fetch may spend so much --> settle with what it did spend
 *
 * A fetch is given a part of what is left of the day, so that several never pass the budget
 * together; one that has used its part up asks again. What is given counts as spent until it is
 * settled, on the disk too: a crash can only make the day shorter.
 *
 *   HOME/gateway.day   "DAY NCOIN": days since 1970 in UTC, and what counts as spent
 *
 * Memory: heap. Threads: any. */
#ifndef SOUK_DAEMON_GATEWAY_PURSE_H
#define SOUK_DAEMON_GATEWAY_PURSE_H

#include <stdbool.h>

#include "souk/base/amount.h"

struct gateway_purse;

/* What a fetch may spend, and of which day's budget. */
struct gateway_part {
	struct souk_amount amount;
	uint64_t day;
};

/* gateway_purse_open: BUDGET a day, with what HOME remembers of this one.
 *
 * Returns SOUK_OK, SOUK_IO_READ, SOUK_IO_MEMORY, or
 *   SOUK_CORRUPT_STORE  HOME/gateway.day is not what was written. Look at it, and remove it. */
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
/* Of PART, which take gave, SPENT was used. What is left of another day is gone. */
void gateway_purse_settle(
	struct gateway_purse *purse, struct gateway_part part, struct souk_amount spent);
/* At NOW_MS: what was spent that day, and what is given to fetches that run. */
void gateway_purse_figures(struct gateway_purse *purse, uint64_t now_ms,
	struct souk_amount *ret_spent, struct souk_amount *ret_given);

#endif
