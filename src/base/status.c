/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/base/status.h"

const char *souk_status_name(souk_status status)
{
	switch (status) {
#define NAME(name, code, class, text)                                                              \
	case SOUK_##name: return #name;
		SOUK_STATUS_LIST(NAME)
#undef NAME
	}
	return "UNKNOWN";
}

const char *souk_status_text(souk_status status)
{
	switch (status) {
#define TEXT(name, code, class, text)                                                              \
	case SOUK_##name: return text;
		SOUK_STATUS_LIST(TEXT)
#undef TEXT
	}
	return "unknown status";
}

enum souk_status_class souk_status_class(souk_status status)
{
	switch (status) {
#define CLASS(name, code, class, text)                                                             \
	case SOUK_##name: return SOUK_CLASS_##class;
		SOUK_STATUS_LIST(CLASS)
#undef CLASS
	}
	return SOUK_CLASS_PEER;
}

souk_status souk_status_of_code(uint16_t code)
{
	switch (code) {
#define CODE(name, code, class, text)                                                              \
	case code: return SOUK_##name;
		SOUK_STATUS_LIST(CODE)
#undef CODE
	default: return SOUK_PEER_BAD_REQUEST;
	}
}
