/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/ledger/judge.h"

#include "souk/ledger/ledger.h"

const struct souk_judge *souk_judges_find(const struct souk_judges *judges, uint32_t service)
{
	for (size_t i = 0; judges != NULL && i < judges->count; i++) {
		if (judges->items[i]->service == service)
			return judges->items[i];
	}
	return NULL;
}

void souk_ledger_set_judges(struct souk_ledger *ledger, const struct souk_judges *judges)
{
	ledger->judges = judges;
}
