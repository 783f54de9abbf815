/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/log.h"

/* A look at all of them costs the ledger a call for sixteen. */
#define POLL_MS_PER_GRANT 10u

uint64_t proxy_steady_ms(void)
{
	return souk_clock_steady_ns() / 1000000;
}

struct proxy_policy proxy_policy_default(void)
{
	return (struct proxy_policy){
		.price = {20000},
		.deposit_max = {10ull * SOUK_NCOIN_PER_COIN},
		.life_max_ms = 400ull * 24 * 3600 * 1000,
		.respond_min_ms = 10ull * 60 * 1000,
		.grants_max = 1000,
	};
}

/* ------------------------------------------------------------------ the table */

static const void *id_of(const void *ctx, uint32_t index)
{
	return &(*(struct proxy_entry *const *)ctx)[index].id;
}

struct proxy_entry *proxy_entry_of(struct proxy *proxy, const struct souk_hash *id)
{
	uint32_t index = souk_map_find(&proxy->map, id);
	return index == SOUK_MAP_NONE ? NULL : &proxy->entries[index];
}

static void forget_kfrag(struct proxy *proxy, struct proxy_entry *entry)
{
	if (entry->kfrag == NULL)
		return;
	souk_bytes_wipe(entry->kfrag, sizeof *entry->kfrag);
	free(entry->kfrag);
	entry->kfrag = NULL;
	proxy->cached--;
}

/* The one used longest ago makes room. */
static void forget_oldest(struct proxy *proxy)
{
	struct proxy_entry *oldest = NULL;
	for (uint32_t i = 0; i < proxy->count; i++) {
		struct proxy_entry *entry = &proxy->entries[i];
		if (entry->kfrag != NULL && (oldest == NULL || entry->used < oldest->used))
			oldest = entry;
	}
	if (oldest != NULL)
		forget_kfrag(proxy, oldest);
}

