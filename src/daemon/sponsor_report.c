/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sponsor says of itself: in all, for each content, and for each cache; with rates over the
 * last minute. Nothing in it is secret: shared secrets and tokens are in no report. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "souk/io/clock_real.h"
#include "sponsor_internal.h"

#define REPORT_MS 100u

void sponsor_sample(struct sponsor_node *node)
{
	pthread_mutex_lock(&node->lock);
	node->samples[node->sample_count++ % SPONSOR_SAMPLES] = (struct sponsor_sample){
		.at_ms = souk_clock_steady_ns() / 1000000,
		.spent = node->sponsor.totals.spent,
		.bytes = node->sponsor.totals.bytes,
		.bundles = node->sponsor.totals.bundles,
	};
	pthread_mutex_unlock(&node->lock);
}

/* All whole numbers are unsigned; jansson's are signed. A sum of money is far below. */
static json_t *number(uint64_t value)
{
	return json_integer(value <= INT64_MAX ? (json_int_t)value : INT64_MAX);
}

static void put(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, number(value));
}

static json_t *hex_of(const void *bytes, size_t size, const char *before)
{
	char text[2 * SOUK_HASH_SIZE + 1];
	souk_hex_encode(text, bytes, size);
	return json_sprintf("%s%s", before, text);
}

/* ------------------------------------------------------------------ what is known now */

struct seen_cache {
	struct souk_address provider;
	bool is_barred;
	struct souk_time expires;
	uint64_t price, spent, bundles, complaints, audits, failed;
};

/* A copy of what is told, so that the machine goes on while it is put into words. Without secrets.
 */
struct seen {
	struct souk_sponsor *sponsor; /* what its sums are of: not its caches and viewers */
	struct sponsor_wish *wishes;
	uint32_t *cache_counts; /* of each content, whose caches follow each other */
	struct seen_cache *caches;
	struct sponsor_sample samples[SPONSOR_SAMPLES];
	uint32_t sample_count;
};

static void free_seen(struct seen *seen)
{
	if (seen->sponsor != NULL)
		free(seen->sponsor->memory.contents);
	free(seen->sponsor);
	free(seen->wishes);
	free(seen->cache_counts);
	free(seen->caches);
}

/* Room for all that there may ever be: it is used as far as there is something. */
static bool make_seen(struct seen *seen, const struct souk_sponsor_memory *memory)
{
	size_t contents = memory->content_max;
	*seen = (struct seen){.sponsor = calloc(1, sizeof *seen->sponsor),
		.wishes = malloc(contents * sizeof *seen->wishes),
		.cache_counts = malloc(contents * sizeof *seen->cache_counts),
		.caches = malloc(memory->cache_max * sizeof *seen->caches)};
	if (seen->sponsor != NULL)
		seen->sponsor->memory.contents =
			malloc(contents * sizeof *seen->sponsor->memory.contents);
	return seen->sponsor != NULL && seen->sponsor->memory.contents != NULL &&
	       seen->wishes != NULL && seen->cache_counts != NULL && seen->caches != NULL;
}

static struct seen_cache cache_seen(const struct souk_sponsor_cache_record *c)
{
	return (struct seen_cache){
		.provider = c->offer.offer.provider,
		.is_barred = c->barred,
		.expires = c->expires,
		.price = c->price.ncoin,
		.spent = c->spent.ncoin,
		.bundles = c->bundles,
		.complaints = c->complaints,
		.audits = c->audits,
		.failed = c->failed,
	};
}

