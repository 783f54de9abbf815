/* SPDX-License-Identifier: Apache-2.0
 *
 * The recruiter: it finds providers on the ledger, asks as many as a content wants to be caches of
 * it, waits while they pull, looks after them, and lets go of who is dead or too many.
 *
 *   ledger --list--> prospects --choose--> recruit --POST--> LOCAL_STATE: it pulls; asked again
 *                        ^                                   yes: enlisted --check--> dead:
 * released
 *                        '---------- later ------------------ no
 *
 * One thread; the machine is touched under its lock, never while a peer is waited for. What is here
 * is memory only: after a restart the caches that are stored are enlisted still, and checked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/market.h"
#include "../client/provider_client.h"
#include "souk/base/check.h"
#include "souk/content/recruiting.h"
#include "souk/io/clock_real.h"
#include "souk/io/log.h"
#include "sponsor_internal.h"
#include "sponsor_network.h"

#define ROUND_MS	       250u
#define LIST_MS		       5000u
#define POLL_MS		       500u
#define CALL_TIMEOUT_MS	       4000u
#define PULL_PATIENCE_MS       30000u
#define PULL_SLOW_BYTES_PER_MS 256u
#define PULL_MS		       (2ull * 3600 * 1000)
#define SMOOTH_MS	       30000u
#define HOLD_MS		       (5ull * 60 * 1000)
#define RETRY_MS	       2000u
#define PROSPECTS_MAX	       512u /* of a content */
#define DEAD_FAILURES	       3u
#define DEAD_RETRY_MS	       1000u
/* Asked in one round, so that no content waits for another's. */
#define ASKS_PER_ROUND 4u
#define DETAIL_SIZE    120

/* A provider that may be, or is, a cache of the content. */
struct member {
	struct souk_provider_record record;
	struct souk_signed_recruit recruit; /* what it was asked; without a price: nothing */
	struct souk_time asked;		    /* first, with this recruit */
	struct souk_time next;		    /* poll, or check */
	struct souk_time renew;
	uint32_t silent; /* checks in a row without an answer */
};

struct crew {
	struct souk_recruiting recruiting;
	struct souk_prospect *prospects; /* and members at the same index */
	struct member *members;
	uint32_t count, max;
	uint64_t units; /* drawn, at the last look */
	uint32_t target;
};

struct sponsor_recruiter {
	struct sponsor_node *node;
	struct souk_chain_client *chain;
	struct souk_recruiting_policy policy;
	struct crew *crews; /* of contents, by index */
	struct market_entry *entries;
	size_t entry_count;
	uint64_t listed_ms;
	uint64_t seed;
	pthread_t thread;
	bool runs;
};

/* A content, as it was when the round came to it. */
struct job {
	uint32_t index;
	struct souk_content content;
	struct souk_sponsor_order order;
	struct souk_amount price; /* most for a unit */
	struct crew *crew;
};

/* ------------------------------------------------------------------ who there is */

static struct souk_prospect *find_prospect(struct crew *crew, const struct souk_address *address)
{
	for (uint32_t i = 0; i < crew->count; i++) {
		if (souk_address_equal(&crew->prospects[i].address, address))
			return &crew->prospects[i];
	}
	return NULL;
}

static struct member *member_of(struct crew *crew, const struct souk_prospect *prospect)
{
	return &crew->members[prospect - crew->prospects];
}

static bool make_room(struct crew *crew)
{
	if (crew->count < crew->max)
		return true;
	uint32_t max = crew->max == 0 ? 16 : 2 * crew->max;
	if (max > PROSPECTS_MAX)
		return false;
	struct souk_prospect *prospects = realloc(crew->prospects, max * sizeof *prospects);
	if (prospects != NULL)
		crew->prospects = prospects;
	struct member *members = realloc(crew->members, max * sizeof *members);
	if (members != NULL)
		crew->members = members;
	if (prospects == NULL || members == NULL)
		return false;
	crew->max = max;
	return true;
}

/* The record tells where it is now; a new one may be asked. */
static void meet(struct crew *crew, const struct market_entry *entry, struct souk_amount price)
{
	struct souk_prospect *p = find_prospect(crew, &entry->address);
	if (p == NULL) {
		if (!make_room(crew))
			return;
		p = &crew->prospects[crew->count++];
		*p = (struct souk_prospect){.address = entry->address, .price = price};
		*member_of(crew, p) = (struct member){.next = souk_time_at_ms(0)};
	}
	p->network = sponsor_network_of_url(entry->record.control_url.text);
	member_of(crew, p)->record = entry->record;
}

