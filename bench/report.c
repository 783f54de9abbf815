/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_kit.h"
#include "microcash.h"
#include "micropay.h"
#include "ours.h"
#include "plot.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

#define TEXT_SIZE 48

static const char *const system_names[] = {
	[RACE_SOUK] = "Souk",
	[RACE_MICROCASH_SECP256K1] = "MicroCash, secp256k1",
	[RACE_MICROCASH_ED25519] = "MicroCash, Ed25519",
	[RACE_MICROPAY_SECP256K1] = "MICROPAY, secp256k1",
	[RACE_MICROPAY_ED25519] = "MICROPAY, Ed25519",
};

static const char *const role_names[] = {
	[RACE_CUSTOMER] = "Customer: payments issued",
	[RACE_PROVIDER] = "Provider: payments verified and accounted for",
	[RACE_LEDGER] = "Ledger: claims of one prize each, paid",
};

/* 12,345,678 */
static const char *grouped(char out[TEXT_SIZE], double value)
{
	char digits[TEXT_SIZE];
	int size = snprintf(digits, sizeof digits, "%.0f", value), at = 0;
	for (int i = 0; i < size; i++) {
		if (i > 0 && (size - i) % 3 == 0 && digits[i - 1] != '-')
			out[at++] = ',';
		out[at++] = digits[i];
	}
	out[at] = '\0';
	return out;
}

/* Three digits and a unit: 17.0 M */
static const char *short_number(char out[TEXT_SIZE], double value, const char *unit)
{
	double shown = value >= 1e6 ? value / 1e6 : value >= 1e3 ? value / 1e3 : value;
	snprintf(out, TEXT_SIZE, "%.*f%s%s",
		shown < 10    ? 2
		: shown < 100 ? 1
			      : 0,
		shown,
		value >= 1e6   ? " M"
		: value >= 1e3 ? " k"
			       : "",
		unit);
	return out;
}

static FILE *open_file(const char *dir, const char *name)
{
	char path[1024];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *file = fopen(path, "w");
	if (file == NULL)
		fprintf(stderr, "souk bench: %s: %s\n", path, strerror(errno));
	return file;
}

static bool close_file(FILE *file, const char *dir)
{
	bool ok = !ferror(file);
	if (fclose(file) != 0 || !ok) {
		fprintf(stderr, "souk bench: cannot write in %s: %s\n", dir, strerror(errno));
		return false;
	}
	return true;
}

/* ---- charts ---- */

/* Souk's bars also say how they stand to the faster MicroCash. */
static void add_ratio(char text[TEXT_SIZE], const struct race *race, enum race_role role)
{
	size_t used = strlen(text);
	double ratio = race_ratio(race, race_faster(race, RACE_MICROCASH_SECP256K1, role), role);
	snprintf(text + used, TEXT_SIZE - used,
		ratio < 10 ? ": %.2f × MicroCash" : ": %.0f × MicroCash", ratio);
}

static bool chart_rates(const struct race *race, const char *dir)
{
	static char texts[RACE_ROLES][RACE_SYSTEMS][TEXT_SIZE];
	static struct plot_bar bars[RACE_ROLES][RACE_SYSTEMS];
	struct plot_group groups[RACE_ROLES];
	FILE *out = open_file(dir, "race-rates.svg");
	if (out == NULL)
		return false;
	for (enum race_role role = 0; role < RACE_ROLES; role++) {
		for (enum race_system i = 0; i < RACE_SYSTEMS; i++) {
			double rate = race_rate(race, i, role);
			bars[role][i] = (struct plot_bar){system_names[i], (enum plot_colour)i,
				rate, short_number(texts[role][i], rate, "/s")};
		}
		add_ratio(texts[role][RACE_SOUK], race, role);
		groups[role] = (struct plot_group){role_names[role], bars[role], RACE_SYSTEMS};
	}
	struct plot_bars plot = {
		.title = "What one core does per second",
		.subtitle = "Same machine, same run, interleaved rounds, medians; the axis is "
			    "logarithmic",
		.x_label = "per second",
		.logarithmic = true,
		.from = 1e3,
		.to = 1e8,
		.groups = groups,
		.count = RACE_ROLES,
	};
	plot_bars_write(out, &plot);
	return close_file(out, dir);
}

