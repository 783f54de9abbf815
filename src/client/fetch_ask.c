/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chunk_row.h"
#include "fetch_early.h"
#include "fetch_first.h"
#include "http_keep.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "souk/io/clock_real.h"

#define OFFERS_AT_ONCE 64u
/* Rows come with offers, before anybody knows how long they are: long ones from a few who are
 * likely to have them, up to 8 GiB of content; short ones from whoever has them. */
#define ROWS_EARLY     2u
#define ROW_EARLY_SIZE (1u << 20)
#define ROW_SHORT_SIZE 2048u
#define ROWS_AT_ONCE   3u
/* A row that takes longer is asked for elsewhere too. */
#define ROW_LATE_MS 500u
/* For the other offers, after the first one, at least; else as long again as that took. */
#define GRACE_MS 250u
#define POLL_MS	 100u
/* For a sponsor that paid before: what others would do in its place takes about as long. */
#define FIRST_MS 1500u
/* Bytes in a second that a row must come with, beyond the time that any answer may take. */
#define ROW_BYTES_PER_S 32768u
#define REFUSAL_SIZE	1024u
#define OFFER_SIZE	(SOUK_SIGNED_OFFER_SIZE_MAX + REFUSAL_SIZE)
#define URL_SIZE	300u

struct offer_question {
	struct market_entry *entry; /* NULL: free */
	bool is_waited;		    /* a reader waits for it: it was not silent lately */
	uint8_t *body;
};

/* ADDRESS, since entries are sorted meanwhile. */
struct row_question {
	bool busy, has_come;
	struct souk_address address;
	uint8_t *body;
	size_t room;
	struct souk_http_fetched fetched;
	uint64_t since_ms;
};

struct fetch_ask {
	struct fetch *fetch;
	struct souk_http_fetcher *engine;
	struct offer_question offers[OFFERS_AT_ONCE];
	size_t next, running; /* entries asked; offers that are not answered */
	size_t waited;	      /* of these */
	unsigned early;	      /* that were asked for a long row as well */
	uint64_t began_ms, end_ms;
	struct row_question rows[ROWS_AT_ONCE];
	struct souk_address *tried; /* for the row, of those that gave none */
	size_t tried_count;
};

static uint64_t now_ms(void)
{
	return souk_clock_steady_ns() / 1000000;
}

souk_status fetch_ask_new(struct fetch_ask **ret, struct fetch *fetch)
{
	struct fetch_ask *ask = calloc(1, sizeof *ask);
	if (ask == NULL)
		return SOUK_IO_MEMORY;
	ask->fetch = fetch;
	souk_status status = http_keep_take_engine(&ask->engine);
	if (status != SOUK_OK) {
		fetch_ask_free(ask);
		return status;
	}
	*ret = ask;
	return SOUK_OK;
}

static void end_question(struct offer_question *question)
{
	free(question->body);
	question->body = NULL;
	question->entry = NULL;
}

/* Who was waited for is noted as silent, but where the others are not waited for any more. */
static void cancel_offers(struct fetch_ask *ask)
{
	bool is_needed = !fetch_first_has_come(ask->fetch);
	for (size_t i = 0; i < OFFERS_AT_ONCE; i++) {
		struct offer_question *question = &ask->offers[i];
		if (question->entry == NULL)
			continue;
		souk_http_fetcher_cancel(ask->engine, question);
		if (question->is_waited && is_needed)
			memory_note_silent(ask->fetch->config.memory, &question->entry->address);
		end_question(question);
	}
	ask->running = ask->waited = 0;
}

static void drop_row(struct fetch_ask *ask, struct row_question *row)
{
	if (row->busy)
		souk_http_fetcher_cancel(ask->engine, row);
	free(row->body);
	*row = (struct row_question){.busy = false};
}

void fetch_ask_free(struct fetch_ask *ask)
{
	if (ask == NULL)
		return;
	if (ask->engine != NULL) {
		cancel_offers(ask);
		fetch_early_end(ask->fetch, ask->engine);
		fetch_first_end(ask->fetch, ask->engine);
		for (size_t i = 0; i < ROWS_AT_ONCE; i++)
			drop_row(ask, &ask->rows[i]);
	}
	http_keep_give_engine(ask->engine);
	free(ask->tried);
	free(ask);
}

