/* SPDX-License-Identifier: Apache-2.0
 *
 * Who fetches what. A reader's place comes first, in its order; then what few have. The fastest are
 * asked first, and whoever is slower gets no chunk that they would have sooner. */
#include <string.h>

#include "download_internal.h"
#include "souk/base/check.h"

/* Chunks of a want, and words of the pool with chunks for a provider, that are looked at. */
#define LOOK_CHUNKS 4096u
#define LOOK_WORDS  64u
/* Counts of up to SOUK_DOWNLOAD_PROVIDERS_MAX, bit by bit. */
#define PLANES 5u

/* ------------------------------------------------------------------ parts */

void souk_download_keep_parts(struct souk_download *download, uint32_t provider, uint64_t *words)
{
	SOUK_CHECK(provider < download->provider_count);
	struct souk_download_provider *p = &download->providers[provider];
	p->parts = words;
	p->is_partial = false;
	memset(words, 0xff, SOUK_BITMAP_WORDS(download->chunk_count) * sizeof *words);
}

static souk_status check_ranges(const struct souk_availability *availability)
{
	uint64_t end = 0;
	for (uint16_t i = 0; i < availability->ranges.count; i++) {
		const struct souk_chunk_range *range = &availability->ranges.items[i];
		if (range->count == 0 || range->first < end)
			return SOUK_PEER_NOT_CANONICAL;
		end = (uint64_t)range->first + range->count;
	}
	return end <= availability->chunks ? SOUK_OK : SOUK_PEER_NOT_CANONICAL;
}

static void set_range(uint64_t *words, const struct souk_chunk_range *range)
{
	uint64_t end = (uint64_t)range->first + range->count;
	for (uint64_t i = range->first; i < end;) {
		if (i % 64 == 0 && end - i >= 64) {
			words[i / 64] = UINT64_MAX;
			i += 64;
		} else {
			words[i / 64] |= UINT64_C(1) << i % 64;
			i++;
		}
	}
}

souk_status souk_download_available(struct souk_download *download, uint32_t provider,
	const struct souk_availability *availability)
{
	SOUK_CHECK(provider < download->provider_count);
	struct souk_download_provider *p = &download->providers[provider];
	uint64_t known = 0;
	if (p->parts == NULL)
		return SOUK_LOCAL_STATE;
	if (!souk_hash_equal(&availability->content, &download->config.content.id) ||
		availability->chunks != download->chunk_count)
		return SOUK_PEER_BAD_OFFER;
	SOUK_TRY(check_ranges(availability));
	memset(p->parts, 0, SOUK_BITMAP_WORDS(download->chunk_count) * sizeof *p->parts);
	for (uint16_t i = 0; i < availability->ranges.count; i++) {
		set_range(p->parts, &availability->ranges.items[i]);
		known += availability->ranges.items[i].count;
	}
	p->is_partial = known < download->chunk_count;
	return SOUK_OK;
}

bool download_has(const struct souk_download *download, uint32_t provider, uint32_t chunk)
{
	const struct souk_download_provider *p = &download->providers[provider];
	return !p->is_partial || (p->parts[chunk / 64] >> chunk % 64 & 1) != 0;
}

/* ------------------------------------------------------------------ wants */

static void forget_want(struct souk_download *download, uint32_t index)
{
	download->want_count--;
	memmove(&download->wants[index], &download->wants[index + 1],
		(download->want_count - index) * sizeof *download->wants);
}

void souk_download_want(struct souk_download *download, uint32_t first, uint32_t count)
{
	struct souk_download_want want = {first, count};
	if (count == 0) {
		download->want_count = 0;
		return;
	}
	if (first >= download->chunk_count)
		return;
	if (count > download->chunk_count - first)
		want.count = download->chunk_count - first;
	for (uint32_t i = 0; i < download->want_count; i++) {
		if (memcmp(&download->wants[i], &want, sizeof want) == 0)
			forget_want(download, i--);
	}
	if (download->want_count == SOUK_DOWNLOAD_WANTS_MAX)
		download->want_count--;
	memmove(&download->wants[1], &download->wants[0],
		download->want_count * sizeof *download->wants);
	download->wants[0] = want;
	download->want_count++;
}

/* What is there of a want is wanted no more. */
static void trim_wants(struct souk_download *download)
{
	for (uint32_t i = 0; i < download->want_count; i++) {
		struct souk_download_want *want = &download->wants[i];
		uint32_t end = want->first + want->count;
		uint32_t next = (uint32_t)souk_bitmap_next_clear(&download->done, want->first);
		if (next >= end)
			forget_want(download, i--);
		else
			*want = (struct souk_download_want){next, end - next};
	}
}

