/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_early.h - a session that is asked for together with the offers, before anybody knows
 * whether they come: so that a stream's first unit is one round trip nearer.
 *
 *   GET offers of all ----------------.--> an offer of whom it was asked, at that price:
 *   POST ask to whom was paid last ---'    its grant is the first session's; else it is forgotten
 *
 * What an offer would say of it is what that provider's last one said: its price; and as many units
 * are asked for as a session has at most, since a provider grants no more than there are chunks. A
 * grant that nobody lays a strip on costs nobody anything.
 *
 * One for each fetch, and only in a stream that an escrow of one's own pays for.
 *
 * Memory: heap; holds secrets, which are wiped. Threads: the fetch's owner; fetch_early_use and
 * fetch_early_suits may be called on any. */
#ifndef SOUK_CLIENT_FETCH_EARLY_H
#define SOUK_CLIENT_FETCH_EARLY_H

#include "fetch_internal.h"
#include "souk/exchange/customer.h"
#include "souk/io/http_fetch.h"

/* Ask by ENGINE, where there is somebody to ask and none was asked yet. */
void fetch_early_ask(struct fetch *fetch, struct souk_http_fetcher *engine);
/* Whether its answer has not come yet, but the offer of whom it was asked has. */
bool fetch_early_is_waited(const struct fetch *fetch);
/* Whether FETCHED answers it; then it is taken. */
bool fetch_early_take(struct fetch *fetch, const struct souk_http_fetched *fetched);
/* It is not waited for any more; before ENGINE is somebody else's. */
void fetch_early_end(struct fetch *fetch, struct souk_http_fetcher *engine);

/* Whether there is a grant for what CONFIG would ask for. */
bool fetch_early_suits(struct fetch *fetch, const struct souk_customer_config *config);
/* fetch_early_use: CUSTOMER becomes what it would be had it asked under CONFIG, but for its seed,
 * and taken the answer.
 *
 * Returns SOUK_OK; or SOUK_LOCAL_NOT_FOUND: there is no grant for that, or not any more, and
 * CUSTOMER is untouched. */
SOUK_MUST_CHECK souk_status fetch_early_use(struct fetch *fetch, struct souk_customer *customer,
	const struct souk_customer_config *config);

void fetch_early_free(struct fetch *fetch);

#endif
