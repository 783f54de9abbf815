/* SPDX-License-Identifier: Apache-2.0
 *
 * The hub's accounts: vouchers, credit, statements; and what is to be stored. Sessions are in
 * hub_session.c. */
#include "souk/exchange/hub.h"

#include <string.h>

#include "hub_internal.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

const uint8_t souk_chain_tag_hub[3] = {'S', 'K', 'H'};

/* ------------------------------------------------------------------ what both sides know */

souk_status souk_hub_price(struct souk_amount *ret, struct souk_amount price, uint16_t fee_permille)
{
	struct souk_amount fee;
	SOUK_TRY(souk_amount_mul(&fee, price, fee_permille));
	fee.ncoin = fee.ncoin / 1000 + (fee.ncoin % 1000 != 0);
	return souk_amount_add(ret, price, fee);
}

struct souk_hash souk_hub_voucher_id(const struct souk_nonce *voucher)
{
	return souk_sha256_domain("voucher", souk_bytes_of(voucher->bytes, sizeof voucher->bytes));
}

void souk_hub_redeem_sign(
	struct souk_signed_hub_redeem *signed_redeem, const struct souk_identity *account)
{
	struct souk_hash digest = souk_hub_redeem_digest(&signed_redeem->redeem);
	souk_ecdsa_sign(&signed_redeem->signature, &digest, account);
}

void souk_hub_question_sign(
	struct souk_signed_hub_question *signed_question, const struct souk_identity *account)
{
	struct souk_hash digest = souk_hub_question_digest(&signed_question->question);
	souk_ecdsa_sign(&signed_question->signature, &digest, account);
}

void souk_hub_close_sign(
	struct souk_signed_hub_close *signed_close, const struct souk_identity *account)
{
	struct souk_hash digest = souk_hub_close_digest(&signed_close->close);
	souk_ecdsa_sign(&signed_close->signature, &digest, account);
}

souk_status souk_hub_statement_verify(const struct souk_signed_hub_statement *signed_statement,
	const struct souk_address *hub, const struct souk_address *account)
{
	const struct souk_hub_statement *statement = &signed_statement->statement;
	if (statement->version != SOUK_HUB_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_equal(&statement->hub, hub) ||
		!souk_address_equal(&statement->account, account))
		return SOUK_PEER_BAD_REQUEST;
	struct souk_hash digest = souk_hub_statement_digest(statement);
	return souk_ecdsa_verify(hub, &digest, &signed_statement->signature);
}

/* ------------------------------------------------------------------ tables */

static const void *account_key_of(const void *ctx, uint32_t index)
{
	return &((const struct souk_hub_account *)ctx)[index].address;
}

static const void *session_key_of(const void *ctx, uint32_t index)
{
	return &((const struct souk_hub_session *)ctx)[index].record.strip.nonce;
}

static uint64_t draw_u64(struct souk_secret_rng *rng)
{
	uint64_t value;
	souk_secret_rng_fill(rng, &value, sizeof value);
	return value;
}

void souk_hub_init(struct souk_hub *hub, const struct souk_hub_config *config,
	const struct souk_hub_memory *memory)
{
	SOUK_CHECK(config->step >= 1 && config->step <= SOUK_HUB_STEP_MAX);
	SOUK_CHECK(config->units_max >= 1 && config->units_max <= SOUK_CHAIN_LENGTH_MAX);
	SOUK_CHECK(memory->account_max >= 1 && memory->session_max >= 1);
	memset(hub, 0, sizeof *hub);
	hub->config = *config;
	hub->memory = *memory;
	memset(memory->accounts, 0, memory->account_max * sizeof *memory->accounts);
	for (uint32_t i = 0; i < memory->session_max; i++) {
		memory->sessions[i].state = SOUK_HUB_FREE;
		memory->sessions[i].store_due = false;
	}
	souk_secret_rng_init(&hub->rng, config->seed);
	souk_map_init(&hub->account_map, memory->account_slots, memory->account_max,
		SOUK_ADDRESS_SIZE, draw_u64(&hub->rng), account_key_of, memory->accounts);
	souk_map_init(&hub->session_map, memory->session_slots, memory->session_max,
		SOUK_NONCE_SIZE, draw_u64(&hub->rng), session_key_of, memory->sessions);
}

