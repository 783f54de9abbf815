/* SPDX-License-Identifier: Apache-2.0
 *
 * umbral_tool: one operation of souk/keys/umbral.h for each line of standard input, for tests that
 * hold it against other implementations. Words are hexadecimal; an answer is "ok WORDS" or
 * "no STATUS".
 *
 *   key                                      -> secret public
 *   derive SEED LABEL                        -> secret public
 *   encrypt PUBLIC PLAIN                     -> capsule ciphertext
 *   original SECRET CAPSULE CIPHERTEXT       -> plain
 *   delegate T N FLAGS SECRET RECEIVER SIGNER -> n key fragments; flags: 1 delegating, 2 receiving
 *   kfrag KFRAG VERIFYING DELEGATING RECEIVING -> (verified); - for a key that is not known
 *   reencrypt CAPSULE KFRAG                  -> fragment
 *   cfrag CFRAG CAPSULE VERIFYING DELEGATING RECEIVING -> (verified)
 *   open SECRET DELEGATING CAPSULE CIPHERTEXT CFRAG... -> plain
 *   capsule BYTES, simple BYTES, fragment BYTES, fragment_simple BYTES -> the same bytes again */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/keys/umbral.h"

#define LINE_MAX  (1u << 20)
#define WORDS_MAX 80

static struct souk_secret_rng rng;

static void print_hex(const void *data, size_t size)
{
	char *hex = malloc(2 * size + 1);
	souk_hex_encode(hex, data, size);
	printf(" %s", hex);
	free(hex);
}

/* Decoded in place of the text; "-" is empty. */
static struct souk_bytes word(char *text)
{
	size_t size = strlen(text) / 2;
	uint8_t *bytes = malloc(size + 1);
	if (strcmp(text, "-") == 0 || souk_hex_decode(bytes, size, text) != SOUK_OK)
		size = 0;
	return souk_bytes_of(bytes, size);
}

static souk_status read_point(struct souk_point *ret, char *text)
{
	struct souk_bytes bytes = word(text);
	souk_status status = bytes.size == SOUK_PUBKEY_SIZE ? souk_point_parse(ret, bytes.data)
							    : SOUK_PEER_BAD_POINT;
	free((void *)bytes.data);
	return status;
}

static souk_status read_key(struct souk_umbral_key *ret, char *text)
{
	struct souk_bytes bytes = word(text);
	souk_status status =
		bytes.size == 32 ? souk_umbral_key_of(ret, bytes.data) : SOUK_PEER_NOT_CANONICAL;
	free((void *)bytes.data);
	return status;
}

#define READ(name)                                                                                 \
	static souk_status read_##name(struct souk_umbral_##name *ret, char *text)                 \
	{                                                                                          \
		struct souk_bytes bytes = word(text);                                              \
		souk_status status = souk_umbral_##name##_parse(ret, bytes);                       \
		free((void *)bytes.data);                                                          \
		return status;                                                                     \
	}
READ(capsule)
READ(kfrag)
READ(cfrag)

static void print_key(const struct souk_umbral_key *key)
{
	uint8_t point[SOUK_PUBKEY_SIZE];
	souk_point_format(point, &key->point);
	printf("ok");
	print_hex(key->secret.bytes, 32);
	print_hex(point, sizeof point);
}

static souk_status do_key(char **words)
{
	struct souk_umbral_key key;
	(void)words;
	souk_umbral_key_generate(&key, &rng);
	print_key(&key);
	return SOUK_OK;
}

static souk_status do_derive(char **words)
{
	struct souk_umbral_key key;
	struct souk_bytes seed = word(words[0]), label = word(words[1]);
	if (seed.size != 32)
		return SOUK_PEER_WRONG_LENGTH;
	souk_umbral_key_derive(&key, seed.data, label);
	print_key(&key);
	return SOUK_OK;
}

