/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/payee.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

void souk_payee_init(struct souk_payee *payee, const struct souk_strip_open *open, uint32_t number,
	struct souk_time closes)
{
	*payee = (struct souk_payee){
		.ticket_leaves = open->ticket_leaves.items,
		.nonce = open->strip.nonce,
		.number = number,
		.count = open->strip.count,
		.value = open->strip.anchor,
		.price = open->strip.price,
		.closes = closes,
		.expires = open->strip.expires,
	};
}

void souk_payee_resume(struct souk_payee *payee, uint32_t unit, const struct souk_hash *value)
{
	SOUK_CHECK(unit <= payee->count);
	payee->unit = unit;
	payee->value = *value;
}

void souk_payee_set_close(struct souk_payee *payee, struct souk_time closes)
{
	payee->closes = closes;
}

/* Everything but the value: what bounds the work that the value may ask for. */
static souk_status check_numbers(
	const struct souk_payee *payee, const struct souk_ticket *ticket, struct souk_time now)
{
	if (ticket->strip != payee->number)
		return SOUK_PEER_STRIP_TERMS;
	if (!souk_time_is_before(now, payee->closes))
		return SOUK_PEER_EPOCH_CLOSED;
	if (!souk_time_is_before(now, payee->expires))
		return SOUK_PEER_STRIP_EXPIRED;
	if (ticket->unit <= payee->unit)
		return SOUK_PEER_STALE_TICKET;
	if (ticket->unit > payee->count)
		return SOUK_PEER_OVERDRAW;
	if (ticket->unit - payee->unit > SOUK_TICKET_JUMP_MAX)
		return SOUK_PEER_JUMP_TOO_FAR;
	return SOUK_OK;
}

/* Whether x_I, where I is one of a checkpoint, is what the strip published. */
static bool is_published(const struct souk_payee *payee, uint32_t i, const struct souk_hash *value)
{
	if (i % SOUK_CHAIN_SEGMENT != 0)
		return true;
	struct souk_hash leaf = souk_merkle_leaf(souk_bytes_of(value->bytes, SOUK_HASH_SIZE));
	return souk_hash_equal(&leaf, &payee->ticket_leaves[i / SOUK_CHAIN_SEGMENT - 1]);
}

static souk_status accept_value(struct souk_payee *payee, const struct souk_ticket *ticket,
	const struct souk_hash *below, bool published)
{
	if (!souk_hash_equal(below, &payee->value))
		return SOUK_PEER_BAD_TICKET;
	if (!published)
		return SOUK_PEER_BAD_CHECKPOINT;
	payee->value = ticket->value;
	payee->unit = ticket->unit;
	return SOUK_OK;
}

souk_status souk_payee_accept(
	struct souk_payee *payee, const struct souk_ticket *ticket, struct souk_time now)
{
	struct souk_hash value = ticket->value;
	uint32_t unit = ticket->unit, checkpoint = unit - unit % SOUK_CHAIN_SEGMENT;
	bool published = true;
	SOUK_TRY(check_numbers(payee, ticket, now));
	/* No jump reaches over two checkpoints. */
	if (checkpoint > payee->unit) {
		value = souk_chain_walk(
			souk_chain_tag_ticket, &payee->nonce, unit, &value, checkpoint);
		published = is_published(payee, checkpoint, &value);
		unit = checkpoint;
	}
	value = souk_chain_walk(souk_chain_tag_ticket, &payee->nonce, unit, &value, payee->unit);
	return accept_value(payee, ticket, &value, published);
}

#define LANES 4

/* One ticket on its way down to the last value of its payee. */
struct descent {
	size_t item;
	uint32_t unit; /* of the value in the lane's block */
	uint32_t until;
	bool published;
};

struct descents {
	size_t count;
	struct descent at[LANES];
	uint8_t blocks[LANES][64]; /* the padded messages of a step: tag, nonce, unit, value */
};

