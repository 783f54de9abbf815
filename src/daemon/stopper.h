/* SPDX-License-Identifier: Apache-2.0
 *
 * stopper.h - a pause that a stop ends. Threads: any. */
#ifndef SOUK_DAEMON_STOPPER_H
#define SOUK_DAEMON_STOPPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct stopper {
	pthread_mutex_t lock;
	pthread_cond_t signal;
	bool stopping;
};

void stopper_init(struct stopper *stopper);
void stopper_done(struct stopper *stopper);
/* End all pauses, the coming ones too. */
void stopper_stop(struct stopper *stopper);
/* Wait MS, by a steady clock, or until the stop; whether there was one. */
bool stopper_pause(struct stopper *stopper, uint64_t ms);

#endif