static souk_status do_encrypt(char **words)
{
	struct souk_point key;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	uint8_t bytes[SOUK_UMBRAL_CAPSULE_SIZE];
	SOUK_TRY(read_point(&key, words[0]));
	struct souk_bytes plain = word(words[1]);
	uint8_t *sealed = malloc(plain.size + SOUK_UMBRAL_CIPHERTEXT_EXTRA);
	souk_umbral_encapsulate(&capsule, &seed, &key, &rng);
	souk_umbral_seal(sealed, &seed, &capsule, plain, &rng);
	souk_umbral_capsule_format(bytes, &capsule);
	printf("ok");
	print_hex(bytes, sizeof bytes);
	print_hex(sealed, plain.size + SOUK_UMBRAL_CIPHERTEXT_EXTRA);
	free(sealed);
	return SOUK_OK;
}

static souk_status print_plain(
	const struct souk_umbral_seed *seed, const struct souk_umbral_capsule *capsule, char *text)
{
	struct souk_bytes sealed = word(text);
	uint8_t *plain = malloc(sealed.size + 1);
	souk_status status = souk_umbral_unseal(plain, seed, capsule, sealed);
	if (status == SOUK_OK) {
		printf("ok");
		print_hex(plain, sealed.size - SOUK_UMBRAL_CIPHERTEXT_EXTRA);
	}
	free(plain);
	return status;
}

static souk_status do_original(char **words)
{
	struct souk_umbral_key key;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	SOUK_TRY(read_key(&key, words[0]));
	SOUK_TRY(read_capsule(&capsule, words[1]));
	souk_umbral_decapsulate(&seed, &capsule, &key);
	return print_plain(&seed, &capsule, words[2]);
}

static souk_status do_delegate(char **words)
{
	static struct souk_umbral_kfrag kfrags[SOUK_UMBRAL_SHARES_MAX];
	uint32_t threshold = (uint32_t)atoi(words[0]), shares = (uint32_t)atoi(words[1]);
	int flags = atoi(words[2]);
	struct souk_umbral_key delegating, signer;
	struct souk_point receiving;
	SOUK_TRY(read_key(&delegating, words[3]));
	SOUK_TRY(read_point(&receiving, words[4]));
	SOUK_TRY(read_key(&signer, words[5]));
	SOUK_TRY(souk_umbral_delegate(kfrags, threshold, shares, &delegating, &receiving, &signer,
		(flags & 1) != 0, (flags & 2) != 0, &rng));
	printf("ok");
	for (uint32_t i = 0; i < shares; i++) {
		uint8_t bytes[SOUK_UMBRAL_KFRAG_SIZE];
		souk_umbral_kfrag_format(bytes, &kfrags[i]);
		print_hex(bytes, sizeof bytes);
	}
	return SOUK_OK;
}

static souk_status do_kfrag(char **words)
{
	struct souk_umbral_kfrag kfrag;
	struct souk_point verifying, delegating, receiving;
	bool has_delegating = strcmp(words[2], "-") != 0,
	     has_receiving = strcmp(words[3], "-") != 0;
	SOUK_TRY(read_kfrag(&kfrag, words[0]));
	SOUK_TRY(read_point(&verifying, words[1]));
	if (has_delegating)
		SOUK_TRY(read_point(&delegating, words[2]));
	if (has_receiving)
		SOUK_TRY(read_point(&receiving, words[3]));
	SOUK_TRY(souk_umbral_kfrag_verify(&kfrag, &verifying, has_delegating ? &delegating : NULL,
		has_receiving ? &receiving : NULL));
	printf("ok");
	return SOUK_OK;
}

static souk_status do_reencrypt(char **words)
{
	struct souk_umbral_capsule capsule;
	struct souk_umbral_kfrag kfrag;
	struct souk_umbral_cfrag cfrag;
	uint8_t fresh[32], bytes[SOUK_UMBRAL_CFRAG_SIZE];
	SOUK_TRY(read_capsule(&capsule, words[0]));
	SOUK_TRY(read_kfrag(&kfrag, words[1]));
	souk_secret_rng_fill(&rng, fresh, sizeof fresh);
	souk_umbral_reencrypt(&cfrag, &capsule, &kfrag, fresh);
	souk_umbral_cfrag_format(bytes, &cfrag);
	printf("ok");
	print_hex(bytes, sizeof bytes);
	return SOUK_OK;
}

