/* SPDX-License-Identifier: Apache-2.0
 *
 * All the money: that none is made or lost, that the log leads to it, and who has it. */
#include <string.h>

#include "audit_internal.h"
#include "souk/base/check.h"

static const struct souk_ledger *state_of(const struct sim_audit *audit)
{
	return sim_ledger_state(sim_world_ledger(audit->world));
}

static enum sim_violation_kind kind_of(souk_status status)
{
	return status == SOUK_CORRUPT_SUPPLY ? SIM_VIOLATION_SUPPLY : SIM_VIOLATION_REPLAY;
}

void audit_money_check(struct sim_audit *audit)
{
	souk_status status = sim_ledger_health(sim_world_ledger(audit->world));
	if (status != SOUK_OK)
		sim_audit_violation(audit, SIM_VIOLATION_SUPPLY, NOBODY, status, 0,
			"no block can be made any more: %s", souk_status_name(status));
}

void audit_money_end(struct sim_audit *audit)
{
	souk_status status = souk_ledger_audit(state_of(audit));
	if (status != SOUK_OK)
		sim_audit_violation(audit, kind_of(status), NOBODY, status, 0,
			"the records of the ledger: %s", souk_status_name(status));
	status = sim_ledger_replay(sim_world_ledger(audit->world), false);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		sim_audit_violation(audit, kind_of(status), NOBODY, status, 0,
			"the log of the ledger, replayed: %s", souk_status_name(status));
}

/* ---------------------------------------------------------------- who has it */

static void give(struct sim_audit *audit, const struct souk_address *to, uint64_t ncoin)
{
	const struct sim_node *node = sim_node_of(audit->world, to);
	if (node != NULL)
		audit_person_of(audit, node->id)->money += (int64_t)ncoin;
}

/* Whether EPOCH should have been drawn and was not: what it reserved is locked, perhaps for ever.
 */
static bool is_withheld(const struct sim_audit *audit, uint64_t number)
{
	const struct souk_ledger *ledger = state_of(audit);
	struct souk_epoch_record epoch;
	if (souk_ledger_get_epoch(&epoch, ledger, number) != SOUK_OK || epoch.drawn)
		return false;
	struct souk_time due = souk_time_plus_ms(epoch.end, ledger->genesis.draw_delay_ms);
	return souk_time_is_before(due, ledger->record.time);
}

static void count_escrow(struct sim_audit *audit, struct souk_bytes value)
{
	struct souk_escrow_record record;
	SOUK_CHECK(souk_escrow_record_decode(&record, value, NULL) == SOUK_OK);
	uint64_t ncoin = record.free.ncoin + record.penalty.ncoin;
	for (uint16_t i = 0; i < record.open.count; i++) {
		const struct souk_open_epoch *open = &record.open.items[i];
		if (!is_withheld(audit, open->epoch))
			ncoin += open->reserved.ncoin - open->paid.ncoin;
	}
	give(audit, &record.payer, ncoin);
}

static void count_agreement(struct sim_audit *audit, struct souk_bytes value)
{
	struct souk_agreement_record record;
	SOUK_CHECK(souk_agreement_record_decode(&record, value, NULL) == SOUK_OK);
	if (!record.convicted)
		give(audit, &record.agreement.provider, record.agreement.deposit.ncoin);
	if (record.challenged)
		give(audit, &record.challenger, record.agreement.bond.ncoin);
}

static void count_record(struct sim_audit *audit, struct souk_bytes key, struct souk_bytes value)
{
	struct souk_account_record account;
	struct souk_provider_record provider;
	struct souk_address address;
	switch (key.data[0]) {
	case SOUK_TABLE_ACCOUNT:
		memcpy(address.bytes, key.data + 1, SOUK_ADDRESS_SIZE);
		SOUK_CHECK(souk_account_record_decode(&account, value, NULL) == SOUK_OK);
		give(audit, &address, account.balance.ncoin);
		break;
	case SOUK_TABLE_PROVIDER:
		memcpy(address.bytes, key.data + 1, SOUK_ADDRESS_SIZE);
		SOUK_CHECK(souk_provider_record_decode(&provider, value, NULL) == SOUK_OK);
		give(audit, &address, provider.deposit.ncoin);
		break;
	case SOUK_TABLE_ESCROW: count_escrow(audit, value); break;
	case SOUK_TABLE_AGREEMENT: count_agreement(audit, value); break;
	default: break;
	}
}

/* All records of TABLE. */
static void count_table(struct sim_audit *audit, enum souk_ledger_table table)
{
	const struct souk_store *store = &state_of(audit)->store;
	uint8_t from[SOUK_STORE_KEY_SIZE_MAX + 1] = {(uint8_t)table};
	size_t size = 1;
	struct souk_bytes key, value;
	while (souk_store_next(store, souk_bytes_of(from, size), &key, &value) == SOUK_OK &&
		key.data[0] == (uint8_t)table) {
		count_record(audit, key, value);
		memcpy(from, key.data, key.size);
		from[key.size] = 0;
		size = key.size + 1;
	}
}

/* Vouchers were paid for on no ledger, before the world began. What was not spent of them is still
 * the customer's: so money went from one to the other only as it was spent. */
static void count_credit(struct sim_audit *audit)
{
	for (uint32_t i = 0; i < audit->accounts.count; i++) {
		const struct audit_account *account = audit_table_at(&audit->accounts, i);
		int64_t spent = (int64_t)account->spent;
		if (account->key.customer == NOBODY)
			continue;
		audit_person_of(audit, account->key.customer)->money -= spent;
		audit_person_of(audit, account->key.hub)->money += spent;
	}
}

static void count_money(struct sim_audit *audit)
{
	(void)audit_person_of(audit, 0);
	for (uint32_t i = 0; i < audit->people_count; i++)
		audit->people[i].money = 0;
	count_table(audit, SOUK_TABLE_ACCOUNT);
	count_table(audit, SOUK_TABLE_ESCROW);
	count_table(audit, SOUK_TABLE_PROVIDER);
	count_table(audit, SOUK_TABLE_AGREEMENT);
	count_credit(audit);
}

/* SHARE of the price of UNITS. */
static int64_t worth(const struct sim_scenario *s, uint64_t units, uint64_t share_ppm)
{
	__extension__ typedef __int128 wide;
	return (int64_t)((wide)units * (wide)s->price * (wide)share_ppm / (wide)SIM_PPM_ALL);
}

int64_t sim_audit_profit(struct sim_audit *audit, const struct sim_node *node)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	const struct sim_tally *tally = &node->tally;
	uint64_t height = state_of(audit)->record.height;
	if (audit->money_height != height) {
		count_money(audit);
		audit->money_height = height;
	}
	uint64_t had =
		tally->units_had > tally->units_verified ? tally->units_had : tally->units_verified;
	return audit_person_of(audit, node->id)->money - (int64_t)node->funded.ncoin +
	       worth(s, had, s->value_ppm) - worth(s, tally->units_served, s->cost_ppm) +
	       tally->harm - (int64_t)tally->work.ncoin;
}
