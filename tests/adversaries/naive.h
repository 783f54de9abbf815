/* SPDX-License-Identifier: Apache-2.0
 *
 * naive.h - a ledger that decides claims as the real one does, but for one test.
 *
 * It reads escrows, allotments and draws from the real ledger, and keeps money
 * and paid points of its own: one escrow's. Without an omission it pays what the
 * real ledger pays; naive_agrees says so. */
#ifndef SOUK_ADVERSARIES_NAIVE_H
#define SOUK_ADVERSARIES_NAIVE_H

#include "shop.h"

#define NAIVE_POINTS 4096u

enum omission {
	OMIT_NOTHING = 0,
	OMIT_PAYEE = 1,	  /* that the one who claims is the one who is paid */
	OMIT_TICKET = 2,  /* that the ticket is of the strip's chain */
	OMIT_KEY = 4,	  /* that the key is published */
	OMIT_PAID = 8,	  /* that a point is paid once */
	OMIT_LEDGER = 16, /* that the strip's escrow is one of this ledger */
	OMIT_PREFIX = 32, /* that a ticket pays for all before it: its own unit only */
};

struct naive {
	unsigned omissions;
	struct souk_hash escrow; /* the one that pays */
	int64_t purse;		 /* what it holds, ncoin */
	/* In place of the ledger's, if it is set: of allotments made without cover. */
	const struct souk_allotment_record *allotment;
	uint8_t paid[NAIVE_POINTS / 8];
};

void naive_init(struct naive *naive, const struct world *world, const struct souk_hash *escrow,
	unsigned omissions);
/* CTX is a struct naive. What the purse does not hold is not paid. */
souk_status court_of_naive(void *ctx, struct world *world, enum party from,
	const struct souk_claim *claim, struct souk_amount *ret_paid);

#endif
