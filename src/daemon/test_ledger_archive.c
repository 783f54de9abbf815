/* SPDX-License-Identifier: Apache-2.0
 *
 * The stored ledger, spoilt: every table, every kind of record, one flipped bit at
 * a time, put there past the rules through the store. Each is found and named. And
 * pruning: a ledger pruned anywhere goes on from its snapshot to the same state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "../ledger/test_market.h"
#include "ledger_archive.h"
#include "souk/base/rng.h"

#define RECORDS_MAX 512

static char home[64];
static struct souk_lmdb_store *lmdb;
static struct market *market;

static void put_all(const struct souk_store *store)
{
	for (size_t i = 0; i < market->records.count; i++) {
		const struct test_record *record = &market->records.records[i];
		assert_int_equal(souk_store_put(store, souk_bytes_of(record->key, record->key_size),
					 souk_bytes_of(record->value, record->value_size)),
			SOUK_OK);
	}
}

/* The blocks of the market's log, as the sequencer would have stored them. */
static void put_blocks(const struct souk_store *store)
{
	struct souk_bytes in = souk_bytes_of(
		market->log + SOUK_LOG_MAGIC_SIZE, market->log_size - SOUK_LOG_MAGIC_SIZE);
	struct souk_signed_block_header header = {.header.tx_count = 0};
	struct souk_bytes frame;
	uint32_t txs = 0;
	size_t used;
	for (size_t i = 0; in.size; i++) {
		assert_int_equal(souk_log_read_frame(&frame, &used, in), SOUK_OK);
		in = souk_bytes_of(in.data + used, in.size - used);
		if (i == 0)
			continue;
		bool is_header = txs == header.header.tx_count;
		if (is_header)
			assert_int_equal(
				souk_signed_block_header_decode(&header, frame, NULL), SOUK_OK);
		txs = is_header ? 0 : txs + 1;
		struct souk_ledger_key key =
			is_header ? souk_ledger_key_header(header.header.height)
				  : souk_ledger_key_tx(header.header.height, txs - 1);
		assert_int_equal(
			souk_store_put(store, souk_ledger_key_bytes(&key), frame), SOUK_OK);
	}
}

static int setup(void **state)
{
	char path[128];
	struct souk_lmdb_config config = {.path = path, .is_fast_unsafe = true};
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	(void)state;
	strcpy(home, "/tmp/souk-archive-XXXXXX");
	assert_non_null(mkdtemp(home));
	snprintf(path, sizeof path, "%s/ledger.mdb", home);
	assert_int_equal(souk_lmdb_store_open(&lmdb, &config), SOUK_OK);
	market = market_example_more();
	assert_int_equal(souk_lmdb_store_begin(lmdb, SOUK_LMDB_WRITE, &txn, &store), SOUK_OK);
	put_all(&store);
	put_blocks(&store);
	assert_int_equal(souk_lmdb_txn_commit(txn), SOUK_OK);
	return 0;
}

static int teardown(void **state)
{
	char path[LEDGER_ARCHIVE_PATH_SIZE];
	(void)state;
	souk_lmdb_store_close(lmdb);
	for (uint64_t height = 1; height <= market->ledger.record.height; height++) {
		ledger_archive_path(path, home, height);
		unlink(path);
	}
	market_free(market);
	snprintf(path, sizeof path, "%s/ledger.mdb", home);
	unlink(path);
	snprintf(path, sizeof path, "%s/ledger.mdb-lock", home);
	unlink(path);
	return rmdir(home);
}

static souk_status check(struct ledger_check *ret)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	assert_int_equal(souk_lmdb_store_begin(lmdb, SOUK_LMDB_READ, &txn, &view), SOUK_OK);
	souk_status status = ledger_archive_check(ret, &view, home, NULL);
	souk_lmdb_txn_abort(txn);
	return status;
}

struct kept {
	uint8_t key[SOUK_LEDGER_KEY_MAX], *value;
	size_t key_size, value_size;
};

