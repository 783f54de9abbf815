/* SPDX-License-Identifier: Apache-2.0 */
#include "umbral_hash.h"

#include <string.h>

void umbral_hash_init_bytes(struct umbral_hash *hash, struct souk_bytes domain)
{
	uint8_t size[4];
	souk_store_be32(size, (uint32_t)domain.size);
	souk_sha256_init(&hash->sha);
	souk_sha256_update(&hash->sha, size, sizeof size);
	souk_sha256_update(&hash->sha, domain.data, domain.size);
}

void umbral_hash_init(struct umbral_hash *hash, const char *domain)
{
	umbral_hash_init_bytes(hash, souk_bytes_of(domain, strlen(domain)));
}

void umbral_hash_point(struct umbral_hash *hash, const struct souk_point *point)
{
	uint8_t bytes[SOUK_PUBKEY_SIZE];
	souk_point_format(bytes, point);
	souk_sha256_update(&hash->sha, bytes, sizeof bytes);
}

void umbral_hash_bytes(struct umbral_hash *hash, const void *data, size_t size)
{
	souk_sha256_update(&hash->sha, data, size);
}

struct souk_scalar umbral_hash_scalar(struct umbral_hash *hash)
{
	struct souk_hash digest;
	souk_sha256_final(&hash->sha, &digest);
	struct souk_scalar scalar = souk_scalar_of_hash(&digest);
	souk_bytes_wipe(&digest, sizeof digest);
	return scalar;
}

struct souk_scalar umbral_capsule_hash(const struct souk_point *e, const struct souk_point *v)
{
	struct umbral_hash hash;
	umbral_hash_init(&hash, "CAPSULE_POINTS");
	umbral_hash_point(&hash, e);
	umbral_hash_point(&hash, v);
	return umbral_hash_scalar(&hash);
}

static void hash_precursor(struct umbral_hash *hash, const char *domain, const struct souk_point *x,
	const struct souk_point *b, const uint8_t d[SOUK_PUBKEY_SIZE])
{
	umbral_hash_init(hash, domain);
	umbral_hash_point(hash, x);
	umbral_hash_point(hash, b);
	umbral_hash_bytes(hash, d, SOUK_PUBKEY_SIZE);
}

struct souk_scalar umbral_shared_hash(
	const struct souk_point *x, const struct souk_point *b, const uint8_t d[SOUK_PUBKEY_SIZE])
{
	struct umbral_hash hash;
	hash_precursor(&hash, "SHARED_SECRET", x, b, d);
	return umbral_hash_scalar(&hash);
}

struct souk_scalar umbral_argument_hash(const struct souk_point *x, const struct souk_point *b,
	const uint8_t d[SOUK_PUBKEY_SIZE], const uint8_t id[32])
{
	struct umbral_hash hash;
	hash_precursor(&hash, "POLYNOMIAL_ARG", x, b, d);
	umbral_hash_bytes(&hash, id, 32);
	return umbral_hash_scalar(&hash);
}

static void hash_named(struct umbral_hash *hash, const struct souk_point *key)
{
	uint8_t is_named = key != NULL;
	umbral_hash_bytes(hash, &is_named, 1);
	if (is_named)
		umbral_hash_point(hash, key);
}

struct souk_hash umbral_kfrag_digest(const uint8_t id[32], const struct souk_point *u1,
	const struct souk_point *x, const struct souk_point *delegating,
	const struct souk_point *receiving)
{
	struct umbral_hash hash;
	struct souk_hash digest;
	souk_sha256_init(&hash.sha);
	umbral_hash_bytes(&hash, id, 32);
	umbral_hash_point(&hash, u1);
	umbral_hash_point(&hash, x);
	hash_named(&hash, delegating);
	hash_named(&hash, receiving);
	souk_sha256_final(&hash.sha, &digest);
	return digest;
}
