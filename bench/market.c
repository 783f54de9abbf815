/* SPDX-License-Identifier: Apache-2.0 */
#include "market.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

bool bench_market_souk(struct bench_market *market, const char *home, const char *const *arguments,
	char *out, size_t size)
{
	const char *argv[24] = {market->options->self};
	char path[300];
	int count = 1;
	snprintf(path, sizeof path, "%s/%s", market->folder, home);
	while (*arguments != NULL && count < 18)
		argv[count++] = *arguments++;
	argv[count++] = "--home";
	argv[count++] = path;
	argv[count++] = "--ledger";
	argv[count++] = market->ledger_url;
	argv[count++] = "--json";
	return process_run(argv, out, size, market->log);
}

pid_t bench_market_daemon(struct bench_market *market, const char *home)
{
	char path[300];
	const char *argv[] = {market->options->soukd, "--home", path, NULL};
	snprintf(path, sizeof path, "%s/%s", market->folder, home);
	return process_start(argv, market->log);
}

static bool make_homes(struct bench_market *market, char *listen, char *control, char *data)
{
	const char *ledger[] = {"ledger", "init", "--listen", listen, "--epoch", "1h", NULL};
	const char *provider[] = {"init", "--role", "provider", "--control", control, "--data",
		data, "--price", "0.0001", NULL};
	const char *customer[] = {"init", NULL};
	return bench_market_souk(market, "ledger", ledger, NULL, 0) &&
	       bench_market_souk(market, "provider", provider, NULL, 0) &&
	       bench_market_souk(market, "customer", customer, NULL, 0);
}

/* A provider registers itself on the ledger a moment after its start. */
static bool wait_for_provider(struct bench_market *market)
{
	const char *offers[] = {"offers", NULL};
	char text[4096];
	for (int i = 0; i < 100; i++) {
		const char *pause[] = {"sleep", "0.1", NULL};
		if (bench_market_souk(market, "customer", offers, text, sizeof text) &&
			strstr(text, "control_url") != NULL)
			return true;
		process_run(pause, NULL, 0, NULL);
	}
	return false;
}

bool bench_market_start(struct bench_market *market, const struct souk_bench_options *options)
{
	uint16_t ports[] = {process_free_port(), process_free_port(), process_free_port()};
	char listen[32], control[32], data[32];
	const char *faucet[] = {"faucet", "1000", NULL};
	const char *escrow[] = {"escrow", "open", "--line", "100", NULL};
	*market = (struct bench_market){.options = options};
	snprintf(market->folder, sizeof market->folder, "%s/market", options->workdir);
	snprintf(market->log, sizeof market->log, "%s/market.log", options->workdir);
	snprintf(market->ledger_url, sizeof market->ledger_url, "http://127.0.0.1:%u", ports[0]);
	snprintf(listen, sizeof listen, "127.0.0.1:%u", ports[0]);
	snprintf(control, sizeof control, "127.0.0.1:%u", ports[1]);
	snprintf(data, sizeof data, "127.0.0.1:%u", ports[2]);
	if (!make_homes(market, listen, control, data))
		return false;
	market->ledger = bench_market_daemon(market, "ledger");
	if (!process_wait_port(ports[0]))
		return false;
	market->provider = bench_market_daemon(market, "provider");
	return process_wait_port(ports[1]) && process_wait_port(ports[2]) &&
	       bench_market_souk(market, "customer", faucet, NULL, 0) &&
	       bench_market_souk(market, "customer", escrow, NULL, 0) && wait_for_provider(market);
}

void bench_market_stop(struct bench_market *market)
{
	process_stop(market->provider);
	process_stop(market->ledger);
}

/* Text member NAME of the JSON object in TEXT, into OUT. */
bool bench_json_text(const char *text, const char *name, char *out, size_t size)
{
	json_t *root = json_loads(text, 0, NULL);
	json_t *first = json_object_get(root, "contents");
	const char *value = json_string_value(json_object_get(root, name));
	if (value == NULL)
		value = json_string_value(json_object_get(json_array_get(first, 0), name));
	if (value != NULL)
		snprintf(out, size, "%s", value);
	json_decref(root);
	return value != NULL;
}

bool bench_market_add(struct bench_market *market, const char *file, char *id, size_t size)
{
	const char *add[] = {"add", file, "--link", NULL};
	char text[4096];
	return bench_market_souk(market, "provider", add, text, sizeof text) &&
	       bench_json_text(text, "content", id, size);
}

bool bench_market_get(
	struct bench_market *market, const char *id, const char *file, double *ret_seconds)
{
	const char *get[] = {"get", id, file, NULL};
	char text[8192];
	if (!bench_market_souk(market, "customer", get, text, sizeof text))
		return false;
	json_t *root = json_loads(text, 0, NULL);
	*ret_seconds = json_real_value(json_object_get(root, "seconds"));
	json_decref(root);
	return *ret_seconds > 0;
}
