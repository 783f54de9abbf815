/* SPDX-License-Identifier: Apache-2.0 */
#include "unpaid.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "souk/content/chunk.h"
#include "souk/exchange/session.h"
#include "souk/io/clock_real.h"
#include "souk/io/file.h"
#include "souk/io/http_fetch.h"
#include "souk/io/http_server.h"
#include "souk/io/mapped.h"
#include "souk/io/pool.h"
#include "souk/io/worker.h"

#define SLOTS	  16
#define IN_FLIGHT 4

struct unpaid {
	struct souk_content content;
	struct souk_hash *row;
	uint32_t chunk_count;
	int source, target;
	struct souk_mapped mapped;
	struct souk_pool *pool;
	struct souk_http_fetcher *fetcher;
	struct souk_worker *worker;
	uint16_t port;
	uint8_t *memory;
	bool failed;
};

struct slot {
	struct unpaid *unpaid;
	uint32_t chunk;
	uint32_t length;
	bool busy;
	souk_status status;
};

static struct souk_unit_cipher cipher_of(uint32_t chunk)
{
	static const struct souk_nonce session = {{1}};
	static const struct souk_hash key = {{2}};
	return souk_unit_cipher_of(&session, chunk + 1, chunk, &key);
}

/* ------------------------------------------------------------------ server */

struct encryption {
	struct souk_unit_cipher cipher;
	uint8_t *out;
};

static void encrypt(void *ctx, struct souk_bytes data)
{
	const struct encryption *encryption = ctx;
	souk_unit_cipher_xor(&encryption->cipher, encryption->out, data.data, data.size);
}

/* As a provider does it: from where the content lies, without a copy. */
static void serve(void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	struct unpaid *u = ctx;
	uint32_t chunk = (uint32_t)strtoul(request->path + 1, NULL, 10);
	uint32_t length = souk_content_chunk_length(&u->content, chunk);
	struct souk_pool_buffer *buffer = souk_pool_take(u->pool);
	struct encryption encryption = {cipher_of(chunk), buffer != NULL ? buffer->data : NULL};
	if (buffer == NULL || length == 0 ||
		souk_mapped_use(&u->mapped, souk_content_chunk_offset(&u->content, chunk), length,
			encrypt, &encryption) != SOUK_OK) {
		souk_http_reply_problem(reply, 503, SOUK_IO_READ, NULL);
		return;
	}
	souk_http_reply_owned(reply, 200, "application/octet-stream",
		souk_bytes_of(buffer->data, length), souk_pool_give, buffer);
}

/* The server's process: ends when its parent does away with it. */
static void run_server(struct unpaid *u)
{
	struct souk_http_server *server;
	struct souk_http_server_config config = {.port = u->port,
		.threading = SOUK_HTTP_POOL,
		.thread_count = 1,
		.handler = serve,
		.ctx = u};
	if (souk_pool_new(&u->pool, SLOTS + 8, SOUK_CHUNK_SIZE_DEFAULT) != SOUK_OK ||
		souk_http_server_start(&server, NULL, &config) != SOUK_OK)
		_exit(1);
	for (;;)
		pause();
}

/* ------------------------------------------------------------------ client */

static uint8_t *slot_memory(const struct slot *slots, const struct slot *slot)
{
	return slot->unpaid->memory + (size_t)(slot - slots) * SOUK_CHUNK_SIZE_DEFAULT;
}

static struct slot slots[SLOTS];

static void check(void *ctx)
{
	struct slot *slot = ctx;
	struct unpaid *u = slot->unpaid;
	uint8_t *data = slot_memory(slots, slot);
	struct souk_unit_cipher cipher = cipher_of(slot->chunk);
	souk_unit_cipher_xor(&cipher, data, data, slot->length);
	slot->status = souk_content_verify_chunk(
		&u->content, slot->chunk, &u->row[slot->chunk], souk_bytes_of(data, slot->length));
	if (slot->status == SOUK_OK)
		slot->status = souk_file_write_at(u->target, data, slot->length,
			souk_content_chunk_offset(&u->content, slot->chunk));
}

static bool start_fetch(struct unpaid *u, struct slot *slot, uint32_t chunk)
{
	char url[64];
	*slot = (struct slot){.unpaid = u,
		.chunk = chunk,
		.length = souk_content_chunk_length(&u->content, chunk),
		.busy = true};
	snprintf(url, sizeof url, "http://127.0.0.1:%u/%u", u->port, chunk);
	struct souk_http_fetch fetch = {.url = url,
		.destination = slot_memory(slots, slot),
		.size_max = slot->length,
		.user = slot};
	return souk_http_fetcher_start(u->fetcher, &fetch) == SOUK_OK;
}

