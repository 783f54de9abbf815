/* SPDX-License-Identifier: Apache-2.0
 *
 * Fetching what a cache was recruited for, on threads of its own. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cache_internal.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/log.h"

/* Promised to one sponsor that is not named in the configuration, and to all of them. */
#define SHARE_OF_SPONSOR(limit) ((limit) / 2)
#define SHARE_OF_ALL(limit)	((limit) - (limit) / 8)
#define TRIES_MAX		5u
#define RETRY_MS		2000u
/* How long the reason of a failure is told before it is tried anew. */
#define FAILED_MS     60000u
#define ROUND_MS      1000u
#define FETCH_TIMEOUT 5000u
/* Without a single chunk: who trickles is never silent, and would hold a worker for ever. */
#define STALLED_MS (3u * 60 * 1000)
/* A unit costs so many times our own price at most, where the sponsor is any stranger: who asks for
 * a content may be the one who sells it, and name what price he likes. */
#define PRICE_TIMES 4u

/* One fetch, on a worker's thread. */
struct pull {
	struct cache_recruits *recruits;
	struct recruit *item;
	struct souk_recruit recruit;
	struct chunk_item *chunks;
	struct gateway_part aside; /* of the day's budget */
	struct souk_time came;	   /* the last chunk; under lock */
	bool is_stalled;
	char detail[FETCH_DETAIL_SIZE];
};

static struct souk_time steady_now(void)
{
	return souk_time_at_ms(souk_clock_steady_ns() / 1000000);
}

static souk_status keep_chunk(void *ctx, uint32_t chunk, struct souk_bytes data)
{
	struct pull *pull = ctx;
	SOUK_TRY(chunk_item_write(pull->chunks, chunk, data));
	pthread_mutex_lock(&pull->recruits->lock);
	pull->item->done = chunk_item_count(pull->chunks);
	pull->came = steady_now();
	pthread_mutex_unlock(&pull->recruits->lock);
	return SOUK_OK;
}

/* Others wait for this thread, and nobody for what the recruit no longer pays for. */
static void look_at_progress(void *ctx, const struct fetch_figures *figures)
{
	struct pull *pull = ctx;
	(void)figures;
	pthread_mutex_lock(&pull->recruits->lock);
	struct fetch *fetch = pull->item->fetch;
	bool is_late = souk_time_since_ms(pull->came, steady_now()) > STALLED_MS ||
		       !souk_time_is_before(provider_now(), pull->recruit.expires);
	pull->is_stalled = pull->is_stalled || is_late;
	pthread_mutex_unlock(&pull->recruits->lock);
	/* Freed by this thread alone. */
	if (is_late && fetch != NULL)
		fetch_stop(fetch);
}

static struct souk_amount most_for_unit(const struct pull *pull)
{
	const struct cache_recruits *recruits = pull->recruits;
	struct souk_amount own = recruits->node->price.policy.ceiling, most;
	if (souk_amount_is_less(own, recruits->policy->price_min))
		own = recruits->policy->price_min;
	bool is_limited = !cache_is_allowed(recruits, &pull->recruit.sponsor) &&
			  souk_amount_mul(&most, own, PRICE_TIMES) == SOUK_OK &&
			  souk_amount_is_less(most, pull->recruit.price);
	return is_limited ? most : pull->recruit.price;
}

static souk_status say_spent(struct pull *pull)
{
	snprintf(pull->detail, sizeof pull->detail, "the day's budget for fetching is used up");
	return SOUK_LOCAL_BUDGET;
}

/* What is left of the day's budget: the most that a fetch may cost, before its size is known. */
static souk_status find_left(struct pull *pull, struct souk_amount *ret)
{
	const struct cache_recruits *recruits = pull->recruits;
	struct souk_amount spent, given;
	gateway_purse_figures(recruits->purse, provider_now().ms, &spent, &given);
	/* To a fetch, zero is no limit. */
	if (souk_amount_sub(ret, recruits->policy->budget, spent) != SOUK_OK ||
		souk_amount_sub(ret, *ret, given) != SOUK_OK || ret->ncoin == 0)
		return say_spent(pull);
	return SOUK_OK;
}

/* Set aside what fetching COUNT chunks may cost. */
static souk_status set_aside(struct pull *pull, uint32_t count)
{
	struct souk_amount cost;
	if (souk_amount_mul(&cost, most_for_unit(pull), count) != SOUK_OK)
		return say_spent(pull);
	souk_status status = gateway_purse_take_amount(
		pull->recruits->purse, provider_now().ms, cost, &pull->aside);
	return status == SOUK_LOCAL_BUDGET ? say_spent(pull) : status;
}

/* What was set aside is there again but for what was spent, which may be more: units are lost, too.
 */
static void settle(struct pull *pull, struct souk_amount spent)
{
	gateway_purse_settle(pull->recruits->purse, pull->aside, spent);
	pull->aside = (struct gateway_part){0};
}

