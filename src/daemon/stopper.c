/* SPDX-License-Identifier: Apache-2.0 */
#include "stopper.h"

#include <errno.h>
#include <time.h>

void stopper_init(struct stopper *stopper)
{
	pthread_condattr_t steady;
	*stopper = (struct stopper){0};
	pthread_mutex_init(&stopper->lock, NULL);
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&stopper->signal, &steady);
	pthread_condattr_destroy(&steady);
}

void stopper_done(struct stopper *stopper)
{
	pthread_cond_destroy(&stopper->signal);
	pthread_mutex_destroy(&stopper->lock);
}

void stopper_stop(struct stopper *stopper)
{
	pthread_mutex_lock(&stopper->lock);
	stopper->stopping = true;
	pthread_cond_broadcast(&stopper->signal);
	pthread_mutex_unlock(&stopper->lock);
}

bool stopper_pause(struct stopper *stopper, uint64_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&stopper->lock);
	while (!stopper->stopping &&
		pthread_cond_timedwait(&stopper->signal, &stopper->lock, &until) != ETIMEDOUT)
		;
	bool stopping = stopper->stopping;
	pthread_mutex_unlock(&stopper->lock);
	return stopping;
}
