/* SPDX-License-Identifier: Apache-2.0 */
#include "sponsor_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/escrow_line.h"
#include "listen_address.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/log.h"
#include "sponsor_internal.h"

#define ROUND_MS	   250u
#define LEDGER_TIMEOUT_MS  4000u
#define CACHES_PER_CONTENT 64u
/* A bundle for which there is no money yet may be asked for again so long: as long as viewers try.
 */
#define DRAWN_MS 15000u
/* Claims of one address, for each ask that it may make. */
#define CLAIMS_PER_ASK 8u
/* One network has this part of the tables at most: keys cost nothing. */
#define NETWORK_VIEWERS_PART 16u
#define NETWORK_BUNDLES_PART 4u
/* Epochs back in which a beacon is looked for. */
#define BEACON_EPOCHS 4u

void sponsor_node_config_default(struct sponsor_node_config *config)
{
	*config = (struct sponsor_node_config){
		.ledger_url = SOUK_CHAIN_URL_DEFAULT,
		.control = "127.0.0.1:7630",
		.price.ncoin = 200000,
		.caches = 3,
		.share = 1,
		.segment = 16,
		.units_max = 1024,
		.viewer_units = 65536,
		.network_units = 1048576,
		.bundle_ms = 10 * 60 * 1000,
		.puzzle = SOUK_PUZZLE_FAST,
		.rounds = SOUK_PUZZLE_ROUNDS_DEFAULT,
		.starts = SOUK_PUZZLE_STARTS_DEFAULT,
		.contents = 256,
		.viewers = 65536,
		.bundles = 8192,
		.connections = 256,
		.asks = PROVIDER_LIMIT_PER_SECOND,
		.recruit_ms = 24ull * 3600 * 1000,
		.check_ms = 10000,
		.replicas_max = 32,
		.replica_units = 64,
		.audit_ms = 10ull * 60 * 1000,
		.audit_permille = 10,
	};
}

struct souk_time sponsor_now(void)
{
	return souk_clock_now(souk_clock_real());
}

/* ------------------------------------------------------------------ the ledger's clock */

struct follower {
	struct sponsor_node *node;
	struct souk_chain_client *chain;
	uint64_t epoch; /* the last one seen */
	bool has_epoch;
	uint64_t beacon_epoch; /* whose beacon it is, plus one; 0: none */
	struct souk_hash beacon;
	souk_status complained;
	uint64_t sampled_ms;
};

/* The newest beacon that was drawn: of the epoch before, sooner or later. */
static void find_beacon(struct follower *f, uint64_t epoch)
{
	struct souk_epoch_record record;
	for (uint64_t i = 1; i <= BEACON_EPOCHS && i <= epoch; i++) {
		if (f->beacon_epoch == epoch - i + 1)
			return;
		if (souk_chain_epoch(f->chain, epoch - i, &record) != SOUK_OK || !record.drawn)
			continue;
		f->beacon = record.beacon;
		f->beacon_epoch = epoch - i + 1;
		return;
	}
}

/* Nobody is drawn anything before it is known how much one network may have of the line. */
static souk_status follow(struct follower *f, const struct souk_ledger_status *ledger)
{
	struct sponsor_node *node = f->node;
	uint64_t epoch = ledger->record.epoch;
	struct souk_hash escrow = escrow_number_id(
		&ledger->record.ledger, &node->identity->address, node->config.escrow);
	find_beacon(f, epoch);
	souk_status status = sponsor_learn_line(node, &escrow, epoch);
	if (status != SOUK_OK && !f->has_epoch)
		return status;
	pthread_mutex_lock(&node->money_lock);
	pthread_mutex_lock(&node->lock);
	node->sponsor.config.escrow = escrow;
	souk_sponsor_set_epoch(&node->sponsor, epoch, ledger->epoch.end, &f->beacon, sponsor_now());
	sponsor_limit(node);
	pthread_mutex_unlock(&node->lock);
	pthread_mutex_unlock(&node->money_lock);
	if (!f->has_epoch || f->epoch != epoch)
		sponsor_prune(node, epoch);
	f->has_epoch = true;
	f->epoch = epoch;
	return SOUK_OK;
}

