/* SPDX-License-Identifier: Apache-2.0
 *
 * What convicts a proxy that serves although its agreement was revoked: its statement, and the late
 * block that the request named. */
#include <stdlib.h>

#include "key_internal.h"
#include "souk/base/check.h"
#include "souk/ledger/verify.h"

/* The block that the requests named, as its log begins. */
static souk_status fetch_header(struct key_client *client, struct souk_signed_block_header *ret)
{
	struct souk_bytes frame;
	uint8_t *frames;
	size_t size, used;
	SOUK_TRY(souk_chain_log(client->chain, client->after_height, &frames, &size));
	souk_status status = souk_log_read_frame(&frame, &used, souk_bytes_of(frames, size));
	if (status == SOUK_OK)
		status = souk_signed_block_header_decode(ret, frame, NULL);
	free(frames);
	return status;
}

souk_status key_late_evidence(struct key_client *client, const struct souk_agreement_record *record,
	const struct souk_signed_key_statement *statement, struct key_culprit *culprit)
{
	struct souk_signed_block_header header;
	struct souk_key_late_evidence evidence;
	struct souk_writer writer;
	SOUK_TRY(fetch_header(client, &header));
	struct souk_ledger_status *ledger = malloc(sizeof *ledger);
	if (ledger == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = souk_chain_status(client->chain, ledger);
	if (status == SOUK_OK)
		status = souk_keys_accuse_late(&evidence, &record->agreement, record->revoked,
			statement, &ledger->genesis, &header, NULL);
	free(ledger);
	SOUK_TRY(status);
	souk_writer_init(&writer, culprit->evidence, sizeof culprit->evidence);
	souk_key_late_evidence_encode(&writer, &evidence);
	culprit->fault = SOUK_KEYS_FAULT_LATE;
	culprit->evidence_size = writer.size;
	return SOUK_OK;
}
