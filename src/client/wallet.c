/* SPDX-License-Identifier: Apache-2.0 */
#include "wallet.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/io/lmdb_store.h"

#define PREFIX_PLAN   'P'
#define PREFIX_LEAF   'L'
#define PREFIX_STRIP  'S'
#define LEAF_KEY_SIZE (1 + SOUK_HASH_SIZE + 8 + 4 + 4)
#define KEY_SIZE_MAX  (LEAF_KEY_SIZE + 8)
/* Address space, not memory. */
#define MAP_SIZE_MAX (1ull << 30)

/* A process opens a wallet's file once, whoever of it uses it: LMDB wants that. */
struct shared {
	struct shared *next;
	struct souk_lmdb_store *lmdb;
	unsigned users;
	char path[PATH_MAX + 16];
};

struct wallet {
	struct shared *shared;
	struct souk_lmdb_store *lmdb; /* of shared */
	int busy_fd;		      /* of its own: locks of two wallets exclude each other */
	bool entered;
};

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared *shared_first; /* under shared_lock */

struct key {
	uint8_t bytes[KEY_SIZE_MAX];
	size_t size;
};

static struct souk_bytes view(const struct key *key)
{
	return souk_bytes_of(key->bytes, key->size);
}

static struct key plan_key(const struct souk_hash *root)
{
	struct key key = {{PREFIX_PLAN}, 1 + SOUK_HASH_SIZE};
	memcpy(key.bytes + 1, root->bytes, SOUK_HASH_SIZE);
	return key;
}

static struct key leaf_key(const struct souk_wallet_strip *strip)
{
	struct key key = {{PREFIX_LEAF}, LEAF_KEY_SIZE};
	memcpy(key.bytes + 1, strip->escrow.bytes, SOUK_HASH_SIZE);
	souk_store_be64(key.bytes + 1 + SOUK_HASH_SIZE, strip->epoch);
	souk_store_be32(key.bytes + 1 + SOUK_HASH_SIZE + 8, strip->segment);
	souk_store_be32(key.bytes + 1 + SOUK_HASH_SIZE + 12, strip->leaf);
	return key;
}

static struct key strip_key(const struct souk_wallet_strip *strip)
{
	struct key key = leaf_key(strip);
	key.bytes[0] = PREFIX_STRIP;
	souk_store_be64(key.bytes + LEAF_KEY_SIZE, strip->start.ncoin);
	key.size = KEY_SIZE_MAX;
	return key;
}

/* ------------------------------------------------------------------ opening */

static struct shared *find_shared(const char *path)
{
	struct shared *shared = shared_first;
	while (shared != NULL && strcmp(shared->path, path) != 0)
		shared = shared->next;
	return shared;
}

static souk_status open_shared(struct shared **ret, const char *path)
{
	struct souk_lmdb_config config = {.path = path, .map_size_max = MAP_SIZE_MAX};
	struct shared *shared = calloc(1, sizeof *shared);
	if (shared == NULL)
		return SOUK_IO_MEMORY;
	snprintf(shared->path, sizeof shared->path, "%s", path);
	souk_status status = souk_lmdb_store_open(&shared->lmdb, &config);
	if (status != SOUK_OK) {
		free(shared);
		return status;
	}
	shared->next = shared_first;
	shared_first = shared;
	*ret = shared;
	return SOUK_OK;
}

static souk_status take_shared(struct shared **ret, const char *path)
{
	souk_status status = SOUK_OK;
	pthread_mutex_lock(&shared_lock);
	struct shared *shared = find_shared(path);
	if (shared == NULL)
		status = open_shared(&shared, path);
	if (status == SOUK_OK) {
		shared->users++;
		*ret = shared;
	}
	pthread_mutex_unlock(&shared_lock);
	return status;
}

static void give_shared(struct shared *shared)
{
	pthread_mutex_lock(&shared_lock);
	if (--shared->users == 0) {
		struct shared **at = &shared_first;
		while (*at != shared)
			at = &(*at)->next;
		*at = shared->next;
		souk_lmdb_store_close(shared->lmdb);
		free(shared);
	}
	pthread_mutex_unlock(&shared_lock);
}

/* Two names of one folder are one wallet. */
static souk_status wallet_path(char out[PATH_MAX + 16], const char *home)
{
	if (realpath(home, out) == NULL)
		return SOUK_IO_STORE;
	strcat(out, "/wallet.mdb");
	return SOUK_OK;
}

static souk_status open_parts(struct wallet *wallet, const char *home)
{
	char path[PATH_MAX + 16];
	snprintf(path, sizeof path, "%s/wallet.busy", home);
	wallet->busy_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (wallet->busy_fd < 0)
		return SOUK_IO_WRITE;
	SOUK_TRY(wallet_path(path, home));
	SOUK_TRY(take_shared(&wallet->shared, path));
	wallet->lmdb = wallet->shared->lmdb;
	return SOUK_OK;
}

