/* SPDX-License-Identifier: Apache-2.0
 *
 * fetch_paid.h - fetching with one's own money: what the files of this engine share.
 *
 *   fetch_paid.c     the engine's table, the order of steps
 *   fetch_money.c    the escrow, allotments, sessions
 *   fetch_hub.c      the same, paid by a hub
 *   fetch_plan.c     leaves of allotments that were made before, without a transaction
 *   fetch_notes.c    what strips cost, written to the wallet beside the purchase
 *   fetch_evidence.c statements under an agreement; evidence and questions
 *   fetch_parts.c    which providers have which parts
 *   fetch_strip.c    strips on their way, which the first unit is asked for with
 *   fetch_loop.c     the planner's effects, transfers, checks
 *
 * The planner (souk/content/download.h) decides; this is its hands.
 *
 * Threads: the loop is fetch_run's. `openers` open sessions; the ledger is theirs in turn, under
 * money_lock. `checkers` decrypt, verify and give chunks to the user. What other threads tell the
 * loop is under `lock`, and wakes it. */
#ifndef SOUK_CLIENT_FETCH_PAID_H
#define SOUK_CLIENT_FETCH_PAID_H

#include <stdatomic.h>

#include "fetch_internal.h"
#include "provider_client.h"
#include "souk/content/download.h"
#include "souk/io/clock_real.h"
#include "souk/io/http_fetch.h"
#include "souk/io/worker.h"

/* An allotment on the ledger, of which leaves are used. */
struct paid_segment {
	struct souk_allotment_leaf leaves[WALLET_LEAVES_MAX];
	size_t count;
	uint64_t epoch;
	uint32_t number; /* of the segment in its epoch */
};

/* An allotment that was made before this purchase, and whose leaves it may use. */
struct paid_plan {
	struct souk_hash root;
	struct souk_wallet_plan plan;
};

/* A segment of the escrow, as the ledger has it. */
struct paid_root {
	uint64_t epoch;
	uint32_t segment;
	struct souk_hash root;
};

struct paid;

/* What a provider says that it has; asked for beside everything else. */
struct paid_asking {
	bool busy;
	bool is_over; /* it has everything, or knows no such question */
	uint64_t again_ns;
	uint8_t body[SOUK_AVAILABILITY_SIZE_MAX];
};

/* A strip that was signed, and that the provider has not accepted yet. To the planner the session
 * is open: units wait here. */
struct paid_strip {
	enum { PAID_STRIP_NONE, PAID_STRIP_DUE, PAID_STRIP_SENT } state;
	struct souk_nonce session;
	uint8_t *body; /* heap */
	size_t size;
};

struct paid_provider {
	struct paid *paid;
	uint32_t number; /* in the planner */
	struct market_entry entry;
	struct provider_client client;
	struct souk_customer *customer;
	struct paid_segment segment; /* the one that the leaf is of */
	struct souk_payer_leaf leaf;
	struct souk_wallet_strip strip; /* the session's, as the wallet has it; count 0: none yet */
	bool note_due;			/* its unit is not written yet; under the notes' lock */
	bool no_open_leaf;		/* it takes none of this escrow */
	struct paid_strip sending;	/* the opener's, then the loop's */
	/* The running OPEN. */
	uint32_t units;
	souk_status open_status;
	char open_detail[256];
	bool open_done; /* its result waits for the loop; under `lock` */
	/* It stands up for its units under this agreement. */
	bool is_accountable;
	struct souk_agreement agreement;
	struct souk_hash agreement_id;
	struct paid_asking asking;
	/* For the result. */
	souk_status dropped;
};

