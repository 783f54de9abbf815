/* SPDX-License-Identifier: Apache-2.0
 *
 * What holds within a session, at any moment: nobody is ahead of the other by more than the window,
 * whatever the other does; and what was on the disk is there after a crash. */
#include <string.h>

#include "audit_internal.h"
#include "disk.h"

/* How the log names a session. */
#define NAME(side)                                                                                 \
	(unsigned)(side)->key.session.bytes[0], (unsigned)(side)->key.session.bytes[1],            \
		(unsigned)(side)->key.session.bytes[2], (unsigned)(side)->key.session.bytes[3]
#define NAME_FORMAT "session %02x%02x%02x%02x"

/* What is accepted is given to the disk at the next commit, or where one is under way then, when
 * that ends; and is there when its own has ended. How long those took the disk knows: it does one
 * after the other, those of its owner's wallet too. A millisecond is for what happens at once. */
static uint64_t flush_us(const struct sim_scenario *s, const struct sim_node *node, uint64_t since)
{
	return s->commit_ms * 1000 + 2 * sim_disk_longest_us(node->disk, since) + 1000;
}

enum audit_role audit_role_of(const struct sim_node *node)
{
	const char *name = node->actor->name;
	if (strcmp(name, "hub") == 0)
		return AUDIT_HUB;
	if (strcmp(name, "sponsor") == 0)
		return AUDIT_SPONSOR;
	return strcmp(name, "provider") == 0 || strcmp(name, "cache") == 0 ? AUDIT_SELLER
									   : AUDIT_BUYER;
}

struct audit_side *audit_side_of(
	struct sim_audit *audit, const struct souk_nonce *session, uint32_t node, uint32_t role)
{
	struct audit_side_key key = {.session = *session, .node = node, .role = role};
	return audit_table_find(&audit->sides, &key);
}

/* Who buys and sells speaks of two sides; a session that was opened pays the one that sells. */
static bool is_of_sale(const struct sim_node *node, const struct sim_note *note)
{
	switch (note->kind) {
	case SIM_NOTE_OPENED:
		return note->strip != NULL &&
		       souk_address_equal(&note->strip->strip.payee, &node->identity.address);
	case SIM_NOTE_ISSUED:
	case SIM_NOTE_VERIFIED: return false;
	default: return true;
	}
}

static enum audit_role role_in(const struct sim_node *node, const struct sim_note *note)
{
	bool is_reseller = strcmp(node->actor->name, "reseller") == 0;
	return is_reseller && is_of_sale(node, note) ? AUDIT_SELLER : audit_role_of(node);
}

/* The side that NODE speaks of; made when it first does. */
static struct audit_side *make_side(
	struct sim_audit *audit, const struct sim_node *node, const struct sim_note *note)
{
	struct audit_side_key key = {
		.session = note->session, .node = node->id, .role = role_in(node, note)};
	struct audit_side *side = audit_table_get(&audit->sides, &key);
	if (!side->is_opened) {
		side->is_opened = true;
		side->peer = NOBODY;
		side->other = NO_ITEM;
		side->leaf = NO_ITEM;
		side->next_of_leaf = NO_ITEM;
		side->incarnation = node->incarnation;
	}
	return side;
}

static struct audit_side *other_of(struct sim_audit *audit, const struct audit_side *side)
{
	return side->other == NO_ITEM ? NULL : audit_table_at(&audit->sides, side->other);
}

/* Units that a buyer may have paid beyond those it verified. */
uint32_t audit_window(struct sim_audit *audit, const struct audit_side *buyer)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	uint16_t population = sim_node_at(audit->world, buyer->key.node)->population;
	bool via_hub = s->populations[population].via_hub != 0;
	return (uint32_t)(s->window + (via_hub ? s->hub_step : 0));
}

/* ---------------------------------------------------------------- opened */

/* Both sides know each other by now? Then they can be compared from here on. */
static void link_sides(struct sim_audit *audit, struct audit_side *side)
{
	enum audit_role opposite = side->key.role == AUDIT_SELLER ? AUDIT_BUYER : AUDIT_SELLER;
	if (side->key.role == AUDIT_HUB || side->key.role == AUDIT_SPONSOR || side->peer == NOBODY)
		return;
	struct audit_side *other = audit_side_of(audit, &side->key.session, side->peer, opposite);
	if (other == NULL || other->peer != side->key.node)
		return;
	side->other = audit_table_index(&audit->sides, other);
	other->other = audit_table_index(&audit->sides, side);
}

