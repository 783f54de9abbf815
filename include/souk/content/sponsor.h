/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/sponsor.h - a sponsor: it pays caches from its escrow, so that viewers without one
 * may download.
 *
 *   viewer                          sponsor                            cache i of n
 *      | -- bundle_ask ----------------> | draws n caches, opens a session of each,
 *      | <-- bundle_open --------------- | lays n strips: one signature; puzzle 0
 *      | -- strip_i and the first unit ------------------------------------> |
 *      | <------------------------------- a segment's units, encrypted ----- |
 *      |  solves the puzzle over all n
 *      | -- token 0 -------------------> |
 *      | <-- n tickets, puzzle 1 ------- |
 *      | -- ticket_i ------------------------------------------------------> |
 *      | <---------------------------------------------------------- key_i - |
 *      |  decrypts, checks; the next segment
 *
 *   bundle: FREE --drawn--> DRAWN --strips laid--> OPEN --paid to the end, expired, too many wrong
 *                             '-- no money in time --> OVER <-- tokens, epoch over ---'
 *
 * Tickets of a segment leave only for the token of its own puzzle: before, no viewer has a key of
 * it, so that even who has the content cannot compute what another cache sends, and must fetch it.
 *
 * Invariants:
 *   S1 spent + held <= budget, of each content and in all, always; spent is the sum of
 *      units * price over tickets given. Where a budget is lowered below that, nothing more is
 *      drawn.
 *   S2 tickets of a segment leave only for its token, and the token is stored before: where puzzles
 *      are wanted, nothing is paid without one.
 *   S3 in an epoch no viewer is drawn more than its quota, nor all viewers of a network more than
 *      theirs; nor has one network more of the tables than its part. A bundle of fewer caches is
 *      charged as one of n: who draws a friend alone must not do so n times as often.
 *   S4 who is drawn is the sponsor's choice alone: neither viewer nor cache can foretell it, or
 *      have it made again without being charged.
 *   S5 no two strips of the sponsor overlap; each session has one.
 *   S6 a cache that failed an audit is not drawn any more; one that may be dead is drawn last.
 *   S7 a refused message changes nothing but counts; the same message again is answered as before.
 *
 * The caller pulls effects until there is none after every call that may cause them, makes all of
 * them durable in ONE transaction, and only then answers.
 *
 * Memory: caller's arrays; holds secrets. Threads: one owner; the steps in the middle (see below)
 * may be any thread's. Spec: spec/sponsor.md. */
#ifndef SOUK_CONTENT_SPONSOR_H
#define SOUK_CONTENT_SPONSOR_H

#include "souk/base/map.h"
#include "souk/content/bundle.h"
#include "souk/exchange/sponsored.h"
#include "souk/payment/payer.h"

/* Wrong tokens in a row that end a bundle. */
#define SOUK_SPONSOR_WRONG_MAX 4u

/* A cache that was found alive is not doubted again for so long. */
#define SOUK_SPONSOR_TRUST_MS 5000u

/* A bundle whose first segment, one unit of each cache, is not paid by then is over: nothing is
 * held for it any more. */
#define SOUK_SPONSOR_FIRST_MS 60000u

/* Where the sponsor reads its contents: SIZE bytes at OFFSET. */
struct souk_sponsor_source {
	void *ctx;
	souk_status (*read)(void *ctx, const struct souk_hash *content, uint64_t offset,
		uint8_t *out, uint32_t size);
};

struct souk_sponsor_config {
	const struct souk_identity *identity; /* borrowed; pays, signs strips and offers */
	struct souk_hash escrow;
	uint8_t seed[32];	   /* fresh at every start */
	const char *url;	   /* borrowed; "https://HOST:PORT#PIN", for recruits; NULL: none */
	struct souk_address site;  /* who admits viewers; zero: all are admitted */
	struct souk_amount budget; /* of all contents, ever */
	uint16_t caches;	   /* n, 1 to SOUK_BUNDLE_CACHES_MAX */
	uint32_t share;	  /* chunks of the content for each, at least; 0: always n caches */
	uint16_t segment; /* 1 to SOUK_BUNDLE_SEGMENT_MAX */
	/* Of each cache in a bundle, 1 to SOUK_BUNDLE_UNITS_MAX; set to 0 later on: none can be
	 * paid for now, and no bundle is drawn. */
	uint32_t units_max;
	uint64_t viewer_units;	 /* quota of a viewer in an epoch; 0: none */
	uint64_t prefix_units;	 /* of a network; 0: none */
	uint32_t prefix_viewers; /* of one network in an epoch: keys cost nothing; 0: any number */
	uint32_t prefix_bundles; /* of one network at a time; 0: any number */
	uint64_t drawn_ms;	 /* a drawn bundle waits so long for its strips to be laid */
	uint64_t bundle_ms;	 /* life of an open one */
	struct souk_puzzle_policy puzzle; /* mode 0: no token is wanted */
	struct souk_sponsor_source source;
};

