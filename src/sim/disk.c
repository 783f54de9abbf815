/* SPDX-License-Identifier: Apache-2.0
 *
 * A disk: transactions over sim_store, and of each commit when it is really there. */
#include "disk.h"

#include <stdlib.h>

#include "souk/base/check.h"

/* Commits that may be lost yet. One of a disk that lies is there with the next but one. */
struct commit {
	uint64_t mark; /* of the store, after it */
	uint64_t us;   /* when the disk says that it is durable */
	bool lies;
};

/* How long a commit took that ended at `end_us`; none that ended later took as long. */
struct span {
	uint64_t end_us, took_us;
};

struct sim_disk {
	struct sim_world *world;
	struct sim_store *store;
	struct souk_store inner;
	struct sim_disk_faults faults;
	struct souk_rng rng; /* where a transaction tears */
	uint64_t safe_mark;  /* before the first of `commits` */
	uint64_t begin_mark; /* of the open transaction */
	uint64_t busy_us;    /* until */
	struct commit *commits;
	uint32_t commit_count, commit_room;
	struct span *spans;
	uint32_t span_count, span_room;
	souk_status spoilt; /* why the open transaction cannot be committed */
	bool is_open;
};

/* ---- the port ---- */

static souk_status disk_get(void *ctx, struct souk_bytes key, struct souk_bytes *ret_value)
{
	const struct sim_disk *disk = ctx;
	return souk_store_get(&disk->inner, key, ret_value);
}

static souk_status disk_put(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct sim_disk *disk = ctx;
	if (!disk->is_open)
		return SOUK_LOCAL_STATE;
	if (disk->faults.is_full) {
		disk->spoilt = SOUK_IO_DISK_FULL;
		return SOUK_IO_DISK_FULL;
	}
	return souk_store_put(&disk->inner, key, value);
}

static souk_status disk_del(void *ctx, struct souk_bytes key)
{
	const struct sim_disk *disk = ctx;
	return disk->is_open ? souk_store_del(&disk->inner, key) : SOUK_LOCAL_STATE;
}

static souk_status disk_next(
	void *ctx, struct souk_bytes from, struct souk_bytes *ret_key, struct souk_bytes *ret_value)
{
	const struct sim_disk *disk = ctx;
	return souk_store_next(&disk->inner, from, ret_key, ret_value);
}

static const struct souk_store_ops disk_ops = {
	.get = disk_get,
	.put = disk_put,
	.del = disk_del,
	.next = disk_next,
};

/* ---- a disk ---- */

struct sim_disk *sim_disk_new(struct sim_world *world, uint64_t seed)
{
	struct sim_disk *disk = sim_alloc(sizeof *disk);
	disk->world = world;
	disk->store = sim_store_new(seed);
	disk->inner = sim_store_view(disk->store);
	souk_rng_init(&disk->rng, seed);
	return disk;
}

void sim_disk_free(struct sim_disk *disk)
{
	if (disk == NULL)
		return;
	sim_store_free(disk->store);
	free(disk->commits);
	free(disk->spans);
	free(disk);
}

struct sim_disk_faults *sim_disk_faults(struct sim_disk *disk)
{
	return &disk->faults;
}

struct souk_store sim_disk_view(struct sim_disk *disk)
{
	return (struct souk_store){.ctx = disk, .ops = &disk_ops};
}

uint64_t sim_disk_count(const struct sim_disk *disk)
{
	return sim_store_count(disk->store);
}

/* ---- what is there after a crash ---- */

/* Whether commit I is there, by itself: not counting that whatever comes after it brings it along.
 * A process that is killed leaves to the disk what it has given it. */
static bool is_there(const struct sim_disk *disk, uint32_t i, bool is_power_cut)
{
	uint64_t now_us = sim_time_us(disk->world);
	uint32_t by = disk->commits[i].lies ? i + 2 : i;
	return by < disk->commit_count && (!is_power_cut || disk->commits[by].us <= now_us);
}

/* How many of the commits are there. */
static uint32_t count_there(const struct sim_disk *disk, bool is_power_cut)
{
	uint32_t count = disk->commit_count;
	while (count > 0 && !is_there(disk, count - 1, is_power_cut))
		count--;
	return count;
}