static void opened(struct sim_audit *audit, struct sim_node *node, const struct sim_note *note)
{
	struct audit_side *side = make_side(audit, node, note);
	side->incarnation = node->incarnation;
	side->peer = note->peer;
	side->units = note->unit;
	side->price = note->amount.ncoin;
	if (side->key.role == AUDIT_BUYER && audit_is_honest(audit, note->peer))
		side->seller_incarnation = sim_node_at(audit->world, note->peer)->incarnation;
	if (note->strip != NULL && side->leaf == NO_ITEM) {
		side->price = note->strip->strip.price.ncoin;
		audit_leaf_opened(audit, side, note->strip);
	}
	link_sides(audit, side);
}

/* ---------------------------------------------------------------- sellers */

static void served(struct sim_audit *audit, struct audit_side *side, uint32_t unit)
{
	uint32_t window = (uint32_t)sim_world_scenario(audit->world)->window;
	if (unit > side->accepted && unit - side->accepted > window)
		sim_audit_violation(audit, SIM_VIOLATION_PROVIDER_LOSS, side->key.node,
			unit - side->accepted, window,
			NAME_FORMAT ": unit %u was sent, %u were paid, the window is %u",
			NAME(side), unit, side->accepted, window);
	if (unit > side->served)
		side->served = unit;
}

/* The two sides of one session, both honest: what the seller counts as paid. */
static void compare_accepted(
	struct sim_audit *audit, const struct audit_side *seller, const struct audit_side *buyer)
{
	uint32_t accepted = seller->accepted, window = audit_window(audit, buyer);
	if (accepted > buyer->issued)
		sim_audit_violation(audit, SIM_VIOLATION_CUSTOMER_LOSS, buyer->key.node, accepted,
			buyer->issued,
			NAME_FORMAT ": tickets up to %u were accepted, up to %u issued",
			NAME(seller), accepted, buyer->issued);
	if (accepted > seller->served)
		sim_audit_violation(audit, SIM_VIOLATION_UNDELIVERED, buyer->key.node, accepted,
			seller->served, NAME_FORMAT ": %u units were paid, and %u were sent",
			NAME(seller), accepted, seller->served);
	if (accepted > buyer->verified && accepted - buyer->verified > window)
		sim_audit_violation(audit, SIM_VIOLATION_UNDELIVERED, buyer->key.node,
			accepted - buyer->verified, window,
			NAME_FORMAT ": %u units were paid, %u are there, the window is %u",
			NAME(seller), accepted, buyer->verified, window);
}

static void accepted(struct sim_audit *audit, struct audit_side *side, uint32_t unit)
{
	const struct audit_side *buyer = other_of(audit, side);
	if (unit <= side->accepted)
		return;
	if (unit > side->durable && side->dirty_us == 0)
		side->dirty_us = sim_time_us(audit->world) + 1;
	side->accepted = unit;
	if (unit > side->accepted_most)
		side->accepted_most = unit;
	if (buyer != NULL)
		compare_accepted(audit, side, buyer);
}

/* Commits whose moment has come. */
static void ripen(struct sim_audit *audit, struct audit_side *side)
{
	uint64_t now = sim_time_us(audit->world);
	for (uint32_t i = 0; i < AUDIT_FLUSHES; i++) {
		struct audit_flush *flush = &side->flushes[i];
		if (flush->unit == 0 || flush->at_us > now)
			continue;
		if (flush->unit > side->durable)
			side->durable = flush->unit;
		flush->unit = 0;
	}
}

static void check_flush(struct sim_audit *audit, struct audit_side *side)
{
	const struct sim_scenario *s = sim_world_scenario(audit->world);
	const struct sim_node *node = sim_node_at(audit->world, side->key.node);
	uint64_t now = sim_time_us(audit->world);
	if (side->dirty_us == 0 || side->is_settled)
		return;
	uint64_t bound = flush_us(s, node, side->dirty_us - 1);
	if (now + 1 < side->dirty_us + bound)
		return;
	if (side->incarnation != node->incarnation)
		return; /* nobody waits for it any more */
	if (audit_is_struck(audit, side->key.node, AUDIT_FAULT(DISK_FULL) | AUDIT_FAULT(DISK_FAILS),
		    side->dirty_us - 1, now))
		return;
	sim_audit_violation(audit, SIM_VIOLATION_FORGOTTEN, side->key.node,
		(int64_t)(now + 1 - side->dirty_us) / 1000, (int64_t)bound / 1000,
		NAME_FORMAT ": tickets up to %u are not on the disk after %llu ms", NAME(side),
		side->accepted, (unsigned long long)(now + 1 - side->dirty_us) / 1000);
}

