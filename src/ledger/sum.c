/* SPDX-License-Identifier: Apache-2.0
 *
 * The digest of the state: of the set of its records, kept up to date record by
 * record. A record that changes many times in a block (an account that pays all
 * day) is stretched to lanes only twice: as it was, and as it is at the end. */
#include <string.h>

#include "souk/base/check.h"
#include "state.h"

static const char record_domain[] = "souk/record"; /* with its terminator, as every domain */

struct souk_hash ledger_record_hash(struct souk_bytes key, struct souk_bytes value)
{
	uint8_t bytes[sizeof record_domain + 4 + SOUK_STORE_KEY_SIZE_MAX + SOUK_LTHASH_SIZE];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_writer_append(&writer, record_domain, sizeof record_domain);
	souk_writer_u32(&writer, (uint32_t)key.size);
	souk_writer_append(&writer, key.data, key.size);
	souk_writer_append(&writer, value.data, value.size);
	SOUK_CHECK(!writer.full);
	/* An account fits one block. */
	return writer.size <= SOUK_SHA256_ONE_BLOCK_MAX ? souk_sha256_one_block(bytes, writer.size)
							: souk_sha256_of(bytes, writer.size);
}

/* ---- changes of a block ---- */

/* Where KEY's change would be kept. Keys that meet there only cost time. */
static struct souk_ledger_change *change_at(struct souk_ledger *ledger, struct souk_bytes key)
{
	uint32_t place = 0;
	for (size_t i = 0; i < key.size; i++)
		place = place * 31 + key.data[i];
	return &ledger->changes[(place ^ place >> 16) % SOUK_LEDGER_CHANGES];
}

static bool change_is_of(const struct souk_ledger_change *change, struct souk_bytes key)
{
	return change->key.size == key.size && memcmp(change->key.bytes, key.data, key.size) == 0;
}

static void change_flush(struct souk_ledger *ledger, struct souk_ledger_change *change)
{
	bool is_same =
		change->was && change->is && souk_hash_equal(&change->before, &change->after);
	if (change->was && !is_same)
		souk_lthash_sub(&ledger->sum, &change->before);
	if (change->is && !is_same)
		souk_lthash_add(&ledger->sum, &change->after);
	change->key.size = 0;
}

static void change_start(
	struct souk_ledger_change *change, struct souk_bytes key, struct souk_bytes old)
{
	SOUK_CHECK(key.size <= sizeof change->key.bytes);
	memset(change, 0, sizeof *change);
	memcpy(change->key.bytes, key.data, key.size);
	change->key.size = (uint8_t)key.size;
	change->was = old.size != 0;
	if (change->was)
		change->before = ledger_record_hash(key, old);
}

void ledger_sum_change(struct souk_ledger *ledger, struct souk_bytes key, struct souk_bytes old,
	struct souk_bytes value)
{
	struct souk_ledger_change *change = change_at(ledger, key);
	if (!change_is_of(change, key)) {
		if (change->key.size != 0)
			change_flush(ledger, change);
		change_start(change, key, old);
	}
	change->is = value.size != 0;
	if (change->is)
		change->after = ledger_record_hash(key, value);
}

/* ---- the digest ---- */

struct souk_hash ledger_state_digest_of(
	const struct souk_lthash *sum, const struct souk_ledger_record *record)
{
	uint8_t bytes[SOUK_LTHASH_SIZE + SOUK_LEDGER_RECORD_SIZE_MAX];
	struct souk_ledger_record bound = *record;
	struct souk_writer writer;
	memset(&bound.last, 0, sizeof bound.last);
	memset(&bound.state, 0, sizeof bound.state);
	souk_lthash_encode(bytes, sum);
	souk_writer_init(&writer, bytes + SOUK_LTHASH_SIZE, SOUK_LEDGER_RECORD_SIZE_MAX);
	souk_ledger_record_encode(&writer, &bound);
	return souk_sha256_domain("state", souk_bytes_of(bytes, SOUK_LTHASH_SIZE + writer.size));
}

struct souk_hash ledger_state_digest(struct souk_ledger *ledger)
{
	for (size_t i = 0; i < SOUK_LEDGER_CHANGES; i++) {
		if (ledger->changes[i].key.size != 0)
			change_flush(ledger, &ledger->changes[i]);
	}
	return ledger_state_digest_of(&ledger->sum, &ledger->record);
}
