/* SPDX-License-Identifier: Apache-2.0
 *
 * get.h - buying a file: what the files of souk get share.
 *
 *   cmd_get.c      options, the order of steps, the result
 *   get_setup.c    offers, the chunk row, the part file and what is in it already
 *   get_money.c    allotments, sessions
 *   get_hub.c      the same, paid by a hub
 *   get_plan.c     leaves of allotments that were made before, without a transaction
 *   get_evidence.c statements under an agreement; evidence and questions
 *   get_loop.c     the planner's effects, transfers, checks
 *   get_progress.c the line that shows how it goes
 *
 * The planner (souk/content/download.h) decides; this is its hands. */
#ifndef SOUK_CLI_GET_H
#define SOUK_CLI_GET_H

#include <pthread.h>

#include "cli.h"
#include "../client/market.h"
#include "../client/provider_client.h"
#include "souk/content/download.h"
#include "souk/io/http_fetch.h"
#include "souk/io/worker.h"
#include "../client/wallet.h"

/* An allotment on the ledger, of which leaves are used. */
struct get_segment {
	struct souk_allotment_leaf leaves[WALLET_LEAVES_MAX];
	size_t count;
	uint64_t epoch;
	uint32_t number; /* of the segment in its epoch */
};

/* An allotment that was made before this purchase, and whose leaves it may use. */
struct get_plan {
	struct souk_hash root;
	struct souk_wallet_plan plan;
};

/* A segment of the escrow, as the ledger has it. */
struct get_root {
	uint64_t epoch;
	uint32_t segment;
	struct souk_hash root;
};

struct get;

struct get_provider {
	struct get *get;
	uint32_t number; /* in the planner */
	struct market_entry entry;
	struct provider_client client;
	struct souk_customer *customer;
	struct get_segment segment; /* the one that the leaf is of */
	struct souk_payer_leaf leaf;
	struct souk_wallet_strip strip; /* the session's, as the wallet has it; count 0: none yet */
	bool note_due;			/* its unit is not written yet; under the notes' lock */
	bool no_open_leaf;		/* it takes none of this escrow */
	/* The running OPEN. */
	uint32_t units;
	souk_status open_status;
	char open_detail[256];
	/* It stands up for its units under this agreement. */
	bool is_accountable;
	struct souk_agreement agreement;
	struct souk_hash agreement_id;
	/* For the result. */
	souk_status dropped;
};

/* A running FETCH or KEYS. */
struct get_transfer {
	struct get *get;
	bool busy;
	bool is_keys;
	bool is_accountable; /* a statement is asked for */
	uint32_t provider;
	uint32_t slot;
	uint32_t unit;
	uint32_t chunk;
	uint32_t length;
	uint64_t bytes;	     /* that have come */
	uint64_t bytes_told; /* of which the planner knows */
	uint8_t keys_body[512];
};

/* A running VERIFY. */
struct get_check {
	struct get *get;
	uint32_t slot;
	uint32_t chunk;
	uint32_t length;
	struct souk_unit_cipher cipher;
	struct get_suspect *suspect; /* NULL: nobody stands up for it */
	souk_status status;
};

struct get {
	/* What the user said. */
	const char *path;
	struct souk_content_name name;
	uint64_t escrow_number;
	uint64_t providers_max;
	struct souk_amount price_max;
	struct souk_amount budget;
	uint64_t timeout_ms;
	uint64_t window_max; /* units to risk in a session, whatever a provider states */
	bool quiet;

	const char *agreement_text; /* NULL: any of the user's own that suits */
	const char *hub_name;	    /* NULL: an escrow of the user's own pays */
	const char *issuer_name;    /* NULL: the identity signs, and may allot */

	struct get_hub *hub;   /* NULL: none */
	uint16_t fee_permille; /* the hub's */

	struct souk_identity identity; /* who signs strips; the escrow's owner, or an issuer */
	struct wallet *wallet;
	struct get_plan *plans;
	size_t plan_count;
	struct get_root *roots; /* that were asked for; under money_lock */
	size_t root_count;
	struct souk_chain_client *chain;
	pthread_mutex_t money_lock; /* chain, once the loop runs */
	struct souk_hash escrow;

	struct market_entry *entries;
	size_t entry_count;
	struct souk_content content;
	struct souk_hash *row;
	uint32_t chunk_count;
	char part_path[4200];
	int part_fd;
	uint64_t *bitmaps;
	uint32_t resumed_count; /* chunks found in the part file */
	uint64_t resumed_bytes;

