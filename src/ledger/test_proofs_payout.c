/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims P3, P9 to P11 and P20 of spec/payment.md, on the ledger itself: small value
 * lines cut into segments, leaves and strips in every way, under every offset, with
 * claims in every order; and escrows that close at every moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proofs_kit.h"

#define PARTS_MAX 8

/* A strip on the line of epoch 0, with all it takes to claim it. */
struct part {
	struct sale sale;
	enum party payee;
	uint64_t lo; /* on the value line */
	uint32_t count;
	uint64_t price;
};

static struct line {
	struct market *market;
	struct souk_hash escrow;
	uint64_t length, prize, offset;
	uint32_t part_count;
	struct part parts[PARTS_MAX];
} line;

/* What follows a unit of the line: nothing special, or the end of a strip, leaf or segment. */
enum cut { WITHIN, STRIP_ENDS, LEAF_ENDS, SEGMENT_ENDS };

static void open_line(uint64_t length, uint64_t prize, uint64_t offset)
{
	memset(&line, 0, sizeof line);
	line.market = market_new();
	line.length = length;
	line.prize = prize;
	line.offset = offset;
	market_fund(line.market, ALICE, COIN);
	for (enum party who = BOB; who <= DAVE; who++)
		market_fund(line.market, who, 1);
	uint8_t salt = salt_for(line.market, 0, prize, offset);
	line.escrow = market_escrow_id(line.market, ALICE, salt);
	/* Just enough for one epoch: what is paid can come from nowhere else. */
	struct souk_tx_body body = body_open(salt, length, prize, length);
	market_do(line.market, ALICE, &body);
}

/* Money for many lines: what is refused is not refused for want of it. */
static void open_rich_line(uint64_t length, uint64_t prize, uint64_t offset)
{
	open_line(length, prize, offset);
	struct souk_tx_body body = body_top_up(&line.escrow, 10 * length);
	market_do(line.market, ALICE, &body);
}

/* A signed strip of COUNT units from START on within leaf INDEX of SALE. */
static void lay_strip(struct sale *sale, uint32_t index, uint64_t start, uint32_t count,
	uint64_t price, uint8_t number)
{
	struct souk_sum_node nodes[4];
	struct souk_strip terms = {.payee = sale->leaves[index].provider,
		.count = count,
		.price = {price},
		.customer = line.market->parties[ALICE].pubkey,
		.nonce = {{number, 77}},
		.expires = SOUK_TIME_NEVER};
	struct souk_payer_leaf leaf = {.escrow = sale->escrow,
		.epoch = sale->epoch,
		.segment = sale->segment,
		.index = index,
		.amount = sale->leaves[index].amount,
		.used = {start}};
	struct souk_hash ticket_secret = {{11, number}}, key_secret = {{12, number}};
	struct souk_strip_open *opens[] = {&sale->open};
	souk_chain_init(&sale->keys, souk_chain_tag_key, &terms.nonce, count, &key_secret);
	terms.key_anchor = sale->keys.anchor;
	terms.key_checkpoints = sale->keys.checkpoint_root;
	assert_int_equal(
		souk_payer_strip_open(&sale->payer, &leaf, &terms, 0, &ticket_secret, &sale->open),
		SOUK_OK);
	assert_int_equal(souk_allotment_prove(&sale->open, sale->leaves, 3, index, nodes), SOUK_OK);
	assert_int_equal(souk_strip_sign_batch(opens, 1, &line.market->issuer), SOUK_OK);
}

/* Lay strips on one segment, from BASE on, whose unit I is followed by CUTS[I]; all providers whose
 * leaves it has room for. Returns its length, or 0 where there are more than three leaves. */
