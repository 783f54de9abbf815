/* SPDX-License-Identifier: Apache-2.0
 *
 * A hub, two providers and two accounts under loss, repetition, forgery and crashes of all three,
 * at random. The auditor watches what is stored and what left the hub, and judges by H1 to H6 and
 * X10 to X12. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub_kit.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/payment/claim.h"

#define PROVIDERS     2u
#define ACCOUNTS      2u
#define BUYERS	      6u
#define SESSIONS_MAX  40u
#define STEPS	      1500u
#define SEEDS_DEFAULT 60u
#define PRICE	      100u
#define COST	      103u
#define FEE	      30u
#define CHUNKS	      64u
#define CHUNK_SIZE    16384u
#define EPOCH	      7u

/* What became public in one session. */
struct audit {
	struct souk_nonce session;
	uint32_t account;
	uint32_t sent;	/* highest y that left the customer */
	uint32_t given; /* highest x that left the hub */
};

struct buyer {
	bool alive;
	uint32_t account, provider;
	struct souk_customer customer;
	struct souk_hub_ticket last; /* to the hub, for replays */
	bool has_last;
};

struct world {
	struct souk_rng rng;
	struct souk_time now;
	struct kit_hub hub;
	struct kit_provider providers[PROVIDERS];
	struct souk_identity accounts[ACCOUNTS];
	struct buyer buyers[BUYERS];
	struct souk_provider_item item;
	struct audit audits[SESSIONS_MAX];
	uint32_t audit_count;
	uint64_t given_credit[ACCOUNTS];
	uint32_t crashes, verified, sold, lost_answers;
	struct souk_chain chain;
	struct souk_claim claim;
};

static uint64_t below(struct world *w, uint64_t bound)
{
	return souk_rng_below(&w->rng, bound);
}

static struct audit *audit_of(struct world *w, const struct souk_nonce *session)
{
	for (uint32_t i = 0; i < w->audit_count; i++) {
		if (memcmp(&w->audits[i].session, session, sizeof *session) == 0)
			return &w->audits[i];
	}
	return NULL;
}

/* ------------------------------------------------------------------ the auditor */

static void audit_account(struct world *w, uint32_t index)
{
	uint64_t spent = 0, given = 0;
	const struct kit_hub_account *stored =
		kit_hub_stored_account(&w->hub, &w->accounts[index].address);
	for (uint32_t i = 0; i < w->hub.record_count; i++) {
		const struct souk_hub_session_record *r = &w->hub.records[i];
		if (souk_address_equal(&r->strip.account, &w->accounts[index].address))
			spent += r->unit * r->strip.price.ncoin;
	}
	for (uint32_t i = 0; i < w->audit_count; i++) {
		if (w->audits[i].account == index)
			given += w->audits[i].given * COST;
	}
	if (stored == NULL) {
		assert_int_equal(given, 0);
		return;
	}
	/* H3, H4, and no x beyond what was paid for. */
	assert_int_equal(stored->record.spent.ncoin, spent);
	assert_int_equal(stored->record.credit.ncoin, w->given_credit[index]);
	assert_true(given <= spent && spent <= w->given_credit[index]);
}

static void audit(struct world *w)
{
	const struct souk_hub *hub = &w->hub.hub;
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		audit_account(w, i);
	for (uint32_t i = 0; i < hub->account_count; i++) {
		const struct souk_hub_account *a = &w->hub.accounts[i];
		assert_true(
			a->record.spent.ncoin + a->held.ncoin <= a->record.credit.ncoin); /* H1 */
	}
	for (uint32_t i = 0; i < w->audit_count; i++) {
		const struct audit *a = &w->audits[i];
		const struct souk_hub_session_record *r = kit_hub_stored(&w->hub, &a->session);
		assert_non_null(r);
		assert_true(a->given <= r->unit && r->unit <= a->sent); /* H2 */
	}
	for (uint32_t i = 0; i < BUYERS; i++) {
		const struct souk_customer *c = &w->buyers[i].customer;
		if (!w->buyers[i].alive)
			continue;
		assert_true(c->bought <= c->payer.known + c->step);	     /* X10 */
		assert_true(c->bought <= c->verified + c->window + c->step); /* X11 */
		assert_true(c->bought <= c->requested && c->payer.unit <= c->payer.known);
	}
}

