/* SPDX-License-Identifier: Apache-2.0
 *
 * actors.h - the actors by name, for their list. */
#ifndef SOUK_SIM_ACTORS_H
#define SOUK_SIM_ACTORS_H

#include "sim.h"

extern const struct sim_actor sim_beacon_withholder_actor;
extern const struct sim_actor sim_cache_actor;
extern const struct sim_actor sim_colluding_cache_actor;
extern const struct sim_actor sim_colluding_viewer_actor;
extern const struct sim_actor sim_customer_actor;
extern const struct sim_actor sim_double_redeemer_actor;
extern const struct sim_actor sim_double_spender_actor;
extern const struct sim_actor sim_escrow_frontrunner_actor;
extern const struct sim_actor sim_flooder_actor;
extern const struct sim_actor sim_garbage_server_actor;
extern const struct sim_actor sim_griefer_actor;
extern const struct sim_actor sim_head_only_actor;
extern const struct sim_actor sim_hub_actor;
extern const struct sim_actor sim_hub_thief_actor;
extern const struct sim_actor sim_issuer_thief_actor;
extern const struct sim_actor sim_key_auditor_actor;
extern const struct sim_actor sim_key_cheat_actor;
extern const struct sim_actor sim_key_framer_actor;
extern const struct sim_actor sim_key_framing_owner_actor;
extern const struct sim_actor sim_key_owner_actor;
extern const struct sim_actor sim_key_proxy_actor;
extern const struct sim_actor sim_key_receiver_actor;
extern const struct sim_actor sim_key_withholder_actor;
extern const struct sim_actor sim_laggard_actor;
extern const struct sim_actor sim_late_claimer_actor;
extern const struct sim_actor sim_late_payer_actor;
extern const struct sim_actor sim_non_payer_actor;
extern const struct sim_actor sim_overseller_actor;
extern const struct sim_actor sim_provider_actor;
extern const struct sim_actor sim_reseller_actor;
extern const struct sim_actor sim_sponsor_actor;
extern const struct sim_actor sim_task_cheat_actor;
extern const struct sim_actor sim_task_customer_actor;
extern const struct sim_actor sim_task_provider_actor;
extern const struct sim_actor sim_ticket_replayer_actor;
extern const struct sim_actor sim_unpaying_viewer_actor;
extern const struct sim_actor sim_viewer_actor;

#endif
