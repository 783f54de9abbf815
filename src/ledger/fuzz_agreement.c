/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes become moves of everybody in agreements of two services: one whose units are delivered, one
 * that runs until it is revoked. Each move is a kind, who makes it, which agreement it is about,
 * and an argument. After each one: a refusal changed nothing; no coin was made or lost; and
 *
 *   - what is convicted stays convicted, and never has a challenge;
 *   - what is revoked stays revoked, and is asked nothing new; nor is a revocable one after its
 * end;
 *   - a challenge that is due is answered, punished, or there still. */
#include <stdlib.h>
#include <string.h>

#include "test_market.h"

#define STEPS_MAX  120
#define AGREEMENTS 4u
#define DELIVERED  7u
#define REVOCABLE  8u
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- a judge that does as the first byte says ---- */

static souk_status verdict(struct souk_bytes bytes)
{
	return bytes.size > 0 && bytes.data[0] % 2 != 0 ? SOUK_OK : SOUK_PEER_NOT_GUILTY;
}

static souk_status convict(
	const struct souk_agreement *agreement, uint32_t fault, struct souk_bytes evidence)
{
	(void)agreement;
	return fault == 1 ? verdict(evidence) : SOUK_PEER_NOT_GUILTY;
}

static souk_status question(const struct souk_agreement *agreement, struct souk_bytes asked)
{
	(void)agreement;
	return verdict(asked);
}

static souk_status answer(
	const struct souk_agreement *agreement, struct souk_bytes asked, struct souk_bytes answered)
{
	(void)agreement;
	REQUIRE(verdict(asked) == SOUK_OK);
	return verdict(answered);
}

static souk_status terms(const struct souk_agreement *agreement)
{
	return verdict(souk_bytes_of(agreement->details.data, agreement->details.size));
}

static bool may_ask(const struct souk_agreement *agreement, const struct souk_address *who)
{
	return memcmp(agreement->terms.bytes, who->bytes, sizeof who->bytes) == 0;
}

static souk_status convict_revoked(const struct souk_agreement *agreement, struct souk_time revoked,
	uint32_t fault, struct souk_bytes evidence)
{
	(void)agreement;
	REQUIRE(revoked.ms != 0);
	return fault <= 2 ? verdict(evidence) : SOUK_PEER_NOT_GUILTY;
}

static const struct souk_judge delivered_judge = {
	.service = DELIVERED, .convict = convict, .question = question, .answer = answer};
static const struct souk_judge revocable_judge = {.service = REVOCABLE,
	.convict = convict,
	.question = question,
	.answer = answer,
	.terms = terms,
	.may_ask = may_ask,
	.convict_revoked = convict_revoked};
static const struct souk_judge *const judge_list[] = {&delivered_judge, &revocable_judge};
static const struct souk_judges judges = {judge_list, 2};

/* ---- moves ---- */

struct scene {
	struct market *market;
	struct souk_agreement agreements[AGREEMENTS];
	struct souk_hash ids[AGREEMENTS];
	uint8_t count; /* of nonces */
};

struct move {
	uint8_t kind, who, which, argument;
};

static struct souk_agreement agreement_of(struct scene *scene, const struct move *move)
{
	const struct market *market = scene->market;
	uint8_t argument = move->argument;
	struct souk_agreement agreement = {
		.version = 1,
		.ledger = market->ledger.record.ledger,
		.service = argument & 1 ? REVOCABLE : DELIVERED,
		.provider = market->parties[BOB].address,
		.customer = market->parties[argument & 2 ? BOB : CAROL].address,
		.deposit = {argument & 4 ? 1001 : COIN},
		.bond = {100},
		.victim_permille = argument & 8 ? 1000 : 333,
		.reporter_permille = argument & 16 ? 1 : 0,
		.respond_ms = argument & 32 ? UINT64_MAX : 3000,
		.ends = souk_time_plus_ms(market->now, argument & 64 ? UINT64_MAX : 8000),
		.nonce = {{++scene->count}},
	};
	memcpy(agreement.terms.bytes, market->parties[DAVE].address.bytes, SOUK_ADDRESS_SIZE);
	if (agreement.service == REVOCABLE || argument & 128) {
		agreement.details.size = 1;
		agreement.details.data[0] = 1;
	}
	return agreement;
}

