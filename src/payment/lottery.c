/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/lottery.h"

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

static uint64_t draw(const struct souk_hash *beacon, const struct souk_hash *escrow, uint64_t epoch,
	uint32_t attempt)
{
	uint8_t message[2 * SOUK_HASH_SIZE + 8 + 4];
	struct souk_writer writer;
	souk_writer_init(&writer, message, sizeof message);
	souk_writer_append(&writer, beacon->bytes, SOUK_HASH_SIZE);
	souk_writer_append(&writer, escrow->bytes, SOUK_HASH_SIZE);
	souk_writer_u64(&writer, epoch);
	souk_writer_u32(&writer, attempt);
	struct souk_hash hash =
		souk_sha256_domain("lottery", souk_bytes_of(message, sizeof message));
	return souk_load_be64(hash.bytes);
}

struct souk_amount souk_lottery_offset(const struct souk_hash *beacon,
	const struct souk_hash *escrow, uint64_t epoch, struct souk_amount prize)
{
	SOUK_CHECK(prize.ncoin >= 1);
	/* 2^64 mod prize: so many values at the top would make the low offsets likelier. */
	const uint64_t excess = (0 - prize.ncoin) % prize.ncoin;
	uint32_t attempt = 0;
	uint64_t value;
	/* At least half of all values are good, so this ends: 64 rejections in 2^64 draws. */
	do
		value = draw(beacon, escrow, epoch, attempt++);
	while (value > UINT64_MAX - excess);
	return souk_amount_of_ncoin(value % prize.ncoin);
}

/* Winning points below X. */
static uint64_t points_below(uint64_t offset, uint64_t prize, uint64_t x)
{
	return x <= offset ? 0 : (x - offset - 1) / prize + 1;
}

uint64_t souk_lottery_points(uint64_t *ret_first, struct souk_amount offset,
	struct souk_amount prize, struct souk_amount lo, struct souk_amount hi)
{
	SOUK_CHECK(prize.ncoin >= 1);
	uint64_t first = points_below(offset.ncoin, prize.ncoin, lo.ncoin);
	uint64_t end = points_below(offset.ncoin, prize.ncoin, hi.ncoin);
	*ret_first = first;
	return end > first ? end - first : 0;
}
