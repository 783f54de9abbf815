/* SPDX-License-Identifier: Apache-2.0
 *
 * provider_limit.h - how often one address may ask.
 *
 * An ask costs its sender a message, and the provider a chain of hashes. So each address has a
 * bucket of tokens, which fills again with time.
 * The table of buckets is fixed: a stranger takes the bucket that was used longest ago, so that a
 * flood from many addresses only loses the memory of who was quiet. What the table of sessions
 * gives to askers is bounded beside this (SOUK_PROVIDER_GRANTED_PART).
 *
 * Memory: the caller's. Threads: one at a time. */
#ifndef SOUK_DAEMON_PROVIDER_LIMIT_H
#define SOUK_DAEMON_PROVIDER_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#define PROVIDER_LIMIT_BUCKETS	  512u
#define PROVIDER_LIMIT_BURST	  64u
#define PROVIDER_LIMIT_PER_SECOND 16u

struct provider_limit_bucket {
	uint8_t address[16]; /* all zeros: free */
	uint64_t used_ms;    /* when it was last looked at */
	uint64_t milli;	     /* tokens, in thousandths */
};

struct provider_limit {
	uint32_t per_second; /* 0: the above; the burst is as many times it */
	struct provider_limit_bucket buckets[PROVIDER_LIMIT_BUCKETS];
};

/* Take a token of PEER, "192.0.2.1:4711" or "[2001:db8::1]:4711", at NOW_MS of a steady clock;
 * false where it has none. Of an IPv6 address the first half counts: the rest is its owner's to
 * choose; IPv4 within IPv6 counts as IPv4. */
bool provider_limit_take(struct provider_limit *limit, const char *peer, uint64_t now_ms);

/* One that was taken back: it cost nothing. */
void provider_limit_give(struct provider_limit *limit, const char *peer);

/* A number that stands for the address of PEER, as above. */
uint64_t provider_limit_number(const char *peer);

#endif
