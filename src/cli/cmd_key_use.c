/* SPDX-License-Identifier: Apache-2.0
 *
 * key wrap, unwrap, rewrap, sign, verify: what keys do, from standard input to standard output. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/vault_json.h"
#include "key.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/io/entropy_real.h"

#define MESSAGE_MAX (1u << 30)

static const char *point_text, *digest_text, *policy_text;
static bool any_key, recoverable;
static uint64_t version_wanted;

/* Large: not on the stack; secret: wiped. */
static struct buffers {
	char text[SOUK_VAULT_WRAP_SIZE_MAX];
	uint8_t scratch[SOUK_VAULT_WRAP_BINARY + SOUK_VAULT_PLAIN_MAX];
	uint8_t plain[SOUK_VAULT_PLAIN_MAX];
} buffers;

struct task {
	const char *label;
	struct souk_bytes plain;
	struct souk_vault_wrap wrap;
	struct souk_nonce policy;
	struct souk_hash digest;
	struct souk_vault_signature signature;
	struct souk_ecdsa_rs rs;
	uint32_t number;
};

static int parse(const struct command_spec *command, int argc, char **argv, int *ret_count)
{
	enum parse_outcome outcome = options_parse(command, argc, argv, ret_count);
	return outcome == PARSE_GO ? -1 : outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
}

static key_operation do_verify;

/* Run OPERATION on the home's vault; 0 where it was done, else it has said why. */
static int in_vault(const char *command, const char *what, key_operation *operation, void *ctx)
{
	struct vault_home *home = key_open(command, false);
	if (home == NULL)
		return EXIT_REFUSED;
	souk_status status = operation == do_verify ? key_read(home, operation, ctx)
						    : key_run(home, operation, ctx);
	if (status != SOUK_OK)
		return key_fail(command, what, status, home);
	vault_home_close(home);
	return 0;
}

static void print_wrapped(void)
{
	if (cli_json)
		cli_print_json(json_pack("{s:s}", "wrapped", buffers.text));
	else
		printf("%s\n", buffers.text);
}

/* ---- wrap ---- */

static souk_status do_wrap(const struct souk_vault *vault, void *ctx)
{
	const struct task *task = ctx;
	return souk_vault_wrap_text(vault, task->label, task->plain, buffers.text);
}

/* To a point, with no vault and no home. */
static int wrap_for_point(const char *command, struct souk_bytes plain)
{
	uint8_t bytes[SOUK_PUBKEY_SIZE], seed[32];
	struct souk_point point;
	struct souk_secret_rng rng;
	souk_status status = strlen(point_text) == 2 * sizeof bytes
				     ? souk_hex_decode(bytes, sizeof bytes, point_text)
				     : SOUK_PEER_BAD_HEX;
	if (status == SOUK_OK)
		status = souk_point_parse(&point, bytes);
	if (status == SOUK_OK)
		status = souk_entropy_fill(souk_entropy_real(), seed, sizeof seed);
	if (status != SOUK_OK)
		return cli_fail(command, point_text, status,
			"--to takes a public point of 66 hex digits (souk key show), and "
			"--version its number");
	souk_secret_rng_init(&rng, seed);
	status = souk_vault_wrap_for(buffers.text, &point, (uint32_t)version_wanted, plain, &rng);
	souk_bytes_wipe(seed, sizeof seed);
	souk_bytes_wipe(&rng, sizeof rng);
	return status == SOUK_OK ? 0 : cli_fail(command, "wrap", status, vault_advice(status));
}

int key_cmd_wrap(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"to", "POINT", "instead of LABEL: a public point, of whoever's key", OPTION_TEXT,
			&point_text},
		{"version", "N", "with --to: which version of that key it is (1)", OPTION_U64,
			&version_wanted},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key wrap",
		.arguments = "LABEL [FILE]",
		.summary = "Encrypt at most 64 KiB to a key's newest version.",
		.details = "Reads FILE or standard input; prints one line that begins with "
			   "souk-wrap:. Needs only\n"
			   "the public point, so it is no use of the key, and anybody can do it "
			   "with --to.",
		.examples = "  souk key wrap payroll/2026 < secret.txt > secret.wrapped\n"
			    "  echo hello | souk key wrap --to 02ab...ef",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 0,
		.arguments_max = 2};
	struct task task = {.label = NULL};
	char *data;
	size_t size;
	int count;
	version_wanted = 1;
	int code = parse(&command, argc, argv, &count);
	if (code >= 0)
		return code;
	const int skip = point_text != NULL ? 0 : 1;
	if (count < skip || count > skip + 1) {
		fprintf(stderr,
			"souk key wrap: give a LABEL or --to POINT, and one FILE at most\n");
		return EXIT_USAGE;
	}
	if (!key_read_data(command.name, count > skip ? argv[skip] : NULL, SOUK_VAULT_PLAIN_MAX,
		    &data, &size))
		return EXIT_REFUSED;
	task.label = argv[0];
	task.plain = souk_bytes_of(data, size);
	code = skip == 0 ? wrap_for_point(command.name, task.plain)
			 : in_vault(command.name, task.label, do_wrap, &task);
	souk_bytes_wipe(data, size);
	free(data);
	if (code == 0)
		print_wrapped();
	return code;
}

