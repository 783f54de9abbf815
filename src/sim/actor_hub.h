/* SPDX-License-Identifier: Apache-2.0
 *
 * actor_hub.h - a hub: souk_hub with an escrow, a disk, and customers who have no escrow.
 *
 *   messages --+                      +--> writes --> disk --> answers leave
 *   rounds ----+--> souk_hub --effects+
 *   opens that need a leaf --> wait --> one allotment for all of them --> go on
 *
 * It does what soukd does as a hub, in the same order. Where the daemon allots a leaf for each
 * opening in turn, this one takes all providers that are waited for into one allotment.
 *
 * Credit: each customer of a population that buys through a hub was sold one voucher at each hub,
 * before the world began. It is derived, so that nobody need carry it there. What customers paid
 * for it moved on no ledger: the auditor counts what they spend of it.
 *
 * A population's `line` is the hub's escrow line, 0 what its customers may need.
 *
 * What it tells the auditor: REDEEMED, OPENED, CREDIT as they happen, with the account's node;
 * ISSUED as the answer leaves; RESTORED.
 *
 * Memory: heap. Threads: one. */
#ifndef SOUK_SIM_ACTOR_HUB_H
#define SOUK_SIM_ACTOR_HUB_H

#include "actors.h"
#include "limit.h"
#include "scenario.h"
#include "souk/exchange/hub.h"
#include "souk/exchange/hub_leaves.h"
#include "writes.h"

/* ---------------------------------------------------------------- for customers */

/* What CUSTOMER was sold at HUB: its voucher, and what that is worth. */
struct souk_nonce sim_hub_voucher(const struct sim_node *hub, const struct sim_node *customer);
struct souk_amount sim_hub_credit(const struct sim_node *hub, const struct sim_node *customer);
/* The hub's escrow. */
struct souk_hash sim_hub_escrow(const struct sim_node *hub);

/* ---------------------------------------------------------------- the inside */

#define SIM_HUB_WAITING 256u
/* Leaves of one allotment. */
#define SIM_HUB_ALLOT_MAX 31u

/* An allotment on its way to the ledger. */
struct sim_hub_allotment {
	uint64_t token; /* a deep fork has the ledger tell of a transaction twice */
	uint64_t epoch;
	uint32_t segment;
	uint32_t count; /* the last one is nobody's */
	struct souk_allotment_leaf leaves[SIM_HUB_ALLOT_MAX + 1];
};

/* A request to open a session, until there is a leaf for it. */
struct sim_hub_opening {
	struct souk_hub_open *open;
	struct sim_message *answer; /* addressed, and empty */
	uint32_t tries;
};

/* A ticket that was sold; to be told once the answer leaves. */
struct sim_hub_sale {
	struct souk_nonce session;
	uint32_t unit;
};

struct sim_hub_sales {
	struct sim_hub_sale *items;
	uint32_t count, max;
};

struct sim_hub {
	struct sim_node *node;
	struct souk_hash escrow;
	struct souk_amount line;

	/* The process. */
	bool is_running;
	struct souk_hub hub;
	void *memory;
	struct sim_writes writes;
	bool wants_commit;
	uint64_t round_us, armed_us;
	struct sim_limit *limit;
	struct souk_hub_leaves leaves;
	uint64_t token_count; /* outlives crashes, to tell old results from new ones */
	struct sim_hub_allotment *allotment;		  /* NULL: none is under way */
	struct sim_hub_opening openings[SIM_HUB_WAITING]; /* in the order they came */
	uint32_t opening_count;
	struct sim_hub_sales waiting, running;	/* for the next commit, by the one that runs */
	struct souk_hub_session_record *record; /* scratch, as the next two */
	struct souk_strip_open *proof;
	uint8_t *bytes;
};

static inline struct sim_hub *sim_hub_of(struct sim_node *node)
{
	return node->state;
}

/* store */
void sim_hub_restore(struct sim_hub *h);
void sim_hub_pump(struct sim_hub *h);
SOUK_MUST_CHECK souk_status sim_hub_record(const struct sim_hub *h,
	const struct souk_nonce *session, struct souk_hub_session_record *ret);
/* The record of the voucher SECRET, also of one that was sold and not redeemed yet. */
SOUK_MUST_CHECK souk_status sim_hub_voucher_record(const struct sim_hub *h,
	const struct souk_nonce *secret, struct souk_hub_voucher_record *ret);
void sim_hub_put_voucher(struct sim_hub *h, const struct souk_nonce *secret,
	const struct souk_hub_voucher_record *record);

/* money */
/* ANSWER waits for it, and is sent. OPEN is copied. */
void sim_hub_open(struct sim_hub *h, const struct souk_hub_open *open, struct sim_message *answer);
void sim_hub_allotted(struct sim_hub *h, souk_status status);

/* actor */
void sim_hub_hold(struct sim_hub *h, struct sim_message *answer);
/* ANSWER says STATUS, and leaves. */
void sim_hub_refuse(struct sim_hub *h, struct sim_message *answer, souk_status status);

/* Encode VALUE into ANSWER, which has no bytes yet. */
#define SIM_HUB_ENCODE(name, size_max, answer, value)                                              \
	do {                                                                                       \
		struct souk_writer writer_;                                                        \
		(answer)->bytes = sim_alloc(size_max);                                             \
		souk_writer_init(&writer_, (answer)->bytes, size_max);                             \
		souk_##name##_encode(&writer_, (value));                                           \
		SOUK_CHECK(!writer_.full);                                                         \
		(answer)->size = (uint32_t)writer_.size;                                           \
	} while (0)

#endif
