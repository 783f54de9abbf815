/* SPDX-License-Identifier: Apache-2.0
 *
 * The network: what becomes of a message between two nodes.
 *
 *   sender's link (up) -> latency, jitter, loss, doubles -> partition? -> receiver's link (down)
 *
 * A message is a request or an answer over a connection of its own, as HTTP clients make them: so
 * they overtake each other, and a lost one is a connection that broke. */
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "world.h"

/* Headers, and what TCP and TLS add. */
#define OVERHEAD 200u

static const struct {
	const char *name;
	bool is_reply;
} kinds[SIM_KINDS] = {
	[SIM_OFFERS] = {"offers", false},
	[SIM_OFFERS_REPLY] = {"offers-reply", true},
	[SIM_ASK] = {"ask", false},
	[SIM_ASK_REPLY] = {"ask-reply", true},
	[SIM_STRIP] = {"strip", false},
	[SIM_STRIP_REPLY] = {"strip-reply", true},
	[SIM_UNIT] = {"unit", false},
	[SIM_UNIT_REPLY] = {"unit-reply", true},
	[SIM_RECEIPT] = {"receipt", false},
	[SIM_RECEIPT_REPLY] = {"receipt-reply", true},
	[SIM_AGREE] = {"agree", false},
	[SIM_AGREE_REPLY] = {"agree-reply", true},
	[SIM_HUB_REDEEM] = {"hub-redeem", false},
	[SIM_HUB_REDEEM_REPLY] = {"hub-redeem-reply", true},
	[SIM_HUB_OPEN] = {"hub-open", false},
	[SIM_HUB_OPEN_REPLY] = {"hub-open-reply", true},
	[SIM_HUB_TICKET] = {"hub-ticket", false},
	[SIM_HUB_TICKET_REPLY] = {"hub-ticket-reply", true},
	[SIM_HUB_CLOSE] = {"hub-close", false},
	[SIM_HUB_CLOSE_REPLY] = {"hub-close-reply", true},
	[SIM_BUNDLE] = {"bundle", false},
	[SIM_BUNDLE_REPLY] = {"bundle-reply", true},
	[SIM_SEGMENT] = {"segment", false},
	[SIM_SEGMENT_REPLY] = {"segment-reply", true},
	[SIM_TASK] = {"task", false},
	[SIM_TASK_REPLY] = {"task-reply", true},
	[SIM_AVAILABLE] = {"available", false},
	[SIM_AVAILABLE_REPLY] = {"available-reply", true},
	[SIM_KEYS] = {"keys", false},
	[SIM_KEYS_REPLY] = {"keys-reply", true},
	[SIM_GOSSIP] = {"gossip", false},
};

const char *sim_kind_name(enum sim_kind kind)
{
	return kinds[kind].name;
}

bool sim_kind_is_reply(enum sim_kind kind)
{
	return kinds[kind].is_reply;
}

/* ---------------------------------------------------------------- messages */

struct sim_message *sim_message_take(struct sim_world *world)
{
	struct sim_message *message = world->spare;
	if (message != NULL)
		memcpy(&world->spare, &message->bytes, sizeof world->spare);
	return message;
}

struct sim_message *sim_message_new(struct sim_world *world, enum sim_kind kind, uint32_t to)
{
	struct sim_message *message = sim_message_take(world);
	if (message == NULL)
		message = sim_alloc(sizeof *message);
	memset(message, 0, sizeof *message);
	message->kind = kind;
	message->to = to;
	return message;
}

struct sim_message *sim_message_with(
	struct sim_world *world, enum sim_kind kind, uint32_t to, size_t size)
{
	struct sim_message *message = sim_message_new(world, kind, to);
	message->bytes = size > 0 ? sim_alloc(size) : NULL;
	message->size = (uint32_t)size;
	return message;
}

struct sim_message *sim_reply_new(
	struct sim_world *world, const struct sim_message *request, enum sim_kind kind)
{
	struct sim_message *message = sim_message_new(world, kind, request->from);
	message->request = request->request;
	return message;
}

void sim_message_free(struct sim_world *world, struct sim_message *message)
{
	free(message->bytes);
	memcpy(&message->bytes, &world->spare, sizeof world->spare);
	world->spare = message;
}

static struct sim_message *copy_of(struct sim_world *world, const struct sim_message *message)
{
	struct sim_message *copy = sim_message_new(world, message->kind, message->to);
	*copy = *message;
	/* What was made and then not needed belongs to the first alone. */
	copy->bytes = NULL;
	if (message->size > 0) {
		copy->bytes = sim_alloc(message->size);
		memcpy(copy->bytes, message->bytes, message->size);
	}
	return copy;
}

/* ---------------------------------------------------------------- the way */

static bool happens(struct sim_node *node, uint32_t ppm)
{
	return ppm > 0 && souk_rng_below(&node->net_rng, SIM_PPM_ALL) < ppm;
}

/* Microseconds that SIZE bytes take on a link of so many bytes a second. */
static uint64_t transmission_us(uint32_t size, uint64_t bps)
{
	return bps == 0 ? 0 : ((uint64_t)size * 1000000 + bps - 1) / bps;
}

static uint64_t arrival_us(struct sim_world *world, struct sim_node *from,
	const struct sim_node *to, const struct sim_message *message)
{
	uint64_t us = world->now_us;
	if (from->link.up_bps > 0) {
		if (from->link.up_free_us > us)
			us = from->link.up_free_us;
		us += transmission_us(message->wire_size, from->link.up_bps);
		from->link.up_free_us = us;
	}
	us += from->link.latency_us + to->link.latency_us + world->delay_us;
	uint64_t jitter = (uint64_t)from->link.jitter_us + to->link.jitter_us;
	return jitter == 0 ? us : us + souk_rng_below(&from->net_rng, jitter + 1);
}

