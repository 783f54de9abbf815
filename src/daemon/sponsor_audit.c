/* SPDX-License-Identifier: Apache-2.0
 *
 * Viewers of the sponsor's own. */
#include "sponsor_internal.h"

souk_status sponsor_auditor_start(struct sponsor_node *node)
{
	(void)node;
	return SOUK_OK;
}

void sponsor_auditor_stop(struct sponsor_node *node)
{
	(void)node;
}
