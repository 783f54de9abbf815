/* SPDX-License-Identifier: Apache-2.0
 *
 * Buying under agreements: statements are checked before anything is paid, and what a provider
 * stood up for wrongly, or withheld, is given to the user, for souk agreement.
 *
 * Evidence needs the right bytes beside the wrong ones: it is written at the end, when another
 * provider has sold that chunk. */
#include <stdlib.h>
#include <string.h>

#include "fetch_paid.h"
#include "souk/base/check.h"
#include "souk/content/judge.h"
#include "souk/exchange/header.h"

/* A unit that may turn out wrong: everything that evidence needs, as it was when it came. */
struct paid_suspect {
	struct paid_suspect *next;
	struct souk_ask ask;
	struct souk_grant grant;
	struct souk_signed_unit unit;
	struct souk_hash key;
	struct souk_hash key_leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	uint32_t length;
	uint8_t cipher[];
};

/* ------------------------------------------------------------------ which agreements */

static bool suits(const struct paid *paid, const struct paid_provider *provider,
	const struct souk_agreement_record *record)
{
	const struct souk_agreement *agreement = &record->agreement;
	return agreement->service == SOUK_SERVICE_CONTENT && !record->convicted &&
	       souk_address_equal(&agreement->provider, &provider->entry.address) &&
	       souk_hash_equal(&agreement->terms, &paid->fetch->content.id) &&
	       souk_time_is_before(paid_now(), agreement->ends);
}

/* Of two that suit, the one with the higher deposit. */
static bool consider(struct paid *paid, const struct souk_agreement_record *record)
{
	bool any = false;
	for (size_t i = 0; i < paid->provider_count; i++) {
		struct paid_provider *provider = &paid->providers[i];
		if (!suits(paid, provider, record) ||
			(provider->is_accountable &&
				!souk_amount_is_less(
					provider->agreement.deposit, record->agreement.deposit)))
			continue;
		provider->is_accountable = any = true;
		provider->agreement = record->agreement;
		provider->agreement_id = souk_agreement_digest(&record->agreement);
	}
	return any;
}

static void consider_one(void *paid, const struct souk_agreement_record *record)
{
	bool any = consider(paid, record);
	(void)any;
}

souk_status paid_find_agreements(struct paid *paid)
{
	struct souk_agreement_record record;
	struct souk_hash id;
	paid->statements = calloc(paid->slot_count, sizeof *paid->statements);
	if (paid->statements == NULL)
		return SOUK_IO_MEMORY;
	if (paid->config->agreement_text == NULL)
		return memory_agreements(paid->config->memory, paid->fetch->chain,
			&paid->identity->address, consider_one, paid);
	SOUK_TRY(souk_hex_decode(id.bytes, SOUK_HASH_SIZE, paid->config->agreement_text));
	SOUK_TRY(souk_chain_agreement(paid->fetch->chain, &id, &record));
	return consider(paid, &record) ? SOUK_OK : SOUK_PEER_NO_AGREEMENT;
}

bool paid_is_accountable(const struct paid_provider *provider)
{
	return provider->is_accountable &&
	       souk_time_is_before(paid_now(), provider->agreement.ends);
}

/* ------------------------------------------------------------------ statements */

souk_status paid_check_statement(struct paid *paid, const struct paid_transfer *transfer,
	const char *header, const uint8_t *cipher)
{
	const struct paid_provider *provider = &paid->providers[transfer->provider];
	struct souk_signed_unit *unit = &paid->statements[transfer->slot];
	memset(unit, 0, sizeof *unit);
	if (!transfer->is_accountable)
		return SOUK_OK;
	if (souk_statement_parse(unit, souk_bytes_text(header)) != SOUK_OK)
		return SOUK_PEER_BAD_STATEMENT;
	souk_status status = souk_content_statement_check(unit, &provider->agreement_id,
		&provider->customer->grant, transfer->unit, &paid->fetch->content, transfer->chunk,
		souk_bytes_of(cipher, transfer->length));
	if (status == SOUK_OK)
		status = souk_content_statement_check_paid(
			&unit->statement, &provider->customer->payer);
	if (status != SOUK_OK)
		memset(unit, 0, sizeof *unit);
	return status;
}

static bool has_statement(const struct souk_signed_unit *unit)
{
	return unit->statement.unit != 0;
}

/* ------------------------------------------------------------------ wrong units */

struct paid_suspect *paid_suspect_new(
	struct paid *paid, uint32_t number, uint32_t slot, uint32_t length)
{
	const struct souk_customer *customer = paid->providers[number].customer;
	const struct souk_signed_unit *unit = &paid->statements[slot];
	if (!has_statement(unit))
		return NULL;
	struct paid_suspect *suspect = malloc(sizeof *suspect + length);
	if (suspect == NULL)
		return NULL;
	*suspect = (struct paid_suspect){
		.ask = customer->ask, .grant = customer->grant, .unit = *unit, .length = length};
	memcpy(suspect->key_leaves, customer->key_leaves, sizeof suspect->key_leaves);
	if (souk_customer_unit_key(customer, &suspect->key, unit->statement.unit) != SOUK_OK) {
		free(suspect);
		return NULL;
	}
	return suspect;
}

