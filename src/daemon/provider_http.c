/* SPDX-License-Identifier: Apache-2.0
 *
 * The two servers of a provider: control over HTTPS, data over HTTP. Spec: spec/exchange.md. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http_answer.h"
#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/content/chunk.h"
#include "souk/exchange/header.h"
#include "souk/io/clock_real.h"
#include "souk/io/file.h"
#include "souk/io/log.h"

/* A row that is being sent: mapped, since it may be large and many may want it. souk add replaces a
 * row by another file and never shortens one. */
struct mapping {
	void *data;
	size_t size;
};

static void unmap(void *ctx)
{
	struct mapping *mapping = ctx;
	munmap(mapping->data, mapping->size);
	free(mapping);
}

static souk_status map_file(const char *path, struct mapping **ret)
{
	struct stat info;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct mapping *mapping = malloc(sizeof *mapping);
	void *data = MAP_FAILED;
	if (fd >= 0 && mapping != NULL && fstat(fd, &info) == 0 && info.st_size > 0)
		data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (data == MAP_FAILED) {
		free(mapping);
		return mapping == NULL ? SOUK_IO_MEMORY : SOUK_IO_READ;
	}
	*mapping = (struct mapping){data, (size_t)info.st_size};
	*ret = mapping;
	return SOUK_OK;
}

static void answer_row(struct provider_node *node, const char *id, struct souk_http_reply *reply)
{
	struct souk_hash content;
	struct souk_content_record record;
	struct mapping *row;
	char path[512];
	souk_status status = souk_hex_decode(content.bytes, SOUK_HASH_SIZE, id);
	if (status == SOUK_OK)
		status = provider_store_content(&node->store, &content, &record);
	if (status == SOUK_OK && record.size == 0) {
		souk_http_reply_static(reply, 200, ANSWER_BINARY, souk_bytes_of("", 0));
		return;
	}
	if (status == SOUK_OK) {
		provider_store_row_path(&node->store, &content, path);
		status = map_file(path, &row);
	}
	if (status == SOUK_OK)
		souk_http_reply_owned(
			reply, 200, ANSWER_BINARY, souk_bytes_of(row->data, row->size), unmap, row);
	else
		answer_refuse(reply,
			status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_UNKNOWN_CONTENT : status, NULL);
}

bool provider_may_ask(struct provider_node *node, const struct souk_http_request *request)
{
	return answer_may(request, &node->limit, &node->lock);
}

bool provider_may_ask_now(struct provider_node *node, const char *peer)
{
	return provider_limit_take(&node->limit, peer, souk_clock_steady_ns() / 1000000);
}

/* Who asks before it knows how long a content is asks for many units. 0: it is no content. */
static uint32_t chunks_of(const struct souk_content_record *record)
{
	uint64_t chunks = record->chunk_size == 0 || record->size == 0
				  ? 0
				  : (record->size - 1) / record->chunk_size + 1;
	return chunks < UINT32_MAX ? (uint32_t)chunks : 0;
}

static void answer_ask(struct provider_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_ask ask;
	struct souk_wire_error where;
	struct souk_content_record record;
	struct souk_grant_open grant;
	souk_status status = souk_ask_decode(&ask, request->body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	status = provider_find_sale(node, &ask.content, &record);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, NULL);
		return;
	}
	char peer[SOUK_HTTP_PEER_TEXT_SIZE];
	souk_http_request_peer(request, peer);
	struct souk_provider_item item = {
		.from = provider_limit_number(peer),
		.content = ask.content,
		.size = record.size,
		.chunk_size = record.chunk_size,
		.price = provider_price_now(node, &record, &ask.price),
		.units_max = chunks_of(&record),
	};
	/* A refusal costs nothing, so it is not counted against the address. */
	pthread_mutex_lock(&node->lock);
	status = souk_provider_ask_check(&node->provider, &ask, &item, provider_now());
	if (status == SOUK_OK && !provider_may_ask_now(node, peer))
		status = SOUK_LOCAL_FULL;
	if (status == SOUK_OK)
		status = souk_provider_ask(&node->provider, &grant, &ask, &item, provider_now());
	pthread_mutex_unlock(&node->lock);
	if (status == SOUK_OK)
		status = provider_commit(node);
	if (status != SOUK_OK)
		answer_refuse(reply, status, NULL);
	else
		ANSWER_MESSAGE(grant_open, SOUK_GRANT_OPEN_SIZE_MAX, reply, &grant);
}

