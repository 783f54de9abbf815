/* SPDX-License-Identifier: Apache-2.0
 *
 * Capsules, key fragments and fragments as bytes. One table of fields serves both forms: the simple
 * one leaves the MessagePack bytes out. */
#include <string.h>

#include "souk/base/check.h"
#include "souk/crypto/group8.h"
#include "umbral_form.h"
#include "umbral_hash.h"

/* MessagePack: an array of N below 16; binary of N below 256; false, true. */
#define ARRAY(n) (uint8_t)(0x90 + (n))
#define BIN	 0xc4
#define FALSE_	 0xc2
#define TRUE_	 0xc3

/* A cursor over bytes that are read. The first thing wrong is kept, the rest is zeros. Points are
 * parsed at the end, all at once. */
struct input {
	struct souk_bytes left;
	bool is_packed;
	souk_status status;
	uint8_t point_bytes[SOUK_LANES][SOUK_PUBKEY_SIZE];
	struct souk_point *points[SOUK_LANES];
	size_t point_count;
};

static void fail(struct input *in, souk_status status)
{
	if (in->status == SOUK_OK)
		in->status = status;
}

static void read_raw(struct input *in, uint8_t *out, size_t size)
{
	if (in->left.size < size) {
		fail(in, SOUK_PEER_TRUNCATED);
		memset(out, 0, size);
		return;
	}
	memcpy(out, in->left.data, size);
	in->left = souk_bytes_of(in->left.data + size, in->left.size - size);
}

static void read_marker(struct input *in, uint8_t marker)
{
	uint8_t byte;
	if (!in->is_packed)
		return;
	read_raw(in, &byte, 1);
	if (byte != marker)
		fail(in, SOUK_PEER_BAD_REQUEST);
}

static void read_bytes(struct input *in, uint8_t *out, size_t size)
{
	read_marker(in, BIN);
	read_marker(in, (uint8_t)size);
	read_raw(in, out, size);
}

/* RET is a point once finish has been called. */
static void read_point(struct input *in, struct souk_point *ret)
{
	read_bytes(in, in->point_bytes[in->point_count], SOUK_PUBKEY_SIZE);
	in->points[in->point_count++] = ret;
}

static souk_status finish(struct input *in)
{
	const uint8_t *bytes[SOUK_LANES];
	struct souk_point points[SOUK_LANES];
	SOUK_TRY(in->status);
	for (size_t i = 0; i < in->point_count; i++)
		bytes[i] = in->point_bytes[i];
	if (souk_group8_parse(points, bytes, in->point_count) != 0)
		return SOUK_PEER_BAD_POINT;
	for (size_t i = 0; i < in->point_count; i++)
		*in->points[i] = points[i];
	return SOUK_OK;
}

static void read_scalar(struct input *in, struct souk_scalar *ret)
{
	uint8_t bytes[32];
	read_bytes(in, bytes, sizeof bytes);
	if (in->status == SOUK_OK)
		fail(in, souk_scalar_parse(ret, bytes));
	souk_bytes_wipe(bytes, sizeof bytes);
}

static void read_flag(struct input *in, bool *ret)
{
	uint8_t byte;
	read_raw(in, &byte, 1);
	if (byte != FALSE_ && byte != TRUE_)
		fail(in, SOUK_PEER_BAD_REQUEST);
	*ret = byte == TRUE_;
}

/* Lengths are exact: told first, so that a long message is not called a bad one. */
static struct input begin(struct souk_bytes bytes, size_t size, bool is_packed)
{
	struct input in = {.left = bytes, .is_packed = is_packed, .status = SOUK_OK};
	if (bytes.size != size)
		fail(&in, bytes.size < size ? SOUK_PEER_TRUNCATED : SOUK_PEER_TRAILING);
	return in;
}

/* A place that is written to. */
struct output {
	uint8_t *at;
	bool is_packed;
};

static void write_marker(struct output *out, uint8_t marker)
{
	if (out->is_packed)
		*out->at++ = marker;
}

