/* SPDX-License-Identifier: Apache-2.0
 *
 * A purchase: offers are asked for, money is made ready, and the planner runs. */
#include <stdlib.h>
#include <string.h>

#include "actor_reseller.h"
#include "customer.h"
#include "directory.h"

/* What a unit may take at most, in what it takes where nothing goes wrong. */
#define FIRST_MS    500u
#define TIMEOUT_MS  10000u
#define CONTROL_MS  2000u
#define PRICE_SLACK 2u
#define WAITING_MAX 8u

static const struct sim_scenario *scenario_of(const struct sim_node *node)
{
	return sim_world_scenario(node->world);
}

/* ---------------------------------------------------------------- making and freeing */

/* How long an answer takes where all links are as slow as the slowest, with all units in flight. */
static uint32_t first_ms(const struct sim_node *node)
{
	const struct sim_scenario *s = scenario_of(node);
	uint64_t bps = s->up_bps;
	if (bps == 0 || (node->link.down_bps > 0 && node->link.down_bps < bps))
		bps = node->link.down_bps;
	uint64_t ms = FIRST_MS + 8 * (s->latency_us + node->link.latency_us) / 1000;
	if (bps > 0)
		ms += 2 * CUSTOMER_PIPELINE * s->unit_size * 1000 / bps;
	return ms < 60000 ? (uint32_t)ms : 60000;
}

/* Those in flight, and those that wait for the key which the next request brings. */
static uint32_t slots_per_seat(const struct sim_scenario *s)
{
	uint32_t waiting = s->window < WAITING_MAX ? (uint32_t)s->window : WAITING_MAX;
	return CUSTOMER_PIPELINE + waiting;
}

static struct purchase *make(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct purchase *p = sim_alloc(sizeof *p);
	p->number = ++c->serial;
	p->content = c->want;
	p->units = sim_content_units(node->world, c->want);
	p->look = p->flush = SOUK_TIME_NEVER;
	p->dirty_low = UINT32_MAX;
	p->first_ms = first_ms(node);
	p->control_ms = p->first_ms < CONTROL_MS ? p->first_ms : CONTROL_MS;
	p->slot_count = (uint32_t)c->of->peers * slots_per_seat(scenario_of(node));
	p->words = sim_alloc(2 * SOUK_BITMAP_WORDS(p->units) * sizeof *p->words);
	p->calls = sim_alloc(call_count(p) * sizeof *p->calls);
	p->bodies = sim_alloc(p->slot_count * sizeof *p->bodies);
	c->purchase = p;
	return p;
}

static void free_plans(struct plan *plan)
{
	while (plan != NULL) {
		struct plan *next = plan->next;
		free(plan);
		plan = next;
	}
}

void customer_purchase_free(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	if (p == NULL)
		return;
	for (uint32_t i = 0; i < SOUK_DOWNLOAD_PROVIDERS_MAX; i++)
		free(p->seats[i].customer);
	for (uint32_t i = 0; i < call_count(p); i++)
		customer_call_end(p, i);
	customer_agreement_free(p);
	free_plans(p->plans);
	free(p->allotting);
	free(p->words);
	free(p->parts);
	free(p->calls);
	free(p->bodies);
	free(p);
	customer_of(node)->purchase = NULL;
}

void customer_purchase_fail(struct sim_node *node, souk_status status)
{
	customer_purchase_over(node, status);
}

/* ---------------------------------------------------------------- offers */

/* Whom it asks; it buys from `peers` of them. */
static uint32_t offers_wanted(const struct customer *c)
{
	return (uint32_t)(c->of->offers > c->of->peers ? c->of->offers : c->of->peers);
}

static void ask_for_offer(struct sim_node *node, uint32_t number, uint32_t peer)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	struct souk_hash id = sim_content_id(node->world, p->content);
	struct sim_message *message =
		sim_message_with(node->world, SIM_OFFERS, peer, SOUK_HASH_SIZE);
	memcpy(message->bytes, &id, SOUK_HASH_SIZE);
	*seat = (struct seat){.step = SEAT_OFFERING, .peer = peer};
	p->asked[p->asked_count++] = peer;
	customer_call(node, call_place(p, number, LINE_CONTROL), message, p->control_ms, 0);
}

