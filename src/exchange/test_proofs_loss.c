/* SPDX-License-Identifier: Apache-2.0
 *
 * Claims P14 to P16 of spec/payment.md: what either side of a session can lose.
 * Short sessions of the real state machines are walked through completely: every
 * state that any order of steps can reach is visited once, and in each of them
 * either side may stop. Three walks: an honest customer against any provider and
 * network, an honest provider against any customer, and both honest over a network
 * that loses, reorders and replays.
 *
 * A state is told apart by a short key that holds all the machines' conduct depends
 * on; the machines themselves are saved and put back around each step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../payment/proofs.h"
#include "market_kit.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/payment/claim.h"

#define PRICE	   100
#define CHUNK_SIZE 16384
#define UNITS_MAX  4
#define STATES_MAX (1u << 21)

static const struct souk_time t0 = {1000};
static const struct souk_time epoch_end = {500000};

static struct market {
	struct kit_provider kit;
	struct kit_payer payer;
	struct souk_customer customer;
	struct souk_provider_item item;
	uint32_t units, window;
} m;

/* A session of UNITS units with WINDOW, open on both sides. */
static void market_open(uint32_t units, uint16_t window)
{
	memset(&m, 0, sizeof m);
	m.units = units;
	m.window = window;
	m.kit.window = window;
	kit_identity(&m.kit.identity, 1);
	kit_payer_init(&m.payer, 2, &m.kit.identity.address, 1, 100000);
	kit_payer_epoch(&m.payer, 7);
	kit_provider_start(&m.kit, 3, 7, epoch_end, t0);
	memset(&m.item.content, 0xcc, sizeof m.item.content);
	m.item.size = UNITS_MAX * CHUNK_SIZE;
	m.item.chunk_size = CHUNK_SIZE;
	m.item.price = souk_amount_of_ncoin(PRICE);
	struct souk_offer offer = kit_offer(&m.kit.identity, &m.item.content, m.item.size,
		CHUNK_SIZE, PRICE, window, UNITS_MAX);
	struct souk_customer_config config = {.offer = &offer,
		.escrow = m.payer.escrow_id,
		.epoch = 7,
		.units = units,
		.seed = {5}};
	assert_int_equal(souk_customer_init(&m.customer, &config), SOUK_OK);
	assert_int_equal(kit_handshake(&m.customer, &m.payer, 0, &m.kit, &m.item, t0), SOUK_OK);
}

/* ---- states that were seen ---- */

static uint64_t seen[STATES_MAX];
static uint64_t state_count, step_count;

static void seen_reset(void)
{
	memset(seen, 0, sizeof seen);
	state_count = step_count = 0;
}

/* True for a KEY that was not there before. */
static bool is_new(uint64_t key)
{
	uint64_t slot = (key + 1) * 0x9e3779b97f4a7c15ull >> 43;
	for (; seen[slot] != 0; slot = (slot + 1) % STATES_MAX)
		if (seen[slot] == key + 1)
			return false;
	assert_true(state_count < STATES_MAX / 2);
	seen[slot] = key + 1;
	state_count++;
	return true;
}

/* All of the customer's conduct: 26 bits. The keys that it holds follow from `keyed`. */
static uint64_t customer_key(const struct souk_customer *customer)
{
	uint64_t key = customer->state == SOUK_CUSTOMER_OPEN;
	key = key << 3 | customer->requested;
	key = key << 3 | customer->received;
	key = key << 3 | customer->keyed;
	key = key << 3 | customer->verified;
	key = key << 3 | customer->payer.unit;
	for (uint32_t j = 1; j <= UNITS_MAX; j++)
		key = key << 2 | (j > customer->verified && j <= customer->requested
						 ? (uint64_t)customer->units[j].state
						 : 0);
	return key;
}

static struct souk_unit_key key_of(uint32_t unit, bool good)
{
	struct souk_provider_session *s = &m.kit.sessions[0];
	struct souk_hash value = souk_chain_value(&s->keys, unit);
	value.bytes[9] ^= good ? 0 : 1;
	return (struct souk_unit_key){.unit = unit,
		.masked = souk_unit_key_mask(&m.customer.session_secret, unit, &value)};
}

