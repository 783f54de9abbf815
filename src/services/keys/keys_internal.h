/* SPDX-License-Identifier: Apache-2.0
 *
 * keys_internal.h - what a proxy, a receiver and the judge must do alike. */
#ifndef SOUK_KEYS_INTERNAL_H
#define SOUK_KEYS_INTERNAL_H

#include "souk/keys/service.h"

/* Encrypt or decrypt the fragment of CAPSULE. KEY is that of the unit's cipher. OUT may be IN. */
void keys_fragment_xor(uint8_t out[SOUK_KEYS_FRAGMENT_SIZE],
	const uint8_t in[SOUK_KEYS_FRAGMENT_SIZE], const uint8_t key[32],
	const uint8_t capsule[SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE]);

/* D("key_lock", KEY) */
struct souk_hash keys_lock_of(const uint8_t key[32]);

#endif
