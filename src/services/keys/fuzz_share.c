/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a share: as its text (first byte even), or as what its text says, signed by a key
 * that signs anything (odd). What is parsed is written as the same bytes; what is checked has a
 * threshold that can be met, a size that a sealed file has, and a name that stays in its folder. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/keys/share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct souk_signed_content_share *share)
{
	struct souk_umbral_capsule capsule;
	uint64_t plain;
	uint8_t key[SOUK_SEALED_KEY_SIZE];
	struct souk_umbral_seed seed = {{1}};
	(void)!souk_share_file_key(key, &share->share, &seed);
	if (souk_share_check(share, &capsule) != SOUK_OK)
		return;
	const struct souk_content_share *s = &share->share;
	SOUK_CHECK(s->policy.threshold >= 1 && s->policy.threshold <= s->policy.shares.count);
	SOUK_CHECK(souk_sealed_plain_size(&plain, s->size) == SOUK_OK);
	SOUK_CHECK(s->name.size > 0 && memchr(s->name.text, '/', s->name.size) == NULL);
	SOUK_CHECK(strlen(s->name.text) == s->name.size && s->name.text[0] != '.');
}

static void parse_policy(struct souk_bytes text)
{
	static struct souk_key_policy policy, again;
	static char out[SOUK_SHARE_POLICY_TEXT_SIZE_MAX];
	if (souk_share_policy_parse(&policy, text) != SOUK_OK)
		return;
	SOUK_CHECK(policy.threshold >= 1 && policy.threshold <= policy.shares.count);
	size_t size = souk_share_policy_format(out, &policy);
	SOUK_CHECK(souk_share_policy_parse(&again, souk_bytes_of(out, size)) == SOUK_OK);
	SOUK_CHECK(policy.shares.count == again.shares.count);
}

static void parse(struct souk_bytes text)
{
	static struct souk_signed_content_share share, again;
	static char out[SOUK_SHARE_TEXT_SIZE_MAX];
	if (souk_share_parse(&share, text) != SOUK_OK)
		return;
	size_t size = souk_share_format(out, &share);
	SOUK_CHECK(souk_share_parse(&again, souk_bytes_of(out, size)) == SOUK_OK);
	SOUK_CHECK(memcmp(&share.signature, &again.signature, sizeof share.signature) == 0);
	check(&share);
}

static void sign(struct souk_bytes bytes)
{
	static struct souk_signed_content_share share;
	struct souk_seckey secret = {{0, 7}};
	struct souk_identity identity;
	if (souk_content_share_decode(&share.share, bytes, NULL) != SOUK_OK)
		return;
	souk_status status = souk_identity_of(&identity, &secret);
	SOUK_CHECK(status == SOUK_OK);
	share.share.policy.verifying = identity.pubkey;
	struct souk_hash digest = souk_content_share_digest(&share.share);
	souk_ecdsa_sign(&share.signature, &digest, &identity);
	check(&share);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct souk_bytes rest = souk_bytes_of(data + 1, size - 1);
	parse_policy(rest);
	if (data[0] % 2 == 0)
		parse(rest);
	else
		sign(rest);
	return 0;
}
