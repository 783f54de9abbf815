/* SPDX-License-Identifier: Apache-2.0
 *
 * Strips on their way. A strip goes to the control server together with the request for the
 * session's first unit, which comes back with the 200: so a session costs two round trips until its
 * first unit is here, the ask and this one.
 *
 * So it is where somebody waits for the first unit. To the planner, time that goes by until the
 * strip is accepted is time that units take; a whole content is fetched better by one that knows
 * the difference, and does not ask another for what only waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch_paid.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"

static souk_status keep(struct paid_provider *provider, const struct souk_strip_open *open)
{
	struct paid_strip *sending = &provider->sending;
	struct souk_writer writer;
	struct souk_bytes encoded;
	paid_strip_drop(provider);
	sending->body = malloc(SOUK_STRIP_OPEN_SIZE_MAX);
	if (sending->body == NULL)
		return SOUK_IO_MEMORY;
	souk_writer_init(&writer, sending->body, SOUK_STRIP_OPEN_SIZE_MAX);
	souk_strip_open_encode(&writer, open);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));
	sending->size = encoded.size;
	sending->session = provider->customer->grant.session;
	sending->state = PAID_STRIP_DUE;
	return SOUK_OK;
}

/* Too little would be forfeited for the provider's taste: it gets a leaf of its own. */
static void leave_open_leaf(struct paid_provider *provider)
{
	provider->no_open_leaf = true;
	provider->leaf.used = provider->leaf.amount;
}

souk_status paid_strip_give(struct paid_provider *provider, const struct souk_strip_open *open)
{
	struct paid *paid = provider->paid;
	if (paid->config->is_streaming)
		return keep(provider, open);
	souk_status status =
		provider_client_strip(&provider->client, &provider->customer->grant.session, open);
	if (status == SOUK_PEER_PENALTY_TOO_LOW) {
		leave_open_leaf(provider);
		return SOUK_IO_TIMEOUT;
	}
	if (status == SOUK_OK)
		memory_note_provider(paid->config->memory, &provider->entry, paid->hub == NULL);
	return status;
}

void paid_strip_drop(struct paid_provider *provider)
{
	free(provider->sending.body);
	provider->sending = (struct paid_strip){.state = PAID_STRIP_NONE};
}

static void set_call(struct paid_provider *provider, struct souk_http_fetch *call)
{
	call->body = souk_bytes_of(provider->sending.body, provider->sending.size);
	call->pin = &provider->entry.record.tls_pin;
	provider->sending.state = PAID_STRIP_SENT;
}

static void format_url(
	const struct paid_provider *provider, const char *unit, char *url, size_t url_size)
{
	char hex[2 * SOUK_NONCE_SIZE + 1];
	souk_hex_encode(hex, provider->sending.session.bytes, SOUK_NONCE_SIZE);
	snprintf(url, url_size, "%s/v1/sessions/%s/strip%s",
		provider->entry.record.control_url.text, hex, unit);
}

void paid_strip_ride(struct paid_provider *provider, const char *path, struct souk_http_fetch *call,
	char *url, size_t url_size)
{
	/* "/v1/units/SESSION" and what tells the unit. */
	format_url(provider, path + strlen(SOUK_PATH_UNITS) + 2 * SOUK_NONCE_SIZE, url, url_size);
	set_call(provider, call);
}

souk_status paid_strip_send(struct paid *paid, struct paid_transfer *transfer)
{
	struct paid_provider *provider = &paid->providers[transfer->provider];
	char url[SOUK_PATH_SIZE + 160];
	format_url(provider, "", url, sizeof url);
	struct souk_http_fetch call = {
		.url = url,
		.destination = transfer->keys_body,
		.size_max = sizeof transfer->keys_body,
		.timeout_ms = paid->config->timeout_ms,
		.user = transfer,
	};
	set_call(provider, &call);
	return souk_http_fetcher_start(paid->fetcher, &call);
}

/* What may be otherwise in a moment is tried with another session. */
static souk_status verdict_of(struct paid_provider *provider, souk_status status)
{
	switch (status) {
	case SOUK_PEER_PENALTY_TOO_LOW: leave_open_leaf(provider); return SOUK_PEER_UNKNOWN_SESSION;
	/* The provider may learn of a new epoch a moment after us. */
	case SOUK_PEER_WRONG_EPOCH:
	case SOUK_PEER_EPOCH_CLOSED:
	case SOUK_LOCAL_FULL:
	case SOUK_LOCAL_STATE: return SOUK_PEER_UNKNOWN_SESSION;
	case SOUK_LOCAL_NOT_FOUND: return SOUK_PEER_BAD_REQUEST;
	default:
		return souk_status_class(status) == SOUK_CLASS_IO ? SOUK_PEER_UNKNOWN_SESSION
								  : status;
	}
}

souk_status paid_strip_answered(struct paid_provider *provider,
	const struct souk_http_fetched *fetched, const uint8_t *body)
{
	struct paid *paid = provider->paid;
	souk_status status = fetched->status;
	if (status == SOUK_OK && fetched->http_status != 200)
		status = problem_parse(souk_bytes_of(body, fetched->size), fetched->http_status,
			provider->open_detail, sizeof provider->open_detail);
	paid_strip_drop(provider);
	if (status == SOUK_OK) {
		memory_note_provider(paid->config->memory, &provider->entry, paid->hub == NULL);
		return SOUK_OK;
	}
	memory_forget_epoch(paid->config->memory);
	atomic_store(&paid->epoch_doubted, true);
	return verdict_of(provider, status);
}
