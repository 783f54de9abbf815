/* SPDX-License-Identifier: Apache-2.0
 *
 * key: the keys of this home's vault. Made, listed, limited, deleted. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../client/vault_json.h"
#include "key.h"
#include "key_policy.h"
#include "souk/base/check.h"

#define UNSET UINT64_MAX
/* Versions that souk key show lists. */
#define VERSIONS_SHOWN 32u

static uint64_t life_ms = UNSET, uses = UNSET, rate = UNSET, per_ms = 1000, grace_ms = UNSET;
static uint64_t unwrap_min;
static bool exportable, not_exportable, is_protected, early, shows_deleted;

#define LIMIT_OPTIONS                                                                              \
	{"expires", "TIME", "how long it may be used from now on; 0s: no end", OPTION_DURATION,    \
		&life_ms},                                                                         \
		{"uses", "N", "how often it may unwrap and sign; 0: no limit", OPTION_U64, &uses}, \
		{"rate", "N", "uses in --per at most; 0: no limit", OPTION_U64, &rate},            \
		{"per", "TIME", "of --rate (1s)", OPTION_DURATION, &per_ms},                       \
		{"grace", "TIME", "from its deletion to its purge (30d)", OPTION_DURATION,         \
			&grace_ms},                                                                \
	{                                                                                          \
		"protected", NULL, "never purged before that, whoever asks", OPTION_FLAG,          \
			&is_protected                                                              \
	}

/* What of the command line is to be done, and what came of it. */
struct task {
	const char *label;
	struct souk_vault_limits limits;
	struct souk_vault_key key;
	json_t *versions;
};

static void read_limits(struct souk_vault_limits *limits)
{
	if (life_ms != UNSET)
		limits->expires =
			life_ms == 0 ? souk_time_at_ms(0) : souk_time_plus_ms(cli_now(), life_ms);
	if (uses != UNSET)
		limits->uses_max = uses;
	if (rate != UNSET) {
		limits->rate = rate > UINT32_MAX ? UINT32_MAX : (uint32_t)rate;
		limits->rate_ms = rate == 0 ? 0 : per_ms;
	}
	if (grace_ms != UNSET)
		limits->grace_ms = grace_ms;
	limits->protected = limits->protected || is_protected;
	limits->exportable = (limits->exportable || exportable) && !not_exportable;
}

/* ---- printed ---- */

static const char *limit_text(uint64_t value, uint64_t limit, char out[48])
{
	if (limit == 0)
		snprintf(out, 48, "%" PRIu64, value);
	else
		snprintf(out, 48, "%" PRIu64 " of %" PRIu64, value, limit);
	return out;
}

static void print_limits(const struct souk_vault_key *key)
{
	char text[48];
	printf("uses      %s\n", limit_text(key->uses, key->uses_max, text));
	if (key->rate != 0)
		printf("rate      %" PRIu32 " in %" PRIu64 " ms\n", key->rate, key->rate_ms);
	if (key->expires.ms != 0)
		printf("expires   %s\n", cli_date_text(key->expires));
	if (key->deleted.ms != 0)
		printf("deleted   %s; purged from %s on\n", cli_date_text(key->deleted),
			cli_date_text(souk_time_plus_ms(key->deleted, key->grace_ms)));
	if (key->exportable || key->protected)
		printf("%s%s%s\n", key->exportable ? "exportable" : "",
			key->exportable && key->protected ? ", " : "",
			key->protected ? "protected" : "");
}

static void print_versions(const json_t *versions)
{
	size_t index;
	json_t *row;
	json_array_foreach(versions, index, row)
	{
		printf("version   %-4" PRIu64 "  %s  %s\n",
			(uint64_t)json_integer_value(json_object_get(row, "version")),
			json_string_value(json_object_get(row, "point")),
			cli_date_text(souk_time_at_ms(
				(uint64_t)json_integer_value(json_object_get(row, "created_ms")))));
	}
}

