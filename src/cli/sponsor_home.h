/* SPDX-License-Identifier: Apache-2.0
 *
 * sponsor_home.h - a home that is a sponsor: what its configuration says, and its running daemon.
 *
 *   sponsor_home.c      the configuration; the report of a soukd that runs
 *   cmd_publish.c       souk publish: a file or a folder, its order, progress
 *   publish_money.c     the escrow that pays
 *   cmd_sponsor.c       souk sponsor report, show, stop, admit */
#ifndef SOUK_CLI_SPONSOR_HOME_H
#define SOUK_CLI_SPONSOR_HOME_H

#include "../client/control_call.h"
#include "../daemon/sponsor_store.h"
#include "cli.h"

struct sponsor_home {
	char name[CONTROL_NAME_SIZE]; /* https://HOST:PORT#PIN */
	bool sells;		      /* it has a section [provider] */
	uint64_t escrow;
	uint64_t caches;   /* of a bundle */
	uint64_t contents; /* that it may pay for */
	struct souk_amount price;
};

/* What HOME/souk.ini says; false where it has no section [sponsor], after saying so. */
bool sponsor_home_read(struct sponsor_home *ret, const char *command);

/* The report of NAME's daemon; NULL where there is none, with the reason in *RET_STATUS. The caller
 * releases it. */
json_t *sponsor_home_report(const char *name, souk_status *ret_status);

/* A number or a text of a report; 0 or "" where it is not there. */
uint64_t report_u64(const json_t *object, const char *key);
const char *report_text(const json_t *object, const char *key);

/* The contents that are to be paid for with one budget. */
struct publication {
	struct souk_hash group; /* of all of them */
	struct souk_hash *ids;
	uint32_t count;
};

/* publish_lock: have as much in the escrow as all orders may still cost. Asks nothing; says what it
 * locks, or adds it to *RET_LOCKED.
 *
 * Returns 0, or the exit status after it said why. */
int publish_lock(const struct sponsor_home *home, const struct sponsor_store *store,
	struct souk_amount *ret_locked);

/* The section of souk.ini, with ADDR:PORT where viewers reach it. */
extern const char config_sponsor[];

#endif