bool download_is_wanted(const struct souk_download *download, uint32_t chunk)
{
	for (uint32_t i = 0; i < download->want_count; i++) {
		const struct souk_download_want *want = &download->wants[i];
		if (chunk >= want->first && chunk - want->first < want->count)
			return true;
	}
	return false;
}

/* ------------------------------------------------------------------ speed */

/* Who can be counted upon: it is delivering right now, so that it answers, or is dropped. */
static bool delivers(const struct souk_download_provider *p)
{
	return download_is_running(p) && p->fetching > 0 && p->failures == 0 && !p->ending;
}

static bool is_faster(const struct download_speeds *speeds, uint32_t than, uint32_t who)
{
	return speeds->ms[who] > 0 && speeds->ms[who] < speeds->ms[than];
}

/* A unit takes as long as usual, or as long as the oldest that is asked for has taken already. */
static void look_at_ages(
	const struct souk_download *download, struct download_speeds *speeds, struct souk_time now)
{
	for (uint32_t i = 0; i < download->config.slot_count; i++) {
		const struct souk_download_slot *s = &download->slots[i];
		if (s->state != SOUK_SLOT_FETCHING || s->orphan || speeds->ms[s->provider] == 0)
			continue;
		uint64_t age = souk_time_since_ms(s->since, now);
		if (age > speeds->ms[s->provider])
			speeds->ms[s->provider] = age;
	}
}

/* By time, those that are not known like the fastest; equals in turn. */
static void put_in_order(const struct souk_download *download, struct download_speeds *speeds)
{
	uint64_t keys[SOUK_DOWNLOAD_PROVIDERS_MAX], best = UINT64_MAX;
	uint32_t count = download->provider_count;
	for (uint32_t i = 0; i < count; i++) {
		if (speeds->ms[i] > 0 && speeds->ms[i] < best)
			best = speeds->ms[i];
	}
	speeds->any_known = best != UINT64_MAX;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t provider = (download->turn + i) % count, at = i;
		uint64_t key = speeds->ms[provider] > 0 ? speeds->ms[provider] : best;
		for (; at > 0 && keys[at - 1] > key; at--) {
			keys[at] = keys[at - 1];
			speeds->order[at] = speeds->order[at - 1];
		}
		keys[at] = key;
		speeds->order[at] = provider;
	}
}

void download_look_at_speeds(
	const struct souk_download *download, struct download_speeds *ret, struct souk_time now)
{
	for (uint32_t i = 0; i < download->provider_count; i++)
		ret->ms[i] = download->providers[i].unit_ms;
	if (download->provider_count > 1)
		look_at_ages(download, ret, now);
	put_in_order(download, ret);
}

/* Chunks of the pool that faster ones will have brought before PROVIDER could bring one: each
 * finishes what it has in flight, and then so many more. RET_WHO: a bit for each of them. */
static uint32_t lead(const struct souk_download *download, uint32_t provider,
	const struct download_speeds *speeds, uint32_t *ret_who)
{
	uint64_t sum = 0;
	*ret_who = 0;
	if (speeds == NULL || speeds->ms[provider] == 0)
		return 0;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		if (!is_faster(speeds, provider, i) || !delivers(p))
			continue;
		uint64_t more = (speeds->ms[provider] - speeds->ms[i]) / speeds->ms[i];
		*ret_who |= 1u << i;
		sum += more > download->chunk_count ? download->chunk_count : more * p->flying;
	}
	return sum > download->chunk_count ? download->chunk_count : (uint32_t)sum;
}

/* ------------------------------------------------------------------ what a reader waits for */

static bool any_has(const struct souk_download *download, uint32_t who, uint32_t chunk)
{
	for (uint32_t i = 0; who != 0; i++, who >>= 1) {
		if ((who & 1) != 0 && download_has(download, i, chunk))
			return true;
	}
	return false;
}

/* The first of WANT that the provider has and that nobody of WHO brings sooner. The slow take what
 * is needed later. */
static uint32_t choose_of_want(const struct souk_download *download,
	const struct souk_download_want *want, uint32_t provider, uint32_t ahead, uint32_t who)
{
	uint32_t chunk = want->first, end = want->first + want->count;
	for (uint32_t k = 0; k < LOOK_CHUNKS; k++, chunk++) {
		chunk = (uint32_t)souk_bitmap_next_clear(&download->taken, chunk);
		if (chunk >= end)
			break;
		if (download_has(download, provider, chunk) &&
			(k >= ahead || !any_has(download, who, chunk)))
			return chunk;
	}
	return download->chunk_count;
}

/* ------------------------------------------------------------------ the rarest */

static uint64_t parts_of(const struct souk_download *download, uint32_t provider, uint32_t word)
{
	const struct souk_download_provider *p = &download->providers[provider];
	return p->is_partial ? p->parts[word] : UINT64_MAX;
}

