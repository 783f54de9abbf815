/* SPDX-License-Identifier: Apache-2.0
 *
 * What nodes read: the ledger as deep as the market waits for confirmations. */
#include "ledger_internal.h"
#include "souk/base/check.h"
#include "souk/ledger/verify.h"
#include "world.h"

static const struct souk_ledger *state_of(const struct sim_ledger *ledger)
{
	return ledger->follower != NULL ? &ledger->follower->state : &ledger->tip.state;
}

static souk_status reach(const struct sim_node *node, const struct souk_ledger **ret_state)
{
	if (!sim_net_reaches_ledger(node))
		return SOUK_IO_NET;
	*ret_state = state_of(sim_world_ledger(node->world));
	return SOUK_OK;
}

souk_status sim_ledger_escrow(
	struct sim_node *node, const struct souk_hash *id, struct souk_escrow_record *ret)
{
	const struct souk_ledger *state;
	SOUK_TRY(reach(node, &state));
	return souk_ledger_view_escrow(ret, state, id);
}

souk_status sim_ledger_allotment(struct sim_node *node, const struct souk_hash *escrow,
	uint64_t epoch, uint32_t segment, struct souk_allotment_record *ret)
{
	const struct souk_ledger *state;
	SOUK_TRY(reach(node, &state));
	return souk_ledger_view_allotment(ret, state, escrow, epoch, segment);
}

souk_status sim_ledger_epoch(struct sim_node *node, uint64_t epoch, struct souk_epoch_record *ret)
{
	const struct souk_ledger *state;
	SOUK_TRY(reach(node, &state));
	return souk_ledger_get_epoch(ret, state, epoch);
}

souk_status sim_ledger_now(
	struct sim_node *node, uint64_t *ret_epoch, struct souk_epoch_record *ret)
{
	const struct souk_ledger *state;
	SOUK_TRY(reach(node, &state));
	SOUK_TRY(souk_ledger_get_epoch(ret, state, state->record.epoch));
	*ret_epoch = state->record.epoch;
	return SOUK_OK;
}

souk_status sim_ledger_agreement(
	struct sim_node *node, const struct souk_hash *id, struct souk_agreement_record *ret)
{
	const struct souk_ledger *state;
	SOUK_TRY(reach(node, &state));
	return souk_ledger_get_agreement(ret, state, id);
}

/* The header is the first frame of its block in the log. */
souk_status sim_ledger_header(struct sim_node *node, struct souk_signed_block_header *ret)
{
	const struct sim_ledger *ledger = sim_world_ledger(node->world);
	const struct souk_ledger *state;
	struct souk_bytes frame;
	size_t used;
	SOUK_TRY(reach(node, &state));
	uint64_t height = state->record.height;
	if (height == 0 || ledger->blocks[height - 1].log == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	const struct sim_block *block = &ledger->blocks[height - 1];
	SOUK_TRY(souk_log_read_frame(&frame, &used, souk_bytes_of(block->log, block->log_size)));
	return souk_signed_block_header_decode(ret, frame, NULL);
}

struct souk_time sim_ledger_time(struct sim_node *node)
{
	const struct souk_ledger *state;
	if (reach(node, &state) != SOUK_OK)
		return souk_time_at_ms(0);
	return state->record.time;
}

souk_status sim_ledger_account(
	struct sim_node *node, const struct souk_address *address, struct souk_account_record *ret)
{
	const struct souk_ledger *state;
	SOUK_TRY(reach(node, &state));
	return souk_ledger_get_account(ret, state, address);
}

souk_status sim_ledger_provider(
	struct sim_node *node, const struct souk_address *address, struct souk_provider_record *ret)
{
	const struct souk_ledger *state;
	SOUK_TRY(reach(node, &state));
	return souk_ledger_get_provider(ret, state, address);
}

const struct souk_genesis *sim_ledger_genesis(const struct sim_ledger *ledger)
{
	return &ledger->tip.state.genesis;
}
