/* SPDX-License-Identifier: Apache-2.0
 *
 * Properties that hold for every message, over random samples; then single values
 * that a decoder must refuse, and the field it must name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "types.h"

#define SAMPLES	  24
#define CUTS_MAX  400
#define MUTATIONS 200

/* One message of a type, its encoding, and room to decode it again. Exact sizes on the heap, so
 * that AddressSanitizer sees one byte too many. */
struct bench {
	const struct wire_type *type;
	struct souk_rng rng;
	uint8_t *message;
	uint8_t *again;
	uint8_t *encoded;
	size_t size;
};

static void *allocate(size_t size)
{
	void *memory = malloc(size ? size : 1);
	assert_non_null(memory);
	return memory;
}

static void bench_open(struct bench *bench, const struct wire_type *type, uint64_t seed)
{
	struct souk_writer writer;
	*bench = (struct bench){.type = type};
	souk_rng_init(&bench->rng, seed);
	bench->message = allocate(type->struct_size);
	bench->again = allocate(type->struct_size);
	bench->encoded = allocate(type->size_max);
	memset(bench->again, 0xa5, type->struct_size);
	type->sample(bench->message, &bench->rng);
	souk_writer_init(&writer, bench->encoded, type->size_max);
	type->encode(&writer, bench->message);
	assert_false(writer.full);
	bench->size = writer.size;
}

static void bench_close(struct bench *bench)
{
	free(bench->message);
	free(bench->again);
	free(bench->encoded);
}

static void for_every_sample(void (*check)(struct bench *bench))
{
	for (const struct wire_type *type = wire_types; type->name != NULL; type++)
		for (uint64_t seed = 1; seed <= SAMPLES; seed++) {
			struct bench bench;
			bench_open(&bench, type, seed);
			check(&bench);
			bench_close(&bench);
		}
}

/* Decode a copy of exactly SIZE bytes. */
static souk_status decode_copy(
	struct bench *bench, const uint8_t *data, size_t size, struct souk_wire_error *where)
{
	uint8_t *copy = allocate(size);
	memcpy(copy, data, size);
	souk_status status = bench->type->decode(bench->again, souk_bytes_of(copy, size), where);
	free(copy);
	return status;
}

static void assert_encodes_to(
	struct bench *bench, const void *message, const uint8_t *data, size_t size)
{
	struct souk_writer writer;
	uint8_t *memory = allocate(bench->type->size_max);
	souk_writer_init(&writer, memory, bench->type->size_max);
	bench->type->encode(&writer, message);
	assert_false(writer.full);
	assert_int_equal(writer.size, size);
	assert_memory_equal(memory, data, size);
	free(memory);
}

static void assert_zero(const struct bench *bench)
{
	for (size_t i = 0; i < bench->type->struct_size; i++)
		assert_int_equal(bench->again[i], 0);
}

static void check_round_trip(struct bench *bench)
{
	struct souk_wire_error where = {.field = "untouched", .offset = 99};
	assert_int_equal(decode_copy(bench, bench->encoded, bench->size, &where), SOUK_OK);
	assert_string_equal(where.field, "untouched");
	assert_int_equal(where.offset, 99);
	assert_encodes_to(bench, bench->again, bench->encoded, bench->size);
}

static void test_round_trip(void **state)
{
	(void)state;
	for_every_sample(check_round_trip);
}

static void check_truncated(struct bench *bench)
{
	size_t step = bench->size / CUTS_MAX + 1;
	for (size_t size = 0; size < bench->size; size += step) {
		struct souk_wire_error where = {0};
		assert_int_equal(
			decode_copy(bench, bench->encoded, size, &where), SOUK_PEER_TRUNCATED);
		assert_non_null(where.field);
		assert_non_null(strchr(where.field, '.'));
		assert_true(where.offset <= size);
		assert_zero(bench);
		assert_int_equal(
			decode_copy(bench, bench->encoded, size, NULL), SOUK_PEER_TRUNCATED);
	}
}

static void test_truncated_at_every_length(void **state)
{
	(void)state;
	for_every_sample(check_truncated);
}

static void check_trailing(struct bench *bench)
{
	struct souk_wire_error where = {0};
	uint8_t *longer = allocate(bench->size + 1);
	memcpy(longer, bench->encoded, bench->size);
	longer[bench->size] = 0;
	assert_int_equal(decode_copy(bench, longer, bench->size + 1, &where), SOUK_PEER_TRAILING);
	assert_string_equal(where.field, bench->type->name);
	assert_int_equal(where.offset, bench->size);
	assert_zero(bench);
	free(longer);
}

