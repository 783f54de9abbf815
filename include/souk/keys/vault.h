/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/keys/vault.h - an owner's keys, in a store: what may be done with each, how often it was,
 * and a signed log of it.
 *
 *   create --> live --rotate--> live, one version more; old ones still unwrap
 *                |--expires---> wraps, unwraps and signs no more; can be rotated and deleted
 *                |--delete----> deleted --recover--> live
 *                                  |--purge, after the grace period--> gone
 *
 *   policy: a fresh delegating key A for one receiver B, t of n (souk/keys/umbral.h); "wrapped for
 *   a policy" is wrapped for its A
 *
 *   every operation --> entry (index, time, what, key, result, who, previous) signed by the home's
 *   identity --> merkle tree --> root on the ledger (tx anchor)
 *
 * A struct souk_vault is one operation's view (or that of several, one after the other): the inside
 * of one transaction of the store, the vault's opened key, and the moment. The caller commits where
 * souk_vault_commits(status) says so, for refusals too, as these are logged; and aborts otherwise.
 *
 * Invariants: V1 secrets are in the store only encrypted; every record carries an HMAC under the
 *                vault's key, so that limits and counts cannot be set back without that key.
 *             V2 a use is counted in the transaction that answers it: a crash never gives one back.
 *             V3 labels are unique, a point belongs to one version of one key or policy.
 *             V4 the log only grows, and every entry is signed and names the one before.
 *             V5 a refusal changes nothing but the log, and counts what was tried with the secret.
 *
 * Memory: caller's; secrets in it are wiped before a function returns, but for what it is to
 * return. Threads: one owner of a transaction. Spec: spec/vault.md. */
#ifndef SOUK_KEYS_VAULT_H
#define SOUK_KEYS_VAULT_H

#include "souk/crypto/ecdsa.h"
#include "souk/keys/umbral.h"
#include "souk/ports/store.h"
#include "souk/wire/messages.h"

#define SOUK_VAULT_LABEL_MAX	64u
#define SOUK_VAULT_ACTOR_MAX	64u
#define SOUK_VAULT_VERSIONS_MAX 1024u
/* Of plain text: 64 KiB. Wrap a file's key, not the file. */
#define SOUK_VAULT_PLAIN_MAX 65536u
#define SOUK_VAULT_GRACE_MS  (30ull * 24 * 3600 * 1000)

/* ---- opening ---- */

/* The vault's own key, opened; wipe it. */
struct souk_vault_keys {
	uint8_t seal[32]; /* encrypts secrets */
	uint8_t mac[32];  /* of records */
	struct souk_umbral_key signer;
};

struct souk_vault {
	const struct souk_store *store;
	const struct souk_vault_keys *keys;
	const struct souk_identity *identity; /* signs the log: the home's */
	struct souk_secret_rng *rng;
	struct souk_time now;
	const char *actor; /* who asks, for the log: at most SOUK_VAULT_ACTOR_MAX visible characters
			    */
};

/* The key that seals: of KDF, by the caller (a secret file, or souk_passphrase_key). */
struct souk_vault_master {
	struct souk_vault_kdf kdf;
	uint8_t key[32];
};

/* souk_vault_head_load: how the vault in STORE opens.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_NOT_FOUND  there is none: souk_vault_found.
 *   SOUK_CORRUPT_STORE    not a vault; SOUK_IO_*. */
SOUK_MUST_CHECK souk_status souk_vault_head_load(
	struct souk_vault_head *ret, const struct souk_store *store);

/* souk_vault_found: make a vault in an empty store. The log's first entry says so.
 *
 *  Out: ret_keys  wipe them
 *
 * Returns SOUK_OK, SOUK_LOCAL_EXISTS, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status souk_vault_found(struct souk_vault_keys *ret_keys,
	const struct souk_store *store, const struct souk_vault_master *master,
	const struct souk_identity *identity, struct souk_secret_rng *rng, struct souk_time now,
	const char *actor);

/* souk_vault_open: the keys of the vault that HEAD is of.
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_VAULT_LOCKED  MASTER is another vault's: ask for the passphrase again.
 *   SOUK_CORRUPT_STORE       the head is damaged. */
