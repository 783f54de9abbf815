/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/base/amount.h"

#include <string.h>

#include "souk/base/check.h"

souk_status souk_amount_add(struct souk_amount *ret, struct souk_amount a, struct souk_amount b)
{
	uint64_t sum;
	if (__builtin_add_overflow(a.ncoin, b.ncoin, &sum))
		return SOUK_LOCAL_OVERFLOW;
	ret->ncoin = sum;
	return SOUK_OK;
}

souk_status souk_amount_sub(struct souk_amount *ret, struct souk_amount a, struct souk_amount b)
{
	if (a.ncoin < b.ncoin)
		return SOUK_LOCAL_OVERFLOW;
	ret->ncoin = a.ncoin - b.ncoin;
	return SOUK_OK;
}

souk_status souk_amount_mul(struct souk_amount *ret, struct souk_amount a, uint64_t n)
{
	uint64_t product;
	if (__builtin_mul_overflow(a.ncoin, n, &product))
		return SOUK_LOCAL_OVERFLOW;
	ret->ncoin = product;
	return SOUK_OK;
}

/* Append decimal digit C to *VALUE. */
static souk_status append_digit(struct souk_amount *value, char c)
{
	struct souk_amount ten_times;
	SOUK_TRY(souk_amount_mul(&ten_times, *value, 10));
	return souk_amount_add(value, ten_times, souk_amount_of_ncoin((uint64_t)(c - '0')));
}

souk_status souk_amount_parse(struct souk_amount *ret, const char *text)
{
	struct souk_amount value = SOUK_AMOUNT_ZERO;
	int decimals = -1; /* none seen; after the point, how many */
	bool digit_seen = false;
	for (; *text != '\0'; text++) {
		if (*text == '.' && decimals < 0 && digit_seen) {
			decimals = 0;
			continue;
		}
		if (*text < '0' || *text > '9' || decimals == 9)
			return SOUK_LOCAL_BAD_AMOUNT;
		SOUK_TRY(append_digit(&value, *text));
		digit_seen = true;
		if (decimals >= 0)
			decimals++;
	}
	if (!digit_seen || decimals == 0)
		return SOUK_LOCAL_BAD_AMOUNT;
	for (int i = decimals < 0 ? 0 : decimals; i < 9; i++)
		SOUK_TRY(append_digit(&value, '0'));
	*ret = value;
	return SOUK_OK;
}

void souk_amount_format(char out[SOUK_AMOUNT_TEXT_SIZE], struct souk_amount amount)
{
	char digits[SOUK_AMOUNT_TEXT_SIZE];
	size_t at = sizeof digits;
	uint64_t fraction = amount.ncoin % SOUK_NCOIN_PER_COIN;
	uint64_t whole = amount.ncoin / SOUK_NCOIN_PER_COIN;
	digits[--at] = '\0';
	if (fraction != 0) {
		int places = 9;
		for (; fraction % 10 == 0; places--)
			fraction /= 10;
		for (; places > 0; places--, fraction /= 10)
			digits[--at] = (char)('0' + fraction % 10);
		digits[--at] = '.';
	}
	do {
		digits[--at] = (char)('0' + whole % 10);
		whole /= 10;
	} while (whole != 0);
	memcpy(out, digits + at, sizeof digits - at);
}
