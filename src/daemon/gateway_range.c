/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_range.h"

#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *text)
{
	return text + strspn(text, " \t");
}

/* Digits to a number, the highest one where they say more; NULL where there is none. */
static const char *parse_number(const char *text, uint64_t *ret)
{
	const char *start = text;
	uint64_t value = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		uint64_t digit = (uint64_t)(*text - '0');
		value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : 10 * value + digit;
	}
	*ret = value;
	return text == start ? NULL : text;
}

struct byte_range {
	bool has_first, has_last;
	uint64_t first, last; /* without first: the last so many */
};

/* Whether TEXT is one range of bytes, and nothing else. */
static bool parse_range(const char *text, struct byte_range *ret)
{
	if (strncasecmp(text, "bytes", 5) != 0)
		return false;
	text = skip_blanks(text + 5);
	if (*text != '=')
		return false;
	text = skip_blanks(text + 1);
	const char *after = parse_number(text, &ret->first);
	ret->has_first = after != NULL;
	text = after ? after : text;
	if (*text++ != '-')
		return false;
	after = parse_number(text, &ret->last);
	ret->has_last = after != NULL;
	text = skip_blanks(after ? after : text);
	return *text == 0 && (ret->has_first || ret->has_last) &&
	       !(ret->has_first && ret->has_last && ret->last < ret->first);
}

static struct gateway_cut cut_range(const char *text, uint64_t size)
{
	const struct gateway_cut all = {200, 0, size}, none = {416, 0, 0};
	struct byte_range range;

	if (!parse_range(text, &range))
		return all;
	if (!range.has_first) {
		if (range.last == 0)
			return none;
		/* The last bytes of nothing: there is no way to write that as a part. */
		if (size == 0)
			return all;
		uint64_t part = range.last < size ? range.last : size;
		return (struct gateway_cut){206, size - part, part};
	}
	if (range.first >= size)
		return none;
	uint64_t last = range.has_last && range.last < size ? range.last : size - 1;
	return (struct gateway_cut){206, range.first, last - range.first + 1};
}

/* Whether ETAG is one of LIST, or LIST is "*". A weak tag of the list matches where WEAK. */
static bool names_tag(const char *list, const char *etag, bool weak)
{
	size_t etag_size = strlen(etag);

	if (strcmp(skip_blanks(list), "*") == 0)
		return true;
	while (*(list += strspn(list, " \t,"))) {
		bool is_weak = strncmp(list, "W/", 2) == 0;
		const char *tag = list + (is_weak ? 2 : 0);
		const char *end = *tag == '"' ? strchr(tag + 1, '"') : NULL;
		if (!end)
			return false;
		if ((size_t)(end + 1 - tag) == etag_size && memcmp(tag, etag, etag_size) == 0 &&
			(weak || !is_weak))
			return true;
		list = end + 1;
	}
	return false;
}

struct gateway_cut gateway_cut_of(
	const struct gateway_conditions *conditions, const char *etag, uint64_t size)
{
	const struct gateway_conditions *c = conditions;

	if (c->if_match && !names_tag(c->if_match, etag, false))
		return (struct gateway_cut){412, 0, 0};
	if (c->if_none_match && names_tag(c->if_none_match, etag, true))
		return (struct gateway_cut){304, 0, 0};
	/* If-Range holds one strong tag; a date is of no content, so then all of it is sent. */
	bool wants_part = c->is_get && c->range && (!c->if_range || strcmp(c->if_range, etag) == 0);
	return wants_part ? cut_range(c->range, size) : (struct gateway_cut){200, 0, size};
}