static void follow_once(struct follower *f)
{
	struct sponsor_node *node = f->node;
	struct souk_ledger_status ledger;
	souk_status status = souk_chain_status(f->chain, &ledger);
	if (status == SOUK_OK)
		status = follow(f, &ledger);
	if (status != f->complained)
		SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_WARN,
			status == SOUK_OK ? "ledger_reached" : "ledger_failed",
			souk_log_status(status));
	f->complained = status;
	status = sponsor_follow_orders(node);
	if (status != SOUK_OK)
		SOUK_LOG(SOUK_LOG_WARN, "orders_failed", souk_log_status(status));
	pthread_mutex_lock(&node->lock);
	souk_sponsor_tick(&node->sponsor, sponsor_now());
	pthread_mutex_unlock(&node->lock);
	if (f->complained == SOUK_OK)
		sponsor_allot_ahead(node);
	status = sponsor_commit(node);
	(void)status; /* noted there; tried again in the next round */
	uint64_t steady_ms = souk_clock_steady_ns() / 1000000;
	if (steady_ms - f->sampled_ms >= 1000 || f->sampled_ms == 0) {
		sponsor_sample(node);
		f->sampled_ms = steady_ms;
	}
}

static void *follower_run(void *ctx)
{
	struct follower f = {.node = ctx};
	f.chain = souk_chain_client_new(f.node->config.ledger_url);
	if (f.chain == NULL) {
		SOUK_LOG(SOUK_LOG_ERROR, "follower_failed", souk_log_status(SOUK_IO_MEMORY));
		return NULL;
	}
	souk_chain_set_timeout(f.chain, LEDGER_TIMEOUT_MS);
	do {
		follow_once(&f);
	} while (!stopper_pause(&f.node->stopper, ROUND_MS));
	souk_chain_client_free(f.chain);
	return NULL;
}

/* ------------------------------------------------------------------ start */

/* Where there is a quota for networks at all. */
static uint32_t part_of(const struct sponsor_node_config *c, uint64_t count, uint32_t part)
{
	uint64_t most = count / part;
	return c->network_units == 0 ? 0 : most == 0 ? 1 : (uint32_t)most;
}

/* PART bytes of BLOCK, and on. */
static void *carve(uint8_t **block, size_t part)
{
	void *at = *block;
	*block += (part + 15) / 16 * 16;
	return at;
}

static souk_status make_tables(struct sponsor_node *node, struct souk_sponsor_memory *ret)
{
	const struct sponsor_node_config *c = &node->config;
	struct souk_sponsor_memory m = {
		.content_max = (uint32_t)c->contents,
		.cache_max = (uint32_t)c->contents * CACHES_PER_CONTENT,
		.viewer_max = (uint32_t)c->viewers,
		.prefix_max = (uint32_t)c->viewers,
		.bundle_max = (uint32_t)c->bundles,
	};
	size_t viewer_slots = SOUK_MAP_SLOTS((size_t)m.viewer_max) * sizeof(uint32_t);
	size_t bundle_slots = SOUK_MAP_SLOTS((size_t)m.bundle_max) * sizeof(uint32_t);
	size_t sizes = m.content_max * (sizeof *m.contents + sizeof *node->wishes) +
		       m.cache_max * (sizeof *m.caches + sizeof *m.draw) +
		       m.viewer_max * (sizeof *m.viewers + sizeof *m.prefixes) + 2 * viewer_slots +
		       m.bundle_max * sizeof *m.bundles + bundle_slots;
	uint8_t *block = node->memory = calloc(1, sizes + 256);
	node->leaves.items = calloc(SOUK_HUB_LEAVES_MAX, sizeof *node->leaves.items);
	node->answers = calloc(SPONSOR_ANSWERS, sizeof *node->answers);
	if (block == NULL || node->leaves.items == NULL || node->answers == NULL)
		return SOUK_IO_MEMORY;
	m.contents = carve(&block, m.content_max * sizeof *m.contents);
	node->wishes = carve(&block, m.content_max * sizeof *node->wishes);
	m.caches = carve(&block, m.cache_max * sizeof *m.caches);
	m.draw = carve(&block, m.cache_max * sizeof *m.draw);
	m.viewers = carve(&block, m.viewer_max * sizeof *m.viewers);
	m.prefixes = carve(&block, m.prefix_max * sizeof *m.prefixes);
	m.viewer_slots = carve(&block, viewer_slots);
	m.prefix_slots = carve(&block, viewer_slots);
	m.bundles = carve(&block, m.bundle_max * sizeof *m.bundles);
	m.bundle_slots = carve(&block, bundle_slots);
	*ret = m;
	return SOUK_OK;
}

