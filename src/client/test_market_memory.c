/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered of a market, and when it is asked for again; the ledger is a server that
 * counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "market_memory.h"
#include "souk/io/clock_real.h"
#include "souk/io/http_server.h"

#define EPOCH 7u

static struct {
	struct souk_http_server *server;
	char url[64];
	atomic_uint statuses, providers, escrows, allotments;
	atomic_bool is_over; /* the epoch should have ended by now */
} ledger;

#define ANSWER(name, size, reply, message)                                                         \
	do {                                                                                       \
		uint8_t bytes_[size];                                                              \
		struct souk_writer writer_;                                                        \
		struct souk_bytes encoded_;                                                        \
		souk_writer_init(&writer_, bytes_, sizeof bytes_);                                 \
		souk_##name##_encode(&writer_, message);                                           \
		assert_int_equal(souk_writer_finish(&writer_, &encoded_), SOUK_OK);                \
		souk_http_reply_copy(reply, 200, "application/souk", encoded_);                    \
	} while (0)

static void answer_status(struct souk_http_reply *reply)
{
	struct souk_time now = souk_clock_now(souk_clock_real());
	struct souk_ledger_status status = {.genesis.version = 1, .record.epoch = EPOCH};
	status.epoch.end = ledger.is_over ? now : souk_time_plus_ms(now, 3600 * 1000);
	ANSWER(ledger_status, SOUK_LEDGER_STATUS_SIZE_MAX, reply, &status);
}

static void answer_page(struct souk_http_reply *reply)
{
	static struct souk_provider_page page;
	page.entries.count = 1;
	page.entries.items[0].address.bytes[0] = 9;
	ANSWER(provider_page, SOUK_PROVIDER_PAGE_SIZE_MAX, reply, &page);
}

static void handle(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	(void)ctx;
	if (strcmp(request->path, "/v1/status") == 0) {
		ledger.statuses++;
		answer_status(reply);
	} else if (strcmp(request->path, "/v1/providers") == 0) {
		ledger.providers++;
		answer_page(reply);
	} else if (strncmp(request->path, "/v1/escrows/", 12) == 0) {
		struct souk_escrow_record record = {.line.ncoin = 5};
		ledger.escrows++;
		ANSWER(escrow_record, SOUK_ESCROW_RECORD_SIZE_MAX, reply, &record);
	} else if (strncmp(request->path, "/v1/allotments/", 15) == 0) {
		struct souk_allotment_record record = {.root = {{4}}};
		ledger.allotments++;
		ANSWER(allotment_record, SOUK_ALLOTMENT_RECORD_SIZE_MAX, reply, &record);
	} else {
		souk_http_reply_problem(reply, 404, SOUK_LOCAL_NOT_FOUND, NULL);
	}
}

static int start_ledger(void **state)
{
	struct souk_http_server_config config = {
		.threading = SOUK_HTTP_POOL, .thread_count = 2, .handler = handle};
	uint16_t port;
	(void)state;
	assert_int_equal(souk_http_server_start(&ledger.server, &port, &config), SOUK_OK);
	snprintf(ledger.url, sizeof ledger.url, "http://127.0.0.1:%u", port);
	return 0;
}

static int stop_ledger(void **state)
{
	(void)state;
	souk_http_server_stop(ledger.server);
	return 0;
}

/* One that nobody uses: its thread asks for nothing. */
static struct market_memory *make(struct souk_chain_client **ret_chain)
{
	struct market_memory_config config = {.home = "/nowhere", .ledger_url = ledger.url};
	struct market_memory *memory;
	assert_int_equal(market_memory_start(&memory, &config), SOUK_OK);
	*ret_chain = souk_chain_client_new(ledger.url);
	assert_non_null(*ret_chain);
	return memory;
}

static void done(struct market_memory *memory, struct souk_chain_client *chain)
{
	souk_chain_client_free(chain);
	market_memory_stop(memory);
}

static void the_epoch_is_asked_for_once(void **state)
{
	struct souk_chain_client *chain;
	struct market_memory *memory = make(&chain);
	struct souk_ledger_status status;
	(void)state;
	ledger.statuses = 0;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(memory_status(memory, chain, &status), SOUK_OK);
		assert_int_equal(status.record.epoch, EPOCH);
	}
	assert_int_equal(ledger.statuses, 1);
	memory_forget_epoch(memory);
	assert_int_equal(memory_status(memory, chain, &status), SOUK_OK);
	assert_int_equal(ledger.statuses, 2);
	/* Without a memory each is a question. */
	assert_int_equal(memory_status(NULL, chain, &status), SOUK_OK);
	assert_int_equal(ledger.statuses, 3);
	done(memory, chain);
}

static void an_epoch_that_is_over_is_not_believed(void **state)
{
	struct souk_chain_client *chain;
	struct market_memory *memory = make(&chain);
	struct souk_ledger_status status;
	(void)state;
	ledger.is_over = true;
	ledger.statuses = 0;
	assert_int_equal(memory_status(memory, chain, &status), SOUK_OK);
	assert_int_equal(memory_status(memory, chain, &status), SOUK_OK);
	assert_int_equal(ledger.statuses, 2);
	ledger.is_over = false;
	done(memory, chain);
}

static void a_list_says_that_it_is_old(void **state)
{
	struct souk_chain_client *chain;
	struct market_memory *memory = make(&chain);
	struct market_entry *entries;
	size_t count;
	bool is_old;
	(void)state;
	ledger.providers = 0;
	for (int i = 0; i < 3; i++) {
		if (i == 2)
			memory_forget_list(memory);
		assert_int_equal(memory_list(memory, chain, &entries, &count, &is_old), SOUK_OK);
		assert_int_equal(count, 1);
		assert_int_equal(entries[0].address.bytes[0], 9);
		assert_int_equal(is_old, i == 1);
		free(entries);
	}
	assert_int_equal(ledger.providers, 2);
	done(memory, chain);
}

