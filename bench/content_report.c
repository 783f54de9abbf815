/* SPDX-License-Identifier: Apache-2.0
 *
 * docs/content-speed.md: what the content benchmark measured, as a page with charts. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "content_figures.h"
#include "plot.h"
#include "souk/crypto/sha256.h"

#define TEXT_SIZE 64
/* A bar ends there, and its figure says how far it would go. */
#define RATIO_MAX 4.0

static FILE *open_file(const char *dir, const char *name)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	if (file == NULL)
		fprintf(stderr, "souk bench: %s: %s\n", path, strerror(errno));
	return file;
}

static bool close_file(FILE *file, const char *dir)
{
	bool good = !ferror(file);
	good = fclose(file) == 0 && good;
	if (!good)
		fprintf(stderr, "souk bench: cannot write in %s: %s\n", dir, strerror(errno));
	return good;
}

static const char *size_text(char out[TEXT_SIZE], uint64_t bytes)
{
	if (bytes >= 1ull << 30)
		snprintf(out, TEXT_SIZE, "%" PRIu64 " GiB", bytes >> 30);
	else if (bytes >= 1ull << 20)
		snprintf(out, TEXT_SIZE, "%" PRIu64 " MiB", bytes >> 20);
	else
		snprintf(out, TEXT_SIZE, "%" PRIu64 " KiB", bytes >> 10);
	return out;
}

/* What each viewer fetches. */
static const char *object_text(char out[TEXT_SIZE], const struct content_delivery_row *row)
{
	char size[TEXT_SIZE];
	size_text(size, row->bytes);
	if (row->files > 1)
		snprintf(out, TEXT_SIZE, "%u files of %.32s", row->files, size);
	else
		snprintf(out, TEXT_SIZE, "%.32s", size);
	return out;
}

/* ------------------------------------------------------------------ charts */

/* Ratios of caches or of viewers to their peers, a group for each row of the deliveries. */
static bool chart_ratios(const struct content_delivery *delivery, const char *dir)
{
	static struct plot_bar bars[CONTENT_DELIVERY_ROWS_MAX][2];
	static struct plot_group groups[CONTENT_DELIVERY_ROWS_MAX];
	static char names[CONTENT_DELIVERY_ROWS_MAX][128];
	static char texts[CONTENT_DELIVERY_ROWS_MAX][2][TEXT_SIZE];
	char size[TEXT_SIZE];
	for (unsigned i = 0; i < delivery->count; i++) {
		const struct content_delivery_row *row = &delivery->rows[i];
		snprintf(names[i], sizeof names[i], "%s, %u cache%s, %u viewer%s of %s",
			row->is_paid	   ? "Paid"
			: row->starts == 0 ? "Sponsored"
					   : "Sponsored, 64 starts",
			row->caches, row->caches > 1 ? "s" : "", row->viewers,
			row->viewers > 1 ? "s" : "", object_text(size, row));
		snprintf(texts[i][0], TEXT_SIZE, "%.2f", row->ratio_cache);
		snprintf(texts[i][1], TEXT_SIZE, "%.2f", row->ratio_viewer);
		bars[i][0] = (struct plot_bar){"caches : nginx", PLOT_TEAL,
			fmin(row->ratio_cache, RATIO_MAX), texts[i][0]};
		bars[i][1] = (struct plot_bar){"viewers : curl", PLOT_ORANGE,
			fmin(row->ratio_viewer, RATIO_MAX), texts[i][1]};
		groups[i] = (struct plot_group){names[i], bars[i], 2};
	}
	FILE *out = open_file(dir, "content-cpu.svg");
	if (out == NULL)
		return false;
	struct plot_bars plot = {
		.title = "Bytes for each second of processor time, beside the peer",
		.subtitle =
			"Caches beside as many nginx over TLS 1.3; viewers beside curl, sha256sum",
		.x_label = "times the peer",
		.from = 0,
		.to = RATIO_MAX,
		.groups = groups,
		.count = delivery->count,
		.mark = 1,
		.note = "the peer",
	};
	plot_bars_write(out, &plot);
	return close_file(out, dir);
}

