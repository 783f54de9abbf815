/* SPDX-License-Identifier: Apache-2.0
 *
 * download_internal.h - what the files of the planner share.
 *
 *   download.c          its state; how sessions and providers end
 *   download_answers.c  what the answers to its effects do to it
 *   download_choice.c   who fetches what: parts, wants, speed
 *   download_pair.c     chunks that two are asked for
 *   download_effects.c  what it wants done next
 *   download_time.c     who is silent or slow; deadlines */
#ifndef SOUK_CONTENT_DOWNLOAD_INTERNAL_H
#define SOUK_CONTENT_DOWNLOAD_INTERNAL_H

#include "souk/content/download.h"

#define DOWNLOAD_BACKOFF_MAX 6u
/* So many answers "not here" in a row are taken for an old list of what it has; after them it is
 * asked less often. */
#define DOWNLOAD_ABSENT_MAX 4u

/* ---------------------------------------------------------------- download.c */

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
/* SLOT will not bring its chunk: it goes back to the pool, unless another one has it. */
void download_return_chunk(struct souk_download *download, struct souk_download_slot *slot);
/* What the session of SLOT cannot give any more is let go of. */
void download_orphan(struct souk_download *download, struct souk_download_slot *slot);
void download_set_done(struct souk_download *download, uint32_t chunk);
/* What a failed FETCH or KEYS means. True where it is to be tried again, at paused_until. */
bool download_note_failure(struct souk_download *download, uint32_t provider, souk_status status,
	struct souk_time now);
void download_count_failure(struct souk_download_provider *p, struct souk_time now);
bool download_is_patient(const struct souk_download *download, uint32_t provider,
	souk_status status, struct souk_time now);
/* How long to pause after the failures in a row. */
uint64_t download_backoff_ms(
	const struct souk_download *download, const struct souk_download_provider *p);
bool download_is_robber(const struct souk_download_provider *p);
bool download_ends_session(souk_status status);

/* ---------------------------------------------------------------- download_choice.c */

/* How fast everybody is at a moment, and who is asked first. */
struct download_speeds {
	uint64_t ms[SOUK_DOWNLOAD_PROVIDERS_MAX];    /* that a unit takes; 0: not known */
	uint32_t order[SOUK_DOWNLOAD_PROVIDERS_MAX]; /* the fastest first */
	bool any_known;
};

void download_look_at_speeds(
	const struct souk_download *download, struct download_speeds *ret, struct souk_time now);
bool download_has(const struct souk_download *download, uint32_t provider, uint32_t chunk);
/* The chunk that PROVIDER fetches next; chunk_count where there is none for it. SPEEDS NULL:
 * whoever would be faster. */
uint32_t download_choose(
	struct souk_download *download, uint32_t provider, const struct download_speeds *speeds);
/* Whether any chunk of the pool is to be fetched. */
bool download_has_work(struct souk_download *download);
bool download_is_wanted(const struct souk_download *download, uint32_t chunk);

/* ---------------------------------------------------------------- download_pair.c */

/* A chunk that PROVIDER is asked for although another was; chunk_count: none. ONLY_WANTED: such as
 * a reader waits for. */
uint32_t download_hedge(const struct souk_download *download, uint32_t provider, bool only_wanted,
	struct souk_time now);
/* SLOT is the second request for its chunk. */
void download_pair(struct souk_download *download, struct souk_download_slot *slot);
/* The other slot that may bring the chunk of SLOT; NULL: none. */
struct souk_download_slot *download_twin(
	struct souk_download *download, const struct souk_download_slot *slot);
/* SLOT brings its chunk no more, or not any more alone: what that does to the other, and to the
 * account of what is paid twice. */
void download_unpair(struct souk_download *download, struct souk_download_slot *slot);
/* SLOT brought its chunk: the other slot with it is not needed any more. */
void download_win(struct souk_download *download, struct souk_download_slot *slot);
/* Whether no further unit of its session is waited for. */
bool download_is_last(const struct souk_download *download, const struct souk_download_slot *slot);
/* When the next chunk is late. */
struct souk_time download_hedge_deadline(const struct souk_download *download);

#endif
