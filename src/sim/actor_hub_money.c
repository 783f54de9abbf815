/* SPDX-License-Identifier: Apache-2.0
 *
 * The hub's escrow: a leaf for each provider that its customers buy from, and sessions on them; see
 * src/daemon/hub_money.c. */
#include <stdlib.h>
#include <string.h>

#include "actor_hub.h"
#include "audit.h"
#include "ledger.h"
#include "souk/base/check.h"
#include "souk/payment/allotment.h"

#define ALLOT_TRIES 4u
/* A new leaf is at least this part of what is left of the line. */
#define LEAF_PART 32u

/* ---------------------------------------------------------------- leaves */

static uint64_t left_of(const struct sim_hub_leaf *leaf)
{
	return leaf->free.amount.ncoin - leaf->free.used.ncoin;
}

static struct sim_hub_leaf *find_leaf(
	struct sim_hub *h, const struct souk_address *provider, uint64_t epoch)
{
	struct sim_hub_leaf *best = NULL;
	for (uint32_t i = 0; i < SIM_HUB_LEAVES; i++) {
		struct sim_hub_leaf *leaf = &h->leaves[i];
		if (leaf->free.amount.ncoin == 0 || leaf->free.epoch != epoch ||
			!souk_address_equal(&leaf->provider, provider))
			continue;
		if (best == NULL || left_of(leaf) > left_of(best))
			best = leaf;
	}
	return best;
}

/* A free entry, or the one used longest ago: the rest of that leaf is lost for its epoch. */
static struct sim_hub_leaf *take_entry(struct sim_hub *h)
{
	struct sim_hub_leaf *oldest = &h->leaves[0];
	for (uint32_t i = 0; i < SIM_HUB_LEAVES; i++) {
		struct sim_hub_leaf *leaf = &h->leaves[i];
		if (leaf->free.amount.ncoin == 0)
			return leaf;
		if (leaf->used_at < oldest->used_at)
			oldest = leaf;
	}
	return oldest;
}

static void keep_leaf(
	struct sim_hub *h, const struct souk_payer_leaf *free, const struct souk_strip_open *proof)
{
	struct sim_hub_leaf *leaf = take_entry(h);
	*leaf = (struct sim_hub_leaf){
		.provider = proof->leaf.provider,
		.free = *free,
		.leaf = proof->leaf,
		.depth = proof->leaf_path.count,
		.used_at = ++h->leaf_clock,
	};
	memcpy(leaf->path, proof->leaf_path.items, proof->leaf_path.count * sizeof *leaf->path);
}

void sim_hub_restore_leaf(struct sim_hub *h, const struct souk_hub_session_record *record)
{
	const struct souk_strip *strip = &record->strip_open.strip;
	struct souk_amount end;
	if (souk_strip_end(&end, strip) != SOUK_OK)
		return;
	for (uint32_t i = 0; i < SIM_HUB_LEAVES; i++) {
		struct souk_payer_leaf *free = &h->leaves[i].free;
		if (free->amount.ncoin == 0 || free->epoch != strip->epoch ||
			free->segment != strip->segment || free->index != strip->leaf)
			continue;
		if (souk_amount_is_less(free->used, end))
			free->used = end;
		return;
	}
	struct souk_payer_leaf fresh = {
		.escrow = strip->escrow,
		.epoch = strip->epoch,
		.segment = strip->segment,
		.index = strip->leaf,
		.amount = record->strip_open.leaf.amount,
		.used = end,
	};
	keep_leaf(h, &fresh, &record->strip_open);
}

/* ---------------------------------------------------------------- room on the line */

struct room {
	uint64_t epoch;
	uint32_t segment;
	uint64_t amount; /* that may be allotted */
};

/* As line_find_room of src/daemon/escrow_line.c. */
static souk_status find_room(struct sim_hub *h, struct room *ret)
{
	struct souk_epoch_record epoch;
	struct souk_escrow_record record;
	struct souk_allotment_record last;
	uint64_t base = 0, reserved = 0;
	SOUK_TRY(sim_ledger_now(h->node, &ret->epoch, &epoch));
	SOUK_TRY(sim_ledger_escrow(h->node, &h->escrow, &record));
	ret->segment = 0;
	for (int i = 0; i < record.open.count; i++) {
		const struct souk_open_epoch *open = &record.open.items[i];
		if (open->epoch != ret->epoch || open->segments == 0)
			continue;
		SOUK_TRY(sim_ledger_allotment(
			h->node, &h->escrow, open->epoch, open->segments - 1, &last));
		ret->segment = open->segments;
		reserved = open->reserved.ncoin;
		base = last.base.ncoin + last.total.ncoin;
	}
	if (record.line.ncoin < base || reserved < base)
		return SOUK_PEER_ALLOTMENT_OVER_LINE;
	uint64_t rest = record.line.ncoin - base;
	uint64_t funds = record.free.ncoin + (reserved - base);
	/* A reservation is rounded up to whole prizes. */
	if (funds < rest)
		funds -= funds % record.prize.ncoin;
	ret->amount = rest < funds ? rest : funds;
	return SOUK_OK;
}

