/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/bencode.h - BitTorrent's encoding, in its one canonical form.
 *
 *   4:spam   i-3e   l...e   d3:cow3:moo...e
 *
 * A content id may be the hash of such bytes, so a value must have one form only:
 * no leading zeros, no "-0", keys sorted and unique, nothing after the end. What
 * breaks that is refused, and never repaired.
 *
 *   bytes --souk_bencode_next--> tokens: DICTIONARY KEY value KEY value END ... DONE
 *
 * The reader is a loop and not a recursion; how deep values nest is bounded.
 *
 * Invariants: never reads outside its bytes; after a failure it fails for ever.
 * Memory: caller's; tokens borrow the bytes. Threads: any, on distinct objects.
 * Spec: spec/content.md 6, BEP 3. */
#ifndef SOUK_CONTENT_BENCODE_H
#define SOUK_CONTENT_BENCODE_H

#include <stdbool.h>

#include "souk/base/bytes.h"

#define SOUK_BENCODE_DEPTH_MAX 48

enum souk_bencode_kind {
	SOUK_BENCODE_INTEGER,
	SOUK_BENCODE_STRING,
	SOUK_BENCODE_LIST,	 /* begins */
	SOUK_BENCODE_DICTIONARY, /* begins */
	SOUK_BENCODE_KEY,	 /* of the value that follows */
	SOUK_BENCODE_END,	 /* of the innermost list or dictionary */
	SOUK_BENCODE_DONE,	 /* the one value is complete, and nothing follows it */
};

struct souk_bencode_token {
	enum souk_bencode_kind kind;
	int64_t integer;
	struct souk_bytes string; /* of a string or a key; borrowed */
};

struct souk_bencode_level {
	struct souk_bytes key; /* the last one */
	bool is_dictionary;
	bool has_key;	  /* any key came */
	bool wants_value; /* of that key */
};

struct souk_bencode_reader {
	struct souk_bytes bytes;
	size_t at;
	uint32_t depth; /* levels in use */
	bool is_complete;
	souk_status status; /* the first failure */
	struct souk_bencode_level levels[SOUK_BENCODE_DEPTH_MAX];
};

void souk_bencode_reader_init(struct souk_bencode_reader *reader, struct souk_bytes bytes);

/* souk_bencode_next: the next token; DONE again and again at the end.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_TRUNCATED      the bytes end inside a value.
 *   SOUK_PEER_TRAILING       bytes follow the value.
 *   SOUK_PEER_NOT_CANONICAL  leading zeros, "-0", or keys out of order or twice.
 *   SOUK_PEER_OVERSIZED      nested too deep, or an integer outside int64_t.
 *   SOUK_PEER_BAD_BENCODE    anything else.
 * In all these cases refuse the bytes as a whole. */
SOUK_MUST_CHECK souk_status souk_bencode_next(
	struct souk_bencode_reader *reader, struct souk_bencode_token *ret);

/* souk_bencode_skip: the next value as a whole. The reader must stand before a value: at the start,
 * after a key, or in a list that has another one.
 *
 *  Out: ret  its bytes, borrowed; they are a canonical value themselves; may be NULL
 *
 * Returns as souk_bencode_next; SOUK_PEER_BAD_BENCODE also where there is no value. */
SOUK_MUST_CHECK souk_status souk_bencode_skip(
	struct souk_bencode_reader *reader, struct souk_bytes *ret);

/* souk_bencode_begin_dictionary: READER reads the pairs of the dictionary BYTES.
 *
 * Returns SOUK_OK, or as souk_bencode_next; REFUSAL where BYTES begin as another kind of value. */
SOUK_MUST_CHECK souk_status souk_bencode_begin_dictionary(
	struct souk_bencode_reader *reader, struct souk_bytes bytes, souk_status refusal);

/* The next key of the innermost dictionary, and its value as a whole. False once its end was read,
 * or where something is wrong: then reader->status says what, and so does every further call. */
bool souk_bencode_next_pair(struct souk_bencode_reader *reader, struct souk_bytes *ret_key,
	struct souk_bytes *ret_value);

/* souk_bencode_check: whether BYTES are one canonical value. Returns as souk_bencode_next. */
SOUK_MUST_CHECK souk_status souk_bencode_check(struct souk_bytes bytes);

/* souk_bencode_find: the value of KEY in the dictionary BYTES, which is checked as far as it is
 * read.
 *
 * Returns SOUK_OK and the value's bytes, or
 *   SOUK_LOCAL_NOT_FOUND  no such key.
 *   As souk_bencode_next  BYTES are no dictionary. */
SOUK_MUST_CHECK souk_status souk_bencode_find(
	struct souk_bytes *ret, struct souk_bytes bytes, const char *key);

/* The integer, or the string, that BYTES are as a whole.
 *
 * They return SOUK_OK, or as souk_bencode_next; SOUK_PEER_BAD_BENCODE for another kind of value. */
SOUK_MUST_CHECK souk_status souk_bencode_integer(int64_t *ret, struct souk_bytes bytes);
SOUK_MUST_CHECK souk_status souk_bencode_string(struct souk_bytes *ret, struct souk_bytes bytes);

/* Whether the string STRING is TEXT. */
bool souk_bencode_is(struct souk_bytes string, const char *text);

/* Writing. The caller gives the keys in order; souk_bencode_check says whether it did. */
void souk_bencode_put_integer(struct souk_writer *writer, uint64_t value);
void souk_bencode_put_string(struct souk_writer *writer, struct souk_bytes string);
void souk_bencode_put_text(struct souk_writer *writer, const char *text);
static inline void souk_bencode_put_dictionary(struct souk_writer *writer)
{
	souk_writer_u8(writer, 'd');
}
static inline void souk_bencode_put_list(struct souk_writer *writer)
{
	souk_writer_u8(writer, 'l');
}
static inline void souk_bencode_put_end(struct souk_writer *writer)
{
	souk_writer_u8(writer, 'e');
}

#endif
