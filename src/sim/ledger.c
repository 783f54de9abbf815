/* SPDX-License-Identifier: Apache-2.0
 *
 * The modelled sequencer: when a block is made, and what it holds. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "ledger_internal.h"
#include "scenario.h"
#include "souk/base/check.h"

/* Beacons beyond what the scenario lasts: allotments may stand for longer, and who reads of a
 * standing allotment that is refused for want of beacons would learn when the world ends. */
#define BEACONS_MORE 4096u
/* Of the faucet's coins: far above what any market has, far below what overflows. */
#define FAUCET_MAX (UINT64_MAX / 4)

/* ---- genesis ---- */

static uint32_t beacon_count(const struct sim_scenario *scenario)
{
	/* An unset settling time is a few periods of the ledger, less than what is added. */
	uint64_t ms = scenario->duration_ms + scenario->settle_ms;
	uint64_t count = ms / scenario->epoch_ms + BEACONS_MORE;
	return count > SOUK_CHAIN_LENGTH_MAX ? SOUK_CHAIN_LENGTH_MAX : (uint32_t)count;
}

static struct souk_genesis genesis_of(const struct sim_scenario *scenario)
{
	struct souk_genesis genesis = {
		.version = SOUK_GENESIS_VERSION,
		.created = souk_time_at_ms(SIM_EPOCH_MS),
		.epoch_ms = scenario->epoch_ms,
		.draw_delay_ms = scenario->draw_delay_ms,
		.claim_ms = scenario->claim_ms,
		.unlock_ms = scenario->unlock_ms,
		.unbond_ms = scenario->unlock_ms,
		.deposit_min = souk_amount_of_ncoin(scenario->deposit_min),
		.faucet_max = souk_amount_of_ncoin(FAUCET_MAX),
		.beacon_count = beacon_count(scenario),
	};
	SOUK_CHECK(souk_text_set(&genesis.name, "simulation") == SOUK_OK);
	return genesis;
}

souk_status sim_ledger_check(const struct sim_scenario *scenario)
{
	struct souk_genesis genesis = genesis_of(scenario);
	memset(genesis.operator.bytes, 1, sizeof genesis.operator.bytes);
	return souk_genesis_check(&genesis);
}

/* What this file needs of randomness, by PURPOSE. */
static struct souk_hash derive(const struct sim_scenario *scenario, const char *purpose)
{
	uint8_t seed[8];
	souk_store_be64(seed, scenario->seed);
	return souk_sha256_domain(purpose, souk_bytes_of(seed, sizeof seed));
}

static void make_operator(struct sim_ledger *ledger, const struct sim_scenario *scenario)
{
	struct souk_hash secret = derive(scenario, "sim-operator");
	struct souk_seckey seckey;
	memcpy(seckey.bytes, secret.bytes, sizeof seckey.bytes);
	SOUK_CHECK(souk_identity_of(&ledger->operator_identity, &seckey) == SOUK_OK);
}

struct sim_ledger *sim_ledger_new(struct sim_world *world)
{
	static const struct souk_nonce zero;
	const struct sim_scenario *scenario = sim_world_scenario(world);
	struct sim_ledger *ledger = sim_alloc(sizeof *ledger);
	struct souk_genesis genesis = genesis_of(scenario);
	struct souk_hash last = derive(scenario, "sim-beacons");
	struct souk_hash forks = derive(scenario, "sim-forks");
	ledger->world = world;
	make_operator(ledger, scenario);
	souk_chain_init(
		&ledger->beacons, souk_chain_tag_beacon, &zero, genesis.beacon_count, &last);
	genesis.operator= ledger->operator_identity.address;
	genesis.beacon_anchor = ledger->beacons.anchor;
	souk_rng_init(&ledger->rng, souk_load_be64(forks.bytes));
	sim_chain_init(&ledger->tip, scenario->seed, &genesis);
	if (scenario->confirmations > 1) {
		ledger->follower = sim_alloc(sizeof *ledger->follower);
		sim_chain_init(ledger->follower, scenario->seed, &genesis);
	}
	ledger->confirmations = scenario->confirmations;
	ledger->block_us = scenario->block_ms * 1000;
	ledger->block_txs = scenario->block_txs;
	ledger->next_block_us = ledger->block_us;
	sim_ledger_look(ledger);
	return ledger;
}