/* A content that is paid for. */
struct souk_sponsor_content {
	struct souk_content content;
	struct souk_hash group; /* all contents of it share one budget; its own id: nobody else */
	struct souk_amount budget;	  /* ever */
	struct souk_amount held;	  /* what its open and drawn bundles may still cost */
	uint32_t first_cache, last_cache; /* index + 1, in the order of enlisting; 0: none */
	bool store_due;
	uint32_t due_next;
	struct souk_sponsor_content_record record;
};

struct souk_sponsor_cache {
	bool in_doubt;		/* said to be dead, and not looked at since */
	struct souk_time found; /* when it was found alive, having been in doubt */
	uint32_t next_cache;	/* of its content: index + 1 */
	bool store_due;
	uint32_t due_next; /* index + 1 of the next that is to be stored */
	struct souk_sponsor_cache_record record;
};

struct souk_sponsor_viewer {
	struct souk_address address;
	bool store_due;
	uint32_t due_next;
	struct souk_sponsor_viewer_record record;
};

enum souk_sponsor_bundle_state {
	SOUK_BUNDLE_FREE,
	SOUK_BUNDLE_DRAWN,
	SOUK_BUNDLE_OPEN,
	SOUK_BUNDLE_OVER,
};

/* Where walks down the chains of a bundle begin, as long as they need not begin higher: at the
 * values of `unit`; 0: not known. Secret, in memory only. */
struct souk_sponsor_marks {
	uint32_t unit;
	struct souk_hash keys[SOUK_BUNDLE_CACHES_MAX], tickets[SOUK_BUNDLE_CACHES_MAX];
};

struct souk_sponsor_bundle {
	enum souk_sponsor_bundle_state state;
	bool store_due;
	uint32_t due_next;
	bool complained;	/* its viewer did, once */
	bool has_token;		/* of segment record.paid */
	struct souk_time drawn; /* or restored */
	struct souk_puzzle_token token;
	struct souk_amount row; /* what one unit of each cache costs together */
	struct souk_sponsor_marks marks;
	struct souk_sponsor_bundle_record record;
};

/* A network and what its viewers were drawn in this epoch. */
struct souk_sponsor_prefix {
	uint64_t prefix;
	uint64_t units;
	uint32_t viewers;
	uint32_t bundles; /* that are drawn or open */
};

/* Memory of a sponsor. Slots: SOUK_MAP_SLOTS(count) words each. */
struct souk_sponsor_memory {
	struct souk_sponsor_content *contents;
	uint32_t content_max;
	struct souk_sponsor_cache *caches;
	uint32_t cache_max;
	struct souk_sponsor_viewer *viewers;
	uint32_t *viewer_slots;
	uint32_t viewer_max; /* of an epoch */
	struct souk_sponsor_prefix *prefixes;
	uint32_t *prefix_slots;
	uint32_t prefix_max;
	struct souk_sponsor_bundle *bundles;
	uint32_t *bundle_slots;
	uint32_t bundle_max;
	uint32_t *draw; /* cache_max words of scratch */
};

/* What an ask or a claim costs, apart from the machine: nobody else touches one. */
struct souk_sponsor_work {
	/* as the machine was at the beginning */
	struct souk_sponsor_bundle_record record;
	struct souk_bundle_plan plan;
	struct souk_puzzle_policy policy;
	struct souk_sponsor_source source;
	struct souk_pubkey payer;
	struct souk_hash escrow;
	/* Shared with the caches. */
	struct souk_hash secrets[SOUK_BUNDLE_CACHES_MAX], pairs[SOUK_BUNDLE_CACHES_MAX];
	bool is_again;	/* the segment is paid, its answer was lost */
	bool has_token; /* `token` was known */
	/* what was computed */
	souk_status status;
	bool is_last;
	struct souk_puzzle puzzle; /* that goes with the answer */
	struct souk_puzzle_token token, next;
	struct souk_sponsor_marks marks;
	/* scratch: the keys of a segment */
	struct souk_hash keys[SOUK_BUNDLE_CACHES_MAX][SOUK_BUNDLE_SEGMENT_MAX];
};