static void test_trailing_byte(void **state)
{
	(void)state;
	for_every_sample(check_trailing);
}

static unsigned mutants_accepted, mutants_refused;

static void check_mutants(struct bench *bench)
{
	for (unsigned i = 0; i < MUTATIONS / SAMPLES + 1; i++) {
		struct souk_wire_error where = {0};
		size_t at = souk_rng_below(&bench->rng, bench->size);
		uint8_t kept = bench->encoded[at];
		bench->encoded[at] = (uint8_t)souk_rng_u64(&bench->rng);
		souk_status status = decode_copy(bench, bench->encoded, bench->size, &where);
		if (status == SOUK_OK) {
			mutants_accepted++;
			assert_encodes_to(bench, bench->again, bench->encoded, bench->size);
		} else {
			mutants_refused++;
			assert_int_equal(souk_status_class(status), SOUK_CLASS_PEER);
			assert_non_null(where.field);
			assert_zero(bench);
		}
		bench->encoded[at] = kept;
	}
}

static void test_mutants_are_refused_or_canonical(void **state)
{
	(void)state;
	mutants_accepted = mutants_refused = 0;
	for_every_sample(check_mutants);
	/* Both sides of the property were seen. */
	assert_true(mutants_accepted > 100);
	assert_true(mutants_refused > 100);
}

static void check_too_small(struct bench *bench)
{
	struct souk_writer writer;
	struct souk_bytes bytes;
	uint8_t *memory = allocate(bench->size - 1);
	souk_writer_init(&writer, memory, bench->size - 1);
	bench->type->encode(&writer, bench->message);
	assert_int_equal(souk_writer_finish(&writer, &bytes), SOUK_LOCAL_TOO_SMALL);
	free(memory);
}

static void test_writer_one_byte_short(void **state)
{
	(void)state;
	for_every_sample(check_too_small);
}

static void check_json(struct bench *bench)
{
	struct souk_writer writer, exact;
	uint8_t *memory = allocate(bench->type->json_max);
	souk_writer_init(&writer, memory, bench->type->json_max);
	bench->type->json(&writer, bench->message);
	assert_false(writer.full);
	uint8_t *other = allocate(writer.size);
	souk_writer_init(&exact, other, writer.size);
	bench->type->json(&exact, bench->message);
	assert_false(exact.full);
	assert_memory_equal(other, memory, writer.size);
	free(other);
	free(memory);
}

static void test_json_fits_its_limit(void **state)
{
	(void)state;
	for_every_sample(check_json);
}

static void test_limits_are_reached(void **state)
{
	(void)state;
	static struct souk_strip_open open;
	static uint8_t memory[SOUK_STRIP_OPEN_SIZE_MAX];
	struct souk_writer writer;
	open.strip.version = SOUK_STRIP_VERSION;
	open.batch_path.count = SOUK_COUNT_OF(open.batch_path.items);
	open.leaf_path.count = SOUK_COUNT_OF(open.leaf_path.items);
	open.ticket_leaves.count = SOUK_COUNT_OF(open.ticket_leaves.items);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_strip_open_encode(&writer, &open);
	assert_false(writer.full);
	assert_int_equal(writer.size, SOUK_STRIP_OPEN_SIZE_MAX);
	assert_int_equal(SOUK_TICKET_SIZE_MAX, 40);
}

/* Bytes written out by hand: the layout itself, not only its inverse. */
static void test_layout(void **state)
{
	(void)state;
	uint8_t wanted[SOUK_TICKET_SIZE_MAX] = {0x01, 0x02, 0x03, 0x04, 0x0a, 0x0b, 0x0c, 0x0d};
	uint8_t memory[SOUK_TICKET_SIZE_MAX];
	struct souk_ticket ticket = {.strip = 0x01020304, .unit = 0x0a0b0c0d};
	struct souk_writer writer;
	for (int i = 0; i < SOUK_HASH_SIZE; i++)
		wanted[8 + i] = ticket.value.bytes[i] = (uint8_t)(0xe0 + i);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_ticket_encode(&writer, &ticket);
	assert_false(writer.full);
	assert_memory_equal(memory, wanted, sizeof wanted);

	static const uint8_t body_wanted[] = {2, 't', 't', 't', 't', 't', 't', 't', 't', 't', 't',
		't', 't', 't', 't', 't', 't', 't', 't', 't', 't', 0, 0, 0, 0, 0, 0, 1, 0};
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_TRANSFER};
	memset(body.transfer.to.bytes, 't', sizeof body.transfer.to.bytes);
	body.transfer.amount = souk_amount_of_ncoin(256);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_tx_body_encode(&writer, &body);
	assert_int_equal(writer.size, sizeof body_wanted);
	assert_memory_equal(memory, body_wanted, sizeof body_wanted);
}

