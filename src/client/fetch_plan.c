/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaves of allotments that were made before: those that stand, and those of souk escrow allot. A
 * purchase that finds one needs no transaction. */
#include <stdlib.h>
#include <string.h>

#include "fetch_paid.h"
#include "souk/base/check.h"

/* Segments of an epoch that are looked at. One that stands is among the first. */
#define SEGMENTS_MAX 64u

static bool is_usable(const struct paid *paid, const struct souk_wallet_plan *plan)
{
	if (paid->config->issuer_name == NULL)
		return true;
	for (int i = 0; i < plan->leaves.count; i++) {
		if (souk_address_equal(&plan->leaves.items[i].issuer, &paid->identity->address))
			return true;
	}
	return false;
}

static souk_status add_plan(
	void *ctx, const struct souk_hash *root, const struct souk_wallet_plan *plan)
{
	struct paid *paid = ctx;
	if (!is_usable(paid, plan))
		return SOUK_OK;
	struct paid_plan *grown = realloc(paid->plans, (paid->plan_count + 1) * sizeof *grown);
	if (grown == NULL)
		return SOUK_IO_MEMORY;
	paid->plans = grown;
	grown[paid->plan_count++] = (struct paid_plan){.root = *root, .plan = *plan};
	return SOUK_OK;
}

souk_status paid_load_plans(struct paid *paid)
{
	return wallet_each_plan(paid->wallet, add_plan, paid);
}

/* Whether a leaf of PLAN has something left that the next purchase could pay with. */
static bool has_left(const struct paid *paid, const struct souk_wallet_plan *plan)
{
	for (size_t i = 0; i < paid->provider_count; i++) {
		const struct paid_provider *provider = &paid->providers[i];
		for (int k = 0; k < plan->leaves.count; k++) {
			struct souk_wallet_strip where = {.escrow = plan->escrow,
				.epoch = plan->epoch,
				.segment = plan->segment,
				.leaf = (uint32_t)k};
			const struct souk_allotment_leaf *leaf = &plan->leaves.items[k];
			struct souk_wallet_leaf used;
			if (souk_address_equal(&leaf->provider, &provider->entry.address) &&
				wallet_leaf(paid->wallet, &where, &used) == SOUK_OK &&
				used.used.ncoin < leaf->amount.ncoin)
				return true;
		}
	}
	return false;
}

void paid_leave_plans(struct paid *paid)
{
	for (size_t i = 0; i < paid->own_count; i++) {
		const struct paid_plan *own = &paid->own[i];
		/* Without it the rest of these leaves is lost, as after a crash. */
		if (has_left(paid, &own->plan) &&
			wallet_put_plan(paid->wallet, &own->root, &own->plan) != SOUK_OK)
			fetch_note(paid->fetch, "the wallet cannot be written");
	}
}

/* The root of a segment; asked for once. */
static souk_status find_root(
	struct paid *paid, uint64_t epoch, uint32_t segment, struct souk_hash *ret)
{
	struct souk_hash root;
	for (size_t i = 0; i < paid->root_count; i++) {
		const struct paid_root *known = &paid->roots[i];
		if (known->epoch == epoch && known->segment == segment) {
			*ret = known->root;
			return SOUK_OK;
		}
	}
	SOUK_TRY(memory_root(
		paid->config->memory, paid->fetch->chain, &paid->escrow, epoch, segment, &root));
	struct paid_root *grown = realloc(paid->roots, (paid->root_count + 1) * sizeof *grown);
	if (grown == NULL)
		return SOUK_IO_MEMORY;
	paid->roots = grown;
	grown[paid->root_count++] = (struct paid_root){epoch, segment, root};
	*ret = root;
	return SOUK_OK;
}

static const struct souk_wallet_plan *plan_of(const struct paid *paid, const struct souk_hash *root)
{
	for (size_t i = 0; i < paid->plan_count; i++) {
		if (souk_hash_equal(&paid->plans[i].root, root) &&
			souk_hash_equal(&paid->plans[i].plan.escrow, &paid->escrow))
			return &paid->plans[i].plan;
	}
	return NULL;
}

