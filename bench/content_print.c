/* SPDX-License-Identifier: Apache-2.0
 *
 * What the content benchmark says, as one JSON object or as a table. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "content_figures.h"

/* ------------------------------------------------------------------ JSON */

static void put_u64(json_t *object, const char *name, uint64_t value)
{
	json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void put_real(json_t *object, const char *name, double value)
{
	json_object_set_new(object, name, json_real(value));
}

static void put_paid(json_t *root, const struct content_paid_figures *f)
{
	put_u64(root, "content_bytes", f->bytes);
	put_u64(root, "rounds", (uint64_t)f->rounds);
	put_real(root, "paid_bytes_per_s", f->paid_bytes_per_s);
	put_real(root, "paid_transfer_bytes_per_s", f->transfer_bytes_per_s);
	put_real(root, "https_sha256_bytes_per_s", f->https_bytes_per_s);
	put_real(root, "unpaid_bytes_per_s", f->unpaid_bytes_per_s);
	put_real(root, "ratio_https_sha256", f->ratio_https);
	put_real(root, "ratio_unpaid", f->ratio_unpaid);
	put_real(root, "provider_peak_rss_mib", f->provider_rss_mib);
	put_u64(root, "provider_rss_content_bytes", f->big_bytes);
}

static void put_first(json_t *root, const struct content_first_row *rows)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < CONTENT_FIRST_ROWS; i++) {
		json_t *row = json_object();
		json_object_set_new(
			row, "payer", json_string(rows[i].is_paid ? "gateway" : "sponsor"));
		put_real(row, "round_trip_ms", rows[i].round_trip_ms);
		put_real(row, "nginx_ms", rows[i].nginx_ms);
		put_real(row, "gateway_first_ms", rows[i].first_ms);
		put_real(row, "gateway_next_ms", rows[i].next_ms);
		put_real(row, "gateway_soon_ms", rows[i].soon_ms);
		put_real(row, "gateway_here_ms", rows[i].ready_ms);
		put_real(row, "bound_ms", rows[i].bound_ms);
		json_array_append_new(list, row);
	}
	json_object_set_new(root, "first_byte", list);
}

static void put_puzzle(json_t *root, const struct content_puzzle_row *rows)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < CONTENT_PUZZLE_ROWS; i++) {
		json_t *row = json_object();
		json_object_set_new(row, "mode", json_string(rows[i].mode));
		put_u64(row, "rounds", rows[i].rounds);
		put_u64(row, "starts", rows[i].starts);
		put_u64(row, "parts", rows[i].parts);
		put_u64(row, "part_bytes", rows[i].part_bytes);
		put_real(row, "solver_gbps", rows[i].solver_gbps);
		put_real(row, "sponsor_us", rows[i].make_us);
		json_array_append_new(list, row);
	}
	put_real(root, "puzzle_solver_gbps", rows[0].solver_gbps);
	put_real(root, "puzzle_solver_reference_gbps", rows[2].solver_gbps);
	put_real(root, "puzzle_sponsor_us", rows[0].make_us);
	json_object_set_new(root, "puzzles", list);
}

static void put_issue(json_t *root, const struct content_issue_row *rows)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < CONTENT_ISSUE_ROWS; i++) {
		json_t *row = json_object();
		put_u64(row, "chunk_bytes", rows[i].chunk_bytes);
		put_u64(row, "caches", rows[i].caches);
		put_u64(row, "units", rows[i].units);
		put_u64(row, "segments", rows[i].segments);
		put_u64(row, "puzzle_starts", rows[i].starts);
		put_real(row, "ask_us", rows[i].ask_us);
		put_real(row, "claims_us", rows[i].claim_us);
		put_real(row, "store_us", rows[i].store_us);
		put_real(row, "locked_us", rows[i].locked_us);
		put_real(row, "bundles_per_s", rows[i].bundles_per_s);
		put_real(row, "tbps_sponsored", rows[i].tbps);
		json_array_append_new(list, row);
	}
	/* Of a sponsor that asks for many starts, which viewers pay for; and by default. */
	put_real(root, "bundles_per_s", rows[1].bundles_per_s);
	put_real(root, "tbps_sponsored", rows[1].tbps);
	put_real(root, "bundles_per_s_default_starts", rows[0].bundles_per_s);
	put_real(root, "tbps_sponsored_default_starts", rows[0].tbps);
	json_object_set_new(root, "issuing", list);
}

