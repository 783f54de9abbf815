/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions outside of blocks: on their way, waiting for their turn, and what is told of them.
 */
#include <stdlib.h>
#include <string.h>

#include "ledger_internal.h"
#include "souk/base/check.h"
#include "world.h"

/* Until who cannot reach the ledger gives up, and between its attempts to hear of a result. */
#define NET_TIMEOUT_US 2000000u
#define NET_RETRY_US   1000000u

/* ---- lists and heaps ---- */

void sim_tx_list_init(struct sim_tx_list *list)
{
	*list = (struct sim_tx_list){.first = NULL};
}

void sim_tx_list_add(struct sim_tx_list *list, struct sim_tx *tx)
{
	tx->next = NULL;
	if (list->first == NULL)
		list->first = tx;
	else
		list->last->next = tx;
	list->last = tx;
	list->count++;
}

void sim_tx_list_prepend(struct sim_tx_list *list, struct sim_tx_list *other)
{
	if (other->first == NULL)
		return;
	other->last->next = list->first;
	if (list->first == NULL)
		list->last = other->last;
	list->first = other->first;
	list->count += other->count;
	sim_tx_list_init(other);
}

struct sim_tx *sim_tx_list_take(struct sim_tx_list *list)
{
	struct sim_tx *tx = list->first;
	if (tx == NULL)
		return NULL;
	list->first = tx->next;
	list->count--;
	tx->next = NULL;
	return tx;
}

void sim_tx_free(struct sim_tx *tx)
{
	if (tx != NULL)
		free(tx->signer);
	free(tx);
}

void sim_tx_list_free(struct sim_tx_list *list)
{
	for (struct sim_tx *tx = sim_tx_list_take(list); tx != NULL; tx = sim_tx_list_take(list))
		sim_tx_free(tx);
}

static bool is_before(const struct sim_tx *a, const struct sim_tx *b)
{
	return a->us != b->us ? a->us < b->us : a->order < b->order;
}

static void heap_push(struct sim_tx_heap *heap, struct sim_tx *tx)
{
	if (heap->count == heap->room) {
		heap->room = heap->room ? heap->room * 2 : 64;
		heap->items = realloc(heap->items, heap->room * sizeof(struct sim_tx *));
		SOUK_CHECK(heap->items != NULL);
	}
	size_t at = heap->count++;
	for (; at > 0 && is_before(tx, heap->items[(at - 1) / 2]); at = (at - 1) / 2)
		heap->items[at] = heap->items[(at - 1) / 2];
	heap->items[at] = tx;
}

static struct sim_tx *heap_pop(struct sim_tx_heap *heap)
{
	struct sim_tx *first = heap->items[0], *last = heap->items[--heap->count];
	size_t at = 0, child;
	while ((child = 2 * at + 1) < heap->count) {
		if (child + 1 < heap->count &&
			is_before(heap->items[child + 1], heap->items[child]))
			child++;
		if (!is_before(heap->items[child], last))
			break;
		heap->items[at] = heap->items[child];
		at = child;
	}
	heap->items[at] = last;
	return first;
}

static void heap_free(struct sim_tx_heap *heap)
{
	for (size_t i = 0; i < heap->count; i++)
		sim_tx_free(heap->items[i]);
	free(heap->items);
}

void sim_ledger_wait_done(struct sim_ledger *ledger)
{
	heap_free(&ledger->coming);
	heap_free(&ledger->telling);
	sim_tx_list_free(&ledger->urgent);
	sim_tx_list_free(&ledger->waiting);
}

/* ---- coming ---- */

const struct souk_identity *sim_tx_signer(const struct sim_ledger *ledger, const struct sim_tx *tx)
{
	return tx->signer != NULL ? tx->signer : &sim_node_at(ledger->world, tx->node)->identity;
}

static struct sim_tx *tx_new(struct sim_node *node, const struct souk_identity *signer,
	const struct souk_tx_body *body, uint64_t token)
{
	struct sim_ledger *ledger = sim_world_ledger(node->world);
	uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, memory, sizeof memory);
	souk_tx_body_encode(&writer, body);
	SOUK_CHECK(!writer.full);
	struct sim_tx *tx = sim_alloc(sizeof *tx + writer.size);
	tx->order = ledger->orders++;
	tx->token = token;
	tx->node = node->id;
	tx->incarnation = node->incarnation;
	tx->size = (uint32_t)writer.size;
	memcpy(tx->bytes, memory, writer.size);
	if (signer != NULL) {
		tx->signer = sim_alloc(sizeof *tx->signer);
		*tx->signer = *signer;
	}
	return tx;
}

static void send(struct sim_node *node, struct sim_tx *tx)
{
	struct sim_ledger *ledger = sim_world_ledger(node->world);
	uint64_t now_us = sim_time_us(node->world);
	if (sim_net_reaches_ledger(node)) {
		/* No jitter: what one node sends stays in order. */
		tx->us = now_us + node->link.latency_us;
		heap_push(&ledger->coming, tx);
		return;
	}
	tx->us = now_us + NET_TIMEOUT_US;
	tx->status = SOUK_IO_NET;
	heap_push(&ledger->telling, tx);
}