/* ---------------------------------------------------------------- openings */

static souk_status need_of(const struct souk_hub_open *open, struct souk_amount *ret)
{
	return souk_amount_mul(ret, open->grant.grant.price, open->grant.grant.units);
}

static void note_opened(
	struct sim_hub *h, const struct souk_hub_open *open, const struct souk_strip_open *strip)
{
	const struct sim_node *customer = sim_node_of(h->node->world, &open->strip.account);
	const struct sim_note note = {
		.kind = SIM_NOTE_OPENED,
		.peer = customer != NULL ? customer->id : UINT32_MAX,
		.session = open->strip.nonce,
		.unit = open->strip.count,
		.amount = open->strip.price,
		.strip = strip,
	};
	sim_note(h->node, &note);
	h->node->tally.sessions++;
}

/* SOUK_LOCAL_NOT_FOUND: a leaf is to be allotted first. */
static souk_status try_open(
	struct sim_hub *h, const struct souk_hub_open *open, struct souk_strip_open *ret)
{
	const struct souk_grant *grant = &open->grant.grant;
	struct sim_hub_leaf *leaf = NULL;
	struct souk_amount need;
	souk_status status = sim_hub_record(h, &open->strip.nonce, h->record);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	const struct souk_hub_session_record *stored = status == SOUK_OK ? h->record : NULL;
	status = souk_hub_check(&h->hub, open, stored, sim_now(h->node));
	bool is_new = status == SOUK_OK;
	if (status != SOUK_OK && status != SOUK_LOCAL_EXISTS)
		return status;
	if (is_new) {
		SOUK_TRY(need_of(open, &need));
		leaf = find_leaf(h, &grant->provider, open->ask.epoch);
		if (leaf == NULL || left_of(leaf) < need.ncoin)
			return SOUK_LOCAL_NOT_FOUND;
		leaf->used_at = ++h->leaf_clock;
		h->proof->leaf = leaf->leaf;
		h->proof->leaf_path.count = leaf->depth;
		memcpy(h->proof->leaf_path.items, leaf->path, leaf->depth * sizeof *leaf->path);
	}
	SOUK_TRY(souk_hub_open(&h->hub, open, stored, leaf != NULL ? &leaf->free : NULL, h->proof,
		sim_now(h->node), ret));
	if (is_new)
		note_opened(h, open, ret);
	return SOUK_OK;
}

/* False: it waits for a leaf. */
static bool finish_open(
	struct sim_hub *h, const struct souk_hub_open *open, struct sim_message *answer)
{
	struct souk_strip_open strip;
	souk_status status = try_open(h, open, &strip);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return false;
	if (status != SOUK_OK) {
		sim_say(h->node, "opens no session for %u: %s", answer->to,
			souk_status_name(status));
		sim_hub_refuse(h, answer, status);
		return true;
	}
	SIM_HUB_ENCODE(strip_open, SOUK_STRIP_OPEN_SIZE_MAX, answer, &strip);
	sim_hub_hold(h, answer);
	return true;
}

/* ---------------------------------------------------------------- allotments */

static bool has_leaf_for(
	const struct sim_hub_allotment *allotment, const struct souk_address *provider)
{
	for (uint32_t i = 0; i < allotment->count; i++) {
		if (souk_address_equal(&allotment->leaves[i].provider, provider))
			return true;
	}
	return false;
}

/* A leaf for each provider that is waited for, as far as the line goes. */
static void plan_leaves(const struct sim_hub *h, uint64_t room, struct sim_hub_allotment *allotment)
{
	for (uint32_t i = 0; i < h->opening_count && allotment->count < SIM_HUB_ALLOT_MAX; i++) {
		const struct souk_hub_open *open = h->openings[i].open;
		const struct souk_address *provider = &open->grant.grant.provider;
		struct souk_amount need;
		if (need_of(open, &need) != SOUK_OK || need.ncoin > room ||
			has_leaf_for(allotment, provider))
			continue;
		uint64_t amount = room / LEAF_PART;
		amount = amount > need.ncoin ? amount : need.ncoin;
		room -= amount;
		allotment->leaves[allotment->count++] =
			(struct souk_allotment_leaf){.provider = *provider,
				.issuer = h->node->identity.address,
				.amount = souk_amount_of_ncoin(amount)};
	}
}