void paid_suspect_settle(struct paid *paid, struct paid_suspect *suspect, souk_status status,
	const struct souk_unit_cipher *cipher, const uint8_t *plain)
{
	if (suspect == NULL)
		return;
	if (status != SOUK_PEER_BAD_UNIT) {
		free(suspect);
		return;
	}
	/* Encrypted again, these are the bytes that came. */
	souk_unit_cipher_xor(cipher, suspect->cipher, plain, suspect->length);
	pthread_mutex_lock(&paid->money_lock);
	suspect->next = paid->suspects;
	paid->suspects = suspect;
	pthread_mutex_unlock(&paid->money_lock);
}

/* ------------------------------------------------------------------ what the user gets */

static bool is_evidence_kept(const struct paid *paid)
{
	return paid->config->events.evidence != NULL && paid->config->events.read != NULL;
}

static void give(struct paid *paid, bool is_question, const struct souk_writer *writer)
{
	const struct fetch_events *events = &paid->config->events;
	if (is_evidence_kept(paid))
		events->evidence(
			events->ctx, is_question, souk_bytes_of(writer->data, writer->size));
}

/* The right bytes of CHUNK, from what was verified; NULL where they did not come. */
static uint8_t *read_chunk(struct paid *paid, uint32_t chunk)
{
	const struct fetch_events *events = &paid->config->events;
	uint32_t length = souk_content_chunk_length(&paid->fetch->content, chunk);
	uint8_t *data = malloc(length);
	if (data != NULL && souk_bitmap_get(&paid->download.done, chunk) &&
		events->read(events->ctx, chunk, data, length) == SOUK_OK)
		return data;
	free(data);
	return NULL;
}

/* What one wrong unit proves needs room. */
struct proof {
	struct souk_content_evidence evidence;
	uint8_t bytes[SOUK_CONTENT_EVIDENCE_SIZE_MAX];
};

static void write_proof(struct paid *paid, const struct paid_suspect *suspect, const uint8_t *chunk,
	struct souk_hash *scratch, struct proof *proof)
{
	struct souk_writer writer;
	const struct souk_content_case about = {
		.ask = &suspect->ask,
		.grant = &suspect->grant,
		.unit = &suspect->unit,
		.key = &suspect->key,
		.key_leaves = suspect->key_leaves,
		.cipher = souk_bytes_of(suspect->cipher, suspect->length),
		.chunk = souk_bytes_of(chunk, suspect->length),
		.row = paid->fetch->row,
		.scratch = scratch,
	};
	souk_writer_init(&writer, proof->bytes, sizeof proof->bytes);
	if (souk_content_accuse(&proof->evidence, &about) != SOUK_OK)
		return;
	souk_content_evidence_encode(&writer, &proof->evidence);
	give(paid, false, &writer);
}

static void write_evidence(struct paid *paid, const struct paid_suspect *suspect)
{
	uint8_t *chunk = read_chunk(paid, suspect->unit.statement.chunk);
	struct souk_hash *scratch = malloc(paid->fetch->chunk_count * sizeof *scratch);
	struct proof *proof = malloc(sizeof *proof);
	if (chunk == NULL)
		fetch_note(paid->fetch, "a unit was wrong, but nobody sold the right one: it takes "
					"both to prove it");
	else if (scratch != NULL && proof != NULL)
		write_proof(paid, suspect, chunk, scratch, proof);
	free(chunk);
	free(scratch);
	free(proof);
}

void paid_note_withheld(struct paid_provider *provider)
{
	struct paid *paid = provider->paid;
	struct souk_customer *customer = provider->customer;
	struct souk_hash grant = souk_grant_digest(&customer->grant);
	const struct souk_signed_unit *found = NULL;
	struct souk_ticket ticket;
	/* Who was caught in a lie gave its keys: there is nothing to demand. Who answers politely,
	 * but without the key that was paid, or of no such session, withholds it like the silent.
	 */
	bool withholds = provider->dropped == SOUK_PEER_SILENT ||
			 provider->dropped == SOUK_PEER_UNPAID ||
			 provider->dropped == SOUK_PEER_UNKNOWN_SESSION ||
			 souk_status_class(provider->dropped) == SOUK_CLASS_IO;
	if (!provider->is_accountable || !withholds)
		return;
	for (uint32_t i = 0; i < paid->slot_count; i++) {
		const struct souk_signed_unit *unit = &paid->statements[i];
		uint32_t j = unit->statement.unit;
		if (j > customer->keyed && souk_hash_equal(&unit->statement.grant, &grant) &&
			souk_payer_reissue(&ticket, &customer->payer, j) == SOUK_OK &&
			(found == NULL || j > found->statement.unit))
			found = unit;
	}
	if (found == NULL ||
		souk_payer_reissue(&ticket, &customer->payer, found->statement.unit) != SOUK_OK)
		return;
	struct souk_content_question question = {
		.grant = customer->grant, .unit = *found, .ticket = ticket.value};
	uint8_t bytes[SOUK_CONTENT_QUESTION_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_content_question_encode(&writer, &question);
	give(paid, true, &writer);
}

void paid_write_evidence(struct paid *paid)
{
	while (paid->suspects != NULL) {
		struct paid_suspect *suspect = paid->suspects;
		paid->suspects = suspect->next;
		if (is_evidence_kept(paid))
			write_evidence(paid, suspect);
		free(suspect);
	}
}
