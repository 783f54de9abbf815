/* SPDX-License-Identifier: Apache-2.0
 *
 * Who wants tasks done, pays for them, and audits a share of them.
 *
 *   AGREES --on the ledger--> WAITS (a batch is out) --all are back--> JUDGES
 *     ^                         ^                                      |    |
 *     |                         '----------- nothing found ------------'    |
 *     '--- the deposit is gone ------------- ACCUSES <------- found --------'
 *
 * A batch is what one deposit answers for at once. Of a batch at most one conviction counts: with
 * more than one task in it, deposits are shared, and the arithmetic is another. See
 * docs/security.md.
 *
 * Statements are checked where they are audited: the provider cannot know which they are. */
#include <stdlib.h>
#include <string.h>

#include "actors.h"
#include "ledger.h"
#include "scenario.h"
#include "souk/base/check.h"
#include "task.h"

#define RETRY_MS    2000u
#define LOOK_MS	    100u
#define BATCH_MAX   4096u
#define PAY_TASKS   256u
#define PERMILLE_IN 1000000000000000ull

enum { KNOB_BATCH, KNOB_COMPARE, KNOB_HEARING, KNOB_SPONSOR };

static const struct sim_knob knobs[] = {
	{"batch", 1, 1, BATCH_MAX, "tasks that one deposit answers for at once"},
	{"compare", 0, 0, 1, "1: an audit is a second provider's work beside the first's"},
	{"hearing", 0, 0, 3600000, "ms from showing the evidence to accusing; 0: it is not shown"},
	{"sponsor", 0, 0, 1, "1: whoever the provider names is the victim in the agreement"},
	{NULL, 0, 0, 0, NULL},
};

enum state { AGREES, LOOKS, WAITS, HEARS, ACCUSES, IS_DONE };

struct slot {
	bool is_back;
	bool is_second_back; /* of the second opinion, where one is asked */
	bool is_second_bad;
	struct sim_task_statement statement;
};

struct task_customer {
	enum state state;
	uint64_t batch_max;
	bool compares;
	bool is_sponsor;
	uint64_t hearing_ms;
	uint8_t seed[32];
	uint32_t provider;
	uint64_t tasks; /* wanted in all */
	uint64_t next;	/* the first task of the batch that is out */
	uint32_t batch; /* tasks in it */
	uint32_t back;	/* of them, with second opinions */
	uint32_t wanted;
	uint32_t found; /* slot of the batch that convicts */
	uint32_t unpaid;
	uint64_t agreements;
	struct souk_hash id;
	struct souk_signed_agreement agreement;
	struct slot *slots;
	struct souk_tx_body body;
};

enum { TOKEN_PAY, TOKEN_ACCUSE };

/* ---------------------------------------------------------------- making */

static void make(struct sim_node *node, const struct sim_population *population)
{
	const struct sim_scenario *scenario = sim_world_scenario(node->world);
	struct task_customer *self = sim_alloc(sizeof *self);
	node->state = self;
	sim_seed(node, self->seed);
	self->batch_max = population->knobs[KNOB_BATCH];
	self->compares = population->knobs[KNOB_COMPARE] != 0;
	self->hearing_ms = population->knobs[KNOB_HEARING];
	self->is_sponsor = population->knobs[KNOB_SPONSOR] != 0;
	self->tasks = population->downloads;
	self->slots = sim_alloc(self->batch_max * sizeof *self->slots);
	uint64_t funds = population->funds;
	if (funds == 0)
		funds = self->tasks * scenario->price + 4 * scenario->bond;
	sim_ledger_fund(node, souk_amount_of_ncoin(funds));
}

/* The N-th of those who do tasks, modulo their number. */
static uint32_t provider_at(struct sim_world *world, uint32_t n)
{
	uint32_t count = 0;
	for (uint32_t id = 0; id < sim_node_count(world); id++)
		count += sim_task_is_provider(sim_node_at(world, id)->actor);
	if (count == 0)
		return UINT32_MAX;
	n %= count;
	for (uint32_t id = 0;; id++) {
		if (sim_task_is_provider(sim_node_at(world, id)->actor) && n-- == 0)
			return id;
	}
}

/* For a second opinion: any of the others, drawn for each task. */
static uint32_t second_for(struct sim_node *node, uint64_t number)
{
	struct task_customer *self = node->state;
	struct souk_hash draw = sim_task_derive(self->seed, 's', number, 0);
	uint32_t others = 0;
	for (uint32_t id = 0; id < sim_node_count(node->world); id++)
		others += id != self->provider &&
			  sim_task_is_provider(sim_node_at(node->world, id)->actor);
	uint32_t n = others > 0 ? (uint32_t)(souk_load_be64(draw.bytes) % others) : 0;
	for (uint32_t id = 0; id < sim_node_count(node->world); id++) {
		if (id != self->provider &&
			sim_task_is_provider(sim_node_at(node->world, id)->actor) && n-- == 0)
			return id;
	}
	return self->provider;
}

