/* SPDX-License-Identifier: Apache-2.0 */
#include "peers.h"

#include <stdlib.h>
#include <string.h>

#include "microcash.h"
#include "micropay.h"
#include "ours.h"
#include "souk/base/rng.h"
#include "souk/io/clock_real.h"

#define CUSTOMERS OURS_STRIPS
#define PAYMENTS  2u /* of each customer in a round */
#define TICKETS	  4096u
#define WINNERS	  4u /* of them, per escrow */
#define KEPT	  16u
#define WORDS	  SOUK_BITMAP_WORDS(TICKETS)

struct microcash_side {
	struct microcash_escrow escrows[CUSTOMERS];
	struct microcash_merchant merchants[CUSTOMERS];
	struct microcash_ledger ledger;
	uint64_t won[CUSTOMERS][WORDS], paid[CUSTOMERS][WORDS], seen[CUSTOMERS][WORDS];
	uint8_t kept[CUSTOMERS][KEPT][BENCH_SIGNATURE_SIZE];
	uint8_t tickets[PAYMENTS][CUSTOMERS][MICROCASH_TICKET_SIZE];
	uint8_t claims[WINNERS][CUSTOMERS][MICROCASH_TICKET_SIZE];
};

struct micropay_side {
	struct micropay_escrow escrows[CUSTOMERS];
	struct micropay_merchant merchants[CUSTOMERS];
	struct micropay_account accounts[CUSTOMERS];
	struct micropay_ledger ledger;
	uint8_t requests[CUSTOMERS][MICROPAY_REQUEST_SIZE];
	uint8_t tickets[CUSTOMERS][MICROPAY_TICKET_SIZE];
	uint8_t claims[CUSTOMERS][MICROPAY_CLAIM_SIZE];
};

struct bench_peers {
	struct souk_rng rng;
	struct souk_secret_rng secrets;
	struct souk_hash delay;
	struct microcash_side microcash[BENCH_SCHEMES];
	struct micropay_side micropay[BENCH_SCHEMES];
};

static double seconds_since(uint64_t start)
{
	return (double)(souk_clock_steady_ns() - start) / 1e9;
}

/* ---- MicroCash ---- */

static bool microcash_open(struct microcash_side *side, uint32_t i, struct bench_peers *peers,
	enum bench_scheme scheme)
{
	struct microcash_escrow *escrow = &side->escrows[i];
	uint8_t seed[32];
	souk_rng_fill(&peers->rng, seed, sizeof seed);
	souk_rng_fill(&peers->rng, escrow->id.bytes, sizeof escrow->id.bytes);
	escrow->tickets = TICKETS;
	escrow->winners = WINNERS;
	escrow->payees = CUSTOMERS;
	escrow->prize = 1000000;
	escrow->won = side->won[i];
	escrow->paid = side->paid[i];
	side->merchants[i] = (struct microcash_merchant){.escrow = escrow,
		.payee = (uint16_t)i,
		.seen = side->seen[i],
		.kept = side->kept[i],
		.kept_count = KEPT};
	return bench_key_init(&escrow->key, scheme, seed);
}

/* The winning tickets of escrow I, which are its claims. */
static bool microcash_make_claims(
	struct microcash_side *side, uint32_t i, const struct souk_hash *delay)
{
	struct microcash_escrow *escrow = &side->escrows[i];
	uint32_t count = 0;
	microcash_draw(escrow->won, &escrow->id, delay, TICKETS, WINNERS);
	for (uint32_t number = 0; number < TICKETS; number++) {
		if ((escrow->won[number / 64] >> number % 64 & 1) != 0 &&
			!microcash_issue(side->claims[count++][i], escrow, (uint16_t)i, number))
			return false;
	}
	return count == WINNERS;
}

