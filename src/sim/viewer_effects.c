/* SPDX-License-Identifier: Apache-2.0
 *
 * What a viewer's bundle wants is carried out here, and what came of it is told to it. */
#include <stdlib.h>
#include <string.h>

#include "actor_viewer.h"
#include "audit.h"
#include "souk/base/check.h"

#define TIMEOUT_MS 1000u
#define BLOCK	   64u
/* Effects in a row: far more than a bundle can want at once. */
#define EFFECTS_MAX 100000u

static struct sim_viewing *viewing_of(struct sim_node *node)
{
	return sim_viewer_of(node)->viewing;
}

static struct sim_viewer_unit *unit_of(struct sim_viewing *v, uint32_t cache, uint32_t unit)
{
	return &v->units[cache][unit % SIM_VIEWER_RING];
}

struct sim_node *sim_viewer_cache(
	struct sim_node *node, const struct sim_viewing *v, uint32_t cache)
{
	return sim_node_of(node->world, &v->caches[cache].customer.ask.provider);
}

bool sim_viewer_shared_key(struct sim_node *node, const struct sim_viewing *v, uint32_t cache,
	uint32_t unit, struct souk_hash *ret)
{
	const struct souk_ask *ask = &v->caches[cache].customer.ask;
	const struct souk_grant *grant = &v->caches[cache].customer.grant;
	struct souk_hash secret;
	if (!sim_sponsor_secret(sim_viewer_cache(node, v, cache), &ask->escrow, &ask->content,
		    ask->price, &secret))
		return false;
	*ret = souk_sponsored_keys(&secret, &grant->session, &grant->ask);
	*ret = souk_chain_walk(souk_chain_tag_key, &grant->session, grant->units, ret, unit);
	return true;
}

static bool has_keys(const struct sim_viewer *viewer)
{
	return viewer->ways != NULL && viewer->ways->knows_key != NULL;
}

/* ---------------------------------------------------------------- requests */

static void call(
	struct sim_node *node, const struct souk_viewer_effect *effect, struct sim_message *message)
{
	struct sim_viewer *viewer = sim_viewer_of(node);
	for (uint32_t i = 0; i < SIM_VIEWER_CALLS; i++) {
		struct sim_viewer_call *entry = &viewer->viewing->calls[i];
		if (entry->number != 0)
			continue;
		*entry = (struct sim_viewer_call){
			.number = ++viewer->serial,
			.to = message->to,
			.due = souk_time_plus_ms(sim_now(node), TIMEOUT_MS),
			.effect = *effect,
		};
		message->request = entry->number;
		sim_send(node, message);
		return;
	}
	SOUK_CHECK(!"more requests than effects may be unanswered");
}

#define ENCODED(name, world, kind, to, size_max, value, ret)                                       \
	do {                                                                                       \
		struct souk_writer writer_;                                                        \
		struct sim_message *message_ = sim_message_with(world, kind, to, size_max);        \
		souk_writer_init(&writer_, message_->bytes, size_max);                             \
		souk_##name##_encode(&writer_, (value));                                           \
		SOUK_CHECK(!writer_.full);                                                         \
		message_->size = (uint32_t)writer_.size;                                           \
		*(ret) = message_;                                                                 \
	} while (0)

static uint32_t sponsor_id(struct sim_node *node)
{
	return sim_sponsor_pick(node->world, node->id)->id;
}

static void send_ask(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct sim_message *message;
	ENCODED(signed_bundle_ask, node->world, SIM_BUNDLE, sponsor_id(node),
		SOUK_SIGNED_BUNDLE_ASK_SIZE_MAX, &viewing_of(node)->viewer.ask, &message);
	message->data.words[0] = SIM_BUNDLE_ASK;
	call(node, effect, message);
}

static void send_claim(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct sim_message *message;
	ENCODED(segment_claim, node->world, SIM_SEGMENT, sponsor_id(node),
		SOUK_SEGMENT_CLAIM_SIZE_MAX, &effect->claim, &message);
	call(node, effect, message);
}

static void send_complaint(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct sim_message *message;
	ENCODED(signed_bundle_complaint, node->world, SIM_BUNDLE, sponsor_id(node),
		SOUK_SIGNED_BUNDLE_COMPLAINT_SIZE_MAX, &effect->complaint, &message);
	message->data.words[0] = SIM_BUNDLE_COMPLAINT;
	sim_send(node, message);
}

