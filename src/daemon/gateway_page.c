/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_page.h"

#include <stdio.h>
#include <string.h>

/* --- text --- */

static void put(struct gateway_page *page, const char *text)
{
	souk_writer_text(&page->writer, text);
}

static void put_number(struct gateway_page *page, uint64_t number)
{
	souk_writer_decimal(&page->writer, number);
}

static void put_char(struct gateway_page *page, char c)
{
	souk_writer_append(&page->writer, &c, 1);
}

void gateway_page_text(struct gateway_page *page, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&': put(page, "&amp;"); break;
		case '<': put(page, "&lt;"); break;
		case '>': put(page, "&gt;"); break;
		case '"': put(page, "&quot;"); break;
		case '\'': put(page, "&#39;"); break;
		default: put_char(page, *text);
		}
	}
}

static bool is_plain_in_url(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       strchr("-._~", c) != NULL;
}

static void put_in_url(struct gateway_page *page, const char *text, bool is_path)
{
	char escape[4];

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool is_plain = is_plain_in_url(c) || (is_path && c == '/');
		snprintf(escape, sizeof(escape), is_plain ? "%c" : "%%%02X", c);
		put(page, escape);
	}
}

void gateway_page_url(struct gateway_page *page, const char *text)
{
	put_in_url(page, text, false);
}

void gateway_page_path(struct gateway_page *page, const char *path)
{
	put_in_url(page, path, true);
}

static void put_json_text(struct gateway_page *page, const char *text)
{
	char escape[8];

	put(page, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c < 0x20)
			snprintf(escape, sizeof(escape), "\\u%04x", c);
		else
			snprintf(escape, sizeof(escape), c == '"' || c == '\\' ? "\\%c" : "%c", c);
		put(page, escape);
	}
	put(page, "\"");
}

static void put_json_member(struct gateway_page *page, const char *name, const char *text)
{
	put_json_text(page, name);
	put(page, ":");
	put_json_text(page, text);
	put(page, ",");
}

static void put_json_number(struct gateway_page *page, const char *name, uint64_t number)
{
	put_json_text(page, name);
	put(page, ":");
	put_number(page, number);
	put(page, ",");
}

void gateway_size_text(char out[GATEWAY_SIZE_TEXT], uint64_t size)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double value = (double)size;
	size_t unit = 0;

	if (size < 1024) {
		snprintf(out, GATEWAY_SIZE_TEXT, "%u B", (unsigned)size);
		return;
	}
	for (value /= 1024; value >= 999.95 && unit < 5; unit++)
		value /= 1024;
	snprintf(out, GATEWAY_SIZE_TEXT, "%.1f %s", value, units[unit]);
}

static void put_size(struct gateway_page *page, uint64_t size)
{
	char text[GATEWAY_SIZE_TEXT];

	gateway_size_text(text, size);
	put(page, text);
}

/* --- what all pages share --- */

static const char style[] =
	"<style>:root{color-scheme:light dark}"
	"body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
	"h1{font-size:1.3rem;overflow-wrap:anywhere}"
	"table{border-collapse:collapse;width:100%}"
	"th,td{padding:.25rem .75rem;border-bottom:1px solid #8884;text-align:left;"
	"vertical-align:top}"
	"td:first-child{overflow-wrap:anywhere}"
	".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}"
	".q{color:#777}a{text-decoration:none}a:hover{text-decoration:underline}"
	"code{font-size:.9em;overflow-wrap:anywhere}</style>";

static void begin_html(struct gateway_page *page, const char *title)
{
	put(page, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
		  "<meta name=\"viewport\" content=\"width=device-width\"><title>");
	gateway_page_text(page, title);
	put(page, "</title>");
	put(page, style);
	put(page, "</head><body>\n<h1>");
	gateway_page_text(page, title);
	put(page, "</h1>\n");
}

static void begin(struct gateway_page *page, void *memory, size_t max, bool is_json)
{
	souk_writer_init(&page->writer, memory, max);
	page->is_json = is_json;
	page->has_rows = false;
}

/* A row is written whole or not at all, and there is always room for the end. */
static bool has_room(const struct gateway_page *page)
{
	return page->writer.max - page->writer.size >= 8192;
}

static struct souk_bytes finish(const struct gateway_page *page)
{
	return souk_bytes_of(page->writer.data, page->writer.size);
}

static void next_json(struct gateway_page *page)
{
	put(page, page->has_rows ? ",\n{" : "\n{");
	page->has_rows = true;
}

