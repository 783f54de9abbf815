/* SPDX-License-Identifier: Apache-2.0
 *
 * scale.h - one ledger that grows: what a transaction, a record and a restart cost by its size. */
#ifndef SOUK_BENCH_SCALE_H
#define SOUK_BENCH_SCALE_H

#include <stdint.h>

#include "bench.h"

#define SCALE_STEPS 4

enum scale_kind {
	SCALE_ACCOUNTS,
	SCALE_ESCROWS,
	SCALE_KINDS,
};

/* Of one kind of record; steps that were not measured are left out. */
struct scale {
	unsigned steps;
	uint32_t counts[SCALE_STEPS]; /* records in the ledger */
	double tx_per_s[SCALE_STEPS]; /* durable blocks of transactions that touch one at random */
	double disk_bytes;	      /* of the file, per record, its receipt and history with it */
	double memory_bytes;	      /* of the same ledger in memory, per record */
	double restart_ms; /* from starting soukd to its first answer, at the last step */
};

/* Grow a ledger to 1,000,000 records of KIND, or 10,000 where it is quick; progress goes to
 * standard error. Whether all of it could be done. */
bool scale_measure(
	struct scale *ret, enum scale_kind kind, const struct souk_bench_options *options);

#endif
