/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/io/file.h"

#define TEMPORARY_PREFIX ".add-"
#define CHUNK_SIZE	 SOUK_CHUNK_SIZE_DEFAULT
/* Smaller files are there before anybody could read a progress line. */
#define PROGRESS_SIZE_MIN (64ull << 20)
#define PROGRESS_MS	  200u

struct import {
	const struct provider_store *store;
	const struct import_source *source;
	struct import_result *ret;
	int in;
	int out; /* the temporary copy; -1 where there is none */
	struct stat before;
	uint64_t size; /* of the content */
	char folder[480];
	char temporary[512];
	uint8_t *chunk;
	struct souk_hash *row;
	struct souk_hash *scratch;
	struct souk_content_builder builder;
	/* Where it is sealed. */
	struct souk_sealed sealed;
	struct souk_sha256 sha; /* of the file */
	uint8_t *plain;		/* a segment */
};

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal_number)
{
	(void)signal_number;
	stop_asked = 1;
}

/* Without SA_RESTART: a read that waits for a slow disk returns and sees the flag. */
static void catch_signals(bool catching)
{
	struct sigaction action = {.sa_handler = catching ? ask_to_stop : SIG_DFL};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

__attribute__((format(printf, 3, 4))) static souk_status explain(
	struct import *import, souk_status status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(import->ret->detail, sizeof import->ret->detail, format, arguments);
	va_end(arguments);
	return status;
}

/* ------------------------------------------------------------------ what is imported */

const char *import_why(const struct import_result *result, souk_status status)
{
	return result->detail[0] != '\0' ? result->detail : souk_status_text(status);
}

void import_clean(char *text)
{
	for (char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
}

static const char *kind_text(mode_t mode)
{
	if (S_ISDIR(mode))
		return "a folder";
	if (S_ISCHR(mode) || S_ISBLK(mode))
		return "a device";
	return "no regular file";
}

static souk_status check_size(struct import *import)
{
	if (import->size > (uint64_t)SOUK_CHUNK_COUNT_MAX * CHUNK_SIZE)
		return explain(import, SOUK_LOCAL_FULL, "a content has at most %s",
			cli_size_text((uint64_t)SOUK_CHUNK_COUNT_MAX * CHUNK_SIZE));
	return SOUK_OK;
}

static souk_status open_source(struct import *import, const char *path)
{
	if (import->source->stream != NULL) {
		import->size = import->source->stream->size;
		return check_size(import);
	}
	/* O_NONBLOCK: opening a pipe must not wait for its writer. */
	import->in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (import->in < 0)
		return explain(
			import, souk_file_status(errno, SOUK_IO_READ), "%s", strerror(errno));
	if (fstat(import->in, &import->before) < 0)
		return SOUK_IO_READ;
	if (!S_ISREG(import->before.st_mode))
		return explain(
			import, SOUK_LOCAL_USAGE, "it is %s", kind_text(import->before.st_mode));
	const uint64_t most = (uint64_t)SOUK_CHUNK_COUNT_MAX * CHUNK_SIZE;
	import->size = (uint64_t)import->before.st_size;
	if (import->source->seal != NULL && import->size <= most)
		import->size = souk_sealed_size_of(import->size);
	return check_size(import);
}

static souk_status begin_seal(struct import *import)
{
	const struct import_seal *seal = import->source->seal;
	import->plain = malloc(SOUK_SEALED_SEGMENT_SIZE);
	if (import->plain == NULL)
		return SOUK_IO_MEMORY;
	souk_sealed_create(
		&import->sealed, seal->file_key, seal->salt, (uint64_t)import->before.st_size);
	souk_sha256_init(&import->sha);
	return SOUK_OK;
}

static souk_status make_room(struct import *import)
{
	size_t count = (size_t)(import->size / CHUNK_SIZE + 1);
	import->chunk = malloc(CHUNK_SIZE);
	import->row = calloc(count, sizeof *import->row);
	import->scratch = calloc(count, sizeof *import->scratch);
	if (import->chunk == NULL || import->row == NULL || import->scratch == NULL)
		return SOUK_IO_MEMORY;
	souk_content_builder_init(&import->builder, CHUNK_SIZE, import->row, (uint32_t)count);
	return import->source->seal == NULL ? SOUK_OK : begin_seal(import);
}

/* ------------------------------------------------------------------ the temporary copy */

static uint64_t bytes_needed(const struct import *import)
{
	uint64_t row = (import->size / CHUNK_SIZE + 1) * SOUK_HASH_SIZE;
	return import->source->wants_link ? row : import->size + row;
}

static souk_status explain_full(struct import *import)
{
	struct statvfs disk;
	uint64_t free_bytes = 0;
	if (statvfs(import->folder, &disk) == 0)
		free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
	return explain(import, SOUK_IO_DISK_FULL,
		"it needs %ju bytes (%s) in %s, where %ju (%s) are free",
		(uintmax_t)bytes_needed(import), cli_size_text(bytes_needed(import)),
		import->folder, (uintmax_t)free_bytes, cli_size_text(free_bytes));
}

static souk_status check_free(struct import *import)
{
	struct statvfs disk;
	if (statvfs(import->folder, &disk) < 0)
		return SOUK_OK; /* no answer is no reason: writing will tell */
	if ((uint64_t)disk.f_bavail * disk.f_frsize >= bytes_needed(import))
		return SOUK_OK;
	return explain_full(import);
}

/* Remove copies whose import is dead: nobody holds their lock. */
static void sweep(const char *folder)
{
	DIR *entries = opendir(folder);
	if (entries == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
		if (strncmp(entry->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) != 0)
			continue;
		int fd = openat(dirfd(entries), entry->d_name, O_RDONLY | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlinkat(dirfd(entries), entry->d_name, 0);
		if (fd >= 0)
			close(fd);
	}
	closedir(entries);
}

/* The folder's lock keeps another import from sweeping a copy between its birth and its lock. */
static souk_status make_temporary(struct import *import)
{
	int folder = open(import->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || flock(folder, LOCK_EX) < 0) {
		if (folder >= 0)
			close(folder);
		return explain(import, SOUK_IO_WRITE, "%s: %s", import->folder, strerror(errno));
	}
	static bool is_swept; /* once is enough for a folder of many files */
	if (!is_swept)
		sweep(import->folder);
	is_swept = true;
	snprintf(import->temporary, sizeof import->temporary, "%s/" TEMPORARY_PREFIX "XXXXXX",
		import->folder);
	import->out = mkostemp(import->temporary, O_CLOEXEC);
	souk_status status = SOUK_OK;
	if (import->out < 0 || flock(import->out, LOCK_EX) < 0)
		status = explain(import, souk_file_status(errno, SOUK_IO_WRITE), "%s: %s",
			import->folder, strerror(errno));
	close(folder);
	return status;
}

/* ------------------------------------------------------------------ reading */

void import_progress_start(struct import_progress *progress, uint64_t total)
{
	*progress = (struct import_progress){.total = total};
	progress->shown = total > PROGRESS_SIZE_MIN && isatty(STDERR_FILENO);
	progress->start = progress->next = cli_now();
}

static void progress_show(struct import_progress *progress, uint64_t done)
{
	done += progress->before;
	struct souk_time now = cli_now();
	if (!progress->shown || souk_time_is_before(now, progress->next))
		return;
	progress->next = souk_time_plus_ms(now, PROGRESS_MS);
	uint64_t spent_ms = souk_time_since_ms(progress->start, now) + 1;
	uint64_t rate = done * 1000 / spent_ms;
	uint64_t left_s = rate > 0 && done < progress->total ? (progress->total - done) / rate : 0;
	fprintf(stderr, "\r%3u%%  %s of %s  %s/s  %ju s left \033[K",
		(unsigned)(done * 100 / progress->total), cli_size_text(done),
		cli_size_text(progress->total), cli_size_text(rate), (uintmax_t)left_s);
}

void import_progress_end(const struct import_progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
}

/* SIZE bytes of the file, fewer only at its end. */
static souk_status read_bytes(struct import *import, uint8_t *out, size_t size, size_t *ret_size)
{
	size_t got = 0;
	while (got < size) {
		if (stop_asked)
			return SOUK_LOCAL_STOPPED;
		ssize_t n = read(import->in, out + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return explain(import, SOUK_IO_READ, "%s", strerror(errno));
		if (n == 0)
			break;
		got += (size_t)n;
	}
	*ret_size = got;
	return SOUK_OK;
}

/* The next chunk of the sealed file: the segments in it. */
static souk_status read_sealed(struct import *import, size_t *ret_size)
{
	const uint32_t per_chunk = CHUNK_SIZE / SOUK_SEALED_SEGMENT_SIZE;
	uint32_t first = import->builder.count * per_chunk;
	size_t filled = 0, got;
	for (uint32_t i = first; i < import->sealed.count && i < first + per_chunk; i++) {
		struct souk_sealed_segment at = souk_sealed_segment_of(&import->sealed, i);
		SOUK_TRY(read_bytes(import, import->plain, at.plain_size, &got));
		if (got != at.plain_size)
			return explain(
				import, SOUK_LOCAL_STATE, "the file shrank while it was read");
		struct souk_bytes plain = souk_bytes_of(import->plain, got);
		souk_sha256_update(&import->sha, plain.data, plain.size);
		souk_sealed_encrypt(import->chunk + filled, &import->sealed, i, plain);
		filled += at.sealed_size;
	}
	*ret_size = filled;
	return SOUK_OK;
}

static souk_status read_stream(struct import *import, size_t *ret_size)
{
	const struct import_stream *stream = import->source->stream;
	uint64_t left = import->size - import->builder.size;
	if (stop_asked)
		return SOUK_LOCAL_STOPPED;
	*ret_size = left < CHUNK_SIZE ? (size_t)left : CHUNK_SIZE;
	return stream->read(stream->ctx, import->chunk, *ret_size, import->ret->detail);
}

/* The next chunk: shorter only at the end. */
static souk_status read_chunk(struct import *import, size_t *ret_size)
{
	if (import->source->stream != NULL)
		return read_stream(import, ret_size);
	return import->source->seal != NULL
		       ? read_sealed(import, ret_size)
		       : read_bytes(import, import->chunk, CHUNK_SIZE, ret_size);
}

static souk_status take_chunk(struct import *import, size_t size)
{
	if (import->out >= 0)
		SOUK_TRY(
			souk_file_write_at(import->out, import->chunk, size, import->builder.size));
	souk_status status =
		souk_content_builder_add(&import->builder, souk_bytes_of(import->chunk, size));
	if (status != SOUK_OK)
		return explain(import, SOUK_LOCAL_STATE, "the file grew while it was read");
	return SOUK_OK;
}

static souk_status read_all(struct import *import)
{
	struct import_progress own, *progress = import->source->progress;
	size_t size = CHUNK_SIZE;
	souk_status status = SOUK_OK;
	if (progress == NULL) {
		progress = &own;
		import_progress_start(progress, import->size);
	}
	while (status == SOUK_OK && size == CHUNK_SIZE) {
		status = read_chunk(import, &size);
		if (status == SOUK_OK && size > 0)
			status = take_chunk(import, size);
		progress_show(progress, import->builder.size);
	}
	if (progress == &own)
		import_progress_end(progress);
	return status;
}

/* A copy is what was hashed in any case; a link is only as good as the file. */
static souk_status check_unchanged(struct import *import)
{
	struct stat after;
	if (import->source->stream != NULL)
		return SOUK_OK;
	if (fstat(import->in, &after) < 0)
		return SOUK_IO_READ;
	if (import->builder.size != import->size || after.st_size != import->before.st_size ||
		after.st_mtim.tv_sec != import->before.st_mtim.tv_sec ||
		after.st_mtim.tv_nsec != import->before.st_mtim.tv_nsec)
		return explain(import, SOUK_LOCAL_STATE, "the file changed while it was read");
	return SOUK_OK;
}

/* ------------------------------------------------------------------ into the store */

static bool has_size(const char *path, uint64_t size)
{
	struct stat status;
	return stat(path, &status) == 0 && (uint64_t)status.st_size == size;
}

static souk_status place_copy(struct import *import, const char *data_path)
{
	if (fsync(import->out) < 0 || rename(import->temporary, data_path) < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	import->temporary[0] = '\0';
	return SOUK_OK;
}

/* By the open descriptor: what was read is what is linked, also behind a symbolic link. */
static souk_status place_link(struct import *import, const char *data_path)
{
	char source[64];
	snprintf(source, sizeof source, "/proc/self/fd/%d", import->in);
	if (fsync(import->in) < 0)
		return SOUK_IO_WRITE;
	if (unlink(data_path) < 0 && errno != ENOENT)
		return SOUK_IO_WRITE;
	if (linkat(AT_FDCWD, source, AT_FDCWD, data_path, AT_SYMLINK_FOLLOW) == 0)
		return SOUK_OK;
	if (errno == EXDEV)
		return explain(import, SOUK_LOCAL_STATE,
			"it is on another file system than %s; add it without --link",
			import->folder);
	return explain(import, SOUK_LOCAL_STATE, "linking failed: %s; add it without --link",
		strerror(errno));
}

static souk_status place_files(struct import *import, const char *data_path, const char *row_path)
{
	struct souk_bytes row =
		souk_bytes_of(import->row, (size_t)import->builder.count * sizeof *import->row);
	SOUK_TRY(import->source->wants_link ? place_link(import, data_path)
					    : place_copy(import, data_path));
	/* This also makes the data's name durable: both are in one folder. */
	return souk_file_write_atomic(row_path, row, true);
}

/* What a cache fetched may be there in part only: with a list of the chunks that it has. */
static souk_status replace_part(struct import *import, const char *data_path, const char *row_path)
{
	char have_path[520];
	provider_store_have_path(import->store, &import->ret->content.id, have_path);
	SOUK_TRY(provider_store_pin(import->store, &import->ret->content.id));
	SOUK_TRY(place_files(import, data_path, row_path));
	return unlink(have_path) < 0 && errno != ENOENT ? SOUK_IO_WRITE : SOUK_OK;
}

static bool is_whole(const struct import *import, const char *data_path, const char *row_path)
{
	const struct souk_content *content = &import->ret->content;
	char have_path[520];
	provider_store_have_path(import->store, &content->id, have_path);
	return has_size(data_path, content->size) &&
	       has_size(row_path, (uint64_t)import->builder.count * SOUK_HASH_SIZE) &&
	       access(have_path, F_OK) < 0;
}

/* Data, row and record; on failure none that was not there before. */
static souk_status place(struct import *import, bool is_known)
{
	const struct souk_content *content = &import->ret->content;
	char data_path[512], row_path[520];
	provider_store_data_path(import->store, &content->id, data_path);
	provider_store_row_path(import->store, &content->id, row_path);
	import->ret->was_there = is_known && is_whole(import, data_path, row_path);
	souk_status status = SOUK_OK;
	if (!import->ret->was_there)
		status = replace_part(import, data_path, row_path);
	else
		status = provider_store_pin(import->store, &content->id);
	if (status == SOUK_OK)
		status = provider_store_put_content(
			import->store, &content->id, &import->ret->record);
	if (status != SOUK_OK && !is_known) {
		unlink(data_path);
		unlink(row_path);
	}
	return status;
}

/* The file's name as a record can hold it: printable ASCII, cut to its room. */
static void set_name(struct souk_content_record *record, const struct import_source *source)
{
	char name[sizeof record->name.text];
	const char *slash = strrchr(source->path, '/');
	snprintf(name, sizeof name, "%s",
		source->name != NULL ? source->name
		: slash != NULL	     ? slash + 1
				     : source->path);
	for (char *c = name; *c != '\0'; c++) {
		if (*c < 0x20 || *c > 0x7e)
			*c = '_';
	}
	souk_status status = souk_text_set(&record->name, name);
	SOUK_CHECK(status == SOUK_OK);
}

/* The key first: a sealed file on sale that nobody can open is of no use to anybody. */
static souk_status keep_seal(struct import *import)
{
	struct import_seal *seal = import->source->seal;
	if (seal == NULL)
		return SOUK_OK;
	souk_sha256_final(&import->sha, &seal->plain);
	seal->plain_size = (uint64_t)import->before.st_size;
	return seal->keep(seal->ctx, seal, &import->ret->content);
}

static souk_status import_open_file(struct import *import)
{
	struct import_result *ret = import->ret;
	struct souk_content_record old;
	SOUK_TRY(check_free(import));
	SOUK_TRY(make_room(import));
	if (!import->source->wants_link)
		SOUK_TRY(make_temporary(import));
	SOUK_TRY(read_all(import));
	SOUK_TRY(check_unchanged(import));
	souk_content_builder_finish(&import->builder, import->scratch, &ret->content);
	if (import->source->expected != NULL &&
		!souk_hash_equal(import->source->expected, &ret->content.id))
		return explain(import, SOUK_PEER_BAD_CONTENT, "it is another file");
	souk_status status = provider_store_content(import->store, &ret->content.id, &old);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	bool is_known = status == SOUK_OK;
	ret->record = (struct souk_content_record){.size = ret->content.size,
		.chunk_size = CHUNK_SIZE,
		.price = import->source->price,
		.added = is_known ? old.added : cli_now()};
	set_name(&ret->record, import->source);
	if (stop_asked)
		return SOUK_LOCAL_STOPPED;
	SOUK_TRY(keep_seal(import));
	return place(import, is_known);
}

static void let_go(struct import *import)
{
	if (import->out >= 0 && import->temporary[0] != '\0')
		unlink(import->temporary);
	if (import->out >= 0)
		close(import->out);
	if (import->in >= 0)
		close(import->in);
	if (import->plain != NULL)
		souk_bytes_wipe(import->plain, SOUK_SEALED_SEGMENT_SIZE);
	free(import->plain);
	souk_sealed_done(&import->sealed);
	free(import->chunk);
	free(import->row);
	free(import->scratch);
}

souk_status import_as(const struct provider_store *store, const struct import_source *source,
	struct import_result *ret)
{
	struct import import = {.store = store, .source = source, .ret = ret, .in = -1, .out = -1};
	ret->detail[0] = '\0';
	snprintf(import.folder, sizeof import.folder, "%s/content", store->home);
	catch_signals(true);
	souk_status status = open_source(&import, source->path);
	if (status == SOUK_OK)
		status = import_open_file(&import);
	if (status == SOUK_IO_DISK_FULL && ret->detail[0] == '\0')
		status = explain_full(&import);
	let_go(&import);
	catch_signals(false);
	return status;
}

souk_status import_file(const struct provider_store *store, const char *path, bool wants_link,
	struct souk_amount price, struct import_result *ret)
{
	const struct import_source source = {
		.path = path, .wants_link = wants_link, .price = price};
	return import_as(store, &source, ret);
}

souk_status import_bytes(const struct provider_store *store, struct souk_bytes bytes,
	const char *name, struct souk_amount price, struct import_result *ret)
{
	char path[64];
	int fd = memfd_create("souk", MFD_CLOEXEC);
	ret->detail[0] = '\0';
	if (fd < 0)
		return SOUK_IO_MEMORY;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	const struct import_source source = {.path = path, .name = name, .price = price};
	souk_status status = souk_file_write_at(fd, bytes.data, bytes.size, 0);
	if (status == SOUK_OK)
		status = import_as(store, &source, ret);
	close(fd);
	return status;
}
