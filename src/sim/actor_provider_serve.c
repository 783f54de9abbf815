/* SPDX-License-Identifier: Apache-2.0
 *
 * What customers ask of a provider; see src/daemon/provider_http.c. */
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "actor_reseller.h"
#include "souk/base/check.h"

#define OFFER_LIFE_MS (10u * 60 * 1000)
/* Status line and headers of an answer. */
#define HEADER_SIZE 240u

/* ---------------------------------------------------------------- answers */

struct sim_message *sim_provider_answer(
	struct sim_provider *p, const struct sim_message *request, size_t size)
{
	struct sim_message *answer =
		sim_reply_new(p->node->world, request, (enum sim_kind)(request->kind + 1));
	if (size > 0) {
		answer->bytes = sim_alloc(size);
		answer->size = (uint32_t)size;
	}
	return answer;
}

void sim_provider_refuse(
	struct sim_provider *p, const struct sim_message *request, souk_status status)
{
	struct sim_message *answer = sim_provider_answer(p, request, 0);
	answer->status = status;
	sim_send(p->node, answer);
}

void sim_provider_hold(struct sim_provider *p, struct sim_message *answer)
{
	sim_writes_hold(&p->writes, answer);
	p->wants_commit = true;
}

static void note(struct sim_provider *p, enum sim_note_kind kind, uint32_t peer,
	const struct souk_nonce *session, uint32_t unit)
{
	const struct sim_note said = {
		.kind = kind,
		.peer = peer,
		.session = *session,
		.unit = unit,
	};
	sim_note(p->node, &said);
}

/* ---------------------------------------------------------------- offers and asks */

/* Whether the node may cost us an ask now. */
static bool may_ask(struct sim_provider *p, uint32_t from)
{
	return sim_limit_take(p->limit, from, sim_time_us(p->node->world));
}

void sim_provider_forget_offers(struct sim_provider *p)
{
	if (p->is_running)
		memset(p->offers, 0, SIM_PROVIDER_OFFERS * sizeof *p->offers);
}

static void make_offer(struct sim_provider *p, uint32_t number, struct sim_provider_offer *ret)
{
	const struct sim_scenario *scenario = sim_world_scenario(p->node->world);
	const struct souk_content *content =
		sim_contents_at(sim_world_contents(p->node->world), number);
	struct souk_time now = sim_now(p->node);
	struct souk_signed_offer offer = {.offer = {
						  .version = SOUK_EXCHANGE_VERSION,
						  .provider = p->node->identity.address,
						  .content = content->id,
						  .size = content->size,
						  .chunk_size = content->chunk_size,
						  .price = p->price,
						  .window = (uint16_t)scenario->window,
						  .units_max = (uint32_t)scenario->session_units,
						  .expires = souk_time_plus_ms(now, OFFER_LIFE_MS),
					  }};
	struct souk_writer writer;
	SOUK_CHECK(souk_text_set(&offer.offer.data_url, "http://sim") == SOUK_OK);
	souk_offer_sign(&offer, &p->node->identity);
	souk_writer_init(&writer, ret->bytes, sizeof ret->bytes);
	souk_signed_offer_encode(&writer, &offer);
	SOUK_CHECK(!writer.full);
	ret->number = number + 1;
	ret->size = (uint32_t)writer.size;
	ret->until = souk_time_plus_ms(now, OFFER_LIFE_MS / 2);
}

static uint32_t find_content(const struct sim_provider *p, const struct souk_hash *id)
{
	uint32_t number = sim_contents_find(sim_world_contents(p->node->world), id);
	/* Parts of it may be enough. */
	if (number != UINT32_MAX && sim_is_reseller(p->node) &&
		sim_reseller_parts(p->node, number) != NULL)
		return number;
	return number != UINT32_MAX && sim_provider_stocks(p, number) ? number : UINT32_MAX;
}

static bool has_chunk(const struct sim_provider *p, uint32_t number, uint64_t chunk)
{
	if (!sim_is_reseller(p->node))
		return true;
	const uint64_t *parts = sim_reseller_parts(p->node, number);
	return parts != NULL && (parts[chunk / 64] >> chunk % 64 & 1) != 0;
}

