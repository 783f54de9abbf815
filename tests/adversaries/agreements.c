/* SPDX-License-Identifier: Apache-2.0
 *
 * Cheats about agreements: deposits that answer for faults. The ledger is the real one, with
 * content's judge; the sale is a real one of judge_kit. Profit is in prices of one unit of that
 * sale; the deposit is a hundred of them, the bond of an accuser two. */
#include <stdlib.h>
#include <string.h>

#include "judge_kit.h"
#include "world.h"

#define KIT_PRICE  10u /* u: what judge_kit sells for, in ncoin */
#define KIT_WINDOW 8u
#define UNITS	   16u
#define CHUNK	   SOUK_CHUNK_SIZE_MIN
#define DEPOSIT	   100u
#define BOND	   2u
#define RESPOND_MS 5000u

struct court {
	struct world *world;
	struct judge_kit *kit;
	struct judge_kit_unit units[KIT_WINDOW + 1]; /* that were fetched */
};

static const struct souk_judge content_judge = SOUK_CONTENT_JUDGE;
static const struct souk_judge *const content_list[] = {&content_judge};
static const struct souk_judges content_judges = {content_list, 1};

/* ---- naive judges ---- */

/* Takes the accuser's word for the bytes: wants no more than a statement of the provider. */
static souk_status believe_accuser(
	const struct souk_agreement *agreement, uint32_t fault, struct souk_bytes evidence)
{
	static struct souk_content_evidence decoded;
	(void)fault;
	SOUK_TRY(souk_content_evidence_decode(&decoded, evidence, NULL));
	struct souk_hash digest = souk_unit_statement_digest(&decoded.unit.statement);
	return souk_ecdsa_verify(&agreement->provider, &digest, &decoded.unit.signature);
}

/* Lets a customer ask for any key. */
static souk_status allow_question(
	const struct souk_agreement *agreement, struct souk_bytes question)
{
	(void)agreement;
	(void)question;
	return SOUK_OK;
}

static const struct souk_judge naive_judge = {.service = SOUK_SERVICE_CONTENT,
	.convict = believe_accuser,
	.question = allow_question,
	.answer = souk_content_answer_check};
static const struct souk_judge *const naive_list[] = {&naive_judge};
static const struct souk_judges naive_judges = {naive_list, 1};

/* ---- a sale under an agreement ---- */

static int64_t balance_of(const struct court *court, const struct souk_identity *who)
{
	struct souk_account_record account;
	REQUIRE(souk_ledger_get_account(&account, &court->world->ledger, &who->address) == SOUK_OK);
	return (int64_t)(account.balance.ncoin / KIT_PRICE);
}

static void fund(struct court *court, const struct souk_identity *who, uint64_t units)
{
	struct souk_tx_body body = {
		.kind = SOUK_TX_BODY_FAUCET, .faucet = {.amount = {units * KIT_PRICE}}};
	REQUIRE(world_send_as(court->world, who, &body) == SOUK_OK);
}

static void agree(struct court *court, uint16_t victim, uint16_t reporter)
{
	static struct souk_tx_body body;
	struct judge_kit *kit = court->kit;
	kit->agreement.ledger = court->world->ledger.record.ledger;
	kit->agreement.deposit.ncoin = DEPOSIT * KIT_PRICE;
	kit->agreement.bond.ncoin = BOND * KIT_PRICE;
	kit->agreement.victim_permille = victim;
	kit->agreement.reporter_permille = reporter;
	kit->agreement.respond_ms = RESPOND_MS;
	kit->agreement.ends = souk_time_plus_ms(court->world->now, 60000);
	kit->id = souk_agreement_digest(&kit->agreement);
	body = (struct souk_tx_body){.kind = SOUK_TX_BODY_AGREE};
	body.agree.agreement.agreement = kit->agreement;
	souk_ecdsa_sign(&body.agree.agreement.signature, &kit->id, &kit->buyer);
	REQUIRE(world_send_as(court->world, &kit->provider.identity, &body) == SOUK_OK);
}

