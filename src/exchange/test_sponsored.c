/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that a sponsor opens: what a provider takes of strips that it never heard of, and what a
 * customer takes of a sponsor. What is refused leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "souk/exchange/sponsored.h"
#include "test_session.h"

/* A session as a sponsor makes it, whose secret is the provider's, too. */
struct made {
	struct souk_bundle_session session;
	struct souk_chain tickets;
	struct souk_customer customer;
};

static const struct souk_hash secret = {{0x5e}}, earlier = {{0xea}}, foreign = {{0xf0}};

static struct market *place_new(void)
{
	struct market *m = market_new();
	m->item.sponsor_secret = &secret;
	m->item.sponsor_earlier = &earlier;
	return m;
}

/* But for its place on the leaf, and what proves it. */
static void make_chains(struct made *made, const struct souk_hash *s)
{
	struct souk_chain keys;
	struct souk_strip *strip = &made->session.strip.strip;
	struct souk_ask ask = souk_sponsored_ask(strip);
	struct souk_hash digest = souk_ask_digest(&ask);
	struct souk_hash end = souk_sponsored_keys(s, &strip->nonce, &digest);
	struct souk_hash paid = {{strip->nonce.bytes[0], 1}};
	souk_chain_init(&keys, souk_chain_tag_key, &strip->nonce, strip->count, &end);
	souk_chain_init(&made->tickets, souk_chain_tag_ticket, &strip->nonce, strip->count, &paid);
	made->session.secret = souk_sponsored_session_secret(s, &strip->nonce, &digest);
	made->session.key_leaves.count =
		(uint16_t)souk_chain_checkpoint_leaves(&keys, made->session.key_leaves.items);
	strip->key_anchor = keys.anchor;
	strip->key_checkpoints = keys.checkpoint_root;
	strip->anchor = made->tickets.anchor;
	strip->checkpoints = made->tickets.checkpoint_root;
	made->session.strip.ticket_leaves.count = (uint16_t)souk_chain_checkpoint_leaves(
		&made->tickets, made->session.strip.ticket_leaves.items);
}

static struct souk_strip terms_of(const struct market *m, uint8_t name, uint32_t units)
{
	return (struct souk_strip){
		.escrow = m->payer.escrow_id,
		.epoch = 7,
		.payee = m->kit.identity.address,
		.customer = m->payer.issuer.pubkey,
		.request = m->item.content,
		.nonce = {{name, 0x77}},
		.price = souk_amount_of_ncoin(PRICE),
		.count = units,
		.expires = souk_time_at_ms(400000),
	};
}

/* Lay the strip on the leaf, and sign it. */
static void lay(struct market *m, struct made *made)
{
	assert_int_equal(
		souk_payer_leaf_take(&m->payer.free[0], &made->session.strip.strip), SOUK_OK);
	kit_payer_complete(&m->payer, 0, &made->session.strip);
}

static void make(struct market *m, struct made *made, uint8_t name, uint32_t units)
{
	memset(made, 0, sizeof *made);
	made->session.strip.strip = terms_of(m, name, units);
	make_chains(made, &secret);
	lay(m, made);
}

static souk_status open_at(
	struct market *m, const struct souk_strip_open *open, struct souk_time now)
{
	return souk_provider_open(
		&m->kit.provider, open, &m->item, &m->payer.allotment, &m->payer.escrow, now);
}

static souk_status open(struct market *m, const struct made *made)
{
	return open_at(m, &made->session.strip, t0);
}

static uint32_t take_effects(struct market *m)
{
	struct souk_provider_effect effect;
	uint32_t count = 0;
	while (souk_provider_next_effect(&m->kit.provider, &effect)) {
		kit_provider_keep(&m->kit, &effect);
		count++;
	}
	return count;
}

static struct souk_offer offer_of(const struct market *m)
{
	return kit_offer(&m->kit.identity, &m->item.content, m->item.size, m->item.chunk_size,
		PRICE, WINDOW, 1024);
}

static void start_customer(struct market *m, struct made *made)
{
	struct souk_offer offer = offer_of(m);
	assert_int_equal(
		souk_customer_sponsored(&made->customer, &offer, &made->session, t0), SOUK_OK);
}

