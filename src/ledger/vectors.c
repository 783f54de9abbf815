/* SPDX-License-Identifier: Apache-2.0
 *
 * spec/vectors/ledger.json: an example ledger, block by block.
 *
 *   ledger_vectors              print it
 *   ledger_vectors --check FILE compare it with FILE
 *   ledger_vectors --log FILE   write the same ledger as a log
 *   ledger_vectors --snapshot FILE   write its end as a snapshot log
 *
 * The parties' keys are 32 equal bytes: 1 for the operator, 2, 3, ... for the
 * others, 99 for the issuer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_market.h"

#define TEXT_MAX (1u << 20)

static void member_hex(struct souk_writer *out, const char *name, const void *data, size_t size)
{
	souk_writer_text(out, "\"");
	souk_writer_text(out, name);
	souk_writer_text(out, "\": \"");
	souk_writer_hex(out, data, size);
	souk_writer_text(out, "\"");
}

static void write_tx(struct souk_writer *out, struct souk_bytes frame)
{
	struct souk_signed_tx tx;
	if (souk_signed_tx_decode(&tx, frame, NULL) != SOUK_OK)
		abort();
	struct souk_hash hash = souk_tx_digest(&tx.tx);
	souk_writer_text(out, "        {");
	member_hex(out, "hash", hash.bytes, sizeof hash.bytes);
	souk_writer_text(out, ", ");
	member_hex(out, "signed_tx", frame.data, frame.size);
	souk_writer_text(out, "}");
}

static void write_header(struct souk_writer *out, const struct souk_signed_block_header *header,
	struct souk_bytes frame)
{
	struct souk_hash hash = souk_block_header_digest(&header->header);
	souk_writer_text(out, "    {");
	member_hex(out, "hash", hash.bytes, sizeof hash.bytes);
	souk_writer_text(out, ",\n      ");
	member_hex(out, "state", header->header.state.bytes, SOUK_HASH_SIZE);
	souk_writer_text(out, ",\n      ");
	member_hex(out, "tx_root", header->header.tx_root.bytes, SOUK_HASH_SIZE);
	souk_writer_text(out, ",\n      ");
	member_hex(out, "signed_header", frame.data, frame.size);
	souk_writer_text(out, ",\n      \"txs\": [");
}

static struct souk_bytes next_frame(struct souk_bytes *in)
{
	struct souk_bytes frame;
	size_t used;
	if (souk_log_read_frame(&frame, &used, *in) != SOUK_OK)
		abort();
	in->data += used;
	in->size -= used;
	return frame;
}

static void write_blocks(struct souk_writer *out, struct souk_bytes in)
{
	const char *separator = "\n";
	while (in.size) {
		struct souk_signed_block_header header;
		struct souk_bytes frame = next_frame(&in);
		if (souk_signed_block_header_decode(&header, frame, NULL) != SOUK_OK)
			abort();
		souk_writer_text(out, separator);
		write_header(out, &header, frame);
		for (uint32_t i = 0; i < header.header.tx_count; i++) {
			souk_writer_text(out, i ? ",\n" : "\n");
			write_tx(out, next_frame(&in));
		}
		souk_writer_text(out, "]}");
		separator = ",\n";
	}
}

/* Every record of the state at the end, in the order of keys. */
static void write_records(struct souk_writer *out, const struct test_store *records)
{
	const char *separator = "\n";
	for (size_t i = 0; i < records->count; i++) {
		const struct test_record *record = &records->records[i];
		if (!souk_ledger_is_state(record->key[0]))
			continue;
		souk_writer_text(out, separator);
		souk_writer_text(out, "    {");
		member_hex(out, "key", record->key, record->key_size);
		souk_writer_text(out, ", ");
		member_hex(out, "value", record->value, record->value_size);
		souk_writer_text(out, "}");
		separator = ",\n";
	}
}

