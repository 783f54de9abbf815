/* SPDX-License-Identifier: Apache-2.0 */
#include "issuer_file.h"

#include <stdio.h>
#include <string.h>

#include "../client/identity_file.h"
#include "cli.h"

#define NAME_MAX_LENGTH 40

const char *issuer_path(const char *name)
{
	char file[NAME_MAX_LENGTH + 16];
	size_t length = strlen(name);
	/* A name is part of a path: letters, digits, dash and underscore only. */
	if (length == 0 || length > NAME_MAX_LENGTH ||
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
			length)
		return NULL;
	snprintf(file, sizeof file, "issuers/%s.key", name);
	return cli_home_file(file);
}

bool issuer_load(const char *command, const char *name, struct souk_identity *ret)
{
	const char *path = issuer_path(name);
	if (path == NULL) {
		fprintf(stderr, "souk %s: \"%s\" is no name of an issuer\n", command, name);
		return false;
	}
	souk_status status = identity_file_load(ret, path);
	if (status == SOUK_LOCAL_NOT_FOUND)
		fprintf(stderr, "souk %s: no issuer %s; make one with: souk escrow issuer new %s\n",
			command, name, name);
	else if (status != SOUK_OK)
		fprintf(stderr, "souk %s: %s is no key: %s\n", command, path,
			souk_status_text(status));
	return status == SOUK_OK;
}
