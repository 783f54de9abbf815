/* SPDX-License-Identifier: Apache-2.0
 *
 * Buying under agreements. */
#include "customer.h"

bool customer_agree(struct sim_node *node)
{
	(void)node;
	return false;
}
void customer_agree_reply(
	struct sim_node *node, uint32_t seat, souk_status status, const struct sim_message *message)
{
	(void)node;
	(void)seat;
	(void)status;
	(void)message;
}
bool customer_is_accountable(struct sim_node *node, uint32_t seat)
{
	(void)node;
	(void)seat;
	return false;
}
souk_status customer_statement_check(
	struct sim_node *node, uint32_t slot, const struct sim_message *message)
{
	(void)node;
	(void)slot;
	(void)message;
	return SOUK_OK;
}
void customer_suspect(struct sim_node *node, uint32_t slot, const struct souk_unit_cipher *cipher)
{
	(void)node;
	(void)slot;
	(void)cipher;
}
void customer_note_withheld(struct sim_node *node, uint32_t seat, souk_status status)
{
	(void)node;
	(void)seat;
	(void)status;
}
void customer_accuse(struct sim_node *node)
{
	(void)node;
}
void customer_agreement_told(struct sim_node *node, uint64_t token, souk_status status)
{
	(void)node;
	(void)token;
	(void)status;
}
void customer_agreement_free(struct purchase *p)
{
	(void)p;
}
