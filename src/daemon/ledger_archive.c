/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_archive.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/io/file.h"

souk_status ledger_archive_base(uint64_t *ret, const struct souk_store *view)
{
	struct souk_ledger_key key = souk_ledger_key_single(SOUK_TABLE_PRUNED);
	struct souk_bytes value;
	souk_status status = souk_store_get(view, souk_ledger_key_bytes(&key), &value);
	if (status == SOUK_LOCAL_NOT_FOUND) {
		*ret = 0;
		return SOUK_OK;
	}
	SOUK_TRY(status);
	if (value.size != 8)
		return SOUK_CORRUPT_STORE;
	*ret = souk_load_be64(value.data);
	return SOUK_OK;
}

void ledger_archive_path(char out[LEDGER_ARCHIVE_PATH_SIZE], const char *home, uint64_t height)
{
	snprintf(out, LEDGER_ARCHIVE_PATH_SIZE, "%s/snapshot-%" PRIu64 ".souk", home, height);
}

/* ---- writing a snapshot ---- */

static souk_status status_of_errno(void)
{
	return souk_file_status(errno, SOUK_IO_WRITE);
}

static souk_status write_frames(
	struct ledger_snapshot_made *made, const struct souk_store *view, FILE *file)
{
	struct souk_snapshot_source source = {.store = *view};
	uint8_t memory[SOUK_SNAPSHOT_FRAME_MAX];
	if (fwrite(SOUK_LOG_SNAPSHOT_MAGIC, 1, SOUK_LOG_MAGIC_SIZE, file) != SOUK_LOG_MAGIC_SIZE)
		return status_of_errno();
	made->size = SOUK_LOG_MAGIC_SIZE;
	for (bool any = false;; any = true) {
		struct souk_writer writer;
		souk_writer_init(&writer, memory, sizeof memory);
		souk_status status = souk_snapshot_next(&source, &writer);
		if (status == SOUK_LOCAL_NOT_FOUND && any && source.items != 0) {
			made->records = source.items;
			return SOUK_OK;
		}
		SOUK_TRY(status);
		if (fwrite(memory, 1, writer.size, file) != writer.size)
			return status_of_errno();
		made->size += writer.size;
	}
}

static souk_status finish_file(FILE *file, souk_status status)
{
	if (status == SOUK_OK && (fflush(file) != 0 || fsync(fileno(file)) != 0))
		status = status_of_errno();
	if (fclose(file) != 0 && status == SOUK_OK)
		status = status_of_errno();
	return status;
}

souk_status ledger_archive_snapshot(
	struct ledger_snapshot_made *ret, const struct souk_store *view, const char *path)
{
	char partial[LEDGER_ARCHIVE_PATH_SIZE + 8];
	struct souk_ledger ledger;
	*ret = (struct ledger_snapshot_made){0};
	SOUK_TRY(souk_ledger_load(&ledger, view));
	ret->height = ledger.record.height;
	snprintf(partial, sizeof partial, "%s.part", path);
	FILE *file = fopen(partial, "wb");
	if (file == NULL)
		return status_of_errno();
	souk_status status = finish_file(file, write_frames(ret, view, file));
	if (status == SOUK_OK && rename(partial, path) != 0)
		status = status_of_errno();
	if (status != SOUK_OK)
		unlink(partial);
	return status;
}

/* ---- replaying what is stored ---- */

/* The frames of a snapshot file, up to its empty one. */
static souk_status feed_snapshot(struct souk_log_replay *replay, FILE *file)
{
	uint8_t frame[SOUK_LOG_FRAME_MAX];
	uint8_t head[SOUK_LOG_MAGIC_SIZE];
	bool is_snapshot = false;
	if (fread(head, 1, sizeof head, file) != sizeof head)
		return SOUK_CORRUPT_LOG;
	SOUK_TRY(souk_log_magic_is_snapshot(&is_snapshot, head));
	if (!is_snapshot)
		return SOUK_CORRUPT_LOG;
	for (;;) {
		if (fread(head, 1, 4, file) != 4)
			return ferror(file) ? SOUK_IO_READ : SOUK_CORRUPT_LOG;
		uint32_t size = souk_load_be32(head);
		if (size > sizeof frame || fread(frame, 1, size, file) != size)
			return ferror(file) ? SOUK_IO_READ : SOUK_CORRUPT_LOG;
		SOUK_TRY(souk_log_replay_feed(replay, souk_bytes_of(frame, size)));
		if (size == 0)
			return SOUK_OK;
	}
}

