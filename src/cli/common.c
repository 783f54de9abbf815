/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "../client/identity_file.h"
#include "souk/io/clock_real.h"
#include "souk/io/ini.h"

const char *cli_home;
const char *cli_ledger;
bool cli_json;

const char cli_config_head[] =
	"# Souk: the configuration of this home. souk reads [souk]; soukd reads all of it.\n"
	"# A line that starts with # is a comment; every line commented out shows its default.\n"
	"\n"
	"[souk]\n"
	"# The ledger that keeps the accounts.\n"
	"ledger = %s\n"
	"# What soukd logs: debug, info, warn or error.\n"
	"# log = info\n";

/* A few static buffers in turn, so that one printf can name several values. */
#define TEXT_SLOTS 8

static char *text_slot(void)
{
	static char slots[TEXT_SLOTS][512];
	static unsigned next;
	return slots[next++ % TEXT_SLOTS];
}

const char *cli_home_path(void)
{
	static char path[400];
	if (cli_home != NULL)
		return cli_home;
	if (getenv("SOUK_HOME") != NULL)
		return getenv("SOUK_HOME");
	snprintf(path, sizeof path, "%s/.souk", getenv("HOME") ? getenv("HOME") : ".");
	return path;
}

const char *cli_home_file(const char *name)
{
	char *path = text_slot();
	snprintf(path, 512, "%s/%s", cli_home_path(), name);
	return path;
}

const char *cli_ledger_url(void)
{
	static char url[256];
	char error[SOUK_INI_ERROR_SIZE];
	struct souk_ini *ini;
	const char *text = NULL;
	if (cli_ledger != NULL)
		return cli_ledger;
	if (getenv("SOUK_LEDGER") != NULL)
		return getenv("SOUK_LEDGER");
	if (souk_ini_read(&ini, cli_home_file("souk.ini"), error) == SOUK_OK) {
		souk_ini_text(ini, "souk", "ledger", &text);
		snprintf(url, sizeof url, "%s", text ? text : "");
		souk_ini_free(ini);
	}
	return url[0] != '\0' ? url : SOUK_CHAIN_URL_DEFAULT;
}

bool cli_load_identity(struct souk_identity *ret)
{
	const char *path = cli_home_file("identity.key");
	souk_status status = identity_file_load(ret, path);
	if (status == SOUK_LOCAL_NOT_FOUND)
		fprintf(stderr, "souk: no identity in %s; make one with: souk init\n",
			cli_home_path());
	else if (status != SOUK_OK)
		fprintf(stderr, "souk: %s is no identity key: %s\n", path,
			souk_status_text(status));
	return status == SOUK_OK;
}

struct souk_chain_client *cli_open_ledger(void)
{
	struct souk_chain_client *client = souk_chain_client_new(cli_ledger_url());
	if (client == NULL) {
		fprintf(stderr, "souk: out of memory\n");
		exit(EXIT_REFUSED);
	}
	souk_chain_set_lock(client, cli_home_file("identity.key"));
	return client;
}

static void print_failure_json(
	const char *command, const char *what, souk_status status, const char *detail)
{
	cli_print_json(json_pack("{s:s, s:s, s:s, s:s, s:s}", "command", command, "error",
		souk_status_name(status), "text", souk_status_text(status), "what", what, "detail",
		detail ? detail : ""));
}

int cli_fail(const char *command, const char *what, souk_status status, const char *detail)
{
	bool has_detail = detail != NULL && *detail != '\0';
	if (cli_json)
		print_failure_json(command, what, status, detail);
	fprintf(stderr, "souk %s: %s: %s (%s)%s%s\n", command, what, souk_status_text(status),
		souk_status_name(status), has_detail ? ": " : "", has_detail ? detail : "");
	return EXIT_REFUSED;
}

int cli_fail_ledger(const char *command, const char *what, souk_status status,
	const struct souk_chain_client *client)
{
	int code = cli_fail(command, what, status, souk_chain_detail(client));
	if (status == SOUK_IO_NET || status == SOUK_IO_TIMEOUT)
		fprintf(stderr,
			"No ledger answers at %s. Start one with soukd, or name another with "
			"--ledger URL.\n",
			souk_chain_url(client));
	return code;
}

/* Jansson's integers are signed, ours are not: one that is printed with a minus sign is an amount
 * or a count above 2^63. Numbers in texts are left alone, and so is the exponent of a real. */
static void print_unsigned(const char *text)
{
	bool in_text = false;
	for (const char *c = text; *c != '\0'; c++) {
		bool starts = !in_text && *c == '-' && c > text && strchr(":[,", c[-1]) != NULL;
		if (*c == '"')
			in_text = !in_text;
		if (in_text && *c == '\\')
			putchar(*c++);
		char *end;
		long long value = starts ? strtoll(c, &end, 10) : 0;
		if (starts && strchr(".eE", *end) == NULL) {
			printf("%llu", (unsigned long long)value);
			c = end - 1;
		} else {
			putchar(*c);
		}
	}
	putchar('\n');
}

void cli_print_json(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (text != NULL)
		print_unsigned(text);
	free(text);
}

const char *cli_address_text(const struct souk_address *address)
{
	char *text = text_slot();
	text[0] = '0';
	text[1] = 'x';
	souk_hex_encode(text + 2, address->bytes, SOUK_ADDRESS_SIZE);
	return text;
}

const char *cli_hash_text(const struct souk_hash *hash)
{
	char *text = text_slot();
	souk_hex_encode(text, hash->bytes, SOUK_HASH_SIZE);
	return text;
}

const char *cli_amount_text(struct souk_amount amount)
{
	char *text = text_slot();
	souk_amount_format(text, amount);
	return text;
}

const char *cli_size_text(uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	char *text = text_slot();
	double value = (double)bytes;
	size_t unit = 0;
	for (; value >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
		value /= 1024;
	snprintf(text, 64, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
	return text;
}

const char *cli_date_text(struct souk_time time)
{
	char *text = text_slot();
	struct tm parts;
	time_t seconds = (time_t)(time.ms / 1000);
	if (gmtime_r(&seconds, &parts) == NULL || strftime(text, 64, "%F %T UTC", &parts) == 0)
		return "?";
	return text;
}

struct souk_time cli_now(void)
{
	return souk_clock_now(souk_clock_real());
}

int cli_run_subcommand(const char *command, const struct cli_subcommand *subcommands, size_t count,
	int argc, char **argv)
{
	bool wants_help =
		argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
	for (size_t i = 0; argc > 0 && i < count; i++) {
		if (strcmp(argv[0], subcommands[i].name) == 0)
			return subcommands[i].run(argc - 1, argv + 1);
	}
	FILE *out = wants_help ? stdout : stderr;
	if (argc > 0 && !wants_help)
		fprintf(out, "souk %s: no command %s\n", command, argv[0]);
	fprintf(out, "usage: souk %s COMMAND [options]\n\n", command);
	for (size_t i = 0; i < count; i++)
		fprintf(out, "  %-10s %s\n", subcommands[i].name, subcommands[i].summary);
	return wants_help ? 0 : EXIT_USAGE;
}
