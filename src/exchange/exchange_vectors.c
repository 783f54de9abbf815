/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints spec/vectors/exchange.json, or with --check FILE compares it with FILE. */
#include <stdio.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/exchange/header.h"
#include "souk/exchange/hub.h"
#include "souk/exchange/sponsored.h"

#define OUT_MAX 8192

static char out[OUT_MAX];
static struct souk_writer writer;

static void member_hex(const char *name, const void *data, size_t size, const char *end)
{
	souk_writer_text(&writer, "    \"");
	souk_writer_text(&writer, name);
	souk_writer_text(&writer, "\": \"");
	souk_writer_hex(&writer, data, size);
	souk_writer_text(&writer, "\"");
	souk_writer_text(&writer, end);
}

static void member_text(const char *name, const char *text, const char *end)
{
	souk_writer_text(&writer, "    \"");
	souk_writer_text(&writer, name);
	souk_writer_text(&writer, "\": \"");
	souk_writer_text(&writer, text);
	souk_writer_text(&writer, "\"");
	souk_writer_text(&writer, end);
}

static void member_number(const char *name, uint64_t value)
{
	souk_writer_text(&writer, "    \"");
	souk_writer_text(&writer, name);
	souk_writer_text(&writer, "\": ");
	souk_writer_decimal(&writer, value);
	souk_writer_text(&writer, ",\n");
}

static struct souk_hash secret_of_session(void)
{
	struct souk_seckey mine_key, peer_key;
	struct souk_identity mine, peer;
	struct souk_nonce session;
	struct souk_hash ask, secret, other;
	memset(&mine_key, 0x11, sizeof mine_key);
	memset(&peer_key, 0x22, sizeof peer_key);
	memset(&session, 0x33, sizeof session);
	memset(&ask, 0x44, sizeof ask);
	SOUK_CHECK(souk_identity_of(&mine, &mine_key) == SOUK_OK);
	SOUK_CHECK(souk_identity_of(&peer, &peer_key) == SOUK_OK);
	SOUK_CHECK(souk_session_secret(&secret, &mine.seckey, &peer.pubkey, &session, &ask) ==
		   SOUK_OK);
	SOUK_CHECK(
		souk_session_secret(&other, &peer.seckey, &mine.pubkey, &session, &ask) == SOUK_OK);
	SOUK_CHECK(souk_hash_equal(&secret, &other));
	souk_writer_text(&writer, "  \"session_secret\": {\n");
	member_hex("seckey", &mine.seckey, sizeof mine.seckey, ",\n");
	member_hex("peer", &peer.pubkey, sizeof peer.pubkey, ",\n");
	member_hex("session", &session, sizeof session, ",\n");
	member_hex("ask", &ask, sizeof ask, ",\n");
	member_hex("secret", &secret, sizeof secret, "\n  },\n");
	return secret;
}

static void write_units(const struct souk_nonce *session)
{
	static const struct {
		uint32_t unit;
		uint64_t chunk;
	} table[] = {{1, 0}, {2, 1}, {256, 4095}, {65536, 1099511627776u}};
	souk_writer_text(&writer, "  \"units\": [\n");
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_hash key;
		uint8_t text[80] = {0};
		memset(&key, (int)(0x50 + i), sizeof key);
		struct souk_unit_cipher cipher =
			souk_unit_cipher_of(session, table[i].unit, table[i].chunk, &key);
		souk_unit_cipher_xor(&cipher, text, text, sizeof text);
		souk_writer_text(&writer, "   {\n");
		member_hex("session", session, sizeof *session, ",\n");
		member_number("unit", table[i].unit);
		member_number("chunk", table[i].chunk);
		member_hex("k", &key, sizeof key, ",\n");
		member_hex("cipher_key", cipher.key, sizeof cipher.key, ",\n");
		member_hex("cipher_nonce", cipher.nonce, sizeof cipher.nonce, ",\n");
		member_hex("keystream", text, sizeof text, "\n   }");
		souk_writer_text(&writer, i + 1 < SOUK_COUNT_OF(table) ? ",\n" : "\n  ],\n");
	}
}

