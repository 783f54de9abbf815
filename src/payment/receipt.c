/* SPDX-License-Identifier: Apache-2.0 */
#include "souk/payment/receipt.h"

#include <string.h>

#include "souk/base/check.h"
#include "souk/payment/allotment.h"

souk_status souk_leaf_receipt_build(struct souk_signed_leaf_receipt *ret,
	const struct souk_strip *strip, const struct souk_allotment_leaf *leaf,
	struct souk_amount amount)
{
	struct souk_leaf_receipt receipt = {
		.version = SOUK_LEAF_RECEIPT_VERSION,
		.escrow = strip->escrow,
		.epoch = strip->epoch,
		.segment = strip->segment,
		.leaf = strip->leaf,
		.payee = leaf->provider,
		.amount = amount,
	};
	if (souk_leaf_receipt_check(&receipt, leaf) != SOUK_OK)
		return SOUK_LOCAL_STATE;
	memset(ret, 0, sizeof *ret);
	ret->receipt = receipt;
	return SOUK_OK;
}

void souk_leaf_receipt_issue(
	struct souk_signed_leaf_receipt *receipt, const struct souk_identity *issuer)
{
	struct souk_hash digest = souk_leaf_receipt_digest(&receipt->receipt);
	souk_ecdsa_sign(&receipt->issuer_signature, &digest, issuer);
}

void souk_leaf_receipt_countersign(
	struct souk_signed_leaf_receipt *receipt, const struct souk_identity *payee)
{
	struct souk_hash digest = souk_leaf_receipt_digest(&receipt->receipt);
	souk_ecdsa_sign(&receipt->payee_signature, &digest, payee);
}

souk_status souk_leaf_receipt_check(
	const struct souk_leaf_receipt *receipt, const struct souk_allotment_leaf *leaf)
{
	if (receipt->version != SOUK_LEAF_RECEIPT_VERSION)
		return SOUK_PEER_BAD_VERSION;
	/* What a payee has not claimed of an open leaf may be another payee's. */
	if (souk_address_is_zero(&leaf->provider) ||
		!souk_address_equal(&leaf->provider, &receipt->payee))
		return SOUK_PEER_NOT_PAYEE;
	if (receipt->amount.ncoin == 0 || souk_amount_is_less(leaf->amount, receipt->amount))
		return SOUK_PEER_STRIP_RANGE;
	return SOUK_OK;
}

souk_status souk_leaf_receipt_verify_issuer(
	const struct souk_signed_leaf_receipt *receipt, const struct souk_allotment_leaf *leaf)
{
	struct souk_hash digest = souk_leaf_receipt_digest(&receipt->receipt);
	return souk_ecdsa_verify(&leaf->issuer, &digest, &receipt->issuer_signature);
}

souk_status souk_leaf_receipt_verify_payee(const struct souk_signed_leaf_receipt *receipt)
{
	struct souk_hash digest = souk_leaf_receipt_digest(&receipt->receipt);
	return souk_ecdsa_verify(&receipt->receipt.payee, &digest, &receipt->payee_signature);
}

souk_status souk_leaf_receipt_verify(struct souk_amount *ret_base,
	const struct souk_signed_leaf_receipt *receipt, const struct souk_allotment_leaf *leaf,
	const struct souk_sum_step *path, size_t depth, const struct souk_allotment_record *record)
{
	struct souk_amount base;
	SOUK_TRY(souk_leaf_receipt_check(&receipt->receipt, leaf));
	SOUK_TRY(souk_allotment_verify(&base, record, leaf, receipt->receipt.leaf, path, depth));
	SOUK_TRY(souk_leaf_receipt_verify_issuer(receipt, leaf));
	SOUK_TRY(souk_leaf_receipt_verify_payee(receipt));
	*ret_base = base;
	return SOUK_OK;
}
