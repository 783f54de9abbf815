/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/base/bytes.h - borrowed bytes, bounded writers and the fixed-size values.
 *
 * `struct souk_bytes` is a borrowed view: it owns nothing and is valid as long as
 * what it points into. `struct souk_writer` appends to memory of the caller and
 * stops, with a sticky flag, at the maximum given at its start; nothing in Souk
 * grows without one.
 *
 * The fixed-size values (hash, address, ...) are structs, so that one cannot be
 * passed for another and each is copied by assignment.
 *
 * Memory: caller's. Threads: any, on distinct objects. */
#ifndef SOUK_BASE_BYTES_H
#define SOUK_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/base/status.h"

#define SOUK_HASH_SIZE	    32
#define SOUK_ADDRESS_SIZE   20
#define SOUK_NONCE_SIZE	    16
#define SOUK_PUBKEY_SIZE    33
#define SOUK_SECKEY_SIZE    32
#define SOUK_SIGNATURE_SIZE 65

struct souk_bytes {
	const uint8_t *data;
	size_t size;
};

struct souk_hash {
	uint8_t bytes[SOUK_HASH_SIZE];
}; /* a SHA-256 digest, or a 32-byte chain value */

struct souk_address {
	uint8_t bytes[SOUK_ADDRESS_SIZE];
}; /* a party: the last 20 bytes of Keccak-256(x || y) of its key, as on Ethereum */

struct souk_nonce {
	uint8_t bytes[SOUK_NONCE_SIZE];
}; /* unique per session; also the tag of its hash chains */

struct souk_pubkey {
	uint8_t bytes[SOUK_PUBKEY_SIZE];
}; /* secp256k1, compressed (SEC 1, 2.3.3) */

struct souk_seckey {
	uint8_t bytes[SOUK_SECKEY_SIZE];
}; /* secp256k1 scalar, big-endian; wipe after use */

struct souk_signature {
	uint8_t bytes[SOUK_SIGNATURE_SIZE];
}; /* r || s || v, low s, v in {0, 1} */

/* A view of SIZE bytes at DATA. */
static inline struct souk_bytes souk_bytes_of(const void *data, size_t size)
{
	return (struct souk_bytes){.data = data, .size = size};
}

/* A view of a C string, without its terminator. */
struct souk_bytes souk_bytes_text(const char *text);

/* Whether A and B hold the same bytes. Time depends on the contents: not for secrets. */
bool souk_bytes_equal_var(struct souk_bytes a, struct souk_bytes b);

/* Whether SIZE bytes at A and B are the same, in time that depends on SIZE only. */
bool souk_bytes_equal_secret(const void *a, const void *b, size_t size);

/* Overwrite SIZE bytes at DATA with zeros, also where the compiler sees no later read. */
void souk_bytes_wipe(void *data, size_t size);

static inline bool souk_hash_equal(const struct souk_hash *a, const struct souk_hash *b)
{
	return __builtin_memcmp(a->bytes, b->bytes, SOUK_HASH_SIZE) == 0;
}

static inline bool souk_address_equal(const struct souk_address *a, const struct souk_address *b)
{
	return __builtin_memcmp(a->bytes, b->bytes, SOUK_ADDRESS_SIZE) == 0;
}

bool souk_hash_is_zero(const struct souk_hash *hash);
bool souk_address_is_zero(const struct souk_address *address);

/* Big-endian loads and stores, as every wire format of Souk has them. */
static inline uint16_t souk_load_be16(const uint8_t *p)
{
	return (uint16_t)((uint16_t)p[0] << 8 | p[1]);
}

static inline uint32_t souk_load_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t souk_load_be64(const uint8_t *p)
{
	return (uint64_t)souk_load_be32(p) << 32 | souk_load_be32(p + 4);
}

static inline void souk_store_be16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void souk_store_be32(uint8_t *p, uint32_t v)
{
	souk_store_be16(p, (uint16_t)(v >> 16));
	souk_store_be16(p + 2, (uint16_t)v);
}

static inline void souk_store_be64(uint8_t *p, uint64_t v)
{
	souk_store_be32(p, (uint32_t)(v >> 32));
	souk_store_be32(p + 4, (uint32_t)v);
}

/* A bounded append-only writer over memory of the caller. */
struct souk_writer {
	uint8_t *data;
	size_t size; /* written so far */
	size_t max;  /* bytes at data */
	bool full;   /* sticky: an append did not fit, and nothing of it was written */
};

void souk_writer_init(struct souk_writer *writer, void *memory, size_t max);
void souk_writer_append(struct souk_writer *writer, const void *data, size_t size);
void souk_writer_u8(struct souk_writer *writer, uint8_t v);
void souk_writer_u16(struct souk_writer *writer, uint16_t v);
void souk_writer_u32(struct souk_writer *writer, uint32_t v);
void souk_writer_u64(struct souk_writer *writer, uint64_t v);
/* Append a C string's characters, without its terminator. */
void souk_writer_text(struct souk_writer *writer, const char *text);
/* Append V in decimal. */
void souk_writer_decimal(struct souk_writer *writer, uint64_t v);
/* Append SIZE bytes as lower-case hexadecimal. */
void souk_writer_hex(struct souk_writer *writer, const void *data, size_t size);

/* souk_writer_finish: the bytes written, once nothing overflowed.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_TOO_SMALL  something did not fit; give more memory and write again. */
SOUK_MUST_CHECK souk_status souk_writer_finish(
	const struct souk_writer *writer, struct souk_bytes *ret_bytes);

/* Lower-case hexadecimal of SIZE bytes, with a terminator: needs 2 * SIZE + 1 characters. In time
 * that depends on SIZE only. */
void souk_hex_encode(char *out, const void *data, size_t size);

/* souk_hex_decode: exactly SIZE bytes from a C string of 2 * SIZE hexadecimal digits, either case,
 * with or without a leading 0x.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_HEX  OUT is untouched. Tell the user which argument it was. */
SOUK_MUST_CHECK souk_status souk_hex_decode(void *out, size_t size, const char *text);

/* souk_hex_decode_secret: SIZE bytes from the first line of a key file's TEXT, as souk_hex_decode.
 * In time that depends on the sizes only, and on where the line ends.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_HEX  OUT is untouched. Tell the user which file it was. */
SOUK_MUST_CHECK souk_status souk_hex_decode_secret(void *out, size_t size, struct souk_bytes text);

#endif
