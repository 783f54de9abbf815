/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/base64.h - base64 (RFC 4648, 4, with padding), in time that depends on sizes only.
 *
 * Memory: caller's. Threads: any. */
#ifndef SOUK_CRYPTO_BASE64_H
#define SOUK_CRYPTO_BASE64_H

#include "souk/base/bytes.h"

/* Of the text of SIZE bytes, with its terminator. */
#define SOUK_BASE64_SIZE(size) (((size) + 2) / 3 * 4 + 1)

/* DATA into OUT, SOUK_BASE64_SIZE(data.size) characters. */
void souk_base64_encode(char *out, struct souk_bytes data);

/* souk_base64_decode: TEXT into OUT, which has MAX bytes.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_REQUEST: not the one text of any bytes, or of more than MAX. */
SOUK_MUST_CHECK souk_status souk_base64_decode(
	uint8_t *out, size_t max, size_t *ret_size, struct souk_bytes text);

#endif
