/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider offers, and the chunk row behind it. Spec: spec/exchange.md 2. */
#include "http_answer.h"
#include "provider_internal.h"
#include "row_answer.h"
#include "souk/base/check.h"
#include "souk/content/chunk.h"
#include "souk/io/clock_real.h"

/* A signed offer is given to whoever asks so long, if nothing of it changes. */
#define SIGNED_MS (OFFER_LIFE_MS / 10)

/* What is sold as ID: a content, or what a proxy does under an agreement. */
souk_status provider_find_sale(
	struct provider_node *node, const struct souk_hash *id, struct souk_content_record *ret)
{
	souk_status status = provider_store_content(&node->store, id, ret);
	return status == SOUK_LOCAL_NOT_FOUND ? proxy_sale(node->proxy, id, ret) : status;
}

/* Whether KNOWN, for this long yet, says what OFFER does; under the lock. */
static bool is_current(const struct known_offer *known, const struct souk_offer *offer)
{
	const struct souk_offer *old = &known->offer.offer;
	return known->signed_ns != 0 && souk_hash_equal(&old->content, &offer->content) &&
	       old->size == offer->size && old->chunk_size == offer->chunk_size &&
	       old->price.ncoin == offer->price.ncoin &&
	       souk_clock_steady_ns() - known->signed_ns < SIGNED_MS * 1000000ull;
}

static bool find_signed(struct provider_node *node, struct souk_signed_offer *offer)
{
	bool found = false;
	pthread_mutex_lock(&node->lock);
	for (size_t i = 0; i < KNOWN_OFFERS && !found; i++) {
		found = is_current(&node->offers[i], &offer->offer);
		if (found)
			*offer = node->offers[i].offer;
	}
	pthread_mutex_unlock(&node->lock);
	return found;
}

static void sign(struct provider_node *node, struct souk_signed_offer *offer)
{
	souk_offer_sign(offer, node->identity);
	pthread_mutex_lock(&node->lock);
	node->offers[node->offer_next++ % KNOWN_OFFERS] =
		(struct known_offer){*offer, souk_clock_steady_ns()};
	pthread_mutex_unlock(&node->lock);
}

souk_status provider_offer(
	struct provider_node *node, const struct souk_hash *content, struct souk_signed_offer *ret)
{
	struct souk_content_record record;
	SOUK_TRY(provider_find_sale(node, content, &record));
	ret->offer = (struct souk_offer){
		.version = SOUK_EXCHANGE_VERSION,
		.provider = node->identity->address,
		.content = *content,
		.size = record.size,
		.chunk_size = record.chunk_size,
		.price = provider_price_now(node, &record, NULL),
		.window = (uint16_t)node->config.window,
		.units_max = (uint32_t)node->config.units_max,
		.expires = souk_time_plus_ms(provider_now(), OFFER_LIFE_MS),
	};
	SOUK_TRY(souk_text_set(&ret->offer.data_url, node->data_url));
	if (!find_signed(node, ret))
		sign(node, ret);
	return SOUK_OK;
}

static size_t encode_offer(
	uint8_t out[SOUK_SIGNED_OFFER_SIZE_MAX], const struct souk_signed_offer *offer)
{
	struct souk_writer writer;
	struct souk_bytes encoded;
	souk_writer_init(&writer, out, SOUK_SIGNED_OFFER_SIZE_MAX);
	souk_signed_offer_encode(&writer, offer);
	SOUK_CHECK(souk_writer_finish(&writer, &encoded) == SOUK_OK);
	return encoded.size;
}

void provider_offer_answer(struct provider_node *node, const struct souk_http_request *request,
	const char *id, struct souk_http_reply *reply)
{
	uint8_t bytes[SOUK_SIGNED_OFFER_SIZE_MAX];
	char path[512];
	struct souk_hash content;
	struct souk_signed_offer offer;
	souk_status status = souk_hex_decode(content.bytes, SOUK_HASH_SIZE, id);
	if (status == SOUK_OK)
		status = provider_offer(node, &content, &offer);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, NULL);
		return;
	}
	struct souk_content shape;
	struct souk_content_name name = {.id = content, .has_size = true, .size = offer.offer.size};
	struct souk_bytes head = souk_bytes_of(bytes, encode_offer(bytes, &offer));
	provider_store_row_path(&node->store, &content, path);
	/* What has no chunks has no row. */
	if (souk_content_check(&shape, &name, offer.offer.size, offer.offer.chunk_size) == SOUK_OK)
		row_answer(reply, request, head, &shape, path);
	else
		souk_http_reply_copy(reply, 200, ANSWER_BINARY, head);
}
