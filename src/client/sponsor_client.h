/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor_client.h - a sponsor's control server, as viewers know it: HTTPS, pinned to the key that
 * its name states.
 *
 * A sponsor's name is "https://HOST:PORT#PIN", as a hub's is. It signs it into its recruits, and
 * the caches pass those on: so a viewer learns from any cache who pays, and where.
 *
 * A name is parsed here for everybody. What a bundle says to its sponsor goes over the engine of
 * view.h, without waiting; the calls below wait. */
#ifndef SOUK_CLIENT_SPONSOR_CLIENT_H
#define SOUK_CLIENT_SPONSOR_CLIENT_H

#include "souk/io/http_client.h"
#include "souk/wire/messages.h"

#define SPONSOR_NAME_SIZE 257
#define SPONSOR_URL_SIZE  192

#define SPONSOR_PATH_STATUS   "/v1/sponsor"
#define SPONSOR_PATH_ASK      "/v1/bundles"
#define SPONSOR_PATH_OPEN     "/v1/bundles/open"
#define SPONSOR_PATH_CLAIM    "/v1/bundles/claim"
#define SPONSOR_PATH_COMPLAIN "/v1/bundles/complain"
#define SPONSOR_PATH_REPORT   "/v1/report"

struct sponsor_place {
	char url[SPONSOR_URL_SIZE]; /* without a slash at its end */
	struct souk_hash pin;
};

/* sponsor_name_parse: where NAME is.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_USAGE: not "https://HOST:PORT#PIN". */
SOUK_MUST_CHECK souk_status sponsor_name_parse(struct sponsor_place *ret, const char *name);
void sponsor_name_format(char out[SPONSOR_NAME_SIZE], const char *url, const struct souk_hash *pin);

struct sponsor_client {
	struct souk_http_client *http;
	struct sponsor_place place;
	uint64_t timeout_ms;
	char detail[256]; /* of the last failure */
};

/* SOUK_OK, SOUK_LOCAL_USAGE, or SOUK_IO_MEMORY. */
SOUK_MUST_CHECK souk_status sponsor_client_init(
	struct sponsor_client *client, const char *name, uint64_t timeout_ms);
/* One that was never begun, all zeros, is allowed. */
void sponsor_client_done(struct sponsor_client *client);

/* Each returns SOUK_OK, SOUK_IO_*, the status that the sponsor refused with, or SOUK_PEER_* where
 * its answer is malformed. */
SOUK_MUST_CHECK souk_status sponsor_client_status(
	struct sponsor_client *client, struct souk_sponsor_status *ret);
/* GET PATH as it is (JSON); the caller frees *RET_TEXT. */
SOUK_MUST_CHECK souk_status sponsor_client_get_json(
	struct sponsor_client *client, const char *path, char **ret_text);

#endif
