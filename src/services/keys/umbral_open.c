/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiver: t fragments become the content key. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/group8.h"
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

/* The sum of lambda_i e1_i and that of lambda_i v1_i, four fragments at a time. */
static souk_status add_up(struct souk_point *ret_e, struct souk_point *ret_v,
	const struct souk_umbral_cfrag *cfrags, const struct souk_scalar *lambdas, size_t count)
{
	for (size_t done = 0; done < count;) {
		struct souk_point points[SOUK_LANES];
		struct souk_scalar scalars[SOUK_LANES];
		size_t lanes = 0;
		for (size_t i = done; i < count && lanes < SOUK_LANES; i++, lanes += 2) {
			points[lanes] = cfrags[i].e1;
			points[lanes + 1] = cfrags[i].v1;
			scalars[lanes] = scalars[lanes + 1] = lambdas[i];
		}
		uint8_t infinite = souk_group8_mul(points, points, scalars, lanes);
		souk_bytes_wipe(scalars, sizeof scalars);
		if (infinite != 0)
			return SOUK_PEER_BAD_FRAGMENT;
		for (size_t lane = 0; lane < lanes; lane += 2, done++) {
			if (done == 0) {
				*ret_e = points[0];
				*ret_v = points[1];
				continue;
			}
			SOUK_TRY(souk_point_add(ret_e, ret_e, &points[lane]));
			SOUK_TRY(souk_point_add(ret_v, ret_v, &points[lane + 1]));
		}
	}
	return SOUK_OK;
}

static souk_status combine(struct souk_point *ret_e, struct souk_point *ret_v,
	const struct souk_umbral_cfrag *cfrags, size_t count, const struct souk_point *receiving,
	const uint8_t d[SOUK_PUBKEY_SIZE])
{
	struct souk_scalar xs[SOUK_UMBRAL_SHARES_MAX], lambdas[SOUK_UMBRAL_SHARES_MAX];
	for (size_t i = 0; i < count; i++)
		xs[i] = umbral_argument_hash(&cfrags[0].x, receiving, d, cfrags[i].id);
	coefficients(lambdas, xs, count);
	souk_status status = add_up(ret_e, ret_v, cfrags, lambdas, count);
	souk_bytes_wipe(xs, sizeof xs);
	souk_bytes_wipe(lambdas, sizeof lambdas);
	return status;
}

/* (s / d) A = h e + v: the fragments together are those of this capsule and A. */
static souk_status check_sum(const struct souk_umbral_capsule *capsule, const struct souk_point *e,
	const struct souk_point *v, const struct souk_scalar *shared,
	const struct souk_point *delegating)
{
	struct souk_scalar scalars[SOUK_LANES] = {
		souk_scalar_inverse(shared), umbral_capsule_hash(&capsule->e, &capsule->v)};
	struct souk_point points[SOUK_LANES] = {*delegating, *e}, sum;
	scalars[0] = souk_scalar_mul(&scalars[0], &capsule->s);
	bool good = souk_group8_mul(points, points, scalars, 2) == 0 &&
		    souk_point_add(&sum, &points[1], v) == SOUK_OK &&
		    souk_point_equal(&sum, &points[0]);
	souk_bytes_wipe(scalars, sizeof scalars);
	return good ? SOUK_OK : SOUK_PEER_BAD_FRAGMENT;
}

souk_status souk_umbral_open(struct souk_umbral_seed *ret,
	const struct souk_umbral_capsule *capsule, const struct souk_umbral_cfrag *cfrags,
	size_t count, const struct souk_umbral_key *receiving, const struct souk_point *delegating)
{
	struct souk_point e, v, sum;
	struct souk_scalar shared;
	uint8_t d[SOUK_PUBKEY_SIZE];
	SOUK_TRY(check_fragments(cfrags, count));
	SOUK_CHECK(souk_point_mul_secret(d, &cfrags[0].x, &receiving->secret) == SOUK_OK);
	shared = umbral_shared_hash(&cfrags[0].x, &receiving->point, d);
	souk_status status = combine(&e, &v, cfrags, count, &receiving->point, d);
	if (status == SOUK_OK)
		status = check_sum(capsule, &e, &v, &shared, delegating);
	if (status == SOUK_OK)
		status = souk_point_add(&sum, &e, &v);
	if (status == SOUK_OK)
		status = souk_point_mul_secret(ret->bytes, &sum, &shared);
	souk_bytes_wipe(d, sizeof d);
	souk_bytes_wipe(&e, sizeof e);
	souk_bytes_wipe(&v, sizeof v);
	souk_bytes_wipe(&sum, sizeof sum);
	souk_bytes_wipe(&shared, sizeof shared);
	/* Sums that are infinity are no honest proxies' either. */
	return status == SOUK_PEER_BAD_POINT ? SOUK_PEER_BAD_FRAGMENT : status;
}