/* ---- unwrap, rewrap ---- */

/* The wrapped text of FILE into TASK; 0, or it has said why not. */
static int read_wrapped(const char *command, const char *file, struct task *task)
{
	char *data;
	size_t size;
	if (!key_read_data(command, file, SOUK_VAULT_WRAP_SIZE_MAX + 64, &data, &size))
		return EXIT_REFUSED;
	souk_status status = souk_vault_wrap_parse(
		&task->wrap, souk_bytes_of(data, size), buffers.scratch, sizeof buffers.scratch);
	free(data);
	if (status == SOUK_OK)
		return 0;
	return cli_fail(command, file != NULL ? file : "standard input", status,
		vault_advice(SOUK_PEER_BAD_WRAP));
}

static souk_status do_unwrap(const struct souk_vault *vault, void *ctx)
{
	const struct task *task = ctx;
	return souk_vault_unwrap(vault, task->label, &task->wrap, buffers.plain);
}

static void print_plain(size_t size)
{
	if (cli_json) {
		char *hex = malloc(2 * size + 1);
		if (hex == NULL)
			return;
		souk_hex_encode(hex, buffers.plain, size);
		cli_print_json(json_pack("{s:s, s:I}", "plain_hex", hex, "size", (json_int_t)size));
		souk_bytes_wipe(hex, 2 * size);
		free(hex);
	} else {
		fwrite(buffers.plain, 1, size, stdout);
	}
}

int key_cmd_unwrap(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"any", NULL, "instead of LABEL: whichever key of the vault it is for", OPTION_FLAG,
			&any_key},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key unwrap",
		.arguments = "LABEL [FILE]",
		.summary = "Decrypt what was wrapped for a key. One use of it.",
		.details = "Reads FILE or standard input, writes the plain bytes to standard "
			   "output.",
		.examples = "  souk key unwrap payroll/2026 secret.wrapped > secret.txt",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 0,
		.arguments_max = 2};
	struct task task = {.label = NULL};
	int count;
	int code = parse(&command, argc, argv, &count);
	if (code >= 0)
		return code;
	const int skip = any_key ? 0 : 1;
	if (count < skip || count > skip + 1) {
		fprintf(stderr, "souk key unwrap: give a LABEL or --any, and one FILE at most\n");
		return EXIT_USAGE;
	}
	task.label = any_key ? NULL : argv[0];
	code = read_wrapped(command.name, count > skip ? argv[skip] : NULL, &task);
	if (code == 0)
		code = in_vault(command.name, any_key ? "unwrap" : argv[0], do_unwrap, &task);
	if (code == 0)
		print_plain(task.wrap.ciphertext.size - SOUK_UMBRAL_CIPHERTEXT_EXTRA);
	souk_bytes_wipe(buffers.plain, sizeof buffers.plain);
	return code;
}

static souk_status do_rewrap(const struct souk_vault *vault, void *ctx)
{
	const struct task *task = ctx;
	return souk_vault_rewrap(vault, task->label, &task->wrap,
		policy_text != NULL ? &task->policy : NULL, buffers.plain, buffers.text);
}

int key_cmd_rewrap(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"policy", "ID", "for the receiver of a policy of this vault", OPTION_TEXT,
			&policy_text},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key rewrap",
		.arguments = "LABEL [FILE]",
		.summary = "Wrap the same secret for the key's newest version, without showing it.",
		.details = "Reads a wrapped text from FILE or standard input, prints a new one. "
			   "One use of the\n"
			   "key. The plain text is in this process's memory only, and wiped.",
		.examples = "  souk key rewrap payroll/2026 secret.wrapped > secret.new",
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
	if (policy_text != NULL && souk_hex_decode(task.policy.bytes, sizeof task.policy.bytes,
					   policy_text) != SOUK_OK) {
		cli_fail(command.name, policy_text, SOUK_PEER_BAD_HEX,
			"a policy's id is 32 hex digits");
		return EXIT_USAGE;
	}
	code = read_wrapped(command.name, count > 1 ? argv[1] : NULL, &task);
	if (code == 0)
		code = in_vault(command.name, task.label, do_rewrap, &task);
	if (code == 0)
		print_wrapped();
	return code;
}

