/* SPDX-License-Identifier: Apache-2.0 */
#include "judges.h"

#include "souk/base/check.h"
#include "souk/content/judge.h"
#include "souk/keys/judge.h"

static const struct souk_judge content_judge = SOUK_CONTENT_JUDGE;
static const struct souk_judge keys_judge = SOUK_KEYS_JUDGE;
static const struct souk_judge *const list[] = {&content_judge, &keys_judge};
static const struct souk_judges judges = {list, SOUK_COUNT_OF(list)};

const struct souk_judges *known_judges(void)
{
	return &judges;
}
