/* SPDX-License-Identifier: Apache-2.0
 *
 * Real processes: caches (soukd), viewers (souk get, which verifies and writes), as many nginx, and
 * curl with sha256sum. Ours and the peers in turn, and ratios round by round. Processor time is
 * what the processes themselves used, user and system: the sponsor's and the ledger's are beside it
 * (see the issuing of bundles). */
#include "content_delivery.h"

#include <stddef.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "content_peers.h"
#include "median.h"
#include "process.h"

#define ROUNDS_MAX 7u
#define KIB	   1024ull
#define MIB	   (1024 * KIB)
#define GIB	   (1024 * MIB)

struct plan {
	unsigned caches, viewers, files;
	uint64_t bytes, quick_bytes; /* of a file; 0: not in a quick run */
	bool is_paid;
	unsigned starts; /* 0: the sponsor's default */
};

/* Caches in growing order: a market is made for each number of them. */
static const struct plan plans[] = {
	{1, 1, 1, 256 * MIB, 16 * MIB, false, 0},
	{1, 1, 1, 256 * MIB, 16 * MIB, true, 0},
	{1, 8, 1, 128 * MIB, 16 * MIB, false, 0},
	{1, 8, 1, 128 * MIB, 0, true, 0},
	{1, 64, 1, 64 * MIB, 0, false, 0},
	{1, 1, 1, 4 * GIB, 0, false, 0},
	{1, 1, 4096, 4 * KIB, 4 * KIB, false, 0},
	{1, 1, 1024, 64 * KIB, 0, false, 0},
	{1, 1, 128, MIB, 0, false, 0},
	{1, 1, 1, 256 * MIB, 16 * MIB, false, 64},
	{2, 1, 1, 256 * MIB, 0, false, 0},
	{2, 1, 1, 256 * MIB, 0, true, 0},
	{4, 1, 1, 4 * KIB, 4 * KIB, false, 0},
	{4, 1, 1, 64 * KIB, 0, false, 0},
	{4, 1, 1, MIB, 0, false, 0},
	{4, 1, 1, 16 * MIB, 0, false, 0},
	{4, 1, 1, 256 * MIB, 32 * MIB, false, 0},
	{4, 1, 1, 256 * MIB, 32 * MIB, true, 0},
	{4, 8, 1, 128 * MIB, 4 * MIB, false, 0},
	{4, 8, 1, 128 * MIB, 0, true, 0},
	{4, 64, 1, 16 * MIB, 0, false, 0},
	{4, 1, 1, GIB, 0, false, 0},
	{4, 8, 4096, 4 * KIB, 0, false, 0},
	{8, 1, 1, 256 * MIB, 0, false, 0},
	{8, 1, 1, 256 * MIB, 0, true, 0},
	{8, 8, 1, 128 * MIB, 0, false, 0},
};

struct delivery {
	const struct souk_bench_options *options;
	struct content_peers peers;
	struct swarm swarm;
	bool swarm_runs;
	const char *failed;
};

struct round {
	double cache_cpu_s, viewer_cpu_s, wall_s;
	double nginx_cpu_s, curl_cpu_s, nginx_wall_s;
	double pipe_cpu_s; /* curl into sha256sum; 0 where that was not run */
};

/* ------------------------------------------------------------------ a round */

/* What others left goes before the clock starts: on a virtual machine that gives memory which is
 * free for long back to its host, whoever writes next is charged for having it again. */
static bool run_peers(struct delivery *d, const struct plan *plan,
	const struct content_object *object, struct round *ret)
{
	double server_s, wall_s;
	swarm_remove_got(&d->swarm);
	if (!content_peers_run(&d->peers, &d->swarm, object, plan->viewers, false,
		    &ret->nginx_cpu_s, &ret->curl_cpu_s, &ret->nginx_wall_s))
		return false;
	ret->pipe_cpu_s = 0;
	return object->files > 1 || object->servers > 1 ||
	       content_peers_run(&d->peers, &d->swarm, object, plan->viewers, true, &server_s,
		       &ret->pipe_cpu_s, &wall_s);
}