souk_status wallet_open(struct wallet **ret, const char *home)
{
	struct wallet *wallet = calloc(1, sizeof *wallet);
	if (wallet == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = open_parts(wallet, home);
	if (status != SOUK_OK) {
		wallet_close(wallet);
		return status;
	}
	*ret = wallet;
	return SOUK_OK;
}

void wallet_close(struct wallet *wallet)
{
	if (wallet == NULL)
		return;
	if (wallet->shared != NULL)
		give_shared(wallet->shared);
	if (wallet->busy_fd >= 0)
		close(wallet->busy_fd);
	free(wallet);
}

souk_status wallet_enter(struct wallet *wallet)
{
	wallet->entered = flock(wallet->busy_fd, LOCK_SH) == 0;
	return wallet->entered ? SOUK_OK : SOUK_IO_WRITE;
}

bool wallet_is_busy(struct wallet *wallet)
{
	if (flock(wallet->busy_fd, LOCK_EX | LOCK_NB) != 0)
		return true;
	flock(wallet->busy_fd, wallet->entered ? LOCK_SH : LOCK_UN);
	return false;
}

/* ------------------------------------------------------------------ records */

/* Decode what KEY holds as message NAME into RET; untouched on failure. */
#define GET_RECORD(name, txn_view, key, ret)                                                       \
	do {                                                                                       \
		struct souk_bytes value_;                                                          \
		struct souk_##name record_;                                                        \
		SOUK_TRY(souk_store_get((txn_view), view(key), &value_));                          \
		if (souk_##name##_decode(&record_, value_, NULL) != SOUK_OK)                       \
			return SOUK_CORRUPT_STORE;                                                 \
		*(ret) = record_;                                                                  \
		return SOUK_OK;                                                                    \
	} while (0)

#define PUT_RECORD(name, size_max, txn_view, key, record)                                          \
	do {                                                                                       \
		uint8_t bytes_[size_max];                                                          \
		struct souk_writer writer_;                                                        \
		struct souk_bytes value_;                                                          \
		souk_writer_init(&writer_, bytes_, sizeof bytes_);                                 \
		souk_##name##_encode(&writer_, (record));                                          \
		SOUK_TRY(souk_writer_finish(&writer_, &value_));                                   \
		return souk_store_put((txn_view), view(key), value_);                              \
	} while (0)

static souk_status get_plan(
	const struct souk_store *store, const struct key *key, struct souk_wallet_plan *ret)
{
	GET_RECORD(wallet_plan, store, key, ret);
}

static souk_status put_plan(
	const struct souk_store *store, const struct key *key, const struct souk_wallet_plan *plan)
{
	PUT_RECORD(wallet_plan, SOUK_WALLET_PLAN_SIZE_MAX, store, key, plan);
}

static souk_status get_leaf_record(
	const struct souk_store *store, const struct key *key, struct souk_wallet_leaf *ret)
{
	GET_RECORD(wallet_leaf, store, key, ret);
}

static souk_status get_leaf(const struct souk_store *store, const struct souk_wallet_strip *strip,
	struct souk_wallet_leaf *ret)
{
	struct key key = leaf_key(strip);
	souk_status status = get_leaf_record(store, &key, ret);
	if (status == SOUK_LOCAL_NOT_FOUND)
		*ret = (struct souk_wallet_leaf){0};
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

static souk_status put_leaf(const struct souk_store *store, const struct souk_wallet_strip *strip,
	const struct souk_wallet_leaf *leaf)
{
	struct key key = leaf_key(strip);
	PUT_RECORD(wallet_leaf, SOUK_WALLET_LEAF_SIZE_MAX, store, &key, leaf);
}

static souk_status put_strip(const struct souk_store *store, const struct souk_wallet_strip *strip)
{
	struct key key = strip_key(strip);
	PUT_RECORD(wallet_strip, SOUK_WALLET_STRIP_SIZE_MAX, store, &key, strip);
}

/* End TXN: durable where STATUS is SOUK_OK, else without a trace. */
static souk_status finish(struct souk_lmdb_txn *txn, souk_status status)
{
	if (status == SOUK_OK)
		return souk_lmdb_txn_commit(txn);
	souk_lmdb_txn_abort(txn);
	return status;
}

souk_status wallet_put_plan(
	struct wallet *wallet, const struct souk_hash *root, const struct souk_wallet_plan *plan)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	struct key key = plan_key(root);
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_WRITE, &txn, &store));
	return finish(txn, put_plan(&store, &key, plan));
}

