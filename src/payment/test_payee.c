/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

/* Linked in place of the real one, which it calls: counts the compressions a ticket may cost. */
static size_t compressions;
void __real_souk_sha256_blocks(struct souk_hash *ret, const uint8_t (*blocks)[64], size_t count);
void __wrap_souk_sha256_blocks(struct souk_hash *ret, const uint8_t (*blocks)[64], size_t count);
void __wrap_souk_sha256_blocks(struct souk_hash *ret, const uint8_t (*blocks)[64], size_t count)
{
	compressions += count;
	__real_souk_sha256_blocks(ret, blocks, count);
}

static struct fixture fixture;
static struct fixture_sale sale;

static void open_sale(uint32_t count)
{
	fixture_init(&fixture, 21, 3, 10000000, 0);
	fixture_sale_open(&fixture, &sale, 1, count, 10);
}

static struct souk_ticket ticket_of(uint32_t unit)
{
	return (struct souk_ticket){.strip = sale.payer.number,
		.unit = unit,
		.value = souk_chain_value(&sale.payer.chain, unit)};
}

/* Offers TICKET both ways; a refusal must change nothing. */
static souk_status offer(const struct souk_ticket *ticket, uint64_t now_ms)
{
	struct souk_payee before = sale.payee, other = sale.payee, *others[] = {&other};
	souk_status many, one = souk_payee_accept(&sale.payee, ticket, souk_time_at_ms(now_ms));
	souk_payee_accept_many(&many, others, ticket, 1, souk_time_at_ms(now_ms));
	assert_int_equal(one, many);
	assert_memory_equal(&other, &sale.payee, sizeof other);
	if (one != SOUK_OK)
		assert_memory_equal(&before, &sale.payee, sizeof before);
	return one;
}

static void statuses_of_a_ticket(void **state)
{
	(void)state;
	enum { FORGED = 1, OTHER_STRIP = 2, SHIFTED = 4 };
	static const struct {
		uint32_t unit; /* offered to a payee at unit 300 of 1000 */
		uint64_t now_ms;
		int how;
		souk_status status;
	} rows[] = {
		{301, 1000, 0, SOUK_OK},
		{302, 1000, 0, SOUK_OK},
		{512, 1000, 0, SOUK_OK},
		{513, 1000, 0, SOUK_OK},
		{556, 1000, 0, SOUK_OK},
		{557, 1000, 0, SOUK_PEER_JUMP_TOO_FAR},
		{1000, 1000, 0, SOUK_PEER_JUMP_TOO_FAR},
		{1001, 1000, FORGED, SOUK_PEER_OVERDRAW},
		{UINT32_MAX, 1000, FORGED, SOUK_PEER_OVERDRAW},
		{300, 1000, 0, SOUK_PEER_STALE_TICKET},
		{299, 1000, 0, SOUK_PEER_STALE_TICKET},
		{0, 1000, 0, SOUK_PEER_STALE_TICKET},
		{300, 1000, FORGED, SOUK_PEER_STALE_TICKET},
		{301, 1000, FORGED, SOUK_PEER_BAD_TICKET},
		{512, 1000, FORGED, SOUK_PEER_BAD_TICKET},
		{530, 1000, FORGED, SOUK_PEER_BAD_TICKET},
		{301, 1000, SHIFTED, SOUK_PEER_BAD_TICKET},
		{301, 1000, OTHER_STRIP, SOUK_PEER_STRIP_TERMS},
		{301, 9999, OTHER_STRIP, SOUK_PEER_STRIP_TERMS},
		{301, 4999, 0, SOUK_OK},
		{301, 5000, 0, SOUK_PEER_STRIP_EXPIRED},
		{300, 5000, 0, SOUK_PEER_STRIP_EXPIRED},
		{301, 8999, 0, SOUK_PEER_STRIP_EXPIRED},
		{301, 9000, 0, SOUK_PEER_EPOCH_CLOSED},
		{301, UINT64_MAX, FORGED, SOUK_PEER_EPOCH_CLOSED},
	};
	open_sale(1000);
	for (size_t i = 0; i < SOUK_COUNT_OF(rows); i++) {
		uint32_t unit = rows[i].unit <= 1000 ? rows[i].unit : 1000;
		struct souk_ticket at_300 = ticket_of(300), ticket = ticket_of(unit);
		souk_payee_init(&sale.payee, &sale.open, sale.payer.number, FIXTURE_CLOSES);
		souk_payee_resume(&sale.payee, 300, &at_300.value);
		ticket.unit = rows[i].unit;
		if (rows[i].how & FORGED)
			ticket.value.bytes[31] ^= 1;
		if (rows[i].how & OTHER_STRIP)
			ticket.strip++;
		if (rows[i].how & SHIFTED)
			ticket.value = ticket_of(unit + 1).value;
		assert_int_equal(offer(&ticket, rows[i].now_ms), rows[i].status);
		assert_int_equal(souk_payee_owed(&sale.payee).ncoin,
			10 * (rows[i].status == SOUK_OK ? rows[i].unit : 300));
	}
}

