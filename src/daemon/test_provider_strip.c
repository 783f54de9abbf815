/* SPDX-License-Identifier: Apache-2.0
 *
 * A sponsor's session at a cache: over its real server and store, with money that the ledger was
 * asked about before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cache_internal.h"
#include "chunk_kit.h"
#include "market_kit.h"
#include "souk/exchange/header.h"
#include "souk/exchange/sponsored.h"
#include "souk/io/clock_real.h"
#include "souk/io/http_client.h"
#include "souk/io/log.h"

#define CHUNKS	     3u
#define UNITS	     4u
#define EPOCH	     7u
#define PRICE	     40u
#define HOUR_MS	     (3600u * 1000)
#define STRANGER_ASK 80u /* more than an address may ask at once */

struct market {
	struct home home;
	struct sample *sample;
	struct souk_identity identity;
	struct kit_payer payer; /* the sponsor: its issuer is itself */
	struct souk_recruit_record recruit;
	struct provider_node *node; /* NULL: it does not run */
	struct souk_http_client *http;
	uint32_t sessions;
};

/* A session that the sponsor opened, and its viewer. */
struct opened {
	struct souk_bundle_session session;
	struct souk_customer customer;
	struct souk_unit_request first;
};

/* ------------------------------------------------------------------ the cache */

static void put_recruit(struct market *market)
{
	uint8_t id[RECRUIT_ID_SIZE], bytes[SOUK_RECRUIT_RECORD_SIZE_MAX];
	struct record_queue queue = {0};
	struct souk_writer writer;
	struct souk_bytes encoded;
	memcpy(id, &market->sample->content.id, SOUK_HASH_SIZE);
	memcpy(id + SOUK_HASH_SIZE, &market->payer.escrow_id, SOUK_HASH_SIZE);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_recruit_record_encode(&writer, &market->recruit);
	assert_int_equal(souk_writer_finish(&writer, &encoded), SOUK_OK);
	record_queue_round(&queue);
	assert_int_equal(record_queue_put(&queue, 'E', id, sizeof id, encoded), SOUK_OK);
	assert_int_equal(records_write(market->home.store.lmdb, &queue), SOUK_OK);
	record_queue_free(&queue);
}

/* What the ledger would say. */
static void know(struct market *market)
{
	struct provider_node *node = market->node;
	struct souk_time now = provider_now();
	pthread_mutex_lock(&node->lock);
	souk_provider_set_epoch(&node->provider, EPOCH, souk_time_plus_ms(now, HOUR_MS), now);
	pthread_mutex_unlock(&node->lock);
	pthread_mutex_lock(&node->money_lock);
	node->money[0] = (struct known_money){.is_known = true,
		.escrow = market->payer.escrow_id,
		.epoch = EPOCH,
		.money = {market->payer.escrow, market->payer.allotment},
		.read_ns = souk_clock_steady_ns()};
	pthread_mutex_unlock(&node->money_lock);
}

static void run(struct market *market)
{
	struct provider_node_config config;
	const char *what = "";
	provider_node_config_default(&config);
	config.home = market->home.path;
	config.ledger_url = "http://127.0.0.1:1"; /* nobody is there */
	config.control = config.data = "127.0.0.1:0";
	config.cache.limit = ROOM(2 * CHUNKS);
	config.sessions = 256;
	assert_int_equal(
		provider_node_start(&market->node, &config, &market->identity, &what), SOUK_OK);
	know(market);
}

static void halt(struct market *market)
{
	provider_node_stop(market->node);
	market->node = NULL;
}

static void fill_recruit(struct market *market)
{
	struct souk_time now = provider_now();
	market->recruit =
		(struct souk_recruit_record){.recruit.recruit = {.version = SOUK_SPONSOR_VERSION,
						     .sponsor = market->payer.issuer.address,
						     .sponsor_key = market->payer.issuer.pubkey,
						     .provider = market->identity.address,
						     .escrow = market->payer.escrow_id,
						     .content = market->sample->content.id,
						     .price = souk_amount_of_ncoin(PRICE),
						     .expires = souk_time_plus_ms(now, HOUR_MS)},
			.enlisted = true,
			.price = souk_amount_of_ncoin(PRICE),
			.taken = now};
	memset(&market->recruit.secret, 0x5a, sizeof market->recruit.secret);
	memset(&market->recruit.pair, 0xb7, sizeof market->recruit.pair);
}

