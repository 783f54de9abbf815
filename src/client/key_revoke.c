/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of a policy: on the ledger, then at each proxy. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "key_grant.h"
#include "key_grant_client.h"
#include "key_grant_notes.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/file.h"
#include "together.h"

#define TIMEOUT_MS 15000u
/* A proxy looks at the ledger when it is asked; a ledger behind a slow line may lag for a moment.
 */
#define TRIES	 5u
#define PAUSE_US 300000u

/* ------------------------------------------------------------------ HOME/shares */

void shares_path(char *out, size_t size, const char *home, struct souk_bytes id, const char *kind)
{
	char hex[2 * SOUK_HASH_SIZE + 1];
	SOUK_CHECK(id.size <= SOUK_HASH_SIZE);
	souk_hex_encode(hex, id.data, id.size);
	snprintf(out, size, "%s/shares/%s.%s", home, hex, kind);
}

static void note_path(char *out, size_t size, const char *home, const struct souk_nonce *policy)
{
	shares_path(out, size, home, souk_bytes_of(policy->bytes, SOUK_NONCE_SIZE), "pending");
}

souk_status key_grant_note(const char *home, const struct souk_nonce *policy)
{
	char path[512];
	note_path(path, sizeof path, home, policy);
	return souk_file_write_atomic(path, souk_bytes_text(""), true);
}

souk_status key_grant_done(const char *home, const struct souk_nonce *policy)
{
	char path[512];
	note_path(path, sizeof path, home, policy);
	return unlink(path) == 0 || errno == ENOENT ? SOUK_OK : SOUK_IO_WRITE;
}

souk_status key_grant_lock(const char *home, int *ret_fd)
{
	char path[512];
	snprintf(path, sizeof path, "%s/shares", home);
	SOUK_TRY(souk_file_make_folders(path));
	snprintf(path, sizeof path, "%s/shares/lock", home);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return souk_file_status(errno, SOUK_IO_WRITE);
	while (flock(fd, LOCK_EX) != 0) {
		if (errno == EINTR)
			continue;
		close(fd);
		return SOUK_IO_WRITE;
	}
	*ret_fd = fd;
	return SOUK_OK;
}

souk_status shares_each(const char *home, const char *kind, size_t size,
	souk_status (*each)(void *ctx, const uint8_t *id), void *ctx)
{
	char path[512];
	souk_status status = SOUK_OK;
	snprintf(path, sizeof path, "%s/shares", home);
	DIR *folder = opendir(path);
	if (folder == NULL)
		return errno == ENOENT ? SOUK_OK : SOUK_IO_READ;
	for (struct dirent *entry; status == SOUK_OK && (entry = readdir(folder)) != NULL;) {
		uint8_t id[SOUK_HASH_SIZE];
		char hex[2 * SOUK_HASH_SIZE + 1];
		SOUK_CHECK(size <= sizeof id);
		if (strlen(entry->d_name) != 2 * size + 1 + strlen(kind) ||
			entry->d_name[2 * size] != '.' ||
			strcmp(entry->d_name + 2 * size + 1, kind) != 0)
			continue;
		memcpy(hex, entry->d_name, 2 * size);
		hex[2 * size] = '\0';
		if (souk_hex_decode(id, size, hex) == SOUK_OK)
			status = each(ctx, id);
	}
	closedir(folder);
	return status;
}

/* ------------------------------------------------------------------ revoking */

/* One share on its way out. */
struct ending {
	struct key_revoked *share;
	const struct key_grant_home *home;
	struct souk_provider_record record;
	souk_status found; /* the proxy on the ledger */
	bool is_kept;	   /* its receipt was there already */
	bool has_answered; /* and will not say anything else */
	struct souk_signed_key_deletion deletion;
};

