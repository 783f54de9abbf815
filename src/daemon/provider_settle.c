/* SPDX-License-Identifier: Apache-2.0
 *
 * The settler: keeps a provider registered, follows the ledger's epochs, and has what was won
 * claimed (provider_claims.c, provider_receipt.c) and double promises reported (provider_watch.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider_internal.h"
#include "souk/io/log.h"

#define ROUND_MS 500u

struct settler {
	struct provider_node *node;
	struct souk_chain_client *chain;
	bool registered;
	uint64_t next_draw;	  /* the first epoch that is not drawn, when last asked */
	souk_status complained;	  /* about the ledger; said once until it changes */
	struct souk_tx_body body; /* large; here so that it needs no stack */
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
		pthread_rwlock_wrlock(&node->receipt_lock);
		pthread_mutex_lock(&node->lock);
		souk_provider_draw(&node->provider, epoch, &record.beacon, provider_now());
		pthread_mutex_unlock(&node->lock);
		pthread_rwlock_unlock(&node->receipt_lock);
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
	souk_provider_set_genesis(&node->provider, &ledger.genesis);
	souk_provider_set_epoch(
		&node->provider, ledger.record.epoch, ledger.epoch.end, provider_now());
	pthread_mutex_unlock(&node->lock);
	settler->next_draw = ledger.record.next_draw;
	proxy_round(node->proxy, &ledger);
	/* First: a challenge waits no longer than its agreement says, whatever else may fail. */
	*ret_about = "agreements";
	status = provider_agreements_poll(node, settler->chain);
	if (status != SOUK_OK)
		return status;
	*ret_about = "registration";
	if (!settler->registered) {
		status = register_provider(settler, &ledger);
		if (status != SOUK_OK)
			return status;
		settler->registered = true;
	}
	*ret_about = "draws";
	return follow_draws(settler);
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
	char key[512];
	snprintf(key, sizeof key, "%s/identity.key", node->config.home);
	souk_chain_set_lock(settler->chain, key);
	do {
		const char *about;
		souk_status status = settle_round(settler, &about);
		complain(settler, about, status);
		pthread_mutex_lock(&node->lock);
		souk_provider_tick(&node->provider, provider_now());
		pthread_mutex_unlock(&node->lock);
		status = provider_commit(node);
		provider_claims_send(node, settler->chain);
		provider_receipts_claim(node, settler->chain, settler->next_draw);
		provider_watch(node, settler->chain);
		provider_refresh_money(node);
		if (status == SOUK_OK)
			status = provider_commit(node);
	} while (!stopper_pause(&node->stopper, ROUND_MS));
	souk_chain_client_free(settler->chain);
	free(settler);
	return NULL;
}
