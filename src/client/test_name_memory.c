/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "name_memory.h"

struct home {
	char path[64];
	struct name_memory *memory;
};

static void enter(struct home *home)
{
	snprintf(home->path, sizeof home->path, "/tmp/souk-names-XXXXXX");
	assert_non_null(mkdtemp(home->path));
	assert_int_equal(name_memory_open(&home->memory, home->path), SOUK_OK);
}

static void leave(struct home *home)
{
	static const char *const files[] = {"names.mdb", "names.mdb-lock"};
	char path[128];
	name_memory_close(home->memory);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", home->path, files[i]);
		unlink(path);
	}
	assert_int_equal(rmdir(home->path), 0);
}

static struct souk_signed_name make(
	uint8_t publisher, const char *label, uint64_t sequence, uint8_t content)
{
	struct souk_seckey key = {{0}};
	struct souk_identity identity;
	struct souk_name name = {0};
	struct souk_hash id;
	struct souk_signed_name ret;
	key.bytes[31] = publisher;
	assert_int_equal(souk_identity_of(&identity, &key), SOUK_OK);
	name.publisher = identity.address;
	snprintf(name.label, sizeof name.label, "%s", label);
	memset(id.bytes, content, sizeof id.bytes);
	assert_int_equal(
		souk_name_sign(&ret, &name, sequence, &id, 7, (struct souk_time){9}, &identity),
		SOUK_OK);
	return ret;
}

static uint64_t known(struct home *home, const struct souk_signed_name *of)
{
	struct souk_signed_name ret;
	const struct souk_name name = souk_name_of(&of->name);
	souk_status status = name_memory_get(home->memory, &name, &ret);
	assert_true(status == SOUK_OK || status == SOUK_LOCAL_NOT_FOUND);
	return status == SOUK_OK ? ret.name.sequence : 0;
}

static void the_highest_is_remembered(void **state)
{
	struct home home;
	struct souk_signed_name held;
	const struct souk_signed_name one = make(1, "site", 1, 1), five = make(1, "site", 5, 5);
	(void)state;
	enter(&home);
	assert_int_equal(known(&home, &one), 0);
	assert_int_equal(name_memory_put(home.memory, &five, &held), SOUK_OK);
	assert_int_equal(name_memory_put(home.memory, &five, &held), SOUK_OK);
	assert_int_equal(name_memory_put(home.memory, &one, &held), SOUK_PEER_NAME_ROLLBACK);
	assert_int_equal(held.name.sequence, 5);
	name_memory_close(home.memory);
	assert_int_equal(name_memory_open(&home.memory, home.path), SOUK_OK);
	assert_int_equal(known(&home, &one), 5);
	assert_int_equal(name_memory_put(home.memory, &one, &held), SOUK_PEER_NAME_ROLLBACK);
	leave(&home);
}

struct seen {
	char labels[64];
	unsigned twice;
};

static souk_status see(
	void *ctx, const struct souk_signed_name *name, const struct souk_signed_name *twice)
{
	struct seen *seen = ctx;
	strcat(seen->labels, name->name.label.text);
	strcat(seen->labels, " ");
	if (twice != NULL) {
		assert_true(souk_name_is_evidence(name, twice));
		seen->twice++;
	}
	return SOUK_OK;
}

static void what_is_said_twice_is_kept_as_evidence(void **state)
{
	struct home home;
	struct souk_signed_name held;
	struct seen seen = {0};
	const struct souk_signed_name a = make(1, "b", 2, 1), b = make(1, "b", 2, 2),
				      other = make(1, "a", 1, 1), c = make(1, "c", 3, 1),
				      d = make(1, "c", 3, 2);
	(void)state;
	enter(&home);
	assert_int_equal(name_memory_put(home.memory, &a, &held), SOUK_OK);
	assert_int_equal(name_memory_put(home.memory, &b, &held), SOUK_PEER_NAME_TWICE);
	assert_memory_equal(&held.name.content, &a.name.content, sizeof held.name.content);
	assert_int_equal(name_memory_put(home.memory, &other, &held), SOUK_OK);
	/* Both came at once: nothing is held, but both are kept. */
	assert_int_equal(name_memory_put_twice(home.memory, &c, &d), SOUK_OK);
	assert_int_equal(known(&home, &c), 0);
	assert_int_equal(name_memory_each(home.memory, see, &seen), SOUK_OK);
	assert_string_equal(seen.labels, "a b c ");
	assert_int_equal(seen.twice, 2);
	leave(&home);
}

/* Processes that write at once, one of which is killed at some moment: nothing that was
 * acknowledged is lost, and nothing goes back. */
static void a_kill_loses_nothing(void **state)
{
	struct home home;
	int pipe_ends[2];
	uint64_t told = 0, sequence;
	const struct souk_signed_name one = make(1, "site", 1, 1);
	(void)state;
	enter(&home);
	name_memory_close(home.memory);
	assert_int_equal(pipe(pipe_ends), 0);
	pid_t child = fork();
	if (child == 0) {
		struct name_memory *memory;
		if (name_memory_open(&memory, home.path) != SOUK_OK)
			_exit(1);
		for (uint64_t i = 1;; i++) {
			struct souk_signed_name held, fresh = make(1, "site", i, 1);
			if (name_memory_put(memory, &fresh, &held) != SOUK_OK ||
				write(pipe_ends[1], &i, sizeof i) != sizeof i)
				_exit(1);
		}
	}
	close(pipe_ends[1]);
	while (told < 5 && read(pipe_ends[0], &sequence, sizeof sequence) == sizeof sequence)
		told = sequence;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while (read(pipe_ends[0], &sequence, sizeof sequence) == sizeof sequence)
		told = sequence;
	close(pipe_ends[0]);
	assert_true(told >= 5);
	assert_int_equal(name_memory_open(&home.memory, home.path), SOUK_OK);
	assert_true(known(&home, &one) >= told);
	leave(&home);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_highest_is_remembered),
		cmocka_unit_test(what_is_said_twice_is_kept_as_evidence),
		cmocka_unit_test(a_kill_loses_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
