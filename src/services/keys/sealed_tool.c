/* SPDX-License-Identifier: Apache-2.0
 *
 * sealed_tool: print the vectors of sealed files, which sealed_vectors.py makes a second time from
 * the specification. A plain file of a vector is the bytes 0, 1, ... 250, 0, 1, ... */
#include <stdio.h>
#include <stdlib.h>

#include "souk/crypto/sha256.h"
#include "souk/keys/sealed.h"

static void print_hex(const char *name, const void *data, size_t size, const char *end)
{
	const uint8_t *bytes = data;
	printf("\"%s\": \"", name);
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	printf("\"%s", end);
}

static void print_vector(const uint8_t *plain, size_t plain_size, bool is_last)
{
	struct souk_sealed sealed;
	uint8_t key[SOUK_SEALED_KEY_SIZE], salt[SOUK_SEALED_SALT_SIZE];
	size_t size = (size_t)souk_sealed_size_of(plain_size);
	uint8_t *bytes = malloc(size);
	if (bytes == NULL)
		exit(1);
	for (size_t i = 0; i < sizeof key; i++) {
		key[i] = (uint8_t)(i + plain_size);
		salt[i] = (uint8_t)(3 * i + plain_size);
	}
	souk_sealed_create(&sealed, key, salt, plain_size);
	for (uint32_t i = 0; i < sealed.count; i++) {
		struct souk_sealed_segment at = souk_sealed_segment_of(&sealed, i);
		souk_sealed_encrypt(bytes + at.sealed_offset, &sealed, i,
			souk_bytes_of(plain + at.plain_offset, at.plain_size));
	}
	struct souk_hash hash = souk_sha256_of(bytes, size);
	printf("  {\"plain_size\": %zu, \"sealed_size\": %zu,\n   ", plain_size, size);
	print_hex("file_key", key, sizeof key, ",\n   ");
	print_hex("salt", salt, sizeof salt, ",\n   ");
	print_hex("head", bytes, size < 128 ? size : 128, ",\n   ");
	print_hex("tail", bytes + size - 16, 16, ",\n   ");
	print_hex("sha256", hash.bytes, sizeof hash.bytes, is_last ? "}\n" : "},\n");
	free(bytes);
}

int main(void)
{
	static const size_t sizes[] = {0, 1, 1000, SOUK_SEALED_FIRST_SIZE,
		SOUK_SEALED_FIRST_SIZE + 1, SOUK_SEALED_FIRST_SIZE + SOUK_SEALED_PLAIN_SIZE + 77};
	static uint8_t plain[3 * SOUK_SEALED_SEGMENT_SIZE];
	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (uint8_t)(i % 251);
	printf("{\"sealed\": [\n");
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		print_vector(plain, sizes[i], i + 1 == sizeof sizes / sizeof *sizes);
	printf("]}\n");
	return 0;
}
