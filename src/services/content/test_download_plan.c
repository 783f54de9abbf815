/* SPDX-License-Identifier: Apache-2.0
 *
 * What the planner decides, one decision at a time: providers are real, the network is this file,
 * and each answer comes when the test says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "market_kit.h"
#include "souk/base/check.h"
#include "souk/content/download.h"

#define PROVIDERS 4u
#define CHUNKS	  64u
#define CHUNK	  16384u
#define WINDOW	  8u
#define OPS	  64u
#define EPOCH	  7u

struct bench {
	struct kit_provider kits[PROVIDERS];
	struct kit_payer payer;
	struct souk_customer customers[PROVIDERS];
	struct souk_download download;
	uint64_t words[2], parts[PROVIDERS];
	struct souk_hash content;
	struct souk_download_effect ops[OPS]; /* not answered yet */
	uint32_t op_count;
	uint32_t cancelled; /* CANCEL effects */
	bool ended;
	souk_status status;
	struct souk_time now;
	struct souk_time turn; /* before then providers are of another epoch */
};

static struct bench *bench_new(uint32_t providers, const struct souk_download_config *extra)
{
	struct bench *b = calloc(1, sizeof *b);
	struct souk_address addresses[PROVIDERS];
	struct souk_download_config config =
		extra != NULL ? *extra : (struct souk_download_config){0};
	assert_non_null(b);
	b->now.ms = 1000;
	memset(&b->content, 0xc0, sizeof b->content);
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		kit_identity(&b->kits[i].identity, 1 + i);
		addresses[i] = b->kits[i].identity.address;
		b->kits[i].window = WINDOW;
		kit_provider_start(&b->kits[i], i, EPOCH, SOUK_TIME_NEVER, b->now);
	}
	kit_payer_init(&b->payer, 2, addresses, PROVIDERS, 1000000);
	kit_payer_epoch(&b->payer, EPOCH);
	config.content = (struct souk_content){b->content, CHUNKS * CHUNK, CHUNK};
	config.budget = config.price_max = souk_amount_of_ncoin(100000);
	config.slot_count = 64;
	souk_download_init(&b->download, &config, &b->words[0], &b->words[1]);
	for (uint32_t i = 0; i < providers; i++) {
		uint32_t number;
		struct souk_offer offer = kit_offer(&b->kits[i].identity, &b->content,
			CHUNKS * CHUNK, CHUNK, 100, WINDOW, 1024);
		assert_int_equal(
			souk_download_add(&b->download, &offer, &b->customers[i], b->now, &number),
			SOUK_OK);
		souk_download_keep_parts(&b->download, i, &b->parts[i]);
	}
	return b;
}

static souk_status handshake(struct bench *b, const struct souk_download_effect *op)
{
	struct kit_provider *kit = &b->kits[op->provider];
	struct souk_amount price = souk_amount_of_ncoin(100);
	struct souk_offer offer = kit_offer(
		&kit->identity, &b->content, CHUNKS * CHUNK, CHUNK, price.ncoin, WINDOW, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = b->payer.escrow_id, .epoch = EPOCH, .units = op->units};
	struct souk_provider_item item = {
		.content = b->content, .size = CHUNKS * CHUNK, .chunk_size = CHUNK, .price = price};
	config.seed[0] = (uint8_t)b->download.providers[op->provider].sessions;
	SOUK_TRY(souk_customer_init(&b->customers[op->provider], &config));
	return kit_handshake(
		&b->customers[op->provider], &b->payer, op->provider, kit, &item, b->now);
}

static void forget(struct bench *b, uint32_t index)
{
	b->ops[index] = b->ops[--b->op_count];
}

static void cancel(struct bench *b, uint32_t slot)
{
	for (uint32_t i = 0; i < b->op_count; i++) {
		if (b->ops[i].kind != SOUK_DOWNLOAD_FETCH || b->ops[i].slot != slot)
			continue;
		forget(b, i);
		b->cancelled++;
		souk_download_fetch_failed(&b->download, slot, SOUK_LOCAL_STOPPED, b->now);
		return;
	}
	fail_msg("nothing to cancel");
}

