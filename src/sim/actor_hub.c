/* SPDX-License-Identifier: Apache-2.0 */
#include "actor_hub.h"

#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "ledger.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/payment/escrow.h"

#define ROUND_MS     500u
#define ROUND_MIN_MS 50u
#define IDLE_MS	     (5u * 60 * 1000)
#define SESSIONS_MIN 256u
/* What customers may need, so many times over: faults have them buy again. */
#define SLACK	 4u
#define LINE_MAX (UINT64_C(1) << 50)
/* Sessions that a download has open at once hold credit for all of their units. */
#define HELD_SESSIONS 16u

/* ---------------------------------------------------------------- what customers know */

struct souk_nonce sim_hub_voucher(const struct sim_node *hub, const struct sim_node *customer)
{
	uint8_t bytes[32] = "voucher";
	struct souk_nonce voucher;
	souk_store_be64(bytes + 8, sim_world_scenario(hub->world)->seed);
	souk_store_be64(bytes + 16, hub->id);
	souk_store_be64(bytes + 24, customer->id);
	struct souk_hash hash = souk_sha256_of(bytes, sizeof bytes);
	memcpy(voucher.bytes, hash.bytes, sizeof voucher.bytes);
	souk_store_be32(voucher.bytes + SOUK_NONCE_SIZE - 4, customer->id);
	return voucher;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Of a unit at the dearest provider that there is, and the hub's fee. */
static uint64_t unit_cost(const struct sim_scenario *s)
{
	struct souk_amount cost, price = {s->price};
	for (uint32_t i = 0; i < s->population_count; i++)
		price.ncoin = s->populations[i].price > price.ncoin ? s->populations[i].price
								    : price.ncoin;
	return souk_hub_price(&cost, price, (uint16_t)s->fee_permille) == SOUK_OK ? cost.ncoin : 0;
}

struct souk_amount sim_hub_credit(const struct sim_node *hub, const struct sim_node *customer)
{
	const struct sim_scenario *s = sim_world_scenario(hub->world);
	const struct sim_population *of = &s->populations[customer->population];
	uint64_t held = HELD_SESSIONS * least(s->session_units, s->units_max);
	uint64_t units = SLACK * of->downloads * s->units_max + held;
	uint64_t cost = unit_cost(s);
	if (of->via_hub == 0 || cost == 0)
		return SOUK_AMOUNT_ZERO;
	return souk_amount_of_ncoin(units > LINE_MAX / cost ? LINE_MAX : units * cost);
}

struct souk_hash sim_hub_escrow(const struct sim_node *hub)
{
	struct souk_hash ledger =
		souk_genesis_digest(sim_ledger_genesis(sim_world_ledger(hub->world)));
	struct souk_nonce salt = {{0}};
	return souk_escrow_id(&ledger, &hub->identity.address, &salt);
}

/* ---------------------------------------------------------------- the person */

/* What all customers of hubs may want in an epoch. */
static uint64_t line_needed(const struct sim_scenario *s)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < s->population_count; i++) {
		const struct sim_population *of = &s->populations[i];
		if (of->via_hub == 0)
			continue;
		uint64_t wishes = least(of->downloads, 2 + s->epoch_ms / (of->pause_ms + 1000));
		uint64_t sessions = of->peers + 1;
		uint64_t units = wishes * sessions * least(s->session_units, s->units_max);
		sum += of->count * units;
	}
	sum = least(sum + s->session_units, LINE_MAX / s->price / SLACK);
	return SLACK * sum * s->price;
}

static uint64_t whole_prizes(uint64_t ncoin, uint64_t prize)
{
	uint64_t points = ncoin / prize + (ncoin % prize != 0);
	points = least(points, least(SOUK_ESCROW_POINTS_MAX, LINE_MAX / prize));
	return (points > 0 ? points : 1) * prize;
}