static bool parse_address(struct souk_address *ret, const char *text)
{
	return strncmp(text, "0x", 2) == 0 &&
	       souk_hex_decode(ret->bytes, SOUK_ADDRESS_SIZE, text + 2) == SOUK_OK;
}

static souk_status make_sponsor(struct sponsor_node *node)
{
	const struct sponsor_node_config *c = &node->config;
	struct souk_sponsor_memory memory;
	struct souk_sponsor_config config = {
		.identity = node->identity,
		.url = node->name,
		.budget = c->budget.ncoin != 0 ? c->budget : souk_amount_of_ncoin(UINT64_MAX),
		.caches = (uint16_t)c->caches,
		.share = (uint32_t)c->share,
		.segment = (uint16_t)c->segment,
		.units_max = (uint32_t)c->units_max,
		.viewer_units = c->viewer_units,
		.prefix_units = c->network_units,
		.prefix_viewers = part_of(c, c->viewers, NETWORK_VIEWERS_PART),
		.prefix_bundles = part_of(c, c->bundles, NETWORK_BUNDLES_PART),
		.drawn_ms = DRAWN_MS,
		.bundle_ms = c->bundle_ms,
		.puzzle = {.mode = (uint8_t)c->puzzle,
			.rounds = (uint16_t)c->rounds,
			.starts = (uint32_t)c->starts},
	};
	if (c->site != NULL && !parse_address(&config.site, c->site))
		return SOUK_LOCAL_CONFIG;
	SOUK_TRY(make_tables(node, &memory));
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), config.seed, sizeof config.seed));
	souk_sponsor_init(&node->sponsor, &config, &memory);
	souk_bytes_wipe(config.seed, sizeof config.seed);
	node->asks.per_second = (uint32_t)c->asks;
	node->claims.per_second = (uint32_t)c->asks * CLAIMS_PER_ASK;
	return SOUK_OK;
}

static souk_status listen_on(struct sponsor_node *node)
{
	struct listen_address where;
	uint16_t port;
	if (!listen_address_parse(&where, node->config.control))
		return SOUK_LOCAL_CONFIG;
	struct souk_http_server_config config = {
		.address = where.host,
		.port = where.port,
		.threading = SOUK_HTTP_CONNECTION,
		.connection_max = (unsigned)node->config.connections,
		.connections_are_shared = true,
		.body_size_max = 16 * 1024,
		.handler = sponsor_control_handler,
		.ctx = node,
		.certificate_pem = node->tls.certificate_pem,
		.key_pem = node->tls.key_pem,
	};
	SOUK_TRY(souk_http_server_start(&node->control, &port, &config));
	if (node->config.url != NULL)
		snprintf(node->url, sizeof node->url, "%s", node->config.url);
	else
		listen_address_url(node->url, &where, "https", port);
	control_name_format(node->name, node->url, &node->tls.pin);
	return SOUK_OK;
}