static struct court *court_new(
	uint64_t seed, const struct souk_judges *judges, uint16_t victim, uint16_t reporter)
{
	struct court *court = calloc(1, sizeof *court);
	REQUIRE(court != NULL);
	court->kit = calloc(1, sizeof *court->kit);
	REQUIRE(court->kit != NULL);
	court->world = world_new(seed);
	court->world->ledger.judges = judges;
	judge_kit_init(court->kit, seed, UNITS * CHUNK, CHUNK, UNITS);
	fund(court, &court->kit->provider.identity, DEPOSIT);
	fund(court, &court->kit->buyer, DEPOSIT);
	agree(court, victim, reporter);
	return court;
}

static void court_free(struct court *court)
{
	world_free(court->world);
	free(court->kit);
	free(court);
}

/* A window of units, all of them bad or none; the customer pays as it must. */
static void fetch_window(struct court *court, uint32_t count, bool spoiled)
{
	for (uint32_t unit = 1; unit <= count; unit++)
		judge_kit_fetch(court->kit, &court->units[unit], unit - 1,
			spoiled ? unit * 8 : JUDGE_KIT_HONEST);
}

/* The last ticket that is due, and the key for it. */
static void settle(struct court *court)
{
	struct souk_customer *customer = &court->kit->customer;
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	struct souk_time time = {1000};
	if (souk_customer_settle(customer, &request, time) != SOUK_OK)
		return;
	REQUIRE(souk_provider_unit(&court->kit->provider.provider, &reply, &request, time) ==
		SOUK_OK);
	REQUIRE(souk_customer_key(customer, &reply.key) == SOUK_OK);
}

/* UNIT as its customer's keys can ask for it, with the ticket of PAID (0: none); no key is taken.
 */
static void fetch_raw(struct court *court, uint32_t unit, uint32_t paid)
{
	struct judge_kit *kit = court->kit;
	struct judge_kit_unit *ret = &court->units[unit];
	struct souk_unit_statement *statement = &ret->signed_unit.statement;
	struct souk_unit_request request = {
		.session = kit->customer.grant.session, .unit = unit, .chunk = unit - 1};
	struct souk_provider_reply reply;
	if (paid > 0) {
		request.has_ticket = true;
		request.ticket.unit = paid;
		request.ticket.value = souk_chain_value(&kit->customer.payer.chain, paid);
	}
	request.auth = souk_unit_request_auth(&kit->customer.session_secret, &request);
	REQUIRE(souk_provider_unit(&kit->provider.provider, &reply, &request,
			souk_time_at_ms(1000)) == SOUK_OK);
	REQUIRE(souk_provider_statement(&kit->provider.provider, statement, &request) == SOUK_OK);
	souk_unit_cipher_xor(&reply.cipher, ret->cipher, kit->data + reply.offset, reply.length);
	statement->agreement = kit->id;
	statement->cipher_root = souk_content_cipher_root(souk_bytes_of(ret->cipher, reply.length));
	souk_content_statement_sign(&ret->signed_unit, &kit->provider.identity);
}

static souk_status accuse(struct court *court, const struct souk_identity *who,
	const struct souk_content_evidence *evidence)
{
	static struct souk_tx_body body;
	struct souk_writer writer;
	body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ACCUSE};
	body.accuse.agreement = court->kit->id;
	body.accuse.fault = SOUK_CONTENT_FAULT_UNIT;
	souk_writer_init(&writer, body.accuse.evidence.data, sizeof body.accuse.evidence.data);
	souk_content_evidence_encode(&writer, evidence);
	REQUIRE(!writer.full);
	body.accuse.evidence.size = (uint16_t)writer.size;
	return world_send_as(court->world, who, &body);
}

static int64_t units_paid(const struct court *court)
{
	return court->kit->customer.payer.unit;
}

/* ---- bad units ---- */

static struct souk_content_evidence evidence;

