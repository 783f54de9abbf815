/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole downloads against real providers over a network that loses, delays, reorders and repeats;
 * with providers that crash, lie, stall or withhold, and customers that stop paying.
 *
 * The workload drives; the auditor below only watches what passes, and judges by the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "market_kit.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/content/download.h"
#include "souk/payment/claim.h"
#include "souk/payment/lottery.h"

#define CHUNK_SIZE    16384u
#define CHUNKS_MAX    40u
#define PROVIDERS     3u
#define CUSTOMERS     2u
#define SLOTS	      12u
#define EVENTS	      512u
#define AUDITS	      256u
#define STEPS_MAX     200000u
#define SEEDS_DEFAULT 300u
#define FIRST_EPOCH   3u

/* FORGETFUL: gives one key, takes a window of tickets, and knows of no such session.
 * MUTE: silent where only a key is asked for. */
enum lie { HONEST, WRONG_BYTES, WRONG_KEY, SILENT, TOO_MUCH, NO_KEY, FORGETFUL, MUTE, LIES };

struct event {
	uint64_t at;
	enum { NOTHING, ARRIVE, ANSWER, CHECK, CRASH, RESTART, EPOCH } kind;
	bool keys;	/* a KEYS, else a FETCH */
	bool repeated;	/* an extra copy: its answer goes nowhere */
	bool cancelled; /* answered already, by a cancellation */
	uint32_t customer;
	uint32_t provider;
	uint32_t slot;
	uint32_t length;
	uint32_t chunk;
	souk_status status;
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	struct souk_unit_cipher cipher;
};

struct buyer {
	struct souk_download download;
	struct souk_customer customers[PROVIDERS];
	struct kit_payer payer;
	uint64_t done_words[1], taken_words[1];
	uint8_t slots[SLOTS][CHUNK_SIZE];
	uint8_t disk[CHUNKS_MAX * CHUNK_SIZE];
	uint32_t open_at_drop; /* chunks that were not done when the last provider was dropped */
	bool leech;	       /* never sends a ticket */
	bool ended;
	souk_status status;
};

/* What the auditor knows of a session, from the messages alone. */
struct audit {
	struct souk_nonce session;
	uint32_t buyer;
	uint32_t provider;
	uint32_t issued; /* highest ticket that left the customer */
	uint32_t keyed;	 /* highest key that left the provider */
	uint32_t served; /* highest unit that left the provider */
};

struct world {
	struct souk_rng rng;
	struct souk_time now;
	uint64_t epoch;
	struct kit_provider providers[PROVIDERS];
	enum lie lies[PROVIDERS];
	bool down[PROVIDERS];
	bool crashed[PROVIDERS];
	struct buyer buyers[CUSTOMERS];
	struct event events[EVENTS];
	struct audit audits[AUDITS];
	uint32_t audit_count;
	uint8_t content[CHUNKS_MAX * CHUNK_SIZE];
	struct souk_content facts;
	struct souk_hash row[CHUNKS_MAX];
	uint32_t loss; /* of a thousand */
	uint64_t restarts;
};

static struct world market; /* of one test after the other */

/* ------------------------------------------------------------------ the auditor */

static struct audit *audit_of(struct world *w, const struct souk_nonce *session)
{
	for (uint32_t i = 0; i < w->audit_count; i++) {
		if (memcmp(&w->audits[i].session, session, sizeof *session) == 0)
			return &w->audits[i];
	}
	assert_true(w->audit_count < AUDITS);
	w->audits[w->audit_count].session = *session;
	return &w->audits[w->audit_count++];
}

static void audit_request(
	struct world *w, uint32_t buyer, uint32_t provider, const struct souk_unit_request *request)
{
	struct audit *a = audit_of(w, &request->session);
	a->buyer = buyer;
	a->provider = provider;
	if (request->has_ticket && request->ticket.unit > a->issued)
		a->issued = request->ticket.unit;
}

