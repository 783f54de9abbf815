/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/exchange/hub_customer.h - a session that a hub pays for: what the customer does besides.
 *
 *   GRANTED --hub_open--> GRANTED --the hub's strip--> STRIPPED --opened--> OPEN
 *                                                                            |
 *      requested ...  <-- at most a step --  known  <-- x_j for y_j -- bought '
 *
 * The session with the provider is that of souk/exchange/customer.h. In place of
 * souk_customer_strip there are souk_customer_hub_open and souk_customer_hub_strip; and tickets are
 * bought before they can be issued, somewhat ahead of need.
 *
 * Invariants:
 *   X10 bought <= known + step: what the hub can take without giving.
 *   X11 bought <= verified + window + step, and bought <= requested: what is lost when the
 *       provider fails.
 *   X12 every x_j hashes down to the anchor of the strip that the provider accepted.
 *
 * Memory, threads: the customer's. Spec: spec/exchange.md 8. */
#ifndef SOUK_EXCHANGE_HUB_CUSTOMER_H
#define SOUK_EXCHANGE_HUB_CUSTOMER_H

#include "souk/exchange/customer.h"
#include "souk/exchange/hub.h"

/* What the customer knows of its hub, and of itself there. */
struct souk_hub_terms {
	struct souk_address hub;
	struct souk_hash escrow;
	uint16_t fee_permille;
	uint16_t step;			     /* to risk at most, 1 to the hub's */
	const struct souk_identity *account; /* borrowed: whose credit pays */
};

/* souk_customer_hub_open: what to send to the hub; it holds the credit for the whole session.
 *
 * Returns SOUK_OK; the same each time; or
 *   SOUK_LOCAL_STATE       no grant.
 *   SOUK_LOCAL_OVERFLOW    no hub sells at that price.
 *   SOUK_PEER_STRIP_TERMS  the ask named another escrow than the hub's. */
SOUK_MUST_CHECK souk_status souk_customer_hub_open(struct souk_customer *customer,
	const struct souk_hub_terms *terms, struct souk_hub_open *ret);

/* souk_customer_hub_strip: the hub's answer. Forward it to the provider.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_STATE        nothing was sent to a hub.
 *   SOUK_PEER_STRIP_TERMS   not a strip for this grant: close the session at the hub, and leave
 *                           it. Nothing was paid. */
SOUK_MUST_CHECK souk_status souk_customer_hub_strip(
	struct souk_customer *customer, const struct souk_strip_open *open);

/* souk_customer_buy: the ticket to send to the hub, where one is due; the last one again until its
 * x_j is known.
 *
 * Returns SOUK_OK: send it, or
 *   SOUK_LOCAL_STATE         nothing is to be bought now, or not OPEN, or without a hub.
 *   SOUK_PEER_STRIP_EXPIRED  the session's time is over. */
SOUK_MUST_CHECK souk_status souk_customer_buy(
	struct souk_customer *customer, struct souk_hub_ticket *ret, struct souk_time now);

/* souk_customer_bought: the hub's x_j.
 *
 * Returns SOUK_OK (also for one that is known, which changes nothing), or
 *   SOUK_LOCAL_STATE       not OPEN.
 *   SOUK_PEER_BAD_TICKET   the hub lies, or answers another question: the session is ENDED. Do not
 *                          buy from this hub; the last statement and this answer show why. */
SOUK_MUST_CHECK souk_status souk_customer_bought(
	struct souk_customer *customer, const struct souk_ticket *ticket);

/* souk_customer_hub_close: the last word to the hub; false where it has nothing to close. */
bool souk_customer_hub_close(const struct souk_customer *customer,
	const struct souk_identity *account, struct souk_signed_hub_close *ret);

#endif
