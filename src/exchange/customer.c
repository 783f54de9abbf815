/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/exchange/customer.h"

#include <string.h>

#include "customer_internal.h"
#include "souk/base/check.h"

#define UNITS (2 * SOUK_WINDOW_MAX)

souk_status souk_customer_init(
	struct souk_customer *customer, const struct souk_customer_config *config)
{
	struct souk_secret_rng rng;
	const struct souk_offer *offer = config->offer;
	if (config->units == 0 || config->units > offer->units_max)
		return SOUK_PEER_BAD_OFFER;
	memset(customer, 0, sizeof *customer);
	souk_secret_rng_init(&rng, config->seed);
	souk_identity_generate(&customer->ephemeral, &rng);
	souk_secret_rng_fill(&rng, &customer->ticket_secret, sizeof customer->ticket_secret);
	souk_bytes_wipe(&rng, sizeof rng);
	customer->price = customer->cost = offer->price;
	customer->window = config->window_max > 0 && config->window_max < SOUK_WINDOW_MAX
				   ? config->window_max
				   : SOUK_WINDOW_MAX;
	customer->ask = (struct souk_ask){
		.version = SOUK_EXCHANGE_VERSION,
		.provider = offer->provider,
		.content = offer->content,
		.units = config->units,
		.price = offer->price,
		.escrow = config->escrow,
		.epoch = config->epoch,
		.customer = customer->ephemeral.pubkey,
	};
	return SOUK_OK;
}

const struct souk_ask *souk_customer_ask(struct souk_customer *customer)
{
	if (customer->state == SOUK_CUSTOMER_NEW)
		customer->state = SOUK_CUSTOMER_ASKED;
	return &customer->ask;
}

souk_status souk_customer_grant(
	struct souk_customer *customer, const struct souk_grant_open *open, struct souk_time now)
{
	const struct souk_grant *grant = &open->grant.grant;
	struct souk_hash secret, digest = souk_ask_digest(&customer->ask);
	if (customer->state != SOUK_CUSTOMER_ASKED)
		return SOUK_LOCAL_STATE;
	SOUK_TRY(souk_grant_open_verify(open, now));
	if (!souk_address_equal(&grant->provider, &customer->ask.provider))
		return SOUK_PEER_WRONG_SIGNER;
	if (!souk_hash_equal(&grant->ask, &digest) || grant->price.ncoin != customer->price.ncoin ||
		grant->units > customer->ask.units)
		return SOUK_PEER_BAD_GRANT;
	SOUK_TRY(souk_session_secret(&secret, &customer->ephemeral.seckey, &grant->session_key,
		&grant->session, &digest));
	customer->grant = *grant;
	customer->grant_signature = open->grant.signature;
	memcpy(customer->key_leaves, open->key_leaves.items,
		open->key_leaves.count * sizeof *customer->key_leaves);
	customer->session_secret = secret;
	souk_bytes_wipe(&secret, sizeof secret);
	customer->key = grant->key_anchor;
	if (grant->window < customer->window)
		customer->window = grant->window;
	customer->state = SOUK_CUSTOMER_GRANTED;
	return SOUK_OK;
}

struct souk_strip customer_terms(const struct souk_customer *customer)
{
	const struct souk_ask *ask = &customer->ask;
	const struct souk_grant *grant = &customer->grant;
	return (struct souk_strip){
		.payee = ask->provider,
		.customer = ask->customer,
		.request = ask->content,
		.nonce = grant->session,
		.key_anchor = grant->key_anchor,
		.key_checkpoints = grant->key_checkpoints,
		.price = grant->price,
		.count = grant->units,
		.expires = grant->expires,
	};
}

