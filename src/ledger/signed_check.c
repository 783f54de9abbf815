/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks that need no state. They work on encoded bytes: what is signed stands
 * before the signature, and who signs a transaction stands at one place in it. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/merkle.h"
#include "souk/ledger/ledger.h"

#define SIGNATURE_SIZE 65
#define FROM_AT	       SOUK_HASH_SIZE /* behind the ledger's id */

/* NAME of all bytes but the signature, by which SIGNER signed it. */
static void check_signed(struct souk_signed_check *check, const char *domain,
	struct souk_bytes encoded, const struct souk_address *signer)
{
	size_t size = encoded.size - SIGNATURE_SIZE;
	struct souk_signature signature;
	memcpy(signature.bytes, encoded.data + size, SIGNATURE_SIZE);
	check->name = souk_sha256_domain(domain, souk_bytes_of(encoded.data, size));
	check->signature = souk_ecdsa_verify(signer, &check->name, &signature);
}

void souk_tx_check(struct souk_signed_check *ret, struct souk_bytes encoded)
{
	struct souk_address from;
	memset(ret, 0, sizeof *ret);
	ret->signature = SOUK_PEER_TRUNCATED;
	if (encoded.size < FROM_AT + SOUK_ADDRESS_SIZE + SIGNATURE_SIZE)
		return;
	memcpy(from.bytes, encoded.data + FROM_AT, sizeof from.bytes);
	check_signed(ret, "tx", encoded, &from);
	ret->leaf = souk_merkle_leaf(encoded);
}

void souk_block_check(struct souk_signed_check *ret, struct souk_bytes encoded,
	const struct souk_address *operator_address)
{
	memset(ret, 0, sizeof *ret);
	ret->signature = SOUK_PEER_TRUNCATED;
	if (encoded.size >= SIGNATURE_SIZE)
		check_signed(ret, "block", encoded, operator_address);
}
