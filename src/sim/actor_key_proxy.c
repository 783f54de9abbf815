/* SPDX-License-Identifier: Apache-2.0
 *
 * Who re-encrypts: `key-proxy` as it should; `key-cheat` in the ways that its knobs say.
 *
 *   delivered --policy and key fragment are right--> LOCKS --on the ledger--> SERVES
 *   SERVES --revoked, or over, and no challenge waits--> DELETED: the key fragment is gone */
#include <stdlib.h>
#include <string.h>

#include "actors.h"
#include "keys.h"
#include "ledger.h"
#include "scenario.h"
#include "souk/base/check.h"

#define END_SLACK_MS 1000u
#define SESSIONS_MAX 64u

enum { KNOB_WRONG, KNOB_LOST, KNOB_SILENT, KNOB_LATE, KNOB_LOCK };

static const struct sim_knob cheat_knobs[] = {
	{"wrong", 0, 0, SIM_PPM_ALL, "share of the fragments that are made up, in ppm"},
	{"lost", 0, 0, SIM_PPM_ALL, "share of the key fragments that it drops, in ppm"},
	{"silent", 0, 0, 1, "1: it locks deposits, and answers nothing"},
	{"late", 0, 0, 1, "1: it serves on after a revocation, and signs that it deleted"},
	{"lock", 0, 0, SIM_PPM_ALL, "share of the units that it locks with another key, in ppm"},
	{NULL, 0, 0, 0, NULL},
};

struct session {
	uint32_t with;
	struct souk_signed_grant grant;
	struct souk_chain chain;
	uint32_t served, paid;
};

struct deal {
	uint32_t owner;
	uint32_t request;
	bool is_asked, is_open, is_lost, is_deleted, is_ended;
	struct souk_hash id;
	struct souk_signed_agreement agreement;
	struct souk_umbral_kfrag kfrag;
	struct souk_time seen; /* the ledger, last */
	struct souk_time ledger_time;
	bool is_answering;
	struct session *sessions[SESSIONS_MAX];
	uint32_t session_count;
};

struct key_proxy {
	const uint64_t *knobs; /* NULL: honest */
	uint8_t secret[32];
	struct souk_secret_rng rng;
	struct deal **deals;
	uint32_t count;
	uint32_t lost; /* place in the stretch of grants of which one is dropped */
	struct souk_tx_body body;
};

enum { TOKEN_AGREE, TOKEN_ANSWER, TOKEN_END };

static uint64_t token_of(unsigned kind, uint32_t deal)
{
	return (uint64_t)deal << 4 | kind;
}

/* Whether a thing happens that KNOB makes a share of. */
static bool is_so(struct sim_node *node, int knob)
{
	const struct key_proxy *self = node->state;
	return self->knobs != NULL && souk_rng_below(&node->rng, SIM_PPM_ALL) < self->knobs[knob];
}

static bool is_set(const struct key_proxy *self, int knob)
{
	return self->knobs != NULL && self->knobs[knob] != 0;
}

/* ---------------------------------------------------------------- making */

/* As many grants as there may be. */
static uint64_t grants_of(struct sim_world *world)
{
	const struct sim_scenario *scenario = sim_world_scenario(world);
	uint64_t receivers = sim_keys_count(world, sim_keys_is_receiver), most = 1;
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		if (scenario->populations[i].downloads > most)
			most = scenario->populations[i].downloads;
	}
	return 2 * (receivers + 1) * 64 + most;
}

static void make(struct sim_node *node, const struct sim_population *population)
{
	const struct sim_scenario *scenario = sim_world_scenario(node->world);
	struct key_proxy *self = sim_alloc(sizeof *self);
	node->state = self;
	sim_seed(node, self->secret);
	sim_keys_rng(&self->rng, node);
	if (node->actor == &sim_key_cheat_actor)
		self->knobs = population->knobs;
	uint64_t funds = population->funds;
	if (funds == 0)
		funds = grants_of(node->world) * scenario->deposit + 4 * scenario->bond;
	sim_ledger_fund(node, souk_amount_of_ncoin(funds));
}

static void start(struct sim_node *node)
{
	sim_wake(node,
		souk_time_plus_ms(sim_now(node), sim_world_scenario(node->world)->respond_ms / 8));
}