static uint32_t number_of(const struct sim_node *node)
{
	uint32_t number = 0;
	for (uint32_t id = 0; id < node->id; id++)
		number += sim_node_at(node->world, id)->actor == &sim_task_customer_actor;
	return number;
}

/* ---------------------------------------------------------------- agreements */

static void propose(struct sim_node *node)
{
	struct task_customer *self = node->state;
	const struct sim_scenario *s = sim_world_scenario(node->world);
	struct sim_task_terms terms = {(uint32_t)s->detect_ppm, (uint32_t)s->false_ppm, {s->price}};
	struct souk_agreement *agreement = &self->agreement.agreement;
	const struct souk_genesis *genesis = sim_ledger_genesis(sim_world_ledger(node->world));
	struct souk_hash nonce = sim_task_derive(self->seed, 'n', self->agreements++, 0);
	*agreement = (struct souk_agreement){
		.version = 1,
		.ledger = souk_genesis_digest(genesis),
		.service = SIM_SERVICE_TASK,
		.provider = sim_node_at(node->world, self->provider)->identity.address,
		.customer = node->identity.address,
		.terms = sim_task_terms_hash(&terms),
		.deposit = {s->deposit},
		.bond = {s->bond},
		.victim_permille = (uint16_t)s->victim_permille,
		.reporter_permille = (uint16_t)s->reporter_permille,
		.respond_ms = s->respond_ms,
		.ends = souk_time_at_ms(SIM_EPOCH_MS + s->duration_ms),
	};
	memcpy(agreement->nonce.bytes, nonce.bytes, sizeof agreement->nonce.bytes);
	self->id = souk_agreement_digest(agreement);
	souk_ecdsa_sign(&self->agreement.signature, &self->id, &node->identity);
	self->state = AGREES;
}

static void ask_agreement(struct sim_node *node)
{
	struct task_customer *self = node->state;
	struct sim_message *message = sim_message_with(
		node->world, SIM_AGREE, self->provider, SOUK_SIGNED_AGREEMENT_SIZE_MAX);
	struct souk_writer writer;
	souk_writer_init(&writer, message->bytes, message->size);
	souk_signed_agreement_encode(&writer, &self->agreement);
	message->size = (uint32_t)writer.size;
	message->request = (uint32_t)self->agreements;
	sim_send(node, message);
	sim_wake(node, souk_time_plus_ms(sim_now(node), RETRY_MS));
}

static void give_up(struct sim_node *node, souk_status status)
{
	struct task_customer *self = node->state;
	sim_say(node, "gives up: %s", souk_status_name(status));
	node->tally.downloads_failed += self->tasks - self->next;
	self->state = IS_DONE;
	sim_wake(node, SOUK_TIME_NEVER);
}

/* A sponsor takes the provider's word for who the victim is, and for nothing else. */
static bool is_same_but_victim(
	const struct souk_agreement *asked, const struct souk_agreement *answered)
{
	struct souk_agreement same = *answered;
	same.customer = asked->customer;
	struct souk_hash a = souk_agreement_digest(asked), b = souk_agreement_digest(&same);
	return souk_hash_equal(&a, &b);
}

static void give_batch(struct sim_node *node);

static void look_for_agreement(struct sim_node *node)
{
	struct task_customer *self = node->state;
	struct souk_agreement_record record;
	self->state = LOOKS;
	if (sim_ledger_agreement(node, &self->id, &record) == SOUK_OK && !record.convicted)
		give_batch(node);
	else
		sim_wake(node, souk_time_plus_ms(sim_now(node), LOOK_MS));
}

static void on_agreed(struct sim_node *node, const struct sim_message *message)
{
	struct task_customer *self = node->state;
	struct souk_signed_agreement answered;
	if (self->state != AGREES || message->request != (uint32_t)self->agreements)
		return;
	if (message->status != SOUK_OK) {
		give_up(node, message->status);
		return;
	}
	if (souk_signed_agreement_decode(&answered, sim_message_bytes(message), NULL) != SOUK_OK)
		return;
	struct souk_hash id = souk_agreement_digest(&answered.agreement);
	if (!souk_hash_equal(&id, &self->id) &&
		!(self->is_sponsor &&
			is_same_but_victim(&self->agreement.agreement, &answered.agreement)))
		return;
	self->agreement = answered;
	self->id = id;
	look_for_agreement(node);
}

/* ---------------------------------------------------------------- tasks */

static bool is_audited(struct sim_node *node, uint64_t number)
{
	const struct task_customer *self = node->state;
	return sim_task_is_audited(sim_world_scenario(node->world), self->seed, number);
}