static bool suits(const struct paid_provider *provider, const struct souk_allotment_leaf *leaf)
{
	bool is_open = souk_address_is_zero(&leaf->provider);
	if (!souk_address_equal(&leaf->issuer, &provider->paid->identity->address))
		return false;
	return is_open ? !provider->no_open_leaf
		       : souk_address_equal(&leaf->provider, &provider->entry.address);
}

/* The provider's leaf becomes leaf INDEX of PLAN, where a unit fits on what is left of it. */
static souk_status try_leaf(struct paid_provider *provider, const struct souk_wallet_plan *plan,
	uint64_t epoch, uint32_t segment, uint32_t index)
{
	struct souk_wallet_strip where = {.escrow = provider->paid->escrow,
		.epoch = epoch,
		.segment = segment,
		.leaf = index};
	struct souk_wallet_leaf used;
	struct souk_amount amount = plan->leaves.items[index].amount;
	SOUK_TRY(wallet_leaf(provider->paid->wallet, &where, &used));
	if (used.closed || amount.ncoin < used.used.ncoin ||
		amount.ncoin - used.used.ncoin < provider->entry.offer.offer.price.ncoin)
		return SOUK_LOCAL_NOT_FOUND;
	provider->segment.count = plan->leaves.count;
	provider->segment.epoch = epoch;
	provider->segment.number = segment;
	memcpy(provider->segment.leaves, plan->leaves.items,
		plan->leaves.count * sizeof *plan->leaves.items);
	provider->leaf = (struct souk_payer_leaf){
		.escrow = where.escrow,
		.epoch = epoch,
		.segment = segment,
		.index = index,
		.amount = amount,
		.used = used.used,
	};
	return SOUK_OK;
}

/* A leaf of its own goes before an open one, which may suit others too. */
static souk_status try_plan(struct paid_provider *provider, const struct souk_wallet_plan *plan,
	uint64_t epoch, uint32_t segment, bool is_open)
{
	for (uint32_t i = 0; i < plan->leaves.count; i++) {
		const struct souk_allotment_leaf *leaf = &plan->leaves.items[i];
		if (!suits(provider, leaf) || souk_address_is_zero(&leaf->provider) != is_open)
			continue;
		souk_status status = try_leaf(provider, plan, epoch, segment, i);
		if (status != SOUK_LOCAL_NOT_FOUND)
			return status;
	}
	return SOUK_LOCAL_NOT_FOUND;
}

static uint32_t segments_of(const struct souk_escrow_record *escrow, uint64_t epoch)
{
	for (int i = 0; i < escrow->open.count; i++) {
		if (escrow->open.items[i].epoch == epoch)
			return escrow->open.items[i].segments;
	}
	return 0;
}

souk_status paid_find_leaf(struct paid_provider *provider, uint64_t epoch)
{
	struct paid *paid = provider->paid;
	struct souk_escrow_record escrow;
	if (paid->plan_count == 0)
		return SOUK_LOCAL_NOT_FOUND;
	SOUK_TRY(memory_escrow(paid->config->memory, paid->fetch->chain, &paid->escrow, &escrow));
	if (escrow.closing)
		return SOUK_PEER_ESCROW_CLOSING;
	uint32_t count = segments_of(&escrow, epoch);
	for (int is_open = 0; is_open <= 1; is_open++) {
		for (uint32_t s = 0; s < count && s < SEGMENTS_MAX; s++) {
			struct souk_hash root;
			SOUK_TRY(find_root(paid, epoch, s, &root));
			const struct souk_wallet_plan *plan = plan_of(paid, &root);
			souk_status status =
				plan == NULL ? SOUK_LOCAL_NOT_FOUND
					     : try_plan(provider, plan, epoch, s, is_open == 1);
			if (status != SOUK_LOCAL_NOT_FOUND)
				return status;
		}
	}
	return SOUK_LOCAL_NOT_FOUND;
}