static uint64_t lay_segment(
	uint64_t base, uint64_t left, const enum cut *cuts, uint32_t segment, uint64_t price)
{
	uint64_t amounts[3] = {0}, at = 0;
	uint32_t leaf = 0, strips[PARTS_MAX][3], strip_count = 0, from = 0; /* leaf, start, end */
	for (uint64_t i = 0; i < left; i++) {
		enum cut cut = i + 1 == left ? SEGMENT_ENDS : cuts[i];
		if (leaf > 2)
			return 0;
		amounts[leaf]++;
		at++;
		if (cut == WITHIN)
			continue;
		strips[strip_count][0] = leaf;
		strips[strip_count][1] = from;
		strips[strip_count++][2] = (uint32_t)amounts[leaf];
		from = cut == STRIP_ENDS ? (uint32_t)amounts[leaf] : 0;
		leaf += cut == LEAF_ENDS;
		if (cut == SEGMENT_ENDS)
			break;
	}
	uint64_t starts[3] = {base, base + amounts[0], base + amounts[0] + amounts[1]};
	for (uint32_t i = 0; i < strip_count; i++) {
		struct part *part = &line.parts[line.part_count++];
		uint32_t index = strips[i][0], length = strips[i][2] - strips[i][1];
		part->payee = (enum party)(BOB + index);
		part->price = length % price == 0 ? price : 1;
		part->count = (uint32_t)(length / part->price);
		part->lo = starts[index] + strips[i][1];
		sale_init(&part->sale, line.market, &line.escrow, 0, segment, amounts[0],
			amounts[1], amounts[2]);
		lay_strip(&part->sale, index, strips[i][1], part->count, part->price,
			(uint8_t)line.part_count);
	}
	struct souk_tx_body body = sale_allot(&line.parts[line.part_count - 1].sale);
	market_do(line.market, ALICE, &body);
	return at;
}

/* Fill the line. False where this way of cutting it needs more than three leaves at once. */
static bool lay_line(const enum cut *cuts, uint64_t price)
{
	uint32_t segment = 0;
	for (uint64_t at = 0; at < line.length;) {
		uint64_t length = lay_segment(at, line.length - at, cuts + at, segment++, price);
		if (length == 0)
			return false;
		at += length;
	}
	market_finish_epoch(line.market);
	return true;
}

/* ---- every order of claims ---- */

/* Which points were paid, in the model: bit k for the point offset + k * prize. */
static uint64_t edges;

static uint32_t points_of(const struct part *part, uint32_t unit)
{
	uint32_t points = 0;
	for (uint64_t k = 0; line.offset + k * line.prize < line.length; k++) {
		uint64_t point = line.offset + k * line.prize;
		if (point >= part->lo && point < part->lo + unit * part->price)
			points |= 1u << k;
	}
	return points;
}

static uint64_t paid_out(void)
{
	uint64_t paid = 0;
	for (enum party who = BOB; who <= DAVE; who++)
		paid += market_balance(line.market, who) - 1;
	return paid;
}

/* P11: the claim brings one prize for each of its points that is not paid yet, to its payee; where
 * there is none, nothing changes. Returns the points paid now. */
static uint32_t claim_once(struct part *part, uint32_t unit, uint32_t paid)
{
	struct souk_tx_body body = sale_claim(&part->sale, unit);
	uint32_t won = points_of(part, unit), fresh = won & ~paid;
	uint64_t before = market_balance(line.market, part->payee);
	enum party other = part->payee == BOB ? CAROL : BOB;
	if (edges++ % 16 == 0)
		assert_int_equal(market_try(line.market, other, &body), SOUK_PEER_NOT_PAYEE);
	if (fresh == 0) {
		assert_int_equal(market_send(line.market, part->payee, &body),
			won == 0 ? SOUK_PEER_CLAIM_NO_PRIZE : SOUK_PEER_CLAIM_PAID);
		return paid;
	}
	assert_int_equal(market_send(line.market, part->payee, &body), SOUK_OK);
	uint64_t gain = (uint64_t)__builtin_popcount(fresh) * line.prize;
	assert_int_equal(line.market->receipt.amount.ncoin, gain);
	assert_int_equal(market_balance(line.market, part->payee), before + gain);
	return paid | fresh;
}

/* Every claim from here, then every one from there, and so on. States are sets of paid points: the
 * ledger knows nothing else of what was claimed. */
static void each_claim(uint32_t paid, bool *visited)
{
	if (visited[paid])
		return;
	visited[paid] = true;
	/* P9: never above the line, whatever was claimed. */
	struct souk_escrow_record escrow = escrow_now(line.market, &line.escrow);
	assert_int_equal(paid_out(), (uint64_t)__builtin_popcount(paid) * line.prize);
	assert_int_equal(escrow.open.items[0].paid.ncoin, paid_out());
	assert_true(paid_out() <= line.length);
	struct image *before = image_of(line.market);
	for (uint32_t i = 0; i < line.part_count; i++)
		for (uint32_t unit = 1; unit <= line.parts[i].count; unit++) {
			uint32_t after = claim_once(&line.parts[i], unit, paid);
			each_claim(after, visited);
			image_put_back(before, line.market);
		}
	image_free(before);
}

