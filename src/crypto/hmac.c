/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "sha256_engine.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

/* Both halves of RFC 2104, ready to absorb: H(key ^ ipad || ...) and H(key ^ opad || ...). */
struct hmac {
	struct souk_sha256 inner, outer;
};

static void hmac_init(struct hmac *hmac, struct souk_bytes key)
{
	uint8_t block[64] = {0};
	if (key.size > sizeof block) {
		struct souk_hash short_key = souk_sha256_of(key.data, key.size);
		memcpy(block, short_key.bytes, sizeof short_key.bytes);
		souk_bytes_wipe(&short_key, sizeof short_key);
	} else if (key.size != 0) {
		memcpy(block, key.data, key.size);
	}
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= 0x36;
	souk_sha256_init(&hmac->inner);
	souk_sha256_update(&hmac->inner, block, sizeof block);
	for (size_t i = 0; i < sizeof block; i++)
		block[i] ^= 0x36 ^ 0x5c;
	souk_sha256_init(&hmac->outer);
	souk_sha256_update(&hmac->outer, block, sizeof block);
	souk_bytes_wipe(block, sizeof block);
}

static void hmac_final(struct hmac *hmac, struct souk_hash *ret)
{
	struct souk_hash inner;
	souk_sha256_final(&hmac->inner, &inner);
	souk_sha256_update(&hmac->outer, inner.bytes, sizeof inner.bytes);
	souk_sha256_final(&hmac->outer, ret);
	souk_bytes_wipe(&inner, sizeof inner);
	souk_bytes_wipe(hmac, sizeof *hmac);
}

/* Longest message that fits, with its padding, into two blocks. */
#define SHORT_MAX 119

/* Of a key that fits in a block and a short message: each half of it one run of the compression
 * function, without the bookkeeping of hashes under way. Every request of a unit is one. */
static struct souk_hash hmac_short(struct souk_bytes key, struct souk_bytes message)
{
	uint8_t blocks[3 * 64] = {0};
	if (key.size != 0)
		memcpy(blocks, key.data, key.size);
	for (size_t i = 0; i < 64; i++)
		blocks[i] ^= 0x36;
	size_t whole = message.size - message.size % 64, count = 1 + whole / 64;
	if (whole != 0)
		memcpy(blocks + 64, message.data, whole);
	count +=
		sha256_pad_tail(blocks + 64 + whole, message.data, message.size, 64 + message.size);
	struct souk_hash inner = sha256_padded(blocks, count);
	for (size_t i = 0; i < 64; i++)
		blocks[i] ^= 0x36 ^ 0x5c;
	(void)sha256_pad_tail(
		blocks + 64, inner.bytes, sizeof inner.bytes, 64 + sizeof inner.bytes);
	struct souk_hash mac = sha256_padded(blocks, 2);
	souk_bytes_wipe(&inner, sizeof inner);
	souk_bytes_wipe(blocks, sizeof blocks);
	return mac;
}

struct souk_hash souk_hmac_sha256(struct souk_bytes key, struct souk_bytes message)
{
	struct hmac hmac;
	struct souk_hash mac;
	if (key.size <= 64 && message.size <= SHORT_MAX)
		return hmac_short(key, message);
	hmac_init(&hmac, key);
	souk_sha256_update(&hmac.inner, message.data, message.size);
	hmac_final(&hmac, &mac);
	return mac;
}

/* T(i) = HMAC(PRK, T(i-1) || info || i); T(0) is empty. */
void souk_hkdf_sha256(uint8_t *out, size_t size, struct souk_bytes salt, struct souk_bytes secret,
	struct souk_bytes info)
{
	SOUK_CHECK(size <= 255 * SOUK_HASH_SIZE);
	struct souk_hash prk = souk_hmac_sha256(salt, secret), t;
	struct hmac hmac;
	size_t previous = 0;
	for (uint8_t i = 1; size > 0; i++) {
		size_t n = size < sizeof t.bytes ? size : sizeof t.bytes;
		hmac_init(&hmac, souk_bytes_of(prk.bytes, sizeof prk.bytes));
		souk_sha256_update(&hmac.inner, t.bytes, previous);
		souk_sha256_update(&hmac.inner, info.data, info.size);
		souk_sha256_update(&hmac.inner, &i, 1);
		hmac_final(&hmac, &t);
		memcpy(out, t.bytes, n);
		out += n;
		size -= n;
		previous = sizeof t.bytes;
	}
	souk_bytes_wipe(&prk, sizeof prk);
	souk_bytes_wipe(&t, sizeof t);
}
