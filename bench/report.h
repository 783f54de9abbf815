/* SPDX-License-Identifier: Apache-2.0
 *
 * report.h - the race as a page: race.md and its charts, race-*.svg. */
#ifndef SOUK_BENCH_REPORT_H
#define SOUK_BENCH_REPORT_H

#include "race.h"

/* Write them into the folder DIR. Whether it could; the reason is on standard error. */
bool race_report(const struct race *race, const char *dir);

#endif
