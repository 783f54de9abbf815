/* SPDX-License-Identifier: Apache-2.0
 *
 * What a customer has on its disk, besides who it is:
 *
 *   'P' epoch, segment         wallet_plan: the leaves of an allotment
 *   'L' epoch, segment, leaf   wallet_leaf: how far the leaf is used
 *   'B' content, word          64 chunks that were verified, and a sum over them: the part file
 *
 * A part of a leaf is taken here before a strip on it is signed. So no two strips overlap, whatever
 * was killed in between. */
#include <stdlib.h>
#include <string.h>

#include "customer.h"

#define PREFIX_PLAN 'P'
#define PREFIX_LEAF 'L'
#define PREFIX_PART 'B'
#define KEY_MAX	    17
#define PART_SIZE   16
/* Epochs that are remembered beside the current one: a session may still be opened in the one
 * before, and a fork may lead back to it. */
#define EPOCHS_KEPT 8u

struct key {
	uint8_t bytes[KEY_MAX];
	size_t size;
};

static struct souk_bytes view(const struct key *key)
{
	return souk_bytes_of(key->bytes, key->size);
}

static struct key plan_key(uint64_t epoch, uint32_t segment)
{
	struct key key = {{PREFIX_PLAN}, 13};
	souk_store_be64(key.bytes + 1, epoch);
	souk_store_be32(key.bytes + 9, segment);
	return key;
}

static struct key leaf_key(const struct souk_payer_leaf *leaf)
{
	struct key key = plan_key(leaf->epoch, leaf->segment);
	key.bytes[0] = PREFIX_LEAF;
	souk_store_be32(key.bytes + 13, leaf->index);
	key.size = 17;
	return key;
}

static struct key part_key(uint32_t content, uint32_t word)
{
	struct key key = {{PREFIX_PART}, 9};
	souk_store_be32(key.bytes + 1, content);
	souk_store_be32(key.bytes + 5, word);
	return key;
}

/* End the transaction: durable where STATUS is SOUK_OK, else without a trace. */
static souk_status finish(struct sim_node *node, souk_status status, uint64_t *ret_world_us)
{
	if (status == SOUK_OK)
		return sim_disk_commit(node->disk, ret_world_us);
	sim_disk_abort(node->disk);
	return status;
}

/* ---------------------------------------------------------------- plans */

static souk_status put_plan(
	const struct souk_store *store, const struct customer *c, const struct plan *plan)
{
	struct souk_wallet_plan record = {
		.escrow = c->escrow, .epoch = plan->epoch, .segment = plan->segment};
	uint8_t bytes[SOUK_WALLET_PLAN_SIZE_MAX];
	struct key key = plan_key(plan->epoch, plan->segment);
	struct souk_writer writer;
	struct souk_bytes value;
	record.leaves.count = (uint16_t)plan->count;
	memcpy(record.leaves.items, plan->leaves, plan->count * sizeof *plan->leaves);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_wallet_plan_encode(&writer, &record);
	SOUK_TRY(souk_writer_finish(&writer, &value));
	return souk_store_put(store, view(&key), value);
}

souk_status customer_wallet_put_plan(struct sim_node *node, const struct plan *plan)
{
	struct souk_store store;
	uint64_t durable_us;
	SOUK_TRY(sim_disk_begin(node->disk, &store));
	return finish(node, put_plan(&store, customer_of(node), plan), &durable_us);
}

static struct plan *read_plan(struct souk_bytes value)
{
	struct souk_wallet_plan record;
	if (souk_wallet_plan_decode(&record, value, NULL) != SOUK_OK ||
		record.leaves.count > PLAN_LEAVES_MAX)
		return NULL;
	struct plan *plan = sim_alloc(sizeof *plan);
	plan->epoch = record.epoch;
	plan->segment = record.segment;
	plan->count = record.leaves.count;
	memcpy(plan->leaves, record.leaves.items, plan->count * sizeof *plan->leaves);
	return plan;
}

/* The first record of PREFIX, where it is of an epoch before EPOCH. */
static bool find_old(
	const struct souk_store *store, uint8_t prefix, uint64_t epoch, struct key *ret)
{
	struct souk_bytes key, value;
	if (souk_store_next(store, souk_bytes_of(&prefix, 1), &key, &value) != SOUK_OK ||
		key.size < 9 || key.size > KEY_MAX || key.data[0] != prefix ||
		souk_load_be64(key.data + 1) >= epoch)
		return false;
	memcpy(ret->bytes, key.data, key.size);
	ret->size = key.size;
	return true;
}

static void forget_old(struct sim_node *node, uint64_t epoch)
{
	struct souk_store store = sim_disk_view(node->disk);
	struct key old;
	uint64_t durable_us;
	souk_status status = SOUK_OK;
	if (!find_old(&store, PREFIX_PLAN, epoch, &old) &&
		!find_old(&store, PREFIX_LEAF, epoch, &old))
		return;
	if (sim_disk_begin(node->disk, &store) != SOUK_OK)
		return;
	while (status == SOUK_OK && (find_old(&store, PREFIX_PLAN, epoch, &old) ||
					    find_old(&store, PREFIX_LEAF, epoch, &old)))
		status = souk_store_del(&store, view(&old));
	/* What is not forgotten now is so the next time. */
	status = finish(node, status, &durable_us);
	(void)status;
}