/* Under lock: copies alone. */
static void look(const struct sponsor_node *node, struct seen *seen)
{
	const struct souk_sponsor *from = &node->sponsor;
	struct souk_sponsor *to = seen->sponsor;
	uint32_t caches = 0;
	to->config = from->config;
	to->totals = from->totals;
	to->held = from->held;
	to->epoch = from->epoch;
	to->epoch_known = from->epoch_known;
	to->viewer_count = from->viewer_count;
	to->content_count = from->content_count;
	memcpy(to->memory.contents, from->memory.contents,
		from->content_count * sizeof *to->memory.contents);
	memcpy(seen->wishes, node->wishes, from->content_count * sizeof *seen->wishes);
	memcpy(seen->samples, node->samples, sizeof seen->samples);
	seen->sample_count = node->sample_count;
	for (uint32_t i = 0; i < from->content_count; i++) {
		const struct souk_sponsor_content *content = &from->memory.contents[i];
		const struct souk_sponsor_cache *cache = NULL;
		uint32_t before = caches;
		while ((cache = souk_sponsor_next_cache(from, content, cache)) != NULL)
			seen->caches[caches++] = cache_seen(&cache->record);
		seen->cache_counts[i] = caches - before;
	}
}

/* ------------------------------------------------------------------ in words */

/* Of the newest sample and the oldest one that is kept. */
static json_t *rates_of(const struct seen *seen)
{
	json_t *object = json_object();
	uint32_t count =
		seen->sample_count < SPONSOR_SAMPLES ? seen->sample_count : SPONSOR_SAMPLES;
	if (count < 2)
		return object;
	const struct sponsor_sample *last =
		&seen->samples[(seen->sample_count - 1) % SPONSOR_SAMPLES];
	const struct sponsor_sample *first =
		&seen->samples[(seen->sample_count - count) % SPONSOR_SAMPLES];
	uint64_t ms = last->at_ms - first->at_ms + (last->at_ms == first->at_ms);
	put(object, "over_ms", ms);
	put(object, "spent_ncoin", (last->spent.ncoin - first->spent.ncoin) * 1000 / ms);
	put(object, "bytes", (last->bytes - first->bytes) * 1000 / ms);
	json_object_set_new(object, "bundles",
		json_real((double)(last->bundles - first->bundles) * 1000 / (double)ms));
	return object;
}

static json_t *cache_of(const struct seen_cache *c, struct souk_time now)
{
	json_t *object = json_object();
	bool is_enlisted = !c->is_barred && souk_time_is_before(now, c->expires);
	json_object_set_new(object, "provider", hex_of(c->provider.bytes, SOUK_ADDRESS_SIZE, "0x"));
	json_object_set_new(object, "enlisted", json_boolean(is_enlisted));
	json_object_set_new(object, "barred", json_boolean(c->is_barred));
	put(object, "price_ncoin", c->price);
	put(object, "spent_ncoin", c->spent);
	put(object, "bundles", c->bundles);
	put(object, "complaints", c->complaints);
	put(object, "audits", c->audits);
	put(object, "audits_failed", c->failed);
	put(object, "expires_ms", c->expires.ms);
	return object;
}

/* CACHES are COUNT, its own. */
static json_t *content_of(const struct seen *seen, uint32_t index, const struct seen_cache *caches,
	struct souk_time now)
{
	const struct souk_sponsor_content *c = &seen->sponsor->memory.contents[index];
	const struct sponsor_wish *wish = &seen->wishes[index];
	json_t *object = json_object(), *list = json_array();
	char name[SOUK_CONTENT_NAME_SIZE];
	struct souk_content_name content_name = souk_content_name_of(&c->content);
	uint32_t replicas = 0;
	souk_content_name_format(name, &content_name);
	json_object_set_new(object, "content", json_string(name));
	json_object_set_new(object, "name", json_string(wish->order.name.text));
	json_object_set_new(object, "stopped", json_boolean(wish->order.stopped));
	put(object, "size_bytes", c->content.size);
	put(object, "budget_ncoin", wish->order.budget.ncoin);
	put(object, "spent_ncoin", c->record.spent.ncoin);
	put(object, "held_ncoin", c->held.ncoin);
	put(object, "left_ncoin", souk_sponsor_free_for(seen->sponsor, &c->content.id).ncoin);
	put(object, "units", c->record.units);
	put(object, "bytes", c->record.bytes);
	put(object, "bundles", c->record.bundles);
	put(object, "bundle_caches", souk_sponsor_caches(seen->sponsor, &c->content));
	for (uint32_t i = 0; i < seen->cache_counts[index]; i++) {
		replicas += !caches[i].is_barred && souk_time_is_before(now, caches[i].expires);
		json_array_append_new(list, cache_of(&caches[i], now));
	}
	put(object, "replicas_ordered", wish->order.replicas);
	put(object, "replicas_wanted", wish->target);
	put(object, "replicas", replicas);
	put(object, "pulling", wish->pending);
	json_object_set_new(object, "last_refusal", json_string(wish->refusal));
	json_object_set_new(object, "caches", list);
	return object;
}

