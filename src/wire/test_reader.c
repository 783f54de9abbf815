/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/wire/messages.h"

static struct souk_reader reader_over(const void *data, size_t size)
{
	struct souk_reader reader;
	souk_reader_init(&reader, souk_bytes_of(data, size));
	return reader;
}

static void assert_failed(
	const struct souk_reader *reader, souk_status status, const char *field, size_t at)
{
	assert_int_equal(reader->status, status);
	assert_string_equal(reader->field, field);
	assert_int_equal(reader->at, at);
}

static void test_integers(void **state)
{
	(void)state;
	static const uint8_t in[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23,
		0x45, 0x67, 0x89, 0xab, 0xcd, 0x01};
	struct souk_reader reader = reader_over(in, sizeof in);
	assert_int_equal(souk_reader_u8(&reader, "a"), 0x01);
	assert_int_equal(souk_reader_u16(&reader, "b"), 0x2345);
	assert_int_equal(souk_reader_u32(&reader, "c"), 0x6789abcd);
	assert_int_equal(souk_reader_u64(&reader, "d"), 0xef0123456789abcd);
	assert_true(souk_reader_bool(&reader, "e"));
	assert_int_equal(souk_reader_left(&reader), 0);
	assert_int_equal(reader.status, SOUK_OK);
	assert_null(reader.field);
}

static void test_first_failure_stays(void **state)
{
	(void)state;
	static const uint8_t in[] = {1, 2, 3};
	struct souk_reader reader = reader_over(in, sizeof in);
	assert_int_equal(souk_reader_u8(&reader, "first"), 1);
	assert_int_equal(souk_reader_u32(&reader, "second"), 0);
	assert_failed(&reader, SOUK_PEER_TRUNCATED, "second", 1);
	/* Two bytes are left, but nothing is read after a failure. */
	assert_int_equal(souk_reader_u16(&reader, "third"), 0);
	souk_reader_fail(&reader, SOUK_PEER_OVERSIZED, "fourth");
	assert_failed(&reader, SOUK_PEER_TRUNCATED, "second", 1);
}

static void test_raw_leaves_out_untouched(void **state)
{
	(void)state;
	uint8_t out[4] = {9, 9, 9, 9};
	struct souk_reader reader = reader_over("abc", 3);
	souk_reader_raw(&reader, "raw", out, 4);
	assert_failed(&reader, SOUK_PEER_TRUNCATED, "raw", 0);
	assert_int_equal(out[0], 9);

	reader = reader_over("abc", 3);
	souk_reader_raw(&reader, "raw", out, 3);
	assert_memory_equal(out, "abc\x09", 4);
	reader = reader_over(NULL, 0);
	souk_reader_raw(&reader, "raw", out, 0);
	assert_int_equal(reader.status, SOUK_OK);
}

static void test_bytes(void **state)
{
	(void)state;
	/* in, size, status, where the failure is, bytes taken */
	static const struct {
		const char *in;
		size_t size;
		souk_status status;
		uint16_t taken;
	} rows[] = {
		{"", 0, SOUK_PEER_TRUNCATED, 0},
		{"\0", 1, SOUK_PEER_TRUNCATED, 0},
		{"\0\0", 2, SOUK_OK, 0},
		{"\0\4abc", 5, SOUK_PEER_TRUNCATED, 0},
		{"\0\4abcd", 6, SOUK_OK, 4},
		{"\0\4abcde", 7, SOUK_OK, 4},
		{"\0\5abcde", 7, SOUK_PEER_OVERSIZED, 0},
		{"\0\5", 2, SOUK_PEER_OVERSIZED, 0},
		{"\1\0", 2, SOUK_PEER_OVERSIZED, 0},
		{"\xff\xff", 2, SOUK_PEER_OVERSIZED, 0},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		uint8_t out[4] = {9, 9, 9, 9};
		struct souk_reader reader = reader_over(rows[i].in, rows[i].size);
		assert_int_equal(souk_reader_bytes(&reader, "f", out, 4), rows[i].taken);
		assert_int_equal(reader.status, rows[i].status);
		assert_int_equal(reader.at, rows[i].status == SOUK_OK ? 2u + rows[i].taken : 0u);
		assert_int_equal(out[0], rows[i].taken ? 'a' : 9);

		char text[5] = "9999";
		reader = reader_over(rows[i].in, rows[i].size);
		assert_int_equal(souk_reader_text(&reader, "f", text, 4), rows[i].taken);
		assert_int_equal(reader.status, rows[i].status);
		if (rows[i].status == SOUK_OK)
			assert_int_equal(strlen(text), rows[i].taken);
		else
			assert_string_equal(text, "9999");
	}
}