static void answer_agreement(struct provider_node *node, const struct souk_http_request *request,
	struct souk_http_reply *reply)
{
	struct souk_signed_agreement proposed;
	struct souk_wire_error where;
	const char *detail;
	char peer[SOUK_HTTP_PEER_TEXT_SIZE];
	souk_status status = souk_signed_agreement_decode(&proposed, request->body, &where);
	detail = where.field;
	souk_http_request_peer(request, peer);
	/* It costs a call to the ledger: as many as asks. */
	pthread_mutex_lock(&node->lock);
	if (status == SOUK_OK && !provider_may_ask_now(node, peer))
		status = SOUK_LOCAL_FULL;
	pthread_mutex_unlock(&node->lock);
	if (status == SOUK_OK)
		status = provider_agreements_enter(node, &proposed, &detail);
	if (status != SOUK_OK)
		answer_refuse(reply, status, detail);
	else
		souk_http_reply_static(reply, 200, ANSWER_BINARY, souk_bytes_of("", 0));
}

static void answer_receipt(
	struct provider_node *node, struct souk_bytes body, struct souk_http_reply *reply)
{
	struct souk_receipt_proposal proposal;
	struct souk_signed_leaf_receipt receipt;
	struct souk_wire_error where;
	char detail[64];
	souk_status status = souk_receipt_proposal_decode(&proposal, body, &where);
	if (status != SOUK_OK) {
		answer_refuse(reply, status, where.field);
		return;
	}
	status = provider_receipt_take(node, &proposal, &receipt, detail);
	if (status != SOUK_OK)
		answer_refuse(reply, status, detail[0] != '\0' ? detail : NULL);
	else
		ANSWER_MESSAGE(
			signed_leaf_receipt, SOUK_SIGNED_LEAF_RECEIPT_SIZE_MAX, reply, &receipt);
}

static void answer_status(struct provider_node *node, struct souk_http_reply *reply)
{
	char text[2048];
	struct chunk_store_figures cache = chunk_store_figures_now(node->chunks);
	struct cache_recruit_figures recruits = cache_recruits_figures(node->recruits);
	struct proxy_figures keys = proxy_figures_now(node->proxy);
	pthread_mutex_lock(&node->lock);
	struct souk_amount price = node->price.now;
	const struct souk_provider_totals t = node->provider.totals;
	uint32_t sessions = node->provider.session_count, dues = node->provider.due_count;
	pthread_mutex_unlock(&node->lock);
	int size = snprintf(text, sizeof text,
		"{\"sessions\":%u,\"claims_due\":%u,\"asks_granted\":%ju,\"strips_accepted\":%ju,"
		"\"units_served\":%ju,\"tickets_accepted\":%ju,\"units_paid\":%ju,"
		"\"refused_auth\":%ju,\"refused_ticket\":%ju,\"refused_unpaid\":%ju,"
		"\"claims_paid\":%ju,\"owed_ncoin\":%ju,\"paid_ncoin\":%ju,\"price_ncoin\":%ju,"
		"\"cache\":{\"limit_bytes\":%ju,\"used_bytes\":%ju,\"pinned_bytes\":%ju,"
		"\"contents\":%ju,\"evictions\":%ju,\"evicted_bytes\":%ju},"
		"\"recruits\":{\"waiting\":%ju,\"fetching\":%ju,\"enlisted\":%ju,"
		"\"refused\":%ju,\"failed\":%ju,\"spent_today_ncoin\":%ju,"
		"\"budget_ncoin\":%ju},"
		"\"keys\":{\"grants\":%ju,\"units\":%ju,\"fragments\":%ju,\"refused\":%ju}}\n",
		sessions, dues, (uintmax_t)t.asks_granted, (uintmax_t)t.strips_accepted,
		(uintmax_t)t.units_served, (uintmax_t)t.tickets_accepted, (uintmax_t)t.units_paid,
		(uintmax_t)t.refused_auth, (uintmax_t)t.refused_ticket, (uintmax_t)t.refused_unpaid,
		(uintmax_t)t.claims_paid, (uintmax_t)t.owed.ncoin, (uintmax_t)t.paid.ncoin,
		(uintmax_t)price.ncoin, (uintmax_t)cache.limit, (uintmax_t)cache.used,
		(uintmax_t)cache.pinned, (uintmax_t)cache.items, (uintmax_t)cache.evictions,
		(uintmax_t)cache.bytes_evicted, (uintmax_t)recruits.waiting,
		(uintmax_t)recruits.fetching, (uintmax_t)recruits.enlisted,
		(uintmax_t)recruits.refused, (uintmax_t)recruits.failed,
		(uintmax_t)recruits.spent_today.ncoin, (uintmax_t)recruits.budget.ncoin,
		(uintmax_t)keys.grants, (uintmax_t)keys.units, (uintmax_t)keys.fragments,
		(uintmax_t)keys.refused);
	souk_http_reply_copy(reply, 200, "application/json", souk_bytes_of(text, (size_t)size));
}

