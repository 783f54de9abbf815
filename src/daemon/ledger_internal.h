/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger_internal.h - the ledger process between its files.
 *
 *   connection threads --submit--> [queue] --> sequencer thread: one block for all of it
 *        ^                                          |  one store transaction, one fsync
 *        `------------- status, receipt ------------'
 *
 * Reads take a snapshot of the store and never meet the sequencer. */
#ifndef SOUK_DAEMON_LEDGER_INTERNAL_H
#define SOUK_DAEMON_LEDGER_INTERNAL_H

#include <pthread.h>

#include "ledger_node.h"
#include "souk/crypto/chain.h"
#include "souk/io/http_server.h"
#include "souk/io/lmdb_store.h"
#include "souk/ledger/ledger.h"

/* Transactions that wait for a block at once, and the most that one block takes. */
#define LEDGER_QUEUE_MAX   4096
#define LEDGER_BLOCK_MAX   1024
#define LEDGER_DETAIL_SIZE 128

/* A transaction on its way; it lives on the stack of the connection that waits for it. Whatever
 * needs no state was done there: decoding, hashing, the signature. */
struct ledger_pending {
	struct souk_bytes encoded;
	const struct souk_signed_tx *tx; /* decoded from it */
	struct souk_signed_check check;	 /* of it */
	souk_status status;
	struct souk_receipt receipt;
	char detail[LEDGER_DETAIL_SIZE];
	bool is_done;
	struct ledger_pending *next;
};

struct ledger_queue {
	struct ledger_pending *first, **last;
	unsigned count;
};

struct ledger_node {
	struct ledger_node_config config;
	const struct souk_identity *operator_identity;
	int lock_fd; /* of the home: two sequencers would write over each other's blocks */
	struct souk_lmdb_store *store;
	struct souk_http_server *server;
	uint16_t port;
	/* The sequencer's own. */
	struct souk_ledger ledger;
	struct souk_ledger before; /* the block being built */
	struct souk_chain beacons;
	/* Under `lock`. */
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct ledger_queue queue;
	bool is_stopping;
	souk_status halted; /* why no block is made any more, or SOUK_OK */
	pthread_t thread;
	bool has_thread;
	pthread_cond_t keeper_wake;
	pthread_t keeper;
	bool has_keeper;
};

/* Queue PENDING and wait until it is in a durable block, or refused. Its encoded, tx and check are
 * set. */
void ledger_submit(struct ledger_node *node, struct ledger_pending *pending);

/* The sequencer: load the ledger, then make blocks until is_stopping. */
SOUK_MUST_CHECK souk_status ledger_sequencer_start(struct ledger_node *node, const char **ret_what);
void ledger_sequencer_stop(struct ledger_node *node);

/* The keeper: audits the records once, beside the sequencer, and prunes by and by. Started and
 * stopped by the sequencer. */
SOUK_MUST_CHECK souk_status ledger_keeper_start(struct ledger_node *node);
void ledger_keeper_stop(struct ledger_node *node);

void ledger_http_handle(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply);

#endif
