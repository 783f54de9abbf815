/* SPDX-License-Identifier: Apache-2.0
 *
 * audit.h - the auditor: what must hold in every market, whoever cheats and whatever breaks.
 *
 * It knows what honest actors tell it as it happens (notes), and what the ledger says. It takes no
 * part: it sends nothing, and nobody asks it.
 *
 * Memory: heap. Threads: one. The invariants: docs/simulator.md. */
#ifndef SOUK_SIM_AUDIT_H
#define SOUK_SIM_AUDIT_H

#include "sim.h"

/* X(name, text of the violation) */
#define SIM_VIOLATIONS(X)                                                                          \
	X(SUPPLY, "supply", "money was made or lost")                                              \
	X(REPLAY, "replay", "the log, replayed, leads to another state")                           \
	X(PROVIDER_LOSS, "provider-loss", "an honest provider lost more than a window a session")  \
	X(CUSTOMER_LOSS, "customer-loss", "an honest customer lost more than a window a session")  \
	X(HUB_LOSS, "hub-loss", "an honest hub lost money")                                        \
	X(SPONSOR_LOSS, "sponsor-loss", "a sponsor paid for more than its documented bound")       \
	X(UNPAID_CLAIM, "unpaid-claim", "what an honest provider won was not paid")                \
	X(OVERPAID, "overpaid", "more was paid than was owed and a prize")                         \
	X(UNDELIVERED, "undelivered", "a unit was paid, and not delivered, beyond the window")     \
	X(STUCK, "stuck", "an honest download did not end although faults were over")              \
	X(PUNISHED, "punished", "an honest party was convicted, or forfeited a penalty")           \
	X(BLAMED, "blamed", "an honest party was blamed by another")                               \
	X(FORGOTTEN, "forgotten", "what was durable was lost")                                     \
	X(UNEXPECTED, "unexpected", "an expectation of the scenario does not hold")

enum sim_violation_kind {
#define X(name, ...) SIM_VIOLATION_##name,
	SIM_VIOLATIONS(X)
#undef X
		SIM_VIOLATION_KINDS,
};

extern const char *const sim_violation_names[SIM_VIOLATION_KINDS];
extern const char *const sim_violation_texts[SIM_VIOLATION_KINDS];

struct sim_violation {
	enum sim_violation_kind kind;
	uint32_t node; /* UINT32_MAX: of the market */
	uint64_t world_us;
	int64_t measured; /* ncoin, units or ms, as the text says */
	int64_t allowed;
	char text[160];
};

/* Many of one kind leave room for each other kind: what is expected must not hide what is not. */
#define SIM_VIOLATIONS_MANY 32
#define SIM_VIOLATIONS_KEPT (SIM_VIOLATIONS_MANY + SIM_VIOLATION_KINDS)

/* What actors tell, as it happens. What greedy ones tell is not believed, but where it only counts
 * what they gained. `session` is the grant's. Told again, with the same or a lower number, is no
 * harm. */
enum sim_note_kind {
	SIM_NOTE_OPENED, /* provider (strip accepted), customer (it was told so), hub (strip laid):
			  * session with `peer`, `unit` units at `amount` each, paid by `strip` */
	SIM_NOTE_SERVED, /* provider: body of `unit` leaves, for the first time */
	SIM_NOTE_ACCEPTED, /* provider: tickets up to `unit` are accepted */
	SIM_NOTE_ISSUED,   /* customer, hub: tickets up to `unit` are issued; bought, via a hub */
	SIM_NOTE_VERIFIED, /* customer: units up to `unit` are verified */
	SIM_NOTE_DURABLE,  /* provider: tickets up to `unit` are on the disk, from `world_us` on */
	SIM_NOTE_RESTORED, /* provider, hub: came back with tickets up to `unit` */
	SIM_NOTE_CLAIMED,  /* provider: the session is settled: the ledger paid `amount` (0 where
			    * nothing was won), or said `status`, for good */
	SIM_NOTE_BLAMED,   /* `peer` broke the protocol, by `status` */
	SIM_NOTE_WANTED,   /* customer: a download of `content` begins; `unit` units */
	SIM_NOTE_DONE,	   /* customer: it is complete */
	SIM_NOTE_FAILED,   /* customer: it was given up, for `status` */
	SIM_NOTE_CREDIT,   /* hub: `peer`'s tickets up to `unit` count, `amount` each */
	SIM_NOTE_REDEEMED, /* hub: voucher `session` gave `peer` credit of `amount` */
	SIM_NOTE_RECEIPT,  /* provider, customer: the leaf of `session` is receipted at `amount` */
};

struct sim_note {
	enum sim_note_kind kind;
	uint32_t peer; /* node, or UINT32_MAX */
	struct souk_nonce session;
	uint32_t unit;
	uint32_t content; /* its number */
	struct souk_amount amount;
	souk_status status;
	uint64_t world_us;		     /* DURABLE; 0: now */
	const struct souk_strip_open *strip; /* OPENED; borrowed; NULL: not known */
};

struct sim_audit *sim_audit_new(struct sim_world *world);
void sim_audit_free(struct sim_audit *audit);
void sim_note(struct sim_node *node, const struct sim_note *note);
/* Called by the world now and then, and at the end. */
void sim_audit_check(struct sim_audit *audit);
void sim_audit_end(struct sim_audit *audit);
/* Add a violation; the first of each kind and node is kept. */
void sim_audit_violation(struct sim_audit *audit, enum sim_violation_kind kind, uint32_t node,
	int64_t measured, int64_t allowed, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
uint32_t sim_audit_count(const struct sim_audit *audit);
const struct sim_violation *sim_audit_at(const struct sim_audit *audit, uint32_t index);

/* What NODE gained, in ncoin: money of all kinds now, less what it was funded with, plus the value
 * of what it got, less the cost of what it served. */
int64_t sim_audit_profit(struct sim_audit *audit, const struct sim_node *node);

#endif
