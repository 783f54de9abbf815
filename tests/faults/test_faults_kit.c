/* SPDX-License-Identifier: Apache-2.0 */
#include "test_faults_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "ledger_home.h"
#include "souk/io/clock_real.h"
#include "souk/io/file.h"
#include "souk/io/http_client.h"
#include "souk/io/log.h"
#include "souk/io/memory_store.h"
#include "souk/ledger/verify.h"

#define COIN	   1000000000ull
#define BATCH_MAX  16u
#define FILE_MAX   (64u << 20)
#define HOUR_MS	   3600000ull
#define TIMEOUT_MS 3000u

static const char *const names[] = {"ledger.mdb", "beacon.seed", "ledger.mdb-lock"};

static void identity_of_byte(struct souk_identity *ret, uint8_t byte)
{
	struct souk_seckey seckey;
	memset(seckey.bytes, byte, sizeof seckey.bytes);
	assert_int_equal(souk_identity_of(ret, &seckey), SOUK_OK);
}

static void make_folder(struct faults_kit *kit)
{
	/* Memory where there is some: what is tested is what is asked of a disk, not the disk. */
	strcpy(kit->home, access("/dev/shm", W_OK) == 0 ? "/dev/shm/souk-faults-XXXXXX"
							: "/tmp/souk-faults-XXXXXX");
	assert_non_null(mkdtemp(kit->home));
}

/* No epoch ends meanwhile: it would write a block that nobody asked for. */
static void make_ledger(struct faults_kit *kit)
{
	const char *what = "";
	struct souk_genesis genesis = {
		.version = 1,
		.created = souk_clock_now(souk_clock_real()),
		.operator= kit->operator_identity.address,
		.epoch_ms = HOUR_MS,
		.draw_delay_ms = 50,
		.claim_ms = HOUR_MS,
		.unlock_ms = 100,
		.unbond_ms = 100,
		.deposit_min = {COIN},
		.faucet_max = {1000 * COIN},
		.beacon_count = 16,
	};
	assert_int_equal(souk_text_set(&genesis.name, "faults"), SOUK_OK);
	assert_int_equal(ledger_home_create(kit->home, &genesis, &what), SOUK_OK);
}

souk_status faults_kit_start(struct faults_kit *kit)
{
	const char *what = "";
	struct ledger_node_config config;
	ledger_node_config_default(&config);
	config.home = kit->home;
	config.listen = "127.0.0.1:0";
	config.block_ms = 0;
	souk_status status = ledger_node_start(&kit->node, &config, &kit->operator_identity, &what);
	if (status != SOUK_OK) {
		kit->node = NULL;
		return status;
	}
	snprintf(kit->url, sizeof kit->url, "http://127.0.0.1:%u", ledger_node_port(kit->node));
	return SOUK_OK;
}

void faults_kit_stop(struct faults_kit *kit)
{
	ledger_node_stop(kit->node);
	kit->node = NULL;
}

struct souk_chain_client *faults_kit_client(const struct faults_kit *kit)
{
	struct souk_chain_client *client = souk_chain_client_new(kit->url);
	if (client != NULL)
		souk_chain_set_timeout(client, TIMEOUT_MS);
	return client;
}

souk_status faults_kit_pay(struct faults_kit *kit, struct souk_chain_client *client)
{
	static struct souk_tx_body body; /* large */
	body = (struct souk_tx_body){.kind = SOUK_TX_BODY_TRANSFER,
		.transfer = {.to = kit->payee.address, .amount = {1}}};
	souk_status status = souk_chain_submit(client, &body, &kit->payer, NULL);
	kit->acknowledged += status == SOUK_OK;
	return status;
}

