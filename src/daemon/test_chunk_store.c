/* SPDX-License-Identifier: Apache-2.0
 *
 * The chunk store: parts, eviction, pins, and what a kill or a failing disk leaves. fdatasync is
 * this file's own, so that it sees what was durable when a bit became so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chunk_kit.h"
#include "souk/base/check.h"

/* Files in HOME/content, and in all of them. */
static unsigned count_files(const struct home *home)
{
	char path[128];
	unsigned count = 0;
	snprintf(path, sizeof path, "%s/content", home->path);
	DIR *folder = opendir(path);
	assert_non_null(folder);
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static bool has_bits(const struct home *home, const struct sample *sample)
{
	char path[512];
	provider_store_have_path(&home->store, &sample->content.id, path);
	return access(path, F_OK) == 0;
}

static struct chunk_item *create(struct home *home, const struct sample *sample)
{
	struct chunk_item *item = NULL;
	assert_int_equal(
		chunk_store_create(home->chunks, &sample->content, sample->row, "a film", &item),
		SOUK_OK);
	return item;
}

/* Whole, and given back. */
static void add(struct home *home, const struct sample *sample)
{
	struct chunk_item *item = create(home, sample);
	put_all(item, sample);
	chunk_item_give(item);
}

static bool is_here(struct home *home, const struct sample *sample)
{
	struct chunk_item *item;
	souk_status status = chunk_store_take(home->chunks, &sample->content.id, &item);
	if (status == SOUK_OK)
		chunk_item_give(item);
	return status == SOUK_OK;
}

/* ------------------------------------------------------------------ what the disk has */

static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool watch_disk, fail_disk;
static bool on_disk[CHUNKS_MAX]; /* chunks of the one content that is watched */
static uint32_t watched_chunks;
static atomic_uint bit_syncs;
static unsigned lies; /* read when nobody writes */

static void note_data(int fd)
{
	uint8_t first;
	for (uint32_t i = 0; i < watched_chunks; i++) {
		if (pread(fd, &first, 1, (off_t)i * CHUNK) == 1 && first != 0)
			on_disk[i] = true;
	}
}

static void check_bits(int fd)
{
	uint8_t byte;
	bit_syncs++;
	for (uint32_t i = 0; i < watched_chunks; i++) {
		if (pread(fd, &byte, 1, i / 8) == 1 && (byte >> (i % 8) & 1) != 0 && !on_disk[i])
			lies++;
	}
}

/* Instead of the C library's. */
int fdatasync(int fd)
{
	struct stat info;
	if (atomic_load(&fail_disk)) {
		errno = EIO;
		return -1;
	}
	if (atomic_load(&watch_disk) && fstat(fd, &info) == 0) {
		pthread_mutex_lock(&disk_lock);
		if ((uint64_t)info.st_size > watched_chunks)
			note_data(fd);
		else if ((uint64_t)info.st_size == (watched_chunks + 7) / 8)
			check_bits(fd);
		pthread_mutex_unlock(&disk_lock);
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static void pause_ms(long ms)
{
	struct timespec time = {ms / 1000, ms % 1000 * 1000000};
	nanosleep(&time, NULL);
}

/* ------------------------------------------------------------------ the tests */

static void parts_are_kept(void **state)
{
	struct home home;
	struct chunk_item *item;
	struct souk_availability *availability = calloc(1, sizeof *availability);
	struct sample *sample = sample_new(1, 10);
	uint8_t data[2 * CHUNK];
	(void)state;
	home_new(&home, ROOM(100));
	assert_int_equal(
		chunk_store_take(home.chunks, &sample->content.id, &item), SOUK_LOCAL_NOT_FOUND);
	item = create(&home, sample);
	assert_int_equal(put(item, sample, 2), SOUK_OK);
	assert_int_equal(put(item, sample, 3), SOUK_OK);
	assert_int_equal(put(item, sample, 9), SOUK_OK);
	assert_int_equal(put(item, sample, 9), SOUK_OK);
	assert_true(chunk_item_has(item, 9));
	assert_false(chunk_item_has(item, 4));
	assert_false(chunk_item_has(item, 10));
	assert_int_equal(chunk_item_count(item), 3);
	assert_int_equal(chunk_item_read(item, 2 * CHUNK + 5, data, 2 * CHUNK - 5), SOUK_OK);
	assert_int_equal(chunk_item_read(item, 2 * CHUNK, data, 2 * CHUNK), SOUK_OK);
	assert_int_equal(
		chunk_item_read(item, 2 * CHUNK + 5, data, 2 * CHUNK), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(chunk_item_read(item, 10 * CHUNK, data, 1), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(chunk_item_write(item, 1, souk_bytes_of(data, 5)), SOUK_PEER_WRONG_LENGTH);
	assert_int_equal(
		chunk_item_write(item, 10, souk_bytes_of(data, CHUNK)), SOUK_PEER_NO_CHUNK);
	chunk_item_availability(item, availability);
	assert_int_equal(availability->chunks, 10);
	assert_int_equal(availability->ranges.count, 2);
	assert_int_equal(availability->ranges.items[0].first, 2);
	assert_int_equal(availability->ranges.items[0].count, 2);
	assert_int_equal(availability->ranges.items[1].first, 9);
	chunk_item_give(item);
	home_close(&home);

	home_open(&home, ROOM(100));
	assert_int_equal(chunk_store_take(home.chunks, &sample->content.id, &item), SOUK_OK);
	assert_int_equal(chunk_item_count(item), 3);
	assert_true(is_good(item, 9));
	assert_int_equal(chunk_item_content(item)->size, sample->content.size);
	put_all(item, sample);
	assert_true(chunk_item_is_whole(item));
	chunk_item_give(item);
	home_close(&home);
	assert_false(has_bits(&home, sample));

	home_open(&home, ROOM(100));
	item = create(&home, sample); /* what is there */
	assert_true(chunk_item_is_whole(item));
	for (uint32_t i = 0; i < 10; i++)
		assert_true(is_good(item, i));
	chunk_item_give(item);
	home_end(&home);
	free(availability);
	free(sample);
}

static void an_empty_content_is_whole(void **state)
{
	struct home home;
	struct souk_content content = {.chunk_size = CHUNK};
	struct chunk_item *item;
	(void)state;
	home_new(&home, ROOM(1));
	assert_int_equal(chunk_store_create(home.chunks, &content, NULL, NULL, &item), SOUK_OK);
	assert_true(chunk_item_is_whole(item));
	chunk_item_give(item);
	home_close(&home);
	home_open(&home, ROOM(1));
	assert_int_equal(chunk_store_figures_now(home.chunks).items, 1);
	home_end(&home);
}

static void the_longest_ranges_are_told(void **state)
{
	struct home home;
	struct souk_availability *availability = calloc(1, sizeof *availability);
	struct sample *sample = sample_new(2, 3000);
	struct chunk_item *item;
	(void)state;
	home_new(&home, ROOM(3000));
	item = create(&home, sample);
	/* 1,200 short ones, then ten long ones. */
	for (uint32_t i = 0; i < 2400; i += 2)
		assert_int_equal(put(item, sample, i), SOUK_OK);
	for (uint32_t i = 2401; i < 3000; i++) {
		if (i % 60 != 0)
			assert_int_equal(put(item, sample, i), SOUK_OK);
	}
	chunk_item_availability(item, availability);
	assert_int_equal(availability->ranges.count, 1024);
	unsigned long_ones = 0;
	for (unsigned i = 0; i < 1024; i++) {
		const struct souk_chunk_range *range = &availability->ranges.items[i];
		long_ones += range->count == 59;
		if (i > 0)
			assert_true(range->first > range[-1].first + range[-1].count);
		for (uint32_t j = 0; j < range->count; j++)
			assert_true(chunk_item_has(item, range->first + j));
	}
	assert_int_equal(long_ones, 10);
	chunk_item_give(item);
	home_end(&home);
	free(availability);
	free(sample);
}

static void what_earns_least_goes_first(void **state)
{
	struct home home;
	struct sample *samples[4];
	(void)state;
	home_new(&home, 3 * ROOM(10));
	for (uint32_t i = 0; i < 4; i++)
		samples[i] = sample_new(10 + i, 10);
	for (uint32_t i = 0; i < 3; i++)
		add(&home, samples[i]);
	chunk_store_earned(home.chunks, &samples[0]->content.id, 10, souk_amount_of_ncoin(5000));
	chunk_store_earned(home.chunks, &samples[1]->content.id, 1, souk_amount_of_ncoin(500));
	chunk_store_earned(home.chunks, &samples[2]->content.id, 2, souk_amount_of_ncoin(1000));
	home_close(&home);
	/* After a restart it knows what each earned. */
	home_open(&home, 3 * ROOM(10));
	assert_int_equal(count_files(&home), 6);
	add(&home, samples[3]);
	assert_true(is_here(&home, samples[0]));
	assert_false(is_here(&home, samples[1]));
	assert_true(is_here(&home, samples[2]));
	struct chunk_store_figures figures = chunk_store_figures_now(home.chunks);
	assert_int_equal(figures.items, 3);
	assert_int_equal(figures.evictions, 1);
	assert_int_equal(figures.used, 3 * ROOM(10) - 3 * 100);
	home_close(&home);
	assert_int_equal(count_files(&home), 6);
	/* A smaller limit takes effect at once. */
	home_open(&home, ROOM(10));
	assert_int_equal(chunk_store_figures_now(home.chunks).items, 1);
	assert_int_equal(count_files(&home), 2);
	home_end(&home);
	for (uint32_t i = 0; i < 4; i++)
		free(samples[i]);
}

/* Who only says that something comes takes nothing: others go as it comes, least revenue first. */
static void what_never_comes_evicts_nothing(void **state)
{
	struct home home;
	struct sample *samples[4], *big = sample_new(19, 30), *other = sample_new(20, 30);
	struct chunk_item *coming, *second;
	(void)state;
	home_new(&home, ROOM(30) + 4 * ROOM(0));
	for (uint32_t i = 0; i < 3; i++) {
		samples[i] = sample_new(10 + i, 10);
		add(&home, samples[i]);
		chunk_store_earned(
			home.chunks, &samples[i]->content.id, 1, souk_amount_of_ncoin(100 * i));
	}
	coming = create(&home, big);
	assert_int_equal(chunk_store_figures_now(home.chunks).evictions, 0);
	/* Both could not find room to their ends. */
	assert_int_equal(chunk_store_create(home.chunks, &other->content, other->row, "", &second),
		SOUK_LOCAL_FULL);
	assert_int_equal(put(coming, big, 7), SOUK_OK);
	assert_int_equal(chunk_store_figures_now(home.chunks).evictions, 1);
	assert_false(is_here(&home, samples[0]));
	/* Given up, and a restart later, it takes what is here of it. */
	chunk_item_give(coming);
	home_close(&home);
	home_open(&home, ROOM(30) + 4 * ROOM(0));
	uint64_t row = 30 * SOUK_HASH_SIZE + 8192;
	assert_int_equal(
		chunk_store_figures_now(home.chunks).used, 2 * ROOM(10) - 2 * 100 + row + CHUNK);
	assert_true(is_here(&home, samples[1]));
	coming = create(&home, big);
	put_all(coming, big);
	assert_true(chunk_item_is_whole(coming));
	assert_false(is_here(&home, samples[1]));
	assert_false(is_here(&home, samples[2]));
	assert_true(chunk_store_figures_now(home.chunks).used <= ROOM(30));
	chunk_item_give(coming);
	home_end(&home);
	for (uint32_t i = 0; i < 3; i++)
		free(samples[i]);
	free(big);
	free(other);
}

/* Bytes that the disk gave to the file of SAMPLE. */
static uint64_t on_disk_of(struct home *home, const struct sample *sample)
{
	char path[512];
	struct stat info;
	provider_store_data_path(&home->store, &sample->content.id, path);
	assert_int_equal(stat(path, &info), 0);
	return (uint64_t)info.st_blocks * 512;
}

/* What is expected takes room on the disk only where the cache has it, and counts it. */
static void what_is_expected_has_its_room(void **state)
{
	struct home home;
	struct sample *old = sample_new(1, 10), *first = sample_new(2, 10);
	uint64_t before = ROOM(10) - 100, begun = 10 * SOUK_HASH_SIZE + 8192;
	(void)state;
	home_new(&home, before + begun + CHUNK);
	add(&home, old);
	struct chunk_item *item = create(&home, first);
	assert_int_equal(chunk_store_figures_now(home.chunks).used, before + begun);
	chunk_item_expect(item, 0);
	chunk_item_expect(item, 0);
	assert_int_equal(chunk_store_figures_now(home.chunks).used, before + begun + CHUNK);
	assert_true(on_disk_of(&home, first) >= CHUNK);
	assert_int_equal(put(item, first, 0), SOUK_OK);
	assert_int_equal(chunk_store_figures_now(home.chunks).used, before + begun + CHUNK);
	/* The cache is full: nobody goes for what may never come. */
	uint64_t taken = on_disk_of(&home, first);
	chunk_item_expect(item, 1);
	assert_int_equal(on_disk_of(&home, first), taken);
	assert_int_equal(chunk_store_figures_now(home.chunks).used, before + begun + CHUNK);
	assert_int_equal(chunk_store_figures_now(home.chunks).evictions, 0);
	chunk_item_give(item);
	home_end(&home);
	free(old);
	free(first);
}

static void what_is_in_use_stays(void **state)
{
	struct home home;
	struct sample *a = sample_new(20, 10), *b = sample_new(21, 10), *big = sample_new(22, 11);
	struct chunk_item *held, *item = NULL;
	(void)state;
	home_new(&home, ROOM(10));
	held = create(&home, a);
	put_all(held, a);
	assert_int_equal(
		chunk_store_create(home.chunks, &b->content, b->row, "", &item), SOUK_LOCAL_FULL);
	assert_int_equal(chunk_store_evict(home.chunks, &a->content.id), SOUK_LOCAL_STATE);
	assert_true(is_good(held, 9));
	chunk_item_give(held);
	assert_int_equal(chunk_store_create(home.chunks, &big->content, big->row, "", &item),
		SOUK_LOCAL_FULL);
	assert_true(is_here(&home, a)); /* it would not help */
	assert_null(item);
	item = create(&home, b);
	chunk_item_give(item);
	assert_false(is_here(&home, a));
	assert_int_equal(chunk_store_evict(home.chunks, &b->content.id), SOUK_OK);
	assert_int_equal(count_files(&home), 0);
	assert_int_equal(chunk_store_figures_now(home.chunks).used, 0);
	home_end(&home);
	free(a);
	free(b);
	free(big);
}

/* As souk add does, in another process. */
static void pin(const struct home *home, const struct sample *sample)
{
	struct souk_content_record record = {
		.size = sample->content.size, .chunk_size = sample->content.chunk_size};
	uint32_t count = souk_content_chunk_count(&sample->content);
	uint8_t data[CHUNK];
	char path[512];
	assert_int_equal(provider_store_pin(&home->store, &sample->content.id), SOUK_OK);
	provider_store_data_path(&home->store, &sample->content.id, path);
	unlink(path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	for (uint32_t i = 0; i < count; i++) {
		size_t size = souk_content_chunk_length(&sample->content, i);
		fill(data, size, sample->seed, i);
		assert_int_equal(fwrite(data, size, 1, file), 1);
	}
	fclose(file);
	provider_store_row_path(&home->store, &sample->content.id, path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(sample->row, SOUK_HASH_SIZE, count, file), count);
	fclose(file);
	provider_store_have_path(&home->store, &sample->content.id, path);
	unlink(path);
	assert_int_equal(
		provider_store_put_content(&home->store, &sample->content.id, &record), SOUK_OK);
}

static void pinned_contents_stay(void **state)
{
	struct home home;
	struct sample *part = sample_new(30, 10), *whole = sample_new(31, 10),
		      *other = sample_new(32, 10);
	struct chunk_item *item;
	(void)state;
	home_new(&home, ROOM(10));
	pin(&home, whole);
	item = create(&home, part);
	assert_int_equal(put(item, part, 3), SOUK_OK);
	pin(&home, part);
	assert_int_equal(put(item, part, 4), SOUK_OK); /* while it is fetched */
	chunk_item_give(item);
	item = create(&home, other); /* over the limit, were it not pinned */
	chunk_item_give(item);
	assert_true(is_here(&home, part));
	assert_true(is_here(&home, whole));
	home_close(&home);
	assert_false(has_bits(&home, part));
	home_open(&home, ROOM(10));
	assert_int_equal(chunk_store_take(home.chunks, &part->content.id, &item), SOUK_OK);
	assert_true(chunk_item_is_whole(item));
	assert_true(is_good(item, 0));
	chunk_item_give(item);
	assert_int_equal(chunk_store_evict(home.chunks, &part->content.id), SOUK_LOCAL_NOT_FOUND);
	struct chunk_store_figures figures = chunk_store_figures_now(home.chunks);
	assert_int_equal(figures.items, 1);
	assert_int_equal(figures.pinned, part->content.size + whole->content.size);
	home_end(&home);
	free(part);
	free(whole);
	free(other);
}

/* One that is pinned while it is open is seen as pinned, and whole, before a restart too. */
static void a_pin_is_noticed(void **state)
{
	struct home home;
	struct sample *part = sample_new(33, 4);
	struct chunk_item *item;
	bool is_whole = false;
	(void)state;
	home_new(&home, ROOM(10));
	item = create(&home, part);
	assert_int_equal(put(item, part, 3), SOUK_OK);
	chunk_item_give(item);
	pin(&home, part);
	for (int i = 0; i < 1200 && !is_whole; i++) {
		assert_int_equal(chunk_store_take(home.chunks, &part->content.id, &item), SOUK_OK);
		is_whole = chunk_item_is_whole(item);
		chunk_item_give(item);
		pause_ms(50);
	}
	assert_true(is_whole);
	assert_int_equal(chunk_store_figures_now(home.chunks).used, 0);
	home_end(&home);
	free(part);
}

static void bits_come_after_their_data(void **state)
{
	struct home home;
	struct sample *sample = sample_new(40, 400);
	struct chunk_item *item;
	(void)state;
	memset(on_disk, 0, sizeof on_disk);
	watched_chunks = 400;
	bit_syncs = 0;
	lies = 0;
	home_new(&home, ROOM(1000));
	atomic_store(&watch_disk, true);
	item = create(&home, sample);
	for (uint32_t i = 0; i < 400 && (i < 399 || bit_syncs >= 2); i++) {
		assert_int_equal(put(item, sample, (i * 7) % 400), SOUK_OK);
		if (i % 40 == 0)
			pause_ms(60);
	}
	chunk_item_give(item);
	home_close(&home);
	atomic_store(&watch_disk, false);
	assert_int_equal(lies, 0);
	assert_true(bit_syncs >= 1);
	home_open(&home, ROOM(1000));
	home_end(&home);
	free(sample);
}

static void what_cannot_be_synced_is_not_here(void **state)
{
	struct home home;
	struct sample *sample = sample_new(50, 10);
	struct chunk_item *item;
	(void)state;
	home_new(&home, ROOM(100));
	item = create(&home, sample);
	assert_int_equal(put(item, sample, 1), SOUK_OK);
	chunk_item_give(item);
	home_close(&home);
	home_open(&home, ROOM(100));
	assert_int_equal(chunk_store_take(home.chunks, &sample->content.id, &item), SOUK_OK);
	atomic_store(&fail_disk, true);
	assert_int_equal(put(item, sample, 2), SOUK_OK);
	/* Who waits is told. */
	assert_int_equal(chunk_item_wait(item, 5, 60000), SOUK_IO_WRITE);
	assert_true(chunk_item_has(item, 1));
	assert_false(chunk_item_has(item, 2));
	atomic_store(&fail_disk, false);
	put_all(item, sample);
	chunk_item_give(item);
	home_close(&home);
	home_open(&home, ROOM(100));
	assert_int_equal(chunk_store_take(home.chunks, &sample->content.id, &item), SOUK_OK);
	assert_true(chunk_item_is_whole(item));
	chunk_item_give(item);
	home_end(&home);
	free(sample);
}

static void a_full_disk_is_said(void **state)
{
	struct home home;
	struct sample *sample = sample_new(60, 100);
	struct chunk_item *item;
	struct rlimit before, small = {500000, 500000};
	(void)state;
	home_new(&home, ROOM(1000));
	item = create(&home, sample);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_IGN);
	small.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	souk_status first = put(item, sample, 0), last = put(item, sample, 99);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(first, SOUK_OK);
	assert_int_equal(last, SOUK_IO_DISK_FULL);
	assert_false(chunk_item_has(item, 99));
	assert_int_equal(put(item, sample, 99), SOUK_OK);
	assert_true(is_good(item, 99));
	chunk_item_give(item);
	home_end(&home);
	free(sample);
}

/* ------------------------------------------------------------------ waiting, many threads */

struct worker {
	struct home *home;
	struct sample *sample;
	struct chunk_item *item;
	uint32_t number;
	souk_status status;
	atomic_uint *bad;
};

static void *write_part(void *ctx)
{
	struct worker *worker = ctx;
	for (uint32_t i = worker->number; i < 200; i += 4) {
		if (put(worker->item, worker->sample, i) != SOUK_OK)
			atomic_fetch_add(worker->bad, 1);
	}
	return NULL;
}

static void *read_all(void *ctx)
{
	struct worker *worker = ctx;
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t chunk = (i * 37 + worker->number) % 200;
		if (chunk_item_wait(worker->item, chunk, 60000) != SOUK_OK ||
			!is_good(worker->item, chunk))
			atomic_fetch_add(worker->bad, 1);
	}
	return NULL;
}

/* Others come and go meanwhile. */
static void *churn(void *ctx)
{
	struct worker *worker = ctx;
	for (int i = 0; i < 12; i++) {
		struct chunk_item *item;
		if (chunk_store_create(worker->home->chunks, &worker->sample->content,
			    worker->sample->row, "", &item) != SOUK_OK)
			continue;
		for (uint32_t j = 0; j < 5; j++) {
			if (put(item, worker->sample, j) != SOUK_OK || !is_good(item, j))
				atomic_fetch_add(worker->bad, 1);
		}
		chunk_item_give(item);
		chunk_store_earned(worker->home->chunks, &worker->sample->content.id, 1,
			souk_amount_of_ncoin(10));
	}
	return NULL;
}

static void many_threads_share_it(void **state)
{
	struct home home;
	struct sample *sample = sample_new(70, 200);
	struct worker workers[12];
	pthread_t threads[12];
	atomic_uint bad = 0;
	(void)state;
	home_new(&home, ROOM(200) + 2 * ROOM(10));
	struct chunk_item *item = create(&home, sample);
	for (uint32_t i = 0; i < 12; i++) {
		workers[i] = (struct worker){.home = &home,
			.sample = i < 8 ? sample : sample_new(80 + i, 10),
			.item = item,
			.number = i % 4,
			.bad = &bad};
		assert_int_equal(pthread_create(&threads[i], NULL,
					 i < 4	 ? read_all
					 : i < 8 ? write_part
						 : churn,
					 &workers[i]),
			0);
	}
	for (uint32_t i = 0; i < 12; i++) {
		pthread_join(threads[i], NULL);
		if (i >= 8)
			free(workers[i].sample);
	}
	assert_int_equal(atomic_load(&bad), 0);
	assert_true(chunk_item_is_whole(item));
	chunk_item_give(item);
	struct chunk_store_figures figures = chunk_store_figures_now(home.chunks);
	assert_true(figures.used <= figures.limit);
	home_end(&home);
	free(sample);
}

static void *wait_for_one(void *ctx)
{
	struct worker *worker = ctx;
	worker->status = chunk_item_wait(worker->item, worker->number, 60000);
	return NULL;
}

static void who_waits_is_woken(void **state)
{
	struct home home;
	struct sample *sample = sample_new(90, 4);
	pthread_t thread;
	(void)state;
	home_new(&home, ROOM(10));
	struct worker worker = {.item = create(&home, sample), .number = 2};
	assert_int_equal(chunk_item_wait(worker.item, 2, 20), SOUK_IO_TIMEOUT);
	assert_int_equal(pthread_create(&thread, NULL, wait_for_one, &worker), 0);
	pause_ms(20);
	assert_int_equal(put(worker.item, sample, 2), SOUK_OK);
	pthread_join(thread, NULL);
	assert_int_equal(worker.status, SOUK_OK);
	worker.number = 3;
	worker.status = SOUK_OK;
	assert_int_equal(pthread_create(&thread, NULL, wait_for_one, &worker), 0);
	/* It may not wait yet: a wake is for those who do. */
	while (pthread_tryjoin_np(thread, NULL) != 0) {
		chunk_item_wake(worker.item, SOUK_LOCAL_NO_PROVIDER_LEFT);
		pause_ms(5);
	}
	assert_int_equal(worker.status, SOUK_LOCAL_NO_PROVIDER_LEFT);
	chunk_item_give(worker.item);
	home_end(&home);
	free(sample);
}

/* ------------------------------------------------------------------ kill -9 */

/* Fetch, evict and earn until somebody kills us. */
static void live(const char *path, struct sample *const *samples, uint32_t seed)
{
	struct home home;
	snprintf(home.path, sizeof home.path, "%s", path);
	SOUK_CHECK(provider_store_open(&home.store, path, false) == SOUK_OK);
	SOUK_CHECK(chunk_store_open(&home.chunks, &home.store, 2 * ROOM(50)) == SOUK_OK);
	for (uint32_t i = seed;; i++) {
		const struct sample *sample = samples[i * 7919 % 5];
		struct chunk_item *item;
		souk_status status =
			chunk_store_create(home.chunks, &sample->content, sample->row, "x", &item);
		SOUK_CHECK(status == SOUK_OK);
		for (uint32_t j = 0; j < 20; j++) {
			status = put(item, sample, (i + j * 11) % 50);
			SOUK_CHECK(status == SOUK_OK);
		}
		chunk_item_give(item);
		chunk_store_earned(
			home.chunks, &sample->content.id, i % 3, (struct souk_amount){i});
		pause_ms(5);
	}
}

static void a_killed_cache_has_what_it_says(void **state)
{
	struct home home;
	struct sample *samples[5];
	unsigned found = 0;
	(void)state;
	for (uint32_t i = 0; i < 5; i++)
		samples[i] = sample_new(100 + i, 50);
	home_new(&home, 2 * ROOM(50));
	/* Until there was something to find, however slow the disk is. */
	for (uint32_t round = 0; round < 12 || (found == 0 && round < 100); round++) {
		home_close(&home);
		pid_t child = fork();
		if (child == 0)
			live(home.path, samples, round * 31);
		pause_ms(40 + round * 53 % 500 + round * 10);
		kill(child, SIGKILL);
		int end;
		assert_int_equal(waitpid(child, &end, 0), child);
		assert_true(WIFSIGNALED(end) && WTERMSIG(end) == SIGKILL);
		home_open(&home, 2 * ROOM(50));
		struct chunk_store_figures figures = chunk_store_figures_now(home.chunks);
		assert_true(figures.used <= figures.limit);
		unsigned files = 0;
		for (uint32_t i = 0; i < 5; i++) {
			struct chunk_item *item;
			if (chunk_store_take(home.chunks, &samples[i]->content.id, &item) !=
				SOUK_OK)
				continue;
			files += 2 + has_bits(&home, samples[i]);
			for (uint32_t j = 0; j < 50; j++) {
				if (!chunk_item_has(item, j))
					continue;
				assert_true(is_good(item, j));
				found++;
			}
			chunk_item_give(item);
		}
		assert_int_equal(count_files(&home), files); /* nothing is left behind */
	}
	assert_true(found > 0);
	home_end(&home);
	for (uint32_t i = 0; i < 5; i++)
		free(samples[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_are_kept),
		cmocka_unit_test(an_empty_content_is_whole),
		cmocka_unit_test(the_longest_ranges_are_told),
		cmocka_unit_test(what_earns_least_goes_first),
		cmocka_unit_test(what_never_comes_evicts_nothing),
		cmocka_unit_test(what_is_expected_has_its_room),
		cmocka_unit_test(what_is_in_use_stays),
		cmocka_unit_test(pinned_contents_stay),
		cmocka_unit_test(a_pin_is_noticed),
		cmocka_unit_test(bits_come_after_their_data),
		cmocka_unit_test(what_cannot_be_synced_is_not_here),
		cmocka_unit_test(a_full_disk_is_said),
		cmocka_unit_test(many_threads_share_it),
		cmocka_unit_test(who_waits_is_woken),
		cmocka_unit_test(a_killed_cache_has_what_it_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
