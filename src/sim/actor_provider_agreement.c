/* SPDX-License-Identifier: Apache-2.0
 *
 * Agreements that a provider's deposits answer for; see src/daemon/provider_agreements.c.
 *
 * The daemon asks the ledger for all agreements of its address, page by page. Here the person
 * remembers their ids, from before the transaction is sent: so a crash forgets none of them. */
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "souk/base/check.h"

#define LIFE_MAX_MS (30ull * 24 * 3600 * 1000)
/* An answer this much later than due is not tried any more. */
#define ANSWER_LATE_MS 60000u
/* The ledger's clock may be behind ours. */
#define END_SLACK_MS 1000u

static bool is_free(const struct sim_provider_agreement *entry)
{
	return souk_hash_is_zero(&entry->id);
}

static struct sim_provider_agreement *find(const struct sim_provider *p, const struct souk_hash *id)
{
	for (uint32_t i = 0; i < p->agreement_count; i++) {
		if (souk_hash_equal(&p->agreements[i].id, id))
			return &p->agreements[i];
	}
	return NULL;
}

/* Entries never move while a transaction about one of them is under way. */
static struct sim_provider_agreement *add(struct sim_provider *p)
{
	static const struct souk_hash nobodys = {{0}};
	struct sim_provider_agreement *entry = find(p, &nobodys);
	if (entry != NULL)
		return entry;
	if (p->agreement_count == p->agreement_max) {
		p->agreement_max = p->agreement_max == 0 ? 16 : 2 * p->agreement_max;
		struct sim_provider_agreement *grown =
			realloc(p->agreements, p->agreement_max * sizeof *grown);
		SOUK_CHECK(grown != NULL);
		p->agreements = grown;
	}
	entry = &p->agreements[p->agreement_count++];
	return entry;
}

souk_status sim_provider_agreement_find(
	const struct sim_provider *p, const struct souk_hash *id, const struct souk_agreement **ret)
{
	const struct sim_provider_agreement *entry = find(p, id);
	if (entry == NULL || is_free(entry) || !entry->is_known)
		return SOUK_PEER_NO_AGREEMENT;
	bool runs = !entry->is_convicted &&
		    souk_time_is_before(sim_now(p->node), entry->agreement.ends);
	*ret = &entry->agreement;
	return runs ? SOUK_OK : SOUK_PEER_AGREEMENT_OVER;
}

/* ---------------------------------------------------------------- entering into one */

/* Whether the policy allows it. */
static bool is_welcome(struct sim_provider *p, const struct souk_agreement *agreement)
{
	const struct sim_scenario *scenario = sim_world_scenario(p->node->world);
	struct souk_amount window;
	/* What a challenge has to cost at least: a customer that did not pay on could ask for the
	 * last key of a window with one. */
	if (souk_amount_mul(&window, p->price, scenario->window) != SOUK_OK ||
		souk_amount_is_less(agreement->bond, window))
		return false;
	return scenario->agreements != 0 && agreement->service == SOUK_SERVICE_CONTENT &&
	       agreement->deposit.ncoin <= scenario->deposit &&
	       souk_time_since_ms(sim_now(p->node), agreement->ends) <= LIFE_MAX_MS &&
	       agreement->respond_ms >= scenario->respond_ms &&
	       agreement->respond_ms <= LIFE_MAX_MS;
}

static bool sells(const struct sim_provider *p, const struct souk_hash *content)
{
	uint32_t number = sim_contents_find(sim_world_contents(p->node->world), content);
	return number != UINT32_MAX && sim_provider_stocks(p, number);
}

static souk_status check(struct sim_provider *p, const struct souk_signed_agreement *proposed)
{
	const struct souk_agreement *agreement = &proposed->agreement;
	struct souk_hash id = souk_agreement_digest(agreement);
	if (!souk_address_equal(&agreement->provider, &p->node->identity.address))
		return SOUK_PEER_BAD_REQUEST;
	/* Before it costs anything: only for who signed it. */
	SOUK_TRY(souk_ecdsa_verify(&agreement->customer, &id, &proposed->signature));
	if (!is_welcome(p, agreement))
		return SOUK_PEER_AGREEMENT_TERMS;
	return sells(p, &agreement->terms) ? SOUK_OK : SOUK_PEER_UNKNOWN_CONTENT;
}

