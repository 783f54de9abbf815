/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/chain.h"
#include "souk/crypto/merkle.h"
#include "souk/payment/escrow.h"
#include "apply.h"
#include "state.h"

const uint8_t souk_chain_tag_beacon[3] = {'S', 'K', 'B'};

void souk_tx_sign(
	struct souk_signed_tx *ret, const struct souk_tx *tx, const struct souk_identity *signer)
{
	ret->tx = *tx;
	ret->tx.from = signer->address;
	struct souk_hash digest = souk_tx_digest(&ret->tx);
	souk_ecdsa_sign(&ret->signature, &digest, signer);
}

bool souk_ledger_refused(souk_status status)
{
	return souk_status_class(status) == SOUK_CLASS_PEER || status == SOUK_LOCAL_OVERFLOW;
}

/* ---- genesis ---- */

/* ceil((d + r) / T) + 2 epochs may be open to claims or allotments at once. */
static bool genesis_epochs_fit(const struct souk_genesis *genesis)
{
	uint64_t open_ms;
	if (__builtin_add_overflow(genesis->draw_delay_ms, genesis->claim_ms, &open_ms))
		return false;
	uint64_t epochs = open_ms / genesis->epoch_ms + (open_ms % genesis->epoch_ms != 0);
	return epochs <= SOUK_ESCROW_OPEN_MAX - 2;
}

souk_status souk_genesis_check(const struct souk_genesis *genesis)
{
	if (genesis->version != SOUK_GENESIS_VERSION)
		return SOUK_PEER_BAD_VERSION;
	if (genesis->epoch_ms == 0 || genesis->claim_ms == 0 || genesis->beacon_count == 0 ||
		souk_address_is_zero(&genesis->operator) || !genesis_epochs_fit(genesis))
		return SOUK_LOCAL_CONFIG;
	return SOUK_OK;
}

static void record_init(struct souk_ledger_record *record, const struct souk_genesis *genesis)
{
	memset(record, 0, sizeof *record);
	record->ledger = souk_genesis_digest(genesis);
	record->last = record->ledger;
	record->time = genesis->created;
	record->beacon = genesis->beacon_anchor;
}

static souk_status epoch_start(struct souk_ledger *ledger, uint64_t epoch, struct souk_time start)
{
	struct souk_epoch_record record = {
		.start = start,
		.end = souk_time_plus_ms(start, ledger->genesis.epoch_ms),
	};
	return ledger_put_epoch(ledger, epoch, &record);
}

/* The operator has an account from the start: its draws must not depend on a faucet. */
static souk_status genesis_write(struct souk_ledger *ledger)
{
	struct souk_account_record operator_account = {0};
	SOUK_TRY(ledger_put_genesis(ledger));
	SOUK_TRY(epoch_start(ledger, 0, ledger->genesis.created));
	SOUK_TRY(ledger_put_account(ledger, &ledger->genesis.operator, & operator_account));
	ledger->record.state = ledger_state_digest(ledger);
	return ledger_put_summary(ledger);
}

souk_status souk_ledger_genesis(struct souk_ledger *ledger, const struct souk_store *store,
	const struct souk_genesis *genesis)
{
	struct souk_ledger_key key = souk_ledger_key_single(SOUK_TABLE_GENESIS);
	struct souk_bytes value;
	SOUK_TRY(souk_genesis_check(genesis));
	souk_status status = souk_store_get(store, souk_ledger_key_bytes(&key), &value);
	if (status == SOUK_OK)
		return SOUK_LOCAL_EXISTS;
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status;
	memset(ledger, 0, sizeof *ledger);
	ledger->store = *store;
	ledger->genesis = *genesis;
	record_init(&ledger->record, genesis);
	return genesis_write(ledger);
}

static souk_status load_single(
	struct souk_bytes *ret, const struct souk_store *store, enum souk_ledger_table table)
{
	struct souk_ledger_key key = souk_ledger_key_single(table);
	return souk_store_get(store, souk_ledger_key_bytes(&key), ret);
}

/* Three records, however many accounts there are. The sum and the summary are held against the
 * digest that the last header states; the records themselves are souk_ledger_audit's. */
