/* SPDX-License-Identifier: Apache-2.0
 *
 * actor_provider.h - who sells: souk_provider with a disk, a ledger and customers.
 *
 *   messages (actor_provider_serve.c) --+
 *   commits, every commit_ms -----------+--> souk_provider --effects--> writes --> disk
 *   rounds (actor_provider_settle.c) ---+                                 '--> answers leave
 *     epochs, agreements, registration, draws; then, once that is durable,
 *     claims (_claims.c), receipts (_receipt.c), double promises (_watch.c)
 *
 * It does what soukd does as a provider, in the same order, and under the same keys on its disk.
 * Instead of the ledger's page of agreements it remembers the ids of its own.
 *
 * Greedy sellers are twists over this: `make` of such an actor calls sim_provider_actor.make, sets
 * node->twist and node->twist_state, and takes all other functions from sim_provider_actor. What
 * they need besides stands below.
 *
 * What it tells the auditor: OPENED, SERVED, ACCEPTED with the node that asked; DURABLE when it
 * is; RESTORED; CLAIMED as a session is settled, and for a receipt with one of the sessions of
 * its leaf; RECEIPT. After a crash SERVED may say a unit again: what is bound to it was in memory.
 *
 * Memory: heap. Threads: one. */
#ifndef SOUK_SIM_ACTOR_PROVIDER_H
#define SOUK_SIM_ACTOR_PROVIDER_H

#include "actor_reseller.h"
#include "actors.h"
#include "audit.h"
#include "content.h"
#include "ledger.h"
#include "limit.h"
#include "scenario.h"
#include "souk/content/judge.h"
#include "souk/exchange/provider.h"
#include "souk/payment/claim.h"
#include "writes.h"

/* Transactions of claims that are under way at once. */
#define SIM_PROVIDER_CLAIMS  8u
#define SIM_PROVIDER_OFFERS  64u
#define SIM_PROVIDER_WAITING 32u

/* ---------------------------------------------------------------- parts */

/* An offer that was signed, for as long as it may be given out. */
struct sim_provider_offer {
	uint32_t number; /* of the content + 1; 0: free */
	uint32_t size;
	struct souk_time until;
	uint8_t bytes[SOUK_SIGNED_OFFER_SIZE_MAX];
};

struct sim_provider_agreement {
	struct souk_hash id;
	struct souk_agreement agreement;
	bool is_known; /* to the ledger */
	bool is_convicted;
	bool is_answering; /* a transaction about it is under way */
};

/* A session that was stored with tickets up to `unit`. */
struct sim_provider_stored {
	struct souk_nonce session;
	uint32_t unit;
};

/* A receipt that was kept on the leaf of `session`; to be told once it is durable. */
struct sim_provider_kept {
	struct souk_nonce session;
	struct souk_amount amount;
};

/* What a sponsor's caches are paid for a unit: the daemon keeps it with the recruit. */
struct sim_provider_promise {
	struct souk_hash escrow;
	uint32_t number; /* of the content */
	struct souk_amount price;
	struct souk_amount earlier; /* of bundles that were drawn before it changed */
};

struct sim_provider_claim {
	struct souk_nonce session;
	struct souk_leaf_id leaf;
};

/* Sessions of one leaf, and what they claim. */
struct sim_claim_batch {
	size_t count;
	size_t alone; /* index + 1 of the claim that is under way by itself; 0: all together */
	struct souk_nonce sessions[SOUK_CLAIM_ITEMS_MAX];
	struct souk_claim claims[SOUK_CLAIM_ITEMS_MAX];
	struct souk_amount worth[SOUK_CLAIM_ITEMS_MAX];
};

/* ---------------------------------------------------------------- the whole */

struct sim_provider {
	struct sim_node *node;

	/* The person: outlives crashes. */
	struct souk_amount price;
	uint8_t *stock; /* a bit for each content; NULL: all of them */
	struct sim_provider_agreement *agreements;
	uint32_t agreement_count, agreement_max;
	struct sim_provider_promise *promises;
	uint32_t promise_count, promise_max;

