/* SPDX-License-Identifier: Apache-2.0 */
#include "greedy_seller.h"

#include <stdlib.h>
#include <string.h>

void greedy_seller_make(struct sim_node *node, const struct sim_population *population,
	const struct sim_twist *twist)
{
	struct greedy_seller *seller = sim_alloc(sizeof *seller);
	sim_provider_actor.make(node, population);
	memcpy(seller->knobs, population->knobs, sizeof seller->knobs);
	node->twist_state = seller;
	node->twist = twist;
}

static struct greedy_seller_session *session_of(
	struct greedy_seller *seller, const struct souk_nonce *session)
{
	for (uint32_t i = 0; i < GREEDY_SELLER_SESSIONS; i++) {
		if (memcmp(&seller->sessions[i].session, session, sizeof *session) == 0)
			return &seller->sessions[i];
	}
	struct greedy_seller_session *fresh =
		&seller->sessions[seller->turn++ % GREEDY_SELLER_SESSIONS];
	*fresh = (struct greedy_seller_session){.session = *session};
	return fresh;
}

void greedy_seller_note(struct sim_node *node, const struct sim_message *message)
{
	struct greedy_seller *seller = greedy_seller_of(node);
	if (message->kind != SIM_UNIT)
		return;
	const struct souk_unit_request *request = &message->data.unit;
	struct greedy_seller_session *s = session_of(seller, &request->session);
	if (request->has_ticket && request->ticket.unit > s->paid)
		s->paid = request->ticket.unit;
}

struct greedy_seller_session *greedy_seller_session(
	struct sim_node *node, const struct sim_unit_reply *reply)
{
	return session_of(greedy_seller_of(node), &reply->session);
}

void greedy_seller_spoil(struct sim_node *node, struct sim_unit_reply *reply)
{
	struct greedy_seller_session *session = greedy_seller_session(node, reply);
	reply->body.is_garbage = true;
	if (reply->unit <= session->junk)
		return;
	session->junk = reply->unit;
	node->tally.units_served -= node->tally.units_served > 0;
}

void greedy_seller_start(struct sim_node *node)
{
	sim_provider_actor.start(node);
}

void greedy_seller_message(struct sim_node *node, const struct sim_message *message)
{
	sim_provider_actor.message(node, message);
}

void greedy_seller_timer(struct sim_node *node)
{
	sim_provider_actor.timer(node);
}

void greedy_seller_ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	sim_provider_actor.ledger(node, token, status, amount);
}

void greedy_seller_crash(struct sim_node *node)
{
	if (sim_provider_actor.crash != NULL)
		sim_provider_actor.crash(node);
}

void greedy_seller_finish(struct sim_node *node)
{
	if (sim_provider_actor.finish != NULL)
		sim_provider_actor.finish(node);
}

void greedy_seller_done(struct sim_node *node)
{
	free(node->twist_state);
	node->twist_state = NULL;
	if (sim_provider_actor.done != NULL)
		sim_provider_actor.done(node);
}
