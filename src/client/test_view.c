/* SPDX-License-Identifier: Apache-2.0
 *
 * Viewers over real HTTP: a sponsor and eight caches of sponsor_kit behind servers of their own, in
 * one process. */
#include "view.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../services/content/sponsor_kit.h"
#include "admission.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "souk/io/clock_real.h"
#include "souk/io/http_server.h"
#include "souk/io/tls_key.h"
#include "view_key.h"
#include "view_sponsors.h"

#define CACHES KIT_CACHES

enum manner {
	HONEST,
	GARBAGE,   /* other bytes than the chunk's */
	WITHHOLDS, /* no keys */
	HEAD_ONLY, /* the first unit of a session, and no other */
	REFUSES,   /* no session */
	STALLS,	   /* units take longer than anybody waits */
};

struct place;

struct cache {
	struct place *place;
	uint32_t index;
	struct souk_http_server *control, *data;
	char data_url[64];
	struct souk_signed_recruit recruit;
	_Atomic enum manner manner;
};

struct place {
	pthread_mutex_t lock; /* the kit */
	struct kit_sponsor *kit;
	struct souk_tls_key tls;
	char folder[32], home[64];
	struct souk_http_server *sponsor;
	struct cache caches[CACHES];
	struct market_entry entries[CACHES];
	struct view_sponsor who;
	_Atomic int refuse; /* so many of the sponsor's next answers are "not now" */
	_Atomic int lose;   /* and so many are done, and lost */
	uint32_t bundles;
	char peer[SOUK_HTTP_PEER_TEXT_SIZE]; /* who asked last */
	/* What came. */
	_Atomic uint32_t given[KIT_CHUNKS];
	_Atomic uint32_t wrong;
	_Atomic uint32_t count;
	uint32_t outcomes, blamed;
};

/* ------------------------------------------------------------------ servers */

static struct souk_time now(void)
{
	return souk_clock_now(souk_clock_real());
}

#define ANSWER(reply, name, size, message)                                                         \
	do {                                                                                       \
		static __thread uint8_t bytes_[size];                                              \
		struct souk_writer writer_;                                                        \
		struct souk_bytes body_;                                                           \
		souk_writer_init(&writer_, bytes_, sizeof bytes_);                                 \
		souk_##name##_encode(&writer_, (message));                                         \
		SOUK_CHECK(souk_writer_finish(&writer_, &body_) == SOUK_OK);                       \
		souk_http_reply_copy((reply), 200, "application/octet-stream", body_);             \
	} while (0)

static souk_status answer_ask(
	struct place *place, struct souk_bytes body, struct souk_http_reply *reply)
{
	struct souk_signed_bundle_ask ask;
	struct souk_signed_bundle_offer offer;
	SOUK_TRY(souk_signed_bundle_ask_decode(&ask, body, NULL));
	SOUK_TRY(souk_sponsor_ask(&place->kit->sponsor, &ask, 1, place->kit->now, &offer));
	kit_sponsor_commit(place->kit);
	place->bundles++;
	ANSWER(reply, signed_bundle_offer, SOUK_SIGNED_BUNDLE_OFFER_SIZE_MAX, &offer);
	return SOUK_OK;
}

static souk_status answer_open(
	struct place *place, struct souk_bytes body, struct souk_http_reply *reply)
{
	struct souk_bundle_open open;
	static struct souk_bundle_strips strips;
	SOUK_TRY(souk_bundle_open_decode(&open, body, NULL));
	SOUK_TRY(kit_sponsor_open(place->kit, &open, &strips));
	ANSWER(reply, bundle_strips, SOUK_BUNDLE_STRIPS_SIZE_MAX, &strips);
	return SOUK_OK;
}

static souk_status answer_claim(
	struct place *place, struct souk_bytes body, struct souk_http_reply *reply)
{
	struct souk_segment_claim claim;
	struct souk_segment_tickets tickets = {0};
	SOUK_TRY(souk_segment_claim_decode(&claim, body, NULL));
	SOUK_TRY(souk_sponsor_claim(&place->kit->sponsor, &claim, place->kit->now, &tickets));
	kit_sponsor_commit(place->kit);
	ANSWER(reply, segment_tickets, SOUK_SEGMENT_TICKETS_SIZE_MAX, &tickets);
	return SOUK_OK;
}

