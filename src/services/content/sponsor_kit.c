/* SPDX-License-Identifier: Apache-2.0 */
#include "sponsor_kit.h"

#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/crypto/sha256.h"
#include "souk/payment/allotment.h"

#define LEAF_NCOIN 2000000u
#define SALE	   1000000u

/* ------------------------------------------------------------------ the content */

static void fill_content(struct kit_sponsor *kit, uint32_t chunks)
{
	size_t size = chunks == KIT_CHUNKS ? KIT_CONTENT_SIZE : (size_t)chunks * KIT_CHUNK;
	struct souk_rng rng;
	struct souk_content_builder builder;
	struct souk_hash scratch[KIT_CHUNKS];
	souk_rng_init(&rng, 99);
	for (size_t i = 0; i < sizeof kit->bytes; i += 8)
		souk_store_be64(kit->bytes + i, souk_rng_u64(&rng));
	souk_content_builder_init(&builder, KIT_CHUNK, kit->row, KIT_CHUNKS);
	for (size_t at = 0; at < size; at += KIT_CHUNK) {
		size_t left = size - at;
		SOUK_CHECK(souk_content_builder_add(&builder,
				   souk_bytes_of(kit->bytes + at,
					   left < KIT_CHUNK ? left : KIT_CHUNK)) == SOUK_OK);
	}
	souk_content_builder_finish(&builder, scratch, &kit->content);
}