static bool chart_issue(const struct content_issue_row *rows, const char *dir)
{
	static struct plot_bar bars[CONTENT_ISSUE_ROWS][1];
	static struct plot_group groups[CONTENT_ISSUE_ROWS];
	static char names[CONTENT_ISSUE_ROWS][128], texts[CONTENT_ISSUE_ROWS][TEXT_SIZE];
	for (unsigned i = 0; i < CONTENT_ISSUE_ROWS; i++) {
		snprintf(names[i], sizeof names[i],
			"%u caches, %u chunks of %u KiB from each, %u starts", rows[i].caches,
			rows[i].units, rows[i].chunk_bytes >> 10, rows[i].starts);
		snprintf(texts[i], TEXT_SIZE, "%.2f", rows[i].tbps);
		bars[i][0] = (struct plot_bar){"Tbit/s", PLOT_TEAL, rows[i].tbps, texts[i]};
		groups[i] = (struct plot_group){names[i], bars[i], 1};
	}
	FILE *out = open_file(dir, "content-issuing.svg");
	if (out == NULL)
		return false;
	struct plot_bars plot = {
		.title = "Content that one core of a sponsor pays for",
		.subtitle = "The whole issuing path but HTTP and TLS; records stored",
		.x_label = "Tbit/s",
		.from = 0,
		.to = 4,
		.groups = groups,
		.count = CONTENT_ISSUE_ROWS,
		.mark = 1.5,
		.note = "CacheCash",
	};
	plot_bars_write(out, &plot);
	return close_file(out, dir);
}

/* ------------------------------------------------------------------ the page */

static void page_delivery(FILE *out, const struct content_delivery *delivery)
{
	char size[TEXT_SIZE];
	fprintf(out,
		"## Caches and viewers\n\n![ratios](content-cpu.svg)\n\n"
		"MB for each second of processor time, user and system, of the processes "
		"themselves, over loopback; ours and the peers in turn. A viewer verifies, writes "
		"its file and, sponsored, solves the puzzles. Its peer is curl, which writes a "
		"file, and sha256sum, which reads it; the second ratio is to `curl | sha256sum`, "
		"which writes nothing. Beside several caches stand as many nginx, each with its "
		"part, from which curl fetches at once; a cache has room for 1,024 sessions. A "
		"directory's files up to 1 MiB are one "
		"content, its pack; curl asks for each, over connections that stay. With a single "
		"small object what a download costs before its first byte is all there is: keys, "
		"sessions, a puzzle.\n\n"
		"| payer | caches | viewers | object | caches | nginx | ratio | viewers | curl, "
		"sha256sum | ratio | to a pipe | MB/s together | nginx |\n"
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | "
		"---: | ---: |\n");
	for (unsigned i = 0; i < delivery->count; i++) {
		const struct content_delivery_row *r = &delivery->rows[i];
		char pipe[TEXT_SIZE] = "";
		if (r->ratio_pipe > 0)
			snprintf(pipe, sizeof pipe, "%.2f", r->ratio_pipe);
		fprintf(out,
			"| %s | %u | %u | %s | %.0f | %.0f | **%.2f** | %.0f | %.0f | **%.2f** | "
			"%s | %.0f | %.0f |\n",
			r->is_paid	 ? "viewer"
			: r->starts == 0 ? "sponsor"
					 : "sponsor, 64 starts",
			r->caches, r->viewers, object_text(size, r), r->cache_bytes_per_cpu_s / 1e6,
			r->nginx_bytes_per_cpu_s / 1e6, r->ratio_cache,
			r->viewer_bytes_per_cpu_s / 1e6, r->curl_bytes_per_cpu_s / 1e6,
			r->ratio_viewer, pipe, r->bytes_per_s / 1e6, r->nginx_bytes_per_s / 1e6);
	}
	fprintf(out, "\n");
}