static void audit_reply(struct world *w, uint32_t provider, const struct souk_unit_request *request,
	const struct souk_provider_reply *reply)
{
	struct audit *a = audit_of(w, &request->session);
	uint32_t window = w->providers[provider].window;
	uint32_t paid = reply->has_key ? reply->key.unit : 0;
	if (paid > a->keyed)
		a->keyed = paid;
	if (request->unit > a->served)
		a->served = request->unit;
	/* No key without its ticket, and no more than a window without payment. */
	assert_true(paid <= a->issued);
	assert_true(request->unit <= paid + window);
	if (w->crashed[provider] == false)
		assert_true(a->served <= a->keyed + window);
}

static void audit_buyer(struct world *w, uint32_t index)
{
	struct buyer *b = &w->buyers[index];
	struct souk_download *d = &b->download;
	uint64_t spent = 0;
	for (uint32_t i = 0; i < d->chunk_count; i++) {
		uint64_t offset = souk_content_chunk_offset(&w->facts, i);
		if (souk_bitmap_get(&d->done, i))
			assert_memory_equal(b->disk + offset, w->content + offset,
				souk_content_chunk_length(&w->facts, i));
	}
	for (uint32_t i = 0; i < d->provider_count; i++) {
		const struct souk_download_provider *p = &d->providers[i];
		uint64_t window = w->providers[i].window;
		assert_true(souk_download_lost(d, i) <= window * p->sessions);
		/* However many sessions it takes, and whatever it says that they ended for. */
		assert_true(souk_download_lost(d, i) <=
			    (3 + w->epoch - FIRST_EPOCH) * window + p->units_verified / 8);
		spent += souk_download_spent(d, i).ncoin;
	}
	assert_int_equal(spent, souk_download_spent_all(d).ncoin);
	assert_true(spent <= d->config.budget.ncoin);
	if (b->status == SOUK_OK)
		assert_int_equal(d->bytes_done, w->facts.size);
}

/* The money: what is stored is at most what was issued, and each claim is good for exactly that. */
static void audit_claim(struct world *w, uint32_t provider, const struct souk_nonce *session)
{
	struct kit_provider *kit = &w->providers[provider];
	struct souk_session_record *record = kit_provider_stored(kit, session);
	struct souk_chain *chain = malloc(sizeof *chain);
	struct souk_claim *claim = malloc(sizeof *claim);
	struct souk_amount lo, hi;
	assert_non_null(record);
	struct audit *a = audit_of(w, session);
	assert_true(record->unit <= a->issued);
	assert_int_equal(souk_provider_claim(claim, record, chain), SOUK_OK);
	assert_int_equal(
		souk_claim_verify(&lo, &hi, claim, &w->buyers[a->buyer].payer.allotment), SOUK_OK);
	assert_int_equal(hi.ncoin - lo.ncoin, record->unit * record->grant.price.ncoin);
	free(chain);
	free(claim);
}

/* ------------------------------------------------------------------ the network */

static uint64_t below(struct world *w, uint64_t bound)
{
	return souk_rng_below(&w->rng, bound);
}

static struct event *post(struct world *w, uint64_t delay_ms)
{
	for (uint32_t i = 0; i < EVENTS; i++) {
		if (w->events[i].kind != NOTHING)
			continue;
		memset(&w->events[i], 0, sizeof w->events[i]);
		w->events[i].at = w->now.ms + delay_ms;
		return &w->events[i];
	}
	fail_msg("too many events");
	return NULL;
}

static struct event *next_event(struct world *w)
{
	struct event *next = NULL;
	for (uint32_t i = 0; i < EVENTS; i++) {
		struct event *e = &w->events[i];
		if (e->kind != NOTHING && (next == NULL || e->at < next->at))
			next = e;
	}
	return next;
}

