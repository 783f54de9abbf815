/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/wire/reader.h - a cursor over bytes that somebody else wrote.
 *
 * All decoding of Souk goes through it. A reader never reads outside its bytes
 * and remembers its first failure: from then on every call returns zero and moves
 * nothing, so that a decoder reads like the schema and looks at the status once.
 *
 *   READING --bad bytes--> FAILED (status, field and offset of the first failure)
 *
 * Invariants: at <= size; once FAILED, nothing changes any more.
 * Memory: borrows the bytes; the field names are static text. Threads: one owner.
 * Spec: spec/wire.md 2. */
#ifndef SOUK_WIRE_READER_H
#define SOUK_WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "souk/base/amount.h"
#include "souk/base/bytes.h"
#include "souk/base/status.h"
#include "souk/base/time.h"

struct souk_reader {
	const uint8_t *data;
	size_t size;
	size_t at; /* where the next field begins; after a failure, where the bad one does */
	souk_status status;
	const char *field; /* the first bad field, such as "strip.count"; NULL before */
};

/* Where a message was refused: for errors that name the cause. */
struct souk_wire_error {
	const char
		*field; /* static text: "strip.count", or the message's name for trailing bytes */
	size_t offset;	/* of that field in the bytes that were decoded */
};

void souk_reader_init(struct souk_reader *reader, struct souk_bytes in);

static inline size_t souk_reader_left(const struct souk_reader *reader)
{
	return reader->size - reader->at;
}

/* Refuse what stands at the cursor. A first failure stays: later ones are ignored. */
void souk_reader_fail(struct souk_reader *reader, souk_status status, const char *field);

/* One value, big-endian; zero once the reader has failed. FIELD is static text.
 *
 * They fail the reader with
 *   SOUK_PEER_TRUNCATED      fewer bytes are left than the value has.
 *   SOUK_PEER_NOT_CANONICAL  a bool that is neither 0 nor 1. */
uint8_t souk_reader_u8(struct souk_reader *reader, const char *field);
uint16_t souk_reader_u16(struct souk_reader *reader, const char *field);
uint32_t souk_reader_u32(struct souk_reader *reader, const char *field);
uint64_t souk_reader_u64(struct souk_reader *reader, const char *field);
bool souk_reader_bool(struct souk_reader *reader, const char *field);
struct souk_amount souk_reader_amount(struct souk_reader *reader, const char *field);
struct souk_time souk_reader_time(struct souk_reader *reader, const char *field);

/* Copy exactly SIZE bytes to OUT; OUT is untouched on failure.
 * Fails the reader with SOUK_PEER_TRUNCATED. */
void souk_reader_raw(struct souk_reader *reader, const char *field, void *out, size_t size);

/* A u8 that must be VALUE: a version, or a byte kept for later.
 * Fails the reader with SOUK_PEER_TRUNCATED, or with REFUSAL where it is another value. */
uint8_t souk_reader_constant(
	struct souk_reader *reader, const char *field, uint8_t value, souk_status refusal);

/* The tag of a choice: 1 to MAX; 0 once the reader has failed.
 * Fails the reader with SOUK_PEER_TRUNCATED, or SOUK_PEER_NOT_CANONICAL for any other tag. */
uint8_t souk_reader_tag(struct souk_reader *reader, const char *field, uint8_t max);

/* The u16 count of a list.
 * Fails the reader with SOUK_PEER_TRUNCATED, or SOUK_PEER_OVERSIZED where it is over MAX. */
uint16_t souk_reader_count(struct souk_reader *reader, const char *field, uint16_t max);

/* u16 length and that many bytes; returns the length. OUT has MAX bytes, for text MAX + 1:
 * text is terminated. OUT is untouched on failure.
 *
 * They fail the reader with
 *   SOUK_PEER_TRUNCATED      the length or the bytes are cut off.
 *   SOUK_PEER_OVERSIZED      the length is over MAX.
 *   SOUK_PEER_NOT_CANONICAL  text with a byte that is not printable ASCII. */
uint16_t souk_reader_text(struct souk_reader *reader, const char *field, char *out, uint16_t max);
uint16_t souk_reader_bytes(
	struct souk_reader *reader, const char *field, uint8_t *out, uint16_t max);

/* Whether SIZE characters at TEXT may stand in a text field: 0x20 to 0x7e only. */
bool souk_text_is_canonical(const char *text, size_t size);

/* souk_text_set: fill a text field of a message from a C string, such as one of a user.
 *
 * FIELD is a pointer to the field: souk_text_set(&offer.data_url, url).
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_OVERSIZED      longer than the field's maximum; field untouched. Ask for a shorter
 * one. SOUK_PEER_NOT_CANONICAL  not printable ASCII; field untouched. Ask for another one. */
#define souk_text_set(field, string)                                                               \
	souk_text_copy((field)->text, sizeof((field)->text) - 1, &(field)->size, string)
SOUK_MUST_CHECK souk_status souk_text_copy(
	char *out, size_t max, uint16_t *ret_size, const char *string);

#endif
