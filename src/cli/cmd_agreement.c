/* SPDX-License-Identifier: Apache-2.0
 *
 * agreement: deposits that answer for what a provider delivers, and faults brought to the ledger.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "../client/provider_client.h"
#include "../daemon/judges.h"
#include "souk/base/check.h"
#include "souk/content/judge.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"
#include "souk/keys/service.h"

#define PROVIDER_TIMEOUT_MS 30000u
#define POLL_US		    200000u

static struct souk_amount deposit = {SOUK_NCOIN_PER_COIN};
static struct souk_amount bond = {SOUK_NCOIN_PER_COIN / 20};
static uint64_t victim_permille = 500, reporter_permille = 250;
static uint64_t respond_ms = 10 * 60 * 1000, life_ms = 7ull * 24 * 3600 * 1000;
static bool shows_all, anyway, waits;

/* What every subcommand needs. Evidence makes a transaction large. */
static struct run {
	const char *command;
	struct souk_identity identity;
	struct souk_chain_client *client;
	struct souk_ledger_status ledger;
	struct souk_hash id;
	struct souk_agreement_record record;
	struct souk_tx_body body;
	struct souk_chain_result result;
} run;

static int finish(int code)
{
	souk_bytes_wipe(&run.identity, sizeof run.identity);
	souk_chain_client_free(run.client);
	return code;
}

static int fail(const char *what, souk_status status)
{
	return finish(cli_fail_ledger(run.command, what, status, run.client));
}

/* False where it failed, and said why. */
static bool start(const char *command)
{
	run.command = command;
	if (!cli_load_identity(&run.identity))
		return false;
	run.client = cli_open_ledger();
	souk_status status = souk_chain_status(run.client, &run.ledger);
	if (status != SOUK_OK)
		fail("cannot ask the ledger", status);
	return status == SOUK_OK;
}

static bool parse_id(const char *command, const char *text)
{
	bool good = strlen(text) == 2 * SOUK_HASH_SIZE &&
		    souk_hex_decode(run.id.bytes, SOUK_HASH_SIZE, text) == SOUK_OK;
	if (!good)
		cli_fail(command, text, SOUK_PEER_BAD_HEX, "an agreement's id is 64 hex digits");
	return good;
}

static bool load_record(void)
{
	souk_status status = souk_chain_agreement(run.client, &run.id, &run.record);
	if (status != SOUK_OK)
		fail("cannot show the agreement", status);
	return status == SOUK_OK;
}

/* What becomes of AMOUNT at PERMILLE of the deposit. */
static struct souk_amount share_of(const struct souk_agreement *agreement, unsigned permille)
{
	uint64_t ncoin = agreement->deposit.ncoin;
	return souk_amount_of_ncoin(ncoin / 1000 * permille + ncoin % 1000 * permille / 1000);
}

/* ---- show ---- */

static const char *state_of(const struct souk_agreement_record *record)
{
	struct souk_time now = cli_now();
	const struct souk_agreement *agreement = &record->agreement;
	if (record->convicted)
		return "convicted";
	if (record->challenged)
		return "challenged";
	if (souk_time_is_before(now, agreement->ends))
		return record->revoked.ms != 0 ? "revoked" : "runs";
	return souk_time_is_before(now, souk_time_plus_ms(agreement->ends, agreement->respond_ms))
		       ? "ending"
		       : "over";
}

static const char *service_of(const struct souk_agreement *agreement)
{
	static char number[12];
	switch (agreement->service) {
	case SOUK_SERVICE_CONTENT: return "content";
	case SOUK_SERVICE_KEYS: return "keys";
	default: snprintf(number, sizeof number, "%" PRIu32, agreement->service); return number;
	}
}

/* What the terms of AGREEMENT are, where the service is one that we know. */
static json_t *json_of_terms(const struct souk_agreement *agreement)
{
	struct souk_key_terms terms;
	struct souk_address receiver;
	struct souk_bytes details = souk_bytes_of(agreement->details.data, agreement->details.size);
	if (agreement->service == SOUK_SERVICE_CONTENT)
		return json_pack("{s:s}", "content", cli_hash_text(&agreement->terms));
	if (agreement->service != SOUK_SERVICE_KEYS ||
		souk_key_terms_decode(&terms, details, NULL) != SOUK_OK ||
		souk_address_of_pubkey(&receiver, &terms.receiving) != SOUK_OK)
		return json_object();
	return json_pack("{s:s, s:i, s:I}", "receiver", cli_address_text(&receiver), "threshold",
		(int)terms.threshold, "price_ncoin", (json_int_t)terms.price.ncoin);
}

