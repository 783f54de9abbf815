/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_ledger.h - souk ledger, between its files. */
#ifndef SOUK_CLI_CMD_LEDGER_H
#define SOUK_CLI_CMD_LEDGER_H

int ledger_log(int argc, char **argv);
int ledger_export(int argc, char **argv);
int ledger_verify(int argc, char **argv);

/* "claim", "transfer", ... */
const char *ledger_kind_text(unsigned kind);

#endif
