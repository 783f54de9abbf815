/* SPDX-License-Identifier: Apache-2.0
 *
 * Prints spec/vectors/payment.json: a sale from the escrow's id to the claim,
 * with all that is needed to compute it again. check_vectors.py does so. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

static struct fixture fixture;
static struct fixture_sale sales[5];

static void hex(const char *name, const void *data, size_t size, const char *end)
{
	const uint8_t *p = data;
	printf("\"%s\": \"", name);
	for (size_t i = 0; i < size; i++)
		printf("%02x", p[i]);
	printf("\"%s", end);
}

#define HEX(name, value, end) hex(name, (value).bytes, sizeof(value).bytes, end)

static void number(const char *name, uint64_t value, const char *end)
{
	printf("\"%s\": %" PRIu64 "%s", name, value, end);
}

static void print_escrow(void)
{
	printf("  \"escrow\": {");
	HEX("ledger", fixture.ledger, ", ");
	HEX("payer", fixture.payer.address, ", ");
	HEX("salt", fixture.salt, ", ");
	HEX("id", fixture.escrow, "},\n");
}

static void print_allotment(const struct souk_strip_open *open)
{
	struct souk_amount start;
	printf("  \"allotment\": {\n    \"leaves\": [");
	for (size_t i = 0; i < fixture.leaf_count; i++) {
		printf("%s\n      {", i ? "," : "");
		HEX("provider", fixture.leaves[i].provider, ", ");
		HEX("issuer", fixture.leaves[i].issuer, ", ");
		number("amount", fixture.leaves[i].amount.ncoin, "}");
	}
	printf("],\n    ");
	HEX("root", fixture.record.root, ", ");
	number("total", fixture.record.total.ncoin, ", ");
	number("base", fixture.record.base.ncoin, ",\n    ");
	number("index", open->strip.leaf, ", \"path\": [");
	for (size_t i = 0; i < open->leaf_path.count; i++) {
		printf("%s\n      {", i ? "," : "");
		HEX("hash", open->leaf_path.items[i].hash, ", ");
		number("sum", open->leaf_path.items[i].sum.ncoin, "}");
	}
	SOUK_CHECK(souk_allotment_verify(&start, &fixture.record, &open->leaf, open->strip.leaf,
			   open->leaf_path.items, open->leaf_path.count) == SOUK_OK);
	printf("],\n    ");
	number("interval_start", start.ncoin, "},\n");
}

static void print_strip(struct fixture_sale *sale)
{
	uint8_t bytes[SOUK_STRIP_SIZE_MAX];
	struct souk_writer writer;
	struct souk_hash digest = souk_strip_digest(&sale->open.strip);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_strip_encode(&writer, &sale->open.strip);
	printf("  \"strip\": {\n    ");
	hex("encoded", bytes, writer.size, ",\n    ");
	HEX("digest", digest, ",\n    ");
	number("batch_index", sale->open.batch_index, ", ");
	number("batch_count", sale->open.batch_count, ", \"batch_path\": [");
	for (size_t i = 0; i < sale->open.batch_path.count; i++) {
		printf("%s{", i ? ", " : "");
		HEX("hash", sale->open.batch_path.items[i], "}");
	}
	printf("],\n    ");
	HEX("issuer_pubkey", fixture.issuer.pubkey, ",\n    ");
	HEX("signature", sale->open.signature, "},\n");
}

static void print_chain(const char *name, struct souk_chain *chain, const char *end)
{
	printf("  \"%s\": {", name);
	hex("tag", chain->tag, sizeof chain->tag, ", ");
	HEX("nonce", chain->nonce, ", ");
	number("length", chain->length, ",\n    ");
	HEX("secret", chain->last, ",\n    ");
	HEX("anchor", chain->anchor, ",\n    ");
	HEX("checkpoints", chain->checkpoint_root, end);
}

static void print_tickets(struct fixture_sale *sale)
{
	static const uint32_t units[] = {1, 255, 256, 257, 511, 512, 600};
	printf("  \"tickets\": [");
	for (size_t i = 0; i < SOUK_COUNT_OF(units); i++) {
		uint8_t bytes[SOUK_TICKET_SIZE_MAX];
		struct souk_writer writer;
		struct souk_ticket ticket = {.strip = 3,
			.unit = units[i],
			.value = souk_chain_value(&sale->payer.chain, units[i])};
		souk_writer_init(&writer, bytes, sizeof bytes);
		souk_ticket_encode(&writer, &ticket);
		printf("%s\n    {", i ? "," : "");
		number("unit", units[i], ", ");
		hex("encoded", bytes, writer.size, "}");
	}
	printf("],\n");
}

static void print_claims(struct fixture_sale *sale)
{
	static const uint32_t units[] = {1, 255, 256, 600};
	printf("  \"claims\": [");
	for (size_t i = 0; i < SOUK_COUNT_OF(units); i++) {
		uint8_t bytes[SOUK_CLAIM_SIZE_MAX];
		struct souk_writer writer;
		struct souk_claim claim;
		struct souk_amount lo, hi;
		fixture_claim(&claim, sale, units[i]);
		SOUK_CHECK(souk_claim_verify(&lo, &hi, &claim, &fixture.record) == SOUK_OK);
		souk_writer_init(&writer, bytes, sizeof bytes);
		souk_claim_encode(&writer, &claim);
		struct souk_hash digest = souk_sha256_of(bytes, writer.size);
		printf("%s\n    {", i ? "," : "");
		number("unit", units[i], ", ");
		number("lo", lo.ncoin, ", ");
		number("hi", hi.ncoin, ", ");
		HEX("sha256", digest, ",\n     ");
		hex("encoded", bytes, writer.size, "}");
	}
	printf("],\n");
}

static void print_lottery(void)
{
	static const uint64_t prizes[] = {1, 1000000007, 1ull << 63, (1ull << 63) + 1, 3ull << 62};
	struct souk_hash beacon = fixture_hash(&fixture.rng);
	printf("  \"lottery\": [");
	for (uint64_t i = 0; i < 4 * SOUK_COUNT_OF(prizes); i++) {
		uint64_t prize = prizes[i / 4], first;
		struct souk_amount lo = {prize / 2}, hi = {UINT64_MAX / 2 + prize / 2},
				   offset = souk_lottery_offset(&beacon, &fixture.escrow, i,
					   souk_amount_of_ncoin(prize));
		uint64_t points =
			souk_lottery_points(&first, offset, souk_amount_of_ncoin(prize), lo, hi);
		printf("%s\n    {", i ? "," : "");
		HEX("beacon", beacon, ",\n     ");
		HEX("escrow", fixture.escrow, ",\n     ");
		number("epoch", i, ", ");
		/* As text: more than a double can hold. */
		printf("\"prize\": \"%" PRIu64 "\", \"offset\": \"%" PRIu64 "\",\n     ", prize,
			offset.ncoin);
		printf("\"lo\": \"%" PRIu64 "\", \"hi\": \"%" PRIu64 "\", ", lo.ncoin, hi.ncoin);
		printf("\"first\": \"%" PRIu64 "\", \"points\": \"%" PRIu64 "\"}", first, points);
	}
	printf("]\n");
}

int main(void)
{
	struct fixture_sale *batch[5];
	fixture_init(&fixture, 2024, 5, 100000000, 5000);
	for (size_t i = 0; i < SOUK_COUNT_OF(batch); i++) {
		batch[i] = &sales[i];
		fixture_sale_reserve(&fixture, batch[i], 2, 600, 100);
	}
	fixture_sign(&fixture, batch, SOUK_COUNT_OF(batch));
	printf("{\n");
	print_escrow();
	print_allotment(&sales[1].open);
	print_strip(&sales[1]);
	print_chain("ticket_chain", &sales[1].payer.chain, "},\n");
	print_chain("key_chain", &sales[1].keys, "},\n");
	print_tickets(&sales[1]);
	print_claims(&sales[1]);
	print_lottery();
	printf("}\n");
	return 0;
}
