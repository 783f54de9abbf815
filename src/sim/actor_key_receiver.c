/* SPDX-License-Identifier: Apache-2.0
 *
 * Who has capsules opened: `key-receiver` with its own key, from t proxies of a policy;
 * `key-auditor` without, from one proxy of a policy that it draws; and `key-framer`, who accuses
 * proxies of what they did not do.
 *
 *   IDLE --OPEN--> OPENING --grant--> ASKED --reply, checked--> PAYING --k_j--> IDLE, with a
 * fragment
 *
 * A proxy that is wrong is left and accused; one that does not answer is challenged by a receiver,
 * and reported to the owner by an auditor. To a proxy both look the same. */
#include <stdlib.h>
#include <string.h>

#include "actors.h"
#include "audit.h"
#include "keys.h"
#include "ledger.h"
#include "scenario.h"
#include "souk/base/check.h"

#define TICK_MS	   200u
#define PATIENCE   5u /* ticks until a message is sent again */
#define TRIES_MAX  4u
#define HEARS_MS   3000u
#define PAY_UNITS  8u
#define FRAMES_ALL 7u

enum step { IDLE, OPENING, ASKED, PAYING };

struct share {
	uint32_t proxy;
	uint32_t owner;
	struct souk_hash id;
	bool is_known, is_left, is_challenged, is_open;
	struct souk_agreement agreement;
	struct souk_keys_policy policy;
	struct souk_signed_grant grant;
	uint32_t unit, paid, good, owed;
	struct souk_hash key; /* k of `good` */
	enum step step;
	uint32_t ticks, tries;
	struct souk_key_request request;
	struct souk_key_reply reply;
	struct souk_signed_block_header block; /* that the request names */
};

struct policy {
	struct souk_key_policy told;
	struct souk_point delegating;
	struct share shares[SIM_KEYS_SHARES_MAX];
	uint32_t count;
};

struct key_receiver {
	struct souk_umbral_key key;
	struct souk_secret_rng rng;
	struct policy **policies;
	uint32_t count;
	/* What is being opened. */
	bool is_busy;
	uint32_t policy, next, wanted;
	uint32_t order[SIM_KEYS_SHARES_MAX];
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	struct souk_umbral_cfrag cfrags[SIM_KEYS_SHARES_MAX];
	uint32_t have;
	uint64_t left;	  /* to be opened, or audited */
	uint64_t audited; /* grants, in a random order that is not repeated */
	uint32_t *drawn;
	uint32_t drawn_count;
	uint32_t frames;
	struct souk_time next_at;
	struct souk_tx_body body;
};

enum { TOKEN_PAY, TOKEN_ACCUSE, TOKEN_CHALLENGE };

static bool is_auditor(const struct sim_node *node)
{
	return node->actor == &sim_key_auditor_actor;
}

/* ---------------------------------------------------------------- making */

static void make(struct sim_node *node, const struct sim_population *population)
{
	const struct sim_scenario *scenario = sim_world_scenario(node->world);
	struct key_receiver *self = sim_alloc(sizeof *self);
	node->state = self;
	sim_keys_key_of(&self->key, node);
	sim_keys_rng(&self->rng, node);
	self->left = population->downloads;
	uint64_t funds = population->funds;
	if (funds == 0)
		funds = (self->left + 1) * SIM_KEYS_SHARES_MAX * scenario->price +
			200 * scenario->bond;
	sim_ledger_fund(node, souk_amount_of_ncoin(funds));
}

/* ---------------------------------------------------------------- policies */

static void add_share(struct sim_node *node, struct policy *policy, uint32_t owner,
	const struct souk_key_share *told)
{
	const struct sim_node *proxy = sim_node_of(node->world, &told->provider);
	if (proxy == NULL || policy->count == SIM_KEYS_SHARES_MAX)
		return;
	struct share *share = &policy->shares[policy->count++];
	share->proxy = proxy->id;
	share->owner = owner;
	share->id = told->agreement;
}

