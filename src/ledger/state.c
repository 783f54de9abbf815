/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "souk/base/check.h"
#include "state.h"

/* ---- what a record is worth ---- */

souk_status ledger_escrow_value(struct souk_amount *ret, const struct souk_escrow_record *escrow)
{
	struct souk_amount value;
	if (souk_amount_add(&value, escrow->free, escrow->penalty) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	for (uint16_t i = 0; i < escrow->open.count; i++) {
		const struct souk_open_epoch *open = &escrow->open.items[i];
		struct souk_amount left;
		if (souk_amount_sub(&left, open->reserved, open->paid) != SOUK_OK ||
			souk_amount_add(&value, value, left) != SOUK_OK)
			return SOUK_CORRUPT_STORE;
	}
	*ret = value;
	return SOUK_OK;
}

static souk_status value_of_account(struct souk_amount *ret, struct souk_bytes value)
{
	struct souk_account_record record;
	if (souk_account_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	*ret = record.balance;
	return SOUK_OK;
}

static souk_status value_of_escrow(struct souk_amount *ret, struct souk_bytes value)
{
	struct souk_escrow_record record;
	if (souk_escrow_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	return ledger_escrow_value(ret, &record);
}

static souk_status value_of_provider(struct souk_amount *ret, struct souk_bytes value)
{
	struct souk_provider_record record;
	if (souk_provider_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	*ret = record.deposit;
	return SOUK_OK;
}

/* The provider's deposit until a fault takes it, and the bond while a challenge waits. */
static souk_status value_of_agreement(struct souk_amount *ret, struct souk_bytes value)
{
	struct souk_agreement_record record;
	struct souk_amount sum = SOUK_AMOUNT_ZERO;
	if (souk_agreement_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	if (!record.convicted)
		sum = record.agreement.deposit;
	if (record.challenged && souk_amount_add(&sum, sum, record.agreement.bond) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	*ret = sum;
	return SOUK_OK;
}

/* Where the records of a table are counted; total is NULL for tables that hold no money. */
struct value_class {
	souk_status (*value_of)(struct souk_amount *ret, struct souk_bytes value);
	struct souk_amount *total;
	uint64_t *count;
};

static struct value_class value_class_of(struct souk_ledger_record *totals, uint8_t table)
{
	switch (table) {
	case SOUK_TABLE_ACCOUNT:
		return (struct value_class){
			value_of_account, &totals->accounts, &totals->account_count};
	case SOUK_TABLE_ESCROW:
		return (struct value_class){
			value_of_escrow, &totals->escrows, &totals->escrow_count};
	case SOUK_TABLE_PROVIDER:
		return (struct value_class){value_of_provider, &totals->deposits, NULL};
	case SOUK_TABLE_AGREEMENT:
		return (struct value_class){value_of_agreement, &totals->deposits, NULL};
	default: return (struct value_class){NULL, NULL, NULL};
	}
}

souk_status ledger_count_value(
	struct souk_ledger_record *totals, struct souk_bytes key, struct souk_bytes value, bool add)
{
	struct value_class class = value_class_of(totals, key.data[0]);
	struct souk_amount amount;
	if (class.total == NULL)
		return SOUK_OK;
	SOUK_TRY(class.value_of(&amount, value));
	souk_status status = add ? souk_amount_add(class.total, *class.total, amount)
				 : souk_amount_sub(class.total, *class.total, amount);
	if (status != SOUK_OK)
		return SOUK_CORRUPT_SUPPLY;
	if (class.count != NULL)
		*class.count += add ? 1 : (uint64_t)-1;
	return SOUK_OK;
}

souk_status ledger_check_supply(const struct souk_ledger_record *record)
{
	struct souk_amount sum;
	if (souk_amount_add(&sum, record->accounts, record->escrows) != SOUK_OK ||
		souk_amount_add(&sum, sum, record->deposits) != SOUK_OK ||
		souk_amount_add(&sum, sum, record->burned) != SOUK_OK ||
		sum.ncoin != record->minted.ncoin)
		return SOUK_CORRUPT_SUPPLY;
	return SOUK_OK;
}

/* ---- the door ---- */

/* Everything that watches records change. The bytes of OLD and VALUE have no size where there is
 * no record. */
static souk_status ledger_observe(struct souk_ledger *ledger, struct souk_bytes key,
	struct souk_bytes old, struct souk_bytes value)
{
	if (old.size != 0)
		SOUK_TRY(ledger_count_value(&ledger->record, key, old, false));
	if (value.size != 0)
		SOUK_TRY(ledger_count_value(&ledger->record, key, value, true));
	ledger_sum_change(ledger, key, old, value);
	return ledger_history_touch(ledger, key, old, value);
}

/* VALUE of size 0 deletes: no record is empty. */
static souk_status ledger_write(
	struct souk_ledger *ledger, struct souk_bytes key, struct souk_bytes value)
{
	struct souk_bytes old = souk_bytes_of(NULL, 0);
	souk_status status = souk_store_get(&ledger->store, key, &old);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	SOUK_TRY(ledger_observe(ledger, key, old, value));
	return value.size == 0 ? souk_store_del(&ledger->store, key)
			       : souk_store_put(&ledger->store, key, value);
}

static souk_status ledger_write_record(struct souk_ledger *ledger,
	const struct souk_ledger_key *key, const struct souk_writer *writer)
{
	struct souk_bytes value;
	SOUK_TRY(souk_writer_finish(writer, &value));
	return ledger_write(ledger, souk_ledger_key_bytes(key), value);
}

/* Each put is the same three lines over another message. */
#define LEDGER_WRITE(ledger, key, name, record)                                                    \
	do {                                                                                       \
		uint8_t memory_[LEDGER_RECORD_SIZE_MAX];                                           \
		struct souk_writer writer_;                                                        \
		souk_writer_init(&writer_, memory_, sizeof memory_);                               \
		souk_##name##_encode(&writer_, record);                                            \
		return ledger_write_record(ledger, key, &writer_);                                 \
	} while (0)

souk_status ledger_put_account(struct souk_ledger *ledger, const struct souk_address *address,
	const struct souk_account_record *record)
{
	struct souk_ledger_key key = souk_ledger_key_account(address);
	LEDGER_WRITE(ledger, &key, account_record, record);
}

souk_status ledger_put_escrow(struct souk_ledger *ledger, const struct souk_hash *id,
	const struct souk_escrow_record *record)
{
	struct souk_ledger_key key = souk_ledger_key_escrow(id);
	LEDGER_WRITE(ledger, &key, escrow_record, record);
}

souk_status ledger_del_escrow(struct souk_ledger *ledger, const struct souk_hash *id)
{
	struct souk_ledger_key key = souk_ledger_key_escrow(id);
	return ledger_write(ledger, souk_ledger_key_bytes(&key), souk_bytes_of(NULL, 0));
}

souk_status ledger_put_allotment(struct souk_ledger *ledger, const struct souk_ledger_key *key,
	const struct souk_allotment_record *record)
{
	LEDGER_WRITE(ledger, key, allotment_record, record);
}

souk_status ledger_put_provider(struct souk_ledger *ledger, const struct souk_address *address,
	const struct souk_provider_record *record)
{
	struct souk_ledger_key key = souk_ledger_key_provider(address);
	LEDGER_WRITE(ledger, &key, provider_record, record);
}

souk_status ledger_del_provider(struct souk_ledger *ledger, const struct souk_address *address)
{
	struct souk_ledger_key key = souk_ledger_key_provider(address);
	return ledger_write(ledger, souk_ledger_key_bytes(&key), souk_bytes_of(NULL, 0));
}

souk_status ledger_put_agreement(struct souk_ledger *ledger, const struct souk_hash *id,
	const struct souk_agreement_record *record)
{
	struct souk_ledger_key key = souk_ledger_key_agreement(id);
	LEDGER_WRITE(ledger, &key, agreement_record, record);
}

souk_status ledger_put_anchor(struct souk_ledger *ledger, const struct souk_address *address,
	const struct souk_anchor_record *record)
{
	struct souk_ledger_key key = souk_ledger_key_anchor(address);
	LEDGER_WRITE(ledger, &key, anchor_record, record);
}

souk_status ledger_del_agreement(struct souk_ledger *ledger, const struct souk_hash *id)
{
	struct souk_ledger_key key = souk_ledger_key_agreement(id);
	return ledger_write(ledger, souk_ledger_key_bytes(&key), souk_bytes_of(NULL, 0));
}

souk_status ledger_put_epoch(
	struct souk_ledger *ledger, uint64_t epoch, const struct souk_epoch_record *record)
{
	struct souk_ledger_key key = souk_ledger_key_epoch(epoch);
	LEDGER_WRITE(ledger, &key, epoch_record, record);
}

/* Past the door: an index, no state. */
souk_status ledger_put_receipt(
	struct souk_ledger *ledger, const struct souk_hash *tx, const struct souk_receipt *record)
{
	struct souk_ledger_key key = souk_ledger_key_receipt(tx);
	uint8_t memory[SOUK_RECEIPT_SIZE_MAX];
	struct souk_writer writer;
	if (ledger->is_bare)
		return SOUK_OK;
	souk_writer_init(&writer, memory, sizeof memory);
	souk_receipt_encode(&writer, record);
	return souk_store_put(
		&ledger->store, souk_ledger_key_bytes(&key), souk_bytes_of(memory, writer.size));
}

souk_status ledger_put_genesis(struct souk_ledger *ledger)
{
	struct souk_ledger_key key = souk_ledger_key_single(SOUK_TABLE_GENESIS);
	LEDGER_WRITE(ledger, &key, genesis, &ledger->genesis);
}

souk_status ledger_put_summary(struct souk_ledger *ledger)
{
	uint8_t memory[SOUK_LTHASH_SIZE];
	struct souk_ledger_key meta = souk_ledger_key_single(SOUK_TABLE_META);
	struct souk_ledger_key sum = souk_ledger_key_single(SOUK_TABLE_SUM);
	struct souk_writer writer;
	souk_lthash_encode(memory, &ledger->sum);
	SOUK_TRY(souk_store_put(
		&ledger->store, souk_ledger_key_bytes(&sum), souk_bytes_of(memory, sizeof memory)));
	souk_writer_init(&writer, memory, sizeof memory);
	souk_ledger_record_encode(&writer, &ledger->record);
	return souk_store_put(
		&ledger->store, souk_ledger_key_bytes(&meta), souk_bytes_of(memory, writer.size));
}

souk_status ledger_get_paid(struct ledger_paid *ret, const struct souk_ledger *ledger,
	const struct souk_ledger_key *key)
{
	struct souk_bytes value;
	souk_status status = souk_store_get(&ledger->store, souk_ledger_key_bytes(key), &value);
	if (status == SOUK_LOCAL_NOT_FOUND) {
		memset(ret, 0, sizeof *ret);
		return SOUK_OK;
	}
	SOUK_TRY(status);
	if (value.size != sizeof ret->bits)
		return SOUK_CORRUPT_STORE;
	memcpy(ret->bits, value.data, sizeof ret->bits);
	return SOUK_OK;
}

souk_status ledger_put_paid(struct souk_ledger *ledger, const struct souk_ledger_key *key,
	const struct ledger_paid *paid)
{
	return ledger_write(
		ledger, souk_ledger_key_bytes(key), souk_bytes_of(paid->bits, sizeof paid->bits));
}

souk_status ledger_get_leaf(struct souk_amount *ret, const struct souk_ledger *ledger,
	const struct souk_ledger_key *key)
{
	struct souk_bytes value;
	SOUK_TRY(souk_store_get(&ledger->store, souk_ledger_key_bytes(key), &value));
	if (value.size != 8)
		return SOUK_CORRUPT_STORE;
	*ret = souk_amount_of_ncoin(souk_load_be64(value.data));
	return SOUK_OK;
}

souk_status ledger_put_leaf(
	struct souk_ledger *ledger, const struct souk_ledger_key *key, struct souk_amount amount)
{
	uint8_t value[8];
	souk_store_be64(value, amount.ncoin);
	return ledger_write(ledger, souk_ledger_key_bytes(key), souk_bytes_of(value, sizeof value));
}

souk_status ledger_del_record(struct souk_ledger *ledger, const struct souk_ledger_key *key)
{
	souk_status status =
		ledger_write(ledger, souk_ledger_key_bytes(key), souk_bytes_of(NULL, 0));
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_CORRUPT_STORE : status;
}

souk_status ledger_del_epoch_records(struct souk_ledger *ledger, const struct souk_ledger_key *key)
{
	const size_t prefix_size = 1 + SOUK_HASH_SIZE + 8;
	for (;;) {
		struct souk_bytes at, value;
		struct souk_ledger_key found;
		souk_status status =
			souk_store_next(&ledger->store, souk_ledger_key_bytes(key), &at, &value);
		if (status == SOUK_LOCAL_NOT_FOUND)
			return SOUK_OK;
		SOUK_TRY(status);
		if (at.size < prefix_size || at.size > sizeof found.bytes ||
			memcmp(at.data, key->bytes, prefix_size) != 0)
			return SOUK_OK;
		/* A copy: the store lends its key until the next write only. */
		memcpy(found.bytes, at.data, at.size);
		found.size = (uint8_t)at.size;
		SOUK_TRY(ledger_del_record(ledger, &found));
	}
}

/* ---- reading ---- */

#define LEDGER_READ(ret, ledger, key, name, absent)                                                \
	do {                                                                                       \
		struct souk_bytes value_;                                                          \
		struct souk_##name record_;                                                        \
		souk_status status_ =                                                              \
			souk_store_get(&(ledger)->store, souk_ledger_key_bytes(key), &value_);     \
		if (status_ == SOUK_LOCAL_NOT_FOUND)                                               \
			return absent;                                                             \
		SOUK_TRY(status_);                                                                 \
		if (souk_##name##_decode(&record_, value_, NULL) != SOUK_OK)                       \
			return SOUK_CORRUPT_STORE;                                                 \
		*(ret) = record_;                                                                  \
		return SOUK_OK;                                                                    \
	} while (0)

souk_status souk_ledger_get_account(struct souk_account_record *ret,
	const struct souk_ledger *ledger, const struct souk_address *address)
{
	struct souk_ledger_key key = souk_ledger_key_account(address);
	LEDGER_READ(ret, ledger, &key, account_record, SOUK_PEER_NO_ACCOUNT);
}

souk_status souk_ledger_get_escrow(struct souk_escrow_record *ret, const struct souk_ledger *ledger,
	const struct souk_hash *id)
{
	struct souk_ledger_key key = souk_ledger_key_escrow(id);
	LEDGER_READ(ret, ledger, &key, escrow_record, SOUK_PEER_NO_ESCROW);
}

souk_status souk_ledger_get_allotment(struct souk_allotment_record *ret,
	const struct souk_ledger *ledger, const struct souk_hash *escrow, uint64_t epoch,
	uint32_t segment)
{
	struct souk_ledger_key key = souk_ledger_key_allotment(escrow, epoch, segment);
	LEDGER_READ(ret, ledger, &key, allotment_record, SOUK_PEER_NO_ALLOTMENT);
}

souk_status souk_ledger_get_provider(struct souk_provider_record *ret,
	const struct souk_ledger *ledger, const struct souk_address *address)
{
	struct souk_ledger_key key = souk_ledger_key_provider(address);
	LEDGER_READ(ret, ledger, &key, provider_record, SOUK_PEER_NO_PROVIDER);
}

souk_status souk_ledger_get_anchor(struct souk_anchor_record *ret, const struct souk_ledger *ledger,
	const struct souk_address *address)
{
	struct souk_ledger_key key = souk_ledger_key_anchor(address);
	LEDGER_READ(ret, ledger, &key, anchor_record, SOUK_LOCAL_NOT_FOUND);
}

souk_status souk_ledger_get_agreement(struct souk_agreement_record *ret,
	const struct souk_ledger *ledger, const struct souk_hash *id)
{
	struct souk_ledger_key key = souk_ledger_key_agreement(id);
	LEDGER_READ(ret, ledger, &key, agreement_record, SOUK_PEER_NO_AGREEMENT);
}

souk_status souk_ledger_get_epoch(
	struct souk_epoch_record *ret, const struct souk_ledger *ledger, uint64_t epoch)
{
	struct souk_ledger_key key = souk_ledger_key_epoch(epoch);
	LEDGER_READ(ret, ledger, &key, epoch_record, SOUK_PEER_WRONG_EPOCH);
}

souk_status souk_ledger_get_receipt(
	struct souk_receipt *ret, const struct souk_ledger *ledger, const struct souk_hash *tx)
{
	struct souk_ledger_key key = souk_ledger_key_receipt(tx);
	LEDGER_READ(ret, ledger, &key, receipt, SOUK_LOCAL_NOT_FOUND);
}