/* Up to WANT providers that were not asked; those that cheated before only where it must be. */
static uint32_t draw(struct sim_node *node, uint32_t *ret, uint32_t want, bool must_be)
{
	const struct customer *c = customer_of(node);
	const struct purchase *p = c->purchase;
	uint32_t not [CUSTOMER_ASK_MAX + CUSTOMER_SHUN_MAX + 1], count = p->asked_count;
	memcpy(not, p->asked, count * sizeof *not );
	/* Nobody buys from himself. */
	not [count++] = node->id;
	if (!must_be) {
		memcpy(not +count, c->shunned, c->shunned_count * sizeof *not );
		count += c->shunned_count;
	}
	return sim_directory_draw(node->world, &node->rng, ret, want, not, count);
}

/* Ask providers for the free seats; false where there is nobody left to ask. */
static bool ask_more(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	uint32_t drawn[SOUK_DOWNLOAD_PROVIDERS_MAX], want = 0;
	for (uint32_t i = 0; i < offers_wanted(c); i++)
		want += p->seats[i].step == SEAT_FREE;
	bool is_alone = want == offers_wanted(c);
	if (want > CUSTOMER_ASK_MAX - p->asked_count)
		want = CUSTOMER_ASK_MAX - p->asked_count;
	uint32_t count = draw(node, drawn, want, false);
	if (count == 0 && is_alone)
		count = draw(node, drawn, want, true);
	for (uint32_t i = 0, k = 0; k < count; i++) {
		if (p->seats[i].step == SEAT_FREE)
			ask_for_offer(node, i, drawn[k++]);
	}
	return count > 0;
}

static souk_status read_offer(
	struct sim_node *node, struct seat *seat, const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	const struct sim_node *peer = sim_node_at(node->world, seat->peer);
	struct souk_signed_offer offer;
	SOUK_TRY(souk_signed_offer_decode(&offer, sim_message_bytes(message), NULL));
	SOUK_TRY(souk_offer_verify(&offer, sim_now(node)));
	struct souk_hash id = sim_content_id(node->world, p->content);
	/* The size is the one that the row of chunks has room for. */
	if (!souk_address_equal(&offer.offer.provider, &peer->identity.address))
		return SOUK_PEER_WRONG_SIGNER;
	if (!souk_hash_equal(&offer.offer.content, &id) ||
		offer.offer.chunk_size != sim_unit_size(node->world) ||
		offer.offer.size != (uint64_t)p->units * offer.offer.chunk_size)
		return SOUK_PEER_BAD_OFFER;
	seat->offer = offer.offer;
	return SOUK_OK;
}

/* Those with an offer move together: a seat's place is its number in the planner. */
static uint32_t close_ranks(struct purchase *p)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < SOUK_DOWNLOAD_PROVIDERS_MAX; i++) {
		struct seat seat = p->seats[i];
		p->seats[i] = (struct seat){.step = SEAT_FREE};
		if (seat.step == SEAT_IDLE)
			p->seats[count++] = seat;
	}
	return count;
}

/* The cheapest first, as souk get has them; of the same price, in the order of their seats. */
static uint32_t keep_cheapest(struct purchase *p, uint32_t count, uint32_t most)
{
	for (uint32_t i = 1; i < count; i++) {
		struct seat seat = p->seats[i];
		uint32_t k = i;
		for (; k > 0 && seat.offer.price.ncoin < p->seats[k - 1].offer.price.ncoin; k--)
			p->seats[k] = p->seats[k - 1];
		p->seats[k] = seat;
	}
	for (uint32_t i = most; i < count; i++)
		p->seats[i] = (struct seat){.step = SEAT_FREE};
	return count < most ? count : most;
}

/* All answers are there: ask others in place of those who have no offer, or go on. */
static void offers_done(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	uint32_t offers = 0;
	for (uint32_t i = 0; i < offers_wanted(c); i++) {
		if (p->seats[i].step == SEAT_OFFERING)
			return;
		offers += p->seats[i].step == SEAT_IDLE;
	}
	if (offers < offers_wanted(c) && ask_more(node))
		return;
	p->seat_count = keep_cheapest(p, close_ranks(p), (uint32_t)c->of->peers);
	if (!customer_agree(node))
		customer_purchase_pay(node);
}