static int setup(void **state)
{
	struct market *market = calloc(1, sizeof *market);
	struct chunk_item *item;
	assert_non_null(market);
	souk_log_set_level(SOUK_LOG_ERROR);
	kit_identity(&market->identity, 1);
	kit_payer_init(&market->payer, 2, &market->identity.address, 1, 900000);
	kit_payer_epoch(&market->payer, EPOCH);
	market->sample = sample_new(1, CHUNKS);
	assert_int_equal(souk_http_client_new(&market->http), SOUK_OK);
	home_new(&market->home, ROOM(2 * CHUNKS));
	assert_int_equal(chunk_store_create(market->home.chunks, &market->sample->content,
				 market->sample->row, "a film", &item),
		SOUK_OK);
	put_all(item, market->sample);
	assert_true(is_good(item, 0));
	chunk_item_give(item);
	fill_recruit(market);
	put_recruit(market);
	home_close(&market->home);
	run(market);
	*state = market;
	return 0;
}

static int teardown(void **state)
{
	struct market *market = *state;
	if (market->node != NULL)
		halt(market);
	home_open(&market->home, ROOM(2 * CHUNKS));
	home_end(&market->home);
	souk_http_client_free(market->http);
	free(market->sample);
	free(market);
	return 0;
}

/* The recruit is what CHANGED makes it, at the next start. */
static void restart_with(struct market *market, void (*change)(struct souk_recruit_record *record))
{
	halt(market);
	home_open(&market->home, ROOM(2 * CHUNKS));
	change(&market->recruit);
	put_recruit(market);
	home_close(&market->home);
	run(market);
}

/* ------------------------------------------------------------------ the sponsor and its viewer */

static void make_keys(
	struct opened *opened, const struct souk_hash *secret, const struct souk_hash *pair)
{
	static struct souk_chain keys;
	struct souk_strip *strip = &opened->session.strip.strip;
	struct souk_ask ask = souk_sponsored_ask(strip);
	struct souk_hash digest = souk_ask_digest(&ask);
	struct souk_hash last = souk_sponsored_keys(secret, &strip->nonce, &digest);
	souk_chain_init(&keys, souk_chain_tag_key, &strip->nonce, strip->count, &last);
	strip->key_anchor = keys.anchor;
	strip->key_checkpoints = keys.checkpoint_root;
	opened->session.secret = souk_sponsored_session_secret(secret, &strip->nonce, &digest);
	opened->session.seal = souk_strip_seal_of(pair, &strip->nonce);
	opened->session.key_leaves.count =
		(uint16_t)souk_chain_checkpoint_leaves(&keys, opened->session.key_leaves.items);
}

/* A session under SECRET at PRICE_NCOIN. */
static struct opened *lay(struct market *market, const struct souk_hash *secret, uint64_t ncoin)
{
	static struct souk_payer_strip payer;
	struct opened *opened = calloc(1, sizeof *opened);
	struct souk_hash ticket_secret = {{1}};
	struct souk_time now = provider_now();
	assert_non_null(opened);
	struct souk_strip *strip = &opened->session.strip.strip;
	*strip = (struct souk_strip){.version = SOUK_STRIP_VERSION,
		.escrow = market->payer.escrow_id,
		.epoch = EPOCH,
		.payee = market->identity.address,
		.customer = market->payer.issuer.pubkey,
		.request = market->sample->content.id,
		.price = souk_amount_of_ncoin(ncoin),
		.count = UNITS,
		.expires = souk_time_plus_ms(now, HOUR_MS)};
	souk_store_be32(strip->nonce.bytes, ++market->sessions);
	make_keys(opened, secret, &market->recruit.pair);
	struct souk_strip terms = *strip;
	assert_int_equal(souk_payer_strip_open(&payer, &market->payer.free[0], &terms, 0,
				 &ticket_secret, &opened->session.strip),
		SOUK_OK);
	kit_payer_complete(&market->payer, 0, &opened->session.strip);
	struct souk_offer offer = kit_offer(&market->identity, &market->sample->content.id,
		market->sample->content.size, CHUNK, ncoin, 8, 64);
	assert_int_equal(
		souk_customer_sponsored(&opened->customer, &offer, &opened->session, now), SOUK_OK);
	assert_int_equal(souk_customer_next(&opened->customer, &opened->first, 0, now), SOUK_OK);
	return opened;
}

