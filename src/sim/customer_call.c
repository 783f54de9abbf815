/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests, until they are answered. The number of a request says its place, and a serial number
 * that makes answers to earlier ones strangers. */
#include <stdlib.h>
#include <string.h>

#include "customer.h"

/* A request is sent so often before it has failed: again after a while, then after twice as long
 * each time, as far as patience goes. */
#define SENDS_MAX   4u
#define PATIENCE_MS 10000u
#define PLACE_BITS  8u

static uint32_t number_of(struct customer *c, uint32_t place)
{
	return ++c->serial << PLACE_BITS | place;
}

/* Patience begins when it leaves. */
static struct souk_time first_due(struct sim_node *node, uint32_t again_ms, uint64_t world_us)
{
	uint64_t now_us = sim_time_us(node->world);
	uint64_t wait_ms = world_us > now_us ? (world_us - now_us) / 1000 : 0;
	return souk_time_plus_ms(sim_now(node), wait_ms + again_ms);
}

void customer_call(struct sim_node *node, uint32_t place, struct sim_message *message,
	uint32_t again_ms, uint64_t world_us)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	struct call *call = &p->calls[place];
	SOUK_CHECK(!call->is_busy && place < 1u << PLACE_BITS);
	*call = (struct call){
		.is_busy = true,
		.sends = 1,
		.kind = message->kind,
		.to = message->to,
		.number = message->request = number_of(c, place),
		.again_ms = again_ms,
		.size = message->size,
		.due = first_due(node, again_ms, world_us),
		.from_us = world_us,
	};
	if (message->kind == SIM_UNIT)
		call->unit = message->data.unit;
	if (message->size > 0) {
		call->bytes = sim_alloc(message->size);
		memcpy(call->bytes, message->bytes, message->size);
	}
	purchase_look(p, call->due);
	sim_send_after(node, message, world_us);
}

static void send_again(struct sim_node *node, struct call *call)
{
	struct sim_message *message =
		sim_message_with(node->world, call->kind, call->to, call->size);
	message->request = call->number;
	if (call->size > 0)
		memcpy(message->bytes, call->bytes, call->size);
	if (call->kind == SIM_UNIT)
		message->data.unit = call->unit;
	sim_send_after(node, message, call->from_us);
}

void customer_call_end(struct purchase *p, uint32_t place)
{
	struct call *call = &p->calls[place];
	free(call->bytes);
	call->bytes = NULL;
	call->is_busy = false;
}

uint32_t customer_call_answered(struct sim_node *node, const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	uint32_t place = message->request & ((1u << PLACE_BITS) - 1);
	if (p == NULL || place >= call_count(p))
		return CUSTOMER_NONE;
	struct call *call = &p->calls[place];
	if (!call->is_busy || call->number != message->request || call->to != message->from ||
		message->kind != call->kind + 1)
		return CUSTOMER_NONE;
	return place;
}

/* What is waited for after the next sending. */
static uint64_t pause_ms(const struct call *call)
{
	uint64_t ms = (uint64_t)call->again_ms << (call->sends - 1);
	uint64_t most = call->again_ms > PATIENCE_MS ? call->again_ms : PATIENCE_MS;
	return ms < most ? ms : most;
}

uint32_t customer_call_overdue(struct sim_node *node, struct souk_time now)
{
	struct purchase *p = customer_of(node)->purchase;
	for (uint32_t place = 0; place < call_count(p); place++) {
		struct call *call = &p->calls[place];
		if (!call->is_busy || souk_time_is_before(now, call->due))
			continue;
		if (call->sends == SENDS_MAX)
			return place;
		call->due = souk_time_plus_ms(now, pause_ms(call));
		call->sends++;
		send_again(node, call);
	}
	return CUSTOMER_NONE;
}
