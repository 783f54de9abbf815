/* SPDX-License-Identifier: Apache-2.0
 *
 * A receiver's session with a proxy whose answers the bytes choose: genuine, spoilt at a place,
 * refused, lost, or those of a proxy with another key fragment. Each four bytes are one step.
 *
 * Whatever comes: no more is paid than was right and a window beside it; what counts as complete
 * and verifies is what an honest proxy would have sent; evidence convicts the liar alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key_internal.h"
#include "keys_kit.h"
#include "market_kit.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WINDOW 3u
#define WAVE   2u
#define CALLS  8u
#define STEPS  120u

/* A call that is under way. */
struct pending {
	struct key_call *user; /* NULL: free */
	char url[KEY_URL_SIZE];
	char auth[64], ticket[128];
	uint8_t body[sizeof(struct souk_strip_open)];
	size_t body_size;
	void *destination;
	size_t room;
};

static struct bench {
	struct keys_kit keys;
	struct kit_provider seller;
	struct kit_payer payer;
	struct souk_provider_item item;
	struct key_client client;
	struct key_proxy proxy;
	struct souk_customer customer;
	struct key_segment segment;
	struct key_part parts[WINDOW];
	struct pending calls[CALLS];
	struct souk_umbral_capsule capsules[WAVE][SOUK_KEYS_BATCH_MAX];
	uint64_t ns, right; /* requests whose fragments were right */
	bool lied;
} * b;

/* ------------------------------------------------------------------ what the session needs */

uint64_t key_now_ns(void)
{
	return b->ns;
}

struct souk_time key_now(void)
{
	return souk_time_at_ms(1000);
}

void key_note(const struct key_client *client, const char *format, ...)
{
	(void)client;
	(void)format;
}

void key_forget(struct key_proxy *proxy)
{
	proxy->offer.expires.ms = 0;
}

uint64_t key_leaf_units(const struct key_proxy *proxy)
{
	return (proxy->leaf.amount.ncoin - proxy->leaf.used.ncoin) / proxy->terms.price.ncoin;
}

souk_status wallet_reserve_many(struct wallet *wallet, struct souk_wallet_strip *const *strips,
	const struct souk_amount *amounts, size_t count, souk_status *ret)
{
	(void)wallet;
	for (size_t i = 0; i < count; i++) {
		uint64_t end = b->proxy.leaf.used.ncoin + strips[i]->price.ncoin * strips[i]->count;
		strips[i]->start = b->proxy.leaf.used;
		ret[i] = end <= amounts[i].ncoin ? SOUK_OK : SOUK_PEER_STRIP_RANGE;
	}
	return SOUK_OK;
}

souk_status wallet_put_strips(
	struct wallet *wallet, const struct souk_wallet_strip *const *strips, size_t count)
{
	(void)wallet;
	for (size_t i = 0; i < count; i++)
		SOUK_CHECK(strips[i]->over && strips[i]->unit <= strips[i]->count);
	return SOUK_OK;
}

souk_status souk_http_fetcher_start(
	struct souk_http_fetcher *fetcher, const struct souk_http_fetch *fetch)
{
	struct pending *call = b->calls;
	(void)fetcher;
	while (call < b->calls + CALLS && call->user != NULL)
		call++;
	if (call == b->calls + CALLS)
		return SOUK_LOCAL_FULL;
	*call = (struct pending){.user = fetch->user,
		.body_size = fetch->body.size,
		.destination = fetch->destination,
		.room = fetch->size_max};
	SOUK_CHECK(fetch->body.size <= sizeof call->body);
	snprintf(call->url, sizeof call->url, "%s", fetch->url);
	if (fetch->body.size > 0)
		memcpy(call->body, fetch->body.data, fetch->body.size);
	if (fetch->header_count > 0)
		snprintf(call->auth, sizeof call->auth, "%s",
			fetch->headers[0] + sizeof SOUK_HEADER_AUTH + 1);
	if (fetch->header_count > 1)
		snprintf(call->ticket, sizeof call->ticket, "%s",
			fetch->headers[1] + sizeof SOUK_HEADER_TICKET + 1);
	return SOUK_OK;
}