static void on_policy(struct sim_node *node, const struct sim_message *message)
{
	struct key_receiver *self = node->state;
	struct policy *policy = sim_alloc(sizeof *policy);
	if (souk_key_policy_decode(&policy->told, sim_message_bytes(message), NULL) != SOUK_OK ||
		souk_point_parse(&policy->delegating, policy->told.delegating.bytes) != SOUK_OK) {
		free(policy);
		return;
	}
	for (uint32_t i = 0; i < self->count; i++) {
		if (memcmp(&self->policies[i]->told.x, &policy->told.x, SOUK_PUBKEY_SIZE) == 0) {
			free(policy);
			return;
		}
	}
	for (uint32_t i = 0; i < policy->told.shares.count; i++)
		add_share(node, policy, message->from, &policy->told.shares.items[i]);
	self->policies = realloc(self->policies, (self->count + 1) * sizeof *self->policies);
	SOUK_CHECK(self->policies != NULL);
	self->policies[self->count++] = policy;
}

/* What the ledger says of the agreement is what counts. */
static bool learn(struct sim_node *node, const struct policy *policy, struct share *share)
{
	struct souk_agreement_record record;
	if (share->is_known)
		return true;
	if (sim_ledger_agreement(node, &share->id, &record) != SOUK_OK || record.convicted ||
		souk_keys_policy_parse(&share->policy, &record.agreement) != SOUK_OK ||
		!souk_point_equal(&share->policy.delegating, &policy->delegating))
		return false;
	share->agreement = record.agreement;
	share->is_known = true;
	return true;
}

/* ---------------------------------------------------------------- the ledger */

static void pay(struct sim_node *node, struct share *share)
{
	struct key_receiver *self = node->state;
	if (share->owed == 0)
		return;
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_TRANSFER};
	self->body.transfer.to = sim_node_at(node->world, share->proxy)->identity.address;
	self->body.transfer.amount.ncoin = share->owed * sim_world_scenario(node->world)->price;
	share->owed = 0;
	sim_ledger_submit(node, &self->body, TOKEN_PAY);
}

/* Begin an accusation; the evidence is written next. */
static struct souk_writer accusation(
	struct key_receiver *self, const struct share *share, uint32_t fault)
{
	struct souk_writer writer;
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ACCUSE};
	self->body.accuse.agreement = share->id;
	self->body.accuse.fault = fault;
	souk_writer_init(
		&writer, self->body.accuse.evidence.data, sizeof self->body.accuse.evidence.data);
	return writer;
}

static void accuse(struct sim_node *node, const struct souk_writer *writer)
{
	struct key_receiver *self = node->state;
	SOUK_CHECK(!writer->full);
	self->body.accuse.evidence.size = (uint16_t)writer->size;
	sim_ledger_submit(node, &self->body, TOKEN_ACCUSE);
}

/* It does not answer: the ledger asks it, who is owed an answer. */
static void demand(struct sim_node *node, struct share *share)
{
	struct key_receiver *self = node->state;
	struct souk_key_question question;
	struct souk_writer writer;
	uint8_t bytes[SOUK_KEY_QUESTION_SIZE_MAX];
	if (share->is_challenged || !share->is_known)
		return;
	share->is_challenged = true;
	sim_keys_question_of(&question, &self->capsule);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_question_encode(&writer, &question);
	if (is_auditor(node)) {
		struct sim_message *message = sim_keys_message(
			node, share->owner, SIM_KEYS_REPORT, &share->id, 0, writer.size);
		memcpy(message->bytes, bytes, writer.size);
		sim_send(node, message);
		return;
	}
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CHALLENGE};
	self->body.challenge.agreement = share->id;
	self->body.challenge.question.size = (uint16_t)writer.size;
	memcpy(self->body.challenge.question.data, bytes, writer.size);
	sim_ledger_submit(node, &self->body, TOKEN_CHALLENGE);
}

/* ---------------------------------------------------------------- one opening */

static void proceed(struct sim_node *node);

static void end_opening(struct sim_node *node, bool is_done)
{
	struct key_receiver *self = node->state;
	const struct sim_population *population =
		&sim_world_scenario(node->world)->populations[node->population];
	self->is_busy = false;
	self->left--;
	node->tally.downloads_done += is_done;
	node->tally.downloads_failed += !is_done;
	self->next_at = souk_time_plus_ms(sim_now(node), population->pause_ms);
}

/* SHARE is of no use for this one; for none, if it IS_LEFT. */
static void give_up(struct sim_node *node, struct share *share, bool is_left)
{
	share->step = IDLE;
	share->is_left = share->is_left || is_left;
	proceed(node);
}