/* P14, for the customer: what its tickets say is at most a window beyond what it holds. */
static void check_customer(const struct souk_customer *before)
{
	const struct souk_customer *customer = &m.customer;
	assert_true(
		customer->verified <= customer->keyed && customer->keyed <= customer->payer.unit);
	assert_true(customer->payer.unit <= customer->received);
	assert_true(customer->received <= customer->requested);
	assert_true(customer->payer.unit - customer->verified <= m.window);
	assert_true(souk_customer_spent(customer).ncoin - souk_customer_earned(customer).ncoin <=
		    m.window * PRICE);
	if (before->state == SOUK_CUSTOMER_ENDED)
		assert_int_equal(customer->payer.unit, before->payer.unit);
	/* What it takes for a key is the key: another would open nothing. */
	struct souk_hash key = souk_chain_value(&m.kit.sessions[0].keys, customer->keyed);
	assert_true(souk_hash_equal(&key, &customer->key));
}

/* ---- an honest customer against anybody ---- */

/* Step I of the customer's own, or of a provider that may say anything, true or false, early or
 * late. */
static void customer_step(uint32_t i)
{
	struct souk_unit_request request = {.unit = 0};
	struct souk_unit_cipher cipher;
	struct souk_unit_key key;
	uint32_t unit = i % UNITS_MAX + 1;
	souk_status status = SOUK_OK;
	switch (i / UNITS_MAX) {
	case 0: status = souk_customer_received(&m.customer, unit); break;
	case 1:
	case 2: /* the true key, or a false one */
		key = key_of(unit < m.units ? unit : m.units, i / UNITS_MAX == 1);
		status = souk_customer_key(&m.customer, &key);
		break;
	case 3: /* a good unit */
		if (souk_customer_cipher(&m.customer, &cipher, unit) == SOUK_OK)
			assert_int_equal(souk_customer_verified(&m.customer, unit), SOUK_OK);
		break;
	case 4: /* it decrypts to rubbish */
		if (souk_customer_cipher(&m.customer, &cipher, unit) == SOUK_OK)
			souk_customer_end(&m.customer, SOUK_PEER_BAD_KEY);
		break;
	case 5: status = souk_customer_again(&m.customer, &request, unit, t0); break;
	case 6: status = souk_customer_verified(&m.customer, unit); break;
	case 7:
		status = i % 2 == 0 ? souk_customer_next(&m.customer, &request, unit - 1, t0)
				    : souk_customer_settle(&m.customer, &request, t0);
		break;
	}
	if (status == SOUK_OK && request.has_ticket)
		assert_int_equal(request.ticket.unit, m.customer.payer.unit);
}

static uint32_t most_lost, most_verified;

static void each_customer_state(void)
{
	if (!is_new(customer_key(&m.customer)))
		return;
	struct souk_customer *before = malloc(sizeof *before);
	assert_non_null(before);
	*before = m.customer;
	uint32_t lost = m.customer.payer.unit - m.customer.verified;
	most_lost = lost > most_lost ? lost : most_lost;
	most_verified = m.customer.verified > most_verified ? m.customer.verified : most_verified;
	for (uint32_t i = 0; i < 8 * UNITS_MAX; i++) {
		customer_step(i);
		check_customer(before);
		step_count++;
		each_customer_state();
		m.customer = *before;
	}
	free(before);
}

/* P14: every state that a customer can be brought to, by whatever arrives in whatever order. */
static void p14_no_provider_gains_more_than_a_window(void **state)
{
	(void)state;
	for (uint32_t units = 1; units <= UNITS_MAX; units++)
		for (uint16_t window = 1; window <= 3; window++) {
			market_open(units, window);
			seen_reset();
			most_lost = most_verified = 0;
			each_customer_state();
			/* The bound is met, and the sale can succeed. */
			assert_int_equal(most_lost, window < units ? window : units);
			assert_int_equal(most_verified, units);
			assert_true(state_count >= units * 5 && step_count > state_count);
		}
}

/* ---- an honest provider against anybody ---- */

/* All of the provider that a session of it can change. */
struct provider_image {
	struct souk_provider provider;
	struct souk_provider_session session;
	struct souk_provider_due due;
	uint32_t session_slots[SOUK_MAP_SLOTS(KIT_SESSIONS)];
	uint32_t due_slots[SOUK_MAP_SLOTS(KIT_DUES)];
};

static struct provider_image *provider_save(void)
{
	struct provider_image *image = malloc(sizeof *image);
	assert_non_null(image);
	image->provider = m.kit.provider;
	image->session = m.kit.sessions[0];
	image->due = m.kit.dues[0];
	memcpy(image->session_slots, m.kit.session_slots, sizeof image->session_slots);
	memcpy(image->due_slots, m.kit.due_slots, sizeof image->due_slots);
	return image;
}

