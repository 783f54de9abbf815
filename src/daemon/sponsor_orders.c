/* SPDX-License-Identifier: Apache-2.0
 *
 * What the sponsor pays for: the orders in its store, which souk publish writes beside it, and the
 * files they are about. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "souk/io/log.h"
#include "sponsor_internal.h"

static struct souk_amount budget_of(const struct souk_sponsor_order *order)
{
	return order->stopped ? SOUK_AMOUNT_ZERO : order->budget;
}

static const struct souk_hash *group_of(const struct souk_sponsor_order *order)
{
	static const struct souk_hash none = {{0}};
	return souk_hash_equal(&order->group, &none) ? NULL : &order->group;
}

/* The file of a content, if it is all there; -1 otherwise. */
static int open_file(
	const struct sponsor_node *node, const struct souk_hash *content, uint64_t size)
{
	char path[512];
	struct stat info;
	sponsor_store_data_path(&node->store, content, path);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file >= 0 && (fstat(file, &info) < 0 || (uint64_t)info.st_size != size)) {
		close(file);
		file = -1;
	}
	return file;
}

/* Under lock. */
static void begin_order(struct sponsor_node *node, const struct souk_hash *id,
	const struct souk_sponsor_order *order)
{
	const struct souk_content_name name = {.id = *id, .has_size = true, .size = order->size};
	struct souk_content content;
	uint32_t index = node->sponsor.content_count;
	int file = open_file(node, id, order->size);
	souk_status status = SOUK_LOCAL_NOT_FOUND;
	if (file >= 0 && order->size > 0)
		status = souk_content_check(&content, &name, order->size, order->chunk_size);
	if (status == SOUK_OK)
		status = souk_sponsor_add_content(
			&node->sponsor, &content, group_of(order), budget_of(order));
	if (status != SOUK_OK) {
		/* It is tried again and again, and said once. */
		if (!souk_hash_equal(&node->refused_order, id))
			SOUK_LOG(SOUK_LOG_WARN, "order_not_followed",
				souk_log_hex("content", id->bytes, SOUK_HASH_SIZE),
				souk_log_status(status));
		node->refused_order = *id;
		if (file >= 0)
			close(file);
		return;
	}
	node->wishes[index] = (struct sponsor_wish){.order = *order, .file = file};
	SOUK_LOG(SOUK_LOG_INFO, "sponsoring", souk_log_hex("content", id->bytes, SOUK_HASH_SIZE),
		souk_log_amount("budget", order->budget),
		souk_log_u64("replicas", order->replicas));
}

static souk_status follow_order(
	void *ctx, const struct souk_hash *content, const struct souk_sponsor_order *order)
{
	struct sponsor_node *node = ctx;
	pthread_mutex_lock(&node->lock);
	const struct souk_sponsor_content *entry = souk_sponsor_content_of(&node->sponsor, content);
	if (entry != NULL) {
		node->wishes[entry - node->sponsor.memory.contents].order = *order;
		souk_status status =
			souk_sponsor_set_budget(&node->sponsor, content, budget_of(order));
		(void)status; /* it is there */
	} else {
		begin_order(node, content, order);
	}
	pthread_mutex_unlock(&node->lock);
	return SOUK_OK;
}

souk_status sponsor_follow_orders(struct sponsor_node *node)
{
	return sponsor_store_each_order(&node->store, follow_order, node);
}

void sponsor_close_files(struct sponsor_node *node)
{
	for (uint32_t i = 0; node->wishes != NULL && i < node->sponsor.content_count; i++)
		close(node->wishes[i].file);
}

static souk_status read_file(
	void *ctx, const struct souk_hash *content, uint64_t offset, uint8_t *out, uint32_t size)
{
	int file = *(const int *)ctx;
	(void)content;
	while (size > 0) {
		ssize_t got = pread(file, out, size, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return SOUK_IO_READ;
		out += got;
		offset += (uint64_t)got;
		size -= (uint32_t)got;
	}
	return SOUK_OK;
}

struct souk_sponsor_source sponsor_source_of(
	const struct sponsor_node *node, const struct souk_hash *content, int *ret_file)
{
	const struct souk_sponsor_content *entry = souk_sponsor_content_of(&node->sponsor, content);
	*ret_file = entry == NULL ? -1 : node->wishes[entry - node->sponsor.memory.contents].file;
	return (struct souk_sponsor_source){ret_file, read_file};
}
