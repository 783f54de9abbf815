/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "souk/base/rng.h"
#include "souk/content/name.h"

#define ADDRESS "00112233445566778899aabbccddeeff00112233"
#define LABEL64 "0123456789012345678901234567890123456789012345678901234567890123"

static struct souk_identity identity_of(uint8_t seed)
{
	struct souk_seckey key = {{0}};
	struct souk_identity identity;
	key.bytes[31] = seed;
	assert_int_equal(souk_identity_of(&identity, &key), SOUK_OK);
	return identity;
}

static struct souk_hash content_of(uint8_t seed)
{
	struct souk_hash hash;
	memset(hash.bytes, seed, sizeof hash.bytes);
	return hash;
}

static struct souk_name name_of(const struct souk_identity *publisher, const char *label)
{
	struct souk_name name = {.publisher = publisher->address};
	strncpy(name.label, label, SOUK_NAME_LABEL_MAX);
	return name;
}

static struct souk_signed_name make(
	const struct souk_identity *publisher, uint64_t sequence, uint8_t content)
{
	struct souk_signed_name ret;
	const struct souk_name name = name_of(publisher, "site");
	const struct souk_hash id = content_of(content);
	assert_int_equal(souk_name_sign(&ret, &name, sequence, &id, 100 + content,
				 (struct souk_time){1000 + sequence}, publisher),
		SOUK_OK);
	return ret;
}

static void texts(void **state)
{
	static const struct {
		const char *text;
		bool is_good;
	} rows[] = {
		{"0x" ADDRESS "/site", true},
		{ADDRESS "/site", true},
		{"souk:0x" ADDRESS "/site", true},
		{"souk:" ADDRESS "/a.b-c.9", true},
		{ADDRESS "/x", true},
		{ADDRESS "/" LABEL64, true},
		{ADDRESS "/" LABEL64 "4", false},
		{ADDRESS "/", false},
		{ADDRESS, false},
		{ADDRESS "0/site", false},
		{ADDRESS "/Site", false},
		{ADDRESS "/si te", false},
		{ADDRESS "/si/te", false},
		{ADDRESS "/.site", false},
		{ADDRESS "/site.", false},
		{ADDRESS "/-site", false},
		{ADDRESS "/site-", false},
		{ADDRESS "/a..b", false},
		{ADDRESS "/..", false},
		{ADDRESS "/a_b", false},
		{"0x0x" ADDRESS "/site", false},
		{"0xsouk:" ADDRESS "/site", false},
		{"souk:souk:" ADDRESS "/site", false},
		{"zz112233445566778899aabbccddeeff00112233/site", false},
		{"/site", false},
		{"", false},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct souk_name name = {.label = "untouched"}, again;
		char text[SOUK_NAME_TEXT_SIZE];
		souk_status status = souk_name_parse(&name, souk_bytes_text(rows[i].text));
		assert_int_equal(status, rows[i].is_good ? SOUK_OK : SOUK_PEER_BAD_NAME);
		if (!rows[i].is_good) {
			assert_string_equal(name.label, "untouched");
			continue;
		}
		souk_name_format(text, &name);
		assert_memory_equal(text, "0x" ADDRESS "/", 43);
		assert_int_equal(souk_name_parse(&again, souk_bytes_text(text)), SOUK_OK);
		assert_true(souk_name_equal(&name, &again));
	}
}

static void upper_case_digits_are_the_same_name(void **state)
{
	struct souk_name a, b;
	(void)state;
	assert_int_equal(souk_name_parse(&a,
				 souk_bytes_text("0xAABBCCDDEEFF0011223344556677889900112233/x")),
		SOUK_OK);
	assert_int_equal(souk_name_parse(&b,
				 souk_bytes_text("0xaabbccddeeff0011223344556677889900112233/x")),
		SOUK_OK);
	assert_true(souk_name_equal(&a, &b));
}

static void only_the_publisher_signs(void **state)
{
	const struct souk_identity publisher = identity_of(1), other = identity_of(2);
	const struct souk_name name = name_of(&publisher, "site");
	const struct souk_hash id = content_of(7), none = content_of(0);
	const struct souk_time now = {5};
	struct souk_signed_name ret;
	(void)state;
	assert_int_equal(
		souk_name_sign(&ret, &name, 1, &id, 10, now, &other), SOUK_PEER_WRONG_SIGNER);
	assert_int_equal(
		souk_name_sign(&ret, &name, 0, &id, 10, now, &publisher), SOUK_PEER_BAD_NAME);
	assert_int_equal(
		souk_name_sign(&ret, &name, 1, &id, 0, now, &publisher), SOUK_PEER_BAD_NAME);
	assert_int_equal(
		souk_name_sign(&ret, &name, 1, &none, 10, now, &publisher), SOUK_PEER_BAD_NAME);
	assert_int_equal(souk_name_sign(&ret, &name, 1, &none, 0, now, &publisher), SOUK_OK);
	const struct souk_name odd = name_of(&publisher, "Odd");
	assert_int_equal(
		souk_name_sign(&ret, &odd, 1, &id, 10, now, &publisher), SOUK_PEER_BAD_NAME);
}

