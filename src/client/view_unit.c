/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "view_internal.h"

#define ALIGNMENT 64

struct view_unit *view_unit_take(struct view *view)
{
	struct view_unit *unit = view->free_units;
	if (unit != NULL) {
		view->free_units = unit->next;
		return unit;
	}
	unit = calloc(1, sizeof *unit);
	if (unit == NULL)
		return NULL;
	unit->data = aligned_alloc(ALIGNMENT, view->config.content.chunk_size);
	if (unit->data != NULL)
		return unit;
	free(unit);
	return NULL;
}

void view_unit_give(struct view *view, struct view_unit *unit)
{
	if (unit == NULL)
		return;
	unit->next = view->free_units;
	view->free_units = unit;
}

void view_units_free(struct view *view)
{
	while (view->free_units != NULL) {
		struct view_unit *unit = view->free_units;
		view->free_units = unit->next;
		free(unit->data);
		free(unit);
	}
}

struct view_provider *view_provider_of(struct view *view, const struct souk_address *address)
{
	for (size_t i = 0; i < view->provider_count; i++) {
		if (souk_address_equal(&view->providers[i].address, address))
			return &view->providers[i];
	}
	return NULL;
}

struct view_provider *view_provider_met(struct view *view, const struct souk_address *address)
{
	struct view_provider *provider = view_provider_of(view, address), *grown = NULL;
	if (provider != NULL)
		return provider;
	if (view->provider_count < VIEW_PROVIDERS_MAX)
		grown = realloc(view->providers, (view->provider_count + 1) * sizeof *grown);
	if (grown == NULL)
		return NULL;
	view->providers = grown;
	provider = &grown[view->provider_count++];
	*provider = (struct view_provider){.address = *address,
		.is_stale = true,
		.source = {.address = *address, .is_sponsored = true}};
	return provider;
}

struct view_provider *view_provider_put(struct view *view, const struct souk_address *address,
	const struct souk_provider_record *record)
{
	struct view_provider *provider = view_provider_met(view, address);
	if (provider == NULL)
		return NULL;
	provider->record = *record;
	provider->is_stale = false;
	return provider;
}
