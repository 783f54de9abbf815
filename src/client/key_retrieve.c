/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is asked, when another one is asked beside it, and what is made of the answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "key_internal.h"
#include "souk/base/check.h"

#define SHARES_MAX SOUK_UMBRAL_SHARES_MAX
#define BATCH	   SOUK_KEYS_BATCH_MAX
#define POLL_MS	   20u

/* A retrieval. */
struct retrieval {
	struct key_client *client;
	const struct souk_key_policy *policy;
	const struct souk_umbral_key *receiving; /* NULL: an audit, which opens nothing */
	uint32_t threshold;			 /* proxies that must answer */
	const struct souk_umbral_capsule *capsules;
	size_t count, done; /* capsules; of those before the wave */
	struct souk_umbral_seed *seeds;
	struct key_retrieval *report;
	struct souk_point delegating;
	struct key_proxy *proxies[SHARES_MAX]; /* in the order in which they are asked */
	size_t proxy_count, asked;
	bool was_used[SHARES_MAX];
};

/* ------------------------------------------------------------------ culprits */

static void encode_evidence(
	const struct retrieval *r, const struct key_proxy *proxy, struct key_culprit *culprit)
{
	struct souk_writer writer;
	const struct key_part *part = &proxy->parts[proxy->bad_part];
	const struct souk_key_request *request = &r->client->wave.requests[proxy->bad_part];
	souk_status status = SOUK_PEER_NOT_GUILTY;
	souk_writer_init(&writer, culprit->evidence, sizeof culprit->evidence);
	if (proxy->fault == SOUK_KEYS_FAULT_FRAGMENT) {
		struct souk_key_evidence evidence;
		status = souk_keys_accuse_fragment(&evidence, request, &part->reply,
			proxy->bad_item, &part->cipher, &proxy->agreement);
		if (status == SOUK_OK)
			souk_key_evidence_encode(&writer, &evidence);
	} else if (proxy->fault == SOUK_KEYS_FAULT_LOCK) {
		struct souk_key_lock_evidence evidence;
		struct souk_signed_grant grant = {
			proxy->customer->grant, proxy->customer->grant_signature};
		struct souk_hash key;
		status = souk_customer_unit_key(proxy->customer, &key, part->unit);
		if (status == SOUK_OK)
			status = souk_keys_accuse_lock(&evidence, &part->reply, &grant, &key,
				proxy->customer->key_leaves, &proxy->agreement);
		if (status == SOUK_OK)
			souk_key_lock_evidence_encode(&writer, &evidence);
	}
	if (status != SOUK_OK || writer.full)
		return;
	culprit->fault = proxy->fault;
	culprit->evidence_size = writer.size;
}

/* A capsule that it would not re-encrypt, for a challenge. */
static void encode_question(const struct retrieval *r, struct key_culprit *culprit)
{
	struct souk_writer writer;
	struct souk_key_question question;
	question.capsule.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
	souk_umbral_capsule_format_simple(
		question.capsule.data, &r->capsules[r->done < r->count ? r->done : 0]);
	souk_writer_init(&writer, culprit->question, sizeof culprit->question);
	souk_key_question_encode(&writer, &question);
	culprit->question_size = writer.full ? 0 : writer.size;
}

static bool is_over(souk_status status)
{
	return status == SOUK_PEER_AGREEMENT_OVER || status == SOUK_PEER_AGREEMENT_REVOKED ||
	       status == SOUK_PEER_NO_AGREEMENT || status == SOUK_PEER_BAD_SHARE;
}

static void report_culprit(struct retrieval *r, const struct key_proxy *proxy)
{
	struct key_retrieval *report = r->report;
	if (report->culprit_count >= SHARES_MAX)
		return;
	struct key_culprit *culprit = &report->culprits[report->culprit_count++];
	*culprit = (struct key_culprit){.provider = proxy->address,
		.agreement = proxy->agreement_id,
		.status = proxy->status};
	memcpy(culprit->detail, proxy->detail, sizeof culprit->detail);
	if (proxy->fault != 0)
		encode_evidence(r, proxy, culprit);
	else if (!is_over(proxy->status))
		encode_question(r, culprit);
	key_note(r->client, "a proxy failed: %s", souk_status_text(proxy->status));
}

