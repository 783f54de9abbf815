/* SPDX-License-Identifier: Apache-2.0
 *
 * disk.h - a node's disk: the store port, with what real disks do.
 *
 *   begin -> put, del, get, next -> commit --latency--> durable
 *                                     |
 *                  a crash before that: undone, whole transactions from the last one back;
 *                  with `tears`, a part of the last one stays, as on a disk that lies
 *
 * An actor does as LMDB's adapter does: nothing that relies on a commit leaves before
 * sim_disk_commit says it is durable (sim_send_after).
 *
 * Below it is sim_store: an ordered store that can be rolled back to any mark, which the ledger's
 * forks use too.
 *
 * Memory: heap. Threads: one. */
#ifndef SOUK_SIM_DISK_H
#define SOUK_SIM_DISK_H

#include "sim.h"
#include "souk/ports/store.h"

/* ---------------------------------------------------------------- a store that can go back */

struct sim_store;

struct sim_store *sim_store_new(uint64_t seed);
void sim_store_free(struct sim_store *store);
/* The port; valid as long as the store. */
struct souk_store sim_store_view(struct sim_store *store);
/* Where the store stands now; rises with every change. */
uint64_t sim_store_mark(const struct sim_store *store);
/* Back to MARK, which was not forgotten. */
void sim_store_rollback(struct sim_store *store, uint64_t mark);
/* Nobody will go back before MARK. */
void sim_store_forget(struct sim_store *store, uint64_t mark);
uint64_t sim_store_count(const struct sim_store *store);
/* Flip a bit of a value; WHICH picks key and bit. False where there is none. */
bool sim_store_rot(struct sim_store *store, uint64_t which);

/* ---------------------------------------------------------------- a disk */

struct sim_disk_faults {
	uint64_t latency_us; /* of a commit */
	bool is_full;	     /* puts are SOUK_IO_DISK_FULL */
	bool is_failing;     /* commits are SOUK_IO_STORE */
	bool tears;	     /* a crash leaves a part of the last transaction */
	bool loses; /* commits are said to be durable and are not, until the next but one */
};

struct sim_disk *sim_disk_new(struct sim_world *world, uint64_t seed);
void sim_disk_free(struct sim_disk *disk);
struct sim_disk_faults *sim_disk_faults(struct sim_disk *disk);

/* sim_disk_begin: a transaction, and the port into it; reads need none (sim_disk_view).
 * SOUK_OK, or SOUK_LOCAL_STATE where one is open. */
SOUK_MUST_CHECK souk_status sim_disk_begin(struct sim_disk *disk, struct souk_store *ret_view);
/* SOUK_OK: durable at *RET_WORLD_US; or SOUK_IO_STORE, SOUK_IO_DISK_FULL: nothing was changed. */
SOUK_MUST_CHECK souk_status sim_disk_commit(struct sim_disk *disk, uint64_t *ret_world_us);
void sim_disk_abort(struct sim_disk *disk);
struct souk_store sim_disk_view(struct sim_disk *disk);
/* Power is cut, or the process killed (then nothing that was committed is lost unless LOSES). */
void sim_disk_crash(struct sim_disk *disk, bool is_power_cut);
/* How long the longest of the commits took, waiting included, that were under way at SINCE_US or
 * later. */
uint64_t sim_disk_longest_us(const struct sim_disk *disk, uint64_t since_us);
/* Records on it. */
uint64_t sim_disk_count(const struct sim_disk *disk);
/* Bit rot. */
bool sim_disk_rot(struct sim_disk *disk, uint64_t which);

#endif
