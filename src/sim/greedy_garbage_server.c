/* SPDX-License-Identifier: Apache-2.0
 *
 * Sends what is not the content, and signs for it where it must. */
#include "greedy_seller.h"

enum { HONEST_UNTIL };

static bool on_send(struct sim_node *node, struct sim_message *message)
{
	struct greedy_seller *seller = greedy_seller_of(node);
	struct sim_unit_reply *reply = &message->data.reply;
	if (message->kind != SIM_UNIT_REPLY || message->status != SOUK_OK || !reply->has_body ||
		reply->unit <= seller->knobs[HONEST_UNTIL])
		return true;
	greedy_seller_spoil(node, reply);
	if (message->size > 0)
		sim_provider_restate(sim_provider_of(node), message);
	return true;
}

static bool on_receive(struct sim_node *node, struct sim_message *message)
{
	greedy_seller_note(node, message);
	return true;
}

static const struct sim_twist twist = {.send = on_send, .receive = on_receive};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_seller_make(node, population, &twist);
}

static const struct sim_knob knobs[] = {
	[HONEST_UNTIL] = {"honest-until", 0, 0, 65536, "units that are the content"},
	{0},
};

const struct sim_actor sim_garbage_server_actor = {
	.name = "garbage-server",
	.about = "sends what is not the content",
	.knobs = knobs,
	.make = make,
	GREEDY_SELLER_FUNCTIONS,
};