/* The ranges of what it has, as far as there is room. */
static void fill_ranges(
	const struct sim_provider *p, uint32_t number, struct souk_availability *said)
{
	uint32_t first = 0;
	for (uint32_t i = 0; i <= said->chunks; i++) {
		bool has = i < said->chunks && has_chunk(p, number, i);
		if (!has && i > first && said->ranges.count < SOUK_COUNT_OF(said->ranges.items))
			said->ranges.items[said->ranges.count++] =
				(struct souk_chunk_range){first, i - first};
		first = has ? first : i + 1;
	}
}

static void answer_available(struct sim_provider *p, const struct sim_message *message)
{
	struct souk_hash id;
	uint32_t number = UINT32_MAX;
	if (message->size == sizeof id) {
		memcpy(&id, message->bytes, sizeof id);
		number = find_content(p, &id);
	}
	if (number == UINT32_MAX) {
		sim_provider_refuse(p, message, SOUK_PEER_UNKNOWN_CONTENT);
		return;
	}
	struct souk_availability *said = sim_alloc(sizeof *said);
	said->content = id;
	said->chunks = sim_content_units(p->node->world, number);
	fill_ranges(p, number, said);
	struct sim_message *answer = sim_provider_answer(p, message, SOUK_AVAILABILITY_SIZE_MAX);
	SIM_PROVIDER_ENCODE(availability, answer, said);
	free(said);
	sim_send(p->node, answer);
}

static void answer_offer(struct sim_provider *p, const struct sim_message *message)
{
	struct souk_hash id;
	uint32_t number = UINT32_MAX;
	if (message->size == sizeof id) {
		memcpy(&id, message->bytes, sizeof id);
		number = find_content(p, &id);
	}
	if (number == UINT32_MAX) {
		sim_provider_refuse(p, message, SOUK_PEER_UNKNOWN_CONTENT);
		return;
	}
	struct sim_provider_offer *offer = &p->offers[number % SIM_PROVIDER_OFFERS];
	if (offer->number != number + 1 || !souk_time_is_before(sim_now(p->node), offer->until))
		make_offer(p, number, offer);
	struct sim_message *answer = sim_provider_answer(p, message, offer->size);
	memcpy(answer->bytes, offer->bytes, offer->size);
	sim_send(p->node, answer);
}

static souk_status take_ask(
	struct sim_provider *p, const struct sim_message *message, struct souk_grant_open *ret)
{
	struct souk_ask ask;
	struct souk_time now = sim_now(p->node);
	SOUK_TRY(souk_ask_decode(&ask, sim_message_bytes(message), NULL));
	uint32_t number = find_content(p, &ask.content);
	if (number == UINT32_MAX)
		return SOUK_PEER_UNKNOWN_CONTENT;
	const struct souk_content *content =
		sim_contents_at(sim_world_contents(p->node->world), number);
	struct souk_provider_item item = {
		.from = message->from,
		.content = content->id,
		.size = content->size,
		.chunk_size = content->chunk_size,
		.price = p->price,
	};
	/* A refusal costs nothing, so it is not counted against the node. */
	SOUK_TRY(souk_provider_ask_check(&p->provider, &ask, &item, now));
	if (!may_ask(p, message->from))
		return SOUK_LOCAL_FULL;
	return souk_provider_ask(&p->provider, ret, &ask, &item, now);
}

static void answer_ask(struct sim_provider *p, const struct sim_message *message)
{
	struct souk_grant_open grant;
	souk_status status = take_ask(p, message, &grant);
	if (status != SOUK_OK) {
		/* A session may have been put away for it. */
		sim_provider_commit_soon(p);
		sim_provider_refuse(p, message, status);
		return;
	}
	struct sim_message *answer = sim_provider_answer(p, message, SOUK_GRANT_OPEN_SIZE_MAX);
	SIM_PROVIDER_ENCODE(grant_open, answer, &grant);
	sim_provider_hold(p, answer);
}

/* ---------------------------------------------------------------- units */

/* What is known of a session before a request changes it. */
struct before {
	const struct souk_provider_session *session; /* NULL: none of that name */
	uint32_t paid;
	bool is_bound; /* the unit was sent before */
};