/* ------------------------------------------------------------------ who is asked */

static bool is_of_policy(const struct retrieval *r, const struct key_proxy *proxy)
{
	const struct souk_keys_policy *terms = &proxy->terms;
	uint8_t x[SOUK_PUBKEY_SIZE], receiving[SOUK_PUBKEY_SIZE], verifying[SOUK_PUBKEY_SIZE];
	souk_point_format(x, &terms->x);
	souk_point_format(receiving, &terms->receiving);
	souk_point_format(verifying, &terms->verifying);
	return souk_point_equal(&terms->delegating, &r->delegating) &&
	       memcmp(x, r->policy->x.bytes, sizeof x) == 0 &&
	       memcmp(receiving, r->policy->receiving.bytes, sizeof receiving) == 0 &&
	       memcmp(verifying, r->policy->verifying.bytes, sizeof verifying) == 0 &&
	       terms->threshold == r->policy->threshold &&
	       souk_hash_equal(&proxy->agreement.ledger, &r->policy->ledger);
}

/* What can be said of PROXY before anything is paid. */
static souk_status check_proxy(const struct retrieval *r, const struct key_proxy *proxy)
{
	const struct souk_amount max = r->client->config.price_max;
	if (proxy->status != SOUK_OK)
		return proxy->status;
	if (!souk_time_is_before(key_now(), proxy->agreement.ends))
		return SOUK_PEER_AGREEMENT_OVER;
	if (!is_of_policy(r, proxy))
		return SOUK_PEER_BAD_SHARE;
	if (max.ncoin != 0 && souk_amount_is_less(max, proxy->terms.price))
		return SOUK_LOCAL_BUDGET;
	return SOUK_OK;
}

/* The quick before those that nobody knows; these in a random order, so that nobody is always
 * asked. */
static void sort(struct retrieval *r)
{
	for (size_t i = 1; i < r->proxy_count; i++) {
		uint64_t draw;
		souk_secret_rng_fill(&r->client->rng, &draw, sizeof draw);
		size_t k = draw % (i + 1);
		struct key_proxy *swap = r->proxies[i];
		r->proxies[i] = r->proxies[k];
		r->proxies[k] = swap;
	}
	for (size_t i = 1; i < r->proxy_count; i++) {
		struct key_proxy *moved = r->proxies[i];
		size_t at = i;
		for (; at > 0 && moved->took_ns != 0 &&
			(r->proxies[at - 1]->took_ns == 0 ||
				r->proxies[at - 1]->took_ns > moved->took_ns);
			at--)
			r->proxies[at] = r->proxies[at - 1];
		r->proxies[at] = moved;
	}
}

static souk_status find_proxies(struct retrieval *r)
{
	for (int i = 0; i < r->policy->shares.count; i++) {
		struct key_proxy *proxy = key_proxy_of(r->client, &r->policy->shares.items[i]);
		if (proxy == NULL)
			return SOUK_IO_MEMORY;
		if (proxy->is_used)
			continue; /* named twice */
		proxy->is_used = true;
		proxy->has_failed = false;
		proxy->status = SOUK_OK;
		proxy->detail[0] = '\0';
		proxy->tries = proxy->epoch_waits = 0;
		proxy->fault = 0;
		if (proxy->parts == NULL)
			proxy->parts = calloc(r->client->config.window, sizeof *proxy->parts);
		r->proxies[r->proxy_count++] = proxy;
		if (proxy->parts == NULL)
			return SOUK_IO_MEMORY;
	}
	return key_look_up(r->client, r->proxies, r->proxy_count);
}

