/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims P11 and P17 to P20 of spec/payment.md, on the ledger itself: receipts in
 * place of strips, batched claims, open leaves, allotments that stand. A leaf of
 * four units, its strips and its receipts, in every order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "proofs_kit.h"
#include "souk/payment/receipt.h"

#define LINE 4u

static struct market *market;
static struct souk_hash escrow_id;
static struct souk_allotment_leaf leaves[4];
static struct souk_strip_path {
	uint16_t count;
	struct souk_sum_step items[20];
} paths[4];
static uint32_t indices[4];

static void open_escrow(uint64_t prize, uint64_t offset, uint64_t deposit, uint64_t penalty)
{
	market = market_new();
	market_fund(market, ALICE, COIN);
	for (enum party who = BOB; who <= DAVE; who++)
		market_fund(market, who, 1);
	uint8_t salt = salt_for(market, 0, prize, offset);
	escrow_id = market_escrow_id(market, ALICE, salt);
	struct souk_tx_body body = body_open(salt, LINE, prize, deposit);
	body.escrow_open.penalty.ncoin = penalty;
	market_do(market, ALICE, &body);
}

static struct souk_allotment_leaf leaf_of(enum party who, uint64_t amount)
{
	struct souk_allotment_leaf leaf = {.issuer = market->issuer.address, .amount = {amount}};
	if (who != OPERATOR)
		leaf.provider = market->parties[who].address; /* OPERATOR: an open leaf */
	return leaf;
}

static struct souk_sum_node node_of(const struct souk_allotment_leaf *leaf)
{
	uint8_t data[40];
	memcpy(data, leaf->provider.bytes, 20);
	memcpy(data + 20, leaf->issuer.bytes, 20);
	return souk_sum_leaf(souk_bytes_of(data, sizeof data), leaf->amount);
}

static void allot(struct souk_sum_node root)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ALLOT,
		.allot = {.escrow = escrow_id,
			.epoch = market->ledger.record.epoch,
			.root = root.hash,
			.total = root.sum}};
	market_do(market, ALICE, &body);
}

/* One leaf for WHO (OPERATOR: open) over the whole line. */
static void allot_one(enum party who)
{
	leaves[0] = leaf_of(who, LINE);
	paths[0].count = 0;
	indices[0] = 0;
	allot(node_of(&leaves[0]));
}

/* What a customer and a provider have of one strip. */
struct lot {
	struct souk_payer_strip payer;
	struct souk_chain keys;
	struct souk_strip_open open;
};

/* A strip of units of 1 on [START, START + COUNT) of leaf AT, for PAYEE. */
static void lay(struct lot *lot, size_t at, enum party payee, uint64_t start, uint32_t count,
	uint8_t number)
{
	struct souk_strip terms = {.payee = market->parties[payee].address,
		.count = count,
		.price = {1},
		.customer = market->parties[ALICE].pubkey,
		.nonce = {{number, 5}},
		.expires = SOUK_TIME_NEVER};
	struct souk_payer_leaf leaf = {.escrow = escrow_id,
		.epoch = market->ledger.record.epoch,
		.index = indices[at],
		.amount = leaves[at].amount,
		.used = {start}};
	struct souk_hash secret = {{number, 1}}, key_secret = {{number, 2}};
	struct souk_strip_open *opens[] = {&lot->open};
	memset(lot, 0, sizeof *lot);
	souk_chain_init(&lot->keys, souk_chain_tag_key, &terms.nonce, count, &key_secret);
	terms.key_anchor = lot->keys.anchor;
	assert_int_equal(
		souk_payer_strip_open(&lot->payer, &leaf, &terms, 0, &secret, &lot->open), SOUK_OK);
	lot->open.leaf = leaves[at];
	lot->open.leaf_path.count = paths[at].count;
	memcpy(lot->open.leaf_path.items, paths[at].items, sizeof paths[at].items);
	assert_int_equal(souk_strip_sign_batch(opens, 1, &market->issuer), SOUK_OK);
}

