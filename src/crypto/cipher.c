/* SPDX-License-Identifier: Apache-2.0
 *
 * AVX-512 of our own for what is long, where the processor has it; libcrypto's
 * ChaCha20 for the rest of it, and for all elsewhere. Its context is allocated
 * for the call and may fail to be, so there is a plain version too: for a
 * single block, where setting libcrypto up costs more than the work, and for
 * when libcrypto refuses. */
#include "souk/crypto/cipher.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

#include "chacha20_engine.h"
#include "souk/base/check.h"

#define BLOCK_SIZE 64

static uint32_t load_le32(const uint8_t *p)
{
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void store_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

/* A row of the state of RFC 8439, 2.3: four quarter rounds run side by side. */
typedef uint32_t row __attribute__((vector_size(16)));

static inline row rotate_left(row x, int n)
{
	return x << n | x >> (32 - n);
}

/* Row X with column N first. */
#define TURN(x, n) __builtin_shufflevector(x, x, (n), ((n) + 1) & 3, ((n) + 2) & 3, ((n) + 3) & 3)

static inline void quarter_rounds(row s[4])
{
	s[0] += s[1];
	s[3] = rotate_left(s[3] ^ s[0], 16);
	s[2] += s[3];
	s[1] = rotate_left(s[1] ^ s[2], 12);
	s[0] += s[1];
	s[3] = rotate_left(s[3] ^ s[0], 8);
	s[2] += s[3];
	s[1] = rotate_left(s[1] ^ s[2], 7);
}

/* Ten times the columns, then the diagonals. */
static void keystream_block(uint8_t out[BLOCK_SIZE], const row state[4])
{
	row s[4] = {state[0], state[1], state[2], state[3]};
	for (int i = 0; i < 10; i++) {
		quarter_rounds(s);
		s[1] = TURN(s[1], 1);
		s[2] = TURN(s[2], 2);
		s[3] = TURN(s[3], 3);
		quarter_rounds(s);
		s[1] = TURN(s[1], 3);
		s[2] = TURN(s[2], 2);
		s[3] = TURN(s[3], 1);
	}
	for (int i = 0; i < 4; i++) {
		s[i] += state[i];
		for (int k = 0; k < 4; k++)
			store_le32(out + 16 * i + 4 * k, s[i][k]);
	}
}

static row load_row(const uint8_t *p)
{
	return (row){load_le32(p), load_le32(p + 4), load_le32(p + 8), load_le32(p + 12)};
}

static void xor_plainly(
	uint8_t *out, const uint8_t *in, size_t size, const uint8_t key[32], const uint8_t iv[16])
{
	row state[4] = {{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574}, load_row(key),
		load_row(key + 16), load_row(iv)};
	uint8_t keystream[BLOCK_SIZE];
	for (size_t at = 0; at < size; at += BLOCK_SIZE) {
		size_t n = size - at < BLOCK_SIZE ? size - at : BLOCK_SIZE;
		keystream_block(keystream, state);
		for (size_t i = 0; i < n; i++)
			out[at + i] = in[at + i] ^ keystream[i];
		state[3][0]++;
	}
	souk_bytes_wipe(keystream, sizeof keystream);
	souk_bytes_wipe(state, sizeof state);
}

/* False where libcrypto cannot do it; then nothing was written. */
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

/* How many bytes from the start on were done. */
static size_t xor_wide(
	uint8_t *out, const uint8_t *in, size_t size, const uint8_t key[32], const uint8_t iv[16])
{
	size_t done = 0;
#ifdef __x86_64__
	if (size < CHACHA20_WIDE || !chacha20_avx512_is_supported())
		return 0;
	uint32_t words[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
	for (int i = 0; i < 8; i++)
		words[4 + i] = load_le32(key + 4 * i);
	for (int i = 0; i < 4; i++)
		words[12 + i] = load_le32(iv + 4 * i);
	done = chacha20_avx512_xor(out, in, size, words);
	souk_bytes_wipe(words, sizeof words);
#endif
	return done;
}

void souk_chacha20_xor(uint8_t *out, const uint8_t *in, size_t size, const uint8_t key[32],
	const uint8_t nonce[12], uint32_t counter)
{
	uint8_t iv[16]; /* the last row of the state: counter, nonce */
	/* Past the last counter the keystream would repeat, or the nonce change. */
	SOUK_CHECK(counter + (uint64_t)(size / BLOCK_SIZE) + (size % BLOCK_SIZE != 0) <=
		   UINT64_C(1) << 32);
	store_le32(iv, counter);
	memcpy(iv + 4, nonce, 12);
	size_t done = xor_wide(out, in, size, key, iv);
	if (done == size)
		return;
	store_le32(iv, counter + (uint32_t)(done / BLOCK_SIZE));
	out += done;
	in += done;
	size -= done;
	if (size <= BLOCK_SIZE || !xor_by_libcrypto(out, in, size, key, iv))
		xor_plainly(out, in, size, key, iv);
}
