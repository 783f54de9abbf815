/* SPDX-License-Identifier: Apache-2.0
 *
 * Notes of what strips cost, written to the wallet while the purchase goes on. They run ahead of
 * the tickets in steps of WALLET_AHEAD units, so that there are few of them. */
#include <pthread.h>
#include <stdlib.h>

#include "get.h"
#include "souk/base/check.h"

struct get_notes {
	struct get *get;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const struct get_provider *writing; /* whose strip is on its way to the disk */
	bool stopping;
};

static struct get_provider *next_due(struct get *get)
{
	for (size_t i = 0; i < get->provider_count; i++) {
		if (get->providers[i].note_due)
			return &get->providers[i];
	}
	return NULL;
}

static void *write_notes(void *ctx)
{
	struct get_notes *notes = ctx;
	pthread_mutex_lock(&notes->lock);
	while (!notes->stopping) {
		struct get_provider *provider = next_due(notes->get);
		if (provider == NULL) {
			pthread_cond_wait(&notes->changed, &notes->lock);
			continue;
		}
		struct souk_wallet_strip strip = provider->strip;
		provider->note_due = false;
		notes->writing = provider;
		pthread_mutex_unlock(&notes->lock);
		/* A wallet that cannot be written is told of at the strip's end. */
		souk_status status = wallet_put_strip(notes->get->wallet, &strip);
		(void)status;
		pthread_mutex_lock(&notes->lock);
		notes->writing = NULL;
		pthread_cond_broadcast(&notes->changed);
	}
	pthread_mutex_unlock(&notes->lock);
	return NULL;
}

souk_status get_notes_start(struct get *get)
{
	struct get_notes *notes = calloc(1, sizeof *notes);
	if (notes == NULL)
		return SOUK_IO_MEMORY;
	notes->get = get;
	pthread_mutex_init(&notes->lock, NULL);
	pthread_cond_init(&notes->changed, NULL);
	if (pthread_create(&notes->thread, NULL, write_notes, notes) != 0) {
		free(notes);
		return SOUK_IO_MEMORY;
	}
	get->notes = notes;
	return SOUK_OK;
}

void get_note_ticket(struct get_provider *provider, uint32_t unit)
{
	struct get_notes *notes = provider->get->notes;
	struct souk_wallet_strip *strip = &provider->strip;
	/* Without a count it is a hub's strip: the wallet has nothing to do with it. Only this
	 * thread raises the unit while the session is open. */
	if (unit <= strip->unit || strip->count == 0)
		return;
	uint64_t ahead = (uint64_t)unit + WALLET_AHEAD - 1;
	ahead -= ahead % WALLET_AHEAD;
	pthread_mutex_lock(&notes->lock);
	strip->unit = ahead < strip->count ? (uint32_t)ahead : strip->count;
	provider->note_due = true;
	pthread_cond_broadcast(&notes->changed);
	pthread_mutex_unlock(&notes->lock);
}

void get_notes_settle(struct get_provider *provider)
{
	struct get_notes *notes = provider->get->notes;
	if (notes == NULL)
		return;
	pthread_mutex_lock(&notes->lock);
	provider->note_due = false;
	while (notes->writing == provider)
		pthread_cond_wait(&notes->changed, &notes->lock);
	pthread_mutex_unlock(&notes->lock);
}

void get_notes_stop(struct get *get)
{
	struct get_notes *notes = get->notes;
	if (notes == NULL)
		return;
	pthread_mutex_lock(&notes->lock);
	notes->stopping = true;
	pthread_cond_broadcast(&notes->changed);
	pthread_mutex_unlock(&notes->lock);
	pthread_join(notes->thread, NULL);
	pthread_mutex_destroy(&notes->lock);
	pthread_cond_destroy(&notes->changed);
	free(notes);
	get->notes = NULL;
}
