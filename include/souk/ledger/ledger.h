/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/ledger/ledger.h - the rules of money: a state machine over an ordered store.
 *
 * Transactions go in, records change, and each block states a digest of every
 * change since genesis. The same code makes blocks in the sequencer and checks
 * them in everybody else's hands. It knows no clock: a block brings its time.
 *
 *   genesis --+
 *             +--> IDLE --begin--> BUILDING --apply*--> BUILDING --seal----> IDLE
 *   load -----+      ^                 |                         `-accept--> IDLE
 *                    `-- copy back ----' (with the store's transaction aborted)
 *
 * Every record is written by one function, which sees the old value and the new
 * one: it moves the totals of money held in accounts, escrows and deposits, and
 * the digest, which is that of the set of all records (souk/crypto/lthash.h). A
 * rule that loses or makes a coin therefore cannot seal, and any dump of the
 * records can be held against the header of its height.
 *
 * Receipts and the history of accounts are an index beside the state: they answer
 * questions, no rule reads them, and a replay may go without (`is_bare`).
 *
 * Invariants: L1 accounts + escrows + deposits + burned = minted, at every seal.
 *             L2 a refused transaction changes no byte: of the store, or of the struct.
 *             L3 a point of a value line is paid at most once, and what an epoch
 *                may still have to pay is reserved in full.
 *             L4 the same log gives the same digests on every machine.
 * Memory: caller's, about 12 KiB; the state lives behind the store port.
 * Threads: one owner. Spec: spec/ledger.md. */
#ifndef SOUK_LEDGER_LEDGER_H
#define SOUK_LEDGER_LEDGER_H

#include "souk/crypto/ecdsa.h"
#include "souk/crypto/lthash.h"
#include "souk/crypto/sha256.h"
#include "souk/ledger/judge.h"
#include "souk/ports/store.h"
#include "souk/wire/messages.h"

/* Bits of one stored record of paid points. */
#define SOUK_LEDGER_PAID_BITS 2048u

/* First bytes of keys. What follows stands in spec/ledger.md 2. */
enum souk_ledger_table {
	SOUK_TABLE_ACCOUNT = 'A',
	SOUK_TABLE_PAID = 'B',
	SOUK_TABLE_AGREEMENT = 'D',
	SOUK_TABLE_LEAF = 'C', /* leaves that were claimed by a receipt */
	SOUK_TABLE_ESCROW = 'E',
	SOUK_TABLE_GENESIS = 'G',
	SOUK_TABLE_HEADER = 'H', /* written by the sequencer: signed headers by height */
	SOUK_TABLE_PRUNED = 'K', /* be64: blocks up to this one are gone, but for its header */
	SOUK_TABLE_ALLOTMENT = 'L',
	SOUK_TABLE_META = 'M',
	SOUK_TABLE_ANCHOR = 'N', /* the last root of an account's own log */
	SOUK_TABLE_PROVIDER = 'P',
	SOUK_TABLE_RECEIPT = 'R',
	SOUK_TABLE_SUM = 'S', /* of the set of records */
	SOUK_TABLE_EPOCH = 'T',
	SOUK_TABLE_TX = 'X', /* written by the sequencer: signed transactions by height and index */
	SOUK_TABLE_HISTORY = 'Y',
};

/* Whether the records of TABLE are in the digest: not the summary and the sum, which are made of
 * it, nor blocks and indexes, which stand beside it. */
bool souk_ledger_is_state(uint8_t table);

#define SOUK_LEDGER_KEY_MAX 52

struct souk_ledger_key {
	uint8_t bytes[SOUK_LEDGER_KEY_MAX];
	uint8_t size;
};

/* Root over leaves that come one by one: perfect subtrees by falling size. */
struct souk_ledger_txs {
	struct souk_hash peaks[32];
	uint32_t count;
};

/* A record that this block has changed: its hash at the start of the block and now. Only the
 * difference of both goes into the sum, however often it changes. */
struct souk_ledger_change {
	struct souk_ledger_key key; /* size 0: a free place */
	bool was, is;		    /* whether there was one, and is */
	struct souk_hash before, after;
};

#define SOUK_LEDGER_CHANGES 64

/* An account that the transaction at hand has changed. */
struct souk_ledger_touched {
	struct souk_address address;
	struct souk_amount before, after;
};

