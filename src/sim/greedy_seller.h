/* SPDX-License-Identifier: Apache-2.0
 *
 * greedy_seller.h - what sellers that cheat have in common: an honest one, bent.
 *
 * A greedy seller is sim_provider_actor but for its `make`, and a twist over what it sends. All
 * other functions are these, which pass on.
 *
 * Memory: heap; node->twist_state is a struct greedy_seller, freed by _done. Threads: one. */
#ifndef SOUK_SIM_GREEDY_SELLER_H
#define SOUK_SIM_GREEDY_SELLER_H

#include "actor_provider.h"

/* Sessions of which a cheat remembers what it did. */
#define GREEDY_SELLER_SESSIONS 64u

struct greedy_seller_session {
	struct souk_nonce session;
	uint32_t paid; /* highest ticket seen */
	uint32_t junk; /* highest unit that was garbage */
};

struct greedy_seller {
	uint64_t knobs[SIM_KNOBS_MAX];
	struct greedy_seller_session sessions[GREEDY_SELLER_SESSIONS];
	uint32_t turn;	 /* the session that is forgotten next */
	bool is_sending; /* of its own accord: the twist lets pass */
};

static inline struct greedy_seller *greedy_seller_of(struct sim_node *node)
{
	return node->twist_state;
}

/* The honest make, and TWIST over it. */
void greedy_seller_make(struct sim_node *node, const struct sim_population *population,
	const struct sim_twist *twist);
/* Remember what a request is about, before it is answered: for sim_twist.receive. */
void greedy_seller_note(struct sim_node *node, const struct sim_message *message);
/* Put garbage in the place of REPLY's body. It costs nothing to make, nor does it count as served.
 */
void greedy_seller_spoil(struct sim_node *node, struct sim_unit_reply *reply);
/* The session that REPLY is of. */
struct greedy_seller_session *greedy_seller_session(
	struct sim_node *node, const struct sim_unit_reply *reply);

void greedy_seller_start(struct sim_node *node);
void greedy_seller_message(struct sim_node *node, const struct sim_message *message);
void greedy_seller_timer(struct sim_node *node);
void greedy_seller_ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount);
void greedy_seller_crash(struct sim_node *node);
void greedy_seller_finish(struct sim_node *node);
void greedy_seller_done(struct sim_node *node);

/* All of a greedy seller's functions but `make`. */
#define GREEDY_SELLER_FUNCTIONS                                                                    \
	.has_disk = true, .is_greedy = true, .honest = "provider", .start = greedy_seller_start,   \
	.message = greedy_seller_message, .timer = greedy_seller_timer,                            \
	.ledger = greedy_seller_ledger, .crash = greedy_seller_crash,                              \
	.finish = greedy_seller_finish, .done = greedy_seller_done

#endif
