/* SPDX-License-Identifier: Apache-2.0
 *
 * An owner of keys and a receiver in one process, told on stdin what to do.
 *
 *   key_driver HOME LEDGER
 *
 *   in:  offer ADDRESS
 *        grant T ENDS_MS RESPOND_MS PRICE DEPOSIT ADDRESS...   a new policy; from now on it counts
 *        again I                 deliver share I once more
 *        retrieve N              N fresh capsules
 *        set units|window|hedge|timeout N      for the next client
 *        reopen                  a new client, as a new process would have
 *        accuse                  with the evidence of the last retrieval
 *        audit I N               N fresh capsules at share I's proxy, none opened
 *        challenge I | revoke I | delete I
 *        spoil FOLDER I          the home of share I's proxy, which does not run: it gets another
 *                                key fragment, as if it chose to lie
 *   out: one line each, JSON */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/client/chain_client.h"
#include "../../src/client/identity_file.h"
#include "../../src/client/key_grant_client.h"
#include "../../src/client/key_retrieve.h"
#include "../../src/daemon/proxy_internal.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"

#define SHARES_MAX   64
#define CAPSULES_MAX 4096
#define TIMEOUT_MS   20000u

static struct souk_identity me;
static const char *home, *ledger_url;
static struct souk_chain_client *chain;
static struct souk_secret_rng rng;
static struct souk_umbral_key receiving, delegating, signer;
static struct souk_umbral_kfrag kfrags[SHARES_MAX + 1];
static struct souk_key_delivery deliveries[SHARES_MAX];
static struct souk_key_policy policy;
static struct key_client *client;
static struct key_client_config config;
static struct key_retrieval report;
static struct souk_tx_body body;

static void must(souk_status status, const char *what)
{
	if (status == SOUK_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, souk_status_text(status));
	exit(1);
}

static souk_status connect_to(struct provider_client *proxy, const struct souk_address *address)
{
	struct souk_provider_record record;
	souk_status status = souk_chain_provider(chain, address, &record);
	return status != SOUK_OK ? status : provider_client_init(proxy, &record, TIMEOUT_MS);
}

static void say(const char *what, souk_status status)
{
	printf("{\"%s\":\"%s\"}\n", what, souk_status_name(status));
}

static void open_client(void)
{
	key_client_free(client);
	client = NULL;
	config.home = home;
	config.ledger_url = ledger_url;
	config.identity = &me;
	must(key_client_new(&client, &config), "the client");
}

/* ------------------------------------------------------------------ the owner */

static void offer(const char *text)
{
	struct souk_address address;
	struct provider_client proxy;
	struct souk_key_offer found = {.left = 0};
	must(souk_hex_decode(address.bytes, SOUK_ADDRESS_SIZE, text + 2), text);
	souk_status status = connect_to(&proxy, &address);
	if (status == SOUK_OK) {
		status = key_offer(&proxy, &found);
		provider_client_done(&proxy);
	}
	printf("{\"offer\":\"%s\",\"price\":%" PRIu64 ",\"left\":%u}\n", souk_status_name(status),
		found.price.ncoin, found.left);
}

static souk_status deliver(int i, char detail[256])
{
	struct provider_client proxy;
	detail[0] = '\0';
	souk_status status = connect_to(&proxy, &deliveries[i].agreement.agreement.provider);
	if (status != SOUK_OK)
		return status;
	status = key_deliver(&proxy, &deliveries[i]);
	memcpy(detail, proxy.control.detail, sizeof proxy.control.detail);
	provider_client_done(&proxy);
	return status;
}

static void tell_delivery(int i)
{
	char detail[256], hex[2 * SOUK_HASH_SIZE + 1];
	souk_status status = deliver(i, detail);
	souk_hex_encode(hex, policy.shares.items[i].agreement.bytes, SOUK_HASH_SIZE);
	printf("{\"grant\":%d,\"status\":\"%s\",\"agreement\":\"%s\",\"detail\":\"%s\"}\n", i,
		souk_status_name(status), hex, detail);
}

