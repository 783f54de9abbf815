/* SPDX-License-Identifier: Apache-2.0
 *
 * get.h - souk get: what its files share. The fetching itself is src/client/fetch.h.
 *
 *   cmd_get.c      options, the order of steps, the result
 *   get_part.c     the part file: what is in it already, what is written to it, its end
 *   get_tree.c     a directory: its files in turn, into a folder
 *   get_pack.c     its small files, out of their pack
 *   get_evidence.c files for souk agreement
 *   get_share.c    a share: its key from the proxies, the file decrypted
 *   get_progress.c the line that shows how it goes */
#ifndef SOUK_CLI_GET_H
#define SOUK_CLI_GET_H

#include <pthread.h>

#include "../client/fetch.h"
#include "cli.h"
#include "souk/content/directory.h"

/* The bytes of a directory, parsed, and what of it is wanted. */
struct get_tree {
	uint8_t *bytes;
	struct souk_directory directory;
	const char *chosen;   /* the path of a file, or of a folder: the files below it; "": all */
	const char *own_name; /* of a file that was chosen: under this it comes; NULL: all others */
	uint32_t file_count, packed_count; /* of what is wanted, and of that in the pack */
	uint64_t size, packed_size;
	uint32_t files_done;
	bool is_unpacked;   /* those of the pack are here */
	const char *failed; /* the path of the file that could not be had; NULL: none */
	char failed_path[SOUK_DIRECTORY_PATH_MAX + 1];
};

/* One file on its way. */
struct get_file {
	struct get *get;
	int folder_fd;	   /* where it comes to */
	const char *name;  /* there */
	bool is_of_tree;   /* a directory is fetched, and this is one of its files, or their pack */
	struct pack *pack; /* it is one, and stays in its part file; NULL: it is none */
	void (*fill)(struct get_file *file); /* put into the part file what is here; may be NULL */
	void (*skip)(struct get_file *file); /* tell the fetch what is not wanted; may be NULL */
	uint64_t skipped_bytes;
	bool is_no_directory; /* one is wanted, and its first bytes are none's */
	char part[4200];      /* its path until it is whole: never one that a stranger chose */
	int part_fd;
	pthread_mutex_t writing; /* chunks go in one after another: see get_part_write */
	struct get_tree
		*tree; /* where it may be a directory: its bytes are put here, where it is */
	struct fetch *fetch;
	uint64_t resumed_bytes; /* found in the part file */
};

/* What all files of a command came to. */
struct get_totals {
	uint64_t bytes;	     /* to be had */
	uint64_t bytes_done; /* of files that are over; with what was there before */
	uint64_t resumed_bytes;
	uint64_t elapsed_ns;
	struct souk_amount spent, fee;
	uint64_t hedges, hedges_won;
	struct fetch_source *sources; /* one for each provider */
	size_t source_count;
};

struct get_share;

struct get {
	/* What the user said. */
	struct fetch_config config;
	const char *path;
	bool quiet;
	bool is_raw;		 /* a directory's own bytes are wanted */
	const char *inner;	 /* of a directory, this file or folder is wanted; NULL: all */
	struct get_share *share; /* an encrypted content, and who helps to open it; NULL: neither */

	struct souk_identity identity; /* who signs strips: the escrow's owner, or an issuer */
	struct get_totals totals;
	json_t *evidence;  /* files that were written */
	int file_count;	   /* of them */
	uint64_t shown_ns; /* the progress line */
	souk_status result;
};

/* Whether the user wants it to end: Ctrl-C. */
bool get_is_interrupted(void);

/* get_one: FILE of CONTENT, from where it is to where it is whole.
 *
 * Returns SOUK_OK, or why not, with a sentence in DETAIL; *RET_BEGAN tells whether it came as far
 * as fetching, so that there is something to report. */
SOUK_MUST_CHECK souk_status get_one(struct get *get, struct get_file *file,
	const struct souk_content_name *content, bool *ret_began, char detail[FETCH_DETAIL_SIZE]);

/* get_tree_read: whether FILE, whole in its part file, is a directory; then its tree has it. */
bool get_tree_read(struct get_file *file);
/* The files of TREE that are wanted: into the folder get->path, or, a single file, to get->path. As
 * get_one; also SOUK_LOCAL_NOT_FOUND: the directory has no such path. */
SOUK_MUST_CHECK souk_status get_tree_files(
	struct get *get, struct get_tree *tree, char detail[FETCH_DETAIL_SIZE]);

/* Open the part file, and tell the fetch what it has. */
SOUK_MUST_CHECK souk_status get_part_open(struct get_file *file, char detail[FETCH_DETAIL_SIZE]);
/* It is whole: it gets its name. */
SOUK_MUST_CHECK souk_status get_part_finish(struct get_file *file, char detail[FETCH_DETAIL_SIZE]);
/* What a fetch's events are; ctx is the file. */
souk_status get_part_write(void *file, uint32_t chunk, struct souk_bytes data);
souk_status get_part_read(void *file, uint32_t chunk, uint8_t *out, size_t size);
void get_part_close(struct get_file *file);

/* A file beside what is fetched, for souk agreement. */
void get_evidence(void *file, bool is_question, struct souk_bytes bytes);

/* ---- a share ---- */

/* Whether TEXT is a file that a sharer gave. */
bool get_share_is(const char *text);
/* get_share_load: read and check it; what is fetched is what it names. 0, or an exit status, and
 * has printed why. get_share_free is called in any case. */
int get_share_load(struct get *get, const char *path);
/* The name of the plain file. */
const char *get_share_name(const struct get *get);
/* get_share_key: have its key opened by the proxies, before anything is fetched. As above. */
int get_share_key(struct get *get);
/* Whether what was fetched begins as a file under that key does; else no more of it is bought, and
 * get_share_outcome says why in place of STATUS. */
SOUK_MUST_CHECK souk_status get_share_check_first(struct get *get, struct souk_bytes chunk);
SOUK_MUST_CHECK souk_status get_share_outcome(
	const struct get_file *file, souk_status status, char detail[FETCH_DETAIL_SIZE]);
/* FILE is whole in its part file: it is decrypted to where it belongs. As get_part_finish. */
SOUK_MUST_CHECK souk_status get_share_finish(struct get_file *file, char detail[FETCH_DETAIL_SIZE]);
json_t *get_share_json(const struct get *get);
void get_share_print(const struct get *get);
void get_share_free(struct get *get);

void get_progress_show(struct get *get, const struct fetch_figures *figures, bool is_last);

#endif