static void store_effects(struct world *w, uint32_t provider)
{
	struct souk_provider_effect effect;
	while (souk_provider_next_effect(&w->providers[provider].provider, &effect))
		kit_provider_keep(&w->providers[provider], &effect);
}

/* Answer ORIGINAL with STATUS after some time; one that the planner no longer waits for vanishes.
 */
static void answer(struct world *w, const struct event *original, souk_status status,
	const struct souk_provider_reply *reply, uint64_t delay_ms)
{
	if (original->repeated)
		return;
	struct event copy = *original, *e = post(w, delay_ms);
	uint64_t at = e->at;
	*e = copy;
	e->at = at;
	e->kind = ANSWER;
	e->status = status;
	if (reply != NULL)
		e->reply = *reply;
}

static void send_request(struct world *w, uint32_t buyer, const struct souk_download_effect *effect)
{
	struct souk_unit_request request = effect->request;
	struct buyer *b = &w->buyers[buyer];
	if (b->leech && request.has_ticket) {
		request.has_ticket = false;
		memset(&request.ticket, 0, sizeof request.ticket);
		request.auth = souk_unit_request_auth(
			&b->customers[effect->provider].session_secret, &request);
	}
	audit_request(w, buyer, effect->provider, &request);
	for (int copy = 0; copy < (below(w, 10) == 0 ? 2 : 1); copy++) {
		struct event *e = post(w, 1 + below(w, 40));
		e->kind = ARRIVE;
		e->keys = effect->kind == SOUK_DOWNLOAD_KEYS;
		e->repeated = copy > 0;
		e->customer = buyer;
		e->provider = effect->provider;
		e->slot = effect->slot;
		e->chunk = effect->chunk;
		e->length = effect->length;
		e->request = request;
	}
}

static void arrive(struct world *w, struct event *e)
{
	struct souk_provider_reply reply;
	enum lie lie = w->lies[e->provider];
	if (below(w, 1000) < w->loss) {
		answer(w, e, SOUK_IO_TIMEOUT, NULL, 300);
		return;
	}
	if (w->down[e->provider]) {
		answer(w, e, SOUK_IO_NET, NULL, 5);
		return;
	}
	souk_status status = souk_provider_unit(
		&w->providers[e->provider].provider, &reply, &e->request, w->now);
	if (status == SOUK_OK)
		audit_reply(w, e->provider, &e->request, &reply);
	bool lies = e->request.unit > 5 || e->request.unit == 0;
	if (status == SOUK_OK && lie == WRONG_KEY && lies)
		reply.key.masked.bytes[7] ^= 1;
	if (status == SOUK_OK && lie == NO_KEY && lies)
		reply.has_key = false;
	bool is_robbed =
		e->request.has_ticket && e->request.ticket.unit > w->providers[e->provider].window;
	if (status == SOUK_OK && lie == FORGETFUL && reply.has_key && reply.key.unit > 1)
		reply.has_key = false;
	if (status == SOUK_OK && lie == FORGETFUL && is_robbed)
		status = SOUK_PEER_UNKNOWN_SESSION;
	if (status == SOUK_OK && lie == TOO_MUCH && lies && !e->keys)
		status = SOUK_PEER_WRONG_LENGTH;
	if ((lie == SILENT && lies) || (lie == MUTE && e->keys)) {
		/* It never comes; only a cancellation ends it. */
		answer(w, e, SOUK_LOCAL_STOPPED, NULL, 100000000);
		return;
	}
	if (below(w, 1000) < w->loss)
		answer(w, e, SOUK_IO_TIMEOUT, NULL, 300);
	else
		answer(w, e, status, status == SOUK_OK ? &reply : NULL, 1 + below(w, 40));
}

static void fill_slot(struct world *w, struct event *e)
{
	struct buyer *b = &w->buyers[e->customer];
	assert_int_equal(e->reply.length, e->length);
	souk_unit_cipher_xor(
		&e->reply.cipher, b->slots[e->slot], w->content + e->reply.offset, e->reply.length);
	if (w->lies[e->provider] == WRONG_BYTES && e->request.unit > 5)
		b->slots[e->slot][e->length / 2] ^= 1;
}

