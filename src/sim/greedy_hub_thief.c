/* SPDX-License-Identifier: Apache-2.0
 *
 * A hub that takes a customer's tickets and gives none for them, or gives some of no chain. */
#include <stdlib.h>
#include <string.h>

#include "actor_hub.h"

enum { HONEST_UNTIL, LIES };

static bool on_send(struct sim_node *node, struct sim_message *message)
{
	const uint64_t *knobs = node->twist_state;
	struct souk_ticket ticket;
	if (message->kind != SIM_HUB_TICKET_REPLY || message->status != SOUK_OK ||
		souk_ticket_decode(&ticket, sim_message_bytes(message), NULL) != SOUK_OK ||
		ticket.unit <= knobs[HONEST_UNTIL])
		return true;
	if (knobs[LIES] == 0)
		return false;
	/* The value stands at the end. */
	message->bytes[message->size - 1] ^= 1;
	return true;
}

static const struct sim_twist twist = {.send = on_send};

static void make(struct sim_node *node, const struct sim_population *population)
{
	uint64_t *knobs = sim_alloc(sizeof population->knobs);
	sim_hub_actor.make(node, population);
	memcpy(knobs, population->knobs, sizeof population->knobs);
	node->twist_state = knobs;
	node->twist = &twist;
}

static void start(struct sim_node *node)
{
	sim_hub_actor.start(node);
}

static void message(struct sim_node *node, const struct sim_message *message)
{
	sim_hub_actor.message(node, message);
}

static void timer(struct sim_node *node)
{
	sim_hub_actor.timer(node);
}

static void ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	sim_hub_actor.ledger(node, token, status, amount);
}

static void crash(struct sim_node *node)
{
	if (sim_hub_actor.crash != NULL)
		sim_hub_actor.crash(node);
}

static void finish(struct sim_node *node)
{
	if (sim_hub_actor.finish != NULL)
		sim_hub_actor.finish(node);
}

static void done(struct sim_node *node)
{
	free(node->twist_state);
	node->twist_state = NULL;
	if (sim_hub_actor.done != NULL)
		sim_hub_actor.done(node);
}

static const struct sim_knob knobs[] = {
	[HONEST_UNTIL] = {"honest-until", 0, 0, 65536, "units for which it gives tickets"},
	[LIES] = {"lies", 0, 0, 1, "whether it gives tickets of no chain; else it is silent"},
	{0},
};

const struct sim_actor sim_hub_thief_actor = {
	.name = "hub-thief",
	.about = "a hub that takes tickets and gives none",
	.is_greedy = true,
	.has_disk = true,
	.honest = "hub",
	.knobs = knobs,
	.make = make,
	.start = start,
	.message = message,
	.timer = timer,
	.ledger = ledger,
	.crash = crash,
	.finish = finish,
	.done = done,
};