static void write_vectors(struct souk_writer *out, const struct market *market)
{
	struct souk_bytes in = souk_bytes_of(
		market->log + SOUK_LOG_MAGIC_SIZE, market->log_size - SOUK_LOG_MAGIC_SIZE);
	struct souk_bytes genesis = next_frame(&in);
	souk_writer_text(out, "{\n  ");
	member_hex(out, "genesis", genesis.data, genesis.size);
	souk_writer_text(out, ",\n  ");
	member_hex(out, "ledger", market->ledger.record.ledger.bytes, SOUK_HASH_SIZE);
	souk_writer_text(out, ",\n  \"blocks\": [");
	write_blocks(out, in);
	souk_writer_text(out, "],\n  \"end\": ");
	souk_ledger_record_json(out, &market->ledger.record);
	souk_writer_text(out, ",\n  ");
	uint8_t memory[SOUK_LTHASH_SIZE];
	struct souk_writer record;
	souk_writer_init(&record, memory, sizeof memory);
	souk_ledger_record_encode(&record, &market->ledger.record);
	member_hex(out, "end_record", memory, record.size);
	souk_writer_text(out, ",\n  ");
	souk_lthash_encode(memory, &market->ledger.sum);
	member_hex(out, "sum", memory, sizeof memory);
	souk_writer_text(out, ",\n  \"records\": [");
	write_records(out, &market->records);
	souk_writer_text(out, "]\n}\n");
}

static int check(const char *path, const struct souk_writer *out)
{
	static char text[TEXT_MAX];
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	size_t size = fread(text, 1, sizeof text, file);
	fclose(file);
	if (size == out->size && memcmp(text, out->data, size) == 0)
		return 0;
	fprintf(stderr, "%s is not what the ledger does now\n", path);
	return 1;
}

static int write_log(const char *path, const struct market *market)
{
	FILE *file = fopen(path, "wb");
	bool good =
		file != NULL && fwrite(market->log, 1, market->log_size, file) == market->log_size;
	if (file != NULL && fclose(file) != 0)
		good = false;
	if (!good)
		perror(path);
	return !good;
}

/* Its store has no headers: they are the sequencer's. */
static int write_snapshot(const char *path, struct market *market)
{
	uint8_t memory[SOUK_SNAPSHOT_FRAME_MAX];
	struct souk_snapshot_source source = {.store = test_store_port(&market->records)};
	struct souk_ledger_key key = souk_ledger_key_header(market->ledger.record.height);
	struct souk_bytes in = souk_bytes_of(
		market->log + SOUK_LOG_MAGIC_SIZE, market->log_size - SOUK_LOG_MAGIC_SIZE);
	struct souk_signed_block_header header;
	struct souk_writer writer;
	FILE *file = fopen(path, "wb");
	bool good = file != NULL && fwrite(SOUK_LOG_SNAPSHOT_MAGIC, 1, SOUK_LOG_MAGIC_SIZE, file) ==
					    SOUK_LOG_MAGIC_SIZE;
	while (in.size) {
		struct souk_bytes frame = next_frame(&in);
		if (souk_signed_block_header_decode(&header, frame, NULL) == SOUK_OK &&
			header.header.height == market->ledger.record.height &&
			souk_store_put(&source.store, souk_ledger_key_bytes(&key), frame) !=
				SOUK_OK)
			good = false;
	}
	for (;;) {
		souk_writer_init(&writer, memory, sizeof memory);
		if (!good || souk_snapshot_next(&source, &writer) != SOUK_OK)
			break;
		good = fwrite(memory, 1, writer.size, file) == writer.size;
	}
	if (file != NULL && fclose(file) != 0)
		good = false;
	if (!good)
		perror(path);
	return !good;
}

int main(int argc, char **argv)
{
	static uint8_t memory[TEXT_MAX];
	struct souk_writer out;
	struct market *market = market_example_more();
	int failed = 0;
	souk_writer_init(&out, memory, sizeof memory);
	write_vectors(&out, market);
	if (out.full)
		abort();
	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		failed = check(argv[2], &out);
	else if (argc == 3 && strcmp(argv[1], "--log") == 0)
		failed = write_log(argv[2], market);
	else if (argc == 3 && strcmp(argv[1], "--snapshot") == 0)
		failed = write_snapshot(argv[2], market);
	else
		fwrite(out.data, 1, out.size, stdout);
	market_free(market);
	return failed;
}
