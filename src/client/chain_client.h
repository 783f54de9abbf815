/* SPDX-License-Identifier: Apache-2.0
 *
 * chain_client.h - the ledger, as a provider or a customer reaches it over HTTP.
 *
 * Answers come in canonical bytes (Accept: application/souk) and are decoded
 * strictly. A refusal comes back as the status the ledger gave, so that callers
 * treat a remote ledger like a local one.
 *
 * Memory: heap. Threads: one owner; open one client per thread. */
#ifndef SOUK_CLIENT_CHAIN_CLIENT_H
#define SOUK_CLIENT_CHAIN_CLIENT_H

#include "souk/crypto/ecdsa.h"
#include "souk/wire/messages.h"

#define SOUK_CHAIN_URL_DEFAULT "http://127.0.0.1:7600"

struct souk_chain_client;

/* What a submitted transaction led to. */
struct souk_chain_result {
	struct souk_hash hash;
	struct souk_receipt receipt;
};

/* A client of the ledger at URL, or NULL when memory runs out. Nothing is sent yet. */
struct souk_chain_client *souk_chain_client_new(const char *url);
void souk_chain_client_free(struct souk_chain_client *client);

/* How long one call may take; 15 s until this is called. */
void souk_chain_set_timeout(struct souk_chain_client *client, uint64_t timeout_ms);
/* One transaction at a time of all who name the same file, which must exist. Without that, two
 * programs of one account that do the same at once sign the same bytes: one transaction, of which
 * both would be told that it is theirs. */
void souk_chain_set_lock(struct souk_chain_client *client, const char *path);

/* The URL, and what the last failed call's answer said, for error messages. */
const char *souk_chain_url(const struct souk_chain_client *client);
const char *souk_chain_detail(const struct souk_chain_client *client);

/* Every call below returns SOUK_OK, or
 *   SOUK_IO_NET, _IO_TIMEOUT   the ledger cannot be reached; try again later.
 *   SOUK_LOCAL_NOT_FOUND       the ledger has no such record.
 *   SOUK_PEER_*                it refused, or answered with something else than asked. */
SOUK_MUST_CHECK souk_status souk_chain_status(
	struct souk_chain_client *client, struct souk_ledger_status *ret);
/* An account that never had money is empty, not unknown. */
SOUK_MUST_CHECK souk_status souk_chain_account(struct souk_chain_client *client,
	const struct souk_address *address, struct souk_account_record *ret);
SOUK_MUST_CHECK souk_status souk_chain_escrow(struct souk_chain_client *client,
	const struct souk_hash *escrow, struct souk_escrow_record *ret);
SOUK_MUST_CHECK souk_status souk_chain_allotment(struct souk_chain_client *client,
	const struct souk_hash *escrow, uint64_t epoch, uint32_t segment,
	struct souk_allotment_record *ret);
SOUK_MUST_CHECK souk_status souk_chain_epoch(
	struct souk_chain_client *client, uint64_t epoch, struct souk_epoch_record *ret);
SOUK_MUST_CHECK souk_status souk_chain_provider(struct souk_chain_client *client,
	const struct souk_address *address, struct souk_provider_record *ret);
/* Up to 64 providers with addresses from FROM on. */
SOUK_MUST_CHECK souk_status souk_chain_providers(struct souk_chain_client *client,
	const struct souk_address *from, struct souk_provider_page *ret);
SOUK_MUST_CHECK souk_status souk_chain_anchor(struct souk_chain_client *client,
	const struct souk_address *address, struct souk_anchor_record *ret);
SOUK_MUST_CHECK souk_status souk_chain_agreement(struct souk_chain_client *client,
	const struct souk_hash *agreement, struct souk_agreement_record *ret);
/* Agreements with ids from FROM on, of PARTY where it is not NULL: a page of them. */
SOUK_MUST_CHECK souk_status souk_chain_agreements(struct souk_chain_client *client,
	const struct souk_hash *from, const struct souk_address *party,
	struct souk_agreement_page *ret);
SOUK_MUST_CHECK souk_status souk_chain_receipt(
	struct souk_chain_client *client, const struct souk_hash *tx, struct souk_receipt *ret);

/* souk_chain_submit: sign BODY as SIGNER's next transaction, and wait until a block holds it.
 *
 * A transaction whose answer was lost is looked up by its hash before it is given up, so a
 * timeout never leads to doing it twice. RET may be NULL. */
SOUK_MUST_CHECK souk_status souk_chain_submit(struct souk_chain_client *client,
	const struct souk_tx_body *body, const struct souk_identity *signer,
	struct souk_chain_result *ret);

/* souk_chain_log: frames of whole blocks from HEIGHT on, a page of them; none at the end of the
 * log. The caller frees *RET_FRAMES. */
SOUK_MUST_CHECK souk_status souk_chain_log(
	struct souk_chain_client *client, uint64_t height, uint8_t **ret_frames, size_t *ret_size);

/* GET PATH as it is (JSON); the caller frees *RET_TEXT. */
SOUK_MUST_CHECK souk_status souk_chain_get_json(
	struct souk_chain_client *client, const char *path, char **ret_text);

/* souk_chain_history: what befell ACCOUNT (hexadecimal) before the transaction at HEIGHT and INDEX,
 * newest first; from the greatest of both on it is all. */
SOUK_MUST_CHECK souk_status souk_chain_history(struct souk_chain_client *client,
	const char *account, uint64_t height, uint32_t index, struct souk_history_page *ret);

#endif
