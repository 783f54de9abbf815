/* SPDX-License-Identifier: Apache-2.0 */
#include "view_sponsors.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_keep.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/exchange/header.h"
#include "souk/io/file.h"
#include "souk/io/http_fetch.h"
#include "sponsor_paths.h"
#include "view_internal.h"

#define AT_ONCE	    16u
#define ANSWER_SIZE (SOUK_SPONSOR_LIST_SIZE_MAX + 1024)
#define STATUS_SIZE (SOUK_SPONSOR_STATUS_SIZE_MAX + 1024)
/* Heard of, of which those come first that most name. */
#define NAMED_MAX 64u
/* For the others, after the first that named one, at least; else as long as that one took. All have
 * just answered with an offer: who does not answer now is rare. */
#define GRACE_MS    250u
#define POLL_MS	    100u
#define PATH_SIZE   640
#define POLL_END_MS 10u

struct question {
	const struct market_entry *entry;
	uint8_t answer[ANSWER_SIZE];
};

struct named {
	struct view_sponsor sponsor;
	const struct market_entry *last; /* who named it */
	uint32_t count;			 /* that did */
};

struct inquiry {
	struct souk_http_fetcher *fetcher;
	struct question questions[AT_ONCE];
	const struct market_entry *entries;
	size_t count, next;
	const struct souk_hash *content;
	uint64_t timeout_ms;
	unsigned running;
	size_t answers; /* of whatever kind */
	souk_status failure;
	bool engine_failed;
	struct named named[NAMED_MAX];
	size_t named_count;
	uint64_t began_ms, end_ms; /* END: once somebody has named one */
};

static bool ask(struct inquiry *inquiry, struct question *question)
{
	char hex[2 * SOUK_HASH_SIZE + 1], url[VIEW_URL_SIZE];
	const struct market_entry *entry = &inquiry->entries[inquiry->next++];
	souk_hex_encode(hex, inquiry->content->bytes, SOUK_HASH_SIZE);
	snprintf(url, sizeof url, "%s/v1/sponsors/%s", entry->record.control_url.text, hex);
	question->entry = entry;
	struct souk_http_fetch fetch = {
		.url = url,
		.destination = question->answer,
		.size_max = sizeof question->answer,
		.timeout_ms = inquiry->timeout_ms,
		.pin = &entry->record.tls_pin,
		.user = question,
	};
	/* Without TLS the pin would mean nothing. */
	if (strncmp(url, "https://", 8) != 0 ||
		souk_http_fetcher_start(inquiry->fetcher, &fetch) != SOUK_OK)
		return false;
	inquiry->running++;
	return true;
}

/* Each provider counts once. */
static void note_named(struct inquiry *inquiry, const struct market_entry *entry,
	const struct souk_recruit *recruit)
{
	struct named *named = inquiry->named, *end = named + inquiry->named_count;
	while (named < end && !souk_address_equal(&named->sponsor.address, &recruit->sponsor))
		named++;
	if (named == inquiry->named + NAMED_MAX)
		return;
	if (named == end) {
		inquiry->named_count++;
		named->sponsor.address = recruit->sponsor;
		snprintf(named->sponsor.name, sizeof named->sponsor.name, "%s", recruit->url.text);
	}
	named->count += named->last != entry;
	named->last = entry;
}

static void take_recruit(struct inquiry *inquiry, const struct market_entry *entry,
	const struct souk_signed_recruit *recruit)
{
	struct control_place place;
	if (souk_recruit_verify(recruit, &entry->address, view_time()) != SOUK_OK ||
		!souk_hash_equal(&recruit->recruit.content, inquiry->content) ||
		control_name_parse(&place, recruit->recruit.url.text) != SOUK_OK)
		return;
	note_named(inquiry, entry, &recruit->recruit);
}

static void take(struct inquiry *inquiry, const struct souk_http_fetched *fetched)
{
	struct souk_sponsor_list list;
	const struct question *question = fetched->user;
	if (fetched->status != SOUK_OK) {
		inquiry->failure = fetched->status;
		return;
	}
	inquiry->answers++;
	if (fetched->http_status != 200 ||
		souk_sponsor_list_decode(
			&list, souk_bytes_of(question->answer, fetched->size), NULL) != SOUK_OK)
		return;
	for (uint32_t i = 0; i < list.recruits.count; i++)
		take_recruit(inquiry, question->entry, &list.recruits.items[i]);
}

/* Whoever is quickest must not choose alone: a provider that sells would name a sponsor that pays
 * for nothing, and the viewer would pay itself. */
static bool is_enough(struct inquiry *inquiry)
{
	uint64_t now_ms = view_now_ms(), took_ms = now_ms - inquiry->began_ms;
	if (inquiry->named_count > 0 && inquiry->end_ms == 0)
		inquiry->end_ms = now_ms + (took_ms > GRACE_MS ? took_ms : GRACE_MS);
	return inquiry->running == 0 || (inquiry->end_ms != 0 && now_ms >= inquiry->end_ms);
}

