/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes of a peer or a user against: hexadecimal, amounts, paths of both trees,
 * chain claims, signatures. The first byte chooses. */
#include <stdint.h>
#include <string.h>

#include "souk/base/amount.h"
#include "souk/base/check.h"
#include "souk/crypto/chain.h"
#include "souk/crypto/ecdsa.h"
#include "souk/crypto/sum_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LEAVES	     11
#define NODES	     16
#define TEXT_MAX     128
#define CHAIN_LENGTH 600

/* What is left of the input; zeros once it is used up. */
struct input {
	const uint8_t *data;
	size_t size;
};

static void take(struct input *in, void *out, size_t size)
{
	size_t n = in->size < size ? in->size : size;
	memset(out, 0, size);
	if (n != 0)
		memcpy(out, in->data, n);
	in->data += n;
	in->size -= n;
}

static uint32_t take_u32(struct input *in)
{
	uint8_t bytes[4];
	take(in, bytes, sizeof bytes);
	return souk_load_be32(bytes);
}

/* What parses is what its canonical text parses to again. */
static void check_amount(struct input *in)
{
	char text[TEXT_MAX + 1] = {0}, again[SOUK_AMOUNT_TEXT_SIZE];
	struct souk_amount amount = {77}, parsed;
	take(in, text, TEXT_MAX);
	if (souk_amount_parse(&amount, text) != SOUK_OK) {
		SOUK_CHECK(amount.ncoin == 77);
		return;
	}
	souk_amount_format(again, amount);
	SOUK_CHECK(souk_amount_parse(&parsed, again) == SOUK_OK);
	SOUK_CHECK(parsed.ncoin == amount.ncoin);
}

static void check_hex(struct input *in)
{
	char text[TEXT_MAX + 1] = {0}, again[TEXT_MAX + 1];
	uint8_t bytes[TEXT_MAX / 2], decoded[TEXT_MAX / 2];
	take(in, text, TEXT_MAX);
	size_t size = strlen(text) / 2;
	if (souk_hex_decode(bytes, size, text) != SOUK_OK)
		return;
	souk_hex_encode(again, bytes, size);
	SOUK_CHECK(strlen(text) == 2 * size);
	SOUK_CHECK(souk_hex_decode(decoded, size, again) == SOUK_OK);
	SOUK_CHECK(memcmp(bytes, decoded, size) == 0);
}

/* The input is xored onto an honest path: only the unchanged one may verify. */
static void xor_onto(struct input *in, void *target, size_t size, bool *changed)
{
	uint8_t *p = target;
	for (size_t i = 0; i < size && in->size > 0; i++, in->data++, in->size--) {
		p[i] ^= *in->data;
		*changed |= *in->data != 0;
	}
}

static void check_merkle(struct input *in)
{
	struct souk_hash leaves[LEAVES], scratch[LEAVES];
	struct souk_merkle_path path;
	bool changed = false;
	for (uint8_t i = 0; i < LEAVES; i++)
		leaves[i] = souk_merkle_leaf(souk_bytes_of(&i, 1));
	memcpy(scratch, leaves, sizeof scratch);
	struct souk_hash root = souk_merkle_root(scratch, LEAVES);
	uint32_t index = take_u32(in) % LEAVES, claimed = take_u32(in);
	memcpy(scratch, leaves, sizeof scratch);
	SOUK_CHECK(souk_merkle_prove(&path, scratch, LEAVES, index) == SOUK_OK);
	uint32_t depth = path.depth;
	xor_onto(in, &path.depth, sizeof path.depth, &changed);
	xor_onto(in, path.siblings, depth * sizeof path.siblings[0], &changed);
	souk_status status = souk_merkle_verify(&root, &leaves[index], claimed, LEAVES, &path);
	SOUK_CHECK((status == SOUK_OK) == (claimed == index && !changed));
}

static void check_sum(struct input *in)
{
	struct souk_sum_node leaves[LEAVES], scratch[NODES], root;
	struct souk_sum_path path;
	struct souk_amount start = {77};
	bool changed = false;
	for (uint8_t i = 0; i < LEAVES; i++)
		leaves[i] = souk_sum_leaf(souk_bytes_of(&i, 1), souk_amount_of_ncoin(10));
	memcpy(scratch, leaves, sizeof leaves);
	SOUK_CHECK(souk_sum_root(&root, scratch, LEAVES) == SOUK_OK);
	uint32_t index = take_u32(in) % LEAVES, claimed = take_u32(in);
	memcpy(scratch, leaves, sizeof leaves);
	SOUK_CHECK(souk_sum_prove(&path, scratch, LEAVES, index) == SOUK_OK);
	uint32_t depth = path.depth;
	xor_onto(in, &path.depth, sizeof path.depth, &changed);
	xor_onto(in, path.siblings, depth * sizeof path.siblings[0], &changed);
	souk_status status = souk_sum_verify(&start, &root, &leaves[index], claimed, &path);
	SOUK_CHECK((status == SOUK_OK) == (claimed == index && !changed));
	SOUK_CHECK(start.ncoin == (status == SOUK_OK ? 10 * index : 77));
}

static void check_chain(struct input *in)
{
	static struct souk_chain chain;
	struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX], secret = {{1}};
	struct souk_nonce nonce = {{2}};
	struct souk_merkle_path path = {0};
	bool changed = false;
	if (chain.length == 0)
		souk_chain_init(&chain, souk_chain_tag_key, &nonce, CHAIN_LENGTH, &secret);
	uint32_t j = take_u32(in) % (CHAIN_LENGTH + 1), claimed = take_u32(in);
	uint32_t count = souk_chain_checkpoint_leaves(&chain, leaves);
	struct souk_hash value = souk_chain_value(&chain, j);
	if (j >= SOUK_CHAIN_SEGMENT)
		SOUK_CHECK(souk_merkle_prove(&path, leaves, count, j / SOUK_CHAIN_SEGMENT - 1) ==
			   SOUK_OK);
	xor_onto(in, value.bytes, sizeof value.bytes, &changed);
	souk_status status = souk_chain_verify(chain.tag, &chain.nonce, chain.length, &chain.anchor,
		&chain.checkpoint_root, claimed, &value, &path);
	SOUK_CHECK((status == SOUK_OK) == (claimed == j && !changed));
}

static void check_signature(struct input *in)
{
	struct souk_hash digest;
	struct souk_signature signature;
	struct souk_pubkey pubkey;
	struct souk_address address;
	take(in, digest.bytes, sizeof digest.bytes);
	take(in, signature.bytes, sizeof signature.bytes);
	take(in, pubkey.bytes, sizeof pubkey.bytes);
	if (souk_ecdsa_recover(&address, &digest, &signature) == SOUK_OK)
		SOUK_CHECK(souk_ecdsa_verify(&address, &digest, &signature) == SOUK_OK);
	if (souk_address_of_pubkey(&address, &pubkey) == SOUK_OK)
		SOUK_CHECK(pubkey.bytes[0] == 2 || pubkey.bytes[0] == 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const checks[])(struct input *) = {
		check_amount, check_hex, check_merkle, check_sum, check_chain, check_signature};
	struct input in = {.data = data, .size = size};
	if (size == 0)
		return 0;
	uint8_t which;
	take(&in, &which, 1);
	checks[which % SOUK_COUNT_OF(checks)](&in);
	return 0;
}
