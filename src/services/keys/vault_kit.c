/* SPDX-License-Identifier: Apache-2.0 */
#include "vault_kit.h"

#include <string.h>

#include "souk/base/check.h"

void test_store_copy(struct test_store *to, const struct test_store *from)
{
	struct souk_store port = test_store_port(to);
	for (size_t i = 0; i < from->count; i++) {
		const struct test_record *record = &from->records[i];
		SOUK_CHECK(souk_store_put(&port, souk_bytes_of(record->key, record->key_size),
				   souk_bytes_of(record->value, record->value_size)) == SOUK_OK);
	}
}

void vault_kit_init(struct vault_kit *kit)
{
	const uint8_t seed[32] = {7};
	memset(kit, 0, sizeof *kit);
	souk_secret_rng_init(&kit->rng, seed);
	souk_identity_generate(&kit->identity, &kit->rng);
	souk_secret_rng_fill(&kit->rng, kit->master.key, sizeof kit->master.key);
	kit->port = test_store_port(&kit->records);
	kit->vault = (struct souk_vault){.store = &kit->port,
		.keys = &kit->keys,
		.identity = &kit->identity,
		.rng = &kit->rng,
		.now = souk_time_at_ms(1000000),
		.actor = "test"};
	SOUK_CHECK(souk_vault_found(&kit->keys, &kit->port, &kit->master, &kit->identity, &kit->rng,
			   kit->vault.now, kit->vault.actor) == SOUK_OK);
}

void vault_kit_done(struct vault_kit *kit)
{
	test_store_done(&kit->records);
	test_store_done(&kit->before);
}

const struct souk_vault *vault_kit_begin(struct vault_kit *kit)
{
	SOUK_CHECK(!kit->open);
	kit->open = true;
	test_store_done(&kit->before);
	kit->before = (struct test_store){0};
	test_store_copy(&kit->before, &kit->records);
	return &kit->vault;
}

souk_status vault_kit_end(struct vault_kit *kit, souk_status status)
{
	kit->open = false;
	if (souk_vault_commits(status))
		return status;
	bool failing = kit->records.failing;
	test_store_done(&kit->records);
	kit->records = kit->before;
	kit->records.failing = failing;
	kit->before = (struct test_store){0};
	return status;
}
