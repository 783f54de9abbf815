/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands that are not written yet say so. */
#include <stdio.h>

#include "bench.h"
#include "cli.h"

#ifdef PENDING_CONTENT
int souk_bench_content(const struct souk_bench_options *options)
{
	(void)options;
	fputs("souk bench content: not written yet\n", stderr);
	return EXIT_REFUSED;
}
#endif

#ifdef PENDING_BENCH_LEDGER
int souk_bench_ledger(const struct souk_bench_options *options)
{
	(void)options;
	fputs("souk bench ledger: not written yet\n", stderr);
	return EXIT_REFUSED;
}
#endif