struct souk_sponsor {
	struct souk_sponsor_config config;
	struct souk_sponsor_memory memory;
	struct souk_map viewer_map;
	struct souk_map prefix_map;
	struct souk_map bundle_map;
	struct souk_secret_rng rng;
	struct souk_hash draw_secret;
	struct souk_hash beacon;
	uint64_t epoch;
	struct souk_time epoch_end;
	bool epoch_known;
	bool totals_due;
	uint32_t content_count;
	uint32_t cache_count;
	uint32_t doubts; /* caches that are in doubt */
	uint32_t viewer_count;
	uint32_t prefix_count;
	uint32_t bundle_cursor;
	struct souk_time ticked;
	uint32_t contents_due; /* as the next three */
	uint32_t caches_due;   /* index + 1 of the first that is to be stored; 0: none */
	uint32_t viewers_due;
	uint32_t bundles_due;
	struct souk_amount held; /* what open and drawn bundles may still cost */
	struct souk_sponsor_totals_record totals;
	struct souk_sponsor_work work; /* of calls that do all at once */
};

enum souk_sponsor_effect_kind {
	SOUK_SPONSOR_STORE_TOTALS,  /* totals */
	SOUK_SPONSOR_STORE_CONTENT, /* contents[index].record, under its id */
	SOUK_SPONSOR_STORE_CACHE,   /* caches[index].record */
	SOUK_SPONSOR_STORE_VIEWER,  /* viewers[index].record, under its address */
	SOUK_SPONSOR_STORE_BUNDLE,  /* bundles[index].record, under its name */
};

struct souk_sponsor_effect {
	enum souk_sponsor_effect_kind kind;
	uint32_t index; /* valid until the next call */
};

void souk_sponsor_init(struct souk_sponsor *sponsor, const struct souk_sponsor_config *config,
	const struct souk_sponsor_memory *memory);

/* souk_sponsor_add_content: pay for downloads of CONTENT from now on, up to BUDGET ever; again
 * after each start. With GROUP, which may be NULL, all contents of it together are paid up to the
 * budget of each.
 *
 * Returns SOUK_OK, SOUK_LOCAL_EXISTS, SOUK_LOCAL_FULL. */
SOUK_MUST_CHECK souk_status souk_sponsor_add_content(struct souk_sponsor *sponsor,
	const struct souk_content *content, const struct souk_hash *group,
	struct souk_amount budget);

/* souk_sponsor_set_budget: from now on, and ever, so much for CONTENT. Bundles that were drawn go
 * on; zero stops new ones.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_NOT_FOUND. */
SOUK_MUST_CHECK souk_status souk_sponsor_set_budget(
	struct souk_sponsor *sponsor, const struct souk_hash *content, struct souk_amount budget);

/* Take back what was stored: totals, contents, caches and viewers before the bundles.
 *
 * Return SOUK_OK, or
 *   SOUK_LOCAL_STATE    it is over, or of an earlier epoch, or of a content that is not paid for:
 *                       history.
 *   SOUK_LOCAL_FULL, SOUK_LOCAL_EXISTS
 *   SOUK_CORRUPT_STORE  it contradicts itself or the others: tell the operator. */
void souk_sponsor_restore_totals(
	struct souk_sponsor *sponsor, const struct souk_sponsor_totals_record *record);
SOUK_MUST_CHECK souk_status souk_sponsor_restore_content(struct souk_sponsor *sponsor,
	const struct souk_hash *content, const struct souk_sponsor_content_record *record);
SOUK_MUST_CHECK souk_status souk_sponsor_restore_cache(
	struct souk_sponsor *sponsor, const struct souk_sponsor_cache_record *record);
SOUK_MUST_CHECK souk_status souk_sponsor_restore_viewer(struct souk_sponsor *sponsor,
	const struct souk_address *address, const struct souk_sponsor_viewer_record *record);