static void write_bytes(struct output *out, const uint8_t *bytes, size_t size)
{
	write_marker(out, BIN);
	write_marker(out, (uint8_t)size);
	memcpy(out->at, bytes, size);
	out->at += size;
}

static void write_point(struct output *out, const struct souk_point *point)
{
	uint8_t bytes[SOUK_PUBKEY_SIZE];
	souk_point_format(bytes, point);
	write_bytes(out, bytes, sizeof bytes);
}

/* ------------------------------------------------------------------ capsules */

/* s G = V + h E: whoever made it knows what it hides. */
static souk_status check_capsule(const struct souk_umbral_capsule *capsule)
{
	struct souk_scalar h = umbral_capsule_hash(&capsule->e, &capsule->v);
	struct souk_point v, sum;
	h = souk_scalar_negate(&h);
	if (souk_point_mul_base_var(&v, &capsule->e, &h, &capsule->s) != SOUK_OK ||
		!souk_point_equal(&v, &capsule->v))
		return SOUK_PEER_BAD_CAPSULE;
	/* E = -V hides nothing: who opens it would find infinity. */
	if (souk_point_add(&sum, &capsule->e, &capsule->v) != SOUK_OK)
		return SOUK_PEER_BAD_CAPSULE;
	return SOUK_OK;
}

souk_status umbral_capsule_check(const struct souk_umbral_capsule *capsule,
	const struct souk_point *he, const struct souk_point *sg)
{
	struct souk_point sum;
	if (souk_point_add(&sum, &capsule->v, he) != SOUK_OK || !souk_point_equal(&sum, sg) ||
		souk_point_add(&sum, &capsule->e, &capsule->v) != SOUK_OK)
		return SOUK_PEER_BAD_CAPSULE;
	return SOUK_OK;
}

static souk_status read_capsule(
	struct souk_umbral_capsule *ret, struct souk_bytes bytes, size_t size, bool is_packed)
{
	struct input in = begin(bytes, size, is_packed);
	struct souk_umbral_capsule capsule;
	read_marker(&in, ARRAY(3));
	read_point(&in, &capsule.e);
	read_point(&in, &capsule.v);
	read_scalar(&in, &capsule.s);
	SOUK_TRY(finish(&in));
	*ret = capsule;
	return SOUK_OK;
}

souk_status umbral_capsule_read(struct souk_umbral_capsule *ret, struct souk_bytes bytes)
{
	return read_capsule(ret, bytes, SOUK_UMBRAL_CAPSULE_SIZE, true);
}

static souk_status parse_capsule(
	struct souk_umbral_capsule *ret, struct souk_bytes bytes, size_t size, bool is_packed)
{
	struct souk_umbral_capsule capsule;
	SOUK_TRY(read_capsule(&capsule, bytes, size, is_packed));
	SOUK_TRY(check_capsule(&capsule));
	*ret = capsule;
	return SOUK_OK;
}

souk_status souk_umbral_capsule_parse_simple(
	struct souk_umbral_capsule *ret, struct souk_bytes bytes)
{
	return parse_capsule(ret, bytes, SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE, false);
}

souk_status souk_umbral_capsule_parse(struct souk_umbral_capsule *ret, struct souk_bytes bytes)
{
	return parse_capsule(ret, bytes, SOUK_UMBRAL_CAPSULE_SIZE, true);
}

/* Four capsules at once: h E and s G of each. The first bad one's place, or COUNT. */
static size_t check_wide(const struct souk_umbral_capsule *capsules, size_t count)
{
	struct souk_point points[SOUK_LANES];
	struct souk_scalar scalars[SOUK_LANES];
	for (size_t i = 0; i < count; i++) {
		points[2 * i] = capsules[i].e;
		scalars[2 * i] = umbral_capsule_hash(&capsules[i].e, &capsules[i].v);
		points[2 * i + 1] = souk_point_generator();
		scalars[2 * i + 1] = capsules[i].s;
	}
	uint8_t infinite = souk_group8_mul(points, points, scalars, 2 * count);
	for (size_t i = 0; i < count; i++) {
		if ((infinite >> 2 * i & 3) != 0 ||
			umbral_capsule_check(&capsules[i], &points[2 * i], &points[2 * i + 1]) !=
				SOUK_OK)
			return i;
	}
	return count;
}

