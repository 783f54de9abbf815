/* SPDX-License-Identifier: Apache-2.0
 *
 * earnings: what a provider sold, what it is owed for that, and what the ledger paid.
 *
 * Payment is by lottery, so what was paid differs from what was owed. Along the
 * value line of one escrow and epoch, paid units that lie side by side make a run;
 * a run is paid floor or ceil of length / prize prizes:
 *
 *   value line  |   sold   | sold |  unused  |   sold   |
 *               <--- one run ----->          <-- a run -->
 *
 * so each settled run is paid within one prize of what it is owed. That is what is
 * checked here, from this provider's own records. A leaf with a receipt is one run,
 * from its start on, whatever its strips left unused. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../daemon/provider_store.h"
#include "cli.h"
#include "souk/base/check.h"

static bool wants_sessions;

/* A session for which a strip was accepted. */
struct sale {
	struct souk_nonce session;
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t segment;
	uint32_t leaf;
	uint32_t units;
	struct souk_amount lo; /* on the value line */
	struct souk_amount owed;
	struct souk_amount paid;
	struct souk_amount prize;
	struct souk_time expires;
	bool settled;
};

struct sales {
	struct sale *items;
	size_t count;
	size_t max;
};

struct totals {
	uint64_t epoch;
	uint64_t sessions;
	uint64_t units;
	uint64_t waiting; /* sessions that are not settled */
	uint64_t leaves;
	struct souk_amount owed;
	struct souk_amount settled_owed;
	struct souk_amount paid;
	struct souk_amount prize; /* the largest, where escrows differ */
	bool within;
};

/* ------------------------------------------------------------------ reading */

static souk_status sale_of(struct sale *sale, const struct souk_session_record *record)
{
	const struct souk_strip *strip = &record->strip_open.strip;
	*sale = (struct sale){.session = record->grant.session,
		.escrow = strip->escrow,
		.epoch = strip->epoch,
		.segment = strip->segment,
		.leaf = strip->leaf,
		.units = record->unit,
		.paid = record->paid,
		.prize = record->prize,
		.expires = strip->expires,
		.settled = record->claimed};
	souk_status status = souk_amount_mul(&sale->owed, strip->price, record->unit);
	if (status == SOUK_OK)
		status = souk_amount_add(&sale->lo, record->base, strip->start);
	return status == SOUK_OK ? SOUK_OK : SOUK_CORRUPT_STORE;
}

