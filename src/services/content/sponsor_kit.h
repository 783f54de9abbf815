/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor_kit.h - a sponsor with its memory, its store, its escrow, a content and caches for it;
 * and a viewer's download through real sessions, byte for byte. For tests and fuzzers only. */
#ifndef SOUK_CONTENT_SPONSOR_KIT_H
#define SOUK_CONTENT_SPONSOR_KIT_H

#include "market_kit.h"
#include "souk/content/viewer.h"

#define KIT_CACHES	 8u
#define KIT_CHUNK	 16384u
#define KIT_CHUNKS	 41u
#define KIT_CONTENT_SIZE (KIT_CHUNKS * KIT_CHUNK - 5000u)
#define KIT_PRICE	 100u
#define KIT_VIEWERS	 16u
#define KIT_BUNDLES	 16u
#define KIT_RING	 32u /* units of a cache in memory: two segments */

struct kit_sponsor_viewer {
	struct souk_address address;
	struct souk_sponsor_viewer_record record;
};

/* An answer that was given, kept to be given again. */
struct kit_sponsor_answer {
	struct souk_nonce bundle;
	struct souk_bundle_open open;
};

struct kit_sponsor {
	struct kit_payer payer; /* its issuer key is the sponsor's identity */
	struct souk_sponsor_config config;
	struct souk_sponsor sponsor;
	struct souk_sponsor_content contents[2];
	struct souk_sponsor_cache caches[KIT_CACHES];
	struct souk_sponsor_viewer viewers[KIT_VIEWERS];
	uint32_t viewer_slots[SOUK_MAP_SLOTS(KIT_VIEWERS)];
	struct souk_sponsor_prefix prefixes[KIT_VIEWERS];
	uint32_t prefix_slots[SOUK_MAP_SLOTS(KIT_VIEWERS)];
	struct souk_sponsor_bundle bundles[KIT_BUNDLES];
	uint32_t bundle_slots[SOUK_MAP_SLOTS(KIT_BUNDLES)];
	uint32_t draw[KIT_CACHES];
	/* what is stored */
	struct souk_sponsor_totals_record totals;
	struct souk_sponsor_content_record content_record;
	struct souk_sponsor_cache_record cache_records[KIT_CACHES];
	uint32_t cache_record_count;
	struct kit_sponsor_viewer viewer_records[256];
	uint32_t viewer_record_count;
	struct souk_sponsor_bundle_record bundle_records[256];
	uint32_t bundle_record_count;
	struct kit_sponsor_answer answers[8];
	uint32_t answer_count;
	struct souk_sponsor_work work; /* of the bundle that is made */
	/* the market */
	struct kit_provider providers[KIT_CACHES];
	struct souk_hash secrets[KIT_CACHES]; /* S, as each cache has it */
	struct souk_hash earlier[KIT_CACHES]; /* and the one before it, or zero */
	uint8_t bytes[KIT_CHUNKS * KIT_CHUNK];
	struct souk_content content;
	struct souk_hash row[KIT_CHUNKS];
	uint64_t epoch;
	struct souk_time epoch_end;
	struct souk_time now;
	bool disk_fails; /* the content cannot be read */
};

/* All caches enlisted, epoch 7; PUZZLE's mode may be 0. */
struct kit_sponsor *kit_sponsor_new(uint16_t n, uint16_t segment, uint8_t puzzle);
/* The same, of a content of CHUNKS, at most KIT_CHUNKS. */
struct kit_sponsor *kit_sponsor_of(
	uint16_t n, uint16_t segment, uint8_t puzzle, uint32_t chunks, uint32_t share);
void kit_sponsor_free(struct kit_sponsor *kit);
/* Start again, with what was stored. */
void kit_sponsor_restart(struct kit_sponsor *kit, uint64_t seed);
void kit_sponsor_commit(struct kit_sponsor *kit);
/* Recruit the provider at INDEX. */
souk_status kit_sponsor_recruit(struct kit_sponsor *kit, uint32_t index);
/* A bundle for SIGNED_ASK, all steps of it; and the kept answer where it is the same ask again. */
souk_status kit_sponsor_bundle(struct kit_sponsor *kit,
	const struct souk_signed_bundle_ask *signed_ask, uint64_t prefix,
	struct souk_bundle_open *ret);
/* The leaf of each session of RECORD, and its proof in RET's strips. */
void kit_sponsor_leaves(struct kit_sponsor *kit, const struct souk_sponsor_bundle_record *record,
	struct souk_payer_leaf *leaves[SOUK_BUNDLE_CACHES_MAX], struct souk_bundle_open *ret);
/* What a viewer of SEED signs for CHUNKS, the first ones, as its bundle NUMBER. */
void kit_sponsor_ask(const struct kit_sponsor *kit, uint64_t seed, uint64_t number, uint32_t chunks,
	struct souk_signed_bundle_ask *ret);
/* It asks, and is drawn for, but no strip is laid. As souk_sponsor_ask_draw. */
souk_status kit_sponsor_draw(struct kit_sponsor *kit, uint64_t seed, uint64_t number,
	uint32_t chunks, uint64_t prefix, struct souk_bundle_offer *ret);
/* Index of the provider with ADDRESS. */
uint32_t kit_sponsor_provider(const struct kit_sponsor *kit, const struct souk_address *address);
/* What an honest cache does with the strip of a session: souk_provider_open. */
souk_status kit_sponsor_strip(
	struct kit_sponsor *kit, uint32_t provider, const struct souk_strip_open *open);
/* A unit as it is sent: LENGTH bytes into OUT. */
souk_status kit_sponsor_unit(struct kit_sponsor *kit, uint32_t provider,
	const struct souk_unit_request *request, uint8_t *out, struct souk_provider_reply *reply);

/* An answer to KEYS that is on its way. */
struct kit_late_key {
	bool is_due;
	bool has_key;
	struct souk_unit_key key;
};

/* A viewer's download of one bundle, with all its bytes. */
struct kit_viewing {
	struct kit_sponsor *kit;
	struct souk_identity identity;
	struct souk_viewer viewer;
	struct souk_viewer_cache caches[SOUK_BUNDLE_CACHES_MAX];
	struct souk_bundle_open open;
	struct kit_late_key late_keys[SOUK_BUNDLE_CACHES_MAX];
	uint64_t prefix;
	uint8_t (*units)[SOUK_BUNDLE_CACHES_MAX][KIT_CHUNK]; /* by unit - 1 */
	bool have[KIT_CHUNKS];
	bool ended;
	uint32_t fetched, complaints;
	uint32_t requests;   /* to caches */
	uint32_t opening;    /* of them, with a strip */
	uint32_t keys_asked; /* alone */
	/* how the world is */
	struct souk_rng *rng; /* NULL: nothing is lost */
	uint32_t loss;	      /* of a hundred answers */
	uint32_t admits;      /* of a hundred that open: the strip is taken, and no unit sent */
	uint32_t late;	      /* of a hundred answers to KEYS: others overtake them */
	uint32_t garbage;     /* provider that sends it; UINT32_MAX: none */
	uint32_t withholds;   /* provider that gives no keys */
};

struct kit_viewing *kit_viewing_new(
	struct kit_sponsor *kit, uint64_t seed, uint64_t number, uint32_t first, uint32_t chunks);
void kit_viewing_free(struct kit_viewing *v);
/* Carry out effects until it ends, or STEPS are done; false: nothing could be done any more. */
bool kit_viewing_run(struct kit_viewing *v, uint32_t steps);

#endif