static bool chart_payout(const struct race *race, const char *dir)
{
	static const char *const names[] = {"Souk", "MicroCash", "MICROPAY"};
	static const enum plot_colour colours[] = {PLOT_TEAL, PLOT_ORANGE, PLOT_PURPLE};
	static char texts[3][PAYOUT_SYSTEMS][TEXT_SIZE];
	static struct plot_bar bars[3][PAYOUT_SYSTEMS];
	static const char *const group_names[] = {"Standard deviation, one epoch",
		"Largest seen, one epoch", "Standard deviation, 100 epochs together"};
	struct plot_group groups[3];
	double largest = 1;
	FILE *out = open_file(dir, "race-payout.svg");
	if (out == NULL)
		return false;
	for (int g = 0; g < 3; g++) {
		for (enum payout_system i = 0; i < PAYOUT_SYSTEMS; i++) {
			const struct payout *p = &race->payouts[i];
			double value = g == 0 ? p->sd : g == 1 ? p->max : p->run_sd;
			snprintf(texts[g][i], TEXT_SIZE, "%.*f", value < 1 ? 3 : 2, value);
			bars[g][i] = (struct plot_bar){names[i], colours[i], value, texts[g][i]};
			largest = fmax(largest, value);
		}
		groups[g] = (struct plot_group){group_names[g], bars[g], PAYOUT_SYSTEMS};
	}
	struct plot_bars plot = {
		.title = "How far a payout is from what is owed",
		.subtitle = "A prize is worth 1,000 payments in all three; a provider is owed 5 "
			    "prizes per epoch on average",
		.x_label = "prizes",
		.from = 0,
		.to = ceil(largest / 5) * 5,
		.groups = groups,
		.count = 3,
		.mark = 1,
		.note = "one prize",
	};
	plot_bars_write(out, &plot);
	return close_file(out, dir);
}

static bool chart_bytes(const struct race *race, const char *dir)
{
	static struct plot_point points[3][2];
	static char note[128];
	char text[TEXT_SIZE];
	double last = 65536;
	const enum race_system systems[] = {
		RACE_SOUK, RACE_MICROCASH_SECP256K1, RACE_MICROPAY_SECP256K1};
	FILE *out = open_file(dir, "race-ledger-bytes.svg");
	if (out == NULL)
		return false;
	for (int i = 0; i < 3; i++) {
		points[i][0] = (struct plot_point){
			PAYOUT_TICKETS, race_ledger_bytes(race, systems[i], PAYOUT_TICKETS)};
		points[i][1] = (struct plot_point){last, race_ledger_bytes(race, systems[i], last)};
	}
	struct plot_line lines[] = {{"Souk", PLOT_TEAL, points[0], 2},
		{"MicroCash", PLOT_ORANGE, points[1], 2}, {"MICROPAY", PLOT_PURPLE, points[2], 2}};
	double cross = race_crossover_bytes(race, RACE_MICROCASH_SECP256K1) * PAYOUT_TICKETS;
	snprintf(note, sizeof note, "Souk is smaller from %s on", grouped(text, cross));
	struct plot_lines plot = {
		.title = "Bytes on the ledger per million payments",
		.subtitle = "A prize is worth 1,000 payments. Souk claims many at once; the others "
			    "claim each prize alone",
		.x_label = "payments settled by one claim of Souk",
		.y_label = "bytes per million payments",
		.from = {PAYOUT_TICKETS, 1e4},
		.to = {last, 2e6},
		.lines = lines,
		.count = 3,
		.mark = {cross, race_ledger_bytes(race, RACE_MICROCASH_SECP256K1, 1)},
		.note = note,
	};
	plot_lines_write(out, &plot);
	return close_file(out, dir);
}

static bool chart_capital(const char *dir)
{
	static struct plot_point souk[2], microcash[64];
	FILE *out = open_file(dir, "race-capital.svg");
	if (out == NULL)
		return false;
	double payment = race_payment_capital();
	souk[0] = (struct plot_point){1, payment};
	souk[1] = (struct plot_point){1000, payment};
	for (int i = 0; i < 64; i++) {
		double payees = pow(1000, i / 63.0);
		microcash[i] = (struct plot_point){
			payees, payment + race_penalty_capital(RACE_MICROCASH_SECP256K1, payees)};
	}
	struct plot_line lines[] = {
		{"MicroCash", PLOT_ORANGE, microcash, 64}, {"Souk", PLOT_TEAL, souk, 2}};
	struct plot_lines plot = {
		.title = "Capital that a payer locks",
		.subtitle =
			"In rounds of spend; the draw comes 10 rounds later, claims may take 10 "
			"more",
		.x_label = "payees of one escrow",
		.y_label = "rounds of spend",
		.from = {1, 10},
		.to = {1000, 1e5},
		.lines = lines,
		.count = 2,
	};
	plot_lines_write(out, &plot);
	return close_file(out, dir);
}

