/* SPDX-License-Identifier: Apache-2.0
 *
 * Points in lanes: eight multiplications of secp256k1 with AVX-512's 52-bit multiply-add.
 *
 * Scalars are read four bits at a time from the top: four doublings, and one addition of an entry
 * of the lane's table of 1 P to 15 P. Entries are read by going over all of them under a mask. They
 * share one Z, that of 15 P: so they are affine points of an isomorphic curve, whose formulas are
 * the same since the curve's b is in none of them; the last Z is multiplied by the common one.
 *
 * With k below the order n, 16 m P and j P, j <= 15, are never equal nor opposite unless m = 0: the
 * only special case is that nothing was added yet, and that is a mask. */
#ifdef __x86_64__

#include <cpuid.h>
#include <string.h>

#include "field8.h"
#include "group8_engine.h"
#include "souk/base/check.h"

#define TABLE	 15
#define DIGITS	 32
#define NOINLINE static __attribute__((noinline)) FIELD8_TARGET

struct point8 { /* Jacobian: x = X / Z^2, y = Y / Z^3 */
	struct field8 x, y, z;
};

struct affine8 {
	struct field8 x, y;
};

/* ------------------------------------------------------------------ in and out */

/* 32 bytes, big-endian, to five limbs. */
static void limbs_of(uint64_t limbs[5], const uint8_t bytes[32])
{
	uint64_t w[4];
	for (int i = 0; i < 4; i++)
		w[i] = souk_load_be64(bytes + 8 * (3 - i));
	limbs[0] = w[0] & P13;
	limbs[1] = (w[0] >> 52 | w[1] << 12) & P13;
	limbs[2] = (w[1] >> 40 | w[2] << 24) & P13;
	limbs[3] = (w[2] >> 28 | w[3] << 36) & P13;
	limbs[4] = w[3] >> 16;
}

/* Subtract p where that leaves no less than zero; in constant time. */
static void reduce_once(uint64_t limbs[5])
{
	static const uint64_t p[5] = {P0, P13, P13, P13, P4};
	uint64_t difference[5], borrow = 0;
	for (int i = 0; i < 5; i++) {
		difference[i] = limbs[i] - p[i] - borrow;
		borrow = difference[i] >> 63;
		if (i < 4)
			difference[i] &= P13;
	}
	uint64_t keep = 0 - borrow;
	for (int i = 0; i < 5; i++)
		limbs[i] = (limbs[i] & keep) | (difference[i] & ~keep);
}

static void bytes_of(uint8_t bytes[32], const uint64_t l[5])
{
	souk_store_be64(bytes + 24, l[0] | l[1] << 52);
	souk_store_be64(bytes + 16, l[1] >> 12 | l[2] << 40);
	souk_store_be64(bytes + 8, l[2] >> 24 | l[3] << 28);
	souk_store_be64(bytes, l[3] >> 36 | l[4] << 16);
}

/* A tight number is below 2p + a little: two subtractions make it canonical. */
NOINLINE void field8_store(uint8_t bytes[SOUK_LANES][32], const struct field8 *a)
{
	uint64_t limbs[5][SOUK_LANES] __attribute__((aligned(64)));
	for (int i = 0; i < 5; i++)
		_mm512_store_si512(limbs[i], a->l[i]);
	for (uint32_t lane = 0; lane < SOUK_LANES; lane++) {
		uint64_t one[5];
		for (int i = 0; i < 5; i++)
			one[i] = limbs[i][lane];
		reduce_once(one);
		reduce_once(one);
		bytes_of(bytes[lane], one);
	}
}

NOINLINE struct field8 field8_load(const uint8_t bytes[SOUK_LANES][32])
{
	uint64_t limbs[5][SOUK_LANES] __attribute__((aligned(64)));
	struct field8 r;
	for (uint32_t lane = 0; lane < SOUK_LANES; lane++) {
		uint64_t one[5];
		limbs_of(one, bytes[lane]);
		for (int i = 0; i < 5; i++)
			limbs[i][lane] = one[i];
	}
	for (int i = 0; i < 5; i++)
		r.l[i] = _mm512_load_si512(limbs[i]);
	return r;
}

