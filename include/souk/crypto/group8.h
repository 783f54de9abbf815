/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/crypto/group8.h - eight points of secp256k1 at once.
 *
 * Two engines, one result: the portable one calls souk/crypto/group.h eight times; the other works
 * on eight lanes with AVX-512's 52-bit multiply-add (IFMA), where the processor has it. Which one
 * runs is chosen before main; tests hold one against the other.
 *
 * Both are constant time in scalars and points: no branch and no address depends on them, but for
 * which lanes are infinity, which they return.
 *
 * Memory: values. Threads: any, but for souk_group8_use. Spec: decision 0019. */
#ifndef SOUK_CRYPTO_GROUP8_H
#define SOUK_CRYPTO_GROUP8_H

#include "souk/crypto/group.h"

#define SOUK_LANES 8u

/* Scalar i times point i, for the first COUNT, at most eight. Returns a bit for each lane whose
 * result is infinity (a zero scalar); its RET is untouched. RET may be POINTS. */
SOUK_MUST_CHECK uint8_t souk_group8_mul(struct souk_point ret[SOUK_LANES],
	const struct souk_point points[SOUK_LANES], const struct souk_scalar scalars[SOUK_LANES],
	size_t count);

/* COUNT compressed points, at most eight. Returns a bit for each that is none; its RET is
 * untouched. */
SOUK_MUST_CHECK uint8_t souk_group8_parse(
	struct souk_point ret[SOUK_LANES], const uint8_t *const bytes[SOUK_LANES], size_t count);

/* Whether eight cost about what one does: else callers that know cheaper ways take those. */
bool souk_group8_is_wide(void);
/* "ifma" or "portable". */
const char *souk_group8_engine(void);
/* Force one of those, for tests and benchmarks, before other threads start; false where the
 * processor lacks it. */
bool souk_group8_use(const char *name);

#endif
