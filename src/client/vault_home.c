/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "souk/base/check.h"
#include "souk/crypto/passphrase.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/file.h"
#include "vault_internal.h"

/* Address space, not memory. */
#define MAP_SIZE_MAX	 (16ull << 30)
#define SECRET_FILE_SIZE 256

/* ---- passphrases ---- */

static souk_status read_passphrase(char **ret, size_t *ret_size, const char *file, const char *name)
{
	const char *text = file == NULL ? getenv(name) : NULL;
	if (file != NULL)
		SOUK_TRY(souk_file_read(file, SOUK_PASSPHRASE_SIZE_MAX + 2, ret, ret_size));
	else if (text == NULL)
		return SOUK_LOCAL_NOT_FOUND;
	else if ((*ret = strdup(text)) == NULL)
		return SOUK_IO_MEMORY;
	else
		*ret_size = strlen(text);
	return SOUK_OK;
}

static souk_status fresh_kdf(struct souk_vault_kdf *ret)
{
	*ret = (struct souk_vault_kdf){.passphrase = true,
		.passes = SOUK_PASSPHRASE_PASSES,
		.memory = SOUK_PASSPHRASE_MEMORY};
	return souk_entropy_fill(souk_entropy_real(), ret->salt.bytes, sizeof ret->salt.bytes);
}

souk_status vault_passphrase_master(struct souk_vault_master *ret, const struct souk_vault_kdf *kdf,
	const char *file, const char *name)
{
	struct souk_vault_master master = {.key = {0}};
	char *text;
	size_t size;
	if (kdf != NULL)
		master.kdf = *kdf;
	else
		SOUK_TRY(fresh_kdf(&master.kdf));
	SOUK_TRY(read_passphrase(&text, &size, file, name));
	size_t line = strcspn(text, "\r\n");
	souk_status status = SOUK_LOCAL_NOT_FOUND;
	if (line > 0)
		status = souk_passphrase_key(master.key, souk_bytes_of(text, line),
			&master.kdf.salt, master.kdf.passes, master.kdf.memory);
	souk_bytes_wipe(text, size);
	free(text);
	if (status == SOUK_OK)
		*ret = master;
	souk_bytes_wipe(&master, sizeof master);
	return status;
}

/* ---- the secret file ---- */

static souk_status read_secret(const char *path, struct souk_vault_master *ret)
{
	char *text;
	size_t size;
	*ret = (struct souk_vault_master){.kdf = {.passphrase = false}};
	SOUK_TRY(souk_file_read(path, SECRET_FILE_SIZE, &text, &size));
	souk_status status =
		souk_hex_decode_secret(ret->key, sizeof ret->key, souk_bytes_of(text, size));
	souk_bytes_wipe(text, size);
	free(text);
	return status;
}

static souk_status make_secret(const char *path)
{
	uint8_t secret[32];
	char text[2 * sizeof secret + 1];
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), secret, sizeof secret));
	souk_hex_encode(text, secret, sizeof secret);
	text[2 * sizeof secret] = '\n'; /* instead of the terminator */
	souk_status status = souk_file_write_new(path, souk_bytes_of(text, sizeof text));
	souk_bytes_wipe(secret, sizeof secret);
	souk_bytes_wipe(text, sizeof text);
	return status == SOUK_LOCAL_EXISTS ? SOUK_OK : status;
}

static void secret_path(const struct vault_home *home, char out[VAULT_PATH_SIZE + 16])
{
	snprintf(out, VAULT_PATH_SIZE + 16, "%s/vault.secret", home->path);
}

static const char *passphrase_file(const struct vault_home *home)
{
	return home->passphrase_file[0] != '\0' ? home->passphrase_file : NULL;
}

static souk_status secret_master(struct vault_home *home, struct souk_vault_master *ret)
{
	char path[VAULT_PATH_SIZE + 16];
	secret_path(home, path);
	souk_status status = read_secret(path, ret);
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status;
	SOUK_TRY(make_secret(path));
	return read_secret(path, ret);
}

souk_status vault_home_new_master(struct vault_home *home, struct souk_vault_master *ret)
{
	if (passphrase_file(home) != NULL || getenv(VAULT_PASSPHRASE_ENV) != NULL)
		return vault_passphrase_master(
			ret, NULL, passphrase_file(home), VAULT_PASSPHRASE_ENV);
	return secret_master(home, ret);
}