static struct opened *lay_agreed(struct market *market)
{
	return lay(market, &market->recruit.secret, PRICE);
}

static struct souk_bytes encode(
	const struct souk_strip_open *strip, uint8_t out[SOUK_STRIP_OPEN_SIZE_MAX])
{
	struct souk_writer writer;
	struct souk_bytes encoded;
	souk_writer_init(&writer, out, SOUK_STRIP_OPEN_SIZE_MAX);
	souk_strip_open_encode(&writer, strip);
	assert_int_equal(souk_writer_finish(&writer, &encoded), SOUK_OK);
	return encoded;
}

static void format_auth(const struct souk_unit_request *request, char out[64])
{
	char text[SOUK_AUTH_TEXT_SIZE];
	souk_auth_format(text, &request->auth);
	snprintf(out, 64, SOUK_HEADER_AUTH ": %s", text);
}

/* What the cache's control server answers; to be ended. */
static unsigned post(struct market *market, const struct opened *opened, const char *path,
	struct souk_http_answer *ret)
{
	uint8_t body[SOUK_STRIP_OPEN_SIZE_MAX];
	char url[256], auth[64];
	const char *headers[] = {auth};
	format_auth(&opened->first, auth);
	snprintf(url, sizeof url, "%s%s", market->node->control_url, path);
	struct souk_http_call call = {.method = "POST",
		.url = url,
		.body = encode(&opened->session.strip, body),
		.headers = headers,
		.header_count = 1,
		.pin = &market->node->tls.pin};
	assert_int_equal(souk_http_client_call(market->http, &call, ret), SOUK_OK);
	return ret->status;
}

/* What its data server answers to the same, sealed, in the name of SPONSOR. */
static unsigned post_sealed(struct market *market, const struct opened *opened,
	const struct souk_address *sponsor, struct souk_http_answer *ret)
{
	uint8_t body[SOUK_STRIP_OPEN_SIZE_MAX];
	char url[256], path[SOUK_PATH_SIZE], auth[64], hex[2 * SOUK_ADDRESS_SIZE + 1], name[80];
	const char *headers[] = {auth, name};
	struct souk_bytes encoded = encode(&opened->session.strip, body);
	souk_strip_seal(&opened->session.seal, body, encoded.size);
	format_auth(&opened->first, auth);
	souk_hex_encode(hex, sponsor->bytes, SOUK_ADDRESS_SIZE);
	snprintf(name, sizeof name, SOUK_HEADER_SPONSOR ": %s", hex);
	souk_path_format(path, &opened->first);
	snprintf(url, sizeof url, "%s%s", market->node->data_url, path);
	struct souk_http_call call = {.method = "POST",
		.url = url,
		.body = encoded,
		.headers = headers,
		.header_count = 2};
	assert_int_equal(souk_http_client_call(market->http, &call, ret), SOUK_OK);
	return ret->status;
}

static void first_path(const struct opened *opened, char path[128])
{
	char hex[2 * SOUK_NONCE_SIZE + 1];
	souk_hex_encode(hex, opened->session.strip.strip.nonce.bytes, SOUK_NONCE_SIZE);
	snprintf(path, 128, "/v1/sessions/%s/strip/1/0", hex);
}

/* Whether DATA is the first chunk, encrypted. */
static bool is_first_unit(struct market *market, struct opened *opened, struct souk_bytes data)
{
	uint8_t plain[CHUNK];
	struct souk_hash digest = souk_ask_digest(&opened->customer.ask);
	struct souk_hash key = souk_sponsored_keys(
		&market->recruit.secret, &opened->session.strip.strip.nonce, &digest);
	key = souk_chain_walk(
		souk_chain_tag_key, &opened->session.strip.strip.nonce, UNITS, &key, 1);
	struct souk_unit_cipher cipher =
		souk_unit_cipher_of(&opened->session.strip.strip.nonce, 1, 0, &key);
	if (data.size != CHUNK)
		return false;
	souk_unit_cipher_xor(&cipher, plain, data.data, data.size);
	return souk_content_verify_chunk(&market->sample->content, 0, &market->sample->row[0],
		       souk_bytes_of(plain, CHUNK)) == SOUK_OK;
}

