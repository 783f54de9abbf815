/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes tickets and gives no keys: honest up to a unit, then it answers on, without them.
 *
 * With `robs` it ends the session instead once it has so many tickets that it gave no keys for, and
 * says that it knows of no such session: so that the customer opens another. Under an agreement it
 * answers challenges where `answers` says so: then the ledger has the key, and it has the bond. */
#include "greedy_seller.h"

enum { HONEST_UNTIL, ROBS, GARBAGE, ANSWERS };

/* No key beyond UNTIL; that one, where more is paid. */
static void withhold(struct sim_node *node, struct sim_unit_reply *reply, uint32_t until)
{
	const struct souk_provider *provider = &sim_provider_of(node)->provider;
	uint32_t index = souk_map_find(&provider->session_map, &reply->session);
	reply->has_key = until > 0 && index != SOUK_MAP_NONE;
	if (!reply->has_key)
		return;
	struct souk_provider_session *s = &provider->memory.sessions[index];
	struct souk_hash key = souk_chain_value(&s->keys, until);
	reply->key.unit = until;
	reply->key.masked = souk_unit_key_mask(&s->record.session_secret, until, &key);
}

static bool on_send(struct sim_node *node, struct sim_message *message)
{
	struct greedy_seller *seller = greedy_seller_of(node);
	struct sim_unit_reply *reply = &message->data.reply;
	uint64_t until = seller->knobs[HONEST_UNTIL];
	if (message->kind != SIM_UNIT_REPLY || message->status != SOUK_OK)
		return true;
	struct greedy_seller_session *session = greedy_seller_session(node, reply);
	if (reply->has_key && reply->key.unit > until)
		withhold(node, reply, (uint32_t)until);
	if (reply->has_body && reply->unit > until && seller->knobs[GARBAGE] != 0)
		greedy_seller_spoil(node, reply);
	if (seller->knobs[ROBS] == 0 || session->paid < until + seller->knobs[ROBS])
		return true;
	message->status = SOUK_PEER_UNKNOWN_SESSION;
	*reply = (struct sim_unit_reply){.unit = reply->unit};
	return true;
}

static bool on_receive(struct sim_node *node, struct sim_message *message)
{
	greedy_seller_note(node, message);
	return true;
}

/* Who has a transaction about an agreement under way sends no other. */
static void timer(struct sim_node *node)
{
	struct sim_provider *p = sim_provider_of(node);
	for (uint32_t i = 0; i < p->agreement_count; i++) {
		if (greedy_seller_of(node)->knobs[ANSWERS] == 0)
			p->agreements[i].is_answering = true;
	}
	greedy_seller_timer(node);
}

static const struct sim_twist twist = {.send = on_send, .receive = on_receive};

static void make(struct sim_node *node, const struct sim_population *population)
{
	greedy_seller_make(node, population, &twist);
}

static const struct sim_knob knobs[] = {
	[HONEST_UNTIL] = {"honest-until", 0, 0, 65536, "units for which it gives keys"},
	[ROBS] = {"robs", 0, 0, 64,
		"tickets after which it denies the session; 0: it stays silent"},
	[GARBAGE] = {"garbage", 0, 0, 1, "whether what it keeps the keys of is garbage"},
	[ANSWERS] = {"answers", 0, 0, 1, "whether it answers on the ledger"},
	{0},
};

const struct sim_actor sim_key_withholder_actor = {
	.name = "key-withholder",
	.about = "takes tickets and gives no keys",
	.knobs = knobs,
	.make = make,
	.has_disk = true,
	.is_greedy = true,
	.honest = "provider",
	.start = greedy_seller_start,
	.message = greedy_seller_message,
	.timer = timer,
	.ledger = greedy_seller_ledger,
	.crash = greedy_seller_crash,
	.finish = greedy_seller_finish,
	.done = greedy_seller_done,
};
