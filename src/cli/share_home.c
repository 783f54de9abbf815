/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "key.h"
#include "share.h"
#include "souk/base/check.h"
#include "souk/io/file.h"

#define TEXT_MAX 4096u

const char *share_id_text(const struct souk_nonce *policy)
{
	static char text[4][2 * SOUK_NONCE_SIZE + 1];
	static int next;
	char *out = text[next++ % 4];
	souk_hex_encode(out, policy->bytes, SOUK_NONCE_SIZE);
	return out;
}

const char *share_point_text(const struct souk_pubkey *point)
{
	static char text[4][2 * SOUK_PUBKEY_SIZE + 1];
	static int next;
	char *out = text[next++ % 4];
	souk_hex_encode(out, point->bytes, SOUK_PUBKEY_SIZE);
	return out;
}

static void say(void *ctx, const char *line)
{
	const struct share_home *home = ctx;
	if (!cli_json)
		fprintf(stderr, "souk %s: %s\n", home->command, line);
}

static bool open_vault(struct share_home *home, bool makes)
{
	const char *detail = NULL;
	const struct vault_home_config config = {.home = cli_home_path(),
		.identity = &home->identity,
		.passphrase_file = key_passphrase_file,
		.actor = "cli",
		.must_exist = !makes};
	souk_status status = vault_home_open(&home->grant.vault, &config, &detail);
	if (status == SOUK_OK)
		return true;
	cli_fail(home->command, cli_home_file("vault.mdb"), status,
		status == SOUK_LOCAL_NOT_FOUND
			? "this home has no vault yet: souk key create NAME makes one"
			: detail);
	return false;
}

/* One at a time; and what another one left when it was killed is taken back. */
static bool take_lock(struct share_home *home)
{
	size_t count = 0;
	souk_status status = key_grant_lock(cli_home_path(), &home->lock);
	if (status != SOUK_OK) {
		cli_fail(home->command, cli_home_file("shares"), status, NULL);
		return false;
	}
	status = key_grant_sweep(&home->grant, &count);
	if (count > 0 && !cli_json)
		fprintf(stderr, "souk %s: %zu unfinished %s of an earlier command revoked\n",
			home->command, count, count == 1 ? "policy was" : "policies were");
	(void)status; /* it is swept the next time; what is to be done now may work all the same */
	return true;
}

bool share_home_open(struct share_home *ret, const char *command, bool makes, bool writes)
{
	*ret = (struct share_home){.command = command, .lock = -1};
	if (!cli_load_identity(&ret->identity))
		return false;
	ret->grant = (struct key_grant_home){
		.home = cli_home_path(),
		.ledger_url = cli_ledger_url(),
		.identity = &ret->identity,
		.note = say,
		.note_ctx = ret,
	};
	if (open_vault(ret, makes) && (!writes || take_lock(ret)))
		return true;
	share_home_close(ret);
	return false;
}

void share_home_close(struct share_home *home)
{
	if (home->grant.vault != NULL)
		vault_home_close(home->grant.vault);
	home->grant.vault = NULL;
	if (home->lock >= 0)
		close(home->lock);
	souk_bytes_wipe(&home->identity, sizeof home->identity);
}

/* ------------------------------------------------------------------ arguments */

static bool parse_point(const char *text, struct souk_pubkey *ret)
{
	struct souk_point point;
	struct souk_pubkey bytes;
	if (strlen(text) != 2 * SOUK_PUBKEY_SIZE ||
		souk_hex_decode(bytes.bytes, SOUK_PUBKEY_SIZE, text) != SOUK_OK ||
		souk_point_parse(&point, bytes.bytes) != SOUK_OK)
		return false;
	*ret = bytes;
	return true;
}

int share_receiver_argument(const char *command, const char *text, struct souk_pubkey *ret)
{
	static const char advice[] =
		"a receiver is a public key of 66 hexadecimal digits, as souk key show prints it, "
		"or a file with one";
	char *file, digits[2 * SOUK_PUBKEY_SIZE + 1];
	size_t size;
	if (parse_point(text, ret))
		return 0;
	souk_status status = souk_file_read(text, TEXT_MAX, &file, &size);
	if (status != SOUK_OK) {
		cli_fail(command, text, SOUK_PEER_BAD_PUBKEY, advice);
		return EXIT_USAGE;
	}
	size_t length = strcspn(file, " \t\r\n");
	snprintf(digits, sizeof digits, "%s", length == sizeof digits - 1 ? file : "");
	free(file);
	if (parse_point(digits, ret))
		return 0;
	cli_fail(command, text, SOUK_PEER_BAD_PUBKEY, advice);
	return EXIT_USAGE;
}

