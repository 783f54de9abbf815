/* SPDX-License-Identifier: Apache-2.0
 *
 * share_store.h - what an owner keeps of the files that it encrypted and shared.
 *
 *   HOME/shares/CONTENT.sealed   sealed_content: the file key, wrapped under a key of the vault
 *   HOME/shares/POLICY.share     the share as its receiver has it
 *   HOME/shares/POLICY.policy    a policy without a file, as its receiver has it
 *   HOME/shares/POLICY.pending   a policy that no receiver was told of yet (key_grant.h)
 *
 * Files, each replaced as a whole: few, and a backup of the folder is one of the shares. None holds
 * a secret in the clear. Threads: any. */
#ifndef SOUK_CLIENT_SHARE_STORE_H
#define SOUK_CLIENT_SHARE_STORE_H

#include "key_grant_notes.h"
#include "souk/wire/messages.h"

/* Each returns SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_STORE, or SOUK_IO_*. */
SOUK_MUST_CHECK souk_status share_store_put_sealed(const char *home,
	const struct souk_hash *content, const struct souk_sealed_content *record);
SOUK_MUST_CHECK souk_status share_store_sealed(
	const char *home, const struct souk_hash *content, struct souk_sealed_content *ret);
/* The sealed content of a plain file; only of its size, where PLAIN is NULL. */
SOUK_MUST_CHECK souk_status share_store_find_plain(const char *home, const struct souk_hash *plain,
	uint64_t plain_size, struct souk_hash *ret_content, struct souk_sealed_content *ret);

SOUK_MUST_CHECK souk_status share_store_put_share(const char *home, const struct souk_nonce *policy,
	const struct souk_signed_content_share *share);
SOUK_MUST_CHECK souk_status share_store_share(
	const char *home, const struct souk_nonce *policy, struct souk_signed_content_share *ret);

/* A policy as a file has it: "souk-policy:", hexadecimal, a line's end. */
SOUK_MUST_CHECK souk_status share_store_put_policy(
	const char *path, const struct souk_key_policy *policy);
SOUK_MUST_CHECK souk_status share_store_policy(const char *path, struct souk_key_policy *ret);
/* A share from any file. SOUK_PEER_BAD_SHARE: it is none. */
SOUK_MUST_CHECK souk_status share_store_read(
	const char *path, struct souk_signed_content_share *ret);
SOUK_MUST_CHECK souk_status share_store_write(
	const char *path, const struct souk_signed_content_share *share);

#endif
