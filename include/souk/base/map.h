/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/base/map.h - a bounded hash map from a fixed-size key to a slot number.
 *
 * Open addressing with linear probing in memory of the caller. It maps a key to
 * the index of an entry in an array that the caller keeps; the map holds neither
 * keys nor entries, it asks for the key of an index. Keys a peer may choose are
 * hashed under a secret seed, so that nobody can make them collide.
 *
 *   free slot = 0; a slot holds index + 1
 *
 * Removal shifts later entries back, so there are no tombstones and look-ups
 * never slow down with age.
 *
 * Memory: caller's, SOUK_MAP_SLOTS(capacity) words. Threads: one owner. */
#ifndef SOUK_BASE_MAP_H
#define SOUK_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/base/status.h"

/* Twice the entries: a load of at most one half. */
#define SOUK_MAP_SLOTS(capacity) ((capacity)*2 + 1)
#define SOUK_MAP_NONE		 UINT32_MAX

struct souk_map {
	uint32_t *slots;
	uint32_t slot_count;
	uint32_t capacity;
	uint32_t count;
	uint64_t seed;
	size_t key_size;
	/* The key of entry INDEX in the caller's array CTX. */
	const void *(*key_of)(const void *ctx, uint32_t index);
	const void *ctx;
};

void souk_map_init(struct souk_map *map, uint32_t *slots, uint32_t capacity, size_t key_size,
	uint64_t seed, const void *(*key_of)(const void *ctx, uint32_t index), const void *ctx);

/* The index stored for KEY, or SOUK_MAP_NONE. */
uint32_t souk_map_find(const struct souk_map *map, const void *key);

/* souk_map_insert: remember INDEX, whose key is already in the caller's array.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL    at capacity; map unchanged. Remove something or refuse the new one.
 *   SOUK_LOCAL_EXISTS  that key is in the map; map unchanged. */
SOUK_MUST_CHECK souk_status souk_map_insert(struct souk_map *map, uint32_t index);

/* Forget KEY; nothing happens where it is not there. The key must still be in the array. */
void souk_map_remove(struct souk_map *map, const void *key);

#endif
