/* SPDX-License-Identifier: Apache-2.0
 *
 * One purchase of a greedy payer: handshake, requests, and what can be read of the answers. */
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "demand.h"
#include "greedy_payer.h"
#include "souk/base/check.h"

/* ---------------------------------------------------------------- deals */

void greedy_end(struct greedy_payer *payer, struct greedy_deal *deal, souk_status status)
{
	if (deal->step == GREEDY_OVER || deal->step == GREEDY_FREE)
		return;
	deal->step = GREEDY_OVER;
	deal->status = status;
	sim_say(payer->node, "is through with %u: %s, %u bodies, %u readable, ticket %u",
		deal->seller, souk_status_name(status), deal->got, deal->had, deal->paid);
	if (payer->plan->moved != NULL)
		payer->plan->moved(payer, deal, status);
}

uint32_t greedy_running(const struct greedy_payer *payer)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < GREEDY_DEALS; i++) {
		const struct greedy_deal *deal = payer->deals[i];
		count += deal != NULL && deal->step != GREEDY_FREE && deal->step != GREEDY_OVER;
	}
	return count;
}

static struct greedy_deal *free_deal(struct greedy_payer *payer)
{
	for (uint32_t i = 0; i < GREEDY_DEALS; i++) {
		if (payer->deals[i] == NULL)
			payer->deals[i] = sim_alloc(sizeof *payer->deals[i]);
		struct greedy_deal *deal = payer->deals[i];
		if (deal->step != GREEDY_FREE && deal->step != GREEDY_OVER)
			continue;
		memset(deal, 0, sizeof *deal);
		deal->place = i;
		return deal;
	}
	return NULL;
}

static uint32_t next_request(struct greedy_payer *payer, const struct greedy_deal *deal)
{
	return ++payer->requests * GREEDY_DEALS + deal->place;
}

static void send_control(
	struct greedy_payer *payer, struct greedy_deal *deal, struct sim_message *message)
{
	deal->request = message->request = next_request(payer, deal);
	deal->since_us = sim_time_us(payer->node->world);
	sim_send(payer->node, message);
}

struct greedy_deal *greedy_begin(
	struct greedy_payer *payer, uint32_t seller, uint32_t leaf, uint32_t units)
{
	struct sim_world *world = payer->node->world;
	struct greedy_deal *deal = free_deal(payer);
	if (deal == NULL || payer->node->is_finishing)
		return NULL;
	deal->step = GREEDY_OFFER;
	deal->seller = seller;
	deal->leaf = leaf;
	deal->number = sim_demand_content(world, &payer->node->rng);
	uint32_t most = sim_content_units(world, deal->number);
	deal->units = units < most ? units : most;
	struct souk_hash id = sim_content_id(world, deal->number);
	struct sim_message *message = sim_message_with(world, SIM_OFFERS, seller, sizeof id);
	memcpy(message->bytes, &id, sizeof id);
	send_control(payer, deal, message);
	return deal;
}

/* ---------------------------------------------------------------- the handshake */

#define ENCODE(name, message, value)                                                               \
	do {                                                                                       \
		struct souk_writer writer_;                                                        \
		souk_writer_init(&writer_, (message)->bytes, (message)->size);                     \
		souk_##name##_encode(&writer_, (value));                                           \
		SOUK_CHECK(!writer_.full);                                                         \
		(message)->size = (uint32_t)writer_.size;                                          \
	} while (0)

static souk_status take_offer(
	struct greedy_payer *payer, struct greedy_deal *deal, const struct sim_message *reply)
{
	struct souk_signed_offer offer;
	SOUK_TRY(souk_signed_offer_decode(&offer, sim_message_bytes(reply), NULL));
	struct souk_customer_config config = {
		.offer = &offer.offer,
		.escrow = payer->escrow,
		.epoch = payer->epoch,
		.units = deal->units < offer.offer.units_max ? deal->units : offer.offer.units_max,
	};
	sim_seed(payer->node, config.seed);
	SOUK_TRY(souk_customer_init(&deal->customer, &config));
	struct sim_message *ask =
		sim_message_with(payer->node->world, SIM_ASK, deal->seller, SOUK_ASK_SIZE_MAX);
	ENCODE(ask, ask, souk_customer_ask(&deal->customer));
	deal->step = GREEDY_ASK;
	send_control(payer, deal, ask);
	return SOUK_OK;
}

