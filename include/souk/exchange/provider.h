/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/exchange/provider.h - the selling side: a bounded table of sessions.
 *
 *            ask                strip                 idle, expired, cheating,
 *   (free) ------> GRANTED -----------------> OPEN -- or its epoch ended ----> LEAVING
 *     |       ^        |                        ^                               | STORE
 *     |       +--------+ no strip in time       |                               v
 *     +---------- a sponsor's strip ------------+
 *                                       draw, points won: CLAIM             (a due claim)
 *             SETTLED <-- claim_result <------------------------------------    |
 *                ^------------------------ draw, no points won ------------------+
 *
 * A session in the table serves units. It is large, since it holds the key chain
 * (about 28 KiB). Once it stops serving it shrinks to a `due` of some 200 bytes
 * that waits for the draw of its epoch; its record is in the caller's store. One that took
 * units and paid none waits as well, to the end of its epoch: for X4.
 *
 * Invariants:
 *   X1 unit j is served only while j <= paid + window and j <= the strip's count.
 *   X2 k_j leaves only once unit j is paid.
 *   X3 one unit number is only ever one chunk (within the window; see the crash note).
 *   X4 no two accepted strips overlap, nor does one overlap a due claim.
 *   X5 a refused message changes nothing but the count of bad tickets.
 *
 * After a crash the provider knows what was stored: at worst it has lost the
 * tickets since the last flush (until the customer's next ticket, which pays for
 * them too) and the bindings of the last windows: (unflushed + window) units. A sponsor's session
 * that was not flushed is forgotten whole, and begins anew with the same strip and the same keys:
 * what is paid then may have been sent twice, of other chunks: a window of units.
 *
 * The caller pulls effects until there is none, after every call that may cause
 * them, and before it answers the peer: that is what makes the strip of a session
 * that was granted durable before its customer relies on it.
 *
 * Memory: caller's arrays; holds secrets. Threads: one owner; encryption is done by the caller,
 * outside its lock, with the cipher of the reply. Spec: spec/exchange.md 5. */
#ifndef SOUK_EXCHANGE_PROVIDER_H
#define SOUK_EXCHANGE_PROVIDER_H

#include "souk/base/map.h"
#include "souk/exchange/session.h"
#include "souk/payment/payee.h"
#include "souk/payment/policy.h"

/* Bad tickets, properly authenticated, after which a session is closed. */
#define SOUK_PROVIDER_BAD_MAX 8u
/* Times that one unit is sent. */
#define SOUK_PROVIDER_SENDS_MAX 8u
/* Unit numbers whose chunk is remembered: a window on both sides of the last paid one. */
#define SOUK_PROVIDER_BINDINGS (2 * SOUK_WINDOW_MAX)
/* A session paid to the end keeps its slot so long after its last request, if others want it. */
#define SOUK_PROVIDER_LINGER_MS 1000u
/* Leaves of which it is remembered where strips were laid, and gaps between those of each. */
#define SOUK_PROVIDER_LEAVES 64u
#define SOUK_PROVIDER_GAPS   32u
/* At most this part of the table waits for strips. Beyond it a new one takes the place of
 * the oldest grant of whoever has most of them, if that is more than the new one's owner would
 * have; else of the oldest of all, once it had the time that an honest customer takes. */
#define SOUK_PROVIDER_GRANTED_PART  4u
#define SOUK_PROVIDER_GRANT_KEEP_MS 2000u
/* What a session may be silent, in a full table, before others get its slot: one that paid nothing
 * yet; one that paid for all it was sent, whose customer has most likely gone; and one that was
 * sent more than it paid. */
#define SOUK_PROVIDER_UNPAID_IDLE_MS  30000u
#define SOUK_PROVIDER_SETTLED_IDLE_MS 10000u
#define SOUK_PROVIDER_PAID_IDLE_MS    300000u
/* Between two tries of a claim that could not be delivered. */
#define SOUK_PROVIDER_RETRY_MS 2000u