struct souk_hub_account *hub_account_of(
	const struct souk_hub *hub, const struct souk_address *address)
{
	uint32_t index = souk_map_find(&hub->account_map, address);
	return index == SOUK_MAP_NONE ? NULL : &hub->memory.accounts[index];
}

struct souk_hub_session *hub_session_of(
	const struct souk_hub *hub, const struct souk_nonce *session)
{
	uint32_t index = souk_map_find(&hub->session_map, session);
	return index == SOUK_MAP_NONE ? NULL : &hub->memory.sessions[index];
}

/* ADDRESS must not be there yet. */
static struct souk_hub_account *add_account(
	struct souk_hub *hub, const struct souk_address *address)
{
	if (hub->account_count == hub->memory.account_max)
		return NULL;
	struct souk_hub_account *account = &hub->memory.accounts[hub->account_count];
	*account = (struct souk_hub_account){.address = *address};
	SOUK_CHECK(souk_map_insert(&hub->account_map, hub->account_count) == SOUK_OK);
	hub->account_count++;
	return account;
}

struct souk_amount hub_free_credit(const struct souk_hub_account *account)
{
	struct souk_amount left;
	SOUK_CHECK(
		souk_amount_sub(&left, account->record.credit, account->record.spent) == SOUK_OK);
	SOUK_CHECK(souk_amount_sub(&left, left, account->held) == SOUK_OK);
	return left;
}

