/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/download.h - fetch one content from several providers at once.
 *
 *   chunk:    POOL --> assigned to a provider's next unit --> received --> checked: on disk
 *              ^  ^----- its provider was dropped, -----------'          ^
 *              |         or has it no longer                             | whichever is first
 *              '--> late: a second provider is asked too (a hedge) ------'
 *
 *   provider: ADDED --OPEN--> OPENING --opened--> OPEN --strip used up--> ADDED (again)
 *                                 '----- bad, silent, slow, too many failures --> DROPPED
 *
 * Providers steal work: each takes a chunk of the pool whenever it has room, the
 * fastest first, so that a fast one does more; a slow one takes none that the others
 * would have sooner. Which chunk: what a reader waits for, in its order; else the
 * rarest of those that the provider has. Encrypted units wait in numbered slots of
 * the caller's memory until their key is known and they are checked.
 *
 * A provider may have parts only, and more or less of them later. It waits while it
 * has nothing of use.
 *
 * The caller pulls effects until there is none, after every input.
 * Every OPEN, FETCH, KEYS, BUY and VERIFY is answered exactly once, even after its
 * provider was dropped or the download has ended (a cancelled one with
 * SOUK_LOCAL_STOPPED): a slot is used again only after that.
 *
 * Invariants:
 *   D1 a chunk counts as done only after it was checked.
 *   D2 money at stake (tickets issued, and units asked for) never passes the budget.
 *   D3 no chunk is wanted from two providers at once, unless it is late: then from two at most,
 *      never twice from one, hedges_max chunks at a time. Chunks paid to two providers are at most
 *      hedge_permille of the content's, or two where that is more. None is bought twice in
 *      one session, nor kept twice.
 *   D4 a dropped provider is paid nothing more.
 *   D5 what a provider was paid and did not deliver is at most three windows and an eighth of what
 *      it did, and a window for each epoch that ended meanwhile, whatever it says that its
 *      sessions ended for.
 *   D6 a session whose time is over is asked once for the keys of what was paid, and for nothing
 *      else; whoever is silent then holds up those units only, for its time-out.
 *
 * Memory: caller's. Threads: one owner; decrypting and checking may happen on others.
 * Spec: spec/content.md 4. */
#ifndef SOUK_CONTENT_DOWNLOAD_H
#define SOUK_CONTENT_DOWNLOAD_H

#include "souk/base/bitmap.h"
#include "souk/content/chunk.h"
#include "souk/exchange/hub_customer.h"

#define SOUK_DOWNLOAD_PROVIDERS_MAX 16u
#define SOUK_DOWNLOAD_SLOTS_MAX	    256u

struct souk_download_config {
	struct souk_content content;
	struct souk_amount budget;    /* for all providers together */
	struct souk_amount price_max; /* of one unit; a dearer offer is refused */
	uint16_t fee_permille;	      /* of the hub that pays, on top of prices; else 0 */
	uint32_t slot_count;	      /* units in memory at once, 1 to SOUK_DOWNLOAD_SLOTS_MAX */
	uint32_t pipeline;	      /* requests in flight per provider; 0: 4 */
	uint32_t session_units_max;   /* of one session; 0: no limit of our own */
	uint32_t failures_max;	      /* in a row, after which a provider is dropped; 0: 3.
				       * The last one is waited for until timeout_ms are over. */
	uint64_t timeout_ms;	      /* without a byte; 0: 10,000 */
	uint64_t retry_ms;	      /* pause after a failure, doubled each time; 0: 250 */
	uint64_t wait_ms;	      /* for chunks that nobody has; 0: 30,000 */
	uint32_t hedges_max;	      /* late chunks asked of two at once; 0: 4 */
	uint32_t hedge_permille;      /* of all chunks, that may be paid twice; 0: 30 */
	bool no_hedges;		      /* nothing is asked of two */
	bool wants_only;	      /* streaming: nothing is fetched but what is wanted */
	uint32_t seed;		      /* which of equally rare chunks come first; 0: from the start.
				       * Who sells on what it buys has another than the others. */
};

enum souk_download_provider_state {
	SOUK_DOWNLOAD_ABSENT,
	SOUK_DOWNLOAD_ADDED,
	SOUK_DOWNLOAD_OPENING,
	SOUK_DOWNLOAD_OPENED,
	SOUK_DOWNLOAD_DROPPED,
};

