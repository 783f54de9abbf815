/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/base/ring.h - a bounded first-in, first-out queue of fixed-size items.
 *
 * Every state machine queues its effects in one. Memory: caller's. Threads: one owner. */
#ifndef SOUK_BASE_RING_H
#define SOUK_BASE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/base/status.h"

struct souk_ring {
	uint8_t *items;
	size_t item_size;
	uint32_t capacity;
	uint32_t head; /* the oldest item */
	uint32_t count;
};

void souk_ring_init(struct souk_ring *ring, void *items, size_t item_size, uint32_t capacity);

/* souk_ring_push: copy ITEM to the end.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL  ring unchanged. Drain it first. */
SOUK_MUST_CHECK souk_status souk_ring_push(struct souk_ring *ring, const void *item);

/* Copy the oldest item out and drop it; false where the ring is empty. */
bool souk_ring_pop(struct souk_ring *ring, void *ret_item);

static inline uint32_t souk_ring_room(const struct souk_ring *ring)
{
	return ring->capacity - ring->count;
}

#endif
