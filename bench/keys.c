/* SPDX-License-Identifier: Apache-2.0
 *
 * What re-encryption costs, beside umbral-pre (npm, WebAssembly in Node) in the same run, and
 * beside the limit that libsecp256k1 sets: a re-encryption with its proof is five multiplications
 * at least.
 *
 * Every figure is operations for each second of processor time, on one core. umbral-pre is
 * installed into a folder of the benchmark's; where it cannot be, ratios to it are null. Set
 * SOUK_UMBRAL_PRE to a folder with node_modules to use that. */

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "keys_service.h"
#include "process.h"
#include "souk/base/check.h"
#include "souk/crypto/group8.h"
#include "souk/io/entropy_real.h"
#include "souk/keys/umbral.h"
#include "umbral_pre_js.h"
#include "median.h"

#define ROUNDS_MAX 7u
#define SHARES	   16u

enum operation { REENCRYPT, VERIFY, DECRYPT, DECRYPT_MANY, MULTIPLY, OPERATIONS };

static const char *const names[OPERATIONS] = {
	"reencrypt", "verify", "decrypt", "decrypt_many", "multiply"};

/* Operations a second; 0: was not measured. */
struct round {
	double portable[OPERATIONS], ifma[OPERATIONS], peer[OPERATIONS];
};

static double thread_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------ ours */

static struct scene {
	struct souk_secret_rng rng;
	struct souk_umbral_key owner, receiver, signer;
	struct souk_umbral_capsule capsule;
	struct souk_umbral_kfrag kfrags[3], many[SHARES];
	struct souk_umbral_cfrag cfrags[2];
	uint8_t capsule_bytes[SOUK_UMBRAL_CAPSULE_SIZE];
	uint8_t fragment[SOUK_UMBRAL_CFRAG_SIZE];
	uint8_t fragments[SHARES][SOUK_UMBRAL_CFRAG_SIZE];
	uint8_t sealed[32 + SOUK_UMBRAL_CIPHERTEXT_EXTRA];
	struct souk_point product;
} scene;

static struct souk_umbral_cfrag served(
	const struct souk_umbral_kfrag *kfrag, uint8_t bytes[SOUK_UMBRAL_CFRAG_SIZE])
{
	uint8_t fresh[32];
	struct souk_umbral_cfrag cfrag;
	souk_secret_rng_fill(&scene.rng, fresh, sizeof fresh);
	SOUK_CHECK(souk_umbral_serve(&cfrag,
			   souk_bytes_of(scene.capsule_bytes, sizeof scene.capsule_bytes), kfrag,
			   fresh) == SOUK_OK);
	souk_umbral_cfrag_format(bytes, &cfrag);
	return cfrag;
}

static souk_status set_the_scene(void)
{
	uint8_t seed[32], plain[32] = {0};
	struct souk_umbral_seed hidden;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), seed, sizeof seed));
	souk_secret_rng_init(&scene.rng, seed);
	souk_umbral_key_generate(&scene.owner, &scene.rng);
	souk_umbral_key_generate(&scene.receiver, &scene.rng);
	souk_umbral_key_generate(&scene.signer, &scene.rng);
	souk_umbral_encapsulate(&scene.capsule, &hidden, &scene.owner.point, &scene.rng);
	souk_umbral_capsule_format(scene.capsule_bytes, &scene.capsule);
	souk_umbral_seal(scene.sealed, &hidden, &scene.capsule, souk_bytes_of(plain, sizeof plain),
		&scene.rng);
	SOUK_TRY(souk_umbral_delegate(scene.kfrags, 2, 3, &scene.owner, &scene.receiver.point,
		&scene.signer, true, true, &scene.rng));
	SOUK_TRY(souk_umbral_delegate(scene.many, SHARES, SHARES, &scene.owner,
		&scene.receiver.point, &scene.signer, true, true, &scene.rng));
	for (unsigned i = 0; i < 2; i++)
		scene.cfrags[i] = served(&scene.kfrags[i], scene.fragment);
	for (unsigned i = 0; i < SHARES; i++)
		served(&scene.many[i], scene.fragments[i]);
	scene.product = scene.owner.point;
	return SOUK_OK;
}

static void verified(struct souk_umbral_cfrag *ret, const uint8_t *bytes)
{
	SOUK_CHECK(souk_umbral_cfrag_parse(ret, souk_bytes_of(bytes, SOUK_UMBRAL_CFRAG_SIZE)) ==
		   SOUK_OK);
	SOUK_CHECK(souk_umbral_cfrag_verify(ret, &scene.capsule, &scene.signer.point,
			   &scene.owner.point, &scene.receiver.point) == SOUK_OK);
}

static void opened(const struct souk_umbral_cfrag *cfrags, size_t count)
{
	uint8_t plain[32];
	struct souk_umbral_seed hidden;
	SOUK_CHECK(souk_umbral_open(&hidden, &scene.capsule, cfrags, count, &scene.receiver,
			   &scene.owner.point) == SOUK_OK);
	SOUK_CHECK(souk_umbral_unseal(plain, &hidden, &scene.capsule,
			   souk_bytes_of(scene.sealed, sizeof scene.sealed)) == SOUK_OK);
}

