/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/crypto/group8.h"

#include <string.h>

#include "group8_engine.h"

static uint8_t mul_portable(struct souk_point ret[SOUK_LANES],
	const struct souk_point points[SOUK_LANES], const struct souk_scalar scalars[SOUK_LANES],
	size_t count)
{
	uint8_t infinite = 0;
	for (size_t i = 0; i < count; i++) {
		if (souk_point_mul(&ret[i], &points[i], &scalars[i]) != SOUK_OK)
			infinite |= (uint8_t)(1u << i);
	}
	return infinite;
}

static uint8_t parse_portable(
	struct souk_point ret[SOUK_LANES], const uint8_t *const bytes[SOUK_LANES], size_t count)
{
	uint8_t bad = 0;
	for (size_t i = 0; i < count; i++) {
		if (souk_point_parse(&ret[i], bytes[i]) != SOUK_OK)
			bad |= (uint8_t)(1u << i);
	}
	return bad;
}

static const struct group8_engine engine_portable = {
	.name = "portable",
	.mul = mul_portable,
	.parse = parse_portable,
};

/* Process-wide, and set only before main: which engine this processor can run. Each gives the same
 * points. */
static const struct group8_engine *engine = &engine_portable;

__attribute__((constructor)) static void choose_engine(void)
{
	(void)souk_group8_use("ifma");
}

bool souk_group8_is_wide(void)
{
	return engine->is_wide;
}

const char *souk_group8_engine(void)
{
	return engine->name;
}

bool souk_group8_use(const char *name)
{
	if (strcmp(name, engine_portable.name) == 0) {
		engine = &engine_portable;
		return true;
	}
#ifdef __x86_64__
	if (strcmp(name, group8_engine_ifma.name) == 0 && group8_ifma_is_supported()) {
		engine = &group8_engine_ifma;
		return true;
	}
#endif
	return false;
}

uint8_t souk_group8_mul(struct souk_point ret[SOUK_LANES],
	const struct souk_point points[SOUK_LANES], const struct souk_scalar scalars[SOUK_LANES],
	size_t count)
{
	return engine->mul(ret, points, scalars, count);
}

uint8_t souk_group8_parse(
	struct souk_point ret[SOUK_LANES], const uint8_t *const bytes[SOUK_LANES], size_t count)
{
	return engine->parse(ret, bytes, count);
}
