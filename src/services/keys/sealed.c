/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/keys/sealed.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

#define VERSION	     1u
#define SEGMENT_LOG2 16u
#define SALT_AT	     16u
#define COMMIT_AT    (SALT_AT + SOUK_SEALED_SALT_SIZE)

static const uint8_t magic[8] = {'S', 'O', 'U', 'K', 'S', 'E', 'A', 'L'};

_Static_assert(COMMIT_AT + SOUK_HASH_SIZE == SOUK_SEALED_HEADER_SIZE, "the header's fields");

/* ------------------------------------------------------------------ sizes */

static uint32_t count_of(uint64_t plain_size)
{
	if (plain_size <= SOUK_SEALED_FIRST_SIZE)
		return 1;
	uint64_t rest = plain_size - SOUK_SEALED_FIRST_SIZE;
	return 1 + (uint32_t)((rest + SOUK_SEALED_PLAIN_SIZE - 1) / SOUK_SEALED_PLAIN_SIZE);
}

uint64_t souk_sealed_size_of(uint64_t plain_size)
{
	SOUK_CHECK(plain_size <= SOUK_SEALED_PLAIN_MAX);
	return plain_size + SOUK_SEALED_HEADER_SIZE +
	       (uint64_t)count_of(plain_size) * SOUK_AEAD_TAG_SIZE;
}

souk_status souk_sealed_plain_size(uint64_t *ret, uint64_t sealed_size)
{
	uint64_t count = sealed_size / SOUK_SEALED_SEGMENT_SIZE +
			 (sealed_size % SOUK_SEALED_SEGMENT_SIZE != 0);
	uint64_t extra = SOUK_SEALED_HEADER_SIZE + count * SOUK_AEAD_TAG_SIZE;
	if (sealed_size < SOUK_SEALED_HEADER_SIZE + SOUK_AEAD_TAG_SIZE ||
		sealed_size - extra > SOUK_SEALED_PLAIN_MAX)
		return SOUK_PEER_BAD_SEAL;
	/* A last segment of a tag and no byte, or less than a tag, is one that never was. */
	if (souk_sealed_size_of(sealed_size - extra) != sealed_size)
		return SOUK_PEER_BAD_SEAL;
	*ret = sealed_size - extra;
	return SOUK_OK;
}

struct souk_sealed_segment souk_sealed_segment_of(const struct souk_sealed *sealed, uint32_t index)
{
	SOUK_CHECK(index < sealed->count);
	struct souk_sealed_segment segment = {
		.sealed_offset = (uint64_t)index * SOUK_SEALED_SEGMENT_SIZE};
	uint32_t room = SOUK_SEALED_FIRST_SIZE, head = SOUK_SEALED_HEADER_SIZE;
	if (index > 0) {
		segment.plain_offset =
			SOUK_SEALED_FIRST_SIZE + (uint64_t)(index - 1) * SOUK_SEALED_PLAIN_SIZE;
		room = SOUK_SEALED_PLAIN_SIZE;
		head = 0;
	}
	uint64_t left = sealed->plain_size - segment.plain_offset;
	segment.plain_size = left < room ? (uint32_t)left : room;
	segment.sealed_size = head + segment.plain_size + SOUK_AEAD_TAG_SIZE;
	return segment;
}

uint32_t souk_sealed_segment_at(const struct souk_sealed *sealed, uint64_t offset)
{
	if (offset >= sealed->plain_size)
		return sealed->count - 1;
	if (offset < SOUK_SEALED_FIRST_SIZE)
		return 0;
	return 1 + (uint32_t)((offset - SOUK_SEALED_FIRST_SIZE) / SOUK_SEALED_PLAIN_SIZE);
}

/* ------------------------------------------------------------------ keys */

