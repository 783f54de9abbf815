/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "souk/keys/sealed.h"

static const uint8_t file_key[SOUK_SEALED_KEY_SIZE] = {7, 1, 2, 3};
static const uint8_t salt[SOUK_SEALED_SALT_SIZE] = {9, 8, 7};

/* Sizes around every edge of the first three segments. */
static const uint64_t sizes[] = {0, 1, 15, 16, 17, SOUK_SEALED_FIRST_SIZE - 1,
	SOUK_SEALED_FIRST_SIZE, SOUK_SEALED_FIRST_SIZE + 1,
	SOUK_SEALED_FIRST_SIZE + SOUK_SEALED_PLAIN_SIZE - 1,
	SOUK_SEALED_FIRST_SIZE + SOUK_SEALED_PLAIN_SIZE,
	SOUK_SEALED_FIRST_SIZE + SOUK_SEALED_PLAIN_SIZE + 1, 200000};
#define SIZES (sizeof sizes / sizeof *sizes)

struct file {
	uint8_t *plain, *bytes;
	uint64_t size; /* sealed */
	struct souk_sealed sealed;
};

static void seal(struct file *file, uint64_t plain_size)
{
	file->plain = malloc(plain_size + 1);
	for (uint64_t i = 0; i < plain_size; i++)
		file->plain[i] = (uint8_t)(i * 31 + i / 251);
	file->size = souk_sealed_size_of(plain_size);
	file->bytes = malloc(file->size);
	souk_sealed_create(&file->sealed, file_key, salt, plain_size);
	for (uint32_t i = 0; i < file->sealed.count; i++) {
		struct souk_sealed_segment at = souk_sealed_segment_of(&file->sealed, i);
		assert_true(at.sealed_offset + at.sealed_size <= file->size);
		souk_sealed_encrypt(file->bytes + at.sealed_offset, &file->sealed, i,
			souk_bytes_of(file->plain + at.plain_offset, at.plain_size));
	}
}

static void done(struct file *file)
{
	free(file->plain);
	free(file->bytes);
	souk_sealed_done(&file->sealed);
}

/* All of BYTES, in order; the first thing that is wrong with them. */
static souk_status unseal(const struct file *file, const uint8_t *bytes, uint64_t size)
{
	struct souk_sealed sealed;
	uint8_t header[SOUK_SEALED_HEADER_SIZE] = {0};
	uint8_t *out = malloc(SOUK_SEALED_SEGMENT_SIZE);
	memcpy(header, bytes, size < sizeof header ? size : sizeof header);
	souk_status status = souk_sealed_open(&sealed, file_key, header, size);
	for (uint32_t i = 0; status == SOUK_OK && i < sealed.count; i++) {
		struct souk_sealed_segment at = souk_sealed_segment_of(&sealed, i);
		status = souk_sealed_decrypt(
			out, &sealed, i, souk_bytes_of(bytes + at.sealed_offset, at.sealed_size));
		if (status == SOUK_OK)
			assert_memory_equal(out, file->plain + at.plain_offset, at.plain_size);
	}
	free(out);
	return status;
}

static void test_what_is_sealed_is_opened(void **state)
{
	(void)state;
	for (size_t s = 0; s < SIZES; s++) {
		struct file file;
		seal(&file, sizes[s]);
		assert_int_equal(unseal(&file, file.bytes, file.size), SOUK_OK);
		done(&file);
	}
}

static void test_sizes_are_one_to_one(void **state)
{
	(void)state;
	uint64_t expected = 0, back;
	for (uint64_t sealed = 0; sealed < 3 * SOUK_SEALED_SEGMENT_SIZE + 200; sealed++) {
		bool is_one = sealed == souk_sealed_size_of(expected);
		assert_int_equal(souk_sealed_plain_size(&back, sealed),
			is_one ? SOUK_OK : SOUK_PEER_BAD_SEAL);
		if (is_one)
			assert_int_equal(back, expected++);
	}
	assert_int_equal(souk_sealed_plain_size(&back, UINT64_MAX), SOUK_PEER_BAD_SEAL);
	uint64_t most = souk_sealed_size_of(SOUK_SEALED_PLAIN_MAX);
	assert_int_equal(souk_sealed_plain_size(&back, most), SOUK_OK);
	assert_int_equal(back, SOUK_SEALED_PLAIN_MAX);
	assert_int_equal(souk_sealed_plain_size(&back, most + 1), SOUK_PEER_BAD_SEAL);
}