SOUK_MUST_CHECK souk_status souk_vault_open(struct souk_vault_keys *ret,
	const struct souk_vault_head *head, const struct souk_vault_master *master);

/* souk_vault_reseal: have the vault open with another master key from now on.
 * Returns SOUK_OK, SOUK_IO_*, SOUK_CORRUPT_STORE. */
SOUK_MUST_CHECK souk_status souk_vault_reseal(const struct souk_vault *vault,
	const struct souk_vault_master *old_master, const struct souk_vault_master *new_master);

/* Whether what was written before STATUS is to be committed: all but IO and CORRUPT. */
bool souk_vault_commits(souk_status status);

/* ---- keys ---- */

/* 1 to 64 of a-z 0-9 - . _ / : no "/" at an end or twice in a row, no part "." or "..". */
bool souk_vault_label_is_valid(const char *label);

/* What a key may be used for; zero means no limit. */
struct souk_vault_limits {
	struct souk_time expires;
	uint64_t uses_max;
	uint32_t rate; /* uses in rate_ms */
	uint64_t rate_ms;
	uint64_t grace_ms; /* of a deletion; zero: SOUK_VAULT_GRACE_MS */
	bool exportable;
	bool protected; /* never purged before the grace period is over */
};

/* All that take a label return, beside what they list:
 *   SOUK_PEER_BAD_REQUEST   the label has not the form.
 *   SOUK_LOCAL_NOT_FOUND    no such key.
 *   SOUK_LOCAL_KEY_DELETED  recover it first.
 *   SOUK_IO_*, SOUK_CORRUPT_STORE  abort; tell the operator. */

/* souk_vault_create: a key under a new label.
 * Returns SOUK_OK, SOUK_LOCAL_EXISTS (also where it is deleted and not purged yet), or
 *   SOUK_PEER_BAD_REQUEST  also: a rate without its time, or an expiry that is past. */
SOUK_MUST_CHECK souk_status souk_vault_create(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, struct souk_vault_key *ret);

/* souk_vault_show: not logged. Also of a deleted key. */
SOUK_MUST_CHECK souk_status souk_vault_show(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret);
/* The first key with a label after AFTER ("": the first of all). SOUK_OK, or LOCAL_NOT_FOUND. */
SOUK_MUST_CHECK souk_status souk_vault_next(
	const struct souk_vault *vault, const char *after, struct souk_vault_key *ret);
/* Version NUMBER of a key, 0 for the newest; its point is public, its sealed secret is not to be
 * shown. Not logged. SOUK_LOCAL_KEY_VERSION: there is none. */
SOUK_MUST_CHECK souk_status souk_vault_version(const struct souk_vault *vault,
	const struct souk_vault_key *key, uint32_t number, struct souk_vault_key_version *ret);

/* souk_vault_rotate: a new version, which wraps and signs from now on.
 * SOUK_LOCAL_FULL: SOUK_VAULT_VERSIONS_MAX. */
SOUK_MUST_CHECK souk_status souk_vault_rotate(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret);

/* souk_vault_configure: change limits. exportable and protected never change back: exportable only
 * to false, protected only to true, and grace_ms only where it is not protected.
 *
 *  In: unwrap_min  0: as it is; it never exceeds the newest version
 *
 * Returns SOUK_OK, SOUK_LOCAL_KEY_STAYS (would make it exportable), SOUK_LOCAL_KEY_GRACE (would
 * make it less protected), SOUK_LOCAL_KEY_VERSION, SOUK_PEER_BAD_REQUEST. */
SOUK_MUST_CHECK souk_status souk_vault_configure(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, uint32_t unwrap_min, struct souk_vault_key *ret);

SOUK_MUST_CHECK souk_status souk_vault_delete(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret);
/* SOUK_LOCAL_STATE: it is not deleted. */
SOUK_MUST_CHECK souk_status souk_vault_recover(
	const struct souk_vault *vault, const char *label, struct souk_vault_key *ret);
/* souk_vault_purge: for good. EARLY: also before the grace period is over, unless it is protected.
 * Returns SOUK_OK, SOUK_LOCAL_STATE (delete it first), SOUK_LOCAL_KEY_GRACE (wait). */
SOUK_MUST_CHECK souk_status souk_vault_purge(
	const struct souk_vault *vault, const char *label, bool early);

