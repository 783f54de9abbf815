/* SPDX-License-Identifier: Apache-2.0
 *
 * The issuing path of a sponsor, whole but for HTTP and TLS: an ask is decoded and verified, caches
 * are drawn, a session of each is opened: its keys made, its strip laid on a proved leaf; all are
 * signed, and the first puzzle is made; for each segment a token is decoded and checked, tickets
 * given, the next puzzle made. All records are encoded and put into LMDB, COMMIT_GROUP messages to
 * a transaction, as when many viewers wait; without waiting for the disk, which takes time but no
 * processor.
 *
 * Viewers are played, off the clock, with real keys and signatures. A viewer's token is read from
 * the sponsor's memory, since finding it is the viewer's work. */
#include "content_issue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/content/sponsor.h"
#include "souk/crypto/sha256.h"
#include "souk/io/lmdb_store.h"
#include "souk/payment/allotment.h"

#define CACHES_ALL   20u
#define LEAF_COUNT   32u
#define BATCH	     32u /* bundles on their way at once */
#define COMMIT_GROUP 8u
#define VIEWERS_MAX  (1u << 16)
#define BUNDLES_MAX  256u
#define SOURCE_BYTES (64u << 20) /* read in place of the content, which may be larger */
#define PRICE	     1000u
#define EPOCH	     7u
#define NOW	     ((struct souk_time){1000})

enum phase { PHASE_ASK, PHASE_CLAIM, PHASE_STORE, PHASE_COUNT };

/* A viewer's bundle on its way. */
struct viewing {
	struct souk_identity viewer;
	struct souk_nonce bundle;
	uint8_t message[SOUK_SIGNED_BUNDLE_ASK_SIZE_MAX];
	size_t size;
};

struct issue {
	struct content_issue_row *row;
	struct souk_identity identity;
	struct souk_hash escrow;
	struct souk_content content;
	struct souk_sponsor sponsor;
	struct souk_sponsor_content contents[1];
	struct souk_sponsor_cache caches[CACHES_ALL];
	struct souk_sponsor_viewer viewers[VIEWERS_MAX];
	uint32_t viewer_slots[SOUK_MAP_SLOTS(VIEWERS_MAX)];
	struct souk_sponsor_prefix prefixes[1];
	uint32_t prefix_slots[SOUK_MAP_SLOTS(1)];
	struct souk_sponsor_bundle bundles[BUNDLES_MAX];
	uint32_t bundle_slots[SOUK_MAP_SLOTS(BUNDLES_MAX)];
	uint32_t draw[CACHES_ALL];
	struct souk_allotment_leaf leaves[LEAF_COUNT];
	struct souk_payer_leaf free[LEAF_COUNT];
	struct souk_identity played[CACHES_ALL]; /* the caches */
	struct souk_strip_open
		proofs[CACHES_ALL]; /* leaf and path of each, as the sponsor keeps them */
	struct viewing viewings[BATCH];
	struct souk_lmdb_store *lmdb;
	struct souk_lmdb_txn *txn;
	struct souk_store store;
	uint32_t in_txn;
	uint8_t *source;
	uint64_t number; /* of viewers so far */
	struct souk_sponsor_work work;
	struct souk_bundle_open open;
	uint8_t answer[SOUK_BUNDLE_OPEN_SIZE_MAX];
	double phase_s[PHASE_COUNT];
	double locked_s; /* of these: what needs the machine, which one thread has at a time */
	double since;
};

static double thread_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void clock_start(struct issue *issue)
{
	issue->since = thread_s();
}

/* What passed is PHASE's; the clock goes on. */
static void clock_take(struct issue *issue, enum phase phase)
{
	double now = thread_s();
	issue->phase_s[phase] += now - issue->since;
	issue->since = now;
}

/* The machine is needed until clock_unlock, or not until then. */
static void clock_lock(struct issue *issue)
{
	issue->locked_s -= thread_s();
}

static void clock_unlock(struct issue *issue)
{
	issue->locked_s += thread_s();
}