/* The first COUNT commits can be lost no more. */
static void settle(struct sim_disk *disk, uint32_t count)
{
	if (count == 0)
		return;
	disk->safe_mark = disk->commits[count - 1].mark;
	disk->commit_count -= count;
	for (uint32_t i = 0; i < disk->commit_count; i++)
		disk->commits[i] = disk->commits[i + count];
	sim_store_forget(disk->store, disk->safe_mark);
}

/* Where the store is put back to: a torn transaction may have left some of its changes. */
static uint64_t crash_mark(struct sim_disk *disk)
{
	if (!disk->faults.tears || disk->commit_count == 0)
		return disk->safe_mark;
	uint64_t changes = disk->commits[0].mark - disk->safe_mark;
	return disk->safe_mark + souk_rng_below(&disk->rng, changes + 1);
}

void sim_disk_crash(struct sim_disk *disk, bool is_power_cut)
{
	sim_disk_abort(disk);
	settle(disk, count_there(disk, is_power_cut));
	sim_store_rollback(disk->store, crash_mark(disk));
	disk->safe_mark = sim_store_mark(disk->store);
	sim_store_forget(disk->store, disk->safe_mark);
	disk->commit_count = 0;
	disk->busy_us = 0;
}

bool sim_disk_rot(struct sim_disk *disk, uint64_t which)
{
	return sim_store_rot(disk->store, which);
}

/* ---- transactions ---- */

souk_status sim_disk_begin(struct sim_disk *disk, struct souk_store *ret_view)
{
	if (disk->is_open)
		return SOUK_LOCAL_STATE;
	disk->is_open = true;
	disk->spoilt = SOUK_OK;
	disk->begin_mark = sim_store_mark(disk->store);
	*ret_view = sim_disk_view(disk);
	return SOUK_OK;
}

void sim_disk_abort(struct sim_disk *disk)
{
	if (!disk->is_open)
		return;
	sim_store_rollback(disk->store, disk->begin_mark);
	disk->is_open = false;
}

static void add_span(struct sim_disk *disk, struct span span)
{
	while (disk->span_count > 0 && disk->spans[disk->span_count - 1].took_us <= span.took_us)
		disk->span_count--;
	if (disk->span_count == disk->span_room) {
		disk->span_room = disk->span_room ? disk->span_room * 2 : 4;
		disk->spans = realloc(disk->spans, disk->span_room * sizeof *disk->spans);
		SOUK_CHECK(disk->spans != NULL);
	}
	disk->spans[disk->span_count++] = span;
}

uint64_t sim_disk_longest_us(const struct sim_disk *disk, uint64_t since_us)
{
	uint64_t longest = 0;
	for (uint32_t i = disk->span_count; i > 0 && disk->spans[i - 1].end_us >= since_us; i--)
		longest = disk->spans[i - 1].took_us;
	return longest;
}

static void add_commit(struct sim_disk *disk, uint64_t us)
{
	if (disk->commit_count == disk->commit_room) {
		disk->commit_room = disk->commit_room ? disk->commit_room * 2 : 4;
		disk->commits = realloc(disk->commits, disk->commit_room * sizeof *disk->commits);
		SOUK_CHECK(disk->commits != NULL);
	}
	disk->commits[disk->commit_count++] = (struct commit){
		.mark = sim_store_mark(disk->store), .us = us, .lies = disk->faults.loses};
}

souk_status sim_disk_commit(struct sim_disk *disk, uint64_t *ret_world_us)
{
	uint64_t now_us = sim_time_us(disk->world);
	if (!disk->is_open)
		return SOUK_LOCAL_STATE;
	souk_status status = disk->spoilt != SOUK_OK   ? disk->spoilt
			     : disk->faults.is_failing ? SOUK_IO_STORE
						       : SOUK_OK;
	if (status != SOUK_OK) {
		sim_disk_abort(disk);
		return status;
	}
	/* One after the other: a disk has one head. */
	disk->busy_us = (disk->busy_us > now_us ? disk->busy_us : now_us) + disk->faults.latency_us;
	settle(disk, count_there(disk, true));
	add_commit(disk, disk->busy_us);
	add_span(disk, (struct span){disk->busy_us, disk->busy_us - now_us});
	disk->is_open = false;
	*ret_world_us = disk->busy_us;
	return SOUK_OK;
}