static void send(struct sim_node *node, struct share *share)
{
	enum sim_keys_wish wish = share->step == OPENING ? SIM_KEYS_OPEN
				  : share->step == ASKED ? SIM_KEYS_UNIT
							 : SIM_KEYS_PAY;
	struct sim_message *message = sim_keys_message(node, share->proxy, wish, &share->id,
		share->unit, wish == SIM_KEYS_UNIT ? SOUK_KEY_REQUEST_SIZE_MAX : 0);
	if (wish == SIM_KEYS_UNIT) {
		struct souk_writer writer;
		souk_writer_init(&writer, message->bytes, message->size);
		souk_key_request_encode(&writer, &share->request);
		message->size = (uint32_t)writer.size;
	}
	share->ticks = 0;
	sim_send(node, message);
}

static void ask(struct sim_node *node, struct share *share)
{
	struct key_receiver *self = node->state;
	struct souk_key_request *request = &share->request;
	memset(request, 0, sizeof *request);
	if (sim_ledger_header(node, &share->block) == SOUK_OK)
		request->after = souk_block_header_digest(&share->block.header);
	request->capsules.count = 1;
	request->capsules.items[0].bytes.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
	souk_umbral_capsule_format_simple(request->capsules.items[0].bytes.data, &self->capsule);
	share->unit++;
	share->tries = 0;
	share->step = ASKED;
	send(node, share);
}

static void begin_share(struct sim_node *node, struct share *share)
{
	share->tries = 0;
	if (share->is_open) {
		ask(node, share);
		return;
	}
	share->step = OPENING;
	send(node, share);
}

/* Ask as many as are needed beside those that are asked already. */
static void proceed(struct sim_node *node)
{
	struct key_receiver *self = node->state;
	if (!self->is_busy)
		return;
	struct policy *policy = self->policies[self->policy];
	uint32_t running = 0;
	for (uint32_t i = 0; i < policy->count; i++)
		running += policy->shares[i].step != IDLE;
	while (self->have + running < self->wanted && self->next < policy->count) {
		struct share *share = &policy->shares[self->order[self->next++]];
		if (share->is_left || share->step != IDLE || share->unit == SIM_KEYS_UNITS ||
			!learn(node, policy, share))
			continue;
		running++;
		begin_share(node, share);
	}
	if (self->have + running < self->wanted && running == 0)
		end_opening(node, false);
}

static void shuffle(struct sim_node *node, uint32_t *items, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		items[i] = i;
	for (uint32_t i = count; i > 1; i--) {
		uint32_t k = (uint32_t)souk_rng_below(&node->rng, i), kept = items[i - 1];
		items[i - 1] = items[k];
		items[k] = kept;
	}
}

/* An auditor draws from all grants, and each once before any of them again. */
static void draw_grant(struct sim_node *node)
{
	struct key_receiver *self = node->state;
	uint32_t total = 0;
	for (uint32_t i = 0; i < self->count; i++)
		total += self->policies[i]->count;
	if (self->drawn_count != total || self->audited == total) {
		free(self->drawn);
		self->drawn = sim_alloc((total + 1) * sizeof *self->drawn);
		shuffle(node, self->drawn, total);
		self->drawn_count = total;
		self->audited = 0;
	}
	uint32_t number = self->drawn[self->audited++];
	for (self->policy = 0; number >= self->policies[self->policy]->count; self->policy++)
		number -= self->policies[self->policy]->count;
	self->order[0] = number;
	self->next = 0;
	self->wanted = 1;
}

static bool has_grants(const struct key_receiver *self)
{
	for (uint32_t i = 0; i < self->count; i++) {
		if (self->policies[i]->count > 0)
			return true;
	}
	return false;
}

static void begin(struct sim_node *node)
{
	struct key_receiver *self = node->state;
	if (!has_grants(self))
		return;
	self->is_busy = true;
	self->have = 0;
	node->tally.downloads_asked++;
	if (is_auditor(node)) {
		draw_grant(node);
	} else {
		self->policy = (uint32_t)souk_rng_below(&node->rng, self->count);
		shuffle(node, self->order, self->policies[self->policy]->count);
		self->next = 0;
		self->wanted = self->policies[self->policy]->told.threshold;
	}
	souk_umbral_encapsulate(
		&self->capsule, &self->seed, &self->policies[self->policy]->delegating, &self->rng);
	proceed(node);
	/* Auditors of one share only. */
	if (is_auditor(node) && self->is_busy)
		self->next = self->policies[self->policy]->count;
}

/* ---------------------------------------------------------------- framing */

