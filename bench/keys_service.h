/* SPDX-License-Identifier: Apache-2.0
 *
 * keys_service.h - a proxy's whole service over loopback, as real processes: paid by tickets, with
 * a signed statement for each unit; and how long a retrieval takes. */
#ifndef SOUK_BENCH_KEYS_SERVICE_H
#define SOUK_BENCH_KEYS_SERVICE_H

#include <jansson.h>

#include "bench.h"

/* 0: was not measured. */
struct keys_service {
	double portable_per_s, ifma_per_s; /* re-encryptions, one core of the proxy's */
	double retrieval_ms;		   /* 16 of 30 proxies: sessions kept; median */
	double retrieval_first_ms;	   /* the first: sessions are opened */
};

/* Whether it could be measured; else it was said why. */
bool keys_service_run(struct keys_service *ret, const struct souk_bench_options *options);

void keys_service_put(json_t *root, const struct keys_service *service);
void keys_service_print(const json_t *root);

#endif
