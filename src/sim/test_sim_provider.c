/* SPDX-License-Identifier: Apache-2.0
 *
 * A simulated provider by hand: a buyer sends what the test says, and waits for the answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "disk.h"
#include "souk/exchange/customer.h"
#include "souk/payment/allotment.h"
#include "souk/payment/escrow.h"
#include "souk/payment/lottery.h"
#include "souk/payment/receipt.h"
#include "souk/base/check.h"
#include "world.h"

#define PRICE	   1000u
#define PRIZE	   4000u
#define UNITS	   64u
#define LEAF	   (4 * UNITS * PRICE)
#define TIMEOUT_US 2000000u
#define SECOND	   UINT64_C(1000000)

/* ---------------------------------------------------------------- the world */

struct shop {
	struct sim_scenario scenario;
	struct sim_world *world;
	struct sim_node *seller, *other, *buyer;
	uint64_t penalty; /* of the escrow; with one, its leaves are open */
	struct souk_hash escrow;
	struct souk_allotment_leaf leaves[2];
	struct souk_payer_leaf leaf;
	struct souk_customer customer;
	struct souk_strip_open strip;
	/* The answer to the request at hand. */
	uint32_t request;
	bool has_answer;
	struct sim_message answer;
	uint8_t bytes[16384];
};

static void take(struct sim_node *node, const struct sim_message *message)
{
	struct shop *shop = node->state;
	if (message->request != shop->request)
		return;
	assert_true(message->size <= sizeof shop->bytes);
	shop->answer = *message;
	if (message->size > 0)
		memcpy(shop->bytes, message->bytes, message->size);
	shop->answer.bytes = shop->bytes;
	shop->has_answer = true;
}

static void begin(struct sim_node *node)
{
	(void)node;
}

static const struct sim_actor hand = {.name = "customer", .start = begin, .message = take};

static void submit(struct shop *shop, const struct souk_tx_body *body)
{
	sim_ledger_submit(shop->buyer, body, 0);
	sim_world_run_until(shop->world, shop->world->now_us + SECOND);
}

/* An escrow, and a leaf of epoch 0 for the seller. */
static void make_money(struct shop *shop)
{
	const struct souk_genesis *genesis = sim_ledger_genesis(shop->world->ledger);
	struct souk_hash ledger = souk_genesis_digest(genesis);
	struct souk_sum_node nodes[2], root;
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_ESCROW_OPEN;
	body->escrow_open.line.ncoin = 4 * LEAF;
	body->escrow_open.prize.ncoin = PRIZE;
	body->escrow_open.penalty.ncoin = shop->penalty;
	assert_int_equal(souk_escrow_deposit_for(
				 &body->escrow_open.deposit, body->escrow_open.line, genesis),
		SOUK_OK);
	submit(shop, body);
	shop->escrow =
		souk_escrow_id(&ledger, &shop->buyer->identity.address, &body->escrow_open.salt);
	for (int i = 0; i < 2; i++)
		shop->leaves[i] =
			(struct souk_allotment_leaf){.provider = shop->seller->identity.address,
				.issuer = shop->buyer->identity.address,
				.amount = {LEAF}};
	if (shop->penalty > 0)
		shop->leaves[1].provider = (struct souk_address){{0}};
	assert_int_equal(souk_allotment_commit(&root, shop->leaves, 2, nodes), SOUK_OK);
	memset(body, 0, sizeof *body);
	body->kind = SOUK_TX_BODY_ALLOT;
	body->allot.escrow = shop->escrow;
	body->allot.root = root.hash;
	body->allot.total = root.sum;
	submit(shop, body);
	free(body);
	shop->leaf = (struct souk_payer_leaf){.escrow = shop->escrow, .index = 1, .amount = {LEAF}};
}

/* Assignments, with spaces between them. */
static void set_all(struct sim_scenario *scenario, const char *set)
{
	char one[64], error[SIM_ERROR_SIZE];
	int used;
	for (; set != NULL && sscanf(set, "%63s%n", one, &used) == 1; set += used)
		assert_int_equal(sim_scenario_set(scenario, one, error), SOUK_OK);
}