static void claim_of(struct souk_claim *ret, struct lot *lot, uint32_t unit)
{
	struct souk_hash value = souk_chain_value(&lot->payer.chain, unit);
	assert_int_equal(souk_claim_build(ret, &lot->open, unit, &value, &lot->keys), SOUK_OK);
}

static struct souk_tx_body claim_body(struct lot *lot, uint32_t unit)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CLAIM};
	claim_of(&body.claim.claim, lot, unit);
	return body;
}

static struct souk_tx_body receipt_body(
	struct lot *lot, size_t at, enum party payee, uint64_t amount)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CLAIM_RECEIPT};
	struct souk_tx_claim_receipt *claim = &body.claim_receipt;
	assert_int_equal(souk_leaf_receipt_build(&claim->receipt, &lot->open.strip, &leaves[at],
				 souk_amount_of_ncoin(amount)),
		SOUK_OK);
	souk_leaf_receipt_issue(&claim->receipt, &market->issuer);
	souk_leaf_receipt_countersign(&claim->receipt, &market->parties[payee]);
	claim->leaf = leaves[at];
	claim->leaf_path.count = paths[at].count;
	memcpy(claim->leaf_path.items, paths[at].items, sizeof paths[at].items);
	return body;
}

static uint64_t points_in(uint64_t offset, uint64_t prize, uint64_t lo, uint64_t hi)
{
	uint64_t points = 0;
	for (uint64_t point = offset; point < hi; point += prize)
		points |= point >= lo ? 1ull << point : 0;
	return points;
}

/* ---- P11: one leaf cannot speak for another ---- */

static struct souk_sum_step step_of(const struct souk_sum_node *node)
{
	return (struct souk_sum_step){.hash = node->hash, .sum = node->sum};
}

static struct souk_sum_node join(
	const struct souk_sum_node *left, const struct souk_sum_node *right)
{
	struct souk_sum_node row[2] = {*left, *right}, root;
	assert_int_equal(souk_sum_root(&root, row, 2), SOUK_OK);
	return root;
}

/* A payer's crooked tree: CAROL's leaf is the right child of the root, BOB's is at place 1 of the
 * left subtree: both have index 1, at different depths. */
static void allot_crooked(void)
{
	leaves[0] = leaf_of(DAVE, 1);
	leaves[1] = leaf_of(BOB, 2);
	leaves[2] = leaf_of(CAROL, 1);
	struct souk_sum_node dave = node_of(&leaves[0]), bob = node_of(&leaves[1]);
	struct souk_sum_node carol = node_of(&leaves[2]), left = join(&dave, &bob);
	indices[1] = indices[2] = 1;
	paths[1].count = 2;
	paths[1].items[0] = step_of(&dave);
	paths[1].items[1] = step_of(&carol);
	paths[2].count = 1;
	paths[2].items[0] = step_of(&left);
	allot(join(&left, &carol));
}

/* P11: what an accomplice does on a leaf of the same index takes nothing from an honest payee:
 * neither its strips nor its receipt, before the draw or after it. */
static void p11_leaves_of_one_index_are_apart(void **state)
{
	(void)state;
	static struct lot bob, carol;
	for (unsigned early = 0; early < 2; early++)
		for (unsigned by_receipt = 0; by_receipt < 2; by_receipt++) {
			open_escrow(1, 0, LINE, 0);
			allot_crooked();
			lay(&bob, 1, BOB, 0, 2, 1);
			lay(&carol, 2, CAROL, 0, 1, 2);
			struct souk_tx_body theft = receipt_body(&carol, 2, CAROL, 1);
			struct souk_tx_body claim =
				by_receipt ? receipt_body(&bob, 1, BOB, 2) : claim_body(&bob, 2);
			if (early)
				market_do(market, CAROL, &theft);
			market_finish_epoch(market);
			if (!early)
				market_do(market, CAROL, &theft);
			assert_int_equal(market_send(market, BOB, &claim), SOUK_OK);
			assert_int_equal(market->receipt.amount.ncoin, 2);
			market_free(market);
		}
}

/* ---- P17: receipts ---- */

