/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_contents.h - contents as streams: what is here is read, what is not is fetched while it
 * is read.
 *
 *   reader --\                     want: from its place on     +--> fetch (one for a content)
 *   reader ---+--> chunk store <---- verified chunks ----------+    on a thread of its own
 *   reader --/      wait for the chunk at its place
 *
 *   fetch:  FREE --a reader lacks a chunk--> OPENING --> RUNNING --> ENDED --no reader--> FREE
 *                                                          '-- no reader for idle_ms: stopped
 *
 * Readers of one content share its fetch. Each says what it wants: the chunk at its place, and
 * after it about as much as it has read so far, up to read_ahead and the end of what was asked for.
 * So a seek costs a chunk or a few, and who watches is served ahead. A reader that closes takes its
 * want with it.
 *
 * Bounded: fetches at once; the memory of a reader is its struct. A fetch that fails ends the wait
 * of its readers with why; where it may go better (nobody answers now, the part of the day's money
 * is used up) it is begun again until the reader's patience is over.
 *
 * Memory: heap. Threads: any; a reader has one owner. */
#ifndef SOUK_DAEMON_GATEWAY_CONTENTS_H
#define SOUK_DAEMON_GATEWAY_CONTENTS_H

#include "../client/fetch.h"
#include "chunk_store.h"
#include "gateway_purse.h"

struct gateway_contents;

/* Borrowed for as long as the contents live. */
struct gateway_contents_config {
	struct chunk_store *chunks;
	struct gateway_purse *purse;
	/* What every fetch is given; name, payer, budget and events are set for each. */
	struct fetch_config fetch;
	uint64_t fetches_max;
	uint64_t read_ahead; /* bytes */
	uint64_t wait_ms;    /* how long a reader waits for a chunk */
	uint64_t idle_ms;
};

/* SOUK_OK or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status gateway_contents_start(
	struct gateway_contents **ret, const struct gateway_contents_config *config);
/* Readers that wait end with SOUK_LOCAL_STOPPED from now on. */
void gateway_contents_stop(struct gateway_contents *contents);
/* After stop, when all readers are closed. NULL is allowed. */
void gateway_contents_free(struct gateway_contents *contents);

/* Fetches that run. */
uint32_t gateway_contents_fetching(struct gateway_contents *contents);

struct gateway_reader;

/* gateway_reader_open: NAME, which is not the empty content's, for a peer at SOCKET (-1: none).
 *
 *  In: title  what to list it under where it is fetched; borrowed; NULL: nothing is known
 *      first  the byte that will be read first: its chunk is fetched at once
 *
 * Returns SOUK_OK; or, with a sentence in DETAIL,
 *   SOUK_LOCAL_STOPPED  the peer is gone, or the gateway stops.
 *   SOUK_LOCAL_FULL     as many contents are being fetched as may be.
 *   else                why it cannot be fetched, as fetch_open. */
SOUK_MUST_CHECK souk_status gateway_reader_open(struct gateway_reader **ret,
	struct gateway_contents *contents, const struct souk_content_name *name, const char *title,
	uint64_t first, int socket, char detail[FETCH_DETAIL_SIZE]);
void gateway_reader_close(struct gateway_reader *reader); /* NULL is allowed */

const struct souk_content *gateway_reader_content(const struct gateway_reader *reader);

/* No more than SIZE bytes from FIRST on will be read: nothing behind them is fetched ahead. */
void gateway_reader_limit(struct gateway_reader *reader, uint64_t first, uint64_t size);

/* gateway_reader_read: at most SIZE bytes at OFFSET, which is inside of the content; waits until
 * the first of them is here.
 *
 * Returns SOUK_OK and at least one byte; or, with a sentence in DETAIL,
 *   SOUK_LOCAL_STOPPED  as above.
 *   SOUK_IO_TIMEOUT     it did not come in time.
 *   else                why it cannot be fetched, as fetch_run. */
SOUK_MUST_CHECK souk_status gateway_reader_read(struct gateway_reader *reader, uint64_t offset,
	uint8_t *out, size_t size, size_t *ret_got, char detail[FETCH_DETAIL_SIZE]);
/* The same for all SIZE bytes from FIRST on, and no others. */
SOUK_MUST_CHECK souk_status gateway_reader_read_all(struct gateway_reader *reader, uint64_t first,
	uint8_t *out, uint64_t size, char detail[FETCH_DETAIL_SIZE]);

#endif
