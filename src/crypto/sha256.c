/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/sha256.h"

#include <string.h>

#include <openssl/sha.h>

#include "sha256_engine.h"
#include "souk/base/check.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct souk_sha256), "room for libcrypto's state");
_Static_assert(_Alignof(SHA256_CTX) <= _Alignof(struct souk_sha256), "alignment of that state");

static void load_state(SHA256_CTX *ctx, const struct souk_hash *state)
{
	SHA256_Init(ctx);
	for (int i = 0; i < 8; i++)
		ctx->h[i] = souk_load_be32(state->bytes + 4 * i);
}

/* libcrypto's compression alone: its state goes in and out, its padding is never reached. */
static void compress(struct souk_hash *state, const uint8_t *blocks, size_t count)
{
	SHA256_CTX ctx;
	if (count == 0)
		return;
	load_state(&ctx, state);
	SHA256_Update(&ctx, blocks, 64 * count);
	for (int i = 0; i < 8; i++)
		souk_store_be32(state->bytes + 4 * i, ctx.h[i]);
}

static void compress_lanes(struct souk_hash states[SHA256_LANES],
	const uint8_t *const blocks[SHA256_LANES], size_t count)
{
	for (int lane = 0; lane < SHA256_LANES; lane++)
		compress(&states[lane], blocks[lane], count);
}

static const struct sha256_engine engine_libcrypto = {
	.name = "libcrypto",
	.compress = compress,
	.compress_lanes = compress_lanes,
};

/* Process-wide, and set only before main: which engine this processor can run. Any value it can
 * hold gives the same hashes, so a caller earlier than the constructor is merely slower. */
static const struct sha256_engine *engine = &engine_libcrypto;

__attribute__((constructor)) static void choose_engine(void)
{
	if (!souk_sha256_engine_use("avx512"))
		(void)souk_sha256_engine_use("sha-ni");
}

const char *souk_sha256_engine(void)
{
	return engine->name;
}

bool souk_sha256_engine_use(const char *name)
{
#ifdef __x86_64__
	if (strcmp(name, sha256_engine_ni.name) == 0 && sha256_engine_ni_is_supported()) {
		engine = &sha256_engine_ni;
		return true;
	}
	if (strcmp(name, sha256_engine_avx512.name) == 0 && sha256_engine_avx512_is_supported()) {
		engine = &sha256_engine_avx512;
		return true;
	}
#endif
	if (strcmp(name, engine_libcrypto.name) != 0)
		return false;
	engine = &engine_libcrypto;
	return true;
}

/* libcrypto's one-shot interface allocates; this older one does not and runs the same assembly. */
void souk_sha256_init(struct souk_sha256 *sha)
{
	SHA256_Init((SHA256_CTX *)sha);
}

void souk_sha256_update(struct souk_sha256 *sha, const void *data, size_t size)
{
	if (size != 0)
		SHA256_Update((SHA256_CTX *)sha, data, size);
}

void souk_sha256_final(struct souk_sha256 *sha, struct souk_hash *ret)
{
	SHA256_Final(ret->bytes, (SHA256_CTX *)sha);
}

struct souk_hash souk_sha256_of(const void *data, size_t size)
{
	struct souk_sha256 sha;
	struct souk_hash hash;
	if (size <= SOUK_SHA256_ONE_BLOCK_MAX)
		return souk_sha256_one_block(data, size);
	souk_sha256_init(&sha);
	souk_sha256_update(&sha, data, size);
	souk_sha256_final(&sha, &hash);
	return hash;
}

/* FIPS 180-4, 5.3.3. */
static const struct souk_hash initial_state = {{0x6a, 0x09, 0xe6, 0x67, 0xbb, 0x67, 0xae, 0x85,
	0x3c, 0x6e, 0xf3, 0x72, 0xa5, 0x4f, 0xf5, 0x3a, 0x51, 0x0e, 0x52, 0x7f, 0x9b, 0x05, 0x68,
	0x8c, 0x1f, 0x83, 0xd9, 0xab, 0x5b, 0xe0, 0xcd, 0x19}};

struct souk_hash souk_sha256_one_block(const void *data, size_t size)
{
	uint8_t block[64] = {0};
	SOUK_CHECK(size <= SOUK_SHA256_ONE_BLOCK_MAX);
	if (size != 0)
		memcpy(block, data, size);
	block[size] = 0x80;
	souk_store_be16(block + 62, (uint16_t)(size * 8));
	struct souk_hash hash = initial_state;
	engine->compress(&hash, block, 1);
	return hash;
}

/* Fewer messages than lanes: from so many on, idle lanes cost less than going by fewer. */
#define LANES_WORTH 3
#define WIDE_WORTH  8

/* How many of COUNT messages go together next: up to 16, up to 4, or one. */
static size_t group_of(size_t count)
{
	if (engine->compress_wide != NULL && count >= WIDE_WORTH)
		return count < SHA256_WIDE ? count : SHA256_WIDE;
	if (count >= LANES_WORTH)
		return count < SHA256_LANES ? count : SHA256_LANES;
	return 1;
}

