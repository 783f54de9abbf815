/* SPDX-License-Identifier: Apache-2.0
 *
 * A session from the planner's OPEN to its answer:
 *
 *   leaf? --none--> allot --> leaf --> ask --> grant --> reserve (durable) --> strip --> opened */
#include <string.h>

#include "customer.h"
#include "souk/payment/allotment.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

void customer_open_failed(struct sim_node *node, uint32_t number, souk_status status)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	/* The provider may learn of an allotment a moment after us. */
	if (status == SOUK_PEER_ALLOTMENT_INDEX)
		status = SOUK_IO_TIMEOUT;
	/* The hub has just been started, and asks its ledger for the epoch. */
	if (seat->step == SEAT_HUB && status == SOUK_LOCAL_STATE)
		status = SOUK_IO_TIMEOUT;
	sim_say(node, "no session with %u: %s", seat->peer, souk_status_name(status));
	seat->step = SEAT_IDLE;
	p->is_careful = true;
	souk_download_open_failed(&p->download, number, status, sim_now(node));
}

/* ---------------------------------------------------------------- the leaf */

static uint64_t leaf_units(const struct seat *seat)
{
	return (seat->leaf.amount.ncoin - seat->leaf.used.ncoin) / seat->offer.price.ncoin;
}

static void ask(struct sim_node *node, uint32_t number)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	bool via_hub = customer_of(node)->hub != CUSTOMER_NONE;
	struct souk_customer_config config = {
		.offer = &seat->offer,
		.escrow = seat->leaf.escrow,
		.epoch = seat->leaf.epoch,
		/* Whatever a provider states, no more than what is usual is risked. */
		.window_max = (uint16_t)sim_world_scenario(node->world)->window,
		.units = (uint32_t)(via_hub ? seat->units : least(seat->units, leaf_units(seat))),
	};
	souk_status status = via_hub ? customer_hub_terms(node, &config) : SOUK_OK;
	sim_seed(node, config.seed);
	if (status == SOUK_OK)
		status = souk_customer_init(seat->customer, &config);
	if (status != SOUK_OK) {
		customer_open_failed(node, number, status);
		return;
	}
	struct sim_message *message =
		sim_message_with(node->world, SIM_ASK, seat->peer, SOUK_ASK_SIZE_MAX);
	struct souk_writer writer;
	souk_writer_init(&writer, message->bytes, SOUK_ASK_SIZE_MAX);
	souk_ask_encode(&writer, souk_customer_ask(seat->customer));
	message->size = (uint32_t)writer.size;
	seat->step = SEAT_ASKING;
	seat->issued = seat->verified = 0;
	customer_call(node, call_place(p, number, LINE_CONTROL), message, p->control_ms, 0);
}

void customer_open(struct sim_node *node, uint32_t number)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	if (customer_of(node)->hub != CUSTOMER_NONE) {
		ask(node, number);
		return;
	}
	souk_status status = customer_leaf_find(node, number);
	if (status == SOUK_OK) {
		ask(node, number);
		return;
	}
	if (status == SOUK_LOCAL_NOT_FOUND) {
		seat->step = SEAT_ALLOTTING;
		status = customer_leaf_allot(node);
	}
	if (status != SOUK_OK)
		customer_open_failed(node, number, status);
}

void customer_open_allotted(struct sim_node *node, uint32_t number, souk_status status)
{
	struct seat *seat = &customer_of(node)->purchase->seats[number];
	seat->step = SEAT_IDLE;
	if (status == SOUK_OK)
		status = customer_leaf_find(node, number);
	/* The epoch ended under it. */
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = SOUK_IO_TIMEOUT;
	if (status == SOUK_OK)
		ask(node, number);
	else
		customer_open_failed(node, number, status);
}

/* ---------------------------------------------------------------- the strip */

