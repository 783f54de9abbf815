/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/exchange/hub.h - a hub: it pays providers from its escrow for customers who have none.
 *
 *   customer                        hub                          provider
 *      | -- ask, in the hub's escrow's name -----------------------> |
 *      | <------------------------------------------------ grant --- |
 *      | -- hub_open: strip y, ask, grant -> |                       |
 *      | <- strip_open: the hub's strip x -- |                       |
 *      | -- strip_open --------------------------------------------> |
 *      | -- y_j ---------------------------> |  credit is spent      |
 *      | <---------------------------- x_j - |                       |
 *      | -- x_i, i <= j: an ordinary ticket -----------------------> |
 *
 * Two chains of the same length: y from the customer to the hub, x from the hub to the provider. An
 * x_j is sold for y_j; from it the customer hashes all lower ones, and pays the provider itself.
 * The hub sees neither content nor keys, and the provider sees an ordinary strip.
 *
 *   session: FREE --open--> OPEN --closed, expired, idle, paid to the end, epoch over--> OVER
 *                                (until its slot is wanted)                      FREE <---'
 *
 * Credit is prepaid: a voucher of the operator's becomes an account's credit.
 *
 * Invariants:
 *   H1 spent + held <= credit for each account: no x is sold that is not covered.
 *   H2 x_j leaves only for y_j, and y_j is stored before: a crash never makes credit spent twice.
 *   H3 spent of an account is the sum of unit * price of its sessions.
 *   H4 a voucher becomes credit once.
 *   H5 no two strips of the hub overlap (the leaf's free part only shrinks).
 *   H6 a refused message changes nothing; the same message again is answered as before.
 *
 * The caller pulls effects until there is none after every call that may cause them, makes all of
 * them durable in ONE transaction, and only then answers.
 *
 * Memory: caller's arrays; holds secrets. Threads: one owner. Spec: spec/exchange.md 8. */
#ifndef SOUK_EXCHANGE_HUB_H
#define SOUK_EXCHANGE_HUB_H

#include "souk/base/map.h"
#include "souk/exchange/session.h"
#include "souk/payment/payer.h"

#define SOUK_HUB_VERSION 1
/* Units that may be bought at once, at most: what a customer risks. */
#define SOUK_HUB_STEP_MAX SOUK_WINDOW_MAX
/* Open sessions of one account. */
#define SOUK_HUB_ACCOUNT_SESSIONS 32u
/* A part of the escrow's line that a strip was laid on is lost for the epoch, used or not. So an
 * account may leave so many times its credit unused in an epoch. */
#define SOUK_HUB_IDLE_FACTOR 8u
/* How far a question's time may be off. */
#define SOUK_HUB_QUESTION_MS (5u * 60 * 1000)

struct souk_hub_config {
	const struct souk_identity *identity; /* borrowed; pays, signs strips and statements */
	struct souk_hash escrow;
	uint8_t seed[32];      /* fresh at every start */
	uint16_t fee_permille; /* on top of a provider's price */
	uint16_t step;	       /* 1 to SOUK_HUB_STEP_MAX */
	uint32_t units_max;    /* of one session, 1 to SOUK_CHAIN_LENGTH_MAX */
	uint64_t idle_ms;      /* a session without a ticket is over after */
};

struct souk_hub_account {
	struct souk_address address;
	bool store_due;
	uint32_t due_next;	 /* index + 1 of the next that is to be stored */
	uint32_t sessions;	 /* open ones */
	struct souk_amount held; /* what they may still spend */
	struct souk_amount idle; /* laid in this epoch by sessions that are over, and not spent */
	struct souk_hub_account_record record;
};

enum souk_hub_session_state { SOUK_HUB_FREE, SOUK_HUB_OPEN, SOUK_HUB_OVER };

struct souk_hub_session {
	enum souk_hub_session_state state;
	bool store_due;
	uint32_t due_next;
	uint32_t account;
	struct souk_time active;       /* when it last paid */
	struct souk_payer_strip payer; /* of the chain x */
	struct souk_hub_session_record record;
};

/* Memory of a hub. Slots: SOUK_MAP_SLOTS(count) words each. */
struct souk_hub_memory {
	struct souk_hub_account *accounts;
	uint32_t *account_slots;
	uint32_t account_max;
	struct souk_hub_session *sessions;
	uint32_t *session_slots;
	uint32_t session_max;
};

/* Since the start; for metrics. */
struct souk_hub_totals {
	uint64_t redeemed_count;
	uint64_t sessions_opened;
	uint64_t units_sold;
	uint64_t refused;
	struct souk_amount redeemed;
	struct souk_amount income; /* what customers spent */
	struct souk_amount owed;   /* of it, what the units cost at the providers */
};

struct souk_hub {
	struct souk_hub_config config;
	struct souk_hub_memory memory;
	struct souk_map account_map;
	struct souk_map session_map;
	struct souk_secret_rng rng;
	uint64_t epoch;
	struct souk_time epoch_end;
	bool epoch_known;
	uint32_t account_count;
	uint32_t session_count; /* open ones */
	uint32_t accounts_due;	/* index + 1 of the first that is to be stored; 0: none */
	uint32_t sessions_due;
	struct souk_hub_totals totals;
};

enum souk_hub_effect_kind {
	SOUK_HUB_STORE_ACCOUNT, /* accounts[index].record, under its address */
	SOUK_HUB_STORE_SESSION, /* sessions[index].record, under strip.nonce */
};

struct souk_hub_effect {
	enum souk_hub_effect_kind kind;
	uint32_t index; /* valid until the next call */
};

/* What a unit costs a customer: PRICE and the fee, rounded up.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_OVERFLOW: no hub sells at that price. */
SOUK_MUST_CHECK souk_status souk_hub_price(
	struct souk_amount *ret, struct souk_amount price, uint16_t fee_permille);

/* Under what a voucher is stored: nobody who reads the store can redeem it. */
struct souk_hash souk_hub_voucher_id(const struct souk_nonce *voucher);

/* The tag of the chain that pays a hub. */
extern const uint8_t souk_chain_tag_hub[3]; /* "SKH" */

/* Sign the message inside by ACCOUNT. */
void souk_hub_redeem_sign(
	struct souk_signed_hub_redeem *signed_redeem, const struct souk_identity *account);
void souk_hub_question_sign(
	struct souk_signed_hub_question *signed_question, const struct souk_identity *account);
void souk_hub_close_sign(
	struct souk_signed_hub_close *signed_close, const struct souk_identity *account);

/* souk_hub_statement_verify: HUB says it of ACCOUNT.
 *
 * Returns SOUK_OK: keep it, it is evidence; or
 *   SOUK_PEER_BAD_VERSION, _BAD_REQUEST, _BAD_SIGNATURE, _WRONG_SIGNER: not what was asked for. */
SOUK_MUST_CHECK souk_status souk_hub_statement_verify(
	const struct souk_signed_hub_statement *signed_statement, const struct souk_address *hub,
	const struct souk_address *account);

void souk_hub_init(struct souk_hub *hub, const struct souk_hub_config *config,
	const struct souk_hub_memory *memory);

/* souk_hub_restore_account: take a stored account back; all of them before the sessions.
 *
 * Returns SOUK_OK, SOUK_LOCAL_FULL, SOUK_LOCAL_EXISTS, SOUK_CORRUPT_STORE. */
SOUK_MUST_CHECK souk_status souk_hub_restore_account(struct souk_hub *hub,
	const struct souk_address *address, const struct souk_hub_account_record *record);

/* souk_hub_restore: take a stored session back, where it is not over.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_STATE    it is over: history.
 *   SOUK_LOCAL_FULL, SOUK_LOCAL_EXISTS
 *   SOUK_CORRUPT_STORE  it contradicts itself or its account: tell the operator. */
SOUK_MUST_CHECK souk_status souk_hub_restore(
	struct souk_hub *hub, const struct souk_hub_session_record *record, struct souk_time now);

/* The ledger says: EPOCH is current and ends at END. Sessions of earlier ones are over. */
void souk_hub_set_epoch(
	struct souk_hub *hub, uint64_t epoch, struct souk_time end, struct souk_time now);

/* souk_hub_redeem: turn a voucher into credit.
 *
 *  In/out: voucher  the stored record of souk_hub_voucher_id(redeem.voucher); NULL: there is none.
 *                   Where SOUK_OK is returned, store it in the transaction of the effects
 *  Out:    ret      the account's statement. The same redemption again gives it again
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_VERSION, _BAD_SIGNATURE, _WRONG_SIGNER
 *   SOUK_PEER_BAD_REQUEST    for another hub.
 *   SOUK_PEER_HUB_VOUCHER    no such voucher, or another account's.
 *   SOUK_LOCAL_FULL          no room for another account.
 *   SOUK_LOCAL_OVERFLOW      no account can have that much. */
SOUK_MUST_CHECK souk_status souk_hub_redeem(struct souk_hub *hub,
	const struct souk_signed_hub_redeem *signed_redeem, struct souk_hub_voucher_record *voucher,
	struct souk_time now, struct souk_signed_hub_statement *ret);

/* souk_hub_check: whether OPEN would be accepted, given a leaf: at most two signatures and no hash
 * chain, before the caller gets a leaf from the ledger.
 *
 *  In: stored  the stored record of open->strip.nonce; NULL: there is none
 *
 * Returns SOUK_OK: call souk_hub_open with a leaf of at least count * grant price, or
 *   SOUK_LOCAL_EXISTS        it was accepted before: answer STORED's, or the table's, strip_open
 *                            (souk_hub_open gives it, without a leaf).
 *   SOUK_PEER_BAD_VERSION, _BAD_SIGNATURE, _WRONG_SIGNER, _BAD_GRANT
 *   SOUK_PEER_BAD_REQUEST    for another hub, or another escrow.
 *   SOUK_PEER_OUT_OF_ORDER   another strip was accepted for this session.
 *   SOUK_PEER_WRONG_EPOCH, _EPOCH_CLOSED, _STRIP_EXPIRED
 *   SOUK_LOCAL_STATE         just started, the epoch is not known yet: 503.
 *   SOUK_PEER_HUB_PRICE, _HUB_CREDIT
 *   SOUK_LOCAL_FULL          too many sessions, or too much of the line left unused: 503. */
SOUK_MUST_CHECK souk_status souk_hub_check(struct souk_hub *hub, const struct souk_hub_open *open,
	const struct souk_hub_session_record *stored, struct souk_time now);

/* souk_hub_open: hold the credit, and lay the hub's strip.
 *
 *  In/out: leaf   of the hub's escrow, for the grant's provider; used grows
 *  In:     proof  its leaf and leaf_path are set
 *  Out:    ret    the strip to answer with, complete
 *
 * Returns as souk_hub_check (with SOUK_OK in place of LOCAL_EXISTS), or
 *   SOUK_PEER_STRIP_RANGE  the leaf has not that much left: allot more, and call again. */
SOUK_MUST_CHECK souk_status souk_hub_open(struct souk_hub *hub, const struct souk_hub_open *open,
	const struct souk_hub_session_record *stored, struct souk_payer_leaf *leaf,
	const struct souk_strip_open *proof, struct souk_time now, struct souk_strip_open *ret);

/* souk_hub_ticket: sell x_j for y_j. The last y_j again, or one up to a step below it, gives its
 * x_j again.
 *
 * Returns SOUK_OK: make the effects durable, then answer; or
 *   SOUK_PEER_UNKNOWN_SESSION  opened never, or over long ago.
 *   SOUK_PEER_EPOCH_CLOSED, _STRIP_EXPIRED   the session is over.
 *   SOUK_PEER_OUT_OF_ORDER     it was closed.
 *   SOUK_LOCAL_STATE           just started: 503.
 *   SOUK_PEER_OVERDRAW, _HUB_STEP, _STALE_TICKET, _BAD_TICKET */
SOUK_MUST_CHECK souk_status souk_hub_ticket(struct souk_hub *hub,
	const struct souk_hub_ticket *ticket, struct souk_time now, struct souk_ticket *ret);

/* souk_hub_close: the account has done with a session; RET is its statement.
 *
 * Returns SOUK_OK (also where it was over already), or
 *   SOUK_PEER_UNKNOWN_SESSION, _BAD_VERSION, _BAD_REQUEST, _BAD_SIGNATURE, _WRONG_SIGNER */
SOUK_MUST_CHECK souk_status souk_hub_close(struct souk_hub *hub,
	const struct souk_signed_hub_close *signed_close, struct souk_time now,
	struct souk_signed_hub_statement *ret);

/* souk_hub_question: the account's statement.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_VERSION, _BAD_REQUEST (another hub, or a time that is off by
 * more than SOUK_HUB_QUESTION_MS), _BAD_SIGNATURE, _WRONG_SIGNER, _NO_ACCOUNT. */
SOUK_MUST_CHECK souk_status souk_hub_question(struct souk_hub *hub,
	const struct souk_signed_hub_question *signed_question, struct souk_time now,
	struct souk_signed_hub_statement *ret);

/* What the hub says of itself. */
struct souk_hub_status souk_hub_status_of(const struct souk_hub *hub);

void souk_hub_tick(struct souk_hub *hub, struct souk_time now);

/* Take the next effect; false where there is none now. */
bool souk_hub_next_effect(struct souk_hub *hub, struct souk_hub_effect *ret);
/* EFFECT, the last one taken, could not be carried out: it comes again. */
void souk_hub_repeat_effect(struct souk_hub *hub, const struct souk_hub_effect *effect);

void souk_hub_wipe(struct souk_hub *hub);

#endif