static void send_request(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct sim_message *message = sim_message_new(
		node->world, SIM_UNIT, sim_viewer_cache(node, viewing_of(node), effect->cache)->id);
	message->data.unit = effect->request;
	call(node, effect, message);
}

/* As send_request; who has the keys from elsewhere sends no ticket. */
static void send_fetch(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct souk_viewer_effect unpaid = *effect;
	const struct souk_customer *customer = &viewing_of(node)->caches[effect->cache].customer;
	if (has_keys(sim_viewer_of(node))) {
		unpaid.request.has_ticket = false;
		unpaid.request.auth =
			souk_unit_request_auth(&customer->session_secret, &unpaid.request);
	}
	send_request(node, &unpaid);
}

static void send_keys(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct sim_viewer *viewer = sim_viewer_of(node);
	struct sim_viewing *v = viewer->viewing;
	struct souk_unit_key key = {.unit = effect->request.ticket.unit};
	struct souk_hash value;
	if (!has_keys(viewer) ||
		!viewer->ways->knows_key(node, v, effect->cache, key.unit, &value)) {
		send_request(node, effect);
		return;
	}
	key.masked = souk_unit_key_mask(
		&v->caches[effect->cache].customer.session_secret, key.unit, &value);
	souk_viewer_keys(&v->viewer, effect->cache, &key, sim_now(node));
}

/* The strip of a session; and with it the request for a unit, where that is wanted. */
static void send_strip(
	struct sim_node *node, const struct souk_viewer_effect *effect, bool wants_unit)
{
	struct sim_message *message;
	struct sim_viewing *v = viewing_of(node);
	ENCODED(strip_open, node->world, SIM_STRIP, sim_viewer_cache(node, v, effect->cache)->id,
		SOUK_STRIP_OPEN_SIZE_MAX, &v->strips[effect->cache], &message);
	if (wants_unit)
		message->data.unit = effect->request;
	call(node, effect, message);
}

/* ---------------------------------------------------------------- units */

/* Whether it makes the unit up. */
static bool makes(struct sim_node *node, const struct souk_viewer_effect *effect,
	struct souk_unit_cipher *ret)
{
	const struct sim_viewer *viewer = sim_viewer_of(node);
	return viewer->ways != NULL && viewer->ways->makes != NULL &&
	       viewer->ways->makes(node, viewer->viewing, effect->cache, effect->unit, ret);
}

/* A body that was made up, as if it had come. */
static void make_unit(struct sim_node *node, const struct souk_viewer_effect *effect,
	const struct souk_unit_cipher *cipher)
{
	struct sim_viewing *v = viewing_of(node);
	*unit_of(v, effect->cache, effect->unit) = (struct sim_viewer_unit){
		.unit = effect->unit,
		.is_made = true,
		.body = {.content = v->viewer.config.content.id,
			.chunk = effect->chunk,
			.length = effect->length,
			.cipher = *cipher},
	};
	souk_viewer_received(&v->viewer, effect->cache, effect->unit, NULL, sim_now(node));
}

/* Nobody is paid for a session that its cache does not know of: it gets its strip in any case. */
static void fetch(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct souk_unit_cipher cipher;
	bool is_made = makes(node, effect, &cipher);
	if (effect->opens)
		send_strip(node, effect, !is_made);
	else if (is_made)
		make_unit(node, effect, &cipher);
	else
		send_fetch(node, effect);
}

static void verify(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct sim_viewer *viewer = sim_viewer_of(node);
	struct sim_viewing *v = viewer->viewing;
	const struct sim_viewer_unit *unit = unit_of(v, effect->cache, effect->unit);
	bool is_good = unit->unit == effect->unit && !unit->body.is_garbage &&
		       unit->body.chunk == effect->chunk && unit->body.length == effect->length &&
		       souk_hash_equal(&unit->body.content, &v->viewer.config.content.id) &&
		       memcmp(&unit->body.cipher, &effect->cipher, sizeof effect->cipher) == 0;
	if (is_good || unit->is_made)
		viewer->have[effect->chunk / 64] |= UINT64_C(1) << effect->chunk % 64;
	/* Who colludes has the content already: to him it is worth nothing. */
	node->tally.units_verified += is_good && viewer->ways == NULL;
	node->tally.units_had += is_good && has_keys(viewer);
	souk_viewer_verified(&v->viewer, effect->cache, effect->unit,
		is_good || unit->is_made ? SOUK_OK : SOUK_PEER_BAD_UNIT, sim_now(node));
}

/* ---------------------------------------------------------------- puzzles */

struct reading {
	struct sim_viewing *v;
	uint32_t start; /* units before the segment */
};

