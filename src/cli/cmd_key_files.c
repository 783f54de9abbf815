/* SPDX-License-Identifier: Apache-2.0
 *
 * key export, import, backup, restore: keys as files. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../client/vault_json.h"
#include "key.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

#define EXPORT_ENV "SOUK_EXPORT_PASSPHRASE"

static const char *export_passphrase_file;
static const char *new_passphrase_file;
static bool is_raw, exportable;
static uint64_t version_wanted;

#define EXPORT_PASSPHRASE_OPTION                                                                   \
	{                                                                                          \
		"export-passphrase-file", "FILE", "the file's passphrase (" EXPORT_ENV ")",        \
			OPTION_TEXT, &export_passphrase_file                                       \
	}

/* Large: not on the stack; secret: wiped. */
static struct buffers {
	struct souk_vault_export file;
	struct souk_vault_export_key key;
	uint8_t bytes[SOUK_VAULT_EXPORT_SIZE_MAX];
	uint8_t scratch[SOUK_VAULT_EXPORT_SCRATCH];
} buffers;

struct task {
	const char *label;
	struct souk_vault_master master;
	uint8_t raw[32];
	struct souk_vault_key key;
};

static int parse(const struct command_spec *command, int argc, char **argv, int *ret_count)
{
	enum parse_outcome outcome = options_parse(command, argc, argv, ret_count);
	return outcome == PARSE_GO ? -1 : outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
}

static int no_passphrase(const char *command, souk_status status)
{
	return cli_fail(command, "the file's passphrase", status,
		"give --export-passphrase-file FILE, or set " EXPORT_ENV);
}

/* ---- export ---- */

static souk_status do_export(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	if (is_raw)
		return souk_vault_export_raw(
			vault, task->label, (uint32_t)version_wanted, task->raw);
	return souk_vault_export(vault, task->label, &task->master, &buffers.key, &buffers.file);
}

/* To FILE, which is new and private, or to standard output. */
static souk_status put_out(const char *file, struct souk_bytes data)
{
	if (file != NULL && strcmp(file, "-") != 0)
		return souk_file_write_new(file, data);
	return fwrite(data.data, 1, data.size, stdout) == data.size ? SOUK_OK : SOUK_IO_WRITE;
}

static souk_status write_export(const char *file, const struct task *task)
{
	char hex[2 * sizeof task->raw + 1];
	struct souk_writer writer;
	struct souk_bytes written;
	if (is_raw) {
		souk_hex_encode(hex, task->raw, sizeof task->raw);
		hex[2 * sizeof task->raw] = '\n';
		souk_status status = put_out(file, souk_bytes_of(hex, sizeof hex));
		souk_bytes_wipe(hex, sizeof hex);
		return status;
	}
	souk_writer_init(&writer, buffers.bytes, sizeof buffers.bytes);
	souk_vault_export_encode(&writer, &buffers.file);
	SOUK_CHECK(souk_writer_finish(&writer, &written) == SOUK_OK);
	return put_out(file, written);
}

int key_cmd_export(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"raw", NULL, "one version's secret, unencrypted: 64 hex digits", OPTION_FLAG,
			&is_raw},
		{"version", "N", "with --raw: which (the newest)", OPTION_U64, &version_wanted},
		EXPORT_PASSPHRASE_OPTION,
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key export",
		.arguments = "LABEL [FILE]",
		.summary = "Take a key out of the vault, encrypted under a passphrase of its own.",
		.details =
			"All its versions and limits, to FILE or standard output. Only a key that "
			"was made\n"
			"--exportable. With --raw: the 32 bytes as umbral-pre's SecretKey has "
			"them, for all to read.",
		.examples = "  souk key export ci ci.key --export-passphrase-file pass.txt\n"
			    "  souk key export ci --raw",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 2};
	struct task task = {.label = NULL};
	int count;
	int code = parse(&command, argc, argv, &count);
	if (code >= 0)
		return code;
	task.label = argv[0];
	souk_status status = is_raw ? SOUK_OK
				    : vault_passphrase_master(&task.master, NULL,
					      export_passphrase_file, EXPORT_ENV);
	if (status != SOUK_OK)
		return no_passphrase(command.name, status);
	struct vault_home *home = key_open(command.name, false);
	if (home == NULL)
		return EXIT_REFUSED;
	status = key_run(home, do_export, &task);
	if (status == SOUK_OK)
		status = write_export(count > 1 ? argv[1] : NULL, &task);
	souk_bytes_wipe(task.raw, sizeof task.raw);
	souk_bytes_wipe(&task.master, sizeof task.master);
	if (status != SOUK_OK)
		return key_fail(command.name, argv[0], status, home);
	vault_home_close(home);
	return 0;
}