static struct slot *free_slot(void)
{
	for (int i = 0; i < SLOTS; i++) {
		if (!slots[i].busy)
			return &slots[i];
	}
	return NULL;
}

static bool transfer(struct unpaid *u)
{
	uint32_t next = 0, flying = 0, done = 0;
	memset(slots, 0, sizeof slots);
	while (done < u->chunk_count) {
		struct souk_http_fetched fetched;
		struct slot *slot;
		void *ctx;
		for (; next < u->chunk_count && flying < IN_FLIGHT && (slot = free_slot()) != NULL;
			next++, flying++) {
			if (!start_fetch(u, slot, next))
				return false;
		}
		if (souk_http_fetcher_poll(u->fetcher, 100, souk_worker_fd(u->worker)) != SOUK_OK)
			return false;
		for (; souk_http_fetcher_next(u->fetcher, &fetched); flying--) {
			slot = fetched.user;
			if (fetched.status != SOUK_OK || fetched.size != slot->length ||
				souk_worker_submit(u->worker, check, slot) != SOUK_OK)
				return false;
		}
		for (; souk_worker_next_done(u->worker, &ctx); done++) {
			slot = ctx;
			slot->busy = false;
			if (slot->status != SOUK_OK)
				return false;
		}
	}
	return true;
}

static bool make_row(struct unpaid *u, uint64_t size)
{
	struct souk_content_builder builder;
	uint8_t *chunk = malloc(SOUK_CHUNK_SIZE_DEFAULT);
	uint32_t row_max = (uint32_t)(size / SOUK_CHUNK_SIZE_DEFAULT + 1);
	struct souk_hash *scratch = malloc(row_max * sizeof *scratch);
	bool good = chunk != NULL && scratch != NULL;
	u->row = malloc(row_max * sizeof *u->row);
	good = good && u->row != NULL;
	souk_content_builder_init(&builder, SOUK_CHUNK_SIZE_DEFAULT, u->row, row_max);
	for (uint64_t at = 0; good && at < size; at += SOUK_CHUNK_SIZE_DEFAULT) {
		size_t length = size - at < SOUK_CHUNK_SIZE_DEFAULT ? (size_t)(size - at)
								    : SOUK_CHUNK_SIZE_DEFAULT;
		good = souk_file_read_at(u->source, chunk, length, at) == SOUK_OK &&
		       souk_content_builder_add(&builder, souk_bytes_of(chunk, length)) == SOUK_OK;
	}
	if (good)
		souk_content_builder_finish(&builder, scratch, &u->content);
	u->chunk_count = builder.count;
	free(chunk);
	free(scratch);
	return good;
}

bool bench_unpaid_get(const char *source, const char *target, double *ret_seconds)
{
	struct unpaid u = {.port = process_free_port()};
	struct stat info;
	u.source = open(source, O_RDONLY | O_CLOEXEC);
	u.target = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	u.memory = aligned_alloc(4096, (size_t)SLOTS * SOUK_CHUNK_SIZE_DEFAULT);
	bool good = u.source >= 0 && u.target >= 0 && u.memory != NULL &&
		    fstat(u.source, &info) == 0 && make_row(&u, (uint64_t)info.st_size) &&
		    souk_mapped_open(&u.mapped, u.source, (size_t)info.st_size) == SOUK_OK;
	pid_t server = -1;
	if (good) {
		fflush(NULL);
		server = fork();
		if (server == 0)
			run_server(&u);
	}
	good = good && process_wait_port(u.port) &&
	       souk_http_fetcher_new(&u.fetcher, SLOTS, 8) == SOUK_OK &&
	       souk_worker_start(&u.worker, 1, SLOTS) == SOUK_OK;
	uint64_t started = souk_clock_steady_ns();
	good = good && transfer(&u);
	*ret_seconds = (double)(souk_clock_steady_ns() - started) / 1e9;
	souk_worker_stop(u.worker);
	souk_http_fetcher_free(u.fetcher);
	process_stop(server);
	souk_mapped_close(&u.mapped);
	close(u.source);
	close(u.target);
	free(u.memory);
	free(u.row);
	return good;
}
