/* SPDX-License-Identifier: Apache-2.0 */
#include "judge_kit.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"

static const struct souk_time now = {1000};

static void make_content(struct judge_kit *kit, uint64_t seed, uint64_t size, uint32_t chunk_size)
{
	struct souk_content_builder builder;
	struct souk_hash scratch[JUDGE_KIT_ROW_MAX];
	struct souk_rng rng;
	SOUK_CHECK(size > 0 && size <= JUDGE_KIT_SIZE_MAX && chunk_size <= JUDGE_KIT_CHUNK_MAX);
	souk_rng_init(&rng, seed);
	souk_rng_fill(&rng, kit->data, size);
	souk_content_builder_init(&builder, chunk_size, kit->row, JUDGE_KIT_ROW_MAX);
	for (uint64_t at = 0; at < size; at += chunk_size) {
		uint64_t left = size - at;
		struct souk_bytes chunk =
			souk_bytes_of(kit->data + at, left < chunk_size ? left : chunk_size);
		SOUK_CHECK(souk_content_builder_add(&builder, chunk) == SOUK_OK);
	}
	souk_content_builder_finish(&builder, scratch, &kit->content);
}

static void make_agreement(struct judge_kit *kit)
{
	kit->agreement = (struct souk_agreement){
		.version = 1,
		.ledger = {{1}},
		.service = SOUK_SERVICE_CONTENT,
		.provider = kit->provider.identity.address,
		.customer = kit->buyer.address,
		.terms = kit->content.id,
		.deposit = {1000000},
		.bond = {1000},
		.victim_permille = 600,
		.reporter_permille = 300,
		.respond_ms = 1000,
		.ends = {100000},
	};
	kit->id = souk_agreement_digest(&kit->agreement);
}

void judge_kit_init(
	struct judge_kit *kit, uint64_t seed, uint64_t size, uint32_t chunk_size, uint32_t units)
{
	memset(&kit->provider, 0, sizeof kit->provider);
	make_content(kit, seed, size, chunk_size);
	kit_identity(&kit->provider.identity, seed * 4 + 1);
	kit_identity(&kit->buyer, seed * 4 + 2);
	kit->provider.window = 8;
	kit_payer_init(&kit->payer, seed * 4 + 3, &kit->provider.identity.address, 1, 1000000);
	kit_provider_start(&kit->provider, seed, 0, souk_time_at_ms(1000000), now);
	make_agreement(kit);
	struct souk_offer offer =
		kit_offer(&kit->provider.identity, &kit->content.id, size, chunk_size, 10, 8, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = kit->payer.escrow_id, .units = units, .seed = {7}};
	struct souk_provider_item item = {.content = kit->content.id,
		.size = size,
		.chunk_size = chunk_size,
		.price = offer.price};
	SOUK_CHECK(souk_customer_init(&kit->customer, &config) == SOUK_OK);
	SOUK_CHECK(kit_handshake(&kit->customer, &kit->payer, 0, &kit->provider, &item, now) ==
		   SOUK_OK);
}

void judge_kit_fetch(
	struct judge_kit *kit, struct judge_kit_unit *ret, uint32_t chunk, uint64_t spoil)
{
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	struct souk_provider *provider = &kit->provider.provider;
	struct souk_unit_statement *statement = &ret->signed_unit.statement;
	SOUK_CHECK(souk_customer_next(&kit->customer, &request, chunk, now) == SOUK_OK);
	SOUK_CHECK(souk_provider_unit(provider, &reply, &request, now) == SOUK_OK);
	SOUK_CHECK(souk_provider_statement(provider, statement, &request) == SOUK_OK);
	ret->length = reply.length;
	memcpy(ret->cipher, kit->data + reply.offset, reply.length);
	if (spoil != JUDGE_KIT_HONEST)
		ret->cipher[spoil / 8 % reply.length] ^= (uint8_t)(1u << spoil % 8);
	souk_unit_cipher_xor(&reply.cipher, ret->cipher, ret->cipher, reply.length);
	statement->agreement = kit->id;
	statement->cipher_root = souk_content_cipher_root(souk_bytes_of(ret->cipher, ret->length));
	souk_content_statement_sign(&ret->signed_unit, &kit->provider.identity);
	SOUK_CHECK(souk_content_statement_check(&ret->signed_unit, &kit->id, &kit->customer.grant,
			   request.unit, &kit->content, chunk,
			   souk_bytes_of(ret->cipher, ret->length)) == SOUK_OK);
	SOUK_CHECK(souk_content_statement_check_paid(statement, &kit->customer.payer) == SOUK_OK);
	if (reply.has_key)
		SOUK_CHECK(souk_customer_key(&kit->customer, &reply.key) == SOUK_OK);
	SOUK_CHECK(souk_customer_received(&kit->customer, request.unit) == SOUK_OK);
}

void judge_kit_settle(struct judge_kit *kit, uint32_t unit)
{
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	SOUK_CHECK(souk_customer_settle(&kit->customer, &request, now) == SOUK_OK);
	SOUK_CHECK(souk_provider_unit(&kit->provider.provider, &reply, &request, now) == SOUK_OK);
	SOUK_CHECK(reply.has_key && souk_customer_key(&kit->customer, &reply.key) == SOUK_OK);
	SOUK_CHECK(souk_customer_verified(&kit->customer, unit) == SOUK_OK);
}

souk_status judge_kit_accuse(const struct judge_kit *kit, struct souk_content_evidence *ret,
	const struct judge_kit_unit *unit)
{
	struct souk_hash scratch[JUDGE_KIT_ROW_MAX], key;
	const struct souk_unit_statement *statement = &unit->signed_unit.statement;
	const struct souk_content_case about = {
		.ask = &kit->customer.ask,
		.grant = &kit->customer.grant,
		.unit = &unit->signed_unit,
		.key = &key,
		.key_leaves = kit->customer.key_leaves,
		.cipher = souk_bytes_of(unit->cipher, unit->length),
		.chunk = souk_bytes_of(
			kit->data + souk_content_chunk_offset(&kit->content, statement->chunk),
			unit->length),
		.row = kit->row,
		.scratch = scratch,
	};
	SOUK_TRY(souk_customer_unit_key(&kit->customer, &key, statement->unit));
	return souk_content_accuse(ret, &about);
}

souk_status judge_kit_convict(
	const struct souk_agreement *about, const struct souk_content_evidence *evidence)
{
	uint8_t bytes[SOUK_CONTENT_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes encoded;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_content_evidence_encode(&writer, evidence);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	return souk_content_convict(about, SOUK_CONTENT_FAULT_UNIT, encoded);
}

const struct souk_session_record *judge_kit_record(struct judge_kit *kit)
{
	return kit_provider_stored(&kit->provider, &kit->customer.grant.session);
}
