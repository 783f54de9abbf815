/* SPDX-License-Identifier: Apache-2.0
 *
 * keys.h - re-encryption in a simulated market: real policies, proofs, statements and verdicts on
 * the real ledger; how units are paid is modelled.
 *
 *   owner    -- agreement, key fragment --> proxy: checks, locks its deposit
 *            -- policy --> receiver, auditors
 *   receiver -- OPEN, UNIT (capsule, late block), PAY --> proxy     one after the other
 *   auditor  the same, of a grant that it draws; what it finds goes to the ledger, or to the owner
 *   owner    -- revokes on the ledger, DELETE --> proxy: a receipt
 *
 * PAY stands for a ticket: it counts, k_j is the answer, and what is owed is transferred now and
 * then. What tickets are worth, and how they are cheated with, is what all the other scenarios are
 * about. A unit is one capsule, and the window is one unit: it is paid when its statement was
 * checked, and the next is asked for when the fragment was.
 *
 * Memory: values. Threads: one. See docs/security.md. */
#ifndef SOUK_SIM_KEYS_H
#define SOUK_SIM_KEYS_H

#include "sim.h"
#include "souk/keys/judge.h"

/* Units of a session. */
#define SIM_KEYS_UNITS 200u
/* Proxies of a policy, at most. */
#define SIM_KEYS_SHARES_MAX 16u

/* What a SIM_KEYS message wants: its first word. The answer repeats all words. */
enum sim_keys_wish {
	SIM_KEYS_OPEN = 1, /* signed_grant */
	SIM_KEYS_UNIT,	   /* bytes: key_request; answer: key_reply */
	SIM_KEYS_PAY,	   /* answer: k_j */
	SIM_KEYS_DELETE,   /* answer: signed_key_deletion */
	SIM_KEYS_POLICY,   /* bytes: key_policy; to a receiver; no answer */
	SIM_KEYS_REPORT,   /* bytes: key_question; from an auditor to an owner; no answer */
};
/* The other words. */
#define SIM_KEYS_WORD_UNIT 1
#define SIM_KEYS_WORD_ID   2 /* four of them: the agreement */

struct sim_message *sim_keys_message(struct sim_node *node, uint32_t to, enum sim_keys_wish wish,
	const struct souk_hash *agreement, uint32_t unit, size_t size);
struct souk_hash sim_keys_agreement_of(const struct sim_message *message);

/* Who re-encrypts, who is granted to, who audits. */
bool sim_keys_is_proxy(const struct sim_actor *actor);
bool sim_keys_is_receiver(const struct sim_actor *actor);
uint32_t sim_keys_count(struct sim_world *world, bool (*is)(const struct sim_actor *actor));
/* The N-th of them, modulo their number; UINT32_MAX: none. */
uint32_t sim_keys_at(
	struct sim_world *world, bool (*is)(const struct sim_actor *actor), uint32_t n);
/* How many of them come before NODE. */
uint32_t sim_keys_number_of(const struct sim_node *node, bool (*is)(const struct sim_actor *actor));

/* The key of a receiver: its account's, so that it may ask on the ledger. */
void sim_keys_key_of(struct souk_umbral_key *ret, const struct sim_node *node);
/* A source of secrets of NODE's own. */
void sim_keys_rng(struct souk_secret_rng *ret, struct sim_node *node);

/* A fresh capsule for who has A, and what it hides. */
void sim_keys_question_of(struct souk_key_question *ret, const struct souk_umbral_capsule *capsule);

#endif
