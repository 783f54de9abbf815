/* SPDX-License-Identifier: Apache-2.0
 *
 * Engines of transfers outlive the views that use them: whoever views the next file of a site, or
 * the next segment of a film, finds connections to its sponsor and its caches open. One view uses
 * an engine at a time; a few that nobody uses are kept. */
#include <pthread.h>

#include "view_internal.h"

#define KEPT		     4u
#define CONNECTIONS_PER_HOST (2 * VIEW_PIPELINE)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct souk_http_fetcher *kept[KEPT]; /* the last one was used last */
static unsigned kept_count;

souk_status view_engine_take(struct souk_http_fetcher **ret)
{
	struct souk_http_fetcher *engine = NULL;
	pthread_mutex_lock(&lock);
	if (kept_count > 0)
		engine = kept[--kept_count];
	pthread_mutex_unlock(&lock);
	if (engine == NULL)
		return souk_http_fetcher_new(
			ret, VIEW_BUNDLES_MAX * VIEW_TRANSFERS + 1, CONNECTIONS_PER_HOST);
	*ret = engine;
	return SOUK_OK;
}

void view_engine_give(struct souk_http_fetcher *engine)
{
	/* One that is not at rest belongs to memory that is gone. */
	bool is_quiet = engine != NULL && souk_http_fetcher_count(engine) == 0;
	pthread_mutex_lock(&lock);
	bool is_kept = is_quiet && kept_count < KEPT;
	if (is_kept)
		kept[kept_count++] = engine;
	pthread_mutex_unlock(&lock);
	if (!is_kept)
		souk_http_fetcher_free(engine);
}
