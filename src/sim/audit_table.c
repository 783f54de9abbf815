/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of the auditor: souk_map over an array that grows. */
#include <stdlib.h>
#include <string.h>

#include "audit_internal.h"
#include "souk/base/check.h"

static const void *key_of(const void *ctx, uint32_t index)
{
	const struct audit_table *table = ctx;
	return table->items + index * table->item_size;
}

static void grow(struct audit_table *table)
{
	uint32_t room = table->room == 0 ? 64 : table->room * 2;
	uint8_t *items = sim_alloc(room * table->item_size);
	if (table->count > 0)
		memcpy(items, table->items, table->count * table->item_size);
	free(table->items);
	free(table->slots);
	table->items = items;
	table->slots = sim_alloc(SOUK_MAP_SLOTS((size_t)room) * sizeof *table->slots);
	table->room = room;
	souk_map_init(&table->map, table->slots, room, table->key_size, 0x61756469, key_of, table);
	for (uint32_t i = 0; i < table->count; i++)
		SOUK_CHECK(souk_map_insert(&table->map, i) == SOUK_OK);
}

void audit_table_init(struct audit_table *table, size_t item_size, size_t key_size)
{
	*table = (struct audit_table){.item_size = item_size, .key_size = key_size};
	grow(table);
}

void audit_table_free(struct audit_table *table)
{
	free(table->items);
	free(table->slots);
}

void *audit_table_at(const struct audit_table *table, uint32_t index)
{
	return table->items + index * table->item_size;
}

uint32_t audit_table_index(const struct audit_table *table, const void *item)
{
	return (uint32_t)((size_t)((const uint8_t *)item - table->items) / table->item_size);
}

void *audit_table_find(const struct audit_table *table, const void *key)
{
	uint32_t index = souk_map_find(&table->map, key);
	return index == SOUK_MAP_NONE ? NULL : audit_table_at(table, index);
}

void *audit_table_get(struct audit_table *table, const void *key)
{
	void *found = audit_table_find(table, key);
	if (found != NULL)
		return found;
	if (table->count == table->room)
		grow(table);
	uint8_t *item = audit_table_at(table, table->count);
	memcpy(item, key, table->key_size);
	SOUK_CHECK(souk_map_insert(&table->map, table->count) == SOUK_OK);
	table->count++;
	return item;
}
