/* SPDX-License-Identifier: Apache-2.0
 *
 * Snapshots: written from a store in one walk, and read record by record into an
 * empty one. What is read counts for nothing until its sum is the signed one. */
#include "snapshot.h"

#include <string.h>

#include "souk/base/check.h"
#include "state.h"

/* ---- reading ---- */

souk_status ledger_snapshot_begin(
	struct souk_log_verifier *verifier, const struct souk_genesis *genesis)
{
	struct souk_bytes key, value;
	SOUK_TRY(souk_genesis_check(genesis));
	souk_status status =
		souk_store_next(&verifier->store, souk_bytes_of(NULL, 0), &key, &value);
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status == SOUK_OK ? SOUK_LOCAL_EXISTS : status;
	memset(&verifier->snapshot, 0, sizeof verifier->snapshot);
	verifier->ledger.genesis = *genesis;
	return SOUK_OK;
}

souk_status ledger_snapshot_header(struct souk_log_verifier *verifier, struct souk_bytes frame)
{
	const struct souk_genesis *genesis = &verifier->ledger.genesis;
	struct souk_signed_block_header *header = &verifier->header;
	struct souk_hash ledger = souk_genesis_digest(genesis);
	struct souk_signed_check check;
	SOUK_TRY(souk_signed_block_header_decode(header, frame, &verifier->verdict.where));
	if (!souk_hash_equal(&header->header.ledger, &ledger))
		return SOUK_CORRUPT_BLOCK_LINK;
	souk_block_check(&check, frame, &genesis->operator);
	return check.signature;
}

/* What the header states too must be the same in both; the rest is bound by the state's digest. */
souk_status ledger_snapshot_record(struct souk_log_verifier *verifier, struct souk_bytes frame)
{
	const struct souk_block_header *header = &verifier->header.header;
	struct souk_ledger_record *record = &verifier->snapshot.record;
	struct souk_hash last = souk_block_header_digest(header);
	SOUK_TRY(souk_ledger_record_decode(record, frame, &verifier->verdict.where));
	if (!souk_hash_equal(&record->ledger, &header->ledger) ||
		!souk_hash_equal(&record->last, &last) ||
		!souk_hash_equal(&record->state, &header->state) ||
		record->height != header->height || record->time.ms != header->time.ms)
		return SOUK_CORRUPT_SNAPSHOT;
	return SOUK_OK;
}

/* Whether KEY may stand here: a record of the state, behind the one before. */
static bool is_in_order(const struct souk_ledger_key *last, struct souk_bytes key)
{
	if (key.size == 0 || key.size > SOUK_LEDGER_KEY_MAX || !souk_ledger_is_state(key.data[0]))
		return false;
	size_t common = key.size < last->size ? key.size : last->size;
	int order = memcmp(last->bytes, key.data, common);
	return order < 0 || (order == 0 && last->size < key.size);
}

static souk_status take_item(
	struct souk_log_verifier *verifier, struct souk_bytes key, struct souk_bytes value)
{
	struct souk_snapshot *snapshot = &verifier->snapshot;
	if (!is_in_order(&snapshot->last_key, key) || value.size == 0 ||
		value.size > LEDGER_RECORD_SIZE_MAX)
		return SOUK_CORRUPT_SNAPSHOT;
	SOUK_TRY(ledger_count_value(&snapshot->totals, key, value, true));
	struct souk_hash hash = ledger_record_hash(key, value);
	souk_lthash_add(&snapshot->sum, &hash);
	memcpy(snapshot->last_key.bytes, key.data, key.size);
	snapshot->last_key.size = (uint8_t)key.size;
	return souk_store_put(&verifier->store, key, value);
}

souk_status ledger_snapshot_item(struct souk_log_verifier *verifier, struct souk_bytes frame)
{
	struct souk_log_verdict *verdict = &verifier->verdict;
	struct souk_state_item item;
	verifier->snapshot.items++;
	souk_status status = souk_state_item_decode(&item, frame, &verdict->where);
	struct souk_bytes key = souk_bytes_of(item.key.data, item.key.size);
	if (status == SOUK_OK)
		status = take_item(verifier, key, souk_bytes_of(item.value.data, item.value.size));
	if (status != SOUK_OK) {
		verdict->item = verifier->snapshot.items;
		verdict->key.size = 0;
		if (key.size <= sizeof verdict->key.bytes) {
			memcpy(verdict->key.bytes, key.data, key.size);
			verdict->key.size = (uint8_t)key.size;
		}
	}
	return status;
}