static json_t *json_of(const struct souk_hash *id, const struct souk_agreement_record *record)
{
	const struct souk_agreement *a = &record->agreement;
	json_t *object = json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:i, s:i, s:I, s:I, s:I, s:b, s:b, s:I}",
		"agreement", cli_hash_text(id), "state", state_of(record), "service", service_of(a),
		"provider", cli_address_text(&a->provider), "customer",
		cli_address_text(&a->customer), "terms", cli_hash_text(&a->terms), "deposit_ncoin",
		(json_int_t)a->deposit.ncoin, "bond_ncoin", (json_int_t)a->bond.ncoin,
		"victim_permille", (int)a->victim_permille, "reporter_permille",
		(int)a->reporter_permille, "respond_ms", (json_int_t)a->respond_ms, "ends_ms",
		(json_int_t)a->ends.ms, "revoked_ms", (json_int_t)record->revoked.ms, "convicted",
		record->convicted, "challenged", record->challenged, "due_ms",
		(json_int_t)record->due.ms);
	json_t *terms = json_of_terms(a);
	json_object_update(object, terms);
	json_decref(terms);
	return object;
}

static void print_terms(const struct souk_agreement *agreement)
{
	json_t *terms = json_of_terms(agreement);
	const char *receiver = json_string_value(json_object_get(terms, "receiver"));
	printf("service   %s\n", service_of(agreement));
	if (agreement->service == SOUK_SERVICE_CONTENT)
		printf("content   %s\n", cli_hash_text(&agreement->terms));
	else
		printf("terms     %s\n", cli_hash_text(&agreement->terms));
	if (receiver != NULL) {
		printf("receiver  %s, from %d proxies\n", receiver,
			(int)json_integer_value(json_object_get(terms, "threshold")));
		printf("price     %s coins a request\n",
			cli_amount_text(souk_amount_of_ncoin((uint64_t)json_integer_value(
				json_object_get(terms, "price_ncoin")))));
	}
	json_decref(terms);
}

static void print_record(void)
{
	const struct souk_agreement *a = &run.record.agreement;
	printf("agreement %s\n", cli_hash_text(&run.id));
	printf("state     %s\n", state_of(&run.record));
	printf("provider  %s\n", cli_address_text(&a->provider));
	printf("customer  %s\n", cli_address_text(&a->customer));
	print_terms(a);
	printf("deposit   %s coins: on a fault %s to the customer, %s to who proves it, the rest "
	       "burnt\n",
		cli_amount_text(a->deposit), cli_amount_text(share_of(a, a->victim_permille)),
		cli_amount_text(share_of(a, a->reporter_permille)));
	printf("bond      %s coins, of who accuses or challenges\n", cli_amount_text(a->bond));
	printf("answer    within %" PRIu64 " s of a challenge\n", a->respond_ms / 1000);
	printf("ends      %s\n", cli_date_text(a->ends));
	if (run.record.revoked.ms != 0)
		printf("revoked   %s\n", cli_date_text(run.record.revoked));
}

