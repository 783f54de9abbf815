/* SPDX-License-Identifier: Apache-2.0
 *
 * The hub's sessions: a customer's strip y on one side, the hub's own strip x on the other. */
#include <string.h>

#include "hub_internal.h"
#include "souk/base/check.h"
#include "souk/payment/strip.h"

struct souk_amount hub_worth(const struct souk_hub_session *s, uint32_t units)
{
	struct souk_amount amount;
	SOUK_CHECK(souk_amount_mul(&amount, s->record.strip.price, units) == SOUK_OK);
	return amount;
}

void hub_add(struct souk_amount *total, struct souk_amount gain)
{
	struct souk_amount sum;
	*total = souk_amount_add(&sum, *total, gain) == SOUK_OK ? sum
								: souk_amount_of_ncoin(UINT64_MAX);
}

static struct souk_hub_account *owner_of(
	const struct souk_hub *hub, const struct souk_hub_session *s)
{
	return &hub->memory.accounts[s->account];
}

static struct souk_amount left_of(const struct souk_hub_session *s)
{
	return hub_worth(s, s->record.strip.count - s->record.unit);
}

void hub_session_end(struct souk_hub *hub, struct souk_hub_session *s)
{
	struct souk_hub_account *account = owner_of(hub, s);
	if (s->state != SOUK_HUB_OPEN)
		return;
	SOUK_CHECK(souk_amount_sub(&account->held, account->held, left_of(s)) == SOUK_OK);
	if (s->record.strip_open.strip.epoch == hub->epoch)
		hub_add(&account->idle, left_of(s));
	account->sessions--;
	hub->session_count--;
	s->state = SOUK_HUB_OVER;
	s->record.over = true;
	hub_touch(hub, s);
}

/* The slot of a session that is over longest, and stored. */
static struct souk_hub_session *find_slot(struct souk_hub *hub)
{
	struct souk_hub_session *oldest = NULL;
	for (uint32_t i = 0; i < hub->memory.session_max; i++) {
		struct souk_hub_session *s = &hub->memory.sessions[i];
		if (s->state == SOUK_HUB_FREE)
			return s;
		if (s->state == SOUK_HUB_OVER && !s->store_due &&
			(oldest == NULL || souk_time_is_before(s->active, oldest->active)))
			oldest = s;
	}
	if (oldest == NULL)
		return NULL;
	souk_map_remove(&hub->session_map, &oldest->record.strip.nonce);
	souk_bytes_wipe(oldest, sizeof *oldest);
	oldest->state = SOUK_HUB_FREE;
	return oldest;
}

/* S, filled but for these, runs from now on. */
static void start_session(struct souk_hub *hub, struct souk_hub_session *s,
	struct souk_hub_account *account, struct souk_time now)
{
	s->account = (uint32_t)(account - hub->memory.accounts);
	s->active = now;
	s->state = SOUK_HUB_OPEN;
	hub_add(&account->held, left_of(s));
	account->sessions++;
	hub->session_count++;
	SOUK_CHECK(souk_map_insert(&hub->session_map, (uint32_t)(s - hub->memory.sessions)) ==
		   SOUK_OK);
}

/* ------------------------------------------------------------------ open */

static bool same_strip(const struct souk_hub_strip *a, const struct souk_hub_strip *b)
{
	struct souk_hash left = souk_hub_strip_digest(a), right = souk_hub_strip_digest(b);
	return souk_hash_equal(&left, &right);
}

/* The record of an earlier souk_hub_open for the session, or NULL. */
static const struct souk_hub_session_record *earlier(const struct souk_hub *hub,
	const struct souk_hub_open *open, const struct souk_hub_session_record *stored)
{
	const struct souk_hub_session *s = hub_session_of(hub, &open->strip.nonce);
	return s != NULL ? &s->record : stored;
}

/* Whether strip, ask and grant are about one session, and all of it is this hub's. */
static souk_status check_terms(const struct souk_hub *hub, const struct souk_hub_open *open)
{
	const struct souk_hub_strip *strip = &open->strip;
	const struct souk_grant *grant = &open->grant.grant;
	struct souk_hash ask = souk_ask_digest(&open->ask), digest = souk_grant_digest(grant);
	if (strip->version != SOUK_HUB_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_equal(&strip->hub, &hub->config.identity->address) ||
		!souk_hash_equal(&open->ask.escrow, &hub->config.escrow))
		return SOUK_PEER_BAD_REQUEST;
	bool same = souk_hash_equal(&grant->ask, &ask) && souk_hash_equal(&strip->grant, &digest) &&
		    souk_address_equal(&grant->provider, &open->ask.provider) &&
		    grant->price.ncoin == open->ask.price.ncoin &&
		    grant->units <= open->ask.units && strip->count == grant->units &&
		    strip->expires.ms == grant->expires.ms &&
		    memcmp(&strip->nonce, &grant->session, sizeof strip->nonce) == 0;
	return same ? SOUK_OK : SOUK_PEER_BAD_GRANT;
}

