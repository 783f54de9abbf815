/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario.h - a market to simulate, as a small text.
 *
 *   [market]                     [population thieves]        [fault storm]
 *   about = what it shows        actor = key-withholder      kind = crash
 *   seed = 7                     count = 5                   at = 10s
 *   duration = 60s               honest-until = 3            until = 20s
 *                                                            share = 30%
 *   [expect]
 *   violations = none
 *   profit-max thieves = 0       each, in prices of a unit
 *
 * One table of parameters (SIM_MARKET, SIM_POPULATION, SIM_FAULT) is parser, printer, help, and
 * what `souk sim run --set` and `souk sim sweep` can vary.
 *
 * A scenario can be printed and read again: the same text, the same run.
 *
 * Memory: a value. Threads: any. Spec: docs/simulator.md. */
#ifndef SOUK_SIM_SCENARIO_H
#define SOUK_SIM_SCENARIO_H

#include "sim.h"

#define SIM_POPULATIONS_MAX 16
#define SIM_FAULTS_MAX	    32
#define SIM_KNOBS_MAX	    8
#define SIM_EXPECTS_MAX	    16
#define SIM_NAME_SIZE	    32
#define SIM_PPM_ALL	    1000000u

enum sim_unit {
	SIM_NUMBER,
	SIM_DURATION, /* ms: 500ms, 10s, 5m, 2h, 1d */
	SIM_PPM,      /* millionths: 0.5%, 30%, or a number of ppm */
	SIM_NCOIN,    /* 1000, or 0.001c for coins */
	SIM_BYTES,    /* 16KiB, 10MiB */
};

