/* SPDX-License-Identifier: Apache-2.0
 *
 * proxy_internal.h - what the files of the proxy share.
 *
 *   proxy.c        the table, opening and closing
 *   proxy_store.c  records, sealed under the home's secret
 *   proxy_http.c   the doors
 *   proxy_unit.c   a unit
 *   proxy_watch.c  the ledger */
#ifndef SOUK_DAEMON_PROXY_INTERNAL_H
#define SOUK_DAEMON_PROXY_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "provider_internal.h"
#include "proxy.h"
#include "souk/base/map.h"
#include "souk/keys/judge.h"
#include "souk/keys/service.h"

/* Key fragments that are in memory, parsed; the others are read when they are needed. */
#define PROXY_CACHED_MAX 1024u
/* Configurable, at most. */
#define PROXY_GRANTS_MAX 10000u
/* After its agreement a deleted grant's receipt is kept so long. */
#define PROXY_RECEIPT_KEEP_MS (90ull * 24 * 3600 * 1000)

/* A grant whose fragment is here. */
struct proxy_entry {
	struct souk_hash id;
	struct souk_agreement agreement;
	struct souk_amount price;
	bool entered;			 /* the ledger has it */
	bool over;			 /* convicted, or about to be deleted */
	bool missing;			 /* the ledger had it not, when last looked at */
	uint64_t missed_ms;		 /* steady: since when it is missing; 0: it is not */
	bool revoked;			 /* by the ledger's record */
	uint64_t round;			 /* in which the ledger was last seen to have it */
	uint64_t entered_ms;		 /* steady: when it came here */
	struct souk_umbral_kfrag *kfrag; /* NULL: not in memory */
	uint64_t used;			 /* for the choice of whom to forget */
};

/* What is derived from the secret of the home. */
struct proxy_secrets {
	uint8_t seal[32];
	uint8_t proof[32];
};

struct proxy {
	struct provider_node *node;
	struct proxy_policy policy;
	struct proxy_secrets secrets;

	pthread_mutex_t grant_lock;
	pthread_mutex_t write_lock;
	pthread_mutex_t lock;
	/* Under it: */
	struct proxy_entry *entries;
	uint32_t count, max;
	uint32_t *slots;
	struct souk_map map;
	uint32_t cached;
	uint64_t uses;
	uint64_t seen_ms; /* steady: of the last whole look at the ledger; 0: none */

	/* The settler's. */
	uint64_t round, round_ms;
	struct souk_tx_body body;
	struct souk_time head; /* the ledger's time, at the last round; and which ledger it is */
	struct souk_hash ledger;

	atomic_ullong units, fragments, refused;
};

uint64_t proxy_steady_ms(void);

/* ---- proxy_http.c ---- */

/* Whether PATH is that of a deletion, and of which agreement. */
bool proxy_deletion_path(const char *path, struct souk_hash *ret);

/* ---- proxy_store.c ---- */

/* SOUK_OK, or SOUK_LOCAL_NOT_FOUND (with MAY_MAKE it is made), SOUK_LOCAL_CONFIG: no secret. */
SOUK_MUST_CHECK souk_status proxy_secrets_load(
	struct proxy_secrets *ret, const char *path, bool may_make);
/* Put KFRAG, packed, into RECORD. SOUK_OK, or SOUK_IO_ENTROPY. */
SOUK_MUST_CHECK souk_status proxy_seal(struct souk_key_grant_record *record,
	const struct proxy_secrets *secrets, const struct souk_hash *id, struct souk_bytes kfrag);
/* SOUK_OK, or SOUK_CORRUPT_STORE: sealed under another secret, or spoilt. */
SOUK_MUST_CHECK souk_status proxy_unseal(struct souk_umbral_kfrag *ret,
	const struct proxy_secrets *secrets, const struct souk_hash *id,
	const struct souk_key_grant_record *record);

/* SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_STORE, SOUK_IO_*. Writes are durable. */
SOUK_MUST_CHECK souk_status proxy_store_get(const struct provider_store *store,
	const struct souk_hash *id, struct souk_key_grant_record *ret);
SOUK_MUST_CHECK souk_status proxy_store_put(const struct provider_store *store,
	const struct souk_hash *id, const struct souk_key_grant_record *record);
SOUK_MUST_CHECK souk_status proxy_store_del(
	const struct provider_store *store, const struct souk_hash *id);
SOUK_MUST_CHECK souk_status proxy_store_each(const struct provider_store *store,
	souk_status (*visit)(
		void *ctx, const struct souk_hash *id, const struct souk_key_grant_record *record),
	void *ctx);

/* ---- proxy.c, under `lock` ---- */

struct proxy_entry *proxy_entry_of(struct proxy *proxy, const struct souk_hash *id);
/* The key fragment of ENTRY, from memory or the disk; valid while `lock` is held. */
SOUK_MUST_CHECK souk_status proxy_entry_kfrag(
	struct proxy *proxy, struct proxy_entry *entry, const struct souk_umbral_kfrag **ret);
/* Whether ENTRY may be served now: SOUK_OK, SOUK_PEER_AGREEMENT_OVER, _REVOKED, SOUK_LOCAL_STATE.
 */
SOUK_MUST_CHECK souk_status proxy_entry_serves(
	const struct proxy *proxy, const struct proxy_entry *entry);

/* ---- proxy.c, which take `lock` ---- */

/* A grant that is on the disk. SOUK_OK, SOUK_LOCAL_FULL, SOUK_LOCAL_EXISTS. */
SOUK_MUST_CHECK souk_status proxy_add(struct proxy *proxy, const struct souk_hash *id,
	const struct souk_agreement *agreement, bool entered);
void proxy_remove(struct proxy *proxy, const struct souk_hash *id);
/* Grants that the policy would still accept. */
uint32_t proxy_room(struct proxy *proxy);

/* ---- proxy_watch.c ---- */

/* proxy_note_entered: the ledger has ID.
 *
 * Returns SOUK_OK once that is on the disk, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status proxy_note_entered(struct proxy *proxy, const struct souk_hash *id);
/* ID is not on the ledger, and will not be: as if it had never been delivered. */
void proxy_take_back(struct proxy *proxy, const struct souk_hash *id);
/* proxy_delete: forget the fragment of ID, for good, and say so. What was said before is said
 * again.
 *
 * Returns SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status proxy_delete(struct proxy *proxy, const struct souk_hash *id,
	struct souk_time time, struct souk_signed_key_deletion *ret);
/* Whether no question about RECORD can be asked any more, the ledger's time being HEAD: then its
 * fragment may go. */
bool proxy_may_forget(const struct souk_agreement_record *record, struct souk_time head);

#endif