/* Copies of all records. */
static size_t read_all(struct kept kept[RECORDS_MAX])
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	struct souk_bytes key, value;
	uint8_t from[SOUK_STORE_KEY_SIZE_MAX + 1];
	size_t from_size = 0, count = 0;
	assert_int_equal(souk_lmdb_store_begin(lmdb, SOUK_LMDB_READ, &txn, &view), SOUK_OK);
	while (souk_store_next(&view, souk_bytes_of(from, from_size), &key, &value) == SOUK_OK) {
		assert_true(count < RECORDS_MAX);
		struct kept *k = &kept[count++];
		memcpy(k->key, key.data, key.size);
		k->key_size = key.size;
		k->value = malloc(value.size);
		assert_non_null(k->value);
		memcpy(k->value, value.data, value.size);
		k->value_size = value.size;
		memcpy(from, key.data, key.size);
		from[key.size] = 0;
		from_size = key.size + 1;
	}
	souk_lmdb_txn_abort(txn);
	return count;
}

static void write_one(const struct kept *kept, bool delete)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	struct souk_bytes key = souk_bytes_of(kept->key, kept->key_size);
	assert_int_equal(souk_lmdb_store_begin(lmdb, SOUK_LMDB_WRITE, &txn, &store), SOUK_OK);
	assert_int_equal(
		delete ? souk_store_del(&store, key)
		       : souk_store_put(&store, key, souk_bytes_of(kept->value, kept->value_size)),
		SOUK_OK);
	assert_int_equal(souk_lmdb_txn_commit(txn), SOUK_OK);
}

/* What CHECK names is where KEPT stands. A transaction or header is named by its block, where the
 * replay stumbles over it: there, or at the next one that no longer follows. */
static void assert_names(const struct ledger_check *check, const struct kept *kept)
{
	char hex[2 * SOUK_LEDGER_KEY_MAX + 1];
	uint8_t table = kept->key[0];
	if (table == SOUK_TABLE_TX || table == SOUK_TABLE_HEADER) {
		uint64_t height = souk_load_be64(kept->key + 1);
		if (check->what != NULL)
			return;
		assert_in_range(check->verdict.height, height, height + 1);
		return;
	}
	if (check->what == NULL)
		fail_msg("table %c: block %llu, %s", table,
			(unsigned long long)check->verdict.height,
			souk_status_name(check->verdict.status));
	souk_hex_encode(hex, kept->key + 1,
		table == SOUK_TABLE_HISTORY ? SOUK_ADDRESS_SIZE : kept->key_size - 1);
	if (table != SOUK_TABLE_EPOCH && strstr(check->record, hex) == NULL)
		fail_msg("table %c: named %s", table, check->record);
}

static void test_good(void **state)
{
	struct ledger_check found;
	(void)state;
	assert_int_equal(check(&found), SOUK_OK);
	assert_int_equal(found.height, market->ledger.record.height);
	assert_int_equal(found.txs, market->ledger.record.tx_count);
	assert_int_equal(found.records, market->records.count);
}

/* Of every record one bit at random, and every record gone. */
static void test_every_record(void **state)
{
	static struct kept kept[RECORDS_MAX];
	struct souk_rng rng;
	struct ledger_check found;
	size_t count = read_all(kept), tables[256] = {0};
	(void)state;
	souk_rng_init(&rng, 3);
	for (size_t i = 0; i < count; i++) {
		tables[kept[i].key[0]]++;
		for (int n = 0; n < 3; n++) {
			size_t at = (size_t)souk_rng_below(&rng, kept[i].value_size);
			uint8_t bit = (uint8_t)(1u << souk_rng_below(&rng, 8));
			kept[i].value[at] ^= bit;
			write_one(&kept[i], false);
			if (check(&found) == SOUK_OK)
				fail_msg("table %c, byte %zu: not found", kept[i].key[0], at);
			assert_names(&found, &kept[i]);
			kept[i].value[at] ^= bit;
			write_one(&kept[i], false);
		}
		write_one(&kept[i], true);
		if (check(&found) == SOUK_OK)
			fail_msg("table %c: gone, and not missed", kept[i].key[0]);
		write_one(&kept[i], false);
	}
	for (size_t i = 0; i < count; i++)
		free(kept[i].value);
	assert_int_equal(check(&found), SOUK_OK);
	/* Headers, transactions, receipts, history, and at least these of the state. */
	for (const char *table = "HXRYAELMSGT"; *table; table++)
		assert_true(tables[(uint8_t)*table] > 0);
}