static struct shop *open_with_penalty(const char *set, uint64_t seed, uint64_t penalty)
{
	char error[SIM_ERROR_SIZE];
	struct shop *shop = sim_alloc(sizeof *shop);
	sim_scenario_init(&shop->scenario);
	shop->scenario.population_count = 1;
	struct sim_population *of = &shop->scenario.populations[0];
	snprintf(of->name, sizeof of->name, "shops");
	snprintf(of->actor, sizeof of->actor, "provider");
	assert_int_equal(sim_scenario_set(&shop->scenario, "shops.count=3", error), SOUK_OK);
	of->sessions = 8;
	of->funds = 1000 * LEAF;
	of->stock_ppm = SIM_PPM_ALL;
	shop->scenario.units_min = shop->scenario.units_max = UNITS;
	shop->scenario.prize = PRIZE;
	shop->scenario.seed = seed;
	shop->penalty = penalty;
	set_all(&shop->scenario, set);
	assert_int_equal(sim_world_new(&shop->world, &shop->scenario, NULL, error), SOUK_OK);
	shop->seller = sim_node_at(shop->world, 0);
	shop->other = sim_node_at(shop->world, 1);
	shop->buyer = sim_node_at(shop->world, 2);
	/* The third seller is ours to lead. */
	shop->buyer->actor->done(shop->buyer);
	shop->buyer->actor = &hand;
	shop->buyer->is_greedy = true;
	shop->buyer->state = shop;
	sim_world_run_until(shop->world, SECOND);
	make_money(shop);
	return shop;
}

static struct shop *open_seeded(const char *set, uint64_t seed)
{
	return open_with_penalty(set, seed, 0);
}

static struct shop *open_shop(const char *set)
{
	return open_seeded(set, 1);
}

static void close_shop(struct shop *shop)
{
	shop->buyer->actor = &hand;
	sim_world_free(shop->world);
	free(shop);
}

static void wait_us(struct shop *shop, uint64_t us)
{
	sim_world_run_until(shop->world, shop->world->now_us + us);
}

static void cut_power(struct shop *shop, uint64_t restart_us)
{
	sim_node_kill(shop->seller, restart_us, true);
}

/* ---------------------------------------------------------------- requests */

static struct sim_message *request(struct shop *shop, enum sim_kind kind, size_t size)
{
	return sim_message_with(shop->world, kind, shop->seller->id, size);
}

static void send(struct shop *shop, struct sim_message *message)
{
	message->request = ++shop->request;
	shop->has_answer = false;
	sim_send(shop->buyer, message);
}

/* Until there is an answer. SOUK_IO_TIMEOUT: there is none. */
static souk_status await(struct shop *shop)
{
	uint64_t until = shop->world->now_us + TIMEOUT_US;
	while (!shop->has_answer && shop->world->now_us < until)
		wait_us(shop, 1000);
	return shop->has_answer ? shop->answer.status : SOUK_IO_TIMEOUT;
}

static souk_status call(struct shop *shop, struct sim_message *message)
{
	send(shop, message);
	return await(shop);
}

#define ENCODE(message, name, value)                                                               \
	do {                                                                                       \
		struct souk_writer writer_;                                                        \
		souk_writer_init(&writer_, (message)->bytes, (message)->size);                     \
		souk_##name##_encode(&writer_, (value));                                           \
		assert_false(writer_.full);                                                        \
		(message)->size = (uint32_t)writer_.size;                                          \
	} while (0)

static souk_status ask_offer(struct shop *shop, uint32_t number, struct souk_signed_offer *ret)
{
	struct sim_message *message = request(shop, SIM_OFFERS, SOUK_HASH_SIZE);
	struct souk_hash id = sim_content_id(shop->world, number);
	memcpy(message->bytes, &id, sizeof id);
	souk_status status = call(shop, message);
	if (status == SOUK_OK)
		assert_int_equal(
			souk_signed_offer_decode(ret, sim_message_bytes(&shop->answer), NULL),
			SOUK_OK);
	return status;
}

