/* SPDX-License-Identifier: Apache-2.0 */
#include "ledger_node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ledger_home.h"
#include "ledger_internal.h"
#include "listen_address.h"
#include "souk/base/check.h"
#include "souk/io/log.h"

#define CONNECTION_MAX 512
/* Of them, from one address: the rest is left to others. */
#define CONNECTION_IP_MAX (CONNECTION_MAX / 4 * 3)
#define REQUEST_SIZE_MAX  SOUK_SIGNED_TX_SIZE_MAX

void ledger_node_config_default(struct ledger_node_config *config)
{
	*config = (struct ledger_node_config){.listen = "127.0.0.1:7600", .block_ms = 50};
}

static souk_status listen_on(struct ledger_node *node, const char **ret_what)
{
	struct listen_address where;
	*ret_what = node->config.listen;
	if (!listen_address_parse(&where, node->config.listen))
		return SOUK_LOCAL_CONFIG;
	struct souk_http_server_config config = {
		.address = where.host,
		.port = where.port,
		.threading = SOUK_HTTP_CONNECTION,
		.connection_max = CONNECTION_MAX,
		.connection_per_ip_max = CONNECTION_IP_MAX,
		.body_size_max = REQUEST_SIZE_MAX,
		.handler = ledger_http_handle,
		.ctx = node,
	};
	SOUK_TRY(souk_http_server_start(&node->server, &node->port, &config));
	SOUK_LOG(SOUK_LOG_INFO, "ledger_ready", souk_log_text("address", where.host),
		souk_log_u64("port", node->port));
	return SOUK_OK;
}

/* Held until the process ends, however it ends. */
static souk_status lock_home(struct ledger_node *node, const char **ret_what)
{
	char path[512];
	*ret_what = "ledger.mdb";
	snprintf(path, sizeof path, "%s/ledger.mdb", node->config.home);
	node->lock_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (node->lock_fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? SOUK_LOCAL_NOT_FOUND : SOUK_IO_READ;
	*ret_what = "another soukd runs the ledger of this home";
	return flock(node->lock_fd, LOCK_EX | LOCK_NB) == 0 ? SOUK_OK : SOUK_LOCAL_STATE;
}

static souk_status start(struct ledger_node *node, const char **ret_what)
{
	SOUK_TRY(lock_home(node, ret_what));
	SOUK_TRY(ledger_home_open(&node->store, node->config.home, ret_what));
	SOUK_TRY(ledger_sequencer_start(node, ret_what));
	return listen_on(node, ret_what);
}

souk_status ledger_node_start(struct ledger_node **ret, const struct ledger_node_config *config,
	const struct souk_identity *operator_identity, const char **ret_what)
{
	struct ledger_node *node = calloc(1, sizeof *node);
	*ret_what = "memory";
	if (node == NULL)
		return SOUK_IO_MEMORY;
	node->config = *config;
	node->lock_fd = -1;
	node->operator_identity = operator_identity;
	souk_status status = start(node, ret_what);
	if (status != SOUK_OK) {
		ledger_node_stop(node);
		return status;
	}
	*ret = node;
	return SOUK_OK;
}

uint16_t ledger_node_port(const struct ledger_node *node)
{
	return node->port;
}

void ledger_node_stop(struct ledger_node *node)
{
	if (node == NULL)
		return;
	/* Handlers wait for the sequencer, so the server is the first to go. */
	souk_http_server_stop(node->server);
	ledger_sequencer_stop(node);
	souk_lmdb_store_close(node->store);
	if (node->lock_fd >= 0)
		close(node->lock_fd);
	free(node);
}
