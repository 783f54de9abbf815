/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ledger_kit.h - a world without a network, for tests of the ledger: nodes that do what the
 * test says and note what they are told. */
#ifndef SOUK_SIM_TEST_LEDGER_KIT_H
#define SOUK_SIM_TEST_LEDGER_KIT_H

#include "ledger.h"
#include "scenario.h"
#include "souk/payment/payer.h"
#include "world.h"

#define KIT_NODES  16u
#define KIT_TOKENS 512u

struct kit_result {
	uint32_t count; /* how often it was told */
	souk_status status;
	uint64_t amount;
	uint64_t us;
	uint64_t depth; /* of blocks, when it was told */
};

struct kit {
	struct sim_world world;
	struct sim_scenario scenario;
	struct kit_result results[KIT_TOKENS];
	uint64_t told; /* in all */
	struct souk_tx_body body;
};

/* Nodes 0 to KIT_NODES - 1 with FUNDS each, settled. All defaults, but for what SET says. */
struct kit *kit_new(uint64_t seed, uint64_t funds, void (*set)(struct sim_scenario *scenario));
void kit_free(struct kit *kit);
struct sim_node *kit_node(struct kit *kit, uint32_t id);
/* Everything that is due up to then. */
void kit_run(struct kit *kit, uint64_t until_us);
/* Until nothing waits; for at most a simulated minute. */
void kit_quiet(struct kit *kit);
/* What became of each transaction: the state of all, as the auditor reads it. */
uint64_t kit_balance(struct kit *kit, uint32_t id);
uint64_t kit_height(const struct kit *kit);

void kit_transfer(struct kit *kit, uint32_t from, uint32_t to, uint64_t ncoin, uint64_t token);

/* Node FROM's escrow of one prize, all of it allotted to TO in EPOCH: a claim always wins it. */
struct kit_sale {
	uint32_t from, to;
	uint64_t epoch, prize;
	struct souk_hash escrow;
	struct souk_allotment_leaf leaf;
	struct souk_payer_strip payer;
	struct souk_chain keys;
	struct souk_strip_open open;
};
/* Two transactions: TOKEN and TOKEN + 1. */
void kit_sell(struct kit *kit, struct kit_sale *ret, uint32_t from, uint32_t to, uint64_t epoch,
	uint64_t prize, uint64_t token);
void kit_claim(struct kit *kit, struct kit_sale *sale, uint64_t token);

#endif