static void durable(struct sim_audit *audit, struct audit_side *side, const struct sim_note *note)
{
	uint64_t at = note->world_us;
	ripen(audit, side);
	check_flush(audit, side);
	/* What was accepted since is younger; when exactly does not matter here. */
	side->dirty_us = note->unit < side->accepted ? sim_time_us(audit->world) + 1 : 0;
	if (at <= sim_time_us(audit->world)) {
		if (note->unit > side->durable)
			side->durable = note->unit;
		return;
	}
	for (uint32_t i = 0; i < AUDIT_FLUSHES; i++) {
		if (side->flushes[i].unit == 0) {
			side->flushes[i] = (struct audit_flush){note->unit, at};
			return;
		}
	}
}

/* What a disk lost that lies, or rots, is no fault of who used it. */
static bool disk_is_blamed(struct sim_audit *audit, uint32_t node)
{
	return audit_is_struck(audit, node, AUDIT_FAULT(DISK_LOSES) | AUDIT_FAULT(DISK_ROTS), 0,
		sim_time_us(audit->world));
}

static void restored_seller(struct sim_audit *audit, struct audit_side *side, uint32_t unit)
{
	ripen(audit, side);
	memset(side->flushes, 0, sizeof side->flushes);
	side->dirty_us = 0;
	if (unit < side->durable && !disk_is_blamed(audit, side->key.node))
		sim_audit_violation(audit, SIM_VIOLATION_FORGOTTEN, side->key.node, unit,
			side->durable,
			NAME_FORMAT ": came back with tickets up to %u, up to %u were on the disk",
			NAME(side), unit, side->durable);
	uint32_t most = side->accepted_most;
	side->forgotten = most > unit ? most - unit : 0;
	side->accepted = unit;
	side->durable = unit;
}

static void restored_hub(struct sim_audit *audit, struct audit_side *side, uint32_t unit)
{
	if (unit < side->issued && !disk_is_blamed(audit, side->key.node))
		sim_audit_violation(audit, SIM_VIOLATION_FORGOTTEN, side->key.node, unit,
			side->issued,
			NAME_FORMAT ": the hub gave tickets up to %u, and remembers up to %u",
			NAME(side), side->issued, unit);
	if (unit >= side->counted)
		return;
	struct audit_account_key key = {side->key.node, side->peer};
	struct audit_account *account = audit_table_find(&audit->accounts, &key);
	uint64_t back = (side->counted - unit) * side->cost;
	if (account != NULL)
		account->spent -= back < account->spent ? back : account->spent;
	side->counted = unit;
}

static void claimed(struct audit_side *side, const struct sim_note *note)
{
	side->is_settled = true;
	side->dirty_us = 0;
	side->claim_status = note->status;
	if (note->status == SOUK_OK && note->amount.ncoin > side->claimed)
		side->claimed = note->amount.ncoin;
}

/* ---------------------------------------------------------------- buyers and hubs */

static void issued_by_buyer(struct sim_audit *audit, struct audit_side *side, uint32_t unit)
{
	uint32_t window = audit_window(audit, side);
	if (unit <= side->issued)
		return;
	side->issued = unit;
	if (unit > side->verified && unit - side->verified > window)
		sim_audit_violation(audit, SIM_VIOLATION_CUSTOMER_LOSS, side->key.node,
			unit - side->verified, window,
			NAME_FORMAT ": unit %u was paid, %u are there, %u may be ahead", NAME(side),
			unit, side->verified, window);
}

static void issued_by_hub(struct sim_audit *audit, struct audit_side *side, uint32_t unit)
{
	if (unit <= side->issued)
		return;
	side->issued = unit;
	if (unit > side->counted)
		sim_audit_violation(audit, SIM_VIOLATION_HUB_LOSS, side->key.node, unit,
			side->counted,
			NAME_FORMAT ": the hub gave tickets up to %u, and was paid up to %u",
			NAME(side), unit, side->counted);
}

/* Tickets are for what an honest cache has sent: the token says so, where one is wanted. */
static void issued_by_sponsor(struct sim_audit *audit, struct audit_side *side, uint32_t unit)
{
	const struct audit_side *seller =
		audit_side_of(audit, &side->key.session, side->peer, AUDIT_SELLER);
	bool has_puzzle = sim_world_scenario(audit->world)->puzzle != 0;
	if (unit > side->issued)
		side->issued = unit;
	if (has_puzzle && audit_is_honest(audit, side->peer) &&
		(seller == NULL || unit > seller->served))
		sim_audit_violation(audit, SIM_VIOLATION_SPONSOR_LOSS, side->key.node, unit,
			seller == NULL ? 0 : seller->served,
			NAME_FORMAT ": tickets up to %u were given, and the cache sent up to %u",
			NAME(side), unit, seller == NULL ? 0 : seller->served);
}

