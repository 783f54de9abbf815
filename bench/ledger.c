/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ledger does per second on one core: claims with few and with many
 * escrows in the store, transfers, and the replay of a log.
 *
 * Every figure is from bytes to a durable block: decode, check both signatures,
 * verify paths and chains, apply, seal, and commit with fsync once for 1,000
 * transactions. The same in memory shows what the store costs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/io/clock_real.h"
#include "souk/io/lmdb_store.h"
#include "souk/io/memory_store.h"
#include "souk/ledger/verify.h"
#include "souk/payment/allotment.h"
#include "souk/payment/claim.h"
#include "souk/payment/escrow.h"
#include "souk/payment/payer.h"

#define BLOCK_TX    1000u
#define LEAVES	    16u
#define PRIZE	    100000u
#define STRIP_UNITS 512u
#define CLAIM_UNIT  400u /* a checkpoint's path, and 144 steps of each chain */
/* So that what is claimed is as long as a prize, and wins exactly one. */
#define UNIT_PRICE (PRIZE / CLAIM_UNIT)
#define SEGMENT	   (STRIP_UNITS * UNIT_PRICE + (LEAVES - 1) * PRIZE)
#define EPOCH_MS   1000u
#define START_MS   1000000u

/* A transaction as it comes from the network. */
struct message {
	uint16_t size;
	uint8_t bytes[SOUK_SIGNED_TX_SIZE_MAX];
};

struct bench {
	struct souk_identity operator_identity, payer, provider, issuer;
	uint64_t payer_nonce, provider_nonce, operator_nonce;
	struct souk_chain beacons;
	struct souk_memory_store *memory;
	struct souk_lmdb_store *lmdb;
	struct souk_lmdb_txn *txn;
	char path[512];
	struct souk_ledger ledger;
	struct souk_time now;
	uint32_t block_tx;
	/* The log of what is applied, where it is wanted. */
	bool keeps_log;
	struct message *block;
	uint8_t *log;
	size_t log_size, log_max;
};

struct figures {
	double claims_per_s_1, claims_per_s_many;
	double claims_memory_per_s_1, claims_memory_per_s_many;
	double tx_per_s, verify_tx_per_s;
	uint32_t escrow_count;
	size_t claim_bytes;
};

static void must(souk_status status, const char *what)
{
	if (status == SOUK_OK)
		return;
	fprintf(stderr, "souk bench ledger: %s: %s\n", what, souk_status_name(status));
	exit(1);
}

static void *must_have(void *memory)
{
	if (memory == NULL)
		must(SOUK_IO_MEMORY, "memory");
	return memory;
}

static void identity_of_byte(struct souk_identity *ret, uint8_t byte)
{
	struct souk_seckey seckey;
	memset(seckey.bytes, byte, sizeof seckey.bytes);
	must(souk_identity_of(ret, &seckey), "identity");
}

/* ---- blocks ---- */

static void store_begin(struct bench *b, struct souk_store *view)
{
	if (b->lmdb != NULL)
		must(souk_lmdb_store_begin(b->lmdb, SOUK_LMDB_WRITE, &b->txn, view), "begin");
	else
		must(souk_memory_store_begin(b->memory, view), "begin");
}

static void store_commit(struct bench *b)
{
	if (b->lmdb != NULL)
		must(souk_lmdb_txn_commit(b->txn), "commit");
	else
		souk_memory_store_commit(b->memory);
}

static void block_begin(struct bench *b)
{
	store_begin(b, &b->ledger.store);
	must(souk_ledger_begin(&b->ledger, b->now), "block");
	b->block_tx = 0;
}

static void log_frame(struct bench *b, const void *data, size_t size)
{
	struct souk_writer writer;
	if (b->log_max - b->log_size < size + 4) {
		b->log_max = (b->log_max + size + 4) * 2;
		b->log = must_have(realloc(b->log, b->log_max));
	}
	souk_writer_init(&writer, b->log + b->log_size, b->log_max - b->log_size);
	souk_log_write_frame(&writer, souk_bytes_of(data, size));
	b->log_size += writer.size;
}

