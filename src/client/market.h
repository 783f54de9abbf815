/* SPDX-License-Identifier: Apache-2.0
 *
 * market.h - who sells, and who sells this: the providers on the ledger, asked all at once. */
#ifndef SOUK_CLIENT_MARKET_H
#define SOUK_CLIENT_MARKET_H

#include "chain_client.h"
#include "souk/content/chunk.h"

struct market_entry {
	struct souk_address address;
	struct souk_provider_record record;
	souk_status status; /* SOUK_OK: the offer is there and verified */
	char detail[256];
	struct souk_signed_offer offer;
};

/* Every provider on the ledger that is not leaving; *RET is heap. */
SOUK_MUST_CHECK souk_status market_list(
	struct souk_chain_client *chain, struct market_entry **ret, size_t *ret_count);

/* Ask each of them for its offer of NAME, several at a time, TIMEOUT_MS each; verified, and for a
 * content of the size that NAME allows. */
SOUK_MUST_CHECK souk_status market_ask_offers(struct market_entry *entries, size_t count,
	const struct souk_content_name *name, uint64_t timeout_ms);

/* market_take_offer: the answer to the same question, asked otherwise, into ENTRY.
 *
 * Returns SOUK_OK, or why it is no offer of NAME: PEER_*. */
SOUK_MUST_CHECK souk_status market_take_offer(
	struct market_entry *entry, const struct souk_content_name *name, struct souk_bytes bytes);

/* The ones with an offer first, the cheapest before the dearer. Returns how many have one. */
size_t market_sort(struct market_entry *entries, size_t count);

#endif