/* ---- what a key does ---- */

/* "souk-wrap:" and, in base64url without padding, version 1, point 33, number 4, capsule 98,
 * ciphertext. */
#define SOUK_VAULT_WRAP_PREFIX	 "souk-wrap:"
#define SOUK_VAULT_WRAP_HEAD	 136u
#define SOUK_VAULT_WRAP_BINARY	 (SOUK_VAULT_WRAP_HEAD + SOUK_UMBRAL_CIPHERTEXT_EXTRA)
#define SOUK_VAULT_WRAP_SIZE_MAX SOUK_VAULT_WRAP_SIZE(SOUK_VAULT_PLAIN_MAX)
/* Of the text for SIZE bytes of plain text, with its terminator. */
#define SOUK_VAULT_WRAP_SIZE(size)                                                                 \
	(sizeof SOUK_VAULT_WRAP_PREFIX + ((SOUK_VAULT_WRAP_BINARY + (size)) * 4 + 2) / 3)

/* A wrapped text, read. */
struct souk_vault_wrap {
	struct souk_point point;
	uint32_t number; /* version of the key; 0: a policy's delegating key */
	struct souk_umbral_capsule capsule;
	struct souk_bytes ciphertext; /* borrowed from the memory given to parse */
};

/* souk_vault_wrap_for: to any point, with no vault at all.
 *
 *  Out: text     SOUK_VAULT_WRAP_SIZE(plain.size) characters, terminated
 *
 * Returns SOUK_OK, or SOUK_PEER_OVERSIZED: more than SOUK_VAULT_PLAIN_MAX. */
SOUK_MUST_CHECK souk_status souk_vault_wrap_for(char *text, const struct souk_point *point,
	uint32_t number, struct souk_bytes plain, struct souk_secret_rng *rng);

/* The same from a capsule that exists, for who holds it and its seed. */
SOUK_MUST_CHECK souk_status souk_vault_wrap_with(char *text, const struct souk_point *point,
	uint32_t number, const struct souk_umbral_capsule *capsule,
	const struct souk_umbral_seed *seed, struct souk_bytes plain, struct souk_secret_rng *rng);

/* souk_vault_wrap_parse: SCRATCH has at least 3/4 of TEXT's size. White space around is allowed.
 *
 * Returns SOUK_OK, or SOUK_PEER_BAD_WRAP, or those of souk_umbral_capsule_parse_simple. */
SOUK_MUST_CHECK souk_status souk_vault_wrap_parse(
	struct souk_vault_wrap *ret, struct souk_bytes text, uint8_t *scratch, size_t scratch_size);

/* souk_vault_wrap_text: to the newest version. Needs no secret: counts as no use.
 * SOUK_LOCAL_KEY_EXPIRED, SOUK_PEER_OVERSIZED. */
SOUK_MUST_CHECK souk_status souk_vault_wrap_text(
	const struct souk_vault *vault, const char *label, struct souk_bytes plain, char *text);

/* souk_vault_unwrap: one use.
 *
 *  In:  label  whose wrap it must be; NULL: whichever key of the vault it is for, or policy
 *  Out: plain  wrap->ciphertext.size - SOUK_UMBRAL_CIPHERTEXT_EXTRA bytes
 *
 * Returns SOUK_OK, or
 *   SOUK_PEER_BAD_WRAP         for another key than LABEL's, or for none of this vault.
 *   SOUK_PEER_BAD_CIPHERTEXT   altered. (Logged, and a use: it was tried.)
 *   SOUK_LOCAL_KEY_VERSION     below unwrap_min: retired.
 *   SOUK_LOCAL_KEY_EXPIRED     extend it by souk_vault_configure.
 *   SOUK_LOCAL_KEY_USED_UP     the same.
 *   SOUK_LOCAL_KEY_RATE        wait; not logged. */
SOUK_MUST_CHECK souk_status souk_vault_unwrap(const struct souk_vault *vault, const char *label,
	const struct souk_vault_wrap *wrap, uint8_t *plain);

/* When souk_vault_unwrap and the like would not answer LOCAL_KEY_RATE any more. */
struct souk_time souk_vault_ready_at(const struct souk_vault_key *key, struct souk_time now);

