/* SPDX-License-Identifier: Apache-2.0 */
#include "scale.h"

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ledger_kit.h"
#include "process.h"
#include "souk/base/rng.h"
#include "souk/io/clock_real.h"
#include "souk/io/file.h"
#include "souk/io/http_client.h"
#include "souk/payment/escrow.h"

#define TRANSACTIONS	   5000u
#define QUICK_TRANSACTIONS 1000u
#define MEMORY_RECORDS	   100000u
#define DAY_MS		   86400000u
#define RESTART_MS_MAX	   60000u

static const char *const kind_names[] = {"accounts", "escrows"};

/* Record NUMBER's address: spread over the keys. */
static struct souk_address address_of(uint64_t number)
{
	struct souk_address address = {{0}};
	souk_store_be64(address.bytes, number * 0x9e3779b97f4a7c15u);
	souk_store_be64(address.bytes + 8, number);
	return address;
}

static struct souk_tx_body filling(enum scale_kind kind, uint32_t number)
{
	if (kind == SCALE_ACCOUNTS)
		return (struct souk_tx_body){.kind = SOUK_TX_BODY_TRANSFER,
			.transfer = {.to = address_of(number), .amount = {1}}};
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_ESCROW_OPEN,
		.escrow_open = {.salt = ledger_kit_salt(number),
			.line = {PRIZE},
			.prize = {PRIZE},
			.deposit = {PRIZE}}};
}

/* A transaction that touches record NUMBER. */
static struct souk_tx_body touching(struct ledger_kit *b, enum scale_kind kind, uint32_t number)
{
	if (kind == SCALE_ACCOUNTS)
		return filling(kind, number);
	struct souk_nonce salt = ledger_kit_salt(number);
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_ESCROW_TOP_UP,
		.escrow_top_up = {.escrow = souk_escrow_id(
					  &b->ledger.record.ledger, &b->payer.address, &salt),
			.amount = {1}}};
}

static void fill(struct ledger_kit *b, enum scale_kind kind, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct souk_tx_body body = filling(kind, i);
		ledger_kit_push(b, &body);
		if ((i + 1) % 50000 == 0 && isatty(STDERR_FILENO))
			fprintf(stderr, "\rsouk bench ledger: %" PRIu32 " %s   ", i + 1,
				kind_names[kind]);
	}
}

static double measure_step(
	struct ledger_kit *b, enum scale_kind kind, uint32_t records, uint32_t transactions)
{
	struct ledger_batch batch = {0};
	struct souk_rng rng;
	souk_rng_init(&rng, records);
	for (uint32_t i = 0; i < transactions; i++) {
		struct souk_tx_body body =
			touching(b, kind, (uint32_t)souk_rng_below(&rng, records));
		ledger_kit_sign(b, &batch, &body, &b->payer, &b->payer_nonce);
	}
	double rate = ledger_kit_measure(b, &batch, transactions);
	ledger_batch_free(&batch);
	return rate;
}

static double size_of_file(const char *path)
{
	struct stat file;
	return stat(path, &file) == 0 ? (double)file.st_blocks * 512 : 0;
}

/* ---- in memory ---- */

static double measure_memory(enum scale_kind kind, uint32_t records)
{
	struct ledger_kit *b = ledger_kit_new(NULL, false);
	ledger_kit_block_end(b);
	ledger_kit_block_begin(b);
	size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	fill(b, kind, 0, records);
	size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
	ledger_kit_free(b);
	return (double)(after - before) / records;
}

/* ---- restart ---- */

static bool write_hex(const char *home, const char *name, const uint8_t bytes[32])
{
	char path[700], text[66];
	snprintf(path, sizeof path, "%s/%s", home, name);
	souk_hex_encode(text, bytes, 32);
	strcat(text, "\n");
	return souk_file_write_atomic(path, souk_bytes_of(text, 65), true) == SOUK_OK;
}

