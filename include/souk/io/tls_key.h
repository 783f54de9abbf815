/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/tls_key.h - a server's own TLS key, and the pin clients know it by.
 *
 * Nobody certifies a provider: its signed offer states the SHA-256 of the
 * SubjectPublicKeyInfo (RFC 7469, 2.4) of a self-signed P-256 certificate, and
 * clients accept that key only.
 *
 * Memory: heap; the private key is wiped by done. Threads: one owner. */
#ifndef SOUK_IO_TLS_KEY_H
#define SOUK_IO_TLS_KEY_H

#include "souk/base/bytes.h"
#include "souk/base/status.h"

struct souk_tls_key {
	char *certificate_pem;
	char *key_pem;
	struct souk_hash pin;
};

/* souk_tls_key_open: read the file PATH (certificate and key, PEM), or make it, mode 0600, where it
 * is missing.
 *
 *  Out:    ret_key  end with souk_tls_key_done
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_CONFIG  the file holds no certificate and the key of it. Nothing was written over.
 *   SOUK_IO_READ, SOUK_IO_WRITE, SOUK_IO_DISK_FULL  the file.
 *   SOUK_IO_ENTROPY    no key could be made.
 *   SOUK_IO_MEMORY     out of memory. */
SOUK_MUST_CHECK souk_status souk_tls_key_open(struct souk_tls_key *ret_key, const char *path);

/* Wipe and free. A key of all zeros is allowed. */
void souk_tls_key_done(struct souk_tls_key *key);

#endif