	/* The process: made by start, gone with a crash. */
	bool is_running;
	uint64_t armed_us; /* when the timer will be called */
	struct souk_provider provider;
	void *memory;
	struct sim_writes writes;
	bool wants_commit;    /* effects may wait, or answers do */
	uint64_t commit_us;   /* when tickets are committed; SIM_NEVER_US: none is new */
	uint64_t round_us;    /* of the next round */
	uint64_t register_us; /* not before */
	bool wants_settling;  /* the second half of a round waits for a commit */
	struct sim_provider_stored *stored;
	uint32_t stored_count, stored_max;
	struct sim_provider_kept kept[SIM_PROVIDER_WAITING];
	uint32_t kept_count;
	struct sim_provider_claim *claims;
	uint32_t claim_count, claim_max;
	struct sim_claim_batch *batches[SIM_PROVIDER_CLAIMS];
	uint32_t open_receipts; /* that are not claimed */
	bool has_open_leaves;	/* a strip on one was accepted: there is something to watch */
	uint64_t watched;	/* the last block that was searched for double promises */
	uint64_t *awaited;	/* tokens of transactions under way */
	uint32_t awaited_count, awaited_max, token_count;
	struct souk_receipt_record *receipt; /* whose claim is under way */
	/* Answers that wait for the ledger, and requests that wait for a commit. */
	struct sim_message *agreeing[SIM_PROVIDER_WAITING];
	struct souk_hash agreeing_ids[SIM_PROVIDER_WAITING];
	struct sim_message *deferred[SIM_PROVIDER_WAITING];
	uint32_t deferred_count;
	struct sim_provider_offer *offers; /* SIM_PROVIDER_OFFERS */
	struct sim_limit *limit;
	struct souk_session_record *record; /* scratch, as the next two */
	struct souk_chain *keys;
	uint8_t *bytes; /* SOUK_SESSION_RECORD_SIZE_MAX */
};

extern const struct sim_actor sim_provider_actor;

/* The provider of NODE, whose `state` it is, or half of it. */
static inline struct sim_provider *sim_provider_of(struct sim_node *node)
{
	return sim_is_reseller(node) ? sim_reseller_seller(node) : node->state;
}

/* ---------------------------------------------------------------- for greedy sellers */

/* Whether it sells content NUMBER, and has all of it for good. */
bool sim_provider_stocks(const struct sim_provider *p, uint32_t number);
/* The newest record of SESSION: SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_STORE. */
SOUK_MUST_CHECK souk_status sim_provider_record(const struct sim_provider *p,
	const struct souk_nonce *session, struct souk_session_record *ret);
/* Every session that was ever opened, in the order of their names. */
void sim_provider_each_record(struct sim_provider *p,
	bool (*visit)(void *ctx, const struct souk_session_record *record), void *ctx);
/* Put a statement of REPLY's body, as it is now, in place of the one in its bytes: for who sends
 * garbage and has to sign for it. */
void sim_provider_restate(struct sim_provider *p, struct sim_message *reply);
/* Forget cached offers: PRICE was changed, or the stock. */
void sim_provider_forget_offers(struct sim_provider *p);

/* ---------------------------------------------------------------- among the files */

/* What transactions are about. */
enum sim_provider_token {
	SIM_PROVIDER_REGISTER = 1,
	SIM_PROVIDER_CLAIM,
	SIM_PROVIDER_RECEIPT,
	SIM_PROVIDER_AGREE,
	SIM_PROVIDER_ANSWER,
	SIM_PROVIDER_END,
	SIM_PROVIDER_REPORT,
};

/* The token of a transaction about to be sent: KIND, INDEX below 2^24, and a number of its own, as
 * the ledger may tell of one twice when a deep fork undoes it. */
uint64_t sim_provider_token(struct sim_provider *p, enum sim_provider_token kind, uint64_t index);

/* Encode MESSAGE into the answer to REQUEST; NAME is that of the wire message. */
#define SIM_PROVIDER_ENCODE(name, answer, value)                                                   \
	do {                                                                                       \
		struct souk_writer writer_;                                                        \
		souk_writer_init(&writer_, (answer)->bytes, (answer)->size);                       \
		souk_##name##_encode(&writer_, (value));                                           \
		SOUK_CHECK(!writer_.full);                                                         \
		(answer)->size = (uint32_t)writer_.size;                                           \
	} while (0)

/* When the timer is called next. */
void sim_provider_arm(struct sim_provider *p);

/* serve: the messages of customers. */
void sim_provider_message(struct sim_node *node, const struct sim_message *message);
void sim_provider_refuse(
	struct sim_provider *p, const struct sim_message *request, souk_status status);
