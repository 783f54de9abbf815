/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes drive a payer and a payee, or are a claim, or damage a good claim.
 *
 *   0 ...   operations, two bytes each: what, how far
 *   1 ...   an encoded claim
 *   2 U ... the claim for unit U of the fixture with (where16, xor) edits
 *   3 U ... the claim for unit U of one strip and unit 7 of another together, with edits
 *   4 A ... the receipt for the first A of a leaf, with edits
 *
 * The state machine may never break P4, P5, or let the payee be owed what the
 * payer has not spent. A claim may be accepted only where it is, byte for byte,
 * the one that a holder of that unit's ticket and key builds; and so may several
 * together, and a receipt. */
#include <string.h>

#include "fixture.h"
#include "souk/base/check.h"
#include "souk/payment/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define UNITS 600

static struct fixture fixture, receipt_fixture;
static struct souk_identity payee;
static struct fixture_sale sale, others[2];
static struct souk_payer_strip fresh_payer;
static struct souk_payee fresh_payee;

static void prepare_once(void)
{
	struct fixture_sale *batch[] = {&sale, &others[0], &others[1]};
	struct souk_sum_node root;
	if (fixture.leaf_count != 0)
		return;
	fixture_init(&fixture, 41, 3, 1000000, 77);
	for (int i = 0; i < 3; i++)
		fixture_sale_reserve(&fixture, batch[i], 1, i == 0 ? UNITS : 10, 10);
	fixture_sign(&fixture, batch, 3);
	fresh_payer = sale.payer;
	fresh_payee = sale.payee;
	fixture_init(&receipt_fixture, 42, 3, 1000000, 77);
	fixture_identity(&payee, &receipt_fixture.rng);
	receipt_fixture.leaves[1].provider = payee.address;
	SOUK_CHECK(souk_allotment_commit(&root, receipt_fixture.leaves, 3, receipt_fixture.nodes) ==
		   SOUK_OK);
	receipt_fixture.record.root = root.hash;
}

static size_t encode(uint8_t *out, const struct souk_claim *claim)
{
	struct souk_writer writer;
	struct souk_bytes bytes;
	souk_writer_init(&writer, out, SOUK_CLAIM_SIZE_MAX);
	souk_claim_encode(&writer, claim);
	SOUK_CHECK(souk_writer_finish(&writer, &bytes) == SOUK_OK);
	return bytes.size;
}

static bool is_accepted(struct souk_claim *claim, const uint8_t *data, size_t size)
{
	struct souk_amount lo, hi;
	struct souk_wire_error where;
	uint8_t again[SOUK_CLAIM_SIZE_MAX];
	if (souk_claim_decode(claim, souk_bytes_of(data, size), &where) != SOUK_OK)
		return false;
	SOUK_CHECK(encode(again, claim) == size && memcmp(again, data, size) == 0);
	if (souk_claim_verify(&lo, &hi, claim, &fixture.record) != SOUK_OK)
		return false;
	SOUK_CHECK(hi.ncoin - lo.ncoin == (uint64_t)claim->unit * 10);
	return true;
}

static void judge_claim(const uint8_t *data, size_t size)
{
	struct souk_claim claim, honest;
	uint8_t expected[SOUK_CLAIM_SIZE_MAX];
	if (!is_accepted(&claim, data, size))
		return;
	SOUK_CHECK(claim.unit >= 1 && claim.unit <= UNITS);
	fixture_claim(&honest, &sale, claim.unit);
	SOUK_CHECK(encode(expected, &honest) == size && memcmp(expected, data, size) == 0);
}

static void judge_damaged_claim(const uint8_t *data, size_t size)
{
	struct souk_claim claim;
	uint8_t bytes[SOUK_CLAIM_SIZE_MAX];
	if (size < 2)
		return;
	fixture_claim(&claim, &sale, 1 + souk_load_be16(data) % UNITS);
	size_t claim_size = encode(bytes, &claim);
	if (size == 2)
		SOUK_CHECK(is_accepted(&claim, bytes, claim_size));
	for (size_t at = 2; at + 3 <= size; at += 3)
		bytes[souk_load_be16(data + at) % claim_size] ^= data[at + 2];
	judge_claim(bytes, claim_size);
}

/* (where16, xor) edits of BYTES; whether they changed anything. */
static bool edit(uint8_t *bytes, size_t bytes_size, const uint8_t *data, size_t size)
{
	static uint8_t before[SOUK_SIGNED_TX_SIZE_MAX];
	memcpy(before, bytes, bytes_size);
	for (size_t at = 0; at + 3 <= size; at += 3)
		bytes[souk_load_be16(data + at) % bytes_size] ^= data[at + 2];
	return memcmp(before, bytes, bytes_size) != 0;
}

