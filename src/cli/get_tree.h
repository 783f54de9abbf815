/* SPDX-License-Identifier: Apache-2.0
 *
 * get_tree.h - what get_tree.c and get_pack.c share.
 *
 * Whoever wrote a directory chose its names, and whoever else may write here could have laid links:
 * every folder is entered by its descriptor, and no link is followed. */
#ifndef SOUK_CLI_GET_TREE_H
#define SOUK_CLI_GET_TREE_H

#include "get.h"

/* The status of errno, with a sentence about WHAT. */
souk_status get_tree_fail(const char *what, char detail[FETCH_DETAIL_SIZE]);

/* souk_directory_next of what is wanted: ENTRY's path is where it comes to, below the folder. */
bool get_tree_next(const struct get_tree *tree, struct souk_directory_iterator *iterator,
	struct souk_directory_entry *ret);
/* The file that comes to PATH could not be had. */
void get_tree_set_failed(struct get_tree *tree, const char *path);

/* The folder that PATH's last component is in, below ROOT_FD, with folders MADE where they are not;
 * RET_NAME is that component. -1 with errno; close it. */
int get_tree_enter(int root_fd, const char *path, bool made, const char **ret_name);

/* What is left of the user's budget, which is for all files together, becomes the next one's; the
 * caller keeps the whole. SOUK_LOCAL_BUDGET: nothing is left. */
SOUK_MUST_CHECK souk_status get_tree_cut_budget(struct get *get, char detail[FETCH_DETAIL_SIZE]);

/* Fetch the pack, where there is one, and cut it up; tree->is_unpacked says whether its files are
 * here. Where it is not to be had, they are not, and that is no failure. As get_one; also
 *   SOUK_PEER_BAD_DIRECTORY  it is not of the files that the directory names. */
SOUK_MUST_CHECK souk_status get_pack_files(
	struct get *get, struct get_tree *tree, int root_fd, char detail[FETCH_DETAIL_SIZE]);

#endif
