/* SPDX-License-Identifier: Apache-2.0
 *
 * directory.h - who sells: what the ledger's list of providers is to a customer.
 *
 * A provider enters itself once its registration is on the ledger. Greedy ones are in it like
 * everybody else: nothing on the ledger tells them apart.
 *
 * Memory: heap, 4 bytes an entry. Threads: the world's. */
#ifndef SOUK_SIM_DIRECTORY_H
#define SOUK_SIM_DIRECTORY_H

#include "sim.h"

struct sim_directory;

/* NODE can be asked for offers from now on; once more is no harm. */
void sim_directory_add(struct sim_node *node);
/* It gave up its registration. */
void sim_directory_remove(struct sim_node *node);
uint32_t sim_directory_count(const struct sim_world *world);
/* The node at PLACE, below the count. Places change when somebody leaves. */
uint32_t sim_directory_at(const struct sim_world *world, uint32_t place);
/* sim_directory_draw: up to MAX different nodes, drawn by RNG, none of those in NOT. Returns how
 * many: fewer where there are no more. */
uint32_t sim_directory_draw(const struct sim_world *world, struct souk_rng *rng, uint32_t *ret,
	uint32_t max, const uint32_t * not, uint32_t not_count);
/* NULL is allowed. */
void sim_directory_free(struct sim_directory *directory);

#endif
