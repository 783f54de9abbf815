/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_tree.h - directories that were read and parsed, kept for the next request.
 *
 * A page and its pictures, or the segments of a stream, ask for the same directory again and again.
 * A few are kept, those in use and those used last.
 *
 * Memory: heap, at most GATEWAY_TREES directories of SOUK_DIRECTORY_SIZE_MAX, each with the paths
 * of its files (gateway_paths.h). Threads: any. */
#ifndef SOUK_DAEMON_GATEWAY_TREE_H
#define SOUK_DAEMON_GATEWAY_TREE_H

#include "gateway_contents.h"
#include "souk/content/directory.h"

#define GATEWAY_TREES 8u

struct gateway_trees;
struct gateway_tree;

SOUK_MUST_CHECK souk_status gateway_trees_new(struct gateway_trees **ret);
void gateway_trees_free(struct gateway_trees *trees); /* NULL is allowed; none is taken any more */

/* gateway_tree_take: the directory NAME, fetched where it is not here.
 *
 *  Out: ret_reader  where NAME is no directory: open, for its bytes; else NULL
 *
 * Returns SOUK_OK, or with a sentence in DETAIL
 *   SOUK_PEER_BAD_DIRECTORY  it is a file. *RET_READER is set.
 *   SOUK_LOCAL_FULL          too many directories are in use.
 *   SOUK_IO_MEMORY, or why it cannot be fetched, as gateway_reader_open and _read. */
SOUK_MUST_CHECK souk_status gateway_tree_take(struct gateway_trees *trees,
	struct gateway_contents *contents, const struct souk_content_name *name, int socket,
	struct gateway_tree **ret, struct gateway_reader **ret_reader,
	char detail[FETCH_DETAIL_SIZE]);
/* Valid until it is given back. */
const struct souk_directory *gateway_tree_directory(const struct gateway_tree *tree);
/* As souk_directory_find; of a file in a time that does not depend on how many there are. */
SOUK_MUST_CHECK souk_status gateway_tree_find(
	const struct gateway_tree *tree, const char *path, struct souk_directory_entry *ret);
/* That its pack was not to be had just now; and whether that is so long ago that it may be asked
 * for again. */
void gateway_tree_no_pack(struct gateway_tree *tree);
bool gateway_tree_may_seek_pack(const struct gateway_tree *tree, uint64_t after_ms);
void gateway_tree_give(struct gateway_trees *trees, struct gateway_tree *tree);

#endif