static void test_record_too_many(void **state)
{
	struct souk_ledger_key keys[] = {souk_ledger_key_tx(2, 999), souk_ledger_key_tx(900, 0),
		souk_ledger_key_receipt(&(struct souk_hash){{1}}),
		souk_ledger_key_account(&(struct souk_address){{1}}),
		souk_ledger_key_history(&(struct souk_address){{1}}, 2, 0)};
	struct ledger_check found;
	(void)state;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		uint8_t value[16] = {0};
		struct kept extra = {
			.value = value, .value_size = sizeof value, .key_size = keys[i].size};
		memcpy(extra.key, keys[i].bytes, keys[i].size);
		write_one(&extra, false);
		assert_int_equal(check(&found), SOUK_CORRUPT_STORE);
		assert_non_null(found.what);
		write_one(&extra, true);
	}
	assert_int_equal(check(&found), SOUK_OK);
}

static void load_record(struct souk_ledger_record *ret)
{
	static struct souk_ledger ledger;
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	assert_int_equal(souk_lmdb_store_begin(lmdb, SOUK_LMDB_READ, &txn, &view), SOUK_OK);
	assert_int_equal(souk_ledger_load(&ledger, &view), SOUK_OK);
	assert_int_equal(souk_ledger_audit(&ledger), SOUK_OK);
	*ret = ledger.record;
	souk_lmdb_txn_abort(txn);
}

/* Block by block from the oldest: after each prune the rest leads from the snapshot to the same
 * state, and a bit flipped in the snapshot file is found. */
static void test_prune_everywhere(void **state)
{
	uint64_t tip = market->ledger.record.height;
	struct souk_ledger_record record;
	(void)state;
	for (uint64_t keep = tip; keep-- > 0;) {
		struct ledger_pruned pruned;
		struct ledger_check found;
		char path[LEDGER_ARCHIVE_PATH_SIZE];
		assert_int_equal(ledger_archive_prune(&pruned, lmdb, home, keep, NULL), SOUK_OK);
		assert_int_equal(pruned.height, tip - keep);
		assert_int_equal(check(&found), SOUK_OK);
		assert_int_equal(found.from_height, tip - keep);
		load_record(&record);
		assert_memory_equal(&record, &market->ledger.record, sizeof record);
		ledger_archive_path(path, home, tip - keep);
		FILE *file = fopen(path, "r+b");
		assert_non_null(file);
		fseek(file, -20, SEEK_END);
		int byte = fgetc(file);
		fseek(file, -20, SEEK_END);
		fputc(byte ^ 4, file);
		fflush(file);
		assert_int_not_equal(check(&found), SOUK_OK);
		fseek(file, -20, SEEK_END);
		fputc(byte, file);
		fclose(file);
		assert_int_equal(ledger_archive_prune(&pruned, lmdb, home, keep, NULL), SOUK_OK);
		assert_int_equal(pruned.height, pruned.from_height);
	}
}

/* What is not true is not thrown away. */
static void test_no_prune_of_a_bad_log(void **state)
{
	struct ledger_pruned pruned;
	struct ledger_check found;
	struct souk_ledger_key key = souk_ledger_key_tx(1, 0);
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	(void)state;
	assert_int_equal(souk_lmdb_store_begin(lmdb, SOUK_LMDB_WRITE, &txn, &store), SOUK_OK);
	assert_int_equal(souk_store_put(&store, souk_ledger_key_bytes(&key), souk_bytes_of("x", 1)),
		SOUK_OK);
	assert_int_equal(souk_lmdb_txn_commit(txn), SOUK_OK);
	assert_int_not_equal(ledger_archive_prune(&pruned, lmdb, home, 1, NULL), SOUK_OK);
	assert_int_not_equal(check(&found), SOUK_OK);
	assert_int_equal(found.from_height, 0);
	assert_int_equal(found.verdict.height, 1);
	assert_int_equal(found.verdict.index, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),
		TEST(test_every_record),
		TEST(test_record_too_many),
		TEST(test_prune_everywhere),
		TEST(test_no_prune_of_a_bad_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
