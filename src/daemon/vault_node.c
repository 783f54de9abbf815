/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_node.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/vault_audit.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"
#include "souk/io/log.h"
#include "vault_internal.h"

/* Base64 of the largest text, and what stands around it. */
#define BODY_MAX (256u << 10)
#define ROUND_MS 1000u
/* After a start: not at once, as a daemon that starts again and again would pay each time. */
#define FIRST_ANCHOR_MS 60000u
#define TOKEN_FILE_MAX	256u
/* A stop waits for it. */
#define LEDGER_TIMEOUT_MS 5000u

void vault_node_config_default(struct vault_node_config *config)
{
	*config = (struct vault_node_config){
		.ledger_url = SOUK_CHAIN_URL_DEFAULT,
		.listen = "127.0.0.1:7690",
		.connections = 64,
		.anchor_ms = 24ull * 3600 * 1000,
		.anchor_entries = 1000,
	};
}

static void free_wiped(void *memory)
{
	if (memory != NULL)
		souk_bytes_wipe(memory, malloc_usable_size(memory));
	free(memory);
}

void vault_node_wipe_json(void)
{
	json_set_alloc_funcs(malloc, free_wiped);
}

/* ---- the token ---- */

static souk_status make_token(const char *path)
{
	uint8_t secret[VAULT_TOKEN_SIZE / 2];
	char text[VAULT_TOKEN_SIZE + 1];
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), secret, sizeof secret));
	souk_hex_encode(text, secret, sizeof secret);
	text[VAULT_TOKEN_SIZE] = '\n'; /* instead of the terminator */
	souk_status status = souk_file_write_new(path, souk_bytes_of(text, sizeof text));
	souk_bytes_wipe(secret, sizeof secret);
	souk_bytes_wipe(text, sizeof text);
	return status == SOUK_LOCAL_EXISTS ? SOUK_OK : status;
}

static souk_status read_token(struct vault_node *node, const char *path)
{
	uint8_t secret[VAULT_TOKEN_SIZE / 2];
	char hex[VAULT_TOKEN_SIZE + 1];
	char *text;
	size_t size;
	SOUK_TRY(souk_file_read(path, TOKEN_FILE_MAX, &text, &size));
	souk_status status =
		souk_hex_decode_secret(secret, sizeof secret, souk_bytes_of(text, size));
	souk_bytes_wipe(text, size);
	free(text);
	if (status != SOUK_OK)
		return SOUK_LOCAL_CONFIG;
	souk_hex_encode(hex, secret, sizeof secret);
	memcpy(node->token, hex, VAULT_TOKEN_SIZE);
	souk_bytes_wipe(secret, sizeof secret);
	souk_bytes_wipe(hex, sizeof hex);
	return SOUK_OK;
}

static souk_status open_token(struct vault_node *node)
{
	char path[512];
	snprintf(path, sizeof path, "%s/vault.token", node->config.home);
	souk_status status = read_token(node, path);
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status;
	SOUK_TRY(make_token(path));
	return read_token(node, path);
}

/* ---- anchors ---- */

static bool is_due(struct vault_node *node, uint64_t next_ms, uint64_t now_ms)
{
	struct souk_vault_log log;
	struct souk_vault vault;
	if (vault_home_begin_read(node->home, &vault) != SOUK_OK)
		return false;
	souk_status status = souk_vault_log_load(&vault, &log);
	vault_home_end_read(node->home);
	if (status != SOUK_OK || log.entries == log.anchored)
		return false;
	return now_ms >= next_ms || log.entries - log.anchored >= node->config.anchor_entries;
}

/* A ledger that does not answer is asked again later, not at once. */
static void *keeper_run(void *ctx)
{
	struct vault_node *node = ctx;
	uint64_t period_ms = node->config.anchor_ms, count;
	uint64_t first_ms = period_ms < FIRST_ANCHOR_MS ? period_ms : FIRST_ANCHOR_MS;
	uint64_t next_ms = souk_clock_steady_ns() / 1000000 + first_ms, not_before_ms = 0;
	bool is_new;
	while (!stopper_pause(&node->stopper, ROUND_MS)) {
		uint64_t now_ms = souk_clock_steady_ns() / 1000000;
		if (now_ms < not_before_ms || !is_due(node, next_ms, now_ms))
			continue;
		pthread_mutex_lock(&node->anchoring);
		souk_status status = vault_anchor(node->home, node->chain, &count, &is_new);
		pthread_mutex_unlock(&node->anchoring);
		if (status == SOUK_OK) {
			SOUK_LOG(SOUK_LOG_INFO, "vault_anchored", souk_log_u64("entries", count));
			next_ms = now_ms + period_ms;
		} else {
			SOUK_LOG(SOUK_LOG_WARN, "vault_anchor_failed", souk_log_status(status));
			not_before_ms = now_ms + FIRST_ANCHOR_MS;
		}
	}
	return NULL;
}