/* A running FETCH or KEYS; or a strip, of which the planner knows nothing. */
struct paid_transfer {
	struct paid *paid;
	bool busy;
	bool is_keys;
	bool is_strip;
	bool rides; /* with the session's strip */
	bool waits; /* until that is accepted */
	struct souk_unit_request request;
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
struct paid_check {
	struct paid *paid;
	uint32_t slot;
	uint32_t chunk;
	uint32_t length;
	struct souk_unit_cipher cipher;
	struct paid_suspect *suspect; /* NULL: nobody stands up for it */
	bool is_spare;		      /* the user has the chunk already */
	bool is_refused;	      /* the user takes no more: the provider is not to blame */
	souk_status status;
};

/* For each slot one, and for each provider its keys and its strip. */
#define PAID_TRANSFERS (SOUK_DOWNLOAD_SLOTS_MAX + 2 * SOUK_DOWNLOAD_PROVIDERS_MAX)

struct paid {
	struct fetch *fetch;
	const struct fetch_config *config; /* the fetch's */
	const struct souk_identity
		*identity; /* who signs strips; the escrow's owner, or an issuer */

	struct paid_hub *hub;  /* NULL: none */
	uint16_t fee_permille; /* the hub's */

	struct wallet *wallet;
	struct paid_plan *plans; /* under money_lock, once the loop runs; and so the two below */
	size_t plan_count;
	struct paid_plan *own; /* allotments of this purchase; what they leave is the next one's */
	size_t own_count;
	struct paid_root *roots; /* that were asked for */
	size_t root_count;
	pthread_mutex_t money_lock; /* the fetch's chain client, once the loop runs */
	struct souk_hash escrow;
	uint64_t epoch, epoch_ns;  /* that runs, and when the ledger said so; 0: not known */
	atomic_bool epoch_doubted; /* a strip was refused since */

	uint64_t *bitmaps; /* done, taken, and what each provider has */
	struct souk_download download;
	struct paid_provider *providers;
	size_t provider_count;
	size_t entry_next; /* of the fetch's entries: the next that may be a provider */
	struct souk_http_fetcher *fetcher;
	struct souk_worker *checkers; /* decrypt, verify, give to the user */
	struct souk_worker *openers;  /* allot, ask, strip: these wait for the network */
	struct paid_notes *notes;     /* writes to the wallet beside the purchase */
	uint8_t *slots;
	struct paid_transfer transfers[PAID_TRANSFERS];
	struct paid_check checks[SOUK_DOWNLOAD_SLOTS_MAX];
	uint32_t slot_count;

	struct souk_signed_unit *statements; /* of the unit in each slot; unit 0: none */
	struct paid_suspect *suspects;	     /* wrong units; under money_lock */

	struct paid_provider *open_here; /* to be opened by the loop; NULL: nobody */
	uint8_t *cold;			 /* the first unit's memory, until it is asked for */

	bool may_pay;	/* the user knows that money leaves */
	bool has_begun; /* there is money for every provider */
	uint64_t shown_ns;
	souk_status result;

