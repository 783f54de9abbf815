/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a sealed file, and a sealed file that was tampered with.
 *
 *   input: 1 byte mode, then
 *     0   the sealed file itself
 *     1   be16 plain size, then edits of 4 bytes: be24 place, xor
 *     2   be16 length to cut to (0: none), be16 to extend by, be16 plain size
 *
 * Properties: what opens has the size that it says, and what decrypts is encrypted to the same
 * bytes again; of a file that was sealed here nothing but itself is accepted. */
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/keys/sealed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[SOUK_SEALED_KEY_SIZE] = {1}, salt[SOUK_SEALED_SALT_SIZE] = {2};
static uint8_t plain[3 * SOUK_SEALED_SEGMENT_SIZE], bytes[5 * SOUK_SEALED_SEGMENT_SIZE];
static uint8_t out[SOUK_SEALED_SEGMENT_SIZE], again[SOUK_SEALED_SEGMENT_SIZE];

/* Whether all of SIZE bytes at FILE are opened. */
static bool opens(const uint8_t *file, size_t size)
{
	struct souk_sealed sealed;
	bool good = size >= SOUK_SEALED_HEADER_SIZE &&
		    souk_sealed_open(&sealed, key, file, size) == SOUK_OK;
	if (!good)
		return false;
	SOUK_CHECK(souk_sealed_size_of(sealed.plain_size) == size);
	for (uint32_t i = 0; i < sealed.count; i++) {
		struct souk_sealed_segment at = souk_sealed_segment_of(&sealed, i);
		SOUK_CHECK(at.sealed_offset + at.sealed_size <= size);
		const uint8_t *segment = file + at.sealed_offset;
		if (souk_sealed_decrypt(out, &sealed, i, souk_bytes_of(segment, at.sealed_size)) !=
			SOUK_OK) {
			good = false;
			continue;
		}
		souk_sealed_encrypt(again, &sealed, i, souk_bytes_of(out, at.plain_size));
		SOUK_CHECK(memcmp(again, segment, at.sealed_size) == 0);
	}
	return good;
}

static size_t seal(size_t plain_size)
{
	struct souk_sealed sealed;
	souk_sealed_create(&sealed, key, salt, plain_size);
	for (uint32_t i = 0; i < sealed.count; i++) {
		struct souk_sealed_segment at = souk_sealed_segment_of(&sealed, i);
		souk_sealed_encrypt(bytes + at.sealed_offset, &sealed, i,
			souk_bytes_of(plain + at.plain_offset, at.plain_size));
	}
	return (size_t)souk_sealed_size_of(plain_size);
}

static void edit(const uint8_t *data, size_t size)
{
	if (size < 2)
		return;
	size_t length = seal((size_t)souk_load_be16(data) * 2);
	SOUK_CHECK(opens(bytes, length));
	static uint8_t original[sizeof bytes];
	memcpy(original, bytes, length);
	for (size_t i = 2; i + 4 <= size; i += 4) {
		uint32_t place = souk_load_be32(data + i) >> 8;
		bytes[place % length] ^= data[i + 3];
	}
	bool is_same = memcmp(original, bytes, length) == 0;
	SOUK_CHECK(opens(bytes, length) == is_same);
}

static void resize(const uint8_t *data, size_t size)
{
	if (size < 6)
		return;
	size_t length = seal((size_t)souk_load_be16(data + 4) * 2), changed = length;
	size_t cut = (size_t)souk_load_be16(data) * 2;
	if (cut != 0 && cut < length)
		changed = cut;
	size_t more = souk_load_be16(data + 2);
	memset(bytes + changed, 0, more);
	changed += more;
	SOUK_CHECK(opens(bytes, changed) == (changed == length && more == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0: (void)opens(data + 1, size - 1); break;
	case 1: edit(data + 1, size - 1); break;
	case 2: resize(data + 1, size - 1); break;
	}
	return 0;
}
