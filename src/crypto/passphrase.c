/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/passphrase.h"

#include <sodium.h>

_Static_assert(SOUK_NONCE_SIZE == crypto_pwhash_argon2id_SALTBYTES, "salt");
_Static_assert(SOUK_PASSPHRASE_SIZE_MAX <= crypto_pwhash_argon2id_PASSWD_MAX, "passphrase");

souk_status souk_passphrase_key(uint8_t ret[32], struct souk_bytes passphrase,
	const struct souk_nonce *salt, uint32_t passes, uint64_t memory)
{
	uint8_t key[32];
	if (passphrase.size > SOUK_PASSPHRASE_SIZE_MAX || passes < 1 ||
		passes > SOUK_PASSPHRASE_PASSES_MAX ||
		memory < crypto_pwhash_argon2id_MEMLIMIT_MIN || memory > SOUK_PASSPHRASE_MEMORY_MAX)
		return SOUK_PEER_OVERSIZED;
	if (crypto_pwhash_argon2id(key, sizeof key, (const char *)passphrase.data, passphrase.size,
		    salt->bytes, passes, (size_t)memory, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return SOUK_IO_MEMORY;
	for (size_t i = 0; i < sizeof key; i++)
		ret[i] = key[i];
	souk_bytes_wipe(key, sizeof key);
	return SOUK_OK;
}