static void assert_served(struct market *market, struct opened *opened)
{
	char path[128];
	struct souk_http_answer answer = {0};
	first_path(opened, path);
	assert_int_equal(post(market, opened, path, &answer), 200);
	assert_true(is_first_unit(market, opened, souk_bytes_of(answer.body, answer.size)));
	souk_http_answer_done(&answer);
}

static void assert_refused(struct market *market, const struct opened *opened, const char *problem)
{
	char path[128];
	struct souk_http_answer answer = {0};
	uint32_t before = market->node->provider.session_count;
	first_path(opened, path);
	assert_int_not_equal(post(market, opened, path, &answer), 200);
	if (strstr(answer.body, problem) == NULL)
		fail_msg("%s, not %s", answer.body, problem);
	souk_http_answer_done(&answer);
	assert_int_equal(market->node->provider.session_count, before);
}

/* ------------------------------------------------------------------ tests */

static void test_strip_begins_a_session(void **state)
{
	struct market *market = *state;
	struct opened *opened = lay_agreed(market);
	assert_served(market, opened);
	/* The answer was lost. */
	assert_served(market, opened);
	assert_int_equal(market->node->provider.session_count, 1);
	assert_int_equal(market->node->provider.totals.strips_accepted, 1);
	free(opened);
}

static void test_session_outlives_the_process(void **state)
{
	struct market *market = *state;
	struct opened *opened = lay_agreed(market);
	struct souk_unit_request second;
	char url[256], path[SOUK_PATH_SIZE], auth[64];
	const char *headers[] = {auth};
	struct souk_http_answer answer = {0};
	assert_served(market, opened);
	halt(market);
	run(market);
	assert_served(market, opened);
	assert_int_equal(souk_customer_received(&opened->customer, 1), SOUK_OK);
	assert_int_equal(
		souk_customer_next(&opened->customer, &second, 1, provider_now()), SOUK_OK);
	souk_path_format(path, &second);
	format_auth(&second, auth);
	snprintf(url, sizeof url, "%s%s", market->node->data_url, path);
	struct souk_http_call call = {.url = url, .headers = headers, .header_count = 1};
	assert_int_equal(souk_http_client_call(market->http, &call, &answer), SOUK_OK);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.size, CHUNK);
	souk_http_answer_done(&answer);
	free(opened);
}

static void test_path_names_the_session(void **state)
{
	struct market *market = *state;
	struct opened *opened = lay_agreed(market), *other = lay_agreed(market);
	char path[128];
	struct souk_http_answer answer = {0};
	first_path(other, path);
	assert_int_equal(post(market, opened, path, &answer), 404);
	assert_non_null(strstr(answer.body, "PEER_UNKNOWN_SESSION"));
	souk_http_answer_done(&answer);
	assert_int_equal(market->node->provider.session_count, 0);
	free(opened);
	free(other);
}

static void test_what_was_not_promised(void **state)
{
	struct market *market = *state;
	struct souk_hash secret = {{9}}, *content = &market->sample->content.id, keep = *content;
	struct opened *opened = lay(market, &market->recruit.secret, PRICE - 1);
	assert_refused(market, opened, "PEER_BAD_OFFER");
	free(opened);
	opened = lay(market, &secret, PRICE);
	assert_refused(market, opened, "PEER_STRIP_TERMS");
	free(opened);
	content->bytes[0] ^= 1;
	opened = lay_agreed(market);
	*content = keep;
	assert_refused(market, opened, "PEER_UNKNOWN_SESSION");
	free(opened);
}

static void expire(struct souk_recruit_record *record)
{
	record->recruit.recruit.expires = provider_now();
}

