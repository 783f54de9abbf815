/* SPDX-License-Identifier: Apache-2.0 */
#include "queue.h"

#include <stdlib.h>

#include "souk/base/check.h"

#define CHILDREN 4

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->us < b->us || (a->us == b->us && a->order < b->order);
}

static void push(struct sim_queue *queue, struct sim_event event)
{
	if (queue->count == queue->room) {
		queue->room = queue->room == 0 ? 1024 : queue->room * 2;
		queue->events = realloc(queue->events, queue->room * sizeof *queue->events);
		SOUK_CHECK(queue->events != NULL);
	}
	size_t at = queue->count++;
	while (at > 0) {
		size_t parent = (at - 1) / CHILDREN;
		if (!is_before(&event, &queue->events[parent]))
			break;
		queue->events[at] = queue->events[parent];
		at = parent;
	}
	queue->events[at] = event;
}

static uint64_t order_of(struct sim_queue *queue, enum sim_event_kind kind)
{
	return queue->pushed++ << 4 | (uint64_t)kind;
}

void sim_queue_push(struct sim_queue *queue, uint64_t us, enum sim_event_kind kind, uint64_t word)
{
	push(queue,
		(struct sim_event){.us = us, .order = order_of(queue, kind), .of = {.word = word}});
}

void sim_queue_push_message(
	struct sim_queue *queue, uint64_t us, enum sim_event_kind kind, struct sim_message *message)
{
	push(queue, (struct sim_event){
			    .us = us, .order = order_of(queue, kind), .of = {.message = message}});
}

static size_t least_child(const struct sim_queue *queue, size_t at)
{
	size_t first = at * CHILDREN + 1, least = first;
	for (size_t i = first + 1; i < first + CHILDREN && i < queue->count; i++) {
		if (is_before(&queue->events[i], &queue->events[least]))
			least = i;
	}
	return least;
}

bool sim_queue_pop(struct sim_queue *queue, struct sim_event *ret)
{
	if (queue->count == 0)
		return false;
	*ret = queue->events[0];
	struct sim_event last = queue->events[--queue->count];
	size_t at = 0;
	while (at * CHILDREN + 1 < queue->count) {
		size_t child = least_child(queue, at);
		if (!is_before(&queue->events[child], &last))
			break;
		queue->events[at] = queue->events[child];
		at = child;
	}
	queue->events[at] = last;
	return true;
}

void sim_queue_free(struct sim_queue *queue)
{
	free(queue->events);
	*queue = (struct sim_queue){0};
}
