/* SPDX-License-Identifier: Apache-2.0
 *
 * The engine that a sponsor pays for. */
#include "fetch_internal.h"

souk_status viewed_open(
	struct fetch *fetch, struct fetch_engine *ret, char detail[FETCH_DETAIL_SIZE])
{
	(void)fetch;
	(void)ret;
	fetch_tell(detail, "no sponsor pays for this content", NULL);
	return SOUK_LOCAL_NOT_FOUND;
}