static void deliver(struct world *w, struct event *e)
{
	struct souk_download *d = &w->buyers[e->customer].download;
	const struct souk_unit_key *key = e->reply.has_key ? &e->reply.key : NULL;
	if (e->keys && e->status == SOUK_OK) {
		souk_download_keys(d, e->provider, key, w->now);
	} else if (e->keys) {
		souk_download_keys_failed(d, e->provider, e->status, w->now);
	} else if (e->status == SOUK_OK) {
		fill_slot(w, e);
		souk_download_received(d, e->slot, key, w->now);
	} else {
		souk_download_fetch_failed(d, e->slot, e->status, w->now);
	}
}

static void check(struct world *w, struct event *e)
{
	struct buyer *b = &w->buyers[e->customer];
	uint8_t *data = b->slots[e->slot];
	souk_unit_cipher_xor(&e->cipher, data, data, e->length);
	souk_status status = souk_content_verify_chunk(
		&w->facts, e->chunk, &w->row[e->chunk], souk_bytes_of(data, e->length));
	if (status == SOUK_OK)
		memcpy(b->disk + souk_content_chunk_offset(&w->facts, e->chunk), data, e->length);
	souk_download_checked(&b->download, e->slot, status, w->now);
}

/* ------------------------------------------------------------------ the actors */

static void open_session(struct world *w, uint32_t buyer, const struct souk_download_effect *effect)
{
	struct buyer *b = &w->buyers[buyer];
	uint32_t provider = effect->provider;
	struct kit_provider *kit = &w->providers[provider];
	const struct souk_download_provider *p = &b->download.providers[provider];
	struct souk_offer offer = kit_offer(&kit->identity, &w->facts.id, w->facts.size, CHUNK_SIZE,
		p->price.ncoin, kit->window, p->units_max);
	struct souk_customer_config config = {.offer = &offer,
		.escrow = b->payer.escrow_id,
		.epoch = w->epoch,
		.units = effect->units};
	struct souk_provider_item item = {.content = w->facts.id,
		.size = w->facts.size,
		.chunk_size = CHUNK_SIZE,
		.price = p->price,
		.from = provider};
	souk_rng_fill(&w->rng, config.seed, sizeof config.seed);
	souk_status status = w->down[provider]
				     ? SOUK_IO_NET
				     : souk_customer_init(&b->customers[provider], &config);
	if (status == SOUK_OK)
		status = kit_handshake(
			&b->customers[provider], &b->payer, provider, kit, &item, w->now);
	if (status == SOUK_OK)
		souk_download_opened(&b->download, provider, w->now);
	else
		souk_download_open_failed(&b->download, provider, status, w->now);
}

/* Everything of PROVIDER that BUYER waits for ends now. */
static void cancel(struct world *w, uint32_t buyer, uint32_t provider)
{
	for (uint32_t i = 0; i < EVENTS; i++) {
		struct event *e = &w->events[i];
		if ((e->kind != ANSWER && e->kind != ARRIVE) || e->repeated ||
			e->customer != buyer || (provider < PROVIDERS && e->provider != provider))
			continue;
		struct event copy = *e;
		e->kind = NOTHING;
		copy.status = SOUK_LOCAL_STOPPED;
		deliver(w, &copy);
	}
}

