/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor_internal.h - what sponsor.c (who is drawn), sponsor_segment.c (what is paid) and
 * sponsor_store.c (what is kept) share. */
#ifndef SOUK_CONTENT_SPONSOR_INTERNAL_H
#define SOUK_CONTENT_SPONSOR_INTERNAL_H

#include "souk/content/sponsor.h"

/* NULL where there is none. */
struct souk_sponsor_content *sponsor_content_of(
	const struct souk_sponsor *sponsor, const struct souk_hash *id);
struct souk_sponsor_cache *sponsor_cache_of(const struct souk_sponsor *sponsor,
	const struct souk_address *provider, const struct souk_hash *content);
/* Another one of CONTENT, empty; NULL: no room. */
struct souk_sponsor_cache *sponsor_cache_add(
	struct souk_sponsor *sponsor, struct souk_sponsor_content *content);
struct souk_sponsor_viewer *sponsor_viewer_of(
	const struct souk_sponsor *sponsor, const struct souk_address *address);
struct souk_sponsor_bundle *sponsor_bundle_of(
	const struct souk_sponsor *sponsor, const struct souk_nonce *bundle);
/* The network's entry, made where there is none; NULL: no room. */
struct souk_sponsor_prefix *sponsor_prefix_of(struct souk_sponsor *sponsor, uint64_t prefix);
/* The network that B's viewer asked from, or NULL: its epoch is over. */
struct souk_sponsor_prefix *sponsor_network_of(
	struct souk_sponsor *sponsor, const struct souk_sponsor_bundle *b);
/* ADDRESS must not be there yet. NULL: no room. */
struct souk_sponsor_viewer *sponsor_viewer_add(
	struct souk_sponsor *sponsor, const struct souk_address *address, uint64_t prefix);

struct souk_bundle_plan sponsor_plan_of(
	const struct souk_sponsor *sponsor, const struct souk_sponsor_bundle_record *record);
/* What UNITS of each of a bundle's caches cost. */
struct souk_amount sponsor_worth(const struct souk_sponsor_bundle *b, uint64_t units);
/* B->row, from the record. SOUK_OK, or SOUK_LOCAL_OVERFLOW. */
SOUK_MUST_CHECK souk_status sponsor_row_of(struct souk_sponsor_bundle *b);
/* What B may still cost. */
struct souk_amount sponsor_left(
	const struct souk_sponsor *sponsor, const struct souk_sponsor_bundle *b);
/* A free slot, or NULL. */
struct souk_sponsor_bundle *sponsor_bundle_slot(struct souk_sponsor *sponsor);
/* B, filled, counts from now on: it is held for. */
void sponsor_bundle_start(struct souk_sponsor *sponsor, struct souk_sponsor_bundle *b,
	enum souk_sponsor_bundle_state state, struct souk_time now);
/* Nothing more is paid for it. */
void sponsor_bundle_end(struct souk_sponsor *sponsor, struct souk_sponsor_bundle *b);

/* WORK is what the sessions of B, which is drawn, are made from. */
void sponsor_begin_sessions(struct souk_sponsor_work *work, const struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle *b);

/* TOTAL + GAIN, or the most there is. */
void sponsor_add(struct souk_amount *total, struct souk_amount gain);

/* To be stored. */
void sponsor_touch_content(struct souk_sponsor *sponsor, struct souk_sponsor_content *content);
void sponsor_touch_cache(struct souk_sponsor *sponsor, struct souk_sponsor_cache *cache);
void sponsor_touch_viewer(struct souk_sponsor *sponsor, struct souk_sponsor_viewer *viewer);
void sponsor_touch_bundle(struct souk_sponsor *sponsor, struct souk_sponsor_bundle *b);

#endif
