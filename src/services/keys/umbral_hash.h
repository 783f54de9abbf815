/* SPDX-License-Identifier: Apache-2.0
 *
 * umbral_hash.h - Umbral's hashes: SHA-256 over a length-prefixed domain, points and bytes, as a
 * scalar that is not zero. */
#ifndef SOUK_KEYS_UMBRAL_HASH_H
#define SOUK_KEYS_UMBRAL_HASH_H

#include "souk/crypto/group.h"
#include "souk/crypto/sha256.h"

struct umbral_hash {
	struct souk_sha256 sha;
};

void umbral_hash_init(struct umbral_hash *hash, const char *domain);
void umbral_hash_init_bytes(struct umbral_hash *hash, struct souk_bytes domain);
void umbral_hash_point(struct umbral_hash *hash, const struct souk_point *point);
void umbral_hash_bytes(struct umbral_hash *hash, const void *data, size_t size);
struct souk_scalar umbral_hash_scalar(struct umbral_hash *hash);

/* H("CAPSULE_POINTS", E, V) */
struct souk_scalar umbral_capsule_hash(const struct souk_point *e, const struct souk_point *v);
/* H("SHARED_SECRET", X, B, D); D is a secret, and compressed already. */
struct souk_scalar umbral_shared_hash(
	const struct souk_point *x, const struct souk_point *b, const uint8_t d[SOUK_PUBKEY_SIZE]);
/* H("POLYNOMIAL_ARG", X, B, D, id) */
struct souk_scalar umbral_argument_hash(const struct souk_point *x, const struct souk_point *b,
	const uint8_t d[SOUK_PUBKEY_SIZE], const uint8_t id[32]);
/* What signatures under a key fragment are over. NULL: not named. */
struct souk_hash umbral_kfrag_digest(const uint8_t id[32], const struct souk_point *u1,
	const struct souk_point *x, const struct souk_point *delegating,
	const struct souk_point *receiving);

#endif
