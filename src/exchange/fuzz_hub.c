/* SPDX-License-Identifier: Apache-2.0
 *
 * A hub, driven by bytes: genuine and spoilt messages of two accounts in any order, time, epochs,
 * crashes. Each four bytes are one step. What must hold is H1 to H4 of the header. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hub_kit.h"
#include "souk/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ACCOUNTS 2u
#define SESSIONS 4u
#define UNITS	 40u
#define STEP	 6u
#define PRICE	 100u
#define STEPS	 300u

struct bench {
	struct kit_hub hub;
	struct kit_provider provider;
	struct souk_identity accounts[ACCOUNTS];
	struct souk_customer customers[SESSIONS];
	struct souk_hub_open opens[SESSIONS];
	struct souk_provider_item item;
	struct souk_time now;
	uint64_t epoch;
	uint64_t credit[ACCOUNTS];
	uint32_t given[SESSIONS]; /* highest x that left */
	struct souk_strip_open strip;
};

static void prepare(struct bench *b, uint32_t i)
{
	struct souk_grant_open grant;
	struct souk_offer offer = kit_offer(
		&b->provider.identity, &b->item.content, b->item.size, 16384, PRICE, 4, 1024);
	struct souk_customer_config config = {
		.offer = &offer, .escrow = b->hub.payer.escrow_id, .epoch = 7, .units = UNITS};
	struct souk_hub_terms terms = kit_hub_terms(&b->hub, &b->accounts[i % ACCOUNTS]);
	config.seed[0] = (uint8_t)(i + 1);
	SOUK_CHECK(souk_customer_init(&b->customers[i], &config) == SOUK_OK);
	SOUK_CHECK(souk_provider_ask(&b->provider.provider, &grant,
			   souk_customer_ask(&b->customers[i]), &b->item, b->now) == SOUK_OK);
	SOUK_CHECK(souk_customer_grant(&b->customers[i], &grant, b->now) == SOUK_OK);
	SOUK_CHECK(souk_customer_hub_open(&b->customers[i], &terms, &b->opens[i]) == SOUK_OK);
}

static void bench_open(struct bench *b)
{
	memset(b, 0, sizeof *b);
	b->now.ms = 1000;
	b->epoch = 7;
	b->provider.window = 4;
	kit_identity(&b->provider.identity, 1);
	kit_identity(&b->accounts[0], 10);
	kit_identity(&b->accounts[1], 11);
	kit_hub_init(&b->hub, 2, &b->provider.identity.address, 1, 1000000, 30, STEP);
	kit_payer_epoch(&b->hub.payer, 7);
	kit_hub_start(&b->hub, 3, 7, souk_time_at_ms(1000000), b->now);
	kit_provider_start(&b->provider, 3, 7, souk_time_at_ms(1000000), b->now);
	b->item = (struct souk_provider_item){
		.size = 50 * 16384 - 7, .chunk_size = 16384, .price = souk_amount_of_ncoin(PRICE)};
	for (uint32_t i = 0; i < SESSIONS; i++)
		prepare(b, i);
}

static void redeem(struct bench *b, const uint8_t bytes[4])
{
	struct souk_signed_hub_statement statement;
	uint32_t account = bytes[1] % ACCOUNTS;
	uint64_t amount = 1 + bytes[3] * 64u;
	bool is_new = b->hub.voucher_count == 0 ||
		      (bytes[2] % 2 == 0 && b->hub.voucher_count < KIT_HUB_VOUCHERS);
	struct souk_nonce voucher =
		is_new ? kit_hub_voucher(&b->hub, amount)
		       : b->hub.vouchers[bytes[2] / 2 % b->hub.voucher_count].secret;
	souk_status status =
		kit_hub_redeem(&b->hub, &b->accounts[account], &voucher, b->now, &statement);
	if (is_new) {
		SOUK_CHECK(status == SOUK_OK);
		b->credit[account] += amount;
	}
	SOUK_CHECK(status == SOUK_OK || status == SOUK_PEER_HUB_VOUCHER);
	SOUK_CHECK(status != SOUK_OK || statement.statement.credit.ncoin == b->credit[account]);
}

/* The message as it is, or with one byte of it changed. */
static void open_session(struct bench *b, const uint8_t bytes[4])
{
	uint32_t i = bytes[1] % SESSIONS;
	struct souk_hub_open open = b->opens[i];
	bool spoilt = bytes[2] % 4 == 0 && bytes[3] != 0;
	if (spoilt)
		((uint8_t *)&open.strip.anchor)[bytes[2] % 32] ^= bytes[3];
	souk_status status = kit_hub_open(&b->hub, 0, &open, b->now, &b->strip);
	SOUK_CHECK(!spoilt || status != SOUK_OK);
	if (status == SOUK_OK)
		(void)!souk_customer_hub_strip(&b->customers[i], &b->strip);
}