/* All whole strips together bring the whole line. */
static void claim_everything(uint32_t paid)
{
	for (uint32_t i = 0; i < line.part_count; i++)
		paid = claim_once(&line.parts[i], line.parts[i].count, paid);
	assert_int_equal(paid_out(), line.length);
}

static void try_line(uint64_t length, uint64_t prize, uint64_t offset, const enum cut *cuts)
{
	bool visited[256] = {false};
	open_line(length, prize, offset);
	if (lay_line(cuts, 1)) {
		each_claim(0, visited);
		claim_everything(0);
		assert_int_equal(souk_ledger_audit(&line.market->ledger), SOUK_OK);
	}
	market_free(line.market);
}

/* P9, P11: lines of three and four, every prize, every offset, every way to cut the line into
 * segments, leaves and strips; from each reachable state every claim. */
static void p9_p11_every_point_is_paid_once(void **state)
{
	(void)state;
	for (uint64_t length = PROOFS_PICK(3, 2); length <= PROOFS_PICK(4, 3); length++)
		for (uint64_t prize = 1; prize <= length; prize++)
			for (uint64_t offset = 0; length % prize == 0 && offset < prize; offset++)
				for (uint32_t way = 0; way < 1u << 2 * (length - 1); way++) {
					enum cut cuts[4];
					for (uint32_t i = 0; i < 4; i++)
						cuts[i] = (enum cut)(way >> 2 * i & 3);
					try_line(length, prize, offset, cuts);
				}
	assert_true(edges > 500);
}

/* P9, P11: longer lines at random, with units of more than one ncoin. */
static void p9_p11_random_lines(void **state)
{
	(void)state;
	struct souk_rng rng;
	souk_rng_init(&rng, 9);
	for (int round = 0; round < PROOFS_PICK(60, 8); round++) {
		uint64_t prize = 1 + souk_rng_below(&rng, 8);
		uint64_t length = prize * (1 + souk_rng_below(&rng, 4));
		enum cut cuts[32] = {WITHIN};
		for (int i = 0; i < 4; i++)
			cuts[souk_rng_below(&rng, length)] = (enum cut)souk_rng_below(&rng, 4);
		open_line(length, prize, souk_rng_below(&rng, prize));
		uint32_t paid = 0;
		bool laid = lay_line(cuts, 1 + souk_rng_below(&rng, 3));
		for (int i = 0; laid && i < 12; i++) {
			struct part *part = &line.parts[souk_rng_below(&rng, line.part_count)];
			paid = claim_once(
				part, 1 + (uint32_t)souk_rng_below(&rng, part->count), paid);
			assert_true(paid_out() <= line.length);
		}
		if (laid)
			claim_everything(paid);
		market_free(line.market);
	}
}

/* ---- allotments ---- */

/* P3: three segments of every size on a line of four, the last ledger rule before a path: a segment
 * is taken exactly where it ends on the line. */
static void p3_no_segment_passes_the_line(void **state)
{
	(void)state;
	enum { LINE = 4, SIZES = 6 };
	for (uint32_t way = 0; way < SIZES * SIZES * SIZES; way++) {
		uint64_t base = 0;
		uint32_t segment = 0;
		open_rich_line(LINE, 2, 0);
		for (uint32_t i = 0, rest = way; i < 3; i++, rest /= SIZES) {
			struct sale sale;
			struct souk_allotment_record record;
			uint64_t total = rest % SIZES;
			sale_init(&sale, line.market, &line.escrow, 0, segment, total, 0, 0);
			struct souk_tx_body body = sale_allot(&sale);
			souk_status status = market_send(line.market, ALICE, &body);
			bool fits = total > 0 && base + total <= LINE;
			assert_true((status == SOUK_OK) == fits);
			if (!fits)
				continue;
			assert_int_equal(souk_ledger_get_allotment(&record, &line.market->ledger,
						 &line.escrow, 0, segment),
				SOUK_OK);
			assert_int_equal(record.base.ncoin, base);
			base += total;
			segment++;
		}
		market_free(line.market);
	}
}