/* At the end: providers hold no more than the hub sold, each claim is good, the fee is the rest. */
static void audit_money(struct world *w)
{
	uint64_t income = 0, owed = 0, claimed = 0, units = 0;
	struct souk_amount lo, hi;
	for (uint32_t i = 0; i < w->hub.record_count; i++) {
		const struct souk_hub_session_record *r = &w->hub.records[i];
		income += r->unit * r->strip.price.ncoin;
		owed += r->unit * r->strip_open.strip.price.ncoin;
		units += r->unit;
	}
	for (uint32_t p = 0; p < PROVIDERS; p++) {
		for (uint32_t i = 0; i < w->providers[p].record_count; i++) {
			const struct souk_session_record *r = &w->providers[p].records[i];
			struct audit *a = audit_of(w, &r->grant.session);
			assert_non_null(a);
			assert_true(r->unit <= a->given);
			if (r->unit == 0)
				continue;
			assert_int_equal(souk_provider_claim(&w->claim, r, &w->chain), SOUK_OK);
			assert_int_equal(
				souk_claim_verify(&lo, &hi, &w->claim, &w->hub.payer.allotment),
				SOUK_OK);
			claimed += hi.ncoin - lo.ncoin;
		}
	}
	assert_int_equal(income - owed, units * (COST - PRICE));
	assert_true(claimed <= owed);
	w->sold += (uint32_t)units;
}

/* ------------------------------------------------------------------ the workload */

static void crash_hub(struct world *w)
{
	w->crashes++;
	kit_hub_start(&w->hub, souk_rng_u64(&w->rng), EPOCH, SOUK_TIME_NEVER, w->now);
}

static void store_provider(struct world *w, uint32_t index)
{
	struct souk_provider_effect effect;
	while (souk_provider_next_effect(&w->providers[index].provider, &effect))
		kit_provider_keep(&w->providers[index], &effect);
}

static void open_session(struct world *w, struct buyer *b)
{
	if (b->alive || w->audit_count == SESSIONS_MAX)
		return;
	uint32_t units = 1 + (uint32_t)below(w, 300);
	b->account = (uint32_t)below(w, ACCOUNTS);
	b->provider = (uint32_t)below(w, PROVIDERS);
	struct kit_provider *provider = &w->providers[b->provider];
	struct souk_offer offer = kit_offer(&provider->identity, &w->item.content, w->item.size,
		CHUNK_SIZE, PRICE, provider->window, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = w->hub.payer.escrow_id, .epoch = EPOCH, .units = units};
	souk_rng_fill(&w->rng, config.seed, sizeof config.seed);
	assert_int_equal(souk_customer_init(&b->customer, &config), SOUK_OK);
	souk_status status = kit_hub_handshake(&b->customer, &w->hub, &w->accounts[b->account],
		b->provider, provider, &w->item, w->now);
	/* The strip may be laid although the provider did not take it. */
	const struct souk_nonce *session = &b->customer.grant.session;
	if (b->customer.via_hub && kit_hub_stored(&w->hub, session) != NULL) {
		struct audit *a = &w->audits[w->audit_count++];
		*a = (struct audit){.session = *session, .account = b->account};
	}
	b->alive = status == SOUK_OK;
	b->has_last = false;
	if (status != SOUK_OK)
		assert_true(status == SOUK_PEER_HUB_CREDIT || status == SOUK_LOCAL_FULL ||
			    status == SOUK_PEER_STRIP_RANGE);
}

static void verify_all(struct world *w, struct souk_customer *c)
{
	struct souk_unit_cipher cipher;
	for (uint32_t j = c->verified + 1; j <= c->keyed; j++) {
		if (souk_customer_cipher(c, &cipher, j) != SOUK_OK)
			continue;
		assert_int_equal(souk_customer_verified(c, j), SOUK_OK);
		w->verified++;
	}
}

