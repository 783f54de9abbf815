/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger as a process, over its real store and real HTTP: many senders at once,
 * answers lost and asked for again, draws, kill -9, and a log that verifies. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "../client/chain_client.h"
#include "ledger_home.h"
#include "ledger_node.h"
#include "souk/io/clock_real.h"
#include "souk/io/http_client.h"
#include "souk/io/log.h"
#include "souk/io/memory_store.h"
#include "souk/ledger/verify.h"
#include "souk/payment/escrow.h"

#define COIN	1000000000ull
#define SENDERS 8
#define ROUNDS	12

static char home[64];
static char url[64];
static struct ledger_node *node;
static struct souk_identity parties[SENDERS + 1]; /* 0: the operator */

static void identity_of_byte(struct souk_identity *ret, uint8_t byte)
{
	struct souk_seckey seckey;
	memset(seckey.bytes, byte, sizeof seckey.bytes);
	assert_int_equal(souk_identity_of(ret, &seckey), SOUK_OK);
}

static void start_node(void)
{
	const char *what = "";
	struct ledger_node_config config;
	ledger_node_config_default(&config);
	config.home = home;
	config.listen = "127.0.0.1:0";
	config.block_ms = 5;
	souk_status status = ledger_node_start(&node, &config, &parties[0], &what);
	if (status != SOUK_OK)
		fail_msg("%s: %s", what, souk_status_name(status));
	snprintf(url, sizeof url, "http://127.0.0.1:%u", ledger_node_port(node));
}

static void make_home(uint64_t epoch_ms)
{
	const char *what = "";
	struct souk_genesis genesis = {
		.version = 1,
		.created = souk_clock_now(souk_clock_real()),
		.operator= parties[0].address,
		.epoch_ms = epoch_ms,
		.draw_delay_ms = 50,
		.claim_ms = 400,
		.unlock_ms = 100,
		.unbond_ms = 100,
		.deposit_min = {COIN},
		.faucet_max = {1000 * COIN},
		.beacon_count = 65536,
	};
	assert_int_equal(souk_text_set(&genesis.name, "test"), SOUK_OK);
	strcpy(home, "/tmp/souk-ledger-XXXXXX");
	assert_non_null(mkdtemp(home));
	assert_int_equal(ledger_home_create(home, &genesis, &what), SOUK_OK);
	assert_int_equal(ledger_home_create(home, &genesis, &what), SOUK_LOCAL_EXISTS);
}

static void remove_home(void)
{
	static const char *const names[] = {"ledger.mdb", "ledger.mdb-lock", "beacon.seed"};
	for (size_t i = 0; i < 3; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", home, names[i]);
		unlink(path);
	}
	rmdir(home);
}

static int setup(void **state)
{
	(void)state;
	souk_log_set_level(SOUK_LOG_ERROR);
	for (uint8_t i = 0; i <= SENDERS; i++)
		identity_of_byte(&parties[i], (uint8_t)(i + 1));
	make_home(1000);
	start_node();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ledger_node_stop(node);
	node = NULL;
	remove_home();
	return 0;
}

static struct souk_chain_client *open_client(void)
{
	struct souk_chain_client *client = souk_chain_client_new(url);
	assert_non_null(client);
	return client;
}

static struct souk_tx_body faucet(uint64_t ncoin)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_FAUCET, .faucet = {{ncoin}}};
}

static struct souk_tx_body transfer(unsigned to, uint64_t ncoin)
{
	return (struct souk_tx_body){.kind = SOUK_TX_BODY_TRANSFER,
		.transfer = {.to = parties[to].address, .amount = {ncoin}}};
}

