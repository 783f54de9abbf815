/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h - what the commands share: the home, the ledger, ways to print. */
#ifndef SOUK_CLI_CLI_H
#define SOUK_CLI_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "options.h"
#include "souk/base/bytes.h"
#include "souk/crypto/ecdsa.h"
#include "../client/chain_client.h"

/* Exit statuses of souk: sysexits.h has none that fit all three. */
#define EXIT_REFUSED 1 /* somebody, or something, said no */
#define EXIT_USAGE   2 /* the command line is wrong */

/* Set by the common options; NULL means: look further. */
extern const char *cli_home;
extern const char *cli_ledger;
extern bool cli_json;

/* The home directory: --home, SOUK_HOME, or ~/.souk. */
const char *cli_home_path(void);
/* HOME/NAME, in one of a few static buffers; for use in one expression or call. */
const char *cli_home_file(const char *name);
/* The ledger's URL: --ledger, SOUK_LEDGER, the home's souk.ini, or the default. */
const char *cli_ledger_url(void);

/* How every souk.ini begins; a format whose one argument is the ledger's URL. */
extern const char cli_config_head[];

/* The home's identity. Prints what to do and returns false where there is none. */
bool cli_load_identity(struct souk_identity *ret);
/* A client of the ledger; never NULL (it exits when memory runs out). */
struct souk_chain_client *cli_open_ledger(void);

/* cli_fail: print "souk COMMAND: WHAT: reason" and return EXIT_REFUSED. DETAIL may be NULL. */
int cli_fail(const char *command, const char *what, souk_status status, const char *detail);
/* The same for a call to the ledger, with its URL and its answer. */
int cli_fail_ledger(const char *command, const char *what, souk_status status,
	const struct souk_chain_client *client);

/* A command of a command: souk escrow open. */
struct cli_subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

/* Run the one that argv[0] names, or print the list: of COMMAND, COUNT of them. */
int cli_run_subcommand(const char *command, const struct cli_subcommand *subcommands, size_t count,
	int argc, char **argv);

/* Print and release an object, on one line. All whole numbers of the command's JSON are unsigned:
 * what was put in as (json_int_t)u64 comes out as that u64, above 2^63 too. */
void cli_print_json(json_t *object);
/* "0x..." of an address, in one of a few static buffers. */
const char *cli_address_text(const struct souk_address *address);
const char *cli_hash_text(const struct souk_hash *hash);
/* "12.5" of an amount, in one of a few static buffers. */
const char *cli_amount_text(struct souk_amount amount);
/* "3.2 MiB", in one of a few static buffers. */
const char *cli_size_text(uint64_t bytes);
/* "2026-11-29 21:23:17 UTC", likewise. */
const char *cli_date_text(struct souk_time time);
/* Milliseconds since 1970, of this machine's clock. */
struct souk_time cli_now(void);

/* A table that aligns its columns: rows of cells, numbers to the right. */
struct cli_table;
struct cli_table *cli_table_new(int columns, const char *const *headings, const bool *is_number);
void cli_table_add(struct cli_table *table, const char *const *cells);
void cli_table_print(struct cli_table *table); /* and frees it */

int cmd_init(int argc, char **argv);
int cmd_id(int argc, char **argv);
int cmd_balance(int argc, char **argv);
int cmd_faucet(int argc, char **argv);
int cmd_send(int argc, char **argv);
int cmd_escrow(int argc, char **argv);
int cmd_agreement(int argc, char **argv);
int cmd_hub(int argc, char **argv);
int cmd_key(int argc, char **argv);
int cmd_offers(int argc, char **argv);
int cmd_add(int argc, char **argv);
int cmd_get(int argc, char **argv);
int cmd_earnings(int argc, char **argv);
int cmd_cache(int argc, char **argv);
int cmd_name(int argc, char **argv);
int cmd_publish(int argc, char **argv);
int cmd_sponsor(int argc, char **argv);
int cmd_share(int argc, char **argv);
int cmd_unshare(int argc, char **argv);
int cmd_shares(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_sim(int argc, char **argv);
int cmd_torrent(int argc, char **argv);
int cmd_version(int argc, char **argv);
int souk_cmd_ledger(int argc, char **argv);

#endif
