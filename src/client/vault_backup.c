/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole vault as a file, and back.
 *
 *   size 4, vault_backup | (size 2, key, size 4, value)... | tag 32 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/io/file.h"
#include "vault_internal.h"

#define RECORD_MAX (6u + SOUK_STORE_KEY_SIZE_MAX + SOUK_STORE_VALUE_SIZE_MAX)

struct stream {
	FILE *file;
	const struct souk_vault_keys *keys;
	struct souk_hash state;
	uint8_t record[RECORD_MAX];
};

static bool is_head(struct souk_bytes key)
{
	return key.size == 1 && key.data[0] == 'H';
}

/* ---- out ---- */

static souk_status put_bytes(struct stream *stream, const uint8_t *data, size_t size)
{
	if (fwrite(data, 1, size, stream->file) != size)
		return SOUK_IO_WRITE;
	souk_vault_backup_step(&stream->state, stream->keys, souk_bytes_of(data, size));
	return SOUK_OK;
}

static souk_status put_head(struct stream *stream, const struct souk_vault_backup *backup)
{
	uint8_t bytes[4 + SOUK_VAULT_BACKUP_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes written;
	souk_writer_init(&writer, bytes + 4, sizeof bytes - 4);
	souk_vault_backup_encode(&writer, backup);
	SOUK_CHECK(souk_writer_finish(&writer, &written) == SOUK_OK);
	souk_store_be32(bytes, (uint32_t)written.size);
	return put_bytes(stream, bytes, 4 + written.size);
}

static souk_status put_record(struct stream *stream, struct souk_bytes key, struct souk_bytes value)
{
	uint8_t *p = stream->record;
	souk_store_be16(p, (uint16_t)key.size);
	memcpy(p + 2, key.data, key.size);
	souk_store_be32(p + 2 + key.size, (uint32_t)value.size);
	memcpy(p + 6 + key.size, value.data, value.size);
	return put_bytes(stream, p, 6 + key.size + value.size);
}

/* Each record but the head; STREAM NULL: only count them. */
static souk_status walk(const struct souk_store *store, struct stream *stream, uint64_t *ret_count)
{
	uint8_t from[SOUK_STORE_KEY_SIZE_MAX + 1];
	struct souk_bytes key = {NULL, 0}, value;
	souk_status status;
	*ret_count = 0;
	for (size_t size = 0; (status = souk_store_next(
				       store, souk_bytes_of(from, size), &key, &value)) == SOUK_OK;
		size = key.size + 1) {
		memcpy(from, key.data, key.size);
		from[key.size] = 0;
		if (is_head(key))
			continue;
		if (stream != NULL)
			SOUK_TRY(put_record(stream, key, value));
		++*ret_count;
	}
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

static souk_status write_all(struct stream *stream, const struct souk_vault *vault,
	const struct souk_vault_master *own, const struct souk_vault_master *master,
	uint64_t *ret_records)
{
	struct souk_vault_backup backup;
	SOUK_TRY(souk_vault_backup_head(vault, own, master, &backup));
	SOUK_TRY(walk(vault->store, NULL, &backup.records));
	SOUK_TRY(put_head(stream, &backup));
	SOUK_TRY(walk(vault->store, stream, ret_records));
	if (fwrite(stream->state.bytes, 1, SOUK_HASH_SIZE, stream->file) != SOUK_HASH_SIZE ||
		fflush(stream->file) != 0 || fsync(fileno(stream->file)) != 0)
		return SOUK_IO_WRITE;
	return SOUK_OK;
}

static souk_status write_file(struct vault_home *home, FILE *file,
	const struct souk_vault_master *master, uint64_t *ret_records)
{
	struct souk_vault_master own;
	struct souk_vault vault;
	struct stream *stream = calloc(1, sizeof *stream);
	souk_status status = stream == NULL ? SOUK_IO_MEMORY : vault_home_master(home, &own);
	if (status == SOUK_OK)
		status = vault_home_begin(home, NULL, &vault);
	if (status == SOUK_OK) {
		stream->file = file;
		stream->keys = &home->keys;
		status = write_all(stream, &vault, &own, master, ret_records);
		status = vault_home_end(home, status);
	}
	souk_bytes_wipe(&own, sizeof own);
	free(stream);
	return status;
}

souk_status vault_home_write_backup(struct vault_home *home, const char *path,
	const struct souk_vault_master *master, uint64_t *ret_records)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (file == NULL)
		return souk_file_status(errno, SOUK_IO_WRITE);
	souk_status status = write_file(home, file, master, ret_records);
	if (fclose(file) != 0 && status == SOUK_OK)
		status = SOUK_IO_WRITE;
	if (status != SOUK_OK)
		unlink(path);
	return status;
}

/* ---- in ---- */

static souk_status get_bytes(struct stream *stream, uint8_t *out, size_t size)
{
	if (fread(out, 1, size, stream->file) != size)
		return ferror(stream->file) ? SOUK_IO_READ : SOUK_PEER_BAD_REQUEST;
	return SOUK_OK;
}

/* The bytes of the head, for the tag. */
static souk_status get_head(struct stream *stream, struct souk_vault_backup *ret, size_t *ret_size)
{
	uint8_t *bytes = stream->record;
	SOUK_TRY(get_bytes(stream, bytes, 4));
	const size_t size = souk_load_be32(bytes);
	if (size > SOUK_VAULT_BACKUP_SIZE_MAX)
		return SOUK_PEER_BAD_REQUEST;
	SOUK_TRY(get_bytes(stream, bytes + 4, size));
	if (souk_vault_backup_decode(ret, souk_bytes_of(bytes + 4, size), NULL) != SOUK_OK)
		return SOUK_PEER_BAD_REQUEST;
	*ret_size = 4 + size;
	return SOUK_OK;
}

static souk_status get_record(struct stream *stream, const struct souk_store *store)
{
	uint8_t *p = stream->record;
	SOUK_TRY(get_bytes(stream, p, 2));
	const size_t key = souk_load_be16(p);
	if (key == 0 || key > SOUK_STORE_KEY_SIZE_MAX)
		return SOUK_PEER_BAD_REQUEST;
	SOUK_TRY(get_bytes(stream, p + 2, key + 4));
	const size_t value = souk_load_be32(p + 2 + key);
	if (value > SOUK_STORE_VALUE_SIZE_MAX || is_head(souk_bytes_of(p + 2, key)))
		return SOUK_PEER_BAD_REQUEST;
	SOUK_TRY(get_bytes(stream, p + 6 + key, value));
	souk_vault_backup_step(&stream->state, stream->keys, souk_bytes_of(p, 6 + key + value));
	return souk_store_put(store, souk_bytes_of(p + 2, key), souk_bytes_of(p + 6 + key, value));
}

static souk_status get_records(
	struct stream *stream, const struct souk_store *store, uint64_t count)
{
	uint8_t tag[SOUK_HASH_SIZE + 1];
	for (uint64_t i = 0; i < count; i++)
		SOUK_TRY(get_record(stream, store));
	SOUK_TRY(get_bytes(stream, tag, SOUK_HASH_SIZE));
	if (!souk_bytes_equal_secret(tag, stream->state.bytes, SOUK_HASH_SIZE) ||
		fread(tag, 1, 1, stream->file) != 0)
		return SOUK_PEER_BAD_REQUEST;
	return SOUK_OK;
}

/* What was put and turns out wrong is not to be committed: the classes of a refusal would. */
static souk_status restore_into(struct vault_home *home, struct stream *stream,
	const struct souk_vault_backup *backup, const struct souk_vault_master *backup_master)
{
	struct souk_vault_head there;
	struct souk_vault_master own;
	struct souk_vault vault;
	SOUK_TRY(vault_home_new_master(home, &own));
	SOUK_TRY(vault_home_begin(home, NULL, &vault));
	souk_status status = souk_vault_head_load(&there, vault.store);
	if (status != SOUK_LOCAL_NOT_FOUND)
		status = status == SOUK_OK ? SOUK_LOCAL_EXISTS : status;
	else
		status = get_records(stream, vault.store, backup->records);
	if (status == SOUK_OK)
		status = souk_vault_restored(&vault, &backup->head, backup_master, &own);
	souk_bytes_wipe(&own, sizeof own);
	if (status == SOUK_OK)
		return vault_home_end(home, status);
	(void)!vault_home_end(home, SOUK_IO_STORE);
	return status;
}

static souk_status read_backup(struct vault_home *home, struct stream *stream,
	const char *backup_file, const char *name, uint64_t *ret_records)
{
	struct souk_vault_backup backup;
	struct souk_vault_master master;
	size_t size;
	SOUK_TRY(get_head(stream, &backup, &size));
	if (!backup.head.kdf.passphrase)
		return SOUK_PEER_BAD_REQUEST;
	souk_status status = vault_passphrase_master(&master, &backup.head.kdf, backup_file, name);
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = SOUK_LOCAL_VAULT_LOCKED;
	if (status == SOUK_OK)
		status = souk_vault_open(&home->keys, &backup.head, &master);
	if (status == SOUK_OK) {
		stream->keys = &home->keys;
		souk_vault_backup_step(
			&stream->state, stream->keys, souk_bytes_of(stream->record, size));
		status = restore_into(home, stream, &backup, &master);
	}
	souk_bytes_wipe(&master, sizeof master);
	*ret_records = backup.records;
	return status;
}

souk_status vault_home_restore(const struct vault_home_config *config, const char *path,
	const char *backup_file, const char *name, uint64_t *ret_records)
{
	struct vault_home *home = NULL;
	struct stream *stream = calloc(1, sizeof *stream);
	if (stream == NULL)
		return SOUK_IO_MEMORY;
	stream->file = fopen(path, "r");
	souk_status status = stream->file == NULL ? souk_file_status(errno, SOUK_IO_READ)
						  : vault_home_new(&home, config);
	if (status == SOUK_OK)
		status = read_backup(home, stream, backup_file, name, ret_records);
	vault_home_close(home);
	if (stream->file != NULL)
		fclose(stream->file);
	free(stream);
	return status;
}
