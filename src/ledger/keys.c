/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys of the ledger's records: one byte of table, then what names the record.
 * Numbers are big-endian, so that records of one escrow or of successive heights
 * stand next to each other in order. */
#include <string.h>

#include "souk/ledger/ledger.h"

static void key_start(struct souk_ledger_key *key, enum souk_ledger_table table)
{
	memset(key, 0, sizeof *key);
	key->bytes[0] = (uint8_t)table;
	key->size = 1;
}

static void key_bytes(struct souk_ledger_key *key, const void *data, size_t size)
{
	memcpy(key->bytes + key->size, data, size);
	key->size = (uint8_t)(key->size + size);
}

static void key_u64(struct souk_ledger_key *key, uint64_t v)
{
	souk_store_be64(key->bytes + key->size, v);
	key->size = (uint8_t)(key->size + 8);
}

static void key_u32(struct souk_ledger_key *key, uint32_t v)
{
	souk_store_be32(key->bytes + key->size, v);
	key->size = (uint8_t)(key->size + 4);
}

struct souk_ledger_key souk_ledger_key_single(enum souk_ledger_table table)
{
	struct souk_ledger_key key;
	key_start(&key, table);
	return key;
}

struct souk_ledger_key souk_ledger_key_account(const struct souk_address *address)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_ACCOUNT);
	key_bytes(&key, address->bytes, sizeof address->bytes);
	return key;
}

struct souk_ledger_key souk_ledger_key_escrow(const struct souk_hash *id)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_ESCROW);
	key_bytes(&key, id->bytes, sizeof id->bytes);
	return key;
}

struct souk_ledger_key souk_ledger_key_agreement(const struct souk_hash *id)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_AGREEMENT);
	key_bytes(&key, id->bytes, sizeof id->bytes);
	return key;
}

static struct souk_ledger_key key_of_epoch_part(enum souk_ledger_table table,
	const struct souk_hash *escrow, uint64_t epoch, uint32_t index)
{
	struct souk_ledger_key key;
	key_start(&key, table);
	key_bytes(&key, escrow->bytes, sizeof escrow->bytes);
	key_u64(&key, epoch);
	key_u32(&key, index);
	return key;
}

struct souk_ledger_key souk_ledger_key_allotment(
	const struct souk_hash *escrow, uint64_t epoch, uint32_t segment)
{
	return key_of_epoch_part(SOUK_TABLE_ALLOTMENT, escrow, epoch, segment);
}

struct souk_ledger_key souk_ledger_key_paid(
	const struct souk_hash *escrow, uint64_t epoch, uint32_t index)
{
	return key_of_epoch_part(SOUK_TABLE_PAID, escrow, epoch, index);
}

struct souk_ledger_key souk_ledger_key_leaf(
	const struct souk_hash *escrow, uint64_t epoch, uint32_t segment, uint32_t place)
{
	struct souk_ledger_key key = key_of_epoch_part(SOUK_TABLE_LEAF, escrow, epoch, segment);
	key_u32(&key, place);
	return key;
}

struct souk_ledger_key souk_ledger_key_provider(const struct souk_address *address)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_PROVIDER);
	key_bytes(&key, address->bytes, sizeof address->bytes);
	return key;
}

struct souk_ledger_key souk_ledger_key_anchor(const struct souk_address *address)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_ANCHOR);
	key_bytes(&key, address->bytes, sizeof address->bytes);
	return key;
}

struct souk_ledger_key souk_ledger_key_epoch(uint64_t epoch)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_EPOCH);
	key_u64(&key, epoch);
	return key;
}

struct souk_ledger_key souk_ledger_key_receipt(const struct souk_hash *tx)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_RECEIPT);
	key_bytes(&key, tx->bytes, sizeof tx->bytes);
	return key;
}

struct souk_ledger_key souk_ledger_key_header(uint64_t height)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_HEADER);
	key_u64(&key, height);
	return key;
}

struct souk_ledger_key souk_ledger_key_tx(uint64_t height, uint32_t index)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_TX);
	key_u64(&key, height);
	key_u32(&key, index);
	return key;
}

struct souk_ledger_key souk_ledger_key_history(
	const struct souk_address *account, uint64_t height, uint32_t index)
{
	struct souk_ledger_key key;
	key_start(&key, SOUK_TABLE_HISTORY);
	key_bytes(&key, account->bytes, sizeof account->bytes);
	key_u64(&key, ~height);
	key_u32(&key, ~index);
	return key;
}

bool souk_ledger_is_state(uint8_t table)
{
	switch (table) {
	case SOUK_TABLE_HEADER:
	case SOUK_TABLE_HISTORY:
	case SOUK_TABLE_META:
	case SOUK_TABLE_PRUNED:
	case SOUK_TABLE_RECEIPT:
	case SOUK_TABLE_SUM:
	case SOUK_TABLE_TX: return false;
	default: return true;
	}
}