souk_status wallet_plan(
	struct wallet *wallet, const struct souk_hash *root, struct souk_wallet_plan *ret)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	struct key key = plan_key(root);
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_READ, &txn, &store));
	souk_status status = get_plan(&store, &key, ret);
	souk_lmdb_txn_abort(txn);
	return status;
}

souk_status wallet_leaf(
	struct wallet *wallet, const struct souk_wallet_strip *strip, struct souk_wallet_leaf *ret)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_READ, &txn, &store));
	souk_status status = get_leaf(&store, strip, ret);
	souk_lmdb_txn_abort(txn);
	return status;
}

static souk_status reserve(
	const struct souk_store *store, struct souk_wallet_strip *strip, struct souk_amount amount)
{
	struct souk_wallet_leaf leaf;
	struct souk_amount length, end;
	SOUK_TRY(get_leaf(store, strip, &leaf));
	if (leaf.closed)
		return SOUK_LOCAL_STATE;
	if (strip->count == 0 || souk_amount_mul(&length, strip->price, strip->count) != SOUK_OK ||
		souk_amount_add(&end, leaf.used, length) != SOUK_OK ||
		souk_amount_is_less(amount, end))
		return SOUK_PEER_STRIP_RANGE;
	struct souk_wallet_strip laid = *strip;
	laid.start = leaf.used;
	leaf.used = end;
	SOUK_TRY(put_leaf(store, strip, &leaf));
	SOUK_TRY(put_strip(store, &laid));
	*strip = laid;
	return SOUK_OK;
}

souk_status wallet_reserve(
	struct wallet *wallet, struct souk_wallet_strip *strip, struct souk_amount amount)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	struct souk_wallet_strip laid = *strip;
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_WRITE, &txn, &store));
	SOUK_TRY(finish(txn, reserve(&store, &laid, amount)));
	*strip = laid;
	return SOUK_OK;
}

souk_status wallet_reserve_many(struct wallet *wallet, struct souk_wallet_strip *const *strips,
	const struct souk_amount *amounts, size_t count, souk_status *ret)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_WRITE, &txn, &store));
	souk_status status = SOUK_OK;
	for (size_t i = 0; i < count && status == SOUK_OK; i++) {
		ret[i] = reserve(&store, strips[i], amounts[i]);
		/* What the leaf itself says writes nothing; anything else spoils the transaction.
		 */
		if (ret[i] != SOUK_PEER_STRIP_RANGE && ret[i] != SOUK_LOCAL_STATE)
			status = ret[i];
	}
	return finish(txn, status);
}

souk_status wallet_put_strips(
	struct wallet *wallet, const struct souk_wallet_strip *const *strips, size_t count)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_WRITE, &txn, &store));
	souk_status status = SOUK_OK;
	for (size_t i = 0; i < count && status == SOUK_OK; i++)
		status = put_strip(&store, strips[i]);
	return finish(txn, status);
}

souk_status wallet_put_strip(struct wallet *wallet, const struct souk_wallet_strip *strip)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_WRITE, &txn, &store));
	return finish(txn, put_strip(&store, strip));
}

/* ------------------------------------------------------------------ visits */

/* Visit each record whose key begins with FROM's bytes. VISIT may not write. */
static souk_status each_record(const struct souk_store *store, const struct key *from,
	souk_status (*visit)(void *ctx, struct souk_bytes key, struct souk_bytes value), void *ctx)
{
	uint8_t at[KEY_SIZE_MAX + 1];
	size_t at_size = from->size;
	memcpy(at, from->bytes, from->size);
	for (;;) {
		struct souk_bytes key, value;
		souk_status status =
			souk_store_next(store, souk_bytes_of(at, at_size), &key, &value);
		if (status == SOUK_LOCAL_NOT_FOUND)
			return SOUK_OK;
		SOUK_TRY(status);
		if (key.size > KEY_SIZE_MAX || key.size < from->size ||
			memcmp(key.data, from->bytes, from->size) != 0)
			return SOUK_OK;
		/* The next key is at least this one with a zero byte after it. */
		memcpy(at, key.data, key.size);
		at[key.size] = 0;
		at_size = key.size + 1;
		SOUK_TRY(visit(ctx, key, value));
	}
}

static souk_status each_in_snapshot(struct wallet *wallet, uint8_t prefix,
	souk_status (*visit)(void *ctx, struct souk_bytes key, struct souk_bytes value), void *ctx)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	struct key from = {{prefix}, 1};
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_READ, &txn, &store));
	souk_status status = each_record(&store, &from, visit, ctx);
	souk_lmdb_txn_abort(txn);
	return status;
}

struct plan_visitor {
	souk_status (*visit)(
		void *ctx, const struct souk_hash *root, const struct souk_wallet_plan *plan);
	void *ctx;
};