/* One leaf of BOB's over the whole line, two strips of half of it, and a receipt for RECEIVED. */
static struct shop {
	struct lot strips[2];
	struct souk_tx_body claims[4];	 /* of unit 1 and 2 of each strip */
	struct souk_tx_body receipts[2]; /* for RECEIVED, and for another amount */
	uint64_t won[4], received[2];	 /* their points, as bits */
	uint64_t prize;
} shop;

static uint64_t bob_got(void)
{
	return market_balance(market, BOB) - 1;
}

static uint64_t paid_for(uint64_t points)
{
	return (uint64_t)__builtin_popcountll(points) * shop.prize;
}

static void open_shop(uint64_t prize, uint64_t offset, uint64_t received)
{
	uint64_t amounts[2] = {received, received % LINE + 1};
	memset(&shop, 0, sizeof shop);
	shop.prize = prize;
	open_escrow(prize, offset, LINE, 0);
	allot_one(BOB);
	for (uint32_t i = 0; i < 2; i++)
		lay(&shop.strips[i], 0, BOB, i * 2, 2, (uint8_t)(i + 1));
	for (uint32_t i = 0; i < 4; i++) {
		shop.claims[i] = claim_body(&shop.strips[i / 2], i % 2 + 1);
		shop.won[i] = points_in(offset, prize, i / 2 * 2, i + 1);
	}
	for (uint32_t i = 0; i < 2; i++) {
		shop.receipts[i] = receipt_body(&shop.strips[0], 0, BOB, amounts[i]);
		shop.received[i] = points_in(offset, prize, 0, amounts[i]);
	}
}

/* All orders of four claims and two receipts, from here on. LODGED is the receipt that counts, 2
 * for none yet; PAID the points. */
static void each_settlement(unsigned lodged, uint64_t paid, unsigned left)
{
	struct image *before = image_of(market);
	/* Never both ways, and by a receipt never more than it says and one prize. */
	assert_int_equal(bob_got(), paid_for(paid));
	assert_true(bob_got() <= LINE);
	if (lodged < 2) {
		uint64_t amount = shop.receipts[lodged].claim_receipt.receipt.receipt.amount.ncoin;
		assert_true(paid == 0 || paid == shop.received[lodged]);
		assert_true(bob_got() < amount + shop.prize);
		assert_true(paid == 0 || bob_got() + shop.prize > amount);
	}
	for (unsigned i = 0; left > 0 && i < 6; i++) {
		bool is_receipt = i >= 4;
		uint64_t points = is_receipt ? shop.received[i - 4] : shop.won[i];
		bool allowed =
			is_receipt ? lodged == i - 4 || (lodged == 2 && paid == 0) : lodged == 2;
		bool pays = allowed && (points & ~paid) != 0;
		souk_status status = market_send(
			market, BOB, is_receipt ? &shop.receipts[i - 4] : &shop.claims[i]);
		assert_true((status == SOUK_OK) == pays);
		if (!allowed)
			assert_int_equal(status, SOUK_PEER_LEAF_CLAIMED);
		each_settlement(
			pays && is_receipt ? i - 4 : lodged, pays ? paid | points : paid, left - 1);
		image_put_back(before, market);
	}
	image_free(before);
}

/* P17: every prize, offset and amount; a receipt lodged before the draw or not; then every order of
 * three claims out of all. */
static void p17_a_leaf_is_paid_in_one_way_only(void **state)
{
	(void)state;
	for (uint64_t prize = 1; prize <= LINE; prize *= 2)
		for (uint64_t offset = 0; offset < prize; offset++)
			for (uint64_t received = 1; received <= LINE; received++)
				for (unsigned lodged = 0; lodged <= 2; lodged += 2) {
					open_shop(prize, offset, received);
					if (lodged == 0)
						market_do(market, BOB, &shop.receipts[0]);
					market_finish_epoch(market);
					each_settlement(lodged, 0, PROOFS_PICK(3, 2));
					market_free(market);
				}
}

/* P17: a receipt needs both names under it. Every single bit of both signatures, every other
 * amount, and every other signer. */
