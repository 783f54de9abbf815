/* SPDX-License-Identifier: Apache-2.0
 *
 * Grants more than it has: every ask, and then a link of a hundredth of what its sessions need. */
#include "greedy_seller.h"

enum { UP };

static const struct sim_twist twist = {.send = NULL};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_seller_make(node, population, &twist);
	node->link.up_bps = greedy_seller_of(node)->knobs[UP];
}

static const struct sim_knob knobs[] = {
	[UP] = {"uplink", 1048576, 1, 1000000000000, "bytes a second that it has for all"},
	{0},
};

const struct sim_actor sim_overseller_actor = {
	.name = "overseller",
	.about = "grants more sessions than its link carries",
	.knobs = knobs,
	.make = make,
	GREEDY_SELLER_FUNCTIONS,
};
