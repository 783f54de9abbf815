/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_hub.h - a hub pays the providers, for the credit of this home's account.
 *
 *   paid_hub_begin    who the hub is, and what it owes us
 *   paid_hub_plan     prices with its fee; sessions that the credit covers
 *   paid_hub_open     a session: ask, hub_open, strip (a job of `openers`)
 *   paid_hub_buy      the planner's BUY, a job of its own; paid_hub_take: its answers
 *   paid_hub_end      close what is open, keep the last statement
 *
 * Neither an escrow nor an account on the ledger is needed. */
#ifndef SOUK_CLIENT_FETCH_HUB_H
#define SOUK_CLIENT_FETCH_HUB_H

#include "fetch_paid.h"

/* As fetch_open. */
SOUK_MUST_CHECK souk_status paid_hub_begin(struct paid *paid, char detail[FETCH_DETAIL_SIZE]);
void paid_hub_plan(struct paid *paid, struct souk_download_config *config);
/* Threads and connections, once the providers are known. */
SOUK_MUST_CHECK souk_status paid_hub_start(struct paid *paid);
/* As a provider's open_session. */
SOUK_MUST_CHECK souk_status paid_hub_open(
	struct paid_provider *provider, struct souk_strip_open *open);
void paid_hub_buy(struct paid *paid, const struct souk_download_effect *effect);
void paid_hub_take(struct paid *paid);
/* After the openers ended. NULL as paid->hub is allowed. */
void paid_hub_end(struct paid *paid);
/* Of what was spent, what the hub keeps. */
struct souk_amount paid_hub_fee(const struct paid *paid);

#endif
