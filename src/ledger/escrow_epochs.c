/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/base/check.h"
#include "souk/payment/escrow.h"
#include "escrow_epochs.h"

bool ledger_epoch_expired(const struct souk_ledger *ledger, const struct souk_epoch_record *epoch)
{
	struct souk_time over = souk_time_plus_ms(epoch->drawn_at, ledger->genesis.claim_ms);
	return epoch->drawn && !souk_time_is_before(ledger->record.time, over);
}

/* SOUK_PEER_WRONG_EPOCH means that the epoch has not begun: it was allotted in advance. */
static souk_status epoch_is_expired(bool *ret, const struct souk_ledger *ledger, uint64_t number)
{
	struct souk_epoch_record epoch;
	souk_status status = souk_ledger_get_epoch(&epoch, ledger, number);
	if (status != SOUK_OK && status != SOUK_PEER_WRONG_EPOCH)
		return status;
	*ret = status == SOUK_OK && ledger_epoch_expired(ledger, &epoch);
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

souk_status ledger_epochs_collect(
	struct souk_escrow_record *escrow, const struct souk_ledger *ledger)
{
	uint16_t kept = 0;
	for (uint16_t i = 0; i < escrow->open.count; i++) {
		bool expired;
		SOUK_TRY(epoch_is_expired(&expired, ledger, escrow->open.items[i].epoch));
		if (expired)
			SOUK_TRY(release(escrow, &escrow->open.items[i]));
		else
			escrow->open.items[kept++] = escrow->open.items[i];
	}
	escrow->open.count = kept;
	return SOUK_OK;
}

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