static void test_answers(void **state)
{
	(void)state;
	struct souk_chain_client *client = open_client();
	struct souk_chain_result result;
	struct souk_account_record account;
	struct souk_receipt receipt;
	struct souk_ledger_status status;
	struct souk_provider_page page;
	struct souk_tx_body body = faucet(10 * COIN);
	assert_int_equal(souk_chain_account(client, &parties[1].address, &account), SOUK_OK);
	assert_int_equal(account.balance.ncoin, 0);
	assert_int_equal(souk_chain_submit(client, &body, &parties[1], &result), SOUK_OK);
	assert_int_equal(souk_chain_account(client, &parties[1].address, &account), SOUK_OK);
	assert_int_equal(account.balance.ncoin, 10 * COIN);
	assert_int_equal(souk_chain_receipt(client, &result.hash, &receipt), SOUK_OK);
	assert_int_equal(receipt.height, result.receipt.height);
	body = transfer(2, 11 * COIN);
	assert_int_equal(
		souk_chain_submit(client, &body, &parties[1], &result), SOUK_PEER_NO_FUNDS);
	assert_string_equal(souk_chain_detail(client), "the balance is 10 coins");
	assert_int_equal(souk_chain_status(client, &status), SOUK_OK);
	assert_int_equal(status.record.minted.ncoin, 10 * COIN);
	assert_int_equal(souk_chain_providers(client, &parties[1].address, &page), SOUK_OK);
	assert_int_equal(page.entries.count, 0);
	souk_chain_client_free(client);
}

static void expect_http(const char *method, const char *path, const char *body, unsigned status,
	const char *contains)
{
	struct souk_http_client *http;
	struct souk_http_answer answer;
	char full[256];
	snprintf(full, sizeof full, "%s%s", url, path);
	assert_int_equal(souk_http_client_new(&http), SOUK_OK);
	struct souk_http_call call = {.method = method,
		.url = full,
		.body = souk_bytes_of(body, body ? strlen(body) : 0)};
	assert_int_equal(souk_http_client_call(http, &call, &answer), SOUK_OK);
	if (answer.status != status || strstr(answer.body, contains) == NULL)
		fail_msg("%s: %u %s", path, answer.status, answer.body);
	souk_http_answer_done(&answer);
	souk_http_client_free(http);
}

static void test_bad_requests(void **state)
{
	(void)state;
	char big[SOUK_SIGNED_TX_SIZE_MAX + 2];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	expect_http("GET", "/", NULL, 404, "LOCAL_NOT_FOUND");
	expect_http("GET", "/v2/status", NULL, 404, "LOCAL_NOT_FOUND");
	expect_http("GET", "/v1/accounts/", NULL, 404, "LOCAL_NOT_FOUND");
	expect_http("GET", "/v1/accounts/zz", NULL, 400, "PEER_BAD_HEX");
	expect_http("GET", "/v1/epochs/-1", NULL, 400, "PEER_BAD_REQUEST");
	expect_http("GET", "/v1/epochs/99999999999999999999", NULL, 400, "PEER_BAD_REQUEST");
	expect_http("GET", "/v1/epochs/7", NULL, 404, "LOCAL_NOT_FOUND");
	expect_http("GET", "/v1/blocks/12345", NULL, 404, "LOCAL_NOT_FOUND");
	expect_http("POST", "/v1/tx", "short", 400, "PEER_TRUNCATED");
	expect_http("POST", "/v1/tx", big, 413, "");
	expect_http("POST", "/v1/status", "", 405, "PEER_BAD_REQUEST");
	expect_http("GET", "/v1/status", NULL, 200, "\"minted_ncoin\":0");
	expect_http("GET", "/v1/providers?from=xyz", NULL, 400, "PEER_BAD_HEX");
}

