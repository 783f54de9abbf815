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
	struct souk_hub_leaf *leaf = NULL;
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
		leaf = souk_hub_leaves_find(&h->leaves, &grant->provider, open->ask.epoch);
		if (leaf == NULL || !souk_hub_leaf_has_room(leaf, need))
			return SOUK_LOCAL_NOT_FOUND;
		souk_hub_leaves_use(&h->leaves, leaf, h->proof);
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
		struct souk_amount amount = souk_hub_leaf_amount(need, souk_amount_of_ncoin(room));
		room -= amount.ncoin;
		allotment->leaves[allotment->count++] =
			(struct souk_allotment_leaf){.provider = *provider,
				.issuer = h->node->identity.address,
				.amount = amount};
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
		souk_hub_leaves_keep(&h->leaves, &fresh, h->proof);
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
