/* SPDX-License-Identifier: Apache-2.0 */
#include "content_first.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "nginx.h"
#include "process.h"
#include "relay.h"
#include "souk/base/rng.h"
#include "souk/io/clock_real.h"
#include "swarm.h"
#include "median.h"

#define OBJECT_BYTES (16u << 20)
#define REPEATS_MAX  5u
/* A gateway runs for hours: until the first content's fetch is over, and a while more. */
#define RUN_MS	 8000u
#define PAUSE_MS 1500u
#define CONTENTS 3u

struct first {
	const struct souk_bench_options *options;
	struct bench_nginx nginx;
	struct swarm swarm;
	struct bench_relay *relays[4];
	uint16_t nginx_port, gateway_port;
	double round_trip_ms;
	bool is_paid;
	const char *failed;
};

static bool write_object(const struct first *f, char path[400], unsigned number)
{
	static uint8_t bytes[OBJECT_BYTES];
	struct souk_rng rng;
	souk_rng_init(&rng, 77 + number);
	souk_rng_fill(&rng, bytes, sizeof bytes);
	snprintf(path, 400, "%s/first-%u", f->options->workdir, number);
	FILE *file = fopen(path, "wb");
	bool good = file != NULL && fwrite(bytes, 1, sizeof bytes, file) == sizeof bytes;
	return file != NULL && fclose(file) == 0 && good;
}

/* From the connection on until a byte behind the header of an answer 200 is here; 0: none came. */
static double first_byte_ms(uint16_t port, const char *path)
{
	static char text[65536];
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	uint64_t started = souk_clock_steady_ns();
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	double ms = 0;
	size_t size = 0;
	int length = snprintf(
		text, sizeof text, "GET /%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", path, port);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
		send(fd, text, (size_t)length, MSG_NOSIGNAL) == length) {
		while (size + 1 < sizeof text) {
			ssize_t n = recv(fd, text + size, sizeof text - 1 - size, 0);
			if (n <= 0)
				break;
			size += (size_t)n;
			text[size] = '\0';
			const char *end = strstr(text, "\r\n\r\n");
			if (end == NULL || end + 4 == text + size)
				continue;
			if (strncmp(text, "HTTP/1.1 200", 12) == 0)
				ms = (double)(souk_clock_steady_ns() - started) / 1e6;
			break;
		}
	}
	if (fd >= 0)
		close(fd);
	return ms;
}

static double nginx_first_ms(const struct first *f, const char *name)
{
	char url[128], out[64];
	const char *argv[] = {"curl", "-sSk", "--fail", "-o", "/dev/null", "-w",
		"%{time_starttransfer}", url, NULL};
	snprintf(url, sizeof url, "https://127.0.0.1:%u/%s", f->nginx_port, name);
	return process_run(argv, out, sizeof out, NULL) ? strtod(out, NULL) * 1e3 : 0;
}

/* PORT, or a relay to it where there is a delay. */
static bool lengthen(struct first *f, unsigned number, uint16_t *port)
{
	if (f->round_trip_ms <= 0)
		return true;
	f->relays[number] = bench_relay_start(*port, f->round_trip_ms, port);
	return f->relays[number] != NULL;
}

static pid_t start_gateway(struct first *f)
{
	pid_t pid = bench_market_daemon(&f->swarm.market, "payer0");
	return process_wait_port(f->gateway_port) ? pid : -1;
}

/* The payer's home becomes a gateway's, whose ledger is as far away as the others. */
static bool make_gateway(struct first *f)
{
	char path[400], text[300];
	uint16_t ledger = (uint16_t)strtoul(strrchr(f->swarm.market.ledger_url, ':') + 1, NULL, 10);
	f->gateway_port = process_free_port();
	if (!lengthen(f, 1, &ledger))
		return false;
	snprintf(path, sizeof path, "%s/payer0/souk.ini", f->swarm.market.folder);
	snprintf(text, sizeof text,
		"[souk]\nledger = http://127.0.0.1:%u\n\n[gateway]\nlisten = 127.0.0.1:%u\n"
		"payer = %s\nbudget = 50\n",
		ledger, f->gateway_port, f->is_paid ? "own" : "sponsor");
	FILE *file = fopen(path, "w");
	bool good = file != NULL && fputs(text, file) >= 0;
	return file != NULL && fclose(file) == 0 && good;
}