/* Every way that comes to mind, one after the other, with what an honest proxy signed. */
static void frame(struct sim_node *node, struct share *share, const struct souk_unit_cipher *cipher)
{
	struct key_receiver *self = node->state;
	const struct souk_key_statement *statement = &share->reply.statement.statement;
	struct souk_key_evidence e = {.session = statement->session,
		.unit = statement->unit,
		.number = statement->number,
		.after = statement->after,
		.count = 1,
		.signature = share->reply.statement.signature};
	struct souk_key_lock_evidence lock = {
		.statement = share->reply.statement, .grant = share->grant, .key = share->key};
	struct souk_key_late_evidence late = {.statement = share->reply.statement,
		.genesis = *sim_ledger_genesis(sim_world_ledger(node->world)),
		.block = share->block};
	uint32_t way = self->frames++ % FRAMES_ALL;
	memcpy(e.key.bytes, cipher->key, sizeof e.key.bytes);
	e.capsule.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
	memcpy(e.capsule.data, share->request.capsules.items[0].bytes.data, e.capsule.size);
	e.fragment.size = SOUK_KEYS_FRAGMENT_SIZE;
	memcpy(e.fragment.data, share->reply.fragments.data, e.fragment.size);
	switch (way) {
	case 1: e.fragment.data[9] ^= 1; break;
	case 2: e.key.bytes[0] ^= 1; break;
	case 3: e.unit++; break;
	case 4: lock.key.bytes[3] ^= 1; break;
	case 5: late.block.header.time = SOUK_TIME_NEVER; break;
	default: break;
	}
	uint32_t fault = way == 4   ? SOUK_KEYS_FAULT_LOCK
			 : way >= 5 ? SOUK_KEYS_FAULT_LATE
				    : SOUK_KEYS_FAULT_FRAGMENT;
	struct souk_writer writer = accusation(self, share, fault);
	if (fault == SOUK_KEYS_FAULT_FRAGMENT)
		souk_key_evidence_encode(&writer, &e);
	else if (fault == SOUK_KEYS_FAULT_LOCK)
		souk_key_lock_evidence_encode(&writer, &lock);
	else
		souk_key_late_evidence_encode(&writer, &late);
	accuse(node, &writer);
}

/* ---------------------------------------------------------------- answers */

static void on_opened(struct sim_node *node, struct share *share, const struct sim_message *message)
{
	struct souk_signed_grant grant;
	if (souk_signed_grant_decode(&grant, sim_message_bytes(message), NULL) != SOUK_OK ||
		souk_grant_verify(&grant, sim_now(node)) != SOUK_OK ||
		!souk_address_equal(&grant.grant.provider, &share->agreement.provider)) {
		give_up(node, share, true);
		return;
	}
	share->grant = grant;
	share->key = grant.grant.key_anchor;
	share->is_open = true;
	ask(node, share);
}

/* Served although it was revoked, and long ago. */
static bool accuse_late(struct sim_node *node, struct share *share)
{
	struct key_receiver *self = node->state;
	struct souk_agreement_record record;
	struct souk_key_late_evidence late;
	if (sim_ledger_agreement(node, &share->id, &record) != SOUK_OK || record.convicted ||
		souk_keys_accuse_late(&late, &share->agreement,
			record.revoked.ms != 0 ? record.revoked : record.agreement.ends,
			&share->reply.statement, sim_ledger_genesis(sim_world_ledger(node->world)),
			&share->block, NULL) != SOUK_OK)
		return false;
	struct souk_writer writer = accusation(self, share, SOUK_KEYS_FAULT_LATE);
	souk_key_late_evidence_encode(&writer, &late);
	accuse(node, &writer);
	return true;
}

static void on_unit(struct sim_node *node, struct share *share, const struct sim_message *message)
{
	if (souk_key_reply_decode(&share->reply, sim_message_bytes(message), NULL) != SOUK_OK ||
		souk_keys_reply_check(&share->reply, &share->request, &share->id,
			&share->grant.grant.session, share->unit,
			&share->agreement.provider) != SOUK_OK ||
		accuse_late(node, share)) {
		give_up(node, share, true);
		return;
	}
	share->paid = share->unit;
	share->owed++;
	if (share->paid - share->good > 1)
		sim_audit_violation(sim_world_audit(node->world), SIM_VIOLATION_UNDELIVERED,
			node->id, share->paid - share->good, 1, "fragments of node %u",
			share->proxy);
	share->step = PAYING;
	share->tries = 0;
	send(node, share);
}

