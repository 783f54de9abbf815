/* SPDX-License-Identifier: Apache-2.0 */
#include "http_keep.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "souk/io/clock_real.h"

/* A server that closes idle connections does so later. */
#define IDLE_NS	 30000000000ull
#define URL_SIZE 200

struct idle {
	struct souk_http_client *http; /* NULL: this place is free */
	char url[URL_SIZE];
	struct souk_hash pin; /* zeros: none */
	uint64_t since_ns;
};

static pthread_mutex_t keep_lock = PTHREAD_MUTEX_INITIALIZER;
static struct idle keep[KEEP_MAX]; /* under keep_lock */

static struct souk_hash pin_of(const struct souk_hash *pin)
{
	return pin != NULL ? *pin : (struct souk_hash){{0}};
}

static bool is_of(const struct idle *idle, const char *url, const struct souk_hash *pin)
{
	struct souk_hash wanted = pin_of(pin);
	return idle->http != NULL && strcmp(idle->url, url) == 0 &&
	       souk_hash_equal(&idle->pin, &wanted);
}

static struct souk_http_client *take_out(struct idle *idle)
{
	struct souk_http_client *http = idle->http;
	idle->http = NULL;
	return http;
}

/* Under the lock; the ones to be closed come to CLOSED, KEEP_MAX at most. */
static size_t take_out_old(struct souk_http_client **closed)
{
	uint64_t now = souk_clock_steady_ns();
	size_t count = 0;
	for (size_t i = 0; i < KEEP_MAX; i++) {
		if (keep[i].http != NULL && now - keep[i].since_ns > IDLE_NS)
			closed[count++] = take_out(&keep[i]);
	}
	return count;
}

/* The newest of them is the one that is least likely to be closed. */
static struct idle *find_newest(const char *url, const struct souk_hash *pin)
{
	struct idle *found = NULL;
	for (size_t i = 0; i < KEEP_MAX; i++) {
		if (is_of(&keep[i], url, pin) &&
			(found == NULL || keep[i].since_ns > found->since_ns))
			found = &keep[i];
	}
	return found;
}

souk_status http_keep_take(
	struct souk_http_client **ret, const char *url, const struct souk_hash *pin)
{
	struct souk_http_client *closed[KEEP_MAX], *http = NULL;
	pthread_mutex_lock(&keep_lock);
	size_t closed_count = take_out_old(closed);
	struct idle *idle = find_newest(url, pin);
	if (idle != NULL)
		http = take_out(idle);
	pthread_mutex_unlock(&keep_lock);
	for (size_t i = 0; i < closed_count; i++)
		souk_http_client_free(closed[i]);
	if (http == NULL)
		return souk_http_client_new(ret);
	*ret = http;
	return SOUK_OK;
}

/* Under the lock: where one more of URL may wait. NULL: there are enough of it. */
static struct idle *find_place(const char *url, const struct souk_hash *pin)
{
	struct idle *place = &keep[0];
	size_t same = 0;
	for (size_t i = 0; i < KEEP_MAX; i++) {
		same += is_of(&keep[i], url, pin);
		if (place->http != NULL &&
			(keep[i].http == NULL || keep[i].since_ns < place->since_ns))
			place = &keep[i];
	}
	return same < KEEP_OF_ONE ? place : NULL;
}

void http_keep_give(struct souk_http_client *http, const char *url, const struct souk_hash *pin)
{
	struct souk_http_client *closed = http;
	if (http == NULL)
		return;
	pthread_mutex_lock(&keep_lock);
	struct idle *place = strlen(url) < URL_SIZE ? find_place(url, pin) : NULL;
	if (place != NULL) {
		closed = place->http;
		*place = (struct idle){
			.http = http, .pin = pin_of(pin), .since_ns = souk_clock_steady_ns()};
		snprintf(place->url, sizeof place->url, "%s", url);
	}
	pthread_mutex_unlock(&keep_lock);
	souk_http_client_free(closed);
}

/* ------------------------------------------------------------------ engines */

static struct souk_http_fetcher *engines[KEEP_ENGINES]; /* under keep_lock; used last, last */
static size_t engine_count;

souk_status http_keep_take_engine(struct souk_http_fetcher **ret)
{
	struct souk_http_fetcher *engine = NULL;
	pthread_mutex_lock(&keep_lock);
	if (engine_count > 0)
		engine = engines[--engine_count];
	pthread_mutex_unlock(&keep_lock);
	if (engine == NULL)
		return souk_http_fetcher_new(ret, KEEP_ENGINE_TRANSFERS, KEEP_ENGINE_CONNECTIONS);
	*ret = engine;
	return SOUK_OK;
}

void http_keep_give_engine(struct souk_http_fetcher *engine)
{
	if (engine == NULL)
		return;
	/* What still moves goes into memory that will be gone. */
	bool is_at_rest = souk_http_fetcher_count(engine) == 0;
	pthread_mutex_lock(&keep_lock);
	bool is_kept = is_at_rest && engine_count < KEEP_ENGINES;
	if (is_kept)
		engines[engine_count++] = engine;
	pthread_mutex_unlock(&keep_lock);
	if (!is_kept)
		souk_http_fetcher_free(engine);
}