static bool chart_strip(const struct race *race, const char *dir)
{
	static struct plot_point souk[64], microcash[2];
	static char note[128];
	enum race_system faster = race_faster(race, RACE_MICROCASH_SECP256K1, RACE_PROVIDER);
	double theirs = race_rate(race, faster, RACE_PROVIDER);
	double cross = race_crossover_strip(race, faster);
	FILE *out = open_file(dir, "race-strip.svg");
	if (out == NULL)
		return false;
	for (int i = 0; i < 64; i++) {
		double count = pow(65536, i / 63.0);
		souk[i] = (struct plot_point){count, race_provider_rate_at(race, count)};
	}
	microcash[0] = (struct plot_point){1, theirs};
	microcash[1] = (struct plot_point){65536, theirs};
	snprintf(note, sizeof note, "Souk is faster from %.1f on", cross);
	struct plot_line lines[] = {
		{"Souk", PLOT_TEAL, souk, 64}, {"MicroCash", PLOT_ORANGE, microcash, 2}};
	struct plot_lines plot = {
		.title = "A provider's payments per second, by payments per strip",
		.subtitle = "A strip costs one signature check, then each payment one hash",
		.x_label = "payments made with one strip",
		.y_label = "payments per second on one core",
		.from = {1, 1e3},
		.to = {65536, 1e8},
		.lines = lines,
		.count = 2,
		.mark = {cross, theirs},
		.note = note,
	};
	plot_lines_write(out, &plot);
	return close_file(out, dir);
}

/* ---- the page ---- */

static void processor_name(char *out, size_t size)
{
	char row[256];
	FILE *file = fopen("/proc/cpuinfo", "r");
	snprintf(out, size, "an unnamed processor");
	while (file != NULL && fgets(row, sizeof row, file) != NULL) {
		char *colon = strchr(row, ':');
		if (strncmp(row, "model name", 10) != 0 || colon == NULL)
			continue;
		row[strcspn(row, "\n")] = '\0';
		snprintf(out, size, "%s", colon + 2);
		break;
	}
	if (file != NULL)
		fclose(file);
}

static void page_start(FILE *out, const struct race *race)
{
	char processor[256];
	processor_name(processor, sizeof processor);
	fprintf(out,
		"<!-- Made by: souk bench payments --report docs. Do not edit. -->\n"
		"# The race against MicroCash and MICROPAY\n\n"
		"Souk pays with one signature for a strip of many tickets, and one hash for each. "
		"MicroCash (Almashaqbeh, Bishop, Cappos, 2020) and MICROPAY (Pass, shelat, 2015) "
		"sign every payment. Both are written anew in `bench/` from their papers, and run "
		"here beside Souk's own code: one core of %s, SHA-256 by %s, %u interleaved "
		"rounds, medians; a ratio is the median of the rounds' ratios.\n\n"
		"Every doubt is decided in their favour: the faster of two signature schemes, "
		"keys parsed beforehand, compact signatures, neither MicroCash's delay function "
		"nor MICROPAY's fresh address for each payment and fresh escrow for each win is "
		"charged. Souk's rates are with everything: a customer's strips are made and "
		"signed (%d strips under one signature), a provider's are verified, and there are "
		"%d payments for each. The strips of %d customers arrive interleaved.\n\n",
		processor, souk_sha256_engine(), race->rounds, OURS_BATCH, OURS_UNITS, OURS_STRIPS);
}

static void page_rates(FILE *out, const struct race *race)
{
	char text[TEXT_SIZE];
	fprintf(out, "## Rates\n\n![rates](race-rates.svg)\n\n"
		     "| per second, one core | customer | provider | ledger, claims |\n"
		     "| --- | ---: | ---: | ---: |\n");
	for (enum race_system i = 0; i < RACE_SYSTEMS; i++) {
		fprintf(out, "| %s |", system_names[i]);
		for (enum race_role role = 0; role < RACE_ROLES; role++)
			fprintf(out, " %s |", grouped(text, race_rate(race, i, role)));
		fprintf(out, "\n");
	}
	for (enum race_system i = 1; i < RACE_SYSTEMS; i++) {
		fprintf(out, "| Souk : %s |", system_names[i]);
		for (enum race_role role = 0; role < RACE_ROLES; role++) {
			double ratio = race_ratio(race, i, role);
			fprintf(out, ratio < 10 ? " %.2f |" : " %.0f |", ratio);
		}
		fprintf(out, "\n");
	}
	fprintf(out, "\nWithout the strips, tickets alone: %s issued, %s verified one by one, ",
		grouped(text, race_part(race, RACE_ISSUE)),
		grouped((char[TEXT_SIZE]){0}, race_part(race, RACE_VERIFY)));
	fprintf(out, "%s in four lanes. Strips: %s made, ",
		grouped(text, race_part(race, RACE_VERIFY_MANY)),
		grouped((char[TEXT_SIZE]){0}, race_part(race, RACE_OPEN_STRIPS)));
	fprintf(out, "%s verified per second.\n\n",
		grouped(text, race_part(race, RACE_VERIFY_STRIPS)));
	enum race_system faster = race_faster(race, RACE_MICROCASH_SECP256K1, RACE_PROVIDER);
	fprintf(out,
		"![payments per strip](race-strip.svg)\n\n"
		"From %.1f payments per strip on a Souk provider is faster: a strip that is used "
		"once "
		"costs about what a MicroCash ticket costs.\n\n",
		race_crossover_strip(race, faster));
}

