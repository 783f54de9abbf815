/* SPDX-License-Identifier: Apache-2.0
 *
 * agreement_kit.h - agreements under judges that do as the evidence says: one of a service whose
 * units are delivered, one of a service that runs until it is revoked. */
#ifndef SOUK_LEDGER_AGREEMENT_KIT_H
#define SOUK_LEDGER_AGREEMENT_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "test_market.h"

#define SERVICE	   7u
#define DEPOSIT	   1001u
#define BOND	   100u
#define RESPOND_MS 3000u
#define LIFE_MS	   8000u
#define FUNDS	   (100 * COIN)
#define REVOCABLE  (SERVICE + 1)

#define PUT_TEXT(field, text)                                                                      \
	do {                                                                                       \
		(field).size = (uint16_t)strlen(text);                                             \
		memcpy((field).data, (text), strlen(text));                                        \
	} while (0)

extern const struct souk_judge fake_judge; /* of SERVICE */
extern const struct souk_judges judges;

/* BOB provides, CAROL is the customer, DAVE and ALICE look on. */
extern struct market *market;
extern struct souk_agreement agreement; /* as it would be entered into now */
extern struct souk_hash id;		/* its name, and what the bodies below are about */

int agreement_setup(void **state);
/* Audits the ledger, and replays its log. */
int agreement_teardown(void **state);

struct souk_agreement make_agreement(void);
struct souk_tx_body body_agree(const struct souk_agreement *about, enum party customer);
struct souk_tx_body body_accuse(uint32_t fault, const char *evidence);
struct souk_tx_body body_challenge(const char *question);
struct souk_tx_body body_answer(const char *answer);
struct souk_tx_body body_silence(void);
struct souk_tx_body body_end(void);
struct souk_tx_body body_revoke(void);

bool says(struct souk_bytes bytes, const char *text);
void act(enum party who, struct souk_tx_body body);
void refused(enum party who, struct souk_tx_body body, souk_status status);
void agree(void);
struct souk_agreement_record record(void);
/* What each party has gained since setup, and what was burned. */
void balances(int64_t bob, int64_t carol, int64_t dave, uint64_t deposits, uint64_t burned);
/* Somebody else's replay of the log, with judges of its own. */
souk_status replay(const struct souk_judges *known);

#endif
