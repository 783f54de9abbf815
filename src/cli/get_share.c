/* SPDX-License-Identifier: Apache-2.0
 *
 * A share: the file key by way of the proxies, the content as any other, then both together.
 *
 *   FILE.share --check--> capsule --t of n proxies, paid--> file key
 *              --------> content id --fetched--> FILE.part --decrypted--> FILE.open --> FILE */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../client/key_retrieve.h"
#include "get.h"
#include "share.h"
#include "share_culprits.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

struct get_share {
	const char *path;
	struct souk_signed_content_share signed_share;
	struct souk_umbral_capsule capsule;
	uint8_t file_key[SOUK_SEALED_KEY_SIZE];
	bool has_key;
	souk_status refused; /* what was fetched is no file under that key */
	struct key_retrieval report;
};

/* ------------------------------------------------------------------ the file */

bool get_share_is(const char *text)
{
	char head[sizeof SOUK_SHARE_PREFIX - 1];
	size_t length = strlen(text), suffix = strlen(".share");
	int fd = open(text, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool begins_so = read(fd, head, sizeof head) == (ssize_t)sizeof head &&
			 memcmp(head, SOUK_SHARE_PREFIX, sizeof head) == 0;
	close(fd);
	return begins_so || (length > suffix && strcmp(text + length - suffix, ".share") == 0);
}

int get_share_load(struct get *get, const char *path)
{
	struct get_share *share = calloc(1, sizeof *share);
	if (share == NULL)
		return cli_fail("get", path, SOUK_IO_MEMORY, NULL);
	share->path = path;
	get->share = share;
	get->is_raw = true;
	souk_status status = share_store_read(path, &share->signed_share);
	if (status == SOUK_OK)
		status = souk_share_check(&share->signed_share, &share->capsule);
	const struct souk_content_share *s = &share->signed_share.share;
	if (status != SOUK_OK)
		return cli_fail("get", path, status, "ask whoever gave it to you for another one");
	if (!souk_time_is_before(cli_now(), s->policy.expires))
		return cli_fail("get", path, SOUK_PEER_SHARE_OVER, "ask its owner to share again");
	get->config.name =
		(struct souk_content_name){.id = s->content, .has_size = true, .size = s->size};
	return 0;
}

const char *get_share_name(const struct get *get)
{
	return get->share->signed_share.share.name.text;
}

void get_share_free(struct get *get)
{
	if (get->share != NULL)
		souk_bytes_wipe(get->share, sizeof *get->share);
	free(get->share);
	get->share = NULL;
}

/* ------------------------------------------------------------------ its key */

static souk_status receiving_key(
	const struct share_home *home, const struct souk_pubkey *point, struct souk_umbral_key *ret)
{
	struct souk_vault vault;
	SOUK_TRY(vault_home_begin(home->grant.vault, NULL, &vault));
	return vault_home_end(home->grant.vault, souk_vault_receive_point(&vault, point, ret));
}

static souk_status retrieve(
	struct get *get, const struct share_home *home, const struct souk_umbral_key *receiving)
{
	struct get_share *share = get->share;
	const struct souk_content_share *s = &share->signed_share.share;
	const struct key_client_config config = {.home = cli_home_path(),
		.ledger_url = cli_ledger_url(),
		.identity = &home->identity,
		.escrow = get->config.escrow_number,
		.units = 4};
	struct key_client *client;
	struct souk_umbral_seed seed;
	SOUK_TRY(key_client_new(&client, &config));
	souk_status status = key_retrieve(
		client, &s->policy, receiving, &share->capsule, 1, &seed, &share->report);
	if (status == SOUK_OK)
		status = souk_share_file_key(share->file_key, s, &seed);
	souk_bytes_wipe(&seed, sizeof seed);
	key_client_free(client);
	share->has_key = status == SOUK_OK;
	return status;
}

static int explain(const struct get *get, souk_status status)
{
	const struct get_share *share = get->share;
	char detail[KEY_DETAIL_SIZE + 100];
	snprintf(detail, sizeof detail, "%s", share->report.detail);
	if (status == SOUK_PEER_AGREEMENT_REVOKED || status == SOUK_PEER_AGREEMENT_OVER) {
		snprintf(detail, sizeof detail, "%s", souk_status_text(status));
		status = SOUK_PEER_SHARE_OVER;
	} else if (status == SOUK_PEER_NO_ESCROW || status == SOUK_PEER_NO_ACCOUNT) {
		snprintf(detail, sizeof detail,
			"the proxies are paid from your escrow: souk escrow open");
	}
	if (!cli_json)
		return cli_fail("get", share->path, status, detail);
	cli_print_json(json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:O}", "command", "get", "error",
		souk_status_name(status), "text", souk_status_text(status), "what", share->path,
		"detail", detail, "share", get_share_json(get), "evidence", get->evidence));
	return EXIT_REFUSED;
}

int get_share_key(struct get *get)
{
	struct get_share *share = get->share;
	const struct souk_key_policy *policy = &share->signed_share.share.policy;
	struct souk_umbral_key receiving;
	struct share_home home;
	if (!share_home_open(&home, "get", false, false))
		return EXIT_REFUSED;
	souk_status status = receiving_key(&home, &policy->receiving, &receiving);
	if (status != SOUK_OK) {
		char detail[200];
		snprintf(detail, sizeof detail, "it is for the key %s",
			share_point_text(&policy->receiving));
		share_home_close(&home);
		return cli_fail("get", share->path,
			status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_BAD_SHARE : status, detail);
	}
	status = retrieve(get, &home, &receiving);
	souk_bytes_wipe(&receiving, sizeof receiving);
	share_home_close(&home);
	share_culprits_write("get", get->path, &share->report, get->evidence);
	get->file_count = (int)json_array_size(get->evidence);
	return status == SOUK_OK ? 0 : explain(get, status);
}

