/* SPDX-License-Identifier: Apache-2.0 */
#include "test_ledger_kit.h"

#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/payment/allotment.h"
#include "souk/payment/claim.h"
#include "souk/payment/escrow.h"
#include "task.h"

#define UNITS 8u

/* No task is judged here; its own file would bring its actors along. */
const struct souk_judge sim_task_judge = {.service = SIM_SERVICE_TASK};

/* ---- what the ledger needs of a world ---- */

void *sim_alloc(size_t size)
{
	void *memory = calloc(1, size);
	SOUK_CHECK(memory != NULL);
	return memory;
}

uint64_t sim_time_us(const struct sim_world *world)
{
	return world->now_us;
}

struct sim_node *sim_node_at(struct sim_world *world, uint32_t id)
{
	return &world->nodes[id];
}

struct sim_ledger *sim_world_ledger(struct sim_world *world)
{
	return world->ledger;
}

const struct sim_scenario *sim_world_scenario(const struct sim_world *world)
{
	return world->scenario;
}

bool sim_net_reaches_ledger(const struct sim_node *node)
{
	return node->cut == 0;
}

void sim_mix(struct sim_world *world, uint64_t word)
{
	world->trace = (world->trace ^ word) * 0x9e3779b97f4a7c15u;
	world->trace ^= world->trace >> 29;
}

/* ---- nodes ---- */

static struct kit *kit_of(struct sim_world *world)
{
	return (struct kit *)(void *)((uint8_t *)world - offsetof(struct kit, world));
}

static void note_result(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	struct kit *kit = kit_of(node->world);
	struct kit_result *result = &kit->results[token];
	SOUK_CHECK(token < KIT_TOKENS);
	result->count++;
	result->status = status;
	result->amount = amount.ncoin;
	result->us = kit->world.now_us;
	result->depth = kit_height(kit);
	kit->told++;
}

static const struct sim_actor actor = {.name = "tester", .ledger = note_result};

static void make_node(struct kit *kit, uint32_t id, uint64_t funds)
{
	struct sim_node *node = kit_node(kit, id);
	struct souk_seckey seckey = {{(uint8_t)(id + 1), 7}};
	*node = (struct sim_node){.world = &kit->world, .id = id, .is_up = true, .actor = &actor};
	node->link.latency_us = 1000 + 100 * id;
	SOUK_CHECK(souk_identity_of(&node->identity, &seckey) == SOUK_OK);
	sim_ledger_fund(node, souk_amount_of_ncoin(funds));
}

/* No default of scenario.c is needed here, and so none can break what is tested. */
static void set_scenario(struct sim_scenario *scenario, uint64_t seed)
{
	scenario->seed = seed;
	scenario->duration_ms = 60000;
	scenario->epoch_ms = 2000;
	scenario->draw_delay_ms = 500;
	scenario->claim_ms = 4000;
	scenario->unlock_ms = 1000;
	scenario->block_ms = 100;
	scenario->block_txs = 4096;
	scenario->confirmations = 1;
}

struct kit *kit_new(uint64_t seed, uint64_t funds, void (*set)(struct sim_scenario *scenario))
{
	struct kit *kit = sim_alloc(sizeof *kit);
	set_scenario(&kit->scenario, seed);
	if (set != NULL)
		set(&kit->scenario);
	kit->world.scenario = &kit->scenario;
	kit->world.nodes = sim_alloc(KIT_NODES * sizeof *kit->world.nodes);
	kit->world.node_count = KIT_NODES;
	kit->world.ledger = sim_ledger_new(&kit->world);
	for (uint32_t id = 0; id < KIT_NODES; id++)
		make_node(kit, id, funds);
	sim_ledger_settle(kit->world.ledger);
	return kit;
}

void kit_free(struct kit *kit)
{
	sim_ledger_free(kit->world.ledger);
	free(kit->world.nodes);
	free(kit);
}

struct sim_node *kit_node(struct kit *kit, uint32_t id)
{
	SOUK_CHECK(id < KIT_NODES);
	return &kit->world.nodes[id];
}

void kit_run(struct kit *kit, uint64_t until_us)
{
	uint64_t due;
	while ((due = sim_ledger_due(kit->world.ledger)) <= until_us) {
		if (due > kit->world.now_us)
			kit->world.now_us = due;
		sim_ledger_step(kit->world.ledger);
	}
	kit->world.now_us = until_us;
}

void kit_quiet(struct kit *kit)
{
	for (uint32_t i = 0; i < 6000 && !sim_ledger_is_quiet(kit->world.ledger); i++)
		kit_run(kit, kit->world.now_us + 10000);
}