/* What follows PREFIX in PATH, or NULL. */
static const char *after(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);
	return strncmp(path, prefix, length) == 0 ? path + length : NULL;
}

void provider_control_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct provider_node *node = ctx;
	bool is_get = strcmp(request->method, "GET") == 0;
	bool is_post = strcmp(request->method, "POST") == 0;
	const char *rest;
	if (is_get && (rest = after(request->path, "/v1/offers/")) != NULL)
		provider_offer_answer(node, request, rest, reply);
	else if (is_get && (rest = after(request->path, "/v1/chunks/")) != NULL)
		answer_row(node, rest, reply);
	else if (is_get && (rest = after(request->path, "/v1/names/")) != NULL)
		name_http_get(node->store.lmdb, rest, reply);
	else if (is_post && strcmp(request->path, "/v1/names") == 0)
		provider_names_post(node, request, reply);
	else if (is_get && strcmp(request->path, "/v1/status") == 0)
		answer_status(node, reply);
	else if (is_post && strcmp(request->path, "/v1/agreements") == 0)
		answer_agreement(node, request, reply);
	else if (is_post && strcmp(request->path, "/v1/sessions") == 0)
		answer_ask(node, request, reply);
	else if (is_post && strcmp(request->path, "/v1/receipts") == 0)
		answer_receipt(node, request->body, reply);
	else if (is_get && after(request->path, SOUK_PATH_KEYS) != NULL)
		provider_data_handler(node, request, reply);
	else if (is_post && (rest = after(request->path, "/v1/sessions/")) != NULL &&
		 provider_strip_answer(node, request, rest, reply))
		return;
	else if (!proxy_control(node, request, reply) &&
		 !provider_cache_answer(node, request, reply))
		souk_http_reply_problem(reply, 404, SOUK_LOCAL_NOT_FOUND, request->path);
}

/* ------------------------------------------------------------------ data */

unsigned provider_data_status(souk_status status)
{
	switch (status) {
	case SOUK_PEER_UNPAID:
	case SOUK_PEER_OVERDRAW:
	case SOUK_PEER_BAD_TICKET:
	case SOUK_PEER_JUMP_TOO_FAR:
	case SOUK_PEER_BAD_CHECKPOINT:
	case SOUK_PEER_STRIP_TERMS: return 402;
	case SOUK_PEER_BAD_AUTH: return 401;
	case SOUK_PEER_EPOCH_CLOSED:
	case SOUK_PEER_AGREEMENT_OVER:
	case SOUK_PEER_AGREEMENT_REVOKED:
	case SOUK_PEER_STRIP_EXPIRED: return 410;
	case SOUK_PEER_OUT_OF_ORDER:
	case SOUK_PEER_UNIT_REBOUND: return 409;
	case SOUK_LOCAL_NOT_HERE: return 404;
	case SOUK_LOCAL_FULL: return 429;
	default: return souk_http_status_of(status);
	}
}

