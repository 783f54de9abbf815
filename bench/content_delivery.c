/* SPDX-License-Identifier: Apache-2.0
 *
 * Real processes: caches (soukd), viewers (souk get, which verifies and writes), nginx, and curl
 * into sha256sum, which writes nothing. Ours and the peers in turn, and ratios round by round.
 * Processor time is what the processes themselves used, user and system: the sponsor's and the
 * ledger's are beside it (see the issuing of bundles). */
#include "content_delivery.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "nginx.h"
#include "process.h"
#include "souk/base/rng.h"
#include "swarm.h"
#include "median.h"

#define ROUNDS_MAX 7u
#define KIB	   1024ull
#define MIB	   (1024 * KIB)
#define GIB	   (1024 * MIB)

struct plan {
	unsigned caches, viewers;
	uint64_t bytes, quick_bytes; /* 0: not in a quick run */
	bool is_paid;
	unsigned starts; /* 0: the sponsor's default */
};

/* Caches in growing order: a market is made for each number of them. */
static const struct plan plans[] = {
	{1, 1, 256 * MIB, 16 * MIB, false, 0},
	{1, 1, 256 * MIB, 16 * MIB, true, 0},
	{1, 8, 128 * MIB, 16 * MIB, false, 0},
	{1, 8, 128 * MIB, 0, true, 0},
	{1, 64, 64 * MIB, 0, false, 0},
	{1, 1, 4 * GIB, 0, false, 0},
	{1, 1, 256 * MIB, 16 * MIB, false, 64},
	{2, 1, 256 * MIB, 0, false, 0},
	{2, 1, 256 * MIB, 0, true, 0},
	{4, 1, 4 * KIB, 4 * KIB, false, 0},
	{4, 1, 64 * KIB, 0, false, 0},
	{4, 1, MIB, 0, false, 0},
	{4, 1, 16 * MIB, 0, false, 0},
	{4, 1, 256 * MIB, 32 * MIB, false, 0},
	{4, 1, 256 * MIB, 32 * MIB, true, 0},
	{4, 8, 128 * MIB, 4 * MIB, false, 0},
	{4, 8, 128 * MIB, 0, true, 0},
	{4, 64, 16 * MIB, 0, false, 0},
	{4, 1, GIB, 0, false, 0},
	{8, 1, 256 * MIB, 0, false, 0},
	{8, 1, 256 * MIB, 0, true, 0},
};

struct delivery {
	const struct souk_bench_options *options;
	struct bench_nginx nginx;
	struct swarm swarm;
	bool swarm_runs;
	const char *failed;
};

struct round {
	double cache_cpu_s, viewer_cpu_s, wall_s;
	double nginx_cpu_s, curl_cpu_s, nginx_wall_s;
};

static bool write_random(const char *path, uint64_t size, uint64_t seed)
{
	static uint8_t block[1 << 20];
	struct souk_rng rng;
	FILE *file = fopen(path, "wb");
	bool good = file != NULL;
	souk_rng_init(&rng, seed);
	for (uint64_t at = 0; at < size && good; at += sizeof block) {
		size_t n = size - at < sizeof block ? (size_t)(size - at) : sizeof block;
		souk_rng_fill(&rng, block, n);
		good = fwrite(block, 1, n, file) == n;
	}
	return file != NULL && fclose(file) == 0 && good;
}

/* ------------------------------------------------------------------ a round */

static bool run_peers(struct delivery *d, const char *name, unsigned viewers, struct round *ret)
{
	char line[256];
	const char *argv[] = {"sh", "-c", line, NULL};
	const char *const *list[PROCESS_MANY_MAX];
	double before = process_cpu_s(d->nginx.pid);
	snprintf(line, sizeof line, "curl -sSk --fail https://127.0.0.1:%u/%s | sha256sum",
		d->nginx.port, name);
	for (unsigned i = 0; i < viewers; i++)
		list[i] = argv;
	if (!process_run_many(
		    list, viewers, d->swarm.market.log, &ret->curl_cpu_s, &ret->nginx_wall_s))
		return false;
	ret->nginx_cpu_s = process_cpu_s(d->nginx.pid) - before;
	return true;
}

