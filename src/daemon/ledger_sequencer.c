/* SPDX-License-Identifier: Apache-2.0
 *
 * The sequencer: everything that waits becomes one block, one store transaction
 * and one fsync; whoever waits is answered when it is durable. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "judges.h"
#include "ledger_home.h"
#include "ledger_internal.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/log.h"

/* How long the sequencer sleeps at most: the machine's clock may be set. */
#define NAP_MS_MAX 1000u
/* And how long after a block that failed, such as on a full disk. */
#define RETRY_MS 500u

/* A block under construction. */
struct block {
	struct souk_lmdb_txn *txn;
	uint32_t tx_count;
	bool has_stepped; /* to the next epoch */
};

static struct souk_time block_time(const struct ledger_node *node)
{
	struct souk_time now = souk_clock_now(souk_clock_real());
	return souk_time_is_before(now, node->ledger.record.time) ? node->ledger.record.time : now;
}

static souk_status block_begin(struct ledger_node *node, struct block *block)
{
	struct souk_store view;
	uint64_t epoch = node->ledger.record.epoch;
	*block = (struct block){0};
	node->before = node->ledger;
	SOUK_TRY(souk_lmdb_store_begin(node->store, SOUK_LMDB_WRITE, &block->txn, &view));
	node->ledger.store = view;
	SOUK_TRY(souk_ledger_begin(&node->ledger, block_time(node)));
	block->has_stepped = node->ledger.record.epoch != epoch;
	return SOUK_OK;
}

static void block_abandon(struct ledger_node *node, struct block *block)
{
	souk_lmdb_txn_abort(block->txn);
	block->txn = NULL;
	node->ledger = node->before;
}

static souk_status store_message(
	struct ledger_node *node, struct souk_ledger_key key, const struct souk_writer *writer)
{
	struct souk_bytes value;
	SOUK_TRY(souk_writer_finish(writer, &value));
	return souk_store_put(&node->ledger.store, souk_ledger_key_bytes(&key), value);
}

/* Apply, and put the transaction beside the block as it came. */
static souk_status block_add(struct ledger_node *node, struct block *block,
	const struct souk_signed_tx *tx, struct souk_bytes encoded,
	const struct souk_signed_check *check, struct souk_receipt *ret_receipt)
{
	SOUK_TRY(souk_ledger_apply_checked(&node->ledger, tx, check, ret_receipt));
	struct souk_ledger_key key = souk_ledger_key_tx(ret_receipt->height, ret_receipt->index);
	block->tx_count++;
	return souk_store_put(&node->ledger.store, souk_ledger_key_bytes(&key), encoded);
}

/* One of the operator's own. */
static souk_status block_add_own(
	struct ledger_node *node, struct block *block, const struct souk_tx *tx)
{
	uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_writer writer;
	struct souk_signed_tx signed_tx;
	struct souk_signed_check check;
	struct souk_receipt receipt;
	souk_tx_sign(&signed_tx, tx, node->operator_identity);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_tx_encode(&writer, &signed_tx);
	struct souk_bytes encoded = souk_bytes_of(memory, writer.size);
	souk_tx_check(&check, encoded);
	return block_add(node, block, &signed_tx, encoded, &check, &receipt);
}

static souk_status block_commit(struct ledger_node *node, struct block *block)
{
	uint8_t memory[SOUK_SIGNED_BLOCK_HEADER_SIZE_MAX];
	struct souk_writer writer;
	struct souk_signed_block_header header;
	SOUK_TRY(souk_ledger_seal(&node->ledger, node->operator_identity, &header));
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_block_header_encode(&writer, &header);
	SOUK_TRY(store_message(node, souk_ledger_key_header(header.header.height), &writer));
	struct souk_lmdb_txn *txn = block->txn;
	block->txn = NULL;
	SOUK_TRY(souk_lmdb_txn_commit(txn));
	SOUK_LOG(SOUK_LOG_DEBUG, "block", souk_log_u64("height", header.header.height),
		souk_log_u64("transactions", header.header.tx_count));
	if (block->has_stepped)
		SOUK_LOG(SOUK_LOG_INFO, "epoch", souk_log_u64("epoch", node->ledger.record.epoch));
	return SOUK_OK;
}

