/* SPDX-License-Identifier: Apache-2.0
 *
 * test_store.h - the plainest store that can be right: a sorted array.
 *
 * For the ledger's tests and fuzzers, independent of the stores of src/io. */
#ifndef SOUK_LEDGER_TEST_STORE_H
#define SOUK_LEDGER_TEST_STORE_H

#include "souk/crypto/sha256.h"
#include "souk/ports/store.h"

struct test_record {
	uint8_t *key, *value;
	size_t key_size, value_size;
};

struct test_store {
	struct test_record *records;
	size_t count, max;
	bool failing; /* every further put and del fails with SOUK_IO_DISK_FULL */
};

struct souk_store test_store_port(struct test_store *store);
void test_store_done(struct test_store *store);
/* Over every key and value. */
struct souk_hash test_store_digest(const struct test_store *store);

#endif