static souk_status run(struct inquiry *inquiry)
{
	struct souk_http_fetched fetched;
	for (size_t i = 0; i < AT_ONCE && inquiry->next < inquiry->count;
		i += ask(inquiry, &inquiry->questions[i]))
		;
	while (!is_enough(inquiry)) {
		souk_status status = souk_http_fetcher_poll(
			inquiry->fetcher, inquiry->end_ms != 0 ? POLL_END_MS : POLL_MS, -1);
		inquiry->engine_failed = status != SOUK_OK;
		SOUK_TRY(status);
		while (souk_http_fetcher_next(inquiry->fetcher, &fetched)) {
			inquiry->running--;
			take(inquiry, &fetched);
			while (inquiry->next < inquiry->count && !ask(inquiry, fetched.user))
				;
		}
	}
	if (inquiry->named_count > 0)
		return SOUK_OK;
	return inquiry->answers > 0 || inquiry->count == 0 ? SOUK_LOCAL_NOT_FOUND
							   : inquiry->failure;
}

/* The engine goes back with the connections that were made: the bundles' sessions need them. */
static void give_engine(struct inquiry *inquiry)
{
	for (size_t i = 0; i < AT_ONCE && inquiry->fetcher != NULL; i++)
		souk_http_fetcher_cancel(inquiry->fetcher, &inquiry->questions[i]);
	if (inquiry->engine_failed)
		souk_http_fetcher_free(inquiry->fetcher);
	else
		http_keep_give_engine(inquiry->fetcher);
}

static size_t choose(struct inquiry *inquiry, struct view_sponsor ret[VIEW_SPONSORS_MAX])
{
	size_t count = 0;
	for (; count < inquiry->named_count && count < VIEW_SPONSORS_MAX; count++) {
		struct named *best = &inquiry->named[0];
		for (size_t i = 1; i < inquiry->named_count; i++) {
			if (inquiry->named[i].count > best->count)
				best = &inquiry->named[i];
		}
		ret[count] = best->sponsor;
		best->count = 0;
	}
	return count;
}

souk_status view_find_sponsors(const struct market_entry *entries, size_t count,
	const struct souk_hash *content, uint64_t timeout_ms,
	struct view_sponsor ret[VIEW_SPONSORS_MAX], size_t *ret_count)
{
	struct inquiry *inquiry = calloc(1, sizeof *inquiry);
	if (inquiry == NULL)
		return SOUK_IO_MEMORY;
	inquiry->entries = entries;
	inquiry->count = count;
	inquiry->content = content;
	inquiry->timeout_ms = timeout_ms;
	inquiry->failure = SOUK_IO_NET;
	inquiry->began_ms = view_now_ms();
	souk_status status = http_keep_take_engine(&inquiry->fetcher);
	if (status == SOUK_OK)
		status = run(inquiry);
	give_engine(inquiry);
	*ret_count = choose(inquiry, ret);
	free(inquiry);
	return status;
}

/* GET PATH of the sponsor at PLACE, with the engine that asks it for bundles next. The answer, 200,
 * is in ANSWER. */
static souk_status get(const struct control_place *place, const char *path, uint64_t timeout_ms,
	uint8_t *answer, size_t size, struct souk_http_fetched *ret)
{
	struct souk_http_fetcher *engine;
	char url[VIEW_URL_SIZE];
	bool is_there = false;
	if (snprintf(url, sizeof url, "%s%s", place->url, path) >= (int)sizeof url)
		return SOUK_LOCAL_USAGE;
	SOUK_TRY(http_keep_take_engine(&engine));
	struct souk_http_fetch fetch = {
		.url = url,
		.destination = answer,
		.size_max = size,
		.timeout_ms = timeout_ms,
		.pin = &place->pin,
		.reply_header = SOUK_HEADER_ROW,
		.user = answer,
	};
	souk_status status = souk_http_fetcher_start(engine, &fetch);
	while (status == SOUK_OK && !is_there) {
		status = souk_http_fetcher_poll(engine, POLL_MS, -1);
		is_there = souk_http_fetcher_next(engine, ret);
	}
	if (status != SOUK_OK) {
		souk_http_fetcher_free(engine);
		return status;
	}
	http_keep_give_engine(engine);
	SOUK_TRY(ret->status);
	return ret->http_status == 200
		       ? SOUK_OK
		       : problem_parse(souk_bytes_of(answer, ret->size), ret->http_status, NULL, 0);
}

/* ------------------------------------------------------------------ names that were met */

static void name_path(char out[PATH_SIZE], const char *home, const char *name)
{
	char hex[2 * SOUK_HASH_SIZE + 1];
	struct souk_hash digest = souk_sha256_domain("sponsor_name", souk_bytes_text(name));
	souk_hex_encode(hex, digest.bytes, SOUK_HASH_SIZE);
	snprintf(out, PATH_SIZE, "%.500s/viewers/name-%s", home, hex);
}

