/* SPDX-License-Identifier: Apache-2.0
 *
 * curl_common.h - what both ways of using libcurl have in common. Private to io. */
#ifndef SOUK_IO_CURL_COMMON_H
#define SOUK_IO_CURL_COMMON_H

#include <curl/curl.h>

#include "souk/base/bytes.h"
#include "souk/base/status.h"

/* A handle with the options that never change: no signals, redirects, proxies or other protocols.
 * Safe from any thread. NULL without memory. */
CURL *souk_curl_new(void);

/* Know the server by PIN; by the system's authorities where it is NULL. */
souk_status souk_curl_set_pin(CURL *curl, const struct souk_hash *pin);

/* A list of "Name: value" lines; SOUK_IO_MEMORY leaves *RET_LIST as it was. */
souk_status souk_curl_headers(
	const char *const *headers, size_t count, struct curl_slist **ret_list);

souk_status souk_curl_status(CURLcode code);

#endif
