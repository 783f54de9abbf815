/* SPDX-License-Identifier: Apache-2.0
 *
 * actor_viewer.h - who downloads at a sponsor's expense: souk_viewer, bundle after bundle.
 *
 *   wish --> bundle: ask, segments --+--> the next bundle, from what lacks on
 *     ^                              '--> had it all, or gave it up
 *     '---- pause
 *
 * The strip of a session goes to its cache with the request for the first unit.
 *
 * Units are bodies, not bytes: a puzzle is solved by asking for the bytes that a way leads to,
 * where the body is there. Whoever lacks it is stuck, as with the real ones.
 *
 * A viewer has a fresh key for each epoch, and the sponsor knows its network.
 *
 * With the knob `audits` it is one of the sponsor's own: what it sees, the sponsor hears.
 *
 * Greedy viewers are this one with other ways (struct sim_viewer_ways).
 *
 * Memory: heap. Threads: one. */
#ifndef SOUK_SIM_ACTOR_VIEWER_H
#define SOUK_SIM_ACTOR_VIEWER_H

#include "actor_sponsor.h"
#include "souk/content/viewer.h"

#define SIM_VIEWER_PIPELINE 4u
#define SIM_VIEWER_RING	    (2 * SOUK_BUNDLE_SEGMENT_MAX)
#define SIM_VIEWER_CALLS    (1u + SOUK_BUNDLE_CACHES_MAX * (1u + SIM_VIEWER_PIPELINE))

/* A request that is not answered. */
struct sim_viewer_call {
	uint32_t number; /* 0: free */
	uint32_t to;
	struct souk_time due;
	struct souk_viewer_effect effect;
};

/* A unit that came, by what is in it. */
struct sim_viewer_unit {
	uint32_t unit; /* 0: none */
	bool is_made;  /* it was not fetched */
	struct sim_body body;
};

/* A bundle under way. */
struct sim_viewing {
	struct souk_viewer viewer;
	struct souk_viewer_cache caches[SOUK_BUNDLE_CACHES_MAX];
	struct sim_viewer_unit units[SOUK_BUNDLE_CACHES_MAX][SIM_VIEWER_RING];
	struct sim_viewer_call calls[SIM_VIEWER_CALLS];
	struct souk_strip_open strips[SOUK_BUNDLE_CACHES_MAX];
	bool is_counted; /* caches were drawn */
};

/* How a greedy viewer is another. Each may be NULL. */
struct sim_viewer_ways {
	/* A key for the next bundle; NUMBER is in and out. */
	void (*choose_key)(struct sim_node *node, struct souk_identity *ret, uint64_t *number);
	/* Caches were drawn: whether it goes on. */
	bool (*goes_on)(struct sim_node *node, struct sim_viewing *v);
	/* Make UNIT of CACHE up, in place of fetching it; false: fetch it. Its cache gets the strip
	 * of the session all the same, alone, and may be asked again what it makes of that unit. */
	bool (*makes)(struct sim_node *node, struct sim_viewing *v, uint32_t cache, uint32_t unit,
		struct souk_unit_cipher *ret);
	/* A puzzle has no solution: whether it claims with a token that it made up. */
	bool (*guesses)(struct sim_node *node);
	/* The key of UNIT of CACHE, from who shares it: no ticket is sent, and no key asked for.
	 * What is read so is of value. */
	bool (*knows_key)(struct sim_node *node, const struct sim_viewing *v, uint32_t cache,
		uint32_t unit, struct souk_hash *ret);
	/* A unit was fetched. */
	void (*fetched)(struct sim_node *node);
};

struct sim_viewer {
	struct sim_node *node;
	const struct sim_population *of;
	const struct sim_viewer_ways *ways; /* NULL: honest */
	bool is_auditor;
	/* The person. */
	uint64_t wishes; /* left */
	/* The process. */
	struct souk_time next; /* when it does something by itself */
	uint32_t want;	       /* content, or UINT32_MAX */
	uint32_t tries, serial;
	uint64_t epoch, number;
	bool has_key;
	struct souk_identity key;
	uint64_t *have; /* chunks of what it wants */
	struct sim_viewing *viewing;
};

static inline struct sim_viewer *sim_viewer_of(struct sim_node *node)
{
	return node->state;
}

/* The key of UNIT of CACHE, as cache and sponsor have it; false: it is no cache of the sponsor's.
 */
bool sim_viewer_shared_key(struct sim_node *node, const struct sim_viewing *v, uint32_t cache,
	uint32_t unit, struct souk_hash *ret);
/* The node of a bundle's cache. */
struct sim_node *sim_viewer_cache(
	struct sim_node *node, const struct sim_viewing *v, uint32_t cache);
void sim_viewer_make(struct sim_node *node, const struct sim_population *population,
	const struct sim_viewer_ways *ways, bool is_auditor);
void sim_viewer_start(struct sim_node *node);
void sim_viewer_message(struct sim_node *node, const struct sim_message *message);
void sim_viewer_timer(struct sim_node *node);
void sim_viewer_crash(struct sim_node *node);
void sim_viewer_finish(struct sim_node *node);
void sim_viewer_done(struct sim_node *node);

#define SIM_VIEWER_FUNCTIONS                                                                       \
	.start = sim_viewer_start, .message = sim_viewer_message, .timer = sim_viewer_timer,       \
	.crash = sim_viewer_crash, .finish = sim_viewer_finish, .done = sim_viewer_done

/* effects: carry out what a bundle wants; and what came of it. */
void sim_viewer_pull(struct sim_node *node);
void sim_viewer_answer(struct sim_node *node, const struct sim_message *message);
void sim_viewer_overdue(struct sim_node *node);
/* The bundle came to its end: VIEWING is still there. */
void sim_viewer_ended(struct sim_node *node);

#endif