static void make_share(int i, const char *text, uint64_t ends_ms, uint64_t respond_ms,
	uint64_t price, uint64_t deposit)
{
	struct souk_key_delivery *delivery = &deliveries[i];
	struct souk_agreement *agreement = &delivery->agreement.agreement;
	struct souk_key_terms terms;
	memset(delivery, 0, sizeof *delivery);
	must(souk_hex_decode(agreement->provider.bytes, SOUK_ADDRESS_SIZE, text + 2), text);
	agreement->version = SOUK_AGREEMENT_VERSION;
	agreement->ledger = policy.ledger;
	agreement->customer = me.address;
	agreement->deposit.ncoin = deposit;
	agreement->bond.ncoin = deposit / 10 + 1;
	agreement->victim_permille = 300;
	agreement->reporter_permille = 300;
	agreement->respond_ms = respond_ms;
	agreement->ends = souk_time_plus_ms(souk_clock_now(souk_clock_real()), ends_ms);
	souk_secret_rng_fill(&rng, &agreement->nonce, sizeof agreement->nonce);
	souk_keys_terms_of(&terms, &kfrags[i], &delegating.point, &receiving.point, &signer.point,
		policy.threshold, souk_amount_of_ncoin(price));
	souk_keys_agreement_set(agreement, &terms);
	struct souk_hash id = souk_agreement_digest(agreement);
	souk_ecdsa_sign(&delivery->agreement.signature, &id, &me);
	delivery->kfrag.size = SOUK_UMBRAL_KFRAG_SIZE;
	souk_umbral_kfrag_format(delivery->kfrag.data, &kfrags[i]);
	policy.shares.items[i] = (struct souk_key_share){agreement->provider, id};
}

static void grant(char *arguments)
{
	struct souk_ledger_status *ledger = malloc(sizeof *ledger);
	uint64_t numbers[5];
	char *word = strtok(arguments, " ");
	for (int i = 0; i < 5; i++, word = strtok(NULL, " "))
		numbers[i] = strtoull(word, NULL, 10);
	char *texts[SHARES_MAX];
	int count = 0;
	for (; word != NULL && count < SHARES_MAX; word = strtok(NULL, " "))
		texts[count++] = word;
	must(souk_chain_status(chain, ledger), "the ledger");
	memset(&policy, 0, sizeof policy);
	souk_umbral_key_generate(&delegating, &rng);
	policy.version = SOUK_KEY_POLICY_VERSION;
	policy.ledger = ledger->record.ledger;
	policy.threshold = (uint16_t)numbers[0];
	free(ledger);
	must(souk_umbral_delegate(kfrags, policy.threshold, (uint32_t)count, &delegating,
		     &receiving.point, &signer, true, true, &rng),
		"delegate");
	souk_point_format(policy.delegating.bytes, &delegating.point);
	souk_point_format(policy.receiving.bytes, &receiving.point);
	souk_point_format(policy.verifying.bytes, &signer.point);
	souk_point_format(policy.x.bytes, &kfrags[0].x);
	policy.expires = souk_time_plus_ms(souk_clock_now(souk_clock_real()), numbers[1]);
	policy.shares.count = (uint16_t)count;
	for (int i = 0; i < count; i++) {
		make_share(i, texts[i], numbers[1], numbers[2], numbers[3], numbers[4]);
		tell_delivery(i);
	}
	say("granted", SOUK_OK);
}

static void revoke(int i)
{
	body = (struct souk_tx_body){.kind = SOUK_TX_BODY_AGREEMENT_REVOKE,
		.agreement_revoke = {.agreement = policy.shares.items[i].agreement}};
	say("revoke", souk_chain_submit(chain, &body, &me, NULL));
}

static void delete_share(int i)
{
	struct provider_client proxy;
	struct souk_signed_key_deletion deletion = {.deletion = {.version = 0}};
	const struct souk_key_share *share = &policy.shares.items[i];
	souk_status status = connect_to(&proxy, &share->provider);
	if (status == SOUK_OK) {
		status = key_delete(&proxy, &share->agreement, &share->provider, &deletion);
		provider_client_done(&proxy);
	}
	printf("{\"delete\":\"%s\",\"time\":%" PRIu64 "}\n", souk_status_name(status),
		deletion.deletion.time.ms);
}

/* ------------------------------------------------------------------ the receiver */