static void p17_a_receipt_needs_both(void **state)
{
	(void)state;
	open_shop(1, 0, 3);
	market_finish_epoch(market);
	for (unsigned bit = 0; bit < 2 * 65 * 8; bit += PROOFS_PICK(1, 7)) {
		struct souk_tx_body body = shop.receipts[0];
		struct souk_signed_leaf_receipt *receipt = &body.claim_receipt.receipt;
		uint8_t *bytes = bit < 65 * 8 ? receipt->issuer_signature.bytes
					      : receipt->payee_signature.bytes;
		bytes[bit / 8 % 65] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(market_try(market, BOB, &body), SOUK_OK);
	}
	for (uint64_t amount = 0; amount <= LINE + 1; amount++) {
		struct souk_tx_body body = shop.receipts[0];
		body.claim_receipt.receipt.receipt.amount.ncoin = amount;
		assert_true((market_try(market, BOB, &body) == SOUK_OK) == (amount == 3));
	}
	for (enum party who = OPERATOR; who <= STRANGER; who++) {
		struct souk_tx_body body = shop.receipts[0];
		souk_leaf_receipt_issue(&body.claim_receipt.receipt, &market->parties[who]);
		assert_int_equal(market_try(market, BOB, &body), SOUK_PEER_WRONG_SIGNER);
		body = shop.receipts[0];
		souk_leaf_receipt_countersign(&body.claim_receipt.receipt, &market->parties[who]);
		assert_true((market_try(market, BOB, &body) == SOUK_OK) == (who == BOB));
	}
	market_free(market);
}

/* ---- P20: batches ---- */

/* P20: every list of up to three of four claims, from every state that one of them leads to: a
 * batch pays what its claims would have paid one after the other, or nothing where one of them
 * would have been refused. */
static void p20_a_batch_pays_what_its_claims_would(void **state)
{
	(void)state;
	for (uint64_t prize = 1; prize <= LINE; prize *= 2)
		for (uint32_t list = 0; list < 4 * 5 * 5 * 5; list++) {
			struct souk_claim claims[3];
			struct souk_tx_body body = {.kind = SOUK_TX_BODY_CLAIM_MANY};
			uint32_t first = list % 5, count = 0, picks[3];
			for (uint32_t i = 0, rest = list / 5; i < 3; i++, rest /= 5)
				if (rest % 5 < 4)
					picks[count++] = rest % 5;
			if (count == 0 || (PROOFS_PICK(0, 1) && list % 7 != 0))
				continue;
			open_shop(prize, prize / 2, 1);
			market_finish_epoch(market);
			if (first < 4)
				(void)market_send(market, BOB, &shop.claims[first]);
			uint64_t start = bob_got();
			struct image *before = image_of(market);
			bool all = true;
			for (uint32_t i = 0; i < count; i++) {
				claims[i] = shop.claims[picks[i]].claim.claim;
				all = market_send(market, BOB, &shop.claims[picks[i]]) == SOUK_OK &&
				      all;
			}
			uint64_t single = bob_got() - start;
			image_put_back(before, market);
			image_free(before);
			assert_int_equal(
				souk_claim_many_build(&body.claim_many, claims, count), SOUK_OK);
			souk_status status = market_send(market, BOB, &body);
			assert_true((status == SOUK_OK) == all);
			assert_int_equal(bob_got() - start, all ? single : 0);
			market_free(market);
		}
}

/* ---- P18: open leaves ---- */

static struct souk_signed_strip evidence_of(const struct lot *lot)
{
	struct souk_signed_strip strip = {.strip = lot->open.strip,
		.signature = lot->open.signature,
		.batch_index = lot->open.batch_index,
		.batch_count = lot->open.batch_count,
		.leaf = lot->open.leaf};
	return strip;
}

/* P18: every two stretches of an open leaf, for the same payee and for two: the ledger takes them
 * for double issuance exactly where they have a unit in common. On a leaf of one payee never, and a
 * strip with itself never. */