static souk_status read_content(
	void *ctx, const struct souk_hash *content, uint64_t offset, uint8_t *out, uint32_t size)
{
	const struct kit_sponsor *kit = ctx;
	SOUK_CHECK(souk_hash_equal(content, &kit->content.id));
	SOUK_CHECK(offset + size <= kit->content.size);
	if (kit->disk_fails)
		return SOUK_IO_READ;
	memcpy(out, kit->bytes + offset, size);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ the sponsor */

static void start(struct kit_sponsor *kit, uint64_t seed)
{
	struct souk_sponsor_memory memory = {
		.contents = kit->contents,
		.content_max = 2,
		.caches = kit->caches,
		.cache_max = KIT_CACHES,
		.viewers = kit->viewers,
		.viewer_slots = kit->viewer_slots,
		.viewer_max = KIT_VIEWERS,
		.prefixes = kit->prefixes,
		.prefix_slots = kit->prefix_slots,
		.prefix_max = KIT_VIEWERS,
		.bundles = kit->bundles,
		.bundle_slots = kit->bundle_slots,
		.bundle_max = KIT_BUNDLES,
		.draw = kit->draw,
	};
	struct souk_hash hash = souk_sha256_of(&seed, sizeof seed);
	memcpy(kit->config.seed, hash.bytes, sizeof kit->config.seed);
	souk_sponsor_init(&kit->sponsor, &kit->config, &memory);
	SOUK_CHECK(souk_sponsor_add_content(&kit->sponsor, &kit->content, NULL,
			   souk_amount_of_ncoin(SALE)) == SOUK_OK);
}

static void set_epoch(struct kit_sponsor *kit)
{
	struct souk_hash beacon = souk_sha256_of(&kit->epoch, sizeof kit->epoch);
	souk_sponsor_set_epoch(&kit->sponsor, kit->epoch, kit->epoch_end, &beacon, kit->now);
}

struct kit_sponsor *kit_sponsor_new(uint16_t n, uint16_t segment, uint8_t puzzle)
{
	return kit_sponsor_of(n, segment, puzzle, KIT_CHUNKS, 1);
}

struct kit_sponsor *kit_sponsor_of(
	uint16_t n, uint16_t segment, uint8_t puzzle, uint32_t chunks, uint32_t share)
{
	struct kit_sponsor *kit = calloc(1, sizeof *kit);
	struct souk_address addresses[KIT_CACHES];
	SOUK_CHECK(kit != NULL);
	kit->epoch = 7;
	kit->now = souk_time_at_ms(1000);
	kit->epoch_end = souk_time_at_ms(500000);
	fill_content(kit, chunks);
	for (uint32_t i = 0; i < KIT_CACHES; i++) {
		kit->providers[i].window = 16;
		kit_identity(&kit->providers[i].identity, 100 + i);
		kit_provider_start(
			&kit->providers[i], 200 + i, kit->epoch, kit->epoch_end, kit->now);
		addresses[i] = kit->providers[i].identity.address;
	}
	kit_payer_init(&kit->payer, 5, addresses, KIT_CACHES, LEAF_NCOIN);
	kit_payer_epoch(&kit->payer, kit->epoch);
	kit->config = (struct souk_sponsor_config){
		.identity = &kit->payer.issuer,
		.escrow = kit->payer.escrow_id,
		.budget = souk_amount_of_ncoin(SALE),
		.caches = n,
		.share = share,
		.segment = segment,
		.units_max = 64,
		.drawn_ms = 5000,
		.bundle_ms = 60000,
		.puzzle = {.mode = puzzle, .rounds = 3, .starts = 32},
		.source = {kit, read_content},
	};
	start(kit, 6);
	set_epoch(kit);
	for (uint32_t i = 0; i < KIT_CACHES; i++)
		SOUK_CHECK(kit_sponsor_recruit(kit, i) == SOUK_OK);
	return kit;
}

void kit_sponsor_free(struct kit_sponsor *kit)
{
	free(kit);
}

void kit_sponsor_restart(struct kit_sponsor *kit, uint64_t seed)
{
	start(kit, seed);
	for (uint32_t i = 0; i < 8; i++)
		memset(&kit->answers[i].bundle, 0, sizeof kit->answers[i].bundle);
	souk_sponsor_restore_totals(&kit->sponsor, &kit->totals);
	SOUK_CHECK(souk_sponsor_restore_content(
			   &kit->sponsor, &kit->content.id, &kit->content_record) == SOUK_OK);
	for (uint32_t i = 0; i < kit->cache_record_count; i++)
		SOUK_CHECK(souk_sponsor_restore_cache(&kit->sponsor, &kit->cache_records[i]) ==
			   SOUK_OK);
	for (uint32_t i = 0; i < kit->viewer_record_count; i++) {
		souk_status status = souk_sponsor_restore_viewer(&kit->sponsor,
			&kit->viewer_records[i].address, &kit->viewer_records[i].record);
		SOUK_CHECK(status == SOUK_OK || status == SOUK_LOCAL_STATE);
	}
	for (uint32_t i = 0; i < kit->bundle_record_count; i++) {
		souk_status status = souk_sponsor_restore_bundle(
			&kit->sponsor, &kit->bundle_records[i], kit->now);
		SOUK_CHECK(status == SOUK_OK || status == SOUK_LOCAL_STATE);
	}
	set_epoch(kit);
}

static struct souk_sponsor_cache_record *cache_record(
	struct kit_sponsor *kit, const struct souk_address *provider)
{
	for (uint32_t i = 0; i < kit->cache_record_count; i++) {
		if (souk_address_equal(&kit->cache_records[i].offer.offer.provider, provider))
			return &kit->cache_records[i];
	}
	SOUK_CHECK(kit->cache_record_count < KIT_CACHES);
	return &kit->cache_records[kit->cache_record_count++];
}

static struct kit_sponsor_viewer *viewer_record(
	struct kit_sponsor *kit, const struct souk_address *address)
{
	for (uint32_t i = 0; i < kit->viewer_record_count; i++) {
		if (souk_address_equal(&kit->viewer_records[i].address, address))
			return &kit->viewer_records[i];
	}
	SOUK_CHECK(kit->viewer_record_count < 256);
	return &kit->viewer_records[kit->viewer_record_count++];
}

static struct souk_sponsor_bundle_record *bundle_record(
	struct kit_sponsor *kit, const struct souk_nonce *bundle)
{
	for (uint32_t i = 0; i < kit->bundle_record_count; i++) {
		if (memcmp(&kit->bundle_records[i].bundle, bundle, sizeof *bundle) == 0)
			return &kit->bundle_records[i];
	}
	SOUK_CHECK(kit->bundle_record_count < 256);
	return &kit->bundle_records[kit->bundle_record_count++];
}

void kit_sponsor_commit(struct kit_sponsor *kit)
{
	struct souk_sponsor_effect effect;
	struct kit_sponsor_viewer *viewer;
	while (souk_sponsor_next_effect(&kit->sponsor, &effect)) {
		switch (effect.kind) {
		case SOUK_SPONSOR_STORE_TOTALS: kit->totals = kit->sponsor.totals; break;
		case SOUK_SPONSOR_STORE_CONTENT:
			kit->content_record = kit->contents[effect.index].record;
			break;
		case SOUK_SPONSOR_STORE_CACHE:
			*cache_record(kit, &kit->caches[effect.index].record.offer.offer.provider) =
				kit->caches[effect.index].record;
			break;
		case SOUK_SPONSOR_STORE_VIEWER:
			viewer = viewer_record(kit, &kit->viewers[effect.index].address);
			viewer->address = kit->viewers[effect.index].address;
			viewer->record = kit->viewers[effect.index].record;
			break;
		case SOUK_SPONSOR_STORE_BUNDLE:
			*bundle_record(kit, &kit->bundles[effect.index].record.bundle) =
				kit->bundles[effect.index].record;
			break;
		}
	}
}

souk_status kit_sponsor_recruit(struct kit_sponsor *kit, uint32_t index)
{
	struct souk_signed_recruit recruit;
	struct souk_signed_enlist enlist = {0};
	const struct souk_identity *identity = &kit->providers[index].identity;
	souk_sponsor_recruit(&kit->sponsor, &identity->address, &kit->content.id,
		souk_amount_of_ncoin(KIT_PRICE), souk_time_plus_ms(kit->now, 10000000), &recruit);
	SOUK_TRY(souk_recruit_verify(&recruit, &identity->address, kit->now));
	kit->earlier[index] = kit->secrets[index];
	SOUK_TRY(souk_sponsor_secret(
		&kit->secrets[index], identity, &recruit.recruit.sponsor_key, &recruit.recruit));
	enlist.enlist = (struct souk_enlist){
		.version = SOUK_SPONSOR_VERSION,
		.recruit = souk_recruit_digest(&recruit.recruit),
		.provider_key = identity->pubkey,
	};
	souk_enlist_sign(&enlist, identity);
	enlist.offer.offer = kit_offer(identity, &kit->content.id, kit->content.size, KIT_CHUNK,
		KIT_PRICE, kit->providers[index].window, 1024);
	souk_offer_sign(&enlist.offer, identity);
	souk_status status = souk_sponsor_enlist(&kit->sponsor, &recruit, &enlist, kit->now);
	kit_sponsor_commit(kit);
	return status;
}

uint32_t kit_sponsor_provider(const struct kit_sponsor *kit, const struct souk_address *address)
{
	for (uint32_t i = 0; i < KIT_CACHES; i++) {
		if (souk_address_equal(&kit->providers[i].identity.address, address))
			return i;
	}
	return UINT32_MAX;
}

static void prove_leaf(struct kit_sponsor *kit, uint32_t index, struct souk_strip_open *open)
{
	struct souk_sum_node nodes[KIT_PROVIDERS];
	SOUK_CHECK(souk_allotment_prove(open, kit->payer.leaves, kit->payer.leaf_count, index,
			   nodes) == SOUK_OK);
}

void kit_sponsor_leaves(struct kit_sponsor *kit, const struct souk_sponsor_bundle_record *record,
	struct souk_payer_leaf *leaves[SOUK_BUNDLE_CACHES_MAX], struct souk_bundle_open *ret)
{
	for (uint32_t i = 0; i < record->sessions.count; i++) {
		uint32_t index = kit_sponsor_provider(kit, &record->sessions.items[i].provider);
		SOUK_CHECK(index < KIT_CACHES);
		leaves[i] = &kit->payer.free[index];
		prove_leaf(kit, index, &ret->sessions.items[i].strip);
	}
}

static souk_status make_bundle(struct kit_sponsor *kit,
	const struct souk_signed_bundle_ask *signed_ask, uint64_t prefix,
	struct souk_bundle_open *ret)
{
	struct souk_payer_leaf *leaves[SOUK_BUNDLE_CACHES_MAX];
	struct souk_sponsor *sponsor = &kit->sponsor;
	const struct souk_bundle_ask *ask = &signed_ask->ask;
	SOUK_TRY(souk_sponsor_ask_begin(sponsor, ask, kit->now));
	SOUK_TRY(souk_sponsor_ask_verify(
		&sponsor->config.identity->address, &sponsor->config.site, signed_ask, kit->now));
	SOUK_TRY(souk_sponsor_ask_draw(sponsor, ask, prefix, kit->now, &kit->work, ret));
	souk_sponsor_ask_compute(&kit->work, ret);
	kit_sponsor_leaves(kit, &kit->work.record, leaves, ret);
	SOUK_TRY(souk_sponsor_ask_finish(sponsor, &kit->work, leaves, kit->now, ret));
	souk_sponsor_ask_sign(ret, sponsor->config.identity);
	return SOUK_OK;
}

souk_status kit_sponsor_bundle(struct kit_sponsor *kit,
	const struct souk_signed_bundle_ask *signed_ask, uint64_t prefix,
	struct souk_bundle_open *ret)
{
	souk_status status = make_bundle(kit, signed_ask, prefix, ret);
	struct souk_nonce bundle = kit->work.record.bundle;
	souk_sponsor_work_wipe(&kit->work);
	kit_sponsor_commit(kit);
	if (status == SOUK_OK) {
		struct kit_sponsor_answer *answer = &kit->answers[kit->answer_count++ % 8];
		answer->bundle = bundle;
		answer->open = *ret;
	}
	/* It was begun. */
	if (status != SOUK_OK)
		ret->sessions.count = 0;
	if (status != SOUK_LOCAL_EXISTS)
		return status;
	for (uint32_t i = 0; i < 8; i++) {
		if (memcmp(&kit->answers[i].bundle, &bundle, sizeof bundle) != 0)
			continue;
		*ret = kit->answers[i].open;
		return SOUK_OK;
	}
	return SOUK_PEER_OUT_OF_ORDER;
}

void kit_sponsor_ask(const struct kit_sponsor *kit, uint64_t seed, uint64_t number, uint32_t chunks,
	struct souk_signed_bundle_ask *ret)
{
	struct souk_identity viewer;
	kit_identity(&viewer, seed);
	*ret = (struct souk_signed_bundle_ask){.ask = {.version = SOUK_SPONSOR_VERSION,
						       .sponsor = kit->payer.issuer.address,
						       .viewer = viewer.address,
						       .number = number,
						       .content = kit->content.id,
						       .chunks = chunks}};
	souk_bundle_ask_sign(ret, &viewer);
}

souk_status kit_sponsor_draw(struct kit_sponsor *kit, uint64_t seed, uint64_t number,
	uint32_t chunks, uint64_t prefix, struct souk_bundle_offer *ret)
{
	static struct souk_bundle_open open;
	struct souk_signed_bundle_ask signed_ask;
	kit_sponsor_ask(kit, seed, number, chunks, &signed_ask);
	SOUK_TRY(souk_sponsor_ask_begin(&kit->sponsor, &signed_ask.ask, kit->now));
	souk_status status = souk_sponsor_ask_draw(
		&kit->sponsor, &signed_ask.ask, prefix, kit->now, &kit->work, &open);
	souk_sponsor_work_wipe(&kit->work);
	kit_sponsor_commit(kit);
	if (status == SOUK_OK)
		*ret = open.offer.offer;
	return status;
}

/* ------------------------------------------------------------------ the caches */

/* Nobody restarts a cache here: what it stores is dropped. */
static void keep(struct kit_provider *provider)
{
	struct souk_provider_effect effect;
	while (souk_provider_next_effect(&provider->provider, &effect))
		continue;
}

souk_status kit_sponsor_strip(
	struct kit_sponsor *kit, uint32_t provider, const struct souk_strip_open *open)
{
	struct souk_provider_item item = {
		.content = kit->content.id,
		.size = kit->content.size,
		.chunk_size = KIT_CHUNK,
		.price = souk_amount_of_ncoin(KIT_PRICE),
		.from = 1,
		.sponsor_secret = &kit->secrets[provider],
		.sponsor_earlier = &kit->earlier[provider],
	};
	souk_status status = souk_provider_open(&kit->providers[provider].provider, open, &item,
		&kit->payer.allotment, &kit->payer.escrow, kit->now);
	keep(&kit->providers[provider]);
	return status;
}

souk_status kit_sponsor_unit(struct kit_sponsor *kit, uint32_t provider,
	const struct souk_unit_request *request, uint8_t *out, struct souk_provider_reply *reply)
{
	SOUK_TRY(souk_provider_unit(&kit->providers[provider].provider, reply, request, kit->now));
	if (request->unit > 0)
		souk_unit_cipher_xor(
			&reply->cipher, out, kit->bytes + reply->offset, reply->length);
	keep(&kit->providers[provider]);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ a viewer */

struct kit_viewing *kit_viewing_new(
	struct kit_sponsor *kit, uint64_t seed, uint64_t number, uint32_t first, uint32_t chunks)
{
	struct kit_viewing *v = calloc(1, sizeof *v);
	SOUK_CHECK(v != NULL);
	v->kit = kit;
	v->units = calloc(KIT_RING, sizeof *v->units);
	SOUK_CHECK(v->units != NULL);
	v->prefix = seed;
	v->garbage = v->withholds = UINT32_MAX;
	kit_identity(&v->identity, seed);
	struct souk_viewer_config config = {
		.identity = &v->identity,
		.sponsor = kit->payer.issuer.address,
		.content = kit->content,
		.number = number,
		.first = first,
		.chunks = chunks,
		.pipeline = 4,
		.failures_max = 20,
		.retry_ms = 10,
	};
	souk_viewer_init(&v->viewer, &config, v->caches);
	return v;
}

void kit_viewing_free(struct kit_viewing *v)
{
	free(v->units);
	free(v);
}

static bool is_lost(struct kit_viewing *v)
{
	return v->rng != NULL && souk_rng_below(v->rng, 100) < v->loss;
}

static uint32_t provider_of(const struct kit_viewing *v, uint32_t cache)
{
	return kit_sponsor_provider(v->kit, &v->caches[cache].customer.ask.provider);
}

static souk_status do_ask(struct kit_viewing *v)
{
	SOUK_TRY(kit_sponsor_bundle(v->kit, &v->viewer.ask, v->prefix, &v->open));
	if (is_lost(v))
		return SOUK_IO_NET;
	souk_viewer_opened(&v->viewer, &v->open, v->kit->now);
	return SOUK_OK;
}

/* Whether the strip was taken, and nothing else. */
static bool is_only_admitted(struct kit_viewing *v)
{
	return v->rng != NULL && souk_rng_below(v->rng, 100) < v->admits;
}

static souk_status do_fetch(struct kit_viewing *v, const struct souk_viewer_effect *effect)
{
	struct souk_provider_reply reply;
	uint32_t provider = provider_of(v, effect->cache);
	uint8_t *out = v->units[(effect->unit - 1) % KIT_RING][effect->cache];
	v->requests++;
	v->opening += effect->opens;
	if (effect->opens) {
		SOUK_TRY(kit_sponsor_strip(
			v->kit, provider, &v->open.sessions.items[effect->cache].strip));
		if (is_only_admitted(v)) {
			souk_viewer_admitted(&v->viewer, effect->cache, effect->unit, v->kit->now);
			return SOUK_OK;
		}
	}
	SOUK_TRY(kit_sponsor_unit(v->kit, provider, &effect->request, out, &reply));
	SOUK_CHECK(reply.length == effect->length);
	if (is_lost(v))
		return SOUK_IO_NET;
	if (provider == v->garbage)
		memset(out, 0x55, reply.length);
	v->fetched++;
	souk_viewer_received(&v->viewer, effect->cache, effect->unit,
		reply.has_key && provider != v->withholds ? &reply.key : NULL, v->kit->now);
	return SOUK_OK;
}

static void deliver_key(struct kit_viewing *v, uint32_t cache)
{
	struct kit_late_key *late = &v->late_keys[cache];
	late->is_due = false;
	souk_viewer_keys(&v->viewer, cache, late->has_key ? &late->key : NULL, v->kit->now);
}

/* One that is late comes now, if there is one. */
static bool deliver_late(struct kit_viewing *v)
{
	for (uint32_t i = 0; i < SOUK_BUNDLE_CACHES_MAX; i++) {
		if (!v->late_keys[i].is_due)
			continue;
		deliver_key(v, i);
		return true;
	}
	return false;
}

static souk_status do_keys(struct kit_viewing *v, const struct souk_viewer_effect *effect)
{
	struct souk_provider_reply reply;
	uint32_t provider = provider_of(v, effect->cache);
	v->keys_asked++;
	v->requests++;
	SOUK_TRY(kit_sponsor_unit(v->kit, provider, &effect->request, NULL, &reply));
	if (is_lost(v))
		return SOUK_IO_NET;
	v->late_keys[effect->cache] =
		(struct kit_late_key){true, reply.has_key && provider != v->withholds, reply.key};
	if (v->rng == NULL || souk_rng_below(v->rng, 100) >= v->late)
		deliver_key(v, effect->cache);
	return SOUK_OK;
}

static souk_status do_solve(struct kit_viewing *v, uint32_t segment)
{
	struct souk_puzzle_data data = {.unit_size = KIT_CHUNK};
	struct souk_puzzle_token token;
	uint32_t start = souk_bundle_segment_start(&v->viewer.plan, segment);
	uint32_t end = souk_bundle_segment_end(&v->viewer.plan, segment);
	souk_bundle_shape(&data.shape, &v->viewer.plan, segment);
	for (uint32_t part = 0; part < data.shape.part_count; part++) {
		for (uint32_t unit = start; unit < end; unit++)
			data.parts[part].units[unit - start] = v->units[unit % KIT_RING][part];
	}
	bool solved = souk_puzzle_solve(&token, &v->viewer.puzzle, &data, 0,
			      v->viewer.puzzle.starts) == SOUK_OK;
	uint32_t spoiled = solved ? UINT32_MAX : souk_puzzle_spoiled(&v->viewer.puzzle, &data);
	souk_viewer_solved(&v->viewer, solved ? &token : NULL, spoiled, v->kit->now);
	return SOUK_OK;
}

static souk_status do_claim(struct kit_viewing *v, const struct souk_segment_claim *claim)
{
	struct souk_segment_tickets tickets = {0};
	SOUK_TRY(souk_sponsor_claim(&v->kit->sponsor, claim, v->kit->now, &tickets));
	kit_sponsor_commit(v->kit);
	if (is_lost(v))
		return SOUK_IO_NET;
	souk_viewer_tickets(&v->viewer, &tickets, v->kit->now);
	return SOUK_OK;
}

static void do_verify(struct kit_viewing *v, const struct souk_viewer_effect *effect)
{
	uint8_t *unit = v->units[(effect->unit - 1) % KIT_RING][effect->cache];
	souk_unit_cipher_xor(&effect->cipher, unit, unit, effect->length);
	souk_status status = souk_content_verify_chunk(&v->kit->content, effect->chunk,
		&v->kit->row[effect->chunk], souk_bytes_of(unit, effect->length));
	v->have[effect->chunk] = v->have[effect->chunk] || status == SOUK_OK;
	souk_viewer_verified(&v->viewer, effect->cache, effect->unit, status, v->kit->now);
}

static souk_status carry_out(struct kit_viewing *v, const struct souk_viewer_effect *effect)
{
	switch (effect->kind) {
	case SOUK_VIEWER_ASK: return do_ask(v);
	case SOUK_VIEWER_FETCH: return do_fetch(v, effect);
	case SOUK_VIEWER_SOLVE: return do_solve(v, effect->segment);
	case SOUK_VIEWER_CLAIM: return do_claim(v, &effect->claim);
	case SOUK_VIEWER_KEYS: return do_keys(v, effect);
	case SOUK_VIEWER_VERIFY: do_verify(v, effect); return SOUK_OK;
	case SOUK_VIEWER_COMPLAIN:
		v->complaints++;
		return souk_sponsor_complain(&v->kit->sponsor, &effect->complaint);
	case SOUK_VIEWER_END: v->ended = true; return SOUK_OK;
	}
	return SOUK_OK;
}

bool kit_viewing_run(struct kit_viewing *v, uint32_t steps)
{
	struct souk_viewer_effect effect;
	for (uint32_t i = 0; i < steps && !v->ended; i++) {
		if (v->late > 0 && souk_rng_below(v->rng, 16) == 0)
			(void)deliver_late(v);
		if (!souk_viewer_next_effect(&v->viewer, &effect, v->kit->now)) {
			struct souk_time wake = souk_viewer_deadline(&v->viewer);
			if (deliver_late(v))
				continue;
			/* Nothing to do now, and yet to be woken at once: for ever. */
			SOUK_CHECK(souk_time_is_before(v->kit->now, wake));
			if (!souk_time_is_before(wake, v->kit->epoch_end))
				return false;
			v->kit->now = wake;
			continue;
		}
		souk_status status = carry_out(v, &effect);
		if (status != SOUK_OK)
			souk_viewer_failed(&v->viewer, &effect, status, v->kit->now);
	}
	return true;
}