static void write_keys(const struct souk_hash *secret)
{
	static const uint32_t units[] = {1, 300, 65536};
	souk_writer_text(&writer, "  \"keys\": [\n");
	for (size_t i = 0; i < SOUK_COUNT_OF(units); i++) {
		struct souk_hash key;
		char text[SOUK_KEY_TEXT_SIZE];
		memset(&key, (int)(0x60 + i), sizeof key);
		struct souk_unit_key masked = {
			units[i], souk_unit_key_mask(secret, units[i], &key)};
		souk_key_format(text, &masked);
		souk_writer_text(&writer, "   {\n");
		member_hex("secret", secret, sizeof *secret, ",\n");
		member_number("unit", units[i]);
		member_hex("k", &key, sizeof key, ",\n");
		member_text("header", text, "\n   }");
		souk_writer_text(&writer, i + 1 < SOUK_COUNT_OF(units) ? ",\n" : "\n  ],\n");
	}
}

static void write_requests(const struct souk_hash *secret, const struct souk_nonce *session)
{
	struct souk_unit_request table[] = {
		{.session = *session, .unit = 1, .chunk = 7},
		{.session = *session,
			.unit = 65536,
			.chunk = UINT64_MAX,
			.has_ticket = true,
			.ticket = {.unit = 65535, .value = {{0x99}}}},
		{.session = *session,
			.has_ticket = true,
			.ticket = {.strip = 1, .unit = 2, .value = {{0x98}}}},
	};
	souk_writer_text(&writer, "  \"requests\": [\n");
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		char path[SOUK_PATH_SIZE], auth[SOUK_AUTH_TEXT_SIZE];
		char ticket[SOUK_TICKET_TEXT_SIZE] = "";
		table[i].auth = souk_unit_request_auth(secret, &table[i]);
		souk_path_format(path, &table[i]);
		souk_auth_format(auth, &table[i].auth);
		if (table[i].has_ticket)
			souk_ticket_format(ticket, &table[i].ticket);
		souk_writer_text(&writer, "   {\n");
		member_hex("secret", secret, sizeof *secret, ",\n");
		member_text("path", path, ",\n");
		member_text("ticket", ticket, ",\n");
		member_text("auth", auth, "\n   }");
		souk_writer_text(&writer, i + 1 < SOUK_COUNT_OF(table) ? ",\n" : "\n  ]\n");
	}
}

/* A key chain, and what a grant says of it: its checkpoints' leaves, and their root. */
static void write_key_chain(const struct souk_nonce *session)
{
	static struct souk_chain chain;
	struct souk_hash secret, leaves[SOUK_CHAIN_CHECKPOINT_MAX];
	memset(&secret, 0x77, sizeof secret);
	souk_chain_init(&chain, souk_chain_tag_key, session, 1000, &secret);
	uint32_t count = souk_chain_checkpoint_leaves(&chain, leaves);
	souk_writer_text(&writer, "  \"key_chain\": {\n");
	member_hex("session", session, sizeof *session, ",\n");
	member_number("units", chain.length);
	member_hex("secret", &secret, sizeof secret, ",\n");
	member_hex("key_anchor", &chain.anchor, sizeof chain.anchor, ",\n");
	member_hex("key_checkpoints", &chain.checkpoint_root, sizeof chain.checkpoint_root, ",\n");
	member_hex("key_leaves", leaves, count * sizeof *leaves, "\n  },\n");
}

/* A customer's chain to a hub, what a unit costs there, and under what a voucher is kept. */
static void write_hub(const struct souk_nonce *session)
{
	static const struct {
		uint64_t price;
		uint16_t permille;
	} table[] = {{100000, 20}, {1, 1}, {1001, 999}};
	static struct souk_chain chain;
	struct souk_hash secret, value;
	struct souk_nonce voucher;
	memset(&secret, 0x78, sizeof secret);
	memset(&voucher, 0x79, sizeof voucher);
	souk_chain_init(&chain, souk_chain_tag_hub, session, 40, &secret);
	value = souk_chain_value(&chain, 8);
	souk_writer_text(&writer, "  \"hub\": {\n");
	member_hex("session", session, sizeof *session, ",\n");
	member_number("units", chain.length);
	member_hex("secret", &secret, sizeof secret, ",\n");
	member_hex("anchor", &chain.anchor, sizeof chain.anchor, ",\n");
	member_hex("y_8", &value, sizeof value, ",\n");
	value = souk_hub_voucher_id(&voucher);
	member_hex("voucher", &voucher, sizeof voucher, ",\n");
	member_hex("voucher_id", &value, sizeof value, ",\n");
	souk_writer_text(&writer, "    \"costs\": [");
	for (size_t i = 0; i < SOUK_COUNT_OF(table); i++) {
		struct souk_amount cost;
		SOUK_CHECK(souk_hub_price(&cost, souk_amount_of_ncoin(table[i].price),
				   table[i].permille) == SOUK_OK);
		souk_writer_text(&writer, i == 0 ? "[" : ", [");
		souk_writer_decimal(&writer, table[i].price);
		souk_writer_text(&writer, ", ");
		souk_writer_decimal(&writer, table[i].permille);
		souk_writer_text(&writer, ", ");
		souk_writer_decimal(&writer, cost.ncoin);
		souk_writer_text(&writer, "]");
	}
	souk_writer_text(&writer, "]\n  },\n");
}

