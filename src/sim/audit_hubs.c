/* SPDX-License-Identifier: Apache-2.0
 *
 * What hubs owe their customers: no account spends more than was put in, and no voucher counts
 * twice. */
#include "audit_internal.h"

static struct audit_account *account_of(struct sim_audit *audit, uint32_t hub, uint32_t customer)
{
	struct audit_account_key key = {hub, customer};
	return audit_table_get(&audit->accounts, &key);
}

static void redeemed(
	struct sim_audit *audit, const struct sim_node *hub, const struct sim_note *note)
{
	uint32_t known = audit->vouchers.count;
	struct audit_voucher *voucher = audit_table_get(&audit->vouchers, &note->session);
	if (audit->vouchers.count > known) {
		voucher->hub = hub->id;
		voucher->customer = note->peer;
		account_of(audit, hub->id, note->peer)->credit += note->amount.ncoin;
		return;
	}
	if ((voucher->hub != hub->id || voucher->customer != note->peer) && !hub->is_greedy)
		sim_audit_violation(audit, SIM_VIOLATION_HUB_LOSS, hub->id,
			(int64_t)note->amount.ncoin, 0,
			"a voucher was credited to node %u, and to node %u again",
			voucher->customer, note->peer);
}

static void counted(
	struct sim_audit *audit, const struct sim_node *hub, const struct sim_note *note)
{
	struct audit_side_key key = {.session = note->session, .node = hub->id, .role = AUDIT_HUB};
	struct audit_side *side = audit_table_get(&audit->sides, &key);
	struct audit_account *account = account_of(audit, hub->id, note->peer);
	if (note->unit <= side->counted)
		return;
	account->spent += (note->unit - side->counted) * note->amount.ncoin;
	side->counted = note->unit;
	side->cost = note->amount.ncoin;
	if (account->spent > account->credit && !hub->is_greedy)
		sim_audit_violation(audit, SIM_VIOLATION_HUB_LOSS, hub->id, (int64_t)account->spent,
			(int64_t)account->credit, "node %u spent %llu of a credit of %llu",
			note->peer, (unsigned long long)account->spent,
			(unsigned long long)account->credit);
	if (side->price > note->amount.ncoin && !hub->is_greedy)
		sim_audit_violation(audit, SIM_VIOLATION_HUB_LOSS, hub->id,
			(int64_t)note->amount.ncoin, (int64_t)side->price,
			"a unit is sold below what it costs");
}

void audit_hub_note(struct sim_audit *audit, struct sim_node *node, const struct sim_note *note)
{
	if (note->kind == SIM_NOTE_REDEEMED)
		redeemed(audit, node, note);
	else
		counted(audit, node, note);
}