void souk_http_fetcher_cancel(struct souk_http_fetcher *fetcher, const void *user)
{
	(void)fetcher;
	for (size_t i = 0; i < CALLS; i++) {
		if (b->calls[i].user == user)
			b->calls[i].user = NULL;
	}
}

/* ------------------------------------------------------------------ an honest proxy */

#define ANSWER(name, size_max, message)                                                            \
	do {                                                                                       \
		struct souk_writer writer_;                                                        \
		souk_writer_init(&writer_, out, (size_max));                                       \
		souk_##name##_encode(&writer_, (message));                                         \
		SOUK_CHECK(!writer_.full);                                                         \
		*ret_size = writer_.size;                                                          \
	} while (0)

static souk_status give_offer(uint8_t *out, size_t *ret_size)
{
	struct souk_signed_offer offer = {.offer = kit_offer(&b->keys.proxy, &b->keys.id, 0, 0,
						  b->item.price.ncoin, WINDOW, 64)};
	offer.offer.expires = souk_time_at_ms(600000);
	SOUK_TRY(souk_text_set(&offer.offer.data_url, "http://127.0.0.1:1"));
	souk_offer_sign(&offer, &b->keys.proxy);
	ANSWER(signed_offer, SOUK_SIGNED_OFFER_SIZE_MAX, &offer);
	return SOUK_OK;
}

static souk_status give_grant(struct souk_bytes body, uint8_t *out, size_t *ret_size)
{
	struct souk_ask ask;
	struct souk_grant_open grant;
	SOUK_CHECK(souk_ask_decode(&ask, body, NULL) == SOUK_OK);
	SOUK_TRY(souk_provider_ask(&b->seller.provider, &grant, &ask, &b->item, key_now()));
	ANSWER(grant_open, SOUK_GRANT_OPEN_SIZE_MAX, &grant);
	return SOUK_OK;
}

static souk_status take_strip(const char *hex, struct souk_bytes body)
{
	static struct souk_strip_open open;
	struct souk_nonce session;
	struct souk_provider_effect effect;
	char text[2 * SOUK_NONCE_SIZE + 1] = "";
	memcpy(text, hex, sizeof text - 1);
	SOUK_CHECK(souk_hex_decode(session.bytes, SOUK_NONCE_SIZE, text) == SOUK_OK);
	SOUK_CHECK(souk_strip_open_decode(&open, body, NULL) == SOUK_OK);
	SOUK_TRY(souk_provider_strip(&b->seller.provider, &session, &open, &b->payer.allotment,
		&b->payer.escrow, key_now()));
	while (souk_provider_next_effect(&b->seller.provider, &effect))
		;
	return SOUK_OK;
}

static souk_status give_unit(const struct pending *call, const char *path, bool is_lie,
	uint8_t *out, size_t *ret_size, char key[SOUK_KEY_TEXT_SIZE])
{
	struct souk_unit_request request;
	struct souk_provider_reply unit;
	struct souk_key_request asked;
	struct souk_key_reply reply;
	struct souk_umbral_capsule capsules[SOUK_KEYS_BATCH_MAX];
	uint32_t bad;
	SOUK_CHECK(souk_request_parse(&request, souk_bytes_text(path), call->auth,
			   call->ticket[0] != '\0' ? call->ticket : NULL) == SOUK_OK);
	SOUK_TRY(souk_provider_unit(&b->seller.provider, &unit, &request, key_now()));
	if (unit.has_key)
		souk_key_format(key, &unit.key);
	*ret_size = 0;
	if (request.unit == 0)
		return SOUK_OK;
	SOUK_CHECK(souk_key_request_decode(
			   &asked, souk_bytes_of(call->body, call->body_size), NULL) == SOUK_OK);
	SOUK_CHECK(souk_keys_request_parse(capsules, &bad, &asked, request.chunk) == SOUK_OK);
	souk_keys_serve(&reply, &asked, capsules, &b->keys.id, &request.session, request.unit,
		&b->keys.kfrags[is_lie ? 1 : 0], &unit.cipher, b->keys.secret);
	souk_keys_reply_sign(&reply, &b->keys.proxy);
	b->lied |= is_lie;
	ANSWER(key_reply, SOUK_KEY_REPLY_SIZE_MAX, &reply);
	return SOUK_OK;
}

