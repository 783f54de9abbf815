/* SPDX-License-Identifier: Apache-2.0
 *
 * A sponsor and three viewers, driven by bytes: genuine and spoilt messages in any order, time,
 * epochs, crashes, bundles that are half made. Each four bytes are one step. What must hold: S1 to
 * S3 and S5 of the header, no cache is paid what was not given, no ticket leaves for anything but
 * the token, and no cache opens a session for a strip that is not the sponsor's. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "sponsor_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VIEWERS		   3u
#define STEPS		   400u
#define QUOTA		   60u
#define VIEWERS_OF_NETWORK 4u
#define BUNDLES_OF_NETWORK 6u

struct bench {
	struct kit_sponsor *kit;
	struct kit_viewing *viewings[VIEWERS];
	uint64_t numbers[VIEWERS];
	uint64_t restarts;
	/* a bundle that is being made: it is finished at any time, or never */
	struct souk_sponsor_work work;
	struct souk_bundle_open open;
	bool drawn, computed;
	struct souk_strip_open strip;
	struct souk_bundle_open lie;
};

static void start_viewing(struct bench *b, uint32_t i, const uint8_t bytes[4])
{
	if (b->viewings[i] != NULL)
		kit_viewing_free(b->viewings[i]);
	b->viewings[i] = kit_viewing_new(
		b->kit, 10 + i, b->numbers[i]++, bytes[2] % KIT_CHUNKS, 1 + bytes[3] % 40);
	b->viewings[i]->prefix = i / 2;
	if (bytes[1] & 0x80)
		b->viewings[i]->viewer.config.content.chunk_size = 0;
}

static void spoil_claim(struct bench *b, uint32_t i, const uint8_t bytes[4])
{
	struct souk_segment_tickets tickets;
	struct souk_segment_claim claim = {.bundle = b->viewings[i]->viewer.bundle,
		.segment = bytes[2] % 8,
		.token.size = bytes[3] % 2 ? 32 : 0};
	memset(claim.token.data, bytes[3], claim.token.size);
	uint64_t spent = b->kit->sponsor.totals.spent.ncoin;
	SOUK_CHECK(souk_sponsor_claim(&b->kit->sponsor, &claim, b->kit->now, &tickets) != SOUK_OK);
	SOUK_CHECK(b->kit->sponsor.totals.spent.ncoin == spent);
	kit_sponsor_commit(b->kit);
}

/* The strip of one session with a byte of it changed: no cache takes it. */
static void spoil_strip(struct bench *b, uint32_t i, const uint8_t bytes[4])
{
	struct kit_viewing *v = b->viewings[i];
	if (v->viewer.state != SOUK_VIEWER_RUNNING)
		return;
	const struct souk_bundle_session *session =
		&v->open.sessions.items[bytes[2] % v->open.sessions.count];
	uint32_t index = kit_sponsor_provider(b->kit, &session->strip.strip.payee);
	const struct souk_provider *provider = &b->kit->providers[index].provider;
	b->strip = session->strip;
	struct souk_strip *strip = &b->strip.strip;
	switch (bytes[3] % 8) {
	case 0: strip->key_anchor.bytes[bytes[2] % 32] ^= 1; break;
	case 1: strip->nonce.bytes[bytes[2] % 16] ^= 1; break;
	case 2: strip->count += 1u + bytes[2]; break;
	case 3: strip->customer.bytes[1] ^= 1; break;
	case 4: strip->start.ncoin ^= 1u + bytes[2]; break;
	case 5: strip->price.ncoin += bytes[2]; break;
	case 6: index = (index + 1) % KIT_CACHES; break;
	case 7: strip->request.bytes[0] ^= 1; break;
	}
	if (bytes[3] % 8 == 5 && bytes[2] == 0)
		return;
	provider = &b->kit->providers[index].provider;
	uint64_t accepted = provider->totals.strips_accepted;
	SOUK_CHECK(kit_sponsor_strip(b->kit, index, &b->strip) != SOUK_OK);
	SOUK_CHECK(provider->totals.strips_accepted == accepted);
}

/* ------------------------------------------------------------------ a sponsor that lies */

