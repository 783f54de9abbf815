/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listen_address.h"
#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/log.h"

/* Sessions that wait for their draw, beside those that are open. */
#define DUE_MAX	       16384u
#define GRANT_MS       30000u
#define SESSION_MS     (24ull * 3600 * 1000)
#define IDLE_MS	       (10ull * 60 * 1000)
#define CONNECTION_MAX 1024u
/* The rest is left to others. */
#define CONNECTION_PER_IP (CONNECTION_MAX / 4 * 3)
/* An ask costs so many hashes, a millisecond or two. Whoever wants more opens another session. */
#define UNITS_MAX_DEFAULT 16384u
/* A thread each. Customers keep theirs for a while, and many may be behind one address: when all
 * are taken, the network with most gives one up. */
#define CONTROL_MAX 512u
/* Questions of one address after what is here: its fetches may be many. */
#define LOOKS_PER_SECOND 64u
/* Units on their way; addresses, of which only those in use are memory. */
#define BUFFERS_PER_THREAD 24u
#define BUFFERS_MIN	   256u
/* A customer waits for its strip about as long. */
#define LOOKUP_TIMEOUT_MS 4000u

void provider_node_config_default(struct provider_node_config *config)
{
	*config = (struct provider_node_config){
		.ledger_url = SOUK_CHAIN_URL_DEFAULT,
		.control = "127.0.0.1:7610",
		.data = "127.0.0.1:7611",
		.price = {100000},
		.deposit = {SOUK_NCOIN_PER_COIN},
		.window = 8,
		.threads = 1,
		.sessions = 256,
		.commit_ms = 50,
		.units_max = UNITS_MAX_DEFAULT,
		.faucet = true,
		.agreements =
			{
				.verifies = true,
				.deposit_max = {10ull * SOUK_NCOIN_PER_COIN},
				.count_max = 16,
				.life_max_ms = 30ull * 24 * 3600 * 1000,
				.respond_min_ms = 10ull * 60 * 1000,
			},
		.keys = proxy_policy_default(),
		.cache = cache_policy_default(),
		.policy = souk_policy_find("content", "young"),
	};
}

struct souk_time provider_now(void)
{
	return souk_clock_now(souk_clock_real());
}

/* ------------------------------------------------------------------ effects and the store */

/* Room for one more item of an array that grows by doubling; false without memory. */
static bool grow(void **items, size_t *max, size_t count, size_t item_size)
{
	if (count < *max)
		return true;
	size_t wanted = *max == 0 ? 16 : *max * 2;
	void *grown = realloc(*items, wanted * item_size);
	if (grown == NULL)
		return false;
	*items = grown;
	*max = wanted;
	return true;
}

static struct pending_write *find_pending(
	struct provider_node *node, const struct souk_nonce *session)
{
	for (size_t i = 0; i < node->pending_count; i++) {
		if (memcmp(&node->pending[i].session, session, sizeof *session) == 0)
			return &node->pending[i];
	}
	return NULL;
}