static void assert_json(const struct souk_writer *writer, const char *wanted)
{
	assert_false(writer->full);
	assert_int_equal(writer->size, strlen(wanted));
	assert_memory_equal(writer->data, wanted, writer->size);
}

static void test_json_text(void **state)
{
	(void)state;
	uint8_t memory[SOUK_TX_BODY_JSON_MAX];
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_PROVIDER_REGISTER};
	struct souk_writer writer;
	body.provider_register.deposit = souk_amount_of_ncoin(UINT64_MAX);
	assert_int_equal(souk_text_set(&body.provider_register.control_url, "a\"b\\c~ "), SOUK_OK);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_tx_body_json(&writer, &body);
	assert_json(&writer, "{\"kind\":\"provider_register\","
			     "\"deposit_ncoin\":18446744073709551615,"
			     "\"control_url\":\"a\\\"b\\\\c~ \","
			     "\"tls_pin\":\"00000000000000000000000000000000"
			     "00000000000000000000000000000000\"}");

	struct souk_escrow_record record = {.closing = true, .open.count = 2};
	record.open.items[1].epoch = 7;
	souk_writer_init(&writer, memory, sizeof memory);
	souk_escrow_record_json(&writer, &record);
	assert_json(&writer,
		"{\"payer\":\"0x0000000000000000000000000000000000000000\",\"line_ncoin\":0,"
		"\"prize_ncoin\":0,\"free_ncoin\":0,\"closing\":true,\"unlock_ms\":0,"
		"\"penalty_ncoin\":0,\"standing\":{\"root\":\"00000000000000000000000000000000"
		"00000000000000000000000000000000\",\"total_ncoin\":0,\"from\":0,\"until\":0},"
		"\"rolled\":0,\"open\":["
		"{\"epoch\":0,\"segments\":0,\"reserved_ncoin\":0,\"paid_ncoin\":0},"
		"{\"epoch\":7,\"segments\":0,\"reserved_ncoin\":0,\"paid_ncoin\":0}]}");
}

/* One byte of a good message is changed; what must come of it. */
struct refusal {
	const char *type;
	size_t offset;
	uint8_t value;
	souk_status status;
	const char *field;
};

/* Offsets into messages that are all zero but for their constants and tags (see blank below). */
static const struct refusal refusals[] = {
	{"strip", 0, 1, SOUK_OK, NULL},
	{"strip", 0, 0, SOUK_PEER_BAD_VERSION, "strip.version"},
	{"strip", 0, 2, SOUK_PEER_BAD_VERSION, "strip.version"},
	{"tx_provider_unbond", 0, 1, SOUK_PEER_NOT_CANONICAL, "tx_provider_unbond.reserved"},
	{"escrow_record", 44, 1, SOUK_OK, NULL},
	{"escrow_record", 44, 2, SOUK_PEER_NOT_CANONICAL, "escrow_record.closing"},
	{"escrow_record", 44, 0xff, SOUK_PEER_NOT_CANONICAL, "escrow_record.closing"},
	{"escrow_record", 126, 8, SOUK_PEER_TRUNCATED, "open_epoch.epoch"},
	{"escrow_record", 126, 9, SOUK_PEER_OVERSIZED, "escrow_record.open"},
	{"escrow_record", 125, 1, SOUK_PEER_OVERSIZED, "escrow_record.open"},
	{"genesis", 2, 64, SOUK_OK, NULL},
	{"genesis", 2, 65, SOUK_PEER_OVERSIZED, "genesis.name"},
	{"genesis", 1, 1, SOUK_PEER_OVERSIZED, "genesis.name"},
	{"tx_body", 0, 0, SOUK_PEER_NOT_CANONICAL, "tx_body.kind"},
	{"tx_body", 0, 26, SOUK_PEER_NOT_CANONICAL, "tx_body.kind"},
	{"tx_body", 0, 0xff, SOUK_PEER_NOT_CANONICAL, "tx_body.kind"},
	{"signed_tx", 60, 26, SOUK_PEER_NOT_CANONICAL, "tx_body.kind"},
	{"signed_tx", 60, 2, SOUK_OK, NULL},
};

