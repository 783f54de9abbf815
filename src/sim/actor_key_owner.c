/* SPDX-License-Identifier: Apache-2.0
 *
 * Who grants: a policy for each of its receivers, with a key of its own, to n proxies of which t
 * are needed. It challenges proxies that auditors report, and may revoke what it granted.
 *
 * `key-framing-owner` delivers what would convict whoever serves with it. */
#include <stdlib.h>
#include <string.h>

#include "actors.h"
#include "audit.h"
#include "keys.h"
#include "ledger.h"
#include "scenario.h"
#include "souk/base/check.h"

#define RETRY_MS 1000u

enum { KNOB_PROXIES, KNOB_THRESHOLD, KNOB_GRANTS, KNOB_REVOKE };

static const struct sim_knob knobs[] = {
	{"proxies", 3, 1, SIM_KEYS_SHARES_MAX, "that each policy is given to"},
	{"threshold", 2, 1, SIM_KEYS_SHARES_MAX, "of them that open"},
	{"grants", 1, 1, 1000, "policies for each receiver"},
	{"revoke", 0, 0, 86400000, "ms until it revokes all of them; 0: never"},
	{NULL, 0, 0, 0, NULL},
};

enum share_state { ASKS, AGREED, REFUSED, REVOKING, REVOKED, RECEIPTED };

struct share {
	enum share_state state;
	uint32_t proxy;
	bool is_challenged;
	struct souk_hash id;
	struct souk_key_delivery delivery;
	struct souk_signed_key_deletion receipt;
};

struct policy {
	uint32_t receiver;
	bool is_told;
	struct souk_umbral_key delegating;
	struct souk_point receiving;
	struct souk_umbral_kfrag kfrags[SIM_KEYS_SHARES_MAX];
	struct share shares[SIM_KEYS_SHARES_MAX];
};

struct key_owner {
	uint32_t proxies, threshold;
	uint64_t revoke_ms;
	uint64_t grants;
	struct souk_umbral_key signer;
	struct souk_secret_rng rng;
	struct policy **policies;
	uint32_t count;
	struct souk_time revoke_at;
	struct souk_tx_body body;
};

enum { TOKEN_REVOKE, TOKEN_CHALLENGE, TOKEN_SILENCE };

static bool is_owner(const struct sim_actor *actor)
{
	return actor == &sim_key_owner_actor || actor == &sim_key_framing_owner_actor;
}

static bool is_auditor(const struct sim_actor *actor)
{
	return actor == &sim_key_auditor_actor;
}

/* ---------------------------------------------------------------- making */

static void make(struct sim_node *node, const struct sim_population *population)
{
	const struct sim_scenario *scenario = sim_world_scenario(node->world);
	struct key_owner *self = sim_alloc(sizeof *self);
	node->state = self;
	self->proxies = (uint32_t)population->knobs[KNOB_PROXIES];
	self->threshold = (uint32_t)population->knobs[KNOB_THRESHOLD];
	if (self->threshold > self->proxies)
		self->threshold = self->proxies;
	self->grants = population->knobs[KNOB_GRANTS];
	self->revoke_ms = population->knobs[KNOB_REVOKE];
	sim_keys_rng(&self->rng, node);
	souk_umbral_key_generate(&self->signer, &self->rng);
	uint64_t funds = population->funds > 0 ? population->funds : 1000 * scenario->bond;
	sim_ledger_fund(node, souk_amount_of_ncoin(funds));
}

