/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/exchange/customer.h - the buying side of one session with one provider.
 *
 *   NEW --ask--> ASKED --grant--> GRANTED --strip--> STRIPPED --opened--> OPEN --> ENDED
 *
 *   unit j:  ASKED (next) --> RECEIVED --> its key is known --> VERIFIED
 *                 ^-- again (lost) --'             '--> bad: ENDED, for good
 *
 * The strip is laid on the customer's own leaf, or by a hub that sells its tickets
 * (souk/exchange/hub_customer.h): then "bought" is what the customer paid.
 *
 * The counters, always verified <= keyed, paid <= received <= requested:
 *
 *   verified: units 1..v decrypted and matched     keyed: highest k_n known
 *   paid: last ticket issued                        received: units 1..r are complete
 *
 * Invariants:
 *   X6 a ticket j is issued only when units 1..j were received complete.
 *   X7 paid <= verified + window: what a provider can take without giving.
 *   X8 after the first bad unit or key no ticket is issued any more.
 *   X9 keyed is past a multiple of 256 only where the key there is the one that the grant's leaves
 *      state: whoever claims for unit j <= keyed has published every key up to j.
 *
 * Memory: caller's, fixed size (about 44 KiB); holds secrets, wipe it. Threads: one owner.
 * Spec: spec/exchange.md 6. */
#ifndef SOUK_EXCHANGE_CUSTOMER_H
#define SOUK_EXCHANGE_CUSTOMER_H

#include "souk/exchange/session.h"
#include "souk/payment/payer.h"

struct souk_customer_config {
	const struct souk_offer *offer; /* verified; read only during init */
	struct souk_hash escrow;
	uint64_t epoch;
	uint32_t units;	     /* to buy at most, 1 to offer->units_max */
	uint16_t window_max; /* to risk at most; 0: what the provider allows */
	uint8_t seed[32];    /* fresh */
};

enum souk_customer_state {
	SOUK_CUSTOMER_NEW,
	SOUK_CUSTOMER_ASKED,
	SOUK_CUSTOMER_GRANTED,
	SOUK_CUSTOMER_STRIPPED,
	SOUK_CUSTOMER_OPEN,
	SOUK_CUSTOMER_ENDED,
};

enum souk_customer_unit_state {
	SOUK_UNIT_NONE,
	SOUK_UNIT_ASKED,
	SOUK_UNIT_RECEIVED,
	SOUK_UNIT_VERIFIED,
};

struct souk_customer_unit {
	enum souk_customer_unit_state state;
	uint64_t chunk;
};

struct souk_customer {
	enum souk_customer_state state;
	souk_status ended; /* why */
	struct souk_ask ask;
	struct souk_grant grant;
	struct souk_hash key_leaves[SOUK_CHAIN_CHECKPOINT_MAX]; /* that the grant came with */
	struct souk_signature grant_signature;
	struct souk_amount price;
	struct souk_amount cost; /* of a unit: the price, and a hub's fee */
	uint32_t window;
	struct souk_identity ephemeral;
	struct souk_hash ticket_secret;
	struct souk_hash session_secret;
	struct souk_payer_strip payer;
	bool via_hub;	 /* the next four count then */
	uint32_t step;	 /* units to buy from it at once, at most */
	uint32_t bought; /* highest ticket that the hub was sent */
	struct souk_address hub;
	struct souk_chain hub_chain; /* of the tickets to the hub */
	struct souk_hash key;	     /* k_keyed; k_0 at first */
	uint32_t requested;
	uint32_t received;
	uint32_t keyed;
	uint32_t verified;
	struct souk_customer_unit units[2 * SOUK_WINDOW_MAX]; /* of verified + 1 ... */
};

/* souk_customer_init: choose the session's keys and the ask.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_OFFER: units are 0 or over the offer's maximum. */
SOUK_MUST_CHECK souk_status souk_customer_init(
	struct souk_customer *customer, const struct souk_customer_config *config);

/* The ask to send; the same each time. The state is ASKED from then on. */
const struct souk_ask *souk_customer_ask(struct souk_customer *customer);

/* souk_customer_grant: the provider's answer.
 *
 * Returns SOUK_OK: build the strip, or
 *   SOUK_LOCAL_STATE  nothing was asked.
 *   SOUK_PEER_BAD_GRANT, _BAD_VERSION, _BAD_SIGNATURE, _WRONG_SIGNER, _BAD_PUBKEY,
 *   SOUK_PEER_BAD_CHECKPOINT: give up on it. */
SOUK_MUST_CHECK souk_status souk_customer_grant(
	struct souk_customer *customer, const struct souk_grant_open *open, struct souk_time now);

/* souk_customer_strip: reserve units * price of LEAF and write the strip and its ticket leaves into
 * OPEN. The caller completes OPEN with souk_allotment_prove and souk_strip_sign_batch.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_STATE        no grant.
 *   SOUK_PEER_STRIP_RANGE   the leaf has not that much left: allot more, or ask for fewer units.
 *   SOUK_PEER_STRIP_TERMS   the leaf is of another escrow or epoch than the ask. */
SOUK_MUST_CHECK souk_status souk_customer_strip(
	struct souk_customer *customer, struct souk_payer_leaf *leaf, struct souk_strip_open *open);

