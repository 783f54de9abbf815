/* SPDX-License-Identifier: Apache-2.0 */
#include "key_grant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "key_grant_client.h"
#include "key_grant_notes.h"
#include "market.h"
#include "souk/base/check.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/keys/service.h"
#include "together.h"

#define TIMEOUT_MS     15000u
#define OFFER_MS       5000u
#define RESPOND_MS     (10ull * 60 * 1000)
#define BOND_PART      20u
#define CANDIDATES_MAX 1024u

/* A provider that was asked whether it is a proxy. */
struct candidate {
	struct souk_address address;
	struct souk_provider_record record;
	struct souk_key_offer offer;
	souk_status status;
	bool is_second; /* another one of its host comes before */
};

/* A delivery under way. */
struct delivery {
	const struct candidate *candidate;
	struct key_grant_proxy *proxy;
	uint64_t timeout_ms;
	struct souk_key_delivery message;
};

struct granting {
	const struct key_grant_home *home;
	const struct key_grant_wish *wish;
	struct key_grant_report *report;
	struct souk_chain_client *chain;
	struct souk_hash ledger;
	struct souk_time now;
	struct candidate *candidates;
	size_t count, next; /* usable ones first; the next to be asked */
	struct souk_vault_policy policy;
	struct souk_pubkey verifying;
	uint32_t used; /* key fragments */
	uint32_t good;
};

__attribute__((format(printf, 2, 3))) static void note(
	const struct key_grant_home *home, const char *format, ...)
{
	char line[400];
	va_list arguments;
	if (home->note == NULL)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	home->note(home->note_ctx, line);
}

/* ------------------------------------------------------------------ who would */

static void ask_offer(void *job)
{
	struct candidate *candidate = job;
	struct provider_client client;
	candidate->status = provider_client_init(&client, &candidate->record, OFFER_MS);
	if (candidate->status == SOUK_OK)
		candidate->status = key_offer(&client, &candidate->offer);
	provider_client_done(&client);
}

static bool is_chosen(const struct key_grant_wish *wish, const struct souk_address *address)
{
	for (size_t i = 0; i < wish->chosen_count; i++) {
		if (souk_address_equal(&wish->chosen[i], address))
			return true;
	}
	return wish->chosen_count == 0;
}

static uint64_t respond_of(const struct key_grant_wish *wish, const struct souk_key_offer *offer)
{
	uint64_t respond_ms = wish->respond_ms != 0 ? wish->respond_ms : RESPOND_MS;
	return respond_ms < offer->respond_min_ms && wish->respond_ms == 0 ? offer->respond_min_ms
									   : respond_ms;
}

static struct souk_amount deposit_of(
	const struct key_grant_wish *wish, const struct souk_key_offer *offer)
{
	struct souk_amount coin = {SOUK_NCOIN_PER_COIN};
	if (wish->deposit.ncoin != 0)
		return wish->deposit;
	return souk_amount_is_less(offer->deposit_max, coin) ? offer->deposit_max : coin;
}

/* Whether what the candidate offers is what is wished for. */
static bool would(const struct granting *g, const struct candidate *candidate)
{
	const struct souk_key_offer *offer = &candidate->offer;
	const struct key_grant_wish *wish = g->wish;
	struct souk_amount deposit = deposit_of(wish, offer);
	return candidate->status == SOUK_OK &&
	       souk_address_equal(&offer->provider, &candidate->address) && offer->left > 0 &&
	       offer->price.ncoin > 0 && deposit.ncoin >= BOND_PART &&
	       !souk_amount_is_less(offer->deposit_max, deposit) &&
	       (wish->price_max.ncoin == 0 ||
		       !souk_amount_is_less(wish->price_max, offer->price)) &&
	       souk_time_since_ms(g->now, wish->expires) <= offer->life_max_ms &&
	       respond_of(wish, offer) >= offer->respond_min_ms;
}

static int by_price(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	if (x->is_second != y->is_second)
		return x->is_second ? 1 : -1;
	if (x->offer.price.ncoin != y->offer.price.ncoin)
		return x->offer.price.ncoin < y->offer.price.ncoin ? -1 : 1;
	return memcmp(x->address.bytes, y->address.bytes, SOUK_ADDRESS_SIZE);
}

/* The length of "https://HOST" in a control URL: whose machine it is, as far as that tells. */
static size_t host_length(const char *url)
{
	const char *host = strstr(url, "://");
	host = host == NULL ? url : host + 3;
	return (size_t)(host - url) + strcspn(host, ":/");
}