/* Whether CONTENT is one that is taken for this sponsor. Under lock. */
static souk_status check_content(struct pull *pull, const struct souk_content *content)
{
	const struct cache_recruits *recruits = pull->recruits;
	const struct cache_policy *policy = recruits->policy;
	uint64_t room = chunk_store_room_of(content);
	uint64_t max = policy->content_max != 0 ? policy->content_max : policy->limit / 4;
	const char *why = NULL;
	pull->item->room = 0;
	uint64_t own = cache_promised_room(recruits, &pull->recruit.sponsor);
	uint64_t all = cache_promised_room(recruits, NULL);
	if (content->size > max)
		why = "it is larger than this cache takes";
	else if (content->chunk_size > PROVIDER_BUFFER_SIZE)
		why = "its chunks are larger than this cache sends";
	else if (all > SHARE_OF_ALL(policy->limit) || room > SHARE_OF_ALL(policy->limit) - all)
		why = "the cache's room is promised to others";
	else if (!cache_is_allowed(recruits, &pull->recruit.sponsor) &&
		 (own > SHARE_OF_SPONSOR(policy->limit) ||
			 room > SHARE_OF_SPONSOR(policy->limit) - own))
		why = "as much room as this cache promises to one sponsor";
	if (why != NULL) {
		snprintf(pull->detail, sizeof pull->detail, "%s", why);
		return SOUK_LOCAL_NOT_WANTED;
	}
	pull->item->room = room;
	return SOUK_OK;
}

static void have_chunks(struct pull *pull, struct fetch *fetch)
{
	for (uint32_t i = 0; i < pull->item->chunks; i++) {
		if (chunk_item_has(pull->chunks, i))
			fetch_have(fetch, i);
	}
}

