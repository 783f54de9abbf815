/* SPDX-License-Identifier: Apache-2.0
 *
 * soukd: the roles that a home's souk.ini names, in one process, until SIGTERM. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub_node.h"
#include "../client/identity_file.h"
#include "gateway_node.h"
#include "ledger_node.h"
#include "provider_node.h"
#include "sponsor_node.h"
#include "vault_node.h"
#include "souk/content/sponsor.h"
#include "souk/crypto/group8.h"
#include "souk/exchange/hub.h"
#include "souk/exchange/session.h"
#include "souk/io/entropy_real.h"
#include "souk/io/ini.h"
#include "souk/io/log.h"

#ifndef SOUK_VERSION
#define SOUK_VERSION "unknown"
#endif

/* A year: no agreement needs longer times. */
#define MS_MAX	     (365ull * 24 * 3600 * 1000)
#define EXIT_REFUSED 1
#define EXIT_USAGE   2

struct daemon {
	char home[400];
	char config_path[512];
	bool has_ledger, has_provider, has_hub, has_sponsor, has_gateway, has_vault;
	struct ledger_node_config ledger;
	struct provider_node_config provider;
	struct hub_node_config hub;
	struct sponsor_node_config sponsor;
	struct gateway_node_config gateway;
	struct vault_node_config vault;
	struct souk_identity identity;
	struct ledger_node *ledger_node;
	struct provider_node *provider_node;
	struct hub_node *hub_node;
	struct sponsor_node *sponsor_node;
	struct gateway_node *gateway_node;
	struct vault_node *vault_node;
};

static void print_help(void)
{
	puts("usage: soukd [--home DIR] [--config FILE]\n\n"
	     "Runs the roles that the configuration names: a ledger, a provider, a hub, a "
	     "sponsor, a\ngateway, a vault, or several.\n"
	     "The configuration is DIR/souk.ini; souk init and souk ledger init write one that\n"
	     "explains itself. SIGTERM and SIGINT end it cleanly.\n\n"
	     "options:\n"
	     "  --home DIR      keys and data (SOUK_HOME; ~/.souk)\n"
	     "  --config FILE   another configuration than DIR/souk.ini\n"
	     "  --version       show the version\n\n"
	     "examples:\n"
	     "  soukd --home ~/seller\n"
	     "  SOUK_HOME=/var/lib/souk soukd");
}

/* Whether to go on; otherwise *RET_CODE is the exit status. */
static bool parse_arguments(struct daemon *d, int argc, char **argv, int *ret_code)
{
	const char *home = getenv("SOUK_HOME"), *config = NULL;
	*ret_code = 0;
	for (int i = 1; i < argc; i++) {
		bool has_value = i + 1 < argc;
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help();
			return false;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("soukd " SOUK_VERSION);
			return false;
		}
		if (strcmp(argv[i], "--home") == 0 && has_value) {
			home = argv[++i];
		} else if (strcmp(argv[i], "--config") == 0 && has_value) {
			config = argv[++i];
		} else {
			fprintf(stderr, "soukd: cannot understand %s; try: soukd --help\n",
				argv[i]);
			*ret_code = EXIT_USAGE;
			return false;
		}
	}
	if (home != NULL)
		snprintf(d->home, sizeof d->home, "%s", home);
	else
		snprintf(
			d->home, sizeof d->home, "%s/.souk", getenv("HOME") ? getenv("HOME") : ".");
	if (config != NULL)
		snprintf(d->config_path, sizeof d->config_path, "%s", config);
	else
		snprintf(d->config_path, sizeof d->config_path, "%s/souk.ini", d->home);
	return true;
}

/* A policy gives defaults: what the section says itself counts. */
static void read_policy(struct souk_ini *ini, struct provider_node_config *c)
{
	static const char *const names[] = {"none", "young", "mature", NULL};
	unsigned chosen = 0;
	souk_ini_choice(ini, "provider", "policy", names, &chosen);
	if (chosen == 0)
		return;
	c->policy = souk_policy_find("content", names[chosen]);
	c->window = c->policy->window;
	c->deposit = c->policy->deposit;
	c->sessions = c->policy->sessions;
}