void greedy_prove(struct greedy_payer *payer, struct greedy_deal *deal,
	const struct souk_allotment_leaf *leaves, uint32_t count, uint32_t index)
{
	struct souk_sum_node nodes[GREEDY_LEAVES];
	struct souk_strip_open *open = &deal->open;
	SOUK_CHECK(souk_allotment_prove(open, leaves, count, index, nodes) == SOUK_OK);
	SOUK_CHECK(souk_strip_sign_batch(&open, 1, &payer->issuer) == SOUK_OK);
}

static bool lay_honestly(struct greedy_payer *payer, struct greedy_deal *deal)
{
	if (souk_customer_strip(&deal->customer, &payer->free[deal->leaf], &deal->open) != SOUK_OK)
		return false;
	greedy_prove(payer, deal, payer->leaves, payer->leaf_count, deal->leaf);
	return true;
}

static souk_status take_grant(
	struct greedy_payer *payer, struct greedy_deal *deal, const struct sim_message *reply)
{
	struct souk_grant_open grant;
	SOUK_TRY(souk_grant_open_decode(&grant, sim_message_bytes(reply), NULL));
	SOUK_TRY(souk_customer_grant(&deal->customer, &grant, sim_now(payer->node)));
	bool (*lay)(struct greedy_payer *, struct greedy_deal *) =
		payer->plan->lay != NULL ? payer->plan->lay : lay_honestly;
	if (!lay(payer, deal))
		return SOUK_PEER_STRIP_RANGE;
	deal->units = deal->open.strip.count;
	struct sim_message *strip = sim_message_with(
		payer->node->world, SIM_STRIP, deal->seller, SOUK_STRIP_OPEN_SIZE_MAX);
	ENCODE(strip_open, strip, &deal->open);
	deal->step = GREEDY_STRIP;
	send_control(payer, deal, strip);
	return SOUK_OK;
}

static void take_control(
	struct greedy_payer *payer, struct greedy_deal *deal, const struct sim_message *reply)
{
	souk_status status = reply->status;
	if (status == SOUK_OK && reply->kind == SIM_OFFERS_REPLY && deal->step == GREEDY_OFFER)
		status = take_offer(payer, deal, reply);
	else if (status == SOUK_OK && reply->kind == SIM_ASK_REPLY && deal->step == GREEDY_ASK)
		status = take_grant(payer, deal, reply);
	else if (status == SOUK_OK && reply->kind == SIM_STRIP_REPLY &&
		 deal->step == GREEDY_STRIP) {
		deal->step = GREEDY_OPEN;
		deal->first_request = deal->request + 1;
		payer->node->tally.sessions++;
		if (payer->plan->moved != NULL)
			payer->plan->moved(payer, deal, SOUK_OK);
		greedy_stream(payer, deal);
	}
	if (status != SOUK_OK)
		greedy_end(payer, deal, status);
}

/* ---------------------------------------------------------------- units */

void greedy_request_with(struct greedy_payer *payer, struct greedy_deal *deal, uint32_t unit,
	uint64_t chunk, const struct souk_ticket *ticket)
{
	struct sim_message *message = sim_message_new(payer->node->world, SIM_UNIT, deal->seller);
	struct souk_unit_request *request = &message->data.unit;
	request->session = deal->customer.grant.session;
	request->unit = unit;
	request->chunk = unit > 0 ? chunk : 0;
	request->has_ticket = ticket != NULL;
	if (ticket != NULL)
		request->ticket = *ticket;
	request->auth = souk_unit_request_auth(&deal->customer.session_secret, request);
	if (unit > deal->asked)
		deal->asked = unit;
	deal->flying++;
	message->request = next_request(payer, deal);
	deal->since_us = sim_time_us(payer->node->world);
	sim_send(payer->node, message);
}

void greedy_request(struct greedy_payer *payer, struct greedy_deal *deal, uint32_t unit,
	uint64_t chunk, uint32_t ticket)
{
	struct souk_ticket good = {.unit = ticket};
	if (ticket == 0) {
		greedy_request_with(payer, deal, unit, chunk, NULL);
		return;
	}
	good.value = souk_chain_value(&deal->customer.payer.chain, ticket);
	if (ticket > deal->paid) {
		struct souk_amount spent;
		if (souk_amount_mul(&spent, deal->customer.price, ticket - deal->paid) == SOUK_OK &&
			souk_amount_add(&spent, payer->node->tally.spent, spent) == SOUK_OK)
			payer->node->tally.spent = spent;
		deal->paid = ticket;
	}
	greedy_request_with(payer, deal, unit, chunk, &good);
}

static uint32_t ticket_of(struct greedy_payer *payer, struct greedy_deal *deal)
{
	return payer->plan->ticket != NULL ? payer->plan->ticket(payer, deal) : deal->got;
}

