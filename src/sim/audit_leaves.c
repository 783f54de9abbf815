/* SPDX-License-Identifier: Apache-2.0
 *
 * What honest sellers must win: worked out once more from the strips, the beacons and the tickets
 * that were accepted, and held against what they were paid. */
#include <string.h>

#include "audit_internal.h"
#include "souk/payment/lottery.h"

/* A claim is tried again every two seconds, and the ledger is read as often. */
#define TRY_US 2000000u

uint64_t audit_us_of(struct souk_time time)
{
	return time.ms > SIM_EPOCH_MS ? (time.ms - SIM_EPOCH_MS) * 1000 : 0;
}

/* ---------------------------------------------------------------- escrows */

static void ask_escrow(struct sim_audit *audit, struct audit_escrow *escrow)
{
	const struct souk_ledger *ledger = sim_ledger_state(sim_world_ledger(audit->world));
	struct souk_escrow_record record;
	if (escrow->is_known || souk_ledger_get_escrow(&record, ledger, &escrow->id) != SOUK_OK)
		return;
	const struct sim_node *payer = sim_node_of(audit->world, &record.payer);
	escrow->is_known = true;
	escrow->payer = payer == NULL ? NOBODY : payer->id;
	escrow->prize = record.prize.ncoin;
}

const struct audit_escrow *audit_escrow_of(struct sim_audit *audit, const struct souk_hash *id)
{
	struct audit_escrow *escrow = audit_table_get(&audit->escrows, id);
	ask_escrow(audit, escrow);
	return escrow->is_known ? escrow : NULL;
}

/* ---------------------------------------------------------------- leaves */

/* Where the segment starts: known as soon as its allotment is in a block. */
static void ask_base(struct sim_audit *audit, struct audit_leaf *leaf)
{
	const struct souk_ledger *ledger = sim_ledger_state(sim_world_ledger(audit->world));
	struct souk_allotment_record record;
	if (leaf->is_base_known)
		return;
	if (leaf->key.segment == 0) {
		leaf->is_base_known = true;
		return;
	}
	if (souk_ledger_view_allotment(&record, ledger, &leaf->key.escrow, leaf->key.epoch,
		    leaf->key.segment) != SOUK_OK)
		return;
	leaf->base = record.base.ncoin;
	leaf->is_base_known = true;
}

/* Siblings on the left come before the leaf. */
static uint64_t sum_before(const struct souk_strip_open *open)
{
	uint64_t sum = 0;
	for (uint16_t i = 0; i < open->leaf_path.count; i++) {
		if (open->strip.leaf >> i & 1)
			sum += open->leaf_path.items[i].sum.ncoin;
	}
	return sum;
}

/* Whether the seller's process still knows SIDE, and may have to claim it. */
static bool counts(struct sim_audit *audit, const struct audit_side *side)
{
	return side->incarnation == sim_node_at(audit->world, side->key.node)->incarnation &&
	       !(side->is_settled && side->accepted == 0);
}

static void check_overlap(
	struct sim_audit *audit, const struct audit_leaf *leaf, const struct audit_side *side)
{
	uint64_t lo = side->start, hi = lo + side->units * side->price;
	for (uint32_t i = leaf->sellers; i != NO_ITEM;) {
		const struct audit_side *other = audit_table_at(&audit->sides, i);
		uint64_t from = other->start, to = from + other->units * other->price;
		i = other->next_of_leaf;
		if (other->key.node == side->key.node && lo < to && from < hi &&
			counts(audit, other))
			sim_audit_violation(audit, SIM_VIOLATION_PROVIDER_LOSS, side->key.node,
				(int64_t)(hi < to ? hi : to) - (int64_t)(lo > from ? lo : from), 0,
				"two strips on one part of a leaf were accepted");
	}
}

