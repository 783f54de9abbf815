/* SPDX-License-Identifier: Apache-2.0
 *
 * identity_file.h - the key of a home: HOME/identity.key, 64 hexadecimal digits, mode 0600. */
#ifndef SOUK_CLIENT_IDENTITY_FILE_H
#define SOUK_CLIENT_IDENTITY_FILE_H

#include "souk/crypto/ecdsa.h"

/* identity_file_load: the identity in the file PATH.
 *
 * Returns SOUK_OK, SOUK_LOCAL_NOT_FOUND (there is none), SOUK_IO_READ, or
 *   SOUK_PEER_BAD_HEX, SOUK_PEER_BAD_PUBKEY  the file holds no key. Do not write over it. */
SOUK_MUST_CHECK souk_status identity_file_load(struct souk_identity *ret, const char *path);

/* identity_file_make: a fresh identity, in a new file PATH.
 *
 * Returns SOUK_OK, SOUK_IO_ENTROPY, or those of souk_file_write_atomic. */
SOUK_MUST_CHECK souk_status identity_file_make(struct souk_identity *ret, const char *path);

#endif
