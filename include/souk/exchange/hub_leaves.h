/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/exchange/hub_leaves.h - the leaves of a hub's escrow: where its strips are laid.
 *
 *   allotted --keep--> kept: free from `used` on --use, strip after strip--> used up
 *                       ^                                  |
 *   stored session --restore                              its place goes to a newer one
 *
 * A leaf is worth many sessions, so that few need a transaction. After a restart
 * it goes on where the stored sessions end: they hold its path. What is not used
 * of it is free again after its epoch. With the table full, the one used longest
 * ago is forgotten: the rest of it is lost for the epoch.
 *
 * Invariant: H5 of souk/exchange/hub.h: `used` of a leaf only grows.
 * Memory: caller's, SOUK_HUB_LEAVES_MAX items. Threads: one owner. Spec: spec/exchange.md 8. */
#ifndef SOUK_EXCHANGE_HUB_LEAVES_H
#define SOUK_EXCHANGE_HUB_LEAVES_H

#include "souk/payment/payer.h"

#define SOUK_HUB_LEAVES_MAX 256u

struct souk_hub_leaf {
	struct souk_address provider;
	struct souk_payer_leaf free; /* amount 0: the place is free */
	struct souk_allotment_leaf leaf;
	uint16_t depth;
	struct souk_sum_step path[20];
	uint64_t used_at; /* by the clock of the table */
};

struct souk_hub_leaves {
	struct souk_hub_leaf *items; /* SOUK_HUB_LEAVES_MAX, all zero at first */
	uint64_t clock;		     /* rises with each use */
};

/* The leaf of PROVIDER in EPOCH with most room, or NULL. */
struct souk_hub_leaf *souk_hub_leaves_find(
	struct souk_hub_leaves *leaves, const struct souk_address *provider, uint64_t epoch);

/* Whether NEED fits into what is free of LEAF. */
bool souk_hub_leaf_has_room(const struct souk_hub_leaf *leaf, struct souk_amount need);

/* What a new leaf is to be worth where NEED is wanted and ROOM is left of the line: a part of what
 * is left, not of the line, or as many providers would use it up. More than ROOM where NEED is. */
struct souk_amount souk_hub_leaf_amount(struct souk_amount need, struct souk_amount room);

/* Remember a leaf that was allotted: its free part, and leaf and path in PROOF. */
void souk_hub_leaves_keep(struct souk_hub_leaves *leaves, const struct souk_payer_leaf *free,
	const struct souk_strip_open *proof);
/* Remember the leaf of a stored session, used up to its strip's end at least. A strip without an
 * end is ignored. */
void souk_hub_leaves_restore(
	struct souk_hub_leaves *leaves, const struct souk_hub_session_record *record);

/* A strip is to be laid on LEAF: leaf and path go into PROOF. */
void souk_hub_leaves_use(
	struct souk_hub_leaves *leaves, struct souk_hub_leaf *leaf, struct souk_strip_open *proof);

#endif