/* Whatever byte of an encoded record is changed, it is refused. */
static void nothing_can_be_changed(void **state)
{
	const struct souk_identity publisher = identity_of(1);
	const struct souk_name name = name_of(&publisher, "site");
	struct souk_signed_name good = make(&publisher, 3, 7), decoded;
	uint8_t bytes[SOUK_SIGNED_NAME_SIZE_MAX];
	struct souk_writer writer;
	struct souk_bytes encoded;
	(void)state;
	assert_int_equal(souk_name_verify(&good, &name), SOUK_OK);
	assert_int_equal(souk_name_verify(&good, NULL), SOUK_OK);
	souk_writer_init(&writer, bytes, sizeof bytes);
	souk_signed_name_encode(&writer, &good);
	assert_int_equal(souk_writer_finish(&writer, &encoded), SOUK_OK);
	for (size_t i = 0; i < encoded.size; i++) {
		bytes[i] ^= 1;
		if (souk_signed_name_decode(&decoded, encoded, NULL) == SOUK_OK)
			assert_int_not_equal(souk_name_verify(&decoded, &name), SOUK_OK);
		bytes[i] ^= 1;
	}
}

static void another_names_record_is_refused(void **state)
{
	const struct souk_identity publisher = identity_of(1), other = identity_of(2);
	const struct souk_signed_name good = make(&publisher, 3, 7);
	const struct souk_name label = name_of(&publisher, "blog"), owner = name_of(&other, "site");
	(void)state;
	assert_int_equal(souk_name_verify(&good, &label), SOUK_PEER_BAD_NAME);
	assert_int_equal(souk_name_verify(&good, &owner), SOUK_PEER_BAD_NAME);
}

static void the_higher_sequence_counts(void **state)
{
	const struct souk_identity publisher = identity_of(1);
	const struct souk_signed_name one = make(&publisher, 1, 7), two = make(&publisher, 2, 8),
				      same = make(&publisher, 2, 8), twice = make(&publisher, 2, 9),
				      last = make(&publisher, UINT64_MAX, 7);
	(void)state;
	assert_int_equal(souk_name_accept(NULL, &one.name), SOUK_OK);
	assert_int_equal(souk_name_accept(&one.name, &two.name), SOUK_OK);
	assert_int_equal(souk_name_accept(&two.name, &last.name), SOUK_OK);
	assert_int_equal(souk_name_accept(&two.name, &one.name), SOUK_PEER_NAME_ROLLBACK);
	assert_int_equal(souk_name_accept(&two.name, &same.name), SOUK_LOCAL_EXISTS);
	assert_int_equal(souk_name_accept(&two.name, &twice.name), SOUK_PEER_NAME_TWICE);
}

static void evidence_is_two_words_with_one_number(void **state)
{
	const struct souk_identity publisher = identity_of(1), other = identity_of(2);
	const struct souk_signed_name a = make(&publisher, 2, 8), b = make(&publisher, 2, 9),
				      c = make(&publisher, 3, 9), d = make(&other, 2, 9);
	struct souk_signed_name forged = b;
	(void)state;
	forged.signature.bytes[5] ^= 1;
	assert_true(souk_name_is_evidence(&a, &b));
	assert_true(souk_name_is_evidence(&b, &a));
	assert_false(souk_name_is_evidence(&a, &a));
	assert_false(souk_name_is_evidence(&a, &c));
	assert_false(souk_name_is_evidence(&a, &d));
	assert_false(souk_name_is_evidence(&a, &forged));
	assert_false(souk_name_is_evidence(&forged, &a));
}

/* ------------------------------------------------------------------ propagation */

/* Providers hear records in any order, from a publisher and from each other; some of them serve
 * the oldest record they ever had, and push it at others. */
#define PROVIDERS 24
#define READERS	  12
#define RECORDS	  6
#define STEPS	  4000

struct holder {
	const struct souk_name_record *held;
	const struct souk_name_record *oldest;
	bool is_hostile;
};

static void hear(struct holder *holder, const struct souk_name_record *record)
{
	uint64_t before = holder->held == NULL ? 0 : holder->held->sequence;
	if (holder->oldest == NULL || record->sequence < holder->oldest->sequence)
		holder->oldest = record;
	souk_status status = souk_name_accept(holder->held, record);
	if (status == SOUK_OK)
		holder->held = record;
	else
		assert_true(status == SOUK_LOCAL_EXISTS || status == SOUK_PEER_NAME_ROLLBACK);
	assert_true(holder->held->sequence >= before);
	assert_true(holder->held->sequence >= record->sequence);
}

static const struct souk_name_record *say(const struct holder *holder)
{
	return holder->is_hostile ? holder->oldest : holder->held;
}