/* P5 under a moving close: what counts is the close that is set now. */
static void close_moves(void **state)
{
	(void)state;
	open_sale(10);
	struct souk_ticket one = ticket_of(1), two = ticket_of(2);
	souk_payee_set_close(&sale.payee, souk_time_at_ms(2000));
	assert_int_equal(offer(&one, 2000), SOUK_PEER_EPOCH_CLOSED);
	assert_int_equal(offer(&one, 1999), SOUK_OK);
	souk_payee_set_close(&sale.payee, souk_time_at_ms(4000));
	assert_int_equal(offer(&two, 3999), SOUK_OK);
}

/* Every length of jump from every place near a checkpoint, with its cost. */
static void jumps_are_bounded(void **state)
{
	(void)state;
	open_sale(1000);
	for (uint32_t from = 250; from <= 262; from++)
		for (uint32_t to = from + 1; to <= from + 260; to++) {
			struct souk_hash start = souk_chain_value(&sale.payer.chain, from);
			struct souk_ticket good = ticket_of(to), bad = good;
			bad.value.bytes[0] ^= 0x80;
			souk_payee_resume(&sale.payee, from, &start);
			compressions = 0;
			souk_status status = souk_payee_accept(&sale.payee, &bad, FIXTURE_NOW);
			assert_true(compressions <= SOUK_TICKET_JUMP_MAX);
			assert_int_equal(compressions, to - from <= 256 ? to - from : 0);
			assert_int_equal(status,
				to - from <= 256 ? SOUK_PEER_BAD_TICKET : SOUK_PEER_JUMP_TOO_FAR);
			assert_int_equal(offer(&good, 1000),
				to - from <= 256 ? SOUK_OK : SOUK_PEER_JUMP_TOO_FAR);
		}
}

/* A customer whose published checkpoints are not of the chain: no unit that could not be claimed is
 * ever accepted (P6). */
static void false_checkpoints_are_noticed(void **state)
{
	(void)state;
	static const uint32_t from[] = {200, 255, 255, 1}, to[] = {256, 256, 300, 257};
	struct souk_strip_open *open = &sale.open;
	struct souk_hash leaves[3];
	struct souk_claim claim;
	struct souk_amount base, lo, hi;
	fixture_init(&fixture, 22, 3, 10000000, 0);
	fixture_sale_reserve(&fixture, &sale, 1, 1000, 10);
	open->ticket_leaves.items[0].bytes[0] ^= 1;
	memcpy(leaves, open->ticket_leaves.items, sizeof leaves);
	open->strip.checkpoints = souk_merkle_root(leaves, 3);
	assert_int_equal(souk_strip_sign_batch(&open, 1, &fixture.issuer), SOUK_OK);
	assert_int_equal(souk_strip_open_verify(&base, open, &fixture.record), SOUK_OK);
	souk_payee_init(&sale.payee, open, sale.payer.number, FIXTURE_CLOSES);
	for (size_t i = 0; i < SOUK_COUNT_OF(from); i++) {
		struct souk_ticket start = ticket_of(from[i]), ticket = ticket_of(to[i]);
		souk_payee_resume(&sale.payee, from[i], &start.value);
		assert_int_equal(offer(&ticket, 1000), SOUK_PEER_BAD_CHECKPOINT);
		ticket.value.bytes[9] ^= 1;
		assert_int_equal(offer(&ticket, 1000), SOUK_PEER_BAD_TICKET);
	}
	fixture_claim(&claim, &sale, 255);
	assert_int_equal(souk_claim_verify(&lo, &hi, &claim, &fixture.record), SOUK_OK);
}