/* ---- sign, verify ---- */

/* --digest, or the SHA-256 of FILE or standard input. */
static int read_digest(const char *command, const char *file, struct souk_hash *ret)
{
	char *data;
	size_t size;
	if (digest_text != NULL) {
		if (strlen(digest_text) == 2 * SOUK_HASH_SIZE &&
			souk_hex_decode(ret->bytes, SOUK_HASH_SIZE, digest_text) == SOUK_OK)
			return 0;
		cli_fail(command, digest_text, SOUK_PEER_BAD_HEX, "--digest takes 64 hex digits");
		return EXIT_USAGE;
	}
	if (!key_read_data(command, file, MESSAGE_MAX, &data, &size))
		return EXIT_REFUSED;
	*ret = souk_sha256_of(data, size);
	free(data);
	return 0;
}

static souk_status do_sign(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	return souk_vault_sign(vault, task->label, &task->digest, &task->signature);
}

static void print_signature(const struct souk_vault_signature *signature)
{
	char hex[2 * SOUK_SIGNATURE_SIZE + 1];
	if (cli_json) {
		cli_print_json(vault_signature_json(signature));
		return;
	}
	souk_hex_encode(hex, signature->recoverable.bytes, SOUK_SIGNATURE_SIZE);
	if (!recoverable)
		hex[2 * sizeof signature->rs.bytes] = '\0';
	printf("%s\n", hex);
}

int key_cmd_sign(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"digest", "HEX", "sign this SHA-256 instead of a message", OPTION_TEXT,
			&digest_text},
		{"recoverable", NULL, "append v, from which the public point can be found",
			OPTION_FLAG, &recoverable},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key sign",
		.arguments = "LABEL [FILE]",
		.summary =
			"Sign FILE or standard input with a key's newest version. One use of it.",
		.details = "ECDSA on secp256k1 over the SHA-256; prints r and s in hexadecimal, s "
			   "being low.",
		.examples = "  souk key sign release build.tar > build.tar.sig\n"
			    "  git rev-parse HEAD | souk key sign release --json",
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
	code = read_digest(command.name, count > 1 ? argv[1] : NULL, &task.digest);
	if (code == 0)
		code = in_vault(command.name, task.label, do_sign, &task);
	if (code == 0)
		print_signature(&task.signature);
	return code;
}

static souk_status do_verify(const struct souk_vault *vault, void *ctx)
{
	struct task *task = ctx;
	return souk_vault_verify(vault, task->label, (uint32_t)version_wanted, &task->digest,
		&task->rs, &task->number);
}

/* R and s in hexadecimal, with or without v. */
static bool parse_signature(const char *text, struct souk_ecdsa_rs *ret)
{
	uint8_t bytes[SOUK_SIGNATURE_SIZE];
	size_t size = strlen(text) / 2;
	if (strlen(text) % 2 != 0 || (size != sizeof ret->bytes && size != sizeof bytes) ||
		souk_hex_decode(bytes, size, text) != SOUK_OK)
		return false;
	memcpy(ret->bytes, bytes, sizeof ret->bytes);
	return true;
}

int key_cmd_verify(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"digest", "HEX", "of the message, instead of the message", OPTION_TEXT,
			&digest_text},
		{"version", "N", "only by this version (any)", OPTION_U64, &version_wanted},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key verify",
		.arguments = "LABEL SIGNATURE [FILE]",
		.summary = "Check a signature over FILE or standard input.",
		.details = "Exit status 0 where it is right, 1 where it is not.",
		.examples = "  souk key verify release \"$(cat build.tar.sig)\" build.tar",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 2,
		.arguments_max = 3};
	struct task task = {.label = NULL};
	int count;
	int code = parse(&command, argc, argv, &count);
	if (code >= 0)
		return code;
	task.label = argv[0];
	if (!parse_signature(argv[1], &task.rs)) {
		cli_fail(command.name, argv[1], SOUK_PEER_BAD_HEX,
			"a signature is 128 hex digits, or 130 with v");
		return EXIT_USAGE;
	}
	code = read_digest(command.name, count > 2 ? argv[2] : NULL, &task.digest);
	if (code == 0)
		code = in_vault(command.name, task.label, do_verify, &task);
	if (code != 0)
		return code;
	if (cli_json)
		cli_print_json(
			json_pack("{s:b, s:I}", "valid", 1, "version", (json_int_t)task.number));
	else
		printf("valid, by version %" PRIu32 "\n", task.number);
	return 0;
}
