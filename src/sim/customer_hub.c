/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that a hub pays for. */
#include "customer.h"

void customer_hub_make(struct sim_node *node)
{
	(void)node;
}
void customer_hub_begin(struct sim_node *node)
{
	customer_purchase_go_on(node);
}
void customer_hub_plan(struct sim_node *node, struct souk_download_config *config)
{
	(void)node;
	(void)config;
}
souk_status customer_hub_terms(
	struct sim_node *node, uint32_t seat, struct souk_customer_config *config)
{
	(void)node;
	(void)seat;
	(void)config;
	return SOUK_LOCAL_STATE;
}
void customer_hub_open(struct sim_node *node, uint32_t seat)
{
	customer_open_failed(node, seat, SOUK_LOCAL_STATE);
}
void customer_hub_reply(
	struct sim_node *node, uint32_t seat, souk_status status, const struct sim_message *message)
{
	(void)message;
	customer_open_failed(node, seat, status);
}
void customer_hub_close(struct sim_node *node, uint32_t seat)
{
	(void)node;
	(void)seat;
}
