/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "souk/base/check.h"
#include "escrow_epochs.h"
#include "state.h"

/* Whether claims on an epoch drawn at DRAWN_AT are over at TIME. The difference is compared and not
 * the sum, which would stand still at the end of time: a window never ends in the block that opens
 * it, so what was over when an epoch began was known when it began. */
static bool is_over_since(
	const struct souk_ledger *ledger, struct souk_time drawn_at, struct souk_time time)
{
	return souk_time_since_ms(drawn_at, time) >= ledger->genesis.claim_ms;
}

bool ledger_epoch_expired(const struct souk_ledger *ledger, const struct souk_epoch_record *epoch)
{
	return epoch->drawn && is_over_since(ledger, epoch->drawn_at, ledger->record.time);
}

/* ---- the open epochs of a record ---- */

struct souk_open_epoch *ledger_epochs_find(struct souk_escrow_record *escrow, uint64_t epoch)
{
	for (uint16_t i = 0; i < escrow->open.count; i++) {
		if (escrow->open.items[i].epoch == epoch)
			return &escrow->open.items[i];
	}
	return NULL;
}

souk_status ledger_epochs_find_or_add(
	struct souk_open_epoch **ret, struct souk_escrow_record *escrow, uint64_t epoch)
{
	struct souk_open_epoch *open = ledger_epochs_find(escrow, epoch);
	if (open == NULL) {
		if (escrow->open.count == SOUK_ESCROW_OPEN_MAX)
			return SOUK_PEER_TOO_MANY_EPOCHS;
		open = &escrow->open.items[escrow->open.count++];
		*open = (struct souk_open_epoch){.epoch = epoch};
	}
	*ret = open;
	return SOUK_OK;
}

souk_status ledger_reserve_for(
	struct souk_amount *ret, struct souk_amount prize, struct souk_amount end)
{
	uint64_t prizes = end.ncoin / prize.ncoin + (end.ncoin % prize.ncoin != 0);
	return souk_amount_mul(ret, prize, prizes);
}

/* ---- rolling: what has happened since the record was written ---- */

/* When each open epoch was drawn, in the order of the record. */
struct draw {
	bool drawn;
	struct souk_time at;
};

struct roll {
	const struct souk_ledger *ledger;
	struct ledger_escrow *escrow;
	struct draw draws[SOUK_ESCROW_OPEN_MAX];
};

static struct draw draw_of(const struct souk_epoch_record *epoch)
{
	return (struct draw){epoch->drawn, epoch->drawn_at};
}

static bool is_over(const struct roll *roll, uint16_t i, struct souk_time time)
{
	return roll->draws[i].drawn && is_over_since(roll->ledger, roll->draws[i].at, time);
}

/* An epoch that was allotted in advance and has not begun is not drawn either. */
static souk_status read_draws(struct roll *roll)
{
	const struct souk_escrow_record *record = &roll->escrow->record;
	for (uint16_t i = 0; i < record->open.count; i++) {
		struct souk_epoch_record epoch = {.drawn = false};
		souk_status status =
			souk_ledger_get_epoch(&epoch, roll->ledger, record->open.items[i].epoch);
		if (status != SOUK_OK && status != SOUK_PEER_WRONG_EPOCH)
			return status;
		roll->draws[i] = draw_of(&epoch);
	}
	return SOUK_OK;
}

