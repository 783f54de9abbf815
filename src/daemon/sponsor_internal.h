/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor_internal.h - what the files of the sponsor node share. Locks: sponsor_node.h. */
#ifndef SOUK_DAEMON_SPONSOR_INTERNAL_H
#define SOUK_DAEMON_SPONSOR_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "../client/chain_client.h"
#include "../client/control_call.h"
#include "../client/sponsor_paths.h"
#include "provider_limit.h"
#include "souk/content/sponsor.h"
#include "souk/exchange/hub_leaves.h"
#include "souk/io/http_server.h"
#include "souk/io/tls_key.h"
#include "sponsor_node.h"
#include "sponsor_store.h"
#include "stopper.h"

/* Answers to asks that may be asked for again. */
#define SPONSOR_ANSWERS	     1024u
#define SPONSOR_BUNDLE_LOCKS 64u
/* Seconds over which rates are told. */
#define SPONSOR_SAMPLES 61u

struct sponsor_answer {
	struct souk_nonce bundle;
	struct souk_bytes bytes; /* heap */
};

struct sponsor_sample {
	uint64_t at_ms; /* of a steady clock */
	struct souk_amount spent;
	uint64_t bytes, bundles;
};

/* What the daemon knows of a content beside the machine; at the same index. */
struct sponsor_wish {
	struct souk_sponsor_order order;
	int file;		  /* open for reading */
	uint64_t complaints;	  /* that came since the last audit */
	uint64_t audited_ms;	  /* the last time, by a steady clock */
	uint32_t target, pending; /* caches that are wanted; that pull, having been asked */
	char refusal[160];	  /* why the last provider that was asked did not become one */
};

struct sponsor_recruiter;
struct sponsor_auditor;
struct sponsor_doubter;

struct sponsor_node {
	struct sponsor_node_config config;
	const struct souk_identity *identity;
	char url[CONTROL_URL_SIZE];
	char name[CONTROL_NAME_SIZE];
	struct souk_tls_key tls;
	struct sponsor_store store;

	/* One ask or claim of a bundle at a time: by its name. */
	pthread_mutex_t bundle_locks[SPONSOR_BUNDLE_LOCKS];

	pthread_mutex_t allot_lock; /* chain, allot_status */
	struct souk_chain_client *chain;
	souk_status allot_status; /* the last one's */
	uint64_t allot_again_ms;  /* by a steady clock: not tried ahead before */

	pthread_mutex_t commit_lock; /* pending, and writes of the store */
	struct record_queue pending;
	atomic_int store_status; /* a souk_status: nothing is paid until it is SOUK_OK */

	pthread_mutex_t money_lock; /* as far as the next comment */
	struct souk_hub_leaves leaves;
	struct souk_amount stored[SOUK_HUB_LEAVES_MAX]; /* `used` of a leaf, as its record has it */
	struct record_queue leaf_writes;
	uint64_t room_epoch; /* when `room` was looked at */
	bool room_is_known;
	struct souk_amount room; /* of the line, after the last allotment */
	struct souk_amount line; /* of the escrow */
	struct sponsor_answer *answers;
	uint32_t answer_count;

	pthread_mutex_t lock; /* as far as the next comment */
	struct souk_sponsor sponsor;
	void *memory;
	struct sponsor_wish *wishes;
	struct souk_hash refused_order; /* the last one that could not be followed */
	struct provider_limit asks, claims;
	struct sponsor_sample samples[SPONSOR_SAMPLES];
	uint32_t sample_count;

	pthread_mutex_t report_lock; /* the last report, for a moment */
	char *report;
	uint64_t report_due_ms; /* when another is made */

	struct souk_http_server *control;
	pthread_t follower;
	bool follower_runs;
	struct sponsor_recruiter *recruiter;
	struct sponsor_auditor *auditor;
	struct sponsor_doubter *doubter;
	struct stopper stopper;
};

struct souk_time sponsor_now(void);

/* ---- sponsor_commit.c ---- */

/* Pull every effect, and return once the records among them are durable; else why they are not. */
souk_status sponsor_commit(struct sponsor_node *node);
/* Forget what is stored of epochs before EPOCH. */
void sponsor_prune(struct sponsor_node *node, uint64_t epoch);
/* Take back what was stored: the machine's records and the leaves; orders are there already. */
souk_status sponsor_restore(struct sponsor_node *node);

/* ---- sponsor_orders.c ---- */

/* Pay for what the store says, from now on: new orders, changed budgets. */
souk_status sponsor_follow_orders(struct sponsor_node *node);
void sponsor_close_files(struct sponsor_node *node);
/* The source of a work on CONTENT: *RET_FILE is to outlive it. Under lock. */
struct souk_sponsor_source sponsor_source_of(
	const struct sponsor_node *node, const struct souk_hash *content, int *ret_file);

/* ---- sponsor_money.c ---- */

/* What the line has in EPOCH, where no allotment told that yet: after a start, and in every epoch.
 * SOUK_OK, or why the ledger did not say: of the line, what was known before counts. */
SOUK_MUST_CHECK souk_status sponsor_learn_line(
	struct sponsor_node *node, const struct souk_hash *escrow, uint64_t epoch);
/* No bundles that the line is too short for, and no network that takes it from the others. Under
 * money_lock and lock. */
void sponsor_limit(struct sponsor_node *node);
/* Leaves for all caches, before they are wanted. */
void sponsor_allot_ahead(struct sponsor_node *node);
/* A leaf as it was stored. */
void sponsor_restore_leaf(struct sponsor_node *node, const struct souk_sponsor_leaf_record *record);
/* sponsor_lay: lay the strips of WORK, which was computed: in memory, until the next commit. Where
 * a leaf is too short it waits for the ledger. As souk_sponsor_ask_finish, or SOUK_IO_*;
 * SOUK_LOCAL_FULL also where the escrow has no more to allot in this epoch. */
SOUK_MUST_CHECK souk_status sponsor_lay(struct sponsor_node *node,
	const struct souk_sponsor_work *work, struct souk_bundle_open *open);

/* ---- sponsor_bundle.c ---- */

/* Who may work on BUNDLE now. */
pthread_mutex_t *sponsor_bundle_lock(struct sponsor_node *node, const struct souk_nonce *bundle);
/* POST /v1/bundles. */
void sponsor_bundle_answer(struct sponsor_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply);

/* ---- sponsor_report.c ---- */

void sponsor_sample(struct sponsor_node *node);
/* The report as JSON text, which the caller frees; NULL: no memory. */
char *sponsor_report(struct sponsor_node *node);

/* ---- sponsor_recruit.c, sponsor_audit.c, sponsor_doubt.c ---- */

souk_status sponsor_recruiter_start(struct sponsor_node *node);
void sponsor_recruiter_stop(struct sponsor_node *node);
souk_status sponsor_auditor_start(struct sponsor_node *node);
void sponsor_auditor_stop(struct sponsor_node *node);
souk_status sponsor_doubter_start(struct sponsor_node *node);
void sponsor_doubter_stop(struct sponsor_node *node);

souk_http_handler sponsor_control_handler;

/* sponsor_content.c: GET /v1/contents/ID. */
void sponsor_content_answer(struct sponsor_node *node, const struct souk_http_request *request,
	const char *id, struct souk_http_reply *reply);
/* The row of CONTENT, on the heap. SOUK_OK, SOUK_CORRUPT_STORE, or those of souk_file_read. */
SOUK_MUST_CHECK souk_status sponsor_read_row(
	const struct sponsor_node *node, const struct souk_content *content, char **ret);

#endif
