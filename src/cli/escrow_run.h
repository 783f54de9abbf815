/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow_run.h - what the files of souk escrow share.
 *
 *   cmd_escrow.c          open, show, top-up, close, withdraw
 *   cmd_escrow_allot.c    allot, stand
 *   cmd_escrow_issuer.c   issuer keys
 *   cmd_escrow_settle.c   receipts */
#ifndef SOUK_CLI_ESCROW_RUN_H
#define SOUK_CLI_ESCROW_RUN_H

#include "cli.h"
#include "../client/escrow_line.h"

/* Which of the account's escrows. */
extern uint64_t escrow_number;

#define ESCROW_OPTION_NUMBER                                                                       \
	{                                                                                          \
		"number", "N", "which of your escrows (0)", OPTION_U64, &escrow_number             \
	}

/* What every subcommand needs, and what it ends with. */
struct escrow_run {
	const char *command;
	struct souk_identity identity;
	struct souk_chain_client *client;
	struct souk_ledger_status ledger;
	struct souk_hash id;
};

/* False where it failed, and said why. */
bool escrow_start(struct escrow_run *run, const char *command);
int escrow_finish(struct escrow_run *run, int code);
/* Submit BODY, say what became of it, and finish. */
int escrow_submit(struct escrow_run *run, const struct souk_tx_body *body, const char *done);

int escrow_cmd_allot(int argc, char **argv);
int escrow_cmd_stand(int argc, char **argv);
int escrow_cmd_issuer(int argc, char **argv);
int escrow_cmd_settle(int argc, char **argv);

#endif
