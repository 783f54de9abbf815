/* SPDX-License-Identifier: Apache-2.0
 *
 * The watch: a strip on an open leaf is a promise that may have been made to another provider too.
 * Claims on open leaves are compared with this provider's own strips, and two that overlap are
 * reported; see src/daemon/provider_watch.c. Only blocks that no fork undoes are looked at. */
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "souk/base/check.h"
#include "souk/ledger/verify.h"

/* Before the blocks of a log come its magic and its genesis. */
#define PIECES_BEFORE 2u

struct watch {
	struct sim_provider *p;
	uint64_t height; /* of the piece at hand */
	uint64_t piece;
	uint64_t last; /* height to look at */
	struct souk_signed_tx tx;
	struct souk_signed_strip theirs;
	struct souk_tx_body report;
	bool has_found;
};

/* ---------------------------------------------------------------- comparing */

/* Whether a strip of ours overlaps watch->theirs. */
static bool compare(void *ctx, const struct souk_session_record *record)
{
	struct watch *watch = ctx;
	const struct souk_strip_open *ours = &record->strip_open;
	if (!record->open || !souk_address_is_zero(&ours->leaf.provider) ||
		!souk_payee_strips_overlap(&ours->strip, &watch->theirs.strip))
		return true;
	souk_signed_strip_of(&watch->report.double_issue.first, ours);
	watch->has_found = true;
	return false;
}

static void blame_payer(struct watch *watch)
{
	struct sim_node *node = watch->p->node;
	struct souk_escrow_record escrow;
	if (sim_ledger_escrow(node, &watch->theirs.strip.escrow, &escrow) != SOUK_OK)
		return;
	const struct sim_node *payer = sim_node_of(node->world, &escrow.payer);
	const struct sim_note note = {
		.kind = SIM_NOTE_BLAMED,
		.peer = payer != NULL ? payer->id : UINT32_MAX,
		.session = watch->theirs.strip.nonce,
		.status = SOUK_PEER_STRIP_OVERLAP,
	};
	sim_note(node, &note);
}

static void check_strip(struct watch *watch)
{
	struct sim_provider *p = watch->p;
	if (!souk_address_is_zero(&watch->theirs.leaf.provider) ||
		souk_address_equal(&watch->theirs.strip.payee, &p->node->identity.address))
		return;
	watch->has_found = false;
	watch->report.kind = SOUK_TX_BODY_DOUBLE_ISSUE;
	watch->report.double_issue.second = watch->theirs;
	sim_provider_each_record(p, compare, watch);
	if (!watch->has_found)
		return;
	blame_payer(watch);
	sim_ledger_submit(p->node, &watch->report,
		sim_provider_token(p, SIM_PROVIDER_REPORT, watch->height & 0xffffff));
}

/* The same fields, in messages of different kinds. */
#define FILL_STRIP(ret, from, leaf_of)                                                             \
	do {                                                                                       \
		*(ret) = (struct souk_signed_strip){                                               \
			.strip = (from)->strip,                                                    \
			.signature = (from)->signature,                                            \
			.batch_index = (from)->batch_index,                                        \
			.batch_count = (from)->batch_count,                                        \
			.leaf = (leaf_of)->leaf,                                                   \
		};                                                                                 \
		(ret)->batch_path.count = (from)->batch_path.count;                                \
		memcpy((ret)->batch_path.items, (from)->batch_path.items,                          \
			sizeof(ret)->batch_path.items);                                            \
		(ret)->leaf_path.count = (leaf_of)->leaf_path.count;                               \
		memcpy((ret)->leaf_path.items, (leaf_of)->leaf_path.items,                         \
			sizeof(ret)->leaf_path.items);                                             \
	} while (0)

static void check_tx(struct watch *watch)
{
	const struct souk_tx_body *body = &watch->tx.tx.body;
	if (body->kind == SOUK_TX_BODY_CLAIM) {
		FILL_STRIP(&watch->theirs, &body->claim.claim, &body->claim.claim);
		check_strip(watch);
	}
	if (body->kind != SOUK_TX_BODY_CLAIM_MANY)
		return;
	for (uint16_t i = 0; i < body->claim_many.items.count; i++) {
		FILL_STRIP(&watch->theirs, &body->claim_many.items.items[i], &body->claim_many);
		check_strip(watch);
	}
}

/* ---------------------------------------------------------------- reading */

/* A block: its header, and its transactions. */
static void read_block(struct watch *watch, struct souk_bytes rest)
{
	for (bool is_header = true; rest.size > 0; is_header = false) {
		struct souk_bytes frame;
		size_t used;
		if (souk_log_read_frame(&frame, &used, rest) != SOUK_OK)
			return;
		rest = souk_bytes_of(rest.data + used, rest.size - used);
		if (!is_header && souk_signed_tx_decode(&watch->tx, frame, NULL) == SOUK_OK)
			check_tx(watch);
	}
}

static void read_piece(void *ctx, struct souk_bytes piece)
{
	struct watch *watch = ctx;
	uint64_t number = watch->piece++;
	if (number < PIECES_BEFORE)
		return;
	watch->height = number - PIECES_BEFORE + 1;
	if (watch->height > watch->p->watched && watch->height <= watch->last)
		read_block(watch, piece);
}

static void put_watched(struct sim_provider *p, uint64_t height)
{
	static const uint8_t key = 'W';
	uint8_t value[8];
	p->watched = height;
	souk_store_be64(value, height);
	sim_writes_put(&p->writes, souk_bytes_of(&key, 1), souk_bytes_of(value, sizeof value));
	p->wants_commit = true;
}

void sim_provider_watch_restore(struct sim_provider *p)
{
	static const uint8_t key = 'W';
	struct souk_bytes value;
	if (sim_writes_get(&p->writes, souk_bytes_of(&key, 1), &value) == SOUK_OK &&
		value.size == 8)
		p->watched = souk_load_be64(value.data);
}

void sim_provider_watch(struct sim_provider *p)
{
	struct sim_ledger *ledger = sim_world_ledger(p->node->world);
	uint64_t height = sim_ledger_state(ledger)->record.height, epoch;
	uint64_t depth = sim_world_scenario(p->node->world)->confirmations;
	struct souk_epoch_record record;
	height = height > depth ? height - depth : 0;
	if (!p->has_open_leaves || height <= p->watched ||
		sim_ledger_now(p->node, &epoch, &record) != SOUK_OK)
		return;
	/* What a claim of an accepted strip can be in comes after its acceptance. */
	if (p->watched > 0) {
		struct watch *watch = sim_alloc(sizeof *watch);
		watch->p = p;
		watch->last = height;
		sim_ledger_log(ledger, read_piece, watch);
		free(watch);
	}
	put_watched(p, height);
}

void sim_provider_reported(struct sim_provider *p, uint32_t height, souk_status status)
{
	sim_say(p->node, "reports a double promise: %s", souk_status_name(status));
	/* Somebody else was quicker, or it is too late: there is nothing to do again. */
	if (souk_status_class(status) == SOUK_CLASS_IO && height <= p->watched && height > 1)
		put_watched(p, height - 1);
}
