/* SPDX-License-Identifier: Apache-2.0 */
#include "microcash.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "souk/crypto/sha256.h"

static bool bit_get(const uint64_t *bits, uint32_t index)
{
	return bits[index / 64] >> index % 64 & 1;
}

static void bit_set(uint64_t *bits, uint32_t index)
{
	bits[index / 64] |= 1ull << index % 64;
}

bool microcash_issue(uint8_t ret[MICROCASH_TICKET_SIZE], const struct microcash_escrow *escrow,
	uint16_t payee, uint32_t number)
{
	memcpy(ret, escrow->id.bytes, 32);
	souk_store_be16(ret + 32, payee);
	souk_store_be32(ret + 34, number);
	return bench_key_sign(
		ret + MICROCASH_SIGNED_SIZE, &escrow->key, ret, MICROCASH_SIGNED_SIZE);
}

bool microcash_accept(
	struct microcash_merchant *merchant, const uint8_t ticket[MICROCASH_TICKET_SIZE])
{
	const struct microcash_escrow *escrow = merchant->escrow;
	uint32_t place = souk_load_be32(ticket + 34) - escrow->first;
	if (memcmp(ticket, escrow->id.bytes, 32) != 0 ||
		souk_load_be16(ticket + 32) != merchant->payee || place >= escrow->tickets ||
		bit_get(merchant->seen, place) ||
		!bench_key_verify(&escrow->key, ticket + MICROCASH_SIGNED_SIZE, ticket,
			MICROCASH_SIGNED_SIZE))
		return false;
	bit_set(merchant->seen, place);
	memcpy(merchant->kept[merchant->accepted++ % merchant->kept_count],
		ticket + MICROCASH_SIGNED_SIZE, BENCH_SIGNATURE_SIZE);
	return true;
}

void microcash_draw(uint64_t *bits, const struct souk_hash *escrow, const struct souk_hash *delay,
	uint32_t tickets, uint32_t winners)
{
	uint8_t seed[64];
	memset(bits, 0, SOUK_BITMAP_WORDS(tickets) * sizeof *bits);
	memcpy(seed, escrow->bytes, 32);
	memcpy(seed + 32, delay->bytes, 32);
	struct souk_hash hash = souk_sha256_of(seed, sizeof seed);
	for (uint32_t drawn = 0; drawn < winners;) {
		uint32_t number = (uint32_t)(souk_load_be64(hash.bytes) % tickets);
		drawn += !bit_get(bits, number);
		bit_set(bits, number);
		hash = souk_sha256_one_block(hash.bytes, sizeof hash.bytes);
	}
}

static const void *id_of(const void *ctx, uint32_t index)
{
	const struct microcash_escrow *escrows = ctx;
	return escrows[index].id.bytes;
}

bool microcash_ledger_init(
	struct microcash_ledger *ledger, struct microcash_escrow *escrows, uint32_t count)
{
	memset(ledger, 0, sizeof *ledger);
	ledger->escrows = escrows;
	ledger->slots = calloc(SOUK_MAP_SLOTS((size_t)count), sizeof *ledger->slots);
	if (ledger->slots == NULL)
		return false;
	souk_map_init(&ledger->map, ledger->slots, count, 32, 1, id_of, escrows);
	for (uint32_t i = 0; i < count; i++) {
		if (souk_map_insert(&ledger->map, i) != SOUK_OK)
			return false;
	}
	return true;
}

void microcash_ledger_done(struct microcash_ledger *ledger)
{
	free(ledger->slots);
}

void microcash_ledger_reset(struct microcash_ledger *ledger, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct microcash_escrow *escrow = &ledger->escrows[i];
		memset(escrow->paid, 0, SOUK_BITMAP_WORDS(escrow->tickets) * sizeof *escrow->paid);
		escrow->balance = escrow->prize * escrow->winners;
	}
}

bool microcash_claim(struct microcash_ledger *ledger, const uint8_t ticket[MICROCASH_TICKET_SIZE])
{
	uint32_t index = souk_map_find(&ledger->map, ticket);
	if (index == SOUK_MAP_NONE)
		return false;
	struct microcash_escrow *escrow = &ledger->escrows[index];
	uint16_t payee = souk_load_be16(ticket + 32);
	uint32_t place = souk_load_be32(ticket + 34) - escrow->first;
	if (payee >= escrow->payees || place >= escrow->tickets || !bit_get(escrow->won, place) ||
		bit_get(escrow->paid, place) || escrow->balance < escrow->prize ||
		!bench_key_verify(&escrow->key, ticket + MICROCASH_SIGNED_SIZE, ticket,
			MICROCASH_SIGNED_SIZE))
		return false;
	bit_set(escrow->paid, place);
	escrow->balance -= escrow->prize;
	ledger->balances[payee] += escrow->prize;
	return true;
}

double microcash_penalty_rounds(
	double payees, double tickets, double p, double delay, double redeem)
{
	/* 1 / C(tickets, (1 - p) tickets), by logarithms: C itself has thousands of digits. */
	double chosen = (1 - p) * tickets;
	double inverse =
		exp(lgamma(chosen + 1) + lgamma(tickets - chosen + 1) - lgamma(tickets + 1));
	return (payees - 1) * ((1 - p) / (1 - inverse) + (1 - p) * (delay - 1) + redeem);
}