void sim_ledger_free(struct sim_ledger *ledger)
{
	if (ledger == NULL)
		return;
	for (uint64_t height = 1; height <= ledger->tip.state.record.height; height++) {
		struct sim_block *block = sim_ledger_block(ledger, height);
		sim_tx_list_free(&block->list);
		free(block->log);
	}
	free(ledger->blocks);
	free(ledger->frames.data);
	sim_ledger_wait_done(ledger);
	sim_chain_done(&ledger->tip);
	if (ledger->follower != NULL)
		sim_chain_done(ledger->follower);
	free(ledger->follower);
	free(ledger);
}

struct sim_block *sim_ledger_block(struct sim_ledger *ledger, uint64_t height)
{
	SOUK_CHECK(height > 0 && height <= ledger->block_room);
	return &ledger->blocks[height - 1];
}

/* ---- what goes into a block ---- */

/* Sign TX with the nonce that is right, check it as anybody would, and apply it. */
static souk_status apply(struct sim_ledger *ledger, struct souk_tx *tx,
	const struct souk_identity *signer, struct souk_receipt *ret_receipt)
{
	uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_account_record account = {.nonce = 0};
	struct souk_signed_check check;
	struct souk_signed_tx signed_tx;
	struct souk_writer writer;
	souk_status status =
		souk_ledger_get_account(&account, &ledger->tip.state, &signer->address);
	if (status != SOUK_OK && status != SOUK_PEER_NO_ACCOUNT)
		return status;
	tx->ledger = ledger->tip.state.record.ledger;
	tx->nonce = account.nonce;
	souk_tx_sign(&signed_tx, tx, signer);
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_tx_encode(&writer, &signed_tx);
	struct souk_bytes encoded = souk_bytes_of(memory, writer.size);
	souk_tx_check(&check, encoded);
	SOUK_TRY(souk_ledger_apply_checked(&ledger->tip.state, &signed_tx, &check, ret_receipt));
	sim_buffer_add_frame(&ledger->frames, encoded);
	return SOUK_OK;
}

static souk_status draw_all(struct sim_ledger *ledger)
{
	const struct souk_ledger *state = &ledger->tip.state;
	struct souk_receipt receipt;
	for (;;) {
		bool due;
		SOUK_TRY(souk_ledger_draw_due(&due, state, state->record.time));
		if (!due || ledger->is_withholding)
			return SOUK_OK;
		uint64_t epoch = state->record.next_draw;
		struct souk_tx tx = {.body = {.kind = SOUK_TX_BODY_DRAW, .draw = {.epoch = epoch}}};
		tx.body.draw.beacon = souk_chain_value(&ledger->beacons, (uint32_t)epoch + 1);
		SOUK_TRY(apply(ledger, &tx, &ledger->operator_identity, &receipt));
	}
}

static souk_status apply_waiting(
	struct sim_ledger *ledger, const struct sim_tx *waiting, struct souk_amount *ret_amount)
{
	struct souk_tx tx;
	struct souk_receipt receipt;
	struct souk_bytes body = souk_bytes_of(waiting->bytes, waiting->size);
	SOUK_CHECK(souk_tx_body_decode(&tx.body, body, NULL) == SOUK_OK);
	if (tx.body.kind == SOUK_TX_BODY_FAUCET && !waiting->is_funding)
		return SOUK_PEER_FAUCET;
	SOUK_TRY(apply(ledger, &tx, sim_tx_signer(ledger, waiting), &receipt));
	*ret_amount = receipt.amount;
	return SOUK_OK;
}

/* The next of those that wait: APPLIED, or REFUSED and to be told. */
static souk_status take_one(struct sim_ledger *ledger, struct sim_tx *tx,
	struct sim_tx_list *applied, struct sim_tx_list *refused)
{
	struct souk_amount amount = SOUK_AMOUNT_ZERO;
	souk_status status = apply_waiting(ledger, tx, &amount);
	if (status != SOUK_OK && !souk_ledger_refused(status)) {
		sim_tx_free(tx);
		return status;
	}
	tx->found = status;
	tx->found_amount = amount;
	sim_tx_list_add(status == SOUK_OK ? applied : refused, tx);
	return SOUK_OK;
}