static void test_recruit_that_is_over(void **state)
{
	struct market *market = *state;
	struct opened *opened = lay_agreed(market);
	restart_with(market, expire);
	assert_refused(market, opened, "PEER_UNKNOWN_SESSION");
	free(opened);
}

static void test_content_that_is_gone(void **state)
{
	struct market *market = *state;
	const struct souk_hash *content = &market->sample->content.id;
	struct opened *opened = lay_agreed(market);
	assert_int_equal(chunk_store_evict(market->node->chunks, content), SOUK_LOCAL_STATE);
	chunk_store_promise(market->node->chunks, content, false);
	assert_int_equal(chunk_store_evict(market->node->chunks, content), SOUK_OK);
	assert_refused(market, opened, "PEER_UNKNOWN_CONTENT");
	free(opened);
}

/* ------------------------------------------------------------------ enlisted anew */

static void enlist_anew(struct souk_recruit_record *record)
{
	record->earlier = record->secret;
	record->earlier_price = record->price;
	memset(&record->secret, 0xc3, sizeof record->secret);
	record->price = souk_amount_of_ncoin(PRICE + 2);
	record->taken = provider_now();
}

static void enlist_long_ago(struct souk_recruit_record *record)
{
	record->taken.ms -= HOUR_MS;
}

static void test_earlier_secret_goes_with_its_price(void **state)
{
	struct market *market = *state;
	struct souk_hash earlier = market->recruit.secret;
	restart_with(market, enlist_anew);
	const struct souk_hash secret = market->recruit.secret;
	struct opened *old = lay(market, &earlier, PRICE);
	struct opened *mixed[] = {lay(market, &earlier, PRICE + 2), lay(market, &secret, PRICE)};
	struct opened *late = lay(market, &earlier, PRICE), *now = lay(market, &secret, PRICE + 2);
	for (size_t i = 0; i < 2; i++) {
		assert_refused(market, mixed[i], "PEER_STRIP_TERMS");
		free(mixed[i]);
	}
	market->recruit.secret = earlier; /* of who reads the unit */
	assert_served(market, old);
	market->recruit.secret = secret;
	assert_served(market, now);
	restart_with(market, enlist_long_ago);
	assert_refused(market, late, "PEER_BAD_OFFER");
	free(old);
	free(now);
	free(late);
}

/* With the price unchanged either secret is good. */
static void enlist_at_the_same_price(struct souk_recruit_record *record)
{
	enlist_anew(record);
	record->price = record->earlier_price;
}

static void test_earlier_secret_at_the_same_price(void **state)
{
	struct market *market = *state;
	struct souk_hash earlier = market->recruit.secret;
	restart_with(market, enlist_at_the_same_price);
	const struct souk_hash secret = market->recruit.secret;
	struct opened *old = lay(market, &earlier, PRICE), *now = lay(market, &secret, PRICE);
	assert_served(market, now);
	market->recruit.secret = earlier;
	assert_served(market, old);
	free(old);
	free(now);
}

/* cache_enlist, for the same recruit and for a newer one. */
static void test_enlisting_keeps_the_secret_before(void **state)
{
	struct market *market = *state;
	struct cache_recruits *recruits = market->node->recruits;
	pthread_mutex_lock(&recruits->lock);
	struct recruit *item = recruits->items[0];
	struct souk_recruit_record *record = &item->record;
	const struct souk_hash first = record->secret;
	assert_int_equal(cache_enlist(recruits, item), SOUK_OK);
	const struct souk_hash second = record->secret;
	assert_true(souk_hash_equal(&record->earlier, &first));
	assert_int_equal(record->earlier_price.ncoin, PRICE);
	/* The same again changes nothing. */
	assert_int_equal(cache_enlist(recruits, item), SOUK_OK);
	assert_true(souk_hash_equal(&record->secret, &second));
	assert_true(souk_hash_equal(&record->earlier, &first));
	record->recruit.recruit.nonce.bytes[0] ^= 1;
	assert_int_equal(cache_enlist(recruits, item), SOUK_OK);
	assert_false(souk_hash_equal(&record->secret, &second));
	assert_true(souk_hash_equal(&record->earlier, &second));
	pthread_mutex_unlock(&recruits->lock);
}

/* ------------------------------------------------------------------ sealed, in the open */

