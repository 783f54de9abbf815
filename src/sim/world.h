/* SPDX-License-Identifier: Apache-2.0
 *
 * world.h - the inside of a world; only the files that make it look here. See sim.h. */
#ifndef SOUK_SIM_WORLD_H
#define SOUK_SIM_WORLD_H

#include <stdarg.h>

#include "audit.h"
#include "queue.h"
#include "run.h"
#include "souk/base/map.h"

struct sim_contents;
struct sim_demand;
struct sim_directory;

struct sim_world {
	const struct sim_scenario *scenario;
	const struct sim_run_options *options; /* NULL: none */
	uint64_t now_us;
	uint64_t end_us;
	uint64_t finish_us; /* when demand is over */
	uint64_t heal_us;
	struct sim_queue queue;
	struct sim_node *nodes;
	uint32_t node_count;
	uint32_t *node_slots;
	struct souk_map node_map; /* by address */
	struct sim_ledger *ledger;
	struct sim_audit *audit;
	struct sim_contents *contents;
	struct sim_demand *demand;	 /* made by the first who needs it */
	struct sim_directory *directory; /* the same */
	struct sim_message *spare;	 /* messages to use again; linked by `bytes` */
	uint64_t ledger_queued_us;
	uint64_t trace;
	uint64_t delivered;
	uint64_t events;
	uint32_t loss_ppm; /* of faults */
	uint64_t delay_us;
	bool tears; /* faults of disks, for crashes */
	bool is_stopped;
};

/* Make the world of SCENARIO, which is borrowed: its nodes are made and funded, nothing runs yet.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_CONFIG: ERROR says what cannot be. */
SOUK_MUST_CHECK souk_status sim_world_new(struct sim_world **ret,
	const struct sim_scenario *scenario, const struct sim_run_options *options,
	char error[SIM_ERROR_SIZE]);
/* Everything up to the end; then the auditor's last word. SOUK_OK, or SOUK_LOCAL_STOPPED. */
SOUK_MUST_CHECK souk_status sim_world_run(struct sim_world *world);
/* The same, up to WORLD_US: for tests that look in between. */
void sim_world_run_until(struct sim_world *world, uint64_t world_us);
void sim_world_free(struct sim_world *world);

/* node.c */
void sim_node_make(struct sim_world *world, uint32_t id, uint16_t population);
void sim_node_start(struct sim_node *node);
/* Look at its wake: call the timer where its clock is there. */
void sim_node_look(struct sim_node *node);
/* As sim_crash; where power is cut, what was not durable is lost. */
void sim_node_kill(struct sim_node *node, uint64_t restart_us, bool is_power_cut);
/* Its clock was set: what it waits for may be now. */
void sim_node_clock_changed(struct sim_node *node);

/* net.c */
void sim_net_leave(struct sim_world *world, struct sim_message *message);
void sim_net_arrive(struct sim_world *world, struct sim_message *message);
/* A message that is not in use; NULL: there is none. */
struct sim_message *sim_message_take(struct sim_world *world);
bool sim_net_reaches_ledger(const struct sim_node *node);
const char *sim_kind_name(enum sim_kind kind);
bool sim_kind_is_reply(enum sim_kind kind);

/* Parts that their own headers tell of. NULL is allowed. */
void sim_demand_free(struct sim_demand *demand);
void sim_directory_free(struct sim_directory *directory);

/* fault.c: put all faults of the scenario into the queue; carry one out. */
void sim_fault_plan(struct sim_world *world);
void sim_fault_run(struct sim_world *world, uint64_t word);

#endif