static souk_status fill(struct sim_ledger *ledger, uint64_t limit, struct sim_tx_list *applied,
	struct sim_tx_list *refused)
{
	SOUK_TRY(draw_all(ledger));
	while (applied->count < limit) {
		struct sim_tx *tx = sim_tx_list_take(
			ledger->urgent.count > 0 ? &ledger->urgent : &ledger->waiting);
		if (tx == NULL)
			break;
		SOUK_TRY(take_one(ledger, tx, applied, refused));
	}
	return SOUK_OK;
}

/* ---- making one ---- */

static struct souk_time block_time(const struct sim_ledger *ledger)
{
	struct souk_time now = souk_time_at_ms(SIM_EPOCH_MS + sim_time_us(ledger->world) / 1000);
	struct souk_time last = ledger->tip.state.record.time;
	return souk_time_is_before(now, last) ? last : now;
}

static void seal_done(struct sim_ledger *ledger, const struct souk_signed_block_header *header,
	struct sim_tx_list *applied, bool has_stepped)
{
	const struct souk_ledger_record *record = &ledger->tip.state.record;
	struct sim_block *block = sim_ledger_log_block(ledger, header);
	sim_tx_list_prepend(&block->list, applied);
	block->us = sim_time_us(ledger->world);
	block->has_content = has_stepped || block->tx_count > 0;
	if (block->has_content)
		ledger->worth_confirming = record->height;
	sim_mix(ledger->world, souk_load_be64(record->last.bytes));
}

static void tell_refused(struct sim_ledger *ledger, struct sim_tx_list *refused)
{
	struct sim_tx *tx;
	while ((tx = sim_tx_list_take(refused)) != NULL) {
		sim_mix(ledger->world, (uint64_t)tx->found << 32 | tx->node);
		sim_ledger_tell(ledger, tx, tx->found, tx->found_amount);
		sim_tx_free(tx);
	}
}

static souk_status fill_and_seal(struct sim_ledger *ledger, uint64_t limit,
	struct sim_tx_list *applied, struct sim_tx_list *refused)
{
	struct souk_signed_block_header header;
	uint64_t epoch = ledger->tip.state.record.epoch;
	ledger->frames.size = 0;
	SOUK_TRY(sim_chain_begin(&ledger->tip, block_time(ledger)));
	souk_status status = fill(ledger, limit, applied, refused);
	if (status == SOUK_OK)
		status = souk_ledger_seal(&ledger->tip.state, &ledger->operator_identity, &header);
	if (status == SOUK_OK)
		seal_done(ledger, &header, applied, ledger->tip.state.record.epoch != epoch);
	else
		sim_chain_undo(&ledger->tip);
	return status;
}

/* A block of at most LIMIT transactions. Rules that contradict themselves stop the ledger. */
static void make_block(struct sim_ledger *ledger, uint64_t limit)
{
	struct sim_tx_list applied, refused;
	sim_tx_list_init(&applied);
	sim_tx_list_init(&refused);
	ledger->health = fill_and_seal(ledger, limit, &applied, &refused);
	sim_tx_list_free(&applied);
	tell_refused(ledger, &refused);
}

/* ---- confirmations ---- */

static void confirm_block(struct sim_ledger *ledger, uint64_t height)
{
	struct sim_block *block = sim_ledger_block(ledger, height);
	ledger->confirmed = height;
	if (ledger->follower != NULL) {
		souk_status status = sim_chain_follow(ledger->follower, block);
		if (status != SOUK_OK)
			ledger->health = status;
	}
	if (ledger->is_logless) {
		free(block->log);
		block->log = NULL;
	}
	/* Whoever is told may submit something, but makes no block: the list stays. */
	for (struct sim_tx *tx = block->list.first; tx != NULL; tx = tx->next)
		sim_ledger_tell(ledger, tx, tx->found, tx->found_amount);
}

static void confirm(struct sim_ledger *ledger, uint64_t depth)
{
	while (ledger->health == SOUK_OK &&
		ledger->confirmed + depth <= ledger->tip.state.record.height)
		confirm_block(ledger, ledger->confirmed + 1);
}

