/* SPDX-License-Identifier: Apache-2.0
 *
 * key_grant.h - have proxies stand between a receiver and what is encrypted for it; and end that.
 *
 *   the ledger's providers --offer?--> proxies, the cheapest first, different hosts first
 *     --> a policy in the vault, and a note that it is not complete
 *     --> n agreements, written into the vault, then delivered, all at once
 *           '- one fails: it is revoked, and the next proxy takes its place
 *     --> key_policy: what the receiver needs       (the caller stores it, then key_grant_done)
 *
 *   revoke: nothing is delegated any more --> tx_agreement_revoke for each --> receipts
 *
 * Invariants: G1 an agreement is in the vault before a proxy hears of it: whatever happens, the
 *                vault knows all that may have to be revoked.
 *             G2 until key_grant_done the policy has a note in HOME/shares; key_grant_sweep revokes
 *                what a crash left behind.
 *
 * Locks: HOME/shares/lock: one grant or revocation of a home at a time.
 *
 * Memory: caller's. Threads: one owner of the vault_home. Spec: spec/keys.md 7, 10. */
#ifndef SOUK_CLIENT_KEY_GRANT_H
#define SOUK_CLIENT_KEY_GRANT_H

#include "chain_client.h"
#include "souk/keys/umbral.h"
#include "vault_home.h"

#define KEY_GRANT_DETAIL_SIZE 256u

/* What all of these need. Borrowed. */
struct key_grant_home {
	const char *home;
	const char *ledger_url;
	const struct souk_identity *identity; /* the owner: the agreements' customer */
	struct vault_home *vault;
	uint64_t timeout_ms; /* of one answer of a proxy; 0: 15 s */
	/* A line for people, now and then; may be NULL. */
	void (*note)(void *ctx, const char *line);
	void *note_ctx;
};

struct key_grant_wish {
	const char *label; /* of the policy */
	struct souk_pubkey receiving;
	uint32_t threshold, proxies; /* t of n */
	struct souk_time expires;
	const struct souk_address *chosen; /* only these; NULL: any provider */
	size_t chosen_count;
	struct souk_amount price_max; /* of a request; zero: no limit */
	struct souk_amount deposit;   /* of each proxy; zero: a coin, or what it locks at most */
	struct souk_amount bond;      /* zero: a twentieth of the deposit */
	uint16_t victim_permille, reporter_permille;
	uint64_t respond_ms; /* 0: ten minutes, or what the proxy wants at least */
};

/* A proxy, and what became of it. */
struct key_grant_proxy {
	struct souk_address address;
	struct souk_hash agreement; /* zero: it was never offered one */
	struct souk_amount price, deposit;
	souk_status status; /* SOUK_OK: it stands in the policy */
	char detail[KEY_GRANT_DETAIL_SIZE];
};

#define KEY_GRANT_PROXIES_MAX 64u

struct key_grant_report {
	struct souk_nonce policy;
	uint32_t asked;	 /* providers */
	uint32_t usable; /* of them proxies who would serve */
	size_t count;
	struct key_grant_proxy proxies[KEY_GRANT_PROXIES_MAX];
};

/* key_grant_lock: one at a time. *RET_FD is closed by the caller.
 * SOUK_OK, or SOUK_IO_WRITE and the like: HOME/shares cannot be made. */
SOUK_MUST_CHECK souk_status key_grant_lock(const char *home, int *ret_fd);

/* key_grant_run: n proxies, and a policy for the receiver.
 *
 *  Out: report  also on failure
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NO_PROXY  fewer than n would; what had been granted is revoked again.
 *   those of souk_vault_policy_create; SOUK_IO_* of the ledger, the vault or the disk. */
SOUK_MUST_CHECK souk_status key_grant_run(const struct key_grant_home *home,
	const struct key_grant_wish *wish, struct souk_key_policy *ret,
	struct key_grant_report *report);

/* The policy's receiver can be told: the note goes. SOUK_OK, or SOUK_IO_WRITE. */
SOUK_MUST_CHECK souk_status key_grant_done(const char *home, const struct souk_nonce *policy);

/* ---- the end ---- */

struct key_revoked {
	struct souk_address provider;
	struct souk_hash agreement;
	souk_status ledger;   /* OK: revoked there, or over; LOCAL_NOT_FOUND: never entered into */
	souk_status deletion; /* OK: the vault has the proxy's receipt */
	char detail[KEY_GRANT_DETAIL_SIZE];
};

struct key_revoke_report {
	size_t count;
	struct key_revoked shares[KEY_GRANT_PROXIES_MAX];
	bool is_past;  /* the policy has ended: no proxy may enter into it any more */
	bool complete; /* revoked everywhere, with a receipt of each proxy that had a fragment */
};

/* key_revoke_run: end POLICY. Whoever was not complete asks again later: what is done is not done
 * twice.
 *
 * Returns SOUK_OK: see the report; or SOUK_LOCAL_NOT_FOUND: no such policy; SOUK_IO_* of the vault
 * or the ledger. */
SOUK_MUST_CHECK souk_status key_revoke_run(const struct key_grant_home *home,
	const struct souk_nonce *policy, struct key_revoke_report *report);

/* key_grant_sweep: revoke the policies that a crash left without a receiver. *RET_COUNT of them.
 * SOUK_OK, or as key_revoke_run: they are swept another time. */
SOUK_MUST_CHECK souk_status key_grant_sweep(const struct key_grant_home *home, size_t *ret_count);

#endif