/* ---- import ---- */

static souk_status do_import(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	const struct souk_vault_limits limits = {.exportable = exportable};
	if (is_raw)
		return souk_vault_import_raw(vault, task->label, &limits, task->raw, &task->key);
	return souk_vault_import(vault, task->label, &buffers.file, &task->master, &buffers.key,
		buffers.scratch, &task->key);
}

static int read_import(const char *command, const char *file, struct task *task)
{
	char *data;
	size_t size;
	if (!key_read_data(command, file, sizeof buffers.bytes, &data, &size))
		return EXIT_REFUSED;
	souk_status status;
	if (is_raw)
		status = souk_hex_decode_secret(
			task->raw, sizeof task->raw, souk_bytes_of(data, size));
	else
		status = souk_vault_export_decode(&buffers.file, souk_bytes_of(data, size), NULL);
	souk_bytes_wipe(data, size);
	free(data);
	if (status != SOUK_OK)
		return cli_fail(command, file != NULL ? file : "standard input", status,
			is_raw ? "--raw reads 64 hex digits"
			       : "not a file of souk key export; a raw secret needs --raw");
	if (is_raw)
		return 0;
	status = vault_passphrase_master(
		&task->master, &buffers.file.kdf, export_passphrase_file, EXPORT_ENV);
	return status == SOUK_OK ? 0 : no_passphrase(command, status);
}

int key_cmd_import(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"raw", NULL, "a secret of 64 hex digits, as umbral-pre has it", OPTION_FLAG,
			&is_raw},
		{"exportable", NULL, "with --raw: it may leave the vault again", OPTION_FLAG,
			&exportable},
		EXPORT_PASSPHRASE_OPTION,
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key import",
		.arguments = "LABEL [FILE]",
		.summary = "Put a key that was exported into the vault, under a new label.",
		.details = "Reads FILE or standard input. Versions, limits and counted uses come "
			   "along.",
		.examples = "  souk key import ci ci.key --export-passphrase-file pass.txt\n"
			    "  souk key import old --raw < secret.hex",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 2};
	struct task task = {.label = NULL};
	int count;
	int code = parse(&command, argc, argv, &count);
	if (code >= 0)
		return code;
	task.label = argv[0];
	code = read_import(command.name, count > 1 ? argv[1] : NULL, &task);
	struct vault_home *home = code == 0 ? key_open(command.name, true) : NULL;
	if (home == NULL)
		return code != 0 ? code : EXIT_REFUSED;
	souk_status status = key_run(home, do_import, &task);
	souk_bytes_wipe(task.raw, sizeof task.raw);
	souk_bytes_wipe(&task.master, sizeof task.master);
	if (status == SOUK_LOCAL_VAULT_LOCKED) {
		vault_home_close(home);
		return cli_fail(command.name, argv[0], status, "the passphrase is not the file's");
	}
	if (status != SOUK_OK)
		return key_fail(command.name, argv[0], status, home);
	vault_home_close(home);
	if (cli_json)
		cli_print_json(vault_key_json(&task.key, cli_now()));
	else
		printf("label     %s\nversions  %" PRIu32 "\n", task.key.label.text,
			task.key.newest);
	return 0;
}

/* ---- backup, restore ---- */

static int print_records(const char *file, uint64_t records)
{
	if (cli_json)
		cli_print_json(
			json_pack("{s:s, s:I}", "file", file, "records", (json_int_t)records));
	else
		printf("file      %s\nrecords   %" PRIu64 "\n", file, records);
	return 0;
}

