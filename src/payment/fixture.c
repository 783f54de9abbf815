/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include <string.h>

#include "souk/base/check.h"

struct souk_hash fixture_hash(struct souk_rng *rng)
{
	struct souk_hash hash;
	souk_rng_fill(rng, hash.bytes, sizeof hash.bytes);
	return hash;
}

void fixture_identity(struct souk_identity *ret, struct souk_rng *rng)
{
	struct souk_seckey seckey;
	do
		souk_rng_fill(rng, seckey.bytes, sizeof seckey.bytes);
	while (souk_identity_of(ret, &seckey) != SOUK_OK);
}

static void set_leaf(struct fixture *fixture, size_t i, uint64_t amount_ncoin)
{
	struct souk_allotment_leaf *leaf = &fixture->leaves[i];
	souk_rng_fill(&fixture->rng, leaf->provider.bytes, sizeof leaf->provider.bytes);
	leaf->issuer = fixture->issuer.address;
	leaf->amount = souk_amount_of_ncoin(amount_ncoin);
	fixture->free[i] = (struct souk_payer_leaf){
		.escrow = fixture->escrow,
		.epoch = 7,
		.segment = 1,
		.index = (uint32_t)i,
		.amount = leaf->amount,
	};
}

void fixture_init(struct fixture *fixture, uint64_t seed, size_t count, uint64_t amount_ncoin,
	uint64_t base_ncoin)
{
	struct souk_sum_node root;
	SOUK_CHECK(count <= FIXTURE_LEAVES_MAX);
	memset(fixture, 0, sizeof *fixture);
	souk_rng_init(&fixture->rng, seed);
	fixture_identity(&fixture->payer, &fixture->rng);
	fixture_identity(&fixture->issuer, &fixture->rng);
	souk_rng_fill(&fixture->rng, fixture->salt.bytes, sizeof fixture->salt.bytes);
	fixture->ledger = (struct souk_hash){{'l', 'e', 'd', 'g', 'e', 'r'}};
	fixture->escrow = souk_escrow_id(&fixture->ledger, &fixture->payer.address, &fixture->salt);
	fixture->leaf_count = count;
	for (size_t i = 0; i < count; i++)
		set_leaf(fixture, i, amount_ncoin);
	SOUK_CHECK(souk_allotment_commit(&root, fixture->leaves, count, fixture->nodes) == SOUK_OK);
	fixture->record.root = root.hash;
	fixture->record.total = root.sum;
	fixture->record.base = souk_amount_of_ncoin(base_ncoin);
}

static struct souk_strip terms_of(struct fixture *fixture, struct souk_chain *keys, size_t leaf,
	uint32_t count, uint64_t price_ncoin)
{
	struct souk_strip terms = {.payee = fixture->leaves[leaf].provider};
	struct souk_hash key_secret = fixture_hash(&fixture->rng);
	souk_rng_fill(&fixture->rng, terms.nonce.bytes, sizeof terms.nonce.bytes);
	souk_chain_init(keys, souk_chain_tag_key, &terms.nonce, count, &key_secret);
	terms.customer = fixture->payer.pubkey;
	terms.request = fixture_hash(&fixture->rng);
	terms.key_anchor = keys->anchor;
	terms.key_checkpoints = keys->checkpoint_root;
	terms.price = souk_amount_of_ncoin(price_ncoin);
	terms.count = count;
	terms.expires = FIXTURE_EXPIRES;
	return terms;
}

void fixture_sale_reserve(struct fixture *fixture, struct fixture_sale *sale, size_t leaf,
	uint32_t count, uint64_t price_ncoin)
{
	memset(sale, 0, sizeof *sale);
	struct souk_strip terms = terms_of(fixture, &sale->keys, leaf, count, price_ncoin);
	struct souk_hash secret = fixture_hash(&fixture->rng);
	SOUK_CHECK(souk_payer_strip_open(&sale->payer, &fixture->free[leaf], &terms, 3, &secret,
			   &sale->open) == SOUK_OK);
	SOUK_CHECK(souk_allotment_prove(&sale->open, fixture->leaves, fixture->leaf_count, leaf,
			   fixture->nodes) == SOUK_OK);
}

void fixture_sign(struct fixture *fixture, struct fixture_sale *const *sales, size_t count)
{
	struct souk_strip_open *opens[SOUK_STRIP_BATCH_MAX] = {NULL};
	SOUK_CHECK(count <= SOUK_STRIP_BATCH_MAX);
	for (size_t i = 0; i < count; i++)
		opens[i] = &sales[i]->open;
	SOUK_CHECK(souk_strip_sign_batch(opens, count, &fixture->issuer) == SOUK_OK);
	for (size_t i = 0; i < count; i++) {
		struct fixture_sale *sale = sales[i];
		SOUK_CHECK(souk_strip_open_verify(&sale->base, &sale->open, &fixture->record) ==
			   SOUK_OK);
		souk_payee_init(&sale->payee, &sale->open, sale->payer.number, FIXTURE_CLOSES);
	}
}

void fixture_sale_open(struct fixture *fixture, struct fixture_sale *sale, size_t leaf,
	uint32_t count, uint64_t price_ncoin)
{
	fixture_sale_reserve(fixture, sale, leaf, count, price_ncoin);
	fixture_sign(fixture, &sale, 1);
}

void fixture_claim(struct souk_claim *ret, struct fixture_sale *sale, uint32_t unit)
{
	struct souk_hash value = souk_chain_value(&sale->payer.chain, unit);
	SOUK_CHECK(souk_claim_build(ret, &sale->open, unit, &value, &sale->keys) == SOUK_OK);
}