/* The shortest good message of a type, and how long it is; a name of 64 spaces needs some room. */
static size_t blank(const char *type, uint8_t memory[512])
{
	memset(memory, 0, 512);
	if (strcmp(type, "strip") == 0) {
		memory[0] = SOUK_STRIP_VERSION;
		return SOUK_STRIP_SIZE_MAX;
	}
	if (strcmp(type, "genesis") == 0) {
		memory[0] = SOUK_GENESIS_VERSION;
		memset(memory + 3, ' ', 64);
		return SOUK_GENESIS_SIZE_MAX;
	}
	if (strcmp(type, "escrow_record") == 0)
		return 127;
	if (strcmp(type, "signed_tx") == 0)
		return SOUK_HASH_SIZE + SOUK_ADDRESS_SIZE + 8 + 1 + SOUK_TX_TRANSFER_SIZE_MAX +
		       SOUK_SIGNATURE_SIZE;
	return strcmp(type, "tx_body") == 0 ? 1 + SOUK_TX_FAUCET_SIZE_MAX : 1;
}

static const struct wire_type *type_named(const char *name)
{
	for (const struct wire_type *type = wire_types; type->name != NULL; type++)
		if (strcmp(type->name, name) == 0)
			return type;
	fail_msg("no message %s", name);
	return NULL;
}

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < SOUK_COUNT_OF(refusals); i++) {
		const struct refusal *r = &refusals[i];
		struct souk_wire_error where = {0};
		struct bench bench;
		uint8_t memory[512];
		size_t size = blank(r->type, memory);
		memory[r->offset] = r->value;
		bench_open(&bench, type_named(r->type), 1);
		souk_status status = decode_copy(&bench, memory, size, &where);
		if (status != r->status)
			fail_msg("refusal %zu: %s at %zu of %s", i, souk_status_name(status),
				where.offset, where.field ? where.field : "nothing");
		if (r->field != NULL)
			assert_string_equal(where.field, r->field);
		bench_close(&bench);
	}
}

static void test_text_is_printable(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 256; c++) {
		struct souk_genesis genesis;
		struct souk_wire_error where = {0};
		uint8_t memory[512];
		size_t size = blank("genesis", memory);
		memory[2] = 64;
		memory[3 + 63] = (uint8_t)c;
		souk_status status =
			souk_genesis_decode(&genesis, souk_bytes_of(memory, size), &where);
		bool printable = c >= 0x20 && c <= 0x7e;
		assert_int_equal(status, printable ? SOUK_OK : SOUK_PEER_NOT_CANONICAL);
		if (printable) {
			assert_int_equal(genesis.name.size, 64);
			assert_int_equal(genesis.name.text[63], c);
			assert_int_equal(genesis.name.text[64], 0);
		} else {
			assert_string_equal(where.field, "genesis.name");
			assert_int_equal(where.offset, 1);
		}
	}
}

static void test_digests_differ_by_domain(void **state)
{
	(void)state;
	struct souk_hash digest;
	unsigned count = 0;
	for (const struct wire_type *type = wire_types; type->name != NULL; type++) {
		struct bench bench;
		bench_open(&bench, type, 1);
		if (wire_type_digest(type, bench.message, &digest)) {
			struct souk_hash plain = souk_sha256_domain(
				type->name, souk_bytes_of(bench.encoded, bench.size));
			bool same = strcmp(type->name, "block_header") != 0 &&
				    strcmp(type->name, "unit_statement") != 0 &&
				    strcmp(type->name, "name_record") != 0;
			assert_int_equal(souk_hash_equal(&digest, &plain), same);
			count++;
		}
		bench_close(&bench);
	}
	assert_int_equal(count, 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_truncated_at_every_length),
		cmocka_unit_test(test_trailing_byte),
		cmocka_unit_test(test_mutants_are_refused_or_canonical),
		cmocka_unit_test(test_writer_one_byte_short),
		cmocka_unit_test(test_json_fits_its_limit),
		cmocka_unit_test(test_limits_are_reached),
		cmocka_unit_test(test_layout),
		cmocka_unit_test(test_json_text),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_text_is_printable),
		cmocka_unit_test(test_digests_differ_by_domain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
