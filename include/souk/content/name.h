/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/content/name.h - versioned names: what content a publisher's label stands for now.
 *
 * A content id never changes, so a site that is updated has another one. The
 * publisher signs which: label -> content, with a sequence number that only grows.
 *
 *   (nothing) --accept--> record 1 --higher sequence--> record 2 --> ...
 *                            |  ^ lower: PEER_NAME_ROLLBACK, record 2 stays
 *                            +--- same sequence, other content: PEER_NAME_TWICE, the first stays;
 *                                 both signatures together are evidence against the publisher
 *
 * Invariants: what somebody holds of a name never goes back; two holders that have heard each
 * other hold the same sequence; nobody but the publisher makes a record.
 *
 * Who holds the highest record cannot know whether the publisher has made a higher one: a name is
 * as fresh as the most recent of those who were asked.
 *
 * Memory: caller's. Threads: any. Spec: spec/names.md. */
#ifndef SOUK_CONTENT_NAME_H
#define SOUK_CONTENT_NAME_H

#include "souk/content/chunk.h"
#include "souk/crypto/ecdsa.h"
#include "souk/wire/messages.h"

#define SOUK_NAME_VERSION   1
#define SOUK_NAME_LABEL_MAX 64u
/* "souk:", "0x", 40 digits, a slash, the label, a terminator. */
#define SOUK_NAME_TEXT_SIZE (5 + 2 + 2 * SOUK_ADDRESS_SIZE + 1 + SOUK_NAME_LABEL_MAX + 1)

/* Whose label. */
struct souk_name {
	struct souk_address publisher;
	char label[SOUK_NAME_LABEL_MAX + 1];
};

/* 1 to 64 of a to z, 0 to 9, dot and dash; it starts and ends with a letter or digit, and no two
 * dots stand together: a label is safe in a path and in a URL. */
bool souk_name_label_is_valid(const char *text, size_t size);

/* souk_name_parse: "0xPUBLISHER/LABEL", also after "souk:" or without "0x". The digits may be of
 * either case.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_NAME: tell the user. */
SOUK_MUST_CHECK souk_status souk_name_parse(struct souk_name *ret, struct souk_bytes text);
/* "0xPUBLISHER/LABEL", lower case: what every name's text is reduced to. */
void souk_name_format(char out[SOUK_NAME_TEXT_SIZE], const struct souk_name *name);
bool souk_name_equal(const struct souk_name *a, const struct souk_name *b);

/* The name that RECORD speaks of; its label is valid (souk_name_verify). */
struct souk_name souk_name_of(const struct souk_name_record *record);
/* The content that RECORD names, with its size: a provider that states another one is refused. */
struct souk_content_name souk_name_content(const struct souk_name_record *record);

/* souk_name_sign: make the record of NAME with SEQUENCE.
 *
 *  In: publisher  whose address is NAME's
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_NAME      no valid label, sequence 0, or a size that CONTENT cannot have.
 *   SOUK_PEER_WRONG_SIGNER  the name is somebody else's. */
SOUK_MUST_CHECK souk_status souk_name_sign(struct souk_signed_name *ret,
	const struct souk_name *name, uint64_t sequence, const struct souk_hash *content,
	uint64_t size, struct souk_time now, const struct souk_identity *publisher);

/* souk_name_verify: whether SIGNED_NAME is NAME's publisher's word about NAME.
 *
 *  In: name  NULL: whichever it speaks of
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_VERSION, _BAD_NAME, _BAD_SIGNATURE, _WRONG_SIGNER
 *     Ignore it; whoever sent it did not check it or lies. */
SOUK_MUST_CHECK souk_status souk_name_verify(
	const struct souk_signed_name *signed_name, const struct souk_name *name);

/* souk_name_accept: whether the verified FRESH may take the place of the verified HELD, both of one
 * name.
 *
 *  In: held  NULL: nothing is known of the name
 *
 * Returns SOUK_OK: keep FRESH, durably, before acting on it; or, and HELD stays,
 *   SOUK_LOCAL_EXISTS        it says what HELD says.
 *   SOUK_PEER_NAME_ROLLBACK  it is older. Whoever offers it is behind, or hopes that you are.
 *   SOUK_PEER_NAME_TWICE     same sequence, another content: keep both as evidence. */
SOUK_MUST_CHECK souk_status souk_name_accept(
	const struct souk_name_record *held, const struct souk_name_record *fresh);

/* souk_name_is_evidence: whether A and B prove that their publisher said two things with one
 * sequence number. Verifies both: they may come from anybody. */
bool souk_name_is_evidence(const struct souk_signed_name *a, const struct souk_signed_name *b);

#endif
