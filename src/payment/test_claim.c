/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

static size_t compressions;
void __real_souk_sha256_blocks(struct souk_hash *ret, const uint8_t (*blocks)[64], size_t count);
void __wrap_souk_sha256_blocks(struct souk_hash *ret, const uint8_t (*blocks)[64], size_t count);
void __wrap_souk_sha256_blocks(struct souk_hash *ret, const uint8_t (*blocks)[64], size_t count)
{
	compressions += count;
	__real_souk_sha256_blocks(ret, blocks, count);
}

static struct fixture fixture;
static struct fixture_sale sales[5];
static const struct souk_amount untouched = {0xdead};

/* The second of five strips of one batch, on leaf 2 of 5, is the one under test. */
static struct fixture_sale *open_sale(uint32_t count)
{
	struct fixture_sale *batch[5];
	fixture_init(&fixture, 31, 5, 100000000, 5000);
	for (size_t i = 0; i < 5; i++) {
		batch[i] = &sales[i];
		fixture_sale_reserve(&fixture, batch[i], 2, i == 1 ? count : 10, 100);
	}
	fixture_sign(&fixture, batch, 5);
	return &sales[1];
}

static souk_status verify(const struct souk_claim *claim)
{
	struct souk_amount lo = untouched, hi = untouched;
	souk_status status = souk_claim_verify(&lo, &hi, claim, &fixture.record);
	if (status != SOUK_OK) {
		assert_int_equal(lo.ncoin, untouched.ncoin);
		assert_int_equal(hi.ncoin, untouched.ncoin);
	}
	return status;
}

static size_t encode(uint8_t *out, const struct souk_claim *claim)
{
	struct souk_writer writer;
	struct souk_bytes bytes;
	souk_writer_init(&writer, out, SOUK_CLAIM_SIZE_MAX);
	souk_claim_encode(&writer, claim);
	assert_int_equal(souk_writer_finish(&writer, &bytes), SOUK_OK);
	return bytes.size;
}

static bool is_accepted(const uint8_t *bytes, size_t size)
{
	struct souk_claim claim;
	struct souk_wire_error where;
	if (souk_claim_decode(&claim, souk_bytes_of(bytes, size), &where) != SOUK_OK)
		return false;
	return verify(&claim) == SOUK_OK;
}

