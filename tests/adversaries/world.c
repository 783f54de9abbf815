/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void require(bool condition, const char *file, int line, const char *text)
{
	if (condition)
		return;
	fprintf(stderr, "%s:%d: the harness needs %s\n", file, line, text);
	abort();
}

/* ---- the ledger ---- */

static struct souk_genesis genesis_of(const struct world *world, const char *name)
{
	struct souk_genesis genesis = {
		.version = 1,
		.created = {1000000},
		.operator= world->parties[OPERATOR].address,
		.epoch_ms = EPOCH_MS,
		.draw_delay_ms = DRAW_MS,
		.claim_ms = CLAIM_MS,
		.unlock_ms = UNLOCK_MS,
		.unbond_ms = 60000,
		.notice_ms = 1000,
		.faucet_max = {1u << 30},
		.beacon_anchor = world->beacons.anchor,
		.beacon_count = BEACONS,
	};
	REQUIRE(souk_text_set(&genesis.name, name) == SOUK_OK);
	return genesis;
}

struct world *world_new_named(uint64_t seed, const char *name)
{
	struct world *world = calloc(1, sizeof *world);
	struct souk_nonce zero = {{0}};
	struct souk_hash secret;
	REQUIRE(world != NULL);
	world->seed = seed;
	souk_rng_init(&world->rng, seed);
	souk_rng_fill(&world->rng, &secret, sizeof secret);
	souk_chain_init(&world->beacons, souk_chain_tag_beacon, &zero, BEACONS, &secret);
	for (uint32_t i = 0; i < PARTIES; i++)
		kit_identity(&world->parties[i], seed * 1000 + i);
	kit_identity(&world->issuer, seed * 1000 + PARTIES);
	struct souk_genesis genesis = genesis_of(world, name);
	struct souk_store store = test_store_port(&world->records);
	REQUIRE(souk_ledger_genesis(&world->ledger, &store, &genesis) == SOUK_OK);
	world->now = genesis.created;
	REQUIRE(souk_ledger_begin(&world->ledger, world->now) == SOUK_OK);
	return world;
}

struct world *world_new(uint64_t seed)
{
	return world_new_named(seed, "adversaries");
}

void world_free(struct world *world)
{
	struct souk_signed_block_header header;
	/* Money was neither made nor lost, whatever was tried. */
	REQUIRE(souk_ledger_seal(&world->ledger, &world->parties[OPERATOR], &header) == SOUK_OK);
	REQUIRE(souk_ledger_audit(&world->ledger) == SOUK_OK);
	test_store_done(&world->records);
	free(world);
}

souk_status world_send_as(
	struct world *world, const struct souk_identity *signer, const struct souk_tx_body *body)
{
	static struct souk_signed_tx signed_tx;
	static struct souk_tx tx;
	struct souk_account_record account = {.nonce = 0};
	souk_status status = souk_ledger_get_account(&account, &world->ledger, &signer->address);
	REQUIRE(status == SOUK_OK || status == SOUK_PEER_NO_ACCOUNT);
	tx = (struct souk_tx){.ledger = world->ledger.record.ledger, .nonce = account.nonce};
	tx.body = *body;
	souk_tx_sign(&signed_tx, &tx, signer);
	status = souk_ledger_apply(&world->ledger, &signed_tx, &world->receipt);
	if (status != SOUK_OK)
		world->receipt.amount = SOUK_AMOUNT_ZERO;
	return status;
}

souk_status world_send(struct world *world, enum party from, const struct souk_tx_body *body)
{
	return world_send_as(world, &world->parties[from], body);
}

void world_fund(struct world *world, enum party who, uint64_t units)
{
	struct souk_tx_body body = {
		.kind = SOUK_TX_BODY_FAUCET, .faucet = {.amount = {units * PRICE}}};
	REQUIRE(world_send(world, who, &body) == SOUK_OK);
}

int64_t world_balance_ncoin(const struct world *world, enum party who)
{
	struct souk_account_record account;
	souk_status status =
		souk_ledger_get_account(&account, &world->ledger, &world->parties[who].address);
	return status == SOUK_OK ? (int64_t)account.balance.ncoin : 0;
}

int64_t world_balance(const struct world *world, enum party who)
{
	return world_balance_ncoin(world, who) / PRICE;
}

