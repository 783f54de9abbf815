/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "wallet.h"

#define PRICE 10

struct home {
	char path[64];
	struct wallet *wallet;
};

static void enter(struct home *home)
{
	snprintf(home->path, sizeof home->path, "/tmp/souk-wallet-XXXXXX");
	assert_non_null(mkdtemp(home->path));
	assert_int_equal(wallet_open(&home->wallet, home->path), SOUK_OK);
}

static void leave(struct home *home)
{
	static const char *const files[] = {"wallet.mdb", "wallet.mdb-lock", "wallet.busy"};
	char path[128];
	wallet_close(home->wallet);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", home->path, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(home->path), 0);
}

static struct souk_wallet_strip strip_of(uint64_t epoch, uint32_t leaf, uint32_t count)
{
	struct souk_wallet_strip strip = {
		.epoch = epoch, .segment = 3, .leaf = leaf, .count = count, .price = {PRICE}};
	memset(strip.escrow.bytes, 0xee, sizeof strip.escrow.bytes);
	return strip;
}

static void parts_of_a_leaf_are_taken_once(void **state)
{
	struct home home;
	const struct souk_amount amount = {100};
	(void)state;
	enter(&home);
	struct souk_wallet_strip a = strip_of(5, 0, 4), b = strip_of(5, 0, 5),
				 c = strip_of(5, 0, 2);
	assert_int_equal(wallet_reserve(home.wallet, &a, amount), SOUK_OK);
	assert_int_equal(a.start.ncoin, 0);
	assert_int_equal(wallet_reserve(home.wallet, &b, amount), SOUK_OK);
	assert_int_equal(b.start.ncoin, 40);
	/* 10 are left; a refusal takes nothing. */
	assert_int_equal(wallet_reserve(home.wallet, &c, amount), SOUK_PEER_STRIP_RANGE);
	assert_int_equal(c.start.ncoin, 0);
	c.count = 1;
	/* What was taken stays so when the process ends. */
	wallet_close(home.wallet);
	assert_int_equal(wallet_open(&home.wallet, home.path), SOUK_OK);
	assert_int_equal(wallet_reserve(home.wallet, &c, amount), SOUK_OK);
	assert_int_equal(c.start.ncoin, 90);
	/* Another epoch, segment or leaf is another leaf. */
	struct souk_wallet_strip d = strip_of(6, 0, 1), e = strip_of(5, 1, 1);
	assert_int_equal(wallet_reserve(home.wallet, &d, amount), SOUK_OK);
	assert_int_equal(wallet_reserve(home.wallet, &e, amount), SOUK_OK);
	assert_int_equal(d.start.ncoin + e.start.ncoin, 0);
	leave(&home);
}

static void many_are_taken_at_once(void **state)
{
	struct home home;
	const struct souk_amount amounts[] = {{100}, {100}, {100}};
	souk_status statuses[3];
	(void)state;
	enter(&home);
	struct souk_wallet_strip first = strip_of(5, 1, 8);
	assert_int_equal(wallet_reserve(home.wallet, &first, amounts[0]), SOUK_OK);
	/* The second finds too little on its leaf; the others are laid. */
	struct souk_wallet_strip a = strip_of(5, 0, 4), b = strip_of(5, 1, 3),
				 c = strip_of(5, 2, 10);
	struct souk_wallet_strip *const all[] = {&a, &b, &c};
	assert_int_equal(wallet_reserve_many(home.wallet, all, amounts, 3, statuses), SOUK_OK);
	assert_int_equal(statuses[0], SOUK_OK);
	assert_int_equal(statuses[1], SOUK_PEER_STRIP_RANGE);
	assert_int_equal(statuses[2], SOUK_OK);
	struct souk_wallet_leaf leaf;
	assert_int_equal(wallet_leaf(home.wallet, &b, &leaf), SOUK_OK);
	assert_int_equal(leaf.used.ncoin, 80);
	assert_int_equal(wallet_leaf(home.wallet, &c, &leaf), SOUK_OK);
	assert_int_equal(leaf.used.ncoin, 100);
	/* What they cost is written together, too, and settles their leaves. */
	struct souk_amount owed;
	a.unit = 3;
	a.over = c.over = true;
	c.unit = 10;
	const struct souk_wallet_strip *const over[] = {&a, &c};
	assert_int_equal(wallet_put_strips(home.wallet, over, 2), SOUK_OK);
	assert_int_equal(wallet_settle_leaf(home.wallet, &a, false, &owed), SOUK_OK);
	assert_int_equal(owed.ncoin, 3 * PRICE);
	assert_int_equal(wallet_settle_leaf(home.wallet, &c, false, &owed), SOUK_OK);
	assert_int_equal(owed.ncoin, 10 * PRICE);
	leave(&home);
}