static void read_cache(struct souk_ini *ini, struct provider_node_config *c)
{
	souk_ini_size(ini, "provider", "cache", 0, UINT64_MAX, &c->cache.limit);
	souk_ini_size(ini, "provider", "cache_content_max", 0, UINT64_MAX, &c->cache.content_max);
	souk_ini_amount(ini, "provider", "cache_price_min", &c->cache.price_min);
	souk_ini_amount(ini, "provider", "cache_budget", &c->cache.budget);
	souk_ini_duration(ini, "provider", "cache_promise", 1000, MS_MAX, &c->cache.promise_ms);
	souk_ini_u64(ini, "provider", "cache_fetches", 1, CACHE_FETCHES_MAX, &c->cache.fetches);
	souk_ini_u64(ini, "provider", "cache_escrow", 0, UINT64_MAX, &c->cache.escrow);
	souk_ini_text(ini, "provider", "cache_hub", &c->cache.hub);
	souk_ini_text(ini, "provider", "cache_sponsors", &c->cache.sponsors);
	souk_ini_amount(ini, "provider", "price_min", &c->price_min);
	souk_ini_amount(ini, "provider", "price_max", &c->price_max);
	souk_ini_size(ini, "provider", "bandwidth", 0, UINT64_MAX, &c->bandwidth);
}

static void read_keys(struct souk_ini *ini, struct proxy_policy *c)
{
	souk_ini_bool(ini, "provider", "keys", &c->accepts);
	souk_ini_amount(ini, "provider", "key_price", &c->price);
	souk_ini_amount(ini, "provider", "key_deposit_max", &c->deposit_max);
	souk_ini_duration(ini, "provider", "key_life_max", 1, 20 * MS_MAX, &c->life_max_ms);
	souk_ini_duration(ini, "provider", "key_respond_min", 1, MS_MAX, &c->respond_min_ms);
	souk_ini_u64(ini, "provider", "key_grants_max", 1, 10000, &c->grants_max);
	souk_ini_text(ini, "provider", "key_secret", &c->secret);
}

static void read_provider(struct souk_ini *ini, struct provider_node_config *c)
{
	read_policy(ini, c);
	read_cache(ini, c);
	souk_ini_text(ini, "provider", "control", &c->control);
	souk_ini_text(ini, "provider", "data", &c->data);
	souk_ini_text(ini, "provider", "control_url", &c->control_url);
	souk_ini_text(ini, "provider", "data_url", &c->data_url);
	souk_ini_text(ini, "provider", "publishers", &c->publishers);
	souk_ini_amount(ini, "provider", "price", &c->price);
	souk_ini_amount(ini, "provider", "deposit", &c->deposit);
	souk_ini_u64(ini, "provider", "window", 1, SOUK_WINDOW_MAX, &c->window);
	souk_ini_u64(ini, "provider", "threads", 1, 64, &c->threads);
	souk_ini_u64(ini, "provider", "sessions", 1, 100000, &c->sessions);
	souk_ini_u64(ini, "provider", "units", 1, SOUK_CHAIN_LENGTH_MAX, &c->units_max);
	souk_ini_duration(ini, "provider", "commit", 1, 60000, &c->commit_ms);
	souk_ini_bool(ini, "provider", "faucet", &c->faucet);
	souk_ini_bool(ini, "provider", "agreements", &c->agreements.accepts);
	souk_ini_bool(ini, "provider", "agreement_verify", &c->agreements.verifies);
	souk_ini_amount(ini, "provider", "agreement_deposit", &c->agreements.deposit_max);
	souk_ini_u64(ini, "provider", "agreement_count", 1, 1000, &c->agreements.count_max);
	souk_ini_duration(ini, "provider", "agreement_life", 1, MS_MAX, &c->agreements.life_max_ms);
	souk_ini_duration(
		ini, "provider", "agreement_respond", 1, MS_MAX, &c->agreements.respond_min_ms);
	read_keys(ini, &c->keys);
	if (c->price.ncoin == 0)
		souk_ini_refuse(ini, "provider", "price", "more than 0 coins");
}

static void read_ledger(struct souk_ini *ini, struct ledger_node_config *c)
{
	souk_ini_text(ini, "ledger", "listen", &c->listen);
	souk_ini_duration(ini, "ledger", "block", 1, 60000, &c->block_ms);
	souk_ini_u64(ini, "ledger", "keep_blocks", 0, UINT64_MAX, &c->keep_blocks);
}

