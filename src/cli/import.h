/* SPDX-License-Identifier: Apache-2.0
 *
 * import.h - bring files and folders into a provider's store: each whole and durable, or not at
 * all.
 *
 *   FILE --read once--> chunks --> row, content id
 *                         |
 *                         v
 *   HOME/content/.add-XXXXXX --fsync, rename--> HOME/content/ID, ID.row --> content_record
 *
 * The record comes last: what it names is on the disk. A file that is being added
 * has a lock on its temporary copy; a copy without one was left by a crash, and the
 * next import removes it.
 *
 * A folder becomes its large files, a pack of the small ones, and then a directory of them
 * (souk/content/directory.h). What was imported of it before it failed, or was stopped, stays on
 * sale. HOME/content/.folder-XXXX remembers it until the folder is done: it is not read again the
 * next time. A pack is made anew.
 *
 * Threads: one import at a time in a process; several processes may import. */
#ifndef SOUK_CLI_IMPORT_H
#define SOUK_CLI_IMPORT_H

#include <stdbool.h>

#include "../daemon/provider_store.h"
#include "souk/content/directory.h"
#include "souk/keys/sealed.h"

#define IMPORT_DETAIL_SIZE 512

struct import_result {
	struct souk_content content;
	struct souk_content_record record;
	bool was_there;			 /* these bytes were on sale already; no copy was kept */
	char detail[IMPORT_DETAIL_SIZE]; /* of a failure, for people; may be empty */
};

/* A file's name must not write on the terminal: control characters of TEXT become "?". */
void import_clean(char *text);

/* What to say of a failure with STATUS. */
const char *import_why(const struct import_result *result, souk_status status);

/* import_file: put the file at PATH on sale for PRICE (0: the provider's default).
 *
 *  In: wants_link  a hard link in place of a copy; PATH must never be changed afterwards
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_USAGE    PATH is no regular file.
 *   SOUK_LOCAL_FULL     it is too large for a content.
 *   SOUK_LOCAL_STATE    it changed while it was read, or cannot be linked.
 *   SOUK_LOCAL_STOPPED  SIGINT, SIGTERM or SIGHUP came.
 *   SOUK_LOCAL_NOT_FOUND, SOUK_IO_*, SOUK_CORRUPT_STORE  as they say; detail says more.
 * In all these cases the store is as it was, and nothing temporary is left. */
SOUK_MUST_CHECK souk_status import_file(const struct provider_store *store, const char *path,
	bool wants_link, struct souk_amount price, struct import_result *ret);

/* For people who wait, on a terminal only. */
struct import_progress {
	bool shown;
	uint64_t before; /* bytes of the files that are done */
	uint64_t total;
	struct souk_time start;
	struct souk_time next;
};

void import_progress_start(struct import_progress *progress, uint64_t total);
void import_progress_end(const struct import_progress *progress);

/* Encrypt a file on its way in. Its key is stored before anything is on sale: KEEP is called with
 * the sealed content, and where it fails nothing is stored. */
struct import_seal {
	uint8_t file_key[SOUK_SEALED_KEY_SIZE], salt[SOUK_SEALED_SALT_SIZE]; /* both fresh */
	souk_status (*keep)(
		void *ctx, const struct import_seal *seal, const struct souk_content *content);
	void *ctx;
	/* Set before KEEP is called. */
	struct souk_hash plain; /* SHA-256 of the file */
	uint64_t plain_size;
};

/* Bytes that are in no file of their own. */
struct import_stream {
	uint64_t size;
	/* The next SIZE of them, all. */
	souk_status (*read)(void *ctx, uint8_t *out, size_t size, char detail[IMPORT_DETAIL_SIZE]);
	void *ctx;
};

struct import_source {
	const char *path;
	const struct import_stream *stream; /* NULL: the file at path; else without link and seal */
	const char *name;		    /* for people; NULL: the last component of path */
	struct import_progress *progress;   /* NULL: the file's own */
	const struct souk_hash *expected;   /* NULL: whatever it is */
	struct import_seal *seal;	    /* NULL: the file goes in as it is */
	bool wants_link;
	struct souk_amount price;
};