bool share_address_parse(struct souk_address *ret, const char *text)
{
	const char *digits = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
	return strlen(digits) == 2 * SOUK_ADDRESS_SIZE &&
	       souk_hex_decode(ret->bytes, SOUK_ADDRESS_SIZE, digits) == SOUK_OK;
}

static souk_status policy_of(
	const struct share_home *home, const struct souk_pubkey *delegating, struct souk_nonce *ret)
{
	struct souk_vault vault;
	struct souk_vault_policy policy;
	SOUK_TRY(vault_home_begin_read(home->grant.vault, &vault));
	souk_status status = souk_vault_policy_of_point(&vault, delegating, &policy);
	vault_home_end_read(home->grant.vault);
	if (status == SOUK_OK)
		*ret = policy.id;
	return status;
}

int share_policy_argument(const struct share_home *home, const char *text, struct souk_nonce *ret)
{
	struct souk_signed_content_share share;
	struct souk_key_policy policy;
	const struct souk_pubkey *point = &share.share.policy.delegating;
	if (strlen(text) == 2 * SOUK_NONCE_SIZE &&
		souk_hex_decode(ret->bytes, SOUK_NONCE_SIZE, text) == SOUK_OK)
		return 0;
	souk_status status = share_store_read(text, &share);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND) {
		status = share_store_policy(text, &policy);
		point = &policy.delegating;
	}
	if (status != SOUK_OK) {
		cli_fail(home->command, text, status,
			"name a policy by its id of 32 digits (souk shares lists them), or by the "
			"file that its receiver was given");
		return EXIT_USAGE;
	}
	status = policy_of(home, point, ret);
	if (status != SOUK_OK)
		return cli_fail(home->command, text, status, "it was not shared from this home");
	return 0;
}

/* ------------------------------------------------------------------ wishes */

static bool complain(const char *command, const char *text)
{
	fprintf(stderr, "souk %s: %s\n", command, text);
	return false;
}

bool share_wish_fill(const char *command, const struct share_wish *options,
	struct key_grant_wish *ret, struct souk_address *chosen)
{
	*ret = (struct key_grant_wish){.threshold = (uint32_t)options->threshold,
		.proxies = (uint32_t)options->proxies,
		.expires = souk_time_plus_ms(cli_now(), options->expires_ms),
		.chosen = chosen,
		.chosen_count = options->chosen.count,
		.price_max = options->price_max,
		.deposit = options->deposit,
		.victim_permille = 500,
		.reporter_permille = 250,
		.respond_ms = options->respond_ms};
	if (options->with == NULL)
		return complain(command, "name the receiver: --with KEY (66 hexadecimal digits)");
	if (options->threshold < 1 || options->threshold > options->proxies ||
		options->proxies > SOUK_UMBRAL_SHARES_MAX)
		return complain(
			command, "--threshold is from 1 to --proxies, and --proxies at most 64");
	if (options->expires_ms == 0)
		return complain(command, "--expires is a time from now on: 7d, 12h");
	for (unsigned i = 0; i < options->chosen.count; i++) {
		if (!share_address_parse(&chosen[i], options->chosen.values[i]))
			return complain(command, "--proxy takes a provider's address: 0x and 40 "
						 "hexadecimal digits");
	}
	return share_receiver_argument(command, options->with, &ret->receiving) == 0;
}

int share_grant_failed(const char *command, souk_status status, const struct key_grant_wish *wish,
	const struct key_grant_report *report)
{
	char detail[400] = "";
	if (status == SOUK_LOCAL_NO_PROXY && report->usable < wish->proxies)
		snprintf(detail, sizeof detail,
			"%" PRIu32 " of %" PRIu32 " providers would, and %" PRIu32
			" are needed; take less --proxies, a smaller --deposit, a shorter "
			"--expires or a higher --price-max. Nothing was granted",
			report->usable, report->asked, wish->proxies);
	else if (status == SOUK_LOCAL_NO_PROXY)
		snprintf(detail, sizeof detail,
			"%" PRIu32 " of them said that they would, and did not in the end. What "
			"had been granted is revoked",
			report->usable);
	return cli_fail(command, "no policy was made", status, detail);
}