/* A unit that is sent under an agreement. */
struct accountable {
	bool is; /* false: it is sent under none */
	struct souk_hash id;
	struct souk_unit_statement statement;
};

/* The item that REQUEST wants a chunk of, where that chunk is here; to be given back. Before
 * anything is bound or paid: a customer that is refused asks another provider, and blames nobody.
 *
 * Returns SOUK_OK, with NULL where souk_provider_unit knows better what to answer;
 * SOUK_LOCAL_NOT_HERE; or why the disk cannot be read. */
static souk_status take_item(struct provider_node *node, const struct souk_unit_request *request,
	struct chunk_item **ret)
{
	struct souk_hash content;
	struct chunk_item *item;
	*ret = NULL;
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_provider_content(&node->provider, &request->session, &content);
	pthread_mutex_unlock(&node->lock);
	if (status != SOUK_OK)
		return SOUK_OK;
	status = chunk_store_take(node->chunks, &content, &item);
	if (status != SOUK_OK)
		return status == SOUK_LOCAL_NOT_FOUND ? SOUK_LOCAL_NOT_HERE : status;
	if (request->chunk < souk_content_chunk_count(chunk_item_content(item)) &&
		!chunk_item_has(item, (uint32_t)request->chunk)) {
		chunk_item_give(item);
		return SOUK_LOCAL_NOT_HERE;
	}
	*ret = item;
	return SOUK_OK;
}

/* Whether DATA, as it was read, is what the row says: nobody signs for a disk unseen. */
static souk_status check_read(struct provider_node *node, struct chunk_item *item,
	const struct souk_unit_statement *statement, struct souk_bytes data)
{
	if (!node->config.agreements.verifies)
		return SOUK_OK;
	souk_status status = souk_content_verify_chunk(chunk_item_content(item), statement->chunk,
		&chunk_item_row(item)[statement->chunk], data);
	return status == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_CONTENT;
}

struct encryption {
	const struct souk_unit_cipher *cipher;
	uint8_t *out;
};

static void encrypt(void *ctx, struct souk_bytes data)
{
	const struct encryption *encryption = ctx;
	souk_unit_cipher_xor(encryption->cipher, encryption->out, data.data, data.size);
}

/* UNIT of ITEM, encrypted, into OUT. What is signed for is looked at before; else it is read once,
 * from where it lies. */
static souk_status read_unit(struct provider_node *node, const struct souk_provider_reply *unit,
	const struct accountable *accountable, struct chunk_item *item, uint8_t *out)
{
	struct encryption encryption = {&unit->cipher, out};
	if (!accountable->is)
		return chunk_item_use(item, unit->offset, unit->length, encrypt, &encryption);
	SOUK_TRY(chunk_item_read(item, unit->offset, out, unit->length));
	SOUK_TRY(check_read(node, item, &accountable->statement, souk_bytes_of(out, unit->length)));
	souk_unit_cipher_xor(&unit->cipher, out, out, unit->length);
	return SOUK_OK;
}

