/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_first.h - a sponsor that paid before, asked first: for a bundle of a content of which
 * nothing is known but its id (view_early.h).
 *
 *   GET offers of all -------------.--> its bundle: size, row, sessions; nobody else is needed
 *   POST ask to who paid last -----'--> a refusal, or nothing in time: the offers count
 *
 * One sponsor, once for each fetch, and only where nothing of it is here and its start is wanted:
 * what is drawn in vain is charged to the quota. One that does not pay for this content says so,
 * and has heard that somebody wants it: nobody is asked who did not pay before, or was not named by
 * the user.
 *
 * Memory: heap. Threads: the fetch's owner. */
#ifndef SOUK_CLIENT_FETCH_FIRST_H
#define SOUK_CLIENT_FETCH_FIRST_H

#include "fetch_internal.h"
#include "souk/io/http_fetch.h"

/* Ask by ENGINE, where there is somebody to ask and none was asked yet. */
void fetch_first_ask(struct fetch *fetch, struct souk_http_fetcher *engine);
/* Whether FETCHED answers it; then it is taken. */
bool fetch_first_take(struct fetch *fetch, const struct souk_http_fetched *fetched,
	struct souk_http_fetcher *engine);
bool fetch_first_is_waited(const struct fetch *fetch);
/* Whether its bundle is there, and is good. */
bool fetch_first_has_come(const struct fetch *fetch);
/* It is not waited for any more; before ENGINE is somebody else's. */
void fetch_first_end(struct fetch *fetch, struct souk_http_fetcher *engine);

/* fetch_first_content: what the content is, and its row, by the bundle that has come.
 *
 * Returns SOUK_OK, or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status fetch_first_content(struct fetch *fetch);

/* fetch_first_alone: ask that sponsor, and nobody else, and wait.
 *
 * Returns SOUK_OK: it has come; SOUK_LOCAL_NOT_FOUND: there is nobody to ask; or why not. */
SOUK_MUST_CHECK souk_status fetch_first_alone(struct fetch *fetch);

void fetch_first_free(struct fetch *fetch);

#endif