/* Over the comma after the last member. */
static void end_members(struct gateway_page *page, const char *text)
{
	if (page->writer.size > 0 && page->writer.data[page->writer.size - 1] == ',')
		page->writer.size--;
	put(page, text);
}

/* --- listings --- */

void gateway_listing_begin(struct gateway_page *page, void *memory, size_t max, bool is_json,
	const struct gateway_folder *folder)
{
	begin(page, memory, max, is_json);
	if (is_json) {
		put(page, "{");
		put_json_member(page, "name", folder->title);
		put_json_member(page, "path", folder->path);
		put_json_number(page, "size", folder->total);
		put_json_number(page, "count", folder->count);
		put_json_number(page, "page", folder->part);
		put_json_number(page, "pages", folder->parts);
		put(page, "\"entries\":[");
		return;
	}
	begin_html(page, folder->title);
	put(page, "<p class=\"q\"><code>");
	gateway_page_text(page, folder->path);
	put(page, "</code><br>");
	put_number(page, folder->count);
	put(page, folder->count == 1 ? " entry, " : " entries, ");
	put_size(page, folder->total);
	put(page, "</p>\n<table><thead><tr><th>Name</th><th class=\"n\">Files</th>"
		  "<th class=\"n\">Size</th></tr></thead><tbody>\n");
	put(page, folder->is_root ? ""
				  : "<tr><td><a href=\"../\">../</a></td><td></td>"
				    "<td></td></tr>\n");
}

static void put_json_row(struct gateway_page *page, const struct gateway_row *row)
{
	next_json(page);
	put_json_member(page, "name", row->name);
	put_json_member(page, "kind", row->is_folder ? "folder" : "file");
	put_json_number(page, "size", row->size);
	if (row->is_folder)
		put_json_number(page, "files", row->file_count);
	else if (row->id) {
		put(page, "\"id\":\"");
		souk_writer_hex(&page->writer, row->id->bytes, SOUK_HASH_SIZE);
		put(page, "\",");
	}
	end_members(page, "}");
}

void gateway_listing_row(struct gateway_page *page, const struct gateway_row *row)
{
	if (!has_room(page))
		return;
	if (page->is_json) {
		put_json_row(page, row);
		return;
	}
	put(page, "<tr><td><a href=\"./");
	gateway_page_url(page, row->name);
	put(page, row->is_folder ? "/\">" : "\">");
	gateway_page_text(page, row->name);
	put(page, row->is_folder ? "/</a></td><td class=\"n\">" : "</a></td><td class=\"n\">");
	if (row->is_folder)
		put_number(page, row->file_count);
	put(page, "</td><td class=\"n\">");
	put_size(page, row->size);
	put(page, "</td></tr>\n");
}

static void put_page_link(struct gateway_page *page, uint32_t part, const char *text)
{
	put(page, "<a href=\"?list&amp;page=");
	put_number(page, part);
	put(page, "\">");
	put(page, text);
	put(page, "</a> ");
}

struct souk_bytes gateway_listing_end(
	struct gateway_page *page, const struct gateway_folder *folder)
{
	if (page->is_json) {
		put(page, "\n]}\n");
		return finish(page);
	}
	put(page, "</tbody></table>\n");
	if (folder->parts > 1) {
		put(page, "<p>");
		if (folder->part > 1)
			put_page_link(page, folder->part - 1, "previous");
		put(page, "page ");
		put_number(page, folder->part);
		put(page, " of ");
		put_number(page, folder->parts);
		put(page, " ");
		if (folder->part < folder->parts)
			put_page_link(page, folder->part + 1, "next");
		put(page, "</p>\n");
	}
	put(page, "</body></html>\n");
	return finish(page);
}

/* --- the index --- */

static void put_json_state(struct gateway_page *page, const struct gateway_state *state)
{
	put(page, "{");
	put_json_member(page, "url", state->url);
	put_json_member(page, "payer", state->payer);
	put_json_member(page, "budget", state->budget);
	put_json_member(page, "spent", state->spent);
	put_json_member(page, "set_aside", state->given);
	put_json_member(page, "price_max", state->price_max);
	put_json_number(page, "cache_used", state->cache_used);
	put_json_number(page, "cache_limit", state->cache_limit);
	put_json_number(page, "pinned", state->pinned);
	put_json_number(page, "fetching", state->fetching);
	put(page, state->is_cut ? "\"cut\":true," : "\"cut\":false,");
	put(page, "\"contents\":[");
}