/* ---------------------------------------------------------------- agreements */

static struct deal *deal_of(struct key_proxy *self, const struct souk_hash *id)
{
	for (uint32_t i = 0; i < self->count; i++) {
		if (souk_hash_equal(&self->deals[i]->id, id))
			return self->deals[i];
	}
	return NULL;
}

static void answer_agree(
	struct sim_node *node, uint32_t owner, uint32_t request, souk_status status)
{
	struct sim_message *reply = sim_message_new(node->world, SIM_AGREE_REPLY, owner);
	reply->request = request;
	reply->status = status;
	sim_send(node, reply);
}

/* What a proxy must check before it can be held to it. */
static souk_status check_delivery(struct sim_node *node, const struct souk_key_delivery *delivery,
	struct souk_umbral_kfrag *ret_kfrag)
{
	const struct souk_agreement *agreement = &delivery->agreement.agreement;
	const struct sim_scenario *scenario = sim_world_scenario(node->world);
	struct souk_keys_policy policy;
	if (!souk_address_equal(&agreement->provider, &node->identity.address) ||
		agreement->deposit.ncoin > scenario->deposit ||
		agreement->respond_ms < scenario->respond_ms)
		return SOUK_PEER_AGREEMENT_TERMS;
	SOUK_TRY(souk_keys_policy_parse(&policy, agreement));
	if (policy.price.ncoin < scenario->price)
		return SOUK_PEER_AGREEMENT_TERMS;
	SOUK_TRY(souk_umbral_kfrag_parse(
		ret_kfrag, souk_bytes_of(delivery->kfrag.data, delivery->kfrag.size)));
	return souk_keys_kfrag_check(&policy, ret_kfrag);
}

/* One of each 1/share grants, at a place that nobody knows: exactly that share is dropped. */
static bool is_dropped(struct sim_node *node)
{
	struct key_proxy *self = node->state;
	uint64_t share = self->knobs != NULL ? self->knobs[KNOB_LOST] : 0;
	if (share == 0)
		return false;
	uint32_t stretch = (uint32_t)(SIM_PPM_ALL / share), place = (self->count - 1) % stretch;
	if (place == 0)
		self->lost = (uint32_t)souk_rng_below(&node->rng, stretch);
	return place == self->lost;
}

static struct deal *deal_new(struct key_proxy *self)
{
	self->deals = realloc(self->deals, (self->count + 1) * sizeof *self->deals);
	SOUK_CHECK(self->deals != NULL);
	return self->deals[self->count++] = sim_alloc(sizeof(struct deal));
}

static void on_agree(struct sim_node *node, const struct sim_message *message)
{
	struct key_proxy *self = node->state;
	struct souk_key_delivery delivery;
	struct souk_umbral_kfrag kfrag;
	if (souk_key_delivery_decode(&delivery, sim_message_bytes(message), NULL) != SOUK_OK)
		return;
	struct souk_hash id = souk_agreement_digest(&delivery.agreement.agreement);
	struct deal *deal = deal_of(self, &id);
	if (deal != NULL) {
		if (deal->is_open)
			answer_agree(node, message->from, message->request, SOUK_OK);
		return;
	}
	souk_status status = check_delivery(node, &delivery, &kfrag);
	if (status != SOUK_OK) {
		answer_agree(node, message->from, message->request, status);
		return;
	}
	deal = deal_new(self);
	deal->owner = message->from;
	deal->request = message->request;
	deal->id = id;
	deal->agreement = delivery.agreement;
	deal->kfrag = kfrag;
	deal->is_lost = is_dropped(node);
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_AGREE};
	self->body.agree.agreement = delivery.agreement;
	sim_ledger_submit(node, &self->body, token_of(TOKEN_AGREE, self->count - 1));
}

static void on_ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	struct key_proxy *self = node->state;
	struct deal *deal = self->deals[token >> 4];
	(void)amount;
	switch (token & 15) {
	case TOKEN_AGREE:
		deal->is_open = status == SOUK_OK || status == SOUK_PEER_AGREEMENT_EXISTS;
		answer_agree(node, deal->owner, deal->request, deal->is_open ? SOUK_OK : status);
		break;
	case TOKEN_ANSWER: deal->is_answering = false; break;
	default: break;
	}
}

