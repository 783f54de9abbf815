/* SPDX-License-Identifier: Apache-2.0
 *
 * Money for proxies: leaves that the wallet has, or new ones for all in one transaction. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escrow_line.h"
#include "key_internal.h"
#include "souk/base/check.h"

#define ALLOT_TRIES 4

static souk_status add_segment(struct key_client *client, const struct souk_hash *root,
	const struct souk_wallet_plan *plan, bool is_checked)
{
	struct key_segment *segment = malloc(sizeof *segment);
	if (segment == NULL)
		return SOUK_IO_MEMORY;
	*segment = (struct key_segment){client->segments, *root, *plan, is_checked};
	client->segments = segment;
	return SOUK_OK;
}

static souk_status load_plan(
	void *ctx, const struct souk_hash *root, const struct souk_wallet_plan *plan)
{
	return plan->standing ? SOUK_OK : add_segment(ctx, root, plan, false);
}

souk_status key_purse_load(struct key_client *client)
{
	return wallet_each_plan(client->wallet, load_plan, client);
}

/* Whether SEGMENT is of this escrow and epoch, and on the ledger: a transaction that was refused
 * leaves a plan as well. */
static bool is_usable(struct key_client *client, struct key_segment *segment)
{
	struct souk_allotment_record record;
	if (segment->plan.epoch != client->epoch ||
		!souk_hash_equal(&segment->plan.escrow, &client->escrow))
		return false;
	if (!segment->is_checked &&
		souk_chain_allotment(client->chain, &client->escrow, client->epoch,
			segment->plan.segment, &record) == SOUK_OK)
		segment->is_checked = souk_hash_equal(&record.root, &segment->root);
	return segment->is_checked;
}

uint64_t key_leaf_units(const struct key_proxy *proxy)
{
	return (proxy->leaf.amount.ncoin - proxy->leaf.used.ncoin) / proxy->terms.price.ncoin;
}

/* Leaf INDEX of SEGMENT, as far as the wallet has not used it, becomes the proxy's. */
static bool take_leaf(
	struct key_proxy *proxy, const struct key_segment *segment, uint32_t index, uint32_t units)
{
	struct souk_wallet_strip where = {.escrow = segment->plan.escrow,
		.epoch = segment->plan.epoch,
		.segment = segment->plan.segment,
		.leaf = index};
	struct souk_wallet_leaf used;
	struct souk_amount amount = segment->plan.leaves.items[index].amount;
	if (wallet_leaf(proxy->client->wallet, &where, &used) != SOUK_OK || used.closed ||
		amount.ncoin < used.used.ncoin ||
		(amount.ncoin - used.used.ncoin) / proxy->terms.price.ncoin < units)
		return false;
	proxy->segment = segment;
	proxy->leaf = (struct souk_payer_leaf){.escrow = where.escrow,
		.epoch = where.epoch,
		.segment = where.segment,
		.index = index,
		.amount = amount,
		.used = used.used};
	return true;
}

static bool find_leaf(struct key_proxy *proxy, uint32_t units)
{
	struct key_client *client = proxy->client;
	for (struct key_segment *s = client->segments; s != NULL; s = s->next) {
		for (uint32_t i = 0; i < s->plan.leaves.count; i++) {
			const struct souk_allotment_leaf *leaf = &s->plan.leaves.items[i];
			if (souk_address_equal(&leaf->provider, &proxy->address) &&
				souk_address_equal(
					&leaf->issuer, &client->config.identity->address) &&
				is_usable(client, s) && take_leaf(proxy, s, i, units))
				return true;
		}
	}
	return false;
}