/* Remember RECORD to be written; over an older one of the same session. */
static souk_status add_pending(struct provider_node *node, const struct souk_session_record *record)
{
	uint8_t bytes[SOUK_SESSION_RECORD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes encoded;
	struct pending_write *write = find_pending(node, &record->grant.session);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_session_record_encode(&writer, record);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	uint8_t *copy = malloc(encoded.size);
	if (copy == NULL || (write == NULL && !grow((void **)&node->pending, &node->pending_max,
						      node->pending_count, sizeof *write))) {
		free(copy);
		return SOUK_IO_MEMORY;
	}
	if (write == NULL) {
		write = &node->pending[node->pending_count++];
		*write = (struct pending_write){.session = record->grant.session};
	}
	memcpy(copy, encoded.data, encoded.size);
	free(write->record);
	write->record = copy;
	write->size = encoded.size;
	return SOUK_OK;
}

/* The newest record of SESSION, under commit_lock: what waits to be written is newer than what is
 * stored. */
static souk_status newest_record(struct provider_node *node, const struct souk_nonce *session,
	struct souk_session_record *ret)
{
	const struct pending_write *write = find_pending(node, session);
	if (write == NULL)
		return provider_store_session(&node->store, session, ret);
	return souk_session_record_decode(ret, souk_bytes_of(write->record, write->size), NULL);
}

souk_status provider_newest_record(struct provider_node *node, const struct souk_nonce *session,
	struct souk_session_record *ret)
{
	pthread_mutex_lock(&node->commit_lock);
	souk_status status = newest_record(node, session, ret);
	pthread_mutex_unlock(&node->commit_lock);
	return status;
}

/* The stored record of SESSION becomes history: it was claimed, or won nothing. */
static souk_status settle(struct provider_node *node, const struct souk_provider_effect *effect)
{
	struct souk_session_record *record = malloc(sizeof *record);
	if (record == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = newest_record(node, &effect->session, record);
	if (status == SOUK_OK) {
		record->claimed = true;
		record->paid = effect->paid;
		status = add_pending(node, record);
		SOUK_LOG(SOUK_LOG_INFO, "session_settled",
			souk_log_hex("session", effect->session.bytes, SOUK_NONCE_SIZE),
			souk_log_u64("epoch", record->ask.epoch),
			souk_log_u64("units", record->unit), souk_log_amount("paid", effect->paid),
			souk_log_status(effect->status));
	}
	souk_bytes_wipe(record, sizeof *record);
	free(record);
	return status;
}

static souk_status take_effect(
	struct provider_node *node, const struct souk_provider_effect *effect)
{
	switch (effect->kind) {
	case SOUK_PROVIDER_STORE:
		return add_pending(node, souk_provider_record(&node->provider, effect->index));
	case SOUK_PROVIDER_CLAIM:
		if (!grow((void **)&node->claims, &node->claim_max, node->claim_count,
			    sizeof *node->claims))
			return SOUK_IO_MEMORY;
		node->claims[node->claim_count++] =
			(struct claim_due){effect->session, effect->leaf};
		return SOUK_OK;
	case SOUK_PROVIDER_SETTLED: return settle(node, effect);
	}
	return SOUK_OK;
}

static souk_status write_pending(struct provider_node *node)
{
	struct provider_store_write *writes = calloc(node->pending_count, sizeof *writes);
	if (writes == NULL)
		return SOUK_IO_MEMORY;
	for (size_t i = 0; i < node->pending_count; i++)
		writes[i] = (struct provider_store_write){node->pending[i].session,
			souk_bytes_of(node->pending[i].record, node->pending[i].size)};
	souk_status status = provider_store_put_sessions(&node->store, writes, node->pending_count);
	free(writes);
	if (status != SOUK_OK)
		return status;
	for (size_t i = 0; i < node->pending_count; i++) {
		souk_bytes_wipe(node->pending[i].record, node->pending[i].size);
		free(node->pending[i].record);
	}
	node->pending_count = 0;
	return SOUK_OK;
}

static void note_store_status(struct provider_node *node, souk_status status)
{
	souk_status before = (souk_status)atomic_exchange(&node->store_status, (int)status);
	if (status != SOUK_OK && before != status)
		SOUK_LOG(SOUK_LOG_ERROR, "store_failed", souk_log_status(status),
			souk_log_text("effect", "no unit is served until it works again"));
	else if (status == SOUK_OK && before != SOUK_OK)
		SOUK_LOG(SOUK_LOG_INFO, "store_recovered");
}

souk_status provider_commit(struct provider_node *node)
{
	struct souk_provider_effect effect;
	souk_status status = SOUK_OK;
	pthread_mutex_lock(&node->commit_lock);
	pthread_mutex_lock(&node->lock);
	while (status == SOUK_OK && souk_provider_next_effect(&node->provider, &effect))
		status = take_effect(node, &effect);
	pthread_mutex_unlock(&node->lock);
	if (status == SOUK_OK && node->pending_count > 0)
		status = write_pending(node);
	note_store_status(node, status);
	pthread_mutex_unlock(&node->commit_lock);
	return status;
}

/* Tickets become durable here: a crash costs at most what came since the last round. */
static void *committer_run(void *ctx)
{
	struct provider_node *node = ctx;
	while (!stopper_pause(&node->stopper, node->config.commit_ms)) {
		pthread_mutex_lock(&node->lock);
		souk_provider_flush(&node->provider);
		pthread_mutex_unlock(&node->lock);
		souk_status status = provider_commit(node);
		(void)status; /* noted there; tried again in the next round */
		provider_price_tick(node);
	}
	return NULL;
}

/* ------------------------------------------------------------------ price by demand */

static struct souk_price_policy price_policy(const struct provider_node_config *config)
{
	struct souk_amount none = SOUK_AMOUNT_ZERO;
	bool stands = config->price_min.ncoin == 0 && config->price_max.ncoin == 0;
	struct souk_amount floor = config->price_min, ceiling = config->price_max;
	if (souk_amount_is_less(ceiling, config->price))
		ceiling = config->price;
	if (floor.ncoin == none.ncoin || souk_amount_is_less(config->price, floor))
		floor = config->price;
	return (struct souk_price_policy){.floor = stands ? config->price : floor,
		.ceiling = stands ? config->price : ceiling,
		.target_permille = SOUK_PRICE_TARGET_DEFAULT,
		.step_ms = SOUK_PRICE_STEP_MS};
}

/* What is in use since the last step, in thousandths of what is scarcest. Under `lock`. */
static uint32_t utilisation(struct provider_node *node, struct souk_time now)
{
	uint64_t used = node->use_count == 0 ? 0 : node->use_sum / node->use_count;
	uint64_t sent = atomic_load(&node->bytes_sent),
		 ms = souk_time_since_ms(node->price.stepped, now);
	if (node->config.bandwidth > 0 && ms > 0) {
		/* Divided first, so that nothing wraps. */
		uint64_t rate = (sent - node->bytes_before) / ms * 1000;
		uint64_t share = rate / (node->config.bandwidth / 1000 + 1);
		used = share > used ? share : used;
	}
	node->use_sum = node->use_count = 0;
	node->bytes_before = sent;
	return used > 1000 ? 1000 : (uint32_t)used;
}

void provider_price_tick(struct provider_node *node)
{
	struct souk_time now = provider_now();
	pthread_mutex_lock(&node->lock);
	node->use_sum += 1000ull * node->provider.session_count / node->config.sessions;
	node->use_count++;
	if (souk_time_since_ms(node->price.stepped, now) >= node->price.policy.step_ms) {
		struct souk_amount before = node->price.now;
		if (souk_price_step(&node->price, utilisation(node, now), now))
			SOUK_LOG(SOUK_LOG_DEBUG, "price", souk_log_amount("now", node->price.now));
		node->price_before = before;
		chunk_store_set_price(node->chunks, node->price.now);
	}
	pthread_mutex_unlock(&node->lock);
}

struct souk_amount provider_price_now(struct provider_node *node,
	const struct souk_content_record *record, const struct souk_amount *asked)
{
	if (record->price.ncoin != 0)
		return record->price;
	pthread_mutex_lock(&node->lock);
	struct souk_amount price = node->price.now;
	/* Who read the offer just before a step need not read it again. */
	if (asked != NULL && asked->ncoin == node->price_before.ncoin)
		price = node->price_before;
	pthread_mutex_unlock(&node->lock);
	return price;
}

struct chunk_store *provider_node_chunks(struct provider_node *node)
{
	return node->chunks;
}

/* ------------------------------------------------------------------ start and stop */

static souk_status make_provider(struct provider_node *node)
{
	uint32_t sessions = (uint32_t)node->config.sessions, dues = sessions + DUE_MAX;
	struct souk_provider_memory memory = {.session_max = sessions, .due_max = dues};
	size_t sizes[] = {sessions * sizeof *memory.sessions, dues * sizeof *memory.dues,
		SOUK_MAP_SLOTS(sessions) * sizeof(uint32_t),
		SOUK_MAP_SLOTS(dues) * sizeof(uint32_t)};
	struct souk_provider_config config = {
		.identity = node->identity,
		.window = (uint16_t)node->config.window,
		.units_max = (uint32_t)node->config.units_max,
		.grant_ms = GRANT_MS,
		.session_ms = SESSION_MS,
		.idle_ms = IDLE_MS,
		.policy = node->config.policy,
	};
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), config.seed, sizeof config.seed));
	/* calloc: pages that no session has touched yet take no memory. */
	uint8_t *block = calloc(1, sizes[0] + sizes[1] + sizes[2] + sizes[3]);
	if (block == NULL)
		return SOUK_IO_MEMORY;
	node->provider_memory = block;
	memory.sessions = (struct souk_provider_session *)block;
	memory.dues = (struct souk_provider_due *)(block + sizes[0]);
	memory.session_slots = (uint32_t *)(block + sizes[0] + sizes[1]);
	memory.due_slots = (uint32_t *)(block + sizes[0] + sizes[1] + sizes[2]);
	souk_provider_init(&node->provider, &config, &memory);
	souk_bytes_wipe(config.seed, sizeof config.seed);
	return SOUK_OK;
}

