/* SPDX-License-Identifier: Apache-2.0
 *
 * audit_internal.h - what the auditor remembers, and how its parts call each other.
 *
 *   notes --> sides of sessions (audit_sessions.c) --> leaves: what must be won (audit_leaves.c)
 *                                                  --> downloads, blame (audit_people.c)
 *   ledger --> money, agreements, escrows (audit_money.c)
 *   scenario's faults --> what may be excused (audit_excuse.c)
 *
 * A session has sides: who sells it, who buys it, who lays its strip for another. Each side is what
 * one honest node tells, under the session's name and its own: a cheat that reuses a name mixes
 * nothing up.
 *
 * Memory: heap, by audit_table. Threads: one. */
#ifndef SOUK_SIM_AUDIT_INTERNAL_H
#define SOUK_SIM_AUDIT_INTERNAL_H

#include "audit.h"
#include "ledger.h"
#include "scenario.h"
#include "souk/base/map.h"

#define NOBODY	UINT32_MAX
#define NO_ITEM UINT32_MAX

/* ---------------------------------------------------------------- tables */

/* Items of one size that grow in number; each begins with its key. Pointers to items are good until
 * the next audit_table_get. */
struct audit_table {
	uint8_t *items;
	size_t item_size;
	size_t key_size;
	uint32_t count, room;
	uint32_t *slots;
	struct souk_map map;
};

void audit_table_init(struct audit_table *table, size_t item_size, size_t key_size);
void audit_table_free(struct audit_table *table);
/* The item of KEY, or NULL. */
void *audit_table_find(const struct audit_table *table, const void *key);
/* The item of KEY; made, all zero but its key, where there is none. */
void *audit_table_get(struct audit_table *table, const void *key);
void *audit_table_at(const struct audit_table *table, uint32_t index);
uint32_t audit_table_index(const struct audit_table *table, const void *item);

/* ---------------------------------------------------------------- sides of sessions */

enum audit_role { AUDIT_SELLER, AUDIT_BUYER, AUDIT_HUB, AUDIT_SPONSOR };

struct audit_side_key {
	struct souk_nonce session;
	uint32_t node;
	uint32_t role;
};

/* Tickets on their way to the disk. */
struct audit_flush {
	uint32_t unit;
	uint64_t at_us;
};

#define AUDIT_FLUSHES 4

struct audit_side {
	struct audit_side_key key;
	uint32_t peer;
	uint32_t other;	       /* the opposite side, or NO_ITEM: it cheats, or has not spoken */
	uint32_t leaf;	       /* or NO_ITEM */
	uint32_t next_of_leaf; /* the next side of its leaf, or NO_ITEM */
	bool is_opened;
	bool is_settled; /* seller: the last word on its claim was heard */
	bool is_lost;	 /* seller: was restarted, and did not come back with it */
	uint32_t units;
	uint64_t price;
	uint64_t start; /* of the strip in its leaf */
	/* seller */
	uint32_t served;
	uint32_t accepted;	/* as the process knows */
	uint32_t accepted_most; /* ever */
	uint32_t forgotten;	/* by a crash: tickets of the last commit interval */
	uint32_t durable;
	uint32_t incarnation; /* of the process that knows it */
	uint64_t dirty_us;    /* since when a ticket waits for the disk; 0: none does */
	struct audit_flush flushes[AUDIT_FLUSHES];
	uint64_t claimed;
	souk_status claim_status;
	/* buyer, hub */
	uint32_t issued;
	uint32_t verified;
	uint32_t seller_incarnation; /* when the buyer heard that it is open */
	uint32_t counted;	     /* hub: of the customer's tickets */
	uint64_t cost;		     /* of one of them */
};

/* ---------------------------------------------------------------- leaves and escrows */

struct audit_leaf_key {
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t segment;
	uint32_t leaf;
	uint32_t depth;
	uint32_t zero;
};

struct audit_leaf {
	struct audit_leaf_key key;
	bool is_open; /* pays anybody */
	bool is_base_known;
	uint64_t before;       /* what the leaves before it in its segment hold */
	uint64_t base;	       /* where its segment starts on the value line */
	uint64_t receipt;      /* as the payee told; 0: none */
	uint64_t receipt_paid; /* as the payer told: the most */
	uint32_t sellers;      /* first of its sides of sellers, or NO_ITEM */
};

struct audit_escrow {
	struct souk_hash id;
	bool is_known; /* the ledger was asked */
	uint32_t payer;
	uint64_t prize;
};

