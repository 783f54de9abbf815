/* SPDX-License-Identifier: Apache-2.0
 *
 * What a payment costs on one core, beside the two schemes that Souk wants to
 * replace. ours.c and peers.c say what is done; race.c measures. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "microcash.h"
#include "micropay.h"
#include "ours.h"
#include "report.h"
#include "souk/crypto/sha256.h"

#define ROUNDS	     9
#define QUICK_ROUNDS 1
#define EPOCHS	     20000u
#define QUICK_EPOCHS 1000u

static const char *const role_keys[] = {"customer", "provider", "ledger"};
static const char *const unit_keys[] = {"tickets", "tickets", "claims"};

static void print_ours(const struct race *race)
{
	printf("{\"bench\": \"payments\", \"tickets_verified_per_s\": %.0f, "
	       "\"tickets_verified_many_per_s\": %.0f, \"tickets_issued_per_s\": %.0f, "
	       "\"ticket_bytes\": %zu, \"strip_bytes\": %zu, \"strips_verified_per_s\": %.0f, "
	       "\"strips_opened_per_s\": %.0f, \"claims_verified_per_s\": %.0f, "
	       "\"claim_bytes\": %zu, \"claim_tx_bytes\": %zu, \"allot_tx_bytes\": %zu, "
	       "\"strips_interleaved_count\": %d, \"tickets_per_signature_count\": %d, "
	       "\"tickets_per_strip_count\": %d, \"rounds_count\": %u, "
	       "\"sha256_engine\": \"%s\"",
		race_part(race, RACE_VERIFY), race_part(race, RACE_VERIFY_MANY),
		race_part(race, RACE_ISSUE), race->ticket_bytes, race->strip_bytes,
		race_part(race, RACE_VERIFY_STRIPS), race_part(race, RACE_OPEN_STRIPS),
		race_part(race, RACE_VERIFY_CLAIMS), race->claim_bytes, race->claim_tx_bytes,
		race->allot_tx_bytes, OURS_STRIPS, OURS_BATCH * OURS_UNITS, OURS_UNITS,
		race->rounds, souk_sha256_engine());
	for (enum race_role role = 0; role < RACE_ROLES; role++)
		printf(", \"%s_%s_per_s\": %.0f", role_keys[role], unit_keys[role],
			race_rate(race, RACE_SOUK, role));
}

/* NAME's rates and ratios; SYSTEM is the one with secp256k1. The ratio without a scheme in its name
 * is against the faster one. */
static void print_peer(const struct race *race, const char *name, enum race_system system)
{
	for (enum race_role role = 0; role < RACE_ROLES; role++) {
		enum race_system faster = race_faster(race, system, role);
		for (enum bench_scheme i = 0; i < BENCH_SCHEMES; i++)
			printf(", \"%s_%s_%s_per_s_%s\": %.0f", name, role_keys[role],
				unit_keys[role], bench_scheme_name(i),
				race_rate(race, system + i, role));
		printf(", \"ratio_%s_%s\": %.3f", name, role_keys[role],
			race_ratio(race, faster, role));
		for (enum bench_scheme i = 0; i < BENCH_SCHEMES; i++)
			printf(", \"ratio_%s_%s_%s\": %.3f", name, role_keys[role],
				bench_scheme_name(i), race_ratio(race, system + i, role));
	}
	printf(", \"ratio_%s_provider_tickets_only\": %.3f", name,
		race_part(race, RACE_VERIFY) /
			race_rate(race, race_faster(race, system, RACE_PROVIDER), RACE_PROVIDER));
}

static void print_bytes(const struct race *race)
{
	static const double per_claim[] = {1000, 10000, 65536};
	enum race_system microcash = RACE_MICROCASH_SECP256K1, micropay = RACE_MICROPAY_SECP256K1;
	printf(", \"microcash_ticket_bytes\": %d, \"microcash_claim_bytes\": %d, "
	       "\"micropay_ticket_bytes\": %d, \"micropay_request_bytes\": %d, "
	       "\"micropay_claim_bytes\": %d, \"payments_per_prize_count\": %u",
		MICROCASH_TICKET_SIZE, MICROCASH_TICKET_SIZE, MICROPAY_TICKET_SIZE,
		MICROPAY_REQUEST_SIZE, MICROPAY_CLAIM_SIZE, PAYOUT_TICKETS);
	for (size_t i = 0; i < sizeof per_claim / sizeof *per_claim; i++)
		printf(", \"ledger_bytes_per_million_at_%.0f_per_claim\": %.0f", per_claim[i],
			race_ledger_bytes(race, RACE_SOUK, per_claim[i]));
	printf(", \"microcash_ledger_bytes_per_million\": %.0f, "
	       "\"micropay_ledger_bytes_per_million\": %.0f, "
	       "\"crossover_ledger_bytes_prizes_per_claim\": %.2f, "
	       "\"batched_claim_bytes\": %zu, "
	       "\"crossover_ledger_bytes_batched_prizes_per_claim\": %.2f, "
	       "\"crossover_ledger_time_prizes_per_claim\": %.2f, "
	       "\"crossover_provider_payments_per_strip\": %.2f",
		race_ledger_bytes(race, microcash, 1), race_ledger_bytes(race, micropay, 1),
		race_crossover_bytes(race, microcash), race->batched_claim_bytes,
		race_crossover_bytes_batched(race, microcash),
		race_crossover_time(race, race_faster(race, microcash, RACE_LEDGER)),
		race_crossover_strip(race, race_faster(race, microcash, RACE_PROVIDER)));
}

