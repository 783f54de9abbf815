/* SPDX-License-Identifier: Apache-2.0
 *
 * proofs_kit.h - what the ledger's proof tests share: a market that can be put back
 * to where it was, and a value line cut up in any way. Needs cmocka.h before it. */
#ifndef SOUK_LEDGER_PROOFS_KIT_H
#define SOUK_LEDGER_PROOFS_KIT_H

#include <stdlib.h>
#include <string.h>

#include "../payment/proofs.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "test_market.h"

/* All of a market that a transaction or a block can change. */
struct image {
	struct test_store records;
	struct souk_ledger ledger;
	struct souk_time now;
	uint32_t tx_count;
	size_t log_size;
};

static inline void store_copy(struct test_store *to, const struct test_store *from)
{
	*to = *from;
	to->records = malloc(from->max * sizeof *to->records);
	assert_non_null(to->records);
	for (size_t i = 0; i < from->count; i++) {
		const struct test_record *record = &from->records[i];
		struct test_record *copy = &to->records[i];
		*copy = *record;
		copy->key = malloc(record->key_size + 1);
		copy->value = malloc(record->value_size + 1);
		assert_true(copy->key != NULL && copy->value != NULL);
		memcpy(copy->key, record->key, record->key_size);
		memcpy(copy->value, record->value, record->value_size);
	}
}

static inline struct image *image_of(const struct market *market)
{
	struct image *image = malloc(sizeof *image);
	assert_non_null(image);
	image->ledger = market->ledger;
	image->now = market->now;
	image->tx_count = market->tx_count;
	image->log_size = market->log_size;
	store_copy(&image->records, &market->records);
	return image;
}

static inline void image_put_back(const struct image *image, struct market *market)
{
	test_store_done(&market->records);
	store_copy(&market->records, &image->records);
	market->ledger = image->ledger;
	market->now = image->now;
	market->tx_count = image->tx_count;
	market->log_size = image->log_size;
}

static inline void image_free(struct image *image)
{
	test_store_done(&image->records);
	free(image);
}

/* The status of a transaction that is not to have happened. */
static inline souk_status market_try(
	struct market *market, enum party from, const struct souk_tx_body *body)
{
	struct image *before = image_of(market);
	souk_status status = market_send(market, from, body);
	image_put_back(before, market);
	image_free(before);
	return status;
}

/* The offset of epoch EPOCH of the escrow that ALICE opens with SALT, before it is drawn: the test
 * knows the beacons. */
static inline uint64_t offset_of_salt(
	struct market *market, uint8_t salt, uint64_t epoch, uint64_t prize)
{
	struct souk_hash id = market_escrow_id(market, ALICE, salt);
	struct souk_hash beacon = souk_chain_value(&market->beacons, (uint32_t)epoch + 1);
	return souk_lottery_offset(&beacon, &id, epoch, souk_amount_of_ncoin(prize)).ncoin;
}

/* A salt whose escrow has OFFSET in EPOCH. */
static inline uint8_t salt_for(
	struct market *market, uint64_t epoch, uint64_t prize, uint64_t offset)
{
	for (unsigned salt = 1; salt < 256; salt++)
		if (offset_of_salt(market, (uint8_t)salt, epoch, prize) == offset)
			return (uint8_t)salt;
	fail();
	return 0;
}

static inline struct souk_escrow_record escrow_now(
	const struct market *market, const struct souk_hash *id)
{
	struct souk_escrow_record record;
	assert_int_equal(souk_ledger_get_escrow(&record, &market->ledger, id), SOUK_OK);
	return record;
}

#endif
