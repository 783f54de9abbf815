/* SPDX-License-Identifier: Apache-2.0
 *
 * A simulated hub: vouchers by hand; then whole sales with a fault at every moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor_hub.h"
#include "ledger.h"
#include "souk/base/check.h"
#include "world.h"

#define SECOND UINT64_C(1000000)

static const char market[] = "[market]\nseed = 11\nduration = 12s\ncontents = 3\nunits-max = 40\n"
			     "[population shops]\nactor = provider\ncount = 2\nsessions = 8\n"
			     "[population hubs]\nactor = hub\n"
			     "[population buyers]\nactor = customer\ncount = 2\ndownloads = 2\n"
			     "pause = 1s\npeers = 2\nvia-hub = 1\n";

static struct sim_scenario *make_scenario(void)
{
	char error[SIM_ERROR_SIZE];
	struct sim_scenario *scenario = sim_alloc(sizeof *scenario);
	assert_int_equal(
		sim_scenario_parse(scenario, "hub", market, sizeof market - 1, error), SOUK_OK);
	return scenario;
}

static void set(struct sim_scenario *scenario, const char *assignment)
{
	char error[SIM_ERROR_SIZE];
	assert_int_equal(sim_scenario_set(scenario, assignment, error), SOUK_OK);
}

/* ---------------------------------------------------------------- by hand */

struct hand {
	bool has_answer;
	souk_status status;
	struct souk_signed_hub_statement statement;
};

static void take(struct sim_node *node, const struct sim_message *message)
{
	struct hand *hand = node->state;
	if (message->kind != SIM_HUB_REDEEM_REPLY)
		return;
	hand->has_answer = true;
	hand->status = message->status;
	if (message->status == SOUK_OK)
		assert_int_equal(souk_signed_hub_statement_decode(
					 &hand->statement, sim_message_bytes(message), NULL),
			SOUK_OK);
}

static void begin(struct sim_node *node)
{
	(void)node;
}

static const struct sim_actor hand_actor = {.name = "customer", .start = begin, .message = take};

/* NODE is ours to lead from now on. */
static void lead(struct sim_node *node, struct hand *hand)
{
	node->actor->crash(node);
	node->actor->done(node);
	node->actor = &hand_actor;
	node->state = hand;
	node->is_greedy = true;
}

static souk_status redeem(
	struct sim_node *node, const struct sim_node *hub, const struct souk_nonce *voucher)
{
	struct hand *hand = node->state;
	struct souk_signed_hub_redeem redeem = {.redeem = {.version = SOUK_HUB_VERSION,
							.hub = hub->identity.address,
							.account = node->identity.address,
							.voucher = *voucher}};
	struct souk_writer writer;
	souk_hub_redeem_sign(&redeem, &node->identity);
	struct sim_message *message = sim_message_with(
		node->world, SIM_HUB_REDEEM, hub->id, SOUK_SIGNED_HUB_REDEEM_SIZE_MAX);
	souk_writer_init(&writer, message->bytes, message->size);
	souk_signed_hub_redeem_encode(&writer, &redeem);
	message->size = (uint32_t)writer.size;
	hand->has_answer = false;
	sim_send(node, message);
	sim_world_run_until(node->world, sim_time_us(node->world) + SECOND);
	return hand->has_answer ? hand->status : SOUK_IO_TIMEOUT;
}

static void a_voucher_is_credit_once(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE];
	struct hand hands[2] = {0};
	struct sim_world *world;
	struct sim_scenario *scenario = make_scenario();
	assert_int_equal(sim_world_new(&world, scenario, NULL, error), SOUK_OK);
	sim_world_run_until(world, SECOND);
	struct sim_node *hub = sim_node_at(world, 2);
	struct sim_node *first = sim_node_at(world, 3), *second = sim_node_at(world, 4);
	lead(first, &hands[0]);
	lead(second, &hands[1]);
	/* What these two redeemed while they were customers. */
	struct souk_nonce voucher = sim_hub_voucher(hub, first), forged = voucher;
	uint64_t credit = sim_hub_credit(hub, first).ncoin;
	forged.bytes[0] ^= 1;
	assert_int_equal(redeem(first, hub, &forged), SOUK_PEER_HUB_VOUCHER);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(redeem(first, hub, &voucher), SOUK_OK);
		assert_int_equal(hands[0].statement.statement.credit.ncoin, credit);
		sim_node_kill(hub, i == 0 ? 1000 : 2000, i == 1);
		sim_world_run_until(world, sim_time_us(world) + SECOND);
	}
	assert_int_equal(redeem(second, hub, &voucher), SOUK_PEER_HUB_VOUCHER);
	assert_int_equal(sim_audit_count(world->audit), 0);
	first->actor = second->actor = &hand_actor;
	sim_world_free(world);
	free(scenario);
}

