/* SPDX-License-Identifier: Apache-2.0 */
#include "provider_limit.h"

#include <arpa/inet.h>
#include <string.h>

#define MILLI 1000u

/* The address of PEER without its port. What cannot be read is one address too. */
static void read_address(const char *peer, uint8_t out[16])
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char host[64] = "";
	const char *end = strrchr(peer, ':');
	bool is_long = peer[0] == '[' && end != NULL && end > peer + 2 && end[-1] == ']';
	const char *from = is_long ? peer + 1 : peer, *to = is_long ? end - 1 : end;
	memset(out, 0xff, 16);
	if (to == NULL || (size_t)(to - from) >= sizeof host)
		return;
	memcpy(host, from, (size_t)(to - from));
	if (!is_long) {
		(void)inet_pton(AF_INET, host, out + 12);
		return;
	}
	uint8_t address[16];
	if (inet_pton(AF_INET6, host, address) != 1)
		return;
	/* How a socket of both kinds shows IPv4: else all of them would share one bucket. */
	if (memcmp(address, mapped, sizeof mapped) == 0) {
		memcpy(out + 12, address + 12, 4);
		return;
	}
	memcpy(out, address, 8);
	memset(out + 8, 0, 8);
}

static uint64_t rate_of(const struct provider_limit *limit)
{
	return limit->per_second != 0 ? limit->per_second : PROVIDER_LIMIT_PER_SECOND;
}

static uint64_t burst_of(const struct provider_limit *limit)
{
	return rate_of(limit) * (PROVIDER_LIMIT_BURST / PROVIDER_LIMIT_PER_SECOND) * MILLI;
}

static struct provider_limit_bucket *find_bucket(
	struct provider_limit *limit, const uint8_t address[16], uint64_t now_ms)
{
	struct provider_limit_bucket *oldest = &limit->buckets[0];
	for (uint32_t i = 0; i < PROVIDER_LIMIT_BUCKETS; i++) {
		struct provider_limit_bucket *bucket = &limit->buckets[i];
		if (memcmp(bucket->address, address, 16) == 0)
			return bucket;
		if (bucket->used_ms < oldest->used_ms)
			oldest = bucket;
	}
	memcpy(oldest->address, address, 16);
	oldest->used_ms = now_ms;
	oldest->milli = burst_of(limit);
	return oldest;
}

uint64_t provider_limit_number(const char *peer)
{
	uint8_t address[16];
	uint64_t high, low;
	read_address(peer, address);
	memcpy(&high, address, sizeof high);
	memcpy(&low, address + 8, sizeof low);
	return high ^ low;
}

bool provider_limit_take(struct provider_limit *limit, const char *peer, uint64_t now_ms)
{
	uint8_t address[16];
	read_address(peer, address);
	struct provider_limit_bucket *bucket = find_bucket(limit, address, now_ms);
	uint64_t passed = now_ms > bucket->used_ms ? now_ms - bucket->used_ms : 0;
	uint64_t room = burst_of(limit) - bucket->milli, rate = rate_of(limit);
	/* A thousandth for each millisecond and token a second: no product can overflow here. */
	bucket->milli += passed >= room ? room : (passed * rate < room ? passed * rate : room);
	bucket->used_ms = now_ms > bucket->used_ms ? now_ms : bucket->used_ms;
	if (bucket->milli < MILLI)
		return false;
	bucket->milli -= MILLI;
	return true;
}

void provider_limit_give(struct provider_limit *limit, const char *peer)
{
	uint8_t address[16];
	read_address(peer, address);
	for (uint32_t i = 0; i < PROVIDER_LIMIT_BUCKETS; i++) {
		struct provider_limit_bucket *bucket = &limit->buckets[i];
		if (memcmp(bucket->address, address, 16) != 0)
			continue;
		uint64_t room = burst_of(limit) - bucket->milli;
		bucket->milli += room < MILLI ? room : MILLI;
		return;
	}
}
