/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as any message: the first byte selects the message, the rest is decoded.
 *
 * What decodes must encode to the same bytes, and print within its limit. What does
 * not must leave zeros, and name a field inside the input. */
#include <stdlib.h>
#include <string.h>

#include "types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void *allocate(size_t size)
{
	void *memory = malloc(size);
	require(memory != NULL);
	memset(memory, 0xa5, size);
	return memory;
}

static void check_refusal(const struct wire_type *type, souk_status status, const uint8_t *message,
	struct souk_wire_error where, size_t size)
{
	require(souk_status_class(status) == SOUK_CLASS_PEER);
	require(where.field != NULL && where.offset <= size);
	for (size_t i = 0; i < type->struct_size; i++)
		require(message[i] == 0);
}

static void check_same_bytes(
	const struct wire_type *type, const void *message, struct souk_bytes in)
{
	uint8_t *memory = allocate(type->size_max);
	struct souk_writer writer;
	souk_writer_init(&writer, memory, type->size_max);
	type->encode(&writer, message);
	require(!writer.full);
	require(souk_bytes_equal_var(souk_bytes_of(memory, writer.size), in));
	free(memory);
}

/* The limit suffices; one character less than needed is noticed, and nothing is overrun. */
static void check_json(const struct wire_type *type, const void *message)
{
	uint8_t *memory = allocate(type->json_max);
	struct souk_writer writer, small;
	souk_writer_init(&writer, memory, type->json_max);
	type->json(&writer, message);
	require(!writer.full && writer.size >= 2);
	require(memory[0] == '{' && memory[writer.size - 1] == '}');

	uint8_t *less = allocate(writer.size - 1);
	souk_writer_init(&small, less, writer.size - 1);
	type->json(&small, message);
	require(small.full && small.size < writer.size);
	free(less);
	free(memory);
}

/* A message read from a stream is the one decoded alone. */
static void check_read(const struct wire_type *type, const void *message, struct souk_bytes in)
{
	uint8_t *other = allocate(type->struct_size);
	struct souk_reader reader;
	souk_reader_init(&reader, in);
	require(type->read(other, &reader) == SOUK_OK);
	require(souk_reader_left(&reader) == 0);
	require(memcmp(other, message, type->struct_size) == 0);
	free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	const struct wire_type *type = &wire_types[data[0] % wire_type_count];
	struct souk_bytes in = souk_bytes_of(data + 1, size - 1);
	struct souk_wire_error where = {0};
	struct souk_hash digest;
	void *message = allocate(type->struct_size);
	souk_status status = type->decode(message, in, &where);
	if (status == SOUK_OK) {
		check_same_bytes(type, message, in);
		check_json(type, message);
		check_read(type, message, in);
		(void)wire_type_digest(type, message, &digest);
	} else {
		check_refusal(type, status, message, where, in.size);
	}
	free(message);
	return 0;
}
