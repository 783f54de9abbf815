/* SPDX-License-Identifier: Apache-2.0
 *
 * ledger_internal.h - the parts of the simulated ledger.
 *
 *   ledger.c        making blocks, and when
 *   ledger_wait.c   transactions: on the way, waiting, and what is told of them
 *   ledger_chain.c  a copy of the ledger that can go back
 *   ledger_fork.c   undoing blocks
 *   ledger_log.c    all blocks, and their replay
 *   ledger_view.c   what nodes read
 */
#ifndef SOUK_SIM_LEDGER_INTERNAL_H
#define SOUK_SIM_LEDGER_INTERNAL_H

#include "disk.h"
#include "ledger.h"
#include "souk/crypto/chain.h"
#include "souk/ledger/verify.h"

/* A transaction of a node, from its coming until it cannot be undone any more. */
struct sim_tx {
	struct sim_tx *next;
	uint64_t order; /* of coming: no two have the same */
	uint64_t us;	/* on the way until; or to be told at */
	uint64_t token;
	struct souk_identity *signer; /* NULL: the node's own */
	uint32_t node, incarnation;
	bool is_first;	 /* goes in front */
	bool is_funding; /* the faucet is open to it */
	bool is_told;	 /* the next two */
	souk_status status;
	struct souk_amount amount;
	souk_status found; /* by the block that holds it, or would have */
	struct souk_amount found_amount;
	uint32_t size;
	uint8_t bytes[]; /* tx_body */
};

struct sim_tx_list {
	struct sim_tx *first, *last;
	uint64_t count;
};

/* By time, then order. */
struct sim_tx_heap {
	struct sim_tx **items;
	size_t count, room;
};

/* A copy of the ledger, and how to go back. */
struct sim_chain {
	struct sim_store *store;
	struct souk_ledger state;
	struct sim_chain_mark {
		uint64_t mark;
		struct souk_ledger *before; /* heap; made when first needed */
	} marks[SIM_FORK_MAX];		    /* block h at h % SIM_FORK_MAX */
	uint64_t forgotten;		    /* blocks up to this height cannot be undone */
};

struct sim_block {
	uint8_t *log; /* its frames; NULL: dropped */
	uint32_t log_size;
	uint32_t tx_count;	 /* the operator's too */
	uint64_t us;		 /* when it was made */
	bool has_content;	 /* a transaction, or a new epoch: worth confirming */
	struct sim_tx_list list; /* of nodes, in the order of the block; empty once it is final */
};

struct sim_buffer {
	uint8_t *data;
	size_t size, room;
};

struct sim_ledger {
	struct sim_world *world;
	struct souk_identity operator_identity;
	struct souk_chain beacons;
	struct souk_rng rng; /* of forks */
	struct sim_chain tip;
	struct sim_chain *follower; /* NULL: one confirmation is enough, so it would be the tip */
	struct sim_block *blocks;   /* of height i + 1 */
	uint64_t block_room;
	uint64_t confirmed;	   /* height */
	uint64_t worth_confirming; /* the last height that has content */
	uint64_t confirmations;
	struct sim_tx_heap coming, telling;
	struct sim_tx_list urgent, waiting;
	struct sim_buffer frames; /* of the transactions of the block under construction */
	uint64_t orders;
	uint64_t block_us, block_txs;
	uint64_t next_block_us, deadline_us;
	uint64_t undone;
	souk_status health;
	bool is_stopped, is_logless, is_withholding;
};

/* ledger_chain.c */
void sim_chain_init(struct sim_chain *chain, uint64_t seed, const struct souk_genesis *genesis);
void sim_chain_done(struct sim_chain *chain);
/* Begin the next block; sim_chain_undo takes it back, whatever became of it. Where it fails,
 * nothing was begun. */
SOUK_MUST_CHECK souk_status sim_chain_begin(struct sim_chain *chain, struct souk_time time);
/* The last block that was begun was not. */
void sim_chain_undo(struct sim_chain *chain);
/* No block up to HEIGHT will be undone. */
void sim_chain_forget(struct sim_chain *chain, uint64_t height);
/* Take a block as it stands in the log. */
SOUK_MUST_CHECK souk_status sim_chain_follow(
	struct sim_chain *chain, const struct sim_block *block);

/* ledger_wait.c */
void sim_tx_list_init(struct sim_tx_list *list);
void sim_tx_list_add(struct sim_tx_list *list, struct sim_tx *tx);
/* All of OTHER in front of LIST. */
void sim_tx_list_prepend(struct sim_tx_list *list, struct sim_tx_list *other);
struct sim_tx *sim_tx_list_take(struct sim_tx_list *list); /* NULL: empty */
void sim_tx_list_free(struct sim_tx_list *list);
void sim_tx_free(struct sim_tx *tx);
void sim_ledger_wait_done(struct sim_ledger *ledger);
/* What has arrived by now waits. IS_ALL: also what is on the way. */
void sim_ledger_arrive(struct sim_ledger *ledger, bool is_all);
/* STATUS and AMOUNT are what became of TX: tell, if there is something new to tell. */
void sim_ledger_tell(struct sim_ledger *ledger, struct sim_tx *tx, souk_status status,
	struct souk_amount amount);
void sim_ledger_tell_due(struct sim_ledger *ledger);
const struct souk_identity *sim_tx_signer(const struct sim_ledger *ledger, const struct sim_tx *tx);

/* ledger_log.c */
/* What souk_tx_check says of ENCODED, whose signature was found good when it came. */
void sim_tx_trust(struct souk_signed_check *ret, struct souk_bytes encoded);
void sim_buffer_add_frame(struct sim_buffer *buffer, struct souk_bytes frame);
/* The block that was sealed with HEADER: its transactions are in ledger->frames. */
struct sim_block *sim_ledger_log_block(
	struct sim_ledger *ledger, const struct souk_signed_block_header *header);

/* ledger.c */
struct sim_block *sim_ledger_block(struct sim_ledger *ledger, uint64_t height);
/* When a block is needed at the latest has changed. */
void sim_ledger_look(struct sim_ledger *ledger);

#endif