/* A reader asks a few and takes the best of it: true where all it got is older than what it has. */
static bool read_name(
	struct holder *reader, const struct holder *providers, struct souk_rng *rng, size_t asked)
{
	const struct souk_name_record *best = NULL;
	for (size_t i = 0; i < asked; i++) {
		const struct souk_name_record *answer =
			say(&providers[souk_rng_below(rng, PROVIDERS)]);
		if (answer != NULL && (best == NULL || answer->sequence > best->sequence))
			best = answer;
	}
	if (best == NULL)
		return false;
	bool is_rolled_back = souk_name_accept(reader->held, best) == SOUK_PEER_NAME_ROLLBACK;
	hear(reader, best);
	return is_rolled_back;
}

/* HOSTILE of the providers roll back. Nobody who has heard of a record goes back; what the hostile
 * can do is keep a reader from hearing of the next one, until it asks one honest provider. */
static void propagate(uint64_t seed, size_t hostile, size_t asked)
{
	const struct souk_identity publisher = identity_of(1);
	struct souk_signed_name records[RECORDS];
	struct holder providers[PROVIDERS] = {0}, readers[READERS] = {0};
	struct souk_rng rng;
	souk_rng_init(&rng, seed);
	for (size_t i = 0; i < RECORDS; i++)
		records[i] = make(&publisher, i + 1, (uint8_t)(i + 1));
	for (size_t i = 0; i < hostile; i++)
		providers[i].is_hostile = true;
	/* The publisher tells each record to every provider, once, in an order of its own for each:
	 * messages overtake each other. */
	for (size_t step = 0; step < STEPS; step++) {
		struct holder *to = &providers[souk_rng_below(&rng, PROVIDERS)];
		const struct holder *from = &providers[souk_rng_below(&rng, PROVIDERS)];
		uint64_t newest = 1 + step * RECORDS / STEPS;
		if (souk_rng_below(&rng, 4) == 0)
			hear(to, &records[souk_rng_below(&rng, newest)].name);
		else if (say(from) != NULL)
			hear(to, say(from));
		read_name(&readers[souk_rng_below(&rng, READERS)], providers, &rng, asked);
	}
	for (size_t i = 0; i < PROVIDERS; i++)
		hear(&providers[i], &records[RECORDS - 1].name);
	for (size_t i = 0; i < READERS; i++) {
		size_t tries = 0;
		while ((readers[i].held == NULL || readers[i].held->sequence < RECORDS) &&
			tries++ < 1000)
			read_name(&readers[i], providers, &rng, asked);
		assert_true(hostile == PROVIDERS || readers[i].held->sequence == RECORDS);
		/* From now on nothing that is said changes it. */
		for (size_t again = 0; again < 20; again++)
			read_name(&readers[i], providers, &rng, asked);
		assert_true(hostile == PROVIDERS || readers[i].held->sequence == RECORDS);
	}
}

static void names_spread_and_never_go_back(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		propagate(seed, 0, 1);
		propagate(seed, PROVIDERS / 2, 3);
		propagate(seed, PROVIDERS - 1, 8);
		propagate(seed, PROVIDERS, 8);
	}
}

/* How often a reader that already knows the newest record is shown nothing as new: the share that
 * is hostile, to the power of how many are asked. */
static void asking_several_outvotes_roll_back(void **state)
{
	const struct souk_identity publisher = identity_of(1);
	const struct souk_signed_name old = make(&publisher, 1, 1), new = make(&publisher, 2, 2);
	struct holder providers[PROVIDERS] = {0};
	struct souk_rng rng;
	size_t refused[2] = {0};
	static const size_t asked[2] = {1, 8};
	(void)state;
	souk_rng_init(&rng, 11);
	for (size_t i = 0; i < PROVIDERS; i++) {
		providers[i].is_hostile = i < PROVIDERS / 2;
		hear(&providers[i], &old.name);
		hear(&providers[i], &new.name);
	}
	for (size_t i = 0; i < 4000; i++) {
		for (size_t k = 0; k < 2; k++) {
			struct holder reader = {0};
			hear(&reader, &new.name);
			refused[k] += read_name(&reader, providers, &rng, asked[k]);
			assert_int_equal(reader.held->sequence, 2);
		}
	}
	assert_in_range(refused[0], 1800, 2200);
	assert_in_range(refused[1], 2, 40); /* 4,000 / 256 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts),
		cmocka_unit_test(upper_case_digits_are_the_same_name),
		cmocka_unit_test(only_the_publisher_signs),
		cmocka_unit_test(nothing_can_be_changed),
		cmocka_unit_test(another_names_record_is_refused),
		cmocka_unit_test(the_higher_sequence_counts),
		cmocka_unit_test(evidence_is_two_words_with_one_number),
		cmocka_unit_test(names_spread_and_never_go_back),
		cmocka_unit_test(asking_several_outvotes_roll_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
