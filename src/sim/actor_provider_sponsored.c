/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that a sponsor opened: what the sponsor was promised, see src/daemon/cache_recruits.c.
 */
#include <stdlib.h>
#include <string.h>

#include "actor_provider.h"
#include "actor_sponsor.h"
#include "souk/base/check.h"

static struct sim_provider_promise *promise_of(
	const struct sim_provider *p, const struct souk_hash *escrow, uint32_t number)
{
	for (uint32_t i = 0; i < p->promise_count; i++) {
		struct sim_provider_promise *promise = &p->promises[i];
		if (promise->number == number && souk_hash_equal(&promise->escrow, escrow))
			return promise;
	}
	return NULL;
}

static struct sim_provider_promise *add_promise(struct sim_provider *p)
{
	if (p->promise_count == p->promise_max) {
		p->promise_max = p->promise_max > 0 ? 2 * p->promise_max : 8;
		p->promises = realloc(p->promises, p->promise_max * sizeof *p->promises);
		SOUK_CHECK(p->promises != NULL);
	}
	return &p->promises[p->promise_count++];
}

void sim_provider_promise(struct sim_provider *p, const struct souk_hash *escrow, uint32_t number)
{
	struct sim_provider_promise *promise = promise_of(p, escrow, number);
	if (promise == NULL) {
		promise = add_promise(p);
		*promise = (struct sim_provider_promise){
			.escrow = *escrow, .number = number, .price = p->price};
	}
	if (promise->price.ncoin == p->price.ncoin)
		return;
	promise->earlier = promise->price;
	promise->price = p->price;
}

souk_status sim_provider_find_promise(struct sim_provider *p, const struct souk_strip *strip,
	struct souk_provider_item *ret, struct souk_hash *ret_secret)
{
	uint32_t number = sim_contents_find(sim_world_contents(p->node->world), &strip->request);
	const struct sim_provider_promise *promise =
		number == UINT32_MAX ? NULL : promise_of(p, &strip->escrow, number);
	if (promise == NULL)
		return SOUK_PEER_UNKNOWN_SESSION;
	if (!sim_provider_stocks(p, number))
		return SOUK_PEER_UNKNOWN_CONTENT;
	bool is_earlier = strip->price.ncoin == promise->earlier.ncoin;
	const struct souk_content *content =
		sim_contents_at(sim_world_contents(p->node->world), number);
	*ret = (struct souk_provider_item){
		.content = content->id,
		.size = content->size,
		.chunk_size = content->chunk_size,
		.price = is_earlier ? promise->earlier : promise->price,
		.sponsor_secret = ret_secret,
	};
	/* The price is part of the recruit, and so of what comes of it. */
	return sim_sponsor_secret(p->node, &strip->escrow, &content->id, ret->price, ret_secret)
		       ? SOUK_OK
		       : SOUK_PEER_UNKNOWN_SESSION;
}
