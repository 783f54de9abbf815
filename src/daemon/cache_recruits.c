/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_recruits.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache_internal.h"
#include "souk/base/check.h"
#include "souk/exchange/sponsored.h"
#include "souk/io/entropy_real.h"
#include "souk/io/log.h"

#define KIND_RECRUIT 'E'
/* Of one sponsor; and of all, that wait to be fetched. */
#define OF_SPONSOR_MAX	   512u
#define WAITING_MAX	   128u
#define WAITING_OF_SPONSOR 32u
#define DAY_MS		   (24ull * 3600 * 1000)
#define LOOKUP_WAIT_S	   4
/* A bundle that was opened just before its cache enlisted anew reaches it within this. */
#define EARLIER_MS (10 * 60 * 1000)

struct cache_policy cache_policy_default(void)
{
	return (struct cache_policy){
		.budget = {SOUK_NCOIN_PER_COIN},
		.promise_ms = 7 * DAY_MS,
		.fetches = 2,
	};
}

/* ------------------------------------------------------------------ the table */

static void make_id(uint8_t id[RECRUIT_ID_SIZE], const struct souk_hash *content,
	const struct souk_hash *escrow)
{
	memcpy(id, content->bytes, SOUK_HASH_SIZE);
	memcpy(id + SOUK_HASH_SIZE, escrow->bytes, SOUK_HASH_SIZE);
}

static const void *id_of(const void *ctx, uint32_t index)
{
	return ((const struct cache_recruits *)ctx)->items[index]->id;
}

/* Under lock, as all below that take an item. */
static struct recruit *find(struct cache_recruits *recruits, const struct souk_hash *content,
	const struct souk_hash *escrow)
{
	uint8_t id[RECRUIT_ID_SIZE];
	make_id(id, content, escrow);
	uint32_t index = souk_map_find(&recruits->by_id, id);
	return index == SOUK_MAP_NONE ? NULL : recruits->items[index];
}

static const void *sponsor_of(const void *ctx, uint32_t index)
{
	return &((const struct cache_recruits *)ctx)->pairs[index].sponsor;
}

static void note_pair(struct cache_recruits *recruits, const struct recruit *item)
{
	const struct souk_address *sponsor = &recruit_of(item)->sponsor;
	if (souk_map_find(&recruits->by_sponsor, sponsor) != SOUK_MAP_NONE)
		return;
	recruits->pairs[recruits->pair_count] = (struct sponsor_pair){*sponsor, item->record.pair};
	SOUK_CHECK(souk_map_insert(&recruits->by_sponsor, recruits->pair_count) == SOUK_OK);
	recruits->pair_count++;
}

static void begin_pairs(struct cache_recruits *recruits)
{
	recruits->pair_count = 0;
	memset(recruits->sponsor_slots, 0, sizeof recruits->sponsor_slots);
	souk_map_init(&recruits->by_sponsor, recruits->sponsor_slots, RECRUITS_MAX,
		SOUK_ADDRESS_SIZE, recruits->by_id.seed, sponsor_of, recruits);
}

/* ITEM is enlisted: strips that its sponsor sealed are known as such. Where the table is full, of
 * sponsors that came and went, it begins anew with those that are served. */
static void keep_pair(struct cache_recruits *recruits, const struct recruit *item)
{
	if (recruits->pair_count == RECRUITS_MAX) {
		begin_pairs(recruits);
		for (size_t i = 0; i < recruits->count; i++) {
			if (recruits->items[i]->record.enlisted)
				note_pair(recruits, recruits->items[i]);
		}
	}
	note_pair(recruits, item);
}

/* Empty BYTES delete it. */
static souk_status put_record(
	struct cache_recruits *recruits, const struct recruit *item, struct souk_bytes bytes)
{
	record_queue_round(&recruits->changes);
	return record_queue_put(&recruits->changes, KIND_RECRUIT, item->id, sizeof item->id, bytes);
}

void cache_drop_record(struct cache_recruits *recruits, const struct recruit *item)
{
	souk_status status = put_record(recruits, item, souk_bytes_of("", 0));
	(void)status; /* it is over by its own time, and dropped at the next start */
}

