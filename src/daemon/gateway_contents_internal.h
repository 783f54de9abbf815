/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_contents_internal.h - what the two files of a gateway's contents share: readers and the
 * fetches they share are gateway_contents.c's, what the thread of a fetch does gateway_fetch.c's.
 */
#ifndef SOUK_DAEMON_GATEWAY_CONTENTS_INTERNAL_H
#define SOUK_DAEMON_GATEWAY_CONTENTS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway_contents.h"
#include "souk/io/clock_real.h"
#include "souk/io/thread.h"

/* How often who waits looks whether its peer is there still. */
#define LOOK_MS	   250u
#define TITLE_SIZE 129u /* as a content_record has it */

enum fetch_state {
	FETCH_FREE,
	FETCH_OPENING,
	FETCH_RUNNING,
	FETCH_ENDED,
};

/* A job that is done while a fetch goes on. */
struct beside {
	struct souk_thread *thread; /* NULL: none runs */
	souk_status status;	    /* once it has ended */
};

/* A content that is being fetched. Under the lock of its contents, but for what its thread has. */
struct shared_fetch {
	struct gateway_contents *contents;
	enum fetch_state state;
	struct souk_content_name name;
	char title[TITLE_SIZE];
	struct fetch *fetch;	 /* RUNNING: for wants */
	struct chunk_item *item; /* NULL: not made yet; else its thread's */
	souk_status made;	 /* why it could not be made */
	souk_status status;	 /* ENDED: why */
	char detail[FETCH_DETAIL_SIZE];
	char refusal[FETCH_DETAIL_SIZE]; /* detail of `made` */
	struct gateway_reader *readers;
	struct beside making, keeping;
	atomic_bool is_fruitful; /* a chunk came since it was begun */
	uint64_t changed_ms;	 /* when it ended, or a reader left */
};

struct gateway_contents {
	struct gateway_contents_config config;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping;
	struct shared_fetch *fetches;
	uint32_t threads;
	pthread_t keeper;
};

struct gateway_reader {
	struct gateway_contents *contents;
	struct souk_content_name name;
	char title[TITLE_SIZE];
	int socket;
	struct chunk_item *item;
	uint64_t first;	   /* where it will begin to read */
	uint64_t end;	   /* nothing is wanted from here on */
	uint64_t consumed; /* bytes read in a row */
	uint64_t place;	   /* the next byte in that row */
	bool has_come;
	uint32_t chunk; /* the last one read of */
	uint32_t want_first, want_count;
	struct shared_fetch *fetch; /* where it lacks something; under the lock, with next */
	struct gateway_reader *next;
};

static inline uint64_t gateway_steady_ms(void)
{
	return souk_clock_steady_ns() / 1000000;
}

/* Wait for a change, but not longer than MS. Under lock. */
void gateway_wait_changed(struct gateway_contents *contents, uint64_t ms);
/* Every reader's want, to the fetch that runs. Under lock. */
void gateway_say_wants(struct shared_fetch *shared);
/* The thread of a fetch. */
void gateway_fetch_run(void *shared);

#endif
