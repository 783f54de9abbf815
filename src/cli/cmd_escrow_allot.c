/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow allot, escrow stand: leaves for providers, ahead of any purchase. The wallet remembers
 * them, and souk get pays from them without a transaction. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "escrow_run.h"
#include "issuer_file.h"
#include "souk/payment/allotment.h"
#include "../client/wallet.h"

static const char *issuer;
static uint64_t epochs = 1;
static bool stop;
static struct souk_amount open_amount;

/* What the arguments say, before it is known what a share is. */
struct wish {
	struct souk_wallet_plan plan;
	bool is_share[WALLET_LEAVES_MAX]; /* no amount was said */
	size_t shares;
};

/* Whose signature counts on a leaf: an issuer's, or the identity's where NAME is NULL. */
static bool issuer_address(const struct escrow_run *run, const char *name, struct souk_address *ret)
{
	struct souk_identity key;
	*ret = run->identity.address;
	if (name == NULL)
		return true;
	if (!issuer_load(run->command, name, &key))
		return false;
	*ret = key.address;
	souk_bytes_wipe(&key, sizeof key);
	return true;
}

static bool refuse(const struct escrow_run *run, const char *text)
{
	fprintf(stderr,
		"souk %s: \"%s\" is no leaf: PROVIDER, PROVIDER=COINS or any=COINS, and @ISSUER\n",
		run->command, text);
	return false;
}

/* "0x...=2.5@shop": who is paid, at most how much, whose signature counts. */
static bool parse_leaf(const struct escrow_run *run, struct wish *wish, const char *text)
{
	char copy[160];
	struct souk_allotment_leaf leaf = {0};
	if (wish->plan.leaves.count == WALLET_LEAVES_MAX ||
		snprintf(copy, sizeof copy, "%s", text) >= (int)sizeof copy)
		return refuse(run, text);
	char *name = strchr(copy, '@'), *amount = strchr(copy, '=');
	if (name != NULL)
		*name++ = '\0';
	if (amount != NULL)
		*amount++ = '\0';
	bool is_open = strcmp(copy, "any") == 0;
	if (!is_open &&
		souk_hex_decode(leaf.provider.bytes, sizeof leaf.provider.bytes, copy) != SOUK_OK)
		return refuse(run, text);
	if (!is_open && souk_address_is_zero(&leaf.provider))
		return refuse(run, text);
	if (amount != NULL &&
		(souk_amount_parse(&leaf.amount, amount) != SOUK_OK || leaf.amount.ncoin == 0))
		return refuse(run, text);
	if (!issuer_address(run, name != NULL ? name : issuer, &leaf.issuer))
		return false;
	size_t index = wish->plan.leaves.count++;
	wish->plan.leaves.items[index] = leaf;
	wish->is_share[index] = amount == NULL;
	wish->shares += amount == NULL;
	return true;
}

static bool parse_leaves(const struct escrow_run *run, struct wish *wish, int count, char **argv)
{
	char open_leaf[64];
	for (int i = 0; i < count; i++) {
		if (!parse_leaf(run, wish, argv[i]))
			return false;
	}
	snprintf(open_leaf, sizeof open_leaf, "any=%s", cli_amount_text(open_amount));
	return open_amount.ncoin == 0 || parse_leaf(run, wish, open_leaf);
}

/* Leaves without an amount share what is left of ROOM. */
static souk_status share_out(struct wish *wish, struct souk_amount room)
{
	struct souk_allotment_leaf *leaves = wish->plan.leaves.items;
	for (int i = 0; i < wish->plan.leaves.count; i++) {
		if (!wish->is_share[i] && souk_amount_sub(&room, room, leaves[i].amount) != SOUK_OK)
			return SOUK_PEER_ALLOTMENT_OVER_LINE;
	}
	for (int i = 0; i < wish->plan.leaves.count; i++) {
		if (!wish->is_share[i])
			continue;
		leaves[i].amount.ncoin = room.ncoin / wish->shares;
		if (leaves[i].amount.ncoin == 0)
			return SOUK_PEER_ALLOTMENT_OVER_LINE;
	}
	return SOUK_OK;
}

static souk_status commit(const struct wish *wish, struct souk_sum_node *ret_root)
{
	struct souk_sum_node nodes[WALLET_LEAVES_MAX];
	return souk_allotment_commit(
		ret_root, wish->plan.leaves.items, wish->plan.leaves.count, nodes);
}

