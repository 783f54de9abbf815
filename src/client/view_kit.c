/* SPDX-License-Identifier: Apache-2.0 */
#include "view_kit.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "souk/io/clock_real.h"
#include "sponsor_paths.h"

/* ------------------------------------------------------------------ servers */

struct souk_time now(void)
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

/* MESSAGE, and the row behind it where it is asked for. */
static void add_row(
	struct place *place, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	static __thread uint8_t bytes[SOUK_BUNDLE_OPEN_SIZE_MAX + sizeof place->kit->row];
	char text[SOUK_ROW_TEXT_SIZE];
	struct souk_bytes head = reply->body;
	if (souk_http_request_query(request, SOUK_QUERY_ROW) == NULL || place->no_row)
		return;
	souk_row_format(text, (uint32_t)head.size);
	memcpy(bytes, head.data, head.size);
	memcpy(bytes + head.size, place->kit->row, sizeof place->kit->row);
	reply->release(reply->release_ctx);
	memset(reply, 0, sizeof *reply);
	souk_http_reply_copy(reply, 200, "application/octet-stream",
		souk_bytes_of(bytes, head.size + sizeof place->kit->row));
	SOUK_CHECK(souk_http_reply_header(reply, SOUK_HEADER_ROW, text) == SOUK_OK);
}

static souk_status answer_ask(
	struct place *place, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct souk_signed_bundle_ask ask;
	static struct souk_bundle_open open;
	SOUK_TRY(souk_signed_bundle_ask_decode(&ask, request->body, NULL));
	SOUK_TRY(kit_sponsor_bundle(place->kit, &ask, 1, &open));
	place->bundles++;
	ANSWER(reply, bundle_open, SOUK_BUNDLE_OPEN_SIZE_MAX, &open);
	add_row(place, request, reply);
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
		return answer_ask(place, request, reply);
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
	struct souk_strip_open strip;
	kit->now = now();
	if (strncmp(request->path, "/v1/sponsors/", 13) == 0) {
		struct souk_sponsor_list list = {.recruits.count = 1};
		list.recruits.items[0] = cache->recruit;
		ANSWER(reply, sponsor_list, SOUK_SPONSOR_LIST_SIZE_MAX, &list);
		return SOUK_OK;
	}
	if (cache->manner == REFUSES)
		return SOUK_LOCAL_FULL;
	SOUK_TRY(souk_strip_open_decode(&strip, request->body, NULL));
	SOUK_TRY(kit_sponsor_strip(kit, cache->index, &strip));
	souk_http_reply_copy(reply, 200, NULL, souk_bytes_of(NULL, 0));
	return SOUK_OK;
}

static souk_status answer_data(struct cache *cache, const char *path,
	const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct souk_unit_request unit;
	struct souk_provider_reply answer;
	static __thread uint8_t bytes[KIT_CHUNK];
	char key[SOUK_KEY_TEXT_SIZE];
	SOUK_TRY(souk_request_parse(&unit, souk_bytes_text(path),
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

/* The unit that a strip was sent with: every other cache sends it at once. */
static void answer_first(
	struct cache *cache, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct souk_http_reply unit = {0};
	char path[SOUK_PATH_SIZE];
	const char *session = request->path + strlen("/v1/sessions/");
	const char *rest = strstr(session, "/strip/");
	if (rest == NULL || cache->index % 2 != 0 || cache->manner == STALLS)
		return;
	snprintf(path, sizeof path, SOUK_PATH_UNITS "%.*s%s", 2 * SOUK_NONCE_SIZE, session,
		rest + strlen("/strip"));
	if (answer_data(cache, path, request, &unit) != SOUK_OK)
		return;
	if (reply->release != NULL)
		reply->release(reply->release_ctx);
	*reply = unit;
}

static void control_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct cache *cache = ctx;
	souk_status status;
	if (strncmp(request->path, SOUK_PATH_KEYS, strlen(SOUK_PATH_KEYS)) == 0) {
		status = answer_data(cache, request->path, request, reply);
		if (status != SOUK_OK)
			problem(reply, status);
		return;
	}
	pthread_mutex_lock(&cache->place->lock);
	status = answer_control(cache, request, reply);
	pthread_mutex_unlock(&cache->place->lock);
	if (status != SOUK_OK)
		problem(reply, status);
	else if (strncmp(request->path, "/v1/sessions/", 13) == 0)
		answer_first(cache, request, reply);
}

/* A sealed strip, and the unit; but every third cache does not know of that, and another would have
 * to ask the ledger. */
static souk_status take_sealed(struct cache *cache, const struct souk_http_request *request)
{
	struct kit_sponsor *kit = cache->place->kit;
	static __thread uint8_t bytes[SOUK_STRIP_OPEN_SIZE_MAX];
	struct souk_unit_request unit;
	struct souk_strip_open strip;
	struct souk_hash pair;
	if (cache->index % 3 > 0)
		return cache->index % 3 > 1 ? SOUK_LOCAL_NOT_FOUND : SOUK_LOCAL_STATE;
	if (cache->manner == REFUSES)
		return SOUK_LOCAL_FULL;
	SOUK_CHECK(request->body.size <= sizeof bytes);
	memcpy(bytes, request->body.data, request->body.size);
	SOUK_TRY(souk_path_parse(&unit, souk_bytes_text(request->path)));
	SOUK_TRY(souk_sponsor_pair(&pair, &kit->providers[cache->index].identity,
		&cache->recruit.recruit.sponsor_key));
	struct souk_hash seal = souk_strip_seal_of(&pair, &unit.session);
	souk_strip_seal(&seal, bytes, request->body.size);
	SOUK_TRY(souk_strip_open_decode(&strip, souk_bytes_of(bytes, request->body.size), NULL));
	pthread_mutex_lock(&cache->place->lock);
	kit->now = now();
	souk_status status = kit_sponsor_strip(kit, cache->index, &strip);
	pthread_mutex_unlock(&cache->place->lock);
	return status;
}

static void data_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct cache *cache = ctx;
	if (cache->manner == STALLS)
		usleep(2000000);
	souk_status status = SOUK_OK;
	if (souk_http_request_header(request, SOUK_HEADER_SPONSOR) != NULL)
		status = take_sealed(cache, request);
	if (status == SOUK_OK)
		status = answer_data(cache, request->path, request, reply);
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

struct place *place_new(uint16_t n, uint16_t segment, uint8_t puzzle)
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
	control_name_format(place->who.name, url, &place->tls.pin);
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

void place_free(struct place *place)
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
