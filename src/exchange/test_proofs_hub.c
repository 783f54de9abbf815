/* SPDX-License-Identifier: Apache-2.0
 *
 * Claim P21 of spec/payment.md: what a hub's customer, and the hub, can lose. Every
 * state that a customer of short sessions can be brought to by any hub and any
 * provider; and every sequence of tickets to a hub. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../payment/proofs.h"
#include "test_hub.h"

#define UNITS_MAX  4
#define STATES_MAX 4096

static struct market m;
static uint32_t window, step;

static uint64_t seen[STATES_MAX];
static uint32_t state_count;

static bool is_new(uint64_t key)
{
	for (uint32_t i = 0; i < state_count; i++)
		if (seen[i] == key)
			return false;
	assert_true(state_count < STATES_MAX);
	seen[state_count++] = key;
	return true;
}

/* All of the customer's conduct. */
static uint64_t customer_key(const struct souk_customer *c)
{
	uint64_t key = c->state == SOUK_CUSTOMER_OPEN;
	key = key << 3 | c->requested;
	key = key << 3 | c->received;
	key = key << 3 | c->keyed;
	key = key << 3 | c->verified;
	key = key << 3 | c->payer.unit;
	key = key << 3 | c->payer.known;
	key = key << 3 | c->bought;
	for (uint32_t j = 1; j <= UNITS_MAX; j++)
		key = key << 2 |
		      (j > c->verified && j <= c->requested ? (uint64_t)c->units[j].state : 0);
	return key;
}

/* What the other sides may say: the provider's keys, the hub's tickets. */
static struct souk_hash keys[UNITS_MAX + 1], tickets[UNITS_MAX + 1];

static void give_key(uint32_t unit, bool good)
{
	struct souk_hash value = keys[unit];
	value.bytes[3] ^= good ? 0 : 1;
	struct souk_unit_key key = {.unit = unit,
		.masked = souk_unit_key_mask(&m.customer.session_secret, unit, &value)};
	(void)!souk_customer_key(&m.customer, &key);
}

static void give_ticket(uint32_t unit, bool good)
{
	struct souk_ticket ticket = {.unit = unit, .value = tickets[unit]};
	ticket.value.bytes[3] ^= good ? 0 : 1;
	(void)!souk_customer_bought(&m.customer, &ticket);
}

#define STEPS (8 * UNITS_MAX)

static void customer_step(uint32_t i, uint32_t units)
{
	struct souk_unit_request request;
	struct souk_hub_ticket bought;
	struct souk_unit_cipher cipher;
	uint32_t unit = i % UNITS_MAX + 1;
	if (unit > units && i / UNITS_MAX < 6)
		return;
	switch (i / UNITS_MAX) {
	case 0: (void)!souk_customer_received(&m.customer, unit); break;
	case 1:
	case 2: give_key(unit, i / UNITS_MAX == 1); break;
	case 3:
	case 4: give_ticket(unit, i / UNITS_MAX == 3); break;
	case 5:
		if (souk_customer_cipher(&m.customer, &cipher, unit) == SOUK_OK)
			assert_int_equal(souk_customer_verified(&m.customer, unit), SOUK_OK);
		break;
	case 6:
		if (unit == 1)
			(void)!souk_customer_next(&m.customer, &request, 0, t0);
		else if (unit == 2)
			(void)!souk_customer_settle(&m.customer, &request, t0);
		else if (unit == 3)
			souk_customer_end(&m.customer, SOUK_PEER_BAD_KEY);
		break;
	default: (void)!souk_customer_buy(&m.customer, &bought, t0); break;
	}
}

static uint32_t most_at_hub, most_lost, most_verified;

/* P21, for the customer: Y is bought, X is known of it, and so much was verified. */
static void check_customer(void)
{
	const struct souk_customer *c = &m.customer;
	assert_true(c->payer.unit <= c->payer.known && c->payer.known <= c->bought);
	assert_true(c->bought <= c->payer.known + step);
	assert_true(c->bought <= c->verified + window + step && c->bought <= c->requested);
	assert_true(c->payer.unit <= c->verified + window);
	assert_int_equal(souk_customer_spent(c).ncoin, c->bought * COST);
	if (c->bought - c->payer.known > most_at_hub)
		most_at_hub = c->bought - c->payer.known;
	if (c->bought - c->verified > most_lost)
		most_lost = c->bought - c->verified;
	if (c->verified > most_verified)
		most_verified = c->verified;
}

