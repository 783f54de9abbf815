/* SPDX-License-Identifier: Apache-2.0
 *
 * customer_internal.h - what customer.c and customer_hub.c share. */
#ifndef SOUK_EXCHANGE_CUSTOMER_INTERNAL_H
#define SOUK_EXCHANGE_CUSTOMER_INTERNAL_H

#include "souk/exchange/customer.h"

/* Units up to which the received ones may be paid, whatever tickets there are. */
uint32_t customer_due(const struct souk_customer *customer);

souk_status customer_check_open(const struct souk_customer *customer, struct souk_time now);

/* The strip that pays for the grant, but for its place on a value line and its chain. */
struct souk_strip customer_terms(const struct souk_customer *customer);

/* STRIP, which is another's, stands for this session, if it is one for its grant: STRIPPED. */
souk_status customer_adopt(struct souk_customer *customer, const struct souk_strip *strip);

#endif
