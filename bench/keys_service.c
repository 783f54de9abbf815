/* SPDX-License-Identifier: Apache-2.0
 *
 * A ledger and thirty proxies, all processes, and one receiver that pays them.
 *
 * The service of one proxy is measured by the processor time that it uses, on whatever machine
 * else is busy: requests of eight capsules, paid by tickets, answered with a signed statement,
 * over HTTP. The receiver checks the statements and the locks, and does not open the capsules:
 * that is measured with a retrieval. */
#include "keys_service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../src/client/chain_client.h"
#include "../src/client/identity_file.h"
#include "../src/client/key_grant_client.h"
#include "../src/client/key_internal.h"
#include "market.h"
#include "median.h"
#include "process.h"
#include "souk/base/check.h"
#include "souk/crypto/group8.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"

#define PROXIES	   30u
#define THRESHOLD  16u
#define WINDOW	   8u
#define PRICE	   20000u
#define LIFE_MS	   (24ull * 3600 * 1000)
#define RESPOND_MS (3600ull * 1000)
#define LOAD_UNITS 16000u
#define ROUNDS_MAX 41u
#define TIMEOUT_MS 20000u

struct bench_keys {
	const struct souk_bench_options *options;
	struct bench_market market;
	struct souk_identity owner;
	struct souk_chain_client *chain;
	struct souk_secret_rng rng;
	struct souk_umbral_key receiving, delegating, signer;
	struct souk_umbral_kfrag kfrags[PROXIES];
	struct souk_key_policy policy;
	unsigned count, threshold;
	pid_t pids[PROXIES];
	uint16_t ports[PROXIES];
	struct souk_address addresses[PROXIES];
};

/* ------------------------------------------------------------------ processes */

static void home_of(char out[32], unsigned i)
{
	snprintf(out, 32, "proxy%u", i);
}

/* The section of a provider is the last one of what init writes. */
static bool append_settings(const struct bench_keys *b, const char *home)
{
	char path[400];
	snprintf(path, sizeof path, "%s/%s/souk.ini", b->market.folder, home);
	FILE *file = fopen(path, "a");
	if (file == NULL)
		return false;
	fprintf(file, "\nkeys = yes\nwindow = 16\n");
	return fclose(file) == 0;
}

static bool make_proxy(struct bench_keys *b, unsigned i)
{
	char home[32], control[32], data[32], text[4096], address[64];
	home_of(home, i);
	b->ports[i] = process_free_port();
	uint16_t data_port = process_free_port();
	snprintf(control, sizeof control, "127.0.0.1:%u", b->ports[i]);
	snprintf(data, sizeof data, "127.0.0.1:%u", data_port);
	const char *init[] = {"init", "--role", "provider", "--control", control, "--data", data,
		"--price", "0.0001", NULL};
	const char *faucet[] = {"faucet", "20", NULL};
	return bench_market_souk(&b->market, home, init, text, sizeof text) &&
	       bench_json_text(text, "address", address, sizeof address) &&
	       souk_hex_decode(b->addresses[i].bytes, SOUK_ADDRESS_SIZE, address + 2) == SOUK_OK &&
	       append_settings(b, home) && bench_market_souk(&b->market, home, faucet, NULL, 0);
}

static bool start_proxy(struct bench_keys *b, unsigned i, const char *engine)
{
	char home[32];
	home_of(home, i);
	if (engine != NULL)
		setenv("SOUK_ENGINE", engine, 1);
	b->pids[i] = bench_market_daemon(&b->market, home);
	unsetenv("SOUK_ENGINE");
	return b->pids[i] > 0 && process_wait_port(b->ports[i]);
}

static void pause_ms(long ms)
{
	struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&pause, NULL);
}

static bool wait_registered(struct bench_keys *b)
{
	struct souk_provider_record record;
	for (int tries = 0; tries < 300; tries++, pause_ms(100)) {
		unsigned found = 0;
		while (found < b->count &&
			souk_chain_provider(b->chain, &b->addresses[found], &record) == SOUK_OK)
			found++;
		if (found == b->count)
			return true;
	}
	return false;
}

