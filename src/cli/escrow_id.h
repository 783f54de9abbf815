/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow_id.h - a customer's escrows are numbered from 0, and the number is the salt of the
 * escrow's id: nothing about an escrow need be remembered between two commands. */
#ifndef SOUK_CLI_ESCROW_ID_H
#define SOUK_CLI_ESCROW_ID_H

#include "souk/payment/escrow.h"

static inline struct souk_nonce cli_escrow_salt(uint64_t number)
{
	struct souk_nonce salt = {{0}};
	souk_store_be64(salt.bytes + 8, number);
	return salt;
}

static inline struct souk_hash cli_escrow_id(
	const struct souk_hash *ledger, const struct souk_address *payer, uint64_t number)
{
	struct souk_nonce salt = cli_escrow_salt(number);
	return souk_escrow_id(ledger, payer, &salt);
}

#endif
