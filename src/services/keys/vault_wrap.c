/* SPDX-License-Identifier: Apache-2.0
 *
 * Wrapped texts: for any point, by anybody. */
#include <string.h>

#include "souk/base/check.h"
#include "vault_internal.h"

#define PREFIX_SIZE  (sizeof SOUK_VAULT_WRAP_PREFIX - 1)
#define WRAP_VERSION 1

/* ---- base64url without padding (RFC 4648, 5); one text for each value ---- */

/* Six bits: A-Z, a-z, 0-9, -, _. Without a table, so that no address depends on what is encoded:
 * it is in the open, but came from a secret, and tests follow that. */
static char character_of(uint32_t value)
{
	uint32_t c = value + 'A';
	c += -((25 - value) >> 31) & ('a' - 'Z' - 1);
	c -= -((51 - value) >> 31) & ('z' - '0' + 1);
	c -= -((61 - value) >> 31) & ('9' + 1 - '-');
	c += -((62 - value) >> 31) & ('_' - '-' - 1);
	return (char)c;
}

static char *encode(char *out, const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i < 3 ? size - i : 3;
		uint32_t bits = (uint32_t)data[i] << 16;
		bits |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
		bits |= left > 2 ? data[i + 2] : 0;
		for (size_t j = 0; j <= left; j++)
			*out++ = character_of(bits >> (18 - 6 * j) & 63);
	}
	return out;
}

static int value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* False where TEXT is not the one text of its bytes. OUT has 3/4 of its size. */
static bool decode(uint8_t *out, struct souk_bytes text)
{
	uint32_t bits = 0;
	unsigned held = 0;
	for (size_t i = 0; i < text.size; i++) {
		int value = value_of(text.data[i]);
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held < 8)
			continue;
		held -= 8;
		*out++ = (uint8_t)(bits >> held);
		bits &= (1u << held) - 1;
	}
	return text.size % 4 != 1 && bits == 0;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static struct souk_bytes trimmed(struct souk_bytes text)
{
	while (text.size > 0 && is_space(text.data[0])) {
		text.data++;
		text.size--;
	}
	while (text.size > 0 && is_space(text.data[text.size - 1]))
		text.size--;
	return text;
}

/* ---- a wrapped text ---- */

static void format_head(uint8_t head[SOUK_VAULT_WRAP_HEAD], const struct souk_point *point,
	uint32_t number, const struct souk_umbral_capsule *capsule)
{
	head[0] = WRAP_VERSION;
	souk_point_format(head + 1, point);
	souk_store_be32(head + 34, number);
	souk_umbral_capsule_format_simple(head + 38, capsule);
}

souk_status souk_vault_wrap_with(char *text, const struct souk_point *point, uint32_t number,
	const struct souk_umbral_capsule *capsule, const struct souk_umbral_seed *seed,
	struct souk_bytes plain, struct souk_secret_rng *rng)
{
	uint8_t head[SOUK_VAULT_WRAP_HEAD + 2];
	if (plain.size > SOUK_VAULT_PLAIN_MAX)
		return SOUK_PEER_OVERSIZED;
	const size_t sealed_size = plain.size + SOUK_UMBRAL_CIPHERTEXT_EXTRA;
	/* The ciphertext is made at the end of the text's own memory, and encoded from there: its
	 * head takes 1 of 136 bytes over a multiple of three along. */
	uint8_t *sealed = (uint8_t *)text + SOUK_VAULT_WRAP_SIZE(plain.size) - sealed_size;
	souk_umbral_seal(sealed, seed, capsule, plain, rng);
	format_head(head, point, number, capsule);
	memcpy(head + SOUK_VAULT_WRAP_HEAD, sealed, 2);
	memcpy(text, SOUK_VAULT_WRAP_PREFIX, PREFIX_SIZE);
	char *end = encode(text + PREFIX_SIZE, head, sizeof head);
	end = encode(end, sealed + 2, sealed_size - 2);
	*end = '\0';
	return SOUK_OK;
}

souk_status souk_vault_wrap_for(char *text, const struct souk_point *point, uint32_t number,
	struct souk_bytes plain, struct souk_secret_rng *rng)
{
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	if (plain.size > SOUK_VAULT_PLAIN_MAX)
		return SOUK_PEER_OVERSIZED;
	souk_umbral_encapsulate(&capsule, &seed, point, rng);
	souk_status status = souk_vault_wrap_with(text, point, number, &capsule, &seed, plain, rng);
	souk_bytes_wipe(&seed, sizeof seed);
	return status;
}

souk_status souk_vault_wrap_parse(
	struct souk_vault_wrap *ret, struct souk_bytes text, uint8_t *scratch, size_t scratch_size)
{
	struct souk_vault_wrap wrap;
	text = trimmed(text);
	if (text.size < PREFIX_SIZE || memcmp(text.data, SOUK_VAULT_WRAP_PREFIX, PREFIX_SIZE) != 0)
		return SOUK_PEER_BAD_WRAP;
	text = souk_bytes_of(text.data + PREFIX_SIZE, text.size - PREFIX_SIZE);
	const size_t size = text.size / 4 * 3 + (text.size % 4 != 0 ? text.size % 4 - 1 : 0);
	if (text.size % 4 == 1 || size < SOUK_VAULT_WRAP_BINARY ||
		size > SOUK_VAULT_WRAP_BINARY + SOUK_VAULT_PLAIN_MAX || size > scratch_size ||
		!decode(scratch, text) || scratch[0] != WRAP_VERSION)
		return SOUK_PEER_BAD_WRAP;
	if (souk_point_parse(&wrap.point, scratch + 1) != SOUK_OK)
		return SOUK_PEER_BAD_WRAP;
	wrap.number = souk_load_be32(scratch + 34);
	SOUK_TRY(souk_umbral_capsule_parse_simple(
		&wrap.capsule, souk_bytes_of(scratch + 38, SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE)));
	wrap.ciphertext =
		souk_bytes_of(scratch + SOUK_VAULT_WRAP_HEAD, size - SOUK_VAULT_WRAP_HEAD);
	*ret = wrap;
	return SOUK_OK;
}