/* What sponsor and cache derive for a session that nobody asked for; a strip's seal and 100 bytes
 * of its keystream. */
static void write_sponsored(const struct souk_nonce *session)
{
	struct souk_seckey mine_key, peer_key;
	struct souk_identity mine, peer;
	struct souk_hash secret, ask, pair, other;
	uint8_t sealed[100] = {0};
	memset(&mine_key, 0x11, sizeof mine_key);
	memset(&peer_key, 0x22, sizeof peer_key);
	memset(&secret, 0x5e, sizeof secret);
	memset(&ask, 0x44, sizeof ask);
	SOUK_CHECK(souk_identity_of(&mine, &mine_key) == SOUK_OK);
	SOUK_CHECK(souk_identity_of(&peer, &peer_key) == SOUK_OK);
	SOUK_CHECK(souk_sponsor_pair(&pair, &mine, &peer.pubkey) == SOUK_OK);
	SOUK_CHECK(souk_sponsor_pair(&other, &peer, &mine.pubkey) == SOUK_OK);
	SOUK_CHECK(souk_hash_equal(&pair, &other));
	struct souk_hash keys = souk_sponsored_keys(&secret, session, &ask);
	struct souk_hash shared = souk_sponsored_session_secret(&secret, session, &ask);
	struct souk_hash seal = souk_strip_seal_of(&pair, session);
	souk_strip_seal(&seal, sealed, sizeof sealed);
	souk_writer_text(&writer, "  \"sponsored\": {\n");
	member_hex("seckey", &mine.seckey, sizeof mine.seckey, ",\n");
	member_hex("peer", &peer.pubkey, sizeof peer.pubkey, ",\n");
	member_hex("session", session, sizeof *session, ",\n");
	member_hex("ask", &ask, sizeof ask, ",\n");
	member_hex("S", &secret, sizeof secret, ",\n");
	member_hex("k_n", &keys, sizeof keys, ",\n");
	member_hex("secret", &shared, sizeof shared, ",\n");
	member_hex("T", &pair, sizeof pair, ",\n");
	member_hex("seal", &seal, sizeof seal, ",\n");
	member_hex("keystream", sealed, sizeof sealed, "\n  },\n");
}

static int compare(const char *path)
{
	static char file[OUT_MAX];
	FILE *stream = fopen(path, "rb");
	if (stream == NULL) {
		perror(path);
		return 1;
	}
	size_t size = fread(file, 1, sizeof file, stream);
	fclose(stream);
	if (size == writer.size && memcmp(file, out, size) == 0)
		return 0;
	fprintf(stderr, "%s differs from what this build derives\n", path);
	return 1;
}

int main(int argc, char **argv)
{
	struct souk_nonce session;
	memset(&session, 0x33, sizeof session);
	souk_writer_init(&writer, out, sizeof out);
	souk_writer_text(&writer, "{\n");
	struct souk_hash secret = secret_of_session();
	write_units(&session);
	write_keys(&secret);
	write_key_chain(&session);
	write_hub(&session);
	write_sponsored(&session);
	write_requests(&secret, &session);
	souk_writer_text(&writer, "}\n");
	SOUK_CHECK(!writer.full);
	if (argc == 3 && strcmp(argv[1], "--check") == 0)
		return compare(argv[2]);
	return fwrite(out, 1, writer.size, stdout) == writer.size ? 0 : 1;
}
