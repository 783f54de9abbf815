/* SPDX-License-Identifier: Apache-2.0
 *
 * Providers that take tickets and give nothing for them. The customer is the real one, buys units
 * of a real content and checks each. Profit is what it paid for units that it could not open, which
 * is also what it lost. */
#include <string.h>

#include "shop.h"
#include "souk/content/chunk.h"

#define UNITS	   24u
#define CHUNK_SIZE SOUK_CHUNK_SIZE_MIN

static struct deal deal;

/* What is sold: UNITS chunks, the same for every seed. */
struct goods {
	uint8_t data[UNITS][CHUNK_SIZE];
	struct souk_hash row[UNITS];
	struct souk_content content;
	bool made;
};

static const struct goods *goods_get(void)
{
	static struct goods goods;
	struct souk_hash scratch[UNITS];
	struct souk_content_builder builder;
	struct souk_rng rng;
	if (goods.made)
		return &goods;
	souk_rng_init(&rng, 1);
	souk_content_builder_init(&builder, CHUNK_SIZE, goods.row, UNITS);
	for (uint32_t i = 0; i < UNITS; i++) {
		souk_rng_fill(&rng, goods.data[i], CHUNK_SIZE);
		REQUIRE(souk_content_builder_add(
				&builder, souk_bytes_of(goods.data[i], CHUNK_SIZE)) == SOUK_OK);
	}
	souk_content_builder_finish(&builder, scratch, &goods.content);
	goods.made = true;
	return &goods;
}

/* How the provider cheats, from unit FROM on; 0: never. */
struct cheat {
	uint32_t no_keys_from;
	uint32_t garbage_from;
};

/* Bodies as they came, still encrypted. */
static uint8_t bodies[UNITS + 1][CHUNK_SIZE];

static void send_body(const struct cheat *cheat, const struct souk_unit_request *request,
	const struct souk_provider_reply *reply)
{
	const struct goods *goods = goods_get();
	uint8_t *body = bodies[request->unit];
	if (cheat->garbage_from != 0 && request->unit >= cheat->garbage_from)
		memset(body, (int)request->unit, CHUNK_SIZE);
	else
		souk_unit_cipher_xor(&reply->cipher, body, goods->data[request->chunk], CHUNK_SIZE);
}

static bool is_withheld(const struct cheat *cheat, const struct souk_unit_key *key)
{
	return key->unit == 0 || (cheat->no_keys_from != 0 && key->unit >= cheat->no_keys_from);
}

/* The last key that came, if one did. Keys take their time: the customer sees them only once it has
 * asked for all that it may. */
static bool give_key(const struct cheat *cheat, const struct souk_unit_key *key)
{
	return !is_withheld(cheat, key) && souk_customer_key(&deal.customer, key) == SOUK_OK;
}

/* What the customer has in the end, whatever it takes for good. */
static uint32_t good_units;

static bool open_unit(uint32_t unit)
{
	static uint8_t plain[CHUNK_SIZE];
	const struct goods *goods = goods_get();
	struct souk_unit_cipher cipher;
	REQUIRE(souk_customer_cipher(&deal.customer, &cipher, unit) == SOUK_OK);
	souk_unit_cipher_xor(&cipher, plain, bodies[unit], CHUNK_SIZE);
	good_units += memcmp(plain, goods->data[unit - 1], CHUNK_SIZE) == 0;
	return souk_content_verify_chunk(&goods->content, unit - 1, &goods->row[unit - 1],
		       souk_bytes_of(plain, CHUNK_SIZE)) == SOUK_OK;
}

/* Open what can be opened; the real customer ends the session at the first bad unit. */
static void verify_all(void)
{
	struct souk_customer *customer = &deal.customer;
	while (customer->state == SOUK_CUSTOMER_OPEN && customer->verified < customer->keyed) {
		uint32_t unit = customer->verified + 1;
		if (!open_unit(unit))
			souk_customer_end(customer, SOUK_PEER_BAD_UNIT);
		else
			REQUIRE(souk_customer_verified(customer, unit) == SOUK_OK);
	}
}

/* All that the customer asks for before it sees another key; returns the last key on the way. */
static struct souk_unit_key ask_ahead(const struct cheat *cheat)
{
	struct souk_customer *customer = &deal.customer;
	struct souk_unit_key key = {0};
	struct souk_time now = deal.world->now;
	struct souk_unit_request request;
	struct souk_provider_reply reply;
	while (souk_customer_next(customer, &request, customer->requested, now) == SOUK_OK) {
		REQUIRE(souk_provider_unit(&deal.shop->kit.provider, &reply, &request, now) ==
			SOUK_OK);
		send_body(cheat, &request, &reply);
		REQUIRE(souk_customer_received(customer, request.unit) == SOUK_OK);
		if (reply.has_key)
			key = reply.key;
	}
	if (souk_customer_settle(customer, &request, now) == SOUK_OK) {
		REQUIRE(souk_provider_unit(&deal.shop->kit.provider, &reply, &request, now) ==
			SOUK_OK);
		key = reply.key;
	}
	return key;
}

