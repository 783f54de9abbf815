/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"

#define PATH_SIZE 512

static void path_of(char out[PATH_SIZE], const char *home, const char *name)
{
	snprintf(out, PATH_SIZE, "%s/%s", home, name);
}

static void beacons_of_seed(
	struct souk_chain *ret, const struct souk_hash *seed, const struct souk_genesis *genesis)
{
	static const struct souk_nonce zero;
	souk_chain_init(ret, souk_chain_tag_beacon, &zero, genesis->beacon_count, seed);
}

static souk_status write_seed(const char *path, const struct souk_hash *seed)
{
	char text[2 * SOUK_HASH_SIZE + 2];
	souk_hex_encode(text, seed->bytes, SOUK_HASH_SIZE);
	text[2 * SOUK_HASH_SIZE] = '\n';
	souk_status status =
		souk_file_write_atomic(path, souk_bytes_of(text, 2 * SOUK_HASH_SIZE + 1), true);
	souk_bytes_wipe(text, sizeof text);
	return status;
}

static souk_status read_seed(struct souk_hash *ret, const char *path)
{
	char *text;
	size_t size;
	SOUK_TRY(souk_file_read(path, 256, &text, &size));
	souk_status status =
		souk_hex_decode_secret(ret->bytes, SOUK_HASH_SIZE, souk_bytes_of(text, size));
	souk_bytes_wipe(text, size);
	free(text);
	return status == SOUK_OK ? SOUK_OK : SOUK_LOCAL_CONFIG;
}

static souk_status write_genesis(const char *path, const struct souk_genesis *genesis)
{
	struct souk_lmdb_config config = {.path = path};
	struct souk_lmdb_store *lmdb;
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_ledger ledger;
	SOUK_TRY(souk_lmdb_store_open(&lmdb, &config));
	souk_status status = souk_lmdb_store_begin(lmdb, SOUK_LMDB_WRITE, &txn, &view);
	if (status == SOUK_OK) {
		status = souk_ledger_genesis(&ledger, &view, genesis);
		if (status == SOUK_OK)
			status = souk_lmdb_txn_commit(txn);
		else
			souk_lmdb_txn_abort(txn);
	}
	souk_lmdb_store_close(lmdb);
	return status;
}

souk_status ledger_home_create(
	const char *home, struct souk_genesis *genesis, const char **ret_what)
{
	char store_path[PATH_SIZE], seed_path[PATH_SIZE];
	struct souk_hash seed;
	struct souk_chain beacons;
	path_of(store_path, home, "ledger.mdb");
	path_of(seed_path, home, "beacon.seed");
	*ret_what = "the rules of the ledger";
	if (genesis->beacon_count > SOUK_CHAIN_LENGTH_MAX)
		return SOUK_LOCAL_CONFIG;
	SOUK_TRY(souk_genesis_check(genesis));
	*ret_what = "beacon.seed";
	if (access(store_path, F_OK) == 0 || access(seed_path, F_OK) == 0)
		return SOUK_LOCAL_EXISTS;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), seed.bytes, sizeof seed.bytes));
	beacons_of_seed(&beacons, &seed, genesis);
	genesis->beacon_anchor = beacons.anchor;
	souk_bytes_wipe(&beacons, sizeof beacons);
	souk_status status = write_seed(seed_path, &seed);
	souk_bytes_wipe(&seed, sizeof seed);
	SOUK_TRY(status);
	*ret_what = "ledger.mdb";
	return write_genesis(store_path, genesis);
}

souk_status ledger_home_open(struct souk_lmdb_store **ret, const char *home, const char **ret_what)
{
	char path[PATH_SIZE];
	struct souk_lmdb_config config = {.path = path};
	path_of(path, home, "ledger.mdb");
	*ret_what = "ledger.mdb";
	/* Opening would make an empty store, in which the missing genesis were the error. */
	if (access(path, F_OK) != 0)
		return SOUK_LOCAL_NOT_FOUND;
	return souk_lmdb_store_open(ret, &config);
}

souk_status ledger_home_beacons(struct souk_chain *ret, const char *home,
	const struct souk_genesis *genesis, const char **ret_what)
{
	char path[PATH_SIZE];
	struct souk_hash seed;
	path_of(path, home, "beacon.seed");
	*ret_what = "beacon.seed";
	SOUK_TRY(read_seed(&seed, path));
	if (genesis->beacon_count == 0 || genesis->beacon_count > SOUK_CHAIN_LENGTH_MAX)
		return SOUK_LOCAL_CONFIG;
	beacons_of_seed(ret, &seed, genesis);
	souk_bytes_wipe(&seed, sizeof seed);
	return souk_hash_equal(&ret->anchor, &genesis->beacon_anchor) ? SOUK_OK : SOUK_LOCAL_CONFIG;
}
