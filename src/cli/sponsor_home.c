/* SPDX-License-Identifier: Apache-2.0 */
#include "sponsor_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../client/sponsor_paths.h"
#include "../daemon/listen_address.h"
#include "../daemon/sponsor_node.h"
#include "souk/content/sponsor.h"
#include "souk/io/ini.h"
#include "souk/io/tls_key.h"

#define TIMEOUT_MS	5000u
#define REPORT_SIZE_MAX (4u << 20)

const char config_sponsor[] =
	"\n"
	"[sponsor]\n"
	"# Where viewers ask who serves them at your expense (HTTPS, a key of its own).\n"
	"control = %s\n"
	"# How others reach it, where that differs.\n"
	"# url = https://publisher.example:7630\n"
	"# Which of this identity's escrows pays the caches; souk publish fills it.\n"
	"# escrow = 0\n"
	"# Caches of a bundle. With more of them colluding caches gain less.\n"
	"# caches = 3\n"
	"# Chunks of a content for each of them at least; smaller contents have fewer caches.\n"
	"# share = 1\n"
	"# Most coins for a unit (256 KiB), where souk publish names no price.\n"
	"# price = 0.0002\n"
	"# Coins for all contents together, ever; 0: each content's own budget is all.\n"
	"# budget = 0\n"
	"# Units that one viewer, and all viewers of one network, may have in an epoch; 0: no "
	"limit.\n"
	"# A network has a quarter of what the line pays for at most.\n"
	"# viewer_units = 65536\n"
	"# network_units = 1048576\n"
	"# Only viewers whom this address admits (souk sponsor admit).\n"
	"# site = 0x...\n"
	"# The proof that bytes were moved: fast, reference or none.\n"
	"# puzzle = fast\n"
	"# Caches of one content at most; units a second that one is thought to serve.\n"
	"# replicas = 32\n"
	"# replica_units = 64\n"
	"# About how often a viewer of your own audits the caches; 0: never.\n"
	"# audit = 10m\n";

static void read_section(struct souk_ini *ini, struct sponsor_home *ret, char *url, size_t size)
{
	struct sponsor_node_config c;
	struct listen_address where;
	sponsor_node_config_default(&c);
	souk_ini_text(ini, "sponsor", "control", &c.control);
	souk_ini_text(ini, "sponsor", "url", &c.url);
	souk_ini_u64(ini, "sponsor", "escrow", 0, UINT64_MAX, &c.escrow);
	souk_ini_u64(ini, "sponsor", "caches", 1, SOUK_BUNDLE_CACHES_MAX, &c.caches);
	souk_ini_u64(ini, "sponsor", "contents", 1, 4096, &c.contents);
	souk_ini_amount(ini, "sponsor", "price", &c.price);
	ret->escrow = c.escrow;
	ret->caches = c.caches;
	ret->contents = c.contents;
	ret->price = c.price;
	url[0] = '\0';
	if (c.url != NULL) {
		snprintf(url, size, "%s", c.url);
	} else if (listen_address_parse(&where, c.control)) {
		char text[LISTEN_URL_SIZE];
		listen_address_url(text, &where, "https", where.port);
		snprintf(url, size, "%s", text);
	}
}

bool sponsor_home_read(struct sponsor_home *ret, const char *command)
{
	char error[SOUK_INI_ERROR_SIZE], url[CONTROL_URL_SIZE];
	struct souk_ini *ini;
	struct souk_tls_key tls = {0};
	*ret = (struct sponsor_home){.escrow = 0};
	souk_status status = souk_ini_read(&ini, cli_home_file("souk.ini"), error);
	if (status != SOUK_OK) {
		cli_fail(command, cli_home_file("souk.ini"), status, error);
		fputs("Make a home first: souk init --role sponsor\n", stderr);
		return false;
	}
	bool is_sponsor = souk_ini_has_section(ini, "sponsor");
	ret->sells = souk_ini_has_section(ini, "provider");
	if (is_sponsor)
		read_section(ini, ret, url, sizeof url);
	souk_ini_free(ini);
	if (!is_sponsor || url[0] == '\0') {
		cli_fail(command, cli_home_file("souk.ini"), SOUK_LOCAL_NOT_FOUND,
			"no section [sponsor], or its control is no ADDR:PORT; souk init --role "
			"sponsor makes a home that has one");
		return false;
	}
	status = souk_tls_key_open(&tls, cli_home_file("tls.pem"));
	if (status != SOUK_OK) {
		cli_fail(command, cli_home_file("tls.pem"), status, NULL);
		return false;
	}
	control_name_format(ret->name, url, &tls.pin);
	souk_tls_key_done(&tls);
	return true;
}

json_t *sponsor_home_report(const char *name, souk_status *ret_status)
{
	struct control_client client = {0};
	struct control_place place;
	struct souk_http_answer answer;
	json_t *report = NULL;
	souk_status status = control_name_parse(&place, name);
	if (status == SOUK_OK)
		status = control_client_init(&client, &place, TIMEOUT_MS);
	if (status == SOUK_OK)
		status = control_client_call(&client, "GET", SPONSOR_PATH_REPORT,
			souk_bytes_of(NULL, 0), REPORT_SIZE_MAX, &answer);
	if (status == SOUK_OK) {
		report = json_loadb(answer.body, answer.size, 0, NULL);
		status = json_is_object(report) ? SOUK_OK : SOUK_PEER_BAD_REQUEST;
		souk_http_answer_done(&answer);
	}
	control_client_done(&client);
	*ret_status = status;
	if (status == SOUK_OK)
		return report;
	json_decref(report);
	return NULL;
}

uint64_t report_u64(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

const char *report_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text != NULL ? text : "";
}
