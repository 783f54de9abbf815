/* SPDX-License-Identifier: Apache-2.0 */
#include "keys_service.h"

bool keys_service_run(struct keys_service *ret, const struct souk_bench_options *options)
{
	(void)ret;
	(void)options;
	return true;
}

void keys_service_put(json_t *root, const struct keys_service *service)
{
	(void)root;
	(void)service;
}

void keys_service_print(const json_t *root)
{
	(void)root;
}
