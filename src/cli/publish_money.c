/* SPDX-License-Identifier: Apache-2.0
 *
 * The escrow of a sponsor: as much is locked as its orders may still cost. */
#include <inttypes.h>
#include <stdio.h>

#include "escrow_run.h"
#include "sponsor_home.h"
#include "souk/base/check.h"

/* What one epoch's prizes are a part of: as souk escrow open has it. */
#define PRIZES_OF_A_LINE 10000u
/* The line is that part larger than what is to be spent: at the end of an epoch some of it lies in
 * leaves of caches that are not drawn to their end. */
#define SPARE_OF_A_LINE 8u
/* Left in the account, for the seed's own deposit and what comes. */
#define RESERVE_NCOIN (2ull * SOUK_NCOIN_PER_COIN)

struct owing {
	const struct sponsor_store *store;
	struct souk_amount total;
};

/* A group's budget counts once, at the content that it is named by. */
static souk_status add_budget(
	void *ctx, const struct souk_hash *content, const struct souk_sponsor_order *order)
{
	static const struct souk_hash none = {{0}};
	struct owing *owing = ctx;
	bool counts =
		souk_hash_equal(&order->group, &none) || souk_hash_equal(&order->group, content);
	return order->stopped || !counts
		       ? SOUK_OK
		       : souk_amount_add(&owing->total, owing->total, order->budget);
}

static souk_status take_spent(
	void *ctx, const struct souk_hash *content, const struct souk_sponsor_order *order)
{
	struct owing *owing = ctx;
	struct souk_sponsor_content_record done;
	if (order->stopped || sponsor_store_content(owing->store, content, &done) != SOUK_OK)
		return SOUK_OK;
	if (souk_amount_sub(&owing->total, owing->total, done.spent) != SOUK_OK)
		owing->total = SOUK_AMOUNT_ZERO;
	return SOUK_OK;
}

/* All budgets, less what was spent of them. */
static souk_status owing_of(const struct sponsor_store *store, struct souk_amount *ret)
{
	struct owing owing = {store, SOUK_AMOUNT_ZERO};
	SOUK_TRY(sponsor_store_each_order(store, add_budget, &owing));
	SOUK_TRY(sponsor_store_each_order(store, take_spent, &owing));
	*ret = owing.total;
	return SOUK_OK;
}

/* Free, or reserved for an epoch and not paid. */
static struct souk_amount locked_in(const struct souk_escrow_record *escrow)
{
	struct souk_amount sum = escrow->free;
	for (int i = 0; i < escrow->open.count; i++) {
		struct souk_amount left;
		if (souk_amount_sub(&left, escrow->open.items[i].reserved,
			    escrow->open.items[i].paid) == SOUK_OK &&
			souk_amount_add(&left, sum, left) == SOUK_OK)
			sum = left;
	}
	return sum;
}

static int say_short(struct souk_amount need, struct souk_amount has)
{
	fprintf(stderr,
		"souk publish: the account has %s coins, and %s are to be locked.\n"
		"On a test market get some with: souk faucet 100\n",
		cli_amount_text(has), cli_amount_text(need));
	return EXIT_REFUSED;
}

static souk_status open_body(struct souk_tx_body *body, const struct escrow_run *run,
	struct souk_amount need, struct souk_amount has)
{
	struct souk_amount prize = {need.ncoin / PRIZES_OF_A_LINE}, line, whole;
	if (prize.ncoin == 0)
		prize.ncoin = 1;
	uint64_t most = has.ncoin > RESERVE_NCOIN ? has.ncoin - RESERVE_NCOIN : 0;
	uint64_t prizes = need.ncoin / prize.ncoin + (need.ncoin % prize.ncoin != 0);
	uint64_t more = prizes + prizes / SPARE_OF_A_LINE;
	if (souk_amount_mul(&line, prize, more) == SOUK_OK && line.ncoin <= most)
		prizes = more;
	SOUK_TRY(souk_amount_mul(&line, prize, prizes));
	SOUK_TRY(souk_escrow_deposit_for(&whole, line, &run->ledger.genesis));
	/* Enough to spend the line in every epoch; or what there is. */
	if (whole.ncoin > most)
		whole.ncoin = most > line.ncoin ? most : line.ncoin;
	*body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ESCROW_OPEN,
		.escrow_open = {.salt = escrow_number_salt(escrow_number),
			.line = line,
			.prize = prize,
			.deposit = whole}};
	return SOUK_OK;
}

