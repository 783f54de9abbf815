/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/keccak.h - Keccak-256 with the original padding, as Ethereum uses it.
 * Not SHA3-256. Only for addresses and Ethereum transactions. */
#ifndef SOUK_CRYPTO_KECCAK_H
#define SOUK_CRYPTO_KECCAK_H

#include "souk/base/bytes.h"

struct souk_hash souk_keccak256_of(const void *data, size_t size);

#endif