static souk_status master_of(struct vault_home *home, const struct souk_vault_head *head,
	struct souk_vault_master *ret, const char **ret_detail)
{
	char path[VAULT_PATH_SIZE + 16];
	souk_status status;
	if (head->kdf.passphrase) {
		status = vault_passphrase_master(
			ret, &head->kdf, passphrase_file(home), VAULT_PASSPHRASE_ENV);
		*ret_detail = "this vault opens with a passphrase: give --passphrase-file FILE, or "
			      "set " VAULT_PASSPHRASE_ENV;
	} else {
		secret_path(home, path);
		status = read_secret(path, ret);
		*ret_detail = "HOME/vault.secret is missing, or not this vault's: put it back from "
			      "your copy";
	}
	return status == SOUK_LOCAL_NOT_FOUND || status == SOUK_PEER_BAD_HEX
		       ? SOUK_LOCAL_VAULT_LOCKED
		       : status;
}

/* ---- transactions ---- */

static souk_status begin(struct vault_home *home, enum souk_lmdb_mode mode)
{
	uint8_t seed[32];
	pthread_mutex_lock(&home->lock);
	souk_status status = souk_entropy_fill(souk_entropy_real(), seed, sizeof seed);
	if (status == SOUK_OK)
		status = souk_lmdb_store_begin(home->lmdb, mode, &home->txn, &home->store);
	if (status != SOUK_OK) {
		pthread_mutex_unlock(&home->lock);
		return status;
	}
	/* Fresh each time: no two operations draw the same, whatever became of the process. */
	souk_secret_rng_init(&home->rng, seed);
	souk_bytes_wipe(seed, sizeof seed);
	return SOUK_OK;
}

static struct souk_vault view_of(struct vault_home *home, const char *actor)
{
	return (struct souk_vault){.store = &home->store,
		.keys = &home->keys,
		.identity = &home->identity,
		.rng = &home->rng,
		.now = souk_clock_now(souk_clock_real()),
		.actor = actor != NULL ? actor : home->actor};
}

souk_status vault_home_begin(struct vault_home *home, const char *actor, struct souk_vault *ret)
{
	SOUK_TRY(begin(home, SOUK_LMDB_WRITE));
	*ret = view_of(home, actor);
	return SOUK_OK;
}

souk_status vault_home_begin_read(struct vault_home *home, struct souk_vault *ret)
{
	SOUK_TRY(begin(home, SOUK_LMDB_READ));
	*ret = view_of(home, NULL);
	return SOUK_OK;
}

static void leave(struct vault_home *home)
{
	home->txn = NULL;
	souk_bytes_wipe(&home->rng, sizeof home->rng);
	pthread_mutex_unlock(&home->lock);
}

souk_status vault_home_end(struct vault_home *home, souk_status status)
{
	souk_status written = SOUK_OK;
	if (souk_vault_commits(status))
		written = souk_lmdb_txn_commit(home->txn);
	else
		souk_lmdb_txn_abort(home->txn);
	leave(home);
	return written != SOUK_OK ? written : status;
}

void vault_home_end_read(struct vault_home *home)
{
	souk_lmdb_txn_abort(home->txn);
	leave(home);
}

souk_status vault_home_snapshot(struct vault_home *home, struct vault_snapshot *ret)
{
	SOUK_TRY(souk_lmdb_store_begin(home->lmdb, SOUK_LMDB_READ, &ret->txn, &ret->store));
	ret->vault = view_of(home, NULL);
	ret->vault.store = &ret->store;
	ret->vault.rng = NULL;
	return SOUK_OK;
}

void vault_snapshot_end(struct vault_snapshot *snapshot)
{
	souk_lmdb_txn_abort(snapshot->txn);
}

/* ---- open ---- */

souk_status vault_home_new(struct vault_home **ret, const struct vault_home_config *config)
{
	char path[VAULT_PATH_SIZE + 16];
	struct vault_home *home = calloc(1, sizeof *home);
	if (home == NULL)
		return SOUK_IO_MEMORY;
	/* Where the system allows no more locked memory, it is not: as for every other secret. */
	(void)mlock(home, sizeof *home);
	pthread_mutex_init(&home->lock, NULL);
	snprintf(home->path, sizeof home->path, "%s", config->home);
	if (config->passphrase_file != NULL)
		snprintf(home->passphrase_file, sizeof home->passphrase_file, "%s",
			config->passphrase_file);
	snprintf(home->actor, sizeof home->actor, "%s", config->actor);
	home->identity = *config->identity;
	snprintf(path, sizeof path, "%s/vault.mdb", home->path);
	const struct souk_lmdb_config store = {
		.path = path, .map_size_max = MAP_SIZE_MAX, .is_read_only = config->must_exist};
	souk_status status = SOUK_OK;
	if (config->must_exist) {
		/* Opened for reading first: a file is not made by looking for it. */
		status = souk_lmdb_store_open(&home->lmdb, &store);
		if (status == SOUK_OK)
			souk_lmdb_store_close(home->lmdb);
		home->lmdb = NULL;
	}
	const struct souk_lmdb_config writable = {.path = path, .map_size_max = MAP_SIZE_MAX};
	if (status == SOUK_OK)
		status = souk_lmdb_store_open(&home->lmdb, &writable);
	if (status != SOUK_OK)
		vault_home_close(home);
	else
		*ret = home;
	return status;
}

