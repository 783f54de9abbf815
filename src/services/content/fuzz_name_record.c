/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of names as providers are sent them, one after the other: what is held never goes back,
 * and nothing is held that its publisher did not sign. */
#include <stdint.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/content/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RECORDS_MAX 8

static void check_text(const uint8_t *data, size_t size)
{
	struct souk_name name, again;
	char text[SOUK_NAME_TEXT_SIZE];
	if (souk_name_parse(&name, souk_bytes_of(data, size)) != SOUK_OK)
		return;
	SOUK_CHECK(souk_name_label_is_valid(name.label, strlen(name.label)));
	SOUK_CHECK(strstr(name.label, "..") == NULL && strchr(name.label, '/') == NULL);
	souk_name_format(text, &name);
	SOUK_CHECK(souk_name_parse(&again, souk_bytes_text(text)) == SOUK_OK);
	SOUK_CHECK(souk_name_equal(&name, &again));
}

/* The next record: 1 byte of what to do with it, 1 of its sequence, 1 of its content, 1 of its
 * label; or, as the input's bytes stand. */
static bool next_record(
	struct souk_signed_name *ret, const uint8_t *data, const struct souk_identity *publisher)
{
	struct souk_name name = {.publisher = publisher->address};
	struct souk_hash content = {{data[2]}};
	name.label[0] = (char)data[3];
	if (souk_name_sign(ret, &name, data[1], &content, data[2], (struct souk_time){data[0]},
		    publisher) != SOUK_OK)
		return false;
	if (data[0] & 1)
		ret->signature.bytes[data[0] % 65] ^= data[1];
	return true;
}

static void play(const uint8_t *data, size_t size)
{
	struct souk_seckey key = {{1}};
	struct souk_identity publisher;
	struct souk_signed_name held = {0}, fresh;
	bool is_held = false;
	SOUK_CHECK(souk_identity_of(&publisher, &key) == SOUK_OK);
	for (size_t i = 0; i < RECORDS_MAX && size >= 4; i++, data += 4, size -= 4) {
		struct souk_name name;
		if (!next_record(&fresh, data, &publisher) ||
			souk_name_verify(&fresh, NULL) != SOUK_OK)
			continue;
		name = souk_name_of(&fresh.name);
		if (is_held && souk_name_verify(&held, &name) != SOUK_OK)
			continue;
		souk_status status = souk_name_accept(is_held ? &held.name : NULL, &fresh.name);
		SOUK_CHECK(
			souk_name_is_evidence(&held, &fresh) == (status == SOUK_PEER_NAME_TWICE));
		SOUK_CHECK(
			status != SOUK_OK || !is_held || fresh.name.sequence > held.name.sequence);
		if (status == SOUK_OK)
			held = fresh;
		is_held = true;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct souk_signed_name record;
	check_text(data, size);
	if (souk_signed_name_decode(&record, souk_bytes_of(data, size), NULL) == SOUK_OK &&
		souk_name_verify(&record, NULL) == SOUK_OK)
		SOUK_CHECK(
			souk_name_label_is_valid(record.name.label.text, record.name.label.size));
	play(data, size);
	return 0;
}