static void list_providers(struct sponsor_recruiter *r)
{
	uint64_t now_ms = souk_clock_steady_ns() / 1000000;
	struct market_entry *entries;
	size_t count;
	if (r->listed_ms != 0 && now_ms - r->listed_ms < LIST_MS)
		return;
	if (market_list(r->chain, &entries, &count) != SOUK_OK)
		return;
	free(r->entries);
	r->entries = entries;
	r->entry_count = count;
	r->listed_ms = now_ms;
}

/* What the machine knows of the caches: who is enlisted after a restart, who is barred. */
static void read_machine(struct sponsor_recruiter *r, const struct job *job)
{
	struct sponsor_node *node = r->node;
	struct souk_time now = sponsor_now();
	pthread_mutex_lock(&node->lock);
	const struct souk_sponsor_content *content =
		souk_sponsor_content_of(&node->sponsor, &job->content.id);
	const struct souk_sponsor_cache *cache = NULL;
	while ((cache = souk_sponsor_next_cache(&node->sponsor, content, cache)) != NULL) {
		const struct souk_sponsor_cache_record *c = &cache->record;
		struct souk_prospect *p = find_prospect(job->crew, &c->offer.offer.provider);
		if (p == NULL)
			continue;
		p->price = c->price;
		if (c->barred)
			p->state = SOUK_PROSPECT_BARRED;
		else if (souk_time_is_before(now, c->expires) && p->state == SOUK_PROSPECT_FREE)
			p->state = SOUK_PROSPECT_ENLISTED;
		else if (!souk_time_is_before(now, c->expires) &&
			 p->state == SOUK_PROSPECT_ENLISTED)
			p->state = SOUK_PROSPECT_FREE;
	}
	pthread_mutex_unlock(&node->lock);
}

static uint32_t count_of(const struct crew *crew, enum souk_prospect_state state)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < crew->count; i++)
		count += crew->prospects[i].state == state;
	return count;
}

/* ------------------------------------------------------------------ asking */

static void log_about(enum souk_log_level level, const char *event, const struct job *job,
	const struct souk_prospect *p, souk_status status)
{
	souk_log_write(level, event,
		(const struct souk_log_field[]){
			souk_log_hex("provider", p->address.bytes, SOUK_ADDRESS_SIZE),
			souk_log_hex("content", job->content.id.bytes, SOUK_HASH_SIZE),
			souk_log_status(status)},
		3);
}

/* POST the recruit of MEMBER; what it says, with a sentence in DETAIL. */
static souk_status call_recruit(
	const struct member *member, struct souk_signed_enlist *ret, char detail[DETAIL_SIZE])
{
	struct provider_client client;
	souk_status status = provider_client_init(&client, &member->record, CALL_TIMEOUT_MS);
	if (status == SOUK_OK)
		status = provider_client_recruit(&client, &member->recruit, ret);
	snprintf(detail, DETAIL_SIZE, "%.*s", DETAIL_SIZE - 1, client.control.detail);
	provider_client_done(&client);
	return status;
}

/* For the report: why there are not as many as ordered. What a peer said is text of no trust. */
static void note_refusal(
	struct sponsor_recruiter *r, const struct job *job, souk_status status, const char *detail)
{
	struct sponsor_wish *wish = &r->node->wishes[job->index];
	pthread_mutex_lock(&r->node->lock);
	snprintf(wish->refusal, sizeof wish->refusal, "%s: %s", souk_status_name(status),
		detail[0] != '\0' ? detail : souk_status_text(status));
	for (char *c = wish->refusal; *c != '\0'; c++)
		*c = *c >= 0x20 && *c < 0x7f ? *c : '?';
	pthread_mutex_unlock(&r->node->lock);
}

static souk_status enlist(struct sponsor_recruiter *r, struct souk_prospect *p,
	struct member *member, const struct souk_signed_enlist *yes)
{
	struct sponsor_node *node = r->node;
	struct souk_time now = sponsor_now();
	pthread_mutex_lock(&node->lock);
	souk_status status = souk_sponsor_enlist(&node->sponsor, &member->recruit, yes, now);
	pthread_mutex_unlock(&node->lock);
	if (status == SOUK_OK)
		status = sponsor_commit(node);
	SOUK_TRY(status);
	struct souk_time until =
		souk_time_earlier(member->recruit.recruit.expires, yes->offer.offer.expires);
	p->state = SOUK_PROSPECT_ENLISTED;
	p->failures = 0;
	p->price = yes->offer.offer.price;
	member->silent = 0;
	member->next = souk_time_plus_ms(now, node->config.check_ms);
	member->renew = souk_time_plus_ms(now, souk_time_since_ms(now, until) / 4 * 3);
	return SOUK_OK;
}

