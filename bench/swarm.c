/* SPDX-License-Identifier: Apache-2.0 */
#include "swarm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

#define ARGUMENTS_MAX 16u
#define PATH_SIZE     340u

static void sleep_tenth(void)
{
	usleep(100000);
}

static bool append(const char *path, const char *text)
{
	FILE *file = fopen(path, "a");
	if (file == NULL)
		return false;
	bool good = fputs(text, file) >= 0;
	return fclose(file) == 0 && good;
}

/* ------------------------------------------------------------------ homes */

/* Others reach cache I through relays: its ports, which are PORTS, from farther away. */
static bool move_away(
	struct swarm *swarm, unsigned i, const uint16_t ports[2], double round_trip_ms)
{
	static const char *const keys[] = {"control_url = https", "data_url = http"};
	char path[PATH_SIZE], line[128];
	snprintf(path, sizeof path, "%s/cache%u/souk.ini", swarm->market.folder, i);
	for (unsigned k = 0; k < 2; k++) {
		uint16_t port;
		swarm->relays[2 * i + k] = bench_relay_start(ports[k], round_trip_ms, &port);
		snprintf(line, sizeof line, "%s://127.0.0.1:%u\n", keys[k], port);
		if (swarm->relays[2 * i + k] == NULL || !append(path, line))
			return false;
	}
	return true;
}

static bool make_provider(struct swarm *swarm, unsigned i, double round_trip_ms)
{
	uint16_t ports[2];
	char home[32], control[32], data[32], path[PATH_SIZE];
	const char *init[] = {"init", "--role", "provider", "--control", control, "--data", data,
		"--price", "0.0001", NULL};
	ports[0] = process_free_port();
	ports[1] = process_free_port();
	snprintf(home, sizeof home, "cache%u", i);
	snprintf(control, sizeof control, "127.0.0.1:%u", ports[0]);
	snprintf(data, sizeof data, "127.0.0.1:%u", ports[1]);
	snprintf(path, sizeof path, "%s/%s/souk.ini", swarm->market.folder, home);
	/* Sixty-four viewers at once, and those of the rounds before: a mature market's number. */
	if (!bench_market_souk(&swarm->market, home, init, NULL, 0) ||
		!append(path, "sessions = 1024\n") ||
		(round_trip_ms > 0 && !move_away(swarm, i, ports, round_trip_ms)))
		return false;
	swarm->providers[i] = bench_market_daemon(&swarm->market, home);
	return process_wait_port(ports[0]) && process_wait_port(ports[1]);
}

static bool fund(struct swarm *swarm, const char *home)
{
	const char *faucet[] = {"faucet", "1000", NULL};
	const char *escrow[] = {"escrow", "open", "--line", "100", NULL};
	return bench_market_souk(&swarm->market, home, faucet, NULL, 0) &&
	       bench_market_souk(&swarm->market, home, escrow, NULL, 0);
}

static bool move_sponsor_away(struct swarm *swarm, const char *config, uint16_t port)
{
	char line[128];
	uint16_t relayed;
	struct bench_relay **relay = &swarm->relays[2 * SWARM_CACHES_MAX];
	*relay = bench_relay_start(port, swarm->terms.round_trip_ms, &relayed);
	snprintf(line, sizeof line, "url = https://127.0.0.1:%u\n", relayed);
	return *relay != NULL && append(config, line);
}

static bool make_sponsor(struct swarm *swarm)
{
	char path[PATH_SIZE], text[512];
	const char *init[] = {"init", NULL};
	uint16_t port = process_free_port();
	snprintf(path, sizeof path, "%s/sponsor/souk.ini", swarm->market.folder);
	snprintf(text, sizeof text,
		"\n[sponsor]\ncontrol = 127.0.0.1:%u\ncaches = %u\nreplicas = %u\nasks = 100000\n"
		"check = 200ms\naudit = 0s\nviewer_units = 0\nnetwork_units = 0\n",
		port, swarm->caches, swarm->caches);
	if (!bench_market_souk(&swarm->market, "sponsor", init, NULL, 0) || !append(path, text) ||
		!fund(swarm, "sponsor"))
		return false;
	snprintf(text, sizeof text, "starts = %u\n", swarm->terms.starts);
	if (swarm->terms.starts > 0 && !append(path, text))
		return false;
	if (swarm->terms.round_trip_ms > 0 && !move_sponsor_away(swarm, path, port))
		return false;
	swarm->sponsor = bench_market_daemon(&swarm->market, "sponsor");
	return process_wait_port(port);
}

/* Every provider registers itself on the ledger a moment after its start. */
static bool wait_for_providers(struct swarm *swarm)
{
	const char *offers[] = {"offers", NULL};
	static char text[16384];
	for (int i = 0; i < 200; i++) {
		unsigned found = 0;
		if (bench_market_souk(&swarm->market, "payer0", offers, text, sizeof text))
			for (const char *at = text; (at = strstr(at, "control_url")) != NULL; at++)
				found++;
		if (found >= swarm->caches)
			return true;
		sleep_tenth();
	}
	return false;
}

static bool start_ledger(struct swarm *swarm, const struct souk_bench_options *options)
{
	struct bench_market *market = &swarm->market;
	uint16_t port = process_free_port();
	char listen[32];
	const char *ledger[] = {"ledger", "init", "--listen", listen, "--epoch", "1h", NULL};
	*market = (struct bench_market){.options = options, .provider = -1};
	snprintf(market->folder, sizeof market->folder, "%s/market", options->workdir);
	snprintf(market->log, sizeof market->log, "%s/market.log", options->workdir);
	snprintf(market->ledger_url, sizeof market->ledger_url, "http://127.0.0.1:%u", port);
	snprintf(listen, sizeof listen, "127.0.0.1:%u", port);
	if (!bench_market_souk(market, "ledger", ledger, NULL, 0))
		return false;
	market->ledger = bench_market_daemon(market, "ledger");
	return process_wait_port(port);
}