/* The bytes of a unit as it was sent, where it came. */
static souk_status read_unit(void *ctx, uint32_t part, uint64_t offset, uint8_t *out, uint32_t size)
{
	const struct reading *reading = ctx;
	struct sim_viewing *v = reading->v;
	uint8_t buffer[SOUK_PUZZLE_PIECE_MAX + BLOCK];
	uint32_t chunk_size = v->viewer.plan.content.chunk_size;
	uint32_t number = reading->start + 1 + (uint32_t)(offset / chunk_size);
	uint32_t within = (uint32_t)(offset % chunk_size), lead = within % BLOCK;
	const struct sim_viewer_unit *unit = unit_of(v, part, number);
	if (unit->unit != number)
		return SOUK_IO_READ;
	sim_sponsor_bytes(&unit->body.content,
		unit->body.chunk * (uint64_t)chunk_size + within - lead, buffer, lead + size);
	souk_unit_cipher_xor_at(&unit->body.cipher, buffer, buffer, lead + size, within - lead);
	memcpy(out, buffer + lead, size);
	for (uint32_t i = 0; unit->body.is_garbage && i < size; i++)
		out[i] ^= 0x55;
	return SOUK_OK;
}

static void solve(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct sim_viewing *v = viewing_of(node);
	struct souk_puzzle_shape shape;
	struct souk_puzzle_token token;
	struct reading reading = {v, souk_bundle_segment_start(&v->viewer.plan, effect->segment)};
	struct souk_puzzle_source source = {&reading, read_unit};
	souk_bundle_shape(&shape, &v->viewer.plan, effect->segment);
	for (uint32_t start = 0; start < v->viewer.puzzle.starts; start++) {
		if (souk_puzzle_try(&token, &v->viewer.puzzle, &shape, start, &source) != SOUK_OK)
			continue;
		souk_viewer_solved(&v->viewer, &token, UINT32_MAX, sim_now(node));
		return;
	}
	const struct sim_viewer_ways *ways = sim_viewer_of(node)->ways;
	if (ways != NULL && ways->guesses != NULL && ways->guesses(node)) {
		token = (struct souk_puzzle_token){.size = SOUK_HASH_SIZE};
		souk_rng_fill(&node->rng, token.bytes, token.size);
		souk_viewer_solved(&v->viewer, &token, UINT32_MAX, sim_now(node));
		return;
	}
	uint32_t spoiled = souk_puzzle_spoiled_at(&v->viewer.puzzle, &shape, &source);
	souk_viewer_solved(&v->viewer, NULL, spoiled, sim_now(node));
}

/* ---------------------------------------------------------------- effects */

static void carry_out(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	switch (effect->kind) {
	case SOUK_VIEWER_ASK: send_ask(node, effect); break;
	case SOUK_VIEWER_FETCH: fetch(node, effect); break;
	case SOUK_VIEWER_SOLVE: solve(node, effect); break;
	case SOUK_VIEWER_CLAIM: send_claim(node, effect); break;
	case SOUK_VIEWER_KEYS: send_keys(node, effect); break;
	case SOUK_VIEWER_VERIFY: verify(node, effect); break;
	case SOUK_VIEWER_COMPLAIN:
		sim_note(node,
			&(struct sim_note){.kind = SIM_NOTE_BLAMED,
				.peer = sim_viewer_cache(node, viewing_of(node), effect->cache)->id,
				.status = viewing_of(node)->viewer.status});
		send_complaint(node, effect);
		break;
	case SOUK_VIEWER_END: sim_viewer_ended(node); break;
	}
}

void sim_viewer_pull(struct sim_node *node)
{
	struct souk_viewer_effect effect;
	for (uint32_t i = 0; i < EFFECTS_MAX; i++) {
		struct sim_viewing *v = viewing_of(node);
		if (v == NULL || !souk_viewer_next_effect(&v->viewer, &effect, sim_now(node)))
			return;
		carry_out(node, &effect);
	}
	SOUK_CHECK(!"a viewer that never comes to rest");
}

/* ---------------------------------------------------------------- answers */