void audit_leaf_opened(
	struct sim_audit *audit, struct audit_side *side, const struct souk_strip_open *open)
{
	const struct souk_strip *strip = &open->strip;
	struct audit_leaf_key key;
	memset(&key, 0, sizeof key);
	key.escrow = strip->escrow;
	key.epoch = strip->epoch;
	key.segment = strip->segment;
	key.leaf = strip->leaf;
	key.depth = open->leaf_path.count;
	uint32_t leaf_count = audit->leaves.count;
	struct audit_leaf *leaf = audit_table_get(&audit->leaves, &key);
	if (audit->leaves.count > leaf_count) {
		leaf->sellers = NO_ITEM;
		leaf->before = sum_before(open);
		leaf->is_open = souk_address_is_zero(&open->leaf.provider);
	}
	ask_base(audit, leaf);
	side->leaf = audit_table_index(&audit->leaves, leaf);
	side->start = strip->start.ncoin;
	side->units = strip->count;
	if (side->key.role == AUDIT_SELLER) {
		check_overlap(audit, leaf, side);
		side->next_of_leaf = leaf->sellers;
		leaf->sellers = audit_table_index(&audit->sides, side);
	}
	(void)audit_escrow_of(audit, &strip->escrow);
}

void audit_leaves_check(struct sim_audit *audit)
{
	for (uint32_t i = 0; i < audit->escrows.count; i++)
		ask_escrow(audit, audit_table_at(&audit->escrows, i));
	for (uint32_t i = 0; i < audit->leaves.count; i++)
		ask_base(audit, audit_table_at(&audit->leaves, i));
}

/* ---------------------------------------------------------------- the end */

/* What is to be known of a leaf before anything can be said of it. */
struct draw {
	const struct audit_escrow *escrow;
	struct souk_amount offset;
	uint64_t from_us, to_us; /* of the claim window */
	bool is_over;
};

static bool find_draw(struct sim_audit *audit, const struct audit_leaf *leaf, struct draw *ret)
{
	const struct souk_ledger *ledger = sim_ledger_state(sim_world_ledger(audit->world));
	const struct audit_escrow *escrow = audit_escrow_of(audit, &leaf->key.escrow);
	struct souk_epoch_record epoch;
	if (escrow == NULL || !leaf->is_base_known ||
		souk_ledger_get_epoch(&epoch, ledger, leaf->key.epoch) != SOUK_OK || !epoch.drawn)
		return false;
	struct souk_time end = souk_time_plus_ms(epoch.drawn_at, ledger->genesis.claim_ms);
	ret->escrow = escrow;
	ret->offset = souk_lottery_offset(
		&epoch.beacon, &escrow->id, leaf->key.epoch, souk_amount_of_ncoin(escrow->prize));
	ret->from_us = audit_us_of(epoch.drawn_at);
	ret->to_us = audit_us_of(end);
	ret->is_over = !souk_time_is_before(ledger->record.time, end);
	return true;
}

/* What [start, start + length) of the leaf wins. */
static uint64_t worth_of(
	const struct audit_leaf *leaf, const struct draw *draw, uint64_t start, uint64_t length)
{
	uint64_t first, lo = leaf->base + leaf->before + start;
	return draw->escrow->prize *
	       souk_lottery_points(&first, draw->offset, souk_amount_of_ncoin(draw->escrow->prize),
		       souk_amount_of_ncoin(lo), souk_amount_of_ncoin(lo + length));
}

/* Of all sellers of a leaf, of which there is one where it is not open. */
struct sums {
	uint64_t owed, least, most, claimed;
	uint32_t seller;
	souk_status status;
};

static struct sums sum_leaf(
	struct sim_audit *audit, const struct audit_leaf *leaf, const struct draw *draw)
{
	struct sums sums = {.seller = NOBODY};
	for (uint32_t i = leaf->sellers; i != NO_ITEM;) {
		const struct audit_side *side = audit_table_at(&audit->sides, i);
		uint32_t units = side->is_lost ? side->durable : side->accepted;
		i = side->next_of_leaf;
		sums.seller = side->key.node;
		sums.owed += units * side->price;
		sums.least += worth_of(leaf, draw, side->start, units * side->price);
		sums.most += worth_of(leaf, draw, side->start, side->accepted_most * side->price);
		sums.claimed += side->claimed;
		audit_person_of(audit, side->key.node)->claimed += side->claimed;
		if (side->claim_status != SOUK_OK)
			sums.status = side->claim_status;
	}
	if (leaf->receipt > 0)
		sums.least = sums.most = worth_of(leaf, draw, 0, leaf->receipt);
	return sums;
}

