/* SPDX-License-Identifier: Apache-2.0
 *
 * Forks: the last blocks were not. What they held comes again, in another order. */
#include <stdlib.h>
#include <string.h>

#include "ledger_internal.h"
#include "souk/base/check.h"

/* A transaction that comes again, and a place in the new order. */
struct slot {
	struct souk_address from;
	struct sim_tx *tx;
	uint32_t at; /* in the order that is being looked at */
};

static int by_account(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	int order = memcmp(x->from.bytes, y->from.bytes, sizeof x->from.bytes);
	return order != 0 ? order : x->at < y->at ? -1 : x->at > y->at;
}

static int by_place(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void shuffle(struct sim_ledger *ledger, struct slot *slots, uint32_t count)
{
	for (uint32_t i = count; i > 1; i--) {
		uint32_t j = (uint32_t)souk_rng_below(&ledger->rng, i);
		struct slot other = slots[i - 1];
		slots[i - 1] = slots[j];
		slots[j] = other;
	}
	for (uint32_t i = 0; i < count; i++)
		slots[i].at = i;
}

/* A random order, in which each account has the places that fell to it, but its own order. */
static void reorder(struct sim_ledger *ledger, struct sim_tx_list *list)
{
	uint32_t count = (uint32_t)list->count, i = 0;
	struct slot *old = sim_alloc((count + 1) * sizeof *old);
	struct slot *new = sim_alloc((count + 1) * sizeof *new);
	for (struct sim_tx *tx = list->first; tx != NULL; tx = tx->next, i++)
		old[i] = (struct slot){sim_tx_signer(ledger, tx)->address, tx, i};
	memcpy(new, old, count * sizeof *new);
	shuffle(ledger, new, count);
	qsort(old, count, sizeof *old, by_account);
	qsort(new, count, sizeof *new, by_account);
	for (i = 0; i < count; i++)
		new[i].tx = old[i].tx;
	qsort(new, count, sizeof *new, by_place);
	sim_tx_list_init(list);
	for (i = 0; i < count; i++)
		sim_tx_list_add(list, new[i].tx);
	free(old);
	free(new);
}

static void undo_block(struct sim_ledger *ledger, struct sim_tx_list *again)
{
	uint64_t height = ledger->tip.state.record.height;
	struct sim_block *block = sim_ledger_block(ledger, height);
	sim_tx_list_prepend(again, &block->list);
	free(block->log);
	block->log = NULL;
	sim_chain_undo(&ledger->tip);
	if (ledger->confirmed == height) {
		ledger->confirmed--;
		if (ledger->follower != NULL)
			sim_chain_undo(ledger->follower);
	}
	ledger->undone++;
}

/* The last block that is worth confirming, of those that are left. */
static void find_content(struct sim_ledger *ledger)
{
	uint64_t height = ledger->tip.state.record.height;
	while (height > ledger->confirmed && !sim_ledger_block(ledger, height)->has_content)
		height--;
	ledger->worth_confirming = height;
}

/* The times of blocks are counted, whether one was made or not: a chain that makes one at each of
 * them could lose no more. So forks in a row undo nothing that is deeper than each of them goes,
 * and a quiet ledger does not lose a minute to a fork of a few blocks. */
static bool is_undone(const struct sim_ledger *ledger, uint32_t count)
{
	uint64_t height = ledger->tip.state.record.height;
	if (height <= ledger->tip.forgotten)
		return false;
	uint64_t now = sim_time_us(ledger->world) / ledger->block_us;
	return ledger->blocks[height - 1].us / ledger->block_us + count > now;
}

void sim_ledger_fork(struct sim_ledger *ledger, uint32_t count)
{
	struct sim_tx_list again;
	uint64_t undone = ledger->undone;
	sim_tx_list_init(&again);
	if (ledger->health != SOUK_OK)
		return;
	while (is_undone(ledger, count))
		undo_block(ledger, &again);
	reorder(ledger, &again);
	sim_tx_list_prepend(&ledger->waiting, &again);
	find_content(ledger);
	sim_ledger_look(ledger);
	sim_mix(ledger->world, 0xf0cc ^ (ledger->undone - undone) << 16);
}
