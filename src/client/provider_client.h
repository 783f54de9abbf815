/* SPDX-License-Identifier: Apache-2.0
 *
 * provider_client.h - a provider's control server, as a customer calls it: HTTPS, pinned to the key
 * in the provider's registration on the ledger. */
#ifndef SOUK_CLIENT_PROVIDER_CLIENT_H
#define SOUK_CLIENT_PROVIDER_CLIENT_H

#include "control_call.h"
#include "souk/content/name.h"
#include "souk/wire/messages.h"

struct provider_client {
	struct control_client control;
};

SOUK_MUST_CHECK souk_status provider_client_init(struct provider_client *client,
	const struct souk_provider_record *record, uint64_t timeout_ms);
void provider_client_done(struct provider_client *client);

/* A call of PATH, for those that speak more than what follows. RET is given back with
 * souk_http_answer_done.
 *
 * Returns SOUK_OK, SOUK_IO_* (try again), or the status that the provider refused with. */
SOUK_MUST_CHECK souk_status provider_client_call(struct provider_client *client, const char *method,
	const char *path, struct souk_bytes body, size_t answer_size_max,
	struct souk_http_answer *ret);

/* Each returns SOUK_OK, SOUK_IO_*, the status that the provider refused with, or SOUK_PEER_* where
 * its answer is malformed. Verifying what was answered is the caller's. */
SOUK_MUST_CHECK souk_status provider_client_offer(struct provider_client *client,
	const struct souk_hash *content, struct souk_signed_offer *ret);
/* *RET_ROW is heap: COUNT hashes, exactly. */
SOUK_MUST_CHECK souk_status provider_client_row(struct provider_client *client,
	const struct souk_hash *content, size_t count, struct souk_hash **ret_row);
SOUK_MUST_CHECK souk_status provider_client_ask(
	struct provider_client *client, const struct souk_ask *ask, struct souk_grant_open *ret);
/* The payee's signature under PROPOSAL's receipt is the caller's to verify. */
SOUK_MUST_CHECK souk_status provider_client_receipt(struct provider_client *client,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret);
/* The provider has entered into the agreement, on the ledger. */
SOUK_MUST_CHECK souk_status provider_client_agree(
	struct provider_client *client, const struct souk_signed_agreement *proposal);
/* SOUK_LOCAL_STATE: it pulls the content still; ask again with the same recruit. */
SOUK_MUST_CHECK souk_status provider_client_recruit(struct provider_client *client,
	const struct souk_signed_recruit *recruit, struct souk_signed_enlist *ret);
SOUK_MUST_CHECK souk_status provider_client_strip(struct provider_client *client,
	const struct souk_nonce *session, const struct souk_strip_open *open);
/* What it holds of NAME. */
SOUK_MUST_CHECK souk_status provider_client_name(
	struct provider_client *client, const struct souk_name *name, struct souk_signed_name *ret);
SOUK_MUST_CHECK souk_status provider_client_put_name(
	struct provider_client *client, const struct souk_signed_name *record);

/* Whether the data server at URL, as an offer states it, is there: it is asked for the key of a
 * session that nobody has, and refuses.
 *
 * Returns SOUK_OK, SOUK_IO_*, or SOUK_PEER_*, SOUK_LOCAL_*: something else answers there. */
SOUK_MUST_CHECK souk_status provider_data_is_there(const char *url, uint64_t timeout_ms);

#endif