/* ------------------------------------------------------------------ powers */

NOINLINE void square_times(struct field8 *a, unsigned count)
{
	struct field8 x = *a;
	while (count-- > 0)
		x = field8_square(&x);
	*a = x;
}

/* *RET = (*A)^(2^COUNT) * B */
NOINLINE struct field8 shift_mul(const struct field8 *a, unsigned count, const struct field8 *b)
{
	struct field8 x = *a;
	square_times(&x, count);
	return field8_mul(&x, b);
}

/* a^(2^k - 1) for k = 2, 22 and 223: where inverse and square root begin. */
NOINLINE void long_runs(
	const struct field8 *a, struct field8 *x2, struct field8 *x22, struct field8 *x223)
{
	struct field8 x3, x6, x9, x11, x44, x88, x176, x220;
	*x2 = shift_mul(a, 1, a);
	x3 = shift_mul(x2, 1, a);
	x6 = shift_mul(&x3, 3, &x3);
	x9 = shift_mul(&x6, 3, &x3);
	x11 = shift_mul(&x9, 2, x2);
	*x22 = shift_mul(&x11, 11, &x11);
	x44 = shift_mul(x22, 22, x22);
	x88 = shift_mul(&x44, 44, &x44);
	x176 = shift_mul(&x88, 88, &x88);
	x220 = shift_mul(&x176, 44, &x44);
	*x223 = shift_mul(&x220, 3, &x3);
}

/* a^(p - 2) */
NOINLINE struct field8 field8_inverse(const struct field8 *a)
{
	struct field8 x2, x22, x223, t;
	long_runs(a, &x2, &x22, &x223);
	t = shift_mul(&x223, 23, &x22);
	t = shift_mul(&t, 5, a);
	t = shift_mul(&t, 3, &x2);
	return shift_mul(&t, 2, a);
}

/* a^((p + 1) / 4): a root, where there is one. */
NOINLINE struct field8 field8_root(const struct field8 *a)
{
	struct field8 x2, x22, x223, t;
	long_runs(a, &x2, &x22, &x223);
	t = shift_mul(&x223, 23, &x22);
	t = shift_mul(&t, 6, &x2);
	square_times(&t, 2);
	return t;
}

/* ------------------------------------------------------------------ points */

/* 3 multiplications, 4 squares. */
NOINLINE struct point8 point8_double(const struct point8 *p)
{
	struct point8 r;
	struct field8 a = field8_square(&p->x);
	struct field8 b = field8_square(&p->y);
	struct field8 c = field8_square(&b);
	struct field8 d = field8_mul(&p->x, &b);
	struct field8 yz = field8_mul(&p->y, &p->z);
	struct field8 e, f, twice, eight;
	d = field8_double(&d, 2);
	d = field8_carry(d); /* 4 X Y^2 */
	e = field8_double(&a, 1);
	e = field8_add(&e, &a);
	e = field8_carry(e); /* 3 X^2 */
	f = field8_square(&e);
	twice = field8_double(&d, 1);
	r.x = field8_sub(&f, &twice, 2);
	r.x = field8_carry(r.x);
	f = field8_sub(&d, &r.x, 2);
	f = field8_carry(f);
	f = field8_mul(&e, &f);
	eight = field8_double(&c, 3);
	r.y = field8_sub(&f, &eight, 4);
	r.y = field8_carry(r.y);
	r.z = field8_double(&yz, 1);
	r.z = field8_carry(r.z);
	return r;
}

/* P + Q for an affine Q that is neither P nor -P; *RET_RATIO is the new Z over the old one. 8
 * multiplications, 3 squares. */