/* The answer that I got once, as if for V's ask, with some bytes of it changed, and signed again.
 */
static bool make_lie(
	struct bench *b, uint32_t i, const struct souk_viewer *v, const uint8_t bytes[4])
{
	static uint8_t buffer[SOUK_BUNDLE_OPEN_SIZE_MAX];
	struct souk_writer writer;
	struct souk_wire_error where;
	b->lie = b->viewings[i]->open;
	b->lie.offer.offer.ask = souk_bundle_ask_digest(&v->ask.ask);
	b->lie.offer.offer.first = v->config.first;
	souk_writer_init(&writer, buffer, sizeof buffer);
	souk_bundle_open_encode(&writer, &b->lie);
	/* Near the front is the offer, further on the sessions. */
	size_t at = bytes[2] * (bytes[3] & 1 ? writer.size / 256 : 3);
	buffer[at % writer.size] ^= (uint8_t)(1 + bytes[3]);
	buffer[(at * 7 + bytes[3]) % writer.size] ^= bytes[3] & 2 ? bytes[2] : 0;
	if (souk_bundle_open_decode(&b->lie, souk_bytes_of(buffer, writer.size), &where) !=
			SOUK_OK ||
		b->lie.sessions.count == 0)
		return false;
	souk_sponsor_ask_sign(&b->lie, b->kit->config.identity);
	return true;
}

/* A viewer ends such a bundle at once, or goes on within its plan. */
static void lie(struct bench *b, uint32_t i, const uint8_t bytes[4])
{
	static struct souk_viewer_cache caches[SOUK_BUNDLE_CACHES_MAX];
	static struct souk_viewer v;
	struct souk_viewer_effect effect;
	struct kit_viewing *of = b->viewings[i];
	struct souk_viewer_config config = of->viewer.config;
	if (of->open.sessions.count == 0)
		return;
	config.content = b->kit->content;
	if (bytes[3] & 4)
		config.content.chunk_size = 0;
	souk_viewer_init(&v, &config, caches);
	SOUK_CHECK(souk_viewer_next_effect(&v, &effect, b->kit->now));
	if (!make_lie(b, i, &v, bytes))
		return;
	souk_viewer_opened(&v, &b->lie, b->kit->now);
	SOUK_CHECK(v.state == SOUK_VIEWER_RUNNING || v.state == SOUK_VIEWER_FAILED);
	SOUK_CHECK(v.state == SOUK_VIEWER_FAILED || souk_bundle_plan_check(&v.plan) == SOUK_OK);
	for (uint32_t n = 0; n < 64 && souk_viewer_next_effect(&v, &effect, b->kit->now); n++) {
		SOUK_CHECK(effect.kind != SOUK_VIEWER_COMPLAIN && effect.cache < 16);
		if (effect.kind != SOUK_VIEWER_FETCH)
			continue;
		SOUK_CHECK(effect.length <= v.config.content.chunk_size);
		SOUK_CHECK(effect.opens == !caches[effect.cache].is_open);
		if (n % 3 == 0)
			souk_viewer_admitted(&v, effect.cache, effect.unit, b->kit->now);
		else
			souk_viewer_received(&v, effect.cache, effect.unit, NULL, b->kit->now);
	}
	souk_viewer_wipe(&v);
}

/* ------------------------------------------------------------------ half a bundle */

static void draw_half(struct bench *b, uint32_t i)
{
	struct kit_sponsor *kit = b->kit;
	const struct kit_viewing *v = b->viewings[i];
	uint64_t bundles = kit->sponsor.totals.bundles;
	souk_sponsor_work_wipe(&b->work);
	souk_status status = souk_sponsor_ask_draw(
		&kit->sponsor, &v->viewer.ask.ask, v->prefix, kit->now, &b->work, &b->open);
	SOUK_CHECK(status == SOUK_OK || kit->sponsor.totals.bundles == bundles);
	b->drawn = status == SOUK_OK;
	b->computed = false;
	kit_sponsor_commit(kit);
}