static souk_status store(struct cache_recruits *recruits, const struct recruit *item)
{
	uint8_t value[SOUK_RECRUIT_RECORD_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes bytes;
	souk_writer_init(&writer, value, sizeof value);
	souk_recruit_record_encode(&writer, &item->record);
	souk_status status = souk_writer_finish(&writer, &bytes);
	if (status == SOUK_OK)
		status = put_record(recruits, item, bytes);
	souk_bytes_wipe(value, sizeof value);
	return status;
}

/* Whoever waited for another's write finds its own changes written, too. */
souk_status cache_flush(struct cache_recruits *recruits)
{
	pthread_mutex_lock(&recruits->commit_lock);
	record_queue_round(&recruits->writing);
	pthread_mutex_lock(&recruits->lock);
	souk_status status = record_queue_move(&recruits->writing, &recruits->changes);
	pthread_mutex_unlock(&recruits->lock);
	if (status == SOUK_OK && recruits->writing.count > 0)
		status = records_write(recruits->node->store.lmdb, &recruits->writing);
	if (status == SOUK_OK)
		record_queue_clear(&recruits->writing);
	pthread_mutex_unlock(&recruits->commit_lock);
	return status;
}

static struct recruit *add(
	struct cache_recruits *recruits, const struct souk_recruit_record *record)
{
	struct recruit *item = calloc(1, sizeof *item);
	if (item == NULL)
		return NULL;
	item->record = *record;
	make_id(item->id, &recruit_of(item)->content, &recruit_of(item)->escrow);
	recruits->items[recruits->count] = item;
	SOUK_CHECK(souk_map_insert(&recruits->by_id, (uint32_t)recruits->count) == SOUK_OK);
	recruits->count++;
	return item;
}

/* Out of the table; the last takes its place. */
static void drop(struct cache_recruits *recruits, struct recruit *item)
{
	uint32_t index = souk_map_find(&recruits->by_id, item->id);
	struct recruit *last = recruits->items[recruits->count - 1];
	souk_map_remove(&recruits->by_id, item->id);
	if (last != item) {
		souk_map_remove(&recruits->by_id, last->id);
		recruits->items[index] = last;
		SOUK_CHECK(souk_map_insert(&recruits->by_id, index) == SOUK_OK);
	}
	recruits->count--;
	souk_bytes_wipe(item, sizeof *item);
	free(item);
}

/* Another recruit may keep the content promised. */
void cache_update_promise(struct cache_recruits *recruits, const struct souk_hash *content)
{
	bool is_promised = false;
	for (size_t i = 0; i < recruits->count; i++) {
		const struct recruit *item = recruits->items[i];
		is_promised |= item->state == RECRUIT_ENLISTED &&
			       souk_hash_equal(&recruit_of(item)->content, content);
	}
	chunk_store_promise(recruits->node->chunks, content, is_promised);
}

void cache_forget(struct cache_recruits *recruits, struct recruit *item)
{
	struct souk_hash content = recruit_of(item)->content;
	cache_drop_record(recruits, item);
	drop(recruits, item);
	cache_update_promise(recruits, &content);
}

/* Room that is promised, or is to be, to SPONSOR; NULL: to all. But for what is there anyway. */
uint64_t cache_promised_room(
	const struct cache_recruits *recruits, const struct souk_address *sponsor)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < recruits->count; i++) {
		const struct recruit *item = recruits->items[i];
		if (item->state != RECRUIT_FAILED &&
			(sponsor == NULL ||
				souk_address_equal(&recruit_of(item)->sponsor, sponsor)))
			sum = sum > UINT64_MAX - item->room ? UINT64_MAX : sum + item->room;
	}
	return sum;
}

