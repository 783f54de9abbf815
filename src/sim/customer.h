/* SPDX-License-Identifier: Apache-2.0
 *
 * customer.h - the inside of a customer; only its own files look here. See actor_customer.h.
 *
 *   actor_customer.c      the person: wishes, tries, the end
 *   customer_escrow.c     its escrow on the ledger; leaves for providers
 *   customer_wallet.c     what is on its disk
 *   customer_purchase.c   a purchase from its offers to its end
 *   customer_effects.c    the planner's effects, and the answers to them
 *   customer_open.c       sessions
 *   customer_hub.c        sessions that a hub pays for
 *   customer_agreement.c  agreements, statements, evidence
 *   customer_grievance.c  keys that were paid and withheld
 *   customer_parts.c      who has which parts
 *   customer_call.c       requests, until they are answered */
#ifndef SOUK_SIM_CUSTOMER_H
#define SOUK_SIM_CUSTOMER_H

#include "actor_customer.h"
#include "audit.h"
#include "disk.h"
#include "ledger.h"
#include "scenario.h"
#include "souk/base/check.h"

#define CUSTOMER_NONE	  UINT32_MAX
#define CUSTOMER_SHUN_MAX 8
/* Providers that one purchase asks for offers, at most. */
#define CUSTOMER_ASK_MAX 64
/* Requests in flight at each provider. */
#define CUSTOMER_PIPELINE 4u
/* The planner's deadlines are looked at so often, whatever happens. */
#define CUSTOMER_LOOK_MS 500u
/* Calls of a seat beside those of its slots. */
enum customer_line { LINE_CONTROL, LINE_KEYS, LINE_BUY, LINE_PARTS, LINES };

/* ---------------------------------------------------------------- the person */

enum customer_phase {
	CUSTOMER_ARRIVING, /* finds its escrow, or opens one */
	CUSTOMER_RESTING,  /* until `next` */
	CUSTOMER_BUYING,
	CUSTOMER_LEAVING, /* closes its escrow, and takes back what is left */
	CUSTOMER_GONE,
};

/* An agreement that was entered into. */
#define CUSTOMER_DEALS 32u
struct deal {
	uint32_t peer;
	uint32_t content;
	struct souk_hash id;
	struct souk_time ends;
};

struct grievance;

struct customer {
	const struct sim_population *of;
	struct souk_hash escrow;
	struct souk_amount line, deposit;
	uint64_t wishes; /* that are left, without the one at hand */
	uint32_t want;	 /* the content; CUSTOMER_NONE: none */
	uint32_t tries;	 /* of it so far */
	uint32_t serial; /* of requests */
	uint32_t shunned[CUSTOMER_SHUN_MAX];
	uint32_t shunned_count;
	uint32_t hub;	    /* CUSTOMER_NONE: an escrow pays */
	struct deal *deals; /* CUSTOMER_DEALS, the oldest is overwritten; NULL: none so far */
	uint32_t deal_next;
	struct grievance *grievances;
	bool challenges; /* who withholds a key that is paid */
	bool had_crowd;	 /* wanted what everybody wants at once */
	bool has_parts;	 /* chunks of the want are on its disk */
	bool has_closed; /* its escrow */
	/* The process. */
	enum customer_phase phase;
	bool is_waiting; /* for the ledger, about its escrow */
	struct souk_time next;
	struct purchase *purchase; /* NULL: none */
};

static inline struct customer *customer_of(const struct sim_node *node)
{
	return node->state;
}

/* ---------------------------------------------------------------- a purchase */

/* A request, until it is answered or given up. */
struct call {
	bool is_busy;
	uint8_t sends;
	enum sim_kind kind;
	uint32_t to;
	uint32_t number; /* sim_message.request */
	uint32_t again_ms;
	struct souk_time due; /* when it is sent again, or given up */
	uint64_t from_us;     /* not sent before: what it says is on no disk yet */
	uint8_t *bytes;	      /* heap; of all but SIM_UNIT */
	uint32_t size;
	struct souk_unit_request unit;
};

/* An allotment of the running epoch. */
#define PLAN_LEAVES_MAX SOUK_DOWNLOAD_PROVIDERS_MAX
struct plan {
	struct plan *next;
	uint64_t epoch;
	uint32_t segment;
	uint32_t count;
	struct souk_allotment_leaf leaves[PLAN_LEAVES_MAX];
};

enum seat_step {
	SEAT_FREE,
	SEAT_OFFERING, /* was asked for its offer */
	SEAT_IDLE,
	SEAT_AGREEING,	/* was asked for an agreement */
	SEAT_ALLOTTING, /* a leaf for it is on its way to the ledger */
	SEAT_ASKING,
	SEAT_HUB, /* the hub lays a strip */
	SEAT_STRIPPING,
};