static void judge_damaged_many(const uint8_t *data, size_t size)
{
	static uint8_t bytes[SOUK_TX_CLAIM_MANY_SIZE_MAX];
	static struct souk_tx_claim_many many;
	struct souk_claim_span spans[SOUK_CLAIM_ITEMS_MAX];
	struct souk_claim claims[2];
	struct souk_writer writer;
	if (size < 2)
		return;
	fixture_claim(&claims[0], &sale, 1 + souk_load_be16(data) % UNITS);
	fixture_claim(&claims[1], &others[1], 7);
	SOUK_CHECK(souk_claim_many_build(&many, claims, 2) == SOUK_OK);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_tx_claim_many_encode(&writer, &many);
	bool is_damaged = edit(bytes, writer.size, data + 2, size - 2);
	bool is_good = souk_tx_claim_many_decode(&many, souk_bytes_of(bytes, writer.size), NULL) ==
			       SOUK_OK &&
		       souk_claim_many_verify(spans, &many, &fixture.record) == SOUK_OK;
	SOUK_CHECK(is_good == !is_damaged);
	if (is_good)
		SOUK_CHECK(spans[0].hi.ncoin - spans[0].lo.ncoin == claims[0].unit * 10ull &&
			   spans[1].hi.ncoin - spans[1].lo.ncoin == 70);
}

/* The receipt for the first AMOUNT of leaf 1, as its claim. */
static void build_receipt(struct souk_tx_claim_receipt *ret, uint64_t amount)
{
	const struct fixture *f = &receipt_fixture;
	struct souk_strip place = {.escrow = f->escrow, .epoch = 7, .segment = 1, .leaf = 1};
	struct souk_strip_open open;
	memset(ret, 0, sizeof *ret);
	SOUK_CHECK(souk_leaf_receipt_build(&ret->receipt, &place, &f->leaves[1],
			   souk_amount_of_ncoin(amount)) == SOUK_OK);
	souk_leaf_receipt_issue(&ret->receipt, &f->issuer);
	souk_leaf_receipt_countersign(&ret->receipt, &payee);
	SOUK_CHECK(souk_allotment_prove(
			   &open, f->leaves, f->leaf_count, 1, receipt_fixture.nodes) == SOUK_OK);
	ret->leaf = open.leaf;
	ret->leaf_path.count = open.leaf_path.count;
	memcpy(ret->leaf_path.items, open.leaf_path.items, sizeof open.leaf_path.items);
}

static void judge_damaged_receipt(const uint8_t *data, size_t size)
{
	static uint8_t bytes[SOUK_TX_CLAIM_RECEIPT_SIZE_MAX];
	static struct souk_tx_claim_receipt claim;
	struct souk_writer writer;
	struct souk_amount base;
	if (size < 2)
		return;
	build_receipt(&claim, 1 + souk_load_be16(data));
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_tx_claim_receipt_encode(&writer, &claim);
	bool is_damaged = edit(bytes, writer.size, data + 2, size - 2);
	bool is_good =
		souk_tx_claim_receipt_decode(&claim, souk_bytes_of(bytes, writer.size), NULL) ==
			SOUK_OK &&
		souk_leaf_receipt_verify(&base, &claim.receipt, &claim.leaf, claim.leaf_path.items,
			claim.leaf_path.count, &receipt_fixture.record) == SOUK_OK;
	const struct souk_leaf_receipt *r = &claim.receipt.receipt;
	SOUK_CHECK(is_good == !is_damaged);
	if (is_good)
		SOUK_CHECK(base.ncoin == 77 + 1000000 && r->amount.ncoin <= 1000000);
}

/* What may be true of the two sides, kept apart from them. */
struct model {
	struct souk_chain chain;
	uint32_t issued, accepted;
	uint64_t now_ms, closes_ms;
	struct souk_ticket sent[256];
	size_t sent_count;
};

static void issue(struct model *model, uint8_t step)
{
	struct souk_ticket ticket;
	uint32_t unit = model->issued + step;
	bool is_due = step >= 1 && unit <= UNITS;
	souk_status status = souk_payer_pay(&ticket, &sale.payer, unit);
	SOUK_CHECK((status == SOUK_OK) == is_due);
	if (!is_due)
		return;
	model->issued = unit;
	model->sent[model->sent_count++ % SOUK_COUNT_OF(model->sent)] = ticket;
}

static void reissue(struct model *model, uint8_t back)
{
	struct souk_ticket ticket;
	uint32_t unit = model->issued - back;
	bool is_paid = back < model->issued;
	SOUK_CHECK((souk_payer_reissue(&ticket, &sale.payer, unit) == SOUK_OK) == is_paid);
	if (is_paid)
		model->sent[model->sent_count++ % SOUK_COUNT_OF(model->sent)] = ticket;
}