struct souk_download_provider {
	enum souk_download_provider_state state;
	struct souk_customer *customer; /* the caller's; filled while OPENING */
	struct souk_amount price;	/* with the hub's fee */
	uint32_t units_max;
	uint64_t *parts;     /* what it has, the caller's words; NULL: it is taken to have all */
	bool is_partial;     /* parts count: not all of them are set */
	bool was_open;	     /* a further session is opened only while work is left */
	bool busy_opening;   /* an OPEN is not answered yet */
	bool busy_keys;	     /* nor a KEYS */
	bool busy_buying;    /* nor a BUY */
	bool asked_last;     /* a closing session's last keys were asked for */
	bool ending;	     /* no further unit: reopened once what was received is read */
	bool rebinds;	     /* a unit of this session was "not here", and asked for again */
	uint32_t absent;     /* answers "not here", in a row */
	bool drop_due;	     /* a DROP effect is waiting */
	souk_status dropped; /* why */
	souk_status closing; /* why the session ends, once its last keys came; SOUK_OK: it runs */
	uint32_t fetching;   /* FETCH effects not answered */
	uint32_t flying;     /* slots of the running session that are planned or fetching */
	uint32_t held;	     /* slots of the running session */
	uint32_t failures;   /* in a row */
	uint32_t sessions;
	uint32_t session_units;	 /* verified in the running one */
	uint32_t keys_session;	 /* that the last KEYS was for */
	uint32_t buy_session;	 /* that the last BUY was for */
	uint32_t buy_failures;	 /* of the hub, in a row */
	uint32_t fruitless;	 /* sessions in a row that verified nothing */
	uint64_t lost_last;	 /* units that the last session was paid for and did not deliver */
	uint64_t lost_epoch;	 /* its epoch */
	souk_status lost_reason; /* what it ended for */
	uint64_t units_robbed;	 /* the same of all sessions that no epoch's end can have ended */
	uint64_t unit_ms;	 /* smoothed time that a unit takes; 0: not known */
	struct souk_time heard;
	struct souk_time failing_since; /* the first of the failures in a row */
	struct souk_time paused_until;	/* failures before then are the same failure */
	struct souk_time keys_at;	/* KEYS not before */
	struct souk_time buy_at;	/* BUY not before */
	struct souk_time buy_failing_since;
	struct souk_time open_at; /* OPEN not before */
	struct souk_time ask_at;  /* after many "not here": FETCH not before */
	/* figures, over all its sessions */
	uint64_t units_verified;
	uint64_t bytes_verified;
	uint64_t units_paid;
	uint64_t units_spare;	  /* of those verified: that another had brought already */
	uint64_t units_wasted;	  /* received, and never checked good */
	struct souk_amount spent; /* of earlier sessions; see souk_download_spent */
};

enum souk_download_slot_state {
	SOUK_SLOT_FREE,
	SOUK_SLOT_PLANNED,  /* a FETCH effect is waiting, or waits for its retry */
	SOUK_SLOT_FETCHING, /* until _received or _fetch_failed */
	SOUK_SLOT_RECEIVED, /* waits for its key */
	SOUK_SLOT_CHECKING, /* until _checked */
};

struct souk_download_slot {
	enum souk_download_slot_state state;
	bool orphan; /* its provider was dropped, or its session is over */
	bool paired; /* one of two that were asked for the chunk */
	bool hedge;  /* the later one */
	bool vacant; /* PLANNED: "not here"; the unit takes another chunk */
	bool spare;  /* the other one brought the chunk */
	bool cancel_due;
	uint8_t provider;
	uint32_t unit;
	uint32_t chunk;
	struct souk_time since;
};

enum souk_download_state {
	SOUK_DOWNLOAD_RUNNING,
	SOUK_DOWNLOAD_DONE,
	SOUK_DOWNLOAD_FAILED,
};

/* A reader's place; see souk_download_want. */
#define SOUK_DOWNLOAD_WANTS_MAX 16u
struct souk_download_want {
	uint32_t first, count;
};

