/* SPDX-License-Identifier: Apache-2.0
 *
 * The ledger's HTTP API: spec/ledger.md 9. Every read takes one snapshot; answers
 * are JSON, or canonical bytes where the client accepts application/souk. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger_archive.h"
#include "ledger_internal.h"
#include "souk/base/check.h"
#include "souk/io/file.h"
#include "souk/ledger/verify.h"

#define JSON_TYPE	    "application/json"
#define SOUK_TYPE	    "application/souk"
#define PARTS_MAX	    5
#define PART_SIZE	    80
#define LOG_PAGE_BLOCKS_MAX 256
/* Records that one page of agreements looks at. */
#define AGREEMENTS_SEEN_MAX 4096
/* A page ends after the block that passes this. */
#define LOG_PAGE_SIZE	   (1u << 20)
#define SNAPSHOT_PAGE_SIZE (4u << 20)

/* A request on its way through a route. */
struct call {
	struct ledger_node *node;
	const struct souk_http_request *request;
	struct souk_http_reply *reply;
	char parts[PARTS_MAX][PART_SIZE]; /* of the path: "v1", "accounts", ... */
	unsigned part_count;
	bool wants_bytes;
	struct souk_ledger ledger; /* on the snapshot */
};

/* ---- answers ---- */

static void answer_problem(struct call *call, souk_status status, const char *detail)
{
	souk_http_reply_problem(call->reply, souk_http_status_of(status), status, detail);
}

static void answer_writer(struct call *call, const struct souk_writer *writer)
{
	struct souk_bytes body;
	if (souk_writer_finish(writer, &body) != SOUK_OK)
		answer_problem(call, SOUK_LOCAL_TOO_SMALL, NULL);
	else
		souk_http_reply_copy(
			call->reply, 200, call->wants_bytes ? SOUK_TYPE : JSON_TYPE, body);
}

/* A heap body, given to the server. */
static void answer_heap(
	struct call *call, const char *type, uint8_t *memory, const struct souk_writer *writer)
{
	struct souk_bytes body;
	if (souk_writer_finish(writer, &body) != SOUK_OK) {
		free(memory);
		answer_problem(call, SOUK_LOCAL_TOO_SMALL, NULL);
		return;
	}
	souk_http_reply_owned(call->reply, 200, type, body, free, memory);
}

/* Message NAME at RECORD, in the form that the client accepts. */
#define ANSWER(call, name, NAME, record)                                                           \
	do {                                                                                       \
		uint8_t memory_[SOUK_##NAME##_JSON_MAX + 1];                                       \
		struct souk_writer writer_;                                                        \
		souk_writer_init(&writer_, memory_, sizeof memory_);                               \
		if ((call)->wants_bytes)                                                           \
			souk_##name##_encode(&writer_, (record));                                  \
		else                                                                               \
			souk_##name##_json(&writer_, (record));                                    \
		answer_writer((call), &writer_);                                                   \
	} while (0)

/* ---- arguments ---- */

static souk_status parse_u64(uint64_t *ret, const char *text)
{
	char *end;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0)
		return SOUK_PEER_BAD_REQUEST;
	*ret = value;
	return SOUK_OK;
}

static souk_status parse_u32(uint32_t *ret, const char *text)
{
	uint64_t value;
	SOUK_TRY(parse_u64(&value, text));
	if (value > UINT32_MAX)
		return SOUK_PEER_BAD_REQUEST;
	*ret = (uint32_t)value;
	return SOUK_OK;
}

static souk_status query_u64(const struct call *call, const char *name, uint64_t *value)
{
	const char *text = souk_http_request_query(call->request, name);
	return text == NULL ? SOUK_OK : parse_u64(value, text);
}

/* ---- reads of one record ---- */

static souk_status get_status(struct call *call)
{
	struct souk_ledger_status status = {
		.genesis = call->ledger.genesis, .record = call->ledger.record};
	SOUK_TRY(souk_ledger_get_epoch(&status.epoch, &call->ledger, status.record.epoch));
	ANSWER(call, ledger_status, LEDGER_STATUS, &status);
	return SOUK_OK;
}