static souk_status restore_session(void *ctx, const struct souk_session_record *record)
{
	struct provider_node *node = ctx;
	if (record->open && souk_address_is_zero(&record->strip_open.leaf.provider))
		atomic_store(&node->has_open_leaves, true);
	if (record->claimed || !record->open)
		return SOUK_OK;
	souk_status status = souk_provider_restore(&node->provider, record, provider_now());
	if (status == SOUK_LOCAL_STATE || status == SOUK_LOCAL_EXISTS)
		return SOUK_OK;
	/* Kept as it is, for whoever looks into it; the others must be claimed. */
	if (status == SOUK_CORRUPT_STORE) {
		SOUK_LOG(SOUK_LOG_ERROR, "session_unreadable",
			souk_log_hex("session", record->grant.session.bytes, SOUK_NONCE_SIZE),
			souk_log_status(status));
		return SOUK_OK;
	}
	if (status == SOUK_OK)
		SOUK_LOG(SOUK_LOG_INFO, "session_restored",
			souk_log_hex("session", record->grant.session.bytes, SOUK_NONCE_SIZE),
			souk_log_u64("units", record->unit));
	return status;
}

static souk_status listen_on(struct provider_node *node, const char *address, bool is_control)
{
	struct listen_address where;
	char *url = is_control ? node->control_url : node->data_url;
	const char *public_url = is_control ? node->config.control_url : node->config.data_url;
	uint16_t port;
	if (!listen_address_parse(&where, address))
		return SOUK_LOCAL_CONFIG;
	struct souk_http_server_config config = {
		.address = where.host,
		.port = where.port,
		.threading = is_control ? SOUK_HTTP_CONNECTION : SOUK_HTTP_POOL,
		.thread_count = (unsigned)node->config.threads,
		.connection_max = is_control ? CONTROL_MAX : CONNECTION_MAX,
		.connection_per_ip_max = is_control ? 0 : CONNECTION_PER_IP,
		.connections_are_shared = is_control,
		.body_size_max = 64 * 1024,
		.handler = is_control ? provider_control_handler : provider_data_handler,
		.ctx = node,
		.certificate_pem = is_control ? node->tls.certificate_pem : NULL,
		.key_pem = is_control ? node->tls.key_pem : NULL,
	};
	SOUK_TRY(souk_http_server_start(is_control ? &node->control : &node->data, &port, &config));
	if (public_url != NULL)
		snprintf(url, ADDRESS_TEXT_SIZE + 1, "%s", public_url);
	else
		listen_address_url(url, &where, is_control ? "https" : "http", port);
	return SOUK_OK;
}