static souk_status visit_plan(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct plan_visitor *visitor = ctx;
	struct souk_wallet_plan plan;
	struct souk_hash root;
	if (key.size != 1 + SOUK_HASH_SIZE ||
		souk_wallet_plan_decode(&plan, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	memcpy(root.bytes, key.data + 1, SOUK_HASH_SIZE);
	return visitor->visit(visitor->ctx, &root, &plan);
}

souk_status wallet_each_plan(struct wallet *wallet,
	souk_status (*visit)(
		void *ctx, const struct souk_hash *root, const struct souk_wallet_plan *plan),
	void *ctx)
{
	struct plan_visitor visitor = {visit, ctx};
	return each_in_snapshot(wallet, PREFIX_PLAN, visit_plan, &visitor);
}

struct strip_visitor {
	souk_status (*visit)(void *ctx, const struct souk_wallet_strip *strip);
	void *ctx;
};

static souk_status visit_strip(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct strip_visitor *visitor = ctx;
	struct souk_wallet_strip strip;
	(void)key;
	if (souk_wallet_strip_decode(&strip, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	return visitor->visit(visitor->ctx, &strip);
}

souk_status wallet_each_strip(struct wallet *wallet,
	souk_status (*visit)(void *ctx, const struct souk_wallet_strip *strip), void *ctx)
{
	struct strip_visitor visitor = {visit, ctx};
	return each_in_snapshot(wallet, PREFIX_STRIP, visit_strip, &visitor);
}

/* ------------------------------------------------------------------ settling and forgetting */

struct adding {
	struct souk_amount owed;
	bool ignore_running;
};

static souk_status add_strip(void *ctx, const struct souk_wallet_strip *strip)
{
	struct adding *adding = ctx;
	struct souk_amount cost;
	if (!strip->over && !adding->ignore_running)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(souk_amount_mul(&cost, strip->price, strip->unit));
	return souk_amount_add(&adding->owed, adding->owed, cost);
}

static souk_status settle_leaf(const struct souk_store *store,
	const struct souk_wallet_strip *strip, struct adding *adding)
{
	struct souk_wallet_leaf leaf;
	struct strip_visitor visitor = {add_strip, adding};
	struct key from = leaf_key(strip);
	from.bytes[0] = PREFIX_STRIP;
	SOUK_TRY(get_leaf(store, strip, &leaf));
	SOUK_TRY(each_record(store, &from, visit_strip, &visitor));
	leaf.closed = true;
	return put_leaf(store, strip, &leaf);
}

souk_status wallet_settle_leaf(struct wallet *wallet, const struct souk_wallet_strip *strip,
	bool ignore_running, struct souk_amount *ret_owed)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	struct adding adding = {.ignore_running = ignore_running};
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_WRITE, &txn, &store));
	SOUK_TRY(finish(txn, settle_leaf(&store, strip, &adding)));
	*ret_owed = adding.owed;
	return SOUK_OK;
}

/* The first record that is old, copied, as the store forgets it while it is visited. */
struct search {
	uint64_t epoch;
	struct key found;
};

static souk_status find_old(void *ctx, struct souk_bytes key, struct souk_bytes value)
{
	struct search *search = ctx;
	struct souk_wallet_plan plan;
	bool is_old;
	if (key.data[0] == PREFIX_PLAN)
		is_old = souk_wallet_plan_decode(&plan, value, NULL) == SOUK_OK && !plan.standing &&
			 plan.epoch < search->epoch;
	else
		is_old = key.size >= LEAF_KEY_SIZE &&
			 souk_load_be64(key.data + 1 + SOUK_HASH_SIZE) < search->epoch;
	if (!is_old)
		return SOUK_OK;
	memcpy(search->found.bytes, key.data, key.size);
	search->found.size = key.size;
	return SOUK_LOCAL_EXISTS;
}

static souk_status forget(const struct souk_store *store, uint64_t epoch)
{
	static const uint8_t prefixes[] = {PREFIX_PLAN, PREFIX_LEAF, PREFIX_STRIP};
	for (size_t i = 0; i < SOUK_COUNT_OF(prefixes); i++) {
		struct key from = {{prefixes[i]}, 1};
		struct search search = {.epoch = epoch};
		souk_status status;
		while ((status = each_record(store, &from, find_old, &search)) == SOUK_LOCAL_EXISTS)
			SOUK_TRY(souk_store_del(store, view(&search.found)));
		SOUK_TRY(status);
	}
	return SOUK_OK;
}

souk_status wallet_forget(struct wallet *wallet, uint64_t epoch)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	SOUK_TRY(souk_lmdb_store_begin(wallet->lmdb, SOUK_LMDB_WRITE, &txn, &store));
	return finish(txn, forget(&store, epoch));
}
