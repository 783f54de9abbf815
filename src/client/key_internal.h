/* SPDX-License-Identifier: Apache-2.0
 *
 * key_internal.h - a key_client, apart.
 *
 *   key_client.c    the client, its proxies, what the ledger says of them
 *   key_purse.c     leaves
 *   key_session.c   one proxy: its offer, a session, requests, keys
 *   key_retrieve.c  who is asked, and what is made of the answers
 *   key_late.c      evidence of service after a revocation
 *
 * One thread owns it all: every call is a transfer of one engine, and what ended is taken in
 * key_loop. A proxy works through a WAVE: a window of requests, the same for all proxies. */
#ifndef SOUK_CLIENT_KEY_INTERNAL_H
#define SOUK_CLIENT_KEY_INTERNAL_H

#include "chain_client.h"
#include "key_retrieve.h"
#include "souk/exchange/customer.h"
#include "souk/io/http_fetch.h"
#include "wallet.h"

#define KEY_WAVE_MAX	 SOUK_WINDOW_MAX
#define KEY_REFUSAL_SIZE 1024u
#define KEY_URL_SIZE	 320u
#define KEY_GRANT_SIZE	 (SOUK_GRANT_OPEN_SIZE_MAX + KEY_REFUSAL_SIZE)

/* An allotment of which leaves may be used. */
struct key_segment {
	struct key_segment *next;
	struct souk_hash root;
	struct souk_wallet_plan plan;
	bool is_checked; /* the ledger has it */
};

enum key_step {
	KEY_UNKNOWN,  /* nothing is known of it but its name */
	KEY_NO_MONEY, /* known; it has no leaf, or not enough on it */
	KEY_READY,    /* there is a leaf: a session can be opened */
	KEY_OFFERING, /* calls, one after the other */
	KEY_ASKING,
	KEY_GRANTED, /* its strip is to be laid, with others' */
	KEY_STRIPPING,
	KEY_OPEN,
};

enum key_call_kind {
	KEY_CALL_CONTROL, /* by the proxy's step */
	KEY_CALL_UNIT,
	KEY_CALL_KEYS,
};

/* What a transfer is about; its user. */
struct key_call {
	enum key_call_kind kind;
	bool busy;
	struct key_proxy *proxy;
	struct key_part *part;
};

/* One request of the wave, at one proxy. */
struct key_part {
	struct key_call call;
	uint32_t unit; /* 0: not asked for */
	bool received, opened, verified, is_lost;
	uint32_t again; /* times it was asked for again */
	struct souk_key_reply reply;
	struct souk_unit_cipher cipher;
	uint8_t fragments[SOUK_KEYS_BATCH_MAX][SOUK_KEYS_FRAGMENT_SIZE];
	uint8_t body[SOUK_KEY_REPLY_SIZE_MAX + KEY_REFUSAL_SIZE];
};

/* A proxy under one agreement; kept between retrievals. */
struct key_proxy {
	struct key_proxy *next;
	struct key_client *client;
	struct souk_hash agreement_id;
	struct souk_address address;
	struct souk_agreement agreement;
	struct souk_keys_policy terms;
	char control_url[129];
	struct souk_hash pin;
	bool has_agreement, has_provider;

	enum key_step step;
	struct souk_offer offer; /* expires 0: none */
	const struct key_segment *segment;
	struct souk_payer_leaf leaf;
	struct souk_wallet_strip strip; /* count 0: none */
	struct souk_customer *customer;
	uint32_t sessions; /* opened so far */
	uint64_t took_ns;  /* it answered the last wave within; 0: never */

	/* The running retrieval. */
	bool is_used, has_failed, is_late;
	uint32_t tries; /* sessions opened in it */
	uint64_t began_ns, moved_ns;
	souk_status status; /* why it failed */
	char detail[KEY_DETAIL_SIZE];
	struct souk_amount spent_before;
	/* The wave. */
	bool is_complete;
	uint32_t sent;
	struct key_part *parts; /* as many as the window */
	/* What it is to be convicted of, by SOUK_KEYS_FAULT_*; 0: nothing. */
	uint32_t fault, bad_part, bad_item;
	struct key_call control, keys;
	uint64_t wait_ns; /* it is busy: nothing is asked until then */
	uint32_t waits, epoch_waits;
	bool is_unsettled; /* the wallet does not know yet what strip cost */
	uint8_t call_body[KEY_GRANT_SIZE];
	uint8_t keys_body[KEY_REFUSAL_SIZE];
};