/* UNIT of chunk CHUNK, with the ticket PAID, as who holds the session's secret can ask for. */
static souk_status serve_made(
	struct market *m, struct made *made, uint32_t unit, uint32_t paid, struct souk_time now)
{
	struct souk_provider_reply reply;
	struct souk_unit_request request = {
		.session = made->session.strip.strip.nonce, .unit = unit, .chunk = unit % CHUNKS};
	if (paid > 0) {
		request.has_ticket = true;
		request.ticket.unit = paid;
		request.ticket.value = souk_chain_value(&made->tickets, paid);
	}
	request.auth = souk_unit_request_auth(&made->session.secret, &request);
	return souk_provider_unit(&m->kit.provider, &reply, &request, now);
}

/* One unit through both machines: what the customer decrypts with is what it was encrypted with. */
static void buy_made(struct market *m, struct made *made, uint64_t chunk)
{
	struct souk_unit_request request;
	struct souk_provider_reply reply, keys;
	struct souk_unit_cipher cipher;
	struct souk_customer *c = &made->customer;
	assert_int_equal(souk_customer_next(c, &request, chunk, t0), SOUK_OK);
	uint32_t unit = request.unit;
	assert_int_equal(ask_unit(m, &request, &reply), SOUK_OK);
	assert_int_equal(souk_customer_received(c, unit), SOUK_OK);
	struct souk_ticket ticket = {.unit = unit, .value = souk_chain_value(&made->tickets, unit)};
	assert_int_equal(souk_customer_sponsor_ticket(c, &ticket), SOUK_OK);
	assert_int_equal(souk_customer_settle(c, &request, t0), SOUK_OK);
	assert_int_equal(ask_unit(m, &request, &keys), SOUK_OK);
	assert_int_equal(souk_customer_key(c, &keys.key), SOUK_OK);
	assert_int_equal(souk_customer_cipher(c, &cipher, unit), SOUK_OK);
	assert_memory_equal(&cipher, &reply.cipher, sizeof cipher);
	assert_int_equal(souk_customer_verified(c, unit), SOUK_OK);
}

/* Signed by somebody else than the escrow's owner. */
static void forge_signature(const struct market *m, struct souk_strip_open *open)
{
	assert_int_equal(souk_strip_sign_batch(&open, 1, &m->kit.identity), SOUK_OK);
}

/* ------------------------------------------------------------------ taken */

static void test_serves(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	assert_non_null(made);
	make(m, made, 1, UNITS);
	assert_int_equal(open(m, made), SOUK_OK);
	souk_provider_flush(&m->kit.provider);
	assert_int_equal(take_effects(m), 1);
	assert_non_null(kit_provider_stored(&m->kit, &made->session.strip.strip.nonce));
	start_customer(m, made);
	for (uint32_t i = 0; i < 5; i++)
		buy_made(m, made, i * 3);
	assert_int_equal(m->kit.provider.totals.owed.ncoin, 5 * PRICE);
	assert_int_equal(souk_customer_spent(&made->customer).ncoin, 0);
	/* A grant that nobody gave counts as none. */
	assert_int_equal(m->kit.provider.granted_count, 0);
	assert_int_equal(m->kit.provider.session_count, 1);
	free(made);
	free(m);
}

/* More units than have one checkpoint. */
static void test_serves_long(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	assert_non_null(made);
	m->payer.free[0].amount.ncoin = 1000000;
	make(m, made, 1, 700);
	assert_int_equal(made->session.key_leaves.count, 2);
	assert_int_equal(open(m, made), SOUK_OK);
	start_customer(m, made);
	buy_made(m, made, 1);
	free(made);
	free(m);
}

