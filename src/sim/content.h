/* SPDX-License-Identifier: Apache-2.0
 *
 * content.h - what is on sale in a simulated market.
 *
 *   number 0, 1, 2 ... --> id, size, units          always
 *                      --> bytes, row, true id      where the scenario has agreements
 *
 * The simulator moves no chunks: a unit's body says which chunk it is (struct sim_body). Only where
 * somebody may be accused before a real judge must there be real bytes behind it. These are made
 * from seed, number and chunk whenever somebody wants them, and kept nowhere.
 *
 * Memory: heap, 56 bytes for each content and, with agreements, 32 for each unit. Threads: any,
 * once made. */
#ifndef SOUK_SIM_CONTENT_H
#define SOUK_SIM_CONTENT_H

#include "sim.h"
#include "souk/content/chunk.h"

struct sim_contents;

struct sim_contents *sim_contents_new(const struct sim_scenario *scenario);
void sim_contents_free(struct sim_contents *contents);
/* Those of WORLD. */
const struct sim_contents *sim_world_contents(const struct sim_world *world);

uint32_t sim_contents_count(const struct sim_contents *contents);
/* Content NUMBER, below the count: whole units only. */
const struct souk_content *sim_contents_at(const struct sim_contents *contents, uint32_t number);
uint32_t sim_contents_units(const struct sim_contents *contents, uint32_t number);
/* The number of the content of that id, or UINT32_MAX. */
uint32_t sim_contents_find(const struct sim_contents *contents, const struct souk_hash *id);

/* Whether ids are true roots, and rows and bytes can be had. */
bool sim_contents_are_real(const struct sim_contents *contents);
/* The row of content NUMBER, one hash for each chunk; only of real ones. */
const struct souk_hash *sim_contents_row(const struct sim_contents *contents, uint32_t number);
/* The bytes of CHUNK, chunk_size of them. */
void sim_contents_chunk(
	const struct sim_contents *contents, uint32_t number, uint64_t chunk, uint8_t *out);
/* BODY as it is on the wire, encrypted: body->length bytes. What is signed by cipher_root, and cut
 * up for evidence. Garbage is the chunk with its first byte changed. Zeros under the cipher, where
 * the content is unknown. */
void sim_contents_body(
	const struct sim_contents *contents, const struct sim_body *body, uint8_t *out);

#endif
