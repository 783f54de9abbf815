/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider offers, and the chunk row behind it. Spec: spec/exchange.md 2. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "http_answer.h"
#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/content/chunk.h"
#include "souk/exchange/header.h"
#include "souk/io/clock_real.h"
#include "souk/io/file.h"

/* A longer row is sent by itself: this one is copied for each who asks. */
#define ROW_WITH_OFFER_MAX (1u << 20)
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

/* How many bytes of row go with OFFER, for who asks for ASKED at most. One of a single chunk says
 * nothing that the content's id does not. */
static size_t row_size_with(const struct souk_offer *offer, const char *asked)
{
	uint32_t most;
	struct souk_content content;
	struct souk_content_name name = {
		.id = offer->content, .has_size = true, .size = offer->size};
	if (asked == NULL || souk_row_parse(&most, souk_bytes_text(asked)) != SOUK_OK ||
		souk_content_check(&content, &name, offer->size, offer->chunk_size) != SOUK_OK)
		return 0;
	uint32_t chunks = souk_content_chunk_count(&content);
	size_t size = (size_t)chunks * SOUK_HASH_SIZE;
	most = most < ROW_WITH_OFFER_MAX ? most : ROW_WITH_OFFER_MAX;
	return chunks > 1 && size <= most ? size : 0;
}

static souk_status read_row(
	struct provider_node *node, const struct souk_hash *content, uint8_t *out, size_t size)
{
	char path[512];
	provider_store_row_path(&node->store, content, path);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return SOUK_IO_READ;
	souk_status status = souk_file_read_at(fd, out, size, 0);
	close(fd);
	return status;
}

/* OFFER and the row behind it. Where that cannot be, the row is asked for by itself. */
static bool answer_with_row(struct provider_node *node, const struct souk_signed_offer *offer,
	size_t row_size, struct souk_http_reply *reply)
{
	char text[SOUK_ROW_TEXT_SIZE];
	uint8_t *body = malloc(SOUK_SIGNED_OFFER_SIZE_MAX + row_size);
	if (body == NULL)
		return false;
	size_t size = encode_offer(body, offer);
	souk_row_format(text, (uint32_t)size);
	if (read_row(node, &offer->offer.content, body + size, row_size) != SOUK_OK ||
		souk_http_reply_header(reply, SOUK_HEADER_ROW, text) != SOUK_OK) {
		free(body);
		return false;
	}
	souk_http_reply_owned(
		reply, 200, ANSWER_BINARY, souk_bytes_of(body, size + row_size), free, body);
	return true;
}

void provider_offer_answer(struct provider_node *node, const struct souk_http_request *request,
	const char *id, struct souk_http_reply *reply)
{
	struct souk_hash content;
	struct souk_signed_offer offer;
	souk_status status = souk_hex_decode(content.bytes, SOUK_HASH_SIZE, id);
	if (status == SOUK_OK)
		status = provider_offer(node, &content, &offer);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, NULL);
		return;
	}
	size_t row_size =
		row_size_with(&offer.offer, souk_http_request_query(request, SOUK_QUERY_ROW));
	if (row_size == 0 || !answer_with_row(node, &offer, row_size, reply))
		ANSWER_MESSAGE(signed_offer, SOUK_SIGNED_OFFER_SIZE_MAX, reply, &offer);
}
