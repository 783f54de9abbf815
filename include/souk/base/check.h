/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/base/check.h - assertions about our own code, on in every build.
 *
 * SOUK_CHECK is for programmer errors only. Nothing a peer or a user sends can
 * reach one: their mistakes are statuses. */
#ifndef SOUK_BASE_CHECK_H
#define SOUK_BASE_CHECK_H

/* Traps: without a message, since pure code has nowhere to print it; a core dump names the line. */
#define SOUK_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (__builtin_expect(!(condition), 0))                                             \
			__builtin_trap();                                                          \
	} while (0)

/* souk_status of EXPRESSION, returned from the calling function unless it is SOUK_OK. */
#define SOUK_TRY(expression)                                                                       \
	do {                                                                                       \
		souk_status souk_try_status_ = (expression);                                       \
		if (souk_try_status_ != SOUK_OK)                                                   \
			return souk_try_status_;                                                   \
	} while (0)

#define SOUK_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