static bool microcash_start(
	struct microcash_side *side, struct bench_peers *peers, enum bench_scheme scheme)
{
	for (uint32_t i = 0; i < CUSTOMERS; i++) {
		if (!microcash_open(side, i, peers, scheme) ||
			!microcash_make_claims(side, i, &peers->delay))
			return false;
	}
	return microcash_ledger_init(&side->ledger, side->escrows, CUSTOMERS);
}

static double microcash_customers(struct microcash_side *side, unsigned round, bool *ok)
{
	uint64_t start = souk_clock_steady_ns();
	for (uint32_t k = 0; k < PAYMENTS; k++)
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			*ok &= microcash_issue(side->tickets[k][i], &side->escrows[i], (uint16_t)i,
				round * PAYMENTS + k);
	return PAYMENTS * CUSTOMERS / seconds_since(start);
}

static double microcash_providers(struct microcash_side *side, bool *ok)
{
	uint64_t start = souk_clock_steady_ns();
	for (uint32_t k = 0; k < PAYMENTS; k++)
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			*ok &= microcash_accept(&side->merchants[i], side->tickets[k][i]);
	return PAYMENTS * CUSTOMERS / seconds_since(start);
}

/* With the draw of each escrow's round, which the ledger makes once. */
static double microcash_claims(struct microcash_side *side, const struct souk_hash *delay, bool *ok)
{
	microcash_ledger_reset(&side->ledger, CUSTOMERS);
	uint64_t start = souk_clock_steady_ns();
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		microcash_draw(side->escrows[i].won, &side->escrows[i].id, delay, TICKETS, WINNERS);
	for (uint32_t k = 0; k < WINNERS; k++)
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			*ok &= microcash_claim(&side->ledger, side->claims[k][i * 389 % CUSTOMERS]);
	return WINNERS * CUSTOMERS / seconds_since(start);
}

/* ---- MICROPAY ---- */

static bool micropay_open(
	struct micropay_side *side, uint32_t i, struct bench_peers *peers, enum bench_scheme scheme)
{
	struct micropay_escrow *escrow = &side->escrows[i];
	struct micropay_merchant *merchant = &side->merchants[i];
	uint8_t seed[32];
	souk_rng_fill(&peers->rng, seed, sizeof seed);
	souk_rng_fill(&peers->rng, escrow->id.bytes, sizeof escrow->id.bytes);
	souk_rng_fill(&peers->rng, merchant->address.bytes, sizeof merchant->address.bytes);
	side->accounts[i].address = merchant->address;
	merchant->escrow = escrow;
	merchant->rng = &peers->secrets;
	escrow->prize = 1000000;
	return bench_key_init(&escrow->key, scheme, seed);
}

/* With odds of one in one every ticket wins: that is how claims are made. */
static bool micropay_make_claim(
	struct micropay_side *side, uint32_t i, struct souk_secret_rng *secrets)
{
	struct micropay_merchant *merchant = &side->merchants[i];
	uint8_t request[MICROPAY_REQUEST_SIZE], ticket[MICROPAY_TICKET_SIZE];
	side->escrows[i].odds = 1;
	micropay_request(request, merchant);
	bool ok = micropay_issue(ticket, &side->escrows[i], request, secrets) &&
		  micropay_accept(merchant, ticket) && merchant->won == 1;
	memcpy(side->claims[i], merchant->claim, sizeof side->claims[i]);
	return ok;
}

static bool micropay_start(
	struct micropay_side *side, struct bench_peers *peers, enum bench_scheme scheme)
{
	for (uint32_t i = 0; i < CUSTOMERS; i++) {
		if (!micropay_open(side, i, peers, scheme) ||
			!micropay_make_claim(side, i, &peers->secrets))
			return false;
	}
	return micropay_ledger_init(
		&side->ledger, side->escrows, CUSTOMERS, side->accounts, CUSTOMERS);
}

static void micropay_set(struct micropay_side *side, uint32_t odds)
{
	for (uint32_t i = 0; i < CUSTOMERS; i++) {
		side->escrows[i].odds = odds;
		side->escrows[i].spent = false;
	}
}