/* ---- draws ---- */

static souk_status draw_once(struct ledger_node *node, struct block *block)
{
	uint64_t epoch = node->ledger.record.next_draw;
	struct souk_account_record account;
	struct souk_tx tx = {.ledger = node->ledger.record.ledger,
		.body = {.kind = SOUK_TX_BODY_DRAW, .draw = {.epoch = epoch}}};
	SOUK_TRY(souk_ledger_get_account(
		&account, &node->ledger, &node->operator_identity->address));
	tx.nonce = account.nonce;
	tx.body.draw.beacon = souk_chain_value(&node->beacons, (uint32_t)epoch + 1);
	SOUK_TRY(block_add_own(node, block, &tx));
	SOUK_LOG(SOUK_LOG_INFO, "draw", souk_log_u64("epoch", epoch),
		souk_log_hex("beacon", tx.body.draw.beacon.bytes, SOUK_HASH_SIZE));
	return SOUK_OK;
}

/* All draws that are due, before the transactions: their claims may be among these. */
static souk_status draw_due(struct ledger_node *node, struct block *block)
{
	for (;;) {
		bool due;
		SOUK_TRY(souk_ledger_draw_due(&due, &node->ledger, node->ledger.record.time));
		if (!due)
			return SOUK_OK;
		SOUK_TRY(draw_once(node, block));
	}
}

/* ---- transactions ---- */

static void explain_refusal(struct ledger_node *node, struct ledger_pending *pending)
{
	struct souk_account_record account = {.nonce = 0};
	if (souk_ledger_get_account(&account, &node->ledger, &pending->tx->tx.from) != SOUK_OK)
		account = (struct souk_account_record){.nonce = 0};
	if (pending->status == SOUK_PEER_TX_NONCE)
		snprintf(pending->detail, sizeof pending->detail,
			"the next nonce is %llu, the transaction has %llu",
			(unsigned long long)account.nonce,
			(unsigned long long)pending->tx->tx.nonce);
	if (pending->status == SOUK_PEER_NO_FUNDS) {
		char balance[SOUK_AMOUNT_TEXT_SIZE];
		souk_amount_format(balance, account.balance);
		snprintf(pending->detail, sizeof pending->detail, "the balance is %s coins",
			balance);
	}
}

/* SOUK_OK as long as the block can go on, whatever becomes of PENDING. */
static souk_status take_one(
	struct ledger_node *node, struct block *block, struct ledger_pending *pending)
{
	souk_status status = block_add(
		node, block, pending->tx, pending->encoded, &pending->check, &pending->receipt);
	/* Sent again because the answer was lost: it is in, so say so. */
	if (status == SOUK_PEER_TX_NONCE && souk_ledger_get_receipt(&pending->receipt,
						    &node->ledger, &pending->check.name) == SOUK_OK)
		status = SOUK_OK;
	if (status != SOUK_OK && !souk_ledger_refused(status))
		return status;
	pending->status = status;
	if (status != SOUK_OK) {
		explain_refusal(node, pending);
		SOUK_LOG(SOUK_LOG_DEBUG, "refused", souk_log_status(status),
			souk_log_hex("tx", pending->check.name.bytes, SOUK_HASH_SIZE));
	}
	return SOUK_OK;
}

static souk_status fill_block(
	struct ledger_node *node, struct block *block, struct ledger_pending *first)
{
	SOUK_TRY(block_begin(node, block));
	SOUK_TRY(draw_due(node, block));
	for (struct ledger_pending *pending = first; pending; pending = pending->next)
		SOUK_TRY(take_one(node, block, pending));
	if (block->tx_count == 0 && !block->has_stepped) {
		block_abandon(node, block);
		return SOUK_OK;
	}
	return block_commit(node, block);
}

/* What failed is nobody's fault who waits: none of them is in, and each may be sent again. */
static void fail_all(struct ledger_pending *first, souk_status status)
{
	for (struct ledger_pending *pending = first; pending; pending = pending->next)
		pending->status = status;
}