SOUK_MUST_CHECK souk_status souk_sponsor_restore_bundle(struct souk_sponsor *sponsor,
	const struct souk_sponsor_bundle_record *record, struct souk_time now);

/* The ledger says: EPOCH is current and ends at END; BEACON is the last one drawn. Bundles of
 * earlier epochs are over, and quotas begin anew. */
void souk_sponsor_set_epoch(struct souk_sponsor *sponsor, uint64_t epoch, struct souk_time end,
	const struct souk_hash *beacon, struct souk_time now);

/* souk_sponsor_recruit: what to send to PROVIDER; keep it for its answer. */
void souk_sponsor_recruit(struct souk_sponsor *sponsor, const struct souk_address *provider,
	const struct souk_hash *content, struct souk_amount price, struct souk_time expires,
	struct souk_signed_recruit *ret);

/* souk_sponsor_enlist: PROVIDER's yes to RECRUIT. A cache that enlists again is renewed.
 *
 * Returns SOUK_OK, those of souk_enlist_verify, or
 *   SOUK_PEER_WRONG_SIGNER     the recruit is not this sponsor's.
 *   SOUK_PEER_UNKNOWN_CONTENT  nor one for a content that it pays for; or of another size.
 *   SOUK_LOCAL_STATE           it is barred.
 *   SOUK_LOCAL_FULL            no room for another cache. */
SOUK_MUST_CHECK souk_status souk_sponsor_enlist(struct souk_sponsor *sponsor,
	const struct souk_signed_recruit *signed_recruit,
	const struct souk_signed_enlist *signed_enlist, struct souk_time now);

/* The cache of PROVIDER for CONTENT is not drawn any more, until it enlists again. */
void souk_sponsor_release(struct souk_sponsor *sponsor, const struct souk_address *provider,
	const struct souk_hash *content);

/* How many caches a bundle of CONTENT has. */
uint32_t souk_sponsor_caches(
	const struct souk_sponsor *sponsor, const struct souk_content *content);

/* Whether the network PREFIX has as many viewers in this epoch as one may have: those that asked
 * before may ask on. */
bool souk_sponsor_has_all_viewers(const struct souk_sponsor *sponsor, uint64_t prefix);

/* souk_sponsor_claim: give tickets for a token.
 *
 * Returns SOUK_OK: make the effects durable, then answer; or
 *   SOUK_PEER_UNKNOWN_BUNDLE, _EPOCH_CLOSED, _STRIP_EXPIRED
 *   SOUK_PEER_OUT_OF_ORDER    not open, or neither the next segment nor the last again.
 *   SOUK_PEER_SPONSOR_TOKEN   wrong; after SOUK_SPONSOR_WRONG_MAX the bundle is over.
 *   what the source said      nothing is changed. */
SOUK_MUST_CHECK souk_status souk_sponsor_claim(struct souk_sponsor *sponsor,
	const struct souk_segment_claim *claim, struct souk_time now,
	struct souk_segment_tickets *ret);

/* ---- the same in steps, for several threads ----
 *
 *   begin (the machine's owner) --> compute, verify, sign (any thread) --> finish (its owner)
 *
 * Signatures, chains, puzzles and reads of the disk are in the middle; the machine may change
 * meanwhile, and finish looks again. What the whole call above returns, the steps return between
 * them; after a failed step there is no other, but after a compute, whose status finish tells. Two
 * claims of one bundle at a time, or the same ask twice, would compute the same twice: hold one
 * back. */