/* ---------------------------------------------------------------- looking at the ledger */

static void answer(
	struct sim_node *node, uint32_t number, const struct souk_agreement_record *record)
{
	struct key_proxy *self = node->state;
	struct deal *deal = self->deals[number];
	struct souk_key_question question;
	struct souk_key_answer answered;
	struct souk_writer writer;
	if (deal->is_answering || deal->is_lost || deal->is_deleted || is_set(self, KNOB_SILENT) ||
		souk_key_question_decode(&question,
			souk_bytes_of(record->question.data, record->question.size),
			NULL) != SOUK_OK ||
		souk_keys_answer(&answered, &question, &deal->kfrag, self->secret) != SOUK_OK)
		return;
	deal->is_answering = true;
	self->body = (struct souk_tx_body){
		.kind = SOUK_TX_BODY_ANSWER, .answer = {.agreement = deal->id}};
	souk_writer_init(
		&writer, self->body.answer.answer.data, sizeof self->body.answer.answer.data);
	souk_key_answer_encode(&writer, &answered);
	self->body.answer.answer.size = (uint16_t)writer.size;
	sim_ledger_submit(node, &self->body, token_of(TOKEN_ANSWER, number));
}

/* What the ledger says of DEAL, and what follows from it. Whether service is owed. */
static souk_status look(struct sim_node *node, uint32_t number)
{
	struct key_proxy *self = node->state;
	struct deal *deal = self->deals[number];
	struct souk_agreement_record record;
	uint64_t respond_ms = deal->agreement.agreement.respond_ms;
	souk_status status = sim_ledger_agreement(node, &deal->id, &record);
	if (status == SOUK_IO_NET)
		return souk_time_since_ms(sim_now(node), deal->seen) < respond_ms / 4
			       ? SOUK_OK
			       : SOUK_LOCAL_STATE;
	SOUK_TRY(status);
	deal->seen = sim_now(node);
	deal->ledger_time = sim_ledger_time(node);
	if (record.convicted)
		return SOUK_PEER_AGREEMENT_OVER;
	if (record.challenged) {
		answer(node, number, &record);
		return SOUK_OK;
	}
	bool is_over = !souk_time_is_before(deal->ledger_time, record.agreement.ends);
	if (record.revoked.ms == 0 && !is_over)
		return SOUK_OK;
	if (is_set(self, KNOB_LATE))
		return SOUK_OK;
	deal->is_deleted = true;
	souk_bytes_wipe(&deal->kfrag, sizeof deal->kfrag);
	return is_over ? SOUK_PEER_AGREEMENT_OVER : SOUK_PEER_AGREEMENT_REVOKED;
}

/* ---------------------------------------------------------------- units */

static struct session *session_with(struct deal *deal, uint32_t with)
{
	for (uint32_t i = 0; i < deal->session_count; i++) {
		if (deal->sessions[i]->with == with)
			return deal->sessions[i];
	}
	return NULL;
}

static struct session *session_new(struct sim_node *node, struct deal *deal, uint32_t with)
{
	struct key_proxy *self = node->state;
	struct souk_hash secret;
	struct session *session = sim_alloc(sizeof *session);
	struct souk_grant *grant = &session->grant.grant;
	session->with = with;
	*grant = (struct souk_grant){.version = 1,
		.provider = node->identity.address,
		.price = {sim_world_scenario(node->world)->price},
		.units = SIM_KEYS_UNITS,
		.window = 1,
		.session_key = node->identity.pubkey,
		.expires = deal->agreement.agreement.ends};
	souk_secret_rng_fill(&self->rng, &grant->session, sizeof grant->session);
	souk_secret_rng_fill(&self->rng, &secret, sizeof secret);
	souk_chain_init(
		&session->chain, souk_chain_tag_key, &grant->session, grant->units, &secret);
	grant->key_anchor = session->chain.anchor;
	souk_grant_sign(&session->grant, &node->identity);
	deal->sessions[deal->session_count++] = session;
	node->tally.sessions++;
	return session;
}

