/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider with open sessions, driven by bytes: genuine and spoilt requests in any order, strips
 * of sessions that a sponsor opened, genuine and not, time, epochs, draws, crashes. Each four bytes
 * are one step. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "market_kit.h"
#include "souk/base/check.h"
#include "souk/exchange/sponsored.h"
#include "souk/payment/claim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GRANTED	 3u
#define SESSIONS 6u /* the others are a sponsor's */
#define UNITS	 300u
#define WINDOW	 5u
#define STEPS	 400u

struct bench {
	struct kit_provider kit;
	struct kit_payer payer;
	struct souk_customer customers[SESSIONS];
	struct souk_provider_item item;
	struct souk_time now;
	uint64_t epoch;
	uint32_t issued[SESSIONS]; /* highest genuine ticket that was sent */
	bool crashed;
	struct souk_chain chain;
	struct souk_claim claim;
	struct souk_bundle_session sponsored[SESSIONS - GRANTED];
	struct souk_bundle_session bad;
};

static const struct souk_hash secrets[2] = {{{0x5e}}, {{0xea}}};

/* Both chains of a session that is opened with a strip, and the strip on its leaf. */
static void make_session(struct bench *b, uint32_t who)
{
	struct souk_chain *chain = &b->chain;
	struct souk_customer *c = &b->customers[who];
	struct souk_bundle_session *session = &b->sponsored[who - GRANTED];
	struct souk_strip *strip = &session->strip.strip;
	struct souk_offer offer = kit_offer(&b->kit.identity, &b->item.content, b->item.size,
		b->item.chunk_size, 100, WINDOW, 1024);
	*strip = (struct souk_strip){.payee = b->kit.identity.address,
		.customer = b->payer.issuer.pubkey,
		.nonce = {{(uint8_t)who, 0x77}},
		.price = offer.price,
		.count = UNITS,
		.escrow = b->payer.escrow_id,
		.epoch = 7,
		.expires = souk_time_at_ms(9000000)};
	struct souk_ask ask = souk_sponsored_ask(strip);
	struct souk_hash digest = souk_ask_digest(&ask), paid = {{(uint8_t)who}};
	struct souk_hash keys = souk_sponsored_keys(&secrets[who % 2], &strip->nonce, &digest);
	souk_chain_init(chain, souk_chain_tag_key, &strip->nonce, UNITS, &keys);
	strip->key_anchor = chain->anchor;
	strip->key_checkpoints = chain->checkpoint_root;
	session->key_leaves.count =
		(uint16_t)souk_chain_checkpoint_leaves(chain, session->key_leaves.items);
	session->secret = souk_sponsored_session_secret(&secrets[who % 2], &strip->nonce, &digest);
	souk_chain_init(chain, souk_chain_tag_ticket, &strip->nonce, UNITS, &paid);
	strip->anchor = chain->anchor;
	strip->checkpoints = chain->checkpoint_root;
	session->strip.ticket_leaves.count =
		(uint16_t)souk_chain_checkpoint_leaves(chain, session->strip.ticket_leaves.items);
	SOUK_CHECK(souk_payer_leaf_take(&b->payer.free[0], strip) == SOUK_OK);
	kit_payer_complete(&b->payer, 0, &session->strip);
	SOUK_CHECK(souk_customer_sponsored(c, &offer, session, b->now) == SOUK_OK);
	c->payer.chain = *chain; /* what its sponsor has */
}

static souk_status open_session(struct bench *b, const struct souk_strip_open *open)
{
	return souk_provider_open(
		&b->kit.provider, open, &b->item, &b->payer.allotment, &b->payer.escrow, b->now);
}

/* A strip that is not as agreed, signed by the sponsor or not, is never taken. */
static void open_spoilt(struct bench *b, uint32_t which, const uint8_t bytes[4])
{
	const struct souk_provider *provider = &b->kit.provider;
	struct souk_strip *strip = &b->bad.strip.strip;
	b->bad = b->sponsored[which];
	switch (bytes[2] % 11) {
	case 0: strip->key_anchor.bytes[bytes[3] % 32] ^= 1; break;
	case 1: strip->key_checkpoints.bytes[bytes[3] % 32] ^= 1; break;
	case 2: strip->nonce.bytes[bytes[3] % 16] ^= 1; break;
	case 3: strip->customer.bytes[1 + bytes[3] % 32] ^= 1; break;
	case 4: strip->count = bytes[3] * 300u + 1; break;
	case 5: strip->price.ncoin = bytes[3]; break;
	case 6: strip->epoch += 1u + bytes[3]; break;
	case 7: strip->payee.bytes[bytes[3] % 20] ^= 1; break;
	case 8: strip->request.bytes[bytes[3] % 32] ^= 1; break;
	case 9: strip->escrow.bytes[bytes[3] % 32] ^= 1; break;
	case 10: b->bad.strip.ticket_leaves.items[0].bytes[bytes[3] % 32] ^= 1; break;
	}
	bool is_same = souk_hash_equal(&b->bad.strip.ticket_leaves.items[0],
			       &b->sponsored[which].strip.ticket_leaves.items[0]) &&
		       memcmp(strip, &b->sponsored[which].strip.strip, sizeof *strip) == 0;
	if (is_same)
		return;
	if (bytes[1] & 64)
		kit_payer_complete(&b->payer, 0, &b->bad.strip);
	uint64_t accepted = provider->totals.strips_accepted;
	uint64_t asked = provider->totals.asks_granted;
	uint32_t granted = provider->granted_count, count = provider->session_count;
	souk_status status = open_session(b, &b->bad.strip);
	/* It is looked at by its terms where the session is open already: the same again. */
	bool is_known = status == SOUK_OK && bytes[2] % 11 == 10;
	SOUK_CHECK(status != SOUK_OK || is_known);
	SOUK_CHECK(provider->totals.strips_accepted == accepted);
	SOUK_CHECK(provider->totals.asks_granted == asked && provider->session_count <= count &&
		   provider->granted_count <= granted);
}