static souk_status run_fetch(struct pull *pull, struct fetch *fetch)
{
	struct cache_recruits *recruits = pull->recruits;
	const struct souk_content *content = fetch_content(fetch);
	char id[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(id, content->id.bytes, SOUK_HASH_SIZE);
	SOUK_TRY(chunk_store_create(
		recruits->node->chunks, content, fetch_row(fetch), id, &pull->chunks));
	pthread_mutex_lock(&recruits->lock);
	pull->item->chunks = souk_content_chunk_count(content);
	pull->item->done = chunk_item_count(pull->chunks);
	pull->item->fetch = fetch;
	pull->came = steady_now();
	bool stops = recruits->stopping;
	pthread_mutex_unlock(&recruits->lock);
	have_chunks(pull, fetch);
	souk_status status = SOUK_OK;
	if (stops)
		status = SOUK_LOCAL_STOPPED;
	else if (!chunk_item_is_whole(pull->chunks))
		status = fetch_run(fetch, pull->detail);
	if (status == SOUK_LOCAL_STOPPED && pull->is_stalled) {
		status = SOUK_IO_TIMEOUT;
		snprintf(pull->detail, sizeof pull->detail, "nobody sends it fast enough");
	}
	/* Nothing is promised that a crash could take. */
	if (status == SOUK_OK)
		status = chunk_item_sync(pull->chunks);
	pthread_mutex_lock(&recruits->lock);
	pull->item->fetch = NULL;
	pthread_mutex_unlock(&recruits->lock);
	struct souk_amount spent = fetch_figures_now(fetch).spent;
	chunk_store_spent(recruits->node->chunks, &content->id, spent);
	settle(pull, spent);
	/* An item that is given back may be evicted at once: promised first. */
	if (status == SOUK_OK)
		chunk_store_promise(recruits->node->chunks, &content->id, true);
	chunk_item_give(pull->chunks);
	return status;
}

static souk_status pull_content(struct pull *pull)
{
	struct cache_recruits *recruits = pull->recruits;
	const struct provider_node *node = recruits->node;
	struct fetch_config config = {.home = node->config.home,
		.ledger_url = node->config.ledger_url,
		.identity = node->identity,
		.name = {.id = pull->recruit.content},
		.payer = FETCH_OWN,
		.escrow_number = recruits->policy->escrow,
		.hub_name = recruits->policy->hub,
		.price_max = most_for_unit(pull),
		.timeout_ms = FETCH_TIMEOUT,
		.events = {.ctx = pull, .chunk = keep_chunk, .progress = look_at_progress}};
	struct fetch *fetch;
	/* Caches that fetch at the same time have different chunks for each other. */
	if (souk_entropy_fill(souk_entropy_real(), (uint8_t *)&config.seed, sizeof config.seed) !=
		SOUK_OK)
		config.seed = 1;
	SOUK_TRY(find_left(pull, &config.budget));
	SOUK_TRY(fetch_open(&fetch, &config, pull->detail));
	pthread_mutex_lock(&recruits->lock);
	souk_status status = check_content(pull, fetch_content(fetch));
	pthread_mutex_unlock(&recruits->lock);
	if (status == SOUK_OK)
		status = set_aside(pull, souk_content_chunk_count(fetch_content(fetch)));
	if (status == SOUK_OK)
		status = run_fetch(pull, fetch);
	fetch_free(fetch);
	return status;
}

/* ITEM's fetch came to STATUS. Under lock. */
static void finish(struct cache_recruits *recruits, struct recruit *item, souk_status status,
	const char *detail)
{
	struct souk_time now = provider_now();
	item->state = RECRUIT_WAITING;
	item->chunks = 0;
	if (status == SOUK_OK)
		status = cache_enlist(recruits, item);
	if (status == SOUK_OK || status == SOUK_LOCAL_STOPPED)
		return;
	/* A sentence is its first line. */
	snprintf(item->detail, sizeof item->detail, "%.*s%s%s", (int)strcspn(detail, "\n"), detail,
		detail[0] != '\0' ? ": " : "", souk_status_text(status));
	SOUK_LOG(SOUK_LOG_WARN, "recruit_not_fetched",
		souk_log_hex("content", recruit_of(item)->content.bytes, SOUK_HASH_SIZE),
		souk_log_text("detail", item->detail), souk_log_status(status));
	bool again = souk_status_class(status) == SOUK_CLASS_IO ||
		     status == SOUK_PEER_UNKNOWN_CONTENT || status == SOUK_LOCAL_NO_PROVIDER_LEFT ||
		     status == SOUK_PEER_WRONG_EPOCH || status == SOUK_PEER_EPOCH_CLOSED;
	if (again && ++item->tries < TRIES_MAX) {
		item->next_try = souk_time_plus_ms(now, RETRY_MS * item->tries);
		return;
	}
	item->state = RECRUIT_FAILED;
	item->room = 0;
	item->next_try = souk_time_plus_ms(now, FAILED_MS);
	recruits->failed++;
	cache_drop_record(recruits, item);
}

/* Under lock, which is given up meanwhile. */
static void pull_item(struct cache_recruits *recruits, struct recruit *item)
{
	struct pull pull = {.recruits = recruits, .item = item, .recruit = *recruit_of(item)};
	item->state = RECRUIT_FETCHING;
	pthread_mutex_unlock(&recruits->lock);
	souk_status status = pull_content(&pull);
	/* Set aside, and refused before it began. */
	settle(&pull, SOUK_AMOUNT_ZERO);
	pthread_mutex_lock(&recruits->lock);
	finish(recruits, item, status, pull.detail);
	cache_update_promise(recruits, &pull.recruit.content);
}

/* CONTENT, perhaps for another sponsor. Under lock. */
static bool is_fetching(const struct cache_recruits *recruits, const struct souk_hash *content)
{
	for (size_t i = 0; i < recruits->count; i++) {
		const struct recruit *item = recruits->items[i];
		if (item->state == RECRUIT_FETCHING &&
			souk_hash_equal(&recruit_of(item)->content, content))
			return true;
	}
	return false;
}

/* One that waits, and whose time it is; those that are over go. Under lock. */
static struct recruit *next_item(struct cache_recruits *recruits)
{
	struct souk_time now = provider_now();
	for (size_t i = recruits->count; i > 0; i--) {
		struct recruit *item = recruits->items[i - 1];
		bool over = !souk_time_is_before(now, recruit_of(item)->expires) ||
			    (item->state == RECRUIT_FAILED &&
				    !souk_time_is_before(now, item->next_try));
		if (over && item->state != RECRUIT_FETCHING)
			cache_forget(recruits, item);
	}
	for (size_t i = 0; i < recruits->count; i++) {
		struct recruit *item = recruits->items[i];
		if (item->state == RECRUIT_WAITING && !souk_time_is_before(now, item->next_try) &&
			!is_fetching(recruits, &recruit_of(item)->content))
			return item;
	}
	return NULL;
}

/* Under lock, which is given up meanwhile. */
static void flush_unlocked(struct cache_recruits *recruits)
{
	pthread_mutex_unlock(&recruits->lock);
	souk_status status = cache_flush(recruits);
	if (status != SOUK_OK)
		SOUK_LOG(SOUK_LOG_WARN, "recruits_unsaved", souk_log_status(status));
	pthread_mutex_lock(&recruits->lock);
}

void *cache_worker_run(void *ctx)
{
	struct cache_recruits *recruits = ctx;
	pthread_mutex_lock(&recruits->lock);
	while (!recruits->stopping) {
		/* What a write could not keep is tried again in every round. */
		flush_unlocked(recruits);
		struct recruit *item = recruits->stopping ? NULL : next_item(recruits);
		if (item != NULL)
			pull_item(recruits, item);
		if (item != NULL || recruits->stopping)
			continue;
		struct timespec until;
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += ROUND_MS / 1000;
		pthread_cond_timedwait(&recruits->work, &recruits->lock, &until);
	}
	pthread_mutex_unlock(&recruits->lock);
	return NULL;
}