struct souk_provider_config {
	const struct souk_identity *identity; /* borrowed for as long as the provider lives */
	uint8_t seed[32];		      /* fresh at every start */
	uint16_t window;		      /* 1 to SOUK_WINDOW_MAX */
	uint32_t units_max;		      /* of one session, 1 to SOUK_CHAIN_LENGTH_MAX */
	uint64_t grant_ms;		      /* a grant waits so long for its strip */
	uint64_t session_ms;		      /* life of a session from its grant */
	uint64_t idle_ms;		      /* a session without a request is put away */
	const struct souk_policy *policy; /* what penalty an open leaf needs; NULL: takes none */
};

/* What is sold: facts the caller looks up from the ask's content id. */
struct souk_provider_item {
	struct souk_hash content;
	uint64_t size;
	uint32_t chunk_size;	  /* 0, and size 0: a service's units */
	struct souk_amount price; /* of one unit, now */
	uint32_t units_max;	  /* that are granted, however many are asked for; 0: no limit */
	uint64_t from;		  /* who asks, by address: grants are shared among those */
	/* For souk_provider_open: S of the sponsor whose escrow pays, see
	 * souk/exchange/sponsored.h, and the one before it, or NULL. */
	const struct souk_hash *sponsor_secret, *sponsor_earlier;
};

enum souk_provider_state {
	SOUK_PROVIDER_FREE,
	SOUK_PROVIDER_GRANTED,
	SOUK_PROVIDER_OPEN,
	SOUK_PROVIDER_LEAVING,
};

struct souk_provider_binding {
	uint32_t unit; /* 0: free */
	uint32_t sends;
	uint64_t chunk;
};

struct souk_provider_session {
	enum souk_provider_state state;
	bool store_due;		 /* a STORE effect is waiting */
	bool dirty;		 /* tickets were accepted since the last STORE */
	bool served;		 /* a unit left, or may have before a restart */
	uint32_t bad;		 /* bad tickets so far */
	uint64_t from;		 /* who asked for it */
	struct souk_time active; /* when it last paid, or was sent something new */
	struct souk_payee payee;
	struct souk_chain keys;
	struct souk_provider_binding bindings[SOUK_PROVIDER_BINDINGS];
	struct souk_session_record record; /* unit and value are the payee's */
};

enum souk_provider_due_state {
	SOUK_DUE_FREE,
	SOUK_DUE_WAITING,  /* for the draw */
	SOUK_DUE_CLAIM,	   /* a CLAIM effect is waiting */
	SOUK_DUE_CLAIMING, /* for souk_provider_claim_result */
	SOUK_DUE_SETTLED,  /* a SETTLED effect is waiting */
};

/* A session that serves no more, and may have won. */
struct souk_provider_due {
	enum souk_provider_due_state state;
	struct souk_nonce session;
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t segment;
	uint32_t leaf;
	uint32_t unit;
	uint32_t count;
	struct souk_amount start; /* of the strip in its leaf */
	struct souk_amount base;  /* of the leaf on the value line */
	struct souk_amount price;
	struct souk_amount prize;
	struct souk_amount paid;
	struct souk_time retry;
	souk_status status; /* that the claim ended with */
};

/* A leaf of an allotment. */
struct souk_leaf_id {
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t segment;
	uint32_t leaf;
};

struct souk_provider_gap {
	struct souk_amount start, end;
};

/* What is known of a leaf that strips were accepted on: nothing from `end` on, or in a gap. */
struct souk_provider_leaf {
	bool known;
	struct souk_leaf_id id;
	struct souk_amount end;
	uint32_t gap_count;
	struct souk_provider_gap gaps[SOUK_PROVIDER_GAPS];
};

/* Memory of a provider. Slots: SOUK_MAP_SLOTS(count) words each. */
struct souk_provider_memory {
	struct souk_provider_session *sessions;
	uint32_t *session_slots;
	uint32_t session_max;
	struct souk_provider_due *dues;
	uint32_t *due_slots;
	uint32_t due_max; /* at least session_max */
};