/* What each is to have: room for UNITS, or an equal share of what there is. */
static souk_status fill_leaves(struct souk_wallet_plan *plan, const struct line_room *room,
	struct key_proxy *const *without, size_t count, uint32_t units)
{
	uint64_t share = room->amount.ncoin / count;
	for (size_t i = 0; i < count; i++) {
		uint64_t price = without[i]->terms.price.ncoin, affordable = share / price;
		if (affordable == 0)
			return SOUK_PEER_ALLOTMENT_OVER_LINE;
		plan->leaves.items[i] =
			(struct souk_allotment_leaf){.provider = without[i]->address,
				.issuer = without[i]->client->config.identity->address,
				.amount = souk_amount_of_ncoin(
					price * (affordable < units ? affordable : units))};
	}
	return SOUK_OK;
}

/* One try: the plan is in the wallet before the ledger has it. */
static souk_status allot(struct key_client *client, struct souk_wallet_plan *plan,
	struct key_proxy *const *without, size_t count, uint32_t units, struct souk_hash *ret_root)
{
	struct souk_sum_node root, nodes[WALLET_LEAVES_MAX];
	struct line_room room;
	SOUK_TRY(line_find_room(client->chain, &client->escrow, &room));
	plan->epoch = room.epoch;
	plan->segment = room.segment;
	SOUK_TRY(fill_leaves(plan, &room, without, count, units));
	SOUK_TRY(souk_allotment_commit(&root, plan->leaves.items, plan->leaves.count, nodes));
	*ret_root = root.hash;
	SOUK_TRY(wallet_put_plan(client->wallet, &root.hash, plan));
	return line_allot(client->chain, client->config.identity, &client->escrow, &room,
		plan->leaves.items, plan->leaves.count, nodes);
}

static souk_status allot_for(
	struct key_client *client, struct key_proxy *const *without, size_t count, uint32_t units)
{
	struct souk_hash root;
	struct souk_wallet_plan *plan = calloc(1, sizeof *plan);
	if (plan == NULL)
		return SOUK_IO_MEMORY;
	plan->escrow = client->escrow;
	plan->leaves.count = (uint16_t)(count + 1);
	souk_status status = line_nobodys_leaf(&plan->leaves.items[count], client->config.identity);
	/* Another program of this identity may have taken the segment's number. */
	for (int i = 0; i < ALLOT_TRIES && (i == 0 || status == SOUK_PEER_ALLOTMENT_INDEX); i++) {
		if (status == SOUK_OK || i > 0)
			status = allot(client, plan, without, count, units, &root);
	}
	if (status == SOUK_OK)
		status = add_segment(client, &root, plan, true);
	else
		snprintf(client->detail, sizeof client->detail, "%s",
			souk_chain_detail(client->chain));
	if (status == SOUK_OK && plan->epoch != client->epoch)
		client->epoch = plan->epoch;
	client->allotted |= status == SOUK_OK;
	free(plan);
	return status;
}

souk_status key_purse_fill(
	struct key_client *client, struct key_proxy *const *used, size_t count, uint32_t units)
{
	struct key_proxy *without[SOUK_UMBRAL_SHARES_MAX];
	size_t missing = 0;
	for (size_t i = 0; i < count; i++) {
		struct key_proxy *proxy = used[i];
		if (proxy->step == KEY_OPEN && proxy->strip.epoch == client->epoch)
			continue;
		bool has = proxy->step != KEY_UNKNOWN && proxy->segment != NULL &&
			   proxy->leaf.epoch == client->epoch && key_leaf_units(proxy) >= units;
		if (!has && !find_leaf(proxy, units))
			without[missing++] = proxy;
		else
			proxy->step = KEY_READY;
	}
	if (missing == 0)
		return SOUK_OK;
	uint32_t wanted = client->config.units > units ? client->config.units : units;
	SOUK_TRY(allot_for(client, without, missing, wanted));
	for (size_t i = 0; i < missing; i++) {
		/* What of a small line is left for each may be less than all that was wanted. */
		if (!find_leaf(without[i], units) && !find_leaf(without[i], 1))
			return SOUK_PEER_ALLOTMENT_OVER_LINE;
		without[i]->step = KEY_READY;
	}
	return SOUK_OK;
}