static souk_status check_times(
	const struct souk_hub *hub, const struct souk_hub_open *open, struct souk_time now)
{
	if (open->ask.epoch != hub->epoch)
		return SOUK_PEER_WRONG_EPOCH;
	if (!souk_time_is_before(now, hub->epoch_end))
		return SOUK_PEER_EPOCH_CLOSED;
	return souk_time_is_before(now, open->strip.expires) ? SOUK_OK : SOUK_PEER_STRIP_EXPIRED;
}

/* Whether ACCOUNT can pay for all of it, and the line is not being wasted. */
static souk_status check_money(const struct souk_hub *hub, const struct souk_hub_open *open,
	const struct souk_hub_account *account)
{
	struct souk_amount least, total, idle, limit;
	const struct souk_hub_strip *strip = &open->strip;
	if (souk_hub_price(&least, open->grant.grant.price, hub->config.fee_permille) != SOUK_OK ||
		souk_amount_is_less(strip->price, least))
		return SOUK_PEER_HUB_PRICE;
	if (account == NULL || souk_amount_mul(&total, strip->price, strip->count) != SOUK_OK ||
		souk_amount_is_less(hub_free_credit(account), total))
		return SOUK_PEER_HUB_CREDIT;
	if (account->sessions >= SOUK_HUB_ACCOUNT_SESSIONS)
		return SOUK_LOCAL_FULL;
	if (souk_amount_mul(&limit, account->record.credit, SOUK_HUB_IDLE_FACTOR) != SOUK_OK)
		limit = souk_amount_of_ncoin(UINT64_MAX);
	idle = account->idle;
	hub_add(&idle, total);
	return souk_amount_is_less(limit, idle) ? SOUK_LOCAL_FULL : SOUK_OK;
}

souk_status souk_hub_check(struct souk_hub *hub, const struct souk_hub_open *open,
	const struct souk_hub_session_record *stored, struct souk_time now)
{
	const struct souk_hub_strip *strip = &open->strip;
	const struct souk_hub_session_record *before = earlier(hub, open, stored);
	if (!hub->epoch_known)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(check_terms(hub, open));
	if (before != NULL)
		return same_strip(&before->strip, strip) ? SOUK_LOCAL_EXISTS
							 : SOUK_PEER_OUT_OF_ORDER;
	souk_hub_tick(hub, now);
	SOUK_TRY(check_times(hub, open, now));
	if (strip->count == 0 || strip->count > hub->config.units_max)
		return SOUK_PEER_BAD_GRANT;
	/* Before the credit: what an account has is its owner's business. */
	struct souk_hash digest = souk_hub_strip_digest(strip);
	SOUK_TRY(souk_ecdsa_verify(&strip->account, &digest, &open->signature));
	SOUK_TRY(check_money(hub, open, hub_account_of(hub, &strip->account)));
	SOUK_TRY(souk_grant_verify(&open->grant, now));
	return find_slot(hub) != NULL ? SOUK_OK : SOUK_LOCAL_FULL;
}

/* The hub's own strip for the grant. */
static struct souk_strip terms_of(const struct souk_hub_open *open)
{
	const struct souk_grant *grant = &open->grant.grant;
	return (struct souk_strip){
		.payee = grant->provider,
		.customer = open->ask.customer,
		.request = open->ask.content,
		.nonce = grant->session,
		.key_anchor = grant->key_anchor,
		.key_checkpoints = grant->key_checkpoints,
		.price = grant->price,
		.count = grant->units,
		.expires = grant->expires,
	};
}

static souk_status lay_strip(struct souk_hub *hub, struct souk_hub_session *s,
	const struct souk_hub_open *open, struct souk_payer_leaf *leaf,
	const struct souk_strip_open *proof)
{
	struct souk_strip terms = terms_of(open);
	struct souk_strip_open *strip_open = &s->record.strip_open;
	*strip_open = *proof;
	souk_secret_rng_fill(&hub->rng, &s->record.secret, sizeof s->record.secret);
	SOUK_TRY(souk_payer_strip_open(&s->payer, leaf, &terms, 0, &s->record.secret, strip_open));
	return souk_strip_sign_batch(&strip_open, 1, hub->config.identity);
}

