/* SPDX-License-Identifier: Apache-2.0
 *
 * The vectors that another implementation (a contract, a port) must reproduce.
 *
 *   crypto_vectors          print them as JSON
 *   crypto_vectors FILE     fail unless FILE holds exactly that */
#include <stdio.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/chain.h"
#include "souk/crypto/cipher.h"
#include "souk/crypto/ecdsa.h"
#include "souk/crypto/keccak.h"
#include "souk/crypto/sha256.h"
#include "souk/crypto/sum_tree.h"

#define TEXT_MAX (1u << 16)

static uint8_t text[TEXT_MAX];
static struct souk_writer out;

static void put(const char *literal)
{
	souk_writer_text(&out, literal);
}

/* "NAME": "hex", and what follows it. */
static void put_hex(const char *name, const void *data, size_t size, const char *after)
{
	put("\"");
	put(name);
	put("\": \"");
	souk_writer_hex(&out, data, size);
	put("\"");
	put(after);
}

/* Amounts are strings: JSON numbers are not exact past 2^53 everywhere. */
static void put_amount(const char *name, uint64_t v, const char *after)
{
	put("\"");
	put(name);
	put("\": \"");
	souk_writer_decimal(&out, v);
	put("\"");
	put(after);
}

static void put_number(const char *name, uint64_t v, const char *after)
{
	put("\"");
	put(name);
	put("\": ");
	souk_writer_decimal(&out, v);
	put(after);
}

static struct souk_hash hash_of_text(const char *message)
{
	return souk_sha256_of(message, strlen(message));
}

static void put_domain(void)
{
	static const char *const cases[][2] = {{"strip", ""}, {"strip", "abc"}, {"tx", "abc"}};
	put("\t\"domain_hash\": [\n");
	for (size_t i = 0; i < SOUK_COUNT_OF(cases); i++) {
		struct souk_hash hash =
			souk_sha256_domain(cases[i][0], souk_bytes_text(cases[i][1]));
		put("\t\t{\"domain\": \"");
		put(cases[i][0]);
		put("\", ");
		put_hex("message", cases[i][1], strlen(cases[i][1]), ", ");
		put_hex("hash", hash.bytes, sizeof hash.bytes,
			i + 1 < SOUK_COUNT_OF(cases) ? "},\n" : "}\n");
	}
	put("\t],\n");
}

static void put_signatures(void)
{
	put("\t\"signature\": [\n");
	for (uint8_t i = 1; i <= 3; i++) {
		struct souk_seckey seckey = {{0}};
		struct souk_identity signer;
		struct souk_signature signature;
		memset(seckey.bytes, i, sizeof seckey.bytes);
		SOUK_CHECK(souk_identity_of(&signer, &seckey) == SOUK_OK);
		struct souk_hash digest = souk_sha256_of(seckey.bytes, i);
		souk_ecdsa_sign(&signature, &digest, &signer);
		put("\t\t{");
		put_hex("seckey", seckey.bytes, sizeof seckey.bytes, ",\n\t\t ");
		put_hex("pubkey", signer.pubkey.bytes, sizeof signer.pubkey.bytes, ",\n\t\t ");
		put_hex("address", signer.address.bytes, sizeof signer.address.bytes, ",\n\t\t ");
		put_hex("digest", digest.bytes, sizeof digest.bytes, ",\n\t\t ");
		put_hex("signature", signature.bytes, sizeof signature.bytes,
			i < 3 ? "},\n" : "}\n");
	}
	put("\t],\n");
}

static void put_ecdh(void)
{
	struct souk_seckey a = {{[31] = 1}}, b = {{[31] = 2}};
	struct souk_identity peer;
	struct souk_hash shared;
	SOUK_CHECK(souk_identity_of(&peer, &b) == SOUK_OK);
	SOUK_CHECK(souk_ecdh(&shared, &a, &peer.pubkey) == SOUK_OK);
	put("\t\"ecdh\": {");
	put_hex("seckey", a.bytes, sizeof a.bytes, ",\n\t\t ");
	put_hex("peer", peer.pubkey.bytes, sizeof peer.pubkey.bytes, ",\n\t\t ");
	put_hex("shared", shared.bytes, sizeof shared.bytes, "},\n");
}

static void put_chain(void)
{
	static struct souk_chain chain;
	static const uint32_t shown[] = {0, 1, 255, 256, 257, 512, 600};
	struct souk_hash digest = hash_of_text("nonce"), secret = hash_of_text("secret");
	struct souk_nonce nonce;
	memcpy(nonce.bytes, digest.bytes, sizeof nonce.bytes);
	souk_chain_init(&chain, souk_chain_tag_ticket, &nonce, 600, &secret);
	put("\t\"chain\": {");
	put_hex("tag", chain.tag, sizeof chain.tag, ", ");
	put_hex("nonce", nonce.bytes, sizeof nonce.bytes, ", ");
	put_number("length", chain.length, ",\n\t\t ");
	put_hex("checkpoint_root", chain.checkpoint_root.bytes, SOUK_HASH_SIZE, ",\n");
	put("\t\t \"values\": {");
	for (size_t i = 0; i < SOUK_COUNT_OF(shown); i++) {
		struct souk_hash value = souk_chain_value(&chain, shown[i]);
		put(i == 0 ? "\"" : ",\n\t\t\t\"");
		souk_writer_decimal(&out, shown[i]);
		put("\": \"");
		souk_writer_hex(&out, value.bytes, sizeof value.bytes);
		put("\"");
	}
	put("}},\n");
}