/* The wallet first: an allotment whose leaves nobody knows is lost money. */
static souk_status remember(const struct wish *wish, const struct souk_hash *root)
{
	struct wallet *wallet;
	souk_status status = wallet_open(&wallet, cli_home_path());
	if (status != SOUK_OK)
		return status;
	status = wallet_put_plan(wallet, root, &wish->plan);
	wallet_close(wallet);
	return status;
}

/* The end of what is allotted in EPOCH already, and the next segment's number. */
static souk_status find_base(struct escrow_run *run, const struct souk_escrow_record *escrow,
	uint64_t epoch, uint32_t *ret_segment, struct souk_amount *ret_base)
{
	struct souk_allotment_record last;
	*ret_segment = 0;
	*ret_base = SOUK_AMOUNT_ZERO;
	for (int i = 0; i < escrow->open.count; i++) {
		if (escrow->open.items[i].epoch == epoch)
			*ret_segment = escrow->open.items[i].segments;
	}
	if (*ret_segment == 0)
		return SOUK_OK;
	souk_status status =
		souk_chain_allotment(run->client, &run->id, epoch, *ret_segment - 1, &last);
	return status == SOUK_OK ? souk_amount_add(ret_base, last.base, last.total) : status;
}

/* Money on such a leaf would be locked for its epoch, and buy nothing. */
static void warn_of_open_leaf(const struct wish *wish, const struct souk_escrow_record *escrow)
{
	bool has_open = false;
	for (int i = 0; i < wish->plan.leaves.count; i++)
		has_open |= souk_address_is_zero(&wish->plan.leaves.items[i].provider);
	if (has_open && escrow->penalty.ncoin == 0)
		fprintf(stderr, "warning: this escrow has no penalty, so no provider takes its "
				"open leaf; see: souk escrow open --penalty\n");
}

static souk_status make_allot(
	struct escrow_run *run, struct wish *wish, struct souk_tx_body *ret_body)
{
	struct souk_escrow_record escrow;
	struct souk_amount base, room;
	struct souk_sum_node root;
	souk_status status = souk_chain_escrow(run->client, &run->id, &escrow);
	wish->plan.epoch = run->ledger.record.epoch;
	if (status == SOUK_OK)
		status = find_base(run, &escrow, wish->plan.epoch, &wish->plan.segment, &base);
	if (status == SOUK_OK)
		status = souk_amount_sub(&room, escrow.line, base);
	if (status == SOUK_OK)
		status = share_out(wish, room);
	if (status == SOUK_OK)
		status = commit(wish, &root);
	if (status == SOUK_OK)
		status = remember(wish, &root.hash);
	if (status == SOUK_OK)
		warn_of_open_leaf(wish, &escrow);
	if (status == SOUK_OK)
		*ret_body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ALLOT,
			.allot = {.escrow = run->id,
				.epoch = wish->plan.epoch,
				.segment = wish->plan.segment,
				.root = root.hash,
				.total = root.sum}};
	return status;
}

static souk_status make_stand(
	struct escrow_run *run, struct wish *wish, struct souk_tx_body *ret_body)
{
	struct souk_escrow_record escrow;
	struct souk_sum_node root = {.sum = SOUK_AMOUNT_ZERO};
	souk_status status = SOUK_OK;
	wish->plan.standing = true;
	wish->plan.epoch = run->ledger.record.epoch; /* how old it is */
	if (!stop) {
		status = souk_chain_escrow(run->client, &run->id, &escrow);
		if (status == SOUK_OK)
			status = share_out(wish, escrow.line);
		if (status == SOUK_OK)
			status = commit(wish, &root);
		if (status == SOUK_OK)
			status = remember(wish, &root.hash);
		if (status == SOUK_OK)
			warn_of_open_leaf(wish, &escrow);
	}
	if (status == SOUK_OK)
		*ret_body = (struct souk_tx_body){.kind = SOUK_TX_BODY_STAND,
			.stand = {.escrow = run->id,
				.root = root.hash,
				.total = root.sum,
				.epochs = stop ? 0 : (uint32_t)epochs}};
	return status;
}

static int fail_allot(struct escrow_run *run, souk_status status)
{
	cli_fail_ledger(run->command, "cannot allot", status, run->client);
	if (status == SOUK_PEER_ALLOTMENT_OVER_LINE)
		fprintf(stderr, "The line bounds an epoch, and what is allotted stays so until the "
				"next; see: souk escrow show\n");
	else if (status == SOUK_PEER_NO_ESCROW)
		fprintf(stderr, "Open one with: souk escrow open --line 10\n");
	return escrow_finish(run, EXIT_REFUSED);
}

