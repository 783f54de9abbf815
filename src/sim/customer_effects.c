/* SPDX-License-Identifier: Apache-2.0
 *
 * The planner's effects are carried out here, and what came of them is told to it. */
#include <string.h>

#include "actor_reseller.h"
#include "customer.h"

/* Chunks that may be bought again after a crash, because they were not written down yet. */
#define FLUSH_CHUNKS 16u
#define FLUSH_MS     200u

/* ---------------------------------------------------------------- the part file */

souk_status customer_flush(struct sim_node *node)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	if (p->dirty_chunks == 0)
		return SOUK_OK;
	souk_status status = customer_wallet_put_part(node, p->words, p->dirty_low, p->dirty_high);
	c->has_parts = true;
	p->flush = SOUK_TIME_NEVER;
	if (status == SOUK_OK) {
		p->dirty_chunks = 0;
		p->dirty_low = UINT32_MAX;
		p->dirty_high = 0;
	}
	return status;
}

static souk_status note_chunk(struct sim_node *node, uint32_t chunk)
{
	struct purchase *p = customer_of(node)->purchase;
	uint32_t word = chunk / 64;
	if (sim_is_reseller(node))
		sim_reseller_note_chunk(node, p->content, chunk);
	p->dirty_low = word < p->dirty_low ? word : p->dirty_low;
	p->dirty_high = word > p->dirty_high ? word : p->dirty_high;
	if (p->dirty_chunks++ == 0) {
		p->flush = souk_time_plus_ms(sim_now(node), FLUSH_MS);
		purchase_look(p, p->flush);
	}
	return p->dirty_chunks % FLUSH_CHUNKS == 0 ? customer_flush(node) : SOUK_OK;
}

/* ---------------------------------------------------------------- units */

/* How long the answer of a seat may take until it is asked for again. */
static uint32_t again_ms(const struct purchase *p, uint32_t seat)
{
	uint64_t unit_ms = p->download.providers[seat].unit_ms;
	uint64_t ms = 4 * unit_ms + p->first_ms / 4;
	return unit_ms == 0 || ms > UINT32_MAX / 64 ? p->first_ms : (uint32_t)ms;
}

/* Tickets up to UNIT leave now: what they are worth is spent. */
static void note_issued(struct sim_node *node, struct seat *seat, uint32_t unit)
{
	const struct souk_customer *customer = seat->customer;
	if (unit <= seat->issued)
		return;
	node->tally.spent.ncoin += (unit - seat->issued) * customer->cost.ncoin;
	seat->issued = unit;
	sim_note(node, &(struct sim_note){.kind = SIM_NOTE_ISSUED,
			       .peer = seat->peer,
			       .session = customer->grant.session,
			       .unit = unit,
			       .amount = customer->cost});
}

static void send_request(struct sim_node *node, const struct souk_download_effect *effect)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[effect->provider];
	bool is_keys = effect->kind == SOUK_DOWNLOAD_KEYS;
	bool is_accountable = !is_keys && customer_is_accountable(node, effect->provider);
	uint32_t place = is_keys ? call_place(p, effect->provider, LINE_KEYS) : effect->slot;
	struct sim_message *message = sim_message_with(
		node->world, SIM_UNIT, seat->peer, is_accountable ? SOUK_HASH_SIZE : 0);
	message->data.unit = effect->request;
	if (!is_keys)
		p->asked_under[effect->slot] = is_accountable;
	if (is_accountable)
		memcpy(message->bytes, &seat->agreement, SOUK_HASH_SIZE);
	if (effect->request.has_ticket && customer_of(node)->hub == CUSTOMER_NONE)
		note_issued(node, seat, effect->request.ticket.unit);
	customer_call(node, place, message, again_ms(p, effect->provider), 0);
}

/* What is wrong with an answer to FETCH, as far as can be seen before its key. */
static souk_status check_reply(
	struct sim_node *node, uint32_t slot, const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	const struct sim_unit_reply *reply = &message->data.reply;
	uint32_t length = souk_content_chunk_length(
		&p->download.config.content, p->download.slots[slot].chunk);
	if (!reply->has_body || reply->body.length != length)
		return SOUK_PEER_WRONG_LENGTH;
	return customer_statement_check(node, slot, message);
}

void customer_unit_reply(
	struct sim_node *node, uint32_t slot, souk_status status, const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	customer_call_end(p, slot);
	if (status == SOUK_OK)
		status = check_reply(node, slot, message);
	if (status != SOUK_OK) {
		p->is_careful = true;
		souk_download_fetch_failed(&p->download, slot, status, sim_now(node));
		return;
	}
	const struct sim_unit_reply *reply = &message->data.reply;
	p->bodies[slot] = reply->body;
	souk_download_received(
		&p->download, slot, reply->has_key ? &reply->key : NULL, sim_now(node));
}