static void send_task(struct sim_node *node, uint32_t slot, bool is_second)
{
	struct task_customer *self = node->state;
	uint64_t number = self->next + slot;
	struct souk_hash measure = sim_task_derive(self->seed, 'm', number, 0);
	struct souk_hash sealed = sim_task_seal(&measure);
	struct sim_message *message = sim_message_with(node->world, SIM_TASK,
		is_second ? second_for(node, number) : self->provider, 2 * SOUK_HASH_SIZE);
	message->data.words[SIM_TASK_NUMBER] = number;
	message->request = (uint32_t)number << 1 | is_second;
	if (!is_second)
		memcpy(message->bytes, self->id.bytes, SOUK_HASH_SIZE);
	memcpy(message->bytes + SOUK_HASH_SIZE, sealed.bytes, SOUK_HASH_SIZE);
	sim_send(node, message);
}

/* What of the batch is missing. */
static void send_batch(struct sim_node *node)
{
	struct task_customer *self = node->state;
	for (uint32_t i = 0; i < self->batch; i++) {
		if (!self->slots[i].is_back)
			send_task(node, i, false);
		if (self->compares && !self->slots[i].is_second_back &&
			is_audited(node, self->next + i))
			send_task(node, i, true);
	}
	sim_wake(node, souk_time_plus_ms(sim_now(node), RETRY_MS));
}

static void pay(struct sim_node *node)
{
	struct task_customer *self = node->state;
	if (self->unpaid == 0)
		return;
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_TRANSFER};
	self->body.transfer.to = sim_node_at(node->world, self->provider)->identity.address;
	self->body.transfer.amount.ncoin = self->unpaid * sim_world_scenario(node->world)->price;
	self->unpaid = 0;
	sim_ledger_submit(node, &self->body, TOKEN_PAY);
}

static void give_batch(struct sim_node *node)
{
	struct task_customer *self = node->state;
	uint64_t left = self->tasks - self->next;
	if (left == 0 || node->is_finishing) {
		self->state = IS_DONE;
		sim_wake(node, SOUK_TIME_NEVER);
		pay(node);
		return;
	}
	self->batch = (uint32_t)(left < self->batch_max ? left : self->batch_max);
	self->back = 0;
	self->wanted = self->batch;
	memset(self->slots, 0, self->batch * sizeof *self->slots);
	for (uint32_t i = 0; self->compares && i < self->batch; i++)
		self->wanted += is_audited(node, self->next + i);
	self->state = WAITS;
	send_batch(node);
}

/* ---------------------------------------------------------------- audits */

static void evidence_of(
	const struct task_customer *self, uint32_t slot, uint8_t out[SIM_TASK_EVIDENCE_SIZE])
{
	struct souk_hash measure = sim_task_derive(self->seed, 'm', self->next + slot, 0);
	sim_task_statement_write(out, &self->slots[slot].statement);
	memcpy(out + SIM_TASK_STATEMENT_SIZE, measure.bytes, sizeof measure.bytes);
}

/* Work that looks the same in two places tells an audit by comparison nothing. */
static bool convicts(struct sim_node *node, uint32_t slot)
{
	const struct task_customer *self = node->state;
	const struct slot *audited = &self->slots[slot];
	uint8_t evidence[SIM_TASK_EVIDENCE_SIZE];
	if (!is_audited(node, self->next + slot) ||
		(self->compares && audited->is_second_bad == audited->statement.is_bad))
		return false;
	evidence_of(self, slot, evidence);
	/* The ledger's own judge is asked first: a bond is lost for nothing otherwise. */
	return sim_task_judge.convict(&self->agreement.agreement, SIM_TASK_FAULT,
		       souk_bytes_of(evidence, sizeof evidence)) == SOUK_OK;
}

static void count_batch(struct sim_node *node)
{
	struct task_customer *self = node->state;
	for (uint32_t i = 0; i < self->batch; i++)
		node->tally.units_had += !self->slots[i].statement.is_bad;
	node->tally.downloads_asked += self->batch;
	node->tally.downloads_done += self->batch;
	self->unpaid += self->batch;
	if (self->unpaid >= PAY_TASKS)
		pay(node);
}

static void next_batch(struct sim_node *node)
{
	struct task_customer *self = node->state;
	self->next += self->batch;
	const struct sim_population *population =
		&sim_world_scenario(node->world)->populations[node->population];
	self->state = LOOKS;
	if (population->pause_ms > 0)
		sim_wake(node, souk_time_plus_ms(sim_now(node), population->pause_ms));
	else
		give_batch(node);
}