/* X(field, name, unit, default, min, max, about) */
#define SIM_MARKET(X)                                                                              \
	X(seed, "seed", SIM_NUMBER, 1, 0, UINT64_MAX, "everything random follows from it")         \
	X(duration_ms, "duration", SIM_DURATION, 60000, 100, 86400000, "of demand")                \
	X(heal_ms, "heal", SIM_DURATION, 0, 0, 86400000,                                           \
		"no fault starts or lasts after; 0: the end of demand")                            \
	X(settle_ms, "settle", SIM_DURATION, 0, 0, 864000000,                                      \
		"after demand, for claims; 0: as long as the ledger's periods need")               \
	X(contents, "contents", SIM_NUMBER, 16, 1, 100000, "on sale")                              \
	X(units_min, "units-min", SIM_NUMBER, 16, 1, 65536, "of a content")                        \
	X(units_max, "units-max", SIM_NUMBER, 64, 1, 65536, "of a content")                        \
	X(unit_size, "unit-size", SIM_BYTES, 262144, 16384, 16777216, "bytes of a unit")           \
	X(zipf_milli, "zipf", SIM_NUMBER, 900, 0, 3000,                                            \
		"exponent of popularity in thousandths; 0: all contents alike")                    \
	X(day_ms, "day", SIM_DURATION, 0, 0, 86400000, "period of demand's tide; 0: none")         \
	X(tide_ppm, "tide", SIM_PPM, 500000, 0, 1000000, "how far demand falls by night")          \
	X(crowd_ms, "crowd-at", SIM_DURATION, 0, 0, 86400000,                                      \
		"everybody wants content 0; 0: never")                                             \
	X(price, "price", SIM_NCOIN, 1000, 1, 1000000000000, "of a unit")                          \
	X(value_ppm, "value", SIM_PPM, 1500000, 0, 100000000,                                      \
		"of a unit to who gets it, of its price")                                          \
	X(cost_ppm, "cost", SIM_PPM, 500000, 0, 100000000,                                         \
		"of a unit to who serves it, of its price")                                        \
	X(window, "window", SIM_NUMBER, 4, 1, 64, "units that may be unpaid at once")              \
	X(session_units, "session-units", SIM_NUMBER, 256, 1, 65536, "of one session at most")     \
	X(prize, "prize", SIM_NCOIN, 16000, 1, 1000000000000000, "of the lottery")                 \
	X(fee_permille, "hub-fee", SIM_NUMBER, 20, 0, 1000, "of a hub, in thousandths")            \
	X(hub_step, "hub-step", SIM_NUMBER, 4, 1, 64, "units that a hub is paid ahead")            \
	X(epoch_ms, "epoch", SIM_DURATION, 20000, 1000, 86400000, "of the ledger")                 \
	X(draw_delay_ms, "draw-delay", SIM_DURATION, 2000, 0, 86400000,                            \
		"from its end to its draw")                                                        \
	X(claim_ms, "claim-window", SIM_DURATION, 40000, 1000, 86400000, "from the draw")          \
	X(unlock_ms, "unlock", SIM_DURATION, 5000, 0, 86400000, "of an escrow")                    \
	X(block_ms, "block", SIM_DURATION, 200, 1, 600000, "between blocks")                       \
	X(block_txs, "block-txs", SIM_NUMBER, 4096, 1, 65535, "that a block holds")                \
	X(confirmations, "confirmations", SIM_NUMBER, 1, 1, 64, "blocks until a result counts")    \
	X(deposit, "deposit", SIM_NCOIN, 1000000, 0, 1000000000000000,                             \
		"of a provider, per agreement")                                                    \
	X(deposit_min, "deposit-min", SIM_NCOIN, 1000000, 0, 1000000000000000, "of a provider")    \
	X(bond, "bond", SIM_NCOIN, 2000, 0, 1000000000000, "of who accuses")                       \
	X(victim_permille, "victim", SIM_NUMBER, 500, 0, 1000, "of a deposit, on a fault")         \
	X(reporter_permille, "reporter", SIM_NUMBER, 100, 0, 1000, "of a deposit, on a fault")     \
	X(respond_ms, "respond", SIM_DURATION, 10000, 100, 86400000, "a challenge is answered in") \
	X(audit_ppm, "audit", SIM_PPM, 0, 0, 1000000, "share of purchases that are audits, p")     \
	X(detect_ppm, "detect", SIM_PPM, 1000000, 0, 1000000, "of an audit of a cheat, T")         \
	X(false_ppm, "false", SIM_PPM, 0, 0, 1000000, "of an audit of honest work, F")             \
	X(saving_ppm, "saving", SIM_PPM, 800000, 0, 1000000, "of a task's price, by cheating: k")  \
	X(agreements, "agreements", SIM_NUMBER, 0, 0, 1, "whether sessions are under one")         \
	X(parts, "parts", SIM_NUMBER, 0, 0, 1, "whether customers ask who has which parts")        \
	X(hedge_permille, "hedge", SIM_NUMBER, 30, 0, 1000,                                        \
		"of a content's units, that a download may pay twice; 0: it asks nobody twice")    \
	X(quota_units, "quota", SIM_NUMBER, 0, 0, 1000000000,                                      \
		"units a sponsor gives one viewer in an epoch; 0: no quota")                       \
	X(prefix_quota_units, "prefix-quota", SIM_NUMBER, 0, 0, 1000000000,                        \
		"the same for a network")                                                          \
	X(puzzle, "puzzle", SIM_NUMBER, 1, 0, 1, "whether a sponsor wants the token")              \
	X(bundle, "bundle", SIM_NUMBER, 6, 1, 16, "caches that a sponsor draws for a viewer")      \
	X(share, "share", SIM_NUMBER, 1, 0, 1000000,                                               \
		"units of a content for each of them at least; 0: it draws all, always")           \
	X(segment_units, "segment", SIM_NUMBER, 8, 1, 256, "units of each cache between tokens")   \
	X(latency_us, "latency-us", SIM_NUMBER, 10000, 0, 10000000, "of a node to the middle")     \
	X(jitter_us, "jitter-us", SIM_NUMBER, 2000, 0, 10000000, "at most so much more")           \
	X(up_bps, "up", SIM_BYTES, 0, 0, 1000000000000, "bytes a second; 0: no limit")             \
	X(down_bps, "down", SIM_BYTES, 0, 0, 1000000000000, "bytes a second; 0: no limit")         \
	X(loss_ppm, "loss", SIM_PPM, 0, 0, 1000000, "of messages")                                 \
	X(double_ppm, "double", SIM_PPM, 0, 0, 1000000, "of messages arrive twice")                \
	X(natted_ppm, "nat", SIM_PPM, 0, 0, 1000000, "of customers are behind a NAT")              \
	X(skew_ms, "skew", SIM_DURATION, 0, 0, 86400000, "of clocks, either way at most")          \
	X(drift_ppm, "drift", SIM_NUMBER, 0, 0, 100000, "of clocks, either way at most, in ppm")   \
	X(disk_us, "disk-us", SIM_NUMBER, 5000, 0, 60000000, "of a commit")                        \
	X(commit_ms, "commit", SIM_DURATION, 50, 1, 60000,                                         \
		"between a provider's commits of tickets")

/* Those of a population, besides actor and its knobs. 0 for price, up, down, latency: the market's.
 */