void customer_keys_reply(
	struct sim_node *node, uint32_t seat, souk_status status, const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	customer_call_end(p, call_place(p, seat, LINE_KEYS));
	p->is_careful = true;
	if (status != SOUK_OK) {
		souk_download_keys_failed(&p->download, seat, status, sim_now(node));
		return;
	}
	const struct sim_unit_reply *reply = &message->data.reply;
	souk_download_keys(&p->download, seat, reply->has_key ? &reply->key : NULL, sim_now(node));
}

/* ---------------------------------------------------------------- checks */

static bool is_right(const struct souk_content *content, const struct sim_body *body,
	const struct souk_download_effect *effect)
{
	return !body->is_garbage && body->chunk == effect->chunk &&
	       body->length == effect->length && souk_hash_equal(&body->content, &content->id) &&
	       memcmp(body->cipher.key, effect->cipher.key, sizeof effect->cipher.key) == 0 &&
	       memcmp(body->cipher.nonce, effect->cipher.nonce, sizeof effect->cipher.nonce) == 0;
}

/* A SPARE one is worth nothing: another brought the chunk before. */
static void note_verified(struct sim_node *node, struct seat *seat, bool is_spare)
{
	node->tally.units_verified++;
	node->tally.units_had += !is_spare;
	if (seat->customer->verified <= seat->verified)
		return;
	seat->verified = seat->customer->verified;
	sim_note(node, &(struct sim_note){.kind = SIM_NOTE_VERIFIED,
			       .peer = seat->peer,
			       .session = seat->customer->grant.session,
			       .unit = seat->verified});
}

static void verify(struct sim_node *node, const struct souk_download_effect *effect)
{
	struct purchase *p = customer_of(node)->purchase;
	struct seat *seat = &p->seats[effect->provider];
	souk_status status = SOUK_OK;
	if (!is_right(&p->download.config.content, &p->bodies[effect->slot], effect)) {
		status = SOUK_PEER_BAD_UNIT;
		customer_suspect(node, effect->slot);
	}
	souk_download_checked(&p->download, effect->slot, status, sim_now(node));
	if (status != SOUK_OK)
		return;
	note_verified(node, seat, effect->spare);
	if (effect->spare)
		return;
	status = note_chunk(node, effect->chunk);
	if (status != SOUK_OK)
		souk_download_stop(&p->download, status);
}

/* ---------------------------------------------------------------- a hub's tickets */

static void buy(struct sim_node *node, const struct souk_download_effect *effect)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	struct sim_message *message =
		sim_message_with(node->world, SIM_HUB_TICKET, c->hub, SOUK_HUB_TICKET_SIZE_MAX);
	struct souk_writer writer;
	souk_writer_init(&writer, message->bytes, SOUK_HUB_TICKET_SIZE_MAX);
	souk_hub_ticket_encode(&writer, &effect->hub_ticket);
	message->size = (uint32_t)writer.size;
	note_issued(node, &p->seats[effect->provider], effect->hub_ticket.unit);
	customer_call(node, call_place(p, effect->provider, LINE_BUY), message, p->control_ms, 0);
}

void customer_buy_reply(
	struct sim_node *node, uint32_t seat, souk_status status, const struct sim_message *message)
{
	struct purchase *p = customer_of(node)->purchase;
	struct souk_ticket ticket;
	customer_call_end(p, call_place(p, seat, LINE_BUY));
	if (!p->is_planned) {
		customer_hub_redeemed(node, status, message);
		return;
	}
	p->is_careful = true;
	if (status == SOUK_OK)
		status = souk_ticket_decode(&ticket, sim_message_bytes(message), NULL);
	if (status == SOUK_OK)
		souk_download_bought(&p->download, seat, &ticket, sim_now(node));
	else
		souk_download_buy_failed(&p->download, seat, status, sim_now(node));
}

/* ---------------------------------------------------------------- the end of a provider */

/* Whether STATUS is what faults of the world, or the passing of time, do to the honest too. */
static bool is_nobodys_fault(souk_status status)
{
	switch ((int)status) {
	case SOUK_PEER_SILENT:
	case SOUK_PEER_EPOCH_CLOSED:
	case SOUK_PEER_WRONG_EPOCH:
	case SOUK_PEER_STRIP_EXPIRED:
	case SOUK_PEER_UNKNOWN_SESSION:
	case SOUK_PEER_UNKNOWN_CONTENT:
	case SOUK_PEER_OVERDRAW:
	case SOUK_PEER_UNPAID:
	case SOUK_PEER_JUMP_TOO_FAR:
	case SOUK_PEER_OUT_OF_ORDER:
	case SOUK_PEER_NO_ESCROW:
	case SOUK_PEER_NO_ALLOTMENT:
	case SOUK_PEER_NO_AGREEMENT:
	case SOUK_PEER_AGREEMENT_OVER:
	case SOUK_PEER_ALLOTMENT_OVER_LINE:
	case SOUK_PEER_ALLOTMENT_FUNDS:
	case SOUK_PEER_TOO_MANY_EPOCHS:
	case SOUK_PEER_STRIP_RANGE:
	case SOUK_PEER_HUB_CREDIT: return true;
	default: return souk_status_class(status) != SOUK_CLASS_PEER;
	}
}