static void pull(struct world *w, uint32_t buyer)
{
	struct buyer *b = &w->buyers[buyer];
	struct souk_download_effect effect;
	uint32_t pulled = 0;
	while (souk_download_next_effect(&b->download, &effect, w->now)) {
		assert_true(++pulled < 1000);
		switch (effect.kind) {
		case SOUK_DOWNLOAD_OPEN: open_session(w, buyer, &effect); break;
		case SOUK_DOWNLOAD_FETCH:
		case SOUK_DOWNLOAD_KEYS: send_request(w, buyer, &effect); break;
		case SOUK_DOWNLOAD_BUY: fail_msg("nobody buys from a hub here"); break;
		case SOUK_DOWNLOAD_VERIFY: {
			struct event *e = post(w, below(w, 5));
			e->kind = CHECK;
			e->customer = buyer;
			e->slot = effect.slot;
			e->chunk = effect.chunk;
			e->length = effect.length;
			e->cipher = effect.cipher;
			break;
		}
		case SOUK_DOWNLOAD_DROP:
			b->open_at_drop = b->download.chunk_count - (uint32_t)b->download.done.set;
			cancel(w, buyer, effect.provider);
			break;
		case SOUK_DOWNLOAD_COMPLETE:
		case SOUK_DOWNLOAD_GIVE_UP:
			b->ended = true;
			b->status = effect.status;
			cancel(w, buyer, PROVIDERS);
			break;
		}
	}
}

static void restart(struct world *w, uint32_t provider)
{
	w->down[provider] = false;
	kit_provider_start(&w->providers[provider], souk_rng_u64(&w->rng), w->epoch,
		souk_time_at_ms(1u << 30), w->now);
	store_effects(w, provider);
	store_effects(w, provider);
	w->restarts++;
}

static void next_epoch(struct world *w)
{
	w->epoch++;
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		kit_payer_epoch(&w->buyers[i].payer, w->epoch);
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		if (!w->down[i])
			souk_provider_set_epoch(&w->providers[i].provider, w->epoch,
				souk_time_at_ms(1u << 30), w->now);
	}
}

static void run_event(struct world *w, struct event *slot)
{
	struct event e = *slot;
	slot->kind = NOTHING;
	w->now.ms = e.at > w->now.ms ? e.at : w->now.ms;
	switch (e.kind) {
	case NOTHING: break;
	case ARRIVE: arrive(w, &e); break;
	case ANSWER: deliver(w, &e); break;
	case CHECK: check(w, &e); break;
	case CRASH: w->down[e.provider] = true, w->crashed[e.provider] = true; break;
	case RESTART: restart(w, e.provider); break;
	case EPOCH: next_epoch(w); break;
	}
}

static bool all_ended(const struct world *w)
{
	for (uint32_t i = 0; i < CUSTOMERS; i++) {
		if (!w->buyers[i].ended || !souk_download_is_quiet(&w->buyers[i].download))
			return false;
	}
	return true;
}

static void run(struct world *w)
{
	for (uint32_t step = 0; !all_ended(w); step++) {
		assert_true(step < STEPS_MAX);
		struct souk_time due = SOUK_TIME_NEVER;
		for (uint32_t i = 0; i < CUSTOMERS; i++) {
			pull(w, i);
			due = souk_time_earlier(
				due, souk_download_deadline(&w->buyers[i].download));
		}
		struct event *e = next_event(w);
		if (all_ended(w))
			break;
		/* Something is always to come: nothing ever hangs. */
		assert_true(e != NULL || due.ms != UINT64_MAX);
		if (e != NULL && e->at <= due.ms)
			run_event(w, e);
		else
			w->now = due.ms > w->now.ms ? due : w->now;
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			souk_download_tick(&w->buyers[i].download, w->now);
		for (uint32_t i = 0; i < PROVIDERS; i++) {
			if (w->down[i])
				continue;
			if (below(w, 8) == 0)
				souk_provider_flush(&w->providers[i].provider);
			store_effects(w, i);
		}
	}
}