static struct before look_at(const struct sim_provider *p, const struct souk_unit_request *request)
{
	uint32_t index = souk_map_find(&p->provider.session_map, &request->session);
	if (index == SOUK_MAP_NONE)
		return (struct before){NULL, 0, false};
	const struct souk_provider_session *s = &p->provider.memory.sessions[index];
	const struct souk_provider_binding *binding =
		&s->bindings[request->unit % SOUK_PROVIDER_BINDINGS];
	return (struct before){s, s->payee.unit, binding->unit == request->unit};
}

/* Whether the chunk of REQUEST is here; of what is wrong otherwise the provider says more. */
static bool has_asked(const struct sim_provider *p, const struct before *before,
	const struct souk_unit_request *request)
{
	if (before->session == NULL || request->unit == 0 || !sim_is_reseller(p->node))
		return true;
	uint32_t number = sim_contents_find(
		sim_world_contents(p->node->world), &before->session->record.ask.content);
	return number == UINT32_MAX ||
	       request->chunk >= sim_content_units(p->node->world, number) ||
	       has_chunk(p, number, request->chunk);
}

static void count_payment(
	struct sim_provider *p, const struct sim_message *message, const struct before *before)
{
	const struct souk_payee *payee = &before->session->payee;
	struct souk_amount gain;
	if (payee->unit == before->paid)
		return;
	note(p, SIM_NOTE_ACCEPTED, message->from, &message->data.unit.session, payee->unit);
	if (souk_amount_mul(&gain, payee->price, payee->unit - before->paid) == SOUK_OK &&
		souk_amount_add(&gain, p->node->tally.owed, gain) == SOUK_OK)
		p->node->tally.owed = gain;
	sim_provider_commit_soon(p);
}

static void refuse_unit(
	struct sim_provider *p, const struct sim_message *message, souk_status status)
{
	/* What a customer signed for and then broke; the rest is no news, or anybody's. */
	if (status == SOUK_PEER_BAD_TICKET || status == SOUK_PEER_BAD_CHECKPOINT) {
		const struct sim_note said = {
			.kind = SIM_NOTE_BLAMED,
			.peer = message->from,
			.session = message->data.unit.session,
			.unit = message->data.unit.unit,
			.status = status,
		};
		sim_note(p->node, &said);
		sim_provider_commit_soon(p);
	}
	sim_provider_refuse(p, message, status);
}

/* Whether a unit is asked for under an agreement, and that one runs. */
static souk_status find_agreement(const struct sim_provider *p, const struct sim_message *message,
	struct souk_hash *ret_id, const struct souk_agreement **ret)
{
	*ret = NULL;
	if (message->kind != SIM_UNIT || message->size == 0 || message->data.unit.unit == 0)
		return SOUK_OK;
	if (message->size != sizeof *ret_id)
		return SOUK_PEER_BAD_REQUEST;
	memcpy(ret_id, message->bytes, sizeof *ret_id);
	return sim_provider_agreement_find(p, ret_id, ret);
}

static souk_status add_statement(struct sim_provider *p, const struct sim_message *message,
	const struct souk_hash *id, struct sim_message *answer)
{
	struct souk_unit_statement statement;
	SOUK_TRY(souk_provider_statement(&p->provider, &statement, &message->data.unit));
	sim_provider_statement_sign(p, &statement, id, answer);
	return SOUK_OK;
}

static struct sim_message *make_reply(struct sim_provider *p, const struct sim_message *message,
	const struct souk_provider_reply *reply)
{
	const struct souk_unit_request *request = &message->data.unit;
	struct sim_message *answer = sim_reply_new(p->node->world, message, SIM_UNIT_REPLY);
	answer->wire_size = HEADER_SIZE + reply->length;
	answer->data.reply = (struct sim_unit_reply){
		.session = request->session,
		.unit = request->unit,
		.has_body = request->unit > 0,
		.has_key = reply->has_key,
		.key = reply->key,
		.body = {.content = reply->content,
			.chunk = request->chunk,
			.length = reply->length,
			.cipher = reply->cipher},
	};
	return answer;
}

