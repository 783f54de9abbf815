/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/escrow_line.h"
#include "hub_internal.h"
#include "listen_address.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/log.h"

#define ROUND_MS	  500u
#define CONTROL_MAX	  128u
#define LEDGER_TIMEOUT_MS 4000u

void hub_node_config_default(struct hub_node_config *config)
{
	*config = (struct hub_node_config){
		.ledger_url = SOUK_CHAIN_URL_DEFAULT,
		.control = "127.0.0.1:7620",
		.fee_permille = 20,
		.step = 8,
		.sessions = 256,
		.accounts = 65536,
		.units_max = 4096,
		.idle_ms = 5 * 60 * 1000,
	};
}

struct souk_time hub_now(void)
{
	return souk_clock_now(souk_clock_real());
}

/* ------------------------------------------------------------------ the store */

static souk_status add_account(struct hub_node *node, const struct souk_hub_account *account)
{
	uint8_t bytes[SOUK_HUB_ACCOUNT_RECORD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes encoded;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_hub_account_record_encode(&writer, &account->record);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	return record_queue_put(&node->pending, HUB_STORE_ACCOUNT, account->address.bytes,
		SOUK_ADDRESS_SIZE, encoded);
}

static souk_status add_session(struct hub_node *node, const struct souk_hub_session_record *record)
{
	uint8_t bytes[SOUK_HUB_SESSION_RECORD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes encoded;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_hub_session_record_encode(&writer, record);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	return record_queue_put(&node->pending, HUB_STORE_SESSION, record->strip.nonce.bytes,
		SOUK_NONCE_SIZE, encoded);
}

static souk_status add_voucher(struct hub_node *node, const struct souk_hash *id,
	const struct souk_hub_voucher_record *record)
{
	uint8_t bytes[SOUK_HUB_VOUCHER_RECORD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes encoded;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_hub_voucher_record_encode(&writer, record);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	return record_queue_put(
		&node->pending, HUB_STORE_VOUCHER, id->bytes, SOUK_HASH_SIZE, encoded);
}

static souk_status take_effects(struct hub_node *node)
{
	struct souk_hub_effect effect;
	souk_status status = SOUK_OK;
	record_queue_round(&node->pending);
	pthread_mutex_lock(&node->lock);
	while (status == SOUK_OK && souk_hub_next_effect(&node->hub, &effect)) {
		if (effect.kind == SOUK_HUB_STORE_ACCOUNT)
			status = add_account(node, &node->hub.memory.accounts[effect.index]);
		else
			status = add_session(node, &node->hub.memory.sessions[effect.index].record);
		if (status != SOUK_OK)
			souk_hub_repeat_effect(&node->hub, &effect);
	}
	pthread_mutex_unlock(&node->lock);
	return status;
}

/* Under commit_lock. */
static souk_status write_all(struct hub_node *node)
{
	souk_status status = take_effects(node);
	if (status == SOUK_OK && node->pending.count > 0)
		status = records_write(node->store.lmdb, &node->pending);
	if (status == SOUK_OK)
		record_queue_clear(&node->pending);
	records_note_status(&node->store_status, status, "nothing is sold until it works again");
	return status;
}

souk_status hub_commit(struct hub_node *node)
{
	pthread_mutex_lock(&node->commit_lock);
	souk_status status = write_all(node);
	pthread_mutex_unlock(&node->commit_lock);
	return status;
}

souk_status hub_newest_session(struct hub_node *node, const struct souk_nonce *session,
	struct souk_hub_session_record *ret)
{
	pthread_mutex_lock(&node->commit_lock);
	const struct record_write *w = record_queue_find(
		&node->pending, HUB_STORE_SESSION, session->bytes, SOUK_NONCE_SIZE);
	souk_status status = w != NULL ? souk_hub_session_record_decode(ret, w->record, NULL)
				       : hub_store_session(&node->store, session, ret);
	pthread_mutex_unlock(&node->commit_lock);
	return status;
}

static souk_status newest_voucher(
	struct hub_node *node, const struct souk_hash *id, struct souk_hub_voucher_record *ret)
{
	const struct record_write *w =
		record_queue_find(&node->pending, HUB_STORE_VOUCHER, id->bytes, SOUK_HASH_SIZE);
	return w != NULL ? souk_hub_voucher_record_decode(ret, w->record, NULL)
			 : hub_store_voucher(&node->store, id, ret);
}

/* From reading the voucher until both it and the credit are written nobody else redeems: it is
 * redeemed once. */
souk_status hub_redeem(struct hub_node *node, const struct souk_signed_hub_redeem *redeem,
	struct souk_signed_hub_statement *ret)
{
	struct souk_hash id = souk_hub_voucher_id(&redeem->redeem.voucher);
	struct souk_hub_voucher_record voucher;
	pthread_mutex_lock(&node->commit_lock);
	souk_status found = newest_voucher(node, &id, &voucher), status = found;
	if (found == SOUK_OK || found == SOUK_LOCAL_NOT_FOUND) {
		bool before = found == SOUK_OK && voucher.redeemed;
		pthread_mutex_lock(&node->lock);
		status = souk_hub_redeem(
			&node->hub, redeem, found == SOUK_OK ? &voucher : NULL, hub_now(), ret);
		pthread_mutex_unlock(&node->lock);
		if (status == SOUK_OK && !before)
			status = add_voucher(node, &id, &voucher);
		if (status == SOUK_OK)
			status = write_all(node);
		SOUK_LOG(SOUK_LOG_INFO, "hub_redeem",
			souk_log_hex("account", redeem->redeem.account.bytes, SOUK_ADDRESS_SIZE),
			souk_log_status(status));
	}
	pthread_mutex_unlock(&node->commit_lock);
	return status;
}

/* ------------------------------------------------------------------ the ledger's clock */

static void follow(struct hub_node *node, const struct souk_ledger_status *ledger)
{
	struct souk_hash escrow = escrow_number_id(
		&ledger->record.ledger, &node->identity->address, node->config.escrow);
	pthread_mutex_lock(&node->lock);
	node->hub.config.escrow = escrow;
	souk_hub_set_epoch(&node->hub, ledger->record.epoch, ledger->epoch.end, hub_now());
	pthread_mutex_unlock(&node->lock);
}

static void *follower_run(void *ctx)
{
	struct hub_node *node = ctx;
	struct souk_chain_client *chain = souk_chain_client_new(node->config.ledger_url);
	struct souk_ledger_status ledger;
	souk_status complained = SOUK_OK;
	if (chain == NULL) {
		SOUK_LOG(SOUK_LOG_ERROR, "follower_failed", souk_log_status(SOUK_IO_MEMORY));
		return NULL;
	}
	do {
		souk_status status = souk_chain_status(chain, &ledger);
		if (status == SOUK_OK)
			follow(node, &ledger);
		if (status != complained)
			SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_WARN,
				status == SOUK_OK ? "ledger_reached" : "ledger_failed",
				souk_log_status(status));
		complained = status;
		pthread_mutex_lock(&node->lock);
		souk_hub_tick(&node->hub, hub_now());
		pthread_mutex_unlock(&node->lock);
		status = hub_commit(node);
		(void)status; /* noted there; tried again in the next round */
	} while (!stopper_pause(&node->stopper, ROUND_MS));
	souk_chain_client_free(chain);
	return NULL;
}

/* ------------------------------------------------------------------ start and stop */

static souk_status make_hub(struct hub_node *node)
{
	uint32_t sessions = (uint32_t)node->config.sessions;
	uint32_t accounts = (uint32_t)node->config.accounts;
	struct souk_hub_memory memory = {.session_max = sessions, .account_max = accounts};
	size_t sizes[] = {sessions * sizeof *memory.sessions, accounts * sizeof *memory.accounts,
		SOUK_MAP_SLOTS(sessions) * sizeof(uint32_t),
		SOUK_MAP_SLOTS(accounts) * sizeof(uint32_t)};
	struct souk_hub_config config = {
		.identity = node->identity,
		.fee_permille = (uint16_t)node->config.fee_permille,
		.step = (uint16_t)node->config.step,
		.units_max = (uint32_t)node->config.units_max,
		.idle_ms = node->config.idle_ms,
	};
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), config.seed, sizeof config.seed));
	uint8_t *block = calloc(1, sizes[0] + sizes[1] + sizes[2] + sizes[3]);
	node->leaves.items = calloc(SOUK_HUB_LEAVES_MAX, sizeof *node->leaves.items);
	node->hub_memory = block;
	if (block == NULL || node->leaves.items == NULL)
		return SOUK_IO_MEMORY;
	memory.sessions = (struct souk_hub_session *)block;
	memory.accounts = (struct souk_hub_account *)(block + sizes[0]);
	memory.session_slots = (uint32_t *)(block + sizes[0] + sizes[1]);
	memory.account_slots = (uint32_t *)(block + sizes[0] + sizes[1] + sizes[2]);
	souk_hub_init(&node->hub, &config, &memory);
	souk_bytes_wipe(config.seed, sizeof config.seed);
	return SOUK_OK;
}

