/* SPDX-License-Identifier: Apache-2.0
 *
 * actors.h - the actors by name, for their list. */
#ifndef SOUK_SIM_ACTORS_H
#define SOUK_SIM_ACTORS_H

#include "sim.h"

extern const struct sim_actor sim_customer_actor;
extern const struct sim_actor sim_hub_actor;
extern const struct sim_actor sim_provider_actor;
extern const struct sim_actor sim_task_cheat_actor;
extern const struct sim_actor sim_task_customer_actor;
extern const struct sim_actor sim_task_provider_actor;

#endif
