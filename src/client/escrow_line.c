/* SPDX-License-Identifier: Apache-2.0 */
#include "escrow_line.h"

#include "souk/base/check.h"
#include "souk/io/entropy_real.h"

/* The end of what earlier allotments of that epoch use. */
static souk_status find_base(struct souk_chain_client *chain, const struct souk_hash *escrow,
	const struct souk_open_epoch *open, struct souk_amount *ret)
{
	struct souk_allotment_record last;
	SOUK_TRY(souk_chain_allotment(chain, escrow, open->epoch, open->segments - 1, &last));
	return souk_amount_add(ret, last.base, last.total);
}

souk_status line_room_of(struct souk_chain_client *chain, const struct souk_hash *escrow,
	uint64_t epoch, const struct souk_escrow_record *record, struct line_room *ret)
{
	struct souk_amount base = SOUK_AMOUNT_ZERO, reserved = SOUK_AMOUNT_ZERO;
	if (record->closing)
		return SOUK_PEER_ESCROW_CLOSING;
	if (record->prize.ncoin == 0)
		return SOUK_PEER_ESCROW_TERMS;
	*ret = (struct line_room){.epoch = epoch, .line = record->line};
	for (int i = 0; i < record->open.count; i++) {
		const struct souk_open_epoch *open = &record->open.items[i];
		if (open->epoch != ret->epoch || open->segments == 0)
			continue;
		ret->segment = open->segments;
		reserved = open->reserved;
		SOUK_TRY(find_base(chain, escrow, open, &base));
	}
	if (souk_amount_is_less(record->line, base) || souk_amount_is_less(reserved, base))
		return SOUK_PEER_ALLOTMENT_OVER_LINE;
	/* The line's rest; and no more than the free money and what is reserved beyond the base. */
	uint64_t rest = record->line.ncoin - base.ncoin;
	uint64_t funds = record->free.ncoin + (reserved.ncoin - base.ncoin);
	/* A reservation is rounded up to whole prizes. */
	if (funds < rest)
		funds -= funds % record->prize.ncoin;
	ret->amount.ncoin = rest < funds ? rest : funds;
	return SOUK_OK;
}

souk_status line_find_room(
	struct souk_chain_client *chain, const struct souk_hash *escrow, struct line_room *ret)
{
	struct souk_ledger_status ledger;
	struct souk_escrow_record record;
	SOUK_TRY(souk_chain_status(chain, &ledger));
	SOUK_TRY(souk_chain_escrow(chain, escrow, &record));
	return line_room_of(chain, escrow, ledger.record.epoch, &record, ret);
}

souk_status line_allot(struct souk_chain_client *chain, const struct souk_identity *payer,
	const struct souk_hash *escrow, const struct line_room *room,
	const struct souk_allotment_leaf *leaves, size_t count, struct souk_sum_node *nodes)
{
	struct souk_sum_node root;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ALLOT};
	SOUK_TRY(souk_allotment_commit(&root, leaves, count, nodes));
	body.allot = (struct souk_tx_allot){
		.escrow = *escrow,
		.epoch = room->epoch,
		.segment = room->segment,
		.root = root.hash,
		.total = root.sum,
	};
	return souk_chain_submit(chain, &body, payer, NULL);
}

souk_status line_nobodys_leaf(struct souk_allotment_leaf *leaf, const struct souk_identity *payer)
{
	*leaf = (struct souk_allotment_leaf){.issuer = payer->address};
	return souk_entropy_fill(
		souk_entropy_real(), leaf->provider.bytes, sizeof leaf->provider.bytes);
}