/* The first bad one's place, or COUNT. */
static size_t check_all(const struct souk_umbral_capsule *capsules, size_t count)
{
	const size_t step = SOUK_LANES / 2;
	bool is_wide = souk_group8_is_wide();
	for (size_t at = 0; is_wide && at < count; at += step) {
		size_t some = count - at < step ? count - at : step;
		size_t bad = check_wide(&capsules[at], some);
		if (bad < some)
			return at + bad;
	}
	for (size_t i = 0; !is_wide && i < count; i++) {
		if (check_capsule(&capsules[i]) != SOUK_OK)
			return i;
	}
	return count;
}

souk_status souk_umbral_capsules_parse_simple(struct souk_umbral_capsule *ret, size_t *ret_index,
	const struct souk_bytes *items, size_t count)
{
	struct souk_umbral_capsule capsules[SOUK_UMBRAL_CAPSULES_MAX];
	SOUK_CHECK(count <= SOUK_UMBRAL_CAPSULES_MAX);
	for (size_t i = 0; i < count; i++) {
		souk_status status = read_capsule(
			&capsules[i], items[i], SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE, false);
		if (status != SOUK_OK) {
			*ret_index = i;
			return status;
		}
	}
	size_t bad = check_all(capsules, count);
	if (bad < count) {
		*ret_index = bad;
		return SOUK_PEER_BAD_CAPSULE;
	}
	memcpy(ret, capsules, count * sizeof *ret);
	return SOUK_OK;
}

static void format_capsule(struct output *out, const struct souk_umbral_capsule *capsule)
{
	write_marker(out, ARRAY(3));
	write_point(out, &capsule->e);
	write_point(out, &capsule->v);
	write_bytes(out, capsule->s.bytes, 32);
}

void souk_umbral_capsule_format_simple(
	uint8_t ret[SOUK_UMBRAL_CAPSULE_SIMPLE_SIZE], const struct souk_umbral_capsule *capsule)
{
	format_capsule(&(struct output){ret, false}, capsule);
}

void souk_umbral_capsule_format(
	uint8_t ret[SOUK_UMBRAL_CAPSULE_SIZE], const struct souk_umbral_capsule *capsule)
{
	format_capsule(&(struct output){ret, true}, capsule);
}

/* ------------------------------------------------------------------ key fragments */

souk_status souk_umbral_kfrag_parse(struct souk_umbral_kfrag *ret, struct souk_bytes bytes)
{
	struct input in = begin(bytes, SOUK_UMBRAL_KFRAG_SIZE, true);
	struct souk_umbral_kfrag kfrag;
	const struct souk_point ours = souk_umbral_parameter();
	struct souk_point u;
	read_marker(&in, ARRAY(5));
	read_marker(&in, ARRAY(1));
	read_point(&in, &u);
	read_bytes(&in, kfrag.id, sizeof kfrag.id);
	read_scalar(&in, &kfrag.rk);
	read_point(&in, &kfrag.x);
	read_marker(&in, ARRAY(5));
	read_point(&in, &kfrag.u1);
	read_bytes(&in, kfrag.proxy_signature.bytes, sizeof kfrag.proxy_signature.bytes);
	read_bytes(&in, kfrag.receiver_signature.bytes, sizeof kfrag.receiver_signature.bytes);
	read_flag(&in, &kfrag.names_delegating);
	read_flag(&in, &kfrag.names_receiving);
	souk_status status = finish(&in);
	if (status == SOUK_OK && !souk_point_equal(&u, &ours))
		status = SOUK_PEER_FOREIGN_PARAMETER;
	/* Nothing could be re-encrypted with it. */
	if (status == SOUK_OK && souk_scalar_is_zero(&kfrag.rk))
		status = SOUK_PEER_NOT_CANONICAL;
	if (status == SOUK_OK)
		*ret = kfrag;
	souk_bytes_wipe(&kfrag.rk, sizeof kfrag.rk);
	return status;
}

