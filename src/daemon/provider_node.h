/* SPDX-License-Identifier: Apache-2.0
 *
 * provider_node.h - a provider as a process: the pure provider, its store, its two servers, and
 * the ledger it settles on.
 *
 *   control (HTTPS, a thread for each connection) --+
 *   data (HTTP, an epoll pool) ---------------------+--> souk_provider, under `lock`
 *   committer (every commit_ms): tickets -> store --+
 *   settler (twice a second): ledger -> epochs, draws, claims
 *
 * `lock` is never held over a disk write, a network call or an encryption.
 * `commit_lock` is taken before `lock` and held until what was pulled is durable: so records reach
 * the store in the order of their changes, and who pulls nothing may rely on it being there. */
#ifndef SOUK_DAEMON_PROVIDER_NODE_H
#define SOUK_DAEMON_PROVIDER_NODE_H

#include "cache_recruits.h"
#include "provider_agreements.h"
#include "proxy.h"
#include "souk/base/amount.h"
#include "souk/crypto/ecdsa.h"
#include "souk/payment/policy.h"

struct provider_node;

struct provider_node_config {
	const char *home;
	const char *ledger_url;
	const char *control;	 /* ADDR:PORT */
	const char *data;	 /* ADDR:PORT */
	const char *control_url; /* NULL: from control */
	const char *data_url;	 /* NULL: from data */
	const char *publishers;	 /* addresses whose names are kept; NULL: only our own */
	struct souk_amount price;
	/* Price by demand, between these; both zero: it stands. */
	struct souk_amount price_min, price_max;
	uint64_t bandwidth; /* bytes a second that count as all of it; 0: only sessions count */
	struct souk_amount deposit;
	uint64_t window;
	uint64_t threads;
	uint64_t sessions;
	uint64_t commit_ms;
	uint64_t units_max;
	bool faucet;
	struct provider_agreement_policy agreements;
	struct proxy_policy keys;
	struct cache_policy cache;
	const struct souk_policy *policy; /* which penalty an open leaf needs; a young network's */
};

struct chunk_store;
/* The contents of its home; as long as the node lives. */
struct chunk_store *provider_node_chunks(struct provider_node *node);

void provider_node_config_default(struct provider_node_config *config);

/* provider_node_start: open the store, take back the sessions, listen.
 *
 *  In: identity  borrowed for as long as the node lives
 *
 * On failure *RET_WHAT names what failed. */
SOUK_MUST_CHECK souk_status provider_node_start(struct provider_node **ret,
	const struct provider_node_config *config, const struct souk_identity *identity,
	const char **ret_what);

/* Stop listening, make every ticket durable, close. */
void provider_node_stop(struct provider_node *node);

#endif
