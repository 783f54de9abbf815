/* SPDX-License-Identifier: Apache-2.0
 *
 * Buying under agreements: each provider is asked to stand up for what it sells before anything is
 * bought of it, and statements are checked before anything is paid. Who will not is not bought
 * from.
 *
 * Evidence needs the right bytes beside the wrong ones: an accusation waits for the end of the
 * purchase, when another provider has sold that chunk. What was paid and never opened is another
 * matter: customer_grievance.c. */
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "customer.h"
#include "souk/content/judge.h"

/* An agreement that ends sooner is not begun with. */
#define LEAST_MS 20000u
#define LIFE_MS	 120000u

/* A unit that was wrong: everything that evidence needs, as it was when it came. */
struct suspect {
	struct suspect *next;
	struct souk_ask ask;
	struct souk_grant grant;
	struct souk_signed_unit unit;
	struct souk_hash key;
	struct souk_hash key_leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	struct sim_body body;
};

static bool has_agreements(const struct sim_node *node)
{
	const struct sim_contents *contents = sim_world_contents(node->world);
	return sim_world_scenario(node->world)->agreements != 0 &&
	       customer_of(node)->hub == CUSTOMER_NONE && sim_contents_are_real(contents);
}

/* ---------------------------------------------------------------- entering into them */

/* What an accuser puts up: at least what a challenge can be worth to who makes it. */
uint64_t customer_bond(const struct sim_scenario *s)
{
	uint64_t window = s->window * s->price * 2;
	return s->bond > window ? s->bond : window;
}

static struct souk_agreement terms_for(struct sim_node *node, const struct seat *seat)
{
	const struct sim_scenario *s = sim_world_scenario(node->world);
	const struct souk_genesis *genesis = sim_ledger_genesis(sim_world_ledger(node->world));
	struct souk_agreement agreement = {
		.version = 1,
		.ledger = souk_genesis_digest(genesis),
		.service = SOUK_SERVICE_CONTENT,
		.provider = seat->offer.provider,
		.customer = node->identity.address,
		.terms = seat->offer.content,
		.deposit = souk_amount_of_ncoin(s->deposit),
		.bond = souk_amount_of_ncoin(customer_bond(s)),
		.victim_permille = (uint16_t)s->victim_permille,
		.reporter_permille = (uint16_t)s->reporter_permille,
		.respond_ms = s->respond_ms,
		.ends = souk_time_plus_ms(sim_now(node), LIFE_MS),
	};
	souk_rng_fill(&node->rng, agreement.nonce.bytes, sizeof agreement.nonce.bytes);
	return agreement;
}

/* One from an earlier try that still runs. */
static bool find_known(struct sim_node *node, struct seat *seat)
{
	struct customer *c = customer_of(node);
	struct souk_time least = souk_time_plus_ms(sim_now(node), LEAST_MS);
	for (uint32_t i = 0; c->deals != NULL && i < CUSTOMER_DEALS; i++) {
		const struct deal *deal = &c->deals[i];
		struct souk_agreement_record record;
		if (deal->peer != seat->peer || deal->content != c->want ||
			souk_time_is_before(deal->ends, least) ||
			sim_ledger_agreement(node, &deal->id, &record) != SOUK_OK ||
			record.convicted)
			continue;
		seat->agreement = deal->id;
		seat->agreement_ends = deal->ends;
		seat->is_accountable = true;
		return true;
	}
	return false;
}

static void remember(struct sim_node *node, const struct seat *seat)
{
	struct customer *c = customer_of(node);
	if (c->deals == NULL)
		c->deals = sim_alloc(CUSTOMER_DEALS * sizeof *c->deals);
	c->deals[c->deal_next++ % CUSTOMER_DEALS] = (struct deal){
		.peer = seat->peer,
		.content = c->want,
		.id = seat->agreement,
		.ends = seat->agreement_ends,
	};
}

