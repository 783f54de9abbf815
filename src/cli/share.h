/* SPDX-License-Identifier: Apache-2.0
 *
 * share.h - souk share, unshare, shares and the policies of souk key: what their files share.
 *
 *   share_home.c      the home: identity, vault, lock; what a crash left is swept; receivers' keys
 *   share_seal.c      encrypted contents: a file becomes one, its key goes into the vault and out
 *   share_print.c     what became of proxies, for people and as JSON
 *   cmd_share.c       souk share
 *   cmd_unshare.c     souk unshare, souk key revoke
 *   cmd_shares.c      souk shares
 *   cmd_key_policy.c  souk key grant, retrieve, check
 *   get_share.c       souk get FILE.share */
#ifndef SOUK_CLI_SHARE_H
#define SOUK_CLI_SHARE_H

#include "../client/key_grant.h"
#include "../client/share_store.h"
#include "../daemon/provider_store.h"
#include "cli.h"
#include "import.h"
#include "souk/keys/share.h"

/* The key of the vault under which file keys are wrapped. */
#define SHARE_KEY_LABEL "contents"

/* ---- share_home.c ---- */

struct share_home {
	const char *command;
	struct souk_identity identity;
	struct key_grant_home grant; /* the vault is in it */
	int lock;		     /* -1: not taken */
};

/* share_home_open: identity and vault; made where there is none and MAKES says so. WRITES: also the
 * lock, and whatever a crash left is revoked. Prints what is wrong, and returns false. */
bool share_home_open(struct share_home *ret, const char *command, bool makes, bool writes);
void share_home_close(struct share_home *home);

/* TEXT is a public key of 66 hexadecimal digits, or a file with one. 0, or an exit status, and has
 * printed why. */
int share_receiver_argument(const char *command, const char *text, struct souk_pubkey *ret);
/* TEXT is a policy's id of 32 digits, a share file or a policy file. As above. */
int share_policy_argument(const struct share_home *home, const char *text, struct souk_nonce *ret);
/* "0x" and 40 digits. */
bool share_address_parse(struct souk_address *ret, const char *text);

/* 32 digits, in one of a few static buffers. */
const char *share_id_text(const struct souk_nonce *policy);
const char *share_point_text(const struct souk_pubkey *point);

/* ---- share_seal.c ---- */

struct share_content {
	struct souk_hash id; /* of the sealed file */
	struct souk_sealed_content record;
	bool was_there;			 /* it was sealed before, and is not written again */
	char detail[IMPORT_DETAIL_SIZE]; /* of a failure */
};

/* share_seal: the file at PATH, encrypted and on sale for PRICE. A file that was sealed before is
 * found by its bytes.
 *
 * Returns SOUK_OK, those of import_as, or of the vault. */
SOUK_MUST_CHECK souk_status share_seal(const struct share_home *home,
	const struct provider_store *store, const char *path, struct souk_amount price,
	struct share_content *ret);
/* share_file_key: out of the vault: one use of its key. Wipe it. */
SOUK_MUST_CHECK souk_status share_file_key(const struct share_home *home,
	const struct souk_sealed_content *record, uint8_t ret[SOUK_SEALED_KEY_SIZE]);

/* ---- share_print.c ---- */

json_t *share_proxies_json(const struct key_grant_report *report);
json_t *share_revoked_json(const struct key_revoke_report *report);
void share_print_proxies(const struct key_grant_report *report);
void share_print_revoked(const struct key_revoke_report *report);

/* ---- options of whoever grants ---- */

struct share_wish {
	const char *with;
	uint64_t proxies, threshold, expires_ms;
	struct option_list chosen;
	struct souk_amount price_max, deposit;
	uint64_t respond_ms;
};

/* share_wish_fill: false where the options make no sense, and said why. CHOSEN has room for
 * OPTION_LIST_MAX. */
bool share_wish_fill(const char *command, const struct share_wish *options,
	struct key_grant_wish *ret, struct souk_address *chosen);
/* The sentence of a grant that failed. */
int share_grant_failed(const char *command, souk_status status, const struct key_grant_wish *wish,
	const struct key_grant_report *report);

/* souk unshare and souk key revoke are one. */
int share_revoke(const char *command, const char *policy);

#endif
