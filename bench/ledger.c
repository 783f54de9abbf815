/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ledger does per second on one core: claims with few and with many
 * escrows in the store, claims in batches, transfers, the replay of a log; and
 * what its size costs.
 *
 * Every figure is from bytes to a durable block: decode, check both signatures,
 * verify paths and chains, apply, seal, and commit with fsync once for 1,000
 * transactions. The same in memory shows what the store costs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "bench.h"
#include "ledger_kit.h"
#include "process.h"
#include "scale.h"
#include "souk/base/rng.h"
#include "souk/io/clock_real.h"
#include "souk/ledger/verify.h"
#include "souk/payment/escrow.h"

struct figures {
	double claims_per_s_1, claims_per_s_many;
	double claims_memory_per_s_1, claims_memory_per_s_many;
	double batched_claims_per_s;
	double tx_per_s, verify_tx_per_s, verify_tx_per_s_core;
	uint32_t escrow_count;
	size_t claim_bytes, batched_claim_bytes;
	struct scale scales[SCALE_KINDS];
};

/* COUNT transactions, each a claim of so many STRIPS, spread evenly over ESCROWS escrows of a fresh
 * ledger. Seconds. */
static double claim_all(const char *workdir, uint32_t escrows, uint32_t strips, uint32_t count,
	size_t *ret_strip_bytes)
{
	struct ledger_kit *b = ledger_kit_new(workdir, false);
	struct ledger_batch claims = {0};
	size_t allot_bytes;
	ledger_kit_make_claims(b, escrows, strips, &claims, count, &allot_bytes);
	*ret_strip_bytes = (claims.size / count - 4) / strips;
	double rate = ledger_kit_measure(b, &claims, count);
	ledger_batch_free(&claims);
	ledger_kit_free(b);
	return count / rate;
}

/* Strips claimed per second. An epoch of an escrow has only so many segments, so few escrows take
 * several ledgers. */
static double measure_claims(const char *workdir, uint32_t escrows, uint32_t strips, uint32_t count,
	size_t *ret_strip_bytes)
{
	uint64_t room = (uint64_t)escrows * SOUK_ESCROW_SEGMENTS_MAX;
	double seconds = 0;
	for (uint32_t done = 0; done < count;) {
		uint32_t part = count - done < room ? count - done : (uint32_t)room;
		seconds += claim_all(workdir, escrows, strips, part, ret_strip_bytes);
		done += part;
	}
	return count * strips / seconds;
}

/* ---- transfers, and the replay of their log ---- */

static size_t encode_genesis(const struct ledger_kit *b, uint8_t *bytes)
{
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, SOUK_GENESIS_SIZE_MAX);
	souk_genesis_encode(&writer, &b->ledger.genesis);
	return writer.size;
}

/* By the verifier alone, on one core, with every check. */
static double measure_replay(const struct ledger_kit *b)
{
	static struct souk_log_verifier verifier;
	struct souk_memory_store *memory;
	struct souk_store view;
	struct souk_bytes in = souk_bytes_of(b->log.bytes, b->log.size), frame;
	uint8_t genesis[SOUK_GENESIS_SIZE_MAX];
	size_t used, size = encode_genesis(b, genesis);
	bench_must(souk_memory_store_new(&memory, 0, 1), "memory store");
	bench_must(souk_memory_store_begin(memory, &view), "begin");
	souk_log_verifier_init(&verifier, &view);
	uint64_t start = souk_clock_steady_ns();
	bench_must(souk_log_verifier_feed(&verifier, souk_bytes_of(genesis, size)), "genesis");
	while (in.size) {
		bench_must(souk_log_read_frame(&frame, &used, in), "frame");
		bench_must(souk_log_verifier_feed(&verifier, frame), "replay");
		in.data += used;
		in.size -= used;
	}
	bench_must(souk_log_verifier_finish(&verifier), "replay");
	double seconds = (double)(souk_clock_steady_ns() - start) / 1e9;
	souk_memory_store_free(memory);
	return (double)verifier.ledger.record.tx_count / seconds;
}

