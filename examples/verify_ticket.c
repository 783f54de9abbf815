/* SPDX-License-Identifier: Apache-2.0
 *
 * verify_ticket.c - pay for three units, and accept the payments.
 *
 *   cc verify_ticket.c $(pkg-config --cflags --libs souk) -o verify_ticket
 *
 * A customer opens a strip of eight units on a leaf of its allotment. Each ticket
 * is one 32-byte value; the provider checks it with one hash. What connects the
 * strip to money on a ledger (souk_strip_open_verify) is left out here. */
#include <souk/payment/payee.h>
#include <souk/payment/payer.h>
#include <stdio.h>

int main(void)
{
	static struct souk_payer_strip payer; /* 17 KiB: better not on a small stack */
	static struct souk_strip_open open;
	struct souk_payer_leaf leaf = {.amount = {SOUK_NCOIN_PER_COIN}};
	struct souk_time epoch_end = souk_time_at_ms(1000000), now = souk_time_at_ms(1);
	struct souk_strip terms = {.count = 8, .price = {250}, .expires = epoch_end};
	struct souk_hash secret = {{42}}; /* take 32 random bytes instead */
	struct souk_ticket ticket;
	struct souk_payee payee;

	if (souk_payer_strip_open(&payer, &leaf, &terms, 0, &secret, &open) != SOUK_OK)
		return 1;
	souk_payee_init(&payee, &open, 0, epoch_end);
	for (uint32_t unit = 1; unit <= 3; unit++) {
		souk_status status = souk_payer_pay(&ticket, &payer, unit);
		if (status == SOUK_OK)
			status = souk_payee_accept(&payee, &ticket, now);
		printf("unit %u: %s\n", unit, souk_status_text(status));
	}
	ticket.value.bytes[0] ^= 1;
	ticket.unit++;
	souk_status forged = souk_payee_accept(&payee, &ticket, now);
	printf("forged: %s\nowed: %ju ncoin\n", souk_status_text(forged),
		(uintmax_t)souk_payee_owed(&payee).ncoin);
	souk_payer_strip_wipe(&payer);
	return forged == SOUK_PEER_BAD_TICKET && souk_payee_owed(&payee).ncoin == 750 ? 0 : 1;
}