static souk_status restore_account(
	void *ctx, const struct souk_address *address, const struct souk_hub_account_record *record)
{
	struct hub_node *node = ctx;
	return souk_hub_restore_account(&node->hub, address, record);
}

static souk_status restore_session(void *ctx, const struct souk_hub_session_record *record)
{
	struct hub_node *node = ctx;
	souk_hub_leaves_restore(&node->leaves, record);
	souk_status status = souk_hub_restore(&node->hub, record, hub_now());
	if (status == SOUK_OK)
		SOUK_LOG(SOUK_LOG_INFO, "hub_session_restored",
			souk_log_hex("session", record->strip.nonce.bytes, SOUK_NONCE_SIZE),
			souk_log_u64("units", record->unit));
	return status == SOUK_LOCAL_STATE ? SOUK_OK : status;
}

static souk_status listen_on(struct hub_node *node)
{
	struct listen_address where;
	uint16_t port;
	if (!listen_address_parse(&where, node->config.control))
		return SOUK_LOCAL_CONFIG;
	struct souk_http_server_config config = {
		.address = where.host,
		.port = where.port,
		.threading = SOUK_HTTP_CONNECTION,
		.connection_max = CONTROL_MAX,
		.connections_are_shared = true,
		.body_size_max = 16 * 1024,
		.handler = hub_control_handler,
		.ctx = node,
		.certificate_pem = node->tls.certificate_pem,
		.key_pem = node->tls.key_pem,
	};
	SOUK_TRY(souk_http_server_start(&node->control, &port, &config));
	if (node->config.url != NULL)
		snprintf(node->url, sizeof node->url, "%s", node->config.url);
	else
		listen_address_url(node->url, &where, "https", port);
	return SOUK_OK;
}