/* A session of UNITS; its strip is made, and not sent. */
static void ask(struct shop *shop)
{
	struct souk_signed_offer offer;
	struct souk_grant_open grant;
	struct souk_sum_node nodes[2];
	struct souk_strip_open *strip = &shop->strip;
	assert_int_equal(ask_offer(shop, 0, &offer), SOUK_OK);
	assert_int_equal(souk_offer_verify(&offer, sim_now(shop->buyer)), SOUK_OK);
	struct souk_customer_config config = {
		.offer = &offer.offer, .escrow = shop->escrow, .units = UNITS};
	sim_seed(shop->buyer, config.seed);
	assert_int_equal(souk_customer_init(&shop->customer, &config), SOUK_OK);
	struct sim_message *message = request(shop, SIM_ASK, SOUK_ASK_SIZE_MAX);
	ENCODE(message, ask, souk_customer_ask(&shop->customer));
	assert_int_equal(call(shop, message), SOUK_OK);
	assert_int_equal(
		souk_grant_open_decode(&grant, sim_message_bytes(&shop->answer), NULL), SOUK_OK);
	assert_int_equal(
		souk_customer_grant(&shop->customer, &grant, sim_now(shop->buyer)), SOUK_OK);
	assert_int_equal(souk_customer_strip(&shop->customer, &shop->leaf, &shop->strip), SOUK_OK);
	assert_int_equal(souk_allotment_prove(strip, shop->leaves, 2, 1, nodes), SOUK_OK);
	assert_int_equal(souk_strip_sign_batch(&strip, 1, &shop->buyer->identity), SOUK_OK);
}

static struct sim_message *strip_request(struct shop *shop)
{
	struct sim_message *message = request(shop, SIM_STRIP, SOUK_STRIP_OPEN_SIZE_MAX);
	ENCODE(message, strip_open, &shop->strip);
	return message;
}

static void open_session(struct shop *shop)
{
	ask(shop);
	assert_int_equal(call(shop, strip_request(shop)), SOUK_OK);
	assert_int_equal(souk_customer_opened(&shop->customer), SOUK_OK);
}

static souk_status send_unit(struct shop *shop, const struct souk_unit_request *unit)
{
	struct sim_message *message = request(shop, SIM_UNIT, 0);
	message->data.unit = *unit;
	return call(shop, message);
}

/* The key that came with an answer; every unit up to it is verified. */
static void take_key(struct shop *shop)
{
	struct souk_customer *customer = &shop->customer;
	if (!shop->answer.data.reply.has_key)
		return;
	assert_int_equal(souk_customer_key(customer, &shop->answer.data.reply.key), SOUK_OK);
	for (uint32_t j = customer->verified + 1; j <= customer->keyed; j++)
		assert_int_equal(souk_customer_verified(customer, j), SOUK_OK);
}

/* The next unit, with its ticket. */
static souk_status buy(struct shop *shop)
{
	struct souk_customer *customer = &shop->customer;
	struct souk_unit_request unit;
	assert_int_equal(
		souk_customer_next(customer, &unit, customer->requested, sim_now(shop->buyer)),
		SOUK_OK);
	souk_status status = send_unit(shop, &unit);
	if (status != SOUK_OK)
		return status;
	assert_true(shop->answer.data.reply.has_body);
	assert_int_equal(shop->answer.data.reply.body.chunk, unit.chunk);
	assert_int_equal(souk_customer_received(customer, unit.unit), SOUK_OK);
	take_key(shop);
	return SOUK_OK;
}

/* COUNT units, all of them paid. */
static void buy_all(struct shop *shop, uint32_t count)
{
	struct souk_unit_request unit;
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(buy(shop), SOUK_OK);
	assert_int_equal(
		souk_customer_settle(&shop->customer, &unit, sim_now(shop->buyer)), SOUK_OK);
	assert_int_equal(send_unit(shop, &unit), SOUK_OK);
	take_key(shop);
	assert_int_equal(shop->customer.verified, shop->customer.received);
}

