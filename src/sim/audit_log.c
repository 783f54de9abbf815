/* SPDX-License-Identifier: Apache-2.0
 *
 * What the blocks say: no claim takes from an honest payer what it never issued, no point of a
 * value line is paid twice, and no honest party is punished. */
#include <stdlib.h>
#include <string.h>

#include "audit_internal.h"
#include "souk/base/check.h"
#include "souk/ledger/verify.h"
#include "souk/payment/lottery.h"
#include "task.h"

/* Where the log is read. */
struct reading {
	struct sim_audit *audit;
	uint32_t pieces;
	uint64_t block_us;
	struct souk_signed_tx *tx; /* large: on the heap */
};

/* ---------------------------------------------------------------- points */

/* The next points that a claim was paid for: those of [lo, hi) that nothing in the log was paid for
 * before. */
static uint64_t take_points(struct sim_audit *audit, const struct audit_leaf *leaf,
	const struct audit_escrow *escrow, uint64_t start, uint64_t length)
{
	const struct souk_ledger *ledger = sim_ledger_state(sim_world_ledger(audit->world));
	struct souk_amount prize = souk_amount_of_ncoin(escrow->prize);
	struct souk_epoch_record epoch;
	uint64_t first, taken = 0, lo = leaf->base + leaf->before + start;
	if (souk_ledger_get_epoch(&epoch, ledger, leaf->key.epoch) != SOUK_OK)
		return 0;
	struct souk_amount offset =
		souk_lottery_offset(&epoch.beacon, &escrow->id, leaf->key.epoch, prize);
	uint64_t count = souk_lottery_points(
		&first, offset, prize, souk_amount_of_ncoin(lo), souk_amount_of_ncoin(lo + length));
	for (uint64_t i = 0; i < count; i++) {
		struct audit_point point = {
			.escrow = escrow->id, .epoch = leaf->key.epoch, .number = first + i};
		uint32_t known = audit->points.count;
		(void)audit_table_get(&audit->points, &point);
		taken += audit->points.count - known;
	}
	return taken;
}

/* A claim of FROM was paid: the ledger takes none that wins nothing new. */
static void check_points(struct sim_audit *audit, const struct souk_address *from,
	const struct audit_leaf_key *key, uint64_t start, uint64_t length)
{
	const struct sim_node *payee = sim_node_of(audit->world, from);
	const struct audit_escrow *escrow = audit_escrow_of(audit, &key->escrow);
	const struct audit_leaf *leaf = audit_table_find(&audit->leaves, key);
	if (escrow == NULL || leaf == NULL || !leaf->is_base_known)
		return;
	uint64_t taken = take_points(audit, leaf, escrow, start, length);
	if (payee != NULL)
		audit_person_of(audit, payee->id)->paid += taken * escrow->prize;
	if (taken == 0)
		sim_audit_violation(audit, SIM_VIOLATION_OVERPAID, escrow->payer, 1, 0,
			"a claim in epoch %llu was paid, and won nothing that was not paid before",
			(unsigned long long)key->epoch);
}

/* ---------------------------------------------------------------- claims */

static void check_issued(struct sim_audit *audit, const struct souk_strip *strip, uint32_t unit)
{
	const struct audit_escrow *escrow = audit_escrow_of(audit, &strip->escrow);
	if (escrow == NULL || !audit_is_honest(audit, escrow->payer))
		return;
	const struct sim_node *payer = sim_node_at(audit->world, escrow->payer);
	const struct audit_side *side =
		audit_side_of(audit, &strip->nonce, payer->id, audit_role_of(payer));
	uint32_t issued = side == NULL ? 0 : side->issued;
	if (unit > issued)
		sim_audit_violation(audit, SIM_VIOLATION_OVERPAID, payer->id, unit, issued,
			"the ledger paid up to ticket %u of a session, issued were up to %u", unit,
			issued);
}

