/* SPDX-License-Identifier: Apache-2.0 */
#include "problem.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static souk_status status_of_name(const char *name, souk_status otherwise)
{
#define FIND(candidate, code, class, text)                                                         \
	if (code != 0 && strcmp(name, #candidate) == 0)                                            \
		return SOUK_##candidate;
	SOUK_STATUS_LIST(FIND)
#undef FIND
	return otherwise;
}

/* What a peer writes goes to a terminal: printable characters only. */
static void copy_printable(char *out, size_t size, const char *text)
{
	size_t n = 0;
	for (; *text != '\0' && n + 1 < size; text++)
		out[n++] = *text >= 0x20 && *text <= 0x7e ? *text : '?';
	out[n] = '\0';
}

souk_status problem_parse(
	struct souk_bytes body, unsigned http_status, char *detail, size_t detail_size)
{
	souk_status status = http_status == 404 ? SOUK_LOCAL_NOT_FOUND : SOUK_PEER_BAD_REQUEST;
	json_t *problem = json_loadb((const char *)body.data, body.size, 0, NULL);
	const char *name = json_string_value(json_object_get(problem, "error"));
	const char *text = json_string_value(json_object_get(problem, "detail"));
	if (name != NULL)
		status = status_of_name(name, status);
	if (detail != NULL)
		copy_printable(detail, detail_size, text ? text : "");
	json_decref(problem);
	return status;
}
