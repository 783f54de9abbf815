/* SPDX-License-Identifier: Apache-2.0
 *
 * ours.h - Souk's side of the race: strips of many customers, paid ticket by ticket.
 *
 * A provider has many customers at once, so tickets of 1,024 strips arrive
 * interleaved, one unit each: no strip is in the nearest cache by luck, and no
 * ticket costs less than the hash it must cost. Every call is the code that the
 * provider, the customer and the ledger run. Rates are per second on one core. */
#ifndef SOUK_BENCH_OURS_H
#define SOUK_BENCH_OURS_H

#include <stddef.h>

#define OURS_STRIPS 1024 /* interleaved */
#define OURS_UNITS  512	 /* tickets of a strip */
#define OURS_BATCH  32	 /* strips under one signature */

struct ours;

/* NULL where there is no memory. */
struct ours *ours_new(void);
void ours_free(struct ours *ours);

/* Every ticket of every strip, its chain computed anew. */
double ours_issue(struct ours *ours);
/* Strips made and signed, OURS_BATCH at a time: chain, checkpoints, path and signature. */
double ours_open_strips(struct ours *ours);
/* All those tickets verified and accounted for, one by one, and four lanes at a time. */
double ours_verify_one_by_one(struct ours *ours);
double ours_verify_many(struct ours *ours);
/* Strips verified: path, range, checkpoints, signature. */
double ours_verify_strips(struct ours *ours);
/* Claims verified, of every length: on average 128 steps of either chain. */
double ours_verify_claims(struct ours *ours);

size_t ours_ticket_bytes(const struct ours *ours);
/* What a customer sends to open a strip. */
size_t ours_strip_bytes(const struct ours *ours);
/* The longest of those claims. */
size_t ours_claim_bytes(const struct ours *ours);
/* The same in its signed transaction. */
size_t ours_claim_tx_bytes(const struct ours *ours);

#endif
