/* SPDX-License-Identifier: Apache-2.0
 *
 * Sells, and claims at the very end of the claim window: it stays away from the ledger from the end
 * of the first epoch in which it was paid until `margin` before the window closes. */
#include "greedy_seller.h"

enum { MARGIN_MS };

#define TICK_MS 100u

static bool on_receive(struct sim_node *node, struct sim_message *message)
{
	(void)message;
	/* Away from the ledger it knows no epoch that it could sell in. */
	return node->cut == 0;
}

static const struct sim_twist twist = {.receive = on_receive};

/* It looks at the ledger without being seen: anybody may read. */
static bool read_epoch(struct sim_node *node, uint64_t number, struct souk_epoch_record *ret)
{
	return souk_ledger_get_epoch(
		       ret, sim_ledger_state(sim_world_ledger(node->world)), number) == SOUK_OK;
}

static void look(struct sim_node *node)
{
	const struct sim_scenario *scenario = sim_world_scenario(node->world);
	uint64_t margin = greedy_seller_of(node)->knobs[MARGIN_MS], epoch;
	struct souk_epoch_record record;
	bool is_owed = souk_provider_undrawn(&sim_provider_of(node)->provider, &epoch) &&
		       read_epoch(node, epoch, &record) &&
		       !souk_time_is_before(sim_now(node), record.end);
	bool is_late =
		is_owed && record.drawn &&
		souk_time_since_ms(record.drawn_at, sim_now(node)) + margin >= scenario->claim_ms;
	node->cut = is_owed && !is_late;
	sim_wake(node, souk_time_plus_ms(sim_now(node), TICK_MS));
}

static void timer(struct sim_node *node)
{
	greedy_seller_timer(node);
	if (node->wake.ms == SOUK_TIME_NEVER.ms)
		look(node);
}

static void start(struct sim_node *node)
{
	greedy_seller_start(node);
	look(node);
}

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_seller_make(node, population, &twist);
}

static const struct sim_knob knobs[] = {
	[MARGIN_MS] = {"margin-ms", 2000, 0, 3600000, "before the end of the claim window"},
	{0},
};

const struct sim_actor sim_late_claimer_actor = {
	.name = "late-claimer",
	.about = "claims at the very end of the claim window",
	.has_disk = true,
	.is_greedy = true,
	.honest = "provider",
	.knobs = knobs,
	.make = make,
	.start = start,
	.message = greedy_seller_message,
	.timer = timer,
	.ledger = greedy_seller_ledger,
	.crash = greedy_seller_crash,
	.finish = greedy_seller_finish,
	.done = greedy_seller_done,
};
