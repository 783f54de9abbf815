/* SPDX-License-Identifier: Apache-2.0 */
#include "provider_agreements.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "provider_internal.h"
#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "souk/io/log.h"

#define TABLE_MAX 1024u
/* Where there is none, so often it is asked whether there is one after all. */
#define IDLE_POLL_MS 10000u
/* An answer this much later than due is not tried any more. */
#define ANSWER_LATE_MS 60000u
#define LOOKUP_WAIT_S  4

struct entry {
	struct souk_hash id;
	struct souk_agreement agreement;
	bool convicted;
};

/* What the settler's thread works with; large. */
struct work {
	struct souk_agreement_page page;
	struct souk_content_question question;
	struct souk_session_record record;
	struct souk_chain keys;
	struct souk_tx_body body;
};

struct provider_agreements {
	pthread_mutex_t lock;
	bool known; /* whether the ledger was asked */
	size_t count;
	struct entry entries[TABLE_MAX];
	/* The settler's alone. */
	uint64_t polled_ms;
	size_t found;
	struct entry next[TABLE_MAX];
	struct work work;
};

struct provider_agreements *provider_agreements_new(void)
{
	struct provider_agreements *agreements = calloc(1, sizeof *agreements);
	if (agreements != NULL)
		pthread_mutex_init(&agreements->lock, NULL);
	return agreements;
}

void provider_agreements_free(struct provider_agreements *agreements)
{
	free(agreements);
}

/* Under the lock. */
static struct entry *find(struct provider_agreements *agreements, const struct souk_hash *id)
{
	for (size_t i = 0; i < agreements->count; i++) {
		if (souk_hash_equal(&agreements->entries[i].id, id))
			return &agreements->entries[i];
	}
	return NULL;
}

souk_status provider_agreements_find(struct provider_agreements *agreements,
	const struct souk_hash *id, struct souk_time now, struct souk_agreement *ret)
{
	souk_status status = SOUK_PEER_NO_AGREEMENT;
	pthread_mutex_lock(&agreements->lock);
	const struct entry *entry = find(agreements, id);
	if (entry == NULL && !agreements->known) {
		status = SOUK_IO_TIMEOUT;
	} else if (entry != NULL) {
		bool runs = !entry->convicted && souk_time_is_before(now, entry->agreement.ends);
		status = runs ? SOUK_OK : SOUK_PEER_AGREEMENT_OVER;
		*ret = entry->agreement;
	}
	pthread_mutex_unlock(&agreements->lock);
	return status;
}

/* ------------------------------------------------------------------ entering into one */

static size_t count_running(struct provider_agreements *agreements, struct souk_time now)
{
	size_t count = 0;
	pthread_mutex_lock(&agreements->lock);
	for (size_t i = 0; i < agreements->count; i++) {
		const struct entry *entry = &agreements->entries[i];
		count += !entry->convicted && souk_time_is_before(now, entry->agreement.ends);
	}
	pthread_mutex_unlock(&agreements->lock);
	return count;
}

/* What of AGREEMENT the policy does not allow; NULL where it allows it. */
static const char *objection_to(struct provider_node *node, const struct souk_agreement *agreement)
{
	const struct provider_agreement_policy *policy = &node->config.agreements;
	struct souk_time now = provider_now();
	if (!policy->accepts)
		return "this provider enters into no agreements";
	if (agreement->service != SOUK_SERVICE_CONTENT)
		return "this provider has no such service";
	if (souk_amount_is_less(policy->deposit_max, agreement->deposit))
		return "the deposit is higher than this provider locks";
	if (policy->life_max_ms < souk_time_since_ms(now, agreement->ends))
		return "it ends later than this provider agrees to";
	if (agreement->respond_ms < policy->respond_min_ms)
		return "the time to respond is too short";
	if (agreement->respond_ms > policy->life_max_ms)
		return "the time to respond is too long: the deposit stays locked for it";
	if (count_running(node->agreements, now) >= policy->count_max)
		return "this provider has as many agreements as it wants";
	return NULL;
}

/* What a challenge has to cost at least. A customer that did not pay on has its tickets still, asks
 * for the last key of a window with one, and gets the others by hashing; once the epoch is drawn
 * the ticket pays for nothing. */
