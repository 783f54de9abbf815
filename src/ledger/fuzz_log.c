/* SPDX-License-Identifier: Apache-2.0
 *
 * Feeds bytes as a log, or as a snapshot log, to the verifier. Nobody can sign for
 * the operator here, so whatever is accepted must be, block for block, the
 * example's own log; and where a snapshot is accepted, its audited state. */
#include <stdlib.h>
#include <string.h>

#include "test_market.h"

#define BLOCKS_MAX 16
#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct souk_hash known[BLOCKS_MAX]; /* hashes of the example's blocks, by height */
static uint64_t known_count;

/* Feed all frames of IN; true as long as all are accepted. */
static bool feed(struct souk_log_verifier *verifier, struct souk_bytes in, bool learn)
{
	struct souk_bytes frame;
	size_t used;
	while (souk_log_read_frame(&frame, &used, in) == SOUK_OK) {
		souk_status status = souk_log_verifier_feed(verifier, frame);
		if (status != SOUK_OK) {
			REQUIRE(souk_log_verifier_feed(verifier, frame) == status);
			REQUIRE(verifier->verdict.status == status);
			return false;
		}
		const struct souk_ledger_record *record = &verifier->ledger.record;
		if (verifier->state >= SOUK_LOG_AT_HEADER && verifier->state <= SOUK_LOG_AT_ITEM) {
			REQUIRE(verifier->is_snapshot);
		} else if (verifier->state == SOUK_LOG_HEADER && learn) {
			REQUIRE(record->height < BLOCKS_MAX);
			known[record->height] = record->last;
			known_count = record->height;
		} else if (verifier->state == SOUK_LOG_HEADER && record->height > 0) {
			REQUIRE(record->height <= known_count);
			REQUIRE(souk_hash_equal(&known[record->height], &record->last));
		}
		in.data += used;
		in.size -= used;
	}
	return in.size == 0;
}

static void learn_example(void)
{
	static struct souk_log_verifier verifier;
	struct test_store records = {0};
	struct souk_store store = test_store_port(&records);
	struct market *market = market_example_more();
	souk_log_verifier_init(&verifier, &store);
	REQUIRE(feed(&verifier,
		souk_bytes_of(
			market->log + SOUK_LOG_MAGIC_SIZE, market->log_size - SOUK_LOG_MAGIC_SIZE),
		true));
	REQUIRE(souk_log_verifier_finish(&verifier) == SOUK_OK);
	test_store_done(&records);
	market_free(market);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct souk_log_verifier verifier;
	struct test_store records = {0};
	struct souk_store store = test_store_port(&records);
	if (known_count == 0)
		learn_example();
	if (size < SOUK_LOG_MAGIC_SIZE)
		return 0;
	bool is_snapshot = memcmp(data, SOUK_LOG_SNAPSHOT_MAGIC, SOUK_LOG_MAGIC_SIZE) == 0;
	if (!is_snapshot && memcmp(data, SOUK_LOG_MAGIC, SOUK_LOG_MAGIC_SIZE) != 0)
		return 0;
	souk_log_verifier_init(&verifier, &store);
	if (is_snapshot)
		souk_log_verifier_expect_snapshot(&verifier);
	bool accepted = feed(&verifier,
		souk_bytes_of(data + SOUK_LOG_MAGIC_SIZE, size - SOUK_LOG_MAGIC_SIZE), false);
	souk_status status = souk_log_verifier_finish(&verifier);
	REQUIRE(status == SOUK_OK || verifier.verdict.status == status);
	REQUIRE(!accepted || status == SOUK_OK || status == SOUK_CORRUPT_LOG);
	if (status == SOUK_OK)
		REQUIRE(souk_ledger_audit(&verifier.ledger) == SOUK_OK);
	test_store_done(&records);
	return 0;
}