souk_status customer_wallet_plans(struct sim_node *node, uint64_t epoch, struct plan **ret)
{
	struct souk_bytes key, value;
	struct plan *plans = NULL;
	if (epoch > EPOCHS_KEPT)
		forget_old(node, epoch - EPOCHS_KEPT);
	struct souk_store store = sim_disk_view(node->disk);
	for (uint32_t segment = 0;; segment++) {
		struct key from = plan_key(epoch, segment);
		souk_status status = souk_store_next(&store, view(&from), &key, &value);
		if (status != SOUK_OK || key.size != from.size || key.data[0] != PREFIX_PLAN ||
			souk_load_be64(key.data + 1) != epoch)
			break;
		segment = souk_load_be32(key.data + 9);
		struct plan *plan = read_plan(value);
		if (plan == NULL)
			continue;
		plan->next = plans;
		plans = plan;
	}
	*ret = plans;
	return SOUK_OK;
}

/* ---------------------------------------------------------------- leaves */

static souk_status get_used(
	const struct souk_store *store, const struct souk_payer_leaf *leaf, struct souk_amount *ret)
{
	struct key key = leaf_key(leaf);
	struct souk_wallet_leaf record;
	struct souk_bytes value;
	souk_status status = souk_store_get(store, view(&key), &value);
	if (status == SOUK_LOCAL_NOT_FOUND) {
		*ret = SOUK_AMOUNT_ZERO;
		return SOUK_OK;
	}
	SOUK_TRY(status);
	if (souk_wallet_leaf_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	*ret = record.used;
	return SOUK_OK;
}

souk_status customer_wallet_used(
	struct sim_node *node, const struct souk_payer_leaf *leaf, struct souk_amount *ret)
{
	struct souk_store store = sim_disk_view(node->disk);
	return get_used(&store, leaf, ret);
}

static souk_status reserve(
	const struct souk_store *store, struct souk_payer_leaf *leaf, struct souk_amount amount)
{
	struct souk_wallet_leaf record = {.closed = false};
	struct souk_amount used;
	uint8_t bytes[SOUK_WALLET_LEAF_SIZE_MAX];
	struct key key = leaf_key(leaf);
	struct souk_writer writer;
	struct souk_bytes value;
	SOUK_TRY(get_used(store, leaf, &used));
	if (souk_amount_add(&record.used, used, amount) != SOUK_OK ||
		souk_amount_is_less(leaf->amount, record.used))
		return SOUK_PEER_STRIP_RANGE;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_wallet_leaf_encode(&writer, &record);
	SOUK_TRY(souk_writer_finish(&writer, &value));
	SOUK_TRY(souk_store_put(store, view(&key), value));
	leaf->used = used;
	return SOUK_OK;
}

souk_status customer_wallet_reserve(struct sim_node *node, struct souk_payer_leaf *leaf,
	struct souk_amount amount, uint64_t *ret_world_us)
{
	struct souk_store store;
	struct souk_payer_leaf taken = *leaf;
	SOUK_TRY(sim_disk_begin(node->disk, &store));
	SOUK_TRY(finish(node, reserve(&store, &taken, amount), ret_world_us));
	leaf->used = taken.used;
	return SOUK_OK;
}

/* ---------------------------------------------------------------- the part file */

/* The real part file is checked against the hashes of its chunks when it is read again. */
static uint64_t sum_of(uint32_t place, uint64_t word)
{
	uint64_t z = (word ^ place) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	return (z ^ z >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
}

static souk_status put_part(const struct souk_store *store, uint32_t content, const uint64_t *words,
	uint32_t low, uint32_t high)
{
	for (uint32_t i = low; i <= high; i++) {
		uint8_t value[PART_SIZE];
		struct key key = part_key(content, i);
		souk_store_be64(value, words[i]);
		souk_store_be64(value + 8, sum_of(i, words[i]));
		SOUK_TRY(souk_store_put(store, view(&key), souk_bytes_of(value, sizeof value)));
	}
	return SOUK_OK;
}

souk_status customer_wallet_put_part(
	struct sim_node *node, const uint64_t *words, uint32_t low, uint32_t high)
{
	struct souk_store store;
	uint64_t durable_us;
	SOUK_TRY(sim_disk_begin(node->disk, &store));
	return finish(
		node, put_part(&store, customer_of(node)->want, words, low, high), &durable_us);
}

void customer_wallet_part(struct sim_node *node, uint64_t *words, uint32_t count)
{
	struct souk_store store = sim_disk_view(node->disk);
	uint32_t content = customer_of(node)->want;
	for (uint32_t i = 0; i < count; i++) {
		struct key key = part_key(content, i);
		struct souk_bytes value;
		if (souk_store_get(&store, view(&key), &value) != SOUK_OK ||
			value.size != PART_SIZE)
			continue;
		uint64_t word = souk_load_be64(value.data);
		if (souk_load_be64(value.data + 8) == sum_of(i, word))
			words[i] = word;
	}
}

void customer_wallet_drop_part(struct sim_node *node, uint32_t count)
{
	struct souk_store store;
	uint64_t durable_us;
	uint32_t content = customer_of(node)->want;
	souk_status status = sim_disk_begin(node->disk, &store);
	if (status != SOUK_OK)
		return;
	for (uint32_t i = 0; i < count && status == SOUK_OK; i++) {
		struct key key = part_key(content, i);
		status = souk_store_del(&store, view(&key));
		if (status == SOUK_LOCAL_NOT_FOUND)
			status = SOUK_OK;
	}
	status = finish(node, status, &durable_us);
	(void)status;
}