/* Chunks of WORD that are in the pool and that PROVIDER has, but for those that WHO have too. */
static uint64_t candidates(
	const struct souk_download *download, uint32_t provider, uint32_t word, uint32_t who)
{
	uint64_t found = ~download->taken.words[word] & parts_of(download, provider, word);
	if (download->chunk_count - word * 64 < 64)
		found &= (UINT64_C(1) << (download->chunk_count - word * 64)) - 1;
	for (uint32_t i = 0; who != 0 && found != 0; i++, who >>= 1) {
		if ((who & 1) != 0)
			found &= ~parts_of(download, i, word);
	}
	return found;
}

/* How many have the rarest of FOUND, of those who have parts only; FOUND becomes the rarest. */
static uint32_t rarity(const struct souk_download *download, uint32_t word, uint64_t *found)
{
	uint64_t planes[PLANES] = {0};
	uint32_t least = 0;
	for (uint32_t i = 0; i < download->provider_count; i++) {
		const struct souk_download_provider *p = &download->providers[i];
		uint64_t carry = p->parts == NULL ? 0 : p->parts[word];
		if (!p->is_partial || p->state == SOUK_DOWNLOAD_DROPPED)
			continue;
		for (uint32_t k = 0; k < PLANES && carry != 0; k++) {
			uint64_t both = planes[k] & carry;
			planes[k] ^= carry;
			carry = both;
		}
	}
	for (uint32_t k = PLANES; k-- > 0;) {
		uint64_t without = *found & ~planes[k];
		if (without != 0)
			*found = without;
		else
			least |= 1u << k;
	}
	return least;
}

struct search {
	const struct souk_download *download;
	uint32_t provider;
	uint32_t who;	 /* not what they have */
	uint32_t floor;	 /* no chunk is rarer */
	uint32_t looked; /* words with candidates */
	uint32_t least;
	uint32_t chunk;
};

/* The first bit of WORD at or behind the one that SEED says, all round. */
static uint32_t first_bit(uint64_t word, uint32_t seed)
{
	uint32_t turn = seed % 64;
	uint64_t turned = turn == 0 ? word : word >> turn | word << (64 - turn);
	return ((uint32_t)__builtin_ctzll(turned) + turn) % 64;
}

/* Look at the words [FROM, TO); false once the search is over. */
static bool search_words(struct search *search, uint32_t from, uint32_t to)
{
	for (uint32_t word = from; word < to; word++) {
		uint64_t found = candidates(search->download, search->provider, word, search->who);
		if (found == 0)
			continue;
		uint32_t least = rarity(search->download, word, &found);
		if (least < search->least) {
			search->least = least;
			search->chunk = word * 64 + first_bit(found, search->download->config.seed);
		}
		if (search->least == search->floor || ++search->looked == LOOK_WORDS)
			return false;
	}
	return true;
}

static uint32_t choose_rarest(struct souk_download *download, uint32_t provider, uint32_t who)
{
	struct search search = {
		.download = download,
		.provider = provider,
		.who = who,
		.floor = download->providers[provider].is_partial ? 1 : 0,
		.least = UINT32_MAX,
		.chunk = download->chunk_count,
	};
	download->cursor = (uint32_t)souk_bitmap_next_clear(&download->taken, download->cursor);
	if (download->cursor >= download->chunk_count)
		return download->chunk_count;
	uint32_t words = (uint32_t)SOUK_BITMAP_WORDS((size_t)download->chunk_count);
	uint32_t first = download->cursor / 64, start = download->config.seed / 64 % words;
	start = start < first ? first : start;
	if (search_words(&search, start, words))
		(void)search_words(&search, first, start);
	return search.chunk;
}

/* ------------------------------------------------------------------ both */

uint32_t download_choose(
	struct souk_download *download, uint32_t provider, const struct download_speeds *speeds)
{
	uint32_t who, ahead = lead(download, provider, speeds, &who);
	trim_wants(download);
	for (uint32_t i = 0; i < download->want_count; i++) {
		uint32_t chunk =
			choose_of_want(download, &download->wants[i], provider, ahead, who);
		if (chunk < download->chunk_count)
			return chunk;
	}
	if (download->config.wants_only)
		return download->chunk_count;
	/* With more left than they bring meanwhile, everybody helps. */
	return choose_rarest(
		download, provider, download->chunk_count - download->taken.set > ahead ? 0 : who);
}

bool download_has_work(struct souk_download *download)
{
	if (!download->config.wants_only) {
		download->cursor =
			(uint32_t)souk_bitmap_next_clear(&download->taken, download->cursor);
		return download->cursor < download->chunk_count;
	}
	trim_wants(download);
	for (uint32_t i = 0; i < download->want_count; i++) {
		const struct souk_download_want *want = &download->wants[i];
		if (souk_bitmap_next_clear(&download->taken, want->first) <
			want->first + want->count)
			return true;
	}
	return false;
}
