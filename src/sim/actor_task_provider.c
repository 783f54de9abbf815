/* SPDX-License-Identifier: Apache-2.0
 *
 * Who does tasks: `task-provider` does them; `task-cheat` signs that it did. One deposit for each
 * customer, and a new one after each conviction.
 *
 * An accomplice is a second account of the cheat. It accuses the cheat with evidence that the
 * customer has to show first, for the reporter's part; or stands in the agreement as the customer
 * as well, where whoever audits does not mind, for the victim's part. */
#include <stdlib.h>
#include <string.h>

#include "actors.h"
#include "ledger.h"
#include "scenario.h"
#include "souk/base/check.h"
#include "task.h"

#define END_SLACK_MS 1000u
/* Money that one party can be given: a thousandth of all that can be. */
#define FUNDS_MAX 10000000000000000ull

enum { KNOB_SHARE, KNOB_ACCOMPLICE };
enum { ALONE, ACCUSES, IS_VICTIM };

static const struct sim_knob cheat_knobs[] = {
	{"cheated", SIM_PPM_ALL, 0, SIM_PPM_ALL, "share of the tasks that it cheats, in ppm"},
	{"accomplice", 0, 0, IS_VICTIM, "1: accuses it before others do; 2: and is the victim"},
	{NULL, 0, 0, 0, NULL},
};

struct deal {
	uint32_t customer;
	uint32_t request; /* that asked for the agreement */
	bool is_asked;	  /* the ledger has not answered yet */
	bool is_open;
	uint64_t done; /* tasks up to here are counted */
	struct souk_hash id;
	struct souk_signed_agreement agreement;
};

struct task_provider {
	bool is_cheat;
	uint64_t cheated_ppm;
	uint64_t accomplice;
	uint8_t seed[32];
	struct souk_identity friend_identity;
	struct deal *deals;
	uint32_t count;
	uint32_t room;
	struct souk_tx_body body;
};

enum { TOKEN_AGREE, TOKEN_END, TOKEN_OTHER };

static uint64_t token_of(unsigned kind, uint32_t deal)
{
	return (uint64_t)deal << 4 | kind;
}

/* ---------------------------------------------------------------- making */

static uint64_t count_of(struct sim_world *world, bool providers, uint64_t *ret_tasks)
{
	const struct sim_scenario *scenario = sim_world_scenario(world);
	uint64_t count = 0;
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		const struct sim_population *population = &scenario->populations[i];
		const struct sim_actor *actor = sim_actor_find(population->actor);
		if (providers ? !sim_task_is_provider(actor) : actor != &sim_task_customer_actor)
			continue;
		count += population->count;
		if (population->downloads > *ret_tasks)
			*ret_tasks = population->downloads;
	}
	return count;
}

/* A deposit for each audit there may be, and what stands when the market ends. */
static uint64_t funds_for(struct sim_world *world)
{
	const struct sim_scenario *scenario = sim_world_scenario(world);
	uint64_t tasks = 0, none = 0;
	uint64_t customers = count_of(world, false, &tasks);
	uint64_t providers = count_of(world, true, &none);
	uint64_t each = (customers + providers - 1) / providers;
	uint64_t deposits = each * (sim_task_audits(scenario, tasks) + 2);
	if (scenario->deposit > FUNDS_MAX / (deposits + 1))
		return FUNDS_MAX;
	return deposits * scenario->deposit + 4 * scenario->bond;
}

static void make(struct sim_node *node, const struct sim_population *population)
{
	struct task_provider *self = sim_alloc(sizeof *self);
	struct souk_seckey seckey;
	node->state = self;
	sim_seed(node, self->seed);
	sim_seed(node, seckey.bytes);
	SOUK_CHECK(souk_identity_of(&self->friend_identity, &seckey) == SOUK_OK);
	self->is_cheat = node->actor == &sim_task_cheat_actor;
	if (self->is_cheat) {
		self->cheated_ppm = population->knobs[KNOB_SHARE];
		self->accomplice = population->knobs[KNOB_ACCOMPLICE];
	}
	uint64_t funds = population->funds > 0 ? population->funds : funds_for(node->world);
	sim_ledger_fund(node, souk_amount_of_ncoin(funds));
}

static void transfer_to_friend(struct sim_node *node)
{
	struct task_provider *self = node->state;
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_TRANSFER};
	self->body.transfer.to = self->friend_identity.address;
	self->body.transfer.amount.ncoin = 2 * sim_world_scenario(node->world)->bond;
	sim_ledger_submit(node, &self->body, token_of(TOKEN_OTHER, 0));
}

static void start(struct sim_node *node)
{
	struct task_provider *self = node->state;
	if (self->accomplice != ALONE && node->incarnation == 0)
		transfer_to_friend(node);
}

/* ---------------------------------------------------------------- agreements */