static void open_session(struct sim_node *node, struct deal *deal, struct sim_message *reply)
{
	struct souk_writer writer;
	struct session *session = session_with(deal, reply->to);
	if (session == NULL && deal->session_count < SESSIONS_MAX)
		session = session_new(node, deal, reply->to);
	if (session == NULL) {
		reply->status = SOUK_LOCAL_FULL;
		return;
	}
	souk_writer_init(&writer, reply->bytes, reply->size);
	souk_signed_grant_encode(&writer, &session->grant);
	reply->size = (uint32_t)writer.size;
}

/* What cheats do to a reply, before they sign it. Whether it was made up, which costs nothing. */
static bool spoil(
	struct sim_node *node, struct souk_key_reply *reply, const struct souk_key_request *request)
{
	bool is_wrong = is_so(node, KNOB_WRONG);
	if (is_wrong) {
		reply->fragments.data[40] ^= 0x10;
		reply->statement.statement.root = souk_keys_leaf(
			request->capsules.items[0].bytes.data, reply->fragments.data);
	}
	if (is_so(node, KNOB_LOCK))
		reply->statement.statement.lock.bytes[0] ^= 1;
	return is_wrong;
}

static souk_status serve(struct sim_node *node, struct deal *deal, struct session *session,
	uint32_t unit, const struct souk_key_request *request, struct souk_key_reply *ret)
{
	struct key_proxy *self = node->state;
	struct souk_umbral_capsule capsules[SOUK_KEYS_BATCH_MAX];
	uint64_t number = souk_keys_request_number(request);
	uint32_t index;
	SOUK_TRY(souk_keys_request_parse(capsules, &index, request, number));
	if (request->capsules.count != 1 || unit == 0 || unit > session->grant.grant.units)
		return SOUK_PEER_OVERDRAW;
	if (unit > session->paid + 1)
		return SOUK_PEER_UNPAID;
	struct souk_hash key = souk_chain_value(&session->chain, unit);
	struct souk_unit_cipher cipher =
		souk_unit_cipher_of(&session->grant.grant.session, unit, number, &key);
	souk_keys_serve(ret, request, capsules, &deal->id, &session->grant.grant.session, unit,
		&deal->kfrag, &cipher, self->secret);
	bool is_free = spoil(node, ret, request);
	souk_keys_reply_sign(ret, &node->identity);
	if (unit > session->served) {
		session->served = unit;
		node->tally.units_served += !is_free;
	}
	return SOUK_OK;
}

static void serve_unit(struct sim_node *node, struct deal *deal, const struct sim_message *message,
	struct sim_message *reply)
{
	struct souk_key_request request;
	static const struct souk_key_reply none;
	struct souk_key_reply answered = none;
	struct session *session = session_with(deal, message->from);
	struct souk_writer writer;
	reply->status = session == NULL ? SOUK_PEER_UNKNOWN_SESSION
					: souk_key_request_decode(
						  &request, sim_message_bytes(message), NULL);
	if (reply->status == SOUK_OK && deal->is_lost)
		reply->status = SOUK_LOCAL_NOT_FOUND;
	if (reply->status == SOUK_OK)
		reply->status = serve(node, deal, session,
			(uint32_t)message->data.words[SIM_KEYS_WORD_UNIT], &request, &answered);
	if (reply->status != SOUK_OK)
		return;
	souk_writer_init(&writer, reply->bytes, reply->size);
	souk_key_reply_encode(&writer, &answered);
	reply->size = (uint32_t)writer.size;
}

static void take_payment(
	struct deal *deal, const struct sim_message *message, struct sim_message *reply)
{
	struct session *session = session_with(deal, message->from);
	uint64_t unit = message->data.words[SIM_KEYS_WORD_UNIT];
	if (session == NULL || unit == 0 || unit > session->served) {
		reply->status = SOUK_PEER_UNKNOWN_SESSION;
		return;
	}
	if (unit > session->paid)
		session->paid = (uint32_t)unit;
	struct souk_hash key = souk_chain_value(&session->chain, (uint32_t)unit);
	memcpy(reply->bytes, key.bytes, sizeof key.bytes);
	reply->size = sizeof key.bytes;
}

static void give_receipt(struct sim_node *node, struct deal *deal, struct sim_message *reply)
{
	struct souk_writer writer;
	struct souk_signed_key_deletion deletion = {
		.deletion = {.version = 1, .agreement = deal->id, .time = deal->ledger_time}};
	souk_keys_deletion_sign(&deletion, &node->identity);
	souk_writer_init(&writer, reply->bytes, reply->size);
	souk_signed_key_deletion_encode(&writer, &deletion);
	reply->size = (uint32_t)writer.size;
	reply->status = SOUK_OK;
}

