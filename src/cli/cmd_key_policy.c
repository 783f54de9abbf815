/* SPDX-License-Identifier: Apache-2.0
 *
 * key grant, retrieve, revoke: a policy without a file, from both sides.
 *
 *   owner     key grant NAME --to KEY -----> NAME.policy, for the receiver
 *             key rewrap NAME FILE --policy ID -> TOKEN: what the receiver may open
 *   receiver  key retrieve TOKEN --policy FILE -> the plain text
 *   owner     key revoke POLICY */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../client/key_retrieve.h"
#include "key.h"
#include "key_policy.h"
#include "share.h"
#include "share_culprits.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

/* ------------------------------------------------------------------ grant */

static struct share_wish wish_said = {
	.proxies = 3, .threshold = 2, .expires_ms = 7ull * 24 * 3600 * 1000};
static const char *out_path;

struct granting {
	struct share_home home;
	struct key_grant_wish wish;
	struct key_grant_report report;
	struct souk_key_policy policy;
	char path[600];
};

/* NAME.policy here; a name may have slashes, a file's may not. */
static void choose_path(struct granting *g)
{
	if (out_path != NULL) {
		snprintf(g->path, sizeof g->path, "%s", out_path);
		return;
	}
	char name[SOUK_VAULT_LABEL_MAX + 1];
	snprintf(name, sizeof name, "%s", g->wish.label);
	for (char *c = name; *c != '\0'; c++)
		*c = *c == '/' ? '-' : *c;
	snprintf(g->path, sizeof g->path, "%s.policy", name);
	if (access(g->path, F_OK) == 0)
		snprintf(g->path, sizeof g->path, "%s-%.8s.policy", name,
			share_id_text(&g->report.policy));
}

static int finish_grant(struct granting *g)
{
	char kept[600], detail[700];
	shares_path(kept, sizeof kept, cli_home_path(),
		souk_bytes_of(g->report.policy.bytes, SOUK_NONCE_SIZE), "policy");
	souk_status status = share_store_put_policy(kept, &g->policy);
	if (status != SOUK_OK)
		return cli_fail("key grant", kept, status,
			"it is revoked by the next command that grants or shares");
	status = key_grant_done(cli_home_path(), &g->report.policy);
	choose_path(g);
	if (status == SOUK_OK)
		status = share_store_put_policy(g->path, &g->policy);
	if (status == SOUK_OK)
		return 0;
	snprintf(detail, sizeof detail, "it is granted; the receiver's file is %s", kept);
	return cli_fail("key grant", g->path, status, detail);
}

static void print_grant(const struct granting *g)
{
	const char *id = share_id_text(&g->report.policy);
	if (cli_json) {
		cli_print_json(json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:o}", "policy", id,
			"label", g->wish.label, "with", share_point_text(&g->policy.receiving),
			"delegating", share_point_text(&g->policy.delegating), "threshold",
			(json_int_t)g->policy.threshold, "expires_ms",
			(json_int_t)g->policy.expires.ms, "file", g->path, "proxies",
			share_proxies_json(&g->report)));
		return;
	}
	share_print_proxies(&g->report);
	printf("policy   %s: any %u of these %u\n", id, (unsigned)g->policy.threshold,
		(unsigned)g->policy.shares.count);
	printf("until    %s\n", cli_date_text(g->policy.expires));
	printf("file     %s: give it to the receiver\n", g->path);
	printf("wrap     souk key rewrap NAME FILE --policy %s\n", id);
	printf("open     souk key retrieve TOKEN --policy %s\n", g->path);
	printf("end it   souk key revoke %s\n", id);
}

static int grant(struct granting *g)
{
	souk_status status = key_grant_run(&g->home.grant, &g->wish, &g->policy, &g->report);
	if (status != SOUK_OK)
		return share_grant_failed("key grant", status, &g->wish, &g->report);
	int failed = finish_grant(g);
	if (failed == 0)
		print_grant(g);
	return failed;
}