/* A strip that another laid is paid from as far as its values are known. */
static void an_adopted_strip_pays_what_it_learnt(void **state)
{
	(void)state;
	struct souk_payer_strip adopted;
	struct souk_ticket ticket, mine;
	open_sale(600);
	struct souk_hash x8 = souk_chain_value(&sale.payer.chain, 8);
	struct souk_hash x300 = souk_chain_value(&sale.payer.chain, 300);
	struct souk_hash wrong = x8;
	wrong.bytes[9] ^= 1;
	assert_int_equal(souk_payer_learn(&sale.payer, 8, &x8), SOUK_LOCAL_STATE);
	souk_payer_strip_adopt(&adopted, &sale.payer.strip, sale.payer.number);
	assert_int_equal(souk_payer_pay(&ticket, &adopted, 1), SOUK_LOCAL_UNBOUGHT);
	assert_int_equal(souk_payer_learn(&adopted, 0, &x8), SOUK_PEER_STALE_TICKET);
	assert_int_equal(souk_payer_learn(&adopted, 8, &wrong), SOUK_PEER_BAD_TICKET);
	assert_int_equal(souk_payer_learn(&adopted, 7, &x8), SOUK_PEER_BAD_TICKET);
	assert_int_equal(souk_payer_learn(&adopted, 300, &x300), SOUK_PEER_JUMP_TOO_FAR);
	assert_int_equal(souk_payer_learn(&adopted, 601, &x8), SOUK_PEER_OVERDRAW);
	assert_int_equal(souk_payer_learn(&adopted, 8, &x8), SOUK_OK);
	assert_int_equal(souk_payer_learn(&adopted, 8, &x8), SOUK_PEER_STALE_TICKET);
	assert_int_equal(souk_payer_pay(&ticket, &adopted, 9), SOUK_LOCAL_UNBOUGHT);
	for (uint32_t unit = 3; unit <= 8; unit += 5) {
		assert_int_equal(souk_payer_pay(&ticket, &adopted, unit), SOUK_OK);
		assert_int_equal(souk_payer_pay(&mine, &sale.payer, unit), SOUK_OK);
		assert_memory_equal(&ticket, &mine, sizeof ticket);
	}
	assert_int_equal(souk_payer_learn(&adopted, 300, &x300), SOUK_PEER_JUMP_TOO_FAR);
	x8 = souk_chain_value(&sale.payer.chain, 260);
	assert_int_equal(souk_payer_learn(&adopted, 260, &x8), SOUK_OK);
	assert_int_equal(souk_payer_learn(&adopted, 300, &x300), SOUK_OK);
	assert_int_equal(souk_payer_spent(&adopted).ncoin, 80);
}