void vault_home_close(struct vault_home *home)
{
	if (home == NULL)
		return;
	souk_lmdb_store_close(home->lmdb);
	pthread_mutex_destroy(&home->lock);
	souk_bytes_wipe(home, sizeof *home);
	(void)munlock(home, sizeof *home);
	free(home);
}

static souk_status load_head(struct vault_home *home, struct souk_vault_head *ret)
{
	SOUK_TRY(begin(home, SOUK_LMDB_READ));
	souk_status status = souk_vault_head_load(ret, &home->store);
	vault_home_end_read(home);
	return status;
}

/* Of several processes that make a vault at once, one does; the others open it. */
static souk_status found(struct vault_home *home)
{
	struct souk_vault_master master;
	SOUK_TRY(vault_home_new_master(home, &master));
	souk_status status = begin(home, SOUK_LMDB_WRITE);
	if (status == SOUK_OK) {
		status = souk_vault_found(&home->keys, &home->store, &master, &home->identity,
			&home->rng, souk_clock_now(souk_clock_real()), home->actor);
		status = vault_home_end(home, status);
	}
	souk_bytes_wipe(&master, sizeof master);
	return status == SOUK_LOCAL_EXISTS ? SOUK_OK : status;
}

static souk_status open_keys(struct vault_home *home, const char **ret_detail)
{
	struct souk_vault_head head;
	struct souk_vault_master master;
	SOUK_TRY(load_head(home, &head));
	*ret_detail = "this vault was made with another identity.key: put that one back";
	if (!souk_address_equal(&head.account, &home->identity.address))
		return SOUK_PEER_WRONG_SIGNER;
	SOUK_TRY(master_of(home, &head, &master, ret_detail));
	souk_status status = souk_vault_open(&home->keys, &head, &master);
	souk_bytes_wipe(&master, sizeof master);
	return status;
}

souk_status vault_home_open(
	struct vault_home **ret, const struct vault_home_config *config, const char **ret_detail)
{
	struct souk_vault_head head;
	struct vault_home *home;
	*ret_detail = "";
	SOUK_TRY(vault_home_new(&home, config));
	souk_status status = load_head(home, &head);
	if (status == SOUK_LOCAL_NOT_FOUND && !config->must_exist)
		status = found(home);
	if (status == SOUK_OK)
		status = open_keys(home, ret_detail);
	if (status == SOUK_OK)
		*ret = home;
	else
		vault_home_close(home);
	return status;
}

const struct souk_identity *vault_home_identity(const struct vault_home *home)
{
	return &home->identity;
}

souk_status vault_home_master(struct vault_home *home, struct souk_vault_master *ret)
{
	const char *detail;
	struct souk_vault_head head;
	SOUK_TRY(load_head(home, &head));
	return master_of(home, &head, ret, &detail);
}

souk_status vault_home_reseal(struct vault_home *home, const char *file)
{
	char path[VAULT_PATH_SIZE + 16];
	struct souk_vault_master old_master, new_master;
	struct souk_vault vault;
	SOUK_TRY(vault_home_master(home, &old_master));
	souk_status status = file != NULL ? vault_passphrase_master(&new_master, NULL, file, "")
					  : secret_master(home, &new_master);
	if (status == SOUK_OK)
		status = vault_home_begin(home, NULL, &vault);
	if (status == SOUK_OK)
		status = vault_home_end(home, souk_vault_reseal(&vault, &old_master, &new_master));
	souk_bytes_wipe(&old_master, sizeof old_master);
	souk_bytes_wipe(&new_master, sizeof new_master);
	/* Only now: until the commit it is what opens the vault. */
	secret_path(home, path);
	if (status == SOUK_OK && file != NULL)
		(void)unlink(path);
	return status;
}