void faults_kit_make(struct faults_kit *kit)
{
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_FAUCET, .faucet = {{COIN}}};
	memset(kit, 0, sizeof *kit);
	souk_log_set_level(SOUK_LOG_ERROR + 1);
	identity_of_byte(&kit->operator_identity, 1);
	identity_of_byte(&kit->payer, 2);
	identity_of_byte(&kit->payee, 3);
	make_folder(kit);
	make_ledger(kit);
	assert_int_equal(faults_kit_start(kit), SOUK_OK);
	struct souk_chain_client *client = faults_kit_client(kit);
	assert_int_equal(souk_chain_submit(client, &body, &kit->payer, NULL), SOUK_OK);
	assert_int_equal(faults_kit_pay(kit, client), SOUK_OK);
	souk_chain_client_free(client);
	faults_kit_stop(kit);
}

void faults_kit_copy(struct faults_kit *ret, const struct faults_kit *kit)
{
	*ret = *kit;
	make_folder(ret);
	for (int i = 0; i < 2; i++) {
		char from[128], to[128], *data;
		size_t size;
		snprintf(from, sizeof from, "%s/%s", kit->home, names[i]);
		snprintf(to, sizeof to, "%s/%s", ret->home, names[i]);
		assert_int_equal(souk_file_read(from, FILE_MAX, &data, &size), SOUK_OK);
		assert_int_equal(
			souk_file_write_atomic(to, souk_bytes_of(data, size), true), SOUK_OK);
		free(data);
	}
}

void faults_kit_remove(struct faults_kit *kit)
{
	char path[128];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", kit->home, names[i]);
		unlink(path);
	}
	rmdir(kit->home);
}

/* ---- checks ---- */

static void fetch(struct souk_http_client *http, struct souk_http_answer *ret,
	const struct faults_kit *kit, const char *path)
{
	static const char *const accept[] = {"Accept: application/souk"};
	char full[256];
	snprintf(full, sizeof full, "%s%s", kit->url, path);
	struct souk_http_call call = {
		.url = full, .headers = accept, .header_count = 1, .answer_size_max = 8 << 20};
	assert_int_equal(souk_http_client_call(http, &call, ret), SOUK_OK);
	assert_int_equal(ret->status, 200);
}

static void feed_all(struct souk_log_verifier *verifier, struct souk_bytes in)
{
	while (in.size) {
		struct souk_bytes frame;
		size_t used;
		assert_int_equal(souk_log_read_frame(&frame, &used, in), SOUK_OK);
		assert_int_equal(souk_log_verifier_feed(verifier, frame), SOUK_OK);
		in.data += used;
		in.size -= used;
	}
}

/* The exported log, replayed, leads to what is served. */
static void check_replay(const struct faults_kit *kit, const struct souk_ledger_status *served)
{
	static struct souk_log_verifier verifier;
	struct souk_memory_store *memory;
	struct souk_store view;
	struct souk_http_client *http;
	struct souk_http_answer answer;
	assert_int_equal(souk_memory_store_new(&memory, 0, 1), SOUK_OK);
	assert_int_equal(souk_memory_store_begin(memory, &view), SOUK_OK);
	assert_int_equal(souk_http_client_new(&http), SOUK_OK);
	souk_log_verifier_init(&verifier, &view);
	fetch(http, &answer, kit, "/v1/genesis");
	assert_int_equal(souk_log_verifier_feed(&verifier, souk_bytes_of(answer.body, answer.size)),
		SOUK_OK);
	souk_http_answer_done(&answer);
	while (verifier.ledger.record.height < served->record.height) {
		char path[64];
		snprintf(path, sizeof path, "/v1/log?from=%llu",
			(unsigned long long)verifier.ledger.record.height + 1);
		fetch(http, &answer, kit, path);
		assert_true(answer.size > 0);
		feed_all(&verifier, souk_bytes_of(answer.body, answer.size));
		souk_http_answer_done(&answer);
	}
	assert_int_equal(souk_log_verifier_finish(&verifier), SOUK_OK);
	assert_memory_equal(
		&verifier.ledger.record.last, &served->record.last, sizeof served->record.last);
	souk_http_client_free(http);
	souk_memory_store_free(memory);
}