static souk_status answer_complaint(
	struct place *place, struct souk_bytes body, struct souk_http_reply *reply)
{
	struct souk_signed_bundle_complaint complaint;
	SOUK_TRY(souk_signed_bundle_complaint_decode(&complaint, body, NULL));
	SOUK_TRY(souk_sponsor_complain(&place->kit->sponsor, &complaint));
	kit_sponsor_commit(place->kit);
	souk_http_reply_copy(reply, 200, NULL, souk_bytes_of(NULL, 0));
	return SOUK_OK;
}

static souk_status answer_sponsor(
	struct place *place, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	place->kit->now = now();
	if (strcmp(request->path, SPONSOR_PATH_STATUS) == 0) {
		struct souk_sponsor_status status = {.sponsor = place->who.address,
			.epoch = place->kit->epoch,
			.site = place->kit->config.site};
		ANSWER(reply, sponsor_status, SOUK_SPONSOR_STATUS_SIZE_MAX, &status);
		return SOUK_OK;
	}
	if (strcmp(request->path, SPONSOR_PATH_ASK) == 0)
		return answer_ask(place, request->body, reply);
	if (strcmp(request->path, SPONSOR_PATH_OPEN) == 0)
		return answer_open(place, request->body, reply);
	if (strcmp(request->path, SPONSOR_PATH_CLAIM) == 0)
		return answer_claim(place, request->body, reply);
	return answer_complaint(place, request->body, reply);
}

static bool takes_one(_Atomic int *count)
{
	int value = atomic_load(count);
	while (value > 0 && !atomic_compare_exchange_weak(count, &value, value - 1))
		;
	return value > 0;
}

static void problem(struct souk_http_reply *reply, souk_status status)
{
	souk_http_reply_problem(reply, souk_http_status_of(status), status, NULL);
}

static void sponsor_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct place *place = ctx;
	bool is_status = strcmp(request->path, SPONSOR_PATH_STATUS) == 0;
	if (!is_status && takes_one(&place->refuse)) {
		problem(reply, SOUK_LOCAL_STATE);
		return;
	}
	pthread_mutex_lock(&place->lock);
	souk_http_request_peer(request, place->peer);
	souk_status status = answer_sponsor(place, request, reply);
	pthread_mutex_unlock(&place->lock);
	if (status == SOUK_OK && !is_status && takes_one(&place->lose)) {
		if (reply->release != NULL)
			reply->release(reply->release_ctx);
		memset(reply, 0, sizeof *reply);
		status = SOUK_IO_STORE;
	}
	if (status != SOUK_OK)
		problem(reply, status);
}

static souk_status answer_control(
	struct cache *cache, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct kit_sponsor *kit = cache->place->kit;
	struct souk_ask ask;
	struct souk_grant_open grant;
	struct souk_strip_open strip;
	struct souk_nonce session;
	char hex[2 * SOUK_NONCE_SIZE + 1];
	kit->now = now();
	if (strncmp(request->path, "/v1/sponsors/", 13) == 0) {
		struct souk_sponsor_list list = {.recruits.count = 1};
		list.recruits.items[0] = cache->recruit;
		ANSWER(reply, sponsor_list, SOUK_SPONSOR_LIST_SIZE_MAX, &list);
		return SOUK_OK;
	}
	if (cache->manner == REFUSES)
		return SOUK_LOCAL_FULL;
	if (strcmp(request->path, "/v1/sessions") == 0) {
		SOUK_TRY(souk_ask_decode(&ask, request->body, NULL));
		SOUK_TRY(kit_sponsor_grant(kit, cache->index, &ask, &grant));
		ANSWER(reply, grant_open, SOUK_GRANT_OPEN_SIZE_MAX, &grant);
		return SOUK_OK;
	}
	snprintf(hex, sizeof hex, "%s", request->path + strlen("/v1/sessions/"));
	SOUK_TRY(souk_hex_decode(session.bytes, SOUK_NONCE_SIZE, hex));
	SOUK_TRY(souk_strip_open_decode(&strip, request->body, NULL));
	SOUK_TRY(kit_sponsor_strip(kit, cache->index, &session, &strip));
	souk_http_reply_copy(reply, 200, NULL, souk_bytes_of(NULL, 0));
	return SOUK_OK;
}

