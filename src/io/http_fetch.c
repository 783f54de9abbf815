/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/io/http_fetch.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "curl_common.h"
#include "souk/base/check.h"

#define TIMEOUT_DEFAULT_MS    60000
#define REPLY_HEADER_NAME_MAX 64
#define HEAP_KEPT	      (32 << 20)

enum transfer_state {
	TRANSFER_FREE,
	TRANSFER_RUNNING,
	TRANSFER_ENDED, /* its result waits to be taken */
};

struct transfer {
	enum transfer_state state;
	CURL *curl; /* kept from one transfer to the next */
	struct curl_slist *headers;
	uint8_t *destination;
	size_t size_max;
	size_t head_size; /* of the headers so far */
	uint64_t *progress;
	bool is_too_long;
	char wanted[REPLY_HEADER_NAME_MAX], second_wanted[REPLY_HEADER_NAME_MAX];
	struct souk_http_fetched result;
};

struct souk_http_fetcher {
	CURLM *multi;
	unsigned count; /* not free */
	unsigned ended;
	unsigned transfer_max;
	unsigned top; /* behind it none was ever used */
	struct transfer transfers[];
};

/* --- what libcurl calls --- */

/* Copies what fits. An answer that is not 2xx is only text for people, and may be cut; a unit that
 * is too long is a lie and ends the transfer. */
static void note_progress(struct transfer *transfer, size_t size)
{
	if (transfer->progress != NULL)
		*transfer->progress += size;
}

static size_t on_body(char *data, size_t one, size_t size, void *cls)
{
	struct transfer *transfer = cls;
	size_t room = transfer->size_max - transfer->result.size;
	size_t taken = size < room ? size : room;
	long http_status = 0;

	(void)one;
	note_progress(transfer, size);
	if (taken)
		memcpy(transfer->destination + transfer->result.size, data, taken);
	transfer->result.size += taken;
	if (taken == size)
		return size;
	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &http_status);
	if (http_status / 100 != 2)
		return size;
	transfer->is_too_long = true;
	return CURL_WRITEFUNC_ERROR;
}

/* Keep the value of LINE, "Name: value\r\n" without a terminator, if it is header WANTED. */
static void keep_header(char out[SOUK_HTTP_FETCH_HEADER_SIZE_MAX], const char *wanted,
	const char *line, size_t length)
{
	size_t name_size = strlen(wanted);
	if (!name_size || length <= name_size || line[name_size] != ':' ||
		strncasecmp(line, wanted, name_size) != 0)
		return;
	const char *value = line + name_size + 1;
	length -= name_size + 1;
	while (length && (*value == ' ' || *value == '\t')) {
		value++;
		length--;
	}
	while (length && (value[length - 1] == '\n' || value[length - 1] == '\r'))
		length--;
	/* One that is too long is as good as none. */
	if (length >= SOUK_HTTP_FETCH_HEADER_SIZE_MAX)
		return;
	memcpy(out, value, length);
	out[length] = 0;
}

static size_t on_header(char *line, size_t one, size_t size, void *cls)
{
	struct transfer *transfer = cls;

	(void)one;
	note_progress(transfer, size);
	transfer->head_size += size;
	if (transfer->head_size > SOUK_HTTP_FETCH_HEAD_SIZE_MAX)
		return CURL_WRITEFUNC_ERROR;
	keep_header(transfer->result.reply_header, transfer->wanted, line, size);
	keep_header(transfer->result.second_header, transfer->second_wanted, line, size);
	return size;
}

/* --- the engine --- */

souk_status souk_http_fetcher_new(
	struct souk_http_fetcher **ret_fetcher, unsigned transfer_max, unsigned host_connection_max)
{
	SOUK_CHECK(transfer_max > 0);
	/* Or libcurl's buffers are unmapped and cleared again between transfers: see the header. */
	mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
	struct souk_http_fetcher *fetcher =
		calloc(1, sizeof(*fetcher) + transfer_max * sizeof(fetcher->transfers[0]));
	if (!fetcher)
		return SOUK_IO_MEMORY;
	fetcher->transfer_max = transfer_max;
	fetcher->top = 1; /* it has a handle from the start */
	/* Made first, since it also sets the library up. */
	fetcher->transfers[0].curl = souk_curl_new();
	fetcher->multi = curl_multi_init();
	if (!fetcher->multi || !fetcher->transfers[0].curl) {
		souk_http_fetcher_free(fetcher);
		return SOUK_IO_MEMORY;
	}
	curl_multi_setopt(fetcher->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	curl_multi_setopt(fetcher->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)host_connection_max);
	curl_multi_setopt(fetcher->multi, CURLMOPT_MAXCONNECTS, (long)transfer_max);
	*ret_fetcher = fetcher;
	return SOUK_OK;
}