/* The same bytes twice: one transaction, and the same receipt both times. */
static void test_sent_again(void **state)
{
	(void)state;
	struct souk_chain_client *client = open_client();
	struct souk_ledger_status status;
	struct souk_http_client *http;
	struct souk_signed_tx tx;
	struct souk_writer writer;
	uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
	char full[256], first[256];
	assert_int_equal(souk_chain_status(client, &status), SOUK_OK);
	struct souk_tx unsigned_tx = {.ledger = status.record.ledger, .body = faucet(COIN)};
	souk_tx_sign(&tx, &unsigned_tx, &parties[3]);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_tx_encode(&writer, &tx);
	snprintf(full, sizeof full, "%s/v1/tx", url);
	assert_int_equal(souk_http_client_new(&http), SOUK_OK);
	for (int i = 0; i < 2; i++) {
		struct souk_http_answer answer;
		struct souk_http_call call = {
			.method = "POST", .url = full, .body = souk_bytes_of(memory, writer.size)};
		assert_int_equal(souk_http_client_call(http, &call, &answer), SOUK_OK);
		assert_int_equal(answer.status, 200);
		if (i == 0)
			snprintf(first, sizeof first, "%s", answer.body);
		else
			assert_string_equal(first, answer.body);
		souk_http_answer_done(&answer);
	}
	assert_non_null(strstr(first, "\"hash\":\""));
	assert_non_null(strstr(first, "\"amount_ncoin\":0"));
	souk_http_client_free(http);
	souk_chain_client_free(client);
}

/* ---- the log ---- */

static void verify_export(uint64_t minted)
{
	static struct souk_log_verifier verifier;
	struct souk_memory_store *memory;
	struct souk_store view;
	struct souk_http_client *http;
	uint64_t next = 0;
	assert_int_equal(souk_memory_store_new(&memory, 0, 1), SOUK_OK);
	assert_int_equal(souk_memory_store_begin(memory, &view), SOUK_OK);
	assert_int_equal(souk_http_client_new(&http), SOUK_OK);
	souk_log_verifier_init(&verifier, &view);
	for (;;) {
		char full[256];
		static const char *const accept[] = {"Accept: application/souk"};
		struct souk_http_answer answer;
		if (next == 0)
			snprintf(full, sizeof full, "%s/v1/genesis", url);
		else
			snprintf(full, sizeof full, "%s/v1/log?from=%llu", url,
				(unsigned long long)next);
		struct souk_http_call call = {.url = full,
			.headers = accept,
			.header_count = 1,
			.answer_size_max = 8 << 20};
		assert_int_equal(souk_http_client_call(http, &call, &answer), SOUK_OK);
		assert_int_equal(answer.status, 200);
		struct souk_bytes in = souk_bytes_of(answer.body, answer.size), frame;
		size_t used;
		bool is_end = in.size == 0;
		if (next == 0)
			assert_int_equal(souk_log_verifier_feed(&verifier, in), SOUK_OK);
		while (next != 0 && in.size) {
			assert_int_equal(souk_log_read_frame(&frame, &used, in), SOUK_OK);
			assert_int_equal(souk_log_verifier_feed(&verifier, frame), SOUK_OK);
			in.data += used;
			in.size -= used;
		}
		souk_http_answer_done(&answer);
		next = verifier.ledger.record.height + 1;
		if (is_end)
			break;
	}
	assert_int_equal(souk_log_verifier_finish(&verifier), SOUK_OK);
	assert_int_equal(verifier.ledger.record.minted.ncoin, minted);
	souk_http_client_free(http);
	souk_memory_store_free(memory);
}

/* ---- many at once ---- */

static void *sender_run(void *ctx)
{
	unsigned who = (unsigned)(uintptr_t)ctx;
	struct souk_chain_client *client = souk_chain_client_new(url);
	struct souk_tx_body body = faucet(100 * COIN);
	uintptr_t failures = souk_chain_submit(client, &body, &parties[who], NULL) != SOUK_OK;
	body = transfer(who % SENDERS + 1, COIN);
	for (int i = 0; i < 20; i++)
		failures += souk_chain_submit(client, &body, &parties[who], NULL) != SOUK_OK;
	souk_chain_client_free(client);
	return (void *)failures;
}