static struct deal *deal_with(struct task_provider *self, uint32_t customer)
{
	for (uint32_t i = 0; i < self->count; i++) {
		if (self->deals[i].customer == customer)
			return &self->deals[i];
	}
	if (self->count == self->room) {
		self->room = self->room == 0 ? 8 : 2 * self->room;
		self->deals = realloc(self->deals, self->room * sizeof *self->deals);
		SOUK_CHECK(self->deals != NULL);
	}
	struct deal *deal = &self->deals[self->count++];
	memset(deal, 0, sizeof *deal);
	deal->customer = customer;
	return deal;
}

static void answer_agree(struct sim_node *node, const struct deal *deal, souk_status status)
{
	struct sim_message *reply = sim_message_with(node->world, SIM_AGREE_REPLY, deal->customer,
		status == SOUK_OK ? SOUK_SIGNED_AGREEMENT_SIZE_MAX : 0);
	struct souk_writer writer;
	reply->request = deal->request;
	reply->status = status;
	souk_writer_init(&writer, reply->bytes, reply->size);
	if (status == SOUK_OK)
		souk_signed_agreement_encode(&writer, &deal->agreement);
	reply->size = (uint32_t)writer.size;
	sim_send(node, reply);
}

/* A deposit is only locked under terms that can be judged, and by the market's own numbers. */
static souk_status check_agreement(
	struct sim_node *node, const struct souk_signed_agreement *proposed)
{
	const struct souk_agreement *agreement = &proposed->agreement;
	const struct sim_scenario *scenario = sim_world_scenario(node->world);
	struct sim_task_terms terms;
	SOUK_TRY(sim_task_terms_read(&terms, &agreement->terms));
	if (agreement->service != SIM_SERVICE_TASK || terms.price.ncoin != scenario->price ||
		terms.false_ppm > scenario->false_ppm ||
		agreement->deposit.ncoin > scenario->deposit ||
		!souk_address_equal(&agreement->provider, &node->identity.address))
		return SOUK_PEER_AGREEMENT_TERMS;
	return SOUK_OK;
}

static void on_agree(struct sim_node *node, const struct sim_message *message)
{
	struct task_provider *self = node->state;
	struct souk_signed_agreement proposed;
	souk_status status =
		souk_signed_agreement_decode(&proposed, sim_message_bytes(message), NULL);
	struct deal *deal = deal_with(self, message->from);
	if (deal->is_asked)
		return;
	deal->request = message->request;
	if (status == SOUK_OK)
		status = check_agreement(node, &proposed);
	if (status != SOUK_OK) {
		answer_agree(node, deal, status);
		return;
	}
	if (self->accomplice == IS_VICTIM)
		proposed.agreement.customer = self->friend_identity.address;
	deal->id = souk_agreement_digest(&proposed.agreement);
	if (self->accomplice == IS_VICTIM)
		souk_ecdsa_sign(&proposed.signature, &deal->id, &self->friend_identity);
	deal->agreement = proposed;
	deal->is_open = false;
	deal->is_asked = true;
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_AGREE};
	self->body.agree.agreement = proposed;
	sim_ledger_submit(node, &self->body, token_of(TOKEN_AGREE, (uint32_t)(deal - self->deals)));
}

static void on_ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	struct task_provider *self = node->state;
	(void)amount;
	if ((token & 15) == TOKEN_OTHER)
		return;
	struct deal *deal = &self->deals[token >> 4];
	if ((token & 15) == TOKEN_AGREE) {
		deal->is_asked = false;
		deal->is_open = status == SOUK_OK || status == SOUK_PEER_AGREEMENT_EXISTS;
		answer_agree(node, deal, deal->is_open ? SOUK_OK : status);
	} else if ((token & 15) == TOKEN_END && status == SOUK_OK) {
		deal->is_open = false;
	}
}

/* ---------------------------------------------------------------- tasks */

static bool cheats(const struct task_provider *self, uint32_t customer, uint64_t number)
{
	if (!self->is_cheat)
		return false;
	struct souk_hash draw = sim_task_derive(self->seed, 'c', customer, number);
	return (uint64_t)souk_load_be32(draw.bytes) * SIM_PPM_ALL >> 32 < self->cheated_ppm;
}

static void work(struct sim_node *node)
{
	SOUK_CHECK(souk_amount_add(&node->tally.work, node->tally.work,
			   sim_task_cost(sim_world_scenario(node->world))) == SOUK_OK);
}

