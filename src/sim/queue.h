/* SPDX-License-Identifier: Apache-2.0
 *
 * queue.h - what happens next: events by their time, and at one time in the order of their coming.
 *
 * A heap of four children a node: its events lie in few cache lines, and a run spends much of its
 * time here. Memory: heap. Threads: one. */
#ifndef SOUK_SIM_QUEUE_H
#define SOUK_SIM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_event_kind {
	SIM_EVENT_ARRIVE, /* message */
	SIM_EVENT_LEAVE,  /* message: it was held back for a disk */
	SIM_EVENT_WAKE,	  /* node */
	SIM_EVENT_START,  /* node */
	SIM_EVENT_LEDGER,
	SIM_EVENT_FAULT, /* word: index << 1 | whether it ends */
	SIM_EVENT_AUDIT,
	SIM_EVENT_FINISH,
};

struct sim_event {
	uint64_t us;
	uint64_t order; /* rising, and the kind in the lowest four bits */
	union {
		struct sim_message *message;
		uint64_t word;
	} of;
};

struct sim_queue {
	struct sim_event *events;
	size_t count;
	size_t room;
	uint64_t pushed;
};

void sim_queue_free(struct sim_queue *queue);
void sim_queue_push(struct sim_queue *queue, uint64_t us, enum sim_event_kind kind, uint64_t word);
void sim_queue_push_message(struct sim_queue *queue, uint64_t us, enum sim_event_kind kind,
	struct sim_message *message);
/* The earliest event; false where there is none. */
bool sim_queue_pop(struct sim_queue *queue, struct sim_event *ret);

static inline enum sim_event_kind sim_event_kind_of(const struct sim_event *event)
{
	return (enum sim_event_kind)(event->order & 15);
}

#endif
