/* SPDX-License-Identifier: Apache-2.0
 *
 * key_retrieve.h - have capsules opened by the proxies of a policy, paid from one's own escrow.
 *
 *   key_client   one for a process: connections, sessions, the purse
 *   key_retrieve t proxies at once --> a window of requests each --> fragments --> content keys
 *                  '- late, dead, lying: the next one            (each wrong one is named)
 *
 * Who answered well before is asked first, the others in a random order. When one fails, or is
 * late, another is asked beside it; the first t good ones count. Fragments are put together
 * unchecked, and the result is checked against the capsule: only where that fails is each fragment
 * verified. The next window is paid for only after the last one was opened. So a proxy that lies is
 * paid for a window of requests (8 capsules each) at most, once, and convicted by its own
 * statement.
 *
 * Money: each proxy is paid on a leaf of its own. Those that have none get theirs in one
 * transaction, for `units` requests each; the rest of a leaf is for the next retrieval of the same
 * epoch, also of another process: it needs no block.
 *
 * Memory: heap. Threads: one owner. Spec: spec/keys.md 11. */
#ifndef SOUK_CLIENT_KEY_RETRIEVE_H
#define SOUK_CLIENT_KEY_RETRIEVE_H

#include "souk/keys/judge.h"
#include "souk/keys/service.h"

#define KEY_EVIDENCE_MAX 2048u
#define KEY_DETAIL_SIZE	 256u

struct key_client;

struct key_client_config {
	const char *home;		      /* whose wallet pays */
	const char *ledger_url;		      /* NULL: the default */
	const struct souk_identity *identity; /* the escrow's owner; borrowed */
	uint64_t escrow;		      /* its number */
	struct souk_amount price_max;	      /* of a request; 0: what the owner agreed upon */
	uint32_t units;	     /* requests to make room for with each proxy at least; 0: 64 */
	uint16_t window;     /* requests to risk with each; 0: 4 */
	uint64_t timeout_ms; /* of one answer; 0: 10 s */
	uint64_t hedge_ms;   /* a proxy that is silent so long is late; 0: 400 ms */
	/* A line for people, now and then; may be NULL. */
	void (*note)(void *ctx, const char *line);
	void *note_ctx;
};

/* key_client_new: Nothing is asked yet, but the wallet is open.
 *
 * Returns SOUK_OK, SOUK_IO_MEMORY, or those of wallet_open. */
SOUK_MUST_CHECK souk_status key_client_new(
	struct key_client **ret, const struct key_client_config *config);
/* Ends the sessions: the wallet learns what they cost. NULL is allowed. */
void key_client_free(struct key_client *client);

/* A proxy that failed. */
struct key_culprit {
	struct souk_address provider;
	struct souk_hash agreement;
	souk_status status; /* what it did */
	char detail[KEY_DETAIL_SIZE];
	/* What convicts it on the ledger (tx_accuse), by SOUK_KEYS_FAULT_*; 0: nothing does. */
	uint32_t fault;
	size_t evidence_size;
	uint8_t evidence[KEY_EVIDENCE_MAX];
	/* It would not answer: what a challenge (tx_challenge) would ask it; 0: nothing. */
	size_t question_size;
	uint8_t question[SOUK_KEY_QUESTION_SIZE_MAX];
};

struct key_retrieval {
	uint32_t asked;		  /* proxies */
	uint32_t good;		  /* of which the fragments were used */
	uint64_t requests;	  /* answered */
	struct souk_amount spent; /* by tickets */
	bool allotted;		  /* a transaction was needed */
	uint64_t took_ns;
	size_t culprit_count;
	struct key_culprit culprits[64];
	char detail[KEY_DETAIL_SIZE]; /* of a failure */
};

/* key_retrieve: the content keys of COUNT capsules.
 *
 *  Out: ret     COUNT seeds; wipe them
 *       report  also on failure; may be NULL
 *  In:  receiving  of the policy's receiving point
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NO_PROXY        fewer than the threshold would serve: report->culprits say why.
 *   SOUK_PEER_AGREEMENT_OVER, _REVOKED  too few agreements run: the owner has taken the policy
 * back. SOUK_PEER_BAD_SHARE        the policy is not for this key, or contradicts its agreements.
 *   SOUK_PEER_BAD_CAPSULE      not a capsule.
 *   SOUK_PEER_NO_ESCROW, _ALLOTMENT_OVER_LINE, _ESCROW_CLOSING  the escrow cannot pay.
 *   SOUK_IO_*                  the ledger or the wallet. */
SOUK_MUST_CHECK souk_status key_retrieve(struct key_client *client,
	const struct souk_key_policy *policy, const struct souk_umbral_key *receiving,
	const struct souk_umbral_capsule *capsules, size_t count, struct souk_umbral_seed *ret,
	struct key_retrieval *report);

/* key_retrieve_audit: have the proxy of RECORD re-encrypt capsules as a receiver would: an ordinary
 * paid session, which it cannot tell from one. Every fragment is verified, none is opened: who has
 * no receiving key may audit.
 *
 *  Out: ret        what it did, on failure; as in a retrieval
 *       ret_spent  by tickets
 *  In:  capsules   fresh ones, to the delegating point of the record's terms
 *
 * Of a record that was revoked nobody should serve: SOUK_OK where the proxy does not, or
 * SOUK_PEER_AGREEMENT_REVOKED where it does, with evidence if it can be proved: a block must name a
 * time later than half of the time to respond.
 *
 * Returns SOUK_OK: all were right, or what it did, or those of key_retrieve: RET->status is SOUK_OK
 * where it is not the proxy's doing. */
SOUK_MUST_CHECK souk_status key_retrieve_audit(struct key_client *client,
	const struct souk_agreement_record *record, const struct souk_umbral_capsule *capsules,
	size_t count, struct key_culprit *ret, struct souk_amount *ret_spent);

#endif