static void send_ticket(struct bench *b, const uint8_t bytes[4])
{
	uint32_t i = bytes[1] % SESSIONS, unit = bytes[2] % (UNITS + 3);
	struct souk_hub_session_record *before =
		kit_hub_stored(&b->hub, &b->customers[i].grant.session);
	uint32_t paid = before != NULL ? before->unit : 0;
	struct souk_hub_ticket ticket = {.session = b->customers[i].grant.session, .unit = unit};
	struct souk_ticket sold;
	if (unit <= UNITS)
		ticket.value = souk_chain_value(&b->customers[i].hub_chain, unit);
	bool spoilt = bytes[3] % 8 == 0;
	if (spoilt)
		ticket.value.bytes[bytes[3] / 8] ^= 1;
	souk_status status = souk_hub_ticket(&b->hub.hub, &ticket, b->now, &sold);
	/* A crash before the commit: nothing left the hub. */
	if (bytes[3] % 16 == 1) {
		kit_hub_start(&b->hub, bytes[3], b->epoch, souk_time_at_ms(1000000), b->now);
		return;
	}
	kit_hub_commit(&b->hub);
	if (status != SOUK_OK)
		return;
	SOUK_CHECK(!spoilt && sold.unit == unit && unit >= 1 && unit <= UNITS);
	SOUK_CHECK(unit <= paid + STEP && unit + STEP >= paid);
	struct souk_hash below =
		souk_chain_walk(souk_chain_tag_ticket, &ticket.session, unit, &sold.value, 0);
	SOUK_CHECK(souk_hash_equal(
		&below, &kit_hub_stored(&b->hub, &ticket.session)->strip_open.strip.anchor));
	b->given[i] = unit > b->given[i] ? unit : b->given[i];
}

static void close_session(struct bench *b, const uint8_t bytes[4])
{
	uint32_t i = bytes[1] % SESSIONS, account = bytes[2] % ACCOUNTS;
	struct souk_signed_hub_close close;
	struct souk_signed_hub_statement statement;
	SOUK_CHECK(souk_customer_hub_close(&b->customers[i], &b->accounts[account], &close));
	souk_status status = souk_hub_close(&b->hub.hub, &close, b->now, &statement);
	SOUK_CHECK(status != SOUK_OK || account == i % ACCOUNTS);
	kit_hub_commit(&b->hub);
}

static void check(struct bench *b)
{
	for (uint32_t i = 0; i < b->hub.hub.account_count; i++) {
		const struct souk_hub_account *a = &b->hub.accounts[i];
		SOUK_CHECK(a->record.spent.ncoin + a->held.ncoin <= a->record.credit.ncoin);
	}
	for (uint32_t a = 0; a < ACCOUNTS; a++) {
		uint64_t spent = 0;
		for (uint32_t i = a; i < SESSIONS; i += ACCOUNTS) {
			const struct souk_hub_session_record *r =
				kit_hub_stored(&b->hub, &b->customers[i].grant.session);
			SOUK_CHECK(b->given[i] <= (r != NULL ? r->unit : 0));
			spent += r != NULL ? r->unit * r->strip.price.ncoin : 0;
		}
		const struct kit_hub_account *stored =
			kit_hub_stored_account(&b->hub, &b->accounts[a].address);
		SOUK_CHECK(spent == (stored != NULL ? stored->record.spent.ncoin : 0));
		SOUK_CHECK(b->credit[a] == (stored != NULL ? stored->record.credit.ncoin : 0));
	}
}

static void step(struct bench *b, const uint8_t bytes[4])
{
	switch (bytes[0] % 8) {
	case 0: redeem(b, bytes); break;
	case 1: open_session(b, bytes); break;
	case 2: close_session(b, bytes); break;
	case 3:
		b->now.ms += 20u * bytes[1];
		souk_hub_tick(&b->hub.hub, b->now);
		kit_hub_commit(&b->hub);
		break;
	case 4:
		if (bytes[1] > 240)
			souk_hub_set_epoch(
				&b->hub.hub, ++b->epoch, souk_time_at_ms(1000000), b->now);
		kit_hub_commit(&b->hub);
		break;
	default: send_ticket(b, bytes);
	}
	check(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bench *b = malloc(sizeof *b);
	if (b == NULL)
		return 0;
	bench_open(b);
	for (size_t i = 0; i + 4 <= size && i < 4 * STEPS; i += 4)
		step(b, data + i);
	free(b);
	return 0;
}
