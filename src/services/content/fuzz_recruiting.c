/* SPDX-License-Identifier: Apache-2.0
 *
 * Any demand, times and prospects: R1 to R3 of the header hold, and nothing overflows. */
#include <stdint.h>
#include <string.h>

#include "souk/base/bytes.h"
#include "souk/base/check.h"
#include "souk/content/recruiting.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PROSPECTS 6u
#define STEP	  20u

struct bench {
	struct souk_recruiting_policy policy;
	struct souk_recruiting recruiting;
	struct souk_prospect prospects[PROSPECTS];
	struct souk_time now, fell;
	bool has_fallen;
};

static void look(struct bench *b, const uint8_t *bytes)
{
	struct souk_recruiting_view view = {
		.units = souk_load_be64(bytes + 4) >> bytes[1] % 64,
		.min = bytes[2] % 8,
		.left.ncoin = souk_load_be64(bytes + 12),
		.copy.ncoin = bytes[3],
	};
	uint32_t before = b->recruiting.target;
	uint32_t target = souk_recruiting_look(&b->recruiting, &b->policy, &view, b->now);
	uint32_t most = b->policy.max > view.min ? b->policy.max : view.min;
	SOUK_CHECK(target >= view.min && target <= most && target == b->recruiting.target);
	if (target >= before || before > most)
		return;
	SOUK_CHECK(target == before - 1);
	if (b->has_fallen)
		SOUK_CHECK(souk_time_since_ms(b->fell, b->now) >= b->policy.hold_ms);
	b->has_fallen = true;
	b->fell = b->now;
}

static void choose(struct bench *b, const uint8_t *bytes)
{
	struct souk_amount most = {souk_load_be64(bytes + 4) >> bytes[1] % 64};
	uint32_t index = souk_recruiting_choose(
		b->prospects, PROSPECTS, most, souk_load_be64(bytes + 12), b->now);
	if (index == SOUK_RECRUITING_NONE)
		return;
	SOUK_CHECK(index < PROSPECTS);
	struct souk_prospect *p = &b->prospects[index];
	SOUK_CHECK(p->state == SOUK_PROSPECT_FREE && p->price.ncoin <= most.ncoin);
	SOUK_CHECK(!souk_time_is_before(b->now, p->retry));
	p->state = bytes[2] % 2 == 0 ? SOUK_PROSPECT_PENDING : SOUK_PROSPECT_ENLISTED;
}

static void release(struct bench *b, const uint8_t *bytes)
{
	uint32_t index =
		souk_recruiting_release(b->prospects, PROSPECTS, souk_load_be64(bytes + 4));
	if (index == SOUK_RECRUITING_NONE) {
		for (uint32_t i = 0; i < PROSPECTS; i++)
			SOUK_CHECK(b->prospects[i].state != SOUK_PROSPECT_ENLISTED);
		return;
	}
	SOUK_CHECK(b->prospects[index].state == SOUK_PROSPECT_ENLISTED);
	b->prospects[index].state = SOUK_PROSPECT_FREE;
}

static void step(struct bench *b, const uint8_t *bytes)
{
	struct souk_prospect *p = &b->prospects[bytes[1] % PROSPECTS];
	switch (bytes[0] % 6) {
	case 0: look(b, bytes); return;
	case 1: choose(b, bytes); return;
	case 2: release(b, bytes); return;
	case 3: souk_prospect_failed(p, &b->policy, b->now); return;
	case 4:
		memcpy(p->address.bytes, bytes, sizeof p->address.bytes);
		p->network = bytes[2] % 3;
		p->price.ncoin = souk_load_be64(bytes + 4) >> bytes[3] % 64;
		return;
	default:
		b->now = souk_time_plus_ms(
			b->now, souk_load_be64(bytes + 4) >> (bytes[1] % 32 + 32));
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench b = {.now = souk_time_at_ms(1000)};
	if (size < STEP)
		return 0;
	b.policy = (struct souk_recruiting_policy){
		.max = data[0] % 16,
		.replica_units = souk_load_be64(data + 4) >> data[1] % 64,
		.smooth_ms = souk_load_be64(data + 8) >> data[2] % 64,
		.hold_ms = data[3] * 100u,
		.retry_ms = data[3],
	};
	for (size_t at = STEP; at + STEP <= size; at += STEP)
		step(&b, data + at);
	return 0;
}