static void identity_of(struct souk_identity *ret, uint64_t seed)
{
	struct souk_secret_rng rng;
	struct souk_hash hash = souk_sha256_of(&seed, sizeof seed);
	souk_secret_rng_init(&rng, hash.bytes);
	souk_identity_generate(ret, &rng);
}

/* ------------------------------------------------------------------ the store */

#define PUT(kind, name, size_max, key, key_size, record)                                           \
	do {                                                                                       \
		static uint8_t bytes_[size_max];                                                   \
		struct souk_writer writer_;                                                        \
		struct souk_bytes value_;                                                          \
		uint8_t id_[1 + 64] = {(kind)};                                                    \
		memcpy(id_ + 1, (key), (key_size));                                                \
		souk_writer_init(&writer_, bytes_, sizeof bytes_);                                 \
		souk_##name##_encode(&writer_, (record));                                          \
		SOUK_CHECK(souk_writer_finish(&writer_, &value_) == SOUK_OK);                      \
		SOUK_CHECK(souk_store_put(&issue->store, souk_bytes_of(id_, 1 + (key_size)),       \
				   value_) == SOUK_OK);                                            \
	} while (0)

static void put_effect(struct issue *issue, const struct souk_sponsor_effect *effect)
{
	const struct souk_sponsor_bundle *b = &issue->bundles[effect->index];
	const struct souk_sponsor_viewer *viewer = &issue->viewers[effect->index];
	uint8_t number[4];
	souk_store_be32(number, effect->index);
	switch (effect->kind) {
	case SOUK_SPONSOR_STORE_TOTALS:
		PUT('T', sponsor_totals_record, SOUK_SPONSOR_TOTALS_RECORD_SIZE_MAX, "", 0,
			&issue->sponsor.totals);
		break;
	case SOUK_SPONSOR_STORE_CONTENT:
		PUT('C', sponsor_content_record, SOUK_SPONSOR_CONTENT_RECORD_SIZE_MAX, number, 4,
			&issue->contents[effect->index].record);
		break;
	case SOUK_SPONSOR_STORE_CACHE:
		PUT('K', sponsor_cache_record, SOUK_SPONSOR_CACHE_RECORD_SIZE_MAX, number, 4,
			&issue->caches[effect->index].record);
		break;
	case SOUK_SPONSOR_STORE_VIEWER:
		PUT('V', sponsor_viewer_record, SOUK_SPONSOR_VIEWER_RECORD_SIZE_MAX,
			viewer->address.bytes, SOUK_ADDRESS_SIZE, &viewer->record);
		break;
	case SOUK_SPONSOR_STORE_BUNDLE:
		PUT('B', sponsor_bundle_record, SOUK_SPONSOR_BUNDLE_RECORD_SIZE_MAX,
			b->record.bundle.bytes, SOUK_NONCE_SIZE, &b->record);
		break;
	}
}

static void commit(struct issue *issue)
{
	if (issue->in_txn == 0)
		return;
	SOUK_CHECK(souk_lmdb_txn_commit(issue->txn) == SOUK_OK);
	issue->in_txn = 0;
}

/* What a message changed; the last of a group commits. */
static void store(struct issue *issue)
{
	struct souk_sponsor_effect effect;
	if (issue->in_txn == 0)
		SOUK_CHECK(souk_lmdb_store_begin(issue->lmdb, SOUK_LMDB_WRITE, &issue->txn,
				   &issue->store) == SOUK_OK);
	issue->in_txn++;
	while (souk_sponsor_next_effect(&issue->sponsor, &effect))
		put_effect(issue, &effect);
	if (issue->in_txn == COMMIT_GROUP)
		commit(issue);
}

static bool open_store(struct issue *issue, const char *workdir)
{
	char path[400];
	snprintf(path, sizeof path, "%s/sponsor.mdb", workdir);
	const struct souk_lmdb_config config = {
		.path = path, .map_size_max = 4ull << 30, .is_fast_unsafe = true};
	return souk_lmdb_store_open(&issue->lmdb, &config) == SOUK_OK;
}

