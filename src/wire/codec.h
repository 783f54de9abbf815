/* SPDX-License-Identifier: Apache-2.0
 *
 * codec.h - what the generated messages.c is made of, besides the reader.
 *
 * Private to src/wire. A message to be encoded comes from our own code: a count
 * over its limit, or text that is not printable, is a programmer error and traps.
 *
 * JSON is written member by member; a comma is written where the last byte says
 * that a member came before, so nested objects and lists need no state.
 *
 * Memory: caller's. Threads: any, on distinct objects. Spec: spec/wire.md 2 and 4. */
#ifndef SOUK_WIRE_CODEC_H
#define SOUK_WIRE_CODEC_H

#include "souk/wire/reader.h"

void souk_codec_write_count(struct souk_writer *writer, uint16_t count, uint16_t max);
void souk_codec_write_text(
	struct souk_writer *writer, const char *text, uint16_t size, uint16_t max);
void souk_codec_write_bytes(
	struct souk_writer *writer, const uint8_t *data, uint16_t size, uint16_t max);

/* The end of every decoder: what the reader says, or SOUK_PEER_TRAILING. On failure the message
 * is zeroed and *RET_WHERE, where it is not NULL, says why. */
SOUK_MUST_CHECK souk_status souk_codec_decoded(struct souk_reader *reader, const char *name,
	void *message, size_t message_size, struct souk_wire_error *ret_where);

/* The end of every reader of a message inside a stream: its status, and zeros on failure. */
SOUK_MUST_CHECK souk_status souk_codec_was_read(
	const struct souk_reader *reader, void *message, size_t message_size);

/* A member KEY of an object, or an item of a list where KEY is NULL. */
void souk_codec_json_key(struct souk_writer *writer, const char *key);
void souk_codec_json_number(struct souk_writer *writer, const char *key, uint64_t value);
void souk_codec_json_bool(struct souk_writer *writer, const char *key, bool value);
/* PREFIX stands before the digits: "" or "0x". */
void souk_codec_json_hex(struct souk_writer *writer, const char *key, const char *prefix,
	const void *data, size_t size);
void souk_codec_json_text(
	struct souk_writer *writer, const char *key, const char *text, size_t size);

#endif
