/* SPDX-License-Identifier: Apache-2.0
 *
 * An ordered store that can go back: a treap, and a journal of what was replaced.
 *
 * A record never changes in place. Whatever takes its place in the tree, the journal keeps the old
 * one, whole, until nobody will go back before it: so to undo is to put the old one back. */
#include <stdlib.h>
#include <string.h>

#include "disk.h"
#include "souk/base/check.h"

struct record {
	struct record *left, *right;
	uint32_t priority; /* not below its children's */
	uint32_t value_size;
	uint8_t key_size;
	uint8_t bytes[]; /* key, then value */
};

/* NULL where there was none before, or is none after. `after` is alive as long as this entry is: it
 * is in the tree, or in a later entry. */
struct change {
	struct record *before, *after;
};

struct sim_store {
	struct record *root;
	uint64_t count;
	uint64_t seed;
	struct change *changes; /* of marks `first` to `first + change_count` */
	uint64_t first;
	size_t change_count, change_room;
	size_t change_start; /* where they stand in the array: forgotten ones lie before it */
};

/* ---- the tree ---- */

static struct souk_bytes key_of(const struct record *record)
{
	return souk_bytes_of(record->bytes, record->key_size);
}

static int compare(struct souk_bytes a, struct souk_bytes b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size ? memcmp(a.data, b.data, size) : 0;
	if (order != 0)
		return order;
	return a.size < b.size ? -1 : a.size > b.size;
}

/* The link to the record of KEY, or the empty one where it would hang. */
static struct record **find(struct sim_store *store, struct souk_bytes key)
{
	struct record **link = &store->root;
	while (*link != NULL) {
		int order = compare(key, key_of(*link));
		if (order == 0)
			break;
		link = order < 0 ? &(*link)->left : &(*link)->right;
	}
	return link;
}

/* Those before KEY to *LEFT, those behind it to *RIGHT. */
static void split(
	struct record *node, struct souk_bytes key, struct record **left, struct record **right)
{
	while (node != NULL) {
		if (compare(key_of(node), key) < 0) {
			*left = node;
			left = &node->right;
			node = node->right;
		} else {
			*right = node;
			right = &node->left;
			node = node->left;
		}
	}
	*left = *right = NULL;
}

static void tree_insert(struct sim_store *store, struct record *record)
{
	struct record **link = &store->root;
	struct souk_bytes key = key_of(record);
	while (*link != NULL && (*link)->priority >= record->priority)
		link = compare(key, key_of(*link)) < 0 ? &(*link)->left : &(*link)->right;
	split(*link, key, &record->left, &record->right);
	*link = record;
	store->count++;
}

static void tree_remove(struct sim_store *store, struct record **link)
{
	struct record *left = (*link)->left, *right = (*link)->right;
	while (left != NULL && right != NULL) {
		if (left->priority >= right->priority) {
			*link = left;
			link = &left->right;
			left = left->right;
		} else {
			*link = right;
			link = &right->left;
			right = right->left;
		}
	}
	*link = left != NULL ? left : right;
	store->count--;
}

/* NEXT in place of the record at LINK; they have one key, and so one priority. */
static void tree_replace(struct record **link, struct record *next)
{
	next->left = (*link)->left;
	next->right = (*link)->right;
	*link = next;
}

/* ---- records and changes ---- */

static uint32_t priority_of(const struct sim_store *store, struct souk_bytes key)
{
	uint64_t hash = store->seed ^ 0x9e3779b97f4a7c15u;
	for (size_t i = 0; i < key.size; i++) {
		hash = (hash ^ key.data[i]) * 0xd6e8feb86659fd93u;
		hash ^= hash >> 32;
	}
	return (uint32_t)hash;
}

static struct record *record_new(
	const struct sim_store *store, struct souk_bytes key, struct souk_bytes value)
{
	struct record *record = malloc(sizeof *record + key.size + value.size);
	SOUK_CHECK(record != NULL);
	*record = (struct record){.priority = priority_of(store, key),
		.value_size = (uint32_t)value.size,
		.key_size = (uint8_t)key.size};
	memcpy(record->bytes, key.data, key.size);
	if (value.size > 0)
		memcpy(record->bytes + key.size, value.data, value.size);
	return record;
}

static void note(struct sim_store *store, struct record *before, struct record *after)
{
	size_t end = store->change_start + store->change_count;
	if (end == store->change_room) {
		/* Move down over what was forgotten, or grow where that is little. */
		if (store->change_start > store->change_room / 2) {
			memmove(store->changes, store->changes + store->change_start,
				store->change_count * sizeof *store->changes);
			store->change_start = 0;
		} else {
			store->change_room = store->change_room ? store->change_room * 2 : 16;
			store->changes = realloc(
				store->changes, store->change_room * sizeof *store->changes);
			SOUK_CHECK(store->changes != NULL);
		}
		end = store->change_start + store->change_count;
	}
	store->changes[end] = (struct change){before, after};
	store->change_count++;
}