/* The key of the segments, and what the header shows of the file key. */
static void derive(uint8_t key[SOUK_AEAD_KEY_SIZE], uint8_t commitment[SOUK_HASH_SIZE],
	const uint8_t file_key[SOUK_SEALED_KEY_SIZE], const uint8_t salt[SOUK_SEALED_SALT_SIZE])
{
	uint8_t both[SOUK_AEAD_KEY_SIZE + SOUK_HASH_SIZE];
	souk_hkdf_sha256(both, sizeof both, souk_bytes_of(salt, SOUK_SEALED_SALT_SIZE),
		souk_bytes_of(file_key, SOUK_SEALED_KEY_SIZE), souk_bytes_text("souk/sealed"));
	memcpy(key, both, SOUK_AEAD_KEY_SIZE);
	memcpy(commitment, both + SOUK_AEAD_KEY_SIZE, SOUK_HASH_SIZE);
	souk_bytes_wipe(both, sizeof both);
}

void souk_sealed_create(struct souk_sealed *ret, const uint8_t file_key[SOUK_SEALED_KEY_SIZE],
	const uint8_t salt[SOUK_SEALED_SALT_SIZE], uint64_t plain_size)
{
	SOUK_CHECK(plain_size <= SOUK_SEALED_PLAIN_MAX);
	*ret = (struct souk_sealed){.plain_size = plain_size, .count = count_of(plain_size)};
	memcpy(ret->header, magic, sizeof magic);
	ret->header[8] = VERSION;
	ret->header[9] = SEGMENT_LOG2;
	memcpy(ret->header + SALT_AT, salt, SOUK_SEALED_SALT_SIZE);
	derive(ret->key, ret->header + COMMIT_AT, file_key, salt);
}

souk_status souk_sealed_open(struct souk_sealed *ret, const uint8_t file_key[SOUK_SEALED_KEY_SIZE],
	const uint8_t header[SOUK_SEALED_HEADER_SIZE], uint64_t sealed_size)
{
	struct souk_sealed sealed;
	uint64_t plain_size;
	SOUK_TRY(souk_sealed_plain_size(&plain_size, sealed_size));
	souk_sealed_create(&sealed, file_key, header + SALT_AT, plain_size);
	souk_status status = SOUK_OK;
	if (memcmp(header, sealed.header, SALT_AT) != 0)
		status = SOUK_PEER_BAD_SEAL;
	else if (!souk_bytes_equal_secret(
			 header + COMMIT_AT, sealed.header + COMMIT_AT, SOUK_HASH_SIZE))
		status = SOUK_PEER_SEAL_KEY;
	if (status == SOUK_OK)
		*ret = sealed;
	souk_sealed_done(&sealed);
	return status;
}

void souk_sealed_done(struct souk_sealed *sealed)
{
	souk_bytes_wipe(sealed, sizeof *sealed);
}

/* ------------------------------------------------------------------ segments */

static void nonce_of(
	uint8_t ret[SOUK_AEAD_NONCE_SIZE], const struct souk_sealed *sealed, uint32_t index)
{
	memset(ret, 0, SOUK_AEAD_NONCE_SIZE);
	souk_store_be64(ret, index);
	ret[8] = index == sealed->count - 1;
}

void souk_sealed_encrypt(
	uint8_t *out, const struct souk_sealed *sealed, uint32_t index, struct souk_bytes plain)
{
	uint8_t nonce[SOUK_AEAD_NONCE_SIZE];
	SOUK_CHECK(plain.size == souk_sealed_segment_of(sealed, index).plain_size);
	nonce_of(nonce, sealed, index);
	if (index == 0) {
		memcpy(out, sealed->header, sizeof sealed->header);
		out += sizeof sealed->header;
	}
	souk_aead_seal(out, sealed->key, nonce,
		souk_bytes_of(sealed->header, sizeof sealed->header), plain);
}

souk_status souk_sealed_decrypt(
	uint8_t *out, const struct souk_sealed *sealed, uint32_t index, struct souk_bytes bytes)
{
	uint8_t nonce[SOUK_AEAD_NONCE_SIZE];
	size_t head = index == 0 ? SOUK_SEALED_HEADER_SIZE : 0;
	if (bytes.size != souk_sealed_segment_of(sealed, index).sealed_size ||
		memcmp(bytes.data, sealed->header, head) != 0)
		return SOUK_PEER_BAD_CIPHERTEXT;
	nonce_of(nonce, sealed, index);
	return souk_aead_open(out, sealed->key, nonce,
		souk_bytes_of(sealed->header, sizeof sealed->header),
		souk_bytes_of(bytes.data + head, bytes.size - head));
}