bool swarm_start(struct swarm *ret, const struct souk_bench_options *options,
	const struct swarm_terms *terms)
{
	const char *init[] = {"init", NULL};
	*ret = (struct swarm){.terms = *terms, .caches = terms->caches, .sponsor = -1};
	bool good = start_ledger(ret, options);
	for (unsigned i = 0; i < terms->caches && good; i++)
		good = make_provider(ret, i, terms->round_trip_ms);
	for (unsigned i = 0; i < SWARM_PAYERS && good; i++) {
		char home[32];
		snprintf(home, sizeof home, "payer%u", i);
		good = bench_market_souk(&ret->market, home, init, NULL, 0) && fund(ret, home);
	}
	for (unsigned i = 0; i < terms->viewers && good; i++) {
		char home[32];
		snprintf(home, sizeof home, "viewer%u", i);
		good = bench_market_souk(&ret->market, home, init, NULL, 0);
	}
	return good && wait_for_providers(ret) && make_sponsor(ret);
}

void swarm_stop(struct swarm *swarm, bool cleans)
{
	const char *argv[] = {"find", swarm->market.folder, "-depth", "-delete", NULL};
	process_stop(swarm->sponsor);
	for (unsigned i = 0; i < swarm->caches; i++)
		process_stop(swarm->providers[i]);
	process_stop(swarm->market.ledger);
	for (size_t i = 0; i < sizeof swarm->relays / sizeof swarm->relays[0]; i++)
		bench_relay_stop(swarm->relays[i]);
	if (cleans)
		process_run(argv, NULL, 0, NULL);
}

/* ------------------------------------------------------------------ contents */

bool swarm_add(struct swarm *swarm, const char *file, char *id, size_t size)
{
	char home[32];
	static char text[4 << 20]; /* a directory lists its files */
	const char *add[] = {"add", file, "--link", NULL};
	for (unsigned i = 0; i < swarm->caches; i++) {
		snprintf(home, sizeof home, "cache%u", i);
		if (!bench_market_souk(&swarm->market, home, add, text, sizeof text))
			return false;
	}
	return bench_json_text(text, "content", id, size);
}

bool swarm_publish(struct swarm *swarm, const char *file, char *id, size_t size)
{
	char count[8];
	static char text[65536];
	const char *publish[] = {"publish", file, "--budget", "40", "--replicas", count, "--wait",
		"60s", "--link", NULL};
	const char *report[] = {"sponsor", "report", NULL};
	snprintf(count, sizeof count, "%u", swarm->caches);
	return swarm_add(swarm, file, id, size) &&
	       bench_market_souk(&swarm->market, "sponsor", publish, NULL, 0) &&
	       bench_market_souk(&swarm->market, "sponsor", report, text, sizeof text) &&
	       bench_json_text(text, "name", swarm->sponsor_name, sizeof swarm->sponsor_name);
}

void swarm_got_path(const struct swarm *swarm, unsigned i, char *path, size_t size)
{
	snprintf(path, size, "%s/got%u", swarm->market.folder, i);
}

void swarm_remove_got(struct swarm *swarm)
{
	char line[PATH_SIZE];
	const char *argv[] = {"sh", "-c", line, NULL};
	snprintf(line, sizeof line, "rm -rf %s/got*", swarm->market.folder);
	process_run(argv, NULL, 0, NULL);
}

double swarm_caches_cpu_s(const struct swarm *swarm)
{
	double sum = 0;
	for (unsigned i = 0; i < swarm->caches; i++)
		sum += process_cpu_s(swarm->providers[i]);
	return sum;
}

bool swarm_get(struct swarm *swarm, const char *id, unsigned count, bool is_paid, double *ret_cpu_s,
	double *ret_wall_s)
{
	static char homes[PROCESS_MANY_MAX][PATH_SIZE], files[PROCESS_MANY_MAX][PATH_SIZE];
	static const char *argvs[PROCESS_MANY_MAX][ARGUMENTS_MAX];
	static const char *const *list[PROCESS_MANY_MAX];
	const struct bench_market *market = &swarm->market;
	for (unsigned i = 0; i < count; i++) {
		const char **argv = argvs[i];
		unsigned n = 0;
		if (is_paid)
			snprintf(homes[i], PATH_SIZE, "%s/payer%u", market->folder, i);
		else
			snprintf(homes[i], PATH_SIZE, "%s/viewer%u", market->folder, i);
		swarm_got_path(swarm, i, files[i], PATH_SIZE);
		argv[n++] = market->options->self;
		argv[n++] = "get";
		argv[n++] = id;
		argv[n++] = files[i];
		argv[n++] = "--home";
		argv[n++] = homes[i];
		argv[n++] = "--ledger";
		argv[n++] = market->ledger_url;
		argv[n++] = "--json";
		argv[n++] = is_paid ? "--pay" : "--sponsor";
		argv[n++] = is_paid ? NULL : swarm->sponsor_name;
		argv[n] = NULL;
		list[i] = argv;
	}
	return process_run_many(list, count, market->log, ret_cpu_s, ret_wall_s);
}
