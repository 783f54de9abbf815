/* SPDX-License-Identifier: Apache-2.0
 *
 * key check: audits. Anybody can encrypt a fresh capsule to a policy's key and pay a proxy for its
 * fragment, which is of no use to him; the proxy cannot tell him from the receiver. One that lost
 * a part f of its fragments is found with 1 - (1 - f)^count. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/key_retrieve.h"
#include "key.h"
#include "key_policy.h"
#include "share.h"
#include "share_culprits.h"
#include "souk/base/check.h"
#include "souk/io/entropy_real.h"
#include "souk/keys/service.h"

#define GRANTS_MAX 65536u

static uint64_t count_wanted = 44, escrow_number;
static const char *policy_text, *evidence_path = "check";

/* What one proxy came to. */
struct checked {
	struct souk_address provider;
	uint64_t asked, good, lost, wrong;
};

struct checking {
	struct share_home home;
	struct souk_chain_client *chain;
	struct key_client *client;
	struct souk_secret_rng rng;
	struct souk_hash *grants; /* agreements that run */
	size_t grant_count, grant_room;
	struct checked *proxies;
	size_t proxy_count;
	struct checked sum;
	struct souk_amount spent;
	json_t *evidence;
};

/* ------------------------------------------------------------------ which grants */

static souk_status add_grant(struct checking *c, const struct souk_hash *id)
{
	if (c->grant_count == c->grant_room) {
		size_t room = c->grant_room == 0 ? 64 : 2 * c->grant_room;
		struct souk_hash *grown = realloc(c->grants, room * sizeof *grown);
		if (grown == NULL)
			return SOUK_IO_MEMORY;
		c->grants = grown;
		c->grant_room = room;
	}
	c->grants[c->grant_count++] = *id;
	return SOUK_OK;
}

/* Whether it is to be served, or, when it was revoked long enough ago, surely is not. */
static bool runs(const struct souk_agreement_record *record)
{
	const struct souk_agreement *agreement = &record->agreement;
	struct souk_time known = souk_time_plus_ms(record->revoked, agreement->respond_ms / 2);
	return agreement->service == SOUK_SERVICE_KEYS && !record->convicted &&
	       (record->revoked.ms == 0 || souk_time_is_before(known, cli_now())) &&
	       souk_time_is_before(cli_now(), agreement->ends);
}

static souk_status find_all(struct checking *c)
{
	struct souk_agreement_page *page = malloc(sizeof *page);
	struct souk_hash from = {{0}};
	souk_status status = page == NULL ? SOUK_IO_MEMORY : SOUK_OK;
	bool more = status == SOUK_OK;
	while (status == SOUK_OK && more && c->grant_count < GRANTS_MAX) {
		status = souk_chain_agreements(c->chain, &from, NULL, page);
		for (int i = 0; status == SOUK_OK && i < page->items.count; i++) {
			struct souk_hash id =
				souk_agreement_digest(&page->items.items[i].agreement);
			if (runs(&page->items.items[i]))
				status = add_grant(c, &id);
		}
		more = status == SOUK_OK && page->more;
		from = page->next;
	}
	free(page);
	return status;
}

static souk_status find_of_policy(struct checking *c, const struct souk_nonce *id)
{
	struct souk_agreement_record record;
	struct souk_vault_policy policy;
	struct souk_vault vault;
	SOUK_TRY(vault_home_begin_read(c->home.grant.vault, &vault));
	souk_status status = souk_vault_policy_show(&vault, id, &policy);
	vault_home_end_read(c->home.grant.vault);
	for (size_t i = 0; status == SOUK_OK && i < policy.shares.count; i++) {
		const struct souk_hash *agreement = &policy.shares.items[i].agreement;
		souk_status found = souk_chain_agreement(c->chain, agreement, &record);
		if (souk_status_class(found) == SOUK_CLASS_IO)
			return found;
		if (found == SOUK_OK && runs(&record))
			status = add_grant(c, agreement);
	}
	return status;
}

/* ------------------------------------------------------------------ one audit */

