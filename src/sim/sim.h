/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.h - the world of a simulation: nodes, the network between them, and time.
 *
 *   actor (a role: provider, customer, thief ...)          the code under test:
 *     | holds the real state machines                      souk_provider, souk_customer,
 *     | carries out their effects                          souk_download, souk_hub, souk_ledger
 *     v
 *   node: clock, rng, disk, link  --message-->  network  --event-->  another node's actor
 *                                              (one queue of events, one seed)
 *
 * Nothing here knows a real clock, thread, socket or file. Everything that happens follows from the
 * scenario and its seed, and goes into a hash as it happens, so that two runs which agree in the
 * hash were the same run.
 *
 * A greedy party is an honest actor with a twist: a filter over what it sends and receives.
 *
 * Time of the world is in microseconds since its start. What a node is told is its own clock, in
 * milliseconds since 1970, which may be wrong and may jump, but never runs backwards: the real
 * clock adapter promises as much.
 *
 * Memory: heap. Threads: one. See src/sim/README.md. */
#ifndef SOUK_SIM_SIM_H
#define SOUK_SIM_SIM_H

#include "souk/base/amount.h"
#include "souk/base/rng.h"
#include "souk/base/time.h"
#include "souk/crypto/ecdsa.h"
#include "souk/exchange/session.h"

struct sim_world;
struct sim_node;
struct sim_disk;
struct sim_ledger;
struct sim_scenario;
struct sim_population;
struct sim_audit;

/* Where the clocks of the nodes start: 2026-01-01. */
#define SIM_EPOCH_MS 1767225600000ull
#define SIM_NEVER_US UINT64_MAX

/* ---------------------------------------------------------------- messages */

/* A request and its answer stand beside each other. What `bytes` holds is the canonical encoding
 * of the named message; an answer with a status other than SOUK_OK has none. */
enum sim_kind {
	SIM_OFFERS,	  /* hash: a content id */
	SIM_OFFERS_REPLY, /* signed_offer */
	SIM_ASK,	  /* ask */
	SIM_ASK_REPLY,	  /* grant_open */
	SIM_STRIP,	  /* strip_open; data.unit, where a unit is asked for with it */
	SIM_STRIP_REPLY,  /* or, with that unit, SIM_UNIT_REPLY */
	SIM_UNIT,	  /* data.unit; unit 0: /v1/keys; bytes: an agreement's id, or none */
	SIM_UNIT_REPLY,	  /* data.reply; bytes: signed_unit, under an agreement */
	SIM_RECEIPT,	  /* receipt_proposal */
	SIM_RECEIPT_REPLY,
	SIM_AGREE, /* signed_agreement: the provider is asked to enter into it */
	SIM_AGREE_REPLY,
	SIM_HUB_REDEEM,	      /* signed_hub_redeem */
	SIM_HUB_REDEEM_REPLY, /* signed_hub_statement */
	SIM_HUB_OPEN,	      /* hub_open */
	SIM_HUB_OPEN_REPLY,   /* strip_open */
	SIM_HUB_TICKET,	      /* hub_ticket */
	SIM_HUB_TICKET_REPLY, /* ticket */
	SIM_HUB_CLOSE,	      /* signed_hub_close */
	SIM_HUB_CLOSE_REPLY,
	SIM_BUNDLE, /* of a sponsor: see the actors of sponsored requests */
	SIM_BUNDLE_REPLY,
	SIM_SEGMENT,
	SIM_SEGMENT_REPLY,
	SIM_TASK, /* of the modelled service, see task.h */
	SIM_TASK_REPLY,
	SIM_AVAILABLE,	     /* hash: a content id */
	SIM_AVAILABLE_REPLY, /* availability */
	SIM_KEYS,	     /* re-encryption, see keys.h */
	SIM_KEYS_REPLY,
	SIM_GOSSIP, /* among colluders; honest actors ignore it */
	SIM_KINDS,
};

/* A unit's bytes, by what is in them: the simulator moves no chunks. The receiver can read it if it
 * has the same cipher, and finds the chunk it asked for unless something here says otherwise. */
struct sim_body {
	struct souk_hash content;
	uint64_t chunk;
	uint32_t length;
	bool is_garbage;
	struct souk_unit_cipher cipher;
};

struct sim_unit_reply {
	struct souk_nonce session;
	uint32_t unit;
	bool has_body;
	bool has_key;
	struct souk_unit_key key;
	struct sim_body body;
};