bool view_sponsor_known(struct view_sponsor *ret, const char *home, const char *name)
{
	char path[PATH_SIZE];
	if (home == NULL || strlen(name) >= sizeof ret->name)
		return false;
	name_path(path, home, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	snprintf(ret->name, sizeof ret->name, "%s", name);
	souk_status status =
		souk_file_read_at(fd, ret->address.bytes, sizeof ret->address.bytes, 0);
	close(fd);
	return status == SOUK_OK && !souk_address_is_zero(&ret->address);
}

void view_sponsor_keep(const struct view_sponsor *sponsor, const char *home)
{
	char folder[PATH_SIZE], path[PATH_SIZE];
	struct view_sponsor known;
	if (home == NULL || (view_sponsor_known(&known, home, sponsor->name) &&
				    souk_address_equal(&known.address, &sponsor->address)))
		return;
	snprintf(folder, sizeof folder, "%.500s/viewers", home);
	name_path(path, home, sponsor->name);
	souk_status status = souk_file_make_folders(folder);
	int fd = status == SOUK_OK ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		return;
	status = souk_file_write_at(fd, sponsor->address.bytes, sizeof sponsor->address.bytes, 0);
	(void)status;
	close(fd);
}

/* ------------------------------------------------------------------ asked who it is */

static souk_status get_status(
	const struct control_place *place, uint64_t timeout_ms, struct souk_sponsor_status *ret)
{
	struct souk_http_fetched fetched;
	uint8_t answer[STATUS_SIZE];
	SOUK_TRY(get(place, SPONSOR_PATH_STATUS, timeout_ms, answer, sizeof answer, &fetched));
	return souk_sponsor_status_decode(ret, souk_bytes_of(answer, fetched.size), NULL);
}

static souk_status parse_name(
	struct control_place *ret, const char *name, char detail[FETCH_DETAIL_SIZE])
{
	if (strlen(name) >= CONTROL_NAME_SIZE) {
		snprintf(detail, FETCH_DETAIL_SIZE, "the sponsor's name is too long");
		return SOUK_LOCAL_USAGE;
	}
	souk_status status = control_name_parse(ret, name);
	if (status != SOUK_OK)
		snprintf(detail, FETCH_DETAIL_SIZE,
			"a sponsor's name is https://HOST:PORT#PIN; souk sponsor report prints it");
	return status;
}

static souk_status note_answer(struct view_sponsor *ret, const char *name,
	const struct control_place *place, const struct souk_address *sponsor, souk_status status,
	char detail[FETCH_DETAIL_SIZE])
{
	if (status == SOUK_OK) {
		ret->address = *sponsor;
		snprintf(ret->name, sizeof ret->name, "%s", name);
	} else {
		snprintf(detail, FETCH_DETAIL_SIZE, "the sponsor at %s does not answer: %s",
			place->url, souk_status_text(status));
	}
	return status;
}

souk_status view_name_sponsor(struct view_sponsor *ret, const char *name, uint64_t timeout_ms,
	char detail[FETCH_DETAIL_SIZE])
{
	struct control_place place;
	struct souk_sponsor_status answer;
	SOUK_TRY(parse_name(&place, name, detail));
	souk_status status = get_status(&place, timeout_ms, &answer);
	return note_answer(ret, name, &place, &answer.sponsor, status, detail);
}

/* An answer of SIZE bytes: what the content is, and the row from where the header says. */
static souk_status take_content(struct view_answer *ret, const struct souk_http_fetched *fetched)
{
	struct souk_bytes head = souk_row_split(&ret->row, souk_bytes_of(ret->bytes, fetched->size),
		souk_bytes_text(fetched->reply_header));
	return souk_sponsored_content_decode(&ret->content, head, NULL);
}

souk_status view_ask_content(struct view_sponsor *ret, struct view_answer *ret_answer,
	const char *name, const struct souk_hash *content, uint64_t timeout_ms,
	char detail[FETCH_DETAIL_SIZE])
{
	struct control_place place;
	struct souk_http_fetched fetched;
	char hex[2 * SOUK_HASH_SIZE + 1], row[SOUK_ROW_TEXT_SIZE], path[128];
	SOUK_TRY(parse_name(&place, name, detail));
	ret_answer->row = souk_bytes_of(NULL, 0);
	souk_hex_encode(hex, content->bytes, SOUK_HASH_SIZE);
	souk_row_format(row, VIEW_ROW_MAX);
	snprintf(path, sizeof path, SPONSOR_PATH_CONTENT "%s?" SOUK_QUERY_ROW "=%s", hex, row);
	souk_status status = get(
		&place, path, timeout_ms, ret_answer->bytes, sizeof ret_answer->bytes, &fetched);
	if (status == SOUK_OK)
		status = take_content(ret_answer, &fetched);
	return note_answer(ret, name, &place, &ret_answer->content.sponsor, status, detail);
}
