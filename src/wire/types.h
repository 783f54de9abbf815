/* SPDX-License-Identifier: Apache-2.0
 *
 * types.h - every message behind one shape, so that one test covers them all.
 *
 * Tests and fuzzers only. The table has the order of the schema and ends with a
 * NULL name. Memory: constant. Threads: any. */
#ifndef SOUK_WIRE_TYPES_H
#define SOUK_WIRE_TYPES_H

#include "souk/wire/samples.h"

struct wire_type {
	const char *name;
	size_t struct_size;
	size_t size_max;
	size_t json_max;
	void (*encode)(struct souk_writer *writer, const void *message);
	souk_status (*decode)(void *message, struct souk_bytes in, struct souk_wire_error *where);
	souk_status (*read)(void *message, struct souk_reader *reader);
	void (*json)(struct souk_writer *writer, const void *message);
	void (*sample)(void *message, struct souk_rng *rng);
};

extern const struct wire_type wire_types[];
extern const unsigned wire_type_count;

/* False where messages of that type have no digest. */
bool wire_type_digest(
	const struct wire_type *type, const void *message, struct souk_hash *ret_digest);

/* A sample of TYPE that encodes to at most SIZE_WANTED bytes, or the smallest of many; the same
 * one on every call. Returns the size of its encoding, which is written to MEMORY. */
size_t wire_type_small_sample(
	const struct wire_type *type, void *message, uint8_t *memory, size_t size_wanted);

#endif
