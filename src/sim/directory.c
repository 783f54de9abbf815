/* SPDX-License-Identifier: Apache-2.0 */
#include "directory.h"

#include <stdlib.h>
#include <string.h>

#include "world.h"

struct sim_directory {
	uint32_t *ids;
	uint32_t count;
	uint32_t room;
};

static uint32_t place_of(const struct sim_directory *directory, uint32_t id)
{
	uint32_t place = 0;
	while (place < directory->count && directory->ids[place] != id)
		place++;
	return place;
}

void sim_directory_add(struct sim_node *node)
{
	struct sim_world *world = node->world;
	if (world->directory == NULL)
		world->directory = sim_alloc(sizeof *world->directory);
	struct sim_directory *directory = world->directory;
	if (place_of(directory, node->id) < directory->count)
		return;
	if (directory->count == directory->room) {
		uint32_t room = directory->room == 0 ? 16 : 2 * directory->room;
		uint32_t *ids = sim_alloc(room * sizeof *ids);
		if (directory->count > 0)
			memcpy(ids, directory->ids, directory->count * sizeof *ids);
		free(directory->ids);
		directory->ids = ids;
		directory->room = room;
	}
	directory->ids[directory->count++] = node->id;
}

void sim_directory_remove(struct sim_node *node)
{
	struct sim_directory *directory = node->world->directory;
	if (directory == NULL)
		return;
	uint32_t place = place_of(directory, node->id);
	if (place == directory->count)
		return;
	memmove(&directory->ids[place], &directory->ids[place + 1],
		(directory->count - place - 1) * sizeof *directory->ids);
	directory->count--;
}

uint32_t sim_directory_count(const struct sim_world *world)
{
	return world->directory == NULL ? 0 : world->directory->count;
}

uint32_t sim_directory_at(const struct sim_world *world, uint32_t place)
{
	return world->directory->ids[place];
}

static bool is_in(uint32_t id, const uint32_t *ids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (ids[i] == id)
			return true;
	}
	return false;
}

uint32_t sim_directory_draw(const struct sim_world *world, struct souk_rng *rng, uint32_t *ret,
	uint32_t max, const uint32_t * not, uint32_t not_count)
{
	uint32_t count = sim_directory_count(world), found = 0;
	if (count == 0)
		return 0;
	/* A few draws, where there are many to choose from; then whoever comes next. */
	for (uint32_t tries = 0; found < max && tries < 4 * max; tries++) {
		uint32_t id = sim_directory_at(world, (uint32_t)souk_rng_below(rng, count));
		if (!is_in(id, ret, found) && !is_in(id, not, not_count))
			ret[found++] = id;
	}
	uint32_t from = (uint32_t)souk_rng_below(rng, count);
	for (uint32_t i = 0; found < max && i < count; i++) {
		uint32_t id = sim_directory_at(world, (from + i) % count);
		if (!is_in(id, ret, found) && !is_in(id, not, not_count))
			ret[found++] = id;
	}
	return found;
}

void sim_directory_free(struct sim_directory *directory)
{
	if (directory == NULL)
		return;
	free(directory->ids);
	free(directory);
}