static void page_first(FILE *out, const struct content_first_row *rows)
{
	fprintf(out,
		"## The first byte\n\n"
		"Milliseconds from the connection to the first byte of a 16 MiB object. "
		"nginx: TCP, TLS 1.3, request. The gateway has nothing of the content, from "
		"whose offer to whose key everything is fetched and paid after the request came "
		"in. Just started, it knows nobody; running, it knows the ledger's records of the "
		"last seconds and has connections to its provider. Where it pays by itself it has "
		"a leaf for it, and asks for a session together with the offer: so three round "
		"trips, for these, for the strip and the first unit, and for its key. Where a "
		"sponsor pays there are four: the bundle, the strip and the first unit, the "
		"puzzle's token, the key. The delay is on every way from the gateway. The bound, "
		"for a "
		"gateway that runs, is 1.2 times nginx and a round trip.\n\n"
		"| payer | round trip added | nginx | gateway just started | running | another "
		"content soon after | what it has | bound |\n"
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
	for (unsigned i = 0; i < CONTENT_FIRST_ROWS; i++)
		fprintf(out, "| %s | %.0f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f |\n",
			rows[i].is_paid ? "gateway" : "sponsor", rows[i].round_trip_ms,
			rows[i].nginx_ms, rows[i].first_ms, rows[i].next_ms, rows[i].soon_ms,
			rows[i].ready_ms, rows[i].bound_ms);
	fprintf(out, "\n");
}

static void page_puzzle(FILE *out, const struct content_puzzle_row *rows)
{
	char size[TEXT_SIZE];
	fprintf(out,
		"## The puzzle\n\n"
		"One core. The solver's rate is that of the segment's bits over half of its "
		"starts, which a viewer tries on average; the sponsor's time is that of "
		"puzzle, token and checks together: what it verifies with is a comparison "
		"then. The first row is the default. Many starts make small pieces: cheaper for "
		"the sponsor, dearer for viewers.\n\n"
		"| mode | rounds | starts | segment | solver, Gbit/s | sponsor, us |\n"
		"| --- | ---: | ---: | ---: | ---: | ---: |\n");
	for (unsigned i = 0; i < CONTENT_PUZZLE_ROWS; i++)
		fprintf(out, "| %s | %u | %u | %u x %s | %.2f | %.1f |\n", rows[i].mode,
			rows[i].rounds, rows[i].starts, rows[i].parts,
			size_text(size, rows[i].part_bytes), rows[i].solver_gbps, rows[i].make_us);
	fprintf(out, "\n");
}

static void page_issue(FILE *out, const struct content_issue_row *rows)
{
	fprintf(out,
		"## Issuing bundles\n\n![issuing](content-issuing.svg)\n\n"
		"One core of a sponsor, from the bytes of a viewer's messages to the bytes of "
		"the answers: asks verified and caches drawn, sessions opened, strips laid and "
		"signed, puzzles made, tokens checked, tickets given, every record in LMDB, "
		"eight messages to a transaction, without waiting for the disk. HTTP and TLS "
		"are not in it.\n\n"
		"| bundle | segments | starts | ask, us | claims | store | bundles/s | "
		"Tbit/s |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
	for (unsigned i = 0; i < CONTENT_ISSUE_ROWS; i++)
		fprintf(out,
			"| %u x %u chunks of %u KiB | %u | %u | %.0f | %.0f | %.0f | %.0f | "
			"**%.2f** |\n",
			rows[i].caches, rows[i].units, rows[i].chunk_bytes >> 10, rows[i].segments,
			rows[i].starts, rows[i].ask_us, rows[i].claim_us, rows[i].store_us,
			rows[i].bundles_per_s, rows[i].tbps);
	fprintf(out, "\n");
}

static void page_paid(FILE *out, const struct content_paid_figures *f)
{
	fprintf(out,
		"## One paid download, by the clock\n\n"
		"%" PRIu64 " MiB, one provider, median of %d: %.0f MB/s as a whole process, beside "
		"%.0f of nginx, curl and openssl (**%.2f times**); the transfer alone at %.2f of "
		"the "
		"same without payment. Having sold %" PRIu64
		" GiB the provider has %.0f MiB of its own.\n\n",
		f->bytes >> 20, f->rounds, f->paid_bytes_per_s / 1e6, f->https_bytes_per_s / 1e6,
		f->ratio_https, f->ratio_unpaid, f->big_bytes >> 30, f->provider_rss_mib);
}

bool content_report(const struct content_figures *figures, const char *dir)
{
	FILE *out = open_file(dir, "content-speed.md");
	if (out == NULL)
		return false;
	fprintf(out,
		"<!-- Made by: souk bench content --report docs. Do not edit. -->\n"
		"# How fast content is\n\nPeers run in the same run, in turn; every figure is a "
		"median, and a ratio the median of the rounds' ratios. SHA-256 by %s.\n\n",
		souk_sha256_engine());
	if (figures->has_delivery)
		page_delivery(out, &figures->delivery);
	if (figures->has_first)
		page_first(out, figures->first);
	if (figures->has_puzzle)
		page_puzzle(out, figures->puzzle);
	if (figures->has_issue)
		page_issue(out, figures->issue);
	if (figures->has_paid)
		page_paid(out, &figures->paid);
	bool good = close_file(out, dir);
	good = (!figures->has_delivery || chart_ratios(&figures->delivery, dir)) && good;
	return (!figures->has_issue || chart_issue(figures->issue, dir)) && good;
}