static bool start(struct bench_keys *b)
{
	char path[400];
	uint8_t seed[32];
	if (!bench_market_start(&b->market, b->options))
		return false;
	snprintf(path, sizeof path, "%s/customer/identity.key", b->market.folder);
	if (identity_file_load(&b->owner, path) != SOUK_OK ||
		souk_entropy_fill(souk_entropy_real(), seed, sizeof seed) != SOUK_OK)
		return false;
	souk_secret_rng_init(&b->rng, seed);
	souk_umbral_key_generate(&b->receiving, &b->rng);
	souk_umbral_key_generate(&b->signer, &b->rng);
	b->chain = souk_chain_client_new(b->market.ledger_url);
	souk_chain_set_lock(b->chain, path);
	for (unsigned i = 0; i < b->count; i++) {
		if (!make_proxy(b, i) || !start_proxy(b, i, NULL))
			return false;
	}
	return wait_registered(b);
}

static void stop(struct bench_keys *b)
{
	for (unsigned i = 0; i < b->count; i++) {
		if (b->pids[i] > 0)
			process_stop(b->pids[i]);
	}
	bench_market_stop(&b->market);
	souk_chain_client_free(b->chain);
}

/* ------------------------------------------------------------------ the owner */

static souk_status deliver(struct bench_keys *b, unsigned i)
{
	struct souk_key_delivery delivery = {.kfrag = {.size = SOUK_UMBRAL_KFRAG_SIZE}};
	struct souk_agreement *agreement = &delivery.agreement.agreement;
	struct souk_key_terms terms;
	struct souk_provider_record record;
	struct provider_client proxy;
	*agreement = (struct souk_agreement){.version = SOUK_AGREEMENT_VERSION,
		.ledger = b->policy.ledger,
		.provider = b->addresses[i],
		.customer = b->owner.address,
		.deposit = {SOUK_NCOIN_PER_COIN},
		.bond = {SOUK_NCOIN_PER_COIN / 10},
		.victim_permille = 300,
		.reporter_permille = 300,
		.respond_ms = RESPOND_MS,
		.ends = b->policy.expires};
	souk_secret_rng_fill(&b->rng, &agreement->nonce, sizeof agreement->nonce);
	souk_keys_terms_of(&terms, &b->kfrags[i], &b->delegating.point, &b->receiving.point,
		&b->signer.point, b->policy.threshold, souk_amount_of_ncoin(PRICE));
	souk_keys_agreement_set(agreement, &terms);
	struct souk_hash id = souk_agreement_digest(agreement);
	souk_ecdsa_sign(&delivery.agreement.signature, &id, &b->owner);
	souk_umbral_kfrag_format(delivery.kfrag.data, &b->kfrags[i]);
	b->policy.shares.items[i] = (struct souk_key_share){b->addresses[i], id};
	SOUK_TRY(souk_chain_provider(b->chain, &b->addresses[i], &record));
	SOUK_TRY(provider_client_init(&proxy, &record, TIMEOUT_MS));
	souk_status status = key_deliver(&proxy, &delivery);
	provider_client_done(&proxy);
	return status;
}

static souk_status grant(struct bench_keys *b, unsigned threshold, unsigned count)
{
	static struct souk_ledger_status ledger;
	SOUK_TRY(souk_chain_status(b->chain, &ledger));
	souk_umbral_key_generate(&b->delegating, &b->rng);
	SOUK_TRY(souk_umbral_delegate(b->kfrags, threshold, count, &b->delegating,
		&b->receiving.point, &b->signer, true, true, &b->rng));
	b->policy = (struct souk_key_policy){.version = SOUK_KEY_POLICY_VERSION,
		.ledger = ledger.record.ledger,
		.threshold = (uint16_t)threshold,
		.expires = souk_time_plus_ms(souk_clock_now(souk_clock_real()), LIFE_MS)};
	souk_point_format(b->policy.delegating.bytes, &b->delegating.point);
	souk_point_format(b->policy.receiving.bytes, &b->receiving.point);
	souk_point_format(b->policy.verifying.bytes, &b->signer.point);
	souk_point_format(b->policy.x.bytes, &b->kfrags[0].x);
	b->policy.shares.count = (uint16_t)count;
	for (unsigned i = 0; i < count; i++)
		SOUK_TRY(deliver(b, i));
	return SOUK_OK;
}

/* ------------------------------------------------------------------ the service of one */

