/* SPDX-License-Identifier: Apache-2.0
 *
 * How a vault is made, opened and sealed again: a random key of its own under the master key, so
 * that a passphrase can be changed without touching any record. */
#include <string.h>

#include "souk/base/check.h"
#include "vault_internal.h"

#define ROOT_SIZE 32u

/* All of the head but what is sealed, so that nothing of it can be exchanged. */
static struct souk_hash head_name(const struct souk_vault_head *head)
{
	uint8_t bytes[SOUK_VAULT_HEAD_SIZE_MAX];
	struct souk_vault_head bare = *head;
	struct souk_writer writer;
	struct souk_bytes written;
	bare.nonce.size = bare.sealed.size = 0;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_vault_head_encode(&writer, &bare);
	SOUK_CHECK(souk_writer_finish(&writer, &written) == SOUK_OK);
	return souk_sha256_of(written.data, written.size);
}

static void seal_root(struct souk_vault_head *head, const uint8_t root[ROOT_SIZE],
	const struct souk_vault_master *master, struct souk_secret_rng *rng)
{
	head->kdf = master->kdf;
	const struct souk_hash name = head_name(head);
	head->nonce.size = SOUK_AEAD_NONCE_SIZE;
	head->sealed.size = ROOT_SIZE + SOUK_AEAD_TAG_SIZE;
	vault_seal(head->nonce.data, head->sealed.data, master->key, "root",
		souk_bytes_of(name.bytes, sizeof name.bytes), souk_bytes_of(root, ROOT_SIZE), rng);
}

/* A wrong master key and a damaged head look the same, but for the sizes. */
static souk_status open_root(uint8_t root[ROOT_SIZE], const struct souk_vault_head *head,
	const struct souk_vault_master *master)
{
	const struct souk_hash name = head_name(head);
	if (head->nonce.size != SOUK_AEAD_NONCE_SIZE ||
		head->sealed.size != ROOT_SIZE + SOUK_AEAD_TAG_SIZE)
		return SOUK_CORRUPT_STORE;
	souk_status status = vault_unseal(root, ROOT_SIZE, master->key, "root",
		souk_bytes_of(name.bytes, sizeof name.bytes),
		souk_bytes_of(head->nonce.data, head->nonce.size),
		souk_bytes_of(head->sealed.data, head->sealed.size));
	return status == SOUK_OK ? SOUK_OK : SOUK_LOCAL_VAULT_LOCKED;
}

static void derive(struct souk_vault_keys *keys, const uint8_t root[ROOT_SIZE])
{
	const struct souk_bytes secret = souk_bytes_of(root, ROOT_SIZE), none = {NULL, 0};
	souk_hkdf_sha256(
		keys->seal, sizeof keys->seal, none, secret, souk_bytes_text("souk/vault/seal"));
	souk_hkdf_sha256(
		keys->mac, sizeof keys->mac, none, secret, souk_bytes_text("souk/vault/mac"));
}

static souk_status open_signer(struct souk_vault_keys *keys, const struct souk_vault_head *head)
{
	if (souk_point_parse(&keys->signer.point, head->signer.bytes) != SOUK_OK)
		return SOUK_CORRUPT_STORE;
	return vault_unseal(keys->signer.secret.bytes, 32, keys->seal, "signer",
		souk_bytes_of(head->signer.bytes, sizeof head->signer.bytes),
		souk_bytes_of(head->signer_nonce.data, head->signer_nonce.size),
		souk_bytes_of(head->signer_sealed.data, head->signer_sealed.size));
}

souk_status souk_vault_open(struct souk_vault_keys *ret, const struct souk_vault_head *head,
	const struct souk_vault_master *master)
{
	uint8_t root[ROOT_SIZE];
	struct souk_vault_keys keys;
	SOUK_TRY(open_root(root, head, master));
	derive(&keys, root);
	souk_status status = open_signer(&keys, head);
	if (status == SOUK_OK)
		*ret = keys;
	souk_bytes_wipe(root, sizeof root);
	souk_bytes_wipe(&keys, sizeof keys);
	return status;
}

static void make_signer(
	struct souk_vault_head *head, struct souk_vault_keys *keys, struct souk_secret_rng *rng)
{
	souk_umbral_key_generate(&keys->signer, rng);
	head->signer = vault_pubkey_of(&keys->signer.point);
	head->signer_nonce.size = SOUK_AEAD_NONCE_SIZE;
	head->signer_sealed.size = 32 + SOUK_AEAD_TAG_SIZE;
	vault_seal(head->signer_nonce.data, head->signer_sealed.data, keys->seal, "signer",
		souk_bytes_of(head->signer.bytes, sizeof head->signer.bytes),
		souk_bytes_of(keys->signer.secret.bytes, 32), rng);
}

static souk_status found(const struct souk_vault *vault, const struct souk_vault_head *head)
{
	const struct souk_vault_log log = {.version = SOUK_VAULT_LOG_VERSION};
	SOUK_TRY(vault_save_head(vault->store, head));
	SOUK_TRY(vault_save_log(vault, &log));
	return vault_logged(vault, "found", "", 0, SOUK_OK, NULL);
}

