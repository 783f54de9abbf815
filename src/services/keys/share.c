/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/keys/share.h"

#include <string.h>

#include "souk/base/check.h"

#define WRAPPED_SIZE (SOUK_SEALED_KEY_SIZE + SOUK_UMBRAL_CIPHERTEXT_EXTRA)

_Static_assert(WRAPPED_SIZE == sizeof((struct souk_content_share *)0)->wrapped.data, "wrapped");

void souk_share_make(struct souk_signed_content_share *ret,
	const struct souk_umbral_capsule *capsule, const struct souk_umbral_seed *seed,
	const uint8_t file_key[SOUK_SEALED_KEY_SIZE], const struct souk_umbral_key *signer,
	struct souk_secret_rng *rng)
{
	struct souk_content_share *share = &ret->share;
	struct souk_identity identity;
	struct souk_seckey secret;
	share->version = SOUK_CONTENT_SHARE_VERSION;
	souk_umbral_capsule_format_simple(share->capsule.data, capsule);
	share->capsule.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
	souk_umbral_seal(share->wrapped.data, seed, capsule,
		souk_bytes_of(file_key, SOUK_SEALED_KEY_SIZE), rng);
	share->wrapped.size = WRAPPED_SIZE;
	memcpy(secret.bytes, signer->secret.bytes, sizeof secret.bytes);
	souk_status status = souk_identity_of(&identity, &secret);
	SOUK_CHECK(status == SOUK_OK);
	struct souk_hash digest = souk_content_share_digest(share);
	souk_ecdsa_sign(&ret->signature, &digest, &identity);
	souk_bytes_wipe(&identity, sizeof identity);
	souk_bytes_wipe(&secret, sizeof secret);
}

static bool shares_are_good(const struct souk_key_policy *policy)
{
	uint32_t count = policy->shares.count;
	if (policy->threshold < 1 || policy->threshold > count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (souk_hash_equal(&policy->shares.items[i].agreement,
				    &policy->shares.items[j].agreement))
				return false;
		}
	}
	return true;
}

/* It becomes the name of a file of the receiver's: it must stay in its folder, and be seen there.
 */
static bool name_is_good(const char *text, size_t size)
{
	if (size == 0 || text[0] == '.')
		return false;
	for (size_t i = 0; i < size; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f || c == '/')
			return false;
	}
	return true;
}

static bool signature_is_good(const struct souk_signed_content_share *signed_share)
{
	struct souk_address signer;
	struct souk_hash digest = souk_content_share_digest(&signed_share->share);
	return souk_address_of_pubkey(&signer, &signed_share->share.policy.verifying) == SOUK_OK &&
	       souk_ecdsa_verify(&signer, &digest, &signed_share->signature) == SOUK_OK;
}

souk_status souk_share_check(const struct souk_signed_content_share *signed_share,
	struct souk_umbral_capsule *ret_capsule)
{
	const struct souk_content_share *share = &signed_share->share;
	struct souk_umbral_capsule capsule;
	uint64_t plain_size;
	if (!signature_is_good(signed_share) || !shares_are_good(&share->policy) ||
		!name_is_good(share->name.text, share->name.size) ||
		share->wrapped.size != WRAPPED_SIZE)
		return SOUK_PEER_BAD_SHARE;
	SOUK_TRY(souk_sealed_plain_size(&plain_size, share->size));
	SOUK_TRY(souk_umbral_capsule_parse_simple(
		&capsule, souk_bytes_of(share->capsule.data, share->capsule.size)));
	if (ret_capsule != NULL)
		*ret_capsule = capsule;
	return SOUK_OK;
}

souk_status souk_share_file_key(uint8_t ret[SOUK_SEALED_KEY_SIZE],
	const struct souk_content_share *share, const struct souk_umbral_seed *seed)
{
	struct souk_umbral_capsule capsule;
	SOUK_TRY(souk_umbral_capsule_parse_simple(
		&capsule, souk_bytes_of(share->capsule.data, share->capsule.size)));
	if (share->wrapped.size != WRAPPED_SIZE)
		return SOUK_PEER_BAD_CIPHERTEXT;
	return souk_umbral_unseal(
		ret, seed, &capsule, souk_bytes_of(share->wrapped.data, share->wrapped.size));
}

/* ------------------------------------------------------------------ as a file */

/* "PREFIX", hexadecimal, a line's end. */
static size_t format_text(char *out, const char *prefix, struct souk_bytes bytes)
{
	size_t size = strlen(prefix);
	memcpy(out, prefix, size);
	souk_hex_encode(out + size, bytes.data, bytes.size);
	size += 2 * bytes.size;
	out[size++] = '\n';
	out[size] = '\0';
	return size;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The bytes of such a text, at most MAX; DIGITS has room for 2 * MAX + 1. */
static souk_status parse_text(uint8_t *out, size_t max, size_t *ret_size, char *digits,
	const char *prefix, struct souk_bytes text)
{
	size_t head = strlen(prefix), size = text.size;
	while (size > 0 && is_space(text.data[size - 1]))
		size--;
	if (size < head || memcmp(text.data, prefix, head) != 0 || size - head > 2 * max ||
		(size - head) % 2 != 0)
		return SOUK_PEER_BAD_SHARE;
	size -= head;
	memcpy(digits, text.data + head, size);
	digits[size] = '\0';
	SOUK_TRY(souk_hex_decode(out, size / 2, digits));
	*ret_size = size / 2;
	return SOUK_OK;
}

size_t souk_share_format(
	char out[SOUK_SHARE_TEXT_SIZE_MAX], const struct souk_signed_content_share *share)
{
	uint8_t bytes[SOUK_SIGNED_CONTENT_SHARE_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_content_share_encode(&writer, share);
	return format_text(out, SOUK_SHARE_PREFIX, souk_bytes_of(bytes, writer.size));
}

souk_status souk_share_parse(struct souk_signed_content_share *ret, struct souk_bytes text)
{
	uint8_t bytes[SOUK_SIGNED_CONTENT_SHARE_SIZE_MAX];
	char digits[SOUK_SHARE_TEXT_SIZE_MAX];
	size_t size;
	SOUK_TRY(parse_text(bytes, sizeof bytes, &size, digits, SOUK_SHARE_PREFIX, text));
	return souk_signed_content_share_decode(ret, souk_bytes_of(bytes, size), NULL);
}

size_t souk_share_policy_format(
	char out[SOUK_SHARE_POLICY_TEXT_SIZE_MAX], const struct souk_key_policy *policy)
{
	uint8_t bytes[SOUK_KEY_POLICY_SIZE_MAX];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_key_policy_encode(&writer, policy);
	return format_text(out, SOUK_SHARE_POLICY_PREFIX, souk_bytes_of(bytes, writer.size));
}

souk_status souk_share_policy_parse(struct souk_key_policy *ret, struct souk_bytes text)
{
	struct souk_key_policy policy;
	uint8_t bytes[SOUK_KEY_POLICY_SIZE_MAX];
	char digits[SOUK_SHARE_POLICY_TEXT_SIZE_MAX];
	size_t size;
	SOUK_TRY(parse_text(bytes, sizeof bytes, &size, digits, SOUK_SHARE_POLICY_PREFIX, text));
	SOUK_TRY(souk_key_policy_decode(&policy, souk_bytes_of(bytes, size), NULL));
	if (!shares_are_good(&policy))
		return SOUK_PEER_BAD_SHARE;
	*ret = policy;
	return SOUK_OK;
}