/* The merchant's request is its own work, before and after the customer's. */
static void micropay_pay(struct micropay_side *side, struct souk_secret_rng *secrets, bool *ok,
	double *ret_customer, double *ret_provider)
{
	double customer = 0, provider = 0;
	micropay_set(side, 1024);
	for (uint32_t k = 0; k < PAYMENTS; k++) {
		uint64_t start = souk_clock_steady_ns();
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			micropay_request(side->requests[i], &side->merchants[i]);
		provider += seconds_since(start);
		start = souk_clock_steady_ns();
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			*ok &= micropay_issue(
				side->tickets[i], &side->escrows[i], side->requests[i], secrets);
		customer += seconds_since(start);
		start = souk_clock_steady_ns();
		for (uint32_t i = 0; i < CUSTOMERS; i++)
			*ok &= micropay_accept(&side->merchants[i], side->tickets[i]);
		provider += seconds_since(start);
	}
	*ret_customer = PAYMENTS * CUSTOMERS / customer;
	*ret_provider = PAYMENTS * CUSTOMERS / provider;
}

static double micropay_claims(struct micropay_side *side, bool *ok)
{
	micropay_set(side, 1);
	uint64_t start = souk_clock_steady_ns();
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		*ok &= micropay_claim(&side->ledger, side->claims[i * 389 % CUSTOMERS]);
	return CUSTOMERS / seconds_since(start);
}

/* ---- both ---- */

struct bench_peers *bench_peers_new(void)
{
	struct bench_peers *peers = calloc(1, sizeof *peers);
	uint8_t seed[32] = {1};
	if (peers == NULL)
		return NULL;
	souk_rng_init(&peers->rng, 1);
	souk_rng_fill(&peers->rng, peers->delay.bytes, sizeof peers->delay.bytes);
	souk_secret_rng_init(&peers->secrets, seed);
	for (enum bench_scheme i = 0; i < BENCH_SCHEMES; i++) {
		if (!microcash_start(&peers->microcash[i], peers, i) ||
			!micropay_start(&peers->micropay[i], peers, i)) {
			bench_peers_free(peers);
			return NULL;
		}
	}
	return peers;
}

void bench_peers_free(struct bench_peers *peers)
{
	if (peers == NULL)
		return;
	for (enum bench_scheme i = 0; i < BENCH_SCHEMES; i++) {
		for (uint32_t k = 0; k < CUSTOMERS; k++) {
			bench_key_done(&peers->microcash[i].escrows[k].key);
			bench_key_done(&peers->micropay[i].escrows[k].key);
		}
		microcash_ledger_done(&peers->microcash[i].ledger);
		micropay_ledger_done(&peers->micropay[i].ledger);
	}
	free(peers);
}

bool bench_peers_run(double rates[RACE_SYSTEMS][RACE_ROLES][RACE_ROUNDS_MAX],
	struct bench_peers *peers, enum race_system system, unsigned round)
{
	bool ok = true;
	if (system < RACE_MICROPAY_SECP256K1) {
		struct microcash_side *side = &peers->microcash[system - RACE_MICROCASH_SECP256K1];
		rates[system][RACE_CUSTOMER][round] = microcash_customers(side, round, &ok);
		rates[system][RACE_PROVIDER][round] = microcash_providers(side, &ok);
		rates[system][RACE_LEDGER][round] = microcash_claims(side, &peers->delay, &ok);
		return ok;
	}
	struct micropay_side *side = &peers->micropay[system - RACE_MICROPAY_SECP256K1];
	micropay_pay(side, &peers->secrets, &ok, &rates[system][RACE_CUSTOMER][round],
		&rates[system][RACE_PROVIDER][round]);
	rates[system][RACE_LEDGER][round] = micropay_claims(side, &ok);
	return ok;
}