static void test_many_senders(void **state)
{
	(void)state;
	pthread_t threads[SENDERS];
	struct souk_ledger_status status;
	for (unsigned i = 0; i < SENDERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, sender_run, (void *)(uintptr_t)(i + 1)),
			0);
	for (unsigned i = 0; i < SENDERS; i++) {
		void *failures;
		pthread_join(threads[i], &failures);
		assert_ptr_equal(failures, NULL);
	}
	struct souk_chain_client *client = open_client();
	assert_int_equal(souk_chain_status(client, &status), SOUK_OK);
	assert_true(status.record.tx_count >= SENDERS * 21);
	assert_int_equal(status.record.minted.ncoin, SENDERS * 100 * COIN);
	souk_chain_client_free(client);
	verify_export(SENDERS * 100 * COIN);
}

/* Epochs step and are drawn without anybody asking; the node starts again where it was. */
static void test_draws_and_restart(void **state)
{
	(void)state;
	struct souk_chain_client *client = open_client();
	struct souk_epoch_record epoch = {.drawn = false};
	struct souk_ledger_status before, after;
	for (int i = 0; i < 60 && !epoch.drawn; i++) {
		usleep(50000);
		assert_int_equal(souk_chain_epoch(client, 0, &epoch), SOUK_OK);
	}
	assert_true(epoch.drawn);
	assert_int_equal(souk_chain_status(client, &before), SOUK_OK);
	assert_true(before.record.epoch >= 1);
	souk_chain_client_free(client);
	ledger_node_stop(node);
	start_node();
	client = open_client();
	assert_int_equal(souk_chain_status(client, &after), SOUK_OK);
	assert_true(after.record.height >= before.record.height);
	souk_chain_client_free(client);
	verify_export(0);
}

static void test_wrong_operator(void **state)
{
	(void)state;
	const char *what = "";
	struct ledger_node_config config;
	struct ledger_node *other;
	ledger_node_stop(node);
	ledger_node_config_default(&config);
	config.home = home;
	config.listen = "127.0.0.1:0";
	assert_int_equal(
		ledger_node_start(&other, &config, &parties[1], &what), SOUK_PEER_NOT_OPERATOR);
	config.home = "/nonexistent";
	assert_int_equal(
		ledger_node_start(&other, &config, &parties[0], &what), SOUK_LOCAL_NOT_FOUND);
	config.home = home;
	config.listen = "nonsense";
	assert_int_equal(ledger_node_start(&other, &config, &parties[0], &what), SOUK_LOCAL_CONFIG);
	start_node();
}

/* Two would write over each other's blocks, and lose what was answered. */
static void test_one_per_home(void **state)
{
	(void)state;
	const char *what = "";
	struct ledger_node_config config;
	struct ledger_node *other;
	ledger_node_config_default(&config);
	config.home = home;
	config.listen = "127.0.0.1:0";
	assert_int_equal(ledger_node_start(&other, &config, &parties[0], &what), SOUK_LOCAL_STATE);
	ledger_node_stop(node);
	start_node();
}

/* ---- a full disk ---- */

/* The size that files may have, as the disk's: writes beyond fail. */
static void limit_files(rlim_t size)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Refused with the cause, nothing half done; and once there is room again it goes on. */
static void test_full_disk(void **state)
{
	(void)state;
	struct souk_chain_client *client = open_client();
	struct souk_tx_body body = faucet(1);
	struct souk_account_record account;
	struct stat file;
	char path[128];
	uint64_t accepted = 1;
	souk_status status = SOUK_OK;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(souk_chain_submit(client, &body, &parties[1], NULL), SOUK_OK);
	snprintf(path, sizeof path, "%s/ledger.mdb", home);
	assert_int_equal(stat(path, &file), 0);
	limit_files((rlim_t)file.st_size + 65536);
	for (int i = 0; i < 2000 && status == SOUK_OK; i++) {
		status = souk_chain_submit(client, &body, &parties[1], NULL);
		accepted += status == SOUK_OK;
	}
	assert_int_equal(status, SOUK_IO_DISK_FULL);
	assert_int_equal(souk_chain_account(client, &parties[1].address, &account), SOUK_OK);
	assert_int_equal(account.nonce, accepted);
	assert_int_equal(account.balance.ncoin, accepted);
	limit_files(RLIM_INFINITY);
	assert_int_equal(souk_chain_submit(client, &body, &parties[1], NULL), SOUK_OK);
	souk_chain_client_free(client);
	verify_export(accepted + 1);
}