/* Revoked on the ledger, whatever was there before. */
static souk_status revoke_one(struct souk_chain_client *chain, const struct key_grant_home *home,
	const struct souk_hash *agreement)
{
	struct souk_agreement_record record;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_AGREEMENT_REVOKE,
		.agreement_revoke = {.agreement = *agreement}};
	souk_status status = souk_chain_agreement(chain, agreement, &record);
	if (status != SOUK_OK)
		return status == SOUK_PEER_NO_AGREEMENT ? SOUK_LOCAL_NOT_FOUND : status;
	if (record.convicted || record.revoked.ms != 0)
		return SOUK_OK;
	status = souk_chain_submit(chain, &body, home->identity, NULL);
	return status == SOUK_PEER_AGREEMENT_REVOKED || status == SOUK_PEER_AGREEMENT_OVER ? SOUK_OK
											   : status;
}

/* A proxy that the ledger does not know for this never had to answer: it may have refused, or
 * crashed before it entered. Only where it says that it has nothing, or once nobody may enter any
 * more (IS_PAST), is that certain. */
static bool is_over(const struct key_revoked *share, bool is_past)
{
	if (share->ledger == SOUK_LOCAL_NOT_FOUND)
		return is_past || share->deletion == SOUK_OK ||
		       share->deletion == SOUK_PEER_NO_AGREEMENT;
	return share->ledger == SOUK_OK && share->deletion == SOUK_OK;
}

/* It has the fragment, and the ledger not the agreement yet: whoever delivered it was killed a
 * moment ago. */
static bool is_entering(const struct key_revoked *share)
{
	return share->ledger == SOUK_LOCAL_NOT_FOUND &&
	       (share->deletion == SOUK_LOCAL_NOT_FOUND ||
		       share->deletion == SOUK_PEER_AGREEMENT_RUNS);
}

/* The proxy's receipt, for a fragment that it may not use any more. */
static void ask_deletion(void *job)
{
	struct ending *ending = job;
	struct key_revoked *share = ending->share;
	struct provider_client client;
	if (ending->is_kept || ending->has_answered)
		return;
	share->deletion = ending->found;
	if (ending->found != SOUK_OK)
		return;
	uint64_t timeout_ms = ending->home->timeout_ms;
	share->deletion = provider_client_init(
		&client, &ending->record, timeout_ms != 0 ? timeout_ms : TIMEOUT_MS);
	for (unsigned i = 0; share->deletion == SOUK_OK; i++) {
		share->deletion =
			key_delete(&client, &share->agreement, &share->provider, &ending->deletion);
		bool is_early = share->deletion == SOUK_PEER_AGREEMENT_RUNS;
		if (!is_early || share->ledger != SOUK_OK || i + 1 == TRIES)
			break;
		share->deletion = SOUK_OK;
		usleep(PAUSE_US);
	}
	snprintf(share->detail, sizeof share->detail, "%s",
		share->deletion != SOUK_OK ? client.control.detail : "");
	provider_client_done(&client);
	ending->has_answered = !is_entering(share);
}

static souk_status keep(const struct key_grant_home *home, const struct souk_nonce *policy,
	struct ending *endings, size_t count)
{
	struct souk_vault vault;
	souk_status status = SOUK_OK;
	SOUK_TRY(vault_home_begin(home->vault, NULL, &vault));
	for (size_t i = 0; status == SOUK_OK && i < count; i++) {
		struct key_revoked *share = endings[i].share;
		if (share->ledger == SOUK_OK)
			status = souk_vault_policy_revoke(&vault, policy, &share->agreement);
		if (status == SOUK_OK && share->deletion == SOUK_OK && !endings[i].is_kept)
			status = souk_vault_policy_keep(&vault, policy, &endings[i].deletion);
	}
	return vault_home_end(home->vault, status);
}

static void start(const struct key_grant_home *home, struct souk_chain_client *chain,
	const struct souk_vault_policy *policy, struct ending *endings,
	struct key_revoke_report *report)
{
	for (size_t i = 0; i < policy->shares.count; i++) {
		const struct souk_vault_share *share = &policy->shares.items[i];
		struct key_revoked *ret = &report->shares[report->count++];
		*ret = (struct key_revoked){
			.provider = share->provider, .agreement = share->agreement};
		endings[i] = (struct ending){
			.share = ret, .home = home, .is_kept = share->deleted.count > 0};
		endings[i].found = souk_chain_provider(chain, &share->provider, &endings[i].record);
	}
}

