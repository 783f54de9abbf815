/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that a hub pays for. Redeeming the voucher once more is answered with the account's
 * statement: so each purchase begins with what is left of its credit. */
#include <string.h>

#include "actor_hub.h"
#include "customer.h"

/* As souk get has it: credit is held for a whole session. */
#define SESSION_UNITS_MAX 512u

static bool is_hub(const struct sim_population *population)
{
	const struct sim_actor *actor = sim_actor_find(population->actor);
	return actor == &sim_hub_actor ||
	       (actor->honest != NULL && strcmp(actor->honest, sim_hub_actor.name) == 0);
}

/* Hub number WHICH, counted through the populations; how many there are where there is none. */
static uint32_t find_hub(const struct sim_scenario *s, uint64_t which, uint64_t *ret_count)
{
	uint32_t first = 0;
	*ret_count = 0;
	for (uint32_t i = 0; i < s->population_count; i++) {
		const struct sim_population *population = &s->populations[i];
		if (is_hub(population)) {
			if (which - *ret_count < population->count)
				return first + (uint32_t)(which - *ret_count);
			*ret_count += population->count;
		}
		first += (uint32_t)population->count;
	}
	return CUSTOMER_NONE;
}

bool customer_hub_make(struct sim_node *node)
{
	const struct sim_scenario *s = sim_world_scenario(node->world);
	uint64_t count;
	(void)find_hub(s, UINT64_MAX, &count);
	if (count == 0)
		return false;
	customer_of(node)->hub = find_hub(s, souk_rng_below(&node->rng, count), &count);
	return true;
}

static struct sim_node *hub_of(const struct sim_node *node)
{
	return sim_node_at(node->world, customer_of(node)->hub);
}

static struct souk_hub_terms terms_of(const struct sim_node *node)
{
	const struct sim_scenario *s = sim_world_scenario(node->world);
	const struct sim_node *hub = hub_of(node);
	return (struct souk_hub_terms){
		.hub = hub->identity.address,
		.escrow = sim_hub_escrow(hub),
		.fee_permille = (uint16_t)s->fee_permille,
		.step = (uint16_t)s->hub_step,
		.account = &node->identity,
	};
}

/* ---------------------------------------------------------------- credit */

void customer_hub_begin(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct souk_signed_hub_redeem redeem = {
		.redeem = {
			.version = SOUK_HUB_VERSION,
			.hub = hub_of(node)->identity.address,
			.account = node->identity.address,
			.voucher = sim_hub_voucher(hub_of(node), node),
		}};
	struct souk_writer writer;
	souk_hub_redeem_sign(&redeem, &node->identity);
	struct sim_message *message = sim_message_with(
		node->world, SIM_HUB_REDEEM, c->hub, SOUK_SIGNED_HUB_REDEEM_SIZE_MAX);
	souk_writer_init(&writer, message->bytes, message->size);
	souk_signed_hub_redeem_encode(&writer, &redeem);
	message->size = (uint32_t)writer.size;
	customer_call(
		node, call_place(c->purchase, 0, LINE_BUY), message, c->purchase->control_ms, 0);
}

static souk_status read_statement(
	struct sim_node *node, const struct sim_message *message, uint64_t *ret_left)
{
	struct souk_signed_hub_statement signed_statement;
	const struct souk_hub_statement *statement = &signed_statement.statement;
	SOUK_TRY(souk_signed_hub_statement_decode(
		&signed_statement, sim_message_bytes(message), NULL));
	SOUK_TRY(souk_hub_statement_verify(
		&signed_statement, &hub_of(node)->identity.address, &node->identity.address));
	uint64_t gone = statement->spent.ncoin + statement->held.ncoin;
	if (gone < statement->spent.ncoin || gone > statement->credit.ncoin)
		return SOUK_PEER_BAD_REQUEST;
	*ret_left = statement->credit.ncoin - gone;
	return SOUK_OK;
}

