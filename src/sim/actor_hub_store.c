/* SPDX-License-Identifier: Apache-2.0
 *
 * What a hub keeps: under the keys of src/daemon/hub_store.h. */
#include <stdlib.h>
#include <string.h>

#include "actor_hub.h"
#include "audit.h"
#include "souk/base/check.h"

#define PREFIX_ACCOUNT 'A'
#define PREFIX_SESSION 'S'
#define PREFIX_VOUCHER 'V'

static struct souk_bytes make_key(
	uint8_t out[SIM_WRITE_KEY_MAX], char prefix, const void *id, size_t size)
{
	out[0] = (uint8_t)prefix;
	memcpy(out + 1, id, size);
	return souk_bytes_of(out, 1 + size);
}

/* ---------------------------------------------------------------- records */

souk_status sim_hub_record(const struct sim_hub *h, const struct souk_nonce *session,
	struct souk_hub_session_record *ret)
{
	uint8_t key[SIM_WRITE_KEY_MAX];
	struct souk_bytes value;
	SOUK_TRY(sim_writes_get(&h->writes,
		make_key(key, PREFIX_SESSION, session->bytes, SOUK_NONCE_SIZE), &value));
	return souk_hub_session_record_decode(ret, value, NULL) == SOUK_OK ? SOUK_OK
									   : SOUK_CORRUPT_STORE;
}

/* Whose voucher SECRET is, if it was ever sold: its last bytes name the customer. */
static souk_status find_sold(const struct sim_hub *h, const struct souk_nonce *secret,
	struct souk_hub_voucher_record *ret)
{
	uint32_t id = souk_load_be32(secret->bytes + SOUK_NONCE_SIZE - 4);
	if (id >= sim_node_count(h->node->world))
		return SOUK_LOCAL_NOT_FOUND;
	const struct sim_node *customer = sim_node_at(h->node->world, id);
	struct souk_nonce sold = sim_hub_voucher(h->node, customer);
	if (memcmp(&sold, secret, sizeof sold) != 0)
		return SOUK_LOCAL_NOT_FOUND;
	*ret = (struct souk_hub_voucher_record){.amount = sim_hub_credit(h->node, customer)};
	return ret->amount.ncoin > 0 ? SOUK_OK : SOUK_LOCAL_NOT_FOUND;
}

souk_status sim_hub_voucher_record(const struct sim_hub *h, const struct souk_nonce *secret,
	struct souk_hub_voucher_record *ret)
{
	uint8_t key[SIM_WRITE_KEY_MAX];
	struct souk_hash id = souk_hub_voucher_id(secret);
	struct souk_bytes value;
	souk_status status = sim_writes_get(
		&h->writes, make_key(key, PREFIX_VOUCHER, id.bytes, SOUK_HASH_SIZE), &value);
	if (status == SOUK_LOCAL_NOT_FOUND)
		return find_sold(h, secret, ret);
	if (status != SOUK_OK)
		return status;
	return souk_hub_voucher_record_decode(ret, value, NULL) == SOUK_OK ? SOUK_OK
									   : SOUK_CORRUPT_STORE;
}

void sim_hub_put_voucher(struct sim_hub *h, const struct souk_nonce *secret,
	const struct souk_hub_voucher_record *record)
{
	uint8_t key[SIM_WRITE_KEY_MAX], bytes[SOUK_HUB_VOUCHER_RECORD_SIZE_MAX];
	struct souk_hash id = souk_hub_voucher_id(secret);
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_hub_voucher_record_encode(&writer, record);
	SOUK_CHECK(!writer.full);
	sim_writes_put(&h->writes, make_key(key, PREFIX_VOUCHER, id.bytes, SOUK_HASH_SIZE),
		souk_bytes_of(bytes, writer.size));
}

/* ---------------------------------------------------------------- effects */