static int agreement_show(int argc, char **argv)
{
	static const struct command_spec command = {.name = "agreement show",
		.arguments = "ID",
		.summary = "Show an agreement as the ledger has it.",
		.examples = "  souk agreement show ID --json",
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	run.command = command.name;
	if (!parse_id(command.name, argv[0]))
		return EXIT_USAGE;
	run.client = cli_open_ledger();
	if (!load_record())
		return EXIT_REFUSED;
	if (cli_json)
		cli_print_json(json_of(&run.id, &run.record));
	else
		print_record();
	return finish(0);
}

/* ---- list ---- */

static souk_status list_into(json_t *list, struct cli_table *table)
{
	static struct souk_agreement_page page;
	struct souk_hash from = {{0}};
	const struct souk_address *party = shows_all ? NULL : &run.identity.address;
	do {
		SOUK_TRY(souk_chain_agreements(run.client, &from, party, &page));
		for (int i = 0; i < page.items.count; i++) {
			const struct souk_agreement_record *record = &page.items.items[i];
			struct souk_hash id = souk_agreement_digest(&record->agreement);
			const char *cells[] = {cli_hash_text(&id), service_of(&record->agreement),
				state_of(record), cli_address_text(&record->agreement.provider),
				cli_amount_text(record->agreement.deposit)};
			if (cli_json)
				json_array_append_new(list, json_of(&id, record));
			else
				cli_table_add(table, cells);
		}
		from = page.next;
	} while (page.more);
	return SOUK_OK;
}

static int agreement_list(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"all", NULL, "everybody's, not only those of this home", OPTION_FLAG, &shows_all},
	};
	static const struct command_spec command = {.name = "agreement list",
		.arguments = "",
		.summary = "List the agreements that this home is in, on either side.",
		.examples = "  souk agreement list\n  souk agreement list --all --json",
		.options = options,
		.option_count = 1};
	static const char *const headings[] = {
		"agreement", "service", "state", "provider", "deposit"};
	static const bool is_number[] = {false, false, false, false, true};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!start(command.name))
		return EXIT_REFUSED;
	json_t *list = cli_json ? json_array() : NULL;
	struct cli_table *table = cli_json ? NULL : cli_table_new(5, headings, is_number);
	souk_status status = list_into(list, table);
	if (status != SOUK_OK)
		return fail("cannot list the agreements", status);
	if (cli_json)
		cli_print_json(json_pack("{s:o}", "agreements", list));
	else
		cli_table_print(table);
	return finish(0);
}

/* ---- propose ---- */

static bool fill_proposal(
	struct souk_agreement *agreement, const char *provider, const char *content)
{
	struct souk_content_name name;
	const char *digits = strncmp(provider, "0x", 2) == 0 ? provider + 2 : provider;
	*agreement = (struct souk_agreement){
		.version = SOUK_AGREEMENT_VERSION,
		.service = SOUK_SERVICE_CONTENT,
		.deposit = deposit,
		.bond = bond,
		.victim_permille = (uint16_t)victim_permille,
		.reporter_permille = (uint16_t)reporter_permille,
		.respond_ms = respond_ms,
		.ends = souk_time_plus_ms(cli_now(), life_ms),
	};
	if (strlen(digits) != 2 * SOUK_ADDRESS_SIZE ||
		souk_hex_decode(agreement->provider.bytes, SOUK_ADDRESS_SIZE, digits) != SOUK_OK) {
		cli_fail("agreement propose", provider, SOUK_PEER_BAD_HEX,
			"a provider is named by its address");
		return false;
	}
	if (souk_content_name_parse(&name, content) != SOUK_OK) {
		cli_fail("agreement propose", content, SOUK_PEER_BAD_HEX,
			"a content id is 64 hex digits");
		return false;
	}
	if (victim_permille + reporter_permille > 1000) {
		cli_fail("agreement propose", "--victim and --reporter", SOUK_PEER_AGREEMENT_TERMS,
			"together they are more than 1000");
		return false;
	}
	agreement->terms = name.id;
	return true;
}

/* Signed by us, entered into by the provider. */
static souk_status propose(struct souk_agreement *agreement, char *ret_detail, size_t detail_size)
{
	struct souk_provider_record record;
	struct provider_client provider;
	struct souk_signed_agreement proposal;
	agreement->ledger = run.ledger.record.ledger;
	agreement->customer = run.identity.address;
	SOUK_TRY(souk_entropy_fill(
		souk_entropy_real(), agreement->nonce.bytes, sizeof agreement->nonce.bytes));
	SOUK_TRY(souk_chain_provider(run.client, &agreement->provider, &record));
	SOUK_TRY(provider_client_init(&provider, &record, PROVIDER_TIMEOUT_MS));
	run.id = souk_agreement_digest(agreement);
	proposal.agreement = *agreement;
	souk_ecdsa_sign(&proposal.signature, &run.id, &run.identity);
	souk_status status = provider_client_agree(&provider, &proposal);
	snprintf(ret_detail, detail_size, "%s", provider.control.detail);
	provider_client_done(&provider);
	return status;
}