#define UNIT_AT	 (3 + SOUK_NONCE_SIZE)
#define VALUE_AT (UNIT_AT + 4)
#define STEP_END (VALUE_AT + SOUK_HASH_SIZE)

static void descent_set(struct descents *descents, size_t lane, const struct souk_payee *payee,
	const struct souk_hash *value)
{
	struct descent *descent = &descents->at[lane];
	souk_store_be32(descents->blocks[lane] + UNIT_AT, descent->unit);
	memcpy(descents->blocks[lane] + VALUE_AT, value->bytes, SOUK_HASH_SIZE);
	descent->published = descent->published && is_published(payee, descent->unit, value);
}

static void descent_start(struct descents *descents, size_t item, const struct souk_payee *payee,
	const struct souk_ticket *ticket)
{
	size_t lane = descents->count++;
	uint8_t *block = descents->blocks[lane];
	descents->at[lane] = (struct descent){
		.item = item, .unit = ticket->unit, .until = payee->unit, .published = true};
	memcpy(block, souk_chain_tag_ticket, 3);
	memcpy(block + 3, payee->nonce.bytes, SOUK_NONCE_SIZE);
	memset(block + STEP_END, 0, 64 - STEP_END);
	block[STEP_END] = 0x80;
	souk_store_be16(block + 62, STEP_END * 8);
	descent_set(descents, lane, payee, &ticket->value);
}

static void descent_stop(struct descents *descents, size_t lane)
{
	size_t last = --descents->count;
	descents->at[lane] = descents->at[last];
	memcpy(descents->blocks[lane], descents->blocks[last], 64);
}

/* One step down in every lane; those that arrive are judged and leave. */
static void descend(struct descents *descents, souk_status *ret_statuses,
	struct souk_payee *const *payees, const struct souk_ticket *tickets)
{
	struct souk_hash values[LANES];
	souk_sha256_blocks(values, (const uint8_t(*)[64])descents->blocks, descents->count);
	for (size_t lane = descents->count; lane-- > 0;) {
		struct descent *descent = &descents->at[lane];
		struct souk_payee *payee = payees[descent->item];
		if (--descent->unit > descent->until) {
			descent_set(descents, lane, payee, &values[lane]);
			continue;
		}
		ret_statuses[descent->item] = accept_value(
			payee, &tickets[descent->item], &values[lane], descent->published);
		descent_stop(descents, lane);
	}
}

void souk_payee_accept_many(souk_status *ret_statuses, struct souk_payee *const *payees,
	const struct souk_ticket *tickets, size_t count, struct souk_time now)
{
	struct descents descents = {.count = 0};
	size_t next = 0;
	while (next < count || descents.count > 0) {
		while (descents.count < LANES && next < count) {
			ret_statuses[next] = check_numbers(payees[next], &tickets[next], now);
			if (ret_statuses[next] == SOUK_OK)
				descent_start(&descents, next, payees[next], &tickets[next]);
			next++;
		}
		if (descents.count > 0)
			descend(&descents, ret_statuses, payees, tickets);
	}
}

struct souk_amount souk_payee_owed(const struct souk_payee *payee)
{
	struct souk_amount owed;
	SOUK_CHECK(souk_amount_mul(&owed, payee->price, payee->unit) == SOUK_OK);
	return owed;
}

/* Whether A, on the same leaf as B, ends where B starts or before. A strip with a range that is
 * no range ends nowhere. */
static bool ends_before(const struct souk_strip *a, const struct souk_strip *b)
{
	struct souk_amount end;
	return souk_strip_end(&end, a) == SOUK_OK && !souk_amount_is_less(b->start, end);
}

bool souk_payee_strips_overlap(const struct souk_strip *a, const struct souk_strip *b)
{
	if (!souk_hash_equal(&a->escrow, &b->escrow) || a->epoch != b->epoch ||
		a->segment != b->segment || a->leaf != b->leaf)
		return false;
	return !ends_before(a, b) && !ends_before(b, a);
}
