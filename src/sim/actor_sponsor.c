/* SPDX-License-Identifier: Apache-2.0 */
#include "actor_sponsor.h"

#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "audit.h"
#include "ledger.h"
#include "souk/base/check.h"
#include "souk/crypto/sum_tree.h"

#define ROUND_MS     250u
#define DRAWN_MS     10000u
#define BUNDLE_MS    (10u * 60 * 1000)
#define VIEWERS	     4096u
#define BUNDLES	     1024u
#define PUZZLE_STEPS 5u

enum { UNITS, STARTS, REPLICA_UNITS, HOLD };

/* ---------------------------------------------------------------- what follows from who they are
 */

/* The eight bytes of a content from 8 * NUMBER on, the first one lowest. */
static uint64_t word_of(uint64_t content, uint64_t number)
{
	uint64_t x = content ^ (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

void sim_sponsor_bytes(const struct souk_hash *content, uint64_t offset, uint8_t *out, size_t size)
{
	uint64_t base = souk_load_be64(content->bytes);
	for (size_t i = 0; i < size;) {
		uint64_t word = word_of(base, (offset + i) / 8) >> 8 * ((offset + i) % 8);
		size_t count = 8 - (size_t)((offset + i) % 8);
		for (; count > 0 && i < size; count--, i++, word >>= 8)
			out[i] = (uint8_t)word;
	}
}

static void recruit_of(const struct sim_node *sponsor, const struct sim_node *provider,
	const struct souk_hash *content, struct souk_amount price, struct souk_signed_recruit *ret)
{
	const struct sim_sponsor *s = sponsor->state;
	ret->recruit = (struct souk_recruit){
		.version = SOUK_SPONSOR_VERSION,
		.sponsor = sponsor->identity.address,
		.sponsor_key = sponsor->identity.pubkey,
		.provider = provider->identity.address,
		.escrow = s->escrow,
		.content = *content,
		.price = price,
		.expires = SOUK_TIME_NEVER,
	};
}

static bool is_sponsor(const struct sim_node *node)
{
	return node->actor == &sim_sponsor_actor;
}

struct sim_node *sim_sponsor_pick(struct sim_world *world, uint32_t number)
{
	const struct sim_scenario *scenario = sim_world_scenario(world);
	uint32_t count = 0, node_count = sim_node_count(world);
	for (uint32_t i = 0; i < scenario->population_count; i++)
		count += strcmp(scenario->populations[i].actor, sim_sponsor_actor.name) == 0
				 ? (uint32_t)scenario->populations[i].count
				 : 0;
	if (count == 0)
		return NULL;
	number %= count;
	for (uint32_t id = 0; id < node_count; id++) {
		struct sim_node *node = sim_node_at(world, id);
		if (is_sponsor(node) && number-- == 0)
			return node;
	}
	return NULL;
}

bool sim_sponsor_secret(struct sim_node *provider, const struct souk_hash *escrow,
	const struct souk_hash *content, struct souk_amount price, struct souk_hash *ret)
{
	struct souk_signed_recruit recruit;
	for (uint32_t i = 0;; i++) {
		const struct sim_node *sponsor = sim_sponsor_pick(provider->world, i);
		if (sponsor == NULL || (i > 0 && sponsor == sim_sponsor_pick(provider->world, 0)))
			return false;
		const struct sim_sponsor *s = sponsor->state;
		if (!souk_hash_equal(&s->escrow, escrow))
			continue;
		recruit_of(sponsor, provider, content, price, &recruit);
		return souk_sponsor_secret(ret, &provider->identity, &sponsor->identity.pubkey,
			       &recruit.recruit) == SOUK_OK;
	}
}

/* ---------------------------------------------------------------- the person */

static void make(struct sim_node *node, const struct sim_population *population)
{
	struct sim_sponsor *s = sim_alloc(sizeof *s);
	node->state = s;
	s->node = node;
	sim_sponsor_open_escrow(s, population);
}

static void done(struct sim_node *node)
{
	free(node->state);
	node->state = NULL;
}

/* ---------------------------------------------------------------- the process */

static souk_status read_source(
	void *ctx, const struct souk_hash *content, uint64_t offset, uint8_t *out, uint32_t size)
{
	(void)ctx;
	sim_sponsor_bytes(content, offset, out, size);
	return SOUK_OK;
}

/* PART bytes of BLOCK, and on. */
static void *carve(uint8_t **block, size_t part)
{
	void *at = *block;
	*block += (part + 15) / 16 * 16;
	return at;
}

static void make_tables(struct sim_sponsor *s, struct souk_sponsor_memory *memory)
{
	uint32_t contents = sim_content_count(s->node->world);
	uint32_t nodes = sim_node_count(s->node->world);
	*memory = (struct souk_sponsor_memory){
		.content_max = contents,
		.cache_max = nodes * contents,
		.viewer_max = VIEWERS,
		.prefix_max = VIEWERS,
		.bundle_max = BUNDLES,
	};
	uint8_t *block = s->memory =
		sim_alloc(contents * sizeof *memory->contents +
			  memory->cache_max * (sizeof *memory->caches + sizeof(uint32_t)) +
			  VIEWERS * (sizeof *memory->viewers + sizeof *memory->prefixes) +
			  2 * SOUK_MAP_SLOTS((size_t)VIEWERS) * sizeof(uint32_t) +
			  SOUK_MAP_SLOTS((size_t)BUNDLES) * sizeof(uint32_t) +
			  BUNDLES * sizeof *memory->bundles + 256);
	memory->contents = carve(&block, contents * sizeof *memory->contents);
	memory->caches = carve(&block, memory->cache_max * sizeof *memory->caches);
	memory->draw = carve(&block, memory->cache_max * sizeof *memory->draw);
	memory->viewers = carve(&block, VIEWERS * sizeof *memory->viewers);
	memory->prefixes = carve(&block, VIEWERS * sizeof *memory->prefixes);
	memory->viewer_slots = carve(&block, SOUK_MAP_SLOTS((size_t)VIEWERS) * sizeof(uint32_t));
	memory->prefix_slots = carve(&block, SOUK_MAP_SLOTS((size_t)VIEWERS) * sizeof(uint32_t));
	memory->bundles = carve(&block, BUNDLES * sizeof *memory->bundles);
	memory->bundle_slots = carve(&block, SOUK_MAP_SLOTS((size_t)BUNDLES) * sizeof(uint32_t));
}

static void make_machine(struct sim_sponsor *s)
{
	const struct sim_scenario *scenario = sim_world_scenario(s->node->world);
	const struct sim_population *of = &scenario->populations[s->node->population];
	struct souk_sponsor_memory memory;
	struct souk_sponsor_config config = {
		.identity = &s->node->identity,
		.escrow = s->escrow,
		.budget = souk_amount_of_ncoin(UINT64_C(1) << 60),
		.caches = (uint16_t)scenario->bundle,
		.share = (uint32_t)scenario->share,
		.segment = (uint16_t)(scenario->segment_units < SOUK_BUNDLE_SEGMENT_MAX
					      ? scenario->segment_units
					      : SOUK_BUNDLE_SEGMENT_MAX),
		.units_max = (uint32_t)of->knobs[UNITS],
		.viewer_units = scenario->quota_units,
		.prefix_units = scenario->prefix_quota_units,
		.drawn_ms = DRAWN_MS,
		.bundle_ms = BUNDLE_MS,
		.puzzle = {.mode = scenario->puzzle != 0 ? SOUK_PUZZLE_FAST : 0,
			.rounds = PUZZLE_STEPS,
			.starts = (uint32_t)of->knobs[STARTS]},
		.source = {NULL, read_source},
	};
	make_tables(s, &memory);
	sim_seed(s->node, config.seed);
	s->sponsor = sim_alloc(sizeof *s->sponsor);
	souk_sponsor_init(s->sponsor, &config, &memory);
	for (uint32_t i = 0; i < memory.content_max; i++)
		SOUK_CHECK(souk_sponsor_add_content(s->sponsor,
				   sim_contents_at(sim_world_contents(s->node->world), i), NULL,
				   config.budget) == SOUK_OK);
}

static void arm(struct sim_sponsor *s)
{
	uint64_t us = s->round_us;
	if (s->writes.is_running && s->writes.durable_us < us)
		us = s->writes.durable_us;
	if (us == s->armed_us)
		return;
	s->armed_us = us;
	sim_wake_us(s->node, us);
}

static void start(struct sim_node *node)
{
	struct sim_sponsor *s = sim_sponsor_of(node);
	uint32_t nodes = sim_node_count(node->world);
	const struct sim_population *of =
		&sim_world_scenario(node->world)->populations[node->population];
	s->is_running = true;
	s->armed_us = SIM_NEVER_US;
	s->round_us = sim_time_us(node->world);
	s->limit = sim_alloc(sizeof *s->limit);
	s->leaf_max = nodes;
	s->leaves = sim_alloc(nodes * sizeof *s->leaves);
	s->free = sim_alloc(nodes * sizeof *s->free);
	s->scratch = sim_alloc(2 * nodes * sizeof *s->scratch); /* rows are padded */
	s->open = sim_alloc(sizeof *s->open);
	s->work = sim_alloc(sizeof *s->work);
	s->bytes = sim_alloc(SOUK_SPONSOR_BUNDLE_RECORD_SIZE_MAX);
	s->replica_units = of->knobs[REPLICA_UNITS];
	s->hold_ms = of->knobs[HOLD];
	s->crews = sim_alloc(sim_content_count(node->world) * sizeof *s->crews);
	s->prospects = sim_alloc(nodes * sizeof *s->prospects);
	s->is_spoilt = node->incarnation > 0;
	sim_writes_init(&s->writes, node);
	make_machine(s);
	sim_sponsor_restore(s);
	arm(s);
}

static void crash(struct sim_node *node)
{
	struct sim_sponsor *s = sim_sponsor_of(node);
	if (!s->is_running)
		return;
	for (uint32_t i = 0; i < SIM_SPONSOR_ANSWERS; i++)
		free(s->answers[i].bytes);
	sim_writes_free(&s->writes);
	free(s->sponsor);
	free(s->memory);
	free(s->limit);
	free(s->leaves);
	free(s->free);
	free(s->scratch);
	free(s->open);
	free(s->work);
	free(s->bytes);
	free(s->crews);
	free(s->prospects);
	*s = (struct sim_sponsor){
		.node = node, .escrow = s->escrow, .line = s->line, .token_count = s->token_count};
}

/* ---------------------------------------------------------------- caches */

souk_status sim_sponsor_enlist(
	struct sim_sponsor *s, const struct souk_address *address, uint32_t number)
{
	struct sim_node *provider = sim_node_of(s->node->world, address);
	const struct sim_scenario *scenario = sim_world_scenario(s->node->world);
	const struct souk_content *content =
		sim_contents_at(sim_world_contents(s->node->world), number);
	struct souk_amount price = sim_provider_of(provider)->price;
	struct souk_signed_recruit recruit;
	struct souk_signed_enlist enlist = {0};
	recruit_of(s->node, provider, &content->id, price, &recruit);
	souk_recruit_sign(&recruit, &s->node->identity);
	enlist.enlist = (struct souk_enlist){
		.version = SOUK_SPONSOR_VERSION,
		.recruit = souk_recruit_digest(&recruit.recruit),
		.provider_key = provider->identity.pubkey,
	};
	souk_enlist_sign(&enlist, &provider->identity);
	enlist.offer.offer = (struct souk_offer){
		.version = SOUK_EXCHANGE_VERSION,
		.provider = provider->identity.address,
		.content = content->id,
		.size = content->size,
		.chunk_size = content->chunk_size,
		.price = price,
		.window = (uint16_t)scenario->window,
		.units_max = (uint32_t)scenario->session_units,
		.expires = SOUK_TIME_NEVER,
	};
	souk_offer_sign(&enlist.offer, &provider->identity);
	SOUK_TRY(souk_sponsor_enlist(s->sponsor, &recruit, &enlist, sim_now(s->node)));
	sim_provider_promise(sim_provider_of(provider), &s->escrow, number);
	return SOUK_OK;
}

/* Whoever has a leaf now. */
static void enlist_all(struct sim_sponsor *s)
{
	for (uint32_t i = 0; i < s->leaf_count; i++) {
		struct sim_node *provider = sim_node_of(s->node->world, &s->leaves[i].provider);
		for (uint32_t number = 0; number < sim_content_count(s->node->world); number++) {
			if (!sim_provider_stocks(sim_provider_of(provider), number))
				continue;
			souk_status status = sim_sponsor_enlist(s, &s->leaves[i].provider, number);
			if (status != SOUK_OK && status != SOUK_LOCAL_STATE)
				sim_say(s->node, "cannot enlist %u: %s", provider->id,
					souk_status_name(status));
		}
	}
	s->wants_commit = true;
}

void sim_sponsor_audited(struct sim_node *sponsor, const struct souk_address *viewer,
	const struct souk_nonce *bundle, const struct souk_address *provider, souk_status seen)
{
	struct sim_sponsor *s = sim_sponsor_of(sponsor);
	if (!sponsor->is_up || !s->is_running || souk_sponsor_audit(s->sponsor, viewer) != SOUK_OK)
		return;
	souk_status status = souk_sponsor_audited(s->sponsor, bundle, provider, seen);
	if (status == SOUK_OK && souk_status_class(seen) == SOUK_CLASS_PEER)
		sim_say(sponsor, "bars %u: %s", sim_node_of(sponsor->world, provider)->id,
			souk_status_name(seen));
	s->wants_commit = true;
}

/* ---------------------------------------------------------------- viewers */

uint64_t sim_sponsor_network(struct sim_world *world, uint32_t id)
{
	const struct sim_node *node = sim_node_at(world, id);
	const struct sim_population *of = &sim_world_scenario(world)->populations[node->population];
	uint32_t first = id;
	if (of->prefixes == 0)
		return id;
	while (first > 0 && sim_node_at(world, first - 1)->population == node->population)
		first--;
	return (uint64_t)(node->population + 1) << 32 | (id - first) % of->prefixes;
}

static void refuse(struct sim_sponsor *s, struct sim_message *answer, souk_status status)
{
	answer->status = status;
	sim_send(s->node, answer);
}

#define ENCODE(name, size_max, answer, value)                                                      \
	do {                                                                                       \
		struct souk_writer writer_;                                                        \
		(answer)->bytes = sim_alloc(size_max);                                             \
		souk_writer_init(&writer_, (answer)->bytes, size_max);                             \
		souk_##name##_encode(&writer_, (value));                                           \
		SOUK_CHECK(!writer_.full);                                                         \
		(answer)->size = (uint32_t)writer_.size;                                           \
	} while (0)

static void hold(struct sim_sponsor *s, struct sim_message *answer)
{
	sim_writes_hold(&s->writes, answer);
	s->wants_commit = true;
}

static void keep_answer(struct sim_sponsor *s, const struct sim_message *answer)
{
	struct sim_sponsor_answer *kept = &s->answers[s->answer_count++ % SIM_SPONSOR_ANSWERS];
	free(kept->bytes);
	*kept = (struct sim_sponsor_answer){
		s->open->offer.offer.bundle, answer->size, sim_alloc(answer->size)};
	memcpy(kept->bytes, answer->bytes, answer->size);
}

static souk_status answer_again(
	struct sim_sponsor *s, const struct souk_nonce *bundle, struct sim_message *answer)
{
	for (uint32_t i = 0; i < SIM_SPONSOR_ANSWERS; i++) {
		const struct sim_sponsor_answer *kept = &s->answers[i];
		if (kept->bytes == NULL || memcmp(&kept->bundle, bundle, sizeof *bundle) != 0)
			continue;
		answer->bytes = sim_alloc(kept->size);
		answer->size = kept->size;
		memcpy(answer->bytes, kept->bytes, kept->size);
		return SOUK_OK;
	}
	return SOUK_PEER_OUT_OF_ORDER;
}

static void note_opened(struct sim_sponsor *s)
{
	for (uint32_t i = 0; i < s->open->sessions.count; i++) {
		const struct souk_strip_open *open = &s->open->sessions.items[i].strip;
		sim_note(s->node,
			&(struct sim_note){.kind = SIM_NOTE_OPENED,
				.peer = sim_node_of(s->node->world, &open->strip.payee)->id,
				.session = open->strip.nonce,
				.unit = open->strip.count,
				.amount = open->strip.price,
				.strip = open});
	}
	s->node->tally.sessions++;
}

/* The bundle of s->work is drawn: its sessions, in s->open. */
static souk_status open_bundle(struct sim_sponsor *s)
{
	struct souk_payer_leaf *leaves[SOUK_BUNDLE_CACHES_MAX];
	for (uint32_t i = 0; i < s->work->record.sessions.count; i++) {
		leaves[i] = sim_sponsor_leaf(s, &s->work->record.sessions.items[i].provider,
			&s->open->sessions.items[i].strip);
		if (leaves[i] == NULL)
			return SOUK_LOCAL_FULL;
	}
	souk_sponsor_ask_compute(s->work, s->open);
	souk_status status =
		souk_sponsor_ask_finish(s->sponsor, s->work, leaves, sim_now(s->node), s->open);
	if (status != SOUK_OK)
		return status == SOUK_PEER_STRIP_RANGE ? SOUK_LOCAL_FULL : status;
	souk_sponsor_ask_sign(s->open, &s->node->identity);
	return SOUK_OK;
}

static souk_status take_ask(struct sim_sponsor *s, const struct sim_message *message)
{
	struct souk_signed_bundle_ask ask;
	struct souk_time now = sim_now(s->node);
	const struct souk_sponsor_config *config = &s->sponsor->config;
	SOUK_TRY(souk_signed_bundle_ask_decode(&ask, sim_message_bytes(message), NULL));
	SOUK_TRY(souk_sponsor_ask_begin(s->sponsor, &ask.ask, now));
	souk_status status =
		souk_sponsor_ask_verify(&config->identity->address, &config->site, &ask, now);
	if (status != SOUK_OK) {
		souk_sponsor_note_refused(s->sponsor);
		return status;
	}
	SOUK_TRY(souk_sponsor_ask_draw(s->sponsor, &ask.ask,
		sim_sponsor_network(s->node->world, message->from), now, s->work, s->open));
	return open_bundle(s);
}

static void answer_ask(
	struct sim_sponsor *s, const struct sim_message *message, struct sim_message *answer)
{
	souk_status status = take_ask(s, message);
	/* Whoever was drawn is charged for, whatever became of it. */
	s->wants_commit = true;
	if (status == SOUK_OK) {
		ENCODE(bundle_open, SOUK_BUNDLE_OPEN_SIZE_MAX, answer, s->open);
		keep_answer(s, answer);
		note_opened(s);
	} else if (status == SOUK_LOCAL_EXISTS) {
		status = answer_again(s, &s->work->record.bundle, answer);
	}
	if (status == SOUK_OK) {
		hold(s, answer);
		return;
	}
	sim_say(s->node, "opens no bundle for %u: %s", message->from, souk_status_name(status));
	refuse(s, answer, status);
}

static void note_issued(struct sim_sponsor *s, const struct souk_segment_tickets *tickets)
{
	const struct souk_sponsor_bundle_record *record =
		&souk_sponsor_bundle_of(s->sponsor, &tickets->bundle)->record;
	for (uint32_t i = 0; i < tickets->tickets.count; i++)
		sim_note(s->node, &(struct sim_note){.kind = SIM_NOTE_ISSUED,
					  .peer = UINT32_MAX,
					  .session = record->sessions.items[i].session,
					  .unit = tickets->tickets.items[i].unit});
}

static void answer_claim(
	struct sim_sponsor *s, const struct sim_message *message, struct sim_message *answer)
{
	struct souk_segment_claim claim;
	struct souk_segment_tickets tickets = {0};
	souk_status status = souk_segment_claim_decode(&claim, sim_message_bytes(message), NULL);
	if (status == SOUK_OK)
		status = souk_sponsor_claim(s->sponsor, &claim, sim_now(s->node), &tickets);
	s->wants_commit = true;
	if (status != SOUK_OK) {
		sim_say(s->node, "pays nothing to %u: %s", message->from, souk_status_name(status));
		refuse(s, answer, status);
		return;
	}
	note_issued(s, &tickets);
	s->node->tally.spent = s->sponsor->totals.spent;
	s->node->tally.bytes_paid_for = s->sponsor->totals.bytes;
	ENCODE(segment_tickets, SOUK_SEGMENT_TICKETS_SIZE_MAX, answer, &tickets);
	hold(s, answer);
}

static void answer_complaint(
	struct sim_sponsor *s, const struct sim_message *message, struct sim_message *answer)
{
	struct souk_signed_bundle_complaint complaint;
	souk_status status =
		souk_signed_bundle_complaint_decode(&complaint, sim_message_bytes(message), NULL);
	if (status == SOUK_OK)
		status = souk_sponsor_complain(s->sponsor, &complaint);
	s->wants_commit = true;
	refuse(s, answer, status);
}

static void take_message(struct sim_node *node, const struct sim_message *message)
{
	struct sim_sponsor *s = sim_sponsor_of(node);
	if (message->kind != SIM_BUNDLE && message->kind != SIM_SEGMENT)
		return;
	struct sim_message *answer =
		sim_reply_new(node->world, message, (enum sim_kind)(message->kind + 1));
	answer->data.words[0] = message->data.words[0];
	if (s->writes.status != SOUK_OK)
		refuse(s, answer, s->writes.status);
	else if (message->kind == SIM_SEGMENT)
		answer_claim(s, message, answer);
	else if (message->data.words[0] == SIM_BUNDLE_ASK)
		answer_ask(s, message, answer);
	else
		answer_complaint(s, message, answer);
	sim_sponsor_pump(s);
	arm(s);
}

/* ---------------------------------------------------------------- time, and the ledger */

/* The newest beacon there is. */
static struct souk_hash find_beacon(struct sim_sponsor *s, uint64_t epoch)
{
	struct souk_epoch_record record;
	for (uint64_t i = 1; i <= 4 && i <= epoch; i++) {
		if (sim_ledger_epoch(s->node, epoch - i, &record) == SOUK_OK && record.drawn)
			return record.beacon;
	}
	return (struct souk_hash){{0}};
}

static void round_of(struct sim_sponsor *s)
{
	struct souk_epoch_record record;
	uint64_t epoch;
	if (sim_ledger_now(s->node, &epoch, &record) != SOUK_OK)
		return;
	struct souk_hash beacon = find_beacon(s, epoch);
	bool is_new = s->sponsor->epoch_known && s->sponsor->epoch != epoch;
	s->is_spoilt = s->is_spoilt && !is_new;
	souk_sponsor_set_epoch(s->sponsor, epoch, record.end, &beacon, sim_now(s->node));
	souk_sponsor_tick(s->sponsor, sim_now(s->node));
	if (!s->is_spoilt)
		sim_sponsor_allot(s, epoch);
	if (s->replica_units != 0 && s->has_leaves)
		sim_sponsor_follow(s);
	s->wants_commit = true;
}

static void timer(struct sim_node *node)
{
	struct sim_sponsor *s = sim_sponsor_of(node);
	s->armed_us = SIM_NEVER_US;
	if (sim_time_us(node->world) >= s->round_us) {
		s->round_us = sim_time_us(node->world) + ROUND_MS * 1000;
		round_of(s);
	}
	sim_sponsor_pump(s);
	arm(s);
}

static void ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	struct sim_sponsor *s = sim_sponsor_of(node);
	(void)amount;
	if (!s->is_running || token == 0 || token != s->token)
		return;
	sim_sponsor_allotted(s, status);
	if (status == SOUK_OK && s->replica_units == 0)
		enlist_all(s);
	sim_sponsor_pump(s);
	arm(s);
}

static const struct sim_knob knobs[] = {
	[UNITS] = {"bundle-units", 16, 1, SOUK_BUNDLE_UNITS_MAX, "of each cache in a bundle"},
	[STARTS] = {"starts", 16, 1, SOUK_PUZZLE_STARTS_MAX, "of a puzzle"},
	[REPLICA_UNITS] = {"replica-units", 0, 0, 1 << 20,
		"a second that a cache is thought to serve; 0: everybody is recruited"},
	[HOLD] = {"hold", 3000, 1, 1 << 30,
		"ms with more caches than wanted before one is released"},
	{0},
};

const struct sim_actor sim_sponsor_actor = {
	.name = "sponsor",
	.about = "pays caches, so that viewers may download for nothing",
	.has_disk = true,
	.knobs = knobs,
	.make = make,
	.start = start,
	.message = take_message,
	.timer = timer,
	.ledger = ledger,
	.crash = crash,
	.done = done,
};