/* Garbage for so many units, a window at most. Without an agreement that is all. */
static struct outcome bad_unit(uint64_t seed, bool guarded, uint32_t count)
{
	struct court *court = court_new(seed, &content_judges, 600, 300);
	struct souk_identity *buyer = &court->kit->buyer;
	int64_t before = balance_of(court, buyer), lost = 0;
	fetch_window(court, count, true);
	settle(court);
	if (guarded) {
		REQUIRE(judge_kit_accuse(court->kit, &evidence, &court->units[1]) == SOUK_OK);
		if (accuse(court, buyer, &evidence) == SOUK_OK)
			lost = DEPOSIT;
	}
	int64_t profit = units_paid(court) - lost;
	int64_t loss = units_paid(court) - (balance_of(court, buyer) - before);
	court_free(court);
	return (struct outcome){profit, loss};
}

/* The same, and the provider accuses itself in another's name before the customer does. The naive
 * agreement gives all to whoever reports. */
static struct outcome self_accuser(uint64_t seed, bool guarded, uint32_t count)
{
	struct court *court =
		court_new(seed, &content_judges, guarded ? 600 : 0, guarded ? 300 : 1000);
	struct souk_identity *sybil = &court->world->parties[STRANGER];
	fund(court, sybil, BOND);
	fetch_window(court, count, true);
	settle(court);
	REQUIRE(judge_kit_accuse(court->kit, &evidence, &court->units[1]) == SOUK_OK);
	int64_t before = balance_of(court, sybil);
	bool convicted = accuse(court, sybil, &evidence) == SOUK_OK;
	int64_t rescued = balance_of(court, sybil) - before;
	int64_t profit = units_paid(court) + rescued - (convicted ? (int64_t)DEPOSIT : 0);
	court_free(court);
	return (struct outcome){profit, profit};
}

/* ---- silence ---- */

static souk_status challenge(
	struct court *court, const struct judge_kit_unit *unit, const struct souk_hash *ticket)
{
	static struct souk_tx_body body;
	static struct souk_content_question question;
	struct souk_writer writer;
	question = (struct souk_content_question){
		.grant = court->kit->customer.grant, .unit = unit->signed_unit, .ticket = *ticket};
	body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CHALLENGE};
	body.challenge.agreement = court->kit->id;
	souk_writer_init(
		&writer, body.challenge.question.data, sizeof body.challenge.question.data);
	souk_content_question_encode(&writer, &question);
	REQUIRE(!writer.full);
	body.challenge.question.size = (uint16_t)writer.size;
	return world_send_as(court->world, &court->kit->buyer, &body);
}

/* Gives no key for so many units that were paid, and answers nobody. Without challenges that is
 * all. */
static struct outcome stay_silent(uint64_t seed, bool guarded, uint32_t count)
{
	struct court *court = court_new(seed, &content_judges, 600, 300);
	struct souk_identity *buyer = &court->kit->buyer;
	struct judge_kit *kit = court->kit;
	int64_t before = balance_of(court, buyer), lost = 0;
	/* The customer pays a window, and has no key yet. */
	for (uint32_t unit = 1; unit <= count; unit++)
		fetch_raw(court, unit, unit - 1);
	int64_t withheld = count;
	struct souk_hash ticket = souk_chain_value(&kit->customer.payer.chain, count);
	if (guarded && challenge(court, &court->units[count], &ticket) == SOUK_OK) {
		struct souk_tx_body silence = {
			.kind = SOUK_TX_BODY_SILENCE, .silence = {.agreement = kit->id}};
		world_advance(court->world, RESPOND_MS + 1);
		if (world_send_as(court->world, buyer, &silence) == SOUK_OK)
			lost = DEPOSIT;
	}
	int64_t loss = withheld - (balance_of(court, buyer) - before);
	court_free(court);
	return (struct outcome){withheld - lost, loss};
}

/* Says in its statements from that unit on that it was paid with a ticket which nobody issued: no
 * question leads to that. The naive customer does not look. */