/* GET PATH, the content's id and QUERY of ENTRY. Without TLS the pin would mean nothing. */
static souk_status start(struct fetch_ask *ask, const struct market_entry *entry, const char *path,
	const char *query, struct souk_http_fetch *call)
{
	char url[URL_SIZE], hex[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(hex, ask->fetch->config.name.id.bytes, SOUK_HASH_SIZE);
	snprintf(url, sizeof url, "%.128s%s%s%s", entry->record.control_url.text, path, hex, query);
	if (strncmp(url, "https://", 8) != 0)
		return SOUK_PEER_BAD_OFFER;
	call->url = url;
	call->pin = &entry->record.tls_pin;
	return souk_http_fetcher_start(ask->engine, call);
}

/* ------------------------------------------------------------------ offers */

/* Who was dealt with lately is likely to have what comes next. */
static bool is_likely(const struct fetch_ask *ask, const struct market_entry *entry)
{
	return ask->early < ROWS_EARLY &&
	       (ask->fetch->entry_count == 1 ||
		       memory_knows_provider(ask->fetch->config.memory, &entry->address));
}

static bool ask_offer(struct fetch_ask *ask, struct offer_question *question)
{
	struct market_entry *entry = &ask->fetch->entries[ask->next++];
	bool is_early = is_likely(ask, entry);
	uint32_t row = is_early ? ROW_EARLY_SIZE : ROW_SHORT_SIZE;
	char most[SOUK_ROW_TEXT_SIZE], query[SOUK_ROW_TEXT_SIZE + 8];
	question->body = malloc(OFFER_SIZE + row);
	struct souk_http_fetch call = {.destination = question->body,
		.size_max = OFFER_SIZE + row,
		.timeout_ms = ask->fetch->config.timeout_ms,
		.reply_header = SOUK_HEADER_ROW,
		.user = question};
	souk_row_format(most, row);
	snprintf(query, sizeof query, "?" SOUK_QUERY_ROW "=%s", most);
	entry->status = question->body == NULL ? SOUK_IO_MEMORY
					       : start(ask, entry, "/v1/offers/", query, &call);
	if (entry->status != SOUK_OK) {
		end_question(question);
		return false;
	}
	entry->status = SOUK_IO_TIMEOUT; /* until it answers */
	question->entry = entry;
	question->is_waited = !memory_is_silent(ask->fetch->config.memory, &entry->address);
	ask->running++;
	ask->waited += question->is_waited;
	ask->early += is_early;
	return true;
}

/* A further question in the place of QUESTION, where somebody is left. */
static void ask_further(struct fetch_ask *ask, struct offer_question *question)
{
	while (ask->next < ask->fetch->entry_count && !ask_offer(ask, question))
		;
}

static struct row_question *free_row(struct fetch_ask *ask)
{
	for (size_t i = 0; i < ROWS_AT_ONCE; i++) {
		if (!ask->rows[i].busy && !ask->rows[i].has_come)
			return &ask->rows[i];
	}
	return NULL;
}

/* A row that came with an offer waits until it is known how long the right one is. */
static void keep_row(
	struct fetch_ask *ask, const struct market_entry *entry, struct souk_bytes bytes)
{
	struct row_question *row = free_row(ask);
	uint8_t *body = row == NULL ? NULL : malloc(bytes.size);
	if (body == NULL)
		return;
	memcpy(body, bytes.data, bytes.size);
	*row = (struct row_question){.has_come = true,
		.address = entry->address,
		.body = body,
		.room = bytes.size,
		.fetched = {.status = SOUK_OK, .http_status = 200, .size = bytes.size}};
}

/* An offer, and what comes behind it. On a slow path the time may end within the row: then the
 * offer counts, and the row is asked for by itself. */
static souk_status take_body(struct fetch_ask *ask, struct market_entry *entry,
	struct souk_bytes body, const struct souk_http_fetched *fetched)
{
	struct souk_bytes row,
		offer = souk_row_split(&row, body, souk_bytes_text(fetched->reply_header));
	bool has_row = row.size > 0;
	if (fetched->status != SOUK_OK && !(has_row && fetched->status == SOUK_IO_TIMEOUT))
		return fetched->status;
	if (fetched->http_status != 200)
		return problem_parse(
			body, fetched->http_status, entry->detail, sizeof entry->detail);
	SOUK_TRY(market_take_offer(entry, &ask->fetch->config.name, offer));
	if (fetched->status == SOUK_OK && has_row)
		keep_row(ask, entry, row);
	return SOUK_OK;
}

static void take_offer(struct fetch_ask *ask, struct offer_question *question,
	const struct souk_http_fetched *fetched)
{
	struct market_entry *entry = question->entry;
	entry->status =
		take_body(ask, entry, souk_bytes_of(question->body, fetched->size), fetched);
	if (fetched->status == SOUK_OK || entry->status == SOUK_OK)
		memory_note_answer(ask->fetch->config.memory, &entry->address);
	else if (question->is_waited)
		memory_note_silent(ask->fetch->config.memory, &entry->address);
	end_question(question);
	ask->running--;
	ask->waited -= question->is_waited;
	if (entry->status == SOUK_OK && ask->end_ms == 0) {
		uint64_t took_ms = now_ms() - ask->began_ms;
		ask->end_ms = now_ms() + (took_ms > GRACE_MS ? took_ms : GRACE_MS);
	}
	ask_further(ask, question);
}

/* ------------------------------------------------------------------ rows, as they come */

static bool is_question(const struct fetch_ask *ask, const void *user)
{
	const struct offer_question *offer = user;
	return offer >= ask->offers && offer < ask->offers + OFFERS_AT_ONCE;
}

static void take_all(struct fetch_ask *ask)
{
	struct souk_http_fetched fetched;
	while (souk_http_fetcher_next(ask->engine, &fetched)) {
		if (fetch_early_take(ask->fetch, &fetched) ||
			fetch_first_take(ask->fetch, &fetched, ask->engine))
			continue;
		if (is_question(ask, fetched.user)) {
			take_offer(ask, fetched.user, &fetched);
			continue;
		}
		struct row_question *row = fetched.user;
		row->busy = false;
		row->has_come = true;
		row->fetched = fetched;
	}
}

static souk_status ask_row(
	struct fetch_ask *ask, const struct market_entry *entry, size_t room, uint64_t timeout_ms)
{
	struct row_question *row = free_row(ask);
	if (row == NULL)
		return SOUK_LOCAL_FULL;
	*row = (struct row_question){.address = entry->address,
		.room = room,
		.body = malloc(room),
		.since_ms = now_ms()};
	struct souk_http_fetch call = {
		.destination = row->body, .size_max = room, .timeout_ms = timeout_ms, .user = row};
	souk_status status =
		row->body == NULL ? SOUK_IO_MEMORY : start(ask, entry, "/v1/chunks/", "", &call);
	row->busy = status == SOUK_OK;
	if (status != SOUK_OK)
		drop_row(ask, row);
	return status;
}

/* Whether it is over: a sponsor has made them needless, all have answered, or a stream waits no
 * longer for those that have not. */
static bool is_over(const struct fetch_ask *ask)
{
	bool has_offer = ask->end_ms != 0;
	if (fetch_first_has_come(ask->fetch))
		return true;
	if (fetch_first_is_waited(ask->fetch) && now_ms() - ask->began_ms < FIRST_MS)
		return false;
	if (has_offer && ask->fetch->config.is_streaming)
		return (ask->waited == 0 && !fetch_early_is_waited(ask->fetch)) ||
		       now_ms() >= ask->end_ms;
	return ask->running == 0;
}

souk_status fetch_ask_offers(struct fetch_ask *ask)
{
	ask->began_ms = now_ms();
	ask->next = ask->running = ask->waited = 0;
	ask->early = 0;
	ask->end_ms = 0;
	for (size_t i = 0; i < OFFERS_AT_ONCE; i++)
		ask_further(ask, &ask->offers[i]);
	fetch_early_ask(ask->fetch, ask->engine);
	fetch_first_ask(ask->fetch, ask->engine);
	while (!is_over(ask)) {
		bool may_end = ask->fetch->config.is_streaming && ask->end_ms != 0;
		SOUK_TRY(souk_http_fetcher_poll(ask->engine, may_end ? POLL_MS / 10 : POLL_MS, -1));
		take_all(ask);
	}
	cancel_offers(ask);
	fetch_first_end(ask->fetch, ask->engine);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ the row */

static bool was_tried(const struct fetch_ask *ask, const struct souk_address *address)
{
	for (size_t i = 0; i < ask->tried_count; i++) {
		if (souk_address_equal(&ask->tried[i], address))
			return true;
	}
	for (size_t i = 0; i < ROWS_AT_ONCE; i++) {
		if (ask->rows[i].busy && souk_address_equal(&ask->rows[i].address, address))
			return true;
	}
	return false;
}

static souk_status take_row(
	struct fetch_ask *ask, const struct row_question *row, struct souk_hash **ret_row)
{
	struct souk_bytes bytes = souk_bytes_of(row->body, row->fetched.size);
	SOUK_TRY(row->fetched.status);
	if (row->fetched.http_status != 200)
		return problem_parse(bytes, row->fetched.http_status, NULL, 0);
	return chunk_row_take(ret_row, &ask->fetch->content, bytes);
}

/* A row that came is the one, or it is noted that its giver has none. */
static souk_status look_at_rows(struct fetch_ask *ask, struct souk_hash **ret_row)
{
	souk_status last = SOUK_LOCAL_NOT_FOUND;
	for (size_t i = 0; i < ROWS_AT_ONCE; i++) {
		struct row_question *row = &ask->rows[i];
		char who[FETCH_ADDRESS_SIZE];
		if (!row->has_come)
			continue;
		souk_status status = take_row(ask, row, ret_row);
		if (status == SOUK_OK)
			return SOUK_OK;
		last = status;
		ask->tried[ask->tried_count++] = row->address;
		fetch_address_text(who, &row->address);
		fetch_note(ask->fetch, "%s gave no chunk list: %s", who, souk_status_text(status));
		drop_row(ask, row);
	}
	return last;
}

/* Whether another one should be asked now. */
static bool is_late(const struct fetch_ask *ask)
{
	size_t busy = 0;
	for (size_t i = 0; i < ROWS_AT_ONCE; i++) {
		busy += ask->rows[i].busy;
		if (ask->rows[i].busy && now_ms() - ask->rows[i].since_ms < ROW_LATE_MS)
			return false;
	}
	return busy < ROWS_AT_ONCE;
}

static souk_status ask_next(struct fetch_ask *ask)
{
	const struct fetch *fetch = ask->fetch;
	size_t size = (size_t)fetch->chunk_count * SOUK_HASH_SIZE;
	uint64_t timeout_ms = fetch->config.timeout_ms + size * 1000 / ROW_BYTES_PER_S;
	for (size_t i = 0; i < fetch->entry_count; i++) {
		const struct market_entry *entry = &fetch->entries[i];
		if (was_tried(ask, &entry->address))
			continue;
		souk_status status =
			ask_row(ask, entry, size > REFUSAL_SIZE ? size : REFUSAL_SIZE, timeout_ms);
		if (status != SOUK_OK)
			ask->tried[ask->tried_count++] = entry->address;
		return status;
	}
	return SOUK_LOCAL_NOT_FOUND;
}

static bool is_waiting(const struct fetch_ask *ask)
{
	for (size_t i = 0; i < ROWS_AT_ONCE; i++) {
		if (ask->rows[i].busy)
			return true;
	}
	return false;
}

souk_status fetch_ask_row(struct fetch_ask *ask, struct souk_hash **ret_row)
{
	souk_status last = SOUK_PEER_BAD_CONTENT;
	if (ask->fetch->chunk_count == 1)
		return chunk_row_take(ret_row, &ask->fetch->content, souk_bytes_of(NULL, 0));
	ask->tried = calloc(ask->fetch->entry_count + ROWS_AT_ONCE, sizeof *ask->tried);
	if (ask->tried == NULL)
		return SOUK_IO_MEMORY;
	for (;;) {
		souk_status status = look_at_rows(ask, ret_row);
		if (status == SOUK_OK)
			return SOUK_OK;
		if (status != SOUK_LOCAL_NOT_FOUND)
			last = status;
		while (is_late(ask) && (status = ask_next(ask)) != SOUK_LOCAL_NOT_FOUND)
			last = status != SOUK_OK ? status : last;
		if (!is_waiting(ask))
			return last;
		SOUK_TRY(souk_http_fetcher_poll(ask->engine, POLL_MS, -1));
		take_all(ask);
	}
}
