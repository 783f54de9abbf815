/* SPDX-License-Identifier: Apache-2.0
 *
 * A key that was paid and withheld, under an agreement.
 *
 *   dropped, silent --> ask once more --key--> settled
 *                          | no answer
 *                          v
 *                       challenge --answered--> settled: the ledger has the key
 *                          | overdue
 *                          v
 *                       silence: the deposit is forfeit
 *
 * A challenge costs the bond where it is answered, and a bond is more than a window is worth: a
 * provider that feigns silence and answers on the ledger gains by every challenge. So customers of
 * the market only do it where the scenario says so (the knob `challenges`); and whoever is back by
 * then is asked first. What a grievance needs is written down, as souk get writes the question. */
#include <stdlib.h>
#include <string.h>

#include "customer.h"
#include "souk/content/judge.h"

/* No purchase has a call at this place. */
#define PLACE	  255u
#define FIRST_MS  3000u
#define ASK_TRIES 3u
#define TX_TRIES  4u
#define SLACK_MS  1000u

enum stage {
	STAGE_ASKING,
	STAGE_CHALLENGING, /* the transaction is sent when due */
	STAGE_CHALLENGED,  /* the ledger says more when due */
};

struct grievance {
	struct grievance *next;
	enum stage stage;
	uint32_t peer;
	uint32_t number; /* of the last request */
	uint32_t tries;
	struct souk_time due;
	struct souk_hash agreement;
	struct souk_hash secret; /* of the session */
	struct souk_hash key;	 /* k_keyed */
	uint32_t keyed;
	uint32_t unit; /* whose key is owed */
	struct souk_unit_request request;
	uint16_t size;
	uint8_t question[SOUK_CONTENT_QUESTION_SIZE_MAX];
};

/* ---------------------------------------------------------------- where they come from */

/* The statement of the highest unit that is paid and not opened. */
static const struct souk_signed_unit *find_withheld(
	const struct purchase *p, struct souk_customer *customer)
{
	const struct souk_signed_unit *found = NULL;
	struct souk_hash grant = souk_grant_digest(&customer->grant);
	for (uint32_t i = 0; i < p->slot_count; i++) {
		const struct souk_signed_unit *unit = &p->statements[i];
		uint32_t j = unit->statement.unit;
		if (j > customer->keyed && j <= customer->payer.unit &&
			souk_hash_equal(&unit->statement.grant, &grant) &&
			(found == NULL || j > found->statement.unit))
			found = unit;
	}
	return found;
}

static struct souk_unit_request request_for(struct souk_customer *customer)
{
	struct souk_unit_request request = {.session = customer->grant.session};
	request.has_ticket = souk_payer_last(&request.ticket, &customer->payer);
	request.auth = souk_unit_request_auth(&customer->session_secret, &request);
	return request;
}

void customer_note_withheld(struct sim_node *node, uint32_t number, souk_status status)
{
	struct customer *c = customer_of(node);
	const struct purchase *p = c->purchase;
	const struct seat *seat = &p->seats[number];
	struct souk_customer *customer = seat->customer;
	struct souk_ticket ticket;
	/* Who was caught in a lie gave its keys: there is nothing to demand. */
	bool withholds = status == SOUK_PEER_SILENT || status == SOUK_PEER_UNPAID ||
			 status == SOUK_PEER_UNKNOWN_SESSION ||
			 souk_status_class(status) == SOUK_CLASS_IO;
	if (!c->challenges || p->statements == NULL || !seat->is_accountable || !withholds)
		return;
	const struct souk_signed_unit *found = find_withheld(p, customer);
	if (found == NULL ||
		souk_payer_reissue(&ticket, &customer->payer, found->statement.unit) != SOUK_OK)
		return;
	struct souk_content_question question = {
		.grant = customer->grant, .unit = *found, .ticket = ticket.value};
	struct souk_writer writer;
	struct grievance *grievance = sim_alloc(sizeof *grievance);
	souk_writer_init(&writer, grievance->question, sizeof grievance->question);
	souk_content_question_encode(&writer, &question);
	grievance->size = (uint16_t)writer.size;
	grievance->stage = STAGE_ASKING;
	grievance->peer = seat->peer;
	grievance->due = souk_time_plus_ms(sim_now(node), FIRST_MS);
	grievance->agreement = seat->agreement;
	grievance->secret = customer->session_secret;
	grievance->key = customer->key;
	grievance->keyed = customer->keyed;
	grievance->unit = found->statement.unit;
	grievance->request = request_for(customer);
	grievance->next = c->grievances;
	c->grievances = grievance;
	sim_say(node, "misses the key of unit %u of %u", grievance->unit, grievance->peer);
}

/* ---------------------------------------------------------------- what becomes of them */

static void settle(struct customer *c, struct grievance *grievance)
{
	struct grievance **at = &c->grievances;
	while (*at != grievance)
		at = &(*at)->next;
	*at = grievance->next;
	free(grievance);
}