/* The provider accepted the strip. SOUK_OK, or SOUK_LOCAL_STATE where none was built. */
SOUK_MUST_CHECK souk_status souk_customer_opened(struct souk_customer *customer);

/* souk_customer_next: the request for the next unit, for CHUNK, with the ticket that is due.
 *
 * Returns SOUK_OK: send it, or
 *   SOUK_LOCAL_STATE        the window is used up (verify or settle first), or not OPEN.
 *   SOUK_LOCAL_UNBOUGHT     tickets must be bought from the hub first (souk_customer_buy).
 *   SOUK_PEER_OVERDRAW      every unit of the strip is asked for: open another session.
 *   SOUK_PEER_STRIP_EXPIRED the session's time is over. */
SOUK_MUST_CHECK souk_status souk_customer_next(struct souk_customer *customer,
	struct souk_unit_request *ret, uint64_t chunk, struct souk_time now);

/* souk_customer_again: the request for UNIT once more, after its answer was lost.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_STATE: UNIT is not waited for. */
SOUK_MUST_CHECK souk_status souk_customer_again(struct souk_customer *customer,
	struct souk_unit_request *ret, uint32_t unit, struct souk_time now);

/* souk_customer_instead: the request for UNIT with another CHUNK, after the provider said of the
 * first that it is not there: it has bound nothing to UNIT then.
 *
 * Returns as souk_customer_again. */
SOUK_MUST_CHECK souk_status souk_customer_instead(struct souk_customer *customer,
	struct souk_unit_request *ret, uint32_t unit, uint64_t chunk, struct souk_time now);

/* souk_customer_withdraw: UNIT, whose chunk is not there, is not asked for any more.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_STATE: it is not the last one asked for, not waited for, or paid
 * to a hub already. */
SOUK_MUST_CHECK souk_status souk_customer_withdraw(struct souk_customer *customer, uint32_t unit);

/* UNIT is complete (all its bytes, still encrypted). SOUK_OK, or SOUK_LOCAL_STATE. */
SOUK_MUST_CHECK souk_status souk_customer_received(struct souk_customer *customer, uint32_t unit);

/* souk_customer_key: digest a Souk-Key header. One at or below the highest known is ignored.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_KEY         not the chain's, or of a unit that is not paid. The session is ENDED.
 *   SOUK_PEER_BAD_CHECKPOINT  the chain's, but it reaches a multiple of 256 whose key is not the
 *                             one that the grant's leaves state. The session is ENDED.
 *   SOUK_LOCAL_STATE          not OPEN. */
SOUK_MUST_CHECK souk_status souk_customer_key(
	struct souk_customer *customer, const struct souk_unit_key *key);

/* souk_customer_cipher: what decrypts UNIT.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_STATE: not received, or its key is not known yet. */
SOUK_MUST_CHECK souk_status souk_customer_cipher(
	const struct souk_customer *customer, struct souk_unit_cipher *ret, uint32_t unit);

/* souk_customer_unit_key: k_unit itself, as evidence; also once the session has ended.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_STATE: its key is not known. */
SOUK_MUST_CHECK souk_status souk_customer_unit_key(
	const struct souk_customer *customer, struct souk_hash *ret, uint32_t unit);

/* UNIT decrypts to its chunk, and is safe with the caller. SOUK_OK, or SOUK_LOCAL_STATE. */
SOUK_MUST_CHECK souk_status souk_customer_verified(struct souk_customer *customer, uint32_t unit);

/* The session is over, for REASON: nothing is asked or paid from now on. */
void souk_customer_end(struct souk_customer *customer, souk_status reason);

/* souk_customer_settle: the request for the key of what was received, where no unit is to be asked.
 *
 * Returns SOUK_OK: send it to /v1/keys, or
 *   SOUK_LOCAL_STATE  nothing is to be had: no unit received without its key, or the window is used
 *                     up and must be verified first.
 *   SOUK_LOCAL_UNBOUGHT  tickets must be bought from the hub first. */
SOUK_MUST_CHECK souk_status souk_customer_settle(
	struct souk_customer *customer, struct souk_unit_request *ret, struct souk_time now);

/* souk_customer_last_keys: the request for the key of what the provider took before it took no more
 * tickets (SOUK_PEER_EPOCH_CLOSED, SOUK_PEER_STRIP_EXPIRED): without one, since it would be refused
 * for a new one.
 *
 * Returns SOUK_OK: send it to /v1/keys, or
 *   SOUK_LOCAL_STATE  not OPEN, or every key that was paid for is known. */
SOUK_MUST_CHECK souk_status souk_customer_last_keys(
	const struct souk_customer *customer, struct souk_unit_request *ret);

/* Units up to which the received ones may be paid now. */
uint32_t souk_customer_payable(const struct souk_customer *customer);
/* Units that the customer paid for: tickets issued, or bought from a hub. */
uint32_t souk_customer_paid(const struct souk_customer *customer);
/* What those cost, and what the verified units cost. The difference is lost once the session is
 * over; at most window * cost, and through a hub at most (window + step) * cost. */
struct souk_amount souk_customer_spent(const struct souk_customer *customer);
struct souk_amount souk_customer_earned(const struct souk_customer *customer);
/* Units asked for, times the price: what will be spent if all goes well. */
struct souk_amount souk_customer_committed(const struct souk_customer *customer);

void souk_customer_wipe(struct souk_customer *customer);

#endif
