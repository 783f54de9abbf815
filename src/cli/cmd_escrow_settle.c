/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow settle: one receipt for all that was paid on a leaf, in place of its strips. A payee that
 * has it is drawn for one piece, and so is paid within one prize for the whole leaf. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/identity_file.h"
#include "escrow_run.h"
#include "issuer_file.h"
#include "../client/provider_client.h"
#include "souk/base/check.h"
#include "souk/payment/allotment.h"
#include "souk/payment/receipt.h"
#include "../client/wallet.h"

#define TIMEOUT_MS 10000u

static uint64_t epoch_wanted = UINT64_MAX;
static const char *issuer;
static bool lodge;

/* A leaf on which something was bought. */
struct settlement {
	struct souk_wallet_strip strip; /* one of its strips */
	struct souk_amount amount;
	souk_status status;
	bool lodged;
	char detail[256];
};

struct settling {
	struct souk_chain_client *chain;
	struct wallet *wallet;
	struct souk_identity identity; /* who signs what was paid from its leaves */
	struct settlement *items;
	size_t count;
};

/* Strips come leaf after leaf. Open leaves pay several payees: there is no receipt for them. */
static souk_status add_leaf(void *ctx, const struct souk_wallet_strip *strip)
{
	struct settling *settling = ctx;
	const struct souk_wallet_strip *last =
		settling->count == 0 ? NULL : &settling->items[settling->count - 1].strip;
	if (strip->open || (epoch_wanted != UINT64_MAX && strip->epoch != epoch_wanted) ||
		!souk_address_equal(&strip->issuer, &settling->identity.address))
		return SOUK_OK;
	if (last != NULL && souk_hash_equal(&last->escrow, &strip->escrow) &&
		last->epoch == strip->epoch && last->segment == strip->segment &&
		last->leaf == strip->leaf)
		return SOUK_OK;
	struct settlement *grown = realloc(settling->items, (settling->count + 1) * sizeof *grown);
	if (grown == NULL)
		return SOUK_IO_MEMORY;
	settling->items = grown;
	grown[settling->count++] = (struct settlement){.strip = *strip};
	return SOUK_OK;
}

/* Epochs that are drawn are settled by claims already. */
static souk_status keep_undrawn(struct settling *settling)
{
	size_t kept = 0;
	struct souk_epoch_record epoch = {.drawn = true};
	for (size_t i = 0; i < settling->count; i++) {
		const uint64_t number = settling->items[i].strip.epoch;
		if (i == 0 || number != settling->items[i - 1].strip.epoch)
			SOUK_TRY(souk_chain_epoch(settling->chain, number, &epoch));
		if (!epoch.drawn)
			settling->items[kept++] = settling->items[i];
	}
	settling->count = kept;
	return SOUK_OK;
}

/* Put RECEIPT on the ledger, so that the payee cannot choose after the draw between it and its
 * strips. Only leaves that were planned are known to the wallet with all of their neighbours. */
static souk_status lodge_receipt(struct settling *settling, const struct souk_wallet_strip *strip,
	const struct souk_signed_leaf_receipt *receipt)
{
	struct souk_sum_node nodes[WALLET_LEAVES_MAX];
	struct souk_allotment_record record;
	struct souk_wallet_plan plan;
	struct souk_strip_open proof = {.batch_count = 1};
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CLAIM_RECEIPT};
	SOUK_TRY(souk_chain_allotment(
		settling->chain, &strip->escrow, strip->epoch, strip->segment, &record));
	SOUK_TRY(wallet_plan(settling->wallet, &record.root, &plan));
	SOUK_TRY(souk_allotment_prove(
		&proof, plan.leaves.items, plan.leaves.count, strip->leaf, nodes));
	body.claim_receipt.receipt = *receipt;
	body.claim_receipt.leaf = proof.leaf;
	body.claim_receipt.leaf_path.count = proof.leaf_path.count;
	memcpy(body.claim_receipt.leaf_path.items, proof.leaf_path.items,
		sizeof proof.leaf_path.items);
	souk_status status = souk_chain_submit(settling->chain, &body, &settling->identity, NULL);
	/* Before the draw only the second lodging of one receipt is refused so: the payee was
	 * quicker, or this command runs again. */
	return status == SOUK_PEER_NOT_DRAWN ? SOUK_OK : status;
}

/* The payee's signature under PROPOSAL. */
static souk_status ask_payee(struct settling *settling, struct settlement *item,
	const struct souk_receipt_proposal *proposal, struct souk_signed_leaf_receipt *ret)
{
	struct souk_provider_record record;
	struct souk_signed_leaf_receipt receipt;
	struct provider_client client;
	SOUK_TRY(souk_chain_provider(settling->chain, &item->strip.payee, &record));
	souk_status status = provider_client_init(&client, &record, TIMEOUT_MS);
	if (status == SOUK_OK)
		status = provider_client_receipt(&client, proposal, &receipt);
	snprintf(item->detail, sizeof item->detail, "%s", client.control.detail);
	provider_client_done(&client);
	if (status != SOUK_OK)
		return status;
	struct souk_hash proposed = souk_leaf_receipt_digest(&proposal->receipt);
	struct souk_hash answered = souk_leaf_receipt_digest(&receipt.receipt);
	if (!souk_hash_equal(&proposed, &answered))
		return SOUK_PEER_STRIP_TERMS;
	SOUK_TRY(souk_leaf_receipt_verify_payee(&receipt));
	receipt.issuer_signature = proposal->issuer_signature;
	*ret = receipt;
	return SOUK_OK;
}

