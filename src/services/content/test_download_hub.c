/* SPDX-License-Identifier: Apache-2.0
 *
 * Downloads that a hub pays for, and ones longer than a checkpoint: answers come in any order, get
 * lost, or lie. Units are not decrypted here: what is tested is who pays for how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hub_kit.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/content/download.h"

#define PROVIDERS  2u
#define CHUNKS	   600u
#define CHUNK_SIZE 16384u
#define SLOTS	   32u
#define OPS	   128u
#define PRICE	   100u
#define COST	   103u
#define FEE	   30u
#define STEP	   6u
#define WINDOW	   8u

enum lie { HONEST, NO_ANSWER, WRONG_VALUE, OLD_VALUE, FALSE_KEYS };

struct bench {
	struct souk_rng rng;
	struct souk_time now;
	struct kit_provider kits[PROVIDERS];
	struct kit_hub hub;
	struct souk_identity account;
	struct souk_customer customers[PROVIDERS];
	struct souk_download download;
	struct souk_content content;
	uint64_t words[2][SOUK_BITMAP_WORDS(CHUNKS)];
	struct souk_download_effect ops[OPS];
	uint32_t op_count;
	bool ended, via_hub;
	souk_status status;
	enum lie lie;
	uint32_t loss; /* of a hundred answers */
	uint32_t buys, false_keys;
	struct souk_ticket last;
};

static uint64_t below(struct bench *b, uint64_t bound)
{
	return souk_rng_below(&b->rng, bound);
}

static struct bench *bench_new(uint64_t seed, bool via_hub, uint64_t credit)
{
	struct bench *b = calloc(1, sizeof *b);
	struct souk_address addresses[PROVIDERS];
	struct souk_signed_hub_statement statement;
	assert_non_null(b);
	souk_rng_init(&b->rng, seed);
	b->now.ms = 1000000;
	b->via_hub = via_hub;
	memset(&b->content.id, 0xc0, sizeof b->content.id);
	b->content.size = CHUNKS * CHUNK_SIZE;
	b->content.chunk_size = CHUNK_SIZE;
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		kit_identity(&b->kits[i].identity, 1 + i);
		addresses[i] = b->kits[i].identity.address;
		b->kits[i].window = WINDOW;
		kit_provider_start(&b->kits[i], i, 7, SOUK_TIME_NEVER, b->now);
	}
	kit_identity(&b->account, 10);
	kit_hub_init(&b->hub, 2, addresses, PROVIDERS, 10000000, FEE, STEP);
	kit_payer_epoch(&b->hub.payer, 7);
	kit_hub_start(&b->hub, seed, 7, SOUK_TIME_NEVER, b->now);
	struct souk_nonce voucher = kit_hub_voucher(&b->hub, credit);
	assert_int_equal(
		kit_hub_redeem(&b->hub, &b->account, &voucher, b->now, &statement), SOUK_OK);
	return b;
}

static void plan(struct bench *b, uint32_t providers, uint32_t session_units)
{
	struct souk_download_config config = {
		.content = b->content,
		.budget = souk_amount_of_ncoin(CHUNKS * COST * 2),
		.price_max = souk_amount_of_ncoin(b->via_hub ? COST : PRICE),
		.fee_permille = b->via_hub ? FEE : 0,
		.slot_count = SLOTS,
		.session_units_max = session_units,
	};
	souk_download_init(&b->download, &config, b->words[0], b->words[1]);
	for (uint32_t i = 0; i < providers; i++) {
		uint32_t number;
		struct souk_offer offer = kit_offer(&b->kits[i].identity, &b->content.id,
			b->content.size, CHUNK_SIZE, PRICE, WINDOW, 1024);
		assert_int_equal(
			souk_download_add(&b->download, &offer, &b->customers[i], b->now, &number),
			SOUK_OK);
	}
}

static void pull(struct bench *b)
{
	struct souk_download_effect effect;
	for (uint32_t i = 0; souk_download_next_effect(&b->download, &effect, b->now); i++) {
		assert_true(i < 500);
		if (effect.kind == SOUK_DOWNLOAD_COMPLETE || effect.kind == SOUK_DOWNLOAD_GIVE_UP) {
			assert_false(b->ended);
			b->ended = true;
			b->status = effect.status;
		} else if (effect.kind != SOUK_DOWNLOAD_DROP) {
			assert_true(b->op_count < OPS);
			b->ops[b->op_count++] = effect;
		}
	}
}

