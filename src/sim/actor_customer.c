/* SPDX-License-Identifier: Apache-2.0
 *
 * The person: what it wants, when, and how often it tries. */
#include <stdlib.h>
#include <string.h>

#include "customer.h"
#include "demand.h"
#include "directory.h"

/* A user tries again after a pause, each time a longer one. So often where nothing is broken: it
 * asks others then. Where faults are to be expected, so often after they are over. */
#define TRIES	     4u
#define TRIES_FAULTY 12u
#define RETRY_MS     1000u
#define RETRY_MAX_MS 8000u
/* Until somebody sells. */
#define OPENING_MS 500u

/* ---------------------------------------------------------------- wishes */

void customer_set_wake(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct souk_time wake = SOUK_TIME_NEVER;
	if (c->phase == CUSTOMER_BUYING && c->purchase != NULL)
		wake = c->purchase->look;
	else if (!c->is_waiting && c->phase != CUSTOMER_GONE)
		wake = c->next;
	if (c->grievances != NULL)
		wake = souk_time_earlier(wake, customer_grievance_due(c));
	sim_wake(node, wake);
}

void customer_shun(struct customer *c, uint32_t peer)
{
	for (uint32_t i = 0; i < c->shunned_count; i++) {
		if (c->shunned[i] == peer)
			return;
	}
	/* The oldest grudge is forgotten first. */
	if (c->shunned_count == CUSTOMER_SHUN_MAX)
		memmove(c->shunned, c->shunned + 1, --c->shunned_count * sizeof *c->shunned);
	c->shunned[c->shunned_count++] = peer;
}

static const struct sim_scenario *scenario_of(const struct sim_node *node)
{
	return sim_world_scenario(node->world);
}

/* Milliseconds until everybody wants the same; a week where that is over, or never. */
static uint64_t until_crowd_ms(const struct sim_node *node)
{
	uint64_t now = sim_time_us(node->world) / 1000, crowd = scenario_of(node)->crowd_ms;
	if (crowd == 0 || customer_of(node)->had_crowd)
		return UINT64_MAX;
	return crowd > now ? crowd - now : 0;
}

static void rest(struct sim_node *node, uint64_t ms)
{
	struct customer *c = customer_of(node);
	c->phase = CUSTOMER_RESTING;
	c->next = souk_time_plus_ms(sim_now(node), ms);
}

/* Nothing is at hand: when is the next wish? */
static void plan_wish(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	uint64_t crowd = until_crowd_ms(node);
	uint64_t pause = sim_demand_pause_ms(node->world, &node->rng, c->of->pause_ms);
	rest(node, crowd < pause ? crowd : pause);
	if (c->wishes > 0 && !node->is_finishing)
		return;
	c->next = SOUK_TIME_NEVER;
	if (node->is_finishing) {
		c->phase = c->hub == CUSTOMER_NONE ? CUSTOMER_LEAVING : CUSTOMER_GONE;
		c->next = sim_now(node);
	}
}

static void wish(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	bool is_crowd = until_crowd_ms(node) == 0;
	c->want = is_crowd ? 0 : sim_demand_content(node->world, &node->rng);
	c->had_crowd |= is_crowd;
	c->has_parts = false;
	c->tries = 0;
	c->wishes--;
	node->tally.downloads_asked++;
	sim_say(node, "wants content %u", c->want);
	sim_note(node, &(struct sim_note){.kind = SIM_NOTE_WANTED,
			       .peer = UINT32_MAX,
			       .content = c->want,
			       .unit = sim_content_units(node->world, c->want)});
}

static void buy(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	if (c->want == CUSTOMER_NONE && (node->is_finishing || c->wishes == 0)) {
		plan_wish(node);
		return;
	}
	if (sim_directory_count(node->world) == 0 && c->want == CUSTOMER_NONE) {
		rest(node, OPENING_MS);
		return;
	}
	if (c->want == CUSTOMER_NONE)
		wish(node);
	c->phase = CUSTOMER_BUYING;
	customer_purchase_begin(node);
}

/* ---------------------------------------------------------------- the end of a try */

static bool is_faulty(const struct sim_scenario *s)
{
	return s->fault_count > 0 || s->loss_ppm > 0;
}

static bool tries_again(const struct sim_node *node)
{
	const struct sim_scenario *s = scenario_of(node);
	uint64_t heal_ms = s->heal_ms > 0 ? s->heal_ms : s->duration_ms;
	uint32_t tries = customer_of(node)->tries;
	if (!is_faulty(s))
		return tries < TRIES;
	return tries < TRIES_FAULTY || sim_time_us(node->world) < heal_ms * 1000;
}

static void wish_over(struct sim_node *node, souk_status status)
{
	struct customer *c = customer_of(node);
	bool is_done = status == SOUK_OK;
	node->tally.downloads_done += is_done;
	node->tally.downloads_failed += !is_done;
	sim_say(node, "%s content %u: %s", is_done ? "has" : "gives up", c->want,
		souk_status_name(status));
	sim_note(node, &(struct sim_note){.kind = is_done ? SIM_NOTE_DONE : SIM_NOTE_FAILED,
			       .peer = UINT32_MAX,
			       .content = c->want,
			       .unit = sim_content_units(node->world, c->want),
			       .status = status});
	if (c->has_parts)
		customer_wallet_drop_part(
			node, (uint32_t)SOUK_BITMAP_WORDS(sim_content_units(node->world, c->want)));
	c->has_parts = false;
	c->want = CUSTOMER_NONE;
	plan_wish(node);
}