static void read_claim(struct sim_audit *audit, const struct souk_address *from,
	const struct souk_strip *strip, uint32_t unit, uint16_t depth)
{
	struct audit_leaf_key key;
	memset(&key, 0, sizeof key);
	key.escrow = strip->escrow;
	key.epoch = strip->epoch;
	key.segment = strip->segment;
	key.leaf = strip->leaf;
	key.depth = depth;
	check_issued(audit, strip, unit);
	check_points(audit, from, &key, strip->start.ncoin, unit * strip->price.ncoin);
}

/* Before the draw a receipt is lodged, and pays nothing. */
static bool is_drawn(struct reading *reading, uint64_t number)
{
	const struct souk_ledger *ledger =
		sim_ledger_state(sim_world_ledger(reading->audit->world));
	struct souk_epoch_record epoch;
	return souk_ledger_get_epoch(&epoch, ledger, number) == SOUK_OK && epoch.drawn &&
	       audit_us_of(epoch.drawn_at) <= reading->block_us;
}

static void read_receipt(struct reading *reading, const struct souk_address *from,
	const struct souk_tx_claim_receipt *tx)
{
	struct sim_audit *audit = reading->audit;
	const struct souk_leaf_receipt *receipt = &tx->receipt.receipt;
	const struct audit_escrow *escrow = audit_escrow_of(audit, &receipt->escrow);
	struct audit_leaf_key key;
	memset(&key, 0, sizeof key);
	key.escrow = receipt->escrow;
	key.epoch = receipt->epoch;
	key.segment = receipt->segment;
	key.leaf = receipt->leaf;
	key.depth = tx->leaf_path.count;
	const struct audit_leaf *leaf = audit_table_find(&audit->leaves, &key);
	if (escrow == NULL || leaf == NULL)
		return;
	if (is_drawn(reading, receipt->epoch))
		check_points(audit, from, &key, 0, receipt->amount.ncoin);
	if (audit_is_honest(audit, escrow->payer) && receipt->amount.ncoin > leaf->receipt_paid)
		sim_audit_violation(audit, SIM_VIOLATION_OVERPAID, escrow->payer,
			(int64_t)receipt->amount.ncoin, (int64_t)leaf->receipt_paid,
			"the ledger took a receipt over more than the payer signed for");
}

/* ---------------------------------------------------------------- punishments */

static void read_double_issue(struct sim_audit *audit, const struct souk_tx_double_issue *tx)
{
	const struct audit_escrow *escrow = audit_escrow_of(audit, &tx->first.strip.escrow);
	if (escrow != NULL && audit_is_honest(audit, escrow->payer))
		sim_audit_violation(audit, SIM_VIOLATION_PUNISHED, escrow->payer, 1, 0,
			"an honest payer forfeited its penalty");
}

static void read_challenge(struct reading *reading, const struct souk_hash *agreement)
{
	struct audit_challenge *challenge = audit_table_get(&reading->audit->challenges, agreement);
	challenge->asked_us = reading->block_us;
}

/* Silence is no fault of who was cut off for about as long as it had for its answer. */
static bool was_cut_off(struct sim_audit *audit, const struct souk_hash *agreement, uint32_t node)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	const struct audit_challenge *challenge = audit_table_find(&audit->challenges, agreement);
	uint64_t from = challenge == NULL ? 0 : challenge->asked_us, respond = s->respond_ms * 1000;
	return audit_quiet_us(audit, node, AUDIT_ALL_FAULTS, from, from + respond) < respond / 2;
}

static void read_verdict(
	struct reading *reading, const struct souk_hash *id, const struct souk_address *accuser)
{
	struct sim_audit *audit = reading->audit;
	const struct souk_ledger *ledger = sim_ledger_state(sim_world_ledger(audit->world));
	struct souk_agreement_record record;
	if (souk_ledger_get_agreement(&record, ledger, id) != SOUK_OK)
		return;
	const struct sim_node *provider = sim_node_of(audit->world, &record.agreement.provider);
	const struct sim_node *by = accuser == NULL ? NULL : sim_node_of(audit->world, accuser);
	/* Audits of modelled tasks are wrong at times, where F says so. */
	bool may_be_wrong = record.agreement.service == SIM_SERVICE_TASK &&
			    sim_world_scenario(audit->world)->false_ppm > 0;
	if (record.convicted && provider != NULL && !provider->is_greedy && !may_be_wrong &&
		!(accuser == NULL && was_cut_off(audit, id, provider->id)))
		sim_audit_violation(audit, SIM_VIOLATION_PUNISHED, provider->id,
			(int64_t)record.agreement.deposit.ncoin, 0,
			"an honest provider was convicted %s",
			accuser == NULL ? "for its silence" : "of a wrong unit");
	if (!record.convicted && by != NULL && !by->is_greedy)
		sim_audit_violation(audit, SIM_VIOLATION_PUNISHED, by->id,
			(int64_t)record.agreement.bond.ncoin, 0, "an honest accuser lost its bond");
}