/* Every call of SEAT is answered now, as stopped. */
static void cancel_calls(struct sim_node *node, uint32_t seat, bool also_open)
{
	struct purchase *p = customer_of(node)->purchase;
	for (uint32_t slot = 0; slot < p->slot_count; slot++) {
		if (p->calls[slot].is_busy && p->download.slots[slot].provider == seat)
			customer_unit_reply(node, slot, SOUK_LOCAL_STOPPED, NULL);
	}
	if (p->calls[call_place(p, seat, LINE_KEYS)].is_busy)
		customer_keys_reply(node, seat, SOUK_LOCAL_STOPPED, NULL);
	if (p->calls[call_place(p, seat, LINE_BUY)].is_busy)
		customer_buy_reply(node, seat, SOUK_LOCAL_STOPPED, NULL);
	if (!also_open || p->seats[seat].step == SEAT_IDLE)
		return;
	customer_call_end(p, call_place(p, seat, LINE_CONTROL));
	customer_open_failed(node, seat, SOUK_LOCAL_STOPPED);
}

static void note_drop(struct sim_node *node, const struct souk_download_effect *effect)
{
	struct customer *c = customer_of(node);
	struct seat *seat = &c->purchase->seats[effect->provider];
	sim_say(node, "drops %u: %s", seat->peer, souk_status_name(effect->status));
	customer_note_withheld(node, effect->provider, effect->status);
	if (!is_nobodys_fault(effect->status)) {
		sim_note(node, &(struct sim_note){.kind = SIM_NOTE_BLAMED,
				       .peer = seat->peer,
				       .session = seat->customer->grant.session,
				       .status = effect->status});
	}
	if (!is_nobodys_fault(effect->status) || effect->status == SOUK_PEER_UNPAID)
		customer_shun(c, seat->peer);
	cancel_calls(node, effect->provider, false);
}

static void note_end(struct sim_node *node, souk_status status)
{
	struct customer *c = customer_of(node);
	struct purchase *p = c->purchase;
	p->status = status;
	/* Of all that ends a download only a hub breaks a protocol. */
	if (!is_nobodys_fault(status) && status != SOUK_OK && c->hub != CUSTOMER_NONE)
		sim_note(node, &(struct sim_note){
				       .kind = SIM_NOTE_BLAMED, .peer = c->hub, .status = status});
	for (uint32_t i = 0; i < p->seat_count; i++)
		cancel_calls(node, i, true);
}

static void do_effect(struct sim_node *node, const struct souk_download_effect *effect)
{
	struct seat *seat = &customer_of(node)->purchase->seats[effect->provider];
	switch (effect->kind) {
	case SOUK_DOWNLOAD_OPEN:
		customer_hub_close(node, effect->provider);
		seat->units = effect->units;
		customer_open(node, effect->provider);
		break;
	case SOUK_DOWNLOAD_FETCH:
	case SOUK_DOWNLOAD_KEYS: send_request(node, effect); break;
	case SOUK_DOWNLOAD_BUY: buy(node, effect); break;
	case SOUK_DOWNLOAD_VERIFY: verify(node, effect); break;
	case SOUK_DOWNLOAD_CANCEL:
		customer_unit_reply(node, effect->slot, SOUK_LOCAL_STOPPED, NULL);
		break;
	case SOUK_DOWNLOAD_DROP: note_drop(node, effect); break;
	case SOUK_DOWNLOAD_COMPLETE: note_end(node, SOUK_OK); break;
	case SOUK_DOWNLOAD_GIVE_UP: note_end(node, effect->status); break;
	}
}

static bool is_over(const struct purchase *p)
{
	return p->download.state != SOUK_DOWNLOAD_RUNNING && !p->download.end_due &&
	       souk_download_is_quiet(&p->download);
}

void customer_pull(struct sim_node *node)
{
	struct purchase *p = customer_of(node)->purchase;
	struct souk_download_effect effect;
	struct souk_time now = sim_now(node);
	while (souk_download_next_effect(&p->download, &effect, now))
		do_effect(node, &effect);
	if (is_over(p)) {
		customer_purchase_over(node, p->status);
		return;
	}
	purchase_look(p, souk_time_plus_ms(now, CUSTOMER_LOOK_MS));
	if (p->is_careful)
		purchase_look(p, souk_download_deadline(&p->download));
	p->is_careful = false;
}
