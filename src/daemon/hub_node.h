/* SPDX-License-Identifier: Apache-2.0
 *
 * hub_node.h - a hub as a process: souk_hub with a store, a server, an escrow and a clock.
 *
 *   handlers (HTTPS, a thread each)     follower
 *        |            |                    | the ledger's epoch; time passes
 *        v            v                    v
 *      money_lock -> [ lock: souk_hub ] --effects--> [ commit_lock: one transaction ]
 *      leaves                                             then the answer
 *
 * Locks, in this order: money_lock (the escrow's leaves and the ledger client),
 * commit_lock (writes), lock (the machine). `lock` is never held over a disk write
 * or a network call. Commits are shared: who waits for commit_lock finds its own
 * effects written by the one before.
 *
 * Threads: start and stop from one. */
#ifndef SOUK_DAEMON_HUB_NODE_H
#define SOUK_DAEMON_HUB_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/base/status.h"
#include "souk/crypto/ecdsa.h"

struct hub_node;

/* Texts are borrowed for as long as the node lives. */
struct hub_node_config {
	const char *home;
	const char *ledger_url;
	const char *control; /* where customers reach it, HTTPS */
	const char *url;     /* how others reach it; NULL: made from control */
	uint64_t escrow;     /* which of the identity's escrows pays */
	uint64_t fee_permille;
	uint64_t step;
	uint64_t sessions;
	uint64_t accounts;
	uint64_t units_max;
	uint64_t idle_ms;
};

void hub_node_config_default(struct hub_node_config *config);

/* hub_node_start: open the store, restore accounts and sessions, listen.
 *
 *  Out: ret_what  what failed, for the operator
 *
 * Returns SOUK_OK, or SOUK_LOCAL_CONFIG, SOUK_CORRUPT_STORE, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status hub_node_start(struct hub_node **ret,
	const struct hub_node_config *config, const struct souk_identity *identity,
	const char **ret_what);
void hub_node_stop(struct hub_node *node);

#endif