static void ask(struct sim_node *node, struct grievance *g)
{
	struct sim_message *message = sim_message_new(node->world, SIM_UNIT, g->peer);
	message->data.unit = g->request;
	message->request = g->number = ++customer_of(node)->serial << 8 | PLACE;
	g->due = souk_time_plus_ms(sim_now(node), FIRST_MS);
	sim_send(node, message);
}

static void challenge(struct sim_node *node, struct grievance *g)
{
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_CHALLENGE;
	body->challenge.agreement = g->agreement;
	body->challenge.question.size = g->size;
	memcpy(body->challenge.question.data, g->question, g->size);
	sim_say(node, "challenges %u for the key of unit %u", g->peer, g->unit);
	g->stage = STAGE_CHALLENGED;
	g->due = souk_time_plus_ms(sim_now(node), FIRST_MS);
	sim_ledger_submit(node, body, TOKEN_CHALLENGE);
	free(body);
}

/* The challenge waits; its answer may be overdue. */
static void press(
	struct sim_node *node, struct grievance *g, const struct souk_agreement_record *record)
{
	struct souk_time late = souk_time_plus_ms(record->due, SLACK_MS);
	if (souk_time_is_before(sim_now(node), late)) {
		g->due = late;
		return;
	}
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_SILENCE;
	body->silence.agreement = g->agreement;
	sim_say(node, "says that %u is silent", g->peer);
	g->due = souk_time_plus_ms(sim_now(node), FIRST_MS);
	sim_ledger_submit(node, body, TOKEN_SILENCE);
	free(body);
}

/* False where it is settled, one way or the other. */
static bool look_at(struct sim_node *node, struct grievance *g)
{
	struct souk_agreement_record record;
	souk_status status = sim_ledger_agreement(node, &g->agreement, &record);
	bool is_ours = status == SOUK_OK && record.challenged &&
		       souk_address_equal(&record.challenger, &node->identity.address);
	if (souk_status_class(status) == SOUK_CLASS_IO) {
		g->due = souk_time_plus_ms(sim_now(node), FIRST_MS);
		return true;
	}
	if (status != SOUK_OK || record.convicted)
		return false;
	if (is_ours) {
		press(node, g, &record);
		return true;
	}
	/* Answered, or it never came to the ledger, which its result would have said. */
	if (g->stage == STAGE_CHALLENGED)
		return false;
	challenge(node, g);
	return true;
}

static bool advance(struct sim_node *node, struct grievance *g)
{
	if (g->stage == STAGE_ASKING && g->tries++ < ASK_TRIES) {
		ask(node, g);
		return true;
	}
	if (g->stage == STAGE_ASKING) {
		g->stage = STAGE_CHALLENGING;
		g->tries = 0;
	}
	return look_at(node, g);
}

struct souk_time customer_grievance_due(const struct customer *c)
{
	struct souk_time due = SOUK_TIME_NEVER;
	for (const struct grievance *g = c->grievances; g != NULL; g = g->next)
		due = souk_time_earlier(due, g->due);
	return due;
}

void customer_grievance_timer(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct souk_time now = sim_now(node);
	for (struct grievance *g = c->grievances, *next; g != NULL; g = next) {
		next = g->next;
		if (!souk_time_is_before(now, g->due) && !advance(node, g))
			settle(c, g);
	}
}

/* Whether KEY is one that opens what was paid. */
static bool is_owed(const struct grievance *g, const struct souk_unit_key *key)
{
	if (key->unit < g->unit || key->unit > g->request.ticket.unit)
		return false;
	struct souk_hash value = souk_unit_key_mask(&g->secret, key->unit, &key->masked);
	value = souk_chain_walk(
		souk_chain_tag_key, &g->request.session, key->unit, &value, g->keyed);
	return souk_hash_equal(&value, &g->key);
}

void customer_grievance_message(struct sim_node *node, const struct sim_message *message)
{
	struct customer *c = customer_of(node);
	if (message->kind != SIM_UNIT_REPLY || message->status != SOUK_OK)
		return;
	for (struct grievance *g = c->grievances; g != NULL; g = g->next) {
		if (g->number != message->request || g->peer != message->from ||
			!message->data.reply.has_key || !is_owed(g, &message->data.reply.key))
			continue;
		sim_say(node, "has the key of unit %u of %u", g->unit, g->peer);
		settle(c, g);
		return;
	}
}

void customer_grievance_told(struct sim_node *node, uint64_t token, souk_status status)
{
	static const char *const names[] = {"accusation", "challenge", "word on silence"};
	sim_say(node, "its %s: %s", names[(token & 255) - TOKEN_ACCUSE], souk_status_name(status));
	if ((token & 255) != TOKEN_CHALLENGE || status == SOUK_OK)
		return;
	/* Which one was refused is not said: all that have no challenge on the ledger try again. */
	for (struct grievance *g = customer_of(node)->grievances; g != NULL; g = g->next) {
		if (g->stage == STAGE_CHALLENGED && g->tries++ < TX_TRIES)
			g->stage = STAGE_CHALLENGING;
	}
}

void customer_grievance_free(struct customer *c)
{
	while (c->grievances != NULL)
		settle(c, c->grievances);
	free(c->deals);
}
