/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "souk/keys/share.h"

static const uint8_t file_key[SOUK_SEALED_KEY_SIZE] = {1, 2, 3};

struct world {
	struct souk_secret_rng rng;
	struct souk_umbral_key delegating, signer;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	struct souk_signed_content_share share;
};

static void put_point(struct souk_pubkey *ret, const struct souk_point *point)
{
	souk_point_format(ret->bytes, point);
}

static void setup(struct world *w)
{
	uint8_t seed[32] = {5};
	*w = (struct world){0};
	souk_secret_rng_init(&w->rng, seed);
	souk_umbral_key_generate(&w->delegating, &w->rng);
	souk_umbral_key_generate(&w->signer, &w->rng);
	souk_umbral_encapsulate(&w->capsule, &w->seed, &w->delegating.point, &w->rng);
	struct souk_content_share *share = &w->share.share;
	share->policy.version = SOUK_KEY_POLICY_VERSION;
	put_point(&share->policy.delegating, &w->delegating.point);
	put_point(&share->policy.receiving, &w->delegating.point);
	put_point(&share->policy.verifying, &w->signer.point);
	put_point(&share->policy.x, &w->signer.point);
	share->policy.threshold = 2;
	share->policy.shares.count = 3;
	for (uint8_t i = 0; i < 3; i++)
		share->policy.shares.items[i].agreement.bytes[0] = i;
	share->size = souk_sealed_size_of(1000);
	assert_int_equal(souk_text_set(&share->name, "film.mkv"), SOUK_OK);
	souk_share_make(&w->share, &w->capsule, &w->seed, file_key, &w->signer, &w->rng);
}

/* Whoever may sign signs what is in it now. */
static souk_status check_again(struct world *w)
{
	souk_share_make(&w->share, &w->capsule, &w->seed, file_key, &w->signer, &w->rng);
	return souk_share_check(&w->share, NULL);
}

static void test_the_key_comes_out(void **state)
{
	struct world w;
	struct souk_umbral_capsule capsule;
	uint8_t key[SOUK_SEALED_KEY_SIZE];
	(void)state;
	setup(&w);
	assert_int_equal(souk_share_check(&w.share, &capsule), SOUK_OK);
	assert_int_equal(souk_share_file_key(key, &w.share.share, &w.seed), SOUK_OK);
	assert_memory_equal(key, file_key, sizeof key);
	w.seed.bytes[3] ^= 1;
	assert_int_equal(
		souk_share_file_key(key, &w.share.share, &w.seed), SOUK_PEER_BAD_CIPHERTEXT);
}

static void test_as_a_file(void **state)
{
	struct world w;
	struct souk_signed_content_share back;
	char text[SOUK_SHARE_TEXT_SIZE_MAX], again[SOUK_SHARE_TEXT_SIZE_MAX];
	(void)state;
	setup(&w);
	size_t size = souk_share_format(text, &w.share);
	assert_int_equal(souk_share_parse(&back, souk_bytes_of(text, size)), SOUK_OK);
	assert_int_equal(souk_share_check(&back, NULL), SOUK_OK);
	assert_int_equal(souk_share_format(again, &back), size);
	assert_memory_equal(text, again, size);
	for (size_t i = 0; i + 1 < size; i++)
		assert_int_not_equal(souk_share_parse(&back, souk_bytes_of(text, i)), SOUK_OK);
	assert_int_equal(
		souk_share_parse(&back, souk_bytes_text("souk-wrap:00")), SOUK_PEER_BAD_SHARE);
}

static void test_any_changed_byte_is_noticed(void **state)
{
	struct world w;
	struct souk_signed_content_share back;
	char text[SOUK_SHARE_TEXT_SIZE_MAX];
	(void)state;
	setup(&w);
	size_t size = souk_share_format(text, &w.share);
	for (size_t i = 0; i + 1 < size; i++) {
		char was = text[i];
		text[i] = was == '0' ? '1' : '0';
		if (souk_share_parse(&back, souk_bytes_of(text, size)) == SOUK_OK)
			assert_int_not_equal(souk_share_check(&back, NULL), SOUK_OK);
		text[i] = was;
	}
}

static void test_what_a_signer_may_not_say(void **state)
{
	struct world w;
	(void)state;
	setup(&w);
	struct souk_content_share *share = &w.share.share;
	share->policy.threshold = 0;
	assert_int_equal(check_again(&w), SOUK_PEER_BAD_SHARE);
	share->policy.threshold = 4;
	assert_int_equal(check_again(&w), SOUK_PEER_BAD_SHARE);
	share->policy.threshold = 3;
	assert_int_equal(check_again(&w), SOUK_OK);
	share->policy.shares.items[2].agreement.bytes[0] = 0;
	assert_int_equal(check_again(&w), SOUK_PEER_BAD_SHARE);
	setup(&w);
	share->size = SOUK_SEALED_SEGMENT_SIZE + 3;
	assert_int_equal(check_again(&w), SOUK_PEER_BAD_SEAL);
}

static void test_names_stay_in_their_folder(void **state)
{
	static const char *const bad[] = {"", ".", "..", ".profile", "a/b", "/etc/passwd", "../x",
		"a\nb", "a\x1b[2J", "\x7f"};
	static const char *const good[] = {"a", "a..b", "film 2.mkv", "-rf"};
	struct world w;
	(void)state;
	setup(&w);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (souk_text_set(&w.share.share.name, bad[i]) != SOUK_OK)
			continue; /* no text at all */
		assert_int_equal(check_again(&w), SOUK_PEER_BAD_SHARE);
	}
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		assert_int_equal(souk_text_set(&w.share.share.name, good[i]), SOUK_OK);
		assert_int_equal(check_again(&w), SOUK_OK);
	}
}

static void test_a_policy_alone(void **state)
{
	struct world w;
	struct souk_key_policy back;
	char text[SOUK_SHARE_POLICY_TEXT_SIZE_MAX];
	(void)state;
	setup(&w);
	struct souk_key_policy *policy = &w.share.share.policy;
	size_t size = souk_share_policy_format(text, policy);
	assert_int_equal(souk_share_policy_parse(&back, souk_bytes_of(text, size)), SOUK_OK);
	assert_int_equal(back.shares.count, 3);
	for (size_t i = 0; i + 1 < size; i++)
		assert_int_not_equal(
			souk_share_policy_parse(&back, souk_bytes_of(text, i)), SOUK_OK);
	policy->threshold = 4;
	size = souk_share_policy_format(text, policy);
	assert_int_equal(
		souk_share_policy_parse(&back, souk_bytes_of(text, size)), SOUK_PEER_BAD_SHARE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_key_comes_out),
		cmocka_unit_test(test_as_a_file),
		cmocka_unit_test(test_any_changed_byte_is_noticed),
		cmocka_unit_test(test_what_a_signer_may_not_say),
		cmocka_unit_test(test_names_stay_in_their_folder),
		cmocka_unit_test(test_a_policy_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
