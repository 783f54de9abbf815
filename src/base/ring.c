/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/base/ring.h"

#include <string.h>

void souk_ring_init(struct souk_ring *ring, void *items, size_t item_size, uint32_t capacity)
{
	*ring = (struct souk_ring){.items = items, .item_size = item_size, .capacity = capacity};
}

souk_status souk_ring_push(struct souk_ring *ring, const void *item)
{
	if (ring->count == ring->capacity)
		return SOUK_LOCAL_FULL;
	size_t slot = ((size_t)ring->head + ring->count) % ring->capacity;
	memcpy(ring->items + slot * ring->item_size, item, ring->item_size);
	ring->count++;
	return SOUK_OK;
}

bool souk_ring_pop(struct souk_ring *ring, void *ret_item)
{
	if (ring->count == 0)
		return false;
	memcpy(ret_item, ring->items + (size_t)ring->head * ring->item_size, ring->item_size);
	ring->head = (ring->head + 1) % ring->capacity;
	ring->count--;
	return true;
}