static void exchange(struct world *w, struct buyer *b, const struct souk_unit_request *request)
{
	struct souk_provider_reply reply;
	if (below(w, 10) == 0)
		return;
	souk_status status =
		souk_provider_unit(&w->providers[b->provider].provider, &reply, request, w->now);
	if (status != SOUK_OK) {
		assert_true(status != SOUK_PEER_BAD_TICKET && status != SOUK_PEER_BAD_CHECKPOINT);
		return;
	}
	if (below(w, 10) == 0)
		return;
	if (request->unit > 0)
		(void)!souk_customer_received(&b->customer, request->unit);
	if (reply.has_key)
		assert_int_equal(souk_customer_key(&b->customer, &reply.key), SOUK_OK);
	verify_all(w, &b->customer);
}

static void ask_unit(struct world *w, struct buyer *b)
{
	struct souk_unit_request request;
	struct souk_customer *c = &b->customer;
	if (souk_customer_next(c, &request, c->requested % CHUNKS, w->now) == SOUK_OK)
		exchange(w, b, &request);
	for (uint32_t j = c->verified + 1; j <= c->requested; j++) {
		if (souk_customer_again(c, &request, j, w->now) == SOUK_OK)
			exchange(w, b, &request);
	}
	if (souk_customer_settle(c, &request, w->now) == SOUK_OK)
		exchange(w, b, &request);
}

/* One ticket through the hub, which may crash before it has stored it. */
static void deliver(struct world *w, struct buyer *b, const struct souk_hub_ticket *ticket)
{
	struct souk_ticket sold;
	struct audit *a = audit_of(w, &ticket->session);
	souk_status status = souk_hub_ticket(&w->hub.hub, ticket, w->now, &sold);
	if (below(w, 8) == 0) {
		crash_hub(w);
		return;
	}
	kit_hub_commit(&w->hub);
	if (status != SOUK_OK)
		return;
	a->given = sold.unit > a->given ? sold.unit : a->given;
	if (below(w, 6) == 0) {
		w->lost_answers++;
		return;
	}
	assert_int_equal(souk_customer_bought(&b->customer, &sold), SOUK_OK);
}

static void buy(struct world *w, struct buyer *b)
{
	struct souk_hub_ticket ticket;
	if (souk_customer_buy(&b->customer, &ticket, w->now) != SOUK_OK)
		return;
	struct audit *a = audit_of(w, &ticket.session);
	a->sent = ticket.unit > a->sent ? ticket.unit : a->sent;
	b->last = ticket;
	b->has_last = true;
	if (below(w, 8) != 0)
		deliver(w, b, &ticket);
}

/* What a cheat, or a network, sends besides. */
static void disturb(struct world *w, struct buyer *b)
{
	struct souk_hub_ticket ticket = b->last;
	struct souk_ticket sold;
	if (!b->has_last)
		return;
	if (below(w, 2) == 0) {
		deliver(w, b, &ticket);
		return;
	}
	if (below(w, 2) == 0)
		ticket.value.bytes[below(w, 32)] ^= 1;
	else
		ticket.unit += 1 + (uint32_t)below(w, 4);
	assert_true(souk_hub_ticket(&w->hub.hub, &ticket, w->now, &sold) != SOUK_OK);
	kit_hub_commit(&w->hub);
}

static void close_session(struct world *w, struct buyer *b)
{
	struct souk_signed_hub_close close;
	struct souk_signed_hub_statement statement;
	if (below(w, 3) != 0 &&
		souk_customer_hub_close(&b->customer, &w->accounts[b->account], &close)) {
		(void)!souk_hub_close(&w->hub.hub, &close, w->now, &statement);
		kit_hub_commit(&w->hub);
	}
	b->alive = false;
}

static void redeem(struct world *w)
{
	struct souk_signed_hub_statement statement;
	uint32_t account = (uint32_t)below(w, ACCOUNTS);
	bool is_new = w->hub.voucher_count == 0 ||
		      (w->hub.voucher_count < KIT_HUB_VOUCHERS && below(w, 2) == 0);
	uint64_t amount = 1 + below(w, 60000);
	struct souk_nonce voucher = is_new ? kit_hub_voucher(&w->hub, amount)
					   : w->hub.vouchers[below(w, w->hub.voucher_count)].secret;
	souk_status status =
		kit_hub_redeem(&w->hub, &w->accounts[account], &voucher, w->now, &statement);
	if (is_new) {
		assert_int_equal(status, SOUK_OK);
		w->given_credit[account] += amount;
	}
	if (status == SOUK_OK)
		assert_int_equal(statement.statement.credit.ncoin, w->given_credit[account]);
	else
		assert_int_equal(status, SOUK_PEER_HUB_VOUCHER);
}