static void test_same_again(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made), *other = malloc(sizeof *other);
	assert_non_null(made);
	assert_non_null(other);
	make(m, made, 1, UNITS);
	assert_int_equal(open(m, made), SOUK_OK);
	assert_int_equal(serve_made(m, made, 1, 0, t0), SOUK_OK);
	assert_int_equal(serve_made(m, made, 2, 1, t0), SOUK_OK);
	(void)take_effects(m);
	assert_int_equal(open(m, made), SOUK_OK);
	assert_int_equal(m->kit.provider.totals.strips_accepted, 1);
	assert_int_equal(m->kit.provider.session_count, 1);
	/* What was paid is not forgotten for it. */
	uint32_t paid = 0;
	assert_true(souk_provider_paid(&m->kit.provider, &made->session.strip.strip.nonce, &paid));
	assert_int_equal(paid, 1);
	/* Another strip of the same session: refused, and the first goes on. */
	make(m, other, 1, UNITS);
	assert_int_not_equal(
		other->session.strip.strip.start.ncoin, made->session.strip.strip.start.ncoin);
	assert_int_equal(open(m, other), SOUK_PEER_OUT_OF_ORDER);
	assert_int_equal(serve_made(m, made, 3, 0, t0), SOUK_OK);
	/* Nor does it stand in for the strip of a session that was granted. */
	customer_new(m, 9, 3);
	assert_int_equal(kit_handshake(&m->customer, &m->payer, 0, &m->kit, &m->item, t0), SOUK_OK);
	make(m, other, 2, 3);
	other->session.strip.strip.nonce = m->customer.grant.session;
	make_chains(other, &secret);
	kit_payer_complete(&m->payer, 0, &other->session.strip);
	assert_int_equal(open(m, other), SOUK_PEER_OUT_OF_ORDER);
	free(made);
	free(other);
	free(m);
}

static void test_earlier_secret(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	assert_non_null(made);
	make(m, made, 1, UNITS);
	make_chains(made, &earlier);
	kit_payer_complete(&m->payer, 0, &made->session.strip);
	m->item.sponsor_earlier = NULL;
	assert_int_equal(open(m, made), SOUK_PEER_STRIP_TERMS);
	m->item.sponsor_earlier = &earlier;
	assert_int_equal(open(m, made), SOUK_OK);
	start_customer(m, made);
	buy_made(m, made, 4);
	free(made);
	free(m);
}

/* The session, its keys and what was paid survive the process. */
static void test_crash(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	assert_non_null(made);
	make(m, made, 1, 300);
	assert_int_equal(open(m, made), SOUK_OK);
	start_customer(m, made);
	buy_made(m, made, 0);
	souk_provider_flush(&m->kit.provider);
	(void)take_effects(m);
	kit_provider_start(&m->kit, 44, 7, epoch_end, t0);
	assert_int_equal(m->kit.provider.session_count, 1);
	assert_int_equal(open(m, made), SOUK_OK);
	assert_int_equal(m->kit.provider.totals.strips_accepted, 0);
	for (uint32_t i = 1; i < 6; i++)
		buy_made(m, made, i);
	free(made);
	free(m);
}

/* What was not stored yet begins anew with the same strip: nothing was paid for it. */
static void test_crash_at_once(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	assert_non_null(made);
	make(m, made, 1, UNITS);
	assert_int_equal(open(m, made), SOUK_OK);
	assert_int_equal(serve_made(m, made, 1, 0, t0), SOUK_OK);
	m->kit.record_count = 0;
	kit_provider_start(&m->kit, 44, 7, epoch_end, t0);
	assert_int_equal(serve_made(m, made, 1, 0, t0), SOUK_PEER_UNKNOWN_SESSION);
	assert_int_equal(open(m, made), SOUK_OK);
	start_customer(m, made);
	buy_made(m, made, 1);
	free(made);
	free(m);
}

/* ------------------------------------------------------------------ refused */

static void check_slots_empty(const struct market *m)
{
	static const struct souk_provider_session empty;
	for (uint32_t i = 0; i < KIT_SESSIONS; i++) {
		const struct souk_provider_session *s = &m->kit.sessions[i];
		assert_int_equal(s->state, SOUK_PROVIDER_FREE);
		assert_memory_equal(&s->record.key_secret, &empty.record.key_secret,
			sizeof s->record.key_secret);
		assert_memory_equal(&s->record.session_secret, &empty.record.session_secret,
			sizeof s->record.session_secret);
		assert_memory_equal(&s->keys, &empty.keys, sizeof s->keys);
	}
}

/* OPEN is refused with STATUS, and as if it had never come. */
static void check_refused(struct market *m, const struct souk_strip_open *bad, struct souk_time now,
	souk_status status)
{
	struct souk_provider *p = &m->kit.provider;
	struct souk_provider_totals totals = p->totals;
	struct souk_hash content;
	assert_int_equal(open_at(m, bad, now), status);
	assert_int_equal(p->session_count, 0);
	assert_int_equal(p->granted_count, 0);
	assert_int_equal(p->due_count, 0);
	assert_int_equal(
		souk_provider_content(p, &bad->strip.nonce, &content), SOUK_PEER_UNKNOWN_SESSION);
	assert_memory_equal(&p->totals, &totals, sizeof totals);
	assert_int_equal(take_effects(m), 0);
	check_slots_empty(m);
}