static void settle_effects(struct world *w, uint32_t provider)
{
	struct kit_provider *kit = &w->providers[provider];
	struct souk_provider_effect effect;
	while (souk_provider_next_effect(&kit->provider, &effect)) {
		kit_provider_keep(kit, &effect);
		if (effect.kind != SOUK_PROVIDER_CLAIM)
			continue;
		audit_claim(w, provider, &effect.session);
		souk_provider_claim_result(&kit->provider, &effect.session, SOUK_OK,
			souk_amount_of_ncoin(1000), w->now);
	}
}

/* Close the last epoch, draw all of them, and see that every session is paid or can never be. */
static void settle(struct world *w)
{
	struct souk_hash beacon = {{42}};
	uint64_t last = w->epoch;
	next_epoch(w);
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		if (w->down[i])
			restart(w, i);
		for (uint64_t epoch = 0; epoch <= last; epoch++)
			souk_provider_draw(&w->providers[i].provider, epoch, &beacon, w->now);
		/* Stores first, what relies on them after that. */
		settle_effects(w, i);
		settle_effects(w, i);
		assert_int_equal(w->providers[i].provider.due_count, 0);
	}
}

/* ------------------------------------------------------------------ the plan of a run */

static void make_content(struct world *w)
{
	struct souk_content_builder builder;
	struct souk_hash scratch[CHUNKS_MAX];
	uint32_t chunks = 1 + (uint32_t)below(w, CHUNKS_MAX);
	uint64_t size = (uint64_t)chunks * CHUNK_SIZE - below(w, CHUNK_SIZE);
	souk_rng_fill(&w->rng, w->content, size);
	souk_content_builder_init(&builder, CHUNK_SIZE, w->row, CHUNKS_MAX);
	for (uint64_t at = 0; at < size; at += CHUNK_SIZE)
		assert_int_equal(souk_content_builder_add(&builder,
					 souk_bytes_of(w->content + at,
						 size - at < CHUNK_SIZE ? size - at : CHUNK_SIZE)),
			SOUK_OK);
	souk_content_builder_finish(&builder, scratch, &w->facts);
	assert_int_equal(
		souk_content_verify_row(&w->facts, w->row, builder.count, scratch), SOUK_OK);
}

static void make_buyer(struct world *w, uint32_t index, const struct souk_address *providers)
{
	struct buyer *b = &w->buyers[index];
	struct souk_download_config config = {
		.content = w->facts,
		.budget = souk_amount_of_ncoin(below(w, 6) == 0 ? below(w, 3000) : 1000000),
		.price_max = souk_amount_of_ncoin(130),
		.slot_count = 1 + (uint32_t)below(w, SLOTS),
		.pipeline = (uint32_t)below(w, 6),
		.session_units_max = below(w, 2) ? 3 + (uint32_t)below(w, 30) : 0,
	};
	kit_payer_init(&b->payer, 100 + index, providers, PROVIDERS, 200000);
	kit_payer_epoch(&b->payer, w->epoch);
	souk_download_init(&b->download, &config, b->done_words, b->taken_words);
	for (uint32_t i = 0; i < w->facts.size / CHUNK_SIZE && below(w, 3) == 0; i++) {
		memcpy(b->disk + i * CHUNK_SIZE, w->content + i * CHUNK_SIZE, CHUNK_SIZE);
		souk_download_have(&b->download, i);
	}
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		uint32_t number;
		struct souk_offer offer = kit_offer(&w->providers[i].identity, &w->facts.id,
			w->facts.size, CHUNK_SIZE, 100 + 10 * i, w->providers[i].window, 1024);
		souk_status status =
			souk_download_add(&b->download, &offer, &b->customers[i], w->now, &number);
		assert_true(status == SOUK_OK || status == SOUK_LOCAL_STATE);
	}
}