/* Those of no use are reported; the others are sorted. */
static souk_status choose(struct retrieval *r)
{
	size_t kept = 0;
	souk_status why = SOUK_LOCAL_NO_PROXY;
	for (size_t i = 0; i < r->proxy_count; i++) {
		struct key_proxy *proxy = r->proxies[i];
		proxy->status = check_proxy(r, proxy);
		if (proxy->status == SOUK_OK) {
			r->proxies[kept++] = proxy;
			continue;
		}
		if (is_over(proxy->status))
			why = proxy->status;
		key_session_end(proxy, proxy->status);
		report_culprit(r, proxy);
		proxy->is_used = false;
		key_forget(proxy);
	}
	r->proxy_count = kept;
	sort(r);
	return kept >= r->threshold ? SOUK_OK : why;
}

/* ------------------------------------------------------------------ money */

/* Sessions that cannot carry what is to come are over; whoever has none gets a leaf. */
static souk_status fund(struct retrieval *r)
{
	struct key_client *client = r->client;
	for (size_t i = 0; i < r->proxy_count; i++) {
		struct key_proxy *proxy = r->proxies[i];
		if (proxy->step != KEY_OPEN)
			continue;
		const struct souk_customer *customer = proxy->customer;
		bool suits = customer->grant.units - customer->requested >= client->needed &&
			     proxy->strip.epoch == client->epoch &&
			     souk_time_is_before(key_now(), customer->grant.expires);
		if (!suits)
			key_session_end(proxy, SOUK_PEER_OVERDRAW);
	}
	key_session_settle(client, r->proxies, r->proxy_count);
	return key_purse_fill(client, r->proxies, r->proxy_count, client->needed);
}

/* Those whose session was lost in the middle. */
static souk_status fund_again(struct retrieval *r)
{
	bool is_due = false;
	for (size_t i = 0; i < r->asked; i++)
		is_due |= r->proxies[i]->step == KEY_NO_MONEY && !r->proxies[i]->has_failed;
	if (!is_due)
		return SOUK_OK;
	SOUK_TRY(key_status(r->client));
	for (size_t i = 0; i < r->asked; i++) {
		struct key_proxy *one[] = {r->proxies[i]};
		if (one[0]->step == KEY_NO_MONEY && !one[0]->has_failed)
			SOUK_TRY(key_purse_fill(r->client, one, 1, r->client->needed));
	}
	return SOUK_OK;
}

/* ------------------------------------------------------------------ opening */

/* Blame PROXY for item ITEM of part PART. */
static void blame(struct key_proxy *proxy, uint32_t part, uint32_t item, souk_status status)
{
	proxy->fault = SOUK_KEYS_FAULT_FRAGMENT;
	proxy->bad_part = part;
	proxy->bad_item = item;
	key_session_fail(proxy, status, "its fragment is wrong");
}

/* Whether each fragment of PROXY that is opened is right. */
static bool verify(const struct retrieval *r, struct key_proxy *proxy)
{
	for (uint32_t i = 0; i < r->client->wave.count; i++) {
		const struct key_part *part = &proxy->parts[i];
		const struct souk_key_request *request = &r->client->wave.requests[i];
		for (uint32_t k = 0; part->opened && k < request->capsules.count; k++) {
			struct souk_umbral_cfrag cfrag;
			souk_status status = souk_keys_fragment_verify(&cfrag, part->fragments[k],
				&r->capsules[r->done + i * BATCH + k], &proxy->terms);
			if (status != SOUK_OK) {
				blame(proxy, i, k, status);
				return false;
			}
		}
	}
	return true;
}

/* The fragments of capsule K of part I, unverified. A malformed one is its proxy's fault. */
static bool gather(struct key_proxy *const *with, size_t count, uint32_t i, uint32_t k,
	struct souk_umbral_cfrag *ret)
{
	for (size_t n = 0; n < count; n++) {
		souk_status status = souk_keys_fragment_parse(
			&ret[n], with[n]->parts[i].fragments[k], &with[n]->terms);
		if (status != SOUK_OK) {
			blame(with[n], i, k, status);
			return false;
		}
	}
	return true;
}

