/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger, as a proxy follows it: what runs is served, what is over is deleted, and questions
 * are answered. */
#include <string.h>

#include "proxy_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"

/* An answer this much later than due is not tried any more. */
#define ANSWER_LATE_MS 60000u
/* A transaction that a ledger which answers has not shown for so long is on no way to it. */
#define IN_FLIGHT_MS (10u * 60 * 1000)

/* ------------------------------------------------------------------ records */

souk_status proxy_note_entered(struct proxy *proxy, const struct souk_hash *id)
{
	const struct provider_store *store = &proxy->node->store;
	struct souk_key_grant_record record;
	pthread_mutex_lock(&proxy->write_lock);
	souk_status status = proxy_store_get(store, id, &record);
	if (status == SOUK_OK && !record.entered && record.deleted.count == 0) {
		record.entered = true;
		status = proxy_store_put(store, id, &record);
	}
	if (status == SOUK_OK) {
		pthread_mutex_lock(&proxy->lock);
		struct proxy_entry *entry = proxy_entry_of(proxy, id);
		if (entry != NULL && !entry->entered) {
			entry->entered = true;
			entry->entered_ms = proxy_steady_ms();
		}
		pthread_mutex_unlock(&proxy->lock);
	}
	pthread_mutex_unlock(&proxy->write_lock);
	return status;
}

void proxy_take_back(struct proxy *proxy, const struct souk_hash *id)
{
	struct souk_key_grant_record record;
	pthread_mutex_lock(&proxy->write_lock);
	souk_status status = proxy_store_get(&proxy->node->store, id, &record);
	if (status == SOUK_OK && !record.entered && record.deleted.count == 0)
		status = proxy_store_del(&proxy->node->store, id);
	else
		status = SOUK_LOCAL_STATE;
	if (status == SOUK_OK)
		proxy_remove(proxy, id);
	pthread_mutex_unlock(&proxy->write_lock);
}

static void stop_serving(struct proxy *proxy, const struct souk_hash *id)
{
	pthread_mutex_lock(&proxy->lock);
	struct proxy_entry *entry = proxy_entry_of(proxy, id);
	if (entry != NULL)
		entry->over = true;
	pthread_mutex_unlock(&proxy->lock);
}

souk_status proxy_delete(struct proxy *proxy, const struct souk_hash *id, struct souk_time time,
	struct souk_signed_key_deletion *ret)
{
	const struct provider_store *store = &proxy->node->store;
	struct souk_key_grant_record record;
	/* Nothing is served between the time that is stated and the deletion. */
	stop_serving(proxy, id);
	pthread_mutex_lock(&proxy->write_lock);
	souk_status status = proxy_store_get(store, id, &record);
	if (status == SOUK_OK && record.deleted.count == 0) {
		struct souk_signed_key_deletion deletion = {
			.deletion = {.version = SOUK_KEY_DELETION_VERSION,
				.agreement = *id,
				.time = time}};
		souk_keys_deletion_sign(&deletion, proxy->node->identity);
		souk_bytes_wipe(&record.sealed, sizeof record.sealed);
		souk_bytes_wipe(&record.nonce, sizeof record.nonce);
		record.deleted.items[0] = deletion;
		record.deleted.count = 1;
		status = proxy_store_put(store, id, &record);
		SOUK_LOG(SOUK_LOG_INFO, "grant_deleted",
			souk_log_hex("agreement", id->bytes, SOUK_HASH_SIZE),
			souk_log_status(status));
	}
	if (status == SOUK_OK) {
		*ret = record.deleted.items[0];
		proxy_remove(proxy, id);
	}
	pthread_mutex_unlock(&proxy->write_lock);
	return status;
}

/* Whether nobody can accuse under AGREEMENT any more. */
static bool is_settled(const struct souk_agreement *agreement, struct souk_time head)
{
	struct souk_time last = souk_time_plus_ms(agreement->ends, agreement->respond_ms);
	return !souk_time_is_before(head, last);
}

bool proxy_may_forget(const struct souk_agreement_record *record, struct souk_time head)
{
	if (record->challenged)
		return false;
	return record->convicted || record->revoked.ms != 0 ||
	       !souk_time_is_before(head, record->agreement.ends);
}

/* ------------------------------------------------------------------ following */

void proxy_round(struct proxy *proxy, const struct souk_ledger_status *ledger)
{
	if (proxy == NULL)
		return;
	proxy->round++;
	proxy->round_ms = proxy_steady_ms();
	pthread_mutex_lock(&proxy->lock);
	proxy->head = ledger->record.time;
	proxy->ledger = ledger->record.ledger;
	pthread_mutex_unlock(&proxy->lock);
}

static souk_status answer(struct proxy *proxy, struct souk_chain_client *chain,
	const struct souk_agreement_record *record, const struct souk_hash *id)
{
	struct souk_key_question question;
	struct souk_key_answer given;
	struct souk_writer writer;
	const struct souk_umbral_kfrag *kfrag;
	struct souk_tx_body *body = &proxy->body;
	SOUK_TRY(souk_key_question_decode(
		&question, souk_bytes_of(record->question.data, record->question.size), NULL));
	pthread_mutex_lock(&proxy->lock);
	struct proxy_entry *entry = proxy_entry_of(proxy, id);
	souk_status status =
		entry == NULL ? SOUK_LOCAL_NOT_FOUND : proxy_entry_kfrag(proxy, entry, &kfrag);
	if (status == SOUK_OK)
		status = souk_keys_answer(&given, &question, kfrag, proxy->secrets.proof);
	pthread_mutex_unlock(&proxy->lock);
	SOUK_TRY(status);
	*body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ANSWER, .answer = {.agreement = *id}};
	souk_writer_init(&writer, body->answer.answer.data, sizeof body->answer.answer.data);
	souk_key_answer_encode(&writer, &given);
	SOUK_CHECK(!writer.full);
	body->answer.answer.size = (uint16_t)writer.size;
	return souk_chain_submit(chain, body, proxy->node->identity, NULL);
}

