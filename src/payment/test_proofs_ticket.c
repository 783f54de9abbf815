/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims P4 to P6, P8 and P22 of spec/payment.md: tickets on short strips, in every
 * sequence, against a model of two lines; claims of every unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fixture.h"
#include "proofs.h"
#include "souk/base/check.h"

static struct fixture fixture;
static struct fixture_sale sale;

static void open_sale(uint32_t count)
{
	fixture_init(&fixture, 21, 2, 1 << 20, 100);
	fixture_sale_open(&fixture, &sale, 1, count, 3);
}

static struct souk_hash value_of(uint32_t unit)
{
	return souk_chain_value(&sale.payer.chain, unit);
}

/* ---- every sequence of tickets ---- */

#define UNITS	 4
#define VALUES	 (UNITS + 4) /* x_0 .. x_UNITS, a key, rubbish, and one past the end */
#define ALPHABET ((UNITS + 2) * VALUES)

static struct souk_ticket alphabet[ALPHABET];
static uint64_t sequences, accepts;

/* Every number from 0 to one past the strip, with every value that anybody has seen. */
static void spell(void)
{
	/* A payer may know a value past its strip's end, which leads to the last one. */
	const struct souk_hash past = {{0x99, 1}};
	struct fixture_sale *sales[] = {&sale};
	fixture_init(&fixture, 21, 2, 1 << 20, 100);
	fixture_sale_reserve(&fixture, &sale, 1, UNITS, 3);
	struct souk_nonce nonce = sale.open.strip.nonce;
	struct souk_hash end = souk_chain_step(souk_chain_tag_ticket, &nonce, UNITS + 1, &past);
	souk_chain_init(&sale.payer.chain, souk_chain_tag_ticket, &nonce, UNITS, &end);
	sale.open.strip.anchor = sale.payer.strip.anchor = sale.payer.chain.anchor;
	fixture_sign(&fixture, sales, 1);
	for (uint32_t i = 0; i < ALPHABET; i++) {
		uint32_t unit = i / VALUES, value = i % VALUES;
		alphabet[i] = (struct souk_ticket){.strip = sale.payer.number, .unit = unit};
		if (value <= UNITS)
			alphabet[i].value = value_of(value);
		else if (value == UNITS + 1)
			alphabet[i].value =
				souk_chain_value(&sale.keys, unit < UNITS ? unit : UNITS);
		else if (value == UNITS + 2)
			alphabet[i].value = (struct souk_hash){{0x5a, (uint8_t)unit}};
		else
			alphabet[i].value = past;
	}
}

/* The model: a ticket counts where its value is the one of its number, and the number is new. */
static bool model(uint32_t *u, uint32_t i)
{
	uint32_t unit = i / VALUES, value = i % VALUES;
	if (unit <= *u || unit > UNITS || value != unit)
		return false;
	*u = unit;
	return true;
}

static void each_sequence(const struct souk_payee *before, uint32_t u, unsigned length)
{
	for (uint32_t i = 0; i < ALPHABET && length > 0; i++) {
		struct souk_payee payee = *before, many = *before, *payees[] = {&many};
		uint32_t next = u;
		souk_status status = souk_payee_accept(&payee, &alphabet[i], FIXTURE_NOW),
			    status_many;
		souk_payee_accept_many(&status_many, payees, &alphabet[i], 1, FIXTURE_NOW);
		bool counts = model(&next, i);
		struct souk_hash last = value_of(next);
		assert_true((status == SOUK_OK) == counts && status_many == status);
		assert_int_equal(payee.unit, next);
		assert_true(payee.unit >= before->unit && payee.unit <= payee.count);
		assert_true(souk_hash_equal(&payee.value, &last));
		assert_memory_equal(&many, &payee, sizeof payee);
		if (!counts)
			assert_memory_equal(&payee, before, sizeof payee);
		sequences++;
		accepts += counts;
		each_sequence(&payee, next, length - 1);
	}
}

/* P4: all sequences of up to four tickets out of 48: replayed, reordered, lost, forged from all
 * that was seen on the wire. The last accepted unit is always the highest good one, and only it. */
static void p4_every_sequence_of_tickets(void **state)
{
	(void)state;
	spell();
	sequences = accepts = 0;
	each_sequence(&sale.payee, 0, PROOFS_PICK(4, 3));
	assert_true(sequences > 70000 && accepts > 1000);
}

/* P4: whatever of the honest tickets arrives, in whatever order, how often: what counts is the
 * highest that arrived. All subsets and orders of up to six deliveries. */