/* The block that just became too deep for any fork: its transactions need not come again. */
static void retire(struct sim_ledger *ledger)
{
	uint64_t height = ledger->tip.state.record.height;
	if (height > SIM_FORK_MAX)
		sim_tx_list_free(&sim_ledger_block(ledger, height - SIM_FORK_MAX)->list);
}

/* ---- when ---- */

void sim_ledger_look(struct sim_ledger *ledger)
{
	struct souk_time deadline;
	ledger->deadline_us = SIM_NEVER_US;
	souk_status status = souk_ledger_deadline(&deadline, &ledger->tip.state);
	if (status != SOUK_OK)
		ledger->health = status;
	else if (deadline.ms != SOUK_TIME_NEVER.ms)
		ledger->deadline_us = (deadline.ms - SIM_EPOCH_MS) * 1000;
}

/* From when on a block is wanted. */
static uint64_t wanted_us(const struct sim_ledger *ledger)
{
	uint64_t us = ledger->deadline_us;
	if (ledger->urgent.count > 0 || ledger->waiting.count > 0 ||
		ledger->confirmed < ledger->worth_confirming)
		return 0;
	if (ledger->coming.count > 0 && ledger->coming.items[0]->us < us)
		us = ledger->coming.items[0]->us;
	return us;
}

/* Blocks have their times, multiples of the scenario's period; at most of them none is wanted. */
static uint64_t block_due_us(const struct sim_ledger *ledger)
{
	uint64_t us = wanted_us(ledger);
	if (ledger->is_stopped || ledger->health != SOUK_OK || us == SIM_NEVER_US)
		return SIM_NEVER_US;
	us = (us + ledger->block_us - 1) / ledger->block_us * ledger->block_us;
	return us > ledger->next_block_us ? us : ledger->next_block_us;
}

uint64_t sim_ledger_due(const struct sim_ledger *ledger)
{
	uint64_t us = block_due_us(ledger);
	if (ledger->telling.count > 0 && ledger->telling.items[0]->us < us)
		us = ledger->telling.items[0]->us;
	return us;
}

void sim_ledger_step(struct sim_ledger *ledger)
{
	uint64_t now_us = sim_time_us(ledger->world);
	sim_ledger_tell_due(ledger);
	if (now_us < block_due_us(ledger))
		return;
	sim_ledger_arrive(ledger, false);
	ledger->next_block_us = (now_us / ledger->block_us + 1) * ledger->block_us;
	make_block(ledger, ledger->block_txs);
	if (ledger->health != SOUK_OK)
		return;
	retire(ledger);
	sim_ledger_look(ledger);
	confirm(ledger, ledger->confirmations);
}

void sim_ledger_settle(struct sim_ledger *ledger)
{
	sim_ledger_arrive(ledger, true);
	make_block(ledger, UINT64_MAX);
	sim_ledger_look(ledger);
	confirm(ledger, 1);
	sim_chain_forget(&ledger->tip, ledger->tip.state.record.height);
	if (ledger->follower != NULL)
		sim_chain_forget(ledger->follower, ledger->follower->state.record.height);
}

/* ---- faults, and looking in from outside ---- */

void sim_ledger_set_block_txs(struct sim_ledger *ledger, uint64_t count)
{
	ledger->block_txs = count;
}

void sim_ledger_stop(struct sim_ledger *ledger, bool is_stopped)
{
	ledger->is_stopped = is_stopped;
}

void sim_ledger_withhold_draws(struct sim_ledger *ledger, bool is_withholding)
{
	ledger->is_withholding = is_withholding;
}

const struct souk_ledger *sim_ledger_state(const struct sim_ledger *ledger)
{
	return &ledger->tip.state;
}

souk_status sim_ledger_health(const struct sim_ledger *ledger)
{
	return ledger->health;
}

uint64_t sim_ledger_undone(const struct sim_ledger *ledger)
{
	return ledger->undone;
}

bool sim_ledger_is_quiet(const struct sim_ledger *ledger)
{
	return ledger->coming.count == 0 && ledger->telling.count == 0 &&
	       ledger->urgent.count == 0 && ledger->waiting.count == 0 &&
	       ledger->confirmed >= ledger->worth_confirming;
}
