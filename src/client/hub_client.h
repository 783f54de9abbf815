/* SPDX-License-Identifier: Apache-2.0
 *
 * hub_client.h - a hub, as a customer calls it: HTTPS, pinned to the key that its name states.
 *
 * A hub's name is "https://HOST:PORT#PIN": where it is, and the hash of its TLS key in 64 hex
 * digits. souk hub show prints it; whoever gives a customer a voucher gives the name along. */
#ifndef SOUK_CLIENT_HUB_CLIENT_H
#define SOUK_CLIENT_HUB_CLIENT_H

#include "control_call.h"
#include "souk/exchange/hub.h"
#include "souk/wire/messages.h"

struct hub_client {
	struct control_client control;
};

/* SOUK_OK, SOUK_LOCAL_USAGE where NAME is no hub's name, or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status hub_client_init(
	struct hub_client *client, const char *name, uint64_t timeout_ms);
/* Another client of the same hub, for another thread. */
SOUK_MUST_CHECK souk_status hub_client_copy(
	struct hub_client *client, const struct hub_client *from);
/* One that was never begun, all zeros, is allowed. */
void hub_client_done(struct hub_client *client);

/* Each returns SOUK_OK, SOUK_IO_*, the status that the hub refused with, or SOUK_PEER_* where its
 * answer is malformed. A statement is verified, to be HUB's about the account. */
SOUK_MUST_CHECK souk_status hub_client_status(
	struct hub_client *client, struct souk_hub_status *ret);
SOUK_MUST_CHECK souk_status hub_client_redeem(struct hub_client *client,
	const struct souk_address *hub, const struct souk_identity *account,
	const struct souk_nonce *voucher, struct souk_signed_hub_statement *ret);
SOUK_MUST_CHECK souk_status hub_client_statement(struct hub_client *client,
	const struct souk_address *hub, const struct souk_identity *account, struct souk_time now,
	struct souk_signed_hub_statement *ret);
SOUK_MUST_CHECK souk_status hub_client_open(
	struct hub_client *client, const struct souk_hub_open *open, struct souk_strip_open *ret);
SOUK_MUST_CHECK souk_status hub_client_ticket(
	struct hub_client *client, const struct souk_hub_ticket *ticket, struct souk_ticket *ret);
SOUK_MUST_CHECK souk_status hub_client_close(struct hub_client *client,
	const struct souk_signed_hub_close *close, const struct souk_address *account,
	struct souk_signed_hub_statement *ret);

/* What STATEMENT leaves to be spent. */
struct souk_amount hub_statement_left(const struct souk_hub_statement *statement);

/* Keep the newest statement of a hub in HOME: HOME/hubs/ADDRESS.statement, canonical bytes. It
 * is the customer's evidence of what the hub owes it. SOUK_OK, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status hub_statement_keep(
	const char *home, const struct souk_signed_hub_statement *statement);

#endif
