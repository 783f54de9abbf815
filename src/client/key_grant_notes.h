/* SPDX-License-Identifier: Apache-2.0
 *
 * key_grant_notes.h - HOME/shares/POLICY.pending: a policy that no receiver was told of yet. */
#ifndef SOUK_CLIENT_KEY_GRANT_NOTES_H
#define SOUK_CLIENT_KEY_GRANT_NOTES_H

#include "souk/base/bytes.h"

/* HOME/shares/NAME.KIND of a policy or content. */
void shares_path(char *out, size_t size, const char *home, struct souk_bytes id, const char *kind);

SOUK_MUST_CHECK souk_status key_grant_note(const char *home, const struct souk_nonce *policy);

/* shares_each: call EACH with the id, SIZE bytes, of every HOME/shares/ID.KIND; until it returns
 * anything but SOUK_OK, which is then returned. No folder is an empty one. */
SOUK_MUST_CHECK souk_status shares_each(const char *home, const char *kind, size_t size,
	souk_status (*each)(void *ctx, const uint8_t *id), void *ctx);

#endif
