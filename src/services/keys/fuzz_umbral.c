/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a capsule, a key fragment or a fragment, in both forms: what is parsed is written as
 * the same bytes. A key fragment that is parsed can be used, whatever it says. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/keys/umbral.h"

#define SAME(type, parse, format, length)                                                          \
	do {                                                                                       \
		struct souk_umbral_##type value;                                                   \
		uint8_t again[length];                                                             \
		if (souk_umbral_##parse(&value, bytes) == SOUK_OK) {                               \
			souk_umbral_##format(again, &value);                                       \
			SOUK_CHECK(bytes.size == sizeof again);                                    \
			SOUK_CHECK(memcmp(again, bytes.data, sizeof again) == 0);                  \
		}                                                                                  \
	} while (0)

static void serve(struct souk_bytes bytes)
{
	struct souk_secret_rng rng;
	struct souk_umbral_key owner;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	struct souk_umbral_kfrag kfrag;
	struct souk_umbral_cfrag cfrag;
	uint8_t fresh[32] = {1};
	if (souk_umbral_kfrag_parse(&kfrag, bytes) != SOUK_OK)
		return;
	souk_secret_rng_init(&rng, fresh);
	souk_umbral_key_generate(&owner, &rng);
	souk_umbral_encapsulate(&capsule, &seed, &owner.point, &rng);
	souk_umbral_reencrypt(&cfrag, &capsule, &kfrag, fresh);
	(void)!souk_umbral_open(&seed, &capsule, &cfrag, 1, &owner, &owner.point);
	(void)!souk_umbral_cfrag_verify(&cfrag, &capsule, &owner.point, &owner.point, &owner.point);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct souk_bytes bytes = souk_bytes_of(data, size);
	SAME(capsule, capsule_parse, capsule_format, SOUK_UMBRAL_CAPSULE_SIZE);
	SAME(capsule, capsule_parse_simple, capsule_format_simple, SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE);
	SAME(kfrag, kfrag_parse, kfrag_format, SOUK_UMBRAL_KFRAG_SIZE);
	SAME(cfrag, cfrag_parse, cfrag_format, SOUK_UMBRAL_CFRAG_SIZE);
	SAME(cfrag, cfrag_parse_simple, cfrag_format_simple, SOUK_UMBRAL_CFRAG_SIMPLE_SIZE);
	serve(bytes);
	return 0;
}