static souk_status feed_start(struct souk_log_replay *replay, const struct souk_store *view,
	const char *home, uint64_t base)
{
	char path[LEDGER_ARCHIVE_PATH_SIZE];
	struct souk_ledger_key key = souk_ledger_key_single(SOUK_TABLE_GENESIS);
	struct souk_bytes value;
	if (base == 0) {
		SOUK_TRY(souk_store_get(view, souk_ledger_key_bytes(&key), &value));
		return souk_log_replay_feed(replay, value);
	}
	ledger_archive_path(path, home, base);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return souk_file_status(errno, SOUK_IO_READ);
	souk_status status = feed_snapshot(replay, file);
	fclose(file);
	return status;
}

/* A block whose parts are not all there is found by the replay: what is fed does not fit. */
static souk_status feed_block(
	struct souk_log_replay *replay, const struct souk_store *view, uint64_t height)
{
	struct souk_ledger_key key = souk_ledger_key_header(height);
	struct souk_signed_block_header header;
	struct souk_bytes value;
	souk_status status = souk_store_get(view, souk_ledger_key_bytes(&key), &value);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return souk_log_replay_feed(replay, souk_bytes_of("", 0));
	SOUK_TRY(status);
	uint32_t count = souk_signed_block_header_decode(&header, value, NULL) == SOUK_OK
				 ? header.header.tx_count
				 : 0;
	SOUK_TRY(souk_log_replay_feed(replay, value));
	for (uint32_t i = 0; i < count; i++) {
		key = souk_ledger_key_tx(height, i);
		status = souk_store_get(view, souk_ledger_key_bytes(&key), &value);
		if (status == SOUK_LOCAL_NOT_FOUND)
			return souk_log_replay_feed(replay, souk_bytes_of("", 0));
		SOUK_TRY(status);
		SOUK_TRY(souk_log_replay_feed(replay, value));
	}
	return SOUK_OK;
}

souk_status ledger_archive_replay(struct souk_log_replay **ret, const struct souk_store *view,
	const char *home, uint64_t height, const struct souk_judges *judges)
{
	uint64_t base;
	struct souk_log_replay_config config = {
		.thread_count = UINT_MAX, .keeps_index = true, .judges = judges};
	*ret = NULL;
	SOUK_TRY(ledger_archive_base(&base, view));
	config.is_snapshot = base != 0;
	SOUK_TRY(souk_log_replay_new(ret, &config));
	SOUK_TRY(feed_start(*ret, view, home, base));
	for (uint64_t at = base + 1; at <= height; at++)
		SOUK_TRY(feed_block(*ret, view, at));
	return souk_log_replay_flush(*ret);
}

/* ---- pruning ---- */

/* Every key of FROM's table TABLE (what the replay made of the blocks that go) out of STORE. */
static souk_status delete_table(struct ledger_pruned *pruned, const struct souk_store *from,
	const struct souk_store *store, uint8_t table)
{
	uint8_t at[SOUK_STORE_KEY_SIZE_MAX + 1] = {table};
	size_t at_size = 1;
	for (;;) {
		struct souk_bytes key, value;
		souk_status status =
			souk_store_next(from, souk_bytes_of(at, at_size), &key, &value);
		if (status == SOUK_LOCAL_NOT_FOUND || (status == SOUK_OK && key.data[0] != table))
			return SOUK_OK;
		SOUK_TRY(status);
		status = souk_store_del(store, key);
		if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
			return status;
		pruned->records += status == SOUK_OK;
		memcpy(at, key.data, key.size);
		at[key.size] = 0;
		at_size = key.size + 1;
	}
}

/* Headers before, and transactions up to, the new base. Keys of both begin with the height. */
static souk_status delete_blocks(
	struct ledger_pruned *pruned, const struct souk_store *store, uint8_t table, uint64_t below)
{
	for (;;) {
		struct souk_bytes key, value;
		uint8_t copy[SOUK_LEDGER_KEY_MAX];
		souk_status status = souk_store_next(store, souk_bytes_of(&table, 1), &key, &value);
		if (status == SOUK_LOCAL_NOT_FOUND || (status == SOUK_OK && key.data[0] != table))
			return SOUK_OK;
		SOUK_TRY(status);
		if (key.size < 9 || key.size > sizeof copy)
			return SOUK_CORRUPT_STORE;
		if (souk_load_be64(key.data + 1) >= below)
			return SOUK_OK;
		size_t size = key.size;
		memcpy(copy, key.data, size);
		SOUK_TRY(souk_store_del(store, souk_bytes_of(copy, size)));
		pruned->records++;
	}
}