void souk_umbral_kfrag_format(
	uint8_t ret[SOUK_UMBRAL_KFRAG_SIZE], const struct souk_umbral_kfrag *kfrag)
{
	const struct souk_point u = souk_umbral_parameter();
	struct output out = {ret, true};
	write_marker(&out, ARRAY(5));
	write_marker(&out, ARRAY(1));
	write_point(&out, &u);
	write_bytes(&out, kfrag->id, sizeof kfrag->id);
	write_bytes(&out, kfrag->rk.bytes, 32);
	write_point(&out, &kfrag->x);
	write_marker(&out, ARRAY(5));
	write_point(&out, &kfrag->u1);
	write_bytes(&out, kfrag->proxy_signature.bytes, sizeof kfrag->proxy_signature.bytes);
	write_bytes(&out, kfrag->receiver_signature.bytes, sizeof kfrag->receiver_signature.bytes);
	write_marker(&out, kfrag->names_delegating ? TRUE_ : FALSE_);
	write_marker(&out, kfrag->names_receiving ? TRUE_ : FALSE_);
}

/* ------------------------------------------------------------------ fragments */

static souk_status parse_cfrag(
	struct souk_umbral_cfrag *ret, struct souk_bytes bytes, size_t size, bool is_packed)
{
	struct input in = begin(bytes, size, is_packed);
	struct souk_umbral_cfrag cfrag;
	read_marker(&in, ARRAY(5));
	read_point(&in, &cfrag.e1);
	read_point(&in, &cfrag.v1);
	read_bytes(&in, cfrag.id, sizeof cfrag.id);
	read_point(&in, &cfrag.x);
	read_marker(&in, ARRAY(6));
	read_point(&in, &cfrag.e2);
	read_point(&in, &cfrag.v2);
	read_point(&in, &cfrag.u1);
	read_point(&in, &cfrag.u2);
	read_scalar(&in, &cfrag.z);
	read_bytes(&in, cfrag.receiver_signature.bytes, sizeof cfrag.receiver_signature.bytes);
	SOUK_TRY(finish(&in));
	*ret = cfrag;
	return SOUK_OK;
}

souk_status souk_umbral_cfrag_parse_simple(struct souk_umbral_cfrag *ret, struct souk_bytes bytes)
{
	return parse_cfrag(ret, bytes, SOUK_UMBRAL_CFRAG_SIMPLE_SIZE, false);
}

souk_status souk_umbral_cfrag_parse(struct souk_umbral_cfrag *ret, struct souk_bytes bytes)
{
	return parse_cfrag(ret, bytes, SOUK_UMBRAL_CFRAG_SIZE, true);
}

static void format_cfrag(struct output *out, const struct souk_umbral_cfrag *cfrag)
{
	write_marker(out, ARRAY(5));
	write_point(out, &cfrag->e1);
	write_point(out, &cfrag->v1);
	write_bytes(out, cfrag->id, sizeof cfrag->id);
	write_point(out, &cfrag->x);
	write_marker(out, ARRAY(6));
	write_point(out, &cfrag->e2);
	write_point(out, &cfrag->v2);
	write_point(out, &cfrag->u1);
	write_point(out, &cfrag->u2);
	write_bytes(out, cfrag->z.bytes, 32);
	write_bytes(out, cfrag->receiver_signature.bytes, sizeof cfrag->receiver_signature.bytes);
}

void souk_umbral_cfrag_format_simple(
	uint8_t ret[SOUK_UMBRAL_CFRAG_SIMPLE_SIZE], const struct souk_umbral_cfrag *cfrag)
{
	format_cfrag(&(struct output){ret, false}, cfrag);
}

void souk_umbral_cfrag_format(
	uint8_t ret[SOUK_UMBRAL_CFRAG_SIZE], const struct souk_umbral_cfrag *cfrag)
{
	format_cfrag(&(struct output){ret, true}, cfrag);
}
