/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider stood up for wrongly, or withheld, is left in files for souk agreement. */
#include <stdio.h>
#include <string.h>

#include "get.h"
#include "souk/io/file.h"

#define FILES_MAX 16

void get_evidence(void *ctx, bool is_question, struct souk_bytes bytes)
{
	struct get *get = ((struct get_file *)ctx)->get;
	const char *what = is_question ? "question" : "evidence";
	char path[4300];
	if (get->file_count == FILES_MAX)
		return;
	snprintf(path, sizeof path, "%s.%s-%d", get->path, what, get->file_count + 1);
	souk_status status = souk_file_write_atomic(path, bytes, false);
	if (status != SOUK_OK) {
		cli_fail("get", path, status, NULL);
		return;
	}
	get->file_count++;
	json_array_append_new(get->evidence, json_pack("{s:s, s:s}", "kind", what, "file", path));
	if (!cli_json)
		fprintf(stderr, "souk get: %s is in %s; use it with: souk agreement %s %s\n", what,
			path, is_question ? "challenge" : "accuse", path);
}
