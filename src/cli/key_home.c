/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../client/vault_json.h"
#include "key.h"
#include "souk/io/file.h"

const char *key_passphrase_file;

struct vault_home *key_open(const char *command, bool makes)
{
	struct souk_identity identity;
	struct vault_home *home = NULL;
	const char *detail = "";
	char actor[SOUK_VAULT_ACTOR_MAX + 1];
	if (!cli_load_identity(&identity))
		return NULL;
	snprintf(actor, sizeof actor, "cli:%u", (unsigned)getuid());
	const struct vault_home_config config = {.home = cli_home_path(),
		.passphrase_file = key_passphrase_file,
		.identity = &identity,
		.actor = actor,
		.must_exist = !makes};
	souk_status status = vault_home_open(&home, &config, &detail);
	souk_bytes_wipe(&identity, sizeof identity);
	if (status == SOUK_LOCAL_NOT_FOUND)
		detail = "there is no vault in this home; souk key create LABEL makes one";
	if (status != SOUK_OK)
		cli_fail(command, cli_home_file("vault.mdb"), status, detail);
	return home;
}

int key_fail(const char *command, const char *what, souk_status status, struct vault_home *home)
{
	int code = cli_fail(command, what, status, vault_advice(status));
	vault_home_close(home);
	return code;
}

souk_status key_run(struct vault_home *home, key_operation *operation, void *ctx)
{
	struct souk_vault vault;
	souk_status status = vault_home_begin(home, NULL, &vault);
	if (status != SOUK_OK)
		return status;
	return vault_home_end(home, operation(&vault, ctx));
}

souk_status key_read(struct vault_home *home, key_operation *operation, void *ctx)
{
	struct souk_vault vault;
	souk_status status = vault_home_begin_read(home, &vault);
	if (status != SOUK_OK)
		return status;
	status = operation(&vault, ctx);
	vault_home_end_read(home);
	return status;
}

/* One byte more than is allowed is asked for, so that a longer input is seen. */
static souk_status read_stdin(size_t max, char **ret, size_t *ret_size)
{
	char *data = malloc(max + 2);
	size_t size = 0, got;
	if (data == NULL)
		return SOUK_IO_MEMORY;
	while (size <= max && (got = fread(data + size, 1, max + 1 - size, stdin)) > 0)
		size += got;
	if (ferror(stdin) || size > max) {
		souk_bytes_wipe(data, size);
		free(data);
		return size > max ? SOUK_LOCAL_FULL : SOUK_IO_READ;
	}
	data[size] = '\0';
	*ret = data;
	*ret_size = size;
	return SOUK_OK;
}

bool key_read_data(const char *command, const char *file, size_t max, char **ret, size_t *ret_size)
{
	bool from_stdin = file == NULL || strcmp(file, "-") == 0;
	souk_status status = from_stdin ? read_stdin(max, ret, ret_size)
					: souk_file_read(file, max, ret, ret_size);
	if (status == SOUK_LOCAL_FULL)
		status = SOUK_PEER_OVERSIZED;
	if (status != SOUK_OK)
		cli_fail(command, from_stdin ? "standard input" : file, status,
			status == SOUK_PEER_OVERSIZED ? vault_advice(status) : NULL);
	return status == SOUK_OK;
}