static void open_escrow(struct sim_hub *h, const struct sim_population *population)
{
	const struct sim_scenario *s = sim_world_scenario(h->node->world);
	const struct souk_genesis *genesis = sim_ledger_genesis(sim_world_ledger(h->node->world));
	struct souk_amount deposit;
	h->escrow = sim_hub_escrow(h->node);
	h->line.ncoin =
		whole_prizes(population->line != 0 ? population->line : line_needed(s), s->prize);
	SOUK_CHECK(souk_escrow_deposit_for(&deposit, h->line, genesis) == SOUK_OK);
	sim_ledger_fund(h->node,
		souk_amount_of_ncoin(
			population->funds > deposit.ncoin ? population->funds : deposit.ncoin));
	struct souk_tx_body *body = sim_alloc(sizeof *body);
	body->kind = SOUK_TX_BODY_ESCROW_OPEN;
	body->escrow_open = (struct souk_tx_escrow_open){
		.line = h->line, .prize = {s->prize}, .deposit = deposit};
	sim_ledger_submit(h->node, body, 0);
	free(body);
}

static void make(struct sim_node *node, const struct sim_population *population)
{
	struct sim_hub *h = sim_alloc(sizeof *h);
	node->state = h;
	h->node = node;
	open_escrow(h, population);
}

static void done(struct sim_node *node)
{
	free(node->state);
	node->state = NULL;
}

/* ---------------------------------------------------------------- the process */

static uint32_t count_customers(const struct sim_scenario *s)
{
	uint64_t count = 1;
	for (uint32_t i = 0; i < s->population_count; i++)
		count += s->populations[i].via_hub != 0 ? s->populations[i].count : 0;
	return (uint32_t)count;
}

static void make_machine(struct sim_hub *h)
{
	const struct sim_scenario *s = sim_world_scenario(h->node->world);
	const struct sim_population *of = &s->populations[h->node->population];
	uint32_t sessions = (uint32_t)(of->sessions > SESSIONS_MIN ? of->sessions : SESSIONS_MIN);
	uint32_t accounts = count_customers(s);
	struct souk_hub_memory memory = {.session_max = sessions, .account_max = accounts};
	size_t sizes[] = {sessions * sizeof *memory.sessions, accounts * sizeof *memory.accounts,
		SOUK_MAP_SLOTS((size_t)sessions) * sizeof(uint32_t),
		SOUK_MAP_SLOTS((size_t)accounts) * sizeof(uint32_t)};
	struct souk_hub_config config = {
		.identity = &h->node->identity,
		.escrow = h->escrow,
		.fee_permille = (uint16_t)s->fee_permille,
		.step = (uint16_t)s->hub_step,
		.units_max = (uint32_t)s->session_units,
		.idle_ms = IDLE_MS,
	};
	uint8_t *block = sim_alloc(sizes[0] + sizes[1] + sizes[2] + sizes[3]);
	h->memory = block;
	memory.sessions = (struct souk_hub_session *)block;
	memory.accounts = (struct souk_hub_account *)(block + sizes[0]);
	memory.session_slots = (uint32_t *)(block + sizes[0] + sizes[1]);
	memory.account_slots = (uint32_t *)(block + sizes[0] + sizes[1] + sizes[2]);
	sim_seed(h->node, config.seed);
	souk_hub_init(&h->hub, &config, &memory);
}

static void arm(struct sim_hub *h)
{
	uint64_t us = h->round_us;
	if (h->writes.is_running && h->writes.durable_us < us)
		us = h->writes.durable_us;
	if (us == h->armed_us)
		return;
	h->armed_us = us;
	sim_wake_us(h->node, us);
}

static void start(struct sim_node *node)
{
	struct sim_hub *h = sim_hub_of(node);
	h->is_running = true;
	h->armed_us = SIM_NEVER_US;
	h->round_us = sim_time_us(node->world);
	h->limit = sim_alloc(sizeof *h->limit);
	h->leaves = (struct souk_hub_leaves){
		.items = sim_alloc(SOUK_HUB_LEAVES_MAX * sizeof *h->leaves.items)};
	h->record = sim_alloc(sizeof *h->record);
	h->proof = sim_alloc(sizeof *h->proof);
	h->bytes = sim_alloc(SOUK_HUB_SESSION_RECORD_SIZE_MAX);
	sim_writes_init(&h->writes, node);
	make_machine(h);
	sim_hub_restore(h);
	arm(h);
}

