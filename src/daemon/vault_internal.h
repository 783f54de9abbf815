/* SPDX-License-Identifier: Apache-2.0
 *
 * vault_internal.h - what the files of a vault's node share. */
#ifndef SOUK_DAEMON_VAULT_INTERNAL_H
#define SOUK_DAEMON_VAULT_INTERNAL_H

#include <jansson.h>
#include <stdatomic.h>

#include "../client/chain_client.h"
#include "listen_address.h"
#include "souk/io/http_server.h"
#include "stopper.h"
#include "vault_node.h"

#define VAULT_TOKEN_SIZE 64u /* digits */

struct vault_job;

/* The thread that writes; see vault_writer.c. */
struct vault_writer {
	pthread_mutex_t lock; /* over the rest */
	pthread_cond_t work, done;
	struct vault_job *first, **last;
	pthread_t thread;
	bool runs, stopping;
};

struct vault_node {
	struct vault_node_config config;
	struct vault_home *home;
	struct souk_http_server *server;
	uint16_t port;
	char url[LISTEN_URL_SIZE];
	char token[VAULT_TOKEN_SIZE];
	_Atomic uint64_t strangers; /* requests without the token */
	struct souk_chain_client *chain;
	pthread_mutex_t anchoring; /* over chain: the timer and requests */
	struct stopper stopper;
	pthread_t keeper;
	bool keeper_runs;
	struct vault_writer writer;
};

void vault_handler(
	void *ctx, const struct souk_http_request *request, struct souk_http_reply *reply);

/* Large: on the heap; secret: wiped. */
struct vault_buffers {
	uint8_t plain[SOUK_VAULT_PLAIN_MAX];
	uint8_t scratch[SOUK_VAULT_WRAP_BINARY + SOUK_VAULT_PLAIN_MAX];
	char text[SOUK_VAULT_WRAP_SIZE_MAX];
	char base64[(SOUK_VAULT_PLAIN_MAX + 2) / 3 * 4 + 1];
};

struct vault_call {
	struct vault_node *node;
	const struct souk_http_request *request;
	const char *label;
	json_t *body; /* an object, or NULL: none was sent */
	struct vault_buffers *buffers;
	char actor[SOUK_VAULT_ACTOR_MAX + 1];
	uint64_t number;	/* of a path that ends in one */
	struct souk_time ready; /* where a key was used too often: when to come again */
	const char *detail;	/* of a refusal; static */
};

/* An operation, inside a transaction: SOUK_OK and what to answer with. */
typedef souk_status vault_operation(
	struct vault_call *call, const struct souk_vault *vault, json_t **ret);

void vault_writer_init(struct vault_writer *writer);
souk_status vault_writer_start(struct vault_node *node);
/* Ends its thread, once all that was asked for is done. */
void vault_writer_done(struct vault_writer *writer);
/* Run an operation that writes, and wait until it is on the disk. *RET may be NULL where it failed.
 */
souk_status vault_writer_run(
	struct vault_node *node, struct vault_call *call, vault_operation *run, json_t **ret);

struct vault_route {
	const char *method;
	const char *action;	    /* behind the label; "" for none */
	const char *const *members; /* that a body may have, NULL ends them; NULL: no body */
	vault_operation *run;
	unsigned status; /* of success */
	bool reads;	 /* nothing is written, nor logged */
};

extern const struct vault_route vault_routes[];
extern const size_t vault_route_count;

vault_operation vault_call_list, vault_call_audit, vault_call_prove;

/* The description, as spec/openapi/vault.json has it. */
extern const unsigned char vault_openapi[];
extern const size_t vault_openapi_size;

#endif