void sim_ledger_submit(struct sim_node *node, const struct souk_tx_body *body, uint64_t token)
{
	send(node, tx_new(node, NULL, body, token));
}

void sim_ledger_submit_as(struct sim_node *node, const struct souk_identity *signer,
	const struct souk_tx_body *body, uint64_t token)
{
	send(node, tx_new(node, signer, body, token));
}

void sim_ledger_submit_first(struct sim_node *node, const struct souk_identity *signer,
	const struct souk_tx_body *body, uint64_t token)
{
	struct sim_tx *tx = tx_new(node, signer, body, token);
	tx->is_first = true;
	send(node, tx);
}

void sim_ledger_fund(struct sim_node *node, struct souk_amount amount)
{
	struct sim_ledger *ledger = sim_world_ledger(node->world);
	if (amount.ncoin == 0)
		return;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_FAUCET, .faucet = {.amount = amount}};
	struct sim_tx *tx = tx_new(node, NULL, &body, 0);
	SOUK_CHECK(ledger->tip.state.record.height == 0);
	SOUK_CHECK(souk_amount_add(&node->funded, node->funded, amount) == SOUK_OK);
	tx->is_funding = true;
	tx->is_told = true;
	sim_tx_list_add(&ledger->waiting, tx);
}

void sim_ledger_arrive(struct sim_ledger *ledger, bool is_all)
{
	struct sim_tx_heap *coming = &ledger->coming;
	uint64_t now_us = sim_time_us(ledger->world);
	while (coming->count > 0 && (is_all || coming->items[0]->us <= now_us)) {
		struct sim_tx *tx = heap_pop(coming);
		sim_tx_list_add(tx->is_first ? &ledger->urgent : &ledger->waiting, tx);
	}
}

/* ---- peeking ---- */

typedef bool see_fn(void *ctx, const struct souk_address *from, const struct souk_tx_body *body);

static bool peek_list(const struct sim_ledger *ledger, const struct sim_tx_list *list, uint8_t kind,
	see_fn *see, void *ctx)
{
	struct souk_tx_body body;
	for (const struct sim_tx *tx = list->first; tx != NULL; tx = tx->next) {
		/* The tag of a choice is its first byte. */
		if (kind != 0 && tx->bytes[0] != kind)
			continue;
		SOUK_CHECK(souk_tx_body_decode(&body, souk_bytes_of(tx->bytes, tx->size), NULL) ==
			   SOUK_OK);
		if (!see(ctx, &sim_tx_signer(ledger, tx)->address, &body))
			return false;
	}
	return true;
}

void sim_ledger_peek(struct sim_node *node, uint8_t kind, see_fn *see, void *ctx)
{
	struct sim_ledger *ledger = sim_world_ledger(node->world);
	if (!sim_net_reaches_ledger(node))
		return;
	sim_ledger_arrive(ledger, false);
	if (peek_list(ledger, &ledger->urgent, kind, see, ctx))
		peek_list(ledger, &ledger->waiting, kind, see, ctx);
}

/* ---- telling ---- */

static void tell_node(struct sim_ledger *ledger, const struct sim_tx *tx)
{
	struct sim_node *node = sim_node_at(ledger->world, tx->node);
	if (!node->is_up || node->incarnation != tx->incarnation || node->actor->ledger == NULL)
		return;
	/* Whatever the node does now, nothing here relies on TX any more. */
	node->actor->ledger(node, tx->token, tx->status, tx->amount);
}

/* TX without its body, which may be gone before the node is back. */
static void tell_later(struct sim_ledger *ledger, const struct sim_tx *tx)
{
	struct sim_tx *notice = sim_alloc(sizeof *notice);
	*notice = *tx;
	notice->next = NULL;
	notice->signer = NULL;
	notice->size = 0;
	notice->order = ledger->orders++;
	notice->us = sim_time_us(ledger->world) + NET_RETRY_US;
	heap_push(&ledger->telling, notice);
}

void sim_ledger_tell(
	struct sim_ledger *ledger, struct sim_tx *tx, souk_status status, struct souk_amount amount)
{
	if (tx->is_told && tx->status == status && tx->amount.ncoin == amount.ncoin)
		return;
	tx->is_told = true;
	tx->status = status;
	tx->amount = amount;
	if (sim_net_reaches_ledger(sim_node_at(ledger->world, tx->node)))
		tell_node(ledger, tx);
	else
		tell_later(ledger, tx);
}

void sim_ledger_tell_due(struct sim_ledger *ledger)
{
	uint64_t now_us = sim_time_us(ledger->world);
	while (ledger->telling.count > 0 && ledger->telling.items[0]->us <= now_us) {
		struct sim_tx *tx = heap_pop(&ledger->telling);
		struct sim_node *node = sim_node_at(ledger->world, tx->node);
		/* That it cannot reach the ledger a node finds out by itself. */
		if (tx->status == SOUK_IO_NET || sim_net_reaches_ledger(node)) {
			tell_node(ledger, tx);
			sim_tx_free(tx);
		} else if (node->incarnation != tx->incarnation) {
			sim_tx_free(tx);
		} else {
			tx->us = now_us + NET_RETRY_US;
			heap_push(&ledger->telling, tx);
		}
	}
}
