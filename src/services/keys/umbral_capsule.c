/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys, capsules, and what is encrypted under them. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/keys/umbral.h"
#include "umbral_hash.h"

/* A scalar that is not zero. */
static struct souk_scalar draw_scalar(struct souk_secret_rng *rng)
{
	struct souk_hash fresh;
	souk_secret_rng_fill(rng, fresh.bytes, sizeof fresh.bytes);
	struct souk_scalar scalar = souk_scalar_of_hash(&fresh);
	souk_bytes_wipe(&fresh, sizeof fresh);
	return scalar;
}

static void point_of(struct souk_umbral_key *key)
{
	/* A scalar that is not zero times the generator is a point. */
	SOUK_CHECK(souk_point_base(&key->point, &key->secret) == SOUK_OK);
}

void souk_umbral_key_generate(struct souk_umbral_key *ret, struct souk_secret_rng *rng)
{
	ret->secret = draw_scalar(rng);
	point_of(ret);
}

souk_status souk_umbral_key_of(struct souk_umbral_key *ret, const uint8_t secret[32])
{
	struct souk_scalar scalar;
	SOUK_TRY(souk_scalar_parse(&scalar, secret));
	if (souk_scalar_is_zero(&scalar))
		return SOUK_PEER_NOT_CANONICAL;
	ret->secret = scalar;
	point_of(ret);
	souk_bytes_wipe(&scalar, sizeof scalar);
	return SOUK_OK;
}

void souk_umbral_key_derive(
	struct souk_umbral_key *ret, const uint8_t seed[32], struct souk_bytes label)
{
	static const char domain[] = "KEY_DERIVATION/";
	uint8_t info[sizeof domain - 1 + SOUK_UMBRAL_LABEL_MAX], wide[64];
	size_t size = sizeof domain - 1 + label.size;
	struct umbral_hash hash;
	SOUK_CHECK(label.size <= SOUK_UMBRAL_LABEL_MAX);
	memcpy(info, domain, sizeof domain - 1);
	memcpy(info + sizeof domain - 1, label.data, label.size);
	souk_hkdf_sha256(wide, sizeof wide, souk_bytes_of(NULL, 0), souk_bytes_of(seed, 32),
		souk_bytes_of(info, size));
	umbral_hash_init_bytes(&hash, souk_bytes_of(info, size));
	umbral_hash_bytes(&hash, wide, sizeof wide);
	ret->secret = umbral_hash_scalar(&hash);
	point_of(ret);
	souk_bytes_wipe(wide, sizeof wide);
}

void souk_umbral_encapsulate(struct souk_umbral_capsule *ret_capsule,
	struct souk_umbral_seed *ret_seed, const struct souk_point *key,
	struct souk_secret_rng *rng)
{
	struct souk_scalar r, u, sum, product, h;
	/* r + u is zero once in 2^256: then again. */
	do {
		r = draw_scalar(rng);
		u = draw_scalar(rng);
		sum = souk_scalar_add(&r, &u);
	} while (souk_point_mul_secret(ret_seed->bytes, key, &sum) != SOUK_OK);
	SOUK_CHECK(souk_point_base(&ret_capsule->e, &r) == SOUK_OK);
	SOUK_CHECK(souk_point_base(&ret_capsule->v, &u) == SOUK_OK);
	h = umbral_capsule_hash(&ret_capsule->e, &ret_capsule->v);
	product = souk_scalar_mul(&r, &h);
	ret_capsule->s = souk_scalar_add(&u, &product);
	souk_bytes_wipe(&r, sizeof r);
	souk_bytes_wipe(&u, sizeof u);
	souk_bytes_wipe(&sum, sizeof sum);
	souk_bytes_wipe(&product, sizeof product);
}

void souk_umbral_decapsulate(struct souk_umbral_seed *ret,
	const struct souk_umbral_capsule *capsule, const struct souk_umbral_key *key)
{
	struct souk_point sum;
	/* A capsule was parsed: E + V is no infinity there. */
	SOUK_CHECK(souk_point_add(&sum, &capsule->e, &capsule->v) == SOUK_OK);
	SOUK_CHECK(souk_point_mul_secret(ret->bytes, &sum, &key->secret) == SOUK_OK);
}

static void key_of_seed(uint8_t ret[SOUK_AEAD_KEY_SIZE], const struct souk_umbral_seed *seed)
{
	souk_hkdf_sha256(ret, SOUK_AEAD_KEY_SIZE, souk_bytes_of(NULL, 0),
		souk_bytes_of(seed->bytes, sizeof seed->bytes), souk_bytes_of(NULL, 0));
}

void souk_umbral_seal(uint8_t *out, const struct souk_umbral_seed *seed,
	const struct souk_umbral_capsule *capsule, struct souk_bytes plain,
	struct souk_secret_rng *rng)
{
	uint8_t key[SOUK_AEAD_KEY_SIZE], associated[SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE];
	key_of_seed(key, seed);
	souk_umbral_capsule_format_simple(associated, capsule);
	/* In place: the text moves behind the nonce first. */
	memmove(out + SOUK_AEAD_NONCE_SIZE, plain.data, plain.size);
	souk_secret_rng_fill(rng, out, SOUK_AEAD_NONCE_SIZE);
	souk_aead_seal(out + SOUK_AEAD_NONCE_SIZE, key, out,
		souk_bytes_of(associated, sizeof associated),
		souk_bytes_of(out + SOUK_AEAD_NONCE_SIZE, plain.size));
	souk_bytes_wipe(key, sizeof key);
}

souk_status souk_umbral_unseal(uint8_t *out, const struct souk_umbral_seed *seed,
	const struct souk_umbral_capsule *capsule, struct souk_bytes ciphertext)
{
	uint8_t key[SOUK_AEAD_KEY_SIZE], associated[SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE];
	if (ciphertext.size < SOUK_UMBRAL_CIPHERTEXT_EXTRA)
		return SOUK_PEER_BAD_CIPHERTEXT;
	key_of_seed(key, seed);
	souk_umbral_capsule_format_simple(associated, capsule);
	souk_status status = souk_aead_open(out, key, ciphertext.data,
		souk_bytes_of(associated, sizeof associated),
		souk_bytes_of(ciphertext.data + SOUK_AEAD_NONCE_SIZE,
			ciphertext.size - SOUK_AEAD_NONCE_SIZE));
	souk_bytes_wipe(key, sizeof key);
	return status;
}