/* With leaves that may be too short: then none of them is used. */
static void finish_half(struct bench *b, bool is_short)
{
	struct kit_sponsor *kit = b->kit;
	struct souk_payer_leaf *leaves[SOUK_BUNDLE_CACHES_MAX];
	uint64_t used[SOUK_BUNDLE_CACHES_MAX];
	uint32_t count = b->work.record.sessions.count;
	kit_sponsor_leaves(kit, &b->work.record, leaves, &b->open);
	struct souk_amount amount = leaves[count - 1]->amount;
	if (is_short)
		leaves[count - 1]->amount = leaves[count - 1]->used;
	for (uint32_t i = 0; i < count; i++)
		used[i] = leaves[i]->used.ncoin;
	souk_status status =
		souk_sponsor_ask_finish(&kit->sponsor, &b->work, leaves, kit->now, &b->open);
	leaves[count - 1]->amount = amount;
	SOUK_CHECK(status != SOUK_OK || !is_short);
	for (uint32_t i = 0; i < count; i++) {
		const struct souk_strip *strip = &b->open.sessions.items[i].strip.strip;
		struct souk_amount end;
		if (status != SOUK_OK) {
			SOUK_CHECK(leaves[i]->used.ncoin == used[i]);
			continue;
		}
		SOUK_CHECK(souk_strip_end(&end, strip) == SOUK_OK);
		SOUK_CHECK(strip->start.ncoin == used[i] && end.ncoin == leaves[i]->used.ncoin);
	}
	kit_sponsor_commit(kit);
}

static void make_half(struct bench *b, uint32_t i, const uint8_t bytes[4])
{
	switch (bytes[2] % 4) {
	case 0: draw_half(b, i); break;
	case 1:
		if (b->drawn && !b->computed)
			souk_sponsor_ask_compute(&b->work, &b->open);
		b->computed = b->drawn;
		break;
	default:
		if (b->computed)
			finish_half(b, bytes[3] % 4 == 0);
		break;
	}
}

static void complain(struct bench *b, uint32_t i, const uint8_t bytes[4])
{
	struct kit_sponsor *kit = b->kit;
	struct souk_nonce bundle = b->viewings[i]->viewer.bundle;
	const struct souk_address *provider =
		&kit->providers[bytes[2] % KIT_CACHES].identity.address;
	if (bytes[3] % 4 == 0)
		(void)!souk_sponsor_audit(&kit->sponsor, &b->viewings[i]->identity.address);
	souk_status status = souk_sponsor_audited(
		&kit->sponsor, &bundle, provider, bytes[3] % 8 == 0 ? SOUK_PEER_BAD_UNIT : SOUK_OK);
	(void)status;
	kit_sponsor_commit(kit);
}

static void pass_time(struct bench *b, const uint8_t bytes[4])
{
	struct kit_sponsor *kit = b->kit;
	kit->now = souk_time_plus_ms(kit->now, 20u * bytes[1]);
	if (bytes[2] < 250 && souk_time_is_before(kit->now, kit->epoch_end)) {
		souk_sponsor_tick(&kit->sponsor, kit->now);
		kit_sponsor_commit(kit);
		return;
	}
	kit->epoch++;
	kit->epoch_end = souk_time_plus_ms(kit->now, 500000);
	struct souk_hash beacon = souk_sha256_of(&kit->epoch, sizeof kit->epoch);
	souk_sponsor_set_epoch(&kit->sponsor, kit->epoch, kit->epoch_end, &beacon, kit->now);
	kit_sponsor_commit(kit);
	kit_payer_epoch(&kit->payer, kit->epoch);
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		souk_provider_set_epoch(
			&kit->providers[i].provider, kit->epoch, kit->epoch_end, kit->now);
	memset(b->numbers, 0, sizeof b->numbers);
}

/* S5, of what two viewers have. */
static void check_apart(const struct souk_bundle_open *one, const struct souk_bundle_open *other)
{
	for (uint32_t i = 0; i < one->sessions.count; i++)
		for (uint32_t j = 0; j < other->sessions.count; j++)
			SOUK_CHECK(!souk_payee_strips_overlap(&one->sessions.items[i].strip.strip,
				&other->sessions.items[j].strip.strip));
}