/* On another part of the leaf, where others may be: it is taken, or nothing is changed. */
static void open_elsewhere(struct bench *b, uint32_t which, uint32_t start)
{
	uint64_t accepted = b->kit.provider.totals.strips_accepted;
	b->bad = b->sponsored[which];
	b->bad.strip.strip.start.ncoin = start;
	kit_payer_complete(&b->payer, 0, &b->bad.strip);
	souk_status status = open_session(b, &b->bad.strip);
	SOUK_CHECK(status == SOUK_OK || b->kit.provider.totals.strips_accepted == accepted);
}

/* What is paid for twice is nowhere promised: no two sessions are paid by one part of the leaf. */
static void check_apart(const struct bench *b)
{
	for (uint32_t i = 0; i < KIT_SESSIONS; i++)
		for (uint32_t j = i + 1; j < KIT_SESSIONS; j++) {
			const struct souk_provider_session *one = &b->kit.sessions[i];
			const struct souk_provider_session *other = &b->kit.sessions[j];
			SOUK_CHECK(one->state != SOUK_PROVIDER_OPEN ||
				   other->state != SOUK_PROVIDER_OPEN ||
				   !souk_payee_strips_overlap(&one->record.strip_open.strip,
					   &other->record.strip_open.strip));
		}
}

static void open_step(struct bench *b, const uint8_t bytes[4])
{
	uint32_t which = bytes[1] % (SESSIONS - GRANTED);
	if (bytes[1] & 32)
		open_spoilt(b, which, bytes);
	else if (bytes[1] & 16)
		open_elsewhere(b, which, 100u * bytes[2] * (1u + bytes[3] % 16u));
	else
		(void)!open_session(b, &b->sponsored[which].strip);
}

static void bench_open(struct bench *b, bool is_service)
{
	memset(b, 0, sizeof *b);
	b->now.ms = 1000;
	b->epoch = 7;
	b->kit.window = WINDOW;
	kit_identity(&b->kit.identity, 1);
	kit_payer_init(&b->payer, 2, &b->kit.identity.address, 1, 1000000);
	kit_payer_epoch(&b->payer, 7);
	kit_provider_start(&b->kit, 3, 7, souk_time_at_ms(1000000), b->now);
	b->item = (struct souk_provider_item){
		.size = 50 * 16384 - 7, .chunk_size = 16384, .price = souk_amount_of_ncoin(100)};
	if (is_service)
		b->item.size = b->item.chunk_size = 0;
	b->item.sponsor_secret = &secrets[0];
	b->item.sponsor_earlier = &secrets[1];
	for (uint32_t i = GRANTED; i < SESSIONS; i++)
		make_session(b, i);
	for (uint32_t i = 0; i < GRANTED; i++) {
		struct souk_offer offer = kit_offer(&b->kit.identity, &b->item.content,
			b->item.size, b->item.chunk_size, 100, WINDOW, 1024);
		struct souk_customer_config config = {
			.offer = &offer, .escrow = b->payer.escrow_id, .epoch = 7, .units = UNITS};
		config.seed[0] = (uint8_t)i;
		SOUK_CHECK(souk_customer_init(&b->customers[i], &config) == SOUK_OK);
		SOUK_CHECK(kit_handshake(&b->customers[i], &b->payer, 0, &b->kit, &b->item,
				   b->now) == SOUK_OK);
	}
}