	struct souk_download download;
	struct get_provider *providers;
	size_t provider_count;
	struct souk_http_fetcher *fetcher;
	struct souk_worker *checkers; /* decrypt, verify, write */
	struct souk_worker *openers;  /* allot, ask, strip: these wait for the network */
	struct get_notes *notes;      /* writes to the wallet beside the purchase */
	uint8_t *slots;
	struct get_transfer transfers[SOUK_DOWNLOAD_SLOTS_MAX + SOUK_DOWNLOAD_PROVIDERS_MAX];
	struct get_check checks[SOUK_DOWNLOAD_SLOTS_MAX];
	uint32_t slot_count;

	struct souk_signed_unit *statements; /* of the unit in each slot; unit 0: none */
	struct get_suspect *suspects;	     /* wrong units; under money_lock */
	json_t *evidence;		     /* files that were written */
	int file_count;

	uint64_t started_ns, ended_ns;
	uint64_t shown_ns; /* the progress line */
	souk_status result;
};

/* Each step prints its own error and returns false on failure. */
bool get_find(struct get *get);
bool get_load_row(struct get *get);
bool get_open_part(struct get *get);
/* The key that signs strips: the home's identity, or the issuer that the user named. */
bool get_load_key(struct get *get);
bool get_find_money(struct get *get);
bool get_run(struct get *get);
bool get_finish_part(struct get *get);
/* After the result is printed: it reads what the sessions cost. */
void get_done(struct get *get);

/* What strips cost is noted in the wallet by a thread of its own: a purchase must not wait for the
 * disk. What a crash leaves unnoted makes a receipt too low, which its payee refuses; it is then
 * paid by its strips. */
SOUK_MUST_CHECK souk_status get_notes_start(struct get *get);
/* A ticket for UNIT leaves now. */
void get_note_ticket(struct get_provider *provider, uint32_t unit);
/* Whatever is noted of PROVIDER's strip is written; what is not will not be. */
void get_notes_settle(struct get_provider *provider);
void get_notes_stop(struct get *get);

/* The session's strip is used no more: the wallet learns what it cost. */
void get_end_strip(struct get_provider *provider);

/* The plans of the wallet that this purchase may use. */
SOUK_MUST_CHECK souk_status get_load_plans(struct get *get);
/* get_find_leaf: a leaf with room for the provider in EPOCH, of an allotment that was made before.
 * Under money_lock, once the loop runs.
 *
 * Returns SOUK_OK: its segment and leaf are set, or SOUK_LOCAL_NOT_FOUND, or why it cannot say. */
SOUK_MUST_CHECK souk_status get_find_leaf(struct get_provider *provider, uint64_t epoch);

/* Allot for every provider at once, before the first session. */
souk_status get_allot_first(struct get *get);
/* Open a session with a provider: a job of `openers`. */
void get_open_job(void *provider);

/* get_find_agreements: which providers stand up for what they sell.
 *
 * Returns SOUK_OK, or why the agreement that the user named does not do. */
SOUK_MUST_CHECK souk_status get_find_agreements(struct get *get);
/* Whether a unit asked for now is asked for under an agreement. */
bool get_is_accountable(const struct get_provider *provider);
/* get_check_statement: the statement that came with a unit, before the unit counts as received.
 *
 * Returns SOUK_OK, also where none was asked for, or SOUK_PEER_*: drop the provider. */
SOUK_MUST_CHECK souk_status get_check_statement(struct get *get,
	const struct get_transfer *transfer, const char *header, const uint8_t *cipher);
/* What evidence would need of the unit in SLOT, before it is decrypted; NULL where there can be
 * none. get_suspect_settle takes it back, on any thread, with the verdict on the unit. */
struct get_suspect *get_suspect_new(
	struct get *get, uint32_t number, uint32_t slot, uint32_t length);
void get_suspect_settle(struct get *get, struct get_suspect *suspect, souk_status status,
	const struct souk_unit_cipher *cipher, const uint8_t *plain);
/* Provider is dropped: if it has been paid for a unit and gave no key, the question is written. */
void get_note_withheld(struct get_provider *provider);
/* At the end: evidence for each wrong unit. */
void get_write_evidence(struct get *get);

void get_progress_show(struct get *get, bool is_last);

#endif
