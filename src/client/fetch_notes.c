/* SPDX-License-Identifier: Apache-2.0
 *
 * Notes of what strips cost, written to the wallet while the purchase goes on. They run ahead of
 * the tickets in steps of WALLET_AHEAD units, so that there are few of them. Whoever writes ends
 * once nothing is due. */
#include <pthread.h>
#include <stdlib.h>

#include "fetch_paid.h"
#include "souk/base/check.h"
#include "souk/io/thread.h"

struct paid_notes {
	struct paid *paid;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	const struct paid_provider *writing; /* whose strip is on its way to the disk */
	bool runs;			     /* somebody writes */
};

static struct paid_provider *next_due(struct paid *paid)
{
	/* Also of those that have just come: the loop adds them. */
	for (size_t i = 0; i < SOUK_DOWNLOAD_PROVIDERS_MAX; i++) {
		if (paid->providers[i].note_due)
			return &paid->providers[i];
	}
	return NULL;
}

static void write_note(struct paid_notes *notes, struct paid_provider *provider)
{
	struct souk_wallet_strip strip = provider->strip;
	provider->note_due = false;
	notes->writing = provider;
	pthread_mutex_unlock(&notes->lock);
	/* A wallet that cannot be written is told of at the strip's end. */
	souk_status status = wallet_put_strip(notes->paid->wallet, &strip);
	(void)status;
	pthread_mutex_lock(&notes->lock);
	notes->writing = NULL;
	pthread_cond_broadcast(&notes->changed);
}

static void write_notes(void *ctx)
{
	struct paid_notes *notes = ctx;
	struct paid_provider *provider;
	pthread_mutex_lock(&notes->lock);
	while ((provider = next_due(notes->paid)) != NULL)
		write_note(notes, provider);
	notes->runs = false;
	pthread_cond_broadcast(&notes->changed);
	pthread_mutex_unlock(&notes->lock);
}

souk_status paid_notes_start(struct paid *paid)
{
	struct paid_notes *notes = calloc(1, sizeof *notes);
	if (notes == NULL)
		return SOUK_IO_MEMORY;
	notes->paid = paid;
	pthread_mutex_init(&notes->lock, NULL);
	pthread_cond_init(&notes->changed, NULL);
	paid->notes = notes;
	return SOUK_OK;
}

void paid_note_ticket(struct paid_provider *provider, uint32_t unit)
{
	struct paid_notes *notes = provider->paid->notes;
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
	/* Where nobody can, the next ticket's note or the strip's end says it too. */
	if (!notes->runs)
		notes->runs = souk_thread_start(NULL, write_notes, notes) == SOUK_OK;
	pthread_mutex_unlock(&notes->lock);
}

void paid_notes_settle(struct paid_provider *provider)
{
	struct paid_notes *notes = provider->paid->notes;
	if (notes == NULL)
		return;
	pthread_mutex_lock(&notes->lock);
	provider->note_due = false;
	while (notes->writing == provider)
		pthread_cond_wait(&notes->changed, &notes->lock);
	pthread_mutex_unlock(&notes->lock);
}

void paid_notes_stop(struct paid *paid)
{
	struct paid_notes *notes = paid->notes;
	if (notes == NULL)
		return;
	pthread_mutex_lock(&notes->lock);
	while (notes->runs)
		pthread_cond_wait(&notes->changed, &notes->lock);
	pthread_mutex_unlock(&notes->lock);
	pthread_mutex_destroy(&notes->lock);
	pthread_cond_destroy(&notes->changed);
	free(notes);
	paid->notes = NULL;
}