static bool write_log(const struct ledger_kit *b, const char *path)
{
	uint8_t genesis[4 + SOUK_GENESIS_SIZE_MAX];
	size_t size = encode_genesis(b, genesis + 4);
	FILE *file = fopen(path, "wb");
	if (file == NULL)
		return false;
	souk_store_be32(genesis, (uint32_t)size);
	bool ok = fwrite(SOUK_LOG_MAGIC, SOUK_LOG_MAGIC_SIZE, 1, file) == 1 &&
		  fwrite(genesis, size + 4, 1, file) == 1 &&
		  fwrite(b->log.bytes, b->log.size, 1, file) == 1;
	return fclose(file) == 0 && ok;
}

/* As whoever got an exported log does it: souk ledger verify, with all processors. */
static double measure_verify(const struct ledger_kit *b, const struct souk_bench_options *options)
{
	char path[600], out[4096];
	double rate = 0;
	snprintf(path, sizeof path, "%s/exported.log", options->workdir);
	const char *argv[] = {options->self, "ledger", "verify", path, "--json", NULL};
	if (write_log(b, path) && process_run(argv, out, sizeof out, NULL)) {
		json_t *said = json_loads(out, 0, NULL);
		rate = json_number_value(json_object_get(said, "transactions_per_s"));
		json_decref(said);
	}
	unlink(path);
	if (rate == 0)
		fprintf(stderr, "souk bench ledger: the log did not verify\n");
	return rate;
}

static void make_transfers(struct ledger_kit *b, struct ledger_batch *batch, uint32_t count)
{
	struct souk_rng rng;
	souk_rng_init(&rng, 1);
	for (uint32_t i = 0; i < count; i++) {
		struct souk_tx_body body = {
			.kind = SOUK_TX_BODY_TRANSFER, .transfer = {.amount = {1}}};
		souk_rng_fill(&rng, body.transfer.to.bytes, sizeof body.transfer.to.bytes);
		ledger_kit_sign(b, batch, &body, &b->payer, &b->payer_nonce);
	}
}

/* The log is kept in a run of its own, for its copies cost time. */
static void measure_transfers(
	struct figures *figures, const struct souk_bench_options *options, uint32_t count)
{
	struct ledger_kit *b = ledger_kit_new(options->workdir, false);
	struct ledger_batch batch = {0};
	make_transfers(b, &batch, count);
	figures->tx_per_s = ledger_kit_measure(b, &batch, count);
	ledger_kit_free(b);
	ledger_batch_free(&batch);
	b = ledger_kit_new(NULL, true);
	make_transfers(b, &batch, count);
	ledger_kit_measure(b, &batch, count);
	figures->verify_tx_per_s_core = measure_replay(b);
	figures->verify_tx_per_s = measure_verify(b, options);
	ledger_kit_free(b);
	ledger_batch_free(&batch);
}

/* ---- printing ---- */

static void print_scale_json(const struct scale *scale, const char *one, const char *many)
{
	for (unsigned i = 0; i < scale->steps; i++)
		printf(", \"tx_per_s_%s_%" PRIu32 "\": %.0f", many, scale->counts[i],
			scale->tx_per_s[i]);
	uint32_t last = scale->counts[scale->steps - 1];
	printf(", \"disk_bytes_per_%s\": %.0f, \"memory_bytes_per_%s\": %.0f, "
	       "\"restart_ms_%s%" PRIu32 "\": %.0f",
		one, scale->disk_bytes, one, scale->memory_bytes,
		strcmp(one, "account") == 0 ? "" : "escrows_", last, scale->restart_ms);
}

