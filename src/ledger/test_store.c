/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "test_store.h"

static int compare(const struct test_record *record, struct souk_bytes key)
{
	size_t common = record->key_size < key.size ? record->key_size : key.size;
	int order = common ? memcmp(record->key, key.data, common) : 0;
	return order ? order : (record->key_size > key.size) - (record->key_size < key.size);
}

/* The first record that is not before KEY. */
static size_t lower_bound(const struct test_store *store, struct souk_bytes key)
{
	size_t lo = 0, hi = store->count;
	while (lo < hi) {
		size_t middle = (lo + hi) / 2;
		if (compare(&store->records[middle], key) < 0)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

static bool is_at(const struct test_store *store, size_t at, struct souk_bytes key)
{
	return at < store->count && compare(&store->records[at], key) == 0;
}

static uint8_t *copy_of(const void *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	if (copy == NULL)
		abort();
	if (size)
		memcpy(copy, data, size);
	return copy;
}

static souk_status get(void *ctx, struct souk_bytes key, struct souk_bytes *ret_value)
{
	struct test_store *store = ctx;
	size_t at = lower_bound(store, key);
	if (!is_at(store, at, key))
		return SOUK_LOCAL_NOT_FOUND;
	*ret_value = souk_bytes_of(store->records[at].value, store->records[at].value_size);
	return SOUK_OK;
}

static void make_room(struct test_store *store, size_t at)
{
	if (store->count == store->max) {
		store->max = store->max ? store->max * 2 : 64;
		store->records = realloc(store->records, store->max * sizeof *store->records);
		if (store->records == NULL)
			abort();
	}
	memmove(&store->records[at + 1], &store->records[at],
		(store->count - at) * sizeof *store->records);
	store->count++;
}

static souk_status put(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct test_store *store = ctx;
	size_t at = lower_bound(store, key);
	uint8_t *copy = copy_of(value.data, value.size);
	if (store->failing) {
		free(copy);
		return SOUK_IO_DISK_FULL;
	}
	if (is_at(store, at, key)) {
		free(store->records[at].value);
	} else {
		make_room(store, at);
		store->records[at].key = copy_of(key.data, key.size);
		store->records[at].key_size = key.size;
	}
	store->records[at].value = copy;
	store->records[at].value_size = value.size;
	return SOUK_OK;
}

static souk_status del(void *ctx, struct souk_bytes key)
{
	struct test_store *store = ctx;
	size_t at = lower_bound(store, key);
	if (store->failing)
		return SOUK_IO_DISK_FULL;
	if (!is_at(store, at, key))
		return SOUK_LOCAL_NOT_FOUND;
	free(store->records[at].key);
	free(store->records[at].value);
	store->count--;
	memmove(&store->records[at], &store->records[at + 1],
		(store->count - at) * sizeof *store->records);
	return SOUK_OK;
}

static souk_status next(
	void *ctx, struct souk_bytes from, struct souk_bytes *ret_key, struct souk_bytes *ret_value)
{
	struct test_store *store = ctx;
	size_t at = lower_bound(store, from);
	if (at == store->count)
		return SOUK_LOCAL_NOT_FOUND;
	*ret_key = souk_bytes_of(store->records[at].key, store->records[at].key_size);
	*ret_value = souk_bytes_of(store->records[at].value, store->records[at].value_size);
	return SOUK_OK;
}

struct souk_store test_store_port(struct test_store *store)
{
	static const struct souk_store_ops ops = {get, put, del, next};
	return (struct souk_store){store, &ops};
}

void test_store_done(struct test_store *store)
{
	for (size_t i = 0; i < store->count; i++) {
		free(store->records[i].key);
		free(store->records[i].value);
	}
	free(store->records);
	memset(store, 0, sizeof *store);
}

struct souk_hash test_store_digest(const struct test_store *store)
{
	struct souk_sha256 sha;
	struct souk_hash digest;
	souk_sha256_init(&sha);
	for (size_t i = 0; i < store->count; i++) {
		const struct test_record *record = &store->records[i];
		uint8_t sizes[8];
		souk_store_be32(sizes, (uint32_t)record->key_size);
		souk_store_be32(sizes + 4, (uint32_t)record->value_size);
		souk_sha256_update(&sha, sizes, sizeof sizes);
		souk_sha256_update(&sha, record->key, record->key_size);
		souk_sha256_update(&sha, record->value, record->value_size);
	}
	souk_sha256_final(&sha, &digest);
	return digest;
}