static void put_headline(
	json_t *root, const char *name, const struct content_delivery_row *row, bool is_cache)
{
	if (row != NULL)
		put_real(root, name, is_cache ? row->ratio_cache : row->ratio_viewer);
}

static void put_delivery(json_t *root, const struct content_delivery *delivery)
{
	json_t *list = json_array();
	for (unsigned i = 0; i < delivery->count; i++) {
		const struct content_delivery_row *r = &delivery->rows[i];
		json_t *row = json_object();
		json_object_set_new(row, "payer", json_string(r->is_paid ? "viewer" : "sponsor"));
		put_u64(row, "caches", r->caches);
		put_u64(row, "viewers", r->viewers);
		put_u64(row, "puzzle_starts", r->starts);
		put_u64(row, "rounds", r->rounds);
		put_u64(row, "files", r->files);
		put_u64(row, "object_bytes", r->bytes);
		put_real(row, "cache_bytes_per_cpu_s", r->cache_bytes_per_cpu_s);
		put_real(row, "nginx_bytes_per_cpu_s", r->nginx_bytes_per_cpu_s);
		put_real(row, "viewer_bytes_per_cpu_s", r->viewer_bytes_per_cpu_s);
		put_real(row, "curl_sha256_bytes_per_cpu_s", r->curl_bytes_per_cpu_s);
		put_real(row, "bytes_per_s", r->bytes_per_s);
		put_real(row, "nginx_bytes_per_s", r->nginx_bytes_per_s);
		put_real(row, "ratio_cache_cpu_nginx_tls", r->ratio_cache);
		put_real(row, "ratio_viewer_curl_sha256", r->ratio_viewer);
		if (r->ratio_pipe > 0)
			put_real(row, "ratio_viewer_curl_pipe_sha256", r->ratio_pipe);
		json_array_append_new(list, row);
	}
	/* One cache beside one worker of nginx, eight viewers at each; one viewer beside one curl.
	 * The others are in the list. */
	put_headline(root, "ratio_cache_cpu_nginx_tls",
		content_delivery_row(delivery, false, 1, 8, 0), true);
	put_headline(root, "ratio_cache_cpu_nginx_tls_paid",
		content_delivery_row(delivery, true, 1, 8, 0), true);
	put_headline(root, "ratio_viewer_curl_sha256",
		content_delivery_row(delivery, false, 1, 1, 0), false);
	put_headline(root, "ratio_viewer_curl_sha256_paid",
		content_delivery_row(delivery, true, 1, 1, 0), false);
	json_object_set_new(root, "delivery", list);
}

void content_print_json(const struct content_figures *figures)
{
	json_t *root = json_object();
	if (figures->has_paid)
		put_paid(root, &figures->paid);
	if (figures->has_delivery)
		put_delivery(root, &figures->delivery);
	if (figures->has_first)
		put_first(root, figures->first);
	if (figures->has_puzzle)
		put_puzzle(root, figures->puzzle);
	if (figures->has_issue)
		put_issue(root, figures->issue);
	char *text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(6));
	puts(text != NULL ? text : "{}");
	free(text);
	json_decref(root);
}

/* ------------------------------------------------------------------ the table */

static void show_paid(const struct content_paid_figures *f)
{
	printf("one customer, one provider, %" PRIu64 " MiB over loopback, median of %d\n",
		f->bytes >> 20, f->rounds);
	printf("%-58s %8.0f MB/s\n", "paid, verified, written (whole process)",
		f->paid_bytes_per_s / 1e6);
	printf("%-58s %8.0f MB/s\n", "paid, verified, written (transfer alone)",
		f->transfer_bytes_per_s / 1e6);
	printf("%-58s %8.0f MB/s\n", "the same without payment (transfer alone)",
		f->unpaid_bytes_per_s / 1e6);
	printf("%-58s %8.0f MB/s\n", "nginx TLS 1.3 | curl | openssl dgst -sha256",
		f->https_bytes_per_s / 1e6);
	printf("%-58s %8.2f x\n", "paid against nginx, curl, openssl", f->ratio_https);
	printf("%-58s %8.2f x\n", "paid against unpaid", f->ratio_unpaid);
	printf("provider's own memory, having sold %3" PRIu64 " GiB %22s %8.1f MiB\n",
		f->big_bytes >> 30, "", f->provider_rss_mib);
}

