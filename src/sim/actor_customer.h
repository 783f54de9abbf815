/* SPDX-License-Identifier: Apache-2.0
 *
 * actor_customer.h - who buys: souk_download with an escrow, a wallet, a part file and providers.
 *
 *   person    wishes ----> pause ----> wish ----> try, try again ----> done, or given up
 *                                        |
 *   process   escrow --> purchase: offers --> leaves --> souk_download --effects--> calls
 *                                              |            ^                         |
 *   disk              leaves and what of them is used       '------- answers ---------'
 *                     the chunks that were verified
 *
 * It does what `souk get` does, in the same order. A call is a request that is sent again a few
 * times before it counts as failed; an answer that nobody waits for any more is ignored.
 *
 * Greedy buyers are twists over this: `make` of such an actor calls sim_customer_actor.make, sets
 * node->twist and node->twist_state, and takes all other functions from sim_customer_actor. What
 * they need besides stands below.
 *
 * What it tells the auditor: WANTED, DONE or FAILED once for each wish; OPENED, ISSUED, VERIFIED of
 * each session; BLAMED where a provider is dropped for what no fault of the world explains.
 *
 * Memory: heap. An idle customer has some 300 bytes; one that buys 50 KiB for each provider.
 * Threads: one. */
#ifndef SOUK_SIM_ACTOR_CUSTOMER_H
#define SOUK_SIM_ACTOR_CUSTOMER_H

#include "actors.h"
#include "souk/content/download.h"

/* The running purchase of NODE; NULL: none. */
struct souk_download *sim_customer_download(struct sim_node *node);
/* The customer of SESSION, with the secrets that requests are authenticated by; NULL where it is
 * not the one that runs with its provider. */
struct souk_customer *sim_customer_session(struct sim_node *node, const struct souk_nonce *session);
/* The node that a running session is with; UINT32_MAX: there is none. */
uint32_t sim_customer_session_peer(struct sim_node *node, const struct souk_nonce *session);
/* The id of its escrow. */
const struct souk_hash *sim_customer_escrow(const struct sim_node *node);

#endif