static void read_hub(struct souk_ini *ini, struct hub_node_config *c)
{
	souk_ini_text(ini, "hub", "control", &c->control);
	souk_ini_text(ini, "hub", "url", &c->url);
	souk_ini_u64(ini, "hub", "escrow", 0, UINT64_MAX, &c->escrow);
	souk_ini_u64(ini, "hub", "fee_permille", 0, 1000, &c->fee_permille);
	souk_ini_u64(ini, "hub", "step", 1, SOUK_HUB_STEP_MAX, &c->step);
	souk_ini_u64(ini, "hub", "sessions", 1, 100000, &c->sessions);
	souk_ini_u64(ini, "hub", "accounts", 1, 10000000, &c->accounts);
	souk_ini_u64(ini, "hub", "units", 1, SOUK_CHAIN_LENGTH_MAX, &c->units_max);
	souk_ini_duration(ini, "hub", "idle", 1000, 86400000, &c->idle_ms);
}

static void read_sponsor_tables(struct souk_ini *ini, struct sponsor_node_config *c)
{
	souk_ini_u64(ini, "sponsor", "contents", 1, 4096, &c->contents);
	souk_ini_u64(ini, "sponsor", "viewers", 1, 10000000, &c->viewers);
	souk_ini_u64(ini, "sponsor", "bundles", 1, 1000000, &c->bundles);
	souk_ini_u64(ini, "sponsor", "connections", 4, 4096, &c->connections);
	souk_ini_u64(ini, "sponsor", "asks", 1, 1000000, &c->asks);
	souk_ini_u64(ini, "sponsor", "viewer_units", 0, UINT64_MAX, &c->viewer_units);
	souk_ini_u64(ini, "sponsor", "network_units", 0, UINT64_MAX, &c->network_units);
}

static void read_sponsor(struct souk_ini *ini, struct sponsor_node_config *c)
{
	static const char *const puzzles[] = {"none", "fast", "reference", NULL};
	souk_ini_text(ini, "sponsor", "control", &c->control);
	souk_ini_text(ini, "sponsor", "url", &c->url);
	souk_ini_text(ini, "sponsor", "site", &c->site);
	souk_ini_u64(ini, "sponsor", "escrow", 0, UINT64_MAX, &c->escrow);
	souk_ini_amount(ini, "sponsor", "budget", &c->budget);
	souk_ini_amount(ini, "sponsor", "price", &c->price);
	souk_ini_u64(ini, "sponsor", "caches", 1, SOUK_BUNDLE_CACHES_MAX, &c->caches);
	souk_ini_u64(ini, "sponsor", "share", 0, UINT32_MAX, &c->share);
	souk_ini_u64(ini, "sponsor", "segment", 1, SOUK_BUNDLE_SEGMENT_MAX, &c->segment);
	souk_ini_u64(ini, "sponsor", "units", 1, SOUK_BUNDLE_UNITS_MAX, &c->units_max);
	souk_ini_choice(ini, "sponsor", "puzzle", puzzles, &c->puzzle);
	souk_ini_u64(ini, "sponsor", "rounds", 1, SOUK_PUZZLE_ROUNDS_MAX, &c->rounds);
	souk_ini_u64(ini, "sponsor", "starts", 1, SOUK_PUZZLE_STARTS_MAX, &c->starts);
	souk_ini_duration(ini, "sponsor", "bundle", 1000, MS_MAX, &c->bundle_ms);
	souk_ini_duration(ini, "sponsor", "recruit", 1000, MS_MAX, &c->recruit_ms);
	souk_ini_duration(ini, "sponsor", "check", 100, MS_MAX, &c->check_ms);
	souk_ini_u64(ini, "sponsor", "replicas", 1, 64, &c->replicas_max);
	souk_ini_u64(ini, "sponsor", "replica_units", 1, UINT32_MAX, &c->replica_units);
	souk_ini_duration(ini, "sponsor", "audit", 0, MS_MAX, &c->audit_ms);
	souk_ini_u64(ini, "sponsor", "audit_permille", 0, 1000, &c->audit_permille);
	read_sponsor_tables(ini, c);
	if (c->price.ncoin == 0)
		souk_ini_refuse(ini, "sponsor", "price", "more than 0 coins");
}