NOINLINE struct point8 point8_add(
	const struct point8 *p, const struct affine8 *q, struct field8 *ret_ratio)
{
	struct point8 r;
	struct field8 zz = field8_square(&p->z);
	struct field8 u = field8_mul(&q->x, &zz);
	struct field8 zzz = field8_mul(&zz, &p->z);
	struct field8 s = field8_mul(&q->y, &zzz);
	struct field8 h = field8_sub(&u, &p->x, 2);
	struct field8 d = field8_sub(&s, &p->y, 2);
	struct field8 hh, hhh, v, t;
	h = field8_carry(h);
	d = field8_carry(d);
	r.z = field8_mul(&p->z, &h);
	hh = field8_square(&h);
	hhh = field8_mul(&hh, &h);
	v = field8_mul(&p->x, &hh);
	t = field8_double(&v, 1);
	t = field8_add(&t, &hhh);
	r.x = field8_square(&d);
	r.x = field8_sub(&r.x, &t, 4);
	r.x = field8_carry(r.x);
	t = field8_sub(&v, &r.x, 2);
	t = field8_carry(t);
	t = field8_mul(&t, &d);
	hhh = field8_mul(&hhh, &p->y);
	r.y = field8_sub(&t, &hhh, 2);
	r.y = field8_carry(r.y);
	*ret_ratio = h;
	return r;
}

/* 1 P to 15 P with one Z, which is *RET_Z. */
NOINLINE void make_table(struct affine8 table[TABLE], struct field8 *ret_z, const struct affine8 *p)
{
	struct field8 ratios[TABLE], factor;
	struct point8 q = {p->x, p->y, field8_small(1)};
	table[0] = *p;
	q = point8_double(&q);
	ratios[1] = q.z;
	table[1] = (struct affine8){q.x, q.y};
	for (int i = 2; i < TABLE; i++) {
		q = point8_add(&q, p, &ratios[i]);
		table[i] = (struct affine8){q.x, q.y};
	}
	*ret_z = q.z;
	factor = ratios[TABLE - 1];
	for (int i = TABLE - 2; i >= 0; i--) {
		struct field8 square = field8_square(&factor), cube = field8_mul(&square, &factor);
		table[i].x = field8_mul(&table[i].x, &square);
		table[i].y = field8_mul(&table[i].y, &cube);
		if (i > 0)
			factor = field8_mul(&factor, &ratios[i]);
	}
}

/* The entry of each lane's digit, by going over all; anything for zero. */
FIELD8 struct affine8 look_up(const struct affine8 table[TABLE], __m512i digits)
{
	struct affine8 r = table[0];
	for (int i = 1; i < TABLE; i++) {
		__mmask8 mask = _mm512_cmpeq_epi64_mask(digits, _mm512_set1_epi64(i + 1));
		r.x = field8_select(mask, &r.x, &table[i].x);
		r.y = field8_select(mask, &r.y, &table[i].y);
	}
	return r;
}

/* ------------------------------------------------------------------ scalars in two halves */

static const struct souk_scalar LAMBDA = {{0x53, 0x63, 0xad, 0x4c, 0xc0, 0x5c, 0x30, 0xe0, 0xa5,
	0x26, 0x1c, 0x02, 0x88, 0x12, 0x64, 0x5a, 0x12, 0x2e, 0x22, 0xea, 0x20, 0x81, 0x66, 0x78,
	0xdf, 0x02, 0x96, 0x7c, 0x1b, 0x23, 0xbd, 0x72}};
static const uint8_t BETA[32] = {0x7a, 0xe9, 0x6a, 0x2b, 0x65, 0x7c, 0x07, 0x10, 0x6e, 0x64, 0x47,
	0x9e, 0xac, 0x34, 0x34, 0xe9, 0x9c, 0xf0, 0x49, 0x75, 0x12, 0xf5, 0x89, 0x95, 0xc1, 0x39,
	0x6c, 0x28, 0x71, 0x95, 0x01, 0xee};