int key_policy_grant(int argc, char **argv)
{
	static struct granting granting;
	static struct souk_address chosen[OPTION_LIST_MAX];
	static const struct option_spec options[] = {
		{"to", "KEY", "the receiver's public key, or a file with it", OPTION_TEXT,
			&wish_said.with},
		{"proxies", "N", "how many proxies stand in between (3)", OPTION_U64,
			&wish_said.proxies},
		{"threshold", "T", "as many of them are needed (2)", OPTION_U64,
			&wish_said.threshold},
		{"expires", "TIME", "until when (7d)", OPTION_DURATION, &wish_said.expires_ms},
		{"proxy", "ADDRESS", "only from these, one --proxy each (any provider)",
			OPTION_LIST, &wish_said.chosen},
		{"price-max", "COINS", "what the receiver pays a proxy for a request, at most",
			OPTION_AMOUNT, &wish_said.price_max},
		{"deposit", "COINS", "what each proxy locks (1, or less where it locks less)",
			OPTION_AMOUNT, &wish_said.deposit},
		{"respond", "TIME", "how soon a proxy answers a challenge (10m, or its least)",
			OPTION_DURATION, &wish_said.respond_ms},
		{"out", "FILE", "where the policy goes (NAME.policy)", OPTION_TEXT, &out_path},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key grant",
		.arguments = "NAME",
		.summary = "Let somebody open what is wrapped for a policy, by proxies.",
		.details = "The policy gets a fresh key of its own: whoever is given access with "
			   "enough proxies on\n"
			   "his side could compute it, and never learns another one by it.",
		.examples = "  souk key grant invoices --to 02ab...ef --proxies 5 --threshold 3 "
			    "--expires 30d",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!share_wish_fill(command.name, &wish_said, &granting.wish, chosen))
		return EXIT_USAGE;
	granting.wish.label = argv[0];
	if (!souk_vault_label_is_valid(argv[0])) {
		cli_fail(command.name, argv[0], SOUK_PEER_BAD_REQUEST,
			"a name is 1 to 64 of a-z 0-9 - . _ and / inside");
		return EXIT_USAGE;
	}
	if (!share_home_open(&granting.home, command.name, true, true))
		return EXIT_REFUSED;
	int code = grant(&granting);
	share_home_close(&granting.home);
	return code;
}

/* ------------------------------------------------------------------ retrieve */

struct retrieving {
	struct share_home home;
	struct souk_key_policy policy;
	struct souk_vault_wrap wrap;
	struct key_retrieval report;
	uint8_t *scratch; /* what the wrap points into */
	uint8_t *plain;
	size_t plain_size;
};

static const char *policy_path, *plain_path, *evidence_path = "retrieve";
static uint64_t escrow_number;

/* The token's text: the argument, or the file that it names, or standard input for "-". */
static souk_status read_token(const char *argument, char **ret_text, size_t *ret_size)
{
	if (strncmp(argument, SOUK_VAULT_WRAP_PREFIX, strlen(SOUK_VAULT_WRAP_PREFIX)) == 0) {
		*ret_text = strdup(argument);
		*ret_size = strlen(argument);
		return *ret_text != NULL ? SOUK_OK : SOUK_IO_MEMORY;
	}
	return souk_file_read(strcmp(argument, "-") == 0 ? "/dev/stdin" : argument,
		SOUK_VAULT_WRAP_SIZE_MAX, ret_text, ret_size);
}

static souk_status parse_token(struct retrieving *r, const char *argument)
{
	struct souk_point delegating;
	char *text;
	size_t size;
	SOUK_TRY(read_token(argument, &text, &size));
	r->scratch = malloc(size + 1);
	souk_status status = r->scratch == NULL
				     ? SOUK_IO_MEMORY
				     : souk_vault_wrap_parse(&r->wrap, souk_bytes_of(text, size),
					       r->scratch, size + 1);
	free(text);
	if (status == SOUK_OK)
		status = souk_point_parse(&delegating, r->policy.delegating.bytes);
	if (status != SOUK_OK)
		return status;
	struct souk_pubkey of_wrap;
	souk_point_format(of_wrap.bytes, &r->wrap.point);
	return memcmp(of_wrap.bytes, r->policy.delegating.bytes, sizeof of_wrap.bytes) == 0
		       ? SOUK_OK
		       : SOUK_PEER_BAD_WRAP;
}

static souk_status open_seed(struct retrieving *r, struct souk_umbral_seed *ret)
{
	struct souk_umbral_key receiving;
	struct key_client *client;
	struct souk_vault vault;
	const struct key_client_config config = {.home = cli_home_path(),
		.ledger_url = cli_ledger_url(),
		.identity = &r->home.identity,
		.escrow = escrow_number,
		.units = 4};
	SOUK_TRY(vault_home_begin(r->home.grant.vault, NULL, &vault));
	SOUK_TRY(vault_home_end(r->home.grant.vault,
		souk_vault_receive_point(&vault, &r->policy.receiving, &receiving)));
	souk_status status = key_client_new(&client, &config);
	if (status == SOUK_OK) {
		status = key_retrieve(
			client, &r->policy, &receiving, &r->wrap.capsule, 1, ret, &r->report);
		key_client_free(client);
	}
	souk_bytes_wipe(&receiving, sizeof receiving);
	return status;
}