static void open_session(struct bench *b, const struct souk_download_effect *effect)
{
	if (souk_time_is_before(b->now, b->turn)) {
		souk_download_open_failed(
			&b->download, effect->provider, SOUK_PEER_WRONG_EPOCH, b->now);
		return;
	}
	assert_int_equal(handshake(b, effect), SOUK_OK);
	souk_download_opened(&b->download, effect->provider, b->now);
}

/* Sessions open, and good chunks are written, at once; FETCH and KEYS wait for the test. */
static void pull(struct bench *b)
{
	struct souk_download_effect effect;
	while (souk_download_next_effect(&b->download, &effect, b->now)) {
		switch (effect.kind) {
		case SOUK_DOWNLOAD_OPEN: open_session(b, &effect); break;
		case SOUK_DOWNLOAD_VERIFY:
			souk_download_checked(&b->download, effect.slot, SOUK_OK, b->now);
			break;
		case SOUK_DOWNLOAD_CANCEL: cancel(b, effect.slot); break;
		case SOUK_DOWNLOAD_FETCH:
		case SOUK_DOWNLOAD_KEYS:
			assert_true(b->op_count < OPS);
			b->ops[b->op_count++] = effect;
			break;
		case SOUK_DOWNLOAD_COMPLETE:
		case SOUK_DOWNLOAD_GIVE_UP:
			b->ended = true;
			b->status = effect.status;
			break;
		case SOUK_DOWNLOAD_DROP: break;
		case SOUK_DOWNLOAD_BUY: fail();
		}
	}
}

static void answer(struct bench *b, uint32_t index, souk_status refusal)
{
	struct souk_download_effect op = b->ops[index];
	struct souk_provider_reply reply = {0};
	forget(b, index);
	souk_status status = refusal;
	if (status == SOUK_OK)
		status = souk_provider_unit(
			&b->kits[op.provider].provider, &reply, &op.request, b->now);
	const struct souk_unit_key *key = reply.has_key ? &reply.key : NULL;
	if (op.kind == SOUK_DOWNLOAD_KEYS && status == SOUK_OK)
		souk_download_keys(&b->download, op.provider, key, b->now);
	else if (op.kind == SOUK_DOWNLOAD_KEYS)
		souk_download_keys_failed(&b->download, op.provider, status, b->now);
	else if (status == SOUK_OK)
		souk_download_received(&b->download, op.slot, key, b->now);
	else
		souk_download_fetch_failed(&b->download, op.slot, status, b->now);
	pull(b);
}

/* The oldest request at PROVIDER; OPS: there is none. */
static uint32_t op_of(const struct bench *b, uint32_t provider)
{
	uint32_t found = OPS;
	for (uint32_t i = 0; i < b->op_count; i++) {
		if (b->ops[i].provider == provider &&
			(found == OPS || b->ops[i].unit < b->ops[found].unit))
			found = i;
	}
	return found;
}

static uint32_t asked_of(const struct bench *b, uint32_t provider)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < b->op_count; i++)
		count += b->ops[i].provider == provider && b->ops[i].kind == SOUK_DOWNLOAD_FETCH;
	return count;
}

static bool is_asked(const struct bench *b, uint32_t provider, uint32_t chunk)
{
	for (uint32_t i = 0; i < b->op_count; i++) {
		if (b->ops[i].provider == provider && b->ops[i].kind == SOUK_DOWNLOAD_FETCH &&
			b->ops[i].chunk == chunk)
			return true;
	}
	return false;
}

/* MS pass, in steps at which deadlines are kept. */
static void pass(struct bench *b, uint64_t ms)
{
	struct souk_time end = souk_time_plus_ms(b->now, ms);
	while (b->now.ms < end.ms) {
		struct souk_time due = souk_download_deadline(&b->download);
		b->now.ms = due.ms > b->now.ms && due.ms < end.ms ? due.ms : end.ms;
		souk_download_tick(&b->download, b->now);
		pull(b);
	}
}