/* ---------------------------------------------------------------- by hand */

static void offers_what_it_stocks(void **state)
{
	(void)state;
	struct souk_signed_offer offer, again;
	struct shop *shop = open_shop(NULL);
	assert_int_equal(ask_offer(shop, 3, &offer), SOUK_OK);
	assert_int_equal(offer.offer.price.ncoin, PRICE);
	assert_int_equal(offer.offer.size, (uint64_t)UNITS * sim_unit_size(shop->world));
	assert_int_equal(souk_offer_verify(&offer, sim_now(shop->buyer)), SOUK_OK);
	assert_int_equal(ask_offer(shop, 3, &again), SOUK_OK);
	assert_memory_equal(&offer.signature, &again.signature, sizeof offer.signature);
	struct sim_message *message = request(shop, SIM_OFFERS, 5);
	assert_int_equal(call(shop, message), SOUK_PEER_UNKNOWN_CONTENT);
	close_shop(shop);
	shop = open_shop("shops.stock=0");
	assert_int_equal(ask_offer(shop, 3, &offer), SOUK_PEER_UNKNOWN_CONTENT);
	close_shop(shop);
}

static void refuses_what_is_none(void **state)
{
	(void)state;
	struct shop *shop = open_shop(NULL);
	struct souk_unit_request unit = {.unit = 1};
	assert_int_not_equal(call(shop, request(shop, SIM_ASK, 40)), SOUK_OK);
	assert_int_not_equal(call(shop, request(shop, SIM_STRIP, 40)), SOUK_OK);
	assert_int_not_equal(call(shop, request(shop, SIM_RECEIPT, 40)), SOUK_OK);
	assert_int_not_equal(call(shop, request(shop, SIM_AGREE, 40)), SOUK_OK);
	assert_int_equal(send_unit(shop, &unit), SOUK_PEER_UNKNOWN_SESSION);
	assert_int_equal(call(shop, request(shop, SIM_GOSSIP, 4)), SOUK_IO_TIMEOUT);
	ask(shop);
	shop->strip.strip.price.ncoin++;
	assert_int_equal(call(shop, strip_request(shop)), SOUK_PEER_STRIP_TERMS);
	close_shop(shop);
}

static void sells_and_is_paid(void **state)
{
	(void)state;
	struct shop *shop = open_shop(NULL);
	open_session(shop);
	buy_all(shop, 40);
	assert_int_equal(shop->seller->tally.owed.ncoin, 40 * PRICE);
	assert_int_equal(shop->seller->tally.units_served, 40);
	wait_us(shop, 40 * SECOND);
	uint64_t claimed = shop->seller->tally.claimed.ncoin;
	assert_true(claimed + PRIZE > 40 * PRICE && claimed < 40 * PRICE + PRIZE);
	assert_int_equal(sim_audit_count(shop->world->audit), 0);
	close_shop(shop);
}

/* What an answer relies on is durable before it leaves. */
static void answers_wait_for_the_disk(void **state)
{
	(void)state;
	struct shop *shop = open_shop("disk-us=300000");
	ask(shop);
	uint64_t before = shop->world->now_us;
	assert_int_equal(call(shop, strip_request(shop)), SOUK_OK);
	assert_true(shop->world->now_us - before >= 300000);
	/* Twice, while the first is being written: both wait for it. */
	close_shop(shop);
	shop = open_shop("disk-us=300000");
	ask(shop);
	send(shop, strip_request(shop));
	wait_us(shop, 100000);
	before = shop->world->now_us;
	assert_int_equal(call(shop, strip_request(shop)), SOUK_OK);
	assert_true(shop->world->now_us - before >= 150000);
	close_shop(shop);
}

static void a_strip_that_was_not_durable_is_gone(void **state)
{
	(void)state;
	struct shop *shop = open_shop("disk-us=300000");
	ask(shop);
	send(shop, strip_request(shop));
	wait_us(shop, 150000);
	cut_power(shop, 100000);
	assert_int_equal(await(shop), SOUK_IO_TIMEOUT);
	assert_int_equal(call(shop, strip_request(shop)), SOUK_PEER_UNKNOWN_SESSION);
	close_shop(shop);
}

