/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ledger does per second on one core: claims with few and with many
 * escrows in the store, transfers, and the replay of a log.
 *
 * Every figure is from bytes to a durable block: decode, check both signatures,
 * verify paths and chains, apply, seal, and commit with fsync once for 1,000
 * transactions. The same in memory shows what the store costs. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "ledger_kit.h"
#include "souk/base/rng.h"
#include "souk/io/clock_real.h"
#include "souk/io/log_replay.h"
#include "souk/ledger/verify.h"

struct figures {
	double claims_per_s_1, claims_per_s_many;
	double claims_memory_per_s_1, claims_memory_per_s_many;
	double tx_per_s, verify_tx_per_s;
	uint32_t escrow_count;
	size_t claim_bytes;
};

/* COUNT claims, spread evenly over ESCROWS escrows. */
static double measure_claims(
	const char *workdir, uint32_t escrows, uint32_t count, size_t *ret_claim_bytes)
{
	struct ledger_kit *b = ledger_kit_new(workdir, false);
	struct ledger_batch claims = {0};
	size_t allot_bytes;
	ledger_kit_make_claims(b, escrows, &claims, count, &allot_bytes);
	*ret_claim_bytes = claims.size / count - 4;
	double rate = ledger_kit_measure(b, &claims, count);
	ledger_batch_free(&claims);
	ledger_kit_free(b);
	return rate;
}

/* ---- transfers, and the replay of their log ---- */

static double measure_replay(const struct ledger_kit *b)
{
	struct souk_log_replay_config config = {.thread_count = UINT_MAX};
	struct souk_log_replay *replay;
	struct souk_writer writer;
	struct souk_bytes in = souk_bytes_of(b->log.bytes, b->log.size), frame;
	uint8_t genesis[SOUK_GENESIS_SIZE_MAX];
	size_t used;
	souk_writer_init(&writer, genesis, sizeof genesis);
	souk_genesis_encode(&writer, &b->ledger.genesis);
	uint64_t start = souk_clock_steady_ns();
	bench_must(souk_log_replay_new(&replay, &config), "replay");
	bench_must(souk_log_replay_feed(replay, souk_bytes_of(genesis, writer.size)), "genesis");
	while (in.size) {
		bench_must(souk_log_read_frame(&frame, &used, in), "frame");
		bench_must(souk_log_replay_feed(replay, frame), "replay");
		in.data += used;
		in.size -= used;
	}
	bench_must(souk_log_replay_finish(replay), "replay");
	double seconds = (double)(souk_clock_steady_ns() - start) / 1e9;
	uint64_t txs = souk_log_replay_verifier(replay)->ledger.record.tx_count;
	souk_log_replay_free(replay);
	return (double)txs / seconds;
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
static void measure_transfers(struct figures *figures, const char *workdir, uint32_t count)
{
	struct ledger_kit *b = ledger_kit_new(workdir, false);
	struct ledger_batch batch = {0};
	make_transfers(b, &batch, count);
	figures->tx_per_s = ledger_kit_measure(b, &batch, count);
	ledger_kit_free(b);
	ledger_batch_free(&batch);
	b = ledger_kit_new(NULL, true);
	make_transfers(b, &batch, count);
	ledger_kit_measure(b, &batch, count);
	figures->verify_tx_per_s = measure_replay(b);
	ledger_kit_free(b);
	ledger_batch_free(&batch);
}

static void print_json(const struct figures *f, bool quick)
{
	printf("{\"bench\": \"ledger\", \"claims_per_s_1\": %.0f, \"claims_per_s_%u\": %.0f, "
	       "\"ratio_claims_%u_to_1\": %.3f, \"claims_memory_per_s_1\": %.0f, "
	       "\"claims_memory_per_s_%u\": %.0f, \"tx_per_s\": %.0f, "
	       "\"verify_tx_per_s\": %.0f, \"escrow_count\": %" PRIu32
	       ", \"claim_bytes\": %zu, \"block_tx_count\": %u, \"quick\": %s}\n",
		f->claims_per_s_1, f->escrow_count, f->claims_per_s_many, f->escrow_count,
		f->claims_per_s_many / f->claims_per_s_1, f->claims_memory_per_s_1, f->escrow_count,
		f->claims_memory_per_s_many, f->tx_per_s, f->verify_tx_per_s, f->escrow_count,
		f->claim_bytes, BLOCK_TX, quick ? "true" : "false");
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
	printf("  transfers                     %12.0f /s\n", f->tx_per_s);
	printf("  log verified, all cores       %12.0f transactions/s\n", f->verify_tx_per_s);
	printf("  a signed claim                %12zu bytes\n", f->claim_bytes);
}

int souk_bench_ledger(const struct souk_bench_options *options)
{
	struct figures f = {.escrow_count = options->quick ? 10000 : 100000};
	uint32_t claims = options->quick ? 1000 : 5000, transfers = options->quick ? 3000 : 30000;
	f.claims_per_s_1 = measure_claims(options->workdir, 1, claims, &f.claim_bytes);
	f.claims_per_s_many =
		measure_claims(options->workdir, f.escrow_count, claims, &f.claim_bytes);
	f.claims_memory_per_s_1 = measure_claims(NULL, 1, claims, &f.claim_bytes);
	f.claims_memory_per_s_many = measure_claims(NULL, f.escrow_count, claims, &f.claim_bytes);
	measure_transfers(&f, options->workdir, transfers);
	if (options->json)
		print_json(&f, options->quick);
	else
		print_table(&f);
	return 0;
}