static souk_status end_all(const struct key_grant_home *home, struct souk_chain_client *chain,
	struct ending *endings, struct key_revoke_report *report)
{
	bool is_early = true;
	for (unsigned round = 0; round < TRIES && is_early; round++) {
		if (round > 0)
			usleep(PAUSE_US);
		for (size_t i = 0; i < report->count; i++) {
			struct key_revoked *share = &report->shares[i];
			if (round == 0 || is_entering(share))
				share->ledger = revoke_one(chain, home, &share->agreement);
		}
		SOUK_TRY(together_run(ask_deletion, endings, sizeof *endings, report->count));
		is_early = false;
		for (size_t i = 0; i < report->count; i++)
			is_early |= is_entering(&report->shares[i]);
	}
	return SOUK_OK;
}

static souk_status begin(const struct key_grant_home *home, const struct souk_nonce *id,
	struct souk_vault_policy *ret)
{
	struct souk_vault vault;
	SOUK_TRY(vault_home_begin(home->vault, NULL, &vault));
	souk_status status = souk_vault_policy_show(&vault, id, ret);
	if (status == SOUK_OK && !ret->revoked)
		status = souk_vault_policy_revoke(&vault, id, NULL);
	return vault_home_end(home->vault, status);
}

souk_status key_revoke_run(const struct key_grant_home *home, const struct souk_nonce *id,
	struct key_revoke_report *report)
{
	struct souk_vault_policy *policy = calloc(1, sizeof *policy);
	struct ending *endings = calloc(KEY_GRANT_PROXIES_MAX, sizeof *endings);
	struct souk_chain_client *chain = souk_chain_client_new(home->ledger_url);
	souk_status status =
		policy == NULL || endings == NULL || chain == NULL ? SOUK_IO_MEMORY : SOUK_OK;
	*report = (struct key_revoke_report){0};
	if (status == SOUK_OK) {
		char path[512];
		snprintf(path, sizeof path, "%s/identity.key", home->home);
		souk_chain_set_lock(chain, path);
		status = begin(home, id, policy);
	}
	if (status == SOUK_OK) {
		start(home, chain, policy, endings, report);
		status = end_all(home, chain, endings, report);
	}
	if (status == SOUK_OK)
		status = keep(home, id, endings, report->count);
	report->complete = status == SOUK_OK;
	report->is_past = status == SOUK_OK && policy->expires.ms != 0 &&
			  souk_time_is_before(policy->expires, souk_clock_now(souk_clock_real()));
	for (size_t i = 0; i < report->count; i++)
		report->complete &= is_over(&report->shares[i], report->is_past);
	souk_chain_client_free(chain);
	free(endings);
	free(policy);
	return status;
}

/* ------------------------------------------------------------------ what a crash left */

struct sweep {
	const struct key_grant_home *home;
	struct key_revoke_report report;
	size_t count;
};

/* Nobody was told of it: without an agreement that runs, or may yet be entered into, it is over;
 * receipts or not. */
static bool is_harmless(const struct key_revoke_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct key_revoked *share = &report->shares[i];
		if (share->ledger != SOUK_OK && !is_over(share, report->is_past))
			return false;
	}
	return true;
}

static souk_status sweep_one(void *ctx, const uint8_t *id)
{
	struct sweep *sweep = ctx;
	struct souk_nonce policy;
	memcpy(policy.bytes, id, sizeof policy.bytes);
	souk_status status = key_revoke_run(sweep->home, &policy, &sweep->report);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	if (status == SOUK_OK && !is_harmless(&sweep->report))
		return SOUK_OK; /* the note stays, and it is tried again */
	sweep->count++;
	return key_grant_done(sweep->home->home, &policy);
}

souk_status key_grant_sweep(const struct key_grant_home *home, size_t *ret_count)
{
	struct sweep *sweep = calloc(1, sizeof *sweep);
	if (sweep == NULL)
		return SOUK_IO_MEMORY;
	sweep->home = home;
	souk_status status = shares_each(home->home, "pending", SOUK_NONCE_SIZE, sweep_one, sweep);
	*ret_count = sweep->count;
	free(sweep);
	return status;
}
