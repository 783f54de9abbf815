/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "souk/base/check.h"
#include "snapshot.h"
#include "souk/ledger/verify.h"
#include "state.h"

void souk_log_write_frame(struct souk_writer *writer, struct souk_bytes frame)
{
	if (writer->full || frame.size + 4 > writer->max - writer->size) {
		writer->full = true;
		return;
	}
	souk_writer_u32(writer, (uint32_t)frame.size);
	souk_writer_append(writer, frame.data, frame.size);
}

souk_status souk_log_read_frame(
	struct souk_bytes *ret_frame, size_t *ret_used, struct souk_bytes in)
{
	if (in.size < 4)
		return SOUK_PEER_TRUNCATED;
	uint32_t size = souk_load_be32(in.data);
	if (size > SOUK_LOG_FRAME_MAX)
		return SOUK_CORRUPT_LOG;
	if (in.size - 4 < size)
		return SOUK_PEER_TRUNCATED;
	*ret_frame = souk_bytes_of(in.data + 4, size);
	*ret_used = 4 + (size_t)size;
	return SOUK_OK;
}

void souk_log_verifier_init(struct souk_log_verifier *verifier, const struct souk_store *store)
{
	memset(verifier, 0, sizeof *verifier);
	verifier->store = *store;
	verifier->state = SOUK_LOG_GENESIS;
}

void souk_log_verifier_expect_snapshot(struct souk_log_verifier *verifier)
{
	verifier->is_snapshot = true;
}

void souk_log_verifier_go_bare(struct souk_log_verifier *verifier)
{
	verifier->is_bare = true;
}

void souk_log_verifier_set_judges(
	struct souk_log_verifier *verifier, const struct souk_judges *judges)
{
	verifier->judges = judges;
}

static souk_status fail(
	struct souk_log_verifier *verifier, souk_status status, uint64_t height, uint32_t index)
{
	verifier->state = SOUK_LOG_FAILED;
	verifier->verdict.status = status;
	verifier->verdict.height = height;
	verifier->verdict.index = index;
	return status;
}

/* From here on blocks follow. */
static void expect_blocks(struct souk_log_verifier *verifier)
{
	souk_ledger_set_judges(&verifier->ledger, verifier->judges);
	verifier->ledger.is_bare = verifier->is_bare;
	verifier->from_height = verifier->ledger.record.height;
	verifier->from_txs = verifier->ledger.record.tx_count;
	verifier->state = SOUK_LOG_HEADER;
}

static souk_status feed_genesis(struct souk_log_verifier *verifier, struct souk_bytes frame)
{
	struct souk_genesis genesis;
	souk_status status = souk_genesis_decode(&genesis, frame, &verifier->verdict.where);
	if (status == SOUK_OK)
		status = verifier->is_snapshot ? ledger_snapshot_begin(verifier, &genesis)
					       : souk_ledger_genesis(&verifier->ledger,
							 &verifier->store, &genesis);
	if (status != SOUK_OK)
		return fail(verifier, status, 0, SOUK_LOG_NO_TX);
	if (verifier->is_snapshot)
		verifier->state = SOUK_LOG_AT_HEADER;
	else
		expect_blocks(verifier);
	return SOUK_OK;
}

/* A frame of the snapshot; the empty one ends it. */
static souk_status feed_snapshot(struct souk_log_verifier *verifier, struct souk_bytes frame)
{
	souk_status status = SOUK_OK;
	if (verifier->state == SOUK_LOG_AT_HEADER)
		status = ledger_snapshot_header(verifier, frame);
	else if (verifier->state == SOUK_LOG_AT_RECORD)
		status = ledger_snapshot_record(verifier, frame);
	else if (frame.size != 0)
		status = ledger_snapshot_item(verifier, frame);
	else
		status = ledger_snapshot_end(verifier);
	if (status != SOUK_OK)
		return fail(verifier, status, verifier->header.header.height, SOUK_LOG_NO_TX);
	if (verifier->state != SOUK_LOG_AT_ITEM)
		verifier->state++;
	else if (frame.size == 0)
		expect_blocks(verifier);
	return SOUK_OK;
}