/* A strip that the sponsor signed, of other terms than the provider's. */
static void test_other_terms(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *good = malloc(sizeof *good), *bad = malloc(sizeof *bad);
	assert_non_null(good);
	assert_non_null(bad);
	struct souk_strip *strip = &bad->session.strip.strip;
	make(m, good, 1, 300);
#define REFUSED(change, chains, status)                                                            \
	*bad = *good;                                                                              \
	change;                                                                                    \
	if (chains)                                                                                \
		make_chains(bad, &secret);                                                         \
	kit_payer_complete(&m->payer, 0, &bad->session.strip);                                     \
	check_refused(m, &bad->session.strip, t0, status)
	REFUSED(strip->price.ncoin++, true, SOUK_PEER_BAD_OFFER);
	REFUSED(strip->price.ncoin = 0, true, SOUK_PEER_BAD_OFFER);
	REFUSED(strip->payee.bytes[0] ^= 1, true, SOUK_PEER_BAD_REQUEST);
	REFUSED(strip->request.bytes[0] ^= 1, true, SOUK_PEER_BAD_REQUEST);
	REFUSED(strip->count = 1025, false, SOUK_PEER_BAD_REQUEST);
	REFUSED(strip->count = 0, false, SOUK_PEER_BAD_REQUEST);
	REFUSED(strip->epoch = 8, true, SOUK_PEER_WRONG_EPOCH);
	REFUSED(strip->epoch = 6, true, SOUK_PEER_WRONG_EPOCH);
	REFUSED(strip->expires = t0, true, SOUK_PEER_STRIP_EXPIRED);
	/* Keys of a secret that is not shared, or of none. */
	REFUSED(make_chains(bad, &foreign), false, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->key_anchor.bytes[9] ^= 1, false, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->key_checkpoints.bytes[9] ^= 1, false, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->customer = m->kit.identity.pubkey, false, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->nonce.bytes[3] ^= 1, false, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->count--, false, SOUK_PEER_STRIP_TERMS);
#undef REFUSED
	assert_int_equal(open(m, good), SOUK_OK);
	free(good);
	free(bad);
	free(m);
}

/* A strip that is no money: what is on the ledger, or the time, says so. */
static void test_no_money(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *good = malloc(sizeof *good), *bad = malloc(sizeof *bad);
	assert_non_null(good);
	assert_non_null(bad);
	make(m, good, 1, 300);
	const struct souk_strip_open *strip = &good->session.strip;
	*bad = *good;
	forge_signature(m, &bad->session.strip);
	check_refused(m, &bad->session.strip, t0, SOUK_PEER_WRONG_SIGNER);
	*bad = *good;
	bad->session.strip.ticket_leaves.items[0].bytes[0] ^= 1;
	check_refused(m, &bad->session.strip, t0, SOUK_PEER_BAD_CHECKPOINT);
	check_refused(m, strip, epoch_end, SOUK_PEER_EPOCH_CLOSED);
	check_refused(m, strip, strip->strip.expires, SOUK_PEER_STRIP_EXPIRED);
	m->payer.escrow.closing = true;
	check_refused(m, strip, t0, SOUK_PEER_ESCROW_CLOSING);
	m->payer.escrow.closing = false;
	m->payer.allotment.root.bytes[0] ^= 1;
	assert_int_not_equal(open(m, good), SOUK_OK);
	check_slots_empty(m);
	m->payer.allotment.root.bytes[0] ^= 1;
	m->kit.provider.epoch_known = false;
	check_refused(m, strip, t0, SOUK_PEER_WRONG_EPOCH);
	m->kit.provider.epoch_known = true;
	assert_int_equal(open(m, good), SOUK_OK);
	free(good);
	free(bad);
	free(m);
}

/* A leaf that pays somebody else, though the strip says otherwise. */
static void test_not_payee(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	struct souk_address two[2] = {{{9}}, m->kit.identity.address};
	assert_non_null(made);
	kit_payer_init(&m->payer, 2, two, 2, 100000);
	kit_payer_epoch(&m->payer, 7);
	make(m, made, 1, UNITS);
	check_refused(m, &made->session.strip, t0, SOUK_PEER_NOT_PAYEE);
	free(made);
	free(m);
}

