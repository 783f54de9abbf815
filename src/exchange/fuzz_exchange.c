/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider with open sessions, driven by bytes: genuine and spoilt requests in any order, time,
 * epochs, draws, crashes. Each four bytes are one step. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "market_kit.h"
#include "souk/base/check.h"
#include "souk/payment/claim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SESSIONS 3u
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
};

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
	for (uint32_t i = 0; i < SESSIONS; i++) {
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
	default:
		send_request(b, bytes[0] / 12 % SESSIONS, bytes[1] + (bytes[3] & 32 ? 200u : 0u),
			bytes[2] + (bytes[3] & 64 ? 200u : 0u), bytes[3]);
	}
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