static void make_agreement(
	struct sim_node *node, struct policy *policy, struct share *share, uint32_t index)
{
	struct key_owner *self = node->state;
	const struct sim_scenario *s = sim_world_scenario(node->world);
	const struct souk_umbral_kfrag *kfrag = &policy->kfrags[index];
	struct souk_agreement *agreement = &share->delivery.agreement.agreement;
	struct souk_key_terms terms;
	const struct souk_genesis *genesis = sim_ledger_genesis(sim_world_ledger(node->world));
	*agreement = (struct souk_agreement){
		.version = 1,
		.ledger = souk_genesis_digest(genesis),
		.provider = sim_node_at(node->world, share->proxy)->identity.address,
		.customer = node->identity.address,
		.deposit = {s->deposit},
		.bond = {s->bond},
		.victim_permille = (uint16_t)s->victim_permille,
		.reporter_permille = (uint16_t)s->reporter_permille,
		.respond_ms = s->respond_ms,
		.ends = souk_time_at_ms(SIM_EPOCH_MS + s->duration_ms),
	};
	souk_secret_rng_fill(&self->rng, &agreement->nonce, sizeof agreement->nonce);
	souk_keys_terms_of(&terms, kfrag, &policy->delegating.point, &policy->receiving,
		&self->signer.point, self->threshold, souk_amount_of_ncoin(s->price));
	souk_keys_agreement_set(agreement, &terms);
	share->id = souk_agreement_digest(agreement);
	souk_ecdsa_sign(&share->delivery.agreement.signature, &share->id, &node->identity);
	share->delivery.kfrag.size = SOUK_UMBRAL_KFRAG_SIZE;
	souk_umbral_kfrag_format(share->delivery.kfrag.data, kfrag);
}

/* What would have an honest proxy convicted: another base point, a key fragment of somebody else,
 * or one that does not fit what the terms commit to. */
static void frame(struct policy *policy, struct share *share, uint32_t index)
{
	uint8_t *bytes = share->delivery.kfrag.data;
	uint8_t point[SOUK_PUBKEY_SIZE];
	switch (index % 3) {
	case 0:
		souk_point_format(point, &policy->kfrags[index].x);
		memcpy(bytes + 4, point, sizeof point);
		break;
	case 1: souk_umbral_kfrag_format(bytes, &policy->kfrags[index - 1]); break;
	default: bytes[73 + 31] ^= 1; break;
	}
}

static void make_policy(struct sim_node *node, uint32_t receiver, uint32_t first)
{
	struct key_owner *self = node->state;
	struct policy *policy = sim_alloc(sizeof *policy);
	struct souk_umbral_key key;
	sim_keys_key_of(&key, sim_node_at(node->world, receiver));
	policy->receiver = receiver;
	policy->receiving = key.point;
	souk_umbral_key_generate(&policy->delegating, &self->rng);
	SOUK_CHECK(souk_umbral_delegate(policy->kfrags, self->threshold, self->proxies,
			   &policy->delegating, &policy->receiving, &self->signer, true, true,
			   &self->rng) == SOUK_OK);
	for (uint32_t i = 0; i < self->proxies; i++) {
		struct share *share = &policy->shares[i];
		share->proxy = sim_keys_at(node->world, sim_keys_is_proxy, first + i);
		make_agreement(node, policy, share, i);
		if (node->actor == &sim_key_framing_owner_actor)
			frame(policy, share, i);
	}
	self->policies = realloc(self->policies, (self->count + 1) * sizeof *self->policies);
	SOUK_CHECK(self->policies != NULL);
	self->policies[self->count++] = policy;
}

/* ---------------------------------------------------------------- delivering */

static void deliver(struct sim_node *node, const struct share *share, uint32_t request)
{
	struct souk_writer writer;
	struct sim_message *message =
		sim_message_with(node->world, SIM_AGREE, share->proxy, SOUK_KEY_DELIVERY_SIZE_MAX);
	souk_writer_init(&writer, message->bytes, message->size);
	souk_key_delivery_encode(&writer, &share->delivery);
	message->size = (uint32_t)writer.size;
	message->request = request;
	sim_send(node, message);
}

static void tell(struct sim_node *node, const struct policy *policy, uint32_t to)
{
	struct key_owner *self = node->state;
	static const struct souk_key_policy none;
	struct souk_key_policy told = none;
	struct souk_writer writer;
	const struct souk_agreement *agreement = &policy->shares[0].delivery.agreement.agreement;
	told.version = 1;
	told.ledger = agreement->ledger;
	souk_point_format(told.delegating.bytes, &policy->delegating.point);
	souk_point_format(told.receiving.bytes, &policy->receiving);
	souk_point_format(told.verifying.bytes, &self->signer.point);
	souk_point_format(told.x.bytes, &policy->kfrags[0].x);
	told.threshold = (uint16_t)self->threshold;
	told.expires = agreement->ends;
	for (uint32_t i = 0; i < self->proxies; i++) {
		const struct share *share = &policy->shares[i];
		if (share->state != AGREED)
			continue;
		told.shares.items[told.shares.count++] = (struct souk_key_share){
			.provider = share->delivery.agreement.agreement.provider,
			.agreement = share->id};
	}
	struct sim_message *message =
		sim_keys_message(node, to, SIM_KEYS_POLICY, NULL, 0, SOUK_KEY_POLICY_SIZE_MAX);
	souk_writer_init(&writer, message->bytes, message->size);
	souk_key_policy_encode(&writer, &told);
	message->size = (uint32_t)writer.size;
	sim_send(node, message);
}