/* import_as: as import_file, with a name of its own; also
 *   SOUK_PEER_BAD_CONTENT  the file is not the expected one; nothing is stored. */
SOUK_MUST_CHECK souk_status import_as(const struct provider_store *store,
	const struct import_source *source, struct import_result *ret);

/* import_bytes: put BYTES on sale as a file called NAME. As import_file. */
SOUK_MUST_CHECK souk_status import_bytes(const struct provider_store *store,
	struct souk_bytes bytes, const char *name, struct souk_amount price,
	struct import_result *ret);

/* A file of a pack, of at most SOUK_DIRECTORY_PACK_FILE_MAX bytes and not empty. */
struct import_pack_file {
	const char *path;
	uint64_t size;
	struct souk_hash id; /* Out */
};

struct import_pack {
	int folder_fd; /* where the paths begin */
	struct import_pack_file *files;
	size_t count;
	struct souk_bytes folder;	  /* its name, for people */
	const struct souk_hash *expected; /* NULL: whatever it is */
	struct import_progress *progress;
	struct souk_amount price;
};

/* import_pack: put the files of PACK on sale as one content, and find their ids.
 *
 * Returns as import_as; SOUK_LOCAL_STATE also where a file has not the size that was said. */
SOUK_MUST_CHECK souk_status import_pack(const struct provider_store *store,
	const struct import_pack *pack, struct import_result *ret);

/* How the small files of a folder are sold. */
enum import_packing {
	IMPORT_PACKED,	    /* in one content, the pack, where there are two or more */
	IMPORT_PACKED_EACH, /* in the pack, and each by itself */
	IMPORT_EACH,	    /* each by itself: no pack is made */
};

/* What the options --each and --no-pack of COMMAND mean; false: they contradict each other, which
 * is said. */
bool import_packing_of(
	enum import_packing *ret, const char *command, bool wants_each, bool wants_no_pack);

struct import_folder_options {
	bool wants_link; /* of what is sold by itself: a pack is a copy */
	enum import_packing packing;
	struct souk_amount price;
	void (*note)(void *ctx, const char *text); /* may be NULL; TEXT is one line */
	void *note_ctx;
};

struct import_folder_result {
	struct import_result item;	 /* the directory's own content */
	struct import_result pack;	 /* where directory.pack.file_count > 0 */
	bool has_each;			 /* packed files are on sale by themselves, too */
	struct souk_directory directory; /* parsed: walk it for the files; borrows bytes */
	uint8_t *bytes;			 /* heap */
	uint64_t units;			 /* of all contents, the directory's own too, each once */
	uint32_t skipped;		 /* links, devices, empty folders: not in the directory */
};

/* import_folder: put all files below the folder PATH on sale, the small ones in a pack, and a
 * directory of them.
 *
 * Symbolic links, devices, sockets, pipes, empty folders and the store's own home are skipped, and
 * said by NOTE. A name that no directory may have is refused: nothing is left out in silence.
 *
 *  Out: ret   end with import_folder_done, also after a failure
 *
 * Returns SOUK_OK, or as import_file; also
 *   SOUK_LOCAL_USAGE         no folder, or no file in it.
 *   SOUK_LOCAL_FULL          more than a directory may have.
 *   SOUK_PEER_BAD_DIRECTORY  a name that no directory may have: detail says which. */
SOUK_MUST_CHECK souk_status import_folder(const struct provider_store *store, const char *path,
	const struct import_folder_options *options, struct import_folder_result *ret);
void import_folder_done(struct import_folder_result *result);

/* import_directory: put BYTES, a directory of files that are in the store already, on sale. As
 * import_folder. */
SOUK_MUST_CHECK souk_status import_directory(const struct provider_store *store,
	struct souk_bytes bytes, struct souk_amount price, struct import_folder_result *ret);

#endif