/* A bundle, for a viewer that asks:
 *
 *   begin   whether it may ask
 *   verify  its signatures; touches no machine
 *   draw    who is drawn; WORK is filled, and its source may be replaced by one that any thread
 *           may use. RET->offer is set.
 *             In: prefix  the network it asks from, by the caller's rule
 *   compute sessions, strips and the first puzzle
 *   finish  the strips are laid.
 *             In/out: leaves  of the sponsor's escrow, one for each of work->record.sessions, in
 *                             their order; used grows. May be the same ones for different
 *                             contents, never for two caches of a bundle
 *   sign    the offer and the strips, whose leaf and leaf_path the caller has set by then
 *
 * Between them they return SOUK_OK: make the effects durable, then send *RET, or
 *   SOUK_PEER_BAD_VERSION, _BAD_REQUEST (another sponsor), _BAD_SIGNATURE, _WRONG_SIGNER
 *   SOUK_PEER_SPONSOR_ADMISSION
 *   SOUK_PEER_UNKNOWN_CONTENT, _NO_CHUNK
 *   SOUK_PEER_OUT_OF_ORDER   neither its next bundle, nor the last one again.
 *   SOUK_PEER_SPONSOR_QUOTA  its own, or its network's: of units, or of viewers
 *                            (souk_sponsor_has_all_viewers tells).
 *   SOUK_PEER_EPOCH_CLOSED   it has just ended; ask again in the next.
 *   SOUK_LOCAL_STATE         just started, the epoch is not known yet: 503.
 *   SOUK_LOCAL_NO_PROVIDER_LEFT  fewer than souk_sponsor_caches.
 *   SOUK_LOCAL_BUDGET
 *   SOUK_LOCAL_FULL  as many bundles at a time as there may be, in all or of its network: later.
 *   SOUK_LOCAL_EXISTS        (draw, finish) work->record.bundle was answered: as then. The caller
 *                            keeps the answer; one that it has not any more is _OUT_OF_ORDER.
 *   SOUK_PEER_STRIP_RANGE    (finish) a leaf has not that much left: allot more, and call again.
 *   SOUK_PEER_STRIP_EXPIRED, _UNKNOWN_BUNDLE  (finish) that took too long.
 *   what the source said     (finish) the same ask again is tried again. */
SOUK_MUST_CHECK souk_status souk_sponsor_ask_begin(
	struct souk_sponsor *sponsor, const struct souk_bundle_ask *ask, struct souk_time now);
SOUK_MUST_CHECK souk_status souk_sponsor_ask_verify(const struct souk_address *sponsor,
	const struct souk_address *site, const struct souk_signed_bundle_ask *signed_ask,
	struct souk_time now);
SOUK_MUST_CHECK souk_status souk_sponsor_ask_draw(struct souk_sponsor *sponsor,
	const struct souk_bundle_ask *ask, uint64_t prefix, struct souk_time now,
	struct souk_sponsor_work *work, struct souk_bundle_open *ret);
void souk_sponsor_ask_compute(struct souk_sponsor_work *work, struct souk_bundle_open *ret);
SOUK_MUST_CHECK souk_status souk_sponsor_ask_finish(struct souk_sponsor *sponsor,
	const struct souk_sponsor_work *work, struct souk_payer_leaf *const *leaves,
	struct souk_time now, struct souk_bundle_open *ret);
void souk_sponsor_ask_sign(struct souk_bundle_open *open, const struct souk_identity *identity);
/* A step that touches no machine refused: it is counted. */
void souk_sponsor_note_refused(struct souk_sponsor *sponsor);

SOUK_MUST_CHECK souk_status souk_sponsor_claim_begin(struct souk_sponsor *sponsor,
	const struct souk_segment_claim *claim, struct souk_time now,
	struct souk_sponsor_work *work);
void souk_sponsor_claim_compute(
	struct souk_sponsor_work *work, const struct souk_segment_claim *claim);
SOUK_MUST_CHECK souk_status souk_sponsor_claim_finish(struct souk_sponsor *sponsor,
	const struct souk_sponsor_work *work, const struct souk_segment_claim *claim,
	struct souk_time now);
void souk_sponsor_claim_answer(const struct souk_sponsor_work *work,
	const struct souk_segment_claim *claim, struct souk_segment_tickets *ret);
/* It holds secrets. */
void souk_sponsor_work_wipe(struct souk_sponsor_work *work);

/* souk_sponsor_complain: a viewer was failed by a cache of its bundle. Counted: a reason to audit,
 * and to look whether it is alive (souk_sponsor_doubt), which anybody can give.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_VERSION, _BAD_REQUEST, _UNKNOWN_BUNDLE, _NOT_PAYEE (no cache of that bundle),
 *   _BAD_SIGNATURE, _WRONG_SIGNER */
SOUK_MUST_CHECK souk_status souk_sponsor_complain(
	struct souk_sponsor *sponsor, const struct souk_signed_bundle_complaint *signed_complaint);

/* The same in steps, as above: whether it is one of a bundle that we know; its signature, which
 * touches no machine; then it is counted. */