void customer_purchase_over(struct sim_node *node, souk_status status)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	bool is_done = p->is_planned && status == SOUK_OK;
	for (uint32_t i = 0; i < p->seat_count; i++)
		customer_hub_close(node, i);
	customer_accuse(node);
	if (!is_done && p->is_planned)
		/* What cannot be written is bought again. */
		(void)(customer_flush(node) == SOUK_OK);
	customer_purchase_free(node);
	c->tries++;
	if (is_done || !tries_again(node)) {
		wish_over(node, status);
		return;
	}
	uint64_t pause = (uint64_t)RETRY_MS << (c->tries < 4 ? c->tries - 1 : 3);
	sim_say(node, "tries again for content %u: %s", c->want, souk_status_name(status));
	rest(node, pause < RETRY_MAX_MS ? pause : RETRY_MAX_MS);
}

/* ---------------------------------------------------------------- the actor */

enum { KNOB_CHALLENGES };

static void make(struct sim_node *node, const struct sim_population *population)
{
	struct customer *c = sim_alloc(sizeof *c);
	node->state = c;
	c->of = population;
	c->wishes = population->downloads;
	/* A greedy buyer has knobs of its own. */
	c->challenges =
		node->actor == &sim_customer_actor && population->knobs[KNOB_CHALLENGES] != 0;
	c->want = CUSTOMER_NONE;
	c->hub = CUSTOMER_NONE;
	c->next = SOUK_TIME_NEVER;
	if (population->via_hub == 0 || !customer_hub_make(node))
		customer_escrow_make(node);
}

static void step(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	bool is_due = !c->is_waiting && !souk_time_is_before(sim_now(node), c->next);
	switch (c->phase) {
	case CUSTOMER_ARRIVING:
		if (is_due)
			customer_escrow_find(node);
		break;
	case CUSTOMER_RESTING:
		if (is_due)
			buy(node);
		break;
	case CUSTOMER_BUYING: customer_purchase_timer(node); break;
	case CUSTOMER_LEAVING:
		if (is_due)
			customer_escrow_leave(node);
		break;
	case CUSTOMER_GONE: break;
	}
}

/* Its escrow was found, or made. */
static void arrived(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	if (c->phase != CUSTOMER_RESTING)
		return;
	if (c->want != CUSTOMER_NONE)
		rest(node, 0);
	else
		plan_wish(node);
}

static void start(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	c->is_waiting = false;
	c->next = sim_now(node);
	if (c->hub == CUSTOMER_NONE) {
		c->phase = CUSTOMER_ARRIVING;
		customer_escrow_find(node);
	} else
		c->phase = CUSTOMER_RESTING;
	arrived(node);
	customer_set_wake(node);
}

static void message(struct sim_node *node, const struct sim_message *message)
{
	struct customer *c = customer_of(node);
	if (c->purchase == NULL && c->grievances == NULL)
		return;
	if (c->grievances != NULL)
		customer_grievance_message(node, message);
	if (c->purchase != NULL)
		customer_purchase_message(node, message);
	customer_set_wake(node);
}

static void timer(struct sim_node *node)
{
	bool is_arriving = customer_of(node)->phase == CUSTOMER_ARRIVING;
	if (customer_of(node)->grievances != NULL)
		customer_grievance_timer(node);
	step(node);
	if (is_arriving)
		arrived(node);
	customer_set_wake(node);
}

static void ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	(void)amount;
	if ((token & 255) >= TOKEN_ACCUSE)
		customer_grievance_told(node, token, status);
	else
		customer_escrow_told(node, token, status);
	customer_set_wake(node);
}

static void crash(struct sim_node *node)
{
	customer_purchase_free(node);
}

static void finish(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	if (c->phase == CUSTOMER_RESTING && c->want == CUSTOMER_NONE)
		plan_wish(node);
	customer_set_wake(node);
}

static void done(struct sim_node *node)
{
	customer_grievance_free(customer_of(node));
	free(node->state);
	node->state = NULL;
}

static const struct sim_knob knobs[] = {
	[KNOB_CHALLENGES] = {"challenges", 0, 0, 1,
		"whether it challenges who withholds a key: the bond is lost where that answers"},
	{0},
};

const struct sim_actor sim_customer_actor = {
	.name = "customer",
	.about = "buys contents, one after the other, and pays for what it got",
	.has_disk = true,
	.knobs = knobs,
	.make = make,
	.start = start,
	.message = message,
	.timer = timer,
	.ledger = ledger,
	.crash = crash,
	.finish = finish,
	.done = done,
};

/* ---------------------------------------------------------------- for greedy buyers */

struct souk_download *sim_customer_download(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	return p != NULL && p->is_planned ? &p->download : NULL;
}

static struct seat *seat_of(struct sim_node *node, const struct souk_nonce *session)
{
	struct purchase *p = customer_of(node)->purchase;
	for (uint32_t i = 0; p != NULL && i < p->seat_count; i++) {
		struct seat *seat = &p->seats[i];
		if (seat->customer != NULL &&
			memcmp(&seat->customer->grant.session, session, sizeof *session) == 0)
			return seat;
	}
	return NULL;
}

struct souk_customer *sim_customer_session(struct sim_node *node, const struct souk_nonce *session)
{
	struct seat *seat = seat_of(node, session);
	return seat == NULL ? NULL : seat->customer;
}

uint32_t sim_customer_session_peer(struct sim_node *node, const struct souk_nonce *session)
{
	const struct seat *seat = seat_of(node, session);
	return seat == NULL ? CUSTOMER_NONE : seat->peer;
}

const struct souk_hash *sim_customer_escrow(const struct sim_node *node)
{
	return &customer_of(node)->escrow;
}
