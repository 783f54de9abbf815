/* SPDX-License-Identifier: Apache-2.0
 *
 * policy_name.h - a policy that the user named. */
#ifndef SOUK_CLI_POLICY_NAME_H
#define SOUK_CLI_POLICY_NAME_H

#include <stdio.h>

#include "souk/payment/policy.h"

/* NULL where there is none of that name, which is then said. */
static inline const struct souk_policy *policy_named(
	const char *command, const char *service, const char *profile)
{
	const struct souk_policy *policy = souk_policy_find(service, profile);
	if (policy == NULL)
		fprintf(stderr, "souk %s: no policy %s of service %s; see: souk policy list\n",
			command, profile, service);
	return policy;
}

#endif
