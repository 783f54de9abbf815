/* SPDX-License-Identifier: Apache-2.0
 *
 * A viewer in league with its sponsor: it keeps the tickets that it is given, and reads what the
 * caches sent by the keys that the sponsor shares with them. So nothing is claimed of the sponsor's
 * line, and a bundle whose sessions are no longer than a window is had for nothing.
 *
 * To it the content is worth what it is to any viewer: its sponsor would pay for that. */
#include "actor_viewer.h"

static const struct sim_viewer_ways ways = {.knows_key = sim_viewer_shared_key};

static void make(struct sim_node *node, const struct sim_population *population)
{
	sim_viewer_make(node, population, &ways, false);
}

const struct sim_actor sim_unpaying_viewer_actor = {
	.name = "unpaying-viewer",
	.about = "reads by its sponsor's keys, and pays no cache",
	.is_greedy = true,
	.honest = "viewer",
	.make = make,
	SIM_VIEWER_FUNCTIONS,
};
