/* SPDX-License-Identifier: Apache-2.0
 *
 * Buying under agreements: statements are checked before anything is paid, and what a provider
 * stood up for wrongly, or withheld, is left in files for souk agreement.
 *
 * Evidence needs the right bytes beside the wrong ones: it is written at the end, when another
 * provider has sold that chunk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "get.h"
#include "souk/base/check.h"
#include "souk/content/judge.h"
#include "souk/exchange/header.h"
#include "souk/io/file.h"

#define FILES_MAX 16

/* A unit that may turn out wrong: everything that evidence needs, as it was when it came. */
struct get_suspect {
	struct get_suspect *next;
	struct souk_ask ask;
	struct souk_grant grant;
	struct souk_signed_unit unit;
	struct souk_hash key;
	struct souk_hash key_leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	uint32_t length;
	uint8_t cipher[];
};

/* ------------------------------------------------------------------ which agreements */

static bool suits(const struct get *get, const struct get_provider *provider,
	const struct souk_agreement_record *record)
{
	const struct souk_agreement *agreement = &record->agreement;
	return agreement->service == SOUK_SERVICE_CONTENT && !record->convicted &&
	       souk_address_equal(&agreement->provider, &provider->entry.address) &&
	       souk_hash_equal(&agreement->terms, &get->content.id) &&
	       souk_time_is_before(cli_now(), agreement->ends);
}

