/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "souk/keys/umbral.h"

#define SHARES	  5u
#define THRESHOLD 3u

struct world {
	struct souk_secret_rng rng;
	struct souk_umbral_key owner, receiver, signer;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	struct souk_umbral_kfrag kfrags[SHARES];
	struct souk_umbral_cfrag cfrags[SHARES];
};

static void setup(struct world *w)
{
	uint8_t seed[32] = {42}, fresh[32];
	souk_secret_rng_init(&w->rng, seed);
	souk_umbral_key_generate(&w->owner, &w->rng);
	souk_umbral_key_generate(&w->receiver, &w->rng);
	souk_umbral_key_generate(&w->signer, &w->rng);
	souk_umbral_encapsulate(&w->capsule, &w->seed, &w->owner.point, &w->rng);
	assert_int_equal(souk_umbral_delegate(w->kfrags, THRESHOLD, SHARES, &w->owner,
				 &w->receiver.point, &w->signer, true, true, &w->rng),
		SOUK_OK);
	for (uint32_t i = 0; i < SHARES; i++) {
		souk_secret_rng_fill(&w->rng, fresh, sizeof fresh);
		souk_umbral_reencrypt(&w->cfrags[i], &w->capsule, &w->kfrags[i], fresh);
	}
}

static souk_status open_with(struct world *w, const struct souk_umbral_cfrag *cfrags, size_t count)
{
	struct souk_umbral_seed seed;
	souk_status status =
		souk_umbral_open(&seed, &w->capsule, cfrags, count, &w->receiver, &w->owner.point);
	if (status == SOUK_OK)
		assert_memory_equal(seed.bytes, w->seed.bytes, sizeof seed.bytes);
	return status;
}

static souk_status verify(struct world *w, const struct souk_umbral_cfrag *cfrag)
{
	return souk_umbral_cfrag_verify(
		cfrag, &w->capsule, &w->signer.point, &w->owner.point, &w->receiver.point);
}

static void test_any_threshold_opens(void **state)
{
	static struct world w;
	struct souk_umbral_seed seed;
	(void)state;
	setup(&w);
	souk_umbral_decapsulate(&seed, &w.capsule, &w.owner);
	assert_memory_equal(seed.bytes, w.seed.bytes, sizeof seed.bytes);
	for (uint32_t mask = 1; mask < 1u << SHARES; mask++) {
		struct souk_umbral_cfrag some[SHARES];
		size_t count = 0;
		for (uint32_t i = 0; i < SHARES; i++) {
			if (mask >> i & 1)
				some[count++] = w.cfrags[i];
		}
		assert_int_equal(open_with(&w, some, count),
			count >= THRESHOLD ? SOUK_OK : SOUK_PEER_BAD_FRAGMENT);
	}
}

static void test_others_cannot_open(void **state)
{
	static struct world w;
	struct souk_umbral_seed seed;
	struct souk_umbral_key stranger;
	(void)state;
	setup(&w);
	souk_umbral_key_generate(&stranger, &w.rng);
	assert_int_equal(
		souk_umbral_open(&seed, &w.capsule, w.cfrags, SHARES, &stranger, &w.owner.point),
		SOUK_PEER_BAD_FRAGMENT);
	assert_int_equal(
		souk_umbral_open(&seed, &w.capsule, w.cfrags, SHARES, &w.receiver, &stranger.point),
		SOUK_PEER_BAD_FRAGMENT);
}

static void test_fragments_that_differ(void **state)
{
	static struct world w, other;
	struct souk_umbral_cfrag some[SHARES];
	(void)state;
	setup(&w);
	setup(&other);
	assert_int_equal(souk_umbral_delegate(other.kfrags, THRESHOLD, SHARES, &other.owner,
				 &other.receiver.point, &other.signer, true, true, &other.rng),
		SOUK_OK);
	assert_int_equal(open_with(&w, w.cfrags, 0), SOUK_PEER_FRAGMENTS_DIFFER);
	assert_int_equal(
		open_with(&w, w.cfrags, SOUK_UMBRAL_SHARES_MAX + 1), SOUK_PEER_FRAGMENTS_DIFFER);
	memcpy(some, w.cfrags, sizeof some);
	some[1] = some[0];
	assert_int_equal(open_with(&w, some, THRESHOLD), SOUK_PEER_FRAGMENTS_DIFFER);
	memcpy(some, w.cfrags, sizeof some);
	souk_umbral_reencrypt(&some[2], &w.capsule, &other.kfrags[0], other.kfrags[0].id);
	assert_int_equal(open_with(&w, some, THRESHOLD), SOUK_PEER_FRAGMENTS_DIFFER);
}

