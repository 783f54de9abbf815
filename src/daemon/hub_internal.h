/* SPDX-License-Identifier: Apache-2.0
 *
 * hub_internal.h - what the files of the hub node share. */
#ifndef SOUK_DAEMON_HUB_INTERNAL_H
#define SOUK_DAEMON_HUB_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "../client/chain_client.h"
#include "hub_node.h"
#include "hub_store.h"
#include "provider_limit.h"
#include "records.h"
#include "souk/exchange/hub.h"
#include "souk/exchange/hub_leaves.h"
#include "souk/io/http_server.h"
#include "souk/io/tls_key.h"
#include "stopper.h"

struct hub_node {
	struct hub_node_config config;
	const struct souk_identity *identity;
	char url[160];
	struct souk_tls_key tls;
	struct hub_store store;

	pthread_mutex_t money_lock; /* leaves, chain */
	struct souk_chain_client *chain;
	struct souk_hub_leaves leaves;

	pthread_mutex_t commit_lock; /* pending */
	struct record_queue pending;
	atomic_int store_status; /* a souk_status: nothing is sold until it is SOUK_OK */

	pthread_mutex_t lock; /* hub, limit */
	struct souk_hub hub;
	void *hub_memory;
	struct provider_limit limit;

	struct souk_http_server *control;
	pthread_t follower;
	bool follower_runs;
	struct stopper stopper;
};

struct souk_time hub_now(void);

/* Pull every effect, and return once the records among them are durable; else why they are not. */
souk_status hub_commit(struct hub_node *node);

/* The newest record of SESSION, stored or waiting to be. SOUK_LOCAL_NOT_FOUND, SOUK_IO_*. */
souk_status hub_newest_session(struct hub_node *node, const struct souk_nonce *session,
	struct souk_hub_session_record *ret);

/* hub_redeem: turn a voucher into credit, durably. As souk_hub_redeem, or SOUK_IO_*. */
souk_status hub_redeem(struct hub_node *node, const struct souk_signed_hub_redeem *redeem,
	struct souk_signed_hub_statement *ret);

/* hub_open: open a session, durably. As souk_hub_open, or SOUK_IO_*; SOUK_LOCAL_FULL also where the
 * escrow has no more to allot in this epoch. */
souk_status hub_open(
	struct hub_node *node, const struct souk_hub_open *open, struct souk_strip_open *ret);

souk_http_handler hub_control_handler;

#endif