static souk_status add_sale(void *ctx, const struct souk_session_record *record)
{
	struct sales *sales = ctx;
	if (!record->open)
		return SOUK_OK;
	if (sales->count == sales->max) {
		size_t max = sales->max == 0 ? 64 : 2 * sales->max;
		struct sale *grown = realloc(sales->items, max * sizeof *grown);
		if (grown == NULL)
			return SOUK_IO_MEMORY;
		sales->items = grown;
		sales->max = max;
	}
	souk_status status = sale_of(&sales->items[sales->count], record);
	if (status == SOUK_OK)
		sales->count++;
	return status;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

/* By epoch, then along each escrow's value line. */
static int compare_sales(const void *left, const void *right)
{
	const struct sale *a = left, *b = right;
	int order = COMPARE(a->epoch, b->epoch);
	if (order == 0)
		order = memcmp(&a->escrow, &b->escrow, sizeof a->escrow);
	if (order == 0)
		order = COMPARE(a->lo.ncoin, b->lo.ncoin);
	return order != 0 ? order : COMPARE(a->owed.ncoin, b->owed.ncoin);
}

static bool is_on_leaf(const struct sale *sale, const struct souk_leaf_receipt *receipt)
{
	return souk_hash_equal(&sale->escrow, &receipt->escrow) && sale->epoch == receipt->epoch &&
	       sale->segment == receipt->segment && sale->leaf == receipt->leaf;
}

/* The leaf's sales stand side by side from its start, as the receipt has them. What it says beyond
 * them, and what it was paid, is the last one's. */
static souk_status apply_receipt(void *ctx, const struct souk_receipt_record *record)
{
	struct sales *sales = ctx;
	struct sale *last = NULL;
	uint64_t at = record->base.ncoin, left = record->receipt.receipt.amount.ncoin;
	for (size_t i = 0; i < sales->count; i++) {
		struct sale *sale = &sales->items[i];
		if (!is_on_leaf(sale, &record->receipt.receipt))
			continue;
		if (left < sale->owed.ncoin)
			return SOUK_CORRUPT_STORE;
		sale->lo.ncoin = at;
		sale->paid = SOUK_AMOUNT_ZERO;
		sale->settled = record->claimed;
		at += sale->owed.ncoin;
		left -= sale->owed.ncoin;
		last = sale;
	}
	if (last == NULL)
		return SOUK_OK;
	last->owed.ncoin += left;
	last->paid = record->paid;
	return SOUK_OK;
}

static souk_status read_sales(struct sales *ret)
{
	struct provider_store store;
	souk_status status = provider_store_open(&store, cli_home_path(), true);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return SOUK_OK; /* nothing was ever sold here */
	if (status != SOUK_OK)
		return status;
	status = provider_store_each_session(&store, add_sale, ret);
	if (status == SOUK_OK)
		status = provider_store_each_receipt(&store, apply_receipt, ret);
	provider_store_close(&store);
	if (status == SOUK_OK && ret->count > 0)
		qsort(ret->items, ret->count, sizeof *ret->items, compare_sales);
	return status;
}

/* ------------------------------------------------------------------ adding up */

static bool same_line(const struct sale *a, const struct sale *b)
{
	return a->epoch == b->epoch && souk_hash_equal(&a->escrow, &b->escrow);
}

static bool same_leaf(const struct sale *a, const struct sale *b)
{
	return same_line(a, b) && a->segment == b->segment && a->leaf == b->leaf;
}

/* Whether the run that begins with SALES[at] is paid within one prize; *ret_next is behind it. */
static bool run_is_within(const struct sales *sales, size_t at, size_t *ret_next)
{
	const struct sale *first = &sales->items[at];
	uint64_t end = first->lo.ncoin, owed = 0, paid = 0;
	for (; at < sales->count; at++) {
		const struct sale *sale = &sales->items[at];
		if (!same_line(first, sale) || sale->lo.ncoin != end)
			break;
		end += sale->owed.ncoin; /* below the line's end: the strip was verified */
		owed += sale->owed.ncoin;
		paid += sale->paid.ncoin;
	}
	*ret_next = at;
	uint64_t apart = paid > owed ? paid - owed : owed - paid;
	return apart == 0 || apart < first->prize.ncoin;
}

static souk_status add_to_totals(struct totals *totals, const struct sale *sale)
{
	totals->sessions++;
	totals->units += sale->units;
	if (totals->prize.ncoin < sale->prize.ncoin)
		totals->prize = sale->prize;
	souk_status status = souk_amount_add(&totals->owed, totals->owed, sale->owed);
	if (status == SOUK_OK && sale->settled)
		status = souk_amount_add(&totals->settled_owed, totals->settled_owed, sale->owed);
	else
		totals->waiting++;
	if (status == SOUK_OK)
		status = souk_amount_add(&totals->paid, totals->paid, sale->paid);
	return status;
}

/* The totals of the epoch that begins at SALES[*at]; moves *at behind it. */
static souk_status sum_epoch(struct totals *ret, const struct sales *sales, size_t *at)
{
	size_t first = *at, next = *at;
	*ret = (struct totals){.epoch = sales->items[first].epoch, .within = true};
	for (; *at < sales->count && sales->items[*at].epoch == ret->epoch; ++*at) {
		const struct sale *sale = &sales->items[*at];
		SOUK_TRY(add_to_totals(ret, sale));
		if (*at == first || !same_leaf(sale - 1, sale))
			ret->leaves++;
		if (*at == next && !run_is_within(sales, *at, &next))
			ret->within = false;
	}
	return SOUK_OK;
}

static souk_status sum_all(struct totals *ret, const struct sales *sales)
{
	*ret = (struct totals){.within = true};
	for (size_t i = 0; i < sales->count; i++)
		SOUK_TRY(add_to_totals(ret, &sales->items[i]));
	return SOUK_OK;
}

/* What is owed by sessions that are not settled. */
static uint64_t due_ncoin(const struct totals *totals)
{
	return totals->owed.ncoin - totals->settled_owed.ncoin;
}

/* "+0.5" or "-0.25": what was paid beyond what was owed, of settled sessions. */
static const char *difference_text(char out[SOUK_AMOUNT_TEXT_SIZE + 1], const struct totals *totals)
{
	uint64_t paid = totals->paid.ncoin, owed = totals->settled_owed.ncoin;
	struct souk_amount apart = {paid > owed ? paid - owed : owed - paid};
	snprintf(out, SOUK_AMOUNT_TEXT_SIZE + 1, "%s%s",
		apart.ncoin == 0 ? "" : (paid > owed ? "+" : "-"), cli_amount_text(apart));
	return out;
}

/* ------------------------------------------------------------------ printing */

/* A session serves while its epoch is the newest one here and its strip has not expired; only the
 * daemon knows for sure. */
static const char *state_text(const struct sale *sale, uint64_t newest_epoch)
{
	if (sale->settled)
		return "settled";
	return sale->epoch < newest_epoch || !souk_time_is_before(cli_now(), sale->expires)
		       ? "due"
		       : "open";
}

static const char *prefix_text(char out[17], const void *id)
{
	souk_hex_encode(out, id, 8);
	return out;
}

static void print_sessions(const struct sales *sales)
{
	static const char *const headings[] = {
		"session", "epoch", "escrow", "units", "owed", "paid", "state"};
	static const bool is_number[] = {false, true, false, true, true, true, false};
	struct cli_table *table = cli_table_new(7, headings, is_number);
	for (size_t i = 0; i < sales->count; i++) {
		const struct sale *sale = &sales->items[i];
		char session[17], escrow[17], epoch[24], units[16];
		snprintf(epoch, sizeof epoch, "%" PRIu64, sale->epoch);
		snprintf(units, sizeof units, "%" PRIu32, sale->units);
		const char *cells[] = {prefix_text(session, sale->session.bytes), epoch,
			prefix_text(escrow, sale->escrow.bytes), units, cli_amount_text(sale->owed),
			sale->settled ? cli_amount_text(sale->paid) : "-",
			state_text(sale, sales->items[sales->count - 1].epoch)};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
	putchar('\n');
}

static void add_row(struct cli_table *table, const struct totals *totals, bool is_total)
{
	char epoch[24], sessions[24], units[24], difference[SOUK_AMOUNT_TEXT_SIZE + 1];
	struct souk_amount due = {due_ncoin(totals)};
	snprintf(epoch, sizeof epoch, "%" PRIu64, totals->epoch);
	snprintf(sessions, sizeof sessions, "%" PRIu64, totals->sessions);
	snprintf(units, sizeof units, "%" PRIu64, totals->units);
	const char *cells[] = {is_total ? "total" : epoch, sessions, units,
		cli_amount_text(totals->owed), cli_amount_text(totals->paid), cli_amount_text(due),
		difference_text(difference, totals), is_total ? "" : cli_amount_text(totals->prize),
		is_total	      ? ""
		: totals->waiting > 0 ? "waiting"
		: totals->within      ? "yes"
				      : "NO"};
	cli_table_add(table, cells);
}

static json_t *totals_json(const struct totals *totals)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I}", "epoch",
		(json_int_t)totals->epoch, "sessions", (json_int_t)totals->sessions, "units",
		(json_int_t)totals->units, "owed_ncoin", (json_int_t)totals->owed.ncoin,
		"settled_owed_ncoin", (json_int_t)totals->settled_owed.ncoin, "paid_ncoin",
		(json_int_t)totals->paid.ncoin, "due_ncoin", (json_int_t)due_ncoin(totals),
		"prize_ncoin", (json_int_t)totals->prize.ncoin, "settled", totals->waiting == 0,
		"leaves", (json_int_t)totals->leaves);
}