/* Since the start; for metrics. */
struct souk_provider_totals {
	uint64_t asks_granted;
	uint64_t strips_accepted;
	uint64_t units_served; /* bodies, with repetitions */
	uint64_t tickets_accepted;
	uint64_t units_paid;
	uint64_t refused_auth;
	uint64_t refused_ticket;
	uint64_t refused_unpaid;
	uint64_t claims_paid;
	struct souk_amount owed; /* by tickets accepted */
	struct souk_amount paid; /* by claims */
};

struct souk_provider {
	struct souk_provider_config config;
	struct souk_provider_memory memory;
	struct souk_map session_map;
	struct souk_map due_map;
	struct souk_secret_rng rng;
	uint64_t epoch;
	struct souk_time epoch_end;
	bool epoch_known;
	struct souk_genesis genesis; /* its periods; epoch_ms 0: not known yet */
	uint32_t session_count;
	uint32_t granted_count; /* of them wait for their strip */
	uint32_t due_count;
	/* Behind these no slot was ever used: tables are large, and mostly empty. */
	uint32_t session_top;
	uint32_t due_top;
	/* Below these no slot is free, or could be. */
	uint32_t session_free;
	uint32_t due_free;
	/* Between these souk_provider_tick finds nothing to do. */
	struct souk_time quiet_from, quiet;
	bool has_dirty;	       /* a session may be dirty */
	bool sessions_waiting; /* for effects to be pulled, perhaps */
	bool dues_waiting;
	bool stored; /* a STORE was pulled since souk_provider_next_effect last said false */
	uint32_t session_cursor;
	uint32_t due_cursor;
	struct souk_provider_leaf leaves[SOUK_PROVIDER_LEAVES]; /* the last ones paid from */
	struct souk_provider_totals totals;
};

enum souk_provider_effect_kind {
	/* Write souk_provider_record(index) durably, under its session, before the answer leaves.
	 */
	SOUK_PROVIDER_STORE,
	/* Load the record of `session`, build its claim with souk_provider_claim, send it to the
	 * ledger, and report with souk_provider_claim_result. */
	SOUK_PROVIDER_CLAIM,
	/* Set claimed and paid in the stored record of `session`: it is history now. */
	SOUK_PROVIDER_SETTLED,
};

struct souk_provider_effect {
	enum souk_provider_effect_kind kind;
	uint32_t index; /* STORE: valid until the next call */
	struct souk_nonce session;
	struct souk_leaf_id leaf; /* CLAIM: where its strip is; those of one leaf go together */
	struct souk_amount paid;  /* SETTLED */
	souk_status status;	  /* SETTLED: why nothing was paid, or SOUK_OK */
};

/* What to answer a unit request with. */
struct souk_provider_reply {
	struct souk_hash content;
	uint64_t offset; /* of the chunk in the content */
	uint32_t
		length; /* of the chunk; 0 for /v1/keys, and for a service: its bytes are its own */
	struct souk_unit_cipher cipher;
	bool has_key;
	struct souk_unit_key key;
};

void souk_provider_init(struct souk_provider *provider, const struct souk_provider_config *config,
	const struct souk_provider_memory *memory);

/* souk_provider_restore: take back a stored record that is not claimed; in any order, before or
 * after souk_provider_set_epoch. It serves again if it may, or becomes a due claim.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL      no room: start with larger tables, or money is left behind.
 *   SOUK_LOCAL_EXISTS    that session is here already.
 *   SOUK_LOCAL_STATE     never opened, or claimed: nothing to take back.
 *   SOUK_CORRUPT_STORE   the record contradicts itself: tell the operator. */
SOUK_MUST_CHECK souk_status souk_provider_restore(struct souk_provider *provider,
	const struct souk_session_record *record, struct souk_time now);