int key_cmd_backup(int argc, char **argv)
{
	static const struct option_spec options[] = {
		EXPORT_PASSPHRASE_OPTION, KEY_PASSPHRASE_OPTION};
	static const struct command_spec command = {.name = "key backup",
		.arguments = "FILE",
		.summary = "Write all of the vault into a new file, under a passphrase of its own.",
		.details = "Keys, policies and the log, also keys that are not exportable. Keep "
			   "it with a copy of\nHOME/identity.key.",
		.examples = "  souk key backup vault-2026-11.backup --export-passphrase-file "
			    "pass.txt",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 1};
	struct souk_vault_master master;
	uint64_t records = 0;
	int count;
	int code = parse(&command, argc, argv, &count);
	if (code >= 0)
		return code;
	souk_status status =
		vault_passphrase_master(&master, NULL, export_passphrase_file, EXPORT_ENV);
	if (status != SOUK_OK)
		return no_passphrase(command.name, status);
	struct vault_home *home = key_open(command.name, false);
	if (home == NULL)
		return EXIT_REFUSED;
	status = vault_home_write_backup(home, argv[0], &master, &records);
	souk_bytes_wipe(&master, sizeof master);
	if (status != SOUK_OK) {
		vault_home_close(home);
		return cli_fail(command.name, argv[0], status,
			status == SOUK_LOCAL_EXISTS ? "name a new file" : NULL);
	}
	vault_home_close(home);
	return print_records(argv[0], records);
}

int key_cmd_restore(int argc, char **argv)
{
	static const struct option_spec options[] = {
		EXPORT_PASSPHRASE_OPTION, KEY_PASSPHRASE_OPTION};
	static const struct command_spec command = {.name = "key restore",
		.arguments = "FILE",
		.summary = "Make this home's vault from a backup.",
		.details =
			"The home must have no vault. With the identity of the backup its log goes "
			"on; with\n"
			"another one a new log begins, which names the old one's root. Uses that "
			"were counted\n"
			"after the backup are forgotten, and the ledger's anchor shows it.",
		.examples = "  souk key restore vault-2026-11.backup --export-passphrase-file "
			    "pass.txt",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 1};
	struct souk_identity identity;
	uint64_t records = 0;
	char actor[SOUK_VAULT_ACTOR_MAX + 1];
	int count;
	int code = parse(&command, argc, argv, &count);
	if (code >= 0)
		return code;
	if (!cli_load_identity(&identity))
		return EXIT_REFUSED;
	snprintf(actor, sizeof actor, "cli:%u", (unsigned)getuid());
	const struct vault_home_config config = {.home = cli_home_path(),
		.passphrase_file = key_passphrase_file,
		.identity = &identity,
		.actor = actor};
	souk_status status =
		vault_home_restore(&config, argv[0], export_passphrase_file, EXPORT_ENV, &records);
	souk_bytes_wipe(&identity, sizeof identity);
	if (status == SOUK_OK)
		return print_records(argv[0], records);
	return cli_fail(command.name, argv[0], status,
		status == SOUK_LOCAL_EXISTS ? "this home has a vault: restore into another "
					      "one (--home DIR)"
		: status == SOUK_LOCAL_VAULT_LOCKED
			? "the passphrase is not the backup's: "
			  "--export-passphrase-file FILE, or " EXPORT_ENV
		: status == SOUK_PEER_BAD_REQUEST ? "not a whole backup, or an altered one; "
						    "nothing was restored"
						  : NULL);
}

/* ---- reseal ---- */

int key_cmd_reseal(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"new-passphrase-file", "FILE",
			"what opens it from now on, in its first line (HOME/vault.secret)",
			OPTION_TEXT, &new_passphrase_file},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key reseal",
		.arguments = "",
		.summary = "Have the vault open with another passphrase, or with none.",
		.details = "The keys stay as they are. A copy of the vault from before opens as "
			   "before. A soukd\n"
			   "that runs goes on; tell it the new file before it starts again.",
		.examples =
			"  souk key reseal --new-passphrase-file new.txt --passphrase-file old.txt",
		.options = options,
		.option_count = SOUK_COUNT_OF(options)};
	int count;
	int code = parse(&command, argc, argv, &count);
	if (code >= 0)
		return code;
	struct vault_home *home = key_open(command.name, false);
	if (home == NULL)
		return EXIT_REFUSED;
	souk_status status = vault_home_reseal(home, new_passphrase_file);
	vault_home_close(home);
	if (status != SOUK_OK)
		return cli_fail(command.name,
			new_passphrase_file != NULL ? new_passphrase_file
						    : cli_home_file("vault.secret"),
			status,
			status == SOUK_LOCAL_NOT_FOUND ? "its first line is the passphrase" : NULL);
	if (cli_json)
		cli_print_json(json_pack("{s:b}", "passphrase", new_passphrase_file != NULL));
	else
		printf("opens     with %s\n", new_passphrase_file != NULL
						      ? "the passphrase"
						      : cli_home_file("vault.secret"));
	return 0;
}