/* Open the wave with those of WITH. False: one of them at least has failed. */
static bool open_wave(struct retrieval *r, struct key_proxy *const *with)
{
	struct souk_umbral_cfrag cfrags[SHARES_MAX];
	const struct key_wave *wave = &r->client->wave;
	size_t count = r->threshold;
	if (r->receiving == NULL)
		return verify(r, with[0]);
	for (uint32_t i = 0; i < wave->count; i++) {
		for (uint32_t k = 0; k < wave->requests[i].capsules.count; k++) {
			size_t at = r->done + i * BATCH + k;
			if (!gather(with, count, i, k, cfrags))
				return false;
			if (souk_umbral_open(&r->seeds[at], &r->capsules[at], cfrags, count,
				    r->receiving, &r->delegating) == SOUK_OK)
				continue;
			size_t failed = 0;
			for (size_t n = 0; n < count; n++)
				failed += !verify(r, with[n]);
			/* Each is right, but they do not fit together: the owner's doing. */
			for (size_t n = 0; failed == 0 && n < count; n++)
				key_session_fail(with[n], SOUK_PEER_BAD_SHARE,
					"the fragments do not belong together");
			return false;
		}
	}
	return true;
}

/* ------------------------------------------------------------------ a wave */

static void make_wave(struct retrieval *r)
{
	struct key_wave *wave = &r->client->wave;
	size_t left = r->count - r->done;
	memset(wave, 0, sizeof *wave);
	while (left > 0 && wave->count < r->client->config.window) {
		struct souk_key_request *request = &wave->requests[wave->count];
		size_t first = r->done + wave->count * BATCH;
		request->after = r->client->after;
		request->capsules.count = (uint16_t)(left < BATCH ? left : BATCH);
		for (size_t k = 0; k < request->capsules.count; k++) {
			request->capsules.items[k].bytes.size = SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE;
			souk_umbral_capsule_format_simple(
				request->capsules.items[k].bytes.data, &r->capsules[first + k]);
		}
		wave->numbers[wave->count++] = souk_keys_request_number(request);
		left -= request->capsules.count;
	}
}

/* Those that are being asked and may still answer; those that have answered. */
static size_t count_running(const struct retrieval *r, size_t *ret_complete, bool with_late)
{
	size_t running = 0;
	*ret_complete = 0;
	for (size_t i = 0; i < r->asked; i++) {
		const struct key_proxy *proxy = r->proxies[i];
		if (proxy->has_failed)
			continue;
		*ret_complete += proxy->is_complete;
		running += !proxy->is_complete && (with_late || !proxy->is_late);
	}
	return running;
}

static void ask_one_more(struct retrieval *r)
{
	key_session_begin(r->proxies[r->asked]);
	key_session_go(r->proxies[r->asked++]);
}

/* As many as are needed, and one for each that is late. */
static void ask_more(struct retrieval *r)
{
	size_t complete, running = count_running(r, &complete, false);
	for (; running + complete < r->threshold && r->asked < r->proxy_count; running++)
		ask_one_more(r);
}

static void find_late(struct retrieval *r)
{
	uint64_t now = key_now_ns(), late = r->client->config.hedge_ms * 1000000;
	for (size_t i = 0; i < r->asked; i++) {
		struct key_proxy *proxy = r->proxies[i];
		if (!proxy->is_complete && !proxy->has_failed && now - proxy->moved_ns > late)
			proxy->is_late = true;
	}
}

/* A window that is smaller than the wave: what there is, is verified by itself. */
static void verify_early(struct retrieval *r, struct key_proxy *proxy)
{
	bool is_due = proxy->step == KEY_OPEN && !proxy->has_failed && !proxy->is_complete;
	bool has_any = false;
	for (uint32_t i = 0; is_due && i < r->client->wave.count; i++) {
		const struct key_part *part = &proxy->parts[i];
		is_due = part->unit == 0 || part->opened;
		has_any |= part->opened && !part->verified;
	}
	if (is_due && has_any && verify(r, proxy))
		key_session_verified(proxy);
}