/* Time in which a seller that is there, and reaches the ledger, has surely claimed. */
static uint64_t claim_time_us(const struct sim_scenario *s)
{
	return 3 * TRY_US + 4 * (s->confirmations + 2) * s->block_ms * 1000 + 8 * s->latency_us;
}

/* docs/simulator.md, "What is excused": the claim window had no quiet time that was long enough;
 * the record rotted, or the disk lied; somebody promised an open leaf twice. */
static bool is_excused(struct sim_audit *audit, const struct audit_leaf *leaf,
	const struct draw *draw, uint32_t node)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	if (audit_quiet_us(audit, node, AUDIT_ALL_FAULTS, draw->from_us, draw->to_us) <
		claim_time_us(s))
		return true;
	if (leaf->is_open && !audit_is_honest(audit, draw->escrow->payer))
		return true;
	if (audit_is_struck(audit, node, AUDIT_FAULT(DISK_LOSES), 0, draw->to_us))
		return true;
	struct audit_person *person = audit_person_of(audit, node);
	return ++person->unclaimed <= audit_fault_sum(audit, node, AUDIT_FAULT(DISK_ROTS));
}

/* Nobody sells for what is not in a block that counts: it could never be claimed. */
static void check_backed(struct sim_audit *audit, const struct audit_leaf *leaf)
{
	const struct audit_escrow *escrow = audit_escrow_of(audit, &leaf->key.escrow);
	if (escrow != NULL && leaf->is_base_known)
		return;
	for (uint32_t i = leaf->sellers; i != NO_ITEM;) {
		const struct audit_side *side = audit_table_at(&audit->sides, i);
		i = side->next_of_leaf;
		if (side->accepted > 0)
			sim_audit_violation(audit, SIM_VIOLATION_UNPAID_CLAIM, side->key.node, 0,
				(int64_t)(side->accepted * side->price),
				"%u tickets of epoch %llu were accepted, and the ledger has no %s",
				side->accepted, (unsigned long long)leaf->key.epoch,
				escrow == NULL ? "such escrow" : "such allotment");
	}
}

static void end_leaf(struct sim_audit *audit, const struct audit_leaf *leaf)
{
	struct draw draw;
	check_backed(audit, leaf);
	if (leaf->sellers == NO_ITEM || !find_draw(audit, leaf, &draw))
		return;
	struct sums sums = sum_leaf(audit, leaf, &draw);
	if (sums.claimed > sums.most)
		sim_audit_violation(audit, SIM_VIOLATION_OVERPAID, draw.escrow->payer,
			(int64_t)sums.claimed, (int64_t)sums.most,
			"a leaf of epoch %llu paid %llu, and %llu were won",
			(unsigned long long)leaf->key.epoch, (unsigned long long)sums.claimed,
			(unsigned long long)sums.most);
	if (sums.claimed < sums.least && draw.is_over &&
		!is_excused(audit, leaf, &draw, sums.seller))
		sim_audit_violation(audit, SIM_VIOLATION_UNPAID_CLAIM, sums.seller,
			(int64_t)sums.claimed, (int64_t)sums.least,
			"a leaf of epoch %llu paid %llu, %llu were won and %llu owed: %s",
			(unsigned long long)leaf->key.epoch, (unsigned long long)sums.claimed,
			(unsigned long long)sums.least, (unsigned long long)sums.owed,
			souk_status_name(sums.status));
}

void audit_leaves_end(struct sim_audit *audit)
{
	for (uint32_t i = 0; i < audit->leaves.count; i++)
		end_leaf(audit, audit_table_at(&audit->leaves, i));
}
