/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "souk/base/check.h"

#define BUFFER_ALIGNMENT 4096

struct souk_pool {
	pthread_mutex_t lock;
	struct souk_pool_buffer *free; /* the last one given back comes out first: it is warm */
	size_t free_count;
	size_t count;
	uint8_t *memory;
	struct souk_pool_buffer buffers[];
};

souk_status souk_pool_new(struct souk_pool **ret_pool, size_t count, size_t size)
{
	size_t stride = (size + BUFFER_ALIGNMENT - 1) / BUFFER_ALIGNMENT * BUFFER_ALIGNMENT;
	struct souk_pool *pool = calloc(1, sizeof(*pool) + count * sizeof(pool->buffers[0]));

	if (!pool)
		return SOUK_IO_MEMORY;
	pool->memory = aligned_alloc(BUFFER_ALIGNMENT, stride * count);
	if (!pool->memory) {
		free(pool);
		return SOUK_IO_MEMORY;
	}
	pthread_mutex_init(&pool->lock, NULL);
	pool->count = count;
	for (size_t i = count; i-- > 0;) {
		pool->buffers[i] = (struct souk_pool_buffer){
			.pool = pool, .data = pool->memory + i * stride, .size = size};
		souk_pool_give(&pool->buffers[i]);
	}
	*ret_pool = pool;
	return SOUK_OK;
}

void souk_pool_free(struct souk_pool *pool)
{
	if (!pool)
		return;
	SOUK_CHECK(pool->free_count == pool->count);
	pthread_mutex_destroy(&pool->lock);
	free(pool->memory);
	free(pool);
}

struct souk_pool_buffer *souk_pool_take(struct souk_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	struct souk_pool_buffer *buffer = pool->free;
	if (buffer) {
		pool->free = buffer->next;
		pool->free_count--;
	}
	pthread_mutex_unlock(&pool->lock);
	return buffer;
}

void souk_pool_give(void *given)
{
	struct souk_pool_buffer *buffer = given;
	struct souk_pool *pool = buffer->pool;

	pthread_mutex_lock(&pool->lock);
	buffer->next = pool->free;
	pool->free = buffer;
	pool->free_count++;
	pthread_mutex_unlock(&pool->lock);
}
