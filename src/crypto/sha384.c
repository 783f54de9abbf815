/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/sha384.h"

#include <openssl/sha.h>

/* libcrypto's one-shot interface allocates; this older one does not. */
void souk_sha384_pair(uint8_t ret[SOUK_SHA384_SIZE], const void *left, size_t left_size,
	const void *right, size_t right_size)
{
	SHA512_CTX ctx;
	SHA384_Init(&ctx);
	SHA384_Update(&ctx, left, left_size);
	SHA384_Update(&ctx, right, right_size);
	SHA384_Final(ret, &ctx);
}
