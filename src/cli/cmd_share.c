/* SPDX-License-Identifier: Apache-2.0
 *
 * share: let somebody read a file, until a date, by proxies of whom t of n are needed.
 *
 *   FILE --sealed once--> content, on sale    its key in the vault
 *   policy: t of n proxies, on the ledger     the key under a capsule of the policy
 *        '--> NAME.share, for the receiver
 *
 * Killed anywhere: a file is sealed or it is not; a policy without its share is revoked by the next
 * command. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "key.h"
#include "share.h"
#include "souk/base/check.h"
#include "souk/content/chunk.h"

static struct share_wish options_said = {
	.proxies = 3, .threshold = 2, .expires_ms = 7ull * 24 * 3600 * 1000};
static struct souk_amount unit_price;
static const char *out_path;
static bool wants_list;

struct sharing {
	struct share_home home;
	struct share_content content;
	struct key_grant_wish wish;
	struct key_grant_report report;
	struct souk_signed_content_share share;
	char path[600]; /* of the share */
};

/* ------------------------------------------------------------------ the content */

static int seal_path(struct sharing *s, const char *path)
{
	struct provider_store store;
	souk_status status = provider_store_open(&store, cli_home_path(), false);
	if (status != SOUK_OK)
		return cli_fail("share", cli_home_path(), status, NULL);
	status = share_seal(&s->home, &store, path, unit_price, &s->content);
	provider_store_close(&store);
	return status == SOUK_OK ? 0 : cli_fail("share", path, status, s->content.detail);
}

static int find_content(struct sharing *s, const char *text)
{
	struct souk_content_name name;
	if (access(text, F_OK) == 0)
		return seal_path(s, text);
	if (souk_content_name_parse(&name, text) != SOUK_OK)
		return cli_fail("share", text, SOUK_LOCAL_NOT_FOUND,
			"there is no such file, and it is no content id");
	s->content.id = name.id;
	s->content.was_there = true;
	souk_status status = share_store_sealed(cli_home_path(), &name.id, &s->content.record);
	if (status == SOUK_OK)
		return 0;
	return cli_fail("share", text, status,
		status == SOUK_LOCAL_NOT_FOUND
			? "this home sealed no such content: share a file, or souk add --seal it"
			: NULL);
}

/* ------------------------------------------------------------------ the share */

static souk_status make_share(struct sharing *s, const struct souk_key_policy *policy)
{
	struct souk_content_share *share = &s->share.share;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	struct souk_vault vault;
	uint8_t key[SOUK_SEALED_KEY_SIZE];
	share->policy = *policy;
	share->content = s->content.id;
	share->size = s->content.record.size;
	souk_status status = souk_text_set(&share->name, s->content.record.name.text);
	SOUK_CHECK(status == SOUK_OK);
	SOUK_TRY(share_file_key(&s->home, &s->content.record, key));
	status = vault_home_begin(s->home.grant.vault, NULL, &vault);
	if (status == SOUK_OK) {
		status = souk_vault_policy_capsule(&vault, &s->report.policy, &capsule, &seed);
		if (status == SOUK_OK)
			souk_share_make(
				&s->share, &capsule, &seed, key, &vault.keys->signer, vault.rng);
		if (status == SOUK_OK)
			status = souk_vault_log_add(
				&vault, "share", SHARE_KEY_LABEL, 0, SOUK_OK, &s->content.id);
		status = vault_home_end(s->home.grant.vault, status);
	}
	souk_bytes_wipe(key, sizeof key);
	souk_bytes_wipe(&seed, sizeof seed);
	return status == SOUK_OK ? souk_share_check(&s->share, NULL) : status;
}

/* NAME.share here; beside the share of another receiver, with the policy in its name. */
static void choose_path(struct sharing *s)
{
	const char *name = s->content.record.name.text;
	if (out_path != NULL) {
		snprintf(s->path, sizeof s->path, "%s", out_path);
		return;
	}
	snprintf(s->path, sizeof s->path, "%s.share", name);
	if (access(s->path, F_OK) == 0)
		snprintf(s->path, sizeof s->path, "%s-%.8s.share", name,
			share_id_text(&s->report.policy));
}

static souk_status revoke_again(struct sharing *s, souk_status why)
{
	struct key_revoke_report *report = calloc(1, sizeof *report);
	if (report != NULL &&
		key_revoke_run(&s->home.grant, &s->report.policy, report) == SOUK_OK &&
		report->complete)
		(void)!key_grant_done(cli_home_path(), &s->report.policy);
	free(report);
	return why;
}

/* The home's copy first: what the receiver may hold is known here. */
static int finish(struct sharing *s, const struct souk_key_policy *policy)
{
	souk_status status = make_share(s, policy);
	if (status == SOUK_OK)
		status = share_store_put_share(cli_home_path(), &s->report.policy, &s->share);
	if (status != SOUK_OK)
		return cli_fail("share", "no share was made", revoke_again(s, status),
			"what had been granted is revoked");
	status = key_grant_done(cli_home_path(), &s->report.policy);
	choose_path(s);
	if (status == SOUK_OK)
		status = share_store_write(s->path, &s->share);
	if (status == SOUK_OK)
		return 0;
	char detail[700];
	snprintf(detail, sizeof detail, "it is shared; the receiver's file is %s/shares/%s.share",
		cli_home_path(), share_id_text(&s->report.policy));
	return cli_fail("share", s->path, status, detail);
}