static void provider_put_back(const struct provider_image *image)
{
	m.kit.provider = image->provider;
	m.kit.sessions[0] = image->session;
	m.kit.dues[0] = image->due;
	memcpy(m.kit.session_slots, image->session_slots, sizeof image->session_slots);
	memcpy(m.kit.due_slots, image->due_slots, sizeof image->due_slots);
}

/* What the other side has been given, whatever the provider remembers of it. */
struct taken {
	uint32_t units;		       /* bit j: unit j was sent */
	uint8_t chunks[UNITS_MAX + 2]; /* as which chunk, plus 1 */
	uint32_t keyed;
};

static struct taken taken;
static uint32_t most_unpaid;

/* All of the session's conduct. How often a unit was sent is left out: that only refuses. */
static uint64_t provider_key(void)
{
	const struct souk_provider_session *s = &m.kit.sessions[0];
	uint64_t key = s->state == SOUK_PROVIDER_OPEN;
	key = key << 4 | s->bad;
	key = key << 3 | s->payee.unit;
	for (uint32_t j = 1; j <= UNITS_MAX; j++) {
		key = key << 2 | (s->bindings[j].unit == j ? s->bindings[j].chunk + 1 : 0);
		key = key << 2 | taken.chunks[j];
	}
	return key << 3 | taken.keyed;
}

static void check_reply(
	const struct souk_unit_request *request, const struct souk_provider_reply *reply)
{
	struct souk_provider_session *s = &m.kit.sessions[0];
	if (reply->has_key) {
		struct souk_unit_key key = key_of(reply->key.unit, true);
		assert_true(reply->key.unit <= s->payee.unit);
		assert_true(souk_hash_equal(&key.masked, &reply->key.masked));
		taken.keyed = reply->key.unit > taken.keyed ? reply->key.unit : taken.keyed;
	}
	if (request->unit == 0) {
		assert_int_equal(reply->length, 0);
		return;
	}
	assert_in_range(request->unit, 1, m.units);
	/* One unit number is one chunk only. */
	uint8_t *chunk = &taken.chunks[request->unit];
	assert_true(*chunk == 0 || *chunk == request->chunk + 1);
	*chunk = (uint8_t)(request->chunk + 1);
	taken.units |= 1u << request->unit;
}

/* P14, for the provider: it has sent at most a window more than it was paid. P15: it gave no key
 * that was not paid for. */
static void check_provider(void)
{
	const struct souk_provider_session *s = &m.kit.sessions[0];
	uint32_t paid = s->payee.unit, sent = (uint32_t)__builtin_popcount(taken.units);
	uint32_t unpaid = (uint32_t)__builtin_popcount(taken.units >> (paid + 1));
	assert_true(sent <= paid + m.window && unpaid <= m.window);
	assert_true(taken.units >> (paid + m.window + 1) == 0);
	assert_true(taken.keyed <= paid);
	most_unpaid = unpaid > most_unpaid ? unpaid : most_unpaid;
}

/* Step I of a customer that knows its tickets and its secret, and asks for whatever it likes. */
static void provider_step(uint32_t i, struct souk_time now)
{
	struct souk_unit_request request = {.session = m.customer.grant.session};
	struct souk_provider_reply reply;
	uint32_t ticket = i / 3 / (UNITS_MAX + 2);
	uint32_t paid = m.kit.sessions[0].payee.unit;
	request.unit = i / 3 % (UNITS_MAX + 2);
	request.chunk = request.unit > 0 ? i % 3 : 0;
	request.has_ticket = ticket > 0;
	request.ticket.unit = ticket <= m.units + 1 ? ticket : paid + 1;
	if (ticket > 0 && ticket <= m.units)
		request.ticket.value = souk_chain_value(&m.customer.payer.chain, ticket);
	else
		memset(&request.ticket.value, 0x33, sizeof request.ticket.value);
	request.auth = souk_unit_request_auth(&m.customer.session_secret, &request);
	if (souk_provider_unit(&m.kit.provider, &reply, &request, now) != SOUK_OK)
		return;
	check_reply(&request, &reply);
	assert_true(souk_time_is_before(now, epoch_end) || request.unit == 0);
}