static bool run_round(struct delivery *d, const struct plan *plan, const char *id, const char *name,
	struct round *ret)
{
	double before = swarm_caches_cpu_s(&d->swarm);
	d->failed = plan->is_paid ? "a paid download" : "a sponsored download";
	if (!swarm_get(
		    &d->swarm, id, plan->viewers, plan->is_paid, &ret->viewer_cpu_s, &ret->wall_s))
		return false;
	ret->cache_cpu_s = swarm_caches_cpu_s(&d->swarm) - before;
	d->failed = "nginx, curl and sha256sum";
	return run_peers(d, name, plan->viewers, ret);
}

/* The median of BYTES over what member MEMBER of each round says; or of A's over B's. */
#define MEDIAN_RATE(member)                                                                        \
	(for_each_round(rounds, count, offsetof(struct round, member), 0, all_bytes))
#define MEDIAN_RATIO(theirs, ours)                                                                 \
	(for_each_round(                                                                           \
		rounds, count, offsetof(struct round, ours), offsetof(struct round, theirs), 0))

static double for_each_round(
	const struct round *rounds, unsigned count, size_t below, size_t above, double above_value)
{
	double values[ROUNDS_MAX];
	for (unsigned i = 0; i < count; i++) {
		const char *at = (const char *)&rounds[i];
		double under = *(const double *)(at + below);
		double over = above_value > 0 ? above_value : *(const double *)(at + above);
		values[i] = under > 0 ? over / under : 0;
	}
	return bench_median(values, count);
}

static void fill_row(struct content_delivery_row *row, const struct plan *plan,
	const struct round *rounds, unsigned count, uint64_t bytes)
{
	double all_bytes = (double)bytes * plan->viewers;
	*row = (struct content_delivery_row){
		.is_paid = plan->is_paid,
		.caches = plan->caches,
		.viewers = plan->viewers,
		.starts = plan->starts,
		.rounds = count,
		.bytes = bytes,
		.cache_bytes_per_cpu_s = MEDIAN_RATE(cache_cpu_s),
		.nginx_bytes_per_cpu_s = MEDIAN_RATE(nginx_cpu_s),
		.viewer_bytes_per_cpu_s = MEDIAN_RATE(viewer_cpu_s),
		.curl_bytes_per_cpu_s = MEDIAN_RATE(curl_cpu_s),
		.bytes_per_s = MEDIAN_RATE(wall_s),
		.nginx_bytes_per_s = MEDIAN_RATE(nginx_wall_s),
		.ratio_cache = MEDIAN_RATIO(nginx_cpu_s, cache_cpu_s),
		.ratio_viewer = MEDIAN_RATIO(curl_cpu_s, viewer_cpu_s),
	};
}

/* ------------------------------------------------------------------ a plan */

/* The object for nginx, for the sponsor, for each cache and each viewer. Where that is more than
 * there is, what is measured is a machine that looks for memory. */
static bool has_room(const char *folder, const struct plan *plan, uint64_t bytes)
{
	struct statvfs info;
	return statvfs(folder, &info) == 0 &&
	       (uint64_t)info.f_bavail * info.f_frsize >
		       (2 + plan->caches + plan->viewers) * bytes + GIB;
}

static bool use_market(struct delivery *d, const struct plan *plan)
{
	if (d->swarm_runs && d->swarm.caches == plan->caches &&
		d->swarm.terms.starts == plan->starts)
		return true;
	if (d->swarm_runs)
		swarm_stop(&d->swarm, true);
	d->swarm_runs = true;
	d->failed = "starting the market";
	const struct swarm_terms terms = {
		.caches = plan->caches, .viewers = PROCESS_MANY_MAX, .starts = plan->starts};
	return swarm_start(&d->swarm, d->options, &terms);
}

