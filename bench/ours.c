/* SPDX-License-Identifier: Apache-2.0 */
#include "ours.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/payment/allotment.h"
#include "souk/payment/claim.h"
#include "souk/payment/payee.h"
#include "souk/payment/payer.h"

#define LEAVES	 64
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

struct ours {
	struct souk_rng rng;
	struct souk_identity issuer;
	struct souk_allotment_leaf leaves[LEAVES];
	struct souk_payer_leaf free[LEAVES];
	struct souk_sum_node nodes[LEAVES];
	struct souk_allotment_record record;
	struct sale sales[OURS_STRIPS];
	struct souk_ticket tickets[OURS_UNITS][OURS_STRIPS]; /* in the order in which they arrive */
	size_t claim_bytes, claim_tx_bytes;
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

static void allot(struct ours *ours)
{
	struct souk_seckey seckey;
	struct souk_sum_node root;
	struct souk_hash escrow = random_hash(&ours->rng);
	souk_rng_fill(&ours->rng, seckey.bytes, sizeof seckey.bytes);
	SOUK_CHECK(souk_identity_of(&ours->issuer, &seckey) == SOUK_OK);
	for (uint32_t i = 0; i < LEAVES; i++) {
		struct souk_allotment_leaf *leaf = &ours->leaves[i];
		souk_rng_fill(&ours->rng, leaf->provider.bytes, sizeof leaf->provider.bytes);
		leaf->issuer = ours->issuer.address;
		leaf->amount = souk_amount_of_ncoin((uint64_t)OURS_STRIPS * OURS_UNITS * PRICE);
		ours->free[i] = (struct souk_payer_leaf){
			.escrow = escrow, .index = i, .amount = leaf->amount};
	}
	SOUK_CHECK(souk_allotment_commit(&root, ours->leaves, LEAVES, ours->nodes) == SOUK_OK);
	ours->record = (struct souk_allotment_record){.root = root.hash, .total = root.sum};
}

static void reserve(struct ours *ours, uint32_t number)
{
	struct sale *sale = &ours->sales[number];
	uint32_t leaf = number % LEAVES;
	struct souk_hash key_secret = random_hash(&ours->rng),
			 ticket_secret = random_hash(&ours->rng);
	struct souk_strip terms = {.payee = ours->leaves[leaf].provider,
		.count = OURS_UNITS,
		.price = souk_amount_of_ncoin(PRICE),
		.expires = SOUK_TIME_NEVER};
	souk_rng_fill(&ours->rng, terms.nonce.bytes, sizeof terms.nonce.bytes);
	souk_chain_init(&sale->keys, souk_chain_tag_key, &terms.nonce, OURS_UNITS, &key_secret);
	terms.key_anchor = sale->keys.anchor;
	terms.key_checkpoints = sale->keys.checkpoint_root;
	SOUK_CHECK(souk_payer_strip_open(&sale->payer, &ours->free[leaf], &terms, number,
			   &ticket_secret, &sale->open) == SOUK_OK);
	SOUK_CHECK(souk_allotment_prove(&sale->open, ours->leaves, LEAVES, leaf, ours->nodes) ==
		   SOUK_OK);
}

static void sign(struct ours *ours)
{
	for (size_t i = 0; i < OURS_STRIPS; i += OURS_BATCH) {
		struct souk_strip_open *opens[OURS_BATCH];
		for (size_t k = 0; k < OURS_BATCH; k++)
			opens[k] = &ours->sales[i + k].open;
		SOUK_CHECK(souk_strip_sign_batch(opens, OURS_BATCH, &ours->issuer) == SOUK_OK);
	}
}

/* The strips again, their chains computed anew, into scratch memory. */
double ours_open_strips(struct ours *ours)
{
	static struct souk_payer_strip payer;
	static struct souk_strip_open opens[OURS_BATCH];
	struct souk_strip_open *signs[OURS_BATCH];
	uint32_t count = 0;
	double start = now_s();
	for (; count < VERIFIES; count += OURS_BATCH) {
		for (uint32_t k = 0; k < OURS_BATCH; k++) {
			const struct sale *sale = &ours->sales[count + k];
			struct souk_payer_leaf leaf = ours->free[(count + k) % LEAVES];
			struct souk_hash secret = {{1}};
			leaf.used = SOUK_AMOUNT_ZERO;
			SOUK_CHECK(souk_payer_strip_open(&payer, &leaf, &sale->open.strip, k,
					   &secret, &opens[k]) == SOUK_OK);
			/* A payer keeps its leaves' paths. */
			memcpy(&opens[k].leaf_path, &sale->open.leaf_path,
				sizeof opens[k].leaf_path);
			signs[k] = &opens[k];
		}
		SOUK_CHECK(souk_strip_sign_batch(signs, OURS_BATCH, &ours->issuer) == SOUK_OK);
	}
	return count / (now_s() - start);
}

static void start_payees(struct ours *ours)
{
	for (uint32_t i = 0; i < OURS_STRIPS; i++)
		souk_payee_init(&ours->sales[i].payee, &ours->sales[i].open, i, CLOSES);
}

/* Every ticket of every strip, one chain value after the other. From the second round on, all of
 * the chain is computed again: what a customer pays who has not just made it. */
double ours_issue(struct ours *ours)
{
	for (size_t i = 0; i < OURS_STRIPS; i++)
		ours->sales[i].payer.unit = 0;
	double start = now_s();
	for (size_t i = 0; i < OURS_STRIPS; i++)
		for (uint32_t unit = 1; unit <= OURS_UNITS; unit++)
			SOUK_CHECK(souk_payer_pay(&ours->tickets[unit - 1][i],
					   &ours->sales[i].payer, unit) == SOUK_OK);
	return (double)OURS_STRIPS * OURS_UNITS / (now_s() - start);
}

static void check_all_paid(const struct ours *ours)
{
	for (size_t i = 0; i < OURS_STRIPS; i++)
		SOUK_CHECK(souk_payee_owed(&ours->sales[i].payee).ncoin ==
			   (uint64_t)OURS_UNITS * PRICE);
}

double ours_verify_one_by_one(struct ours *ours)
{
	start_payees(ours);
	double start = now_s();
	for (size_t unit = 0; unit < OURS_UNITS; unit++)
		for (size_t i = 0; i < OURS_STRIPS; i++)
			SOUK_CHECK(souk_payee_accept(&ours->sales[i].payee, &ours->tickets[unit][i],
					   NOW) == SOUK_OK);
	double seconds = now_s() - start;
	check_all_paid(ours);
	return (double)OURS_STRIPS * OURS_UNITS / seconds;
}

double ours_verify_many(struct ours *ours)
{
	static struct souk_payee *payees[OURS_STRIPS];
	static souk_status statuses[OURS_STRIPS];
	start_payees(ours);
	for (size_t i = 0; i < OURS_STRIPS; i++)
		payees[i] = &ours->sales[i].payee;
	double start = now_s();
	for (size_t unit = 0; unit < OURS_UNITS; unit++)
		souk_payee_accept_many(statuses, payees, ours->tickets[unit], OURS_STRIPS, NOW);
	double seconds = now_s() - start;
	check_all_paid(ours);
	return (double)OURS_STRIPS * OURS_UNITS / seconds;
}

double ours_verify_strips(struct ours *ours)
{
	struct souk_amount base;
	double start = now_s();
	for (size_t i = 0; i < VERIFIES; i++)
		SOUK_CHECK(souk_strip_open_verify(&base, &ours->sales[i].open, &ours->record) ==
			   SOUK_OK);
	return VERIFIES / (now_s() - start);
}

static size_t claim_tx_bytes(const struct souk_claim *claim)
{
	static struct souk_signed_tx tx;
	static uint8_t bytes[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_writer writer;
	tx.tx.body.kind = SOUK_TX_BODY_CLAIM;
	tx.tx.body.claim.claim = *claim;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_tx_encode(&writer, &tx);
	return writer.size;
}

/* Claims of every length: on average 128 steps of either chain. */
double ours_verify_claims(struct ours *ours)
{
	static struct souk_claim claims[VERIFIES];
	uint8_t bytes[SOUK_CLAIM_SIZE_MAX];
	struct souk_writer writer;
	struct souk_amount lo, hi;
	for (uint32_t i = 0; i < VERIFIES; i++) {
		struct sale *sale = &ours->sales[i];
		uint32_t unit = i * OURS_UNITS / VERIFIES + 1;
		struct souk_hash value = souk_chain_value(&sale->payer.chain, unit);
		SOUK_CHECK(souk_claim_build(&claims[i], &sale->open, unit, &value, &sale->keys) ==
			   SOUK_OK);
	}
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_claim_encode(&writer, &claims[VERIFIES - 1]);
	ours->claim_bytes = writer.size;
	ours->claim_tx_bytes = claim_tx_bytes(&claims[VERIFIES - 1]);
	double start = now_s();
	for (size_t i = 0; i < VERIFIES; i++)
		SOUK_CHECK(souk_claim_verify(&lo, &hi, &claims[i], &ours->record) == SOUK_OK);
	return VERIFIES / (now_s() - start);
}

size_t ours_ticket_bytes(const struct ours *ours)
{
	uint8_t bytes[SOUK_TICKET_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_ticket_encode(&writer, &ours->tickets[OURS_UNITS - 1][0]);
	return writer.size;
}

size_t ours_strip_bytes(const struct ours *ours)
{
	static uint8_t bytes[SOUK_STRIP_OPEN_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_strip_open_encode(&writer, &ours->sales[0].open);
	return writer.size;
}

size_t ours_claim_bytes(const struct ours *ours)
{
	return ours->claim_bytes;
}

size_t ours_claim_tx_bytes(const struct ours *ours)
{
	return ours->claim_tx_bytes;
}

struct ours *ours_new(void)
{
	struct ours *ours = calloc(1, sizeof *ours);
	if (ours == NULL)
		return NULL;
	souk_rng_init(&ours->rng, 1);
	allot(ours);
	for (uint32_t i = 0; i < OURS_STRIPS; i++)
		reserve(ours, i);
	sign(ours);
	ours_issue(ours); /* also brings the memory in */
	return ours;
}

void ours_free(struct ours *ours)
{
	free(ours);
}
