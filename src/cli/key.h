/* SPDX-License-Identifier: Apache-2.0
 *
 * key.h - what the subcommands of souk key share: the vault of the home, its data in and out.
 *
 *   cmd_key.c         the table; keys made, listed, limited, deleted
 *   cmd_key_use.c     wrap, unwrap, sign, verify, rewrap
 *   cmd_key_audit.c   the log: shown, checked, anchored, proved
 *   cmd_key_files.c   export, import, backup, restore
 *   cmd_key_policy.c  grant, retrieve, revoke: with proxies (key_policy.h)
 *   cmd_key_check.c   check: audits of proxies */
#ifndef SOUK_CLI_KEY_H
#define SOUK_CLI_KEY_H

#include "../client/vault_home.h"
#include "cli.h"

/* --passphrase-file, of every subcommand. */
extern const char *key_passphrase_file;
#define KEY_PASSPHRASE_OPTION                                                                      \
	{                                                                                          \
		"passphrase-file", "FILE",                                                         \
			"what opens the vault, in its first line (vault.secret)", OPTION_TEXT,     \
			&key_passphrase_file                                                       \
	}

/* The vault of the home: made where there is none, if MAKES. NULL where it does not open; it has
 * said why. */
struct vault_home *key_open(const char *command, bool makes);
/* Say what went wrong with WHAT and what to do; close HOME; EXIT_REFUSED. */
int key_fail(const char *command, const char *what, souk_status status, struct vault_home *home);

/* key_run: OPERATION inside of a transaction.
 * Returns what it returned, or why it could not be committed. */
typedef souk_status key_operation(const struct souk_vault *vault, void *ctx);
SOUK_MUST_CHECK souk_status key_run(struct vault_home *home, key_operation *operation, void *ctx);
SOUK_MUST_CHECK souk_status key_read(struct vault_home *home, key_operation *operation, void *ctx);

/* FILE, or standard input where it is NULL or "-": at most MAX bytes, on the heap; wipe and free.
 * False where it cannot be read, or is longer; it has said so. */
bool key_read_data(const char *command, const char *file, size_t max, char **ret, size_t *ret_size);

int key_cmd_audit(int argc, char **argv);
int key_cmd_backup(int argc, char **argv);
int key_cmd_export(int argc, char **argv);
int key_cmd_import(int argc, char **argv);
int key_cmd_reseal(int argc, char **argv);
int key_cmd_restore(int argc, char **argv);
int key_cmd_rewrap(int argc, char **argv);
int key_cmd_sign(int argc, char **argv);
int key_cmd_unwrap(int argc, char **argv);
int key_cmd_verify(int argc, char **argv);
int key_cmd_wrap(int argc, char **argv);

#endif