static void close_store(struct issue *issue, const char *workdir)
{
	char path[400];
	commit(issue);
	souk_lmdb_store_close(issue->lmdb);
	snprintf(path, sizeof path, "%s/sponsor.mdb", workdir);
	unlink(path);
	snprintf(path, sizeof path, "%s/sponsor.mdb-lock", workdir);
	unlink(path);
}

/* ------------------------------------------------------------------ the sponsor */

static souk_status read_source(
	void *ctx, const struct souk_hash *content, uint64_t offset, uint8_t *out, uint32_t size)
{
	const struct issue *issue = ctx;
	(void)content;
	memcpy(out, issue->source + offset % (SOURCE_BYTES - SOUK_PUZZLE_PIECE_MAX - 64), size);
	return SOUK_OK;
}

static void allot(struct issue *issue)
{
	struct souk_sum_node root, nodes[LEAF_COUNT];
	for (uint32_t i = 0; i < LEAF_COUNT; i++) {
		issue->leaves[i] = (struct souk_allotment_leaf){
			.provider = issue->played[i % CACHES_ALL].address,
			.issuer = issue->identity.address,
			.amount = souk_amount_of_ncoin(UINT64_MAX >> 8)};
		issue->free[i] = (struct souk_payer_leaf){.escrow = issue->escrow,
			.epoch = EPOCH,
			.index = i,
			.amount = issue->leaves[i].amount};
	}
	SOUK_CHECK(souk_allotment_commit(&root, issue->leaves, LEAF_COUNT, nodes) == SOUK_OK);
	for (uint32_t i = 0; i < CACHES_ALL; i++)
		SOUK_CHECK(souk_allotment_prove(&issue->proofs[i], issue->leaves, LEAF_COUNT, i,
				   nodes) == SOUK_OK);
}

static void recruit(struct issue *issue, const struct souk_identity *cache)
{
	struct souk_signed_recruit recruit;
	struct souk_signed_enlist enlist = {0};
	souk_sponsor_recruit(&issue->sponsor, &cache->address, &issue->content.id,
		souk_amount_of_ncoin(PRICE), SOUK_TIME_NEVER, &recruit);
	enlist.enlist = (struct souk_enlist){.version = SOUK_SPONSOR_VERSION,
		.recruit = souk_recruit_digest(&recruit.recruit),
		.provider_key = cache->pubkey};
	souk_enlist_sign(&enlist, cache);
	enlist.offer.offer = (struct souk_offer){.version = SOUK_EXCHANGE_VERSION,
		.provider = cache->address,
		.content = issue->content.id,
		.size = issue->content.size,
		.chunk_size = issue->content.chunk_size,
		.price = souk_amount_of_ncoin(PRICE),
		/* A segment is half a window at most. */
		.window = (uint16_t)(2 * issue->row->segment),
		.units_max = SOUK_BUNDLE_UNITS_MAX,
		.expires = SOUK_TIME_NEVER};
	SOUK_CHECK(souk_text_set(&enlist.offer.offer.data_url, "http://127.0.0.1:7611") == SOUK_OK);
	souk_offer_sign(&enlist.offer, cache);
	SOUK_CHECK(souk_sponsor_enlist(&issue->sponsor, &recruit, &enlist, NOW) == SOUK_OK);
}