/* ------------------------------------------------------------------ the command */

static void print_content(const struct sharing *s)
{
	const struct souk_sealed_content *record = &s->content.record;
	if (cli_json)
		return;
	printf("content  %s\n", cli_hash_text(&s->content.id));
	printf("file     %s, %" PRIu64 " bytes, encrypted%s\n", record->name.text,
		record->plain_size,
		s->content.was_there ? " before: nothing is uploaded again" : " and on sale");
	fflush(stdout);
}

static void print_result(const struct sharing *s)
{
	const struct souk_key_policy *policy = &s->share.share.policy;
	if (cli_json) {
		cli_print_json(
			json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:s, s:I, s:I, s:s, s:s, s:o}",
				"policy", share_id_text(&s->report.policy), "content",
				cli_hash_text(&s->content.id), "name", s->share.share.name.text,
				"size_bytes", (json_int_t)s->content.record.plain_size,
				"sealed_bytes", (json_int_t)s->content.record.size, "was_sealed",
				s->content.was_there, "with", share_point_text(&policy->receiving),
				"threshold", (json_int_t)policy->threshold, "expires_ms",
				(json_int_t)policy->expires.ms, "file", s->path, "home",
				cli_home_path(), "proxies", share_proxies_json(&s->report)));
		return;
	}
	share_print_proxies(&s->report);
	printf("policy   %s: any %u of these %u\n", share_id_text(&s->report.policy),
		(unsigned)policy->threshold, (unsigned)policy->shares.count);
	printf("with     %s\n", share_point_text(&policy->receiving));
	printf("until    %s\n", cli_date_text(policy->expires));
	printf("share    %s: give it to the receiver, who types\n", s->path);
	printf("           souk get %s\n", s->path);
	printf("end it   souk unshare %s\n", s->path);
}

static int share(struct sharing *s, const char *content)
{
	static struct souk_key_policy policy;
	char label[SOUK_VAULT_LABEL_MAX + 1];
	int failed = find_content(s, content);
	if (failed != 0)
		return failed;
	print_content(s);
	snprintf(label, sizeof label, "share/%.16s", cli_hash_text(&s->content.id));
	s->wish.label = label;
	souk_status status = key_grant_run(&s->home.grant, &s->wish, &policy, &s->report);
	if (status != SOUK_OK)
		return share_grant_failed("share", status, &s->wish, &s->report);
	failed = finish(s, &policy);
	if (failed == 0)
		print_result(s);
	return failed;
}

int cmd_share(int argc, char **argv)
{
	static struct sharing sharing;
	static struct souk_address chosen[OPTION_LIST_MAX];
	static const struct option_spec options[] = {
		{"with", "KEY", "the receiver's public key, or a file with it", OPTION_TEXT,
			&options_said.with},
		{"proxies", "N", "how many proxies stand in between (3)", OPTION_U64,
			&options_said.proxies},
		{"threshold", "T", "as many of them are needed, and must not conspire (2)",
			OPTION_U64, &options_said.threshold},
		{"expires", "TIME", "until when (7d)", OPTION_DURATION, &options_said.expires_ms},
		{"proxy", "ADDRESS", "only from these, one --proxy each (any provider)",
			OPTION_LIST, &options_said.chosen},
		{"price-max", "COINS", "what the receiver pays a proxy for a request, at most",
			OPTION_AMOUNT, &options_said.price_max},
		{"deposit", "COINS", "what each proxy locks (1, or less where it locks less)",
			OPTION_AMOUNT, &options_said.deposit},
		{"respond", "TIME", "how soon a proxy answers a challenge (10m, or its least)",
			OPTION_DURATION, &options_said.respond_ms},
		{"price", "COINS", "of a unit of the encrypted file (the home's price)",
			OPTION_AMOUNT, &unit_price},
		{"out", "FILE", "where the share goes (NAME.share)", OPTION_TEXT, &out_path},
		{"list", NULL, "show what is shared, as souk shares does", OPTION_FLAG,
			&wants_list},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "share",
		.arguments = "FILE|CONTENT",
		.summary = "Let somebody read a file until a date, and take that back.",
		.details =
			"The file is encrypted once and put on sale. Proxies, which are providers "
			"on the\n"
			"ledger, get a key fragment each: any T of them let the receiver read, "
			"none of them,\n"
			"nor T - 1, can read anything themselves. Each locks a deposit for "
			"honest work.\n"
			"CONTENT is the id of something that was sealed before.\n"
			"\n"
			"The receiver makes a key with souk key create, gives you what souk key "
			"show prints,\n"
			"and pays the proxies and the sellers of the file.",
		.examples = "  souk share report.pdf --with 02ab...ef --proxies 5 --threshold 3\n"
			    "  souk share 2c26...7ae --with bob.pub --expires 30d --json\n"
			    "  souk share --list",
		.options = options,
		.option_count = SOUK_COUNT_OF(options),
		.arguments_min = 0,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (wants_list && count == 0)
		return cmd_shares(0, argv);
	if (count != 1 || wants_list) {
		fprintf(stderr, "souk share: name a file or a content, or --list\n");
		return EXIT_USAGE;
	}
	if (!share_wish_fill("share", &options_said, &sharing.wish, chosen))
		return EXIT_USAGE;
	if (!share_home_open(&sharing.home, "share", true, true))
		return EXIT_REFUSED;
	int code = share(&sharing, argv[0]);
	share_home_close(&sharing.home);
	return code;
}