static void crash(struct sim_node *node)
{
	struct sim_hub *h = sim_hub_of(node);
	if (!h->is_running)
		return;
	for (uint32_t i = 0; i < h->opening_count; i++) {
		sim_message_free(node->world, h->openings[i].answer);
		free(h->openings[i].open);
	}
	sim_writes_free(&h->writes);
	free(h->memory);
	free(h->limit);
	free(h->leaves.items);
	free(h->allotment);
	free(h->waiting.items);
	free(h->running.items);
	free(h->record);
	free(h->proof);
	free(h->bytes);
	*h = (struct sim_hub){
		.node = node, .escrow = h->escrow, .line = h->line, .token_count = h->token_count};
}

/* ---------------------------------------------------------------- answers */

void sim_hub_hold(struct sim_hub *h, struct sim_message *answer)
{
	sim_writes_hold(&h->writes, answer);
	h->wants_commit = true;
}

void sim_hub_refuse(struct sim_hub *h, struct sim_message *answer, souk_status status)
{
	answer->status = status;
	sim_send(h->node, answer);
}

static uint32_t node_of(const struct sim_hub *h, const struct souk_address *account)
{
	const struct sim_node *node = sim_node_of(h->node->world, account);
	return node != NULL ? node->id : UINT32_MAX;
}

static souk_status redeem(
	struct sim_hub *h, const struct sim_message *message, struct souk_signed_hub_statement *ret)
{
	struct souk_signed_hub_redeem redeem;
	struct souk_hub_voucher_record voucher;
	SOUK_TRY(souk_signed_hub_redeem_decode(&redeem, sim_message_bytes(message), NULL));
	if (!sim_limit_take(h->limit, message->from, sim_time_us(h->node->world)))
		return SOUK_LOCAL_FULL;
	souk_status found = sim_hub_voucher_record(h, &redeem.redeem.voucher, &voucher);
	if (found != SOUK_OK && found != SOUK_LOCAL_NOT_FOUND)
		return found;
	bool before = found == SOUK_OK && voucher.redeemed;
	SOUK_TRY(souk_hub_redeem(
		&h->hub, &redeem, found == SOUK_OK ? &voucher : NULL, sim_now(h->node), ret));
	if (before)
		return SOUK_OK;
	sim_hub_put_voucher(h, &redeem.redeem.voucher, &voucher);
	const struct sim_note note = {
		.kind = SIM_NOTE_REDEEMED,
		.peer = node_of(h, &redeem.redeem.account),
		.session = redeem.redeem.voucher,
		.amount = voucher.amount,
	};
	sim_note(h->node, &note);
	return SOUK_OK;
}

static souk_status close_session(
	struct sim_hub *h, const struct sim_message *message, struct souk_signed_hub_statement *ret)
{
	struct souk_signed_hub_close close;
	SOUK_TRY(souk_signed_hub_close_decode(&close, sim_message_bytes(message), NULL));
	return souk_hub_close(&h->hub, &close, sim_now(h->node), ret);
}

static void answer_statement(struct sim_hub *h, struct sim_message *answer, souk_status status,
	const struct souk_signed_hub_statement *statement)
{
	if (status != SOUK_OK) {
		sim_hub_refuse(h, answer, status);
		return;
	}
	SIM_HUB_ENCODE(signed_hub_statement, SOUK_SIGNED_HUB_STATEMENT_SIZE_MAX, answer, statement);
	sim_hub_hold(h, answer);
}

static void add_sale(struct sim_hub_sales *sales, const struct souk_nonce *session, uint32_t unit)
{
	if (sales->count == sales->max) {
		sales->max = sales->max == 0 ? 16 : 2 * sales->max;
		sales->items = realloc(sales->items, sales->max * sizeof *sales->items);
		SOUK_CHECK(sales->items != NULL);
	}
	sales->items[sales->count++] = (struct sim_hub_sale){*session, unit};
}

static void note_sale(struct sim_hub *h, const struct souk_nonce *session, uint32_t unit)
{
	uint32_t index = souk_map_find(&h->hub.session_map, session);
	if (index == SOUK_MAP_NONE)
		return;
	const struct souk_hub_session_record *record = &h->hub.memory.sessions[index].record;
	const struct sim_note note = {
		.kind = SIM_NOTE_CREDIT,
		.peer = node_of(h, &record->strip.account),
		.session = *session,
		.unit = record->unit,
		.amount = record->strip.price,
	};
	sim_note(h->node, &note);
	add_sale(&h->waiting, session, unit);
}

