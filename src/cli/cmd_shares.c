/* SPDX-License-Identifier: Apache-2.0
 *
 * shares: what is shared from this home, with whom, until when, by which proxies. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "key.h"
#include "share.h"
#include "souk/base/check.h"

/* A policy, and the share that was made for it; size 0: it was made for no file. */
struct shown {
	struct souk_vault_policy policy;
	struct souk_signed_content_share share;
	bool is_pending;
};

static const char *state_of(const struct shown *shown)
{
	const struct souk_vault_policy *policy = &shown->policy;
	bool is_past = policy->expires.ms != 0 && !souk_time_is_before(cli_now(), policy->expires);
	if (policy->revoked)
		return "taken back";
	if (is_past)
		return "ended";
	return shown->is_pending ? "unfinished" : "shared";
}

/* In which policy a proxy stands: those that failed are only in the vault. */
static bool is_member(const struct shown *shown, const struct souk_vault_share *share)
{
	const struct souk_key_policy *policy = &shown->share.share.policy;
	for (size_t i = 0; i < policy->shares.count; i++) {
		if (souk_hash_equal(&policy->shares.items[i].agreement, &share->agreement))
			return true;
	}
	return false;
}

static json_t *receipt_json(const struct souk_vault_share *share)
{
	uint8_t bytes[SOUK_SIGNED_KEY_DELETION_SIZE_MAX];
	char hex[2 * sizeof bytes + 1];
	struct souk_writer writer;
	if (share->deleted.count == 0)
		return json_null();
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_key_deletion_encode(&writer, &share->deleted.items[0]);
	souk_hex_encode(hex, bytes, writer.size);
	return json_pack("{s:I, s:s}", "deleted_ms",
		(json_int_t)share->deleted.items[0].deletion.time.ms, "signed", hex);
}

static json_t *proxies_json(const struct shown *shown)
{
	json_t *list = json_array();
	for (size_t i = 0; i < shown->policy.shares.count; i++) {
		const struct souk_vault_share *share = &shown->policy.shares.items[i];
		json_array_append_new(list,
			json_pack("{s:s, s:s, s:b, s:b, s:o}", "provider",
				cli_address_text(&share->provider), "agreement",
				cli_hash_text(&share->agreement), "member", is_member(shown, share),
				"revoked", share->revoked, "receipt", receipt_json(share)));
	}
	return list;
}

static json_t *shown_json(const struct shown *shown)
{
	const struct souk_vault_policy *policy = &shown->policy;
	const struct souk_content_share *share = &shown->share.share;
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o}", "policy",
		share_id_text(&policy->id), "label", policy->label.text, "state", state_of(shown),
		"with", share_point_text(&policy->receiving), "threshold",
		(json_int_t)policy->threshold, "created_ms", (json_int_t)policy->created.ms,
		"expires_ms", (json_int_t)policy->expires.ms, "proxies", proxies_json(shown));
	if (share->size != 0)
		json_object_update_new(object,
			json_pack("{s:s, s:s, s:I}", "content", cli_hash_text(&share->content),
				"name", share->name.text, "sealed_bytes", (json_int_t)share->size));
	return object;
}

static void add_row(struct cli_table *table, const struct shown *shown)
{
	const struct souk_vault_policy *policy = &shown->policy;
	char with[20], of[24], receipts[24];
	size_t kept = 0;
	for (size_t i = 0; i < policy->shares.count; i++)
		kept += policy->shares.items[i].deleted.count > 0;
	snprintf(with, sizeof with, "%.14s..", share_point_text(&policy->receiving));
	snprintf(of, sizeof of, "%u of %u", (unsigned)policy->threshold,
		(unsigned)policy->shares_max);
	snprintf(receipts, sizeof receipts, "%zu", kept);
	const char *name =
		shown->share.share.size != 0 ? shown->share.share.name.text : policy->label.text;
	const char *cells[] = {share_id_text(&policy->id), name, with, of,
		policy->expires.ms != 0 ? cli_date_text(policy->expires) : "-", state_of(shown),
		receipts};
	cli_table_add(table, cells);
}

static souk_status look_up(struct shown *shown)
{
	char path[512];
	const struct souk_nonce *id = &shown->policy.id;
	souk_status status = share_store_share(cli_home_path(), id, &shown->share);
	if (status == SOUK_LOCAL_NOT_FOUND) {
		shown->share = (struct souk_signed_content_share){0};
		status = SOUK_OK;
	}
	shares_path(path, sizeof path, cli_home_path(), souk_bytes_of(id->bytes, SOUK_NONCE_SIZE),
		"pending");
	shown->is_pending = access(path, F_OK) == 0;
	return status;
}

static souk_status each(struct share_home *home, json_t *list, struct cli_table *table)
{
	static struct shown shown;
	struct souk_vault vault;
	bool is_first = true;
	for (;;) {
		struct souk_nonce after = shown.policy.id;
		SOUK_TRY(vault_home_begin_read(home->grant.vault, &vault));
		souk_status status =
			souk_vault_policy_next(&vault, is_first ? NULL : &after, &shown.policy);
		vault_home_end_read(home->grant.vault);
		if (status != SOUK_OK)
			return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
		is_first = false;
		SOUK_TRY(look_up(&shown));
		if (list != NULL)
			json_array_append_new(list, shown_json(&shown));
		else
			add_row(table, &shown);
	}
}

int cmd_shares(int argc, char **argv)
{
	static const struct option_spec options[] = {KEY_PASSPHRASE_OPTION};
	static const struct command_spec command = {.name = "shares",
		.options = options,
		.option_count = 1,
		.arguments = "",
		.summary = "Show what is shared from this home, and with whom.",
		.details = "Of each policy: the receiver's key, how many proxies are needed, until "
			   "when, and how\n"
			   "many receipts of deletions there are. --json has the proxies and the "
			   "receipts.",
		.examples = "  souk shares\n  souk shares --json"};
	static const char *const headings[] = {
		"policy", "what", "with", "needs", "until", "state", "receipts"};
	static const bool is_number[] = {false, false, false, false, false, false, true};
	struct share_home home;
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (!share_home_open(&home, command.name, false, false))
		return EXIT_REFUSED;
	json_t *list = cli_json ? json_array() : NULL;
	struct cli_table *table = cli_json ? NULL : cli_table_new(7, headings, is_number);
	souk_status status = each(&home, list, table);
	share_home_close(&home);
	if (status != SOUK_OK)
		return cli_fail(command.name, cli_home_path(), status, NULL);
	if (cli_json)
		cli_print_json(json_pack("{s:o}", "shares", list));
	else
		cli_table_print(table);
	return 0;
}
