/* SPDX-License-Identifier: Apache-2.0
 *
 * The planner under answers in any order, good, bad and absurd: it never crashes, never commits
 * more than its budget, and what it loses to a provider is bounded by the windows. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "market_kit.h"
#include "souk/base/check.h"
#include "souk/content/download.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROVIDERS 2u
#define SLOTS	  6u
#define CHUNKS	  24u
#define OPS	  64u
#define STEPS	  600u
#define BUDGET	  2600u

struct bench {
	struct kit_provider kits[PROVIDERS];
	struct kit_payer payer;
	struct souk_customer customers[PROVIDERS];
	struct souk_download download;
	uint64_t words[2];
	uint64_t parts[PROVIDERS];
	struct souk_hash content;
	struct souk_download_effect ops[OPS]; /* not answered yet */
	uint32_t op_count;
	struct souk_time now;
	bool ended;
};

static const souk_status failures[] = {SOUK_IO_NET, SOUK_IO_TIMEOUT, SOUK_LOCAL_FULL,
	SOUK_PEER_UNPAID, SOUK_PEER_EPOCH_CLOSED, SOUK_PEER_UNKNOWN_SESSION, SOUK_PEER_BAD_UNIT,
	SOUK_PEER_WRONG_LENGTH, SOUK_LOCAL_STOPPED, SOUK_PEER_JUMP_TOO_FAR, SOUK_PEER_STRIP_EXPIRED,
	SOUK_LOCAL_NOT_HERE, SOUK_PEER_UNIT_REBOUND};

static void bench_open(struct bench *b)
{
	struct souk_address addresses[PROVIDERS];
	memset(b, 0, sizeof *b);
	b->now.ms = 1000;
	memset(&b->content, 0xc0, sizeof b->content);
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		kit_identity(&b->kits[i].identity, 1 + i);
		addresses[i] = b->kits[i].identity.address;
		b->kits[i].window = (uint16_t)(2 + 3 * i);
		kit_provider_start(&b->kits[i], i, 7, SOUK_TIME_NEVER, b->now);
	}
	kit_payer_init(&b->payer, 2, addresses, PROVIDERS, 1000000);
	kit_payer_epoch(&b->payer, 7);
	struct souk_download_config config = {
		.content = {b->content, CHUNKS * 16384 - 5, 16384},
		.budget = souk_amount_of_ncoin(BUDGET),
		.price_max = souk_amount_of_ncoin(1000),
		.slot_count = SLOTS,
		.session_units_max = 9,
	};
	souk_download_init(&b->download, &config, &b->words[0], &b->words[1]);
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		uint32_t number;
		struct souk_offer offer = kit_offer(&b->kits[i].identity, &b->content,
			config.content.size, 16384, 100 + i, b->kits[i].window, 1024);
		SOUK_CHECK(souk_download_add(&b->download, &offer, &b->customers[i], b->now,
				   &number) == SOUK_OK);
		souk_download_keep_parts(&b->download, i, &b->parts[i]);
	}
}

/* The planner wants no more of what goes into SLOT. */
static void cancel(struct bench *b, uint32_t slot)
{
	uint32_t i = 0;
	while (i < b->op_count && (b->ops[i].kind != SOUK_DOWNLOAD_FETCH || b->ops[i].slot != slot))
		i++;
	SOUK_CHECK(i < b->op_count);
	b->ops[i] = b->ops[--b->op_count];
	souk_download_fetch_failed(&b->download, slot, SOUK_LOCAL_STOPPED, b->now);
}

/* D3, and what a session may be asked for. */
static void check_fetch(const struct bench *b, const struct souk_download_effect *effect)
{
	uint32_t others = 0;
	SOUK_CHECK(!souk_bitmap_get(&b->download.done, effect->chunk) ||
		   b->download.slots[effect->slot].spare);
	for (uint32_t i = 0; i < b->op_count; i++) {
		const struct souk_download_effect *op = &b->ops[i];
		if (op->kind != SOUK_DOWNLOAD_FETCH || op->chunk != effect->chunk ||
			b->download.slots[op->slot].orphan)
			continue;
		SOUK_CHECK(op->provider != effect->provider);
		others++;
	}
	SOUK_CHECK(others <= 1 && b->download.pairs <= b->download.config.hedges_max);
	SOUK_CHECK(!effect->hedge || b->download.slots[effect->slot].paired);
}