static void each_provider_state(void)
{
	struct souk_provider_session *s = &m.kit.sessions[0];
	for (size_t i = 0; i < SOUK_PROVIDER_BINDINGS; i++)
		s->bindings[i].sends = 0;
	if (!is_new(provider_key()) || s->state != SOUK_PROVIDER_OPEN)
		return;
	struct provider_image *before = provider_save();
	struct taken taken_before = taken;
	uint32_t paid = s->payee.unit;
	for (uint32_t late = 0; late < 2; late++)
		for (uint32_t i = 0; i < 3 * (UNITS_MAX + 2) * (m.units + 3); i++) {
			provider_step(i, late ? epoch_end : t0);
			check_provider();
			/* P5: nor after the close. */
			assert_true(!late || s->payee.unit == paid);
			step_count++;
			each_provider_state();
			provider_put_back(before);
			taken = taken_before;
		}
	free(before);
}

/* P14, P15: every state that a session can be brought to by whoever holds its secret. */
static void p14_p15_no_customer_gains_more_than_a_window(void **state)
{
	(void)state;
	for (uint32_t units = 1; units <= PROOFS_PICK(3, 2); units++)
		for (uint16_t window = 1; window <= 2; window++) {
			market_open(units, window);
			seen_reset();
			memset(&taken, 0, sizeof taken);
			most_unpaid = 0;
			each_provider_state();
			assert_int_equal(most_unpaid, window < units ? window : units);
			assert_true(state_count > 10 * units);
		}
}

/* ---- both honest, the network not ---- */

/* All that was ever sent; any of it may arrive at any time, any number of times, or never. */
struct network {
	uint32_t requests; /* bit unit * (UNITS_MAX + 1) + ticket */
	uint32_t bodies;   /* bit j: unit j was sent back */
	uint32_t keys;
};

static struct network network;
static struct souk_unit_request sent[(UNITS_MAX + 1) * (UNITS_MAX + 1)];
static struct souk_unit_cipher ciphers[UNITS_MAX + 1];
static bool finished;
static bool all_honest; /* so nothing that arrives can be wrong */

static void post(const struct souk_unit_request *request)
{
	uint32_t at =
		request->unit * (UNITS_MAX + 1) + (request->has_ticket ? request->ticket.unit : 0);
	sent[at] = *request;
	network.requests |= 1u << at;
}

/* Request AT reaches the provider (perhaps not for the first time). */
static void deliver_request(uint32_t at)
{
	struct souk_provider_reply reply;
	if (souk_provider_unit(&m.kit.provider, &reply, &sent[at], t0) != SOUK_OK)
		return;
	check_reply(&sent[at], &reply);
	if (reply.has_key)
		network.keys |= 1u << reply.key.unit;
	if (sent[at].unit == 0)
		return;
	network.bodies |= 1u << sent[at].unit;
	ciphers[sent[at].unit] = reply.cipher;
}

static void deliver_reply(uint32_t unit, bool is_body)
{
	struct souk_unit_key key;
	if (is_body) {
		if (network.bodies >> unit & 1)
			(void)!souk_customer_received(&m.customer, unit);
	} else if (network.keys >> unit & 1) {
		key = key_of(unit, true);
		assert_true(souk_customer_key(&m.customer, &key) == SOUK_OK || !all_honest);
	}
}

static void open_unit(uint32_t unit)
{
	struct souk_unit_cipher cipher;
	if (souk_customer_cipher(&m.customer, &cipher, unit) != SOUK_OK)
		return;
	if (all_honest)
		assert_memory_equal(&cipher, &ciphers[unit], sizeof cipher);
	assert_int_equal(souk_customer_verified(&m.customer, unit), SOUK_OK);
}

#define SENT_MAX ((UNITS_MAX + 1) * (UNITS_MAX + 1))

static void network_step(uint32_t i)
{
	struct souk_unit_request request;
	uint32_t unit = i % UNITS_MAX + 1;
	if (i < SENT_MAX) {
		if (network.requests >> i & 1)
			deliver_request(i);
		return;
	}
	i -= SENT_MAX;
	unit = i % UNITS_MAX + 1;
	switch (i / UNITS_MAX) {
	case 0:
	case 1: deliver_reply(unit, i / UNITS_MAX == 0); break;
	case 2: open_unit(unit); break;
	case 3:
		if (souk_customer_again(&m.customer, &request, unit, t0) == SOUK_OK)
			post(&request);
		break;
	case 4:
		if (unit == 1 && souk_customer_next(&m.customer, &request, m.customer.requested,
					 t0) == SOUK_OK)
			post(&request);
		if (unit == 2 && souk_customer_settle(&m.customer, &request, t0) == SOUK_OK)
			post(&request);
		break;
	}
}

