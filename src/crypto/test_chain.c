/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/crypto/chain.h"
#include "souk/crypto/sha256.h"

#define LENGTH_MAX 600

static const uint32_t lengths[] = {1, 2, 255, 256, 257, 511, 512, 513, 600};

/* A chain beside all its values, computed by the definition. */
struct fixture {
	struct souk_chain chain;
	struct souk_hash values[LENGTH_MAX + 1];
};

static struct souk_hash naive_step(const uint8_t tag[3], const struct souk_nonce *nonce, uint32_t i,
	const struct souk_hash *value)
{
	uint8_t message[55];
	memcpy(message, tag, 3);
	memcpy(message + 3, nonce->bytes, 16);
	souk_store_be32(message + 19, i);
	memcpy(message + 23, value->bytes, 32);
	return souk_sha256_of(message, sizeof message);
}

static void fixture_init(struct fixture *f, uint32_t length)
{
	struct souk_rng rng;
	struct souk_nonce nonce;
	souk_rng_init(&rng, length);
	souk_rng_fill(&rng, nonce.bytes, sizeof nonce.bytes);
	souk_rng_fill(&rng, f->values[length].bytes, SOUK_HASH_SIZE);
	for (uint32_t i = length; i > 0; i--)
		f->values[i - 1] = naive_step(souk_chain_tag_ticket, &nonce, i, &f->values[i]);
	souk_chain_init(&f->chain, souk_chain_tag_ticket, &nonce, length, &f->values[length]);
}

static void assert_value(struct fixture *f, uint32_t j)
{
	struct souk_hash value = souk_chain_value(&f->chain, j);
	assert_memory_equal(&value, &f->values[j], sizeof value);
}

static void test_values_match_the_definition(void **state)
{
	static struct fixture f;
	struct souk_rng rng;
	(void)state;
	for (size_t k = 0; k < SOUK_COUNT_OF(lengths); k++) {
		fixture_init(&f, lengths[k]);
		assert_memory_equal(&f.chain.anchor, &f.values[0], sizeof f.values[0]);
		for (uint32_t j = 0; j <= lengths[k]; j++)
			assert_value(&f, j);
		for (uint32_t j = lengths[k] + 1; j-- > 0;)
			assert_value(&f, j);
		souk_rng_init(&rng, k);
		for (int i = 0; i < 200; i++)
			assert_value(&f, (uint32_t)souk_rng_below(&rng, lengths[k] + 1));
	}
}

/* Chains side by side are those that go alone, however many, and so is what is stated of them. */
static void test_lanes(void **state)
{
	enum { MANY = 19 };
	static struct souk_chain chains[MANY];
	static struct souk_hash leaves[MANY][SOUK_CHAIN_CHECKPOINT_MAX];
	struct souk_hash secrets[MANY], values[MANY], roots[MANY], *into[MANY];
	struct souk_nonce nonces[MANY];
	struct souk_rng rng;
	(void)state;
	souk_rng_init(&rng, 77);
	souk_rng_fill(&rng, secrets, sizeof secrets);
	souk_rng_fill(&rng, nonces, sizeof nonces);
	for (size_t k = 0; k < MANY; k++)
		into[k] = leaves[k];
	for (size_t l = 0; l < SOUK_COUNT_OF(lengths); l++) {
		uint32_t length = lengths[l], checkpoints = souk_chain_checkpoint_count(length);
		for (size_t count = 0; count <= MANY; count++) {
			memcpy(values, secrets, sizeof values);
			souk_chain_walk_lanes(
				souk_chain_tag_key, nonces, length, length / 2, values, count);
			for (size_t k = 0; k < count; k++) {
				struct souk_hash alone = souk_chain_walk(souk_chain_tag_key,
					&nonces[k], length, &secrets[k], length / 2);
				assert_memory_equal(&values[k], &alone, sizeof alone);
			}
			/* The others are untouched. */
			assert_memory_equal(
				values + count, secrets + count, (MANY - count) * sizeof *values);
		}
		memcpy(values, secrets, sizeof values);
		souk_chain_commit_lanes(
			souk_chain_tag_key, nonces, length, values, into, roots, MANY);
		for (size_t k = 0; k < MANY; k++) {
			struct souk_hash alone[SOUK_CHAIN_CHECKPOINT_MAX];
			souk_chain_init(
				&chains[k], souk_chain_tag_key, &nonces[k], length, &secrets[k]);
			assert_memory_equal(&values[k], &chains[k].anchor, sizeof *values);
			assert_memory_equal(&roots[k], &chains[k].checkpoint_root, sizeof *roots);
			assert_int_equal(
				souk_chain_checkpoint_leaves(&chains[k], alone), checkpoints);
			assert_memory_equal(leaves[k], alone, checkpoints * sizeof *alone);
		}
	}
}

