/* SPDX-License-Identifier: Apache-2.0
 *
 * provider_internal.h - what provider.c (how sessions begin), provider_unit.c (what they are used
 * for), provider_due.c (what became of them) and provider_leaf.c (where their strips are) share. */
#ifndef SOUK_EXCHANGE_PROVIDER_INTERNAL_H
#define SOUK_EXCHANGE_PROVIDER_INTERNAL_H

#include "souk/exchange/provider.h"

/* The entry of SESSION, or NULL. */
struct souk_provider_session *provider_session_of(
	const struct souk_provider *provider, const struct souk_nonce *session);
struct souk_provider_due *provider_due_of(
	const struct souk_provider *provider, const struct souk_nonce *session);

/* Free the slot of a session, secrets and all. */
void provider_session_free(struct souk_provider *provider, struct souk_provider_session *s);
/* The slot at INDEX is free, or will be when it is looked for. */
void provider_note_free(struct souk_provider *provider, uint32_t index);

/* Whether every session of the table, and MORE besides, could become a due. */
bool provider_has_due_room(const struct souk_provider *provider, uint32_t more);

/* An open session serves no more: store it, and wait for the draw of its epoch. */
void provider_session_leave(struct souk_provider *provider, struct souk_provider_session *s);

/* S began, or begins to be paid: what souk_provider_tick has to do with it is not forgotten. */
void provider_note_deadline(struct souk_provider *provider, const struct souk_provider_session *s);

/* A due for RECORD, whose session is not in the due table; there is room. What SERVED units holds
 * its part of the leaf to the end of the epoch, paid or not. */
void provider_due_add(
	struct souk_provider *provider, const struct souk_session_record *record, bool served);

/* Let go of a few dues that nobody paid, for others' sake. */
void provider_due_forget(struct souk_provider *provider);

/* Whether STRIP overlaps anything accepted or due. */
bool provider_overlaps(const struct souk_provider *provider, const struct souk_strip *strip);
/* By looking at all of it. */
bool provider_walk_overlaps(const struct souk_provider *provider, const struct souk_strip *strip);
/* Whether it surely does not, by what is known of its leaf. */
bool provider_leaf_is_clear(const struct souk_provider *provider, const struct souk_strip *strip);
/* STRIP is in the table, or due. Every strip that gets there is noted. */
void provider_leaf_note(struct souk_provider *provider, const struct souk_strip *strip);

#endif