static void finish_unit(
	struct sim_node *node, struct share *share, const struct souk_umbral_cfrag *cfrag)
{
	struct key_receiver *self = node->state;
	share->good = share->unit;
	share->step = IDLE;
	node->tally.units_verified++;
	if (share->owed >= PAY_UNITS)
		pay(node, share);
	self->cfrags[self->have++] = *cfrag;
	if (self->have < self->wanted) {
		proceed(node);
		return;
	}
	struct souk_umbral_seed seed;
	bool is_open = is_auditor(node) ||
		       (souk_umbral_open(&seed, &self->capsule, self->cfrags, self->have,
				&self->key, &self->policies[self->policy]->delegating) == SOUK_OK &&
			       memcmp(&seed, &self->seed, sizeof seed) == 0);
	end_opening(node, is_open);
}

static void accuse_fragment(
	struct sim_node *node, struct share *share, const struct souk_unit_cipher *cipher)
{
	struct key_receiver *self = node->state;
	struct souk_key_evidence evidence;
	if (souk_keys_accuse_fragment(&evidence, &share->request, &share->reply, 0, cipher,
		    &share->agreement) == SOUK_OK) {
		struct souk_writer writer = accusation(self, share, SOUK_KEYS_FAULT_FRAGMENT);
		souk_key_evidence_encode(&writer, &evidence);
		accuse(node, &writer);
	}
	give_up(node, share, true);
}

static void accuse_lock(struct sim_node *node, struct share *share)
{
	struct key_receiver *self = node->state;
	struct souk_key_lock_evidence evidence;
	if (souk_keys_accuse_lock(&evidence, &share->reply, &share->grant, &share->key, NULL,
		    &share->agreement) == SOUK_OK) {
		struct souk_writer writer = accusation(self, share, SOUK_KEYS_FAULT_LOCK);
		souk_key_lock_evidence_encode(&writer, &evidence);
		accuse(node, &writer);
	}
	give_up(node, share, true);
}

static void on_key(struct sim_node *node, struct share *share, const struct sim_message *message)
{
	struct key_receiver *self = node->state;
	const struct souk_grant *grant = &share->grant.grant;
	struct souk_umbral_cfrag cfrag;
	struct souk_hash key;
	uint8_t fragments[SOUK_KEYS_BATCH_MAX][SOUK_KEYS_FRAGMENT_SIZE];
	if (message->size != sizeof key.bytes)
		return;
	memcpy(key.bytes, message->bytes, sizeof key.bytes);
	struct souk_hash anchor =
		souk_chain_walk(souk_chain_tag_key, &grant->session, share->unit, &key, 0);
	if (!souk_hash_equal(&anchor, &grant->key_anchor)) {
		give_up(node, share, true);
		return;
	}
	share->key = key;
	struct souk_unit_cipher cipher = souk_unit_cipher_of(
		&grant->session, share->unit, souk_keys_request_number(&share->request), &key);
	if (souk_keys_reply_open(fragments, &share->reply, &share->request, &cipher) != SOUK_OK) {
		accuse_lock(node, share);
		return;
	}
	if (souk_keys_fragment_verify(&cfrag, fragments[0], &self->capsule, &share->policy) !=
		SOUK_OK) {
		accuse_fragment(node, share, &cipher);
		return;
	}
	if (node->actor == &sim_key_framer_actor)
		frame(node, share, &cipher);
	finish_unit(node, share, &cfrag);
}

static bool is_end(souk_status status)
{
	return status == SOUK_PEER_AGREEMENT_REVOKED || status == SOUK_PEER_AGREEMENT_OVER;
}

static void on_answer(struct sim_node *node, struct share *share, const struct sim_message *message)
{
	static const uint64_t wishes[] = {0, SIM_KEYS_OPEN, SIM_KEYS_UNIT, SIM_KEYS_PAY};
	if (share->step == IDLE || message->data.words[0] != wishes[share->step] ||
		message->data.words[SIM_KEYS_WORD_UNIT] != share->unit)
		return;
	if (message->status != SOUK_OK) {
		/* Who is there and cannot is asked where it must answer. */
		if (!is_end(message->status) && message->status != SOUK_LOCAL_STATE)
			demand(node, share);
		give_up(node, share, message->status != SOUK_LOCAL_STATE);
		return;
	}
	switch (share->step) {
	case OPENING: on_opened(node, share, message); break;
	case ASKED: on_unit(node, share, message); break;
	case PAYING: on_key(node, share, message); break;
	default: break;
	}
}

