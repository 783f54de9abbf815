/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "name_store.h"

struct home {
	char folder[64], path[96];
	struct souk_lmdb_store *lmdb;
	struct name_policy policy;
};

static void open_store(struct home *home)
{
	const struct souk_lmdb_config config = {.path = home->path, .map_size_max = 64 << 20};
	assert_int_equal(souk_lmdb_store_open(&home->lmdb, &config), SOUK_OK);
}

static void enter(struct home *home)
{
	memset(home, 0, sizeof *home);
	snprintf(home->folder, sizeof home->folder, "/tmp/souk-names-XXXXXX");
	assert_non_null(mkdtemp(home->folder));
	snprintf(home->path, sizeof home->path, "%s/store.mdb", home->folder);
	open_store(home);
}

static void leave(struct home *home)
{
	char path[128];
	souk_lmdb_store_close(home->lmdb);
	unlink(home->path);
	snprintf(path, sizeof path, "%s-lock", home->path);
	unlink(path);
	assert_int_equal(rmdir(home->folder), 0);
}

static struct souk_identity identity_of(uint8_t seed)
{
	struct souk_seckey key = {{0}};
	struct souk_identity identity;
	key.bytes[31] = seed;
	assert_int_equal(souk_identity_of(&identity, &key), SOUK_OK);
	return identity;
}

static struct souk_signed_name make(
	uint8_t publisher, const char *label, uint64_t sequence, uint8_t content)
{
	const struct souk_identity identity = identity_of(publisher);
	struct souk_name name = {.publisher = identity.address};
	struct souk_hash id;
	struct souk_signed_name ret;
	snprintf(name.label, sizeof name.label, "%s", label);
	memset(id.bytes, content, sizeof id.bytes);
	assert_int_equal(
		souk_name_sign(&ret, &name, sequence, &id, 7, (struct souk_time){9}, &identity),
		SOUK_OK);
	return ret;
}

/* Contents whose id starts with an even byte are here. */
static bool is_even(void *ctx, const struct souk_store *view, const struct souk_hash *content)
{
	(void)ctx;
	(void)view;
	return content->bytes[0] % 2 == 0;
}

static souk_status put(struct home *home, const struct souk_signed_name *fresh)
{
	return name_store_put(home->lmdb, &home->policy, is_even, NULL, fresh);
}

static uint64_t held(struct home *home, const struct souk_signed_name *of)
{
	struct souk_signed_name ret;
	const struct souk_name name = souk_name_of(&of->name);
	souk_status status = name_store_get(home->lmdb, &name, &ret);
	assert_true(status == SOUK_OK || status == SOUK_LOCAL_NOT_FOUND);
	return status == SOUK_OK ? ret.name.sequence : 0;
}

static void a_name_goes_forward_only(void **state)
{
	struct home home;
	const struct souk_signed_name one = make(1, "site", 1, 2), two = make(1, "site", 2, 4),
				      twice = make(1, "site", 2, 6);
	(void)state;
	enter(&home);
	assert_int_equal(held(&home, &one), 0);
	assert_int_equal(put(&home, &one), SOUK_OK);
	assert_int_equal(put(&home, &one), SOUK_OK);
	assert_int_equal(put(&home, &two), SOUK_OK);
	assert_int_equal(put(&home, &one), SOUK_PEER_NAME_ROLLBACK);
	assert_int_equal(put(&home, &twice), SOUK_PEER_NAME_TWICE);
	assert_int_equal(held(&home, &one), 2);
	souk_lmdb_store_close(home.lmdb);
	open_store(&home);
	assert_int_equal(held(&home, &one), 2);
	assert_int_equal(put(&home, &one), SOUK_PEER_NAME_ROLLBACK);
	leave(&home);
}

static void a_forgery_is_not_kept(void **state)
{
	struct home home;
	struct souk_signed_name forged = make(1, "site", 5, 2);
	(void)state;
	enter(&home);
	forged.name.sequence = 6;
	assert_int_equal(put(&home, &forged), SOUK_PEER_WRONG_SIGNER);
	forged = make(1, "site", 5, 2);
	forged.name.label.text[0] = 'S';
	assert_int_equal(put(&home, &forged), SOUK_PEER_BAD_NAME);
	assert_int_equal(held(&home, &forged), 0);
	leave(&home);
}

