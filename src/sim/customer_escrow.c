/* SPDX-License-Identifier: Apache-2.0
 *
 * The customer's escrow on the ledger: opened when it arrives, closed when it leaves. In between
 * leaves of it are allotted to the providers of a purchase, all that wait in one transaction. */
#include <stdlib.h>
#include <string.h>

#include "customer.h"
#include "souk/payment/allotment.h"
#include "souk/payment/escrow.h"

#define RETRY_MS 1000u
/* Downloads of one epoch that the line is made for, at most. */
#define PER_EPOCH_MAX 64u
/* A wish takes this long at least, and the line so many times what one needs: leaves go to several
 * providers and are not used up, and faults have chunks bought again. */
#define WISH_LEAST_MS 1000u
#define LINE_SLACK    4u
/* Eight lines of all customers must be an amount. */
#define LINE_MAX (UINT64_C(1) << 50)

static const struct sim_scenario *scenario_of(const struct sim_node *node)
{
	return sim_world_scenario(node->world);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---------------------------------------------------------------- how much */

/* Up to COUNT whole prizes, within what one escrow can have. */
static uint64_t whole_prizes(uint64_t ncoin, uint64_t prize)
{
	uint64_t points = ncoin / prize + (ncoin % prize != 0);
	points = least(points, least(SOUK_ESCROW_POINTS_MAX, LINE_MAX / prize));
	points = points == 0 ? 1 : points;
	return points * prize;
}

/* What may be wanted in one epoch, several times over. */
static uint64_t line_needed(const struct sim_scenario *s, const struct sim_population *of)
{
	uint64_t pause = of->pause_ms > WISH_LEAST_MS ? of->pause_ms : WISH_LEAST_MS;
	uint64_t wishes = least(of->downloads, 2 + 2 * s->epoch_ms / pause);
	uint64_t each = s->units_max * s->price;
	return LINE_SLACK * least(wishes + 1, PER_EPOCH_MAX) * each;
}

static struct souk_nonce escrow_salt(void)
{
	return (struct souk_nonce){{0}};
}

void customer_escrow_make(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	const struct sim_scenario *s = scenario_of(node);
	const struct sim_population *of = c->of;
	const struct souk_genesis *genesis = sim_ledger_genesis(sim_world_ledger(node->world));
	struct souk_hash ledger = souk_genesis_digest(genesis);
	struct souk_nonce salt = escrow_salt();
	c->escrow = souk_escrow_id(&ledger, &node->identity.address, &salt);
	c->line.ncoin = whole_prizes(of->line > 0 ? of->line : line_needed(s, of), s->prize);
	SOUK_CHECK(souk_escrow_deposit_for(&c->deposit, c->line, genesis) == SOUK_OK);
	/* With agreements: a bond for an accusation, another for a challenge. */
	uint64_t besides = s->agreements != 0 ? 4 * customer_bond(s) : 0;
	uint64_t funds = of->funds > 0 ? of->funds : c->deposit.ncoin + besides;
	if (funds < c->deposit.ncoin)
		c->deposit.ncoin = funds;
	if (c->deposit.ncoin < c->line.ncoin)
		c->line.ncoin = c->deposit.ncoin - c->deposit.ncoin % s->prize;
	sim_ledger_fund(node, souk_amount_of_ncoin(funds));
}

/* ---------------------------------------------------------------- arriving and leaving */

static void look_again(struct sim_node *node, uint64_t ms)
{
	struct customer *c = customer_of(node);
	c->is_waiting = false;
	c->next = souk_time_plus_ms(sim_now(node), ms);
}

static void submit_open(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_OPEN};
	body.escrow_open = (struct souk_tx_escrow_open){
		.salt = escrow_salt(),
		.line = c->line,
		.prize = souk_amount_of_ncoin(scenario_of(node)->prize),
		.deposit = c->deposit,
	};
	c->is_waiting = true;
	c->next = SOUK_TIME_NEVER;
	sim_ledger_submit(node, &body, TOKEN_OPEN);
}