/* Ask, receive, pay, open, by the customer's own rules, until it has all or goes on no more. */
static void shop_by_the_rules(const struct cheat *cheat)
{
	struct souk_customer *customer = &deal.customer;
	while (customer->state == SOUK_CUSTOMER_OPEN && customer->verified < UNITS) {
		struct souk_unit_key key = ask_ahead(cheat);
		if (!give_key(cheat, &key))
			return;
		verify_all();
	}
}

/* What opens with KEY, the last one that came, and is the content. */
static uint32_t count_good(const struct souk_unit_key *key)
{
	static uint8_t plain[CHUNK_SIZE];
	const struct souk_customer *customer = &deal.customer;
	const struct souk_nonce *session = &customer->grant.session;
	struct souk_hash last =
		souk_unit_key_mask(&customer->session_secret, key->unit, &key->masked);
	uint32_t good = 0;
	for (uint32_t unit = 1; unit <= key->unit; unit++) {
		struct souk_hash k =
			souk_chain_walk(souk_chain_tag_key, session, key->unit, &last, unit);
		struct souk_unit_cipher cipher = souk_unit_cipher_of(session, unit, unit - 1, &k);
		souk_unit_cipher_xor(&cipher, plain, bodies[unit], CHUNK_SIZE);
		good += memcmp(plain, goods_get()->data[unit - 1], CHUNK_SIZE) == 0;
	}
	return good;
}

/* The naive customer pays for each unit when it has come, and looks in the end what it has. */
static uint32_t shop_blindly(const struct cheat *cheat)
{
	struct souk_unit_key key = {0};
	struct souk_provider_reply reply;
	for (uint32_t unit = 1; unit <= UNITS + 1; unit++) {
		struct souk_unit_request request = {.session = deal.customer.grant.session,
			.unit = unit <= UNITS ? unit : 0,
			.chunk = unit <= UNITS ? unit - 1 : 0,
			.has_ticket = unit > 1};
		request.ticket.unit = unit - 1;
		request.ticket.value = souk_chain_value(&deal.customer.payer.chain, unit - 1);
		request.auth = souk_unit_request_auth(&deal.customer.session_secret, &request);
		REQUIRE(souk_provider_unit(&deal.shop->kit.provider, &reply, &request,
				deal.world->now) == SOUK_OK);
		if (unit <= UNITS)
			send_body(cheat, &request, &reply);
		if (reply.has_key && !is_withheld(cheat, &reply.key))
			key = reply.key;
	}
	return key.unit > 0 ? count_good(&key) : 0;
}

static struct outcome serve_badly(uint64_t seed, bool guarded, const struct cheat *cheat)
{
	struct world *world = world_new(seed);
	struct shop *shop = shop_new(world, 0, WINDOW);
	struct line line;
	uint32_t opened;
	shop->item.content = goods_get()->content.id;
	shop->item.size = goods_get()->content.size;
	line_open(&line, world, 1, SALE_UNITS);
	REQUIRE(deal_open(&deal, shop, &line, 0, UNITS) == SOUK_OK);
	if (guarded) {
		good_units = 0;
		shop_by_the_rules(cheat);
		opened = good_units;
	} else {
		opened = shop_blindly(cheat);
	}
	int64_t owed = (int64_t)shop->kit.provider.totals.owed.ncoin / PRICE;
	/* An honest session is sold to its end: the harness itself can sell. */
	REQUIRE(opened == UNITS || cheat->no_keys_from + cheat->garbage_from > 0);
	shop_free(shop);
	world_free(world);
	return (struct outcome){owed - opened, owed - opened};
}

static struct outcome withhold_keys(uint64_t seed, bool guarded, uint32_t from)
{
	struct cheat cheat = {.no_keys_from = from};
	return serve_badly(seed, guarded, &cheat);
}

static struct outcome serve_garbage(uint64_t seed, bool guarded, uint32_t from)
{
	struct cheat cheat = {.garbage_from = from};
	return serve_badly(seed, guarded, &cheat);
}

const struct attack payee_attacks[] = {
	{
		.name = "key-withholder",
		.who = "payee",
		.how = "takes the tickets and gives no keys",
		.guard = "the customer pays a window ahead at most",
		.where = "exchange.md 6, step 2",
		.code = "souk_customer_payable",
		.unit = "u",
		.knob = "honest until unit",
		.knobs = {1, 2, 8, 17, 24},
		.bound = WINDOW,
		.loss_bound = WINDOW,
		.run = withhold_keys,
	},
	{
		.name = "garbage",
		.who = "payee",
		.how = "sends bytes that are not the content",
		.guard = "units are checked one by one; the first bad one ends the session",
		.where = "exchange.md 6, step 5",
		.code = "souk_content_verify_chunk, souk_customer_payable",
		.unit = "u",
		.knob = "honest until unit",
		.knobs = {1, 2, 8, 17, 24},
		.bound = WINDOW,
		.loss_bound = WINDOW,
		.run = serve_garbage,
	},
	{.name = NULL},
};
