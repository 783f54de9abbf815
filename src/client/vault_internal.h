/* SPDX-License-Identifier: Apache-2.0
 *
 * vault_internal.h - what opening a home's vault and restoring one have in common. */
#ifndef SOUK_CLIENT_VAULT_INTERNAL_H
#define SOUK_CLIENT_VAULT_INTERNAL_H

#include <pthread.h>

#include "souk/io/lmdb_store.h"
#include "vault_home.h"

#define VAULT_PATH_SIZE 512

struct vault_home {
	char path[VAULT_PATH_SIZE];	       /* of the home */
	char passphrase_file[VAULT_PATH_SIZE]; /* "": none */
	char actor[SOUK_VAULT_ACTOR_MAX + 1];
	struct souk_identity identity;
	struct souk_vault_keys keys;
	struct souk_secret_rng rng;
	struct souk_lmdb_store *lmdb;
	struct souk_lmdb_txn *txn;
	struct souk_store store; /* the inside of txn */
	pthread_mutex_t lock;	 /* over txn, store and rng, from begin to end */
};

/* A home that is not open yet: its memory, its store. */
SOUK_MUST_CHECK souk_status vault_home_new(
	struct vault_home **ret, const struct vault_home_config *config);
/* What seals a new vault: a passphrase where one is given, else HOME/vault.secret, made where there
 * is none. */
SOUK_MUST_CHECK souk_status vault_home_new_master(
	struct vault_home *home, struct souk_vault_master *ret);

#endif
