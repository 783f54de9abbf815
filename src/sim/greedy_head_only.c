/* SPDX-License-Identifier: Apache-2.0
 *
 * Has the head of every content and nothing else: sells that, then stalls, fails, or says that it
 * is not here, for ever. */
#include "greedy_seller.h"

enum { HEAD, FAILS };

/* What it has not got it does not say so of: who knows would not come. */
static bool on_receive(struct sim_node *node, struct sim_message *message)
{
	struct greedy_seller *seller = greedy_seller_of(node);
	greedy_seller_note(node, message);
	if (!sim_asks_unit(message) || message->data.unit.unit == 0 ||
		message->data.unit.chunk < seller->knobs[HEAD])
		return true;
	if (seller->knobs[FAILS] == 0)
		return false;
	struct sim_message *refusal = sim_reply_new(node->world, message, SIM_UNIT_REPLY);
	refusal->status = seller->knobs[FAILS] == 1 ? SOUK_IO_NET : SOUK_LOCAL_NOT_HERE;
	refusal->data.reply.unit = message->data.unit.unit;
	sim_send(node, refusal);
	return false;
}

static const struct sim_twist twist = {.receive = on_receive};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_seller_make(node, population, &twist);
}

static const struct sim_knob knobs[] = {
	[HEAD] = {"head", 8, 0, 65536, "chunks of each content that it has"},
	[FAILS] = {"fails", 0, 0, 2,
		"for the rest 0: it is silent; 1: fails; 2: says that it is not here"},
	{0},
};

const struct sim_actor sim_head_only_actor = {
	.name = "head-only",
	.about = "has the head of everything, and stalls or fails at the rest",
	.knobs = knobs,
	.make = make,
	GREEDY_SELLER_FUNCTIONS,
};