static souk_status do_cfrag(char **words)
{
	struct souk_umbral_cfrag cfrag;
	struct souk_umbral_capsule capsule;
	struct souk_point verifying, delegating, receiving;
	SOUK_TRY(read_cfrag(&cfrag, words[0]));
	SOUK_TRY(read_capsule(&capsule, words[1]));
	SOUK_TRY(read_point(&verifying, words[2]));
	SOUK_TRY(read_point(&delegating, words[3]));
	SOUK_TRY(read_point(&receiving, words[4]));
	SOUK_TRY(souk_umbral_cfrag_verify(&cfrag, &capsule, &verifying, &delegating, &receiving));
	printf("ok");
	return SOUK_OK;
}

static souk_status do_open(char **words)
{
	static struct souk_umbral_cfrag cfrags[WORDS_MAX];
	struct souk_umbral_key key;
	struct souk_point delegating;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_seed seed;
	size_t count = 0;
	SOUK_TRY(read_key(&key, words[0]));
	SOUK_TRY(read_point(&delegating, words[1]));
	SOUK_TRY(read_capsule(&capsule, words[2]));
	for (char **text = words + 4; *text != NULL; text++)
		SOUK_TRY(read_cfrag(&cfrags[count++], *text));
	SOUK_TRY(souk_umbral_open(&seed, &capsule, cfrags, count, &key, &delegating));
	return print_plain(&seed, &capsule, words[3]);
}

#define AGAIN(function, type, parse, format, size)                                                 \
	static souk_status function(char **words)                                                  \
	{                                                                                          \
		struct souk_umbral_##type value;                                                   \
		uint8_t bytes[size];                                                               \
		SOUK_TRY(souk_umbral_##parse(&value, word(words[0])));                             \
		souk_umbral_##format(bytes, &value);                                               \
		printf("ok");                                                                      \
		print_hex(bytes, sizeof bytes);                                                    \
		return SOUK_OK;                                                                    \
	}
AGAIN(do_capsule, capsule, capsule_parse, capsule_format, SOUK_UMBRAL_CAPSULE_SIZE)
AGAIN(do_simple, capsule, capsule_parse_simple, capsule_format_simple,
	SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE)
AGAIN(do_fragment, cfrag, cfrag_parse, cfrag_format, SOUK_UMBRAL_CFRAG_SIZE)
AGAIN(do_fragment_simple, cfrag, cfrag_parse_simple, cfrag_format_simple,
	SOUK_UMBRAL_CFRAG_SIMPLE_SIZE)

static const struct {
	const char *name;
	int words; /* at least */
	souk_status (*run)(char **words);
} operations[] = {
	{"key", 0, do_key},
	{"derive", 2, do_derive},
	{"encrypt", 2, do_encrypt},
	{"original", 3, do_original},
	{"delegate", 6, do_delegate},
	{"kfrag", 4, do_kfrag},
	{"reencrypt", 2, do_reencrypt},
	{"cfrag", 5, do_cfrag},
	{"open", 4, do_open},
	{"capsule", 1, do_capsule},
	{"simple", 1, do_simple},
	{"fragment", 1, do_fragment},
	{"fragment_simple", 1, do_fragment_simple},
};

static void run(char *line)
{
	char *words[WORDS_MAX + 1] = {NULL}, *save = NULL;
	int count = 0;
	for (char *text = strtok_r(line, " \n", &save); text != NULL && count < WORDS_MAX;
		text = strtok_r(NULL, " \n", &save))
		words[count++] = text;
	souk_status status = SOUK_LOCAL_USAGE;
	for (size_t i = 0; count > 0 && i < sizeof operations / sizeof *operations; i++) {
		if (strcmp(words[0], operations[i].name) == 0 && count > operations[i].words)
			status = operations[i].run(words + 1);
	}
	if (status != SOUK_OK)
		printf("no %s", souk_status_name(status));
	putchar('\n');
	fflush(stdout);
}

int main(void)
{
	static char line[LINE_MAX];
	uint8_t seed[32];
	FILE *random = fopen("/dev/urandom", "rb");
	if (random == NULL || fread(seed, sizeof seed, 1, random) != 1)
		return 1;
	fclose(random);
	souk_secret_rng_init(&rng, seed);
	while (fgets(line, sizeof line, stdin) != NULL)
		run(line);
	return 0;
}