static void a_full_disk_stops_the_sale(void **state)
{
	(void)state;
	struct shop *shop = open_shop(NULL);
	struct sim_disk_faults *faults = sim_disk_faults(shop->seller->disk);
	ask(shop);
	faults->is_full = true;
	assert_int_equal(call(shop, strip_request(shop)), SOUK_IO_DISK_FULL);
	faults->is_full = false;
	wait_us(shop, SECOND);
	assert_int_equal(call(shop, strip_request(shop)), SOUK_OK);
	assert_int_equal(souk_customer_opened(&shop->customer), SOUK_OK);
	buy_all(shop, 4);
	faults->is_failing = true;
	/* The ticket that cannot be kept is the last one taken. */
	assert_int_equal(buy(shop), SOUK_OK);
	assert_int_equal(buy(shop), SOUK_OK);
	wait_us(shop, SECOND);
	struct souk_unit_request unit;
	assert_int_equal(
		souk_customer_next(&shop->customer, &unit, 6, sim_now(shop->buyer)), SOUK_OK);
	assert_int_equal(send_unit(shop, &unit), SOUK_IO_STORE);
	faults->is_failing = false;
	wait_us(shop, SECOND);
	assert_int_equal(send_unit(shop, &unit), SOUK_OK);
	/* What could not be written was kept. */
	cut_power(shop, 1000);
	wait_us(shop, SECOND);
	assert_int_equal(send_unit(shop, &unit), SOUK_OK);
	close_shop(shop);
}

static void comes_back_with_what_was_durable(void **state)
{
	(void)state;
	struct shop *shop = open_shop(NULL);
	open_session(shop);
	buy_all(shop, 20);
	wait_us(shop, 100000);
	cut_power(shop, 1000);
	wait_us(shop, SECOND);
	buy_all(shop, 20);
	/* A cut at once costs the last tickets only until the next one comes. */
	cut_power(shop, 1000);
	wait_us(shop, SECOND);
	buy_all(shop, 4);
	wait_us(shop, 60 * SECOND);
	uint64_t claimed = shop->seller->tally.claimed.ncoin;
	assert_true(claimed + PRIZE > 44 * PRICE && claimed < 44 * PRICE + PRIZE);
	assert_int_equal(sim_audit_count(shop->world->audit), 0);
	close_shop(shop);
}

/* ---------------------------------------------------------------- receipts */

static struct sim_message *receipt_request(struct shop *shop, uint64_t amount)
{
	struct souk_signed_leaf_receipt receipt;
	assert_int_equal(souk_leaf_receipt_build(&receipt, &shop->strip.strip, &shop->strip.leaf,
				 souk_amount_of_ncoin(amount)),
		SOUK_OK);
	souk_leaf_receipt_issue(&receipt, &shop->buyer->identity);
	struct souk_receipt_proposal proposal = {
		.receipt = receipt.receipt, .issuer_signature = receipt.issuer_signature};
	struct sim_message *message = request(shop, SIM_RECEIPT, SOUK_RECEIPT_PROPOSAL_SIZE_MAX);
	ENCODE(message, receipt_proposal, &proposal);
	return message;
}

static void a_receipt_waits_for_the_commit_that_runs(void **state)
{
	(void)state;
	struct shop *shop = open_shop("disk-us=300000");
	open_session(shop);
	buy_all(shop, 5);
	wait_us(shop, SECOND);
	struct sim_message *receipt = receipt_request(shop, 5 * PRICE);
	ask(shop);
	send(shop, strip_request(shop));
	wait_us(shop, 100000);
	uint64_t before = shop->world->now_us;
	assert_int_equal(call(shop, receipt), SOUK_OK);
	/* The strip's; then its own two. */
	assert_true(shop->world->now_us - before >= 700000);
	/* The strip came first, so its session is of that leaf, and over. */
	assert_int_equal(call(shop, strip_request(shop)), SOUK_PEER_UNKNOWN_SESSION);
	close_shop(shop);
}

