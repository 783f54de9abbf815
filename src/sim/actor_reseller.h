/* SPDX-License-Identifier: Apache-2.0
 *
 * actor_reseller.h - who buys, and sells on what it fetched: a customer and a provider on one node.
 *
 *   purchase --chunks--> held --offers, availability, units--> other customers
 *
 * As `souk get` and `soukd` of one home are: one identity, one account on the ledger, one disk. It
 * offers a content from the moment that it wants it, with none of its parts at first; of a chunk
 * that it has not it says so (SOUK_LOCAL_NOT_HERE). What it fetched it keeps; a crash loses what of
 * a running purchase is not complete.
 *
 * Either half is the actor as it is. It finds its state in node->state, so that is set before
 * it is called: to the customer's for answers, to the provider's for requests.
 *
 * Memory: heap. Threads: one. */
#ifndef SOUK_SIM_ACTOR_RESELLER_H
#define SOUK_SIM_ACTOR_RESELLER_H

#include "actors.h"

/* CHUNK of content NUMBER was verified, or found on the disk. */
void sim_reseller_note_chunk(struct sim_node *node, uint32_t number, uint32_t chunk);
/* Content NUMBER is wanted: it is offered from now on. */
void sim_reseller_note_want(struct sim_node *node, uint32_t number);
/* A bit for each chunk of content NUMBER that NODE has; NULL: it does not offer it. */
const uint64_t *sim_reseller_parts(const struct sim_node *node, uint32_t number);
/* Whether it has all of content NUMBER: then it may be a sponsor's cache, too. */
bool sim_reseller_is_whole(const struct sim_node *node, uint32_t number);
bool sim_is_reseller(const struct sim_node *node);
/* The state of its selling half, also while the other one is at work. */
void *sim_reseller_seller(const struct sim_node *node);

#endif
