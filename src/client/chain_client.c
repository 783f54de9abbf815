/* SPDX-License-Identifier: Apache-2.0 */
#include "chain_client.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "http_keep.h"
#include "problem.h"
#include "souk/base/check.h"
#include "souk/io/http_client.h"

#define CALL_TIMEOUT_MS 15000
/* How often, and how long apart, the fate of a transaction whose answer was lost is asked for. */
#define RECOVERY_TRIES	  10
#define RECOVERY_PAUSE_US 300000
#define RECOVERY_MAX_S	  15

struct souk_chain_client {
	struct souk_http_client *http;
	char *url;
	char detail[512];
	bool answered; /* whether the last call was, if only with a refusal */
	uint64_t timeout_ms;
	char lock_path[512];	 /* "": none */
	struct souk_hash ledger; /* its id, once asked for */
	bool knows_ledger;
};

struct souk_chain_client *souk_chain_client_new(const char *url)
{
	struct souk_chain_client *client = calloc(1, sizeof *client);
	if (client == NULL)
		return NULL;
	client->timeout_ms = CALL_TIMEOUT_MS;
	client->url = strdup(url);
	for (size_t n = client->url == NULL ? 0 : strlen(client->url);
		n > 0 && client->url[n - 1] == '/'; n--)
		client->url[n - 1] = '\0';
	if (client->url == NULL || http_keep_take(&client->http, client->url, NULL) != SOUK_OK) {
		souk_chain_client_free(client);
		return NULL;
	}
	return client;
}

void souk_chain_client_free(struct souk_chain_client *client)
{
	if (client == NULL)
		return;
	if (client->http != NULL)
		http_keep_give(client->http, client->url, NULL);
	free(client->url);
	free(client);
}

void souk_chain_set_timeout(struct souk_chain_client *client, uint64_t timeout_ms)
{
	client->timeout_ms = timeout_ms;
}

void souk_chain_set_lock(struct souk_chain_client *client, const char *path)
{
	snprintf(client->lock_path, sizeof client->lock_path, "%s", path);
}

const char *souk_chain_url(const struct souk_chain_client *client)
{
	return client->url;
}

const char *souk_chain_detail(const struct souk_chain_client *client)
{
	return client->detail;
}

static souk_status call(struct souk_chain_client *client, const char *method, const char *path,
	struct souk_bytes body, const char *accept, struct souk_http_answer *ret)
{
	char url[1024];
	const char *headers[] = {accept};
	snprintf(url, sizeof url, "%s%s", client->url, path);
	struct souk_http_call request = {
		.method = method,
		.url = url,
		.body = body,
		.headers = headers,
		.header_count = 1,
		.timeout_ms = client->timeout_ms,
		.answer_size_max = 64u << 20,
	};
	client->detail[0] = '\0';
	souk_status status = souk_http_client_call(client->http, &request, ret);
	client->answered = status == SOUK_OK;
	if (status != SOUK_OK) {
		snprintf(client->detail, sizeof client->detail, "%s",
			souk_http_client_error(client->http));
		return status;
	}
	if (ret->status / 100 == 2)
		return SOUK_OK;
	status = problem_parse(souk_bytes_of(ret->body, ret->size), ret->status, client->detail,
		sizeof client->detail);
	/* A gateway's error page speaks for the way to the ledger, not for the ledger. */
	if (status == SOUK_PEER_BAD_REQUEST && ret->status >= 500)
		status = SOUK_IO_NET;
	souk_http_answer_done(ret);
	return status;
}

static souk_status get_bytes(
	struct souk_chain_client *client, const char *path, struct souk_http_answer *ret)
{
	return call(client, "GET", path, souk_bytes_of(NULL, 0), "Accept: application/souk", ret);
}

/* Decode a whole answer as message NAME into ret, which stays untouched on failure. */
#define GET_MESSAGE(name, client, path, ret)                                                       \
	do {                                                                                       \
		struct souk_http_answer answer_;                                                   \
		struct souk_wire_error where_;                                                     \
		SOUK_TRY(get_bytes((client), (path), &answer_));                                   \
		struct souk_##name message_;                                                       \
		souk_status status_ = souk_##name##_decode(                                        \
			&message_, souk_bytes_of(answer_.body, answer_.size), &where_);            \
		souk_http_answer_done(&answer_);                                                   \
		if (status_ != SOUK_OK)                                                            \
			snprintf((client)->detail, sizeof(client)->detail,                         \
				"the answer is wrong at %s", where_.field);                        \
		else                                                                               \
			*(ret) = message_;                                                         \
		return status_;                                                                    \
	} while (0)

souk_status souk_chain_status(struct souk_chain_client *client, struct souk_ledger_status *ret)
{
	GET_MESSAGE(ledger_status, client, "/v1/status", ret);
}