static void on_keys(struct sim_node *node, const struct sim_message *message)
{
	struct key_proxy *self = node->state;
	struct souk_hash id = sim_keys_agreement_of(message);
	uint32_t number = 0;
	while (number < self->count && !souk_hash_equal(&self->deals[number]->id, &id))
		number++;
	if (number == self->count || is_set(self, KNOB_SILENT))
		return;
	struct deal *deal = self->deals[number];
	struct sim_message *reply = sim_message_with(
		node->world, SIM_KEYS_REPLY, message->from, SOUK_KEY_REPLY_SIZE_MAX);
	memcpy(reply->data.words, message->data.words, sizeof reply->data.words);
	reply->request = message->request;
	reply->status = look(node, number);
	bool is_owed = reply->status == SOUK_OK;
	switch ((enum sim_keys_wish)message->data.words[0]) {
	case SIM_KEYS_OPEN:
		if (is_owed)
			open_session(node, deal, reply);
		break;
	case SIM_KEYS_UNIT:
		if (is_owed)
			serve_unit(node, deal, message, reply);
		break;
	case SIM_KEYS_PAY:
		/* What was paid is owed, whatever has become of the agreement. */
		reply->status = SOUK_OK;
		take_payment(deal, message, reply);
		break;
	case SIM_KEYS_DELETE:
		if (deal->is_deleted || is_set(self, KNOB_LATE))
			give_receipt(node, deal, reply);
		else
			reply->status = SOUK_PEER_AGREEMENT_RUNS;
		break;
	default: reply->status = SOUK_PEER_BAD_REQUEST; break;
	}
	if (reply->status != SOUK_OK)
		reply->size = 0;
	sim_send(node, reply);
}

static void on_message(struct sim_node *node, const struct sim_message *message)
{
	if (message->kind == SIM_AGREE)
		on_agree(node, message);
	else if (message->kind == SIM_KEYS)
		on_keys(node, message);
}

/* ---------------------------------------------------------------- time */

static void end_all(struct sim_node *node)
{
	struct key_proxy *self = node->state;
	for (uint32_t i = 0; i < self->count; i++) {
		struct deal *deal = self->deals[i];
		const struct souk_agreement *agreement = &deal->agreement.agreement;
		struct souk_time over =
			souk_time_plus_ms(agreement->ends, agreement->respond_ms + END_SLACK_MS);
		if (deal->is_ended || !deal->is_open || souk_time_is_before(sim_now(node), over))
			continue;
		deal->is_ended = true;
		self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_AGREEMENT_END};
		self->body.agreement_end.agreement = deal->id;
		sim_ledger_submit(node, &self->body, token_of(TOKEN_END, i));
	}
}

static void on_timer(struct sim_node *node)
{
	struct key_proxy *self = node->state;
	uint32_t ended = 0;
	end_all(node);
	for (uint32_t i = 0; i < self->count; i++) {
		ended += self->deals[i]->is_ended || !self->deals[i]->is_open;
		if (self->deals[i]->is_open && !self->deals[i]->is_ended)
			(void)!look(node, i);
	}
	if (!node->is_finishing || ended < self->count)
		start(node);
}

static void done(struct sim_node *node)
{
	struct key_proxy *self = node->state;
	for (uint32_t i = 0; i < self->count; i++) {
		for (uint32_t k = 0; k < self->deals[i]->session_count; k++)
			free(self->deals[i]->sessions[k]);
		free(self->deals[i]);
	}
	free(self->deals);
	free(self);
}

#define PROXY                                                                                      \
	.make = make, .start = start, .message = on_message, .timer = on_timer,                    \
	.ledger = on_ledger, .done = done

const struct sim_actor sim_key_proxy_actor = {
	.name = "key-proxy", .about = "re-encrypts for whom owners choose", PROXY};

const struct sim_actor sim_key_cheat_actor = {.name = "key-cheat",
	.about = "re-encrypts wrongly, not at all, or for too long",
	.is_greedy = true,
	.honest = "key-proxy",
	.knobs = cheat_knobs,
	PROXY};
