/* SPDX-License-Identifier: Apache-2.0 */
#include "share_culprits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "souk/io/file.h"

static void write_file(const char *command, const char *prefix, bool is_question,
	struct souk_bytes bytes, json_t *files)
{
	const char *what = is_question ? "question" : "evidence";
	char path[4300];
	snprintf(path, sizeof path, "%s.%s-%zu", prefix, what, json_array_size(files) + 1);
	souk_status status = souk_file_write_atomic(path, bytes, false);
	if (status != SOUK_OK) {
		cli_fail(command, path, status, NULL);
		return;
	}
	json_array_append_new(files, json_pack("{s:s, s:s}", "kind", what, "file", path));
	if (!cli_json)
		fprintf(stderr, "souk %s: %s is in %s; use it with: souk agreement %s %s\n",
			command, what, path, is_question ? "challenge" : "accuse", path);
}

/* The transaction that accuses it: agreement, fault and evidence, whatever the service. */
static void write_accusation(
	const char *command, const char *prefix, const struct key_culprit *culprit, json_t *files)
{
	struct souk_tx_accuse *tx = calloc(1, sizeof *tx);
	uint8_t *bytes = malloc(SOUK_TX_ACCUSE_SIZE_MAX);
	struct souk_writer writer;
	if (tx != NULL && bytes != NULL) {
		tx->agreement = culprit->agreement;
		tx->fault = culprit->fault;
		tx->evidence.size = (uint16_t)culprit->evidence_size;
		memcpy(tx->evidence.data, culprit->evidence, culprit->evidence_size);
		souk_writer_init(&writer, bytes, SOUK_TX_ACCUSE_SIZE_MAX);
		souk_tx_accuse_encode(&writer, tx);
		write_file(command, prefix, false, souk_bytes_of(bytes, writer.size), files);
	}
	free(bytes);
	free(tx);
}

static void write_question(
	const char *command, const char *prefix, const struct key_culprit *culprit, json_t *files)
{
	uint8_t bytes[SOUK_TX_CHALLENGE_SIZE_MAX];
	struct souk_tx_challenge tx = {.agreement = culprit->agreement};
	struct souk_writer writer;
	tx.question.size = (uint16_t)culprit->question_size;
	memcpy(tx.question.data, culprit->question, culprit->question_size);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_tx_challenge_encode(&writer, &tx);
	write_file(command, prefix, true, souk_bytes_of(bytes, writer.size), files);
}

void share_culprit_write(
	const char *command, const char *prefix, const struct key_culprit *culprit, json_t *files)
{
	bool is_over = culprit->status == SOUK_PEER_AGREEMENT_REVOKED ||
		       culprit->status == SOUK_PEER_AGREEMENT_OVER;
	/* A proxy that does what its owner wants has failed nobody. */
	if (!cli_json && !is_over)
		fprintf(stderr, "souk %s: proxy %s: %s%s%s\n", command,
			cli_address_text(&culprit->provider), souk_status_text(culprit->status),
			culprit->detail[0] != '\0' ? ": " : "", culprit->detail);
	if (culprit->fault != 0)
		write_accusation(command, prefix, culprit, files);
	else if (culprit->question_size != 0)
		write_question(command, prefix, culprit, files);
}

void share_culprits_write(
	const char *command, const char *prefix, const struct key_retrieval *report, json_t *files)
{
	for (size_t i = 0; i < report->culprit_count; i++)
		share_culprit_write(command, prefix, &report->culprits[i], files);
}

json_t *share_retrieval_json(const struct key_retrieval *report)
{
	json_t *culprits = json_array();
	for (size_t i = 0; i < report->culprit_count; i++) {
		const struct key_culprit *culprit = &report->culprits[i];
		json_array_append_new(
			culprits, json_pack("{s:s, s:s, s:s, s:s, s:i}", "provider",
					  cli_address_text(&culprit->provider), "agreement",
					  cli_hash_text(&culprit->agreement), "status",
					  souk_status_name(culprit->status), "detail",
					  culprit->detail, "fault", (int)culprit->fault));
	}
	return json_pack("{s:I, s:I, s:I, s:I, s:f, s:o}", "proxies_asked",
		(json_int_t)report->asked, "proxies_good", (json_int_t)report->good, "requests",
		(json_int_t)report->requests, "spent_ncoin", (json_int_t)report->spent.ncoin,
		"seconds", (double)report->took_ns / 1e9, "culprits", culprits);
}