static struct outcome lying_statement(uint64_t seed, bool guarded, uint32_t from)
{
	struct court *court = court_new(seed, &content_judges, 600, 300);
	struct judge_kit *kit = court->kit;
	struct souk_identity *buyer = &kit->buyer;
	int64_t before = balance_of(court, buyer), lost = 0;
	uint32_t paid = 0;
	for (uint32_t unit = 1; unit <= KIT_WINDOW; unit++) {
		struct souk_unit_statement *statement = &court->units[unit].signed_unit.statement;
		fetch_raw(court, unit, paid);
		kit->customer.payer.unit = paid;
		if (unit >= from) {
			statement->value.bytes[0] ^= 1;
			souk_content_statement_sign(
				&court->units[unit].signed_unit, &kit->provider.identity);
		}
		if (guarded && souk_content_statement_check_paid(statement, &kit->customer.payer) !=
				       SOUK_OK)
			break;
		paid = unit;
	}
	/* A question about any unit that was paid will do. */
	for (uint32_t unit = 1; unit <= paid && lost == 0; unit++) {
		struct souk_tx_body silence = {
			.kind = SOUK_TX_BODY_SILENCE, .silence = {.agreement = kit->id}};
		struct souk_hash ticket = souk_chain_value(&kit->customer.payer.chain, unit);
		if (challenge(court, &court->units[unit], &ticket) != SOUK_OK)
			continue;
		world_advance(court->world, RESPOND_MS + 1);
		if (world_send_as(court->world, buyer, &silence) == SOUK_OK)
			lost = DEPOSIT;
	}
	int64_t loss = paid - (balance_of(court, buyer) - before);
	court_free(court);
	return (struct outcome){paid - lost, loss};
}

/* ---- customers ---- */

/* An honest unit, and evidence against it with a part of another: other bytes, another key, another
 * place, another content. */
static void bend(struct court *court, uint32_t how)
{
	struct judge_kit *kit = court->kit;
	REQUIRE(judge_kit_accuse(kit, &evidence, &court->units[1]) != SOUK_OK);
	kit->data[7] ^= 1;
	(void)!judge_kit_accuse(kit, &evidence, &court->units[1]);
	kit->data[7] ^= 1;
	/* Now all of it is true but for the block that should have come; then that, and one lie. */
	if (how > 0)
		evidence.expected = kit->row[0];
	if (how == 1)
		evidence.cipher.data[0] ^= 1;
	else if (how == 2)
		evidence.key.bytes[0] ^= 1;
	else if (how == 3)
		evidence.unit.statement.chunk ^= 1;
	else if (how == 4)
		evidence.expected.bytes[0] ^= 1;
	if (how == 5) {
		evidence.cipher.data[0] ^= 1;
		evidence.unit.statement.cipher_root = souk_content_cipher_root(
			souk_bytes_of(evidence.cipher.data, evidence.cipher.size));
	}
}

/* So many accusations of an honest provider, each with another lie. */
static struct outcome false_accuser(uint64_t seed, bool guarded, uint32_t times)
{
	struct court *court = court_new(seed, guarded ? &content_judges : &naive_judges, 600, 300);
	const struct souk_identity *buyer = &court->kit->buyer,
				   *provider = &court->kit->provider.identity;
	int64_t before = balance_of(court, buyer), theirs = balance_of(court, provider);
	fetch_window(court, 2, false);
	settle(court);
	bool convicted = false;
	for (uint32_t how = 0; how < times; how++) {
		bend(court, how);
		convicted = accuse(court, buyer, &evidence) == SOUK_OK &&
					    balance_of(court, buyer) > before
				    ? true
				    : convicted;
	}
	int64_t profit = balance_of(court, buyer) - before;
	int64_t loss = (convicted ? (int64_t)DEPOSIT : 0) - (balance_of(court, provider) - theirs);
	court_free(court);
	return (struct outcome){profit, loss};
}

/* Has a window of units, pays none, and asks the ledger for the key of the last; the provider
 * answers whatever it is asked, or it would lose its deposit. */
