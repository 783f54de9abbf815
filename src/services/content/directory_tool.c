/* SPDX-License-Identifier: Apache-2.0
 *
 * For directory_vectors.py and the corpus: reads an info dictionary, prints its files, and writes
 * it again from them: exits 0 iff the bytes are the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/content/directory.h"

static uint8_t bytes[SOUK_DIRECTORY_SIZE_MAX], again[SOUK_DIRECTORY_SIZE_MAX];
static struct souk_directory_file files[SOUK_DIRECTORY_FILES_MAX];

static void collect(const struct souk_directory *directory)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	char hex[2 * SOUK_HASH_SIZE + 1];
	souk_directory_begin(&it, directory);
	for (size_t i = 0; souk_directory_next(&it, &entry); i++) {
		files[i] = (struct souk_directory_file){
			souk_bytes_text(strdup(entry.path)), entry.size, entry.id};
		souk_hex_encode(hex, entry.id.bytes, sizeof entry.id.bytes);
		printf("%s %llu %s\n", hex, (unsigned long long)entry.size, entry.path);
	}
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
	struct souk_directory directory;
	struct souk_writer writer;
	if (file == NULL) {
		fprintf(stderr, "usage: directory_tool FILE\n");
		return 2;
	}
	size_t size = fread(bytes, 1, sizeof bytes, file);
	fclose(file);
	souk_status status = souk_directory_parse(&directory, souk_bytes_of(bytes, size));
	if (status != SOUK_OK) {
		fprintf(stderr, "%s\n", souk_status_name(status));
		return 3;
	}
	collect(&directory);
	souk_writer_init(&writer, again, sizeof again);
	status = souk_directory_encode(&writer, directory.name, directory.piece_length, files,
		directory.file_count, directory.pack.file_count > 0 ? &directory.pack.id : NULL);
	if (status != SOUK_OK)
		fprintf(stderr, "%s\n", souk_status_name(status));
	return status != SOUK_OK ||
	       !souk_bytes_equal_var(directory.bytes, souk_bytes_of(again, writer.size));
}