static void an_escrow_is_another_ones_question(void **state)
{
	static const struct souk_hash one = {{1}}, two = {{2}};
	struct souk_chain_client *chain;
	struct market_memory *memory = make(&chain);
	struct souk_escrow_record record;
	struct souk_hash root;
	(void)state;
	ledger.escrows = ledger.allotments = 0;
	assert_int_equal(memory_escrow(memory, chain, &one, &record), SOUK_OK);
	assert_int_equal(memory_escrow(memory, chain, &one, &record), SOUK_OK);
	assert_int_equal(ledger.escrows, 1);
	assert_int_equal(memory_escrow(memory, chain, &two, &record), SOUK_OK);
	assert_int_equal(ledger.escrows, 2);
	/* A segment never changes, whatever is forgotten. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(memory_root(memory, chain, &one, EPOCH, 0, &root), SOUK_OK);
		assert_int_equal(root.bytes[0], 4);
		memory_forget_epoch(memory);
	}
	assert_int_equal(ledger.allotments, 1);
	assert_int_equal(memory_root(memory, chain, &one, EPOCH, 1, &root), SOUK_OK);
	assert_int_equal(memory_root(memory, chain, &one, EPOCH + 1, 0, &root), SOUK_OK);
	assert_int_equal(memory_root(memory, chain, &two, EPOCH, 0, &root), SOUK_OK);
	assert_int_equal(ledger.allotments, 4);
	done(memory, chain);
}

static void who_was_paid_stays_known(void **state)
{
	struct souk_chain_client *chain;
	struct market_memory *memory = make(&chain);
	struct market_entry entry = {.address = {{1}}};
	(void)state;
	memory_note_provider(memory, &entry, true);
	for (uint8_t i = 2; i < 2 + 3 * MEMORY_PROVIDERS_MAX; i++) {
		entry.address.bytes[0] = i;
		memory_note_provider(memory, &entry, false);
	}
	entry.address.bytes[0] = 1;
	assert_true(memory_knows_provider(memory, &entry.address));
	entry.address.bytes[0] = 2;
	assert_false(memory_knows_provider(memory, &entry.address));
	assert_false(memory_knows_provider(NULL, &entry.address));
	done(memory, chain);
}

static void the_silent_are_remembered_until_they_speak(void **state)
{
	struct souk_chain_client *chain;
	struct market_memory *memory = make(&chain);
	struct souk_address address = {{1}}, other = {{2}};
	(void)state;
	assert_false(memory_is_silent(memory, &address));
	memory_note_answer(memory, &address);
	memory_note_silent(memory, &address);
	memory_note_silent(memory, &address);
	assert_true(memory_is_silent(memory, &address));
	assert_false(memory_is_silent(memory, &other));
	memory_note_answer(memory, &address);
	assert_false(memory_is_silent(memory, &address));
	/* However many there are. */
	for (unsigned i = 0; i < 1000; i++) {
		other = (struct souk_address){{3, (uint8_t)(i >> 8), (uint8_t)i}};
		memory_note_silent(memory, &other);
	}
	assert_true(memory_is_silent(memory, &other));
	memory_note_silent(NULL, &other);
	memory_note_answer(NULL, &other);
	assert_false(memory_is_silent(NULL, &other));
	done(memory, chain);
}

static struct view_sponsor sponsor_of(unsigned number)
{
	struct view_sponsor sponsor = {.address = {{(uint8_t)(number + 1)}}};
	snprintf(sponsor.name, sizeof sponsor.name, "sponsor%u", number);
	return sponsor;
}

static void the_sponsor_that_paid_last_is_known(void **state)
{
	struct souk_chain_client *chain;
	struct market_memory *memory = make(&chain);
	struct view_sponsor found, sponsor;
	(void)state;
	assert_false(memory_sponsor(NULL, NULL, &found));
	assert_false(memory_sponsor(memory, NULL, &found));
	/* More than it remembers: the oldest are forgotten. */
	for (unsigned i = 0; i < 9; i++) {
		sponsor = sponsor_of(i);
		memory_note_sponsor(memory, &sponsor);
		assert_true(memory_sponsor(memory, sponsor.name, &found));
		usleep(2000); /* another millisecond */
	}
	assert_true(memory_sponsor(memory, NULL, &found));
	assert_string_equal(found.name, "sponsor8");
	assert_false(memory_sponsor(memory, "sponsor0", &found));
	assert_true(memory_sponsor(memory, "sponsor7", &found));
	/* Nor is one asked that gave nothing. */
	memory_forget_sponsor(memory, &sponsor.address);
	assert_true(memory_sponsor(memory, NULL, &found));
	assert_string_equal(found.name, "sponsor7");
	sponsor = sponsor_of(0);
	memory_forget_sponsor(memory, &sponsor.address);
	assert_true(memory_sponsor(memory, NULL, &found));
	assert_string_equal(found.name, "sponsor7");
	done(memory, chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_epoch_is_asked_for_once),
		cmocka_unit_test(an_epoch_that_is_over_is_not_believed),
		cmocka_unit_test(a_list_says_that_it_is_old),
		cmocka_unit_test(an_escrow_is_another_ones_question),
		cmocka_unit_test(who_was_paid_stays_known),
		cmocka_unit_test(the_silent_are_remembered_until_they_speak),
		cmocka_unit_test(the_sponsor_that_paid_last_is_known),
	};
	return cmocka_run_group_tests(tests, start_ledger, stop_ledger);
}