static void block_end(struct bench *b)
{
	struct souk_signed_block_header header;
	uint8_t memory[SOUK_SIGNED_BLOCK_HEADER_SIZE_MAX];
	struct souk_writer writer;
	must(souk_ledger_seal(&b->ledger, &b->operator_identity, &header), "seal");
	store_commit(b);
	if (!b->keeps_log)
		return;
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_block_header_encode(&writer, &header);
	log_frame(b, memory, writer.size);
	for (uint32_t i = 0; i < b->block_tx; i++)
		log_frame(b, b->block[i].bytes, b->block[i].size);
}

/* What a sequencer does with bytes from the network. */
static void take(struct bench *b, const struct message *message)
{
	struct souk_signed_tx tx;
	struct souk_receipt receipt;
	must(souk_signed_tx_decode(&tx, souk_bytes_of(message->bytes, message->size), NULL),
		"decode");
	must(souk_ledger_apply(&b->ledger, &tx, &receipt), "apply");
	if (b->keeps_log)
		b->block[b->block_tx] = *message;
	if (++b->block_tx == BLOCK_TX) {
		block_end(b);
		block_begin(b);
	}
}

static void sign(struct bench *b, struct message *ret, const struct souk_tx_body *body,
	const struct souk_identity *signer, uint64_t *nonce)
{
	struct souk_signed_tx tx;
	struct souk_writer writer;
	struct souk_tx unsigned_tx = {
		.ledger = b->ledger.record.ledger, .nonce = (*nonce)++, .body = *body};
	souk_tx_sign(&tx, &unsigned_tx, signer);
	souk_writer_init(&writer, ret->bytes, sizeof ret->bytes);
	souk_signed_tx_encode(&writer, &tx);
	ret->size = (uint16_t)writer.size;
}

static void pay(struct bench *b, const struct souk_tx_body *body)
{
	struct message message;
	sign(b, &message, body, &b->payer, &b->payer_nonce);
	take(b, &message);
}

/* ---- a ledger ---- */

static void make_genesis(struct bench *b, struct souk_genesis *ret)
{
	static const struct souk_nonce zero;
	struct souk_hash seed = {{1}};
	souk_chain_init(&b->beacons, souk_chain_tag_beacon, &zero, 16, &seed);
	*ret = (struct souk_genesis){
		.version = 1,
		.created = {START_MS},
		.operator= b->operator_identity.address,
		.epoch_ms = EPOCH_MS,
		.claim_ms = EPOCH_MS,
		.faucet_max = {UINT64_MAX / 2},
		.beacon_anchor = b->beacons.anchor,
		.beacon_count = 16,
	};
}

static void open_store(struct bench *b, const char *workdir)
{
	struct souk_lmdb_config config = {.path = b->path};
	if (workdir == NULL) {
		must(souk_memory_store_new(&b->memory, 0, 1), "memory store");
		return;
	}
	snprintf(b->path, sizeof b->path, "%s/bench-ledger.mdb", workdir);
	must(souk_lmdb_store_open(&b->lmdb, &config), b->path);
}

/* WORKDIR NULL: in memory. */
static struct bench *bench_new(const char *workdir, bool keeps_log)
{
	struct bench *b = must_have(calloc(1, sizeof *b));
	struct souk_store view;
	struct souk_genesis genesis;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_FAUCET, .faucet = {{UINT64_MAX / 4}}};
	identity_of_byte(&b->operator_identity, 1);
	identity_of_byte(&b->payer, 2);
	identity_of_byte(&b->provider, 3);
	identity_of_byte(&b->issuer, 4);
	b->block = must_have(calloc(BLOCK_TX, sizeof *b->block));
	b->now = souk_time_at_ms(START_MS);
	b->keeps_log = keeps_log;
	open_store(b, workdir);
	make_genesis(b, &genesis);
	store_begin(b, &view);
	must(souk_ledger_genesis(&b->ledger, &view, &genesis), "genesis");
	store_commit(b);
	block_begin(b);
	pay(b, &body);
	return b;
}