static void fill_wave(struct bench_keys *b, struct key_client *client)
{
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	struct key_wave *wave = &client->wave;
	wave->count = WINDOW;
	for (uint32_t i = 0; i < WINDOW; i++) {
		struct souk_key_request *request = &wave->requests[i];
		request->after = client->after;
		request->capsules.count = SOUK_KEYS_BATCH_MAX;
		for (uint32_t k = 0; k < SOUK_KEYS_BATCH_MAX; k++) {
			souk_umbral_encapsulate(&capsule, &seed, &b->delegating.point, &b->rng);
			request->capsules.items[k].bytes.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
			souk_umbral_capsule_format_simple(
				request->capsules.items[k].bytes.data, &capsule);
		}
		wave->numbers[i] = souk_keys_request_number(request);
	}
}

/* One wave with PROXY, paid and checked. */
static souk_status run_wave(struct key_client *client, struct key_proxy *proxy)
{
	struct souk_http_fetched fetched;
	key_session_begin(proxy);
	while (!proxy->is_complete) {
		key_session_go(proxy);
		key_session_strips(client, &proxy, 1);
		if (proxy->has_failed || proxy->step <= KEY_NO_MONEY)
			return proxy->status != SOUK_OK ? proxy->status : SOUK_PEER_OVERDRAW;
		SOUK_TRY(souk_http_fetcher_poll(client->engine, 20, -1));
		while (souk_http_fetcher_next(client->engine, &fetched))
			key_session_take(&fetched);
	}
	key_session_verified(proxy);
	return SOUK_OK;
}

static souk_status open_load(
	struct bench_keys *b, struct key_client *client, struct key_proxy **ret)
{
	SOUK_TRY(key_status(client));
	struct key_proxy *proxy = key_proxy_of(client, &b->policy.shares.items[0]);
	if (proxy == NULL)
		return SOUK_IO_MEMORY;
	proxy->parts = calloc(WINDOW, sizeof *proxy->parts);
	if (proxy->parts == NULL)
		return SOUK_IO_MEMORY;
	SOUK_TRY(key_look_up(client, &proxy, 1));
	client->needed = LOAD_UNITS;
	SOUK_TRY(key_purse_fill(client, &proxy, 1, LOAD_UNITS));
	fill_wave(b, client);
	*ret = proxy;
	return run_wave(client, proxy);
}

static struct key_client_config config_of(const struct bench_keys *b, const char *home)
{
	return (struct key_client_config){.home = home,
		.ledger_url = b->market.ledger_url,
		.identity = &b->owner,
		.units = LOAD_UNITS,
		.window = WINDOW,
		.timeout_ms = TIMEOUT_MS};
}

static souk_status measure_load(struct bench_keys *b, double seconds, double *ret_per_s)
{
	char home[400];
	struct key_client *client;
	struct key_proxy *proxy;
	snprintf(home, sizeof home, "%s/customer", b->market.folder);
	struct key_client_config config = config_of(b, home);
	SOUK_TRY(key_client_new(&client, &config));
	souk_status status = open_load(b, client, &proxy);
	double used = process_cpu_s(b->pids[0]);
	uint64_t began = souk_clock_steady_ns(), units = 0;
	while (status == SOUK_OK && souk_clock_steady_ns() - began < (uint64_t)(seconds * 1e9) &&
		units + 2 * WINDOW < LOAD_UNITS) {
		status = run_wave(client, proxy);
		units += WINDOW;
	}
	used = process_cpu_s(b->pids[0]) - used;
	if (status == SOUK_OK && used > 0)
		*ret_per_s = (double)units * SOUK_KEYS_BATCH_MAX / used;
	key_client_free(client);
	return status;
}

/* The first proxy's service with ENGINE. */
static bool measure_engine(struct bench_keys *b, const char *engine, double *ret_per_s)
{
	process_stop(b->pids[0]);
	souk_status status = SOUK_LOCAL_STATE;
	if (!start_proxy(b, 0, engine))
		return false;
	/* It serves once it has seen the ledger. */
	for (int tries = 0; tries < 50 && status != SOUK_OK; tries++) {
		status = measure_load(b, b->options->quick ? 0.5 : 3, ret_per_s);
		if (status != SOUK_OK)
			pause_ms(200);
	}
	if (status != SOUK_OK)
		fprintf(stderr, "souk bench: a proxy's service: %s\n", souk_status_text(status));
	return status == SOUK_OK;
}