bool cache_is_allowed(const struct cache_recruits *recruits, const struct souk_address *sponsor)
{
	for (size_t i = 0; i < recruits->allowed_count; i++) {
		if (souk_address_equal(&recruits->allowed[i], sponsor))
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ what is taken */

__attribute__((format(printf, 3, 4))) static souk_status explain(
	char detail[CACHE_DETAIL_SIZE], souk_status status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(detail, CACHE_DETAIL_SIZE, format, arguments);
	va_end(arguments);
	return status;
}

static struct souk_amount price_min(struct cache_recruits *recruits)
{
	return recruits->policy->price_min.ncoin != 0 ? recruits->policy->price_min
						      : recruits->node->price.policy.floor;
}

/* What the configuration says of RECRUIT. */
static souk_status check_policy(struct cache_recruits *recruits, const struct souk_recruit *recruit,
	char detail[CACHE_DETAIL_SIZE])
{
	char least[SOUK_AMOUNT_TEXT_SIZE];
	if (recruits->allowed_count > 0 && !cache_is_allowed(recruits, &recruit->sponsor))
		return explain(
			detail, SOUK_LOCAL_NOT_WANTED, "this cache serves named sponsors only");
	if (souk_amount_is_less(recruit->price, price_min(recruits))) {
		souk_amount_format(least, price_min(recruits));
		return explain(
			detail, SOUK_LOCAL_NOT_WANTED, "a unit costs at least %s coins", least);
	}
	if (souk_time_since_ms(provider_now(), recruit->expires) > recruits->policy->promise_ms)
		return explain(detail, SOUK_LOCAL_NOT_WANTED,
			"this cache promises for at most %ju s: recruit it for less, and again",
			(uintmax_t)(recruits->policy->promise_ms / 1000));
	return SOUK_OK;
}

/* Room in the table. Under lock. */
static souk_status check_counts(struct cache_recruits *recruits, const struct souk_recruit *recruit,
	char detail[CACHE_DETAIL_SIZE])
{
	size_t own = 0, waiting = 0, own_waiting = 0;
	for (size_t i = 0; i < recruits->count; i++) {
		const struct recruit *item = recruits->items[i];
		bool is_own = souk_address_equal(&recruit_of(item)->sponsor, &recruit->sponsor);
		bool waits = item->state == RECRUIT_WAITING || item->state == RECRUIT_FETCHING;
		own += is_own;
		waiting += waits;
		own_waiting += waits && is_own;
	}
	if (recruits->count >= RECRUITS_MAX || waiting >= WAITING_MAX)
		return explain(detail, SOUK_LOCAL_FULL, "as many recruits as it takes");
	if (own >= OF_SPONSOR_MAX || own_waiting >= WAITING_OF_SPONSOR)
		return explain(
			detail, SOUK_LOCAL_FULL, "as many recruits of one sponsor as it takes");
	return SOUK_OK;
}

/* That the escrow is the sponsor's own, or one sponsor could stand in another's way, and that it
 * can pay for one unit at least. */
static souk_status check_escrow(struct cache_recruits *recruits, const struct souk_recruit *recruit,
	char detail[CACHE_DETAIL_SIZE])
{
	struct provider_node *node = recruits->node;
	struct souk_escrow_record escrow;
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOOKUP_WAIT_S;
	if (pthread_mutex_timedlock(&node->lookup_lock, &until) != 0)
		return SOUK_IO_TIMEOUT;
	souk_status status = souk_chain_escrow(node->lookup, &recruit->escrow, &escrow);
	pthread_mutex_unlock(&node->lookup_lock);
	if (status != SOUK_OK)
		return status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_NO_ESCROW : status;
	if (!souk_address_equal(&escrow.payer, &recruit->sponsor))
		return explain(detail, SOUK_PEER_ESCROW_TERMS, "the escrow is not the sponsor's");
	if (escrow.closing)
		return SOUK_PEER_ESCROW_CLOSING;
	if (souk_amount_is_less(escrow.line, recruit->price))
		return explain(detail, SOUK_PEER_ESCROW_TERMS, "the escrow cannot pay for a unit");
	return SOUK_OK;
}

static bool is_whole(struct cache_recruits *recruits, const struct souk_hash *content)
{
	struct chunk_item *item;
	if (chunk_store_take(recruits->node->chunks, content, &item) != SOUK_OK)
		return false;
	bool whole = chunk_item_is_whole(item);
	chunk_item_give(item);
	return whole;
}

/* ------------------------------------------------------------------ enlisting */

/* The price that is promised: ours, where the sponsor pays as much; else the sponsor's, which is
 * not under the least. */
static souk_status make_offer(struct cache_recruits *recruits, const struct souk_recruit *recruit,
	struct souk_signed_offer *ret)
{
	SOUK_TRY(provider_offer(recruits->node, &recruit->content, ret));
	if (souk_amount_is_less(ret->offer.price, price_min(recruits)))
		ret->offer.price = price_min(recruits);
	if (souk_amount_is_less(recruit->price, ret->offer.price))
		ret->offer.price = recruit->price;
	/* Promised for as long as the recruit runs. */
	ret->offer.expires = recruit->expires;
	souk_offer_sign(ret, recruits->node->identity);
	return SOUK_OK;
}

souk_status cache_enlist(struct cache_recruits *recruits, struct recruit *item)
{
	struct souk_signed_offer offer;
	struct souk_hash secret;
	SOUK_TRY(make_offer(recruits, recruit_of(item), &offer));
	SOUK_TRY(souk_sponsor_secret(&secret, recruits->node->identity,
		&recruit_of(item)->sponsor_key, recruit_of(item)));
	SOUK_TRY(souk_sponsor_pair(
		&item->record.pair, recruits->node->identity, &recruit_of(item)->sponsor_key));
	if (!souk_hash_equal(&item->record.secret, &secret)) {
		item->record.earlier = item->record.secret;
		item->record.earlier_price = item->record.price;
	}
	item->record.secret = secret;
	souk_bytes_wipe(&secret, sizeof secret);
	item->record.price = offer.offer.price;
	item->record.enlisted = true;
	souk_status status = store(recruits, item);
	if (status != SOUK_OK) {
		item->record.enlisted = false;
		return status;
	}
	item->state = RECRUIT_ENLISTED;
	keep_pair(recruits, item);
	cache_update_promise(recruits, &recruit_of(item)->content);
	SOUK_LOG(SOUK_LOG_INFO, "enlisted",
		souk_log_hex("content", recruit_of(item)->content.bytes, SOUK_HASH_SIZE),
		souk_log_hex("sponsor", recruit_of(item)->sponsor.bytes, SOUK_ADDRESS_SIZE),
		souk_log_amount("price", item->record.price));
	return SOUK_OK;
}

/* Not under lock. */
static souk_status answer(struct cache_recruits *recruits, const struct souk_recruit *recruit,
	struct souk_amount price, struct souk_signed_enlist *ret)
{
	*ret = (struct souk_signed_enlist){
		.enlist = {.version = SOUK_SPONSOR_VERSION,
			.recruit = souk_recruit_digest(recruit),
			.provider_key = recruits->node->identity->pubkey}};
	SOUK_TRY(make_offer(recruits, recruit, &ret->offer));
	ret->offer.offer.price = price;
	souk_offer_sign(&ret->offer, recruits->node->identity);
	souk_enlist_sign(ret, recruits->node->identity);
	return SOUK_OK;
}

/* What ITEM, which is not enlisted, is about. Under lock. */
static souk_status tell(const struct recruit *item, char detail[CACHE_DETAIL_SIZE])
{
	if (item->state == RECRUIT_FAILED)
		return explain(detail, SOUK_LOCAL_NOT_WANTED, "%s", item->detail);
	if (item->chunks > 0)
		return explain(detail, SOUK_LOCAL_STATE, "fetching: %u of %u chunks", item->done,
			item->chunks);
	return explain(detail, SOUK_LOCAL_STATE, "waiting to be fetched%s%s",
		item->detail[0] != '\0' ? ": " : "", item->detail);
}

/* What was agreed before stays, for those who were told so: see cache_enlist. */
static void replace_recruit(struct recruit *item, const struct souk_signed_recruit *recruit)
{
	item->record.recruit = *recruit;
	item->record.enlisted = false;
	item->record.taken = provider_now();
}

/* Take RECRUIT, which may be taken, as NEW or in the place of what was there. Under lock. */
static souk_status take(struct cache_recruits *recruits, const struct souk_signed_recruit *recruit,
	bool is_here, struct recruit **ret)
{
	struct recruit *item = find(recruits, &recruit->recruit.content, &recruit->recruit.escrow);
	struct souk_recruit_record record = {.recruit = *recruit, .taken = provider_now()};
	bool is_new = item == NULL;
	if (is_new)
		item = add(recruits, &record);
	if (item == NULL)
		return SOUK_IO_MEMORY;
	*ret = item;
	if (!is_new)
		replace_recruit(item, recruit);
	if (item->state == RECRUIT_FETCHING)
		return SOUK_OK; /* what comes of it is for the newer one */
	item->state = RECRUIT_WAITING;
	item->tries = 0;
	item->next_try = provider_now();
	item->detail[0] = '\0';
	souk_status status = is_here ? cache_enlist(recruits, item) : store(recruits, item);
	if (status != SOUK_OK && is_new)
		drop(recruits, item);
	pthread_cond_signal(&recruits->work);
	return status;
}

/* Recruits are told to anybody, and one that ran out of use may be posted again by anybody: its
 * sponsor does not know the keys of the older one any more. Under lock. */
static souk_status check_newer(const struct recruit *item, const struct souk_recruit *recruit,
	char detail[CACHE_DETAIL_SIZE])
{
	if (item == NULL || item->state == RECRUIT_FAILED ||
		!souk_time_is_before(recruit->expires, recruit_of(item)->expires))
		return SOUK_OK;
	return explain(detail, SOUK_LOCAL_NOT_WANTED,
		"a recruit of this sponsor that runs for longer was taken already");
}

/* SOUK_OK: it is enlisted, at *RET_PRICE. Under lock. */
static souk_status post(struct cache_recruits *recruits, const struct souk_signed_recruit *recruit,
	struct souk_amount *ret_price, char detail[CACHE_DETAIL_SIZE])
{
	const struct souk_recruit *wanted = &recruit->recruit;
	struct souk_hash digest = souk_recruit_digest(wanted), known;
	struct recruit *item = find(recruits, &wanted->content, &wanted->escrow);
	if (item != NULL) {
		known = souk_recruit_digest(recruit_of(item));
		if (souk_hash_equal(&digest, &known)) {
			*ret_price = item->record.price;
			if (item->state == RECRUIT_ENLISTED)
				return SOUK_OK;
			if (item->state != RECRUIT_FAILED ||
				souk_time_is_before(provider_now(), item->next_try))
				return tell(item, detail);
		}
		SOUK_TRY(check_newer(item, wanted, detail));
	} else {
		SOUK_TRY(check_counts(recruits, wanted, detail));
	}
	/* The ledger is asked without the lock; what is here may change meanwhile, and is looked at
	 * again. */
	pthread_mutex_unlock(&recruits->lock);
	souk_status status = check_policy(recruits, wanted, detail);
	if (status == SOUK_OK)
		status = check_escrow(recruits, wanted, detail);
	bool is_here = is_whole(recruits, &wanted->content);
	if (status == SOUK_OK && !is_here && recruits->policy->limit == 0)
		status = explain(detail, SOUK_LOCAL_NOT_WANTED,
			"it is not here, and this provider is no cache");
	pthread_mutex_lock(&recruits->lock);
	SOUK_TRY(status);
	item = find(recruits, &wanted->content, &wanted->escrow);
	if (item == NULL)
		SOUK_TRY(check_counts(recruits, wanted, detail));
	SOUK_TRY(check_newer(item, wanted, detail));
	SOUK_TRY(take(recruits, recruit, is_here, &item));
	*ret_price = item->record.price;
	return item->state == RECRUIT_ENLISTED ? SOUK_OK : tell(item, detail);
}

souk_status cache_recruits_post(struct cache_recruits *recruits,
	const struct souk_signed_recruit *recruit, struct souk_signed_enlist *ret,
	char detail[CACHE_DETAIL_SIZE])
{
	struct souk_amount price;
	detail[0] = '\0';
	SOUK_TRY(souk_recruit_verify(recruit, &recruits->node->identity->address, provider_now()));
	pthread_mutex_lock(&recruits->lock);
	souk_status status = post(recruits, recruit, &price, detail);
	recruits->refused += status != SOUK_OK && status != SOUK_LOCAL_STATE;
	pthread_mutex_unlock(&recruits->lock);
	if (status != SOUK_OK && status != SOUK_LOCAL_STATE)
		return status;
	/* Also where it was taken by another call, which may not have written it yet. */
	SOUK_TRY(cache_flush(recruits));
	return status == SOUK_OK ? answer(recruits, &recruit->recruit, price, ret) : status;
}

/* What ITEM was enlisted with before is good for what is on its way: not for a sponsor that would
 * rather go on with an older price. */
static bool has_earlier(const struct recruit *item, struct souk_time now)
{
	return !souk_hash_is_zero(&item->record.earlier) &&
	       souk_time_since_ms(item->record.taken, now) < EARLIER_MS;
}

static void fill_terms(const struct recruit *item, const struct souk_strip *strip,
	struct souk_time now, struct cache_terms *ret)
{
	const struct souk_recruit_record *record = &item->record;
	*ret = (struct cache_terms){.price = record->price, .secret = record->secret};
	if (!has_earlier(item, now) || strip->price.ncoin != record->earlier_price.ncoin)
		return;
	if (strip->price.ncoin != record->price.ncoin) {
		ret->price = record->earlier_price;
		ret->secret = record->earlier;
		return;
	}
	ret->earlier = record->earlier;
	ret->has_earlier = true;
}

bool cache_recruits_pair(
	struct cache_recruits *recruits, const struct souk_address *sponsor, struct souk_hash *ret)
{
	pthread_mutex_lock(&recruits->lock);
	uint32_t index = souk_map_find(&recruits->by_sponsor, sponsor);
	if (index != SOUK_MAP_NONE)
		*ret = recruits->pairs[index].pair;
	pthread_mutex_unlock(&recruits->lock);
	return index != SOUK_MAP_NONE;
}

bool cache_recruits_find(
	struct cache_recruits *recruits, const struct souk_strip *strip, struct cache_terms *ret)
{
	struct souk_time now = provider_now();
	pthread_mutex_lock(&recruits->lock);
	const struct recruit *item = find(recruits, &strip->request, &strip->escrow);
	bool found = item != NULL && item->state == RECRUIT_ENLISTED &&
		     souk_time_is_before(now, recruit_of(item)->expires);
	if (found)
		fill_terms(item, strip, now, ret);
	pthread_mutex_unlock(&recruits->lock);
	return found;
}

void cache_recruits_list(struct cache_recruits *recruits, const struct souk_hash *content,
	struct souk_sponsor_list *ret)
{
	size_t max = sizeof ret->recruits.items / sizeof ret->recruits.items[0];
	ret->recruits.count = 0;
	pthread_mutex_lock(&recruits->lock);
	for (size_t i = 0; i < recruits->count && ret->recruits.count < max; i++) {
		const struct recruit *item = recruits->items[i];
		if (item->state == RECRUIT_ENLISTED &&
			souk_hash_equal(&recruit_of(item)->content, content) &&
			souk_time_is_before(provider_now(), recruit_of(item)->expires))
			ret->recruits.items[ret->recruits.count++] = item->record.recruit;
	}
	pthread_mutex_unlock(&recruits->lock);
}

struct cache_recruit_figures cache_recruits_figures(struct cache_recruits *recruits)
{
	struct cache_recruit_figures figures = {.budget = recruits->policy->budget};
	pthread_mutex_lock(&recruits->lock);
	for (size_t i = 0; i < recruits->count; i++) {
		enum recruit_state state = recruits->items[i]->state;
		figures.waiting += state == RECRUIT_WAITING;
		figures.fetching += state == RECRUIT_FETCHING;
		figures.enlisted += state == RECRUIT_ENLISTED;
	}
	figures.refused = recruits->refused;
	figures.failed = recruits->failed;
	pthread_mutex_unlock(&recruits->lock);
	struct souk_amount spent, given;
	gateway_purse_figures(recruits->purse, provider_now().ms, &spent, &given);
	if (souk_amount_add(&figures.spent_today, spent, given) != SOUK_OK)
		figures.spent_today.ncoin = UINT64_MAX;
	return figures;
}

/* ------------------------------------------------------------------ start and end */

static souk_status restore(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct cache_recruits *recruits = ctx;
	struct souk_recruit_record record;
	(void)id;
	if (souk_recruit_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	if (recruits->count >= RECRUITS_MAX)
		return SOUK_OK;
	if (find(recruits, &record.recruit.recruit.content, &record.recruit.recruit.escrow) != NULL)
		return SOUK_CORRUPT_STORE;
	struct recruit *item = add(recruits, &record);
	souk_bytes_wipe(&record, sizeof record);
	if (item != NULL && item->record.enlisted)
		keep_pair(recruits, item);
	return item != NULL ? SOUK_OK : SOUK_IO_MEMORY;
}

/* What was promised is served again at once; what is not here any more is fetched. */
static void resume(struct cache_recruits *recruits)
{
	for (size_t i = 0; i < recruits->count; i++) {
		struct recruit *item = recruits->items[i];
		const struct souk_hash *content = &recruit_of(item)->content;
		struct souk_content_record record;
		bool is_here = is_whole(recruits, content);
		if (is_here && provider_store_content(&recruits->node->store, content, &record) ==
				       SOUK_OK) {
			struct souk_content kept = {*content, record.size, record.chunk_size};
			struct souk_cache_record cache;
			if (provider_store_cache(&recruits->node->store, content, &cache) ==
				SOUK_OK)
				item->room = chunk_store_room_of(&kept);
		}
		if (item->record.enlisted && is_here) {
			item->state = RECRUIT_ENLISTED;
			cache_update_promise(recruits, content);
		}
	}
}

static souk_status parse_sponsors(struct cache_recruits *recruits)
{
	const char *text = recruits->policy->sponsors;
	char hex[2 * SOUK_ADDRESS_SIZE + 1];
	while (text != NULL && *(text += strspn(text, " ,")) != '\0') {
		size_t size = strcspn(text, " ,");
		const char *digits = size > 2 && memcmp(text, "0x", 2) == 0 ? text + 2 : text;
		size_t count = size - (size_t)(digits - text);
		if (count != 2 * SOUK_ADDRESS_SIZE || recruits->allowed_count == CACHE_SPONSORS_MAX)
			return SOUK_LOCAL_CONFIG;
		memcpy(hex, digits, count);
		hex[count] = '\0';
		if (souk_hex_decode(recruits->allowed[recruits->allowed_count++].bytes,
			    SOUK_ADDRESS_SIZE, hex) != SOUK_OK)
			return SOUK_LOCAL_CONFIG;
		text += size;
	}
	return SOUK_OK;
}

static souk_status start(struct cache_recruits *recruits)
{
	uint64_t seed;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), (uint8_t *)&seed, sizeof seed));
	souk_map_init(&recruits->by_id, recruits->id_slots, RECRUITS_MAX, RECRUIT_ID_SIZE, seed,
		id_of, recruits);
	begin_pairs(recruits);
	SOUK_TRY(parse_sponsors(recruits));
	SOUK_TRY(gateway_purse_open_file(&recruits->purse, recruits->node->config.home, "cache.day",
		recruits->policy->budget));
	SOUK_TRY(records_each(recruits->node->store.lmdb, KIND_RECRUIT, restore, recruits));
	resume(recruits);
	for (size_t i = 0; i < recruits->policy->fetches && i < CACHE_FETCHES_MAX; i++) {
		if (pthread_create(&recruits->threads[i], NULL, cache_worker_run, recruits) != 0)
			return SOUK_IO_MEMORY;
		recruits->thread_count++;
	}
	return SOUK_OK;
}