static void on_message(struct sim_node *node, const struct sim_message *message)
{
	struct key_receiver *self = node->state;
	if (message->kind == SIM_KEYS && message->data.words[0] == SIM_KEYS_POLICY)
		on_policy(node, message);
	if (message->kind != SIM_KEYS_REPLY || !self->is_busy)
		return;
	struct policy *policy = self->policies[self->policy];
	struct souk_hash id = sim_keys_agreement_of(message);
	for (uint32_t i = 0; i < policy->count; i++) {
		struct share *share = &policy->shares[i];
		if (share->proxy == message->from && souk_hash_equal(&share->id, &id)) {
			on_answer(node, share, message);
			return;
		}
	}
}

/* ---------------------------------------------------------------- time */

static void look_for_silence(struct sim_node *node, struct share *share)
{
	struct key_receiver *self = node->state;
	struct souk_agreement_record record;
	if (is_auditor(node) || !share->is_challenged ||
		sim_ledger_agreement(node, &share->id, &record) != SOUK_OK)
		return;
	if (record.challenged && souk_time_is_before(record.due, sim_ledger_time(node))) {
		self->body = (struct souk_tx_body){
			.kind = SOUK_TX_BODY_SILENCE, .silence = {.agreement = share->id}};
		sim_ledger_submit(node, &self->body, TOKEN_CHALLENGE);
	}
}

static void tick(struct sim_node *node, struct share *share)
{
	if (share->step == IDLE || ++share->ticks < PATIENCE)
		return;
	if (++share->tries < TRIES_MAX) {
		send(node, share);
		return;
	}
	demand(node, share);
	give_up(node, share, true);
}

static void on_timer(struct sim_node *node)
{
	struct key_receiver *self = node->state;
	for (uint32_t i = 0; i < self->count; i++) {
		struct policy *policy = self->policies[i];
		for (uint32_t k = 0; k < policy->count; k++) {
			if (self->is_busy && i == self->policy)
				tick(node, &policy->shares[k]);
			look_for_silence(node, &policy->shares[k]);
		}
	}
	if (!self->is_busy && self->left > 0 && !node->is_finishing &&
		!souk_time_is_before(sim_now(node), self->next_at))
		begin(node);
	struct souk_time end =
		souk_time_at_ms(SIM_EPOCH_MS + 2 * sim_world_scenario(node->world)->duration_ms);
	if (souk_time_is_before(sim_now(node), end))
		sim_wake(node, souk_time_plus_ms(sim_now(node), TICK_MS));
}

/* An auditor waits for all that is granted at the start: it draws from that. */
static void start(struct sim_node *node)
{
	struct key_receiver *self = node->state;
	if (is_auditor(node))
		self->next_at = souk_time_plus_ms(sim_now(node), HEARS_MS);
	sim_wake(node, souk_time_plus_ms(sim_now(node), TICK_MS));
}

/* What was delivered is paid. */
static void finish(struct sim_node *node)
{
	struct key_receiver *self = node->state;
	for (uint32_t i = 0; i < self->count; i++) {
		for (uint32_t k = 0; k < self->policies[i]->count; k++)
			pay(node, &self->policies[i]->shares[k]);
	}
}

static void done(struct sim_node *node)
{
	struct key_receiver *self = node->state;
	for (uint32_t i = 0; i < self->count; i++)
		free(self->policies[i]);
	free(self->policies);
	free(self->drawn);
	free(self);
}

#define RECEIVER                                                                                   \
	.make = make, .start = start, .message = on_message, .timer = on_timer, .finish = finish,  \
	.done = done

const struct sim_actor sim_key_receiver_actor = {
	.name = "key-receiver", .about = "has capsules opened by proxies of a policy", RECEIVER};

const struct sim_actor sim_key_auditor_actor = {.name = "key-auditor",
	.about = "asks proxies as receivers do, to see what they do",
	RECEIVER};

const struct sim_actor sim_key_framer_actor = {.name = "key-framer",
	.about = "a receiver that accuses proxies of what they did not do",
	.is_greedy = true,
	.honest = "key-receiver",
	RECEIVER};