static void verified(struct sim_audit *audit, struct audit_side *side, uint32_t unit)
{
	const struct audit_side *seller = other_of(audit, side);
	if (unit <= side->verified)
		return;
	side->verified = unit;
	audit_progress(audit, side->key.node);
	if (seller != NULL && unit > seller->accepted_most)
		sim_audit_violation(audit, SIM_VIOLATION_PROVIDER_LOSS, seller->key.node, unit,
			seller->accepted_most,
			NAME_FORMAT ": unit %u could be read, and %u were paid", NAME(side), unit,
			seller->accepted_most);
}

/* ---------------------------------------------------------------- in all */

static void receipt(struct sim_audit *audit, struct audit_side *side, uint64_t amount)
{
	if (side->leaf == NO_ITEM)
		return;
	struct audit_leaf *leaf = audit_table_at(&audit->leaves, side->leaf);
	if (side->key.role == AUDIT_SELLER)
		leaf->receipt = amount;
	else if (amount > leaf->receipt_paid)
		leaf->receipt_paid = amount;
}

void audit_session_note(struct sim_audit *audit, struct sim_node *node, const struct sim_note *note)
{
	if (note->kind == SIM_NOTE_OPENED) {
		opened(audit, node, note);
		return;
	}
	struct audit_side *side = make_side(audit, node, note);
	bool is_hub = side->key.role == AUDIT_HUB;
	switch (note->kind) {
	case SIM_NOTE_SERVED: served(audit, side, note->unit); break;
	case SIM_NOTE_ACCEPTED: accepted(audit, side, note->unit); break;
	case SIM_NOTE_ISSUED:
		if (is_hub)
			issued_by_hub(audit, side, note->unit);
		else if (side->key.role == AUDIT_SPONSOR)
			issued_by_sponsor(audit, side, note->unit);
		else
			issued_by_buyer(audit, side, note->unit);
		break;
	case SIM_NOTE_VERIFIED: verified(audit, side, note->unit); break;
	case SIM_NOTE_DURABLE: durable(audit, side, note); break;
	case SIM_NOTE_RESTORED:
		if (is_hub)
			restored_hub(audit, side, note->unit);
		else
			restored_seller(audit, side, note->unit);
		side->incarnation = node->incarnation;
		break;
	case SIM_NOTE_CLAIMED: claimed(side, note); break;
	case SIM_NOTE_RECEIPT: receipt(audit, side, note->amount.ncoin); break;
	default: break;
	}
}

void audit_sessions_check(struct sim_audit *audit)
{
	for (uint32_t i = 0; i < audit->sides.count; i++) {
		struct audit_side *side = audit_table_at(&audit->sides, i);
		if (side->dirty_us == 0)
			continue;
		ripen(audit, side);
		check_flush(audit, side);
	}
}

/* ---------------------------------------------------------------- the end */

/* A session of which the buyer was told that it is open was on the seller's disk before; so the
 * seller came back with it, whenever it was restarted since. */
static void end_restored(struct sim_audit *audit, struct audit_side *side)
{
	const struct sim_node *node = sim_node_at(audit->world, side->key.node);
	const struct audit_side *buyer = other_of(audit, side);
	if (side->incarnation == node->incarnation || side->is_settled || !node->is_up)
		return;
	side->is_lost = true;
	if (buyer == NULL || buyer->seller_incarnation > side->incarnation ||
		disk_is_blamed(audit, side->key.node))
		return;
	sim_audit_violation(audit, SIM_VIOLATION_FORGOTTEN, side->key.node, 0, 1,
		NAME_FORMAT ": was opened, and is not there after a crash", NAME(side));
}

static void end_seller(struct sim_audit *audit, struct audit_side *side)
{
	uint32_t window = (uint32_t)sim_world_scenario(audit->world)->window;
	uint32_t unpaid = side->served > side->accepted ? side->served - side->accepted : 0;
	uint32_t allowed = window + side->forgotten;
	if (unpaid > allowed)
		sim_audit_violation(audit, SIM_VIOLATION_PROVIDER_LOSS, side->key.node, unpaid,
			allowed, NAME_FORMAT ": %u units were sent, %u are paid", NAME(side),
			side->served, side->accepted);
	end_restored(audit, side);
}

void audit_sessions_end(struct sim_audit *audit)
{
	for (uint32_t i = 0; i < audit->sides.count; i++) {
		struct audit_side *side = audit_table_at(&audit->sides, i);
		if (side->key.role == AUDIT_SELLER)
			end_seller(audit, side);
	}
}
