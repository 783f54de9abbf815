/* SPDX-License-Identifier: Apache-2.0
 *
 * The log of all blocks, as the daemon would write it, and its replay from the genesis on. */
#include <stdlib.h>
#include <string.h>

#include "judges.h"
#include "ledger_internal.h"
#include "souk/base/check.h"
#include "souk/crypto/merkle.h"

void sim_tx_trust(struct souk_signed_check *ret, struct souk_bytes encoded)
{
	SOUK_CHECK(encoded.size > SOUK_SIGNATURE_SIZE);
	ret->name = souk_sha256_domain(
		"tx", souk_bytes_of(encoded.data, encoded.size - SOUK_SIGNATURE_SIZE));
	ret->leaf = souk_merkle_leaf(encoded);
	ret->signature = SOUK_OK;
}

static void buffer_reserve(struct sim_buffer *buffer, size_t more)
{
	if (buffer->room - buffer->size >= more)
		return;
	buffer->room = (buffer->size + more) * 2;
	buffer->data = realloc(buffer->data, buffer->room);
	SOUK_CHECK(buffer->data != NULL);
}

void sim_buffer_add_frame(struct sim_buffer *buffer, struct souk_bytes frame)
{
	struct souk_writer writer;
	buffer_reserve(buffer, 4 + frame.size);
	souk_writer_init(&writer, buffer->data + buffer->size, 4 + frame.size);
	souk_log_write_frame(&writer, frame);
	SOUK_CHECK(!writer.full && writer.size == 4 + frame.size);
	buffer->size += writer.size;
}

static struct souk_bytes encode_header(uint8_t memory[SOUK_SIGNED_BLOCK_HEADER_SIZE_MAX],
	const struct souk_signed_block_header *header)
{
	struct souk_writer writer;
	souk_writer_init(&writer, memory, SOUK_SIGNED_BLOCK_HEADER_SIZE_MAX);
	souk_signed_block_header_encode(&writer, header);
	SOUK_CHECK(!writer.full);
	return souk_bytes_of(memory, writer.size);
}

static void grow_blocks(struct sim_ledger *ledger, uint64_t height)
{
	if (height <= ledger->block_room)
		return;
	uint64_t room = ledger->block_room ? ledger->block_room * 2 : 256;
	ledger->blocks = realloc(ledger->blocks, room * sizeof *ledger->blocks);
	SOUK_CHECK(ledger->blocks != NULL);
	ledger->block_room = room;
}

struct sim_block *sim_ledger_log_block(
	struct sim_ledger *ledger, const struct souk_signed_block_header *header)
{
	uint8_t memory[SOUK_SIGNED_BLOCK_HEADER_SIZE_MAX];
	struct souk_bytes frame = encode_header(memory, header);
	struct souk_writer writer;
	size_t size = 4 + frame.size + ledger->frames.size;
	grow_blocks(ledger, header->header.height);
	struct sim_block *block = sim_ledger_block(ledger, header->header.height);
	*block = (struct sim_block){.log_size = (uint32_t)size,
		.log = malloc(size),
		.tx_count = header->header.tx_count};
	SOUK_CHECK(block->log != NULL);
	souk_writer_init(&writer, block->log, size);
	souk_log_write_frame(&writer, frame);
	souk_writer_append(&writer, ledger->frames.data, ledger->frames.size);
	SOUK_CHECK(!writer.full && writer.size == size);
	sim_tx_list_init(&block->list);
	return block;
}

void sim_ledger_drop_log(struct sim_ledger *ledger)
{
	/* What is to be confirmed is dropped once it is. */
	for (uint64_t height = 1; height <= ledger->confirmed; height++) {
		struct sim_block *block = sim_ledger_block(ledger, height);
		free(block->log);
		block->log = NULL;
	}
	ledger->is_logless = true;
}

static struct souk_bytes encode_genesis(
	uint8_t memory[SOUK_GENESIS_SIZE_MAX], const struct sim_ledger *ledger)
{
	struct souk_writer writer;
	souk_writer_init(&writer, memory, SOUK_GENESIS_SIZE_MAX);
	souk_genesis_encode(&writer, sim_ledger_genesis(ledger));
	SOUK_CHECK(!writer.full);
	return souk_bytes_of(memory, writer.size);
}