/* P3: over the whole range of amounts, sums that would wrap among them. */
static void p3_large_segments(void **state)
{
	(void)state;
	enum { LINE_MAX = 1 << 20 };
	static const uint64_t totals[] = {1, LINE_MAX / 2, LINE_MAX - 1, LINE_MAX, LINE_MAX + 1,
		1ull << 63, UINT64_MAX - 1, UINT64_MAX};
	for (size_t i = 0; i < SOUK_COUNT_OF(totals); i++)
		for (size_t j = 0; j < SOUK_COUNT_OF(totals); j++) {
			open_rich_line(LINE_MAX, 8, 3);
			uint64_t size[] = {totals[i], totals[j]}, base = 0;
			uint32_t segment = 0;
			for (int k = 0; k < 2; k++) {
				struct souk_tx_body body = {.kind = SOUK_TX_BODY_ALLOT,
					.allot = {.escrow = line.escrow,
						.segment = segment,
						.root = {{1}},
						.total = {size[k]}}};
				bool fits = size[k] <= LINE_MAX - base;
				souk_status status = market_send(line.market, ALICE, &body);
				assert_true((status == SOUK_OK) == fits);
				base += fits ? size[k] : 0;
				segment += fits;
			}
			market_free(line.market);
		}
}

/* ---- the lock ---- */

#define SECOND 1000u

/* P10, P11: ALICE closes CLOSES seconds after the start; the beacon comes LATE seconds late. At
 * each second: whether a claim would be paid, and whether the escrow could be withdrawn. Never
 * both; and the claim is paid in full, or refused for the time. */
static void try_schedule(uint64_t closes, uint64_t late, uint64_t unclaimed)
{
	const enum cut cuts[4] = {WITHIN, WITHIN, WITHIN, WITHIN};
	uint64_t drawn_at = UINT64_MAX, withdrawn_at = UINT64_MAX, paid_until = 0;
	const uint64_t draw_second = (MARKET_EPOCH_MS + MARKET_DRAW_MS) / SECOND + late;
	open_line(4, 2, 1);
	(void)lay_segment(0, 4, cuts, 0, 1);
	struct part *part = &line.parts[0];
	struct souk_tx_body claim = sale_claim(&part->sale, part->count);
	struct souk_tx_body close = body_close(&line.escrow), out = body_withdraw(&line.escrow);
	for (uint64_t t = 0; t < 45 && withdrawn_at == UINT64_MAX; t++) {
		if (t == closes)
			market_do(line.market, ALICE, &close);
		if (t == draw_second) {
			struct souk_tx_body draw = body_draw(line.market, 0);
			market_do(line.market, OPERATOR, &draw);
			drawn_at = t;
		}
		struct image *before = image_of(line.market);
		souk_status paid = market_send(line.market, BOB, &claim);
		bool in_window = drawn_at <= t && (t - drawn_at) * SECOND < MARKET_CLAIM_MS;
		assert_int_equal(paid, in_window      ? SOUK_OK
				       : t < drawn_at ? SOUK_PEER_NOT_DRAWN
						      : SOUK_PEER_CLAIM_LATE);
		if (paid == SOUK_OK) {
			assert_int_equal(line.market->receipt.amount.ncoin, 4);
			paid_until = t;
		}
		image_put_back(before, line.market);
		image_free(before);
		if (market_try(line.market, ALICE, &out) == SOUK_OK) {
			assert_int_not_equal(paid, SOUK_OK);
			market_do(line.market, ALICE, &out);
			assert_int_equal(line.market->receipt.amount.ncoin, 4);
			withdrawn_at = t;
		} else {
			market_advance(line.market, SECOND);
		}
	}
	assert_true(withdrawn_at != UINT64_MAX && paid_until > 0 && withdrawn_at > paid_until);
	assert_true(withdrawn_at * SECOND >= closes * SECOND + MARKET_UNLOCK_MS);
	assert_true(withdrawn_at >= unclaimed);
	market_seal(line.market);
	market_free(line.market);
}

/* P10, P11: every second to close in, beacons in time and late. */
static void p10_no_withdrawal_before_the_last_claim(void **state)
{
	(void)state;
	for (uint64_t late = 0; late <= 6; late += 3)
		for (uint64_t closes = 0; closes <= 32; closes += PROOFS_PICK(1, 8))
			try_schedule(closes, late, 12 + late + 15);
}

/* P10: two epochs and a random life: whatever ALICE tries, what was allotted and not expired is
 * there. The ledger's own audit counts the money after each step. */