static void read_gateway(struct souk_ini *ini, struct gateway_node_config *c)
{
	static const char *const payers[] = {"sponsor-first", "sponsor", "own", NULL};
	unsigned payer = c->payer;
	souk_ini_text(ini, "gateway", "listen", &c->listen);
	souk_ini_text(ini, "gateway", "hosts", &c->hosts);
	souk_ini_text(ini, "gateway", "pages", &c->pages);
	souk_ini_bool(ini, "gateway", "own_origins", &c->own_origins);
	souk_ini_size(ini, "gateway", "cache", 1 << 20, UINT64_MAX / 2, &c->cache);
	souk_ini_choice(ini, "gateway", "payer", payers, &payer);
	souk_ini_text(ini, "gateway", "sponsor", &c->sponsor);
	souk_ini_text(ini, "gateway", "admission", &c->admission);
	souk_ini_text(ini, "gateway", "hub", &c->hub);
	souk_ini_u64(ini, "gateway", "escrow", 0, UINT64_MAX, &c->escrow);
	souk_ini_amount(ini, "gateway", "budget", &c->budget);
	souk_ini_amount(ini, "gateway", "price_max", &c->price_max);
	souk_ini_size(ini, "gateway", "read_ahead", 0, 1 << 30, &c->read_ahead);
	souk_ini_u64(ini, "gateway", "contents", 1, 256, &c->contents);
	souk_ini_u64(ini, "gateway", "connections", 4, 4096, &c->connections);
	souk_ini_duration(ini, "gateway", "wait", 1000, 600000, &c->wait_ms);
	souk_ini_duration(ini, "gateway", "idle", 100, 600000, &c->idle_ms);
	c->payer = (enum fetch_payer)payer;
}

static void read_vault(struct souk_ini *ini, struct vault_node_config *c)
{
	souk_ini_text(ini, "vault", "listen", &c->listen);
	souk_ini_text(ini, "vault", "hosts", &c->hosts);
	souk_ini_bool(ini, "vault", "anywhere", &c->anywhere);
	souk_ini_text(ini, "vault", "passphrase_file", &c->passphrase_file);
	souk_ini_u64(ini, "vault", "connections", 4, 4096, &c->connections);
	souk_ini_duration(ini, "vault", "anchor", 0, MS_MAX, &c->anchor_ms);
	souk_ini_u64(ini, "vault", "anchor_entries", 1, UINT64_MAX, &c->anchor_entries);
}

/* The texts of the configuration live as long as *RET_INI. */
static bool read_config(struct daemon *d, struct souk_ini **ret_ini)
{
	static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
	char error[SOUK_INI_ERROR_SIZE];
	unsigned level = SOUK_LOG_INFO;
	souk_status status = souk_ini_read(ret_ini, d->config_path, error);
	if (status != SOUK_OK) {
		fprintf(stderr, "soukd: %s\n", error);
		if (status == SOUK_LOCAL_NOT_FOUND)
			fprintf(stderr,
				"Make one with: souk init --home %s --role provider\n"
				"or:            souk ledger init --home %s\n",
				d->home, d->home);
		return false;
	}
	provider_node_config_default(&d->provider);
	ledger_node_config_default(&d->ledger);
	hub_node_config_default(&d->hub);
	sponsor_node_config_default(&d->sponsor);
	gateway_node_config_default(&d->gateway);
	vault_node_config_default(&d->vault);
	d->has_ledger = souk_ini_has_section(*ret_ini, "ledger");
	d->has_provider = souk_ini_has_section(*ret_ini, "provider");
	d->has_hub = souk_ini_has_section(*ret_ini, "hub");
	d->has_sponsor = souk_ini_has_section(*ret_ini, "sponsor");
	d->has_gateway = souk_ini_has_section(*ret_ini, "gateway");
	d->has_vault = souk_ini_has_section(*ret_ini, "vault");
	souk_ini_text(*ret_ini, "souk", "ledger", &d->provider.ledger_url);
	d->hub.ledger_url = d->sponsor.ledger_url = d->provider.ledger_url;
	d->gateway.ledger_url = d->vault.ledger_url = d->provider.ledger_url;
	souk_ini_choice(*ret_ini, "souk", "log", levels, &level);
	if (d->has_ledger)
		read_ledger(*ret_ini, &d->ledger);
	if (d->has_provider)
		read_provider(*ret_ini, &d->provider);
	if (d->has_hub)
		read_hub(*ret_ini, &d->hub);
	if (d->has_sponsor)
		read_sponsor(*ret_ini, &d->sponsor);
	if (d->has_gateway)
		read_gateway(*ret_ini, &d->gateway);
	if (d->has_vault)
		read_vault(*ret_ini, &d->vault);
	d->provider.home = d->ledger.home = d->hub.home = d->sponsor.home = d->home;
	d->gateway.home = d->vault.home = d->home;
	if (souk_ini_finish(*ret_ini, error) != SOUK_OK) {
		fprintf(stderr, "soukd: %s\n", error);
		return false;
	}
	souk_log_set_level((enum souk_log_level)level);
	bool has_role = d->has_ledger || d->has_provider || d->has_hub || d->has_sponsor ||
			d->has_gateway || d->has_vault;
	if (!has_role)
		fprintf(stderr,
			"soukd: %s names no role: add a section [provider], [gateway], [sponsor], "
			"[hub], [vault] or [ledger]\n",
			d->config_path);
	return has_role;
}