/* Children take parts at once; together they take the leaf, each part once. */
static void processes_share_a_leaf(void **state)
{
	enum { CHILDREN = 4, EACH = 25 };
	const struct souk_amount amount = {CHILDREN * EACH * PRICE};
	struct home home;
	(void)state;
	enter(&home);
	wallet_close(home.wallet);
	home.wallet = NULL;
	for (int i = 0; i < CHILDREN; i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child != 0)
			continue;
		struct wallet *wallet;
		int failures = wallet_open(&wallet, home.path) != SOUK_OK;
		for (int k = 0; k < EACH && failures == 0; k++) {
			struct souk_wallet_strip strip = strip_of(1, 0, 1);
			failures += wallet_reserve(wallet, &strip, amount) != SOUK_OK;
		}
		_exit(failures);
	}
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(wallet_open(&home.wallet, home.path), SOUK_OK);
	struct souk_wallet_strip more = strip_of(1, 0, 1);
	struct souk_wallet_leaf leaf;
	assert_int_equal(wallet_leaf(home.wallet, &more, &leaf), SOUK_OK);
	assert_int_equal(leaf.used.ncoin, amount.ncoin);
	assert_int_equal(wallet_reserve(home.wallet, &more, amount), SOUK_PEER_STRIP_RANGE);
	leave(&home);
}

static void a_settled_leaf_takes_no_strip(void **state)
{
	struct home home;
	const struct souk_amount amount = {1000};
	struct souk_amount owed = {7};
	(void)state;
	enter(&home);
	struct souk_wallet_strip a = strip_of(5, 0, 10), b = strip_of(5, 0, 10),
				 other = strip_of(5, 1, 10);
	assert_int_equal(wallet_reserve(home.wallet, &a, amount), SOUK_OK);
	assert_int_equal(wallet_reserve(home.wallet, &b, amount), SOUK_OK);
	assert_int_equal(wallet_reserve(home.wallet, &other, amount), SOUK_OK);
	a.unit = 4;
	a.over = true;
	other.unit = 9;
	assert_int_equal(wallet_put_strip(home.wallet, &a), SOUK_OK);
	assert_int_equal(wallet_put_strip(home.wallet, &other), SOUK_OK);
	/* B still runs. */
	assert_int_equal(wallet_settle_leaf(home.wallet, &a, false, &owed), SOUK_LOCAL_STATE);
	assert_int_equal(owed.ncoin, 7);
	struct souk_wallet_leaf leaf;
	assert_int_equal(wallet_leaf(home.wallet, &a, &leaf), SOUK_OK);
	assert_false(leaf.closed);
	b.unit = 3;
	assert_int_equal(wallet_put_strip(home.wallet, &b), SOUK_OK);
	assert_int_equal(wallet_settle_leaf(home.wallet, &a, true, &owed), SOUK_OK);
	assert_int_equal(owed.ncoin, 7 * PRICE);
	assert_int_equal(wallet_reserve(home.wallet, &b, amount), SOUK_LOCAL_STATE);
	assert_int_equal(wallet_settle_leaf(home.wallet, &b, true, &owed), SOUK_OK);
	assert_int_equal(owed.ncoin, 7 * PRICE);
	leave(&home);
}

static souk_status count_strip(void *ctx, const struct souk_wallet_strip *strip)
{
	(void)strip;
	(*(int *)ctx)++;
	return SOUK_OK;
}

static void old_epochs_are_forgotten(void **state)
{
	struct home home;
	struct souk_wallet_plan plan = {.epoch = 2}, found;
	struct souk_hash root = {{1}}, stands = {{2}};
	int count = 0;
	(void)state;
	enter(&home);
	for (uint64_t epoch = 1; epoch <= 6; epoch++) {
		struct souk_wallet_strip strip = strip_of(epoch, 0, 1);
		assert_int_equal(
			wallet_reserve(home.wallet, &strip, souk_amount_of_ncoin(10)), SOUK_OK);
	}
	assert_int_equal(wallet_put_plan(home.wallet, &root, &plan), SOUK_OK);
	plan.standing = true;
	assert_int_equal(wallet_put_plan(home.wallet, &stands, &plan), SOUK_OK);
	assert_int_equal(wallet_forget(home.wallet, 4), SOUK_OK);
	assert_int_equal(wallet_each_strip(home.wallet, count_strip, &count), SOUK_OK);
	assert_int_equal(count, 3);
	assert_int_equal(wallet_plan(home.wallet, &root, &found), SOUK_LOCAL_NOT_FOUND);
	assert_int_equal(wallet_plan(home.wallet, &stands, &found), SOUK_OK);
	leave(&home);
}