static void control_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct cache *cache = ctx;
	pthread_mutex_lock(&cache->place->lock);
	souk_status status = answer_control(cache, request, reply);
	pthread_mutex_unlock(&cache->place->lock);
	if (status != SOUK_OK)
		problem(reply, status);
}

static souk_status answer_data(
	struct cache *cache, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct souk_unit_request unit;
	struct souk_provider_reply answer;
	static __thread uint8_t bytes[KIT_CHUNK];
	char key[SOUK_KEY_TEXT_SIZE];
	SOUK_TRY(souk_request_parse(&unit, souk_bytes_text(request->path),
		souk_http_request_header(request, SOUK_HEADER_AUTH),
		souk_http_request_header(request, SOUK_HEADER_TICKET)));
	if (cache->manner == HEAD_ONLY && unit.unit > 1)
		return SOUK_LOCAL_FULL;
	pthread_mutex_lock(&cache->place->lock);
	cache->place->kit->now = now();
	souk_status status =
		kit_sponsor_unit(cache->place->kit, cache->index, &unit, bytes, &answer);
	pthread_mutex_unlock(&cache->place->lock);
	SOUK_TRY(status);
	if (cache->manner == GARBAGE && unit.unit > 0)
		memset(bytes, 0x55, answer.length);
	souk_http_reply_copy(reply, 200, "application/octet-stream",
		souk_bytes_of(bytes, unit.unit > 0 ? answer.length : 0));
	if (!answer.has_key || cache->manner == WITHHOLDS)
		return SOUK_OK;
	souk_key_format(key, &answer.key);
	return souk_http_reply_header(reply, SOUK_HEADER_KEY, key);
}

static void data_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct cache *cache = ctx;
	if (cache->manner == STALLS)
		usleep(2000000);
	souk_status status = answer_data(cache, request, reply);
	if (status != SOUK_OK)
		problem(reply, status);
}

/* ------------------------------------------------------------------ the place */

static void recruit(struct cache *cache)
{
	struct place *place = cache->place;
	struct kit_sponsor *kit = place->kit;
	struct kit_provider *provider = &kit->providers[cache->index];
	struct souk_signed_enlist enlist = {0};
	souk_sponsor_recruit(&kit->sponsor, &provider->identity.address, &kit->content.id,
		souk_amount_of_ncoin(KIT_PRICE), souk_time_plus_ms(kit->now, 10000000),
		&cache->recruit);
	snprintf(cache->recruit.recruit.url.text, sizeof cache->recruit.recruit.url.text, "%s",
		place->who.name);
	cache->recruit.recruit.url.size = (uint16_t)strlen(place->who.name);
	souk_recruit_sign(&cache->recruit, &kit->payer.issuer);
	assert_int_equal(souk_sponsor_secret(&kit->secrets[cache->index], &provider->identity,
				 &cache->recruit.recruit.sponsor_key, &cache->recruit.recruit),
		SOUK_OK);
	enlist.enlist = (struct souk_enlist){
		.version = SOUK_SPONSOR_VERSION,
		.recruit = souk_recruit_digest(&cache->recruit.recruit),
		.provider_key = provider->identity.pubkey,
	};
	souk_enlist_sign(&enlist, &provider->identity);
	enlist.offer.offer = kit_offer(&provider->identity, &kit->content.id, kit->content.size,
		KIT_CHUNK, KIT_PRICE, provider->window, 1024);
	snprintf(enlist.offer.offer.data_url.text, sizeof enlist.offer.offer.data_url.text, "%s",
		cache->data_url);
	enlist.offer.offer.data_url.size = (uint16_t)strlen(cache->data_url);
	souk_offer_sign(&enlist.offer, &provider->identity);
	assert_int_equal(
		souk_sponsor_enlist(&kit->sponsor, &cache->recruit, &enlist, kit->now), SOUK_OK);
	kit_sponsor_commit(kit);
}