static void tell_culprits(void)
{
	char hex[2 * KEY_EVIDENCE_MAX + 1], provider[2 * SOUK_ADDRESS_SIZE + 1];
	for (size_t i = 0; i < report.culprit_count; i++) {
		const struct key_culprit *culprit = &report.culprits[i];
		souk_hex_encode(hex, culprit->evidence, culprit->evidence_size);
		souk_hex_encode(provider, culprit->provider.bytes, SOUK_ADDRESS_SIZE);
		printf("%s{\"provider\":\"0x%s\",\"status\":\"%s\",\"fault\":%u,\"size\":%zu,"
		       "\"question\":%zu,\"detail\":\"%s\"}",
			i > 0 ? "," : "", provider, souk_status_name(culprit->status),
			culprit->fault, culprit->evidence_size, culprit->question_size,
			culprit->detail);
	}
}

static void retrieve(size_t count)
{
	struct souk_umbral_capsule *capsules = calloc(count, sizeof *capsules);
	struct souk_umbral_seed *wanted = calloc(count, sizeof *wanted),
				*got = calloc(count, sizeof *got);
	for (size_t i = 0; i < count; i++)
		souk_umbral_encapsulate(&capsules[i], &wanted[i], &delegating.point, &rng);
	souk_status status =
		key_retrieve(client, &policy, &receiving, capsules, count, got, &report);
	bool right = status == SOUK_OK && memcmp(wanted, got, count * sizeof *got) == 0;
	printf("{\"retrieve\":\"%s\",\"right\":%s,\"asked\":%u,\"good\":%u,\"requests\":%" PRIu64
	       ",\"spent\":%" PRIu64 ",\"allotted\":%s,\"us\":%" PRIu64 ",\"detail\":\"%s\","
	       "\"culprits\":[",
		souk_status_name(status), right ? "true" : "false", report.asked, report.good,
		report.requests, report.spent.ncoin, report.allotted ? "true" : "false",
		report.took_ns / 1000, report.detail);
	tell_culprits();
	printf("]}\n");
	free(capsules);
	free(wanted);
	free(got);
}

static void accuse(void)
{
	souk_status status = SOUK_LOCAL_NOT_FOUND;
	for (size_t i = 0; i < report.culprit_count; i++) {
		const struct key_culprit *culprit = &report.culprits[i];
		if (culprit->fault == 0)
			continue;
		body = (struct souk_tx_body){.kind = SOUK_TX_BODY_ACCUSE,
			.accuse = {.agreement = culprit->agreement, .fault = culprit->fault}};
		memcpy(body.accuse.evidence.data, culprit->evidence, culprit->evidence_size);
		body.accuse.evidence.size = (uint16_t)culprit->evidence_size;
		status = souk_chain_submit(chain, &body, &me, NULL);
	}
	say("accuse", status);
}

static void audit(char *arguments)
{
	static struct souk_agreement_record record;
	int i = atoi(strtok(arguments, " "));
	size_t count = (size_t)atoi(strtok(NULL, " ")) % CAPSULES_MAX;
	struct souk_umbral_capsule *capsules = calloc(count, sizeof *capsules);
	struct souk_umbral_seed seed;
	struct souk_amount spent = SOUK_AMOUNT_ZERO;
	for (size_t k = 0; k < count; k++)
		souk_umbral_encapsulate(&capsules[k], &seed, &delegating.point, &rng);
	souk_status status =
		souk_chain_agreement(chain, &policy.shares.items[i].agreement, &record);
	memset(&report, 0, sizeof report);
	if (status == SOUK_OK)
		status = key_retrieve_audit(
			client, &record, capsules, count, &report.culprits[0], &spent);
	report.culprit_count = report.culprits[0].status != SOUK_OK;
	printf("{\"audit\":\"%s\",\"spent\":%" PRIu64 ",\"culprits\":[", souk_status_name(status),
		spent.ncoin);
	tell_culprits();
	printf("]}\n");
	free(capsules);
}

static void challenge(int i)
{
	struct souk_key_question question;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	struct souk_writer writer;
	souk_umbral_encapsulate(&capsule, &seed, &delegating.point, &rng);
	question.capsule.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
	souk_umbral_capsule_format_simple(question.capsule.data, &capsule);
	body = (struct souk_tx_body){.kind = SOUK_TX_BODY_CHALLENGE,
		.challenge = {.agreement = policy.shares.items[i].agreement}};
	souk_writer_init(
		&writer, body.challenge.question.data, sizeof body.challenge.question.data);
	souk_key_question_encode(&writer, &question);
	body.challenge.question.size = (uint16_t)writer.size;
	say("challenge", souk_chain_submit(chain, &body, &me, NULL));
}