static void check(const struct bench *b)
{
	const struct kit_sponsor *kit = b->kit;
	const struct souk_sponsor *sponsor = &kit->sponsor;
	uint64_t spent = 0, owed = 0;
	for (uint32_t i = 0; i < VIEWERS; i++)
		for (uint32_t j = i + 1; j < VIEWERS; j++)
			check_apart(&b->viewings[i]->open, &b->viewings[j]->open);
	for (uint32_t i = 0; i < sponsor->cache_count; i++)
		spent += kit->caches[i].record.spent.ncoin;
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		owed += kit->providers[i].provider.totals.owed.ncoin;
	SOUK_CHECK(spent == sponsor->totals.spent.ncoin);
	SOUK_CHECK(spent == kit->contents[0].record.spent.ncoin);
	SOUK_CHECK(sponsor->held.ncoin == kit->contents[0].held.ncoin);
	SOUK_CHECK(spent == sponsor->totals.units * KIT_PRICE);
	SOUK_CHECK(owed <= spent);
	SOUK_CHECK(spent + sponsor->held.ncoin <= sponsor->config.budget.ncoin);
	for (uint32_t i = 0; i < sponsor->viewer_count; i++)
		SOUK_CHECK(kit->viewers[i].record.units <= QUOTA);
	for (uint32_t i = 0; i < sponsor->prefix_count; i++)
		SOUK_CHECK(kit->prefixes[i].units <= 2 * QUOTA - 10 &&
			   kit->prefixes[i].viewers <= VIEWERS_OF_NETWORK &&
			   kit->prefixes[i].bundles <= BUNDLES_OF_NETWORK);
}

static void step(struct bench *b, const uint8_t bytes[4])
{
	uint32_t i = bytes[1] % VIEWERS;
	switch (bytes[0] % 16) {
	case 0: start_viewing(b, i, bytes); break;
	case 1: spoil_claim(b, i, bytes); break;
	case 2: spoil_strip(b, i, bytes); break;
	case 3: complain(b, i, bytes); break;
	case 4: pass_time(b, bytes); break;
	case 5: kit_sponsor_restart(b->kit, ++b->restarts); break;
	case 6: b->kit->disk_fails = bytes[2] % 4 == 0; break;
	case 7: make_half(b, i, bytes); break;
	case 9: lie(b, i, bytes); break;
	default: (void)kit_viewing_run(b->viewings[i], 1 + bytes[2] % 8); break;
	}
	check(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t whole[4] = {0, 0, 0, 30};
	struct bench *b = calloc(1, sizeof *b);
	if (b == NULL || size < 2)
		return free(b), 0;
	uint32_t chunks = data[1] >> 4;
	b->kit = kit_sponsor_of((uint16_t)(1 + data[0] % 6), (uint16_t)(1 + data[1] % 8),
		data[0] & 0x80 ? 0 : SOUK_PUZZLE_FAST, chunks == 0 ? KIT_CHUNKS : chunks,
		data[1] >> 3 & 1 ? 2 : 1);
	b->kit->sponsor.config.viewer_units = b->kit->config.viewer_units = QUOTA;
	b->kit->sponsor.config.prefix_units = b->kit->config.prefix_units = 2 * QUOTA - 10;
	b->kit->sponsor.config.prefix_viewers = b->kit->config.prefix_viewers = VIEWERS_OF_NETWORK;
	b->kit->sponsor.config.prefix_bundles = b->kit->config.prefix_bundles = BUNDLES_OF_NETWORK;
	b->kit->sponsor.config.budget.ncoin = b->kit->config.budget.ncoin = 20000;
	for (uint32_t i = 0; i < VIEWERS; i++)
		start_viewing(b, i, whole);
	if (!(data[0] & 0x80)) {
		for (size_t i = 2; i + 4 <= size && i < 4 * STEPS; i += 4)
			step(b, data + i);
	}
	for (uint32_t i = 0; i < VIEWERS; i++)
		kit_viewing_free(b->viewings[i]);
	kit_sponsor_free(b->kit);
	free(b);
	return 0;
}