/* Two proxies of one machine may be one operator's: they come after those of other machines. */
static void mark_hosts(struct granting *g)
{
	qsort(g->candidates, g->count, sizeof *g->candidates, by_price);
	for (size_t i = 0; i < g->count; i++) {
		const char *url = g->candidates[i].record.control_url.text;
		size_t length = host_length(url);
		for (size_t j = 0; j < i && !g->candidates[i].is_second; j++) {
			const char *other = g->candidates[j].record.control_url.text;
			g->candidates[i].is_second =
				host_length(other) == length && memcmp(url, other, length) == 0;
		}
	}
	qsort(g->candidates, g->count, sizeof *g->candidates, by_price);
}

static souk_status find_candidates(struct granting *g)
{
	struct market_entry *entries;
	size_t count;
	SOUK_TRY(market_list(g->chain, &entries, &count));
	g->candidates = calloc(count + 1, sizeof *g->candidates);
	for (size_t i = 0; g->candidates != NULL && i < count && g->count < CANDIDATES_MAX; i++) {
		if (is_chosen(g->wish, &entries[i].address))
			g->candidates[g->count++] = (struct candidate){
				.address = entries[i].address, .record = entries[i].record};
	}
	free(entries);
	if (g->candidates == NULL)
		return SOUK_IO_MEMORY;
	SOUK_TRY(together_run(ask_offer, g->candidates, sizeof *g->candidates, g->count));
	g->report->asked = (uint32_t)g->count;
	size_t usable = 0;
	for (size_t i = 0; i < g->count; i++) {
		if (would(g, &g->candidates[i]))
			g->candidates[usable++] = g->candidates[i];
	}
	g->count = usable;
	g->report->usable = (uint32_t)usable;
	mark_hosts(g);
	return usable < g->wish->proxies ? SOUK_LOCAL_NO_PROXY : SOUK_OK;
}

/* ------------------------------------------------------------------ the policy */

static souk_status make_policy(struct granting *g)
{
	struct souk_vault vault;
	const struct key_grant_wish *wish = g->wish;
	SOUK_TRY(vault_home_begin(g->home->vault, NULL, &vault));
	souk_point_format(g->verifying.bytes, &vault.keys->signer.point);
	souk_status status = souk_vault_policy_create(&vault, wish->label, &wish->receiving,
		wish->threshold, wish->proxies, wish->expires, &g->policy);
	SOUK_TRY(vault_home_end(g->home->vault, status));
	g->report->policy = g->policy.id;
	return key_grant_note(g->home->home, &g->policy.id);
}

static souk_status terms_of(const struct granting *g, const struct candidate *candidate,
	const struct souk_umbral_kfrag *kfrag, struct souk_agreement *agreement)
{
	struct souk_point delegating, receiving, verifying;
	struct souk_key_terms terms;
	SOUK_TRY(souk_point_parse(&delegating, g->policy.delegating.bytes));
	SOUK_TRY(souk_point_parse(&receiving, g->policy.receiving.bytes));
	SOUK_TRY(souk_point_parse(&verifying, g->verifying.bytes));
	souk_keys_terms_of(&terms, kfrag, &delegating, &receiving, &verifying, g->wish->threshold,
		candidate->offer.price);
	souk_keys_agreement_set(agreement, &terms);
	return SOUK_OK;
}

static souk_status make_delivery(struct granting *g, struct delivery *delivery,
	const struct candidate *candidate, const struct souk_umbral_kfrag *kfrag)
{
	struct key_grant_proxy *proxy = &g->report->proxies[g->report->count++];
	struct souk_agreement *agreement = &delivery->message.agreement.agreement;
	const struct key_grant_wish *wish = g->wish;
	*proxy = (struct key_grant_proxy){.address = candidate->address,
		.price = candidate->offer.price,
		.deposit = deposit_of(wish, &candidate->offer),
		.status = SOUK_IO_TIMEOUT};
	*agreement = (struct souk_agreement){.version = SOUK_AGREEMENT_VERSION,
		.ledger = g->ledger,
		.service = SOUK_SERVICE_KEYS,
		.provider = candidate->address,
		.customer = g->home->identity->address,
		.deposit = proxy->deposit,
		.bond = wish->bond,
		.victim_permille = wish->victim_permille,
		.reporter_permille = wish->reporter_permille,
		.respond_ms = respond_of(wish, &candidate->offer),
		.ends = wish->expires};
	if (agreement->bond.ncoin == 0)
		agreement->bond.ncoin = proxy->deposit.ncoin / BOND_PART;
	SOUK_TRY(souk_entropy_fill(
		souk_entropy_real(), agreement->nonce.bytes, sizeof agreement->nonce.bytes));
	SOUK_TRY(terms_of(g, candidate, kfrag, agreement));
	proxy->agreement = souk_agreement_digest(agreement);
	souk_ecdsa_sign(
		&delivery->message.agreement.signature, &proxy->agreement, g->home->identity);
	souk_umbral_kfrag_format(delivery->message.kfrag.data, kfrag);
	delivery->message.kfrag.size = SOUK_UMBRAL_KFRAG_SIZE;
	delivery->candidate = candidate;
	delivery->proxy = proxy;
	delivery->timeout_ms = g->home->timeout_ms != 0 ? g->home->timeout_ms : TIMEOUT_MS;
	return SOUK_OK;
}