static int agreement_propose(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"deposit", "COINS", "what the provider locks (1)", OPTION_AMOUNT, &deposit},
		{"bond", "COINS", "what an accuser or a challenger puts up (0.05)", OPTION_AMOUNT,
			&bond},
		{"victim", "PERMILLE", "of the deposit to you, on a fault (500)", OPTION_U64,
			&victim_permille},
		{"reporter", "PERMILLE", "to who proves it (250); the rest is burnt", OPTION_U64,
			&reporter_permille},
		{"respond", "TIME", "how soon a challenge is answered (10m)", OPTION_DURATION,
			&respond_ms},
		{"for", "TIME", "how long units are stood up for (7d)", OPTION_DURATION, &life_ms},
	};
	static const struct command_spec command = {.name = "agreement propose",
		.arguments = "PROVIDER CONTENT",
		.summary = "Ask a provider to lock a deposit for what it sells you.",
		.details = "You sign, and the provider enters into it on the ledger if its policy "
			   "allows the\n"
			   "terms. From then on souk get has its units of CONTENT signed for. The "
			   "bond should\n"
			   "be worth more than one unit, and less than what a conviction brings.",
		.examples = "  souk agreement propose 0x5af4...e1 ID --deposit 5 --for 30d",
		.options = options,
		.option_count = 6,
		.arguments_min = 2,
		.arguments_max = 2};
	struct souk_agreement agreement;
	char detail[256] = "";
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!fill_proposal(&agreement, argv[0], argv[1]))
		return EXIT_USAGE;
	if (!start(command.name))
		return EXIT_REFUSED;
	souk_status status = propose(&agreement, detail, sizeof detail);
	if (status != SOUK_OK)
		return finish(cli_fail(command.name,
			status == SOUK_IO_NET || status == SOUK_IO_TIMEOUT
				? "cannot ask the provider"
				: "the provider does not agree",
			status, detail));
	run.record = (struct souk_agreement_record){.agreement = agreement};
	if (cli_json)
		cli_print_json(json_of(&run.id, &run.record));
	else
		print_record();
	return finish(0);
}

/* ---- what is brought to the ledger ---- */

static const char no_evidence[] = "this is no evidence that souk wrote";
static const char no_question[] = "this is no question that souk wrote";

/* The bytes of PATH; OTHERWISE says what a file that is too large is not. */
static bool load_file(
	const char *path, size_t size_max, const char *otherwise, char **ret_data, size_t *ret_size)
{
	souk_status status = souk_file_read(path, size_max, ret_data, ret_size);
	if (status != SOUK_OK)
		finish(cli_fail(
			run.command, path, status, status == SOUK_LOCAL_FULL ? otherwise : NULL));
	return status == SOUK_OK;
}

static int report(const char *outcome, const char *text)
{
	if (cli_json)
		cli_print_json(
			json_pack("{s:s, s:s, s:s, s:I, s:I}", "agreement", cli_hash_text(&run.id),
				"outcome", outcome, "tx", cli_hash_text(&run.result.hash), "height",
				(json_int_t)run.result.receipt.height, "amount_ncoin",
				(json_int_t)run.result.receipt.amount.ncoin));
	else
		printf("%s\nagreement %s\n", text, cli_hash_text(&run.id));
	return finish(0);
}

static souk_status submit(void)
{
	return souk_chain_submit(run.client, &run.body, &run.identity, &run.result);
}

/* Evidence of content names its agreement and fault itself; of other services the whole accusation
 * is in the file. */
static souk_status read_accusation(struct souk_tx_accuse *ret, struct souk_bytes bytes)
{
	static struct souk_content_evidence evidence;
	if (souk_content_evidence_decode(&evidence, bytes, NULL) != SOUK_OK)
		return souk_tx_accuse_decode(ret, bytes, NULL);
	SOUK_CHECK(bytes.size <= sizeof ret->evidence.data);
	ret->agreement = evidence.unit.statement.agreement;
	ret->fault = SOUK_CONTENT_FAULT_UNIT;
	ret->evidence.size = (uint16_t)bytes.size;
	memcpy(ret->evidence.data, bytes.data, bytes.size);
	return SOUK_OK;
}

