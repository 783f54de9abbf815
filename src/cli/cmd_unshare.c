/* SPDX-License-Identifier: Apache-2.0
 *
 * unshare: take a share back: on the ledger, then at each proxy, whose receipt is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key.h"
#include "share.h"
#include "souk/base/check.h"

static void print_result(
	const struct souk_nonce *policy, const struct key_revoke_report *report, size_t receipts)
{
	if (cli_json) {
		cli_print_json(json_pack("{s:s, s:b, s:I, s:o}", "policy", share_id_text(policy),
			"complete", report->complete, "receipts", (json_int_t)receipts, "proxies",
			share_revoked_json(report)));
		return;
	}
	share_print_revoked(report);
	printf("policy   %s %s\n", share_id_text(policy),
		report->complete ? "is over" : "is revoked as far as that goes now");
	printf("receipts %zu of %zu proxies, kept in the vault: souk shares --json\n", receipts,
		report->count);
}

static int revoke(struct share_home *home, const char *text, struct key_revoke_report *report)
{
	struct souk_nonce policy;
	size_t receipts = 0;
	int failed = share_policy_argument(home, text, &policy);
	if (failed != 0)
		return failed;
	souk_status status = key_revoke_run(&home->grant, &policy, report);
	if (status != SOUK_OK)
		return cli_fail(home->command, text, status,
			status == SOUK_LOCAL_NOT_FOUND ? "souk shares lists the policies"
						       : "run it again: what is done stays done");
	for (size_t i = 0; i < report->count; i++)
		receipts += report->shares[i].deletion == SOUK_OK;
	print_result(&policy, report, receipts);
	if (report->complete)
		return 0;
	fprintf(stderr,
		"Who did not answer may have its fragment still, and may not use it: serving "
		"after a\nrevocation costs its deposit. The same command asks again.\n");
	return EXIT_REFUSED;
}

int share_revoke(const char *command, const char *policy)
{
	struct share_home home;
	struct key_revoke_report *report = calloc(1, sizeof *report);
	if (report == NULL || !share_home_open(&home, command, false, true)) {
		free(report);
		return EXIT_REFUSED;
	}
	int code = revoke(&home, policy, report);
	share_home_close(&home);
	free(report);
	return code;
}

int cmd_unshare(int argc, char **argv)
{
	static const struct option_spec options[] = {KEY_PASSPHRASE_OPTION};
	static const struct command_spec command = {.name = "unshare",
		.options = options,
		.option_count = 1,
		.arguments = "FILE.share|POLICY",
		.summary = "Take a share back.",
		.details =
			"Every agreement is revoked on the ledger, and each proxy is asked to "
			"delete its key\n"
			"fragment; its signed receipt is kept. The file stays where it is, and "
			"other\n"
			"receivers keep their access. What the receiver has read already, it "
			"has.\n"
			"\n"
			"Exit status 1 where not every proxy answered: the same command asks them "
			"again.",
		.examples = "  souk unshare report.pdf.share\n"
			    "  souk unshare 8c21f00d8c21f00d8c21f00d8c21f00d --json",
		.arguments_min = 1,
		.arguments_max = 1};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	return share_revoke(command.name, argv[0]);
}
