/* SPDX-License-Identifier: Apache-2.0
 *
 * content_figures.h - what souk bench content measured: to print, and to make a page of. */
#ifndef SOUK_BENCH_CONTENT_FIGURES_H
#define SOUK_BENCH_CONTENT_FIGURES_H

#include "content_delivery.h"
#include "content_first.h"
#include "content_issue.h"
#include "content_paid.h"
#include "content_puzzle.h"

struct content_figures {
	bool has_paid, has_puzzle, has_issue, has_delivery, has_first;
	struct content_paid_figures paid;
	struct content_puzzle_row puzzle[CONTENT_PUZZLE_ROWS];
	struct content_issue_row issue[CONTENT_ISSUE_ROWS];
	struct content_delivery delivery;
	struct content_first_row first[CONTENT_FIRST_ROWS];
};

void content_print_json(const struct content_figures *figures);
void content_print_table(const struct content_figures *figures);
/* Write content-speed.md and its charts into the folder DIR; false: said on standard error. */
bool content_report(const struct content_figures *figures, const char *dir);

#endif