static souk_status take_bundle(struct sim_node *node, const struct sim_message *message)
{
	struct sim_viewer *viewer = sim_viewer_of(node);
	struct sim_viewing *v = viewer->viewing;
	struct souk_bundle_open *open = sim_alloc(sizeof *open);
	souk_status status = souk_bundle_open_decode(open, sim_message_bytes(message), NULL);
	if (status == SOUK_OK) {
		v->is_counted = true;
		for (uint32_t i = 0; i < open->sessions.count; i++)
			v->strips[i] = open->sessions.items[i].strip;
		souk_viewer_opened(&v->viewer, open, sim_now(node));
	}
	free(open);
	if (status == SOUK_OK && v->viewer.state == SOUK_VIEWER_RUNNING && viewer->ways != NULL &&
		viewer->ways->goes_on != NULL && !viewer->ways->goes_on(node, v))
		souk_viewer_stop(&v->viewer, SOUK_LOCAL_STOPPED);
	return status;
}

static souk_status take_tickets(struct sim_node *node, const struct sim_message *message)
{
	struct souk_segment_tickets tickets;
	SOUK_TRY(souk_segment_tickets_decode(&tickets, sim_message_bytes(message), NULL));
	souk_viewer_tickets(&viewing_of(node)->viewer, &tickets, sim_now(node));
	return SOUK_OK;
}

static souk_status take_body(struct sim_node *node, const struct souk_viewer_effect *effect,
	const struct sim_unit_reply *reply)
{
	struct sim_viewer *viewer = sim_viewer_of(node);
	struct sim_viewing *v = viewer->viewing;
	if (!reply->has_body || reply->body.length != effect->length)
		return SOUK_PEER_WRONG_LENGTH;
	*unit_of(v, effect->cache, effect->unit) =
		(struct sim_viewer_unit){.unit = effect->unit, .body = reply->body};
	if (viewer->ways != NULL && viewer->ways->fetched != NULL)
		viewer->ways->fetched(node);
	souk_viewer_received(&v->viewer, effect->cache, effect->unit,
		reply->has_key ? &reply->key : NULL, sim_now(node));
	return SOUK_OK;
}

/* The strip was taken, and no unit came with it: none was asked for, or it could not be sent. */
static souk_status take_admission(struct sim_node *node, const struct souk_viewer_effect *effect)
{
	struct souk_unit_cipher cipher;
	if (!effect->opens)
		return SOUK_PEER_WRONG_LENGTH;
	if (makes(node, effect, &cipher))
		make_unit(node, effect, &cipher);
	else
		souk_viewer_admitted(
			&viewing_of(node)->viewer, effect->cache, effect->unit, sim_now(node));
	return SOUK_OK;
}

static souk_status take_answer(struct sim_node *node, const struct souk_viewer_effect *effect,
	const struct sim_message *message)
{
	const struct sim_unit_reply *reply = &message->data.reply;
	struct souk_viewer *viewer = &viewing_of(node)->viewer;
	if (message->status != SOUK_OK)
		return message->status;
	switch (effect->kind) {
	case SOUK_VIEWER_ASK: return take_bundle(node, message);
	case SOUK_VIEWER_FETCH:
		return message->kind == SIM_STRIP_REPLY ? take_admission(node, effect)
							: take_body(node, effect, reply);
	case SOUK_VIEWER_CLAIM: return take_tickets(node, message);
	case SOUK_VIEWER_KEYS:
		souk_viewer_keys(
			viewer, effect->cache, reply->has_key ? &reply->key : NULL, sim_now(node));
		return SOUK_OK;
	case SOUK_VIEWER_SOLVE:
	case SOUK_VIEWER_VERIFY:
	case SOUK_VIEWER_COMPLAIN:
	case SOUK_VIEWER_END: break;
	}
	return SOUK_OK;
}

void sim_viewer_answer(struct sim_node *node, const struct sim_message *message)
{
	struct sim_viewing *v = viewing_of(node);
	for (uint32_t i = 0; i < SIM_VIEWER_CALLS; i++) {
		struct sim_viewer_call entry = v->calls[i];
		if (entry.number == 0 || entry.number != message->request ||
			entry.to != message->from)
			continue;
		v->calls[i].number = 0;
		souk_status status = take_answer(node, &entry.effect, message);
		if (status != SOUK_OK)
			souk_viewer_failed(&v->viewer, &entry.effect, status, sim_now(node));
		return;
	}
}

void sim_viewer_overdue(struct sim_node *node)
{
	struct sim_viewing *v = viewing_of(node);
	for (uint32_t i = 0; i < SIM_VIEWER_CALLS; i++) {
		struct sim_viewer_call *entry = &v->calls[i];
		if (entry->number == 0 || souk_time_is_before(sim_now(node), entry->due))
			continue;
		entry->number = 0;
		souk_viewer_failed(&v->viewer, &entry->effect, SOUK_IO_TIMEOUT, sim_now(node));
	}
}