static json_t *sessions_json(const struct sales *sales)
{
	json_t *list = json_array();
	for (size_t i = 0; i < sales->count; i++) {
		const struct sale *sale = &sales->items[i];
		char session[2 * SOUK_NONCE_SIZE + 1];
		souk_hex_encode(session, sale->session.bytes, SOUK_NONCE_SIZE);
		json_array_append_new(list,
			json_pack("{s:s, s:I, s:s, s:I, s:I, s:I, s:s}", "session", session,
				"epoch", (json_int_t)sale->epoch, "escrow",
				cli_hash_text(&sale->escrow), "units", (json_int_t)sale->units,
				"owed_ncoin", (json_int_t)sale->owed.ncoin, "paid_ncoin",
				(json_int_t)sale->paid.ncoin, "state",
				state_text(sale, sales->items[sales->count - 1].epoch)));
	}
	return list;
}

/* Every epoch, and the total: into TABLE or LIST. */
static souk_status each_epoch(const struct sales *sales, struct cli_table *table, json_t *list)
{
	for (size_t at = 0; at < sales->count;) {
		struct totals totals;
		SOUK_TRY(sum_epoch(&totals, sales, &at));
		if (table != NULL) {
			add_row(table, &totals, false);
			continue;
		}
		json_t *object = totals_json(&totals);
		/* Until all is settled there is nothing to be right or wrong. */
		json_object_set_new(object, "within_one_prize",
			totals.waiting > 0 ? json_null() : json_boolean(totals.within));
		json_array_append_new(list, object);
	}
	return SOUK_OK;
}