static void offer_reply(struct sim_node *node, uint32_t number, souk_status status,
	const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[number];
	customer_call_end(p, call_place(p, number, LINE_CONTROL));
	if (status == SOUK_OK)
		status = read_offer(node, seat, message);
	seat->step = status == SOUK_OK ? SEAT_IDLE : SEAT_FREE;
	if (status != SOUK_OK)
		p->status = status;
	offers_done(node);
}

void customer_purchase_begin(struct sim_node *node)
{
	struct purchase *p = make(node);
	p->status = SOUK_PEER_UNKNOWN_CONTENT;
	if (sim_is_reseller(node))
		sim_reseller_note_want(node, p->content);
	offers_done(node);
}

/* ---------------------------------------------------------------- money, then the planner */

/* No unit is worth more than what it is worth to who buys it. */
static struct souk_amount price_max(const struct sim_scenario *s)
{
	uint64_t value = s->price / SIM_PPM_ALL * s->value_ppm +
			 s->price % SIM_PPM_ALL * s->value_ppm / SIM_PPM_ALL;
	return souk_amount_of_ncoin(value > s->price ? value : s->price);
}

static void init_planner(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	const struct sim_scenario *s = scenario_of(node);
	size_t count = SOUK_BITMAP_WORDS(p->units);
	struct souk_download_config config = {
		.content = {.id = sim_content_id(node->world, p->content),
			.size = (uint64_t)p->units * sim_unit_size(node->world),
			.chunk_size = sim_unit_size(node->world)},
		.price_max = price_max(s),
		.slot_count = p->slot_count,
		.pipeline = CUSTOMER_PIPELINE,
		.timeout_ms = TIMEOUT_MS + 4 * p->first_ms,
		.hedge_permille = (uint32_t)s->hedge_permille,
		.no_hedges = s->hedge_permille == 0,
		/* Who swap chunks must not all have the same. */
		.seed = s->parts != 0 ? (uint32_t)souk_rng_u64(&node->rng) : 0,
	};
	uint64_t units = p->units + p->seat_count * s->window;
	config.budget.ncoin = PRICE_SLACK * units * config.price_max.ncoin;
	customer_hub_plan(node, &config);
	souk_download_init(&p->download, &config, p->words, p->words + count);
	if (!c->has_parts)
		return;
	uint64_t *words = sim_alloc(count * sizeof *words);
	customer_wallet_part(node, words, (uint32_t)count);
	for (uint32_t i = 0; i < p->units; i++) {
		if ((words[i / 64] >> i % 64 & 1) == 0)
			continue;
		souk_download_have(&p->download, i);
		if (sim_is_reseller(node))
			sim_reseller_note_chunk(node, p->content, i);
	}
	free(words);
}

/* Offers that the planner does not want leave their seats. */
static void add_seats(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	uint32_t count = 0;
	for (uint32_t i = 0; i < p->seat_count; i++) {
		struct seat seat = p->seats[i];
		uint32_t number;
		seat.customer = sim_alloc(sizeof *seat.customer);
		p->status = souk_download_add(
			&p->download, &seat.offer, seat.customer, sim_now(node), &number);
		if (p->status == SOUK_OK)
			p->seats[count++] = seat;
		else
			free(seat.customer);
	}
	for (uint32_t i = count; i < p->seat_count; i++)
		p->seats[i] = (struct seat){.step = SEAT_FREE};
	p->seat_count = count;
}

/* One allotment for all that have no leaf. False where nothing is to be waited for. */
static bool allot_first(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	uint32_t without = 0;
	for (uint32_t i = 0; i < p->seat_count; i++) {
		if (customer_leaf_find(node, i) != SOUK_LOCAL_NOT_FOUND)
			continue;
		p->seats[i].step = SEAT_ALLOTTING;
		without++;
	}
	/* Where it cannot be said now, or does not work, each session tries for itself. */
	return without > 0 && customer_leaf_allot(node) == SOUK_OK;
}

