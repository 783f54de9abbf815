/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "souk/io/http_client.h"
#include "souk/io/http_server.h"
#include "souk/io/network.h"

static bool is_public(const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return souk_network_is_public((struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return souk_network_is_public((struct sockaddr *)&v6);
}

static void test_addresses(void **state)
{
	static const char *const local[] = {"0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255",
		"127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.8", "192.168.1.1", "198.19.0.1", "224.0.0.1", "240.0.0.1",
		"255.255.255.255", "::", "::1", "fe80::1", "febf::1", "fc00::1", "fd12::1",
		"ff02::1", "::ffff:127.0.0.1", "::ffff:192.168.1.1", "64:ff9b::10.0.0.1",
		"2002:7f00:1::1", "::10.0.0.1", "100::1", "2001:db8::1"};
	static const char *const open[] = {"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
		"100.128.0.0", "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0",
		"192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255",
		"2606:4700::1111", "fbff::1", "fe7f::1", "::ffff:1.1.1.1", "2002:101:101::1"};
	const struct sockaddr other = {.sa_family = AF_UNIX};

	(void)state;
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++) {
		if (is_public(local[i]))
			fail_msg("%s is none of the Internet", local[i]);
	}
	for (size_t i = 0; i < sizeof(open) / sizeof(*open); i++) {
		if (!is_public(open[i]))
			fail_msg("%s is one of the Internet", open[i]);
	}
	assert_false(souk_network_is_public(&other));
}

static void answer(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply)
{
	(void)request;
	++*(int *)ctx;
	souk_http_reply_static(reply, 200, "text/plain", souk_bytes_of("yes", 3));
}

/* By name as by address: what is connected to counts. */
static void test_calls(void **state)
{
	int handled = 0;
	struct souk_http_server_config config = {.handler = answer, .ctx = &handled};
	struct souk_http_server *server;
	struct souk_http_client *client;
	struct souk_http_answer got = {0};
	uint16_t port;
	char url[64];

	(void)state;
	assert_int_equal(souk_http_server_start(&server, &port, &config), SOUK_OK);
	assert_int_equal(souk_http_client_new(&client), SOUK_OK);
	struct souk_http_call call = {.url = url, .is_public_only = true};
	for (int i = 0; i < 2; i++) {
		snprintf(url, sizeof(url), "http://%s:%u/", i == 0 ? "127.0.0.1" : "localhost",
			port);
		assert_int_equal(souk_http_client_call(client, &call, &got), SOUK_IO_NET);
		assert_non_null(strstr(souk_http_client_error(client), "local network"));
	}
	assert_int_equal(handled, 0);
	call.is_public_only = false;
	assert_int_equal(souk_http_client_call(client, &call, &got), SOUK_OK);
	souk_http_answer_done(&got);
	assert_int_equal(handled, 1);
	/* Nor over a connection that is there. */
	call.is_public_only = true;
	assert_int_equal(souk_http_client_call(client, &call, &got), SOUK_IO_NET);
	assert_int_equal(handled, 1);
	souk_http_client_free(client);
	souk_http_server_stop(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