uint64_t kit_balance(struct kit *kit, uint32_t id)
{
	struct souk_account_record account = {.nonce = 0};
	souk_status status = souk_ledger_get_account(&account, sim_ledger_state(kit->world.ledger),
		&kit_node(kit, id)->identity.address);
	SOUK_CHECK(status == SOUK_OK || status == SOUK_PEER_NO_ACCOUNT);
	return account.balance.ncoin;
}

uint64_t kit_height(const struct kit *kit)
{
	return sim_ledger_state(kit->world.ledger)->record.height;
}

/* ---- transactions ---- */

void kit_transfer(struct kit *kit, uint32_t from, uint32_t to, uint64_t ncoin, uint64_t token)
{
	kit->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_TRANSFER};
	kit->body.transfer.to = kit_node(kit, to)->identity.address;
	kit->body.transfer.amount = souk_amount_of_ncoin(ncoin);
	sim_ledger_submit(kit_node(kit, from), &kit->body, token);
}

static void submit_open(
	struct kit *kit, const struct kit_sale *sale, const struct souk_nonce *salt, uint64_t token)
{
	struct souk_amount prize = souk_amount_of_ncoin(sale->prize);
	kit->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ESCROW_OPEN,
		.escrow_open = {.salt = *salt, .line = prize, .prize = prize, .deposit = prize}};
	sim_ledger_submit(kit_node(kit, sale->from), &kit->body, token);
}

static void submit_allot(struct kit *kit, const struct kit_sale *sale, uint64_t token)
{
	struct souk_sum_node nodes[2], root;
	SOUK_CHECK(souk_allotment_commit(&root, &sale->leaf, 1, nodes) == SOUK_OK);
	kit->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ALLOT,
		.allot = {.escrow = sale->escrow,
			.epoch = sale->epoch,
			.root = root.hash,
			.total = root.sum}};
	sim_ledger_submit(kit_node(kit, sale->from), &kit->body, token);
}

static void make_strip(struct kit *kit, struct kit_sale *sale)
{
	const struct souk_identity *buyer = &kit_node(kit, sale->from)->identity;
	struct souk_sum_node nodes[2];
	struct souk_strip terms = {.version = SOUK_STRIP_VERSION,
		.payee = sale->leaf.provider,
		.count = UNITS,
		.price = {sale->prize / UNITS},
		.customer = buyer->pubkey,
		.expires = SOUK_TIME_NEVER};
	struct souk_payer_leaf leaf = {
		.escrow = sale->escrow, .epoch = sale->epoch, .amount = sale->leaf.amount};
	struct souk_hash tickets = {{1}}, keys = {{2}};
	struct souk_strip_open *opens[] = {&sale->open};
	souk_chain_init(&sale->keys, souk_chain_tag_key, &terms.nonce, UNITS, &keys);
	terms.key_anchor = sale->keys.anchor;
	SOUK_CHECK(souk_payer_strip_open(&sale->payer, &leaf, &terms, 0, &tickets, &sale->open) ==
		   SOUK_OK);
	sale->open.strip = sale->payer.strip;
	SOUK_CHECK(souk_allotment_prove(&sale->open, &sale->leaf, 1, 0, nodes) == SOUK_OK);
	SOUK_CHECK(souk_strip_sign_batch(opens, 1, buyer) == SOUK_OK);
}

void kit_sell(struct kit *kit, struct kit_sale *ret, uint32_t from, uint32_t to, uint64_t epoch,
	uint64_t prize, uint64_t token)
{
	const struct souk_identity *buyer = &kit_node(kit, from)->identity;
	const struct souk_hash *ledger = &sim_ledger_state(kit->world.ledger)->record.ledger;
	struct souk_nonce salt = {{(uint8_t)token, (uint8_t)(token >> 8)}};
	memset(ret, 0, sizeof *ret);
	ret->from = from;
	ret->to = to;
	ret->epoch = epoch;
	ret->prize = prize;
	ret->escrow = souk_escrow_id(ledger, &buyer->address, &salt);
	ret->leaf.provider = kit_node(kit, to)->identity.address;
	ret->leaf.issuer = buyer->address;
	ret->leaf.amount = souk_amount_of_ncoin(prize);
	submit_open(kit, ret, &salt, token);
	submit_allot(kit, ret, token + 1);
	make_strip(kit, ret);
}

void kit_claim(struct kit *kit, struct kit_sale *sale, uint64_t token)
{
	struct souk_hash value = souk_chain_value(&sale->payer.chain, UNITS);
	kit->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CLAIM};
	SOUK_CHECK(souk_claim_build(&kit->body.claim.claim, &sale->open, UNITS, &value,
			   &sale->keys) == SOUK_OK);
	sim_ledger_submit(kit_node(kit, sale->to), &kit->body, token);
}
