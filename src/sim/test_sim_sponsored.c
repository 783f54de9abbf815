/* SPDX-License-Identifier: Apache-2.0
 *
 * What strangers can do to a cache with a sponsor's strip: send it again when its bundle is over,
 * send it in another epoch, and make strips up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* after its prerequisites */
#include <cmocka.h>

#include "actor_provider.h"
#include "actor_sponsor.h"
#include "world.h"

#define SECOND	 UINT64_C(1000000)
#define MINE	 UINT32_C(1000000) /* numbers of requests that no viewer has */
#define CAUGHT	 (64u * 1024)
#define SENDINGS 12u

static const char market[] =
	"[market]\nseed = 7\nduration = 80s\nepoch = 40s\ncontents = 1\nunits-min = 12\n"
	"units-max = 12\nunit-size = 16KiB\nwindow = 8\nsegment = 4\nbundle = 2\nshare = 0\n"
	"[population publisher]\nactor = sponsor\n"
	"[population caches]\nactor = provider\ncount = 2\n"
	"[population viewers]\nactor = viewer\n";

/* The first strip that a cache was sent, and what it answers to those sent again. */
static struct sim_message caught;
static uint8_t caught_bytes[CAUGHT];
static uint32_t answers, bodies;
static souk_status last;

static bool catch_strip(struct sim_node *node, struct sim_message *message)
{
	(void)node;
	if (message->kind != SIM_STRIP || caught.size > 0)
		return true;
	assert_true(message->size <= CAUGHT);
	caught = *message;
	memcpy(caught_bytes, message->bytes, message->size);
	return true;
}

static bool catch_answer(struct sim_node *node, struct sim_message *message)
{
	(void)node;
	if (message->request != MINE)
		return true;
	answers++;
	last = message->status;
	bodies += message->kind == SIM_UNIT_REPLY && message->status == SOUK_OK &&
		  message->data.reply.has_body;
	return false;
}

static const struct sim_twist at_cache = {.receive = catch_strip};
static const struct sim_twist at_viewer = {.receive = catch_answer};

/* A world in which the viewer has what it wanted. */
static struct sim_world *make_world(void)
{
	static struct sim_scenario scenario;
	char error[SIM_ERROR_SIZE];
	struct sim_world *world;
	if (sim_scenario_parse(&scenario, "sponsored", market, sizeof market - 1, error) != SOUK_OK)
		print_error("%s\n", error);
	assert_int_equal(sim_world_new(&world, &scenario, NULL, error), SOUK_OK);
	memset(&caught, 0, sizeof caught);
	world->nodes[1].twist = world->nodes[2].twist = &at_cache;
	world->nodes[3].twist = &at_viewer;
	for (uint64_t at = 1; at <= 30 && world->nodes[3].tally.downloads_done == 0; at++)
		sim_world_run_until(world, at * SECOND);
	assert_int_equal(world->nodes[3].tally.downloads_done, 1);
	assert_true(caught.size > 0);
	return world;
}

/* BYTES to the cache, with the request for the first unit; then what it said. */
static void send_strip(struct sim_world *world, struct souk_bytes bytes)
{
	struct sim_message *message = sim_message_with(world, SIM_STRIP, caught.to, bytes.size);
	memcpy(message->bytes, bytes.data, bytes.size);
	message->request = MINE;
	message->data.unit = caught.data.unit;
	answers = bodies = 0;
	sim_send(&world->nodes[3], message);
	sim_world_run_until(world, world->now_us + SECOND);
	assert_int_equal(answers, 1);
}

/* As often as it is sent: no session, and the unit as often as any unit. */
static void a_strip_again_opens_nothing(void **state)
{
	(void)state;
	struct sim_world *world = make_world();
	const struct sim_tally *tally = &world->nodes[caught.to].tally;
	uint64_t sessions = tally->sessions, served = tally->units_served;
	uint32_t sum = 0;
	for (uint32_t i = 0; i < SENDINGS; i++) {
		send_strip(world, souk_bytes_of(caught_bytes, caught.size));
		sum += bodies;
	}
	assert_int_equal(tally->sessions, sessions);
	assert_int_equal(tally->units_served, served);
	assert_true(sum < 8);
	sim_world_free(world);
}

static void a_strip_of_another_epoch_is_refused(void **state)
{
	(void)state;
	struct sim_world *world = make_world();
	const struct sim_tally *tally = &world->nodes[caught.to].tally;
	uint64_t sessions = tally->sessions;
	sim_world_run_until(world, 75 * SECOND);
	send_strip(world, souk_bytes_of(caught_bytes, caught.size));
	assert_int_not_equal(last, SOUK_OK);
	assert_int_equal(tally->sessions, sessions);
	sim_world_free(world);
}

static void send_changed(struct sim_world *world, const struct souk_strip_open *open)
{
	static uint8_t bytes[CAUGHT];
	struct souk_writer writer;
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_strip_open_encode(&writer, open);
	assert_false(writer.full);
	send_strip(world, souk_bytes_of(bytes, writer.size));
	assert_int_equal(bodies, 0);
}

/* Of another session, or with other keys, whoever signs it: of a cache's own contents and sponsor.
 */
static void strips_that_are_made_up_are_refused(void **state)
{
	static struct souk_strip_open open;
	(void)state;
	struct sim_world *world = make_world();
	const struct sim_tally *tally = &world->nodes[caught.to].tally;
	uint64_t sessions = tally->sessions;
	assert_int_equal(
		souk_strip_open_decode(&open, souk_bytes_of(caught_bytes, caught.size), NULL),
		SOUK_OK);
	open.strip.nonce.bytes[0] ^= 1;
	open.strip.start = open.leaf.amount;
	send_changed(world, &open);
	assert_int_equal(last, SOUK_PEER_STRIP_RANGE);
	assert_int_equal(souk_amount_sub(&open.strip.start, open.leaf.amount,
				 souk_amount_of_ncoin(open.strip.count * open.strip.price.ncoin)),
		SOUK_OK);
	send_changed(world, &open);
	assert_int_equal(last, SOUK_PEER_WRONG_SIGNER);
	/* The sponsor's own: the keys are not those of this session. */
	struct souk_strip_open *strips[] = {&open};
	assert_int_equal(souk_strip_sign_batch(strips, 1, &world->nodes[0].identity), SOUK_OK);
	send_changed(world, &open);
	assert_int_equal(last, SOUK_PEER_STRIP_TERMS);
	open.strip.escrow.bytes[0] ^= 1;
	send_changed(world, &open);
	assert_int_equal(last, SOUK_PEER_UNKNOWN_SESSION);
	assert_int_equal(tally->sessions, sessions);
	sim_world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_strip_again_opens_nothing),
		cmocka_unit_test(a_strip_of_another_epoch_is_refused),
		cmocka_unit_test(strips_that_are_made_up_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
