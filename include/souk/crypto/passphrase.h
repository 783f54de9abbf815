/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/passphrase.h - keys from passphrases: Argon2id (RFC 9106), by libsodium.
 *
 * Whoever has the file tries passphrases at the price of MEMORY and PASSES each. A file from
 * elsewhere says itself what it costs: hence the most that is done for one.
 *
 * Memory: libsodium takes MEMORY bytes for the call, and wipes them. Threads: any. */
#ifndef SOUK_CRYPTO_PASSPHRASE_H
#define SOUK_CRYPTO_PASSPHRASE_H

#include "souk/base/bytes.h"
#include "souk/base/status.h"

/* RFC 9106, 4, for little memory: 64 MiB, three passes; about a tenth of a second. */
#define SOUK_PASSPHRASE_MEMORY 67108864u
#define SOUK_PASSPHRASE_PASSES 3u
/* More than this is not computed for anybody. */
#define SOUK_PASSPHRASE_MEMORY_MAX 1073741824u
#define SOUK_PASSPHRASE_PASSES_MAX 16u
#define SOUK_PASSPHRASE_SIZE_MAX   1024u

/* souk_passphrase_key: 32 bytes from PASSPHRASE.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_OVERSIZED  the passphrase is longer than SOUK_PASSPHRASE_SIZE_MAX, or MEMORY or
 *                        PASSES are out of range: refuse the file.
 *   SOUK_IO_MEMORY       there are not MEMORY bytes free. */
SOUK_MUST_CHECK souk_status souk_passphrase_key(uint8_t ret[32], struct souk_bytes passphrase,
	const struct souk_nonce *salt, uint32_t passes, uint64_t memory);

#endif