void customer_escrow_find(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct souk_escrow_record record;
	souk_status status = sim_ledger_escrow(node, &c->escrow, &record);
	if (status == SOUK_OK) {
		c->phase = record.closing ? CUSTOMER_LEAVING : CUSTOMER_RESTING;
		c->has_closed |= record.closing;
		look_again(node, 0);
	} else if (status == SOUK_PEER_NO_ESCROW && c->has_closed)
		c->phase = CUSTOMER_GONE;
	else if (status == SOUK_PEER_NO_ESCROW)
		submit_open(node);
	else
		look_again(node, RETRY_MS);
}

static void submit_end(struct sim_node *node, bool is_closing)
{
	struct customer *c = customer_of(node);
	struct souk_tx_body body = {
		.kind = is_closing ? SOUK_TX_BODY_ESCROW_WITHDRAW : SOUK_TX_BODY_ESCROW_CLOSE};
	if (is_closing)
		body.escrow_withdraw.escrow = c->escrow;
	else
		body.escrow_close.escrow = c->escrow;
	c->is_waiting = true;
	c->has_closed = true;
	c->next = SOUK_TIME_NEVER;
	sim_ledger_submit(node, &body, is_closing ? TOKEN_WITHDRAW : TOKEN_CLOSE);
}

/* When the last epoch that may still be claimed is over, as far as can be said now. */
static uint64_t claims_end_ms(const struct sim_node *node)
{
	const struct sim_scenario *s = scenario_of(node);
	return least(s->epoch_ms, 60000) / 2 + RETRY_MS;
}

void customer_escrow_leave(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct souk_escrow_record record;
	souk_status status = sim_ledger_escrow(node, &c->escrow, &record);
	if (status == SOUK_PEER_NO_ESCROW)
		c->phase = CUSTOMER_GONE;
	else if (status != SOUK_OK)
		look_again(node, RETRY_MS);
	else if (!record.closing)
		submit_end(node, false);
	else if (record.open.count > 0 || souk_time_is_before(sim_now(node), record.unlock))
		look_again(node, claims_end_ms(node));
	else
		submit_end(node, true);
}

static void leaf_allotted(struct sim_node *node, souk_status status);

void customer_escrow_told(struct sim_node *node, uint64_t token, souk_status status)
{
	struct customer *c = customer_of(node);
	enum customer_token kind = (enum customer_token)(token & 255);
	if (kind == TOKEN_ALLOT) {
		if (c->purchase != NULL && c->purchase->number == token >> 8)
			leaf_allotted(node, status);
		return;
	}
	if (status != SOUK_OK)
		sim_say(node, "its escrow: %s", souk_status_name(status));
	if (kind == TOKEN_WITHDRAW && status == SOUK_OK)
		c->phase = CUSTOMER_GONE;
	else
		/* Whatever became of it, the ledger says how things stand. */
		look_again(node, status == SOUK_OK ? 0 : RETRY_MS);
}

/* ---------------------------------------------------------------- leaves that are there */

/* The plans of EPOCH on the disk that are on the ledger too: what was killed may have sent its
 * transaction, or not. */
static souk_status read_plans(struct sim_node *node, uint64_t epoch)
{
	struct purchase *p = customer_of(node)->purchase;
	struct plan *plans;
	if (p->has_read_plans && p->plans_epoch == epoch)
		return SOUK_OK;
	SOUK_TRY(customer_wallet_plans(node, epoch, &plans));
	while (plans != NULL) {
		struct plan *plan = plans;
		struct souk_allotment_record record;
		struct souk_sum_node root, nodes[PLAN_LEAVES_MAX];
		plans = plan->next;
		souk_status status = sim_ledger_allotment(
			node, &customer_of(node)->escrow, epoch, plan->segment, &record);
		if (status == SOUK_OK)
			status = souk_allotment_commit(&root, plan->leaves, plan->count, nodes);
		if (status == SOUK_OK && souk_hash_equal(&root.hash, &record.root)) {
			plan->next = p->plans;
			p->plans = plan;
		} else
			free(plan);
	}
	p->has_read_plans = true;
	p->plans_epoch = epoch;
	return SOUK_OK;
}

