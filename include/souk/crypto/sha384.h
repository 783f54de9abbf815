/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/sha384.h - SHA-384 (FIPS 180-4), for one purpose: puzzles that CAPnet's programs
 * understand too. Everything of Souk's own is SHA-256.
 *
 * Memory: values, no allocation. Threads: any. */
#ifndef SOUK_CRYPTO_SHA384_H
#define SOUK_CRYPTO_SHA384_H

#include <stddef.h>
#include <stdint.h>

#define SOUK_SHA384_SIZE 48

/* The digest of LEFT || RIGHT. RET may be LEFT. */
void souk_sha384_pair(uint8_t ret[SOUK_SHA384_SIZE], const void *left, size_t left_size,
	const void *right, size_t right_size);

#endif
