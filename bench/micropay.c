/* SPDX-License-Identifier: Apache-2.0 */
#include "micropay.h"

#include <stdlib.h>
#include <string.h>

#include "souk/crypto/sha256.h"

/* Offsets in a ticket. */
#define COMMITMENT_AT 32
#define R2_AT	      64
#define ADDRESS_AT    80

void micropay_request(uint8_t ret[MICROPAY_REQUEST_SIZE], struct micropay_merchant *merchant)
{
	souk_secret_rng_fill(merchant->rng, merchant->random, sizeof merchant->random);
	merchant->commitment = souk_sha256_one_block(merchant->random, sizeof merchant->random);
	memcpy(ret, merchant->commitment.bytes, 32);
	memcpy(ret + 32, merchant->address.bytes, sizeof merchant->address.bytes);
}

bool micropay_issue(uint8_t ret[MICROPAY_TICKET_SIZE], const struct micropay_escrow *escrow,
	const uint8_t request[MICROPAY_REQUEST_SIZE], struct souk_secret_rng *rng)
{
	memcpy(ret, escrow->id.bytes, 32);
	memcpy(ret + COMMITMENT_AT, request, 32);
	souk_secret_rng_fill(rng, ret + R2_AT, MICROPAY_RANDOM_SIZE);
	memcpy(ret + ADDRESS_AT, request + 32, 20);
	return bench_key_sign(ret + MICROPAY_SIGNED_SIZE, &escrow->key, ret, MICROPAY_SIGNED_SIZE);
}

/* Whether r1 xor r2 ends in zeros. */
static bool wins(const uint8_t *r1, const uint8_t *r2, uint32_t odds)
{
	uint64_t a = souk_load_be64(r1 + 8), b = souk_load_be64(r2 + 8);
	return ((a ^ b) & (odds - 1)) == 0;
}

bool micropay_accept(struct micropay_merchant *merchant, const uint8_t ticket[MICROPAY_TICKET_SIZE])
{
	const struct micropay_escrow *escrow = merchant->escrow;
	if (memcmp(ticket, escrow->id.bytes, 32) != 0 ||
		memcmp(ticket + COMMITMENT_AT, merchant->commitment.bytes, 32) != 0 ||
		memcmp(ticket + ADDRESS_AT, merchant->address.bytes, 20) != 0 ||
		!bench_key_verify(
			&escrow->key, ticket + MICROPAY_SIGNED_SIZE, ticket, MICROPAY_SIGNED_SIZE))
		return false;
	merchant->accepted++;
	if (wins(merchant->random, ticket + R2_AT, escrow->odds)) {
		merchant->won++;
		memcpy(merchant->claim, ticket, MICROPAY_TICKET_SIZE);
		memcpy(merchant->claim + MICROPAY_TICKET_SIZE, merchant->random,
			sizeof merchant->random);
	}
	return true;
}

static const void *id_of(const void *ctx, uint32_t index)
{
	const struct micropay_escrow *escrows = ctx;
	return escrows[index].id.bytes;
}

static const void *address_of(const void *ctx, uint32_t index)
{
	const struct micropay_account *accounts = ctx;
	return accounts[index].address.bytes;
}

static bool fill(struct souk_map *map, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (souk_map_insert(map, i) != SOUK_OK)
			return false;
	}
	return true;
}

bool micropay_ledger_init(struct micropay_ledger *ledger, struct micropay_escrow *escrows,
	uint32_t count, struct micropay_account *accounts, uint32_t account_count)
{
	*ledger = (struct micropay_ledger){.escrows = escrows,
		.accounts = accounts,
		.slots = calloc(SOUK_MAP_SLOTS((size_t)count), sizeof(uint32_t)),
		.account_slots = calloc(SOUK_MAP_SLOTS((size_t)account_count), sizeof(uint32_t))};
	if (ledger->slots == NULL || ledger->account_slots == NULL)
		return false;
	souk_map_init(&ledger->map, ledger->slots, count, 32, 1, id_of, escrows);
	souk_map_init(&ledger->account_map, ledger->account_slots, account_count, 20, 1, address_of,
		accounts);
	return fill(&ledger->map, count) && fill(&ledger->account_map, account_count);
}

void micropay_ledger_done(struct micropay_ledger *ledger)
{
	free(ledger->slots);
	free(ledger->account_slots);
}

bool micropay_claim(struct micropay_ledger *ledger, const uint8_t claim[MICROPAY_CLAIM_SIZE])
{
	const uint8_t *random = claim + MICROPAY_TICKET_SIZE;
	uint32_t index = souk_map_find(&ledger->map, claim);
	uint32_t account = souk_map_find(&ledger->account_map, claim + ADDRESS_AT);
	if (index == SOUK_MAP_NONE || account == SOUK_MAP_NONE)
		return false;
	struct micropay_escrow *escrow = &ledger->escrows[index];
	struct souk_hash commitment = souk_sha256_one_block(random, 2 * MICROPAY_RANDOM_SIZE);
	if (escrow->spent || memcmp(claim + COMMITMENT_AT, commitment.bytes, 32) != 0 ||
		!wins(random, claim + R2_AT, escrow->odds) ||
		!bench_key_verify(
			&escrow->key, claim + MICROPAY_SIGNED_SIZE, claim, MICROPAY_SIGNED_SIZE))
		return false;
	escrow->spent = true;
	ledger->accounts[account].balance += escrow->prize;
	return true;
}
