/* SPDX-License-Identifier: Apache-2.0
 *
 * actor_sponsor.h - a sponsor: souk_sponsor with an escrow, a disk, and caches.
 *
 *   rounds --+-- new epoch: a leaf for each cache, in one allotment
 *            '-- once that is on the ledger: whoever has a leaf is enlisted
 *   SIM_BUNDLE   words[0] SIM_BUNDLE_ASK: signed_bundle_ask     -> bundle_open
 *                         SIM_BUNDLE_COMPLAINT: signed_bundle_complaint
 *   SIM_SEGMENT  segment_claim                                  -> segment_tickets
 *
 * Recruits are not sent: what a recruit and its answer would say follows from who the two are, so
 * that nobody need carry it. Every provider in the directory is a cache of all that it stocks; or,
 * with `replica-units`, as many are as demand wants (sponsor_recruits.c).
 *
 * Networks: a viewer's is its place in its population modulo `prefixes`.
 *
 * A content's bytes, where a puzzle is over them, follow from its id and the offset.
 *
 * A population's `line` is the sponsor's escrow line, 0 what its viewers may need.
 *
 * What it tells the auditor: OPENED and ISSUED, for the session of each cache.
 *
 * Memory: heap. Threads: one. */
#ifndef SOUK_SIM_ACTOR_SPONSOR_H
#define SOUK_SIM_ACTOR_SPONSOR_H

#include "actors.h"
#include "content.h"
#include "limit.h"
#include "scenario.h"
#include "souk/content/recruiting.h"
#include "souk/content/sponsor.h"
#include "writes.h"

enum sim_bundle_message { SIM_BUNDLE_ASK, SIM_BUNDLE_COMPLAINT };

/* ---------------------------------------------------------------- for caches and viewers */

/* What PROVIDER shares with the sponsor whose ESCROW it is, for CONTENT at PRICE; false: it is
 * none's.
 */
bool sim_sponsor_secret(struct sim_node *provider, const struct souk_hash *escrow,
	const struct souk_hash *content, struct souk_amount price, struct souk_hash *ret);
/* SIZE bytes of CONTENT at OFFSET. */
void sim_sponsor_bytes(const struct souk_hash *content, uint64_t offset, uint8_t *out, size_t size);
/* One of the sponsors, by NUMBER modulo how many there are; NULL: none. */
struct sim_node *sim_sponsor_pick(struct sim_world *world, uint32_t number);
/* One of SPONSOR's own viewers, whose bundle it was, saw this of PROVIDER. */
void sim_sponsor_audited(struct sim_node *sponsor, const struct souk_address *viewer,
	const struct souk_nonce *bundle, const struct souk_address *provider, souk_status seen);

/* ---------------------------------------------------------------- the inside */

#define SIM_SPONSOR_ANSWERS 256u

/* An answer that may be wanted again. */
struct sim_sponsor_answer {
	struct souk_nonce bundle;
	uint32_t size;
	uint8_t *bytes;
};

/* The caches of a content, where demand says how many. */
struct sim_crew {
	struct souk_recruiting recruiting;
	uint64_t units; /* paid, at the last look */
	uint32_t enlisted;
};

struct sim_sponsor {
	struct sim_node *node;
	struct souk_hash escrow;
	struct souk_amount line;
	uint64_t token_count;

	/* The process. */
	bool is_running;
	struct souk_sponsor *sponsor;
	void *memory;
	struct sim_writes writes;
	bool wants_commit;
	uint64_t round_us, armed_us;
	struct sim_limit *limit;
	/* Leaves of the epoch, and of the allotment that is on its way: one for each cache. */
	struct souk_allotment_leaf *leaves;
	struct souk_payer_leaf *free;
	struct souk_sum_node *scratch;
	uint32_t leaf_count, leaf_max;
	uint64_t leaf_epoch;
	uint64_t token; /* of the allotment; 0: none is under way */
	bool has_leaves;
	bool is_spoilt; /* started within the epoch: what was laid in it is not known */
	uint32_t seen;	/* providers at the last round */
	uint64_t replica_units, hold_ms; /* 0: everybody is a cache */
	struct sim_crew *crews;		 /* of contents */
	struct souk_prospect *prospects; /* scratch: one for each leaf */
	uint32_t prospect_count;
	struct sim_sponsor_answer answers[SIM_SPONSOR_ANSWERS];
	uint32_t answer_count;
	struct souk_bundle_open *open; /* scratch, as the next two */
	struct souk_sponsor_work *work;
	uint8_t *bytes;
};

static inline struct sim_sponsor *sim_sponsor_of(struct sim_node *node)
{
	return node->state;
}

/* money */
void sim_sponsor_open_escrow(struct sim_sponsor *s, const struct sim_population *population);
/* A leaf for each cache, once in an epoch. */
void sim_sponsor_allot(struct sim_sponsor *s, uint64_t epoch);
void sim_sponsor_allotted(struct sim_sponsor *s, souk_status status);
/* The leaf of PROVIDER and its proof in OPEN; NULL: none in this epoch. */
struct souk_payer_leaf *sim_sponsor_leaf(
	struct sim_sponsor *s, const struct souk_address *provider, struct souk_strip_open *open);

/* caches */
souk_status sim_sponsor_enlist(
	struct sim_sponsor *s, const struct souk_address *provider, uint32_t number);
/* As many caches of each content as are wanted now. */
void sim_sponsor_follow(struct sim_sponsor *s);
/* The network of node ID. */
uint64_t sim_sponsor_network(struct sim_world *world, uint32_t id);

/* store */
void sim_sponsor_restore(struct sim_sponsor *s);
void sim_sponsor_pump(struct sim_sponsor *s);

#endif