/* Absorb BLOCKS blocks of each of COUNT messages, a group. Idle lanes repeat the first. */
static void absorb(
	struct souk_hash *states, const uint8_t *const *messages, size_t count, size_t blocks)
{
	struct souk_hash all[SHA256_WIDE];
	const uint8_t *lanes[SHA256_WIDE];
	size_t width = count > SHA256_LANES ? SHA256_WIDE : SHA256_LANES;
	if (count == 1) {
		engine->compress(states, messages[0], blocks);
		return;
	}
	for (size_t lane = 0; lane < width; lane++) {
		all[lane] = states[lane < count ? lane : 0];
		lanes[lane] = messages[lane < count ? lane : 0];
	}
	if (width == SHA256_WIDE)
		engine->compress_wide(all, lanes, blocks);
	else
		engine->compress_lanes(all, lanes, blocks);
	memcpy(states, all, count * sizeof *all);
}

void souk_sha256_blocks(struct souk_hash *ret, const uint8_t (*blocks)[64], size_t count)
{
	for (size_t i = 0, n; i < count; i += n) {
		const uint8_t *lanes[SHA256_WIDE];
		n = group_of(count - i);
		for (size_t lane = 0; lane < n; lane++) {
			ret[i + lane] = initial_state;
			lanes[lane] = blocks[i + lane];
		}
		absorb(ret + i, lanes, n, 1);
	}
}

struct souk_hash sha256_padded(const uint8_t *blocks, size_t count)
{
	struct souk_hash state = initial_state;
	engine->compress(&state, blocks, count);
	return state;
}

size_t sha256_pad_tail(uint8_t tail[128], const uint8_t *message, size_t size, uint64_t total)
{
	size_t rest = size % 64, blocks = rest <= SOUK_SHA256_ONE_BLOCK_MAX ? 1 : 2;
	memset(tail, 0, 64 * blocks);
	if (rest != 0)
		memcpy(tail, message + (size - rest), rest);
	tail[rest] = 0x80;
	souk_store_be64(tail + 64 * blocks - 8, total * 8);
	return blocks;
}

/* The end of COUNT messages, a group, of which SIZE bytes are still to be absorbed, and TOTAL all.
 */
static void absorb_ends(struct souk_hash *states, const uint8_t *const *messages, size_t count,
	size_t size, uint64_t total)
{
	uint8_t tails[SHA256_WIDE][128];
	const uint8_t *lanes[SHA256_WIDE];
	size_t blocks = 0;
	absorb(states, messages, count, size / 64);
	for (size_t lane = 0; lane < count; lane++) {
		blocks = sha256_pad_tail(tails[lane], messages[lane], size, total);
		lanes[lane] = tails[lane];
	}
	absorb(states, lanes, count, blocks);
}

void souk_sha256_lanes(
	struct souk_hash *ret, const uint8_t *const *messages, size_t size, size_t count)
{
	for (size_t i = 0, n; i < count; i += n) {
		n = group_of(count - i);
		for (size_t lane = 0; lane < n; lane++)
			ret[i + lane] = initial_state;
		absorb_ends(ret + i, messages + i, n, size, size);
	}
}

void souk_sha256_lanes_after(
	struct souk_hash *hashes, const uint8_t *const *messages, size_t size, size_t count)
{
	SOUK_CHECK(size >= 64 - SOUK_HASH_SIZE);
	for (size_t i = 0, n; i < count; i += n) {
		uint8_t heads[SHA256_WIDE][64];
		const uint8_t *lanes[SHA256_WIDE], *rest[SHA256_WIDE];
		n = group_of(count - i);
		for (size_t lane = 0; lane < n; lane++) {
			const uint8_t *message = messages[i + lane];
			memcpy(heads[lane], hashes[i + lane].bytes, SOUK_HASH_SIZE);
			memcpy(heads[lane] + SOUK_HASH_SIZE, message, 64 - SOUK_HASH_SIZE);
			lanes[lane] = heads[lane];
			rest[lane] = message + 64 - SOUK_HASH_SIZE;
			hashes[i + lane] = initial_state;
		}
		absorb(hashes + i, lanes, n, 1);
		absorb_ends(
			hashes + i, rest, n, size - (64 - SOUK_HASH_SIZE), size + SOUK_HASH_SIZE);
	}
}

struct souk_hash souk_sha256_domain(const char *domain, struct souk_bytes message)
{
	struct souk_sha256 sha;
	struct souk_hash hash;
	souk_sha256_init(&sha);
	souk_sha256_update(&sha, "souk/", 5);
	souk_sha256_update(&sha, domain, strlen(domain) + 1);
	souk_sha256_update(&sha, message.data, message.size);
	souk_sha256_final(&sha, &hash);
	return hash;
}