static void page_ledger(FILE *out, const struct race *race)
{
	static const double per_claim[] = {1000, 10000, 65536};
	char text[TEXT_SIZE], other[TEXT_SIZE];
	enum race_system faster = race_faster(race, RACE_MICROCASH_SECP256K1, RACE_LEDGER);
	double bytes = race_crossover_bytes(race, RACE_MICROCASH_SECP256K1);
	double seconds = race_crossover_time(race, faster);
	fprintf(out,
		"## The ledger: where their smaller claim wins\n\n"
		"![bytes on the ledger](race-ledger-bytes.svg)\n\n"
		"| | bytes |\n| --- | ---: |\n"
		"| Souk: a claim in its signed transaction (64 payees, %d strips under a "
		"signature) | %zu |\n"
		"| Souk: the allotment of an epoch, shared by its payees | %zu |\n"
		"| Souk: one of %u strips of a leaf that one transaction claims (16 payees) | %zu "
		"|\n| MicroCash: a claim (the paper: 110) | %d |\n"
		"| MICROPAY: a claim (the paper's measurement: 355) | %d |\n\n",
		OURS_BATCH, race->claim_tx_bytes, race->allot_tx_bytes, CLAIMS_MAX,
		race->batched_claim_bytes, MICROCASH_TICKET_SIZE, MICROPAY_CLAIM_SIZE);
	fprintf(out,
		"MicroCash claims each prize alone; one claim of Souk collects all prizes of a "
		"strip. To make them comparable the prize is worth %s payments in all three, so "
		"that what comes at once is as large; the table of payouts says what that leaves "
		"of the even payout. Bytes per million payments (%u payees share an allotment):\n\n"
		"| payments per claim | Souk | MicroCash | MICROPAY |\n| ---: | ---: | ---: | ---: "
		"|\n",
		grouped(text, PAYOUT_TICKETS), PAYOUT_PAYEES);
	for (size_t i = 0; i < SOUK_COUNT_OF(per_claim); i++) {
		fprintf(out, "| %s |", grouped(text, per_claim[i]));
		for (enum race_system s = 0; s < RACE_SYSTEMS; s += s == 0 ? 1 : 2)
			fprintf(out, " %s |",
				grouped(text, race_ledger_bytes(race, s, per_claim[i])));
		fprintf(out, "\n");
	}
	fprintf(out,
		"\nTheir claim is the better one for a provider that is owed little at a time: "
		"below **%.1f prizes per claim** (%s payments here) MicroCash puts fewer bytes on "
		"the ledger (%.1f where several strips are claimed at once), and below %.1f prizes "
		"(%s payments) it costs the ledger less time. "
		"Above, Souk is ahead in proportion. Both crossovers are counted in prizes, so "
		"they do not depend on how large a prize is.\n\n",
		bytes, grouped(text, bytes * PAYOUT_TICKETS),
		race_crossover_bytes_batched(race, RACE_MICROCASH_SECP256K1), seconds,
		grouped(other, seconds * PAYOUT_TICKETS));
}