void customer_open_send(struct sim_node *node, uint32_t number, const struct souk_strip_open *strip,
	uint64_t world_us)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	uint8_t bytes[SOUK_STRIP_OPEN_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_strip_open_encode(&writer, strip);
	struct sim_message *message =
		sim_message_with(node->world, SIM_STRIP, seat->peer, writer.size);
	memcpy(message->bytes, bytes, writer.size);
	seat->step = SEAT_STRIPPING;
	customer_call(node, call_place(p, number, LINE_CONTROL), message, p->control_ms, world_us);
}

/* The strip over the rest of the leaf, with all that proves it good. */
static souk_status make_strip(struct sim_node *node, struct seat *seat,
	struct souk_strip_open *open, uint64_t *ret_world_us)
{
	struct souk_sum_node nodes[PLAN_LEAVES_MAX];
	const struct souk_grant *grant = &seat->customer->grant;
	struct souk_amount cost;
	SOUK_TRY(souk_amount_mul(&cost, grant->price, grant->units));
	SOUK_TRY(customer_wallet_reserve(node, &seat->leaf, cost, ret_world_us));
	SOUK_TRY(souk_customer_strip(seat->customer, &seat->leaf, open));
	SOUK_TRY(souk_allotment_prove(
		open, seat->plan->leaves, seat->plan->count, seat->leaf.index, nodes));
	return souk_strip_sign_batch(&open, 1, &node->identity);
}

static void granted(struct sim_node *node, uint32_t number, const struct sim_message *message)
{
	struct seat *seat = &customer_of(node)->purchase->seats[number];
	struct souk_grant_open grant;
	struct souk_strip_open open;
	uint64_t durable_us;
	souk_status status = souk_grant_open_decode(&grant, sim_message_bytes(message), NULL);
	if (status == SOUK_OK)
		status = souk_customer_grant(seat->customer, &grant, sim_now(node));
	if (status == SOUK_OK && customer_of(node)->hub != CUSTOMER_NONE) {
		customer_hub_open(node, number);
		return;
	}
	memset(&open, 0, sizeof open);
	if (status == SOUK_OK)
		status = make_strip(node, seat, &open, &durable_us);
	if (status == SOUK_OK)
		customer_open_send(node, number, &open, durable_us);
	else
		customer_open_failed(node, number, status);
}

/* ---------------------------------------------------------------- open */

static void note_opened(struct sim_node *node, const struct seat *seat, struct souk_bytes strip)
{
	const struct souk_customer *customer = seat->customer;
	struct souk_strip_open open;
	bool is_known = souk_strip_open_decode(&open, strip, NULL) == SOUK_OK;
	sim_note(node, &(struct sim_note){.kind = SIM_NOTE_OPENED,
			       .peer = seat->peer,
			       .session = customer->grant.session,
			       .unit = customer->grant.units,
			       .amount = customer->cost,
			       .strip = is_known ? &open : NULL});
	node->tally.sessions++;
}

static void opened(struct sim_node *node, uint32_t number, struct souk_bytes strip)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	souk_status status = souk_customer_opened(seat->customer);
	if (status != SOUK_OK) {
		customer_open_failed(node, number, status);
		return;
	}
	seat->step = SEAT_IDLE;
	note_opened(node, seat, strip);
	souk_download_opened(&p->download, number, sim_now(node));
}

void customer_control_reply(struct sim_node *node, uint32_t number, souk_status status,
	const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	uint32_t place = call_place(p, number, LINE_CONTROL);
	enum seat_step step = p->seats[number].step;
	struct souk_bytes sent = souk_bytes_of(p->calls[place].bytes, p->calls[place].size);
	bool is_opened = step == SEAT_STRIPPING && status == SOUK_OK;
	if (is_opened)
		opened(node, number, sent);
	customer_call_end(p, place);
	if (is_opened)
		return;
	if (status != SOUK_OK)
		customer_open_failed(node, number, status);
	else if (step == SEAT_ASKING)
		granted(node, number, message);
	else if (step == SEAT_HUB)
		customer_hub_reply(node, number, message);
}
