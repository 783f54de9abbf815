/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger_node.h - the ledger as a process: a sequencer that puts transactions into blocks, its
 * store, and the HTTP API. Spec: spec/ledger.md. */
#ifndef SOUK_DAEMON_LEDGER_NODE_H
#define SOUK_DAEMON_LEDGER_NODE_H

#include "souk/crypto/ecdsa.h"

struct ledger_node;

struct ledger_node_config {
	const char *home;     /* holds ledger.mdb and beacon.seed, made by souk ledger init */
	const char *listen;   /* ADDR:PORT */
	uint64_t block_ms;    /* a block at most so often */
	uint64_t keep_blocks; /* older ones are pruned, once there are twice as many; 0: never */
};

void ledger_node_config_default(struct ledger_node_config *config);

/* ledger_node_start: open the store, check that OPERATOR_IDENTITY is the operator's, listen.
 *
 *  In: operator_identity  borrowed for as long as the node lives
 *
 * On failure *RET_WHAT names what failed. SOUK_LOCAL_STATE: another process runs the ledger of this
 * home; leave it alone. */
SOUK_MUST_CHECK souk_status ledger_node_start(struct ledger_node **ret,
	const struct ledger_node_config *config, const struct souk_identity *operator_identity,
	const char **ret_what);

/* The port it listens on: of use where the configuration says 0. */
uint16_t ledger_node_port(const struct ledger_node *node);

/* Answer what is queued, stop listening, close. */
void ledger_node_stop(struct ledger_node *node);

#endif