/* A provider of the purchase; its place is the planner's number of it. */
struct seat {
	enum seat_step step;
	uint32_t peer;
	struct souk_offer offer;
	struct souk_customer *customer;
	const struct plan *plan; /* the one that the leaf is of */
	struct souk_payer_leaf leaf;
	uint32_t units;	   /* that the running OPEN is for */
	uint32_t issued;   /* the last ticket that was told of */
	uint32_t verified; /* likewise */
	bool is_open_at_hub;
	bool is_accountable; /* stands up for its units under `agreement` */
	struct souk_hash agreement;
	struct souk_time agreement_ends;
	struct souk_time parts_at; /* when it is asked for what it has */
};

struct suspect;

struct purchase {
	uint32_t number; /* of the purchase: of transactions that are for it */
	uint32_t content;
	uint32_t units;
	bool is_planned; /* the planner runs */
	bool is_careful; /* its deadline may have come nearer */
	souk_status status;
	uint32_t asked[CUSTOMER_ASK_MAX];
	uint32_t asked_count;
	uint32_t seat_count;
	uint32_t slot_count;
	struct seat seats[SOUK_DOWNLOAD_PROVIDERS_MAX];
	struct plan *plans;
	struct plan *allotting; /* on its way to the ledger; NULL: none */
	uint64_t plans_epoch;	/* of the plans that were read from the disk */
	bool has_read_plans;
	struct souk_time look;		/* when something may be due */
	struct souk_time flush;		/* when the part file is written; never: nothing is new */
	uint32_t dirty_low, dirty_high; /* words of the part file */
	uint32_t dirty_chunks;
	uint32_t first_ms;   /* until a unit is asked for again, as long as nothing is known */
	uint32_t control_ms; /* until anything else is */
	uint64_t *words;     /* done, then taken */
	uint64_t *parts;     /* what each seat has; NULL: nobody asks */
	struct call *calls;  /* a slot's at its number, then LINES of each seat */
	struct sim_body *bodies;
	struct souk_signed_unit *statements;	   /* of the slots; NULL without agreements */
	bool asked_under[SOUK_DOWNLOAD_SLOTS_MAX]; /* an agreement, likewise */
	struct suspect *suspects;
	struct souk_download download;
};

/* actor_customer.c */
/* The purchase is over; it is freed. */
void customer_purchase_over(struct sim_node *node, souk_status status);
/* Nobody asks PEER again. */
void customer_shun(struct customer *c, uint32_t peer);
/* When it is to be woken. */
void customer_set_wake(struct sim_node *node);

/* customer_purchase.c */
/* Begin to buy what is wanted. */
void customer_purchase_begin(struct sim_node *node);
void customer_purchase_free(struct sim_node *node);
void customer_purchase_timer(struct sim_node *node);
void customer_purchase_message(struct sim_node *node, const struct sim_message *message);
/* Look at T again, if not before. */
static inline void purchase_look(struct purchase *p, struct souk_time t)
{
	p->look = souk_time_earlier(p->look, t);
}
/* Every provider has its leaf, or its agreement: go on. NODE's purchase may be gone afterwards. */
void customer_purchase_go_on(struct sim_node *node);
/* Agreements are made, or never will be: leaves, or credit at a hub. */
void customer_purchase_pay(struct sim_node *node);
/* It cannot begin. */
void customer_purchase_fail(struct sim_node *node, souk_status status);

/* customer_effects.c: NODE's purchase may be gone afterwards. */
void customer_pull(struct sim_node *node);
/* The call at PLACE came to its end; MESSAGE NULL: it was given up. */
void customer_unit_reply(struct sim_node *node, uint32_t slot, souk_status status,
	const struct sim_message *message);
void customer_keys_reply(struct sim_node *node, uint32_t seat, souk_status status,
	const struct sim_message *message);
void customer_buy_reply(struct sim_node *node, uint32_t seat, souk_status status,
	const struct sim_message *message);
/* Write down which chunks are there. */
souk_status customer_flush(struct sim_node *node);

/* customer_open.c */
void customer_open(struct sim_node *node, uint32_t seat);
/* The leaf of a seat that waits is there, or STATUS. */
void customer_open_allotted(struct sim_node *node, uint32_t seat, souk_status status);
void customer_control_reply(struct sim_node *node, uint32_t seat, souk_status status,
	const struct sim_message *message);
void customer_open_failed(struct sim_node *node, uint32_t seat, souk_status status);
/* STRIP goes to the provider, not before WORLD_US. */
void customer_open_send(struct sim_node *node, uint32_t seat, const struct souk_strip_open *strip,
	uint64_t world_us);

/* customer_call.c */
static inline uint32_t call_place(const struct purchase *p, uint32_t seat, enum customer_line line)
{
	return p->slot_count + seat * LINES + (uint32_t)line;
}
static inline uint32_t call_count(const struct purchase *p)
{
	return p->slot_count + SOUK_DOWNLOAD_PROVIDERS_MAX * LINES;
}
/* Send MESSAGE, not before WORLD_US (0: now), and again where no answer comes. */
void customer_call(struct sim_node *node, uint32_t place, struct sim_message *message,
	uint32_t again_ms, uint64_t world_us);
