/* SPDX-License-Identifier: Apache-2.0
 *
 * payout.h - how far a lottery pays from what is owed: simulated, by the code that draws.
 *
 *   epoch (draw round) of one escrow: PAYOUT_PRIZES prizes, PAYOUT_TICKETS payments for each
 *   PAYOUT_PAYEES payees with equal shares; each is paid a random part of its share
 *
 * The prize, the payments per prize and what is spent are the same for all
 * three. Souk draws one offset, MicroCash an exact number of winners over all
 * numbers of the round, MICROPAY one coin for each payment. */
#ifndef SOUK_BENCH_PAYOUT_H
#define SOUK_BENCH_PAYOUT_H

#include <stdint.h>

#define PAYOUT_PAYEES  10u
#define PAYOUT_PRIZES  100u
#define PAYOUT_TICKETS 1000u
/* Epochs that are added up for the long run. */
#define PAYOUT_RUN 100u

/* All in prizes, of one payee: paid - owed. */
struct payout {
	double sd;	/* of one epoch */
	double max;	/* the largest either way, of one epoch */
	double run_sd;	/* of PAYOUT_RUN epochs together */
	double run_max; /* likewise */
	double bias;	/* mean of one epoch */
};

enum payout_system {
	PAYOUT_SOUK,
	PAYOUT_MICROCASH,
	PAYOUT_MICROPAY,
	PAYOUT_SYSTEMS,
};

void payout_simulate(struct payout *ret, enum payout_system system, uint32_t epochs);

#endif