static void test_walk_and_step(void **state)
{
	static struct fixture f;
	(void)state;
	fixture_init(&f, LENGTH_MAX);
	for (uint32_t i = 1; i <= LENGTH_MAX; i += 37)
		for (uint32_t from = 0; from <= i; from += 41) {
			struct souk_hash value = souk_chain_walk(
				souk_chain_tag_ticket, &f.chain.nonce, i, &f.values[i], from);
			assert_memory_equal(&value, &f.values[from], sizeof value);
		}
	struct souk_hash ticket =
		souk_chain_step(souk_chain_tag_ticket, &f.chain.nonce, 9, &f.values[9]);
	struct souk_hash key = souk_chain_step(souk_chain_tag_key, &f.chain.nonce, 9, &f.values[9]);
	assert_memory_equal(&ticket, &f.values[8], sizeof ticket);
	assert_memory_not_equal(&ticket, &key, sizeof ticket);
}

static void test_checkpoints(void **state)
{
	static struct fixture f;
	struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	(void)state;
	for (size_t k = 0; k < SOUK_COUNT_OF(lengths); k++) {
		fixture_init(&f, lengths[k]);
		uint32_t count = souk_chain_checkpoint_leaves(&f.chain, leaves);
		assert_int_equal(count, lengths[k] / 256);
		assert_int_equal(count, souk_chain_checkpoint_count(lengths[k]));
		for (uint32_t i = 0; i < count; i++) {
			struct souk_hash leaf = souk_merkle_leaf(
				souk_bytes_of(f.values[256 * (i + 1)].bytes, SOUK_HASH_SIZE));
			assert_memory_equal(&leaves[i], &leaf, sizeof leaf);
		}
		struct souk_hash root = souk_merkle_root(leaves, count);
		assert_memory_equal(&f.chain.checkpoint_root, &root, sizeof root);
		assert_int_equal(souk_hash_is_zero(&root), lengths[k] < 256);
	}
}

/* The path of the checkpoint that a claim of J starts from. */
static struct souk_merkle_path path_for(const struct souk_chain *chain, uint32_t j)
{
	struct souk_hash leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	struct souk_merkle_path path = {0};
	uint32_t count = souk_chain_checkpoint_leaves(chain, leaves);
	if (j >= SOUK_CHAIN_SEGMENT)
		assert_int_equal(souk_merkle_prove(&path, leaves, count, j / 256 - 1), SOUK_OK);
	return path;
}

static souk_status verify(const struct souk_chain *chain, uint32_t j, const struct souk_hash *value,
	const struct souk_merkle_path *path)
{
	return souk_chain_verify(chain->tag, &chain->nonce, chain->length, &chain->anchor,
		&chain->checkpoint_root, j, value, path);
}

static void check_corruptions(
	const struct fixture *f, uint32_t j, const struct souk_merkle_path *path)
{
	struct souk_chain other = f->chain;
	struct souk_hash bad = f->values[j];
	struct souk_merkle_path bad_path = *path;
	bad.bytes[j % 32] ^= 4;
	assert_int_equal(verify(&f->chain, j, &bad, path), SOUK_PEER_BAD_CHECKPOINT);
	if (j % 256 != 0) {
		other.nonce.bytes[j % 16] ^= 1;
		assert_int_equal(verify(&other, j, &f->values[j], path), SOUK_PEER_BAD_CHECKPOINT);
	}
	other = f->chain;
	(j < 256 ? &other.anchor : &other.checkpoint_root)->bytes[0] ^= 1;
	assert_int_equal(verify(&other, j, &f->values[j], path), SOUK_PEER_BAD_CHECKPOINT);
	if (j < 256)
		return;
	bad_path.depth++;
	assert_int_equal(verify(&f->chain, j, &f->values[j], &bad_path), SOUK_PEER_BAD_CHECKPOINT);
	bad_path = *path;
	bad_path.siblings[0].bytes[5] ^= 1;
	if (path->depth > 0)
		assert_int_equal(
			verify(&f->chain, j, &f->values[j], &bad_path), SOUK_PEER_BAD_CHECKPOINT);
}

