/* SPDX-License-Identifier: Apache-2.0
 *
 * A customer without an escrow: the hub's strip, and tickets that are bought before they are paid.
 */
#include "souk/exchange/hub_customer.h"

#include <string.h>

#include "customer_internal.h"
#include "souk/base/check.h"

souk_status souk_customer_hub_open(struct souk_customer *customer,
	const struct souk_hub_terms *terms, struct souk_hub_open *ret)
{
	struct souk_amount cost, total;
	const struct souk_grant *grant = &customer->grant;
	if (customer->state != SOUK_CUSTOMER_GRANTED)
		return SOUK_LOCAL_STATE;
	if (!souk_hash_equal(&customer->ask.escrow, &terms->escrow))
		return SOUK_PEER_STRIP_TERMS;
	SOUK_TRY(souk_hub_price(&cost, grant->price, terms->fee_permille));
	SOUK_TRY(souk_amount_mul(&total, cost, grant->units));
	/* The own chain to the provider is not needed: its secret serves for this one. */
	souk_chain_init(&customer->hub_chain, souk_chain_tag_hub, &grant->session, grant->units,
		&customer->ticket_secret);
	customer->via_hub = true;
	customer->cost = cost;
	customer->hub = terms->hub;
	customer->step = terms->step >= 1 && terms->step <= SOUK_HUB_STEP_MAX ? terms->step : 1;
	customer->bought = 0;
	*ret = (struct souk_hub_open){
		.strip = {.version = SOUK_HUB_VERSION,
			.hub = terms->hub,
			.account = terms->account->address,
			.grant = souk_grant_digest(grant),
			.count = grant->units,
			.price = cost,
			.anchor = customer->hub_chain.anchor,
			.nonce = grant->session,
			.expires = grant->expires},
		.ask = customer->ask,
		.grant = {*grant, customer->grant_signature},
	};
	struct souk_hash digest = souk_hub_strip_digest(&ret->strip);
	souk_ecdsa_sign(&ret->signature, &digest, terms->account);
	return SOUK_OK;
}

/* Place and chain are the hub's to choose; the provider judges whether they are good for money. */
souk_status customer_adopt(struct souk_customer *customer, const struct souk_strip *strip)
{
	struct souk_strip terms = customer_terms(customer);
	terms.version = SOUK_STRIP_VERSION;
	terms.escrow = customer->ask.escrow;
	terms.epoch = customer->ask.epoch;
	terms.segment = strip->segment;
	terms.leaf = strip->leaf;
	terms.start = strip->start;
	terms.anchor = strip->anchor;
	terms.checkpoints = strip->checkpoints;
	struct souk_hash wanted = souk_strip_digest(&terms), given = souk_strip_digest(strip);
	if (!souk_hash_equal(&wanted, &given))
		return SOUK_PEER_STRIP_TERMS;
	souk_payer_strip_adopt(&customer->payer, strip, 0);
	customer->state = SOUK_CUSTOMER_STRIPPED;
	return SOUK_OK;
}

souk_status souk_customer_hub_strip(
	struct souk_customer *customer, const struct souk_strip_open *open)
{
	if (customer->state != SOUK_CUSTOMER_GRANTED || !customer->via_hub)
		return SOUK_LOCAL_STATE;
	return customer_adopt(customer, &open->strip);
}

/* Up to where to buy now; no further than what is known: nothing. Ahead of need, so that no unit
 * waits for the hub; but never more than is asked for, nor before the provider has delivered. */
static uint32_t buy_target(const struct souk_customer *customer)
{
	uint32_t known = customer->payer.known, payable = souk_customer_payable(customer);
	uint32_t paid = customer->payer.unit > payable ? customer->payer.unit : payable;
	if (customer->received == 0 || 2 * (known - paid) > customer->step)
		return known;
	uint32_t target = paid + customer->step;
	return target < customer->requested ? target : customer->requested;
}

souk_status souk_customer_buy(
	struct souk_customer *customer, struct souk_hub_ticket *ret, struct souk_time now)
{
	if (!customer->via_hub)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(customer_check_open(customer, now));
	if (customer->bought == customer->payer.known) {
		uint32_t target = buy_target(customer);
		if (target <= customer->payer.known)
			return SOUK_LOCAL_STATE;
		customer->bought = target;
	}
	*ret = (struct souk_hub_ticket){
		.session = customer->grant.session,
		.unit = customer->bought,
		.value = souk_chain_value(&customer->hub_chain, customer->bought),
	};
	return SOUK_OK;
}

souk_status souk_customer_bought(struct souk_customer *customer, const struct souk_ticket *ticket)
{
	if (customer->state != SOUK_CUSTOMER_OPEN || !customer->via_hub)
		return SOUK_LOCAL_STATE;
	if (ticket->unit <= customer->payer.known)
		return SOUK_OK;
	if (ticket->unit == customer->bought &&
		souk_payer_learn(&customer->payer, ticket->unit, &ticket->value) == SOUK_OK)
		return SOUK_OK;
	souk_customer_end(customer, SOUK_PEER_BAD_TICKET);
	return SOUK_PEER_BAD_TICKET;
}

bool souk_customer_hub_close(const struct souk_customer *customer,
	const struct souk_identity *account, struct souk_signed_hub_close *ret)
{
	if (!customer->via_hub)
		return false;
	ret->close = (struct souk_hub_close){
		.version = SOUK_HUB_VERSION,
		.hub = customer->hub,
		.session = customer->grant.session,
	};
	souk_hub_close_sign(ret, account);
	return true;
}