/* What the ledger will say of it. */
static souk_status judge_here(const struct souk_tx_accuse *tx)
{
	const struct souk_agreement_record *record = &run.record;
	const struct souk_judge *judge =
		souk_judges_find(known_judges(), record->agreement.service);
	struct souk_bytes evidence = souk_bytes_of(tx->evidence.data, tx->evidence.size);
	if (judge == NULL)
		return SOUK_PEER_NO_JUDGE;
	if (record->revoked.ms != 0 && judge->convict_revoked != NULL)
		return judge->convict_revoked(
			&record->agreement, record->revoked, tx->fault, evidence);
	return judge->convict(&record->agreement, tx->fault, evidence);
}

static int accuse(const char *path)
{
	struct souk_tx_accuse *tx = &run.body.accuse;
	char *data, text[200];
	size_t size;
	if (!load_file(path, SOUK_TX_ACCUSE_SIZE_MAX, no_evidence, &data, &size))
		return EXIT_REFUSED;
	run.body.kind = SOUK_TX_BODY_ACCUSE;
	souk_status status = read_accusation(tx, souk_bytes_of(data, size));
	free(data);
	if (status != SOUK_OK)
		return finish(cli_fail(run.command, path, status, no_evidence));
	run.id = tx->agreement;
	if (!load_record())
		return EXIT_REFUSED;
	status = judge_here(tx);
	if (status != SOUK_OK && !anyway)
		return finish(cli_fail(run.command, "this would cost you the bond", status,
			"the judge will not convict; --anyway sends it all the same"));
	status = submit();
	if (status != SOUK_OK)
		return fail("the ledger refused", status);
	if (!load_record())
		return EXIT_REFUSED;
	if (!run.record.convicted) {
		report("not_guilty", "not guilty: the bond went to the provider");
		return EXIT_REFUSED;
	}
	snprintf(text, sizeof text, "guilty: %s coins are taken, %s of them for the report",
		cli_amount_text(run.record.agreement.deposit),
		cli_amount_text(run.result.receipt.amount));
	return report("guilty", text);
}

static int agreement_accuse(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"anyway", NULL, "also where the judge would not convict", OPTION_FLAG, &anyway},
	};
	static const struct command_spec command = {.name = "agreement accuse",
		.arguments = "FILE",
		.summary = "Bring evidence that souk wrote to the ledger: it is judged at once.",
		.details = "Guilty: the deposit is split as the agreement says. Not guilty: the "
			   "bond is lost to\n"
			   "the provider; so it is judged here first, and not sent.",
		.examples = "  souk agreement accuse film.mkv.evidence-1",
		.options = options,
		.option_count = 1,
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	return start(command.name) ? accuse(argv[0]) : EXIT_REFUSED;
}

static int claim_silence(void)
{
	run.body = (struct souk_tx_body){
		.kind = SOUK_TX_BODY_SILENCE, .silence = {.agreement = run.id}};
	souk_status status = submit();
	if (status != SOUK_OK)
		return fail("the ledger refused", status);
	return report("silent", "the provider was silent: its deposit is taken");
}

/* Until the provider answers, or has not. The ledger's clock decides, ours only waits. */
static int wait_for_answer(void)
{
	while (load_record()) {
		if (run.record.convicted)
			return report("convicted", "the provider is convicted");
		if (!run.record.challenged)
			return report("answered", "the provider answered: the bond is its");
		if (souk_time_is_before(run.record.due, cli_now()))
			return claim_silence();
		usleep(POLL_US);
	}
	return EXIT_REFUSED;
}

/* As read_accusation. */
static souk_status read_question(struct souk_tx_challenge *ret, struct souk_bytes bytes)
{
	struct souk_content_question question;
	if (souk_content_question_decode(&question, bytes, NULL) != SOUK_OK)
		return souk_tx_challenge_decode(ret, bytes, NULL);
	SOUK_CHECK(bytes.size <= sizeof ret->question.data);
	ret->agreement = question.unit.statement.agreement;
	ret->question.size = (uint16_t)bytes.size;
	memcpy(ret->question.data, bytes.data, bytes.size);
	return SOUK_OK;
}

static int challenge(const char *path)
{
	struct souk_tx_challenge *tx = &run.body.challenge;
	char *data;
	size_t size;
	if (!load_file(path, SOUK_TX_CHALLENGE_SIZE_MAX, no_question, &data, &size))
		return EXIT_REFUSED;
	run.body.kind = SOUK_TX_BODY_CHALLENGE;
	souk_status status = read_question(tx, souk_bytes_of(data, size));
	free(data);
	if (status != SOUK_OK)
		return finish(cli_fail(run.command, path, status, no_question));
	run.id = tx->agreement;
	status = submit();
	if (status != SOUK_OK)
		return fail("the ledger refused", status);
	if (waits)
		return wait_for_answer();
	return report(
		"challenged", "challenged; later: souk agreement silence ID, if no answer comes");
}

