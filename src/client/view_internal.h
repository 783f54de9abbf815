/* SPDX-License-Identifier: Apache-2.0
 *
 * view_internal.h - what the files of view.h share.
 *
 *   view.c          the loop; wants, stops, figures
 *   view_plan.c     which bundle is asked for next; what its end means
 *   view_effects.c  what a bundle wants: messages, units, solving, checking
 *   view_early.c    a bundle that was asked for before there was a view
 *   view_transfer.c messages and units on the engine, and their time limits
 *   view_unit.c     memory of units; providers that are known
 *   view_key.c      the keys it asks with
 *
 * Everything but jobs runs on view_run's thread. A job touches only what it was given. */
#ifndef SOUK_CLIENT_VIEW_INTERNAL_H
#define SOUK_CLIENT_VIEW_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "souk/io/http_fetch.h"
#include "souk/io/worker.h"
#include "view.h"
#include "view_early.h"
#include "view_key.h"

#define VIEW_BUNDLES_MAX 3u
/* Requests in flight to one cache. */
#define VIEW_PIPELINE 4u
/* Units of a cache that may be held: of the segment before, this one, and the next. */
#define VIEW_HELD_SEGMENTS 3u
#define VIEW_RING	   256u
/* One message to the sponsor and a complaint; one message to each cache, and its units. */
#define VIEW_TRANSFERS	   (2u + SOUK_BUNDLE_CACHES_MAX * (1u + VIEW_PIPELINE))
#define VIEW_URL_SIZE	   512
#define VIEW_THREADS_MAX   8u
#define VIEW_PROVIDERS_MAX 4096u

struct view_bundle;

struct view_want {
	uint32_t first, count;
};

/* On a worker: run; then, on the loop: done. */
struct view_job {
	void (*run)(struct view_job *job);
	void (*done)(struct view_job *job);
	struct view_bundle *bundle;
};

/* A unit: where it comes to, and its check. */
struct view_unit {
	struct view_job job;
	struct view_unit *next; /* of the free ones */
	struct souk_viewer_effect effect;
	souk_status status;
	bool is_new; /* nobody gave that chunk before */
	uint8_t *data;
};

/* A provider that was met. */
struct view_provider {
	struct souk_address address;
	struct souk_provider_record record;
	/* There is no record, or it did not answer where that says: ask the ledger. */
	bool is_stale;
	struct fetch_source source;
};

struct view_transfer {
	bool busy;
	struct view_bundle *bundle;
	struct souk_viewer_effect effect;
	struct view_unit *unit; /* of a FETCH */
	uint8_t *reply;		/* of all others: heap */
	size_t reply_size;
	uint64_t bytes, bytes_seen; /* that have come */
	uint64_t started_ms, moved_ms;
};

struct view_lookup {
	struct view_job job;
	struct souk_viewer_effect effect;
	struct souk_address address;
	struct souk_provider_record record;
	souk_status status;
};

struct view_solve {
	struct view_job tasks[VIEW_THREADS_MAX];
	unsigned running;
	struct souk_puzzle puzzle;
	struct souk_puzzle_data data;
	_Atomic uint32_t next; /* start that nobody tries yet */
	_Atomic bool found;
	struct souk_puzzle_token token; /* of who found it */
	struct souk_viewer_effect effect;
};

enum view_bundle_state {
	VIEW_BUNDLE_KEYING, /* its key is waited for */
	VIEW_BUNDLE_ALIVE,
	VIEW_BUNDLE_OVER, /* jobs may still run */
};

struct view_bundle {
	struct view *view;
	enum view_bundle_state state;
	size_t sponsor;	       /* its index */
	uint64_t serial;       /* the greater, the later */
	uint32_t first, count; /* chunks it covers */
	bool is_whole;	       /* not for a want */
	bool is_counted;       /* caches were drawn */
	bool is_settled;       /* what it came to is known */
	bool is_keying;	       /* a worker waits for the lock */
	bool has_key;	       /* the lock is held */
	struct view_key key;
	souk_status key_status;
	struct view_job key_job;
	struct souk_identity identity;
	bool gives_way;	 /* to one that serves a newer want */
	uint64_t memory; /* reserved for its units */
	unsigned jobs;	 /* on workers */
	struct souk_viewer viewer;
	struct souk_viewer_cache caches[SOUK_BUNDLE_CACHES_MAX];
	struct souk_bundle_open open;
	struct view_unit *units[SOUK_BUNDLE_CACHES_MAX][VIEW_RING];
	struct view_transfer transfers[VIEW_TRANSFERS];
	struct view_lookup lookups[SOUK_BUNDLE_CACHES_MAX];
	struct view_solve solve;
	bool by_control[SOUK_BUNDLE_CACHES_MAX]; /* its strip goes to the control server */
	/* How long units took, of each cache: who is far slower than the others fails. */
	uint64_t unit_ms[SOUK_BUNDLE_CACHES_MAX];
	uint32_t unit_count[SOUK_BUNDLE_CACHES_MAX];
};

struct view {
	struct view_config config;
	struct control_place place; /* of the sponsor that is asked now */
	size_t sponsor;		    /* its index */
	uint32_t chunk_count;

