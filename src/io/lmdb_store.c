/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/lmdb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "souk/base/check.h"

#define MAP_SIZE_DEFAULT ((uint64_t)64 << 30)
#define GROWTH_PROBE	 (1 << 20)
/* Snapshots at once; more than a server has connections, or its readers would refuse each other. */
#define READERS_MAX 2048

struct souk_lmdb_store {
	MDB_env *env;
	MDB_dbi dbi;
	bool is_read_only;
};

struct souk_lmdb_txn {
	MDB_txn *txn;
	MDB_dbi dbi;
	bool is_read_only;
	souk_status failure; /* the first one; such a transaction cannot be committed */
};

static souk_status status_of(int rc)
{
	switch (rc) {
	case MDB_SUCCESS: return SOUK_OK;
	case MDB_NOTFOUND: return SOUK_LOCAL_NOT_FOUND;
	case MDB_MAP_FULL: return SOUK_IO_DISK_FULL;
	case MDB_READERS_FULL: return SOUK_LOCAL_FULL;
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND: return SOUK_CORRUPT_STORE;
	case ENOSPC:
	case EDQUOT:
	case EFBIG: return SOUK_IO_DISK_FULL;
	case ENOENT: return SOUK_LOCAL_NOT_FOUND;
	case ENOMEM: return SOUK_IO_MEMORY;
	default: return SOUK_IO_STORE;
	}
}

/* The one unnamed database of the file; opening it takes a transaction of its own. */
static int open_database(struct souk_lmdb_store *store)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(store->env, NULL, store->is_read_only ? MDB_RDONLY : 0, &txn);

	if (rc)
		return rc;
	rc = mdb_dbi_open(txn, NULL, 0, &store->dbi);
	if (rc) {
		mdb_txn_abort(txn);
		return rc;
	}
	return mdb_txn_commit(txn);
}

static int open_environment(struct souk_lmdb_store *store, const struct souk_lmdb_config *config)
{
	/* NOTLS: readers are objects, not threads. */
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD;
	int dead, rc = mdb_env_create(&store->env);

	if (rc)
		return rc;
	if (config->is_read_only)
		flags |= MDB_RDONLY;
	if (config->is_fast_unsafe)
		flags |= MDB_NOSYNC;
	rc = mdb_env_set_mapsize(
		store->env, config->map_size_max ? config->map_size_max : MAP_SIZE_DEFAULT);
	if (!rc)
		rc = mdb_env_set_maxreaders(store->env, READERS_MAX);
	if (!rc)
		rc = mdb_env_open(store->env, config->path, flags, 0600);
	/* A reader that was killed would hold its pages for ever. */
	if (!rc)
		rc = mdb_reader_check(store->env, &dead);
	return rc ? rc : open_database(store);
}

souk_status souk_lmdb_store_open(
	struct souk_lmdb_store **ret_store, const struct souk_lmdb_config *config)
{
	struct souk_lmdb_store *store = calloc(1, sizeof(*store));

	if (!store)
		return SOUK_IO_MEMORY;
	store->is_read_only = config->is_read_only;
	int rc = open_environment(store, config);
	if (rc) {
		souk_lmdb_store_close(store);
		/* A missing folder of a file to be made is no missing record. */
		if (rc == ENOENT && !config->is_read_only)
			return SOUK_IO_STORE;
		return status_of(rc);
	}
	*ret_store = store;
	return SOUK_OK;
}

void souk_lmdb_store_close(struct souk_lmdb_store *store)
{
	if (!store)
		return;
	if (store->env)
		mdb_env_close(store->env);
	free(store);
}

/* Remember a failure of the environment, as opposed to an answer. */
static souk_status note(struct souk_lmdb_txn *txn, int rc)
{
	souk_status status = status_of(rc);

	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND && txn->failure == SOUK_OK)
		txn->failure = status;
	return status;
}