static void answer_challenge(struct proxy *proxy, struct souk_chain_client *chain,
	const struct souk_agreement_record *record, const struct souk_hash *id)
{
	struct souk_time last = souk_time_plus_ms(record->due, ANSWER_LATE_MS);
	if (!souk_time_is_before(provider_now(), last))
		return;
	souk_status status = answer(proxy, chain, record, id);
	SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_ERROR, "challenge_answered",
		souk_log_hex("agreement", id->bytes, SOUK_HASH_SIZE), souk_log_status(status));
}

/* Whether the entry of ID is here; what the ledger says is noted in it. */
static bool note(struct proxy *proxy, const struct souk_agreement_record *record,
	const struct souk_hash *id, bool *ret_is_new)
{
	pthread_mutex_lock(&proxy->lock);
	struct proxy_entry *entry = proxy_entry_of(proxy, id);
	if (entry != NULL) {
		entry->round = proxy->round;
		entry->missing = false;
		entry->missed_ms = 0;
		entry->revoked |= record->revoked.ms != 0;
		entry->over |= record->convicted;
		*ret_is_new = !entry->entered;
	}
	pthread_mutex_unlock(&proxy->lock);
	return entry != NULL;
}

/* The deposit of what is settled comes back. */
static void fetch_deposit(struct proxy *proxy, struct souk_chain_client *chain,
	const struct souk_agreement_record *record, const struct souk_hash *id)
{
	struct souk_tx_body *body = &proxy->body;
	if (record->convicted || record->challenged || !is_settled(&record->agreement, proxy->head))
		return;
	*body = (struct souk_tx_body){
		.kind = SOUK_TX_BODY_AGREEMENT_END, .agreement_end = {.agreement = *id}};
	souk_status status = souk_chain_submit(chain, body, proxy->node->identity, NULL);
	SOUK_LOG(status == SOUK_OK ? SOUK_LOG_INFO : SOUK_LOG_DEBUG, "deposit_fetched",
		souk_log_hex("agreement", id->bytes, SOUK_HASH_SIZE),
		souk_log_amount("deposit", record->agreement.deposit), souk_log_status(status));
}

void proxy_follow(struct provider_node *node, struct souk_chain_client *chain,
	const struct souk_agreement_record *record, const struct souk_hash *id)
{
	struct proxy *proxy = node->proxy;
	struct souk_signed_key_deletion deletion;
	bool is_new = false;
	souk_status status = SOUK_OK;
	if (proxy == NULL)
		return;
	fetch_deposit(proxy, chain, record, id);
	if (!note(proxy, record, id, &is_new))
		return;
	if (is_new)
		status = proxy_note_entered(proxy, id);
	if (record->challenged)
		answer_challenge(proxy, chain, record, id);
	if (status == SOUK_OK && proxy_may_forget(record, proxy->head))
		status = proxy_delete(proxy, id, proxy->head, &deletion);
	if (status != SOUK_OK)
		SOUK_LOG(SOUK_LOG_ERROR, "grant_unwritten",
			souk_log_hex("agreement", id->bytes, SOUK_HASH_SIZE),
			souk_log_status(status));
}

/* A grant that the ledger has not: its deposit is back, or it was never entered and is too late
 * now. What should be there and is not, or is another ledger's, is not served, and kept. */
static bool is_gone(const struct proxy *proxy, struct proxy_entry *entry)
{
	if (entry->round == proxy->round || entry->entered_ms >= proxy->round_ms)
		return false;
	entry->missing = entry->entered;
	if (entry->missed_ms == 0)
		entry->missed_ms = proxy->round_ms;
	if (!souk_hash_equal(&proxy->ledger, &entry->agreement.ledger))
		return false;
	return entry->entered ? is_settled(&entry->agreement, proxy->head)
			      : proxy->round_ms - entry->missed_ms >= IN_FLIGHT_MS;
}

static bool next_gone(struct proxy *proxy, struct souk_hash *ret, bool *ret_was_entered)
{
	bool found = false;
	for (uint32_t i = 0; i < proxy->count && !found; i++) {
		struct proxy_entry *entry = &proxy->entries[i];
		found = is_gone(proxy, entry);
		if (found) {
			*ret = entry->id;
			*ret_was_entered = entry->entered;
			/* Looked at again in the next round, whatever becomes of it in this. */
			entry->round = proxy->round;
		}
	}
	return found;
}

void proxy_followed(struct provider_node *node)
{
	struct proxy *proxy = node->proxy;
	struct souk_signed_key_deletion deletion;
	struct souk_hash id;
	if (proxy == NULL)
		return;
	for (;;) {
		pthread_mutex_lock(&proxy->lock);
		bool was_entered, found = next_gone(proxy, &id, &was_entered);
		pthread_mutex_unlock(&proxy->lock);
		if (!found)
			break;
		souk_status status = SOUK_OK;
		if (was_entered)
			status = proxy_delete(proxy, &id, proxy->head, &deletion);
		else
			proxy_take_back(proxy, &id);
		if (status != SOUK_OK)
			SOUK_LOG(SOUK_LOG_ERROR, "grant_unwritten",
				souk_log_hex("agreement", id.bytes, SOUK_HASH_SIZE),
				souk_log_status(status));
	}
	pthread_mutex_lock(&proxy->lock);
	proxy->seen_ms = proxy->round_ms;
	pthread_mutex_unlock(&proxy->lock);
}