static souk_status start(struct sponsor_node *node, const char **ret_what)
{
	char path[512];
	*ret_what = node->config.home;
	SOUK_TRY(sponsor_store_open(&node->store, node->config.home, false));
	snprintf(path, sizeof path, "%s/tls.pem", node->config.home);
	*ret_what = "the TLS key, tls.pem in the home";
	SOUK_TRY(souk_tls_key_open(&node->tls, path));
	*ret_what = "the section [sponsor], or memory";
	SOUK_TRY(make_sponsor(node));
	*ret_what = "the stored orders";
	SOUK_TRY(sponsor_follow_orders(node));
	*ret_what = "the stored bundles and caches";
	SOUK_TRY(sponsor_restore(node));
	*ret_what = node->config.control;
	SOUK_TRY(listen_on(node));
	*ret_what = "threads";
	node->follower_runs = pthread_create(&node->follower, NULL, follower_run, node) == 0;
	if (!node->follower_runs)
		return SOUK_IO_MEMORY;
	SOUK_TRY(sponsor_recruiter_start(node));
	SOUK_TRY(sponsor_doubter_start(node));
	return sponsor_auditor_start(node);
}

souk_status sponsor_node_start(struct sponsor_node **ret, const struct sponsor_node_config *config,
	const struct souk_identity *identity, const char **ret_what)
{
	struct sponsor_node *node = calloc(1, sizeof *node);
	*ret_what = "memory";
	if (node == NULL)
		return SOUK_IO_MEMORY;
	node->config = *config;
	node->identity = identity;
	pthread_mutex_init(&node->allot_lock, NULL);
	pthread_mutex_init(&node->commit_lock, NULL);
	pthread_mutex_init(&node->money_lock, NULL);
	pthread_mutex_init(&node->lock, NULL);
	pthread_mutex_init(&node->report_lock, NULL);
	for (size_t i = 0; i < SPONSOR_BUNDLE_LOCKS; i++)
		pthread_mutex_init(&node->bundle_locks[i], NULL);
	stopper_init(&node->stopper);
	node->chain = souk_chain_client_new(config->ledger_url);
	if (node->chain != NULL)
		souk_chain_set_timeout(node->chain, LEDGER_TIMEOUT_MS);
	souk_status status = node->chain == NULL ? SOUK_IO_MEMORY : start(node, ret_what);
	if (status != SOUK_OK) {
		sponsor_node_stop(node);
		return status;
	}
	SOUK_LOG(SOUK_LOG_INFO, "sponsor_started",
		souk_log_hex("address", identity->address.bytes, SOUK_ADDRESS_SIZE),
		souk_log_text("url", node->url));
	*ret = node;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ stop */

static void free_all(struct sponsor_node *node)
{
	for (uint32_t i = 0; node->answers != NULL && i < SPONSOR_ANSWERS; i++)
		free((void *)(uintptr_t)node->answers[i].bytes.data);
	record_queue_free(&node->pending);
	record_queue_free(&node->leaf_writes);
	free(node->report);
	free(node->answers);
	free(node->leaves.items);
	free(node->memory);
	if (node->store.lmdb != NULL)
		sponsor_store_close(&node->store);
	souk_tls_key_done(&node->tls);
	souk_chain_client_free(node->chain);
	stopper_done(&node->stopper);
	for (size_t i = 0; i < SPONSOR_BUNDLE_LOCKS; i++)
		pthread_mutex_destroy(&node->bundle_locks[i]);
	pthread_mutex_destroy(&node->report_lock);
	pthread_mutex_destroy(&node->lock);
	pthread_mutex_destroy(&node->money_lock);
	pthread_mutex_destroy(&node->commit_lock);
	pthread_mutex_destroy(&node->allot_lock);
	free(node);
}

void sponsor_node_stop(struct sponsor_node *node)
{
	stopper_stop(&node->stopper);
	souk_http_server_stop(node->control);
	sponsor_auditor_stop(node);
	sponsor_recruiter_stop(node);
	sponsor_doubter_stop(node);
	if (node->follower_runs)
		pthread_join(node->follower, NULL);
	if (node->sponsor.config.identity != NULL) {
		souk_status status = sponsor_commit(node);
		(void)status; /* noted there */
		sponsor_close_files(node);
		souk_sponsor_wipe(&node->sponsor);
	}
	free_all(node);
}