/* The key fragments of COUNT more proxies, and their agreements into the vault: one transaction. */
static souk_status prepare(struct granting *g, struct delivery *deliveries, size_t count)
{
	struct souk_umbral_kfrag *kfrags = calloc(KEY_GRANT_PROXIES_MAX, sizeof *kfrags);
	struct souk_vault vault;
	if (kfrags == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = vault_home_begin(g->home->vault, NULL, &vault);
	if (status == SOUK_OK) {
		uint32_t all = g->used + (uint32_t)count;
		status = souk_vault_policy_delegate(&vault, &g->policy.id, all, kfrags);
		for (size_t i = 0; status == SOUK_OK && i < count; i++)
			status = make_delivery(g, &deliveries[i], &g->candidates[g->next + i],
				&kfrags[g->used + i]);
		for (size_t i = 0; status == SOUK_OK && i < count; i++)
			status = souk_vault_policy_add(&vault, &g->policy.id,
				&deliveries[i].proxy->address, &deliveries[i].proxy->agreement);
		status = vault_home_end(g->home->vault, status);
		g->used = all;
		g->next += count;
	}
	souk_bytes_wipe(kfrags, KEY_GRANT_PROXIES_MAX * sizeof *kfrags);
	free(kfrags);
	return status;
}

static void deliver(void *job)
{
	struct delivery *delivery = job;
	struct key_grant_proxy *proxy = delivery->proxy;
	struct provider_client client;
	proxy->status =
		provider_client_init(&client, &delivery->candidate->record, delivery->timeout_ms);
	if (proxy->status == SOUK_OK)
		proxy->status = key_deliver(&client, &delivery->message);
	/* An answer that was lost: the same delivery has the same answer. */
	if (souk_status_class(proxy->status) == SOUK_CLASS_IO)
		proxy->status = key_deliver(&client, &delivery->message);
	if (proxy->status != SOUK_OK)
		snprintf(proxy->detail, sizeof proxy->detail, "%s", client.control.detail);
	provider_client_done(&client);
}

/* Who answered 200 must be on the ledger with just this: it is its word that convicts it later. */
static souk_status is_entered(struct granting *g, const struct key_grant_proxy *proxy)
{
	struct souk_agreement_record record;
	SOUK_TRY(souk_chain_agreement(g->chain, &proxy->agreement, &record));
	struct souk_hash id = souk_agreement_digest(&record.agreement);
	return souk_hash_equal(&id, &proxy->agreement) ? SOUK_OK : SOUK_PEER_NO_AGREEMENT;
}

static void take_answers(struct granting *g, struct delivery *deliveries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct key_grant_proxy *proxy = deliveries[i].proxy;
		char address[2 * SOUK_ADDRESS_SIZE + 1];
		souk_hex_encode(address, proxy->address.bytes, SOUK_ADDRESS_SIZE);
		if (proxy->status == SOUK_OK)
			proxy->status = is_entered(g, proxy);
		g->good += proxy->status == SOUK_OK;
		if (proxy->status != SOUK_OK)
			note(g->home, "proxy 0x%s: %s%s%s", address,
				souk_status_text(proxy->status),
				proxy->detail[0] != '\0' ? ": " : "", proxy->detail);
		else
			note(g->home, "proxy 0x%s: granted, %u of %u", address, g->good,
				g->wish->proxies);
	}
}

