/* SPDX-License-Identifier: Apache-2.0
 *
 * median.h - the one figure that several rounds give. */
#ifndef SOUK_BENCH_MEDIAN_H
#define SOUK_BENCH_MEDIAN_H

#define MEDIAN_MAX 64u

/* Of COUNT values, 1 to MEDIAN_MAX; between the middle two where their number is even. */
double bench_median(const double *values, unsigned count);

#endif
