/* SPDX-License-Identifier: Apache-2.0
 *
 * The stored ledger against what its own blocks lead to: two walks in the order of
 * keys, side by side. Every table is compared but the blocks, which the replay has
 * checked itself, and of which there must be no others. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger_archive.h"
#include "souk/base/check.h"

/* ---- names ---- */

static const char *table_text(uint8_t table)
{
	switch (table) {
	case SOUK_TABLE_ACCOUNT: return "account";
	case SOUK_TABLE_PAID: return "paid points of escrow";
	case SOUK_TABLE_ESCROW: return "escrow";
	case SOUK_TABLE_GENESIS: return "genesis";
	case SOUK_TABLE_HEADER: return "header of block";
	case SOUK_TABLE_ALLOTMENT: return "allotment of escrow";
	case SOUK_TABLE_META: return "summary";
	case SOUK_TABLE_PROVIDER: return "provider";
	case SOUK_TABLE_PRUNED: return "pruned height";
	case SOUK_TABLE_RECEIPT: return "receipt of transaction";
	case SOUK_TABLE_SUM: return "sum of the records";
	case SOUK_TABLE_EPOCH: return "epoch";
	case SOUK_TABLE_TX: return "transaction";
	case SOUK_TABLE_HISTORY: return "history of account";
	case SOUK_TABLE_AGREEMENT: return "agreement";
	case SOUK_TABLE_LEAF: return "claimed leaf of escrow";
	case SOUK_TABLE_ANCHOR: return "anchor of account";
	default: return "record";
	}
}

/* "transaction 12.3", "history of account 0x... at 12.3", "escrow 61c9...". */
static void name_record(char out[LEDGER_RECORD_TEXT_SIZE], struct souk_bytes key)
{
	char hex[2 * SOUK_LEDGER_KEY_MAX + 1];
	const char *table = table_text(key.data[0]);
	if (key.data[0] == SOUK_TABLE_HEADER && key.size == 9) {
		snprintf(out, LEDGER_RECORD_TEXT_SIZE, "%s %" PRIu64, table,
			souk_load_be64(key.data + 1));
	} else if (key.data[0] == SOUK_TABLE_TX && key.size == 13) {
		snprintf(out, LEDGER_RECORD_TEXT_SIZE, "%s %" PRIu64 ".%" PRIu32, table,
			souk_load_be64(key.data + 1), souk_load_be32(key.data + 9));
	} else if (key.data[0] == SOUK_TABLE_HISTORY && key.size == 33) {
		souk_hex_encode(hex, key.data + 1, SOUK_ADDRESS_SIZE);
		snprintf(out, LEDGER_RECORD_TEXT_SIZE, "%s 0x%s at %" PRIu64 ".%" PRIu32, table,
			hex, ~souk_load_be64(key.data + 21), ~souk_load_be32(key.data + 29));
	} else if (key.data[0] == SOUK_TABLE_EPOCH && key.size == 9) {
		snprintf(out, LEDGER_RECORD_TEXT_SIZE, "%s %" PRIu64, table,
			souk_load_be64(key.data + 1));
	} else {
		size_t size = key.size - 1;
		souk_hex_encode(
			hex, key.data + 1, size < SOUK_LEDGER_KEY_MAX ? size : SOUK_LEDGER_KEY_MAX);
		snprintf(out, LEDGER_RECORD_TEXT_SIZE, "%s%s%s", table, key.size > 1 ? " " : "",
			hex);
	}
}

static souk_status found(
	struct ledger_check *check, souk_status status, struct souk_bytes key, const char *what)
{
	name_record(check->record, key);
	check->what = what;
	return status;
}

/* ---- two walks ---- */

struct walk {
	const struct souk_store *store;
	uint8_t from[SOUK_STORE_KEY_SIZE_MAX + 1];
	size_t from_size;
	struct souk_bytes key, value; /* no size: the end */
};

static souk_status walk_next(struct walk *walk)
{
	souk_status status = souk_store_next(
		walk->store, souk_bytes_of(walk->from, walk->from_size), &walk->key, &walk->value);
	if (status == SOUK_LOCAL_NOT_FOUND) {
		walk->key = souk_bytes_of(NULL, 0);
		return SOUK_OK;
	}
	SOUK_TRY(status);
	memcpy(walk->from, walk->key.data, walk->key.size);
	walk->from[walk->key.size] = 0;
	walk->from_size = walk->key.size + 1;
	return SOUK_OK;
}

