/* SPDX-License-Identifier: Apache-2.0
 *
 * umbral_form.h - a capsule in two steps, for those who check it beside other things. */
#ifndef SOUK_KEYS_UMBRAL_FORM_H
#define SOUK_KEYS_UMBRAL_FORM_H

#include "souk/keys/umbral.h"

/* As souk_umbral_capsule_parse, but that the proof is not checked. */
SOUK_MUST_CHECK souk_status umbral_capsule_read(
	struct souk_umbral_capsule *ret, struct souk_bytes bytes);
/* The proof, given h E and s G. SOUK_OK, or SOUK_PEER_BAD_CAPSULE. */
SOUK_MUST_CHECK souk_status umbral_capsule_check(const struct souk_umbral_capsule *capsule,
	const struct souk_point *he, const struct souk_point *sg);

#endif