static void put_account(struct sim_hub *h, const struct souk_hub_account *account)
{
	uint8_t key[SIM_WRITE_KEY_MAX], bytes[SOUK_HUB_ACCOUNT_RECORD_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_hub_account_record_encode(&writer, &account->record);
	SOUK_CHECK(!writer.full);
	sim_writes_put(&h->writes,
		make_key(key, PREFIX_ACCOUNT, account->address.bytes, SOUK_ADDRESS_SIZE),
		souk_bytes_of(bytes, writer.size));
}

static void put_session(struct sim_hub *h, const struct souk_hub_session_record *record)
{
	uint8_t key[SIM_WRITE_KEY_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, h->bytes, SOUK_HUB_SESSION_RECORD_SIZE_MAX);
	souk_hub_session_record_encode(&writer, record);
	SOUK_CHECK(!writer.full);
	sim_writes_put(&h->writes,
		make_key(key, PREFIX_SESSION, record->strip.nonce.bytes, SOUK_NONCE_SIZE),
		souk_bytes_of(h->bytes, writer.size));
}

static void take_effects(struct sim_hub *h)
{
	struct souk_hub_effect effect;
	while (souk_hub_next_effect(&h->hub, &effect)) {
		if (effect.kind == SOUK_HUB_STORE_ACCOUNT)
			put_account(h, &h->hub.memory.accounts[effect.index]);
		else
			put_session(h, &h->hub.memory.sessions[effect.index].record);
	}
}

/* What was sold leaves with the commit that has come to its end. */
static void tell_sales(struct sim_hub *h)
{
	for (uint32_t i = 0; i < h->running.count; i++) {
		const struct sim_note note = {
			.kind = SIM_NOTE_ISSUED,
			.peer = UINT32_MAX,
			.session = h->running.items[i].session,
			.unit = h->running.items[i].unit,
		};
		sim_note(h->node, &note);
	}
	h->running.count = 0;
}

void sim_hub_pump(struct sim_hub *h)
{
	if (sim_writes_end(&h->writes))
		tell_sales(h);
	while (h->wants_commit && !h->writes.is_running) {
		struct sim_hub_sales sales = h->running;
		h->wants_commit = false;
		take_effects(h);
		sim_writes_commit(&h->writes);
		h->running = h->waiting;
		h->waiting = sales;
		if (h->writes.status != SOUK_OK)
			h->running.count = 0;
		else if (!h->writes.is_running)
			tell_sales(h);
	}
}

/* ---------------------------------------------------------------- after a crash */

static bool restore_account(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sim_hub *h = ctx;
	struct souk_hub_account_record record;
	struct souk_address address;
	souk_status status = SOUK_CORRUPT_STORE;
	if (id.size == SOUK_ADDRESS_SIZE &&
		souk_hub_account_record_decode(&record, value, NULL) == SOUK_OK) {
		memcpy(address.bytes, id.data, SOUK_ADDRESS_SIZE);
		status = souk_hub_restore_account(&h->hub, &address, &record);
	}
	if (status != SOUK_OK)
		sim_say(h->node, "cannot take back an account: %s", souk_status_name(status));
	return true;
}

static bool restore_session(void *ctx, struct souk_bytes id, struct souk_bytes value)
{
	struct sim_hub *h = ctx;
	(void)id;
	if (souk_hub_session_record_decode(h->record, value, NULL) != SOUK_OK) {
		sim_say(h->node, "cannot read a session");
		return true;
	}
	souk_hub_leaves_restore(&h->leaves, h->record);
	souk_status status = souk_hub_restore(&h->hub, h->record, sim_now(h->node));
	if (status == SOUK_LOCAL_STATE)
		return true;
	const struct sim_node *customer = sim_node_of(h->node->world, &h->record->strip.account);
	const struct sim_note note = {
		.kind = SIM_NOTE_RESTORED,
		.peer = customer != NULL ? customer->id : UINT32_MAX,
		.session = h->record->strip.nonce,
		.unit = h->record->unit,
	};
	sim_say(h->node, "takes back a session with %u units: %s", h->record->unit,
		souk_status_name(status));
	if (status == SOUK_OK)
		sim_note(h->node, &note);
	return true;
}

void sim_hub_restore(struct sim_hub *h)
{
	sim_writes_each(h->node, PREFIX_ACCOUNT, restore_account, h);
	sim_writes_each(h->node, PREFIX_SESSION, restore_session, h);
}
