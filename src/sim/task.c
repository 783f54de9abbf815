/* SPDX-License-Identifier: Apache-2.0 */
#include "task.h"

#include <string.h>

#include "actors.h"
#include "scenario.h"
#include "souk/crypto/sha256.h"
#include "souk/wire/reader.h"

#define SIGNED_SIZE (SIM_TASK_STATEMENT_SIZE - SOUK_SIGNATURE_SIZE)

static const char terms_tag[8] = "soukTASK";

struct souk_hash sim_task_terms_hash(const struct sim_task_terms *terms)
{
	struct souk_hash hash = {{0}};
	memcpy(hash.bytes, terms_tag, sizeof terms_tag);
	souk_store_be32(hash.bytes + 8, terms->detect_ppm);
	souk_store_be32(hash.bytes + 12, terms->false_ppm);
	souk_store_be64(hash.bytes + 16, terms->price.ncoin);
	return hash;
}

souk_status sim_task_terms_read(struct sim_task_terms *ret, const struct souk_hash *terms)
{
	struct sim_task_terms read = {
		.detect_ppm = souk_load_be32(terms->bytes + 8),
		.false_ppm = souk_load_be32(terms->bytes + 12),
		.price = {souk_load_be64(terms->bytes + 16)},
	};
	struct souk_hash again = sim_task_terms_hash(&read);
	if (!souk_hash_equal(&again, terms) || read.detect_ppm > SIM_PPM_ALL ||
		read.false_ppm > SIM_PPM_ALL)
		return SOUK_PEER_AGREEMENT_TERMS;
	*ret = read;
	return SOUK_OK;
}

void sim_task_statement_write(
	uint8_t out[SIM_TASK_STATEMENT_SIZE], const struct sim_task_statement *statement)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SIM_TASK_STATEMENT_SIZE);
	souk_writer_append(&writer, statement->agreement.bytes, SOUK_HASH_SIZE);
	souk_writer_u64(&writer, statement->number);
	souk_writer_append(&writer, statement->sealed.bytes, SOUK_HASH_SIZE);
	souk_writer_append(&writer, statement->draw.bytes, SOUK_HASH_SIZE);
	souk_writer_u8(&writer, statement->is_bad);
	souk_writer_append(&writer, statement->signature.bytes, SOUK_SIGNATURE_SIZE);
}

souk_status sim_task_statement_read(struct sim_task_statement *ret, struct souk_bytes in)
{
	struct sim_task_statement read;
	struct souk_reader reader;
	souk_reader_init(&reader, in);
	souk_reader_raw(&reader, "agreement", read.agreement.bytes, SOUK_HASH_SIZE);
	read.number = souk_reader_u64(&reader, "number");
	souk_reader_raw(&reader, "sealed", read.sealed.bytes, SOUK_HASH_SIZE);
	souk_reader_raw(&reader, "draw", read.draw.bytes, SOUK_HASH_SIZE);
	read.is_bad = souk_reader_bool(&reader, "is_bad");
	souk_reader_raw(&reader, "signature", read.signature.bytes, SOUK_SIGNATURE_SIZE);
	if (reader.status == SOUK_OK && souk_reader_left(&reader) > 0)
		souk_reader_fail(&reader, SOUK_PEER_OVERSIZED, "statement");
	if (reader.status == SOUK_OK)
		*ret = read;
	return reader.status;
}

static struct souk_hash digest_of(const struct sim_task_statement *statement)
{
	uint8_t bytes[SIM_TASK_STATEMENT_SIZE];
	sim_task_statement_write(bytes, statement);
	return souk_sha256_domain("sim_task", souk_bytes_of(bytes, SIGNED_SIZE));
}

void sim_task_statement_sign(
	struct sim_task_statement *statement, const struct souk_identity *provider)
{
	struct souk_hash digest = digest_of(statement);
	souk_ecdsa_sign(&statement->signature, &digest, provider);
}

souk_status sim_task_statement_check(
	const struct sim_task_statement *statement, const struct souk_address *provider)
{
	struct souk_hash digest = digest_of(statement);
	return souk_ecdsa_verify(provider, &digest, &statement->signature);
}

struct souk_hash sim_task_seal(const struct souk_hash *measure)
{
	return souk_sha256_of(measure->bytes, sizeof measure->bytes);
}

bool sim_task_is_found(const struct sim_task_statement *statement, const struct souk_hash *measure,
	const struct sim_task_terms *terms)
{
	uint8_t bytes[2 * SOUK_HASH_SIZE];
	memcpy(bytes, measure->bytes, SOUK_HASH_SIZE);
	memcpy(bytes + SOUK_HASH_SIZE, statement->draw.bytes, SOUK_HASH_SIZE);
	struct souk_hash hash = souk_sha256_domain("sim_audit", souk_bytes_of(bytes, sizeof bytes));
	/* 32 bits of it, as a number of millionths: the bias is below one in four thousand of one.
	 */
	uint64_t ppm = (uint64_t)souk_load_be32(hash.bytes) * SIM_PPM_ALL >> 32;
	return ppm < (statement->is_bad ? terms->detect_ppm : terms->false_ppm);
}

/* ---------------------------------------------------------------- draws */

struct souk_hash sim_task_derive(
	const uint8_t seed[32], uint8_t purpose, uint64_t first, uint64_t second)
{
	uint8_t bytes[49];
	memcpy(bytes, seed, 32);
	bytes[32] = purpose;
	souk_store_be64(bytes + 33, first);
	souk_store_be64(bytes + 41, second);
	return souk_sha256_one_block(bytes, sizeof bytes);
}

struct souk_amount sim_task_cost(const struct sim_scenario *scenario)
{
	return souk_amount_of_ncoin(scenario->price * scenario->saving_ppm / SIM_PPM_ALL);
}

bool sim_task_is_provider(const struct sim_actor *actor)
{
	return actor == &sim_task_provider_actor || actor == &sim_task_cheat_actor;
}

uint64_t sim_task_audits(const struct sim_scenario *scenario, uint64_t count)
{
	return (count * scenario->audit_ppm + SIM_PPM_ALL - 1) / SIM_PPM_ALL;
}

/* The first task of stretch INDEX. */
static uint64_t stretch_start(uint64_t audit_ppm, uint64_t index)
{
	return (index * SIM_PPM_ALL + audit_ppm - 1) / audit_ppm;
}

bool sim_task_is_audited(
	const struct sim_scenario *scenario, const uint8_t seed[32], uint64_t number)
{
	uint64_t ppm = scenario->audit_ppm;
	if (ppm == 0)
		return false;
	uint64_t index = number * ppm / SIM_PPM_ALL;
	uint64_t start = stretch_start(ppm, index), end = stretch_start(ppm, index + 1);
	struct souk_hash draw = sim_task_derive(seed, 'a', index, 0);
	return number == start + souk_load_be64(draw.bytes) % (end - start);
}
