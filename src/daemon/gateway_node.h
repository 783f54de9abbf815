/* SPDX-License-Identifier: Apache-2.0
 *
 * gateway_node.h - a gateway as a process: contents of the market for ordinary programs, over HTTP.
 *
 *   browser, curl, VLC --HTTP--> [ guard -> route -> reader ] --> chunk store (HOME/content)
 *                                  a thread for each          --> fetches, each on a thread of its
 * own connection
 *
 *   /ID               a file, or a directory: then sent on to /ID/
 *   /ID/path          of a directory: a file, or the listing of a folder
 *   /name/PUBLISHER/LABEL/path   the same, of what a versioned name stands for now
 *   /                 what is here, what it costs
 *
 * It is for the users of this machine: by default it listens on loopback, and what web pages from
 * elsewhere may do is in gateway_guard.h. Nothing that it is asked changes anything but the cache
 * and the purse, and the purse has a bottom.
 *
 * Threads: start and stop from one. */
#ifndef SOUK_DAEMON_GATEWAY_NODE_H
#define SOUK_DAEMON_GATEWAY_NODE_H

#include "../client/fetch.h"
#include "chunk_store.h"

struct gateway_node;

/* Texts are borrowed for as long as the node lives. */
struct gateway_node_config {
	const char *home;
	const char *ledger_url;
	const char *listen; /* ADDR:PORT */
	const char *hosts;  /* further names it answers to; NULL: none */
	const char *pages;  /* origins of web pages that may use it; NULL: none */
	bool own_origins;   /* pages are shown under an origin of their content */
	uint64_t cache;	    /* bytes; of a home that is no provider */
	enum fetch_payer payer;
	const char *sponsor;   /* NULL: whoever the caches name */
	const char *admission; /* a file that the sponsor's site gave; NULL: none */
	const char *hub;       /* NULL: the escrow pays */
	uint64_t escrow;
	struct souk_amount budget;    /* a day */
	struct souk_amount price_max; /* of a unit; zero: no limit */
	uint64_t read_ahead;	      /* bytes */
	uint64_t contents;	      /* fetched at once */
	uint64_t connections;
	uint64_t wait_ms; /* for a chunk */
	uint64_t idle_ms; /* a fetch without a reader ends after it */
};

void gateway_node_config_default(struct gateway_node_config *config);

/* gateway_node_start: open the store or share one, listen.
 *
 *  In: chunks    a provider's of the same home, which lives longer; NULL: the gateway opens one
 *      identity  borrowed for as long as the node lives
 *
 * On failure *RET_WHAT names what failed. */
SOUK_MUST_CHECK souk_status gateway_node_start(struct gateway_node **ret,
	const struct gateway_node_config *config, struct chunk_store *chunks,
	const struct souk_identity *identity, const char **ret_what);
/* End the streams, close the connections, make durable what was fetched. */
void gateway_node_stop(struct gateway_node *node);

#endif
