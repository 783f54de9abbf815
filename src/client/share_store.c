/* SPDX-License-Identifier: Apache-2.0 */
#include "share_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "souk/base/check.h"
#include "souk/io/file.h"
#include "souk/keys/share.h"

#define PATH_SIZE 512
#define TEXT_MAX  (SOUK_SHARE_TEXT_SIZE_MAX + 64)

/* What is ours and does not decode was damaged. */
static souk_status as_stored(souk_status status)
{
	return souk_status_class(status) == SOUK_CLASS_PEER ? SOUK_CORRUPT_STORE : status;
}

/* ------------------------------------------------------------------ sealed files */

static void sealed_path(char *out, const char *home, const struct souk_hash *content)
{
	shares_path(out, PATH_SIZE, home, souk_bytes_of(content->bytes, SOUK_HASH_SIZE), "sealed");
}

souk_status share_store_put_sealed(
	const char *home, const struct souk_hash *content, const struct souk_sealed_content *record)
{
	uint8_t bytes[SOUK_SEALED_CONTENT_SIZE_MAX];
	char path[PATH_SIZE];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_sealed_content_encode(&writer, record);
	snprintf(path, sizeof path, "%s/shares", home);
	SOUK_TRY(souk_file_make_folders(path));
	sealed_path(path, home, content);
	return souk_file_write_atomic(path, souk_bytes_of(bytes, writer.size), true);
}

souk_status share_store_sealed(
	const char *home, const struct souk_hash *content, struct souk_sealed_content *ret)
{
	char path[PATH_SIZE], *data;
	size_t size;
	sealed_path(path, home, content);
	souk_status status = souk_file_read(path, SOUK_SEALED_CONTENT_SIZE_MAX, &data, &size);
	if (status != SOUK_OK)
		return status == SOUK_LOCAL_FULL ? SOUK_CORRUPT_STORE : status;
	status = souk_sealed_content_decode(ret, souk_bytes_of(data, size), NULL);
	free(data);
	return as_stored(status);
}

struct search {
	const char *home;
	const struct souk_hash *plain;
	uint64_t plain_size;
	struct souk_hash *content;
	struct souk_sealed_content *ret;
};

/* SOUK_LOCAL_EXISTS: found. One that is damaged hides no other. */
static souk_status compare(void *ctx, const uint8_t *id)
{
	struct search *search = ctx;
	struct souk_sealed_content record;
	struct souk_hash content;
	memcpy(content.bytes, id, sizeof content.bytes);
	if (share_store_sealed(search->home, &content, &record) != SOUK_OK ||
		record.plain_size != search->plain_size ||
		(search->plain != NULL && !souk_hash_equal(&record.plain, search->plain)))
		return SOUK_OK;
	*search->content = content;
	*search->ret = record;
	return SOUK_LOCAL_EXISTS;
}

souk_status share_store_find_plain(const char *home, const struct souk_hash *plain,
	uint64_t plain_size, struct souk_hash *ret_content, struct souk_sealed_content *ret)
{
	struct search search = {home, plain, plain_size, ret_content, ret};
	souk_status status = shares_each(home, "sealed", SOUK_HASH_SIZE, compare, &search);
	if (status == SOUK_LOCAL_EXISTS)
		return SOUK_OK;
	return status == SOUK_OK ? SOUK_LOCAL_NOT_FOUND : status;
}

/* ------------------------------------------------------------------ shares */

souk_status share_store_write(const char *path, const struct souk_signed_content_share *share)
{
	char text[SOUK_SHARE_TEXT_SIZE_MAX];
	size_t size = souk_share_format(text, share);
	return souk_file_write_atomic(path, souk_bytes_of(text, size), false);
}

souk_status share_store_read(const char *path, struct souk_signed_content_share *ret)
{
	char *text;
	size_t size;
	souk_status status = souk_file_read(path, TEXT_MAX, &text, &size);
	if (status != SOUK_OK)
		return status == SOUK_LOCAL_FULL ? SOUK_PEER_BAD_SHARE : status;
	status = souk_share_parse(ret, souk_bytes_of(text, size));
	free(text);
	return status;
}

souk_status share_store_put_share(const char *home, const struct souk_nonce *policy,
	const struct souk_signed_content_share *share)
{
	char path[PATH_SIZE];
	shares_path(
		path, sizeof path, home, souk_bytes_of(policy->bytes, SOUK_NONCE_SIZE), "share");
	return share_store_write(path, share);
}

souk_status share_store_share(
	const char *home, const struct souk_nonce *policy, struct souk_signed_content_share *ret)
{
	char path[PATH_SIZE];
	shares_path(
		path, sizeof path, home, souk_bytes_of(policy->bytes, SOUK_NONCE_SIZE), "share");
	return as_stored(share_store_read(path, ret));
}

/* ------------------------------------------------------------------ policies */

souk_status share_store_put_policy(const char *path, const struct souk_key_policy *policy)
{
	char text[SOUK_SHARE_POLICY_TEXT_SIZE_MAX];
	size_t size = souk_share_policy_format(text, policy);
	return souk_file_write_atomic(path, souk_bytes_of(text, size), false);
}

souk_status share_store_policy(const char *path, struct souk_key_policy *ret)
{
	char *text;
	size_t size;
	souk_status status = souk_file_read(path, TEXT_MAX, &text, &size);
	if (status != SOUK_OK)
		return status == SOUK_LOCAL_FULL ? SOUK_PEER_BAD_SHARE : status;
	status = souk_share_policy_parse(ret, souk_bytes_of(text, size));
	free(text);
	return status;
}
