/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_ask.h - who offers a content, and its chunk row: asked for in one round trip.
 *
 *   every provider: GET /v1/offers/ID?row=MOST  --> verified offers; behind some of them a row,
 *                                                   checked once the content's shape is known
 *
 * Each is asked over one connection. Who is known to have answered lately is asked for a long row,
 * anybody for a short one; a content of one chunk needs none. If none of those rows is right, the
 * others are asked for it, the cheapest first; and while one trickles, another beside it.
 *
 * Memory: heap. Threads: one owner. */
#ifndef SOUK_CLIENT_FETCH_ASK_H
#define SOUK_CLIENT_FETCH_ASK_H

#include "fetch_internal.h"
#include "souk/io/http_fetch.h"

struct fetch_ask;

/* SOUK_OK or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status fetch_ask_new(struct fetch_ask **ret, struct fetch *fetch);
void fetch_ask_free(struct fetch_ask *ask); /* NULL is allowed */

/* fetch_ask_offers: fill the offers of the fetch's entries. Returns when all have answered; or, in
 * a stream, once a sponsor that was asked beside them has given a bundle (fetch_first.h), a moment
 * after the first, or once only those are left that were silent lately: they
 * do not hold up a reader.
 *
 * Returns SOUK_OK, whatever they answered, or SOUK_IO_*: nobody could be asked. */
SOUK_MUST_CHECK souk_status fetch_ask_offers(struct fetch_ask *ask);

/* fetch_ask_row: the row of the fetch's content, from one of its entries, whose order may have
 * changed meanwhile. *RET_ROW is heap.
 *
 * Returns SOUK_OK, or why the last one had none. */
SOUK_MUST_CHECK souk_status fetch_ask_row(struct fetch_ask *ask, struct souk_hash **ret_row);

#endif