static bool make_block(struct ledger_node *node, struct ledger_pending *first)
{
	struct block block = {0};
	souk_status status = fill_block(node, &block, first);
	if (status == SOUK_OK)
		return true;
	block_abandon(node, &block);
	fail_all(first, status);
	SOUK_LOG(SOUK_LOG_ERROR, "block_failed", souk_log_status(status));
	/* What contradicts itself must not be built upon. */
	if (souk_status_class(status) == SOUK_CLASS_CORRUPT) {
		pthread_mutex_lock(&node->lock);
		node->halted = status;
		pthread_mutex_unlock(&node->lock);
	}
	return false;
}

/* ---- the queue ---- */

void ledger_submit(struct ledger_node *node, struct ledger_pending *pending)
{
	pthread_mutex_lock(&node->lock);
	if (node->halted != SOUK_OK || node->is_stopping || node->queue.count == LEDGER_QUEUE_MAX) {
		pending->status = node->halted != SOUK_OK ? node->halted
				  : node->is_stopping	  ? SOUK_LOCAL_STOPPED
							  : SOUK_LOCAL_FULL;
		pthread_mutex_unlock(&node->lock);
		return;
	}
	pending->is_done = false;
	pending->next = NULL;
	*node->queue.last = pending;
	node->queue.last = &pending->next;
	node->queue.count++;
	pthread_cond_signal(&node->work);
	while (!pending->is_done)
		pthread_cond_wait(&node->done, &node->lock);
	pthread_mutex_unlock(&node->lock);
}

/* The first LEDGER_BLOCK_MAX of the queue. Under the lock. */
static struct ledger_pending *take_queue(struct ledger_queue *queue)
{
	struct ledger_pending *first = queue->first, **end = &queue->first;
	unsigned count = 0;
	for (; *end && count < LEDGER_BLOCK_MAX; count++)
		end = &(*end)->next;
	queue->first = *end;
	queue->count -= count;
	if (queue->first == NULL)
		queue->last = &queue->first;
	*end = NULL;
	return count ? first : NULL;
}

static void answer_all(struct ledger_node *node, struct ledger_pending *first)
{
	while (first != NULL) {
		/* Once done, it belongs to the thread that waits for it. */
		struct ledger_pending *next = first->next;
		first->is_done = true;
		first = next;
	}
	pthread_cond_broadcast(&node->done);
}

/* ---- the thread ---- */

static bool epoch_due(struct ledger_node *node, uint64_t *ret_ms_left)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_time deadline = SOUK_TIME_NEVER, now = souk_clock_now(souk_clock_real());
	*ret_ms_left = NAP_MS_MAX;
	if (souk_lmdb_store_begin(node->store, SOUK_LMDB_READ, &txn, &view) != SOUK_OK)
		return false;
	node->ledger.store = view;
	if (souk_ledger_deadline(&deadline, &node->ledger) != SOUK_OK)
		deadline = SOUK_TIME_NEVER;
	souk_lmdb_txn_abort(txn);
	if (souk_time_since_ms(now, deadline) < NAP_MS_MAX)
		*ret_ms_left = souk_time_since_ms(now, deadline);
	return !souk_time_is_before(now, deadline);
}

static void wait_ms(struct ledger_node *node, uint64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&node->work, &node->lock, &until);
}

static void sleep_until(uint64_t steady_ns)
{
	uint64_t now = souk_clock_steady_ns();
	if (now >= steady_ns)
		return;
	struct timespec nap = {
		(time_t)((steady_ns - now) / 1000000000u), (long)((steady_ns - now) % 1000000000u)};
	while (nanosleep(&nap, &nap) != 0 && errno == EINTR)
		;
}

