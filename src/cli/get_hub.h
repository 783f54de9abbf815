/* SPDX-License-Identifier: Apache-2.0
 *
 * get_hub.h - souk get --hub: a hub pays the providers, for the credit of this home's account.
 *
 *   get_hub_begin    who the hub is, and what it owes us
 *   get_hub_plan     prices with its fee; sessions that the credit covers
 *   get_hub_open     a session: ask, hub_open, strip (a job of `openers`)
 *   get_hub_buy      the planner's BUY, a job of its own; get_hub_take: its answers
 *   get_hub_end      close what is open, keep the last statement
 *
 * Neither an escrow nor an account on the ledger is needed. */
#ifndef SOUK_CLI_GET_HUB_H
#define SOUK_CLI_GET_HUB_H

#include "get.h"

/* Prints its own error and returns false on failure. */
bool get_hub_begin(struct get *get, const char *name);
void get_hub_plan(struct get *get, struct souk_download_config *config);
/* Threads and connections, once the providers are known. */
SOUK_MUST_CHECK souk_status get_hub_start(struct get *get);
/* As a provider's open_session. */
SOUK_MUST_CHECK souk_status get_hub_open(
	struct get_provider *provider, struct souk_strip_open *open);
void get_hub_buy(struct get *get, const struct souk_download_effect *effect);
void get_hub_take(struct get *get);
/* After the openers ended. NULL as get->hub is allowed. */
void get_hub_end(struct get *get);
/* Of what was spent, what the hub keeps. */
struct souk_amount get_hub_fee(const struct get *get);

#endif