/* A handshake with a provider whose key leaves are of no chain, and agree with its grant. */
static souk_status false_handshake(
	struct bench *b, uint32_t index, const struct souk_provider_item *item)
{
	struct souk_grant_open grant;
	struct souk_strip_open open = {0};
	struct souk_hash nodes[SOUK_CHAIN_CHECKPOINT_MAX];
	struct kit_provider *kit = &b->kits[index];
	struct souk_customer *customer = &b->customers[index];
	SOUK_TRY(souk_provider_ask(
		&kit->provider, &grant, souk_customer_ask(customer), item, b->now));
	if (grant.key_leaves.count > 0) {
		grant.key_leaves.items[0].bytes[0] ^= 1;
		b->false_keys++;
	}
	memcpy(nodes, grant.key_leaves.items, sizeof nodes);
	grant.grant.grant.key_checkpoints = souk_merkle_root(nodes, grant.key_leaves.count);
	souk_grant_sign(&grant.grant, &kit->identity);
	for (uint32_t i = 0; i < KIT_SESSIONS; i++) {
		if (kit->sessions[i].state == SOUK_PROVIDER_GRANTED)
			kit->sessions[i].record.grant = grant.grant.grant;
	}
	SOUK_TRY(souk_customer_grant(customer, &grant, b->now));
	SOUK_TRY(souk_customer_strip(customer, &b->hub.payer.free[index], &open));
	kit_payer_complete(&b->hub.payer, index, &open);
	SOUK_TRY(souk_provider_strip(&kit->provider, &grant.grant.grant.session, &open,
		&b->hub.payer.allotment, &b->hub.payer.escrow, b->now));
	return souk_customer_opened(customer);
}

static souk_status handshake(struct bench *b, const struct souk_download_effect *op)
{
	uint32_t i = op->provider;
	struct kit_provider *kit = &b->kits[i];
	struct souk_signed_hub_close close;
	struct souk_signed_hub_statement statement;
	struct souk_offer offer = kit_offer(
		&kit->identity, &b->content.id, b->content.size, CHUNK_SIZE, PRICE, WINDOW, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = b->hub.payer.escrow_id, .epoch = 7, .units = op->units};
	struct souk_provider_item item = {.content = b->content.id,
		.size = b->content.size,
		.chunk_size = CHUNK_SIZE,
		.price = souk_amount_of_ncoin(PRICE)};
	if (souk_customer_hub_close(&b->customers[i], &b->account, &close))
		(void)!souk_hub_close(&b->hub.hub, &close, b->now, &statement);
	souk_rng_fill(&b->rng, config.seed, sizeof config.seed);
	SOUK_TRY(souk_customer_init(&b->customers[i], &config));
	if (b->lie == FALSE_KEYS && i == 0)
		return false_handshake(b, i, &item);
	if (!b->via_hub)
		return kit_handshake(&b->customers[i], &b->hub.payer, i, kit, &item, b->now);
	return kit_hub_handshake(&b->customers[i], &b->hub, &b->account, i, kit, &item, b->now);
}

static void answer_buy(struct bench *b, const struct souk_download_effect *op)
{
	struct souk_ticket sold;
	souk_status status = souk_hub_ticket(&b->hub.hub, &op->hub_ticket, b->now, &sold);
	b->buys++;
	if (status == SOUK_OK && below(b, 20) == 0)
		kit_hub_start(&b->hub, b->buys, 7, SOUK_TIME_NEVER, b->now), status = SOUK_IO_NET;
	kit_hub_commit(&b->hub);
	if (b->lie == NO_ANSWER || below(b, 100) < b->loss)
		status = SOUK_IO_TIMEOUT;
	if (status != SOUK_OK) {
		souk_download_buy_failed(&b->download, op->provider, status, b->now);
		return;
	}
	if (b->lie == WRONG_VALUE)
		sold.value.bytes[31] ^= 1;
	if (b->lie == OLD_VALUE && b->last.unit != 0)
		sold = b->last;
	b->last = sold;
	souk_download_bought(&b->download, op->provider, &sold, b->now);
}

static void answer_request(struct bench *b, const struct souk_download_effect *op)
{
	struct souk_provider_reply reply;
	souk_status status =
		souk_provider_unit(&b->kits[op->provider].provider, &reply, &op->request, b->now);
	if (below(b, 100) < b->loss)
		status = SOUK_IO_NET;
	const struct souk_unit_key *key = status == SOUK_OK && reply.has_key ? &reply.key : NULL;
	if (op->kind == SOUK_DOWNLOAD_KEYS && status == SOUK_OK)
		souk_download_keys(&b->download, op->provider, key, b->now);
	else if (op->kind == SOUK_DOWNLOAD_KEYS)
		souk_download_keys_failed(&b->download, op->provider, status, b->now);
	else if (status == SOUK_OK)
		souk_download_received(&b->download, op->slot, key, b->now);
	else
		souk_download_fetch_failed(&b->download, op->slot, status, b->now);
}

static void answer(struct bench *b, uint32_t index)
{
	struct souk_download_effect op = b->ops[index];
	b->ops[index] = b->ops[--b->op_count];
	if (op.kind == SOUK_DOWNLOAD_BUY) {
		answer_buy(b, &op);
	} else if (op.kind == SOUK_DOWNLOAD_VERIFY) {
		souk_download_checked(&b->download, op.slot, SOUK_OK, b->now);
	} else if (op.kind == SOUK_DOWNLOAD_OPEN) {
		souk_status status = handshake(b, &op);
		if (status == SOUK_OK)
			souk_download_opened(&b->download, op.provider, b->now);
		else
			souk_download_open_failed(&b->download, op.provider, status, b->now);
	} else {
		answer_request(b, &op);
	}
}