static bool is_bond_enough(const struct provider_node *node, struct souk_amount bond,
	const struct souk_content_record *content)
{
	struct souk_amount window,
		price = content->price.ncoin != 0 ? content->price : node->config.price;
	return souk_amount_mul(&window, price, node->config.window) == SOUK_OK &&
	       !souk_amount_is_less(bond, window);
}

static void add_entry(struct provider_agreements *agreements, const struct souk_hash *id,
	const struct souk_agreement *agreement)
{
	pthread_mutex_lock(&agreements->lock);
	if (find(agreements, id) == NULL && agreements->count < TABLE_MAX)
		agreements->entries[agreements->count++] =
			(struct entry){.id = *id, .agreement = *agreement};
	pthread_mutex_unlock(&agreements->lock);
}

static souk_status submit(struct provider_node *node, const struct souk_tx_body *body)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOOKUP_WAIT_S;
	if (pthread_mutex_timedlock(&node->lookup_lock, &until) != 0)
		return SOUK_IO_TIMEOUT;
	souk_status status = souk_chain_submit(node->lookup, body, node->identity, NULL);
	pthread_mutex_unlock(&node->lookup_lock);
	return status;
}

souk_status provider_agreements_enter(struct provider_node *node,
	const struct souk_signed_agreement *signed_agreement, const char **ret_detail)
{
	const struct souk_agreement *agreement = &signed_agreement->agreement;
	struct souk_hash id = souk_agreement_digest(agreement);
	struct souk_content_record record;
	*ret_detail = NULL;
	if (!souk_address_equal(&agreement->provider, &node->identity->address))
		return SOUK_PEER_BAD_REQUEST;
	/* Before it costs anything: only for who signed it. */
	SOUK_TRY(souk_ecdsa_verify(&agreement->customer, &id, &signed_agreement->signature));
	*ret_detail = objection_to(node, agreement);
	if (*ret_detail != NULL)
		return SOUK_PEER_AGREEMENT_TERMS;
	souk_status status = provider_store_content(&node->store, &agreement->terms, &record);
	if (status != SOUK_OK)
		return status == SOUK_LOCAL_NOT_FOUND ? SOUK_PEER_UNKNOWN_CONTENT : status;
	if (!is_bond_enough(node, agreement->bond, &record)) {
		*ret_detail = "the bond is less than a window of units costs";
		return SOUK_PEER_AGREEMENT_TERMS;
	}
	struct souk_tx_body *body = calloc(1, sizeof *body);
	if (body == NULL)
		return SOUK_IO_MEMORY;
	body->kind = SOUK_TX_BODY_AGREE;
	body->agree.agreement = *signed_agreement;
	status = submit(node, body);
	free(body);
	/* The answer to an earlier request may have been lost. */
	if (status == SOUK_PEER_AGREEMENT_EXISTS)
		status = SOUK_OK;
	if (status == SOUK_OK)
		add_entry(node->agreements, &id, agreement);
	SOUK_LOG(SOUK_LOG_INFO, status == SOUK_OK ? "agreement_entered" : "agreement_refused",
		souk_log_hex("agreement", id.bytes, SOUK_HASH_SIZE),
		souk_log_amount("deposit", agreement->deposit), souk_log_status(status));
	return status;
}

/* ------------------------------------------------------------------ following the ledger */

/* The key that a challenge asks for, from the record of its session. */
static souk_status answer(struct provider_node *node, struct souk_chain_client *chain,
	const struct souk_agreement_record *challenged, const struct souk_hash *id)
{
	struct work *work = &node->agreements->work;
	struct souk_content_answer given;
	struct souk_writer writer;
	SOUK_TRY(souk_content_question_decode(&work->question,
		souk_bytes_of(challenged->question.data, challenged->question.size), NULL));
	SOUK_TRY(provider_newest_record(node, &work->question.grant.session, &work->record));
	SOUK_TRY(souk_content_answer(&given, &work->question, &work->record, &work->keys));
	work->body =
		(struct souk_tx_body){.kind = SOUK_TX_BODY_ANSWER, .answer = {.agreement = *id}};
	souk_writer_init(
		&writer, work->body.answer.answer.data, sizeof work->body.answer.answer.data);
	souk_content_answer_encode(&writer, &given);
	SOUK_CHECK(!writer.full);
	work->body.answer.answer.size = (uint16_t)writer.size;
	return souk_chain_submit(chain, &work->body, node->identity, NULL);
}