static souk_status print_json(
	const struct sales *sales, const struct totals *all, const struct souk_address *address)
{
	json_t *list = json_array();
	souk_status status = each_epoch(sales, NULL, list);
	json_t *object = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "address",
		cli_address_text(address), "sessions", (json_int_t)all->sessions, "units",
		(json_int_t)all->units, "owed_ncoin", (json_int_t)all->owed.ncoin,
		"settled_owed_ncoin", (json_int_t)all->settled_owed.ncoin, "paid_ncoin",
		(json_int_t)all->paid.ncoin, "due_ncoin", (json_int_t)due_ncoin(all), "epochs",
		list);
	if (wants_sessions)
		json_object_set_new(object, "session_list", sessions_json(sales));
	if (status == SOUK_OK)
		cli_print_json(object);
	else
		json_decref(object);
	return status;
}

static souk_status print_table(const struct sales *sales, const struct totals *all)
{
	static const char *const headings[] = {"epoch", "sessions", "units", "owed", "paid",
		"waiting", "difference", "prize", "within one prize"};
	static const bool is_number[] = {true, true, true, true, true, true, true, true, false};
	struct cli_table *table = cli_table_new(9, headings, is_number);
	if (wants_sessions)
		print_sessions(sales);
	souk_status status = each_epoch(sales, table, NULL);
	if (status == SOUK_OK)
		add_row(table, all, true);
	cli_table_print(table);
	return status;
}

int cmd_earnings(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"sessions", NULL, "also list every session", OPTION_FLAG, &wants_sessions},
	};
	static const struct command_spec command = {.name = "earnings",
		.arguments = "",
		.summary = "Show what this home's provider sold, is owed and was paid.",
		.details =
			"Owed is paid units times their price. The ledger pays in prizes, drawn "
			"when an\n"
			"epoch is over: for units side by side on an escrow's value line it pays "
			"within one\n"
			"prize of what is owed. Waiting is owed by sessions that are not settled "
			"yet;\n"
			"difference is what settled ones were paid beyond what they were owed.",
		.examples = "  souk earnings\n  souk earnings --sessions --json",
		.options = options,
		.option_count = 1};
	struct souk_identity identity;
	struct sales sales = {0};
	struct totals all;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!cli_load_identity(&identity))
		return EXIT_REFUSED;
	souk_status status = read_sales(&sales);
	if (status == SOUK_OK)
		status = sum_all(&all, &sales);
	if (status == SOUK_OK)
		status = cli_json ? print_json(&sales, &all, &identity.address)
				  : print_table(&sales, &all);
	souk_bytes_wipe(&identity, sizeof identity);
	free(sales.items);
	return status == SOUK_OK ? 0
				 : cli_fail(command.name, cli_home_path(), status,
					   "the sales cannot be read");
}
