/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor_node.h - a sponsor as a process: souk_sponsor with a store, a server, an escrow, caches
 * that it recruits, and a clock.
 *
 *   handlers (HTTPS, a thread each)      follower              recruiter        auditor, doubter
 *        |                                  | epoch, orders,      | recruits,      | view as a
 *        |                                  | leaves ahead        | checks         | stranger, ask
 *        v                                  v                     v                v
 *   [ money_lock: leaves ] --> [ lock: souk_sponsor ] --effects--> [ commit_lock: ONE transaction ]
 *                                                                         then the answer
 *
 * Locks, in this order: one of bundle_locks (who works on a bundle), allot_lock (one allotment at a
 * time; the ledger client), commit_lock (writes), money_lock (leaves, kept answers), lock (the
 * machine). `lock` and `money_lock` are never held over a disk or a network call, a signature, a
 * hash chain or a puzzle: handlers compute beside them, so that every core issues. A strip that
 * needs a new leaf waits for it alone. Commits are shared: who waits for commit_lock finds its own
 * effects written by the one before.
 *
 * After kill -9: every ticket that was answered is stored as paid, and a leaf goes on behind its
 * last strip. Bundles that were open go on; the strips of an answer that was lost are not given
 * again, and the viewer asks for another bundle.
 *
 * Threads: start and stop from one. Spec: spec/sponsor.md. */
#ifndef SOUK_DAEMON_SPONSOR_NODE_H
#define SOUK_DAEMON_SPONSOR_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "souk/base/amount.h"
#include "souk/base/status.h"
#include "souk/crypto/ecdsa.h"

struct sponsor_node;

/* Texts are borrowed for as long as the node lives. */
struct sponsor_node_config {
	const char *home;
	const char *ledger_url;
	const char *control;	   /* where viewers reach it, HTTPS */
	const char *url;	   /* how others reach it; NULL: made from control */
	const char *site;	   /* address of who admits viewers; NULL: all are admitted */
	uint64_t escrow;	   /* which of the identity's escrows pays */
	struct souk_amount budget; /* of all contents, ever; zero: theirs alone count */
	struct souk_amount price;  /* most for a unit, where an order names none */
	uint64_t caches;	   /* of a bundle */
	uint64_t share;		   /* chunks of a content for each of them; 0: all, always */
	uint64_t segment, units_max;
	uint64_t viewer_units, network_units; /* quotas of an epoch; 0: none */
	uint64_t bundle_ms;		      /* life of a bundle */
	unsigned puzzle; /* of souk_puzzle_policy: 0 none, 1 fast, 2 reference */
	uint64_t rounds, starts;
	uint64_t contents, viewers, bundles; /* sizes of the tables */
	uint64_t connections;
	uint64_t asks;		 /* a second of one address */
	uint64_t recruit_ms;	 /* life of a recruiting */
	uint64_t check_ms;	 /* a cache is looked at so often */
	uint64_t replicas_max;	 /* of a content */
	uint64_t replica_units;	 /* a second that one is thought to serve */
	uint64_t audit_ms;	 /* one about so often; 0: none */
	uint64_t audit_permille; /* of what is spent, at most */
};

void sponsor_node_config_default(struct sponsor_node_config *config);

/* sponsor_node_start: open the store, restore, listen.
 *
 *  Out: ret_what  what failed, for the operator
 *
 * Returns SOUK_OK, or SOUK_LOCAL_CONFIG, SOUK_CORRUPT_STORE, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status sponsor_node_start(struct sponsor_node **ret,
	const struct sponsor_node_config *config, const struct souk_identity *identity,
	const char **ret_what);
void sponsor_node_stop(struct sponsor_node *node);

#endif