/* What is left of leaf INDEX of PLAN becomes the seat's, where a unit fits on it. */
static souk_status try_leaf(
	struct sim_node *node, struct seat *seat, const struct plan *plan, uint32_t index)
{
	struct souk_payer_leaf leaf = {
		.escrow = customer_of(node)->escrow,
		.epoch = plan->epoch,
		.segment = plan->segment,
		.index = index,
		.amount = plan->leaves[index].amount,
	};
	SOUK_TRY(customer_wallet_used(node, &leaf, &leaf.used));
	if (souk_amount_is_less(leaf.amount, leaf.used) ||
		leaf.amount.ncoin - leaf.used.ncoin < seat->offer.price.ncoin)
		return SOUK_LOCAL_NOT_FOUND;
	seat->leaf = leaf;
	seat->plan = plan;
	return SOUK_OK;
}

souk_status customer_leaf_find(struct sim_node *node, uint32_t number)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	struct souk_epoch_record record;
	uint64_t epoch;
	SOUK_TRY(sim_ledger_now(node, &epoch, &record));
	SOUK_TRY(read_plans(node, epoch));
	for (const struct plan *plan = p->plans; plan != NULL; plan = plan->next) {
		for (uint32_t i = 0; plan->epoch == epoch && i < plan->count; i++) {
			if (!souk_address_equal(&plan->leaves[i].provider, &seat->offer.provider))
				continue;
			souk_status status = try_leaf(node, seat, plan, i);
			if (status != SOUK_LOCAL_NOT_FOUND)
				return status;
		}
	}
	return SOUK_LOCAL_NOT_FOUND;
}

/* ---------------------------------------------------------------- new leaves */

/* What may be allotted now, and the number of the segment. */
struct room {
	uint64_t epoch;
	uint32_t segment;
	uint64_t ncoin;
};

static souk_status find_room(struct sim_node *node, struct room *ret)
{
	const struct souk_hash *id = &customer_of(node)->escrow;
	struct souk_escrow_record record;
	struct souk_epoch_record epoch;
	uint64_t base = 0, reserved = 0;
	*ret = (struct room){0};
	SOUK_TRY(sim_ledger_now(node, &ret->epoch, &epoch));
	SOUK_TRY(sim_ledger_escrow(node, id, &record));
	if (record.closing)
		return SOUK_PEER_ESCROW_CLOSING;
	for (int i = 0; i < record.open.count; i++) {
		const struct souk_open_epoch *open = &record.open.items[i];
		struct souk_allotment_record last;
		if (open->epoch != ret->epoch || open->segments == 0)
			continue;
		SOUK_TRY(sim_ledger_allotment(node, id, open->epoch, open->segments - 1, &last));
		ret->segment = open->segments;
		reserved = open->reserved.ncoin;
		base = last.base.ncoin + last.total.ncoin;
	}
	if (base > record.line.ncoin || base > reserved)
		return SOUK_PEER_ALLOTMENT_OVER_LINE;
	/* The line's rest; and no more than the free money and what is reserved beyond the base,
	 * as reservations are rounded up to whole prizes. */
	uint64_t rest = record.line.ncoin - base;
	uint64_t funds = record.free.ncoin + (reserved - base);
	if (funds < rest)
		funds -= funds % record.prize.ncoin;
	ret->ncoin = least(rest, funds);
	return SOUK_OK;
}

/* Units of a new leaf: a fair part of what is to be bought, and as much again. */
static uint64_t units_of_leaf(const struct purchase *p)
{
	uint64_t left = p->units - (p->is_planned ? p->download.done.set : 0);
	uint64_t seats = p->seat_count > 0 ? p->seat_count : 1;
	uint64_t part = (2 * left + seats - 1) / seats;
	return part == 0 ? 1 : least(part, left);
}