static void deliver(struct model *model, struct souk_ticket ticket)
{
	struct souk_hash value = {0};
	struct souk_payee before = sale.payee, other = sale.payee, *lane[] = {&other};
	bool is_known = ticket.unit <= UNITS;
	if (is_known)
		value = souk_chain_value(&model->chain, ticket.unit);
	bool is_good = is_known && souk_hash_equal(&value, &ticket.value) &&
		       ticket.strip == sale.payer.number && ticket.unit > model->accepted &&
		       ticket.unit - model->accepted <= SOUK_TICKET_JUMP_MAX &&
		       model->now_ms < model->closes_ms && model->now_ms < FIXTURE_EXPIRES.ms;
	struct souk_time now = souk_time_at_ms(model->now_ms);
	souk_status many, status = souk_payee_accept(&sale.payee, &ticket, now);
	souk_payee_accept_many(&many, lane, &ticket, 1, now);
	SOUK_CHECK((status == SOUK_OK) == is_good);
	SOUK_CHECK(many == status && memcmp(&other, &sale.payee, sizeof other) == 0);
	if (is_good)
		model->accepted = ticket.unit;
	else
		SOUK_CHECK(memcmp(&before, &sale.payee, sizeof before) == 0);
}

static struct souk_ticket sent_before(const struct model *model, uint8_t back)
{
	size_t kept = model->sent_count < SOUK_COUNT_OF(model->sent) ? model->sent_count
								     : SOUK_COUNT_OF(model->sent);
	if (kept == 0)
		return (struct souk_ticket){.strip = sale.payer.number, .unit = back};
	return model->sent[(model->sent_count - 1 - back % kept) % SOUK_COUNT_OF(model->sent)];
}

static void operate(struct model *model, uint8_t what, uint8_t how)
{
	struct souk_ticket ticket = sent_before(model, how);
	switch (what % 9) {
	case 0: issue(model, how); break;
	case 1: deliver(model, ticket); break;
	case 2:
		ticket.value.bytes[how % 32] ^= 1;
		deliver(model, ticket);
		break;
	case 3:
		ticket.unit += 1 + how;
		deliver(model, ticket);
		break;
	case 4:
		ticket.strip ^= 1;
		deliver(model, ticket);
		break;
	case 5: model->now_ms += 4u * how; break;
	case 6:
		model->closes_ms = model->now_ms + 16u * how;
		souk_payee_set_close(&sale.payee, souk_time_at_ms(model->closes_ms));
		break;
	case 7: reissue(model, how); break;
	case 8:
		if (model->accepted > 0)
			souk_payee_resume(&sale.payee, model->accepted, &sale.payee.value);
		break;
	}
}

static void check_sides(const struct model *model)
{
	SOUK_CHECK(sale.payee.unit == model->accepted && sale.payer.unit == model->issued);
	SOUK_CHECK(model->accepted <= model->issued && model->issued <= UNITS);
	SOUK_CHECK(souk_payee_owed(&sale.payee).ncoin == 10ull * model->accepted);
	SOUK_CHECK(souk_payer_spent(&sale.payer).ncoin == 10ull * model->issued);
}

/* Whatever happened, what was accepted can be claimed (P6). */
static void check_claimable(const struct model *model)
{
	struct souk_claim claim;
	struct souk_amount lo, hi;
	if (model->accepted == 0)
		return;
	SOUK_CHECK(souk_claim_build(&claim, &sale.open, model->accepted, &sale.payee.value,
			   &sale.keys) == SOUK_OK);
	SOUK_CHECK(souk_claim_verify(&lo, &hi, &claim, &fixture.record) == SOUK_OK);
}

static void run_operations(const uint8_t *data, size_t size)
{
	static struct model model;
	memset(&model, 0, sizeof model);
	sale.payer = fresh_payer;
	sale.payee = fresh_payee;
	model.chain = fresh_payer.chain;
	model.now_ms = FIXTURE_NOW.ms;
	model.closes_ms = FIXTURE_CLOSES.ms;
	for (size_t at = 0; at + 2 <= size && at < 4096; at += 2) {
		operate(&model, data[at], data[at + 1]);
		check_sides(&model);
	}
	check_claimable(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	prepare_once();
	if (size == 0)
		return 0;
	switch (data[0] % 5) {
	case 0: run_operations(data + 1, size - 1); break;
	case 1: judge_claim(data + 1, size - 1); break;
	case 2: judge_damaged_claim(data + 1, size - 1); break;
	case 3: judge_damaged_many(data + 1, size - 1); break;
	case 4: judge_damaged_receipt(data + 1, size - 1); break;
	}
	return 0;
}
