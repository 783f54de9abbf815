/* SPDX-License-Identifier: Apache-2.0
 *
 * hub_internal.h - what hub.c (accounts) and hub_session.c (strips and tickets) share. */
#ifndef SOUK_EXCHANGE_HUB_INTERNAL_H
#define SOUK_EXCHANGE_HUB_INTERNAL_H

#include "souk/exchange/hub.h"

/* The entry of ADDRESS, or NULL; of SESSION, or NULL. */
struct souk_hub_account *hub_account_of(
	const struct souk_hub *hub, const struct souk_address *address);
struct souk_hub_session *hub_session_of(
	const struct souk_hub *hub, const struct souk_nonce *session);

/* What ACCOUNT may still promise: credit, less what is spent and held. */
struct souk_amount hub_free_credit(const struct souk_hub_account *account);

/* UNITS of a session at the customer's price: within its whole amount, which is one. */
struct souk_amount hub_worth(const struct souk_hub_session *s, uint32_t units);

/* TOTAL grows by GAIN, to the highest amount there is. */
void hub_add(struct souk_amount *total, struct souk_amount gain);

/* ACCOUNT is to be stored; S and its account are. */
void hub_touch_account(struct souk_hub *hub, struct souk_hub_account *account);
void hub_touch(struct souk_hub *hub, struct souk_hub_session *s);

/* S sells no more; what is held for it is free again. */
void hub_session_end(struct souk_hub *hub, struct souk_hub_session *s);

/* What the hub owes ACCOUNT, signed. */
void hub_statement_of(const struct souk_hub *hub, const struct souk_hub_account *account,
	struct souk_time now, struct souk_signed_hub_statement *ret);

#endif