/* An answer to REQUEST with room for SIZE bytes. */
struct sim_message *sim_provider_answer(
	struct sim_provider *p, const struct sim_message *request, size_t size);
/* ANSWER leaves once all that came before is durable. */
void sim_provider_hold(struct sim_provider *p, struct sim_message *answer);

/* store: effects become durable. */
void sim_provider_pump(struct sim_provider *p);
void sim_provider_take_effects(struct sim_provider *p);
/* What was stored and kept is durable: tell the auditor. */
void sim_provider_note_stored(struct sim_provider *p);
/* Have tickets, and whatever else waits, committed within commit_ms. */
void sim_provider_commit_soon(struct sim_provider *p);
void sim_provider_put(struct sim_provider *p, const struct souk_session_record *record);
void sim_provider_restore(struct sim_provider *p);
struct souk_bytes sim_provider_session_key(
	uint8_t out[SIM_WRITE_KEY_MAX], const struct souk_nonce *session);
struct souk_bytes sim_provider_receipt_key(
	uint8_t out[SIM_WRITE_KEY_MAX], const struct souk_leaf_id *leaf);

/* sponsored: the sponsor whose ESCROW it is recruits it for content NUMBER, at the price as it is.
 */
void sim_provider_promise(struct sim_provider *p, const struct souk_hash *escrow, uint32_t number);
/* What STRIP pays for, though nobody asked; RET->from is the caller's to set. SOUK_OK,
 * SOUK_PEER_UNKNOWN_SESSION: no sponsor that recruited it pays, SOUK_PEER_UNKNOWN_CONTENT. */
SOUK_MUST_CHECK souk_status sim_provider_find_promise(struct sim_provider *p,
	const struct souk_strip *strip, struct souk_provider_item *ret,
	struct souk_hash *ret_secret);

/* settle: a round, in two halves. */
void sim_provider_round(struct sim_provider *p);
void sim_provider_settle(struct sim_provider *p);
void sim_provider_registered(struct sim_provider *p, souk_status status);

/* claims */
void sim_provider_claims_send(struct sim_provider *p);
void sim_provider_claimed(
	struct sim_provider *p, uint32_t index, souk_status status, struct souk_amount amount);

/* receipt: that of a message while no commit is running. */
void sim_provider_receipt_message(struct sim_provider *p, const struct sim_message *message);
/* SOUK_OK: no receipt is kept for the leaf of STRIP. */
SOUK_MUST_CHECK souk_status sim_provider_receipt_check(
	const struct sim_provider *p, const struct souk_strip *strip);
void sim_provider_receipts_restore(struct sim_provider *p);
/* RECORD was stored; there may be a receipt for its leaf. */
void sim_provider_receipt_note_restored(
	struct sim_provider *p, const struct souk_session_record *record);
void sim_provider_note_kept(struct sim_provider *p);
void sim_provider_receipts_claim(struct sim_provider *p);
void sim_provider_receipt_claimed(
	struct sim_provider *p, souk_status status, struct souk_amount amount);

/* watch */
void sim_provider_watch(struct sim_provider *p);
void sim_provider_watch_restore(struct sim_provider *p);
void sim_provider_reported(struct sim_provider *p, uint32_t height, souk_status status);

/* agreement */
void sim_provider_agree_message(struct sim_provider *p, const struct sim_message *message);
void sim_provider_agreed(struct sim_provider *p, uint32_t index, souk_status status);
/* The terms of ID for a unit that is sent now: SOUK_OK, SOUK_PEER_NO_AGREEMENT, _AGREEMENT_OVER. */
SOUK_MUST_CHECK souk_status sim_provider_agreement_find(const struct sim_provider *p,
	const struct souk_hash *id, const struct souk_agreement **ret);
/* Put STATEMENT, completed by AGREEMENT and REPLY's body, into its bytes. */
void sim_provider_statement_sign(struct sim_provider *p, struct souk_unit_statement *statement,
	const struct souk_hash *agreement, struct sim_message *reply);
void sim_provider_agreements_poll(struct sim_provider *p);
void sim_provider_answered(struct sim_provider *p, uint32_t index, souk_status status);
void sim_provider_agreement_ended(struct sim_provider *p, uint32_t index, souk_status status);

#endif