static uint16_t serve(struct place *place, struct souk_http_server **ret, bool is_tls,
	souk_http_handler *handler, void *ctx)
{
	uint16_t port;
	struct souk_http_server_config config = {.handler = handler,
		.ctx = ctx,
		.threading = SOUK_HTTP_CONNECTION,
		.certificate_pem = is_tls ? place->tls.certificate_pem : NULL,
		.key_pem = is_tls ? place->tls.key_pem : NULL};
	assert_int_equal(souk_http_server_start(ret, &port, &config), SOUK_OK);
	return port;
}

static void start_cache(struct place *place, uint32_t index)
{
	struct cache *cache = &place->caches[index];
	struct market_entry *entry = &place->entries[index];
	cache->place = place;
	cache->index = index;
	snprintf(cache->data_url, sizeof cache->data_url, "http://127.0.0.1:%u",
		serve(place, &cache->data, false, data_handler, cache));
	entry->address = place->kit->providers[index].identity.address;
	entry->record.tls_pin = place->tls.pin;
	snprintf(entry->record.control_url.text, sizeof entry->record.control_url.text,
		"https://127.0.0.1:%u",
		serve(place, &cache->control, true, control_handler, cache));
	recruit(cache);
}

/* The kit's clock starts in 1970. */
static void move_to_now(struct kit_sponsor *kit)
{
	struct souk_hash beacon = {{8}};
	kit->now = now();
	kit->epoch = 8;
	kit->epoch_end = souk_time_plus_ms(kit->now, 3600000);
	kit_payer_epoch(&kit->payer, kit->epoch);
	for (uint32_t i = 0; i < CACHES; i++)
		souk_provider_set_epoch(
			&kit->providers[i].provider, kit->epoch, kit->epoch_end, kit->now);
	souk_sponsor_set_epoch(&kit->sponsor, kit->epoch, kit->epoch_end, &beacon, kit->now);
}

static struct place *place_new(uint16_t n, uint16_t segment, uint8_t puzzle)
{
	char url[64], path[64];
	struct place *place = calloc(1, sizeof *place);
	assert_non_null(place);
	pthread_mutex_init(&place->lock, NULL);
	strcpy(place->folder, "/tmp/souk-view-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->home, sizeof place->home, "%s/home", place->folder);
	snprintf(path, sizeof path, "%s/tls.pem", place->folder);
	assert_int_equal(souk_tls_key_open(&place->tls, path), SOUK_OK);
	place->kit = kit_sponsor_new(n, segment, puzzle);
	move_to_now(place->kit);
	snprintf(url, sizeof url, "https://127.0.0.1:%u",
		serve(place, &place->sponsor, true, sponsor_handler, place));
	sponsor_name_format(place->who.name, url, &place->tls.pin);
	place->who.address = place->kit->payer.issuer.address;
	for (uint32_t i = 0; i < CACHES; i++)
		start_cache(place, i);
	return place;
}

static void remove_folder(const char *path)
{
	char name[512];
	struct dirent *entry;
	DIR *dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		if (unlink(name) != 0)
			remove_folder(name);
	}
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

static void place_free(struct place *place)
{
	souk_http_server_stop(place->sponsor);
	for (uint32_t i = 0; i < CACHES; i++) {
		souk_http_server_stop(place->caches[i].control);
		souk_http_server_stop(place->caches[i].data);
	}
	souk_tls_key_done(&place->tls);
	kit_sponsor_free(place->kit);
	remove_folder(place->folder);
	pthread_mutex_destroy(&place->lock);
	free(place);
}

/* ------------------------------------------------------------------ a viewer */

static souk_status on_chunk(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	struct place *place = ctx;
	place->given[chunk]++;
	place->count++;
	if (memcmp(data.data, place->kit->bytes + (size_t)chunk * KIT_CHUNK, data.size) != 0)
		place->wrong++;
	return SOUK_OK;
}

static void on_outcome(void *ctx, const struct view_outcome *outcome)
{
	struct place *place = ctx;
	place->outcomes++;
	for (uint32_t i = 0; i < outcome->count; i++)
		place->blamed += outcome->seen[i] != SOUK_OK &&
				 outcome->seen[i] != SOUK_LOCAL_STATE &&
				 souk_status_class(outcome->seen[i]) == SOUK_CLASS_PEER;
}

static struct view_config config_of(struct place *place)
{
	return (struct view_config){
		.home = place->home,
		.ledger_url = "http://127.0.0.1:1",
		.sponsors = &place->who,
		.sponsor_count = 1,
		.content = place->kit->content,
		.row = place->kit->row,
		.entries = place->entries,
		.entry_count = CACHES,
		.timeout_ms = 2000,
		.patience_ms = 3000,
		.events = {.ctx = place, .chunk = on_chunk},
		.outcome = on_outcome,
	};
}

static souk_status run(const struct view_config *config, char detail[FETCH_DETAIL_SIZE])
{
	struct view *view;
	assert_int_equal(view_new(&view, config), SOUK_OK);
	souk_status status = view_run(view, detail);
	view_free(view);
	return status;
}

static void assert_all_came(struct place *place)
{
	assert_int_equal(place->wrong, 0);
	assert_int_equal(place->count, KIT_CHUNKS);
	for (uint32_t i = 0; i < KIT_CHUNKS; i++)
		assert_int_equal(place->given[i], 1);
}

static void test_whole(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	static const uint16_t shapes[][2] = {{1, 1}, {3, 4}, {4, 16}, {8, 2}};
	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		struct place *place = place_new(shapes[i][0], shapes[i][1], SOUK_PUZZLE_FAST);
		struct view_config config = config_of(place);
		assert_int_equal(run(&config, detail), SOUK_OK);
		assert_all_came(place);
		assert_int_equal(place->bundles, 1);
		assert_int_equal(place->outcomes, 1);
		assert_int_equal(place->blamed, 0);
		place_free(place);
	}
}