static void pull(struct bench *b)
{
	struct souk_download_effect effect;
	for (uint32_t i = 0; souk_download_next_effect(&b->download, &effect, b->now); i++) {
		SOUK_CHECK(i < 200);
		bool ends = effect.kind == SOUK_DOWNLOAD_COMPLETE ||
			    effect.kind == SOUK_DOWNLOAD_GIVE_UP;
		SOUK_CHECK(!b->ended);
		/* A session whose time is over is asked for its last keys, and for nothing else. */
		SOUK_CHECK(effect.kind != SOUK_DOWNLOAD_FETCH ||
			   b->download.providers[effect.provider].closing == SOUK_OK);
		SOUK_CHECK(effect.kind != SOUK_DOWNLOAD_KEYS || !effect.request.has_ticket ||
			   b->download.providers[effect.provider].closing == SOUK_OK);
		if (effect.kind == SOUK_DOWNLOAD_FETCH)
			check_fetch(b, &effect);
		if (effect.kind == SOUK_DOWNLOAD_CANCEL)
			cancel(b, effect.slot);
		b->ended = b->ended || ends;
		if (ends || effect.kind == SOUK_DOWNLOAD_DROP ||
			effect.kind == SOUK_DOWNLOAD_CANCEL)
			continue;
		SOUK_CHECK(b->op_count < OPS);
		b->ops[b->op_count++] = effect;
	}
}

static souk_status handshake(struct bench *b, const struct souk_download_effect *op)
{
	struct kit_provider *kit = &b->kits[op->provider];
	const struct souk_download_provider *p = &b->download.providers[op->provider];
	struct souk_offer offer = kit_offer(&kit->identity, &b->content, CHUNKS * 16384 - 5, 16384,
		p->price.ncoin, kit->window, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = b->payer.escrow_id, .epoch = 7, .units = op->units};
	struct souk_provider_item item = {.content = b->content,
		.size = CHUNKS * 16384 - 5,
		.chunk_size = 16384,
		.price = p->price};
	config.seed[0] = (uint8_t)p->sessions;
	SOUK_TRY(souk_customer_init(&b->customers[op->provider], &config));
	return kit_handshake(
		&b->customers[op->provider], &b->payer, op->provider, kit, &item, b->now);
}

static void answer_open(struct bench *b, const struct souk_download_effect *op, uint8_t how)
{
	souk_status status =
		how % 4 == 3 ? failures[how % SOUK_COUNT_OF(failures)] : handshake(b, op);
	if (status == SOUK_OK)
		souk_download_opened(&b->download, op->provider, b->now);
	else
		souk_download_open_failed(&b->download, op->provider, status, b->now);
}

static void answer_request(struct bench *b, const struct souk_download_effect *op, uint8_t how)
{
	struct souk_provider_reply reply;
	struct souk_unit_key *key = NULL;
	/* What is not here binds nothing; that it was bound, and the answer lost, may be too. */
	bool is_absent = how % 16 == 15 && how / 16 % 4 == 0 && op->request.unit > 0;
	souk_status status = is_absent ? SOUK_LOCAL_NOT_HERE
				       : souk_provider_unit(&b->kits[op->provider].provider, &reply,
						 &op->request, b->now);
	if (how % 8 == 7 && !is_absent)
		status = failures[how / 8 % SOUK_COUNT_OF(failures)];
	if (status == SOUK_OK && reply.has_key && how % 8 != 6)
		key = &reply.key;
	if (key != NULL && how > 250)
		key->unit += how - 250u;
	if (op->kind == SOUK_DOWNLOAD_KEYS && status == SOUK_OK)
		souk_download_keys(&b->download, op->provider, key, b->now);
	else if (op->kind == SOUK_DOWNLOAD_KEYS)
		souk_download_keys_failed(&b->download, op->provider, status, b->now);
	else if (status == SOUK_OK)
		souk_download_received(&b->download, op->slot, key, b->now);
	else
		souk_download_fetch_failed(&b->download, op->slot, status, b->now);
}

