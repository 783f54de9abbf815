/* SPDX-License-Identifier: Apache-2.0
 *
 * Everybody who can be in a market: a line for each, in the order of their names. */
#include "actors.h"

#include <string.h>

#include "scenario.h"

static const struct sim_actor *const actors[] = {
	&sim_beacon_withholder_actor,
	&sim_cache_actor,
	&sim_colluding_cache_actor,
	&sim_colluding_viewer_actor,
	&sim_customer_actor,
	&sim_double_redeemer_actor,
	&sim_double_spender_actor,
	&sim_escrow_frontrunner_actor,
	&sim_flooder_actor,
	&sim_garbage_server_actor,
	&sim_griefer_actor,
	&sim_head_only_actor,
	&sim_hub_actor,
	&sim_hub_thief_actor,
	&sim_issuer_thief_actor,
	&sim_key_auditor_actor,
	&sim_key_cheat_actor,
	&sim_key_framer_actor,
	&sim_key_framing_owner_actor,
	&sim_key_owner_actor,
	&sim_key_proxy_actor,
	&sim_key_receiver_actor,
	&sim_key_withholder_actor,
	&sim_laggard_actor,
	&sim_late_claimer_actor,
	&sim_late_payer_actor,
	&sim_non_payer_actor,
	&sim_overseller_actor,
	&sim_provider_actor,
	&sim_reseller_actor,
	&sim_sponsor_actor,
	&sim_task_cheat_actor,
	&sim_task_customer_actor,
	&sim_task_provider_actor,
	&sim_ticket_replayer_actor,
	&sim_unpaying_viewer_actor,
	&sim_viewer_actor,
};

const struct sim_actor *sim_actor_at(size_t index)
{
	return index < sizeof actors / sizeof *actors ? actors[index] : NULL;
}

const struct sim_actor *sim_actor_find(const char *name)
{
	for (size_t i = 0; sim_actor_at(i) != NULL; i++) {
		if (strcmp(actors[i]->name, name) == 0)
			return actors[i];
	}
	return NULL;
}