static void transfer_release(struct souk_http_fetcher *fetcher, struct transfer *transfer)
{
	if (transfer->state == TRANSFER_FREE)
		return;
	if (transfer->state == TRANSFER_RUNNING)
		curl_multi_remove_handle(fetcher->multi, transfer->curl);
	else
		fetcher->ended--;
	curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(transfer->headers);
	transfer->headers = NULL;
	transfer->state = TRANSFER_FREE;
	fetcher->count--;
}

void souk_http_fetcher_free(struct souk_http_fetcher *fetcher)
{
	if (!fetcher)
		return;
	for (unsigned i = 0; i < fetcher->top; i++) {
		transfer_release(fetcher, &fetcher->transfers[i]);
		if (fetcher->transfers[i].curl)
			curl_easy_cleanup(fetcher->transfers[i].curl);
	}
	if (fetcher->multi)
		curl_multi_cleanup(fetcher->multi);
	free(fetcher);
}

/* The size first: libcurl copies so much. */
static void set_method(CURL *curl, const struct souk_http_fetch *fetch)
{
	if (fetch->body.size == 0) {
		curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body.size);
	curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, (const char *)fetch->body.data);
}

static souk_status set_options(struct transfer *transfer, const struct souk_http_fetch *fetch)
{
	CURL *curl = transfer->curl;

	set_method(curl, fetch);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
		(long)(fetch->timeout_ms ? fetch->timeout_ms : TIMEOUT_DEFAULT_MS));
	if (curl_easy_setopt(curl, CURLOPT_URL, fetch->url) != CURLE_OK)
		return SOUK_IO_MEMORY;
	return souk_curl_set_pin(curl, fetch->pin);
}

static souk_status check_fetch(const struct souk_http_fetch *fetch)
{
	bool is_http = strncasecmp(fetch->url, "http://", 7) == 0 ||
		       strncasecmp(fetch->url, "https://", 8) == 0;

	if (!is_http || fetch->header_count > SOUK_HTTP_FETCH_HEADERS_MAX)
		return SOUK_LOCAL_CONFIG;
	if (fetch->reply_header && strlen(fetch->reply_header) >= REPLY_HEADER_NAME_MAX)
		return SOUK_LOCAL_CONFIG;
	if (fetch->second_header && strlen(fetch->second_header) >= REPLY_HEADER_NAME_MAX)
		return SOUK_LOCAL_CONFIG;
	return SOUK_OK;
}

/* "Expect" would cost a round trip for each larger body. */
static souk_status make_headers(struct transfer *transfer, const struct souk_http_fetch *fetch)
{
	const char *headers[SOUK_HTTP_FETCH_HEADERS_MAX + 2];
	size_t count = fetch->header_count;

	if (count)
		memcpy(headers, fetch->headers, count * sizeof(*headers));
	if (fetch->body.size) {
		headers[count++] = "Content-Type: application/octet-stream";
		headers[count++] = "Expect:";
	}
	return souk_curl_headers(headers, count, &transfer->headers);
}

static souk_status transfer_begin(struct souk_http_fetcher *fetcher, struct transfer *transfer,
	const struct souk_http_fetch *fetch)
{
	if (!transfer->curl)
		transfer->curl = souk_curl_new();
	if (!transfer->curl)
		return SOUK_IO_MEMORY;
	SOUK_TRY(make_headers(transfer, fetch));
	transfer->destination = fetch->destination;
	transfer->size_max = fetch->size_max;
	transfer->head_size = 0;
	transfer->progress = fetch->progress;
	transfer->is_too_long = false;
	transfer->wanted[0] = 0;
	if (fetch->reply_header)
		strcpy(transfer->wanted, fetch->reply_header);
	transfer->second_wanted[0] = 0;
	if (fetch->second_header)
		strcpy(transfer->second_wanted, fetch->second_header);
	transfer->result.user = fetch->user;
	transfer->result.status = SOUK_OK;
	transfer->result.http_status = 0;
	transfer->result.size = 0;
	transfer->result.reply_header[0] = 0;
	transfer->result.second_header[0] = 0;
	SOUK_TRY(set_options(transfer, fetch));
	CURLMcode code = curl_multi_add_handle(fetcher->multi, transfer->curl);
	return code == CURLM_OK ? SOUK_OK : SOUK_IO_MEMORY;
}

