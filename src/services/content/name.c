/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/content/name.h"

#include <string.h>

#include "souk/base/check.h"

#define PREFIX	    "souk:"
#define PREFIX_SIZE (sizeof PREFIX - 1)

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool souk_name_label_is_valid(const char *text, size_t size)
{
	if (size == 0 || size > SOUK_NAME_LABEL_MAX || !is_alphanumeric(text[0]) ||
		!is_alphanumeric(text[size - 1]))
		return false;
	for (size_t i = 1; i < size; i++) {
		if (!is_alphanumeric(text[i]) && text[i] != '-' && text[i] != '.')
			return false;
		if (text[i] == '.' && text[i - 1] == '.')
			return false;
	}
	return true;
}

/* Take PREFIX off TEXT where it starts with it. */
static struct souk_bytes without(struct souk_bytes text, const char *prefix, size_t size)
{
	if (text.size >= size && memcmp(text.data, prefix, size) == 0)
		return souk_bytes_of(text.data + size, text.size - size);
	return text;
}

souk_status souk_name_parse(struct souk_name *ret, struct souk_bytes text)
{
	struct souk_name name = {0};
	char digits[2 * SOUK_ADDRESS_SIZE + 1] = "";
	if (text.size == 0)
		return SOUK_PEER_BAD_NAME;
	text = without(text, PREFIX, PREFIX_SIZE);
	text = without(text, "0x", 2);
	if (text.size < sizeof digits || text.data[sizeof digits - 1] != '/')
		return SOUK_PEER_BAD_NAME;
	memcpy(digits, text.data, sizeof digits - 1);
	if (souk_hex_decode(name.publisher.bytes, SOUK_ADDRESS_SIZE, digits) != SOUK_OK)
		return SOUK_PEER_BAD_NAME;
	const char *label = (const char *)text.data + sizeof digits;
	size_t size = text.size - sizeof digits;
	if (!souk_name_label_is_valid(label, size))
		return SOUK_PEER_BAD_NAME;
	memcpy(name.label, label, size);
	*ret = name;
	return SOUK_OK;
}

void souk_name_format(char out[SOUK_NAME_TEXT_SIZE], const struct souk_name *name)
{
	struct souk_writer writer;
	souk_writer_init(&writer, out, SOUK_NAME_TEXT_SIZE);
	souk_writer_text(&writer, "0x");
	souk_writer_hex(&writer, name->publisher.bytes, SOUK_ADDRESS_SIZE);
	souk_writer_text(&writer, "/");
	souk_writer_text(&writer, name->label);
	souk_writer_u8(&writer, 0);
	SOUK_CHECK(!writer.full);
}

bool souk_name_equal(const struct souk_name *a, const struct souk_name *b)
{
	return souk_address_equal(&a->publisher, &b->publisher) && strcmp(a->label, b->label) == 0;
}

struct souk_name souk_name_of(const struct souk_name_record *record)
{
	struct souk_name name = {.publisher = record->publisher};
	SOUK_CHECK(record->label.size <= SOUK_NAME_LABEL_MAX);
	memcpy(name.label, record->label.text, record->label.size);
	return name;
}

struct souk_content_name souk_name_content(const struct souk_name_record *record)
{
	return (struct souk_content_name){
		.id = record->content, .has_size = true, .size = record->size};
}

static souk_status check_record(const struct souk_name_record *record)
{
	if (record->version != SOUK_NAME_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_name_label_is_valid(record->label.text, record->label.size) ||
		record->sequence == 0 || souk_hash_is_zero(&record->content) != (record->size == 0))
		return SOUK_PEER_BAD_NAME;
	return SOUK_OK;
}

souk_status souk_name_sign(struct souk_signed_name *ret, const struct souk_name *name,
	uint64_t sequence, const struct souk_hash *content, uint64_t size, struct souk_time now,
	const struct souk_identity *publisher)
{
	struct souk_signed_name fresh = {.name = {.version = SOUK_NAME_VERSION,
						 .publisher = name->publisher,
						 .sequence = sequence,
						 .content = *content,
						 .size = size,
						 .time = now}};
	if (!souk_address_equal(&name->publisher, &publisher->address))
		return SOUK_PEER_WRONG_SIGNER;
	if (souk_text_set(&fresh.name.label, name->label) != SOUK_OK)
		return SOUK_PEER_BAD_NAME;
	SOUK_TRY(check_record(&fresh.name));
	struct souk_hash digest = souk_name_record_digest(&fresh.name);
	souk_ecdsa_sign(&fresh.signature, &digest, publisher);
	*ret = fresh;
	return SOUK_OK;
}

souk_status souk_name_verify(
	const struct souk_signed_name *signed_name, const struct souk_name *name)
{
	const struct souk_name_record *record = &signed_name->name;
	SOUK_TRY(check_record(record));
	if (name != NULL) {
		struct souk_name spoken = souk_name_of(record);
		if (!souk_name_equal(name, &spoken))
			return SOUK_PEER_BAD_NAME;
	}
	struct souk_hash digest = souk_name_record_digest(record);
	return souk_ecdsa_verify(&record->publisher, &digest, &signed_name->signature);
}

souk_status souk_name_accept(
	const struct souk_name_record *held, const struct souk_name_record *fresh)
{
	if (held == NULL || fresh->sequence > held->sequence)
		return SOUK_OK;
	if (fresh->sequence < held->sequence)
		return SOUK_PEER_NAME_ROLLBACK;
	return souk_hash_equal(&fresh->content, &held->content) && fresh->size == held->size
		       ? SOUK_LOCAL_EXISTS
		       : SOUK_PEER_NAME_TWICE;
}

bool souk_name_is_evidence(const struct souk_signed_name *a, const struct souk_signed_name *b)
{
	if (souk_name_verify(a, NULL) != SOUK_OK)
		return false;
	struct souk_name name = souk_name_of(&a->name);
	return souk_name_verify(b, &name) == SOUK_OK &&
	       souk_name_accept(&a->name, &b->name) == SOUK_PEER_NAME_TWICE;
}