static void plan_faults(struct world *w)
{
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		/* The last one is honest, so that a download can succeed. */
		w->lies[i] = i + 1 < PROVIDERS && below(w, 2) ? (enum lie)below(w, LIES) : HONEST;
		if (below(w, 3) != 0)
			continue;
		uint64_t at = below(w, 800);
		struct event *e = post(w, at);
		e->kind = CRASH;
		e->provider = i;
		e = post(w, at + 100 + below(w, 300));
		e->kind = RESTART;
		e->provider = i;
	}
	if (below(w, 3) == 0)
		post(w, below(w, 600))->kind = EPOCH;
	w->loss = below(w, 2) ? (uint32_t)below(w, 60) : 0;
	w->buyers[1].leech = below(w, 6) == 0;
}

static void make_world(struct world *w, uint64_t seed)
{
	struct souk_address addresses[PROVIDERS];
	memset(w, 0, sizeof *w);
	souk_rng_init(&w->rng, seed);
	w->now.ms = 1000000;
	w->epoch = FIRST_EPOCH;
	make_content(w);
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		kit_identity(&w->providers[i].identity, 10 + i);
		addresses[i] = w->providers[i].identity.address;
		w->providers[i].window = (uint16_t)(1 + below(w, 8));
		kit_provider_start(&w->providers[i], souk_rng_u64(&w->rng), w->epoch,
			souk_time_at_ms(1u << 30), w->now);
	}
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		make_buyer(w, i, addresses);
	plan_faults(w);
}

/* Nothing is lost on the way, and nobody crashes. */
static void make_calm_world(struct world *w, uint64_t seed)
{
	make_world(w, seed);
	memset(w->events, 0, sizeof w->events);
	w->loss = 0;
	w->buyers[1].leech = false;
}

static void downloads_survive_a_hostile_market(void **state)
{
	(void)state;
	const char *seeds = getenv("SOUK_SEEDS");
	uint32_t count = seeds != NULL ? (uint32_t)strtoul(seeds, NULL, 10) : SEEDS_DEFAULT;
	uint32_t completed = 0, calm = 0;
	uint64_t restarts = 0;
	struct world *w = &market;
	for (uint64_t seed = 1; seed <= count; seed++) {
		if (getenv("SOUK_SEED") != NULL)
			seed = strtoull(getenv("SOUK_SEED"), NULL, 10), count = 0;
		make_world(w, seed);
		run(w);
		for (uint32_t i = 0; i < CUSTOMERS; i++) {
			audit_buyer(w, i);
			completed += w->buyers[i].status == SOUK_OK;
		}
		/* Without a fault at the honest one, and with money, nobody may fail. */
		if (!w->crashed[PROVIDERS - 1] && w->loss == 0 && !w->buyers[1].leech) {
			calm++;
			for (uint32_t i = 0; i < CUSTOMERS; i++)
				assert_true(w->buyers[i].status == SOUK_OK ||
					    w->buyers[i].status == SOUK_LOCAL_BUDGET);
		}
		settle(w);
		restarts += w->restarts;
	}
	print_message("# %u downloads completed, %u calm worlds, %lu restarts\n", completed, calm,
		(unsigned long)restarts);
	assert_true(count == 0 || (completed > count && restarts > count / 4 && calm > count / 8));
}

static void a_leech_gets_one_window(void **state)
{
	(void)state;
	struct world *w = &market;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		make_calm_world(w, seed);
		w->buyers[1].leech = true;
		run(w);
		for (uint32_t i = 0; i < w->audit_count; i++) {
			struct audit *a = &w->audits[i];
			if (a->buyer == 1)
				assert_true(a->issued == 0 &&
					    a->served <= w->providers[a->provider].window);
		}
	}
}

/* Every provider robs a window in each session, and delivers one unit to look honest. */
static void a_robber_gets_no_endless_sessions(void **state)
{
	(void)state;
	struct world *w = &market;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		make_calm_world(w, seed);
		for (uint32_t i = 0; i < PROVIDERS; i++)
			w->lies[i] = FORGETFUL;
		run(w);
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			audit_buyer(w, i);
	}
}

/* Sessions end in the middle of it all, without a fault: an epoch every 200 ms, or a life of 300.
 */