/* souk_provider_ask: open a session. Costs ask->units hashes and a signature; a refusal costs
 * neither.
 *
 *  Out: ret   the signed grant, with the leaves that prove its key chain whole
 *  In:  item  what the ask's content is here; the caller answers unknown content itself
 *
 * Returns SOUK_OK: send *RET, or
 *   SOUK_PEER_BAD_VERSION, _BAD_PUBKEY
 *   SOUK_PEER_BAD_REQUEST  for another provider or content, or units out of range.
 *   SOUK_PEER_BAD_OFFER    the price has changed: the customer reads the offer again.
 *   SOUK_PEER_WRONG_EPOCH  not the current epoch.
 *   SOUK_PEER_EPOCH_CLOSED  it has just ended; ask again in the next.
 *   SOUK_LOCAL_FULL        no session is free, or too many wait for their strips: answer 503.
 *                          Where a finished or silent one could be put away, there is room once
 *                          its STORE was pulled. */
SOUK_MUST_CHECK souk_status souk_provider_ask(struct souk_provider *provider,
	struct souk_grant_open *ret, const struct souk_ask *ask,
	const struct souk_provider_item *item, struct souk_time now);

/* What souk_provider_ask says of ASK itself, at no cost: it may still lack room, or a good key. */
SOUK_MUST_CHECK souk_status souk_provider_ask_check(const struct souk_provider *provider,
	const struct souk_ask *ask, const struct souk_provider_item *item, struct souk_time now);

/* souk_provider_wants: whether SESSION waits for a strip, and for whose money: what the caller
 * must look up on the ledger before souk_provider_strip.
 *
 * Returns SOUK_OK, or SOUK_PEER_UNKNOWN_SESSION; SOUK_PEER_OUT_OF_ORDER where it is open. */
SOUK_MUST_CHECK souk_status souk_provider_wants(const struct souk_provider *provider,
	const struct souk_nonce *session, struct souk_hash *ret_escrow, uint64_t *ret_epoch);

/* souk_provider_strip: accept the strip that pays a session. The same strip again is SOUK_OK.
 *
 *  In: allotment  of open->strip.escrow, epoch and segment, as the ledger has it
 *      escrow     as the ledger has it
 *
 * Returns SOUK_OK: pull the STORE effect, then answer, or
 *   SOUK_PEER_UNKNOWN_SESSION
 *   SOUK_PEER_OUT_OF_ORDER      another strip was accepted already.
 *   SOUK_PEER_STRIP_TERMS       not those of the grant and ask.
 *   SOUK_PEER_NOT_PAYEE         the leaf pays somebody else.
 *   SOUK_PEER_STRIP_EXPIRED, _WRONG_EPOCH, _EPOCH_CLOSED
 *   SOUK_PEER_ESCROW_CLOSING, _ESCROW_TERMS
 *   SOUK_PEER_PENALTY_TOO_LOW   on an open leaf, which others may be promised too: what the escrow
 *                               would forfeit does not outweigh that, by the provider's policy.
 *   SOUK_PEER_STRIP_OVERLAP     its interval was promised to an earlier session.
 *   SOUK_LOCAL_FULL             no room to claim it later: answer 503. Of sessions that took units
 *                               and paid none a few make way, once effects were pulled.
 *   those of souk_strip_open_verify
 * The session waits on for a good strip. */
SOUK_MUST_CHECK souk_status souk_provider_strip(struct souk_provider *provider,
	const struct souk_nonce *session, const struct souk_strip_open *open,
	const struct souk_allotment_record *allotment, const struct souk_escrow_record *escrow,
	struct souk_time now);

/* souk_provider_open: accept the strip of a session that a sponsor opened, which nobody asked for.
 * The same strip again is SOUK_OK. Who has not the signature of the escrow's owner has no session
 * put away for it, and no chain computed.
 *
 *  In: item  what the strip's request is here, at the price that the sponsor was promised; with
 *            its secrets. Its units_max counts for asks alone
 *
 * It is stored with the next batch of tickets (souk_provider_flush): a crash before that loses what
 * was sent, as it loses tickets, and the customer begins anew.
 *
 * Returns SOUK_OK: answer; those of souk_provider_ask_check and
 * souk_provider_strip; or
 *   SOUK_PEER_UNKNOWN_SESSION  it was put away a moment ago.
 *   SOUK_PEER_STRIP_OVERLAP    too where it was put away and is due.
 *   SOUK_PEER_STRIP_TERMS      too where its keys are not derived as agreed.
 *   SOUK_LOCAL_FULL            too where no session is free: answer 503; one that tries our
 *                              patience makes way meanwhile.
 * No session is begun then. */