static const struct souk_scalar MINUS_B1 = {{[16] = 0xe4,
	0x43,
	0x7e,
	0xd6,
	0x01,
	0x0e,
	0x88,
	0x28,
	0x6f,
	0x54,
	0x7f,
	0xa9,
	0x0a,
	0xbf,
	0xe4,
	0xc3}};
static const struct souk_scalar MINUS_B2 = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x8a, 0x28, 0x0a, 0xc5, 0x07, 0x74, 0x34, 0x6d,
	0xd7, 0x65, 0xcd, 0xa8, 0x3d, 0xb1, 0x56, 0x2c}};
/* round(2^384 b / n), least word first */
static const uint64_t G1[4] = {
	0xe893209a45dbb031ull, 0x3daa8a1471e8ca7full, 0xe86c90e49284eb15ull, 0x3086d221a7d46bcdull};
static const uint64_t G2[4] = {
	0x1571b4ae8ac47f71ull, 0x221208ac9df506c6ull, 0x6f547fa90abfe4c4ull, 0xe4437ed6010e8828ull};

/* round(K G / 2^384): less than 2^128. */
static struct souk_scalar multiply_shift(const struct souk_scalar *k, const uint64_t g[4])
{
	uint64_t words[8] = {0};
	struct souk_scalar r = {{0}};
	for (int i = 0; i < 4; i++) {
		uint64_t carry = 0, w = souk_load_be64(k->bytes + 8 * (3 - i));
		for (int j = 0; j < 4; j++) {
			unsigned __int128 t = (unsigned __int128)w * g[j] + words[i + j] + carry;
			words[i + j] = (uint64_t)t;
			carry = (uint64_t)(t >> 64);
		}
		words[i + 4] = carry;
	}
	unsigned __int128 high = (unsigned __int128)words[7] << 64 | words[6];
	high += words[5] >> 63;
	souk_store_be64(r.bytes + 16, (uint64_t)(high >> 64));
	souk_store_be64(r.bytes + 24, (uint64_t)high);
	return r;
}

/* The absolute value of R, a number below 2^129 or n less such a one; 1 where it was that. The
 * upper bytes of a negative one are not zero. */
static uint8_t take_sign(struct souk_scalar *r)
{
	struct souk_scalar negated = souk_scalar_negate(r);
	uint8_t is_negative = r->bytes[0] >> 7, mask = (uint8_t)(0u - is_negative);
	for (int i = 0; i < 32; i++)
		r->bytes[i] = (uint8_t)((negated.bytes[i] & mask) | (r->bytes[i] & (uint8_t)~mask));
	souk_bytes_wipe(&negated, sizeof negated);
	return is_negative;
}

struct halves {
	uint64_t digits[2][DIGITS][SOUK_LANES] __attribute__((aligned(64)));
	uint8_t negative[2]; /* a bit for each lane */
};

static void put_digits(
	uint64_t digits[DIGITS][SOUK_LANES], const struct souk_scalar *r, uint32_t lane)
{
	for (int i = 0; i < DIGITS; i++) {
		uint8_t byte = r->bytes[16 + i / 2];
		digits[i][lane] = i % 2 == 0 ? byte >> 4 : byte & 15;
	}
}

static void split(struct halves *halves, const struct souk_scalar *k, uint32_t lane)
{
	struct souk_scalar c1 = multiply_shift(k, G1), c2 = multiply_shift(k, G2), r[2], t;
	c1 = souk_scalar_mul(&c1, &MINUS_B1);
	c2 = souk_scalar_mul(&c2, &MINUS_B2);
	r[1] = souk_scalar_add(&c1, &c2);
	t = souk_scalar_mul(&r[1], &LAMBDA);
	r[0] = souk_scalar_sub(k, &t);
	for (int i = 0; i < 2; i++) {
		halves->negative[i] |= (uint8_t)(take_sign(&r[i]) << lane);
		put_digits(halves->digits[i], &r[i], lane);
	}
	souk_bytes_wipe(&c1, sizeof c1);
	souk_bytes_wipe(&c2, sizeof c2);
	souk_bytes_wipe(&t, sizeof t);
	souk_bytes_wipe(r, sizeof r);
}

