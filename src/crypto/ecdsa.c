/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/ecdsa.h"

#include <string.h>

#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_preallocated.h>
#include <secp256k1_recovery.h>

#include "context.h"
#include "souk/base/check.h"
#include "souk/crypto/keccak.h"

/* Process-wide: the library's context in static memory, made before main. */
static _Alignas(16) uint8_t context_memory[1024];
static secp256k1_context *context;

static void trap(const char *message, void *data)
{
	(void)message;
	(void)data;
	__builtin_trap();
}

__attribute__((constructor)) static void create_context(void)
{
	SOUK_CHECK(secp256k1_context_preallocated_size(SECP256K1_CONTEXT_NONE) <=
		   sizeof context_memory);
	context = secp256k1_context_preallocated_create(context_memory, SECP256K1_CONTEXT_NONE);
	secp256k1_context_set_illegal_callback(context, trap, NULL);
	secp256k1_context_set_error_callback(context, trap, NULL);
}

const secp256k1_context *souk_secp_context(void)
{
	return context;
}

void souk_ecdsa_blind(const uint8_t seed[32])
{
	SOUK_CHECK(secp256k1_context_randomize(context, seed) == 1);
}

static struct souk_address address_of_point(const secp256k1_pubkey *point)
{
	uint8_t bytes[65];
	size_t size = sizeof bytes;
	struct souk_address address;
	secp256k1_ec_pubkey_serialize(context, bytes, &size, point, SECP256K1_EC_UNCOMPRESSED);
	struct souk_hash hash = souk_keccak256_of(bytes + 1, 64);
	memcpy(address.bytes, hash.bytes + 12, sizeof address.bytes);
	return address;
}

souk_status souk_identity_of(struct souk_identity *ret, const struct souk_seckey *seckey)
{
	secp256k1_pubkey point;
	size_t size = SOUK_PUBKEY_SIZE;
	if (!secp256k1_ec_pubkey_create(context, &point, seckey->bytes))
		return SOUK_PEER_BAD_PUBKEY;
	ret->seckey = *seckey;
	secp256k1_ec_pubkey_serialize(
		context, ret->pubkey.bytes, &size, &point, SECP256K1_EC_COMPRESSED);
	ret->address = address_of_point(&point);
	return SOUK_OK;
}

void souk_identity_generate(struct souk_identity *ret, struct souk_secret_rng *rng)
{
	struct souk_seckey seckey;
	do
		souk_secret_rng_fill(rng, seckey.bytes, sizeof seckey.bytes);
	while (souk_identity_of(ret, &seckey) != SOUK_OK);
	souk_bytes_wipe(&seckey, sizeof seckey);
}

static souk_status point_of_pubkey(secp256k1_pubkey *ret, const struct souk_pubkey *pubkey)
{
	if (!secp256k1_ec_pubkey_parse(context, ret, pubkey->bytes, sizeof pubkey->bytes))
		return SOUK_PEER_BAD_PUBKEY;
	return SOUK_OK;
}

souk_status souk_address_of_pubkey(struct souk_address *ret, const struct souk_pubkey *pubkey)
{
	secp256k1_pubkey point;
	SOUK_TRY(point_of_pubkey(&point, pubkey));
	*ret = address_of_point(&point);
	return SOUK_OK;
}

void souk_ecdsa_sign(struct souk_signature *ret, const struct souk_hash *digest,
	const struct souk_identity *signer)
{
	secp256k1_ecdsa_recoverable_signature signature;
	int recovery_id;
	SOUK_CHECK(secp256k1_ecdsa_sign_recoverable(
		context, &signature, digest->bytes, signer->seckey.bytes, NULL, NULL));
	secp256k1_ecdsa_recoverable_signature_serialize_compact(
		context, ret->bytes, &recovery_id, &signature);
	/* 2 and 3 mean that r overflowed the group order: one signature in 2^127. */
	SOUK_CHECK(recovery_id == 0 || recovery_id == 1);
	ret->bytes[64] = (uint8_t)recovery_id;
}

static bool has_low_s(const secp256k1_ecdsa_recoverable_signature *signature)
{
	secp256k1_ecdsa_signature plain;
	secp256k1_ecdsa_recoverable_signature_convert(context, &plain, signature);
	return !secp256k1_ecdsa_signature_normalize(context, NULL, &plain);
}

souk_status souk_ecdsa_recover(struct souk_address *ret, const struct souk_hash *digest,
	const struct souk_signature *signature)
{
	secp256k1_ecdsa_recoverable_signature parsed;
	secp256k1_pubkey point;
	uint8_t v = signature->bytes[64];
	if (v > 1 ||
		!secp256k1_ecdsa_recoverable_signature_parse_compact(
			context, &parsed, signature->bytes, v) ||
		!has_low_s(&parsed) ||
		!secp256k1_ecdsa_recover(context, &point, &parsed, digest->bytes))
		return SOUK_PEER_BAD_SIGNATURE;
	*ret = address_of_point(&point);
	return SOUK_OK;
}

souk_status souk_ecdsa_verify(const struct souk_address *signer, const struct souk_hash *digest,
	const struct souk_signature *signature)
{
	struct souk_address recovered;
	SOUK_TRY(souk_ecdsa_recover(&recovered, digest, signature));
	return souk_address_equal(&recovered, signer) ? SOUK_OK : SOUK_PEER_WRONG_SIGNER;
}

souk_status souk_ecdh(
	struct souk_hash *ret, const struct souk_seckey *seckey, const struct souk_pubkey *peer)
{
	secp256k1_pubkey point;
	struct souk_hash shared;
	SOUK_TRY(point_of_pubkey(&point, peer));
	if (!secp256k1_ecdh(context, shared.bytes, &point, seckey->bytes, NULL, NULL))
		return SOUK_PEER_BAD_PUBKEY;
	*ret = shared;
	souk_bytes_wipe(&shared, sizeof shared);
	return SOUK_OK;
}