static void put_sum_path(const struct souk_sum_path *path)
{
	put(",\n\t\t\t \"path\": [");
	for (uint32_t level = 0; level < path->depth; level++) {
		put(level == 0 ? "{" : ",\n\t\t\t\t{");
		put_hex("hash", path->siblings[level].hash.bytes, SOUK_HASH_SIZE, ", ");
		put_amount("sum", path->siblings[level].sum.ncoin, "}");
	}
	put("]}");
}

static void put_sum_tree(void)
{
	static const uint64_t amounts[5] = {5, 0, 1000000000, UINT64_C(1) << 60, 7};
	struct souk_sum_node leaves[5], scratch[8], root;
	for (uint8_t i = 0; i < 5; i++)
		leaves[i] = souk_sum_leaf(souk_bytes_of(&i, 1), souk_amount_of_ncoin(amounts[i]));
	memcpy(scratch, leaves, sizeof leaves);
	SOUK_CHECK(souk_sum_root(&root, scratch, 5) == SOUK_OK);
	put("\t\"sum_tree\": {");
	put_hex("root", root.hash.bytes, sizeof root.hash.bytes, ", ");
	put_amount("total", root.sum.ncoin, ",\n\t\t\"leaves\": [\n");
	for (uint8_t i = 0; i < 5; i++) {
		struct souk_sum_path path;
		struct souk_amount start;
		memcpy(scratch, leaves, sizeof leaves);
		SOUK_CHECK(souk_sum_prove(&path, scratch, 5, i) == SOUK_OK);
		SOUK_CHECK(souk_sum_verify(&start, &root, &leaves[i], i, &path) == SOUK_OK);
		put("\t\t\t{");
		put_hex("data", &i, 1, ", ");
		put_amount("amount", amounts[i], ", ");
		put_amount("start", start.ncoin, ", ");
		put_hex("hash", leaves[i].hash.bytes, SOUK_HASH_SIZE, "");
		put_sum_path(&path);
		put(i < 4 ? ",\n" : "\n");
	}
	put("\t\t]},\n");
}

static void put_merkle(void)
{
	struct souk_hash nodes[7];
	put("\t\"merkle_roots_of_counting_leaves\": [");
	for (uint8_t count = 0; count <= 7; count++) {
		for (uint8_t i = 0; i < count; i++)
			nodes[i] = souk_merkle_leaf(souk_bytes_of(&i, 1));
		struct souk_hash root = souk_merkle_root(nodes, count);
		put(count == 0 ? "\n\t\t\"" : ",\n\t\t\"");
		souk_writer_hex(&out, root.bytes, sizeof root.bytes);
		put("\"");
	}
	put("],\n");
}

/* Files of bytes i mod 251, in chunks of 64 KiB. */
static void put_bep52(void)
{
	static uint8_t data[200000];
	static const size_t sizes[] = {0, 1, 16384, 16385, 65536, 65537, 200000};
	const uint32_t chunk_size = 65536;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i % 251);
	put("\t\"bep52_roots_of_bytes_mod_251\": {");
	for (size_t s = 0; s < SOUK_COUNT_OF(sizes); s++) {
		struct souk_hash row[4];
		size_t count = 0;
		for (size_t at = 0; at < sizes[s]; at += chunk_size) {
			size_t n = sizes[s] - at < chunk_size ? sizes[s] - at : chunk_size;
			row[count++] = souk_bep52_chunk_root(
				souk_bytes_of(data + at, n), chunk_size, sizes[s] <= chunk_size);
		}
		struct souk_hash root = souk_bep52_root(row, count, chunk_size);
		put(s == 0 ? "\n\t\t\"" : ",\n\t\t\"");
		souk_writer_decimal(&out, sizes[s]);
		put("\": \"");
		souk_writer_hex(&out, root.bytes, sizeof root.bytes);
		put("\"");
	}
	put("}\n");
}

static void put_all(void)
{
	souk_writer_init(&out, text, sizeof text);
	put("{\n");
	put_domain();
	put_signatures();
	put_ecdh();
	put_chain();
	put_sum_tree();
	put_merkle();
	put_bep52();
	put("}\n");
}

static int compare_with(const char *path, struct souk_bytes expected)
{
	static uint8_t stored[TEXT_MAX];
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	size_t size = fread(stored, 1, sizeof stored, file);
	fclose(file);
	if (souk_bytes_equal_var(souk_bytes_of(stored, size), expected))
		return 0;
	fprintf(stderr, "%s is not what crypto_vectors prints\n", path);
	return 1;
}

int main(int argc, char **argv)
{
	struct souk_bytes bytes;
	put_all();
	if (souk_writer_finish(&out, &bytes) != SOUK_OK)
		return 1;
	if (argc > 1)
		return compare_with(argv[1], bytes);
	return fwrite(bytes.data, 1, bytes.size, stdout) == bytes.size ? 0 : 1;
}
