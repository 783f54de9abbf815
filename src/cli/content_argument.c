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
