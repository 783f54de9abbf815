/* SPDX-License-Identifier: Apache-2.0
 *
 * name_client.h - what content a publisher's name stands for now, asked of several providers.
 *
 *   HOME/names.mdb   'N' publisher, label  -> signed_name: the highest ever seen
 *                    'E' publisher, label  -> two signed_names of one sequence: evidence
 *
 * A provider can be behind, and can keep a reader on an old record on purpose. So several are
 * asked, the highest valid answer counts, and what was seen once is remembered, durably, before it
 * is used: no answer leads back behind it. One honest provider among those that are asked is
 * enough to hear of an update.
 *
 * Memory: heap. Threads: any, all calls; several processes may use one home. */
#ifndef SOUK_CLIENT_NAME_CLIENT_H
#define SOUK_CLIENT_NAME_CLIENT_H

#include "souk/content/name.h"

#define NAME_DETAIL_SIZE       256
#define NAME_PROVIDERS_DEFAULT 32u
#define NAME_PROVIDERS_MAX     256u

struct name_client;

/* name_client_open: open or create what HOME remembers of names; once in a process.
 *
 * Returns SOUK_OK, or those of souk_lmdb_store_open. */
SOUK_MUST_CHECK souk_status name_client_open(struct name_client **ret, const char *home);
void name_client_close(struct name_client *client); /* NULL is allowed */

/* Texts and pointers are borrowed for the call. */
struct name_question {
	struct souk_name name;
	const char *ledger_url;
	/* Whom to ask; none: those of the ledger, at random where there are more than
	 * providers_max. */
	const struct souk_address *providers;
	size_t provider_count;
	uint64_t providers_max; /* 0: NAME_PROVIDERS_DEFAULT */
	uint64_t timeout_ms;	/* for each; 0: 5,000 */
	/* What this process was told at most this long ago is good enough: for a gateway, which is
	 * asked for a page and then for its pictures. What failed is not asked again for 2 s of
	 * that at most. 0: ask. */
	uint64_t fresh_ms;
};

struct name_answer {
	struct souk_signed_name name; /* verified, the highest */
	uint32_t asked;		      /* providers; 0: taken from memory, being fresh */
	uint32_t knew;		      /*   that had a valid record */
	uint32_t behind;	      /*   that had an older one than this */
	bool is_twice;		      /* somebody has another content of the same sequence: other */
	struct souk_signed_name other;
};

/* name_client_resolve: ask, take the highest, and remember it.
 *
 * Returns SOUK_OK; or, with a sentence in DETAIL,
 *   SOUK_LOCAL_NOT_FOUND     nobody who answered knows the name.
 *   SOUK_PEER_NAME_ROLLBACK  all that were told is older than what was seen before: ask others, or
 *                            use name_client_known, which its publisher did sign.
 *   SOUK_PEER_NAME_TWICE     the publisher signed two contents with the highest sequence, and none
 *                            of them was seen before: there is no telling which. Both are kept.
 *   SOUK_IO_*                the ledger does not answer, or no provider does; or the store failed.
 *   SOUK_CORRUPT_STORE       what is remembered cannot be read. */
SOUK_MUST_CHECK souk_status name_client_resolve(struct name_client *client,
	const struct name_question *question, struct name_answer *ret,
	char detail[NAME_DETAIL_SIZE]);

/* name_client_known: the highest record ever seen of NAME.
 *
 * Returns SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_STORE, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status name_client_known(
	struct name_client *client, const struct souk_name *name, struct souk_signed_name *ret);

/* Visit what is remembered, in a snapshot, in the order of publishers and labels, until VISIT
 * returns something else than SOUK_OK, which is then returned. TWICE is evidence, or NULL. */
SOUK_MUST_CHECK souk_status name_client_each(struct name_client *client,
	souk_status (*visit)(void *ctx, const struct souk_signed_name *name,
		const struct souk_signed_name *twice),
	void *ctx);

/* name_client_remember: hold the verified FRESH, durably, where it is newer than what is held.
 *
 * A publisher calls this before it sends FRESH anywhere: then no crash leads to two contents under
 * one sequence.
 *
 * Returns SOUK_OK, also where it was held already; SOUK_PEER_NAME_ROLLBACK, SOUK_PEER_NAME_TWICE
 * (kept as evidence); SOUK_CORRUPT_STORE, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status name_client_remember(
	struct name_client *client, const struct souk_signed_name *fresh);

/* name_client_highest: the highest sequence that is known here, or to any provider that is asked,
 * evidence included; 0 where the name is new. A publisher's next record must be above it.
 *
 * Returns SOUK_OK, as long as one provider answered; SOUK_IO_*, SOUK_CORRUPT_STORE, with a sentence
 * in DETAIL. */
SOUK_MUST_CHECK souk_status name_client_highest(struct name_client *client,
	const struct name_question *question, uint64_t *ret, char detail[NAME_DETAIL_SIZE]);

/* How a provider took a record. */
struct name_delivery {
	struct souk_address provider;
	souk_status status; /* SOUK_OK: it holds it */
	char detail[NAME_DETAIL_SIZE];
};

/* name_client_publish: send RECORD, which was remembered, to the question's providers.
 *
 *  Out: ret  heap, COUNT deliveries; the caller frees it
 *
 * Returns SOUK_OK, whoever took it; SOUK_LOCAL_NOT_FOUND: there is no provider; or SOUK_IO_*, with
 * a sentence in DETAIL. */
SOUK_MUST_CHECK souk_status name_client_publish(const struct name_question *question,
	const struct souk_signed_name *record, struct name_delivery **ret, size_t *ret_count,
	char detail[NAME_DETAIL_SIZE]);

#endif