SOUK_MUST_CHECK souk_status souk_provider_open(struct souk_provider *provider,
	const struct souk_strip_open *open, const struct souk_provider_item *item,
	const struct souk_allotment_record *allotment, const struct souk_escrow_record *escrow,
	struct souk_time now);

/* souk_provider_unit: one request of the data path, for a unit (request->unit > 0) or only for the
 * key of the last paid unit (request->unit == 0).
 *
 * Returns SOUK_OK: send the reply, or
 *   SOUK_PEER_UNKNOWN_SESSION   answer 404.
 *   SOUK_PEER_BAD_AUTH          answer 401. Never counted against the session: anybody can send it.
 *   SOUK_PEER_OUT_OF_ORDER      no strip yet, or a unit far behind the last paid one: 409.
 *   SOUK_PEER_UNPAID            j > paid + window, or no key is paid yet: 402.
 *   SOUK_PEER_OVERDRAW          past the strip's end: 402; the customer opens another session.
 *   SOUK_PEER_NO_CHUNK          404.
 *   SOUK_PEER_UNIT_REBOUND      409.
 *   SOUK_PEER_BAD_TICKET, _BAD_CHECKPOINT, _JUMP_TOO_FAR, _STRIP_TERMS   402.
 *   SOUK_PEER_EPOCH_CLOSED, _STRIP_EXPIRED   410; the session serves no more.
 *   SOUK_LOCAL_FULL             this unit was sent too often: 429.
 *   SOUK_LOCAL_STATE            just started, the epoch is not known yet: 503.
 * A ticket at or below the last one accepted is ignored: loss and reordering are harmless. */
SOUK_MUST_CHECK souk_status souk_provider_unit(struct souk_provider *provider,
	struct souk_provider_reply *ret, const struct souk_unit_request *request,
	struct souk_time now);

/* souk_provider_may_send: what souk_provider_unit would say. Nothing is changed, counted or bound:
 * so a service looks at what it is asked before a unit is bound to it, and only for who may ask. */
SOUK_MUST_CHECK souk_status souk_provider_may_send(const struct souk_provider *provider,
	const struct souk_unit_request *request, struct souk_time now);

/* souk_provider_blame: what SESSION's customer asked for, in a request that souk_provider_may_send
 * let pass, cost work and was no request: like a bad ticket, SOUK_PROVIDER_BAD_MAX of these close
 * the session. */
void souk_provider_blame(struct souk_provider *provider, const struct souk_nonce *session);

/* souk_provider_content: what SESSION sells; so that the caller can say that a chunk is not there
 * before a unit is bound to it.
 *
 * Returns SOUK_OK, or SOUK_PEER_UNKNOWN_SESSION. */
SOUK_MUST_CHECK souk_status souk_provider_content(const struct souk_provider *provider,
	const struct souk_nonce *session, struct souk_hash *ret_content);

/* souk_provider_statement: what there is to say of the unit that souk_provider_unit has just agreed
 * to send: all of a statement but the agreement and the root of what is sent.
 *
 * Returns SOUK_OK, or SOUK_PEER_UNKNOWN_SESSION; SOUK_PEER_OUT_OF_ORDER where it is not open;
 * SOUK_PEER_NO_AGREEMENT for a service's unit, which has statements of its own. */
SOUK_MUST_CHECK souk_status souk_provider_statement(const struct souk_provider *provider,
	struct souk_unit_statement *ret, const struct souk_unit_request *request);

/* The ledger's rules, of which an open leaf's penalty depends; before that none is accepted. */
void souk_provider_set_genesis(struct souk_provider *provider, const struct souk_genesis *genesis);

