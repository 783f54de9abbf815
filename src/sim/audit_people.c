/* SPDX-License-Identifier: Apache-2.0
 *
 * Downloads that end, and blame that is just. */
#include <string.h>

#include "audit_internal.h"

/* What STATUS says of a peer that keeps to the protocol, but is slow, full, restarted, out of money
 * or a clock: nothing. All other refusals say that it broke the rules. */
static bool says_cheat(souk_status status)
{
	switch (status) {
	case SOUK_PEER_BAD_SIGNATURE:
	case SOUK_PEER_WRONG_SIGNER:
	case SOUK_PEER_BAD_PUBKEY:
	case SOUK_PEER_BAD_AUTH:
	case SOUK_PEER_BAD_TICKET:
	case SOUK_PEER_STRIP_OVERLAP:
	case SOUK_PEER_STRIP_RANGE:
	case SOUK_PEER_STRIP_TERMS:
	case SOUK_PEER_BAD_PATH:
	case SOUK_PEER_BAD_BATCH:
	case SOUK_PEER_BAD_CHECKPOINT:
	case SOUK_PEER_BAD_KEY:
	case SOUK_PEER_NOT_PAYEE:
	case SOUK_PEER_UNIT_REBOUND:
	case SOUK_PEER_BAD_UNIT:
	case SOUK_PEER_WRONG_LENGTH:
	case SOUK_PEER_BAD_GRANT:
	case SOUK_PEER_BAD_CONTENT:
	case SOUK_PEER_BAD_STATEMENT:
	case SOUK_PEER_NO_DOUBLE_ISSUE:
	case SOUK_PEER_HUB_CREDIT:
	case SOUK_PEER_HUB_VOUCHER:
	case SOUK_PEER_TRUNCATED:
	case SOUK_PEER_TRAILING:
	case SOUK_PEER_OVERSIZED:
	case SOUK_PEER_NOT_CANONICAL:
	case SOUK_PEER_BAD_VERSION: return true;
	default: return false;
	}
}

static void blamed(
	struct sim_audit *audit, const struct sim_node *node, const struct sim_note *note)
{
	if (!audit_is_honest(audit, note->peer) || !says_cheat(note->status))
		return;
	/* A disk that lies or rots makes its owner say what it did not mean. */
	uint32_t disks = AUDIT_FAULT(DISK_LOSES) | AUDIT_FAULT(DISK_ROTS);
	uint64_t now = sim_time_us(audit->world);
	if (audit_is_struck(audit, note->peer, disks, 0, now) ||
		audit_is_struck(audit, node->id, disks, 0, now))
		return;
	sim_audit_violation(audit, SIM_VIOLATION_BLAMED, note->peer, 1, 0, "blamed by node %u: %s",
		node->id, souk_status_name(note->status));
}

/* ---------------------------------------------------------------- downloads */

/* Somebody honest sells all there is, and there is room for four times as many sessions as all who
 * buy may open. */
static bool is_to_be_had(const struct sim_scenario *s)
{
	uint64_t sessions = 0, wanted = 0;
	for (uint32_t i = 0; i < s->population_count; i++) {
		const struct sim_population *p = &s->populations[i];
		bool sells = strcmp(p->actor, "provider") == 0;
		if (sells && p->stock_ppm == SIM_PPM_ALL)
			sessions += p->count * p->sessions;
		if (!sells)
			wanted += p->count * p->peers;
	}
	return sessions > 0 && sessions >= 4 * wanted;
}

/* Messages that get lost: three in a row end what a download may expect of a provider. */
#define LOSS_PPM_MAX 1000u
/* A download that waits for its epoch, and then for a peer that is silent, has heard of something
 * after so long. */
#define PATIENCE_US 30000000u

/* docs/simulator.md, "What is promised to a download": somebody honest sells all contents, nobody
 * cheats, hardly any message is lost, and there is room for four times as many sessions as anybody
 * may open. */
static bool is_promised(struct sim_audit *audit, const struct audit_person *person)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	for (uint32_t i = 0; i < s->population_count; i++) {
		if (s->populations[i].count > 0 &&
			sim_actor_find(s->populations[i].actor)->is_greedy)
			return false;
	}
	return s->loss_ppm <= LOSS_PPM_MAX && is_to_be_had(s) &&
	       person->wanted_us > audit_healed_us(audit) + s->epoch_ms * 1000;
}

static void failed(struct sim_audit *audit, const struct sim_node *node, souk_status status)
{
	struct audit_person *person = audit_person_of(audit, node->id);
	person->ended++;
	if (status == SOUK_LOCAL_STOPPED || status == SOUK_LOCAL_BUDGET || node->is_finishing ||
		!is_promised(audit, person))
		return;
	sim_audit_violation(audit, SIM_VIOLATION_STUCK, node->id, 1, 0,
		"a download failed although all was well: %s", souk_status_name(status));
}