static void p4_loss_costs_nothing_that_a_later_ticket_does_not_repair(void **state)
{
	(void)state;
	enum { DELIVERIES = 6, SLOTS = UNITS + 1 };
	uint32_t ways = 1;
	spell();
	for (int i = 0; i < DELIVERIES; i++)
		ways *= SLOTS;
	for (uint32_t way = 0; way < ways; way++) {
		struct souk_payee payee = sale.payee;
		uint32_t highest = 0;
		for (uint32_t i = 0, rest = way; i < DELIVERIES; i++, rest /= SLOTS) {
			uint32_t unit = rest % SLOTS; /* 0: lost */
			struct souk_ticket ticket = {
				.strip = sale.payer.number, .unit = unit, .value = value_of(unit)};
			souk_status status = souk_payee_accept(&payee, &ticket, FIXTURE_NOW);
			assert_int_equal(status, unit > highest ? SOUK_OK : SOUK_PEER_STALE_TICKET);
			highest = unit > highest ? unit : highest;
		}
		assert_int_equal(payee.unit, highest);
	}
}

/* P4: long strips at random, jumps over checkpoints, tickets with a bit changed. */
static void p4_long_strips_at_random(void **state)
{
	(void)state;
	struct souk_rng rng;
	souk_rng_init(&rng, 31);
	for (int round = 0; round < PROOFS_PICK(60, 10); round++) {
		uint32_t count = 1 + (uint32_t)souk_rng_below(&rng, 900), highest = 0;
		open_sale(count);
		for (int i = 0; i < 60; i++) {
			struct souk_ticket ticket = {.strip = sale.payer.number,
				.unit = (uint32_t)souk_rng_below(&rng, count + 2)};
			bool forged = souk_rng_below(&rng, 3) == 0;
			if (ticket.unit <= count)
				ticket.value = value_of(ticket.unit);
			if (forged)
				ticket.value.bytes[souk_rng_below(&rng, 32)] ^=
					(uint8_t)(1u << souk_rng_below(&rng, 8));
			bool good = !forged && ticket.unit > highest && ticket.unit <= count &&
				    ticket.unit - highest <= SOUK_TICKET_JUMP_MAX;
			souk_status status = souk_payee_accept(&sale.payee, &ticket, FIXTURE_NOW);
			assert_true((status == SOUK_OK) == good);
			highest = good ? ticket.unit : highest;
			assert_int_equal(sale.payee.unit, highest);
		}
	}
}

/* ---- time ---- */

/* P5: every end of the epoch, every expiry, every moment: a ticket counts before both of them. */
static void p5_no_ticket_at_or_after_the_close(void **state)
{
	(void)state;
	enum { TIMES = 12 };
	open_sale(3);
	struct souk_ticket ticket = {.strip = sale.payer.number, .unit = 2, .value = value_of(2)};
	for (uint64_t closes = 0; closes < TIMES; closes++)
		for (uint64_t expires = 0; expires < TIMES; expires++)
			for (uint64_t now = 0; now < TIMES; now++) {
				struct souk_payee payee = sale.payee, before;
				souk_payee_set_close(&payee, souk_time_at_ms(closes));
				payee.expires = souk_time_at_ms(expires);
				before = payee;
				souk_status status =
					souk_payee_accept(&payee, &ticket, souk_time_at_ms(now));
				assert_int_equal(status, now >= closes	  ? SOUK_PEER_EPOCH_CLOSED
							 : now >= expires ? SOUK_PEER_STRIP_EXPIRED
									  : SOUK_OK);
				if (status != SOUK_OK)
					assert_memory_equal(&payee, &before, sizeof payee);
			}
}

/* P5: at random over the whole range of time, one at a time and in lanes. */
static void p5_any_time(void **state)
{
	(void)state;
	struct souk_rng rng;
	souk_rng_init(&rng, 5);
	open_sale(3);
	struct souk_ticket ticket = {.strip = sale.payer.number, .unit = 2, .value = value_of(2)};
	for (int i = 0; i < 20000; i++) {
		struct souk_payee payee = sale.payee, *payees[] = {&payee};
		struct souk_time now =
			souk_time_at_ms(souk_rng_u64(&rng) >> souk_rng_below(&rng, 64));
		struct souk_time closes = souk_time_at_ms(now.ms + souk_rng_below(&rng, 5) - 2);
		souk_status status;
		payee.expires = SOUK_TIME_NEVER;
		souk_payee_set_close(&payee, closes);
		souk_payee_accept_many(&status, payees, &ticket, 1, now);
		bool in_time = now.ms < closes.ms && now.ms < SOUK_TIME_NEVER.ms;
		assert_true((status == SOUK_OK) == in_time);
	}
}

/* ---- claims ---- */

