/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "share.h"

json_t *share_proxies_json(const struct key_grant_report *report)
{
	json_t *list = json_array();
	for (size_t i = 0; i < report->count; i++) {
		const struct key_grant_proxy *proxy = &report->proxies[i];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:I, s:s, s:s}", "provider",
				      cli_address_text(&proxy->address), "agreement",
				      cli_hash_text(&proxy->agreement), "price_ncoin",
				      (json_int_t)proxy->price.ncoin, "deposit_ncoin",
				      (json_int_t)proxy->deposit.ncoin, "status",
				      souk_status_name(proxy->status), "detail", proxy->detail));
	}
	return list;
}

json_t *share_revoked_json(const struct key_revoke_report *report)
{
	json_t *list = json_array();
	for (size_t i = 0; i < report->count; i++) {
		const struct key_revoked *share = &report->shares[i];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:s}", "provider",
				      cli_address_text(&share->provider), "agreement",
				      cli_hash_text(&share->agreement), "ledger",
				      souk_status_name(share->ledger), "deletion",
				      souk_status_name(share->deletion), "detail", share->detail));
	}
	return list;
}

void share_print_proxies(const struct key_grant_report *report)
{
	static const char *const headings[] = {"proxy", "agreement", "price", "deposit"};
	static const bool is_number[] = {false, false, true, true};
	struct cli_table *table = cli_table_new(4, headings, is_number);
	for (size_t i = 0; i < report->count; i++) {
		const struct key_grant_proxy *proxy = &report->proxies[i];
		char agreement[20];
		snprintf(agreement, sizeof agreement, "%.16s", cli_hash_text(&proxy->agreement));
		const char *cells[] = {cli_address_text(&proxy->address), agreement,
			cli_amount_text(proxy->price), cli_amount_text(proxy->deposit)};
		if (proxy->status == SOUK_OK)
			cli_table_add(table, cells);
	}
	cli_table_print(table);
}

static const char *ledger_text(const struct key_revoked *share)
{
	if (share->ledger == SOUK_OK)
		return "revoked";
	return share->ledger == SOUK_LOCAL_NOT_FOUND ? "never entered into"
						     : souk_status_text(share->ledger);
}

static const char *deletion_text(const struct key_revoked *share)
{
	if (share->deletion == SOUK_OK)
		return "deleted, receipt kept";
	return share->deletion == SOUK_PEER_NO_AGREEMENT ? "it has none"
							 : souk_status_text(share->deletion);
}

void share_print_revoked(const struct key_revoke_report *report)
{
	static const char *const headings[] = {"proxy", "on the ledger", "its key fragment"};
	static const bool is_number[] = {false, false, false};
	struct cli_table *table = cli_table_new(3, headings, is_number);
	for (size_t i = 0; i < report->count; i++) {
		const struct key_revoked *share = &report->shares[i];
		const char *cells[] = {cli_address_text(&share->provider), ledger_text(share),
			deletion_text(share)};
		cli_table_add(table, cells);
	}
	cli_table_print(table);
}
