/* SPDX-License-Identifier: Apache-2.0
 *
 * What a payment costs either side, on one core.
 *
 * A provider has many customers at once, so tickets of 1,024 strips arrive
 * interleaved, one unit each: no strip is in the nearest cache by luck, and no
 * ticket costs less than the hash it must cost. Tickets are made beforehand;
 * verifying one includes accounting for it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/crypto/sha256.h"
#include "souk/payment/allotment.h"
#include "souk/payment/claim.h"
#include "souk/payment/payee.h"
#include "souk/payment/payer.h"

#define STRIPS	 1024
#define UNITS	 512
#define LEAVES	 64
#define BATCH	 32 /* strips under one signature */
#define PRICE	 1000
#define NOW	 souk_time_at_ms(1000)
#define CLOSES	 souk_time_at_ms(9000)
#define VERIFIES 256

struct sale {
	struct souk_payer_strip payer;
	struct souk_payee payee;
	struct souk_chain keys;
	struct souk_strip_open open;
};

struct market {
	struct souk_rng rng;
	struct souk_identity issuer;
	struct souk_allotment_leaf leaves[LEAVES];
	struct souk_payer_leaf free[LEAVES];
	struct souk_sum_node nodes[LEAVES];
	struct souk_allotment_record record;
	struct sale sales[STRIPS];
	struct souk_ticket tickets[UNITS][STRIPS]; /* in the order in which they arrive */
};

