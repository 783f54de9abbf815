/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/content/torrent.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/sha256.h"

/* ------------------------------------------------------------------ reading */

static souk_status add_tracker(struct souk_torrent *torrent, struct souk_bytes url)
{
	for (uint32_t i = 0; i < torrent->tracker_count; i++) {
		if (souk_bytes_equal_var(torrent->trackers[i], url))
			return SOUK_OK;
	}
	/* More than anybody asks: the first ones will do. */
	if (torrent->tracker_count < SOUK_TORRENT_TRACKERS_MAX)
		torrent->trackers[torrent->tracker_count++] = url;
	return SOUK_OK;
}

/* BEP 12: a list of tiers, each a list of URLs. */
static souk_status take_announce_list(struct souk_torrent *torrent, struct souk_bytes value)
{
	struct souk_bencode_reader reader;
	struct souk_bencode_token token;
	souk_bencode_reader_init(&reader, value);
	for (;;) {
		SOUK_TRY(souk_bencode_next(&reader, &token));
		if (token.kind == SOUK_BENCODE_DONE)
			return SOUK_OK;
		if (token.kind == SOUK_BENCODE_STRING && reader.depth == 2)
			SOUK_TRY(add_tracker(torrent, token.string));
		else if ((token.kind != SOUK_BENCODE_LIST || reader.depth > 2) &&
			 token.kind != SOUK_BENCODE_END)
			return SOUK_PEER_BAD_TORRENT;
	}
}

static souk_status take_key(
	struct souk_torrent *torrent, struct souk_bytes key, struct souk_bytes value)
{
	if (souk_bencode_is(key, "info"))
		torrent->info = value;
	else if (souk_bencode_is(key, "piece layers"))
		torrent->layers = value;
	else if (souk_bencode_is(key, "announce-list"))
		return take_announce_list(torrent, value);
	else if (souk_bencode_is(key, "announce")) {
		struct souk_bytes url;
		SOUK_TRY(souk_bencode_string(&url, value));
		return add_tracker(torrent, url);
	}
	return SOUK_OK;
}

static souk_status read_keys(struct souk_torrent *torrent, struct souk_bytes bytes)
{
	struct souk_bencode_reader reader;
	struct souk_bencode_token token;
	struct souk_bytes key, value;
	SOUK_TRY(souk_bencode_begin_dictionary(&reader, bytes, SOUK_PEER_BAD_TORRENT));
	while (souk_bencode_next_pair(&reader, &key, &value))
		SOUK_TRY(take_key(torrent, key, value));
	return souk_bencode_next(&reader, &token); /* nothing follows */
}

static souk_status count_pieces(struct souk_torrent *torrent)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	uint64_t pieces = 0;
	souk_directory_begin(&it, &torrent->directory);
	while (souk_directory_next(&it, &entry))
		pieces += souk_torrent_pieces(entry.size, torrent->directory.piece_length);
	if (pieces > SOUK_TORRENT_PIECES_MAX)
		return SOUK_PEER_BAD_TORRENT;
	torrent->piece_count = (uint32_t)pieces;
	return SOUK_OK;
}