static void test_tags_and_constants(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 256; v++) {
		uint8_t in = (uint8_t)v;
		bool is_tag = v >= 1 && v <= 3;
		struct souk_reader reader = reader_over(&in, 1);
		assert_int_equal(souk_reader_tag(&reader, "t", 3), is_tag ? v : 0);
		assert_int_equal(reader.status, is_tag ? SOUK_OK : SOUK_PEER_NOT_CANONICAL);
		reader = reader_over(&in, 1);
		assert_int_equal(souk_reader_constant(&reader, "c", 7, SOUK_PEER_BAD_VERSION),
			v == 7 ? 7 : 0);
		assert_int_equal(reader.status, v == 7 ? SOUK_OK : SOUK_PEER_BAD_VERSION);
		reader = reader_over(&in, 1);
		assert_int_equal(souk_reader_bool(&reader, "b"), v == 1);
		assert_int_equal(reader.status, v <= 1 ? SOUK_OK : SOUK_PEER_NOT_CANONICAL);
	}
}

static void test_text_set(void **state)
{
	(void)state;
	struct souk_genesis genesis;
	char longer[66];
	memset(&genesis, 'x', sizeof genesis);
	memset(longer, 'a', 65);
	longer[65] = '\0';
	assert_int_equal(souk_text_set(&genesis.name, longer), SOUK_PEER_OVERSIZED);
	assert_int_equal(souk_text_set(&genesis.name, "tab\t"), SOUK_PEER_NOT_CANONICAL);
	assert_int_equal(souk_text_set(&genesis.name, "caf\xc3\xa9"), SOUK_PEER_NOT_CANONICAL);
	assert_int_equal(genesis.name.text[0], 'x');
	assert_int_equal(souk_text_set(&genesis.name, longer + 1), SOUK_OK);
	assert_int_equal(genesis.name.size, 64);
	assert_int_equal(souk_text_set(&genesis.name, ""), SOUK_OK);
	assert_int_equal(genesis.name.size, 0);
	assert_int_equal(genesis.name.text[64], 0);
}

/* Messages one after the other, and the reader's word on the one that is cut off. */
static void test_stream(void **state)
{
	(void)state;
	uint8_t memory[3 * SOUK_TICKET_SIZE_MAX];
	struct souk_ticket ticket = {.strip = 1};
	struct souk_writer writer;
	souk_writer_init(&writer, memory, sizeof memory);
	for (ticket.unit = 1; ticket.unit <= 3; ticket.unit++)
		souk_ticket_encode(&writer, &ticket);
	struct souk_reader reader = reader_over(memory, writer.size - 1);
	for (uint32_t unit = 1; unit <= 2; unit++) {
		assert_int_equal(souk_ticket_read(&ticket, &reader), SOUK_OK);
		assert_int_equal(ticket.unit, unit);
	}
	assert_int_equal(souk_ticket_read(&ticket, &reader), SOUK_PEER_TRUNCATED);
	assert_failed(&reader, SOUK_PEER_TRUNCATED, "ticket.value", 2 * SOUK_TICKET_SIZE_MAX + 8);
	assert_int_equal(ticket.strip, 0);
	assert_int_equal(souk_ticket_read(&ticket, &reader), SOUK_PEER_TRUNCATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_first_failure_stays),
		cmocka_unit_test(test_raw_leaves_out_untouched),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_tags_and_constants),
		cmocka_unit_test(test_text_set),
		cmocka_unit_test(test_stream),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