static void print_payout(const struct race *race)
{
	static const char *const prefixes[] = {"", "microcash_", "micropay_"};
	for (enum payout_system i = 0; i < PAYOUT_SYSTEMS; i++) {
		const struct payout *p = &race->payouts[i];
		printf(", \"%spayout_deviation_prizes\": %.4f, \"%spayout_sd_prizes\": %.4f, "
		       "\"%spayout_sd_%u_epochs_prizes\": %.4f, \"%spayout_bias_prizes\": %.4f",
			prefixes[i], p->max, prefixes[i], p->sd, prefixes[i], PAYOUT_RUN, p->run_sd,
			prefixes[i], p->bias);
	}
	printf(", \"payout_epochs_count\": %u", race->payout_epochs);
}

static void print_capital(void)
{
	printf(", \"locked_rounds\": %.0f, \"penalty_rounds\": %.0f", race_payment_capital(),
		race_penalty_capital(RACE_SOUK, 1000));
	for (unsigned payees = 1; payees <= 1000; payees *= 10)
		printf(", \"microcash_penalty_rounds_%u_payees\": %.1f", payees,
			race_penalty_capital(RACE_MICROCASH_SECP256K1, payees));
}

static void print_json(const struct race *race, bool quick)
{
	print_ours(race);
	print_peer(race, "microcash", RACE_MICROCASH_SECP256K1);
	print_peer(race, "micropay", RACE_MICROPAY_SECP256K1);
	print_bytes(race);
	print_payout(race);
	print_capital();
	printf(", \"quick\": %s}\n", quick ? "true" : "false");
}

static void print_race(const struct race *race)
{
	static const char *const names[] = {"Souk", "MicroCash, secp256k1", "MicroCash, Ed25519",
		"MICROPAY, secp256k1", "MICROPAY, Ed25519"};
	printf("\n  %-24s %14s %14s %14s\n", "", "customer /s", "provider /s", "claims /s");
	for (enum race_system i = 0; i < RACE_SYSTEMS; i++)
		printf("  %-24s %14.0f %14.0f %14.0f\n", names[i],
			race_rate(race, i, RACE_CUSTOMER), race_rate(race, i, RACE_PROVIDER),
			race_rate(race, i, RACE_LEDGER));
	printf("  %-24s", "Souk : faster MicroCash");
	for (enum race_role role = 0; role < RACE_ROLES; role++)
		printf(" %14.2f",
			race_ratio(race, race_faster(race, RACE_MICROCASH_SECP256K1, role), role));
	printf("\n\n  payout - owed, largest        Souk %.3f, MicroCash %.1f, MICROPAY %.1f "
	       "prizes\n",
		race->payouts[PAYOUT_SOUK].max, race->payouts[PAYOUT_MICROCASH].max,
		race->payouts[PAYOUT_MICROPAY].max);
	printf("  MicroCash's claim is smaller  below %.1f prizes per claim\n",
		race_crossover_bytes(race, RACE_MICROCASH_SECP256K1));
}

static void print_table(const struct race *race)
{
	printf("Payments, one core, SHA-256 by %s, %d strips interleaved, medians of %u rounds\n\n",
		souk_sha256_engine(), OURS_STRIPS, race->rounds);
	printf("  tickets verified, one by one  %12.0f /s\n", race_part(race, RACE_VERIFY));
	printf("  tickets verified, four lanes  %12.0f /s\n", race_part(race, RACE_VERIFY_MANY));
	printf("  tickets issued                %12.0f /s\n", race_part(race, RACE_ISSUE));
	printf("  strips made and signed        %12.0f /s\n", race_part(race, RACE_OPEN_STRIPS));
	printf("  strips verified               %12.0f /s\n", race_part(race, RACE_VERIFY_STRIPS));
	printf("  claims verified               %12.0f /s\n", race_part(race, RACE_VERIFY_CLAIMS));
	printf("  a ticket                      %12zu bytes\n", race->ticket_bytes);
	printf("  a claim                       %12zu bytes\n", race->claim_bytes);
	printf("  tickets under one signature   %12d\n", OURS_BATCH * OURS_UNITS);
	print_race(race);
}

int souk_bench_payments(const struct souk_bench_options *options)
{
	struct race *race = calloc(1, sizeof *race);
	if (race == NULL) {
		fprintf(stderr, "souk bench: out of memory\n");
		return 1;
	}
	bool ok = race_run(race, options->quick ? QUICK_ROUNDS : ROUNDS,
		options->quick ? QUICK_EPOCHS : EPOCHS);
	if (ok && options->json)
		print_json(race, options->quick);
	else if (ok)
		print_table(race);
	if (ok && options->report != NULL)
		ok = race_report(race, options->report);
	free(race);
	return ok ? 0 : 1;
}
