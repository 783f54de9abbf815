/* SPDX-License-Identifier: Apache-2.0
 *
 * view_kit.h - a sponsor and eight caches of sponsor_kit behind servers of their own, in one
 * process: what viewers are tested with. */
#ifndef SOUK_CLIENT_VIEW_KIT_H
#define SOUK_CLIENT_VIEW_KIT_H

#include <pthread.h>
#include <stdatomic.h>

#include "../services/content/sponsor_kit.h"
#include "souk/io/http_server.h"
#include "souk/io/tls_key.h"
#include "view.h"
#include "view_sponsors.h"

#define CACHES KIT_CACHES

enum manner {
	HONEST,
	GARBAGE,   /* other bytes than the chunk's */
	WITHHOLDS, /* no keys */
	HEAD_ONLY, /* the first unit of a session, and no other */
	REFUSES,   /* no session */
	STALLS,	   /* units take longer than anybody waits */
};

struct place;

struct cache {
	struct place *place;
	uint32_t index;
	struct souk_http_server *control, *data;
	char data_url[64];
	struct souk_signed_recruit recruit;
	_Atomic enum manner manner;
};

struct place {
	pthread_mutex_t lock; /* the kit */
	struct kit_sponsor *kit;
	struct souk_tls_key tls;
	char folder[32], home[64];
	struct souk_http_server *sponsor;
	struct cache caches[CACHES];
	struct market_entry entries[CACHES];
	struct view_sponsor who;
	_Atomic int refuse; /* so many of the sponsor's next answers are "not now" */
	_Atomic int lose;   /* and so many are done, and lost */
	bool no_row;	    /* with its bundles */
	uint32_t bundles;
	char peer[SOUK_HTTP_PEER_TEXT_SIZE]; /* who asked last */
	/* What came. */
	_Atomic uint32_t given[KIT_CHUNKS];
	_Atomic uint32_t wrong;
	_Atomic uint32_t count;
	uint32_t outcomes, blamed;
};

struct souk_time now(void);

/* With N caches to a bundle, SEGMENT units of each, and puzzles of mode PUZZLE; all are honest. */
struct place *place_new(uint16_t n, uint16_t segment, uint8_t puzzle);
void place_free(struct place *place);

#endif
