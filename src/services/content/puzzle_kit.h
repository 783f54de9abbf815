/* SPDX-License-Identifier: Apache-2.0
 *
 * puzzle_kit.h - a segment of random bytes, and who tries to solve its puzzle without having all of
 * them. For tests only.
 *
 * The attacker has the parts of its own m caches, computed from the content and their keys. It
 * fetches from the other n - m caches as little as it can, and stops once a way leads to the goal.
 *
 *   prefix   what an honest cache serves: a unit from its start on, cut off at will. All foreign
 *            parts are fetched evenly
 *   turns    any piece alone (a cache that serves ranges): starts are tried one after the other,
 *            and what a way needs is fetched
 *   crowd    any piece alone: always the one that most ways wait for, those further on the way
 *            counting WEIGHT times as much for each foreign piece behind them
 *   units    what honest caches serve, at its best: any unit from its start on, cut off at will,
 * and taken up again. Always the stretch that brings on most ways for its bytes, WEIGHT as above */
#ifndef SOUK_CONTENT_PUZZLE_KIT_H
#define SOUK_CONTENT_PUZZLE_KIT_H

#include "souk/content/puzzle.h"

/* At most so many pieces in all parts, and starts. */
#define KIT_PIECES_MAX (SOUK_PUZZLE_PARTS_MAX * 4096u)
#define KIT_STARTS_MAX 4096u

struct kit_puzzle {
	struct souk_puzzle puzzle;
	struct souk_puzzle_token token;
	struct souk_puzzle_data data;
	uint8_t *bytes; /* of all parts, one after the other */
};

/* PARTS parts of UNITS units of UNIT_SIZE, the last unit of the last part cut by CUT bytes. */
void kit_puzzle_make(struct kit_puzzle *kit, uint64_t seed, const struct souk_puzzle_policy *policy,
	uint32_t parts, uint32_t units, uint32_t unit_size, uint32_t cut);
void kit_puzzle_free(struct kit_puzzle *kit);
struct souk_puzzle_source kit_puzzle_source(struct kit_puzzle *kit);

/* Thousandths of the foreign parts' bytes that were fetched until it was solved. M caches collude:
 * the first ones by the bits of OWN. */
uint32_t kit_attack_prefix(struct kit_puzzle *kit, uint32_t own);
uint32_t kit_attack_turns(struct kit_puzzle *kit, uint32_t own);
uint32_t kit_attack_crowd(struct kit_puzzle *kit, uint32_t own, uint32_t weight);
uint32_t kit_attack_units(struct kit_puzzle *kit, uint32_t own, uint32_t weight);

#endif