static void put_money(struct gateway_page *page, const struct gateway_state *state)
{
	put(page, "<p>Who pays: <b>");
	gateway_page_text(page, state->payer);
	put(page, "</b>. Of your own money ");
	gateway_page_text(page, state->spent);
	put(page, " of ");
	gateway_page_text(page, state->budget);
	put(page, " coins are used today, ");
	gateway_page_text(page, state->given);
	put(page, " set aside for what is being fetched");
	if (state->price_max[0]) {
		put(page, ", at most ");
		gateway_page_text(page, state->price_max);
		put(page, " for a unit of 256 KiB");
	}
	put(page, ". What is on this machine costs nothing to see again.</p>\n<p>Cache: ");
	put_size(page, state->cache_used);
	put(page, " of ");
	put_size(page, state->cache_limit);
	put(page, "; your own contents: ");
	put_size(page, state->pinned);
	put(page, "; being fetched now: ");
	put_number(page, state->fetching);
	put(page, ".</p>\n");
}

void gateway_index_begin(struct gateway_page *page, void *memory, size_t max, bool is_json,
	const struct gateway_state *state)
{
	begin(page, memory, max, is_json);
	if (is_json) {
		put_json_state(page, state);
		return;
	}
	begin_html(page, "Souk gateway");
	put(page, "<p>Open <code>");
	gateway_page_text(page, state->url);
	put(page, "/ID</code> for a content by its id, <code>/ID/path</code> for a file of a "
		  "directory, or <code>/name/PUBLISHER/LABEL/</code> for what a publisher's name "
		  "stands for now. Browsers, curl, VLC, mpv and ffmpeg can play and seek while it "
		  "is still being fetched.</p>\n");
	put_money(page, state);
	put(page, "<table><thead><tr><th>On this machine</th><th class=\"n\">Here</th>"
		  "<th class=\"n\">Size</th></tr></thead><tbody>\n");
}

void gateway_index_row(struct gateway_page *page, const struct gateway_held *held)
{
	uint64_t percent = held->chunks ? 100ull * held->chunks_here / held->chunks : 100;

	if (!has_room(page))
		return;
	if (page->is_json) {
		next_json(page);
		put_json_member(page, "content", held->name);
		put_json_member(page, "name", held->title);
		put_json_number(page, "size", held->size);
		put_json_number(page, "chunks", held->chunks);
		put_json_number(page, "chunks_here", held->chunks_here);
		end_members(page, "}");
		return;
	}
	put(page, "<tr><td><a href=\"/");
	gateway_page_url(page, held->name);
	put(page, "\">");
	gateway_page_text(page, held->title[0] ? held->title : held->name);
	put(page, "</a>");
	if (held->title[0]) {
		put(page, "<br><code class=\"q\">");
		gateway_page_text(page, held->name);
		put(page, "</code>");
	}
	put(page, "</td><td class=\"n\">");
	put_number(page, percent);
	put(page, " %</td><td class=\"n\">");
	put_size(page, held->size);
	put(page, "</td></tr>\n");
	page->has_rows = true;
}

struct souk_bytes gateway_index_end(struct gateway_page *page, const struct gateway_state *state)
{
	if (page->is_json) {
		put(page, "\n]}\n");
		return finish(page);
	}
	put(page, page->has_rows ? "" : "<tr><td class=\"q\">nothing yet</td></tr>\n");
	put(page, "</tbody></table>\n");
	put(page, state->is_cut ? "<p class=\"q\">There is more than is listed here.</p>\n" : "");
	put(page, "</body></html>\n");
	return finish(page);
}

/* --- problems --- */

struct souk_bytes gateway_problem_page(void *memory, size_t max, unsigned status, const char *title,
	const char *what, const char *hint)
{
	struct gateway_page page;
	char heading[160];

	begin(&page, memory, max, false);
	snprintf(heading, sizeof(heading), "%u: %s", status, title);
	begin_html(&page, heading);
	put(&page, "<p>");
	gateway_page_text(&page, what);
	put(&page, "</p>\n");
	if (hint) {
		put(&page, "<p>");
		gateway_page_text(&page, hint);
		put(&page, "</p>\n");
	}
	put(&page, "<p><a href=\"/\">What is on this machine</a></p>\n</body></html>\n");
	return finish(&page);
}