static void flip_every_bit(struct fixture_sale *sale, uint32_t unit)
{
	uint8_t bytes[SOUK_CLAIM_SIZE_MAX];
	struct souk_claim claim;
	fixture_claim(&claim, sale, unit);
	size_t size = encode(bytes, &claim);
	assert_true(is_accepted(bytes, size));
	for (size_t bit = 0; bit < 8 * size; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (is_accepted(bytes, size))
			fail_msg("unit %u: bit %zu of byte %zu is not bound", unit, bit % 8,
				bit / 8);
		bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(is_accepted(bytes, size));
}

/* Long strip, short strips, and strips alone in their batch and allotment: each has its own shape.
 */
static void every_bit_is_bound(void **state)
{
	(void)state;
	static const uint32_t units[] = {1, 255, 256, 257, 511, 512, 777};
	struct fixture_sale *sale = open_sale(777);
	for (size_t i = 0; i < SOUK_COUNT_OF(units); i++)
		flip_every_bit(sale, units[i]);
	flip_every_bit(open_sale(200), 200);
	flip_every_bit(open_sale(256), 256);
	flip_every_bit(open_sale(256), 1);
	for (size_t leaves = 1; leaves <= 2; leaves++) {
		fixture_init(&fixture, 32, leaves, 1000000, 0);
		fixture_sale_open(&fixture, &sales[0], 0, 1, 1);
		flip_every_bit(&sales[0], 1);
	}
}

/* The batch's size is bound for every strip, although a path often fits several sizes. */
static void batch_size_is_bound(void **state)
{
	(void)state;
	struct fixture_sale *batch[5];
	struct souk_claim claim;
	for (size_t size = 1; size <= 5; size++) {
		fixture_init(&fixture, 33, 1, 1000000, 0);
		for (size_t i = 0; i < size; i++) {
			batch[i] = &sales[i];
			fixture_sale_reserve(&fixture, batch[i], 0, 10, 100);
		}
		fixture_sign(&fixture, batch, size);
		for (size_t i = 0; i < size; i++)
			for (uint32_t count = 0; count <= 300; count++) {
				fixture_claim(&claim, batch[i], 4);
				claim.batch_count = count;
				assert_int_equal(verify(&claim) == SOUK_OK, count == size);
			}
	}
}

/* lo = base + start, hi = lo + unit * price, for every unit of a strip; at most 510 steps. */
static void every_unit_has_its_interval(void **state)
{
	(void)state;
	struct fixture_sale *sale = open_sale(1000);
	struct souk_claim claim;
	struct souk_amount lo, hi;
	for (uint32_t unit = 1; unit <= 1000; unit++) {
		fixture_claim(&claim, sale, unit);
		compressions = 0;
		assert_int_equal(souk_claim_verify(&lo, &hi, &claim, &fixture.record), SOUK_OK);
		assert_int_equal(compressions, 2 * (unit % 256));
		assert_int_equal(lo.ncoin, 5000 + 2 * 100000000 + 10 * 100);
		assert_int_equal(hi.ncoin, lo.ncoin + unit * 100);
		struct souk_hash key = souk_chain_value(&sale->keys, unit);
		assert_true(souk_hash_equal(&claim.key, &key));
	}
}

static void the_longest_strip(void **state)
{
	(void)state;
	struct fixture_sale *sale = open_sale(SOUK_CHAIN_LENGTH_MAX);
	static const uint32_t units[] = {1, 255, 256, 32768, 65535, 65536};
	struct souk_claim claim;
	uint8_t bytes[SOUK_CLAIM_SIZE_MAX];
	for (size_t i = 0; i < SOUK_COUNT_OF(units); i++) {
		fixture_claim(&claim, sale, units[i]);
		assert_true(is_accepted(bytes, encode(bytes, &claim)));
		assert_int_equal(claim.value_path.count, units[i] < 256 ? 0 : 8);
		claim.unit++;
		assert_int_not_equal(verify(&claim), SOUK_OK);
	}
}

static void broken_claims_are_named(void **state)
{
	(void)state;
	struct fixture_sale *sale = open_sale(600);
	struct souk_claim bad;
#define EXPECT(at, status, ...)                                                                    \
	do {                                                                                       \
		fixture_claim(&bad, sale, at);                                                     \
		__VA_ARGS__;                                                                       \
		assert_int_equal(verify(&bad), status);                                            \
	} while (0)
	EXPECT(300, SOUK_OK, (void)0);
	EXPECT(300, SOUK_PEER_BAD_VERSION, bad.strip.version = 0);
	EXPECT(300, SOUK_PEER_BAD_PATH, bad.strip.leaf++);
	EXPECT(300, SOUK_PEER_BAD_PATH, bad.leaf_path.items[0].sum.ncoin--);
	EXPECT(300, SOUK_PEER_STRIP_RANGE, bad.strip.start.ncoin = 100000000);
	EXPECT(300, SOUK_PEER_BAD_TICKET, bad.unit = 0);
	EXPECT(300, SOUK_PEER_OVERDRAW, bad.unit = 601);
	EXPECT(300, SOUK_PEER_BAD_TICKET, bad.unit = 301);
	EXPECT(300, SOUK_PEER_BAD_TICKET, bad.value.bytes[0] ^= 1);
	EXPECT(300, SOUK_PEER_BAD_TICKET, bad.value_path.items[0].bytes[0] ^= 1);
	EXPECT(300, SOUK_PEER_BAD_TICKET, bad.value_path.count = 0);
	EXPECT(300, SOUK_PEER_BAD_KEY, bad.key.bytes[0] ^= 1);
	EXPECT(300, SOUK_PEER_BAD_KEY, memset(&bad.key, 0, sizeof bad.key));
	EXPECT(300, SOUK_PEER_BAD_KEY, bad.key = souk_chain_value(&sale->keys, 299));
	EXPECT(300, SOUK_PEER_BAD_KEY, bad.key_path.items[0].bytes[0] ^= 1);
	EXPECT(200, SOUK_PEER_BAD_TICKET, bad.value.bytes[0] ^= 1);
	EXPECT(200, SOUK_PEER_BAD_KEY, bad.key.bytes[0] ^= 1);
	EXPECT(200, SOUK_PEER_BAD_CHECKPOINT, bad.value_path.count = 1);
	EXPECT(200, SOUK_PEER_BAD_CHECKPOINT, bad.key_path.count = 1);
	EXPECT(300, SOUK_PEER_BAD_BATCH, bad.batch_path.count--);
	EXPECT(300, SOUK_PEER_BAD_BATCH, bad.batch_index = 5);
	EXPECT(300, SOUK_PEER_WRONG_SIGNER, bad.batch_index = 2);
	EXPECT(300, SOUK_PEER_WRONG_SIGNER, bad.strip.expires.ms++);
	EXPECT(300, SOUK_PEER_BAD_SIGNATURE, bad.signature.bytes[64] = 9);
	EXPECT(300, SOUK_PEER_BAD_SIGNATURE, memset(&bad.signature, 0, 64));
#undef EXPECT
}

/* A range that no verified claim can have: the allotment's check of its end comes first. */
static void the_end_of_all_amounts(void **state)
{
	(void)state;
	struct souk_claim claim;
	struct souk_amount lo, hi;
	fixture_init(&fixture, 34, 1, 1000, UINT64_MAX - 1000);
	fixture_sale_open(&fixture, &sales[0], 0, 10, 100);
	fixture_claim(&claim, &sales[0], 10);
	assert_int_equal(souk_claim_verify(&lo, &hi, &claim, &fixture.record), SOUK_OK);
	assert_int_equal(hi.ncoin, UINT64_MAX);
	fixture.record.base.ncoin++;
	assert_int_equal(verify(&claim), SOUK_PEER_BAD_PATH);
}

static void only_what_was_paid_is_built(void **state)
{
	(void)state;
	struct fixture_sale *sale = open_sale(600);
	struct souk_hash value = souk_chain_value(&sale->payer.chain, 300);
	struct souk_claim claim = {.unit = 12345};
#define BUILD(unit, chain) souk_claim_build(&claim, &sale->open, unit, &value, chain)
	assert_int_equal(BUILD(0, &sale->keys), SOUK_LOCAL_STATE);
	assert_int_equal(BUILD(601, &sale->keys), SOUK_LOCAL_STATE);
	assert_int_equal(BUILD(299, &sale->keys), SOUK_LOCAL_STATE);
	assert_int_equal(BUILD(44, &sale->keys), SOUK_LOCAL_STATE);
	assert_int_equal(BUILD(300, &sales[0].keys), SOUK_LOCAL_STATE);
	assert_int_equal(claim.unit, 12345);
	assert_int_equal(BUILD(300, &sale->keys), SOUK_OK);
	assert_int_equal(verify(&claim), SOUK_OK);
	sale->open.ticket_leaves.count--;
	assert_int_equal(BUILD(300, &sale->keys), SOUK_LOCAL_STATE);
#undef BUILD
}

/* What a claim cannot promise: a provider that grants the checkpoints of another chain than the one
 * it sells keys of. It is paid beyond the first checkpoint without publishing a key that opens
 * anything; but it shows that it lied, to everybody. spec/payment.md 6. */
static void false_key_checkpoints_publish_no_key(void **state)
{
	(void)state;
	struct fixture_sale *sale = &sales[0];
	struct souk_chain other;
	struct souk_claim claim;
	struct souk_hash secret = {{9}}, walked;
	fixture_init(&fixture, 31, 5, 100000000, 5000);
	fixture_sale_reserve(&fixture, sale, 2, 600, 100);
	souk_chain_init(&other, souk_chain_tag_key, &sale->open.strip.nonce, 600, &secret);
	sale->open.strip.key_checkpoints = other.checkpoint_root;
	fixture_sign(&fixture, &sale, 1);
	/* Enough for souk_claim_build to take it for the granted chain. */
	struct souk_chain keys = sale->keys;
	sale->keys = other;
	sale->keys.anchor = keys.anchor;
	fixture_claim(&claim, sale, 255);
	assert_int_equal(verify(&claim), SOUK_PEER_BAD_KEY);
	fixture_claim(&claim, sale, 256);
	assert_int_equal(verify(&claim), SOUK_OK);
	walked = souk_chain_walk(souk_chain_tag_key, &claim.strip.nonce, 256, &claim.key, 0);
	assert_false(souk_hash_equal(&walked, &claim.strip.key_anchor));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit_is_bound),
		cmocka_unit_test(batch_size_is_bound),
		cmocka_unit_test(every_unit_has_its_interval),
		cmocka_unit_test(the_longest_strip),
		cmocka_unit_test(broken_claims_are_named),
		cmocka_unit_test(the_end_of_all_amounts),
		cmocka_unit_test(only_what_was_paid_is_built),
		cmocka_unit_test(false_key_checkpoints_publish_no_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
