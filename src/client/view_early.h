/* SPDX-License-Identifier: Apache-2.0
 *
 * view_early.h - a bundle that a sponsor is asked for before anybody has said what the content is:
 * its answer does, and has the chunk row, so that a viewer's first byte waits for nobody else.
 *
 *   view_early_ask --> view_early_take --> size, row --> view_config.early: a view's first bundle
 *     POST bundle_ask?row=    '--> a refusal: nothing is drawn, and others may be asked
 *
 * A bundle that is drawn and not used is charged to the viewer's quota: whoever asks two sponsors
 * at once pays for it.
 *
 * Memory: heap; holds secrets, which are wiped. Threads: one owner. Spec: spec/sponsor.md 3, 8. */
#ifndef SOUK_CLIENT_VIEW_EARLY_H
#define SOUK_CLIENT_VIEW_EARLY_H

#include "souk/io/http_fetch.h"
#include "view.h"

/* So many chunks a stream asks for first. */
#define VIEW_EARLY_CHUNKS 24u
/* Rows up to 8 GiB of content come with the answer. */
#define VIEW_ROW_MAX (1u << 20)

struct view_early;

/* view_early_ask: the first one of CONFIG's sponsors for CHUNKS from the first one on, by ENGINE.
 * Of its content the id is set, and the size where its name states one; of the others of its
 * fields home, is_streaming and timeout_ms count.
 *
 * Returns SOUK_OK: it is under way; or why it could not be sent, nothing is lost. */
SOUK_MUST_CHECK souk_status view_early_ask(struct view_early **ret,
	const struct view_config *config, uint32_t chunks, struct souk_http_fetcher *engine);
/* Whether FETCHED answers EARLY; then it is taken. Where the sponsor counts the viewer's bundles
 * otherwise it is asked once more, by ENGINE. */
bool view_early_take(struct view_early *early, const struct souk_http_fetched *fetched,
	struct souk_http_fetcher *engine);
bool view_early_is_waited(const struct view_early *early);
/* It is not waited for any more; before ENGINE is somebody else's. */
void view_early_end(struct view_early *early, struct souk_http_fetcher *engine);

/* view_early_status: what came of it.
 *
 * Returns SOUK_OK: a bundle, and with it what CONTENT is and its ROW, which is EARLY's; or
 *   SOUK_LOCAL_STATE       nothing yet, or it was not waited for.
 *   SOUK_LOCAL_NOT_FOUND   a bundle, and no row.
 *   any other              what the sponsor said, or did. */
SOUK_MUST_CHECK souk_status view_early_status(const struct view_early *early,
	struct souk_content *ret_content, const struct souk_hash **ret_row);

void view_early_free(struct view_early *early); /* NULL is allowed */

#endif