static souk_status start(struct provider_node *node, const char **ret_what)
{
	char path[512];
	*ret_what = node->config.home;
	SOUK_TRY(provider_store_open(&node->store, node->config.home, false));
	snprintf(path, sizeof path, "%s/tls.pem", node->config.home);
	*ret_what = "the TLS key, tls.pem in the home";
	SOUK_TRY(souk_tls_key_open(&node->tls, path));
	*ret_what = "memory";
	SOUK_TRY(make_provider(node));
	size_t buffers = node->config.threads * BUFFERS_PER_THREAD;
	SOUK_TRY(provider_buffers_new(
		&node->buffers, buffers > BUFFERS_MIN ? buffers : BUFFERS_MIN));
	*ret_what = "[provider] publishers: addresses, apart by spaces";
	SOUK_TRY(provider_names_init(node));
	*ret_what = "the stored sessions";
	SOUK_TRY(provider_store_each_session(&node->store, restore_session, node));
	*ret_what = "the stored receipts";
	SOUK_TRY(provider_receipt_restore(node));
	SOUK_TRY(proxy_open(&node->proxy, node, ret_what));
	*ret_what = "the cache";
	SOUK_TRY(chunk_store_open(&node->chunks, &node->store, node->config.cache.limit));
	struct souk_price_policy policy = price_policy(&node->config);
	souk_price_init(&node->price, &policy, node->config.price, provider_now());
	node->price_before = node->price.now;
	chunk_store_set_price(node->chunks, node->price.now);
	SOUK_TRY(cache_recruits_open(&node->recruits, node));
	*ret_what = node->config.control;
	SOUK_TRY(listen_on(node, node->config.control, true));
	*ret_what = node->config.data;
	SOUK_TRY(listen_on(node, node->config.data, false));
	*ret_what = "threads";
	node->committer_runs = pthread_create(&node->committer, NULL, committer_run, node) == 0;
	node->settler_runs = pthread_create(&node->settler, NULL, provider_settler_run, node) == 0;
	return node->committer_runs && node->settler_runs ? SOUK_OK : SOUK_IO_MEMORY;
}

