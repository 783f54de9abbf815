/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_tree.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_paths.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"

/* What of a content says that it cannot be a directory. */
#define START_SIZE 64u

struct gateway_tree {
	struct souk_hash id;
	uint8_t *bytes; /* NULL: free */
	struct souk_directory directory;
	struct gateway_paths *paths;
	atomic_uint_fast64_t no_pack_ms; /* when its pack was not to be had; 0: never */
	unsigned users;
	uint64_t used_at;
};

struct gateway_trees {
	pthread_mutex_t lock;
	uint64_t clock;
	unsigned reading; /* that are being read, and not kept yet */
	struct gateway_tree items[GATEWAY_TREES];
};

souk_status gateway_trees_new(struct gateway_trees **ret)
{
	struct gateway_trees *trees = calloc(1, sizeof(*trees));

	if (!trees)
		return SOUK_IO_MEMORY;
	pthread_mutex_init(&trees->lock, NULL);
	*ret = trees;
	return SOUK_OK;
}

void gateway_trees_free(struct gateway_trees *trees)
{
	for (size_t i = 0; trees && i < GATEWAY_TREES; i++) {
		free(trees->items[i].bytes);
		gateway_paths_free(trees->items[i].paths);
	}
	if (trees)
		pthread_mutex_destroy(&trees->lock);
	free(trees);
}

static struct gateway_tree *take_kept(
	struct gateway_trees *trees, const struct souk_content_name *name)
{
	struct gateway_tree *found = NULL;

	pthread_mutex_lock(&trees->lock);
	for (size_t i = 0; i < GATEWAY_TREES && !found; i++) {
		struct gateway_tree *tree = &trees->items[i];
		if (!tree->bytes || !souk_hash_equal(&tree->id, &name->id) ||
			(name->has_size && name->size != tree->directory.bytes.size))
			continue;
		tree->users++;
		tree->used_at = ++trees->clock;
		found = tree;
	}
	pthread_mutex_unlock(&trees->lock);
	return found;
}

/* BYTES and PATHS become the tree's own where SOUK_OK is returned. */
static souk_status keep(struct gateway_trees *trees, const struct souk_hash *id, uint8_t *bytes,
	const struct souk_directory *directory, struct gateway_paths *paths,
	struct gateway_tree **ret)
{
	struct gateway_tree *oldest = NULL;

	pthread_mutex_lock(&trees->lock);
	for (size_t i = 0; i < GATEWAY_TREES; i++) {
		struct gateway_tree *tree = &trees->items[i];
		if (tree->users == 0 && (!oldest || tree->used_at < oldest->used_at))
			oldest = tree;
	}
	if (oldest) {
		free(oldest->bytes);
		gateway_paths_free(oldest->paths);
		oldest->id = *id;
		oldest->bytes = bytes;
		oldest->directory = *directory;
		oldest->paths = paths;
		oldest->no_pack_ms = 0;
		oldest->users = 1;
		oldest->used_at = ++trees->clock;
		*ret = oldest;
	}
	pthread_mutex_unlock(&trees->lock);
	return oldest ? SOUK_OK : SOUK_LOCAL_FULL;
}

/* Whether one more may hold the bytes of a directory that is not kept yet; then until end_reading.
 */
static bool may_read(struct gateway_trees *trees)
{
	pthread_mutex_lock(&trees->lock);
	bool may = trees->reading < GATEWAY_TREES;
	trees->reading += may;
	pthread_mutex_unlock(&trees->lock);
	return may;
}

static void end_reading(struct gateway_trees *trees)
{
	pthread_mutex_lock(&trees->lock);
	trees->reading--;
	pthread_mutex_unlock(&trees->lock);
}

/* BYTES are consumed. */
static souk_status parse_tree(struct gateway_trees *trees, const struct souk_hash *id,
	uint8_t *bytes, uint64_t size, struct gateway_tree **ret)
{
	struct souk_directory directory;
	struct gateway_paths *paths = NULL;
	souk_status status = souk_directory_parse(&directory, souk_bytes_of(bytes, (size_t)size));

	if (status != SOUK_OK)
		status = SOUK_PEER_BAD_DIRECTORY;
	else
		status = gateway_paths_new(&paths, &directory);
	if (status == SOUK_OK)
		status = keep(trees, id, bytes, &directory, paths, ret);
	if (status == SOUK_OK)
		return SOUK_OK;
	gateway_paths_free(paths);
	free(bytes);
	return status;
}

/* SOUK_PEER_BAD_DIRECTORY: it is a file. */
static souk_status read_tree(struct gateway_trees *trees, struct gateway_reader *reader,
	struct gateway_tree **ret, char detail[FETCH_DETAIL_SIZE])
{
	uint64_t size = gateway_reader_content(reader)->size;
	uint8_t start[START_SIZE];
	uint64_t start_size = size < START_SIZE ? size : START_SIZE;

	SOUK_TRY(gateway_reader_read_all(reader, 0, start, start_size, detail));
	if (!souk_directory_may_be(size, souk_bytes_of(start, (size_t)start_size)))
		return SOUK_PEER_BAD_DIRECTORY;
	if (!may_read(trees))
		return SOUK_LOCAL_FULL;
	uint8_t *bytes = malloc((size_t)size);
	souk_status status =
		bytes ? gateway_reader_read_all(reader, 0, bytes, size, detail) : SOUK_IO_MEMORY;
	if (status == SOUK_OK)
		status = parse_tree(trees, &gateway_reader_content(reader)->id, bytes, size, ret);
	else
		free(bytes);
	end_reading(trees);
	return status;
}

souk_status gateway_tree_take(struct gateway_trees *trees, struct gateway_contents *contents,
	const struct souk_content_name *name, int socket, struct gateway_tree **ret,
	struct gateway_reader **ret_reader, char detail[FETCH_DETAIL_SIZE])
{
	struct gateway_reader *reader;
	struct gateway_tree *kept = take_kept(trees, name);

	*ret_reader = NULL;
	if (kept) {
		*ret = kept;
		return SOUK_OK;
	}
	detail[0] = 0;
	SOUK_TRY(gateway_reader_open(&reader, contents, name, NULL, 0, socket, detail));
	souk_status status = read_tree(trees, reader, ret, detail);
	if (status == SOUK_PEER_BAD_DIRECTORY)
		*ret_reader = reader;
	else
		gateway_reader_close(reader);
	if (status == SOUK_LOCAL_FULL && !detail[0])
		snprintf(detail, FETCH_DETAIL_SIZE, "too many directories are in use at once");
	return status;
}

const struct souk_directory *gateway_tree_directory(const struct gateway_tree *tree)
{
	return &tree->directory;
}

souk_status gateway_tree_find(
	const struct gateway_tree *tree, const char *path, struct souk_directory_entry *ret)
{
	return gateway_paths_find(tree->paths, path, ret)
		       ? SOUK_OK
		       : souk_directory_find(&tree->directory, path, ret);
}

static uint64_t steady_ms(void)
{
	return souk_clock_steady_ns() / 1000000;
}

void gateway_tree_no_pack(struct gateway_tree *tree)
{
	tree->no_pack_ms = steady_ms() + 1;
}

bool gateway_tree_may_seek_pack(const struct gateway_tree *tree, uint64_t after_ms)
{
	uint64_t since = tree->no_pack_ms;

	return since == 0 || steady_ms() >= since + after_ms;
}

void gateway_tree_give(struct gateway_trees *trees, struct gateway_tree *tree)
{
	pthread_mutex_lock(&trees->lock);
	tree->users--;
	pthread_mutex_unlock(&trees->lock);
}