/* Everybody but those of SILENT, a bit each, answers after MS; until no request is left of them. */
static void serve(struct bench *b, uint32_t silent, uint64_t ms, uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds && !b->ended; i++) {
		pass(b, ms);
		for (uint32_t p = 0; p < PROVIDERS; p++) {
			if ((silent >> p & 1) == 0 && op_of(b, p) != OPS)
				answer(b, op_of(b, p), SOUK_OK);
		}
	}
}

static struct souk_availability has(const struct bench *b, uint32_t first, uint32_t count)
{
	struct souk_availability said = {.content = b->content, .chunks = CHUNKS};
	if (count > 0)
		said.ranges.items[said.ranges.count++] = (struct souk_chunk_range){first, count};
	return said;
}

static void tell(struct bench *b, uint32_t provider, uint32_t first, uint32_t count)
{
	struct souk_availability said = has(b, first, count);
	assert_int_equal(souk_download_available(&b->download, provider, &said), SOUK_OK);
}

/* ------------------------------------------------------------------ parts */

static void the_rarest_comes_first(void **state)
{
	(void)state;
	struct bench *b = bench_new(3, NULL);
	tell(b, 0, 0, 64); /* all */
	tell(b, 1, 0, 40);
	tell(b, 2, 0, 60);
	pull(b);
	/* Only the first has the last four; the first twenty of the others two have, then one. */
	for (uint32_t i = 60; i < 64; i++)
		assert_true(is_asked(b, 0, i));
	for (uint32_t i = 40; i < 44; i++)
		assert_true(is_asked(b, 2, i));
	for (uint32_t i = 0; i < 4; i++)
		assert_true(is_asked(b, 1, i));
	free(b);
}

static void a_list_that_is_wrong_changes_nothing(void **state)
{
	(void)state;
	struct bench *b = bench_new(1, NULL);
	tell(b, 0, 3, 2);
	uint64_t before = b->parts[0];
	struct souk_availability said = has(b, 60, 5);
	assert_int_equal(before, 3u << 3);
	assert_int_equal(souk_download_available(&b->download, 0, &said), SOUK_PEER_NOT_CANONICAL);
	said = has(b, 0, 1);
	said.ranges.items[0].count = 0;
	assert_int_equal(souk_download_available(&b->download, 0, &said), SOUK_PEER_NOT_CANONICAL);
	said = has(b, 8, 8);
	said.ranges.items[said.ranges.count++] = (struct souk_chunk_range){15, 2};
	assert_int_equal(souk_download_available(&b->download, 0, &said), SOUK_PEER_NOT_CANONICAL);
	said = has(b, UINT32_MAX, UINT32_MAX);
	assert_int_equal(souk_download_available(&b->download, 0, &said), SOUK_PEER_NOT_CANONICAL);
	said = has(b, 0, 1);
	said.chunks--;
	assert_int_equal(souk_download_available(&b->download, 0, &said), SOUK_PEER_BAD_OFFER);
	said = has(b, 0, 1);
	said.content.bytes[0] ^= 1;
	assert_int_equal(souk_download_available(&b->download, 0, &said), SOUK_PEER_BAD_OFFER);
	assert_int_equal(b->parts[0], before);
	free(b);
}

/* Who has nothing of use waits, and goes on when it has. */
static void who_has_nothing_waits(void **state)
{
	(void)state;
	struct bench *b = bench_new(1, NULL);
	tell(b, 0, 0, 2);
	pull(b);
	assert_int_equal(asked_of(b, 0), 2);
	serve(b, 0, 10, 6);
	assert_int_equal(b->download.done.set, 2);
	pass(b, 20000);
	assert_false(b->ended);
	tell(b, 0, 0, 4);
	pull(b);
	serve(b, 0, 10, 6);
	assert_int_equal(b->download.done.set, 4);
	/* Nobody has the rest, for too long. */
	pass(b, 30001);
	assert_true(b->ended);
	assert_int_equal(b->status, SOUK_LOCAL_NO_PROVIDER_LEFT);
	free(b);
}