static void a_purchase_that_runs_is_seen(void **state)
{
	struct home home;
	int ready[2], end[2];
	char byte = 0;
	(void)state;
	enter(&home);
	assert_false(wallet_is_busy(home.wallet));
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct wallet *wallet;
		bool good = wallet_open(&wallet, home.path) == SOUK_OK &&
			    wallet_enter(wallet) == SOUK_OK;
		byte = good;
		good = write(ready[1], &byte, 1) == 1 && read(end[0], &byte, 1) == 1;
		_exit(good ? 0 : 1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 1);
	assert_true(wallet_is_busy(home.wallet));
	int status;
	assert_int_equal(write(end[1], &byte, 1), 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_false(wallet_is_busy(home.wallet));
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(end[i]);
	}
	leave(&home);
}

#define THREADS	 4
#define RESERVES 50

struct taker {
	const char *path;
	uint64_t starts[RESERVES];
	pthread_t thread;
};

/* As a fetch does: a wallet of its own of the same home, beside others. */
static void *take_parts(void *ctx)
{
	struct taker *taker = ctx;
	struct wallet *wallet;
	const struct souk_amount amount = {THREADS * RESERVES * PRICE};
	if (wallet_open(&wallet, taker->path) != SOUK_OK)
		return ctx;
	for (size_t i = 0; i < RESERVES; i++) {
		struct souk_wallet_strip strip = strip_of(6, 1, 1);
		if (wallet_reserve(wallet, &strip, amount) != SOUK_OK)
			return ctx;
		taker->starts[i] = strip.start.ncoin / PRICE;
	}
	wallet_close(wallet);
	return NULL;
}

static void one_process_opens_it_many_times(void **state)
{
	struct home home;
	struct taker takers[THREADS] = {0};
	bool taken[THREADS * RESERVES] = {false};
	(void)state;
	enter(&home);
	for (size_t i = 0; i < THREADS; i++) {
		takers[i].path = home.path;
		assert_int_equal(
			pthread_create(&takers[i].thread, NULL, take_parts, &takers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		void *failed;
		assert_int_equal(pthread_join(takers[i].thread, &failed), 0);
		assert_null(failed);
		for (size_t k = 0; k < RESERVES; k++) {
			assert_in_range(takers[i].starts[k], 0, THREADS * RESERVES - 1);
			assert_false(taken[takers[i].starts[k]]);
			taken[takers[i].starts[k]] = true;
		}
	}
	/* The whole leaf is taken, and the wallet that was open all the time sees it. */
	struct souk_wallet_strip more = strip_of(6, 1, 1);
	assert_int_equal(wallet_reserve(home.wallet, &more,
				 (struct souk_amount){THREADS * RESERVES * PRICE}),
		SOUK_PEER_STRIP_RANGE);
	leave(&home);
}

static void a_purchase_of_the_same_process_is_seen(void **state)
{
	struct home home;
	struct wallet *other;
	(void)state;
	enter(&home);
	assert_int_equal(wallet_open(&other, home.path), SOUK_OK);
	assert_false(wallet_is_busy(home.wallet));
	assert_int_equal(wallet_enter(other), SOUK_OK);
	assert_true(wallet_is_busy(home.wallet));
	wallet_close(other);
	assert_false(wallet_is_busy(home.wallet));
	leave(&home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_process_opens_it_many_times),
		cmocka_unit_test(a_purchase_of_the_same_process_is_seen),
		cmocka_unit_test(parts_of_a_leaf_are_taken_once),
		cmocka_unit_test(many_are_taken_at_once),
		cmocka_unit_test(processes_share_a_leaf),
		cmocka_unit_test(a_settled_leaf_takes_no_strip),
		cmocka_unit_test(old_epochs_are_forgotten),
		cmocka_unit_test(a_purchase_that_runs_is_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