static void test_a_byte_is_where_its_segment_says(void **state)
{
	struct souk_sealed sealed;
	(void)state;
	for (size_t s = 0; s < SIZES; s++) {
		souk_sealed_create(&sealed, file_key, salt, sizes[s]);
		uint64_t end = 0;
		for (uint32_t i = 0; i < sealed.count; i++) {
			struct souk_sealed_segment at = souk_sealed_segment_of(&sealed, i);
			assert_int_equal(at.plain_offset, end);
			end += at.plain_size;
			if (at.plain_size == 0)
				continue;
			assert_int_equal(souk_sealed_segment_at(&sealed, at.plain_offset), i);
			assert_int_equal(souk_sealed_segment_at(&sealed, end - 1), i);
			/* Within one chunk of any content. */
			assert_int_equal(at.sealed_offset % SOUK_SEALED_SEGMENT_SIZE, 0);
			assert_true(at.sealed_size <= SOUK_SEALED_SEGMENT_SIZE);
		}
		assert_int_equal(end, sizes[s]);
		assert_int_equal(souk_sealed_segment_at(&sealed, end), sealed.count - 1);
	}
}

static void test_any_changed_bit_is_noticed(void **state)
{
	struct file file;
	(void)state;
	seal(&file, SOUK_SEALED_FIRST_SIZE + 40);
	for (uint64_t i = 0; i < file.size; i += i < 120 || i > file.size - 60 ? 1 : 4099) {
		file.bytes[i] ^= 0x10;
		souk_status status = unseal(&file, file.bytes, file.size);
		souk_status expected = i < 16			     ? SOUK_PEER_BAD_SEAL
				       : i < SOUK_SEALED_HEADER_SIZE ? SOUK_PEER_SEAL_KEY
								     : SOUK_PEER_BAD_CIPHERTEXT;
		assert_int_equal(status, expected);
		file.bytes[i] ^= 0x10;
	}
	done(&file);
}

static void test_cut_and_extended(void **state)
{
	struct file file;
	(void)state;
	seal(&file, 200000);
	for (uint64_t size = 0; size < file.size; size += size < 100 ? 1 : 257)
		assert_int_not_equal(unseal(&file, file.bytes, size), SOUK_OK);
	/* A whole number of segments, too: each but the last says that it is not the last. */
	for (uint64_t size = SOUK_SEALED_SEGMENT_SIZE; size < file.size;
		size += SOUK_SEALED_SEGMENT_SIZE)
		assert_int_equal(unseal(&file, file.bytes, size), SOUK_PEER_BAD_CIPHERTEXT);
	uint8_t *longer = calloc(1, file.size + 70000);
	memcpy(longer, file.bytes, file.size);
	for (uint64_t extra = 1; extra < 70000; extra += 4001)
		assert_int_not_equal(unseal(&file, longer, file.size + extra), SOUK_OK);
	free(longer);
	done(&file);
}

static void test_segments_stay_in_their_places(void **state)
{
	struct file file;
	(void)state;
	seal(&file, SOUK_SEALED_FIRST_SIZE + 3 * SOUK_SEALED_PLAIN_SIZE);
	const uint32_t size = SOUK_SEALED_SEGMENT_SIZE;
	uint8_t *held = malloc(size), *out = malloc(size);
	memcpy(held, file.bytes + size, size);
	for (uint32_t i = 0; i < file.sealed.count; i++) {
		souk_status status = i == 0 ? SOUK_PEER_BAD_CIPHERTEXT
					    : souk_sealed_decrypt(out, &file.sealed, i,
						      souk_bytes_of(held, size));
		assert_int_equal(status, i == 1 ? SOUK_OK : SOUK_PEER_BAD_CIPHERTEXT);
	}
	memcpy(file.bytes + size, file.bytes + 2 * size, size);
	memcpy(file.bytes + 2 * size, held, size);
	assert_int_equal(unseal(&file, file.bytes, file.size), SOUK_PEER_BAD_CIPHERTEXT);
	free(held);
	free(out);
	done(&file);
}

/* The same file key with another salt is another file: its segments do not fit either. */
static void test_other_keys_and_files(void **state)
{
	struct file file;
	struct souk_sealed other;
	uint8_t key[SOUK_SEALED_KEY_SIZE], out[64], salt2[SOUK_SEALED_SALT_SIZE] = {1};
	(void)state;
	seal(&file, 30);
	for (size_t i = 0; i < sizeof key; i++) {
		memcpy(key, file_key, sizeof key);
		key[i] ^= 1;
		assert_int_equal(
			souk_sealed_open(&other, key, file.bytes, file.size), SOUK_PEER_SEAL_KEY);
	}
	souk_sealed_create(&other, file_key, salt2, 30);
	assert_int_equal(souk_sealed_decrypt(out, &other, 0, souk_bytes_of(file.bytes, file.size)),
		SOUK_PEER_BAD_CIPHERTEXT);
	memcpy(file.bytes, other.header, sizeof other.header);
	assert_int_equal(souk_sealed_decrypt(out, &other, 0, souk_bytes_of(file.bytes, file.size)),
		SOUK_PEER_BAD_CIPHERTEXT);
	done(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_sealed_is_opened),
		cmocka_unit_test(test_sizes_are_one_to_one),
		cmocka_unit_test(test_a_byte_is_where_its_segment_says),
		cmocka_unit_test(test_any_changed_bit_is_noticed),
		cmocka_unit_test(test_cut_and_extended),
		cmocka_unit_test(test_segments_stay_in_their_places),
		cmocka_unit_test(test_other_keys_and_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
