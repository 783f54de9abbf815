/* SPDX-License-Identifier: Apache-2.0 */
#include "writes.h"

#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "souk/base/check.h"

void sim_writes_init(struct sim_writes *writes, struct sim_node *node)
{
	*writes = (struct sim_writes){.node = node};
}

void sim_writes_free(struct sim_writes *writes)
{
	for (uint32_t i = 0; i < writes->held_count; i++)
		sim_message_free(writes->node->world, writes->held[i]);
	for (uint32_t i = 0; i < writes->made; i++)
		free(writes->items[i].bytes);
	free(writes->held);
	free(writes->items);
	*writes = (struct sim_writes){.node = writes->node};
}

static void *grown(void *items, uint32_t *max, uint32_t count, size_t item_size)
{
	if (count < *max)
		return items;
	*max = *max == 0 ? 16 : *max * 2;
	void *more = realloc(items, *max * item_size);
	SOUK_CHECK(more != NULL);
	return more;
}

static struct sim_write *find(const struct sim_writes *writes, struct souk_bytes key)
{
	for (uint32_t i = 0; i < writes->count; i++) {
		struct sim_write *write = &writes->items[i];
		if (write->key_size == key.size && memcmp(write->key, key.data, key.size) == 0)
			return write;
	}
	return NULL;
}

static struct sim_write *add(struct sim_writes *writes, struct souk_bytes key)
{
	writes->items = grown(writes->items, &writes->max, writes->count, sizeof *writes->items);
	struct sim_write *write = &writes->items[writes->count];
	if (writes->count == writes->made) {
		*write = (struct sim_write){.room = 0};
		writes->made++;
	}
	writes->count++;
	SOUK_CHECK(key.size <= sizeof write->key);
	memcpy(write->key, key.data, key.size);
	write->key_size = (uint32_t)key.size;
	return write;
}

void sim_writes_put(struct sim_writes *writes, struct souk_bytes key, struct souk_bytes value)
{
	struct sim_write *write = find(writes, key);
	if (write == NULL)
		write = add(writes, key);
	if (write->room < value.size) {
		free(write->bytes);
		write->bytes = sim_alloc(value.size);
		write->room = (uint32_t)value.size;
	}
	if (value.size > 0)
		memcpy(write->bytes, value.data, value.size);
	write->size = (uint32_t)value.size;
}

souk_status sim_writes_get(
	const struct sim_writes *writes, struct souk_bytes key, struct souk_bytes *ret)
{
	const struct sim_write *write = find(writes, key);
	if (write == NULL) {
		struct souk_store view = sim_disk_view(writes->node->disk);
		return souk_store_get(&view, key, ret);
	}
	*ret = souk_bytes_of(write->bytes, write->size);
	return SOUK_OK;
}

void sim_writes_hold(struct sim_writes *writes, struct sim_message *answer)
{
	writes->held =
		grown(writes->held, &writes->held_max, writes->held_count, sizeof *writes->held);
	writes->held[writes->held_count++] = answer;
}

static souk_status write_all(struct sim_writes *writes, uint64_t *ret_us)
{
	struct sim_disk *disk = writes->node->disk;
	struct souk_store view;
	SOUK_TRY(sim_disk_begin(disk, &view));
	for (uint32_t i = 0; i < writes->count; i++) {
		const struct sim_write *write = &writes->items[i];
		souk_status status =
			souk_store_put(&view, souk_bytes_of(write->key, write->key_size),
				souk_bytes_of(write->bytes, write->size));
		if (status != SOUK_OK) {
			sim_disk_abort(disk);
			return status;
		}
	}
	return sim_disk_commit(disk, ret_us);
}

static void let_go(struct sim_writes *writes)
{
	for (uint32_t i = 0; i < writes->held_count; i++) {
		struct sim_message *answer = writes->held[i];
		if (writes->status == SOUK_OK) {
			sim_send_after(writes->node, answer, writes->durable_us);
			continue;
		}
		answer->status = writes->status;
		answer->size = 0;
		sim_send(writes->node, answer);
	}
	writes->held_count = 0;
}

void sim_writes_commit(struct sim_writes *writes)
{
	uint64_t now_us = sim_time_us(writes->node->world);
	SOUK_CHECK(!writes->is_running);
	writes->durable_us = now_us;
	/* With nothing to write a disk that failed is not known to work again, and no worse. */
	if (writes->count > 0 || writes->status != SOUK_OK)
		writes->status = write_all(writes, &writes->durable_us);
	if (writes->status == SOUK_OK)
		writes->count = 0;
	writes->is_running = writes->status == SOUK_OK && writes->durable_us > now_us;
	let_go(writes);
}

souk_status sim_writes_further(
	struct sim_writes *writes, struct souk_bytes key, struct souk_bytes value)
{
	struct sim_disk *disk = writes->node->disk;
	struct souk_store view;
	uint64_t durable_us;
	SOUK_TRY(sim_disk_begin(disk, &view));
	souk_status status = souk_store_put(&view, key, value);
	if (status != SOUK_OK) {
		sim_disk_abort(disk);
		return status;
	}
	SOUK_TRY(sim_disk_commit(disk, &durable_us));
	if (durable_us > writes->durable_us)
		writes->durable_us = durable_us;
	writes->is_running = writes->durable_us > sim_time_us(writes->node->world);
	return SOUK_OK;
}

bool sim_writes_end(struct sim_writes *writes)
{
	if (!writes->is_running || sim_time_us(writes->node->world) < writes->durable_us)
		return false;
	writes->is_running = false;
	return true;
}

void sim_writes_each(struct sim_node *node, uint8_t prefix,
	bool (*visit)(void *ctx, struct souk_bytes id, struct souk_bytes value), void *ctx)
{
	struct souk_store view = sim_disk_view(node->disk);
	uint8_t from[SOUK_STORE_KEY_SIZE_MAX + 1] = {prefix};
	size_t from_size = 1;
	struct souk_bytes key, value;
	while (souk_store_next(&view, souk_bytes_of(from, from_size), &key, &value) == SOUK_OK &&
		key.data[0] == prefix) {
		/* The next key is at least this one with a zero byte after it. */
		memcpy(from, key.data, key.size);
		from[key.size] = 0;
		from_size = key.size + 1;
		if (!visit(ctx, souk_bytes_of(from + 1, key.size - 1), value))
			return;
	}
}
