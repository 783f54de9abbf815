/* SPDX-License-Identifier: Apache-2.0 */
#include "actor_provider.h"

#include <stdlib.h>
#include <string.h>

#include "actor_reseller.h"
#include "disk.h"
#include "souk/base/check.h"

/* As the daemon has them. */
#define GRANT_MS   30000u
#define SESSION_MS (24ull * 3600 * 1000)
#define IDLE_MS	   (10ull * 60 * 1000)
/* Sessions that wait for their draw and claim, for each that may be open. */
#define DUES_PER_SESSION 32u
/* Agreements that its funds are enough for, if no more is needed. */
#define AGREEMENTS 1024u
#define FUNDS_MAX  UINT64_C(1000000000000000)

/* ---------------------------------------------------------------- the person */

/* A coin for each content, of its own rng. */
static uint8_t *draw_stock(struct sim_node *node, uint64_t stock_ppm)
{
	uint32_t count = sim_content_count(node->world);
	if (stock_ppm >= SIM_PPM_ALL)
		return NULL;
	uint8_t *stock = sim_alloc(count / 8 + 1);
	for (uint32_t i = 0; i < count; i++) {
		if (souk_rng_below(&node->rng, SIM_PPM_ALL) < stock_ppm)
			stock[i / 8] |= (uint8_t)(1u << i % 8);
	}
	return stock;
}

bool sim_provider_stocks(const struct sim_provider *p, uint32_t number)
{
	if (number >= sim_content_count(p->node->world))
		return false;
	if (sim_is_reseller(p->node))
		return sim_reseller_is_whole(p->node, number);
	return p->stock == NULL || (p->stock[number / 8] >> number % 8 & 1) != 0;
}

/* Its deposit on the ledger, and those of agreements. */
static struct souk_amount funds_of(
	const struct sim_scenario *scenario, const struct sim_population *population)
{
	uint64_t funds = scenario->deposit_min;
	if (population->funds != 0)
		return souk_amount_of_ncoin(population->funds);
	if (scenario->agreements != 0)
		funds += scenario->deposit > FUNDS_MAX / AGREEMENTS
				 ? FUNDS_MAX
				 : scenario->deposit * AGREEMENTS;
	return souk_amount_of_ncoin(funds < FUNDS_MAX ? funds : FUNDS_MAX);
}

static void make(struct sim_node *node, const struct sim_population *population)
{
	const struct sim_scenario *scenario = sim_world_scenario(node->world);
	struct sim_provider *p = sim_alloc(sizeof *p);
	node->state = p;
	p->node = node;
	p->price.ncoin = population->price != 0 ? population->price : scenario->price;
	p->stock = draw_stock(node, population->stock_ppm);
	sim_ledger_fund(node, funds_of(scenario, population));
}

static void done(struct sim_node *node)
{
	struct sim_provider *p = sim_provider_of(node);
	free(p->agreements);
	free(p->promises);
	free(p->stock);
	free(p);
	node->state = NULL;
}

/* ---------------------------------------------------------------- the process */

static void make_machine(struct sim_provider *p)
{
	const struct sim_scenario *scenario = sim_world_scenario(p->node->world);
	uint32_t sessions = (uint32_t)scenario->populations[p->node->population].sessions;
	uint32_t dues = sessions * (DUES_PER_SESSION + 1) + DUES_PER_SESSION;
	struct souk_provider_memory memory = {.session_max = sessions, .due_max = dues};
	size_t sizes[] = {sessions * sizeof *memory.sessions, dues * sizeof *memory.dues,
		SOUK_MAP_SLOTS((size_t)sessions) * sizeof(uint32_t),
		SOUK_MAP_SLOTS((size_t)dues) * sizeof(uint32_t)};
	struct souk_provider_config config = {
		.identity = &p->node->identity,
		.window = (uint16_t)scenario->window,
		.units_max = (uint32_t)scenario->session_units,
		.grant_ms = GRANT_MS,
		.session_ms = SESSION_MS,
		.idle_ms = IDLE_MS,
		.policy = souk_policy_find("content", "young"),
	};
	uint8_t *block = sim_alloc(sizes[0] + sizes[1] + sizes[2] + sizes[3]);
	p->memory = block;
	memory.sessions = (struct souk_provider_session *)block;
	memory.dues = (struct souk_provider_due *)(block + sizes[0]);
	memory.session_slots = (uint32_t *)(block + sizes[0] + sizes[1]);
	memory.due_slots = (uint32_t *)(block + sizes[0] + sizes[1] + sizes[2]);
	sim_seed(p->node, config.seed);
	souk_provider_init(&p->provider, &config, &memory);
}

static void start(struct sim_node *node)
{
	struct sim_provider *p = sim_provider_of(node);
	p->is_running = true;
	p->armed_us = SIM_NEVER_US;
	p->commit_us = SIM_NEVER_US;
	p->register_us = 0;
	p->round_us = sim_time_us(node->world);
	p->offers = sim_alloc(SIM_PROVIDER_OFFERS * sizeof *p->offers);
	p->limit = sim_alloc(sizeof *p->limit);
	p->record = sim_alloc(sizeof *p->record);
	p->keys = sim_alloc(sizeof *p->keys);
	p->bytes = sim_alloc(SOUK_SESSION_RECORD_SIZE_MAX);
	sim_writes_init(&p->writes, node);
	make_machine(p);
	sim_provider_restore(p);
	sim_provider_receipts_restore(p);
	sim_provider_watch_restore(p);
	sim_provider_arm(p);
}