#define SOUK_LEDGER_TOUCHED_MAX 8

struct souk_ledger {
	struct souk_store store;
	const struct souk_judges *judges; /* NULL: no agreement can be made */
	struct souk_genesis genesis;
	struct souk_ledger_record record;
	struct souk_lthash sum; /* of the records, without what is in `changes` */
	struct souk_ledger_change changes[SOUK_LEDGER_CHANGES]; /* by a hash of the key */
	struct souk_ledger_txs txs;
	struct souk_ledger_touched touched[SOUK_LEDGER_TOUCHED_MAX];
	uint32_t touched_count;
	bool building;
	bool is_bare; /* write no receipts and no history; the owner may set it after a load */
};

/* Sign TX as SIGNER, whose address goes into `from`. The hash that names a transaction, a block or
 * a ledger is the digest of its message: souk_tx_digest is what was signed, so it does not change
 * with the signature. */
void souk_tx_sign(
	struct souk_signed_tx *ret, const struct souk_tx *tx, const struct souk_identity *signer);

/* souk_genesis_check: whether a ledger can run under these rules.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_VERSION  not version 1.
 *   SOUK_LOCAL_CONFIG      no epoch length, claim window, beacon or operator; or draw delay and
 *                          claim window so long that an escrow would have more than
 *                          SOUK_ESCROW_OPEN_MAX epochs open at once. Choose other rules. */
SOUK_MUST_CHECK souk_status souk_genesis_check(const struct souk_genesis *genesis);

/* souk_ledger_genesis: start a ledger in an empty store.
 *
 * Returns SOUK_OK, or those of souk_genesis_check, or
 *   SOUK_LOCAL_EXISTS  the store holds a ledger already; load it.
 *   SOUK_IO_*          the store failed; abort its transaction. */
SOUK_MUST_CHECK souk_status souk_ledger_genesis(struct souk_ledger *ledger,
	const struct souk_store *store, const struct souk_genesis *genesis);

/* souk_ledger_load: go on where the store's last block ended.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  no ledger in that store.
 *   SOUK_CORRUPT_STORE    a record cannot be decoded: stop.
 *   SOUK_IO_*             the store failed; try again. */
SOUK_MUST_CHECK souk_status souk_ledger_load(
	struct souk_ledger *ledger, const struct souk_store *store);

/* Who judges faults, for as long as LEDGER is used; after souk_ledger_genesis or souk_ledger_load,
 * which know none. JUDGES is borrowed. Part of the rules: a ledger that lists others disagrees. */
void souk_ledger_set_judges(struct souk_ledger *ledger, const struct souk_judges *judges);

/* souk_ledger_begin: start a block at TIME; the epoch steps on where its end is reached.
 *
 * To abandon the block, abort the store's transaction and copy the struct back.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BLOCK_TIME  before the last block; nothing changed. Use a later time.
 *   SOUK_LOCAL_STATE      a block is being built.
 *   SOUK_CORRUPT_STORE, SOUK_IO_*  abandon the block. */
SOUK_MUST_CHECK souk_status souk_ledger_begin(struct souk_ledger *ledger, struct souk_time time);

/* souk_ledger_apply: check TX against every rule, then change what it changes.
 *
 *  Out: ret_receipt  where it stands, and what it paid out
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_*, SOUK_LOCAL_OVERFLOW  refused; nothing changed. Tell who sent it; go on.
 *   SOUK_LOCAL_STATE   no block is being built.
 *   SOUK_CORRUPT_*, SOUK_IO_*  the state may be half changed: abandon the block. */
SOUK_MUST_CHECK souk_status souk_ledger_apply(struct souk_ledger *ledger,
	const struct souk_signed_tx *tx, struct souk_receipt *ret_receipt);

/* What can be known of a transaction, or of a block's header, without the state. It is the costly
 * part, and any thread may find it out ahead of time. */
struct souk_signed_check {
	struct souk_hash name; /* souk_tx_digest, or souk_block_header_digest */
	struct souk_hash leaf; /* of a transaction, in the tree of its block */
	souk_status signature; /* of souk_ecdsa_verify */
};

/* souk_tx_check: check ENCODED, a signed_tx; the signer is its own `from`. Bytes that are too short
 * have signature SOUK_PEER_TRUNCATED; otherwise whether they decode is not looked at. */
