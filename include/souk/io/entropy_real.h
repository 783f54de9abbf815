/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/entropy_real.h - the kernel's randomness (getrandom) behind the entropy port.
 *
 * Threads: any. */
#ifndef SOUK_IO_ENTROPY_REAL_H
#define SOUK_IO_ENTROPY_REAL_H

#include "souk/ports/entropy.h"

const struct souk_entropy *souk_entropy_real(void);

/* souk_entropy_blind: give the signing library fresh randomness; once, at a program's start.
 *
 * Returns SOUK_OK, or SOUK_IO_ENTROPY: do not go on. */
SOUK_MUST_CHECK souk_status souk_entropy_blind(void);

#endif