static void page_capital(FILE *out)
{
	static const double payees[] = {1, 10, 100, 1000};
	char text[TEXT_SIZE];
	fprintf(out,
		"## Capital locked\n\n![capital](race-capital.svg)\n\n"
		"In rounds of spend, for a draw after %d rounds and %d rounds to claim; %s "
		"payments and %u prizes in a round. All lock 1 + d + r = %.0f rounds to pay with. "
		"On top MicroCash needs (m - 1) ((1 - p) / (1 - 1 / C(t, (1 - p) t)) + "
		"(1 - p) (d - 1) + r) rounds, to be burnt when one number was signed for two "
		"payees; Souk's allotments leave nothing to punish.\n\n"
		"| payees | Souk, penalty | MicroCash, penalty | Souk, all | MicroCash, all |\n"
		"| ---: | ---: | ---: | ---: | ---: |\n",
		RACE_DRAW_ROUNDS, RACE_REDEEM_ROUNDS, grouped(text, PAYOUT_PRIZES * PAYOUT_TICKETS),
		PAYOUT_PRIZES, race_payment_capital());
	for (size_t i = 0; i < SOUK_COUNT_OF(payees); i++) {
		double penalty = race_penalty_capital(RACE_MICROCASH_SECP256K1, payees[i]);
		fprintf(out, "| %s |", grouped(text, payees[i]));
		fprintf(out, " 0 | %s |", grouped(text, penalty));
		fprintf(out, " %s |", grouped(text, race_payment_capital()));
		fprintf(out, " %s |\n", grouped(text, race_payment_capital() + penalty));
	}
	fprintf(out,
		"\nMICROPAY is left out: it locks a prize and a penalty for each escrow, a win "
		"spends "
		"the escrow, and how many a payer needs follows from its rate (MicroCash's authors "
		"count 60 to 1,019) and not from the number of payees.\n\n");
}

static void page_payout(FILE *out, const struct race *race)
{
	static const char *const names[] = {"Souk", "MicroCash", "MICROPAY"};
	char text[TEXT_SIZE];
	const struct payout *ours = &race->payouts[PAYOUT_SOUK];
	const struct payout *theirs = &race->payouts[PAYOUT_MICROCASH];
	double finer = theirs->sd * theirs->sd / (ours->sd * ours->sd);
	fprintf(out,
		"## Payout against what is owed\n\n![payout](race-payout.svg)\n\n"
		"%s epochs, simulated with the code that draws: %u payees with equal shares of %u "
		"prizes, each paid a random part of its share in one contiguous run. In prizes:\n\n"
		"| | sd, one epoch | largest, one epoch | sd, %u epochs | mean |\n"
		"| --- | ---: | ---: | ---: | ---: |\n",
		grouped(text, race->payout_epochs), PAYOUT_PAYEES, PAYOUT_PRIZES, PAYOUT_RUN);
	for (enum payout_system i = 0; i < PAYOUT_SYSTEMS; i++) {
		const struct payout *p = &race->payouts[i];
		fprintf(out, "| %s | %.2f | %.3f | %.2f | %+.3f |\n", names[i], p->sd, p->max,
			p->run_sd, p->bias);
	}
	fprintf(out,
		"\nSouk's payout is always within one prize of what is owed for each contiguous "
		"run. A provider that is paid in several runs of an epoch can be off by a prize "
		"for each, unless a receipt merges them. For as even a payout as Souk's MicroCash "
		"would need prizes %.0f times smaller, and so %.0f times the claims.\n\n",
		finer, finer);
}

static void page_end(FILE *out, const struct race *race)
{
	fprintf(out,
		"## Bytes between customer and provider\n\n"
		"| bytes per payment | here | in the papers |\n| --- | ---: | ---: |\n"
		"| Souk, a ticket | %zu | |\n| Souk, its share of a strip of %d payments | %.1f | "
		"|\n| MicroCash | %d | 110 |\n| MICROPAY | %d, and %d back | 274 "
		"|\n\n"
		"## What the comparison leaves out\n\n"
		"- Souk's provider also makes a chain of keys, one hash for each unit. That is the "
		"exchange of goods for payment, which the other two do not have.\n"
		"- The peers' ledgers are hash tables in memory, without transactions, digests or "
		"blocks. Souk's is its whole state machine, with a second signature on every "
		"claim.\n"
		"- A MicroCash provider keeps the signatures of all tickets until the draw, %d "
		"bytes for each payment; Souk's keeps one value for each strip.\n"
		"- What a payment channel or a payment by hash chain alone (PayWord) would cost is "
		"another question: they have no lottery, and a payee for each channel or chain.\n",
		race->ticket_bytes, OURS_UNITS, (double)race->strip_bytes / OURS_UNITS,
		MICROCASH_TICKET_SIZE, MICROPAY_TICKET_SIZE, MICROPAY_REQUEST_SIZE,
		BENCH_SIGNATURE_SIZE);
}

bool race_report(const struct race *race, const char *dir)
{
	FILE *out = open_file(dir, "race.md");
	if (out == NULL)
		return false;
	page_start(out, race);
	page_rates(out, race);
	page_ledger(out, race);
	page_capital(out);
	page_payout(out, race);
	page_end(out, race);
	return close_file(out, dir) && chart_rates(race, dir) && chart_strip(race, dir) &&
	       chart_bytes(race, dir) && chart_capital(dir) && chart_payout(race, dir);
}
