/* SPDX-License-Identifier: Apache-2.0
 *
 * market_memory.h - what a process that buys again and again knows of its market before it is
 * asked: so that a content's first byte waits for its provider, and not for what was known already.
 *
 *   ledger     providers, epoch, escrow, agreements: read again every few seconds while it is used,
 *              and used for no longer than the times below; segments' roots, which never change
 *   providers  those dealt with lately: connections to them are kept open
 *   sponsors   those that paid for bundles lately: the last one's connection is kept open
 *   money      leaves for those that were paid, allotted ahead of the purchase
 *
 *   use --> fresh for USE_MS --> no more calls --> use: what is too old is asked for again
 *
 * What is remembered is a saving and never a proof: the provider asks the ledger itself, and who is
 * told that an epoch is over, or finds nobody, asks anew.
 *
 * Money: leaves ahead are of the escrow's line and not spent; what is not used of them is free
 * again with the next epoch. At most MEMORY_UNITS_AHEAD units for each of MEMORY_PROVIDERS_MAX
 * providers are unused at once, and at most a quarter of the line.
 *
 * Memory: heap. Threads: any; one of its own. */
#ifndef SOUK_CLIENT_MARKET_MEMORY_H
#define SOUK_CLIENT_MARKET_MEMORY_H

#include "chain_client.h"
#include "market.h"
#include "souk/crypto/ecdsa.h"
#include "view.h"

#define MEMORY_PROVIDERS_MAX 8u
#define MEMORY_UNITS_AHEAD   512u

struct market_memory;

/* Borrowed for as long as it lives. */
struct market_memory_config {
	const char *home;
	const char *ledger_url;
	const struct souk_identity *identity; /* NULL: nobody pays */
	bool allots;			      /* its escrow pays: leaves are allotted ahead */
	uint64_t escrow_number;
};

/* SOUK_OK or SOUK_IO_MEMORY. Nothing is asked before the first use. */
SOUK_MUST_CHECK souk_status market_memory_start(
	struct market_memory **ret, const struct market_memory_config *config);
/* NULL is allowed. Waits for a call that is under way. */
void market_memory_stop(struct market_memory *memory);

/* Somebody will want something: what is known is kept fresh for a while. NULL is allowed. */
void market_memory_use(struct market_memory *memory);

/* What the calls of chain_client.h and market.h with these names return, remembered where it is
 * fresh, else asked for by CHAIN. MEMORY may be NULL: it is asked for. */
SOUK_MUST_CHECK souk_status memory_status(struct market_memory *memory,
	struct souk_chain_client *chain, struct souk_ledger_status *ret);
SOUK_MUST_CHECK souk_status memory_escrow(struct market_memory *memory,
	struct souk_chain_client *chain, const struct souk_hash *escrow,
	struct souk_escrow_record *ret);
SOUK_MUST_CHECK souk_status memory_root(struct market_memory *memory,
	struct souk_chain_client *chain, const struct souk_hash *escrow, uint64_t epoch,
	uint32_t segment, struct souk_hash *ret);
/* *RET_IS_OLD: it is remembered; who misses somebody lists again after memory_forget_list. */
SOUK_MUST_CHECK souk_status memory_list(struct market_memory *memory,
	struct souk_chain_client *chain, struct market_entry **ret, size_t *ret_count,
	bool *ret_is_old);
/* VISIT each agreement of PARTY. */
SOUK_MUST_CHECK souk_status memory_agreements(struct market_memory *memory,
	struct souk_chain_client *chain, const struct souk_address *party,
	void (*visit)(void *ctx, const struct souk_agreement_record *record), void *ctx);

/* Somebody knows better. NULL is allowed in all that follow. */
void memory_forget_epoch(struct market_memory *memory);
void memory_forget_list(struct market_memory *memory);
/* The escrow has another segment: it is read again soon. */
void memory_note_segment(struct market_memory *memory);

/* ENTRY, which has an offer, is dealt with; IS_PAID: with own money. */
void memory_note_provider(
	struct market_memory *memory, const struct market_entry *entry, bool is_paid);
/* ADDRESS did not answer in time, though it was waited for; for a while it need not be again. */
void memory_note_silent(struct market_memory *memory, const struct souk_address *address);
void memory_note_answer(struct market_memory *memory, const struct souk_address *address);
bool memory_is_silent(struct market_memory *memory, const struct souk_address *address);

/* Whom own money went to last; and what for. False: nobody is known. */
struct memory_seller {
	struct souk_address address;
	struct souk_amount price; /* of a unit, as it last offered one */
};
bool memory_last_paid(struct market_memory *memory, struct memory_seller *ret);

/* SPONSOR paid for a bundle. */
void memory_note_sponsor(struct market_memory *memory, const struct view_sponsor *sponsor);
void memory_forget_sponsor(struct market_memory *memory, const struct souk_address *address);
/* Who paid last; or whoever of those that paid lately is called NAME (NULL: anyone). False: nobody
 * is known. */
bool memory_sponsor(struct market_memory *memory, const char *name, struct view_sponsor *ret);

/* Whether it was dealt with lately. */
bool memory_knows_provider(struct market_memory *memory, const struct souk_address *address);

#endif