static void statuses_of_paying(void **state)
{
	(void)state;
	struct souk_ticket ticket = {.unit = 77}, last;
	open_sale(600);
	assert_false(souk_payer_last(&last, &sale.payer));
	assert_int_equal(souk_payer_reissue(&last, &sale.payer, 0), SOUK_LOCAL_STATE);
	assert_int_equal(souk_payer_pay(&ticket, &sale.payer, 0), SOUK_PEER_STALE_TICKET);
	assert_int_equal(souk_payer_pay(&ticket, &sale.payer, 257), SOUK_PEER_JUMP_TOO_FAR);
	assert_int_equal(souk_payer_pay(&ticket, &sale.payer, 601), SOUK_PEER_OVERDRAW);
	assert_int_equal(ticket.unit, 77);
	assert_int_equal(souk_payer_spent(&sale.payer).ncoin, 0);
	assert_int_equal(souk_payer_pay(&ticket, &sale.payer, 256), SOUK_OK);
	assert_int_equal(souk_payer_pay(&ticket, &sale.payer, 256), SOUK_PEER_STALE_TICKET);
	assert_int_equal(souk_payer_pay(&ticket, &sale.payer, 512), SOUK_OK);
	assert_int_equal(souk_payer_pay(&ticket, &sale.payer, 600), SOUK_OK);
	assert_int_equal(souk_payer_spent(&sale.payer).ncoin, 6000);
	assert_true(souk_payer_last(&last, &sale.payer));
	assert_memory_equal(&last, &ticket, sizeof last);
	assert_int_equal(souk_payer_reissue(&last, &sale.payer, 601), SOUK_LOCAL_STATE);
	/* A payee that lost everything is led up by tickets in between. */
	assert_int_equal(offer(&ticket, 1000), SOUK_PEER_JUMP_TOO_FAR);
	for (uint32_t unit = 200; unit <= 600; unit += 200) {
		assert_int_equal(souk_payer_reissue(&last, &sale.payer, unit), SOUK_OK);
		assert_int_equal(offer(&last, 1000), SOUK_OK);
	}
	assert_int_equal(souk_payer_spent(&sale.payer).ncoin, souk_payee_owed(&sale.payee).ncoin);
	souk_payer_strip_wipe(&sale.payer);
	for (size_t i = 0; i < sizeof sale.payer; i++)
		assert_int_equal(((const uint8_t *)&sale.payer)[i], 0);
}

/* What a payee should say, from the definition and the whole chain. */
static souk_status model_accept(uint32_t *unit, uint32_t count, struct souk_chain *chain,
	const struct souk_ticket *ticket, uint64_t now_ms, uint64_t closes_ms)
{
	if (ticket->strip != 3)
		return SOUK_PEER_STRIP_TERMS;
	if (now_ms >= closes_ms)
		return SOUK_PEER_EPOCH_CLOSED;
	if (now_ms >= 5000)
		return SOUK_PEER_STRIP_EXPIRED;
	if (ticket->unit <= *unit)
		return SOUK_PEER_STALE_TICKET;
	if (ticket->unit > count)
		return SOUK_PEER_OVERDRAW;
	if (ticket->unit > *unit + 256)
		return SOUK_PEER_JUMP_TOO_FAR;
	struct souk_hash value = souk_chain_value(chain, ticket->unit);
	if (!souk_hash_equal(&value, &ticket->value))
		return SOUK_PEER_BAD_TICKET;
	*unit = ticket->unit;
	return SOUK_OK;
}

/* Any ticket of the past or present, or something like one. */
static struct souk_ticket random_ticket(
	struct souk_rng *rng, const struct souk_ticket *sent, size_t sent_count, uint32_t count)
{
	struct souk_ticket ticket = {.strip = 3, .unit = (uint32_t)souk_rng_below(rng, count + 5)};
	if (sent_count > 0 && souk_rng_below(rng, 4) != 0) {
		size_t back = souk_rng_below(rng, souk_rng_below(rng, 3) ? 3 : sent_count);
		ticket = sent[sent_count - 1 - (back < sent_count ? back : 0)];
	}
	switch (souk_rng_below(rng, 12)) {
	case 0: ticket.value.bytes[souk_rng_below(rng, 32)] ^= 1; break;
	case 1: ticket.unit += (uint32_t)souk_rng_below(rng, 3); break;
	case 2: ticket.strip ^= 1; break;
	default: break;
	}
	return ticket;
}