static void propose(struct sim_node *node, uint32_t number)
{
	const struct sim_scenario *s = sim_world_scenario(node->world);
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	struct souk_signed_agreement proposed = {.agreement = terms_for(node, seat)};
	struct souk_writer writer;
	seat->agreement = souk_agreement_digest(&proposed.agreement);
	seat->agreement_ends = proposed.agreement.ends;
	souk_ecdsa_sign(&proposed.signature, &seat->agreement, &node->identity);
	struct sim_message *message = sim_message_with(
		node->world, SIM_AGREE, seat->peer, SOUK_SIGNED_AGREEMENT_SIZE_MAX);
	souk_writer_init(&writer, message->bytes, message->size);
	souk_signed_agreement_encode(&writer, &proposed);
	message->size = (uint32_t)writer.size;
	seat->step = SEAT_AGREEING;
	uint64_t ms = p->control_ms + 2 * s->block_ms * (s->confirmations + 1);
	customer_call(node, call_place(p, number, LINE_CONTROL), message, (uint32_t)ms, 0);
}

bool customer_agree(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	bool is_waiting = false;
	if (!has_agreements(node))
		return false;
	p->statements = sim_alloc(p->slot_count * sizeof *p->statements);
	for (uint32_t i = 0; i < p->seat_count; i++) {
		if (find_known(node, &p->seats[i]))
			continue;
		propose(node, i);
		is_waiting = true;
	}
	return is_waiting;
}

/* The ledger has it: the provider's word alone is worth nothing. */
static souk_status check_agreement(struct sim_node *node, const struct seat *seat)
{
	struct souk_agreement_record record;
	return sim_ledger_agreement(node, &seat->agreement, &record);
}

void customer_agree_reply(struct sim_node *node, uint32_t number, souk_status status)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	customer_call_end(p, call_place(p, number, LINE_CONTROL));
	if (status == SOUK_OK)
		status = check_agreement(node, seat);
	seat->is_accountable = status == SOUK_OK;
	seat->step = status == SOUK_OK ? SEAT_IDLE : SEAT_FREE;
	if (status == SOUK_OK)
		remember(node, seat);
	else
		p->status = status;
	for (uint32_t i = 0; i < p->seat_count; i++) {
		if (p->seats[i].step == SEAT_AGREEING)
			return;
	}
	customer_purchase_pay(node);
}

bool customer_is_accountable(struct sim_node *node, uint32_t number)
{
	const struct seat *seat = &customer_of(node)->purchase->seats[number];
	return seat->is_accountable && souk_time_is_before(sim_now(node), seat->agreement_ends);
}

/* ---------------------------------------------------------------- statements */

static souk_status check_statement(struct sim_node *node, uint32_t slot,
	const struct sim_message *message, struct souk_signed_unit *ret)
{
	struct purchase *p = customer_of(node)->purchase;
	const struct souk_download_slot *s = &p->download.slots[slot];
	struct seat *seat = &p->seats[s->provider];
	const struct sim_body *body = &message->data.reply.body;
	if (souk_signed_unit_decode(ret, sim_message_bytes(message), NULL) != SOUK_OK)
		return SOUK_PEER_BAD_STATEMENT;
	uint8_t *cipher = sim_alloc(body->length);
	sim_contents_body(sim_world_contents(node->world), body, cipher);
	souk_status status =
		souk_content_statement_check(ret, &seat->agreement, &seat->customer->grant, s->unit,
			&p->download.config.content, s->chunk, souk_bytes_of(cipher, body->length));
	free(cipher);
	SOUK_TRY(status);
	return souk_content_statement_check_paid(&ret->statement, &seat->customer->payer);
}

souk_status customer_statement_check(
	struct sim_node *node, uint32_t slot, const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	if (p->statements == NULL)
		return SOUK_OK;
	memset(&p->statements[slot], 0, sizeof p->statements[slot]);
	/* What was asked for, when it was asked, carried the agreement's name. */
	if (p->download.slots[slot].orphan || !p->asked_under[slot])
		return SOUK_OK;
	struct souk_signed_unit unit;
	SOUK_TRY(check_statement(node, slot, message, &unit));
	p->statements[slot] = unit;
	return SOUK_OK;
}

/* ---------------------------------------------------------------- wrong units */