struct souk_vault_signature {
	struct souk_ecdsa_rs rs;	   /* low s */
	struct souk_signature recoverable; /* the same r and s, with v */
	struct souk_pubkey point;
	uint32_t number;
};

/* souk_vault_sign: ECDSA over MESSAGE's SHA-256 with the newest version. One use. As unwrap. */
SOUK_MUST_CHECK souk_status souk_vault_sign(const struct souk_vault *vault, const char *label,
	const struct souk_hash *digest, struct souk_vault_signature *ret);
/* souk_vault_verify: by version NUMBER, or 0: by any. No secret, not logged.
 *  Out: ret_number  which version it was
 * SOUK_PEER_BAD_SIGNATURE. */
SOUK_MUST_CHECK souk_status souk_vault_verify(const struct souk_vault *vault, const char *label,
	uint32_t number, const struct souk_hash *digest, const struct souk_ecdsa_rs *signature,
	uint32_t *ret_number);

/* souk_vault_rewrap: the same plain text, wrapped for LABEL's newest version, or for POLICY's
 * delegating key where it is not NULL; the caller never sees it. One use of the key that it was
 * wrapped for. As unwrap.
 *
 *  Out: text     of the same size as the old one at most
 *       scratch  as large as the ciphertext; wiped */
SOUK_MUST_CHECK souk_status souk_vault_rewrap(const struct souk_vault *vault, const char *label,
	const struct souk_vault_wrap *wrap, const struct souk_nonce *policy, uint8_t *scratch,
	char *text);

/* ---- out and in ---- */

/* souk_vault_export: all versions, under MASTER (of a passphrase; SOUK_PASSPHRASE_*). EXPORT_KEY
 * is memory for what is encrypted; it is wiped.
 * SOUK_LOCAL_KEY_STAYS: made not to be exportable. */
SOUK_MUST_CHECK souk_status souk_vault_export(const struct souk_vault *vault, const char *label,
	const struct souk_vault_master *master, struct souk_vault_export_key *export_key,
	struct souk_vault_export *ret);
/* Version NUMBER's scalar (0: the newest), as umbral-pre's SecretKey has it. Wipe it. */
SOUK_MUST_CHECK souk_status souk_vault_export_raw(
	const struct souk_vault *vault, const char *label, uint32_t number, uint8_t ret[32]);
#define SOUK_VAULT_EXPORT_SCRATCH 46080u
/* souk_vault_import: under LABEL, or, where it is NULL, under its own. SCRATCH has
 * SOUK_VAULT_EXPORT_SCRATCH bytes; it and EXPORT_KEY are wiped.
 * Returns SOUK_OK, SOUK_LOCAL_EXISTS (a label, or one of its points), SOUK_LOCAL_VAULT_LOCKED
 * (wrong passphrase), SOUK_PEER_* (not an export). */
SOUK_MUST_CHECK souk_status souk_vault_import(const struct souk_vault *vault, const char *label,
	const struct souk_vault_export *file, const struct souk_vault_master *master,
	struct souk_vault_export_key *export_key, uint8_t *scratch, struct souk_vault_key *ret);
/* SOUK_PEER_NOT_CANONICAL: not a secret key. */
SOUK_MUST_CHECK souk_status souk_vault_import_raw(const struct souk_vault *vault, const char *label,
	const struct souk_vault_limits *limits, const uint8_t secret[32],
	struct souk_vault_key *ret);

/* A backup is a souk_vault_backup, each record (size 2 of the key, the key, size 4 of the value,
 * the value) in the order of the store, and an HMAC under the vault's key over all before it. */
#define SOUK_VAULT_BACKUP_TAG 32u
/* souk_vault_backup_head: what a backup begins with, under NEW_MASTER; logged. RECORDS is the
 * caller's to count. */
SOUK_MUST_CHECK souk_status souk_vault_backup_head(const struct souk_vault *vault,
	const struct souk_vault_master *old_master, const struct souk_vault_master *new_master,
	struct souk_vault_backup *ret);
/* The tag of a run of bytes after STATE: state' = HMAC(mac, state || SHA-256(bytes)). */
void souk_vault_backup_step(
	struct souk_hash *state, const struct souk_vault_keys *keys, struct souk_bytes bytes);
