/* SPDX-License-Identifier: Apache-2.0
 *
 * A sponsor and three viewers, driven by bytes: genuine and spoilt messages in any order, time,
 * epochs, crashes. Each four bytes are one step. What must hold: S1 to S3 of the header, no cache
 * is paid what was not given, and no ticket leaves for anything but the token. */
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
	struct souk_bundle_open open;
	struct souk_bundle_strips strips;
};

static void start_viewing(struct bench *b, uint32_t i, const uint8_t bytes[4])
{
	if (b->viewings[i] != NULL)
		kit_viewing_free(b->viewings[i]);
	b->viewings[i] = kit_viewing_new(
		b->kit, 10 + i, b->numbers[i]++, bytes[2] % KIT_CHUNKS, 1 + bytes[3] % 40);
	b->viewings[i]->prefix = i / 2;
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

/* An open with one byte of one session changed. */
static void spoil_open(struct bench *b, uint32_t i, const uint8_t bytes[4])
{
	struct kit_viewing *v = b->viewings[i];
	if (v->viewer.state != SOUK_VIEWER_OPENING)
		return;
	memset(&b->open, 0, sizeof b->open);
	souk_viewer_open_of(&v->viewer, &b->open);
	struct souk_bundle_session *session =
		&b->open.sessions.items[bytes[2] % b->open.sessions.count];
	switch (bytes[3] % 5) {
	case 0: session->grant.grant.key_anchor.bytes[bytes[3] % 32] ^= 1; break;
	case 1: session->grant.grant.session.bytes[bytes[3] % 16] ^= 1; break;
	case 2: session->ask.units++; break;
	case 3: session->ask.customer.bytes[1] ^= 1; break;
	case 4: b->open.sessions.count--; break;
	}
	SOUK_CHECK(kit_sponsor_open(b->kit, &b->open, &b->strips) != SOUK_OK);
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

static void check(const struct bench *b)
{
	const struct kit_sponsor *kit = b->kit;
	const struct souk_sponsor *sponsor = &kit->sponsor;
	uint64_t spent = 0, owed = 0;
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
	case 2: spoil_open(b, i, bytes); break;
	case 3: complain(b, i, bytes); break;
	case 4: pass_time(b, bytes); break;
	case 5: kit_sponsor_restart(b->kit, ++b->restarts); break;
	case 6: b->kit->disk_fails = bytes[2] % 4 == 0; break;
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