static souk_status answer(const struct pending *call, bool is_lie, uint8_t *out, size_t *ret_size,
	char key[SOUK_KEY_TEXT_SIZE])
{
	const char *path = strstr(call->url, "/v1/");
	struct souk_bytes body = souk_bytes_of(call->body, call->body_size);
	SOUK_CHECK(path != NULL);
	*ret_size = 0;
	if (strncmp(path, "/v1/offers/", 11) == 0)
		return give_offer(out, ret_size);
	if (strcmp(path, "/v1/sessions") == 0)
		return give_grant(body, out, ret_size);
	if (strncmp(path, "/v1/sessions/", 13) == 0)
		return take_strip(path + 13, body);
	return give_unit(call, path, is_lie, out, ret_size, key);
}

/* ------------------------------------------------------------------ steps */

static void refuse(const struct pending *call, souk_status status, struct souk_http_fetched *ret)
{
	char text[128];
	int size = snprintf(text, sizeof text, "{\"error\":\"%s\"}", souk_status_name(status));
	ret->http_status = 400;
	ret->size = (size_t)size;
	memcpy(call->destination, text, (size_t)size);
}

static void deliver(const uint8_t bytes[4])
{
	static const souk_status refusals[] = {SOUK_PEER_UNKNOWN_SESSION, SOUK_LOCAL_FULL,
		SOUK_PEER_AGREEMENT_REVOKED, SOUK_PEER_EPOCH_CLOSED, SOUK_LOCAL_STATE,
		SOUK_PEER_UNIT_REBOUND, SOUK_PEER_BAD_CAPSULE, SOUK_PEER_WRONG_EPOCH};
	static uint8_t out[SOUK_GRANT_OPEN_SIZE_MAX + SOUK_KEY_REPLY_SIZE_MAX];
	struct souk_http_fetched fetched = {.http_status = 200};
	struct pending *call = &b->calls[bytes[0] / 8 % CALLS];
	size_t size = 0;
	if (call->user == NULL)
		return;
	fetched.user = call->user;
	uint8_t what = bytes[1] % 8;
	if (what == 1) {
		fetched.status = SOUK_IO_NET;
	} else if (what == 2) {
		refuse(call, refusals[bytes[2] % 8], &fetched);
	} else {
		souk_status status = answer(call, what == 3, out, &size, fetched.reply_header);
		if (what == 4 && size > 0)
			out[(bytes[2] * 256u + bytes[3]) % size] ^= (uint8_t)(1u << bytes[3] % 8);
		if (what == 5)
			size = bytes[2] < size ? bytes[2] : size;
		if (what == 6 && fetched.reply_header[0] != '\0')
			fetched.reply_header[bytes[2] % strlen(fetched.reply_header)] ^= 1;
		SOUK_CHECK(size <= call->room);
		memcpy(call->destination, out, size);
		fetched.size = size;
		if (status != SOUK_OK)
			refuse(call, status, &fetched);
	}
	call->user = NULL;
	key_session_take(&fetched);
}

/* As key_retrieve.c does: each fragment is verified before more is paid. */
static void take_wave(void)
{
	struct key_proxy *proxy = &b->proxy;
	bool right = true;
	for (uint32_t i = 0; i < WAVE; i++) {
		const struct key_part *part = &proxy->parts[i];
		const struct souk_key_request *request = &b->client.wave.requests[i];
		for (uint32_t k = 0; k < request->capsules.count; k++) {
			struct souk_umbral_cfrag cfrag;
			struct souk_key_evidence evidence;
			if (souk_keys_fragment_verify(&cfrag, part->fragments[k],
				    &b->capsules[i][k], &proxy->terms) == SOUK_OK)
				continue;
			right = false;
			SOUK_CHECK(b->lied);
			SOUK_CHECK(souk_keys_accuse_fragment(&evidence, request, &part->reply, k,
					   &part->cipher, &b->keys.agreement) == SOUK_OK);
		}
	}
	if (!right) {
		key_session_fail(proxy, SOUK_PEER_BAD_FRAGMENT, NULL);
		return;
	}
	b->right += WAVE;
	key_session_verified(proxy);
	key_session_begin(proxy);
}