static souk_status settle(struct settling *settling, struct settlement *item)
{
	const struct souk_wallet_strip *strip = &item->strip;
	struct souk_signed_leaf_receipt receipt = {.receipt = {
							   .version = SOUK_LEAF_RECEIPT_VERSION,
							   .escrow = strip->escrow,
							   .epoch = strip->epoch,
							   .segment = strip->segment,
							   .leaf = strip->leaf,
							   .payee = strip->payee,
						   }};
	SOUK_TRY(wallet_settle_leaf(
		settling->wallet, strip, !wallet_is_busy(settling->wallet), &item->amount));
	if (item->amount.ncoin == 0)
		return SOUK_OK;
	receipt.receipt.amount = item->amount;
	souk_leaf_receipt_issue(&receipt, &settling->identity);
	struct souk_receipt_proposal proposal = {
		.receipt = receipt.receipt, .issuer_signature = receipt.issuer_signature};
	SOUK_TRY(ask_payee(settling, item, &proposal, &receipt));
	if (!lodge)
		return SOUK_OK;
	souk_status status = lodge_receipt(settling, strip, &receipt);
	item->lodged = status == SOUK_OK;
	if (status == SOUK_LOCAL_NOT_FOUND)
		snprintf(item->detail, sizeof item->detail,
			"receipted, not lodged: not a leaf of souk escrow allot or stand");
	return status;
}

static void print_settlements(const struct settling *settling)
{
	static const char *const headings[] = {"epoch", "leaf", "payee", "amount", "state"};
	static const bool is_number[] = {true, true, false, true, false};
	if (settling->count == 0) {
		puts("nothing to settle: no leaf was paid from in an epoch that is not drawn");
		return;
	}
	struct cli_table *table = cli_table_new(5, headings, is_number);
	for (size_t i = 0; i < settling->count; i++) {
		const struct settlement *item = &settling->items[i];
		char epoch[24], leaf[32];
		snprintf(epoch, sizeof epoch, "%" PRIu64, item->strip.epoch);
		snprintf(leaf, sizeof leaf, "%" PRIu32 ".%" PRIu32, item->strip.segment,
			item->strip.leaf);
		const char *cells[] = {epoch, leaf, cli_address_text(&item->strip.payee),
			cli_amount_text(item->amount),
			item->status == SOUK_LOCAL_NOT_FOUND && item->detail[0] != '\0'
				? item->detail
			: item->status != SOUK_OK ? souk_status_text(item->status)
			: item->amount.ncoin == 0 ? "nothing was paid"
			: item->lodged		  ? "lodged"
						  : "receipted"};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static void print_settlements_json(const struct settling *settling)
{
	json_t *list = json_array();
	for (size_t i = 0; i < settling->count; i++) {
		const struct settlement *item = &settling->items[i];
		json_array_append_new(
			list, json_pack("{s:I, s:I, s:I, s:s, s:I, s:s, s:b, s:s}", "epoch",
				      (json_int_t)item->strip.epoch, "segment",
				      (json_int_t)item->strip.segment, "leaf",
				      (json_int_t)item->strip.leaf, "payee",
				      cli_address_text(&item->strip.payee), "amount_ncoin",
				      (json_int_t)item->amount.ncoin, "status",
				      souk_status_name(item->status), "lodged", item->lodged,
				      "detail", item->detail));
	}
	cli_print_json(json_pack("{s:o}", "leaves", list));
}

static int settle_all(struct settling *settling)
{
	int code = 0;
	for (size_t i = 0; i < settling->count; i++) {
		settling->items[i].status = settle(settling, &settling->items[i]);
		if (settling->items[i].status != SOUK_OK)
			code = EXIT_REFUSED;
	}
	if (cli_json)
		print_settlements_json(settling);
	else
		print_settlements(settling);
	return code;
}

static int run_settle(const char *command)
{
	struct settling settling = {.chain = NULL};
	bool has_key = issuer != NULL ? issuer_load(command, issuer, &settling.identity)
				      : cli_load_identity(&settling.identity);
	if (!has_key)
		return EXIT_REFUSED;
	settling.chain = cli_open_ledger();
	souk_status status = wallet_open(&settling.wallet, cli_home_path());
	if (status == SOUK_OK)
		status = wallet_each_strip(settling.wallet, add_leaf, &settling);
	if (status == SOUK_OK)
		status = keep_undrawn(&settling);
	int code = status == SOUK_OK
			   ? settle_all(&settling)
			   : cli_fail_ledger(command, "cannot settle", status, settling.chain);
	wallet_close(settling.wallet);
	souk_chain_client_free(settling.chain);
	free(settling.items);
	souk_bytes_wipe(&settling.identity, sizeof settling.identity);
	return code;
}

int escrow_cmd_settle(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"epoch", "N", "of this epoch only (all that are not drawn)", OPTION_U64,
			&epoch_wanted},
		{"issuer", "NAME", "what this issuer key signed (your identity)", OPTION_TEXT,
			&issuer},
		{"lodge", NULL, "put the receipts on the ledger: a transaction for each leaf",
			OPTION_FLAG, &lodge},
	};
	static const struct command_spec command = {.name = "escrow settle",
		.arguments = "",
		.summary = "Have the payees of your leaves countersign what they are owed.",
		.details = "Instead of strips that were used in part, each leaf is then drawn for "
			   "as one piece: its\npayee is paid within one prize. What is settled in "
			   "the current epoch is bought from no\nmore until the next. A payee that "
			   "holds strips and a receipt can still choose after "
			   "the draw\nwhich of them to be paid by; --lodge takes that choice away.",
		.examples = "  souk escrow settle\n  souk escrow settle --epoch 7 --json\n  souk "
			    "escrow settle --lodge",
		.options = options,
		.option_count = 3};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	return run_settle(command.name);
}
