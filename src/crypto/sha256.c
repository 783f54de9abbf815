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

/* Fewer messages than lanes: from three on, an idle lane costs less than going one by one. */
#define LANES_WORTH 3

void souk_sha256_blocks(struct souk_hash *ret, const uint8_t (*blocks)[64], size_t count)
{
	size_t i = 0;
	while (count - i >= LANES_WORTH) {
		size_t n = count - i < SHA256_LANES ? count - i : SHA256_LANES;
		struct souk_hash states[SHA256_LANES];
		const uint8_t *lanes[SHA256_LANES];
		for (size_t lane = 0; lane < SHA256_LANES; lane++) {
			states[lane] = initial_state;
			lanes[lane] = blocks[i + (lane < n ? lane : 0)];
		}
		engine->compress_lanes(states, lanes, 1);
		memcpy(ret + i, states, n * sizeof *ret);
		i += n;
	}
	for (; i < count; i++) {
		ret[i] = initial_state;
		engine->compress(&ret[i], blocks[i], 1);
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

static void hash_lanes(struct souk_hash states[SHA256_LANES],
	const uint8_t *const messages[SHA256_LANES], size_t size)
{
	uint8_t tails[SHA256_LANES][128];
	const uint8_t *tail_lanes[SHA256_LANES];
	size_t tail_blocks = 0;
	engine->compress_lanes(states, messages, size / 64);
	for (int lane = 0; lane < SHA256_LANES; lane++) {
		tail_blocks = sha256_pad_tail(tails[lane], messages[lane], size, size);
		tail_lanes[lane] = tails[lane];
	}
	engine->compress_lanes(states, tail_lanes, tail_blocks);
}

static struct souk_hash hash_alone(const uint8_t *message, size_t size)
{
	uint8_t tail[128];
	struct souk_hash state = initial_state;
	engine->compress(&state, message, size / 64);
	engine->compress(&state, tail, sha256_pad_tail(tail, message, size, size));
	return state;
}

void souk_sha256_lanes(
	struct souk_hash *ret, const uint8_t *const *messages, size_t size, size_t count)
{
	size_t i = 0;
	while (count - i >= LANES_WORTH) {
		size_t n = count - i < SHA256_LANES ? count - i : SHA256_LANES;
		struct souk_hash states[SHA256_LANES];
		const uint8_t *lanes[SHA256_LANES];
		for (size_t lane = 0; lane < SHA256_LANES; lane++) {
			states[lane] = initial_state;
			lanes[lane] = messages[i + (lane < n ? lane : 0)];
		}
		hash_lanes(states, lanes, size);
		memcpy(ret + i, states, n * sizeof *ret);
		i += n;
	}
	for (; i < count; i++)
		ret[i] = hash_alone(messages[i], size);
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