souk_status souk_torrent_parse(struct souk_torrent *ret, struct souk_bytes bytes)
{
	struct souk_torrent torrent = {0};
	struct souk_bytes tree;
	if (bytes.size > SOUK_TORRENT_SIZE_MAX)
		return SOUK_PEER_BAD_TORRENT;
	SOUK_TRY(read_keys(&torrent, bytes));
	/* The usual torrent still is of version 1 alone: say so, and not that it is unsafe. */
	if (torrent.info.size == 0 || torrent.info.data[0] != 'd' ||
		souk_bencode_find(&tree, torrent.info, "file tree") != SOUK_OK)
		return SOUK_PEER_BAD_TORRENT;
	SOUK_TRY(souk_directory_parse(&torrent.directory, torrent.info));
	SOUK_TRY(count_pieces(&torrent));
	torrent.infohash = souk_sha256_of(torrent.info.data, torrent.info.size);
	*ret = torrent;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ layers */

static struct souk_hash node_of(const struct souk_hash *left, const struct souk_hash *right)
{
	struct souk_hash pair[2] = {*left, *right};
	return souk_sha256_of(pair, sizeof pair);
}

/* The root over a layer, without room for it: complete subtrees wait on a stack, one for each bit
 * of the count, and the last one is padded until it meets the next. */
static struct souk_hash root_of(struct souk_bytes hashes, uint32_t piece_length)
{
	struct souk_hash stack[64], node, pad = souk_bep52_pad(piece_length / SOUK_BLOCK_SIZE);
	uint64_t count = hashes.size / SOUK_HASH_SIZE;
	uint32_t depth = 0, level = 0;
	for (uint64_t i = 0; i < count; i++) {
		memcpy(node.bytes, hashes.data + i * SOUK_HASH_SIZE, SOUK_HASH_SIZE);
		for (uint64_t rest = i; rest & 1; rest >>= 1)
			node = node_of(&stack[--depth], &node);
		stack[depth++] = node;
	}
	node = stack[--depth];
	for (; ((count >> level) & 1) == 0; level++)
		pad = node_of(&pad, &pad);
	while (depth > 0) {
		node = node_of(&node, &pad);
		for (pad = node_of(&pad, &pad), level++; (count >> level) & 1; level++) {
			node = node_of(&stack[--depth], &node);
			pad = node_of(&pad, &pad);
		}
	}
	return node;
}

static souk_status take_layer(const struct souk_torrent *torrent, struct souk_bytes key,
	struct souk_bytes value, struct souk_torrent_layer *ret)
{
	struct souk_bytes hashes;
	if (key.size != SOUK_HASH_SIZE || souk_bencode_string(&hashes, value) != SOUK_OK ||
		hashes.size % SOUK_HASH_SIZE != 0 || hashes.size < 2 * SOUK_HASH_SIZE)
		return SOUK_PEER_BAD_TORRENT;
	struct souk_hash root = root_of(hashes, torrent->directory.piece_length);
	memcpy(ret->id.bytes, key.data, SOUK_HASH_SIZE);
	ret->hashes = hashes;
	return souk_hash_equal(&root, &ret->id) ? SOUK_OK : SOUK_PEER_BAD_TORRENT;
}

static souk_status read_layers(const struct souk_torrent *torrent, struct souk_torrent_layer *out,
	size_t max, size_t *ret_count)
{
	struct souk_bencode_reader reader;
	struct souk_bytes key, value;
	size_t count = 0;
	SOUK_TRY(souk_bencode_begin_dictionary(&reader, torrent->layers, SOUK_PEER_BAD_TORRENT));
	for (; souk_bencode_next_pair(&reader, &key, &value); count++) {
		if (count == max)
			return SOUK_PEER_BAD_TORRENT;
		SOUK_TRY(take_layer(torrent, key, value, &out[count]));
	}
	SOUK_TRY(reader.status);
	*ret_count = count;
	return SOUK_OK;
}

static souk_status check_files(
	const struct souk_torrent *torrent, const struct souk_torrent_layer *layers, size_t count)
{
	struct souk_directory_iterator it;
	struct souk_directory_entry entry;
	souk_directory_begin(&it, &torrent->directory);
	while (souk_directory_next(&it, &entry)) {
		uint64_t pieces = souk_torrent_pieces(entry.size, torrent->directory.piece_length);
		const struct souk_torrent_layer *layer =
			pieces > 1 ? souk_torrent_layer_of(layers, count, &entry.id) : NULL;
		if (pieces > 1 && (layer == NULL || layer->hashes.size != pieces * SOUK_HASH_SIZE))
			return SOUK_PEER_BAD_TORRENT;
	}
	return SOUK_OK;
}

souk_status souk_torrent_index(const struct souk_torrent *torrent, struct souk_torrent_layer *out,
	size_t max, size_t *ret_count)
{
	size_t count = 0;
	if (torrent->layers.size > 0)
		SOUK_TRY(read_layers(torrent, out, max, &count));
	SOUK_TRY(check_files(torrent, out, count));
	*ret_count = count;
	return SOUK_OK;
}

const struct souk_torrent_layer *souk_torrent_layer_of(
	const struct souk_torrent_layer *layers, size_t count, const struct souk_hash *id)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(layers[middle].id.bytes, id->bytes, SOUK_HASH_SIZE);
		if (order == 0)
			return &layers[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

size_t souk_torrent_reduce(
	struct souk_hash *row, size_t count, uint32_t chunk_size, uint32_t piece_length)
{
	struct souk_hash pad = souk_bep52_pad(chunk_size / SOUK_BLOCK_SIZE);
	if (piece_length < chunk_size)
		return 0;
	for (; chunk_size < piece_length; chunk_size *= 2) {
		for (size_t i = 0; i < count; i += 2)
			row[i / 2] = node_of(&row[i], i + 1 < count ? &row[i + 1] : &pad);
		count = count / 2 + count % 2;
		pad = node_of(&pad, &pad);
	}
	return count;
}

/* ------------------------------------------------------------------ writing */

souk_status souk_torrent_encode(struct souk_writer *writer, const char *tracker,
	struct souk_bytes info, const struct souk_torrent_layer *layers, size_t count)
{
	souk_bencode_put_dictionary(writer);
	if (tracker != NULL) {
		souk_bencode_put_text(writer, "announce");
		souk_bencode_put_text(writer, tracker);
	}
	souk_bencode_put_text(writer, "info");
	souk_writer_append(writer, info.data, info.size);
	souk_bencode_put_text(writer, "piece layers");
	souk_bencode_put_dictionary(writer);
	for (size_t i = 0; i < count; i++) {
		souk_bencode_put_string(writer, souk_bytes_of(layers[i].id.bytes, SOUK_HASH_SIZE));
		souk_bencode_put_string(writer, layers[i].hashes);
	}
	souk_bencode_put_end(writer);
	souk_bencode_put_end(writer);
	return writer->full ? SOUK_LOCAL_TOO_SMALL : SOUK_OK;
}

static void put_escaped(struct souk_writer *writer, struct souk_bytes bytes)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < bytes.size; i++) {
		uint8_t c = bytes.data[i];
		bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				(c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' ||
				c == '~';
		if (is_plain) {
			souk_writer_u8(writer, c);
			continue;
		}
		souk_writer_u8(writer, '%');
		souk_writer_u8(writer, (uint8_t)hex[c >> 4]);
		souk_writer_u8(writer, (uint8_t)hex[c & 15]);
	}
}

souk_status souk_torrent_magnet(struct souk_writer *writer, const struct souk_hash *infohash,
	struct souk_bytes name, const char *tracker)
{
	/* 12 20: a SHA-256 of 32 bytes, as multihash has it. */
	souk_writer_text(writer, "magnet:?xt=urn:btmh:1220");
	souk_writer_hex(writer, infohash->bytes, SOUK_HASH_SIZE);
	souk_writer_text(writer, "&dn=");
	put_escaped(writer, name);
	if (tracker != NULL) {
		souk_writer_text(writer, "&tr=");
		put_escaped(writer, souk_bytes_text(tracker));
	}
	return writer->full ? SOUK_LOCAL_TOO_SMALL : SOUK_OK;
}

/* ------------------------------------------------------------------ trackers */

static bool has_question_mark(struct souk_bytes url)
{
	for (size_t i = 0; i < url.size; i++) {
		if (url.data[i] == '?')
			return true;
	}
	return false;
}

souk_status souk_tracker_query(struct souk_writer *writer, struct souk_bytes url,
	const struct souk_hash *infohash, const uint8_t peer_id[20], uint64_t left,
	const char *event)
{
	souk_writer_append(writer, url.data, url.size);
	souk_writer_text(writer, has_question_mark(url) ? "&info_hash=" : "?info_hash=");
	put_escaped(writer, souk_bytes_of(infohash->bytes, 20)); /* cut, as BEP 52 says */
	souk_writer_text(writer, "&peer_id=");
	put_escaped(writer, souk_bytes_of(peer_id, 20));
	souk_writer_text(writer, "&port=1&uploaded=0&downloaded=0&left=");
	souk_writer_decimal(writer, left);
	souk_writer_text(writer, "&compact=1&numwant=50&event=");
	souk_writer_text(writer, event);
	return writer->full ? SOUK_LOCAL_TOO_SMALL : SOUK_OK;
}

struct peer_list {
	struct souk_torrent_peer *peers;
	size_t max, count;
};

static void add_peer(struct peer_list *list, const uint8_t *address, bool is_v6, uint16_t port)
{
	struct souk_torrent_peer peer = {.is_v6 = is_v6, .port = port};
	if (list->count == list->max || port == 0)
		return;
	memcpy(peer.address, address, is_v6 ? 16 : 4);
	list->peers[list->count++] = peer;
}

/* BEP 23 and 7: addresses and ports, one after the other. */
static souk_status take_compact(struct peer_list *list, struct souk_bytes value, bool is_v6)
{
	struct souk_bytes bytes;
	size_t address = is_v6 ? 16 : 4, each = address + 2;
	if (souk_bencode_string(&bytes, value) != SOUK_OK || bytes.size % each != 0)
		return SOUK_PEER_BAD_TRACKER;
	for (size_t at = 0; at < bytes.size; at += each)
		add_peer(list, bytes.data + at, is_v6, souk_load_be16(bytes.data + at + address));
	return SOUK_OK;
}

/* "192.0.2.1"; other forms of an address, and names, are not needed by any tracker of today. */
static bool parse_v4(uint8_t out[4], struct souk_bytes text)
{
	size_t at = 0;
	for (unsigned part = 0; part < 4; part++) {
		unsigned value = 0, digits = 0;
		for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9' && digits < 3;
			at++, digits++)
			value = value * 10 + (unsigned)(text.data[at] - '0');
		bool is_last = part == 3;
		if (digits == 0 || value > 255 || (at == text.size) != is_last ||
			(!is_last && text.data[at++] != '.'))
			return false;
		out[part] = (uint8_t)value;
	}
	return true;
}