static souk_status delete_before(struct ledger_pruned *pruned, const struct souk_store *replayed,
	const struct souk_store *store)
{
	struct souk_ledger_key key = souk_ledger_key_single(SOUK_TABLE_PRUNED);
	uint8_t height[8];
	uint64_t base;
	/* Somebody else may have pruned meanwhile. */
	SOUK_TRY(ledger_archive_base(&base, store));
	if (base != pruned->from_height)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(delete_table(pruned, replayed, store, SOUK_TABLE_RECEIPT));
	SOUK_TRY(delete_table(pruned, replayed, store, SOUK_TABLE_HISTORY));
	SOUK_TRY(delete_blocks(pruned, store, SOUK_TABLE_HEADER, pruned->height));
	SOUK_TRY(delete_blocks(pruned, store, SOUK_TABLE_TX, pruned->height + 1));
	souk_store_be64(height, pruned->height);
	return souk_store_put(store, souk_ledger_key_bytes(&key), souk_bytes_of(height, 8));
}

static souk_status commit_prune(struct ledger_pruned *pruned, struct souk_lmdb_store *lmdb,
	const struct souk_store *replayed)
{
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	SOUK_TRY(souk_lmdb_store_begin(lmdb, SOUK_LMDB_WRITE, &txn, &store));
	souk_status status = delete_before(pruned, replayed, &store);
	if (status == SOUK_OK)
		return souk_lmdb_txn_commit(txn);
	souk_lmdb_txn_abort(txn);
	return status;
}

/* The replay stands at the new base; what a snapshot needs besides is its header. */
static souk_status write_base(const struct souk_store *replayed, const struct souk_store *view,
	const char *home, uint64_t height)
{
	char path[LEDGER_ARCHIVE_PATH_SIZE];
	struct ledger_snapshot_made made;
	struct souk_ledger_key key = souk_ledger_key_header(height);
	struct souk_bytes header;
	SOUK_TRY(souk_store_get(view, souk_ledger_key_bytes(&key), &header));
	SOUK_TRY(souk_store_put(replayed, souk_ledger_key_bytes(&key), header));
	ledger_archive_path(path, home, height);
	return ledger_archive_snapshot(&made, replayed, path);
}

/* What is to go, and the snapshot that stands for it. RET->height 0: nothing. */
static souk_status prepare_prune(struct ledger_pruned *ret, struct souk_log_replay **ret_replay,
	const struct souk_store *view, const char *home, uint64_t keep,
	const struct souk_judges *judges)
{
	struct souk_ledger ledger;
	SOUK_TRY(ledger_archive_base(&ret->from_height, view));
	SOUK_TRY(souk_ledger_load(&ledger, view));
	uint64_t tip = ledger.record.height;
	ret->height = ret->from_height;
	if (tip <= keep || tip - keep <= ret->from_height)
		return SOUK_OK;
	SOUK_TRY(ledger_archive_replay(ret_replay, view, home, tip - keep, judges));
	SOUK_TRY(write_base(
		&souk_log_replay_verifier(*ret_replay)->ledger.store, view, home, tip - keep));
	ret->height = tip - keep;
	return SOUK_OK;
}

souk_status ledger_archive_prune(struct ledger_pruned *ret, struct souk_lmdb_store *store,
	const char *home, uint64_t keep, const struct souk_judges *judges)
{
	char path[LEDGER_ARCHIVE_PATH_SIZE];
	struct souk_log_replay *replay = NULL;
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	*ret = (struct ledger_pruned){0};
	SOUK_TRY(souk_lmdb_store_begin(store, SOUK_LMDB_READ, &txn, &view));
	souk_status status = prepare_prune(ret, &replay, &view, home, keep, judges);
	souk_lmdb_txn_abort(txn);
	if (status == SOUK_OK && ret->height != ret->from_height) {
		status = commit_prune(ret, store, &souk_log_replay_verifier(replay)->ledger.store);
		/* The snapshot that nothing goes on from any more. */
		ledger_archive_path(path, home, ret->from_height);
		if (status == SOUK_OK && ret->from_height != 0)
			unlink(path);
	}
	souk_log_replay_free(replay);
	return status;
}
