/* SPDX-License-Identifier: Apache-2.0 */
#include "name_client.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "market.h"
#include "name_memory.h"
#include "provider_client.h"
#include "souk/base/check.h"
#include "souk/base/rng.h"
#include "souk/io/clock_real.h"
#include "souk/io/entropy_real.h"
#include "souk/io/worker.h"

#define ASK_THREADS	   16u
#define TIMEOUT_MS_DEFAULT 5000u
#define FRESH_MAX	   64u
/* So long at most what failed is not tried again. */
#define FAILED_MS_MAX 2000u

/* A name that this process asked for, when, and what came of it; the table is fixed, the oldest
 * goes. */
struct fresh {
	struct souk_name name;
	uint64_t at_ms; /* 0: free */
	souk_status status;
	char detail[NAME_DETAIL_SIZE];
};

struct name_client {
	struct name_memory *memory;
	pthread_mutex_t lock; /* fresh */
	struct fresh fresh[FRESH_MAX];
};

souk_status name_client_open(struct name_client **ret, const char *home)
{
	struct name_client *client = calloc(1, sizeof *client);
	if (client == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = name_memory_open(&client->memory, home);
	if (status != SOUK_OK) {
		free(client);
		return status;
	}
	pthread_mutex_init(&client->lock, NULL);
	*ret = client;
	return SOUK_OK;
}

void name_client_close(struct name_client *client)
{
	if (client == NULL)
		return;
	name_memory_close(client->memory);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

souk_status name_client_known(
	struct name_client *client, const struct souk_name *name, struct souk_signed_name *ret)
{
	return name_memory_get(client->memory, name, ret);
}

souk_status name_client_each(struct name_client *client,
	souk_status (*visit)(void *ctx, const struct souk_signed_name *name,
		const struct souk_signed_name *twice),
	void *ctx)
{
	return name_memory_each(client->memory, visit, ctx);
}

souk_status name_client_remember(struct name_client *client, const struct souk_signed_name *fresh)
{
	struct souk_signed_name held;
	return name_memory_put(client->memory, fresh, &held);
}

/* ------------------------------------------------------------------ what is fresh */

static uint64_t steady_ms(void)
{
	return souk_clock_steady_ns() / 1000000 + 1; /* never 0 */
}

/* What came of asking for NAME less than FRESH_MS ago, into RET and DETAIL; false: it was not. */
static bool is_fresh(struct name_client *client, const struct souk_name *name, uint64_t fresh_ms,
	souk_status *ret, char detail[NAME_DETAIL_SIZE])
{
	bool found = false;
	uint64_t now_ms = steady_ms();
	uint64_t failed_ms = fresh_ms < FAILED_MS_MAX ? fresh_ms : FAILED_MS_MAX;
	if (fresh_ms == 0)
		return false;
	pthread_mutex_lock(&client->lock);
	for (size_t i = 0; i < FRESH_MAX && !found; i++) {
		const struct fresh *fresh = &client->fresh[i];
		found = fresh->at_ms != 0 && souk_name_equal(&fresh->name, name) &&
			now_ms - fresh->at_ms <= (fresh->status == SOUK_OK ? fresh_ms : failed_ms);
		if (!found)
			continue;
		*ret = fresh->status;
		memcpy(detail, fresh->detail, NAME_DETAIL_SIZE);
	}
	pthread_mutex_unlock(&client->lock);
	return found;
}

static void note_fresh(struct name_client *client, const struct souk_name *name, souk_status status,
	const char detail[NAME_DETAIL_SIZE])
{
	struct fresh *slot = &client->fresh[0];
	pthread_mutex_lock(&client->lock);
	for (size_t i = 0; i < FRESH_MAX; i++) {
		struct fresh *other = &client->fresh[i];
		if (other->at_ms != 0 && souk_name_equal(&other->name, name)) {
			slot = other;
			break;
		}
		if (other->at_ms < slot->at_ms)
			slot = other;
	}
	*slot = (struct fresh){.name = *name, .at_ms = steady_ms(), .status = status};
	memcpy(slot->detail, detail, NAME_DETAIL_SIZE);
	pthread_mutex_unlock(&client->lock);
}

/* ------------------------------------------------------------------ asking many at once */

struct call {
	const struct souk_name *name;
	const struct souk_signed_name *record; /* NULL: ask for it; else send it */
	struct market_entry *entry;
	uint64_t timeout_ms;
	souk_status status;
	struct souk_signed_name answer;
	char detail[NAME_DETAIL_SIZE];
};

static void run_call(void *ctx)
{
	struct call *call = ctx;
	struct provider_client client;
	call->status = provider_client_init(&client, &call->entry->record, call->timeout_ms);
	if (call->status == SOUK_OK && call->record != NULL)
		call->status = provider_client_put_name(&client, call->record);
	else if (call->status == SOUK_OK)
		call->status = provider_client_name(&client, call->name, &call->answer);
	if (call->status == SOUK_OK && call->record == NULL)
		call->status = souk_name_verify(&call->answer, call->name);
	snprintf(call->detail, sizeof call->detail, "%s", client.control.detail);
	provider_client_done(&client);
}

static souk_status run_calls(struct call *calls, size_t count)
{
	struct souk_worker *worker;
	unsigned threads = count < ASK_THREADS ? (unsigned)count : ASK_THREADS;
	SOUK_TRY(souk_worker_start(&worker, threads, (unsigned)count));
	for (size_t i = 0; i < count; i++)
		SOUK_CHECK(souk_worker_submit(worker, run_call, &calls[i]) == SOUK_OK);
	for (size_t running = count; running > 0;) {
		struct pollfd wait = {.fd = souk_worker_fd(worker), .events = POLLIN};
		void *done;
		poll(&wait, 1, 1000);
		while (souk_worker_next_done(worker, &done))
			running--;
	}
	souk_worker_stop(worker);
	return SOUK_OK;
}

static bool is_wanted(const struct name_question *question, const struct souk_address *address)
{
	bool found = question->provider_count == 0;
	for (size_t i = 0; i < question->provider_count && !found; i++)
		found = souk_address_equal(&question->providers[i], address);
	return found;
}

/* Keep COUNT_MAX of ENTRIES, drawn at random: who is asked must not be a stranger's choice. */
static souk_status draw(struct market_entry *entries, size_t *count, uint64_t count_max)
{
	uint64_t seed;
	struct souk_rng rng;
	if (*count <= count_max)
		return SOUK_OK;
	SOUK_TRY(souk_entropy_fill(souk_entropy_real(), &seed, sizeof seed));
	souk_rng_init(&rng, seed);
	for (size_t i = 0; i < count_max; i++) {
		size_t j = i + souk_rng_below(&rng, *count - i);
		struct market_entry drawn = entries[j];
		entries[j] = entries[i];
		entries[i] = drawn;
	}
	*count = count_max;
	return SOUK_OK;
}

/* The providers that the question is for. */
static souk_status find_providers(const struct name_question *question, struct market_entry **ret,
	size_t *ret_count, char detail[NAME_DETAIL_SIZE])
{
	struct market_entry *entries = NULL;
	size_t all = 0, count = 0;
	uint64_t max =
		question->providers_max == 0 ? NAME_PROVIDERS_DEFAULT : question->providers_max;
	struct souk_chain_client *chain = souk_chain_client_new(question->ledger_url);
	if (chain == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = market_list(chain, &entries, &all);
	if (status != SOUK_OK)
		snprintf(detail, NAME_DETAIL_SIZE, "the ledger at %.100s: %.100s",
			question->ledger_url, souk_chain_detail(chain));
	souk_chain_client_free(chain);
	SOUK_TRY(status);
	for (size_t i = 0; i < all; i++) {
		if (is_wanted(question, &entries[i].address))
			entries[count++] = entries[i];
	}
	status = draw(entries, &count, max < NAME_PROVIDERS_MAX ? max : NAME_PROVIDERS_MAX);
	if (status == SOUK_OK && count == 0) {
		status = SOUK_LOCAL_NOT_FOUND;
		snprintf(detail, NAME_DETAIL_SIZE,
			question->provider_count == 0 ? "the ledger has no provider"
						      : "no such provider is on the ledger");
	}
	if (status != SOUK_OK) {
		free(entries);
		return status;
	}
	*ret = entries;
	*ret_count = count;
	return SOUK_OK;
}

/* Call every provider of the question, for its record or with RECORD. */
static souk_status call_all(const struct name_question *question,
	const struct souk_signed_name *record, struct call **ret, size_t *ret_count,
	char detail[NAME_DETAIL_SIZE])
{
	struct market_entry *entries;
	size_t count;
	SOUK_TRY(find_providers(question, &entries, &count, detail));
	struct call *calls = calloc(count, sizeof *calls);
	for (size_t i = 0; calls != NULL && i < count; i++)
		calls[i] = (struct call){
			.name = &question->name,
			.record = record,
			.entry = &entries[i],
			.timeout_ms = question->timeout_ms == 0 ? TIMEOUT_MS_DEFAULT
								: question->timeout_ms,
			.status = SOUK_IO_NET,
		};
	souk_status status = calls == NULL ? SOUK_IO_MEMORY : run_calls(calls, count);
	if (status != SOUK_OK) {
		free(calls);
		free(entries);
		return status;
	}
	*ret = calls;
	*ret_count = count;
	return SOUK_OK;
}

static void end_calls(struct call *calls)
{
	free(calls[0].entry);
	free(calls);
}

/* ------------------------------------------------------------------ resolving */

/* The highest of what was answered, and how the others stand to it. */
static souk_status judge(const struct call *calls, size_t count, struct name_answer *answer,
	char detail[NAME_DETAIL_SIZE])
{
	const struct souk_signed_name *best = NULL;
	souk_status failure = SOUK_LOCAL_NOT_FOUND;
	size_t unheard = 0;
	for (size_t i = 0; i < count; i++) {
		const struct call *call = &calls[i];
		if (call->status == SOUK_OK &&
			(best == NULL || call->answer.name.sequence > best->name.sequence))
			best = &call->answer;
		if (souk_status_class(call->status) == SOUK_CLASS_IO) {
			failure = call->status;
			unheard++;
		}
	}
	answer->asked = (uint32_t)count;
	if (best == NULL) {
		snprintf(detail, NAME_DETAIL_SIZE,
			"of %zu providers that were asked %zu did not answer, and none knows it",
			count, unheard);
		return unheard == count ? failure : SOUK_LOCAL_NOT_FOUND;
	}
	answer->name = *best;
	for (size_t i = 0; i < count; i++) {
		if (calls[i].status != SOUK_OK)
			continue;
		souk_status status = souk_name_accept(&best->name, &calls[i].answer.name);
		answer->knew++;
		answer->behind += status == SOUK_PEER_NAME_ROLLBACK;
		if (status == SOUK_PEER_NAME_TWICE) {
			answer->is_twice = true;
			answer->other = calls[i].answer;
		}
	}
	return SOUK_OK;
}

/* Hold what was found against what is remembered. */
static souk_status remember(
	struct name_client *client, struct name_answer *answer, char detail[NAME_DETAIL_SIZE])
{
	struct souk_signed_name held;
	const struct souk_name name = souk_name_of(&answer->name.name);
	souk_status known = name_memory_get(client->memory, &name, &held);
	if (known != SOUK_OK && known != SOUK_LOCAL_NOT_FOUND)
		return known;
	/* Two at once, of a sequence that is news: neither has a better claim. */
	if (answer->is_twice &&
		(known != SOUK_OK || held.name.sequence < answer->name.name.sequence)) {
		SOUK_TRY(name_memory_put_twice(client->memory, &answer->name, &answer->other));
		snprintf(detail, NAME_DETAIL_SIZE,
			"sequence %ju is signed for two contents; the publisher must sign a "
			"higher one",
			(uintmax_t)answer->name.name.sequence);
		return SOUK_PEER_NAME_TWICE;
	}
	souk_status status = name_memory_put(client->memory, &answer->name, &held);
	if (status == SOUK_PEER_NAME_ROLLBACK) {
		snprintf(detail, NAME_DETAIL_SIZE,
			"sequence %ju was seen before, and the newest that %u providers have is "
			"%ju",
			(uintmax_t)held.name.sequence, answer->knew,
			(uintmax_t)answer->name.name.sequence);
		return status;
	}
	if (status == SOUK_PEER_NAME_TWICE) {
		answer->is_twice = true;
		answer->other = answer->name;
		answer->name = held;
		status = SOUK_OK;
	} else if (status == SOUK_OK && answer->is_twice) {
		/* Which of the two was seen first counts, whichever came first now. */
		struct souk_signed_name other =
			souk_name_accept(&held.name, &answer->other.name) == SOUK_PEER_NAME_TWICE
				? answer->other
				: answer->name;
		answer->name = held;
		answer->other = other;
	}
	return status;
}

static souk_status ask(struct name_client *client, const struct name_question *question,
	struct name_answer *answer, char detail[NAME_DETAIL_SIZE])
{
	struct call *calls;
	size_t count;
	SOUK_TRY(call_all(question, NULL, &calls, &count, detail));
	souk_status status = judge(calls, count, answer, detail);
	end_calls(calls);
	return status == SOUK_OK ? remember(client, answer, detail) : status;
}

souk_status name_client_resolve(struct name_client *client, const struct name_question *question,
	struct name_answer *ret, char detail[NAME_DETAIL_SIZE])
{
	struct name_answer answer = {0};
	souk_status status = SOUK_OK;
	memset(detail, 0, NAME_DETAIL_SIZE);
	bool is_known = is_fresh(client, &question->name, question->fresh_ms, &status, detail);
	SOUK_TRY(status);
	if (is_known && name_memory_get(client->memory, &question->name, &answer.name) == SOUK_OK) {
		*ret = answer;
		return SOUK_OK;
	}
	status = ask(client, question, &answer, detail);
	note_fresh(client, &question->name, status, detail);
	SOUK_TRY(status);
	*ret = answer;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ publishing */

struct highest {
	const struct souk_name *name;
	uint64_t sequence;
};

static souk_status visit_highest(
	void *ctx, const struct souk_signed_name *held, const struct souk_signed_name *twice)
{
	struct highest *highest = ctx;
	const struct souk_signed_name *records[] = {held, twice};
	const struct souk_name name = souk_name_of(&held->name);
	if (!souk_name_equal(&name, highest->name))
		return SOUK_OK;
	for (size_t i = 0; i < SOUK_COUNT_OF(records); i++) {
		if (records[i] != NULL && records[i]->name.sequence > highest->sequence)
			highest->sequence = records[i]->name.sequence;
	}
	return SOUK_OK;
}

souk_status name_client_highest(struct name_client *client, const struct name_question *question,
	uint64_t *ret, char detail[NAME_DETAIL_SIZE])
{
	struct highest highest = {&question->name, 0};
	struct name_answer answer = {0};
	struct call *calls;
	size_t count;
	detail[0] = '\0';
	SOUK_TRY(name_memory_each(client->memory, visit_highest, &highest));
	SOUK_TRY(call_all(question, NULL, &calls, &count, detail));
	souk_status status = judge(calls, count, &answer, detail);
	end_calls(calls);
	if (status != SOUK_OK && status != SOUK_LOCAL_NOT_FOUND)
		return status;
	if (status == SOUK_OK && answer.name.name.sequence > highest.sequence)
		highest.sequence = answer.name.name.sequence;
	*ret = highest.sequence;
	return SOUK_OK;
}

souk_status name_client_publish(const struct name_question *question,
	const struct souk_signed_name *record, struct name_delivery **ret, size_t *ret_count,
	char detail[NAME_DETAIL_SIZE])
{
	struct call *calls;
	size_t count;
	detail[0] = '\0';
	SOUK_TRY(call_all(question, record, &calls, &count, detail));
	struct name_delivery *deliveries = calloc(count, sizeof *deliveries);
	for (size_t i = 0; deliveries != NULL && i < count; i++) {
		deliveries[i].provider = calls[i].entry->address;
		deliveries[i].status = calls[i].status;
		memcpy(deliveries[i].detail, calls[i].detail, NAME_DETAIL_SIZE);
	}
	end_calls(calls);
	if (deliveries == NULL)
		return SOUK_IO_MEMORY;
	*ret = deliveries;
	*ret_count = count;
	return SOUK_OK;
}