static void start_sponsor(struct issue *issue)
{
	const struct content_issue_row *row = issue->row;
	const struct souk_hash beacon = {{9}};
	const struct souk_sponsor_memory memory = {
		.contents = issue->contents,
		.content_max = 1,
		.caches = issue->caches,
		.cache_max = CACHES_ALL,
		.viewers = issue->viewers,
		.viewer_slots = issue->viewer_slots,
		.viewer_max = VIEWERS_MAX,
		.prefixes = issue->prefixes,
		.prefix_slots = issue->prefix_slots,
		.prefix_max = 1,
		.bundles = issue->bundles,
		.bundle_slots = issue->bundle_slots,
		.bundle_max = BUNDLES_MAX,
		.draw = issue->draw,
	};
	const struct souk_sponsor_config config = {
		.identity = &issue->identity,
		.escrow = issue->escrow,
		.seed = {1},
		.budget = souk_amount_of_ncoin(UINT64_MAX >> 2),
		.caches = (uint16_t)row->caches,
		.segment = (uint16_t)row->segment,
		.units_max = SOUK_BUNDLE_UNITS_MAX,
		.drawn_ms = 60000,
		.bundle_ms = 600000,
		.puzzle = {.mode = SOUK_PUZZLE_FAST,
			.rounds = SOUK_PUZZLE_ROUNDS_DEFAULT,
			.starts = row->starts},
		.source = {issue, read_source},
	};
	souk_sponsor_init(&issue->sponsor, &config, &memory);
	SOUK_CHECK(souk_sponsor_add_content(&issue->sponsor, &issue->content, &issue->content.id,
			   souk_amount_of_ncoin(UINT64_MAX >> 2)) == SOUK_OK);
	souk_sponsor_set_epoch(&issue->sponsor, EPOCH, SOUK_TIME_NEVER, &beacon, NOW);
	for (uint32_t i = 0; i < CACHES_ALL; i++) {
		identity_of(&issue->played[i], 1000 + i);
		recruit(issue, &issue->played[i]);
	}
	allot(issue);
}

/* ------------------------------------------------------------------ one message after the other */

static struct souk_bytes view(const struct viewing *v)
{
	return souk_bytes_of(v->message, v->size);
}

#define ENCODE(name, v, value)                                                                     \
	do {                                                                                       \
		struct souk_writer writer_;                                                        \
		struct souk_bytes encoded_;                                                        \
		souk_writer_init(&writer_, (v)->message, sizeof(v)->message);                      \
		souk_##name##_encode(&writer_, (value));                                           \
		SOUK_CHECK(souk_writer_finish(&writer_, &encoded_) == SOUK_OK);                    \
		(v)->size = encoded_.size;                                                         \
	} while (0)

/* The viewer's part, off the clock. */
static void play_ask(struct issue *issue, struct viewing *v)
{
	struct souk_signed_bundle_ask ask = {0};
	identity_of(&v->viewer, (1ull << 32) + issue->number++);
	ask.ask = (struct souk_bundle_ask){.version = SOUK_SPONSOR_VERSION,
		.sponsor = issue->identity.address,
		.viewer = v->viewer.address,
		.content = issue->content.id,
		.chunks = issue->row->caches * issue->row->units};
	souk_bundle_ask_sign(&ask, &v->viewer);
	ENCODE(signed_bundle_ask, v, &ask);
}

static uint32_t index_of(const struct issue *issue, const struct souk_address *cache)
{
	for (uint32_t i = 0; i < CACHES_ALL; i++) {
		if (souk_address_equal(&issue->played[i].address, cache))
			return i;
	}
	SOUK_CHECK(false);
	return 0;
}

/* The leaf of each cache, and where it is in the allotment. */
static void find_leaves(struct issue *issue, struct souk_payer_leaf **ret)
{
	const struct souk_sponsor_bundle_record *r = &issue->work.record;
	for (uint32_t i = 0; i < r->sessions.count; i++) {
		uint32_t index = index_of(issue, &r->sessions.items[i].provider);
		struct souk_strip_open *strip = &issue->open.sessions.items[i].strip;
		ret[i] = &issue->free[index];
		strip->leaf = issue->proofs[index].leaf;
		strip->leaf_path = issue->proofs[index].leaf_path;
	}
}

static void draw(struct issue *issue, const struct souk_signed_bundle_ask *ask)
{
	clock_lock(issue);
	SOUK_CHECK(souk_sponsor_ask_begin(&issue->sponsor, &ask->ask, NOW) == SOUK_OK);
	clock_unlock(issue);
	SOUK_CHECK(souk_sponsor_ask_verify(&issue->identity.address, &issue->sponsor.config.site,
			   ask, NOW) == SOUK_OK);
	clock_lock(issue);
	SOUK_CHECK(souk_sponsor_ask_draw(&issue->sponsor, &ask->ask, 1, NOW, &issue->work,
			   &issue->open) == SOUK_OK);
	clock_unlock(issue);
	SOUK_CHECK(issue->open.offer.offer.units == issue->row->units);
}