#define SIM_POPULATION(X)                                                                          \
	X(count, "count", SIM_NUMBER, 1, 0, 1000000, "nodes")                                      \
	X(start_ms, "start", SIM_DURATION, 0, 0, 86400000, "from when it is there")                \
	X(downloads, "downloads", SIM_NUMBER, 1, 0, 1000000, "that each wants in all")             \
	X(pause_ms, "pause", SIM_DURATION, 5000, 0, 86400000, "between them, on average")          \
	X(peers, "peers", SIM_NUMBER, 4, 1, 16, "providers that a download buys from")             \
	X(offers, "offers", SIM_NUMBER, 0, 0, 16,                                                  \
		"asked for; the cheapest are bought from; 0: as many as peers")                    \
	X(stock_ppm, "stock", SIM_PPM, 1000000, 0, 1000000, "share of the contents it sells")      \
	X(price, "price", SIM_NCOIN, 0, 0, 1000000000000, "that it asks; 0: the market's")         \
	X(line, "line", SIM_NCOIN, 0, 0, 1000000000000000, "of its escrow; 0: what it may need")   \
	X(funds, "funds", SIM_NCOIN, 0, 0, 1000000000000000, "at the start; 0: what it may need")  \
	X(sessions, "sessions", SIM_NUMBER, 64, 1, 65536, "of a provider at once")                 \
	X(via_hub, "via-hub", SIM_NUMBER, 0, 0, 1, "buys through a hub")                           \
	X(latency_us, "latency-us", SIM_NUMBER, 0, 0, 10000000, "0: the market's")                 \
	X(up_bps, "up", SIM_BYTES, 0, 0, 1000000000000, "bytes a second; 0: the market's")         \
	X(down_bps, "down", SIM_BYTES, 0, 0, 1000000000000, "bytes a second; 0: the market's")     \
	X(prefixes, "prefixes", SIM_NUMBER, 0, 0, 1000000,                                         \
		"networks they are spread over; 0: one each")

/* KIND is one of sim_fault_kind's names; POPULATION, where given, is who is struck. */
#define SIM_FAULT(X)                                                                               \
	X(at_ms, "at", SIM_DURATION, 10000, 0, 86400000, "when it starts")                         \
	X(until_ms, "until", SIM_DURATION, 0, 0, 86400000, "when it is over; 0: at once")          \
	X(every_ms, "every", SIM_DURATION, 0, 0, 86400000, "again and again until then; 0: once")  \
	X(share_ppm, "share", SIM_PPM, 1000000, 0, 1000000, "of the nodes")                        \
	X(amount, "amount", SIM_NUMBER, 0, 0, UINT64_MAX,                                          \
		"of the kind: time down, more or jumped; share lost; blocks; transactions; bits")

enum sim_fault_kind {
	SIM_FAULT_CRASH,     /* killed; back after `amount` ms */
	SIM_FAULT_POWER,     /* the same, and what was not durable is lost */
	SIM_FAULT_PARTITION, /* the share cannot talk to the rest, nor to the ledger */
	SIM_FAULT_ONE_WAY,   /* what the share sends does not arrive */
	SIM_FAULT_LOSS,	     /* amount ppm */
	SIM_FAULT_DELAY,     /* amount ms more */
	SIM_FAULT_NO_LEDGER, /* the share cannot reach the ledger */
	SIM_FAULT_DISK_SLOW, /* amount ms for each commit */
	SIM_FAULT_DISK_FULL,
	SIM_FAULT_DISK_FAILS,
	SIM_FAULT_DISK_TEARS, /* until then, for the crashes of others */
	SIM_FAULT_DISK_LOSES,
	SIM_FAULT_DISK_ROTS,   /* amount bits */
	SIM_FAULT_CLOCK_JUMP,  /* by amount ms; back by it where `until` is 1 ms or more later */
	SIM_FAULT_CONGESTION,  /* amount transactions fit in a block */
	SIM_FAULT_FORK,	       /* amount blocks are undone */
	SIM_FAULT_LEDGER_STOP, /* no blocks */
	SIM_FAULT_KINDS,
};

struct sim_population {
	char name[SIM_NAME_SIZE];
	char actor[SIM_NAME_SIZE];
	uint64_t knobs[SIM_KNOBS_MAX]; /* in the order of the actor's */
#define X(field, ...) uint64_t field;
	SIM_POPULATION(X)
#undef X
};

struct sim_fault {
	char name[SIM_NAME_SIZE];
	char population[SIM_NAME_SIZE]; /* empty: all nodes */
	enum sim_fault_kind kind;
#define X(field, ...) uint64_t field;
	SIM_FAULT(X)
#undef X
};

/* What the run is expected to show; `souk sim run` fails where it does not. */
enum sim_expect_kind {
	SIM_EXPECT_VIOLATION,  /* of a kind by name; "none" */
	SIM_EXPECT_PROFIT_MAX, /* mean of the population, in thousandths of a unit's price */
	SIM_EXPECT_PROFIT_MIN,
	SIM_EXPECT_DONE_MIN, /* share of its downloads that are done, ppm */
};

struct sim_expect {
	enum sim_expect_kind kind;
	char word[SIM_NAME_SIZE]; /* population or violation */
	int64_t value;
};