souk_status souk_hub_open(struct souk_hub *hub, const struct souk_hub_open *open,
	const struct souk_hub_session_record *stored, struct souk_payer_leaf *leaf,
	const struct souk_strip_open *proof, struct souk_time now, struct souk_strip_open *ret)
{
	souk_status status = souk_hub_check(hub, open, stored, now);
	if (status == SOUK_LOCAL_EXISTS) {
		*ret = earlier(hub, open, stored)->strip_open;
		return SOUK_OK;
	}
	SOUK_TRY(status);
	if (!souk_hash_equal(&leaf->escrow, &hub->config.escrow) || leaf->epoch != hub->epoch)
		return SOUK_PEER_STRIP_RANGE;
	struct souk_hub_session *s = find_slot(hub);
	memset(&s->record, 0, sizeof s->record);
	status = lay_strip(hub, s, open, leaf, proof);
	if (status != SOUK_OK) {
		souk_bytes_wipe(s, sizeof *s);
		return status;
	}
	s->record.strip = open->strip;
	s->record.signature = open->signature;
	s->record.value = open->strip.anchor;
	start_session(hub, s, hub_account_of(hub, &open->strip.account), now);
	hub_touch(hub, s);
	hub->totals.sessions_opened++;
	*ret = s->record.strip_open;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ tickets */

/* Y_j of a unit that is paid already: x_j is its buyer's. */
static souk_status check_again(const struct souk_hub *hub, const struct souk_hub_session *s,
	const struct souk_hub_ticket *t)
{
	const struct souk_hub_session_record *r = &s->record;
	if (t->unit == 0 || r->unit - t->unit > hub->config.step)
		return SOUK_PEER_STALE_TICKET;
	struct souk_hash below =
		souk_chain_walk(souk_chain_tag_hub, &r->strip.nonce, r->unit, &r->value, t->unit);
	return souk_hash_equal(&below, &t->value) ? SOUK_OK : SOUK_PEER_BAD_TICKET;
}

static souk_status check_next(const struct souk_hub *hub, const struct souk_hub_session *s,
	const struct souk_hub_ticket *t, struct souk_time now)
{
	const struct souk_hub_session_record *r = &s->record;
	if (!hub->epoch_known)
		return SOUK_LOCAL_STATE;
	if (!souk_time_is_before(now, hub->epoch_end) || r->strip_open.strip.epoch != hub->epoch)
		return SOUK_PEER_EPOCH_CLOSED;
	if (!souk_time_is_before(now, r->strip.expires))
		return SOUK_PEER_STRIP_EXPIRED;
	if (s->state != SOUK_HUB_OPEN)
		return SOUK_PEER_OUT_OF_ORDER;
	if (t->unit > r->strip.count)
		return SOUK_PEER_OVERDRAW;
	if (t->unit - r->unit > hub->config.step)
		return SOUK_PEER_HUB_STEP;
	struct souk_hash below =
		souk_chain_walk(souk_chain_tag_hub, &r->strip.nonce, t->unit, &t->value, r->unit);
	return souk_hash_equal(&below, &r->value) ? SOUK_OK : SOUK_PEER_BAD_TICKET;
}

static void take_ticket(struct souk_hub *hub, struct souk_hub_session *s,
	const struct souk_hub_ticket *t, struct souk_time now)
{
	struct souk_hub_account *account = owner_of(hub, s);
	struct souk_ticket sold;
	struct souk_amount owed, gain = hub_worth(s, t->unit - s->record.unit);
	uint32_t units = t->unit - s->record.unit;
	SOUK_CHECK(souk_payer_pay(&sold, &s->payer, t->unit) == SOUK_OK);
	SOUK_CHECK(souk_amount_sub(&account->held, account->held, gain) == SOUK_OK);
	/* At most what was held: within the credit. */
	SOUK_CHECK(souk_amount_add(&account->record.spent, account->record.spent, gain) == SOUK_OK);
	s->record.unit = t->unit;
	s->record.value = t->value;
	s->active = now;
	hub_touch(hub, s);
	hub->totals.units_sold += units;
	hub_add(&hub->totals.income, gain);
	SOUK_CHECK(souk_amount_mul(&owed, s->payer.strip.price, units) == SOUK_OK);
	hub_add(&hub->totals.owed, owed);
	if (s->record.unit == s->record.strip.count)
		hub_session_end(hub, s);
}

souk_status souk_hub_ticket(struct souk_hub *hub, const struct souk_hub_ticket *ticket,
	struct souk_time now, struct souk_ticket *ret)
{
	struct souk_hub_session *s = hub_session_of(hub, &ticket->session);
	if (s == NULL)
		return SOUK_PEER_UNKNOWN_SESSION;
	bool again = ticket->unit <= s->record.unit;
	souk_status status = again ? check_again(hub, s, ticket) : check_next(hub, s, ticket, now);
	if (status != SOUK_OK) {
		hub->totals.refused++;
		return status;
	}
	if (!again)
		take_ticket(hub, s, ticket, now);
	return souk_payer_reissue(ret, &s->payer, ticket->unit);
}

souk_status souk_hub_close(struct souk_hub *hub, const struct souk_signed_hub_close *signed_close,
	struct souk_time now, struct souk_signed_hub_statement *ret)
{
	const struct souk_hub_close *close = &signed_close->close;
	if (close->version != SOUK_HUB_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_equal(&close->hub, &hub->config.identity->address))
		return SOUK_PEER_BAD_REQUEST;
	struct souk_hub_session *s = hub_session_of(hub, &close->session);
	if (s == NULL)
		return SOUK_PEER_UNKNOWN_SESSION;
	struct souk_hash digest = souk_hub_close_digest(close);
	SOUK_TRY(souk_ecdsa_verify(&s->record.strip.account, &digest, &signed_close->signature));
	hub_session_end(hub, s);
	hub_statement_of(hub, owner_of(hub, s), now, ret);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ time and epochs */

void souk_hub_set_epoch(
	struct souk_hub *hub, uint64_t epoch, struct souk_time end, struct souk_time now)
{
	bool is_new = !hub->epoch_known || hub->epoch != epoch;
	hub->epoch = epoch;
	hub->epoch_end = end;
	hub->epoch_known = true;
	if (is_new) {
		for (uint32_t i = 0; i < hub->account_count; i++)
			hub->memory.accounts[i].idle = SOUK_AMOUNT_ZERO;
	}
	souk_hub_tick(hub, now);
}

static bool is_done(
	const struct souk_hub *hub, const struct souk_hub_session *s, struct souk_time now)
{
	const struct souk_strip *strip = &s->record.strip_open.strip;
	if (hub->epoch_known &&
		(strip->epoch < hub->epoch ||
			(strip->epoch == hub->epoch && !souk_time_is_before(now, hub->epoch_end))))
		return true;
	return !souk_time_is_before(now, strip->expires) ||
	       souk_time_since_ms(s->active, now) >= hub->config.idle_ms;
}

void souk_hub_tick(struct souk_hub *hub, struct souk_time now)
{
	for (uint32_t i = 0; i < hub->memory.session_max; i++) {
		struct souk_hub_session *s = &hub->memory.sessions[i];
		if (s->state == SOUK_HUB_OPEN && is_done(hub, s, now))
			hub_session_end(hub, s);
	}
}

/* ------------------------------------------------------------------ restore */

static souk_status check_record(const struct souk_hub_session_record *r)
{
	const struct souk_strip *strip = &r->strip_open.strip;
	struct souk_amount end, total;
	if (souk_strip_end(&end, strip) != SOUK_OK || strip->count != r->strip.count ||
		r->unit > strip->count ||
		memcmp(&strip->nonce, &r->strip.nonce, sizeof strip->nonce) != 0 ||
		souk_amount_mul(&total, r->strip.price, r->strip.count) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	struct souk_hash below =
		souk_chain_walk(souk_chain_tag_hub, &r->strip.nonce, r->unit, &r->value, 0);
	return souk_hash_equal(&below, &r->strip.anchor) ? SOUK_OK : SOUK_CORRUPT_STORE;
}

/* The chain of a stored strip, from its secret. */
static souk_status resume_payer(
	struct souk_payer_strip *payer, const struct souk_hub_session_record *r)
{
	const struct souk_strip *strip = &r->strip_open.strip;
	souk_chain_init(
		&payer->chain, souk_chain_tag_ticket, &strip->nonce, strip->count, &r->secret);
	payer->strip = *strip;
	payer->number = 0;
	payer->unit = r->unit;
	payer->adopted = false;
	return souk_hash_equal(&payer->chain.anchor, &strip->anchor) ? SOUK_OK : SOUK_CORRUPT_STORE;
}

souk_status souk_hub_restore(
	struct souk_hub *hub, const struct souk_hub_session_record *record, struct souk_time now)
{
	if (record->over)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(check_record(record));
	struct souk_hub_account *account = hub_account_of(hub, &record->strip.account);
	if (account == NULL)
		return SOUK_CORRUPT_STORE;
	if (hub_session_of(hub, &record->strip.nonce) != NULL)
		return SOUK_LOCAL_EXISTS;
	struct souk_hub_session *s = find_slot(hub);
	if (s == NULL)
		return SOUK_LOCAL_FULL;
	s->record = *record;
	if (resume_payer(&s->payer, record) != SOUK_OK ||
		souk_amount_is_less(hub_free_credit(account), left_of(s))) {
		souk_bytes_wipe(s, sizeof *s);
		return SOUK_CORRUPT_STORE;
	}
	start_session(hub, s, account, now);
	return SOUK_OK;
}