static void spoil(char *arguments)
{
	static struct provider_store store;
	struct proxy_secrets secrets;
	struct souk_key_grant_record record;
	uint8_t packed[SOUK_UMBRAL_KFRAG_SIZE];
	char path[512];
	const char *folder = strtok(arguments, " ");
	int i = atoi(strtok(NULL, " "));
	const struct souk_hash *id = &policy.shares.items[i].agreement;
	/* Of another policy, so that what is made with it proves something else. */
	struct souk_umbral_key other;
	souk_umbral_key_generate(&other, &rng);
	must(souk_umbral_delegate(&kfrags[SHARES_MAX], 1, 1, &other, &receiving.point, &signer,
		     true, true, &rng),
		"delegate");
	souk_umbral_kfrag_format(packed, &kfrags[SHARES_MAX]);
	snprintf(path, sizeof path, "%s/proxy.secret", folder);
	must(proxy_secrets_load(&secrets, path, false), path);
	must(provider_store_open(&store, folder, false), folder);
	must(proxy_store_get(&store, id, &record), "the grant");
	must(proxy_seal(&record, &secrets, id, souk_bytes_of(packed, sizeof packed)), "seal");
	must(proxy_store_put(&store, id, &record), "the grant");
	provider_store_close(&store);
	say("spoil", SOUK_OK);
}

/* ------------------------------------------------------------------ what to do */

static void set(char *arguments)
{
	const char *name = strtok(arguments, " ");
	uint64_t value = strtoull(strtok(NULL, " "), NULL, 10);
	if (strcmp(name, "units") == 0)
		config.units = (uint32_t)value;
	else if (strcmp(name, "window") == 0)
		config.window = (uint16_t)value;
	else if (strcmp(name, "hedge") == 0)
		config.hedge_ms = value;
	else
		config.timeout_ms = value;
	say("set", SOUK_OK);
}

static void obey(char *line)
{
	char *rest = strchr(line, ' ');
	static char none[] = "";
	if (rest != NULL)
		*rest++ = '\0';
	else
		rest = none;
	if (strcmp(line, "offer") == 0)
		offer(rest);
	else if (strcmp(line, "grant") == 0)
		grant(rest);
	else if (strcmp(line, "again") == 0)
		tell_delivery(atoi(rest));
	else if (strcmp(line, "retrieve") == 0)
		retrieve((size_t)atoi(rest) % CAPSULES_MAX);
	else if (strcmp(line, "set") == 0)
		set(rest);
	else if (strcmp(line, "accuse") == 0)
		accuse();
	else if (strcmp(line, "audit") == 0)
		audit(rest);
	else if (strcmp(line, "challenge") == 0)
		challenge(atoi(rest));
	else if (strcmp(line, "revoke") == 0)
		revoke(atoi(rest));
	else if (strcmp(line, "delete") == 0)
		delete_share(atoi(rest));
	else if (strcmp(line, "spoil") == 0)
		spoil(rest);
	else if (strcmp(line, "reopen") == 0) {
		open_client();
		say("reopen", SOUK_OK);
	} else {
		say("unknown", SOUK_PEER_BAD_REQUEST);
	}
}

int main(int argc, char **argv)
{
	static char line[16384];
	char path[512];
	uint8_t seed[32];
	if (argc != 3)
		return 2;
	home = argv[1];
	ledger_url = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(path, sizeof path, "%.480s/identity.key", home);
	must(identity_file_load(&me, path), path);
	must(souk_entropy_fill(souk_entropy_real(), seed, sizeof seed), "entropy");
	souk_secret_rng_init(&rng, seed);
	souk_umbral_key_generate(&receiving, &rng);
	souk_umbral_key_generate(&signer, &rng);
	chain = souk_chain_client_new(ledger_url);
	souk_chain_set_lock(chain, path);
	open_client();
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		obey(line);
	}
	key_client_free(client);
	souk_chain_client_free(chain);
	return 0;
}