struct sim_scenario {
	char name[2 * SIM_NAME_SIZE]; /* of its file */
	char about[256];
#define X(field, ...) uint64_t field;
	SIM_MARKET(X)
#undef X
	uint32_t population_count;
	uint32_t fault_count;
	uint32_t expect_count;
	struct sim_population populations[SIM_POPULATIONS_MAX];
	struct sim_fault faults[SIM_FAULTS_MAX];
	struct sim_expect expects[SIM_EXPECTS_MAX];
};

/* One row of a table above. */
struct sim_parameter {
	const char *name; /* NULL behind the last */
	enum sim_unit unit;
	uint64_t value, min, max; /* value: unless the scenario says otherwise */
	const char *about;
	size_t offset; /* in the struct that it belongs to */
};

#define SIM_ERROR_SIZE 256
/* Room for the longest scenario there can be, as text. */
#define SIM_TEXT_SIZE 32768

/* All defaults, nobody in it. */
void sim_scenario_init(struct sim_scenario *scenario);
/* Another population, all defaults, or fault of all nodes, for who makes up scenarios. NULL where
 * there is no room, no actor of that name, or NAME is taken or none: letters, digits and dashes. */
struct sim_population *sim_scenario_add_population(
	struct sim_scenario *scenario, const char *name, const char *actor);
struct sim_fault *sim_scenario_add_fault(
	struct sim_scenario *scenario, const char *name, enum sim_fault_kind kind);
/* sim_scenario_parse: read TEXT. The scenario's name is NAME without folder and ".scenario".
 *
 * Returns SOUK_OK, or SOUK_LOCAL_CONFIG: ERROR says line, section, key and what is allowed. */
SOUK_MUST_CHECK souk_status sim_scenario_parse(struct sim_scenario *ret, const char *name,
	const char *text, size_t size, char error[SIM_ERROR_SIZE]);
/* sim_scenario_set: "window=8", "thieves.count=3", "thieves.honest-until=2", "storm.at=5s".
 * Settings are checked one by one; once all are made, sim_scenario_check says whether they fit. */
SOUK_MUST_CHECK souk_status sim_scenario_set(
	struct sim_scenario *scenario, const char *assignment, char error[SIM_ERROR_SIZE]);
/* sim_scenario_get: the value that KEY, as of sim_scenario_set, has now, and what it may be.
 *
 * Returns SOUK_OK, or SOUK_LOCAL_NOT_FOUND: no such key. */
SOUK_MUST_CHECK souk_status sim_scenario_get(const struct sim_scenario *scenario, const char *key,
	struct sim_parameter *ret_parameter, uint64_t *ret_value);
/* sim_scenario_check: what no single value shows: that names of populations are there, limits are
 * in order, and the ledger can run under these rules. As after sim_scenario_parse. */
SOUK_MUST_CHECK souk_status sim_scenario_check(
	const struct sim_scenario *scenario, char error[SIM_ERROR_SIZE]);
/* As text again, with what differs from the defaults. Returns its length; at most SIZE - 1. */
size_t sim_scenario_print(const struct sim_scenario *scenario, char *out, size_t size);
/* Index of the population of NAME, or UINT32_MAX. */
uint32_t sim_scenario_population(const struct sim_scenario *scenario, const char *name);

extern const struct sim_parameter sim_market_parameters[];
extern const struct sim_parameter sim_population_parameters[];
extern const struct sim_parameter sim_fault_parameters[];
extern const enum sim_unit sim_fault_units[SIM_FAULT_KINDS]; /* of `amount` */
extern const char *const sim_fault_abouts[SIM_FAULT_KINDS];

#define SIM_VALUE_SIZE 32

/* sim_value_parse: "10s", "30%", "0.5c", "16KiB" or a plain number, as UNIT has it, from the min to
 * the max of PARAMETER. Returns false where it is none; sim_value_allowed says what would be. */
bool sim_value_parse(uint64_t *ret, const struct sim_parameter *parameter, const char *text);
void sim_value_allowed(char out[SIM_ERROR_SIZE], const struct sim_parameter *parameter);
/* The shortest text that is parsed to VALUE. */
void sim_value_print(char out[SIM_VALUE_SIZE], enum sim_unit unit, uint64_t value);
/* "-1.25" of -1250, and back, for profits in prices of a unit. */
void sim_milli_print(char out[SIM_VALUE_SIZE], int64_t milli);
bool sim_milli_parse(int64_t *ret, const char *text);

/* Every actor there is, by its name; NULL: none. And by index, NULL behind the last. */
const struct sim_actor *sim_actor_find(const char *name);
const struct sim_actor *sim_actor_at(size_t index);
extern const char *const sim_fault_names[SIM_FAULT_KINDS];

#endif