void souk_tx_check(struct souk_signed_check *ret, struct souk_bytes encoded);
/* As souk_tx_check, for a signed_block_header of OPERATOR. */
void souk_block_check(struct souk_signed_check *ret, struct souk_bytes encoded,
	const struct souk_address *operator_address);

/* souk_ledger_apply_checked: souk_ledger_apply of a transaction whose bytes were checked before.
 *
 * The contract: TX is what souk_signed_tx_decode makes of the bytes from which souk_tx_check made
 * CHECK. As decoding is strict, the hashes are then those that TX would give when encoded again.
 * Whoever breaks it puts a transaction nobody signed into a ledger.
 *
 * Returns as souk_ledger_apply, in the same order of checks. */
SOUK_MUST_CHECK souk_status souk_ledger_apply_checked(struct souk_ledger *ledger,
	const struct souk_signed_tx *tx, const struct souk_signed_check *check,
	struct souk_receipt *ret_receipt);

/* Whether STATUS of souk_ledger_apply is a refusal, after which the block may go on. */
bool souk_ledger_refused(souk_status status);

/* souk_ledger_seal: finish the block and sign it.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_NOT_OPERATOR  OPERATOR is not the one of the genesis; nothing changed.
 *   SOUK_LOCAL_STATE        no block is being built.
 *   SOUK_CORRUPT_SUPPLY     money was made or lost: a bug; stop, and commit nothing.
 *   SOUK_IO_*               abandon the block. */
SOUK_MUST_CHECK souk_status souk_ledger_seal(struct souk_ledger *ledger,
	const struct souk_identity *operator_identity, struct souk_signed_block_header *ret_header);

/* souk_ledger_accept: finish a block that somebody else made, if HEADER tells the truth.
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_SIGNATURE, SOUK_PEER_WRONG_SIGNER  not signed by the operator.
 *   SOUK_CORRUPT_BLOCK_LINK  another ledger, height, time or predecessor.
 *   SOUK_CORRUPT_BLOCK_ROOT  other transactions than those applied.
 *   SOUK_CORRUPT_STATE       the same transactions led to another state here.
 *   SOUK_CORRUPT_SUPPLY, SOUK_LOCAL_STATE, SOUK_IO_*  as souk_ledger_seal.
 * Refuse the block and everything after it. */
SOUK_MUST_CHECK souk_status souk_ledger_accept(
	struct souk_ledger *ledger, const struct souk_signed_block_header *header);

/* souk_ledger_check_header: the part of souk_ledger_accept that needs no transactions: link and
 * signature. For refusing a forged block before its transactions are looked at. */
SOUK_MUST_CHECK souk_status souk_ledger_check_header(
	const struct souk_ledger *ledger, const struct souk_signed_block_header *header);

/* souk_ledger_audit: count all the money again, and sum all records, one by one.
 *
 * Returns SOUK_OK, or
 *   SOUK_CORRUPT_SUPPLY  the records do not add up to the totals: stop.
 *   SOUK_CORRUPT_STATE   they are not those that the last header states: stop. Which of them is
 *                        wrong only a replay can tell.
 *   SOUK_CORRUPT_STORE   a record cannot be decoded: stop.
 *   SOUK_IO_*            try again. */
SOUK_MUST_CHECK souk_status souk_ledger_audit(const struct souk_ledger *ledger);

/* When a block must be made although nobody sent a transaction: the end of the epoch, or the
 * moment from which the next beacon may be drawn.
 *
 * Returns SOUK_OK, or SOUK_CORRUPT_STORE, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status souk_ledger_deadline(
	struct souk_time *ret, const struct souk_ledger *ledger);
/* Whether the next beacon may be drawn at NOW. As souk_ledger_deadline. */
SOUK_MUST_CHECK souk_status souk_ledger_draw_due(
	bool *ret, const struct souk_ledger *ledger, struct souk_time now);

/* The beacon chain is a chain of souk/crypto/chain.h with this tag and a nonce of zeros: b_0 is the
 * genesis' anchor, and a draw of epoch e reveals b_{e+1}. */
extern const uint8_t souk_chain_tag_beacon[3]; /* "SKB" */

