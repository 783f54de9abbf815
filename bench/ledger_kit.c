/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "souk/io/clock_real.h"
#include "souk/ledger/verify.h"
#include "souk/payment/claim.h"
#include "souk/payment/escrow.h"

void bench_must(souk_status status, const char *what)
{
	if (status == SOUK_OK)
		return;
	fprintf(stderr, "souk bench: %s: %s\n", what, souk_status_name(status));
	exit(1);
}

void *bench_must_have(void *memory)
{
	if (memory == NULL)
		bench_must(SOUK_IO_MEMORY, "memory");
	return memory;
}

static void identity_of_byte(struct souk_identity *ret, uint8_t byte)
{
	struct souk_seckey seckey;
	memset(seckey.bytes, byte, sizeof seckey.bytes);
	bench_must(souk_identity_of(ret, &seckey), "identity");
}

/* ---- blocks ---- */

static void store_begin(struct ledger_kit *b, struct souk_store *view)
{
	if (b->lmdb != NULL)
		bench_must(souk_lmdb_store_begin(b->lmdb, SOUK_LMDB_WRITE, &b->txn, view), "begin");
	else
		bench_must(souk_memory_store_begin(b->memory, view), "begin");
}

static void store_commit(struct ledger_kit *b)
{
	if (b->lmdb != NULL)
		bench_must(souk_lmdb_txn_commit(b->txn), "commit");
	else
		souk_memory_store_commit(b->memory);
}

void ledger_kit_block_begin(struct ledger_kit *b)
{
	store_begin(b, &b->ledger.store);
	bench_must(souk_ledger_begin(&b->ledger, b->now), "block");
	b->block_tx = 0;
}

/* Append one frame; its bytes are set through the return value. */
static uint8_t *batch_add(struct ledger_batch *batch, size_t size)
{
	if (batch->max - batch->size < size + 4) {
		batch->max = (batch->max + size + 4) * 2;
		batch->bytes = bench_must_have(realloc(batch->bytes, batch->max));
	}
	uint8_t *frame = batch->bytes + batch->size;
	souk_store_be32(frame, (uint32_t)size);
	batch->size += size + 4;
	batch->count++;
	return frame + 4;
}

static struct souk_bytes batch_next(struct ledger_batch *batch)
{
	struct souk_bytes frame = souk_bytes_of(
		batch->bytes + batch->at + 4, souk_load_be32(batch->bytes + batch->at));
	batch->at += frame.size + 4;
	return frame;
}

void ledger_batch_free(struct ledger_batch *batch)
{
	free(batch->bytes);
	*batch = (struct ledger_batch){0};
}

void ledger_kit_block_end(struct ledger_kit *b)
{
	struct souk_signed_block_header header;
	uint8_t memory[SOUK_SIGNED_BLOCK_HEADER_SIZE_MAX];
	struct souk_writer writer;
	bench_must(souk_ledger_seal(&b->ledger, &b->operator_identity, &header), "seal");
	store_commit(b);
	if (!b->keeps_log)
		return;
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_block_header_encode(&writer, &header);
	memcpy(batch_add(&b->log, writer.size), memory, writer.size);
	for (b->block.at = 0; b->block.at < b->block.size;) {
		struct souk_bytes tx = batch_next(&b->block);
		memcpy(batch_add(&b->log, tx.size), tx.data, tx.size);
	}
	b->block.size = 0;
}

void ledger_kit_take(struct ledger_kit *b, struct souk_bytes message)
{
	static struct souk_signed_tx tx;
	struct souk_receipt receipt;
	bench_must(souk_signed_tx_decode(&tx, message, NULL), "decode");
	bench_must(souk_ledger_apply(&b->ledger, &tx, &receipt), "apply");
	if (b->keeps_log)
		memcpy(batch_add(&b->block, message.size), message.data, message.size);
	if (++b->block_tx == BLOCK_TX) {
		ledger_kit_block_end(b);
		ledger_kit_block_begin(b);
	}
}