/* The call that MESSAGE answers, which is then over; CUSTOMER_NONE: nobody waits for it. */
uint32_t customer_call_answered(struct sim_node *node, const struct sim_message *message);
void customer_call_end(struct purchase *p, uint32_t place);
/* Send again what is due at NOW. The place of one that is given up, CUSTOMER_NONE where there is
 * none (any more). */
uint32_t customer_call_overdue(struct sim_node *node, struct souk_time now);

/* customer_parts.c */
void customer_parts_begin(struct sim_node *node);
void customer_parts_ask(struct sim_node *node);
struct souk_time customer_parts_due(const struct purchase *p);
void customer_parts_reply(struct sim_node *node, uint32_t seat, souk_status status,
	const struct sim_message *message);

/* customer_escrow.c */
void customer_escrow_make(struct sim_node *node);
void customer_escrow_find(struct sim_node *node);
void customer_escrow_leave(struct sim_node *node);
void customer_escrow_told(struct sim_node *node, uint64_t token, souk_status status);
/* SOUK_OK: the seat's leaf is one of the current epoch with room for a unit; SOUK_LOCAL_NOT_FOUND:
 * it has none, allot; or why that cannot be said. */
souk_status customer_leaf_find(struct sim_node *node, uint32_t seat);
/* customer_leaf_allot: leaves of UNITS units each, or less where the line is short, for all seats
 * that are SEAT_ALLOTTING, unless some are under way. They are told by customer_open_allotted, or
 * customer_purchase_go_on before the planner runs. */
souk_status customer_leaf_allot(struct sim_node *node);

/* customer_wallet.c; all of them durable at *RET_WORLD_US */
souk_status customer_wallet_put_plan(struct sim_node *node, const struct plan *plan);
/* Every plan of EPOCH; those of long ago are forgotten. */
souk_status customer_wallet_plans(struct sim_node *node, uint64_t epoch, struct plan **ret);
souk_status customer_wallet_used(
	struct sim_node *node, const struct souk_payer_leaf *leaf, struct souk_amount *ret);
/* customer_wallet_reserve: take AMOUNT of the leaf. LEAF->used is where it starts. */
souk_status customer_wallet_reserve(struct sim_node *node, struct souk_payer_leaf *leaf,
	struct souk_amount amount, uint64_t *ret_world_us);
souk_status customer_wallet_put_part(
	struct sim_node *node, const uint64_t *words, uint32_t low, uint32_t high);
/* The chunks of the want that are on the disk. */
void customer_wallet_part(struct sim_node *node, uint64_t *words, uint32_t count);
void customer_wallet_drop_part(struct sim_node *node, uint32_t count);

/* customer_hub.c */
/* Choose a hub; false where there is none. */
bool customer_hub_make(struct sim_node *node);
/* Ask for the account's statement, and redeem the voucher; then customer_purchase_go_on. */
void customer_hub_begin(struct sim_node *node);
void customer_hub_redeemed(
	struct sim_node *node, souk_status status, const struct sim_message *message);
void customer_hub_plan(struct sim_node *node, struct souk_download_config *config);
/* The epoch and the escrow that an ask names. */
souk_status customer_hub_terms(struct sim_node *node, struct souk_customer_config *config);
void customer_hub_open(struct sim_node *node, uint32_t seat);
void customer_hub_reply(struct sim_node *node, uint32_t seat, const struct sim_message *message);
void customer_hub_close(struct sim_node *node, uint32_t seat);

/* customer_agreement.c */
/* What is put up for an accusation or a challenge. */
uint64_t customer_bond(const struct sim_scenario *s);
/* Propose agreements to all seats; then customer_purchase_pay. False: nothing is to be waited for.
 */
bool customer_agree(struct sim_node *node);
void customer_agree_reply(struct sim_node *node, uint32_t seat, souk_status status);
bool customer_is_accountable(struct sim_node *node, uint32_t seat);
/* The statement that came with a unit, before the unit counts as received. */
souk_status customer_statement_check(
	struct sim_node *node, uint32_t slot, const struct sim_message *message);
/* The unit in SLOT is wrong. */
void customer_suspect(struct sim_node *node, uint32_t slot);
/* Accuse who sent what was wrong, where the right chunk came from another. */
void customer_accuse(struct sim_node *node);
void customer_agreement_free(struct purchase *p);

/* customer_grievance.c */
/* The provider of a seat is dropped for STATUS: it may have withheld a key that is paid. */
void customer_note_withheld(struct sim_node *node, uint32_t seat, souk_status status);
void customer_grievance_timer(struct sim_node *node);
struct souk_time customer_grievance_due(const struct customer *c);
void customer_grievance_message(struct sim_node *node, const struct sim_message *message);
void customer_grievance_told(struct sim_node *node, uint64_t token, souk_status status);
void customer_grievance_free(struct customer *c);

/* Transactions: the kind in the lowest byte of the token, the purchase's number above. */
enum customer_token {
	TOKEN_OPEN = 1,
	TOKEN_CLOSE,
	TOKEN_WITHDRAW,
	TOKEN_ALLOT,
	TOKEN_ACCUSE,
	TOKEN_CHALLENGE,
	TOKEN_SILENCE,
};

#endif