/* Whatever was done: how the key stands now. */
static int print_key(struct task *task)
{
	const struct souk_vault_key *key = &task->key;
	if (cli_json) {
		json_t *json = vault_key_json(key, cli_now());
		json_object_set_new(json, "versions", task->versions);
		cli_print_json(json);
		return 0;
	}
	printf("label     %s\nstate     %s\n", key->label.text, vault_key_state(key, cli_now()));
	print_limits(key);
	if (key->unwrap_min > 1)
		printf("retired   below version %" PRIu32 "\n", key->unwrap_min);
	print_versions(task->versions);
	json_decref(task->versions);
	return 0;
}

static souk_status with_versions(const struct souk_vault *vault, struct task *task)
{
	return vault_versions_json(vault, &task->key, VERSIONS_SHOWN, &task->versions);
}

/* ---- run ---- */

/* Parse, open, do, print: what most have in common. */
static int run_one(const struct command_spec *command, int argc, char **argv,
	key_operation *operation, bool makes, bool reads)
{
	struct task task = {.versions = NULL};
	int count;
	enum parse_outcome outcome = options_parse(command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	task.label = argv[0];
	if (!souk_vault_label_is_valid(task.label)) {
		cli_fail(command->name, task.label, SOUK_PEER_BAD_REQUEST,
			"a label has 1 to 64 of a-z 0-9 - . _ and /, such as payroll/2026");
		return EXIT_USAGE;
	}
	struct vault_home *home = key_open(command->name, makes);
	if (home == NULL)
		return EXIT_REFUSED;
	souk_status status =
		reads ? key_read(home, operation, &task) : key_run(home, operation, &task);
	if (status != SOUK_OK) {
		json_decref(task.versions);
		return key_fail(command->name, task.label, status, home);
	}
	vault_home_close(home);
	return print_key(&task);
}

static souk_status do_create(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	read_limits(&task->limits);
	SOUK_TRY(souk_vault_create(vault, task->label, &task->limits, &task->key));
	return with_versions(vault, task);
}

static int key_create(int argc, char **argv)
{
	static const struct option_spec options[] = {
		LIMIT_OPTIONS,
		{"exportable", NULL, "it may leave the vault (souk key export)", OPTION_FLAG,
			&exportable},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key create",
		.arguments = "LABEL",
		.summary = "Make a key, and the home's vault with the first one.",
		.details = "A key wraps and unwraps small secrets (Umbral) and signs (ECDSA, "
			   "secp256k1). A new\n"
			   "vault opens with HOME/vault.secret; or with a passphrase, where one is "
			   "given here or\n"
			   "in SOUK_VAULT_PASSPHRASE.",
		.examples = "  souk key create payroll/2026\n"
			    "  souk key create backups --expires 365d --rate 10 --per 1m\n"
			    "  souk key create ci --uses 1000 --exportable",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 1};
	return run_one(&command, argc, argv, do_create, true, false);
}

static souk_status do_show(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	SOUK_TRY(souk_vault_show(vault, task->label, &task->key));
	return with_versions(vault, task);
}

static int key_show(int argc, char **argv)
{
	static const struct option_spec options[] = {KEY_PASSPHRASE_OPTION};
	static const struct command_spec command = {.name = "key show",
		.arguments = "LABEL",
		.summary = "Show a key: state, limits, and the public point of each version.",
		.examples = "  souk key show payroll/2026 --json",
		.options = options,
		.option_count = 1,
		.arguments_min = 1,
		.arguments_max = 1};
	return run_one(&command, argc, argv, do_show, false, true);
}

static souk_status do_rotate(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	SOUK_TRY(souk_vault_rotate(vault, task->label, &task->key));
	return with_versions(vault, task);
}

static int key_rotate(int argc, char **argv)
{
	static const struct option_spec options[] = {KEY_PASSPHRASE_OPTION};
	static const struct command_spec command = {.name = "key rotate",
		.arguments = "LABEL",
		.summary = "Give a key a new version, which wraps and signs from now on.",
		.details = "Old versions still unwrap, until souk key set --unwrap-min retires "
			   "them.\n"
			   "souk key rewrap moves what was wrapped before to the new one.",
		.examples = "  souk key rotate payroll/2026",
		.options = options,
		.option_count = 1,
		.arguments_min = 1,
		.arguments_max = 1};
	return run_one(&command, argc, argv, do_rotate, false, false);
}

static souk_status do_set(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	SOUK_TRY(souk_vault_show(vault, task->label, &task->key));
	const struct souk_vault_key *key = &task->key;
	task->limits = (struct souk_vault_limits){.expires = key->expires,
		.uses_max = key->uses_max,
		.rate = key->rate,
		.rate_ms = key->rate_ms,
		.grace_ms = key->grace_ms,
		.exportable = key->exportable,
		.protected = key->protected};
	read_limits(&task->limits);
	uint32_t least = unwrap_min > UINT32_MAX ? UINT32_MAX : (uint32_t)unwrap_min;
	SOUK_TRY(souk_vault_configure(vault, task->label, &task->limits, least, &task->key));
	return with_versions(vault, task);
}

static int key_set(int argc, char **argv)
{
	static const struct option_spec options[] = {
		LIMIT_OPTIONS,
		{"not-exportable", NULL, "it never leaves the vault from now on", OPTION_FLAG,
			&not_exportable},
		{"unwrap-min", "N", "versions below N unwrap no more", OPTION_U64, &unwrap_min},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key set",
		.arguments = "LABEL",
		.summary = "Change what a key may be used for.",
		.details = "Only what is named is changed. Some things go one way: a key never "
			   "becomes exportable\n"
			   "later, and never less protected. Uses that were counted stay counted.",
		.examples = "  souk key set payroll/2026 --expires 90d\n"
			    "  souk key set payroll/2026 --unwrap-min 3",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 1};
	return run_one(&command, argc, argv, do_set, false, false);
}

static souk_status do_delete(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	SOUK_TRY(souk_vault_delete(vault, task->label, &task->key));
	return with_versions(vault, task);
}

static int key_delete(int argc, char **argv)
{
	static const struct option_spec options[] = {KEY_PASSPHRASE_OPTION};
	static const struct command_spec command = {.name = "key delete",
		.arguments = "LABEL",
		.summary = "Delete a key softly: it does nothing, until it is recovered or purged.",
		.examples = "  souk key delete payroll/2026",
		.options = options,
		.option_count = 1,
		.arguments_min = 1,
		.arguments_max = 1};
	return run_one(&command, argc, argv, do_delete, false, false);
}

static souk_status do_recover(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	SOUK_TRY(souk_vault_recover(vault, task->label, &task->key));
	return with_versions(vault, task);
}

static int key_recover(int argc, char **argv)
{
	static const struct option_spec options[] = {KEY_PASSPHRASE_OPTION};
	static const struct command_spec command = {.name = "key recover",
		.arguments = "LABEL",
		.summary = "Bring a deleted key back.",
		.examples = "  souk key recover payroll/2026",
		.options = options,
		.option_count = 1,
		.arguments_min = 1,
		.arguments_max = 1};
	return run_one(&command, argc, argv, do_recover, false, false);
}

/* How it stood last is what is printed. */
static souk_status do_purge(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	souk_status status = souk_vault_show(vault, task->label, &task->key);
	if (status == SOUK_OK)
		SOUK_TRY(with_versions(vault, task));
	return souk_vault_purge(vault, task->label, early);
}

static int key_purge(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"now", NULL, "also before its grace period is over, unless it is protected",
			OPTION_FLAG, &early},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key purge",
		.arguments = "LABEL",
		.summary = "Forget a deleted key for good: what it wrapped cannot be read again.",
		.examples = "  souk key purge payroll/2026",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 1};
	return run_one(&command, argc, argv, do_purge, false, false);
}