/* Read, encrypt and send one chunk. BUFFER is given back once it is sent. */
static void send_unit(struct provider_node *node, const struct souk_provider_reply *unit,
	struct accountable *accountable, struct chunk_item *item, struct provider_buffer *buffer,
	struct souk_http_reply *reply)
{
	char statement[SOUK_STATEMENT_TEXT_SIZE];
	uint8_t *data = buffer->memory->data;
	souk_status status = SOUK_IO_READ;
	if (item != NULL && unit->length <= buffer->memory->size)
		status = read_unit(node, unit, accountable, item, data);
	if (status == SOUK_OK) {
		if (accountable->is) {
			provider_statement_sign(node, &accountable->statement, &accountable->id,
				souk_bytes_of(data, unit->length), statement);
			/* Of a size that fits, by the header's own limit. */
			SOUK_CHECK(souk_http_reply_header(
					   reply, SOUK_HEADER_STATEMENT, statement) == SOUK_OK);
		}
		atomic_fetch_add(&node->bytes_sent, unit->length);
		souk_http_reply_owned(reply, 200, ANSWER_BINARY, souk_bytes_of(data, unit->length),
			provider_buffer_give, buffer);
		return;
	}
	provider_buffer_give(buffer);
	SOUK_LOG(SOUK_LOG_ERROR, "content_unreadable",
		souk_log_hex("content", unit->content.bytes, SOUK_HASH_SIZE),
		souk_log_status(status));
	souk_http_reply_problem(reply, 503, status, "try again");
}

/* A line for what a customer signed for and then broke. The rest is no news, or anybody's:
 * strangers could fill the disk with it. */
static void log_refusal(const struct souk_unit_request *request, souk_status status)
{
	bool is_news = status == SOUK_PEER_BAD_TICKET || status == SOUK_PEER_BAD_CHECKPOINT ||
		       souk_status_class(status) == SOUK_CLASS_CORRUPT;
	SOUK_LOG(is_news ? SOUK_LOG_INFO : SOUK_LOG_DEBUG, "unit_refused",
		souk_log_hex("session", request->session.bytes, SOUK_NONCE_SIZE),
		souk_log_u64("unit", request->unit), souk_log_status(status));
}

/* What the tickets of REQUEST brought goes to its content. */
struct earning {
	struct souk_hash content;
	uint64_t units;
	struct souk_amount amount;
};

static souk_status take_request(struct provider_node *node, const struct souk_unit_request *request,
	struct accountable *accountable, struct souk_provider_reply *ret)
{
	/* After a restart: whether a stored session's epoch is still open, the ledger says. */
	souk_status status = SOUK_IO_TIMEOUT;
	struct earning earning = {.units = 0};
	pthread_mutex_lock(&node->lock);
	const struct souk_provider_totals *totals = &node->provider.totals;
	uint64_t units = totals->units_paid, owed = totals->owed.ncoin;
	souk_status known =
		souk_provider_content(&node->provider, &request->session, &earning.content);
	if (node->provider.epoch_known)
		status = souk_provider_unit(&node->provider, ret, request, provider_now());
	if (status == SOUK_OK && accountable->is)
		status = souk_provider_statement(&node->provider, &accountable->statement, request);
	earning.units = totals->units_paid - units;
	earning.amount.ncoin = totals->owed.ncoin - owed;
	pthread_mutex_unlock(&node->lock);
	if (known == SOUK_OK && earning.units > 0)
		chunk_store_earned(
			node->chunks, &earning.content, (uint32_t)earning.units, earning.amount);
	return status;
}

/* Whether a unit is asked for under an agreement, and that one runs. */
static souk_status find_agreement(struct provider_node *node,
	const struct souk_unit_request *request, const char *header,
	struct souk_agreement *ret_agreement, struct accountable *ret)
{
	ret->is = header != NULL && request->unit > 0;
	if (!ret->is)
		return SOUK_OK;
	SOUK_TRY(souk_agreement_parse(&ret->id, souk_bytes_text(header)));
	return provider_agreements_find(node->agreements, &ret->id, provider_now(), ret_agreement);
}

/* The reply to REQUEST, as far as the provider serves it. Else REPLY is not touched, and *RET_HTTP
 * is what the refusal is. */