static void each_customer_state(uint32_t units)
{
	if (!is_new(customer_key(&m.customer)))
		return;
	struct souk_customer *before = malloc(sizeof *before);
	assert_non_null(before);
	*before = m.customer;
	for (uint32_t i = 0; i < STEPS; i++) {
		customer_step(i, units);
		check_customer();
		each_customer_state(units);
		m.customer = *before;
	}
	free(before);
}

/* A session of UNITS units, of which the tests know all secrets. */
static void session_open(uint32_t units)
{
	market_open(&m);
	m.provider.window = (uint16_t)window;
	m.provider.provider.config.window = (uint16_t)window;
	give_credit(&m, &m.alice, units * COST);
	open_session(&m, units);
	m.customer.step = (uint16_t)step;
	for (uint32_t j = 1; j <= units; j++)
		keys[j] = souk_chain_value(&m.provider.sessions[0].keys, j);
}

/* P21: every state of a customer between any hub and any provider. */
static void p21_every_state_of_a_hubs_customer(void **state)
{
	(void)state;
	for (uint32_t units = 1; units <= UNITS_MAX; units++)
		for (window = 1; window <= 2; window++)
			for (step = 1; step <= PROOFS_PICK(3, 1); step++) {
				session_open(units);
				for (uint32_t j = 1; j <= units; j++) {
					struct souk_hub_ticket y = ticket_to_hub(&m, j);
					struct souk_ticket x;
					assert_int_equal(
						souk_hub_ticket(&m.hub->hub, &y, t0, &x), SOUK_OK);
					tickets[j] = x.value;
				}
				state_count = most_at_hub = most_lost = most_verified = 0;
				each_customer_state(units);
				assert_int_equal(most_verified, units);
				assert_true(most_at_hub >= 1 && most_at_hub <= step);
				assert_true(most_lost >= (window < units ? window : units));
				market_close(&m);
			}
}

/* P21, for the hub: every sequence of three tickets, right and wrong, to a hub whose customer has
 * credit for three units: x_j for y_j only, and what is spent is what was sold. */
static void p21_every_sequence_of_tickets_to_a_hub(void **state)
{
	(void)state;
	enum { UNITS_HERE = 3, LETTERS = 2 * (UNITS_HERE + 2) };
	window = 2;
	step = 4;
	for (uint32_t way = 0; way < LETTERS * LETTERS * LETTERS; way += PROOFS_PICK(1, 13)) {
		uint32_t sold = 0;
		session_open(UNITS_HERE);
		for (uint32_t i = 0, rest = way; i < 3; i++, rest /= LETTERS) {
			uint32_t unit = rest % LETTERS / 2;
			bool good = rest % 2 == 0 && unit <= UNITS_HERE;
			struct souk_hub_ticket y = {
				.session = m.customer.grant.session, .unit = unit};
			struct souk_ticket x;
			y.value = souk_chain_value(
				&m.customer.hub_chain, unit <= UNITS_HERE ? unit : UNITS_HERE);
			y.value.bytes[0] ^= good ? 0 : 1;
			souk_status status = souk_hub_ticket(&m.hub->hub, &y, t0, &x);
			if (status == SOUK_OK) {
				assert_true(good && unit >= 1 && x.unit == unit);
				sold = unit > sold ? unit : sold;
			} else {
				assert_true(!good || unit < sold || unit == 0);
			}
			assert_int_equal(account_of(&m, &m.alice)->record.spent.ncoin, sold * COST);
			assert_true(account_of(&m, &m.alice)->record.spent.ncoin <=
				    account_of(&m, &m.alice)->record.credit.ncoin);
		}
		market_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p21_every_state_of_a_hubs_customer),
		cmocka_unit_test(p21_every_sequence_of_tickets_to_a_hub),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
