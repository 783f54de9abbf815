/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/escrow.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

struct souk_hash souk_escrow_id(const struct souk_hash *ledger, const struct souk_address *payer,
	const struct souk_nonce *salt)
{
	uint8_t message[SOUK_HASH_SIZE + SOUK_ADDRESS_SIZE + SOUK_NONCE_SIZE];
	memcpy(message, ledger->bytes, SOUK_HASH_SIZE);
	memcpy(message + SOUK_HASH_SIZE, payer->bytes, SOUK_ADDRESS_SIZE);
	memcpy(message + SOUK_HASH_SIZE + SOUK_ADDRESS_SIZE, salt->bytes, SOUK_NONCE_SIZE);
	return souk_sha256_domain("escrow", souk_bytes_of(message, sizeof message));
}

souk_status souk_escrow_check_terms(struct souk_amount line, struct souk_amount prize)
{
	if (prize.ncoin == 0 || line.ncoin == 0 || line.ncoin % prize.ncoin != 0)
		return SOUK_PEER_ESCROW_TERMS;
	if (line.ncoin / prize.ncoin > SOUK_ESCROW_POINTS_MAX)
		return SOUK_PEER_ESCROW_TERMS;
	return SOUK_OK;
}

/* Epochs that begin while DURATION_MS passes, at most. */
static uint64_t epochs_in(uint64_t duration_ms, uint64_t epoch_ms)
{
	return duration_ms / epoch_ms + (duration_ms % epoch_ms != 0);
}

souk_status souk_escrow_deposit_for(
	struct souk_amount *ret, struct souk_amount line, const struct souk_genesis *genesis)
{
	uint64_t lines;
	if (genesis->epoch_ms == 0)
		return SOUK_LOCAL_OVERFLOW;
	if (__builtin_add_overflow(epochs_in(genesis->draw_delay_ms, genesis->epoch_ms),
		    epochs_in(genesis->claim_ms, genesis->epoch_ms), &lines) ||
		__builtin_add_overflow(lines, 1u, &lines))
		return SOUK_LOCAL_OVERFLOW;
	return souk_amount_mul(ret, line, lines);
}