/* Of two that suit, the one with the higher deposit. */
static bool consider(struct get *get, const struct souk_agreement_record *record)
{
	bool any = false;
	for (size_t i = 0; i < get->provider_count; i++) {
		struct get_provider *provider = &get->providers[i];
		if (!suits(get, provider, record) ||
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

static souk_status consider_own(struct get *get)
{
	static struct souk_agreement_page page;
	struct souk_hash from = {{0}};
	do {
		SOUK_TRY(souk_chain_agreements(get->chain, &from, &get->identity.address, &page));
		for (int i = 0; i < page.items.count; i++)
			consider(get, &page.items.items[i]);
		from = page.next;
	} while (page.more);
	return SOUK_OK;
}

souk_status get_find_agreements(struct get *get)
{
	struct souk_agreement_record record;
	struct souk_hash id;
	get->statements = calloc(get->slot_count, sizeof *get->statements);
	if (get->statements == NULL)
		return SOUK_IO_MEMORY;
	if (get->agreement_text == NULL)
		return consider_own(get);
	SOUK_TRY(souk_hex_decode(id.bytes, SOUK_HASH_SIZE, get->agreement_text));
	SOUK_TRY(souk_chain_agreement(get->chain, &id, &record));
	return consider(get, &record) ? SOUK_OK : SOUK_PEER_NO_AGREEMENT;
}

bool get_is_accountable(const struct get_provider *provider)
{
	return provider->is_accountable && souk_time_is_before(cli_now(), provider->agreement.ends);
}

/* ------------------------------------------------------------------ statements */

souk_status get_check_statement(struct get *get, const struct get_transfer *transfer,
	const char *header, const uint8_t *cipher)
{
	const struct get_provider *provider = &get->providers[transfer->provider];
	struct souk_signed_unit *unit = &get->statements[transfer->slot];
	memset(unit, 0, sizeof *unit);
	if (!transfer->is_accountable)
		return SOUK_OK;
	if (souk_statement_parse(unit, souk_bytes_text(header)) != SOUK_OK)
		return SOUK_PEER_BAD_STATEMENT;
	souk_status status = souk_content_statement_check(unit, &provider->agreement_id,
		&provider->customer->grant, transfer->unit, &get->content, transfer->chunk,
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

struct get_suspect *get_suspect_new(
	struct get *get, uint32_t number, uint32_t slot, uint32_t length)
{
	const struct souk_customer *customer = get->providers[number].customer;
	const struct souk_signed_unit *unit = &get->statements[slot];
	if (!has_statement(unit))
		return NULL;
	struct get_suspect *suspect = malloc(sizeof *suspect + length);
	if (suspect == NULL)
		return NULL;
	*suspect = (struct get_suspect){
		.ask = customer->ask, .grant = customer->grant, .unit = *unit, .length = length};
	memcpy(suspect->key_leaves, customer->key_leaves, sizeof suspect->key_leaves);
	if (souk_customer_unit_key(customer, &suspect->key, unit->statement.unit) != SOUK_OK) {
		free(suspect);
		return NULL;
	}
	return suspect;
}

void get_suspect_settle(struct get *get, struct get_suspect *suspect, souk_status status,
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
	pthread_mutex_lock(&get->money_lock);
	suspect->next = get->suspects;
	get->suspects = suspect;
	pthread_mutex_unlock(&get->money_lock);
}

/* ------------------------------------------------------------------ files */

static void write_file(struct get *get, const char *what, struct souk_bytes bytes)
{
	char path[4300];
	if (get->file_count == FILES_MAX)
		return;
	snprintf(path, sizeof path, "%s.%s-%d", get->path, what, get->file_count + 1);
	souk_status status = souk_file_write_atomic(path, bytes, false);
	if (status != SOUK_OK) {
		cli_fail("get", path, status, NULL);
		return;
	}
	get->file_count++;
	json_array_append_new(get->evidence, json_pack("{s:s, s:s}", "kind", what, "file", path));
	if (!cli_json)
		fprintf(stderr, "souk get: %s is in %s; use it with: souk agreement %s %s\n", what,
			path, strcmp(what, "evidence") == 0 ? "accuse" : "challenge", path);
}

/* The right bytes of CHUNK, from what was verified; NULL where they did not come. */
static uint8_t *read_chunk(struct get *get, uint32_t chunk)
{
	uint32_t length = souk_content_chunk_length(&get->content, chunk);
	uint8_t *data = malloc(length);
	if (data != NULL && souk_bitmap_get(&get->download.done, chunk) &&
		souk_file_read_at(get->part_fd, data, length,
			souk_content_chunk_offset(&get->content, chunk)) == SOUK_OK)
		return data;
	free(data);
	return NULL;
}

static void write_evidence(struct get *get, const struct get_suspect *suspect)
{
	static struct souk_content_evidence evidence;
	static uint8_t bytes[SOUK_CONTENT_EVIDENCE_SIZE_MAX];
	struct souk_writer writer;
	uint8_t *chunk = read_chunk(get, suspect->unit.statement.chunk);
	struct souk_hash *scratch = malloc(get->chunk_count * sizeof *scratch);
	if (chunk == NULL || scratch == NULL) {
		if (!cli_json)
			fputs("souk get: a unit was wrong, but nobody sold the right one: it "
			      "takes both to prove it\n",
				stderr);
		free(chunk);
		free(scratch);
		return;
	}
	const struct souk_content_case about = {
		.ask = &suspect->ask,
		.grant = &suspect->grant,
		.unit = &suspect->unit,
		.key = &suspect->key,
		.key_leaves = suspect->key_leaves,
		.cipher = souk_bytes_of(suspect->cipher, suspect->length),
		.chunk = souk_bytes_of(chunk, suspect->length),
		.row = get->row,
		.scratch = scratch,
	};
	souk_writer_init(&writer, bytes, sizeof bytes);
	if (souk_content_accuse(&evidence, &about) == SOUK_OK) {
		souk_content_evidence_encode(&writer, &evidence);
		write_file(get, "evidence", souk_bytes_of(bytes, writer.size));
	}
	free(chunk);
	free(scratch);
}

void get_note_withheld(struct get_provider *provider)
{
	struct get *get = provider->get;
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
	for (uint32_t i = 0; i < get->slot_count; i++) {
		const struct souk_signed_unit *unit = &get->statements[i];
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
	write_file(get, "question", souk_bytes_of(bytes, writer.size));
}

void get_write_evidence(struct get *get)
{
	while (get->suspects != NULL) {
		struct get_suspect *suspect = get->suspects;
		get->suspects = suspect->next;
		write_evidence(get, suspect);
		free(suspect);
	}
}
