/* SPDX-License-Identifier: Apache-2.0
 *
 * A copy of the ledger that can go back: of each of the last blocks, where the store stood before
 * it and the struct as it was. */
#include <stdlib.h>
#include <string.h>

#include "judges.h"
#include "ledger_internal.h"
#include "souk/base/check.h"

void sim_chain_init(struct sim_chain *chain, uint64_t seed, const struct souk_genesis *genesis)
{
	*chain = (struct sim_chain){.store = sim_store_new(seed)};
	struct souk_store view = sim_store_view(chain->store);
	SOUK_CHECK(souk_ledger_genesis(&chain->state, &view, genesis) == SOUK_OK);
	souk_ledger_set_judges(&chain->state, sim_judges());
	/* Nobody asks for receipts or histories here. */
	chain->state.is_bare = true;
	sim_store_forget(chain->store, sim_store_mark(chain->store));
}

void sim_chain_done(struct sim_chain *chain)
{
	for (uint32_t i = 0; i < SIM_FORK_MAX; i++)
		free(chain->marks[i].before);
	sim_store_free(chain->store);
}

souk_status sim_chain_begin(struct sim_chain *chain, struct souk_time time)
{
	uint64_t height = chain->state.record.height + 1;
	struct sim_chain_mark *mark = &chain->marks[height % SIM_FORK_MAX];
	if (height > SIM_FORK_MAX)
		sim_chain_forget(chain, height - SIM_FORK_MAX);
	if (mark->before == NULL)
		mark->before = sim_alloc(sizeof *mark->before);
	mark->mark = sim_store_mark(chain->store);
	memcpy(mark->before, &chain->state, sizeof chain->state);
	souk_status status = souk_ledger_begin(&chain->state, time);
	if (status != SOUK_OK) {
		sim_store_rollback(chain->store, mark->mark);
		memcpy(&chain->state, mark->before, sizeof chain->state);
	}
	return status;
}

void sim_chain_undo(struct sim_chain *chain)
{
	uint64_t height = chain->state.record.height;
	const struct sim_chain_mark *mark = &chain->marks[height % SIM_FORK_MAX];
	SOUK_CHECK(height > chain->forgotten);
	sim_store_rollback(chain->store, mark->mark);
	memcpy(&chain->state, mark->before, sizeof chain->state);
}

void sim_chain_forget(struct sim_chain *chain, uint64_t height)
{
	if (height <= chain->forgotten)
		return;
	SOUK_CHECK(height <= chain->state.record.height);
	chain->forgotten = height;
	/* Where the block after it began, or, if there is none, where everything is now. */
	uint64_t mark = height == chain->state.record.height
				? sim_store_mark(chain->store)
				: chain->marks[(height + 1) % SIM_FORK_MAX].mark;
	sim_store_forget(chain->store, mark);
}

/* ---- following ---- */

static souk_status next_frame(struct souk_bytes *ret_frame, struct souk_bytes *log)
{
	size_t used;
	SOUK_TRY(souk_log_read_frame(ret_frame, &used, *log));
	*log = souk_bytes_of(log->data + used, log->size - used);
	return SOUK_OK;
}

static souk_status follow_tx(struct sim_chain *chain, struct souk_bytes frame)
{
	struct souk_signed_tx tx;
	struct souk_signed_check check;
	struct souk_receipt receipt;
	SOUK_TRY(souk_signed_tx_decode(&tx, frame, NULL));
	sim_tx_trust(&check, frame);
	return souk_ledger_apply_checked(&chain->state, &tx, &check, &receipt);
}

souk_status sim_chain_follow(struct sim_chain *chain, const struct sim_block *block)
{
	struct souk_bytes log = souk_bytes_of(block->log, block->log_size), frame;
	struct souk_signed_block_header header;
	SOUK_TRY(next_frame(&frame, &log));
	SOUK_TRY(souk_signed_block_header_decode(&header, frame, NULL));
	SOUK_TRY(sim_chain_begin(chain, header.header.time));
	while (log.size > 0) {
		SOUK_TRY(next_frame(&frame, &log));
		SOUK_TRY(follow_tx(chain, frame));
	}
	return souk_ledger_accept(&chain->state, &header);
}
