/* SPDX-License-Identifier: Apache-2.0
 *
 * market_memory_internal.h - what the two files of the market's memory share: market_memory.c
 * remembers, market_memory_ahead.c does what costs something ahead: connections, and leaves. */
#ifndef SOUK_CLIENT_MARKET_MEMORY_INTERNAL_H
#define SOUK_CLIENT_MARKET_MEMORY_INTERNAL_H

#include <pthread.h>

#include "market_memory.h"
#include "wallet.h"

#define MEMORY_ROOTS 128u

struct memory_root {
	bool is_known;
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t segment;
	struct souk_hash root;
};

/* Who did not answer, of those the last. */
#define MEMORY_SILENT 128u
struct memory_silent {
	struct souk_address address;
	uint64_t since_ms; /* 0: nobody */
};

struct memory_provider {
	struct souk_address address;
	struct souk_provider_record record;
	char data_url[129];
	struct souk_amount price;
	bool is_paid;	 /* with own money: it gets a leaf ahead */
	uint64_t met_ms; /* 0: nobody */
};

#define MEMORY_SPONSORS 4u
struct memory_sponsor {
	struct view_sponsor who;
	uint64_t paid_ms; /* 0: nobody */
};

/* Times are of the steady clock, in ms; 0: never. */
struct market_memory {
	struct market_memory_config config;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Under it: */
	bool stopping;
	uint64_t used_ms;
	bool escrow_due, leaves_due, touch_due; /* now, and not when it is old */
	struct souk_ledger_status status;
	uint64_t status_ms;
	struct souk_hash escrow_id;
	struct souk_escrow_record escrow;
	uint64_t escrow_ms;
	struct market_entry *list; /* without offers */
	size_t list_count;
	uint64_t list_ms;
	struct souk_agreement_record *agreements;
	size_t agreement_count;
	uint64_t agreements_ms;
	struct memory_root roots[MEMORY_ROOTS]; /* the oldest is overwritten */
	size_t root_next;
	struct memory_provider providers[MEMORY_PROVIDERS_MAX];
	struct memory_sponsor sponsors[MEMORY_SPONSORS]; /* the oldest is overwritten */
	struct memory_silent silent[MEMORY_SILENT];	 /* the oldest is overwritten */

	/* Its thread's: */
	struct souk_chain_client *chain;
	struct wallet *wallet; /* NULL: not open yet */
	uint64_t touched_ms, leaves_ms;
	bool has_begun;
	bool runs;
	pthread_t thread;
};

bool memory_is_stopping(struct market_memory *memory);
/* Whom it knows now. */
size_t memory_providers(
	struct market_memory *memory, struct memory_provider out[MEMORY_PROVIDERS_MAX]);

/* market_memory_ahead.c; on its thread but for make and done. */
SOUK_MUST_CHECK souk_status memory_make_chain(struct market_memory *memory);
/* Connections to the providers that are known stay open. */
void memory_touch(struct market_memory *memory);
/* Leaves for those that are paid. */
void memory_leaves(struct market_memory *memory);
void memory_leaves_done(struct market_memory *memory);

#endif