static void test_overlap(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made), *other = malloc(sizeof *other);
	assert_non_null(made);
	assert_non_null(other);
	make(m, made, 1, UNITS);
	m->payer.free[0].used.ncoin -= 1;
	make(m, other, 2, UNITS);
	assert_int_equal(open(m, made), SOUK_OK);
	assert_int_equal(open(m, other), SOUK_PEER_STRIP_OVERLAP);
	assert_int_equal(m->kit.provider.session_count, 1);
	assert_int_equal(serve_made(m, other, 1, 0, t0), SOUK_PEER_UNKNOWN_SESSION);
	free(made);
	free(other);
	free(m);
}

/* ------------------------------------------------------------------ over */

/* A session that was used and put away begins no second time, before and after it is claimed. */
static void test_put_away(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	struct souk_hash beacon = {{1}};
	assert_non_null(made);
	make(m, made, 1, UNITS);
	assert_int_equal(open(m, made), SOUK_OK);
	assert_int_equal(serve_made(m, made, 1, 0, t0), SOUK_OK);
	assert_int_equal(serve_made(m, made, 2, 1, t0), SOUK_OK);
	struct souk_time later = souk_time_plus_ms(t0, 60001);
	souk_provider_tick(&m->kit.provider, later);
	assert_int_equal(open_at(m, &made->session.strip, later), SOUK_PEER_UNKNOWN_SESSION);
	(void)take_effects(m);
	/* Its slot is free for others, and still it is known. */
	struct made *other = malloc(sizeof *other);
	assert_non_null(other);
	make(m, other, 2, 1);
	assert_int_equal(open_at(m, &other->session.strip, later), SOUK_OK);
	assert_int_equal(open_at(m, &made->session.strip, later), SOUK_PEER_STRIP_OVERLAP);
	/* Nor under another name, or after a crash. */
	kit_provider_start(&m->kit, 5, 7, epoch_end, later);
	uint32_t sessions = m->kit.provider.session_count;
	(void)!open_at(m, &made->session.strip, later);
	assert_int_equal(m->kit.provider.session_count, sessions);
	souk_provider_set_epoch(&m->kit.provider, 8, souk_time_at_ms(900000), later);
	souk_provider_draw(&m->kit.provider, 7, &beacon, later);
	(void)take_effects(m);
	assert_int_not_equal(open_at(m, &made->session.strip, later), SOUK_OK);
	free(made);
	free(other);
	free(m);
}

/* ------------------------------------------------------------------ room */

static void test_full(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	assert_non_null(made);
	for (uint32_t i = 0; i < KIT_SESSIONS; i++) {
		make(m, made, (uint8_t)i, 5);
		assert_int_equal(open(m, made), SOUK_OK);
		assert_int_equal(serve_made(m, made, 1, 0, t0), SOUK_OK);
		(void)take_effects(m);
	}
	make(m, made, 200, 5);
	assert_int_equal(open(m, made), SOUK_LOCAL_FULL);
	assert_int_equal(m->kit.provider.session_count, KIT_SESSIONS);
	assert_int_equal(serve_made(m, made, 1, 0, t0), SOUK_PEER_UNKNOWN_SESSION);
	/* Once they were silent for long enough, one makes way, and its slot is free when it is
	 * stored. A stranger's strip has nobody put away. */
	struct souk_time later = souk_time_plus_ms(t0, SOUK_PROVIDER_UNPAID_IDLE_MS);
	struct souk_strip_open forged = made->session.strip;
	forge_signature(m, &forged);
	assert_int_equal(open_at(m, &forged, later), SOUK_PEER_WRONG_SIGNER);
	assert_int_equal(m->kit.provider.due_count, 0);
	assert_int_equal(open_at(m, &made->session.strip, later), SOUK_LOCAL_FULL);
	assert_int_equal(m->kit.provider.due_count, 1);
	(void)take_effects(m);
	assert_int_equal(open_at(m, &made->session.strip, later), SOUK_OK);
	free(made);
	free(m);
}

