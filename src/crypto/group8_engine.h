/* SPDX-License-Identifier: Apache-2.0
 *
 * group8_engine.h - what an engine of souk/crypto/group8.h must offer. Private to src/crypto. */
#ifndef SOUK_CRYPTO_GROUP8_ENGINE_H
#define SOUK_CRYPTO_GROUP8_ENGINE_H

#include "souk/crypto/group8.h"

struct group8_engine {
	const char *name;
	bool is_wide;
	uint8_t (*mul)(struct souk_point ret[SOUK_LANES],
		const struct souk_point points[SOUK_LANES],
		const struct souk_scalar scalars[SOUK_LANES], size_t count);
	uint8_t (*parse)(struct souk_point ret[SOUK_LANES], const uint8_t *const bytes[SOUK_LANES],
		size_t count);
};

#ifdef __x86_64__
extern const struct group8_engine group8_engine_ifma;
/* Whether this processor, and its kernel, have what that engine needs. */
bool group8_ifma_is_supported(void);
#endif

#endif