static uint64_t mixed(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ b * 0xd6e8feb86659fd93ull) * 0x9e3779b97f4a7c15ull;
	return (x ^ x >> 29) * 0xbf58476d1ce4e5b9ull;
}

/* Sixty bits of a hash: two of the 10^5 states are taken for one with chance 2^-27. */
static uint64_t session_key(void)
{
	uint64_t key = mixed(customer_key(&m.customer), provider_key());
	key = mixed(key, network.requests);
	return mixed(key, (uint64_t)network.bodies << 32 | network.keys) >> 4;
}

static void each_session_state(void)
{
	for (size_t i = 0; i < SOUK_PROVIDER_BINDINGS; i++)
		m.kit.sessions[0].bindings[i].sends = 0;
	if (!is_new(session_key()))
		return;
	finished = finished || m.customer.verified == m.units;
	struct provider_image *before = provider_save();
	struct souk_customer *customer_before = malloc(sizeof *customer_before);
	assert_non_null(customer_before);
	*customer_before = m.customer;
	struct taken taken_before = taken;
	struct network network_before = network;
	for (uint32_t i = 0; i < SENT_MAX + 5 * UNITS_MAX; i++) {
		if (i < SENT_MAX && !(network.requests >> i & 1))
			continue;
		network_step(i);
		/* Either side may stop here, for good. */
		check_customer(customer_before);
		check_provider();
		assert_int_not_equal(m.customer.state, SOUK_CUSTOMER_ENDED);
		assert_int_equal(m.kit.sessions[0].bad, 0);
		step_count++;
		each_session_state();
		provider_put_back(before);
		m.customer = *customer_before;
		taken = taken_before;
		network = network_before;
	}
	free(customer_before);
	free(before);
}

/* P14, P15: every interleaving of an honest session over a network that loses, delays, reorders and
 * replays what it likes. Neither side ever takes the other for a cheat. */
static void p14_p15_every_interleaving_of_a_session(void **state)
{
	(void)state;
	static const struct {
		uint32_t units;
		uint16_t window;
	} rows[] = {{1, 1}, {2, 1}, {2, 2}, {3, 1}, {3, 2}, {3, 3}, {4, 1}, {4, 2}};
	for (size_t i = 0; i < PROOFS_PICK(SOUK_COUNT_OF(rows), 4); i++) {
		market_open(rows[i].units, rows[i].window);
		seen_reset();
		memset(&taken, 0, sizeof taken);
		memset(&network, 0, sizeof network);
		finished = false;
		all_honest = true;
		most_unpaid = 0;
		each_session_state();
		assert_true(finished);
		assert_int_equal(most_unpaid,
			rows[i].window < rows[i].units ? rows[i].window : rows[i].units);
	}
}

/* ---- sessions at random ---- */

/* P14, P15: random walks of the same three kinds through sessions of four units. */
static void p14_p15_random_sessions(void **state)
{
	(void)state;
	struct souk_rng rng;
	souk_rng_init(&rng, 14);
	for (int round = 0; round < PROOFS_PICK(300, 40); round++) {
		market_open(UNITS_MAX, (uint16_t)(1 + souk_rng_below(&rng, 4)));
		memset(&taken, 0, sizeof taken);
		memset(&network, 0, sizeof network);
		all_honest = false;
		bool liar = souk_rng_below(&rng, 2) == 0, thief = souk_rng_below(&rng, 2) == 0;
		for (int step = 0; step < 400; step++) {
			struct souk_customer *before = malloc(sizeof *before);
			assert_non_null(before);
			*before = m.customer;
			if (liar && souk_rng_below(&rng, 8) == 0)
				customer_step((uint32_t)souk_rng_below(&rng, 8 * UNITS_MAX));
			else if (thief && souk_rng_below(&rng, 8) == 0)
				provider_step((uint32_t)souk_rng_below(
						      &rng, 3 * (UNITS_MAX + 2) * (UNITS_MAX + 3)),
					t0);
			else
				network_step(
					(uint32_t)souk_rng_below(&rng, SENT_MAX + 5 * UNITS_MAX));
			check_customer(before);
			if (m.kit.sessions[0].state == SOUK_PROVIDER_OPEN)
				check_provider();
			free(before);
		}
	}
}