static void answer(struct bench *b, uint32_t index, uint8_t how)
{
	struct souk_download_effect op = b->ops[index];
	b->ops[index] = b->ops[--b->op_count];
	if (op.kind == SOUK_DOWNLOAD_OPEN)
		answer_open(b, &op, how);
	else if (op.kind == SOUK_DOWNLOAD_VERIFY)
		souk_download_checked(&b->download, op.slot,
			how < 230   ? SOUK_OK
			: how < 250 ? SOUK_PEER_BAD_UNIT
				    : SOUK_IO_DISK_FULL,
			b->now);
	else
		answer_request(b, &op, how);
}

/* A list of what a provider has, good or absurd; or a reader's place. */
static void tell(struct bench *b, uint8_t what, uint8_t how)
{
	struct souk_availability said = {.content = b->content, .chunks = CHUNKS};
	uint32_t provider = what % PROVIDERS;
	if (what % 4 >= PROVIDERS) {
		b->download.config.wants_only = (how & 1) != 0;
		souk_download_want(&b->download, how / 8, how / 2 % 4);
		return;
	}
	said.chunks += how == 255;
	for (uint32_t i = 0; i < 4; i++, how /= 4)
		said.ranges.items[said.ranges.count++] =
			(struct souk_chunk_range){6 * i + how % 4, 1 + how % 4 + (what > 235)};
	uint64_t before = b->parts[provider];
	if (souk_download_available(&b->download, provider, &said) != SOUK_OK)
		SOUK_CHECK(b->parts[provider] == before);
}

/* The counts of slots are those of the slots. */
static void check_counts(const struct souk_download *download)
{
	uint32_t used = 0, planned = 0, received = 0, flying[PROVIDERS] = {0};
	uint32_t paired = 0, spares = 0, cancels = 0, kept = 0;
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		const struct souk_download_slot *s = &download->slots[i];
		bool flies = s->state == SOUK_SLOT_PLANNED || s->state == SOUK_SLOT_FETCHING;
		used += s->state != SOUK_SLOT_FREE;
		planned += s->state == SOUK_SLOT_PLANNED;
		received += s->state == SOUK_SLOT_RECEIVED;
		paired += s->paired;
		spares += s->spare;
		cancels += s->cancel_due;
		flying[s->provider] += !s->orphan && flies;
	}
	SOUK_CHECK(used == download->used && planned == download->planned &&
		   received == download->received);
	SOUK_CHECK(paired == 2 * download->pairs && spares == download->spares &&
		   cancels == download->cancels);
	for (uint32_t i = 0; i < PROVIDERS; i++)
		kept += (uint32_t)download->providers[i].units_spare;
	/* Two of so few chunks may be paid twice. */
	SOUK_CHECK(kept + paired / 2 <= download->hedges_cost && download->hedges_cost <= 2);
	for (uint32_t i = 0; i < PROVIDERS; i++)
		SOUK_CHECK(flying[i] == download->providers[i].flying);
}

static void check(struct bench *b)
{
	check_counts(&b->download);
	const struct souk_download *d = &b->download;
	SOUK_CHECK(souk_download_spent_all(d).ncoin <= BUDGET);
	SOUK_CHECK(d->done.set <= d->taken.set);
	for (uint32_t i = 0; i < PROVIDERS; i++) {
		/* The session that is opened just now counts in a moment. */
		uint64_t sessions = d->providers[i].sessions;
		SOUK_CHECK(souk_download_lost(d, i) <= sessions * b->kits[i].window);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench *b = malloc(sizeof *b);
	if (b == NULL)
		return 0;
	bench_open(b);
	pull(b);
	for (size_t i = 0; i + 2 <= size && i < 2 * STEPS; i += 2) {
		if (data[i] >= 220 && data[i] < 240)
			tell(b, data[i], data[i + 1]);
		else if (b->op_count > 0 && data[i] < 220)
			answer(b, data[i] % b->op_count, data[i + 1]);
		else
			b->now.ms += 20u * data[i + 1];
		souk_download_tick(&b->download, b->now);
		pull(b);
		check(b);
	}
	souk_download_stop(&b->download, SOUK_LOCAL_STOPPED);
	pull(b);
	while (b->op_count > 0)
		answer(b, 0, 0);
	SOUK_CHECK(b->ended && souk_download_is_quiet(&b->download));
	check(b);
	free(b);
	return 0;
}