void greedy_stream(struct greedy_payer *payer, struct greedy_deal *deal)
{
	if (deal->step != GREEDY_OPEN)
		return;
	uint32_t window = deal->customer.grant.window, ticket = ticket_of(payer, deal);
	uint32_t most = payer->plan->is_bold || ticket + window > deal->units ? deal->units
									      : ticket + window;
	while (deal->flying < window && deal->asked < most && deal->step == GREEDY_OPEN)
		greedy_request(payer, deal, deal->asked + 1, deal->asked, ticket);
	/* The last keys come without a unit. */
	if (deal->asked < most || deal->flying > 0 || deal->step != GREEDY_OPEN)
		return;
	if (ticket > deal->keyed && ticket > deal->paid)
		greedy_request(payer, deal, 0, 0, ticket);
	else if (!payer->plan->is_waiting || deal->had == deal->units)
		greedy_end(payer, deal, SOUK_OK);
}

static void keep_body(struct greedy_deal *deal, const struct sim_unit_reply *reply)
{
	struct greedy_body *body = &deal->bodies[reply->unit % GREEDY_BODIES];
	if (body->unit == reply->unit)
		return;
	*body = (struct greedy_body){
		.unit = reply->body.is_garbage ? 0 : reply->unit,
		.cipher = reply->body.cipher,
		.chunk = reply->body.chunk,
	};
	while (deal->bodies[(deal->got + 1) % GREEDY_BODIES].unit == deal->got + 1)
		deal->got++;
}

/* Every body that the chain below KEY opens. */
static void try_key(
	struct greedy_payer *payer, struct greedy_deal *deal, const struct souk_unit_key *key)
{
	const struct souk_nonce *session = &deal->customer.grant.session;
	struct souk_hash top =
		souk_unit_key_mask(&deal->customer.session_secret, key->unit, &key->masked);
	if (key->unit > deal->keyed)
		deal->keyed = key->unit;
	for (uint32_t i = 0; i < GREEDY_BODIES; i++) {
		struct greedy_body *body = &deal->bodies[i];
		if (body->unit == 0 || body->unit > key->unit || body->was_read ||
			key->unit - body->unit >= GREEDY_BODIES)
			continue;
		struct souk_hash value =
			souk_chain_walk(souk_chain_tag_key, session, key->unit, &top, body->unit);
		struct souk_unit_cipher cipher =
			souk_unit_cipher_of(session, body->unit, body->chunk, &value);
		if (memcmp(&cipher, &body->cipher, sizeof cipher) != 0)
			continue;
		body->was_read = true;
		deal->had++;
		payer->node->tally.units_had++;
	}
}

static void take_unit(
	struct greedy_payer *payer, struct greedy_deal *deal, const struct sim_message *message)
{
	const struct sim_unit_reply *reply = &message->data.reply;
	deal->flying -= deal->flying > 0;
	deal->answered++;
	deal->since_us = sim_time_us(payer->node->world);
	if (message->status == SOUK_OK && reply->has_body)
		keep_body(deal, reply);
	if (message->status == SOUK_OK && reply->has_key && reply->key.unit > 0)
		try_key(payer, deal, &reply->key);
	if (payer->plan->moved != NULL)
		payer->plan->moved(payer, deal, message->status);
	if (deal->step != GREEDY_OPEN)
		return;
	if (message->status != SOUK_OK && payer->plan->moved == NULL)
		greedy_end(payer, deal, message->status);
	else
		greedy_stream(payer, deal);
}

/* ---------------------------------------------------------------- messages */

static struct greedy_deal *deal_of(struct greedy_payer *payer, const struct sim_message *message)
{
	struct greedy_deal *deal = payer->deals[message->request % GREEDY_DEALS];
	if (deal == NULL || deal->seller != message->from || deal->step == GREEDY_FREE ||
		deal->step == GREEDY_OVER)
		return NULL;
	bool is_unit = message->kind == SIM_UNIT_REPLY;
	bool is_ours =
		is_unit ? deal->step == GREEDY_OPEN && message->request >= deal->first_request
			: message->request == deal->request;
	return is_ours ? deal : NULL;
}

void greedy_payer_message(struct sim_node *node, const struct sim_message *message)
{
	struct greedy_payer *payer = greedy_payer_of(node);
	struct greedy_deal *deal = deal_of(payer, message);
	if (deal == NULL)
		return;
	if (message->kind == SIM_UNIT_REPLY)
		take_unit(payer, deal, message);
	else
		take_control(payer, deal, message);
}