/* Sleep until there is something for a block; false once stopping and everybody is answered. */
static bool wait_for_work(struct ledger_node *node)
{
	uint64_t ms_left;
	bool is_due = epoch_due(node, &ms_left);
	pthread_mutex_lock(&node->lock);
	if (node->queue.first == NULL && !node->is_stopping && !is_due)
		wait_ms(node, ms_left);
	bool go_on = node->queue.first != NULL || !node->is_stopping;
	pthread_mutex_unlock(&node->lock);
	return go_on;
}

static void run_round(struct ledger_node *node, uint64_t *next_block_ns)
{
	uint64_t ms_left;
	if (souk_clock_steady_ns() < *next_block_ns)
		sleep_until(*next_block_ns);
	pthread_mutex_lock(&node->lock);
	struct ledger_pending *first = take_queue(&node->queue);
	souk_status halted = node->halted;
	pthread_mutex_unlock(&node->lock);
	if (halted != SOUK_OK) {
		fail_all(first, halted);
		sleep_until(souk_clock_steady_ns() + 100000000u);
	} else if (first != NULL || epoch_due(node, &ms_left)) {
		uint64_t pause_ms = node->config.block_ms;
		uint64_t start_ns = souk_clock_steady_ns();
		if (!make_block(node, first))
			pause_ms += RETRY_MS;
		*next_block_ns = start_ns + pause_ms * 1000000u;
	}
	pthread_mutex_lock(&node->lock);
	answer_all(node, first);
	pthread_mutex_unlock(&node->lock);
}

static void *sequencer_run(void *ctx)
{
	struct ledger_node *node = ctx;
	uint64_t next_block_ns = 0;
	while (wait_for_work(node))
		run_round(node, &next_block_ns);
	return NULL;
}

/* A few records are read, however many there are; the keeper looks at the rest. */
static souk_status load_ledger(struct ledger_node *node, const char **ret_what)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	*ret_what = "ledger.mdb";
	SOUK_TRY(souk_lmdb_store_begin(node->store, SOUK_LMDB_READ, &txn, &view));
	souk_status status = souk_ledger_load(&node->ledger, &view);
	souk_lmdb_txn_abort(txn);
	SOUK_TRY(status);
	souk_ledger_set_judges(&node->ledger, known_judges());
	SOUK_LOG(SOUK_LOG_INFO, "ledger_loaded",
		souk_log_text("name", node->ledger.genesis.name.text),
		souk_log_hex("ledger", node->ledger.record.ledger.bytes, SOUK_HASH_SIZE),
		souk_log_u64("height", node->ledger.record.height));
	*ret_what = "identity.key is not the operator's";
	if (!souk_address_equal(&node->operator_identity->address, &node->ledger.genesis.operator))
		return SOUK_PEER_NOT_OPERATOR;
	return ledger_home_beacons(
		&node->beacons, node->config.home, &node->ledger.genesis, ret_what);
}

static void init_conds(struct ledger_node *node)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&node->work, &attributes);
	pthread_cond_init(&node->done, &attributes);
	pthread_cond_init(&node->keeper_wake, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&node->lock, NULL);
}

souk_status ledger_sequencer_start(struct ledger_node *node, const char **ret_what)
{
	SOUK_TRY(load_ledger(node, ret_what));
	init_conds(node);
	node->queue.last = &node->queue.first;
	*ret_what = "the sequencer";
	if (pthread_create(&node->thread, NULL, sequencer_run, node) != 0)
		return SOUK_IO_MEMORY;
	node->has_thread = true;
	return ledger_keeper_start(node);
}

void ledger_sequencer_stop(struct ledger_node *node)
{
	if (!node->has_thread)
		return;
	pthread_mutex_lock(&node->lock);
	node->is_stopping = true;
	pthread_cond_signal(&node->keeper_wake);
	pthread_cond_signal(&node->work);
	pthread_mutex_unlock(&node->lock);
	pthread_join(node->thread, NULL);
	node->has_thread = false;
	ledger_keeper_stop(node);
	souk_bytes_wipe(&node->beacons, sizeof node->beacons);
	pthread_cond_destroy(&node->work);
	pthread_cond_destroy(&node->done);
	pthread_cond_destroy(&node->keeper_wake);
	pthread_mutex_destroy(&node->lock);
}
