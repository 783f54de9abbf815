/* SPDX-License-Identifier: Apache-2.0
 *
 * content_argument.h - what a user names on the command line: a content, or a publisher's name. */
#ifndef SOUK_CLI_CONTENT_ARGUMENT_H
#define SOUK_CLI_CONTENT_ARGUMENT_H

#include "souk/content/directory.h"
#include "souk/content/name.h"

/* cli_content_argument: TEXT is a content id, with or without its size, or "PUBLISHER/LABEL",
 * which is looked up at the ledger's providers and verified.
 *
 * Returns 0; or an exit status, and has printed why. */
int cli_content_argument(const char *command, const char *text, struct souk_content_name *ret);

/* cli_content_path_argument: the same, after which "/PATH" may stand.
 *
 *  Out: path  "" where there is none; else the path of a file or folder that a directory may have,
 *             without a slash at its end */
int cli_content_path_argument(const char *command, const char *text, struct souk_content_name *ret,
	char path[SOUK_DIRECTORY_PATH_MAX + 1]);

/* cli_name_argument: TEXT is "PUBLISHER/LABEL", or the LABEL of this home. As above. */
int cli_name_argument(const char *command, const char *text, struct souk_name *ret);

#endif