static void take_effects(struct bench *b)
{
	struct souk_provider_effect effect;
	struct souk_amount lo, hi;
	while (souk_provider_next_effect(&b->kit.provider, &effect)) {
		kit_provider_keep(&b->kit, &effect);
		if (effect.kind != SOUK_PROVIDER_CLAIM)
			continue;
		struct souk_session_record *record = kit_provider_stored(&b->kit, &effect.session);
		SOUK_CHECK(souk_provider_claim(&b->claim, record, &b->chain) == SOUK_OK);
		SOUK_CHECK(souk_claim_verify(&lo, &hi, &b->claim, &b->payer.allotment) == SOUK_OK);
		souk_provider_claim_result(&b->kit.provider, &effect.session,
			record->unit % 3 == 0 ? SOUK_IO_NET : SOUK_OK, SOUK_AMOUNT_ZERO, b->now);
	}
}

/* WHAT says how the request is spoilt: bits for ticket, MAC and value. */
static void send_request(
	struct bench *b, uint32_t who, uint32_t unit, uint32_t ticket, uint8_t what)
{
	struct souk_provider_reply reply;
	struct souk_customer *c = &b->customers[who];
	struct souk_unit_request request = {.session = c->grant.session, .unit = unit};
	request.chunk = unit > 0 ? (what & 16 ? what : unit % 50) : 0;
	if (b->item.chunk_size == 0 && unit > 0)
		request.chunk = UINT64_MAX - request.chunk;
	bool genuine = ticket >= 1 && ticket <= UNITS && (what & 1) != 0 && (what & 2) == 0;
	if (what & 1) {
		request.has_ticket = true;
		request.ticket.unit = ticket;
		if (ticket >= 1 && ticket <= UNITS)
			request.ticket.value = souk_chain_value(&c->payer.chain, ticket);
		if (what & 2)
			request.ticket.value.bytes[what % 32] ^= 1;
	}
	request.auth = souk_unit_request_auth(&c->session_secret, &request);
	if (what & 4)
		request.auth.bytes[0] ^= 1;
	else if (genuine && ticket > b->issued[who])
		b->issued[who] = ticket;
	const struct souk_provider_totals totals = b->kit.provider.totals;
	souk_status told = souk_provider_may_send(&b->kit.provider, &request, b->now);
	SOUK_CHECK(memcmp(&totals, &b->kit.provider.totals, sizeof totals) == 0);
	souk_status status = souk_provider_unit(&b->kit.provider, &reply, &request, b->now);
	SOUK_CHECK(status == told);
	if (status != SOUK_OK)
		return;
	uint32_t paid = reply.has_key ? reply.key.unit : 0;
	SOUK_CHECK((what & 4) == 0 && paid <= b->issued[who] && unit <= paid + WINDOW);
	SOUK_CHECK(reply.length <= 16384 && reply.offset + reply.length <= b->item.size);
	SOUK_CHECK((unit != 0 && b->item.chunk_size != 0) || reply.length == 0);
}

static void step(struct bench *b, const uint8_t bytes[4])
{
	struct souk_hash beacon = {{bytes[2]}};
	struct souk_provider *provider = &b->kit.provider;
	switch (bytes[0] % 12) {
	case 0: b->now.ms += 100u * bytes[1]; break;
	case 1: souk_provider_tick(provider, b->now); break;
	case 2: souk_provider_flush(provider); break;
	case 3: take_effects(b); break;
	case 4:
		if (bytes[1] > 250)
			souk_provider_set_epoch(
				provider, ++b->epoch, souk_time_at_ms(9000000), b->now);
		break;
	case 5:
		if (bytes[1] > 250)
			souk_provider_draw(provider, b->epoch - bytes[2] % 2, &beacon, b->now);
		break;
	case 6:
		if (bytes[1] > 250)
			kit_provider_start(
				&b->kit, bytes[1], b->epoch, souk_time_at_ms(1000000), b->now);
		break;
	case 11: open_step(b, bytes); break;
	default:
		send_request(b, bytes[0] / 12 % SESSIONS, bytes[1] + (bytes[3] & 32 ? 200u : 0u),
			bytes[2] + (bytes[3] & 64 ? 200u : 0u), bytes[3]);
	}
	check_apart(b);
	SOUK_CHECK(provider->due_count <= KIT_DUES && provider->session_count <= KIT_SESSIONS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench *b = malloc(sizeof *b);
	if (b == NULL)
		return 0;
	/* An odd size: a service, whose units have any number and no bytes here. */
	bench_open(b, size % 2 != 0);
	for (size_t i = 0; i + 4 <= size && i < 4 * STEPS; i += 4)
		step(b, data + i);
	/* At the end everything can be settled. */
	struct souk_hash beacon = {{1}};
	uint64_t epoch;
	take_effects(b);
	take_effects(b);
	for (int i = 0; i < 8 && souk_provider_undrawn(&b->kit.provider, &epoch); i++)
		souk_provider_draw(&b->kit.provider, epoch, &beacon, b->now);
	SOUK_CHECK(!souk_provider_undrawn(&b->kit.provider, &epoch));
	take_effects(b);
	take_effects(b);
	free(b);
	return 0;
}
