/* SPDX-License-Identifier: Apache-2.0 */
#include "control_call.h"

#include <stdio.h>

#include "problem.h"

souk_status control_call(struct souk_http_client *http, const struct souk_http_call *call,
	char *detail, size_t detail_size, struct souk_http_answer *ret)
{
	detail[0] = '\0';
	souk_status status = souk_http_client_call(http, call, ret);
	if (status != SOUK_OK) {
		snprintf(detail, detail_size, "%s", souk_http_client_error(http));
		return status;
	}
	if (ret->status == 200)
		return SOUK_OK;
	status = problem_parse(
		souk_bytes_of(ret->body, ret->size), ret->status, detail, detail_size);
	souk_http_answer_done(ret);
	return status;
}