static souk_status get_account(
	struct souk_chain_client *client, const char *path, struct souk_account_record *ret)
{
	GET_MESSAGE(account_record, client, path, ret);
}

souk_status souk_chain_account(struct souk_chain_client *client, const struct souk_address *address,
	struct souk_account_record *ret)
{
	char hex[41], path[80];
	souk_hex_encode(hex, address->bytes, SOUK_ADDRESS_SIZE);
	snprintf(path, sizeof path, "/v1/accounts/%s", hex);
	souk_status status = get_account(client, path, ret);
	if (status != SOUK_PEER_NO_ACCOUNT && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	*ret = (struct souk_account_record){0};
	return SOUK_OK;
}

souk_status souk_chain_escrow(struct souk_chain_client *client, const struct souk_hash *escrow,
	struct souk_escrow_record *ret)
{
	char hex[65], path[100];
	souk_hex_encode(hex, escrow->bytes, SOUK_HASH_SIZE);
	snprintf(path, sizeof path, "/v1/escrows/%s", hex);
	GET_MESSAGE(escrow_record, client, path, ret);
}

souk_status souk_chain_allotment(struct souk_chain_client *client, const struct souk_hash *escrow,
	uint64_t epoch, uint32_t segment, struct souk_allotment_record *ret)
{
	char hex[65], path[140];
	souk_hex_encode(hex, escrow->bytes, SOUK_HASH_SIZE);
	snprintf(path, sizeof path, "/v1/allotments/%s/%" PRIu64 "/%" PRIu32, hex, epoch, segment);
	GET_MESSAGE(allotment_record, client, path, ret);
}

souk_status souk_chain_epoch(
	struct souk_chain_client *client, uint64_t epoch, struct souk_epoch_record *ret)
{
	char path[64];
	snprintf(path, sizeof path, "/v1/epochs/%" PRIu64, epoch);
	GET_MESSAGE(epoch_record, client, path, ret);
}

souk_status souk_chain_provider(struct souk_chain_client *client,
	const struct souk_address *address, struct souk_provider_record *ret)
{
	char hex[41], path[80];
	souk_hex_encode(hex, address->bytes, SOUK_ADDRESS_SIZE);
	snprintf(path, sizeof path, "/v1/providers/%s", hex);
	GET_MESSAGE(provider_record, client, path, ret);
}

souk_status souk_chain_providers(struct souk_chain_client *client, const struct souk_address *from,
	struct souk_provider_page *ret)
{
	char hex[41], path[80];
	souk_hex_encode(hex, from->bytes, SOUK_ADDRESS_SIZE);
	snprintf(path, sizeof path, "/v1/providers?from=%s", hex);
	GET_MESSAGE(provider_page, client, path, ret);
}

souk_status souk_chain_anchor(struct souk_chain_client *client, const struct souk_address *address,
	struct souk_anchor_record *ret)
{
	char hex[41], path[80];
	souk_hex_encode(hex, address->bytes, SOUK_ADDRESS_SIZE);
	snprintf(path, sizeof path, "/v1/anchors/%s", hex);
	GET_MESSAGE(anchor_record, client, path, ret);
}

souk_status souk_chain_agreement(struct souk_chain_client *client,
	const struct souk_hash *agreement, struct souk_agreement_record *ret)
{
	char hex[65], path[100];
	souk_hex_encode(hex, agreement->bytes, SOUK_HASH_SIZE);
	snprintf(path, sizeof path, "/v1/agreements/%s", hex);
	GET_MESSAGE(agreement_record, client, path, ret);
}

souk_status souk_chain_agreements(struct souk_chain_client *client, const struct souk_hash *from,
	const struct souk_address *party, struct souk_agreement_page *ret)
{
	char hex[65], who[41], path[160];
	souk_hex_encode(hex, from->bytes, SOUK_HASH_SIZE);
	snprintf(path, sizeof path, "/v1/agreements?from=%s", hex);
	if (party != NULL) {
		souk_hex_encode(who, party->bytes, SOUK_ADDRESS_SIZE);
		snprintf(path, sizeof path, "/v1/agreements?from=%s&party=%s", hex, who);
	}
	GET_MESSAGE(agreement_page, client, path, ret);
}

souk_status souk_chain_receipt(
	struct souk_chain_client *client, const struct souk_hash *tx, struct souk_receipt *ret)
{
	char hex[65], path[100];
	souk_hex_encode(hex, tx->bytes, SOUK_HASH_SIZE);
	snprintf(path, sizeof path, "/v1/tx/%s", hex);
	GET_MESSAGE(receipt, client, path, ret);
}

static souk_status learn_ledger(struct souk_chain_client *client)
{
	struct souk_ledger_status status;
	if (client->knows_ledger)
		return SOUK_OK;
	SOUK_TRY(souk_chain_status(client, &status));
	client->ledger = status.record.ledger;
	client->knows_ledger = true;
	return SOUK_OK;
}

/* Whether the transaction got in after all, asked for a while: a block takes a moment. */
static souk_status recover_receipt(struct souk_chain_client *client, const struct souk_hash *hash,
	struct souk_receipt *ret, souk_status otherwise)
{
	char detail[sizeof client->detail];
	time_t until = time(NULL) + RECOVERY_MAX_S;
	memcpy(detail, client->detail, sizeof detail);
	for (int i = 0; i < RECOVERY_TRIES && time(NULL) < until; i++) {
		if (souk_chain_receipt(client, hash, ret) == SOUK_OK)
			return SOUK_OK;
		usleep(RECOVERY_PAUSE_US);
	}
	memcpy(client->detail, detail, sizeof detail);
	return otherwise;
}

static souk_status parse_receipt(const struct souk_http_answer *answer, struct souk_receipt *ret)
{
	struct souk_wire_error where;
	return souk_receipt_decode(ret, souk_bytes_of(answer->body, answer->size), &where);
}

static souk_status post_once(struct souk_chain_client *client, const struct souk_tx_body *body,
	const struct souk_identity *signer, struct souk_chain_result *ret)
{
	uint8_t bytes[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_signed_tx signed_tx;
	struct souk_writer writer;
	struct souk_bytes encoded;
	struct souk_http_answer answer;
	struct souk_account_record account;

	SOUK_TRY(souk_chain_account(client, &signer->address, &account));
	signed_tx = (struct souk_signed_tx){.tx = {.ledger = client->ledger,
						    .from = signer->address,
						    .nonce = account.nonce,
						    .body = *body}};
	ret->hash = souk_tx_digest(&signed_tx.tx);
	souk_ecdsa_sign(&signed_tx.signature, &ret->hash, signer);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_tx_encode(&writer, &signed_tx);
	SOUK_TRY(souk_writer_finish(&writer, &encoded));

	souk_status status =
		call(client, "POST", "/v1/tx", encoded, "Accept: application/souk", &answer);
	if (status != SOUK_OK && !client->answered)
		return recover_receipt(client, &ret->hash, &ret->receipt, status);
	if (status != SOUK_OK)
		return status;
	status = parse_receipt(&answer, &ret->receipt);
	souk_http_answer_done(&answer);
	return status;
}

static souk_status submit(struct souk_chain_client *client, const struct souk_tx_body *body,
	const struct souk_identity *signer, struct souk_chain_result *ret)
{
	struct souk_chain_result result;
	SOUK_TRY(learn_ledger(client));
	souk_status status = post_once(client, body, signer, &result);
	/* Another program of the same account may have been quicker. */
	for (int i = 0; i < 5 && status == SOUK_PEER_TX_NONCE; i++)
		status = post_once(client, body, signer, &result);
	if (status == SOUK_OK && ret != NULL)
		*ret = result;
	return status;
}

souk_status souk_chain_submit(struct souk_chain_client *client, const struct souk_tx_body *body,
	const struct souk_identity *signer, struct souk_chain_result *ret)
{
	int fd = client->lock_path[0] == '\0' ? -1 : open(client->lock_path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)flock(fd, LOCK_EX);
	souk_status status = submit(client, body, signer, ret);
	if (fd >= 0)
		close(fd);
	return status;
}

souk_status souk_chain_log(
	struct souk_chain_client *client, uint64_t height, uint8_t **ret_frames, size_t *ret_size)
{
	struct souk_http_answer answer;
	char path[64];
	snprintf(path, sizeof path, "/v1/log?from=%" PRIu64, height);
	SOUK_TRY(get_bytes(client, path, &answer));
	*ret_frames = (uint8_t *)answer.body;
	*ret_size = answer.size;
	return SOUK_OK;
}

souk_status souk_chain_get_json(struct souk_chain_client *client, const char *path, char **ret_text)
{
	struct souk_http_answer answer;
	SOUK_TRY(call(
		client, "GET", path, souk_bytes_of(NULL, 0), "Accept: application/json", &answer));
	*ret_text = answer.body;
	return SOUK_OK;
}

static souk_status get_history(
	struct souk_chain_client *client, const char *path, struct souk_history_page *ret)
{
	GET_MESSAGE(history_page, client, path, ret);
}

souk_status souk_chain_history(struct souk_chain_client *client, const char *account,
	uint64_t height, uint32_t index, struct souk_history_page *ret)
{
	char path[160];
	snprintf(path, sizeof path, "/v1/accounts/%.80s/history?before=%llu.%u", account,
		(unsigned long long)height, (unsigned)index);
	return get_history(client, path, ret);
}
