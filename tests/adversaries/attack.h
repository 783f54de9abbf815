/* SPDX-License-Identifier: Apache-2.0
 *
 * attack.h - what an adversary is: a way to cheat, with one knob, run in two worlds.
 *
 * The guarded world is the real code. In the other one a single check is missing:
 * a naive party of the harness does what the real one does, but for that check.
 * Profit is what the cheater has beyond an honest party in its place, in prices
 * of one unit (u) unless the row says otherwise; loss is what the honest side
 * lost. Everything follows from the seed. */
#ifndef SOUK_ADVERSARIES_ATTACK_H
#define SOUK_ADVERSARIES_ATTACK_H

#include <stdbool.h>
#include <stdint.h>

#define KNOBS_MAX 6

struct outcome {
	int64_t profit;
	int64_t loss;
};

struct attack {
	const char *name;
	const char *who;	   /* cheats */
	const char *how;	   /* in one line */
	const char *guard;	   /* what stops it */
	const char *where;	   /* in the specification */
	const char *code;	   /* in the code */
	const char *unit;	   /* of profit and loss */
	const char *knob;	   /* what the cheater chooses; NULL: nothing */
	uint32_t knobs[KNOBS_MAX]; /* the values it tries, up to the first 0 but for knobs[0] */
	int64_t bound;		   /* profit against the real code is never above */
	int64_t loss_bound;	   /* nor the honest side's loss */
	struct outcome (*run)(uint64_t seed, bool guarded, uint32_t knob);
};

/* One list for each family; a list ends with an attack without a name. */
extern const struct attack payer_attacks[];
extern const struct attack ticket_attacks[];
extern const struct attack payee_attacks[];
extern const struct attack claim_attacks[];
extern const struct attack operator_attacks[];
extern const struct attack agreement_attacks[];
extern const struct attack hub_attacks[];
extern const struct attack receipt_attacks[];
extern const struct attack open_leaf_attacks[];

/* Whether the naive judge without an omission says what the ledger says. */
bool naive_agrees(uint64_t seed);

#endif
