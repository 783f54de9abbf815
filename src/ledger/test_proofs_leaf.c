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
	struct souk_allotment_leaf leaf = {
		.issuer = market->issuer.address, .amount = {amount}};
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
	assert_int_equal(souk_payer_strip_open(&lot->payer, &leaf, &terms, 0, &secret, &lot->open),
		SOUK_OK);
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

static struct souk_tx_body receipt_body(struct lot *lot, size_t at, enum party payee, uint64_t amount)
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

static struct souk_sum_node join(const struct souk_sum_node *left, const struct souk_sum_node *right)
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
			struct souk_tx_body claim = by_receipt ? receipt_body(&bob, 1, BOB, 2)
							       : claim_body(&bob, 2);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p11_leaves_of_one_index_are_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