static void check_claim(uint32_t unit)
{
	struct souk_claim claim;
	struct souk_amount lo, hi;
	struct souk_hash value = value_of(unit);
	assert_int_equal(souk_claim_build(&claim, &sale.open, unit, &value, &sale.keys), SOUK_OK);
	assert_int_equal(souk_claim_verify(&lo, &hi, &claim, &fixture.record), SOUK_OK);
	assert_int_equal(lo.ncoin, sale.base.ncoin + sale.open.strip.start.ncoin);
	assert_int_equal(hi.ncoin - lo.ncoin, unit * sale.open.strip.price.ncoin);
	/* P8: the key of the unit is in it. */
	struct souk_hash key = souk_chain_value(&sale.keys, unit);
	assert_true(souk_hash_equal(&claim.key, &key));
}

/* P6, P8: all strips of one to eight units and of those about a checkpoint: each ticket that the
 * payee takes makes a claim that holds, for exactly its prefix, with its key. */
static void p6_p8_every_accepted_ticket_can_be_claimed(void **state)
{
	(void)state;
	static const uint32_t counts[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 255, 256, 257, 511, 512, 513, 600};
	static const uint32_t about[] = {1, 2, 254, 255, 256, 257, 258, 510, 511, 512, 513, 600};
	for (size_t c = 0; c < SOUK_COUNT_OF(counts); c++) {
		open_sale(counts[c]);
		for (uint32_t unit = 1; unit <= counts[c]; unit++) {
			struct souk_ticket ticket = {
				.strip = sale.payer.number, .unit = unit, .value = value_of(unit)};
			bool look = counts[c] <= 8;
			assert_int_equal(
				souk_payee_accept(&sale.payee, &ticket, FIXTURE_NOW), SOUK_OK);
			for (size_t i = 0; i < SOUK_COUNT_OF(about); i++)
				look = look || unit == about[i];
			if (look)
				check_claim(unit);
		}
	}
}

/* P6: a customer whose checkpoints are of another chain: whatever the payee accepted before it
 * noticed can be claimed, after jumps of every kind. */
static void p6_false_checkpoints_cost_the_payee_nothing(void **state)
{
	(void)state;
	struct souk_rng rng;
	souk_rng_init(&rng, 77);
	for (int round = 0; round < PROOFS_PICK(80, 15); round++) {
		fixture_init(&fixture, 21, 2, 1 << 20, 100);
		fixture_sale_reserve(&fixture, &sale, 1, 700, 3);
		size_t lie = souk_rng_below(&rng, 2);
		struct souk_hash leaves[2];
		sale.open.ticket_leaves.items[lie].bytes[7] ^= 1;
		memcpy(leaves, sale.open.ticket_leaves.items, sizeof leaves);
		sale.open.strip.checkpoints = souk_merkle_root(leaves, 2);
		struct fixture_sale *sales[] = {&sale};
		fixture_sign(&fixture, sales, 1);
		for (uint32_t unit = 0; unit < 700;) {
			unit += 1 + (uint32_t)souk_rng_below(&rng, 256);
			unit = unit < 700 ? unit : 700;
			struct souk_ticket ticket = {
				.strip = sale.payer.number, .unit = unit, .value = value_of(unit)};
			souk_status status = souk_payee_accept(&sale.payee, &ticket, FIXTURE_NOW);
			if (status == SOUK_OK)
				continue;
			assert_int_equal(status, SOUK_PEER_BAD_CHECKPOINT);
			break;
		}
		assert_true(sale.payee.unit < 256 * (lie + 1));
		if (sale.payee.unit > 0)
			check_claim(sale.payee.unit);
	}
}

/* P8: a claim without the right key is none: each other key of the chain, each ticket value, and a
 * key with a bit changed, at each unit of a short strip. */
static void p8_nobody_is_paid_without_the_key(void **state)
{
	(void)state;
	struct souk_claim claim;
	struct souk_amount lo, hi;
	open_sale(UNITS);
	for (uint32_t unit = 1; unit <= UNITS; unit++)
		for (uint32_t other = 0; other <= UNITS; other++) {
			fixture_claim(&claim, &sale, unit);
			claim.key = souk_chain_value(&sale.keys, other);
			assert_int_equal(souk_claim_verify(&lo, &hi, &claim, &fixture.record),
				other == unit ? SOUK_OK : SOUK_PEER_BAD_KEY);
			claim.key = value_of(other);
			assert_int_equal(souk_claim_verify(&lo, &hi, &claim, &fixture.record),
				SOUK_PEER_BAD_KEY);
			fixture_claim(&claim, &sale, unit);
			claim.value = value_of(other);
			assert_int_equal(souk_claim_verify(&lo, &hi, &claim, &fixture.record),
				other == unit ? SOUK_OK : SOUK_PEER_BAD_TICKET);
		}
	for (unsigned bit = 0; bit < 256; bit++) {
		fixture_claim(&claim, &sale, 3);
		claim.key.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(
			souk_claim_verify(&lo, &hi, &claim, &fixture.record), SOUK_PEER_BAD_KEY);
	}
}