souk_status ledger_snapshot_end(struct souk_log_verifier *verifier)
{
	struct souk_snapshot *snapshot = &verifier->snapshot;
	struct souk_ledger *ledger = &verifier->ledger;
	struct souk_genesis genesis = ledger->genesis;
	struct souk_hash state = ledger_state_digest_of(&snapshot->sum, &snapshot->record);
	SOUK_TRY(ledger_check_totals(&snapshot->record, &snapshot->totals));
	if (!souk_hash_equal(&state, &snapshot->record.state))
		return SOUK_CORRUPT_SNAPSHOT;
	ledger->store = verifier->store;
	ledger->record = snapshot->record;
	ledger->sum = snapshot->sum;
	SOUK_TRY(ledger_put_summary(ledger));
	/* And as everybody else would load it: with the genesis among its records. */
	souk_status status = souk_ledger_load(ledger, &verifier->store);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return SOUK_CORRUPT_SNAPSHOT;
	SOUK_TRY(status);
	struct souk_hash ours = souk_genesis_digest(&genesis);
	struct souk_hash theirs = souk_genesis_digest(&ledger->genesis);
	return souk_hash_equal(&ours, &theirs) ? SOUK_OK : SOUK_CORRUPT_SNAPSHOT;
}

/* ---- writing ---- */

enum source_step { STEP_GENESIS, STEP_HEADER, STEP_RECORD, STEP_ITEMS, STEP_DONE };

static souk_status write_frame(struct souk_writer *writer, struct souk_bytes frame)
{
	souk_log_write_frame(writer, frame);
	return writer->full ? SOUK_LOCAL_TOO_SMALL : SOUK_OK;
}

static souk_status write_single(const struct souk_snapshot_source *source,
	struct souk_writer *writer, enum souk_ledger_table table)
{
	struct souk_ledger_key key = souk_ledger_key_single(table);
	struct souk_bytes value;
	SOUK_TRY(souk_store_get(&source->store, souk_ledger_key_bytes(&key), &value));
	return write_frame(writer, value);
}

static souk_status write_last_header(
	const struct souk_snapshot_source *source, struct souk_writer *writer)
{
	struct souk_ledger_key key = souk_ledger_key_single(SOUK_TABLE_META);
	struct souk_ledger_record record;
	struct souk_bytes value;
	SOUK_TRY(souk_store_get(&source->store, souk_ledger_key_bytes(&key), &value));
	if (souk_ledger_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	key = souk_ledger_key_header(record.height);
	SOUK_TRY(souk_store_get(&source->store, souk_ledger_key_bytes(&key), &value));
	return write_frame(writer, value);
}

/* The next record of the state; whole tables that are none are stepped over. */
static souk_status find_item(struct souk_snapshot_source *source, struct souk_bytes *ret_key,
	struct souk_bytes *ret_value)
{
	for (;;) {
		SOUK_TRY(souk_store_next(&source->store,
			souk_bytes_of(source->from, source->from_size), ret_key, ret_value));
		if (souk_ledger_is_state(ret_key->data[0]))
			return SOUK_OK;
		source->from[0] = (uint8_t)(ret_key->data[0] + 1);
		source->from_size = 1;
	}
}

static souk_status write_item(struct souk_snapshot_source *source, struct souk_writer *writer)
{
	uint8_t memory[SOUK_STATE_ITEM_SIZE_MAX];
	struct souk_bytes key, value;
	struct souk_state_item item = {.key.size = 0};
	struct souk_writer encoded;
	souk_status status = find_item(source, &key, &value);
	if (status == SOUK_LOCAL_NOT_FOUND) {
		SOUK_TRY(write_frame(writer, souk_bytes_of(NULL, 0)));
		source->step = STEP_DONE;
		return SOUK_OK;
	}
	SOUK_TRY(status);
	if (key.size > sizeof item.key.data || value.size > sizeof item.value.data)
		return SOUK_CORRUPT_STORE;
	memcpy(item.key.data, key.data, key.size);
	memcpy(item.value.data, value.data, value.size);
	item.key.size = (uint16_t)key.size;
	item.value.size = (uint16_t)value.size;
	souk_writer_init(&encoded, memory, sizeof memory);
	souk_state_item_encode(&encoded, &item);
	SOUK_TRY(write_frame(writer, souk_bytes_of(memory, encoded.size)));
	memcpy(source->from, key.data, key.size);
	source->from[key.size] = 0;
	source->from_size = key.size + 1;
	source->items++;
	return SOUK_OK;
}

souk_status souk_snapshot_next(struct souk_snapshot_source *source, struct souk_writer *writer)
{
	switch ((enum source_step)source->step) {
	case STEP_GENESIS: SOUK_TRY(write_single(source, writer, SOUK_TABLE_GENESIS)); break;
	case STEP_HEADER: SOUK_TRY(write_last_header(source, writer)); break;
	case STEP_RECORD: SOUK_TRY(write_single(source, writer, SOUK_TABLE_META)); break;
	case STEP_ITEMS: return write_item(source, writer);
	case STEP_DONE: return SOUK_LOCAL_NOT_FOUND;
	}
	source->step++;
	return SOUK_OK;
}
