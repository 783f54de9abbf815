/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/payment/policy.h - what a market chooses, and what each side can lose by it.
 *
 * Window, prize, epoch, audit rate and deposit are no constants of the protocol:
 * a young network wants small windows, quick settlement, many audits and high
 * deposits; a mature one wants fewer claims and less capital. A policy is one
 * such choice for one service. The functions say what follows from it.
 *
 * Chances are in millionths (ppm), overheads in thousandths, money in whole
 * ncoin. Losses and needs are rounded up, what can be afforded down: an error
 * is never to the side that the number is meant to protect.
 *
 * Memory: values. Threads: any. Spec: spec/payment.md, Policy. */
#ifndef SOUK_PAYMENT_POLICY_H
#define SOUK_PAYMENT_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "souk/wire/messages.h"

#define SOUK_POLICY_CERTAIN_PPM 1000000u
/* Profiles of each service. */
#define SOUK_POLICY_PROFILES 2u

struct souk_policy {
	char service[16]; /* "content" */
	char profile[16]; /* "young", "mature" */
	/* The exchange. */
	uint16_t window;	       /* w: units that may be unpaid at once */
	struct souk_amount unit_price; /* u */
	uint32_t sessions;	       /* of one provider at once */
	uint16_t hub_step;	       /* units that a hub is paid ahead */
	/* The escrow and its lottery. */
	struct souk_amount line;       /* C: most that an epoch may cost */
	struct souk_amount issuer_cap; /* L: the leaves of one issuer key, in an epoch */
	struct souk_amount fee;	       /* of one claim, in whatever it costs its sender */
	uint32_t overhead_permille;    /* epsilon: what fees may take of a payment */
	/* The ledger's periods: genesis fields of the same names. */
	uint64_t epoch_ms;	/* T */
	uint64_t draw_delay_ms; /* d */
	uint64_t claim_ms;	/* r */
	uint64_t unlock_ms;
	uint64_t unbond_ms;
	uint64_t notice_ms;
	/* Audits: what one decides about is a task; for content a window of units. */
	struct souk_amount reward;  /* r: of an honest task */
	struct souk_amount saving;  /* k: cost that cheating saves */
	uint32_t audit_ppm;	    /* p: share of tasks audited */
	uint32_t detect_ppm;	    /* T: a cheat that is audited is convicted */
	uint32_t false_ppm;	    /* F: so is honest work */
	struct souk_amount deposit; /* D: what answers for a task */
	/* Open leaves. */
	uint32_t payees;     /* m: providers that could be promised the same money */
	uint32_t report_ppm; /* q: a double promise is found and reported */
};

/* The profile of that service, or NULL: there is none of these names. */
const struct souk_policy *souk_policy_find(const char *service, const char *profile);
/* The profile at INDEX, from 0 on, or NULL behind the last. */
const struct souk_policy *souk_policy_at(size_t index);

/* Each of the following returns SOUK_OK, or
 *   SOUK_LOCAL_OVERFLOW  no amount is that large: choose smaller numbers.
 *   SOUK_LOCAL_CONFIG    a number that divides is zero, or a chance is above certainty: say which
 *                        parameter is wrong, compute nothing. */

/* w * u: what a provider can take without giving, and a customer without paying. */
SOUK_MUST_CHECK souk_status souk_policy_window_value(
	struct souk_amount *ret, const struct souk_policy *policy);
/* A provider: a window not paid, and less than one prize of luck for each stretch. */
SOUK_MUST_CHECK souk_status souk_policy_provider_loss(
	struct souk_amount *ret, const struct souk_policy *policy);
/* A hub's customer: what it pays the hub ahead, and a window at the provider. */
SOUK_MUST_CHECK souk_status souk_policy_hub_loss(
	struct souk_amount *ret, const struct souk_policy *policy);

/* beta = fee / epsilon, rounded up, at least 1 ncoin. */
SOUK_MUST_CHECK souk_status souk_policy_prize(
	struct souk_amount *ret, const struct souk_policy *policy);
/* What claims cost in expectation, of OWED in prizes of PRIZE, at most: a fee for each prize. */
SOUK_MUST_CHECK souk_status souk_policy_fees(struct souk_amount *ret, struct souk_amount fee,
	struct souk_amount prize, struct souk_amount owed);

/* The deposits with which cheating loses, D >= k / (p (T - F)), and honest work pays,
 * D <= (r - k) / (p F). */
struct souk_policy_deposits {
	bool has_least; /* else no deposit deters: audits find nothing */
	bool has_most;	/* else honest work is never convicted: no deposit is too high */
	struct souk_amount least;
	struct souk_amount most;
};
SOUK_MUST_CHECK souk_status souk_policy_deposits(
	struct souk_policy_deposits *ret, const struct souk_policy *policy);

/* Locked for payment: C * (1 + ceil(d / T) + ceil(r / T)). */
SOUK_MUST_CHECK souk_status souk_policy_capital(
	struct souk_amount *ret, const struct souk_policy *policy);

/* The least penalty of an escrow with open leaves: more than (m - 1) * A * D / (0.9 q):
 * a tenth is the reporter's, and the payer may report itself.
 *
 *  In: line     A: what the escrow may promise in an epoch
 *      genesis  whose periods say how many epochs D a payer can go on before claims tell on it:
 *               the one that is doubly spent, its draw and its claim window */
SOUK_MUST_CHECK souk_status souk_policy_penalty(struct souk_amount *ret,
	const struct souk_policy *policy, struct souk_amount line,
	const struct souk_genesis *genesis);

/* A provider's deposit that outweighs a window in every session at once: w * u * sessions / q,
 * where q is the chance that a withheld unit is proved: audit and detection. */
SOUK_MUST_CHECK souk_status souk_policy_bond(
	struct souk_amount *ret, const struct souk_policy *policy);

/* The genesis periods of the policy; the rest of RET is untouched. */
void souk_policy_periods(struct souk_genesis *ret, const struct souk_policy *policy);

/* What contradicts itself in a policy. */
enum souk_policy_warning {
	SOUK_POLICY_NO_DEPOSIT = 1 << 0,       /* the lower bound is above the upper one */
	SOUK_POLICY_DEPOSIT_LOW = 1 << 1,      /* cheating pays */
	SOUK_POLICY_DEPOSIT_HIGH = 1 << 2,     /* honest work does not */
	SOUK_POLICY_NO_DETECTION = 1 << 3,     /* T <= F or p = 0: audits mean nothing */
	SOUK_POLICY_UNPROFITABLE = 1 << 4,     /* r <= k: honest work earns nothing */
	SOUK_POLICY_PRIZE_OVER_LINE = 1 << 5,  /* no prize fits, or more than a line may hold */
	SOUK_POLICY_WINDOW_OVER_LINE = 1 << 6, /* a window is worth more than the whole line */
	SOUK_POLICY_CLAIM_SHORT = 1 << 7,      /* claims end before the next epoch does */
	SOUK_POLICY_CAP_OVER_LINE = 1 << 8,    /* an issuer's cap caps nothing */
};
#define SOUK_POLICY_WARNINGS 9u

/* souk_policy_check: the set of warnings that hold. As above. */
SOUK_MUST_CHECK souk_status souk_policy_check(
	uint32_t *ret_warnings, const struct souk_policy *policy);
/* What the warning of bit number INDEX says, in one line. */
const char *souk_policy_warning_text(unsigned index);

#endif
