/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/viewer.h - a viewer's bundle: a download that a sponsor pays for.
 *
 *   ASKING --a session of each of n caches--> RUNNING --> DONE, FAILED
 *
 *   a segment:  FETCH all --> SOLVE --> CLAIM --> KEYS --> VERIFY all
 *
 * The strip of a session goes to its cache with the request for the first unit.
 *
 * One object is one bundle. It ends DONE, or FAILED at the first cache that fails for good: no
 * puzzle can be solved without it, and none is drawn in its place; the viewer asks for another
 * bundle from the first chunk that is missing.
 *
 * Every effect that asks for an answer gets exactly one. While a segment's puzzle is being solved
 * the next segment is fetched already, as far as the caches' windows allow.
 *
 * Invariants:
 *   V1 a chunk counts only after it was checked against the row.
 *   V2 a ticket is sent on only for units that came.
 *   V3 the viewer pays nothing.
 *
 * Memory: caller's; customers hold secrets. Threads: one owner; decryption, checking and solving
 * are the caller's, outside. Spec: spec/sponsor.md 6. */
#ifndef SOUK_CONTENT_VIEWER_H
#define SOUK_CONTENT_VIEWER_H

#include "souk/content/bundle.h"
#include "souk/content/sponsor.h"

struct souk_viewer_config {
	const struct souk_identity *identity; /* borrowed: the viewer's */
	struct souk_address sponsor;
	/* Passed souk_content_check; or its id, the size that its name
	 * may state, and chunk_size 0: the sponsor says what it is,
	 * and the caller's row shows whether that is so. */
	struct souk_content content;
	uint64_t number; /* of the viewer's bundles in this epoch */
	uint32_t first;
	uint32_t chunks;
	uint32_t pipeline;     /* requests in flight to one cache */
	uint32_t failures_max; /* in a row, of one request */
	/* The same of a request to the sponsor: it may restart, and no other can take its place. 0:
	 * as failures_max. */
	uint32_t sponsor_failures_max;
	uint64_t retry_ms; /* before the first retry; doubled each time */
	/* Nobody waits for the next chunk: tickets go with the next unit that is asked for, and the
	 * keys come with it. Else they are asked for at once, alone. */
	bool is_patient;
	const struct souk_signed_admission *admission; /* NULL: none */
};

enum souk_viewer_state {
	SOUK_VIEWER_ASKING,
	SOUK_VIEWER_RUNNING,
	SOUK_VIEWER_DONE,
	SOUK_VIEWER_FAILED,
};

enum souk_viewer_effect_kind {
	/* Send `viewer->ask`; then souk_viewer_opened. */
	SOUK_VIEWER_ASK,
	/* GET `request`, exactly `length` bytes, and keep them for SOLVE and VERIFY of that cache
	 * and unit; where it `opens`, with the strip of `cache`'s session; then
	 * souk_viewer_received, or souk_viewer_admitted. */
	SOUK_VIEWER_FETCH,
	/* Solve `viewer->puzzle` over the units of `segment`; then souk_viewer_solved. */
	SOUK_VIEWER_SOLVE,
	/* Send `claim`; then souk_viewer_tickets. */
	SOUK_VIEWER_CLAIM,
	/* GET `request` (/v1/keys); then souk_viewer_keys. */
	SOUK_VIEWER_KEYS,
	/* Decrypt `cache`'s `unit` with `cipher`, check it as `chunk`, write it; then
	 * souk_viewer_verified. */
	SOUK_VIEWER_VERIFY,
	/* Send `complaint`; no answer is waited for. */
	SOUK_VIEWER_COMPLAIN,
	/* It is over: viewer->status says how. */
	SOUK_VIEWER_END,
};

struct souk_viewer_effect {
	enum souk_viewer_effect_kind kind;
	uint32_t cache;
	uint32_t unit;
	uint32_t chunk;
	uint32_t length;
	uint32_t segment;
	bool opens; /* FETCH */
	struct souk_unit_request request;
	struct souk_unit_cipher cipher;
	struct souk_segment_claim claim;
	struct souk_signed_bundle_complaint complaint;
};

