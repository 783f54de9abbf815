/* SPDX-License-Identifier: Apache-2.0
 *
 * The data path of a provider: units and keys for tickets, in sessions that are open. */
#include "provider_internal.h"
#include "souk/base/check.h"

static struct souk_provider_binding *binding_of(struct souk_provider_session *s, uint32_t unit)
{
	return &s->bindings[unit % SOUK_PROVIDER_BINDINGS];
}

static bool is_service(const struct souk_session_record *record)
{
	return record->chunk_size == 0;
}

static bool has_chunk(const struct souk_session_record *record, uint64_t chunk)
{
	if (is_service(record))
		return true;
	uint64_t count = record->content_size / record->chunk_size +
			 (record->content_size % record->chunk_size != 0);
	return chunk < count;
}

/* Digest the ticket of a request into PAYEE, a copy. A ticket that says nothing new is ignored:
 * requests overtake each other, and are sent again. */
static souk_status take_ticket(
	struct souk_payee *payee, const struct souk_unit_request *request, struct souk_time now)
{
	const struct souk_ticket *ticket = &request->ticket;
	if (!request->has_ticket || (ticket->strip == payee->number && ticket->unit <= payee->unit))
		return SOUK_OK;
	return souk_payee_accept(payee, ticket, now);
}

/* Whether the unit may be served once PAYEE's tickets count. */
static souk_status check_unit(struct souk_provider_session *s, const struct souk_payee *payee,
	const struct souk_unit_request *request, struct souk_time now)
{
	uint32_t unit = request->unit, window = s->record.grant.window;
	const struct souk_provider_binding *binding = binding_of(s, unit);
	if (!souk_time_is_before(now, payee->closes))
		return SOUK_PEER_EPOCH_CLOSED;
	if (!souk_time_is_before(now, payee->expires))
		return SOUK_PEER_STRIP_EXPIRED;
	if (unit > payee->count)
		return SOUK_PEER_OVERDRAW;
	if (unit > payee->unit && unit - payee->unit > window)
		return SOUK_PEER_UNPAID;
	if (unit <= payee->unit && payee->unit - unit >= window)
		return SOUK_PEER_OUT_OF_ORDER;
	if (!has_chunk(&s->record, request->chunk))
		return SOUK_PEER_NO_CHUNK;
	if (binding->unit != unit)
		return SOUK_OK;
	if (binding->chunk != request->chunk)
		return SOUK_PEER_UNIT_REBOUND;
	return binding->sends < SOUK_PROVIDER_SENDS_MAX ? SOUK_OK : SOUK_LOCAL_FULL;
}

/* What the customer signed for and then broke counts against the session. */
static void note_bad_ticket(
	struct souk_provider *provider, struct souk_provider_session *s, souk_status status)
{
	provider->totals.refused_ticket++;
	if (status == SOUK_PEER_BAD_TICKET)
		s->bad++;
	if (s->bad >= SOUK_PROVIDER_BAD_MAX || status == SOUK_PEER_BAD_CHECKPOINT)
		provider_session_leave(provider, s);
}

static void commit_payee(struct souk_provider *provider, struct souk_provider_session *s,
	const struct souk_payee *payee)
{
	struct souk_amount gain, owed;
	uint32_t units = payee->unit - s->payee.unit;
	if (units == 0)
		return;
	s->payee = *payee;
	s->dirty = true;
	provider->has_dirty = true;
	provider->totals.tickets_accepted++;
	provider->totals.units_paid += units;
	if (souk_amount_mul(&gain, payee->price, units) == SOUK_OK &&
		souk_amount_add(&owed, provider->totals.owed, gain) == SOUK_OK)
		provider->totals.owed = owed;
}

static void fill_key(struct souk_provider_session *s, struct souk_provider_reply *reply)
{
	uint32_t unit = s->payee.unit;
	reply->has_key = unit > 0;
	if (unit == 0)
		return;
	struct souk_hash key = souk_chain_value(&s->keys, unit);
	reply->key.unit = unit;
	reply->key.masked = souk_unit_key_mask(&s->record.session_secret, unit, &key);
	souk_bytes_wipe(&key, sizeof key);
}

static void fill_unit(struct souk_provider_session *s, const struct souk_unit_request *request,
	struct souk_provider_reply *reply)
{
	const struct souk_session_record *record = &s->record;
	struct souk_provider_binding *binding = binding_of(s, request->unit);
	if (binding->unit != request->unit)
		*binding = (struct souk_provider_binding){
			.unit = request->unit, .chunk = request->chunk};
	binding->sends++;
	s->served = true;
	if (!is_service(record)) {
		uint64_t left = record->content_size - request->chunk * record->chunk_size;
		reply->offset = request->chunk * record->chunk_size;
		reply->length = left < record->chunk_size ? (uint32_t)left : record->chunk_size;
	}
	struct souk_hash key = souk_chain_value(&s->keys, request->unit);
	reply->cipher =
		souk_unit_cipher_of(&record->grant.session, request->unit, request->chunk, &key);
	souk_bytes_wipe(&key, sizeof key);
}

