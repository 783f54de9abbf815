/* SPDX-License-Identifier: Apache-2.0
 *
 * share_culprits.h - proxies that failed: said, and brought into files for souk agreement. */
#ifndef SOUK_CLI_SHARE_CULPRITS_H
#define SOUK_CLI_SHARE_CULPRITS_H

#include <jansson.h>

#include "../client/key_retrieve.h"

/* Say who failed and how, and write PREFIX.evidence-N for those that can be convicted and
 * PREFIX.question-N for those that can be asked on the ledger. Appends to FILES. */
void share_culprits_write(
	const char *command, const char *prefix, const struct key_retrieval *report, json_t *files);
/* As for one of them; N is the next number. */
void share_culprit_write(
	const char *command, const char *prefix, const struct key_culprit *culprit, json_t *files);

json_t *share_retrieval_json(const struct key_retrieval *report);

#endif
