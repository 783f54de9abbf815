/* SPDX-License-Identifier: Apache-2.0 */
#include "admission.h"

#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/file.h"

#define FILE_SIZE_MAX 1024

void admission_make(struct souk_signed_admission *ret, const struct souk_identity *site,
	const struct souk_address *sponsor, const struct souk_address *viewer,
	struct souk_time expires)
{
	ret->admission = (struct souk_admission){.version = SOUK_SPONSOR_VERSION,
		.sponsor = *sponsor,
		.viewer = *viewer,
		.expires = expires};
	souk_admission_sign(ret, site);
}

void admission_text_format(
	char out[ADMISSION_TEXT_SIZE], const struct souk_signed_admission *admission)
{
	uint8_t bytes[SOUK_SIGNED_ADMISSION_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_admission_encode(&writer, admission);
	souk_hex_encode(out, bytes, writer.size);
}

souk_status admission_text_parse(struct souk_signed_admission *ret, const char *text)
{
	uint8_t bytes[SOUK_SIGNED_ADMISSION_SIZE_MAX];
	char digits[ADMISSION_TEXT_SIZE];
	size_t length = strcspn(text, " \t\r\n");
	if (length % 2 != 0 || length >= sizeof digits ||
		text[length + strspn(text + length, " \t\r\n")] != '\0')
		return SOUK_PEER_BAD_HEX;
	memcpy(digits, text, length);
	digits[length] = '\0';
	SOUK_TRY(souk_hex_decode(bytes, length / 2, digits));
	return souk_signed_admission_decode(ret, souk_bytes_of(bytes, length / 2), NULL);
}

souk_status admission_file_read(struct souk_signed_admission *ret, const char *path)
{
	char *text;
	size_t size;
	SOUK_TRY(souk_file_read(path, FILE_SIZE_MAX, &text, &size));
	souk_status status = admission_text_parse(ret, text);
	free(text);
	return status;
}
