/* SPDX-License-Identifier: Apache-2.0 */
#include "race.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "ledger_kit.h"
#include "microcash.h"
#include "micropay.h"
#include "ours.h"
#include "median.h"

#define LEDGER_ESCROWS 1024u
#define LEDGER_CLAIMS  1024u /* of ours, in a round */

double race_rate(const struct race *race, enum race_system system, enum race_role role)
{
	return bench_median(race->rates[system][role], race->rounds);
}

double race_part(const struct race *race, enum race_part part)
{
	return bench_median(race->parts[part], race->rounds);
}

double race_ratio(const struct race *race, enum race_system system, enum race_role role)
{
	double ratios[RACE_ROUNDS_MAX];
	for (unsigned i = 0; i < race->rounds; i++)
		ratios[i] = race->rates[RACE_SOUK][role][i] / race->rates[system][role][i];
	return bench_median(ratios, race->rounds);
}

enum race_system race_faster(const struct race *race, enum race_system system, enum race_role role)
{
	return race_rate(race, system + 1, role) > race_rate(race, system, role) ? system + 1
										 : system;
}

/* ---- running ---- */

/* The rate of something that is done at RATE, and needs another thing at OTHER for each COUNT. */
static double with_share_of(double rate, double other, double count)
{
	return 1 / (1 / rate + 1 / (other * count));
}

static void run_ours(struct race *race, unsigned round, struct ours *ours)
{
	race->parts[RACE_ISSUE][round] = ours_issue(ours);
	race->parts[RACE_OPEN_STRIPS][round] = ours_open_strips(ours);
	race->parts[RACE_VERIFY][round] = ours_verify_one_by_one(ours);
	race->parts[RACE_VERIFY_MANY][round] = ours_verify_many(ours);
	race->parts[RACE_VERIFY_STRIPS][round] = ours_verify_strips(ours);
	race->parts[RACE_VERIFY_CLAIMS][round] = ours_verify_claims(ours);
	race->rates[RACE_SOUK][RACE_CUSTOMER][round] = with_share_of(
		race->parts[RACE_ISSUE][round], race->parts[RACE_OPEN_STRIPS][round], OURS_UNITS);
	race->rates[RACE_SOUK][RACE_PROVIDER][round] =
		with_share_of(race->parts[RACE_VERIFY][round],
			race->parts[RACE_VERIFY_STRIPS][round], OURS_UNITS);
}

static bool run_round(struct race *race, unsigned round, struct ours *ours,
	struct bench_peers *peers, struct ledger_kit *ledger, struct ledger_batch *claims)
{
	run_ours(race, round, ours);
	race->rates[RACE_SOUK][RACE_LEDGER][round] =
		ledger_kit_measure(ledger, claims, LEDGER_CLAIMS);
	for (enum race_system i = RACE_MICROCASH_SECP256K1; i < RACE_SYSTEMS; i++) {
		if (!bench_peers_run(race->rates, peers, i, round))
			return false;
	}
	return true;
}

/* The bytes of a strip in a batch of claims. */
static size_t measure_batch(void)
{
	struct ledger_kit *ledger = ledger_kit_new(NULL, false);
	struct ledger_batch batch = {0};
	size_t allot_bytes;
	ledger_kit_make_claims(ledger, 1, CLAIMS_MAX, &batch, 1, &allot_bytes);
	size_t bytes = (batch.size - 4) / CLAIMS_MAX;
	ledger_batch_free(&batch);
	ledger_kit_free(ledger);
	return bytes;
}

bool race_run(struct race *race, unsigned rounds, uint32_t payout_epochs)
{
	struct ledger_batch claims = {0};
	struct ours *ours = ours_new();
	struct bench_peers *peers = bench_peers_new();
	bool ok = ours != NULL && peers != NULL;
	memset(race, 0, sizeof *race);
	race->rounds = rounds;
	race->payout_epochs = payout_epochs;
	if (ok) {
		struct ledger_kit *ledger = ledger_kit_new(NULL, false);
		ledger_kit_make_claims(ledger, LEDGER_ESCROWS, 1, &claims, rounds * LEDGER_CLAIMS,
			&race->allot_tx_bytes);
		for (unsigned i = 0; i < rounds && ok; i++)
			ok = run_round(race, i, ours, peers, ledger, &claims);
		ledger_kit_free(ledger);
		race->batched_claim_bytes = measure_batch();
		race->ticket_bytes = ours_ticket_bytes(ours);
		race->strip_bytes = ours_strip_bytes(ours);
		race->claim_bytes = ours_claim_bytes(ours);
		race->claim_tx_bytes = ours_claim_tx_bytes(ours);
	}
	for (enum payout_system i = 0; i < PAYOUT_SYSTEMS && ok; i++)
		payout_simulate(&race->payouts[i], i, payout_epochs);
	if (!ok)
		fprintf(stderr, "souk bench: a peer refused, or there is no memory\n");
	ledger_batch_free(&claims);
	bench_peers_free(peers);
	ours_free(ours);
	return ok;
}

/* ---- arithmetic ---- */

static double claim_bytes_of(enum race_system system)
{
	return system <= RACE_MICROCASH_ED25519 ? MICROCASH_TICKET_SIZE : MICROPAY_CLAIM_SIZE;
}

static double our_claim_bytes(const struct race *race)
{
	return (double)race->claim_tx_bytes + (double)race->allot_tx_bytes / PAYOUT_PAYEES;
}

double race_ledger_bytes(const struct race *race, enum race_system system, double per_claim)
{
	if (system == RACE_SOUK)
		return 1e6 / per_claim * our_claim_bytes(race);
	return 1e6 / PAYOUT_TICKETS * claim_bytes_of(system);
}

double race_crossover_bytes(const struct race *race, enum race_system system)
{
	return our_claim_bytes(race) / claim_bytes_of(system);
}

double race_crossover_bytes_batched(const struct race *race, enum race_system system)
{
	return ((double)race->batched_claim_bytes +
		       (double)race->allot_tx_bytes / PAYOUT_PAYEES / CLAIMS_MAX) /
	       claim_bytes_of(system);
}

double race_crossover_time(const struct race *race, enum race_system system)
{
	return 1 / race_ratio(race, system, RACE_LEDGER);
}

double race_crossover_strip(const struct race *race, enum race_system system)
{
	double counts[RACE_ROUNDS_MAX];
	for (unsigned i = 0; i < race->rounds; i++) {
		double theirs = 1 / race->rates[system][RACE_PROVIDER][i];
		counts[i] = 1 / race->parts[RACE_VERIFY_STRIPS][i] /
			    (theirs - 1 / race->parts[RACE_VERIFY][i]);
	}
	return bench_median(counts, race->rounds);
}

double race_provider_rate_at(const struct race *race, double count)
{
	return with_share_of(
		race_part(race, RACE_VERIFY), race_part(race, RACE_VERIFY_STRIPS), count);
}

double race_payment_capital(void)
{
	return 1 + RACE_DRAW_ROUNDS + RACE_REDEEM_ROUNDS;
}

double race_penalty_capital(enum race_system system, double payees)
{
	if (system == RACE_SOUK)
		return 0;
	return microcash_penalty_rounds(payees, PAYOUT_PRIZES * PAYOUT_TICKETS,
		1.0 / PAYOUT_TICKETS, RACE_DRAW_ROUNDS, RACE_REDEEM_ROUNDS);
}