static json_t *totals_of(const struct sponsor_node *node, const struct souk_sponsor *s)
{
	const struct souk_sponsor_totals_record *t = &s->totals;
	json_t *object = json_object();
	struct souk_amount left = SOUK_AMOUNT_ZERO;
	for (uint32_t i = 0; i < s->content_count; i++) {
		struct souk_amount sum;
		if (souk_amount_add(&sum, left,
			    souk_sponsor_free_for(s, &s->memory.contents[i].content.id)) == SOUK_OK)
			left = sum;
	}
	if (souk_amount_is_less(souk_sponsor_free(s), left))
		left = souk_sponsor_free(s);
	json_object_set_new(
		object, "sponsor", hex_of(node->identity->address.bytes, SOUK_ADDRESS_SIZE, "0x"));
	json_object_set_new(object, "name", json_string(node->name));
	json_object_set_new(object, "escrow", hex_of(s->config.escrow.bytes, SOUK_HASH_SIZE, ""));
	json_object_set_new(object, "epoch_known", json_boolean(s->epoch_known));
	put(object, "epoch", s->epoch);
	put(object, "bundle_caches", s->config.caches);
	put(object, "network_units", s->config.prefix_units);
	put(object, "bytes", t->bytes);
	put(object, "units", t->units);
	put(object, "viewers", t->viewers);
	put(object, "viewers_in_epoch", s->viewer_count);
	put(object, "bundles", t->bundles);
	put(object, "bundles_finished", t->finished);
	put(object, "refused", t->refused);
	put(object, "suspected", t->suspected);
	put(object, "spent_ncoin", t->spent.ncoin);
	put(object, "held_ncoin", s->held.ncoin);
	put(object, "left_ncoin", left.ncoin);
	return object;
}

static char *make_report(struct sponsor_node *node)
{
	struct seen seen;
	char *text = NULL;
	struct souk_time now = sponsor_now();
	if (make_seen(&seen, &node->sponsor.memory)) {
		pthread_mutex_lock(&node->lock);
		look(node, &seen);
		pthread_mutex_unlock(&node->lock);
		json_t *report = totals_of(node, seen.sponsor), *contents = json_array();
		json_object_set_new(report, "per_second", rates_of(&seen));
		const struct seen_cache *caches = seen.caches;
		for (uint32_t i = 0; i < seen.sponsor->content_count; i++) {
			json_array_append_new(contents, content_of(&seen, i, caches, now));
			caches += seen.cache_counts[i];
		}
		json_object_set_new(report, "contents", contents);
		text = json_dumps(report, JSON_COMPACT);
		json_decref(report);
	}
	free_seen(&seen);
	return text;
}

static uint64_t thread_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Anybody may ask, as often as he likes: it is made a few times a second at most, and where it is
 * long, no more often than a tenth of a processor makes it. */
char *sponsor_report(struct sponsor_node *node)
{
	uint64_t now_ms = souk_clock_steady_ns() / 1000000;
	pthread_mutex_lock(&node->report_lock);
	if (node->report == NULL || now_ms >= node->report_due_ms) {
		uint64_t began_ms = thread_ms();
		free(node->report);
		node->report = make_report(node);
		uint64_t rest_ms = (thread_ms() - began_ms) * 10;
		node->report_due_ms = souk_clock_steady_ns() / 1000000 +
				      (rest_ms > REPORT_MS ? rest_ms : REPORT_MS);
	}
	char *copy = node->report != NULL ? strdup(node->report) : NULL;
	pthread_mutex_unlock(&node->report_lock);
	return copy;
}