static void print_json(const struct figures *f, bool quick)
{
	printf("{\"bench\": \"ledger\", \"claims_per_s_1\": %.0f, \"claims_per_s_%u\": %.0f, "
	       "\"ratio_claims_%u_to_1\": %.3f, \"claims_memory_per_s_1\": %.0f, "
	       "\"claims_memory_per_s_%u\": %.0f, \"batched_claims_per_s\": %.0f, "
	       "\"tx_per_s\": %.0f, \"verify_tx_per_s\": %.0f, "
	       "\"verify_tx_per_s_core\": %.0f, \"escrow_count\": %" PRIu32
	       ", \"claim_bytes\": %zu, \"batched_claim_bytes\": %zu, \"block_tx_count\": %u",
		f->claims_per_s_1, f->escrow_count, f->claims_per_s_many, f->escrow_count,
		f->claims_per_s_many / f->claims_per_s_1, f->claims_memory_per_s_1, f->escrow_count,
		f->claims_memory_per_s_many, f->batched_claims_per_s, f->tx_per_s,
		f->verify_tx_per_s, f->verify_tx_per_s_core, f->escrow_count, f->claim_bytes,
		f->batched_claim_bytes, BLOCK_TX);
	print_scale_json(&f->scales[SCALE_ACCOUNTS], "account", "accounts");
	print_scale_json(&f->scales[SCALE_ESCROWS], "escrow", "escrows");
	printf(", \"quick\": %s}\n", quick ? "true" : "false");
}

static void print_scale(const struct scale *scale, const char *one, const char *many)
{
	printf("\n");
	for (unsigned i = 0; i < scale->steps; i++)
		printf("  transactions, %7" PRIu32 " %s %10.0f /s\n", scale->counts[i], many,
			scale->tx_per_s[i]);
	printf("  on disk, per %-7s          %12.0f bytes\n", one, scale->disk_bytes);
	printf("  in memory, per %-7s        %12.0f bytes\n", one, scale->memory_bytes);
	printf("  from start to first answer    %12.0f ms\n", scale->restart_ms);
}

static void print_table(const struct figures *f)
{
	printf("Ledger, one core, a durable block for every %u transactions\n\n", BLOCK_TX);
	printf("  claims, 1 escrow              %12.0f /s\n", f->claims_per_s_1);
	printf("  claims, %-7" PRIu32 " escrows       %12.0f /s  (%.2f of that)\n", f->escrow_count,
		f->claims_per_s_many, f->claims_per_s_many / f->claims_per_s_1);
	printf("  claims in memory, 1 escrow    %12.0f /s\n", f->claims_memory_per_s_1);
	printf("  claims in memory, %-7" PRIu32 "     %12.0f /s\n", f->escrow_count,
		f->claims_memory_per_s_many);
	printf("  claims, %u in a transaction    %12.0f /s\n", CLAIMS_MAX, f->batched_claims_per_s);
	printf("  transfers                     %12.0f /s\n", f->tx_per_s);
	printf("  log verified, all processors  %12.0f transactions/s\n", f->verify_tx_per_s);
	printf("  log verified, one core        %12.0f transactions/s\n", f->verify_tx_per_s_core);
	printf("  a signed claim                %12zu bytes\n", f->claim_bytes);
	printf("  a claim among %u               %12zu bytes\n", CLAIMS_MAX,
		f->batched_claim_bytes);
	print_scale(&f->scales[SCALE_ACCOUNTS], "account", "accounts");
	print_scale(&f->scales[SCALE_ESCROWS], "escrow", "escrows ");
}

int souk_bench_ledger(const struct souk_bench_options *options)
{
	struct figures f = {.escrow_count = options->quick ? 10000 : 100000};
	uint32_t claims = options->quick ? 1000 : 5000, transfers = options->quick ? 3000 : 100000;
	const char *dir = options->workdir;
	f.claims_per_s_1 = measure_claims(dir, 1, 1, claims, &f.claim_bytes);
	f.claims_per_s_many = measure_claims(dir, f.escrow_count, 1, claims, &f.claim_bytes);
	f.claims_memory_per_s_1 = measure_claims(NULL, 1, 1, claims, &f.claim_bytes);
	f.claims_memory_per_s_many =
		measure_claims(NULL, f.escrow_count, 1, claims, &f.claim_bytes);
	f.batched_claims_per_s =
		measure_claims(dir, 1, CLAIMS_MAX, claims / 4, &f.batched_claim_bytes);
	measure_transfers(&f, options, transfers);
	bool ok = f.verify_tx_per_s > 0;
	for (enum scale_kind kind = 0; kind < SCALE_KINDS; kind++)
		ok = scale_measure(&f.scales[kind], kind, options) && ok;
	if (options->json)
		print_json(&f, options->quick);
	else
		print_table(&f);
	return ok ? 0 : 1;
}