/* ---- list ---- */

struct listing {
	json_t *json;
	struct cli_table *table;
};

static void list_key(const struct listing *listing, const struct souk_vault_key *key)
{
	char version[16], count[48];
	if (key->deleted.ms != 0 && !shows_deleted)
		return;
	if (cli_json) {
		json_array_append_new(listing->json, vault_key_json(key, cli_now()));
		return;
	}
	snprintf(version, sizeof version, "%" PRIu32, key->newest);
	cli_table_add(listing->table,
		(const char *const[]){key->label.text, vault_key_state(key, cli_now()), version,
			limit_text(key->uses, key->uses_max, count),
			key->expires.ms != 0 ? cli_date_text(key->expires) : "never"});
}

static souk_status list_all(const struct souk_vault *vault, void *ctx)
{
	struct souk_vault_key key = {.newest = 0};
	souk_status status;
	while ((status = souk_vault_next(vault, key.label.text, &key)) == SOUK_OK)
		list_key(ctx, &key);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

static int key_list(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"deleted", NULL, "also those that are deleted and not purged", OPTION_FLAG,
			&shows_deleted},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key list",
		.arguments = "",
		.summary = "List the keys of this home's vault.",
		.examples = "  souk key list --deleted\n  souk key list --json",
		.options = options,
		.option_count = SOUK_COUNT_OF(options)};
	static const char *const headings[] = {"label", "state", "version", "uses", "expires"};
	static const bool is_number[] = {false, false, true, true, false};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	struct vault_home *home = key_open(command.name, false);
	if (home == NULL)
		return EXIT_REFUSED;
	struct listing listing = {.json = cli_json ? json_array() : NULL,
		.table = cli_json ? NULL : cli_table_new(5, headings, is_number)};
	souk_status status = key_read(home, list_all, &listing);
	if (status != SOUK_OK)
		return key_fail(command.name, cli_home_file("vault.mdb"), status, home);
	vault_home_close(home);
	if (cli_json)
		cli_print_json(json_pack("{s:o}", "keys", listing.json));
	else
		cli_table_print(listing.table);
	return 0;
}