/* Once all transactions of the block have been applied. */
static souk_status finish_block(struct souk_log_verifier *verifier)
{
	uint64_t height = verifier->ledger.record.height;
	if (verifier->tx_read < verifier->header.header.tx_count)
		return SOUK_OK;
	verifier->state = SOUK_LOG_HEADER;
	/* Its signature was checked before its transactions. */
	souk_status status = ledger_accept_signed(&verifier->ledger, &verifier->header.header);
	return status == SOUK_OK ? SOUK_OK : fail(verifier, status, height, SOUK_LOG_NO_TX);
}

static souk_status feed_header(struct souk_log_verifier *verifier, struct souk_bytes frame,
	const struct souk_signed_check *check)
{
	uint64_t height = verifier->ledger.record.height + 1;
	struct souk_signed_block_header *header = &verifier->header;
	souk_status status =
		souk_signed_block_header_decode(header, frame, &verifier->verdict.where);
	if (status == SOUK_OK)
		status = ledger_check_link(&verifier->ledger, &header->header);
	if (status == SOUK_OK)
		status = check->signature;
	if (status == SOUK_OK)
		status = souk_ledger_begin(&verifier->ledger, header->header.time);
	if (status != SOUK_OK)
		return fail(verifier, status, height, SOUK_LOG_NO_TX);
	verifier->state = SOUK_LOG_TX;
	verifier->tx_read = 0;
	return finish_block(verifier);
}

static souk_status feed_tx(struct souk_log_verifier *verifier, struct souk_bytes frame,
	const struct souk_signed_check *check)
{
	struct souk_receipt receipt;
	souk_status status = souk_signed_tx_decode(&verifier->tx, frame, &verifier->verdict.where);
	if (status == SOUK_OK)
		status = souk_ledger_apply_checked(
			&verifier->ledger, &verifier->tx, check, &receipt);
	if (status != SOUK_OK)
		return fail(verifier, status, verifier->ledger.record.height, verifier->tx_read);
	verifier->tx_read++;
	return finish_block(verifier);
}

souk_status souk_log_verifier_feed_checked(struct souk_log_verifier *verifier,
	struct souk_bytes frame, const struct souk_signed_check *check)
{
	struct souk_signed_check own;
	switch (verifier->state) {
	case SOUK_LOG_GENESIS: return feed_genesis(verifier, frame);
	case SOUK_LOG_AT_HEADER:
	case SOUK_LOG_AT_RECORD:
	case SOUK_LOG_AT_ITEM: return feed_snapshot(verifier, frame);
	case SOUK_LOG_HEADER:
		if (check == NULL)
			souk_block_check(&own, frame, &verifier->ledger.genesis.operator);
		return feed_header(verifier, frame, check ? check : &own);
	case SOUK_LOG_TX:
		if (check == NULL)
			souk_tx_check(&own, frame);
		return feed_tx(verifier, frame, check ? check : &own);
	case SOUK_LOG_FAILED: break;
	}
	return verifier->verdict.status;
}

souk_status souk_log_verifier_feed(struct souk_log_verifier *verifier, struct souk_bytes frame)
{
	return souk_log_verifier_feed_checked(verifier, frame, NULL);
}

souk_status souk_log_verifier_finish(struct souk_log_verifier *verifier)
{
	uint64_t height = verifier->ledger.record.height;
	souk_status status;
	switch (verifier->state) {
	case SOUK_LOG_GENESIS: return fail(verifier, SOUK_CORRUPT_LOG, 0, SOUK_LOG_NO_TX);
	case SOUK_LOG_AT_HEADER:
	case SOUK_LOG_AT_RECORD:
	case SOUK_LOG_AT_ITEM:
		return fail(
			verifier, SOUK_CORRUPT_LOG, verifier->header.header.height, SOUK_LOG_NO_TX);
	case SOUK_LOG_TX: return fail(verifier, SOUK_CORRUPT_LOG, height, verifier->tx_read);
	case SOUK_LOG_FAILED: return verifier->verdict.status;
	case SOUK_LOG_HEADER: break;
	}
	status = ledger_audit_money(&verifier->ledger);
	return status == SOUK_OK ? SOUK_OK : fail(verifier, status, height, SOUK_LOG_NO_TX);
}