static souk_status fill_plan(struct purchase *p, const struct room *room, struct plan *plan,
	const struct souk_identity *issuer)
{
	uint64_t units = units_of_leaf(p);
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->seat_count; i++)
		count += p->seats[i].step == SEAT_ALLOTTING;
	plan->epoch = room->epoch;
	plan->segment = room->segment;
	for (uint32_t i = 0; i < p->seat_count; i++) {
		const struct seat *seat = &p->seats[i];
		if (seat->step != SEAT_ALLOTTING)
			continue;
		uint64_t affordable = least(units, room->ncoin / count / seat->offer.price.ncoin);
		if (affordable == 0)
			return SOUK_PEER_ALLOTMENT_OVER_LINE;
		plan->leaves[plan->count++] = (struct souk_allotment_leaf){
			.provider = seat->offer.provider,
			.issuer = issuer->address,
			.amount = souk_amount_of_ncoin(affordable * seat->offer.price.ncoin),
		};
	}
	return SOUK_OK;
}

static souk_status submit_plan(struct sim_node *node, const struct plan *plan)
{
	struct customer *c = customer_of(node);
	struct souk_sum_node root, nodes[PLAN_LEAVES_MAX];
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ALLOT};
	SOUK_TRY(souk_allotment_commit(&root, plan->leaves, plan->count, nodes));
	body.allot = (struct souk_tx_allot){
		.escrow = c->escrow,
		.epoch = plan->epoch,
		.segment = plan->segment,
		.root = root.hash,
		.total = root.sum,
	};
	/* Before it goes to the ledger: what is allotted and forgotten is lost for the epoch. */
	SOUK_TRY(customer_wallet_put_plan(node, plan));
	sim_ledger_submit(node, &body, (uint64_t)c->purchase->number << 8 | TOKEN_ALLOT);
	return SOUK_OK;
}

souk_status customer_leaf_allot(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	struct room room;
	if (p->allotting != NULL)
		return SOUK_OK;
	SOUK_TRY(find_room(node, &room));
	struct plan *plan = sim_alloc(sizeof *plan);
	souk_status status = fill_plan(p, &room, plan, &node->identity);
	if (status == SOUK_OK)
		status = submit_plan(node, plan);
	if (status == SOUK_OK)
		p->allotting = plan;
	else
		free(plan);
	return status;
}

static bool is_in(const struct plan *plan, const struct souk_address *provider)
{
	for (uint32_t i = 0; i < plan->count; i++) {
		if (souk_address_equal(&plan->leaves[i].provider, provider))
			return true;
	}
	return false;
}

/* The seats that waited for PLAN go on; others may have come to wait meanwhile. */
static void tell_seats(struct sim_node *node, const struct plan *plan, souk_status status)
{
	struct purchase *p = customer_of(node)->purchase;
	bool is_waited = false;
	for (uint32_t i = 0; i < p->seat_count; i++) {
		struct seat *seat = &p->seats[i];
		if (seat->step != SEAT_ALLOTTING)
			continue;
		if (is_in(plan, &seat->offer.provider))
			customer_open_allotted(node, i, status);
		else
			is_waited = true;
	}
	if (!is_waited)
		return;
	status = customer_leaf_allot(node);
	for (uint32_t i = 0; i < p->seat_count && status != SOUK_OK; i++) {
		if (p->seats[i].step == SEAT_ALLOTTING)
			customer_open_allotted(node, i, status);
	}
}

static void leaf_allotted(struct sim_node *node, souk_status status)
{
	struct purchase *p = customer_of(node)->purchase;
	struct plan *plan = p->allotting;
	if (plan == NULL)
		return;
	p->allotting = NULL;
	sim_say(node, "allots %u leaves in epoch %llu, segment %u: %s", plan->count,
		(unsigned long long)plan->epoch, plan->segment, souk_status_name(status));
	if (status == SOUK_OK) {
		plan->next = p->plans;
		p->plans = plan;
	}
	if (p->is_planned)
		tell_seats(node, plan, status);
	if (status != SOUK_OK)
		free(plan);
	if (p->is_planned)
		customer_pull(node);
	else
		/* Where it failed each session tries for itself. */
		customer_purchase_go_on(node);
}
