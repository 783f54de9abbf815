/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_internal.h - how fetch.c leads its two engines, and what they share.
 *
 *   fetch.c   who has it, its row (fetch_setup.c); then an engine, and where a sponsor stops
 *             paying and own money may be used, the other one for the rest
 *   viewed    fetch_viewed.c over view.h: a sponsor pays
 *   paid      fetch_paid.h and what implements it: an escrow or a hub pays
 *
 * An engine gives what it verified to `engine_events` of its struct fetch, which note it and pass
 * it on. */
#ifndef SOUK_CLIENT_FETCH_INTERNAL_H
#define SOUK_CLIENT_FETCH_INTERNAL_H

#include <pthread.h>

#include "fetch.h"
#include "market.h"
#include "market_memory.h"
#include "souk/base/bitmap.h"
#include "view_sponsors.h"

/* Where only what somebody wants is fetched, a session is short: what it reserved of a leaf and
 * does not use is lost for the epoch. */
#define FETCH_STREAM_UNITS 128u

/* Engines: HANDS is what their open made. want, stop and figures may come on any thread from open
 * to free; the others on the owner's. */
struct fetch_way {
	void (*have)(void *hands, uint32_t chunk); /* before run */
	souk_status (*run)(void *hands, char detail[FETCH_DETAIL_SIZE]);
	void (*want)(void *hands, uint32_t first, uint32_t count);
	void (*stop)(void *hands);
	struct fetch_figures (*figures)(void *hands); /* of what it fetched itself */
	size_t (*sources)(void *hands, struct fetch_source *out, size_t max);
	void (*free)(void *hands);
};

struct fetch_engine {
	const struct fetch_way *way; /* NULL: none */
	void *hands;
};

enum {
	FETCH_BY_FIRST,	  /* the sponsor that was asked first */
	FETCH_BY_SPONSOR, /* whoever pays for this content */
	FETCH_BY_OWN,	  /* own money */
	FETCH_ENGINES,
};

struct fetch_range {
	uint32_t first, count;
};

struct fetch {
	struct fetch_config config; /* with its defaults; .events are the user's */
	struct fetch_events engine_events;
	struct souk_content content;
	uint32_t chunk_count;
	struct souk_hash *row;
	struct market_entry *entries; /* who offers it in this shape, the cheapest first */
	size_t entry_count;
	bool has_sellers; /* they have offers */
	struct souk_chain_client *chain;
	struct view_sponsor named; /* that the user named, once it answered; else no name */
	struct fetch_ask *ask;	   /* while it is opened */
	/* A bundle that was asked for first, and of whom; NULL: none. */
	struct view_early *first;
	struct view_sponsor first_sponsor;
	bool has_asked_first;
	struct fetch_early *early; /* NULL: none; once it runs, under the lock */

	pthread_mutex_t lock;
	/* Under it, once it runs: */
	struct fetch_engine engines[FETCH_ENGINES]; /* in this order */
	struct fetch_engine *current;		    /* NULL: none yet */
	struct souk_bitmap had;			    /* given to the user, or there before */
	uint64_t *had_words;
	uint64_t bytes_done;
	uint64_t started_ns, ended_ns;
	bool stopping;
	struct fetch_range wants[FETCH_WANTS_MAX]; /* the newest last */
	size_t want_count;
};

/* A sentence for DETAIL: WHAT, and (may be NULL) what to do. */
void fetch_tell(char detail[FETCH_DETAIL_SIZE], const char *what, const char *advice);
/* The same of a call to the ledger that failed with STATUS. */
void fetch_tell_ledger(char detail[FETCH_DETAIL_SIZE], const char *what, souk_status status,
	const struct souk_chain_client *chain);
/* The first session is about to be opened. */
void fetch_begins(struct fetch *fetch);
/* One line for the user. */
void fetch_note(const struct fetch *fetch, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The 42 characters of ADDRESS. */
#define FETCH_ADDRESS_SIZE (3 + 2 * SOUK_ADDRESS_SIZE)
void fetch_address_text(char out[FETCH_ADDRESS_SIZE], const struct souk_address *address);

/* The parts of fetch_open. FETCH is all zeros. */
void fetch_init(struct fetch *fetch, const struct fetch_config *config);
/* Once its content and chunk_count are known. SOUK_OK, or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status fetch_note_shape(struct fetch *fetch);

/* fetch_find_named: what the content is, and its row, by the sponsor that the user named.
 *
 * Returns SOUK_OK; SOUK_LOCAL_NOT_FOUND: ask the providers; or as fetch_open. */
SOUK_MUST_CHECK souk_status fetch_find_named(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE]);

/* Who has it, in which shape, and its row; as fetch_open. */
SOUK_MUST_CHECK souk_status fetch_find(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE]);
SOUK_MUST_CHECK souk_status fetch_load_row(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE]);

/* The engines. Each returns SOUK_OK and what it made in RET, or why it cannot, as fetch_open. */
SOUK_MUST_CHECK souk_status paid_open(
	struct fetch *fetch, struct fetch_engine *ret, char detail[FETCH_DETAIL_SIZE]);
SOUK_MUST_CHECK souk_status viewed_open(
	struct fetch *fetch, struct fetch_engine *ret, char detail[FETCH_DETAIL_SIZE]);

#endif