static bool find_waiting(const struct sim_provider *p, uint32_t *ret)
{
	for (uint32_t i = 0; i < SIM_PROVIDER_WAITING; i++) {
		if (p->agreeing[i] == NULL) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static souk_status enter(struct sim_provider *p, const struct sim_message *message)
{
	struct souk_signed_agreement proposed;
	uint32_t slot;
	SOUK_TRY(souk_signed_agreement_decode(&proposed, sim_message_bytes(message), NULL));
	SOUK_TRY(check(p, &proposed));
	if (!find_waiting(p, &slot))
		return SOUK_LOCAL_FULL;
	struct souk_hash id = souk_agreement_digest(&proposed.agreement);
	if (find(p, &id) == NULL)
		*add(p) =
			(struct sim_provider_agreement){.id = id, .agreement = proposed.agreement};
	p->agreeing[slot] = sim_provider_answer(p, message, 0);
	p->agreeing_ids[slot] = id;
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_AGREE;
	body->agree.agreement = proposed;
	sim_ledger_submit(p->node, body, sim_provider_token(p, SIM_PROVIDER_AGREE, slot));
	free(body);
	return SOUK_OK;
}

void sim_provider_agree_message(struct sim_provider *p, const struct sim_message *message)
{
	souk_status status = enter(p, message);
	if (status != SOUK_OK)
		sim_provider_refuse(p, message, status);
}

void sim_provider_agreed(struct sim_provider *p, uint32_t slot, souk_status status)
{
	struct sim_provider_agreement *entry = find(p, &p->agreeing_ids[slot]);
	struct sim_message *answer = p->agreeing[slot];
	/* The answer to an earlier request may have been lost. */
	if (status == SOUK_PEER_AGREEMENT_EXISTS)
		status = SOUK_OK;
	sim_say(p->node, "enters into an agreement: %s", souk_status_name(status));
	if (entry != NULL && status == SOUK_OK)
		entry->is_known = true;
	else if (entry != NULL && !entry->is_known && souk_status_class(status) == SOUK_CLASS_PEER)
		*entry = (struct sim_provider_agreement){.is_known = false};
	p->agreeing[slot] = NULL;
	answer->status = status;
	sim_send(p->node, answer);
}

/* ---------------------------------------------------------------- following the ledger */

/* The key that a challenge asks for, from the record of its session. */
static souk_status make_answer(struct sim_provider *p,
	const struct souk_agreement_record *challenged, struct souk_tx_answer *ret)
{
	struct souk_content_question question;
	struct souk_content_answer given;
	struct souk_writer writer;
	SOUK_TRY(souk_content_question_decode(&question,
		souk_bytes_of(challenged->question.data, challenged->question.size), NULL));
	SOUK_TRY(sim_provider_record(p, &question.grant.session, p->record));
	SOUK_TRY(souk_content_answer(&given, &question, p->record, p->keys));
	souk_writer_init(&writer, ret->answer.data, sizeof ret->answer.data);
	souk_content_answer_encode(&writer, &given);
	SOUK_CHECK(!writer.full);
	ret->answer.size = (uint16_t)writer.size;
	return SOUK_OK;
}

static void submit(struct sim_provider *p, struct sim_provider_agreement *entry,
	const struct souk_tx_body *body, enum sim_provider_token kind)
{
	entry->is_answering = true;
	sim_ledger_submit(
		p->node, body, sim_provider_token(p, kind, (uint64_t)(entry - p->agreements)));
}

static void answer_challenge(struct sim_provider *p, struct sim_provider_agreement *entry,
	const struct souk_agreement_record *record)
{
	struct souk_time last = souk_time_plus_ms(record->due, ANSWER_LATE_MS);
	if (!souk_time_is_before(sim_now(p->node), last))
		return;
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_ANSWER;
	body->answer.agreement = entry->id;
	souk_status status = make_answer(p, record, &body->answer);
	sim_say(p->node, "answers a challenge: %s", souk_status_name(status));
	if (status == SOUK_OK)
		submit(p, entry, body, SIM_PROVIDER_ANSWER);
	free(body);
}

static void take_back(struct sim_provider *p, struct sim_provider_agreement *entry)
{
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_AGREEMENT_END;
	body->agreement_end.agreement = entry->id;
	submit(p, entry, body, SIM_PROVIDER_END);
	free(body);
}

static void poll_one(struct sim_provider *p, struct sim_provider_agreement *entry)
{
	struct souk_agreement_record record;
	const struct souk_agreement *agreement = &entry->agreement;
	struct souk_time over = souk_time_plus_ms(agreement->ends, agreement->respond_ms);
	bool is_over = souk_time_is_before(souk_time_plus_ms(over, END_SLACK_MS), sim_now(p->node));
	souk_status status = sim_ledger_agreement(p->node, &entry->id, &record);
	if (status == SOUK_PEER_NO_AGREEMENT && is_over) {
		*entry = (struct sim_provider_agreement){.is_known = false};
		return;
	}
	if (status != SOUK_OK)
		return;
	entry->is_known = true;
	entry->is_convicted = record.convicted;
	if (record.challenged)
		answer_challenge(p, entry, &record);
	else if (is_over && !record.convicted)
		take_back(p, entry);
	else if (is_over)
		*entry = (struct sim_provider_agreement){.is_known = false};
}

void sim_provider_agreements_poll(struct sim_provider *p)
{
	for (uint32_t i = 0; i < p->agreement_count; i++) {
		struct sim_provider_agreement *entry = &p->agreements[i];
		if (!is_free(entry) && !entry->is_answering)
			poll_one(p, entry);
	}
	while (p->agreement_count > 0 && is_free(&p->agreements[p->agreement_count - 1]))
		p->agreement_count--;
}

void sim_provider_answered(struct sim_provider *p, uint32_t index, souk_status status)
{
	sim_say(p->node, "answered a challenge: %s", souk_status_name(status));
	p->agreements[index].is_answering = false;
}

void sim_provider_agreement_ended(struct sim_provider *p, uint32_t index, souk_status status)
{
	struct sim_provider_agreement *entry = &p->agreements[index];
	sim_say(p->node, "takes back a deposit: %s", souk_status_name(status));
	entry->is_answering = false;
	if (status == SOUK_OK)
		*entry = (struct sim_provider_agreement){.is_known = false};
}

/* ---------------------------------------------------------------- statements */

void sim_provider_statement_sign(struct sim_provider *p, struct souk_unit_statement *statement,
	const struct souk_hash *agreement, struct sim_message *reply)
{
	const struct sim_body *body = &reply->data.reply.body;
	struct souk_signed_unit unit;
	uint8_t *cipher = sim_alloc(body->length);
	sim_contents_body(sim_world_contents(p->node->world), body, cipher);
	statement->agreement = *agreement;
	statement->cipher_root = souk_content_cipher_root(souk_bytes_of(cipher, body->length));
	free(cipher);
	unit.statement = *statement;
	souk_content_statement_sign(&unit, &p->node->identity);
	free(reply->bytes);
	reply->bytes = sim_alloc(SOUK_SIGNED_UNIT_SIZE_MAX);
	reply->size = SOUK_SIGNED_UNIT_SIZE_MAX;
	SIM_PROVIDER_ENCODE(signed_unit, reply, &unit);
}

void sim_provider_restate(struct sim_provider *p, struct sim_message *reply)
{
	struct souk_signed_unit unit;
	if (reply->size == 0 ||
		souk_signed_unit_decode(&unit, sim_message_bytes(reply), NULL) != SOUK_OK)
		return;
	const struct souk_hash agreement = unit.statement.agreement;
	sim_provider_statement_sign(p, &unit.statement, &agreement, reply);
}
