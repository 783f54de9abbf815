/* SPDX-License-Identifier: Apache-2.0
 *
 * A gateway's answer to any headers: what is cut lies inside the content, a host that passes cannot
 * be a stranger's, and no bytes become a type that a browser would run. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "gateway_guard.h"
#include "gateway_range.h"
#include "gateway_type.h"
#include "souk/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAG "\"0123\""

static void try_cut(const struct gateway_conditions *conditions, uint64_t size)
{
	struct gateway_cut cut = gateway_cut_of(conditions, TAG, size);

	switch (cut.status) {
	case 200: SOUK_CHECK(cut.first == 0 && cut.size == size); break;
	case 206:
		SOUK_CHECK(cut.size > 0 && cut.first < size && cut.size <= size - cut.first);
		SOUK_CHECK(conditions->is_get && conditions->range);
		break;
	case 304: SOUK_CHECK(conditions->if_none_match); break;
	case 412: SOUK_CHECK(conditions->if_match); break;
	default: SOUK_CHECK(cut.status == 416); SOUK_CHECK(conditions->range);
	}
}

static void try_ranges(const char *text)
{
	static const uint64_t sizes[] = {0, 1, 2, 1000, UINT64_MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		try_cut(&(struct gateway_conditions){.is_get = true, .range = text}, sizes[i]);
		try_cut(&(struct gateway_conditions){.range = text}, sizes[i]);
		try_cut(
			&(struct gateway_conditions){
				.is_get = true, .range = "bytes=1-", .if_range = text},
			sizes[i]);
		try_cut(&(struct gateway_conditions){.if_match = text}, sizes[i]);
		try_cut(&(struct gateway_conditions){.if_none_match = text}, sizes[i]);
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t size = strlen(text), end_size = strlen(end);

	return size >= end_size && strcasecmp(text + size - end_size, end) == 0;
}

/* Without letters there are only addresses; else it is one of the few names. */
static void check_shared(const char *host)
{
	char name[GATEWAY_HOST_SIZE];

	SOUK_CHECK(strlen(host) < sizeof(name));
	strcpy(name, host);
	if (name[0] == '[')
		return;
	name[strcspn(name, ":")] = 0;
	if (name[0] && name[strlen(name) - 1] == '.')
		name[strlen(name) - 1] = 0;
	SOUK_CHECK(strspn(name, "0123456789.") == strlen(name) ||
		   strcasecmp(name, "localhost") == 0 || strcasecmp(name, "a.example") == 0);
}

static void try_host(const char *text)
{
	struct souk_hash content, again;
	char host[GATEWAY_HOST_SIZE], name[GATEWAY_HOST_SIZE];

	switch (gateway_host_of(text, "a.example", &content)) {
	case GATEWAY_HOST_FOREIGN: return;
	case GATEWAY_HOST_SHARED: check_shared(text); return;
	case GATEWAY_HOST_CONTENT: break;
	}
	SOUK_CHECK(strlen(text) < sizeof(name));
	strcpy(name, text);
	name[strcspn(name, ":")] = 0;
	SOUK_CHECK(ends_with(name, ".localhost") || ends_with(name, ".localhost."));
	gateway_host_of_content(host, &content, 80);
	SOUK_CHECK(gateway_host_of(host, NULL, &again) == GATEWAY_HOST_CONTENT &&
		   souk_hash_equal(&content, &again));
}

static void try_visit(const char *text)
{
	struct gateway_visit visit = {.host = "127.0.0.1:80", .site = "cross-site", .origin = text};
	enum gateway_visit_kind kind = gateway_visit_of(&visit, "https://a.example");

	SOUK_CHECK(kind == GATEWAY_VISIT_REFUSED ||
		   strncasecmp(text, "https://a.example", 17) == 0 ||
		   strncasecmp(text, "http://127.0.0.1:80", 19) == 0);
	visit = (struct gateway_visit){.host = text, .site = text, .mode = text, .dest = text};
	kind = gateway_visit_of(&visit, text);
	SOUK_CHECK(kind == GATEWAY_VISIT_REFUSED || strcmp(text, "none") == 0 ||
		   strcmp(text, "same-origin") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	SOUK_CHECK(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = 0;
	try_ranges(text);
	try_host(text);
	try_visit(text);
	SOUK_CHECK(gateway_type_of_name(text) != NULL);
	SOUK_CHECK(!gateway_type_is_active(gateway_type_of_bytes(souk_bytes_of(data, size))));
	free(text);
	return 0;
}
