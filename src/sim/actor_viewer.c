/* SPDX-License-Identifier: Apache-2.0 */
#include "actor_viewer.h"

#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "demand.h"
#include "ledger.h"
#include "souk/base/bitmap.h"
#include "souk/base/check.h"

#define NONE	     UINT32_MAX
#define TRIES	     16u
#define RETRY_MS     250u
#define FAILURES_MAX 3u

enum { AUDITS };

/* ---------------------------------------------------------------- the person */

void sim_viewer_make(struct sim_node *node, const struct sim_population *population,
	const struct sim_viewer_ways *ways, bool is_auditor)
{
	struct sim_viewer *v = sim_alloc(sizeof *v);
	node->state = v;
	v->node = node;
	v->of = population;
	v->ways = ways;
	v->is_auditor = is_auditor;
	v->wishes = population->downloads;
	v->want = NONE;
	v->next = SOUK_TIME_NEVER;
}

static void make(struct sim_node *node, const struct sim_population *population)
{
	sim_viewer_make(node, population, NULL, population->knobs[AUDITS] != 0);
}

void sim_viewer_done(struct sim_node *node)
{
	free(node->state);
	node->state = NULL;
}

/* ---------------------------------------------------------------- wishes */

static void rest(struct sim_viewer *v, uint64_t ms)
{
	v->next = souk_time_plus_ms(sim_now(v->node), ms);
}

static void plan_wish(struct sim_viewer *v)
{
	v->want = NONE;
	v->next = SOUK_TIME_NEVER;
	if (v->wishes > 0 && !v->node->is_finishing)
		rest(v, sim_demand_pause_ms(v->node->world, &v->node->rng, v->of->pause_ms));
}

static void wish(struct sim_viewer *v)
{
	v->wishes--;
	v->want = sim_demand_content(v->node->world, &v->node->rng);
	v->tries = 0;
	v->node->tally.downloads_asked++;
	size_t words = SOUK_BITMAP_WORDS(sim_content_units(v->node->world, v->want));
	v->have = sim_alloc(words * sizeof *v->have);
	sim_note(v->node, &(struct sim_note){.kind = SIM_NOTE_WANTED,
				  .peer = NONE,
				  .content = v->want,
				  .unit = sim_content_units(v->node->world, v->want)});
}

static void wish_over(struct sim_viewer *v, souk_status status)
{
	bool is_done = status == SOUK_OK;
	v->node->tally.downloads_done += is_done;
	v->node->tally.downloads_failed += !is_done;
	sim_say(v->node, "%s content %u: %s", is_done ? "has" : "gives up", v->want,
		souk_status_name(status));
	sim_note(v->node, &(struct sim_note){.kind = is_done ? SIM_NOTE_DONE : SIM_NOTE_FAILED,
				  .peer = NONE,
				  .content = v->want,
				  .unit = sim_content_units(v->node->world, v->want),
				  .status = is_done ? SOUK_OK : SOUK_LOCAL_BUDGET});
	free(v->have);
	v->have = NULL;
	plan_wish(v);
}

/* The first chunk that lacks; the number of units where none does. */
static uint32_t first_lacking(const struct sim_viewer *v)
{
	uint32_t i = 0, count = sim_content_units(v->node->world, v->want);
	while (i < count && (v->have[i / 64] >> i % 64 & 1) != 0)
		i++;
	return i;
}

/* ---------------------------------------------------------------- bundles */

/* A fresh key for each epoch. */
static bool choose_key(struct sim_viewer *v)
{
	struct souk_secret_rng rng;
	struct souk_epoch_record record;
	uint8_t seed[32];
	uint64_t epoch;
	if (sim_ledger_now(v->node, &epoch, &record) != SOUK_OK)
		return false;
	if (v->has_key && v->epoch == epoch && v->ways == NULL)
		return true;
	if (v->ways != NULL && v->ways->choose_key != NULL) {
		v->number = v->epoch == epoch ? v->number : 0;
		v->epoch = epoch;
		v->ways->choose_key(v->node, &v->key, &v->number);
		return true;
	}
	sim_seed(v->node, seed);
	souk_secret_rng_init(&rng, seed);
	souk_identity_generate(&v->key, &rng);
	v->has_key = true;
	v->epoch = epoch;
	v->number = 0;
	return true;
}

static void begin(struct sim_viewer *v)
{
	struct sim_node *sponsor = sim_sponsor_pick(v->node->world, v->node->id);
	uint32_t first = first_lacking(v), count = sim_content_units(v->node->world, v->want);
	if (sponsor == NULL || !choose_key(v)) {
		rest(v, RETRY_MS);
		return;
	}
	struct souk_viewer_config config = {
		.identity = &v->key,
		.sponsor = sponsor->identity.address,
		.content = *sim_contents_at(sim_world_contents(v->node->world), v->want),
		.number = v->number,
		.first = first,
		.chunks = count - first,
		.pipeline = SIM_VIEWER_PIPELINE,
		.failures_max = FAILURES_MAX,
		.retry_ms = RETRY_MS,
	};
	v->viewing = sim_alloc(sizeof *v->viewing);
	v->next = SOUK_TIME_NEVER;
	souk_viewer_init(&v->viewing->viewer, &config, v->viewing->caches);
	sim_viewer_pull(v->node);
}

