/* SPDX-License-Identifier: Apache-2.0
 *
 * wallet.h - what a customer's home remembers of its money, between purchases.
 *
 *   HOME/wallet.mdb   'P' root of an allotment           -> wallet_plan: its leaves
 *                     'L' escrow, epoch, segment, leaf   -> wallet_leaf: how far it is used
 *                     'S' the same, and start            -> wallet_strip
 *   HOME/wallet.busy  locked by each purchase that runs
 *
 *   reserve (durable) --> sign the strip --> tickets, noted beside them --> over (durable)
 *
 * A part of a leaf is taken here, on the disk, before a strip on it is signed: so
 * no two strips overlap, whatever processes run at once or are killed. What is
 * taken and then not used is a gap; a receipt at the epoch's end closes gaps.
 *
 * What a strip's tickets say is noted beside the purchase, in steps ahead of them:
 * after a crash the wallet knows what was paid, give or take WALLET_AHEAD units. A
 * receipt over too little is refused by its payee, and its strips are claimed.
 *
 * Threads: any; a call that writes begins and ends its transaction inside. One process may open the
 * wallet of one home any number of times. */
#ifndef SOUK_CLIENT_WALLET_H
#define SOUK_CLIENT_WALLET_H

#include <stdbool.h>
#include <stddef.h>

#include "souk/base/status.h"
#include "souk/wire/messages.h"

#define WALLET_AHEAD 64u
/* Leaves of one plan, as the schema has it. */
#define WALLET_LEAVES_MAX 256u

struct wallet;

/* wallet_open: open or create the wallet of HOME.
 *
 * Returns SOUK_OK, or those of souk_lmdb_store_open. */
SOUK_MUST_CHECK souk_status wallet_open(struct wallet **ret, const char *home);
void wallet_close(struct wallet *wallet); /* NULL is allowed */

/* Say that a purchase runs, until wallet_close. SOUK_OK, or SOUK_IO_WRITE. */
SOUK_MUST_CHECK souk_status wallet_enter(struct wallet *wallet);
/* Whether another purchase, of this process or another, is between wallet_enter and its end. */
bool wallet_is_busy(struct wallet *wallet);

/* Remember the leaves of an allotment; before it goes to the ledger. */
SOUK_MUST_CHECK souk_status wallet_put_plan(
	struct wallet *wallet, const struct souk_hash *root, const struct souk_wallet_plan *plan);
/* SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_STORE, or SOUK_IO_*; so all that follow. */
SOUK_MUST_CHECK souk_status wallet_plan(
	struct wallet *wallet, const struct souk_hash *root, struct souk_wallet_plan *ret);
/* Visit every plan until VISIT returns something else than SOUK_OK, which is then returned. */
SOUK_MUST_CHECK souk_status wallet_each_plan(struct wallet *wallet,
	souk_status (*visit)(
		void *ctx, const struct souk_hash *root, const struct souk_wallet_plan *plan),
	void *ctx);

/* How far the leaf of STRIP (its escrow, epoch, segment and leaf count) is used; zero at first. */
SOUK_MUST_CHECK souk_status wallet_leaf(
	struct wallet *wallet, const struct souk_wallet_strip *strip, struct souk_wallet_leaf *ret);

/* wallet_reserve: take the next COUNT * PRICE of a leaf of AMOUNT, durably.
 *
 *  In/out: strip  its start is set
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_STRIP_RANGE  the leaf has not that much left: another process may have been quicker.
 *   SOUK_LOCAL_STATE       the leaf is settled. Use another. */
SOUK_MUST_CHECK souk_status wallet_reserve(
	struct wallet *wallet, struct souk_wallet_strip *strip, struct souk_amount amount);

/* wallet_reserve_many: the same for COUNT strips on different leaves, in one transaction; what
 * became of each is in RET.
 *
 * Returns SOUK_OK, or SOUK_IO_*: none is laid. */
SOUK_MUST_CHECK souk_status wallet_reserve_many(struct wallet *wallet,
	struct souk_wallet_strip *const *strips, const struct souk_amount *amounts, size_t count,
	souk_status *ret);

/* Write unit and over of COUNT strips, in one transaction. */
SOUK_MUST_CHECK souk_status wallet_put_strips(
	struct wallet *wallet, const struct souk_wallet_strip *const *strips, size_t count);

SOUK_MUST_CHECK souk_status wallet_put_strip(
	struct wallet *wallet, const struct souk_wallet_strip *strip);

/* Visit the strips, leaf after leaf, in a snapshot; as wallet_each_plan. */
SOUK_MUST_CHECK souk_status wallet_each_strip(struct wallet *wallet,
	souk_status (*visit)(void *ctx, const struct souk_wallet_strip *strip), void *ctx);

/* wallet_settle_leaf: close the leaf of STRIP for good, and add up what its strips may have cost.
 *
 *  In: ignore_running  strips that are not over are of processes that were killed
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_STATE  a purchase still pays with it; nothing is changed. */
SOUK_MUST_CHECK souk_status wallet_settle_leaf(struct wallet *wallet,
	const struct souk_wallet_strip *strip, bool ignore_running, struct souk_amount *ret_owed);

/* Forget what is of epochs before EPOCH, but for standing plans. */
SOUK_MUST_CHECK souk_status wallet_forget(struct wallet *wallet, uint64_t epoch);

#endif
