/* SPDX-License-Identifier: Apache-2.0
 *
 * The auditor alone, told by hand: each violation is reported by the step that makes it one, and
 * not by the steps before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit.h"
#include "audit_internal.h"
#include "disk.h"
#include "souk/base/check.h"
#include "test_ledger_kit.h"

#define COIN  1000000000ull
#define PRIZE 8000ull

/* ---------------------------------------------------------------- the rest of a world */

enum { PROVIDER, CUSTOMER, HUB, GUEST, CHEAT };

static const struct sim_actor provider = {.name = "provider"};
static const struct sim_actor customer = {.name = "customer"};
static const struct sim_actor hub = {.name = "hub"};
static const struct sim_actor reseller = {.name = "reseller"};
static const struct sim_actor cheat = {.name = "customer", .is_greedy = true};

uint32_t sim_node_count(const struct sim_world *world)
{
	return world->node_count;
}

struct sim_node *sim_node_of(struct sim_world *world, const struct souk_address *address)
{
	for (uint32_t i = 0; i < world->node_count; i++) {
		if (souk_address_equal(&world->nodes[i].identity.address, address))
			return &world->nodes[i];
	}
	return NULL;
}

struct sim_audit *sim_world_audit(struct sim_world *world)
{
	return world->audit;
}

void sim_say(struct sim_node *node, const char *format, ...)
{
	(void)node;
	(void)format;
}

uint32_t sim_scenario_population(const struct sim_scenario *scenario, const char *name)
{
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		if (strcmp(scenario->populations[i].name, name) == 0)
			return i;
	}
	return UINT32_MAX;
}

const struct sim_actor *sim_actor_find(const char *name)
{
	return strcmp(name, "provider") == 0 ? &provider : &customer;
}

static void add_population(struct sim_scenario *s, const char *name, const char *actor)
{
	struct sim_population *p = &s->populations[s->population_count++];
	memcpy(p->name, name, strlen(name) + 1);
	memcpy(p->actor, actor, strlen(actor) + 1);
	p->count = 1;
	p->peers = 1;
	p->sessions = 64;
	p->stock_ppm = SIM_PPM_ALL;
}

static void set_market(struct sim_scenario *s)
{
	s->window = 4;
	s->hub_step = 2;
	s->price = 1000;
	s->value_ppm = 1500000;
	s->cost_ppm = 500000;
	s->commit_ms = 50;
	s->disk_us = 5000;
	s->latency_us = 1000;
	s->respond_ms = 1000;
	s->claim_ms = 10000; /* long enough that nothing excuses who does not claim */
	s->epoch_ms = 4000;
	add_population(s, "providers", "provider");
	add_population(s, "customers", "customer");
	add_population(s, "hubs", "hub");
	add_population(s, "guests", "customer");
	s->populations[GUEST].via_hub = 1;
}

static struct kit *market(void)
{
	struct kit *kit = kit_new(1, COIN, set_market);
	static const struct sim_actor *const actors[] = {
		&provider, &customer, &hub, &customer, &cheat};
	for (uint32_t i = 0; i < 5; i++) {
		kit_node(kit, i)->actor = actors[i];
		kit_node(kit, i)->population = (uint16_t)(i < 4 ? i : 1);
		kit_node(kit, i)->is_greedy = actors[i]->is_greedy;
	}
	kit_node(kit, PROVIDER)->disk = sim_disk_new(&kit->world, 1);
	sim_disk_faults(kit_node(kit, PROVIDER)->disk)->latency_us = 5000;
	kit->world.audit = sim_audit_new(&kit->world);
	return kit;
}

static void close_market(struct kit *kit)
{
	sim_audit_free(kit->world.audit);
	sim_disk_free(kit_node(kit, PROVIDER)->disk);
	kit_free(kit);
}