/* What one of the sponsor's own viewers saw. */
static void tell_audit(struct sim_viewer *v)
{
	struct souk_viewer *viewer = &v->viewing->viewer;
	struct sim_node *sponsor = sim_sponsor_pick(v->node->world, v->node->id);
	for (uint32_t i = 0; i < viewer->plan.caches; i++) {
		bool is_seen = viewer->state == SOUK_VIEWER_DONE || viewer->failed == i;
		/* Who does not answer has failed as well as who lies. */
		souk_status status = viewer->failed != i ? SOUK_OK
				     : souk_status_class(viewer->status) == SOUK_CLASS_IO
					     ? SOUK_PEER_SILENT
					     : viewer->status;
		if (is_seen)
			sim_sponsor_audited(sponsor, &v->key.address, &viewer->bundle,
				&v->viewing->caches[i].customer.ask.provider, status);
	}
}

static bool is_hopeless(souk_status status)
{
	return status == SOUK_PEER_SPONSOR_QUOTA || status == SOUK_PEER_SPONSOR_ADMISSION;
}

void sim_viewer_ended(struct sim_node *node)
{
	struct sim_viewer *v = sim_viewer_of(node);
	struct souk_viewer *viewer = &v->viewing->viewer;
	souk_status status = viewer->state == SOUK_VIEWER_DONE ? SOUK_OK : viewer->status;
	v->number += v->viewing->is_counted;
	if (v->is_auditor && v->viewing->is_counted)
		tell_audit(v);
	/* Nobody knows whether the number of an unanswered ask counted: another key has none. */
	if (status == SOUK_PEER_OUT_OF_ORDER || status == SOUK_IO_TIMEOUT)
		v->has_key = false;
	free(v->viewing);
	v->viewing = NULL;
	if (status == SOUK_OK && first_lacking(v) == sim_content_units(node->world, v->want)) {
		wish_over(v, SOUK_OK);
		return;
	}
	v->tries += status != SOUK_OK;
	if (v->tries >= TRIES || is_hopeless(status) || node->is_finishing)
		wish_over(v, status);
	else
		rest(v, status == SOUK_OK ? 0 : RETRY_MS);
}

/* ---------------------------------------------------------------- the process */

static void set_wake(struct sim_viewer *v)
{
	struct souk_time at = v->next;
	if (v->viewing != NULL) {
		at = souk_time_earlier(at, souk_viewer_deadline(&v->viewing->viewer));
		for (uint32_t i = 0; i < SIM_VIEWER_CALLS; i++) {
			if (v->viewing->calls[i].number != 0)
				at = souk_time_earlier(at, v->viewing->calls[i].due);
		}
	}
	sim_wake(v->node, at);
}

void sim_viewer_start(struct sim_node *node)
{
	struct sim_viewer *v = sim_viewer_of(node);
	plan_wish(v);
	set_wake(v);
}

void sim_viewer_crash(struct sim_node *node)
{
	struct sim_viewer *v = sim_viewer_of(node);
	if (v->want != NONE) {
		/* Nothing of it is on a disk: it is wished for once more. */
		v->wishes++;
		node->tally.downloads_asked--;
		sim_note(node, &(struct sim_note){.kind = SIM_NOTE_FAILED,
				       .peer = NONE,
				       .content = v->want,
				       .status = SOUK_LOCAL_STOPPED});
	}
	free(v->viewing);
	free(v->have);
	v->viewing = NULL;
	v->have = NULL;
	v->want = NONE;
	v->has_key = false;
}

void sim_viewer_timer(struct sim_node *node)
{
	struct sim_viewer *v = sim_viewer_of(node);
	if (v->viewing != NULL) {
		sim_viewer_overdue(node);
		sim_viewer_pull(node);
	}
	if (v->viewing == NULL && !souk_time_is_before(sim_now(node), v->next)) {
		if (v->want == NONE && v->wishes > 0 && !node->is_finishing)
			wish(v);
		if (v->want != NONE)
			begin(v);
		else
			v->next = SOUK_TIME_NEVER;
	}
	set_wake(v);
}

void sim_viewer_message(struct sim_node *node, const struct sim_message *message)
{
	struct sim_viewer *v = sim_viewer_of(node);
	if (v->viewing == NULL)
		return;
	sim_viewer_answer(node, message);
	if (v->viewing != NULL)
		sim_viewer_pull(node);
	set_wake(v);
}

void sim_viewer_finish(struct sim_node *node)
{
	struct sim_viewer *v = sim_viewer_of(node);
	if (v->want == NONE)
		v->next = SOUK_TIME_NEVER;
	set_wake(v);
}

static const struct sim_knob knobs[] = {
	[AUDITS] = {"audits", 0, 0, 1, "whether it is one of the sponsor's own"},
	{0},
};

const struct sim_actor sim_viewer_actor = {
	.name = "viewer",
	.about = "downloads at a sponsor's expense",
	.knobs = knobs,
	.make = make,
	SIM_VIEWER_FUNCTIONS,
};