static void p18_every_overlap_is_proved(void **state)
{
	(void)state;
	static struct lot lots[2];
	unsigned overlaps = 0;
	for (unsigned open = 0; open < 2; open++) {
		open_escrow(1, 0, LINE, 100);
		allot_one(open ? OPERATOR : BOB);
		for (uint32_t way = 0; way < 4 * 4 * 4 * 4; way++) {
			uint64_t at[2] = {way % 4, way / 16 % 4}, size[2];
			for (unsigned i = 0; i < 2; i++) {
				size[i] = 1 + (way >> (4 * i + 2)) % 4;
				if (at[i] + size[i] <= LINE)
					lay(&lots[i], 0, open && i ? CAROL : BOB, at[i],
						(uint32_t)size[i], (uint8_t)(i + 1));
			}
			if (at[0] + size[0] > LINE || at[1] + size[1] > LINE)
				continue;
			struct souk_tx_body body = {.kind = SOUK_TX_BODY_DOUBLE_ISSUE,
				.double_issue = {evidence_of(&lots[0]), evidence_of(&lots[1])}};
			bool overlap = at[0] < at[1] + size[1] && at[1] < at[0] + size[0];
			souk_status status = market_try(market, DAVE, &body);
			assert_int_equal(
				status, overlap && open ? SOUK_OK : SOUK_PEER_NO_DOUBLE_ISSUE);
			overlaps += status == SOUK_OK;
			body.double_issue.second = body.double_issue.first;
			assert_int_equal(
				market_try(market, DAVE, &body), SOUK_PEER_NO_DOUBLE_ISSUE);
		}
		market_free(market);
	}
	assert_true(overlaps > 20);
}

/* P18: nobody but the issuer can make that evidence: every bit of both strips, signatures and
 * leaves. */
static void p18_evidence_cannot_be_forged(void **state)
{
	(void)state;
	static struct lot lots[2];
	struct souk_rng rng;
	souk_rng_init(&rng, 18);
	open_escrow(1, 0, LINE, 100);
	allot_one(OPERATOR);
	lay(&lots[0], 0, BOB, 0, 2, 1);
	lay(&lots[1], 0, CAROL, 2, 2, 2);
	struct souk_tx_body honest = {.kind = SOUK_TX_BODY_DOUBLE_ISSUE,
		.double_issue = {evidence_of(&lots[0]), evidence_of(&lots[1])}};
	for (int i = 0; i < PROOFS_PICK(3000, 300); i++) {
		struct souk_tx_body body = honest;
		struct souk_signed_strip *strip = souk_rng_below(&rng, 2)
							  ? &body.double_issue.first
							  : &body.double_issue.second;
		switch (souk_rng_below(&rng, 5)) {
		case 0: strip->strip.start.ncoin = souk_rng_below(&rng, 4); break;
		case 1: strip->strip.count = 1 + (uint32_t)souk_rng_below(&rng, 4); break;
		case 2:
			strip->strip.payee = market->parties[souk_rng_below(&rng, 6)].address;
			break;
		case 3: strip->signature.bytes[souk_rng_below(&rng, 65)] ^= 1; break;
		default: strip->leaf.amount.ncoin = souk_rng_below(&rng, 9); break;
		}
		assert_int_not_equal(market_try(market, DAVE, &body), SOUK_OK);
	}
	market_free(market);
}

/* ---- P19: standing allotments ---- */

/* The segments that EPOCH has stand in a row and end on the line. */
static void check_epoch(uint64_t epoch)
{
	uint64_t end = 0;
	for (uint32_t segment = 0; segment < 4; segment++) {
		struct souk_allotment_record record;
		if (souk_ledger_view_allotment(
			    &record, &market->ledger, &escrow_id, epoch, segment) != SOUK_OK)
			break;
		assert_int_equal(record.base.ncoin, end);
		end += record.total.ncoin;
	}
	assert_true(end <= LINE);
}

static void try_allot(uint64_t epoch, uint32_t segment, uint64_t total)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ALLOT,
		.allot = {.escrow = escrow_id,
			.epoch = epoch,
			.segment = segment,
			.root = {{1}},
			.total = {total}}};
	if (total > 0)
		(void)market_send(market, ALICE, &body);
}

/* P19: what stands, what is allotted before an epoch begins, and what is added in it, of every
 * size, with money for one to five lines: no epoch ever has more than the line, none is promised
 * what is not reserved, and no reserve is money that is not there. */
