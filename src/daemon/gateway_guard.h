/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_guard.h - whom a gateway answers: by the name it was called, and by who sent the asker.
 *
 * A gateway on loopback has no password: whoever can make a user's browser ask it could spend the
 * user's money, and see what was watched. Two defences:
 *
 *   by name   A page may let its own name point to 127.0.0.1, and then counts as of one origin with
 *             the gateway. So only addresses, localhost, the origins of contents and names that the
 *             configuration gives are answered.
 *   by page   A browser says where a request comes from (Sec-Fetch-*, Origin, Referer). What a page
 *             from elsewhere embeds or fetches is refused, but for pages that the configuration
 *             names. A link may be followed, by a user and not by a browser beforehand.
 *
 * Contents are of many publishers, who must not read one another's: each has an origin of its own,
 * to which its pages are sent:
 *
 *   http://A.B.localhost:PORT/path     A, B: the halves of the id, since a label has 63 characters
 *
 * Memory: none. Threads: any. */
#ifndef SOUK_DAEMON_GATEWAY_GUARD_H
#define SOUK_DAEMON_GATEWAY_GUARD_H

#include <stdbool.h>

#include "souk/base/bytes.h"

#define GATEWAY_HOST_SIZE 300 /* of a Host that is answered, with its terminator */

enum gateway_host_kind {
	GATEWAY_HOST_FOREIGN, /* refuse it */
	GATEWAY_HOST_SHARED,
	GATEWAY_HOST_CONTENT, /* an origin of a content */
};

/* HOST is the header, "localhost:7680", or NULL; ALLOWED names more, "a.example, b.example", or is
 * NULL. *RET_CONTENT is set for an origin of a content alone. */
enum gateway_host_kind gateway_host_of(
	const char *host, const char *allowed, struct souk_hash *ret_content);

/* "A.B.localhost:PORT": OUT has GATEWAY_HOST_SIZE characters. */
void gateway_host_of_content(char *out, const struct souk_hash *content, uint16_t port);

/* Headers of a request; NULL where they are not there. */
struct gateway_visit {
	const char *host;
	const char *site, *mode, *dest; /* Sec-Fetch-* */
	const char *origin, *referer;
	const char *purpose; /* Sec-Purpose: a browser may fetch what a link leads to beforehand */
};

enum gateway_visit_kind {
	GATEWAY_VISIT_REFUSED,
	GATEWAY_VISIT_OWN,    /* the user, a program, or a page of the same origin */
	GATEWAY_VISIT_LINK,   /* a link on a page from elsewhere, or such a page's window */
	GATEWAY_VISIT_INVITED /* a page that ALLOWED names: it may read the answer */
};

/* ALLOWED: "https://a.example, https://b.example:8443", or NULL. */
enum gateway_visit_kind gateway_visit_of(const struct gateway_visit *visit, const char *allowed);

#endif