static void give_up(struct sponsor_recruiter *r, const struct job *job, struct souk_prospect *p,
	souk_status status)
{
	struct sponsor_node *node = r->node;
	log_about(SOUK_LOG_INFO,
		p->state == SOUK_PROSPECT_ENLISTED ? "cache_lost" : "cache_refused", job, p,
		status);
	pthread_mutex_lock(&node->lock);
	souk_sponsor_release(&node->sponsor, &p->address, &job->content.id);
	pthread_mutex_unlock(&node->lock);
	status = sponsor_commit(node);
	(void)status; /* noted there; it expires by itself */
	souk_prospect_failed(p, &r->policy, sponsor_now());
	member_of(job->crew, p)->recruit.recruit.price = SOUK_AMOUNT_ZERO;
}

/* Ask P, or ask it again: it says yes, pulls still, or does not want to. */
static void ask(struct sponsor_recruiter *r, const struct job *job, struct souk_prospect *p)
{
	struct sponsor_node *node = r->node;
	struct member *member = member_of(job->crew, p);
	struct souk_signed_enlist yes;
	struct souk_time now = sponsor_now();
	bool was_enlisted = p->state == SOUK_PROSPECT_ENLISTED;
	if (member->recruit.recruit.price.ncoin == 0 ||
		!souk_time_is_before(souk_time_plus_ms(now, node->config.recruit_ms / 2),
			member->recruit.recruit.expires)) {
		memset(&member->recruit, 0, sizeof member->recruit);
		pthread_mutex_lock(&node->lock);
		souk_sponsor_recruit(&node->sponsor, &p->address, &job->content.id, job->price,
			souk_time_plus_ms(now, node->config.recruit_ms), &member->recruit);
		pthread_mutex_unlock(&node->lock);
		member->asked = now;
	}
	char detail[DETAIL_SIZE] = "";
	souk_status status = call_recruit(member, &yes, detail);
	if (status == SOUK_OK)
		status = enlist(r, p, member, &yes);
	now = sponsor_now();
	if (status == SOUK_OK) {
		if (!was_enlisted)
			log_about(SOUK_LOG_INFO, "cache_enlisted", job, p, status);
	} else if (status == SOUK_LOCAL_STATE && souk_time_since_ms(member->asked, now) < PULL_MS) {
		if (p->state == SOUK_PROSPECT_FREE)
			log_about(SOUK_LOG_INFO, "cache_pulls", job, p, status);
		if (!was_enlisted)
			p->state = SOUK_PROSPECT_PENDING;
		member->next = souk_time_plus_ms(now, POLL_MS);
	} else if (was_enlisted) {
		/* The check says whether it is dead. */
		member->renew = souk_time_plus_ms(now, node->config.check_ms);
	} else {
		note_refusal(r, job, status, detail);
		give_up(r, job, p, status);
	}
}

/* ------------------------------------------------------------------ looking after */

/* Whether bundles say of P what OFFER does: where its units are. */
static bool is_told(
	struct sponsor_recruiter *r, const struct job *job, const struct souk_offer *offer)
{
	struct sponsor_node *node = r->node;
	const struct souk_sponsor_cache *cache = NULL;
	bool is_same = true;
	pthread_mutex_lock(&node->lock);
	const struct souk_sponsor_content *content =
		souk_sponsor_content_of(&node->sponsor, &job->content.id);
	while ((cache = souk_sponsor_next_cache(&node->sponsor, content, cache)) != NULL) {
		const struct souk_offer *told = &cache->record.offer.offer;
		if (souk_address_equal(&told->provider, &offer->provider))
			is_same = told->data_url.size == offer->data_url.size &&
				  memcmp(told->data_url.text, offer->data_url.text,
					  told->data_url.size) == 0;
	}
	pthread_mutex_unlock(&node->lock);
	return is_same;
}

/* Whether it is there and has the content, by asking for its offer, and could send it. One that has
 * moved is asked to enlist again: its offer says where it is now. */
