/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_type.h - the media type of a content, by its name or by its first bytes.
 *
 * A file of a directory has a name, and its ending decides. A bare id has none: then its first
 * bytes do, for formats that cannot run anything in a browser. So what is meant to be a page must
 * have a name.
 *
 * Memory: static texts. Threads: any. */
#ifndef SOUK_DAEMON_GATEWAY_TYPE_H
#define SOUK_DAEMON_GATEWAY_TYPE_H

#include <stdbool.h>

#include "souk/base/bytes.h"

/* Bytes of a content's start that are enough. */
#define GATEWAY_TYPE_HEAD 512u

/* "application/octet-stream" where nothing is known about the name. */
const char *gateway_type_of_name(const char *name);
/* The same for the first bytes of a content, GATEWAY_TYPE_HEAD or all of them. */
const char *gateway_type_of_bytes(struct souk_bytes head);
/* Whether a browser that shows it as a document would run what is in it. */
bool gateway_type_is_active(const char *type);

#endif