static void undo(struct sim_store *store, const struct change *change)
{
	if (change->after == NULL) {
		tree_insert(store, change->before);
		return;
	}
	struct record **link = find(store, key_of(change->after));
	SOUK_CHECK(*link == change->after);
	if (change->before == NULL)
		tree_remove(store, link);
	else
		tree_replace(link, change->before);
	free(change->after);
}

/* ---- the port ---- */

static bool is_key(struct souk_bytes key)
{
	return key.size > 0 && key.size <= SOUK_STORE_KEY_SIZE_MAX;
}

static struct souk_bytes value_of(const struct record *record)
{
	return souk_bytes_of(record->bytes + record->key_size, record->value_size);
}

static souk_status store_get(void *ctx, struct souk_bytes key, struct souk_bytes *ret_value)
{
	if (!is_key(key))
		return SOUK_LOCAL_FULL;
	const struct record *record = *find(ctx, key);
	if (record == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	*ret_value = value_of(record);
	return SOUK_OK;
}

static souk_status store_put(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct sim_store *store = ctx;
	if (!is_key(key) || value.size > SOUK_STORE_VALUE_SIZE_MAX)
		return SOUK_LOCAL_FULL;
	struct record *record = record_new(store, key, value);
	struct record **link = find(store, key);
	struct record *before = *link;
	if (before != NULL)
		tree_replace(link, record);
	else
		tree_insert(store, record);
	note(store, before, record);
	return SOUK_OK;
}

static souk_status store_del(void *ctx, struct souk_bytes key)
{
	struct sim_store *store = ctx;
	if (!is_key(key))
		return SOUK_LOCAL_FULL;
	struct record **link = find(store, key);
	struct record *before = *link;
	if (before == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	tree_remove(store, link);
	note(store, before, NULL);
	return SOUK_OK;
}

static souk_status store_next(
	void *ctx, struct souk_bytes from, struct souk_bytes *ret_key, struct souk_bytes *ret_value)
{
	struct sim_store *store = ctx;
	const struct record *best = NULL;
	if (from.size > SOUK_STORE_KEY_SIZE_MAX + 1)
		return SOUK_LOCAL_FULL;
	for (const struct record *at = store->root; at != NULL;) {
		if (compare(key_of(at), from) < 0) {
			at = at->right;
		} else {
			best = at;
			at = at->left;
		}
	}
	if (best == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	*ret_key = key_of(best);
	*ret_value = value_of(best);
	return SOUK_OK;
}

static const struct souk_store_ops store_ops = {
	.get = store_get,
	.put = store_put,
	.del = store_del,
	.next = store_next,
};

/* ---- the store ---- */

struct sim_store *sim_store_new(uint64_t seed)
{
	struct sim_store *store = sim_alloc(sizeof *store);
	store->seed = seed;
	return store;
}

void sim_store_free(struct sim_store *store)
{
	if (store == NULL)
		return;
	sim_store_forget(store, sim_store_mark(store));
	/* Leaves first: the tree is turned into a list to the right as it is walked. */
	for (struct record *at = store->root; at != NULL;) {
		struct record *left = at->left, *right = at->right;
		if (left == NULL) {
			free(at);
			at = right;
			continue;
		}
		at->left = left->right;
		left->right = at;
		at = left;
	}
	free(store->changes);
	free(store);
}

struct souk_store sim_store_view(struct sim_store *store)
{
	return (struct souk_store){.ctx = store, .ops = &store_ops};
}

uint64_t sim_store_mark(const struct sim_store *store)
{
	return store->first + store->change_count;
}

void sim_store_rollback(struct sim_store *store, uint64_t mark)
{
	SOUK_CHECK(mark >= store->first && mark <= sim_store_mark(store));
	while (sim_store_mark(store) > mark) {
		store->change_count--;
		undo(store, &store->changes[store->change_start + store->change_count]);
	}
}

void sim_store_forget(struct sim_store *store, uint64_t mark)
{
	SOUK_CHECK(mark <= sim_store_mark(store));
	for (; store->first < mark; store->first++) {
		free(store->changes[store->change_start].before);
		store->change_start++;
		store->change_count--;
	}
	if (store->change_count == 0)
		store->change_start = 0;
}

uint64_t sim_store_count(const struct sim_store *store)
{
	return store->count;
}

bool sim_store_rot(struct sim_store *store, uint64_t which)
{
	uint8_t from[SOUK_STORE_KEY_SIZE_MAX + 1] = {0};
	struct souk_bytes key = souk_bytes_of(from, 0), value;
	uint64_t skip = store->count > 0 ? which % store->count : 0;
	/* Once around at most: values may be empty. */
	for (uint64_t seen = 0; seen < 2 * store->count; seen++) {
		if (store_next(store, key, &key, &value) != SOUK_OK) {
			key.size = 0;
			seen--;
			continue;
		}
		if (seen >= skip && value.size > 0) {
			uint64_t bit = which / store->count % (value.size * 8);
			struct record *record = *find(store, key);
			record->bytes[record->key_size + bit / 8] ^= (uint8_t)(1 << bit % 8);
			return true;
		}
		memcpy(from, key.data, key.size);
		from[key.size] = 0;
		key = souk_bytes_of(from, key.size + 1);
	}
	return false;
}
