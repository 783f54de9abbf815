/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/memory_store.h"

#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"

#define TOWER_MAX     12
#define BUCKETS_FIRST 1024u
/* A record's cost beyond its bytes, about; counted against the limit. */
#define RECORD_OVERHEAD 96

struct value {
	uint32_t size;
	uint8_t bytes[];
};

struct node {
	uint64_t hash;
	struct node *hash_next;
	struct value *value; /* NULL: deleted in this transaction, gone at its end */
	uint32_t pending;    /* its place in the list of unordered nodes, or IS_ORDERED */
	uint8_t height;
	uint8_t key_size;
	bool is_doomed;
	struct node *tower[]; /* `height` pointers; the key follows them */
};

#define IS_ORDERED UINT32_MAX

struct undo {
	struct node *node;
	struct value *before;
};

struct souk_memory_store {
	struct node **buckets;
	uint64_t bucket_count; /* a power of two */
	uint64_t count;	       /* of nodes, the deleted ones included */
	uint64_t live_count;
	uint64_t seed;
	uint64_t size, size_max;
	bool is_open; /* a transaction */
	struct node *head[TOWER_MAX];
	struct node **pending;
	size_t pending_count, pending_max;
	struct undo *undo;
	size_t undo_count, undo_max;
};

static uint8_t *node_key(const struct node *node)
{
	return (uint8_t *)(uintptr_t)(node->tower + node->height);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A folded multiply for each eight bytes; the seed decides every step. */
static uint64_t hash_of(const struct souk_memory_store *store, struct souk_bytes key)
{
	uint64_t hash = store->seed ^ 0x9e3779b97f4a7c15u, word;
	const uint8_t *p = key.data;
	size_t left = key.size;

	for (; left >= 8; p += 8, left -= 8) {
		memcpy(&word, p, 8);
		hash = mix(hash ^ word, 0xd6e8feb86659fd93u ^ store->seed);
	}
	word = 0;
	memcpy(&word, p, left);
	word |= (uint64_t)key.size << 56;
	hash = mix(hash ^ word, 0xa0761d6478bd642fu ^ store->seed);
	return mix(hash, 0xe7037ed1a0b428dbu);
}

/* Doubles *ITEMS, an array of COUNT items, once it is full. */
static souk_status make_room(void **items, size_t count, size_t *max, size_t item_size)
{
	if (count < *max)
		return SOUK_OK;
	size_t more = *max ? *max * 2 : 256;
	void *grown = realloc(*items, more * item_size);
	if (!grown)
		return SOUK_IO_MEMORY;
	*items = grown;
	*max = more;
	return SOUK_OK;
}

/* --- the hash table --- */

static struct node **bucket_of(const struct souk_memory_store *store, uint64_t hash)
{
	return &store->buckets[hash & (store->bucket_count - 1)];
}

static struct node *find(
	const struct souk_memory_store *store, struct souk_bytes key, uint64_t hash)
{
	struct node *node = *bucket_of(store, hash);

	while (node && (node->hash != hash || node->key_size != key.size ||
			       memcmp(node_key(node), key.data, key.size) != 0))
		node = node->hash_next;
	return node;
}

static void hash_link(struct souk_memory_store *store, struct node *node)
{
	struct node **bucket = bucket_of(store, node->hash);

	node->hash_next = *bucket;
	*bucket = node;
}

static void hash_unlink(struct souk_memory_store *store, struct node *node)
{
	struct node **link = bucket_of(store, node->hash);

	while (*link != node)
		link = &(*link)->hash_next;
	*link = node->hash_next;
}

/* Without memory for more buckets the chains just grow longer. */
static void hash_grow(struct souk_memory_store *store)
{
	uint64_t old_count = store->bucket_count;
	struct node **old = store->buckets;
	struct node **buckets = calloc(old_count * 2, sizeof(struct node *));

	if (!buckets)
		return;
	store->buckets = buckets;
	store->bucket_count = old_count * 2;
	for (uint64_t i = 0; i < old_count; i++) {
		for (struct node *node = old[i], *next; node; node = next) {
			next = node->hash_next;
			hash_link(store, node);
		}
	}
	free(old);
}

/* --- the order --- */

static int key_compare(const struct node *node, struct souk_bytes key)
{
	size_t size = node->key_size < key.size ? node->key_size : key.size;
	int order = size ? memcmp(node_key(node), key.data, size) : 0;

	if (order)
		return order;
	return node->key_size < key.size ? -1 : node->key_size > key.size;
}

/* The links that point to the first node at or after KEY, one for each level. */
static void order_seek(
	struct souk_memory_store *store, struct souk_bytes key, struct node **links[TOWER_MAX])
{
	struct node **row = store->head;

	for (int level = TOWER_MAX - 1; level >= 0; level--) {
		while (row[level] && key_compare(row[level], key) < 0)
			row = row[level]->tower;
		links[level] = &row[level];
	}
}

static void order_link(struct souk_memory_store *store, struct node *node)
{
	struct node **links[TOWER_MAX];

	order_seek(store, souk_bytes_of(node_key(node), node->key_size), links);
	for (int level = 0; level < node->height; level++) {
		node->tower[level] = *links[level];
		*links[level] = node;
	}
	node->pending = IS_ORDERED;
}

static void order_unlink(struct souk_memory_store *store, struct node *node)
{
	struct node **links[TOWER_MAX];

	if (node->pending != IS_ORDERED) {
		struct node *last = store->pending[--store->pending_count];
		store->pending[node->pending] = last;
		last->pending = node->pending;
		return;
	}
	order_seek(store, souk_bytes_of(node_key(node), node->key_size), links);
	for (int level = 0; level < node->height; level++)
		*links[level] = node->tower[level];
}

/* --- records --- */

/* One level more with probability 1/4, from bits that the buckets do not use. */
static uint8_t height_of(uint64_t hash)
{
	uint64_t bits = hash >> 40 | (uint64_t)1 << (2 * (TOWER_MAX - 1));

	return (uint8_t)(1 + __builtin_ctzll(bits) / 2);
}

static souk_status node_add(struct souk_memory_store *store, struct souk_bytes key, uint64_t hash,
	struct node **ret_node)
{
	uint8_t height = height_of(hash);

	SOUK_TRY(make_room((void **)&store->pending, store->pending_count, &store->pending_max,
		sizeof(struct node *)));
	struct node *node = malloc(sizeof(*node) + height * sizeof(struct node *) + key.size);
	if (!node)
		return SOUK_IO_MEMORY;
	*node = (struct node){.hash = hash,
		.pending = (uint32_t)store->pending_count,
		.height = height,
		.key_size = (uint8_t)key.size};
	memcpy(node_key(node), key.data, key.size);
	store->pending[store->pending_count++] = node;
	if (store->count * 2 >= store->bucket_count)
		hash_grow(store);
	hash_link(store, node);
	store->count++;
	*ret_node = node;
	return SOUK_OK;
}

static void node_remove(struct souk_memory_store *store, struct node *node)
{
	order_unlink(store, node);
	hash_unlink(store, node);
	store->count--;
	free(node);
}

static uint64_t cost_of(const struct node *node, const struct value *value)
{
	return value ? (uint64_t)node->key_size + value->size + RECORD_OVERHEAD : 0;
}

/* Give NODE another value (NULL: none), keeping the books. */
static void node_set(struct souk_memory_store *store, struct node *node, struct value *value)
{
	store->size += cost_of(node, value);
	store->size -= cost_of(node, node->value);
	store->live_count += value != NULL;
	store->live_count -= node->value != NULL;
	node->value = value;
}

/* A node without a value is kept while the journal may still name it. */
static souk_status journal_room(struct souk_memory_store *store)
{
	return make_room(
		(void **)&store->undo, store->undo_count, &store->undo_max, sizeof(struct undo));
}

static void node_change(struct souk_memory_store *store, struct node *node, struct value *value)
{
	store->undo[store->undo_count++] = (struct undo){node, node->value};
	node_set(store, node, value);
}

static bool is_key(struct souk_bytes key)
{
	return key.size > 0 && key.size <= SOUK_STORE_KEY_SIZE_MAX;
}

/* --- the port --- */

static souk_status memory_get(void *ctx, struct souk_bytes key, struct souk_bytes *ret_value)
{
	struct souk_memory_store *store = ctx;

	if (!is_key(key))
		return SOUK_LOCAL_FULL;
	struct node *node = find(store, key, hash_of(store, key));
	if (!node || !node->value)
		return SOUK_LOCAL_NOT_FOUND;
	*ret_value = souk_bytes_of(node->value->bytes, node->value->size);
	return SOUK_OK;
}

static souk_status check_limit(const struct souk_memory_store *store, const struct node *node,
	struct souk_bytes key, struct souk_bytes value)
{
	uint64_t before = node ? cost_of(node, node->value) : 0;
	uint64_t after = store->size - before + key.size + value.size + RECORD_OVERHEAD;

	return store->size_max && after > store->size_max ? SOUK_IO_DISK_FULL : SOUK_OK;
}

static souk_status memory_put(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct souk_memory_store *store = ctx;

	if (!is_key(key) || value.size > SOUK_STORE_VALUE_SIZE_MAX)
		return SOUK_LOCAL_FULL;
	if (!store->is_open)
		return SOUK_LOCAL_STATE;
	uint64_t hash = hash_of(store, key);
	struct node *node = find(store, key, hash);
	SOUK_TRY(check_limit(store, node, key, value));
	SOUK_TRY(journal_room(store));
	struct value *copy = malloc(sizeof(*copy) + value.size);
	if (!copy)
		return SOUK_IO_MEMORY;
	copy->size = (uint32_t)value.size;
	if (value.size)
		memcpy(copy->bytes, value.data, value.size);
	if (!node) {
		souk_status status = node_add(store, key, hash, &node);
		if (status != SOUK_OK) {
			free(copy);
			return status;
		}
	}
	node_change(store, node, copy);
	return SOUK_OK;
}

static souk_status memory_del(void *ctx, struct souk_bytes key)
{
	struct souk_memory_store *store = ctx;

	if (!is_key(key))
		return SOUK_LOCAL_FULL;
	if (!store->is_open)
		return SOUK_LOCAL_STATE;
	struct node *node = find(store, key, hash_of(store, key));
	if (!node || !node->value)
		return SOUK_LOCAL_NOT_FOUND;
	SOUK_TRY(journal_room(store));
	node_change(store, node, NULL);
	return SOUK_OK;
}

static souk_status memory_next(
	void *ctx, struct souk_bytes from, struct souk_bytes *ret_key, struct souk_bytes *ret_value)
{
	struct souk_memory_store *store = ctx;
	struct node **links[TOWER_MAX];

	if (from.size > SOUK_STORE_KEY_SIZE_MAX + 1)
		return SOUK_LOCAL_FULL;
	while (store->pending_count)
		order_link(store, store->pending[--store->pending_count]);
	order_seek(store, from, links);
	struct node *node = *links[0];
	while (node && !node->value)
		node = node->tower[0];
	if (!node)
		return SOUK_LOCAL_NOT_FOUND;
	*ret_key = souk_bytes_of(node_key(node), node->key_size);
	*ret_value = souk_bytes_of(node->value->bytes, node->value->size);
	return SOUK_OK;
}

static const struct souk_store_ops memory_ops = {
	.get = memory_get,
	.put = memory_put,
	.del = memory_del,
	.next = memory_next,
};

/* --- the store and its transactions --- */

souk_status souk_memory_store_new(
	struct souk_memory_store **ret_store, uint64_t size_max_bytes, uint64_t seed)
{
	struct souk_memory_store *store = calloc(1, sizeof(*store));

	if (!store)
		return SOUK_IO_MEMORY;
	store->seed = seed;
	store->size_max = size_max_bytes;
	store->bucket_count = BUCKETS_FIRST;
	store->buckets = calloc(BUCKETS_FIRST, sizeof(struct node *));
	if (!store->buckets) {
		free(store);
		return SOUK_IO_MEMORY;
	}
	*ret_store = store;
	return SOUK_OK;
}

void souk_memory_store_free(struct souk_memory_store *store)
{
	if (!store)
		return;
	if (store->is_open)
		souk_memory_store_commit(store);
	for (uint64_t i = 0; i < store->bucket_count; i++) {
		for (struct node *node = store->buckets[i], *next; node; node = next) {
			next = node->hash_next;
			free(node->value);
			free(node);
		}
	}
	free(store->buckets);
	free(store->pending);
	free(store->undo);
	free(store);
}

souk_status souk_memory_store_begin(struct souk_memory_store *store, struct souk_store *ret_view)
{
	if (store->is_open)
		return SOUK_LOCAL_STATE;
	store->is_open = true;
	*ret_view = (struct souk_store){.ctx = store, .ops = &memory_ops};
	return SOUK_OK;
}

/* Free the nodes that are left without a value. Each is named once more in the journal at least,
 * perhaps often: the first to name it dooms it, and only that one frees it. */
static void end_transaction(struct souk_memory_store *store)
{
	for (size_t i = 0; i < store->undo_count; i++) {
		struct node *node = store->undo[i].node;
		if (node->value || node->is_doomed)
			store->undo[i].node = NULL;
		else
			node->is_doomed = true;
	}
	for (size_t i = 0; i < store->undo_count; i++) {
		if (store->undo[i].node)
			node_remove(store, store->undo[i].node);
	}
	store->undo_count = 0;
	store->is_open = false;
}

void souk_memory_store_commit(struct souk_memory_store *store)
{
	for (size_t i = 0; i < store->undo_count; i++)
		free(store->undo[i].before);
	end_transaction(store);
}

void souk_memory_store_abort(struct souk_memory_store *store)
{
	for (size_t i = store->undo_count; i-- > 0;) {
		struct undo *undo = &store->undo[i];
		struct value *written = undo->node->value;
		node_set(store, undo->node, undo->before);
		free(written);
	}
	end_transaction(store);
}

uint64_t souk_memory_store_count(const struct souk_memory_store *store)
{
	return store->live_count;
}