static void test_verify_every_value(void **state)
{
	static const uint32_t verified[] = {1, 255, 256, 257, 600};
	static struct fixture f;
	(void)state;
	for (size_t k = 0; k < SOUK_COUNT_OF(verified); k++) {
		fixture_init(&f, verified[k]);
		for (uint32_t j = 0; j <= verified[k]; j++) {
			struct souk_merkle_path path = path_for(&f.chain, j);
			assert_int_equal(verify(&f.chain, j, &f.values[j], &path), SOUK_OK);
			check_corruptions(&f, j, &path);
			if (j > 0) /* the value before, claimed as this one */
				assert_int_equal(verify(&f.chain, j, &f.values[j - 1], &path),
					SOUK_PEER_BAD_CHECKPOINT);
		}
		/* No claim past the end, whatever lies there. */
		struct souk_merkle_path path = path_for(&f.chain, verified[k]);
		assert_int_equal(verify(&f.chain, verified[k] + 1, &f.values[verified[k]], &path),
			SOUK_PEER_BAD_CHECKPOINT);
		assert_int_equal(verify(&f.chain, UINT32_MAX, &f.values[0], &path),
			SOUK_PEER_BAD_CHECKPOINT);
	}
	f.chain.length = UINT32_MAX;
	struct souk_merkle_path none = {0};
	assert_int_equal(verify(&f.chain, 0, &f.chain.anchor, &none), SOUK_PEER_BAD_CHECKPOINT);
}

/* Who made a longer chain than was agreed cannot claim past the agreed end. */
static void test_no_claim_past_the_agreed_length(void **state)
{
	static const uint32_t agreed[] = {1, 9, 254, 255, 256, 599};
	static struct fixture f;
	(void)state;
	for (size_t k = 0; k < SOUK_COUNT_OF(agreed); k++) {
		fixture_init(&f, agreed[k] + 1);
		struct souk_merkle_path path = path_for(&f.chain, agreed[k] + 1);
		assert_int_equal(
			verify(&f.chain, agreed[k] + 1, &f.values[agreed[k] + 1], &path), SOUK_OK);
		f.chain.length = agreed[k];
		assert_int_equal(verify(&f.chain, agreed[k] + 1, &f.values[agreed[k] + 1], &path),
			SOUK_PEER_BAD_CHECKPOINT);
	}
}

static void test_longest_chain(void **state)
{
	static struct souk_chain chain;
	struct souk_nonce nonce = {{1}};
	struct souk_hash secret = {{2}};
	static const uint32_t claims[] = {1, 255, 256, 65279, 65280, 65535, 65536};
	(void)state;
	souk_chain_init(&chain, souk_chain_tag_key, &nonce, SOUK_CHAIN_LENGTH_MAX, &secret);
	for (size_t i = 0; i < SOUK_COUNT_OF(claims); i++) {
		struct souk_merkle_path path = path_for(&chain, claims[i]);
		struct souk_hash value = souk_chain_value(&chain, claims[i]);
		assert_int_equal(verify(&chain, claims[i], &value, &path), SOUK_OK);
	}
	struct souk_hash anchor =
		souk_chain_walk(souk_chain_tag_key, &nonce, SOUK_CHAIN_LENGTH_MAX, &secret, 0);
	assert_memory_equal(&chain.anchor, &anchor, sizeof anchor);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_match_the_definition),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_walk_and_step),
		cmocka_unit_test(test_checkpoints),
		cmocka_unit_test(test_verify_every_value),
		cmocka_unit_test(test_no_claim_past_the_agreed_length),
		cmocka_unit_test(test_longest_chain),
	};
	return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