static void check(struct sponsor_recruiter *r, const struct job *job, struct souk_prospect *p)
{
	struct member *member = member_of(job->crew, p);
	struct provider_client client;
	struct souk_signed_offer offer;
	souk_status status = provider_client_init(&client, &member->record, CALL_TIMEOUT_MS);
	if (status == SOUK_OK)
		status = provider_client_offer(&client, &job->content.id, &offer);
	provider_client_done(&client);
	if (status == SOUK_OK)
		status = provider_data_is_there(offer.offer.data_url.text, CALL_TIMEOUT_MS);
	struct souk_time now = sponsor_now();
	if (status == SOUK_OK) {
		member->silent = 0;
		member->next = souk_time_plus_ms(now, r->node->config.check_ms);
		if (!is_told(r, job, &offer.offer))
			ask(r, job, p);
		return;
	}
	member->silent++;
	member->next = souk_time_plus_ms(now, DEAD_RETRY_MS);
	if (status == SOUK_PEER_UNKNOWN_CONTENT || member->silent >= DEAD_FAILURES)
		give_up(r, job, p, status);
}

static void look_after(struct sponsor_recruiter *r, const struct job *job)
{
	for (uint32_t i = 0; i < job->crew->count && !stopper_pause(&r->node->stopper, 0); i++) {
		struct souk_prospect *p = &job->crew->prospects[i];
		struct member *member = &job->crew->members[i];
		struct souk_time now = sponsor_now();
		if (p->state == SOUK_PROSPECT_ENLISTED && !souk_time_is_before(now, member->renew))
			ask(r, job, p);
		else if (souk_time_is_before(now, member->next))
			continue;
		else if (p->state == SOUK_PROSPECT_PENDING)
			ask(r, job, p);
		else if (p->state == SOUK_PROSPECT_ENLISTED)
			check(r, job, p);
	}
}

static void release_one(struct sponsor_recruiter *r, const struct job *job)
{
	uint32_t index = souk_recruiting_release(job->crew->prospects, job->crew->count, r->seed);
	if (index == SOUK_RECRUITING_NONE)
		return;
	struct souk_prospect *p = &job->crew->prospects[index];
	pthread_mutex_lock(&r->node->lock);
	souk_sponsor_release(&r->node->sponsor, &p->address, &job->content.id);
	pthread_mutex_unlock(&r->node->lock);
	p->state = SOUK_PROSPECT_FREE;
	job->crew->members[index].recruit.recruit.price = SOUK_AMOUNT_ZERO;
	log_about(SOUK_LOG_INFO, "cache_released", job, p, SOUK_OK);
}

/* Those that may be counted on: enlisted, or pulling for no longer than a slow line takes. Who only
 * says that he pulls must not keep others out. */
static uint32_t count_reliable(const struct job *job, struct souk_time now)
{
	uint64_t patience = PULL_PATIENCE_MS + job->content.size / PULL_SLOW_BYTES_PER_MS;
	uint32_t count = 0;
	for (uint32_t i = 0; i < job->crew->count; i++) {
		const struct souk_prospect *p = &job->crew->prospects[i];
		count += p->state == SOUK_PROSPECT_ENLISTED ||
			 (p->state == SOUK_PROSPECT_PENDING &&
				 souk_time_since_ms(job->crew->members[i].asked, now) < patience);
	}
	return count;
}

/* As many as are wanted: some more are asked, or one is let go. */
static void fill(struct sponsor_recruiter *r, const struct job *job)
{
	struct crew *crew = job->crew;
	for (uint32_t i = 0; i < ASKS_PER_ROUND; i++) {
		if (count_of(crew, SOUK_PROSPECT_ENLISTED) > crew->target)
			release_one(r, job);
		if (count_reliable(job, sponsor_now()) >= crew->target ||
			stopper_pause(&r->node->stopper, 0))
			return;
		uint32_t index = souk_recruiting_choose(
			crew->prospects, crew->count, job->price, r->seed, sponsor_now());
		if (index == SOUK_RECRUITING_NONE)
			return;
		ask(r, job, &crew->prospects[index]);
	}
}

/* ------------------------------------------------------------------ how many */

/* Units that were drawn for the content, ever; those that were given up may be missing. */
static uint64_t drawn_units(const struct souk_sponsor_content *content, struct souk_amount price)
{
	return content->record.units + content->held.ncoin / price.ncoin;
}

