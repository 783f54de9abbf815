/* SPDX-License-Identifier: Apache-2.0
 *
 * Content ids, rows and chunks: sizes around every boundary, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/content/chunk.h"
#include "souk/crypto/sha256.h"

#define SIZE_MAX_TESTED (5 * 65536 + 100)
#define ROW_MAX		64

static uint8_t data[SIZE_MAX_TESTED];

/* The root straight from BEP 52's words: blocks hashed, zeros up to a power of two. */
static struct souk_hash slow_root(size_t size)
{
	static struct souk_hash nodes[64];
	size_t count = 0, width = 1;
	memset(nodes, 0, sizeof nodes);
	for (size_t at = 0; at < size; at += SOUK_BLOCK_SIZE)
		nodes[count++] = souk_sha256_of(
			data + at, size - at < SOUK_BLOCK_SIZE ? size - at : SOUK_BLOCK_SIZE);
	while (width < count)
		width *= 2;
	for (; width > 1; width /= 2) {
		for (size_t i = 0; i < width / 2; i++)
			nodes[i] = souk_sha256_of(&nodes[2 * i], 2 * SOUK_HASH_SIZE);
	}
	return nodes[0];
}

static void build(struct souk_content *content, struct souk_hash *row, size_t size, uint32_t chunk)
{
	struct souk_content_builder builder;
	struct souk_hash scratch[ROW_MAX];
	souk_content_builder_init(&builder, chunk, row, ROW_MAX);
	for (size_t at = 0; at < size; at += chunk)
		assert_int_equal(
			souk_content_builder_add(&builder,
				souk_bytes_of(data + at, size - at < chunk ? size - at : chunk)),
			SOUK_OK);
	souk_content_builder_finish(&builder, scratch, content);
}

static void ids_are_bittorrent_roots(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 63, 64, 65, 16383, 16384, 16385, 32768, 49152, 65535,
		65536, 65537, 131072, 131073, 200000, 262144, 5 * 65536, SIZE_MAX_TESTED};
	for (size_t i = 0; i < SOUK_COUNT_OF(sizes); i++) {
		for (uint32_t chunk = SOUK_CHUNK_SIZE_MIN; chunk <= 262144; chunk *= 4) {
			struct souk_content content;
			struct souk_hash row[ROW_MAX], scratch[ROW_MAX], root = slow_root(sizes[i]);
			build(&content, row, sizes[i], chunk);
			assert_memory_equal(&content.id, &root, sizeof root);
			uint32_t count = souk_content_chunk_count(&content);
			assert_int_equal(
				souk_content_verify_row(&content, row, count, scratch), SOUK_OK);
			if (count == 0)
				continue;
			row[count / 2].bytes[5] ^= 1;
			assert_int_equal(souk_content_verify_row(&content, row, count, scratch),
				SOUK_PEER_BAD_CONTENT);
			assert_int_equal(souk_content_verify_row(&content, row, count - 1, scratch),
				SOUK_PEER_BAD_CONTENT);
		}
	}
}

static void chunks_stand_on_their_own(void **state)
{
	(void)state;
	struct souk_content content;
	struct souk_hash row[ROW_MAX];
	build(&content, row, SIZE_MAX_TESTED, 65536);
	assert_int_equal(souk_content_chunk_count(&content), 6);
	assert_int_equal(souk_content_chunk_length(&content, 5), 100);
	assert_int_equal(souk_content_chunk_length(&content, 6), 0);
	for (uint64_t i = 0; i < 6; i++) {
		uint64_t at = souk_content_chunk_offset(&content, i);
		uint32_t length = souk_content_chunk_length(&content, i);
		struct souk_bytes chunk = souk_bytes_of(data + at, length);
		assert_int_equal(souk_content_verify_chunk(&content, i, &row[i], chunk), SOUK_OK);
		assert_int_equal(souk_content_verify_chunk(&content, i, &row[i],
					 souk_bytes_of(data + at, length - 1)),
			SOUK_PEER_WRONG_LENGTH);
		data[at + length / 2] ^= 1;
		assert_int_equal(
			souk_content_verify_chunk(&content, i, &row[i], chunk), SOUK_PEER_BAD_UNIT);
		data[at + length / 2] ^= 1;
	}
	assert_int_equal(souk_content_verify_chunk(&content, 6, &row[0], souk_bytes_of(data, 1)),
		SOUK_PEER_NO_CHUNK);
}

/* The attack that the size in a name is there against: two hashes sold as a file of 64 bytes. */
static void an_inner_node_is_no_file(void **state)
{
	(void)state;
	struct souk_content content, claimed;
	struct souk_hash row[ROW_MAX], alone;
	uint8_t forged[64];
	build(&content, row, 131072, 65536);
	memcpy(forged, row, sizeof forged);
	struct souk_content as_file = {content.id, 64, 65536};
	alone = souk_bep52_chunk_root(souk_bytes_of(forged, sizeof forged), 65536, true);
	assert_int_equal(souk_content_verify_chunk(
				 &as_file, 0, &content.id, souk_bytes_of(forged, sizeof forged)),
		SOUK_OK);
	assert_memory_equal(&alone, &content.id, sizeof alone);
	struct souk_content_name name = {.id = content.id};
	assert_int_equal(souk_content_check(&claimed, &name, 64, 65536), SOUK_PEER_BAD_CONTENT);
	assert_int_equal(souk_content_check(&claimed, &name, 131072, 65536), SOUK_OK);
	name.has_size = true;
	name.size = 64;
	assert_int_equal(souk_content_check(&claimed, &name, 64, 65536), SOUK_OK);
	assert_true(souk_content_name_of(&claimed).has_size);
	assert_int_equal(souk_content_check(&claimed, &name, 65, 65536), SOUK_PEER_BAD_CONTENT);
}