static void run_once(enum operation operation)
{
	struct souk_umbral_cfrag cfrags[SHARES];
	uint8_t bytes[SOUK_UMBRAL_CFRAG_SIZE];
	switch (operation) {
	case REENCRYPT: served(&scene.kfrags[0], bytes); break;
	case VERIFY: verified(cfrags, scene.fragment); break;
	case DECRYPT: opened(scene.cfrags, 2); break;
	case DECRYPT_MANY:
		for (unsigned i = 0; i < SHARES; i++)
			verified(&cfrags[i], scene.fragments[i]);
		opened(cfrags, SHARES);
		break;
	case MULTIPLY:
		SOUK_CHECK(souk_point_mul(&scene.product, &scene.product, &scene.owner.secret) ==
			   SOUK_OK);
		break;
	case OPERATIONS: break;
	}
}

static void measure(double ret[OPERATIONS], double seconds)
{
	for (unsigned operation = 0; operation < OPERATIONS; operation++) {
		uint64_t count = 0;
		double began = thread_s(), now;
		do {
			for (int i = 0; i < 8; i++)
				run_once((enum operation)operation);
			count += 8;
			now = thread_s();
		} while (now - began < seconds);
		ret[operation] = (double)count / (now - began);
	}
}

/* ------------------------------------------------------------------ theirs */

struct peer {
	bool is_there;
	char script[600];
};

static bool write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return false;
	bool is_good = fputs(text, file) >= 0;
	return fclose(file) == 0 && is_good;
}

/* The script stands where Node looks for the package beside it. */
static void find_peer(struct peer *peer, const char *workdir)
{
	char installed[600];
	const char *given = getenv("SOUK_UMBRAL_PRE");
	const char *const install[] = {"npm", "install", "--prefix", workdir, "--no-package-lock",
		"--no-audit", "--no-fund", "--loglevel=error", "@nucypher/umbral-pre@0.10.0", NULL};
	snprintf(installed, sizeof installed, "%s/node_modules/@nucypher/umbral-pre",
		given != NULL ? given : workdir);
	snprintf(peer->script, sizeof peer->script, "%s/souk-umbral-pre.js",
		given != NULL ? given : workdir);
	if (given == NULL)
		process_run(install, NULL, 0, "/dev/null");
	peer->is_there = access(installed, R_OK) == 0 && write_text(peer->script, umbral_pre_js);
	if (!peer->is_there)
		fprintf(stderr,
			"souk bench keys: @nucypher/umbral-pre could not be installed with npm, so "
			"nothing is compared with it; SOUK_UMBRAL_PRE=FOLDER names a folder that "
			"has it in node_modules\n");
}

static void measure_peer(double ret[OPERATIONS], const struct peer *peer, double seconds)
{
	char text[512], wanted[32], shares[16];
	snprintf(wanted, sizeof wanted, "%.2f", seconds);
	snprintf(shares, sizeof shares, "%u", SHARES);
	const char *const run[] = {"node", peer->script, wanted, shares, NULL};
	if (!peer->is_there || !process_run(run, text, sizeof text, NULL))
		return;
	json_t *root = json_loads(text, 0, NULL);
	for (unsigned i = 0; i < OPERATIONS; i++)
		ret[i] = json_number_value(json_object_get(root, names[i]));
	json_decref(root);
}

static void forget_peer(const struct peer *peer, const char *workdir)
{
	char modules[600], package[600];
	snprintf(modules, sizeof modules, "%s/node_modules", workdir);
	snprintf(package, sizeof package, "%s/package.json", workdir);
	const char *const delete[] = {"rm", "-rf", modules, package, peer->script, NULL};
	process_run(delete, NULL, 0, NULL);
}

/* ------------------------------------------------------------------ figures */

/* What COUNT rounds say of one figure, each over what OVER says (NULL: over 1); 0: not measured. */
static double median_of(const struct round *rounds, unsigned count, size_t at, size_t over)
{
	double values[ROUNDS_MAX];
	for (unsigned i = 0; i < count; i++) {
		const char *round = (const char *)&rounds[i];
		double value, below = 1;
		memcpy(&value, round + at, sizeof value);
		if (over != SIZE_MAX)
			memcpy(&below, round + over, sizeof below);
		if (value == 0 || below == 0)
			return 0;
		values[i] = value / below;
	}
	return bench_median(values, count);
}

#define AT(engine, operation) (offsetof(struct round, engine) + (operation) * sizeof(double))

static void put(json_t *root, const char *name, double value)
{
	json_object_set_new(root, name, value == 0 ? json_null() : json_real(value));
}

