/* SPDX-License-Identifier: Apache-2.0
 *
 * souk/base/status.h - every way a call can end, in one list.
 *
 * The class tells the caller what to do in general; a function's own comment
 * tells it what to do in particular.
 *
 *   PEER     a peer (or a transaction, or a message) broke the rules: refuse it, change nothing
 *   LOCAL    refused here, by a limit, a policy or the state of things: the caller may ask
 * otherwise IO       the outside world failed: may be tried again CORRUPT  what was stored or
 * logged contradicts itself: stop and tell the operator
 *
 * A failed verification is a status, so a forgotten boolean cannot pass. Outputs
 * named ret_* are untouched unless SOUK_OK is returned.
 *
 * Wire codes are stable: new ones are added, none is reused. Spec: spec/wire.md. */
#ifndef SOUK_BASE_STATUS_H
#define SOUK_BASE_STATUS_H

#include <stdint.h>

#define SOUK_MUST_CHECK __attribute__((warn_unused_result))

/* X(name, wire code, class, text) */
#define SOUK_STATUS_LIST(X)                                                                        \
	X(OK, 0, OK, "ok")                                                                         \
	/* messages */                                                                             \
	X(PEER_TRUNCATED, 1, PEER, "the message ends too early")                                   \
	X(PEER_TRAILING, 2, PEER, "bytes follow the end of the message")                           \
	X(PEER_OVERSIZED, 3, PEER, "a length is over its limit")                                   \
	X(PEER_NOT_CANONICAL, 4, PEER, "a value is not in its one canonical form")                 \
	X(PEER_BAD_VERSION, 5, PEER, "this version is not spoken here")                            \
	X(PEER_BAD_HEX, 6, PEER, "not hexadecimal of the right length")                            \
	X(PEER_BAD_REQUEST, 7, PEER, "the request is malformed")                                   \
	X(PEER_BAD_SIGNATURE, 8, PEER, "the signature does not verify")                            \
	X(PEER_WRONG_SIGNER, 9, PEER, "signed by another key than the one required")               \
	X(PEER_BAD_PUBKEY, 10, PEER, "not a public key on the curve")                              \
	X(PEER_BAD_AUTH, 11, PEER, "the request is not authenticated under the session secret")    \
	/* payment */                                                                              \
	X(PEER_BAD_TICKET, 20, PEER, "the ticket does not hash to the last one accepted")          \
	X(PEER_STALE_TICKET, 21, PEER, "the ticket is not after the last one accepted")            \
	X(PEER_JUMP_TOO_FAR, 22, PEER, "the ticket jumps over more units than allowed")            \
	X(PEER_OVERDRAW, 23, PEER, "the ticket is past the end of its strip")                      \
	X(PEER_STRIP_OVERLAP, 24, PEER, "the strip overlaps another strip of the same leaf")       \
	X(PEER_STRIP_RANGE, 25, PEER, "the strip does not fit inside its leaf")                    \
	X(PEER_STRIP_TERMS, 26, PEER, "the strip's terms are not those of the grant")              \
	X(PEER_STRIP_EXPIRED, 27, PEER, "the strip has expired")                                   \
	X(PEER_BAD_PATH, 28, PEER, "the allotment path does not lead to the root on the ledger")   \
	X(PEER_BAD_BATCH, 29, PEER, "the batch path does not lead to the signed root")             \
	X(PEER_BAD_CHECKPOINT, 30, PEER, "the checkpoint does not lead to the strip's root")       \
	X(PEER_EPOCH_CLOSED, 31, PEER, "the epoch is closed")                                      \
	X(PEER_WRONG_EPOCH, 32, PEER, "not for this epoch")                                        \
	X(PEER_BAD_KEY, 33, PEER, "the key does not hash to the key chain's anchor")               \
	X(PEER_NOT_PAYEE, 34, PEER, "the leaf pays another provider")                              \
	/* exchange and content */                                                                 \
	X(PEER_UNPAID, 40, PEER, "payment required: the window of unpaid units is used up")        \
	X(PEER_UNIT_REBOUND, 41, PEER, "this unit number was already used for another chunk")      \
	X(PEER_BAD_UNIT, 42, PEER, "the unit does not match the content id")                       \
	X(PEER_WRONG_LENGTH, 43, PEER, "the unit is longer or shorter than it must be")            \
	X(PEER_UNKNOWN_SESSION, 44, PEER, "no such session")                                       \
	X(PEER_UNKNOWN_CONTENT, 45, PEER, "no such content is offered here")                       \
	X(PEER_BAD_OFFER, 46, PEER, "the offer is not acceptable")                                 \
	X(PEER_BAD_GRANT, 47, PEER, "the grant does not answer the ask")                           \
	X(PEER_SILENT, 48, PEER, "the peer did not answer in time")                                \
	X(PEER_BAD_CONTENT, 49, PEER, "the chunk list does not match the content id")              \
	X(PEER_NO_CHUNK, 50, PEER, "the content has no such chunk")                                \
	X(PEER_OUT_OF_ORDER, 51, PEER, "the message does not fit the session's state")             \
	/* ledger */                                                                               \
	X(PEER_TX_WRONG_LEDGER, 60, PEER, "the transaction is for another ledger")                 \
	X(PEER_TX_NONCE, 61, PEER, "the transaction's nonce is not the account's next")            \
	X(PEER_TX_KIND, 62, PEER, "no such kind of transaction")                                   \
	X(PEER_NO_FUNDS, 63, PEER, "the account's balance is too low")                             \
	X(PEER_NO_ESCROW, 64, PEER, "no such escrow")                                              \
	X(PEER_ESCROW_EXISTS, 65, PEER, "that escrow exists already")                              \
	X(PEER_ESCROW_TERMS, 66, PEER, "the escrow's terms are not allowed on this ledger")        \
	X(PEER_ESCROW_CLOSING, 67, PEER, "the escrow is closing")                                  \
	X(PEER_ESCROW_LOCKED, 68, PEER, "the escrow is locked until its last claim is settled")    \
	X(PEER_ALLOTMENT_OVER_LINE, 69, PEER, "the allotments would pass the escrow's value line") \
	X(PEER_ALLOTMENT_FUNDS, 70, PEER, "the escrow's free funds do not cover the allotment")    \
	X(PEER_ALLOTMENT_INDEX, 71, PEER, "not the escrow's next allotment of this epoch")         \
	X(PEER_NO_ALLOTMENT, 72, PEER, "no such allotment")                                        \
	X(PEER_TOO_MANY_EPOCHS, 73, PEER, "the escrow has too many epochs still open to claims")   \
	X(PEER_NOT_DRAWN, 74, PEER, "the epoch's beacon is not drawn yet")                         \
	X(PEER_CLAIM_LATE, 75, PEER, "the epoch's claim window is over")                           \
	X(PEER_CLAIM_PAID, 76, PEER, "every winning point of the claim is already paid")           \
	X(PEER_CLAIM_NO_PRIZE, 77, PEER, "no winning point lies inside the claim")                 \
	X(PEER_NOT_OPERATOR, 78, PEER, "only the ledger's operator may do this")                   \
	X(PEER_BAD_BEACON, 79, PEER, "the beacon does not hash to the one before")                 \
	X(PEER_FAUCET, 80, PEER, "the faucet does not give that much, or is closed")               \
	X(PEER_NO_PROVIDER, 81, PEER, "no such provider is registered")                            \
	X(PEER_PROVIDER_DEPOSIT, 82, PEER, "the provider's deposit is below the ledger's minimum") \
	X(PEER_PROVIDER_BONDED, 83, PEER, "the provider's deposit is still bonded")                \
	X(PEER_BLOCK_TIME, 84, PEER, "the block's time is before the previous block's")            \
	X(PEER_ZERO_AMOUNT, 85, PEER, "the amount must not be zero")                               \
	X(PEER_NO_ACCOUNT, 86, PEER, "no such account")                                            \
	X(PEER_EPOCH_END, 87, PEER, "the epoch cannot be made to end then")                        \
	X(PEER_DRAW_EARLY, 88, PEER, "the epoch's beacon is not due yet, or there is none left")   \
	X(PEER_LEAF_CLAIMED, 89, PEER, "the leaf was already claimed in the other way")            \
	X(PEER_NO_DOUBLE_ISSUE, 90, PEER, "the two strips do not prove double issuance")           \
	X(PEER_NO_PENALTY, 91, PEER, "the escrow has no penalty, or it is forfeited")              \
	X(PEER_STANDING, 92, PEER, "the allotment cannot stand so long")                           \
	X(PEER_NO_AGREEMENT, 93, PEER, "no such agreement")                                        \
	X(PEER_AGREEMENT_EXISTS, 94, PEER, "that agreement exists already")                        \
	X(PEER_AGREEMENT_TERMS, 95, PEER, "the agreement's terms are not allowed")                 \
	X(PEER_AGREEMENT_OVER, 96, PEER, "the agreement is over")                                  \
	X(PEER_AGREEMENT_RUNS, 97, PEER, "the agreement still runs")                               \
	X(PEER_CHALLENGED, 98, PEER, "a challenge is waiting for its answer")                      \
	X(PEER_NO_CHALLENGE, 99, PEER, "no challenge is waiting, or it is not overdue")            \
	X(PEER_BAD_ANSWER, 150, PEER, "the answer does not answer the challenge")                  \
	X(PEER_BAD_QUESTION, 151, PEER, "the challenge asks nothing that the provider owes")       \
	X(PEER_NO_JUDGE, 152, PEER, "no judge decides for this service")                           \
	X(PEER_NOT_GUILTY, 153, PEER, "the evidence does not convict")                             \
	X(PEER_PENALTY_TOO_LOW, 154, PEER, "the escrow's penalty does not cover an open leaf")     \
	X(PEER_BAD_STATEMENT, 155, PEER, "the unit's statement is missing, or not about it")       \
	/* hub */                                                                                  \
	X(PEER_HUB_CREDIT, 160, PEER, "the credit at the hub is used up")                          \
	X(PEER_HUB_VOUCHER, 161, PEER, "no such voucher, or it is redeemed")                       \
	X(PEER_HUB_PRICE, 162, PEER, "the price does not cover the provider's and the hub's fee")  \
	X(PEER_HUB_STEP, 163, PEER, "the hub sells fewer units ahead than that")                   \
	/* sponsor */                                                                              \
	X(PEER_SPONSOR_QUOTA, 170, PEER, "the viewer's or its network's quota is used up")         \
	X(PEER_SPONSOR_ADMISSION, 171, PEER, "no admission by the sponsor's site")                 \
	X(PEER_SPONSOR_TOKEN, 172, PEER, "the token does not solve the segment's puzzle")          \
	X(PEER_UNKNOWN_BUNDLE, 173, PEER, "no such bundle")                                        \
	X(PEER_BAD_BUNDLE, 174, PEER, "the bundle's offer is not acceptable")                      \
	X(PEER_BAD_PUZZLE, 175, PEER, "the puzzle's terms are out of range")                       \
	/* names */                                                                                \
	X(PEER_BAD_NAME, 182, PEER, "not a publisher's name, or not a record of one")              \
	X(PEER_NAME_ROLLBACK, 183, PEER, "an older record of the name than one seen before")       \
	X(PEER_NAME_TWICE, 184, PEER, "two contents are signed with one sequence")                 \
	/* keys */                                                                                 \
	X(PEER_BAD_POINT, 210, PEER, "not a point of the curve, or infinity")                      \
	X(PEER_FOREIGN_PARAMETER, 211, PEER, "the key fragment has another base point than ours")  \
	X(PEER_BAD_CAPSULE, 212, PEER, "the capsule's numbers do not belong together")             \
	X(PEER_BAD_KEY_FRAGMENT, 213, PEER, "the key fragment does not fit its signature or keys") \
	X(PEER_BAD_FRAGMENT, 214, PEER, "the re-encrypted fragment is not what it proves to be")   \
	X(PEER_BAD_CIPHERTEXT, 215, PEER, "the ciphertext was altered, or is of another key")      \
	X(PEER_FRAGMENTS_DIFFER, 216, PEER, "the fragments are not different ones of one policy")  \
	X(PEER_AGREEMENT_REVOKED, 217, PEER, "the agreement was revoked")                          \
	X(PEER_NOT_REVOCABLE, 218, PEER, "agreements of this service cannot be revoked")           \
	X(PEER_ANCHOR, 219, PEER, "a log never gets shorter: its last anchor has as many entries") \
	/* shared contents */                                                                      \
	X(PEER_BAD_SEAL, 235, PEER, "not an encrypted file of this form, or cut short")            \
	X(PEER_SEAL_KEY, 236, PEER, "the file is encrypted under another key")                     \
	X(PEER_BAD_SHARE, 237, PEER, "the share is forged, or not for you")                        \
	X(PEER_SHARE_OVER, 238, PEER, "the share has ended, or was taken back")                    \
	/* vault */                                                                                \
	X(LOCAL_KEY_EXPIRED, 225, LOCAL, "the key has expired")                                    \
	X(LOCAL_KEY_USED_UP, 226, LOCAL, "the key was used as often as it may be")                 \
	X(LOCAL_KEY_RATE, 227, LOCAL, "the key is used too often at the moment")                   \
	X(LOCAL_KEY_DELETED, 228, LOCAL, "the key is deleted; it can still be recovered")          \
	X(LOCAL_KEY_GRACE, 229, LOCAL, "the grace period of the deleted key still runs")           \
	X(LOCAL_KEY_STAYS, 230, LOCAL, "the key was made not to leave its vault")                  \
	X(LOCAL_KEY_VERSION, 231, LOCAL, "the key has no such version, or it is retired")          \
	X(LOCAL_VAULT_LOCKED, 232, LOCAL, "not the secret or passphrase of this vault")            \
	X(PEER_BAD_WRAP, 233, PEER, "not a wrapped text, or wrapped for another key")              \
	X(CORRUPT_VAULT_LOG, 234, CORRUPT, "the audit log is not as it was written")               \
	/* gateway */                                                                              \
	X(PEER_BAD_HOST, 200, PEER, "that host name is not this gateway's")                        \
	X(PEER_FOREIGN_PAGE, 201, PEER, "a page from elsewhere may not use this gateway")          \
	/* directories and torrents */                                                             \
	X(PEER_BAD_BENCODE, 185, PEER, "not bencoded")                                             \
	X(PEER_BAD_DIRECTORY, 186, PEER, "not a directory, or one that is not safe to use")        \
	X(PEER_BAD_TORRENT, 187, PEER, "not a torrent of BitTorrent v2")                           \
	X(PEER_BAD_SWARM, 188, PEER, "the torrent's peer broke its protocol")                      \
	X(PEER_BAD_TRACKER, 189, PEER, "the tracker's answer makes no sense")                      \
	/* local */                                                                                \
	X(LOCAL_OVERFLOW, 100, LOCAL, "the amount is out of range")                                \
	X(LOCAL_BAD_AMOUNT, 101, LOCAL, "not an amount of coins")                                  \
	X(LOCAL_TOO_SMALL, 102, LOCAL, "the memory given is too small")                            \
	X(LOCAL_FULL, 103, LOCAL, "a limit is reached")                                            \
	X(LOCAL_EXISTS, 104, LOCAL, "exists already")                                              \
	X(LOCAL_NOT_FOUND, 105, LOCAL, "not found")                                                \
	X(LOCAL_STATE, 106, LOCAL, "not possible in this state")                                   \
	X(LOCAL_USAGE, 107, LOCAL, "the command line is wrong")                                    \
	X(LOCAL_CONFIG, 108, LOCAL, "the configuration is wrong")                                  \
	X(LOCAL_BUDGET, 109, LOCAL, "the budget is used up")                                       \
	X(LOCAL_NO_PROVIDER_LEFT, 110, LOCAL, "no provider is left to ask")                        \
	X(LOCAL_STOPPED, 111, LOCAL, "stopped")                                                    \
	X(LOCAL_UNBOUGHT, 112, LOCAL, "tickets must be bought from the hub first")                 \
	X(LOCAL_SLOWER, 180, LOCAL, "others were faster each time")                                \
	X(LOCAL_NOT_HERE, 190, LOCAL, "that chunk is not here now: ask another provider")          \
	X(LOCAL_NOT_WANTED, 191, LOCAL, "this cache does not take that content")                   \
	X(LOCAL_NO_PROXY, 239, LOCAL, "too few proxies would serve")                               \
	/* io */                                                                                   \
	X(IO_READ, 120, IO, "reading failed")                                                      \
	X(IO_WRITE, 121, IO, "writing failed")                                                     \
	X(IO_DISK_FULL, 122, IO, "the disk is full")                                               \
	X(IO_NET, 123, IO, "the connection failed")                                                \
	X(IO_TIMEOUT, 124, IO, "no answer in time")                                                \
	X(IO_STORE, 125, IO, "the store failed")                                                   \
	X(IO_TLS_PIN, 126, IO, "the server's key is not the one that is pinned")                   \
	X(IO_MEMORY, 127, IO, "out of memory")                                                     \
	X(IO_ENTROPY, 128, IO, "the system gave no randomness")                                    \
	/* corrupt */                                                                              \
	X(CORRUPT_STORE, 140, CORRUPT, "a stored record cannot be decoded")                        \
	X(CORRUPT_BLOCK_LINK, 141, CORRUPT, "the block does not follow the one before")            \
	X(CORRUPT_BLOCK_ROOT, 142, CORRUPT, "the block's transactions do not match its header")    \
	X(CORRUPT_STATE, 143, CORRUPT, "the state after the block is not the one it states")       \
	X(CORRUPT_SUPPLY, 144, CORRUPT, "the money on the ledger is not what the faucet made")     \
	X(CORRUPT_CONTENT, 145, CORRUPT, "stored content no longer matches its content id")        \
	X(CORRUPT_LOG, 146, CORRUPT, "not a ledger log")                                           \
	X(CORRUPT_SNAPSHOT, 147, CORRUPT, "the snapshot is not the state that its header states")

typedef enum souk_status {
#define SOUK_STATUS_ENUM(name, code, class, text) SOUK_##name = code,
	SOUK_STATUS_LIST(SOUK_STATUS_ENUM)
#undef SOUK_STATUS_ENUM
} souk_status;

enum souk_status_class {
	SOUK_CLASS_OK,
	SOUK_CLASS_PEER,
	SOUK_CLASS_LOCAL,
	SOUK_CLASS_IO,
	SOUK_CLASS_CORRUPT,
};

/* "PEER_BAD_TICKET": for logs, metrics and JSON. Never NULL. */
const char *souk_status_name(souk_status status);
/* One sentence for people, without a full stop. Never NULL. */
const char *souk_status_text(souk_status status);
enum souk_status_class souk_status_class(souk_status status);
/* The status of a wire code; SOUK_PEER_BAD_REQUEST for a code that no status has. */
souk_status souk_status_of_code(uint16_t code);

#endif