/* ---- issuers ---- */

#define ISSUERS 3

/* Three leaves of three issuers; a strip of leaf LEAF that issuer SIGNER signed. */
static souk_status strip_by(struct souk_identity *issuers, size_t leaf, size_t signer)
{
	struct souk_sum_node root;
	struct souk_amount lo, hi;
	struct souk_claim claim;
	struct souk_strip_open *opens[] = {&sale.open};
	fixture_init(&fixture, 22, ISSUERS, 1000, 0);
	for (size_t i = 0; i < ISSUERS; i++)
		fixture.leaves[i].issuer = issuers[i].address;
	assert_int_equal(
		souk_allotment_commit(&root, fixture.leaves, ISSUERS, fixture.nodes), SOUK_OK);
	fixture.record.root = root.hash;
	fixture_sale_reserve(&fixture, &sale, leaf, UNITS, 3);
	assert_int_equal(souk_strip_sign_batch(opens, 1, &issuers[signer]), SOUK_OK);
	souk_status opened = souk_strip_open_verify(&sale.base, &sale.open, &fixture.record);
	fixture_claim(&claim, &sale, UNITS);
	souk_status claimed = souk_claim_verify(&lo, &hi, &claim, &fixture.record);
	assert_int_equal(opened, claimed);
	if (claimed == SOUK_OK)
		assert_true(lo.ncoin >= leaf * 1000 && hi.ncoin <= (leaf + 1) * 1000);
	/* Nor may the signer take the leaf for its own. */
	sale.open.leaf.issuer = issuers[signer].address;
	opened = souk_strip_open_verify(&sale.base, &sale.open, &fixture.record);
	assert_int_equal(opened, leaf == signer ? SOUK_OK : SOUK_PEER_BAD_PATH);
	return claimed;
}

/* P22: of three issuers each one's strips are good on its own leaf, and nowhere else. */
static void p22_every_leaf_has_its_own_issuer(void **state)
{
	(void)state;
	struct souk_identity issuers[ISSUERS];
	struct souk_rng rng;
	souk_rng_init(&rng, 22);
	for (size_t i = 0; i < ISSUERS; i++)
		fixture_identity(&issuers[i], &rng);
	for (size_t leaf = 0; leaf < ISSUERS; leaf++)
		for (size_t signer = 0; signer < ISSUERS; signer++)
			assert_int_equal(strip_by(issuers, leaf, signer),
				leaf == signer ? SOUK_OK : SOUK_PEER_WRONG_SIGNER);
}

/* P22: keys at random, signatures with a bit changed, and signatures made for another strip. */
static void p22_foreign_signatures_at_random(void **state)
{
	(void)state;
	struct souk_rng rng;
	struct souk_identity thief;
	struct souk_claim claim;
	struct souk_amount lo, hi;
	struct souk_strip_open *opens[] = {&sale.open};
	souk_rng_init(&rng, 23);
	open_sale(UNITS);
	const struct souk_signature foreign = sale.open.signature;
	for (int i = 0; i < PROOFS_PICK(1000, 200); i++) {
		if (i % 20 == 0)
			open_sale(UNITS + 1 + (uint32_t)(i / 20 % 5));
		const struct souk_signature own = sale.open.signature;
		fixture_claim(&claim, &sale, 1);
		if (i % 3 == 0) {
			fixture_identity(&thief, &rng);
			assert_int_equal(souk_strip_sign_batch(opens, 1, &thief), SOUK_OK);
			claim.signature = sale.open.signature;
			sale.open.signature = own;
		} else if (i % 3 == 1) {
			claim.signature.bytes[souk_rng_below(&rng, 65)] ^=
				(uint8_t)(1u << souk_rng_below(&rng, 8));
		} else {
			claim.signature = foreign;
		}
		assert_int_not_equal(souk_claim_verify(&lo, &hi, &claim, &fixture.record), SOUK_OK);
		claim.signature = own;
		assert_int_equal(souk_claim_verify(&lo, &hi, &claim, &fixture.record), SOUK_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p4_every_sequence_of_tickets),
		cmocka_unit_test(p4_loss_costs_nothing_that_a_later_ticket_does_not_repair),
		cmocka_unit_test(p4_long_strips_at_random),
		cmocka_unit_test(p5_no_ticket_at_or_after_the_close),
		cmocka_unit_test(p5_any_time),
		cmocka_unit_test(p6_p8_every_accepted_ticket_can_be_claimed),
		cmocka_unit_test(p6_false_checkpoints_cost_the_payee_nothing),
		cmocka_unit_test(p8_nobody_is_paid_without_the_key),
		cmocka_unit_test(p22_every_leaf_has_its_own_issuer),
		cmocka_unit_test(p22_foreign_signatures_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