/* Without such a leaf two programs of one identity could sign the same transaction. */
static void add_nobodys_leaf(struct sim_hub *h, struct sim_hub_allotment *allotment)
{
	struct souk_allotment_leaf *leaf = &allotment->leaves[allotment->count++];
	*leaf = (struct souk_allotment_leaf){.issuer = h->node->identity.address};
	souk_rng_fill(&h->node->rng, leaf->provider.bytes, sizeof leaf->provider.bytes);
}

static souk_status submit(struct sim_hub *h, const struct sim_hub_allotment *allotment)
{
	struct souk_sum_node nodes[SIM_HUB_ALLOT_MAX + 1], root;
	SOUK_TRY(souk_allotment_commit(&root, allotment->leaves, allotment->count, nodes));
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_ALLOT;
	body->allot = (struct souk_tx_allot){
		.escrow = h->escrow,
		.epoch = allotment->epoch,
		.segment = allotment->segment,
		.root = root.hash,
		.total = root.sum,
	};
	sim_ledger_submit(h->node, body, allotment->token);
	free(body);
	return SOUK_OK;
}

/* Everybody who waits is told STATUS. */
static void refuse_all(struct sim_hub *h, souk_status status)
{
	/* The operator's trouble, and no fault of the customer's. */
	if (souk_status_class(status) == SOUK_CLASS_PEER)
		status = SOUK_LOCAL_FULL;
	sim_say(h->node, "cannot allot: %s", souk_status_name(status));
	for (uint32_t i = 0; i < h->opening_count; i++) {
		sim_hub_refuse(h, h->openings[i].answer, status);
		free(h->openings[i].open);
	}
	h->opening_count = 0;
}

/* An allotment for all that waits, unless one is under way. */
static void allot(struct sim_hub *h)
{
	struct room room;
	if (h->allotment != NULL || h->opening_count == 0)
		return;
	souk_status status = find_room(h, &room);
	if (status != SOUK_OK) {
		refuse_all(h, status);
		return;
	}
	struct sim_hub_allotment *allotment = sim_alloc(sizeof *allotment);
	allotment->token = ++h->token_count;
	allotment->epoch = room.epoch;
	allotment->segment = room.segment;
	plan_leaves(h, room.amount, allotment);
	status = SOUK_PEER_ALLOTMENT_OVER_LINE;
	if (allotment->count > 0) {
		add_nobodys_leaf(h, allotment);
		status = submit(h, allotment);
	}
	if (status != SOUK_OK) {
		free(allotment);
		refuse_all(h, status);
		return;
	}
	h->allotment = allotment;
}

static void keep_leaves(struct sim_hub *h, const struct sim_hub_allotment *allotment)
{
	struct souk_sum_node nodes[SIM_HUB_ALLOT_MAX + 1];
	for (uint32_t i = 0; i + 1 < allotment->count; i++) {
		struct souk_payer_leaf fresh = {
			.escrow = h->escrow,
			.epoch = allotment->epoch,
			.segment = allotment->segment,
			.index = i,
			.amount = allotment->leaves[i].amount,
		};
		SOUK_CHECK(souk_allotment_prove(h->proof, allotment->leaves, allotment->count, i,
				   nodes) == SOUK_OK);
		keep_leaf(h, &fresh, h->proof);
	}
}

/* Whoever waits tries again; those who wait on do so for the next allotment. */
static void go_on(struct sim_hub *h)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < h->opening_count; i++) {
		struct sim_hub_opening opening = h->openings[i];
		bool is_done = finish_open(h, opening.open, opening.answer);
		if (!is_done && ++opening.tries >= ALLOT_TRIES) {
			sim_hub_refuse(h, opening.answer, SOUK_LOCAL_FULL);
			is_done = true;
		}
		if (is_done)
			free(opening.open);
		else
			h->openings[kept++] = opening;
	}
	h->opening_count = kept;
}

void sim_hub_allotted(struct sim_hub *h, souk_status status)
{
	struct sim_hub_allotment *allotment = h->allotment;
	h->allotment = NULL;
	sim_say(h->node, "allotted %u leaves: %s", allotment->count - 1, souk_status_name(status));
	if (status == SOUK_OK)
		keep_leaves(h, allotment);
	free(allotment);
	if (status == SOUK_OK || status == SOUK_PEER_ALLOTMENT_INDEX)
		go_on(h);
	else
		refuse_all(h, status);
	allot(h);
}

void sim_hub_open(struct sim_hub *h, const struct souk_hub_open *open, struct sim_message *answer)
{
	if (finish_open(h, open, answer))
		return;
	if (h->opening_count == SIM_HUB_WAITING) {
		sim_hub_refuse(h, answer, SOUK_LOCAL_FULL);
		return;
	}
	struct souk_hub_open *copy = sim_alloc(sizeof *copy);
	*copy = *open;
	h->openings[h->opening_count++] = (struct sim_hub_opening){.open = copy, .answer = answer};
	allot(h);
}
