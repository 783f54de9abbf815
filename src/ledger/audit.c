/* SPDX-License-Identifier: Apache-2.0
 *
 * All records looked at again, one by one: their money, and their sum. */
#include <string.h>

#include "souk/base/check.h"
#include "state.h"

/* SUM may be NULL: only the money counts. */
static souk_status count_record(struct souk_ledger_record *totals, struct souk_lthash *sum,
	struct souk_bytes key, struct souk_bytes value)
{
	if (!souk_ledger_is_state(key.data[0]))
		return SOUK_OK;
	if (value.size == 0 || value.size > LEDGER_RECORD_SIZE_MAX)
		return SOUK_CORRUPT_STORE;
	SOUK_TRY(ledger_count_value(totals, key, value, true));
	if (sum != NULL) {
		struct souk_hash hash = ledger_record_hash(key, value);
		souk_lthash_add(sum, &hash);
	}
	return SOUK_OK;
}

/* Whole tables that are no state are stepped over by their first byte. */
static souk_status count_all(
	struct souk_ledger_record *totals, struct souk_lthash *sum, const struct souk_store *store)
{
	uint8_t from[SOUK_STORE_KEY_SIZE_MAX + 1] = {0};
	size_t from_size = 1;
	for (;;) {
		struct souk_bytes key, value;
		souk_status status =
			souk_store_next(store, souk_bytes_of(from, from_size), &key, &value);
		if (status == SOUK_LOCAL_NOT_FOUND)
			return SOUK_OK;
		SOUK_TRY(status);
		SOUK_TRY(count_record(totals, sum, key, value));
		if (souk_ledger_is_state(key.data[0])) {
			memcpy(from, key.data, key.size);
			from[key.size] = 0;
			from_size = key.size + 1;
		} else if (key.data[0] == UINT8_MAX) {
			return SOUK_OK;
		} else {
			from[0] = (uint8_t)(key.data[0] + 1);
			from_size = 1;
		}
	}
}

souk_status ledger_check_totals(
	const struct souk_ledger_record *record, const struct souk_ledger_record *counted)
{
	if (counted->accounts.ncoin != record->accounts.ncoin ||
		counted->escrows.ncoin != record->escrows.ncoin ||
		counted->deposits.ncoin != record->deposits.ncoin ||
		counted->account_count != record->account_count ||
		counted->escrow_count != record->escrow_count)
		return SOUK_CORRUPT_SUPPLY;
	return ledger_check_supply(record);
}

souk_status ledger_audit_money(const struct souk_ledger *ledger)
{
	struct souk_ledger_record totals = {0};
	SOUK_TRY(count_all(&totals, NULL, &ledger->store));
	return ledger_check_totals(&ledger->record, &totals);
}

/* What the records must sum up to: as the last header states it, or, while a block is built, as it
 * would stand in its header. */
static struct souk_hash expected_state(const struct souk_ledger *ledger)
{
	struct souk_ledger copy;
	if (!ledger->building)
		return ledger->record.state;
	copy = *ledger;
	return ledger_state_digest(&copy);
}

souk_status souk_ledger_audit(const struct souk_ledger *ledger)
{
	struct souk_ledger_record totals = {0};
	struct souk_lthash sum = {{0}};
	SOUK_TRY(count_all(&totals, &sum, &ledger->store));
	SOUK_TRY(ledger_check_totals(&ledger->record, &totals));
	struct souk_hash state = ledger_state_digest_of(&sum, &ledger->record);
	struct souk_hash expected = expected_state(ledger);
	return souk_hash_equal(&state, &expected) ? SOUK_OK : SOUK_CORRUPT_STATE;
}