static void p10_random_lives_of_an_escrow(void **state)
{
	(void)state;
	struct souk_rng rng;
	souk_rng_init(&rng, 10);
	for (int round = 0; round < PROOFS_PICK(40, 6); round++) {
		open_line(4, 2, 0);
		struct souk_tx_body top = body_top_up(&line.escrow, 8);
		market_do(line.market, ALICE, &top);
		for (int step = 0; step < 60; step++) {
			struct souk_escrow_record escrow;
			struct souk_tx_body bodies[] = {body_close(&line.escrow),
				body_withdraw(&line.escrow), body_top_up(&line.escrow, 1), top};
			uint64_t which = souk_rng_below(&rng, 12), reserved = 0;
			if (souk_ledger_get_escrow(&escrow, &line.market->ledger, &line.escrow) !=
				SOUK_OK)
				break;
			for (uint32_t i = 0; i < escrow.open.count; i++) {
				struct souk_epoch_record epoch;
				const struct souk_open_epoch *open = &escrow.open.items[i];
				assert_true(open->paid.ncoin <= open->reserved.ncoin);
				if (souk_ledger_get_epoch(
					    &epoch, &line.market->ledger, open->epoch) != SOUK_OK ||
					!epoch.drawn ||
					line.market->now.ms < epoch.drawn_at.ms + MARKET_CLAIM_MS)
					reserved += open->reserved.ncoin;
			}
			if (which < 1 || (which < 4 && escrow.closing)) {
				souk_status status =
					market_send(line.market, ALICE, &bodies[escrow.closing]);
				if (escrow.closing && status == SOUK_OK)
					assert_int_equal(reserved, 0);
			} else if (which < 5) {
				(void)market_send(line.market, ALICE, &bodies[2]);
			} else if (which < 9) {
				struct sale sale;
				uint64_t epoch =
					line.market->ledger.record.epoch + souk_rng_below(&rng, 2);
				sale_init(&sale, line.market, &line.escrow, epoch,
					(uint32_t)souk_rng_below(&rng, 2),
					1 + souk_rng_below(&rng, 4), 0, 0);
				struct souk_tx_body body = sale_allot(&sale);
				(void)market_send(line.market, ALICE, &body);
			} else {
				market_advance(line.market, 500 + souk_rng_below(&rng, 6000));
				struct souk_tx_body draw = body_draw(
					line.market, line.market->ledger.record.next_draw);
				(void)market_send(line.market, OPERATOR, &draw);
			}
		}
		market_seal(line.market);
		assert_int_equal(souk_ledger_audit(&line.market->ledger), SOUK_OK);
		market_free(line.market);
	}
}

/* P20: up to eight claims of a leaf of a long line at random, some of them twice and some paid
 * before: a batch against the same claims one by one. */
static void p20_batches_at_random(void **state)
{
	(void)state;
	struct souk_rng rng;
	uint32_t compared = 0;
	souk_rng_init(&rng, 20);
	for (int round = 0; round < PROOFS_PICK(200, 20); round++) {
		uint64_t prize = 1 + souk_rng_below(&rng, 3), length = prize * 8;
		enum cut cuts[32] = {WITHIN};
		for (int i = 0; i < 3; i++)
			cuts[souk_rng_below(&rng, length)] = STRIP_ENDS;
		open_line(length, prize, souk_rng_below(&rng, prize));
		assert_true(lay_line(cuts, 1));
		struct souk_claim claims[SOUK_CLAIM_ITEMS_MAX];
		struct souk_tx_body singles[SOUK_CLAIM_ITEMS_MAX];
		struct souk_tx_body batch = {.kind = SOUK_TX_BODY_CLAIM_MANY};
		size_t count = 1 + souk_rng_below(&rng, 4);
		for (size_t i = 0; i < count; i++) {
			struct part *part = &line.parts[souk_rng_below(&rng, line.part_count)];
			singles[i] = sale_claim(
				&part->sale, 1 + (uint32_t)souk_rng_below(&rng, part->count));
			claims[i] = singles[i].claim.claim;
		}
		assert_int_equal(souk_claim_many_build(&batch.claim_many, claims, count), SOUK_OK);
		struct image *before = image_of(line.market);
		bool all = true;
		for (size_t i = 0; i < count; i++)
			all = market_send(line.market, BOB, &singles[i]) == SOUK_OK && all;
		uint64_t single = paid_out();
		image_put_back(before, line.market);
		image_free(before);
		assert_true((market_send(line.market, BOB, &batch) == SOUK_OK) == all);
		assert_int_equal(paid_out(), all ? single : 0);
		compared += all;
		market_free(line.market);
	}
	assert_true(compared > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p9_p11_every_point_is_paid_once),
		cmocka_unit_test(p9_p11_random_lines),
		cmocka_unit_test(p3_no_segment_passes_the_line),
		cmocka_unit_test(p3_large_segments),
		cmocka_unit_test(p10_no_withdrawal_before_the_last_claim),
		cmocka_unit_test(p10_random_lives_of_an_escrow),
		cmocka_unit_test(p20_batches_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