static void sell_briefly(struct world *w, uint64_t seed, enum lie lie)
{
	make_calm_world(w, seed);
	memset(w->lies, 0, sizeof w->lies);
	w->lies[0] = lie;
	for (uint32_t i = 0; i < PROVIDERS && seed % 2 == 0; i++)
		w->providers[i].provider.config.session_ms = 300;
	for (uint64_t i = 1; i <= 20 && seed % 2 == 1; i++)
		post(w, 200 * i)->kind = EPOCH;
	for (uint32_t i = 0; i < CUSTOMERS; i++) {
		w->buyers[i].download.config.slot_count = SLOTS;
		w->buyers[i].download.config.budget.ncoin = 1000000;
	}
	run(w);
	for (uint32_t i = 0; i < CUSTOMERS; i++) {
		audit_buyer(w, i);
		assert_int_equal(w->buyers[i].status, SOUK_OK);
	}
}

static void what_was_paid_in_time_is_read(void **state)
{
	(void)state;
	struct world *w = &market;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		uint64_t paid = 0, read = 0;
		sell_briefly(w, seed, HONEST);
		for (uint32_t i = 0; i < PROVIDERS; i++) {
			paid += w->providers[i].provider.totals.units_paid;
			for (uint32_t k = 0; k < CUSTOMERS; k++)
				read += w->buyers[k].download.providers[i].units_verified;
		}
		assert_int_equal(paid, read);
	}
}

/* Who gives no last key is waited for once, and holds up no more than what it was paid for. */
static void the_mute_hold_up_what_they_were_paid_for(void **state)
{
	(void)state;
	uint32_t waited = 0;
	struct world *w = &market;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		sell_briefly(w, seed, MUTE);
		assert_true(w->now.ms < 1000000 + 15000);
		for (uint32_t i = 0; i<CUSTOMERS; waited += w->buyers[i++].open_at_drop> 0)
			assert_true(w->buyers[i].open_at_drop <= w->providers[0].window);
	}
	assert_true(waited > 5);
}

/* The only provider left is away for AWAY_MS in the middle of it all; how many downloads failed. */
static uint32_t failed_without_the_last(uint64_t away_ms, uint32_t *ret_slow)
{
	uint32_t failed = 0;
	struct world *w = &market;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		make_calm_world(w, seed);
		for (uint32_t i = 0; i + 1 < PROVIDERS; i++)
			w->down[i] = true;
		uint64_t start = w->now.ms;
		for (int i = 0; i < 2; i++) {
			struct event *e = post(w, 200 + (i == 1 ? away_ms : 0));
			e->kind = i == 0 ? CRASH : RESTART;
			e->provider = PROVIDERS - 1;
		}
		run(w);
		for (uint32_t i = 0; i < CUSTOMERS; i++) {
			audit_buyer(w, i);
			failed += w->buyers[i].status != SOUK_OK &&
				  w->buyers[i].status != SOUK_LOCAL_BUDGET;
		}
		*ret_slow += w->now.ms > start + 200 + away_ms;
		assert_true(w->now.ms < start + 30000);
	}
	return failed;
}

static void the_last_provider_is_waited_for(void **state)
{
	(void)state;
	uint32_t slow = 0;
	assert_int_equal(failed_without_the_last(6000, &slow), 0);
	assert_true(slow > 5);
	assert_true(failed_without_the_last(60000, &slow) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(downloads_survive_a_hostile_market),
		cmocka_unit_test(a_leech_gets_one_window),
		cmocka_unit_test(a_robber_gets_no_endless_sessions),
		cmocka_unit_test(what_was_paid_in_time_is_read),
		cmocka_unit_test(the_mute_hold_up_what_they_were_paid_for),
		cmocka_unit_test(the_last_provider_is_waited_for),
	};
	return cmocka_run_group_tests_name("download", tests, NULL, NULL);
}