souk_status cache_recruits_open(struct cache_recruits **ret, struct provider_node *node)
{
	struct cache_recruits *recruits = calloc(1, sizeof *recruits);
	if (recruits == NULL)
		return SOUK_IO_MEMORY;
	recruits->node = node;
	recruits->policy = &node->config.cache;
	pthread_mutex_init(&recruits->commit_lock, NULL);
	pthread_mutex_init(&recruits->lock, NULL);
	pthread_condattr_t steady;
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&recruits->work, &steady);
	pthread_condattr_destroy(&steady);
	souk_status status = start(recruits);
	if (status != SOUK_OK) {
		cache_recruits_free(recruits);
		return status;
	}
	*ret = recruits;
	return SOUK_OK;
}

void cache_recruits_stop(struct cache_recruits *recruits)
{
	if (recruits == NULL)
		return;
	pthread_mutex_lock(&recruits->lock);
	recruits->stopping = true;
	for (size_t i = 0; i < recruits->count; i++) {
		if (recruits->items[i]->fetch != NULL)
			fetch_stop(recruits->items[i]->fetch);
	}
	pthread_cond_broadcast(&recruits->work);
	pthread_mutex_unlock(&recruits->lock);
	for (size_t i = 0; i < recruits->thread_count; i++)
		pthread_join(recruits->threads[i], NULL);
	recruits->thread_count = 0;
	souk_status status = cache_flush(recruits);
	(void)status; /* what was answered is written; the rest is dropped at the next start */
}

void cache_recruits_free(struct cache_recruits *recruits)
{
	if (recruits == NULL)
		return;
	cache_recruits_stop(recruits);
	for (size_t i = 0; i < recruits->count; i++) {
		souk_bytes_wipe(recruits->items[i], sizeof *recruits->items[i]);
		free(recruits->items[i]);
	}
	gateway_purse_close(recruits->purse);
	record_queue_free(&recruits->writing);
	record_queue_free(&recruits->changes);
	pthread_mutex_destroy(&recruits->commit_lock);
	pthread_mutex_destroy(&recruits->lock);
	pthread_cond_destroy(&recruits->work);
	free(recruits);
}
