/* SPDX-License-Identifier: Apache-2.0
 *
 * What a sponsor keeps. */
#include <string.h>

#include "actor_sponsor.h"
#include "souk/base/check.h"

#define PREFIX_BUNDLE  'B'
#define PREFIX_CACHE   'C'
#define PREFIX_CONTENT 'D'
#define PREFIX_TOTALS  'T'
#define PREFIX_VIEWER  'V'

static struct souk_bytes make_key(
	uint8_t out[SIM_WRITE_KEY_MAX], char prefix, const void *id, size_t size)
{
	out[0] = (uint8_t)prefix;
	memcpy(out + 1, id, size);
	return souk_bytes_of(out, 1 + size);
}

#define PUT(s, name, prefix, id, id_size, value)                                                   \
	do {                                                                                       \
		uint8_t key_[SIM_WRITE_KEY_MAX];                                                   \
		struct souk_writer writer_;                                                        \
		souk_writer_init(&writer_, (s)->bytes, SOUK_SPONSOR_BUNDLE_RECORD_SIZE_MAX);       \
		souk_##name##_encode(&writer_, (value));                                           \
		SOUK_CHECK(!writer_.full);                                                         \
		sim_writes_put(&(s)->writes, make_key(key_, (prefix), (id), (id_size)),            \
			souk_bytes_of((s)->bytes, writer_.size));                                  \
	} while (0)

/* A cache's key: whose, and of which content. */
static void put_cache(struct sim_sponsor *s, const struct souk_sponsor_cache_record *record)
{
	uint8_t id[SOUK_ADDRESS_SIZE + SOUK_HASH_SIZE];
	memcpy(id, record->offer.offer.provider.bytes, SOUK_ADDRESS_SIZE);
	memcpy(id + SOUK_ADDRESS_SIZE, record->offer.offer.content.bytes, SOUK_HASH_SIZE);
	PUT(s, sponsor_cache_record, PREFIX_CACHE, id, sizeof id, record);
}

static void take_effects(struct sim_sponsor *s)
{
	const struct souk_sponsor_memory *memory = &s->sponsor->memory;
	struct souk_sponsor_effect effect;
	while (souk_sponsor_next_effect(s->sponsor, &effect)) {
		switch (effect.kind) {
		case SOUK_SPONSOR_STORE_TOTALS:
			PUT(s, sponsor_totals_record, PREFIX_TOTALS, "", 0, &s->sponsor->totals);
			break;
		case SOUK_SPONSOR_STORE_CONTENT:
			PUT(s, sponsor_content_record, PREFIX_CONTENT,
				memory->contents[effect.index].content.id.bytes, SOUK_HASH_SIZE,
				&memory->contents[effect.index].record);
			break;
		case SOUK_SPONSOR_STORE_CACHE:
			put_cache(s, &memory->caches[effect.index].record);
			break;
		case SOUK_SPONSOR_STORE_VIEWER:
			PUT(s, sponsor_viewer_record, PREFIX_VIEWER,
				memory->viewers[effect.index].address.bytes, SOUK_ADDRESS_SIZE,
				&memory->viewers[effect.index].record);
			break;
		case SOUK_SPONSOR_STORE_BUNDLE:
			PUT(s, sponsor_bundle_record, PREFIX_BUNDLE,
				memory->bundles[effect.index].record.bundle.bytes, SOUK_NONCE_SIZE,
				&memory->bundles[effect.index].record);
			break;
		}
	}
}

void sim_sponsor_pump(struct sim_sponsor *s)
{
	(void)sim_writes_end(&s->writes);
	while (s->wants_commit && !s->writes.is_running) {
		s->wants_commit = false;
		take_effects(s);
		sim_writes_commit(&s->writes);
	}
}

/* ---------------------------------------------------------------- after a crash */

static void say(struct sim_sponsor *s, const char *what, souk_status status)
{
	if (status != SOUK_OK && status != SOUK_LOCAL_STATE)
		sim_say(s->node, "cannot take back %s: %s", what, souk_status_name(status));
}

static bool restore_totals(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sim_sponsor *s = ctx;
	struct souk_sponsor_totals_record record;
	(void)id;
	souk_status status = souk_sponsor_totals_record_decode(&record, value, NULL);
	if (status == SOUK_OK)
		souk_sponsor_restore_totals(s->sponsor, &record);
	say(s, "the totals", status);
	return true;
}

static bool restore_content(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sim_sponsor *s = ctx;
	struct souk_sponsor_content_record record;
	struct souk_hash content = {{0}};
	souk_status status = souk_sponsor_content_record_decode(&record, value, NULL);
	if (id.size == SOUK_HASH_SIZE)
		memcpy(content.bytes, id.data, SOUK_HASH_SIZE);
	if (status == SOUK_OK)
		status = souk_sponsor_restore_content(s->sponsor, &content, &record);
	say(s, "a content", status);
	return true;
}

static bool restore_cache(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sim_sponsor *s = ctx;
	struct souk_sponsor_cache_record record;
	(void)id;
	souk_status status = souk_sponsor_cache_record_decode(&record, value, NULL);
	if (status == SOUK_OK)
		status = souk_sponsor_restore_cache(s->sponsor, &record);
	say(s, "a cache", status);
	return true;
}

static bool restore_viewer(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sim_sponsor *s = ctx;
	struct souk_sponsor_viewer_record record;
	struct souk_address address = {{0}};
	souk_status status = souk_sponsor_viewer_record_decode(&record, value, NULL);
	if (id.size == SOUK_ADDRESS_SIZE)
		memcpy(address.bytes, id.data, SOUK_ADDRESS_SIZE);
	if (status == SOUK_OK)
		status = souk_sponsor_restore_viewer(s->sponsor, &address, &record);
	say(s, "a viewer", status);
	return true;
}

static bool restore_bundle(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sim_sponsor *s = ctx;
	struct souk_sponsor_bundle_record record;
	(void)id;
	souk_status status = souk_sponsor_bundle_record_decode(&record, value, NULL);
	if (status == SOUK_OK)
		status = souk_sponsor_restore_bundle(s->sponsor, &record, sim_now(s->node));
	say(s, "a bundle", status);
	return true;
}

void sim_sponsor_restore(struct sim_sponsor *s)
{
	sim_writes_each(s->node, PREFIX_TOTALS, restore_totals, s);
	sim_writes_each(s->node, PREFIX_CONTENT, restore_content, s);
	sim_writes_each(s->node, PREFIX_CACHE, restore_cache, s);
	sim_writes_each(s->node, PREFIX_VIEWER, restore_viewer, s);
	sim_writes_each(s->node, PREFIX_BUNDLE, restore_bundle, s);
}
