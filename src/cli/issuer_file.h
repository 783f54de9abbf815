/* SPDX-License-Identifier: Apache-2.0
 *
 * issuer_file.h - hot keys that sign strips, and own nothing: HOME/issuers/NAME.key. A leaf that
 * names one is all that its thief can spend. */
#ifndef SOUK_CLI_ISSUER_FILE_H
#define SOUK_CLI_ISSUER_FILE_H

#include <stdbool.h>

#include "souk/crypto/ecdsa.h"

/* HOME/issuers/NAME.key, in one of a few static buffers; NULL where NAME is no name. */
const char *issuer_path(const char *name);
/* The key of that name. Prints what is wrong and returns false where there is none. */
bool issuer_load(const char *command, const char *name, struct souk_identity *ret);

#endif
