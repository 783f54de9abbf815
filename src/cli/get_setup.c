/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "get.h"
#include "souk/io/file.h"

static bool is_dearer(const struct get *get, const struct market_entry *entry)
{
	struct souk_amount cost;
	if (get->price_max.ncoin == 0)
		return false;
	return souk_hub_price(&cost, entry->offer.offer.price, get->fee_permille) != SOUK_OK ||
	       cost.ncoin > get->price_max.ncoin;
}

static bool same_shape(const struct souk_offer *a, const struct souk_offer *b)
{
	return a->size == b->size && a->chunk_size == b->chunk_size;
}

/* The id alone does not prove the size, and providers may disagree: most of them decide, the
 * cheapest where that is no answer. A user who knows better writes ID.SIZE. */
static const struct souk_offer *choose_shape(const struct get *get, size_t offers)
{
	size_t best = 0, best_votes = 0;
	for (size_t i = 0; i < offers; i++) {
		size_t votes = 0;
		for (size_t k = 0; k < offers; k++)
			votes += same_shape(
				&get->entries[i].offer.offer, &get->entries[k].offer.offer);
		if (votes > best_votes) {
			best = i;
			best_votes = votes;
		}
	}
	if (best_votes < offers)
		fprintf(stderr,
			"souk get: %zu of %zu offers are of another size, and are left out\n",
			offers - best_votes, offers);
	return &get->entries[best].offer.offer;
}

static bool choose_content(struct get *get, size_t offers)
{
	const struct souk_offer shape = *choose_shape(get, offers);
	size_t kept = 0;
	for (size_t i = 0; i < offers && kept < get->providers_max; i++) {
		if (same_shape(&get->entries[i].offer.offer, &shape) &&
			!is_dearer(get, &get->entries[i]))
			get->entries[kept++] = get->entries[i];
	}
	get->entry_count = kept;
	if (kept == 0) {
		cli_fail("get", "no offer is cheap enough", SOUK_LOCAL_BUDGET,
			"see: souk offers ID");
		return false;
	}
	souk_status status =
		souk_content_check(&get->content, &get->name, shape.size, shape.chunk_size);
	if (status != SOUK_OK)
		cli_fail("get", "the offers", status, NULL);
	return status == SOUK_OK;
}

/* Who does not answer may well have it: that is worth another try, the other is not. */
static void fail_no_offer(const struct get *get)
{
	char text[96];
	souk_status status = SOUK_PEER_UNKNOWN_CONTENT;
	size_t silent = 0;
	for (size_t i = 0; i < get->entry_count; i++) {
		if (souk_status_class(get->entries[i].status) != SOUK_CLASS_IO)
			continue;
		silent++;
		status = get->entries[i].status;
	}
	snprintf(text, sizeof text, "%zu provider%s asked, %zu did not answer", get->entry_count,
		get->entry_count == 1 ? "" : "s", silent);
	cli_fail("get",
		silent > 0 ? "nobody who answers offers this content"
			   : "nobody offers this content",
		status, text);
	if (silent > 0)
		fputs("Try again later; souk offers with this id shows who is silent.\n", stderr);
}

bool get_find(struct get *get)
{
	souk_status status = market_list(get->chain, &get->entries, &get->entry_count);
	if (status != SOUK_OK) {
		cli_fail_ledger("get", "cannot list the providers", status, get->chain);
		return false;
	}
	status = market_ask_offers(get->entries, get->entry_count, &get->name, get->timeout_ms);
	if (status != SOUK_OK) {
		cli_fail("get", "cannot ask for offers", status, NULL);
		return false;
	}
	size_t offers = market_sort(get->entries, get->entry_count);
	if (offers == 0) {
		fail_no_offer(get);
		return false;
	}
	return choose_content(get, offers);
}

static souk_status load_row_from(struct get *get, const struct market_entry *entry)
{
	struct provider_client client;
	struct souk_hash *row = NULL;
	souk_status status = provider_client_init(&client, &entry->record, 60000);
	if (status == SOUK_OK)
		status = provider_client_row(&client, &get->name.id, get->chunk_count, &row);
	provider_client_done(&client);
	if (status != SOUK_OK)
		return status;
	struct souk_hash *scratch = malloc((size_t)get->chunk_count * sizeof *scratch);
	status = scratch == NULL
			 ? SOUK_IO_MEMORY
			 : souk_content_verify_row(&get->content, row, get->chunk_count, scratch);
	free(scratch);
	if (status != SOUK_OK) {
		free(row);
		return status;
	}
	get->row = row;
	return SOUK_OK;
}

bool get_load_row(struct get *get)
{
	souk_status status = SOUK_OK;
	get->chunk_count = souk_content_chunk_count(&get->content);
	if (get->chunk_count == 0)
		return true;
	for (size_t i = 0; i < get->entry_count; i++) {
		status = load_row_from(get, &get->entries[i]);
		if (status == SOUK_OK)
			return true;
		fprintf(stderr, "souk get: %s gave no chunk list: %s\n",
			cli_address_text(&get->entries[i].address), souk_status_text(status));
	}
	cli_fail("get", "no provider gave the chunk list", status, NULL);
	return false;
}

/* Count the chunks that the part file holds already; each is hashed, none is believed. */
static souk_status scan_part(struct get *get, uint64_t size_found)
{
	uint8_t *chunk = malloc(get->content.chunk_size);
	if (chunk == NULL)
		return SOUK_IO_MEMORY;
	for (uint32_t i = 0; i < get->chunk_count; i++) {
		uint64_t offset = souk_content_chunk_offset(&get->content, i);
		uint32_t length = souk_content_chunk_length(&get->content, i);
		off_t data = lseek(get->part_fd, (off_t)offset, SEEK_DATA);
		if (offset + length > size_found)
			break;
		/* A hole holds nothing of ours: jump to where data begins again. */
		if (data < 0)
			break;
		if ((uint64_t)data >= offset + length) {
			i = (uint32_t)((uint64_t)data / get->content.chunk_size) - 1;
			continue;
		}
		if (souk_file_read_at(get->part_fd, chunk, length, offset) != SOUK_OK ||
			souk_content_verify_chunk(&get->content, i, &get->row[i],
				souk_bytes_of(chunk, length)) != SOUK_OK)
			continue;
		souk_download_have(&get->download, i);
		get->resumed_count++;
		get->resumed_bytes += length;
	}
	free(chunk);
	return SOUK_OK;
}

bool get_open_part(struct get *get)
{
	struct stat info;
	snprintf(get->part_path, sizeof get->part_path, "%s.part", get->path);
	get->part_fd = open(get->part_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (get->part_fd < 0 || fstat(get->part_fd, &info) != 0) {
		cli_fail("get", get->part_path, souk_file_status(errno, SOUK_IO_WRITE),
			strerror(errno));
		return false;
	}
	if (flock(get->part_fd, LOCK_EX | LOCK_NB) != 0) {
		cli_fail("get", get->part_path, SOUK_LOCAL_STATE, "another souk get writes to it");
		return false;
	}
	souk_status status = scan_part(get, (uint64_t)info.st_size);
	if (status != SOUK_OK)
		cli_fail("get", get->part_path, status, NULL);
	return status == SOUK_OK;
}

bool get_finish_part(struct get *get)
{
	bool good = ftruncate(get->part_fd, (off_t)get->content.size) == 0 &&
		    fsync(get->part_fd) == 0 && rename(get->part_path, get->path) == 0;
	if (!good)
		cli_fail("get", get->path, souk_file_status(errno, SOUK_IO_WRITE), strerror(errno));
	return good;
}