/* "Not here" binds nothing: the same unit brings another chunk, and nobody is dropped. */
static void what_is_not_here_is_asked_elsewhere(void **state)
{
	(void)state;
	struct bench *b = bench_new(2, NULL);
	tell(b, 1, 0, 0);
	pull(b);
	uint32_t first = op_of(b, 0), chunk = b->ops[first].chunk, unit = b->ops[first].unit;
	answer(b, first, SOUK_LOCAL_NOT_HERE);
	first = op_of(b, 0);
	assert_int_equal(b->ops[first].unit, unit);
	assert_int_not_equal(b->ops[first].chunk, chunk);
	assert_false(b->parts[0] >> chunk & 1);
	tell(b, 1, chunk, 1);
	pull(b);
	assert_true(is_asked(b, 1, chunk));
	serve(b, 0, 10, 300);
	assert_true(b->ended && b->status == SOUK_OK);
	assert_int_equal(b->download.providers[0].units_verified, CHUNKS - 1);
	assert_int_equal(b->download.providers[0].sessions, 1);
	free(b);
}

/* Of units that others follow none may be missing: the session ends, what was paid is read. */
static void a_gap_ends_the_session(void **state)
{
	(void)state;
	struct bench *b = bench_new(1, NULL);
	tell(b, 0, 0, 4);
	pull(b);
	assert_int_equal(asked_of(b, 0), 4);
	answer(b, op_of(b, 0), SOUK_OK);	     /* unit 1 */
	answer(b, op_of(b, 0), SOUK_LOCAL_NOT_HERE); /* unit 2, with nothing in its place */
	answer(b, op_of(b, 0), SOUK_OK);
	answer(b, op_of(b, 0), SOUK_OK);
	serve(b, 0, 10, 20);
	/* The two that followed were bought again, in another session. */
	assert_int_equal(b->download.done.set, 3);
	assert_int_equal(b->download.providers[0].sessions, 2);
	assert_int_equal(souk_download_lost(&b->download, 0), 0);
	free(b);
}

static void who_always_says_not_here_is_asked_less(void **state)
{
	(void)state;
	struct bench *b = bench_new(1, NULL);
	uint32_t asked = 0;
	pull(b);
	for (uint32_t i = 0; i < 3000 && !b->ended; i++) {
		tell(b, 0, 0, CHUNKS); /* as if nothing had been */
		while (op_of(b, 0) != OPS) {
			answer(b, op_of(b, 0), SOUK_LOCAL_NOT_HERE);
			asked++;
		}
		pass(b, 100);
	}
	assert_true(b->ended);
	assert_int_equal(b->status, SOUK_LOCAL_NO_PROVIDER_LEFT);
	assert_in_range(asked, 5, 30);
	assert_int_equal(souk_download_spent_all(&b->download).ncoin, 0);
	free(b);
}

/* ------------------------------------------------------------------ wants */

static void a_reader_comes_first(void **state)
{
	(void)state;
	struct bench *b = bench_new(2, NULL);
	souk_download_want(&b->download, 50, 3);
	souk_download_want(&b->download, 20, 2);
	pull(b);
	/* The newest want, then the older one, then the rest. */
	for (uint32_t i = 20; i < 22; i++)
		assert_true(is_asked(b, 0, i) || is_asked(b, 1, i));
	for (uint32_t i = 50; i < 53; i++)
		assert_true(is_asked(b, 0, i) || is_asked(b, 1, i));
	assert_int_equal(asked_of(b, 0) + asked_of(b, 1), 8);
	free(b);
}

static void a_stream_fetches_nothing_else(void **state)
{
	(void)state;
	struct souk_download_config config = {.wants_only = true};
	struct bench *b = bench_new(2, &config);
	pull(b);
	assert_int_equal(b->download.providers[0].sessions, 0);
	assert_int_equal(souk_download_deadline(&b->download).ms, SOUK_TIME_NEVER.ms);
	souk_download_want(&b->download, 62, 100);
	pull(b);
	assert_int_equal(asked_of(b, 0) + asked_of(b, 1), 2);
	serve(b, 0, 10, 8);
	assert_int_equal(b->download.done.set, 2);
	/* Idle for a long time, and neither dropped nor over; the session is kept. */
	pass(b, 100000);
	assert_false(b->ended);
	assert_int_equal(souk_download_deadline(&b->download).ms, SOUK_TIME_NEVER.ms);
	souk_download_want(&b->download, 0, 30);
	pull(b);
	assert_int_equal(b->download.providers[0].sessions + b->download.providers[1].sessions, 2);
	/* The reader left: what is in flight still comes, and no more. */
	uint32_t flying = asked_of(b, 0) + asked_of(b, 1);
	souk_download_want(&b->download, 0, 0);
	serve(b, 0, 10, 60);
	assert_int_equal(b->download.done.set, 2 + flying);
	free(b);
}