static void note_sent(
	struct sim_provider *p, const struct sim_message *message, const struct before *before)
{
	if (message->data.unit.unit == 0 || before->is_bound)
		return;
	note(p, SIM_NOTE_SERVED, message->from, &message->data.unit.session,
		message->data.unit.unit);
	p->node->tally.units_served++;
}

static souk_status take_unit(
	struct sim_provider *p, const struct sim_message *message, struct sim_message **ret)
{
	const struct souk_unit_request *request = &message->data.unit;
	const struct souk_agreement *agreement;
	struct souk_provider_reply reply;
	struct before before;
	struct souk_hash id;
	/* A ticket that cannot be kept must not be taken. */
	if (p->writes.status != SOUK_OK)
		return p->writes.status;
	SOUK_TRY(find_agreement(p, message, &id, &agreement));
	/* After a restart: whether a stored session's epoch is still open, the ledger says. */
	if (!p->provider.epoch_known)
		return SOUK_IO_TIMEOUT;
	before = look_at(p, request);
	/* Before anything is bound, or a ticket taken. */
	if (!has_asked(p, &before, request))
		return SOUK_LOCAL_NOT_HERE;
	SOUK_TRY(souk_provider_unit(&p->provider, &reply, request, sim_now(p->node)));
	count_payment(p, message, &before);
	/* What is sold must be what was agreed upon: the statement says so. */
	if (agreement != NULL && !souk_hash_equal(&reply.content, &agreement->terms))
		return SOUK_PEER_NO_AGREEMENT;
	struct sim_message *answer = make_reply(p, message, &reply);
	souk_status status = agreement != NULL ? add_statement(p, message, &id, answer) : SOUK_OK;
	if (status != SOUK_OK) {
		sim_message_free(p->node->world, answer);
		return status;
	}
	note_sent(p, message, &before);
	*ret = answer;
	return SOUK_OK;
}

static void answer_unit(struct sim_provider *p, const struct sim_message *message)
{
	struct sim_message *answer;
	souk_status status = take_unit(p, message, &answer);
	if (status == SOUK_OK)
		sim_send(p->node, answer);
	else
		refuse_unit(p, message, status);
}

/* ---------------------------------------------------------------- strips */

/* A strip, and what it is for. */
struct payment {
	struct souk_strip_open open;
	bool is_new;	   /* the session waits for it */
	bool is_sponsored; /* nobody asked: the session begins with it */
	struct souk_provider_item item;
	struct souk_hash secret;
	struct souk_escrow_record escrow;
	struct souk_allotment_record allotment;
};

/* Whether the session waits for PAYMENT, has it, or begins with it. */
static souk_status look_up_session(struct sim_provider *p, uint32_t from, struct payment *payment)
{
	const struct souk_strip *strip = &payment->open.strip;
	struct souk_hash escrow;
	uint64_t epoch;
	souk_status status = souk_provider_wants(&p->provider, &strip->nonce, &escrow, &epoch);
	payment->is_new = status == SOUK_OK;
	/* An open session may be sent its strip again, when the answer to it was lost. Nobody has
	 * us ask for money that the ask did not speak of. */
	if (status == SOUK_OK || status == SOUK_PEER_OUT_OF_ORDER)
		return souk_hash_equal(&escrow, &strip->escrow) && epoch == strip->epoch
			       ? SOUK_OK
			       : SOUK_PEER_STRIP_TERMS;
	if (status != SOUK_PEER_UNKNOWN_SESSION)
		return status;
	SOUK_TRY(sim_provider_find_promise(p, strip, &payment->item, &payment->secret));
	payment->item.from = from;
	payment->is_new = true;
	payment->is_sponsored = true;
	return may_ask(p, from) ? SOUK_OK : SOUK_LOCAL_FULL;
}

static void note_opened(struct sim_provider *p, uint32_t peer, const struct souk_strip_open *open)
{
	const struct sim_note said = {
		.kind = SIM_NOTE_OPENED,
		.peer = peer,
		.session = open->strip.nonce,
		.unit = open->strip.count,
		.amount = open->strip.price,
		.strip = open,
	};
	sim_note(p->node, &said);
}