/* souk_vault_restored: after the records of a backup were put into an empty store, and its tag was
 * right: seal the vault under MASTER, and log it. Where the identity is another than the backup's
 * the log starts anew: its first entry's subject is the old root.
 * Returns SOUK_OK, SOUK_CORRUPT_STORE, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status souk_vault_restored(const struct souk_vault *vault,
	const struct souk_vault_head *head, const struct souk_vault_master *old_master,
	const struct souk_vault_master *new_master);

/* ---- policies ---- */

/* souk_vault_policy_create: a fresh delegating key for RECEIVING.
 *
 *  In: label      what it is about; need not be a key's, nor unique
 *      shares_max n
 *
 * Returns SOUK_OK, or
 *   SOUK_LOCAL_STATE       not 1 <= threshold <= shares_max <= SOUK_UMBRAL_SHARES_MAX.
 *   SOUK_PEER_BAD_POINT    the receiver's key is none.
 *   SOUK_PEER_BAD_REQUEST  the label, or an expiry that is past (zero: never is allowed). */
SOUK_MUST_CHECK souk_status souk_vault_policy_create(const struct souk_vault *vault,
	const char *label, const struct souk_pubkey *receiving, uint32_t threshold,
	uint32_t shares_max, struct souk_time expires, struct souk_vault_policy *ret);

/* SOUK_OK, or SOUK_LOCAL_NOT_FOUND. Not logged. */
SOUK_MUST_CHECK souk_status souk_vault_policy_show(
	const struct souk_vault *vault, const struct souk_nonce *id, struct souk_vault_policy *ret);
/* The first with an id after AFTER (NULL: the first of all). */
SOUK_MUST_CHECK souk_status souk_vault_policy_next(const struct souk_vault *vault,
	const struct souk_nonce *after, struct souk_vault_policy *ret);
/* The policy whose delegating key is POINT. SOUK_LOCAL_NOT_FOUND. */
SOUK_MUST_CHECK souk_status souk_vault_policy_of_point(const struct souk_vault *vault,
	const struct souk_pubkey *point, struct souk_vault_policy *ret);

/* souk_vault_policy_delegate: key fragments 0 to COUNT - 1. Always the same ones: who crashed while
 * they were delivered asks again, and who must replace a proxy asks for more (COUNT may be over
 * shares_max, up to SOUK_UMBRAL_SHARES_MAX). Signed by the vault's signer, both names covered. Wipe
 * them.
 *
 * Returns SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_LOCAL_STATE (COUNT out of range), or
 *   SOUK_PEER_AGREEMENT_REVOKED, SOUK_LOCAL_KEY_EXPIRED: make a new policy. */
SOUK_MUST_CHECK souk_status souk_vault_policy_delegate(const struct souk_vault *vault,
	const struct souk_nonce *id, uint32_t count, struct souk_umbral_kfrag *ret);

/* souk_vault_policy_add: remember a proxy, once its agreement is known. Told twice, it is there
 * once. SOUK_LOCAL_FULL: 64 of them. */
SOUK_MUST_CHECK souk_status souk_vault_policy_add(const struct souk_vault *vault,
	const struct souk_nonce *id, const struct souk_address *provider,
	const struct souk_hash *agreement);
/* The ledger has the revocation of AGREEMENT; of all shares and the policy where it is NULL (before
 * the first transaction is sent: nothing is delegated from then on). */
SOUK_MUST_CHECK souk_status souk_vault_policy_revoke(const struct souk_vault *vault,
	const struct souk_nonce *id, const struct souk_hash *agreement);
/* souk_vault_policy_keep: a proxy's receipt. Also SOUK_PEER_BAD_SIGNATURE, _WRONG_SIGNER, and
 * SOUK_LOCAL_NOT_FOUND: no such share. */
SOUK_MUST_CHECK souk_status souk_vault_policy_keep(const struct souk_vault *vault,
	const struct souk_nonce *id, const struct souk_signed_key_deletion *deletion);

/* souk_vault_policy_capsule: a fresh content key for the policy's receiver: wrapped by it is what
 * souk_umbral_seal encrypts under SEED. Needs no secret and is not logged. */
SOUK_MUST_CHECK souk_status souk_vault_policy_capsule(const struct souk_vault *vault,
	const struct souk_nonce *id, struct souk_umbral_capsule *ret_capsule,
	struct souk_umbral_seed *ret_seed);