static souk_status get_genesis(struct call *call)
{
	ANSWER(call, genesis, GENESIS, &call->ledger.genesis);
	return SOUK_OK;
}

static souk_status get_account(struct call *call)
{
	struct souk_address address;
	struct souk_account_record record;
	SOUK_TRY(souk_hex_decode(address.bytes, sizeof address.bytes, call->parts[2]));
	SOUK_TRY(souk_ledger_get_account(&record, &call->ledger, &address));
	ANSWER(call, account_record, ACCOUNT_RECORD, &record);
	return SOUK_OK;
}

static souk_status get_escrow(struct call *call)
{
	struct souk_hash id;
	struct souk_escrow_record record;
	SOUK_TRY(souk_hex_decode(id.bytes, sizeof id.bytes, call->parts[2]));
	SOUK_TRY(souk_ledger_view_escrow(&record, &call->ledger, &id));
	ANSWER(call, escrow_record, ESCROW_RECORD, &record);
	return SOUK_OK;
}

static souk_status get_allotment(struct call *call)
{
	struct souk_hash id;
	struct souk_allotment_record record;
	uint64_t epoch;
	uint32_t segment;
	SOUK_TRY(souk_hex_decode(id.bytes, sizeof id.bytes, call->parts[2]));
	SOUK_TRY(parse_u64(&epoch, call->parts[3]));
	SOUK_TRY(parse_u32(&segment, call->parts[4]));
	SOUK_TRY(souk_ledger_view_allotment(&record, &call->ledger, &id, epoch, segment));
	ANSWER(call, allotment_record, ALLOTMENT_RECORD, &record);
	return SOUK_OK;
}

static souk_status get_epoch(struct call *call)
{
	struct souk_epoch_record record;
	uint64_t epoch;
	SOUK_TRY(parse_u64(&epoch, call->parts[2]));
	souk_status status = souk_ledger_get_epoch(&record, &call->ledger, epoch);
	if (status == SOUK_PEER_WRONG_EPOCH)
		return SOUK_LOCAL_NOT_FOUND;
	SOUK_TRY(status);
	ANSWER(call, epoch_record, EPOCH_RECORD, &record);
	return SOUK_OK;
}

static souk_status get_provider(struct call *call)
{
	struct souk_address address;
	struct souk_provider_record record;
	SOUK_TRY(souk_hex_decode(address.bytes, sizeof address.bytes, call->parts[2]));
	SOUK_TRY(souk_ledger_get_provider(&record, &call->ledger, &address));
	ANSWER(call, provider_record, PROVIDER_RECORD, &record);
	return SOUK_OK;
}

static souk_status get_anchor(struct call *call)
{
	struct souk_address address;
	struct souk_anchor_record record;
	SOUK_TRY(souk_hex_decode(address.bytes, sizeof address.bytes, call->parts[2]));
	SOUK_TRY(souk_ledger_get_anchor(&record, &call->ledger, &address));
	ANSWER(call, anchor_record, ANCHOR_RECORD, &record);
	return SOUK_OK;
}

static souk_status get_receipt(struct call *call)
{
	struct souk_hash hash;
	struct souk_receipt receipt;
	SOUK_TRY(souk_hex_decode(hash.bytes, sizeof hash.bytes, call->parts[2]));
	SOUK_TRY(souk_ledger_get_receipt(&receipt, &call->ledger, &hash));
	ANSWER(call, receipt, RECEIPT, &receipt);
	return SOUK_OK;
}

/* ---- providers ---- */

