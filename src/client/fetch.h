/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch.h - one content, fetched chunk by chunk from whoever has it, verified.
 *
 *   fetch_open --> fetch_have ... --> fetch_run --------> complete | failed | stopped
 *   (who has it,                        ^
 *    its chunk row)                     | fetch_want, fetch_stop: any thread
 *
 * Two ways to pay, one interface:
 *
 *   paid    the planner of souk/content/download.h, from an escrow, or by a hub
 *   viewed  bundles of souk/content/viewer.h, which a sponsor pays for
 *
 * A whole content is fetched, or, with is_streaming, only what somebody wants: then fetch_run waits
 * for wants, and ends when it is stopped or everything is there.
 *
 * Invariants: nothing unverified is given to events.chunk; a chunk is paid at most once, unless its
 * seller failed; whatever becomes of the process, the wallet knows what was paid.
 *
 * Memory: heap. Threads: fetch_run is called on one; fetch_want, fetch_stop and fetch_figures_now
 * may be called on any while it runs. Any number of fetches run side by side, of one home too. */
#ifndef SOUK_CLIENT_FETCH_H
#define SOUK_CLIENT_FETCH_H

#include "chain_client.h"
#include "souk/content/chunk.h"
#include "souk/crypto/ecdsa.h"
#include "wallet.h"

/* A sentence; and where there is something to do about it, a second line that says what. */
#define FETCH_DETAIL_SIZE 512

enum fetch_payer {
	FETCH_SPONSOR_FIRST, /* a sponsor where one pays for this content; else an own escrow */
	FETCH_SPONSOR,	     /* a sponsor, or not at all */
	FETCH_OWN,	     /* an own escrow, or the hub */
};

/* How far it is; for people and reports. */
struct fetch_figures {
	uint64_t bytes_done; /* verified, with what was there before */
	uint64_t bytes;	     /* of the content */
	uint64_t chunks_done;
	struct souk_amount spent; /* of one's own money */
	struct souk_amount fee;	  /* what of that the hub keeps */
	uint32_t sources;	  /* that deliver now */
	bool is_sponsored;
	uint64_t hedges, hedges_won; /* late chunks asked of two; brought by the second */
	uint64_t elapsed_ns;	     /* since the first session was opened */
};

/* What came of one provider. */
struct fetch_source {
	struct souk_address address;
	struct souk_amount price; /* of a unit, as it offers it */
	uint64_t units, bytes;	  /* verified */
	struct souk_amount spent;
	uint64_t units_paid, units_lost;
	uint64_t units_spare; /* of those verified: another one had brought them already */
	souk_status dropped;  /* why it was left; SOUK_OK: it was not */
	bool is_accountable;  /* it stood up for its units under an agreement */
	bool is_sponsored;
};

struct market_memory;

struct fetch_events {
	void *ctx;
	/* CHUNK is verified: keep it. On a worker's thread, for each chunk once. Anything but
	 * SOUK_OK ends the fetch with that status. */
	souk_status (*chunk)(void *ctx, uint32_t chunk, struct souk_bytes data);
	/* Own money is about to leave for the first time; may wait. Anything but SOUK_OK ends the
	 * fetch with that status, and nothing was paid. On fetch_run's thread. May be NULL. */
	souk_status (*pay)(void *ctx);
	/* One line that a user should read: a provider was left, and why. On any thread. May be
	 * NULL. */
	void (*note)(void *ctx, const char *text);
	/* A few times a second, on fetch_run's thread. May be NULL. */
	void (*progress)(void *ctx, const struct fetch_figures *figures);
	/* What souk agreement accuses with (IS_QUESTION: challenges with), encoded: of who sold a
	 * wrong unit, or withheld a paid key, under an agreement. On fetch_run's thread. May be
	 * NULL: no evidence is kept. */
	void (*evidence)(void *ctx, bool is_question, struct souk_bytes bytes);
	/* CHUNK's bytes, which were given to `chunk`: evidence has them beside the wrong ones. May
	 * be NULL, with `evidence`. */
	souk_status (*read)(void *ctx, uint32_t chunk, uint8_t *out, size_t size);
};

/* Whether STATUS, of fetch_open or fetch_run, says that nobody who answers sells it, or nobody pays
 * for it: a file's bytes may still be had otherwise, in a pack or by themselves. */