/* ---- kill -9 ---- */

/* The child serves and tells its port. */
static pid_t spawn_node(int *ret_fd)
{
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		start_node();
		uint16_t port = ledger_node_port(node);
		if (write(pipes[1], &port, sizeof port) != sizeof port)
			_exit(1);
		for (;;)
			pause();
	}
	uint16_t port = 0;
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &port, sizeof port), sizeof port);
	snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
	*ret_fd = pipes[0];
	return child;
}

struct killer {
	pid_t child;
	useconds_t delay_us;
};

static void *killer_run(void *ctx)
{
	const struct killer *killer = ctx;
	usleep(killer->delay_us);
	kill(killer->child, SIGKILL);
	return NULL;
}

/* Post faucet calls until the process is gone; every answer that came must still be true. */
static unsigned post_until_killed(const struct souk_hash *ledger, uint64_t nonce)
{
	struct souk_http_client *http;
	unsigned accepted = 0;
	char full[128];
	assert_int_equal(souk_http_client_new(&http), SOUK_OK);
	snprintf(full, sizeof full, "%s/v1/tx", url);
	for (;;) {
		struct souk_signed_tx tx;
		struct souk_writer writer;
		struct souk_http_answer answer;
		uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
		struct souk_tx unsigned_tx = {
			.ledger = *ledger, .nonce = nonce + accepted, .body = faucet(1)};
		souk_tx_sign(&tx, &unsigned_tx, &parties[1]);
		souk_writer_init(&writer, memory, sizeof memory);
		souk_signed_tx_encode(&writer, &tx);
		struct souk_http_call call = {.method = "POST",
			.url = full,
			.body = souk_bytes_of(memory, writer.size),
			.timeout_ms = 3000};
		if (souk_http_client_call(http, &call, &answer) != SOUK_OK)
			break;
		assert_int_equal(answer.status, 200);
		souk_http_answer_done(&answer);
		accepted++;
	}
	souk_http_client_free(http);
	return accepted;
}

static void test_killed_at_any_moment(void **state)
{
	(void)state;
	struct souk_hash ledger;
	uint64_t nonce = 0;
	unsigned accepted = 0;
	struct souk_ledger_status status;
	struct souk_chain_client *client = open_client();
	assert_int_equal(souk_chain_status(client, &status), SOUK_OK);
	ledger = status.record.ledger;
	souk_chain_client_free(client);
	ledger_node_stop(node);
	for (int round = 0; round < ROUNDS; round++) {
		int fd;
		struct killer killer = {spawn_node(&fd), (useconds_t)(round * 7919 % 60000)};
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, killer_run, &killer), 0);
		unsigned got = post_until_killed(&ledger, nonce);
		pthread_join(thread, NULL);
		waitpid(killer.child, NULL, 0);
		close(fd);
		accepted += got;
		/* What was answered is in; one more may be, whose answer was lost. */
		start_node();
		struct souk_account_record account = {.nonce = 0};
		client = open_client();
		souk_status found = souk_chain_account(client, &parties[1].address, &account);
		assert_true(found == SOUK_OK || nonce + got == 0);
		assert_true(account.nonce == nonce + got || account.nonce == nonce + got + 1);
		assert_int_equal(account.balance.ncoin, account.nonce);
		nonce = account.nonce;
		souk_chain_client_free(client);
		if (round + 1 < ROUNDS)
			ledger_node_stop(node);
	}
	assert_true(accepted > 0);
	verify_export(nonce);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_bad_requests),
		TEST(test_sent_again),
		TEST(test_many_senders),
		TEST(test_draws_and_restart),
		TEST(test_wrong_operator),
		TEST(test_one_per_home),
		TEST(test_full_disk),
		TEST(test_killed_at_any_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