/* ---- the disk ---- */

static unsigned count_stores(void)
{
	struct souk_provider_effect effect;
	unsigned stores = 0;
	while (souk_provider_next_effect(&m.kit.provider, &effect)) {
		stores += effect.kind == SOUK_PROVIDER_STORE;
		kit_provider_keep(&m.kit, &effect);
	}
	return stores;
}

/* P16: payments ask for no write by themselves; a flush asks for one for each session that was
 * paid, however many tickets that were. Every way to flush or not after each of four tickets. */
static void p16_a_flush_writes_once_for_all_tickets(void **state)
{
	(void)state;
	for (uint32_t flushes = 0; flushes < 1u << UNITS_MAX; flushes++) {
		unsigned tickets = 0;
		market_open(UNITS_MAX, UNITS_MAX);
		for (uint32_t unit = 1; unit <= UNITS_MAX; unit++) {
			uint32_t ticket = unit;
			provider_step(3 * (ticket * (UNITS_MAX + 2)), t0); /* a key alone */
			tickets++;
			assert_int_equal(m.kit.sessions[0].payee.unit, unit);
			assert_int_equal(count_stores(), 0);
			if (!(flushes >> (unit - 1) & 1))
				continue;
			souk_provider_flush(&m.kit.provider);
			assert_int_equal(count_stores(), 1);
			souk_provider_flush(&m.kit.provider);
			assert_int_equal(count_stores(), 0);
			assert_int_equal(m.kit.records[0].unit, unit);
		}
		assert_int_equal(tickets, UNITS_MAX);
	}
}

/* P16: many sessions, tickets at random: writes are bounded by flushes times sessions, and what is
 * stored after a flush is what was accepted before it. */
static void p16_writes_do_not_grow_with_payments(void **state)
{
	(void)state;
	enum { SESSIONS = 5, PAYMENTS = 400 };
	static struct souk_customer customers[SESSIONS];
	struct souk_rng rng;
	unsigned stores = 0, paid = 0;
	souk_rng_init(&rng, 16);
	market_open(1, 1);
	for (uint8_t i = 0; i < SESSIONS; i++) {
		struct souk_offer offer = kit_offer(&m.kit.identity, &m.item.content, m.item.size,
			CHUNK_SIZE, PRICE, 1, PAYMENTS);
		struct souk_customer_config config = {.offer = &offer,
			.escrow = m.payer.escrow_id,
			.epoch = 7,
			.units = 100,
			.seed = {9, i}};
		assert_int_equal(souk_customer_init(&customers[i], &config), SOUK_OK);
		assert_int_equal(
			kit_handshake(&customers[i], &m.payer, 0, &m.kit, &m.item, t0), SOUK_OK);
	}
	while (paid < PAYMENTS) {
		struct souk_customer *customer = &customers[souk_rng_below(&rng, SESSIONS)];
		struct souk_unit_request request = {
			.session = customer->grant.session, .has_ticket = true};
		struct souk_provider_reply reply;
		if (customer->payer.unit == 100)
			continue;
		assert_int_equal(
			souk_payer_pay(&request.ticket, &customer->payer, customer->payer.unit + 1),
			SOUK_OK);
		request.auth = souk_unit_request_auth(&customer->session_secret, &request);
		assert_int_equal(
			souk_provider_unit(&m.kit.provider, &reply, &request, t0), SOUK_OK);
		paid++;
		assert_int_equal(count_stores(), 0);
		if (paid % 100 != 0)
			continue;
		souk_provider_flush(&m.kit.provider);
		stores += count_stores();
		for (unsigned i = 0; i < SESSIONS; i++)
			assert_int_equal(
				kit_provider_stored(&m.kit, &customers[i].grant.session)->unit,
				customers[i].payer.unit);
	}
	assert_true(stores <= PAYMENTS / 100 * SESSIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p14_no_provider_gains_more_than_a_window),
		cmocka_unit_test(p14_p15_no_customer_gains_more_than_a_window),
		cmocka_unit_test(p14_p15_every_interleaving_of_a_session),
		cmocka_unit_test(p14_p15_random_sessions),
		cmocka_unit_test(p16_a_flush_writes_once_for_all_tickets),
		cmocka_unit_test(p16_writes_do_not_grow_with_payments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