/* The owner's way back. Wipe it. */
SOUK_MUST_CHECK souk_status souk_vault_policy_decapsulate(const struct souk_vault *vault,
	const struct souk_nonce *id, const struct souk_umbral_capsule *capsule,
	struct souk_umbral_seed *ret);

/* The receiver's secret, for souk_umbral_open: version NUMBER (0: the newest) of a key of this
 * vault. One use. Wipe it. As unwrap. */
SOUK_MUST_CHECK souk_status souk_vault_receive(const struct souk_vault *vault, const char *label,
	uint32_t number, struct souk_umbral_key *ret);
/* The same for whichever key has POINT. SOUK_LOCAL_NOT_FOUND. */
SOUK_MUST_CHECK souk_status souk_vault_receive_point(const struct souk_vault *vault,
	const struct souk_pubkey *point, struct souk_umbral_key *ret);

/* ---- the log ---- */

/* souk_vault_log_load: where it ends.
 * SOUK_OK, SOUK_CORRUPT_STORE, SOUK_IO_*. */
SOUK_MUST_CHECK souk_status souk_vault_log_load(
	const struct souk_vault *vault, struct souk_vault_log *ret);
/* Entry INDEX as it was written. SOUK_OK, SOUK_LOCAL_NOT_FOUND, SOUK_CORRUPT_VAULT_LOG. */
SOUK_MUST_CHECK souk_status souk_vault_log_entry(
	const struct souk_vault *vault, uint64_t index, struct souk_signed_vault_entry *ret);
/* The same as its bytes stand there, for souk_vault_audit_next. */
SOUK_MUST_CHECK souk_status souk_vault_log_stored(
	const struct souk_vault *vault, uint64_t index, struct souk_bytes *ret);
/* The root over the first COUNT entries. SOUK_LOCAL_NOT_FOUND: there are fewer. */
SOUK_MUST_CHECK souk_status souk_vault_log_root(
	const struct souk_vault *vault, uint64_t count, struct souk_hash *ret);
/* souk_vault_log_prove: that entry INDEX is in the log of its first COUNT entries. */
SOUK_MUST_CHECK souk_status souk_vault_log_prove(const struct souk_vault *vault, uint64_t index,
	uint64_t count, struct souk_vault_proof *ret);
/* The ledger has an anchor of COUNT entries. */
SOUK_MUST_CHECK souk_status souk_vault_log_anchored(const struct souk_vault *vault, uint64_t count);
/* Write an entry of the caller's own: "grant", "retrieve"... LABEL may be "". */
SOUK_MUST_CHECK souk_status souk_vault_log_add(const struct souk_vault *vault,
	const char *operation, const char *label, uint32_t number, souk_status result,
	const struct souk_hash *subject);

/* ---- checking a log, with no vault ---- */

/* What was read so far: entries are shown to it one after the other. */
struct souk_vault_audit {
	struct souk_address account;
	uint64_t entries;
	struct souk_hash last;
	struct souk_time time;
	struct souk_hash peaks[64]; /* of complete subtrees, by level */
};

void souk_vault_audit_init(struct souk_vault_audit *audit, const struct souk_address *account);
/* souk_vault_audit_next: the next entry, as it is stored.
 *
 *  Out: ret_what  where it fails: "index", "previous", "time", "signature" or the field that
 *                 cannot be decoded
 *
 * Returns SOUK_OK, or SOUK_CORRUPT_VAULT_LOG: entry audit->entries is not as it was written. */
SOUK_MUST_CHECK souk_status souk_vault_audit_next(
	struct souk_vault_audit *audit, struct souk_bytes stored, const char **ret_what);
/* The root so far; zero where there is none. */
struct souk_hash souk_vault_audit_root(const struct souk_vault_audit *audit);
/* souk_vault_proof_check: by ACCOUNT, of a log whose root the caller compares with the ledger's.
 * Returns SOUK_OK, SOUK_PEER_BAD_PATH, SOUK_PEER_BAD_SIGNATURE, _WRONG_SIGNER. */
SOUK_MUST_CHECK souk_status souk_vault_proof_check(
	const struct souk_vault_proof *proof, const struct souk_address *account);

#endif