/* ------------------------------------------------------------------ the plain file */

souk_status get_share_check_first(struct get *get, struct souk_bytes chunk)
{
	struct get_share *share = get->share;
	struct souk_sealed sealed;
	share->refused = SOUK_PEER_BAD_SEAL;
	if (chunk.size >= SOUK_SEALED_HEADER_SIZE)
		share->refused = souk_sealed_open(
			&sealed, share->file_key, chunk.data, share->signed_share.share.size);
	if (share->refused != SOUK_OK)
		return SOUK_LOCAL_STOPPED; /* who sold it sold what was asked for */
	souk_sealed_done(&sealed);
	return SOUK_OK;
}

static souk_status explain_refusal(
	const struct get_file *file, souk_status status, char detail[FETCH_DETAIL_SIZE])
{
	snprintf(detail, FETCH_DETAIL_SIZE,
		"%.300s: what the share names is no file that was encrypted for it\n"
		"It was fetched as its owner published it; ask for another share.",
		file->name);
	return status;
}

souk_status get_share_outcome(
	const struct get_file *file, souk_status status, char detail[FETCH_DETAIL_SIZE])
{
	const struct get_share *share = file->get->share;
	if (share == NULL || share->refused == SOUK_OK || status == SOUK_OK)
		return status;
	return explain_refusal(file, share->refused, detail);
}

/* All segments of IN, in order, into OUT. SCRATCH: two segments. */
static souk_status decrypt(const struct get_share *share, int in, int out, uint8_t *scratch)
{
	uint8_t header[SOUK_SEALED_HEADER_SIZE];
	uint8_t *plain = scratch + SOUK_SEALED_SEGMENT_SIZE;
	struct souk_sealed sealed;
	SOUK_TRY(souk_file_read_at(in, header, sizeof header, 0));
	SOUK_TRY(
		souk_sealed_open(&sealed, share->file_key, header, share->signed_share.share.size));
	souk_status status = SOUK_OK;
	for (uint32_t i = 0; status == SOUK_OK && i < sealed.count; i++) {
		struct souk_sealed_segment at = souk_sealed_segment_of(&sealed, i);
		status = get_is_interrupted()
				 ? SOUK_LOCAL_STOPPED
				 : souk_file_read_at(in, scratch, at.sealed_size, at.sealed_offset);
		if (status == SOUK_OK)
			status = souk_sealed_decrypt(
				plain, &sealed, i, souk_bytes_of(scratch, at.sealed_size));
		if (status == SOUK_OK)
			status = souk_file_write_at(out, plain, at.plain_size, at.plain_offset);
	}
	souk_sealed_done(&sealed);
	return status;
}

static souk_status decrypt_to(const struct get_file *file, const char *path)
{
	uint8_t *scratch = malloc(2 * SOUK_SEALED_SEGMENT_SIZE);
	int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	souk_status status = scratch == NULL ? SOUK_IO_MEMORY
			     : out < 0	     ? souk_file_status(errno, SOUK_IO_WRITE)
					     : SOUK_OK;
	if (status == SOUK_OK)
		status = decrypt(file->get->share, file->part_fd, out, scratch);
	if (status == SOUK_OK && fsync(out) != 0)
		status = souk_file_status(errno, SOUK_IO_WRITE);
	if (out >= 0)
		close(out);
	if (scratch != NULL)
		souk_bytes_wipe(scratch, 2 * SOUK_SEALED_SEGMENT_SIZE);
	free(scratch);
	return status;
}

souk_status get_share_finish(struct get_file *file, char detail[FETCH_DETAIL_SIZE])
{
	char path[4300];
	snprintf(path, sizeof path, "%.4200s.open", file->get->path);
	souk_status status = decrypt_to(file, path);
	if (status == SOUK_OK && renameat(AT_FDCWD, path, file->folder_fd, file->name) != 0)
		status = souk_file_status(errno, SOUK_IO_WRITE);
	if (status == SOUK_OK) {
		unlink(file->part);
		return SOUK_OK;
	}
	unlink(path);
	if (souk_status_class(status) == SOUK_CLASS_PEER)
		return explain_refusal(file, status, detail);
	snprintf(detail, FETCH_DETAIL_SIZE, "%.300s", file->name);
	return status;
}

/* ------------------------------------------------------------------ the result */

json_t *get_share_json(const struct get *get)
{
	const struct get_share *share = get->share;
	const struct souk_content_share *s = &share->signed_share.share;
	return json_pack("{s:s, s:s, s:I, s:I, s:o}", "file", share->path, "name", s->name.text,
		"threshold", (json_int_t)s->policy.threshold, "expires_ms",
		(json_int_t)s->policy.expires.ms, "retrieval",
		share_retrieval_json(&share->report));
}

void get_share_print(const struct get *get)
{
	const struct key_retrieval *report = &get->share->report;
	printf("key      opened by %" PRIu32 " of %" PRIu32 " proxies that were asked, in %.0f ms, "
	       "for %s coins\n",
		report->good, report->asked, (double)report->took_ns / 1e6,
		cli_amount_text(report->spent));
}
