/* SPDX-License-Identifier: Apache-2.0
 *
 * view_sponsors.h - who pays for viewers of a content, and where: caches know, and are asked.
 *
 *   each cache: GET /v1/sponsors/ID --> signed recruits --> verified: the sponsor's own words
 *
 * A cache can only leave a sponsor out, or name one that pays for nothing: the recruit is signed by
 * the sponsor, for this cache and content, and states where it answers.
 *
 * Memory: caller's; heap while it runs. Threads: any. */
#ifndef SOUK_CLIENT_VIEW_SPONSORS_H
#define SOUK_CLIENT_VIEW_SPONSORS_H

#include "market.h"
#include "view.h"
#include "view_early.h"

#define VIEW_SPONSORS_MAX 8u

/* The address of the sponsor that NAME is, as HOME remembers it: HOME/viewers/name-<D(NAME)>. Who
 * asks another than it is is told so, and asks who it is. False: it was never met, or lately not.
 */
bool view_sponsor_known(struct view_sponsor *ret, const char *home, const char *name);
/* What cannot be written is asked for again. */
void view_sponsor_keep(const struct view_sponsor *sponsor, const char *home);

/* view_find_sponsors: ask the providers of ENTRIES, many at once, until one has named a sponsor,
 * and then as long again as that took: whoever most of them name comes first.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  nobody names any.
 *   SOUK_IO_*             nobody answered at all. */
SOUK_MUST_CHECK souk_status view_find_sponsors(const struct market_entry *entries, size_t count,
	const struct souk_hash *content, uint64_t timeout_ms,
	struct view_sponsor ret[VIEW_SPONSORS_MAX], size_t *ret_count);

/* view_name_sponsor: the sponsor that NAME ("https://HOST:PORT#PIN") is, asked who it is.
 *
 * Returns SOUK_OK, SOUK_LOCAL_USAGE, or those of sponsor_client_status, with a sentence in DETAIL.
 */
SOUK_MUST_CHECK souk_status view_name_sponsor(struct view_sponsor *ret, const char *name,
	uint64_t timeout_ms, char detail[FETCH_DETAIL_SIZE]);

struct view_answer {
	struct souk_sponsored_content content; /* unchecked, and so is the row */
	struct souk_bytes row;		       /* empty: none came */
	uint8_t bytes[SOUK_SPONSORED_CONTENT_SIZE_MAX + 1024 + VIEW_ROW_MAX];
};

/* view_ask_content: what CONTENT is, by the sponsor that NAME is.
 *
 * Returns as view_name_sponsor, and
 *   SOUK_PEER_UNKNOWN_CONTENT  it does not pay for it. */
SOUK_MUST_CHECK souk_status view_ask_content(struct view_sponsor *ret,
	struct view_answer *ret_answer, const char *name, const struct souk_hash *content,
	uint64_t timeout_ms, char detail[FETCH_DETAIL_SIZE]);

#endif