static souk_status start_keeper(struct vault_node *node)
{
	node->chain = souk_chain_client_new(node->config.ledger_url);
	if (node->chain == NULL)
		return SOUK_IO_MEMORY;
	char path[512];
	souk_chain_set_timeout(node->chain, LEDGER_TIMEOUT_MS);
	snprintf(path, sizeof path, "%s/identity.key", node->config.home);
	souk_chain_set_lock(node->chain, path);
	if (node->config.anchor_ms == 0)
		return SOUK_OK;
	node->keeper_runs = pthread_create(&node->keeper, NULL, keeper_run, node) == 0;
	return node->keeper_runs ? SOUK_OK : SOUK_IO_MEMORY;
}

/* ---- start, stop ---- */

static bool is_loopback(const struct listen_address *address)
{
	return address->is_ipv6 ? strcmp(address->host, "::1") == 0
				: strncmp(address->host, "127.", 4) == 0;
}

static souk_status start_server(struct vault_node *node)
{
	const struct vault_node_config *c = &node->config;
	struct listen_address address;
	if (!listen_address_parse(&address, c->listen) || (!c->anywhere && !is_loopback(&address)))
		return SOUK_LOCAL_CONFIG;
	struct souk_http_server_config config = {
		.address = address.host,
		.port = address.port,
		.threading = SOUK_HTTP_CONNECTION,
		.connection_max = (unsigned)c->connections,
		.body_size_max = BODY_MAX,
		.handler = vault_handler,
		.ctx = node,
	};
	SOUK_TRY(souk_http_server_start(&node->server, &node->port, &config));
	listen_address_url(node->url, &address, "http", node->port);
	return SOUK_OK;
}

static souk_status start_all(
	struct vault_node *node, const struct souk_identity *identity, const char **ret_what)
{
	const struct vault_home_config home = {.home = node->config.home,
		.passphrase_file = node->config.passphrase_file,
		.identity = identity,
		.actor = "soukd"};
	const char *detail;
	*ret_what = "vault.mdb";
	souk_status status = vault_home_open(&node->home, &home, &detail);
	if (status != SOUK_OK && *detail != '\0')
		*ret_what = detail;
	SOUK_TRY(status);
	*ret_what = "vault.token";
	SOUK_TRY(open_token(node));
	*ret_what = "the vault's thread";
	SOUK_TRY(start_keeper(node));
	SOUK_TRY(vault_writer_start(node));
	*ret_what = node->config.listen;
	return start_server(node);
}

souk_status vault_node_start(struct vault_node **ret, const struct vault_node_config *config,
	const struct souk_identity *identity, const char **ret_what)
{
	struct vault_node *node = calloc(1, sizeof *node);
	*ret_what = "memory";
	if (node == NULL)
		return SOUK_IO_MEMORY;
	node->config = *config;
	pthread_mutex_init(&node->anchoring, NULL);
	stopper_init(&node->stopper);
	vault_writer_init(&node->writer);
	souk_status status = start_all(node, identity, ret_what);
	if (status != SOUK_OK) {
		vault_node_stop(node);
		return status;
	}
	SOUK_LOG(SOUK_LOG_INFO, "vault_listens", souk_log_text("url", node->url));
	*ret = node;
	return SOUK_OK;
}

void vault_node_stop(struct vault_node *node)
{
	stopper_stop(&node->stopper);
	/* Requests first: they wait for the writer. */
	souk_http_server_stop(node->server);
	vault_writer_done(&node->writer);
	if (node->keeper_runs)
		pthread_join(node->keeper, NULL);
	souk_chain_client_free(node->chain);
	vault_home_close(node->home);
	stopper_done(&node->stopper);
	pthread_mutex_destroy(&node->anchoring);
	souk_bytes_wipe(node, sizeof *node);
	free(node);
}