static void describe_allot(
	const struct souk_tx_body *body, const struct wish *wish, char *text, size_t size)
{
	size_t leaves = wish->plan.leaves.count;
	snprintf(text, size, "allotted %s coins of epoch %" PRIu64 " to %zu lea%s",
		cli_amount_text(body->allot.total), body->allot.epoch, leaves,
		leaves == 1 ? "f" : "ves");
}

static void describe_stand(
	const struct souk_tx_body *body, const struct wish *wish, char *text, size_t size)
{
	size_t leaves = wish->plan.leaves.count;
	if (stop)
		snprintf(text, size, "it ends with this epoch");
	else
		snprintf(text, size,
			"from the next epoch on, %" PRIu64 " epoch%s: %s coins in each to %zu "
			"lea%s",
			epochs, epochs == 1 ? "" : "s", cli_amount_text(body->stand.total), leaves,
			leaves == 1 ? "f" : "ves");
}

/* What both commands do after their options. */
static int run_command(const struct command_spec *command, int count, char **argv,
	souk_status (*make)(struct escrow_run *, struct wish *, struct souk_tx_body *),
	void (*describe)(const struct souk_tx_body *, const struct wish *, char *, size_t))
{
	static struct wish wish; /* large */
	struct escrow_run run;
	struct souk_tx_body body;
	char done[160];
	if (!escrow_start(&run, command->name))
		return EXIT_REFUSED;
	wish.plan.escrow = run.id;
	if (!parse_leaves(&run, &wish, count, argv))
		return escrow_finish(&run, EXIT_USAGE);
	souk_status status = make(&run, &wish, &body);
	if (status != SOUK_OK)
		return fail_allot(&run, status);
	describe(&body, &wish, done, sizeof done);
	return escrow_submit(&run, &body, done);
}

int escrow_cmd_allot(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"issuer", "NAME", "whose signature counts on leaves without @ISSUER", OPTION_TEXT,
			&issuer},
		{"open", "COINS", "a leaf for any provider; the escrow's penalty backs it",
			OPTION_AMOUNT, &open_amount},
		ESCROW_OPTION_NUMBER,
	};
	static const struct command_spec command = {.name = "escrow allot",
		.arguments = "[PROVIDER[=COINS][@ISSUER]...]",
		.summary = "Allot money of the current epoch to providers.",
		.details = "souk get pays from it without a transaction. Leaves without an amount "
			   "share what is\nleft of the line.",
		.examples = "  souk escrow allot 0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f=2\n"
			    "  souk escrow allot --open 1",
		.options = options,
		.option_count = 3,
		.arguments_max = WALLET_LEAVES_MAX};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (count == 0 && open_amount.ncoin == 0) {
		fprintf(stderr, "souk escrow allot: name a provider, or --open COINS\n");
		return EXIT_USAGE;
	}
	return run_command(&command, count, argv, make_allot, describe_allot);
}

int escrow_cmd_stand(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"epochs", "N", "for so many epochs, from the next one on (1)", OPTION_U64,
			&epochs},
		{"issuer", "NAME", "whose signature counts on leaves without @ISSUER", OPTION_TEXT,
			&issuer},
		{"stop", NULL, "end it with this epoch", OPTION_FLAG, &stop},
		ESCROW_OPTION_NUMBER,
	};
	static const struct command_spec command = {.name = "escrow stand",
		.arguments = "[PROVIDER[=COINS][@ISSUER]...]",
		.summary = "Allot the same in every epoch, with one transaction for all of them.",
		.details = "souk get pays from it without a transaction. any=COINS is a leaf for "
			   "any provider,\nbacked by the escrow's penalty. Leaves without an "
			   "amount share what is left of the line.",
		.examples = "  souk escrow stand 0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f=2 "
			    "any=1 --epochs 24\n  souk escrow stand --stop",
		.options = options,
		.option_count = 4,
		.arguments_max = WALLET_LEAVES_MAX};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (stop == (count > 0) || epochs == 0 || epochs > UINT32_MAX) {
		fprintf(stderr, "souk escrow stand: name providers and --epochs, or --stop\n");
		return EXIT_USAGE;
	}
	return run_command(&command, count, argv, make_stand, describe_stand);
}