void world_advance(struct world *world, uint64_t ms)
{
	struct souk_signed_block_header header;
	REQUIRE(souk_ledger_seal(&world->ledger, &world->parties[OPERATOR], &header) == SOUK_OK);
	world->now = souk_time_plus_ms(world->now, ms);
	REQUIRE(souk_ledger_begin(&world->ledger, world->now) == SOUK_OK);
}

void world_end_epoch(struct world *world)
{
	struct souk_epoch_record epoch;
	REQUIRE(souk_ledger_get_epoch(&epoch, &world->ledger, world->ledger.record.epoch) ==
		SOUK_OK);
	world_advance(world, souk_time_since_ms(world->now, epoch.end));
}

struct souk_hash world_beacon(struct world *world, uint64_t epoch)
{
	return souk_chain_value(&world->beacons, (uint32_t)epoch + 1);
}

souk_status world_draw(struct world *world, uint64_t epoch, const struct souk_hash *beacon)
{
	struct souk_tx_body body = {
		.kind = SOUK_TX_BODY_DRAW, .draw = {.epoch = epoch, .beacon = *beacon}};
	return world_send(world, OPERATOR, &body);
}

struct souk_hash world_finish_epoch(struct world *world)
{
	uint64_t epoch = world->ledger.record.epoch;
	struct souk_hash beacon = world_beacon(world, epoch);
	world_end_epoch(world);
	world_advance(world, DRAW_MS);
	REQUIRE(world_draw(world, epoch, &beacon) == SOUK_OK);
	return beacon;
}

/* ---- the payer ---- */

struct souk_hash world_open_escrow(
	struct world *world, uint8_t salt, uint64_t line, uint64_t deposit)
{
	struct souk_nonce nonce = {{salt}};
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_OPEN,
		.escrow_open = {.salt = nonce,
			.line = {line * PRICE},
			.prize = {PRIZE},
			.deposit = {deposit * PRICE}}};
	world_fund(world, PAYER, deposit);
	REQUIRE(world_send(world, PAYER, &body) == SOUK_OK);
	return souk_escrow_id(&world->ledger.record.ledger, &world->parties[PAYER].address, &nonce);
}

void line_init(struct line *line, struct world *world, const struct souk_hash *escrow,
	uint32_t first, uint32_t count, uint64_t units)
{
	REQUIRE(count >= 1 && first + count <= SHARES);
	*line = (struct line){.world = world,
		.escrow = *escrow,
		.epoch = world->ledger.record.epoch,
		.count = count,
		.issuer = &world->issuer};
	for (uint32_t i = 0; i < count; i++) {
		line->leaves[i] = (struct souk_allotment_leaf){
			.provider = world->parties[PROVIDER + first + i].address,
			.issuer = line->issuer->address,
			.amount = {units * PRICE}};
		line->free[i] = (struct souk_payer_leaf){.escrow = *escrow,
			.epoch = line->epoch,
			.index = i,
			.amount = line->leaves[i].amount};
	}
}

struct souk_allotment_record line_record(const struct line *line)
{
	struct souk_sum_node root, nodes[SHARES];
	REQUIRE(souk_allotment_commit(&root, line->leaves, line->count, nodes) == SOUK_OK);
	return (struct souk_allotment_record){.root = root.hash, .total = root.sum};
}

souk_status line_allot(struct line *line)
{
	struct souk_allotment_record record = line_record(line);
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ALLOT,
		.allot = {.escrow = line->escrow,
			.epoch = line->epoch,
			.segment = line->segment,
			.root = record.root,
			.total = record.total}};
	return world_send(line->world, PAYER, &body);
}

void line_complete(const struct line *line, uint32_t index, struct souk_strip_open *open)
{
	struct souk_sum_node nodes[SHARES];
	REQUIRE(souk_allotment_prove(open, line->leaves, line->count, index, nodes) == SOUK_OK);
	REQUIRE(souk_strip_sign_batch(&open, 1, line->issuer) == SOUK_OK);
}

void line_open(struct line *line, struct world *world, uint32_t count, uint64_t units)
{
	struct souk_hash escrow = world_open_escrow(world, 1, count * units, count * units);
	line_init(line, world, &escrow, 0, count, units);
	REQUIRE(line_allot(line) == SOUK_OK);
}