void sim_ledger_log(const struct sim_ledger *ledger,
	void (*write)(void *ctx, struct souk_bytes piece), void *ctx)
{
	uint8_t genesis[SOUK_GENESIS_SIZE_MAX], memory[4 + SOUK_GENESIS_SIZE_MAX];
	struct souk_writer writer;
	if (ledger->is_logless)
		return;
	souk_writer_init(&writer, memory, sizeof memory);
	souk_log_write_frame(&writer, encode_genesis(genesis, ledger));
	write(ctx, souk_bytes_of(SOUK_LOG_MAGIC, SOUK_LOG_MAGIC_SIZE));
	write(ctx, souk_bytes_of(memory, writer.size));
	for (uint64_t i = 0; i < ledger->tip.state.record.height; i++)
		write(ctx, souk_bytes_of(ledger->blocks[i].log, ledger->blocks[i].log_size));
}

/* ---- replay ---- */

/* Feed all frames of a block; of transactions the signatures only where it is thorough. */
static souk_status replay_block(
	struct souk_log_verifier *verifier, const struct sim_block *block, bool is_thorough)
{
	struct souk_bytes log = souk_bytes_of(block->log, block->log_size), frame;
	for (bool is_header = true; log.size > 0; is_header = false) {
		struct souk_signed_check check;
		size_t used;
		SOUK_TRY(souk_log_read_frame(&frame, &used, log));
		log = souk_bytes_of(log.data + used, log.size - used);
		if (is_header || is_thorough) {
			SOUK_TRY(souk_log_verifier_feed(verifier, frame));
			continue;
		}
		sim_tx_trust(&check, frame);
		SOUK_TRY(souk_log_verifier_feed_checked(verifier, frame, &check));
	}
	return SOUK_OK;
}

static souk_status compare(const struct souk_ledger *a, const struct souk_ledger *b)
{
	uint8_t bytes[2][SOUK_LEDGER_RECORD_SIZE_MAX];
	struct souk_writer writers[2];
	souk_writer_init(&writers[0], bytes[0], sizeof bytes[0]);
	souk_writer_init(&writers[1], bytes[1], sizeof bytes[1]);
	souk_ledger_record_encode(&writers[0], &a->record);
	souk_ledger_record_encode(&writers[1], &b->record);
	bool is_same = writers[0].size == writers[1].size &&
		       memcmp(bytes[0], bytes[1], writers[0].size) == 0;
	return is_same ? SOUK_OK : SOUK_CORRUPT_STATE;
}

static souk_status replay(const struct sim_ledger *ledger, struct souk_log_verifier *verifier,
	struct sim_store *store, bool is_thorough)
{
	uint8_t memory[SOUK_GENESIS_SIZE_MAX];
	SOUK_TRY(souk_log_verifier_feed(verifier, encode_genesis(memory, ledger)));
	for (uint64_t i = 0; i < ledger->tip.state.record.height; i++) {
		SOUK_TRY(replay_block(verifier, &ledger->blocks[i], is_thorough));
		sim_store_forget(store, sim_store_mark(store));
	}
	SOUK_TRY(souk_log_verifier_finish(verifier));
	return compare(&verifier->ledger, &ledger->tip.state);
}

souk_status sim_ledger_replay(const struct sim_ledger *ledger, bool is_thorough)
{
	if (ledger->is_logless)
		return SOUK_LOCAL_NOT_FOUND;
	struct sim_store *store = sim_store_new(1);
	struct souk_store view = sim_store_view(store);
	struct souk_log_verifier *verifier = sim_alloc(sizeof *verifier);
	souk_log_verifier_init(verifier, &view);
	souk_log_verifier_set_judges(verifier, sim_judges());
	souk_log_verifier_go_bare(verifier);
	souk_status status = replay(ledger, verifier, store, is_thorough);
	free(verifier);
	sim_store_free(store);
	return status;
}