static void test_modes(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	(void)state;
	for (uint8_t mode = 0; mode <= SOUK_PUZZLE_REFERENCE; mode++) {
		struct place *place = place_new(3, 4, mode);
		struct view_config config = config_of(place);
		assert_int_equal(run(&config, detail), SOUK_OK);
		assert_all_came(place);
		place_free(place);
	}
}

/* Numbers of bundles go on, with the same key; without a home there is none to go on with. */
static void test_numbers(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		struct view_key key;
		assert_int_equal(run(&config, detail), SOUK_OK);
		assert_int_equal(view_key_take(&key, place->home, &place->who.address,
					 &place->kit->content.id, place->kit->epoch),
			SOUK_OK);
		assert_int_equal(key.number, i + 1);
		view_key_give(&key);
	}
	assert_int_equal(place->kit->sponsor.totals.viewers, 1);
	config.home = NULL;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_int_equal(place->kit->sponsor.totals.viewers, 2);
	place_free(place);
}

/* The next view finds the connections of the one before. */
static void test_connections(void **state)
{
	char detail[FETCH_DETAIL_SIZE], first[SOUK_HTTP_PEER_TEXT_SIZE];
	struct place *place = place_new(3, 16, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	(void)state;
	assert_int_equal(run(&config, detail), SOUK_OK);
	strcpy(first, place->peer);
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_string_equal(place->peer, first);
	place_free(place);
}

/* A crash left the number unwritten: another key. */
static void test_number_lost(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view_key key;
	(void)state;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_int_equal(view_key_take(&key, place->home, &place->who.address,
				 &place->kit->content.id, place->kit->epoch),
		SOUK_OK);
	key.number = 5;
	view_key_give(&key);
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_int_equal(place->kit->sponsor.totals.viewers, 2);
	place_free(place);
}

/* One cache in eight does wrong, three are drawn: those bundles fail that drew it, and are
 * complained of; the file comes. */
static void run_manner(enum manner manner, bool is_blamed)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	/* On a machine that is slow enough everybody seems to stall. */
	config.timeout_ms = manner == STALLS ? 500 : 20000;
	config.patience_ms = 60000;
	config.home = NULL; /* so that each time others are drawn */
	place->caches[2].manner = manner;
	for (int i = 0; i < 30 && place->kit->caches[2].record.complaints == 0; i++) {
		memset((void *)place->given, 0, sizeof place->given);
		place->count = 0;
		place->blamed = 0;
		/* Viewers of the kit are few. */
		if (i % 10 == 9)
			place->kit->sponsor.viewer_count = 0;
		assert_int_equal(run(&config, detail), SOUK_OK);
		assert_all_came(place);
	}
	for (uint32_t i = 0; i < CACHES; i++) {
		uint64_t complaints = place->kit->caches[i].record.complaints;
		assert_true(i == 2 ? complaints > 0 : complaints == 0 || manner == STALLS);
	}
	assert_true(is_blamed == (place->blamed > 0));
	place_free(place);
}

