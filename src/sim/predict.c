/* SPDX-License-Identifier: Apache-2.0
 *
 * What paper says of a deposit, an audit rate, a saving: the arithmetic of docs/security.md.
 *
 * A cheat saves k a task, and is convicted of a share p T of them; honest work is convicted of a
 * share p F. Each conviction costs D. So cheating loses from k = D p (T - F) on. This assumes that
 * each conviction has a deposit of its own to take, that an audit's finding depends on nobody else,
 * and that what is taken is lost. */
#include <string.h>

#include "actors.h"
#include "souk/payment/policy.h"
#include "sweep.h"
#include "task.h"

#define ALL ((double)SIM_PPM_ALL)

struct market {
	const struct sim_scenario *scenario;
	double saving;	      /* k */
	double audit;	      /* p */
	double detect, wrong; /* T, F */
	double kept;	      /* share of a deposit that the cheat has again */
	uint64_t batch;	      /* tasks that a deposit answers for at once */
	bool compares;
	double allies; /* chance that the second provider is a cheat as well */
	const char *why;
	const char *form;
};

static uint64_t knob(const struct sim_population *population, const char *name)
{
	const struct sim_actor *actor = sim_actor_find(population->actor);
	for (unsigned i = 0; actor->knobs != NULL && actor->knobs[i].name != NULL; i++) {
		if (strcmp(actor->knobs[i].name, name) == 0)
			return population->knobs[i];
	}
	return 0;
}

static void read_allies(
	struct market *market, const struct sim_scenario *scenario, uint32_t population)
{
	uint64_t all = 0;
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		const struct sim_population *of = &scenario->populations[i];
		if (sim_task_is_provider(sim_actor_find(of->actor)))
			all += of->count;
	}
	if (all > 1)
		market->allies =
			(double)(scenario->populations[population].count - 1) / (double)(all - 1);
}

static void read_loopholes(struct market *market, const struct sim_population *cheat,
	const struct sim_population *customer)
{
	const struct sim_scenario *s = market->scenario;
	uint64_t accomplice = knob(cheat, "accomplice");
	market->batch = knob(customer, "batch");
	market->compares = knob(customer, "compare") != 0;
	if (accomplice > 0 && knob(customer, "hearing") > 0)
		market->kept += (double)s->reporter_permille / 1000;
	if (accomplice > 1 && knob(customer, "sponsor") != 0)
		market->kept += (double)s->victim_permille / 1000;
}

static bool read_market(
	struct market *market, const struct sim_scenario *scenario, uint32_t population)
{
	const struct sim_population *customer = NULL;
	if (sim_actor_find(scenario->populations[population].actor) != &sim_task_cheat_actor)
		return false;
	for (uint32_t i = 0; i < scenario->population_count; i++) {
		if (sim_actor_find(scenario->populations[i].actor) == &sim_task_customer_actor)
			customer = &scenario->populations[i];
	}
	if (customer == NULL)
		return false;
	*market = (struct market){
		.scenario = scenario,
		.saving = (double)sim_task_cost(scenario).ncoin,
		.audit = (double)scenario->audit_ppm / ALL,
		.detect = (double)scenario->detect_ppm / ALL,
		.wrong = (double)scenario->false_ppm / ALL,
	};
	read_loopholes(market, &scenario->populations[population], customer);
	read_allies(market, scenario, population);
	return true;
}

static double power(double base, double exponent)
{
	double product = 1;
	for (; exponent >= 1; exponent--)
		product *= base;
	/* Part of an audit more: on a straight line, as batches have one more or not. */
	return product * (1 - exponent * (1 - base));
}

/* Deposits that one task costs on average, more of a cheat than of honest work, by what does hold:
 * the rate of convictions for which there is a deposit, times what is lost of it. */
static double rate(struct market *market)
{
	double lost = 1 - market->kept, audits = (double)market->batch * market->audit;
	if (market->compares) {
		market->why = "an audit needs a second provider, and it may be a cheat as well";
		market->form = "k / (p T (1 - s))";
		return market->audit * market->detect * (1 - market->allies) * lost;
	}
	if (audits > 1) {
		market->why = "one deposit answers for many tasks at once, and is lost once";
		market->form = "k q / ((1 - F)^(pq) - (1 - T)^(pq))";
		return (power(1 - market->wrong, audits) - power(1 - market->detect, audits)) /
		       (double)market->batch;
	}
	if (market->kept > 0) {
		market->why = "a part of the deposit goes to an accomplice of the cheat";
		market->form = "k / (p (T (1 - c) - F))";
	}
	return market->audit * (market->detect * lost - market->wrong);
}

/* The least deposit of the policy, which rounds up to a whole ncoin. */
static double policy_deposit(const struct sim_scenario *scenario)
{
	struct souk_policy policy = {
		.reward = {scenario->price},
		.saving = sim_task_cost(scenario),
		.audit_ppm = (uint32_t)scenario->audit_ppm,
		.detect_ppm = (uint32_t)scenario->detect_ppm,
		.false_ppm = (uint32_t)scenario->false_ppm,
	};
	struct souk_policy_deposits deposits;
	if (souk_policy_deposits(&deposits, &policy) != SOUK_OK || !deposits.has_least)
		return 0;
	return (double)deposits.least.ncoin;
}

static void predict_deposit(struct sim_prediction *ret, struct market *market)
{
	double all = rate(market), plain = policy_deposit(market->scenario);
	if (plain <= 0)
		return;
	*ret = (struct sim_prediction){
		.is_known = true,
		.applies = market->why == NULL,
		.value = plain,
		.form = "k / (p (T - F))",
		.corrected = all > 0 && market->why != NULL ? market->saving / all : 0,
		.correct_form = market->form,
		.why = market->why,
	};
}

/* p for a deposit, where nothing else stands in the way. */
static void predict_audit(struct sim_prediction *ret, struct market *market)
{
	double share = (double)market->scenario->deposit * (market->detect - market->wrong);
	(void)rate(market);
	if (share <= 0)
		return;
	*ret = (struct sim_prediction){
		.is_known = true,
		.applies = market->why == NULL,
		.value = market->saving / share * ALL,
		.form = "k / (D (T - F))",
		.why = market->why,
	};
}

static void predict_saving(struct sim_prediction *ret, struct market *market)
{
	double all = (double)market->scenario->deposit * market->audit *
		     (market->detect - market->wrong) / (double)market->scenario->price;
	(void)rate(market);
	if (all <= 0)
		return;
	*ret = (struct sim_prediction){
		.is_known = true,
		.applies = market->why == NULL,
		.value = all * ALL,
		.form = "D p (T - F)",
		.why = market->why,
	};
}

void sim_predict(struct sim_prediction *ret, const struct sim_scenario *scenario,
	uint32_t population, const char *key)
{
	struct market market;
	*ret = (struct sim_prediction){0};
	if (!read_market(&market, scenario, population))
		return;
	if (strcmp(key, "deposit") == 0)
		predict_deposit(ret, &market);
	else if (strcmp(key, "audit") == 0)
		predict_audit(ret, &market);
	else if (strcmp(key, "saving") == 0)
		predict_saving(ret, &market);
}