/* ------------------------------------------------------------------ a retrieval */

static souk_status retrieve_one(struct bench_keys *b, struct key_client *client, double *ret_ms)
{
	static struct key_retrieval report;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed wanted, got;
	souk_umbral_encapsulate(&capsule, &wanted, &b->delegating.point, &b->rng);
	SOUK_TRY(key_retrieve(client, &b->policy, &b->receiving, &capsule, 1, &got, &report));
	*ret_ms = (double)report.took_ns / 1e6;
	return memcmp(&wanted, &got, sizeof got) == 0 ? SOUK_OK : SOUK_PEER_BAD_FRAGMENT;
}

static souk_status measure_retrieval(struct bench_keys *b, struct keys_service *ret)
{
	char home[400];
	double times[ROUNDS_MAX];
	struct key_client *client;
	unsigned rounds = b->options->quick ? 5 : ROUNDS_MAX;
	snprintf(home, sizeof home, "%s/customer", b->market.folder);
	struct key_client_config config = config_of(b, home);
	config.units = 256;
	SOUK_TRY(key_client_new(&client, &config));
	souk_status status = retrieve_one(b, client, &ret->retrieval_first_ms);
	for (unsigned i = 0; i < rounds && status == SOUK_OK; i++)
		status = retrieve_one(b, client, &times[i]);
	key_client_free(client);
	if (status != SOUK_OK)
		return status;
	ret->retrieval_ms = bench_median(times, rounds);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ all of it */

static bool measure(struct bench_keys *b, struct keys_service *ret)
{
	souk_status status = grant(b, 1, 1);
	if (status == SOUK_OK) {
		if (!measure_engine(b, "portable", &ret->portable_per_s))
			return false;
		if (souk_group8_is_wide() && !measure_engine(b, NULL, &ret->ifma_per_s))
			return false;
		status = grant(b, b->threshold, b->count);
	}
	if (status == SOUK_OK)
		status = measure_retrieval(b, ret);
	if (status != SOUK_OK)
		fprintf(stderr, "souk bench: proxies: %s\n", souk_status_text(status));
	return status == SOUK_OK;
}

bool keys_service_run(struct keys_service *ret, const struct souk_bench_options *options)
{
	struct bench_keys *b = calloc(1, sizeof *b);
	*ret = (struct keys_service){0};
	if (b == NULL)
		return false;
	b->options = options;
	b->count = PROXIES;
	b->threshold = THRESHOLD;
	bool good = start(b);
	if (!good)
		fprintf(stderr, "souk bench: the market does not start: see %s\n", b->market.log);
	good = good && measure(b, ret);
	stop(b);
	souk_bytes_wipe(b, sizeof *b);
	free(b);
	return good;
}

static json_t *figure(double value)
{
	return value > 0 ? json_real(value) : json_null();
}

void keys_service_put(json_t *root, const struct keys_service *service)
{
	bool is_wide = service->ifma_per_s > 0;
	json_object_set_new(root, "service_reencryptions_per_s",
		figure(is_wide ? service->ifma_per_s : service->portable_per_s));
	json_object_set_new(
		root, "service_reencryptions_portable_per_s", figure(service->portable_per_s));
	json_object_set_new(root, "retrieval_16_of_30_ms", figure(service->retrieval_ms));
	json_object_set_new(
		root, "retrieval_16_of_30_first_ms", figure(service->retrieval_first_ms));
}

void keys_service_print(const json_t *root)
{
	static const struct {
		const char *name, *text;
	} lines[] = {
		{"service_reencryptions_per_s", "re-encryptions/s of one core, paid, over HTTP"},
		{"service_reencryptions_portable_per_s", "  with the portable engine"},
		{"retrieval_16_of_30_ms", "ms for a key from 16 of 30 proxies, sessions open"},
		{"retrieval_16_of_30_first_ms",
			"  the first time: sessions are opened, money laid"},
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		printf("%12.1f  %s\n", json_real_value(json_object_get(root, lines[i].name)),
			lines[i].text);
}