static int agreement_challenge(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{"wait", NULL, "until it is answered, or silence is proved", OPTION_FLAG, &waits},
	};
	static const struct command_spec command = {.name = "agreement challenge",
		.arguments = "FILE",
		.summary = "Demand what a provider owes, with a question that souk wrote.",
		.details = "Of content: a key that was paid for. Of keys: a fragment. The provider "
			   "answers by\n"
			   "itself within the agreement's time, and your bond goes to it; or its "
			   "deposit is\n"
			   "taken, and your bond comes back. The agreement's customer may ask, and "
			   "the\n"
			   "receiver of a grant of keys.",
		.examples = "  souk agreement challenge film.mkv.question-1 --wait",
		.options = options,
		.option_count = 1,
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	return start(command.name) ? challenge(argv[0]) : EXIT_REFUSED;
}

static int agreement_silence(int argc, char **argv)
{
	static const struct command_spec command = {.name = "agreement silence",
		.arguments = "ID",
		.summary = "Have a provider punished whose answer is overdue.",
		.details = "Anybody may; the reward is the challenger's.",
		.examples = "  souk agreement silence ID",
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!parse_id(command.name, argv[0]))
		return EXIT_USAGE;
	return start(command.name) ? claim_silence() : EXIT_REFUSED;
}

static int agreement_revoke(int argc, char **argv)
{
	static const struct command_spec command = {.name = "agreement revoke",
		.arguments = "ID",
		.summary = "Customer: want no service any more, from now on.",
		.details =
			"Of services that can be revoked: keys. The provider may be punished for "
			"serving\n"
			"later than half of its time to respond; its deposit stays until the "
			"agreement\n"
			"is over. A challenge that waits is answered first.",
		.examples = "  souk agreement revoke ID",
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!parse_id(command.name, argv[0]))
		return EXIT_USAGE;
	if (!start(command.name))
		return EXIT_REFUSED;
	run.body = (struct souk_tx_body){
		.kind = SOUK_TX_BODY_AGREEMENT_REVOKE, .agreement_revoke = {.agreement = run.id}};
	souk_status status = submit();
	if (status != SOUK_OK)
		return fail("the ledger refused", status);
	return report("revoked", "revoked: no service is owed from now on");
}

static int agreement_end(int argc, char **argv)
{
	static const struct command_spec command = {.name = "agreement end",
		.arguments = "ID",
		.summary = "Provider: take the deposit of an agreement back that is over.",
		.details = "Faults are judged for the time to respond after an agreement's end.",
		.examples = "  souk agreement end ID --home ~/seller",
		.arguments_min = 1,
		.arguments_max = 1};
	char text[80];
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!parse_id(command.name, argv[0]))
		return EXIT_USAGE;
	if (!start(command.name))
		return EXIT_REFUSED;
	run.body = (struct souk_tx_body){
		.kind = SOUK_TX_BODY_AGREEMENT_END, .agreement_end = {.agreement = run.id}};
	souk_status status = submit();
	if (status != SOUK_OK)
		return fail("the ledger refused", status);
	snprintf(
		text, sizeof text, "%s coins are back", cli_amount_text(run.result.receipt.amount));
	return report("ended", text);
}

int cmd_agreement(int argc, char **argv)
{
	static const struct cli_subcommand subcommands[] = {
		{"propose", agreement_propose,
			"ask a provider to lock a deposit for what it sells"},
		{"list", agreement_list, "list agreements"},
		{"show", agreement_show, "show one"},
		{"accuse", agreement_accuse, "bring evidence of a fault"},
		{"challenge", agreement_challenge, "demand what is owed"},
		{"silence", agreement_silence, "have silence punished"},
		{"revoke", agreement_revoke, "want no service any more"},
		{"end", agreement_end, "provider: take the deposit back"},
	};
	return cli_run_subcommand("agreement", subcommands, SOUK_COUNT_OF(subcommands), argc, argv);
}