static void go_all(struct retrieval *r)
{
	for (size_t i = 0; i < r->asked; i++) {
		verify_early(r, r->proxies[i]);
		key_session_go(r->proxies[i]);
	}
	key_session_strips(r->client, r->proxies, r->asked);
}

static souk_status move(struct retrieval *r)
{
	struct souk_http_fetched fetched;
	SOUK_TRY(souk_http_fetcher_poll(r->client->engine, POLL_MS, -1));
	while (souk_http_fetcher_next(r->client->engine, &fetched))
		key_session_take(&fetched);
	return SOUK_OK;
}

static void note_failed(struct retrieval *r)
{
	for (size_t i = 0; i < r->proxy_count; i++) {
		struct key_proxy *proxy = r->proxies[i];
		if (!proxy->has_failed || !proxy->is_used)
			continue;
		report_culprit(r, proxy);
		proxy->is_used = false;
	}
	key_session_settle(r->client, r->proxies, r->proxy_count);
}

/* Those that answered too late, or not at all: nothing is waited for, and what they were asked may
 * have to be paid, so that their sessions are over. Those that answered in vain are verified. */
static void end_wave(struct retrieval *r, struct key_proxy *const *with)
{
	for (size_t i = 0; i < r->asked; i++) {
		struct key_proxy *proxy = r->proxies[i];
		bool is_with = false;
		for (size_t n = 0; n < r->threshold; n++)
			is_with |= with[n] == proxy;
		if (proxy->has_failed)
			continue;
		r->was_used[i] |= is_with;
		if (is_with || (proxy->is_complete && verify(r, proxy)))
			key_session_verified(proxy);
		else if (!proxy->has_failed) {
			key_session_end(proxy, SOUK_IO_TIMEOUT);
			proxy->took_ns = key_now_ns() - proxy->began_ns;
		}
	}
	note_failed(r);
}

/* The first complete ones, as many as are needed; false where there are not so many. */
static bool find_complete(const struct retrieval *r, struct key_proxy *ret[SHARES_MAX])
{
	size_t found = 0;
	for (size_t i = 0; i < r->asked && found < r->threshold; i++) {
		if (r->proxies[i]->is_complete && !r->proxies[i]->has_failed)
			ret[found++] = r->proxies[i];
	}
	return found == r->threshold;
}

static souk_status run_wave(struct retrieval *r)
{
	struct key_proxy *with[SHARES_MAX];
	make_wave(r);
	/* Those that were asked before go on; they know us. */
	for (size_t i = 0; i < r->asked; i++) {
		if (!r->proxies[i]->has_failed)
			key_session_begin(r->proxies[i]);
	}
	for (;;) {
		size_t complete;
		ask_more(r);
		SOUK_TRY(fund_again(r));
		go_all(r);
		note_failed(r);
		if (find_complete(r, with)) {
			if (open_wave(r, with))
				break;
			note_failed(r);
			continue;
		}
		if (count_running(r, &complete, true) + complete < r->threshold &&
			r->asked == r->proxy_count)
			return SOUK_LOCAL_NO_PROXY;
		SOUK_TRY(move(r));
		find_late(r);
	}
	end_wave(r, with);
	return SOUK_OK;
}

/* ------------------------------------------------------------------ all of it */

static souk_status check_policy(struct retrieval *r)
{
	uint8_t point[SOUK_PUBKEY_SIZE];
	const struct souk_key_policy *policy = r->policy;
	if (souk_point_parse(&r->delegating, policy->delegating.bytes) != SOUK_OK)
		return SOUK_PEER_BAD_SHARE;
	if (r->receiving == NULL)
		return SOUK_OK;
	souk_point_format(point, &r->receiving->point);
	if (memcmp(point, policy->receiving.bytes, sizeof point) != 0 || policy->threshold < 1 ||
		policy->threshold > policy->shares.count)
		return SOUK_PEER_BAD_SHARE;
	return SOUK_OK;
}

