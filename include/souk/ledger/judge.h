/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/ledger/judge.h - who decides whether a provider is at fault.
 *
 * A service brings a judge; the ledger asks it, and moves the deposit. A judge
 * is pure: the same agreement and bytes give the same verdict on every machine,
 * now and at every later verification of the log, at a cost small enough for a
 * transaction. Evidence is a peer's bytes: hostile until proved otherwise.
 *
 * Honest providers must never be convicted: what a judge accepts as evidence
 * must contain the provider's own signature over the fault.
 *
 * Memory: constant tables. Threads: any. Spec: spec/ledger.md 10. */
#ifndef SOUK_LEDGER_JUDGE_H
#define SOUK_LEDGER_JUDGE_H

#include "souk/wire/messages.h"

struct souk_judge {
	uint32_t service; /* of the agreement */

	/* SOUK_OK: guilty. SOUK_PEER_*: not guilty, and why the evidence does not convict. */
	souk_status (*convict)(
		const struct souk_agreement *agreement, uint32_t fault, struct souk_bytes evidence);

	/* SOUK_OK: the provider owes an answer to QUESTION. SOUK_PEER_*: it does not. */
	souk_status (*question)(const struct souk_agreement *agreement, struct souk_bytes question);

	/* SOUK_OK: ANSWER answers QUESTION. SOUK_PEER_*: it does not. */
	souk_status (*answer)(const struct souk_agreement *agreement, struct souk_bytes question,
		struct souk_bytes answer);

	/* Each of the rest may be NULL. */

	/* SOUK_OK: the agreement's details are what the service expects. SOUK_PEER_*: they are not,
	 * and the agreement is not entered into. NULL: there must be none. */
	souk_status (*terms)(const struct souk_agreement *agreement);

	/* Whether WHO is owed answers, beside the agreement's customer. NULL: nobody. */
	bool (*may_ask)(const struct souk_agreement *agreement, const struct souk_address *who);

	/* As convict, of an agreement that was revoked at REVOKED, by the ledger's time: the
	 * provider owes no service from then on, and may be at fault for giving it. NULL: an
	 * agreement of this service cannot be revoked. */
	souk_status (*convict_revoked)(const struct souk_agreement *agreement,
		struct souk_time revoked, uint32_t fault, struct souk_bytes evidence);
};

/* The judges that a ledger knows. The composition root lists them; two machines that list others
 * disagree about a log. */
struct souk_judges {
	const struct souk_judge *const *items;
	size_t count;
};

/* The judge of SERVICE, or NULL. JUDGES may be NULL. */
const struct souk_judge *souk_judges_find(const struct souk_judges *judges, uint32_t service);

#endif