static const struct souk_address *sponsor_of(const struct market *market)
{
	return &market->payer.issuer.address;
}

static void assert_served_sealed(struct market *market, struct opened *opened)
{
	struct souk_http_answer answer = {0};
	assert_int_equal(post_sealed(market, opened, sponsor_of(market), &answer), 200);
	assert_true(is_first_unit(market, opened, souk_bytes_of(answer.body, answer.size)));
	souk_http_answer_done(&answer);
}

static void assert_refused_sealed(struct market *market, const struct opened *opened,
	const struct souk_address *sponsor, const char *problem)
{
	struct souk_http_answer answer = {0};
	uint32_t before = market->node->provider.session_count;
	assert_int_not_equal(post_sealed(market, opened, sponsor, &answer), 200);
	if (strstr(answer.body, problem) == NULL)
		fail_msg("%s, not %s", answer.body, problem);
	souk_http_answer_done(&answer);
	assert_int_equal(market->node->provider.session_count, before);
}

static void test_sealed_strip_begins_a_session(void **state)
{
	struct market *market = *state;
	struct opened *opened = lay_agreed(market), *other = lay_agreed(market);
	assert_served_sealed(market, opened);
	assert_served_sealed(market, opened);
	/* At either server, and by the next process. */
	assert_served(market, opened);
	assert_served(market, other);
	assert_served_sealed(market, other);
	assert_int_equal(market->node->provider.totals.strips_accepted, 2);
	halt(market);
	run(market);
	assert_served_sealed(market, opened);
	assert_int_equal(market->node->provider.totals.strips_accepted, 0);
	free(opened);
	free(other);
}

static void test_seal_is_the_sponsors(void **state)
{
	struct market *market = *state;
	struct opened *opened = lay_agreed(market);
	struct souk_hash seal = opened->session.seal;
	assert_refused_sealed(market, opened, &market->identity.address, "PEER_UNKNOWN_SESSION");
	opened->session.seal.bytes[3] ^= 1;
	assert_refused_sealed(market, opened, sponsor_of(market), "PEER_BAD_REQUEST");
	opened->session.seal = seal;
	/* Who is on the line sends it again with what he has not: the strip is taken, and nothing
	 * is sent. */
	struct souk_unit_auth auth = opened->first.auth;
	struct souk_http_answer answer = {0};
	opened->first.auth.bytes[0] ^= 1;
	assert_int_equal(post_sealed(market, opened, sponsor_of(market), &answer), 200);
	assert_int_equal(answer.size, 0);
	souk_http_answer_done(&answer);
	opened->first.auth = auth;
	assert_served_sealed(market, opened);
	free(opened);
}

/* What is no strip, in the name of who is no sponsor. */
static void test_nonsense_is_refused(void **state)
{
	struct market *market = *state;
	static uint8_t body[2 * SOUK_STRIP_OPEN_SIZE_MAX];
	const size_t sizes[] = {0, 1, SOUK_STRIP_OPEN_SIZE_MAX, sizeof body};
	char hex[2 * SOUK_ADDRESS_SIZE + 1], prefixed[sizeof hex + 2], url[256], name[128];
	souk_hex_encode(hex, sponsor_of(market)->bytes, SOUK_ADDRESS_SIZE);
	snprintf(prefixed, sizeof prefixed, "0x%s", hex);
	const char *sponsors[] = {hex, hex + 2, "zz", prefixed};
	const char *headers[] = {name, SOUK_HEADER_AUTH ": 00112233445566778899aabbccddeeff"};
	snprintf(url, sizeof url, "%s" SOUK_PATH_UNITS "00112233445566778899aabbccddeeff/1/0",
		market->node->data_url);
	for (size_t i = 0; i < sizeof sponsors / sizeof *sponsors; i++) {
		snprintf(name, sizeof name, SOUK_HEADER_SPONSOR ": %s", sponsors[i]);
		for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
			struct souk_http_answer answer = {0};
			struct souk_http_call call = {.method = "POST",
				.url = url,
				.body = souk_bytes_of(body, sizes[k]),
				.headers = headers,
				.header_count = 2};
			assert_int_equal(
				souk_http_client_call(market->http, &call, &answer), SOUK_OK);
			assert_int_equal(answer.status, 400);
			assert_non_null(strstr(answer.body, "PEER_BAD_REQUEST"));
			souk_http_answer_done(&answer);
		}
	}
	assert_int_equal(market->node->provider.session_count, 0);
}

