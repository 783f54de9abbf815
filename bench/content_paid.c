/* SPDX-License-Identifier: Apache-2.0
 *
 * A paid, verified download to a file, beside nginx over TLS 1.3 with curl
 * and openssl, and beside the same download without payment. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content_paid.h"
#include "market.h"
#include "nginx.h"
#include "process.h"
#include "souk/base/rng.h"
#include "souk/io/clock_real.h"
#include "unpaid.h"
#include "median.h"

#define ROUNDS_MAX 9

struct content_bench {
	const struct souk_bench_options *options;
	struct bench_market market;
	struct bench_nginx nginx;
	uint64_t size, big_size;
	int rounds;
	char source[300], target[300];
	double paid_s[ROUNDS_MAX];	    /* the whole process */
	double paid_transfer_s[ROUNDS_MAX]; /* the transfer alone */
	double unpaid_s[ROUNDS_MAX];
	double https_s[ROUNDS_MAX];
	double provider_rss_mib;
	const char *failed; /* which step */
};

static double elapsed_s(uint64_t since_ns)
{
	return (double)(souk_clock_steady_ns() - since_ns) / 1e9;
}

/* The median of the ratios round by round: drift of the machine's speed falls out. */
static double median_ratio(const double *slower, const double *faster, int count)
{
	double ratios[ROUNDS_MAX];
	for (int i = 0; i < count; i++)
		ratios[i] = slower[i] / faster[i];
	return bench_median(ratios, count);
}

static bool write_random(const char *path, uint64_t size)
{
	static uint8_t block[1 << 20];
	struct souk_rng rng;
	souk_rng_init(&rng, 1);
	FILE *file = fopen(path, "wb");
	if (file == NULL)
		return false;
	bool good = true;
	for (uint64_t at = 0; at < size && good; at += sizeof block) {
		size_t n = size - at < sizeof block ? (size_t)(size - at) : sizeof block;
		souk_rng_fill(&rng, block, n);
		good = fwrite(block, 1, n, file) == n;
	}
	return fclose(file) == 0 && good;
}

/* A virtual machine may have to ask its host for every page that was not used for a while. So the
 * room for the file at PATH is taken before the clock starts, of pages that were just in use:
 * nobody pays for memory that an earlier run has given back. */