static void bench_free(struct bench *b)
{
	char lock[600];
	block_end(b);
	souk_memory_store_free(b->memory);
	souk_lmdb_store_close(b->lmdb);
	if (b->path[0] != '\0') {
		snprintf(lock, sizeof lock, "%s-lock", b->path);
		unlink(b->path);
		unlink(lock);
	}
	free(b->block);
	free(b->log);
	free(b);
}

/* ---- claims ---- */

static struct souk_nonce salt_of(uint32_t number)
{
	struct souk_nonce salt = {{0}};
	souk_store_be32(salt.bytes, number);
	return salt;
}

static void open_escrows(struct bench *b, uint32_t count, uint64_t line)
{
	for (uint32_t i = 0; i < count; i++) {
		struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_OPEN,
			.escrow_open = {.salt = salt_of(i),
				.line = {line},
				.prize = {PRIZE},
				.deposit = {line}}};
		pay(b, &body);
	}
}

struct segment {
	struct souk_allotment_leaf leaves[LEAVES];
	struct souk_payer_strip payer;
	struct souk_chain keys;
	struct souk_strip_open open;
};

static void segment_allot(
	struct bench *b, struct segment *s, const struct souk_hash *escrow, uint32_t segment)
{
	struct souk_sum_node nodes[LEAVES], root;
	for (unsigned i = 0; i < LEAVES; i++)
		s->leaves[i] = (struct souk_allotment_leaf){.provider = b->provider.address,
			.issuer = b->issuer.address,
			.amount = {i == 0 ? STRIP_UNITS * UNIT_PRICE : PRIZE}};
	must(souk_allotment_commit(&root, s->leaves, LEAVES, nodes), "allotment");
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ALLOT,
		.allot = {.escrow = *escrow,
			.segment = segment,
			.root = root.hash,
			.total = root.sum}};
	pay(b, &body);
}

static void segment_claim(struct bench *b, struct segment *s, const struct souk_hash *escrow,
	uint32_t segment, struct message *ret)
{
	struct souk_sum_node nodes[LEAVES];
	struct souk_strip_open *opens[] = {&s->open};
	struct souk_payer_leaf leaf = {
		.escrow = *escrow, .segment = segment, .amount = s->leaves[0].amount};
	struct souk_hash secret = {{9}};
	struct souk_strip terms = {.version = SOUK_STRIP_VERSION,
		.payee = s->leaves[0].provider,
		.count = STRIP_UNITS,
		.price = {UNIT_PRICE},
		.customer = b->payer.pubkey,
		.nonce = salt_of(segment),
		.expires = SOUK_TIME_NEVER};
	souk_chain_init(&s->keys, souk_chain_tag_key, &terms.nonce, STRIP_UNITS, &secret);
	terms.key_anchor = s->keys.anchor;
	terms.key_checkpoints = s->keys.checkpoint_root;
	must(souk_payer_strip_open(&s->payer, &leaf, &terms, 0, &secret, &s->open), "strip");
	s->open.strip = s->payer.strip;
	must(souk_allotment_prove(&s->open, s->leaves, LEAVES, 0, nodes), "prove");
	must(souk_strip_sign_batch(opens, 1, &b->issuer), "sign");
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_CLAIM};
	struct souk_hash value = souk_chain_value(&s->payer.chain, CLAIM_UNIT);
	must(souk_claim_build(&body.claim.claim, &s->open, CLAIM_UNIT, &value, &s->keys), "claim");
	sign(b, ret, &body, &b->provider, &b->provider_nonce);
}

/* Epoch 0 ends and is drawn. */
static void draw(struct bench *b)
{
	struct message message;
	struct souk_tx_body body = {
		.kind = SOUK_TX_BODY_DRAW, .draw = {.beacon = souk_chain_value(&b->beacons, 1)}};
	block_end(b);
	b->now = souk_time_plus_ms(b->now, EPOCH_MS);
	block_begin(b);
	sign(b, &message, &body, &b->operator_identity, &b->operator_nonce);
	take(b, &message);
}