/* A home around the ledger's file: its operator's key, its beacon's seed, its configuration. */
static bool make_home(const char *home, uint16_t port)
{
	char path[700], text[128];
	uint8_t seed[32] = {1}, key[32];
	memset(key, 1, sizeof key);
	int size = snprintf(text, sizeof text, "[ledger]\nlisten = 127.0.0.1:%u\n", port);
	snprintf(path, sizeof path, "%s/souk.ini", home);
	return souk_file_write_atomic(path, souk_bytes_of(text, (size_t)size), true) == SOUK_OK &&
	       write_hex(home, "beacon.seed", seed) && write_hex(home, "identity.key", key);
}

static bool answers(uint16_t port)
{
	char url[64];
	struct souk_http_client *http;
	struct souk_http_answer answer;
	bool ok = false;
	snprintf(url, sizeof url, "http://127.0.0.1:%u/v1/status", port);
	struct souk_http_call call = {.url = url, .timeout_ms = 1000};
	if (souk_http_client_new(&http) != SOUK_OK)
		return false;
	if (souk_http_client_call(http, &call, &answer) == SOUK_OK) {
		ok = answer.status == 200;
		souk_http_answer_done(&answer);
	}
	souk_http_client_free(http);
	return ok;
}

static void remove_home(const char *home)
{
	static const char *const names[] = {"souk.ini", "beacon.seed", "identity.key", "ledger.mdb",
		"ledger.mdb-lock", "soukd.log"};
	char path[700];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", home, names[i]);
		unlink(path);
	}
	rmdir(home);
}

/* Milliseconds; 0 where it did not come up. */
static double start_once(const char *home, const char *soukd, uint16_t port)
{
	char log[700];
	const char *argv[] = {soukd, "--home", home, NULL};
	snprintf(log, sizeof log, "%s/soukd.log", home);
	uint64_t start = souk_clock_steady_ns();
	pid_t pid = process_start(argv, log);
	double ms = 0;
	bool up = false;
	while (pid > 0 && !up && ms < RESTART_MS_MAX) {
		up = answers(port);
		ms = (double)(souk_clock_steady_ns() - start) / 1e6;
		if (!up)
			nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	process_stop(pid);
	return up ? ms : 0;
}

static double measure_restart(
	struct ledger_kit *b, const struct souk_bench_options *options, const char *kind)
{
	char home[600], path[700];
	uint16_t port = process_free_port();
	snprintf(home, sizeof home, "%s/%s", options->workdir, kind);
	snprintf(path, sizeof path, "%s/ledger.mdb", home);
	ledger_kit_block_end(b);
	ledger_kit_block_begin(b);
	double ms = 0;
	if (mkdir(home, 0700) == 0 && make_home(home, port) && link(b->path, path) == 0)
		ms = start_once(home, options->soukd, port);
	if (ms == 0)
		fprintf(stderr, "souk bench ledger: %s did not start; see %s\n", options->soukd,
			home);
	else
		remove_home(home);
	return ms;
}

/* ---- all ---- */

bool scale_measure(
	struct scale *ret, enum scale_kind kind, const struct souk_bench_options *options)
{
	uint32_t count = 1000, records = 0;
	struct souk_time created = souk_clock_now(souk_clock_real());
	struct ledger_kit *b = ledger_kit_new_at(options->workdir, false, created, DAY_MS);
	memset(ret, 0, sizeof *ret);
	ret->steps = options->quick ? 2 : SCALE_STEPS;
	double empty = 0;
	for (unsigned i = 0; i < ret->steps; i++, count *= 10) {
		fill(b, kind, records, count);
		records = count;
		ret->counts[i] = count;
		ret->tx_per_s[i] = measure_step(
			b, kind, count, options->quick ? QUICK_TRANSACTIONS : TRANSACTIONS);
		/* From the first step on: a small file is mostly room. */
		if (i == 0)
			empty = size_of_file(b->path);
	}
	ret->disk_bytes =
		(size_of_file(b->path) - empty) / (ret->counts[ret->steps - 1] - ret->counts[0]);
	ret->restart_ms = measure_restart(b, options, kind_names[kind]);
	ledger_kit_free(b);
	ret->memory_bytes =
		measure_memory(kind, options->quick ? MEMORY_RECORDS / 10 : MEMORY_RECORDS);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%60s\r", "");
	return ret->restart_ms > 0;
}
