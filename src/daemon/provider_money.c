/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ledger says about the money behind a strip. Whoever pays from one leaf in several
 * sessions has it looked up for the first. */
#include <time.h>

#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"

/* How long an answer to a strip may wait for others that ask the ledger. */
#define LOOKUP_WAIT_S 4
/* So long an escrow's record is used again. */
#define ESCROW_NS 60000000000ull

/* The place of STRIP's segment; under money_lock. NULL: it is not known. */
static struct known_money *find_known(struct provider_node *node, const struct souk_strip *strip)
{
	for (size_t i = 0; i < KNOWN_MONEY; i++) {
		struct known_money *known = &node->money[i];
		if (known->is_known && known->epoch == strip->epoch &&
			known->segment == strip->segment &&
			souk_hash_equal(&known->escrow, &strip->escrow))
			return known;
	}
	return NULL;
}

static void remember(struct provider_node *node, const struct souk_strip *strip,
	const struct money *money, uint64_t read_ns)
{
	pthread_mutex_lock(&node->money_lock);
	struct known_money *known = find_known(node, strip);
	if (known == NULL)
		known = &node->money[node->money_next++ % KNOWN_MONEY];
	*known = (struct known_money){
		true, strip->escrow, strip->epoch, strip->segment, *money, read_ns, 0};
	pthread_mutex_unlock(&node->money_lock);
}

/* Whether it is known; *RET_IS_FRESH: the escrow too, and not its allotment alone, which never
 * changes. */
static bool recall(struct provider_node *node, const struct souk_strip *strip, struct money *ret,
	bool *ret_is_fresh)
{
	pthread_mutex_lock(&node->money_lock);
	struct known_money *known = find_known(node, strip);
	if (known != NULL) {
		known->used_ns = souk_clock_steady_ns();
		*ret = known->money;
		*ret_is_fresh = souk_clock_steady_ns() - known->read_ns < ESCROW_NS;
	}
	pthread_mutex_unlock(&node->money_lock);
	return known != NULL;
}

/* One after the other: a ledger that hangs must not take every thread with it. */
static souk_status ask_ledger(struct provider_node *node, const struct souk_strip *strip,
	bool has_allotment, struct money *ret)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOOKUP_WAIT_S;
	if (pthread_mutex_timedlock(&node->lookup_lock, &until) != 0)
		return SOUK_IO_TIMEOUT;
	souk_status status = souk_chain_escrow(node->lookup, &strip->escrow, &ret->escrow);
	if (status == SOUK_OK && !has_allotment)
		status = souk_chain_allotment(node->lookup, &strip->escrow, strip->epoch,
			strip->segment, &ret->allotment);
	pthread_mutex_unlock(&node->lookup_lock);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_NO_ALLOTMENT : status;
}

/* A leaf of this provider's own is paid from what its segment reserved, and that leaves the escrow
 * only when the epoch's claims are over: whether the escrow closes meanwhile makes no difference to
 * the strip. On an open leaf all there is to rely on is the penalty, which another may have had
 * forfeited since. */
souk_status provider_find_money(
	struct provider_node *node, const struct souk_strip_open *open, struct money *ret)
{
	const struct souk_strip *strip = &open->strip;
	bool is_fresh = false;
	bool is_known = recall(node, strip, ret, &is_fresh);
	if (is_known && is_fresh && !souk_address_is_zero(&open->leaf.provider))
		return SOUK_OK;
	uint64_t read_ns = souk_clock_steady_ns();
	SOUK_TRY(ask_ledger(node, strip, is_known, ret));
	remember(node, strip, ret, read_ns);
	return SOUK_OK;
}

bool provider_recall_money(
	struct provider_node *node, const struct souk_strip_open *open, struct money *ret)
{
	bool is_fresh = false;
	return !souk_address_is_zero(&open->leaf.provider) &&
	       recall(node, &open->strip, ret, &is_fresh) && is_fresh;
}

/* A place that was used since it was read, and soon is too old; under money_lock. */
static struct known_money *find_ageing(struct provider_node *node)
{
	uint64_t now_ns = souk_clock_steady_ns();
	for (size_t i = 0; i < KNOWN_MONEY; i++) {
		struct known_money *known = &node->money[i];
		if (known->is_known && known->used_ns > known->read_ns &&
			now_ns - known->read_ns > ESCROW_NS / 2)
			return known;
	}
	return NULL;
}

void provider_refresh_money(struct provider_node *node)
{
	pthread_mutex_lock(&node->money_lock);
	struct known_money *known = find_ageing(node);
	struct souk_strip strip = {0};
	struct money money = {0};
	if (known != NULL) {
		strip.escrow = known->escrow;
		strip.epoch = known->epoch;
		strip.segment = known->segment;
		money = known->money;
		/* Not tried again before it was used again. */
		known->used_ns = 0;
	}
	pthread_mutex_unlock(&node->money_lock);
	uint64_t read_ns = souk_clock_steady_ns();
	if (known != NULL && ask_ledger(node, &strip, true, &money) == SOUK_OK)
		remember(node, &strip, &money, read_ns);
}
