/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/ports/store.h - an ordered key-value store, as pure code sees it.
 *
 * The ledger and the provider keep their records behind this interface, so the
 * same code runs over LMDB in the daemon and over plain memory when a log is
 * verified, a benchmark runs or a market is simulated.
 *
 *   put/del ... put/del --commit--> durable, all or nothing
 *                       --abort---> as if never said
 *
 * A struct souk_store is the inside of one transaction. Who opens, commits and
 * aborts it is the adapter's owner, never the code that is given the store.
 *
 * Keys are ordered as unsigned bytes; a key that is a prefix of another comes
 * first. Sub-tables are key prefixes.
 *
 * Memory: bytes returned are borrowed from the store and valid until the next
 * put or del on it, or the end of its transaction; copy what must live longer.
 * Threads: one owner. */
#ifndef SOUK_PORTS_STORE_H
#define SOUK_PORTS_STORE_H

#include "souk/base/bytes.h"
#include "souk/base/status.h"

#define SOUK_STORE_KEY_SIZE_MAX	  128
#define SOUK_STORE_VALUE_SIZE_MAX 65536

struct souk_store_ops {
	souk_status (*get)(void *ctx, struct souk_bytes key, struct souk_bytes *ret_value);
	souk_status (*put)(void *ctx, struct souk_bytes key, struct souk_bytes value);
	souk_status (*del)(void *ctx, struct souk_bytes key);
	souk_status (*next)(void *ctx, struct souk_bytes from, struct souk_bytes *ret_key,
		struct souk_bytes *ret_value);
};

struct souk_store {
	void *ctx;
	const struct souk_store_ops *ops;
};

/* souk_store_get: the value of KEY.
 *
 *  Out:    ret_value  borrowed, see above
 *  In:     key        1 to SOUK_STORE_KEY_SIZE_MAX bytes
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  no such key.
 *   SOUK_LOCAL_FULL       the key is empty or over its limit. A bug of the caller.
 *   SOUK_IO_STORE         the store failed; abort the transaction. */
SOUK_MUST_CHECK static inline souk_status souk_store_get(
	const struct souk_store *store, struct souk_bytes key, struct souk_bytes *ret_value)
{
	return store->ops->get(store->ctx, key, ret_value);
}

/* souk_store_put: write VALUE under KEY, over whatever was there.
 *
 *  In:     key    1 to SOUK_STORE_KEY_SIZE_MAX bytes
 *          value  0 to SOUK_STORE_VALUE_SIZE_MAX bytes; must not be borrowed from this store
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_FULL    a size is over its limit; nothing changed.
 *   SOUK_LOCAL_STATE   the transaction only reads.
 *   SOUK_IO_DISK_FULL  no room; abort the transaction and tell the operator.
 *   SOUK_IO_MEMORY     no memory; abort the transaction.
 *   SOUK_IO_STORE      the store failed; abort the transaction. */
SOUK_MUST_CHECK static inline souk_status souk_store_put(
	const struct souk_store *store, struct souk_bytes key, struct souk_bytes value)
{
	return store->ops->put(store->ctx, key, value);
}

/* souk_store_del: forget KEY.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  no such key; nothing changed.
 *   and those of souk_store_put. */
SOUK_MUST_CHECK static inline souk_status souk_store_del(
	const struct souk_store *store, struct souk_bytes key)
{
	return store->ops->del(store->ctx, key);
}

/* souk_store_next: the first key at or after FROM, with its value.
 *
 *  Out:    ret_key, ret_value  both borrowed, see above
 *  In:     from                0 to SOUK_STORE_KEY_SIZE_MAX + 1 bytes; empty means the first key.
 *                              A walk goes on from the last key with one zero byte appended.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  no key at or after FROM: the walk is over.
 *   SOUK_LOCAL_FULL       FROM is over its limit.
 *   SOUK_IO_MEMORY, SOUK_IO_STORE  the store failed; abort the transaction. */
SOUK_MUST_CHECK static inline souk_status souk_store_next(const struct souk_store *store,
	struct souk_bytes from, struct souk_bytes *ret_key, struct souk_bytes *ret_value)
{
	return store->ops->next(store->ctx, from, ret_key, ret_value);
}

#endif
