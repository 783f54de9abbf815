/* SPDX-License-Identifier: Apache-2.0
 *
 * test_faults_kit.h - a ledger node in a folder of its own, for the fault sweeps.
 *
 * A sweep makes the first, the second, ... operation fail, until a run meets no
 * failure. Whatever fails, what was acknowledged stays: after a restart the
 * money adds up, and the exported log replays to the state that is served. */
#ifndef SOUK_DAEMON_TEST_FAULTS_KIT_H
#define SOUK_DAEMON_TEST_FAULTS_KIT_H

#include "../../src/client/chain_client.h"
#include "ledger_node.h"
#include "provider_store.h"

/* Of one home. */
struct faults_kit {
	char home[64];
	char url[64];
	struct ledger_node *node;
	struct souk_identity operator_identity, payer, payee;
	uint64_t acknowledged; /* transfers of 1 ncoin from payer to payee */
};

/* A folder with a ledger whose payer is rich; no node runs. Made once, then copied. */
void faults_kit_make(struct faults_kit *kit);
/* Another folder with the same. */
void faults_kit_copy(struct faults_kit *ret, const struct faults_kit *kit);
void faults_kit_remove(struct faults_kit *kit);

souk_status faults_kit_start(struct faults_kit *kit);
void faults_kit_stop(struct faults_kit *kit);

/* A transfer through CLIENT, counted where it is acknowledged. */
souk_status faults_kit_pay(struct faults_kit *kit, struct souk_chain_client *client);
struct souk_chain_client *faults_kit_client(const struct faults_kit *kit);

/* Start the node again and check: the audit passes (or it would not start), the payee has what was
 * acknowledged and at most UNSURE more, and the log replays to the same record. */
void faults_kit_check(struct faults_kit *kit, uint64_t unsure);

/* ---- a provider's sessions ---- */

#define FAULTS_SESSIONS 40u

/* Fill RET with a record that differs by SESSION and VERSION. */
void faults_session(struct souk_session_record *ret, uint32_t session, uint32_t version);
/* Store VERSION of sessions FIRST to FIRST + COUNT - 1, at most 16, in one durable write. */
souk_status faults_sessions_put(
	const struct provider_store *store, uint32_t first, uint32_t count, uint32_t version);
/* Every session of HOME has VERSIONS[i] (0: is absent), or, where MAYBE is not 0, all of the
 * sessions FIRST to FIRST + COUNT - 1 have MAYBE. */
void faults_sessions_check(const char *home, const uint32_t versions[FAULTS_SESSIONS],
	uint32_t first, uint32_t count, uint32_t maybe);

#endif