struct souk_download {
	struct souk_download_config config;
	enum souk_download_state state;
	bool end_due;	    /* the DONE or FAILED effect is waiting */
	souk_status status; /* while it is stuck, what will have ended it */
	uint32_t chunk_count;
	uint32_t cursor; /* no chunk below it is in the pool */
	uint32_t turn;	 /* provider to look at first */
	struct souk_bitmap done;
	struct souk_bitmap taken; /* done, or assigned */
	uint32_t provider_count;
	struct souk_download_provider providers[SOUK_DOWNLOAD_PROVIDERS_MAX];
	struct souk_download_slot slots[SOUK_DOWNLOAD_SLOTS_MAX];
	/* Slots by state, so that a call that finds nothing to do looks at none of them. */
	uint32_t used, planned, received;
	uint32_t cancels; /* CANCEL effects that are waiting */
	uint32_t spares;  /* slots whose chunk is there already */
	struct souk_download_want wants[SOUK_DOWNLOAD_WANTS_MAX]; /* the newest first */
	uint32_t want_count;
	uint32_t pairs;	      /* chunks that two are asked for now */
	uint32_t hedges_cost; /* chunks that were, or may yet be, paid twice */
	uint64_t hedges;      /* figures: asked for twice, and brought by the second */
	uint64_t hedges_won;
	bool is_stuck; /* nobody has what is left */
	struct souk_time stuck_until;
	uint64_t bytes_done;   /* checked, including what was there before */
	souk_status last_drop; /* why the last provider was dropped */
	struct souk_time
		pulled; /* when there was no effect left: nothing before it is waited for */
};

enum souk_download_effect_kind {
	/* Open a session: init the provider's customer with at most `units`, ask, grant, strip;
	 * then souk_download_opened or souk_download_open_failed. A later OPEN of the same provider
	 * is a further session: allot more where the leaf is used up. */
	SOUK_DOWNLOAD_OPEN,
	/* GET `request` into `slot`, exactly `length` bytes; then souk_download_received or
	 * souk_download_fetch_failed. */
	SOUK_DOWNLOAD_FETCH,
	/* GET `request` (/v1/keys); then souk_download_keys or souk_download_keys_failed. */
	SOUK_DOWNLOAD_KEYS,
	/* Send `hub_ticket` to the hub; then souk_download_bought or souk_download_buy_failed. */
	SOUK_DOWNLOAD_BUY,
	/* Cancel the FETCH into `slot`, of which nothing was paid: it is answered as any other
	 * then, with SOUK_LOCAL_STOPPED. */
	SOUK_DOWNLOAD_CANCEL,
	/* Decrypt `slot` with `cipher`, check it as chunk `chunk`, write it; souk_download_checked.
	 * With `spare` it was written before: check it only. */
	SOUK_DOWNLOAD_VERIFY,
	/* The provider is dropped for `status`: cancel its transfers. */
	SOUK_DOWNLOAD_DROP,
	/* Every chunk is done: cancel all transfers, there may be hedges among them. */
	SOUK_DOWNLOAD_COMPLETE,
	/* It cannot go on, for `status`: cancel all transfers. What is done stays done. */
	SOUK_DOWNLOAD_GIVE_UP,
};

struct souk_download_effect {
	enum souk_download_effect_kind kind;
	uint32_t provider;
	uint32_t slot;
	uint32_t units;	 /* OPEN */
	uint32_t unit;	 /* FETCH, VERIFY: for the log */
	uint32_t chunk;	 /* FETCH, VERIFY */
	uint32_t length; /* FETCH, VERIFY */
	bool spare;	 /* VERIFY */
	bool hedge;	 /* FETCH: for the log */
	struct souk_unit_request request;
	struct souk_unit_cipher cipher;
	struct souk_hub_ticket hub_ticket; /* BUY */
	souk_status status;		   /* DROP, GIVE_UP */
};

/* souk_download_init: plan the download of CONFIG->content, which souk_content_check has passed.
 * DONE_WORDS and TAKEN_WORDS have SOUK_BITMAP_WORDS(chunk count) words each. */
void souk_download_init(struct souk_download *download, const struct souk_download_config *config,
	uint64_t *done_words, uint64_t *taken_words);

/* CHUNK is on disk already, and was checked: before the first effect is pulled. */
void souk_download_have(struct souk_download *download, uint32_t chunk);

/* souk_download_add: a provider with a verified offer. CUSTOMER is memory for its sessions.
 *
 * Returns SOUK_OK and its number, or
 *   SOUK_PEER_BAD_OFFER  another content, size or chunk size: not usable here.
 *   SOUK_LOCAL_BUDGET    dearer than price_max.
 *   SOUK_LOCAL_FULL      there are SOUK_DOWNLOAD_PROVIDERS_MAX already.
 *   SOUK_LOCAL_STATE     the download is over. */
SOUK_MUST_CHECK souk_status souk_download_add(struct souk_download *download,
	const struct souk_offer *offer, struct souk_customer *customer, struct souk_time now,
	uint32_t *ret_provider);

/* souk_download_keep_parts: remember in WORDS, SOUK_BITMAP_WORDS(chunk count) of them, what
 * PROVIDER has; before its first OPEN. It is taken to have everything until it says otherwise.
 * Without this a provider that says LOCAL_NOT_HERE is one that fails. */