static void on_task(struct sim_node *node, const struct sim_message *message)
{
	struct task_provider *self = node->state;
	struct sim_task_statement statement = {.number = message->data.words[SIM_TASK_NUMBER]};
	if (message->size != 2 * SOUK_HASH_SIZE)
		return;
	memcpy(statement.agreement.bytes, message->bytes, SOUK_HASH_SIZE);
	memcpy(statement.sealed.bytes, message->bytes + SOUK_HASH_SIZE, SOUK_HASH_SIZE);
	statement.draw = sim_task_derive(self->seed, 'd', message->from, statement.number);
	statement.is_bad = cheats(self, message->from, statement.number);
	/* A second opinion is a part of the audit: who pays for those is left out. */
	if (!souk_hash_is_zero(&statement.agreement)) {
		struct deal *deal = deal_with(self, message->from);
		if (!deal->is_open || !souk_hash_equal(&deal->id, &statement.agreement))
			return;
		/* Tasks are numbered from 0 on; one that is asked for again is not done again. */
		if (statement.number >= deal->done && !statement.is_bad)
			work(node);
		if (statement.number >= deal->done)
			deal->done = statement.number + 1;
	}
	node->tally.sessions++;
	sim_task_statement_sign(&statement, &node->identity);
	struct sim_message *reply = sim_message_with(
		node->world, SIM_TASK_REPLY, message->from, SIM_TASK_STATEMENT_SIZE);
	reply->request = message->request;
	sim_task_statement_write(reply->bytes, &statement);
	sim_send(node, reply);
}

/* The customer shows what it has found; the accomplice is quicker with it. */
static void on_hearing(struct sim_node *node, const struct sim_message *message)
{
	struct task_provider *self = node->state;
	if (self->accomplice == ALONE || message->size != SIM_TASK_EVIDENCE_SIZE)
		return;
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ACCUSE};
	self->body.accuse.agreement = deal_with(self, message->from)->id;
	self->body.accuse.fault = SIM_TASK_FAULT;
	self->body.accuse.evidence.size = SIM_TASK_EVIDENCE_SIZE;
	memcpy(self->body.accuse.evidence.data, message->bytes, SIM_TASK_EVIDENCE_SIZE);
	sim_ledger_submit_as(node, &self->friend_identity, &self->body, token_of(TOKEN_OTHER, 0));
}

static void on_message(struct sim_node *node, const struct sim_message *message)
{
	if (message->kind == SIM_AGREE)
		on_agree(node, message);
	else if (message->kind == SIM_TASK && message->data.words[SIM_TASK_HEARING] != 0)
		on_hearing(node, message);
	else if (message->kind == SIM_TASK)
		on_task(node, message);
}

/* ---------------------------------------------------------------- the end */

static void take_from_friend(struct sim_node *node)
{
	struct task_provider *self = node->state;
	struct souk_account_record account;
	if (souk_ledger_get_account(&account, sim_ledger_state(sim_world_ledger(node->world)),
		    &self->friend_identity.address) != SOUK_OK ||
		account.balance.ncoin == 0)
		return;
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_TRANSFER};
	self->body.transfer.to = node->identity.address;
	self->body.transfer.amount = account.balance;
	sim_ledger_submit_as(node, &self->friend_identity, &self->body, token_of(TOKEN_OTHER, 0));
}

static void on_timer(struct sim_node *node)
{
	struct task_provider *self = node->state;
	for (uint32_t i = 0; i < self->count; i++) {
		struct deal *deal = &self->deals[i];
		if (!deal->is_open)
			continue;
		self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_AGREEMENT_END};
		self->body.agreement_end.agreement = deal->id;
		sim_ledger_submit(node, &self->body, token_of(TOKEN_END, i));
	}
	if (self->accomplice != ALONE)
		take_from_friend(node);
}

/* Deposits come back once nothing can be judged any more. */
static void finish(struct sim_node *node)
{
	struct task_provider *self = node->state;
	struct souk_time at = sim_now(node);
	for (uint32_t i = 0; i < self->count; i++) {
		const struct souk_agreement *agreement = &self->deals[i].agreement.agreement;
		struct souk_time over =
			souk_time_plus_ms(agreement->ends, agreement->respond_ms + END_SLACK_MS);
		if (souk_time_is_before(at, over))
			at = over;
	}
	sim_wake(node, at);
}

static void done(struct sim_node *node)
{
	struct task_provider *self = node->state;
	free(self->deals);
	free(self);
}

const struct sim_actor sim_task_provider_actor = {
	.name = "task-provider",
	.about = "does the tasks of the modelled service",
	.make = make,
	.start = start,
	.message = on_message,
	.timer = on_timer,
	.ledger = on_ledger,
	.finish = finish,
	.done = done,
};

const struct sim_actor sim_task_cheat_actor = {
	.name = "task-cheat",
	.about = "signs for tasks that it did not do",
	.is_greedy = true,
	.honest = "task-provider",
	.knobs = cheat_knobs,
	.make = make,
	.start = start,
	.message = on_message,
	.timer = on_timer,
	.ledger = on_ledger,
	.finish = finish,
	.done = done,
};