static bool may_pass(const struct sim_node *from, const struct sim_node *to)
{
	return from->side == to->side && from->muted == 0;
}

static bool is_lost(struct sim_world *world, struct sim_node *from, const struct sim_node *to)
{
	return happens(from, world->loss_ppm) || happens(from, from->link.loss_ppm) ||
	       (to->link.loss_ppm != from->link.loss_ppm && happens(from, to->link.loss_ppm));
}

/* Onto the sender's link. */
void sim_net_leave(struct sim_world *world, struct sim_message *message)
{
	struct sim_node *from = &world->nodes[message->from], *to = &world->nodes[message->to];
	if (!from->is_up || from->incarnation != message->incarnation || !may_pass(from, to) ||
		is_lost(world, from, to)) {
		sim_message_free(world, message);
		return;
	}
	from->link.sent_to |= UINT64_C(1) << (to->id & 63);
	if (happens(from, from->link.double_ppm)) {
		struct sim_message *copy = copy_of(world, message);
		sim_queue_push_message(
			&world->queue, arrival_us(world, from, to, copy), SIM_EVENT_ARRIVE, copy);
	}
	uint64_t us = arrival_us(world, from, to, message);
	sim_queue_push_message(&world->queue, us, SIM_EVENT_ARRIVE, message);
}

static bool prepare(struct sim_node *node, struct sim_message *message)
{
	SOUK_CHECK(message->to < node->world->node_count);
	message->from = node->id;
	message->incarnation = node->incarnation;
	if (node->twist != NULL && node->twist->send != NULL && !node->twist->send(node, message)) {
		sim_message_free(node->world, message);
		return false;
	}
	if (message->wire_size == 0)
		message->wire_size = message->size + OVERHEAD;
	return true;
}

void sim_send(struct sim_node *node, struct sim_message *message)
{
	if (prepare(node, message))
		sim_net_leave(node->world, message);
}

void sim_send_after(struct sim_node *node, struct sim_message *message, uint64_t world_us)
{
	if (world_us <= node->world->now_us)
		sim_send(node, message);
	else if (prepare(node, message))
		sim_queue_push_message(&node->world->queue, world_us, SIM_EVENT_LEAVE, message);
}

static void mix_message(struct sim_world *world, const struct sim_message *message)
{
	sim_mix(world, (uint64_t)message->from << 32 | message->to);
	sim_mix(world,
		(uint64_t)message->kind << 48 | (uint64_t)message->status << 32 | message->request);
	if (sim_asks_unit(message))
		sim_mix(world,
			(uint64_t)message->data.unit.unit << 32 | message->data.unit.ticket.unit);
	else if (message->kind == SIM_UNIT_REPLY)
		sim_mix(world,
			(uint64_t)message->data.reply.unit << 32 | message->data.reply.key.unit);
	else
		sim_mix(world, message->size);
}

static void say_message(struct sim_node *to, const struct sim_message *message)
{
	if (to->world->options == NULL || to->world->options->line == NULL)
		return;
	const struct sim_node *from = &to->world->nodes[message->from];
	const char *actor = from->actor->name;
	const char *kind = sim_kind_name(message->kind);
	if (message->kind == SIM_UNIT)
		sim_say(to, "<- %s %u: %s %u ticket %u", actor, from->id, kind,
			message->data.unit.unit,
			message->data.unit.has_ticket ? message->data.unit.ticket.unit : 0);
	else if (message->kind == SIM_UNIT_REPLY)
		sim_say(to, "<- %s %u: %s %u key %u %s", actor, from->id, kind,
			message->data.reply.unit,
			message->data.reply.has_key ? message->data.reply.key.unit : 0,
			souk_status_name(message->status));
	else if (sim_kind_is_reply(message->kind))
		sim_say(to, "<- %s %u: %s %s", actor, from->id, kind,
			souk_status_name(message->status));
	else
		sim_say(to, "<- %s %u: %s", actor, from->id, kind);
}

static bool is_refused(const struct sim_node *to, const struct sim_message *message)
{
	return to->link.is_natted && !sim_kind_is_reply(message->kind) &&
	       (to->link.sent_to >> (message->from & 63) & 1) == 0;
}

/* From the receiver's link. */
void sim_net_arrive(struct sim_world *world, struct sim_message *message)
{
	struct sim_node *from = &world->nodes[message->from], *to = &world->nodes[message->to];
	bool is_dead = !to->is_up || from->side != to->side || is_refused(to, message);
	if (!is_dead && to->link.down_bps > 0 && !message->is_received) {
		uint64_t us = world->now_us;
		if (to->link.down_free_us > us)
			us = to->link.down_free_us;
		us += transmission_us(message->wire_size, to->link.down_bps);
		to->link.down_free_us = us;
		message->is_received = true;
		sim_queue_push_message(&world->queue, us, SIM_EVENT_ARRIVE, message);
		return;
	}
	bool goes_on = !is_dead;
	if (goes_on && to->twist != NULL && to->twist->receive != NULL)
		goes_on = to->twist->receive(to, message);
	if (!is_dead) {
		world->delivered++;
		mix_message(world, message);
		say_message(to, message);
	}
	if (goes_on)
		to->actor->message(to, message);
	sim_message_free(world, message);
}

bool sim_net_reaches_ledger(const struct sim_node *node)
{
	return node->side == 0 && node->cut == 0;
}