SOUK_MUST_CHECK souk_status souk_sponsor_complain_begin(
	const struct souk_sponsor *sponsor, const struct souk_bundle_complaint *complaint);
SOUK_MUST_CHECK souk_status souk_sponsor_complaint_verify(
	const struct souk_signed_bundle_complaint *signed_complaint);
SOUK_MUST_CHECK souk_status souk_sponsor_complain_finish(
	struct souk_sponsor *sponsor, const struct souk_bundle_complaint *complaint);

/* souk_sponsor_doubt: PROVIDER, a cache of BUNDLE, was complained of, and may be dead: until
 * souk_sponsor_found says that it is alive it is drawn only where there are not enough others. Look
 * at once: whoever complains of an honest cache keeps it out as long as that takes, and no more
 * often than every SOUK_SPONSOR_TRUST_MS. False: it is no cache of it, is looked at already, or was
 * found alive a moment ago. */
bool souk_sponsor_doubt(struct souk_sponsor *sponsor, const struct souk_nonce *bundle,
	const struct souk_address *provider, struct souk_time now);
/* The cache at INDEX of memory.caches is alive; or, enlisted no more, not to be looked at. */
void souk_sponsor_found(struct souk_sponsor *sponsor, uint32_t index, struct souk_time now);

/* souk_sponsor_audit: VIEWER, who asked already, is one of the sponsor's own. No cache can tell.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_NOT_FOUND. */
SOUK_MUST_CHECK souk_status souk_sponsor_audit(
	struct souk_sponsor *sponsor, const struct souk_address *viewer);

/* souk_sponsor_audited: what one of our own viewers saw of PROVIDER in BUNDLE: SOUK_OK, or what it
 * did. Another class than PEER is no fault of it.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_UNKNOWN_BUNDLE, SOUK_PEER_NOT_PAYEE
 *   SOUK_LOCAL_STATE  the viewer is not one of ours. */
SOUK_MUST_CHECK souk_status souk_sponsor_audited(struct souk_sponsor *sponsor,
	const struct souk_nonce *bundle, const struct souk_address *provider, souk_status seen);

void souk_sponsor_tick(struct souk_sponsor *sponsor, struct souk_time now);
/* When souk_sponsor_tick has something to do; SOUK_TIME_NEVER. */
struct souk_time souk_sponsor_deadline(const struct souk_sponsor *sponsor);

/* Take the next effect; false where there is none now. */
bool souk_sponsor_next_effect(struct souk_sponsor *sponsor, struct souk_sponsor_effect *ret);
/* EFFECT, the last one taken, could not be carried out: it comes again. */
void souk_sponsor_repeat_effect(
	struct souk_sponsor *sponsor, const struct souk_sponsor_effect *effect);

/* Budget less what is spent or held: in all; and of CONTENT or its group, no more than in all. Zero
 * where it is not paid for. */
struct souk_amount souk_sponsor_free(const struct souk_sponsor *sponsor);
struct souk_amount souk_sponsor_free_for(
	const struct souk_sponsor *sponsor, const struct souk_hash *content);

/* The entry of CONTENT, or NULL. */
const struct souk_sponsor_content *souk_sponsor_content_of(
	const struct souk_sponsor *sponsor, const struct souk_hash *content);

/* The cache of CONTENT after CACHE, or the first for NULL, in the order of enlisting; NULL: none.
 */
const struct souk_sponsor_cache *souk_sponsor_next_cache(const struct souk_sponsor *sponsor,
	const struct souk_sponsor_content *content, const struct souk_sponsor_cache *cache);

/* The bundle of that name, or NULL; for the caller to look up whose leaves are wanted. */
const struct souk_sponsor_bundle *souk_sponsor_bundle_of(
	const struct souk_sponsor *sponsor, const struct souk_nonce *bundle);

void souk_sponsor_wipe(struct souk_sponsor *sponsor);

/* Signing, for viewers and sites. */
void souk_bundle_ask_sign(
	struct souk_signed_bundle_ask *signed_ask, const struct souk_identity *viewer);
void souk_admission_sign(
	struct souk_signed_admission *signed_admission, const struct souk_identity *site);
void souk_bundle_complaint_sign(
	struct souk_signed_bundle_complaint *signed_complaint, const struct souk_identity *viewer);

#endif
