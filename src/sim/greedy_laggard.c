/* SPDX-License-Identifier: Apache-2.0
 *
 * Sells as it should, and some units very late: so that its customers ask others too, and it may be
 * paid for what nobody needs any more. */
#include "greedy_seller.h"

#include <string.h>

enum { LAG, EVERY };

static void send_late(struct sim_node *node, const struct sim_message *message, uint64_t lag_ms)
{
	struct greedy_seller *seller = greedy_seller_of(node);
	struct sim_message *late =
		sim_message_with(node->world, message->kind, message->to, message->size);
	uint8_t *bytes = late->bytes;
	*late = *message;
	late->bytes = bytes;
	if (message->size > 0)
		memcpy(late->bytes, message->bytes, message->size);
	seller->is_sending = true;
	sim_send_after(node, late, sim_time_us(node->world) + lag_ms * 1000);
	seller->is_sending = false;
}

static bool on_send(struct sim_node *node, struct sim_message *message)
{
	struct greedy_seller *seller = greedy_seller_of(node);
	const struct sim_unit_reply *reply = &message->data.reply;
	if (seller->is_sending || message->kind != SIM_UNIT_REPLY || message->status != SOUK_OK ||
		!reply->has_body || reply->unit % seller->knobs[EVERY] != 0)
		return true;
	send_late(node, message, seller->knobs[LAG]);
	return false;
}

static const struct sim_twist twist = {.send = on_send};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_seller_make(node, population, &twist);
}

static const struct sim_knob knobs[] = {
	[LAG] = {"lag", 1500, 1, 600000, "milliseconds that it keeps a unit back"},
	[EVERY] = {"every", 4, 1, 65536, "one unit of so many is kept back"},
	{0},
};

const struct sim_actor sim_laggard_actor = {
	.name = "laggard",
	.about = "sells, and sends some units very late",
	.knobs = knobs,
	.make = make,
	GREEDY_SELLER_FUNCTIONS,
};