static void p19_no_epoch_has_more_than_the_line(void **state)
{
	(void)state;
	for (uint64_t way = 0; way < 4 * 5 * 5 * 5; way += PROOFS_PICK(1, 9)) {
		uint64_t standing = way % 4 + 1, early = way / 4 % 5, late = way / 20 % 5;
		uint64_t lines = 1 + way / 100;
		open_escrow(2, 0, lines * LINE, 0);
		struct souk_tx_body stand = {.kind = SOUK_TX_BODY_STAND,
			.stand = {.escrow = escrow_id,
				.root = {{2}},
				.total = {standing},
				.epochs = 4}};
		market_do(market, ALICE, &stand);
		for (uint64_t epoch = 0; epoch < 6; epoch++) {
			struct souk_escrow_record record;
			uint64_t held = 0;
			if (epoch % 2 == 0)
				try_allot(epoch + 1, 0, early);
			try_allot(epoch, epoch == 0 ? 0 : 1, late);
			for (uint64_t e = 0; e <= epoch + 1; e++)
				check_epoch(e);
			assert_int_equal(
				souk_ledger_view_escrow(&record, &market->ledger, &escrow_id),
				SOUK_OK);
			for (uint32_t i = 0; i < record.open.count; i++) {
				assert_true(record.open.items[i].reserved.ncoin <= LINE);
				held += record.open.items[i].reserved.ncoin;
			}
			assert_int_equal(record.free.ncoin + held, lines * LINE);
			market_finish_epoch(market);
		}
		market_seal(market);
		assert_int_equal(souk_ledger_audit(&market->ledger), SOUK_OK);
		market_free(market);
	}
}

/* P19: random orders to an escrow, larger amounts: stand, end what stands, allot now or ahead, add
 * money; several epochs. */
static void p19_standing_at_random(void **state)
{
	(void)state;
	struct souk_rng rng;
	uint64_t taken = 0;
	souk_rng_init(&rng, 19);
	for (int round = 0; round < PROOFS_PICK(60, 8); round++) {
		open_escrow(
			1 + souk_rng_below(&rng, 2), 0, LINE * (1 + souk_rng_below(&rng, 3)), 0);
		for (int i = 0; i < 40; i++) {
			uint64_t epoch = market->ledger.record.epoch;
			struct souk_tx_body stand = {.kind = SOUK_TX_BODY_STAND,
				.stand = {.escrow = escrow_id,
					.root = {{(uint8_t)i}},
					.total = {1 + souk_rng_below(&rng, LINE + 1)},
					.epochs = (uint32_t)souk_rng_below(&rng, 4)}};
			struct souk_tx_body top =
				body_top_up(&escrow_id, 1 + souk_rng_below(&rng, 4));
			switch (souk_rng_below(&rng, 6)) {
			case 0: taken += market_send(market, ALICE, &stand) == SOUK_OK; break;
			case 1: taken += market_send(market, ALICE, &top) == SOUK_OK; break;
			case 2: market_finish_epoch(market); break;
			default:
				try_allot(epoch + souk_rng_below(&rng, 2),
					(uint32_t)souk_rng_below(&rng, 3),
					1 + souk_rng_below(&rng, LINE));
			}
			for (uint64_t e = epoch > 3 ? epoch - 3 : 0; e <= epoch + 1; e++)
				check_epoch(e);
		}
		market_seal(market);
		assert_int_equal(souk_ledger_audit(&market->ledger), SOUK_OK);
		market_free(market);
	}
	assert_true(taken > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p11_leaves_of_one_index_are_apart),
		cmocka_unit_test(p17_a_leaf_is_paid_in_one_way_only),
		cmocka_unit_test(p17_a_receipt_needs_both),
		cmocka_unit_test(p18_every_overlap_is_proved),
		cmocka_unit_test(p18_evidence_cannot_be_forged),
		cmocka_unit_test(p19_no_epoch_has_more_than_the_line),
		cmocka_unit_test(p19_standing_at_random),
		cmocka_unit_test(p20_a_batch_pays_what_its_claims_would),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