/* Once every proxy has answered: who receives, and all who audit. */
static void tell_all(struct sim_node *node, struct policy *policy)
{
	struct key_owner *self = node->state;
	for (uint32_t i = 0; i < self->proxies; i++) {
		if (policy->shares[i].state == ASKS)
			return;
	}
	policy->is_told = true;
	tell(node, policy, policy->receiver);
	for (uint32_t id = 0; id < sim_node_count(node->world); id++) {
		if (is_auditor(sim_node_at(node->world, id)->actor))
			tell(node, policy, id);
	}
}

static void on_agreed(struct sim_node *node, const struct sim_message *message)
{
	struct key_owner *self = node->state;
	uint32_t number = message->request / SIM_KEYS_SHARES_MAX;
	if (number >= self->count)
		return;
	struct policy *policy = self->policies[number];
	struct share *share = &policy->shares[message->request % SIM_KEYS_SHARES_MAX];
	if (share->state != ASKS || share->proxy != message->from)
		return;
	share->state = message->status == SOUK_OK ? AGREED : REFUSED;
	if (share->state == REFUSED)
		sim_say(node, "refused by %u: %s", message->from,
			souk_status_name(message->status));
	tell_all(node, policy);
}

/* ---------------------------------------------------------------- challenges */

static struct share *share_of(struct key_owner *self, const struct souk_hash *id)
{
	for (uint32_t i = 0; i < self->count; i++) {
		for (uint32_t k = 0; k < self->proxies; k++) {
			struct share *share = &self->policies[i]->shares[k];
			if (souk_hash_equal(&share->id, id))
				return share;
		}
	}
	return NULL;
}

/* An auditor says that a proxy does not answer. It may be wrong: then the bond is lost. */
static void on_report(struct sim_node *node, const struct sim_message *message)
{
	struct key_owner *self = node->state;
	struct souk_hash id = sim_keys_agreement_of(message);
	struct share *share = share_of(self, &id);
	if (share == NULL || share->state != AGREED || share->is_challenged ||
		message->size > sizeof self->body.challenge.question.data)
		return;
	share->is_challenged = true;
	self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CHALLENGE};
	self->body.challenge.agreement = id;
	self->body.challenge.question.size = (uint16_t)message->size;
	memcpy(self->body.challenge.question.data, message->bytes, message->size);
	sim_ledger_submit(node, &self->body, TOKEN_CHALLENGE);
}

static void look_for_silence(struct sim_node *node, struct share *share)
{
	struct key_owner *self = node->state;
	struct souk_agreement_record record;
	if (!share->is_challenged || sim_ledger_agreement(node, &share->id, &record) != SOUK_OK)
		return;
	if (record.challenged && souk_time_is_before(record.due, sim_ledger_time(node))) {
		self->body = (struct souk_tx_body){
			.kind = SOUK_TX_BODY_SILENCE, .silence = {.agreement = share->id}};
		sim_ledger_submit(node, &self->body, TOKEN_SILENCE);
	}
}

/* ---------------------------------------------------------------- revoking */

static void revoke(struct sim_node *node, struct share *share)
{
	struct key_owner *self = node->state;
	struct souk_agreement_record record;
	if (share->state == AGREED) {
		share->state = REVOKING;
		self->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_AGREEMENT_REVOKE};
		self->body.agreement_revoke.agreement = share->id;
		sim_ledger_submit(node, &self->body, TOKEN_REVOKE);
		return;
	}
	if (share->state == REVOKING && sim_ledger_agreement(node, &share->id, &record) == SOUK_OK)
		share->state = record.convicted || record.revoked.ms != 0 ? REVOKED : AGREED;
	if (share->state == REVOKED)
		sim_send(node,
			sim_keys_message(node, share->proxy, SIM_KEYS_DELETE, &share->id, 0, 0));
}

