/* SPDX-License-Identifier: Apache-2.0
 *
 * problem.h - read the problem document that a refusal carries over HTTP. */
#ifndef SOUK_CLIENT_PROBLEM_H
#define SOUK_CLIENT_PROBLEM_H

#include "souk/base/bytes.h"
#include "souk/base/status.h"

/* The status that BODY names, so that a remote refusal reads like a local one. A body that names
 * none is SOUK_LOCAL_NOT_FOUND for an answer 404, else SOUK_PEER_BAD_REQUEST; never SOUK_OK.
 * DETAIL (may be NULL) gets at most DETAIL_SIZE characters of its detail. */
souk_status problem_parse(
	struct souk_bytes body, unsigned http_status, char *detail, size_t detail_size);

#endif