static bool start(struct first *f)
{
	const struct swarm_terms terms = {.caches = 1, .round_trip_ms = f->round_trip_ms};
	f->failed = "starting nginx";
	if (!bench_nginx_start(&f->nginx, f->options->workdir, 0))
		return false;
	f->nginx_port = f->nginx.port;
	f->failed = "starting the market";
	return lengthen(f, 0, &f->nginx_port) && swarm_start(&f->swarm, f->options, &terms) &&
	       make_gateway(f);
}

static void stop(struct first *f, bool cleans)
{
	swarm_stop(&f->swarm, cleans);
	bench_nginx_stop(&f->nginx);
	for (unsigned i = 0; i < 4; i++)
		bench_relay_stop(f->relays[i]);
}

/* What one run of the gateway gives: see content_first.h. */
struct times {
	double nginx, first, next, soon, ready;
};

static bool add_objects(struct first *f, unsigned number, char ids[CONTENTS][128])
{
	char path[400];
	f->failed = "putting on sale";
	for (unsigned i = 0; i < CONTENTS; i++) {
		bool good = write_object(f, path, CONTENTS * number + i);
		if (good && f->is_paid)
			good = swarm_add(&f->swarm, path, ids[i], sizeof ids[i]);
		else if (good)
			good = swarm_publish(&f->swarm, path, ids[i], sizeof ids[i]);
		if (!good)
			return false;
	}
	return true;
}

/* A gateway that has just started: contents that are new to it, and the first one again. */
static bool repeat(struct first *f, unsigned number, struct times *times)
{
	char ids[CONTENTS][128], name[32];
	if (!add_objects(f, number, ids))
		return false;
	f->failed = "starting the gateway";
	pid_t gateway = start_gateway(f);
	if (gateway < 0)
		return false;
	snprintf(name, sizeof name, "first-%u", CONTENTS * number);
	f->failed = "a request";
	times->nginx = nginx_first_ms(f, name);
	times->first = first_byte_ms(f->gateway_port, ids[0]);
	usleep(RUN_MS * 1000);
	times->next = first_byte_ms(f->gateway_port, ids[1]);
	/* A gateway reads ahead: the rest of that content is not to be in the way. */
	usleep(PAUSE_MS * 1000);
	times->soon = first_byte_ms(f->gateway_port, ids[2]);
	times->ready = first_byte_ms(f->gateway_port, ids[0]);
	process_stop(gateway);
	return times->nginx > 0 && times->first > 0 && times->next > 0 && times->soon > 0 &&
	       times->ready > 0;
}

static bool run_row(struct content_first_row *row, const struct souk_bench_options *options)
{
	static struct first f;
	double values[5][REPEATS_MAX];
	const char *clean[] = {"find", options->workdir, "-mindepth", "1", "-delete", NULL};
	unsigned repeats = options->quick ? 1 : REPEATS_MAX;
	f = (struct first){
		.options = options, .round_trip_ms = row->round_trip_ms, .is_paid = row->is_paid};
	bool good = start(&f);
	for (unsigned i = 0; i < repeats && good; i++) {
		struct times times = {0};
		good = repeat(&f, i, &times);
		values[0][i] = times.nginx;
		values[1][i] = times.first;
		values[2][i] = times.next;
		values[3][i] = times.soon;
		values[4][i] = times.ready;
	}
	stop(&f, good);
	if (!good) {
		fprintf(stderr, "souk bench content: %s failed; logs are in %s\n", f.failed,
			options->workdir);
		return false;
	}
	row->nginx_ms = bench_median(values[0], repeats);
	row->first_ms = bench_median(values[1], repeats);
	row->next_ms = bench_median(values[2], repeats);
	row->soon_ms = bench_median(values[3], repeats);
	row->ready_ms = bench_median(values[4], repeats);
	row->bound_ms = 1.2 * row->nginx_ms + row->round_trip_ms;
	process_run(clean, NULL, 0, NULL);
	return true;
}

bool content_first_run(
	struct content_first_row rows[CONTENT_FIRST_ROWS], const struct souk_bench_options *options)
{
	static const double round_trips_ms[] = {0, 5, 40};
	for (unsigned i = 0; i < CONTENT_FIRST_ROWS; i++) {
		rows[i] = (struct content_first_row){
			.round_trip_ms = round_trips_ms[i % 3], .is_paid = i < 3};
		if (!run_row(&rows[i], options))
			return false;
	}
	return true;
}
