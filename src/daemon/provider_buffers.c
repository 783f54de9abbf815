/* SPDX-License-Identifier: Apache-2.0 */
#include "provider_buffers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* What a session holds is less than what is free, divided by this. */
#define SHARE 8

struct provider_buffers {
	pthread_mutex_t lock;
	struct souk_pool *pool;
	size_t count, used;
	struct provider_buffer buffers[];
};

souk_status provider_buffers_new(struct provider_buffers **ret, size_t count)
{
	struct provider_buffers *buffers =
		calloc(1, sizeof *buffers + count * sizeof buffers->buffers[0]);
	if (buffers == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = souk_pool_new(&buffers->pool, count, PROVIDER_BUFFER_SIZE);
	if (status != SOUK_OK) {
		free(buffers);
		return status;
	}
	pthread_mutex_init(&buffers->lock, NULL);
	buffers->count = count;
	for (size_t i = 0; i < count; i++)
		buffers->buffers[i].owner = buffers;
	*ret = buffers;
	return SOUK_OK;
}

void provider_buffers_free(struct provider_buffers *buffers)
{
	if (buffers == NULL)
		return;
	souk_pool_free(buffers->pool);
	pthread_mutex_destroy(&buffers->lock);
	free(buffers);
}

/* A free entry, where SESSION may have one. */
static struct provider_buffer *find_entry(
	struct provider_buffers *buffers, const struct souk_nonce *session)
{
	struct provider_buffer *free_entry = NULL;
	size_t held = 0, share = (buffers->count - buffers->used) / SHARE;
	for (size_t i = 0; i < buffers->count; i++) {
		struct provider_buffer *buffer = &buffers->buffers[i];
		if (buffer->memory == NULL)
			free_entry = buffer;
		else
			held += memcmp(&buffer->session, session, sizeof *session) == 0;
	}
	return held < (share > 0 ? share : 1) ? free_entry : NULL;
}

struct provider_buffer *provider_buffer_take(
	struct provider_buffers *buffers, const struct souk_nonce *session)
{
	pthread_mutex_lock(&buffers->lock);
	struct provider_buffer *buffer = find_entry(buffers, session);
	if (buffer != NULL) {
		buffer->memory = souk_pool_take(buffers->pool);
		buffer->session = *session;
		buffers->used++;
	}
	pthread_mutex_unlock(&buffers->lock);
	return buffer;
}

void provider_buffer_give(void *given)
{
	struct provider_buffer *buffer = given;
	struct provider_buffers *buffers = buffer->owner;
	pthread_mutex_lock(&buffers->lock);
	souk_pool_give(buffer->memory);
	buffer->memory = NULL;
	buffers->used--;
	pthread_mutex_unlock(&buffers->lock);
}
