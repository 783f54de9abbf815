/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "souk/base/check.h"

/* ---- anchored ---- */

static souk_status load_end(
	struct vault_home *home, struct souk_vault_log *ret_log, struct souk_hash *ret_root)
{
	struct souk_vault vault;
	SOUK_TRY(vault_home_begin_read(home, &vault));
	souk_status status = souk_vault_log_load(&vault, ret_log);
	if (status == SOUK_OK)
		status = souk_vault_log_root(&vault, ret_log->entries, ret_root);
	vault_home_end_read(home);
	return status;
}

static souk_status remember(struct vault_home *home, uint64_t count)
{
	struct souk_vault vault;
	SOUK_TRY(vault_home_begin(home, NULL, &vault));
	return vault_home_end(home, souk_vault_log_anchored(&vault, count));
}

souk_status vault_anchor(struct vault_home *home, struct souk_chain_client *chain,
	uint64_t *ret_count, bool *ret_new)
{
	const struct souk_identity *identity = vault_home_identity(home);
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ANCHOR};
	struct souk_anchor_record held = {.count = 0};
	struct souk_vault_log log;
	SOUK_TRY(load_end(home, &log, &body.anchor.root));
	body.anchor.count = log.entries;
	souk_status status = souk_chain_anchor(chain, &identity->address, &held);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	if (status == SOUK_OK && held.count > log.entries)
		return SOUK_LOCAL_STATE;
	bool is_new = status != SOUK_OK || held.count < log.entries;
	if (is_new)
		SOUK_TRY(souk_chain_submit(chain, &body, identity, NULL));
	SOUK_TRY(remember(home, log.entries));
	*ret_count = log.entries;
	*ret_new = is_new;
	return SOUK_OK;
}

/* ---- checked ---- */

static souk_status wrong(struct vault_report *report, uint64_t entry, const char *what)
{
	report->bad_entry = entry;
	snprintf(report->what, sizeof report->what, "%s", what);
	return SOUK_CORRUPT_VAULT_LOG;
}

/* The ledger's root is over the first of the entries. */
static souk_status compare_anchor(struct vault_report *report, const struct souk_vault_audit *audit)
{
	const struct souk_hash root = souk_vault_audit_root(audit);
	if (!report->has_anchor || audit->entries != report->anchor.count ||
		souk_hash_equal(&root, &report->anchor.root))
		return SOUK_OK;
	return wrong(report, audit->entries - 1,
		"the entries up to here are not those whose root the ledger has");
}

static souk_status check_entries(const struct souk_vault *vault, const struct souk_vault_log *log,
	struct souk_vault_audit *audit, struct vault_report *report)
{
	while (audit->entries < log->entries) {
		struct souk_bytes stored;
		const char *what;
		souk_status status = souk_vault_log_stored(vault, audit->entries, &stored);
		if (status == SOUK_LOCAL_NOT_FOUND)
			return wrong(report, audit->entries, "the entry is missing");
		SOUK_TRY(status);
		if (souk_vault_audit_next(audit, stored, &what) != SOUK_OK) {
			char text[sizeof report->what];
			snprintf(text, sizeof text, "its %s is not as it was written", what);
			return wrong(report, audit->entries, text);
		}
		SOUK_TRY(compare_anchor(report, audit));
	}
	return SOUK_OK;
}

/* What the vault remembers of the log's end, and what the ledger knows of its length. */
static souk_status check_end(const struct souk_vault *vault, const struct souk_vault_log *log,
	const struct souk_vault_audit *audit, struct vault_report *report)
{
	struct souk_hash kept;
	report->entries = audit->entries;
	report->root = souk_vault_audit_root(audit);
	if (!souk_hash_equal(&log->last, &audit->last))
		return wrong(report, audit->entries - 1,
			"it is not the last entry that the vault remembers");
	SOUK_TRY(souk_vault_log_root(vault, log->entries, &kept));
	if (!souk_hash_equal(&kept, &report->root))
		return wrong(report, audit->entries - 1, "the tree over the entries is altered");
	if (report->has_anchor && report->anchor.count > audit->entries)
		return wrong(report, audit->entries,
			"the ledger knows of more entries: the log was cut, or an old backup was "
			"restored");
	return SOUK_OK;
}

static souk_status check(
	struct vault_home *home, const struct souk_vault *vault, struct vault_report *report)
{
	struct souk_vault_audit audit;
	struct souk_vault_log log;
	souk_vault_audit_init(&audit, &vault_home_identity(home)->address);
	souk_status status = souk_vault_log_load(vault, &log);
	if (status == SOUK_CORRUPT_STORE)
		return wrong(report, 0, "what the vault remembers of the log's end is altered");
	SOUK_TRY(status);
	SOUK_TRY(check_entries(vault, &log, &audit, report));
	return check_end(vault, &log, &audit, report);
}

souk_status vault_check(
	struct vault_home *home, const struct souk_anchor_record *anchor, struct vault_report *ret)
{
	struct vault_snapshot snapshot;
	*ret = (struct vault_report){.has_anchor = anchor != NULL};
	if (anchor != NULL)
		ret->anchor = *anchor;
	SOUK_TRY(vault_home_snapshot(home, &snapshot));
	souk_status status = check(home, &snapshot.vault, ret);
	vault_snapshot_end(&snapshot);
	return status;
}
