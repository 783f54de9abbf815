/* SPDX-License-Identifier: Apache-2.0
 *
 * The settler: keeps a provider registered, follows the ledger's epochs, claims what was won. */
#include <stdlib.h>
#include <string.h>

#include "provider_internal.h"
#include "souk/io/log.h"
#include "souk/payment/lottery.h"

#define ROUND_MS 500u

struct settler {
	struct provider_node *node;
	struct souk_chain_client *chain;
	bool registered;
	souk_status complained; /* about the ledger; said once until it changes */
	/* Large; here so that they need no stack. */
	struct souk_session_record record;
	struct souk_tx_body body;
	struct souk_chain keys;
};

static void complain(struct settler *settler, const char *about, souk_status status)
{
	if (settler->complained != status)
		SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_WARN,
			status == SOUK_OK ? "ledger_reached" : "ledger_failed",
			souk_log_text("about", about), souk_log_status(status),
			souk_log_text("detail", souk_chain_detail(settler->chain)));
	settler->complained = status;
}

/* Enough money for the deposit: from the faucet, where there is one and the config allows it. */
static souk_status find_deposit(struct settler *settler, const struct souk_ledger_status *ledger,
	struct souk_amount deposit)
{
	struct provider_node *node = settler->node;
	struct souk_account_record account;
	souk_status status = souk_chain_account(settler->chain, &node->identity->address, &account);
	if (status != SOUK_OK)
		return status;
	if (account.balance.ncoin >= deposit.ncoin)
		return SOUK_OK;
	if (!node->config.faucet || ledger->genesis.faucet_max.ncoin < deposit.ncoin)
		return SOUK_PEER_NO_FUNDS;
	settler->body =
		(struct souk_tx_body){.kind = SOUK_TX_BODY_FAUCET, .faucet = {.amount = deposit}};
	return souk_chain_submit(settler->chain, &settler->body, node->identity, NULL);
}

static bool is_registered_as_it_is(
	const struct provider_node *node, const struct souk_provider_record *record)
{
	return !record->unbonding && strcmp(record->control_url.text, node->control_url) == 0 &&
	       souk_hash_equal(&record->tls_pin, &node->tls.pin);
}

/* Have the ledger know where we are and which TLS key is ours. */
static souk_status register_provider(
	struct settler *settler, const struct souk_ledger_status *ledger)
{
	struct provider_node *node = settler->node;
	struct souk_provider_record record;
	struct souk_amount deposit = node->config.deposit;
	souk_status status = souk_chain_provider(settler->chain, &node->identity->address, &record);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND && status != SOUK_PEER_NO_PROVIDER)
		return status;
	bool is_known = status == SOUK_OK;
	if (is_known && is_registered_as_it_is(node, &record))
		return SOUK_OK;
	if (souk_amount_is_less(deposit, ledger->genesis.deposit_min))
		deposit = ledger->genesis.deposit_min;
	if (is_known)
		deposit.ncoin = record.deposit.ncoin >= deposit.ncoin
					? 0
					: deposit.ncoin - record.deposit.ncoin;
	status = find_deposit(settler, ledger, deposit);
	if (status != SOUK_OK)
		return status;
	settler->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_PROVIDER_REGISTER,
		.provider_register = {.deposit = deposit, .tls_pin = node->tls.pin}};
	status = souk_text_set(&settler->body.provider_register.control_url, node->control_url);
	if (status == SOUK_OK)
		status = souk_chain_submit(settler->chain, &settler->body, node->identity, NULL);
	if (status == SOUK_OK)
		SOUK_LOG(SOUK_LOG_INFO, "provider_registered", souk_log_amount("deposit", deposit));
	return status;
}

/* Epochs that are over and drawn: their sessions are claimed or settled. */
static souk_status follow_draws(struct settler *settler)
{
	struct provider_node *node = settler->node;
	for (;;) {
		struct souk_epoch_record record;
		uint64_t epoch;
		pthread_mutex_lock(&node->lock);
		bool waits = souk_provider_undrawn(&node->provider, &epoch);
		pthread_mutex_unlock(&node->lock);
		if (!waits)
			return SOUK_OK;
		souk_status status = souk_chain_epoch(settler->chain, epoch, &record);
		if (status != SOUK_OK || !record.drawn)
			return status;
		pthread_mutex_lock(&node->lock);
		souk_provider_draw(&node->provider, epoch, &record.beacon, provider_now());
		pthread_mutex_unlock(&node->lock);
	}
}