static struct souk_tx_body body_of(struct scene *scene, const struct move *move)
{
	uint8_t which = move->which % AGREEMENTS;
	const struct souk_hash *id = &scene->ids[which];
	struct souk_tx_body body = {0};
	switch (move->kind % 10) {
	case 0:
		scene->agreements[which] = agreement_of(scene, move);
		scene->ids[which] = souk_agreement_digest(&scene->agreements[which]);
		body.kind = SOUK_TX_BODY_AGREE;
		body.agree.agreement.agreement = scene->agreements[which];
		souk_ecdsa_sign(&body.agree.agreement.signature, id,
			&scene->market->parties[move->argument & 2 ? BOB : CAROL]);
		break;
	case 1:
		body.kind = SOUK_TX_BODY_ACCUSE;
		body.accuse.agreement = *id;
		body.accuse.fault = move->argument / 2 % 4;
		body.accuse.evidence.size = 1;
		body.accuse.evidence.data[0] = move->argument;
		break;
	case 2:
		body.kind = SOUK_TX_BODY_CHALLENGE;
		body.challenge.agreement = *id;
		body.challenge.question.size = 1;
		body.challenge.question.data[0] = move->argument;
		break;
	case 3:
		body.kind = SOUK_TX_BODY_ANSWER;
		body.answer.agreement = *id;
		body.answer.answer.size = 1;
		body.answer.answer.data[0] = move->argument;
		break;
	case 4: body = (struct souk_tx_body){.kind = SOUK_TX_BODY_SILENCE, .silence = {*id}}; break;
	case 5:
		body.kind = SOUK_TX_BODY_AGREEMENT_REVOKE;
		body.agreement_revoke.agreement = *id;
		break;
	case 6:
		body.kind = SOUK_TX_BODY_AGREEMENT_END;
		body.agreement_end.agreement = *id;
		break;
	case 7:
		body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ANCHOR,
			.anchor = {.root = {{move->which}}, .count = move->argument}};
		break;
	default: body = body_transfer(scene->market, move->which % PARTY_COUNT, move->argument);
	}
	return body;
}

/* ---- what must hold ---- */

static bool find(
	const struct scene *scene, const struct souk_hash *id, struct souk_agreement_record *ret)
{
	return souk_ledger_get_agreement(ret, &scene->market->ledger, id) == SOUK_OK;
}

static void check_change(const struct scene *scene, const struct souk_agreement_record *before,
	const struct souk_agreement_record *after)
{
	struct souk_time now = scene->market->now;
	bool is_asked = !before->challenged && after->challenged;
	bool is_over = !souk_time_is_before(now, after->agreement.ends);
	REQUIRE(!before->convicted || after->convicted);
	REQUIRE(!(after->convicted && after->challenged));
	REQUIRE(before->revoked.ms == 0 || after->revoked.ms == before->revoked.ms);
	REQUIRE(after->revoked.ms == 0 || after->agreement.service == REVOCABLE);
	REQUIRE(!(is_asked && after->revoked.ms != 0));
	REQUIRE(!(is_asked && after->agreement.service == REVOCABLE && is_over));
	/* Who must still answer can: nothing is deleted or revoked under a challenge. */
	REQUIRE(!(before->challenged && before->revoked.ms != after->revoked.ms));
}

static void apply_checked(struct scene *scene, enum party from, const struct souk_tx_body *body)
{
	static struct souk_ledger before;
	struct market *market = scene->market;
	struct souk_signed_tx tx;
	struct souk_receipt receipt;
	market_sign(&tx, market, from, body);
	struct souk_hash records = test_store_digest(&market->records);
	memcpy(&before, &market->ledger, sizeof before);
	souk_status status = souk_ledger_apply(&market->ledger, &tx, &receipt);
	if (status == SOUK_OK) {
		if (market->tx_count < MARKET_BLOCK_TX_MAX)
			market->txs[market->tx_count++] = tx;
		return;
	}
	REQUIRE(souk_ledger_refused(status));
	REQUIRE(memcmp(&before, &market->ledger, sizeof before) == 0);
	struct souk_hash after = test_store_digest(&market->records);
	REQUIRE(souk_hash_equal(&records, &after));
}

static void step(struct scene *scene, const struct move *move)
{
	struct souk_agreement_record before, after;
	if (move->kind % 10 == 9) {
		market_advance(scene->market, (uint64_t)move->argument * 50);
		REQUIRE(souk_ledger_audit(&scene->market->ledger) == SOUK_OK);
		return;
	}
	struct souk_tx_body body = body_of(scene, move);
	const struct souk_hash id = scene->ids[move->which % AGREEMENTS];
	bool was = find(scene, &id, &before);
	apply_checked(scene, move->who % PARTY_COUNT, &body);
	bool is = find(scene, &id, &after);
	if (was && is)
		check_change(scene, &before, &after);
	REQUIRE(!was || is || (body.kind == SOUK_TX_BODY_AGREEMENT_END && !before.challenged));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene scene = {.market = market_new()};
	souk_ledger_set_judges(&scene.market->ledger, &judges);
	market_fund(scene.market, BOB, 20 * COIN);
	market_fund(scene.market, CAROL, COIN);
	market_fund(scene.market, DAVE, COIN);
	for (size_t i = 0; i < STEPS_MAX && (i + 1) * 4 <= size; i++) {
		const uint8_t *at = data + 4 * i;
		step(&scene, &(struct move){at[0], at[1], at[2], at[3]});
	}
	market_seal(scene.market);
	REQUIRE(souk_ledger_audit(&scene.market->ledger) == SOUK_OK);
	market_free(scene.market);
	return 0;
}
