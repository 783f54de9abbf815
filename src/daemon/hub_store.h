/* SPDX-License-Identifier: Apache-2.0
 *
 * hub_store.h - what a hub keeps in its home, between runs and beside the daemon.
 *
 *   HOME/hub.mdb   'A' address    -> hub_account_record
 *                  'S' session    -> hub_session_record; kept for good: with the account's
 *                                    signature and its last ticket it is what proves the spending
 *                  'V' voucher id -> hub_voucher_record; the voucher's secret is nowhere
 *
 * souk hub opens the same store while soukd runs: LMDB lets one write at a time and any number
 * read.
 *
 * Threads: any; a call that writes begins and ends its transaction inside. */
#ifndef SOUK_DAEMON_HUB_STORE_H
#define SOUK_DAEMON_HUB_STORE_H

#include <stdbool.h>

#include "souk/io/lmdb_store.h"
#include "souk/wire/messages.h"

#define HUB_STORE_ACCOUNT 'A'
#define HUB_STORE_SESSION 'S'
#define HUB_STORE_VOUCHER 'V'
#define HUB_STORE_ID_MAX  SOUK_HASH_SIZE

struct hub_store {
	struct souk_lmdb_store *lmdb;
};

/* Open or create the store of HOME. As souk_lmdb_store_open. */
SOUK_MUST_CHECK souk_status hub_store_open(
	struct hub_store *ret, const char *home, bool is_read_only);
void hub_store_close(struct hub_store *store);

/* SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_STORE, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status hub_store_session(const struct hub_store *store,
	const struct souk_nonce *session, struct souk_hub_session_record *ret);
SOUK_MUST_CHECK souk_status hub_store_voucher(const struct hub_store *store,
	const struct souk_hash *id, struct souk_hub_voucher_record *ret);

/* Write a fresh voucher: SOUK_OK, SOUK_LOCAL_EXISTS, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status hub_store_add_voucher(
	const struct hub_store *store, const struct souk_hash *id, struct souk_amount amount);

/* Call VISIT for every record of a kind, in a snapshot, until it returns something else than
 * SOUK_OK, which is then returned. */
SOUK_MUST_CHECK souk_status hub_store_each_account(const struct hub_store *store,
	souk_status (*visit)(void *ctx, const struct souk_address *address,
		const struct souk_hub_account_record *record),
	void *ctx);
SOUK_MUST_CHECK souk_status hub_store_each_session(const struct hub_store *store,
	souk_status (*visit)(void *ctx, const struct souk_hub_session_record *record), void *ctx);
SOUK_MUST_CHECK souk_status hub_store_each_voucher(const struct hub_store *store,
	souk_status (*visit)(void *ctx, const struct souk_hub_voucher_record *record), void *ctx);

#endif
