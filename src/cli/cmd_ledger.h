/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_ledger.h - souk ledger, between its files. */
#ifndef SOUK_CLI_CMD_LEDGER_H
#define SOUK_CLI_CMD_LEDGER_H

#include "../client/chain_client.h"

int ledger_log(int argc, char **argv);
int ledger_export(int argc, char **argv);
int ledger_verify(int argc, char **argv);
int ledger_snapshot(int argc, char **argv);
int ledger_prune(int argc, char **argv);
int ledger_check(int argc, char **argv);

/* What befell an account, newest first: `souk ledger show --account`. */
souk_status ledger_print_history(struct souk_chain_client *client, const char *account);
/* ACCOUNT_JSON, what the ledger says of the account, with a member "history" more. */
souk_status ledger_print_history_json(
	struct souk_chain_client *client, const char *account, const char *account_json);

/* "claim", "transfer", ... */
const char *ledger_kind_text(unsigned kind);

#endif