/* ------------------------------------------------------------------ an epoch's turn */

/* The ledger told the buyer of a new epoch, and the providers TURN_MS later. Returns when its first
 * sessions were open, or all was given up, in ms. */
static uint64_t opens_after(uint64_t turn_ms)
{
	struct bench *b = bench_new(2, NULL);
	uint64_t start = b->now.ms;
	b->turn = souk_time_plus_ms(b->now, turn_ms);
	pull(b);
	while (!b->ended && b->download.providers[0].sessions == 0)
		pass(b, 10);
	assert_int_equal(b->ended, b->download.providers[0].sessions == 0);
	assert_true(!b->ended || b->status == SOUK_LOCAL_NO_PROVIDER_LEFT);
	assert_int_equal(b->ended, turn_ms > 60000);
	uint64_t took = b->now.ms - start;
	free(b);
	return took;
}

static void an_epochs_turn_is_waited_for(void **state)
{
	(void)state;
	assert_in_range(opens_after(1000), 1000, 2000);
	assert_in_range(opens_after(3000), 3000, 6000);
	/* Who is always of another epoch is not waited for much longer than who is silent. */
	assert_in_range(opens_after(600000), 10000, 20000);
}

/* ------------------------------------------------------------------ speed */

/* Provider 0 brings a unit every 40 ms, provider 1 four every 1500. Towards the end it gets none:
 * so the last one comes when the fast one would have brought it. */
static void the_slow_hold_up_no_end(void **state)
{
	(void)state;
	struct souk_download_config config = {.no_hedges = true, .timeout_ms = 600000};
	struct bench *b = bench_new(2, &config);
	pull(b);
	uint64_t start = b->now.ms, pool_empty = 0;
	while (!b->ended && b->now.ms < start + 20000) {
		pass(b, 20);
		if ((b->now.ms - start) % 40 == 0 && op_of(b, 0) != OPS)
			answer(b, op_of(b, 0), SOUK_OK);
		uint32_t late = (b->now.ms - start) % 1500 == 0 ? asked_of(b, 1) + 1 : 0;
		for (; late > 0 && op_of(b, 1) != OPS; late--)
			answer(b, op_of(b, 1), SOUK_OK);
		if (pool_empty == 0 && b->download.taken.set == CHUNKS)
			pool_empty = b->now.ms;
	}
	assert_true(b->ended && b->status == SOUK_OK);
	assert_true(b->download.providers[1].units_verified >= 4);
	assert_in_range(b->now.ms - pool_empty, 0, 300);
	free(b);
}

/* ------------------------------------------------------------------ hedges */

/* All but what the slow one has in flight is done; then its chunks are asked of the other. */
static void late_chunks_are_asked_of_two(void **state)
{
	(void)state;
	struct souk_download_config config = {.timeout_ms = 60000, .hedge_permille = 1000};
	struct bench *b = bench_new(2, &config);
	pull(b);
	uint32_t slow = asked_of(b, 1);
	assert_int_equal(slow, 4);
	serve(b, 1u << 1, 20, 300);
	assert_true(b->ended && b->status == SOUK_OK);
	assert_int_equal(b->download.hedges, slow);
	assert_int_equal(b->download.hedges_won, slow);
	/* Nothing of the slow one was paid, and nothing twice. */
	assert_int_equal(souk_download_spent(&b->download, 1).ncoin, 0);
	assert_int_equal(souk_download_spent_all(&b->download).ncoin, CHUNKS * 100);
	free(b);
}

