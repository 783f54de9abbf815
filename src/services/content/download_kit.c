/* SPDX-License-Identifier: Apache-2.0 */
#include "download_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/payment/claim.h"
#include "souk/payment/lottery.h"

/* ------------------------------------------------------------------ the auditor */

static struct trade_audit *audit_of(struct trade *w, const struct souk_nonce *session)
{
	for (uint32_t i = 0; i < w->audit_count; i++) {
		if (memcmp(&w->audits[i].session, session, sizeof *session) == 0)
			return &w->audits[i];
	}
	assert_true(w->audit_count < TRADE_AUDITS);
	w->audits[w->audit_count].session = *session;
	return &w->audits[w->audit_count++];
}

static void audit_request(
	struct trade *w, uint32_t buyer, uint32_t provider, const struct souk_unit_request *request)
{
	struct trade_audit *a = audit_of(w, &request->session);
	a->buyer = buyer;
	a->provider = provider;
	if (request->has_ticket && request->ticket.unit > a->issued)
		a->issued = request->ticket.unit;
}

static void audit_reply(struct trade *w, uint32_t provider, const struct souk_unit_request *request,
	const struct souk_provider_reply *reply)
{
	struct trade_audit *a = audit_of(w, &request->session);
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

void trade_audit_buyer(struct trade *w, uint32_t index)
{
	struct trade_buyer *b = &w->buyers[index];
	struct souk_download *d = &b->download;
	uint64_t spent = 0;
	for (uint32_t i = 0; i < d->chunk_count; i++) {
		uint64_t offset = souk_content_chunk_offset(&w->facts, i);
		if (souk_bitmap_get(&d->done, i))
			assert_memory_equal(b->disk + offset, w->content + offset,
				souk_content_chunk_length(&w->facts, i));
	}
	/* Chunks that were paid to two are few. */
	uint64_t twice = (uint64_t)d->chunk_count * d->config.hedge_permille / 1000;
	uint64_t spare = 0;
	for (uint32_t i = 0; i < d->provider_count; i++)
		spare += d->providers[i].units_spare;
	assert_true(spare <= d->hedges_cost);
	assert_true(d->hedges_cost <= (twice < 2 ? 2 : twice));
	for (uint32_t i = 0; i < d->provider_count; i++) {
		const struct souk_download_provider *p = &d->providers[i];
		uint64_t window = w->providers[i].window;
		assert_true(souk_download_lost(d, i) <= window * p->sessions);
		/* However many sessions it takes, and whatever it says that they ended for. */
		assert_true(souk_download_lost(d, i) <=
			    (3 + w->epoch - TRADE_FIRST_EPOCH) * window + p->units_verified / 8);
		spent += souk_download_spent(d, i).ncoin;
	}
	assert_int_equal(spent, souk_download_spent_all(d).ncoin);
	assert_true(spent <= d->config.budget.ncoin);
	if (b->status == SOUK_OK)
		assert_int_equal(d->bytes_done, w->facts.size);
}

/* The money: what is stored is at most what was issued, and each claim is good for exactly that. */
static void audit_claim(struct trade *w, uint32_t provider, const struct souk_nonce *session)
{
	struct kit_provider *kit = &w->providers[provider];
	struct souk_session_record *record = kit_provider_stored(kit, session);
	struct souk_chain *chain = malloc(sizeof *chain);
	struct souk_claim *claim = malloc(sizeof *claim);
	struct souk_amount lo, hi;
	assert_non_null(record);
	struct trade_audit *a = audit_of(w, session);
	assert_true(record->unit <= a->issued);
	assert_int_equal(souk_provider_claim(claim, record, chain), SOUK_OK);
	assert_int_equal(
		souk_claim_verify(&lo, &hi, claim, &w->buyers[a->buyer].payer.allotment), SOUK_OK);
	assert_int_equal(hi.ncoin - lo.ncoin, record->unit * record->grant.price.ncoin);
	free(chain);
	free(claim);
}

/* D3: who is asked for CHUNK besides SLOT? */
static void audit_fetch(struct trade *w, uint32_t buyer, const struct souk_download_effect *effect)
{
	struct trade_buyer *b = &w->buyers[buyer];
	const struct souk_download *d = &b->download;
	uint32_t others = 0;
	b->fetches++;
	assert_false(souk_bitmap_get(&d->done, effect->chunk) && !d->slots[effect->slot].spare);
	for (uint32_t i = 0; i < TRADE_EVENTS; i++) {
		const struct trade_event *e = &w->events[i];
		if ((e->kind != ARRIVE && e->kind != ANSWER) || e->keys || e->repeated ||
			e->customer != buyer || e->chunk != effect->chunk ||
			d->slots[e->slot].orphan)
			continue;
		assert_true(e->provider != effect->provider);
		others++;
	}
	assert_true(others <= 1 && d->pairs <= d->config.hedges_max);
	assert_true(others == 0 || d->slots[effect->slot].paired || d->slots[effect->slot].spare);
	/* Nobody is asked for what it said that it has not; it may have less by now. */
	if (effect->unit == b->customers[effect->provider].requested && !b->retried[effect->slot])
		assert_true(b->parts[effect->provider][0] >> effect->chunk & 1);
	b->retried[effect->slot] = true;
}

/* ------------------------------------------------------------------ the network */

uint64_t trade_below(struct trade *w, uint64_t bound)
{
	return souk_rng_below(&w->rng, bound);
}

struct trade_event *trade_post(struct trade *w, uint64_t delay_ms)
{
	for (uint32_t i = 0; i < TRADE_EVENTS; i++) {
		if (w->events[i].kind != NOTHING)
			continue;
		memset(&w->events[i], 0, sizeof w->events[i]);
		w->events[i].at = w->now.ms + delay_ms;
		return &w->events[i];
	}
	fail_msg("too many events");
	return NULL;
}

static struct trade_event *next_event(struct trade *w)
{
	struct trade_event *next = NULL;
	for (uint32_t i = 0; i < TRADE_EVENTS; i++) {
		struct trade_event *e = &w->events[i];
		if (e->kind != NOTHING && (next == NULL || e->at < next->at))
			next = e;
	}
	return next;
}

static void store_effects(struct trade *w, uint32_t provider)
{
	struct souk_provider_effect effect;
	while (souk_provider_next_effect(&w->providers[provider].provider, &effect))
		kit_provider_keep(&w->providers[provider], &effect);
}

/* Answer ORIGINAL with STATUS after some time; one that the planner no longer waits for vanishes.
 */
static void answer(struct trade *w, const struct trade_event *original, souk_status status,
	const struct souk_provider_reply *reply, uint64_t delay_ms)
{
	if (original->repeated)
		return;
	struct trade_event copy = *original, *e = trade_post(w, delay_ms);
	uint64_t at = e->at;
	*e = copy;
	e->at = at;
	e->kind = ANSWER;
	e->status = status;
	if (reply != NULL)
		e->reply = *reply;
}

static void send_request(struct trade *w, uint32_t buyer, const struct souk_download_effect *effect)
{
	struct souk_unit_request request = effect->request;
	struct trade_buyer *b = &w->buyers[buyer];
	if (b->leech && request.has_ticket) {
		request.has_ticket = false;
		memset(&request.ticket, 0, sizeof request.ticket);
		request.auth = souk_unit_request_auth(
			&b->customers[effect->provider].session_secret, &request);
	}
	audit_request(w, buyer, effect->provider, &request);
	for (int copy = 0; copy < (trade_below(w, 10) == 0 ? 2 : 1); copy++) {
		struct trade_event *e = trade_post(w, 1 + trade_below(w, 40));
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

static void arrive(struct trade *w, struct trade_event *e)
{
	struct souk_provider_reply reply;
	enum trade_lie lie = w->lies[e->provider];
	if (trade_below(w, 1000) < w->loss) {
		answer(w, e, SOUK_IO_TIMEOUT, NULL, 300);
		return;
	}
	if (w->down[e->provider]) {
		answer(w, e, SOUK_IO_NET, NULL, 5);
		return;
	}
	bool has = !w->is_partial[e->provider] || e->keys ||
		   (w->parts[e->provider] >> e->chunk & 1) != 0;
	if (!has) {
		answer(w, e, SOUK_LOCAL_NOT_HERE, NULL, 1 + trade_below(w, 40));
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
	uint64_t slow_ms = w->slow_ms[e->provider];
	if (slow_ms > 0 && w->slow_of > 0 && trade_below(w, 1000) >= w->slow_of)
		slow_ms = 0;
	if (trade_below(w, 1000) < w->loss)
		answer(w, e, SOUK_IO_TIMEOUT, NULL, 300);
	else
		answer(w, e, status, status == SOUK_OK ? &reply : NULL,
			1 + trade_below(w, 40) + slow_ms);
}

static void fill_slot(struct trade *w, struct trade_event *e)
{
	struct trade_buyer *b = &w->buyers[e->customer];
	assert_int_equal(e->reply.length, e->length);
	souk_unit_cipher_xor(
		&e->reply.cipher, b->slots[e->slot], w->content + e->reply.offset, e->reply.length);
	if (w->lies[e->provider] == WRONG_BYTES && e->request.unit > 5)
		b->slots[e->slot][e->length / 2] ^= 1;
}

static void deliver(struct trade *w, struct trade_event *e)
{
	struct souk_download *d = &w->buyers[e->customer].download;
	const struct souk_unit_key *key = e->reply.has_key ? &e->reply.key : NULL;
	if (!e->keys && (e->status == SOUK_OK || e->status == SOUK_LOCAL_NOT_HERE))
		w->buyers[e->customer].retried[e->slot] = false;
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

static void check(struct trade *w, struct trade_event *e)
{
	struct trade_buyer *b = &w->buyers[e->customer];
	uint8_t *data = b->slots[e->slot];
	souk_unit_cipher_xor(&e->cipher, data, data, e->length);
	souk_status status = souk_content_verify_chunk(
		&w->facts, e->chunk, &w->row[e->chunk], souk_bytes_of(data, e->length));
	if (status == SOUK_OK && !e->spare) {
		assert_false(b->written >> e->chunk & 1);
		b->written |= UINT64_C(1) << e->chunk;
	}
	if (status == SOUK_OK)
		memcpy(b->disk + souk_content_chunk_offset(&w->facts, e->chunk), data, e->length);
	souk_download_checked(&b->download, e->slot, status, w->now);
}

/* ------------------------------------------------------------------ the actors */

static void open_session(struct trade *w, uint32_t buyer, const struct souk_download_effect *effect)
{
	struct trade_buyer *b = &w->buyers[buyer];
	uint32_t provider = effect->provider;
	struct kit_provider *kit = &w->providers[provider];
	const struct souk_download_provider *p = &b->download.providers[provider];
	struct souk_offer offer = kit_offer(&kit->identity, &w->facts.id, w->facts.size,
		TRADE_CHUNK_SIZE, p->price.ncoin, kit->window, p->units_max);
	struct souk_customer_config config = {.offer = &offer,
		.escrow = b->payer.escrow_id,
		.epoch = w->epoch,
		.units = effect->units};
	struct souk_provider_item item = {.content = w->facts.id,
		.size = w->facts.size,
		.chunk_size = TRADE_CHUNK_SIZE,
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

static void stop(struct trade *w, struct trade_event *e)
{
	struct trade_event copy = *e;
	e->kind = NOTHING;
	copy.status = SOUK_LOCAL_STOPPED;
	deliver(w, &copy);
}

static void cancel_slot(struct trade *w, uint32_t buyer, uint32_t slot)
{
	for (uint32_t i = 0; i < TRADE_EVENTS; i++) {
		struct trade_event *e = &w->events[i];
		if ((e->kind == ANSWER || e->kind == ARRIVE) && !e->repeated && !e->keys &&
			e->customer == buyer && e->slot == slot) {
			stop(w, e);
			return;
		}
	}
	fail_msg("nothing to cancel");
}

/* Everything of PROVIDER that BUYER waits for ends now. */
static void cancel(struct trade *w, uint32_t buyer, uint32_t provider)
{
	for (uint32_t i = 0; i < TRADE_EVENTS; i++) {
		struct trade_event *e = &w->events[i];
		if ((e->kind != ANSWER && e->kind != ARRIVE) || e->repeated ||
			e->customer != buyer ||
			(provider < TRADE_PROVIDERS && e->provider != provider))
			continue;
		stop(w, e);
	}
}

static void pull(struct trade *w, uint32_t buyer)
{
	struct trade_buyer *b = &w->buyers[buyer];
	struct souk_download_effect effect;
	uint32_t pulled = 0;
	while (souk_download_next_effect(&b->download, &effect, w->now)) {
		assert_true(++pulled < 1000);
		switch (effect.kind) {
		case SOUK_DOWNLOAD_OPEN: open_session(w, buyer, &effect); break;
		case SOUK_DOWNLOAD_FETCH: audit_fetch(w, buyer, &effect); /* fall through */
		case SOUK_DOWNLOAD_KEYS: send_request(w, buyer, &effect); break;
		case SOUK_DOWNLOAD_BUY: fail_msg("nobody buys from a hub here"); break;
		case SOUK_DOWNLOAD_CANCEL: cancel_slot(w, buyer, effect.slot); break;
		case SOUK_DOWNLOAD_VERIFY: {
			struct trade_event *e = trade_post(w, trade_below(w, 5));
			e->kind = CHECK;
			e->customer = buyer;
			e->slot = effect.slot;
			e->chunk = effect.chunk;
			e->length = effect.length;
			e->cipher = effect.cipher;
			e->spare = effect.spare;
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
			cancel(w, buyer, TRADE_PROVIDERS);
			break;
		}
	}
}

static void restart(struct trade *w, uint32_t provider)
{
	w->down[provider] = false;
	kit_provider_start(&w->providers[provider], souk_rng_u64(&w->rng), w->epoch,
		souk_time_at_ms(1u << 30), w->now);
	store_effects(w, provider);
	store_effects(w, provider);
	w->restarts++;
}

static void next_epoch(struct trade *w)
{
	w->epoch++;
	for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++)
		kit_payer_epoch(&w->buyers[i].payer, w->epoch);
	for (uint32_t i = 0; i < TRADE_PROVIDERS; i++) {
		if (!w->down[i])
			souk_provider_set_epoch(&w->providers[i].provider, w->epoch,
				souk_time_at_ms(1u << 30), w->now);
	}
}

/* ------------------------------------------------------------------ parts */

static void change_parts(struct trade *w, uint32_t provider)
{
	uint32_t chunks = souk_content_chunk_count(&w->facts);
	for (uint32_t i = 0; i < chunks; i++) {
		if (trade_below(w, 3) == 0)
			w->parts[provider] ^= UINT64_C(1) << i;
	}
}

static void tell_parts(struct trade *w, uint32_t buyer, uint32_t provider)
{
	struct trade_buyer *b = &w->buyers[buyer];
	uint32_t chunks = souk_content_chunk_count(&w->facts);
	struct souk_availability said = {.content = w->facts.id, .chunks = chunks};
	uint64_t parts = w->overclaims[provider] ? UINT64_MAX : w->parts[provider];
	for (uint32_t i = 0; i < chunks; i++) {
		struct souk_chunk_range *last = &said.ranges.items[said.ranges.count];
		if ((parts >> i & 1) == 0)
			continue;
		if (said.ranges.count > 0 && last[-1].first + last[-1].count == i)
			last[-1].count++;
		else
			*last = (struct souk_chunk_range){.first = i, .count = 1},
			said.ranges.count++;
	}
	assert_int_equal(souk_download_available(&b->download, provider, &said), SOUK_OK);
}

/* Ask again from time to time, as customers do. */
static void ask_parts(struct trade *w, const struct trade_event *e)
{
	tell_parts(w, e->customer, e->provider);
	struct trade_event *next = trade_post(w, 500);
	next->kind = ASK;
	next->customer = e->customer;
	next->provider = e->provider;
}

/* A reader goes on, or seeks, until it has seen enough; then the rest is fetched. */
static void want(struct trade *w, const struct trade_event *e)
{
	struct souk_download *d = &w->buyers[e->customer].download;
	uint32_t first = (uint32_t)trade_below(w, d->chunk_count);
	souk_download_want(d, first, (uint32_t)trade_below(w, 8));
	if (trade_below(w, 12) == 0)
		d->config.wants_only = false;
	struct trade_event *next = trade_post(w, 1 + trade_below(w, 150));
	next->kind = WANT;
	next->customer = e->customer;
}

static void run_event(struct trade *w, struct trade_event *slot)
{
	struct trade_event e = *slot;
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
	case CHANGE: change_parts(w, e.provider); break;
	case ASK: ask_parts(w, &e); break;
	case WANT: want(w, &e); break;
	}
}

static bool all_ended(const struct trade *w)
{
	for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++) {
		if (!w->buyers[i].ended || !souk_download_is_quiet(&w->buyers[i].download))
			return false;
	}
	return true;
}

void trade_run(struct trade *w)
{
	for (uint32_t step = 0; !all_ended(w); step++) {
		assert_true(step < TRADE_STEPS_MAX);
		struct souk_time due = SOUK_TIME_NEVER;
		for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++) {
			pull(w, i);
			due = souk_time_earlier(
				due, souk_download_deadline(&w->buyers[i].download));
		}
		struct trade_event *e = next_event(w);
		if (all_ended(w))
			break;
		/* Something is always to come: nothing ever hangs. */
		assert_true(e != NULL || due.ms != UINT64_MAX);
		if (e != NULL && e->at <= due.ms)
			run_event(w, e);
		else
			w->now = due.ms > w->now.ms ? due : w->now;
		for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++)
			souk_download_tick(&w->buyers[i].download, w->now);
		for (uint32_t i = 0; i < TRADE_PROVIDERS; i++) {
			if (w->down[i])
				continue;
			if (trade_below(w, 8) == 0)
				souk_provider_flush(&w->providers[i].provider);
			store_effects(w, i);
		}
	}
}

static void settle_effects(struct trade *w, uint32_t provider)
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
void trade_settle(struct trade *w)
{
	struct souk_hash beacon = {{42}};
	uint64_t last = w->epoch;
	next_epoch(w);
	for (uint32_t i = 0; i < TRADE_PROVIDERS; i++) {
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

static void make_content(struct trade *w)
{
	struct souk_content_builder builder;
	struct souk_hash scratch[TRADE_CHUNKS_MAX];
	uint32_t chunks = 1 + (uint32_t)trade_below(w, TRADE_CHUNKS_MAX);
	uint64_t size = (uint64_t)chunks * TRADE_CHUNK_SIZE - trade_below(w, TRADE_CHUNK_SIZE);
	souk_rng_fill(&w->rng, w->content, size);
	souk_content_builder_init(&builder, TRADE_CHUNK_SIZE, w->row, TRADE_CHUNKS_MAX);
	for (uint64_t at = 0; at < size; at += TRADE_CHUNK_SIZE)
		assert_int_equal(souk_content_builder_add(&builder,
					 souk_bytes_of(w->content + at,
						 size - at < TRADE_CHUNK_SIZE ? size - at
									      : TRADE_CHUNK_SIZE)),
			SOUK_OK);
	souk_content_builder_finish(&builder, scratch, &w->facts);
	assert_int_equal(
		souk_content_verify_row(&w->facts, w->row, builder.count, scratch), SOUK_OK);
}

static void make_buyer(struct trade *w, uint32_t index, const struct souk_address *providers)
{
	struct trade_buyer *b = &w->buyers[index];
	struct souk_download_config config = {
		.content = w->facts,
		.budget = souk_amount_of_ncoin(
			trade_below(w, 6) == 0 ? trade_below(w, 3000) : 1000000),
		.price_max = souk_amount_of_ncoin(130),
		.slot_count = 1 + (uint32_t)trade_below(w, TRADE_SLOTS),
		.pipeline = (uint32_t)trade_below(w, 6),
		.session_units_max = trade_below(w, 2) ? 3 + (uint32_t)trade_below(w, 30) : 0,
	};
	kit_payer_init(&b->payer, 100 + index, providers, TRADE_PROVIDERS, 200000);
	kit_payer_epoch(&b->payer, w->epoch);
	souk_download_init(&b->download, &config, b->done_words, b->taken_words);
	for (uint32_t i = 0; i < w->facts.size / TRADE_CHUNK_SIZE && trade_below(w, 3) == 0; i++) {
		memcpy(b->disk + i * TRADE_CHUNK_SIZE, w->content + i * TRADE_CHUNK_SIZE,
			TRADE_CHUNK_SIZE);
		souk_download_have(&b->download, i);
	}
	memset(b->parts, 0xff, sizeof b->parts);
	for (uint32_t i = 0; i < TRADE_PROVIDERS; i++) {
		uint32_t number;
		struct souk_offer offer =
			kit_offer(&w->providers[i].identity, &w->facts.id, w->facts.size,
				TRADE_CHUNK_SIZE, 100 + 10 * i, w->providers[i].window, 1024);
		souk_status status =
			souk_download_add(&b->download, &offer, &b->customers[i], w->now, &number);
		assert_true(status == SOUK_OK || status == SOUK_LOCAL_STATE);
	}
}

static void plan_faults(struct trade *w)
{
	for (uint32_t i = 0; i < TRADE_PROVIDERS; i++) {
		/* The last one is honest, so that a download can succeed. */
		w->lies[i] = i + 1 < TRADE_PROVIDERS && trade_below(w, 2)
				     ? (enum trade_lie)trade_below(w, LIES)
				     : HONEST;
		if (trade_below(w, 3) != 0)
			continue;
		uint64_t at = trade_below(w, 800);
		struct trade_event *e = trade_post(w, at);
		e->kind = CRASH;
		e->provider = i;
		e = trade_post(w, at + 100 + trade_below(w, 300));
		e->kind = RESTART;
		e->provider = i;
	}
	if (trade_below(w, 3) == 0)
		trade_post(w, trade_below(w, 600))->kind = EPOCH;
	w->loss = trade_below(w, 2) ? (uint32_t)trade_below(w, 60) : 0;
	w->buyers[1].leech = trade_below(w, 6) == 0;
}

void trade_make(struct trade *w, uint64_t seed)
{
	struct souk_address addresses[TRADE_PROVIDERS];
	memset(w, 0, sizeof *w);
	souk_rng_init(&w->rng, seed);
	w->now.ms = 1000000;
	w->epoch = TRADE_FIRST_EPOCH;
	make_content(w);
	for (uint32_t i = 0; i < TRADE_PROVIDERS; i++) {
		kit_identity(&w->providers[i].identity, 10 + i);
		addresses[i] = w->providers[i].identity.address;
		w->providers[i].window = (uint16_t)(1 + trade_below(w, 8));
		kit_provider_start(&w->providers[i], souk_rng_u64(&w->rng), w->epoch,
			souk_time_at_ms(1u << 30), w->now);
	}
	for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++)
		make_buyer(w, i, addresses);
	plan_faults(w);
}

/* Nothing is lost on the way, and nobody crashes. */
void trade_make_calm(struct trade *w, uint64_t seed)
{
	trade_make(w, seed);
	memset(w->events, 0, sizeof w->events);
	w->loss = 0;
	w->buyers[1].leech = false;
}

void trade_make_swarm(struct trade *w, uint64_t seed)
{
	trade_make(w, seed);
	for (uint32_t i = 0; i < TRADE_CUSTOMERS; i++) {
		struct trade_buyer *b = &w->buyers[i];
		if (b->download.state != SOUK_DOWNLOAD_RUNNING)
			continue;
		b->download.config.seed = (uint32_t)trade_below(w, 2) * 17;
		for (uint32_t k = 0; k < TRADE_PROVIDERS; k++)
			souk_download_keep_parts(&b->download, k, b->parts[k]);
		if (trade_below(w, 2) == 0)
			continue;
		b->download.config.wants_only = true;
		struct trade_event *e = trade_post(w, trade_below(w, 20));
		e->kind = WANT;
		e->customer = i;
	}
	w->slow_of = trade_below(w, 2) ? 100 : 0;
	/* The last one has all, and is not slow. */
	for (uint32_t i = 0; i + 1 < TRADE_PROVIDERS; i++) {
		w->slow_ms[i] = trade_below(w, 2) * trade_below(w, 1500);
		w->is_partial[i] = trade_below(w, 3) > 0;
		w->overclaims[i] = trade_below(w, 4) == 0;
		change_parts(w, i);
		for (uint32_t k = 0; k < 6; k++) {
			struct trade_event *e = trade_post(w, trade_below(w, 2000));
			e->kind = CHANGE;
			e->provider = i;
		}
		for (uint32_t k = 0; w->is_partial[i] && k < TRADE_CUSTOMERS; k++) {
			if (w->buyers[k].download.state != SOUK_DOWNLOAD_RUNNING)
				continue;
			struct trade_event e = {.customer = k, .provider = i};
			ask_parts(w, &e);
		}
	}
}