static void open_sessions(struct issue *issue)
{
	struct souk_payer_leaf *leaves[SOUK_BUNDLE_CACHES_MAX];
	souk_sponsor_ask_compute(&issue->work, &issue->open);
	find_leaves(issue, leaves);
	clock_lock(issue);
	SOUK_CHECK(souk_sponsor_ask_finish(
			   &issue->sponsor, &issue->work, leaves, NOW, &issue->open) == SOUK_OK);
	clock_unlock(issue);
	souk_sponsor_ask_sign(&issue->open, &issue->identity);
}

static void serve_ask(struct issue *issue, struct viewing *v)
{
	struct souk_signed_bundle_ask ask;
	struct souk_writer writer;
	SOUK_CHECK(souk_signed_bundle_ask_decode(&ask, view(v), NULL) == SOUK_OK);
	draw(issue, &ask);
	open_sessions(issue);
	v->bundle = issue->open.offer.offer.bundle;
	clock_take(issue, PHASE_ASK);
	store(issue);
	clock_take(issue, PHASE_STORE);
	souk_writer_init(&writer, issue->answer, sizeof issue->answer);
	souk_bundle_open_encode(&writer, &issue->open);
	SOUK_CHECK(!writer.full);
	clock_take(issue, PHASE_ASK);
}

static void play_claim(struct issue *issue, struct viewing *v, uint32_t segment)
{
	const struct souk_sponsor_bundle *b = souk_sponsor_bundle_of(&issue->sponsor, &v->bundle);
	struct souk_segment_claim claim = {.bundle = v->bundle, .segment = segment};
	SOUK_CHECK(b != NULL && b->has_token);
	claim.token.size = (uint16_t)b->token.size;
	memcpy(claim.token.data, b->token.bytes, b->token.size);
	ENCODE(segment_claim, v, &claim);
}

static void serve_claim(struct issue *issue, struct viewing *v)
{
	struct souk_segment_claim claim;
	static struct souk_segment_tickets tickets;
	static uint8_t answer[SOUK_SEGMENT_TICKETS_SIZE_MAX];
	struct souk_writer writer;
	SOUK_CHECK(souk_segment_claim_decode(&claim, view(v), NULL) == SOUK_OK);
	struct souk_sponsor_work *work = &issue->work;
	clock_lock(issue);
	SOUK_CHECK(souk_sponsor_claim_begin(&issue->sponsor, &claim, NOW, work) == SOUK_OK);
	clock_unlock(issue);
	souk_sponsor_claim_compute(work, &claim);
	clock_lock(issue);
	SOUK_CHECK(souk_sponsor_claim_finish(&issue->sponsor, work, &claim, NOW) == SOUK_OK);
	clock_unlock(issue);
	souk_sponsor_claim_answer(work, &claim, &tickets);
	clock_take(issue, PHASE_CLAIM);
	store(issue);
	clock_take(issue, PHASE_STORE);
	souk_writer_init(&writer, answer, sizeof answer);
	souk_segment_tickets_encode(&writer, &tickets);
	SOUK_CHECK(!writer.full);
	clock_take(issue, PHASE_CLAIM);
}

/* All of a batch play, then all are served: the clock runs while the sponsor works. */
static void run_batch(struct issue *issue)
{
	for (uint32_t i = 0; i < BATCH; i++)
		play_ask(issue, &issue->viewings[i]);
	clock_start(issue);
	for (uint32_t i = 0; i < BATCH; i++)
		serve_ask(issue, &issue->viewings[i]);
	for (uint32_t segment = 0; segment < issue->row->segments; segment++) {
		for (uint32_t i = 0; i < BATCH; i++)
			play_claim(issue, &issue->viewings[i], segment);
		clock_start(issue);
		for (uint32_t i = 0; i < BATCH; i++)
			serve_claim(issue, &issue->viewings[i]);
	}
}