static souk_status start(struct hub_node *node, const char **ret_what)
{
	char path[512];
	*ret_what = node->config.home;
	SOUK_TRY(hub_store_open(&node->store, node->config.home, false));
	snprintf(path, sizeof path, "%s/tls.pem", node->config.home);
	*ret_what = "the TLS key, tls.pem in the home";
	SOUK_TRY(souk_tls_key_open(&node->tls, path));
	*ret_what = "memory";
	SOUK_TRY(make_hub(node));
	*ret_what = "the stored accounts";
	SOUK_TRY(hub_store_each_account(&node->store, restore_account, node));
	*ret_what = "the stored sessions";
	SOUK_TRY(hub_store_each_session(&node->store, restore_session, node));
	*ret_what = node->config.control;
	SOUK_TRY(listen_on(node));
	*ret_what = "threads";
	node->follower_runs = pthread_create(&node->follower, NULL, follower_run, node) == 0;
	return node->follower_runs ? SOUK_OK : SOUK_IO_MEMORY;
}

souk_status hub_node_start(struct hub_node **ret, const struct hub_node_config *config,
	const struct souk_identity *identity, const char **ret_what)
{
	struct hub_node *node = calloc(1, sizeof *node);
	*ret_what = "memory";
	if (node == NULL)
		return SOUK_IO_MEMORY;
	node->config = *config;
	node->identity = identity;
	pthread_mutex_init(&node->money_lock, NULL);
	pthread_mutex_init(&node->commit_lock, NULL);
	pthread_mutex_init(&node->lock, NULL);
	stopper_init(&node->stopper);
	node->chain = souk_chain_client_new(config->ledger_url);
	if (node->chain != NULL)
		souk_chain_set_timeout(node->chain, LEDGER_TIMEOUT_MS);
	souk_status status = node->chain == NULL ? SOUK_IO_MEMORY : start(node, ret_what);
	if (status != SOUK_OK) {
		hub_node_stop(node);
		return status;
	}
	SOUK_LOG(SOUK_LOG_INFO, "hub_started",
		souk_log_hex("address", identity->address.bytes, SOUK_ADDRESS_SIZE),
		souk_log_text("url", node->url));
	*ret = node;
	return SOUK_OK;
}

void hub_node_stop(struct hub_node *node)
{
	stopper_stop(&node->stopper);
	souk_http_server_stop(node->control);
	if (node->follower_runs)
		pthread_join(node->follower, NULL);
	if (node->hub_memory != NULL) {
		souk_status status = hub_commit(node);
		(void)status; /* noted there */
		souk_hub_wipe(&node->hub);
	}
	record_queue_free(&node->pending);
	free(node->leaves.items);
	free(node->hub_memory);
	if (node->store.lmdb != NULL)
		hub_store_close(&node->store);
	souk_tls_key_done(&node->tls);
	souk_chain_client_free(node->chain);
	stopper_done(&node->stopper);
	pthread_mutex_destroy(&node->lock);
	pthread_mutex_destroy(&node->commit_lock);
	pthread_mutex_destroy(&node->money_lock);
	free(node);
}