/* What the lottery gives to AMOUNT of the buyer's second leaf, from START on. */
static uint64_t worth_from(struct shop *shop, uint64_t start, uint64_t amount)
{
	struct souk_epoch_record epoch;
	uint64_t first;
	assert_int_equal(sim_ledger_epoch(shop->seller, 0, &epoch), SOUK_OK);
	assert_true(epoch.drawn);
	struct souk_amount offset =
		souk_lottery_offset(&epoch.beacon, &shop->escrow, 0, souk_amount_of_ncoin(PRIZE));
	return PRIZE * souk_lottery_points(&first, offset, souk_amount_of_ncoin(PRIZE),
			       souk_amount_of_ncoin(LEAF + start),
			       souk_amount_of_ncoin(LEAF + start + amount));
}

static uint64_t worth_of(struct shop *shop, uint64_t amount)
{
	return worth_from(shop, 0, amount);
}

static void countersigns_one_receipt_of_a_leaf(void **state)
{
	(void)state;
	struct souk_signed_leaf_receipt receipt;
	struct shop *shop = open_shop(NULL);
	open_session(shop);
	buy_all(shop, 10);
	assert_int_equal(call(shop, receipt_request(shop, 9 * PRICE)), SOUK_PEER_UNPAID);
	buy_all(shop, 1);
	assert_int_equal(call(shop, receipt_request(shop, 11 * PRICE)), SOUK_OK);
	assert_int_equal(
		souk_signed_leaf_receipt_decode(&receipt, sim_message_bytes(&shop->answer), NULL),
		SOUK_OK);
	assert_int_equal(souk_leaf_receipt_verify_payee(&receipt), SOUK_OK);
	assert_int_equal(call(shop, receipt_request(shop, 11 * PRICE)), SOUK_OK);
	assert_int_equal(call(shop, receipt_request(shop, 12 * PRICE)), SOUK_PEER_LEAF_CLAIMED);
	/* Nothing more is sold on that leaf. */
	ask(shop);
	assert_int_equal(call(shop, strip_request(shop)), SOUK_PEER_LEAF_CLAIMED);
	wait_us(shop, 40 * SECOND);
	assert_int_equal(shop->seller->tally.claimed.ncoin, worth_of(shop, 11 * PRICE));
	assert_int_equal(sim_audit_count(shop->world->audit), 0);
	close_shop(shop);
}

/* Whenever power is cut: what was countersigned is paid by the receipt; and if nothing was heard of
 * it, by the receipt or by the strips. */
static void cut_while_countersigning(uint64_t cut_us, uint32_t *ret_by_strips)
{
	struct shop *shop = open_seeded("disk-us=7000", cut_us);
	open_session(shop);
	buy_all(shop, 3);
	open_session(shop);
	buy_all(shop, 3);
	wait_us(shop, SECOND);
	send(shop, receipt_request(shop, 6 * PRICE));
	wait_us(shop, cut_us);
	bool is_answered = shop->has_answer && shop->answer.status == SOUK_OK;
	cut_power(shop, 1000);
	wait_us(shop, 40 * SECOND);
	uint64_t claimed = shop->seller->tally.claimed.ncoin;
	uint64_t by_strips = worth_of(shop, 3 * PRICE) + worth_from(shop, UNITS * PRICE, 3 * PRICE);
	if (is_answered || claimed != by_strips)
		assert_int_equal(claimed, worth_of(shop, 6 * PRICE));
	else if (claimed != worth_of(shop, 6 * PRICE))
		++*ret_by_strips;
	assert_int_equal(sim_audit_count(shop->world->audit), 0);
	close_shop(shop);
}

static void receipts_survive_cuts(void **state)
{
	(void)state;
	uint32_t by_strips = 0;
	for (uint64_t us = 10000; us <= 80000; us += 2500)
		cut_while_countersigning(us, &by_strips);
	/* Some cuts were early enough. */
	assert_true(by_strips > 0);
}

