/* SPDX-License-Identifier: Apache-2.0
 *
 * greedy_payer.h - a payer that drives its purchases by hand, so that it can do what an honest
 * customer's state machines would never do.
 *
 *   escrow --> each epoch: leaves, allotment --> deals: offer, ask, strip --> units, tickets
 *                          (plan->allot)                 (plan->lay)         (plan->ticket)
 *
 * Money, handshake and secrets are the real ones. What is cheated in is the plan's: each function
 * may be NULL, and is then honest. Every key that comes is tried on every body that came before:
 * what can be read counts in tally.units_had, however it was come by.
 *
 * Memory: heap, 56 KiB for each deal. Threads: one. */
#ifndef SOUK_SIM_GREEDY_PAYER_H
#define SOUK_SIM_GREEDY_PAYER_H

#include "actors.h"
#include "ledger.h"
#include "scenario.h"
#include "souk/exchange/customer.h"
#include "souk/payment/allotment.h"

#define GREEDY_DEALS	16u
#define GREEDY_LEAVES	16u
#define GREEDY_BODIES	128u
#define GREEDY_TICK_MS	50u
#define GREEDY_PATIENCE 5000000u /* us for an answer */
/* Tokens from here on are the plan's own. */
#define GREEDY_TOKEN 16u

struct greedy_payer;

enum greedy_step {
	GREEDY_FREE,
	GREEDY_OFFER, /* asked for an offer */
	GREEDY_ASK,
	GREEDY_STRIP,
	GREEDY_OPEN,
	GREEDY_OVER, /* for `status` */
};

struct greedy_body {
	uint32_t unit; /* 0: none */
	bool was_read;
	struct souk_unit_cipher cipher;
	uint64_t chunk;
};

struct greedy_deal {
	enum greedy_step step;
	uint32_t seller;	/* node */
	uint32_t number;	/* of the content */
	uint32_t units;		/* that it asks for; the strip's length */
	uint32_t leaf;		/* of the payer's leaves */
	uint32_t place;		/* among the payer's deals: the low digit of every request */
	uint32_t request;	/* of the last control message */
	uint32_t first_request; /* of a unit; later ones are above */
	uint64_t since_us;	/* when it was sent, or when anything came last */
	souk_status status;
	struct souk_customer customer;
	struct souk_strip_open open;
	uint32_t asked;	   /* units asked for, in order */
	uint32_t answered; /* requests answered, whatever for */
	uint32_t flying;
	uint32_t got;	/* bodies 1 to got came */
	uint32_t paid;	/* the highest ticket sent */
	uint32_t keyed; /* the highest key */
	uint32_t had;	/* bodies that could be read */
	uint64_t mark;	/* the plan's own */
	struct greedy_body bodies[GREEDY_BODIES];
};

struct greedy_plan {
	bool is_bold;	 /* asks for units that no seller would send unpaid */
	bool is_waiting; /* keeps deals that go no further */
	/* Fill the payer's leaves for this epoch; the default is one for each seller, all alike.
	 * False: nothing is allotted. */
	bool (*allot)(struct greedy_payer *payer);
	/* The epoch's money is on the ledger: begin deals. */
	void (*ready)(struct greedy_payer *payer);
	/* Complete deal->open, whose strip and grant are known; the default proves its leaf.
	 * False: the deal is over. */
	bool (*lay)(struct greedy_payer *payer, struct greedy_deal *deal);
	/* The ticket on the next request; the default pays for all that came. */
	uint32_t (*ticket)(struct greedy_payer *payer, struct greedy_deal *deal);
	/* DEAL moved on: another step, or an answer to a unit with STATUS. */
	void (*moved)(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status);
	/* Every GREEDY_TICK_MS. */
	void (*tick)(struct greedy_payer *payer);
	void (*ledger)(struct greedy_payer *payer, uint64_t token, souk_status status,
		struct souk_amount amount);
};

struct greedy_payer {
	struct sim_node *node;
	const struct greedy_plan *plan;
	uint64_t knobs[SIM_KNOBS_MAX];
	struct souk_identity issuer;
	struct souk_nonce salt;
	struct souk_hash escrow;
	struct souk_amount line, prize, deposit, price;
	bool is_opening, is_open, is_allotting, is_closing;
	uint64_t withdraw_us;
	bool is_done;	   /* no more epochs */
	uint64_t epoch;	   /* current */
	uint64_t allotted; /* epoch + 1 that was; 0: none */
	uint32_t epochs;   /* that were allotted so far */
	uint32_t segment;
	struct souk_time epoch_end;
	uint32_t leaf_count;
	struct souk_allotment_leaf leaves[GREEDY_LEAVES];
	struct souk_payer_leaf free[GREEDY_LEAVES];
	uint32_t sellers[GREEDY_LEAVES];
	uint32_t seller_count;
	struct greedy_deal *deals[GREEDY_DEALS];
	uint32_t requests;
	uint64_t mark; /* the plan's own */
};

static inline struct greedy_payer *greedy_payer_of(struct sim_node *node)
{
	return node->state;
}

/* For sim_actor.make: a payer with LINE units to promise in an epoch; the population's line, where
 * it says. */
void greedy_payer_make(struct sim_node *node, const struct sim_population *population,
	const struct greedy_plan *plan, uint64_t line_units);

/* Draw COUNT sellers out of the directory into payer->sellers; returns how many there are. */
uint32_t greedy_sellers(struct greedy_payer *payer, uint32_t count);
/* greedy_leaf: one more leaf, of UNITS, for SELLER (UINT32_MAX: open). */
void greedy_leaf(struct greedy_payer *payer, uint32_t seller, uint64_t units);
/* Begin to buy UNITS at most from SELLER, paid out of LEAF; NULL where no deal is free. */
struct greedy_deal *greedy_begin(
	struct greedy_payer *payer, uint32_t seller, uint32_t leaf, uint32_t units);
/* Path and signature of LEAF of these LEAVES: what the ledger has, or a lie. */
void greedy_prove(struct greedy_payer *payer, struct greedy_deal *deal,
	const struct souk_allotment_leaf *leaves, uint32_t count, uint32_t index);
/* Ask for UNIT (0: the key alone) as CHUNK with TICKET (0: none). */
void greedy_request(struct greedy_payer *payer, struct greedy_deal *deal, uint32_t unit,
	uint64_t chunk, uint32_t ticket);
/* The same with any ticket at all, good or bad. */
void greedy_request_with(struct greedy_payer *payer, struct greedy_deal *deal, uint32_t unit,
	uint64_t chunk, const struct souk_ticket *ticket);
/* Go on: ask for as many units as may be in flight, with the plan's tickets. */
void greedy_stream(struct greedy_payer *payer, struct greedy_deal *deal);
void greedy_end(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status);
/* Deals that are neither free nor over. */
uint32_t greedy_running(const struct greedy_payer *payer);

void greedy_payer_start(struct sim_node *node);
void greedy_payer_message(struct sim_node *node, const struct sim_message *message);
void greedy_payer_timer(struct sim_node *node);
void greedy_payer_ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount);
void greedy_payer_finish(struct sim_node *node);
void greedy_payer_done(struct sim_node *node);

/* All of a greedy payer's functions but `make`. */
#define GREEDY_PAYER_FUNCTIONS                                                                     \
	.is_greedy = true, .honest = "customer", .start = greedy_payer_start,                      \
	.message = greedy_payer_message, .timer = greedy_payer_timer,                              \
	.ledger = greedy_payer_ledger, .finish = greedy_payer_finish, .done = greedy_payer_done

#endif