/* ------------------------------------------------------------------ multiplication */

/* -y where MASK. */
FIELD8 struct field8 negate_if(__mmask8 mask, const struct field8 *y)
{
	struct field8 zero = field8_small(0), negated = field8_sub(&zero, y, 2);
	negated = field8_carry(negated);
	return field8_select(mask, y, &negated);
}

/* The same entries for lambda P, with the sign of the second half where TABLE has the first's. */
NOINLINE void make_second(
	struct affine8 second[TABLE], const struct affine8 table[TABLE], __mmask8 differs)
{
	uint8_t beta[SOUK_LANES][32];
	for (uint32_t i = 0; i < SOUK_LANES; i++)
		memcpy(beta[i], BETA, 32);
	struct field8 b = field8_load(beta);
	for (int i = 0; i < TABLE; i++) {
		second[i].x = field8_mul(&table[i].x, &b);
		second[i].y = negate_if(differs, &table[i].y);
	}
}

/* One step: R += digit P. */
NOINLINE void add_digit(
	struct point8 *r, __mmask8 *is_infinite, const struct affine8 table[TABLE], __m512i digits)
{
	struct affine8 entry = look_up(table, digits);
	struct field8 ratio, one = field8_small(1);
	__mmask8 is_zero = _mm512_cmpeq_epi64_mask(digits, _mm512_setzero_si512());
	struct point8 sum = point8_add(r, &entry, &ratio);
	/* The first digit that is not zero is the sum by itself. */
	sum.x = field8_select(*is_infinite, &sum.x, &entry.x);
	sum.y = field8_select(*is_infinite, &sum.y, &entry.y);
	sum.z = field8_select(*is_infinite, &sum.z, &one);
	r->x = field8_select(is_zero, &sum.x, &r->x);
	r->y = field8_select(is_zero, &sum.y, &r->y);
	r->z = field8_select(is_zero, &sum.z, &r->z);
	*is_infinite &= is_zero;
}

NOINLINE struct point8 multiply(
	const struct affine8 *p, const struct halves *halves, __mmask8 *ret_infinite)
{
	struct affine8 first[TABLE], second[TABLE];
	struct affine8 signed_p = {p->x, negate_if(halves->negative[0], &p->y)};
	struct field8 z;
	struct point8 r = {field8_small(1), field8_small(1), field8_small(1)};
	*ret_infinite = 0xff;
	make_table(first, &z, &signed_p);
	make_second(second, first, halves->negative[0] ^ halves->negative[1]);
	for (int i = 0; i < DIGITS; i++) {
		for (int k = 0; k < 4 && i > 0; k++)
			r = point8_double(&r);
		add_digit(&r, ret_infinite, first, _mm512_load_si512(halves->digits[0][i]));
		add_digit(&r, ret_infinite, second, _mm512_load_si512(halves->digits[1][i]));
	}
	r.z = field8_mul(&r.z, &z);
	souk_bytes_wipe(first, sizeof first);
	souk_bytes_wipe(second, sizeof second);
	return r;
}

/* ------------------------------------------------------------------ the engine */

static void coordinates(uint8_t x[SOUK_LANES][32], uint8_t y[SOUK_LANES][32],
	const struct souk_point points[SOUK_LANES], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t full[SOUK_POINT_FULL_SIZE];
		souk_point_format_full(full, &points[i]);
		memcpy(x[i], full + 1, 32);
		memcpy(y[i], full + 33, 32);
	}
}

static void point_of(struct souk_point *ret, const uint8_t x[32], const uint8_t y[32])
{
	uint8_t full[SOUK_POINT_FULL_SIZE] = {4};
	memcpy(full + 1, x, 32);
	memcpy(full + 33, y, 32);
	SOUK_CHECK(souk_point_parse_full(ret, full) == SOUK_OK);
	souk_bytes_wipe(full, sizeof full);
}