/* The line of an escrow stays as it was opened. */
static void say_line(struct souk_amount line, struct souk_amount need)
{
	if (line.ncoin == 0 || !souk_amount_is_less(line, need))
		return;
	char most[SOUK_AMOUNT_TEXT_SIZE], all[SOUK_AMOUNT_TEXT_SIZE];
	souk_amount_format(most, line);
	souk_amount_format(all, need);
	fprintf(stderr,
		"souk publish: the escrow's line is %s coins, the most that one epoch may cost: "
		"the %s coins of all budgets last for %" PRIu64
		" epochs or more.\nA line cannot be raised. To spend more in an epoch, open a "
		"larger escrow and let soukd pay from it:\n"
		"  souk escrow open --number %" PRIu64 " --line %s\n"
		"  then escrow = %" PRIu64 " in [sponsor] of souk.ini, and start soukd again\n",
		most, all, need.ncoin / line.ncoin + (need.ncoin % line.ncoin != 0),
		escrow_number + 1, all, escrow_number + 1);
}

/* Submit, and say it. */
static int lock(struct escrow_run *run, const struct souk_tx_body *body, struct souk_amount amount,
	struct souk_amount *ret_locked)
{
	souk_status status = souk_chain_submit(run->client, body, &run->identity, NULL);
	if (status != SOUK_OK)
		return cli_fail_ledger(
			run->command, "the ledger refused to lock the budget", status, run->client);
	*ret_locked = amount;
	if (!cli_json)
		printf("locked   %s coins in escrow %s\n", cli_amount_text(amount),
			cli_hash_text(&run->id));
	return 0;
}

static int lock_needed(struct escrow_run *run, struct souk_amount need, struct souk_amount *ret)
{
	struct souk_escrow_record escrow;
	struct souk_account_record account;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_TOP_UP};
	souk_status status = souk_chain_account(run->client, &run->identity.address, &account);
	if (status != SOUK_OK)
		return cli_fail_ledger(
			run->command, "cannot read the account", status, run->client);
	status = souk_chain_escrow(run->client, &run->id, &escrow);
	if (status == SOUK_LOCAL_NOT_FOUND || status == SOUK_PEER_NO_ESCROW) {
		if (souk_amount_is_less(account.balance, need))
			return say_short(need, account.balance);
		status = open_body(&body, run, need, account.balance);
		if (status != SOUK_OK)
			return cli_fail(run->command, "cannot choose the terms", status, NULL);
		return lock(run, &body, body.escrow_open.deposit, ret);
	}
	if (status != SOUK_OK)
		return cli_fail_ledger(run->command, "cannot read the escrow", status, run->client);
	if (escrow.closing)
		return cli_fail(run->command, "the escrow is closing", SOUK_PEER_ESCROW_CLOSING,
			"name another one in souk.ini: [sponsor] escrow = N");
	say_line(escrow.line, need);
	struct souk_amount has = locked_in(&escrow), lacks;
	if (souk_amount_sub(&lacks, need, has) != SOUK_OK || lacks.ncoin == 0)
		return 0;
	if (souk_amount_is_less(account.balance, lacks))
		return say_short(lacks, account.balance);
	body.escrow_top_up = (struct souk_tx_escrow_top_up){.escrow = run->id, .amount = lacks};
	return lock(run, &body, lacks, ret);
}

int publish_lock(const struct sponsor_home *home, const struct sponsor_store *store,
	struct souk_amount *ret_locked)
{
	struct escrow_run run;
	struct souk_amount need;
	*ret_locked = SOUK_AMOUNT_ZERO;
	souk_status status = owing_of(store, &need);
	if (status != SOUK_OK)
		return cli_fail("publish", cli_home_file("sponsor.mdb"), status, NULL);
	escrow_number = home->escrow;
	if (!escrow_start(&run, "publish"))
		return EXIT_REFUSED;
	return escrow_finish(&run, lock_needed(&run, need, ret_locked));
}