static bool load_identity(struct daemon *d)
{
	char path[512];
	snprintf(path, sizeof path, "%s/identity.key", d->home);
	souk_status status = identity_file_load(&d->identity, path);
	if (status != SOUK_OK)
		fprintf(stderr,
			"soukd: no identity in %s: %s; make one with: souk init --home %s\n", path,
			souk_status_text(status), d->home);
	return status == SOUK_OK;
}

static bool blind(void)
{
	souk_status status = souk_entropy_blind();
	if (status != SOUK_OK)
		fprintf(stderr, "soukd: %s\n", souk_status_text(status));
	return status == SOUK_OK;
}

/* A provider of the same home sells on what was fetched for viewers: they share one store. */
static souk_status start_gateway(struct daemon *d, const char **what)
{
	struct chunk_store *chunks =
		d->provider_node != NULL ? provider_node_chunks(d->provider_node) : NULL;
	return gateway_node_start(&d->gateway_node, &d->gateway, chunks, &d->identity, what);
}

/* Tests and measurements of what runs without wide arithmetic. */
static bool choose_engine(void)
{
	const char *engine = getenv("SOUK_ENGINE");
	if (engine == NULL || souk_group8_use(engine))
		return true;
	fprintf(stderr, "soukd: SOUK_ENGINE=%s: not here; it is %s, or portable\n", engine,
		souk_group8_engine());
	return false;
}

static bool start_roles(struct daemon *d)
{
	const char *what = "";
	souk_status status = SOUK_OK;
	/* The ledger first: a provider in the same process settles on it. */
	if (d->has_ledger)
		status = ledger_node_start(&d->ledger_node, &d->ledger, &d->identity, &what);
	if (status == SOUK_OK && d->has_provider)
		status = provider_node_start(&d->provider_node, &d->provider, &d->identity, &what);
	if (status == SOUK_OK && d->has_hub)
		status = hub_node_start(&d->hub_node, &d->hub, &d->identity, &what);
	if (status == SOUK_OK && d->has_sponsor)
		status = sponsor_node_start(&d->sponsor_node, &d->sponsor, &d->identity, &what);
	if (status == SOUK_OK && d->has_gateway)
		status = start_gateway(d, &what);
	if (status == SOUK_OK && d->has_vault)
		status = vault_node_start(&d->vault_node, &d->vault, &d->identity, &what);
	if (status != SOUK_OK)
		SOUK_LOG(SOUK_LOG_ERROR, "start_failed", souk_log_text("what", what),
			souk_log_status(status));
	return status == SOUK_OK;
}

static void stop_roles(struct daemon *d)
{
	if (d->vault_node != NULL)
		vault_node_stop(d->vault_node);
	if (d->gateway_node != NULL)
		gateway_node_stop(d->gateway_node);
	if (d->sponsor_node != NULL)
		sponsor_node_stop(d->sponsor_node);
	if (d->hub_node != NULL)
		hub_node_stop(d->hub_node);
	if (d->provider_node != NULL)
		provider_node_stop(d->provider_node);
	if (d->ledger_node != NULL)
		ledger_node_stop(d->ledger_node);
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct souk_ini *ini = NULL;
	sigset_t ends;
	int code, received;
	if (!parse_arguments(&d, argc, argv, &code))
		return code;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	/* Threads inherit the mask, so only the wait below gets these. */
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	vault_node_wipe_json();
	bool good = read_config(&d, &ini) && blind() && choose_engine() && load_identity(&d) &&
		    start_roles(&d);
	if (good) {
		SOUK_LOG(SOUK_LOG_INFO, "ready", souk_log_text("version", SOUK_VERSION),
			souk_log_text("home", d.home));
		sigwait(&ends, &received);
		SOUK_LOG(SOUK_LOG_INFO, "stopping", souk_log_u64("signal", (uint64_t)received));
	}
	stop_roles(&d);
	souk_bytes_wipe(&d.identity, sizeof d.identity);
	souk_ini_free(ini);
	if (good)
		SOUK_LOG(SOUK_LOG_INFO, "stopped");
	return good ? 0 : EXIT_REFUSED;
}