souk_status souk_ledger_load(struct souk_ledger *ledger, const struct souk_store *store)
{
	struct souk_genesis genesis;
	struct souk_ledger_record record;
	struct souk_lthash sum;
	struct souk_bytes value;
	SOUK_TRY(load_single(&value, store, SOUK_TABLE_GENESIS));
	if (souk_genesis_decode(&genesis, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	SOUK_TRY(load_single(&value, store, SOUK_TABLE_META));
	if (souk_ledger_record_decode(&record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	SOUK_TRY(load_single(&value, store, SOUK_TABLE_SUM));
	if (value.size != SOUK_LTHASH_SIZE)
		return SOUK_CORRUPT_STORE;
	souk_lthash_decode(&sum, value.data);
	struct souk_hash state = ledger_state_digest_of(&sum, &record);
	if (!souk_hash_equal(&state, &record.state))
		return SOUK_CORRUPT_STATE;
	memset(ledger, 0, sizeof *ledger);
	ledger->store = *store;
	ledger->genesis = genesis;
	ledger->record = record;
	ledger->sum = sum;
	return SOUK_OK;
}

/* ---- the transactions of a block ---- */

/* A row of peaks works like a binary counter: two subtrees of one size become one of the next. */
static void txs_add(struct souk_ledger_txs *txs, const struct souk_hash *leaf)
{
	struct souk_hash node = *leaf;
	unsigned level = 0;
	for (; txs->count >> level & 1; level++)
		node = souk_merkle_node(&txs->peaks[level], &node);
	txs->peaks[level] = node;
	txs->count++;
}

/* What is left over at the end of a row moves up unchanged: so peaks join from the smallest. */
static struct souk_hash txs_root(const struct souk_ledger_txs *txs)
{
	struct souk_hash root = {{0}};
	bool any = false;
	for (unsigned level = 0; level < 32; level++) {
		if (!(txs->count >> level & 1))
			continue;
		root = any ? souk_merkle_node(&txs->peaks[level], &root) : txs->peaks[level];
		any = true;
	}
	return root;
}

souk_status souk_ledger_apply_checked(struct souk_ledger *ledger, const struct souk_signed_tx *tx,
	const struct souk_signed_check *check, struct souk_receipt *ret_receipt)
{
	struct souk_receipt receipt = {.height = ledger->record.height, .index = ledger->txs.count};
	if (!ledger->building)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(ledger_apply_tx(ledger, tx, check, &receipt));
	txs_add(&ledger->txs, &check->leaf);
	ledger->record.tx_count++;
	*ret_receipt = receipt;
	return SOUK_OK;
}

souk_status souk_ledger_apply(struct souk_ledger *ledger, const struct souk_signed_tx *tx,
	struct souk_receipt *ret_receipt)
{
	uint8_t memory[SOUK_SIGNED_TX_SIZE_MAX];
	struct souk_writer writer;
	struct souk_signed_check check;
	souk_writer_init(&writer, memory, sizeof memory);
	souk_signed_tx_encode(&writer, tx);
	souk_tx_check(&check, souk_bytes_of(memory, writer.size));
	return souk_ledger_apply_checked(ledger, tx, &check, ret_receipt);
}

/* ---- blocks ---- */

souk_status souk_ledger_begin(struct souk_ledger *ledger, struct souk_time time)
{
	struct souk_epoch_record epoch;
	if (ledger->building)
		return SOUK_LOCAL_STATE;
	if (souk_time_is_before(time, ledger->record.time))
		return SOUK_PEER_BLOCK_TIME;
	/* A store that fails may be tried again; one without the current epoch contradicts itself.
	 */
	souk_status status = souk_ledger_get_epoch(&epoch, ledger, ledger->record.epoch);
	if (status != SOUK_OK)
		return status == SOUK_PEER_WRONG_EPOCH ? SOUK_CORRUPT_STORE : status;
	ledger->txs = (struct souk_ledger_txs){.count = 0};
	ledger->building = true;
	ledger->record.time = time;
	ledger->record.height++;
	/* The next epoch starts with this block, and lasts: one step is always enough. */
	if (!souk_time_is_before(time, epoch.end)) {
		ledger->record.epoch++;
		return epoch_start(ledger, ledger->record.epoch, time);
	}
	return SOUK_OK;
}

/* The header that the block under construction must have. */
static souk_status block_header(struct souk_ledger *ledger, struct souk_block_header *ret)
{
	SOUK_TRY(ledger_check_supply(&ledger->record));
	*ret = (struct souk_block_header){
		.ledger = ledger->record.ledger,
		.height = ledger->record.height,
		.time = ledger->record.time,
		.previous = ledger->record.last,
		.tx_count = ledger->txs.count,
		.tx_root = txs_root(&ledger->txs),
		.state = ledger_state_digest(ledger),
	};
	return SOUK_OK;
}

static souk_status block_finish(struct souk_ledger *ledger, const struct souk_block_header *header)
{
	ledger->record.state = header->state;
	ledger->record.last = souk_block_header_digest(header);
	ledger->building = false;
	return ledger_put_summary(ledger);
}

souk_status souk_ledger_seal(struct souk_ledger *ledger,
	const struct souk_identity *operator_identity, struct souk_signed_block_header *ret_header)
{
	struct souk_signed_block_header sealed;
	if (!ledger->building)
		return SOUK_LOCAL_STATE;
	if (!souk_address_equal(&operator_identity->address, &ledger->genesis.operator))
		return SOUK_PEER_NOT_OPERATOR;
	SOUK_TRY(block_header(ledger, &sealed.header));
	struct souk_hash digest = souk_block_header_digest(&sealed.header);
	souk_ecdsa_sign(&sealed.signature, &digest, operator_identity);
	SOUK_TRY(block_finish(ledger, &sealed.header));
	*ret_header = sealed;
	return SOUK_OK;
}

souk_status ledger_check_link(
	const struct souk_ledger *ledger, const struct souk_block_header *header)
{
	uint64_t height = ledger->record.height + (ledger->building ? 0 : 1);
	if (!souk_hash_equal(&header->ledger, &ledger->record.ledger) || header->height != height ||
		!souk_hash_equal(&header->previous, &ledger->record.last))
		return SOUK_CORRUPT_BLOCK_LINK;
	return SOUK_OK;
}

souk_status souk_ledger_check_header(
	const struct souk_ledger *ledger, const struct souk_signed_block_header *header)
{
	SOUK_TRY(ledger_check_link(ledger, &header->header));
	struct souk_hash digest = souk_block_header_digest(&header->header);
	return souk_ecdsa_verify(&ledger->genesis.operator, & digest, &header->signature);
}

souk_status ledger_accept_signed(struct souk_ledger *ledger, const struct souk_block_header *theirs)
{
	struct souk_block_header ours;
	if (!ledger->building)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(ledger_check_link(ledger, theirs));
	SOUK_TRY(block_header(ledger, &ours));
	if (theirs->time.ms != ours.time.ms)
		return SOUK_CORRUPT_BLOCK_LINK;
	if (theirs->tx_count != ours.tx_count || !souk_hash_equal(&theirs->tx_root, &ours.tx_root))
		return SOUK_CORRUPT_BLOCK_ROOT;
	if (!souk_hash_equal(&theirs->state, &ours.state))
		return SOUK_CORRUPT_STATE;
	return block_finish(ledger, theirs);
}

souk_status souk_ledger_accept(
	struct souk_ledger *ledger, const struct souk_signed_block_header *header)
{
	if (!ledger->building)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(souk_ledger_check_header(ledger, header));
	return ledger_accept_signed(ledger, &header->header);
}

/* ---- what is due ---- */

static souk_status draw_time(struct souk_time *ret, const struct souk_ledger *ledger)
{
	struct souk_epoch_record epoch;
	if (ledger->record.next_draw >= ledger->record.epoch ||
		ledger->record.next_draw >= ledger->genesis.beacon_count) {
		*ret = SOUK_TIME_NEVER;
		return SOUK_OK;
	}
	SOUK_TRY(souk_ledger_get_epoch(&epoch, ledger, ledger->record.next_draw));
	*ret = souk_time_plus_ms(epoch.end, ledger->genesis.draw_delay_ms);
	return SOUK_OK;
}

souk_status souk_ledger_draw_due(bool *ret, const struct souk_ledger *ledger, struct souk_time now)
{
	struct souk_time draw;
	SOUK_TRY(draw_time(&draw, ledger));
	*ret = draw.ms != SOUK_TIME_NEVER.ms && !souk_time_is_before(now, draw);
	return SOUK_OK;
}

souk_status souk_ledger_deadline(struct souk_time *ret, const struct souk_ledger *ledger)
{
	struct souk_epoch_record epoch;
	struct souk_time draw;
	SOUK_TRY(souk_ledger_get_epoch(&epoch, ledger, ledger->record.epoch));
	SOUK_TRY(draw_time(&draw, ledger));
	*ret = souk_time_earlier(epoch.end, draw);
	return SOUK_OK;
}