static uint32_t requests_of(size_t capsules)
{
	size_t requests = (capsules + BATCH - 1) / BATCH;
	return requests < SOUK_CHAIN_LENGTH_MAX ? (uint32_t)requests : SOUK_CHAIN_LENGTH_MAX;
}

static souk_status retrieve(struct retrieval *r)
{
	struct key_client *client = r->client;
	SOUK_TRY(check_policy(r));
	SOUK_TRY(key_status(client));
	if (!souk_hash_equal(&client->ledger, &r->policy->ledger))
		return SOUK_PEER_TX_WRONG_LEDGER;
	client->needed = requests_of(r->count);
	SOUK_TRY(find_proxies(r));
	SOUK_TRY(choose(r));
	SOUK_TRY(fund(r));
	while (r->done < r->count) {
		SOUK_TRY(run_wave(r));
		size_t wave = (size_t)client->wave.count * BATCH;
		r->done += wave < r->count - r->done ? wave : r->count - r->done;
		client->needed = requests_of(r->count - r->done);
	}
	return SOUK_OK;
}

/* Sessions that go on count as far as they have cost in this retrieval. */
static void add_spent(struct retrieval *r, struct souk_amount *total)
{
	for (size_t i = 0; i < r->proxy_count; i++) {
		struct key_proxy *proxy = r->proxies[i];
		struct souk_amount sum;
		if (proxy->step != KEY_OPEN)
			continue;
		struct souk_amount spent = souk_customer_spent(proxy->customer);
		if (spent.ncoin >= proxy->spent_before.ncoin &&
			souk_amount_add(&sum, *total,
				souk_amount_of_ncoin(spent.ncoin - proxy->spent_before.ncoin)) ==
				SOUK_OK)
			*total = sum;
		proxy->spent_before = spent;
	}
}

static void finish(struct retrieval *r, souk_status status, uint64_t began_ns)
{
	struct key_client *client = r->client;
	for (size_t i = 0; i < r->proxy_count; i++) {
		struct key_proxy *proxy = r->proxies[i];
		/* What is under way is not waited for. */
		if (status != SOUK_OK && proxy->is_used && proxy->step == KEY_OPEN)
			key_session_end(proxy, status);
		else if (proxy->is_used && proxy->step > KEY_READY && proxy->step < KEY_OPEN)
			key_session_end(proxy, status);
		proxy->is_used = false;
		r->report->good += r->was_used[i];
	}
	key_session_settle(client, r->proxies, r->proxy_count);
	add_spent(r, &client->spent);
	r->report->asked = (uint32_t)r->asked;
	r->report->requests = client->requests;
	r->report->spent = client->spent;
	r->report->allotted = client->allotted;
	r->report->took_ns = key_now_ns() - began_ns;
	if (status != SOUK_OK)
		memcpy(r->report->detail, client->detail, sizeof r->report->detail);
	souk_bytes_wipe(&client->wave, sizeof client->wave);
}

static souk_status run(struct retrieval *r)
{
	struct key_client *client = r->client;
	uint64_t began_ns = key_now_ns();
	memset(r->report, 0, sizeof *r->report);
	client->spent = SOUK_AMOUNT_ZERO;
	client->requests = 0;
	client->allotted = false;
	client->detail[0] = '\0';
	souk_status status = retrieve(r);
	finish(r, status, began_ns);
	return status;
}

souk_status key_retrieve(struct key_client *client, const struct souk_key_policy *policy,
	const struct souk_umbral_key *receiving, const struct souk_umbral_capsule *capsules,
	size_t count, struct souk_umbral_seed *ret, struct key_retrieval *report)
{
	struct key_retrieval *own = report != NULL ? report : malloc(sizeof *own);
	struct retrieval r = {.client = client,
		.policy = policy,
		.receiving = receiving,
		.threshold = policy->threshold,
		.capsules = capsules,
		.count = count,
		.seeds = ret,
		.report = own};
	if (own == NULL)
		return SOUK_IO_MEMORY;
	souk_status status = run(&r);
	if (own != report)
		free(own);
	if (status != SOUK_OK)
		souk_bytes_wipe(ret, count * sizeof *ret);
	return status;
}

