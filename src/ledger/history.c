/* SPDX-License-Identifier: Apache-2.0
 *
 * The history of accounts: noted where records change, so that no rule can forget
 * somebody it touches. */
#include <string.h>

#include "souk/base/check.h"
#include "state.h"

static souk_status balance_of(struct souk_amount *ret, struct souk_bytes value)
{
	struct souk_account_record record = {0};
	if (value.size != 0 && souk_account_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	*ret = record.balance;
	return SOUK_OK;
}

static struct souk_ledger_touched *touched_find(
	struct souk_ledger *ledger, const uint8_t address[SOUK_ADDRESS_SIZE])
{
	for (uint32_t i = 0; i < ledger->touched_count; i++) {
		if (memcmp(ledger->touched[i].address.bytes, address, SOUK_ADDRESS_SIZE) == 0)
			return &ledger->touched[i];
	}
	return NULL;
}

souk_status ledger_history_touch(struct souk_ledger *ledger, struct souk_bytes key,
	struct souk_bytes old, struct souk_bytes value)
{
	if (key.data[0] != SOUK_TABLE_ACCOUNT || ledger->is_bare || !ledger->building)
		return SOUK_OK;
	struct souk_ledger_touched *touched = touched_find(ledger, key.data + 1);
	if (touched == NULL) {
		/* Parties of one transaction: a bound of the rules, not of what a peer sends. */
		SOUK_CHECK(ledger->touched_count < SOUK_LEDGER_TOUCHED_MAX);
		touched = &ledger->touched[ledger->touched_count++];
		memcpy(touched->address.bytes, key.data + 1, SOUK_ADDRESS_SIZE);
		SOUK_TRY(balance_of(&touched->before, old));
	}
	return balance_of(&touched->after, value);
}

static souk_status write_item(struct souk_ledger *ledger, const struct souk_ledger_touched *touched,
	struct souk_history_item *item)
{
	uint8_t memory[SOUK_HISTORY_ITEM_SIZE_MAX];
	struct souk_writer writer;
	struct souk_ledger_key key =
		souk_ledger_key_history(&touched->address, item->height, item->index);
	item->gained = item->lost = SOUK_AMOUNT_ZERO;
	if (souk_amount_sub(&item->gained, touched->after, touched->before) != SOUK_OK)
		SOUK_TRY(souk_amount_sub(&item->lost, touched->before, touched->after));
	souk_writer_init(&writer, memory, sizeof memory);
	souk_history_item_encode(&writer, item);
	return souk_store_put(
		&ledger->store, souk_ledger_key_bytes(&key), souk_bytes_of(memory, writer.size));
}

souk_status ledger_history_write(struct souk_ledger *ledger, const struct souk_tx *tx,
	const struct souk_hash *name, const struct souk_receipt *receipt)
{
	struct souk_history_item item = {
		.height = receipt->height,
		.index = receipt->index,
		.time = ledger->record.time,
		.kind = (uint8_t)tx->body.kind,
		.tx = *name,
	};
	for (uint32_t i = 0; i < ledger->touched_count; i++) {
		item.signer = souk_address_equal(&ledger->touched[i].address, &tx->from);
		SOUK_TRY(write_item(ledger, &ledger->touched[i], &item));
	}
	ledger->touched_count = 0;
	return SOUK_OK;
}