/* The optimistic way fails as a whole; each one's proof then says who it was. */
static void test_the_culprit_is_known(void **state)
{
	static struct world w;
	uint8_t bytes[SOUK_UMBRAL_CFRAG_SIMPLE_SIZE];
	(void)state;
	setup(&w);
	souk_umbral_cfrag_format_simple(bytes, &w.cfrags[1]);
	/* Another point in place of e1: the doubled one. */
	assert_int_equal(
		souk_point_add(&w.cfrags[1].e1, &w.cfrags[1].e1, &w.cfrags[1].e1), SOUK_OK);
	assert_int_equal(open_with(&w, w.cfrags, THRESHOLD), SOUK_PEER_BAD_FRAGMENT);
	for (uint32_t i = 0; i < THRESHOLD; i++)
		assert_int_equal(
			verify(&w, &w.cfrags[i]), i == 1 ? SOUK_PEER_BAD_FRAGMENT : SOUK_OK);
	assert_int_equal(
		souk_umbral_cfrag_parse_simple(&w.cfrags[1], souk_bytes_of(bytes, sizeof bytes)),
		SOUK_OK);
	assert_int_equal(open_with(&w, w.cfrags, THRESHOLD), SOUK_OK);
}

/* Every bit of a fragment counts. */
static void test_changed_fragments_are_refused(void **state)
{
	static struct world w;
	uint8_t bytes[SOUK_UMBRAL_CFRAG_SIZE];
	(void)state;
	setup(&w);
	souk_umbral_cfrag_format(bytes, &w.cfrags[0]);
	for (size_t bit = 0; bit < 8 * sizeof bytes; bit += 3) {
		struct souk_umbral_cfrag changed;
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		souk_status status =
			souk_umbral_cfrag_parse(&changed, souk_bytes_of(bytes, sizeof bytes));
		if (status == SOUK_OK)
			status = verify(&w, &changed);
		assert_int_not_equal(status, SOUK_OK);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void test_capsules_prove_themselves(void **state)
{
	static struct world w;
	struct souk_umbral_capsule again;
	uint8_t bytes[SOUK_UMBRAL_CAPSULE_SIZE];
	(void)state;
	setup(&w);
	souk_umbral_capsule_format(bytes, &w.capsule);
	assert_int_equal(
		souk_umbral_capsule_parse(&again, souk_bytes_of(bytes, sizeof bytes)), SOUK_OK);
	for (size_t i = 0; i < sizeof bytes; i++) {
		bytes[i] ^= 1;
		assert_int_not_equal(
			souk_umbral_capsule_parse(&again, souk_bytes_of(bytes, sizeof bytes)),
			SOUK_OK);
		bytes[i] ^= 1;
	}
	bytes[104] ^= 1;
	assert_int_equal(souk_umbral_capsule_parse(&again, souk_bytes_of(bytes, sizeof bytes)),
		SOUK_PEER_BAD_CAPSULE);
	assert_int_equal(souk_umbral_capsule_parse(&again, souk_bytes_of(bytes, sizeof bytes - 1)),
		SOUK_PEER_TRUNCATED);
	assert_int_equal(souk_umbral_capsule_parse(&again, souk_bytes_of(bytes, sizeof bytes + 1)),
		SOUK_PEER_TRAILING);
}

static void test_key_fragments_are_checked(void **state)
{
	static struct world w;
	struct souk_umbral_kfrag kfrag;
	struct souk_umbral_key stranger;
	struct souk_scalar one = {{[31] = 1}};
	(void)state;
	setup(&w);
	souk_umbral_key_generate(&stranger, &w.rng);
	const struct souk_point *a = &w.owner.point, *b = &w.receiver.point, *s = &w.signer.point;
	assert_int_equal(souk_umbral_kfrag_verify(&w.kfrags[0], s, a, b), SOUK_OK);
	/* Whose keys the signature names must be known. */
	assert_int_equal(
		souk_umbral_kfrag_verify(&w.kfrags[0], s, NULL, b), SOUK_PEER_BAD_KEY_FRAGMENT);
	assert_int_equal(
		souk_umbral_kfrag_verify(&w.kfrags[0], s, a, NULL), SOUK_PEER_BAD_KEY_FRAGMENT);
	assert_int_equal(souk_umbral_kfrag_verify(&w.kfrags[0], s, a, &stranger.point),
		SOUK_PEER_BAD_KEY_FRAGMENT);
	assert_int_equal(souk_umbral_kfrag_verify(&w.kfrags[0], &stranger.point, a, b),
		SOUK_PEER_BAD_KEY_FRAGMENT);
	kfrag = w.kfrags[0];
	kfrag.rk = souk_scalar_add(&kfrag.rk, &one);
	assert_int_equal(souk_umbral_kfrag_verify(&kfrag, s, a, b), SOUK_PEER_BAD_KEY_FRAGMENT);
	kfrag = w.kfrags[0];
	kfrag.names_delegating = false;
	assert_int_equal(souk_umbral_kfrag_verify(&kfrag, s, a, b), SOUK_PEER_BAD_KEY_FRAGMENT);
}

/* A foreign base point would convict an honest proxy: it is refused before anything else. */
static void test_the_base_point_is_ours(void **state)
{
	static struct world w;
	struct souk_umbral_kfrag kfrag;
	uint8_t bytes[SOUK_UMBRAL_KFRAG_SIZE];
	(void)state;
	setup(&w);
	souk_umbral_kfrag_format(bytes, &w.kfrags[0]);
	assert_int_equal(
		souk_umbral_kfrag_parse(&kfrag, souk_bytes_of(bytes, sizeof bytes)), SOUK_OK);
	souk_point_format(bytes + 4, &w.owner.point);
	assert_int_equal(souk_umbral_kfrag_parse(&kfrag, souk_bytes_of(bytes, sizeof bytes)),
		SOUK_PEER_FOREIGN_PARAMETER);
	struct souk_point u = souk_umbral_parameter();
	souk_point_format(bytes + 4, &u);
	memset(bytes + 73, 0, 32);
	assert_int_equal(souk_umbral_kfrag_parse(&kfrag, souk_bytes_of(bytes, sizeof bytes)),
		SOUK_PEER_NOT_CANONICAL);
}

static void test_limits_of_delegation(void **state)
{
	static struct world w;
	static struct souk_umbral_kfrag many[SOUK_UMBRAL_SHARES_MAX];
	static const struct {
		uint32_t threshold, shares;
		souk_status status;
	} rows[] = {{0, 1, SOUK_LOCAL_STATE}, {2, 1, SOUK_LOCAL_STATE}, {0, 0, SOUK_LOCAL_STATE},
		{1, SOUK_UMBRAL_SHARES_MAX + 1, SOUK_LOCAL_STATE}, {1, 1, SOUK_OK},
		{SOUK_UMBRAL_SHARES_MAX, SOUK_UMBRAL_SHARES_MAX, SOUK_OK}};
	(void)state;
	setup(&w);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_int_equal(
			souk_umbral_delegate(many, rows[i].threshold, rows[i].shares, &w.owner,
				&w.receiver.point, &w.signer, false, false, &w.rng),
			rows[i].status);
}

static void test_texts(void **state)
{
	static struct world w;
	static const char plain[] = "what is written";
	uint8_t sealed[sizeof plain + SOUK_UMBRAL_CIPHERTEXT_EXTRA], opened[sizeof sealed];
	(void)state;
	setup(&w);
	/* In place, too. */
	memcpy(sealed, plain, sizeof plain);
	souk_umbral_seal(sealed, &w.seed, &w.capsule, souk_bytes_of(sealed, sizeof plain), &w.rng);
	assert_int_equal(souk_umbral_unseal(
				 opened, &w.seed, &w.capsule, souk_bytes_of(sealed, sizeof sealed)),
		SOUK_OK);
	assert_memory_equal(opened, plain, sizeof plain);
	for (size_t i = 0; i < sizeof sealed; i++) {
		sealed[i] ^= 1;
		assert_int_equal(souk_umbral_unseal(opened, &w.seed, &w.capsule,
					 souk_bytes_of(sealed, sizeof sealed)),
			SOUK_PEER_BAD_CIPHERTEXT);
		sealed[i] ^= 1;
	}
	assert_int_equal(souk_umbral_unseal(opened, &w.seed, &w.capsule,
				 souk_bytes_of(sealed, SOUK_UMBRAL_CIPHERTEXT_EXTRA - 1)),
		SOUK_PEER_BAD_CIPHERTEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_threshold_opens),
		cmocka_unit_test(test_others_cannot_open),
		cmocka_unit_test(test_fragments_that_differ),
		cmocka_unit_test(test_the_culprit_is_known),
		cmocka_unit_test(test_changed_fragments_are_refused),
		cmocka_unit_test(test_capsules_prove_themselves),
		cmocka_unit_test(test_key_fragments_are_checked),
		cmocka_unit_test(test_the_base_point_is_ours),
		cmocka_unit_test(test_limits_of_delegation),
		cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
