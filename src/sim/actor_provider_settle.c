/* SPDX-License-Identifier: Apache-2.0
 *
 * Rounds: keep registered, follow the ledger's epochs, and have what was won claimed; see
 * src/daemon/provider_settle.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "directory.h"
#include "souk/base/check.h"

#define ROUND_MS	  500u
#define ROUND_MIN_MS	  50u
#define IDLE_MS		  10000u
#define REGISTER_AGAIN_US 10000000u

static void register_provider(struct sim_provider *p)
{
	const struct sim_scenario *scenario = sim_world_scenario(p->node->world);
	uint64_t now_us = sim_time_us(p->node->world);
	struct souk_provider_record record;
	char url[32];
	if (now_us < p->register_us)
		return;
	p->register_us = SIM_NEVER_US;
	if (sim_ledger_provider(p->node, &p->node->identity.address, &record) == SOUK_OK) {
		sim_directory_add(p->node);
		return;
	}
	p->register_us = now_us + REGISTER_AGAIN_US;
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_PROVIDER_REGISTER;
	body->provider_register.deposit.ncoin = scenario->deposit_min;
	snprintf(url, sizeof url, "https://sim:%u", p->node->id);
	SOUK_CHECK(souk_text_set(&body->provider_register.control_url, url) == SOUK_OK);
	sim_ledger_submit(p->node, body, sim_provider_token(p, SIM_PROVIDER_REGISTER, 0));
	free(body);
}

void sim_provider_registered(struct sim_provider *p, souk_status status)
{
	sim_say(p->node, "registers: %s", souk_status_name(status));
	if (status == SOUK_OK)
		sim_directory_add(p->node);
}

/* Epochs that are over and drawn: their sessions are claimed or settled. */
static void follow_draws(struct sim_provider *p)
{
	uint64_t epoch;
	while (souk_provider_undrawn(&p->provider, &epoch)) {
		struct souk_epoch_record record;
		if (sim_ledger_epoch(p->node, epoch, &record) != SOUK_OK || !record.drawn)
			return;
		souk_provider_draw(&p->provider, epoch, &record.beacon, sim_now(p->node));
	}
}

static bool is_busy(const struct sim_provider *p)
{
	return p->provider.session_count > 0 || p->provider.due_count > 0 || p->open_receipts > 0 ||
	       p->agreement_count > 0 || p->writes.count > 0;
}

/* Twice a second, as the daemon; more often where epochs are short. Who has nothing to do waits for
 * the end of the epoch, so that a large market costs little while it sleeps. */
static uint64_t pause_ms(const struct sim_provider *p)
{
	uint64_t epoch_ms = sim_world_scenario(p->node->world)->epoch_ms;
	uint64_t round = epoch_ms / 20 < ROUND_MS ? epoch_ms / 20 : ROUND_MS;
	round = round > ROUND_MIN_MS ? round : ROUND_MIN_MS;
	if (is_busy(p) || !p->provider.epoch_known)
		return round;
	uint64_t left = souk_time_since_ms(sim_now(p->node), p->provider.epoch_end);
	left = left < IDLE_MS ? left : IDLE_MS;
	return left > round ? left : round;
}

void sim_provider_round(struct sim_provider *p)
{
	struct sim_node *node = p->node;
	struct souk_epoch_record record;
	uint64_t epoch;
	if (sim_ledger_now(node, &epoch, &record) == SOUK_OK) {
		souk_provider_set_genesis(
			&p->provider, sim_ledger_genesis(sim_world_ledger(node->world)));
		/* It looks at every session: not for nothing, in a market of thousands. */
		if (!p->provider.epoch_known || p->provider.epoch != epoch ||
			p->provider.epoch_end.ms != record.end.ms)
			souk_provider_set_epoch(&p->provider, epoch, record.end, sim_now(node));
		/* First: a challenge waits no longer than its agreement says. */
		sim_provider_agreements_poll(p);
		register_provider(p);
		follow_draws(p);
	}
	souk_provider_tick(&p->provider, sim_now(node));
	p->wants_commit = true;
	p->wants_settling = true;
	p->round_us = sim_time_us(node->world) + pause_ms(p) * 1000;
}

void sim_provider_settle(struct sim_provider *p)
{
	p->wants_settling = false;
	sim_provider_claims_send(p);
	sim_provider_receipts_claim(p);
	sim_provider_watch(p);
	p->wants_commit = true;
}
