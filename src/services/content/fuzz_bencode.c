/* SPDX-License-Identifier: Apache-2.0
 *
 * Bencoded bytes: what is accepted is written again as the same bytes, by its tokens alone. */
#include <stdint.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/content/bencode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct souk_writer *writer, const struct souk_bencode_token *token)
{
	switch (token->kind) {
	case SOUK_BENCODE_INTEGER:
		souk_writer_u8(writer, 'i');
		if (token->integer < 0)
			souk_writer_u8(writer, '-');
		souk_writer_decimal(writer,
			token->integer < 0 ? -(uint64_t)token->integer : (uint64_t)token->integer);
		souk_writer_u8(writer, 'e');
		break;
	case SOUK_BENCODE_STRING:
	case SOUK_BENCODE_KEY: souk_bencode_put_string(writer, token->string); break;
	case SOUK_BENCODE_LIST: souk_bencode_put_list(writer); break;
	case SOUK_BENCODE_DICTIONARY: souk_bencode_put_dictionary(writer); break;
	case SOUK_BENCODE_END: souk_bencode_put_end(writer); break;
	case SOUK_BENCODE_DONE: break;
	}
}

/* Whoever skips a value sees the bytes that whoever walks it sees. */
static void check_skip(struct souk_bytes bytes)
{
	struct souk_bencode_reader reader;
	struct souk_bencode_token token;
	struct souk_bytes value;
	souk_bencode_reader_init(&reader, bytes);
	SOUK_CHECK(souk_bencode_skip(&reader, &value) == SOUK_OK);
	SOUK_CHECK(value.data == bytes.data && value.size == bytes.size);
	SOUK_CHECK(souk_bencode_next(&reader, &token) == SOUK_OK);
	SOUK_CHECK(token.kind == SOUK_BENCODE_DONE);
	SOUK_CHECK(souk_bencode_skip(&reader, &value) == SOUK_PEER_BAD_BENCODE);
}

/* Every value of a dictionary is found under its key. */
static void check_find(struct souk_bytes bytes)
{
	struct souk_bencode_reader reader;
	struct souk_bencode_token token;
	struct souk_bytes value, found;
	char key[64];
	souk_bencode_reader_init(&reader, bytes);
	SOUK_CHECK(souk_bencode_next(&reader, &token) == SOUK_OK);
	if (token.kind != SOUK_BENCODE_DICTIONARY)
		return;
	while (souk_bencode_next(&reader, &token) == SOUK_OK && token.kind == SOUK_BENCODE_KEY) {
		SOUK_CHECK(souk_bencode_skip(&reader, &value) == SOUK_OK);
		SOUK_CHECK(souk_bencode_check(value) == SOUK_OK);
		if (token.string.size >= sizeof key ||
			memchr(token.string.data, 0, token.string.size))
			continue;
		memcpy(key, token.string.data, token.string.size);
		key[token.string.size] = '\0';
		SOUK_CHECK(souk_bencode_find(&found, bytes, key) == SOUK_OK);
		SOUK_CHECK(found.data == value.data && found.size == value.size);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t again[1 << 16];
	struct souk_bencode_reader reader;
	struct souk_bencode_token token;
	struct souk_writer writer;
	struct souk_bytes bytes = souk_bytes_of(data, size);
	souk_status status;
	if (size > sizeof again)
		return 0;
	souk_writer_init(&writer, again, sizeof again);
	souk_bencode_reader_init(&reader, bytes);
	while ((status = souk_bencode_next(&reader, &token)) == SOUK_OK &&
		token.kind != SOUK_BENCODE_DONE)
		put(&writer, &token);
	SOUK_CHECK(souk_bencode_check(bytes) == status);
	if (status != SOUK_OK) {
		SOUK_CHECK(souk_bencode_next(&reader, &token) == status);
		return 0;
	}
	SOUK_CHECK(souk_bytes_equal_var(bytes, souk_bytes_of(again, writer.size)));
	check_skip(bytes);
	check_find(bytes);
	return 0;
}
