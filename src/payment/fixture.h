/* SPDX-License-Identifier: Apache-2.0
 *
 * fixture.h - a small market for the tests: an escrow, its allotment, and sales on it.
 *
 * Everything follows from the seed. Tests, fuzzers, vectors and benchmarks only. */
#ifndef SOUK_PAYMENT_FIXTURE_H
#define SOUK_PAYMENT_FIXTURE_H

#include "souk/base/rng.h"
#include "souk/payment/allotment.h"
#include "souk/payment/claim.h"
#include "souk/payment/escrow.h"
#include "souk/payment/lottery.h"
#include "souk/payment/payee.h"
#include "souk/payment/payer.h"

#define FIXTURE_LEAVES_MAX 16
#define FIXTURE_NOW	   ((struct souk_time){1000})
#define FIXTURE_EXPIRES	   ((struct souk_time){5000})
#define FIXTURE_CLOSES	   ((struct souk_time){9000})

struct fixture {
	struct souk_rng rng;
	struct souk_identity payer;
	struct souk_identity issuer;
	struct souk_hash ledger;
	struct souk_nonce salt;
	struct souk_hash escrow;
	size_t leaf_count;
	struct souk_allotment_leaf leaves[FIXTURE_LEAVES_MAX];
	struct souk_payer_leaf free[FIXTURE_LEAVES_MAX]; /* what is left of each */
	struct souk_sum_node nodes[FIXTURE_LEAVES_MAX];	 /* scratch */
	struct souk_allotment_record record;
};

/* A strip between the payer and one provider, with what either side keeps of it. */
struct fixture_sale {
	struct souk_payer_strip payer;
	struct souk_payee payee;
	struct souk_chain keys;
	struct souk_strip_open open;
	struct souk_amount base;
};

struct souk_hash fixture_hash(struct souk_rng *rng);
void fixture_identity(struct souk_identity *ret, struct souk_rng *rng);

/* An escrow with one allotment of COUNT leaves of AMOUNT each, which starts at BASE. */
void fixture_init(struct fixture *fixture, uint64_t seed, size_t count, uint64_t amount_ncoin,
	uint64_t base_ncoin);

/* Reserve a strip of COUNT units on LEAF and fill in all but the signature. */
void fixture_sale_reserve(struct fixture *fixture, struct fixture_sale *sale, size_t leaf,
	uint32_t count, uint64_t price_ncoin);
/* The whole of it: reserved, signed alone, verified, and a payee at its anchor. */
void fixture_sale_open(struct fixture *fixture, struct fixture_sale *sale, size_t leaf,
	uint32_t count, uint64_t price_ncoin);
/* Sign COUNT reserved sales as one batch, and start their payees. */
void fixture_sign(struct fixture *fixture, struct fixture_sale *const *sales, size_t count);

/* The claim for UNIT of SALE. */
void fixture_claim(struct souk_claim *ret, struct fixture_sale *sale, uint32_t unit);

#endif
