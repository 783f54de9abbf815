/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "share.h"
#include "souk/base/check.h"
#include "souk/crypto/sha256.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"

#define READ_SIZE (1u << 20)

struct sealing {
	const struct share_home *home;
	const char *name; /* of the file */
	struct share_content *ret;
};

/* ------------------------------------------------------------------ file keys in the vault */

static souk_status wrap(const struct souk_vault *vault, const uint8_t key[SOUK_SEALED_KEY_SIZE],
	struct souk_sealed_content *record)
{
	char text[SOUK_VAULT_WRAP_SIZE(SOUK_SEALED_KEY_SIZE)];
	const struct souk_vault_limits limits = {.exportable = true};
	struct souk_vault_key made;
	souk_status status = souk_vault_show(vault, SHARE_KEY_LABEL, &made);
	if (status == SOUK_LOCAL_NOT_FOUND)
		status = souk_vault_create(vault, SHARE_KEY_LABEL, &limits, &made);
	SOUK_TRY(status);
	SOUK_TRY(souk_vault_wrap_text(
		vault, SHARE_KEY_LABEL, souk_bytes_of(key, SOUK_SEALED_KEY_SIZE), text));
	record->wrapped.size = (uint16_t)strlen(text);
	SOUK_CHECK(record->wrapped.size <= sizeof record->wrapped.data);
	memcpy(record->wrapped.data, text, record->wrapped.size);
	return SOUK_OK;
}

static souk_status unwrap(const struct souk_vault *vault, const struct souk_sealed_content *record,
	uint8_t ret[SOUK_SEALED_KEY_SIZE])
{
	uint8_t scratch[sizeof record->wrapped.data];
	struct souk_vault_wrap read;
	SOUK_TRY(souk_vault_wrap_parse(&read,
		souk_bytes_of(record->wrapped.data, record->wrapped.size), scratch,
		sizeof scratch));
	if (read.ciphertext.size != SOUK_SEALED_KEY_SIZE + SOUK_UMBRAL_CIPHERTEXT_EXTRA)
		return SOUK_CORRUPT_STORE;
	return souk_vault_unwrap(vault, SHARE_KEY_LABEL, &read, ret);
}

souk_status share_file_key(const struct share_home *home, const struct souk_sealed_content *record,
	uint8_t ret[SOUK_SEALED_KEY_SIZE])
{
	struct souk_vault vault;
	SOUK_TRY(vault_home_begin(home->grant.vault, NULL, &vault));
	return vault_home_end(home->grant.vault, unwrap(&vault, record, ret));
}

/* ------------------------------------------------------------------ sealing */

/* The name of a file as a share can hold it: printable ASCII, and none that hides. */
static void set_name(struct souk_sealed_content *record, const char *path)
{
	char name[sizeof record->name.text];
	const char *slash = strrchr(path, '/');
	snprintf(name, sizeof name, "%s", slash != NULL ? slash + 1 : path);
	for (char *c = name; *c != '\0'; c++) {
		if (*c < 0x20 || *c > 0x7e)
			*c = '_';
	}
	if (name[0] == '.')
		name[0] = '_';
	souk_status status = souk_text_set(&record->name, name);
	SOUK_CHECK(status == SOUK_OK);
}

static souk_status keep(
	void *ctx, const struct import_seal *seal, const struct souk_content *content)
{
	struct sealing *sealing = ctx;
	struct souk_sealed_content *record = &sealing->ret->record;
	struct vault_home *home = sealing->home->grant.vault;
	struct souk_vault vault;
	*record = (struct souk_sealed_content){.version = SOUK_SEALED_CONTENT_VERSION,
		.plain = seal->plain,
		.plain_size = seal->plain_size,
		.size = content->size,
		.added = cli_now()};
	set_name(record, sealing->name);
	SOUK_TRY(vault_home_begin(home, NULL, &vault));
	SOUK_TRY(vault_home_end(home, wrap(&vault, seal->file_key, record)));
	return share_store_put_sealed(cli_home_path(), &content->id, record);
}

static souk_status seal_new(const struct share_home *home, const struct provider_store *store,
	const char *path, struct souk_amount price, struct share_content *ret)
{
	struct sealing sealing = {home, path, ret};
	struct import_result result;
	struct import_seal seal = {.keep = keep, .ctx = &sealing};
	struct import_source source = {.path = path, .seal = &seal, .price = price};
	char name[300];
	const char *slash = strrchr(path, '/');
	snprintf(name, sizeof name, "%.200s.sealed", slash != NULL ? slash + 1 : path);
	source.name = name;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), seal.file_key, sizeof seal.file_key));
	souk_status status = souk_entropy_fill(souk_entropy_real(), seal.salt, sizeof seal.salt);
	if (status == SOUK_OK) {
		status = import_as(store, &source, &result);
		snprintf(ret->detail, sizeof ret->detail, "%s", result.detail);
	}
	if (status == SOUK_OK)
		ret->id = result.content.id;
	souk_bytes_wipe(&seal, sizeof seal);
	return status;
}

/* ------------------------------------------------------------------ what was sealed before */

static souk_status hash_file(const char *path, struct souk_hash *ret)
{
	struct souk_sha256 sha;
	uint8_t *bytes = malloc(READ_SIZE);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	souk_sha256_init(&sha);
	while (bytes != NULL && fd >= 0 && (n = read(fd, bytes, READ_SIZE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		souk_sha256_update(&sha, bytes, (size_t)n);
	}
	if (n == 0)
		souk_sha256_final(&sha, ret);
	if (fd >= 0)
		close(fd);
	free(bytes);
	return n == 0 ? SOUK_OK : SOUK_IO_READ;
}

/* Reading a file twice is cheaper than storing it twice; and most were never sealed in any size. */
static souk_status find(
	const struct provider_store *store, const char *path, struct share_content *ret)
{
	struct souk_content_record on_sale;
	struct souk_hash plain;
	struct stat info;
	if (stat(path, &info) != 0 || !S_ISREG(info.st_mode))
		return SOUK_LOCAL_NOT_FOUND; /* the import says what is wrong */
	uint64_t size = (uint64_t)info.st_size;
	SOUK_TRY(share_store_find_plain(cli_home_path(), NULL, size, &ret->id, &ret->record));
	SOUK_TRY(hash_file(path, &plain));
	SOUK_TRY(share_store_find_plain(cli_home_path(), &plain, size, &ret->id, &ret->record));
	return provider_store_content(store, &ret->id, &on_sale);
}

souk_status share_seal(const struct share_home *home, const struct provider_store *store,
	const char *path, struct souk_amount price, struct share_content *ret)
{
	ret->detail[0] = '\0';
	ret->was_there = find(store, path, ret) == SOUK_OK;
	return ret->was_there ? SOUK_OK : seal_new(home, store, path, price, ret);
}