/* ---------------------------------------------------------------- agreements */

#define ACCOUNTABLE "agreements=1 unit-size=16KiB bond=4000 respond=5s"

static struct souk_hash agree(struct shop *shop, uint64_t bond, souk_status expected)
{
	const struct sim_scenario *s = &shop->scenario;
	const struct souk_genesis *genesis = sim_ledger_genesis(shop->world->ledger);
	struct souk_signed_agreement proposed = {
		.agreement = {.version = SOUK_AGREEMENT_VERSION,
			.ledger = souk_genesis_digest(genesis),
			.service = SOUK_SERVICE_CONTENT,
			.provider = shop->seller->identity.address,
			.customer = shop->buyer->identity.address,
			.terms = sim_content_id(shop->world, 0),
			.deposit = {s->deposit},
			.bond = {bond},
			.victim_permille = (uint16_t)s->victim_permille,
			.reporter_permille = (uint16_t)s->reporter_permille,
			.respond_ms = s->respond_ms,
			.ends = souk_time_plus_ms(sim_now(shop->buyer), 20000)}};
	struct souk_hash id = souk_agreement_digest(&proposed.agreement);
	souk_ecdsa_sign(&proposed.signature, &id, &shop->buyer->identity);
	struct sim_message *message = request(shop, SIM_AGREE, SOUK_SIGNED_AGREEMENT_SIZE_MAX);
	ENCODE(message, signed_agreement, &proposed);
	assert_int_equal(call(shop, message), expected);
	return id;
}

/* The next unit under AGREEMENT, whose statement is checked. */
static void buy_accountably(
	struct shop *shop, const struct souk_hash *agreement, struct souk_signed_unit *ret)
{
	struct souk_customer *customer = &shop->customer;
	struct souk_unit_request unit;
	const struct sim_contents *contents = sim_world_contents(shop->world);
	const struct sim_body *body = &shop->answer.data.reply.body;
	uint8_t cipher[16384];
	assert_int_equal(
		souk_customer_next(customer, &unit, customer->requested, sim_now(shop->buyer)),
		SOUK_OK);
	struct sim_message *message = request(shop, SIM_UNIT, sizeof *agreement);
	memcpy(message->bytes, agreement, sizeof *agreement);
	message->data.unit = unit;
	assert_int_equal(call(shop, message), SOUK_OK);
	assert_int_equal(
		souk_signed_unit_decode(ret, sim_message_bytes(&shop->answer), NULL), SOUK_OK);
	sim_contents_body(contents, body, cipher);
	assert_int_equal(souk_content_statement_check(ret, agreement, &customer->grant, unit.unit,
				 sim_contents_at(contents, 0), unit.chunk,
				 souk_bytes_of(cipher, body->length)),
		SOUK_OK);
	assert_int_equal(souk_customer_received(customer, unit.unit), SOUK_OK);
	take_key(shop);
}

static void challenge(struct shop *shop, const struct souk_hash *agreement,
	const struct souk_signed_unit *unit, const struct souk_ticket *ticket)
{
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	struct souk_content_question question = {
		.grant = shop->customer.grant, .unit = *unit, .ticket = ticket->value};
	struct souk_writer writer;
	body->kind = SOUK_TX_BODY_CHALLENGE;
	body->challenge.agreement = *agreement;
	souk_writer_init(
		&writer, body->challenge.question.data, sizeof body->challenge.question.data);
	souk_content_question_encode(&writer, &question);
	assert_false(writer.full);
	body->challenge.question.size = (uint16_t)writer.size;
	submit(shop, body);
	free(body);
}

