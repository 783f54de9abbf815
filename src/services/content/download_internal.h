/* SPDX-License-Identifier: Apache-2.0
 *
 * download_internal.h - what download.c (inputs) and download_effects.c (decisions) share. */
#ifndef SOUK_CONTENT_DOWNLOAD_INTERNAL_H
#define SOUK_CONTENT_DOWNLOAD_INTERNAL_H

#include "souk/content/download.h"

/* No more effects than the one that says so; nothing is paid from now on. */
void download_end(
	struct souk_download *download, enum souk_download_state state, souk_status status);
/* The provider is not asked again; its chunks go back to the pool. */
void download_drop(struct souk_download *download, uint32_t provider, souk_status reason);
/* The running session of the provider is over; another one may be opened. */
void download_reopen(struct souk_download *download, uint32_t provider, souk_status reason,
	struct souk_time now);
/* The session's time is over for REASON: download_reopen, after what was paid is read. */
void download_close(struct souk_download *download, uint32_t provider, souk_status reason,
	struct souk_time now);
/* Whether PROVIDER has a session in which units may be asked for and paid. */
bool download_is_running(const struct souk_download_provider *p);
/* Every change of a slot's state goes through these: they keep the counts. */
void download_slot_move(struct souk_download *download, struct souk_download_slot *slot,
	enum souk_download_slot_state state);
void download_slot_free(struct souk_download *download, struct souk_download_slot *slot);

#endif
