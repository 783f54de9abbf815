/* SPDX-License-Identifier: Apache-2.0
 *
 * The auditor: its life, its violations, and who of its parts hears what. */
#include "audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit_internal.h"
#include "souk/base/check.h"

const char *const sim_violation_names[SIM_VIOLATION_KINDS] = {
#define X(name, word, text) [SIM_VIOLATION_##name] = word,
	SIM_VIOLATIONS(X)
#undef X
};

const char *const sim_violation_texts[SIM_VIOLATION_KINDS] = {
#define X(name, word, text) [SIM_VIOLATION_##name] = text,
	SIM_VIOLATIONS(X)
#undef X
};

struct sim_audit *sim_audit_new(struct sim_world *world)
{
	struct sim_audit *audit = sim_alloc(sizeof *audit);
	audit->world = world;
	audit->money_height = UINT64_MAX;
	audit_table_init(&audit->sides, sizeof(struct audit_side), sizeof(struct audit_side_key));
	audit_table_init(&audit->leaves, sizeof(struct audit_leaf), sizeof(struct audit_leaf_key));
	audit_table_init(&audit->escrows, sizeof(struct audit_escrow), sizeof(struct souk_hash));
	audit_table_init(&audit->points, sizeof(struct audit_point), sizeof(struct audit_point));
	audit_table_init(
		&audit->accounts, sizeof(struct audit_account), sizeof(struct audit_account_key));
	audit_table_init(&audit->vouchers, sizeof(struct audit_voucher), sizeof(struct souk_nonce));
	audit_table_init(
		&audit->challenges, sizeof(struct audit_challenge), sizeof(struct souk_hash));
	return audit;
}

void sim_audit_free(struct sim_audit *audit)
{
	if (audit == NULL)
		return;
	audit_table_free(&audit->sides);
	audit_table_free(&audit->leaves);
	audit_table_free(&audit->escrows);
	audit_table_free(&audit->points);
	audit_table_free(&audit->accounts);
	audit_table_free(&audit->vouchers);
	audit_table_free(&audit->challenges);
	free(audit->people);
	free(audit);
}

struct audit_person *audit_person_of(struct sim_audit *audit, uint32_t node)
{
	if (audit->people == NULL) {
		audit->people_count = sim_node_count(audit->world);
		audit->people = sim_alloc(audit->people_count * sizeof *audit->people);
	}
	return &audit->people[node];
}

bool audit_is_honest(struct sim_audit *audit, uint32_t node)
{
	return node < sim_node_count(audit->world) && !sim_node_at(audit->world, node)->is_greedy;
}

/* ---------------------------------------------------------------- violations */

/* Whether there is one of KIND, and of NODE, or no room for another of that kind. */
static bool is_known(const struct sim_audit *audit, enum sim_violation_kind kind, uint32_t node)
{
	bool is_full = audit->violation_count >= SIM_VIOLATIONS_MANY;
	for (uint32_t i = 0; i < audit->violation_count; i++) {
		const struct sim_violation *v = &audit->violations[i];
		if (v->kind == kind && (is_full || v->node == node))
			return true;
	}
	return false;
}

void sim_audit_violation(struct sim_audit *audit, enum sim_violation_kind kind, uint32_t node,
	int64_t measured, int64_t allowed, const char *format, ...)
{
	if (is_known(audit, kind, node))
		return;
	SOUK_CHECK(audit->violation_count < SIM_VIOLATIONS_KEPT);
	struct sim_violation *v = &audit->violations[audit->violation_count++];
	*v = (struct sim_violation){
		.kind = kind,
		.node = node,
		.world_us = sim_time_us(audit->world),
		.measured = measured,
		.allowed = allowed,
	};
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(v->text, sizeof v->text, format, arguments);
	va_end(arguments);
	if (node < sim_node_count(audit->world))
		sim_say(sim_node_at(audit->world, node), "VIOLATION %s: %s",
			sim_violation_names[kind], v->text);
}

uint32_t sim_audit_count(const struct sim_audit *audit)
{
	return audit->violation_count;
}

const struct sim_violation *sim_audit_at(const struct sim_audit *audit, uint32_t index)
{
	return &audit->violations[index];
}

/* ---------------------------------------------------------------- who hears what */

void sim_note(struct sim_node *node, const struct sim_note *note)
{
	struct sim_audit *audit = sim_world_audit(node->world);
	switch (note->kind) {
	case SIM_NOTE_OPENED:
	case SIM_NOTE_SERVED:
	case SIM_NOTE_ACCEPTED:
	case SIM_NOTE_ISSUED:
	case SIM_NOTE_VERIFIED:
	case SIM_NOTE_DURABLE:
	case SIM_NOTE_RESTORED:
	case SIM_NOTE_CLAIMED:
	case SIM_NOTE_RECEIPT:
		if (!node->is_greedy)
			audit_session_note(audit, node, note);
		break;
	case SIM_NOTE_BLAMED:
	case SIM_NOTE_WANTED:
	case SIM_NOTE_DONE:
	case SIM_NOTE_FAILED:
		if (!node->is_greedy)
			audit_people_note(audit, node, note);
		break;
	/* Of a greedy hub too: what it owes counts against its profit. */
	case SIM_NOTE_CREDIT:
	case SIM_NOTE_REDEEMED: audit_hub_note(audit, node, note); break;
	}
}

void sim_audit_check(struct sim_audit *audit)
{
	audit_leaves_check(audit);
	audit_sessions_check(audit);
	audit_money_check(audit);
}

void sim_audit_end(struct sim_audit *audit)
{
	sim_audit_check(audit);
	audit_sessions_end(audit);
	audit_leaves_end(audit);
	audit_log_end(audit);
	audit_people_end(audit);
	audit_money_end(audit);
}