static struct outcome free_keys(uint64_t seed, bool guarded, uint32_t count)
{
	static struct souk_chain chain;
	static struct souk_tx_body body;
	static struct souk_content_answer answer;
	struct court *court = court_new(seed, guarded ? &content_judges : &naive_judges, 600, 300);
	struct judge_kit *kit = court->kit;
	int64_t before = balance_of(court, &kit->buyer);
	for (uint32_t unit = 1; unit <= count; unit++)
		fetch_raw(court, unit, 0);
	int64_t unpaid = count, opened = 0;
	struct souk_hash ticket = {{1}};
	struct souk_content_question question = {
		.grant = kit->customer.grant, .unit = court->units[count].signed_unit};
	if (challenge(court, &court->units[count], &ticket) == SOUK_OK) {
		struct souk_writer writer;
		REQUIRE(souk_content_answer(&answer, &question, judge_kit_record(kit), &chain) ==
			SOUK_OK);
		body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ANSWER};
		body.answer.agreement = kit->id;
		souk_writer_init(&writer, body.answer.answer.data, sizeof body.answer.answer.data);
		souk_content_answer_encode(&writer, &answer);
		body.answer.answer.size = (uint16_t)writer.size;
		REQUIRE(world_send_as(court->world, &kit->provider.identity, &body) == SOUK_OK);
		opened = unpaid;
	}
	int64_t profit = opened + balance_of(court, &kit->buyer) - before;
	court_free(court);
	return (struct outcome){profit, profit};
}

const struct attack agreement_attacks[] = {
	{
		.name = "bad-unit",
		.who = "payee",
		.how = "sends garbage under an agreement",
		.guard = "a signed unit that fails its root convicts: the deposit is gone",
		.where = "content.md 5",
		.code = "souk_content_convict, ledger_apply_accuse",
		.unit = "u",
		.knob = "bad units",
		.knobs = {1, 4, 8},
		.bound = 0,
		.loss_bound = 0,
		.run = bad_unit,
	},
	{
		.name = "self-accuser",
		.who = "payee",
		.how = "is convicted at its own instance, to have the reward",
		.guard = "a part for the victim, and a part that is burned",
		.where = "ledger.md 5, accuse",
		.code = "punish",
		.unit = "u",
		.knob = "bad units",
		.knobs = {1, 4, 8},
		.bound = 0,
		.loss_bound = 0,
		.run = self_accuser,
	},
	{
		.name = "stay-silent",
		.who = "payee",
		.how = "keeps keys that were paid, under an agreement",
		.guard = "a challenge that is not answered in time costs the deposit",
		.where = "ledger.md 5, silence",
		.code = "ledger_apply_challenge, ledger_apply_silence",
		.unit = "u",
		.knob = "keys kept",
		.knobs = {2, 4, 8},
		.bound = 0,
		.loss_bound = 0,
		.run = stay_silent,
	},
	{
		.name = "lying-statement",
		.who = "payee",
		.how = "keeps keys, and signs that it was paid with other tickets",
		.guard = "the customer pays for no unit whose statement hides its ticket",
		.where = "content.md 5",
		.code = "souk_content_statement_check_paid",
		.unit = "u",
		.knob = "lies from unit",
		.knobs = {1, 4, 8},
		.run = lying_statement,
	},
	{
		.name = "false-accuser",
		.who = "customer",
		.how = "accuses an honest provider",
		.guard = "evidence binds every byte to the provider's signature; a bond",
		.where = "content.md 5",
		.code = "souk_content_convict, lose_bond",
		.unit = "u",
		.knob = "accusations",
		.knobs = {1, 2, 6},
		.bound = 0,
		.loss_bound = 0,
		.run = false_accuser,
	},
	{
		.name = "free-keys",
		.who = "customer",
		.how = "asks the ledger for keys that it did not pay",
		.guard = "a question proves that its unit was paid",
		.where = "content.md 5",
		.code = "souk_content_question_check",
		.unit = "u",
		.knob = "units",
		.knobs = {2, 4, 8},
		.bound = 0,
		.loss_bound = 0,
		.run = free_keys,
	},
	{.name = NULL},
};