static souk_status accept(struct sim_provider *p, const struct payment *payment)
{
	const struct souk_strip_open *open = &payment->open;
	struct souk_time now = sim_now(p->node);
	if (payment->is_sponsored)
		return souk_provider_open(&p->provider, open, &payment->item, &payment->allotment,
			&payment->escrow, now);
	return souk_provider_strip(
		&p->provider, &open->strip.nonce, open, &payment->allotment, &payment->escrow, now);
}

static souk_status take_strip(
	struct sim_provider *p, const struct sim_message *message, bool *ret_is_sponsored)
{
	struct payment payment = {0};
	const struct souk_strip *strip = &payment.open.strip;
	SOUK_TRY(souk_strip_open_decode(&payment.open, sim_message_bytes(message), NULL));
	SOUK_TRY(look_up_session(p, message->from, &payment));
	SOUK_TRY(sim_ledger_escrow(p->node, &strip->escrow, &payment.escrow));
	SOUK_TRY(sim_ledger_allotment(
		p->node, &strip->escrow, strip->epoch, strip->segment, &payment.allotment));
	SOUK_TRY(sim_provider_receipt_check(p, strip));
	SOUK_TRY(accept(p, &payment));
	if (souk_address_is_zero(&payment.open.leaf.provider))
		p->has_open_leaves = true;
	if (payment.is_new) {
		note_opened(p, message->from, &payment.open);
		p->node->tally.sessions++;
	}
	*ret_is_sponsored = payment.is_sponsored;
	return SOUK_OK;
}

/* A strip is durable before its answer leaves; but for that of a session which begins with it: that
 * is written with the next tickets. Where the unit that is asked for with it cannot be sent, it is
 * asked for again as any other: so a refusal is none of the strip. */
static void answer_strip(struct sim_provider *p, const struct sim_message *message)
{
	struct sim_message *answer = NULL;
	bool is_sponsored = false;
	souk_status status = take_strip(p, message, &is_sponsored);
	if (status != SOUK_OK) {
		sim_say(p->node, "refuses a strip of %u: %s", message->from,
			souk_status_name(status));
		/* A session may have been put away for it. */
		sim_provider_commit_soon(p);
		sim_provider_refuse(p, message, status);
		return;
	}
	if (message->data.unit.unit == 0 || take_unit(p, message, &answer) != SOUK_OK)
		answer = sim_provider_answer(p, message, 0);
	if (!is_sponsored) {
		sim_provider_hold(p, answer);
		return;
	}
	sim_provider_commit_soon(p);
	sim_send(p->node, answer);
}

/* ---------------------------------------------------------------- all kinds */

/* A receipt takes two commits of its own: it waits for the one that runs. */
static void answer_receipt(struct sim_provider *p, const struct sim_message *message)
{
	if (!p->writes.is_running) {
		sim_provider_receipt_message(p, message);
		return;
	}
	if (p->deferred_count == SIM_PROVIDER_WAITING) {
		sim_provider_refuse(p, message, SOUK_LOCAL_FULL);
		return;
	}
	struct sim_message *copy =
		sim_message_with(p->node->world, message->kind, message->to, message->size);
	if (message->size > 0)
		memcpy(copy->bytes, message->bytes, message->size);
	copy->from = message->from;
	copy->request = message->request;
	p->deferred[p->deferred_count++] = copy;
}

void sim_provider_message(struct sim_node *node, const struct sim_message *message)
{
	struct sim_provider *p = sim_provider_of(node);
	switch (message->kind) {
	case SIM_UNIT: answer_unit(p, message); break;
	case SIM_OFFERS: answer_offer(p, message); return;
	case SIM_AVAILABLE: answer_available(p, message); return;
	case SIM_ASK: answer_ask(p, message); break;
	case SIM_STRIP: answer_strip(p, message); break;
	case SIM_RECEIPT: answer_receipt(p, message); break;
	case SIM_AGREE:
		if (may_ask(p, message->from))
			sim_provider_agree_message(p, message);
		else
			sim_provider_refuse(p, message, SOUK_LOCAL_FULL);
		break;
	default: return;
	}
	if (p->wants_commit)
		sim_provider_pump(p);
	sim_provider_arm(p);
}
