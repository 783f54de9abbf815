/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/admission.h"
#include "../client/market_memory.h"
#include "gateway_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"

/* Beside the wait for a chunk: a connection on which nothing can be sent is closed after both. */
#define IDLE_CONNECTION_S 30u
/* A page is followed by its pictures, a segment by the next one: 16 MiB of the same providers are
 * provided for at once, since each allotment is a transaction. */
#define UNITS_AHEAD 64u

void gateway_node_config_default(struct gateway_node_config *config)
{
	*config = (struct gateway_node_config){
		.ledger_url = SOUK_CHAIN_URL_DEFAULT,
		.listen = "127.0.0.1:7680",
		.own_origins = true,
		.cache = 10ull << 30,
		.payer = FETCH_SPONSOR_FIRST,
		.budget = {SOUK_NCOIN_PER_COIN},
		/* A link chooses the content, and who sells it the price. */
		.price_max = {SOUK_NCOIN_PER_COIN / 1000},
		.read_ahead = 16u << 20,
		.contents = 16,
		.connections = 128,
		.wait_ms = 30000,
		.idle_ms = 5000,
	};
}

/* Its own store, or the one of the provider in this process. */
static souk_status open_store(struct gateway_node *node, struct chunk_store *chunks)
{
	node->chunks = chunks;
	if (chunks)
		return SOUK_OK;
	SOUK_TRY(provider_store_open(&node->own_store, node->config.home, false));
	node->has_own_store = true;
	SOUK_TRY(chunk_store_open(&node->own_chunks, &node->own_store, node->config.cache));
	node->chunks = node->own_chunks;
	return SOUK_OK;
}

static souk_status start_memory(struct gateway_node *node, const struct souk_identity *identity)
{
	const struct gateway_node_config *c = &node->config;
	struct market_memory_config config = {
		.home = c->home,
		.ledger_url = c->ledger_url,
		.identity = identity,
		.allots = c->payer != FETCH_SPONSOR && !c->hub,
		.escrow_number = c->escrow,
	};

	return market_memory_start(&node->memory, &config);
}

static souk_status start_contents(struct gateway_node *node, const struct souk_identity *identity)
{
	const struct gateway_node_config *c = &node->config;
	struct gateway_contents_config config = {
		.chunks = node->chunks,
		.purse = node->purse,
		.fetch = {.home = c->home,
			.ledger_url = c->ledger_url,
			.identity = identity,
			.payer = c->payer,
			.sponsor = c->sponsor,
			.admission = c->admission ? &node->admission : NULL,
			.escrow_number = c->escrow,
			.hub_name = c->hub,
			.price_max = c->price_max,
			.units_ahead = UNITS_AHEAD,
			.memory = node->memory},
		.fetches_max = c->contents,
		.read_ahead = c->read_ahead,
		.wait_ms = c->wait_ms,
		.idle_ms = c->idle_ms,
	};

	return gateway_contents_start(&node->contents, &config);
}

static souk_status start_server(struct gateway_node *node)
{
	const struct gateway_node_config *c = &node->config;
	struct listen_address address;

	if (!listen_address_parse(&address, c->listen))
		return SOUK_LOCAL_CONFIG;
	struct souk_http_server_config config = {
		.address = address.host,
		.port = address.port,
		.threading = SOUK_HTTP_CONNECTION,
		.connection_max = (unsigned)c->connections,
		.body_size_max = 4096,
		.timeout_s = (unsigned)(c->wait_ms / 1000) + IDLE_CONNECTION_S,
		.handler = gateway_handler,
		.ctx = node,
	};
	SOUK_TRY(souk_http_server_start(&node->server, &node->port, &config));
	listen_address_url(node->url, &address, "http", node->port);
	return SOUK_OK;
}

static souk_status start_all(struct gateway_node *node, struct chunk_store *chunks,
	const struct souk_identity *identity, const char **ret_what)
{
	*ret_what = "the store of the gateway's home";
	SOUK_TRY(open_store(node, chunks));
	*ret_what = "the admission";
	if (node->config.admission)
		SOUK_TRY(admission_file_read(&node->admission, node->config.admission));
	*ret_what = "gateway.day";
	SOUK_TRY(gateway_purse_open(&node->purse, node->config.home, node->config.budget));
	*ret_what = "names.mdb";
	SOUK_TRY(name_client_open(&node->names, node->config.home));
	*ret_what = "the gateway's threads";
	SOUK_TRY(gateway_trees_new(&node->trees));
	SOUK_TRY(start_memory(node, identity));
	market_memory_use(node->memory);
	SOUK_TRY(start_contents(node, identity));
	*ret_what = node->config.listen;
	return start_server(node);
}

souk_status gateway_node_start(struct gateway_node **ret, const struct gateway_node_config *config,
	struct chunk_store *chunks, const struct souk_identity *identity, const char **ret_what)
{
	struct gateway_node *node = calloc(1, sizeof(*node));

	*ret_what = "memory";
	if (!node)
		return SOUK_IO_MEMORY;
	node->config = *config;
	souk_status status = start_all(node, chunks, identity, ret_what);
	if (status != SOUK_OK) {
		gateway_node_stop(node);
		return status;
	}
	SOUK_LOG(SOUK_LOG_INFO, "gateway_listens", souk_log_text("url", node->url));
	*ret = node;
	return SOUK_OK;
}

void gateway_node_stop(struct gateway_node *node)
{
	/* Readers first, so that the connections they hold up can end. */
	if (node->contents)
		gateway_contents_stop(node->contents);
	souk_http_server_stop(node->server);
	gateway_contents_free(node->contents);
	market_memory_stop(node->memory);
	gateway_trees_free(node->trees);
	name_client_close(node->names);
	gateway_purse_close(node->purse);
	chunk_store_close(node->own_chunks);
	if (node->has_own_store)
		provider_store_close(&node->own_store);
	free(node);
}