	struct souk_http_fetcher *fetcher;
	bool engine_failed; /* it is of no use to another */
	struct souk_worker *worker;
	unsigned thread_count;
	struct view_provider *providers;
	size_t provider_count;
	struct view_bundle *bundles[VIEW_BUNDLES_MAX];
	uint64_t serial;

	/* Set by who verified it first, on workers; read by all. */
	_Atomic uint64_t *have;
	struct view_unit *free_units;
	uint64_t memory; /* reserved by bundles */

	/* What is known of the sponsor. */
	bool epoch_known;
	uint64_t epoch;
	bool site_wanted; /* to tell the user */
	struct souk_address site;
	struct view_transfer status_transfer;

	/* How it goes. */
	uint64_t pause_until; /* ms; nothing is asked before */
	uint64_t progress_ms; /* a chunk came last */
	uint64_t complete_ms; /* all was there; 0: is not yet */
	uint32_t failures;    /* bundles in a row without a new chunk */
	uint32_t order_failures;
	uint32_t low;		/* every chunk before it is here */
	uint32_t stream_chunks; /* of the next bundle for a want */
	uint32_t stream_end;	/* where the last one ended */
	souk_status leaving;	/* why this sponsor is left, once its bundles are over; SOUK_OK */
	bool is_over;
	souk_status result;
	char refusal[256]; /* what the last refusal said */
	char *detail;

	pthread_mutex_t lock;
	/* Under it: */
	bool stopping;
	struct view_want wants[FETCH_WANTS_MAX]; /* the newest first */
	size_t want_count;
	struct fetch_figures figures;
	uint64_t started_ns;
	uint64_t shown_ms;
};

static inline bool view_has(const struct view *view, uint32_t chunk)
{
	return (atomic_load_explicit(&view->have[chunk / 64], memory_order_acquire) >> chunk % 64 &
		       1) != 0;
}

uint64_t view_now_ms(void);	  /* steady */
struct souk_time view_time(void); /* of day */

/* view_unit.c */
struct view_unit *view_unit_take(struct view *view);
void view_unit_give(struct view *view, struct view_unit *unit);
void view_units_free(struct view *view);
struct view_provider *view_provider_of(struct view *view, const struct souk_address *address);
/* It is there afterwards, perhaps without a record; and with RECORD. NULL: no memory. */
struct view_provider *view_provider_met(struct view *view, const struct souk_address *address);
struct view_provider *view_provider_put(struct view *view, const struct souk_address *address,
	const struct souk_provider_record *record);

/* view_transfer.c: send EFFECT of BUNDLE; what comes of it is told to its viewer. */
void view_send(struct view_bundle *bundle, const struct souk_viewer_effect *effect);
void view_ask_status(struct view *view);
void view_take_transfers(struct view *view);
/* Fail what takes too long. */
void view_check_transfers(struct view *view);
void view_cancel_transfers(struct view_bundle *bundle);

/* view_effects.c */
/* EFFECT, which opens a session: to the data server, or where that does not take it to the control
 * server. */
void view_send_strip(struct view_bundle *bundle, const struct souk_viewer_effect *effect);
void view_submit(struct view_bundle *bundle, struct view_job *job);
void view_pull(struct view_bundle *bundle);
/* The bundle's lock of its key is let go of, on a worker. */
void view_release_key(struct view_bundle *bundle);
/* The same, here and now. */
void view_bundle_give_key(struct view_bundle *bundle);

/* view_early.c: the bundle of EARLY, which is gone then; NULL: it came to none. */
struct view_bundle *view_early_bundle(struct view_early *early);

/* view_plan.c */
/* A bundle for RUN that waits for its key; NULL: no memory. */
struct view_bundle *view_bundle_new(struct view_want run, bool is_whole);
void view_bundle_free(struct view_bundle *bundle); /* NULL is allowed */
/* It has its key: it asks SPONSOR for CONFIG's content. */
void view_start_viewer(struct view_bundle *bundle, const struct view_config *config,
	const struct souk_address *sponsor);
/* The sponsor has opened it. */
void view_note_drawn(struct view_bundle *bundle);
/* BUNDLE, which is open, is the first one. */
void view_begin_with(struct view *view, struct view_bundle *bundle);
void view_drop_bundles(struct view *view);
/* Begin what is to begin. */
void view_plan(struct view *view);
/* Have the newest bundle that has no key yet take it, once no other has it: the lock is of a file,
 * so one that waited for it on a worker could keep out the job that lets go of it. */
void view_next_key(struct view *view);
/* Bundles that are over, and whose jobs have ended: what they came to. Whether there were any. */
bool view_reap(struct view *view);
/* Whether BUNDLE may go on now, or gives way to a newer want. */
bool view_may_run(struct view *view, const struct view_bundle *bundle);
void view_sponsor_status(
	struct view *view, souk_status status, const struct souk_sponsor_status *answer);
void view_end(struct view *view, souk_status status);
/* Something did not work out; wait a little, or give up. */
void view_failed(struct view *view, souk_status status);
void view_check_leaving(struct view *view);
void view_note(struct view *view, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