/* A grant for which no strip came leaves its slot, wherever that is. */
static void test_slot_of_a_grant(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	struct souk_grant_open grant;
	assert_non_null(made);
	customer_new(m, 9, 3);
	assert_int_equal(souk_provider_ask(&m->kit.provider, &grant,
				 souk_customer_ask(&m->customer), &m->item, t0),
		SOUK_OK);
	for (uint32_t i = 1; i < KIT_SESSIONS; i++) {
		make(m, made, (uint8_t)i, 5);
		assert_int_equal(open(m, made), SOUK_OK);
	}
	make(m, made, 200, 5);
	assert_int_equal(open(m, made), SOUK_LOCAL_FULL);
	assert_int_equal(open_at(m, &made->session.strip, souk_time_plus_ms(t0, 3000)), SOUK_OK);
	free(made);
	free(m);
}

/* Sessions that are used once and left fill the dues: the last place is not given away twice. */
static void test_dues_full(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	struct souk_time now = t0;
	uint32_t opened = 0;
	assert_non_null(made);
	m->payer.free[0].amount.ncoin = 100000;
	for (uint32_t i = 0; i < 100; i++) {
		make(m, made, (uint8_t)i, 1);
		if (open_at(m, &made->session.strip, now) != SOUK_OK)
			break;
		/* What is paid is not let go of. */
		assert_int_equal(serve_made(m, made, 1, 1, now), SOUK_OK);
		opened++;
		if (i % 16 != 15)
			continue;
		if (i < 48)
			now = souk_time_plus_ms(now, 60001);
		souk_provider_tick(&m->kit.provider, now);
		m->kit.record_count = 0;
		(void)take_effects(m);
	}
	assert_int_equal(opened, KIT_DUES);
	assert_int_equal(open_at(m, &made->session.strip, now), SOUK_LOCAL_FULL);
	/* All of them have a place. */
	souk_provider_tick(&m->kit.provider, souk_time_plus_ms(now, 60001));
	assert_int_equal(m->kit.provider.due_count, KIT_DUES);
	free(made);
	free(m);
}

/* Who paid to the end makes room for the next one in time: nobody is told to come again. */
static void test_room_ahead(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	struct souk_time now = t0;
	assert_non_null(made);
	for (uint32_t i = 0; i < KIT_DUES; i++) {
		make(m, made, (uint8_t)i, 1);
		assert_int_equal(open_at(m, &made->session.strip, now), SOUK_OK);
		assert_int_equal(serve_made(m, made, 1, 1, now), SOUK_OK);
		now = souk_time_plus_ms(now, SOUK_PROVIDER_LINGER_MS);
		m->kit.record_count = 0;
		(void)take_effects(m);
	}
	/* And more of them are kept for their last key than need be. */
	assert_true(m->kit.provider.session_count >= KIT_SESSIONS - 2);
	free(made);
	free(m);
}

/* ------------------------------------------------------------------ the customer */