void souk_download_keep_parts(struct souk_download *download, uint32_t provider, uint64_t *words);

/* souk_download_available: what PROVIDER says it has now, in place of what it said before.
 *
 * Returns SOUK_OK, or, and what was known stays so,
 *   SOUK_LOCAL_STATE         no memory was given for it.
 *   SOUK_PEER_BAD_OFFER      of another content, or another number of chunks.
 *   SOUK_PEER_NOT_CANONICAL  ranges that are empty, overlap, or leave the content. */
SOUK_MUST_CHECK souk_status souk_download_available(struct souk_download *download,
	uint32_t provider, const struct souk_availability *availability);

/* souk_download_want: COUNT chunks from FIRST on are wanted soon, in this order and before all
 * others; the newest want first. Of more than SOUK_DOWNLOAD_WANTS_MAX the oldest is forgotten. A
 * COUNT of 0 forgets all of them: what is in flight still comes. Pull effects afterwards. */
void souk_download_want(struct souk_download *download, uint32_t first, uint32_t count);

/* Answers to OPEN. A failed OPEN drops the provider, unless the failure is IO_: then it is tried
 * again, failures_max times, and twice as often for LOCAL_FULL. The customer must be in state OPEN
 * for _opened. Where the hub has no credit for it, it waits for sessions with others to end. */
void souk_download_opened(struct souk_download *download, uint32_t provider, struct souk_time now);
void souk_download_open_failed(struct souk_download *download, uint32_t provider,
	souk_status status, struct souk_time now);

/* Answers to FETCH. KEY is NULL where there was no Souk-Key. STATUS: IO_ and LOCAL_FULL (429, 503)
 * are tried again; PEER_EPOCH_CLOSED, PEER_STRIP_EXPIRED and PEER_UNKNOWN_SESSION end the session,
 * and another one is opened, for the first two after a last KEYS; LOCAL_NOT_HERE says that the
 * provider lacks that chunk, and its unit takes another one; PEER_WRONG_LENGTH and any other PEER_
 * drop the provider. */
void souk_download_received(struct souk_download *download, uint32_t slot,
	const struct souk_unit_key *key, struct souk_time now);
void souk_download_fetch_failed(
	struct souk_download *download, uint32_t slot, souk_status status, struct souk_time now);
/* Bytes came in from PROVIDER: it is not silent. */
void souk_download_progress(
	struct souk_download *download, uint32_t provider, struct souk_time now);

/* Answers to KEYS; as those to FETCH. */
void souk_download_keys(struct souk_download *download, uint32_t provider,
	const struct souk_unit_key *key, struct souk_time now);
void souk_download_keys_failed(struct souk_download *download, uint32_t provider,
	souk_status status, struct souk_time now);

/* Answers to BUY. A hub that lies, that refuses, or that is silent for timeout_ms ends the
 * download: there is no other to pay with. A session that is over there is opened anew. */
void souk_download_bought(struct souk_download *download, uint32_t provider,
	const struct souk_ticket *ticket, struct souk_time now);
void souk_download_buy_failed(struct souk_download *download, uint32_t provider, souk_status status,
	struct souk_time now);

/* Answer to VERIFY: SOUK_OK once the chunk is on disk; a PEER_ status drops the provider; any other
 * (IO_DISK_FULL) ends the download. */
void souk_download_checked(
	struct souk_download *download, uint32_t slot, souk_status status, struct souk_time now);

/* The user stops it, or the caller cannot go on: GIVE_UP with STATUS. */
void souk_download_stop(struct souk_download *download, souk_status status);

void souk_download_tick(struct souk_download *download, struct souk_time now);
/* When souk_download_tick has something to do; SOUK_TIME_NEVER. */
struct souk_time souk_download_deadline(const struct souk_download *download);

/* Take the next effect; false where there is none now. */
bool souk_download_next_effect(
	struct souk_download *download, struct souk_download_effect *ret, struct souk_time now);

/* Whether nothing is unanswered: after COMPLETE or GIVE_UP memory may be released once it is. */
bool souk_download_is_quiet(const struct souk_download *download);

/* What one provider's tickets cost, or all providers'. */
struct souk_amount souk_download_spent(const struct souk_download *download, uint32_t provider);
struct souk_amount souk_download_spent_all(const struct souk_download *download);
/* Units whose tickets were issued, or bought from the hub; and how many of them were never
 * verified: those are lost once its session is over. */
uint64_t souk_download_paid(const struct souk_download *download, uint32_t provider);
uint64_t souk_download_lost(const struct souk_download *download, uint32_t provider);

#endif
