/* SPDX-License-Identifier: Apache-2.0 */
#include "curl_common.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>

#include "souk/base/check.h"

#define CONNECT_TIMEOUT_MS 10000L
/* The most libcurl takes: fewer calls for each unit. */
#define RECEIVE_SIZE (512L * 1024)

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* With NOSIGNAL libcurl leaves it to us that a peer which hangs up does not kill the process. */
static void ignore_broken_pipes(void)
{
	struct sigaction action;

	if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

static void init_library(void)
{
	ignore_broken_pipes();
	/* Its tables die with the process: taking them apart one by one at the exit is a twentieth
	 * of what a short download costs. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

CURL *souk_curl_new(void)
{
	pthread_once(&once, init_library);
	CURL *curl = curl_easy_init();
	if (!curl)
		return NULL;
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, RECEIVE_SIZE);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "souk");
	return curl;
}

souk_status souk_curl_set_pin(CURL *curl, const struct souk_hash *pin)
{
	char text[64] = "sha256//";

	/* With a pin the key is the identity; names and authorities say nothing more. */
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, pin ? 0L : 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, pin ? 0L : 2L);
	if (pin)
		EVP_EncodeBlock((unsigned char *)text + 8, pin->bytes, SOUK_HASH_SIZE);
	CURLcode code = curl_easy_setopt(curl, CURLOPT_PINNEDPUBLICKEY, pin ? text : NULL);
	return code == CURLE_OK ? SOUK_OK : SOUK_IO_MEMORY;
}

souk_status souk_curl_headers(
	const char *const *headers, size_t count, struct curl_slist **ret_list)
{
	struct curl_slist *list = NULL;

	for (size_t i = 0; i < count; i++) {
		struct curl_slist *longer = curl_slist_append(list, headers[i]);
		if (!longer) {
			curl_slist_free_all(list);
			return SOUK_IO_MEMORY;
		}
		list = longer;
	}
	*ret_list = list;
	return SOUK_OK;
}

souk_status souk_curl_status(CURLcode code)
{
	switch (code) {
	case CURLE_OK: return SOUK_OK;
	case CURLE_OPERATION_TIMEDOUT: return SOUK_IO_TIMEOUT;
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_CACERT_BADFILE: /* no authorities here: nobody can be verified without a pin
					*/
	case CURLE_PEER_FAILED_VERIFICATION: return SOUK_IO_TLS_PIN;
	/* libcurl says so, too, when a peer's header line passes its limit: a fault of the peer. */
	case CURLE_OUT_OF_MEMORY: return SOUK_IO_NET;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL: return SOUK_LOCAL_CONFIG;
	default: return SOUK_IO_NET;
	}
}