static void answer_challenge(struct provider_node *node, struct souk_chain_client *chain,
	const struct souk_agreement_record *record, const struct souk_hash *id)
{
	struct work *work = &node->agreements->work;
	struct souk_time last = souk_time_plus_ms(record->due, ANSWER_LATE_MS);
	if (!souk_time_is_before(provider_now(), last))
		return;
	souk_status status = answer(node, chain, record, id);
	SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_ERROR, "challenge_answered",
		souk_log_hex("agreement", id->bytes, SOUK_HASH_SIZE), souk_log_status(status));
	souk_bytes_wipe(&work->record, sizeof work->record);
	souk_bytes_wipe(&work->keys, sizeof work->keys);
}

static void take_page(struct provider_node *node, struct souk_chain_client *chain)
{
	struct provider_agreements *agreements = node->agreements;
	for (int i = 0; i < agreements->work.page.items.count; i++) {
		const struct souk_agreement_record *record = &agreements->work.page.items.items[i];
		struct souk_hash id = souk_agreement_digest(&record->agreement);
		if (!souk_address_equal(&record->agreement.provider, &node->identity->address))
			continue;
		if (record->agreement.service != SOUK_SERVICE_CONTENT) {
			proxy_follow(node, chain, record, &id);
			continue;
		}
		if (agreements->found < TABLE_MAX)
			agreements->next[agreements->found++] =
				(struct entry){id, record->agreement, record->convicted};
		if (record->challenged)
			answer_challenge(node, chain, record, &id);
	}
}

static bool is_idle(const struct provider_agreements *agreements, uint64_t now_ms)
{
	return agreements->known && agreements->count == 0 &&
	       now_ms - agreements->polled_ms < IDLE_POLL_MS;
}

/* The new table. What was entered into meanwhile is found by the next poll; its own entry is kept
 * until then. */
static void replace(struct provider_agreements *agreements, size_t count_before)
{
	pthread_mutex_lock(&agreements->lock);
	for (size_t i = count_before; i < agreements->count; i++) {
		if (agreements->found < TABLE_MAX)
			agreements->next[agreements->found++] = agreements->entries[i];
	}
	memcpy(agreements->entries, agreements->next, agreements->found * sizeof *agreements->next);
	agreements->count = agreements->found;
	agreements->known = true;
	pthread_mutex_unlock(&agreements->lock);
}

souk_status provider_agreements_poll(struct provider_node *node, struct souk_chain_client *chain)
{
	struct provider_agreements *agreements = node->agreements;
	struct souk_hash from = {{0}};
	uint64_t now_ms = provider_now().ms;
	pthread_mutex_lock(&agreements->lock);
	bool idle = is_idle(agreements, now_ms) && !proxy_is_due(node->proxy);
	/* Many grants are not looked at twice a second. */
	idle |= agreements->known && agreements->count == 0 && proxy_has_grants(node->proxy) &&
		!proxy_is_due(node->proxy);
	size_t count_before = agreements->count;
	pthread_mutex_unlock(&agreements->lock);
	if (idle)
		return SOUK_OK;
	agreements->found = 0;
	do {
		SOUK_TRY(souk_chain_agreements(
			chain, &from, &node->identity->address, &agreements->work.page));
		take_page(node, chain);
		from = agreements->work.page.next;
	} while (agreements->work.page.more);
	agreements->polled_ms = now_ms;
	replace(agreements, count_before);
	proxy_followed(node);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ statements */

void provider_statement_sign(struct provider_node *node, struct souk_unit_statement *statement,
	const struct souk_hash *agreement, struct souk_bytes cipher, char *text)
{
	struct souk_signed_unit unit;
	statement->agreement = *agreement;
	statement->cipher_root = souk_content_cipher_root(cipher);
	unit.statement = *statement;
	souk_content_statement_sign(&unit, node->identity);
	souk_statement_format(text, &unit);
}
