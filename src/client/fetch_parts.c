/* SPDX-License-Identifier: Apache-2.0
 *
 * Which providers have which parts: each is asked when the fetch begins, beside the opening of its
 * session, and again every few seconds as long as it has not everything. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fetch_paid.h"

#define AGAIN_NS   5000000000ull
#define TIMEOUT_MS 5000u
/* Of less, an answer "not here" tells as much. */
#define CHUNKS_MIN 4u

static void ask(struct paid *paid, struct paid_provider *provider)
{
	char hex[2 * SOUK_HASH_SIZE + 1];
	char url[sizeof provider->entry.record.control_url.text + sizeof hex + 32];
	souk_hex_encode(hex, paid->fetch->content.id.bytes, SOUK_HASH_SIZE);
	snprintf(url, sizeof url, "%s/v1/available/%s", provider->entry.record.control_url.text,
		hex);
	struct souk_http_fetch fetch = {
		.url = url,
		.destination = provider->asking.body,
		.size_max = sizeof provider->asking.body,
		.timeout_ms = TIMEOUT_MS,
		.pin = &provider->entry.record.tls_pin,
		.user = &provider->asking,
	};
	/* Without TLS anybody could say it has nothing. */
	provider->asking.is_over = strncmp(url, "https://", 8) != 0;
	provider->asking.again_ns = souk_clock_steady_ns() + AGAIN_NS;
	provider->asking.busy = !provider->asking.is_over &&
				souk_http_fetcher_start(paid->fetcher, &fetch) == SOUK_OK;
}

void paid_ask_parts(struct paid *paid)
{
	uint64_t now = souk_clock_steady_ns();
	if (paid->fetch->chunk_count < CHUNKS_MIN || paid->download.state != SOUK_DOWNLOAD_RUNNING)
		return;
	for (size_t i = 0; i < paid->provider_count; i++) {
		struct paid_provider *provider = &paid->providers[i];
		const struct paid_asking *asking = &provider->asking;
		if (!asking->busy && !asking->is_over && now >= asking->again_ns &&
			paid->download.providers[provider->number].state != SOUK_DOWNLOAD_DROPPED)
			ask(paid, provider);
	}
}

static struct paid_provider *whose(struct paid *paid, const void *user)
{
	for (size_t i = 0; i < paid->provider_count; i++) {
		if (user == &paid->providers[i].asking)
			return &paid->providers[i];
	}
	return NULL;
}

static void note_parts(struct paid *paid, struct paid_provider *provider, size_t size)
{
	struct souk_availability *availability = malloc(sizeof *availability);
	bool good =
		availability != NULL &&
		souk_availability_decode(availability, souk_bytes_of(provider->asking.body, size),
			NULL) == SOUK_OK &&
		souk_download_available(&paid->download, provider->number, availability) == SOUK_OK;
	free(availability);
	provider->asking.is_over = !good || !paid->download.providers[provider->number].is_partial;
}

bool paid_take_parts(struct paid *paid, const struct souk_http_fetched *fetched)
{
	struct paid_provider *provider = whose(paid, fetched->user);
	if (provider == NULL)
		return false;
	provider->asking.busy = false;
	/* Who does not answer may do so later; who knows no such question has everything. */
	if (fetched->status == SOUK_OK && fetched->http_status == 200)
		note_parts(paid, provider, fetched->size);
	else if (fetched->status == SOUK_OK)
		provider->asking.is_over = true;
	return true;
}

void paid_stop_asking(struct paid *paid)
{
	for (size_t i = 0; i < paid->provider_count; i++) {
		struct paid_asking *asking = &paid->providers[i].asking;
		if (asking->busy)
			souk_http_fetcher_cancel(paid->fetcher, asking);
		asking->busy = false;
	}
}
