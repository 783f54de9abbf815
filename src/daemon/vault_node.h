/* SPDX-License-Identifier: Apache-2.0
 *
 * vault_node.h - the home's vault for the programs of this machine, over HTTP.
 *
 *   program --Bearer token--> [ host? token? route ] --> writer: transactions of HOME/vault.mdb
 *                                                   <-- JSON, once it is on the disk
 *   timer ---> the log's root onto the ledger, when it is due
 *
 *   HOME/vault.token   64 hexadecimal digits, 0600: made at the first start. Who can read it may
 *                      do all that the API does; what souk key does besides (export, backup) it
 *                      does not.
 *
 * Plain HTTP, so on loopback alone, unless the configuration insists. A page in a browser has no
 * token; one that lets its own name point here fails at the name. The API is described in
 * spec/openapi/vault.json, which is served at /v1/openapi.json.
 *
 * Threads: start and stop from one; a thread for each connection. */
#ifndef SOUK_DAEMON_VAULT_NODE_H
#define SOUK_DAEMON_VAULT_NODE_H

#include "../client/vault_home.h"

struct vault_node;

/* Texts are borrowed for as long as the node lives. */
struct vault_node_config {
	const char *home;
	const char *ledger_url;
	const char *listen;	     /* ADDR:PORT */
	const char *hosts;	     /* further names it answers to; NULL: none */
	const char *passphrase_file; /* NULL: the environment's, or vault.secret */
	bool anywhere;		     /* it may listen elsewhere than on loopback */
	uint64_t connections;
	uint64_t anchor_ms;	 /* new entries are anchored so often; 0: never by itself */
	uint64_t anchor_entries; /* or as soon as there are so many */
};

void vault_node_config_default(struct vault_node_config *config);

/* souk's JSON library frees texts without wiping them; after this it wipes them. Before any other
 * thread is started. */
void vault_node_wipe_json(void);

/* vault_node_start: open the vault (made where there is none), listen.
 * On failure *RET_WHAT names what failed. */
SOUK_MUST_CHECK souk_status vault_node_start(struct vault_node **ret,
	const struct vault_node_config *config, const struct souk_identity *identity,
	const char **ret_what);
void vault_node_stop(struct vault_node *node);

#endif