/* The bound holds whatever comes: two of so few chunks, and no third. */
static void few_chunks_are_hedged(void **state)
{
	(void)state;
	struct souk_download_config config = {.timeout_ms = 60000};
	struct bench *b = bench_new(2, &config);
	pull(b);
	for (uint32_t i = 0; i < 200 && !b->ended; i++) {
		serve(b, 1u << 1, 20, 1);
		assert_true(b->download.hedges_cost <= 2 && b->download.pairs <= 4);
	}
	free(b);
	config.no_hedges = true;
	b = bench_new(2, &config);
	pull(b);
	serve(b, 1u << 1, 20, 200);
	assert_int_equal(b->download.hedges, 0);
	free(b);
}

/* In a stream the late one is the last of its session: it is cancelled, and costs nothing. */
static void the_loser_is_cancelled(void **state)
{
	(void)state;
	struct souk_download_config config = {.wants_only = true, .timeout_ms = 60000};
	struct bench *b = bench_new(2, &config);
	souk_download_want(&b->download, 0, 2);
	pull(b);
	serve(b, 0, 20, 6);
	assert_int_equal(b->download.done.set, 2);
	souk_download_want(&b->download, 10, 1);
	pull(b);
	assert_int_equal(b->op_count, 1);
	uint32_t loser = b->ops[0].provider;
	pass(b, 2000);
	assert_int_equal(b->op_count, 2);
	assert_true(is_asked(b, 1 - loser, 10));
	serve(b, 1u << loser, 20, 4);
	assert_int_equal(b->cancelled, 1);
	assert_int_equal(b->download.done.set, 3);
	assert_int_equal(b->download.hedges_cost, 0);
	assert_int_equal(souk_download_spent_all(&b->download).ncoin, 3 * 100);
	/* It is asked again, in another session. */
	souk_download_want(&b->download, 20, 8);
	pull(b);
	assert_true(asked_of(b, loser) > 0);
	free(b);
}

/* A robber that is paid a window and gives no key gets no more by hedges: its chunks come from
 * elsewhere, and it is left with what it took. */
static void a_hedge_opens_no_second_window(void **state)
{
	(void)state;
	struct souk_download_config config = {.timeout_ms = 3000, .hedge_permille = 1000};
	struct bench *b = bench_new(2, &config);
	pull(b);
	for (uint32_t i = 0; i < 2000 && !b->ended; i++) {
		uint32_t robber = op_of(b, 1);
		/* It sends all units, and never a key. */
		if (robber != OPS && b->ops[robber].kind == SOUK_DOWNLOAD_FETCH) {
			struct souk_download_effect op = b->ops[robber];
			forget(b, robber);
			souk_download_received(&b->download, op.slot, NULL, b->now);
			pull(b);
		}
		serve(b, 1u << 1, 10, 1);
	}
	assert_true(b->ended && b->status == SOUK_OK);
	assert_true(souk_download_lost(&b->download, 1) <= WINDOW);
	assert_true(souk_download_spent(&b->download, 1).ncoin <= WINDOW * 100);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rarest_comes_first),
		cmocka_unit_test(a_list_that_is_wrong_changes_nothing),
		cmocka_unit_test(who_has_nothing_waits),
		cmocka_unit_test(what_is_not_here_is_asked_elsewhere),
		cmocka_unit_test(a_gap_ends_the_session),
		cmocka_unit_test(who_always_says_not_here_is_asked_less),
		cmocka_unit_test(a_reader_comes_first),
		cmocka_unit_test(a_stream_fetches_nothing_else),
		cmocka_unit_test(an_epochs_turn_is_waited_for),
		cmocka_unit_test(the_slow_hold_up_no_end),
		cmocka_unit_test(late_chunks_are_asked_of_two),
		cmocka_unit_test(few_chunks_are_hedged),
		cmocka_unit_test(the_loser_is_cancelled),
		cmocka_unit_test(a_hedge_opens_no_second_window),
	};
	return cmocka_run_group_tests_name("download_plan", tests, NULL, NULL);
}