static void answer_ticket(
	struct sim_hub *h, const struct sim_message *message, struct sim_message *answer)
{
	struct souk_hub_ticket ticket;
	struct souk_ticket sold;
	souk_status status = souk_hub_ticket_decode(&ticket, sim_message_bytes(message), NULL);
	if (status == SOUK_OK)
		status = souk_hub_ticket(&h->hub, &ticket, sim_now(h->node), &sold);
	if (status != SOUK_OK) {
		sim_hub_refuse(h, answer, status);
		return;
	}
	note_sale(h, &ticket.session, ticket.unit);
	/* y_j first, then x_j: also where it was stored before, since nobody knows that here. */
	SIM_HUB_ENCODE(ticket, SOUK_TICKET_SIZE_MAX, answer, &sold);
	sim_hub_hold(h, answer);
}

static void answer_open(
	struct sim_hub *h, const struct sim_message *message, struct sim_message *answer)
{
	struct souk_hub_open open;
	souk_status status = souk_hub_open_decode(&open, sim_message_bytes(message), NULL);
	if (status == SOUK_OK &&
		!sim_limit_take(h->limit, message->from, sim_time_us(h->node->world)))
		status = SOUK_LOCAL_FULL;
	if (status != SOUK_OK)
		sim_hub_refuse(h, answer, status);
	else
		sim_hub_open(h, &open, answer);
}

static void answer(struct sim_hub *h, const struct sim_message *message)
{
	struct souk_signed_hub_statement statement;
	struct sim_message *reply =
		sim_reply_new(h->node->world, message, (enum sim_kind)(message->kind + 1));
	/* What cannot be kept must not be promised. */
	if (h->writes.status != SOUK_OK)
		sim_hub_refuse(h, reply, h->writes.status);
	else if (message->kind == SIM_HUB_REDEEM)
		answer_statement(h, reply, redeem(h, message, &statement), &statement);
	else if (message->kind == SIM_HUB_CLOSE)
		answer_statement(h, reply, close_session(h, message, &statement), &statement);
	else if (message->kind == SIM_HUB_TICKET)
		answer_ticket(h, message, reply);
	else
		answer_open(h, message, reply);
}

static void take_message(struct sim_node *node, const struct sim_message *message)
{
	struct sim_hub *h = sim_hub_of(node);
	if (message->kind != SIM_HUB_REDEEM && message->kind != SIM_HUB_OPEN &&
		message->kind != SIM_HUB_TICKET && message->kind != SIM_HUB_CLOSE)
		return;
	answer(h, message);
	sim_hub_pump(h);
	arm(h);
}

/* ---------------------------------------------------------------- time, and the ledger */

static uint64_t pause_ms(const struct sim_hub *h)
{
	uint64_t ms = least(ROUND_MS, sim_world_scenario(h->node->world)->epoch_ms / 20);
	return ms > ROUND_MIN_MS ? ms : ROUND_MIN_MS;
}

static void timer(struct sim_node *node)
{
	struct sim_hub *h = sim_hub_of(node);
	struct souk_epoch_record record;
	uint64_t epoch, now_us = sim_time_us(node->world);
	h->armed_us = SIM_NEVER_US;
	if (now_us >= h->round_us) {
		h->round_us = now_us + pause_ms(h) * 1000;
		if (sim_ledger_now(node, &epoch, &record) == SOUK_OK)
			souk_hub_set_epoch(&h->hub, epoch, record.end, sim_now(node));
		souk_hub_tick(&h->hub, sim_now(node));
		h->wants_commit = true;
	}
	sim_hub_pump(h);
	arm(h);
}

static void ledger(
	struct sim_node *node, uint64_t token, souk_status status, struct souk_amount amount)
{
	struct sim_hub *h = sim_hub_of(node);
	(void)amount;
	if (!h->is_running || h->allotment == NULL || token != h->allotment->token)
		return;
	sim_hub_allotted(h, status);
	sim_hub_pump(h);
	arm(h);
}

const struct sim_actor sim_hub_actor = {
	.name = "hub",
	.about = "pays providers for customers who have no escrow",
	.has_disk = true,
	.make = make,
	.start = start,
	.message = take_message,
	.timer = timer,
	.ledger = ledger,
	.crash = crash,
	.done = done,
};