static struct checked *proxy_of(struct checking *c, const struct souk_address *provider)
{
	for (size_t i = 0; i < c->proxy_count; i++) {
		if (souk_address_equal(&c->proxies[i].provider, provider))
			return &c->proxies[i];
	}
	struct checked *grown = realloc(c->proxies, (c->proxy_count + 1) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	c->proxies = grown;
	grown[c->proxy_count] = (struct checked){.provider = *provider};
	return &grown[c->proxy_count++];
}

static void count_one(
	struct checked *checked, souk_status status, const struct key_culprit *culprit)
{
	checked->asked++;
	if (status == SOUK_OK)
		checked->good++;
	else if (culprit->fault != 0)
		checked->wrong++;
	else
		checked->lost++;
}

static uint64_t draw(struct checking *c, uint64_t below)
{
	uint64_t value;
	souk_secret_rng_fill(&c->rng, &value, sizeof value);
	return value % below; /* the bias is 2^-48 here */
}

/* SOUK_OK: it was asked, whatever came of it. */
static souk_status check_one(struct checking *c)
{
	static struct key_culprit culprit;
	struct souk_agreement_record record;
	struct souk_keys_policy terms;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	struct souk_amount spent = {0};
	const struct souk_hash *id = &c->grants[draw(c, c->grant_count)];
	SOUK_TRY(souk_chain_agreement(c->chain, id, &record));
	if (!runs(&record) || souk_keys_policy_parse(&terms, &record.agreement) != SOUK_OK)
		return SOUK_OK; /* it ended in between */
	souk_umbral_encapsulate(&capsule, &seed, &terms.delegating, &c->rng);
	souk_bytes_wipe(&seed, sizeof seed);
	culprit = (struct key_culprit){0};
	souk_status status = key_retrieve_audit(c->client, &record, &capsule, 1, &culprit, &spent);
	if (souk_amount_add(&c->spent, c->spent, spent) != SOUK_OK)
		c->spent = souk_amount_of_ncoin(UINT64_MAX);
	if (status != SOUK_OK && culprit.status == SOUK_OK)
		return status; /* ours */
	struct checked *proxy = proxy_of(c, &record.agreement.provider);
	if (proxy == NULL)
		return SOUK_IO_MEMORY;
	count_one(proxy, status, &culprit);
	count_one(&c->sum, status, &culprit);
	if (status != SOUK_OK)
		share_culprit_write("key check", evidence_path, &culprit, c->evidence);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ the command */

static void print_result(const struct checking *c)
{
	static const char *const headings[] = {"proxy", "asked", "good", "lost", "wrong"};
	static const bool is_number[] = {false, true, true, true, true};
	json_t *list = cli_json ? json_array() : NULL;
	struct cli_table *table = cli_json ? NULL : cli_table_new(5, headings, is_number);
	for (size_t i = 0; i < c->proxy_count; i++) {
		const struct checked *p = &c->proxies[i];
		char text[4][24];
		snprintf(text[0], sizeof text[0], "%" PRIu64, p->asked);
		snprintf(text[1], sizeof text[1], "%" PRIu64, p->good);
		snprintf(text[2], sizeof text[2], "%" PRIu64, p->lost);
		snprintf(text[3], sizeof text[3], "%" PRIu64, p->wrong);
		const char *cells[] = {
			cli_address_text(&p->provider), text[0], text[1], text[2], text[3]};
		if (table != NULL)
			cli_table_add(table, cells);
		else
			json_array_append_new(
				list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "provider", cells[0],
					      "asked", (json_int_t)p->asked, "good",
					      (json_int_t)p->good, "lost", (json_int_t)p->lost,
					      "wrong", (json_int_t)p->wrong));
	}
	if (cli_json) {
		cli_print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:O}", "grants",
			(json_int_t)c->grant_count, "asked", (json_int_t)c->sum.asked, "good",
			(json_int_t)c->sum.good, "lost", (json_int_t)c->sum.lost, "wrong",
			(json_int_t)c->sum.wrong, "spent_ncoin", (json_int_t)c->spent.ncoin,
			"proxies", list, "evidence", c->evidence));
		return;
	}
	cli_table_print(table);
	printf("%" PRIu64 " audits of %zu grants for %s coins: %" PRIu64 " good, %" PRIu64
	       " lost, %" PRIu64 " wrong\n",
		c->sum.asked, c->grant_count, cli_amount_text(c->spent), c->sum.good, c->sum.lost,
		c->sum.wrong);
}

