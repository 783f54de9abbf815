/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "souk/base/check.h"
#include "souk/base/map.h"
#include "souk/crypto/sha256.h"

/* What is drawn for contents has seeds of its own. */
enum { OF_UNITS = 1, OF_ID, OF_BYTES };

struct item {
	struct souk_content content;
	uint32_t units;
	struct souk_hash *row; /* NULL: not real */
};

struct sim_contents {
	uint64_t seed;
	uint32_t count;
	bool is_real;
	struct item *items;
	uint32_t *slots;
	struct souk_map map;
};

static struct souk_hash derive(uint64_t seed, uint64_t purpose, uint64_t number, uint64_t chunk)
{
	uint8_t bytes[40] = "content";
	souk_store_be64(bytes + 8, seed);
	souk_store_be64(bytes + 16, purpose);
	souk_store_be64(bytes + 24, number);
	souk_store_be64(bytes + 32, chunk);
	return souk_sha256_of(bytes, sizeof bytes);
}

static const void *id_of(const void *ctx, uint32_t index)
{
	return &((const struct item *)ctx)[index].content.id;
}

static uint32_t draw_units(const struct sim_scenario *scenario, uint32_t number)
{
	struct souk_hash seed = derive(scenario->seed, OF_UNITS, number, 0);
	uint64_t least = scenario->units_min, most = scenario->units_max;
	struct souk_rng rng;
	souk_rng_init(&rng, souk_load_be64(seed.bytes));
	return (uint32_t)(most > least ? least + souk_rng_below(&rng, most - least + 1) : least);
}

static bool is_chunk_size(uint64_t size)
{
	return size >= SOUK_CHUNK_SIZE_MIN && size <= SOUK_CHUNK_SIZE_MAX &&
	       (size & (size - 1)) == 0;
}

/* Hash all of it, once. */
static void make_real(struct sim_contents *contents, uint32_t number)
{
	struct item *item = &contents->items[number];
	uint32_t chunk_size = item->content.chunk_size;
	uint8_t *bytes = sim_alloc(chunk_size);
	struct souk_hash *scratch = sim_alloc(item->units * sizeof *scratch);
	struct souk_content_builder builder;
	item->row = sim_alloc(item->units * sizeof *item->row);
	souk_content_builder_init(&builder, chunk_size, item->row, item->units);
	for (uint32_t chunk = 0; chunk < item->units; chunk++) {
		sim_contents_chunk(contents, number, chunk, bytes);
		SOUK_CHECK(souk_content_builder_add(&builder, souk_bytes_of(bytes, chunk_size)) ==
			   SOUK_OK);
	}
	souk_content_builder_finish(&builder, scratch, &item->content);
	free(scratch);
	free(bytes);
}

static void make_item(
	struct sim_contents *contents, const struct sim_scenario *scenario, uint32_t number)
{
	struct item *item = &contents->items[number];
	item->units = draw_units(scenario, number);
	item->content = (struct souk_content){
		.id = derive(scenario->seed, OF_ID, number, 0),
		.size = (uint64_t)item->units * scenario->unit_size,
		.chunk_size = (uint32_t)scenario->unit_size,
	};
	if (contents->is_real)
		make_real(contents, number);
	SOUK_CHECK(souk_map_insert(&contents->map, number) == SOUK_OK);
}

struct sim_contents *sim_contents_new(const struct sim_scenario *scenario)
{
	struct sim_contents *contents = sim_alloc(sizeof *contents);
	uint32_t count = (uint32_t)scenario->contents;
	contents->seed = scenario->seed;
	contents->count = count;
	contents->is_real = scenario->agreements != 0 && is_chunk_size(scenario->unit_size);
	contents->items = sim_alloc(count * sizeof *contents->items);
	contents->slots = sim_alloc(SOUK_MAP_SLOTS((size_t)count) * sizeof *contents->slots);
	souk_map_init(&contents->map, contents->slots, count, SOUK_HASH_SIZE, scenario->seed, id_of,
		contents->items);
	for (uint32_t number = 0; number < count; number++)
		make_item(contents, scenario, number);
	return contents;
}

void sim_contents_free(struct sim_contents *contents)
{
	if (contents == NULL)
		return;
	for (uint32_t number = 0; number < contents->count; number++)
		free(contents->items[number].row);
	free(contents->items);
	free(contents->slots);
	free(contents);
}

uint32_t sim_contents_count(const struct sim_contents *contents)
{
	return contents->count;
}

static const struct item *item_at(const struct sim_contents *contents, uint32_t number)
{
	SOUK_CHECK(number < contents->count);
	return &contents->items[number];
}

const struct souk_content *sim_contents_at(const struct sim_contents *contents, uint32_t number)
{
	return &item_at(contents, number)->content;
}

uint32_t sim_contents_units(const struct sim_contents *contents, uint32_t number)
{
	return item_at(contents, number)->units;
}

uint32_t sim_contents_find(const struct sim_contents *contents, const struct souk_hash *id)
{
	return souk_map_find(&contents->map, id);
}

bool sim_contents_are_real(const struct sim_contents *contents)
{
	return contents->is_real;
}

const struct souk_hash *sim_contents_row(const struct sim_contents *contents, uint32_t number)
{
	const struct item *item = item_at(contents, number);
	SOUK_CHECK(item->row != NULL);
	return item->row;
}

void sim_contents_chunk(
	const struct sim_contents *contents, uint32_t number, uint64_t chunk, uint8_t *out)
{
	struct souk_hash seed = derive(contents->seed, OF_BYTES, number, chunk);
	struct souk_rng rng;
	souk_rng_init(&rng, souk_load_be64(seed.bytes));
	souk_rng_fill(&rng, out, item_at(contents, number)->content.chunk_size);
}

void sim_contents_body(
	const struct sim_contents *contents, const struct sim_body *body, uint8_t *out)
{
	uint32_t number = sim_contents_find(contents, &body->content);
	if (number != UINT32_MAX && body->length == item_at(contents, number)->content.chunk_size)
		sim_contents_chunk(contents, number, body->chunk, out);
	else
		memset(out, 0, body->length);
	if (body->is_garbage && body->length > 0)
		out[0] ^= 1;
	souk_unit_cipher_xor(&body->cipher, out, out, body->length);
}