static bool run_round(struct delivery *d, const struct plan *plan,
	const struct content_object *object, const char *id, struct round *ret)
{
	double before = swarm_caches_cpu_s(&d->swarm);
	d->failed = plan->is_paid ? "a paid download" : "a sponsored download";
	swarm_remove_got(&d->swarm);
	if (!swarm_get(
		    &d->swarm, id, plan->viewers, plan->is_paid, &ret->viewer_cpu_s, &ret->wall_s))
		return false;
	ret->cache_cpu_s = swarm_caches_cpu_s(&d->swarm) - before;
	d->failed = "nginx, curl and sha256sum";
	return run_peers(d, plan, object, ret);
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
	double all_bytes = (double)bytes * plan->files * plan->viewers;
	*row = (struct content_delivery_row){
		.is_paid = plan->is_paid,
		.caches = plan->caches,
		.viewers = plan->viewers,
		.files = plan->files,
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
		.ratio_pipe = MEDIAN_RATIO(pipe_cpu_s, viewer_cpu_s),
	};
}

/* ------------------------------------------------------------------ a plan */

/* The object and its parts, and what each viewer has. Where that is more than there is, what is
 * measured is a machine that looks for memory. */
static bool has_room(const char *folder, const struct plan *plan, uint64_t bytes)
{
	struct statvfs info;
	return statvfs(folder, &info) == 0 &&
	       (uint64_t)info.f_bavail * info.f_frsize >
		       (2 + plan->viewers) * plan->files * bytes + GIB / 2;
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

/* Rounds enough for a median, of what takes long fewer. */
static unsigned rounds_of(const struct plan *plan, uint64_t bytes)
{
	uint64_t all = plan->files * bytes * plan->viewers;
	return all > 2 * GIB ? 1 : all < 64 * MIB ? 7 : all < GIB ? 5 : 3;
}

/* A plan that follows one over the same object may use it again: it is published once. */
static bool run_plan(struct delivery *d, const struct plan *plan, struct content_delivery *ret)
{
	bool quick = d->options->quick;
	uint64_t bytes = quick ? plan->quick_bytes : plan->bytes;
	unsigned count = quick ? 1 : rounds_of(plan, bytes);
	struct content_object object;
	struct round rounds[ROUNDS_MAX];
	char id[128];
	if (bytes == 0 || !has_room(d->options->workdir, plan, bytes))
		return true;
	if (!use_market(d, plan))
		return false;
	d->failed = "publishing";
	if (!content_object_make(&object, &d->peers, plan->caches, plan->files, bytes) ||
		!swarm_publish(&d->swarm, object.path, id, sizeof id))
		return false;
	/* One round that does not count: pages are where they will be. */
	bool good = quick || run_round(d, plan, &object, id, &rounds[0]);
	for (unsigned i = 0; i < count && good; i++)
		good = run_round(d, plan, &object, id, &rounds[i]);
	if (!good)
		return false;
	fill_row(&ret->rows[ret->count++], plan, rounds, count, bytes);
	const struct plan *next = plan + 1;
	bool is_last = next == plans + sizeof plans / sizeof *plans;
	if (is_last || next->bytes != plan->bytes || next->files != plan->files ||
		next->caches != plan->caches || next->starts != plan->starts)
		content_object_remove(&object);
	return true;
}

bool content_delivery_run(struct content_delivery *ret, const struct souk_bench_options *options)
{
	struct delivery d = {.options = options, .failed = "starting nginx"};
	const char *clean[] = {"find", options->workdir, "-mindepth", "1", "-delete", NULL};
	bool good = content_peers_start(&d.peers, options->workdir);
	ret->count = 0;
	for (size_t i = 0; i < sizeof plans / sizeof *plans && good; i++)
		good = run_plan(&d, &plans[i], ret);
	if (d.swarm_runs)
		swarm_stop(&d.swarm, good);
	content_peers_stop(&d.peers);
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
			row->files != 1 || row->starts != 0 || row->bytes > GIB ||
			(bytes != 0 && row->bytes != bytes))
			continue;
		if (best == NULL || row->bytes > best->bytes)
			best = row;
	}
	return best;
}