struct sim_message {
	enum sim_kind kind;
	uint32_t from;
	uint32_t to;
	uint32_t request;     /* chosen by who asks, repeated in the answer */
	souk_status status;   /* of an answer */
	uint32_t wire_size;   /* bytes on the link; 0: from kind and size */
	uint32_t size;	      /* of bytes */
	uint32_t incarnation; /* of the sender; set by sim_send */
	bool is_received;     /* it has waited for the receiver's link; the network's own */
	uint8_t *bytes;	      /* heap; belongs to the message */
	union {
		struct souk_unit_request unit;
		struct sim_unit_reply reply;
		uint64_t words[12];
	} data;
};

/* A message of KIND to node TO, all else zero. */
struct sim_message *sim_message_new(struct sim_world *world, enum sim_kind kind, uint32_t to);
/* With room for SIZE bytes at message->bytes. */
struct sim_message *sim_message_with(
	struct sim_world *world, enum sim_kind kind, uint32_t to, size_t size);
/* The answer to REQUEST, addressed and numbered. */
struct sim_message *sim_reply_new(
	struct sim_world *world, const struct sim_message *request, enum sim_kind kind);
void sim_message_free(struct sim_world *world, struct sim_message *message);
/* What of the message stands in `bytes`. */
static inline struct souk_bytes sim_message_bytes(const struct sim_message *message)
{
	return souk_bytes_of(message->bytes, message->size);
}

/* Whether it asks for a unit, or its key: alone, or with the strip of its session. */
static inline bool sim_asks_unit(const struct sim_message *message)
{
	return message->kind == SIM_UNIT ||
	       (message->kind == SIM_STRIP && message->data.unit.unit > 0);
}

/* Send it now, and give it away. Lost, delayed or doubled as the network has it. */
void sim_send(struct sim_node *node, struct sim_message *message);
/* Send it once WORLD_US is reached, if the node has not crashed by then: what must not leave before
 * a disk is done. */
void sim_send_after(struct sim_node *node, struct sim_message *message, uint64_t world_us);

/* ---------------------------------------------------------------- nodes */

/* What a node can be. Every function but `start` and `message` may be NULL. */
struct sim_actor {
	const char *name;  /* as scenarios say it: "provider" */
	const char *about; /* in one line */
	bool is_greedy;
	bool has_disk;
	const char *honest; /* of a greedy one: the actor in whose place it stands; NULL: none */
	const struct sim_knob *knobs; /* ends with a name of NULL; NULL: none */

	/* Once, when the world is made; node->state is the actor's to set. What is allocated here
	 * outlives crashes: it is the person, not the process. */
	void (*make)(struct sim_node *node, const struct sim_population *population);
	/* The process starts, also after each crash: with what is on the disk, and no more. */
	void (*start)(struct sim_node *node);
	/* MESSAGE is borrowed. */
	void (*message)(struct sim_node *node, const struct sim_message *message);
	/* The moment of sim_wake, or that of sim_wake_us, has come. */
	void (*timer)(struct sim_node *node);
	/* What became of a transaction: sim_ledger_submit's token. */
	void (*ledger)(struct sim_node *node, uint64_t token, souk_status status,
		struct souk_amount amount);
	/* The process was killed: free what was in memory. */
	void (*crash)(struct sim_node *node);
	/* Demand is over: finish what runs, begin nothing new. */
	void (*finish)(struct sim_node *node);
	/* The world ends: free everything. After `crash`. */
	void (*done)(struct sim_node *node);
};

/* What a scenario may choose for an actor, and a best response searches. */
struct sim_knob {
	const char *name;
	uint64_t value; /* unless the scenario says otherwise */
	uint64_t min, max;
	const char *about;
};

/* How an honest actor is bent. Either function may be NULL; each says whether the message goes on,
 * and may change it. A message that does not go on is freed by the caller. */
struct sim_twist {
	bool (*send)(struct sim_node *node, struct sim_message *message);
	bool (*receive)(struct sim_node *node, struct sim_message *message);
};

struct sim_link {
	uint32_t latency_us; /* one way, to the middle of the network; both ends' add up */
	uint32_t jitter_us;  /* at most so much more; messages overtake each other by it */
	uint64_t up_bps;     /* bytes a second; 0: no limit */
	uint64_t down_bps;
	uint32_t loss_ppm;
	uint32_t double_ppm; /* a message arrives twice */
	bool is_natted;	     /* reached only by whom it sent to before */
	uint64_t sent_to;    /* whom, by id modulo 64 */
	uint64_t up_free_us; /* the link is busy until */
	uint64_t down_free_us;
};