/* ---------------------------------------------------------------- whole sales */

static void run(struct sim_scenario *scenario, const char *what, struct sim_report *report)
{
	char error[SIM_ERROR_SIZE];
	struct sim_run_options options = {0};
	assert_int_equal(sim_run(report, scenario, &options, error), SOUK_OK);
	for (uint32_t i = 0; i < report->violation_count; i++)
		print_message("%s: %s\n", what, report->violations[i].text);
	assert_int_equal(report->violation_count, 0);
}

static void run_with(const char *kind, uint64_t at_ms, uint64_t for_ms, uint64_t amount)
{
	struct sim_scenario *scenario = make_scenario();
	struct sim_report *report = sim_alloc(sizeof *report);
	struct sim_fault *fault = &scenario->faults[scenario->fault_count++];
	char what[64];
	snprintf(what, sizeof what, "%s at %u ms", kind, (unsigned)at_ms);
	snprintf(fault->name, sizeof fault->name, "fault");
	snprintf(fault->population, sizeof fault->population, "hubs");
	for (int i = 0; i < SIM_FAULT_KINDS; i++) {
		if (strcmp(sim_fault_names[i], kind) == 0)
			fault->kind = (enum sim_fault_kind)i;
	}
	fault->at_ms = at_ms;
	fault->until_ms = for_ms > 0 ? at_ms + for_ms : 0;
	fault->share_ppm = SIM_PPM_ALL;
	fault->amount = amount;
	run(scenario, what, report);
	assert_int_equal(report->populations[2].tally.downloads_done, 4);
	free(report);
	free(scenario);
}

static void power_cuts_at_every_moment(void **state)
{
	(void)state;
	for (uint64_t ms = 100; ms < 10000; ms += 137)
		run_with("power", ms, 0, 200);
}

static void kills_at_every_moment(void **state)
{
	(void)state;
	for (uint64_t ms = 150; ms < 10000; ms += 337)
		run_with("crash", ms, 0, 100);
}

static void disk_faults_at_every_moment(void **state)
{
	(void)state;
	for (uint64_t ms = 150; ms < 10000; ms += 937) {
		run_with("disk-full", ms, 1000, 0);
		run_with("disk-fails", ms, 1000, 0);
		run_with("disk-slow", ms, 1000, 300);
	}
}

/* No number of providers uses up a hub's line: each has its leaf within one epoch. */
static void every_provider_gets_a_leaf(void **state)
{
	(void)state;
	char error[SIM_ERROR_SIZE];
	struct sim_world *world;
	struct sim_scenario *scenario = make_scenario();
	set(scenario, "epoch=100s");
	set(scenario, "duration=60s");
	set(scenario, "contents=40");
	set(scenario, "shops.count=60");
	set(scenario, "buyers.count=12");
	set(scenario, "buyers.downloads=12");
	set(scenario, "buyers.peers=8");
	assert_int_equal(sim_world_new(&world, scenario, NULL, error), SOUK_OK);
	sim_world_run_until(world, 90 * SECOND);
	uint32_t served = 0;
	for (uint32_t id = 0; id < 60; id++)
		served += sim_node_at(world, id)->tally.sessions > 0;
	assert_int_equal(served, 60);
	sim_world_free(world);
	free(scenario);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_voucher_is_credit_once),
		cmocka_unit_test(power_cuts_at_every_moment),
		cmocka_unit_test(kills_at_every_moment),
		cmocka_unit_test(disk_faults_at_every_moment),
		cmocka_unit_test(every_provider_gets_a_leaf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
