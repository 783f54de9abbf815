/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/base64.h"

#include <sodium.h>

#include "souk/base/check.h"

void souk_base64_encode(char *out, struct souk_bytes data)
{
	SOUK_CHECK(sodium_bin2base64(out, SOUK_BASE64_SIZE(data.size), data.data, data.size,
			   sodium_base64_VARIANT_ORIGINAL) != NULL);
}

souk_status souk_base64_decode(uint8_t *out, size_t max, size_t *ret_size, struct souk_bytes text)
{
	size_t size = 0;
	const char *end = NULL;
	if (sodium_base642bin(out, max, (const char *)text.data, text.size, NULL, &size, &end,
		    sodium_base64_VARIANT_ORIGINAL) != 0 ||
		end != (const char *)text.data + text.size)
		return SOUK_PEER_BAD_REQUEST;
	*ret_size = size;
	return SOUK_OK;
}