/* ------------------------------------------------------------------ a row */

static void measure(struct issue *issue, double seconds)
{
	struct content_issue_row *row = issue->row;
	const struct souk_bundle_plan plan = {.content = issue->content,
		.caches = row->caches,
		.units = row->units,
		.segment = row->segment};
	uint64_t bundles = 0;
	double all_s = 0;
	row->segments = souk_bundle_segment_count(&plan);
	run_batch(issue); /* warms up */
	memset(issue->phase_s, 0, sizeof issue->phase_s);
	issue->locked_s = 0;
	for (; all_s < seconds && issue->number + BATCH <= VIEWERS_MAX; bundles += BATCH) {
		run_batch(issue);
		all_s = 0;
		for (int i = 0; i < PHASE_COUNT; i++)
			all_s += issue->phase_s[i];
	}
	row->ask_us = issue->phase_s[PHASE_ASK] / (double)bundles * 1e6;
	row->claim_us = issue->phase_s[PHASE_CLAIM] / (double)bundles * 1e6;
	row->store_us = issue->phase_s[PHASE_STORE] / (double)bundles * 1e6;
	row->locked_us = issue->locked_s / (double)bundles * 1e6;
	row->bundles_per_s = (double)bundles / all_s;
	row->tbps = row->bundles_per_s * row->caches * row->units * row->chunk_bytes * 8 / 1e12;
}

static bool run_row(struct content_issue_row *row, const char *workdir, double seconds)
{
	struct issue *issue = calloc(1, sizeof *issue);
	uint8_t *source = malloc(SOURCE_BYTES);
	bool good = issue != NULL && source != NULL && open_store(issue, workdir);
	if (good) {
		struct souk_rng rng;
		souk_rng_init(&rng, 5);
		souk_rng_fill(&rng, source, SOURCE_BYTES);
		issue->row = row;
		issue->source = source;
		issue->escrow = (struct souk_hash){{3}};
		issue->content = (struct souk_content){.id = {{4}},
			.chunk_size = row->chunk_bytes,
			.size = (uint64_t)row->chunk_bytes * row->caches * row->units};
		identity_of(&issue->identity, 1);
		start_sponsor(issue);
		measure(issue, seconds);
		close_store(issue, workdir);
	} else {
		fprintf(stderr, "souk bench content: no memory or store for the sponsor\n");
	}
	free(issue);
	free(source);
	return good;
}

bool content_issue_run(
	struct content_issue_row rows[CONTENT_ISSUE_ROWS], const char *workdir, bool is_quick)
{
	static const struct content_issue_row asked[CONTENT_ISSUE_ROWS] = {
		{.chunk_bytes = 1u << 20,
			.caches = 6,
			.units = 64,
			.segment = 16,
			.starts = SOUK_PUZZLE_STARTS_DEFAULT},
		{.chunk_bytes = 1u << 20, .caches = 6, .units = 64, .segment = 16, .starts = 16384},
		{.chunk_bytes = 1u << 20,
			.caches = 6,
			.units = 8,
			.segment = 8,
			.starts = SOUK_PUZZLE_STARTS_DEFAULT},
		{.chunk_bytes = 1u << 18,
			.caches = 6,
			.units = 64,
			.segment = 16,
			.starts = SOUK_PUZZLE_STARTS_DEFAULT},
		{.chunk_bytes = 1u << 20,
			.caches = 6,
			.units = 1024,
			.segment = 16,
			.starts = SOUK_PUZZLE_STARTS_DEFAULT},
	};
	for (unsigned i = 0; i < CONTENT_ISSUE_ROWS; i++) {
		rows[i] = asked[i];
		if (!run_row(&rows[i], workdir, is_quick ? 0.1 : 1.0))
			return false;
	}
	return true;
}