souk_status souk_hub_restore_account(struct souk_hub *hub, const struct souk_address *address,
	const struct souk_hub_account_record *record)
{
	if (souk_amount_is_less(record->credit, record->spent))
		return SOUK_CORRUPT_STORE;
	if (hub_account_of(hub, address) != NULL)
		return SOUK_LOCAL_EXISTS;
	struct souk_hub_account *account = add_account(hub, address);
	if (account == NULL)
		return SOUK_LOCAL_FULL;
	account->record = *record;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ statements */

void hub_statement_of(const struct souk_hub *hub, const struct souk_hub_account *account,
	struct souk_time now, struct souk_signed_hub_statement *ret)
{
	ret->statement = (struct souk_hub_statement){
		.version = SOUK_HUB_VERSION,
		.hub = hub->config.identity->address,
		.account = account->address,
		.credit = account->record.credit,
		.spent = account->record.spent,
		.held = account->held,
		.time = now,
	};
	struct souk_hash digest = souk_hub_statement_digest(&ret->statement);
	souk_ecdsa_sign(&ret->signature, &digest, hub->config.identity);
}

souk_status souk_hub_question(struct souk_hub *hub,
	const struct souk_signed_hub_question *signed_question, struct souk_time now,
	struct souk_signed_hub_statement *ret)
{
	const struct souk_hub_question *question = &signed_question->question;
	if (question->version != SOUK_HUB_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_equal(&question->hub, &hub->config.identity->address) ||
		souk_time_since_ms(question->time, now) > SOUK_HUB_QUESTION_MS ||
		souk_time_since_ms(now, question->time) > SOUK_HUB_QUESTION_MS)
		return SOUK_PEER_BAD_REQUEST;
	const struct souk_hub_account *account = hub_account_of(hub, &question->account);
	if (account == NULL)
		return SOUK_PEER_NO_ACCOUNT;
	struct souk_hash digest = souk_hub_question_digest(question);
	SOUK_TRY(souk_ecdsa_verify(&question->account, &digest, &signed_question->signature));
	hub_statement_of(hub, account, now, ret);
	return SOUK_OK;
}

struct souk_hub_status souk_hub_status_of(const struct souk_hub *hub)
{
	return (struct souk_hub_status){
		.hub = hub->config.identity->address,
		.escrow = hub->config.escrow,
		.epoch = hub->epoch,
		.fee_permille = hub->config.fee_permille,
		.step = hub->config.step,
	};
}

/* ------------------------------------------------------------------ vouchers */

static souk_status check_redeem(
	const struct souk_hub *hub, const struct souk_signed_hub_redeem *signed_redeem)
{
	const struct souk_hub_redeem *redeem = &signed_redeem->redeem;
	if (redeem->version != SOUK_HUB_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (!souk_address_equal(&redeem->hub, &hub->config.identity->address))
		return SOUK_PEER_BAD_REQUEST;
	struct souk_hash digest = souk_hub_redeem_digest(redeem);
	return souk_ecdsa_verify(&redeem->account, &digest, &signed_redeem->signature);
}

/* Put a fresh voucher's amount into the credit of ACCOUNT, which may be new. */
static souk_status add_credit(
	struct souk_hub *hub, const struct souk_address *address, struct souk_amount amount)
{
	struct souk_hub_account *account = hub_account_of(hub, address);
	struct souk_amount before = account != NULL ? account->record.credit : SOUK_AMOUNT_ZERO;
	struct souk_amount credit;
	SOUK_TRY(souk_amount_add(&credit, before, amount));
	if (account == NULL)
		account = add_account(hub, address);
	if (account == NULL)
		return SOUK_LOCAL_FULL;
	account->record.credit = credit;
	hub_touch_account(hub, account);
	hub->totals.redeemed_count++;
	hub_add(&hub->totals.redeemed, amount);
	return SOUK_OK;
}

souk_status souk_hub_redeem(struct souk_hub *hub,
	const struct souk_signed_hub_redeem *signed_redeem, struct souk_hub_voucher_record *voucher,
	struct souk_time now, struct souk_signed_hub_statement *ret)
{
	const struct souk_address *address = &signed_redeem->redeem.account;
	SOUK_TRY(check_redeem(hub, signed_redeem));
	if (voucher == NULL)
		return SOUK_PEER_HUB_VOUCHER;
	if (!voucher->redeemed) {
		SOUK_TRY(add_credit(hub, address, voucher->amount));
		voucher->redeemed = true;
		voucher->account = *address;
	}
	const struct souk_hub_account *account = hub_account_of(hub, address);
	if (account == NULL || !souk_address_equal(&voucher->account, address))
		return SOUK_PEER_HUB_VOUCHER;
	hub_statement_of(hub, account, now, ret);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ effects */

void hub_touch_account(struct souk_hub *hub, struct souk_hub_account *account)
{
	if (account->store_due)
		return;
	account->store_due = true;
	account->due_next = hub->accounts_due;
	hub->accounts_due = (uint32_t)(account - hub->memory.accounts) + 1;
}

void hub_touch(struct souk_hub *hub, struct souk_hub_session *s)
{
	hub_touch_account(hub, &hub->memory.accounts[s->account]);
	if (s->store_due)
		return;
	s->store_due = true;
	s->due_next = hub->sessions_due;
	hub->sessions_due = (uint32_t)(s - hub->memory.sessions) + 1;
}

bool souk_hub_next_effect(struct souk_hub *hub, struct souk_hub_effect *ret)
{
	uint32_t index;
	if (hub->accounts_due != 0) {
		index = hub->accounts_due - 1;
		struct souk_hub_account *account = &hub->memory.accounts[index];
		hub->accounts_due = account->due_next;
		account->store_due = false;
		*ret = (struct souk_hub_effect){SOUK_HUB_STORE_ACCOUNT, index};
		return true;
	}
	if (hub->sessions_due == 0)
		return false;
	index = hub->sessions_due - 1;
	struct souk_hub_session *s = &hub->memory.sessions[index];
	hub->sessions_due = s->due_next;
	s->store_due = false;
	*ret = (struct souk_hub_effect){SOUK_HUB_STORE_SESSION, index};
	return true;
}

void souk_hub_repeat_effect(struct souk_hub *hub, const struct souk_hub_effect *effect)
{
	if (effect->kind == SOUK_HUB_STORE_ACCOUNT)
		hub_touch_account(hub, &hub->memory.accounts[effect->index]);
	else
		hub_touch(hub, &hub->memory.sessions[effect->index]);
}

void souk_hub_wipe(struct souk_hub *hub)
{
	souk_bytes_wipe(
		hub->memory.sessions, hub->memory.session_max * sizeof *hub->memory.sessions);
	souk_bytes_wipe(hub, sizeof *hub);
}