size_t ledger_kit_sign(struct ledger_kit *b, struct ledger_batch *batch,
	const struct souk_tx_body *body, const struct souk_identity *signer, uint64_t *nonce)
{
	static struct souk_signed_tx tx;
	static uint8_t bytes[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_writer writer;
	struct souk_tx unsigned_tx = {
		.ledger = b->ledger.record.ledger, .nonce = (*nonce)++, .body = *body};
	souk_tx_sign(&tx, &unsigned_tx, signer);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_tx_encode(&writer, &tx);
	memcpy(batch_add(batch, writer.size), bytes, writer.size);
	return writer.size;
}

static size_t sign_and_take(struct ledger_kit *b, const struct souk_tx_body *body,
	const struct souk_identity *signer, uint64_t *nonce)
{
	struct ledger_batch one = {0};
	size_t size = ledger_kit_sign(b, &one, body, signer, nonce);
	ledger_kit_take(b, batch_next(&one));
	ledger_batch_free(&one);
	return size;
}

size_t ledger_kit_pay(struct ledger_kit *b, const struct souk_tx_body *body)
{
	return sign_and_take(b, body, &b->payer, &b->payer_nonce);
}

/* ---- a ledger ---- */

static void make_genesis(struct ledger_kit *b, struct souk_genesis *ret)
{
	static const struct souk_nonce zero;
	struct souk_hash seed = {{1}};
	souk_chain_init(&b->beacons, souk_chain_tag_beacon, &zero, 16, &seed);
	*ret = (struct souk_genesis){
		.version = 1,
		.created = b->now,
		.operator= b->operator_identity.address,
		.epoch_ms = b->epoch_ms,
		.claim_ms = b->epoch_ms,
		.faucet_max = {UINT64_MAX / 2},
		.beacon_anchor = b->beacons.anchor,
		.beacon_count = 16,
	};
}

static void open_store(struct ledger_kit *b, const char *workdir)
{
	struct souk_lmdb_config config = {.path = b->path};
	if (workdir == NULL) {
		bench_must(souk_memory_store_new(&b->memory, 0, 1), "memory store");
		return;
	}
	snprintf(b->path, sizeof b->path, "%s/bench-ledger.mdb", workdir);
	bench_must(souk_lmdb_store_open(&b->lmdb, &config), b->path);
}

struct ledger_kit *ledger_kit_new(const char *workdir, bool keeps_log)
{
	return ledger_kit_new_at(workdir, keeps_log, souk_time_at_ms(START_MS), EPOCH_MS);
}

struct ledger_kit *ledger_kit_new_at(
	const char *workdir, bool keeps_log, struct souk_time created, uint64_t epoch_ms)
{
	struct ledger_kit *b = bench_must_have(calloc(1, sizeof *b));
	struct souk_store view;
	struct souk_genesis genesis;
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_FAUCET, .faucet = {{UINT64_MAX / 4}}};
	identity_of_byte(&b->operator_identity, 1);
	identity_of_byte(&b->payer, 2);
	identity_of_byte(&b->provider, 3);
	identity_of_byte(&b->issuer, 4);
	b->now = created;
	b->epoch_ms = epoch_ms;
	b->keeps_log = keeps_log;
	open_store(b, workdir);
	make_genesis(b, &genesis);
	store_begin(b, &view);
	bench_must(souk_ledger_genesis(&b->ledger, &view, &genesis), "genesis");
	store_commit(b);
	ledger_kit_block_begin(b);
	ledger_kit_pay(b, &body);
	return b;
}

void ledger_kit_free(struct ledger_kit *b)
{
	char lock[600];
	ledger_kit_block_end(b);
	souk_memory_store_free(b->memory);
	souk_lmdb_store_close(b->lmdb);
	if (b->path[0] != '\0') {
		snprintf(lock, sizeof lock, "%s-lock", b->path);
		unlink(b->path);
		unlink(lock);
	}
	ledger_batch_free(&b->block);
	ledger_batch_free(&b->log);
	free(b);
}

/* ---- claims ---- */

struct souk_nonce ledger_kit_salt(uint32_t number)
{
	struct souk_nonce salt = {{0}};
	souk_store_be32(salt.bytes, number);
	return salt;
}

void ledger_kit_open_escrows(struct ledger_kit *b, uint32_t count, uint64_t line)
{
	for (uint32_t i = 0; i < count; i++) {
		struct souk_tx_body body = {.kind = SOUK_TX_BODY_ESCROW_OPEN,
			.escrow_open = {.salt = ledger_kit_salt(i),
				.line = {line},
				.prize = {PRIZE},
				.deposit = {line}}};
		ledger_kit_pay(b, &body);
	}
}

size_t ledger_kit_allot(struct ledger_kit *b, struct ledger_segment *s,
	const struct souk_hash *escrow, uint32_t segment, uint32_t strips)
{
	struct souk_sum_node nodes[LEAVES], root;
	for (unsigned i = 0; i < LEAVES; i++)
		s->leaves[i] = (struct souk_allotment_leaf){.provider = b->provider.address,
			.issuer = b->issuer.address,
			.amount = {i == 0 ? strips * STRIP_UNITS * UNIT_PRICE : PRIZE}};
	bench_must(souk_allotment_commit(&root, s->leaves, LEAVES, nodes), "allotment");
	struct souk_tx_body body = {.kind = SOUK_TX_BODY_ALLOT,
		.allot = {.escrow = *escrow,
			.segment = segment,
			.root = root.hash,
			.total = root.sum}};
	return ledger_kit_pay(b, &body);
}