/* The job of content INDEX, with its target set; false where there is none. */
static bool take_job(struct sponsor_recruiter *r, uint32_t index, struct job *job)
{
	struct sponsor_node *node = r->node;
	struct crew *crew = &r->crews[index];
	struct souk_amount copy;
	pthread_mutex_lock(&node->lock);
	bool is_there = index < node->sponsor.content_count;
	if (is_there) {
		const struct souk_sponsor_content *content = &node->sponsor.memory.contents[index];
		struct sponsor_wish *wish = &node->wishes[index];
		*job = (struct job){index, content->content, wish->order, wish->order.price, crew};
		if (job->price.ncoin == 0)
			job->price = node->config.price;
		uint64_t units = drawn_units(content, job->price);
		struct souk_recruiting_view view = {
			.units = units > crew->units ? units - crew->units : 0,
			.min = job->order.replicas,
			.left = souk_sponsor_free_for(&node->sponsor, &content->content.id),
		};
		if (souk_amount_mul(&copy, job->price,
			    souk_content_chunk_count(&content->content)) == SOUK_OK)
			view.copy = copy;
		crew->units = units;
		crew->target =
			souk_recruiting_look(&crew->recruiting, &r->policy, &view, sponsor_now());
		/* Nobody is wanted for what is not paid for any more. */
		if (view.left.ncoin == 0 && content->held.ncoin == 0)
			crew->target = 0;
		wish->target = crew->target;
	}
	pthread_mutex_unlock(&node->lock);
	return is_there;
}

static void work_on(struct sponsor_recruiter *r, const struct job *job)
{
	for (size_t i = 0; i < r->entry_count; i++) {
		/* The seed sells by itself, and need not pay itself. */
		if (!souk_address_equal(&r->entries[i].address, &r->node->identity->address))
			meet(job->crew, &r->entries[i], job->price);
	}
	read_machine(r, job);
	look_after(r, job);
	fill(r, job);
	pthread_mutex_lock(&r->node->lock);
	r->node->wishes[job->index].pending = count_of(job->crew, SOUK_PROSPECT_PENDING);
	pthread_mutex_unlock(&r->node->lock);
}

static void *recruiter_run(void *ctx)
{
	struct sponsor_recruiter *r = ctx;
	do {
		struct job job;
		pthread_mutex_lock(&r->node->lock);
		bool is_ready = r->node->sponsor.epoch_known;
		pthread_mutex_unlock(&r->node->lock);
		if (is_ready)
			list_providers(r);
		for (uint32_t i = 0; is_ready && take_job(r, i, &job); i++)
			work_on(r, &job);
	} while (!stopper_pause(&r->node->stopper, ROUND_MS));
	return NULL;
}

/* ------------------------------------------------------------------ start and stop */

souk_status sponsor_recruiter_start(struct sponsor_node *node)
{
	struct sponsor_recruiter *r = node->recruiter = calloc(1, sizeof *r);
	if (r == NULL)
		return SOUK_IO_MEMORY;
	r->node = node;
	r->policy = (struct souk_recruiting_policy){
		.max = (uint32_t)node->config.replicas_max,
		.replica_units = node->config.replica_units,
		.smooth_ms = SMOOTH_MS,
		.hold_ms = HOLD_MS,
		.retry_ms = RETRY_MS,
	};
	r->seed = souk_load_be64(node->identity->address.bytes);
	/* One more than there may be: the round ends at the first that is not there. */
	r->crews = calloc(node->config.contents + 1, sizeof *r->crews);
	r->chain = souk_chain_client_new(node->config.ledger_url);
	if (r->crews == NULL || r->chain == NULL)
		return SOUK_IO_MEMORY;
	souk_chain_set_timeout(r->chain, CALL_TIMEOUT_MS);
	r->runs = pthread_create(&r->thread, NULL, recruiter_run, r) == 0;
	return r->runs ? SOUK_OK : SOUK_IO_MEMORY;
}

void sponsor_recruiter_stop(struct sponsor_node *node)
{
	struct sponsor_recruiter *r = node->recruiter;
	if (r == NULL)
		return;
	if (r->runs)
		pthread_join(r->thread, NULL);
	for (uint64_t i = 0; r->crews != NULL && i < node->config.contents; i++) {
		free(r->crews[i].prospects);
		free(r->crews[i].members);
	}
	free(r->crews);
	free(r->entries);
	souk_chain_client_free(r->chain);
	free(r);
	node->recruiter = NULL;
}