/* The ledger says: EPOCH is current and ends at END. Earlier epochs are over. */
void souk_provider_set_epoch(
	struct souk_provider *provider, uint64_t epoch, struct souk_time end, struct souk_time now);

/* The oldest epoch with a claim that waits for its draw; false where there is none. The caller asks
 * the ledger about it, and calls souk_provider_draw once it is drawn. */
bool souk_provider_undrawn(const struct souk_provider *provider, uint64_t *ret_epoch);
/* EPOCH, which is over, was drawn: everything of it is claimed or settled. */
void souk_provider_draw(struct souk_provider *provider, uint64_t epoch,
	const struct souk_hash *beacon, struct souk_time now);

/* souk_provider_claim_result: what became of a CLAIM. SOUK_OK with PAID; a verdict of the
 * ledger on the claim itself, or a CORRUPT_STORE of ours, ends it unpaid; any other is tried again
 * later, to the end of the claim window. Unknown sessions are ignored. */
void souk_provider_claim_result(struct souk_provider *provider, const struct souk_nonce *session,
	souk_status status, struct souk_amount paid, struct souk_time now);

/* souk_provider_claim: the claim of a stored record.
 *
 *  In: chain  scratch
 *
 * Returns SOUK_OK, or SOUK_CORRUPT_STORE: tell the operator. */
SOUK_MUST_CHECK souk_status souk_provider_claim(
	struct souk_claim *ret, const struct souk_session_record *record, struct souk_chain *chain);

/* souk_provider_leaf_owed: what the tickets on LEAF say.
 *
 *  Out: ret_session  one of its sessions, whose record says where the leaf is
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_UNKNOWN_SESSION  no ticket was taken on that leaf: nothing is owed.
 *   SOUK_PEER_LEAF_CLAIMED     a strip of it is being claimed: too late for a receipt. */
SOUK_MUST_CHECK souk_status souk_provider_leaf_owed(const struct souk_provider *provider,
	const struct souk_leaf_id *leaf, struct souk_nonce *ret_session,
	struct souk_amount *ret_owed);

/* souk_provider_receipt: LEAF is to be paid by a receipt over AMOUNT in place of its strips. Its
 * sessions serve no more; their claims wait.
 *
 * Returns SOUK_OK: keep the receipt durably, then souk_provider_receipt_kept, or let the strips be
 * claimed as ever; no draw and no strip on that leaf in between. Or
 *   SOUK_PEER_UNPAID  more is owed than AMOUNT; and those of souk_provider_leaf_owed: nothing is
 *                     changed. */
SOUK_MUST_CHECK souk_status souk_provider_receipt(
	struct souk_provider *provider, const struct souk_leaf_id *leaf, struct souk_amount amount);
/* The strips of LEAF are settled: none of them is claimed. Also after a restart, for each receipt
 * that is kept. */
void souk_provider_receipt_kept(struct souk_provider *provider, const struct souk_leaf_id *leaf);

/* Sessions with accepted tickets that are not stored. */
uint32_t souk_provider_dirty_count(const struct souk_provider *provider);
/* Ask for a STORE of each of them. The caller does so every second or so, and before it ends. */
void souk_provider_flush(struct souk_provider *provider);

void souk_provider_tick(struct souk_provider *provider, struct souk_time now);
/* When souk_provider_tick has something to do; SOUK_TIME_NEVER. */
struct souk_time souk_provider_deadline(const struct souk_provider *provider);

/* Take the next effect; false where there is none now. It says so once after a run of STOREs: what
 * comes afterwards relies on them, so make them durable before calling again. */
bool souk_provider_next_effect(struct souk_provider *provider, struct souk_provider_effect *ret);

/* The record of the session at INDEX of a STORE effect; valid until the next call. */
const struct souk_session_record *souk_provider_record(
	struct souk_provider *provider, uint32_t index);

/* What SESSION has been paid, in units; false where it is not in the table. */
bool souk_provider_paid(
	const struct souk_provider *provider, const struct souk_nonce *session, uint32_t *ret_unit);

#endif