void customer_purchase_pay(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	p->seat_count = close_ranks(p);
	if (p->seat_count > 0) {
		init_planner(node);
		if (p->download.state != SOUK_DOWNLOAD_RUNNING) {
			customer_purchase_go_on(node);
			return;
		}
		add_seats(node);
	}
	if (p->seat_count == 0)
		customer_purchase_fail(node, p->status);
	else if (c->hub != CUSTOMER_NONE)
		customer_hub_begin(node);
	else if (!allot_first(node))
		customer_purchase_go_on(node);
}

void customer_purchase_go_on(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	for (uint32_t i = 0; i < p->seat_count; i++)
		p->seats[i].step = SEAT_IDLE;
	p->is_planned = true;
	p->is_careful = true;
	customer_parts_begin(node);
	customer_parts_ask(node);
	customer_pull(node);
}

/* ---------------------------------------------------------------- time and messages */

/* The call at PLACE came to its end: answered by MESSAGE, or given up. */
static void call_over(struct sim_node *node, uint32_t place, souk_status status,
	const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	if (place < p->slot_count) {
		customer_unit_reply(node, place, status, message);
		return;
	}
	uint32_t seat = (place - p->slot_count) / LINES;
	switch ((enum customer_line)((place - p->slot_count) % LINES)) {
	case LINE_KEYS: customer_keys_reply(node, seat, status, message); break;
	case LINE_BUY: customer_buy_reply(node, seat, status, message); break;
	case LINE_PARTS: customer_parts_reply(node, seat, status, message); break;
	case LINE_CONTROL:
		if (p->seats[seat].step == SEAT_OFFERING)
			offer_reply(node, seat, status, message);
		else if (p->seats[seat].step == SEAT_AGREEING)
			customer_agree_reply(node, seat, status);
		else
			customer_control_reply(node, seat, status, message);
		break;
	case LINES: break;
	}
}

void customer_purchase_message(struct sim_node *node, const struct sim_message *message)
{
	struct customer *c = customer_of(node);
	uint32_t place = customer_call_answered(node, message);
	if (place == CUSTOMER_NONE)
		return;
	call_over(node, place, message->status, message);
	if (c->purchase != NULL && c->purchase->is_planned)
		customer_pull(node);
}

/* When something may be due next, as exactly as can be said. */
static struct souk_time next_look(const struct purchase *p, struct souk_time now)
{
	struct souk_time look = p->flush;
	for (uint32_t i = 0; i < call_count(p); i++) {
		if (p->calls[i].is_busy)
			look = souk_time_earlier(look, p->calls[i].due);
	}
	if (!p->is_planned)
		return look;
	look = souk_time_earlier(look, customer_parts_due(p));
	look = souk_time_earlier(look, souk_download_deadline(&p->download));
	/* Deadlines come nearer too, when a provider falls behind the others. */
	return souk_time_earlier(look, souk_time_plus_ms(now, CUSTOMER_LOOK_MS));
}

/* Nobody answers the calls that are overdue; false where the purchase is over by that. */
static bool give_up_calls(struct sim_node *node, struct souk_time now)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	uint32_t number = p->number;
	for (;;) {
		uint32_t place = customer_call_overdue(node, now);
		if (place == CUSTOMER_NONE)
			return true;
		call_over(node, place, SOUK_IO_TIMEOUT, NULL);
		if (c->purchase == NULL || c->purchase->number != number)
			return false;
	}
}

void customer_purchase_timer(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	struct souk_time now = sim_now(node);
	if (souk_time_is_before(now, p->look))
		return;
	p->look = SOUK_TIME_NEVER;
	if (!give_up_calls(node, now))
		return;
	if (!souk_time_is_before(now, p->flush)) {
		souk_status status = customer_flush(node);
		if (status != SOUK_OK)
			souk_download_stop(&p->download, status);
	}
	if (p->is_planned) {
		customer_parts_ask(node);
		souk_download_tick(&p->download, now);
		customer_pull(node);
	}
	if (c->purchase == p)
		p->look = next_look(p, now);
}