struct key_wave {
	uint32_t count; /* requests */
	struct souk_key_request requests[KEY_WAVE_MAX];
	uint64_t numbers[KEY_WAVE_MAX];
};

struct key_client {
	struct key_client_config config; /* with its defaults */
	char *ledger_url;
	struct souk_chain_client *chain;
	struct souk_http_fetcher *engine;
	struct wallet *wallet;
	struct key_segment *segments;
	struct key_proxy *proxies;
	struct souk_hash ledger, escrow;
	uint64_t epoch;
	struct souk_hash after; /* the last block's hash, when the ledger was asked */
	uint64_t after_height;
	bool asks_revoked;  /* an audit: also who should not serve any more */
	uint64_t status_ns; /* 0: it has to be asked */
	struct key_wave wave;
	struct souk_secret_rng rng;
	uint32_t needed;	  /* requests to each proxy that are still to come */
	struct souk_amount spent; /* by sessions that are over, in this retrieval */
	uint64_t requests;
	bool allotted;
	char detail[KEY_DETAIL_SIZE];
};

void key_note(const struct key_client *client, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
uint64_t key_now_ns(void);
struct souk_time key_now(void);

/* ---- key_client.c ---- */

/* What runs, and a late block. Asked again after a few seconds, or after key_forget_status. */
SOUK_MUST_CHECK souk_status key_status(struct key_client *client);
/* The proxy of SHARE; NULL without memory. */
struct key_proxy *key_proxy_of(struct key_client *client, const struct souk_key_share *share);
/* Ask the ledger about those of USED that are not known, all at once. What became of each is its
 * status. SOUK_OK, or SOUK_IO_*: the ledger does not answer. */
SOUK_MUST_CHECK souk_status key_look_up(
	struct key_client *client, struct key_proxy *const *used, size_t count);
/* What the ledger said of an agreement may have changed. */
void key_forget(struct key_proxy *proxy);

/* ---- key_late.c ---- */

/* key_late_evidence: that STATEMENT was made long after RECORD was revoked, into CULPRIT.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NOT_GUILTY  not so long that it is a fault.
 *   SOUK_PEER_*           it names another block than the last one that this client saw.
 *   SOUK_IO_*             the ledger does not say. */
SOUK_MUST_CHECK souk_status key_late_evidence(struct key_client *client,
	const struct souk_agreement_record *record,
	const struct souk_signed_key_statement *statement, struct key_culprit *culprit);

/* ---- key_purse.c ---- */

/* key_purse_fill: a leaf with room for UNITS requests for each proxy that has none; for all of them
 * in one transaction, if one is needed at all. */
SOUK_MUST_CHECK souk_status key_purse_fill(
	struct key_client *client, struct key_proxy *const *used, size_t count, uint32_t units);
/* Requests that the proxy's leaf can still pay. */
uint64_t key_leaf_units(const struct key_proxy *proxy);
SOUK_MUST_CHECK souk_status key_purse_load(struct key_client *client);

/* ---- key_session.c ---- */

/* Do what is next with PROXY: a call, a request, the keys. Whatever fails is in proxy->status. */
void key_session_go(struct key_proxy *proxy);
/* The strips of those of USED that have a grant: laid in one transaction, then sent. */
void key_session_strips(struct key_client *client, struct key_proxy *const *used, size_t count);
/* Take FETCHED, which is about one of the proxies. */
void key_session_take(const struct souk_http_fetched *fetched);
/* The session is over; nothing of it is under way any more. The wallet learns what it cost with
 * key_session_settle. */
void key_session_end(struct key_proxy *proxy, souk_status reason);
/* What sessions of USED that are over cost, in one transaction. */
void key_session_settle(struct key_client *client, struct key_proxy *const *used, size_t count);
/* PROXY is of no use in this retrieval. */
void key_session_fail(struct key_proxy *proxy, souk_status status, const char *detail);
/* All that was asked is opened, and right: it may be asked more. */
void key_session_verified(struct key_proxy *proxy);
/* A new wave. */
void key_session_begin(struct key_proxy *proxy);

#endif
