/* SPDX-License-Identifier: Apache-2.0 */
#include "types.h"

#include <string.h>

#include "souk/base/check.h"

/* Calls through the real types: a cast of the function pointers would be undefined. */
#define WRAP(name, NAME)                                                                           \
	static void encode_##name(struct souk_writer *writer, const void *message)                 \
	{                                                                                          \
		souk_##name##_encode(writer, message);                                             \
	}                                                                                          \
	static souk_status decode_##name(                                                          \
		void *message, struct souk_bytes in, struct souk_wire_error *where)                \
	{                                                                                          \
		return souk_##name##_decode(message, in, where);                                   \
	}                                                                                          \
	static souk_status read_##name(void *message, struct souk_reader *reader)                  \
	{                                                                                          \
		return souk_##name##_read(message, reader);                                        \
	}                                                                                          \
	static void json_##name(struct souk_writer *writer, const void *message)                   \
	{                                                                                          \
		souk_##name##_json(writer, message);                                               \
	}                                                                                          \
	static void sample_##name(void *message, struct souk_rng *rng)                             \
	{                                                                                          \
		souk_##name##_sample(message, rng);                                                \
	}
SOUK_MESSAGE_LIST(WRAP)

const struct wire_type wire_types[] = {
#define ROW(name, NAME)                                                                            \
	{#name, sizeof(struct souk_##name), SOUK_##NAME##_SIZE_MAX, SOUK_##NAME##_JSON_MAX,        \
		encode_##name, decode_##name, read_##name, json_##name, sample_##name},
	SOUK_MESSAGE_LIST(ROW){NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL}};

const unsigned wire_type_count = SOUK_COUNT_OF(wire_types) - 1;

bool wire_type_digest(
	const struct wire_type *type, const void *message, struct souk_hash *ret_digest)
{
#define DIGEST(wanted)                                                                             \
	if (strcmp(type->name, #wanted) == 0) {                                                    \
		*ret_digest = souk_##wanted##_digest(message);                                     \
		return true;                                                                       \
	}
	SOUK_DIGEST_LIST(DIGEST)
	return false;
}

static size_t sample_encoded(
	const struct wire_type *type, void *message, uint8_t *memory, uint64_t seed)
{
	struct souk_rng rng;
	struct souk_writer writer;
	souk_rng_init(&rng, seed);
	type->sample(message, &rng);
	souk_writer_init(&writer, memory, type->size_max);
	type->encode(&writer, message);
	SOUK_CHECK(!writer.full);
	return writer.size;
}

size_t wire_type_small_sample(
	const struct wire_type *type, void *message, uint8_t *memory, size_t size_wanted)
{
	uint64_t best_seed = 1;
	size_t best = SIZE_MAX;
	for (uint64_t seed = 1; seed <= 64 && best > size_wanted; seed++) {
		size_t size = sample_encoded(type, message, memory, seed);
		if (size < best) {
			best = size;
			best_seed = seed;
		}
	}
	return sample_encoded(type, message, memory, best_seed);
}
