/* SPDX-License-Identifier: Apache-2.0
 *
 * view.h - a content fetched at a sponsor's expense: bundles of souk/content/viewer.h over HTTP.
 *
 *   wants --> [plan] --> bundle: key, ask, strips with n units, segments ... --> the next one
 *                         |                                          '-- events.chunk, verified
 *                         '-- a cache failed: complain, and another bundle from what lacks on
 *
 * One thread runs it: every message and every unit goes over one engine that never waits for one
 * peer, so that connections to a cache or a sponsor are shared by bundles. Solving, decrypting and
 * checking are done by worker threads.
 *
 * It pays nothing, and needs neither escrow nor account. Its keys are in HOME/viewers
 * (view_key.h).
 *
 * What can be lost to others: time. Memory is bounded whatever they offer: VIEW_MEMORY_MAX for
 * units, of all bundles.
 *
 * Memory: heap. Threads: view_run on one; view_want, view_stop and view_figures_now on any while it
 * runs. Spec: spec/sponsor.md 6. */
#ifndef SOUK_CLIENT_VIEW_H
#define SOUK_CLIENT_VIEW_H

#include "fetch.h"
#include "market.h"
#include "control_call.h"
#include "souk/content/viewer.h"

#define VIEW_MEMORY_MAX (512ull << 20)

/* Who pays, and where it answers. */
struct view_sponsor {
	struct souk_address address;
	char name[CONTROL_NAME_SIZE];
};

/* What one bundle came to; for who runs viewers to see what caches do. What it points to is gone
 * after the call. */
struct view_outcome {
	const struct souk_address *viewer;
	const struct souk_nonce *bundle;
	const struct view_sponsor *sponsor;
	const struct souk_bundle_offer *offer;
	uint32_t count;
	struct souk_address providers[SOUK_BUNDLE_CACHES_MAX];
	/* SOUK_OK: it gave everything; SOUK_LOCAL_STATE: nothing can be said; or what it did. */
	souk_status seen[SOUK_BUNDLE_CACHES_MAX];
};

struct view_early;

/* Texts and pointers are borrowed until view_free. */
struct view_config {
	const char *home; /* NULL: a fresh key for each bundle, kept nowhere */
	const char *ledger_url;
	const struct view_sponsor *sponsors; /* in the order in which they are tried */
	size_t sponsor_count;
	struct souk_content content;
	const struct souk_hash *row;
	const struct market_entry *entries; /* providers that are known already; others are looked
					       up on the ledger */
	size_t entry_count;
	/* A bundle of the first sponsor that is there already, and is view_new's where that returns
	 * SOUK_OK; NULL: none. */
	struct view_early *early;
	const struct souk_signed_admission *admission; /* NULL: none */
	uint64_t timeout_ms;			       /* 0: 5,000 */
	uint64_t patience_ms; /* without a new chunk it gives up; 0: 60,000 */
	bool is_streaming;
	struct fetch_events events;
	/* A bundle was drawn, and is over. On view_run's thread. May be NULL. */
	void (*outcome)(void *ctx, const struct view_outcome *outcome);
	/* A bundle was drawn; anything but SOUK_OK ends the fetch. May be NULL. */
	souk_status (*drawn)(void *ctx, const struct souk_address *viewer);
};

struct view;

/* SOUK_OK, SOUK_IO_MEMORY, or SOUK_LOCAL_USAGE (a sponsor's name is none). Nothing is sent yet. */
SOUK_MUST_CHECK souk_status view_new(struct view **ret, const struct view_config *config);

/* CHUNK is here already: before view_run. */
void view_have(struct view *view, uint32_t chunk);

/* view_run: until all is there, or no sponsor pays (any more).
 *
 * Returns SOUK_OK, SOUK_LOCAL_STOPPED, what events.chunk said; or, with a sentence in DETAIL,
 *   SOUK_PEER_SPONSOR_QUOTA      the quota of this viewer, or of its network, is used up: pay, or
 *                                wait for the next epoch.
 *   SOUK_PEER_SPONSOR_ADMISSION  the sponsor's site must let the viewer in.
 *   SOUK_LOCAL_BUDGET            the sponsor's budget is spent.
 *   SOUK_LOCAL_NO_PROVIDER_LEFT  it has not enough caches.
 *   any other                    neither sponsor nor caches did what they must: try again, or pay.
 * What was given to events.chunk stays good; what lacks may be fetched in another way. */
SOUK_MUST_CHECK souk_status view_run(struct view *view, char detail[FETCH_DETAIL_SIZE]);

/* COUNT chunks from FIRST on are wanted soon, the newest want first; only the last few are
 * remembered. COUNT 0: nothing is wanted any more. */
void view_want(struct view *view, uint32_t first, uint32_t count);
void view_stop(struct view *view);
struct fetch_figures view_figures_now(struct view *view);
/* Which caches served: at most MAX of them; returns how many. After view_run. */
size_t view_sources(struct view *view, struct fetch_source *out, size_t max);

void view_free(struct view *view); /* NULL is allowed; not while it runs */

#endif