static bool is_new_unit(struct souk_provider_session *s, const struct souk_unit_request *request)
{
	return request->unit > 0 && binding_of(s, request->unit)->unit != request->unit;
}

static bool is_authentic(
	const struct souk_provider_session *s, const struct souk_unit_request *request)
{
	struct souk_unit_auth auth = souk_unit_request_auth(&s->record.session_secret, request);
	return souk_bytes_equal_secret(auth.bytes, request->auth.bytes, sizeof auth.bytes);
}

/* The session of REQUEST, which its customer made. */
static souk_status find_session(const struct souk_provider *provider,
	const struct souk_unit_request *request, struct souk_provider_session **ret)
{
	struct souk_provider_session *s = provider_session_of(provider, &request->session);
	if (s == NULL || s->state == SOUK_PROVIDER_LEAVING)
		return SOUK_PEER_UNKNOWN_SESSION;
	if (!is_authentic(s, request))
		return SOUK_PEER_BAD_AUTH;
	if (s->state != SOUK_PROVIDER_OPEN)
		return SOUK_PEER_OUT_OF_ORDER;
	*ret = s;
	return provider->epoch_known ? SOUK_OK : SOUK_LOCAL_STATE;
}

/* Whether what is asked for may be sent, once PAYEE's tickets count. */
static souk_status check_request(struct souk_provider_session *s, const struct souk_payee *payee,
	const struct souk_unit_request *request, struct souk_time now)
{
	if (request->unit > 0)
		return check_unit(s, payee, request, now);
	return payee->unit == 0 ? SOUK_PEER_UNPAID : SOUK_OK;
}

souk_status souk_provider_may_send(const struct souk_provider *provider,
	const struct souk_unit_request *request, struct souk_time now)
{
	struct souk_provider_session *s;
	SOUK_TRY(find_session(provider, request, &s));
	struct souk_payee payee = s->payee;
	SOUK_TRY(take_ticket(&payee, request, now));
	return check_request(s, &payee, request, now);
}

void souk_provider_blame(struct souk_provider *provider, const struct souk_nonce *session)
{
	struct souk_provider_session *s = provider_session_of(provider, session);
	if (s != NULL && s->state == SOUK_PROVIDER_OPEN && ++s->bad >= SOUK_PROVIDER_BAD_MAX)
		provider_session_leave(provider, s);
}

souk_status souk_provider_unit(struct souk_provider *provider, struct souk_provider_reply *ret,
	const struct souk_unit_request *request, struct souk_time now)
{
	struct souk_provider_reply reply = {0};
	struct souk_provider_session *s;
	souk_status status = find_session(provider, request, &s);
	if (status != SOUK_OK) {
		provider->totals.refused_auth += status == SOUK_PEER_BAD_AUTH;
		return status;
	}
	struct souk_payee payee = s->payee;
	status = take_ticket(&payee, request, now);
	if (status != SOUK_OK) {
		note_bad_ticket(provider, s, status);
		return status;
	}
	status = check_request(s, &payee, request, now);
	if (status != SOUK_OK) {
		provider->totals.refused_unpaid += status == SOUK_PEER_UNPAID;
		return status;
	}
	/* Repetitions are no life: they would keep a slot for nothing. */
	if (payee.unit > s->payee.unit || is_new_unit(s, request))
		s->active = now;
	commit_payee(provider, s, &payee);
	reply.content = s->record.ask.content;
	fill_key(s, &reply);
	if (request->unit > 0) {
		fill_unit(s, request, &reply);
		provider->totals.units_served++;
	}
	*ret = reply;
	return SOUK_OK;
}

souk_status souk_provider_statement(const struct souk_provider *provider,
	struct souk_unit_statement *ret, const struct souk_unit_request *request)
{
	const struct souk_provider_session *s = provider_session_of(provider, &request->session);
	if (s == NULL)
		return SOUK_PEER_UNKNOWN_SESSION;
	if (s->state != SOUK_PROVIDER_OPEN)
		return SOUK_PEER_OUT_OF_ORDER;
	if (is_service(&s->record))
		return SOUK_PEER_NO_AGREEMENT;
	*ret = (struct souk_unit_statement){
		.version = SOUK_UNIT_STATEMENT_VERSION,
		.grant = souk_grant_digest(&s->record.grant),
		.unit = request->unit,
		.chunk = (uint32_t)request->chunk,
		.size = s->record.content_size,
		.chunk_size = s->record.chunk_size,
		.paid = s->payee.unit,
		.value = s->payee.value,
	};
	return SOUK_OK;
}

bool souk_provider_paid(
	const struct souk_provider *provider, const struct souk_nonce *session, uint32_t *ret_unit)
{
	const struct souk_provider_session *s = provider_session_of(provider, session);
	if (s == NULL || s->state != SOUK_PROVIDER_OPEN)
		return false;
	*ret_unit = s->payee.unit;
	return true;
}
