/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/sha256.h - SHA-256 (FIPS 180-4): long messages through libcrypto,
 * single blocks and equal-length lanes through our own compression function.
 *
 * Hash chains and Merkle leaves want many independent hashes of known length.
 * One message at a time leaves the processor's SHA unit idle most cycles, so
 * `_lanes` calls interleave four, or sixteen on AVX-512. The engine is chosen
 * once per process, before main: our code where the processor has the
 * instructions, libcrypto's elsewhere; all give the same bytes.
 *
 * Memory: values, no allocation. Threads: any, but for souk_sha256_engine_use. */
#ifndef SOUK_CRYPTO_SHA256_H
#define SOUK_CRYPTO_SHA256_H

#include "souk/base/bytes.h"

/* A hash under way: libcrypto's own state, by value, so that nothing is allocated. */
struct souk_sha256 {
	uint64_t opaque[14];
};

void souk_sha256_init(struct souk_sha256 *sha);
void souk_sha256_update(struct souk_sha256 *sha, const void *data, size_t size);
void souk_sha256_final(struct souk_sha256 *sha, struct souk_hash *ret);
struct souk_hash souk_sha256_of(const void *data, size_t size);

/* Up to 55 bytes in one compression: the cost of a ticket. */
#define SOUK_SHA256_ONE_BLOCK_MAX 55
struct souk_hash souk_sha256_one_block(const void *data, size_t size);

/* COUNT messages of the same SIZE each, any COUNT; sixteen or four at a time. RET overlaps none of
 * them. */
void souk_sha256_lanes(
	struct souk_hash *ret, const uint8_t *const *messages, size_t size, size_t count);

/* HASHES[i] = SHA-256(HASHES[i] || MESSAGES[i]), COUNT of them, SIZE bytes of each message and at
 * least 32. The messages are read where they are, without a copy. */
void souk_sha256_lanes_after(
	struct souk_hash *hashes, const uint8_t *const *messages, size_t size, size_t count);

/* COUNT independent messages of one block, padded by the caller. RET overlaps none of them. */
void souk_sha256_blocks(struct souk_hash *ret, const uint8_t (*blocks)[64], size_t count);

/* HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869), at most 255 * 32 bytes out. */
struct souk_hash souk_hmac_sha256(struct souk_bytes key, struct souk_bytes message);
void souk_hkdf_sha256(uint8_t *out, size_t size, struct souk_bytes salt, struct souk_bytes secret,
	struct souk_bytes info);

/* SHA-256("souk/" || domain || 0x00 || message): what every signature is over. */
struct souk_hash souk_sha256_domain(const char *domain, struct souk_bytes message);

/* "avx512", "sha-ni" or "libcrypto": what this process uses for single blocks and lanes. */
const char *souk_sha256_engine(void);
/* Force one of those, for tests and benchmarks, before other threads start; false where the
 * processor lacks it. */
bool souk_sha256_engine_use(const char *name);

#endif