struct sim_clock {
	int64_t offset_ms; /* from the true time */
	int32_t drift_ppm;
	uint64_t latest_ms; /* ever told */
};

/* What a node did, as its actor tells it. Only what honest actors tell is believed. */
struct sim_tally {
	uint64_t sessions;
	uint64_t units_served;	 /* bodies sent for the first time */
	uint64_t units_verified; /* got, and good */
	uint64_t units_had;	 /* got and readable, by whatever means: of value to a cheat too */
	uint64_t downloads_asked;
	uint64_t downloads_done;
	uint64_t downloads_failed;
	uint64_t bytes_paid_for;  /* sponsors */
	struct souk_amount owed;  /* by tickets accepted */
	struct souk_amount spent; /* by tickets issued */
	struct souk_amount claimed;
	/* What a griefer did to others, at their cost, less what it cost itself, in ncoin: counts
	 * as its gain. See greedy_griefer.c. */
	int64_t harm;
	struct souk_amount work; /* that tasks cost whoever did them, see task.h: a loss in money */
};

struct sim_node {
	struct sim_world *world;
	uint32_t id;
	uint16_t population; /* of the scenario */
	uint16_t side;	     /* of a partition; 0: the ledger's */
	uint16_t muted;	     /* faults that swallow what it sends */
	uint16_t cut;	     /* faults that cut it off the ledger */
	uint32_t incarnation;
	bool is_up;
	bool is_finishing;
	bool is_greedy;
	const struct sim_actor *actor;
	void *state; /* the actor's */
	const struct sim_twist *twist;
	void *twist_state;
	struct souk_identity identity;
	struct souk_rng rng;	 /* of its own: what others do never changes what it draws */
	struct souk_rng net_rng; /* what becomes of its messages */
	uint64_t seeds;		 /* drawn so far */
	struct sim_link link;
	struct sim_clock clock;
	struct sim_disk *disk; /* NULL: none */
	struct souk_time wake; /* by its clock */
	uint64_t steady_us;    /* by no clock that can be set */
	uint64_t queued_us;    /* of the event that will look at it; SIM_NEVER_US: none */
	struct souk_amount funded;
	struct sim_tally tally;
};

/* The node's clock. */
struct souk_time sim_now(struct sim_node *node);
/* When, in world time, the node's clock will show AT; never where that is SOUK_TIME_NEVER. */
uint64_t sim_world_us_at(const struct sim_node *node, struct souk_time at);
/* Call the actor's timer once its clock shows AT; replaces what was set before. */
void sim_wake(struct sim_node *node, struct souk_time at);
/* The same at WORLD_US, as by a steady clock: rounds of a process go on when its clock is set back.
 * Stands beside sim_wake. */
void sim_wake_us(struct sim_node *node, uint64_t world_us);
/* 32 bytes for a state machine's seed; others each time. */
void sim_seed(struct sim_node *node, uint8_t ret[32]);
/* Kill the process now. It starts again after RESTART_US (SIM_NEVER_US: never). */
void sim_crash(struct sim_node *node, uint64_t restart_us);

/* ---------------------------------------------------------------- the world */

uint64_t sim_time_us(const struct sim_world *world);
uint32_t sim_node_count(const struct sim_world *world);
struct sim_node *sim_node_at(struct sim_world *world, uint32_t id);
/* The node with that address, or NULL. */
struct sim_node *sim_node_of(struct sim_world *world, const struct souk_address *address);
struct sim_ledger *sim_world_ledger(struct sim_world *world);
struct sim_audit *sim_world_audit(struct sim_world *world);
const struct sim_scenario *sim_world_scenario(const struct sim_world *world);
/* What is on sale: a content by its number, from 0 on; and back (UINT32_MAX: none). */
uint32_t sim_content_count(const struct sim_world *world);
struct souk_hash sim_content_id(const struct sim_world *world, uint32_t number);
uint32_t sim_content_units(const struct sim_world *world, uint32_t number);
uint32_t sim_content_number(const struct sim_world *world, const struct souk_hash *id);
/* Bytes of a unit, and the price as the market has it now. */
uint32_t sim_unit_size(const struct sim_world *world);

/* One line of the log: what happened, in the order of the words. Costs nothing where nobody
 * listens. Does not go into the hash: what it tells of does. */
void sim_say(struct sim_node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Mix into the hash of the run. */
void sim_mix(struct sim_world *world, uint64_t word);

/* Memory for actors: never NULL, all zero. A simulation that runs out of memory is of no use. */
void *sim_alloc(size_t size);

#endif