	pthread_mutex_t lock;
	bool is_stopped;
	struct fetch_range wants[FETCH_WANTS_MAX]; /* not taken by the loop, the newest last */
	size_t want_count;
	struct fetch_figures figures;
};

static inline struct souk_time paid_now(void)
{
	return souk_clock_now(souk_clock_real());
}

/* The escrow that pays, the wallet, and what may be paid from without a transaction; fails as
 * fetch_open does. */
SOUK_MUST_CHECK souk_status paid_find_money(struct paid *paid, char detail[FETCH_DETAIL_SIZE]);

/* paid_loop: until all is there, and nothing is unanswered. */
void paid_loop(struct paid *paid);
/* Whatever the loop waits for, it looks around now. Any thread. */
void paid_wake(struct paid *paid);

/* fetch_parts.c: which providers have which parts. Ask those whose turn it is. */
void paid_ask_parts(struct paid *paid);
/* No answer is waited for any more. */
void paid_stop_asking(struct paid *paid);
/* Whether FETCHED answers such a question; then it is taken. */
bool paid_take_parts(struct paid *paid, const struct souk_http_fetched *fetched);

/* A provider was dropped: another one that has the content comes in its place, if there is one. */
void paid_replace(struct paid *paid);

/* What strips cost is noted in the wallet by a thread of its own: a purchase must not wait for the
 * disk. What a crash leaves unnoted makes a receipt too low, which its payee refuses; it is then
 * paid by its strips. */
SOUK_MUST_CHECK souk_status paid_notes_start(struct paid *paid);
/* A ticket for UNIT leaves now. */
void paid_note_ticket(struct paid_provider *provider, uint32_t unit);
/* Whatever is noted of PROVIDER's strip is written; what is not will not be. */
void paid_notes_settle(struct paid_provider *provider);
void paid_notes_stop(struct paid *paid);

/* The session's strip is used no more: the wallet learns what it cost. */
void paid_end_strip(struct paid_provider *provider);

/* The plans of the wallet that this purchase may use. */
SOUK_MUST_CHECK souk_status paid_load_plans(struct paid *paid);
/* paid_find_leaf: a leaf with room for the provider in EPOCH, of an allotment that was made before.
 * Under money_lock, once the loop runs.
 *
 * Returns SOUK_OK: its segment and leaf are set, or SOUK_LOCAL_NOT_FOUND, or why it cannot say. */
SOUK_MUST_CHECK souk_status paid_find_leaf(struct paid_provider *provider, uint64_t epoch);

/* What this purchase allotted and did not use is left to those that come after it in the epoch. */
void paid_leave_plans(struct paid *paid);

/* Allot for every provider at once, before the first session. */
SOUK_MUST_CHECK souk_status paid_allot_first(struct paid *paid);
/* Open a session with a provider: a job of `openers`. */
void paid_open_job(void *provider);
/* Whether that needs no answer of anybody. Not while one is opened with it. */
bool paid_has_grant(const struct paid_provider *provider);

/* fetch_strip.c. PROVIDER's strip is signed. In a stream it goes to it once its OPEN is answered,
 * and takes a unit's request along; else now. By an opener; the others on the loop.
 *
 * Returns SOUK_OK, SOUK_IO_MEMORY, or why it was refused. */
SOUK_MUST_CHECK souk_status paid_strip_give(
	struct paid_provider *provider, const struct souk_strip_open *open);
/* Whatever of it was kept is not any more. */
void paid_strip_drop(struct paid_provider *provider);
/* paid_strip_ride: CALL, which asks for a unit at PATH, takes the strip along, into URL. */
void paid_strip_ride(struct paid_provider *provider, const char *path, struct souk_http_fetch *call,
	char *url, size_t url_size);
/* A strip that no unit takes along. */
souk_status paid_strip_send(struct paid *paid, struct paid_transfer *transfer);
/* FETCHED says whether the strip is accepted, its body being BODY: SOUK_OK, or what the units that
 * waited for it failed with. */
souk_status paid_strip_answered(struct paid_provider *provider,
	const struct souk_http_fetched *fetched, const uint8_t *body);

/* paid_find_agreements: which providers stand up for what they sell.
 *
 * Returns SOUK_OK, or why the agreement that the user named does not do. */
SOUK_MUST_CHECK souk_status paid_find_agreements(struct paid *paid);
/* Whether a unit asked for now is asked for under an agreement. */
bool paid_is_accountable(const struct paid_provider *provider);
/* paid_check_statement: the statement that came with a unit, before the unit counts as received.
 *
 * Returns SOUK_OK, also where none was asked for, or SOUK_PEER_*: drop the provider. */
SOUK_MUST_CHECK souk_status paid_check_statement(struct paid *paid,
	const struct paid_transfer *transfer, const char *header, const uint8_t *cipher);
/* What evidence would need of the unit in SLOT, before it is decrypted; NULL where there can be
 * none. paid_suspect_settle takes it back, on any thread, with the verdict on the unit. */
struct paid_suspect *paid_suspect_new(
	struct paid *paid, uint32_t number, uint32_t slot, uint32_t length);
void paid_suspect_settle(struct paid *paid, struct paid_suspect *suspect, souk_status status,
	const struct souk_unit_cipher *cipher, const uint8_t *plain);
/* Provider is dropped: if it has been paid for a unit and gave no key, the user gets the question.
 */
void paid_note_withheld(struct paid_provider *provider);
/* At the end: evidence for each wrong unit. */
void paid_write_evidence(struct paid *paid);

#endif
