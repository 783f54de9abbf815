/* SPDX-License-Identifier: Apache-2.0 */
#include "median.h"

#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

double bench_median(const double *values, unsigned count)
{
	double sorted[MEDIAN_MAX];
	SOUK_CHECK(count >= 1 && count <= MEDIAN_MAX);
	memcpy(sorted, values, count * sizeof *values);
	qsort(sorted, count, sizeof *sorted, compare);
	return count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}
