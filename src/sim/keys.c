/* SPDX-License-Identifier: Apache-2.0 */
#include "keys.h"

#include <string.h>

#include "actors.h"
#include "souk/base/check.h"

struct sim_message *sim_keys_message(struct sim_node *node, uint32_t to, enum sim_keys_wish wish,
	const struct souk_hash *agreement, uint32_t unit, size_t size)
{
	struct sim_message *message = sim_message_with(node->world, SIM_KEYS, to, size);
	message->data.words[0] = wish;
	message->data.words[SIM_KEYS_WORD_UNIT] = unit;
	if (agreement != NULL)
		memcpy(&message->data.words[SIM_KEYS_WORD_ID], agreement->bytes, SOUK_HASH_SIZE);
	return message;
}

struct souk_hash sim_keys_agreement_of(const struct sim_message *message)
{
	struct souk_hash id;
	memcpy(id.bytes, &message->data.words[SIM_KEYS_WORD_ID], SOUK_HASH_SIZE);
	return id;
}

bool sim_keys_is_proxy(const struct sim_actor *actor)
{
	return actor == &sim_key_proxy_actor || actor == &sim_key_cheat_actor;
}

bool sim_keys_is_receiver(const struct sim_actor *actor)
{
	return actor == &sim_key_receiver_actor || actor == &sim_key_framer_actor;
}

uint32_t sim_keys_count(struct sim_world *world, bool (*is)(const struct sim_actor *actor))
{
	uint32_t count = 0;
	for (uint32_t id = 0; id < sim_node_count(world); id++)
		count += is(sim_node_at(world, id)->actor);
	return count;
}

uint32_t sim_keys_at(struct sim_world *world, bool (*is)(const struct sim_actor *actor), uint32_t n)
{
	uint32_t count = sim_keys_count(world, is);
	if (count == 0)
		return UINT32_MAX;
	n %= count;
	for (uint32_t id = 0;; id++) {
		if (is(sim_node_at(world, id)->actor) && n-- == 0)
			return id;
	}
}

uint32_t sim_keys_number_of(const struct sim_node *node, bool (*is)(const struct sim_actor *actor))
{
	uint32_t number = 0;
	for (uint32_t id = 0; id < node->id; id++)
		number += is(sim_node_at(node->world, id)->actor);
	return number;
}

void sim_keys_key_of(struct souk_umbral_key *ret, const struct sim_node *node)
{
	SOUK_CHECK(souk_umbral_key_of(ret, node->identity.seckey.bytes) == SOUK_OK);
}

void sim_keys_rng(struct souk_secret_rng *ret, struct sim_node *node)
{
	uint8_t seed[32];
	sim_seed(node, seed);
	souk_secret_rng_init(ret, seed);
}

void sim_keys_question_of(struct souk_key_question *ret, const struct souk_umbral_capsule *capsule)
{
	memset(ret, 0, sizeof *ret);
	ret->capsule.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
	souk_umbral_capsule_format_simple(ret->capsule.data, capsule);
}
