/* SPDX-License-Identifier: Apache-2.0
 *
 * download_kit.h - whole downloads against real providers over a network that loses, delays,
 * reorders and repeats; with providers that crash, lie, stall, withhold, or have parts only, and
 * customers that stop paying.
 *
 *   trade_make --> change what the test is about --> trade_run --> trade_audit_buyer, trade_settle
 *
 * The workload drives; the auditor only watches what passes, and judges by the rules (D1 to D6). */
#ifndef SOUK_CONTENT_DOWNLOAD_KIT_H
#define SOUK_CONTENT_DOWNLOAD_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "market_kit.h"
#include "souk/base/rng.h"
#include "souk/content/download.h"

#define TRADE_CHUNK_SIZE  16384u
#define TRADE_CHUNKS_MAX  40u
#define TRADE_PROVIDERS	  3u
#define TRADE_CUSTOMERS	  2u
#define TRADE_SLOTS	  12u
#define TRADE_EVENTS	  512u
#define TRADE_AUDITS	  256u
#define TRADE_STEPS_MAX	  200000u
#define TRADE_FIRST_EPOCH 3u

/* FORGETFUL: gives one key, takes a window of tickets, and knows of no such session.
 * MUTE: silent where only a key is asked for. */
enum trade_lie { HONEST, WRONG_BYTES, WRONG_KEY, SILENT, TOO_MUCH, NO_KEY, FORGETFUL, MUTE, LIES };

struct trade_event {
	uint64_t at;
	/* CHANGE: a provider has other parts now. ASK: a customer asks for its list of them.
	 * WANT: a customer's reader is at another place. */
	enum { NOTHING, ARRIVE, ANSWER, CHECK, CRASH, RESTART, EPOCH, CHANGE, ASK, WANT } kind;
	bool keys;	/* a KEYS, else a FETCH */
	bool repeated;	/* an extra copy: its answer goes nowhere */
	bool spare;	/* a CHECK */
	bool cancelled; /* answered already, by a cancellation */
	uint32_t customer;
	uint32_t provider;
	uint32_t slot;
	uint32_t length;
	uint32_t chunk;
	souk_status status;
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	struct souk_unit_cipher cipher;
};

struct trade_buyer {
	struct souk_download download;
	struct souk_customer customers[TRADE_PROVIDERS];
	struct kit_payer payer;
	uint64_t done_words[1], taken_words[1];
	uint8_t slots[TRADE_SLOTS][TRADE_CHUNK_SIZE];
	uint8_t disk[TRADE_CHUNKS_MAX * TRADE_CHUNK_SIZE];
	uint64_t parts[TRADE_PROVIDERS][1];
	uint64_t written; /* chunks */
	bool retried[TRADE_SLOTS];
	uint64_t fetches;      /* FETCH effects */
	uint32_t open_at_drop; /* chunks that were not done when the last provider was dropped */
	bool leech;	       /* never sends a ticket */
	bool ended;
	souk_status status;
};

/* What the auditor knows of a session, from the messages alone. */
struct trade_audit {
	struct souk_nonce session;
	uint32_t buyer;
	uint32_t provider;
	uint32_t issued; /* highest ticket that left the customer */
	uint32_t keyed;	 /* highest key that left the provider */
	uint32_t served; /* highest unit that left the provider */
};

struct trade {
	struct souk_rng rng;
	struct souk_time now;
	uint64_t epoch;
	struct kit_provider providers[TRADE_PROVIDERS];
	enum trade_lie lies[TRADE_PROVIDERS];
	/* A provider of parts has those; whoever OVERCLAIMS says that it has all. */
	bool is_partial[TRADE_PROVIDERS];
	bool overclaims[TRADE_PROVIDERS];
	uint64_t parts[TRADE_PROVIDERS];
	uint64_t slow_ms[TRADE_PROVIDERS]; /* that its answers take longer */
	uint32_t slow_of;		   /* so many of a thousand are slow; 0: all */
	bool down[TRADE_PROVIDERS];
	bool crashed[TRADE_PROVIDERS];
	struct trade_buyer buyers[TRADE_CUSTOMERS];
	struct trade_event events[TRADE_EVENTS];
	struct trade_audit audits[TRADE_AUDITS];
	uint32_t audit_count;
	uint8_t content[TRADE_CHUNKS_MAX * TRADE_CHUNK_SIZE];
	struct souk_content facts;
	struct souk_hash row[TRADE_CHUNKS_MAX];
	uint32_t loss; /* of a thousand */
	uint64_t restarts;
};

void trade_make(struct trade *w, uint64_t seed);
/* Nothing is lost on the way, and nobody crashes. */
void trade_make_calm(struct trade *w, uint64_t seed);
/* Some have parts only, which change, and are slow at times; some readers wait for places. */
void trade_make_swarm(struct trade *w, uint64_t seed);
/* Until all downloads have ended. */
void trade_run(struct trade *w);
void trade_audit_buyer(struct trade *w, uint32_t index);
/* Close the last epoch, draw all of them, and see that every session is paid or can never be. */
void trade_settle(struct trade *w);
uint64_t trade_below(struct trade *w, uint64_t bound);
struct trade_event *trade_post(struct trade *w, uint64_t delay_ms);

#endif