static void on_receipt(struct sim_node *node, const struct sim_message *message)
{
	struct key_owner *self = node->state;
	struct souk_hash id = sim_keys_agreement_of(message);
	struct share *share = share_of(self, &id);
	struct souk_signed_key_deletion receipt;
	if (share == NULL || share->state != REVOKED || message->status != SOUK_OK ||
		souk_signed_key_deletion_decode(&receipt, sim_message_bytes(message), NULL) !=
			SOUK_OK ||
		souk_keys_deletion_verify(
			&receipt, &share->delivery.agreement.agreement.provider) != SOUK_OK)
		return;
	share->receipt = receipt;
	share->state = RECEIPTED;
}

/* ---------------------------------------------------------------- events */

static void on_message(struct sim_node *node, const struct sim_message *message)
{
	if (message->kind == SIM_AGREE_REPLY)
		on_agreed(node, message);
	else if (message->kind == SIM_KEYS && message->data.words[0] == SIM_KEYS_REPORT)
		on_report(node, message);
	else if (message->kind == SIM_KEYS_REPLY && message->data.words[0] == SIM_KEYS_DELETE)
		on_receipt(node, message);
}

static void on_timer(struct sim_node *node)
{
	struct key_owner *self = node->state;
	bool revokes = !souk_time_is_before(sim_now(node), self->revoke_at);
	for (uint32_t i = 0; i < self->count; i++) {
		for (uint32_t k = 0; k < self->proxies; k++) {
			struct share *share = &self->policies[i]->shares[k];
			if (share->state == ASKS && !node->is_finishing)
				deliver(node, share, i * SIM_KEYS_SHARES_MAX + k);
			look_for_silence(node, share);
			if (revokes)
				revoke(node, share);
		}
	}
	struct souk_time end =
		souk_time_at_ms(SIM_EPOCH_MS + 2 * sim_world_scenario(node->world)->duration_ms);
	if (souk_time_is_before(sim_now(node), end))
		sim_wake(node, souk_time_plus_ms(sim_now(node), RETRY_MS));
}

static void make_policies(struct sim_node *node)
{
	struct key_owner *self = node->state;
	uint32_t owners = sim_keys_count(node->world, is_owner);
	uint32_t mine = sim_keys_number_of(node, is_owner), number = 0;
	for (uint32_t id = 0; id < sim_node_count(node->world); id++) {
		if (!sim_keys_is_receiver(sim_node_at(node->world, id)->actor))
			continue;
		for (uint64_t g = 0; number % owners == mine && g < self->grants; g++)
			make_policy(node, id, number * self->proxies + (uint32_t)g);
		number++;
	}
	self->revoke_at = self->revoke_ms == 0 ? SOUK_TIME_NEVER
					       : souk_time_plus_ms(sim_now(node), self->revoke_ms);
}

/* After a crash it goes on with what it granted before. */
static void start(struct sim_node *node)
{
	if (sim_keys_count(node->world, sim_keys_is_proxy) == 0)
		return;
	if (node->incarnation == 0)
		make_policies(node);
	on_timer(node);
}

static void done(struct sim_node *node)
{
	struct key_owner *self = node->state;
	for (uint32_t i = 0; i < self->count; i++)
		free(self->policies[i]);
	free(self->policies);
	free(self);
}

#define OWNER                                                                                      \
	.knobs = knobs, .make = make, .start = start, .message = on_message, .timer = on_timer,    \
	.done = done

const struct sim_actor sim_key_owner_actor = {
	.name = "key-owner", .about = "grants to proxies, and revokes", OWNER};

const struct sim_actor sim_key_framing_owner_actor = {.name = "key-framing-owner",
	.about = "delivers key fragments that would convict who serves with them",
	.is_greedy = true,
	.honest = "key-owner",
	OWNER};
