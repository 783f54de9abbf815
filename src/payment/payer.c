/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/payer.h"

#include "souk/base/check.h"
#include "souk/payment/payee.h"

static struct souk_strip strip_on(
	const struct souk_payer_leaf *leaf, const struct souk_strip *terms)
{
	struct souk_strip strip = *terms;
	strip.version = SOUK_STRIP_VERSION;
	strip.escrow = leaf->escrow;
	strip.epoch = leaf->epoch;
	strip.segment = leaf->segment;
	strip.leaf = leaf->index;
	strip.start = leaf->used;
	return strip;
}

souk_status souk_payer_leaf_take(struct souk_payer_leaf *leaf, struct souk_strip *strip)
{
	struct souk_strip placed = strip_on(leaf, strip);
	struct souk_amount end;
	SOUK_TRY(souk_strip_end(&end, &placed));
	if (souk_amount_is_less(leaf->amount, end))
		return SOUK_PEER_STRIP_RANGE;
	leaf->used = end;
	*strip = placed;
	return SOUK_OK;
}

souk_status souk_payer_strip_open(struct souk_payer_strip *payer, struct souk_payer_leaf *leaf,
	const struct souk_strip *terms, uint32_t number, const struct souk_hash *secret,
	struct souk_strip_open *open)
{
	struct souk_strip strip = *terms;
	SOUK_TRY(souk_payer_leaf_take(leaf, &strip));
	souk_chain_init(&payer->chain, souk_chain_tag_ticket, &strip.nonce, strip.count, secret);
	strip.anchor = payer->chain.anchor;
	strip.checkpoints = payer->chain.checkpoint_root;
	payer->strip = strip;
	payer->number = number;
	payer->unit = 0;
	payer->adopted = false;
	open->strip = strip;
	open->ticket_leaves.count =
		(uint16_t)souk_chain_checkpoint_leaves(&payer->chain, open->ticket_leaves.items);
	return SOUK_OK;
}

void souk_payer_strip_adopt(
	struct souk_payer_strip *payer, const struct souk_strip *strip, uint32_t number)
{
	*payer = (struct souk_payer_strip){
		.strip = *strip, .number = number, .adopted = true, .top = strip->anchor};
}

souk_status souk_payer_learn(
	struct souk_payer_strip *payer, uint32_t unit, const struct souk_hash *value)
{
	if (!payer->adopted)
		return SOUK_LOCAL_STATE;
	if (unit <= payer->known)
		return SOUK_PEER_STALE_TICKET;
	if (unit > payer->strip.count)
		return SOUK_PEER_OVERDRAW;
	if (unit - payer->known > SOUK_TICKET_JUMP_MAX)
		return SOUK_PEER_JUMP_TOO_FAR;
	struct souk_hash below = souk_chain_walk(
		souk_chain_tag_ticket, &payer->strip.nonce, unit, value, payer->known);
	if (!souk_hash_equal(&below, &payer->top))
		return SOUK_PEER_BAD_TICKET;
	payer->known = unit;
	payer->top = *value;
	return SOUK_OK;
}

static struct souk_hash value_of(struct souk_payer_strip *payer, uint32_t unit)
{
	if (!payer->adopted)
		return souk_chain_value(&payer->chain, unit);
	return souk_chain_walk(
		souk_chain_tag_ticket, &payer->strip.nonce, payer->known, &payer->top, unit);
}

static struct souk_ticket ticket_of(struct souk_payer_strip *payer, uint32_t unit)
{
	return (struct souk_ticket){
		.strip = payer->number,
		.unit = unit,
		.value = value_of(payer, unit),
	};
}

souk_status souk_payer_pay(struct souk_ticket *ret, struct souk_payer_strip *payer, uint32_t unit)
{
	if (unit <= payer->unit)
		return SOUK_PEER_STALE_TICKET;
	if (unit > payer->strip.count)
		return SOUK_PEER_OVERDRAW;
	if (unit - payer->unit > SOUK_TICKET_JUMP_MAX)
		return SOUK_PEER_JUMP_TOO_FAR;
	if (payer->adopted && unit > payer->known)
		return SOUK_LOCAL_UNBOUGHT;
	payer->unit = unit;
	*ret = ticket_of(payer, unit);
	return SOUK_OK;
}

bool souk_payer_last(struct souk_ticket *ret, struct souk_payer_strip *payer)
{
	return souk_payer_reissue(ret, payer, payer->unit) == SOUK_OK;
}

souk_status souk_payer_reissue(
	struct souk_ticket *ret, struct souk_payer_strip *payer, uint32_t unit)
{
	if (unit == 0 || unit > payer->unit)
		return SOUK_LOCAL_STATE;
	*ret = ticket_of(payer, unit);
	return SOUK_OK;
}

struct souk_amount souk_payer_spent(const struct souk_payer_strip *payer)
{
	struct souk_amount spent;
	/* count * price fits, or the strip could not have been opened. */
	SOUK_CHECK(souk_amount_mul(&spent, payer->strip.price, payer->unit) == SOUK_OK);
	return spent;
}

void souk_payer_strip_wipe(struct souk_payer_strip *payer)
{
	souk_bytes_wipe(payer, sizeof *payer);
}