static souk_status add_entry(
	struct souk_provider_page *page, struct souk_bytes key, struct souk_bytes value)
{
	struct souk_provider_entry *entry = &page->entries.items[page->entries.count];
	if (key.size != 1 + SOUK_ADDRESS_SIZE ||
		souk_provider_record_decode(&entry->record, value, NULL) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	memcpy(entry->address.bytes, key.data + 1, SOUK_ADDRESS_SIZE);
	page->entries.count++;
	return SOUK_OK;
}

static souk_status fill_page(struct souk_provider_page *page, const struct souk_ledger *ledger,
	const struct souk_address *first)
{
	struct souk_ledger_key key = souk_ledger_key_provider(first);
	uint8_t from[SOUK_LEDGER_KEY_MAX + 1];
	size_t from_size = key.size;
	memcpy(from, key.bytes, key.size);
	for (;;) {
		struct souk_bytes at, value;
		souk_status status = souk_store_next(
			&ledger->store, souk_bytes_of(from, from_size), &at, &value);
		if (status == SOUK_LOCAL_NOT_FOUND ||
			(status == SOUK_OK && at.data[0] != SOUK_TABLE_PROVIDER))
			return SOUK_OK;
		SOUK_TRY(status);
		if (page->entries.count == SOUK_COUNT_OF(page->entries.items)) {
			page->more = true;
			return SOUK_OK;
		}
		SOUK_TRY(add_entry(page, at, value));
		memcpy(from, at.data, at.size);
		from[at.size] = 0;
		from_size = at.size + 1;
	}
}

static souk_status get_providers(struct call *call)
{
	struct souk_provider_page page = {.more = false};
	struct souk_address first = {{0}};
	const char *from = souk_http_request_query(call->request, "from");
	if (from != NULL)
		SOUK_TRY(souk_hex_decode(first.bytes, sizeof first.bytes, from));
	SOUK_TRY(fill_page(&page, &call->ledger, &first));
	ANSWER(call, provider_page, PROVIDER_PAGE, &page);
	return SOUK_OK;
}

/* ---- agreements ---- */

static souk_status get_agreement(struct call *call)
{
	struct souk_hash id;
	struct souk_agreement_record record;
	SOUK_TRY(souk_hex_decode(id.bytes, sizeof id.bytes, call->parts[2]));
	SOUK_TRY(souk_ledger_get_agreement(&record, &call->ledger, &id));
	ANSWER(call, agreement_record, AGREEMENT_RECORD, &record);
	return SOUK_OK;
}

/* Those that PARTY is in, where it is given; a page looks at so many records at most. */
static souk_status fill_agreements(struct souk_agreement_page *page,
	const struct souk_ledger *ledger, const struct souk_hash *first,
	const struct souk_address *party)
{
	struct souk_ledger_key from = souk_ledger_key_agreement(first);
	uint8_t next[SOUK_LEDGER_KEY_MAX + 1];
	size_t next_size = from.size;
	memcpy(next, from.bytes, from.size);
	for (unsigned seen = 0;; seen++) {
		struct souk_agreement_record record;
		struct souk_bytes key, value;
		souk_status status = souk_store_next(
			&ledger->store, souk_bytes_of(next, next_size), &key, &value);
		if (status == SOUK_LOCAL_NOT_FOUND ||
			(status == SOUK_OK && key.data[0] != SOUK_TABLE_AGREEMENT))
			return SOUK_OK;
		SOUK_TRY(status);
		if (key.size != 1 + SOUK_HASH_SIZE ||
			souk_agreement_record_decode(&record, value, NULL) != SOUK_OK)
			return SOUK_CORRUPT_STORE;
		if (seen == AGREEMENTS_SEEN_MAX ||
			page->items.count == SOUK_COUNT_OF(page->items.items)) {
			page->more = true;
			memcpy(page->next.bytes, key.data + 1, SOUK_HASH_SIZE);
			return SOUK_OK;
		}
		if (party == NULL || souk_address_equal(party, &record.agreement.provider) ||
			souk_address_equal(party, &record.agreement.customer))
			page->items.items[page->items.count++] = record;
		memcpy(next, key.data, key.size);
		next[key.size] = 0;
		next_size = key.size + 1;
	}
}

static souk_status get_agreements(struct call *call)
{
	struct souk_agreement_page page = {.more = false};
	struct souk_hash first = {{0}};
	struct souk_address party;
	const char *from = souk_http_request_query(call->request, "from");
	const char *who = souk_http_request_query(call->request, "party");
	if (from != NULL)
		SOUK_TRY(souk_hex_decode(first.bytes, sizeof first.bytes, from));
	if (who != NULL)
		SOUK_TRY(souk_hex_decode(party.bytes, sizeof party.bytes, who));
	SOUK_TRY(fill_agreements(&page, &call->ledger, &first, who != NULL ? &party : NULL));
	ANSWER(call, agreement_page, AGREEMENT_PAGE, &page);
	return SOUK_OK;
}

/* ---- blocks ---- */

static souk_status read_header(struct souk_signed_block_header *ret, struct souk_bytes *ret_bytes,
	const struct souk_ledger *ledger, uint64_t height)
{
	struct souk_ledger_key key = souk_ledger_key_header(height);
	SOUK_TRY(souk_store_get(&ledger->store, souk_ledger_key_bytes(&key), ret_bytes));
	return souk_signed_block_header_decode(ret, *ret_bytes, NULL) == SOUK_OK
		       ? SOUK_OK
		       : SOUK_CORRUPT_STORE;
}

static souk_status read_tx(
	struct souk_bytes *ret, const struct souk_ledger *ledger, uint64_t height, uint32_t index)
{
	struct souk_ledger_key key = souk_ledger_key_tx(height, index);
	souk_status status = souk_store_get(&ledger->store, souk_ledger_key_bytes(&key), ret);
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_CORRUPT_STORE : status;
}

static size_t block_frames_max(uint32_t tx_count)
{
	return 4 + SOUK_SIGNED_BLOCK_HEADER_SIZE_MAX +
	       (size_t)tx_count * (4 + SOUK_SIGNED_TX_SIZE_MAX);
}

/* The frames of one block, header first. */
static souk_status write_block_frames(struct souk_writer *writer, const struct souk_ledger *ledger,
	const struct souk_signed_block_header *header, struct souk_bytes header_bytes)
{
	struct souk_bytes tx;
	souk_log_write_frame(writer, header_bytes);
	for (uint32_t i = 0; i < header->header.tx_count; i++) {
		SOUK_TRY(read_tx(&tx, ledger, header->header.height, i));
		souk_log_write_frame(writer, tx);
	}
	return SOUK_OK;
}

static souk_status write_block_json(struct souk_writer *writer, const struct souk_ledger *ledger,
	const struct souk_signed_block_header *header)
{
	struct souk_hash hash = souk_block_header_digest(&header->header);
	struct souk_bytes bytes;
	souk_writer_text(writer, "{\"hash\":\"");
	souk_writer_hex(writer, hash.bytes, sizeof hash.bytes);
	souk_writer_text(writer, "\",\"block\":");
	souk_signed_block_header_json(writer, header);
	souk_writer_text(writer, ",\"txs\":[");
	for (uint32_t i = 0; i < header->header.tx_count; i++) {
		struct souk_signed_tx tx;
		SOUK_TRY(read_tx(&bytes, ledger, header->header.height, i));
		if (souk_signed_tx_decode(&tx, bytes, NULL) != SOUK_OK)
			return SOUK_CORRUPT_STORE;
		hash = souk_tx_digest(&tx.tx);
		souk_writer_text(writer, i ? ",{\"hash\":\"" : "{\"hash\":\"");
		souk_writer_hex(writer, hash.bytes, sizeof hash.bytes);
		souk_writer_text(writer, "\",\"signed_tx\":");
		souk_signed_tx_json(writer, &tx);
		souk_writer_text(writer, "}");
	}
	souk_writer_text(writer, "]}");
	return SOUK_OK;
}

/* A block that is gone must not look like the end of the log. */
static souk_status check_not_pruned(const struct call *call, uint64_t height)
{
	uint64_t base;
	SOUK_TRY(ledger_archive_base(&base, &call->ledger.store));
	return height > base ? SOUK_OK : SOUK_LOCAL_NOT_FOUND;
}

static souk_status get_block(struct call *call)
{
	struct souk_signed_block_header header;
	struct souk_bytes header_bytes;
	struct souk_writer writer;
	uint64_t height;
	SOUK_TRY(parse_u64(&height, call->parts[2]));
	SOUK_TRY(check_not_pruned(call, height));
	SOUK_TRY(read_header(&header, &header_bytes, &call->ledger, height));
	size_t tx_count = header.header.tx_count;
	size_t max = call->wants_bytes ? block_frames_max((uint32_t)tx_count)
				       : 1024 + tx_count * (SOUK_SIGNED_TX_JSON_MAX + 128);
	uint8_t *memory = malloc(max);
	if (memory == NULL)
		return SOUK_IO_MEMORY;
	souk_writer_init(&writer, memory, max);
	souk_status status = call->wants_bytes ? write_block_frames(&writer, &call->ledger, &header,
							 header_bytes)
					       : write_block_json(&writer, &call->ledger, &header);
	if (status != SOUK_OK)
		free(memory);
	else
		answer_heap(call, call->wants_bytes ? SOUK_TYPE : JSON_TYPE, memory, &writer);
	return status;
}

/* Whole blocks from FROM on, as long as the page has room; at least one where there is one. */
static souk_status write_log_page(struct souk_writer *writer, uint8_t **memory,
	const struct souk_ledger *ledger, uint64_t from)
{
	for (unsigned blocks = 0; blocks < LOG_PAGE_BLOCKS_MAX; blocks++) {
		struct souk_signed_block_header header;
		struct souk_bytes bytes;
		souk_status status = read_header(&header, &bytes, ledger, from + blocks);
		if (status == SOUK_LOCAL_NOT_FOUND || writer->size >= LOG_PAGE_SIZE)
			return SOUK_OK;
		SOUK_TRY(status);
		size_t max = writer->size + block_frames_max(header.header.tx_count);
		if (max > writer->max) {
			uint8_t *grown = realloc(*memory, max);
			if (grown == NULL)
				return SOUK_IO_MEMORY;
			*memory = writer->data = grown;
			writer->max = max;
		}
		SOUK_TRY(write_block_frames(writer, ledger, &header, bytes));
	}
	return SOUK_OK;
}

static souk_status get_log(struct call *call)
{
	uint64_t from = 1;
	struct souk_writer writer;
	SOUK_TRY(query_u64(call, "from", &from));
	SOUK_TRY(check_not_pruned(call, from ? from : 1));
	uint8_t *memory = malloc(LOG_PAGE_SIZE);
	if (memory == NULL)
		return SOUK_IO_MEMORY;
	souk_writer_init(&writer, memory, LOG_PAGE_SIZE);
	souk_status status = write_log_page(&writer, &memory, &call->ledger, from ? from : 1);
	if (status != SOUK_OK)
		free(memory);
	else
		answer_heap(call, SOUK_TYPE, memory, &writer);
	return status;
}

/* A pruned ledger starts with a snapshot: its file in pages, as long as it is still that file. */
static souk_status read_snapshot_page(
	uint8_t *memory, size_t *ret_size, const struct call *call, uint64_t height, uint64_t from)
{
	char path[LEDGER_ARCHIVE_PATH_SIZE];
	uint64_t base;
	SOUK_TRY(ledger_archive_base(&base, &call->ledger.store));
	if (base == 0 || (height != 0 && height != base))
		return SOUK_LOCAL_NOT_FOUND;
	ledger_archive_path(path, call->node->config.home, base);
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return souk_file_status(errno, SOUK_IO_READ);
	bool good = from <= INT64_MAX && fseeko(file, (off_t)from, SEEK_SET) == 0;
	*ret_size = good ? fread(memory, 1, SNAPSHOT_PAGE_SIZE, file) : 0;
	good = good && !ferror(file);
	fclose(file);
	return good ? SOUK_OK : SOUK_IO_READ;
}

static souk_status get_snapshot(struct call *call)
{
	uint64_t from = 0, height = 0;
	size_t size = 0;
	SOUK_TRY(query_u64(call, "from", &from));
	SOUK_TRY(query_u64(call, "height", &height));
	uint8_t *memory = malloc(SNAPSHOT_PAGE_SIZE);
	if (memory == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = read_snapshot_page(memory, &size, call, height, from);
	if (status == SOUK_OK)
		souk_http_reply_owned(
			call->reply, 200, SOUK_TYPE, souk_bytes_of(memory, size), free, memory);
	else
		free(memory);
	return status;
}

/* ---- history ---- */

/* The place before which the page begins: "HEIGHT.INDEX", or nothing for the newest. */
static souk_status query_before(const struct call *call, uint64_t *height, uint32_t *index)
{
	const char *text = souk_http_request_query(call->request, "before");
	char head[24];
	*height = UINT64_MAX;
	*index = UINT32_MAX;
	if (text == NULL)
		return SOUK_OK;
	size_t size = strcspn(text, ".");
	if (size >= sizeof head || text[size] != '.')
		return SOUK_PEER_BAD_REQUEST;
	memcpy(head, text, size);
	head[size] = '\0';
	SOUK_TRY(parse_u64(height, head));
	return parse_u32(index, text + size + 1);
}

/* Newest first is the order of the keys; the one at HEIGHT and INDEX was on the page before. */
static souk_status fill_history(struct souk_history_page *page, const struct souk_ledger *ledger,
	const struct souk_address *account, uint64_t height, uint32_t index)
{
	struct souk_ledger_key key = souk_ledger_key_history(account, height, index);
	uint8_t from[SOUK_LEDGER_KEY_MAX + 1] = {0};
	size_t from_size = key.size + 1u;
	memcpy(from, key.bytes, key.size);
	for (;;) {
		struct souk_bytes at, value;
		souk_status status = souk_store_next(
			&ledger->store, souk_bytes_of(from, from_size), &at, &value);
		if (status == SOUK_LOCAL_NOT_FOUND ||
			(status == SOUK_OK &&
				(at.size != key.size ||
					memcmp(at.data, key.bytes, 1 + SOUK_ADDRESS_SIZE) != 0)))
			return SOUK_OK;
		SOUK_TRY(status);
		if (page->items.count == SOUK_COUNT_OF(page->items.items)) {
			page->more = true;
			return SOUK_OK;
		}
		if (souk_history_item_decode(
			    &page->items.items[page->items.count++], value, NULL) != SOUK_OK)
			return SOUK_CORRUPT_STORE;
		memcpy(from, at.data, at.size);
	}
}

static souk_status get_history(struct call *call)
{
	struct souk_history_page page = {.more = false};
	struct souk_address address;
	uint64_t height;
	uint32_t index;
	if (strcmp(call->parts[3], "history") != 0)
		return SOUK_LOCAL_NOT_FOUND;
	SOUK_TRY(souk_hex_decode(address.bytes, sizeof address.bytes, call->parts[2]));
	SOUK_TRY(query_before(call, &height, &index));
	SOUK_TRY(fill_history(&page, &call->ledger, &address, height, index));
	ANSWER(call, history_page, HISTORY_PAGE, &page);
	return SOUK_OK;
}

/* ---- transactions ---- */

static void answer_receipt(struct call *call, const struct ledger_pending *pending)
{
	uint8_t memory[SOUK_RECEIPT_JSON_MAX + 2 * SOUK_HASH_SIZE + 16];
	struct souk_writer writer;
	if (call->wants_bytes) {
		ANSWER(call, receipt, RECEIPT, &pending->receipt);
		return;
	}
	souk_writer_init(&writer, memory, sizeof memory);
	souk_receipt_json(&writer, &pending->receipt);
	/* The receipt's object, with the hash as its first member. */
	uint8_t whole[sizeof memory];
	struct souk_writer out;
	souk_writer_init(&out, whole, sizeof whole);
	souk_writer_text(&out, "{\"hash\":\"");
	souk_writer_hex(&out, pending->check.name.bytes, SOUK_HASH_SIZE);
	souk_writer_text(&out, "\",");
	souk_writer_append(&out, memory + 1, writer.size - 1);
	answer_writer(call, &out);
}

static void post_tx(struct call *call)
{
	struct ledger_pending pending = {.status = SOUK_OK, .encoded = call->request->body};
	struct souk_signed_tx tx;
	struct souk_wire_error where = {NULL, 0};
	char detail[LEDGER_DETAIL_SIZE];
	souk_status status = souk_signed_tx_decode(&tx, pending.encoded, &where);
	if (status != SOUK_OK) {
		snprintf(detail, sizeof detail, "at %s, byte %zu", where.field ? where.field : "?",
			where.offset);
		souk_http_reply_problem(call->reply, 400, status, detail);
		return;
	}
	pending.tx = &tx;
	souk_tx_check(&pending.check, pending.encoded);
	ledger_submit(call->node, &pending);
	if (pending.status == SOUK_OK)
		answer_receipt(call, &pending);
	else if (souk_ledger_refused(pending.status))
		souk_http_reply_problem(call->reply, 422, pending.status, pending.detail);
	else
		answer_problem(call, pending.status, pending.detail);
}

/* ---- routes ---- */

static const struct route {
	const char *name;
	unsigned part_count;
	souk_status (*run)(struct call *call);
} routes[] = {
	{"status", 2, get_status},
	{"genesis", 2, get_genesis},
	{"accounts", 3, get_account},
	{"accounts", 4, get_history},
	{"escrows", 3, get_escrow},
	{"allotments", 5, get_allotment},
	{"epochs", 3, get_epoch},
	{"providers", 2, get_providers},
	{"providers", 3, get_provider},
	{"anchors", 3, get_anchor},
	{"agreements", 2, get_agreements},
	{"agreements", 3, get_agreement},
	{"tx", 3, get_receipt},
	{"blocks", 3, get_block},
	{"log", 2, get_log},
	{"snapshot", 2, get_snapshot},
};

/* "/v1/accounts/ab" gives "v1", "accounts", "ab"; false where a part is empty or too long. */
static bool split_path(struct call *call)
{
	const char *at = call->request->path;
	while (*at == '/') {
		size_t size = strcspn(++at, "/");
		if (size == 0 || size >= PART_SIZE || call->part_count == PARTS_MAX)
			return false;
		memcpy(call->parts[call->part_count], at, size);
		call->parts[call->part_count++][size] = '\0';
		at += size;
	}
	return *at == '\0' && call->part_count >= 2 && strcmp(call->parts[0], "v1") == 0;
}

static souk_status run_read(struct call *call, const struct route *route)
{
	struct souk_lmdb_txn *txn;
	struct souk_store view;
	SOUK_TRY(souk_lmdb_store_begin(call->node->store, SOUK_LMDB_READ, &txn, &view));
	souk_status status = souk_ledger_load(&call->ledger, &view);
	if (status == SOUK_OK)
		status = route->run(call);
	souk_lmdb_txn_abort(txn);
	return status;
}

static const struct route *find_route(const struct call *call)
{
	for (size_t i = 0; i < SOUK_COUNT_OF(routes); i++) {
		if (routes[i].part_count == call->part_count &&
			strcmp(routes[i].name, call->parts[1]) == 0)
			return &routes[i];
	}
	return NULL;
}

static void handle_get(struct call *call)
{
	const struct route *route = find_route(call);
	souk_status status = route ? run_read(call, route) : SOUK_LOCAL_NOT_FOUND;
	if (status != SOUK_OK)
		answer_problem(call, status, route ? NULL : "no such address in this API");
}

void ledger_http_handle(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct call call = {.node = ctx, .request = request, .reply = reply};
	const char *accept = souk_http_request_header(request, "Accept");
	call.wants_bytes = accept != NULL && strstr(accept, SOUK_TYPE) != NULL;
	if (!split_path(&call))
		souk_http_reply_problem(
			reply, 404, SOUK_LOCAL_NOT_FOUND, "no such address in this API");
	else if (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0)
		handle_get(&call);
	else if (strcmp(request->method, "POST") == 0 && call.part_count == 2 &&
		 (strcmp(call.parts[1], "tx") == 0))
		post_tx(&call);
	else
		souk_http_reply_problem(
			reply, 405, SOUK_PEER_BAD_REQUEST, "only GET here, and POST to /v1/tx");
}