static souk_status release(struct souk_escrow_record *escrow, const struct souk_open_epoch *open)
{
	struct souk_amount left;
	if (souk_amount_sub(&left, open->reserved, open->paid) != SOUK_OK ||
		souk_amount_add(&escrow->free, escrow->free, left) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	return SOUK_OK;
}

/* An epoch that was funded and is over before anybody looked has left nothing in the store. */
static void forget(struct ledger_escrow *escrow, const struct souk_open_epoch *open)
{
	for (uint16_t i = 0; i < escrow->fresh_count; i++) {
		if (escrow->fresh[i] != open->epoch)
			continue;
		escrow->fresh_count--;
		memmove(&escrow->fresh[i], &escrow->fresh[i + 1],
			(escrow->fresh_count - i) * sizeof escrow->fresh[0]);
		return;
	}
	escrow->gone[escrow->gone_count++] = *open;
}

/* What epochs that are over at TIME did not pay becomes free again. */
static souk_status collect(struct roll *roll, struct souk_time time)
{
	struct souk_escrow_record *record = &roll->escrow->record;
	uint16_t kept = 0;
	for (uint16_t i = 0; i < record->open.count; i++) {
		if (is_over(roll, i, time)) {
			SOUK_TRY(release(record, &record->open.items[i]));
			forget(roll->escrow, &record->open.items[i]);
			continue;
		}
		record->open.items[kept] = record->open.items[i];
		roll->draws[kept++] = roll->draws[i];
	}
	record->open.count = kept;
	return SOUK_OK;
}

/* EPOCH, which has begun, gets what stands, unless it is allotted, or there is no room or money. */
static souk_status fund(struct roll *roll, uint64_t number, const struct souk_epoch_record *epoch)
{
	struct ledger_escrow *escrow = roll->escrow;
	struct souk_escrow_record *record = &escrow->record;
	struct souk_amount reserved, left;
	if (ledger_epochs_find(record, number) != NULL ||
		record->open.count == SOUK_ESCROW_OPEN_MAX)
		return SOUK_OK;
	SOUK_TRY(ledger_reserve_for(&reserved, record->prize, record->standing.total));
	if (souk_amount_sub(&left, record->free, reserved) != SOUK_OK)
		return SOUK_OK;
	record->free = left;
	roll->draws[record->open.count] = draw_of(epoch);
	record->open.items[record->open.count++] =
		(struct souk_open_epoch){.epoch = number, .segments = 1, .reserved = reserved};
	escrow->fresh[escrow->fresh_count++] = number;
	return SOUK_OK;
}

/* The starts of epochs at which what stands counts, in order; none where it does not. */
static souk_status fund_epochs(struct roll *roll)
{
	const struct souk_escrow_record *record = &roll->escrow->record;
	const struct souk_standing *standing = &record->standing;
	uint64_t first = record->rolled > standing->from ? record->rolled : standing->from;
	uint64_t current = roll->ledger->record.epoch;
	if (standing->total.ncoin == 0 || record->closing)
		return SOUK_OK;
	for (uint64_t number = first; number < standing->until && number <= current; number++) {
		struct souk_epoch_record epoch;
		souk_status status = souk_ledger_get_epoch(&epoch, roll->ledger, number);
		if (status != SOUK_OK)
			return status == SOUK_PEER_WRONG_EPOCH ? SOUK_CORRUPT_STORE : status;
		SOUK_TRY(collect(roll, epoch.start));
		SOUK_TRY(fund(roll, number, &epoch));
	}
	return SOUK_OK;
}

souk_status ledger_escrow_get(
	struct ledger_escrow *ret, const struct souk_ledger *ledger, const struct souk_hash *id)
{
	struct ledger_escrow escrow = {.id = *id};
	struct roll roll = {.ledger = ledger, .escrow = &escrow};
	SOUK_TRY(souk_ledger_get_escrow(&escrow.record, ledger, id));
	escrow.root = escrow.record.standing.root;
	escrow.total = escrow.record.standing.total;
	SOUK_TRY(read_draws(&roll));
	SOUK_TRY(fund_epochs(&roll));
	SOUK_TRY(collect(&roll, ledger->record.time));
	escrow.record.rolled = ledger->record.epoch + 1;
	*ret = escrow;
	return SOUK_OK;
}

/* ---- what is in the store ---- */

static bool is_fresh(const struct ledger_escrow *escrow, uint64_t epoch)
{
	for (uint16_t i = 0; i < escrow->fresh_count; i++) {
		if (escrow->fresh[i] == epoch)
			return true;
	}
	return false;
}

static struct souk_allotment_record standing_allotment(const struct ledger_escrow *escrow)
{
	return (struct souk_allotment_record){.root = escrow->root, .total = escrow->total};
}

souk_status ledger_escrow_allotment(struct souk_allotment_record *ret,
	const struct souk_ledger *ledger, const struct ledger_escrow *escrow, uint64_t epoch,
	uint32_t segment)
{
	struct souk_escrow_record record = escrow->record;
	const struct souk_open_epoch *open = ledger_epochs_find(&record, epoch);
	if (open == NULL || segment >= open->segments)
		return SOUK_PEER_NO_ALLOTMENT;
	if (segment == 0 && is_fresh(escrow, epoch)) {
		*ret = standing_allotment(escrow);
		return SOUK_OK;
	}
	souk_status status = souk_ledger_get_allotment(ret, ledger, &escrow->id, epoch, segment);
	return status == SOUK_PEER_NO_ALLOTMENT ? SOUK_CORRUPT_STORE : status;
}

/* Nobody can claim on these epochs any more: their records answer no question that is left. */
static souk_status prune(struct souk_ledger *ledger, const struct ledger_escrow *escrow)
{
	for (uint16_t i = 0; i < escrow->gone_count; i++) {
		const struct souk_open_epoch *gone = &escrow->gone[i];
		struct souk_ledger_key paid = souk_ledger_key_paid(&escrow->id, gone->epoch, 0);
		struct souk_ledger_key leaf = souk_ledger_key_leaf(&escrow->id, gone->epoch, 0, 0);
		for (uint32_t segment = 0; segment < gone->segments; segment++) {
			struct souk_ledger_key key =
				souk_ledger_key_allotment(&escrow->id, gone->epoch, segment);
			SOUK_TRY(ledger_del_record(ledger, &key));
		}
		SOUK_TRY(ledger_del_epoch_records(ledger, &paid));
		SOUK_TRY(ledger_del_epoch_records(ledger, &leaf));
	}
	return SOUK_OK;
}

souk_status ledger_escrow_put(struct souk_ledger *ledger, const struct ledger_escrow *escrow)
{
	const struct souk_allotment_record allotment = standing_allotment(escrow);
	for (uint16_t i = 0; i < escrow->fresh_count; i++) {
		struct souk_ledger_key key =
			souk_ledger_key_allotment(&escrow->id, escrow->fresh[i], 0);
		SOUK_TRY(ledger_put_allotment(ledger, &key, &allotment));
	}
	SOUK_TRY(prune(ledger, escrow));
	return ledger_put_escrow(ledger, &escrow->id, &escrow->record);
}

souk_status ledger_escrow_del(struct souk_ledger *ledger, const struct ledger_escrow *escrow)
{
	SOUK_TRY(prune(ledger, escrow));
	return ledger_del_escrow(ledger, &escrow->id);
}

/* ---- for whoever only looks ---- */

souk_status souk_ledger_view_escrow(struct souk_escrow_record *ret,
	const struct souk_ledger *ledger, const struct souk_hash *id)
{
	struct ledger_escrow escrow;
	SOUK_TRY(ledger_escrow_get(&escrow, ledger, id));
	*ret = escrow.record;
	return SOUK_OK;
}

souk_status souk_ledger_view_allotment(struct souk_allotment_record *ret,
	const struct souk_ledger *ledger, const struct souk_hash *id, uint64_t epoch,
	uint32_t segment)
{
	struct ledger_escrow escrow;
	souk_status status = ledger_escrow_get(&escrow, ledger, id);
	if (status == SOUK_PEER_NO_ESCROW)
		return SOUK_PEER_NO_ALLOTMENT;
	SOUK_TRY(status);
	return ledger_escrow_allotment(ret, ledger, &escrow, epoch, segment);
}
