/* SPDX-License-Identifier: Apache-2.0
 *
 * view_key.h - the keys of a viewer, and how many bundles each has had.
 *
 *   HOME/viewers/<sponsor>-<content>   a key for one epoch, and the number of its next bundle
 *   HOME/viewers/<sponsor>-admitted    the same for the key that a site lets in
 *   HOME/viewer.key                    that key
 *
 * A sponsor counts the bundles of a viewer in an epoch, so the number must go on after a restart. A
 * fresh key for each content and epoch says nothing about what else its owner views. Where a site
 * lets viewers in, one key is known to it, and used.
 *
 * Whoever asks for a bundle holds the file's lock until the answer came: two processes of one home
 * never ask with the same number. A file that was torn, or lost, is begun anew with another key.
 *
 * Memory: values; a descriptor while it is held. Threads: any, each with its own. */
#ifndef SOUK_CLIENT_VIEW_KEY_H
#define SOUK_CLIENT_VIEW_KEY_H

#include "souk/crypto/ecdsa.h"
#include "souk/wire/messages.h"

#define VIEW_KEY_ANY UINT64_MAX

struct view_key {
	int fd; /* -1: kept nowhere */
	struct souk_identity identity;
	uint64_t epoch;
	uint64_t number;  /* of its next bundle */
	bool is_admitted; /* the key that a site lets in: there is no other */
};

/* view_key_take: wait for the lock, and have the key for EPOCH.
 *
 *  In: home     NULL: a fresh one, kept nowhere
 *      content  NULL: the key that a site lets in
 *      epoch    VIEW_KEY_ANY: whatever was used last. A fresh key has number 0 in every epoch, so
 *               that nobody need ask which it is
 *
 * Returns SOUK_OK: give it back with view_key_give, or
 *   SOUK_IO_*, SOUK_PEER_BAD_HEX, SOUK_PEER_BAD_PUBKEY  HOME cannot be used. */
SOUK_MUST_CHECK souk_status view_key_take(struct view_key *ret, const char *home,
	const struct souk_address *sponsor, const struct souk_hash *content, uint64_t epoch);
/* The sponsor knows of another number: another key; or, where there is one only, the next number.
 * SOUK_OK, or SOUK_IO_ENTROPY. */
SOUK_MUST_CHECK souk_status view_key_renew(struct view_key *key);
/* Write down what is in KEY, and let go of it. What cannot be written costs a number: no harm. It
 * may wait for the disk, but only where the key is one that a site lets in. */
void view_key_give(struct view_key *key);

/* view_key_admitted: the key of HOME that a site may let in; made where there is none.
 *
 * Returns SOUK_OK, or those of identity_file_load and identity_file_make. */
SOUK_MUST_CHECK souk_status view_key_admitted(struct souk_identity *ret, const char *home);

#endif