/* The end comes after every key. */
static int compare_keys(struct souk_bytes a, struct souk_bytes b)
{
	if (a.size == 0 || b.size == 0)
		return (a.size == 0) - (b.size == 0);
	int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
	return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* A header or transaction that the replay did not see: of no block, or beyond a block's count. */
static souk_status check_block_key(
	struct ledger_check *check, const struct souk_store *view, struct souk_bytes key)
{
	bool is_tx = key.data[0] == SOUK_TABLE_TX;
	struct souk_signed_block_header header;
	struct souk_bytes value;
	if (key.size != (is_tx ? 13 : 9))
		return found(check, SOUK_CORRUPT_STORE, key, "is no record of a ledger");
	uint64_t height = souk_load_be64(key.data + 1);
	if (height > check->height || height < check->from_height ||
		(is_tx && height == check->from_height))
		return found(check, SOUK_CORRUPT_STORE, key, "is of no block");
	if (!is_tx)
		return SOUK_OK;
	struct souk_ledger_key at = souk_ledger_key_header(height);
	SOUK_TRY(souk_store_get(view, souk_ledger_key_bytes(&at), &value));
	if (souk_signed_block_header_decode(&header, value, NULL) != SOUK_OK ||
		souk_load_be32(key.data + 9) >= header.header.tx_count)
		return found(check, SOUK_CORRUPT_STORE, key, "is not in its block");
	return SOUK_OK;
}

/* The replay keeps no blocks, and its own state is pruned nowhere. */
static bool is_of_archive(struct souk_bytes key)
{
	return key.size != 0 && (key.data[0] == SOUK_TABLE_HEADER || key.data[0] == SOUK_TABLE_TX ||
					key.data[0] == SOUK_TABLE_PRUNED);
}

static souk_status compare_one(struct ledger_check *check, const struct walk *stored,
	const struct walk *replayed, int order)
{
	if (order < 0)
		return found(check, SOUK_CORRUPT_STORE, stored->key, "should not exist");
	if (order > 0)
		return found(check, SOUK_CORRUPT_STORE, replayed->key, "is missing");
	if (stored->value.size != replayed->value.size ||
		memcmp(stored->value.data, replayed->value.data, stored->value.size) != 0)
		return found(
			check, SOUK_CORRUPT_STORE, stored->key, "is not what the blocks lead to");
	check->records++;
	return SOUK_OK;
}

/* The summary and the sum come last: where they are wrong, the records tell more. */
static bool is_of_all(struct souk_bytes key)
{
	return key.size == 1 && (key.data[0] == SOUK_TABLE_META || key.data[0] == SOUK_TABLE_SUM);
}

static souk_status compare_stores(
	struct ledger_check *check, const struct souk_store *view, const struct souk_store *replay)
{
	struct walk stored = {.store = view}, replayed = {.store = replay};
	struct ledger_check whole = *check;
	souk_status late = SOUK_OK;
	SOUK_TRY(walk_next(&stored));
	SOUK_TRY(walk_next(&replayed));
	while (stored.key.size != 0 || replayed.key.size != 0) {
		if (is_of_archive(stored.key)) {
			if (stored.key.data[0] != SOUK_TABLE_PRUNED)
				SOUK_TRY(check_block_key(check, view, stored.key));
			SOUK_TRY(walk_next(&stored));
			continue;
		}
		int order = compare_keys(stored.key, replayed.key);
		bool is_late = is_of_all(order <= 0 ? stored.key : replayed.key);
		souk_status status =
			compare_one(is_late ? &whole : check, &stored, &replayed, order);
		if (status != SOUK_OK && !is_late)
			return status;
		if (late == SOUK_OK)
			late = status;
		if (order <= 0)
			SOUK_TRY(walk_next(&stored));
		if (order >= 0)
			SOUK_TRY(walk_next(&replayed));
	}
	check->records += whole.records;
	if (late != SOUK_OK) {
		memcpy(check->record, whole.record, sizeof check->record);
		check->what = whole.what;
	}
	return late;
}

/* ---- all of it ---- */

static souk_status read_record(struct souk_ledger_record *ret, const struct souk_store *view)
{
	struct souk_ledger_key key = souk_ledger_key_single(SOUK_TABLE_META);
	struct souk_bytes value;
	SOUK_TRY(souk_store_get(view, souk_ledger_key_bytes(&key), &value));
	return souk_ledger_record_decode(ret, value, NULL) == SOUK_OK ? SOUK_OK
								      : SOUK_CORRUPT_STORE;
}

/* The last stored block, whatever the summary says: it may be the one that is wrong. */
static souk_status last_block(uint64_t *ret, const struct souk_store *view, uint64_t from_height)
{
	for (uint64_t height = from_height;; height++) {
		struct souk_ledger_key key = souk_ledger_key_header(height + 1);
		struct souk_bytes value;
		souk_status status = souk_store_get(view, souk_ledger_key_bytes(&key), &value);
		if (status == SOUK_LOCAL_NOT_FOUND) {
			*ret = height;
			return SOUK_OK;
		}
		SOUK_TRY(status);
	}
}

/* The replay failed. Its verdict names a block; but where the start was wrong, no block is to
 * blame.
 */
static souk_status explain_replay(
	struct ledger_check *check, const struct souk_store *view, souk_status status)
{
	struct souk_ledger_key pruned = souk_ledger_key_single(SOUK_TABLE_PRUNED);
	struct souk_ledger_key first = souk_ledger_key_single(SOUK_TABLE_GENESIS);
	struct souk_ledger_record record;
	struct souk_genesis genesis;
	struct souk_bytes value;
	if (status == SOUK_LOCAL_NOT_FOUND)
		return found(check, SOUK_CORRUPT_STORE, souk_ledger_key_bytes(&pruned),
			"has no snapshot file");
	if (souk_store_get(view, souk_ledger_key_bytes(&first), &value) != SOUK_OK ||
		souk_genesis_decode(&genesis, value, NULL) != SOUK_OK)
		return found(check, SOUK_CORRUPT_STORE, souk_ledger_key_bytes(&first),
			"cannot be decoded");
	struct souk_hash id = souk_genesis_digest(&genesis);
	if (read_record(&record, view) == SOUK_OK && !souk_hash_equal(&record.ledger, &id))
		return found(check, SOUK_CORRUPT_STORE, souk_ledger_key_bytes(&first),
			"is not that of this ledger");
	return status;
}

static souk_status check_blocks(struct ledger_check *check, struct souk_log_replay **ret_replay,
	const struct souk_store *view, const char *home, const struct souk_judges *judges)
{
	struct souk_ledger_record stated;
	struct souk_ledger_key meta = souk_ledger_key_single(SOUK_TABLE_META);
	SOUK_TRY(ledger_archive_base(&check->from_height, view));
	SOUK_TRY(last_block(&check->height, view, check->from_height));
	souk_status status = ledger_archive_replay(ret_replay, view, home, check->height, judges);
	if (status != SOUK_OK)
		return explain_replay(check, view, status);
	if (read_record(&stated, view) != SOUK_OK)
		return found(check, SOUK_CORRUPT_STORE, souk_ledger_key_bytes(&meta),
			"cannot be decoded");
	/* Blocks are missing at the end, or the summary is wrong. */
	if (stated.height != check->height)
		return found(check, SOUK_CORRUPT_STORE, souk_ledger_key_bytes(&meta),
			"names another height than the last block");
	return SOUK_OK;
}

souk_status ledger_archive_check(struct ledger_check *ret, const struct souk_store *view,
	const char *home, const struct souk_judges *judges)
{
	struct souk_log_replay *replay = NULL;
	memset(ret, 0, sizeof *ret);
	souk_status status = check_blocks(ret, &replay, view, home, judges);
	if (replay != NULL) {
		const struct souk_log_verifier *verifier = souk_log_replay_verifier(replay);
		ret->verdict = verifier->verdict;
		ret->txs = verifier->ledger.record.tx_count - verifier->from_txs;
		if (status == SOUK_OK)
			status = compare_stores(ret, view, &verifier->ledger.store);
	}
	souk_log_replay_free(replay);
	return status;
}
