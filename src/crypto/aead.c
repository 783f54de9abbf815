/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/aead.h"

#include <sodium.h>

#include "souk/base/check.h"

_Static_assert(SOUK_AEAD_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");
_Static_assert(SOUK_AEAD_NONCE_SIZE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(SOUK_AEAD_TAG_SIZE == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");

void souk_aead_seal(uint8_t *out, const uint8_t key[SOUK_AEAD_KEY_SIZE],
	const uint8_t nonce[SOUK_AEAD_NONCE_SIZE], struct souk_bytes associated,
	struct souk_bytes plain)
{
	unsigned long long size;
	SOUK_CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(out, &size, plain.data, plain.size,
			   associated.data, associated.size, NULL, nonce, key) == 0);
	SOUK_CHECK(size == plain.size + SOUK_AEAD_TAG_SIZE);
}

souk_status souk_aead_open(uint8_t *out, const uint8_t key[SOUK_AEAD_KEY_SIZE],
	const uint8_t nonce[SOUK_AEAD_NONCE_SIZE], struct souk_bytes associated,
	struct souk_bytes sealed)
{
	unsigned long long size;
	if (sealed.size < SOUK_AEAD_TAG_SIZE ||
		crypto_aead_xchacha20poly1305_ietf_decrypt(out, &size, NULL, sealed.data,
			sealed.size, associated.data, associated.size, nonce, key) != 0)
		return SOUK_PEER_BAD_CIPHERTEXT;
	return SOUK_OK;
}