static MDB_val value_of(struct souk_bytes bytes)
{
	return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

static bool is_key(struct souk_bytes key)
{
	return key.size > 0 && key.size <= SOUK_STORE_KEY_SIZE_MAX;
}

static souk_status lmdb_get(void *ctx, struct souk_bytes key, struct souk_bytes *ret_value)
{
	struct souk_lmdb_txn *txn = ctx;
	MDB_val k = value_of(key), v;

	if (!is_key(key))
		return SOUK_LOCAL_FULL;
	SOUK_TRY(note(txn, mdb_get(txn->txn, txn->dbi, &k, &v)));
	*ret_value = souk_bytes_of(v.mv_data, v.mv_size);
	return SOUK_OK;
}

static souk_status lmdb_put(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct souk_lmdb_txn *txn = ctx;
	MDB_val k = value_of(key), v = value_of(value);

	if (!is_key(key) || value.size > SOUK_STORE_VALUE_SIZE_MAX)
		return SOUK_LOCAL_FULL;
	if (txn->is_read_only)
		return SOUK_LOCAL_STATE;
	return note(txn, mdb_put(txn->txn, txn->dbi, &k, &v, 0));
}

static souk_status lmdb_del(void *ctx, struct souk_bytes key)
{
	struct souk_lmdb_txn *txn = ctx;
	MDB_val k = value_of(key);

	if (!is_key(key))
		return SOUK_LOCAL_FULL;
	if (txn->is_read_only)
		return SOUK_LOCAL_STATE;
	return note(txn, mdb_del(txn->txn, txn->dbi, &k, NULL));
}

/* A cursor for each step costs an allocation; it can never outlive a write, which is worth it. */
static souk_status lmdb_next(
	void *ctx, struct souk_bytes from, struct souk_bytes *ret_key, struct souk_bytes *ret_value)
{
	struct souk_lmdb_txn *txn = ctx;
	MDB_val k = value_of(from), v;
	MDB_cursor *cursor;

	if (from.size > SOUK_STORE_KEY_SIZE_MAX + 1)
		return SOUK_LOCAL_FULL;
	SOUK_TRY(note(txn, mdb_cursor_open(txn->txn, txn->dbi, &cursor)));
	int rc = mdb_cursor_get(cursor, &k, &v, from.size ? MDB_SET_RANGE : MDB_FIRST);
	mdb_cursor_close(cursor);
	SOUK_TRY(note(txn, rc));
	*ret_key = souk_bytes_of(k.mv_data, k.mv_size);
	*ret_value = souk_bytes_of(v.mv_data, v.mv_size);
	return SOUK_OK;
}

static const struct souk_store_ops lmdb_ops = {
	.get = lmdb_get,
	.put = lmdb_put,
	.del = lmdb_del,
	.next = lmdb_next,
};

souk_status souk_lmdb_store_begin(struct souk_lmdb_store *store, enum souk_lmdb_mode mode,
	struct souk_lmdb_txn **ret_txn, struct souk_store *ret_view)
{
	if (mode == SOUK_LMDB_WRITE && store->is_read_only)
		return SOUK_LOCAL_STATE;
	struct souk_lmdb_txn *txn = calloc(1, sizeof(*txn));
	if (!txn)
		return SOUK_IO_MEMORY;
	txn->dbi = store->dbi;
	txn->is_read_only = mode == SOUK_LMDB_READ;
	int rc = mdb_txn_begin(store->env, NULL, txn->is_read_only ? MDB_RDONLY : 0, &txn->txn);
	if (rc) {
		free(txn);
		return status_of(rc);
	}
	*ret_txn = txn;
	*ret_view = (struct souk_store){.ctx = txn, .ops = &lmdb_ops};
	return SOUK_OK;
}

/* Whether the file may not grow, by the disk or by the process's limit. The blocks that are
 * reserved in trying are used later. */
static bool is_disk_full(MDB_env *env)
{
	struct rlimit limit;
	struct stat st;
	int fd;

	if (mdb_env_get_fd(env, &fd) || fstat(fd, &st) || getrlimit(RLIMIT_FSIZE, &limit))
		return false;
	if ((uint64_t)st.st_size + GROWTH_PROBE > limit.rlim_cur)
		return true;
	return fallocate(fd, FALLOC_FL_KEEP_SIZE, st.st_size, GROWTH_PROBE) < 0 &&
	       status_of(errno) == SOUK_IO_DISK_FULL;
}

/* LMDB says EIO where a write came out short, which mostly means that the disk is full. */
static souk_status status_of_commit(MDB_env *env, int rc)
{
	if (rc == EIO && is_disk_full(env))
		return SOUK_IO_DISK_FULL;
	return status_of(rc);
}

souk_status souk_lmdb_txn_commit(struct souk_lmdb_txn *txn)
{
	souk_status status = txn->failure;

	if (status != SOUK_OK) {
		souk_lmdb_txn_abort(txn);
		return status;
	}
	MDB_env *env = mdb_txn_env(txn->txn);
	status = status_of_commit(env, mdb_txn_commit(txn->txn));
	free(txn);
	return status;
}

void souk_lmdb_txn_abort(struct souk_lmdb_txn *txn)
{
	if (!txn)
		return;
	mdb_txn_abort(txn->txn);
	free(txn);
}