static souk_status serve_unit(struct provider_node *node, const struct souk_unit_request *request,
	const char *agreement_header, struct souk_http_reply *reply, unsigned *ret_http)
{
	struct souk_agreement agreement;
	struct accountable accountable;
	struct souk_provider_reply unit;
	struct provider_buffer *buffer = NULL;
	struct chunk_item *item = NULL;
	char text[SOUK_KEY_TEXT_SIZE];
	souk_status status =
		find_agreement(node, request, agreement_header, &agreement, &accountable);
	if (status == SOUK_OK && request->unit > 0)
		status = take_item(node, request, &item);
	*ret_http = provider_data_status(status);
	SOUK_TRY(status);
	/* The buffer first: a unit counts as sent once the provider has agreed to it. */
	if (request->unit > 0) {
		buffer = provider_buffer_take(node->buffers, &request->session);
		if (buffer == NULL) {
			chunk_item_give(item);
			*ret_http = 503;
			return SOUK_LOCAL_FULL;
		}
	}
	status = take_request(node, request, &accountable, &unit);
	/* What is sold must be what was agreed upon: the statement says so. */
	if (status == SOUK_OK && accountable.is &&
		!souk_hash_equal(&unit.content, &agreement.terms))
		status = SOUK_PEER_NO_AGREEMENT;
	if (status != SOUK_OK) {
		if (buffer != NULL)
			provider_buffer_give(buffer);
		chunk_item_give(item);
		log_refusal(request, status);
		*ret_http = provider_data_status(status);
		return status;
	}
	if (buffer == NULL)
		souk_http_reply_static(reply, 200, ANSWER_BINARY, souk_bytes_of("", 0));
	else
		send_unit(node, &unit, &accountable, item, buffer, reply);
	chunk_item_give(item);
	if (!unit.has_key)
		return SOUK_OK;
	souk_key_format(text, &unit.key);
	if (souk_http_reply_header(reply, SOUK_HEADER_KEY, text) != SOUK_OK)
		souk_http_reply_problem(reply, 500, SOUK_LOCAL_FULL, NULL);
	return SOUK_OK;
}

static void answer_unit(struct provider_node *node, const struct souk_unit_request *request,
	const char *agreement_header, struct souk_http_reply *reply)
{
	unsigned http_status;
	souk_status status = serve_unit(node, request, agreement_header, reply, &http_status);
	if (status != SOUK_OK)
		souk_http_reply_problem(reply, http_status, status,
			status == SOUK_LOCAL_FULL && http_status == 503 ? "busy: try again" : NULL);
}

bool provider_unit_first(struct provider_node *node, const struct souk_http_request *http,
	const struct souk_unit_request *request, struct souk_http_reply *reply)
{
	unsigned http_status;
	return (souk_status)atomic_load(&node->store_status) == SOUK_OK &&
	       serve_unit(node, request, souk_http_request_header(http, SOUK_HEADER_AGREEMENT),
		       reply, &http_status) == SOUK_OK;
}

void provider_data_handler(
	void *ctx, const struct souk_http_request *http, struct souk_http_reply *reply)
{
	struct provider_node *node = ctx;
	struct souk_unit_request request;
	souk_status store = (souk_status)atomic_load(&node->store_status);
	souk_status status = souk_request_parse(&request, souk_bytes_text(http->path),
		souk_http_request_header(http, SOUK_HEADER_AUTH),
		souk_http_request_header(http, SOUK_HEADER_TICKET));
	const char *sponsor = souk_http_request_header(http, SOUK_HEADER_SPONSOR);
	bool is_post = strcmp(http->method, "POST") == 0;
	if (status == SOUK_OK && (is_post ? request.unit == 0 : strcmp(http->method, "GET") != 0))
		status = SOUK_PEER_BAD_REQUEST;
	if (status != SOUK_OK)
		souk_http_reply_problem(reply, provider_data_status(status), status, NULL);
	else if (store != SOUK_OK)
		/* A ticket that cannot be kept must not be taken. */
		souk_http_reply_problem(reply, 503, store, "this provider cannot keep tickets now");
	else if (is_post && sponsor != NULL)
		provider_strip_sealed(node, http, &request, sponsor, reply);
	else if (is_post)
		proxy_unit(node, &request, http->body, reply);
	else
		answer_unit(node, &request, souk_http_request_header(http, SOUK_HEADER_AGREEMENT),
			reply);
}