static void strangers_come_with_a_content_that_is_here(void **state)
{
	struct home home;
	struct souk_signed_name name;
	(void)state;
	enter(&home);
	name = make(1, "site", 1, 3);
	assert_int_equal(put(&home, &name), SOUK_PEER_UNKNOWN_CONTENT);
	for (uint8_t i = 1; i <= NAME_STORE_STRANGERS_MAX; i++) {
		name = make(i, "site", 1, 2);
		assert_int_equal(put(&home, &name), SOUK_OK);
	}
	name = make(100, "site", 1, 2);
	assert_int_equal(put(&home, &name), SOUK_LOCAL_FULL);
	/* Another content has room of its own; so has the publisher that the operator lets. */
	name = make(100, "site", 1, 4);
	assert_int_equal(put(&home, &name), SOUK_OK);
	home.policy.publishers[home.policy.publisher_count++] = identity_of(101).address;
	name = make(101, "site", 1, 2);
	assert_int_equal(put(&home, &name), SOUK_OK);
	name = make(101, "elsewhere", 1, 3);
	assert_int_equal(put(&home, &name), SOUK_OK);
	leave(&home);
}

/* Or a stranger would fill the disk through one content: let a name in, move it away, again. */
static void a_name_that_moves_stays_charged(void **state)
{
	struct home home;
	struct souk_signed_name name;
	char label[8];
	(void)state;
	enter(&home);
	for (unsigned i = 0; i < NAME_STORE_STRANGERS_MAX; i++) {
		snprintf(label, sizeof label, "x%u", i);
		name = make(1, label, 1, 2);
		assert_int_equal(put(&home, &name), SOUK_OK);
		name = make(1, label, 2, 3); /* a content that is not here: its update counts */
		assert_int_equal(put(&home, &name), SOUK_OK);
		assert_int_equal(held(&home, &name), 2);
	}
	name = make(1, "more", 1, 2);
	assert_int_equal(put(&home, &name), SOUK_LOCAL_FULL);
	leave(&home);
}

/* A label that is the start of another's is another name, and is counted apart. */
static void names_that_start_alike_are_apart(void **state)
{
	struct home home;
	const struct souk_signed_name a = make(1, "site", 3, 2), b = make(1, "site2", 1, 4);
	(void)state;
	enter(&home);
	assert_int_equal(put(&home, &a), SOUK_OK);
	assert_int_equal(put(&home, &b), SOUK_OK);
	assert_int_equal(held(&home, &a), 3);
	assert_int_equal(held(&home, &b), 1);
	leave(&home);
}

static void policies_are_read(void **state)
{
	struct name_policy policy = {.publisher_count = 1};
	(void)state;
	assert_int_equal(name_policy_parse(&policy, ""), SOUK_OK);
	assert_int_equal(policy.publisher_count, 1);
	assert_int_equal(name_policy_parse(&policy, "0x00112233445566778899aabbccddeeff00112233,  "
						    "ffeeddccbbaa99887766554433221100ffeeddcc"),
		SOUK_OK);
	assert_int_equal(policy.publisher_count, 3);
	assert_int_equal(policy.publishers[1].bytes[1], 0x11);
	assert_int_equal(policy.publishers[2].bytes[0], 0xff);
	assert_int_equal(name_policy_parse(&policy, "0x0011"), SOUK_LOCAL_CONFIG);
	assert_int_equal(name_policy_parse(&policy, "any"), SOUK_LOCAL_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_goes_forward_only),
		cmocka_unit_test(a_forgery_is_not_kept),
		cmocka_unit_test(strangers_come_with_a_content_that_is_here),
		cmocka_unit_test(a_name_that_moves_stays_charged),
		cmocka_unit_test(names_that_start_alike_are_apart),
		cmocka_unit_test(policies_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