void audit_people_note(struct sim_audit *audit, struct sim_node *node, const struct sim_note *note)
{
	struct audit_person *person = audit_person_of(audit, node->id);
	switch (note->kind) {
	case SIM_NOTE_BLAMED: blamed(audit, node, note); break;
	case SIM_NOTE_WANTED:
		person->wanted++;
		person->wanted_us = sim_time_us(audit->world);
		person->progress_us = person->wanted_us;
		break;
	case SIM_NOTE_DONE: person->ended++; break;
	case SIM_NOTE_FAILED: failed(audit, node, note->status); break;
	default: break;
	}
}

void audit_progress(struct sim_audit *audit, uint32_t node)
{
	audit_person_of(audit, node)->progress_us = sim_time_us(audit->world);
}

static bool has_sponsor(const struct sim_scenario *s)
{
	for (uint32_t i = 0; i < s->population_count; i++) {
		if (strcmp(s->populations[i].actor, "sponsor") == 0 && s->populations[i].count > 0)
			return true;
	}
	return false;
}

/* Whether disks of POPULATION may lose what was said to be on them. */
static bool has_bad_disks(const struct sim_scenario *s, const struct sim_population *population)
{
	for (uint32_t i = 0; i < s->fault_count; i++) {
		const struct sim_fault *fault = &s->faults[i];
		if ((fault->kind == SIM_FAULT_DISK_ROTS || fault->kind == SIM_FAULT_DISK_LOSES) &&
			(fault->population[0] == '\0' ||
				strcmp(fault->population, population->name) == 0))
			return true;
	}
	return false;
}

/* Who buys through a hub has no other: where one of them is a thief's, or a hub's disk forgets what
 * it owes, nothing is promised. */
static bool is_in_thieves_hands(const struct sim_scenario *s, const struct sim_node *node)
{
	if (s->populations[node->population].via_hub == 0)
		return false;
	for (uint32_t i = 0; i < s->population_count; i++) {
		const struct sim_population *p = &s->populations[i];
		if (p->count > 0 && strcmp(p->actor, "hub-thief") == 0)
			return true;
		if (p->count > 0 && strcmp(p->actor, "hub") == 0 && has_bad_disks(s, p))
			return true;
	}
	return false;
}

/* Who asks no more sellers at once than there are cheats may draw cheats alone, one time after the
 * other, and wait for each as long as for somebody slow. */
static bool may_meet_cheats_alone(const struct sim_scenario *s, const struct sim_node *node)
{
	uint64_t cheats = 0;
	for (uint32_t i = 0; i < s->population_count; i++) {
		const struct sim_actor *actor = sim_actor_find(s->populations[i].actor);
		if (actor->is_greedy && actor->honest != NULL &&
			strcmp(actor->honest, "provider") == 0)
			cheats += s->populations[i].count;
	}
	return s->populations[node->population].peers <= cheats;
}

/* Slow is not stuck; and who wants what nobody sells may wait for it. */
static bool is_stuck(
	struct sim_audit *audit, const struct sim_node *node, const struct audit_person *person)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	uint64_t healed = audit_healed_us(audit);
	if (!is_to_be_had(s) || is_in_thieves_hands(s, node) || may_meet_cheats_alone(s, node) ||
		(strcmp(node->actor->name, "viewer") == 0 && !has_sponsor(s)))
		return false;
	uint64_t since = person->progress_us > healed ? person->progress_us : healed;
	/* Where messages get lost, sessions end before their first unit, one after the other. */
	uint64_t patience_us = s->loss_ppm > LOSS_PPM_MAX ? 3 * PATIENCE_US : PATIENCE_US;
	return sim_time_us(audit->world) > since + 2 * s->epoch_ms * 1000 + patience_us;
}

void audit_people_end(struct sim_audit *audit)
{
	for (uint32_t id = 0; audit->people != NULL && id < audit->people_count; id++) {
		const struct audit_person *person = &audit->people[id];
		const struct sim_node *node = sim_node_at(audit->world, id);
		if (person->wanted <= person->ended || node->is_greedy || !node->is_up ||
			!is_stuck(audit, node, person))
			continue;
		sim_audit_violation(audit, SIM_VIOLATION_STUCK, id,
			(int64_t)(person->wanted - person->ended), 0,
			"%llu downloads did not end; nothing came of them since %llu s",
			(unsigned long long)(person->wanted - person->ended),
			(unsigned long long)(person->progress_us / 1000000));
	}
}