/* The policy that AGREEMENT is a part of, as far as an auditor can tell. */
static souk_status policy_of(struct souk_key_policy *ret, const struct souk_agreement *agreement)
{
	struct souk_key_terms terms;
	SOUK_TRY(souk_key_terms_decode(
		&terms, souk_bytes_of(agreement->details.data, agreement->details.size), NULL));
	memset(ret, 0, sizeof *ret);
	ret->version = SOUK_KEY_POLICY_VERSION;
	ret->ledger = agreement->ledger;
	ret->delegating = terms.delegating;
	ret->receiving = terms.receiving;
	ret->verifying = terms.verifying;
	ret->x = terms.x;
	ret->threshold = terms.threshold;
	ret->expires = agreement->ends;
	ret->shares.count = 1;
	ret->shares.items[0] =
		(struct souk_key_share){agreement->provider, souk_agreement_digest(agreement)};
	return SOUK_OK;
}

/* Nobody should serve it any more: who does is named, with what convicts it where it can be proved.
 */
static souk_status audit_revoked(
	struct retrieval *r, const struct souk_agreement_record *record, struct key_culprit *ret)
{
	struct key_client *client = r->client;
	struct key_retrieval *report = r->report;
	struct key_proxy *proxy = key_proxy_of(client, &r->policy->shares.items[0]);
	if (proxy == NULL)
		return SOUK_IO_MEMORY;
	key_session_end(proxy, SOUK_LOCAL_STATE);
	key_forget(proxy);
	client->status_ns = 0; /* the block that is named is to be late */
	client->asks_revoked = true;
	souk_status status = run(r);
	client->asks_revoked = false;
	key_forget(proxy);
	if (status != SOUK_OK && report->culprit_count == 0)
		return status;
	if (status != SOUK_OK && report->culprits[0].fault == 0)
		return SOUK_OK;
	if (status != SOUK_OK) {
		*ret = report->culprits[0];
		return ret->status;
	}
	*ret = (struct key_culprit){.provider = proxy->address,
		.agreement = proxy->agreement_id,
		.status = SOUK_PEER_AGREEMENT_REVOKED};
	snprintf(ret->detail, sizeof ret->detail, "it serves what was revoked");
	status = key_late_evidence(client, record, &proxy->parts[0].reply.statement, ret);
	if (status != SOUK_OK)
		snprintf(ret->detail, sizeof ret->detail,
			"it serves what was revoked, but not provably so: %s",
			souk_status_text(status));
	return SOUK_PEER_AGREEMENT_REVOKED;
}

souk_status key_retrieve_audit(struct key_client *client,
	const struct souk_agreement_record *record, const struct souk_umbral_capsule *capsules,
	size_t count, struct key_culprit *ret, struct souk_amount *ret_spent)
{
	struct souk_key_policy policy;
	SOUK_TRY(policy_of(&policy, &record->agreement));
	struct key_retrieval *report = malloc(sizeof *report);
	struct retrieval r = {.client = client,
		.policy = &policy,
		.threshold = 1,
		.capsules = capsules,
		.count = count,
		.report = report};
	if (report == NULL)
		return SOUK_IO_MEMORY;
	memset(report, 0, sizeof *report);
	ret->status = SOUK_OK;
	bool is_revoked = record->revoked.ms != 0;
	souk_status status = is_revoked ? audit_revoked(&r, record, ret) : run(&r);
	*ret_spent = report->spent;
	if (!is_revoked && status != SOUK_OK && report->culprit_count > 0) {
		*ret = report->culprits[0];
		status = ret->status;
	}
	free(report);
	return status;
}
