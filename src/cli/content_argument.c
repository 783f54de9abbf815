/* SPDX-License-Identifier: Apache-2.0 */
#include "content_argument.h"

#include <stdio.h>
#include <string.h>

#include "../client/name_client.h"
#include "cli.h"

static int look_up(const char *command, const char *text, struct souk_content_name *ret)
{
	struct name_question question = {.ledger_url = cli_ledger_url()};
	struct name_answer answer;
	struct name_client *client;
	char detail[NAME_DETAIL_SIZE] = "";
	int failed = cli_name_argument(command, text, &question.name);
	if (failed != 0)
		return failed;
	souk_status status = name_client_open(&client, cli_home_path());
	if (status != SOUK_OK)
		return cli_fail(
			command, cli_home_file("names.mdb"), status, "make a home with: souk init");
	status = name_client_resolve(client, &question, &answer, detail);
	name_client_close(client);
	if (status != SOUK_OK)
		return cli_fail(command, text, status, detail);
	*ret = souk_name_content(&answer.name.name);
	return 0;
}

int cli_content_argument(const char *command, const char *text, struct souk_content_name *ret)
{
	if (strchr(text, '/') != NULL)
		return look_up(command, text, ret);
	souk_status status = souk_content_name_parse(ret, text);
	if (status == SOUK_OK)
		return 0;
	cli_fail(command, text, status,
		"a content is 64 hexadecimal digits, or those, a dot and its size; a name is "
		"PUBLISHER/LABEL");
	return EXIT_USAGE;
}

/* Where the path begins, from its slash on; the end of TEXT where there is none. */
static const char *find_path(const char *text)
{
	struct souk_content_name content;
	char head[SOUK_CONTENT_NAME_SIZE];
	const char *end = text + strlen(text), *slash = strchr(text, '/');
	if (slash == NULL)
		return end;
	snprintf(head, sizeof head, "%.*s", (int)(slash - text), text);
	if (slash - text < (ptrdiff_t)sizeof head &&
		souk_content_name_parse(&content, head) == SOUK_OK)
		return slash;
	const char *second = strchr(slash + 1, '/');
	return second != NULL ? second : end;
}

int cli_content_path_argument(const char *command, const char *text, struct souk_content_name *ret,
	char path[SOUK_DIRECTORY_PATH_MAX + 1])
{
	char head[SOUK_NAME_TEXT_SIZE];
	const char *slash = find_path(text);
	size_t size = strlen(slash);
	path[0] = '\0';
	if (size == 0 || slash - text >= (ptrdiff_t)sizeof head)
		return cli_content_argument(command, text, ret);
	while (size > 0 && slash[size - 1] == '/')
		size--;
	if (size > 0 && !souk_directory_path_is_good(souk_bytes_of(slash + 1, size - 1))) {
		cli_fail(command, text, SOUK_LOCAL_USAGE,
			"a path in a directory is names joined by single slashes");
		return EXIT_USAGE;
	}
	if (size > 0) {
		memcpy(path, slash + 1, size - 1);
		path[size - 1] = '\0';
	}
	snprintf(head, sizeof head, "%.*s", (int)(slash - text), text);
	return cli_content_argument(command, head, ret);
}

int cli_name_argument(const char *command, const char *text, struct souk_name *ret)
{
	struct souk_identity identity;
	souk_status status = souk_name_parse(ret, souk_bytes_text(text));
	if (status == SOUK_OK)
		return 0;
	if (strchr(text, '/') == NULL && souk_name_label_is_valid(text, strlen(text))) {
		if (!cli_load_identity(&identity))
			return EXIT_REFUSED;
		*ret = (struct souk_name){.publisher = identity.address};
		memcpy(ret->label, text, strlen(text));
		souk_bytes_wipe(&identity, sizeof identity);
		return 0;
	}
	cli_fail(command, text, status,
		"a name is PUBLISHER/LABEL: an address, and a label of a to z, 0 to 9, dot and "
		"dash");
	return EXIT_USAGE;
}