static void audit(struct bench *b)
{
	const struct souk_download *d = &b->download;
	const struct souk_hub *hub = &b->hub.hub;
	assert_true(souk_download_spent_all(d).ncoin <= d->config.budget.ncoin);
	if (b->via_hub)
		assert_true(souk_download_spent_all(d).ncoin >=
			    hub->memory.accounts[0].record.spent.ncoin);
	for (uint32_t i = 0; i < d->provider_count; i++)
		assert_true(souk_download_lost(d, i) <=
			    (uint64_t)d->providers[i].sessions * (WINDOW + STEP));
}

static void run(struct bench *b)
{
	for (uint32_t i = 0; i < 100000 && !(b->ended && b->op_count == 0); i++) {
		pull(b);
		if (b->op_count > 0)
			answer(b, (uint32_t)below(b, b->op_count));
		else
			b->now.ms += 50;
		b->now.ms += below(b, 3);
		souk_download_tick(&b->download, b->now);
		souk_hub_tick(&b->hub.hub, b->now);
		audit(b);
	}
	assert_true(b->ended);
	assert_true(souk_download_is_quiet(&b->download));
}

static void a_hub_pays_for_a_download(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct bench *b = bench_new(seed, true, CHUNKS * COST * 4);
		b->loss = seed % 3 == 0 ? 5 : 0;
		plan(b, PROVIDERS, seed % 2 ? 64 : 0);
		run(b);
		assert_int_equal(b->status, SOUK_OK);
		assert_int_equal(b->download.done.set, CHUNKS);
		/* Fewer messages than units; and nothing but hedges was bought in vain. */
		if (b->loss == 0) {
			assert_in_range(b->buys, CHUNKS / STEP, CHUNKS);
			assert_in_range(souk_download_spent_all(&b->download).ncoin, CHUNKS * COST,
				(CHUNKS + b->download.hedges_cost) * COST);
		}
		free(b);
	}
}

/* With the credit for one of them only, sessions take turns. */
static void little_credit_goes_round(void **state)
{
	(void)state;
	struct bench *b = bench_new(3, true, CHUNKS * COST);
	plan(b, PROVIDERS, CHUNKS / 2 + 10);
	run(b);
	assert_true(b->status == SOUK_OK || b->status == SOUK_LOCAL_NO_PROVIDER_LEFT);
	assert_true(b->download.done.set >= CHUNKS / 2 + 10);
	free(b);
	b = bench_new(4, true, 30 * COST);
	plan(b, 1, 50);
	run(b);
	assert_int_equal(b->status, SOUK_LOCAL_NO_PROVIDER_LEFT);
	assert_int_equal(b->download.last_drop, SOUK_PEER_HUB_CREDIT);
	free(b);
}

static void a_bad_hub_ends_the_download(void **state)
{
	(void)state;
	static const struct {
		enum lie lie;
		souk_status status;
	} table[] = {{NO_ANSWER, SOUK_IO_TIMEOUT}, {WRONG_VALUE, SOUK_PEER_BAD_TICKET},
		{OLD_VALUE, SOUK_PEER_STALE_TICKET}};
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct bench *b = bench_new(7, true, CHUNKS * COST * 4);
		b->lie = table[i].lie;
		plan(b, 1, 0);
		struct souk_time start = b->now;
		run(b);
		assert_int_equal(b->status, table[i].status);
		assert_true(souk_download_lost(&b->download, 0) <= WINDOW + STEP);
		assert_true(souk_time_since_ms(start, b->now) < 30000);
		free(b);
	}
}

/* A provider that lies about its key checkpoints is dropped at the first, and another delivers the
 * rest. */
static void false_key_checkpoints_drop_a_provider(void **state)
{
	(void)state;
	struct bench *b = bench_new(9, false, 1);
	b->lie = FALSE_KEYS;
	plan(b, PROVIDERS, 0);
	run(b);
	assert_int_equal(b->status, SOUK_OK);
	assert_int_equal(b->false_keys, 1);
	assert_int_equal(b->download.providers[0].dropped, SOUK_PEER_BAD_CHECKPOINT);
	assert_in_range(b->download.providers[0].units_verified, 200, SOUK_CHAIN_SEGMENT - 1);
	assert_true(souk_download_lost(&b->download, 0) <= WINDOW);
	free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hub_pays_for_a_download),
		cmocka_unit_test(little_credit_goes_round),
		cmocka_unit_test(a_bad_hub_ends_the_download),
		cmocka_unit_test(false_key_checkpoints_drop_a_provider),
	};
	return cmocka_run_group_tests_name("download_hub", tests, NULL, NULL);
}