static void show_first(const struct content_first_row *rows)
{
	printf("\nms to the first byte\n%-8s %16s %8s %14s %13s %13s %13s %8s\n", "payer",
		"round trip added", "nginx", "gateway, start", "gateway, runs", "another soon",
		"what it has", "bound");
	for (unsigned i = 0; i < CONTENT_FIRST_ROWS; i++)
		printf("%-8s %16.0f %8.1f %14.1f %13.1f %13.1f %13.1f %8.1f\n",
			rows[i].is_paid ? "gateway" : "sponsor", rows[i].round_trip_ms,
			rows[i].nginx_ms, rows[i].first_ms, rows[i].next_ms, rows[i].soon_ms,
			rows[i].ready_ms, rows[i].bound_ms);
}

static void show_puzzle(const struct content_puzzle_row *rows)
{
	printf("\nthe puzzle of a segment, one core\n");
	for (unsigned i = 0; i < CONTENT_PUZZLE_ROWS; i++) {
		const struct content_puzzle_row *row = &rows[i];
		char what[64];
		snprintf(what, sizeof what, "%s, R %u, Q %u, %u x %" PRIu64 " KiB", row->mode,
			row->rounds, row->starts, row->parts, row->part_bytes >> 10);
		printf("%-44s solver %7.2f Gbit/s   sponsor %6.1f us\n", what, row->solver_gbps,
			row->make_us);
	}
}

static void show_issue(const struct content_issue_row *rows)
{
	printf("\nissuing bundles, one core\n");
	for (unsigned i = 0; i < CONTENT_ISSUE_ROWS; i++) {
		const struct content_issue_row *row = &rows[i];
		char what[64];
		snprintf(what, sizeof what, "%u x %u chunks of %u KiB, Q %u", row->caches,
			row->units, row->chunk_bytes >> 10, row->starts);
		printf("%-44s %8.0f bundles/s   %7.3f Tbit/s\n", what, row->bundles_per_s,
			row->tbps);
		printf("%44s ask %.0f, claims %.0f, store %.0f us; %.1f us locked\n", "",
			row->ask_us, row->claim_us, row->store_us, row->locked_us);
	}
}

static void show_delivery(const struct content_delivery *delivery)
{
	printf("\nMB for each second of processor time, and the ratio\n%-9s %6s %7s %5s %9s %8s "
	       "%8s "
	       "%6s %8s %8s %6s %6s\n",
		"payer", "caches", "viewers", "files", "KiB each", "caches", "nginx", "x",
		"viewers", "curl+sha", "x", "pipe x");
	for (unsigned i = 0; i < delivery->count; i++) {
		const struct content_delivery_row *r = &delivery->rows[i];
		printf("%-9s %6u %7u %5u %9" PRIu64 " %8.0f %8.0f %6.2f %8.0f %8.0f %6.2f %6.2f\n",
			r->is_paid	 ? "viewer"
			: r->starts == 0 ? "sponsor"
					 : "Q 64",
			r->caches, r->viewers, r->files, r->bytes >> 10,
			r->cache_bytes_per_cpu_s / 1e6, r->nginx_bytes_per_cpu_s / 1e6,
			r->ratio_cache, r->viewer_bytes_per_cpu_s / 1e6,
			r->curl_bytes_per_cpu_s / 1e6, r->ratio_viewer, r->ratio_pipe);
	}
}

void content_print_table(const struct content_figures *figures)
{
	if (figures->has_paid)
		show_paid(&figures->paid);
	if (figures->has_delivery)
		show_delivery(&figures->delivery);
	if (figures->has_first)
		show_first(figures->first);
	if (figures->has_puzzle)
		show_puzzle(figures->puzzle);
	if (figures->has_issue)
		show_issue(figures->issue);
}