static void facts_are_checked(void **state)
{
	(void)state;
	struct souk_content content;
	struct souk_content_name name = {.id = {{1}}}, empty = {.has_size = false};
	static const uint32_t bad[] = {0, 1, 8192, 16385, 24576, 33554432};
	for (size_t i = 0; i < SOUK_COUNT_OF(bad); i++)
		assert_int_equal(
			souk_content_check(&content, &name, 1000, bad[i]), SOUK_PEER_BAD_CONTENT);
	assert_int_equal(souk_content_check(&content, &name, 1000, 16384), SOUK_OK);
	assert_int_equal(souk_content_check(&content, &name, 0, 16384), SOUK_PEER_BAD_CONTENT);
	assert_int_equal(souk_content_check(&content, &empty, 0, 16384), SOUK_OK);
	assert_int_equal(souk_content_check(&content, &empty, 1, 16384), SOUK_PEER_BAD_CONTENT);
	assert_int_equal(
		souk_content_check(&content, &name, (uint64_t)16384 << 24, 16384), SOUK_OK);
	assert_int_equal(souk_content_check(&content, &name, ((uint64_t)16384 << 24) + 1, 16384),
		SOUK_PEER_BAD_CONTENT);
}

static void names_have_one_form(void **state)
{
	(void)state;
#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	static const struct {
		const char *text;
		souk_status status;
	} table[] = {
		{HEX, SOUK_OK},
		{HEX ".64", SOUK_OK},
		{HEX ".0", SOUK_OK},
		{HEX ".18446744073709551615", SOUK_OK},
		{HEX ".18446744073709551616", SOUK_PEER_BAD_HEX},
		{HEX ".064", SOUK_PEER_BAD_HEX},
		{HEX ".", SOUK_PEER_BAD_HEX},
		{HEX "64", SOUK_PEER_BAD_HEX},
		{HEX ".6 ", SOUK_PEER_BAD_HEX},
		{HEX ".-6", SOUK_PEER_BAD_HEX},
		{"0x" HEX, SOUK_PEER_BAD_HEX},
		{"0011", SOUK_PEER_BAD_HEX},
		{"", SOUK_PEER_BAD_HEX},
		{"00112233445566778899AABBccddeeff00112233445566778899aabbccddeeff",
			SOUK_PEER_BAD_HEX},
	};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_content_name name;
		char text[SOUK_CONTENT_NAME_SIZE];
		assert_int_equal(souk_content_name_parse(&name, table[i].text), table[i].status);
		if (table[i].status != SOUK_OK)
			continue;
		souk_content_name_format(text, &name);
		assert_string_equal(text, table[i].text);
	}
}

static void builders_refuse_what_is_no_file(void **state)
{
	(void)state;
	struct souk_content_builder builder;
	struct souk_hash row[2];
	souk_content_builder_init(&builder, 16384, row, 2);
	assert_int_equal(
		souk_content_builder_add(&builder, souk_bytes_of(data, 0)), SOUK_PEER_WRONG_LENGTH);
	assert_int_equal(souk_content_builder_add(&builder, souk_bytes_of(data, 16385)),
		SOUK_PEER_WRONG_LENGTH);
	assert_int_equal(souk_content_builder_add(&builder, souk_bytes_of(data, 16384)), SOUK_OK);
	assert_int_equal(souk_content_builder_add(&builder, souk_bytes_of(data, 16384)), SOUK_OK);
	assert_int_equal(
		souk_content_builder_add(&builder, souk_bytes_of(data, 1)), SOUK_LOCAL_FULL);
	souk_content_builder_init(&builder, 16384, row, 2);
	assert_int_equal(souk_content_builder_add(&builder, souk_bytes_of(data, 1)), SOUK_OK);
	assert_int_equal(
		souk_content_builder_add(&builder, souk_bytes_of(data, 1)), SOUK_PEER_WRONG_LENGTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_bittorrent_roots),
		cmocka_unit_test(chunks_stand_on_their_own),
		cmocka_unit_test(an_inner_node_is_no_file),
		cmocka_unit_test(facts_are_checked),
		cmocka_unit_test(names_have_one_form),
		cmocka_unit_test(builders_refuse_what_is_no_file),
	};
	struct souk_rng rng;
	souk_rng_init(&rng, 1);
	souk_rng_fill(&rng, data, sizeof data);
	return cmocka_run_group_tests_name("chunk", tests, NULL, NULL);
}