/* Issue, deliver, lose, replay, reorder, forge; against the model. P4 and P5. */
static void random_sequences(void **state)
{
	(void)state;
	static struct souk_ticket sent[2000];
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct souk_rng rng;
		struct souk_chain chain;
		souk_rng_init(&rng, seed);
		uint32_t count = 1 + (uint32_t)souk_rng_below(&rng, 900), unit = 0;
		uint64_t now_ms = 1000, closes_ms = FIXTURE_CLOSES.ms;
		size_t sent_count = 0;
		open_sale(count);
		chain = sale.payer.chain;
		for (int step = 0; step < 600; step++) {
			uint32_t most = souk_rng_below(&rng, 20) ? 3 : 300;
			uint32_t next = sale.payer.unit + 1 + (uint32_t)souk_rng_below(&rng, most);
			if (souk_payer_pay(&sent[sent_count], &sale.payer, next) == SOUK_OK)
				sent_count++;
			now_ms += souk_rng_below(&rng, 9);
			if (souk_rng_below(&rng, 200) == 0) {
				closes_ms = now_ms + souk_rng_below(&rng, 2000);
				souk_payee_set_close(&sale.payee, souk_time_at_ms(closes_ms));
			}
			struct souk_ticket ticket = random_ticket(&rng, sent, sent_count, count);
			uint32_t before = unit;
			souk_status expected =
				model_accept(&unit, count, &chain, &ticket, now_ms, closes_ms);
			assert_int_equal(offer(&ticket, now_ms), expected);
			assert_int_equal(sale.payee.unit, unit);
			assert_true(unit >= before && unit <= sale.payer.unit);
			assert_true(souk_payee_owed(&sale.payee).ncoin <=
				    souk_payer_spent(&sale.payer).ncoin);
		}
	}
}

/* Batches of every size, with jumps of every length, give what one by one gives. */
static void many_equal_one_by_one(void **state)
{
	(void)state;
	enum { MAX = 23 };
	static struct fixture_sale sales[MAX];
	struct souk_payee copies[MAX], *payees[MAX];
	struct souk_ticket tickets[MAX];
	souk_status statuses[MAX];
	struct souk_rng rng;
	souk_rng_init(&rng, 77);
	fixture_init(&fixture, 23, 1, 100000000, 0);
	for (size_t i = 0; i < MAX; i++)
		fixture_sale_open(&fixture, &sales[i], 0, 1 + 100 * (uint32_t)i, 3);
	for (int round = 0; round < 400; round++) {
		size_t count = souk_rng_below(&rng, MAX + 1);
		for (size_t i = 0; i < count; i++) {
			struct souk_payee *payee = &sales[i].payee;
			uint32_t most = souk_rng_below(&rng, 4) ? 3 : 280;
			uint32_t unit = payee->unit + (uint32_t)souk_rng_below(&rng, most);
			tickets[i].strip = 3;
			tickets[i].unit = unit;
			unit = unit < payee->count ? unit : payee->count;
			tickets[i].value = souk_chain_value(&sales[i].payer.chain, unit);
			if (souk_rng_below(&rng, 10) == 0)
				tickets[i].value.bytes[1] ^= 4;
			payees[i] = payee;
			copies[i] = *payee;
		}
		souk_payee_accept_many(statuses, payees, tickets, count, FIXTURE_NOW);
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(statuses[i],
				souk_payee_accept(&copies[i], &tickets[i], FIXTURE_NOW));
			assert_memory_equal(&copies[i], payees[i], sizeof copies[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statuses_of_a_ticket),
		cmocka_unit_test(close_moves),
		cmocka_unit_test(jumps_are_bounded),
		cmocka_unit_test(false_checkpoints_are_noticed),
		cmocka_unit_test(statuses_of_paying),
		cmocka_unit_test(an_adopted_strip_pays_what_it_learnt),
		cmocka_unit_test(random_sequences),
		cmocka_unit_test(many_equal_one_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
