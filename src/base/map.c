/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/base/map.h"

#include <string.h>

#include "souk/base/check.h"

/* Folded 64 x 64 -> 128 multiplication (the mixing step of wyhash), keyed by the seed. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t home_slot(const struct souk_map *map, const void *key)
{
	const uint8_t *p = key;
	uint64_t h = map->seed ^ 0xa0761d6478bd642fu;
	for (size_t left = map->key_size; left > 0;) {
		uint64_t word = 0;
		size_t n = left < sizeof word ? left : sizeof word;
		memcpy(&word, p, n);
		h = mix(h ^ word, map->seed ^ 0xe7037ed1a0b428dbu);
		p += n;
		left -= n;
	}
	return (uint32_t)(((h >> 32) * (uint64_t)map->slot_count) >> 32);
}

static const void *key_in_slot(const struct souk_map *map, uint32_t slot)
{
	return map->key_of(map->ctx, map->slots[slot] - 1);
}

static uint32_t next_slot(const struct souk_map *map, uint32_t slot)
{
	return slot + 1 == map->slot_count ? 0 : slot + 1;
}

/* The slot of KEY, or the free one where it belongs. A free slot always exists: load <= 1/2. */
static uint32_t slot_for(const struct souk_map *map, const void *key)
{
	uint32_t slot = home_slot(map, key);
	while (map->slots[slot] != 0 && memcmp(key_in_slot(map, slot), key, map->key_size) != 0)
		slot = next_slot(map, slot);
	return slot;
}

void souk_map_init(struct souk_map *map, uint32_t *slots, uint32_t capacity, size_t key_size,
	uint64_t seed, const void *(*key_of)(const void *ctx, uint32_t index), const void *ctx)
{
	SOUK_CHECK(capacity < UINT32_MAX / 2);
	*map = (struct souk_map){
		.slots = slots,
		.slot_count = SOUK_MAP_SLOTS(capacity),
		.capacity = capacity,
		.seed = seed,
		.key_size = key_size,
		.key_of = key_of,
		.ctx = ctx,
	};
	memset(slots, 0, map->slot_count * sizeof *slots);
}

uint32_t souk_map_find(const struct souk_map *map, const void *key)
{
	uint32_t slot = slot_for(map, key);
	return map->slots[slot] == 0 ? SOUK_MAP_NONE : map->slots[slot] - 1;
}

souk_status souk_map_insert(struct souk_map *map, uint32_t index)
{
	if (map->count == map->capacity)
		return SOUK_LOCAL_FULL;
	uint32_t slot = slot_for(map, map->key_of(map->ctx, index));
	if (map->slots[slot] != 0)
		return SOUK_LOCAL_EXISTS;
	map->slots[slot] = index + 1;
	map->count++;
	return SOUK_OK;
}

/* Whether an entry at SLOT whose home is HOME may move back to HOLE. */
static bool may_fill(uint32_t hole, uint32_t home, uint32_t slot)
{
	return hole <= slot ? home <= hole || home > slot : home <= hole && home > slot;
}

void souk_map_remove(struct souk_map *map, const void *key)
{
	uint32_t hole = slot_for(map, key);
	if (map->slots[hole] == 0)
		return;
	map->slots[hole] = 0;
	map->count--;
	for (uint32_t slot = next_slot(map, hole); map->slots[slot] != 0;
		slot = next_slot(map, slot)) {
		uint32_t home = home_slot(map, key_in_slot(map, slot));
		if (!may_fill(hole, home, slot))
			continue;
		map->slots[hole] = map->slots[slot];
		map->slots[slot] = 0;
		hole = slot;
	}
}