/* The claim of the next strip on LEAF, which is leaf 0 of S. */
static void build_claim(struct ledger_kit *b, struct ledger_segment *s,
	struct souk_payer_leaf *leaf, uint32_t number, struct souk_claim *ret)
{
	struct souk_sum_node nodes[LEAVES];
	struct souk_strip_open *opens[] = {&s->open};
	struct souk_hash secret = {{9}};
	struct souk_strip terms = {.version = SOUK_STRIP_VERSION,
		.payee = s->leaves[0].provider,
		.count = STRIP_UNITS,
		.price = {UNIT_PRICE},
		.customer = b->payer.pubkey,
		.nonce = ledger_kit_salt(leaf->segment * CLAIMS_MAX + number),
		.expires = SOUK_TIME_NEVER};
	souk_chain_init(&s->keys, souk_chain_tag_key, &terms.nonce, STRIP_UNITS, &secret);
	terms.key_anchor = s->keys.anchor;
	terms.key_checkpoints = s->keys.checkpoint_root;
	bench_must(
		souk_payer_strip_open(&s->payer, leaf, &terms, number, &secret, &s->open), "strip");
	bench_must(souk_allotment_prove(&s->open, s->leaves, LEAVES, 0, nodes), "prove");
	bench_must(souk_strip_sign_batch(opens, 1, &b->issuer), "sign");
	struct souk_hash value = souk_chain_value(&s->payer.chain, CLAIM_UNIT);
	bench_must(souk_claim_build(ret, &s->open, CLAIM_UNIT, &value, &s->keys), "claim");
}

void ledger_kit_claim(struct ledger_kit *b, struct ledger_segment *s,
	const struct souk_hash *escrow, uint32_t segment, uint32_t strips,
	struct ledger_batch *batch)
{
	static struct souk_tx_body body;
	static struct souk_claim claims[CLAIMS_MAX];
	struct souk_payer_leaf leaf = {
		.escrow = *escrow, .segment = segment, .amount = s->leaves[0].amount};
	for (uint32_t i = 0; i < strips; i++)
		build_claim(b, s, &leaf, i, &claims[i]);
	body.kind = strips == 1 ? SOUK_TX_BODY_CLAIM : SOUK_TX_BODY_CLAIM_MANY;
	if (strips == 1)
		body.claim.claim = claims[0];
	else
		bench_must(souk_claim_many_build(&body.claim_many, claims, strips), "batch");
	ledger_kit_sign(b, batch, &body, &b->provider, &b->provider_nonce);
}

/* Epoch 0 ends and is drawn. */
void ledger_kit_draw(struct ledger_kit *b)
{
	struct souk_tx_body body = {
		.kind = SOUK_TX_BODY_DRAW, .draw = {.beacon = souk_chain_value(&b->beacons, 1)}};
	ledger_kit_block_end(b);
	b->now = souk_time_plus_ms(b->now, EPOCH_MS);
	ledger_kit_block_begin(b);
	sign_and_take(b, &body, &b->operator_identity, &b->operator_nonce);
}

/* Messages per second, to the last commit. */
double ledger_kit_measure(struct ledger_kit *b, struct ledger_batch *batch, uint32_t count)
{
	ledger_kit_block_end(b);
	uint64_t start = souk_clock_steady_ns();
	ledger_kit_block_begin(b);
	for (uint32_t i = 0; i < count; i++)
		ledger_kit_take(b, batch_next(batch));
	ledger_kit_block_end(b);
	double seconds = (double)(souk_clock_steady_ns() - start) / 1e9;
	ledger_kit_block_begin(b);
	return count / seconds;
}

void ledger_kit_make_claims(struct ledger_kit *b, uint32_t escrows, uint32_t strips,
	struct ledger_batch *batch, uint32_t count, size_t *ret_allot_bytes)
{
	struct ledger_segment *segment = bench_must_have(calloc(1, sizeof *segment));
	uint64_t each = (count + escrows - 1) / escrows, line = each * SEGMENT(strips);
	ledger_kit_open_escrows(b, escrows, line + (PRIZE - line % PRIZE) % PRIZE);
	for (uint32_t i = 0; i < count; i++) {
		/* A stride that visits each escrow once before any twice, in no order of keys. */
		struct souk_nonce salt = ledger_kit_salt((uint32_t)((uint64_t)i * 7919 % escrows));
		struct souk_hash id =
			souk_escrow_id(&b->ledger.record.ledger, &b->payer.address, &salt);
		*ret_allot_bytes = ledger_kit_allot(b, segment, &id, i / escrows, strips);
		ledger_kit_claim(b, segment, &id, i / escrows, strips, batch);
	}
	free(segment);
	ledger_kit_draw(b);
}

/* As if signed: what fills a ledger need not be what is measured. */
void ledger_kit_push(struct ledger_kit *b, const struct souk_tx_body *body)
{
	static struct souk_signed_tx tx;
	struct souk_receipt receipt;
	struct souk_signed_check check = {.signature = SOUK_OK};
	tx.tx.ledger = b->ledger.record.ledger;
	tx.tx.from = b->payer.address;
	tx.tx.nonce = b->payer_nonce++;
	memcpy(&tx.tx.body, body, sizeof *body);
	souk_store_be64(check.name.bytes, tx.tx.nonce);
	bench_must(souk_ledger_apply_checked(&b->ledger, &tx, &check, &receipt), "apply");
	if (++b->block_tx == BLOCK_TX) {
		ledger_kit_block_end(b);
		ledger_kit_block_begin(b);
	}
}