static void check_exposure(void)
{
	uint64_t price = b->proxy.terms.price.ncoin, paid = b->seller.provider.totals.owed.ncoin;
	/* A window for each session that was opened. */
	SOUK_CHECK(paid <= (b->right + WINDOW * (b->proxy.sessions + 1)) * price);
}

static void step(const uint8_t bytes[4])
{
	struct key_proxy *proxy = &b->proxy, *const one[] = {proxy};
	switch (bytes[0] % 8) {
	case 0: b->ns += 50000000ull * bytes[1]; break;
	case 1:
		if (proxy->step == KEY_NO_MONEY && !proxy->has_failed)
			proxy->step = KEY_READY;
		key_session_settle(&b->client, one, 1);
		break;
	case 2:
		if (proxy->is_complete && !proxy->has_failed)
			take_wave();
		break;
	case 3:
		if (bytes[1] == 255)
			key_session_end(proxy, SOUK_LOCAL_STATE);
		break;
	default: deliver(bytes);
	}
	key_session_go(proxy);
	key_session_strips(&b->client, one, 1);
	check_exposure();
}

static void make_wave(void)
{
	struct key_wave *wave = &b->client.wave;
	wave->count = WAVE;
	for (uint32_t i = 0; i < WAVE; i++) {
		uint32_t bad;
		keys_kit_ask(&b->keys, &wave->requests[i], 1 + i);
		wave->numbers[i] = souk_keys_request_number(&wave->requests[i]);
		SOUK_CHECK(souk_keys_request_parse(b->capsules[i], &bad, &wave->requests[i],
				   wave->numbers[i]) == SOUK_OK);
	}
}

static void bench_open(void)
{
	struct key_proxy *proxy = &b->proxy;
	keys_kit_init(&b->keys, 7, 8);
	b->seller.identity = b->keys.proxy;
	b->seller.window = WINDOW;
	kit_payer_init(&b->payer, 2, &b->keys.proxy.address, 1, 100000);
	kit_payer_epoch(&b->payer, 7);
	kit_provider_start(&b->seller, 3, 7, souk_time_at_ms(1000000), key_now());
	b->item = (struct souk_provider_item){.content = b->keys.id, .price = b->keys.policy.price};
	b->client.config.identity = &b->payer.issuer;
	b->client.config.window = WINDOW;
	b->client.escrow = b->payer.escrow_id;
	b->client.needed = WAVE;
	souk_secret_rng_init(&b->client.rng, b->keys.secret);
	b->segment.plan.leaves.count = 1;
	b->segment.plan.leaves.items[0] = b->payer.leaves[0];
	*proxy = (struct key_proxy){.client = &b->client,
		.agreement_id = b->keys.id,
		.address = b->keys.proxy.address,
		.agreement = b->keys.agreement,
		.terms = b->keys.policy,
		.step = KEY_READY,
		.segment = &b->segment,
		.leaf = b->payer.free[0],
		.customer = &b->customer,
		.parts = b->parts};
	snprintf(proxy->control_url, sizeof proxy->control_url, "https://127.0.0.1:1");
	make_wave();
	key_session_begin(proxy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	b = calloc(1, sizeof *b);
	if (b == NULL)
		return 0;
	b->ns = 1;
	bench_open();
	key_session_go(&b->proxy);
	for (size_t i = 0; i + 4 <= size && i < 4 * STEPS; i += 4)
		step(data + i);
	key_session_end(&b->proxy, SOUK_LOCAL_STATE);
	struct key_proxy *const one[] = {&b->proxy};
	key_session_settle(&b->client, one, 1);
	for (size_t i = 0; i < CALLS; i++)
		SOUK_CHECK(b->calls[i].user == NULL);
	free(b);
	return 0;
}
