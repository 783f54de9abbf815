/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk_kit.h - contents to store, and a home to store them in, for the tests of the chunk store.
 * After cmocka.h. */
#ifndef SOUK_DAEMON_CHUNK_KIT_H
#define SOUK_DAEMON_CHUNK_KIT_H

#include <stdio.h>
#include <stdlib.h>

#include "chunk_store.h"

#define CHUNK	   16384u
#define CHUNKS_MAX 4096u
#define ROOM(n)	   ((uint64_t)(n) * (CHUNK + SOUK_HASH_SIZE) + 8192)

/* ------------------------------------------------------------------ contents */

static void fill(uint8_t *out, size_t size, uint32_t seed, uint32_t chunk)
{
	uint32_t value = seed * 2654435761u + chunk * 40503u + 1;
	for (size_t i = 0; i < size; i++) {
		value = value * 1664525u + 1013904223u;
		out[i] = (uint8_t)(value >> 24);
	}
	out[0] |= 1; /* never a hole */
}

struct sample {
	struct souk_content content;
	uint32_t seed;
	struct souk_hash row[CHUNKS_MAX];
};

/* COUNT chunks, the last one shorter. */
static struct sample *sample_new(uint32_t seed, uint32_t count)
{
	static uint8_t data[CHUNK];
	struct sample *sample = calloc(1, sizeof *sample);
	struct souk_hash *scratch = calloc(count + 1, sizeof *scratch);
	struct souk_content_builder builder;
	assert_non_null(sample);
	assert_non_null(scratch);
	souk_content_builder_init(&builder, CHUNK, sample->row, CHUNKS_MAX);
	for (uint32_t i = 0; i < count; i++) {
		size_t size = i + 1 == count ? CHUNK - 100 : CHUNK;
		fill(data, size, seed, i);
		assert_int_equal(
			souk_content_builder_add(&builder, souk_bytes_of(data, size)), SOUK_OK);
	}
	souk_content_builder_finish(&builder, scratch, &sample->content);
	sample->seed = seed;
	free(scratch);
	return sample;
}

static souk_status put(struct chunk_item *item, const struct sample *sample, uint32_t chunk)
{
	uint8_t data[CHUNK];
	size_t size = souk_content_chunk_length(&sample->content, chunk);
	fill(data, size, sample->seed, chunk);
	return chunk_item_write(item, chunk, souk_bytes_of(data, size));
}

static void put_all(struct chunk_item *item, const struct sample *sample)
{
	for (uint32_t i = 0; i < souk_content_chunk_count(&sample->content); i++)
		assert_int_equal(put(item, sample, i), SOUK_OK);
}

/* Whether what is read is the chunk of the row. */
static bool is_good(struct chunk_item *item, uint32_t chunk)
{
	uint8_t data[CHUNK];
	const struct souk_content *content = chunk_item_content(item);
	size_t size = souk_content_chunk_length(content, chunk);
	if (chunk_item_read(item, souk_content_chunk_offset(content, chunk), data, size) != SOUK_OK)
		return false;
	return souk_content_verify_chunk(content, chunk, &chunk_item_row(item)[chunk],
		       souk_bytes_of(data, size)) == SOUK_OK;
}

/* ------------------------------------------------------------------ a home */

struct home {
	char path[64];
	struct provider_store store;
	struct chunk_store *chunks;
};

static void home_open(struct home *home, uint64_t limit)
{
	assert_int_equal(provider_store_open(&home->store, home->path, false), SOUK_OK);
	assert_int_equal(chunk_store_open(&home->chunks, &home->store, limit), SOUK_OK);
}

static void home_close(struct home *home)
{
	chunk_store_close(home->chunks);
	provider_store_close(&home->store);
}

static void home_new(struct home *home, uint64_t limit)
{
	snprintf(home->path, sizeof home->path, "/tmp/souk-chunks-XXXXXX");
	assert_non_null(mkdtemp(home->path));
	home_open(home, limit);
}

static void home_end(struct home *home)
{
	char command[128];
	home_close(home);
	snprintf(command, sizeof command, "rm -r %s", home->path);
	assert_int_equal(system(command), 0);
}

#endif