souk_status souk_customer_strip(
	struct souk_customer *customer, struct souk_payer_leaf *leaf, struct souk_strip_open *open)
{
	const struct souk_ask *ask = &customer->ask;
	if (customer->state != SOUK_CUSTOMER_GRANTED)
		return SOUK_LOCAL_STATE;
	if (!souk_hash_equal(&leaf->escrow, &ask->escrow) || leaf->epoch != ask->epoch)
		return SOUK_PEER_STRIP_TERMS;
	struct souk_strip terms = customer_terms(customer);
	SOUK_TRY(souk_payer_strip_open(
		&customer->payer, leaf, &terms, 0, &customer->ticket_secret, open));
	customer->state = SOUK_CUSTOMER_STRIPPED;
	return SOUK_OK;
}

souk_status souk_customer_opened(struct souk_customer *customer)
{
	if (customer->state != SOUK_CUSTOMER_STRIPPED)
		return SOUK_LOCAL_STATE;
	customer->state = SOUK_CUSTOMER_OPEN;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ units */

static struct souk_customer_unit *unit_of(struct souk_customer *customer, uint32_t unit)
{
	return &customer->units[unit % UNITS];
}

/* Whether UNIT is among those that are remembered: asked for, and not behind the verified ones. */
static bool is_remembered(const struct souk_customer *customer, uint32_t unit)
{
	return unit > customer->verified && unit <= customer->requested;
}

uint32_t customer_due(const struct souk_customer *customer)
{
	uint32_t limit = customer->verified + customer->window;
	return customer->received < limit ? customer->received : limit;
}

uint32_t souk_customer_payable(const struct souk_customer *customer)
{
	uint32_t due = customer_due(customer), known = customer->payer.known;
	return customer->via_hub && known < due ? known : due;
}

souk_status customer_check_open(const struct souk_customer *customer, struct souk_time now)
{
	if (customer->state != SOUK_CUSTOMER_OPEN)
		return SOUK_LOCAL_STATE;
	return souk_time_is_before(now, customer->grant.expires) ? SOUK_OK
								 : SOUK_PEER_STRIP_EXPIRED;
}

/* Issue the ticket that is due, and put the last one issued on every request: so each request pays
 * for itself, in whatever order they arrive. */
static void fill_request(struct souk_customer *customer, struct souk_unit_request *request)
{
	struct souk_ticket ticket;
	uint32_t payable = souk_customer_payable(customer);
	request->session = customer->grant.session;
	/* At most a window ahead of the last one: never too far a jump, never past the strip. */
	if (payable > customer->payer.unit)
		SOUK_CHECK(souk_payer_pay(&ticket, &customer->payer, payable) == SOUK_OK);
	request->has_ticket = souk_payer_last(&ticket, &customer->payer);
	if (request->has_ticket)
		request->ticket = ticket;
	request->auth = souk_unit_request_auth(&customer->session_secret, request);
}

souk_status souk_customer_next(struct souk_customer *customer, struct souk_unit_request *ret,
	uint64_t chunk, struct souk_time now)
{
	struct souk_unit_request request = {.chunk = chunk};
	SOUK_TRY(customer_check_open(customer, now));
	if (customer->requested == customer->grant.units)
		return SOUK_PEER_OVERDRAW;
	uint32_t payable = souk_customer_payable(customer);
	uint32_t paid = customer->payer.unit > payable ? customer->payer.unit : payable;
	if (customer->requested >= paid + customer->window)
		return customer_due(customer) > paid ? SOUK_LOCAL_UNBOUGHT : SOUK_LOCAL_STATE;
	request.unit = ++customer->requested;
	*unit_of(customer, request.unit) =
		(struct souk_customer_unit){.state = SOUK_UNIT_ASKED, .chunk = chunk};
	fill_request(customer, &request);
	*ret = request;
	return SOUK_OK;
}

souk_status souk_customer_again(struct souk_customer *customer, struct souk_unit_request *ret,
	uint32_t unit, struct souk_time now)
{
	struct souk_unit_request request = {.unit = unit};
	SOUK_TRY(customer_check_open(customer, now));
	if (!is_remembered(customer, unit) || unit_of(customer, unit)->state != SOUK_UNIT_ASKED)
		return SOUK_LOCAL_STATE;
	request.chunk = unit_of(customer, unit)->chunk;
	fill_request(customer, &request);
	*ret = request;
	return SOUK_OK;
}

souk_status souk_customer_instead(struct souk_customer *customer, struct souk_unit_request *ret,
	uint32_t unit, uint64_t chunk, struct souk_time now)
{
	SOUK_TRY(customer_check_open(customer, now));
	if (!is_remembered(customer, unit) || unit_of(customer, unit)->state != SOUK_UNIT_ASKED)
		return SOUK_LOCAL_STATE;
	unit_of(customer, unit)->chunk = chunk;
	return souk_customer_again(customer, ret, unit, now);
}

souk_status souk_customer_withdraw(struct souk_customer *customer, uint32_t unit)
{
	/* A hub's ticket for it may have been bought already. */
	if (customer->state != SOUK_CUSTOMER_OPEN || unit != customer->requested ||
		!is_remembered(customer, unit) || unit <= souk_customer_paid(customer) ||
		unit_of(customer, unit)->state != SOUK_UNIT_ASKED)
		return SOUK_LOCAL_STATE;
	unit_of(customer, unit)->state = SOUK_UNIT_NONE;
	customer->requested--;
	return SOUK_OK;
}

souk_status souk_customer_received(struct souk_customer *customer, uint32_t unit)
{
	if (customer->state != SOUK_CUSTOMER_OPEN || !is_remembered(customer, unit) ||
		unit_of(customer, unit)->state != SOUK_UNIT_ASKED)
		return SOUK_LOCAL_STATE;
	unit_of(customer, unit)->state = SOUK_UNIT_RECEIVED;
	while (customer->received < customer->requested &&
		unit_of(customer, customer->received + 1)->state >= SOUK_UNIT_RECEIVED)
		customer->received++;
	return SOUK_OK;
}

/* Whether VALUE, k_unit, leads to the highest key known, by way of the leaf that was published for
 * the checkpoint between them. There is one at most: no key is a window ahead of the last. */
static souk_status check_key(
	const struct souk_customer *customer, uint32_t unit, struct souk_hash value)
{
	const struct souk_nonce *session = &customer->grant.session;
	uint32_t checkpoint = unit - unit % SOUK_CHAIN_SEGMENT;
	bool published = true;
	if (checkpoint > customer->keyed) {
		value = souk_chain_walk(souk_chain_tag_key, session, unit, &value, checkpoint);
		struct souk_hash leaf =
			souk_merkle_leaf(souk_bytes_of(value.bytes, SOUK_HASH_SIZE));
		published = souk_hash_equal(
			&leaf, &customer->key_leaves[checkpoint / SOUK_CHAIN_SEGMENT - 1]);
		unit = checkpoint;
	}
	value = souk_chain_walk(souk_chain_tag_key, session, unit, &value, customer->keyed);
	if (!souk_hash_equal(&value, &customer->key))
		return SOUK_PEER_BAD_KEY;
	return published ? SOUK_OK : SOUK_PEER_BAD_CHECKPOINT;
}

souk_status souk_customer_key(struct souk_customer *customer, const struct souk_unit_key *key)
{
	if (customer->state != SOUK_CUSTOMER_OPEN)
		return SOUK_LOCAL_STATE;
	if (key->unit <= customer->keyed)
		return SOUK_OK;
	if (key->unit > customer->payer.unit) {
		souk_customer_end(customer, SOUK_PEER_BAD_KEY);
		return SOUK_PEER_BAD_KEY;
	}
	struct souk_hash value =
		souk_unit_key_mask(&customer->session_secret, key->unit, &key->masked);
	souk_status status = check_key(customer, key->unit, value);
	if (status != SOUK_OK) {
		souk_customer_end(customer, status);
		return status;
	}
	customer->key = value;
	customer->keyed = key->unit;
	return SOUK_OK;
}

souk_status souk_customer_cipher(
	const struct souk_customer *customer, struct souk_unit_cipher *ret, uint32_t unit)
{
	const struct souk_customer_unit *entry = &customer->units[unit % UNITS];
	if (customer->state != SOUK_CUSTOMER_OPEN || !is_remembered(customer, unit) ||
		entry->state != SOUK_UNIT_RECEIVED || unit > customer->keyed)
		return SOUK_LOCAL_STATE;
	struct souk_hash key = souk_chain_walk(souk_chain_tag_key, &customer->grant.session,
		customer->keyed, &customer->key, unit);
	*ret = souk_unit_cipher_of(&customer->grant.session, unit, entry->chunk, &key);
	souk_bytes_wipe(&key, sizeof key);
	return SOUK_OK;
}

souk_status souk_customer_unit_key(
	const struct souk_customer *customer, struct souk_hash *ret, uint32_t unit)
{
	if (unit == 0 || unit > customer->keyed)
		return SOUK_LOCAL_STATE;
	*ret = souk_chain_walk(souk_chain_tag_key, &customer->grant.session, customer->keyed,
		&customer->key, unit);
	return SOUK_OK;
}

souk_status souk_customer_verified(struct souk_customer *customer, uint32_t unit)
{
	if (customer->state != SOUK_CUSTOMER_OPEN || !is_remembered(customer, unit) ||
		unit > customer->keyed || unit_of(customer, unit)->state != SOUK_UNIT_RECEIVED)
		return SOUK_LOCAL_STATE;
	unit_of(customer, unit)->state = SOUK_UNIT_VERIFIED;
	while (customer->verified < customer->requested &&
		unit_of(customer, customer->verified + 1)->state == SOUK_UNIT_VERIFIED) {
		customer->verified++;
		unit_of(customer, customer->verified)->state = SOUK_UNIT_NONE;
	}
	return SOUK_OK;
}

void souk_customer_end(struct souk_customer *customer, souk_status reason)
{
	if (customer->state == SOUK_CUSTOMER_ENDED)
		return;
	customer->state = SOUK_CUSTOMER_ENDED;
	customer->ended = reason;
}

souk_status souk_customer_settle(
	struct souk_customer *customer, struct souk_unit_request *ret, struct souk_time now)
{
	struct souk_unit_request request = {0};
	SOUK_TRY(customer_check_open(customer, now));
	if (souk_customer_payable(customer) <= customer->keyed &&
		customer->payer.unit <= customer->keyed)
		return customer_due(customer) > customer->keyed ? SOUK_LOCAL_UNBOUGHT
								: SOUK_LOCAL_STATE;
	fill_request(customer, &request);
	*ret = request;
	return SOUK_OK;
}

souk_status souk_customer_last_keys(
	const struct souk_customer *customer, struct souk_unit_request *ret)
{
	struct souk_unit_request request = {.session = customer->grant.session};
	if (customer->state != SOUK_CUSTOMER_OPEN || customer->payer.unit <= customer->keyed)
		return SOUK_LOCAL_STATE;
	request.auth = souk_unit_request_auth(&customer->session_secret, &request);
	*ret = request;
	return SOUK_OK;
}

/* ------------------------------------------------------------------ money */

/* Units times the price: within the strip, whose whole amount is one. */
static struct souk_amount worth(const struct souk_customer *customer, uint32_t units)
{
	struct souk_amount amount;
	SOUK_CHECK(souk_amount_mul(&amount, customer->cost, units) == SOUK_OK);
	return amount;
}

uint32_t souk_customer_paid(const struct souk_customer *customer)
{
	return customer->via_hub ? customer->bought : customer->payer.unit;
}

struct souk_amount souk_customer_spent(const struct souk_customer *customer)
{
	return worth(customer, souk_customer_paid(customer));
}

struct souk_amount souk_customer_earned(const struct souk_customer *customer)
{
	return worth(customer, customer->verified);
}

struct souk_amount souk_customer_committed(const struct souk_customer *customer)
{
	return worth(customer, customer->requested);
}

void souk_customer_wipe(struct souk_customer *customer)
{
	souk_payer_strip_wipe(&customer->payer);
	souk_bytes_wipe(customer, sizeof *customer);
}
