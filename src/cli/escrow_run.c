/* SPDX-License-Identifier: Apache-2.0 */
#include "escrow_run.h"

#include <stdio.h>

uint64_t escrow_number;

int escrow_finish(struct escrow_run *run, int code)
{
	souk_bytes_wipe(&run->identity, sizeof run->identity);
	souk_chain_client_free(run->client);
	return code;
}

bool escrow_start(struct escrow_run *run, const char *command)
{
	run->command = command;
	if (!cli_load_identity(&run->identity))
		return false;
	run->client = cli_open_ledger();
	souk_status status = souk_chain_status(run->client, &run->ledger);
	if (status != SOUK_OK) {
		escrow_finish(run,
			cli_fail_ledger(command, "cannot ask the ledger", status, run->client));
		return false;
	}
	run->id =
		escrow_number_id(&run->ledger.record.ledger, &run->identity.address, escrow_number);
	return true;
}

int escrow_submit(struct escrow_run *run, const struct souk_tx_body *body, const char *done)
{
	struct souk_chain_result result;
	souk_status status = souk_chain_submit(run->client, body, &run->identity, &result);
	if (status != SOUK_OK)
		return escrow_finish(run,
			cli_fail_ledger(run->command, "the ledger refused", status, run->client));
	if (cli_json)
		cli_print_json(json_pack("{s:s, s:s, s:I, s:I}", "escrow", cli_hash_text(&run->id),
			"tx", cli_hash_text(&result.hash), "height",
			(json_int_t)result.receipt.height, "amount_ncoin",
			(json_int_t)result.receipt.amount.ncoin));
	else
		printf("%s\nescrow %s\n", done, cli_hash_text(&run->id));
	return escrow_finish(run, 0);
}
