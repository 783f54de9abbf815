/* SPDX-License-Identifier: Apache-2.0 */
#include "identity_file.h"

#include <stdlib.h>

#include "souk/base/check.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"

#define FILE_SIZE_MAX 256

souk_status identity_file_load(struct souk_identity *ret, const char *path)
{
	struct souk_seckey seckey;
	char *text;
	size_t size;
	SOUK_TRY(souk_file_read(path, FILE_SIZE_MAX, &text, &size));
	souk_status status = souk_hex_decode_secret(
		seckey.bytes, sizeof seckey.bytes, souk_bytes_of(text, size));
	if (status == SOUK_OK)
		status = souk_identity_of(ret, &seckey);
	souk_bytes_wipe(text, size);
	souk_bytes_wipe(&seckey, sizeof seckey);
	free(text);
	return status;
}

souk_status identity_file_make(struct souk_identity *ret, const char *path)
{
	uint8_t seed[32];
	char text[2 * SOUK_SECKEY_SIZE + 1];
	struct souk_secret_rng rng;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), seed, sizeof seed));
	souk_secret_rng_init(&rng, seed);
	souk_identity_generate(ret, &rng);
	souk_hex_encode(text, ret->seckey.bytes, SOUK_SECKEY_SIZE);
	text[2 * SOUK_SECKEY_SIZE] = '\n'; /* instead of the terminator */
	souk_status status = souk_file_write_atomic(path, souk_bytes_of(text, sizeof text), true);
	souk_bytes_wipe(text, sizeof text);
	souk_bytes_wipe(seed, sizeof seed);
	souk_bytes_wipe(&rng, sizeof rng);
	return status;
}