void customer_suspect(struct sim_node *node, uint32_t slot)
{
	struct purchase *p = customer_of(node)->purchase;
	const struct seat *seat = &p->seats[p->download.slots[slot].provider];
	const struct souk_customer *customer = seat->customer;
	if (p->statements == NULL || p->statements[slot].statement.unit == 0)
		return;
	struct suspect *suspect = sim_alloc(sizeof *suspect);
	suspect->ask = customer->ask;
	suspect->grant = customer->grant;
	suspect->unit = p->statements[slot];
	suspect->body = p->bodies[slot];
	memcpy(suspect->key_leaves, customer->key_leaves, sizeof suspect->key_leaves);
	if (souk_customer_unit_key(customer, &suspect->key, suspect->unit.statement.unit) !=
		SOUK_OK) {
		free(suspect);
		return;
	}
	suspect->next = p->suspects;
	p->suspects = suspect;
}

static souk_status make_evidence(
	struct sim_node *node, const struct suspect *suspect, struct souk_content_evidence *ret)
{
	const struct purchase *p = customer_of(node)->purchase;
	const struct sim_contents *contents = sim_world_contents(node->world);
	uint32_t chunk = suspect->unit.statement.chunk, length = suspect->body.length;
	uint8_t *cipher = sim_alloc(length), *plain = sim_alloc(length);
	struct souk_hash *scratch = sim_alloc(p->units * sizeof *scratch);
	sim_contents_body(contents, &suspect->body, cipher);
	sim_contents_chunk(contents, p->content, chunk, plain);
	const struct souk_content_case about = {
		.ask = &suspect->ask,
		.grant = &suspect->grant,
		.unit = &suspect->unit,
		.key = &suspect->key,
		.key_leaves = suspect->key_leaves,
		.cipher = souk_bytes_of(cipher, length),
		.chunk = souk_bytes_of(plain, length),
		.row = sim_contents_row(contents, p->content),
		.scratch = scratch,
	};
	souk_status status = souk_content_accuse(ret, &about);
	free(cipher);
	free(plain);
	free(scratch);
	return status;
}

static void accuse(struct sim_node *node, const struct suspect *suspect)
{
	struct souk_content_evidence *evidence = sim_alloc(sizeof *evidence);
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	struct souk_writer writer;
	souk_status status = make_evidence(node, suspect, evidence);
	body->kind = SOUK_TX_BODY_ACCUSE;
	body->accuse.agreement = suspect->unit.statement.agreement;
	body->accuse.fault = SOUK_CONTENT_FAULT_UNIT;
	souk_writer_init(&writer, body->accuse.evidence.data, sizeof body->accuse.evidence.data);
	souk_content_evidence_encode(&writer, evidence);
	body->accuse.evidence.size = (uint16_t)writer.size;
	sim_say(node, "accuses for chunk %u: %s", suspect->unit.statement.chunk,
		souk_status_name(status));
	if (status == SOUK_OK && !writer.full)
		sim_ledger_submit(node, body, TOKEN_ACCUSE);
	free(body);
	free(evidence);
}

/* One conviction is all there is to be had of an agreement. */
static bool is_accused(const struct purchase *p, const struct suspect *suspect)
{
	for (const struct suspect *s = p->suspects; s != suspect; s = s->next) {
		if (souk_hash_equal(
			    &s->unit.statement.agreement, &suspect->unit.statement.agreement) &&
			souk_bitmap_get(&p->download.done, s->unit.statement.chunk))
			return true;
	}
	return false;
}

void customer_accuse(struct sim_node *node)
{
	const struct purchase *p = customer_of(node)->purchase;
	for (const struct suspect *s = p->suspects; s != NULL; s = s->next) {
		bool is_sold = souk_bitmap_get(&p->download.done, s->unit.statement.chunk);
		if (is_sold && !is_accused(p, s))
			accuse(node, s);
	}
}

void customer_agreement_free(struct purchase *p)
{
	while (p->suspects != NULL) {
		struct suspect *next = p->suspects->next;
		free(p->suspects);
		p->suspects = next;
	}
	free(p->statements);
}