/* As many proxies as are missing, from those who were not asked yet. */
static souk_status grant_more(struct granting *g)
{
	size_t count = g->wish->proxies - g->good;
	if (g->count - g->next < count || g->used + count > SOUK_UMBRAL_SHARES_MAX)
		return SOUK_LOCAL_NO_PROXY;
	struct delivery *deliveries = calloc(count, sizeof *deliveries);
	if (deliveries == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = prepare(g, deliveries, count);
	if (status == SOUK_OK)
		status = together_run(deliver, deliveries, sizeof *deliveries, count);
	if (status == SOUK_OK)
		take_answers(g, deliveries, count);
	souk_bytes_wipe(deliveries, count * sizeof *deliveries);
	free(deliveries);
	return status;
}

/* Who failed may have entered all the same: then it is revoked, and what it has is worth nothing.
 * Where that cannot be told now, the vault remembers it for the revocation of the policy. */
static void revoke_failed(struct granting *g)
{
	for (size_t i = 0; i < g->report->count; i++) {
		struct key_grant_proxy *proxy = &g->report->proxies[i];
		struct souk_tx_body body = {.kind = SOUK_TX_BODY_AGREEMENT_REVOKE,
			.agreement_revoke = {.agreement = proxy->agreement}};
		struct souk_vault vault;
		if (proxy->status == SOUK_OK || is_entered(g, proxy) != SOUK_OK ||
			souk_chain_submit(g->chain, &body, g->home->identity, NULL) != SOUK_OK ||
			vault_home_begin(g->home->vault, NULL, &vault) != SOUK_OK)
			continue;
		souk_status status =
			souk_vault_policy_revoke(&vault, &g->policy.id, &proxy->agreement);
		status = vault_home_end(g->home->vault, status);
		(void)status; /* revoked on the ledger; asked again with the whole policy */
	}
}

static souk_status fill_policy(const struct granting *g, struct souk_key_policy *ret)
{
	struct souk_vault vault;
	struct souk_vault_policy policy;
	/* The ephemeral point is known once something was delegated. */
	SOUK_TRY(vault_home_begin_read(g->home->vault, &vault));
	souk_status status = souk_vault_policy_show(&vault, &g->policy.id, &policy);
	vault_home_end_read(g->home->vault);
	SOUK_TRY(status);
	*ret = (struct souk_key_policy){.version = SOUK_KEY_POLICY_VERSION,
		.ledger = g->ledger,
		.delegating = policy.delegating,
		.receiving = policy.receiving,
		.verifying = g->verifying,
		.x = policy.x,
		.threshold = policy.threshold,
		.expires = policy.expires};
	for (size_t i = 0; i < g->report->count; i++) {
		const struct key_grant_proxy *proxy = &g->report->proxies[i];
		if (proxy->status == SOUK_OK)
			ret->shares.items[ret->shares.count++] =
				(struct souk_key_share){proxy->address, proxy->agreement};
	}
	return SOUK_OK;
}

static souk_status grant_all(struct granting *g, struct souk_key_policy *ret)
{
	souk_status status = SOUK_OK;
	while (status == SOUK_OK && g->good < g->wish->proxies)
		status = grant_more(g);
	revoke_failed(g);
	if (status == SOUK_OK)
		status = fill_policy(g, ret);
	if (status != SOUK_OK) {
		struct key_revoke_report *report = calloc(1, sizeof *report);
		note(g->home, "what was granted is revoked again");
		souk_status revoked = report == NULL
					      ? SOUK_IO_MEMORY
					      : key_revoke_run(g->home, &g->policy.id, report);
		(void)revoked; /* where it was not, the next sweep does it */
		free(report);
	}
	return status;
}

souk_status key_grant_run(const struct key_grant_home *home, const struct key_grant_wish *wish,
	struct souk_key_policy *ret, struct key_grant_report *report)
{
	struct granting g = {.home = home, .wish = wish, .report = report};
	struct souk_ledger_status ledger;
	char path[512];
	*report = (struct key_grant_report){0};
	if (wish->threshold < 1 || wish->threshold > wish->proxies ||
		wish->proxies > SOUK_UMBRAL_SHARES_MAX)
		return SOUK_LOCAL_STATE;
	g.chain = souk_chain_client_new(home->ledger_url);
	if (g.chain == NULL)
		return SOUK_IO_MEMORY;
	snprintf(path, sizeof path, "%s/identity.key", home->home);
	souk_chain_set_lock(g.chain, path);
	souk_status status = souk_chain_status(g.chain, &ledger);
	g.ledger = ledger.record.ledger;
	g.now = souk_clock_now(souk_clock_real());
	if (status == SOUK_OK)
		status = find_candidates(&g);
	if (status == SOUK_OK)
		status = make_policy(&g);
	if (status == SOUK_OK)
		status = grant_all(&g, ret);
	souk_chain_client_free(g.chain);
	free(g.candidates);
	return status;
}
