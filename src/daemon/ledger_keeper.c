/* SPDX-License-Identifier: Apache-2.0
 *
 * What a ledger does in its spare time. A restart must not wait for a million
 * records, so they are audited beside the first blocks; if they are not what the
 * last header states, no further block is made. */
#include <time.h>

#include "judges.h"
#include "ledger_archive.h"
#include "ledger_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"

/* How often the keeper looks whether there is something to prune. */
#define LOOK_MS 2000u

static souk_status audit(struct ledger_node *node)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_ledger ledger;
	SOUK_TRY(souk_lmdb_store_begin(node->store, SOUK_LMDB_READ, &txn, &view));
	souk_status status = souk_ledger_load(&ledger, &view);
	if (status == SOUK_OK)
		status = souk_ledger_audit(&ledger);
	souk_lmdb_txn_abort(txn);
	return status;
}

static void audit_once(struct ledger_node *node)
{
	souk_status status = audit(node);
	if (status == SOUK_OK)
		return;
	SOUK_LOG(SOUK_LOG_ERROR, "audit_failed", souk_log_status(status),
		souk_log_text("what", "souk ledger check names the record"));
	if (souk_status_class(status) != SOUK_CLASS_CORRUPT)
		return;
	pthread_mutex_lock(&node->lock);
	node->halted = status;
	pthread_mutex_unlock(&node->lock);
}

/* Twice as many blocks as are kept: so the work of a prune is done once for each `keep`. */
static bool is_due(struct ledger_node *node, uint64_t keep)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_ledger ledger;
	uint64_t base = 0;
	if (souk_lmdb_store_begin(node->store, SOUK_LMDB_READ, &txn, &view) != SOUK_OK)
		return false;
	souk_status status = souk_ledger_load(&ledger, &view);
	if (status == SOUK_OK)
		status = ledger_archive_base(&base, &view);
	souk_lmdb_txn_abort(txn);
	return status == SOUK_OK && (ledger.record.height - base) / 2 >= keep;
}

static void prune(struct ledger_node *node)
{
	struct ledger_pruned pruned;
	uint64_t keep = node->config.keep_blocks;
	if (keep == 0 || !is_due(node, keep))
		return;
	souk_status status =
		ledger_archive_prune(&pruned, node->store, node->config.home, keep, known_judges());
	if (status != SOUK_OK)
		SOUK_LOG(SOUK_LOG_ERROR, "prune_failed", souk_log_status(status));
	else
		SOUK_LOG(SOUK_LOG_INFO, "pruned", souk_log_u64("height", pruned.height),
			souk_log_u64("records", pruned.records));
}

/* Under the lock. */
static void nap(struct ledger_node *node)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += LOOK_MS / 1000;
	if (!node->is_stopping)
		pthread_cond_timedwait(&node->keeper_wake, &node->lock, &until);
}

static void *keeper_run(void *ctx)
{
	struct ledger_node *node = ctx;
	audit_once(node);
	for (;;) {
		pthread_mutex_lock(&node->lock);
		nap(node);
		bool is_stopping = node->is_stopping;
		pthread_mutex_unlock(&node->lock);
		if (is_stopping)
			return NULL;
		prune(node);
	}
}

souk_status ledger_keeper_start(struct ledger_node *node)
{
	if (pthread_create(&node->keeper, NULL, keeper_run, node) != 0)
		return SOUK_IO_MEMORY;
	node->has_keeper = true;
	return SOUK_OK;
}

void ledger_keeper_stop(struct ledger_node *node)
{
	if (!node->has_keeper)
		return;
	pthread_join(node->keeper, NULL);
	node->has_keeper = false;
}