souk_status souk_vault_found(struct souk_vault_keys *ret_keys, const struct souk_store *store,
	const struct souk_vault_master *master, const struct souk_identity *identity,
	struct souk_secret_rng *rng, struct souk_time now, const char *actor)
{
	struct souk_vault_head head;
	struct souk_vault_keys keys;
	uint8_t root[ROOT_SIZE];
	souk_status status = souk_vault_head_load(&head, store);
	if (status != SOUK_LOCAL_NOT_FOUND)
		return status == SOUK_OK ? SOUK_LOCAL_EXISTS : status;
	head = (struct souk_vault_head){
		.version = SOUK_VAULT_HEAD_VERSION, .created = now, .account = identity->address};
	souk_secret_rng_fill(rng, root, sizeof root);
	derive(&keys, root);
	make_signer(&head, &keys, rng);
	seal_root(&head, root, master, rng);
	souk_bytes_wipe(root, sizeof root);
	const struct souk_vault vault = {.store = store,
		.keys = &keys,
		.identity = identity,
		.rng = rng,
		.now = now,
		.actor = actor};
	status = found(&vault, &head);
	if (status == SOUK_OK)
		*ret_keys = keys;
	souk_bytes_wipe(&keys, sizeof keys);
	return status;
}

souk_status souk_vault_reseal(const struct souk_vault *vault,
	const struct souk_vault_master *old_master, const struct souk_vault_master *new_master)
{
	struct souk_vault_head head;
	uint8_t root[ROOT_SIZE];
	SOUK_TRY(souk_vault_head_load(&head, vault->store));
	SOUK_TRY(open_root(root, &head, old_master));
	seal_root(&head, root, new_master, vault->rng);
	souk_bytes_wipe(root, sizeof root);
	SOUK_TRY(vault_save_head(vault->store, &head));
	return vault_logged(vault, "reseal", "", 0, SOUK_OK, NULL);
}

bool souk_vault_commits(souk_status status)
{
	enum souk_status_class class = souk_status_class(status);
	return class != SOUK_CLASS_IO && class != SOUK_CLASS_CORRUPT;
}

/* ---- a whole vault, out and in ---- */

souk_status souk_vault_backup_head(const struct souk_vault *vault,
	const struct souk_vault_master *old_master, const struct souk_vault_master *new_master,
	struct souk_vault_backup *ret)
{
	uint8_t root[ROOT_SIZE];
	struct souk_vault_head head;
	SOUK_TRY(souk_vault_head_load(&head, vault->store));
	SOUK_TRY(open_root(root, &head, old_master));
	seal_root(&head, root, new_master, vault->rng);
	souk_bytes_wipe(root, sizeof root);
	*ret = (struct souk_vault_backup){
		.version = SOUK_VAULT_BACKUP_VERSION, .time = vault->now, .head = head};
	return vault_logged(vault, "backup", "", 0, SOUK_OK, NULL);
}

void souk_vault_backup_step(
	struct souk_hash *state, const struct souk_vault_keys *keys, struct souk_bytes bytes)
{
	uint8_t message[2 * SOUK_HASH_SIZE];
	struct souk_hash digest = souk_sha256_of(bytes.data, bytes.size);
	memcpy(message, state->bytes, SOUK_HASH_SIZE);
	memcpy(message + SOUK_HASH_SIZE, digest.bytes, SOUK_HASH_SIZE);
	*state = souk_hmac_sha256(
		souk_bytes_of(keys->mac, sizeof keys->mac), souk_bytes_of(message, sizeof message));
}

static souk_status forget_all(const struct souk_store *store, char prefix)
{
	struct souk_bytes rest;
	struct vault_store_key key = {.bytes = {(uint8_t)prefix}};
	souk_status status;
	while ((status = vault_next_key(store, prefix, souk_bytes_of("", 0), &rest)) == SOUK_OK) {
		if (rest.size >= sizeof key.bytes)
			return SOUK_CORRUPT_STORE;
		memcpy(key.bytes + 1, rest.data, rest.size);
		key.size = rest.size + 1;
		SOUK_TRY(souk_store_del(store, vault_view(&key)));
	}
	return status == SOUK_LOCAL_NOT_FOUND ? SOUK_OK : status;
}

/* The log of another account cannot go on here. */
static souk_status renew_log(const struct souk_vault *vault, struct souk_hash *ret_old_root)
{
	const struct souk_vault_log fresh = {.version = SOUK_VAULT_LOG_VERSION};
	struct souk_vault_log log;
	SOUK_TRY(vault_load_log(vault, &log));
	SOUK_TRY(souk_vault_log_root(vault, log.entries, ret_old_root));
	SOUK_TRY(forget_all(vault->store, 'E'));
	SOUK_TRY(forget_all(vault->store, 'N'));
	return vault_save_log(vault, &fresh);
}

souk_status souk_vault_restored(const struct souk_vault *vault, const struct souk_vault_head *head,
	const struct souk_vault_master *old_master, const struct souk_vault_master *new_master)
{
	struct souk_vault_head renewed = *head;
	struct souk_hash old_root = {{0}};
	uint8_t root[ROOT_SIZE];
	SOUK_TRY(open_root(root, head, old_master));
	renewed.account = vault->identity->address;
	seal_root(&renewed, root, new_master, vault->rng);
	souk_bytes_wipe(root, sizeof root);
	SOUK_TRY(vault_save_head(vault->store, &renewed));
	if (!souk_address_equal(&head->account, &renewed.account))
		SOUK_TRY(renew_log(vault, &old_root));
	return vault_logged(vault, "restore", "", 0, SOUK_OK, &old_root);
}