static void put_operation(
	json_t *root, const struct round *rounds, unsigned count, enum operation operation)
{
	char name[64];
	static const struct {
		const char *name;
		size_t at;
	} engines[] = {{"portable", offsetof(struct round, portable)},
		{"ifma", offsetof(struct round, ifma)},
		{"umbral_pre", offsetof(struct round, peer)}};
	for (unsigned i = 0; i < SOUK_COUNT_OF(engines); i++) {
		snprintf(name, sizeof name, "%s_%s_per_s", names[operation], engines[i].name);
		put(root, name,
			median_of(rounds, count, engines[i].at + operation * sizeof(double),
				SIZE_MAX));
	}
	/* The engine that runs here by default, and the one that runs everywhere. */
	snprintf(name, sizeof name, "ratio_%s_umbral_pre_portable", names[operation]);
	put(root, name, median_of(rounds, count, AT(portable, operation), AT(peer, operation)));
	snprintf(name, sizeof name, "ratio_%s_umbral_pre", names[operation]);
	size_t ours =
		rounds[0].ifma[operation] != 0 ? AT(ifma, operation) : AT(portable, operation);
	put(root, name, median_of(rounds, count, ours, AT(peer, operation)));
}

static json_t *figures_of(
	const struct round *rounds, unsigned count, const struct keys_service *service)
{
	json_t *root = json_object();
	json_object_set_new(root, "engine", json_string(souk_group8_engine()));
	put_operation(root, rounds, count, REENCRYPT);
	put_operation(root, rounds, count, VERIFY);
	put_operation(root, rounds, count, DECRYPT);
	put_operation(root, rounds, count, DECRYPT_MANY);
	put(root, "multiply_per_s", median_of(rounds, count, AT(portable, MULTIPLY), SIZE_MAX));
	put(root, "ratio_limit_5mul",
		5 * median_of(rounds, count, AT(portable, REENCRYPT), AT(portable, MULTIPLY)));
	double many = median_of(rounds, count,
		rounds[0].ifma[DECRYPT_MANY] != 0 ? AT(ifma, DECRYPT_MANY)
						  : AT(portable, DECRYPT_MANY),
		SIZE_MAX);
	put(root, "decrypt_16_verified_ms", many == 0 ? 0 : 1000 / many);
	keys_service_put(root, service);
	return root;
}

static void print_table(const json_t *root)
{
	static const char *const rows[][2] = {{"reencrypt", "capsule bytes to fragment bytes"},
		{"verify", "verify a fragment"}, {"decrypt", "decrypt, t = 2"},
		{"decrypt_many", "decrypt, 16 verified"}};
	printf("%-34s %10s %10s %10s %9s %9s\n", "operations per second, one core", "portable",
		"ifma", "umbral-pre", "portable", "ifma");
	for (unsigned i = 0; i < SOUK_COUNT_OF(rows); i++) {
		static const char *const ends[] = {"portable", "ifma", "umbral_pre"};
		double values[3];
		for (unsigned k = 0; k < 3; k++) {
			char name[64];
			snprintf(name, sizeof name, "%s_%s_per_s", rows[i][0], ends[k]);
			values[k] = json_number_value(json_object_get(root, name));
		}
		printf("%-34s %10.0f %10.0f %10.0f %8.1fx %8.1fx\n", rows[i][1], values[0],
			values[1], values[2], values[2] == 0 ? 0 : values[0] / values[2],
			values[2] == 0 ? 0 : values[1] / values[2]);
	}
	printf("\n%-34s %10.2f\n", "of the limit of 5 multiplications",
		json_number_value(json_object_get(root, "ratio_limit_5mul")));
	printf("%-34s %7.2f ms\n", "decrypt with 16 verifications",
		json_number_value(json_object_get(root, "decrypt_16_verified_ms")));
	keys_service_print(root);
}

int souk_bench_keys(const struct souk_bench_options *options)
{
	static struct round rounds[ROUNDS_MAX];
	struct keys_service service = {0};
	struct peer peer = {0};
	unsigned count = options->quick ? 1 : ROUNDS_MAX;
	double seconds = options->quick ? 0.1 : 0.4;
	bool has_ifma = souk_group8_use("ifma");
	bool wants_peer = options->only == NULL || strcmp(options->only, "umbral") == 0;
	if (set_the_scene() != SOUK_OK) {
		fprintf(stderr, "souk bench keys: no random bytes\n");
		return 1;
	}
	if (wants_peer)
		find_peer(&peer, options->workdir);
	for (unsigned i = 0; i < count && wants_peer; i++) {
		souk_group8_use("portable");
		measure(rounds[i].portable, seconds);
		if (has_ifma && souk_group8_use("ifma"))
			measure(rounds[i].ifma, seconds);
		measure_peer(rounds[i].peer, &peer, seconds);
	}
	if (wants_peer)
		forget_peer(&peer, options->workdir);
	bool is_good = options->only != NULL && strcmp(options->only, "service") != 0
			       ? true
			       : keys_service_run(&service, options);
	json_t *root = figures_of(rounds, wants_peer ? count : 0, &service);
	if (options->json)
		json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(5)), printf("\n");
	else
		print_table(root);
	json_decref(root);
	return is_good ? 0 : 1;
}
