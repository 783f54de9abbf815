/* SPDX-License-Identifier: Apache-2.0
 *
 * provider_internal.h - what the files of the provider node share. */
#ifndef SOUK_DAEMON_PROVIDER_INTERNAL_H
#define SOUK_DAEMON_PROVIDER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "../client/chain_client.h"
#include "name_store.h"
#include "chunk_store.h"
#include "provider_buffers.h"
#include "provider_limit.h"
#include "provider_node.h"
#include "provider_store.h"
#include "proxy.h"
#include "souk/content/cache.h"
#include "souk/exchange/provider.h"
#include "souk/io/http_server.h"
#include "souk/io/tls_key.h"
#include "stopper.h"

#define OFFER_LIFE_MS	  (10 * 60 * 1000)
#define ADDRESS_TEXT_SIZE 128

/* A session record that could not be written yet. */
struct pending_write {
	struct souk_nonce session;
	uint8_t *record;
	size_t size;
};

/* A session whose claim is to be sent. */
struct claim_due {
	struct souk_nonce session;
	struct souk_leaf_id leaf;
};

/* What the ledger said of a segment's money, and when; kept for so many of them. */
#define KNOWN_MONEY 64u
struct money {
	struct souk_escrow_record escrow;
	struct souk_allotment_record allotment;
};
struct known_money {
	bool is_known;
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t segment;
	struct money money;
	uint64_t read_ns, used_ns;
};

/* An offer as it was signed, and when; kept for so many of them. */
#define KNOWN_OFFERS 32u
struct known_offer {
	struct souk_signed_offer offer;
	uint64_t signed_ns; /* 0: none */
};

struct provider_node {
	struct provider_node_config config;
	const struct souk_identity *identity;
	char control_url[ADDRESS_TEXT_SIZE + 1];
	char data_url[ADDRESS_TEXT_SIZE + 1];
	struct souk_tls_key tls;
	struct provider_store store;

	pthread_mutex_t lock; /* the provider, and the limits */
	struct souk_provider provider;
	struct provider_limit limit, looks;
	void *provider_memory;

	struct known_offer offers[KNOWN_OFFERS]; /* under `lock`; the oldest is overwritten */
	unsigned offer_next;

	pthread_mutex_t commit_lock; /* effects, pending, claims: see provider_node.h */
	struct pending_write *pending;
	size_t pending_count, pending_max;
	struct claim_due *claims;
	size_t claim_count, claim_max;
	atomic_bool has_open_leaves; /* a strip on one was accepted: there is something to watch */
	atomic_int store_status;     /* a souk_status: units are refused until it is SOUK_OK */

	/* Taken before the others: a leaf's receipt is kept while no strip of it is accepted, and
	 * none of it is drawn. Who accepts strips shares it; it is held alone over a write. */
	pthread_rwlock_t receipt_lock;

	struct chunk_store *chunks;
	struct cache_recruits *recruits;

	/* Price by demand, under `lock`. */
	struct souk_price price;
	struct souk_amount price_before; /* what the offers before the last step said */
	uint64_t use_sum, use_count;	 /* of what was in use since then */
	atomic_ullong bytes_sent;
	uint64_t bytes_before;

	pthread_mutex_t lookup_lock; /* lookup */
	struct souk_chain_client *lookup;
	pthread_mutex_t money_lock; /* what it found; never held over a call to the ledger */
	struct known_money money[KNOWN_MONEY]; /* the oldest is overwritten */
	unsigned money_next;

	struct name_policy names; /* whose names are kept; not changed once it runs */

	struct provider_agreements *agreements;
	struct proxy *proxy; /* NULL: it re-encrypts nothing */
	struct provider_buffers *buffers;
	struct souk_http_server *control, *data;
	pthread_t committer, settler;
	bool committer_runs, settler_runs;
	struct stopper stopper;
};

struct souk_time provider_now(void);

/* Pull every effect, and return once the records among them are durable; else why they are not. */
souk_status provider_commit(struct provider_node *node);

/* The newest record of SESSION, whether it is stored yet or waits for a disk that is full. */
SOUK_MUST_CHECK souk_status provider_newest_record(struct provider_node *node,
	const struct souk_nonce *session, struct souk_session_record *ret);

/* The price of a unit of RECORD's content as an offer says it now; where ASKED was so until lately,
 * that one. */
struct souk_amount provider_price_now(struct provider_node *node,
	const struct souk_content_record *record, const struct souk_amount *asked);
void provider_price_tick(struct provider_node *node);

/* provider_find_money: what the ledger says about the money behind OPEN.
 *
 * Returns SOUK_OK; SOUK_PEER_NO_ALLOTMENT; or SOUK_IO_*: the ledger does not answer. */
