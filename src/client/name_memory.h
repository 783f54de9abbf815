/* SPDX-License-Identifier: Apache-2.0
 *
 * name_memory.h - what name_client.h says that a home remembers of names.
 *
 * Threads: any; a call that writes begins and ends its transaction inside. */
#ifndef SOUK_CLIENT_NAME_MEMORY_H
#define SOUK_CLIENT_NAME_MEMORY_H

#include "souk/content/name.h"

struct name_memory;

SOUK_MUST_CHECK souk_status name_memory_open(struct name_memory **ret, const char *home);
void name_memory_close(struct name_memory *memory); /* NULL is allowed */

SOUK_MUST_CHECK souk_status name_memory_get(
	struct name_memory *memory, const struct souk_name *name, struct souk_signed_name *ret);

/* name_memory_put: hold FRESH where it is newer.
 *
 *  Out: ret_held  what is held afterwards, for whatever status of a name
 *
 * Returns SOUK_OK, also where it was held; SOUK_PEER_NAME_ROLLBACK; SOUK_PEER_NAME_TWICE, and both
 * are kept as evidence; SOUK_CORRUPT_STORE, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status name_memory_put(struct name_memory *memory,
	const struct souk_signed_name *fresh, struct souk_signed_name *ret_held);

/* Keep A and B, of one name and sequence, as evidence; the last ones of a name stay. */
SOUK_MUST_CHECK souk_status name_memory_put_twice(struct name_memory *memory,
	const struct souk_signed_name *a, const struct souk_signed_name *b);

SOUK_MUST_CHECK souk_status name_memory_each(struct name_memory *memory,
	souk_status (*visit)(void *ctx, const struct souk_signed_name *name,
		const struct souk_signed_name *twice),
	void *ctx);

#endif