static void test_bad_caches(void **state)
{
	(void)state;
	run_manner(GARBAGE, true);
	run_manner(WITHHOLDS, true);
	run_manner(HEAD_ONLY, false);
	run_manner(REFUSES, false);
	run_manner(STALLS, true);
}

/* Where every cache does wrong for good it gives up, however small the content is. */
static void test_gives_up(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(1, 64, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view *view;
	(void)state;
	for (uint32_t i = 0; i < CACHES; i++)
		place->caches[i].manner = GARBAGE;
	config.patience_ms = 100;
	assert_int_equal(view_new(&view, &config), SOUK_OK);
	for (uint32_t i = 1; i < KIT_CHUNKS; i++)
		view_have(view, i);
	assert_int_equal(view_run(view, detail), SOUK_PEER_BAD_UNIT);
	assert_int_equal(place->count, 0);
	view_free(view);
	place_free(place);
}

/* A sponsor that restarts, and answers that are lost after they were given. */
static void test_sponsor_away(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	(void)state;
	place->refuse = 1;
	place->lose = 3;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_all_came(place);
	/* 41 chunks of 3 caches: 14 units of each, and nothing is paid twice. */
	assert_int_equal(place->kit->sponsor.totals.units, 14 * 3);
	place_free(place);
}

static void test_refusals(void **state)
{
	char detail[FETCH_DETAIL_SIZE];
	struct place *place = place_new(3, 4, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct souk_identity site, viewer;
	struct souk_signed_admission admission;
	(void)state;
	place->kit->sponsor.config.viewer_units = 9;
	assert_int_equal(run(&config, detail), SOUK_PEER_SPONSOR_QUOTA);
	assert_non_null(strstr(detail, "--pay"));
	assert_int_equal(place->count, 9);
	place->kit->sponsor.config.viewer_units = 0;
	/* Somebody else's content is none of this sponsor's. */
	struct view_config other = config;
	other.content.id.bytes[0] ^= 1;
	assert_int_equal(run(&other, detail), SOUK_PEER_UNKNOWN_CONTENT);
	/* A site lets viewers in. */
	kit_identity(&site, 77);
	place->kit->sponsor.config.site = place->kit->config.site = site.address;
	assert_int_equal(run(&config, detail), SOUK_PEER_SPONSOR_ADMISSION);
	assert_non_null(strstr(detail, "--admission"));
	assert_int_equal(view_key_admitted(&viewer, place->home), SOUK_OK);
	admission_make(&admission, &site, &place->who.address, &viewer.address,
		souk_time_plus_ms(now(), 60000));
	config.admission = &admission;
	memset((void *)place->given, 0, sizeof place->given);
	place->count = 0;
	assert_int_equal(run(&config, detail), SOUK_OK);
	assert_all_came(place);
	place_free(place);
}

/* ------------------------------------------------------------------ wants */

static void *run_thread(void *ctx)
{
	char detail[FETCH_DETAIL_SIZE];
	return (void *)(intptr_t)view_run(ctx, detail);
}

static void wait_for(struct place *place, uint32_t first, uint32_t count)
{
	for (int i = 0; i < 2000; i++) {
		uint32_t there = 0;
		for (uint32_t k = first; k < first + count; k++)
			there += place->given[k] > 0;
		if (there == count)
			return;
		usleep(5000);
	}
	fail_msg("wanted chunks did not come");
}

static void test_wants(void **state)
{
	struct place *place = place_new(3, 2, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view *view;
	pthread_t thread;
	void *result;
	(void)state;
	config.is_streaming = true;
	assert_int_equal(view_new(&view, &config), SOUK_OK);
	for (uint32_t i = 20; i < 23; i++)
		view_have(view, i);
	assert_int_equal(pthread_create(&thread, NULL, run_thread, view), 0);
	usleep(100000);
	assert_int_equal(place->bundles, 0);
	view_want(view, 30, 4);
	wait_for(place, 30, 4);
	view_want(view, 0, 2);
	view_want(view, 18, 6);
	wait_for(place, 18, 2);
	wait_for(place, 23, 1);
	wait_for(place, 0, 2);
	view_want(view, 0, 0);
	assert_true(view_figures_now(view).chunks_done >= 3 + 4 + 2 + 3);
	view_stop(view);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_int_equal((souk_status)(intptr_t)result, SOUK_LOCAL_STOPPED);
	assert_int_equal(place->wrong, 0);
	for (uint32_t i = 0; i < KIT_CHUNKS; i++)
		assert_true(place->given[i] <= 1);
	view_free(view);
	place_free(place);
}

/* A want in a whole download, and everything in the end. */
static void test_want_in_whole(void **state)
{
	struct place *place = place_new(3, 2, SOUK_PUZZLE_FAST);
	struct view_config config = config_of(place);
	struct view *view;
	char detail[FETCH_DETAIL_SIZE];
	struct fetch_source sources[CACHES + 1];
	(void)state;
	assert_int_equal(view_new(&view, &config), SOUK_OK);
	view_want(view, 35, 3);
	view_want(view, 100, 3);
	assert_int_equal(view_run(view, detail), SOUK_OK);
	assert_all_came(place);
	size_t count = view_sources(view, sources, CACHES + 1);
	uint64_t units = 0;
	for (size_t i = 0; i < count; i++)
		units += sources[i].units;
	assert_true(count >= 3 && units >= KIT_CHUNKS);
	view_free(view);
	place_free(place);
}

/* ------------------------------------------------------------------ who pays */

static void test_find(void **state)
{
	struct place *place = place_new(3, 2, SOUK_PUZZLE_FAST);
	struct view_sponsor found[VIEW_SPONSORS_MAX], named;
	char detail[FETCH_DETAIL_SIZE];
	size_t count;
	(void)state;
	assert_int_equal(view_find_sponsors(place->entries, CACHES, &place->kit->content.id, 2000,
				 found, &count),
		SOUK_OK);
	assert_int_equal(count, 1);
	assert_string_equal(found[0].name, place->who.name);
	assert_true(souk_address_equal(&found[0].address, &place->who.address));
	assert_int_equal(view_name_sponsor(&named, place->who.name, 2000, detail), SOUK_OK);
	assert_true(souk_address_equal(&named.address, &place->who.address));
	assert_int_equal(
		view_name_sponsor(&named, "http://127.0.0.1:1#00", 2000, detail), SOUK_LOCAL_USAGE);
	/* Recruits of other caches, or with another URL than was signed, say nothing. */
	for (uint32_t i = 0; i < CACHES; i++)
		place->caches[i].recruit.recruit.url.text[9] ^= 1;
	assert_int_equal(view_find_sponsors(place->entries, CACHES, &place->kit->content.id, 2000,
				 found, &count),
		SOUK_LOCAL_NOT_FOUND);
	place_free(place);
}

static void test_admission_text(void **state)
{
	struct souk_identity site;
	struct souk_signed_admission made, read;
	struct souk_address someone = {{1}};
	char text[ADMISSION_TEXT_SIZE + 2];
	(void)state;
	kit_identity(&site, 5);
	admission_make(&made, &site, &someone, &site.address, souk_time_at_ms(99));
	admission_text_format(text, &made);
	strcat(text, "\n");
	assert_int_equal(admission_text_parse(&read, text), SOUK_OK);
	assert_memory_equal(&read.admission.viewer, &site.address, SOUK_ADDRESS_SIZE);
	strcat(text, "x");
	assert_int_not_equal(admission_text_parse(&read, text), SOUK_OK);
	text[10] = '\0';
	assert_int_not_equal(admission_text_parse(&read, text), SOUK_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_number_lost),
		cmocka_unit_test(test_bad_caches),
		cmocka_unit_test(test_gives_up),
		cmocka_unit_test(test_sponsor_away),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_wants),
		cmocka_unit_test(test_want_in_whole),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_admission_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