static bool has(const struct kit *kit, enum sim_violation_kind kind)
{
	for (uint32_t i = 0; i < sim_audit_count(kit->world.audit); i++) {
		if (sim_audit_at(kit->world.audit, i)->kind == kind)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------- steps */

/* `node` tells KIND; kinds beyond those of notes are of the test. */
enum { LATER = 100, CHECK, RESTART, END, WRITE };

struct step {
	uint32_t node;
	int kind;
	uint32_t peer;
	uint32_t unit;
	uint64_t amount;
	souk_status status;
	uint8_t session;
};

/* COUNT commits one after the other, of 5 ms each. */
static void write_times(struct sim_node *node, uint64_t count)
{
	struct souk_store store;
	uint64_t us;
	for (uint64_t i = 0; i < count; i++) {
		SOUK_CHECK(sim_disk_begin(node->disk, &store) == SOUK_OK);
		SOUK_CHECK(sim_disk_commit(node->disk, &us) == SOUK_OK);
	}
}

static void take(struct kit *kit, const struct step *step)
{
	struct sim_node *node = kit_node(kit, step->node);
	struct sim_note note = {.kind = (enum sim_note_kind)step->kind,
		.peer = step->peer,
		.session = {{step->session}},
		.unit = step->unit,
		.amount = {step->amount},
		.status = step->status};
	switch (step->kind) {
	case LATER: kit_run(kit, kit->world.now_us + step->amount * 1000); break;
	case CHECK: sim_audit_check(kit->world.audit); break;
	case RESTART: node->incarnation++; break;
	case END: sim_audit_end(kit->world.audit); break;
	case WRITE: write_times(node, step->amount); break;
	default: sim_note(node, &note);
	}
}

#define OPEN_BOTH                                                                                  \
	{.node = PROVIDER, .kind = SIM_NOTE_OPENED, .peer = CUSTOMER, .unit = 16, .amount = 1000}, \
	{                                                                                          \
		.node = CUSTOMER, .kind = SIM_NOTE_OPENED, .peer = PROVIDER, .unit = 16,           \
		.amount = 1000                                                                     \
	}
#define SAY(who, what, number)                                                                     \
	{                                                                                          \
		.node = (who), .kind = SIM_NOTE_##what, .unit = (number)                           \
	}
#define CREDIT(who, number, each)                                                                  \
	{                                                                                          \
		.node = HUB, .kind = SIM_NOTE_CREDIT, .peer = (who), .unit = (number),             \
		.amount = (each)                                                                   \
	}
#define REDEEM(who, ncoin)                                                                         \
	{                                                                                          \
		.node = HUB, .kind = SIM_NOTE_REDEEMED, .peer = (who), .amount = (ncoin),          \
		.session = 9                                                                       \
	}

/* The last step is the violation. */
static const struct {
	const char *about;
	enum sim_violation_kind kind;
	struct step steps[12];
} cases[] = {
	{"a unit beyond the window", SIM_VIOLATION_PROVIDER_LOSS,
		{OPEN_BOTH, SAY(PROVIDER, SERVED, 1), SAY(PROVIDER, SERVED, 4),
			SAY(PROVIDER, SERVED, 5)}},
	{"a unit beyond the window of what is left after a crash", SIM_VIOLATION_PROVIDER_LOSS,
		{OPEN_BOTH, SAY(PROVIDER, SERVED, 4), SAY(CUSTOMER, ISSUED, 4),
			SAY(PROVIDER, ACCEPTED, 4), SAY(PROVIDER, SERVED, 8),
			SAY(PROVIDER, RESTORED, 2), SAY(PROVIDER, SERVED, 6),
			SAY(PROVIDER, SERVED, 7)}},
	{"a unit that could be read and was not paid", SIM_VIOLATION_PROVIDER_LOSS,
		{OPEN_BOTH, SAY(PROVIDER, SERVED, 2), SAY(CUSTOMER, ISSUED, 1),
			SAY(PROVIDER, ACCEPTED, 1), SAY(CUSTOMER, VERIFIED, 1),
			SAY(CUSTOMER, VERIFIED, 2)}},
	{"a ticket beyond the window", SIM_VIOLATION_CUSTOMER_LOSS,
		{SAY(CUSTOMER, ISSUED, 4), SAY(CUSTOMER, VERIFIED, 1), SAY(CUSTOMER, ISSUED, 5),
			SAY(CUSTOMER, ISSUED, 6)}},
	{"a ticket beyond window and step", SIM_VIOLATION_CUSTOMER_LOSS,
		{SAY(GUEST, ISSUED, 6), SAY(GUEST, ISSUED, 7)}},
	{"a ticket that nobody issued", SIM_VIOLATION_CUSTOMER_LOSS,
		{OPEN_BOTH, SAY(PROVIDER, SERVED, 4), SAY(CUSTOMER, ISSUED, 2),
			SAY(PROVIDER, ACCEPTED, 2), SAY(PROVIDER, ACCEPTED, 3)}},
	{"a ticket for what was not sent", SIM_VIOLATION_UNDELIVERED,
		{OPEN_BOTH, SAY(PROVIDER, SERVED, 1), SAY(CUSTOMER, ISSUED, 3),
			SAY(PROVIDER, ACCEPTED, 1), SAY(PROVIDER, ACCEPTED, 2)}},
	{"tickets that were on the disk", SIM_VIOLATION_FORGOTTEN,
		{OPEN_BOTH, SAY(PROVIDER, SERVED, 4), SAY(CUSTOMER, ISSUED, 4),
			SAY(PROVIDER, ACCEPTED, 3), SAY(PROVIDER, DURABLE, 3),
			SAY(PROVIDER, RESTORED, 3), SAY(PROVIDER, RESTORED, 2)}},
	{"tickets that do not get there", SIM_VIOLATION_FORGOTTEN,
		{OPEN_BOTH, SAY(PROVIDER, SERVED, 4), SAY(CUSTOMER, ISSUED, 4),
			SAY(PROVIDER, ACCEPTED, 3), {.kind = LATER, .amount = 50}, {.kind = CHECK},
			{.kind = LATER, .amount = 2}, {.kind = CHECK}}},
	{"tickets that wait for nothing once the disk is free", SIM_VIOLATION_FORGOTTEN,
		{OPEN_BOTH, SAY(PROVIDER, SERVED, 4), SAY(CUSTOMER, ISSUED, 4),
			{.node = PROVIDER, .kind = WRITE, .amount = 4}, SAY(PROVIDER, ACCEPTED, 3),
			{.kind = LATER, .amount = 90}, {.kind = CHECK},
			{.kind = LATER, .amount = 2}, {.kind = CHECK}}},
	{"a session that is not there after a crash", SIM_VIOLATION_FORGOTTEN,
		{OPEN_BOTH, {.node = PROVIDER, .kind = RESTART}, {.kind = CHECK}, {.kind = END}}},
	{"tickets that the hub gave", SIM_VIOLATION_FORGOTTEN,
		{REDEEM(GUEST, 9000), CREDIT(GUEST, 3, 1000), SAY(HUB, ISSUED, 2),
			SAY(HUB, RESTORED, 2), SAY(HUB, RESTORED, 1)}},
	{"a ticket that the hub was not paid for", SIM_VIOLATION_HUB_LOSS,
		{REDEEM(GUEST, 9000), CREDIT(GUEST, 2, 1000), SAY(HUB, ISSUED, 2),
			SAY(HUB, ISSUED, 3)}},
	{"more than the credit", SIM_VIOLATION_HUB_LOSS,
		{REDEEM(GUEST, 3000), CREDIT(GUEST, 3, 1000), CREDIT(GUEST, 4, 1000)}},
	{"a voucher that counts twice", SIM_VIOLATION_HUB_LOSS,
		{REDEEM(GUEST, 3000), REDEEM(GUEST, 3000), REDEEM(CUSTOMER, 3000)}},
	{"an honest provider is blamed", SIM_VIOLATION_BLAMED,
		{{.node = CUSTOMER,
			 .kind = SIM_NOTE_BLAMED,
			 .peer = PROVIDER,
			 .status = SOUK_PEER_SILENT},
			{.node = CUSTOMER,
				.kind = SIM_NOTE_BLAMED,
				.peer = CHEAT,
				.status = SOUK_PEER_BAD_KEY},
			{.node = CHEAT,
				.kind = SIM_NOTE_BLAMED,
				.peer = PROVIDER,
				.status = SOUK_PEER_BAD_KEY},
			{.node = CUSTOMER,
				.kind = SIM_NOTE_BLAMED,
				.peer = PROVIDER,
				.status = SOUK_PEER_BAD_KEY}}},
	{"a download that does not end", SIM_VIOLATION_STUCK,
		{SAY(CUSTOMER, WANTED, 8), SAY(CUSTOMER, DONE, 8), {.kind = END},
			SAY(CUSTOMER, WANTED, 8), {.kind = LATER, .amount = 30000}, {.kind = END},
			{.kind = LATER, .amount = 9000}, {.kind = END}}},
	{"a download that fails although all is well", SIM_VIOLATION_STUCK,
		{{.node = CUSTOMER, .kind = SIM_NOTE_WANTED},
			{.node = CUSTOMER,
				.kind = SIM_NOTE_FAILED,
				.status = SOUK_LOCAL_NO_PROVIDER_LEFT},
			{.kind = LATER, .amount = 5000},
			{.node = CUSTOMER, .kind = SIM_NOTE_WANTED},
			{.node = CUSTOMER,
				.kind = SIM_NOTE_FAILED,
				.status = SOUK_LOCAL_NO_PROVIDER_LEFT}}},
};

static void test_each_fires(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct kit *kit = market();
		size_t count = 0;
		while (count < 12 &&
			(cases[i].steps[count].kind != 0 || cases[i].steps[count].peer != 0 ||
				cases[i].steps[count].unit != 0))
			count++;
		for (size_t j = 0; j + 1 < count; j++) {
			take(kit, &cases[i].steps[j]);
			if (sim_audit_count(kit->world.audit) > 0)
				fail_msg("%s: step %zu: %s", cases[i].about, j,
					sim_audit_at(kit->world.audit, 0)->text);
		}
		take(kit, &cases[i].steps[count - 1]);
		if (!has(kit, cases[i].kind))
			fail_msg("%s: not reported", cases[i].about);
		close_market(kit);
	}
}

/* However often what a scenario expects is seen, what it does not expect is seen too. */
static void test_many_hide_nothing(void **state)
{
	(void)state;
	struct kit *kit = market();
	struct sim_audit *audit = kit->world.audit;
	for (uint32_t node = 0; node < 100; node++)
		sim_audit_violation(audit, SIM_VIOLATION_STUCK, node, 1, 0, "one of many");
	for (int kind = 0; kind < SIM_VIOLATION_KINDS; kind++) {
		sim_audit_violation(
			audit, (enum sim_violation_kind)kind, UINT32_MAX, 1, 0, "the first");
		sim_audit_violation(
			audit, (enum sim_violation_kind)kind, UINT32_MAX - 1, 1, 0, "the next");
		assert_true(has(kit, (enum sim_violation_kind)kind));
	}
	assert_true(sim_audit_count(audit) <= SIM_VIOLATIONS_KEPT);
	close_market(kit);
}

/* What cheats tell is not believed. */
static void test_cheats_are_not_heard(void **state)
{
	(void)state;
	struct kit *kit = market();
	for (int kind = SIM_NOTE_OPENED; kind <= SIM_NOTE_RECEIPT; kind++) {
		struct step step = {.node = CHEAT, .kind = kind, .peer = PROVIDER, .unit = 60};
		if (kind != SIM_NOTE_CREDIT && kind != SIM_NOTE_REDEEMED)
			take(kit, &step);
	}
	assert_int_equal(sim_audit_count(kit->world.audit), 0);
	close_market(kit);
}

/* ---------------------------------------------------------------- faults excuse */

static void add_fault(struct kit *kit, enum sim_fault_kind kind, uint64_t at_ms, uint64_t until_ms,
	uint64_t amount)
{
	struct sim_fault *fault = &kit->scenario.faults[kit->scenario.fault_count++];
	*fault = (struct sim_fault){.kind = kind,
		.at_ms = at_ms,
		.until_ms = until_ms,
		.share_ppm = SIM_PPM_ALL,
		.amount = amount};
	memcpy(fault->population, "providers", 10);
}

static void test_quiet_times(void **state)
{
	(void)state;
	struct kit *kit = market();
	struct sim_audit *audit = kit->world.audit;
	add_fault(kit, SIM_FAULT_CRASH, 1000, 0, 500);
	add_fault(kit, SIM_FAULT_NO_LEDGER, 1400, 3000, 0);
	assert_int_equal(audit_quiet_us(audit, PROVIDER, AUDIT_ALL_FAULTS, 0, 5000000), 1999999);
	assert_int_equal(audit_quiet_us(audit, CUSTOMER, AUDIT_ALL_FAULTS, 0, 5000000), 5000000);
	assert_int_equal(
		audit_quiet_us(audit, PROVIDER, AUDIT_FAULT(CRASH), 900000, 2000000), 499999);
	assert_int_equal(audit_quiet_us(audit, PROVIDER, AUDIT_ALL_FAULTS, 1000000, 3000000), 0);
	assert_int_equal(audit_healed_us(audit), 3000000);
	assert_true(audit_is_struck(audit, PROVIDER, AUDIT_FAULT(CRASH), 1500000, 1600000));
	assert_false(audit_is_struck(audit, PROVIDER, AUDIT_FAULT(CRASH), 1500001, 1600000));
	assert_false(audit_is_struck(audit, PROVIDER, AUDIT_FAULT(POWER), 0, 9000000));
	close_market(kit);
}

static void test_a_lying_disk_excuses(void **state)
{
	(void)state;
	static const struct step steps[] = {OPEN_BOTH, SAY(PROVIDER, SERVED, 4),
		SAY(CUSTOMER, ISSUED, 4), SAY(PROVIDER, ACCEPTED, 3), SAY(PROVIDER, DURABLE, 3),
		SAY(PROVIDER, RESTORED, 2)};
	for (int lies = 0; lies < 2; lies++) {
		struct kit *kit = market();
		if (lies)
			add_fault(kit, SIM_FAULT_DISK_LOSES, 0, 1000, 0);
		for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
			take(kit, &steps[i]);
		assert_int_equal(has(kit, SIM_VIOLATION_FORGOTTEN), !lies);
		close_market(kit);
	}
}

/* ---------------------------------------------------------------- against a real ledger */

/* All units of a leaf of one prize: it always wins. */
struct deal {
	struct kit *kit;
	struct kit_sale sale;
};

static void tell_opened(struct deal *deal, uint32_t node, uint32_t peer)
{
	struct sim_note note = {.kind = SIM_NOTE_OPENED,
		.peer = peer,
		.session = deal->sale.open.strip.nonce,
		.unit = 8,
		.strip = &deal->sale.open};
	sim_note(kit_node(deal->kit, node), &note);
}

static void tell(
	struct deal *deal, uint32_t node, enum sim_note_kind kind, uint32_t unit, uint64_t amount)
{
	struct sim_note note = {.kind = kind,
		.session = deal->sale.open.strip.nonce,
		.unit = unit,
		.amount = {amount}};
	sim_note(kit_node(deal->kit, node), &note);
}

static void sell_by(struct deal *deal, const struct sim_actor *seller, uint32_t issued)
{
	deal->kit = market();
	kit_node(deal->kit, PROVIDER)->actor = seller;
	kit_sell(deal->kit, &deal->sale, CUSTOMER, PROVIDER, 0, PRIZE, 1);
	kit_run(deal->kit, 1000000);
	tell_opened(deal, PROVIDER, CUSTOMER);
	tell_opened(deal, CUSTOMER, PROVIDER);
	for (uint32_t unit = 1; unit <= 8; unit++) {
		tell(deal, PROVIDER, SIM_NOTE_SERVED, unit, 0);
		if (unit <= issued) {
			tell(deal, CUSTOMER, SIM_NOTE_ISSUED, unit, 0);
			tell(deal, PROVIDER, SIM_NOTE_ACCEPTED, unit, 0);
			tell(deal, PROVIDER, SIM_NOTE_DURABLE, unit, 0);
			tell(deal, CUSTOMER, SIM_NOTE_VERIFIED, unit, 0);
		}
	}
	kit_run(deal->kit, 6000000);
}

static void sell(struct deal *deal, uint32_t issued)
{
	sell_by(deal, &provider, issued);
}

static void end(struct deal *deal)
{
	kit_run(deal->kit, deal->kit->world.now_us + 30000000);
	sim_audit_end(deal->kit->world.audit);
}

static void test_a_claim_that_is_paid(void **state)
{
	(void)state;
	struct deal deal;
	sell(&deal, 8);
	kit_claim(deal.kit, &deal.sale, 5);
	kit_run(deal.kit, 8000000);
	assert_int_equal(deal.kit->results[5].status, SOUK_OK);
	tell(&deal, PROVIDER, SIM_NOTE_CLAIMED, 0, PRIZE);
	end(&deal);
	assert_int_equal(sim_audit_count(deal.kit->world.audit), 0);
	close_market(deal.kit);
}

static void test_a_claim_that_is_not_paid(void **state)
{
	(void)state;
	static const struct sim_actor *const sellers[] = {&provider, &reseller};
	for (size_t i = 0; i < 2; i++) {
		struct deal deal;
		sell_by(&deal, sellers[i], 8);
		sim_audit_end(deal.kit->world.audit);
		/* There is time yet. */
		assert_int_equal(sim_audit_count(deal.kit->world.audit), 0);
		end(&deal);
		assert_true(has(deal.kit, SIM_VIOLATION_UNPAID_CLAIM));
		close_market(deal.kit);
	}
}

/* It believes that it was paid; the blocks know nothing of it. */
/* A seller took tickets of an escrow that is on no ledger: nothing would ever be paid. */
static void test_an_escrow_that_nobody_has(void **state)
{
	(void)state;
	struct deal deal;
	deal.kit = market();
	kit_sell(deal.kit, &deal.sale, CUSTOMER, PROVIDER, 0, PRIZE, 1);
	kit_run(deal.kit, 1000000);
	deal.sale.open.strip.escrow.bytes[0] ^= 1;
	tell_opened(&deal, PROVIDER, UINT32_MAX);
	tell(&deal, PROVIDER, SIM_NOTE_SERVED, 1, 0);
	sim_audit_end(deal.kit->world.audit);
	assert_int_equal(sim_audit_count(deal.kit->world.audit), 0);
	tell(&deal, PROVIDER, SIM_NOTE_ACCEPTED, 1, 0);
	sim_audit_end(deal.kit->world.audit);
	assert_true(has(deal.kit, SIM_VIOLATION_UNPAID_CLAIM));
	close_market(deal.kit);
}

static void test_a_claim_that_only_its_owner_knows(void **state)
{
	(void)state;
	struct deal deal;
	sell(&deal, 8);
	tell(&deal, PROVIDER, SIM_NOTE_CLAIMED, 0, PRIZE);
	end(&deal);
	assert_true(has(deal.kit, SIM_VIOLATION_UNPAID_CLAIM));
	close_market(deal.kit);
}

static void test_an_outage_excuses_for_a_claim_window_only(void **state)
{
	(void)state;
	for (uint64_t until_ms = 6500; until_ms <= 15000; until_ms += 8500) {
		struct deal deal;
		sell(&deal, 8);
		add_fault(deal.kit, SIM_FAULT_NO_LEDGER, 4000, until_ms, 0);
		end(&deal);
		assert_int_equal(has(deal.kit, SIM_VIOLATION_UNPAID_CLAIM), until_ms == 6500);
		close_market(deal.kit);
	}
}

static void test_more_than_was_won(void **state)
{
	(void)state;
	struct deal deal;
	sell(&deal, 8);
	tell(&deal, PROVIDER, SIM_NOTE_CLAIMED, 0, PRIZE + 1);
	end(&deal);
	assert_true(has(deal.kit, SIM_VIOLATION_OVERPAID));
	close_market(deal.kit);
}

/* The blocks say that unit 8 was claimed, and the customer that it issued 7 tickets. */
static void test_more_than_was_issued(void **state)
{
	(void)state;
	for (uint32_t issued = 7; issued <= 8; issued++) {
		struct deal deal;
		sell(&deal, issued);
		kit_claim(deal.kit, &deal.sale, 5);
		kit_run(deal.kit, 8000000);
		tell(&deal, PROVIDER, SIM_NOTE_CLAIMED, 0, 0);
		end(&deal);
		assert_int_equal(has(deal.kit, SIM_VIOLATION_OVERPAID), issued == 7);
		close_market(deal.kit);
	}
}

static void test_two_strips_on_one_part(void **state)
{
	(void)state;
	struct deal deal;
	sell(&deal, 4);
	struct kit_sale second = deal.sale;
	second.open.strip.nonce.bytes[0] ^= 1;
	struct sim_note note = {.kind = SIM_NOTE_OPENED,
		.peer = CUSTOMER,
		.session = second.open.strip.nonce,
		.strip = &second.open};
	assert_int_equal(sim_audit_count(deal.kit->world.audit), 0);
	sim_note(kit_node(deal.kit, PROVIDER), &note);
	assert_true(has(deal.kit, SIM_VIOLATION_PROVIDER_LOSS));
	close_market(deal.kit);
}

/* A record that no rule wrote. */
static void test_money_out_of_nothing(void **state)
{
	(void)state;
	struct kit *kit = market();
	const struct souk_ledger *ledger = sim_ledger_state(kit->world.ledger);
	struct souk_account_record record;
	uint8_t bytes[64];
	struct souk_writer writer;
	assert_int_equal(
		souk_ledger_get_account(&record, ledger, &kit_node(kit, 0)->identity.address),
		SOUK_OK);
	record.balance.ncoin++;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_account_record_encode(&writer, &record);
	struct souk_ledger_key key = souk_ledger_key_account(&kit_node(kit, 0)->identity.address);
	sim_audit_end(kit->world.audit);
	assert_int_equal(sim_audit_count(kit->world.audit), 0);
	assert_int_equal(souk_store_put(&ledger->store, souk_ledger_key_bytes(&key),
				 souk_bytes_of(bytes, writer.size)),
		SOUK_OK);
	sim_audit_end(kit->world.audit);
	assert_true(has(kit, SIM_VIOLATION_SUPPLY));
	close_market(kit);
}

/* What each has, whatever form it is in. */
static void test_profit(void **state)
{
	(void)state;
	struct deal deal;
	sell(&deal, 8);
	struct sim_audit *audit = deal.kit->world.audit;
	assert_int_equal(sim_audit_profit(audit, kit_node(deal.kit, CUSTOMER)), 0);
	assert_int_equal(sim_audit_profit(audit, kit_node(deal.kit, PROVIDER)), 0);
	kit_claim(deal.kit, &deal.sale, 5);
	kit_run(deal.kit, 8000000);
	kit_node(deal.kit, CUSTOMER)->tally.units_had = 8;
	kit_node(deal.kit, PROVIDER)->tally.units_served = 8;
	assert_int_equal(sim_audit_profit(audit, kit_node(deal.kit, CUSTOMER)), 12000 - 8000);
	assert_int_equal(sim_audit_profit(audit, kit_node(deal.kit, PROVIDER)), 8000 - 4000);
	struct step redeem = REDEEM(GUEST, 3000), spend = CREDIT(GUEST, 2, 1000);
	take(deal.kit, &redeem);
	take(deal.kit, &spend);
	kit_run(deal.kit, 9000000);
	assert_int_equal(sim_audit_profit(audit, kit_node(deal.kit, GUEST)), -2000);
	assert_int_equal(sim_audit_profit(audit, kit_node(deal.kit, HUB)), 2000);
	close_market(deal.kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_fires),
		cmocka_unit_test(test_many_hide_nothing),
		cmocka_unit_test(test_cheats_are_not_heard),
		cmocka_unit_test(test_quiet_times),
		cmocka_unit_test(test_a_lying_disk_excuses),
		cmocka_unit_test(test_a_claim_that_is_paid),
		cmocka_unit_test(test_a_claim_that_is_not_paid),
		cmocka_unit_test(test_an_escrow_that_nobody_has),
		cmocka_unit_test(test_a_claim_that_only_its_owner_knows),
		cmocka_unit_test(test_an_outage_excuses_for_a_claim_window_only),
		cmocka_unit_test(test_more_than_was_won),
		cmocka_unit_test(test_more_than_was_issued),
		cmocka_unit_test(test_two_strips_on_one_part),
		cmocka_unit_test(test_money_out_of_nothing),
		cmocka_unit_test(test_profit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