/* All providers can hold a session at once. */
static void share_credit(struct sim_node *node, uint64_t left)
{
	struct purchase *p = customer_of(node)->purchase;
	struct souk_download_config *config = &p->download.config;
	uint64_t units = SESSION_UNITS_MAX;
	for (uint32_t i = 0; i < p->seat_count; i++) {
		uint64_t share = left / p->download.providers[i].price.ncoin / p->seat_count;
		units = share < units ? share : units;
	}
	config->session_units_max = units > 0 ? (uint32_t)units : 1;
}

void customer_hub_redeemed(
	struct sim_node *node, souk_status status, const struct sim_message *message)
{
	uint64_t left = 0;
	if (status == SOUK_OK)
		status = read_statement(node, message, &left);
	if (status == SOUK_OK && left == 0)
		status = SOUK_PEER_HUB_CREDIT;
	if (status != SOUK_OK) {
		customer_purchase_fail(node, status);
		return;
	}
	share_credit(node, left);
	customer_purchase_go_on(node);
}

/* The hub's fee is on top of every price. */
void customer_hub_plan(struct sim_node *node, struct souk_download_config *config)
{
	struct souk_amount cost;
	if (customer_of(node)->hub == CUSTOMER_NONE)
		return;
	config->fee_permille = terms_of(node).fee_permille;
	if (souk_hub_price(&cost, config->price_max, config->fee_permille) != SOUK_OK)
		return;
	config->budget.ncoin = config->budget.ncoin / config->price_max.ncoin * cost.ncoin;
	config->price_max = cost;
}

/* ---------------------------------------------------------------- sessions */

souk_status customer_hub_terms(struct sim_node *node, struct souk_customer_config *config)
{
	struct souk_epoch_record record;
	config->escrow = sim_hub_escrow(hub_of(node));
	return sim_ledger_now(node, &config->epoch, &record);
}

void customer_hub_open(struct sim_node *node, uint32_t number)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	struct seat *seat = &p->seats[number];
	const struct souk_hub_terms terms = terms_of(node);
	struct souk_hub_open open;
	struct souk_writer writer;
	souk_status status = souk_customer_hub_open(seat->customer, &terms, &open);
	if (status != SOUK_OK) {
		customer_open_failed(node, number, status);
		return;
	}
	struct sim_message *message =
		sim_message_with(node->world, SIM_HUB_OPEN, c->hub, SOUK_HUB_OPEN_SIZE_MAX);
	souk_writer_init(&writer, message->bytes, message->size);
	souk_hub_open_encode(&writer, &open);
	message->size = (uint32_t)writer.size;
	seat->step = SEAT_HUB;
	seat->is_open_at_hub = true;
	customer_call(node, call_place(p, number, LINE_CONTROL), message, p->control_ms, 0);
}

void customer_hub_reply(struct sim_node *node, uint32_t number, const struct sim_message *message)
{
	struct seat *seat = &customer_of(node)->purchase->seats[number];
	struct souk_strip_open open;
	souk_status status = souk_strip_open_decode(&open, sim_message_bytes(message), NULL);
	if (status == SOUK_OK)
		status = souk_customer_hub_strip(seat->customer, &open);
	if (status == SOUK_OK)
		customer_open_send(node, number, &open, 0);
	else
		customer_open_failed(node, number, status);
}

void customer_hub_close(struct sim_node *node, uint32_t number)
{
	struct customer *c = customer_of(node);
	struct seat *seat = &c->purchase->seats[number];
	struct souk_signed_hub_close close;
	struct souk_writer writer;
	if (!seat->is_open_at_hub)
		return;
	seat->is_open_at_hub = false;
	if (!souk_customer_hub_close(seat->customer, &node->identity, &close))
		return;
	/* Lost, the session ends at the hub by itself. */
	struct sim_message *message = sim_message_with(
		node->world, SIM_HUB_CLOSE, c->hub, SOUK_SIGNED_HUB_CLOSE_SIZE_MAX);
	souk_writer_init(&writer, message->bytes, message->size);
	souk_signed_hub_close_encode(&writer, &close);
	message->size = (uint32_t)writer.size;
	sim_send(node, message);
}