NOINLINE uint8_t mul_ifma(struct souk_point ret[SOUK_LANES],
	const struct souk_point points[SOUK_LANES], const struct souk_scalar scalars[SOUK_LANES],
	size_t count)
{
	struct halves halves = {.negative = {0, 0}};
	uint8_t x[SOUK_LANES][32] = {{0}}, y[SOUK_LANES][32] = {{0}};
	struct field8 inverse, square, cube;
	struct affine8 p;
	__mmask8 infinite;
	coordinates(x, y, points, count);
	p.x = field8_load(x);
	p.y = field8_load(y);
	for (uint32_t i = 0; i < count; i++)
		split(&halves, &scalars[i], i);
	struct point8 r = multiply(&p, &halves, &infinite);
	inverse = field8_inverse(&r.z);
	square = field8_square(&inverse);
	cube = field8_mul(&square, &inverse);
	r.x = field8_mul(&r.x, &square);
	r.y = field8_mul(&r.y, &cube);
	field8_store(x, &r.x);
	field8_store(y, &r.y);
	infinite &= (__mmask8)((1u << count) - 1);
	for (uint32_t i = 0; i < count; i++) {
		if ((infinite >> i & 1) == 0)
			point_of(&ret[i], x[i], y[i]);
	}
	souk_bytes_wipe(&halves, sizeof halves);
	souk_bytes_wipe(x, sizeof x);
	souk_bytes_wipe(y, sizeof y);
	return infinite;
}

/* y or p - y, whichever is odd as FIRST, 2 or 3, says. */
static void choose_root(uint8_t y[32], uint8_t first)
{
	static const uint64_t p[5] = {P0, P13, P13, P13, P4};
	uint64_t limbs[5], borrow = 0;
	if ((y[31] & 1) == (first & 1))
		return;
	limbs_of(limbs, y);
	for (int i = 0; i < 5; i++) {
		limbs[i] = p[i] - limbs[i] - borrow;
		borrow = limbs[i] >> 63;
		limbs[i] &= i < 4 ? P13 : P4;
	}
	bytes_of(y, limbs);
}

/* Public data: this one branches. */
NOINLINE uint8_t parse_ifma(
	struct souk_point ret[SOUK_LANES], const uint8_t *const bytes[SOUK_LANES], size_t count)
{
	uint8_t x[SOUK_LANES][32] = {{0}}, y[SOUK_LANES][32], back[SOUK_LANES][32], bad = 0;
	struct field8 right, root, square, seven = field8_small(7);
	for (size_t i = 0; i < count; i++)
		memcpy(x[i], bytes[i] + 1, 32);
	right = field8_load(x);
	square = field8_square(&right);
	right = field8_mul(&square, &right);
	right = field8_add(&right, &seven);
	right = field8_carry(right);
	root = field8_root(&right);
	square = field8_square(&root);
	field8_store(y, &root);
	field8_store(back, &square);
	uint8_t wanted[SOUK_LANES][32];
	field8_store(wanted, &right);
	for (size_t i = 0; i < count; i++) {
		/* That x is below p is checked where the point is made. */
		uint8_t full[SOUK_POINT_FULL_SIZE] = {4};
		bool good = (bytes[i][0] == 2 || bytes[i][0] == 3) &&
			    memcmp(back[i], wanted[i], 32) == 0;
		choose_root(y[i], bytes[i][0]);
		memcpy(full + 1, x[i], 32);
		memcpy(full + 33, y[i], 32);
		if (!good || souk_point_parse_full(&ret[i], full) != SOUK_OK)
			bad |= (uint8_t)(1u << i);
	}
	return bad;
}

const struct group8_engine group8_engine_ifma = {
	.name = "ifma",
	.is_wide = true,
	.mul = mul_ifma,
	.parse = parse_ifma,
};

bool group8_ifma_is_supported(void)
{
	/* The compiler's own look at CPUID and at what the kernel saves. */
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512ifma");
}

#endif