static void know_money(struct market *market, bool is_known)
{
	pthread_mutex_lock(&market->node->money_lock);
	market->node->money[0].is_known = is_known;
	pthread_mutex_unlock(&market->node->money_lock);
}

/* Where the ledger must be asked, or a receipt is being written, the strip goes to the control
 * server; which is nobody's fault. */
static void test_nothing_is_waited_for(void **state)
{
	struct market *market = *state;
	struct opened *opened = lay_agreed(market);
	know_money(market, false);
	for (unsigned i = 0; i < STRANGER_ASK; i++)
		assert_refused_sealed(market, opened, sponsor_of(market), "LOCAL_STATE");
	know_money(market, true);
	pthread_rwlock_wrlock(&market->node->receipt_lock);
	assert_refused_sealed(market, opened, sponsor_of(market), "LOCAL_STATE");
	pthread_rwlock_unlock(&market->node->receipt_lock);
	assert_served_sealed(market, opened);
	free(opened);
}

static void test_who_is_over_is_unknown(void **state)
{
	struct market *market = *state;
	struct opened *opened = lay_agreed(market);
	restart_with(market, expire);
	assert_refused_sealed(market, opened, sponsor_of(market), "PEER_UNKNOWN_SESSION");
	free(opened);
}

/* As many as the sponsor signs, from one address. */
static void test_good_strips_are_not_counted(void **state)
{
	struct market *market = *state;
	for (unsigned i = 0; i < STRANGER_ASK; i++) {
		struct opened *opened = lay_agreed(market);
		if (i % 2 == 0)
			assert_served(market, opened);
		else
			assert_served_sealed(market, opened);
		free(opened);
	}
}

/* ------------------------------------------------------------------ strangers */

/* A refusal that costs nothing is not counted; a call to the ledger and a signature are. */
static void test_strangers_are_counted(void **state)
{
	struct market *market = *state;
	struct opened *wrong = lay(market, &market->recruit.secret, PRICE - 1);
	struct opened *good = lay_agreed(market), *forged = lay_agreed(market);
	char path[128];
	bool is_full = false;
	for (unsigned i = 0; i < STRANGER_ASK; i++)
		assert_refused(market, wrong, "PEER_BAD_OFFER");
	assert_served(market, good);
	forged->session.strip.signature.bytes[5] ^= 1;
	first_path(forged, path);
	for (unsigned i = 0; i < 100 * STRANGER_ASK && !is_full; i++) {
		struct souk_http_answer answer = {0};
		assert_int_not_equal(post(market, forged, path, &answer), 200);
		is_full = strstr(answer.body, "LOCAL_FULL") != NULL;
		souk_http_answer_done(&answer);
	}
	assert_true(is_full);
	/* What is open is served all the same. */
	assert_served(market, good);
	free(wrong);
	free(good);
	free(forged);
}

int main(void)
{
#define IN_A_MARKET(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		IN_A_MARKET(test_strip_begins_a_session),
		IN_A_MARKET(test_session_outlives_the_process),
		IN_A_MARKET(test_path_names_the_session),
		IN_A_MARKET(test_what_was_not_promised),
		IN_A_MARKET(test_recruit_that_is_over),
		IN_A_MARKET(test_content_that_is_gone),
		IN_A_MARKET(test_earlier_secret_goes_with_its_price),
		IN_A_MARKET(test_earlier_secret_at_the_same_price),
		IN_A_MARKET(test_enlisting_keeps_the_secret_before),
		IN_A_MARKET(test_sealed_strip_begins_a_session),
		IN_A_MARKET(test_seal_is_the_sponsors),
		IN_A_MARKET(test_nonsense_is_refused),
		IN_A_MARKET(test_nothing_is_waited_for),
		IN_A_MARKET(test_who_is_over_is_unknown),
		IN_A_MARKET(test_good_strips_are_not_counted),
		IN_A_MARKET(test_strangers_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