souk_status provider_node_start(struct provider_node **ret,
	const struct provider_node_config *config, const struct souk_identity *identity,
	const char **ret_what)
{
	struct provider_node *node = calloc(1, sizeof *node);
	*ret_what = "memory";
	if (node == NULL)
		return SOUK_IO_MEMORY;
	node->config = *config;
	node->identity = identity;
	pthread_mutex_init(&node->lock, NULL);
	pthread_mutex_init(&node->commit_lock, NULL);
	/* Who writes a receipt goes first: strips never end. */
	pthread_rwlockattr_t writers_first;
	pthread_rwlockattr_init(&writers_first);
	pthread_rwlockattr_setkind_np(&writers_first, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&node->receipt_lock, &writers_first);
	pthread_rwlockattr_destroy(&writers_first);
	pthread_mutex_init(&node->lookup_lock, NULL);
	pthread_mutex_init(&node->money_lock, NULL);
	/* By a steady clock: one that is set back must not keep tickets from the disk. */
	stopper_init(&node->stopper);
	node->looks.per_second = LOOKS_PER_SECOND;
	node->lookup = souk_chain_client_new(config->ledger_url);
	if (node->lookup != NULL)
		souk_chain_set_timeout(node->lookup, LOOKUP_TIMEOUT_MS);
	node->agreements = provider_agreements_new();
	souk_status status = node->lookup == NULL || node->agreements == NULL
				     ? SOUK_IO_MEMORY
				     : start(node, ret_what);
	if (status != SOUK_OK) {
		provider_node_stop(node);
		return status;
	}
	SOUK_LOG(SOUK_LOG_INFO, "provider_started",
		souk_log_hex("address", identity->address.bytes, SOUK_ADDRESS_SIZE),
		souk_log_text("control", node->control_url), souk_log_text("data", node->data_url));
	*ret = node;
	return SOUK_OK;
}

void provider_node_stop(struct provider_node *node)
{
	stopper_stop(&node->stopper);
	cache_recruits_stop(node->recruits);
	souk_http_server_stop(node->data);
	souk_http_server_stop(node->control);
	if (node->committer_runs)
		pthread_join(node->committer, NULL);
	if (node->settler_runs)
		pthread_join(node->settler, NULL);
	if (node->provider_memory != NULL && node->store.lmdb != NULL) {
		souk_provider_flush(&node->provider);
		souk_status status = provider_commit(node);
		if (status != SOUK_OK)
			SOUK_LOG(SOUK_LOG_ERROR, "last_commit_failed", souk_log_status(status));
	}
	cache_recruits_free(node->recruits);
	chunk_store_close(node->chunks);
	for (size_t i = 0; i < node->pending_count; i++)
		free(node->pending[i].record);
	free(node->pending);
	free(node->claims);
	provider_buffers_free(node->buffers);
	proxy_close(node->proxy);
	provider_store_close(&node->store);
	souk_tls_key_done(&node->tls);
	souk_chain_client_free(node->lookup);
	provider_agreements_free(node->agreements);
	free(node->provider_memory);
	free(node);
}