/* A plan that follows one over the same object may use it again: it is published once. */
static bool run_plan(struct delivery *d, const struct plan *plan, struct content_delivery *ret)
{
	bool quick = d->options->quick;
	uint64_t bytes = quick ? plan->quick_bytes : plan->bytes;
	unsigned rounds_max = quick ? 1 : bytes > GIB ? 1 : bytes < 16 * MIB ? 5 : 3;
	struct round rounds[ROUNDS_MAX];
	char name[64], path[400], id[128];
	if (bytes == 0 || !has_room(d->options->workdir, plan, bytes))
		return true;
	if (!use_market(d, plan))
		return false;
	snprintf(name, sizeof name, "object-%u-%llu", plan->caches, (unsigned long long)bytes);
	snprintf(path, sizeof path, "%s/%s", d->options->workdir, name);
	d->failed = "publishing";
	if (access(path, F_OK) != 0 && !write_random(path, bytes, bytes + plan->caches))
		return false;
	if (!swarm_publish(&d->swarm, path, id, sizeof id))
		return false;
	/* One round that does not count: pages are where they will be. */
	if (!quick && !run_round(d, plan, id, name, &rounds[0]))
		return false;
	for (unsigned i = 0; i < rounds_max; i++) {
		if (!run_round(d, plan, id, name, &rounds[i]))
			return false;
	}
	fill_row(&ret->rows[ret->count++], plan, rounds, rounds_max, bytes);
	return true;
}

static uint64_t bytes_of(const struct delivery *d, const struct plan *plan)
{
	return d->options->quick ? plan->quick_bytes : plan->bytes;
}

/* The next plan may want the same object. */
static void remove_object(const struct delivery *d, size_t i)
{
	char path[400];
	const struct plan *plan = &plans[i], *next = plan + 1;
	if (i + 1 < sizeof plans / sizeof *plans && bytes_of(d, plan) == bytes_of(d, next) &&
		plan->caches == next->caches && plan->starts == next->starts)
		return;
	snprintf(path, sizeof path, "%s/object-%u-%llu", d->options->workdir, plan->caches,
		(unsigned long long)bytes_of(d, plan));
	unlink(path);
}

bool content_delivery_run(struct content_delivery *ret, const struct souk_bench_options *options)
{
	struct delivery d = {.options = options, .failed = "starting nginx"};
	const char *clean[] = {"find", options->workdir, "-mindepth", "1", "-delete", NULL};
	bool good = bench_nginx_start(&d.nginx, options->workdir);
	ret->count = 0;
	for (size_t i = 0; i < sizeof plans / sizeof *plans && good; i++) {
		good = run_plan(&d, &plans[i], ret);
		if (good)
			remove_object(&d, i);
	}
	if (d.swarm_runs)
		swarm_stop(&d.swarm, good);
	bench_nginx_stop(&d.nginx);
	if (good)
		process_run(clean, NULL, 0, NULL);
	else
		fprintf(stderr, "souk bench content: %s failed; logs are in %s\n", d.failed,
			options->workdir);
	return good;
}

/* What is larger than 1 GiB is measured once, and with it how a machine finds the memory. */
const struct content_delivery_row *content_delivery_row(const struct content_delivery *delivery,
	bool is_paid, unsigned caches, unsigned viewers, uint64_t bytes)
{
	const struct content_delivery_row *best = NULL;
	for (unsigned i = 0; i < delivery->count; i++) {
		const struct content_delivery_row *row = &delivery->rows[i];
		if (row->is_paid != is_paid || row->caches != caches || row->viewers != viewers ||
			row->starts != 0 || row->bytes > GIB || (bytes != 0 && row->bytes != bytes))
			continue;
		if (best == NULL || row->bytes > best->bytes)
			best = row;
	}
	return best;
}
