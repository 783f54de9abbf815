/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger_home.h - what a ledger's home holds: ledger.mdb, and the secret end of its beacon chain
 * in beacon.seed. Whoever knows that seed knows every draw beforehand. */
#ifndef SOUK_DAEMON_LEDGER_HOME_H
#define SOUK_DAEMON_LEDGER_HOME_H

#include "souk/crypto/chain.h"
#include "souk/io/lmdb_store.h"
#include "souk/ledger/ledger.h"

/* ledger_home_create: a seed, a genesis with its chain's anchor, and a store that starts with it.
 *
 *  In/out: genesis  all but beacon_anchor is set; beacon_count at most SOUK_CHAIN_LENGTH_MAX
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_EXISTS  HOME holds a ledger already; it was left as it is.
 *   those of souk_genesis_check, and SOUK_IO_*. *RET_WHAT names the file or the step. */
SOUK_MUST_CHECK souk_status ledger_home_create(
	const char *home, struct souk_genesis *genesis, const char **ret_what);

/* Open the store of HOME, which must hold a ledger. */
SOUK_MUST_CHECK souk_status ledger_home_open(
	struct souk_lmdb_store **ret, const char *home, const char **ret_what);

/* The beacon chain of HOME.
 *
 * Returns SOUK_OK, SOUK_IO_READ, SOUK_LOCAL_NOT_FOUND, or
 *   SOUK_LOCAL_CONFIG  the seed in HOME is not that of GENESIS. */
SOUK_MUST_CHECK souk_status ledger_home_beacons(struct souk_chain *ret, const char *home,
	const struct souk_genesis *genesis, const char **ret_what);

#endif
