/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/io/clock_real.h - the machine's clock behind the clock port.
 *
 * Wall time, held where it would go back: it stands still until the machine's
 * clock has caught up. Threads: any. */
#ifndef SOUK_IO_CLOCK_REAL_H
#define SOUK_IO_CLOCK_REAL_H

#include "souk/ports/clock.h"

/* The one real clock of the process. */
const struct souk_clock *souk_clock_real(void);

/* Nanoseconds of a steady clock with no date, for measuring. */
uint64_t souk_clock_steady_ns(void);

#endif
