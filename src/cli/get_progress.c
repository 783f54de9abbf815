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

void get_progress_show(struct get *get, bool is_last)
{
	uint64_t now = souk_clock_steady_ns();
	char bar[BAR_WIDTH + 1], eta[32];
	if (get->quiet || (!is_last && now - get->shown_ns < REDRAW_NS))
		return;
	get->shown_ns = now;
	double elapsed = (double)(now - get->started_ns) / 1e9;
	uint64_t done = get->download.bytes_done, size = get->content.size;
	double rate = elapsed > 0 ? (double)(done - get->resumed_bytes) / elapsed : 0;
	double fraction = size > 0 ? (double)done / (double)size : 1;
	draw_bar(bar, fraction);
	format_eta(eta, rate > 0 ? (double)(size - done) / rate : 1e9);
	fprintf(stderr, "\r[%s] %3d %%  %s of %s  %s/s  ETA %s  spent %s  \033[K", bar,
		(int)(fraction * 100), cli_size_text(done), cli_size_text(size),
		cli_size_text((uint64_t)rate), eta,
		cli_amount_text(souk_download_spent_all(&get->download)));
	if (is_last)
		fputc('\n', stderr);
}
