/* SPDX-License-Identifier: Apache-2.0
 *
 * libcrypto's ChaCha20 for long inputs. Its context is allocated for the call
 * and may fail to be, so there is a plain version too: for short inputs, where
 * setting libcrypto up costs more than the work, and where libcrypto refuses. */
#include "souk/crypto/cipher.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

#define BLOCK_SIZE 64
/* Below this the plain version is faster than creating a context. */
#define LIBCRYPTO_WORTH 1024

static uint32_t load_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void store_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t rotate_left(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

static void quarter_round(uint32_t s[16], int a, int b, int c, int d)
{
	s[a] += s[b];
	s[d] = rotate_left(s[d] ^ s[a], 16);
	s[c] += s[d];
	s[b] = rotate_left(s[b] ^ s[c], 12);
	s[a] += s[b];
	s[d] = rotate_left(s[d] ^ s[a], 8);
	s[c] += s[d];
	s[b] = rotate_left(s[b] ^ s[c], 7);
}

/* RFC 8439, 2.3: the block of keystream of STATE. */
static void keystream_block(uint8_t out[BLOCK_SIZE], const uint32_t state[16])
{
	uint32_t s[16];
	memcpy(s, state, sizeof s);
	for (int i = 0; i < 10; i++) {
		quarter_round(s, 0, 4, 8, 12);
		quarter_round(s, 1, 5, 9, 13);
		quarter_round(s, 2, 6, 10, 14);
		quarter_round(s, 3, 7, 11, 15);
		quarter_round(s, 0, 5, 10, 15);
		quarter_round(s, 1, 6, 11, 12);
		quarter_round(s, 2, 7, 8, 13);
		quarter_round(s, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++)
		store_le32(out + 4 * i, s[i] + state[i]);
	souk_bytes_wipe(s, sizeof s);
}

static void xor_plainly(
	uint8_t *out, const uint8_t *in, size_t size, const uint8_t key[32], const uint8_t iv[16])
{
	uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	uint8_t keystream[BLOCK_SIZE];
	for (int i = 0; i < 8; i++)
		state[4 + i] = load_le32(key + 4 * i);
	for (int i = 0; i < 4; i++)
		state[12 + i] = load_le32(iv + 4 * i);
	for (size_t at = 0; at < size; at += BLOCK_SIZE, state[12]++) {
		size_t n = size - at < BLOCK_SIZE ? size - at : BLOCK_SIZE;
		keystream_block(keystream, state);
		for (size_t i = 0; i < n; i++)
			out[at + i] = in[at + i] ^ keystream[i];
	}
	souk_bytes_wipe(keystream, sizeof keystream);
	souk_bytes_wipe(state, sizeof state);
}

/* False where libcrypto did not do it; OUT may be partly written only if it is not IN. */
static bool xor_by_libcrypto(
	uint8_t *out, const uint8_t *in, size_t size, const uint8_t key[32], const uint8_t iv[16])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int written = 0;
	bool done = ctx != NULL && size <= INT_MAX &&
		    EVP_EncryptInit_ex(ctx, EVP_chacha20(), NULL, key, iv) == 1 &&
		    EVP_EncryptUpdate(ctx, out, &written, in, (int)size) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return done;
}

void souk_chacha20_xor(uint8_t *out, const uint8_t *in, size_t size, const uint8_t key[32],
	const uint8_t nonce[12], uint32_t counter)
{
	uint8_t iv[16]; /* the last row of the state: counter, nonce */
	store_le32(iv, counter);
	memcpy(iv + 4, nonce, 12);
	if (size < LIBCRYPTO_WORTH || !xor_by_libcrypto(out, in, size, key, iv))
		xor_plainly(out, in, size, key, iv);
}
