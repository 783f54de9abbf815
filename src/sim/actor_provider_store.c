/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider keeps: under the keys of src/daemon/provider_store.h. */
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "disk.h"
#include "souk/base/check.h"

#define PREFIX_SESSION 'S'
#define PREFIX_RECEIPT 'R'

struct souk_bytes sim_provider_session_key(
	uint8_t out[SIM_WRITE_KEY_MAX], const struct souk_nonce *session)
{
	out[0] = PREFIX_SESSION;
	memcpy(out + 1, session->bytes, SOUK_NONCE_SIZE);
	return souk_bytes_of(out, 1 + SOUK_NONCE_SIZE);
}

struct souk_bytes sim_provider_receipt_key(
	uint8_t out[SIM_WRITE_KEY_MAX], const struct souk_leaf_id *leaf)
{
	out[0] = PREFIX_RECEIPT;
	memcpy(out + 1, leaf->escrow.bytes, SOUK_HASH_SIZE);
	souk_store_be64(out + 1 + SOUK_HASH_SIZE, leaf->epoch);
	souk_store_be32(out + 9 + SOUK_HASH_SIZE, leaf->segment);
	souk_store_be32(out + 13 + SOUK_HASH_SIZE, leaf->leaf);
	return souk_bytes_of(out, 17 + SOUK_HASH_SIZE);
}

/* ---------------------------------------------------------------- effects */

void sim_provider_put(struct sim_provider *p, const struct souk_session_record *record)
{
	uint8_t key[SIM_WRITE_KEY_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, p->bytes, SOUK_SESSION_RECORD_SIZE_MAX);
	souk_session_record_encode(&writer, record);
	SOUK_CHECK(!writer.full);
	sim_writes_put(&p->writes, sim_provider_session_key(key, &record->grant.session),
		souk_bytes_of(writer.data, writer.size));
}

souk_status sim_provider_record(const struct sim_provider *p, const struct souk_nonce *session,
	struct souk_session_record *ret)
{
	uint8_t key[SIM_WRITE_KEY_MAX];
	struct souk_bytes value;
	SOUK_TRY(sim_writes_get(&p->writes, sim_provider_session_key(key, session), &value));
	return souk_session_record_decode(ret, value, NULL) == SOUK_OK ? SOUK_OK
								       : SOUK_CORRUPT_STORE;
}

/* Room for one more of an array that doubles. */
static void *grown(void *items, uint32_t *max, uint32_t count, size_t item_size)
{
	if (count < *max)
		return items;
	*max = *max == 0 ? 16 : *max * 2;
	void *more = realloc(items, *max * item_size);
	SOUK_CHECK(more != NULL);
	return more;
}

static void store(struct sim_provider *p, const struct souk_session_record *record)
{
	sim_provider_put(p, record);
	p->stored = grown(p->stored, &p->stored_max, p->stored_count, sizeof *p->stored);
	p->stored[p->stored_count++] =
		(struct sim_provider_stored){record->grant.session, record->unit};
}

/* The stored record becomes history: it was claimed, or won nothing. */
static void settle(struct sim_provider *p, const struct souk_provider_effect *effect)
{
	souk_status status = sim_provider_record(p, &effect->session, p->record);
	sim_say(p->node, "settles a session for %llu: %s", (unsigned long long)effect->paid.ncoin,
		souk_status_name(effect->status));
	const struct sim_note note = {
		.kind = SIM_NOTE_CLAIMED,
		.peer = UINT32_MAX,
		.session = effect->session,
		.amount = effect->paid,
		.status = effect->status,
	};
	sim_note(p->node, &note);
	if (status != SOUK_OK)
		return;
	p->record->claimed = true;
	p->record->paid = effect->paid;
	sim_provider_put(p, p->record);
}

void sim_provider_take_effects(struct sim_provider *p)
{
	struct souk_provider_effect effect;
	while (souk_provider_next_effect(&p->provider, &effect)) {
		switch (effect.kind) {
		case SOUK_PROVIDER_STORE:
			store(p, souk_provider_record(&p->provider, effect.index));
			break;
		case SOUK_PROVIDER_CLAIM:
			p->claims =
				grown(p->claims, &p->claim_max, p->claim_count, sizeof *p->claims);
			p->claims[p->claim_count++] =
				(struct sim_provider_claim){effect.session, effect.leaf};
			break;
		case SOUK_PROVIDER_SETTLED: settle(p, &effect); break;
		}
	}
}

void sim_provider_note_stored(struct sim_provider *p)
{
	for (uint32_t i = 0; i < p->stored_count; i++) {
		const struct sim_note note = {
			.kind = SIM_NOTE_DURABLE,
			.peer = UINT32_MAX,
			.session = p->stored[i].session,
			.unit = p->stored[i].unit,
		};
		sim_note(p->node, &note);
	}
	p->stored_count = 0;
	sim_provider_note_kept(p);
}

void sim_provider_commit_soon(struct sim_provider *p)
{
	const struct sim_scenario *scenario = sim_world_scenario(p->node->world);
	if (p->commit_us == SIM_NEVER_US)
		p->commit_us = sim_time_us(p->node->world) + scenario->commit_ms * 1000;
}

void sim_provider_pump(struct sim_provider *p)
{
	while (p->wants_commit && !p->writes.is_running) {
		p->wants_commit = false;
		sim_provider_take_effects(p);
		sim_writes_commit(&p->writes);
		if (p->writes.status != SOUK_OK)
			sim_provider_commit_soon(p);
		else if (!p->writes.is_running)
			sim_provider_note_stored(p);
	}
}

/* ---------------------------------------------------------------- after a crash */

static bool restore(void *ctx, const struct souk_session_record *record)
{
	struct sim_provider *p = ctx;
	if (record->open && souk_address_is_zero(&record->strip_open.leaf.provider))
		p->has_open_leaves = true;
	if (record->open && record->unit > 0)
		sim_provider_receipt_note_restored(p, record);
	if (record->claimed || !record->open)
		return true;
	souk_status status = souk_provider_restore(&p->provider, record, sim_now(p->node));
	if (status == SOUK_LOCAL_STATE || status == SOUK_LOCAL_EXISTS)
		return true;
	sim_say(p->node, "takes back a session with %u units: %s", record->unit,
		souk_status_name(status));
	if (status != SOUK_OK)
		return true;
	const struct sim_note note = {
		.kind = SIM_NOTE_RESTORED,
		.peer = UINT32_MAX,
		.session = record->grant.session,
		.unit = record->unit,
	};
	sim_note(p->node, &note);
	return true;
}

void sim_provider_restore(struct sim_provider *p)
{
	sim_provider_each_record(p, restore, p);
}

struct visitor {
	bool (*visit)(void *ctx, const struct souk_session_record *record);
	void *ctx;
	struct souk_session_record *record;
	struct sim_node *node;
};

static bool visit_session(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct visitor *visitor = ctx;
	(void)id;
	/* Left where it is: one must not keep the others from being claimed. */
	if (souk_session_record_decode(visitor->record, value, NULL) != SOUK_OK) {
		sim_say(visitor->node, "cannot read a session of %zu bytes", value.size);
		return true;
	}
	return visitor->visit(visitor->ctx, visitor->record);
}

void sim_provider_each_record(struct sim_provider *p,
	bool (*visit)(void *ctx, const struct souk_session_record *record), void *ctx)
{
	struct visitor visitor = {visit, ctx, sim_alloc(sizeof *visitor.record), p->node};
	sim_writes_each(p->node, PREFIX_SESSION, visit_session, &visitor);
	free(visitor.record);
}