souk_status souk_http_fetcher_start(
	struct souk_http_fetcher *fetcher, const struct souk_http_fetch *fetch)
{
	struct transfer *transfer = fetcher->transfers;

	if (fetcher->count == fetcher->transfer_max)
		return SOUK_LOCAL_FULL;
	SOUK_TRY(check_fetch(fetch));
	while (transfer->state != TRANSFER_FREE)
		transfer++;
	if (transfer - fetcher->transfers >= fetcher->top)
		fetcher->top = (unsigned)(transfer - fetcher->transfers) + 1;
	souk_status status = transfer_begin(fetcher, transfer, fetch);
	if (status != SOUK_OK) {
		curl_slist_free_all(transfer->headers);
		transfer->headers = NULL;
		return status;
	}
	transfer->state = TRANSFER_RUNNING;
	fetcher->count++;
	return SOUK_OK;
}

static void transfer_end(
	struct souk_http_fetcher *fetcher, struct transfer *transfer, CURLcode code)
{
	long http_status = 0;

	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &http_status);
	transfer->result.http_status = (unsigned)http_status;
	transfer->result.status =
		transfer->is_too_long ? SOUK_PEER_WRONG_LENGTH : souk_curl_status(code);
	if (transfer->result.status == SOUK_LOCAL_CONFIG)
		transfer->result.status = SOUK_IO_NET;
	curl_multi_remove_handle(fetcher->multi, transfer->curl);
	transfer->state = TRANSFER_ENDED;
	fetcher->ended++;
}

static void collect_ended(struct souk_http_fetcher *fetcher)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(fetcher->multi, &left))) {
		struct transfer *transfer = NULL;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		/* The message dies when its handle is removed. */
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		transfer_end(fetcher, transfer, code);
	}
}

static souk_status perform(struct souk_http_fetcher *fetcher)
{
	int running;
	CURLMcode code = curl_multi_perform(fetcher->multi, &running);

	if (code != CURLM_OK)
		return code == CURLM_OUT_OF_MEMORY ? SOUK_IO_MEMORY : SOUK_IO_NET;
	collect_ended(fetcher);
	return SOUK_OK;
}

souk_status souk_http_fetcher_poll(
	struct souk_http_fetcher *fetcher, unsigned timeout_ms, int extra_fd)
{
	struct curl_waitfd extra = {.fd = extra_fd, .events = CURL_WAIT_POLLIN};
	int ready;

	SOUK_TRY(perform(fetcher));
	if (fetcher->ended)
		return SOUK_OK;
	CURLMcode code = curl_multi_poll(fetcher->multi, &extra, extra_fd >= 0 ? 1 : 0,
		timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms, &ready);
	if (code != CURLM_OK)
		return code == CURLM_OUT_OF_MEMORY ? SOUK_IO_MEMORY : SOUK_IO_NET;
	return perform(fetcher);
}

bool souk_http_fetcher_next(
	struct souk_http_fetcher *fetcher, struct souk_http_fetched *ret_fetched)
{
	for (unsigned i = 0; fetcher->ended && i < fetcher->top; i++) {
		struct transfer *transfer = &fetcher->transfers[i];
		if (transfer->state != TRANSFER_ENDED)
			continue;
		*ret_fetched = transfer->result;
		transfer_release(fetcher, transfer);
		return true;
	}
	return false;
}

void souk_http_fetcher_cancel(struct souk_http_fetcher *fetcher, const void *user)
{
	for (unsigned i = 0; i < fetcher->top; i++) {
		struct transfer *transfer = &fetcher->transfers[i];
		if (transfer->state != TRANSFER_FREE && transfer->result.user == user)
			transfer_release(fetcher, transfer);
	}
}

unsigned souk_http_fetcher_count(const struct souk_http_fetcher *fetcher)
{
	return fetcher->count;
}

void souk_http_fetcher_wake(struct souk_http_fetcher *fetcher)
{
	curl_multi_wakeup(fetcher->multi);
}