SOUK_MUST_CHECK souk_status provider_find_money(
	struct provider_node *node, const struct souk_strip_open *open, struct money *ret);

/* The same as far as it is known here, and the strip is on a leaf of our own: nobody is asked.
 * False: it is not. */
bool provider_recall_money(
	struct provider_node *node, const struct souk_strip_open *open, struct money *ret);
/* What is known of escrows that pay us now is kept from growing old; the settler's, in each round.
 */
void provider_refresh_money(struct provider_node *node);

/* provider_strip.c: a sponsor's session that begins at the data server; SPONSOR is a header.
 * Nothing is waited for. */
void provider_strip_sealed(struct provider_node *node, const struct souk_http_request *http,
	const struct souk_unit_request *request, const char *sponsor,
	struct souk_http_reply *reply);
/* provider_strip.c: POST /v1/sessions/<session>/strip[/<unit>/<chunk>], REST being what follows
 * /v1/sessions/. Whether it is that route. */
bool provider_strip_answer(struct provider_node *node, const struct souk_http_request *request,
	const char *rest, struct souk_http_reply *reply);
/* The unit that was asked for together with a strip, which is accepted. Where it cannot be sent
 * now, it is asked for again as any other: false, and REPLY is not touched. */
bool provider_unit_first(struct provider_node *node, const struct souk_http_request *http,
	const struct souk_unit_request *request, struct souk_http_reply *reply);
/* Whether the address PEER may cost us an ask now. Under `lock`. */
bool provider_may_ask_now(struct provider_node *node, const char *peer);

/* The HTTP status of a refusal on the data server. */
unsigned provider_data_status(souk_status status);

/* What is sold as ID: a content, or what a proxy does under an agreement.
 * SOUK_PEER_UNKNOWN_CONTENT. */
SOUK_MUST_CHECK souk_status provider_find_sale(
	struct provider_node *node, const struct souk_hash *id, struct souk_content_record *ret);

/* GET /v1/offers/<id>. */
void provider_offer_answer(struct provider_node *node, const struct souk_http_request *request,
	const char *id, struct souk_http_reply *reply);
/* The offer of CONTENT as it stands now, signed lately. SOUK_PEER_UNKNOWN_CONTENT. */
SOUK_MUST_CHECK souk_status provider_offer(
	struct provider_node *node, const struct souk_hash *content, struct souk_signed_offer *ret);

/* provider_cache.c: what is here, who pays for it, and who asks to have it here. Whether PATH was
 * one of its routes. */
bool provider_cache_answer(struct provider_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply);
/* Whether the peer of REQUEST may cost us something now. */
bool provider_may_ask(struct provider_node *node, const struct souk_http_request *request);

/* provider_receipt_take: countersign a customer's receipt, and keep it.
 *
 * Returns SOUK_OK, or why not; RET_DETAIL says more, where there is more to say. */
SOUK_MUST_CHECK souk_status provider_receipt_take(struct provider_node *node,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret,
	char ret_detail[64]);
/* Whether a receipt is kept for the leaf of STRIP; under receipt_lock. SOUK_PEER_LEAF_CLAIMED. */
SOUK_MUST_CHECK souk_status provider_receipt_check(
	struct provider_node *node, const struct souk_strip *strip);
/* After the sessions were taken back: those whose leaf has a receipt are settled. */
SOUK_MUST_CHECK souk_status provider_receipt_restore(struct provider_node *node);

/* What the settler's thread does beside following epochs; each keeps what failed for its next call.
 * CHAIN is the settler's. */
void provider_claims_send(struct provider_node *node, struct souk_chain_client *chain);
/* NEXT_DRAW: the first epoch that is not drawn yet. */
void provider_receipts_claim(
	struct provider_node *node, struct souk_chain_client *chain, uint64_t next_draw);
/* The first MAX receipts that can be claimed. Those of epochs that are not drawn are left out: they
 * may be any number, and would keep the others waiting until these are late. */
SOUK_MUST_CHECK souk_status provider_receipts_open(const struct provider_store *store,
	uint64_t next_draw, struct souk_receipt_record *items, size_t max, size_t *ret_count);
void provider_watch(struct provider_node *node, struct souk_chain_client *chain);

/* Read the policy of names. SOUK_OK, or SOUK_LOCAL_CONFIG. */
SOUK_MUST_CHECK souk_status provider_names_init(struct provider_node *node);
/* POST /v1/names. */
void provider_names_post(struct provider_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply);

bool provider_is_stopping(struct provider_node *node);

souk_http_handler provider_control_handler;
souk_http_handler provider_data_handler;
void *provider_settler_run(void *node);

#endif
