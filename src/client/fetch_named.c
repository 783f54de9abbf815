/* SPDX-License-Identifier: Apache-2.0
 *
 * Who names a sponsor asks it what the content is, and no provider: only those that are drawn hear
 * of this viewer at all. */
#include <stdlib.h>
#include <string.h>

#include "chunk_row.h"
#include "fetch_first.h"
#include "fetch_internal.h"
#include "souk/base/check.h"

static souk_status take_content(struct fetch *fetch, const struct view_answer *answer)
{
	const struct souk_sponsored_content *is = &answer->content;
	SOUK_TRY(
		souk_content_check(&fetch->content, &fetch->config.name, is->size, is->chunk_size));
	fetch->chunk_count = souk_content_chunk_count(&fetch->content);
	if (fetch->chunk_count == 0)
		return SOUK_OK;
	if (answer->row.size == 0 && fetch->chunk_count > 1)
		return SOUK_LOCAL_NOT_FOUND;
	return chunk_row_take(&fetch->row, &fetch->content, answer->row);
}

/* Whether the providers may know better: a sponsor that has not been told yet, or an older one. */
static bool is_worth_asking_on(souk_status status)
{
	return status == SOUK_LOCAL_NOT_FOUND || status == SOUK_LOCAL_FULL ||
	       (souk_status_class(status) == SOUK_CLASS_PEER);
}

souk_status fetch_find_named(struct fetch *fetch, char detail[FETCH_DETAIL_SIZE])
{
	const struct fetch_config *config = &fetch->config;
	if (fetch_first_alone(fetch) == SOUK_OK)
		return SOUK_OK;
	struct view_answer *answer = malloc(sizeof *answer);
	if (answer == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = view_ask_content(&fetch->named, answer, config->sponsor,
		&config->name.id, config->timeout_ms, detail);
	if (status == SOUK_OK)
		status = take_content(fetch, answer);
	free(answer);
	if (status == SOUK_OK)
		return SOUK_OK;
	fetch->named.name[0] = '\0';
	return is_worth_asking_on(status) ? SOUK_LOCAL_NOT_FOUND : status;
}
