/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "get.h"
#include "souk/io/clock_real.h"

#define REDRAW_NS 200000000ull
#define BAR_WIDTH 24

static void draw_bar(char out[BAR_WIDTH + 1], double fraction)
{
	int filled = (int)(fraction * BAR_WIDTH);
	for (int i = 0; i < BAR_WIDTH; i++)
		out[i] = i < filled ? '#' : '.';
	out[BAR_WIDTH] = '\0';
}

static void format_eta(char out[32], double seconds)
{
	if (seconds > 99 * 3600)
		snprintf(out, 32, "--:--");
	else if (seconds >= 3600)
		snprintf(out, 32, "%d:%02d:%02d", (int)seconds / 3600, (int)seconds / 60 % 60,
			(int)seconds % 60);
	else
		snprintf(out, 32, "%d:%02d", (int)seconds / 60, (int)seconds % 60);
}

void get_progress_show(struct get *get, const struct fetch_figures *figures, bool is_last)
{
	const struct get_totals *totals = &get->totals;
	uint64_t now = souk_clock_steady_ns();
	char bar[BAR_WIDTH + 1], eta[32];
	struct souk_amount spent;
	if (get->quiet || (!is_last && now - get->shown_ns < REDRAW_NS))
		return;
	get->shown_ns = now;
	double elapsed = (double)(totals->elapsed_ns + figures->elapsed_ns) / 1e9;
	uint64_t done = totals->bytes_done + figures->bytes_done, size = totals->bytes;
	/* The chunks of a pack have more in them than what is wanted. */
	done = done < size ? done : size;
	uint64_t fetched = done > totals->resumed_bytes ? done - totals->resumed_bytes : 0;
	double rate = elapsed > 0 ? (double)fetched / elapsed : 0;
	double fraction = size > 0 ? (double)done / (double)size : 1;
	if (souk_amount_add(&spent, totals->spent, figures->spent) != SOUK_OK)
		spent = figures->spent;
	draw_bar(bar, fraction);
	format_eta(eta, rate > 0 ? (double)(size - done) / rate : 1e9);
	fprintf(stderr, "\r[%s] %3d %%  %s of %s  %s/s  ETA %s  %s%s  \033[K", bar,
		(int)(fraction * 100), cli_size_text(done), cli_size_text(size),
		cli_size_text((uint64_t)rate), eta,
		figures->is_sponsored ? "sponsored, " : "spent ",
		figures->is_sponsored && spent.ncoin == 0 ? "free" : cli_amount_text(spent));
	if (is_last)
		fputc('\n', stderr);
}
