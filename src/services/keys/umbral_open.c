/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiver: t fragments become the content key. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/keys/umbral.h"
#include "umbral_hash.h"

/* All of one policy, and each another share of it. */
static souk_status check_fragments(const struct souk_umbral_cfrag *cfrags, size_t count)
{
	if (count == 0 || count > SOUK_UMBRAL_SHARES_MAX)
		return SOUK_PEER_FRAGMENTS_DIFFER;
	for (size_t i = 0; i < count; i++) {
		if (!souk_point_equal(&cfrags[i].x, &cfrags[0].x))
			return SOUK_PEER_FRAGMENTS_DIFFER;
		for (size_t k = 0; k < i; k++) {
			if (memcmp(cfrags[i].id, cfrags[k].id, sizeof cfrags[i].id) == 0)
				return SOUK_PEER_FRAGMENTS_DIFFER;
		}
	}
	return SOUK_OK;
}

/* Lagrange at zero: lambda_i = prod over j != i of x_j / (x_j - x_i); one inverse for all. */
static void coefficients(struct souk_scalar *lambdas, const struct souk_scalar *xs, size_t count)
{
	struct souk_scalar below[SOUK_UMBRAL_SHARES_MAX], scratch[SOUK_UMBRAL_SHARES_MAX];
	for (size_t i = 0; i < count; i++) {
		memset(&lambdas[i], 0, sizeof lambdas[i]);
		lambdas[i].bytes[31] = 1;
		below[i] = lambdas[i];
		for (size_t j = 0; j < count; j++) {
			if (j == i)
				continue;
			/* Ids differ, so these do: they are hashes of the ids. */
			struct souk_scalar difference = souk_scalar_sub(&xs[j], &xs[i]);
			lambdas[i] = souk_scalar_mul(&lambdas[i], &xs[j]);
			below[i] = souk_scalar_mul(&below[i], &difference);
		}
	}
	souk_scalar_inverse_all(below, scratch, count);
	for (size_t i = 0; i < count; i++)
		lambdas[i] = souk_scalar_mul(&lambdas[i], &below[i]);
	souk_bytes_wipe(below, sizeof below);
	souk_bytes_wipe(scratch, sizeof scratch);
}

/* SUM += LAMBDA * POINT; the first one sets it. */
static souk_status accumulate(struct souk_point *sum, const struct souk_point *point,
	const struct souk_scalar *lambda, bool is_first)
{
	struct souk_point part;
	SOUK_TRY(souk_point_mul(is_first ? sum : &part, point, lambda));
	return is_first ? SOUK_OK : souk_point_add(sum, sum, &part);
}

static souk_status combine(struct souk_point *ret_e, struct souk_point *ret_v,
	const struct souk_umbral_cfrag *cfrags, size_t count, const struct souk_point *receiving,
	const struct souk_point *d)
{
	struct souk_scalar xs[SOUK_UMBRAL_SHARES_MAX], lambdas[SOUK_UMBRAL_SHARES_MAX];
	souk_status status = SOUK_OK;
	for (size_t i = 0; i < count; i++)
		xs[i] = umbral_argument_hash(&cfrags[0].x, receiving, d, cfrags[i].id);
	coefficients(lambdas, xs, count);
	for (size_t i = 0; i < count && status == SOUK_OK; i++) {
		status = accumulate(ret_e, &cfrags[i].e1, &lambdas[i], i == 0);
		if (status == SOUK_OK)
			status = accumulate(ret_v, &cfrags[i].v1, &lambdas[i], i == 0);
	}
	souk_bytes_wipe(xs, sizeof xs);
	souk_bytes_wipe(lambdas, sizeof lambdas);
	return status;
}

/* (s / d) A = h e' + v': the fragments together are those of this capsule and A. */
static souk_status check_sum(const struct souk_umbral_capsule *capsule, const struct souk_point *e,
	const struct souk_point *v, const struct souk_scalar *shared,
	const struct souk_point *delegating)
{
	struct souk_scalar h = umbral_capsule_hash(&capsule->e, &capsule->v);
	struct souk_scalar factor = souk_scalar_inverse(shared);
	struct souk_point left, right;
	factor = souk_scalar_mul(&factor, &capsule->s);
	bool good = souk_point_mul(&left, delegating, &factor) == SOUK_OK &&
		    souk_point_mul(&right, e, &h) == SOUK_OK &&
		    souk_point_add(&right, &right, v) == SOUK_OK && souk_point_equal(&left, &right);
	souk_bytes_wipe(&factor, sizeof factor);
	return good ? SOUK_OK : SOUK_PEER_BAD_FRAGMENT;
}

souk_status souk_umbral_open(struct souk_umbral_seed *ret,
	const struct souk_umbral_capsule *capsule, const struct souk_umbral_cfrag *cfrags,
	size_t count, const struct souk_umbral_key *receiving, const struct souk_point *delegating)
{
	struct souk_point d, e, v;
	struct souk_scalar shared;
	SOUK_TRY(check_fragments(cfrags, count));
	SOUK_CHECK(souk_point_mul(&d, &cfrags[0].x, &receiving->secret) == SOUK_OK);
	shared = umbral_shared_hash(&cfrags[0].x, &receiving->point, &d);
	souk_status status = combine(&e, &v, cfrags, count, &receiving->point, &d);
	if (status == SOUK_OK)
		status = check_sum(capsule, &e, &v, &shared, delegating);
	if (status == SOUK_OK)
		status = souk_point_add(&e, &e, &v);
	if (status == SOUK_OK)
		status = souk_point_mul(&e, &e, &shared);
	if (status == SOUK_OK)
		souk_point_format(ret->bytes, &e);
	souk_bytes_wipe(&d, sizeof d);
	souk_bytes_wipe(&e, sizeof e);
	souk_bytes_wipe(&shared, sizeof shared);
	/* Sums that are infinity are no honest proxies' either. */
	return status == SOUK_PEER_BAD_POINT ? SOUK_PEER_BAD_FRAGMENT : status;
}