static void stands_up_for_its_units(void **state)
{
	(void)state;
	struct souk_agreement_record record;
	struct souk_signed_unit unit;
	struct souk_unit_request last;
	struct souk_account_record before, after;
	struct shop *shop = open_shop(ACCOUNTABLE);
	agree(shop, 3999, SOUK_PEER_AGREEMENT_TERMS);
	assert_int_equal(sim_ledger_account(shop->seller, &shop->seller->identity.address, &before),
		SOUK_OK);
	struct souk_hash id = agree(shop, 4000, SOUK_OK);
	assert_int_equal(sim_ledger_agreement(shop->seller, &id, &record), SOUK_OK);
	open_session(shop);
	for (int i = 0; i < 3; i++)
		buy_accountably(shop, &id, &unit);
	/* The ticket of unit 3 gets lost, and its key is asked for by the ledger. */
	assert_int_equal(
		souk_customer_settle(&shop->customer, &last, sim_now(shop->buyer)), SOUK_OK);
	wait_us(shop, 100000);
	cut_power(shop, 1000);
	challenge(shop, &id, &unit, &last.ticket);
	wait_us(shop, 2 * SECOND);
	assert_int_equal(sim_ledger_agreement(shop->seller, &id, &record), SOUK_OK);
	assert_false(record.challenged || record.convicted);
	/* What it claims comes later than the deposit comes back. */
	wait_us(shop, 60 * SECOND);
	assert_int_equal(sim_ledger_agreement(shop->seller, &id, &record), SOUK_PEER_NO_AGREEMENT);
	assert_int_equal(
		sim_ledger_account(shop->seller, &shop->seller->identity.address, &after), SOUK_OK);
	/* The challenger's bond is its own again only where no answer comes. */
	assert_int_equal(after.balance.ncoin,
		before.balance.ncoin + shop->seller->tally.claimed.ncoin + 4000);
	close_shop(shop);
}

/* ---------------------------------------------------------------- open leaves */

/* The same part of an open leaf is promised to two sellers. CUT_US: power is cut as they watch. */
static void promise_twice(uint64_t cut_us)
{
	struct souk_escrow_record escrow;
	struct shop *shop = open_with_penalty(NULL, 5, 500 * LEAF);
	open_session(shop);
	buy_all(shop, 30);
	shop->leaf.used = SOUK_AMOUNT_ZERO;
	struct sim_node *first = shop->seller;
	shop->seller = shop->other;
	open_session(shop);
	buy_all(shop, 30);
	assert_int_equal(sim_ledger_escrow(shop->buyer, &shop->escrow, &escrow), SOUK_OK);
	assert_int_equal(escrow.penalty.ncoin, 500 * LEAF);
	/* The draw is two seconds after the end of the epoch. */
	sim_world_run_until(shop->world, 22 * SECOND + cut_us);
	if (cut_us > 0) {
		sim_node_kill(first, 50000, true);
		sim_node_kill(shop->other, 50000, true);
	}
	sim_world_run_until(shop->world, 60 * SECOND);
	assert_int_equal(sim_ledger_escrow(shop->buyer, &shop->escrow, &escrow), SOUK_OK);
	assert_int_equal(escrow.penalty.ncoin, 0);
	close_shop(shop);
}

static void reports_double_promises(void **state)
{
	(void)state;
	promise_twice(0);
	for (uint64_t us = 200000; us < 3000000; us += 200000)
		promise_twice(us);
}

static void takes_no_open_leaf_without_a_penalty(void **state)
{
	(void)state;
	struct shop *shop = open_with_penalty(NULL, 5, 1);
	ask(shop);
	assert_int_equal(call(shop, strip_request(shop)), SOUK_PEER_PENALTY_TOO_LOW);
	close_shop(shop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offers_what_it_stocks),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(sells_and_is_paid),
		cmocka_unit_test(answers_wait_for_the_disk),
		cmocka_unit_test(a_strip_that_was_not_durable_is_gone),
		cmocka_unit_test(a_full_disk_stops_the_sale),
		cmocka_unit_test(comes_back_with_what_was_durable),
		cmocka_unit_test(countersigns_one_receipt_of_a_leaf),
		cmocka_unit_test(a_receipt_waits_for_the_commit_that_runs),
		cmocka_unit_test(receipts_survive_cuts),
		cmocka_unit_test(stands_up_for_its_units),
		cmocka_unit_test(reports_double_promises),
		cmocka_unit_test(takes_no_open_leaf_without_a_penalty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