souk_status proxy_entry_kfrag(
	struct proxy *proxy, struct proxy_entry *entry, const struct souk_umbral_kfrag **ret)
{
	struct souk_key_grant_record record;
	entry->used = ++proxy->uses;
	*ret = entry->kfrag;
	if (entry->kfrag != NULL)
		return SOUK_OK;
	SOUK_TRY(proxy_store_get(&proxy->node->store, &entry->id, &record));
	struct souk_umbral_kfrag *kfrag = malloc(sizeof *kfrag);
	if (kfrag == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = proxy_unseal(kfrag, &proxy->secrets, &entry->id, &record);
	if (status != SOUK_OK) {
		free(kfrag);
		return status;
	}
	if (proxy->cached >= PROXY_CACHED_MAX)
		forget_oldest(proxy);
	proxy->cached++;
	entry->kfrag = kfrag;
	*ret = kfrag;
	return SOUK_OK;
}

souk_status proxy_entry_serves(const struct proxy *proxy, const struct proxy_entry *entry)
{
	if (entry->revoked)
		return SOUK_PEER_AGREEMENT_REVOKED;
	if (entry->over || entry->missing ||
		!souk_time_is_before(provider_now(), entry->agreement.ends) ||
		!souk_time_is_before(proxy->head, entry->agreement.ends))
		return SOUK_PEER_AGREEMENT_OVER;
	uint64_t patience = entry->agreement.respond_ms / 4, now = proxy_steady_ms();
	bool is_seen = proxy->seen_ms != 0 && now - proxy->seen_ms <= patience;
	return entry->entered && is_seen ? SOUK_OK : SOUK_LOCAL_STATE;
}

static bool make_room(struct proxy *proxy)
{
	if (proxy->count < proxy->max)
		return true;
	uint32_t max = proxy->max == 0 ? 64 : proxy->max * 2;
	struct proxy_entry *entries = realloc(proxy->entries, max * sizeof *entries);
	if (entries == NULL)
		return false;
	proxy->entries = entries;
	uint32_t *slots = calloc(SOUK_MAP_SLOTS(max), sizeof *slots);
	if (slots == NULL)
		return false;
	uint64_t seed = proxy->map.seed;
	free(proxy->slots);
	proxy->slots = slots;
	proxy->max = max;
	souk_map_init(
		&proxy->map, slots, max, SOUK_HASH_SIZE, seed, id_of, (void *)&proxy->entries);
	for (uint32_t i = 0; i < proxy->count; i++)
		SOUK_CHECK(souk_map_insert(&proxy->map, i) == SOUK_OK);
	return true;
}

static souk_status add(struct proxy *proxy, const struct souk_hash *id,
	const struct souk_agreement *agreement, bool entered)
{
	struct souk_key_terms terms;
	if (souk_map_find(&proxy->map, id) != SOUK_MAP_NONE)
		return SOUK_LOCAL_EXISTS;
	SOUK_TRY(souk_key_terms_decode(
		&terms, souk_bytes_of(agreement->details.data, agreement->details.size), NULL));
	if (!make_room(proxy))
		return SOUK_IO_MEMORY;
	proxy->entries[proxy->count] = (struct proxy_entry){.id = *id,
		.agreement = *agreement,
		.price = terms.price,
		.entered = entered,
		.entered_ms = proxy_steady_ms()};
	SOUK_CHECK(souk_map_insert(&proxy->map, proxy->count++) == SOUK_OK);
	return SOUK_OK;
}

souk_status proxy_add(struct proxy *proxy, const struct souk_hash *id,
	const struct souk_agreement *agreement, bool entered)
{
	pthread_mutex_lock(&proxy->lock);
	souk_status status = proxy->count < PROXY_GRANTS_MAX ? add(proxy, id, agreement, entered)
							     : SOUK_LOCAL_FULL;
	pthread_mutex_unlock(&proxy->lock);
	return status;
}

void proxy_remove(struct proxy *proxy, const struct souk_hash *id)
{
	pthread_mutex_lock(&proxy->lock);
	struct proxy_entry *entry = proxy_entry_of(proxy, id);
	if (entry != NULL) {
		struct proxy_entry *last = &proxy->entries[proxy->count - 1];
		uint32_t index = (uint32_t)(entry - proxy->entries);
		forget_kfrag(proxy, entry);
		souk_map_remove(&proxy->map, &entry->id);
		if (entry != last) {
			souk_map_remove(&proxy->map, &last->id);
			*entry = *last;
			SOUK_CHECK(souk_map_insert(&proxy->map, index) == SOUK_OK);
		}
		proxy->count--;
	}
	pthread_mutex_unlock(&proxy->lock);
}

uint32_t proxy_room(struct proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	uint64_t count = proxy->count, max = proxy->policy.accepts ? proxy->policy.grants_max : 0;
	pthread_mutex_unlock(&proxy->lock);
	return count < max ? (uint32_t)(max - count) : 0;
}

bool proxy_has_grants(struct proxy *proxy)
{
	if (proxy == NULL)
		return false;
	pthread_mutex_lock(&proxy->lock);
	bool has = proxy->count > 0;
	pthread_mutex_unlock(&proxy->lock);
	return has;
}

bool proxy_is_due(struct proxy *proxy)
{
	if (proxy == NULL)
		return false;
	uint64_t pause_ms = proxy->policy.respond_min_ms / 16;
	pthread_mutex_lock(&proxy->lock);
	if (pause_ms > proxy->count * POLL_MS_PER_GRANT)
		pause_ms = proxy->count * POLL_MS_PER_GRANT;
	bool is_due = proxy->count > 0 && proxy_steady_ms() - proxy->seen_ms >= pause_ms;
	pthread_mutex_unlock(&proxy->lock);
	return is_due;
}

souk_status proxy_sale(
	struct proxy *proxy, const struct souk_hash *id, struct souk_content_record *ret)
{
	if (proxy == NULL)
		return SOUK_PEER_UNKNOWN_CONTENT;
	pthread_mutex_lock(&proxy->lock);
	const struct proxy_entry *entry = proxy_entry_of(proxy, id);
	souk_status status =
		entry == NULL ? SOUK_PEER_UNKNOWN_CONTENT : proxy_entry_serves(proxy, entry);
	if (status == SOUK_OK)
		*ret = (struct souk_content_record){.price = entry->price};
	pthread_mutex_unlock(&proxy->lock);
	return status;
}

struct proxy_figures proxy_figures_now(struct proxy *proxy)
{
	if (proxy == NULL)
		return (struct proxy_figures){0};
	pthread_mutex_lock(&proxy->lock);
	uint64_t grants = proxy->count;
	pthread_mutex_unlock(&proxy->lock);
	return (struct proxy_figures){grants, atomic_load(&proxy->units),
		atomic_load(&proxy->fragments), atomic_load(&proxy->refused)};
}

/* ------------------------------------------------------------------ opening */

struct reading {
	struct proxy *proxy;
	struct souk_hash old[64]; /* receipts that nobody needs any more; the rest next time */
	size_t old_count;
	bool is_first;
};

static souk_status read_grant(
	void *ctx, const struct souk_hash *id, const struct souk_key_grant_record *record)
{
	struct reading *reading = ctx;
	struct proxy *proxy = reading->proxy;
	if (record->deleted.count > 0) {
		struct souk_time until = souk_time_plus_ms(
			souk_time_plus_ms(record->agreement.ends, record->agreement.respond_ms),
			PROXY_RECEIPT_KEEP_MS);
		if (souk_time_is_before(until, provider_now()) &&
			reading->old_count < sizeof reading->old / sizeof *reading->old)
			reading->old[reading->old_count++] = *id;
		return SOUK_OK;
	}
	SOUK_TRY(add(proxy, id, &record->agreement, record->entered));
	/* One is opened now: with a wrong secret the provider does not start, and is not silent. */
	if (!reading->is_first)
		return SOUK_OK;
	reading->is_first = false;
	struct souk_umbral_kfrag kfrag;
	souk_status status = proxy_unseal(&kfrag, &proxy->secrets, id, record);
	souk_bytes_wipe(&kfrag, sizeof kfrag);
	return status;
}

static souk_status count_grant(
	void *ctx, const struct souk_hash *id, const struct souk_key_grant_record *record)
{
	(void)id;
	*(size_t *)ctx += record->deleted.count == 0;
	return SOUK_OK;
}

static souk_status read_all(struct proxy *proxy, const char **ret_what)
{
	char path[512];
	size_t stored = 0;
	const struct provider_store *store = &proxy->node->store;
	*ret_what = "the grants";
	SOUK_TRY(proxy_store_each(store, count_grant, &stored));
	if (proxy->policy.secret != NULL)
		snprintf(path, sizeof path, "%s", proxy->policy.secret);
	else
		snprintf(path, sizeof path, "%s/proxy.secret", proxy->node->config.home);
	if (stored == 0 && !proxy->policy.accepts)
		return SOUK_LOCAL_NOT_WANTED;
	*ret_what = "the proxy's secret, [provider] key_secret: put it back where it was";
	SOUK_TRY(proxy_secrets_load(&proxy->secrets, path, stored == 0));
	struct reading reading = {.proxy = proxy, .is_first = true};
	SOUK_TRY(proxy_store_each(store, read_grant, &reading));
	for (size_t i = 0; i < reading.old_count; i++)
		SOUK_TRY(proxy_store_del(store, &reading.old[i]));
	SOUK_LOG(SOUK_LOG_INFO, "proxy_opened", souk_log_u64("grants", stored));
	return SOUK_OK;
}

souk_status proxy_open(struct proxy **ret, struct provider_node *node, const char **ret_what)
{
	struct proxy *proxy = calloc(1, sizeof *proxy);
	uint64_t seed;
	*ret = NULL;
	if (proxy == NULL)
		return SOUK_IO_MEMORY;
	proxy->node = node;
	proxy->policy = node->config.keys;
	pthread_mutex_init(&proxy->grant_lock, NULL);
	pthread_mutex_init(&proxy->write_lock, NULL);
	pthread_mutex_init(&proxy->lock, NULL);
	souk_status status = souk_entropy_fill(souk_entropy_real(), &seed, sizeof seed);
	proxy->map.seed = seed;
	if (status == SOUK_OK && !make_room(proxy))
		status = SOUK_IO_MEMORY;
	if (status == SOUK_OK)
		status = read_all(proxy, ret_what);
	if (status != SOUK_OK) {
		proxy_close(proxy);
		return status == SOUK_LOCAL_NOT_WANTED ? SOUK_OK : status;
	}
	*ret = proxy;
	return SOUK_OK;
}

void proxy_close(struct proxy *proxy)
{
	if (proxy == NULL)
		return;
	for (uint32_t i = 0; i < proxy->count; i++)
		forget_kfrag(proxy, &proxy->entries[i]);
	souk_bytes_wipe(&proxy->secrets, sizeof proxy->secrets);
	free(proxy->entries);
	free(proxy->slots);
	free(proxy);
}
