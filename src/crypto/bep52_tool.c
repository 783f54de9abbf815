/* SPDX-License-Identifier: Apache-2.0
 *
 * For bep52_vectors.py: prints a file's BitTorrent v2 root, then the row of its chunk roots. */
#include <stdio.h>
#include <stdlib.h>

#include "souk/crypto/merkle.h"

#define FILE_MAX  (8u << 20)
#define CHUNK_MAX (FILE_MAX / SOUK_BLOCK_SIZE)

static void print_hash(const struct souk_hash *hash)
{
	char text[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(text, hash->bytes, sizeof hash->bytes);
	puts(text);
}

int main(int argc, char **argv)
{
	static uint8_t data[FILE_MAX];
	static struct souk_hash row[CHUNK_MAX], scratch[CHUNK_MAX];
	FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
	if (file == NULL) {
		fprintf(stderr, "usage: bep52_tool FILE CHUNK_SIZE\n");
		return 2;
	}
	size_t size = fread(data, 1, sizeof data, file), count = 0;
	uint32_t chunk_size = (uint32_t)strtoul(argv[2], NULL, 10);
	fclose(file);
	for (size_t at = 0; at < size; at += chunk_size) {
		size_t n = size - at < chunk_size ? size - at : chunk_size;
		row[count] = souk_bep52_chunk_root(
			souk_bytes_of(data + at, n), chunk_size, size <= chunk_size);
		scratch[count] = row[count];
		count++;
	}
	struct souk_hash root = souk_bep52_root(scratch, count, chunk_size);
	print_hash(&root);
	for (size_t i = 0; i < count; i++)
		print_hash(&row[i]);
	return 0;
}