static void free_waiting(struct sim_provider *p)
{
	for (uint32_t i = 0; i < SIM_PROVIDER_WAITING; i++) {
		if (p->agreeing[i] != NULL)
			sim_message_free(p->node->world, p->agreeing[i]);
		if (i < p->deferred_count)
			sim_message_free(p->node->world, p->deferred[i]);
	}
	for (uint32_t i = 0; i < SIM_PROVIDER_CLAIMS; i++)
		free(p->batches[i]);
}

static void crash(struct sim_node *node)
{
	struct sim_provider *p = sim_provider_of(node);
	if (!p->is_running)
		return;
	free_waiting(p);
	sim_writes_free(&p->writes);
	free(p->memory);
	free(p->stored);
	free(p->claims);
	free(p->receipt);
	free(p->awaited);
	free(p->offers);
	free(p->limit);
	free(p->record);
	free(p->keys);
	free(p->bytes);
	*p = (struct sim_provider){
		.node = node,
		.price = p->price,
		.stock = p->stock,
		.agreements = p->agreements,
		.agreement_count = p->agreement_count,
		.agreement_max = p->agreement_max,
		.promises = p->promises,
		.promise_count = p->promise_count,
		.promise_max = p->promise_max,
	};
	for (uint32_t i = 0; i < p->agreement_count; i++)
		p->agreements[i].is_answering = false;
}

/* ---------------------------------------------------------------- time */

void sim_provider_arm(struct sim_provider *p)
{
	uint64_t us = p->round_us < p->commit_us ? p->round_us : p->commit_us;
	if (p->writes.is_running && p->writes.durable_us < us)
		us = p->writes.durable_us;
	if (us == p->armed_us)
		return;
	p->armed_us = us;
	sim_wake_us(p->node, us);
}

/* Requests that waited for a commit to end; each may start another. */
static void take_deferred(struct sim_provider *p)
{
	while (p->deferred_count > 0 && !p->writes.is_running) {
		struct sim_message *message = p->deferred[0];
		p->deferred_count--;
		memmove(p->deferred, p->deferred + 1, p->deferred_count * sizeof *p->deferred);
		sim_provider_receipt_message(p, message);
		sim_message_free(p->node->world, message);
	}
}

/* Commit what waits; then the second half of a round, where that was all it waited for. */
static void go_on(struct sim_provider *p)
{
	sim_provider_pump(p);
	if (p->wants_settling && !p->wants_commit && !p->writes.is_running)
		sim_provider_settle(p);
	sim_provider_pump(p);
	sim_provider_arm(p);
}

static void timer(struct sim_node *node)
{
	struct sim_provider *p = sim_provider_of(node);
	uint64_t now_us = sim_time_us(node->world);
	p->armed_us = SIM_NEVER_US;
	if (sim_writes_end(&p->writes))
		sim_provider_note_stored(p);
	take_deferred(p);
	if (now_us >= p->commit_us) {
		p->commit_us = SIM_NEVER_US;
		souk_provider_flush(&p->provider);
		p->wants_commit = true;
	}
	if (now_us >= p->round_us)
		sim_provider_round(p);
	go_on(p);
}

uint64_t sim_provider_token(struct sim_provider *p, enum sim_provider_token kind, uint64_t index)
{
	uint64_t token = (uint64_t)kind << 56 | (uint64_t)p->token_count++ << 24 | index;
	if (p->awaited_count == p->awaited_max) {
		uint32_t max = p->awaited_max > 0 ? 2 * p->awaited_max : 8;
		uint64_t *more = sim_alloc(max * sizeof *more);
		if (p->awaited_count > 0)
			memcpy(more, p->awaited, p->awaited_count * sizeof *more);
		free(p->awaited);
		p->awaited = more;
		p->awaited_max = max;
	}
	p->awaited[p->awaited_count++] = token;
	return token;
}

/* What is told again, after a fork deeper than the confirmations, finds nobody waiting. */
static bool take_awaited(struct sim_provider *p, uint64_t token)
{
	for (uint32_t i = 0; i < p->awaited_count; i++) {
		if (p->awaited[i] != token)
			continue;
		p->awaited[i] = p->awaited[--p->awaited_count];
		return true;
	}
	return false;
}

static void ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	struct sim_provider *p = sim_provider_of(node);
	uint32_t index = token & 0xffffff;
	if (!p->is_running || !take_awaited(p, token))
		return;
	switch ((enum sim_provider_token)(token >> 56)) {
	case SIM_PROVIDER_REGISTER: sim_provider_registered(p, status); break;
	case SIM_PROVIDER_CLAIM: sim_provider_claimed(p, index, status, amount); break;
	case SIM_PROVIDER_RECEIPT: sim_provider_receipt_claimed(p, status, amount); break;
	case SIM_PROVIDER_AGREE: sim_provider_agreed(p, index, status); break;
	case SIM_PROVIDER_ANSWER: sim_provider_answered(p, index, status); break;
	case SIM_PROVIDER_REPORT: sim_provider_reported(p, index, status); break;
	case SIM_PROVIDER_END: sim_provider_agreement_ended(p, index, status); break;
	}
	go_on(p);
}

const struct sim_actor sim_provider_actor = {
	.name = "provider",
	.about = "sells units, and claims what it was paid",
	.has_disk = true,
	.make = make,
	.start = start,
	.message = sim_provider_message,
	.timer = timer,
	.ledger = ledger,
	.crash = crash,
	.done = done,
};
