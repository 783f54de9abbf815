/* SPDX-License-Identifier: Apache-2.0
 *
 * admission.h - what a site gives to a viewer, so that the sponsor pays for it.
 *
 *   viewer: its address --> site: admission_make --> a line of text --> viewer: souk get
 * --admission
 *
 * A file holds one line: the signed admission, canonical bytes, in hexadecimal.
 *
 * Memory: values. Threads: any. Spec: spec/sponsor.md 3. */
#ifndef SOUK_CLIENT_ADMISSION_H
#define SOUK_CLIENT_ADMISSION_H

#include "souk/content/sponsor.h"

#define ADMISSION_TEXT_SIZE (2 * SOUK_SIGNED_ADMISSION_SIZE_MAX + 1)

/* VIEWER may have bundles of SPONSOR, before EXPIRES; SITE is whom the sponsor names. */
void admission_make(struct souk_signed_admission *ret, const struct souk_identity *site,
	const struct souk_address *sponsor, const struct souk_address *viewer,
	struct souk_time expires);

void admission_text_format(
	char out[ADMISSION_TEXT_SIZE], const struct souk_signed_admission *admission);
/* SOUK_OK, or SOUK_PEER_BAD_HEX and those of decoding: it is no admission. */
SOUK_MUST_CHECK souk_status admission_text_parse(
	struct souk_signed_admission *ret, const char *text);

/* SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_IO_READ, or as admission_text_parse. */
SOUK_MUST_CHECK souk_status admission_file_read(
	struct souk_signed_admission *ret, const char *path);

#endif
