/* SPDX-License-Identifier: Apache-2.0
 *
 * context.h - libsecp256k1's context, one for the process, made before main (ecdsa.c). */
#ifndef SOUK_CRYPTO_CONTEXT_H
#define SOUK_CRYPTO_CONTEXT_H

#include <secp256k1.h>

const secp256k1_context *souk_secp_context(void);

#endif
