/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sponsor says of itself: in all, for each content, and for each cache; with rates over the
 * last minute. Nothing in it is secret: shared secrets and tokens are in no report. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

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

/* Of the newest sample and the oldest one that is kept. */
static json_t *rates_of(const struct sponsor_node *node)
{
	json_t *object = json_object();
	uint32_t count =
		node->sample_count < SPONSOR_SAMPLES ? node->sample_count : SPONSOR_SAMPLES;
	if (count < 2)
		return object;
	const struct sponsor_sample *last =
		&node->samples[(node->sample_count - 1) % SPONSOR_SAMPLES];
	const struct sponsor_sample *first =
		&node->samples[(node->sample_count - count) % SPONSOR_SAMPLES];
	uint64_t ms = last->at_ms - first->at_ms + (last->at_ms == first->at_ms);
	put(object, "over_ms", ms);
	put(object, "spent_ncoin", (last->spent.ncoin - first->spent.ncoin) * 1000 / ms);
	put(object, "bytes", (last->bytes - first->bytes) * 1000 / ms);
	json_object_set_new(object, "bundles",
		json_real((double)(last->bundles - first->bundles) * 1000 / (double)ms));
	return object;
}

static json_t *cache_of(const struct souk_sponsor_cache_record *c, struct souk_time now)
{
	json_t *object = json_object();
	bool is_enlisted = !c->barred && souk_time_is_before(now, c->expires);
	json_object_set_new(
		object, "provider", hex_of(c->offer.offer.provider.bytes, SOUK_ADDRESS_SIZE, "0x"));
	json_object_set_new(object, "enlisted", json_boolean(is_enlisted));
	json_object_set_new(object, "barred", json_boolean(c->barred));
	put(object, "price_ncoin", c->price.ncoin);
	put(object, "spent_ncoin", c->spent.ncoin);
	put(object, "bundles", c->bundles);
	put(object, "complaints", c->complaints);
	put(object, "suspected", c->suspected);
	put(object, "audits", c->audits);
	put(object, "audits_failed", c->failed);
	put(object, "expires_ms", c->expires.ms);
	return object;
}

static json_t *content_of(const struct sponsor_node *node, uint32_t index, struct souk_time now)
{
	const struct souk_sponsor_content *c = &node->sponsor.memory.contents[index];
	const struct sponsor_wish *wish = &node->wishes[index];
	json_t *object = json_object(), *caches = json_array();
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
	put(object, "left_ncoin", souk_sponsor_free_for(&node->sponsor, &c->content.id).ncoin);
	put(object, "units", c->record.units);
	put(object, "bytes", c->record.bytes);
	put(object, "bundles", c->record.bundles);
	for (uint32_t i = 0; i < node->sponsor.cache_count; i++) {
		const struct souk_sponsor_cache_record *cache =
			&node->sponsor.memory.caches[i].record;
		if (!souk_hash_equal(&cache->offer.offer.content, &c->content.id))
			continue;
		replicas += !cache->barred && souk_time_is_before(now, cache->expires);
		json_array_append_new(caches, cache_of(cache, now));
	}
	put(object, "replicas_ordered", wish->order.replicas);
	put(object, "replicas_wanted", wish->target);
	put(object, "replicas", replicas);
	put(object, "pulling", wish->pending);
	json_object_set_new(object, "last_refusal", json_string(wish->refusal));
	json_object_set_new(object, "caches", caches);
	return object;
}

static json_t *totals_of(const struct sponsor_node *node)
{
	const struct souk_sponsor *s = &node->sponsor;
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
	json_t *contents = json_array();
	struct souk_time now = sponsor_now();
	pthread_mutex_lock(&node->lock);
	json_t *report = totals_of(node);
	json_object_set_new(report, "per_second", rates_of(node));
	for (uint32_t i = 0; i < node->sponsor.content_count; i++)
		json_array_append_new(contents, content_of(node, i, now));
	pthread_mutex_unlock(&node->lock);
	json_object_set_new(report, "contents", contents);
	char *text = json_dumps(report, JSON_COMPACT);
	json_decref(report);
	return text;
}

/* Anybody may ask, as often as he likes: it is made a few times a second at most. */
char *sponsor_report(struct sponsor_node *node)
{
	uint64_t now_ms = souk_clock_steady_ns() / 1000000;
	pthread_mutex_lock(&node->report_lock);
	if (node->report == NULL || now_ms - node->report_ms >= REPORT_MS) {
		free(node->report);
		node->report = make_report(node);
		node->report_ms = souk_clock_steady_ns() / 1000000;
	}
	char *copy = node->report != NULL ? strdup(node->report) : NULL;
	pthread_mutex_unlock(&node->report_lock);
	return copy;
}