static void step(struct world *w)
{
	struct buyer *b = &w->buyers[below(w, BUYERS)];
	uint32_t provider = (uint32_t)below(w, PROVIDERS);
	uint64_t what = below(w, 100);
	if (what < 4) {
		redeem(w);
	} else if (what < 10) {
		open_session(w, b);
	} else if (what < 12) {
		crash_hub(w);
	} else if (what < 13) {
		kit_provider_start(&w->providers[provider], souk_rng_u64(&w->rng), EPOCH,
			SOUK_TIME_NEVER, w->now);
	} else if (what < 20) {
		souk_provider_flush(&w->providers[provider].provider);
		store_provider(w, provider);
	} else if (what < 23) {
		w->now.ms += below(w, 3000);
		souk_hub_tick(&w->hub.hub, w->now);
		kit_hub_commit(&w->hub);
	} else if (b->alive && what < 24) {
		close_session(w, b);
	} else if (b->alive && what < 28) {
		disturb(w, b);
	} else if (b->alive && what < 60) {
		buy(w, b);
	} else if (b->alive) {
		ask_unit(w, b);
	}
}

static void make_world(struct world *w, uint64_t seed)
{
	struct souk_address addresses[PROVIDERS];
	memset(w, 0, sizeof *w);
	souk_rng_init(&w->rng, seed);
	w->now.ms = 1000000;
	w->item = (struct souk_provider_item){.size = CHUNKS * CHUNK_SIZE,
		.chunk_size = CHUNK_SIZE,
		.price = souk_amount_of_ncoin(PRICE)};
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		kit_identity(&w->providers[i].identity, 1 + i);
		addresses[i] = w->providers[i].identity.address;
		w->providers[i].window = (uint16_t)(1 + below(w, 8));
		kit_provider_start(&w->providers[i], seed + i, EPOCH, SOUK_TIME_NEVER, w->now);
	}
	for (uint32_t i = 0; i < ACCOUNTS; i++)
		kit_identity(&w->accounts[i], 10 + i);
	kit_hub_init(&w->hub, 2, addresses, PROVIDERS, 2000000, FEE, (uint16_t)(1 + below(w, 8)));
	kit_payer_epoch(&w->hub.payer, EPOCH);
	kit_hub_start(&w->hub, seed, EPOCH, SOUK_TIME_NEVER, w->now);
}

/* P21, for the hub: through loss, forgery and crashes it never pays what it was not paid for. */
static void money_is_conserved(void **state)
{
	(void)state;
	const char *text = getenv("SOUK_SEEDS");
	uint32_t seeds = text != NULL ? (uint32_t)strtoul(text, NULL, 10) : SEEDS_DEFAULT;
	uint32_t crashes = 0, verified = 0, sold = 0, lost = 0;
	struct world *w = malloc(sizeof *w);
	assert_non_null(w);
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		make_world(w, seed);
		for (uint32_t i = 0; i < STEPS; i++) {
			step(w);
			audit(w);
		}
		for (uint32_t i = 0; i < PROVIDERS; i++) {
			souk_provider_flush(&w->providers[i].provider);
			store_provider(w, i);
		}
		audit_money(w);
		crashes += w->crashes;
		verified += w->verified;
		sold += w->sold;
		lost += w->lost_answers;
	}
	free(w);
	print_message("# %u units sold, %u verified, %u crashes of the hub, %u lost answers\n",
		sold, verified, crashes, lost);
	/* It must have been a market, and a rough one. */
	assert_true(verified > 100 * seeds && crashes > seeds && lost > seeds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(money_is_conserved),
	};
	return cmocka_run_group_tests_name("hub_storm", tests, NULL, NULL);
}