/* Messages per second, to the last commit. */
static double measure(struct bench *b, const struct message *messages, uint32_t count)
{
	block_end(b);
	uint64_t start = souk_clock_steady_ns();
	block_begin(b);
	for (uint32_t i = 0; i < count; i++)
		take(b, &messages[i]);
	block_end(b);
	double seconds = (double)(souk_clock_steady_ns() - start) / 1e9;
	block_begin(b);
	return count / seconds;
}

/* COUNT claims, spread evenly over ESCROWS escrows. */
static double measure_claims(
	const char *workdir, uint32_t escrows, uint32_t count, size_t *ret_claim_bytes)
{
	struct bench *b = bench_new(workdir, false);
	struct segment *segment = must_have(calloc(1, sizeof *segment));
	struct message *messages = must_have(calloc(count, sizeof *messages));
	uint64_t each = (count + escrows - 1) / escrows, line = each * SEGMENT;
	open_escrows(b, escrows, line + (PRIZE - line % PRIZE) % PRIZE);
	for (uint32_t i = 0; i < count; i++) {
		/* A stride that visits each escrow once before any twice, in no order of keys. */
		struct souk_nonce salt = salt_of((uint32_t)((uint64_t)i * 7919 % escrows));
		struct souk_hash id =
			souk_escrow_id(&b->ledger.record.ledger, &b->payer.address, &salt);
		segment_allot(b, segment, &id, i / escrows);
		segment_claim(b, segment, &id, i / escrows, &messages[i]);
	}
	draw(b);
	double rate = measure(b, messages, count);
	*ret_claim_bytes = messages[0].size;
	free(messages);
	free(segment);
	bench_free(b);
	return rate;
}

/* ---- transfers, and the replay of their log ---- */

static double measure_replay(const struct bench *b)
{
	static struct souk_log_verifier verifier;
	struct souk_memory_store *memory;
	struct souk_store view;
	struct souk_writer writer;
	struct souk_bytes in = souk_bytes_of(b->log, b->log_size), frame;
	uint8_t genesis[SOUK_GENESIS_SIZE_MAX];
	size_t used;
	must(souk_memory_store_new(&memory, 0, 1), "memory store");
	must(souk_memory_store_begin(memory, &view), "begin");
	souk_log_verifier_init(&verifier, &view);
	souk_writer_init(&writer, genesis, sizeof genesis);
	souk_genesis_encode(&writer, &b->ledger.genesis);
	uint64_t start = souk_clock_steady_ns();
	must(souk_log_verifier_feed(&verifier, souk_bytes_of(genesis, writer.size)), "genesis");
	while (in.size) {
		must(souk_log_read_frame(&frame, &used, in), "frame");
		must(souk_log_verifier_feed(&verifier, frame), "replay");
		in.data += used;
		in.size -= used;
	}
	must(souk_log_verifier_finish(&verifier), "replay");
	double seconds = (double)(souk_clock_steady_ns() - start) / 1e9;
	souk_memory_store_free(memory);
	return (double)verifier.ledger.record.tx_count / seconds;
}

static void make_transfers(struct bench *b, struct message *messages, uint32_t count)
{
	struct souk_rng rng;
	souk_rng_init(&rng, 1);
	for (uint32_t i = 0; i < count; i++) {
		struct souk_tx_body body = {
			.kind = SOUK_TX_BODY_TRANSFER, .transfer = {.amount = {1}}};
		souk_rng_fill(&rng, body.transfer.to.bytes, sizeof body.transfer.to.bytes);
		sign(b, &messages[i], &body, &b->payer, &b->payer_nonce);
	}
}

/* The log is kept in a run of its own, for its copies cost time. */
static void measure_transfers(struct figures *figures, const char *workdir, uint32_t count)
{
	struct bench *b = bench_new(workdir, false);
	struct message *messages = must_have(calloc(count, sizeof *messages));
	make_transfers(b, messages, count);
	figures->tx_per_s = measure(b, messages, count);
	bench_free(b);
	b = bench_new(NULL, true);
	make_transfers(b, messages, count);
	measure(b, messages, count);
	figures->verify_tx_per_s = measure_replay(b);
	bench_free(b);
	free(messages);
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
	printf("  log verified                  %12.0f transactions/s\n", f->verify_tx_per_s);
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
