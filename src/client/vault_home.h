/* SPDX-License-Identifier: Apache-2.0
 *
 * vault_home.h - the vault of a home: HOME/vault.mdb, and what opens it.
 *
 *   HOME/vault.secret    32 bytes in hexadecimal, 0600: made with the vault; or
 *   a passphrase         --passphrase-file, or SOUK_VAULT_PASSPHRASE: Argon2id
 *
 *   open --begin--> struct souk_vault --(one operation of souk/keys/vault.h)--> end: commit or
 * abort
 *
 * souk and soukd open the same file side by side: LMDB lets one write at a time. Secrets are in
 * memory that is not swapped, where the system allows it, and wiped by close.
 *
 * Memory: heap. Threads: begin to end belong to one; others wait for it. */
#ifndef SOUK_CLIENT_VAULT_HOME_H
#define SOUK_CLIENT_VAULT_HOME_H

#include "souk/io/lmdb_store.h"
#include "souk/keys/vault.h"

#define VAULT_PASSPHRASE_ENV "SOUK_VAULT_PASSPHRASE"

struct vault_home;

struct vault_home_config {
	const char *home;
	const char *passphrase_file;	      /* NULL: the environment's, or vault.secret */
	const struct souk_identity *identity; /* copied */
	const char *actor;		      /* for the log; copied */
	bool must_exist;		      /* do not make one */
};

/* vault_home_open: the vault of a home; made where there is none.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND     must_exist, and there is none.
 *   SOUK_LOCAL_VAULT_LOCKED  another secret or passphrase; *RET_DETAIL says what was tried.
 *   SOUK_PEER_WRONG_SIGNER   the home's identity is not the one that signs the vault's log.
 *   SOUK_IO_*, SOUK_CORRUPT_STORE */
SOUK_MUST_CHECK souk_status vault_home_open(
	struct vault_home **ret, const struct vault_home_config *config, const char **ret_detail);
void vault_home_close(struct vault_home *home);

/* vault_home_begin: the inside of a transaction, at this moment.
 *  In: actor  who asks; NULL: the config's
 * SOUK_OK, or SOUK_IO_*: nothing was begun. */
SOUK_MUST_CHECK souk_status vault_home_begin(
	struct vault_home *home, const char *actor, struct souk_vault *ret);
/* vault_home_end: commit or abort, by souk_vault_commits(STATUS).
 * Returns STATUS, or why the commit failed: nothing of it happened, and nothing of its result may
 * be shown. */
SOUK_MUST_CHECK souk_status vault_home_end(struct vault_home *home, souk_status status);
/* The same for what only reads: nothing is written. */
SOUK_MUST_CHECK souk_status vault_home_begin_read(struct vault_home *home, struct souk_vault *ret);
void vault_home_end_read(struct vault_home *home);

/* vault_home_snapshot: for what takes long and only reads: others go on meanwhile. Its vault has no
 * randomness. SOUK_OK, or SOUK_IO_*, SOUK_LOCAL_FULL (too many at once). */
struct vault_snapshot {
	struct souk_vault vault;
	struct souk_store store;
	struct souk_lmdb_txn *txn;
};
SOUK_MUST_CHECK souk_status vault_home_snapshot(
	struct vault_home *home, struct vault_snapshot *ret);
void vault_snapshot_end(struct vault_snapshot *snapshot);

const struct souk_identity *vault_home_identity(const struct vault_home *home);
/* What opens the vault, once more; wipe it. */
SOUK_MUST_CHECK souk_status vault_home_master(
	struct vault_home *home, struct souk_vault_master *ret);

/* vault_home_reseal: have the vault open with the first line of FILE from now on; NULL: with
 * HOME/vault.secret, which is made, and which goes where a passphrase comes. Who has it open keeps
 * it open. Copies of the file from before open as before. Returns SOUK_OK, SOUK_LOCAL_NOT_FOUND (no
 * passphrase in FILE), SOUK_IO_*, SOUK_PEER_OVERSIZED. */
SOUK_MUST_CHECK souk_status vault_home_reseal(struct vault_home *home, const char *file);

/* vault_passphrase_master: a key from the first line of FILE, or, where that is NULL, from the
 * environment's NAME.
 *
 *  In: kdf  as a file says; NULL: a fresh salt, and our own costs
 *
 * Returns SOUK_OK, SOUK_LOCAL_NOT_FOUND (neither is there, or it is empty), SOUK_IO_*, or
 * SOUK_PEER_OVERSIZED. */
SOUK_MUST_CHECK souk_status vault_passphrase_master(struct souk_vault_master *ret,
	const struct souk_vault_kdf *kdf, const char *file, const char *name);

/* vault_home_write_backup: all of the vault into a new file, 0600, under MASTER.
 * Returns SOUK_OK, SOUK_LOCAL_EXISTS, SOUK_IO_*, SOUK_CORRUPT_STORE. */
SOUK_MUST_CHECK souk_status vault_home_write_backup(struct vault_home *home, const char *path,
	const struct souk_vault_master *master, uint64_t *ret_records);

/* vault_home_restore: a home without a vault gets that of a backup. The passphrase of the backup is
 * that of BACKUP_FILE, or of the environment's NAME.
 * Returns SOUK_OK, SOUK_LOCAL_EXISTS (there is a vault), SOUK_LOCAL_VAULT_LOCKED (not the backup's
 * passphrase), SOUK_PEER_BAD_REQUEST (not a backup, cut short, or altered). */
SOUK_MUST_CHECK souk_status vault_home_restore(const struct vault_home_config *config,
	const char *path, const char *backup_file, const char *name, uint64_t *ret_records);

#endif
