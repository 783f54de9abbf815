/* SPDX-License-Identifier: Apache-2.0
 *
 * What a proxy reads that others may have written: the path of a deletion, and a record of its own
 * store. A path that is taken names exactly the agreement that it was made of; a record that opens
 * is one that was sealed here, for that agreement, byte for byte. */
#include <stdio.h>
#include <string.h>

#include "proxy_internal.h"
#include "souk/base/check.h"
#include "souk/io/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct proxy_secrets secrets = {.seal = {1, 2, 3}, .proof = {4, 5, 6}};

static void try_path(const uint8_t *data, size_t size)
{
	char path[200] = "", again[200], hex[2 * SOUK_HASH_SIZE + 1];
	struct souk_hash id;
	memcpy(path, data, size < sizeof path - 1 ? size : sizeof path - 1);
	if (!proxy_deletion_path(path, &id))
		return;
	souk_hex_encode(hex, id.bytes, SOUK_HASH_SIZE);
	snprintf(again, sizeof again, "/v1/key-grants/%s/deletion", hex);
	SOUK_CHECK(strcasecmp(path, again) == 0);
}

/* A record as it is stored, but for what the bytes change of it. */
static void try_record(const uint8_t *data, size_t size)
{
	static struct souk_key_grant_record made, bent;
	static uint8_t kfrag_bytes[SOUK_UMBRAL_KFRAG_SIZE];
	static const struct souk_hash id = {{7}};
	struct souk_umbral_kfrag kfrag;
	if (made.sealed.size == 0) {
		struct souk_secret_rng rng;
		struct souk_umbral_key key;
		uint8_t seed[32] = {9};
		souk_secret_rng_init(&rng, seed);
		souk_umbral_key_generate(&key, &rng);
		SOUK_CHECK(souk_umbral_delegate(&kfrag, 1, 1, &key, &key.point, &key, true, true,
				   &rng) == SOUK_OK);
		souk_umbral_kfrag_format(kfrag_bytes, &kfrag);
		SOUK_CHECK(proxy_seal(&made, &secrets, &id,
				   souk_bytes_of(kfrag_bytes, sizeof kfrag_bytes)) == SOUK_OK);
	}
	bent = made;
	struct souk_hash bent_id = id;
	for (size_t i = 0; i + 2 <= size; i += 2) {
		if (data[i] < 24)
			bent.nonce.data[data[i]] ^= data[i + 1];
		else if (data[i] < 56)
			bent_id.bytes[data[i] - 24] ^= data[i + 1];
		else if (data[i] == 56)
			bent.sealed.size = (uint16_t)(data[i + 1] + 100u);
		else
			bent.sealed.data[data[i]] ^= data[i + 1];
	}
	bool same = souk_hash_equal(&id, &bent_id) && bent.sealed.size == made.sealed.size &&
		    memcmp(&bent.nonce, &made.nonce, sizeof made.nonce) == 0 &&
		    memcmp(bent.sealed.data, made.sealed.data, sizeof made.sealed.data) == 0;
	souk_status status = proxy_unseal(&kfrag, &secrets, &bent_id, &bent);
	SOUK_CHECK(status == (same ? SOUK_OK : SOUK_CORRUPT_STORE));
}

static void try_bytes(const uint8_t *data, size_t size)
{
	struct souk_key_grant_record record;
	struct souk_umbral_kfrag kfrag;
	static const struct souk_hash id = {{7}};
	if (souk_key_grant_record_decode(&record, souk_bytes_of(data, size), NULL) != SOUK_OK)
		return;
	SOUK_CHECK(proxy_unseal(&kfrag, &secrets, &id, &record) == SOUK_CORRUPT_STORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_path(data, size);
	try_record(data, size);
	try_bytes(data, size);
	return 0;
}