struct figures {
	double tickets_issued_per_s;
	double tickets_verified_per_s;
	double tickets_verified_many_per_s;
	double strips_verified_per_s;
	double claims_verified_per_s;
	size_t ticket_bytes;
	size_t claim_bytes;
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct souk_hash random_hash(struct souk_rng *rng)
{
	struct souk_hash hash;
	souk_rng_fill(rng, hash.bytes, sizeof hash.bytes);
	return hash;
}

static void allot(struct market *market)
{
	struct souk_seckey seckey;
	struct souk_sum_node root;
	struct souk_hash escrow = random_hash(&market->rng);
	souk_rng_fill(&market->rng, seckey.bytes, sizeof seckey.bytes);
	SOUK_CHECK(souk_identity_of(&market->issuer, &seckey) == SOUK_OK);
	for (uint32_t i = 0; i < LEAVES; i++) {
		struct souk_allotment_leaf *leaf = &market->leaves[i];
		souk_rng_fill(&market->rng, leaf->provider.bytes, sizeof leaf->provider.bytes);
		leaf->issuer = market->issuer.address;
		leaf->amount = souk_amount_of_ncoin((uint64_t)STRIPS * UNITS * PRICE);
		market->free[i] = (struct souk_payer_leaf){
			.escrow = escrow, .index = i, .amount = leaf->amount};
	}
	SOUK_CHECK(souk_allotment_commit(&root, market->leaves, LEAVES, market->nodes) == SOUK_OK);
	market->record = (struct souk_allotment_record){.root = root.hash, .total = root.sum};
}

static void reserve(struct market *market, uint32_t number)
{
	struct sale *sale = &market->sales[number];
	uint32_t leaf = number % LEAVES;
	struct souk_hash key_secret = random_hash(&market->rng),
			 ticket_secret = random_hash(&market->rng);
	struct souk_strip terms = {.payee = market->leaves[leaf].provider,
		.count = UNITS,
		.price = souk_amount_of_ncoin(PRICE),
		.expires = SOUK_TIME_NEVER};
	souk_rng_fill(&market->rng, terms.nonce.bytes, sizeof terms.nonce.bytes);
	souk_chain_init(&sale->keys, souk_chain_tag_key, &terms.nonce, UNITS, &key_secret);
	terms.key_anchor = sale->keys.anchor;
	terms.key_checkpoints = sale->keys.checkpoint_root;
	SOUK_CHECK(souk_payer_strip_open(&sale->payer, &market->free[leaf], &terms, number,
			   &ticket_secret, &sale->open) == SOUK_OK);
	SOUK_CHECK(souk_allotment_prove(&sale->open, market->leaves, LEAVES, leaf, market->nodes) ==
		   SOUK_OK);
}

static void sign(struct market *market)
{
	for (size_t i = 0; i < STRIPS; i += BATCH) {
		struct souk_strip_open *opens[BATCH];
		for (size_t k = 0; k < BATCH; k++)
			opens[k] = &market->sales[i + k].open;
		SOUK_CHECK(souk_strip_sign_batch(opens, BATCH, &market->issuer) == SOUK_OK);
	}
}

static void start_payees(struct market *market)
{
	for (uint32_t i = 0; i < STRIPS; i++)
		souk_payee_init(&market->sales[i].payee, &market->sales[i].open, i, CLOSES);
}

/* Every ticket of every strip, one chain value after the other. From the second round on, all of
 * the chain is computed again: what a customer pays who has not just made it. */
static double issue_all(struct market *market)
{
	for (size_t i = 0; i < STRIPS; i++)
		market->sales[i].payer.unit = 0;
	double start = now_s();
	for (size_t i = 0; i < STRIPS; i++)
		for (uint32_t unit = 1; unit <= UNITS; unit++)
			SOUK_CHECK(souk_payer_pay(&market->tickets[unit - 1][i],
					   &market->sales[i].payer, unit) == SOUK_OK);
	return (double)STRIPS * UNITS / (now_s() - start);
}

static void check_all_paid(const struct market *market)
{
	for (size_t i = 0; i < STRIPS; i++)
		SOUK_CHECK(
			souk_payee_owed(&market->sales[i].payee).ncoin == (uint64_t)UNITS * PRICE);
}

static double verify_one_by_one(struct market *market)
{
	start_payees(market);
	double start = now_s();
	for (size_t unit = 0; unit < UNITS; unit++)
		for (size_t i = 0; i < STRIPS; i++)
			SOUK_CHECK(souk_payee_accept(&market->sales[i].payee,
					   &market->tickets[unit][i], NOW) == SOUK_OK);
	double seconds = now_s() - start;
	check_all_paid(market);
	return (double)STRIPS * UNITS / seconds;
}

static double verify_many(struct market *market)
{
	static struct souk_payee *payees[STRIPS];
	static souk_status statuses[STRIPS];
	start_payees(market);
	for (size_t i = 0; i < STRIPS; i++)
		payees[i] = &market->sales[i].payee;
	double start = now_s();
	for (size_t unit = 0; unit < UNITS; unit++)
		souk_payee_accept_many(statuses, payees, market->tickets[unit], STRIPS, NOW);
	double seconds = now_s() - start;
	check_all_paid(market);
	return (double)STRIPS * UNITS / seconds;
}

static double verify_strips(const struct market *market)
{
	struct souk_amount base;
	double start = now_s();
	for (size_t i = 0; i < VERIFIES; i++)
		SOUK_CHECK(souk_strip_open_verify(&base, &market->sales[i].open, &market->record) ==
			   SOUK_OK);
	return VERIFIES / (now_s() - start);
}

/* Claims of every length: on average 128 steps of either chain. */
static double verify_claims(struct market *market, size_t *ret_bytes)
{
	static struct souk_claim claims[VERIFIES];
	uint8_t bytes[SOUK_CLAIM_SIZE_MAX];
	struct souk_writer writer;
	struct souk_amount lo, hi;
	for (uint32_t i = 0; i < VERIFIES; i++) {
		struct sale *sale = &market->sales[i];
		uint32_t unit = i * UNITS / VERIFIES + 1;
		struct souk_hash value = souk_chain_value(&sale->payer.chain, unit);
		SOUK_CHECK(souk_claim_build(&claims[i], &sale->open, unit, &value, &sale->keys) ==
			   SOUK_OK);
	}
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_claim_encode(&writer, &claims[VERIFIES - 1]);
	*ret_bytes = writer.size;
	double start = now_s();
	for (size_t i = 0; i < VERIFIES; i++)
		SOUK_CHECK(souk_claim_verify(&lo, &hi, &claims[i], &market->record) == SOUK_OK);
	return VERIFIES / (now_s() - start);
}

static size_t encoded_ticket_bytes(const struct souk_ticket *ticket)
{
	uint8_t bytes[SOUK_TICKET_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_ticket_encode(&writer, ticket);
	return writer.size;
}

static double better(double a, double b)
{
	return a > b ? a : b;
}

/* The best of some rounds: what the processor can do when nobody else wants it. */
static void measure(struct figures *figures, struct market *market, int rounds)
{
	memset(figures, 0, sizeof *figures);
	issue_all(market); /* also brings the memory in */
	figures->ticket_bytes = encoded_ticket_bytes(&market->tickets[UNITS - 1][0]);
	for (int i = 0; i < rounds; i++) {
		figures->tickets_issued_per_s =
			better(figures->tickets_issued_per_s, issue_all(market));
		figures->tickets_verified_per_s =
			better(figures->tickets_verified_per_s, verify_one_by_one(market));
		figures->tickets_verified_many_per_s =
			better(figures->tickets_verified_many_per_s, verify_many(market));
		figures->strips_verified_per_s =
			better(figures->strips_verified_per_s, verify_strips(market));
		figures->claims_verified_per_s = better(figures->claims_verified_per_s,
			verify_claims(market, &figures->claim_bytes));
	}
}

static void print_json(const struct figures *figures)
{
	printf("{\"bench\": \"payments\", \"tickets_verified_per_s\": %.0f, "
	       "\"tickets_verified_many_per_s\": %.0f, \"tickets_issued_per_s\": %.0f, "
	       "\"ticket_bytes\": %zu, \"strips_verified_per_s\": %.0f, "
	       "\"claims_verified_per_s\": %.0f, \"claim_bytes\": %zu, "
	       "\"strips_interleaved_count\": %d, \"tickets_per_signature_count\": %d, "
	       "\"sha256_engine\": \"%s\"}\n",
		figures->tickets_verified_per_s, figures->tickets_verified_many_per_s,
		figures->tickets_issued_per_s, figures->ticket_bytes,
		figures->strips_verified_per_s, figures->claims_verified_per_s,
		figures->claim_bytes, STRIPS, BATCH * UNITS, souk_sha256_engine());
}

static void print_table(const struct figures *figures)
{
	printf("Payments, one core, SHA-256 by %s, %d strips interleaved\n\n", souk_sha256_engine(),
		STRIPS);
	printf("  tickets verified, one by one  %12.0f /s\n", figures->tickets_verified_per_s);
	printf("  tickets verified, four lanes  %12.0f /s\n", figures->tickets_verified_many_per_s);
	printf("  tickets issued                %12.0f /s\n", figures->tickets_issued_per_s);
	printf("  strips verified               %12.0f /s\n", figures->strips_verified_per_s);
	printf("  claims verified               %12.0f /s\n", figures->claims_verified_per_s);
	printf("  a ticket                      %12zu bytes\n", figures->ticket_bytes);
	printf("  a claim                       %12zu bytes\n", figures->claim_bytes);
	printf("  tickets under one signature   %12d\n", BATCH * UNITS);
}

int souk_bench_payments(const struct souk_bench_options *options)
{
	struct figures figures;
	struct market *market = calloc(1, sizeof *market);
	if (market == NULL) {
		fprintf(stderr, "bench payments: out of memory\n");
		return 1;
	}
	souk_rng_init(&market->rng, 1);
	allot(market);
	for (uint32_t i = 0; i < STRIPS; i++)
		reserve(market, i);
	sign(market);
	measure(&figures, market, options->quick ? 1 : 10);
	free(market);
	if (options->json)
		print_json(&figures);
	else
		print_table(&figures);
	return 0;
}
