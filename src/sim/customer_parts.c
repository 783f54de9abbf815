/* SPDX-License-Identifier: Apache-2.0
 *
 * Which parts providers have: asked for before the first unit, and from time to time of those that
 * have not all. Only in markets where somebody sells parts. */
#include <stdlib.h>
#include <string.h>

#include "customer.h"

#define AGAIN_MS 1000u

static bool has_parts(const struct sim_node *node)
{
	return sim_world_scenario(node->world)->parts != 0;
}

/* Nothing, until it says what. */
static struct souk_availability nothing_of(const struct purchase *p)
{
	return (struct souk_availability){
		.content = p->download.config.content.id,
		.chunks = p->units,
	};
}

void customer_parts_begin(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	size_t words = SOUK_BITMAP_WORDS((size_t)p->units);
	if (!has_parts(node) || p->seat_count == 0)
		return;
	struct souk_availability *said = sim_alloc(sizeof *said);
	*said = nothing_of(p);
	p->parts = sim_alloc(p->seat_count * words * sizeof *p->parts);
	for (uint32_t i = 0; i < p->seat_count; i++) {
		souk_download_keep_parts(&p->download, i, p->parts + i * words);
		SOUK_CHECK(souk_download_available(&p->download, i, said) == SOUK_OK);
		p->seats[i].parts_at = sim_now(node);
	}
	free(said);
}

/* When somebody is asked again. */
struct souk_time customer_parts_due(const struct purchase *p)
{
	struct souk_time due = SOUK_TIME_NEVER;
	for (uint32_t i = 0; p->parts != NULL && i < p->seat_count; i++) {
		if (!p->calls[call_place(p, i, LINE_PARTS)].is_busy)
			due = souk_time_earlier(due, p->seats[i].parts_at);
	}
	return due;
}

void customer_parts_ask(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	struct souk_hash id = p->download.config.content.id;
	for (uint32_t i = 0; p->parts != NULL && i < p->seat_count; i++) {
		uint32_t place = call_place(p, i, LINE_PARTS);
		if (p->calls[place].is_busy ||
			souk_time_is_before(sim_now(node), p->seats[i].parts_at))
			continue;
		struct sim_message *message = sim_message_with(
			node->world, SIM_AVAILABLE, p->seats[i].peer, SOUK_HASH_SIZE);
		memcpy(message->bytes, &id, SOUK_HASH_SIZE);
		p->seats[i].parts_at = SOUK_TIME_NEVER;
		customer_call(node, place, message, p->control_ms, 0);
	}
}

void customer_parts_reply(struct sim_node *node, uint32_t number, souk_status status,
	const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	struct souk_availability *said = sim_alloc(sizeof *said);
	customer_call_end(p, call_place(p, number, LINE_PARTS));
	if (status == SOUK_OK)
		status = souk_availability_decode(said, sim_message_bytes(message), NULL);
	if (status == SOUK_OK)
		status = souk_download_available(&p->download, number, said);
	/* Who has all keeps it. */
	if (status != SOUK_OK || p->download.providers[number].is_partial)
		p->seats[number].parts_at = souk_time_plus_ms(sim_now(node), AGAIN_MS);
	purchase_look(p, p->seats[number].parts_at);
	p->is_careful = true;
	free(said);
}
