/* SPDX-License-Identifier: Apache-2.0
 *
 * vault_kit.h - a vault in memory, for its tests and fuzzer: transactions are copies. */
#ifndef SOUK_KEYS_VAULT_KIT_H
#define SOUK_KEYS_VAULT_KIT_H

#include "../../ledger/test_store.h"
#include "souk/keys/vault.h"

struct vault_kit {
	struct test_store records, before; /* before: as at the begin of the transaction */
	struct souk_store port;
	struct souk_identity identity;
	struct souk_secret_rng rng;
	struct souk_vault_master master;
	struct souk_vault_keys keys;
	struct souk_vault vault;
	bool open;
};

void vault_kit_init(struct vault_kit *kit);
void vault_kit_done(struct vault_kit *kit);
/* The inside of a transaction; end returns STATUS. */
const struct souk_vault *vault_kit_begin(struct vault_kit *kit);
souk_status vault_kit_end(struct vault_kit *kit, souk_status status);
void test_store_copy(struct test_store *to, const struct test_store *from);

/* begin, EXPRESSION of V, end. */
#define VAULT_DO(kit, expression)                                                                  \
	({                                                                                         \
		const struct souk_vault *v = vault_kit_begin(kit);                                 \
		(void)v;                                                                           \
		souk_status status_ = (expression);                                                \
		vault_kit_end(kit, status_);                                                       \
	})

#endif
