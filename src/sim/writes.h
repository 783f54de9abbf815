/* SPDX-License-Identifier: Apache-2.0
 *
 * writes.h - what a process must have on its disk before it answers.
 *
 *   effects --put--> [waiting] --commit--> running --durable--> idle
 *   answers --hold--> [held] ----'                       '--> they leave
 *
 * As the daemons do it: one commit at a time, shared by all who wait for one. What comes while a
 * commit runs waits for the next. A write that failed is kept, and tried again with the next
 * commit, so no record is lost to a full disk; the answers that waited for it say so instead.
 *
 * Memory: heap. Threads: one. */
#ifndef SOUK_SIM_WRITES_H
#define SOUK_SIM_WRITES_H

#include "sim.h"

#define SIM_WRITE_KEY_MAX 64

struct sim_write {
	uint8_t key[SIM_WRITE_KEY_MAX];
	uint32_t key_size;
	uint32_t size;
	uint32_t room;
	uint8_t *bytes;
};

struct sim_writes {
	struct sim_node *node;
	struct sim_write *items; /* the first `count` wait; those behind only keep their memory */
	uint32_t count, made, max;
	struct sim_message **held;
	uint32_t held_count, held_max;
	bool is_running;
	uint64_t durable_us; /* when what runs is durable */
	souk_status status;  /* of the last commit */
};

void sim_writes_init(struct sim_writes *writes, struct sim_node *node);
/* Forget everything that waits. */
void sim_writes_free(struct sim_writes *writes);

/* Remember VALUE to be written under KEY, over what waits there. */
void sim_writes_put(struct sim_writes *writes, struct souk_bytes key, struct souk_bytes value);
/* The newest value of KEY, waiting or on the disk. As souk_store_get. */
SOUK_MUST_CHECK souk_status sim_writes_get(
	const struct sim_writes *writes, struct souk_bytes key, struct souk_bytes *ret);
/* ANSWER leaves once the next commit is durable. */
void sim_writes_hold(struct sim_writes *writes, struct sim_message *answer);
/* One transaction for all that waits; nothing may be running. What is held is given to the network,
 * which keeps it until the commit is durable; or is turned into refusals. */
void sim_writes_commit(struct sim_writes *writes);
/* A transaction of its own for VALUE, behind what runs; nothing else is written. SOUK_OK, or why it
 * failed: then nothing is kept. */
SOUK_MUST_CHECK souk_status sim_writes_further(
	struct sim_writes *writes, struct souk_bytes key, struct souk_bytes value);
/* Whether the commit that ran has come to its end, which is then noted. */
bool sim_writes_end(struct sim_writes *writes);

/* Call VISIT for each record on the disk whose key starts with PREFIX, until it says false. */
void sim_writes_each(struct sim_node *node, uint8_t prefix,
	bool (*visit)(void *ctx, struct souk_bytes id, struct souk_bytes value), void *ctx);

#endif