static souk_status retrieve(struct retrieving *r)
{
	struct souk_umbral_seed seed;
	if (r->wrap.ciphertext.size < SOUK_UMBRAL_CIPHERTEXT_EXTRA)
		return SOUK_PEER_BAD_WRAP;
	r->plain_size = r->wrap.ciphertext.size - SOUK_UMBRAL_CIPHERTEXT_EXTRA;
	r->plain = malloc(r->plain_size + 1);
	if (r->plain == NULL)
		return SOUK_IO_MEMORY;
	SOUK_TRY(open_seed(r, &seed));
	souk_status status =
		souk_umbral_unseal(r->plain, &seed, &r->wrap.capsule, r->wrap.ciphertext);
	souk_bytes_wipe(&seed, sizeof seed);
	return status;
}

static int print_plain(const struct retrieving *r, json_t *evidence)
{
	struct souk_bytes plain = souk_bytes_of(r->plain, r->plain_size);
	if (plain_path != NULL) {
		souk_status status = souk_file_write_atomic(plain_path, plain, true);
		if (status != SOUK_OK)
			return cli_fail("key retrieve", plain_path, status, NULL);
	} else if (!cli_json) {
		fwrite(plain.data, 1, plain.size, stdout);
	}
	if (cli_json) {
		char *hex = malloc(2 * plain.size + 1);
		if (hex == NULL)
			return cli_fail("key retrieve", "plain text", SOUK_IO_MEMORY, NULL);
		souk_hex_encode(hex, plain.data, plain.size);
		cli_print_json(json_pack("{s:s, s:s, s:o, s:O}", "plain", hex, "file",
			plain_path != NULL ? plain_path : "", "retrieval",
			share_retrieval_json(&r->report), "evidence", evidence));
		souk_bytes_wipe(hex, 2 * plain.size);
		free(hex);
	}
	return 0;
}

static int run_retrieve(struct retrieving *r, const char *token)
{
	json_t *evidence = json_array();
	souk_status status = parse_token(r, token);
	int code = 0;
	if (status != SOUK_OK) {
		code = cli_fail("key retrieve", "the token", status,
			status == SOUK_PEER_BAD_WRAP
				? "it is not wrapped for this policy: its owner does that with "
				  "souk key rewrap NAME FILE --policy ID"
				: NULL);
	} else {
		status = retrieve(r);
		share_culprits_write("key retrieve", evidence_path, &r->report, evidence);
		code = status == SOUK_OK
			       ? print_plain(r, evidence)
			       : cli_fail("key retrieve", policy_path, status, r->report.detail);
	}
	json_decref(evidence);
	return code;
}

int key_policy_retrieve(int argc, char **argv)
{
	static struct retrieving retrieving;
	static const struct option_spec options[] = {
		{"policy", "FILE", "what the owner gave you", OPTION_TEXT, &policy_path},
		{"out", "FILE", "write the plain text there (standard output)", OPTION_TEXT,
			&plain_path},
		{"escrow", "N", "which of your escrows pays (0)", OPTION_U64, &escrow_number},
		{"evidence", "PREFIX", "of files about proxies that lied (retrieve)", OPTION_TEXT,
			&evidence_path},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key retrieve",
		.arguments = "TOKEN|FILE|-",
		.summary = "Have proxies help to open what is wrapped for a policy.",
		.examples = "  souk key retrieve souk-wrap:... --policy invoices.policy\n"
			    "  souk key retrieve secret.wrap --policy invoices.policy --out secret",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (policy_path == NULL) {
		fprintf(stderr, "souk key retrieve: name the policy: --policy FILE\n");
		return EXIT_USAGE;
	}
	souk_status status = share_store_policy(policy_path, &retrieving.policy);
	if (status != SOUK_OK)
		return cli_fail(command.name, policy_path, status,
			"it is the file that souk key grant wrote");
	if (!share_home_open(&retrieving.home, command.name, false, false))
		return EXIT_REFUSED;
	int code = run_retrieve(&retrieving, argv[0]);
	share_home_close(&retrieving.home);
	if (retrieving.plain != NULL)
		souk_bytes_wipe(retrieving.plain, retrieving.plain_size);
	free(retrieving.plain);
	free(retrieving.scratch);
	return code;
}

/* ------------------------------------------------------------------ revoke */

int key_policy_revoke(int argc, char **argv)
{
	static const struct option_spec options[] = {KEY_PASSPHRASE_OPTION};
	static const struct command_spec command = {.name = "key revoke",
		.options = options,
		.option_count = 1,
		.arguments = "POLICY|FILE",
		.summary = "End a policy: on the ledger, and at each proxy.",
		.details = "As souk unshare: each proxy's signed receipt of the deletion is kept. "
			   "Exit status 1\n"
			   "where not every proxy answered: the same command asks them again.",
		.examples = "  souk key revoke 8c21f00d8c21f00d8c21f00d8c21f00d\n"
			    "  souk key revoke invoices.policy --json",
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	return share_revoke(command.name, argv[0]);
}