/* A point of a value line that was paid. */
struct audit_point {
	struct souk_hash escrow;
	uint64_t epoch;
	uint64_t number;
};

/* ---------------------------------------------------------------- hubs, agreements */

struct audit_account_key {
	uint32_t hub;
	uint32_t customer;
};

struct audit_account {
	struct audit_account_key key;
	uint64_t credit, spent;
};

struct audit_voucher {
	struct souk_nonce secret;
	uint32_t hub, customer;
};

/* An agreement's challenge that was asked last. */
struct audit_challenge {
	struct souk_hash agreement;
	uint64_t asked_us;
};

/* ---------------------------------------------------------------- people */

struct audit_person {
	uint64_t wanted, ended;
	uint64_t wanted_us;   /* the last one */
	uint64_t progress_us; /* the last time that anything came of one */
	uint64_t unclaimed;   /* leaves that won and were not claimed */
	uint64_t claimed;     /* as it told */
	uint64_t paid;	      /* by claims, as the blocks say */
	int64_t money;	      /* of all kinds, see audit_money.c */
};

struct sim_audit {
	struct sim_world *world;
	struct sim_violation violations[SIM_VIOLATIONS_KEPT];
	uint32_t violation_count;
	struct audit_table sides;
	struct audit_table leaves;
	struct audit_table escrows;
	struct audit_table points;
	struct audit_table accounts;
	struct audit_table vouchers;
	struct audit_table challenges;
	struct audit_person *people;
	uint32_t people_count;
	uint64_t money_height; /* of the block that people->money is of; UINT64_MAX: none */
};

/* ---------------------------------------------------------------- parts */

struct audit_person *audit_person_of(struct sim_audit *audit, uint32_t node);
bool audit_is_honest(struct sim_audit *audit, uint32_t node);

/* audit_sessions.c */
void audit_session_note(
	struct sim_audit *audit, struct sim_node *node, const struct sim_note *note);
void audit_sessions_check(struct sim_audit *audit);
void audit_sessions_end(struct sim_audit *audit);
struct audit_side *audit_side_of(
	struct sim_audit *audit, const struct souk_nonce *session, uint32_t node, uint32_t role);
/* As what NODE takes part in sessions; a reseller in those of which it buys. */
enum audit_role audit_role_of(const struct sim_node *node);
uint32_t audit_window(struct sim_audit *audit, const struct audit_side *buyer);

/* audit_leaves.c */
void audit_leaf_opened(
	struct sim_audit *audit, struct audit_side *side, const struct souk_strip_open *open);
void audit_leaves_check(struct sim_audit *audit);
void audit_leaves_end(struct sim_audit *audit);
/* Payer and prize of an escrow; NULL where the ledger has never had it. */
const struct audit_escrow *audit_escrow_of(struct sim_audit *audit, const struct souk_hash *id);
/* The moment of world time that a time of the ledger is. */
uint64_t audit_us_of(struct souk_time time);

/* audit_log.c: what is in the blocks. */
void audit_log_end(struct sim_audit *audit);

/* audit_hubs.c */
void audit_hub_note(struct sim_audit *audit, struct sim_node *node, const struct sim_note *note);

/* audit_people.c */
void audit_people_note(struct sim_audit *audit, struct sim_node *node, const struct sim_note *note);
void audit_people_end(struct sim_audit *audit);
void audit_progress(struct sim_audit *audit, uint32_t node);

/* audit_money.c */
void audit_money_check(struct sim_audit *audit);
void audit_money_end(struct sim_audit *audit);

/* audit_excuse.c */
#define AUDIT_FAULT(kind) (1u << SIM_FAULT_##kind)
#define AUDIT_ALL_FAULTS  UINT32_MAX
/* Whether a fault of MASK may strike NODE at any time in [from, to]. */
bool audit_is_struck(
	struct sim_audit *audit, uint32_t node, uint32_t mask, uint64_t from_us, uint64_t to_us);
/* The longest time in [from, to] in which no fault of MASK may strike NODE. */
uint64_t audit_quiet_us(
	struct sim_audit *audit, uint32_t node, uint32_t mask, uint64_t from_us, uint64_t to_us);
/* From when on no fault strikes anybody, with what crashes and clocks leave behind. */
uint64_t audit_healed_us(struct sim_audit *audit);
/* Sum of `amount` over the faults of MASK that may strike NODE, for each time that they come. */
uint64_t audit_fault_sum(struct sim_audit *audit, uint32_t node, uint32_t mask);

#endif