/* Keys of records, for whoever reads or writes the store beside the ledger. */
struct souk_ledger_key souk_ledger_key_single(enum souk_ledger_table table); /* G, K, M and S */
struct souk_ledger_key souk_ledger_key_account(const struct souk_address *address);
struct souk_ledger_key souk_ledger_key_escrow(const struct souk_hash *id);
struct souk_ledger_key souk_ledger_key_agreement(const struct souk_hash *id);
struct souk_ledger_key souk_ledger_key_allotment(
	const struct souk_hash *escrow, uint64_t epoch, uint32_t segment);
struct souk_ledger_key souk_ledger_key_paid(
	const struct souk_hash *escrow, uint64_t epoch, uint32_t index);
/* PLACE: 2^d + index of a leaf whose path has d siblings, since two leaves of one index may differ
 * in depth. */
struct souk_ledger_key souk_ledger_key_leaf(
	const struct souk_hash *escrow, uint64_t epoch, uint32_t segment, uint32_t place);
struct souk_ledger_key souk_ledger_key_provider(const struct souk_address *address);
struct souk_ledger_key souk_ledger_key_anchor(const struct souk_address *address);
struct souk_ledger_key souk_ledger_key_epoch(uint64_t epoch);
struct souk_ledger_key souk_ledger_key_receipt(const struct souk_hash *tx);
struct souk_ledger_key souk_ledger_key_header(uint64_t height);
struct souk_ledger_key souk_ledger_key_tx(uint64_t height, uint32_t index);
/* Newest first: height and index stand inverted. */
struct souk_ledger_key souk_ledger_key_history(
	const struct souk_address *account, uint64_t height, uint32_t index);

static inline struct souk_bytes souk_ledger_key_bytes(const struct souk_ledger_key *key)
{
	return souk_bytes_of(key->bytes, key->size);
}

/* Records by what names them.
 *
 * Each returns SOUK_OK, or
 *   SOUK_PEER_NO_ACCOUNT, _NO_ESCROW, _NO_ALLOTMENT, _NO_PROVIDER, _NO_AGREEMENT, _WRONG_EPOCH,
 *   SOUK_LOCAL_NOT_FOUND (receipt, anchor)  there is none.
 *   SOUK_CORRUPT_STORE, SOUK_IO_*   the store failed. */
SOUK_MUST_CHECK souk_status souk_ledger_get_account(struct souk_account_record *ret,
	const struct souk_ledger *ledger, const struct souk_address *address);
SOUK_MUST_CHECK souk_status souk_ledger_get_escrow(struct souk_escrow_record *ret,
	const struct souk_ledger *ledger, const struct souk_hash *id);
SOUK_MUST_CHECK souk_status souk_ledger_get_allotment(struct souk_allotment_record *ret,
	const struct souk_ledger *ledger, const struct souk_hash *escrow, uint64_t epoch,
	uint32_t segment);
/* souk_ledger_view_escrow, _view_allotment: the same as they are at the last block's time, with
 * what stands allotted to each epoch that has begun, although nobody has touched the escrow since;
 * what is over is gone. This is what to show, and to check a strip against. Writes nothing. */
SOUK_MUST_CHECK souk_status souk_ledger_view_escrow(struct souk_escrow_record *ret,
	const struct souk_ledger *ledger, const struct souk_hash *id);
SOUK_MUST_CHECK souk_status souk_ledger_view_allotment(struct souk_allotment_record *ret,
	const struct souk_ledger *ledger, const struct souk_hash *escrow, uint64_t epoch,
	uint32_t segment);
SOUK_MUST_CHECK souk_status souk_ledger_get_provider(struct souk_provider_record *ret,
	const struct souk_ledger *ledger, const struct souk_address *address);
SOUK_MUST_CHECK souk_status souk_ledger_get_anchor(struct souk_anchor_record *ret,
	const struct souk_ledger *ledger, const struct souk_address *address);
SOUK_MUST_CHECK souk_status souk_ledger_get_agreement(struct souk_agreement_record *ret,
	const struct souk_ledger *ledger, const struct souk_hash *id);
SOUK_MUST_CHECK souk_status souk_ledger_get_epoch(
	struct souk_epoch_record *ret, const struct souk_ledger *ledger, uint64_t epoch);
SOUK_MUST_CHECK souk_status souk_ledger_get_receipt(
	struct souk_receipt *ret, const struct souk_ledger *ledger, const struct souk_hash *tx);

#endif
