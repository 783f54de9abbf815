/* SPDX-License-Identifier: Apache-2.0
 *
 * swarm.h - a market of real processes on loopback: a ledger, caches, a sponsor that pays them, and
 * homes of viewers and of one who pays by himself. */
#ifndef SOUK_BENCH_SWARM_H
#define SOUK_BENCH_SWARM_H

#include "market.h"
#include "relay.h"

#define SWARM_CACHES_MAX 8u
/* Homes of who pays by himself: payer0 and on. */
#define SWARM_PAYERS 8u

struct swarm_terms {
	unsigned caches; /* all drawn for each bundle */
	unsigned viewers;
	unsigned starts;      /* of the sponsor's puzzles; 0: its default */
	double round_trip_ms; /* to the caches, and to the sponsor */
};

struct swarm {
	struct bench_market market;
	struct swarm_terms terms;
	unsigned caches;
	pid_t providers[SWARM_CACHES_MAX];
	pid_t sponsor;
	char sponsor_name[256];
	struct bench_relay *relays[2 * SWARM_CACHES_MAX + 1];
};

/* False: see the market's log. */
bool swarm_start(struct swarm *ret, const struct souk_bench_options *options,
	const struct swarm_terms *terms);
/* And remove its files, where CLEANS. */
void swarm_stop(struct swarm *swarm, bool cleans);

/* FILE is on sale at every cache: its content id into ID. */
bool swarm_add(struct swarm *swarm, const char *file, char *id, size_t size);
/* And the sponsor pays for it. */
bool swarm_publish(struct swarm *swarm, const char *file, char *id, size_t size);

/* Processor time of all caches up to now. */
double swarm_caches_cpu_s(const struct swarm *swarm);

/* Where viewer I puts what it fetched; and all of that away. */
void swarm_got_path(const struct swarm *swarm, unsigned i, char *path, size_t size);
void swarm_remove_got(struct swarm *swarm);

/* COUNT viewers, or payers (at most SWARM_PAYERS), each from its own home, fetch ID, where nothing
 * must be. As process_run_many. */
bool swarm_get(struct swarm *swarm, const char *id, unsigned count, bool is_paid, double *ret_cpu_s,
	double *ret_wall_s);

#endif
