/* SPDX-License-Identifier: Apache-2.0
 *
 * row_answer.h - an answer, and behind it the chunk row of a content.
 *
 *   GET, POST ...?row=<most>  -->  Souk-Row: <bytes of the head>, body: head, row
 *
 * So whoever is about to fetch chunks saves a round trip. Memory: heap of the reply. Threads: any;
 * the row is read from the disk. Spec: spec/exchange.md 2. */
#ifndef SOUK_DAEMON_ROW_ANSWER_H
#define SOUK_DAEMON_ROW_ANSWER_H

#include "souk/content/chunk.h"
#include "souk/io/http_server.h"

/* A longer row is asked for by itself: this one is held in memory for each who asks. */
#define ROW_ANSWER_MAX (1u << 20)

/* row_answer: HEAD, which is copied, and the row of CONTENT in the file PATH behind it: where
 * REQUEST asks for one that long. Of a single chunk there is none: it says nothing that the
 * content's id does not. Where it cannot be read the answer is HEAD alone. */
void row_answer(struct souk_http_reply *reply, const struct souk_http_request *request,
	struct souk_bytes head, const struct souk_content *content, const char *path);

#endif