static bool reserve_room(const struct content_bench *b, const char *path)
{
	static const uint8_t zeros[1 << 20];
	int fd = open(b->target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = fd >= 0;
	for (uint64_t at = 0; good && at < b->size; at += sizeof zeros)
		good = write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros;
	if (fd >= 0)
		close(fd);
	unlink(b->target);
	fd = good ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
	good = fd >= 0 && posix_fallocate(fd, 0, (off_t)b->size) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

/* ------------------------------------------------------------------ the peer */

static bool time_https(const struct content_bench *b, double *ret)
{
	char line[256], out[256];
	const char *argv[] = {"sh", "-c", line, NULL};
	snprintf(line, sizeof line,
		"curl -sSk --fail https://127.0.0.1:%u/source | openssl dgst -sha256",
		b->nginx.port);
	uint64_t started = souk_clock_steady_ns();
	bool good = process_run(argv, out, sizeof out, NULL) && strchr(out, '=') != NULL;
	*ret = elapsed_s(started);
	return good;
}

/* ------------------------------------------------------------------ ours */

static bool same_bytes(const char *a, const char *b)
{
	const char *argv[] = {"cmp", "-s", a, b, NULL};
	return process_run(argv, NULL, 0, NULL);
}

static bool time_paid(struct content_bench *b, const char *id, int round)
{
	char part[320];
	snprintf(part, sizeof part, "%s.part", b->target);
	if (!reserve_room(b, part))
		return false;
	uint64_t started = souk_clock_steady_ns();
	bool good = bench_market_get(&b->market, id, b->target, &b->paid_transfer_s[round]);
	b->paid_s[round] = elapsed_s(started);
	return good && (round > 0 || same_bytes(b->source, b->target));
}

static bool run_rounds(struct content_bench *b)
{
	char id[128];
	b->failed = "putting the file on sale";
	if (!bench_market_add(&b->market, b->source, id, sizeof id))
		return false;
	for (int i = 0; i < b->rounds; i++) {
		b->failed = "the paid download";
		if (!time_paid(b, id, i))
			return false;
		unlink(b->target);
		b->failed = "the unpaid download";
		if (!reserve_room(b, b->target) ||
			!bench_unpaid_get(b->source, b->target, &b->unpaid_s[i]))
			return false;
		unlink(b->target);
		b->failed = "nginx, curl and openssl";
		if (!time_https(b, &b->https_s[i]))
			return false;
	}
	return true;
}

/* A file of zeros of that size costs no disk; buying it costs as much as any. */
static bool run_big(struct content_bench *b)
{
	char path[300], target[64], id[128];
	double seconds;
	b->failed = "the big file";
	snprintf(path, sizeof path, "%s/big", b->options->workdir);
	/* To a disk: it need not fit into memory. */
	snprintf(target, sizeof target, "/var/tmp/souk-bench-big.%d", (int)getpid());
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	bool good = fd >= 0 && ftruncate(fd, (off_t)b->big_size) == 0;
	if (fd >= 0)
		close(fd);
	good = good && bench_market_add(&b->market, path, id, sizeof id) &&
	       bench_market_get(&b->market, id, b->target, &seconds);
	b->provider_rss_mib = (double)process_own_kib(b->market.provider) / 1024;
	unlink(target);
	unlink(path);
	return good && b->provider_rss_mib > 0;
}

/* Nothing of it is of use once the figures are printed. */
static void clean_up(const struct content_bench *b)
{
	const char *argv[] = {"find", b->options->workdir, "-mindepth", "1", "-delete", NULL};
	process_run(argv, NULL, 0, NULL);
}

static struct content_paid_figures figures_of(const struct content_bench *b)
{
	return (struct content_paid_figures){
		.bytes = b->size,
		.big_bytes = b->big_size,
		.rounds = b->rounds,
		.paid_bytes_per_s = (double)b->size / bench_median(b->paid_s, b->rounds),
		.transfer_bytes_per_s =
			(double)b->size / bench_median(b->paid_transfer_s, b->rounds),
		.https_bytes_per_s = (double)b->size / bench_median(b->https_s, b->rounds),
		.unpaid_bytes_per_s = (double)b->size / bench_median(b->unpaid_s, b->rounds),
		.ratio_https = median_ratio(b->https_s, b->paid_s, b->rounds),
		.ratio_unpaid = median_ratio(b->unpaid_s, b->paid_transfer_s, b->rounds),
		.provider_rss_mib = b->provider_rss_mib,
	};
}

bool content_paid_run(struct content_paid_figures *ret, const struct souk_bench_options *options)
{
	struct content_bench b = {.options = options, .nginx = {.pid = -1}};
	b.size = options->quick ? 128ull << 20 : 1ull << 30;
	b.big_size = options->quick ? 1ull << 30 : 10ull << 30;
	b.rounds = options->quick ? 1 : 7;
	snprintf(b.source, sizeof b.source, "%s/source", options->workdir);
	snprintf(b.target, sizeof b.target, "%s/target", options->workdir);
	b.failed = "starting nginx";
	bool good =
		write_random(b.source, b.size) && bench_nginx_start(&b.nginx, options->workdir, 0);
	if (good)
		b.failed = "starting the market";
	good = good && bench_market_start(&b.market, options) && run_rounds(&b) && run_big(&b);
	bench_market_stop(&b.market);
	bench_nginx_stop(&b.nginx);
	if (!good) {
		fprintf(stderr, "souk bench content: %s failed; logs are in %s\n", b.failed,
			options->workdir);
		return false;
	}
	*ret = figures_of(&b);
	clean_up(&b);
	return true;
}
