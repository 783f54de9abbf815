/* SPDX-License-Identifier: Apache-2.0
 *
 * escrow_line.h - what of an escrow's value line is free now, and how to allot of it: for those who
 * pay, souk get and the hub.
 *
 * Threads: the chain client's owner. */
#ifndef SOUK_CLIENT_ESCROW_LINE_H
#define SOUK_CLIENT_ESCROW_LINE_H

#include <stddef.h>

#include "chain_client.h"
#include "souk/payment/allotment.h"
#include "souk/payment/escrow.h"

/* An account's escrows are numbered from 0, and the number is the salt of the escrow's id: nothing
 * about an escrow need be remembered between two commands. */
static inline struct souk_nonce escrow_number_salt(uint64_t number)
{
	struct souk_nonce salt = {{0}};
	souk_store_be64(salt.bytes + 8, number);
	return salt;
}

static inline struct souk_hash escrow_number_id(
	const struct souk_hash *ledger, const struct souk_address *payer, uint64_t number)
{
	struct souk_nonce salt = escrow_number_salt(number);
	return souk_escrow_id(ledger, payer, &salt);
}

/* What is free in the running epoch. */
struct line_room {
	uint64_t epoch;
	uint32_t segment;	   /* the next one's number */
	struct souk_amount line;   /* of the escrow */
	struct souk_amount amount; /* that may be allotted */
};

/* line_find_room: ask the ledger.
 *
 * Returns SOUK_OK, those of the chain client, or SOUK_PEER_ESCROW_CLOSING, _ESCROW_TERMS,
 * _ALLOTMENT_OVER_LINE: the escrow cannot pay. */
SOUK_MUST_CHECK souk_status line_find_room(
	struct souk_chain_client *chain, const struct souk_hash *escrow, struct line_room *ret);

/* The same by what is known: ESCROW's record, and which epoch it is. */
SOUK_MUST_CHECK souk_status line_room_of(struct souk_chain_client *chain,
	const struct souk_hash *escrow, uint64_t epoch, const struct souk_escrow_record *record,
	struct line_room *ret);

/* line_allot: put COUNT leaves on the ledger as segment ROOM->segment of ROOM->epoch.
 *
 *  In: nodes  scratch: room for COUNT rounded up to a power of two
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_ALLOTMENT_INDEX  somebody else with this escrow was quicker: find the room again.
 *   those of souk_allotment_commit and souk_chain_submit */
SOUK_MUST_CHECK souk_status line_allot(struct souk_chain_client *chain,
	const struct souk_identity *payer, const struct souk_hash *escrow,
	const struct line_room *room, const struct souk_allotment_leaf *leaves, size_t count,
	struct souk_sum_node *nodes);

/* Make LEAF nobody's. Without such a leaf two programs of one identity that want the same would
 * sign the same transaction, each would take the one receipt for its own, and both would spend the
 * same leaves. SOUK_OK, or SOUK_IO_ENTROPY. */
SOUK_MUST_CHECK souk_status line_nobodys_leaf(
	struct souk_allotment_leaf *leaf, const struct souk_identity *payer);

#endif