static souk_status open_client(struct checking *c)
{
	uint8_t seed[32];
	const struct key_client_config config = {.home = cli_home_path(),
		.ledger_url = cli_ledger_url(),
		.identity = &c->home.identity,
		.escrow = escrow_number,
		.units = 16};
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), seed, sizeof seed));
	souk_secret_rng_init(&c->rng, seed);
	souk_bytes_wipe(seed, sizeof seed);
	return key_client_new(&c->client, &config);
}

static int check(struct checking *c)
{
	struct souk_nonce policy;
	int failed =
		policy_text != NULL ? share_policy_argument(&c->home, policy_text, &policy) : 0;
	if (failed != 0)
		return failed;
	souk_status status = policy_text != NULL ? find_of_policy(c, &policy) : find_all(c);
	if (status == SOUK_OK && c->grant_count == 0)
		return cli_fail("key check", policy_text != NULL ? policy_text : "the ledger",
			SOUK_LOCAL_NOT_FOUND, "there is no grant that runs");
	if (status == SOUK_OK)
		status = open_client(c);
	for (uint64_t i = 0; status == SOUK_OK && i < count_wanted; i++)
		status = check_one(c);
	if (status != SOUK_OK && c->sum.asked == 0)
		return cli_fail("key check", "no audit was made", status,
			"audits are paid from your escrow, as any request is");
	print_result(c);
	if (status != SOUK_OK)
		cli_fail("key check", "not all audits were made", status, NULL);
	return status == SOUK_OK && c->sum.good == c->sum.asked ? 0 : EXIT_REFUSED;
}

int key_policy_check(int argc, char **argv)
{
	static struct checking checking;
	static const struct option_spec options[] = {
		{"count", "N", "how many audits (44: finds who lost a tenth, 99 times in 100)",
			OPTION_U64, &count_wanted},
		{"policy", "POLICY", "only of this policy's proxies (all grants on the ledger)",
			OPTION_TEXT, &policy_text},
		{"escrow", "N", "which of your escrows pays (0)", OPTION_U64, &escrow_number},
		{"evidence", "PREFIX", "of files about proxies that failed (check)", OPTION_TEXT,
			&evidence_path},
		KEY_PASSPHRASE_OPTION,
	};
	static const struct command_spec command = {.name = "key check",
		.arguments = "",
		.summary = "Audit proxies: ordinary paid requests, of grants drawn at random.",
		.details = "A proxy cannot tell an audit from its receiver. Who serves what was "
			   "revoked is as wrong\n"
			   "as who sends a wrong fragment. What is wrong convicts it; of what is\n"
			   "lost there is a question for the ledger, which the grant's owner and "
			   "receiver may ask.\n"
			   "Exit status 1 where an audit failed.",
		.examples =
			"  souk key check\n  souk key check --policy report.pdf.share --count 6 "
			"--json",
		.options = options,
		.option_count = SOUK_COUNT_OF(options)};
	int count;
	enum parse_outcome outcome = options_parse(&command, argc, argv, &count);
	if (outcome != PARSE_GO)
		return outcome == PARSE_HELPED ? 0 : EXIT_USAGE;
	if (count_wanted == 0 || count_wanted > 100000) {
		fprintf(stderr, "souk key check: --count is 1 to 100000\n");
		return EXIT_USAGE;
	}
	if (!share_home_open(&checking.home, command.name, true, false))
		return EXIT_REFUSED;
	checking.chain = cli_open_ledger();
	checking.evidence = json_array();
	int code = check(&checking);
	key_client_free(checking.client);
	souk_chain_client_free(checking.chain);
	json_decref(checking.evidence);
	free(checking.grants);
	free(checking.proxies);
	share_home_close(&checking.home);
	return code;
}