void faults_kit_check(struct faults_kit *kit, uint64_t unsure)
{
	struct souk_ledger_status status;
	struct souk_account_record payer, payee;
	souk_status started = faults_kit_start(kit);
	if (started != SOUK_OK)
		fail_msg("does not start again: %s", souk_status_name(started));
	struct souk_chain_client *client = faults_kit_client(kit);
	assert_int_equal(souk_chain_status(client, &status), SOUK_OK);
	assert_int_equal(souk_chain_account(client, &kit->payer.address, &payer), SOUK_OK);
	assert_int_equal(souk_chain_account(client, &kit->payee.address, &payee), SOUK_OK);
	assert_in_range(payee.balance.ncoin, kit->acknowledged, kit->acknowledged + unsure);
	assert_int_equal(payer.nonce, 1 + payee.balance.ncoin);
	assert_int_equal(payer.balance.ncoin + payee.balance.ncoin, COIN);
	check_replay(kit, &status);
	souk_chain_client_free(client);
	faults_kit_stop(kit);
}

/* ---- a provider's sessions ---- */

static struct souk_nonce session_of(uint32_t session)
{
	struct souk_nonce nonce = {{0}};
	souk_store_be32(nonce.bytes, session);
	return nonce;
}

void faults_session(struct souk_session_record *ret, uint32_t session, uint32_t version)
{
	memset(ret, 0, sizeof *ret);
	ret->ask.version = SOUK_ASK_VERSION;
	ret->grant.version = SOUK_GRANT_VERSION;
	ret->grant.session = session_of(session);
	ret->strip_open.strip.version = SOUK_STRIP_VERSION;
	ret->open = true;
	ret->unit = version;
	memset(ret->value.bytes, (int)version, sizeof ret->value.bytes);
}

souk_status faults_sessions_put(
	const struct provider_store *store, uint32_t first, uint32_t count, uint32_t version)
{
	static uint8_t bytes[BATCH_MAX][SOUK_SESSION_RECORD_SIZE_MAX];
	static struct souk_session_record record;
	struct provider_store_write writes[BATCH_MAX];
	assert_true(count <= BATCH_MAX);
	for (uint32_t i = 0; i < count; i++) {
		struct souk_writer writer;
		souk_writer_init(&writer, bytes[i], sizeof bytes[i]);
		faults_session(&record, first + i, version);
		souk_session_record_encode(&writer, &record);
		writes[i].session = session_of(first + i);
		writes[i].record = souk_bytes_of(bytes[i], writer.size);
	}
	return provider_store_put_sessions(store, writes, count);
}

static souk_status note_version(void *ctx, const struct souk_session_record *record)
{
	uint32_t *found = ctx;
	uint32_t session = souk_load_be32(record->grant.session.bytes);
	static struct souk_session_record expected;
	assert_true(session < FAULTS_SESSIONS);
	faults_session(&expected, session, record->unit);
	assert_memory_equal(&record->value, &expected.value, sizeof expected.value);
	found[session] = record->unit;
	return SOUK_OK;
}

void faults_sessions_check(const char *home, const uint32_t versions[FAULTS_SESSIONS],
	uint32_t first, uint32_t count, uint32_t maybe)
{
	struct provider_store store;
	uint32_t found[FAULTS_SESSIONS] = {0};
	assert_int_equal(provider_store_open(&store, home, false), SOUK_OK);
	assert_int_equal(provider_store_each_session(&store, note_version, found), SOUK_OK);
	provider_store_close(&store);
	bool whole = maybe != 0 && found[first] == maybe;
	for (uint32_t i = 0; i < FAULTS_SESSIONS; i++) {
		bool inside = whole && i >= first && i < first + count;
		assert_int_equal(found[i], inside ? maybe : versions[i]);
	}
}