/* ---------------------------------------------------------------- the log */

static void read_tx(struct reading *reading, const struct souk_tx *tx)
{
	struct sim_audit *audit = reading->audit;
	const struct souk_tx_body *body = &tx->body;
	switch (body->kind) {
	case SOUK_TX_BODY_CLAIM:
		read_claim(audit, &tx->from, &body->claim.claim.strip, body->claim.claim.unit,
			body->claim.claim.leaf_path.count);
		break;
	case SOUK_TX_BODY_CLAIM_MANY:
		for (uint16_t i = 0; i < body->claim_many.items.count; i++)
			read_claim(audit, &tx->from, &body->claim_many.items.items[i].strip,
				body->claim_many.items.items[i].unit,
				body->claim_many.leaf_path.count);
		break;
	case SOUK_TX_BODY_CLAIM_RECEIPT:
		read_receipt(reading, &tx->from, &body->claim_receipt);
		break;
	case SOUK_TX_BODY_DOUBLE_ISSUE: read_double_issue(audit, &body->double_issue); break;
	case SOUK_TX_BODY_CHALLENGE: read_challenge(reading, &body->challenge.agreement); break;
	case SOUK_TX_BODY_SILENCE: read_verdict(reading, &body->silence.agreement, NULL); break;
	case SOUK_TX_BODY_ACCUSE: read_verdict(reading, &body->accuse.agreement, &tx->from); break;
	default: break;
	}
}

/* A piece is the magic, the genesis, or a whole block. */
static void read_piece(void *ctx, struct souk_bytes piece)
{
	struct reading *reading = ctx;
	if (reading->pieces++ < 2)
		return;
	for (bool is_header = true; piece.size > 0; is_header = false) {
		struct souk_signed_block_header header;
		struct souk_wire_error where;
		struct souk_bytes frame;
		size_t used;
		SOUK_CHECK(souk_log_read_frame(&frame, &used, piece) == SOUK_OK);
		piece = souk_bytes_of(piece.data + used, piece.size - used);
		if (is_header) {
			SOUK_CHECK(
				souk_signed_block_header_decode(&header, frame, &where) == SOUK_OK);
			reading->block_us = audit_us_of(header.header.time);
			continue;
		}
		SOUK_CHECK(souk_signed_tx_decode(reading->tx, frame, &where) == SOUK_OK);
		read_tx(reading, &reading->tx->tx);
	}
}

/* Nobody counts as paid what another got, or nobody. */
static void compare_paid(struct sim_audit *audit, uint32_t id)
{
	const struct audit_person *person = audit_person_of(audit, id);
	if (!audit_is_honest(audit, id) || person->claimed <= person->paid)
		return;
	sim_audit_violation(audit, SIM_VIOLATION_UNPAID_CLAIM, id, (int64_t)person->paid,
		(int64_t)person->claimed, "it counts %llu as paid, and the ledger paid %llu",
		(unsigned long long)person->claimed, (unsigned long long)person->paid);
}

void audit_log_end(struct sim_audit *audit)
{
	struct reading reading = {.audit = audit, .tx = sim_alloc(sizeof(struct souk_signed_tx))};
	sim_ledger_log(sim_world_ledger(audit->world), read_piece, &reading);
	free(reading.tx);
	if (reading.pieces == 0)
		return; /* there is no log */
	for (uint32_t id = 0; id < sim_node_count(audit->world); id++)
		compare_paid(audit, id);
}