/* What a cache owes an answer to, and how far it is. */
struct souk_viewer_cache {
	struct souk_customer customer;
	bool is_open;		/* it has its strip: until then one FETCH at a time */
	bool busy;		/* KEYS is unanswered */
	uint32_t fetching;	/* FETCH effects unanswered */
	uint32_t asked;		/* units that were asked for */
	uint32_t shown;		/* units whose VERIFY was given */
	uint32_t owed;		/* the last KEYS was for the key of this unit */
	uint32_t carrier;	/* the unit whose FETCH has the ticket; 0: none */
	bool keeps_keys;	/* one came without the key: it is asked for alone */
	uint32_t failures;	/* in a row */
	struct souk_time retry; /* nothing is sent before */
	uint32_t again_count;
	uint32_t again[SOUK_BUNDLE_SEGMENT_MAX]; /* units to ask for again */
};

struct souk_viewer {
	struct souk_viewer_config config;
	enum souk_viewer_state state;
	souk_status status; /* of FAILED */
	uint32_t failed;    /* the cache that failed it; UINT32_MAX: none */
	bool end_due;
	bool complain_due;
	bool busy; /* ASK, SOLVE or CLAIM is unanswered */
	bool claim_due;
	uint32_t failures;
	struct souk_time retry;
	struct souk_signed_bundle_ask ask;
	struct souk_nonce bundle;
	struct souk_bundle_plan plan;
	uint32_t segment_count;
	uint32_t segment; /* whose token is wanted */
	bool has_puzzle;
	struct souk_puzzle puzzle;
	struct souk_puzzle_token token;
	uint32_t turn;
	uint64_t verified;		  /* units of all caches */
	struct souk_viewer_cache *caches; /* caller's, SOUK_BUNDLE_CACHES_MAX */
};

void souk_viewer_init(struct souk_viewer *viewer, const struct souk_viewer_config *config,
	struct souk_viewer_cache *caches);

/* Answer to ASK. What is no bundle of the sponsor's ends it. */
void souk_viewer_opened(
	struct souk_viewer *viewer, const struct souk_bundle_open *open, struct souk_time now);
/* Answer to a FETCH that opens: the strip was taken, but the unit did not come with it. */
void souk_viewer_admitted(
	struct souk_viewer *viewer, uint32_t cache, uint32_t unit, struct souk_time now);
/* Answers to FETCH and KEYS; KEY is NULL where there was no Souk-Key. */
void souk_viewer_received(struct souk_viewer *viewer, uint32_t cache, uint32_t unit,
	const struct souk_unit_key *key, struct souk_time now);
void souk_viewer_keys(struct souk_viewer *viewer, uint32_t cache, const struct souk_unit_key *key,
	struct souk_time now);
/* Answer to SOLVE: the token; or NULL: no start leads to the goal, and SPOILED is
 * souk_puzzle_spoiled's answer. */
void souk_viewer_solved(struct souk_viewer *viewer, const struct souk_puzzle_token *token,
	uint32_t spoiled, struct souk_time now);
/* Answer to CLAIM. */
void souk_viewer_tickets(struct souk_viewer *viewer, const struct souk_segment_tickets *tickets,
	struct souk_time now);
/* Answer to VERIFY: SOUK_OK once the chunk is on disk. */
void souk_viewer_verified(struct souk_viewer *viewer, uint32_t cache, uint32_t unit,
	souk_status status, struct souk_time now);

/* EFFECT failed with STATUS, in place of its answer. IO_ and LOCAL_ are tried again, failures_max
 * times; any other ends the bundle. */
void souk_viewer_failed(struct souk_viewer *viewer, const struct souk_viewer_effect *effect,
	souk_status status, struct souk_time now);
/* The user stops it. */
void souk_viewer_stop(struct souk_viewer *viewer, souk_status status);

struct souk_time souk_viewer_deadline(const struct souk_viewer *viewer);
/* Take the next effect; false where there is none now. */
bool souk_viewer_next_effect(
	struct souk_viewer *viewer, struct souk_viewer_effect *ret, struct souk_time now);

void souk_viewer_wipe(struct souk_viewer *viewer);

#endif