static souk_status take_dictionary(struct peer_list *list, struct souk_bytes value)
{
	struct souk_bytes ip, port;
	int64_t number;
	uint8_t address[4];
	if (souk_bencode_find(&ip, value, "ip") != SOUK_OK ||
		souk_bencode_find(&port, value, "port") != SOUK_OK ||
		souk_bencode_string(&ip, ip) != SOUK_OK ||
		souk_bencode_integer(&number, port) != SOUK_OK || number < 0 || number > 65535)
		return SOUK_PEER_BAD_TRACKER;
	if (parse_v4(address, ip))
		add_peer(list, address, false, (uint16_t)number);
	return SOUK_OK;
}

static souk_status take_peers(struct peer_list *list, struct souk_bytes value)
{
	struct souk_bencode_reader reader;
	struct souk_bencode_token token;
	struct souk_bytes peer;
	if (value.data[0] != 'l')
		return take_compact(list, value, false);
	souk_bencode_reader_init(&reader, value);
	SOUK_TRY(souk_bencode_next(&reader, &token));
	while (value.data[reader.at] != 'e') {
		SOUK_TRY(souk_bencode_skip(&reader, &peer));
		SOUK_TRY(take_dictionary(list, peer));
	}
	return SOUK_OK;
}

static souk_status optional(souk_status status)
{
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

souk_status souk_tracker_parse(struct souk_tracker_answer *ret, struct souk_torrent_peer *peers,
	size_t max, struct souk_bytes bytes)
{
	struct souk_tracker_answer answer = {.interval_s = 1800};
	struct peer_list list = {.peers = peers, .max = max};
	struct souk_bytes value = {0}, failure = {0}, six = {0}, interval = {0};
	int64_t seconds;
	SOUK_TRY(souk_bencode_check(bytes));
	if (bytes.data[0] != 'd')
		return SOUK_PEER_BAD_TRACKER;
	SOUK_TRY(optional(souk_bencode_find(&failure, bytes, "failure reason")));
	SOUK_TRY(optional(souk_bencode_find(&interval, bytes, "interval")));
	SOUK_TRY(optional(souk_bencode_find(&value, bytes, "peers")));
	SOUK_TRY(optional(souk_bencode_find(&six, bytes, "peers6")));
	if (failure.size > 0 && souk_bencode_string(&answer.failure, failure) != SOUK_OK)
		return SOUK_PEER_BAD_TRACKER;
	if (interval.size > 0) {
		if (souk_bencode_integer(&seconds, interval) != SOUK_OK || seconds < 0)
			return SOUK_PEER_BAD_TRACKER;
		answer.interval_s = seconds > 86400 ? 86400 : (uint32_t)seconds;
	}
	if (failure.size == 0 && value.size == 0 && six.size == 0)
		return SOUK_PEER_BAD_TRACKER;
	if (value.size > 0)
		SOUK_TRY(take_peers(&list, value));
	if (six.size > 0)
		SOUK_TRY(take_compact(&list, six, true));
	answer.peer_count = list.count;
	*ret = answer;
	return SOUK_OK;
}
