/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_range.h - which bytes a request is answered with: RFC 9110, 13 and 14.
 *
 *   If-Match fails        412
 *   If-None-Match hits    304
 *   Range, and If-Range   206 the part | 416 none of it is there | 200 all
 *
 * A content never changes under its id, so its tag is strong and dates are neither given nor
 * believed. Several ranges at once are answered with all of it, which the RFC allows: who asks for
 * them can do without (curl resumes, browsers and players seek with one).
 *
 * Memory: none. Threads: any. */
#ifndef SOUK_DAEMON_GATEWAY_RANGE_H
#define SOUK_DAEMON_GATEWAY_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* The headers of a request; NULL where they are not there. */
struct gateway_conditions {
	bool is_get; /* a range is of GET alone */
	const char *range, *if_range, *if_match, *if_none_match;
};

struct gateway_cut {
	unsigned status; /* 200, 206, 304, 412 or 416 */
	uint64_t first;	 /* of 200 and 206: which bytes */
	uint64_t size;
};

/* What to answer about SIZE bytes whose tag is ETAG, with its quotes. */
struct gateway_cut gateway_cut_of(
	const struct gateway_conditions *conditions, const char *etag, uint64_t size);

#endif