/* What the claim of settler->record is worth: for one whose first answer was lost in a crash. */
static souk_status claim_worth(struct settler *settler, struct souk_amount *ret)
{
	const struct souk_session_record *r = &settler->record;
	struct souk_epoch_record epoch;
	struct souk_amount lo, hi, length;
	uint64_t first;
	souk_status status = souk_chain_epoch(settler->chain, r->ask.epoch, &epoch);
	if (status == SOUK_OK)
		status = souk_amount_add(&lo, r->base, r->strip_open.strip.start);
	if (status == SOUK_OK)
		status = souk_amount_mul(&length, r->strip_open.strip.price, r->unit);
	if (status == SOUK_OK)
		status = souk_amount_add(&hi, lo, length);
	if (status != SOUK_OK)
		return status;
	struct souk_amount offset =
		souk_lottery_offset(&epoch.beacon, &r->ask.escrow, r->ask.epoch, r->prize);
	return souk_amount_mul(
		ret, r->prize, souk_lottery_points(&first, offset, r->prize, lo, hi));
}

static souk_status send_claim(struct settler *settler, const struct souk_nonce *session)
{
	struct provider_node *node = settler->node;
	struct souk_chain_result result;
	struct souk_amount paid = SOUK_AMOUNT_ZERO;
	settler->body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CLAIM};
	souk_status status = provider_newest_record(node, session, &settler->record);
	if (status == SOUK_OK)
		status = souk_provider_claim(
			&settler->body.claim.claim, &settler->record, &settler->keys);
	if (status == SOUK_OK) {
		status = souk_chain_submit(settler->chain, &settler->body, node->identity, &result);
		/* A ledger that is broken judges nothing: what it says of itself is not said of
		 * our record. */
		if (souk_status_class(status) == SOUK_CLASS_CORRUPT)
			status = SOUK_IO_STORE;
	}
	if (status == SOUK_OK)
		paid = result.receipt.amount;
	/* Every point of our interval can be paid to us only: it was, before a crash. */
	if (status == SOUK_PEER_CLAIM_PAID)
		status = claim_worth(settler, &paid);
	SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_WARN, "claim",
		souk_log_hex("session", session->bytes, SOUK_NONCE_SIZE),
		souk_log_amount("paid", paid), souk_log_status(status));
	pthread_mutex_lock(&node->lock);
	souk_provider_claim_result(&node->provider, session, status, paid, provider_now());
	pthread_mutex_unlock(&node->lock);
	souk_bytes_wipe(&settler->record, sizeof settler->record);
	souk_bytes_wipe(&settler->keys, sizeof settler->keys);
	return status;
}

static bool is_stopping(struct provider_node *node)
{
	pthread_mutex_lock(&node->stop_lock);
	bool stopping = node->stopping;
	pthread_mutex_unlock(&node->stop_lock);
	return stopping;
}

/* Take the claims that provider_commit found, one at a time. Where the ledger cannot be reached the
 * rest waits for the next round: each try may take long, and epochs must be followed meanwhile. */
static void send_claims(struct settler *settler)
{
	struct provider_node *node = settler->node;
	while (!is_stopping(node)) {
		struct souk_nonce session;
		pthread_mutex_lock(&node->commit_lock);
		bool any = node->claim_count > 0;
		if (any)
			session = node->claims[--node->claim_count];
		pthread_mutex_unlock(&node->commit_lock);
		if (!any || souk_status_class(send_claim(settler, &session)) == SOUK_CLASS_IO)
			return;
	}
}

static souk_status settle_round(struct settler *settler, const char **ret_about)
{
	struct provider_node *node = settler->node;
	struct souk_ledger_status ledger;
	*ret_about = "status";
	souk_status status = souk_chain_status(settler->chain, &ledger);
	if (status != SOUK_OK)
		return status;
	pthread_mutex_lock(&node->lock);
	souk_provider_set_epoch(
		&node->provider, ledger.record.epoch, ledger.epoch.end, provider_now());
	pthread_mutex_unlock(&node->lock);
	*ret_about = "registration";
	if (!settler->registered) {
		status = register_provider(settler, &ledger);
		if (status != SOUK_OK)
			return status;
		settler->registered = true;
	}
	*ret_about = "draws";
	status = follow_draws(settler);
	if (status != SOUK_OK)
		return status;
	*ret_about = "agreements";
	return provider_agreements_poll(node, settler->chain);
}

void *provider_settler_run(void *ctx)
{
	struct provider_node *node = ctx;
	struct settler *settler = calloc(1, sizeof *settler);
	if (settler != NULL)
		settler->chain = souk_chain_client_new(node->config.ledger_url);
	if (settler == NULL || settler->chain == NULL) {
		SOUK_LOG(SOUK_LOG_ERROR, "settler_failed", souk_log_status(SOUK_IO_MEMORY));
		free(settler);
		return NULL;
	}
	settler->node = node;
	do {
		const char *about;
		souk_status status = settle_round(settler, &about);
		complain(settler, about, status);
		pthread_mutex_lock(&node->lock);
		souk_provider_tick(&node->provider, provider_now());
		pthread_mutex_unlock(&node->lock);
		status = provider_commit(node);
		send_claims(settler);
		if (status == SOUK_OK)
			status = provider_commit(node);
	} while (!provider_pause(node, ROUND_MS));
	souk_chain_client_free(settler->chain);
	free(settler);
	return NULL;
}
