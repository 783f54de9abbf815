/* SPDX-License-Identifier: Apache-2.0
 *
 * The vectors of spec/vectors/wire.json: one message of every kind.
 *
 *   wire_vectors --print          the file, on standard output
 *   wire_vectors --check FILE     whether FILE is what --print would print
 *   wire_vectors --corpus FOLDER  one seed file for fuzz_wire per message */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "types.h"

#define TEXT_MAX    (1u << 20)
#define SIZE_WANTED 700

static void write_vector(struct souk_writer *out, const struct wire_type *type)
{
	void *message = malloc(type->struct_size);
	uint8_t *memory = malloc(type->size_max);
	struct souk_hash digest;
	if (message == NULL || memory == NULL)
		abort();
	size_t size = wire_type_small_sample(type, message, memory, SIZE_WANTED);
	souk_writer_text(out, "    {\n      \"message\": \"");
	souk_writer_text(out, type->name);
	souk_writer_text(out, "\",\n      \"hex\": \"");
	souk_writer_hex(out, memory, size);
	souk_writer_text(out, "\",\n      \"json\": ");
	type->json(out, message);
	if (wire_type_digest(type, message, &digest)) {
		souk_writer_text(out, ",\n      \"digest\": \"");
		souk_writer_hex(out, digest.bytes, sizeof digest.bytes);
		souk_writer_text(out, "\"");
	}
	souk_writer_text(out, type[1].name == NULL ? "\n    }\n" : "\n    },\n");
	free(memory);
	free(message);
}

static void write_vectors(struct souk_writer *out)
{
	souk_writer_text(out, "{\n  \"spec\": \"spec/wire.md\",\n  \"vectors\": [\n");
	for (const struct wire_type *type = wire_types; type->name != NULL; type++)
		write_vector(out, type);
	souk_writer_text(out, "  ]\n}\n");
	if (out->full)
		abort();
}

static int check_file(const struct souk_writer *wanted, const char *path)
{
	static uint8_t found[TEXT_MAX];
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	size_t size = fread(found, 1, sizeof found, file);
	fclose(file);
	if (size == wanted->size && memcmp(found, wanted->data, size) == 0)
		return 0;
	size_t at = 0, line = 1;
	for (; at < size && at < wanted->size && found[at] == wanted->data[at]; at++)
		line += found[at] == '\n';
	fprintf(stderr, "%s:%zu: differs from what this build encodes; see src/wire/README.md\n",
		path, line);
	return 1;
}

static int write_seed(const char *folder, unsigned index)
{
	const struct wire_type *type = &wire_types[index];
	char path[4096];
	void *message = malloc(type->struct_size);
	uint8_t *memory = malloc(type->size_max);
	snprintf(path, sizeof path, "%s/%s", folder, type->name);
	FILE *file = fopen(path, "wb");
	if (file == NULL || message == NULL || memory == NULL) {
		perror(path);
		return 1;
	}
	size_t size = wire_type_small_sample(type, message, memory, SIZE_WANTED);
	fputc((int)index, file);
	fwrite(memory, 1, size, file);
	free(memory);
	free(message);
	return fclose(file) != 0;
}

int main(int argc, char **argv)
{
	static uint8_t text[TEXT_MAX];
	struct souk_writer out;
	int failed = 0;
	souk_writer_init(&out, text, sizeof text);
	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		write_vectors(&out);
		return fwrite(text, 1, out.size, stdout) != out.size;
	}
	if (argc == 3 && strcmp(argv[1], "--check") == 0) {
		write_vectors(&out);
		return check_file(&out, argv[2]);
	}
	if (argc == 3 && strcmp(argv[1], "--corpus") == 0) {
		for (unsigned i = 0; i < wire_type_count; i++)
			failed |= write_seed(argv[2], i);
		return failed;
	}
	fprintf(stderr, "usage: %s --print | --check FILE | --corpus FOLDER\n", argv[0]);
	return 2;
}