static void test_customer(void **state)
{
	(void)state;
	struct market *m = place_new();
	struct made *good = malloc(sizeof *good), *bad = malloc(sizeof *bad);
	struct souk_customer *c;
	assert_non_null(good);
	assert_non_null(bad);
	make(m, good, 1, 300);
	struct souk_bundle_session *session = &bad->session;
	struct souk_strip *strip = &session->strip.strip;
	const struct souk_offer offer = offer_of(m);
	struct souk_offer other;
	c = &bad->customer;
	memset(&bad->customer, 0x5a, sizeof bad->customer);
	struct souk_customer before = bad->customer;
#define REFUSED(change, status)                                                                    \
	*session = good->session;                                                                  \
	other = offer;                                                                             \
	change;                                                                                    \
	assert_int_equal(souk_customer_sponsored(c, &other, session, t0), status);                 \
	assert_memory_equal(c, &before, sizeof before)
	REFUSED(strip->payee.bytes[0] ^= 1, SOUK_PEER_STRIP_TERMS);
	REFUSED(other.provider.bytes[0] ^= 1, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->request.bytes[0] ^= 1, SOUK_PEER_STRIP_TERMS);
	REFUSED(other.content.bytes[0] ^= 1, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->price.ncoin--, SOUK_PEER_STRIP_TERMS);
	REFUSED(other.price.ncoin--, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->version++, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->count = 0, SOUK_PEER_STRIP_TERMS);
	REFUSED(other.units_max = 299, SOUK_PEER_STRIP_TERMS);
	REFUSED(strip->expires = t0, SOUK_PEER_STRIP_EXPIRED);
	REFUSED(session->key_leaves.items[0].bytes[31] ^= 1, SOUK_PEER_BAD_CHECKPOINT);
	REFUSED(session->key_leaves.count = 0, SOUK_PEER_BAD_CHECKPOINT);
	REFUSED(session->key_leaves.count = 2, SOUK_PEER_BAD_CHECKPOINT);
	REFUSED(strip->key_checkpoints.bytes[0] ^= 1, SOUK_PEER_BAD_CHECKPOINT);
	REFUSED(strip->count = 255, SOUK_PEER_BAD_CHECKPOINT);
	REFUSED(strip->count = 512, SOUK_PEER_BAD_CHECKPOINT);
#undef REFUSED
	*session = good->session;
	other = offer;
	other.units_max = 300;
	assert_int_equal(souk_customer_sponsored(c, &other, session, t0), SOUK_OK);
	assert_int_equal(c->state, SOUK_CUSTOMER_OPEN);
	/* Nothing is its own to pay with. */
	struct souk_payer_leaf leaf = m->payer.free[0];
	assert_int_equal(souk_customer_strip(c, &leaf, &session->strip), SOUK_LOCAL_STATE);
	struct souk_ticket wrong = {.unit = 1, .value = {{1}}};
	assert_int_equal(souk_customer_sponsor_ticket(c, &wrong), SOUK_PEER_BAD_TICKET);
	free(good);
	free(bad);
	free(m);
}

/* ------------------------------------------------------------------ sealed */

/* Sealed and unsealed it is what it was; with the seal of another session, or of others who share
 * something, it is not. */
static void test_seal(void **state)
{
	(void)state;
	static uint8_t plain[SOUK_STRIP_OPEN_SIZE_MAX], sealed[SOUK_STRIP_OPEN_SIZE_MAX];
	struct market *m = place_new();
	struct made *made = malloc(sizeof *made);
	struct souk_identity cache, other;
	struct souk_hash pair, same, stranger;
	struct souk_writer writer;
	assert_non_null(made);
	make(m, made, 1, 300);
	kit_identity(&cache, 50);
	kit_identity(&other, 51);
	assert_int_equal(souk_sponsor_pair(&pair, &m->payer.issuer, &cache.pubkey), SOUK_OK);
	assert_int_equal(souk_sponsor_pair(&same, &cache, &m->payer.issuer.pubkey), SOUK_OK);
	assert_int_equal(souk_sponsor_pair(&stranger, &other, &cache.pubkey), SOUK_OK);
	assert_memory_equal(&pair, &same, sizeof pair);
	assert_memory_not_equal(&pair, &stranger, sizeof pair);
	souk_writer_init(&writer, plain, sizeof plain);
	souk_strip_open_encode(&writer, &made->session.strip);
	memcpy(sealed, plain, writer.size);
	const struct souk_nonce *session = &made->session.strip.strip.nonce;
	const struct souk_nonce next = {{2}};
	struct souk_hash seal = souk_strip_seal_of(&pair, session);
	souk_strip_seal(&seal, sealed, writer.size);
	assert_memory_not_equal(sealed, plain, writer.size);
	souk_strip_seal(&seal, sealed, writer.size);
	assert_memory_equal(sealed, plain, writer.size);
	struct souk_hash elsewhere = souk_strip_seal_of(&pair, &next);
	struct souk_hash foreign_seal = souk_strip_seal_of(&stranger, session);
	assert_memory_not_equal(&seal, &elsewhere, sizeof seal);
	assert_memory_not_equal(&seal, &foreign_seal, sizeof seal);
	free(made);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serves),
		cmocka_unit_test(test_serves_long),
		cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_earlier_secret),
		cmocka_unit_test(test_crash),
		cmocka_unit_test(test_crash_at_once),
		cmocka_unit_test(test_other_terms),
		cmocka_unit_test(test_no_money),
		cmocka_unit_test(test_not_payee),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_put_away),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_slot_of_a_grant),
		cmocka_unit_test(test_dues_full),
		cmocka_unit_test(test_room_ahead),
		cmocka_unit_test(test_customer),
		cmocka_unit_test(test_seal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