int cmd_key(int argc, char **argv)
{
	static const struct cli_subcommand subcommands[] = {
		{"create", key_create, "make a key"},
		{"list", key_list, "list the keys"},
		{"show", key_show, "show one: limits, versions"},
		{"set", key_set, "change what it may be used for"},
		{"rotate", key_rotate, "give it a new version"},
		{"wrap", key_cmd_wrap, "encrypt a small secret to a key"},
		{"unwrap", key_cmd_unwrap, "decrypt it"},
		{"rewrap", key_cmd_rewrap, "encrypt it to the newest version, or for a policy"},
		{"sign", key_cmd_sign, "sign a message"},
		{"verify", key_cmd_verify, "check a signature"},
		{"grant", key_policy_grant, "let somebody open what is wrapped for a policy"},
		{"retrieve", key_policy_retrieve, "have proxies help to open it"},
		{"revoke", key_policy_revoke, "end a policy"},
		{"check", key_policy_check, "audit the proxies"},
		{"delete", key_delete, "delete a key softly"},
		{"recover", key_recover, "bring it back"},
		{"purge", key_purge, "forget it for good"},
		{"audit", key_cmd_audit, "show, check, anchor and prove what was done"},
		{"export", key_cmd_export, "take a key out of the vault"},
		{"import", key_cmd_import, "put one in"},
		{"backup", key_cmd_backup, "write all of the vault into a file"},
		{"reseal", key_cmd_reseal, "change what opens the vault"},
		{"restore", key_cmd_restore, "make a vault from such a file"},
	};
	return cli_run_subcommand("key", subcommands, SOUK_COUNT_OF(subcommands), argc, argv);
}