bool fetch_is_nowhere(souk_status status);

/* Texts and pointers are borrowed until fetch_free. */
struct fetch_config {
	const char *home; /* whose wallet; and names of sponsors that were met */
	const char *ledger_url;
	const struct souk_identity *identity; /* who signs strips; NULL: no own money */
	struct souk_content_name name;
	enum fetch_payer payer;
	const char *sponsor; /* "https://HOST:PORT#PIN"; NULL: whoever the caches name */
	const struct souk_signed_admission *admission; /* to that sponsor; NULL: none */
	/* Of one's own money. */
	uint64_t escrow_number;
	const char *hub_name;	      /* NULL: the escrow pays */
	const char *issuer_name;      /* NULL: identity owns the escrow, and may allot */
	const char *agreement_text;   /* NULL: any of one's own that suits */
	struct souk_amount price_max; /* of a unit; zero: no limit */
	struct souk_amount budget;    /* zero: no limit */
	uint64_t providers_max; /* that may be dealt with, the cheapest; 0: 8 at once, and others in
				 * the place of those that fail */
	uint64_t timeout_ms;	/* 0: 5,000 */
	uint64_t window_max;	/* 0: 16 */
	uint64_t units_ahead;	/* that will be bought from the same providers after this content:
				 * what is allotted now will pay for them too */
	bool no_hedges;		/* no late chunk is asked of two, lest both be paid */
	bool is_streaming;
	/* Nothing of it is here, and its start is wanted: the sponsor that was named, or in a
	 * stream the one that paid last, may be asked for that before anybody has said what it is.
	 */
	bool is_from_start;
	uint32_t seed; /* which of equally rare chunks come first; 0: from the start on. Who sells
			* on what it buys takes another one than the others. */
	struct market_memory *memory; /* what is known already; NULL: nothing */
	struct fetch_events events;
};

struct fetch;

/* fetch_open: find who has it, and load its chunk row.
 *
 * Returns SOUK_OK; or, with a sentence in DETAIL,
 *   SOUK_PEER_UNKNOWN_CONTENT  nobody offers it.
 *   SOUK_LOCAL_BUDGET          nobody does so cheaply.
 *   SOUK_LOCAL_NOT_FOUND       no sponsor pays for it (FETCH_SPONSOR).
 *   SOUK_PEER_NO_ESCROW, _ESCROW_CLOSING, _HUB_CREDIT, _NO_ACCOUNT   there is no money to pay with.
 *   SOUK_PEER_BAD_CONTENT      nobody gave the right chunk row.
 *   SOUK_IO_*                  the ledger or the providers do not answer: try again. */
SOUK_MUST_CHECK souk_status fetch_open(
	struct fetch **ret, const struct fetch_config *config, char detail[FETCH_DETAIL_SIZE]);

/* Valid until fetch_free. */
const struct souk_content *fetch_content(const struct fetch *fetch);
const struct souk_hash *fetch_row(const struct fetch *fetch);

/* CHUNK is here already, and was verified; or it is not wanted, and counts as if it were here:
 * before fetch_run. */
void fetch_have(struct fetch *fetch, uint32_t chunk);

/* fetch_run: until all is there, or it cannot go on.
 *
 * Returns SOUK_OK: complete; SOUK_LOCAL_STOPPED; or why not, with a sentence in DETAIL. What was
 * given to events.chunk stays good. */
SOUK_MUST_CHECK souk_status fetch_run(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE]);

/* COUNT chunks from FIRST on are wanted soon, the newest want first; in a whole download they only
 * come earlier. The last FETCH_WANTS_MAX wants are remembered: whoever waits says so again every
 * few seconds. COUNT 0: all wants are forgotten, and what is under way may end. */
#define FETCH_WANTS_MAX 16u
void fetch_want(struct fetch *fetch, uint32_t first, uint32_t count);
void fetch_stop(struct fetch *fetch);
struct fetch_figures fetch_figures_now(struct fetch *fetch);
/* Whom it dealt with: at most MAX of them; returns how many. 0: it came to nothing before the first
 * session. After fetch_run. */
size_t fetch_sources(struct fetch *fetch, struct fetch_source *out, size_t max);
#define FETCH_SOURCES_MAX 64u

void fetch_free(struct fetch *fetch); /* NULL is allowed; not while it runs */

#endif