static void accuse(struct sim_node *node)
{
	struct task_customer *self = node->state;
	self->state = ACCUSES;
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ACCUSE};
	self->body.accuse.agreement = self->id;
	self->body.accuse.fault = SIM_TASK_FAULT;
	self->body.accuse.evidence.size = SIM_TASK_EVIDENCE_SIZE;
	evidence_of(self, self->found, self->body.accuse.evidence.data);
	sim_wake(node, SOUK_TIME_NEVER);
	sim_ledger_submit(node, &self->body, TOKEN_ACCUSE);
}

static void show_evidence(struct sim_node *node)
{
	struct task_customer *self = node->state;
	struct sim_message *message =
		sim_message_with(node->world, SIM_TASK, self->provider, SIM_TASK_EVIDENCE_SIZE);
	message->data.words[SIM_TASK_HEARING] = 1;
	evidence_of(self, self->found, message->bytes);
	self->state = HEARS;
	sim_send(node, message);
	sim_wake(node, souk_time_plus_ms(sim_now(node), self->hearing_ms));
}

static void judge_batch(struct sim_node *node)
{
	struct task_customer *self = node->state;
	count_batch(node);
	for (uint32_t i = 0; i < self->batch; i++) {
		if (!convicts(node, i))
			continue;
		self->found = i;
		if (self->hearing_ms > 0)
			show_evidence(node);
		else
			accuse(node);
		return;
	}
	next_batch(node);
}

static bool is_asked(const struct task_customer *self, const struct slot *slot,
	const struct sim_task_statement *statement, bool is_second)
{
	struct souk_hash measure = sim_task_derive(self->seed, 'm', statement->number, 0);
	struct souk_hash sealed = sim_task_seal(&measure);
	return souk_hash_equal(&sealed, &statement->sealed) &&
	       (is_second ? souk_hash_is_zero(&statement->agreement) && !slot->is_second_back
			  : souk_hash_equal(&self->id, &statement->agreement) && !slot->is_back);
}

static void on_result(struct sim_node *node, const struct sim_message *message)
{
	struct task_customer *self = node->state;
	struct sim_task_statement statement;
	bool is_second = (message->request & 1) != 0;
	if (self->state != WAITS ||
		sim_task_statement_read(&statement, sim_message_bytes(message)) != SOUK_OK ||
		statement.number < self->next || statement.number - self->next >= self->batch)
		return;
	struct slot *slot = &self->slots[statement.number - self->next];
	if (!is_asked(self, slot, &statement, is_second))
		return;
	if (is_second) {
		slot->is_second_back = true;
		slot->is_second_bad = statement.is_bad;
	} else {
		slot->is_back = true;
		slot->statement = statement;
	}
	if (++self->back == self->wanted)
		judge_batch(node);
}

static void on_message(struct sim_node *node, const struct sim_message *message)
{
	if (message->kind == SIM_AGREE_REPLY)
		on_agreed(node, message);
	else if (message->kind == SIM_TASK_REPLY)
		on_result(node, message);
}

/* ---------------------------------------------------------------- time and the ledger */

static void on_ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	struct task_customer *self = node->state;
	(void)amount;
	if (token != TOKEN_ACCUSE || self->state != ACCUSES)
		return;
	/* Over: somebody else has proved it. */
	if (status != SOUK_OK && status != SOUK_PEER_AGREEMENT_OVER) {
		give_up(node, status);
		return;
	}
	self->next += self->batch;
	self->batch = 0;
	if (self->next == self->tasks || node->is_finishing) {
		give_batch(node);
		return;
	}
	propose(node);
	ask_agreement(node);
}

static void on_timer(struct sim_node *node)
{
	struct task_customer *self = node->state;
	switch (self->state) {
	case AGREES: ask_agreement(node); break;
	case LOOKS:
		if (self->batch > 0)
			give_batch(node);
		else
			look_for_agreement(node);
		break;
	case WAITS: send_batch(node); break;
	case HEARS: accuse(node); break;
	case ACCUSES: break;
	case IS_DONE: break;
	}
}

static void start(struct sim_node *node)
{
	struct task_customer *self = node->state;
	uint32_t number = number_of(node);
	self->provider = provider_at(node->world, number);
	if (self->provider == UINT32_MAX) {
		give_up(node, SOUK_LOCAL_NOT_FOUND);
		return;
	}
	propose(node);
	ask_agreement(node);
}

/* What was done is paid, whatever runs. */
static void finish(struct sim_node *node)
{
	struct task_customer *self = node->state;
	if (self->state == WAITS || self->state == LOOKS || self->state == AGREES)
		give_batch(node);
}

static void done(struct sim_node *node)
{
	struct task_customer *self = node->state;
	free(self->slots);
	free(self);
}

const struct sim_actor sim_task_customer_actor = {
	.name = "task-customer",
	.about = "has tasks done, and audits a share of them",
	.knobs = knobs,
	.make = make,
	.start = start,
	.message = on_message,
	.timer = on_timer,
	.ledger = on_ledger,
	.finish = finish,
	.done = done,
};
